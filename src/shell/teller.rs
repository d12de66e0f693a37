//! Tells the person what happens, as lines or as NDJSON. Results go to standard output, everything else to standard error.

use std::io::{Write, stderr, stdout};

use jiff::Timestamp;

use crate::model::Model;
use crate::report::Style;
use crate::report::json::{json_line, summary_line};
use crate::report::lines::{Aggregate, Lines};
use crate::report::summary::summary_text;
use crate::run::summary::Summary;
use crate::run::told::RunEvent;

/// The form in which a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Text(Style),
    /// One JSON object a line.
    Json,
}

/// Who tells the person.
pub struct Teller {
    form: Form,
    lines: Lines,
    last_aggregate: Option<Aggregate>,
}

impl Teller {
    /// Makes a teller for a run of so many shards and retries.
    pub fn new(form: Form, shards: u32, retries: u32) -> Self {
        let style = match form {
            Form::Text(style) => style,
            Form::Json => Style::default(),
        };
        Self {
            form,
            lines: Lines::new(style, shards, retries),
            last_aggregate: None,
        }
    }

    /// Tells one transition.
    pub(super) fn tell(&self, at: Timestamp, started_at: Timestamp, event: &RunEvent) {
        match self.form {
            Form::Text(_) => {
                let at_ms = u64::try_from(at.duration_since(started_at).as_millis()).unwrap_or(0);
                if let Some(line) = self.lines.line(at_ms, event) {
                    print(&mut stderr().lock(), &line);
                }
            }
            Form::Json => print(&mut stdout().lock(), &json_line(at, event)),
        }
    }

    /// Tells how far a run of many shards is, when that has changed.
    pub(super) fn tell_progress(&mut self, at: Timestamp, model: &Model) {
        let run = model.run();
        let plan = run.plan();
        if self.form == Form::Json || plan.shards <= crate::report::lines::PROGRESS_SHARDS_MAX || run.job().is_none() {
            return;
        }
        let aggregate = Aggregate {
            done: run.done_parameters(),
            total: plan.parameters,
            accepted: run.accepted(),
            shards: plan.shards,
            running: run.counts().running,
            per_second: run.per_second(),
        };
        if self.last_aggregate != Some(aggregate) {
            let at_ms = u64::try_from(at.duration_since(model.started_at()).as_millis()).unwrap_or(0);
            print(&mut stderr().lock(), &self.lines.aggregate(at_ms, &aggregate));
            self.last_aggregate = Some(aggregate);
        }
    }
}

/// Tells something that went wrong outside of the run.
pub(super) fn complain(what: &str) {
    print(&mut stderr().lock(), &format!("warning: {what}"));
}

/// Prints the run in one value, as the last thing a command says.
pub fn tell_summary(form: Form, summary: &Summary) {
    match form {
        Form::Text(style) => {
            let mut out = stdout().lock();
            // Whoever closed our output has read enough.
            out.write_all(summary_text(summary, style).as_bytes())
                .and_then(|()| out.flush())
                .ok();
        }
        Form::Json => print(&mut stdout().lock(), &summary_line(summary)),
    }
}

fn print(out: &mut impl Write, line: &str) {
    // Whoever closed our output has read enough; the run goes on without a listener.
    writeln!(out, "{line}").and_then(|()| out.flush()).ok();
}
