//! What happened in a run, as transitions that a person is told. Reports and screens write the words; this is the data.

use serde::{Deserialize, Serialize};

use super::fact::{CompletionIndex, Computes, JobFact, NodeName, Reason};
use super::intervals::IndexSet;
use crate::plan::Plan;
use ttg_worker::protocol::number::decimal;

/// One transition of a run. Derived from facts, so a fact that is applied twice tells nothing twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are those of the facts they come from, under the same names"
)]
pub enum RunEvent {
    /// A Job of the run is stored on the server: the first, or that of a rerun, which computes these indexes alone.
    Submitted {
        run: String,
        job: String,
        cluster: String,
        namespace: String,
        shards: u32,
        workers: u32,
        parameters: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        indexes: Option<IndexSet>,
        remarks: Vec<String>,
    },
    /// The API server asked to wait before it stores the Job, and this is done.
    Postponed { after_ms: u64, why: String },
    /// Results of an index no longer count, and a rerun computes it instead.
    SetAside {
        index: CompletionIndex,
        values: Vec<DisputedValue>,
    },
    /// The program watches a run that exists.
    Attached {
        run: String,
        cluster: String,
        namespace: String,
        accepted: u32,
        shards: u32,
    },
    /// A pod was bound to a node.
    Scheduled {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        node: NodeName,
    },
    /// A pod waits, and why. Told once for each different reason of a pod.
    Waiting {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        why: Reason,
    },
    /// A worker computes.
    WorkerStarted {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        node: Option<NodeName>,
    },
    /// A worker's log said how far it is.
    Progress {
        index: CompletionIndex,
        done: u64,
        total: u64,
        per_second: u64,
        #[serde(with = "decimal")]
        partial: i128,
    },
    /// A worker runs, its log is read, and no line has come for so long. Told once for each attempt.
    Silent {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        node: Option<NodeName>,
        silent_ms: u64,
        hint: String,
    },
    /// A worker ended well and its result is valid. It counts once [`RunEvent::Accepted`] follows.
    WorkerFinished {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        node: Option<NodeName>,
        processed: u64,
        #[serde(with = "decimal")]
        value: i128,
        elapsed_ms: u64,
    },
    /// An index's partial is in the ledger.
    Accepted {
        index: CompletionIndex,
        accepted: u32,
        shards: u32,
    },
    /// A second, equal result of an index: counted and ignored.
    Duplicate { index: CompletionIndex, pod: String },
    /// Two valid results of one index that differ: neither counts.
    Disputed {
        index: CompletionIndex,
        values: Vec<DisputedValue>,
    },
    /// A pod ended without a result.
    AttemptFailed {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        node: Option<NodeName>,
        exit_code: Option<i32>,
        why: Reason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Next>,
    },
    /// A pod was ended from outside: deleted, evicted, its node lost, or by the Job controller itself.
    AttemptEnded {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        node: Option<NodeName>,
        why: Reason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped_by: Option<Stop>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Next>,
    },
    /// A pod succeeded, but its termination message is not a valid result.
    NoResult {
        index: CompletionIndex,
        attempt: u32,
        pod: String,
        problem: String,
    },
    /// The Job gave an index up.
    IndexFailed {
        index: CompletionIndex,
        attempts: u32,
        why: Reason,
    },
    /// The Job's parallelism changed.
    Scaled { from: u32, to: u32 },
    /// The Job is suspended; `by` when it was cancelled.
    Suspended { by: Option<String> },
    /// The Job goes on.
    Resumed,
    /// A node was cordoned or freed, lost or found.
    NodeChanged { node: NodeName, state: NodeState },
    /// A Kubernetes Event of type Warning.
    Warned { object: String, why: Reason, count: u32 },
    /// The Job ended well.
    JobComplete,
    /// The Job failed, and why.
    JobFailed { why: Reason },
    /// The Job was deleted by somebody.
    JobDeleted,
    /// A shard was computed again here.
    Verified {
        index: CompletionIndex,
        same: bool,
        #[serde(with = "decimal")]
        value: i128,
    },
    /// Contact to the cluster was lost; the last truth stays.
    ContactLost { why: String },
    /// Contact is back, after so many milliseconds.
    ContactBack { after_ms: u64 },
    /// The user's rights do not allow this watch.
    Forbidden { what: String, why: String },
    /// Something the person did was carried out.
    Done { what: String },
    /// Something the person did, or the program needed, failed.
    Trouble { what: String, hint: Option<String> },
    /// The person asked to leave.
    Leaving { hint: String },
}

impl RunEvent {
    /// Makes the event of a Job of this plan that was stored.
    pub fn submitted(plan: &Plan, job: &JobFact, cluster: &str, namespace: &str, remarks: Vec<String>) -> Self {
        let (workers, indexes) = match &job.computes {
            Computes::Only(indexes) => (job.parallelism, Some(indexes.clone())),
            Computes::All | Computes::Unknown(_) => (plan.workers, None),
        };
        Self::Submitted {
            run: plan.run.to_string(),
            job: job.name.clone(),
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            shards: plan.shards,
            workers,
            parameters: plan.parameters,
            indexes,
            remarks,
        }
    }
}

/// Why the Job controller ended a worker that could have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The Job was scaled down.
    ScalingDown,
    /// The Job was suspended.
    Suspending,
    /// The run was cancelled.
    Cancelling,
    /// The Job has ended, or was deleted.
    JobOver,
}

/// What the Job controller does about an index after an attempt without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// It makes another pod when its back-off is over: so long after the end of this one, and the attempt of this number of at
    /// most so many.
    Again {
        /// The back-off.
        after_ms: u64,
        /// The number of the next attempt.
        attempt: u32,
        /// The number that the last attempt can have.
        of: u32,
    },
    /// It gives the index up: the retries are used up.
    NoRetries,
    /// It gives the index up: its pod failure policy says that no retry mends this exit code.
    Hopeless,
}

/// One of the values of a disputed index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputedValue {
    /// The value.
    #[serde(with = "decimal")]
    pub value: i128,
    /// The pods that reported it.
    pub pods: Vec<String>,
}

/// What changed about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// No new pods are bound to it.
    Cordoned,
    /// It takes pods again.
    Uncordoned,
    /// It stopped reporting.
    Lost,
    /// It reports again.
    Ready,
}
