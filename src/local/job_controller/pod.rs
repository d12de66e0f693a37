//! A pod as the Job controller needs it: a few fields, parsed once for each version of the pod.

use jiff::{SignedDuration, Timestamp};
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
    /// Its uid.
    pub uid: String,
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
    /// When its condition Ready changed last.
    pub ready_changed_at: Option<Timestamp>,
    /// How often its containers were started again, all together.
    pub restarts: u32,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it ended, as far as can be told.
    pub finished_at: Option<Timestamp>,
    /// How often its index failed before it.
    pub failures: u32,
    /// How often a failure of its index was ignored before it.
    pub ignored_failures: u32,
    /// The exit codes of its ended containers, by container name. They and its conditions are judged, and kept, of a pod that failed
    /// or was told to end.
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
        let containers = &raw.status.container_statuses;
        let ready = raw.status.conditions.iter().find(|c| c.kind == "Ready");
        let is_judged = raw.status.phase == "Failed" || meta.deletion_timestamp.is_some();
        Some(Self {
            name: object.key.name.clone(),
            uid: meta.uid.clone(),
            index: raw.metadata.annotations.get(INDEX).and_then(|v| v.parse().ok()),
            succeeded: raw.status.phase == "Succeeded",
            failed: raw.status.phase == "Failed",
            deleting: meta.deletion_timestamp.is_some(),
            tracked: meta.finalizers.iter().any(|f| f == TRACKING),
            bound: object.head.node().is_some(),
            running: raw.status.phase == "Running",
            ready: ready.is_some_and(|c| c.status == "True"),
            ready_changed_at: ready.and_then(|c| c.last_transition_time),
            restarts: containers.iter().map(|c| c.restart_count).sum(),
            created_at: meta.creation_timestamp,
            finished_at: raw
                .status
                .finished_at()
                .or_else(|| told_to_end_at(meta))
                .or(meta.creation_timestamp),
            failures: count(FAILURES),
            ignored_failures: count(IGNORED_FAILURES),
            exit_codes: containers
                .iter()
                .filter(|_| is_judged)
                .filter_map(|c| Some((c.name.clone(), c.state.terminated.as_ref()?.exit_code)))
                .collect(),
            conditions: raw
                .status
                .conditions
                .iter()
                .filter(|_| is_judged)
                .map(|c| (c.kind.clone(), c.status.clone()))
                .collect(),
        })
    }

    /// Returns how often its index failed before it, whether that counted or not.
    pub fn all_failures(&self) -> u32 {
        self.failures.saturating_add(self.ignored_failures)
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

/// Returns when a pod was told to end: its deletionTimestamp is that, plus its grace period.
fn told_to_end_at(meta: &HeadMeta) -> Option<Timestamp> {
    let grace = SignedDuration::from_secs(meta.deletion_grace_period_seconds.unwrap_or(0));
    meta.deletion_timestamp?.checked_sub(grace).ok()
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

impl RawStatus {
    /// Returns when the last container ended, once all have; else since when the pod has not been ready.
    fn finished_at(&self) -> Option<Timestamp> {
        let ends: Option<Vec<Timestamp>> = self
            .container_statuses
            .iter()
            .map(|c| c.state.terminated.as_ref()?.finished_at)
            .collect();
        let last = ends.and_then(|ends| ends.into_iter().max());
        let not_ready = || {
            let ready = self
                .conditions
                .iter()
                .find(|c| c.kind == "Ready" && c.status == "False");
            ready.and_then(|c| c.last_transition_time)
        };
        last.or_else(not_ready)
    }
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
#[serde(rename_all = "camelCase", default)]
struct RawContainer {
    name: String,
    restart_count: u32,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::local::kinds::Kind;
    use crate::local::object::Key;
    use crate::local::store::Store;

    fn read(meta: &Value, status: &Value) -> PodView {
        let mut all = json!({"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"});
        for (field, value) in meta.as_object().unwrap() {
            all[field] = value.clone();
        }
        let store = Arc::new(Store::default());
        let pod = json!({"metadata": all, "status": status});
        PodView::read(&store.create(Key::new(Kind::Pod, "default", "p"), pod).unwrap()).unwrap()
    }

    #[test]
    fn when_a_pod_ended_is_read_where_upstream_reads_it() {
        let deleted = json!({"deletionTimestamp": "2026-01-01T00:01:30Z", "deletionGracePeriodSeconds": 30});
        let ready = json!([{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:20Z"}]);
        let ended = |at: &str| json!({"name": "w", "state": {"terminated": {"exitCode": 1, "finishedAt": at}}});
        for (meta, status, want) in [
            (json!({}), json!({}), "2026-01-01T00:00:00Z"),
            (deleted.clone(), json!({}), "2026-01-01T00:01:00Z"),
            (deleted.clone(), json!({"conditions": ready}), "2026-01-01T00:00:20Z"),
            (
                deleted,
                json!({"conditions": ready, "containerStatuses": [ended("2026-01-01T00:00:05Z"), ended("2026-01-01T00:00:10Z")]}),
                "2026-01-01T00:00:10Z",
            ),
            (
                json!({}),
                json!({"conditions": ready, "containerStatuses": [ended("2026-01-01T00:00:05Z"), {"name": "x"}]}),
                "2026-01-01T00:00:20Z",
            ),
        ] {
            let view = read(&meta, &status);
            assert_eq!(view.finished_at.unwrap().to_string(), want);
        }
    }
}
