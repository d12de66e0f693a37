//! `ttg-tui completions`: what makes a shell complete this program's command line.

use clap_complete::{Shell, generate};

use super::print;
use crate::cli::visible;
use crate::error::Error;

/// Prints the script for a shell; returns the exit code.
pub(super) fn completions(shell: Shell) -> Result<u8, Error> {
    let mut script = Vec::new();
    // Into memory first, since writing the script panics where it cannot write.
    generate(shell, &mut visible(), "ttg-tui", &mut script);
    print(&script)?;
    Ok(0)
}
