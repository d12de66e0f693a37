//! One row of the tables of explanations: when it fits, and what it says. Knows no run.

use crate::run::fact::Reason;

/// One explanation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The reasons it is for, in Kubernetes' spelling.
    pub(super) reasons: &'static [&'static str],
    /// Of these one must be in the server's words; none for any words.
    pub(super) words: &'static [&'static str],
    /// The exit codes it is for, where no reason says more.
    pub(super) codes: &'static [i32],
    /// The cause in a few words.
    pub(super) short: &'static str,
    /// The cause in plain words.
    pub(super) cause: &'static str,
    /// What to do next.
    pub(super) next: &'static [&'static str],
    /// What of the plan has to do with it.
    pub(super) facts: &'static [Known],
    /// Which command shows it.
    pub(super) shows: Shows,
    /// Whether the pod waits without end and never fails by itself.
    pub(super) waits: bool,
}

/// A row that fits nothing and says nothing, for what most rows do not need.
pub(super) const BASE: Row = Row {
    reasons: &[],
    words: &[],
    codes: &[],
    short: "",
    cause: "",
    next: &[],
    facts: &[],
    shows: Shows::Pod,
    waits: false,
};

impl Row {
    /// Tells whether it is for this reason and these words.
    pub(super) fn fits(&self, why: &Reason) -> bool {
        self.reasons.contains(&why.reason.as_str())
            && (self.words.is_empty() || self.words.iter().any(|words| why.message.contains(words)))
    }
}

/// Something of the plan that is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Image,
    Cpu,
    Memory,
    Retries,
    MaxFailed,
    Selector,
    Tolerations,
}

/// A command that shows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// The pod with its events.
    Pod,
    /// The pod's log.
    Log,
    /// The pod's termination message.
    Termination,
    /// The pods of the Job with their nodes.
    Pods,
    /// The Job with its events.
    Job,
    /// The Job as it is stored.
    JobYaml,
    /// The indexes that the Job counts as done.
    Completed,
    /// The node.
    Node,
    /// All nodes.
    Nodes,
    /// What of the quota is left.
    Quota,
    /// The limits for pods of the namespace.
    Limits,
    /// The namespace with its labels.
    Namespace,
    /// The events of the object.
    Events,
    /// The objects that a pod may refer to.
    Config,
    /// What the user may do.
    Rights,
    /// Whether the API server is ready.
    Ready,
}
