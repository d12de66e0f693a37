//! The program: hooks for defects, then the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Without the hooks a defect is told less well, which is no reason not to run.
    color_eyre::install().ok();
    ExitCode::from(ttg_tui::commands::main(std::env::args_os()))
}
