//! What rows need of objects. The types name just these fields, so that the rest of an object's text is passed over: of a pod
//! that is most of it, and a list may have ten thousand.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::age::since;

/// What the row of one kind needs of an object.
pub(super) trait View: Default + DeserializeOwned {
    /// Returns the cells, one for every column of the kind.
    fn cells(&self, now: Timestamp) -> Vec<Value>;

    /// Returns the mark of an object that is done.
    fn completed(&self) -> Option<Completed> {
        None
    }
}

/// The condition of a row whose object is done, so that a client can leave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Completed {
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: &'static str,
}

impl Completed {
    /// Makes the mark from why the object is done, in one word and in a sentence.
    pub(super) const fn new(reason: &'static str, message: &'static str) -> Self {
        Self {
            kind: "Completed",
            status: "True",
            reason,
            message,
        }
    }
}

/// The metadata of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub(super) name: String,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
}

impl Meta {
    /// Returns how long ago the object was made.
    pub(super) fn age(&self, now: Timestamp) -> String {
        since(self.creation_timestamp, now)
    }

    /// Tells whether the object was told to end.
    pub(super) fn is_deleted(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

/// A condition in a status.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: String,
}

/// Tells whether there is such a condition and it holds.
pub(super) fn is_true(conditions: &[Condition], kind: &str) -> bool {
    conditions.iter().any(|c| c.kind == kind && c.status == "True")
}

/// Returns the text, or upstream's word for none.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}
