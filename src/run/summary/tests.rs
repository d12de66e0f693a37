//! The summary of runs that ended in different ways.

use super::*;
use crate::plan::Plan;
use crate::run::fact::{Computes, Delta, JobFact, JobUid};
use crate::run::state::fixtures::{JOB, apply, at, done, exited, job, keep, plan, running, state, with_condition};

fn summary(state: &RunState) -> Summary {
    let place = Place {
        cluster: "local".to_owned(),
        namespace: "default".to_owned(),
        reach_flags: String::new(),
    };
    summarize(state, &place, ApiCost::default(), headline(state, &prove(state)), 0)
}

#[test]
fn sums_up_a_proven_run() {
    let mut state = state(2);
    apply(
        &mut state,
        [exited(0, 0, 1, 1), done(2, 0, 10, 2, 1_000), done(2, 1, 2, 3, 5)],
    );
    keep(&mut state);
    let summary = summary(&state);
    assert_eq!(summary.headline, Headline::Proven);
    assert_eq!(
        (summary.value, summary.processed, summary.work_ms),
        (Some(1_005), 20, 8_000)
    );
    assert_eq!(
        (summary.attempts, summary.retried, summary.wall_ms),
        (3, 1, Some(14_000))
    );
    assert_eq!(summary.nodes, BTreeMap::from([("node-1".to_owned(), 2)]));
    assert_eq!(
        (summary.indexes[0].attempts, summary.indexes[0].value),
        (2, Some(1_000))
    );
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
}

#[test]
fn says_what_is_wrong_with_each_index() {
    let mut state = state(5);
    let disputed = [done(5, 0, 0, 1, 1), done(5, 0, 10, 2, 2)];
    apply(
        &mut state,
        disputed
            .into_iter()
            .chain([exited(1, 0, 3, 137), done(5, 2, 0, 4, 3), running(3, 0, 5)]),
    );
    keep(&mut state);
    apply(&mut state, [done(5, 4, 0, 6, 9)]);
    assert_eq!(
        headline(&state, &prove(&state)),
        Headline::Incomplete,
        "a dispute stays"
    );
    let failed_indexes = IndexSet::parse("1", 5).unwrap();
    let failed = JobFact {
        failed_indexes,
        ..with_condition(job(5, 9), "Failed")
    };
    state.apply_job(at(0), Delta::Applied(Box::new(failed)));
    let summary = summary(&state);
    let problems: Vec<Option<&str>> = summary.indexes.iter().map(|index| index.problem.as_deref()).collect();
    assert_eq!(
        problems,
        [
            Some("disputed"),
            Some("failed: 1 attempt, exit 137, Error"),
            None,
            Some("missing"),
            Some("not kept: its result is not in the ledger"),
        ]
    );
    assert_eq!(summary.headline, Headline::Failed);
    assert_eq!(
        (summary.accepted, summary.value, summary.missing.to_string()),
        (1, Some(3), "1,3".to_owned())
    );
    assert_eq!(summary.disputed.len(), 1);
    assert_eq!(
        summary.failed.get(&CompletionIndex(1)).map(String::as_str),
        Some("1 attempt, exit 137, Error")
    );
}

#[test]
fn a_whole_run_whose_proof_fails_is_not_proven_and_not_incomplete() {
    let mut state = RunState::new(Plan { verify: 1, ..plan(1) });
    state.watch_job(&JobUid::from(JOB), &Computes::All);
    state.pick_verify(1);
    apply(&mut state, [done(1, 0, 0, 1, 4)]);
    assert_eq!(unproven(&state), Headline::Incomplete);
    keep(&mut state);
    assert_eq!(state.recompute_due().len(), 1);
    state.recomputed(at(0), CompletionIndex(0), Ok(5));
    let summary = summary(&state);
    assert_eq!((summary.headline, summary.accepted), (Headline::NotProven, 1));
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["headline"], "not_proven");
}

#[test]
fn a_run_that_goes_on_is_unfinished_and_a_cancelled_one_cancelled() {
    let mut state = state(1);
    assert_eq!(summary(&state).headline, Headline::Unfinished);
    let cancelled = JobFact {
        cancelled: Some("me".to_owned()),
        ..with_condition(job(1, 2), "Suspended")
    };
    state.apply_job(at(0), Delta::Applied(Box::new(cancelled)));
    assert_eq!(summary(&state).headline, Headline::Cancelled);
    assert_eq!(summary(&state).value, None);
}
