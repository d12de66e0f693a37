//! A run with two Jobs: what the second may do again, and what of the first no longer counts.

use crate::run::fact::{CompletionIndex, Computes, Delta, JobFact, JobUid, PodFact};
use crate::run::intervals::IndexSet;
use crate::run::partial::{Kept, Partial, SetAside};
use crate::run::proof::{is_proven, prove};
use crate::run::state::fixtures::{
    JOB, RERUN, apply, at, done, exited, job, keep, of_rerun, plan, rerun_job, state, with_condition,
};
use crate::run::state::{IndexState, RunState};
use crate::run::told::DisputedValue;

const INDEX: CompletionIndex = CompletionIndex(1);

fn only(indexes: &[u32]) -> Computes {
    Computes::Only(indexes.iter().copied().map(CompletionIndex).collect())
}

fn set_aside(index: CompletionIndex, jobs: &[&str]) -> SetAside {
    SetAside {
        index,
        job_uids: jobs.iter().map(|job| JobUid::from(*job)).collect(),
    }
}

/// Begins a run of two shards of which the first Job's results of index 1 are set aside, with both of its Jobs.
fn begun(partials: Vec<Partial>) -> RunState {
    let mut state = state(2);
    state.restore(Kept {
        partials,
        set_aside: vec![set_aside(INDEX, &[JOB])],
        ..Kept::default()
    });
    state.watch_job(&RERUN.into(), &only(&[1]));
    state
}

/// Two results of the first Job that differ, and one of the rerun.
fn results() -> [PodFact; 3] {
    [
        done(2, 1, 0, 5, 7),
        done(2, 1, 10, 6, 8),
        of_rerun(done(2, 1, 20, 7, 7)),
    ]
}

fn assert_settled(state: &RunState) {
    assert_eq!(state.index_state(INDEX), IndexState::Accepted);
    assert_eq!((state.total(), state.duplicates()), (Some(7), 0));
    let values = |found: Vec<DisputedValue>| -> Vec<(i128, usize)> {
        found.iter().map(|value| (value.value, value.pods.len())).collect()
    };
    assert_eq!(values(state.values(INDEX)), [(7, 1)]);
    assert_eq!(values(state.values_set_aside(INDEX)), [(7, 1), (8, 1)]);
    let accepted = state.accepted_result(INDEX).unwrap();
    assert_eq!(accepted.job_uid.0, RERUN);
}

#[test]
fn what_was_set_aside_does_not_count_in_whatever_order_it_comes() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut state = begun(Vec::new());
        for at in order {
            apply(&mut state, [results()[at].clone()]);
            assert_ne!(state.index_state(INDEX), IndexState::Disputed, "{order:?}");
            keep(&mut state);
        }
        assert_settled(&state);
    }
}

#[test]
fn the_ledger_of_two_jobs_reads_back_in_any_order() {
    let mut first = state(2);
    first.watch_job(&RERUN.into(), &only(&[1]));
    apply(&mut first, results());
    // Each distinct value of an index is kept once, so the rerun's is made by a run that knows what was set aside.
    let mut partials = first.take_unkept();
    let mut again = begun(Vec::new());
    apply(&mut again, results());
    partials.extend(again.take_unkept());
    assert_eq!(partials.len(), 3);
    for _ in 0..partials.len() {
        partials.rotate_left(1);
        assert_settled(&begun(partials.clone()));
    }
    let old = partials
        .into_iter()
        .filter(|partial| partial.job_uid.0 == JOB)
        .collect();
    let state = begun(old);
    assert_eq!((state.accepted(), state.missing().to_string().as_str()), (0, "0,1"));
    assert_eq!(state.counts().disputed, 0);
}

#[test]
fn a_rerun_that_differs_with_itself_is_a_dispute_again() {
    let mut state = begun(Vec::new());
    apply(&mut state, results());
    apply(&mut state, [of_rerun(done(2, 1, 30, 8, 9))]);
    assert_eq!(state.index_state(INDEX), IndexState::Disputed);
    assert_eq!(state.values(INDEX).len(), 2);
}

#[test]
fn an_index_of_which_results_were_set_aside_is_always_computed_again_here() {
    let mut state = begun(Vec::new());
    state.pick_verify(1);
    let picked: Vec<u32> = state.rechecks().map(|(index, _)| index.0).collect();
    assert_eq!(picked, [1], "the plan asks for none");
    apply(&mut state, results());
    keep(&mut state);
    assert_eq!(state.recompute_due(), [INDEX]);
    assert!(state.doubted().is_empty());
    state.recomputed(at(0), INDEX, Ok(8));
    assert_eq!(state.doubted().to_string(), "1");
}

#[test]
fn what_a_job_leaves_undone_the_next_one_does_if_it_is_among_its_indexes() {
    let gave_up = JobFact {
        failed_indexes: IndexSet::parse("2", 4).unwrap(),
        ..with_condition(job(4, 9), "Failed")
    };
    let undone = [IndexState::NoResult, IndexState::Failed, IndexState::Failed];
    for (computes, expected) in [
        (only(&[1, 2, 3]), [IndexState::Retrying; 3]),
        (
            only(&[2]),
            [IndexState::NoResult, IndexState::Retrying, IndexState::Failed],
        ),
        (
            only(&[0]),
            [IndexState::NoResult, IndexState::Failed, IndexState::Failed],
        ),
    ] {
        let mut state = state(4);
        // Index 1 succeeded without a result, 2 was given up, 3 was under way when the Job failed.
        let pods = [exited(1, 0, 5, 0), exited(2, 0, 6, 1), exited(3, 0, 7, 1)];
        apply(&mut state, pods);
        state.apply_job(at(0), Delta::Applied(Box::new(gave_up.clone())));
        let states = |state: &RunState| [1, 2, 3].map(|index| state.index_state(CompletionIndex(index)));
        assert_eq!(states(&state), undone);
        state.watch_job(&RERUN.into(), &computes);
        assert_eq!(states(&state), expected, "{computes:?}");
        // The first Job is a matter of the past.
        state.apply_job(
            at(0),
            Delta::Applied(Box::new(JobFact {
                revision: 99,
                ..gave_up.clone()
            })),
        );
        assert_eq!(states(&state), expected, "{computes:?}");
        assert!(!state.is_job_over());
    }
}

#[test]
fn a_job_never_changes_what_it_computes() {
    let mut state = state(4);
    state.watch_job(&RERUN.into(), &only(&[1, 2]));
    let changed = JobFact {
        failed_indexes: IndexSet::parse("0,3", 4).unwrap(),
        ..rerun_job(4, &[0, 3], 9)
    };
    assert!(state.apply_job(at(0), Delta::Applied(Box::new(changed))).is_empty());
    assert!(state.failed_indexes().is_empty() && state.job().is_none());
    state.apply_job(at(0), Delta::Applied(Box::new(rerun_job(4, &[1, 2], 10))));
    assert_eq!(state.job_computes(), Some(&only(&[1, 2])));
    assert_eq!(state.job().map(|job| job.revision), Some(10));
}

#[test]
fn what_an_earlier_session_doubted_is_computed_again_whatever_is_drawn() {
    let mut first = state(2);
    apply(&mut first, [done(2, 0, 0, 5, 7), done(2, 1, 0, 6, 8)]);
    let kept = Kept {
        partials: first.take_unkept(),
        doubted: IndexSet::from_iter([INDEX]),
        ..Kept::default()
    };
    let mut plan = plan(2);
    plan.verify = 0;
    let mut second = RunState::new(plan);
    second.restore(kept);
    second.pick_verify(1);
    assert_eq!(second.recompute_due(), [INDEX]);
    assert!(!is_proven(&prove(&second)), "the answer is awaited");
}
