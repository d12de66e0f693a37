//! Tells the person what happens, as lines or as NDJSON. Results go to standard output, everything else to standard error.

use jiff::Timestamp;

use super::output::{Output, Stream, standard};
use crate::model::Model;
use crate::plan::Plan;
use crate::report::Style;
use crate::report::json::{json_line, summary_line};
use crate::report::lines::{Aggregate, Lines, PROGRESS_SHARDS_MAX};
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
    output: Output,
}

impl Teller {
    /// Makes a teller for the run of a plan, which writes to standard output and standard error.
    pub fn new(form: Form, plan: &Plan) -> Self {
        Self::with(form, plan, Output::start(standard()))
    }

    /// Makes a teller that hands each line to `take`, on a thread of its own.
    pub fn to_lines(form: Form, plan: &Plan, mut take: impl FnMut(&str) + Send + 'static) -> Self {
        Self::with(form, plan, Output::start(move |_stream, line: &str| take(line)))
    }

    fn with(form: Form, plan: &Plan, output: Output) -> Self {
        let style = match form {
            Form::Text(style) => style,
            Form::Json => Style::default(),
        };
        Self {
            form,
            lines: Lines::new(style, plan),
            last_aggregate: None,
            output,
        }
    }

    /// Tells one transition.
    pub(crate) fn tell(&mut self, at: Timestamp, started_at: Timestamp, event: &RunEvent) {
        match self.form {
            Form::Text(_) => {
                let at_ms = u64::try_from(at.duration_since(started_at).as_millis()).unwrap_or(0);
                if let Some(line) = self.lines.line(at_ms, event) {
                    self.output.line(Stream::Err, line);
                }
            }
            Form::Json => self.output.line(Stream::Out, json_line(at, event)),
        }
    }

    /// Tells how far a run of many shards is, when that has changed.
    pub(crate) fn tell_progress(&mut self, at: Timestamp, model: &Model) {
        let run = model.run();
        let plan = run.plan();
        if self.form == Form::Json || plan.shards <= PROGRESS_SHARDS_MAX || run.job().is_none() {
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
            self.output.line(Stream::Err, self.lines.aggregate(at_ms, &aggregate));
            self.last_aggregate = Some(aggregate);
        }
    }

    /// Tells something that went wrong outside of the run.
    pub(crate) fn complain(&mut self, what: &str) {
        self.output.line(Stream::Err, format!("warning: {what}"));
    }

    /// Tells the run in one value, as the last thing.
    pub(crate) fn tell_summary(&mut self, summary: &Summary) {
        let text = summary_in(self.form, summary);
        self.output.line(Stream::Out, text.trim_end_matches('\n').to_owned());
    }

    /// Tells whether a program reads, and not a person.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.form == Form::Json
    }

    /// Tells whether the reader of the output is so far behind that nothing new should be told.
    pub(crate) fn is_behind(&self) -> bool {
        self.output.is_behind()
    }

    /// Hands over lines that wait.
    pub(crate) fn push(&mut self) {
        self.output.push();
    }

    /// Waits until there is room for lines that wait. Safe to cancel.
    pub(crate) async fn room(&self) {
        self.output.room().await;
    }

    /// Waits until everything is written.
    pub(crate) async fn finish(&mut self) {
        self.output.finish().await;
    }
}

/// Writes the run in one value.
pub fn summary_in(form: Form, summary: &Summary) -> String {
    match form {
        Form::Text(style) => summary_text(summary, style),
        Form::Json => summary_line(summary) + "\n",
    }
}
