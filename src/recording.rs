//! A run as it was told to the model, on disk: what a replay plays. Writing it, and reading it back.
//!
//! A recording is a gzip stream of lines. The first one is a header in JSON; each other one is `DIGITS MS EVENT`: the first digits
//! of a SHA-256 over the digits of the line before and the rest of this line, the milliseconds since the session began, and an
//! [`Event`] in JSON. In the JSON a long name that has occurred before stands as its number (see `words`): most of a recording are
//! names. So a cut, a flipped bit and a line out of order are all seen, and everything before them still plays.
//!
//! It holds no flags by which a cluster is reached, and nothing of the environment; texts that a person names are hidden in logs.
//! A recording may come from anybody: its text is made harmless when it is read, as that of a server is.
//!
//! This module must not know the model, the terminal or what is drawn.

mod line;
mod read;
mod recorder;
mod words;

use jiff::{SignedDuration, Timestamp};

pub use read::{ReadError, open, parse};
pub use recorder::{Recorder, Terms};

use crate::model::event::{Event, Started};

/// A recording that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// When the session began.
    pub began_at: Timestamp,
    /// What it began with.
    pub started: Started,
    /// Every event of it, in the order in which the model had them. The first is that of the start.
    pub entries: Vec<Entry>,
    /// Where it is torn, if it is: what follows is missing.
    pub torn: Option<Torn>,
}

/// One event of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, in milliseconds since the session began.
    pub ms: u64,
    /// What.
    pub event: Event,
}

/// Where a recording is torn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The first line that is missing or damaged, counted from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

impl Recording {
    /// Returns the time of day at so many milliseconds.
    pub fn at(&self, ms: u64) -> Timestamp {
        at_ms(self.began_at, ms)
    }

    /// Returns how long it takes.
    pub fn duration_ms(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.ms)
    }
}

/// Returns the whole milliseconds from the beginning of a session until a time.
pub fn ms_since(began_at: Timestamp, at: Timestamp) -> u64 {
    u64::try_from(at.duration_since(began_at).as_millis()).unwrap_or(0)
}

/// Returns the time so many milliseconds after the beginning of a session.
pub fn at_ms(began_at: Timestamp, ms: u64) -> Timestamp {
    let elapsed = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    began_at.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
