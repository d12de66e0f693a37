//! What a cluster was found to make of a plan before it is submitted, line by line.
//!
//! Must not know who asked the cluster, nor which screen shows the answer.

use serde::{Deserialize, Serialize};

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The run would not get far.
    Wrong,
    /// Worth knowing; the run works all the same.
    Note,
    /// Not answered yet.
    Asking,
    /// As it should be.
    Ok,
}

/// One check, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckLine {
    /// What it came to.
    pub mark: Mark,
    /// What was found.
    pub text: String,
}

impl CheckLine {
    /// Makes a line.
    pub fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
        }
    }
}
