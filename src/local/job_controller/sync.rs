//! One look at one Job: what it is, which pods it has, what is to be done. Pure: time comes in, a [`Decision`] comes out.
//!
//! The order is upstream's (`job_controller.go`, `syncJob`): count what ended, decide whether the Job has ended, then delete or
//! create pods, never both. Known differences: counted pods are written in one status update instead of passing through
//! `uncountedTerminatedPods`, because here the status and the finalizers cannot be written apart by a crash.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::indexes;
use super::pod::PodView;
use super::policy::{BackOff, Verdict, judge};
use crate::local::events::Told;

/// Upstream creates at most this many pods in one go.
const CREATIONS_MAX: usize = 500;

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

/// What is to be done about a Job.
#[derive(Debug, Default)]
pub struct Decision {
    /// The status to write.
    pub status: JobStatus,
    /// Pods that lose the tracking finalizer, because they are counted or shall not be.
    pub release: Vec<String>,
    /// Pods to delete.
    pub delete: Vec<String>,
    /// Pods to make.
    pub create: Vec<NewPod>,
    /// What to tell people.
    pub told: Vec<Told>,
    /// Look again after this time, even if nothing changes.
    pub again_after: Option<SignedDuration>,
}

/// Decides about a Job.
pub fn sync(job: &Job, pods: &[&PodView], back_off: BackOff, now: Timestamp) -> Decision {
    let empty = JobSpec::default();
    let spec = job.spec.as_ref().unwrap_or(&empty);
    let status = job.status.clone().unwrap_or_default();
    let mut sync = Sync::new(spec, status, pods, back_off, now);
    if sync.has_condition("Complete") || sync.has_condition("Failed") {
        sync.decision.release = pods.iter().filter(|p| p.tracked).map(|p| p.name.clone()).collect();
        return sync.finish();
    }
    sync.start();
    sync.count_ended();
    sync.check_deadline();
    if sync.ending().is_none() {
        sync.decide_whether_ended();
    }
    match sync.ending() {
        Some(_) => sync.delete_active_of_ended(),
        None if spec.suspend == Some(true) => sync.suspend(),
        None => {
            sync.resume();
            sync.match_parallelism();
        }
    }
    sync.conclude();
    sync.finish()
}

struct Sync<'j> {
    spec: &'j JobSpec,
    pods: &'j [&'j PodView],
    back_off: BackOff,
    now: Timestamp,
    indexed: bool,
    completions: Option<u32>,
    completed: BTreeSet<u32>,
    failed_indexes: BTreeSet<u32>,
    /// By index: the failed pod that stays tracked until its replacement exists, because it carries the failure count.
    delayed: BTreeMap<u32, &'j PodView>,
    active: i32,
    decision: Decision,
}

impl<'j> Sync<'j> {
    fn new(spec: &'j JobSpec, status: JobStatus, pods: &'j [&'j PodView], back_off: BackOff, now: Timestamp) -> Self {
        let completions = spec.completions.and_then(|c| u32::try_from(c).ok());
        let limit = completions.unwrap_or_default();
        Self {
            spec,
            pods,
            back_off,
            now,
            indexed: spec.completion_mode.as_deref() == Some("Indexed"),
            completions,
            completed: indexes::parse(status.completed_indexes.as_deref().unwrap_or_default(), limit),
            failed_indexes: indexes::parse(status.failed_indexes.as_deref().unwrap_or_default(), limit),
            delayed: BTreeMap::new(),
            active: count(pods.iter().filter(|p| p.is_active())),
            decision: Decision {
                status,
                ..Decision::default()
            },
        }
    }

    fn has_condition(&self, kind: &str) -> bool {
        self.decision
            .status
            .conditions
            .iter()
            .flatten()
            .any(|c| c.type_ == kind && c.status == "True")
    }

    /// Returns the condition that says the Job is ending, once it is decided.
    fn ending(&self) -> Option<&JobCondition> {
        let kinds = ["SuccessCriteriaMet", "FailureTarget"];
        self.decision
            .status
            .conditions
            .iter()
            .flatten()
            .find(|c| kinds.contains(&c.type_.as_str()) && c.status == "True")
    }

    fn condition(&mut self, kind: &str, holds: bool, reason: &str, message: &str) {
        let status = if holds { "True" } else { "False" };
        let time = Some(Time(self.now));
        let condition = JobCondition {
            type_: kind.into(),
            status: status.into(),
            reason: Some(reason.into()),
            message: Some(message.into()),
            last_probe_time: time.clone(),
            last_transition_time: time,
        };
        let list = self.decision.status.conditions.get_or_insert_default();
        match list.iter_mut().find(|c| c.type_ == kind) {
            Some(found) if found.status == status => {}
            Some(found) => *found = condition,
            None => list.push(condition),
        }
    }

    fn start(&mut self) {
        if self.decision.status.start_time.is_none() && self.spec.suspend != Some(true) {
            self.decision.status.start_time = Some(Time(self.now));
        }
    }

    fn replaces_failed_only(&self) -> bool {
        self.spec.pod_failure_policy.is_some() || self.spec.pod_replacement_policy.as_deref() == Some("Failed")
    }

    /// Counts the pods that ended since the last look, once each: the tracking finalizer says which are not counted.
    fn count_ended(&mut self) {
        let mut failed: Vec<(&PodView, Verdict)> = Vec::new();
        for pod in self.pods.iter().copied().filter(|p| p.tracked) {
            if pod.succeeded {
                self.count_success(pod);
            } else if pod.failed || (pod.deleting && !self.replaces_failed_only()) {
                failed.push((pod, judge(self.spec.pod_failure_policy.as_ref(), pod)));
            }
        }
        for (pod, verdict) in &failed {
            if let (Verdict::FailJob(words), false) = (verdict, self.ending().is_some()) {
                self.fail("PodFailurePolicy", words);
            }
            self.judge_index(pod, verdict);
        }
        self.delay_replaced_pods(&failed);
        for (pod, verdict) in failed {
            let waits = pod
                .index
                .and_then(|i| self.delayed.get(&i))
                .is_some_and(|d| d.name == pod.name);
            if waits {
                continue;
            }
            self.decision.release.push(pod.name.clone());
            if verdict != Verdict::Ignore {
                *self.decision.status.failed.get_or_insert(0) += 1;
            }
        }
        if self.indexed {
            self.decision.status.succeeded = positive(count(self.completed.iter()));
        }
    }

    fn count_success(&mut self, pod: &PodView) {
        self.decision.release.push(pod.name.clone());
        match (self.indexed, pod.index) {
            (true, Some(index)) if self.completions.is_some_and(|c| index < c) => {
                // A second success of an index counts nothing: the set holds it already.
                self.completed.insert(index);
                self.failed_indexes.remove(&index);
            }
            (true, _) => {}
            (false, _) => *self.decision.status.succeeded.get_or_insert(0) += 1,
        }
    }

    fn judge_index(&mut self, pod: &PodView, verdict: &Verdict) {
        let (Some(limit), Some(index)) = (self.spec.backoff_limit_per_index, pod.index) else {
            return;
        };
        if self.completed.contains(&index) {
            return;
        }
        let failures = i64::from(pod.failures) + i64::from(*verdict != Verdict::Ignore);
        if *verdict == Verdict::FailIndex || failures > i64::from(limit) {
            self.failed_indexes.insert(index);
        }
    }

    fn delay_replaced_pods(&mut self, failed: &[(&'j PodView, Verdict)]) {
        if self.spec.backoff_limit_per_index.is_none() || self.ending().is_some() {
            return;
        }
        let live: BTreeSet<u32> = self
            .pods
            .iter()
            .filter(|p| !p.is_terminal())
            .filter_map(|p| p.index)
            .collect();
        for (pod, _) in failed {
            let Some(index) = pod.index else { continue };
            if live.contains(&index) || self.completed.contains(&index) || self.failed_indexes.contains(&index) {
                continue;
            }
            let newest = self.delayed.entry(index).or_insert(pod);
            if (pod.failures, pod.finished_at) > (newest.failures, newest.finished_at) {
                *newest = pod;
            }
        }
    }

    fn check_deadline(&mut self) {
        let started = self.decision.status.start_time.as_ref().map(|t| t.0);
        let (Some(limit_s), Some(started)) = (self.spec.active_deadline_seconds, started) else {
            return;
        };
        if self.ending().is_some() || self.spec.suspend == Some(true) {
            return;
        }
        let left = SignedDuration::from_secs(limit_s) - self.now.duration_since(started);
        if left <= SignedDuration::ZERO {
            self.fail("DeadlineExceeded", "Job was active longer than specified deadline");
        } else {
            self.look_again_after(left);
        }
    }

    fn decide_whether_ended(&mut self) {
        let failed = self.decision.status.failed.unwrap_or(0);
        let succeeded = u32::try_from(self.decision.status.succeeded.unwrap_or(0)).unwrap_or(0);
        if failed > self.spec.backoff_limit.unwrap_or(6) {
            return self.fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }
        if let Some(max) = self.spec.max_failed_indexes
            && count(self.failed_indexes.iter()) > max
        {
            return self.fail(
                "MaxFailedIndexesExceeded",
                "Job has exceeded the specified maximal number of failed indexes",
            );
        }
        let is_complete = match self.completions {
            // Without completions the first success ends the Job once every pod has ended.
            None => succeeded > 0 && self.active == 0,
            Some(completions) => succeeded >= completions,
        };
        if is_complete {
            return self.condition(
                "SuccessCriteriaMet",
                true,
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            );
        }
        let ended = self.completed.len() + self.failed_indexes.len();
        if self.indexed && !self.failed_indexes.is_empty() && self.completions.is_some_and(|c| ended >= c as usize) {
            self.fail("FailedIndexes", "Job has failed indexes");
        }
    }

    fn fail(&mut self, reason: &str, message: &str) {
        self.condition("FailureTarget", true, reason, message);
    }

    fn delete_active_of_ended(&mut self) {
        for pod in self.pods.iter().filter(|p| p.is_active()) {
            self.decision.delete.push(pod.name.clone());
        }
        if let Some(word) = self.decision.delete.first().filter(|_| self.decision.delete.len() == 1) {
            let told = Told::normal("SuccessfulDelete", format!("Deleted pod: {word}"));
            self.decision.told.push(told);
        }
        self.active = 0;
    }

    fn suspend(&mut self) {
        for pod in self.pods.iter().filter(|p| p.is_active()) {
            // Without the finalizer the deleted pod is never counted: a suspension is not a failure.
            self.decision.release.push(pod.name.clone());
            self.decision.delete.push(pod.name.clone());
        }
        self.active = 0;
        if !self.has_condition("Suspended") {
            self.condition("Suspended", true, "JobSuspended", "Job suspended");
            self.decision.status.start_time = None;
            self.decision.told.push(Told::normal("Suspended", "Job suspended"));
        }
    }

    fn resume(&mut self) {
        if self.has_condition("Suspended") {
            self.condition("Suspended", false, "JobResumed", "Job resumed");
            self.decision.status.start_time = Some(Time(self.now));
            self.decision.told.push(Told::normal("Resumed", "Job resumed"));
        }
    }

    fn match_parallelism(&mut self) {
        let parallelism = self.spec.parallelism.unwrap_or(1);
        let done = self.decision.status.succeeded.unwrap_or(0);
        let wanted = match self.completions {
            // Once one pod of a work queue has succeeded, no new ones are started.
            None if done > 0 => self.active,
            None => parallelism,
            Some(completions) => parallelism.min(i32::try_from(completions).unwrap_or(i32::MAX) - done),
        };
        if self.active > wanted {
            self.remove_pods(usize::try_from(self.active - wanted).unwrap_or(0));
            return;
        }
        let terminating = if self.replaces_failed_only() {
            count(self.pods.iter().filter(|p| p.is_terminating()))
        } else {
            0
        };
        let missing = usize::try_from(wanted - self.active - terminating).unwrap_or(0);
        if missing > 0 {
            self.add_pods(missing);
        }
    }

    fn remove_pods(&mut self, how_many: usize) {
        let mut active: Vec<&PodView> = self.pods.iter().copied().filter(|p| p.is_active()).collect();
        // Upstream's rank: not bound before bound, pending before running, not ready before ready, then the younger first.
        active.sort_by_key(|p| {
            (
                p.bound,
                p.running,
                p.ready,
                std::cmp::Reverse(p.created_at),
                std::cmp::Reverse(p.index),
            )
        });
        for pod in active.into_iter().take(how_many) {
            self.decision.release.push(pod.name.clone());
            self.decision.delete.push(pod.name.clone());
            self.active -= 1;
            self.decision
                .told
                .push(Told::normal("SuccessfulDelete", format!("Deleted pod: {}", pod.name)));
        }
    }

    fn add_pods(&mut self, missing: usize) {
        if !self.indexed {
            return self.add_plain_pods(missing);
        }
        let blocked: BTreeSet<u32> = self
            .pods
            .iter()
            .filter(|p| self.blocks_its_index(p))
            .filter_map(|p| p.index)
            .collect();
        let taken = |i: &u32| self.completed.contains(i) || self.failed_indexes.contains(i) || blocked.contains(i);
        let next: Vec<u32> = (0..self.completions.unwrap_or(0))
            .filter(|i| !taken(i))
            .take(missing)
            .collect();
        let mut wait: Option<SignedDuration> = None;
        for index in next {
            let (failures, ignored_failures, left) = self.tries_before(index);
            if left > SignedDuration::ZERO {
                // The index keeps its place among the missing while it waits, as upstream has it.
                wait = Some(wait.map_or(left, |w| w.min(left)));
            } else if self.decision.create.len() < CREATIONS_MAX {
                self.decision.create.push(NewPod {
                    index: Some(index),
                    failures,
                    ignored_failures,
                });
            } else {
                wait = Some(SignedDuration::ZERO);
            }
        }
        self.active += count(self.decision.create.iter());
        if let Some(left) = wait {
            self.look_again_after(left);
        }
    }

    fn blocks_its_index(&self, pod: &PodView) -> bool {
        pod.is_active() || (pod.is_terminating() && self.replaces_failed_only())
    }

    /// Returns the failure counts that a new pod of this index starts with, and how long it has to wait.
    fn tries_before(&self, index: u32) -> (Option<u32>, u32, SignedDuration) {
        if self.spec.backoff_limit_per_index.is_none() {
            return (None, 0, self.left_of_job_back_off());
        }
        let Some(pod) = self.delayed.get(&index) else {
            return (Some(0), 0, SignedDuration::ZERO);
        };
        if judge(self.spec.pod_failure_policy.as_ref(), pod) == Verdict::Ignore {
            return (Some(pod.failures), pod.ignored_failures + 1, SignedDuration::ZERO);
        }
        let failures = pod.failures + 1;
        (
            Some(failures),
            pod.ignored_failures,
            self.back_off.remaining(failures, pod.finished_at, self.now),
        )
    }

    /// Returns how long the whole Job has to wait before its next pod; zero when it need not.
    fn left_of_job_back_off(&self) -> SignedDuration {
        let failures = u32::try_from(self.decision.status.failed.unwrap_or(0)).unwrap_or(0);
        let failed = self.pods.iter().filter(|p| p.failed);
        let last = failed.filter_map(|p| p.finished_at).max();
        self.back_off.remaining(failures, last, self.now)
    }

    fn add_plain_pods(&mut self, missing: usize) {
        let left = self.left_of_job_back_off();
        if left > SignedDuration::ZERO {
            return self.look_again_after(left);
        }
        let new = NewPod {
            index: None,
            failures: None,
            ignored_failures: 0,
        };
        self.decision.create = vec![new; missing.min(CREATIONS_MAX)];
        self.active += count(self.decision.create.iter());
    }

    /// Sets the last condition once no pod is left, as upstream does since 1.31.
    fn conclude(&mut self) {
        let left = self.pods.iter().any(|p| !p.is_terminal());
        let Some(ending) = self.ending().cloned().filter(|_| !left) else {
            return;
        };
        let (reason, message) = (ending.reason.unwrap_or_default(), ending.message.unwrap_or_default());
        if ending.type_ == "SuccessCriteriaMet" {
            self.condition("Complete", true, &reason, &message);
            self.decision.status.completion_time = Some(Time(self.now));
            self.decision.told.push(Told::normal("Completed", "Job completed"));
        } else {
            self.condition("Failed", true, &reason, &message);
            let reason = FAILURE_REASONS.iter().find(|r| **r == reason).unwrap_or(&"Failed");
            self.decision.told.push(Told::warning(reason, message));
        }
    }

    fn look_again_after(&mut self, time: SignedDuration) {
        let soonest = self.decision.again_after.map_or(time, |t| t.min(time));
        self.decision.again_after = Some(soonest);
    }

    fn finish(mut self) -> Decision {
        let terminating = self.pods.iter().filter(|p| p.is_terminating());
        let status = &mut self.decision.status;
        status.terminating = Some(count(terminating));
        status.ready = Some(count(self.pods.iter().filter(|p| p.is_active() && p.ready)));
        status.active = positive(self.active);
        status.uncounted_terminated_pods = Some(k8s_openapi::api::batch::v1::UncountedTerminatedPods::default());
        if self.indexed {
            status.completed_indexes = Some(indexes::format(&self.completed)).filter(|t| !t.is_empty());
            if self.spec.backoff_limit_per_index.is_some() {
                status.failed_indexes = Some(indexes::format(&self.failed_indexes));
            }
        }
        self.decision
    }
}

const FAILURE_REASONS: &[&str] = &[
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "PodFailurePolicy",
    "MaxFailedIndexesExceeded",
    "FailedIndexes",
];

fn count<T>(items: impl Iterator<Item = T>) -> i32 {
    i32::try_from(items.count()).unwrap_or(i32::MAX)
}

/// Counters that are zero are absent in a Job's status.
fn positive(count: i32) -> Option<i32> {
    Some(count).filter(|c| *c > 0)
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
