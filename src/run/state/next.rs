//! What follows on an attempt without a result: whether the Job controller itself ended it, and whether it tries the index again.
//!
//! It tells what Kubernetes' own Job controller does with the retries of the plan. Advisory: nothing here counts.

use ttg_worker::protocol::exit;

use super::RunState;
use super::pod::{Attempt, Pod};
use super::results::Values;
use super::small::Mark;
use crate::run::fact::{CompletionIndex, JobFact};
use crate::run::told::{Next, Stop};

/// How long the Job controller waits after the first failure of an index; it doubles with each.
const BACK_OFF_MS: u64 = 10_000;

/// How long it waits at most.
const BACK_OFF_MS_MAX: u64 = 600_000;

/// The worker's exit codes that the pod failure policy calls final.
const HOPELESS_EXIT_CODES: [u8; 2] = [exit::BAD_INPUT, exit::REFUSED];

impl RunState {
    /// Returns the Job of a pod, if it is the one that runs now.
    fn job_of(&self, pod: &Pod) -> Option<&JobFact> {
        self.job().filter(|job| self.pods.job(pod.job) == Some(&job.uid))
    }

    /// Returns how an attempt of an index that ended without a result goes on: why the Job controller stopped it, and what it
    /// does next; each as far as that is known.
    pub fn after(&self, index: CompletionIndex, attempt: &Attempt<'_>) -> (Option<Stop>, Option<Next>) {
        let pod = self.pods_of(index).find(|pod| *pod.name == *attempt.pod);
        pod.map_or((None, None), |pod| {
            (self.stop_of(pod), self.next_of(pod, attempt.number))
        })
    }

    /// Says why the Job controller ended a pod; none for a pod that somebody else ended.
    pub(super) fn stop_of(&self, pod: &Pod) -> Option<Stop> {
        let job = self.job_of(pod)?;
        if pod.is_disrupted() {
            return None;
        }
        if self.jobs.is_over() || is_ending(job) {
            return Some(Stop::JobOver);
        }
        if !pod.marks.has(Mark::Released) {
            return None;
        }
        Some(match (job.suspend || pod.marks.has(Mark::Suspended), &job.cancelled) {
            (true, Some(_)) => Stop::Cancelling,
            (true, None) => Stop::Suspending,
            (false, _) => Stop::ScalingDown,
        })
    }

    /// Says what the Job controller does about the index of a pod that ended without a result, where that follows from this end.
    pub(super) fn next_of(&self, pod: &Pod, attempt: u32) -> Option<Next> {
        let job = self.job_of(pod)?;
        let index = pod.index;
        let is_final = |code| HOPELESS_EXIT_CODES.map(i32::from).contains(&code);
        let is_hopeless = !pod.is_disrupted() && pod.exit_code().is_some_and(is_final);
        let given_up = if is_hopeless { Next::Hopeless } else { Next::NoRetries };
        if self.jobs.failed().contains(index) {
            return Some(given_up);
        }
        let goes_on = job.goes_on() && !is_ending(job) && !self.is_over_for(index) && job.managed_by.is_none();
        let is_needed = self.values_of(index) == Values::None && self.pods_of(index).all(Pod::is_over);
        if !goes_on || !is_needed || !pod.is_failure() {
            return None;
        }
        if is_hopeless {
            return Some(given_up);
        }
        let failures = self
            .pods_of(index)
            .filter(|other| other.job == pod.job && other.is_failure());
        let disrupted: Vec<bool> = failures.map(Pod::is_disrupted).collect();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        // A disruption delays the next pod like a failure, but costs none of the retries.
        let counted = number(disrupted.iter().filter(|is_disrupted| !**is_disrupted).count());
        let Some(left) = self.plan.retries.checked_sub(counted) else {
            return Some(given_up);
        };
        let attempt = attempt.saturating_add(1);
        Some(Next::Again {
            after_ms: back_off_ms(number(disrupted.len())),
            attempt,
            of: attempt.saturating_add(left),
        })
    }
}

/// Tells whether a Job ends the pods that it still has.
fn is_ending(job: &JobFact) -> bool {
    job.deleting || job.condition("FailureTarget").is_some() || job.condition("SuccessCriteriaMet").is_some()
}

/// Returns how long the Job controller waits after so many failures of an index.
fn back_off_ms(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(6);
    (BACK_OFF_MS << doublings).min(BACK_OFF_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fact::{Delta, Phase, PodFact, Reason};
    use crate::run::state::IndexState;
    use crate::run::state::fixtures::{
        apply, at, exited, job, of_rerun, pod, rerun_job, running, state, with_condition,
    };
    use crate::run::told::RunEvent;

    /// Returns what was told of the end of the last of these pods.
    fn told(state: &mut RunState, pods: Vec<PodFact>) -> (Option<Stop>, Option<Next>) {
        match apply(state, pods).pop() {
            Some(RunEvent::AttemptFailed { next, .. }) => (None, next),
            Some(RunEvent::AttemptEnded { stopped_by, next, .. }) => (stopped_by, next),
            other => panic!("{other:?}"),
        }
    }

    fn with_job(job: JobFact) -> RunState {
        let mut state = state(2);
        state.apply_job(at(0), Delta::Applied(Box::new(job)));
        state
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be none")]
    fn again(after_s: u64, attempt: u32, of: u32) -> Option<Next> {
        Some(Next::Again {
            after_ms: after_s * 1_000,
            attempt,
            of,
        })
    }

    /// The pod as it is while it is told to end.
    fn ending(created: i64, revision: u64, released: bool) -> PodFact {
        PodFact {
            terminating: true,
            released,
            ..running(0, created, revision)
        }
    }

    fn ended(created: i64, revision: u64) -> PodFact {
        PodFact {
            terminating: true,
            released: true,
            ..exited(0, created, revision, 143)
        }
    }

    #[test]
    fn the_next_attempt_follows_after_the_back_off_until_no_retries_are_left() {
        let mut state = with_job(job(2, 1));
        let expected = [again(10, 2, 4), again(20, 3, 4), again(40, 4, 4), Some(Next::NoRetries)];
        for (number, expected) in (1_i64..).zip(expected) {
            let created = number * 10;
            let pods = vec![running(0, created, 1), exited(0, created, 2, 1)];
            assert_eq!(told(&mut state, pods), (None, expected), "{number}");
        }
        let spans: Vec<u64> = [1, 2, 6, 7, 8, u32::MAX].map(back_off_ms).to_vec();
        assert_eq!(spans, [10_000, 20_000, 320_000, 600_000, 600_000, 600_000]);
    }

    #[test]
    fn a_disruption_costs_no_retry_and_a_rerun_has_its_own() {
        let mut state = with_job(job(2, 1));
        let evicted = PodFact {
            disruption: Some(Reason::default()),
            ..exited(0, 0, 2, 143)
        };
        assert_eq!(told(&mut state, vec![evicted]), (None, again(10, 2, 5)));
        assert_eq!(told(&mut state, vec![exited(0, 10, 3, 1)]), (None, again(20, 3, 5)));
        let rerun = rerun_job(2, &[0], 1);
        state.apply_job(at(0), Delta::Applied(Box::new(with_condition(job(2, 9), "Failed"))));
        state.watch_job(&rerun.uid, &rerun.computes);
        state.apply_job(at(0), Delta::Applied(Box::new(rerun)));
        let pod = of_rerun(exited(0, 20, 4, 1));
        assert_eq!(told(&mut state, vec![pod]), (None, again(10, 4, 6)));
    }

    #[test]
    fn an_index_that_the_job_controller_stopped_waits_as_if_not_begun() {
        let life = [running(0, 0, 1), ending(0, 2, true), ended(0, 3)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
            let mut state = with_job(job(2, 1));
            apply(&mut state, order.map(|number: usize| life[number].clone()));
            let now = |state: &RunState| state.index_state(CompletionIndex(0));
            assert_eq!(now(&state), IndexState::NotStarted, "{order:?}");
            assert_eq!(state.counts().retrying, 0);
            apply(&mut state, [pod(0, 20, 5)]);
            assert_eq!(now(&state), IndexState::Pending, "{order:?}");
            apply(&mut state, [exited(0, 20, 6, 1)]);
            assert_eq!(now(&state), IndexState::Retrying, "{order:?}");
        }
        let mut state = with_job(job(2, 1));
        apply(&mut state, life);
        state.apply_job(at(0), Delta::Applied(Box::new(with_condition(job(2, 9), "Failed"))));
        assert_eq!(state.index_state(CompletionIndex(0)), IndexState::Failed);
    }

    #[test]
    fn no_attempt_is_promised_where_none_follows() {
        let suspended = JobFact {
            suspend: true,
            ..job(2, 2)
        };
        let managed = JobFact {
            managed_by: Some("kueue".to_owned()),
            ..job(2, 2)
        };
        let table = [
            (job(2, 2), 64, Some(Next::Hopeless)),
            (job(2, 2), 65, Some(Next::Hopeless)),
            (suspended, 1, None),
            (managed, 1, None),
            (with_condition(job(2, 2), "FailureTarget"), 1, None),
        ];
        for (job, code, expected) in table {
            let words = format!("{job:?} {code}");
            let mut state = with_job(job);
            assert_eq!(told(&mut state, vec![exited(0, 0, 1, code)]).1, expected, "{words}");
        }
        let mut state = with_job(job(2, 1));
        apply(&mut state, [running(0, 5, 1)]);
        assert_eq!(told(&mut state, vec![exited(0, 0, 2, 1)]).1, None, "another one runs");
    }

    #[test]
    fn who_ended_a_worker_is_told_by_what_became_of_the_job() {
        let suspended = JobFact {
            suspend: true,
            ..job(2, 2)
        };
        let cancelled = JobFact {
            cancelled: Some("ann".to_owned()),
            ..suspended.clone()
        };
        let fewer = JobFact {
            parallelism: 1,
            ..job(2, 2)
        };
        let table = [
            (fewer, true, Some(Stop::ScalingDown), None),
            (suspended, true, Some(Stop::Suspending), None),
            (cancelled, true, Some(Stop::Cancelling), None),
            (
                with_condition(job(2, 2), "FailureTarget"),
                false,
                Some(Stop::JobOver),
                None,
            ),
            // Somebody deleted the pod, which the Job controller counts as a failure.
            (job(2, 2), false, None, again(10, 2, 4)),
        ];
        for (job, released, stopped_by, next) in table {
            let words = format!("{job:?}");
            let mut state = with_job(job);
            let pods = vec![running(0, 0, 1), ending(0, 2, released), ended(0, 3)];
            assert_eq!(told(&mut state, pods), (stopped_by, next), "{words}");
        }
        // A pod that never ran is removed at once; and a resume may be seen before the end.
        let mut state = with_job(JobFact {
            suspend: true,
            ..job(2, 2)
        });
        apply(&mut state, [running(0, 0, 1), ending(0, 2, true)]);
        state.apply_job(at(0), Delta::Applied(Box::new(job(2, 3))));
        assert_eq!(told(&mut state, vec![ended(0, 3)]), (Some(Stop::Suspending), None));
        let waiting = PodFact {
            released: true,
            phase: Phase::Pending,
            ..running(0, 10, 4)
        };
        let removed = state.apply_pod(at(0), Delta::Removed(Box::new(waiting))).pop();
        let is_scaled = |event: &RunEvent| {
            matches!(
                event,
                RunEvent::AttemptEnded {
                    stopped_by: Some(Stop::ScalingDown),
                    ..
                }
            )
        };
        assert!(removed.as_ref().is_some_and(is_scaled), "{removed:?}");
    }
}
