//! The same facts in any order, doubled, partly lost and listed again, lead to the same state: of a run with one Job, and of one
//! with a rerun that sets results aside.

use proptest::prelude::*;
use ttg_worker::protocol::Line;

use super::{Step, play, progress_of};
use crate::run::fact::{CompletionIndex, Delta, JobFact, LogFact, LogPart, PodFact};
use crate::run::intervals::IndexSet;
use crate::run::partial::{Kept, SetAside};
use crate::run::state::fixtures::{JOB, at, done, exited, job, keep, of_rerun, pod, rerun_job, running, state};
use crate::run::state::{Counts, IndexState, RunState};

const SHARDS: u32 = 4;

/// What a rerun computes again.
const AGAIN: [u32; 2] = [1, 3];

/// The index of which the rerun sets the first Job's results aside.
const ASIDE: CompletionIndex = CompletionIndex(3);

/// Tells whether a pod of a run with a rerun is the rerun's.
fn is_again(index: u32, created: i64) -> bool {
    AGAIN.contains(&index) && created > 0
}

/// Begins a run with one Job, or with a rerun.
fn begin(with_rerun: bool) -> RunState {
    let mut state = state(SHARDS);
    if with_rerun {
        state.restore(Kept {
            partials: Vec::new(),
            set_aside: vec![SetAside {
                index: ASIDE,
                job_uids: vec![JOB.into()],
            }],
            ..Kept::default()
        });
        let rerun = rerun_job(SHARDS, &AGAIN, 1);
        state.watch_job(&rerun.uid, &rerun.computes);
    }
    state
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Succeeds,
    /// Succeeds while nobody watches: only its removal shows the result.
    SucceedsUnseen,
    Fails,
    Deleted,
    SaysNothing,
    Runs,
}

/// What a cluster truly did, step by step, and what it shows in the end.
#[derive(Clone, Debug, Default)]
struct History {
    with_rerun: bool,
    /// Each step, and whether it may be lost: the end of a removed pod is never shown again.
    steps: Vec<(Step, bool)>,
    last_list: Vec<Step>,
}

impl History {
    fn of(fates: &[Vec<Fate>], with_rerun: bool) -> Self {
        let mut history = Self {
            with_rerun,
            ..Self::default()
        };
        let mut revision = 10;
        let mut completed = IndexSet::default();
        for (index, fates) in (0..).zip(fates) {
            for (attempt, fate) in (0..).zip(fates) {
                history.add(index, attempt * 10, revision, *fate);
                revision += 10;
                let is_counted = !with_rerun || is_again(index, attempt);
                if is_counted && !matches!(fate, Fate::Fails | Fate::Deleted | Fate::Runs) {
                    completed.insert(CompletionIndex(index));
                }
            }
        }
        let job_at = |revision| {
            if with_rerun {
                rerun_job(SHARDS, &AGAIN, revision)
            } else {
                job(SHARDS, revision)
            }
        };
        let last = JobFact {
            completed,
            ..job_at(revision)
        };
        // Of a run with a rerun the first Job's own facts change nothing.
        for job in [job(SHARDS, 1), job_at(1), last.clone()] {
            history.steps.push((Step::Job(Delta::Applied(Box::new(job))), true));
        }
        let jobs = [Delta::Restarted, Delta::Listed(Box::new(last)), Delta::ListDone];
        history.last_list.insert(0, Step::Pod(Delta::Restarted));
        history.last_list.push(Step::Pod(Delta::ListDone));
        history.last_list.extend(jobs.map(Step::Job));
        history
    }

    fn add(&mut self, index: u32, created: i64, revision: u64, fate: Fate) {
        let is_again = self.with_rerun && is_again(index, created);
        let own = |pod: PodFact| if is_again { of_rerun(pod) } else { pod };
        let mut change = |pod: PodFact| self.steps.push((Step::Pod(Delta::Applied(Box::new(pod))), true));
        change(own(pod(index, created, revision)));
        change(own(running(index, created, revision + 1)));
        let well = done(SHARDS, index, created, revision + 2, i128::from(index) + 1);
        let last = match fate {
            Fate::Succeeds => well,
            Fate::Fails => exited(index, created, revision + 2, 1),
            Fate::SaysNothing => exited(index, created, revision + 2, 0),
            Fate::Runs => running(index, created, revision + 2),
            Fate::Deleted | Fate::SucceedsUnseen => {
                let ended = if matches!(fate, Fate::Deleted) {
                    running(index, created, revision + 3)
                } else {
                    well
                };
                let removed = PodFact {
                    revision: revision + 3,
                    terminating: true,
                    ..own(ended)
                };
                self.steps.push((Step::Pod(Delta::Removed(Box::new(removed))), false));
                return;
            }
        };
        let last = own(last);
        change(last.clone());
        self.last_list.push(Step::Pod(Delta::Listed(Box::new(last))));
    }
}

fn fates() -> impl Strategy<Value = Vec<Vec<Fate>>> {
    let fate = prop::sample::select(vec![
        Fate::Succeeds,
        Fate::SucceedsUnseen,
        Fate::Fails,
        Fate::Deleted,
        Fate::SaysNothing,
        Fate::Runs,
    ]);
    prop::collection::vec(prop::collection::vec(fate, 0..4), 4)
}

/// A history, and the same told badly: shuffled, doubled, partly lost, with lists begun and ended at any time.
fn told_badly() -> impl Strategy<Value = (History, Vec<Step>)> {
    (fates(), any::<bool>()).prop_flat_map(|(fates, with_rerun)| {
        let history = History::of(&fates, with_rerun);
        let mut steps: Vec<(Step, bool)> = history.steps.iter().chain(&history.steps).cloned().collect();
        steps.extend(
            [Delta::Restarted, Delta::ListDone, Delta::Restarted, Delta::ListDone]
                .map(|delta| (Step::Pod(delta), true)),
        );
        let lost = prop::collection::vec(prop::bool::weighted(0.3), steps.len());
        (Just(history), Just(steps).prop_shuffle(), lost).prop_map(|(history, steps, lost)| {
            let kept = steps
                .into_iter()
                .zip(lost)
                .filter(|((_, may_be_lost), lost)| !(*may_be_lost && *lost));
            (history, kept.map(|((step, _), _)| step).collect::<Vec<Step>>())
        })
    })
}

/// What must be the same however a history was told.
#[derive(Debug, PartialEq)]
struct Outcome {
    states: Vec<IndexState>,
    counts: Counts,
    total: Option<i128>,
    attempts: Vec<u32>,
    duplicates: u32,
    done: u64,
}

fn outcome(state: &RunState) -> Outcome {
    Outcome {
        states: state.indexes().map(|(_, index_state)| index_state).collect(),
        counts: state.counts(),
        total: state.total(),
        attempts: state.indexes().map(|(index, _)| state.attempt_count(index)).collect(),
        duplicates: state.duplicates(),
        done: state.done_parameters(),
    }
}

fn in_order(history: &History) -> Vec<Step> {
    let first_list = [Step::Pod(Delta::Restarted), Step::Pod(Delta::ListDone)];
    first_list
        .into_iter()
        .chain(history.steps.iter().map(|(step, _)| step.clone()))
        .collect()
}

proptest! {
    #[test]
    fn any_telling_leads_to_the_same_state((history, badly) in told_badly()) {
        let mut reference = begin(history.with_rerun);
        play(&mut reference, in_order(&history));
        keep(&mut reference);

        let mut other = begin(history.with_rerun);
        let half = badly.len() / 2;
        play(&mut other, badly[..half].to_vec());
        keep(&mut other);
        play(&mut other, badly[half..].to_vec());
        play(&mut other, history.last_list.clone());
        keep(&mut other);
        prop_assert_eq!(outcome(&other), outcome(&reference));

        let mut counts = Counts::default();
        let mut total = None;
        for (index, index_state) in other.indexes() {
            *counts.slot(index_state) += 1;
            if index_state == IndexState::Accepted {
                total = Some(total.unwrap_or(0) + i128::from(index.0) + 1);
            }
        }
        prop_assert_eq!(counts, other.counts());
        prop_assert_eq!(total, other.total());
    }

    #[test]
    fn telling_a_step_twice_tells_nothing_twice(fates in fates(), with_rerun: bool) {
        let history = History::of(&fates, with_rerun);
        let mut once = begin(with_rerun);
        let told_once = play(&mut once, in_order(&history));
        let mut twice = begin(with_rerun);
        let doubled = in_order(&history).into_iter().flat_map(|step| [step.clone(), step]);
        let mut told_twice = play(&mut twice, doubled);
        told_twice.extend(play(&mut twice, history.last_list));
        prop_assert_eq!(told_twice, told_once);
    }

    #[test]
    fn lost_log_lines_change_no_result(fates in fates(), heard in prop::collection::vec(any::<bool>(), 40)) {
        let history = History::of(&fates, false);
        let mut silent = state(SHARDS);
        play(&mut silent, in_order(&history));
        keep(&mut silent);
        let mut loud = state(SHARDS);
        let mut numbers = (1..).zip(heard.iter().cycle()).filter(|(_, heard)| **heard).map(|(number, _)| number);
        for step in in_order(&history) {
            if let Step::Pod(Delta::Applied(pod)) = &step && heard.contains(&true) {
                let number = numbers.next().unwrap_or(1);
                let line = Line { worker: CompletionIndex(0), number, kind: progress_of(number) };
                loud.apply_log(at(0), LogFact { pod: pod.uid.clone(), what: LogPart::Line(line) });
            }
            play(&mut loud, [step]);
        }
        keep(&mut loud);
        // The bar of a worker that still runs is all that may differ.
        let done = silent.done_parameters();
        prop_assert_eq!(Outcome { done, ..outcome(&loud) }, outcome(&silent));
    }
}
