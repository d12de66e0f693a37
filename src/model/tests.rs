//! Dialogues: events in, effects out, made-up outcomes back.

use super::change::ChangeStage;
use super::effect::{Effect, End, JobChange};
use super::event::{
    ApiCost, Contact, ContactState, Event, Failure, FailureClass, Outcome, Signal, Started, Task, WatchOf,
};
use super::intent::Intent;
use super::{Model, update};
use crate::plan::Rerun;
use crate::run::fact::{CompletionIndex, Computes, Delta, JobFact, PodFact};
use crate::run::partial::{Kept, Partial, SetAside};
use crate::run::state::fixtures::{
    JOB, RERUN, at, exited, job, of_rerun, plan, pod, rerun_job, result, running, saying, with_condition,
};
use crate::run::summary::Headline;
use crate::run::told::RunEvent;

/// A session under test: every event is followed by the end of a drain, as the shell does it.
struct Dialogue {
    model: Model,
    second: i64,
}

impl Dialogue {
    /// A session that submits a run of so many shards, on a cluster that outlives the program or not.
    fn submit(shards: u32, outlives: bool) -> Self {
        let started = Started {
            task: Task::Submit,
            plan: plan(shards),
            job: None,
            cluster: "local".into(),
            namespace: "default".into(),
            reach_flags: String::new(),
            outlives,
            seed: 1,
            kept: Kept::default(),
        };
        let (dialogue, effects) = Self::start(started);
        assert!(
            matches!(&effects[..], [Effect::Submit { rerun: None, .. }]),
            "{effects:?}"
        );
        dialogue
    }

    fn start(started: Started) -> (Self, Vec<Effect>) {
        let mut dialogue = Self {
            model: Model::new(at(0), started.clone()),
            second: 0,
        };
        let effects = dialogue.say(Event::Started(Box::new(started)));
        (dialogue, effects)
    }

    /// A session that computes an index of three again, of which two values are set aside; the others are kept.
    fn rerun(index: u32) -> (Self, Vec<Effect>) {
        let value = |of: u32, value: i128, pod: &str| Partial {
            index: CompletionIndex(of),
            start: u64::from(of) * 10 + 100,
            end: u64::from(of) * 10 + 110,
            processed: 10,
            value,
            elapsed_ms: 1,
            throttled_ms: None,
            job_uid: JOB.into(),
            pod_uid: pod.into(),
            pod: format!("ttg-primes-test-{pod}"),
            node: None,
        };
        let others = (0..3).filter(|other| *other != index);
        let mut partials: Vec<Partial> = others.map(|other| value(other, 4, &format!("{other}-kept"))).collect();
        partials.extend([value(index, 7, "a"), value(index, 8, "b")]);
        let set_aside = vec![SetAside {
            index: CompletionIndex(index),
            job_uids: vec![JOB.into()],
        }];
        Self::start(Started {
            task: Task::Rerun(Rerun {
                number: 1,
                indexes: [CompletionIndex(index)].into_iter().collect(),
                workers: 3,
            }),
            plan: plan(3),
            job: None,
            cluster: "local".into(),
            namespace: "default".into(),
            reach_flags: String::new(),
            outlives: true,
            seed: 1,
            kept: Kept {
                partials,
                set_aside,
                ..Kept::default()
            },
        })
    }

    /// The same, with the Job made.
    fn running(shards: u32, outlives: bool) -> Self {
        let mut dialogue = Self::submit(shards, outlives);
        let submitted = Outcome::Submitted {
            job: Box::new(job(shards, 1)),
            plan: Box::new(plan(shards)),
            remarks: Vec::new(),
        };
        let effects = dialogue.say(Event::Outcome(submitted));
        assert!(
            effects
                .iter()
                .any(|e| matches!(e, Effect::Watch { job, .. } if job == "ttg-primes-test")),
            "{effects:?}"
        );
        dialogue
    }

    fn say(&mut self, event: Event) -> Vec<Effect> {
        self.second += 1;
        let mut effects = update(&mut self.model, at(self.second), event);
        effects.extend(update(&mut self.model, at(self.second), Event::Drained));
        effects
    }

    fn pod(&mut self, fact: PodFact) -> Vec<Effect> {
        self.say(Event::Pod(Delta::Applied(Box::new(fact))))
    }

    fn job(&mut self, fact: JobFact) -> Vec<Effect> {
        self.say(Event::Job(Delta::Applied(Box::new(fact))))
    }

    /// An index of two ends well; returns what is to be kept.
    fn finish(&mut self, index: u32, value: i128) -> Vec<Partial> {
        let fact = saying(exited(index, i64::from(index), 9, 0), &result(2, index, value));
        kept(&self.pod(fact))
    }
}

fn kept(effects: &[Effect]) -> Vec<Partial> {
    let keep = effects.iter().find_map(|e| {
        if let Effect::Keep(partials) = e {
            Some(partials.clone())
        } else {
            None
        }
    });
    keep.unwrap_or_default()
}

fn left(effects: &[Effect]) -> Option<End> {
    effects.iter().find_map(|e| {
        if let Effect::Leave(end) = e {
            Some(end.clone())
        } else {
            None
        }
    })
}

fn told(effects: &[Effect], wanted: impl Fn(&RunEvent) -> bool) -> bool {
    effects
        .iter()
        .any(|e| matches!(e, Effect::Tell(event) if wanted(event)))
}

#[test]
fn a_run_is_proven_once_every_result_is_in_the_ledger() {
    let mut d = Dialogue::running(2, false);
    let first = d.finish(0, 4);
    assert_eq!(first.len(), 1);
    assert_eq!(left(&d.say(Event::Outcome(Outcome::Kept(first)))), None);
    let second = d.finish(1, 5);
    assert_eq!(
        left(&d.say(Event::Tick)),
        None,
        "a result that is not on disk does not count"
    );
    assert_eq!(left(&d.say(Event::Outcome(Outcome::Kept(second)))), Some(End::Proven));
    let summary = d.model.summary();
    assert_eq!(
        (summary.headline, summary.value, summary.exit_code),
        (Headline::Proven, Some(9), 0)
    );
}

#[test]
fn a_shard_is_computed_again_before_the_total_is_called_proven() {
    let mut d = Dialogue::submit(2, false);
    let mut checked = plan(2);
    checked.verify = 1;
    let submitted = Outcome::Submitted {
        job: Box::new(job(2, 1)),
        plan: Box::new(checked),
        remarks: Vec::new(),
    };
    d.say(Event::Outcome(submitted));
    let partials = [d.finish(0, 4), d.finish(1, 5)].concat();
    let effects = d.say(Event::Outcome(Outcome::Kept(partials)));
    let index = effects
        .iter()
        .find_map(|e| {
            if let Effect::Recompute(index) = e {
                Some(*index)
            } else {
                None
            }
        })
        .unwrap();
    assert_eq!(left(&effects), None);
    let other = Outcome::Recomputed { index, value: Ok(99) };
    let mut doubtful = Dialogue {
        model: d.model.clone(),
        second: d.second,
    };
    assert_eq!(
        left(&doubtful.say(Event::Outcome(other))),
        Some(End::Unproven),
        "a worker that lied is not believed"
    );
    let same = Outcome::Recomputed {
        index,
        value: Ok(if index == CompletionIndex(0) { 4 } else { 5 }),
    };
    assert_eq!(left(&d.say(Event::Outcome(same))), Some(End::Proven));
}

#[test]
fn a_job_that_is_over_is_asked_for_its_pods_once_more_before_anything_is_called_missing() {
    let mut d = Dialogue::running(2, false);
    let first = d.finish(0, 4);
    d.say(Event::Outcome(Outcome::Kept(first)));
    let effects = d.job(with_condition(job(2, 5), "Complete"));
    assert!(effects.contains(&Effect::Collect) && left(&effects).is_none());
    let late = d.finish(1, 5);
    let mut lost = Dialogue {
        model: d.model.clone(),
        second: d.second,
    };
    d.say(Event::Outcome(Outcome::Collected));
    assert_eq!(left(&d.say(Event::Outcome(Outcome::Kept(late)))), Some(End::Proven));
    // The same, but the ledger cannot be written.
    lost.say(Event::Outcome(Outcome::Collected));
    assert_eq!(
        left(&lost.say(Event::Outcome(Outcome::KeepFailed("disk full".into())))),
        Some(End::Unproven)
    );
}

#[test]
fn what_is_missing_after_that_is_said() {
    for (condition, end) in [("Complete", End::Unproven), ("Failed", End::Failed)] {
        let mut d = Dialogue::running(2, false);
        d.pod(exited(0, 0, 3, 1));
        d.job(with_condition(job(2, 5), condition));
        assert_eq!(left(&d.say(Event::Outcome(Outcome::Collected))), Some(end));
        assert_eq!(d.model.summary().missing.to_string(), "0,1");
    }
    let mut d = Dialogue::running(2, true);
    let effects = d.say(Event::Job(Delta::Removed(Box::new(job(2, 6)))));
    assert!(told(&effects, |e| *e == RunEvent::JobDeleted));
    let failure = Failure {
        class: FailureClass::Unreachable,
        text: "gone".into(),
        hint: None,
    };
    assert_eq!(
        left(&d.say(Event::Outcome(Outcome::CollectFailed(failure)))),
        Some(End::Unproven)
    );
}

#[test]
fn two_results_that_differ_are_both_kept_and_prove_nothing() {
    let mut d = Dialogue::running(2, false);
    let first = d.finish(0, 4);
    let mut rival = saying(exited(0, 50, 10, 0), &result(2, 0, 40));
    rival.uid = "rival".into();
    let second = kept(&d.pod(rival));
    let third = d.finish(1, 5);
    assert_eq!((first.len(), second.len(), third.len()), (1, 1, 1));
    d.say(Event::Outcome(Outcome::Kept([first, second, third].concat())));
    d.job(with_condition(job(2, 5), "Complete"));
    assert_eq!(left(&d.say(Event::Outcome(Outcome::Collected))), Some(End::Unproven));
    let summary = d.model.summary();
    assert_eq!(summary.disputed[&CompletionIndex(0)].len(), 2);
    assert_eq!(summary.headline, Headline::Incomplete);
}

#[test]
fn the_first_signal_asks_and_the_second_one_leaves_at_once() {
    for (outlives, words) in [(true, "ttg-tui attach"), (false, "the local cluster ends")] {
        let mut d = Dialogue::running(2, outlives);
        let unkept = d.finish(0, 4);
        let effects = d.say(Event::Signal(Signal::Interrupt));
        assert!(
            told(
                &effects,
                |e| matches!(e, RunEvent::Leaving { hint } if hint.contains(words))
            ),
            "{effects:?}"
        );
        assert_eq!(left(&effects), None, "a result is on its way to the ledger");
        let mut patient = Dialogue {
            model: d.model.clone(),
            second: d.second,
        };
        assert_eq!(
            left(&patient.say(Event::Outcome(Outcome::Kept(unkept)))),
            Some(End::Signal(2))
        );
        assert_eq!(left(&d.say(Event::Signal(Signal::Terminate))), Some(End::Signal(15)));
        assert_eq!(End::Signal(15).exit_code(), 143);
    }
    for signal in [Signal::Interrupt, Signal::Terminate, Signal::Hangup] {
        let mut early = Dialogue::submit(2, true);
        assert_eq!(
            left(&early.say(Event::Signal(signal))),
            Some(End::Signal(signal.number())),
            "nothing is lost yet"
        );
    }
}

#[test]
fn a_rerun_tells_what_it_sets_aside_and_proves_the_run_with_a_second_computation_here() {
    let (mut d, effects) = Dialogue::rerun(1);
    let aside = |e: &RunEvent| {
        matches!(e, RunEvent::SetAside { index: CompletionIndex(1), values }
            if values.iter().map(|value| value.value).eq([7, 8]))
    };
    assert!(told(&effects, aside), "{effects:?}");
    let submits = |e: &Effect| matches!(e, Effect::Submit { rerun: Some(rerun), .. } if rerun.number == 1);
    assert!(effects.iter().any(submits), "{effects:?}");
    let job = rerun_job(3, &[1], 1);
    let submitted = Outcome::Submitted {
        job: Box::new(job.clone()),
        plan: Box::new(plan(3)),
        remarks: Vec::new(),
    };
    let effects = d.say(Event::Outcome(submitted));
    let only: Computes = job.computes.clone();
    let watches = |e: &Effect| matches!(e, Effect::Watch { uid, computes, .. } if uid.0 == RERUN && *computes == only);
    assert!(effects.iter().any(watches), "{effects:?}");
    assert!(told(
        &effects,
        |e| matches!(e, RunEvent::Submitted { job, indexes: Some(_), .. } if job == "ttg-primes-test-r1")
    ));
    // A late result of the first Job neither counts nor disputes anything.
    assert!(kept(&d.pod(saying(exited(1, 60, 9, 0), &result(3, 1, 8)))).is_empty());
    let partials = kept(&d.pod(of_rerun(saying(exited(1, 70, 9, 0), &result(3, 1, 7)))));
    assert_eq!(partials.len(), 1);
    let effects = d.say(Event::Outcome(Outcome::Kept(partials)));
    assert!(effects.contains(&Effect::Recompute(CompletionIndex(1))), "{effects:?}");
    assert_eq!(left(&effects), None, "the plan asks for none, the dispute does");
    let mut doubtful = Dialogue {
        model: d.model.clone(),
        second: d.second,
    };
    let again = |value| {
        Event::Outcome(Outcome::Recomputed {
            index: CompletionIndex(1),
            value: Ok(value),
        })
    };
    assert_eq!(left(&doubtful.say(again(8))), Some(End::Unproven));
    assert_eq!(doubtful.model.summary().doubted.to_string(), "1");
    assert_eq!(left(&d.say(again(7))), Some(End::Proven));
    let summary = d.model.summary();
    assert_eq!((summary.value, summary.wall_ms), (Some(15), None));
    let jobs = summary.checks.iter().find(|check| check.name == "jobs").unwrap();
    assert_eq!(
        jobs.text,
        "2 results from Job ttg-primes-test; 1 result from Job ttg-primes-test-r1"
    );
}

#[test]
fn a_rerun_that_fails_again_leaves_the_rest_as_it_was() {
    let (mut d, _) = Dialogue::rerun(2);
    let submitted = Outcome::Submitted {
        job: Box::new(rerun_job(3, &[2], 1)),
        plan: Box::new(plan(3)),
        remarks: Vec::new(),
    };
    d.say(Event::Outcome(submitted));
    d.pod(of_rerun(exited(2, 70, 9, 1)));
    let failed = JobFact {
        failed_indexes: [CompletionIndex(2)].into_iter().collect(),
        ..with_condition(rerun_job(3, &[2], 9), "Failed")
    };
    d.job(failed);
    assert_eq!(left(&d.say(Event::Outcome(Outcome::Collected))), Some(End::Failed));
    let summary = d.model.summary();
    assert_eq!((summary.accepted, summary.missing.to_string().as_str()), (2, "2"));
    assert_eq!(summary.failed.len(), 1);
}

#[test]
fn a_refusal_and_a_dead_server_end_the_session_with_their_own_codes() {
    for (class, code) in [
        (FailureClass::Refused, 6),
        (FailureClass::Conflict, 6),
        (FailureClass::Unreachable, 5),
    ] {
        let mut d = Dialogue::submit(2, true);
        let failure = Failure {
            class,
            text: "no".into(),
            hint: Some("try this".into()),
        };
        let effects = d.say(Event::Outcome(Outcome::SubmitFailed(failure)));
        assert!(told(
            &effects,
            |e| matches!(e, RunEvent::Trouble { hint: Some(h), .. } if h == "try this")
        ));
        assert_eq!(left(&effects).unwrap().exit_code(), code);
    }
}

#[test]
fn a_cancelled_run_ends_as_cancelled_when_its_pods_are_gone() {
    let mut d = Dialogue::running(2, true);
    assert_eq!(
        d.say(Event::Intent(Intent::Cancel)),
        [Effect::Change(JobChange::Cancel)]
    );
    d.pod(running(0, 0, 2));
    let cancelled = JobFact {
        cancelled: Some("ann at noon".into()),
        suspend: true,
        ..with_condition(job(2, 5), "Suspended")
    };
    assert_eq!(left(&d.job(cancelled)), None, "a worker is still ending");
    let ended = exited(0, 0, 7, 143);
    assert_eq!(left(&d.pod(ended)), Some(End::Cancelled));
}

#[test]
fn changes_reach_the_server_one_after_another_and_leaving_waits_for_the_last() {
    let mut d = Dialogue::running(4, true);
    let changed = |what: &str| {
        Event::Outcome(Outcome::Changed {
            what: what.into(),
            job: None,
        })
    };
    let asked = |effects: &[Effect]| -> Vec<JobChange> {
        let changes = effects.iter().filter_map(|effect| {
            if let Effect::Change(change) = effect {
                Some(change.clone())
            } else {
                None
            }
        });
        changes.collect()
    };
    for (intent, want) in [
        (Intent::Scale(2), vec![JobChange::Scale(2)]),
        (Intent::Scale(3), vec![]),
        (Intent::Scale(4), vec![]),
        (Intent::Cancel, vec![]),
    ] {
        assert_eq!(asked(&d.say(Event::Intent(intent.clone()))), want, "{intent:?}");
    }
    assert_eq!(left(&d.say(Event::Intent(Intent::Quit))), None);
    assert_eq!(asked(&d.say(changed("scaled"))), [JobChange::Scale(4)]);
    assert_eq!(
        d.model.change().map(|now| (&now.change, &now.stage)),
        Some((&JobChange::Cancel, &ChangeStage::Asked)),
        "an answer to an earlier change says nothing about the last one"
    );
    let effects = d.say(changed("scaled"));
    assert_eq!((asked(&effects), left(&effects)), (vec![JobChange::Cancel], None));
    assert_eq!(left(&d.say(changed("cancelled"))), Some(End::Left));
}

#[test]
fn a_job_that_is_not_there_yet_is_not_changed_and_nobody_waits_for_that() {
    let mut d = Dialogue::submit(2, true);
    let effects = d.say(Event::Intent(Intent::Cancel));
    assert!(
        told(&effects, |event| matches!(event, RunEvent::Trouble { .. })),
        "{effects:?}"
    );
    assert_eq!(left(&d.say(Event::Intent(Intent::Quit))), Some(End::Left));
}

#[test]
fn a_suspended_run_that_nobody_cancelled_is_waited_for() {
    let mut d = Dialogue::running(2, true);
    let effects = d.job(with_condition(job(2, 5), "Suspended"));
    assert!(told(&effects, |e| *e == RunEvent::Suspended { by: None }));
    assert_eq!(left(&effects), None);
}

#[test]
fn contact_is_lost_once_and_back_once_however_many_watches_there_are() {
    let mut d = Dialogue::running(2, true);
    let mut meet = |watch, state| d.say(Event::Contact(Contact { watch, state }));
    let lost = |e: &RunEvent| matches!(e, RunEvent::ContactLost { .. });
    let back = |e: &RunEvent| matches!(e, RunEvent::ContactBack { .. });
    assert!(told(&meet(WatchOf::Pods, ContactState::Lost("refused".into())), lost));
    assert!(!told(&meet(WatchOf::Job, ContactState::Lost("refused".into())), lost));
    assert!(!told(&meet(WatchOf::Pods, ContactState::Live), back));
    assert!(told(&meet(WatchOf::Job, ContactState::Live), back));
    assert!(!told(&meet(WatchOf::Job, ContactState::Live), back));
}

#[test]
fn a_cluster_that_stays_silent_is_lost_for_good() {
    let mut d = Dialogue::running(2, true);
    d.say(Event::Contact(Contact {
        watch: WatchOf::Pods,
        state: ContactState::Lost("refused".into()),
    }));
    d.second += 590;
    assert_eq!(left(&d.say(Event::Tick)), None);
    d.second += 10;
    assert_eq!(left(&d.say(Event::Tick)), Some(End::Lost));
}

#[test]
fn logs_are_followed_while_their_pods_run() {
    let mut d = Dialogue::running(2, true);
    d.pod(pod(0, 0, 1));
    let follow = |effects: &[Effect]| -> Option<Vec<String>> {
        effects.iter().find_map(|e| {
            if let Effect::Follow(targets) = e {
                Some(targets.iter().map(|t| t.name.clone()).collect())
            } else {
                None
            }
        })
    };
    assert_eq!(
        follow(&d.pod(running(0, 0, 2))),
        Some(vec!["ttg-primes-test-0-0".into()])
    );
    assert_eq!(follow(&d.pod(running(0, 0, 2))), None, "nothing changed");
    assert_eq!(follow(&d.pod(exited(0, 0, 3, 1))), Some(vec![]));
}

#[test]
fn a_worker_that_hangs_is_told_unless_nobody_listened() {
    let silent = |e: &RunEvent| matches!(e, RunEvent::Silent { hint, .. } if hint.ends_with(" -n default shows more"));
    let tick_until = |d: &mut Dialogue, second: i64| {
        let mut is_told = false;
        while d.second < second {
            is_told |= told(&d.say(Event::Tick), silent);
        }
        is_told
    };
    let mut d = Dialogue::running(1, true);
    d.pod(running(0, 0, 2));
    let began = d.second;
    assert!(!tick_until(&mut d, began + 44));
    let mut stopped = Dialogue {
        model: d.model.clone(),
        second: d.second + 100,
    };
    assert!(tick_until(&mut d, began + 50));
    // The program was stopped for a while, and begins to listen anew.
    let back = stopped.second;
    assert!(!tick_until(&mut stopped, back + 40));
    stopped.say(Event::Contact(Contact {
        watch: WatchOf::Pods,
        state: ContactState::Lost("refused".into()),
    }));
    assert!(!tick_until(&mut stopped, back + 200), "there is nothing to listen to");
}

#[test]
fn a_submission_that_has_to_wait_is_told() {
    let mut d = Dialogue::submit(2, true);
    let postponed = Outcome::Postponed {
        after_ms: 3_000,
        why: "later".into(),
    };
    let effects = d.say(Event::Outcome(postponed));
    let is_told = |e: &RunEvent| matches!(e, RunEvent::Postponed { after_ms: 3_000, why } if why == "later");
    assert!(told(&effects, is_told) && left(&effects).is_none(), "{effects:?}");
}

#[test]
fn nothing_happens_after_the_end() {
    let mut d = Dialogue::running(2, true);
    d.model.finish(ApiCost::default(), End::Left);
    assert_eq!(d.say(Event::Signal(Signal::Interrupt)), []);
    assert_eq!(d.model.summary().headline, Headline::Unfinished);
}
