//! One index's result, as it is counted and kept. A partial comes only from a pod's termination message.

use serde::{Deserialize, Serialize};

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

/// A 128-bit integer as a decimal string: JSON numbers are only exact to 53 bits in most readers.
pub mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the integer as a string.
    pub fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads the integer from a string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| D::Error::custom(format!("{text:?} is not a decimal integer: {error}")))
    }
}
