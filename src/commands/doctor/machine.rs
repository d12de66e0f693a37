//! What this machine gives the program: its own file to run workers with, a terminal, a folder to keep runs in.

use std::io::{IsTerminal, stdout};
use std::path::Path;
use std::process::{Command, Stdio};

use ttg_worker::protocol::exit;

use super::trouble;
use crate::commands::style;
use crate::config::{Config, Surroundings};
use crate::error::{Error, Exit};
use crate::ledger::{LedgerError, StateFolder};
use crate::report::doctor::{Check, Finding, Mark};

/// How many damaged runs are named; more are counted.
const DAMAGED_MAX: usize = 10;

/// Says what this program is, and whether its worker starts: a local cluster's pods are nothing else.
pub(super) fn program(is_local_meant: bool) -> Finding {
    let (own, local) = (env!("CARGO_PKG_VERSION"), crate::local::VERSION);
    match worker_starts() {
        Ok(()) => {
            let what = format!("ttg-tui {own}; its worker starts; its local cluster is Kubernetes {local}");
            Finding::new(Check::Program, Mark::Ok, what)
        }
        Err(why) => {
            let what = format!("ttg-tui {own}, whose worker cannot be started here: {why}");
            let error = Error::new(Exit::Unreachable, what).with_hint(
                "the program's own file must stay where it is, and its folder must allow programs to be run",
            );
            trouble(Check::Program, is_local_meant, error)
        }
    }
}

/// Starts the worker without any input, which it has to refuse.
fn worker_starts() -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find the program's own file: {error}"))?;
    let ended = Command::new(&program)
        .arg("worker")
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if ended.status.code() == Some(i32::from(exit::BAD_INPUT)) {
        Ok(())
    } else {
        Err(format!(
            "{} ended with {} instead of exit code {}",
            program.display(),
            ended.status,
            exit::BAD_INPUT
        ))
    }
}

/// What is known of the terminal.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    is_tty: bool,
    /// Columns and rows.
    size: Option<(u16, u16)>,
    term: Option<String>,
    locale: Option<String>,
    has_color: bool,
    is_ascii: bool,
}

/// Looks at the terminal that standard output goes to.
pub(super) fn terminal_here(config: &Config, surroundings: &Surroundings) -> Terminal {
    let size = rustix::termios::tcgetwinsize(stdout()).ok();
    Terminal {
        is_tty: stdout().is_terminal(),
        size: size.map(|size| (size.ws_col, size.ws_row)),
        term: surroundings.term.clone(),
        locale: surroundings.locale.clone(),
        has_color: style(config).color,
        is_ascii: config.ascii,
    }
}

/// Says what the terminal can show.
pub(super) fn terminal(terminal: &Terminal) -> Finding {
    let size = terminal.size.map_or_else(
        || "unknown size".to_owned(),
        |(columns, rows)| format!("{columns}×{rows}"),
    );
    let term = terminal.term.as_deref().unwrap_or("not set");
    let color = if terminal.has_color { "colour" } else { "no colour" };
    let locale = terminal.locale.as_deref().unwrap_or("not set");
    if !terminal.is_tty {
        let what = format!("standard output is none, so lines are plain; TERM {term}, locale {locale}");
        return Finding::new(Check::Terminal, Mark::Ok, what);
    }
    let what = format!("{size}, TERM {term}, {color}, locale {locale}");
    if !is_utf8(locale) && !terminal.is_ascii {
        Finding::new(Check::Terminal, Mark::Note, format!("{what}, which is not UTF-8"))
            .with_hint("--ascii draws with ASCII characters alone; LANG=C.UTF-8 tells of a terminal that can do more")
    } else if matches!(term, "not set" | "dumb") {
        Finding::new(Check::Terminal, Mark::Note, what)
            .with_hint("set TERM to what the terminal is, such as xterm-256color")
    } else {
        Finding::new(Check::Terminal, Mark::Ok, what)
    }
}

/// Tells whether a locale such as `en_US.UTF-8` writes UTF-8.
fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Says whether runs can be kept, and whether those that are kept can be read.
pub(super) fn state_folder(folder: &Path) -> Finding {
    match kept(folder) {
        Ok((runs, damaged)) => kept_words(folder, runs, &damaged),
        Err(error) => {
            let error =
                Error::from(error).with_hint("set XDG_STATE_HOME to a folder that lasts and that you may write");
            trouble(Check::StateFolder, true, error)
        }
    }
}

/// Returns how many runs are kept, and what is wrong with some of them.
fn kept(folder: &Path) -> Result<(usize, Vec<String>), LedgerError> {
    let state = StateFolder::open(folder)?;
    let runs = state.runs()?;
    let mut damaged = Vec::new();
    for run in &runs {
        match state.read_run(run) {
            Ok(kept) if kept.dropped_lines == 0 => {}
            Ok(kept) => damaged.push(format!("{run} (damaged lines: {})", kept.dropped_lines)),
            Err(error) => damaged.push(format!("{run} ({error})")),
        }
    }
    Ok((runs.len(), damaged))
}

fn kept_words(folder: &Path, runs: usize, damaged: &[String]) -> Finding {
    let kept = match runs {
        0 => "no run is kept yet".to_owned(),
        1 => "1 run is kept".to_owned(),
        _ => format!("{runs} runs are kept"),
    };
    let place = folder.display();
    if damaged.is_empty() {
        return Finding::new(Check::StateFolder, Mark::Ok, format!("{place} can be written; {kept}"));
    }
    let named: Vec<&str> = damaged.iter().take(DAMAGED_MAX).map(String::as_str).collect();
    let more = match damaged.len().saturating_sub(DAMAGED_MAX) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let what = format!(
        "{place} can be written; {kept}, not all of them whole: {}{more}",
        named.join(", ")
    );
    Finding::new(Check::StateFolder, Mark::Note, what)
        .with_hint("what is whole still counts: ttg-tui result RUN shows it, ttg-tui rerun RUN computes the rest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_shows_less_is_noted_with_what_to_do() {
        let good = Terminal {
            is_tty: true,
            size: Some((120, 40)),
            term: Some("xterm-256color".to_owned()),
            locale: Some("de_DE.UTF-8".to_owned()),
            has_color: true,
            is_ascii: false,
        };
        let latin = Terminal {
            locale: Some("de_DE.ISO8859-1".to_owned()),
            ..good.clone()
        };
        let ascii = Terminal {
            is_ascii: true,
            ..latin.clone()
        };
        let dumb = Terminal {
            term: None,
            size: None,
            ..good.clone()
        };
        let pipe = Terminal {
            is_tty: false,
            ..latin.clone()
        };
        for (found, mark, words) in [
            (
                &good,
                Mark::Ok,
                "120×40, TERM xterm-256color, colour, locale de_DE.UTF-8",
            ),
            (&latin, Mark::Note, "de_DE.ISO8859-1, which is not UTF-8"),
            (&ascii, Mark::Ok, "locale de_DE.ISO8859-1"),
            (&dumb, Mark::Note, "unknown size, TERM not set"),
            (&pipe, Mark::Ok, "lines are plain"),
        ] {
            let finding = terminal(found);
            assert!(finding.mark == mark && finding.what.contains(words), "{finding:?}");
            assert_eq!(finding.hint.is_some(), mark == Mark::Note, "{finding:?}");
        }
    }

    #[test]
    fn damaged_runs_are_named_up_to_a_limit() {
        let damaged: Vec<String> = (0..12).map(|n| format!("run-{n}")).collect();
        let finding = kept_words(Path::new("/s"), 30, &damaged);
        assert_eq!(finding.mark, Mark::Note);
        assert!(
            finding
                .what
                .starts_with("/s can be written; 30 runs are kept, not all of them whole: run-0, ")
                && finding.what.ends_with("run-9, and 2 more"),
            "{finding:?}"
        );
        assert_eq!(
            kept_words(Path::new("/s"), 1, &[]).what,
            "/s can be written; 1 run is kept"
        );
    }
}
