//! The screen over small runs.

use super::*;
use crate::model::event::{Event, Outcome, Started, Task};
use crate::model::intent::Intent;
use crate::model::update;
use crate::run::fact::{Delta, JobFact, NodeFact, PodFact, Reason};
use crate::run::partial::Kept;
use crate::run::state::fixtures::{at, done, exited, job, plan, pod, running};
use crate::view::text::Edit;
use crate::view::tone::Tone;
use crate::view::words::Piece;

/// A run of six shards: one done, two running, one to be tried again, one that no node takes, on two nodes.
fn model() -> Model {
    let started = Started {
        task: Task::Submit,
        plan: plan(6),
        job: None,
        cluster: "local".into(),
        namespace: "default".into(),
        reach_flags: String::new(),
        outlives: true,
        seed: 1,
        kept: Kept::default(),
    };
    let mut model = Model::new(at(0), started);
    let outcome = Outcome::Submitted {
        job: Box::new(job(6, 1)),
        plan: Box::new(plan(6)),
        remarks: Vec::new(),
    };
    update(&mut model, at(0), Event::Outcome(outcome));
    for (name, cordoned) in [("node-1", false), ("node-2", true)] {
        let fact = NodeFact {
            name: name.into(),
            revision: 1,
            ready: Some(true),
            cordoned,
            cpu_milli: 2_000,
            ..NodeFact::default()
        };
        update(&mut model, at(0), Event::Node(Delta::Applied(Box::new(fact))));
    }
    let unplaced = PodFact {
        waiting: Some(Reason {
            reason: "Unschedulable".into(),
            message: "0/2 nodes are available".into(),
        }),
        ..pod(4, 3, 9)
    };
    let facts = [
        running(0, 0, 2),
        done(6, 0, 0, 3, 5),
        running(1, 2, 4),
        running(2, 1, 5),
        exited(3, 1, 7, 70),
        unplaced,
    ];
    for fact in facts {
        update(&mut model, at(4), Event::Pod(Delta::Applied(Box::new(fact))));
    }
    model
}

fn text(row: &Row) -> String {
    let head = row.head.iter().map(|piece| match piece {
        Piece::Glyph(_) => "*",
        Piece::Text(span) => &*span.text,
    });
    let tail = row.tail.iter().map(|span| &*span.text);
    head.chain(tail).collect()
}

fn selected(view: &View) -> Vec<String> {
    let rows = view.lanes.iter().flat_map(|lane| &lane.rows);
    rows.filter(|row| row.selected).map(text).collect()
}

#[test]
fn what_matters_most_comes_first_and_pods_without_a_node_say_why() {
    let model = model();
    let view = view(&model, &Choices::default(), at(8), 120, 29);
    let indexes = |lane: &Lane| -> Vec<u32> {
        let spots = lane.rows.iter().filter_map(|row| match row.spot {
            Some(Spot::Index(index)) => Some(index.0),
            _ => None,
        });
        spots.collect()
    };
    let lanes: Vec<Vec<u32>> = view.lanes.iter().map(indexes).collect();
    // Tried again, then the longest running, then done; node-2 is idle; then what is not placed.
    assert_eq!(lanes, [vec![3, 2, 1, 0], vec![], vec![4]]);
    assert_eq!(text(&view.lanes[1].rows[0]), "idle");
    let waits = text(&view.lanes[2].rows[0]);
    assert!(waits.contains("Unschedulable: 0/2 nodes are available"), "{waits}");
    let again = text(&view.lanes[0].rows[0]);
    assert!(again.contains("again in about 8 s, attempt 2 of 4"), "{again}");
}

#[test]
fn what_does_not_fit_is_counted() {
    let model = model();
    let view = view(&model, &Choices::default(), at(8), 80, 14);
    let all: String = view
        .lanes
        .iter()
        .flat_map(|lane| &lane.rows)
        .map(|row| text(row) + "\n")
        .collect();
    assert!(all.contains("*1 *2 *1") && all.contains("+ 3 more"), "{all}");
    assert!(
        all.contains("node-1") && all.contains("node-2") && all.contains("not placed"),
        "{all}"
    );
}

#[test]
fn the_cursor_is_always_in_sight_at_every_size() {
    let model = model();
    let mut choices = Choices::default();
    for _ in 0..7 {
        for (columns, rows) in [(80, 19), (120, 29), (200, 55)] {
            let view = view(&model, &choices, at(8), columns, rows);
            assert_eq!(selected(&view).len(), 1, "{columns}x{rows}: {:?}", choices.cursor);
        }
        choices.take(&Gesture::Down, &model, at(8));
    }
    for columns in 0..130 {
        for rows in 0..40 {
            view(&model, &choices, at(8), columns, rows);
        }
    }
}

#[test]
fn enter_opens_the_index_under_the_cursor_and_the_next_problem_is_found() {
    let model = model();
    let mut choices = Choices::default();
    choices.take(&Gesture::Last, &model, at(8));
    assert_eq!(
        choices.take(&Gesture::Open, &model, at(8)),
        [Act::OpenIndex(CompletionIndex(4))]
    );
    assert!(choices.take(&Gesture::NextProblem, &model, at(8)).is_empty());
    assert_eq!(
        choices.take(&Gesture::Open, &model, at(8)),
        [Act::OpenIndex(CompletionIndex(3))]
    );
    let acts = choices.take(&Gesture::MoreWorkers, &model, at(8));
    assert_eq!(acts, [Act::Intent(Intent::Scale(4))]);
}

#[test]
fn the_filter_keeps_the_events_that_fit() {
    let model = model();
    let mut choices = Choices::default();
    let all = view(&model, &choices, at(8), 200, 55).events.1.rows.len();
    choices.take(&Gesture::Filter, &model, at(8));
    assert!(choices.wants_text());
    choices.take(&Gesture::Edit(Edit::Paste("exit 70".into())), &model, at(8));
    choices.take(&Gesture::Open, &model, at(8));
    let events = view(&model, &choices, at(8), 200, 55).events.1;
    assert!(!events.rows.is_empty() && events.rows.len() < all, "{events:?}");
    assert!(events.rows.iter().all(|row| row.text.contains("exit 70")), "{events:?}");
    assert!(matches!(
        &choices.take(&Gesture::Explain, &model, at(8))[..],
        [Act::Explain(_)]
    ));
    choices.take(&Gesture::Back, &model, at(8));
    assert!(!choices.wants_back());
}

#[test]
fn what_a_suspension_stopped_says_so_and_is_no_error() {
    let mut model = model();
    let suspended = JobFact {
        suspend: true,
        ..job(6, 2)
    };
    update(&mut model, at(5), Event::Job(Delta::Applied(Box::new(suspended))));
    let ending = PodFact {
        terminating: true,
        released: true,
        ..running(1, 2, 10)
    };
    let ended = PodFact {
        terminating: true,
        released: true,
        ..exited(1, 2, 11, 143)
    };
    for fact in [ending, ended] {
        update(&mut model, at(6), Event::Pod(Delta::Applied(Box::new(fact))));
    }
    let view = view(&model, &Choices::default(), at(8), 120, 29);
    let mut rows = view.lanes.iter().flat_map(|lane| &lane.rows);
    let stopped = rows
        .find(|row| row.spot == Some(Spot::Index(CompletionIndex(1))))
        .unwrap();
    assert_eq!(stopped.glyph, Some(Tone::Pending));
    let words = text(stopped);
    assert!(words.ends_with("stopped by suspending, waits for resume"), "{words}");
}

#[test]
fn until_it_is_moved_the_cursor_is_on_what_is_worst_off() {
    let mut model = model();
    let mut choices = Choices::default();
    update(
        &mut model,
        at(6),
        Event::Pod(Delta::Applied(Box::new(exited(5, 0, 12, 1)))),
    );
    update(
        &mut model,
        at(6),
        Event::Pod(Delta::Applied(Box::new(running(3, 6, 13)))),
    );
    let explained = |choices: &mut Choices| choices.take(&Gesture::Explain, &model, at(8));
    assert!(selected(&view(&model, &choices, at(8), 120, 29))[0].starts_with("5 "));
    let of_worst = vec![Act::Explain(explain::of_index(CompletionIndex(5), &model))];
    assert_eq!(explained(&mut choices), of_worst);
    choices.take(&Gesture::Last, &model, at(8));
    assert_ne!(explained(&mut choices), of_worst);
}

#[test]
fn a_worker_that_runs_is_not_hidden_by_one_that_is_done() {
    let mut model = model();
    let mut choices = Choices::default();
    for (index, revision) in [(3, 20), (4, 21)] {
        let fact = done(6, index, 7, revision, 5);
        update(&mut model, at(7), Event::Pod(Delta::Applied(Box::new(fact))));
    }
    // The cursor is on what was done first, the last row of node-1.
    choices.cursor = Some(Item::Pod(
        Home::Node("node-1".into()),
        CompletionIndex(0),
        String::new(),
    ));
    for rows in 12..40 {
        let view = view(&model, &choices, at(8), 80, rows);
        let rows: Vec<&Row> = view.lanes.iter().flat_map(|lane| &lane.rows).collect();
        let place = |wanted: &dyn Fn(&Row) -> bool| rows.iter().position(|row| wanted(row));
        let done = place(&|row: &Row| row.glyph == Some(Tone::Done) && matches!(row.spot, Some(Spot::Index(_))));
        let running = place(&|row: &Row| row.glyph == Some(Tone::Running) && matches!(row.spot, Some(Spot::Index(_))));
        assert!(done.is_none() || running < done, "{rows:?}");
        assert!(done.is_none() || running.is_some(), "{rows:?}");
        assert_eq!(selected(&view).len(), 1);
    }
}

#[test]
fn what_the_first_lists_tell_of_a_run_that_went_on_was_before() {
    let started = Started {
        task: Task::Attach,
        plan: plan(6),
        job: None,
        cluster: "local".into(),
        namespace: "default".into(),
        reach_flags: String::new(),
        outlives: true,
        seed: 1,
        kept: Kept::default(),
    };
    let mut model = Model::new(at(0), started);
    let known = JobFact {
        created_at: Some(at(-60)),
        ..job(6, 1)
    };
    update(&mut model, at(0), Event::Job(Delta::Applied(Box::new(known))));
    for (index, second) in [(0, 0), (1, 5)] {
        let fact = running(index, -50, 2);
        update(&mut model, at(second), Event::Pod(Delta::Applied(Box::new(fact))));
    }
    let events = view(&model, &Choices::default(), at(8), 120, 29).events.1;
    let clock = |index: &str| {
        let of = events.rows.iter().find(|row| row.text.starts_with(index));
        of.map(|row| row.clock.as_str())
    };
    assert_eq!(clock("index 0 running"), Some("before"), "{events:?}");
    assert_eq!(clock("index 1 running"), Some("01:05.0"), "{events:?}");
}
