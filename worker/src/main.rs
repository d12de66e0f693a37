//! The worker as a program of its own. Everything it does is in [`ttg_worker::app`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ttg_worker::app::run())
}
