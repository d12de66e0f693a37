//! The flags of `export`, and their values from the words that are typed.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::shoot::Shows;

/// What to type, behind the help.
pub const EXAMPLES: &str = "Examples:
  ttg-tui export run.ttg --gif
  ttg-tui export run.ttg --svg --gif --cast -o docs/demo --from 2 --to 20
  ttg-tui export run.ttg --png --at 12.5 --screen shards --size 200x60";

/// The columns and rows that can be drawn.
const COLUMNS: RangeInclusive<u16> = 20..=300;
/// See [`COLUMNS`].
const ROWS: RangeInclusive<u16> = 5..=100;
/// The digits behind the point that count.
const DIGITS: usize = 3;

/// The flags of `export`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("formats").required(true).multiple(true).args(["text", "cast", "svg", "gif", "png"])))]
pub struct ExportFlags {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write each picture as text
    #[arg(long)]
    pub text: bool,
    /// Write an asciicast of version 2
    #[arg(long)]
    pub cast: bool,
    /// Write an animated SVG
    #[arg(long)]
    pub svg: bool,
    /// Write an animated GIF
    #[arg(long)]
    pub gif: bool,
    /// Write the last picture as a PNG
    #[arg(long)]
    pub png: bool,
    /// Write to this file; with several formats each with its own ending [default: the recording's name, in this folder]
    #[arg(short, long, value_name = "OUT")]
    pub out: Option<PathBuf>,
    /// Draw so many columns and rows
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "120x34", value_parser = size)]
    pub size: (u16, u16),
    /// Take so many pictures a second, 1 to 30
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=30))]
    pub fps: u32,
    /// Show the run so many times as fast, 0.1 to 100
    #[arg(long = "speed", value_name = "TIMES", default_value = "1", value_parser = speed)]
    pub speed_milli: u64,
    /// Begin so many seconds after the recording does
    #[arg(long = "from", value_name = "S", value_parser = thousandths)]
    pub from_ms: Option<u64>,
    /// End so many seconds after the recording begins
    #[arg(long = "to", value_name = "S", value_parser = thousandths)]
    pub to_ms: Option<u64>,
    /// Take one picture, so many seconds after the recording begins
    #[arg(long = "at", value_name = "S", conflicts_with_all = ["from_ms", "to_ms"], value_parser = thousandths)]
    pub at_ms: Option<u64>,
    /// Show this screen: live, shards, result or detail:INDEX [default: live, and the result at the end]
    #[arg(long, value_name = "SCREEN", value_parser = screen)]
    pub screen: Option<Shows>,
    /// Show it with the captions and keys of the demo
    #[arg(long, conflicts_with_all = ["screen", "at_ms"])]
    pub narrated: bool,
}

/// Reads a size, such as `120x34`.
pub fn size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = text.split_once(['x', '×']).ok_or("columns and rows, such as 120x34")?;
    let side = |text: &str, allowed: &RangeInclusive<u16>| {
        let side = text.parse::<u16>().ok().filter(|side| allowed.contains(side));
        side.ok_or_else(|| {
            format!(
                "from {}x{} to {}x{}",
                COLUMNS.start(),
                ROWS.start(),
                COLUMNS.end(),
                ROWS.end()
            )
        })
    };
    Ok((side(columns, &COLUMNS)?, side(rows, &ROWS)?))
}

/// Reads a number with up to three digits behind the point, such as `0.5` or `20`; returns its thousandths.
pub fn thousandths(text: &str) -> Result<u64, String> {
    let wrong = || "a number, such as 20 or 0.5".to_owned();
    let number = text.strip_suffix(['s', 'x']).unwrap_or(text);
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > DIGITS || whole.len() > 6 {
        return Err(wrong());
    }
    format!("{whole}{part:0<DIGITS$}").parse().ok().ok_or_else(wrong)
}

/// Reads how fast a film is, from a tenth to a hundred times as fast as the run; returns the thousandths.
pub fn speed(text: &str) -> Result<u64, String> {
    let speed = thousandths(text)?;
    if (100..=100_000).contains(&speed) {
        Ok(speed)
    } else {
        Err("from 0.1 to 100".to_owned())
    }
}

/// Reads which screen is shown: `live`, `shards`, `result`, or `detail:INDEX`.
pub fn screen(text: &str) -> Result<Shows, String> {
    let index = |text: &str| text.parse::<u32>().map_err(|why| format!("{text}: {why}"));
    match text.split_once(':') {
        None if text == "live" => Ok(Shows::Live),
        None if text == "shards" => Ok(Shows::Shards),
        None if text == "result" => Ok(Shows::Result),
        Some(("detail", number)) => Ok(Shows::Detail(index(number)?)),
        None | Some(_) => Err("live, shards, result or detail:INDEX".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_or_refused() {
        assert_eq!(size("120x34"), Ok((120, 34)));
        for wrong in ["120", "x", "19x34", "120x101", "120x-4", "99999x9"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        for (text, want) in [("20", 20_000), ("0.5", 500), ("1.25s", 1_250), ("2x", 2_000), ("0", 0)] {
            assert_eq!(thousandths(text), Ok(want), "{text}");
        }
        for wrong in ["", ".", "1.", ".5", "-1", "1.2345", "1e3", "9999999", "1.-2"] {
            assert!(thousandths(wrong).is_err(), "{wrong}");
        }
        assert!(speed("0").is_err());
        assert_eq!(screen("detail:7"), Ok(Shows::Detail(7)));
        for wrong in ["detail", "detail:x", "live:1", "form"] {
            assert!(screen(wrong).is_err(), "{wrong}");
        }
    }
}
