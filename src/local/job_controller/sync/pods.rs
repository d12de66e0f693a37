//! Which pods a Job makes and removes, while it lives and when it ends.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Ending, NewPod, Sync, count, set_condition};
use crate::local::events::Told;
use crate::local::job_controller::pod::PodView;
use crate::local::job_controller::policy::Verdict;
use crate::local::job_controller::removal;

/// Upstream creates or deletes at most this many pods in one go.
const PODS_MAX: usize = 500;

impl<'j> Sync<'j> {
    /// Finds the failed pods that stay tracked until their replacements exist: they carry the failure counts.
    pub(super) fn delay_replaced_pods(&mut self) {
        let active: BTreeSet<u32> = self.active_pods().iter().filter_map(|p| self.index(p)).collect();
        let failed: Vec<&'j PodView> = self.tracked().filter(|p| self.is_failed(p)).collect();
        for pod in failed {
            let Some(index) = self.index(pod) else { continue };
            if active.contains(&index) || self.completed.contains(&index) || self.failed_indexes.contains(&index) {
                continue;
            }
            let newest = self.delayed.entry(index).or_insert(pod);
            if newest.all_failures() <= pod.all_failures() && newest.finished_at <= pod.finished_at {
                *newest = pod;
            }
        }
    }

    fn active_pods(&self) -> Vec<&'j PodView> {
        self.pods.iter().copied().filter(|p| p.is_active()).collect()
    }

    /// Returns the active pods that go when at least so many are to.
    fn superfluous(&self, at_least: usize) -> Vec<&'j PodView> {
        let completions = self.completions.filter(|_| self.indexed);
        removal::choose(&self.active_pods(), at_least, completions)
    }

    /// A Job that ends deletes what runs; the pods are counted on the way, each for what the ending makes of it.
    pub(super) fn delete_active(&mut self) {
        let active = self.active_pods();
        self.terminating += self.active;
        self.active = 0;
        self.ready = 0;
        self.decision.delete = active.into_iter().map(|p| p.name.clone()).collect();
    }

    /// Makes or removes pods, and finds out whether the Job is complete then.
    pub(super) fn manage_and_complete(&mut self) {
        if !self.is_deleted && self.is_suspended() {
            let all = self.superfluous(usize::MAX);
            self.remove_pods(&all);
        } else if !self.is_deleted {
            self.match_parallelism();
        }
        let is_complete = match self.spec.completions {
            // Without completions the first success ends the Job once every pod has ended.
            None => self.succeeded > 0 && self.active == 0,
            Some(completions) => self.succeeded >= completions && self.active == 0,
        };
        if is_complete {
            let words = "Reached expected number of succeeded pods";
            self.ending = Some(Ending::success("CompletionsReached", words));
        } else if !self.is_deleted {
            self.tell_suspension();
        }
    }

    fn tell_suspension(&mut self) {
        let suspended = self.is_suspended();
        let (reason, words) = if suspended {
            ("JobSuspended", "Job suspended")
        } else {
            ("JobResumed", "Job resumed")
        };
        if !set_condition(&mut self.status, "Suspended", suspended, (reason, words), self.now) {
            return;
        }
        if suspended {
            self.decision.told.push(Told::normal("Suspended", words));
        } else {
            // The deadline is for the time that the Job runs without a break.
            self.status.start_time = Some(Time(self.now));
            self.decision.told.push(Told::normal("Resumed", words));
        }
    }

    fn match_parallelism(&mut self) {
        let parallelism = self.spec.parallelism.unwrap_or(1);
        let wanted = match self.spec.completions {
            // Once one pod of a work queue has succeeded, no new ones are started.
            None if self.succeeded > 0 => self.active,
            None => parallelism,
            Some(completions) => parallelism.min(completions - self.succeeded).max(0),
        };
        let too_many = usize::try_from(self.active - wanted).unwrap_or(0);
        let mut superfluous = self.superfluous(too_many);
        superfluous.truncate(PODS_MAX);
        if !superfluous.is_empty() {
            return self.remove_pods(&superfluous);
        }
        let terminating = if self.replaces_failed_only() {
            self.terminating
        } else {
            0
        };
        let missing = usize::try_from(wanted - terminating - self.active).unwrap_or(0);
        if missing > 0 {
            self.add_pods(missing.min(PODS_MAX));
        }
    }

    /// Removes pods that are not to be counted: a pod that is suspended or scaled away is no failure.
    fn remove_pods(&mut self, pods: &[&PodView]) {
        self.active -= count(pods.iter());
        self.terminating += count(pods.iter());
        self.ready -= count(pods.iter().filter(|p| p.ready));
        self.decision.remove = pods.iter().map(|p| p.name.clone()).collect();
    }

    fn add_pods(&mut self, missing: usize) {
        let left = if self.spec.backoff_limit_per_index.is_some() {
            SignedDuration::ZERO
        } else {
            let record = self.decision.record;
            self.back_off.remaining(record.failures, record.last_failure, self.now)
        };
        if left > SignedDuration::ZERO {
            return self.wait(left);
        }
        let (create, soonest) = if self.indexed {
            self.new_indexed_pods(missing)
        } else {
            let plain = NewPod {
                index: None,
                failures: None,
                ignored_failures: 0,
            };
            (vec![plain; missing], None)
        };
        match soonest {
            Some(left) if create.is_empty() => return self.wait(left),
            // The others start now, and those that wait are looked at again.
            Some(left) => self.look_again_after(left),
            None => {}
        }
        self.active += count(create.iter());
        self.decision.create = create;
    }

    /// Waits for a back-off to end. Upstream writes 0 as `active` for that time, whatever runs; clients see the same here.
    fn wait(&mut self, left: SignedDuration) {
        self.look_again_after(left);
        self.active = 0;
    }

    /// Returns the pods of the lowest missing indexes that need not wait, and when the first of the others may start.
    ///
    /// An index keeps its place among the missing while it waits, as upstream has it.
    fn new_indexed_pods(&self, missing: usize) -> (Vec<NewPod>, Option<SignedDuration>) {
        let blocks = |p: &PodView| p.is_active() || (p.is_terminating() && self.replaces_failed_only());
        let blocked: BTreeSet<u32> = self.pods.iter().filter(|p| blocks(p)).filter_map(|p| p.index).collect();
        let taken = |i: &u32| self.completed.contains(i) || self.failed_indexes.contains(i) || blocked.contains(i);
        let next = (0..self.completions.unwrap_or(0)).filter(|i| !taken(i)).take(missing);
        let (mut create, mut soonest) = (Vec::new(), None);
        for index in next {
            let (pod, left) = self.new_indexed_pod(index);
            if left > SignedDuration::ZERO {
                soonest = Some(soonest.map_or(left, |s: SignedDuration| s.min(left)));
            } else {
                create.push(pod);
            }
        }
        (create, soonest)
    }

    fn new_indexed_pod(&self, index: u32) -> (NewPod, SignedDuration) {
        let per_index = self.spec.backoff_limit_per_index.is_some();
        let mut new = NewPod {
            index: Some(index),
            failures: per_index.then_some(0),
            ignored_failures: 0,
        };
        let Some(pod) = self.delayed.get(&index) else {
            return (new, SignedDuration::ZERO);
        };
        let ignored = u32::from(self.judge(pod) == Verdict::Ignore);
        new.failures = Some(pod.failures + 1 - ignored);
        new.ignored_failures = pod.ignored_failures + ignored;
        let tries = pod.all_failures().saturating_add(1);
        (new, self.back_off.remaining(tries, pod.finished_at, self.now))
    }
}
