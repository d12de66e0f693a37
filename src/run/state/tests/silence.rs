//! When the log of a worker counts as silent.

use ttg_worker::protocol::Line;

use super::progress_of;
use crate::run::fact::{CompletionIndex, LogFact, LogPart, PodUid};
use crate::run::state::RunState;
use crate::run::state::fixtures::{apply, at, exited, pod, running, state};
use crate::run::told::RunEvent;

fn uid() -> PodUid {
    pod(0, 0, 0).uid
}

fn hear(state: &mut RunState, second: i64, what: LogPart) {
    state.apply_log(at(second), LogFact { pod: uid(), what });
}

/// Returns for how many seconds the worker was told to be silent.
fn silent_s(state: &mut RunState, second: i64) -> Option<u64> {
    match state.tell_silent(at(second), &[uid()], " -n lab").pop() {
        Some(RunEvent::Silent { silent_ms, hint, .. }) => {
            assert_eq!(hint, "kubectl logs ttg-primes-test-0-0 -n lab shows more");
            Some(silent_ms / 1_000)
        }
        None => None,
        other => panic!("{other:?}"),
    }
}

/// What was heard and when, a moment, and for how long it was silent then.
type Row<'a> = (&'a [(i64, LogPart)], i64, Option<u64>);

#[test]
fn a_worker_that_says_nothing_for_too_long_is_told_once() {
    let line = |number| {
        LogPart::Line(Line {
            worker: CompletionIndex(0),
            number,
            kind: progress_of(number),
        })
    };
    let closed = || LogPart::Closed {
        why: "it ended".to_owned(),
    };
    let refused = || LogPart::Refused { why: "no".to_owned() };
    let opened = || LogPart::Opened { sampled: false };
    // What was heard and when, then when it is told how long it is silent. The log is read from second 0 on.
    let table: [Row<'_>; 7] = [
        (&[], 44, None),
        (&[], 45, Some(45)),
        (&[(1, opened()), (20, line(1))], 64, None),
        (&[(1, opened()), (20, line(1))], 66, Some(46)),
        (&[(30, LogPart::Text("a program of its own".to_owned()))], 60, None),
        (&[(1, opened()), (20, line(1)), (30, closed())], 70, None),
        (&[(1, refused())], 600, None),
    ];
    for (heard, second, expected) in table {
        let mut state = state(1);
        apply(&mut state, [running(0, 0, 1)]);
        state.expect_lines(at(0), &[uid()]);
        for (second, part) in heard {
            hear(&mut state, *second, part.clone());
        }
        assert_eq!(silent_s(&mut state, second), expected, "{heard:?}");
        if expected.is_some() {
            hear(&mut state, second, line(9));
            assert_eq!(silent_s(&mut state, second + 100), None, "once for each attempt");
        }
    }
}

#[test]
fn only_a_worker_that_runs_and_whose_log_is_read_can_be_silent() {
    let mut unread = state(1);
    apply(&mut unread, [running(0, 0, 1)]);
    assert_eq!(silent_s(&mut unread, 600), None);
    let mut again = state(1);
    apply(&mut again, [running(0, 0, 1)]);
    again.expect_lines(at(0), &[uid()]);
    hear(&mut again, 1, LogPart::Refused { why: "no".to_owned() });
    hear(&mut again, 100, LogPart::Opened { sampled: false });
    assert_eq!([silent_s(&mut again, 144), silent_s(&mut again, 145)], [None, Some(45)]);
    let mut over = state(1);
    apply(&mut over, [running(0, 0, 1)]);
    over.expect_lines(at(0), &[uid()]);
    apply(&mut over, [exited(0, 0, 2, 1)]);
    assert_eq!(silent_s(&mut over, 600), None);
}
