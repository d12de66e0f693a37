//! One index's result, as it is counted and kept. A partial comes only from a pod's termination message.
//!
//! What is kept is never taken back. A rerun of a disputed index sets the results of the Jobs before it aside: they stay in the
//! ledger as evidence, and no longer count. A result belongs to its Job, so one that comes late, or is read before the line that
//! sets it aside, does not count either.

use serde::{Deserialize, Serialize};
use ttg_worker::protocol::number::decimal;

use super::fact::{CompletionIndex, JobUid, NodeName, PodUid};
use super::intervals::IndexSet;

/// The result of one completion index, from one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// The completion index.
    pub index: CompletionIndex,
    /// The first parameter.
    pub start: u64,
    /// The parameter after the last.
    pub end: u64,
    /// How many parameters were computed.
    pub processed: u64,
    /// The value, as a decimal string on disk.
    #[serde(with = "decimal")]
    pub value: i128,
    /// How long the worker computed, in milliseconds.
    pub elapsed_ms: u64,
    /// For how long the CPU limit held it back, in milliseconds, where that is known.
    pub throttled_ms: Option<u64>,
    /// The Job it came from.
    pub job_uid: JobUid,
    /// The pod it came from.
    pub pod_uid: PodUid,
    /// The pod's name.
    pub pod: String,
    /// The node that computed it.
    pub node: Option<NodeName>,
}

/// What a rerun decided about one index: results of these Jobs do not count for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The completion index.
    pub index: CompletionIndex,
    /// The Jobs that were known when it was decided.
    pub job_uids: Vec<JobUid>,
}

impl SetAside {
    /// Tells whether this is about a partial.
    pub fn covers(&self, partial: &Partial) -> bool {
        self.index == partial.index && self.job_uids.contains(&partial.job_uid)
    }
}

/// What is kept of a run's results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The partials, in the order they were accepted. One may occur twice.
    pub partials: Vec<Partial>,
    /// Which of them do not count.
    pub set_aside: Vec<SetAside>,
    /// The indexes whose value was once found wrong here: they are computed again until they are found right.
    #[serde(default)]
    pub doubted: IndexSet,
}

impl From<Vec<Partial>> for Kept {
    fn from(partials: Vec<Partial>) -> Self {
        Self {
            partials,
            ..Self::default()
        }
    }
}

impl Kept {
    /// Iterates over the partials that count.
    pub fn counting(&self) -> impl Iterator<Item = &Partial> {
        let counts = |partial: &&Partial| !self.set_aside.iter().any(|set_aside| set_aside.covers(partial));
        self.partials.iter().filter(counts)
    }
}
