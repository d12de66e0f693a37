//! What a learner sees of runs that are made of facts.

use super::*;
use crate::learn::find;
use crate::model::event::{Event, Outcome, Started, Task};
use crate::model::update;
use crate::run::fact::{Delta, NodeFact, PodFact, Reason};
use crate::run::partial::Kept;
use crate::run::state::fixtures::{at, job, plan, running};

fn submitted() -> Model {
    let started = Started {
        task: Task::Submit,
        plan: plan(12),
        job: None,
        cluster: "local".into(),
        namespace: "lab".into(),
        reach_flags: String::new(),
        outlives: false,
        seed: 1,
        kept: Kept::default(),
    };
    let mut model = Model::new(at(0), started);
    let outcome = Outcome::Submitted {
        job: Box::new(job(12, 41)),
        plan: Box::new(plan(12)),
        remarks: Vec::new(),
    };
    update(&mut model, at(1), Event::Outcome(outcome));
    model
}

fn pod(model: &mut Model, second: i64, fact: PodFact) {
    update(model, at(second), Event::Pod(Delta::Applied(Box::new(fact))));
}

fn tones(model: &Model, choices: &Choices) -> Vec<Tone> {
    let view = view(model, choices, at(9), 100, 40);
    view.rows.iter().map(|row| row.tone).collect()
}

fn text(model: &Model, choices: &Choices) -> String {
    let view = view(model, choices, at(9), 160, 60);
    let line = |line: &Line| line.iter().map(|span| &*span.text).collect::<String>() + "\n";
    view.text.iter().map(line).collect()
}

fn take(choices: &mut Choices, model: &Model, second: i64, gestures: &[Gesture]) {
    for gesture in gestures {
        assert!(choices.take(gesture, model, at(second)).is_empty());
    }
}

#[test]
fn a_step_is_lit_by_what_happened_and_by_nothing_else() {
    use Tone::{Done, Pending, Running};
    let mut model = submitted();
    let choices = Choices::default();
    assert_eq!(tones(&model, &choices)[..4], [Done, Done, Running, Pending]);
    let waiting = crate::run::state::fixtures::pod(0, 1, 2);
    pod(&mut model, 2, waiting);
    update(&mut model, at(500), Event::Tick);
    assert_eq!(tones(&model, &choices)[..4], [Done, Done, Done, Running]);
    pod(&mut model, 501, running(0, 1, 3));
    assert_eq!(tones(&model, &choices)[3..6], [Done, Done, Running]);
    assert!(text(&model, &choices).contains("Job ttg-primes-test in local/lab"));
}

#[test]
fn a_lesson_sees_what_the_learner_did_and_helps_when_it_was_something_else() {
    let mut model = submitted();
    pod(&mut model, 2, running(4, 1, 2));
    let mut choices = Choices::new(find("kill").unwrap(), None);
    take(&mut choices, &model, 3, &[Gesture::Down]);
    let before = text(&model, &choices);
    assert!(before.contains("Waits until a pod is ended"), "{before}");
    assert!(
        before.contains("kubectl delete pod ttg-primes-test-4-1 -n lab"),
        "{before}"
    );

    let suspended = crate::run::fact::JobFact {
        suspend: true,
        conditions: crate::run::state::fixtures::with_condition(job(12, 42), "Suspended").conditions,
        ..job(12, 42)
    };
    update(&mut model, at(4), Event::Job(Delta::Applied(Box::new(suspended))));
    let wrong = text(&model, &choices);
    assert!(wrong.contains("Press s to resume it"), "{wrong}");

    update(&mut model, at(5), Event::Job(Delta::Applied(Box::new(job(12, 43)))));
    let evicted = PodFact {
        disruption: Some(Reason {
            reason: "EvictionByEvictionAPI".into(),
            message: String::new(),
        }),
        ..crate::run::state::fixtures::exited(4, 1, 44, 143)
    };
    pod(&mut model, 6, evicted);
    choices.refresh(&model, at(6));
    assert!(text(&model, &choices).contains("Seen: pod ttg-primes-test-4-1 was ended"));

    // What happens before the next step is opened is not missed.
    pod(&mut model, 7, running(4, 6, 45));
    take(&mut choices, &model, 8, &[Gesture::Down]);
    assert!(text(&model, &choices).contains("Seen: index 4 is computed again, attempt 2"));
}

#[test]
fn a_node_that_was_cordoned_before_the_lesson_is_no_answer() {
    let mut model = submitted();
    let node = |cordoned, revision| NodeFact {
        name: "node-2".into(),
        revision,
        ready: Some(true),
        cordoned,
        ..NodeFact::default()
    };
    let mut say = |second, fact| update(&mut model, at(second), Event::Node(Delta::Applied(Box::new(fact))));
    say(1, node(false, 1));
    say(2, node(true, 2));
    say(3, node(false, 3));
    let mut choices = Choices::new(find("drain").unwrap(), None);
    take(&mut choices, &model, 5, &[Gesture::Down]);
    assert!(text(&model, &choices).contains("Waits until a node is cordoned"));
    update(&mut model, at(6), Event::Node(Delta::Applied(Box::new(node(true, 4)))));
    choices.refresh(&model, at(6));
    assert!(text(&model, &choices).contains("Seen: node node-2"));
}

#[test]
fn an_answer_is_shown_when_it_is_asked_for_then_the_next_step() {
    let model = submitted();
    let mut choices = Choices::new(2, None);
    let hidden = "3 × 1,000,000 = 3,000,000";
    assert!(!text(&model, &choices).contains(hidden));
    take(&mut choices, &model, 1, &[Gesture::Open]);
    assert!(text(&model, &choices).contains(hidden));
    take(&mut choices, &model, 1, &[Gesture::Open]);
    assert_eq!(view(&model, &choices, at(2), 80, 19).current, 1);
    take(&mut choices, &model, 1, &[Gesture::Left, Gesture::Left, Gesture::Left]);
    assert!(view(&model, &choices, at(2), 80, 19).title[0].text.starts_with("9 "));
}

#[test]
fn any_size_can_be_shown_and_says_what_it_hides() {
    let model = submitted();
    for lesson in 0..=lessons().len() {
        let choices = Choices::new(lesson, None);
        for (columns, rows) in [(0, 0), (1, 1), (60, 10), (80, 19), (200, 55)] {
            let view = view(&model, &choices, at(2), columns, rows);
            assert!(view.text.len() <= usize::from(rows));
            assert!(
                view.text.is_empty() || rows > 10 || view.hidden.1 > 0,
                "{columns}x{rows}"
            );
        }
    }
}
