//! The lines of a recording: the header, the chain of checksums, and what is written in place of an event. Pure.
//!
//! The chain guards against accidents, not against somebody who writes one on purpose.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ttg_worker::protocol::checksum;

/// The form of a recording.
pub(super) const VERSION: u64 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    /// The form.
    pub(super) ttg_recording: u64,
    /// When the session began.
    pub(super) began_at: Timestamp,
}

/// What of the first line is the same in every form.
#[derive(Deserialize)]
pub(super) struct AnyHeader {
    /// The form.
    pub(super) ttg_recording: u64,
}

/// What a line holds in place of an event.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    /// The recording was given up here, and why.
    Torn(String),
}

/// The chain of checksums.
pub(super) struct Chain {
    digits: String,
}

impl Chain {
    /// Begins behind the first line.
    pub(super) fn behind(header: &str) -> Self {
        Self {
            digits: checksum(header.as_bytes()),
        }
    }

    /// Puts the checksum before a line.
    pub(super) fn seal(&mut self, rest: &str) -> String {
        self.digits = self.next(rest);
        format!("{} {rest}\n", self.digits)
    }

    /// Takes the checksum off a line; none when it is not the right one.
    pub(super) fn unseal<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let (digits, rest) = line.split_once(' ')?;
        let right = self.next(rest);
        if digits != right {
            return None;
        }
        self.digits = right;
        Some(rest)
    }

    fn next(&self, rest: &str) -> String {
        checksum(format!("{} {rest}", self.digits).as_bytes())
    }
}
