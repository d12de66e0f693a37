//! The log of one pod, for a person who reads it: the newest lines, and how many older ones are not held here.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many lines are held; the server is asked for no more.
pub const LINES_MAX: usize = 2_000;

/// How the log is being read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TailState {
    /// No log is read.
    #[default]
    Idle,
    /// The server was asked.
    Opening,
    /// New lines come as the worker writes them.
    Following,
    /// The log is complete: its container has ended.
    Ended,
    /// It cannot be read, and why; now, or for good.
    Failed(String),
}

/// A part of a log that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailPart {
    /// The pod's name.
    pub pod: String,
    /// What was read.
    pub what: TailWhat,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TailWhat {
    /// The stream is open.
    Opened,
    /// Lines, cleaned.
    Lines(Vec<String>),
    /// The stream ended with its container.
    Ended,
    /// It cannot be read, and why.
    Failed(String),
}

/// The log of one pod.
#[derive(Clone, Debug, Default)]
pub struct LogTail {
    pod: Option<String>,
    lines: VecDeque<String>,
    forgotten: u64,
    state: TailState,
}

impl LogTail {
    /// Returns the pod whose log is read.
    pub fn pod(&self) -> Option<&str> {
        self.pod.as_deref()
    }

    /// Iterates over the lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.lines.iter().map(String::as_str)
    }

    /// Returns how many older lines are not held any more.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Returns how the log is being read.
    pub fn state(&self) -> &TailState {
        &self.state
    }

    /// Makes a log that is being followed, of these lines.
    #[cfg(test)]
    pub(crate) fn of(pod: &str, lines: impl Iterator<Item = String>) -> Self {
        let mut log = Self::default();
        log.begin(Some(pod.to_owned()));
        log.add(TailPart {
            pod: pod.to_owned(),
            what: TailWhat::Lines(lines.collect()),
        });
        log
    }

    /// Begins with the log of another pod, or of none.
    pub(super) fn begin(&mut self, pod: Option<String>) {
        *self = Self {
            state: if pod.is_some() {
                TailState::Opening
            } else {
                TailState::Idle
            },
            pod,
            ..Self::default()
        };
    }

    /// Adds what was read. What comes late from another pod's log is left out.
    pub(super) fn add(&mut self, part: TailPart) {
        if self.pod.as_deref() != Some(part.pod.as_str()) {
            return;
        }
        match part.what {
            TailWhat::Opened => self.state = TailState::Following,
            TailWhat::Lines(lines) => {
                self.state = TailState::Following;
                self.lines.extend(lines);
                let surplus = self.lines.len().saturating_sub(LINES_MAX);
                self.lines.drain(..surplus);
                self.forgotten = self
                    .forgotten
                    .saturating_add(u64::try_from(surplus).unwrap_or(u64::MAX));
            }
            TailWhat::Ended => self.state = TailState::Ended,
            TailWhat::Failed(why) => self.state = TailState::Failed(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_held_and_others_are_counted() {
        let mut log = LogTail::default();
        log.begin(Some("a".into()));
        let part = |pod: &str, lines: usize| TailPart {
            pod: pod.into(),
            what: TailWhat::Lines((0..lines).map(|n| n.to_string()).collect()),
        };
        log.add(part("b", 5));
        assert_eq!((log.lines().len(), log.state()), (0, &TailState::Opening));
        log.add(part("a", LINES_MAX + 3));
        assert_eq!((log.lines().len(), log.forgotten()), (LINES_MAX, 3));
        assert_eq!(log.lines().next(), Some("3"));
        log.begin(None);
        assert_eq!((log.lines().len(), log.state()), (0, &TailState::Idle));
    }
}
