//! One index's result, as it is counted and kept. A partial comes only from a pod's termination message.

use serde::{Deserialize, Serialize};
use ttg_worker::protocol::number::decimal;

use super::fact::{CompletionIndex, JobUid, NodeName, PodUid};

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
