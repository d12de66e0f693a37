//! Dialogues: events in, effects out, made-up outcomes back.

use super::effect::{Effect, End, JobChange};
use super::event::{
    ApiCost, Contact, ContactState, Event, Failure, FailureClass, Outcome, Signal, Started, Task, WatchOf,
};
use super::intent::Intent;
use super::{Model, update};
use crate::run::fact::{CompletionIndex, Delta, JobFact, PodFact};
use crate::run::partial::Partial;
use crate::run::state::fixtures::{at, exited, job, plan, pod, result, running, saying, with_condition};
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
            kept: Vec::new(),
        };
        let mut dialogue = Self {
            model: Model::new(at(0), started.clone()),
            second: 0,
        };
        let effects = dialogue.say(Event::Started(Box::new(started)));
        assert!(matches!(&effects[..], [Effect::Submit(_)]), "{effects:?}");
        dialogue
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
fn nothing_happens_after_the_end() {
    let mut d = Dialogue::running(2, true);
    d.model.finish(ApiCost::default(), End::Left);
    assert_eq!(d.say(Event::Signal(Signal::Interrupt)), []);
    assert_eq!(d.model.summary().headline, Headline::Unfinished);
}
