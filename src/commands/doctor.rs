//! `ttg-tui doctor`: what works here, what does not, and what to do about it.
//!
//! Nothing is made on a cluster. One that nobody asked for is asked for its version alone, and no credential plugin is
//! started to log in to it; the kubeconfig's current context is also asked for rights and rehearses a Job. What a cluster
//! answers decides the exit code only where that cluster is the one meant.

mod cluster;
mod context;
mod local;
mod machine;
mod rights;

use super::{form, print};
use crate::config::{Config, Surroundings, Where};
use crate::error::Error;
use crate::report::doctor::{Check, Finding, Mark, Tally, finding_line, finding_text, tally_line, tally_text};
use crate::shell::{Clock, Form};

/// Runs the command; returns its exit code.
pub(super) async fn doctor(config: &Config, surroundings: &Surroundings) -> Result<u8, Error> {
    let mut teller = Teller::new(form(config));
    teller.tell(&machine::program(config.target == Where::Local));
    teller.tell(&machine::terminal(&machine::terminal_here(config, surroundings)));
    teller.tell(&machine::state_folder(&config.state_folder));
    local::look(config, Clock::start(), &mut teller).await;
    if config.target == Where::InCluster {
        cluster::look_around(config, &mut teller).await;
    }
    context::look(config, surroundings, &mut teller).await;
    teller.finish()
}

/// Tells findings as they come, since a cluster may take its time.
struct Teller {
    form: Form,
    tally: Tally,
    /// Whether everything could be printed.
    written: Result<(), Error>,
}

impl Teller {
    fn new(form: Form) -> Self {
        Self {
            form,
            tally: Tally::default(),
            written: Ok(()),
        }
    }

    fn tell(&mut self, finding: &Finding) {
        self.tally.count(finding);
        self.print(&match self.form {
            Form::Text(style) => finding_text(finding, style),
            Form::Json => finding_line(finding) + "\n",
        });
    }

    fn tell_all(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.tell(&finding);
        }
    }

    fn finish(mut self) -> Result<u8, Error> {
        self.print(&match self.form {
            Form::Text(style) => tally_text(self.tally, style),
            Form::Json => tally_line(self.tally) + "\n",
        });
        self.written.map(|()| self.tally.exit_code)
    }

    /// Prints, unless that failed before: the first reason counts, and is told at the end.
    fn print(&mut self, text: &str) {
        if self.written.is_ok() {
            self.written = print(text.as_bytes());
        }
    }
}

/// Makes a finding of what went wrong: a problem that decides the exit code where it is about what is meant, else a note.
fn trouble(check: Check, is_meant: bool, error: impl Into<Error>) -> Finding {
    let error = error.into();
    let finding = if is_meant {
        Finding::new(check, Mark::Problem, error.to_string()).with_exit_code(error.exit_code())
    } else {
        Finding::new(check, Mark::Note, error.to_string())
    };
    match error.hint() {
        Some(hint) => finding.with_hint(hint),
        None => finding,
    }
}
