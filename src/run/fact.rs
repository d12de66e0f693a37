//! What the cluster said, reduced to what a run needs.
//!
//! A fact is a small copy of one Kubernetes object at one revision. `cluster::convert` makes facts from objects, [`super::state`]
//! folds them. This module knows no kube types, does no I/O and reads no clock.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
pub use ttg_worker::shard::CompletionIndex;

use super::intervals::IndexSet;

/// Makes a newtype over a string that must not be mistaken for another one.
macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_newtype! {
    /// The uid of one pod: one attempt at one completion index.
    PodUid
}
text_newtype! {
    /// The uid of one Job object: a Job that was made again under the same name has another.
    JobUid
}
text_newtype! {
    /// The name of a node.
    NodeName
}

/// A change to one collection of facts: what a Kubernetes watch delivers.
///
/// A relist is `Restarted`, any number of `Listed`, `ListDone`: what is not in the list is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delta<F> {
    /// A list begins; it replaces what was known once it is done.
    Restarted,
    /// One object of the list that is under way.
    Listed(F),
    /// The list is complete.
    ListDone,
    /// An object was added or changed.
    Applied(F),
    /// An object was removed; its last state, which may still carry a result.
    Removed(F),
}

/// A short machine-readable reason with the server's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The reason in Kubernetes' spelling, such as `Unschedulable` or `ErrImagePull`.
    pub reason: String,
    /// The server's words, cleaned of control characters.
    pub message: String,
}

/// The phase of a pod, in Kubernetes' words. The order is that of a pod's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The node that runs the pod has not reported for a while.
    Unknown,
    /// Accepted, but its container does not run yet.
    #[default]
    Pending,
    /// Its container runs.
    Running,
    /// Its container ended with exit code 0.
    Succeeded,
    /// Its container ended with another exit code, or the pod was ended from outside.
    Failed,
}

impl Phase {
    /// Tells whether a pod in this phase will never run again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// How the worker's container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The exit code; 128 + n when signal n ended it.
    pub exit_code: i32,
    /// Kubernetes' reason, such as `Completed`, `Error` or `OOMKilled`.
    pub reason: String,
    /// The termination message exactly as the kubelet reported it, at most 4,096 bytes. Hostile text: it is only ever
    /// parsed as a result, never shown raw.
    pub message: String,
    /// When the container started, by the node's clock.
    pub started_at: Option<Timestamp>,
    /// When the container ended, by the node's clock.
    pub finished_at: Option<Timestamp>,
}

/// One pod of a run: one attempt at one completion index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodFact {
    /// The pod's uid.
    pub uid: PodUid,
    /// The pod's name.
    pub name: String,
    /// The resourceVersion as a number: of two facts of one pod the higher is the newer. 0 where it is not a number.
    pub revision: u64,
    /// The uid of the Job that made it.
    pub job_uid: JobUid,
    /// The completion index of the run, from the annotation or the label and what the Job computes; none for a pod of a foreign
    /// shape.
    pub index: Option<CompletionIndex>,
    /// The node it was bound to.
    pub node: Option<NodeName>,
    /// The phase.
    pub phase: Phase,
    /// Whether it has a deletion timestamp: it was told to end.
    pub terminating: bool,
    /// Whether the Job controller has let go of it: its finalizer is gone. Before the pod has ended this means that the controller
    /// itself ends it, and does not count it.
    pub released: bool,
    /// When it was created, by the API server's clock.
    pub created_at: Option<Timestamp>,
    /// When it was bound to its node.
    pub scheduled_at: Option<Timestamp>,
    /// When its container started, by the node's clock.
    pub started_at: Option<Timestamp>,
    /// Why it does not run yet: the scheduler's words, or the container's waiting reason.
    pub waiting: Option<Reason>,
    /// How its container ended, once it did.
    pub ended: Option<Ended>,
    /// The `DisruptionTarget` condition: the pod was ended from outside, and why.
    pub disruption: Option<Reason>,
    /// The pod's own `status.reason` and `status.message`, such as `Evicted`.
    pub pod_reason: Option<Reason>,
}

/// One condition of a Job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCondition {
    /// The type, such as `Complete`, `Failed`, `Suspended`, `FailureTarget` or `SuccessCriteriaMet`.
    pub kind: String,
    /// Whether it holds.
    pub holds: bool,
    /// Why, and the server's words.
    pub why: Reason,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// Which of a run's completion indexes a Job computes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Computes {
    /// Every index: the Job's own index is the run's.
    #[default]
    All,
    /// These: the Job's own index k stands for the k-th of them.
    Only(IndexSet),
    /// Nobody can tell, and why: the Job says what cannot be. Nothing of it counts.
    Unknown(String),
}

impl Computes {
    /// Tells whether the Job computes this index.
    pub fn contains(&self, index: CompletionIndex) -> bool {
        match self {
            Self::All => true,
            Self::Only(indexes) => indexes.contains(index),
            Self::Unknown(_) => false,
        }
    }

    /// Returns the run's index for one of the Job's own.
    pub fn index_at(&self, own: CompletionIndex) -> Option<CompletionIndex> {
        match self {
            Self::All => Some(own),
            Self::Only(indexes) => indexes.nth(own.0),
            Self::Unknown(_) => None,
        }
    }

    /// Returns the run's indexes for some of the Job's own.
    pub fn indexes_at(&self, own: IndexSet) -> IndexSet {
        match self {
            Self::All => own,
            Self::Only(indexes) => indexes.select(&own),
            Self::Unknown(_) => IndexSet::default(),
        }
    }
}

/// A Job of a run: the first, or that of a rerun. Its indexes are the run's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFact {
    /// The Job's uid.
    pub uid: JobUid,
    /// The Job's name: the run's, or that of a rerun.
    pub name: String,
    /// The run's name, from the label; without one the Job's.
    pub run: String,
    /// The namespace it lives in.
    pub namespace: String,
    /// The resourceVersion as a number; see [`PodFact::revision`].
    pub revision: u64,
    /// When it was created, by the API server's clock.
    pub created_at: Option<Timestamp>,
    /// `spec.parallelism`: how many pods the controller keeps running at once.
    pub parallelism: u32,
    /// `spec.completions`: how many indexes it computes.
    pub completions: u32,
    /// Which of the run's indexes these are.
    pub computes: Computes,
    /// `spec.suspend`: what was asked for; the condition `Suspended` tells whether it has happened.
    pub suspend: bool,
    /// Whether it has a deletion timestamp.
    pub deleting: bool,
    /// `status.active`: pods that are not terminal.
    pub active: u32,
    /// `status.ready`.
    pub ready: u32,
    /// `status.terminating`.
    pub terminating: u32,
    /// `status.succeeded`.
    pub succeeded: u32,
    /// `status.failed`.
    pub failed: u32,
    /// `status.completedIndexes`, as indexes of the run.
    pub completed: IndexSet,
    /// `status.failedIndexes`, as indexes of the run.
    pub failed_indexes: IndexSet,
    /// The conditions, in the server's order.
    pub conditions: Vec<JobCondition>,
    /// The plan, as kept in the annotation; none for a Job of a foreign shape.
    pub plan_json: Option<String>,
    /// Who cancelled the run and when, from our annotation.
    pub cancelled: Option<String>,
    /// `spec.managedBy`, when another controller than Kubernetes' own is named.
    pub managed_by: Option<String>,
}

impl JobFact {
    /// Returns the condition of this type when it holds.
    pub fn condition(&self, kind: &str) -> Option<&JobCondition> {
        self.conditions.iter().find(|c| c.kind == kind && c.holds)
    }

    /// Tells whether the Job has ended, either way.
    pub fn is_finished(&self) -> bool {
        self.condition("Complete")
            .or_else(|| self.condition("Failed"))
            .is_some()
    }

    /// Tells whether it can still make pods by itself: it is neither finished nor suspended nor being deleted.
    pub fn goes_on(&self) -> bool {
        !self.is_finished() && !self.suspend && !self.deleting
    }
}

/// A node of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFact {
    /// The node's name.
    pub name: NodeName,
    /// The resourceVersion as a number; see [`PodFact::revision`].
    pub revision: u64,
    /// The condition `Ready`; none when its state is unknown: the node is lost.
    pub ready: Option<bool>,
    /// `spec.unschedulable`: cordoned.
    pub cordoned: bool,
    /// Taints as `key=value:effect`.
    pub taints: Vec<String>,
    /// Allocatable CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Allocatable memory in bytes.
    pub memory_bytes: u64,
}

/// A Kubernetes Event (core/v1) about the Job or a pod of the run. Advisory: events are dropped, merged and expire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeEventFact {
    /// The uid of the Event object.
    pub uid: String,
    /// The resourceVersion as a number; see [`PodFact::revision`].
    pub revision: u64,
    /// Whether its type is `Warning`.
    pub warning: bool,
    /// Kubernetes' reason, such as `FailedCreate`.
    pub why: Reason,
    /// The kind of the object it is about.
    pub object_kind: String,
    /// The name of the object it is about.
    pub object_name: String,
    /// The uid of the object it is about.
    pub object_uid: String,
    /// How often it was seen.
    pub count: u32,
    /// When it was last seen.
    pub at: Option<Timestamp>,
}

/// What a followed log said. Advisory: it moves bars and never counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogFact {
    /// The pod whose log it is.
    pub pod: PodUid,
    /// What was read.
    pub what: LogPart,
}

/// One part of a followed log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPart {
    /// A line of the worker's protocol, with its line number.
    Line(ttg_worker::protocol::Line),
    /// Any other line, cleaned and shortened.
    Text(String),
    /// The stream was opened. `sampled`: only its last line was read, the pod is not followed.
    Opened {
        /// Whether this is a sample of a pod that is not followed.
        sampled: bool,
    },
    /// The stream ended or broke; it is opened again while the pod runs.
    Closed {
        /// Why, for people.
        why: String,
    },
    /// The stream could not be opened; that is tried again while the pod runs.
    Refused {
        /// The server's or the network's words.
        why: String,
    },
}

/// What the cluster's API was asked so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiCost {
    /// Requests of any kind.
    pub requests: u64,
    /// Of these, LIST requests.
    pub lists: u64,
    /// Of these, requests that opened a watch.
    pub watches: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Log streams open now.
    pub log_streams: u32,
}
