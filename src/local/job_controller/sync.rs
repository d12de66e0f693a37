//! One look at one Job: what it is, which pods it has, what is to be done. Pure: time comes in, a [`Decision`] comes out.
//!
//! The order is upstream's (`job_controller.go`, `syncJob`): count what ended, decide whether the Job has ended, then delete or
//! create pods, never both. The status is written twice, as upstream does it: first what ended is named in
//! `uncountedTerminatedPods`, then the pods lose their finalizers, then the counters grow and the last condition is set.

mod endings;
mod pods;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::pod::PodView;
use super::policy::{BackOff, BackOffRecord, Verdict, judge};
use crate::local::events::Told;

/// A pod to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPod {
    /// Its completion index, for an Indexed Job.
    pub index: Option<u32>,
    /// How often the index failed before; none without per-index limits.
    pub failures: Option<u32>,
    /// How often a failure of the index was ignored before.
    pub ignored_failures: u32,
}

/// What is to be done about a Job, in this order.
#[derive(Debug, Default)]
pub struct Decision {
    /// Pods that lose the tracking finalizer and are deleted, without being counted.
    pub remove: Vec<String>,
    /// Pods to delete; they are counted, so they keep the finalizer until then.
    pub delete: Vec<String>,
    /// Pods to make.
    pub create: Vec<NewPod>,
    /// The status to write before any finalizer goes.
    pub interim: JobStatus,
    /// Pods that lose the tracking finalizer, because they are counted or shall not be.
    pub release: Vec<String>,
    /// The status to write once the finalizers are gone.
    pub status: JobStatus,
    /// What to tell people.
    pub told: Vec<Told>,
    /// What to remember about the Job's failures.
    pub record: BackOffRecord,
    /// Look again after this time, even if nothing changes.
    pub again_after: Option<SignedDuration>,
}

/// Decides about a Job, from the pods that live or are not counted yet.
pub fn sync(job: &Job, pods: &[&PodView], back_off: BackOff, record: BackOffRecord, now: Timestamp) -> Decision {
    let empty = JobSpec::default();
    let spec = job.spec.as_ref().unwrap_or(&empty);
    let status = job.status.clone().unwrap_or_default();
    if has_condition(&status, "Complete") || has_condition(&status, "Failed") {
        return Decision {
            release: pods.iter().filter(|p| p.tracked).map(|p| p.name.clone()).collect(),
            interim: status.clone(),
            status,
            ..Decision::default()
        };
    }
    let mut sync = Sync::new(job, spec, pods, back_off, now);
    sync.status = status;
    sync.count_new(record);
    sync.start();
    sync.ending = sync.settled_ending().or_else(|| sync.failing_pod());
    if sync.ending.is_none() {
        sync.ending = sync.exceeded_limit();
    }
    if sync.indexed {
        sync.look_at_indexes();
    }
    if sync.ending.is_some() {
        sync.delete_active();
    } else {
        sync.manage_and_complete();
    }
    sync.finish()
}

/// How a Job ends, once that is decided: upstream's condition `SuccessCriteriaMet` or `FailureTarget`.
#[derive(Clone, Debug)]
struct Ending {
    is_success: bool,
    reason: String,
    message: String,
}

impl Ending {
    fn failure(reason: &str, message: &str) -> Self {
        Self {
            is_success: false,
            reason: reason.into(),
            message: message.into(),
        }
    }

    fn success(reason: &str, message: &str) -> Self {
        Self {
            is_success: true,
            ..Self::failure(reason, message)
        }
    }
}

struct Sync<'j> {
    spec: &'j JobSpec,
    namespace: &'j str,
    is_deleted: bool,
    pods: &'j [&'j PodView],
    back_off: BackOff,
    now: Timestamp,
    indexed: bool,
    completions: Option<u32>,
    status: JobStatus,
    /// The indexes that had succeeded at the last look, and those that have now.
    completed_before: BTreeSet<u32>,
    completed: BTreeSet<u32>,
    failed_indexes: BTreeSet<u32>,
    /// By index: the failed pod that stays tracked until its replacement exists, because it carries the failure count.
    delayed: BTreeMap<u32, &'j PodView>,
    /// How many have succeeded and failed, with those that are not counted yet.
    succeeded: i32,
    failed: i32,
    active: i32,
    ready: i32,
    terminating: i32,
    ending: Option<Ending>,
    decision: Decision,
}

impl<'j> Sync<'j> {
    fn new(job: &'j Job, spec: &'j JobSpec, pods: &'j [&'j PodView], back_off: BackOff, now: Timestamp) -> Self {
        Self {
            spec,
            namespace: job.metadata.namespace.as_deref().unwrap_or_default(),
            is_deleted: job.metadata.deletion_timestamp.is_some(),
            pods,
            back_off,
            now,
            indexed: spec.completion_mode.as_deref() == Some("Indexed"),
            completions: spec.completions.and_then(|c| u32::try_from(c).ok()),
            status: JobStatus::default(),
            completed_before: BTreeSet::new(),
            completed: BTreeSet::new(),
            failed_indexes: BTreeSet::new(),
            delayed: BTreeMap::new(),
            succeeded: 0,
            failed: 0,
            active: count(pods.iter().filter(|p| p.is_active())),
            ready: count(pods.iter().filter(|p| p.is_active() && p.ready)),
            terminating: count(pods.iter().filter(|p| p.is_terminating())),
            ending: None,
            decision: Decision::default(),
        }
    }

    /// Tells whether the pod has a place in the Job: an Indexed Job counts only pods with an index of its own.
    fn is_valid(&self, pod: &PodView) -> bool {
        !self.indexed || self.index(pod).is_some()
    }

    fn index(&self, pod: &PodView) -> Option<u32> {
        pod.index.filter(|i| self.completions.is_some_and(|c| *i < c))
    }

    fn replaces_failed_only(&self) -> bool {
        self.spec.pod_failure_policy.is_some() || self.spec.pod_replacement_policy.as_deref() == Some("Failed")
    }

    /// Tells whether the pod counts as failed; unless the Job waits for its end, a deleted pod does so at once.
    fn is_failed(&self, pod: &PodView) -> bool {
        pod.failed || (!self.replaces_failed_only() && pod.deleting && !pod.succeeded)
    }

    fn judge(&self, pod: &PodView) -> Verdict {
        judge(self.spec.pod_failure_policy.as_ref(), self.namespace, pod)
    }

    fn tracked(&self) -> impl Iterator<Item = &'j PodView> + use<'j> {
        self.pods.iter().copied().filter(|p| p.tracked)
    }

    /// Counts the pods that ended since the last look: the tracking finalizer says which are not counted.
    fn count_new(&mut self, record: BackOffRecord) {
        let ended: Vec<&PodView> = self.tracked().filter(|p| self.is_valid(p)).collect();
        let (succeeded, others): (Vec<&PodView>, Vec<&PodView>) = ended.into_iter().partition(|p| p.succeeded);
        let failed: Vec<&PodView> = others.into_iter().filter(|p| self.is_failed(p)).collect();
        let counted = count(failed.iter().filter(|p| self.judge(p) != Verdict::Ignore));
        self.succeeded = self.status.succeeded.unwrap_or(0) + count(succeeded.iter());
        self.failed = self.status.failed.unwrap_or(0) + counted;
        let times = |pods: &[&PodView]| pods.iter().filter_map(|p| p.finished_at).collect::<Vec<_>>();
        self.decision.record = record.after(&times(&succeeded), &times(&failed));
    }

    fn start(&mut self) {
        if self.status.start_time.is_none() && !self.is_suspended() {
            self.status.start_time = Some(Time(self.now));
        }
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    fn look_again_after(&mut self, time: SignedDuration) {
        let soonest = self.decision.again_after.map_or(time, |t| t.min(time));
        self.decision.again_after = Some(soonest);
    }
}

fn has_condition(status: &JobStatus, kind: &str) -> bool {
    let mut conditions = status.conditions.iter().flatten();
    conditions.any(|c| c.type_ == kind && c.status == "True")
}

/// Sets a condition, with reason and message, and tells whether that changed anything. What never held is not said not to hold.
fn set_condition(status: &mut JobStatus, kind: &str, holds: bool, words: (&str, &str), now: Timestamp) -> bool {
    let status_word = if holds { "True" } else { "False" };
    let condition = JobCondition {
        type_: kind.into(),
        status: status_word.into(),
        reason: Some(words.0.into()),
        message: Some(words.1.into()),
        last_probe_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    };
    let found = status.conditions.iter_mut().flatten().find(|c| c.type_ == kind);
    match found {
        Some(old)
            if (&old.status, &old.reason, &old.message)
                == (&condition.status, &condition.reason, &condition.message) =>
        {
            false
        }
        Some(old) => {
            *old = condition;
            true
        }
        None if holds => {
            status.conditions.get_or_insert_default().push(condition);
            true
        }
        None => false,
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> i32 {
    i32::try_from(items.count()).unwrap_or(i32::MAX)
}

/// Counters that are zero are absent in a Job's status.
fn positive(count: i32) -> Option<i32> {
    Some(count).filter(|c| *c > 0)
}

#[cfg(test)]
mod tests;
