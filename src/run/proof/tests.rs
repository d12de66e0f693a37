//! When a total is proven, and what is said when it is not.

use ttg_worker::protocol::ResultMessage;

use super::*;
use crate::plan::Plan;
use crate::run::fact::{Computes, Delta, JobUid};
use crate::run::state::fixtures::{
    JOB, apply, at, done, job, keep, plan, result, running, saying, state, with_condition,
};

fn verdicts(state: &RunState) -> Vec<(String, Verdict)> {
    prove(state)
        .into_iter()
        .map(|check| (check.name, check.verdict))
        .collect()
}

fn text(state: &RunState, name: &str) -> String {
    prove(state)
        .into_iter()
        .find(|check| check.name == name)
        .map_or_else(String::new, |check| check.text)
}

fn end_job(state: &mut RunState, shards: u32) {
    state.apply_job(
        at(0),
        Delta::Applied(Box::new(with_condition(job(shards, 99), "Failed"))),
    );
}

#[test]
fn a_complete_run_is_proven() {
    let mut state = state(3);
    apply(
        &mut state,
        [done(3, 0, 0, 1, 4), done(3, 1, 0, 2, 5), done(3, 2, 0, 3, 6)],
    );
    assert!(!is_proven(&prove(&state)), "nothing is in the ledger");
    keep(&mut state);
    let checks = prove(&state);
    assert!(is_proven(&checks), "{checks:?}");
    let texts: Vec<&str> = checks.iter().map(|check| check.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "3 of 3 indexes accepted, each exactly once",
            "ranges tile 100 … 130: no gap, no overlap",
            "processed 30 of 30",
            "nothing was computed again here (--verify 0): the value of each worker is taken as it is",
        ]
    );
    assert!(!is_proven(&checks[1..]), "a check that is not there proves nothing");
}

#[test]
fn what_is_missing_is_open_until_the_job_is_over() {
    let mut state = state(3);
    apply(&mut state, [done(3, 0, 0, 1, 4), done(3, 2, 0, 3, 6), running(1, 0, 2)]);
    keep(&mut state);
    for verdict in [Verdict::Open, Verdict::Fails] {
        let found: Vec<Verdict> = verdicts(&state).into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(found, [verdict, verdict, verdict, Verdict::Note]);
        assert!(!is_proven(&prove(&state)));
        end_job(&mut state, 3);
    }
    assert_eq!(
        text(&state, RANGES_TILE),
        "ranges accepted so far leave 1 gap in 100 … 130, and do not overlap"
    );
}

#[test]
fn a_dispute_fails_and_names_both_values() {
    let mut state = state(1);
    apply(&mut state, [done(1, 0, 0, 1, 4), done(1, 0, 10, 2, 5_000)]);
    keep(&mut state);
    let checks = verdicts(&state);
    assert!(
        checks.contains(&(NOTHING_DISPUTED.to_owned(), Verdict::Fails)),
        "{checks:?}"
    );
    assert_eq!(
        text(&state, NOTHING_DISPUTED),
        "index 0 is disputed: 4 from ttg-primes-test-0-0, 5,000 from ttg-primes-test-0-10"
    );
}

#[test]
fn a_duplicate_is_a_note() {
    let mut state = state(1);
    apply(&mut state, [done(1, 0, 0, 1, 4), done(1, 0, 10, 2, 4)]);
    keep(&mut state);
    assert_eq!(text(&state, DUPLICATES), "1 duplicate report, same value, ignored");
    assert!(is_proven(&prove(&state)));
}

#[test]
fn the_full_total_is_compared_with_the_published_value() {
    for (value, verdict) in [(4, Verdict::Holds), (5, Verdict::Fails)] {
        let plan = Plan {
            first: 0,
            parameters: 10,
            ..plan(1)
        };
        let mut state = RunState::new(plan);
        state.watch_job(&JobUid::from(JOB), &Computes::All);
        assert!(verdicts(&state).contains(&(PUBLISHED_VALUE.to_owned(), Verdict::Open)));
        let message = ResultMessage {
            start: 0,
            end: 10,
            ..result(1, 0, value)
        };
        let pod = saying(done(1, 0, 0, 1, value), &message);
        apply(&mut state, [pod]);
        keep(&mut state);
        assert!(verdicts(&state).contains(&(PUBLISHED_VALUE.to_owned(), verdict)));
        assert_eq!(is_proven(&prove(&state)), verdict == Verdict::Holds);
        assert_eq!(
            text(&state, RECOMPUTED),
            "no shard was computed again here (--verify 0)"
        );
    }
}

#[test]
fn shards_computed_again_here_must_agree() {
    for (here, verdict, words) in [
        (Ok(4), Verdict::Holds, "1 shard computed again here: same (index 0)"),
        (Ok(5), Verdict::Fails, "index 0 is 5 here and 4 there"),
        (
            Err("no time".to_owned()),
            Verdict::Fails,
            "index 0 could not be computed again here: no time",
        ),
    ] {
        let mut state = RunState::new(Plan { verify: 9, ..plan(1) });
        state.watch_job(&JobUid::from(JOB), &Computes::All);
        state.pick_verify(1);
        assert!(state.recompute_due().is_empty());
        apply(&mut state, [done(1, 0, 0, 1, 4)]);
        keep(&mut state);
        assert_eq!(state.recompute_due(), [CompletionIndex(0)]);
        assert!(state.recompute_due().is_empty());
        assert!(verdicts(&state).contains(&(RECOMPUTED.to_owned(), Verdict::Open)));
        assert!(!is_proven(&prove(&state)));
        assert_eq!(state.recomputed(at(0), CompletionIndex(0), here.clone()).len(), 1);
        assert_eq!(state.recomputed(at(0), CompletionIndex(0), here).len(), 0);
        assert!(verdicts(&state).contains(&(RECOMPUTED.to_owned(), verdict)));
        assert_eq!(text(&state, RECOMPUTED), words);
    }
}

#[test]
fn tiling_sees_gaps_and_overlaps() {
    for (ranges, gaps, overlaps) in [
        (vec![(0, 4), (4, 10)], 0, 0),
        (vec![(4, 10), (0, 4)], 0, 0),
        (vec![], 1, 0),
        (vec![(0, 4), (5, 10)], 1, 0),
        (vec![(1, 9)], 2, 0),
        (vec![(0, 5), (4, 10)], 0, 1),
        (vec![(0, 10), (0, 10)], 0, 1),
        (vec![(0, 11)], 0, 1),
        (vec![(0, 10), (10, 10)], 0, 1),
    ] {
        assert_eq!(
            Tiling::of(ranges.clone(), 0, 10),
            Tiling { gaps, overlaps },
            "{ranges:?}"
        );
    }
}

#[test]
fn long_lists_are_counted_not_cut() {
    let texts: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    assert_eq!(listed(&texts), "0; 1; 2; 3; 4; 5; 6; 7; 8; 9; and 2 more");
}
