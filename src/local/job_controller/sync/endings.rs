//! Whether a Job has ended, and how: upstream's criteria in upstream's order.

use jiff::SignedDuration;

use super::{Ending, Sync, count};
use crate::local::job_controller::policy::Verdict;
use crate::local::job_controller::{indexes, success};

impl Sync<'_> {
    /// Returns the ending that an earlier look decided.
    pub(super) fn settled_ending(&self) -> Option<Ending> {
        let find = |kind: &str| {
            let mut conditions = self.status.conditions.iter().flatten();
            conditions.find(|c| c.type_ == kind && c.status == "True")
        };
        let (condition, is_success) = match find("SuccessCriteriaMet") {
            Some(condition) => (condition, true),
            None => (find("FailureTarget")?, false),
        };
        Some(Ending {
            is_success,
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
        })
    }

    /// Returns the ending that a failed pod brings about by a `FailJob` rule.
    pub(super) fn failing_pod(&self) -> Option<Ending> {
        self.spec.pod_failure_policy.as_ref()?;
        let mut failed = self.pods.iter().filter(|p| self.is_failed(p));
        failed.find_map(|pod| match self.judge(pod) {
            Verdict::FailJob(words) => Some(Ending::failure("PodFailurePolicy", &words)),
            Verdict::Count | Verdict::Ignore | Verdict::FailIndex => None,
        })
    }

    /// Returns the ending by too many failures or too much time; if time is left, asks to be called again then.
    pub(super) fn exceeded_limit(&mut self) -> Option<Ending> {
        let limit = self.spec.backoff_limit.unwrap_or(6);
        if self.failed > limit || self.restarts_exceed(limit) {
            let words = "Job has reached the specified backoff limit";
            return Some(Ending::failure("BackoffLimitExceeded", words));
        }
        let started = self.status.start_time.as_ref().filter(|_| !self.is_suspended())?.0;
        let left = SignedDuration::from_secs(self.spec.active_deadline_seconds?) - self.now.duration_since(started);
        if left <= SignedDuration::ZERO {
            let words = "Job was active longer than specified deadline";
            return Some(Ending::failure("DeadlineExceeded", words));
        }
        self.look_again_after(left);
        None
    }

    /// With `restartPolicy: OnFailure` it is the containers' restarts that count, while their pods live.
    fn restarts_exceed(&self, limit: i32) -> bool {
        let template = self.spec.template.spec.as_ref();
        if template.and_then(|s| s.restart_policy.as_deref()) != Some("OnFailure") {
            return false;
        }
        let restarts: u32 = self.pods.iter().filter(|p| !p.is_terminal()).map(|p| p.restarts).sum();
        i64::from(restarts) >= i64::from(limit.max(1))
    }

    /// Brings the completed and the failed indexes up to date, and decides whether they end the Job.
    pub(super) fn look_at_indexes(&mut self) {
        let completions = self.completions.unwrap_or_default();
        let parse = |text: Option<&String>| indexes::parse(text.map_or("", String::as_str), completions);
        self.completed_before = parse(self.status.completed_indexes.as_ref());
        self.completed.clone_from(&self.completed_before);
        let new = self.tracked().filter(|p| p.succeeded).filter_map(|p| self.index(p));
        let new: Vec<u32> = new.collect();
        self.completed.extend(new);
        self.succeeded = count(self.completed.iter());
        if let Some(limit) = self.spec.backoff_limit_per_index {
            self.failed_indexes = parse(self.status.failed_indexes.as_ref());
            let new: Vec<u32> = self.newly_failed_indexes(limit);
            self.failed_indexes.extend(new);
            if self.ending.is_none() {
                self.ending = self.too_many_failed_indexes(completions);
            }
            self.delay_replaced_pods();
        }
        if self.ending.is_none()
            && let Some(policy) = &self.spec.success_policy
            && let Some(words) = success::met(policy, completions, &self.completed)
        {
            self.ending = Some(Ending::success("SuccessPolicy", &words));
        }
    }

    fn newly_failed_indexes(&self, limit: i32) -> Vec<u32> {
        let failed = self.tracked().filter(|p| self.is_failed(p));
        let given_up = failed.filter(|p| match self.judge(p) {
            Verdict::FailIndex => true,
            Verdict::Ignore => false,
            Verdict::Count | Verdict::FailJob(_) => i64::from(p.failures) >= i64::from(limit),
        });
        given_up.filter_map(|p| self.index(p)).collect()
    }

    fn too_many_failed_indexes(&self, completions: u32) -> Option<Ending> {
        let failed = count(self.failed_indexes.iter());
        if self.spec.max_failed_indexes.is_some_and(|max| failed > max) {
            let words = "Job has exceeded the specified maximal number of failed indexes";
            return Some(Ending::failure("MaxFailedIndexesExceeded", words));
        }
        let all_ended = i64::from(failed) + i64::from(self.succeeded) >= i64::from(completions);
        (failed > 0 && all_ended).then(|| Ending::failure("FailedIndexes", "Job has failed indexes"))
    }
}
