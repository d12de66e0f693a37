//! What a look comes to: which pods are counted, and what the status says before and after that.

use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::UncountedTerminatedPods;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Decision, Sync, count, positive, set_condition};
use crate::local::events::Told;
use crate::local::job_controller::indexes;
use crate::local::job_controller::pod::PodView;
use crate::local::job_controller::policy::Verdict;

/// Upstream counts at most this many pods in one go, so that the status stays small.
const UNCOUNTED_MAX: usize = 500;

/// The reasons for which a Job fails, which are the reasons of its Event too.
const FAILURE_REASONS: &[&str] = &[
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "PodFailurePolicy",
    "MaxFailedIndexesExceeded",
    "FailedIndexes",
];

impl Sync<'_> {
    /// Tells whether the pod need not be kept for counting any more.
    fn may_release(&self, pod: &PodView) -> bool {
        if self.is_deleted || self.ending.is_some() || pod.succeeded {
            return true;
        }
        let replaced_later = self.index(pod).and_then(|i| self.delayed.get(&i));
        self.is_failed(pod) && replaced_later.is_none_or(|d| d.uid != pod.uid)
    }

    /// Names the pods to release and to count, and tells whether that was all of them.
    fn take_ended(&mut self, uncounted: &mut UncountedTerminatedPods) -> bool {
        let is_failing = self.ending.as_ref().is_some_and(|e| !e.is_success);
        let mut tracked: Vec<&PodView> = self.tracked().collect();
        tracked.sort_by_key(|p| p.index);
        let mut taken = 0;
        for pod in tracked {
            if taken >= UNCOUNTED_MAX {
                return false;
            }
            if !self.may_release(pod) {
                continue;
            }
            self.decision.release.push(pod.name.clone());
            let is_counted = if pod.succeeded {
                let is_new = self.index(pod).is_some_and(|i| !self.completed_before.contains(&i));
                is_new || !self.indexed
            } else {
                let has_failed = self.is_failed(pod) || is_failing;
                has_failed && self.is_valid(pod) && self.judge(pod) != Verdict::Ignore
            };
            taken += usize::from(is_counted);
            if is_counted && !pod.succeeded {
                uncounted.failed.get_or_insert_default().push(pod.uid.clone());
            } else if is_counted && !self.indexed {
                // For an Indexed Job the completed indexes say already that it is counted.
                uncounted.succeeded.get_or_insert_default().push(pod.uid.clone());
            }
        }
        true
    }

    /// Counts what ended and writes down both statuses.
    pub(super) fn finish(mut self) -> Decision {
        self.status.terminating = Some(self.terminating);
        self.status.ready = Some(self.ready);
        self.status.active = positive(self.active);
        if self.indexed {
            self.status.succeeded = positive(self.succeeded);
            self.status.completed_indexes = Some(indexes::format(&self.completed)).filter(|t| !t.is_empty());
            let per_index = self.spec.backoff_limit_per_index.is_some();
            self.status.failed_indexes = per_index.then(|| indexes::format(&self.failed_indexes));
        }
        let mut uncounted = UncountedTerminatedPods::default();
        let all_taken = self.take_ended(&mut uncounted);
        if let Some(ending) = self.ending.clone() {
            let kind = if ending.is_success {
                "SuccessCriteriaMet"
            } else {
                "FailureTarget"
            };
            set_condition(
                &mut self.status,
                kind,
                true,
                (&ending.reason, &ending.message),
                self.now,
            );
        }
        let succeeded = count(uncounted.succeeded.iter().flatten());
        let failed = count(uncounted.failed.iter().flatten());
        self.status.uncounted_terminated_pods = Some(uncounted);
        self.decision.interim = self.status.clone();
        self.status.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
        self.status.succeeded = positive(self.status.succeeded.unwrap_or(0) + succeeded);
        self.status.failed = positive(self.status.failed.unwrap_or(0) + failed);
        if all_taken && self.terminating == 0 {
            self.conclude();
        } else if !all_taken {
            self.look_again_after(SignedDuration::ZERO);
        }
        self.decision.status = self.status;
        self.decision
    }

    /// Sets the last condition once no pod is left.
    fn conclude(&mut self) {
        let Some(ending) = self.ending.clone() else { return };
        let kind = if ending.is_success { "Complete" } else { "Failed" };
        set_condition(
            &mut self.status,
            kind,
            true,
            (&ending.reason, &ending.message),
            self.now,
        );
        if !ending.is_success {
            let reason = FAILURE_REASONS
                .iter()
                .find(|r| **r == ending.reason)
                .unwrap_or(&"Failed");
            return self.decision.told.push(Told::warning(reason, ending.message));
        }
        self.status.completion_time = Some(Time(self.now));
        if self
            .spec
            .completions
            .is_some_and(|c| self.status.succeeded.unwrap_or(0) > c)
        {
            let words = "Too many succeeded pods running after completion count reached";
            self.decision.told.push(Told::warning("TooManySucceededPods", words));
        }
        self.decision.told.push(Told::normal("Completed", "Job completed"));
    }
}
