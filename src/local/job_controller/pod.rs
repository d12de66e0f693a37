//! A pod as the Job controller needs it: a few fields, parsed once for each version of the pod.

use jiff::Timestamp;
use serde::Deserialize;

use crate::local::object::{HeadMeta, Object};

/// The finalizer that keeps a finished pod until the controller has counted it.
pub const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// The annotation, and since 1.28 the label, that carries the completion index.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// The annotation that carries how often an index has failed before this pod.
pub const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// The annotation that carries how often a failure of an index was ignored by the policy.
pub const IGNORED_FAILURES: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// One pod of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one field of a pod, independent of the others"
)]
pub struct PodView {
    /// Its name.
    pub name: String,
    /// Its completion index, if it has one.
    pub index: Option<u32>,
    /// Whether it ended well.
    pub succeeded: bool,
    /// Whether it ended otherwise.
    pub failed: bool,
    /// Whether it was told to end.
    pub deleting: bool,
    /// Whether it still carries the tracking finalizer: it is not counted yet.
    pub tracked: bool,
    /// Whether it is bound to a node.
    pub bound: bool,
    /// Whether its phase is Running.
    pub running: bool,
    /// Whether its condition Ready holds.
    pub ready: bool,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When its last container ended, or when it was found failed.
    pub finished_at: Option<Timestamp>,
    /// How often its index failed before it.
    pub failures: u32,
    /// How often a failure of its index was ignored before it.
    pub ignored_failures: u32,
    /// The exit codes of its ended containers, by container name.
    pub exit_codes: Vec<(String, i32)>,
    /// Its conditions, as type and status.
    pub conditions: Vec<(String, String)>,
}

impl PodView {
    /// Reads a pod; none when the object does not parse, which the registry rules out.
    pub fn read(object: &Object) -> Option<Self> {
        let raw: Raw = object.view().ok()?;
        let meta = &object.head.metadata;
        let count = |name: &str| {
            raw.metadata
                .annotations
                .get(name)
                .and_then(|v| v.parse().ok())
                .unwrap_or(0)
        };
        let ended: Vec<&Ended> = raw
            .status
            .container_statuses
            .iter()
            .filter_map(|c| c.state.terminated.as_ref())
            .collect();
        let conditions: Vec<(String, String)> = raw
            .status
            .conditions
            .iter()
            .map(|c| (c.kind.clone(), c.status.clone()))
            .collect();
        let transition = raw
            .status
            .conditions
            .iter()
            .filter_map(|c| c.last_transition_time)
            .max();
        Some(Self {
            name: object.key.name.clone(),
            index: raw.metadata.annotations.get(INDEX).and_then(|v| v.parse().ok()),
            succeeded: raw.status.phase == "Succeeded",
            failed: raw.status.phase == "Failed",
            deleting: meta.deletion_timestamp.is_some(),
            tracked: meta.finalizers.iter().any(|f| f == TRACKING),
            bound: object.head.node().is_some(),
            running: raw.status.phase == "Running",
            ready: conditions
                .iter()
                .any(|(kind, status)| kind == "Ready" && status == "True"),
            created_at: meta.creation_timestamp,
            finished_at: ended.iter().filter_map(|e| e.finished_at).max().or(transition),
            failures: count(FAILURES),
            ignored_failures: count(IGNORED_FAILURES),
            exit_codes: raw
                .status
                .container_statuses
                .iter()
                .filter_map(|c| Some((c.name.clone(), c.state.terminated.as_ref()?.exit_code)))
                .collect(),
            conditions,
        })
    }

    /// Tells whether it will never run again.
    pub fn is_terminal(&self) -> bool {
        self.succeeded || self.failed
    }

    /// Tells whether it counts as active: it runs or will, and was not told to end.
    pub fn is_active(&self) -> bool {
        !self.is_terminal() && !self.deleting
    }

    /// Tells whether it was told to end and has not ended yet.
    pub fn is_terminating(&self) -> bool {
        !self.is_terminal() && self.deleting
    }
}

/// Returns the uid of the Job that controls this object.
pub fn controlling_job(meta: &HeadMeta) -> Option<&str> {
    meta.owner_references
        .iter()
        .find(|o| o.controller && o.kind == "Job")
        .map(|o| o.uid.as_str())
}

#[derive(Deserialize)]
struct Raw {
    metadata: RawMeta,
    #[serde(default)]
    status: RawStatus,
}

#[derive(Deserialize)]
struct RawMeta {
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawStatus {
    phase: String,
    conditions: Vec<RawCondition>,
    container_statuses: Vec<RawContainer>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    last_transition_time: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawContainer {
    name: String,
    state: RawState,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawState {
    terminated: Option<Ended>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ended {
    exit_code: i32,
    finished_at: Option<Timestamp>,
}
