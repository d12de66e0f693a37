//! What each transition tells, and what counts.

use ttg_worker::protocol::{Line, LineKind, ResultMessage};

use super::fixtures::{apply, at, done, exited, job, keep, pod, result, running, saying, state, with_condition};
use super::*;
use crate::run::fact::{Delta, KubeEventFact, LogFact, LogPart, NodeFact, NodeName, Phase, PodFact, Reason};
use crate::run::told::{NodeState, RunEvent};

mod orders;
mod reruns;
mod silence;

#[derive(Clone, Debug)]
enum Step {
    Pod(Delta<Box<PodFact>>),
    Job(Delta<Box<JobFact>>),
}

fn play(state: &mut RunState, steps: impl IntoIterator<Item = Step>) -> Vec<RunEvent> {
    let mut told = Vec::new();
    for step in steps {
        told.extend(match step {
            Step::Pod(delta) => state.apply_pod(at(0), delta),
            Step::Job(delta) => state.apply_job(at(0), delta),
        });
    }
    told
}

fn progress_of(done: u64) -> LineKind {
    LineKind::Progress {
        done,
        total: 10,
        per_second: 2,
        partial: 0,
    }
}

#[test]
fn a_dispute_is_a_dispute_in_either_order() {
    for swapped in [false, true] {
        let mut pods = [done(1, 0, 0, 5, 7), done(1, 0, 10, 6, 8)];
        if swapped {
            pods.reverse();
        }
        let [first, second] = pods;
        let mut state = state(1);
        apply(&mut state, [first.clone()]);
        assert_eq!(keep(&mut state).len(), 1);
        assert!(state.is_complete());
        let told = apply(&mut state, [second, first]);
        assert!(
            matches!(told.as_slice(), [RunEvent::WorkerFinished { .. }, RunEvent::Disputed { values, .. }]
            if values.iter().map(|v| v.value).eq([7, 8]))
        );
        assert_eq!(state.take_unkept().len(), 1, "the other value is evidence");
        assert!(keep(&mut state).is_empty());
        assert_eq!(state.index_state(CompletionIndex(0)), IndexState::Disputed);
        assert_eq!((state.total(), state.accepted()), (None, 0));
    }
}

#[test]
fn one_pod_that_says_two_things_disputes_itself() {
    let mut state = state(1);
    apply(&mut state, [done(1, 0, 0, 5, 7), done(1, 0, 0, 4, 8)]);
    assert_eq!(state.index_state(CompletionIndex(0)), IndexState::Disputed);
}

#[test]
fn a_result_that_does_not_fit_is_no_result() {
    let valid = result(2, 1, 7);
    let cases = [
        (
            "another Job",
            ResultMessage {
                job_uid: "job-2".to_owned(),
                ..valid.clone()
            },
        ),
        ("index 0, not 1", result(2, 0, 7)),
        (
            "another kernel",
            ResultMessage {
                kernel: "pi".to_owned(),
                ..valid.clone()
            },
        ),
        (
            "parameters 109",
            ResultMessage {
                start: 109,
                ..valid.clone()
            },
        ),
        (
            "9 parameters",
            ResultMessage {
                processed: 9,
                ..valid.clone()
            },
        ),
    ];
    for (words, message) in cases {
        let mut state = state(2);
        let told = apply(&mut state, [saying(exited(1, 0, 5, 0), &message)]);
        assert!(
            matches!(told.as_slice(), [RunEvent::NoResult { problem, .. }] if problem.contains(words)),
            "{told:?}"
        );
        assert_eq!(state.index_state(CompletionIndex(1)), IndexState::NoResult);
        apply(&mut state, [done(2, 1, 10, 6, 7)]);
        assert_eq!(
            state.index_state(CompletionIndex(1)),
            IndexState::Finished,
            "another pod has one"
        );
    }
}

#[test]
fn tells_how_an_attempt_ended() {
    let why = |reason: &str| {
        Some(Reason {
            reason: reason.to_owned(),
            message: String::new(),
        })
    };
    let terminating = |pod: PodFact| PodFact {
        terminating: true,
        ..pod
    };
    let mut out_of_memory = terminating(exited(0, 0, 5, 137));
    out_of_memory.ended.as_mut().unwrap().reason = "OOMKilled".to_owned();
    let evicted = PodFact {
        ended: None,
        pod_reason: why("Evicted"),
        ..exited(0, 0, 5, 1)
    };
    let preempted = PodFact {
        disruption: why("PreemptionByScheduler"),
        ..exited(0, 0, 5, 143)
    };
    let vanished = PodFact {
        ended: None,
        ..exited(0, 0, 5, 0)
    };
    let cases = [
        (exited(0, 0, 5, 1), "failed Some(1) Error"),
        (exited(0, 0, 5, 143), "failed Some(143) Error"),
        (terminating(exited(0, 0, 5, 143)), "ended Deleted"),
        (terminating(exited(0, 0, 5, 1)), "failed Some(1) Error"),
        (out_of_memory, "failed Some(137) OOMKilled"),
        (evicted, "failed None Evicted"),
        (preempted, "ended PreemptionByScheduler"),
        (vanished, "no result its termination message was not reported"),
    ];
    for (fact, expected) in cases {
        let told = apply(&mut state(1), [fact]);
        let words = match told.as_slice() {
            [RunEvent::AttemptFailed { exit_code, why, .. }] => format!("failed {exit_code:?} {}", why.reason),
            [RunEvent::AttemptEnded { why, .. }] => format!("ended {}", why.reason),
            [RunEvent::NoResult { problem, .. }] => format!("no result {problem}"),
            other => format!("{other:?}"),
        };
        assert_eq!(words, expected);
    }
}

#[test]
fn tells_a_pods_life_once() {
    let waiting = |revision, reason: &str| PodFact {
        waiting: Some(Reason {
            reason: reason.to_owned(),
            message: String::new(),
        }),
        ..pod(0, 0, revision)
    };
    let mut state = state(1);
    let pods = [
        waiting(1, "Unschedulable"),
        waiting(2, "ContainerCreating"),
        waiting(3, "Unschedulable"),
        running(0, 0, 4),
        done(1, 0, 0, 5, 7),
    ];
    let told = apply(&mut state, pods);
    assert!(
        matches!(
            told.as_slice(),
            [
                RunEvent::Waiting { attempt: 1, .. },
                RunEvent::Scheduled { .. },
                RunEvent::WorkerStarted { .. },
                RunEvent::WorkerFinished {
                    value: 7,
                    processed: 10,
                    ..
                },
            ]
        ),
        "{told:?}"
    );
    assert_eq!(
        keep(&mut state),
        [RunEvent::Accepted {
            index: CompletionIndex(0),
            accepted: 1,
            shards: 1
        }]
    );
    assert_eq!(state.span_of_work(), Some((at(1), at(5))));
}

#[test]
fn what_a_list_lacks_is_gone_until_it_is_seen_again() {
    let mut state = state(1);
    let index = CompletionIndex(0);
    apply(&mut state, [running(0, 0, 5)]);
    assert_eq!(state.followable().count(), 1);
    let told = play(&mut state, [Step::Pod(Delta::Restarted), Step::Pod(Delta::ListDone)]);
    assert!(matches!(told.as_slice(), [RunEvent::AttemptEnded { .. }]), "{told:?}");
    assert_eq!(
        (state.index_state(index), state.followable().count()),
        (IndexState::Retrying, 0)
    );
    assert!(apply(&mut state, [running(0, 0, 5)]).is_empty());
    assert_eq!(
        state.index_state(index),
        IndexState::Retrying,
        "an old fact does not bring it back"
    );
    apply(&mut state, [running(0, 0, 6)]);
    assert_eq!(
        (state.index_state(index), state.followable().count()),
        (IndexState::Running, 1)
    );
}

#[test]
fn pods_of_others_do_not_count() {
    let mut state = state(2);
    let foreign = PodFact {
        job_uid: "job-2".into(),
        ..done(2, 0, 0, 5, 7)
    };
    let shapeless = PodFact {
        index: None,
        ..pod(0, 1, 5)
    };
    let beyond = PodFact {
        index: Some(CompletionIndex(2)),
        ..pod(0, 2, 5)
    };
    apply(
        &mut state,
        [foreign.clone(), foreign, shapeless, beyond, running(0, 3, 6)],
    );
    let moved = PodFact {
        index: Some(CompletionIndex(1)),
        ..done(2, 1, 3, 7, 7)
    };
    apply(
        &mut state,
        [PodFact {
            uid: running(0, 3, 6).uid,
            ..moved
        }],
    );
    assert_eq!((state.attempts_seen(), state.foreign_pods()), (1, 4));
    assert_eq!(state.counts().running, 1);
}

#[test]
fn the_ledger_counts_without_a_cluster_and_only_once() {
    let mut first = state(2);
    apply(&mut first, [done(2, 0, 0, 5, 7), done(2, 1, 0, 6, 8)]);
    let mut kept = first.take_unkept();
    let mut wrong = kept[0].clone();
    wrong.start += 1;
    kept.push(wrong);

    let mut second = state(2);
    assert_eq!(second.restore(kept.into()), 1);
    assert_eq!(
        (second.accepted(), second.total(), second.take_unkept().len()),
        (2, Some(15), 0)
    );
    assert!(
        apply(&mut second, [done(2, 0, 0, 5, 7)]).is_empty(),
        "the ledger's own pod is no duplicate"
    );
    let told = apply(&mut second, [done(2, 0, 10, 7, 7)]);
    assert!(
        matches!(
            told.as_slice(),
            [RunEvent::WorkerFinished { attempt: 2, .. }, RunEvent::Duplicate { .. }]
        ),
        "{told:?}"
    );
    assert_eq!((second.total(), second.duplicates()), (Some(15), 1));
}

#[test]
fn tells_what_becomes_of_the_job() {
    let suspended = |revision| with_condition(job(2, revision), "Suspended");
    let cancelled = |revision| JobFact {
        cancelled: Some("me".to_owned()),
        ..suspended(revision)
    };
    let failed_index = JobFact {
        failed_indexes: IndexSet::parse("1", 2).unwrap(),
        ..with_condition(job(2, 8), "Failed")
    };
    let index = CompletionIndex(1);
    let why = |reason: &str| Reason {
        reason: reason.to_owned(),
        message: String::new(),
    };
    let cases = [
        (job(2, 1), vec![]),
        (
            JobFact {
                parallelism: 5,
                ..job(2, 2)
            },
            vec![RunEvent::Scaled { from: 3, to: 5 }],
        ),
        (job(2, 1), vec![]),
        (
            suspended(3),
            vec![RunEvent::Scaled { from: 5, to: 3 }, RunEvent::Suspended { by: None }],
        ),
        (suspended(4), vec![]),
        (
            cancelled(5),
            vec![RunEvent::Suspended {
                by: Some("me".to_owned()),
            }],
        ),
        (job(2, 6), vec![RunEvent::Resumed]),
        (
            JobFact {
                uid: "job-2".into(),
                parallelism: 9,
                ..job(2, 7)
            },
            vec![],
        ),
        (
            failed_index,
            vec![
                RunEvent::JobFailed {
                    why: why("FailedReason"),
                },
                RunEvent::IndexFailed {
                    index,
                    attempts: 1,
                    why: why("Error"),
                },
            ],
        ),
    ];
    let mut state = state(2);
    apply(&mut state, [exited(1, 0, 5, 1)]);
    assert_eq!(state.index_state(index), IndexState::Retrying);
    for (fact, expected) in cases {
        assert_eq!(state.apply_job(at(0), Delta::Applied(Box::new(fact))), expected);
    }
    assert_eq!(state.index_state(index), IndexState::Failed);
    assert_eq!(state.index_state(CompletionIndex(0)), IndexState::NotStarted);
    let lost = [Step::Job(Delta::Restarted), Step::Job(Delta::ListDone)];
    assert_eq!(play(&mut state, lost.clone()), [RunEvent::JobDeleted]);
    assert!(play(&mut state, lost).is_empty());
    assert!(state.is_job_deleted());
}

#[test]
fn an_index_that_the_job_counts_without_a_result_is_missing() {
    let mut state = state(2);
    let counted = JobFact {
        completed: IndexSet::parse("0", 2).unwrap(),
        ..job(2, 2)
    };
    state.apply_job(at(0), Delta::Applied(Box::new(counted)));
    assert_eq!(state.counts().no_result, 0, "the pods were not listed yet");
    play(&mut state, [Step::Pod(Delta::Restarted), Step::Pod(Delta::ListDone)]);
    assert_eq!(
        state.counts(),
        Counts {
            no_result: 1,
            not_started: 1,
            ..Counts::default()
        }
    );
}

#[test]
fn logs_move_bars_and_nothing_else() {
    let mut state = state(2);
    apply(&mut state, [running(0, 0, 5), running(0, 10, 6)]);
    let hear = |state: &mut RunState, second, created, worker, number, done| {
        let line = Line {
            worker: CompletionIndex(worker),
            number,
            kind: progress_of(done),
        };
        state
            .apply_log(
                at(second),
                LogFact {
                    pod: pod(0, created, 0).uid,
                    what: LogPart::Line(line),
                },
            )
            .len()
    };
    assert_eq!(hear(&mut state, 0, 0, 0, 1, 2), 1);
    assert_eq!(hear(&mut state, 0, 0, 0, 4, 4), 0, "at most one a second");
    assert_eq!(hear(&mut state, 0, 10, 0, 1, 99), 0, "for an index, not for a pod");
    assert_eq!(
        (state.done_parameters(), state.log_lines_lost(), state.per_second()),
        (10, 2, 4)
    );
    assert_eq!(hear(&mut state, 1, 0, 1, 5, 9), 0);
    assert_eq!(state.forged_lines(), 1);
    assert_eq!(hear(&mut state, 1, 0, 0, 5, 6), 1);
    apply(&mut state, [exited(0, 10, 7, 1)]);
    assert_eq!((state.done_parameters(), state.per_second()), (6, 2));
    apply(&mut state, [exited(0, 0, 8, 1)]);
    assert_eq!(hear(&mut state, 9, 0, 0, 9, 9), 0);
    assert_eq!((state.done_parameters(), state.counts().retrying), (0, 1));
}

#[test]
fn tells_changes_of_nodes() {
    let node = |revision, ready, cordoned| NodeFact {
        name: NodeName::from("node-1"),
        revision,
        ready: Some(ready),
        cordoned,
        ..NodeFact::default()
    };
    let mut state = state(1);
    let mut tell = |delta| -> Vec<NodeState> {
        let told = state.apply_node(at(0), delta);
        told.into_iter()
            .filter_map(|event| {
                if let RunEvent::NodeChanged { state, .. } = event {
                    Some(state)
                } else {
                    None
                }
            })
            .collect()
    };
    let changed = |node| Delta::Applied(Box::new(node));
    assert!(tell(changed(node(1, true, false))).is_empty());
    assert_eq!(tell(changed(node(2, true, true))), [NodeState::Cordoned]);
    assert!(tell(changed(node(1, true, false))).is_empty());
    assert_eq!(
        tell(changed(node(3, false, false))),
        [NodeState::Lost, NodeState::Uncordoned]
    );
    assert_eq!(tell(changed(node(4, true, false))), [NodeState::Ready]);
    assert!(tell(Delta::Restarted).is_empty());
    assert_eq!(tell(Delta::ListDone), [NodeState::Lost]);
    assert!(tell(Delta::ListDone).is_empty());
    assert_eq!(tell(changed(node(5, true, false))), [NodeState::Ready]);
}

#[test]
fn tells_a_warning_again_when_its_count_has_doubled() {
    let mut state = state(1);
    let told: Vec<usize> = [1, 1, 2, 3, 4, 7, 8]
        .into_iter()
        .map(|count| KubeEventFact {
            uid: "event-1".to_owned(),
            warning: true,
            count,
            ..KubeEventFact::default()
        })
        .map(|fact| state.apply_kube_event(at(0), &fact).len())
        .collect();
    assert_eq!(told, [1, 0, 1, 0, 1, 0, 1]);
    assert!(
        state
            .apply_kube_event(
                at(0),
                &KubeEventFact {
                    uid: "event-2".to_owned(),
                    ..KubeEventFact::default()
                }
            )
            .is_empty()
    );
}

#[test]
fn without_revisions_the_later_stage_of_life_wins() {
    let mut state = state(1);
    apply(&mut state, [exited(0, 0, 0, 1), running(0, 0, 0), pod(0, 0, 0)]);
    let attempts = state.attempts(CompletionIndex(0));
    assert_eq!(
        attempts.iter().map(|attempt| attempt.phase).collect::<Vec<_>>(),
        [Phase::Failed]
    );
}

#[test]
fn records_stay_small() {
    assert!(size_of::<Pod>() <= 128, "{}", size_of::<Pod>());
    assert!(size_of::<Found>() <= 64, "{}", size_of::<Found>());
    assert!(size_of::<IndexRecord>() <= 24, "{}", size_of::<IndexRecord>());
}
