//! All inputs of the program as one closed enum.
//!
//! What a recording keeps and a replay plays. Nothing here does anything; `model::update` decides what an event means.

use serde::{Deserialize, Serialize};

use super::intent::Intent;
use super::log_tail::TailPart;
use crate::plan::{Plan, Rerun};
pub use crate::run::fact::ApiCost;
use crate::run::fact::{CompletionIndex, Delta, JobFact, KubeEventFact, LogFact, NodeFact, PodFact};
use crate::run::partial::{Kept, Partial};

/// One input. The three lanes of the shell carry: intents and signals; facts and outcomes; logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The session begins: what to do, where, and a seed for what must look random.
    Started(Box<Started>),
    /// What a key or a command meant.
    Intent(Intent),
    /// A signal from the operating system.
    Signal(Signal),
    /// The run's Job changed.
    Job(Delta<Box<JobFact>>),
    /// A pod of the run changed.
    Pod(Delta<Box<PodFact>>),
    /// A node changed.
    Node(Delta<Box<NodeFact>>),
    /// A Kubernetes Event about the Job or one of its pods.
    KubeEvent(Box<KubeEventFact>),
    /// A watch is live, or lost and being tried again.
    Contact(Contact),
    /// An effect is finished.
    Outcome(Outcome),
    /// What the cluster's API was asked so far.
    Cost(ApiCost),
    /// A part of a worker's log.
    Log(LogFact),
    /// A part of the log that a person reads.
    LogTail(TailPart),
    /// What the user's rights allow.
    Rights(Rights),
    /// Log parts that were dropped because the program could not keep up.
    LogsDropped(u64),
    /// The cluster has ended: nothing more will come from it.
    ClusterGone,
    /// Time passed. Sent at 1 Hz while a run is live.
    Tick,
    /// The queues were drained: what follows from everything received so far can be decided now, once.
    Drained,
}

/// What a session begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Whether a new run is to be submitted, one that exists is to be watched, or some indexes of one are to be computed again.
    pub task: Task,
    /// The plan of the run.
    pub plan: Plan,
    /// The Job that is to be watched.
    pub job: Option<Box<JobFact>>,
    /// The cluster, as people call it: `local`, or the context's name.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The flags by which another call of the program finds this run's cluster and namespace, with a space before each.
    pub reach_flags: String,
    /// Whether the cluster outlives the program.
    pub outlives: bool,
    /// Chooses the shards that are computed again here.
    pub seed: u64,
    /// What the ledger already held.
    pub kept: Kept,
}

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Submit the plan, then watch it.
    Submit,
    /// Watch a run that exists.
    Attach,
    /// Submit one more Job of a run that is kept, for some of its indexes, then watch it.
    Rerun(Rerun),
}

/// What the user's rights allow: why not, in words, where they do not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Changing the Job.
    pub no_patch: Option<String>,
    /// Deleting the Job.
    pub no_delete: Option<String>,
}

/// A signal from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    Hangup,
}

impl Signal {
    /// Returns the signal's number, for the exit code 128 + n.
    pub fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// Which watch of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchOf {
    /// The run's Job.
    Job,
    /// The run's pods.
    Pods,
    /// The cluster's nodes.
    Nodes,
    /// Kubernetes Events.
    Events,
}

/// The state of one watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Which watch.
    pub watch: WatchOf,
    /// Its state.
    pub state: ContactState,
}

/// Whether a watch delivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// It lists and watches.
    Live,
    /// It broke and is tried again; the server's or the network's words.
    Lost(String),
    /// The user's rights do not allow it; it is not tried again.
    Forbidden(String),
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The Job is stored on the server.
    Submitted {
        /// The Job as the server stored it.
        job: Box<JobFact>,
        /// The plan as it was sent; its run id may have changed if the name was taken.
        plan: Box<Plan>,
        /// What the server changed, dropped or warned of, in words.
        remarks: Vec<String>,
    },
    /// The Job is not stored yet: the server asks to wait, and this is done.
    Postponed {
        /// For how long.
        after_ms: u64,
        /// The server's words.
        why: String,
    },
    /// The Job could not be stored.
    SubmitFailed(Failure),
    /// These partials are on disk.
    Kept(Vec<Partial>),
    /// The ledger could not be written.
    KeepFailed(String),
    /// A shard was computed again here.
    Recomputed {
        /// Which shard.
        index: CompletionIndex,
        /// Its value, or why it could not be computed.
        value: Result<i128, String>,
    },
    /// The run's pods were listed once more; the facts were sent before this.
    Collected,
    /// That list failed.
    CollectFailed(Failure),
    /// A change of the Job was accepted by the server; the Job as it is now.
    Changed {
        /// What was done, as a person would say it.
        what: String,
        /// The Job as it is now; none once it is deleted.
        job: Option<Box<JobFact>>,
    },
    /// A change of the Job failed.
    ChangeFailed {
        /// What was tried.
        what: String,
        /// Why it failed.
        failure: Failure,
    },
}

/// Why a call of the cluster failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which exit code this comes down to.
    pub class: FailureClass,
    /// What was tried on what, and the server's words.
    pub text: String,
    /// What to type next.
    pub hint: Option<String>,
}

/// The kinds of failure that a caller treats apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The server cannot be reached, does not answer in time or answers nonsense.
    Unreachable,
    /// The server refused: rights, quota, admission, validation.
    Refused,
    /// The object does not exist.
    NotFound,
    /// Somebody else changed or made it first.
    Conflict,
}
