//! The runs as a table for people or as NDJSON for programs, and one change of a run as a line. Pure.

use jiff::Timestamp;
use serde::Serialize;

use super::json::{SCHEMA, broken};
use super::{Glyph, Style};
use crate::run::fact::JobFact;
use crate::run::summary::{Headline, Summary};
use ttg_worker::protocol::number::Grouped;

/// The titles of the columns.
const TITLES: [&str; 6] = ["RUN", "STATE", "PROGRESS", "AGE", "WHERE", "VALUE"];

/// What stands between two columns.
const GAP: &str = "  ";

/// How a run stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its total is proven.
    Proven,
    /// It ended without a proven total.
    Incomplete,
    /// Every index is accepted, and its total cannot be right.
    NotProven,
    /// Its Job failed.
    Failed,
    /// It was cancelled, and can be resumed as long as it has a Job.
    Cancelled,
    /// It is suspended.
    Suspended,
    /// Its Job goes on.
    Running,
    /// It is not proven here, and nothing more is known of it.
    Unfinished,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Incomplete => "incomplete",
            Self::NotProven => "not proven",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Suspended => "suspended",
            Self::Running => "running",
            Self::Unfinished => "unfinished",
        }
    }

    /// A proof stays, whatever becomes of the Job; else the Job is newer than what was kept of it.
    fn of(job: Option<&JobFact>, kept: Option<Headline>) -> Self {
        let kept = kept.map_or(Self::Unfinished, Self::from_headline);
        match job {
            Some(_) if kept == Self::Proven => kept,
            Some(job) if job.condition("Failed").is_some() => Self::Failed,
            // Its results are all there, but not all of them here, or no program has told of its end.
            Some(job) if job.is_finished() => kept,
            Some(job) if job.cancelled.is_some() => Self::Cancelled,
            Some(job) if job.suspend => Self::Suspended,
            Some(_) => Self::Running,
            None => kept,
        }
    }

    fn from_headline(headline: Headline) -> Self {
        match headline {
            Headline::Proven => Self::Proven,
            Headline::Incomplete => Self::Incomplete,
            Headline::NotProven => Self::NotProven,
            Headline::Failed => Self::Failed,
            Headline::Cancelled => Self::Cancelled,
            Headline::Unfinished => Self::Unfinished,
        }
    }
}

/// The Jobs of a run, and where they were found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The Job that tells how the run stands.
    pub job: &'a JobFact,
    /// How many of the run's indexes its Jobs count as completed together.
    pub completed: u64,
    /// When the first of them was made.
    pub created_at: Option<Timestamp>,
    /// How many indexes the run has, as its plan says.
    pub shards: u32,
    /// The cluster, as people call it.
    pub cluster: &'a str,
    /// The namespace.
    pub namespace: &'a str,
}

/// What is kept of a run on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Indexes that are accepted.
    pub accepted: u32,
    /// Indexes of the run.
    pub shards: u32,
    /// Since when it is kept.
    pub since: Option<Timestamp>,
    /// The summary of its end, unless the ledger says more.
    pub summary: Option<&'a Summary>,
}

/// One run. Serialized, it is the NDJSON object of type `run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The run's name.
    pub run: String,
    /// How it stands.
    pub state: Standing,
    /// Indexes that are accepted here or that its Jobs count as completed, whichever are more.
    pub done: u64,
    /// Indexes of the run.
    pub shards: u32,
    /// When its first Job was made; of one that is gone, since when the run is kept.
    pub created_at: Option<Timestamp>,
    /// The cluster of its Job.
    pub cluster: Option<String>,
    /// The namespace of its Job.
    pub namespace: Option<String>,
    /// Whether something of it is kept on this machine.
    pub kept: bool,
    /// The total: final only when the state is proven, else partial. A decimal string.
    pub value: Option<String>,
    /// The same for people.
    pub value_text: Option<String>,
}

#[derive(Serialize)]
struct RowObject<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    row: &'a Row,
}

impl Row {
    /// Puts what is known of a run into one row.
    pub fn new(run: &str, found: Option<Found<'_>>, kept: Option<Kept<'_>>) -> Self {
        let job = found.map(|found| found.job);
        let summary = kept.and_then(|kept| kept.summary);
        let accepted = kept.map_or(0, |kept| u64::from(kept.accepted));
        let completed = found.map_or(0, |found| found.completed);
        let shards = kept
            .map(|kept| kept.shards)
            .or_else(|| found.map(|found| found.shards))
            .unwrap_or(0);
        let value = summary.and_then(|summary| summary.value);
        Self {
            run: run.to_owned(),
            state: Standing::of(job, summary.map(|summary| summary.headline)),
            done: accepted.max(completed),
            shards,
            created_at: found
                .and_then(|found| found.created_at)
                .or_else(|| kept.and_then(|kept| kept.since)),
            cluster: found.map(|found| found.cluster.to_owned()),
            namespace: found.map(|found| found.namespace.to_owned()),
            kept: kept.is_some(),
            value: value.map(|value| value.to_string()),
            value_text: summary
                .and_then(|summary| summary.value_text.clone())
                .or_else(|| value.map(|value| Grouped(value).to_string())),
        }
    }

    fn cells(&self, now: Timestamp) -> [String; 6] {
        let place = match (&self.cluster, &self.namespace) {
            (Some(cluster), Some(namespace)) => format!("{cluster}/{namespace}"),
            (Some(_), None) | (None, _) => "kept here".to_owned(),
        };
        let value = match &self.value_text {
            Some(value) if self.state == Standing::Proven => value.clone(),
            Some(value) if self.state == Standing::NotProven => format!("{value} (not proven)"),
            Some(value) => format!("{value} (partial)"),
            None => String::new(),
        };
        [
            self.run.clone(),
            self.state.word().to_owned(),
            format!("{}/{}", Grouped(self.done), Grouped(self.shards)),
            self.created_at.map_or_else(|| "?".to_owned(), |at| age(at, now)),
            place,
            value,
        ]
    }
}

/// Writes a span of time in its largest unit. A clock that is ahead of ours makes no age below zero.
fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", Grouped(seconds / 86_400)),
    }
}

/// Writes the runs as aligned columns, each line with its end; nothing at all when there is no run.
pub fn list_text(rows: &[Row], now: Timestamp, style: Style) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut lines = vec![TITLES.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| row.cells(now).map(|cell| style.plain(&cell))));
    let mut widths = [0; TITLES.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in &lines {
        let padded: Vec<String> = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(padded.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// Writes the object of a run, without a line end.
pub fn row_line(row: &Row) -> String {
    let object = RowObject {
        schema: SCHEMA,
        kind: "run",
        row,
    };
    serde_json::to_string(&object).unwrap_or_else(|why| broken(&why))
}

/// Writes what was done to a run, with the command of kubectl that does the same.
pub fn changed_line(style: Style, run: &str, what: &str, twin: &str) -> String {
    style.marked(Glyph::Done, &format!("{what}: {run}  $ {twin}"))
}

#[cfg(test)]
mod tests;
