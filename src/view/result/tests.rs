//! What the result says in each way a run can end, and what the keys do.

use super::*;
use crate::model::effect::{Effect, End};
use crate::model::event::{ApiCost, Event, Outcome, Started, Task};
use crate::model::update;
use crate::run::fact::{Delta, PodFact};
use crate::run::partial::Kept;
use crate::run::state::fixtures::{at, done, exited, job, plan};

/// Returns a session whose run has so many shards, and where these pods were seen and their results kept.
fn session(shards: u32, pods: impl IntoIterator<Item = PodFact>) -> Model {
    let started = Started {
        task: Task::Submit,
        plan: plan(shards),
        job: None,
        cluster: "local".into(),
        namespace: "default".into(),
        reach_flags: String::new(),
        outlives: true,
        seed: 1,
        kept: Kept::default(),
    };
    let mut model = Model::new(at(0), started);
    let submitted = Outcome::Submitted {
        job: Box::new(job(shards, 1)),
        plan: Box::new(plan(shards)),
        remarks: Vec::new(),
    };
    update(&mut model, at(1), Event::Outcome(submitted));
    for pod in pods {
        update(&mut model, at(1), Event::Pod(Delta::Applied(Box::new(pod))));
    }
    for effect in update(&mut model, at(2), Event::Drained) {
        if let Effect::Keep(partials) = effect {
            update(&mut model, at(3), Event::Outcome(Outcome::Kept(partials)));
        }
    }
    model
}

/// Returns a session that has ended.
fn ended(shards: u32, pods: impl IntoIterator<Item = PodFact>, end: End) -> Model {
    let mut model = session(shards, pods);
    model.finish(ApiCost::default(), end);
    model
}

fn text(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Glyph(_) => "*",
            Piece::Text(span) => span.text.as_ref(),
        })
        .collect()
}

fn lines(pane: &Pane) -> String {
    let line = |row: &Row| match row {
        Row::Text(pieces) => text(pieces),
        Row::Bar { label, text, .. } => format!("{} {text}", label.trim_end()),
        Row::Rates { label, .. } => label.clone(),
    };
    pane.rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn seen(model: &Model) -> View {
    view(model, &Choices::default(), at(9), 120, 29)
}

#[test]
fn every_end_is_told_as_plainly() {
    let all = || (0..3).map(|index| done(3, index, 0, 2, 4));
    let two = || (0..2).map(|index| done(3, index, 0, 2, 4));
    for (model, big, headline, title) in [
        (
            ended(3, all(), End::Proven),
            "12",
            "* PROVEN  12 primes among 30 parameters",
            "Why you can trust it",
        ),
        (
            ended(3, two(), End::Unproven),
            "2/3",
            "* INCOMPLETE  2 of 3 — 8 so far (partial, not final)",
            "What is proven, and what is not",
        ),
        (
            ended(3, all(), End::Unproven),
            "3/3",
            "* NOT PROVEN  3 of 3 — 12 so far (partial, not final)",
            "What is proven, and what is not",
        ),
        (
            ended(3, [], End::Cancelled),
            "0/3",
            "* CANCELLED  0 of 3 — no result so far",
            "What is proven, and what is not",
        ),
    ] {
        let view = seen(&model);
        assert_eq!(view.big.0, big);
        let told = text(&view.facts[0]);
        assert!(told.starts_with(headline), "{told}");
        assert_eq!(view.panes[0].title, title);
    }
}

#[test]
fn a_live_run_has_no_proof_and_an_incomplete_one_names_what_is_missing() {
    let live = session(3, [done(3, 0, 0, 2, 4)]);
    assert!(lines(&seen(&live).panes[0]).contains("the proof is made when the run ends"));
    let pods = [done(3, 0, 0, 2, 4), exited(1, 0, 2, 1)];
    let told = lines(&seen(&ended(3, pods, End::Unproven)).panes[0]);
    assert!(told.contains("* 2 indexes missing: 1-2"), "{told}");
    assert!(told.contains("index 2 not started"), "{told}");
    assert!(told.contains("ttg-tui rerun"), "{told}");
}

#[test]
fn the_table_has_a_window_around_its_cursor_and_a_sum() {
    let model = ended(3, (0..3).map(|index| done(3, index, 0, 2, 4)), End::Proven);
    let table = seen(&model).table;
    assert_eq!(table.sum, "Processed: 10 + 10 + 10 = 30");
    let first = text(&table.rows[0].pieces);
    assert!(first.starts_with("*     0    100 … 109"), "{first}");
    let model = session(1_000, []);
    let mut choices = Choices::default();
    choices.take(&Gesture::Last, &model, at(9));
    let view = view(&model, &choices, at(9), 80, 19);
    let last = view.table.rows.last().unwrap();
    assert!(last.has_cursor && last.number == 999);
    assert!(
        view.table.place.ends_with("–999 of 1,000 indexes"),
        "{}",
        view.table.place
    );
    assert_eq!(
        choices.take(&Gesture::Open, &model, at(9)),
        [Act::OpenIndex(CompletionIndex(999))]
    );
}

#[test]
fn a_value_is_whole_in_every_width() {
    let value = 123_456_789_012_345_678;
    let model = ended(3, (0..3).map(|index| done(3, index, 0, 2, value)), End::Proven);
    for columns in [60, 80, 100, 200] {
        let table = view(&model, &Choices::default(), at(9), columns, 29).table;
        let row = text(&table.rows[0].pieces);
        assert!(row.ends_with(" 123,456,789,012,345,678"), "{columns}: {row}");
        assert!(row.chars().count() + 2 <= usize::from(columns), "{columns}: {row}");
        assert_eq!(row.contains("100"), columns > 80, "{columns}: {row}");
    }
}

#[test]
fn the_range_is_said_as_the_proof_says_it() {
    let model = ended(3, (0..3).map(|index| done(3, index, 0, 2, 4)), End::Proven);
    let shown = seen(&model);
    assert!(text(&shown.facts[1]).contains("over 100 … 130"), "{:?}", shown.facts[1]);
    assert!(lines(&shown.panes[0]).contains("ranges tile 100 … 130"));
    let acts = Choices::default().take(&Gesture::Explain, &model, at(9));
    assert!(matches!(&acts[..], [Act::Explain(_)]), "{acts:?}");
}

#[test]
fn a_narrow_screen_shows_one_box_and_names_the_other() {
    let model = ended(3, (0..3).map(|index| done(3, index, 0, 2, 4)), End::Proven);
    let mut choices = Choices::default();
    let titles = |choices: &Choices| -> Vec<&'static str> {
        let view = view(&model, choices, at(9), 80, 19);
        view.panes.iter().map(|pane| pane.title).collect()
    };
    assert_eq!(titles(&choices), ["Why you can trust it"]);
    choices.take(&Gesture::PreviousPane, &model, at(9));
    assert_eq!(titles(&choices), ["How it ran"]);
}

#[test]
fn only_a_proven_number_is_copied() {
    let proven = ended(1, [done(1, 0, 0, 2, 4)], End::Proven);
    assert_eq!(
        Choices::default().take(&Gesture::Copy, &proven, at(9)),
        [Act::Copy("4".into())]
    );
    let live = session(1, []);
    let acts = Choices::default().take(&Gesture::Copy, &live, at(9));
    assert!(matches!(&acts[..], [Act::Copy(command), Act::Say(_)] if command.starts_with("ttg-tui result ")));
    let saved = Choices::default().take(&Gesture::Save, &proven, at(9));
    assert!(matches!(&saved[..], [Act::Save { text, .. }] if text.contains(r#""type":"summary""#)));
}

#[test]
fn it_is_made_in_any_size() {
    let model = ended(3, [], End::Failed);
    for columns in (0..130).step_by(9) {
        for rows in 0..30 {
            view(&model, &Choices::default(), at(9), columns, rows);
        }
    }
}
