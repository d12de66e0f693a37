//! `ttg-tui completions`: what makes a shell complete this program's command line.

use std::io::{Write, stdout};

use clap_complete::{Shell, generate};

use crate::cli::visible;

/// Prints the script for a shell; returns the exit code.
pub(super) fn completions(shell: Shell) -> u8 {
    let mut script = Vec::new();
    // Into memory first, since writing the script panics where it cannot write.
    generate(shell, &mut visible(), "ttg-tui", &mut script);
    // Whoever closed our output has read enough.
    stdout().lock().write_all(&script).ok();
    0
}
