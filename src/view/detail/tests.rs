//! One index, seen in small runs.

use super::attempts::StageKind;
use super::*;
use crate::model::event::{Event, Outcome, Started, Task};
use crate::model::update;
use crate::run::fact::{Delta, KubeEventFact, PodFact, Reason};
use crate::run::partial::Kept;
use crate::run::state::fixtures::{at, done, exited, job, plan, pod, running};
use crate::view::text::Edit;
use crate::view::tone::{Span, Tone};

/// Returns a session with a run of three indexes and these pods, on a cluster that the flags `--context lab -n maths` reach.
pub(crate) fn model(pods: impl IntoIterator<Item = PodFact>) -> Model {
    let started = Started {
        task: Task::Submit,
        plan: plan(3),
        job: None,
        cluster: "lab".into(),
        namespace: "maths".into(),
        reach_flags: " --context lab".into(),
        outlives: true,
        seed: 1,
        kept: Kept::default(),
    };
    let mut model = Model::new(at(0), started.clone());
    let submitted = Outcome::Submitted {
        job: Box::new(job(3, 1)),
        plan: Box::new(plan(3)),
        remarks: Vec::new(),
    };
    let events = [Event::Started(Box::new(started)), Event::Outcome(submitted)];
    let pods = pods.into_iter().map(|pod| Event::Pod(Delta::Applied(Box::new(pod))));
    for event in events.into_iter().chain(pods) {
        update(&mut model, at(1), event);
    }
    model
}

fn opened(index: u32, model: &Model) -> Choices {
    let mut choices = Choices::default();
    choices.open(CompletionIndex(index), model);
    choices
}

fn text(line: &[Span]) -> String {
    line.iter().map(|span| span.text.as_ref()).collect()
}

#[test]
fn attempts_stand_on_one_clock_newest_first() {
    // Created at 0, started at 1, ended at 5; the next one at 20.
    let model = model([exited(1, 0, 3, 1), running(1, 20, 5)]);
    let view = view(&model, &opened(1, &model), at(40), 200, 55);
    let rows: Vec<_> = view
        .attempts
        .rows
        .iter()
        .map(|row| (row.number, row.word, row.tone, row.is_chosen))
        .collect();
    assert_eq!(
        rows,
        [(2, "running", Tone::Running, true), (1, "failed", Tone::Failed, false)]
    );
    let columns = view.attempts.clock_columns;
    let working = |row: usize| {
        *view.attempts.rows[row]
            .stages
            .iter()
            .find(|stage| stage.kind == StageKind::Working)
            .unwrap()
    };
    assert_eq!(working(0).column + working(0).columns, columns, "it works until now");
    let (first, second) = (working(1), working(0));
    assert!(
        first.column + first.columns <= columns / 5 && second.column >= columns / 2,
        "{first:?} {second:?} of {columns}"
    );
    assert_eq!(
        (view.attempts.rows[1].took.as_str(), view.attempts.rows[1].why.as_str()),
        ("5.0 s", "exit 1")
    );
    assert!(note_of(&view).contains("19.0 s at work so far"));
}

fn note_of(view: &View) -> String {
    view.attempts.note.iter().map(|line| text(line)).collect()
}

#[test]
fn what_is_said_about_an_attempt_is_wrapped_where_there_is_room() {
    let model = model([exited(1, 0, 3, 1), exited(1, 20, 5, 1)]);
    for (columns, rows) in [(80, 24), (120, 29)] {
        let view = view(&model, &opened(1, &model), at(30), columns, rows);
        let inside = usize::from(view.layout.attempts.columns) - 2;
        let lines: Vec<String> = view.attempts.note.iter().map(|line| text(line)).collect();
        assert!(
            lines.iter().all(|line| line.trim_end().chars().count() <= inside),
            "{lines:?}"
        );
        assert_eq!(view.attempts.rows.len(), 2, "no attempt makes room for it");
        let first = text(&view.head.lines[0]);
        assert!(first.contains("attempt 2 of "), "{first}");
    }
}

#[test]
fn a_worker_knows_its_own_time_better_than_kubernetes() {
    let mut model = model([done(3, 1, 0, 3, 7)]);
    for effect in update(&mut model, at(9), Event::Drained) {
        if let crate::model::effect::Effect::Keep(partials) = effect {
            update(&mut model, at(9), Event::Outcome(Outcome::Kept(partials)));
        }
    }
    let took = model.run().accepted_result(CompletionIndex(1)).unwrap().elapsed_ms;
    let said = note_of(&view(&model, &opened(1, &model), at(9), 80, 19));
    assert!(
        said.contains(&format!("{} at work", crate::view::words::duration(took))),
        "{said}"
    );
}

#[test]
fn the_next_attempt_is_announced() {
    let model = model([exited(1, 0, 3, 1), exited(1, 20, 5, 1)]);
    let note = |second| note_of(&view(&model, &opened(1, &model), at(second), 80, 19));
    // The line may be wrapped between any two words.
    assert!(note(30).replace(' ', "").contains("attempt3inabout15s"), "{}", note(30));
    assert!(note(60).replace(' ', "").contains("attempt3isdue"), "{}", note(60));
}

#[test]
fn a_result_and_an_empty_index_say_what_they_are() {
    let mut model = model([done(3, 1, 0, 3, 7)]);
    let head = |model: &Model, index| view(model, &opened(index, model), at(9), 80, 19).head;
    let said = text(head(&model, 1).lines.last().unwrap());
    assert!(
        said.contains("value 7") && said.contains("on its way to the ledger"),
        "{said}"
    );
    let unkept = update(&mut model, at(9), Event::Drained)
        .into_iter()
        .find_map(|effect| {
            if let crate::model::effect::Effect::Keep(partials) = effect {
                Some(partials)
            } else {
                None
            }
        });
    update(&mut model, at(9), Event::Outcome(Outcome::Kept(unkept.unwrap())));
    let said = text(head(&model, 1).lines.last().unwrap());
    assert!(
        said.contains("10 processed in 4.0 s") && said.contains("in the ledger"),
        "{said}"
    );
    let empty = head(&model, 2);
    assert_eq!(empty.tone, Tone::Pending);
    assert!(text(empty.lines.last().unwrap()).contains("lowest index"));
}

#[test]
fn the_log_of_the_newest_attempt_is_asked_for_once_it_has_one() {
    let asked = |model: &Model| Choices::default().open(CompletionIndex(1), model);
    assert_eq!(asked(&model([])), []);
    assert_eq!(asked(&model([pod(1, 0, 2)])), []);
    let both = model([exited(1, 0, 3, 1), running(1, 20, 5)]);
    let read = |name: &str| vec![Act::Intent(Intent::ReadLog(Some(name.to_owned())))];
    assert_eq!(asked(&both), read("ttg-primes-test-1-20"));
    let mut choices = opened(1, &both);
    choices.take(&Gesture::PreviousPane, &both, at(30));
    assert_eq!(choices.take(&Gesture::Down, &both, at(30)), read("ttg-primes-test-1-0"));
    let copied = choices.take(&Gesture::Copy, &both, at(30));
    assert_eq!(
        copied,
        [Act::Copy(
            "kubectl logs ttg-primes-test-1-0 --context lab -n maths".into()
        )]
    );
}

#[test]
fn one_goes_from_index_to_index() {
    let model = model([exited(0, 0, 3, 1), running(1, 0, 4), exited(2, 0, 5, 1)]);
    let mut choices = opened(1, &model);
    let mut goes = |gestures: &[Gesture]| {
        for gesture in gestures {
            choices.take(gesture, &model, at(9));
        }
        choices.index().0
    };
    assert_eq!(goes(&[Gesture::Right, Gesture::Right]), 2);
    assert_eq!(goes(&[Gesture::NextProblem]), 0);
    assert_eq!(goes(&[Gesture::PreviousProblem]), 2);
    assert_eq!(
        goes(&[Gesture::GoTo, Gesture::Edit(Edit::Insert('1')), Gesture::Open]),
        1
    );
    assert_eq!(
        goes(&[Gesture::GoTo, Gesture::Edit(Edit::Insert('9')), Gesture::Back]),
        1
    );
    assert!(!choices.wants_text());
    choices.take(&Gesture::GoTo, &model, at(9));
    choices.take(&Gesture::Edit(Edit::Paste("3".into())), &model, at(9));
    assert!(matches!(&choices.take(&Gesture::Open, &model, at(9))[..], [Act::Say(words)] if words.contains("0 to 2")));
}

#[test]
fn events_are_those_of_its_pods() {
    let mut model = model([running(1, 0, 4), running(2, 0, 5)]);
    let event = |uid: &str, kind: &str, name: &str, message: &str| KubeEventFact {
        uid: uid.into(),
        why: Reason {
            reason: "Because".into(),
            message: message.into(),
        },
        object_kind: kind.into(),
        object_name: name.into(),
        at: Some(at(5)),
        ..KubeEventFact::default()
    };
    for fact in [
        event("a", "Pod", "ttg-primes-test-1-0", "mine"),
        event("b", "Pod", "ttg-primes-test-2-0", "another's"),
        event("c", "Job", "ttg-primes-test", "Created pod: ttg-primes-test-1-0"),
    ] {
        update(&mut model, at(6), Event::KubeEvent(Box::new(fact)));
    }
    let mut choices = opened(1, &model);
    choices.take(&Gesture::NextPane, &model, at(9));
    let events = view(&model, &choices, at(9), 120, 29).events.unwrap();
    let lines: Vec<String> = events.lines.iter().map(|line| text(line)).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("Created pod") && lines[1].contains("mine") && lines[1].contains("4 s ago"),
        "{lines:?}"
    );
    assert_eq!((choices.pane, events.cursor), (Pane::Events, Some(0)));
    choices.take(&Gesture::Down, &model, at(9));
    let explained = choices.take(&Gesture::Explain, &model, at(9));
    assert!(
        matches!(&explained[..], [Act::Explain(found)] if found.evidence.iter().any(|said| said.contains("mine"))),
        "{explained:?}"
    );
}
