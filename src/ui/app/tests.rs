//! What lies over a screen, and what gets through to it.

use super::*;
use crate::model::effect::End;
use crate::model::event::{ApiCost, Event, Outcome, Started, Task};
use crate::model::log_tail::{TailPart, TailWhat};
use crate::model::update;
use crate::run::fact::Delta;
use crate::run::partial::Kept;
use crate::run::state::fixtures::{at, job, plan, running};
use crate::ui::keymap::KEYMAP;
use crate::ui::theme::Look;
use crate::view::new_run::Start;

fn model(is_submitted: bool) -> Model {
    let started = Started {
        task: Task::Submit,
        plan: plan(4),
        job: None,
        cluster: "local".into(),
        namespace: "lab".into(),
        reach_flags: String::new(),
        outlives: true,
        seed: 1,
        kept: Kept::default(),
    };
    let mut model = Model::new(at(0), started);
    if is_submitted {
        let outcome = Outcome::Submitted {
            job: Box::new(job(4, 1)),
            plan: Box::new(plan(4)),
            remarks: Vec::new(),
        };
        update(&mut model, at(1), Event::Outcome(outcome));
    }
    model
}

fn app() -> App {
    App::new(Screen::Live, Theme::new(Look::Mono, false), Keymap::default(), false)
}

fn take(app: &mut App, model: &Model, gestures: &[Gesture]) -> Vec<Errand> {
    let mut errands = Vec::new();
    for gesture in gestures {
        errands.extend(app.take(gesture, &mut Subject::Run(model), at(2)));
    }
    errands
}

/// A run with a worker whose log is read.
fn busy() -> Model {
    let mut model = model(true);
    let pod = "ttg-primes-test-0-0".to_owned();
    let lines = TailPart {
        pod: pod.clone(),
        what: TailWhat::Lines(vec!["one".into(), "two".into()]),
    };
    for event in [
        Event::Pod(Delta::Applied(Box::new(running(0, 0, 2)))),
        Event::Intent(Intent::ReadLog(Some(pod))),
        Event::LogTail(lines),
    ] {
        update(&mut model, at(2), event);
    }
    model
}

fn frame(app: &mut App, model: &Model) -> Buffer {
    let mut cells = Buffer::empty(Rect::new(0, 0, 120, 34));
    app.draw(&Subject::Run(model), at(2), &mut cells);
    cells
}

#[test]
fn every_key_that_the_footer_names_does_something_or_says_why_not() {
    let model = busy();
    for screen in [
        Screen::Live,
        Screen::Shards,
        Screen::Detail,
        Screen::Result,
        Screen::Learn,
    ] {
        let named = KEYMAP
            .iter()
            .filter(|row| row.is_at(Place::of(screen)) && !row.word.is_empty());
        for row in named.filter(|row| able(&row.gesture, Some(&model)) == Able::Yes) {
            let mut app = app();
            take(&mut app, &model, &[Gesture::Show(screen)]);
            let before = frame(&mut app, &model);
            let errands = take(&mut app, &model, std::slice::from_ref(&row.gesture));
            let is_seen = frame(&mut app, &model) != before;
            assert!(is_seen || !errands.is_empty(), "{:?} on {screen:?}", row.gesture);
        }
    }
}

#[test]
fn what_lies_below_a_question_is_no_answer_to_it() {
    let (mut app, model) = (app(), model(true));
    take(&mut app, &model, &[Gesture::Cancel]);
    assert!(app.is_asking());
    let mut cells = Buffer::empty(Rect::new(0, 0, 120, 34));
    app.draw(&Subject::Run(&model), at(2), &mut cells);
    let spots: Vec<Spot> = app.spots.iter().map(|(_, spot)| *spot).collect();
    assert_eq!(spots, [Spot::Row(0), Spot::Row(1)]);
    assert!(
        take(&mut app, &model, &[Gesture::Open]).is_empty(),
        "the default does nothing"
    );
}

#[test]
fn a_command_of_the_palette_is_carried_out_while_a_text_is_typed_below() {
    let (mut app, model) = (app(), model(true));
    let text = Gesture::Edit(Edit::Paste("suspend".into()));
    let gestures = [Gesture::Filter, Gesture::Palette, text, Gesture::Open];
    assert_eq!(take(&mut app, &model, &gestures), [Errand::Intent(Intent::Suspend)]);
}

#[test]
fn an_index_is_left_to_where_it_was_opened() {
    for screen in [Screen::Live, Screen::Shards, Screen::Result] {
        let (mut app, model) = (app(), model(true));
        take(
            &mut app,
            &model,
            &[Gesture::Show(screen), Gesture::Show(Screen::Detail)],
        );
        assert_eq!(app.screen(), Screen::Detail);
        take(&mut app, &model, &[Gesture::Back]);
        assert_eq!(app.screen(), screen);
    }
}

#[test]
fn the_last_run_can_be_looked_at_from_the_form() {
    let mut model = model(true);
    model.finish(ApiCost::default(), End::Unproven);
    let mut form = Form::new(Start {
        plan: plan(4),
        clusters: Vec::new(),
        cluster: 0,
        namespace: None,
        pace_ms: None,
    });
    let mut app = app();
    app.begin(Screen::New);
    app.take(&Gesture::Show(Screen::Result), &mut Subject::Form(&mut form), at(2));
    assert_eq!(app.screen(), Screen::New, "there is none yet");
    app.keep_last();
    app.take(&Gesture::Show(Screen::Result), &mut Subject::Form(&mut form), at(2));
    assert_eq!(app.screen(), Screen::Result);
    for gesture in [Gesture::Show(Screen::New), Gesture::Back, Gesture::Quit] {
        assert_eq!(take(&mut app, &model, &[gesture]), [Errand::NewRun]);
    }
    app.return_to_form();
    assert_eq!(app.screen(), Screen::New);
}

#[test]
fn the_help_of_the_form_tells_how_a_text_is_edited() {
    let help = overlay::help(&Keymap::default(), &[Place::New, Place::New], None);
    let Overlay::Page { lines, .. } = help else { panic!() };
    let has = |words: &str| lines.iter().flatten().any(|piece| piece.text.contains(words));
    assert!(has("While a text is typed") && has("remove the whole text"));
}

#[test]
fn a_run_that_is_not_stored_yet_can_be_left_and_not_cancelled() {
    for (is_submitted, want) in [(false, 2), (true, 3)] {
        let question = leave_question(&model(is_submitted), Act::Leave);
        assert_eq!(question.answers.len(), want);
        assert!(question.answers[0].acts.is_empty(), "the default does nothing");
    }
}

#[test]
fn a_question_about_a_run_is_closed_when_the_run_ends() {
    let (mut app, mut model) = (app(), model(true));
    take(&mut app, &model, &[Gesture::Cancel]);
    assert!(app.is_asking());
    model.finish(ApiCost::default(), End::Proven);
    app.show_end(&model);
    assert!(!app.is_asking());
    assert_eq!(app.screen(), Screen::Result);
}

#[test]
fn a_screen_that_is_too_small_says_which_size_is_not() {
    let model = model(true);
    let mut cells = Buffer::empty(Rect::new(0, 0, 30, 5));
    app().draw(&Subject::Run(&model), at(2), &mut cells);
    let line: String = (0..30).map(|x| cells[(x, 0)].symbol()).collect();
    assert_eq!(line.trim_end(), "enlarge to 60×15");
}
