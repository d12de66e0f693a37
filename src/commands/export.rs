//! `ttg-tui export`: a film of a recorded run, in the formats that are asked for. Needs no cluster and no terminal.

use std::path::{Path, PathBuf};

use super::replay::find;
use super::tell;
use crate::config::Config;
use crate::demo::{DEMO, Script};
use crate::error::{Error, Exit};
use crate::export::Format;
use crate::export::flags::ExportFlags;
use crate::export::shoot::{Options, shoot};
use crate::recording;
use crate::replay::Player;

/// Runs the command; returns its exit code.
pub(super) fn export(config: &Config, flags: &ExportFlags) -> Result<u8, Error> {
    let path = find(config, &flags.file)?;
    let recorded =
        recording::open(&path).map_err(|why| Error::usage(format!("cannot show {}: {why}", path.display())))?;
    if let Some(torn) = &recorded.torn {
        tell(&format!(
            "warning: {} is torn at line {}: {}",
            path.display(),
            torn.line,
            torn.why
        ));
    }
    let mut player = Player::new(recorded);
    let still = flags.at_ms;
    let options = Options {
        size: flags.size,
        fps: u64::from(flags.fps),
        speed_milli: flags.speed_milli,
        from_ms: still.or(flags.from_ms).unwrap_or(0),
        to_ms: still.or(flags.to_ms),
        look: config.theme.unwrap_or_default(),
        ascii: config.ascii,
        shows: flags.screen,
        script: flags.narrated.then(|| Script::new(DEMO)),
    };
    let film = shoot(&mut player, options).map_err(|why| {
        Error::usage(why).with_hint("choose a part with --from and --to, or show it faster with --speed")
    })?;
    let formats = formats(flags);
    for format in &formats {
        let path = place(flags, *format, formats.len() == 1);
        let bytes = format.write(&film).map_err(|why| Error::new(Exit::Failed, why))?;
        std::fs::write(&path, &bytes)
            .map_err(|error| Error::usage(format!("cannot write {}: {error}", path.display())))?;
        tell(&format!(
            "{}: {} pictures, {}.{} s, {} kB",
            path.display(),
            film.frames.len(),
            film.length_ms / 1000,
            film.length_ms % 1000 / 100,
            bytes.len().div_ceil(1000)
        ));
    }
    Ok(0)
}

/// The formats that are asked for.
fn formats(flags: &ExportFlags) -> Vec<Format> {
    [
        (flags.text, Format::Text),
        (flags.cast, Format::Cast),
        (flags.svg, Format::Svg),
        (flags.gif, Format::Gif),
        (flags.png, Format::Png),
    ]
    .into_iter()
    .filter_map(|(is_asked_for, format)| is_asked_for.then_some(format))
    .collect()
}

/// Where a format is written: as it was said, or beside others under the same name with an ending of its own.
fn place(flags: &ExportFlags, format: Format, is_only: bool) -> PathBuf {
    match &flags.out {
        Some(out) if is_only => out.clone(),
        Some(out) => out.with_extension(format.extension()),
        None => {
            let name = flags.file.file_stem().unwrap_or(flags.file.as_os_str());
            // A recording is called `NAME.ndjson.gz`.
            let name = Path::new(name).file_stem().unwrap_or(name);
            Path::new(name).with_extension(format.extension())
        }
    }
}
