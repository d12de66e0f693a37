//! The screen over small runs: what a person does, and what is shown then.

use super::*;
use crate::run::state::fixtures::{apply, at, done, exited, keep, pod, running, state};
use crate::view::text::Edit;

const SIZE: (u16, u16) = (80, 19);

/// A run of a hundred: 0 to 9 done, 10 runs, 11 failed once and waits for another attempt, 12 is pending.
fn run() -> RunState {
    let mut run = state(100);
    apply(
        &mut run,
        (0..10).map(|index| done(100, index, 0, 3, 1)).collect::<Vec<_>>(),
    );
    apply(&mut run, [running(10, 2, 4), exited(11, 0, 5, 1), pod(12, 5, 6)]);
    keep(&mut run);
    run
}

fn text(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts.iter().map(|part| &*part.span.text).collect();
    texts.join("  ")
}

/// Takes gestures one after another, each after a look at the screen; returns the last acts.
fn take(choices: &mut Choices, run: &RunState, gestures: &[Gesture]) -> Vec<Act> {
    let mut acts = Vec::new();
    for gesture in gestures {
        view_of(run, choices, at(20), SIZE);
        acts = choices.take_of(gesture, run, at(20));
    }
    acts
}

fn typed(text: &str) -> Gesture {
    Gesture::Edit(Edit::Paste(text.to_owned()))
}

#[test]
fn every_index_is_a_cell_and_the_cursor_tells_about_it() {
    let (run, mut choices) = (run(), Choices::default());
    let shown = view_of(&run, &choices, at(20), SIZE);
    assert_eq!((shown.cells.len(), shown.grid.per_cell), (100, 1));
    let tones: Vec<Tone> = shown.cells[9..14].iter().map(|cell| cell.tone).collect();
    assert_eq!(
        tones,
        [Tone::Done, Tone::Running, Tone::Retrying, Tone::Pending, Tone::Pending]
    );
    let legend: Vec<String> = shown.legend.iter().map(|line| text(line)).collect();
    assert!(legend.concat().contains(" 10 done"), "{legend:?}");
    assert!(legend.concat().contains(" 87 not started"), "{legend:?}");

    assert_eq!(text(&shown.under[0]), "index 0  done  parameters 100 to 109");
    assert_eq!(text(&shown.under[1]), "attempts 1  node-1  4.0 s  value 1");
    take(&mut choices, &run, &[Gesture::NextProblem]);
    let shown = view_of(&run, &choices, at(20), SIZE);
    assert_eq!(shown.cursor, 11);
    assert_eq!(text(&shown.under[1]), "attempts 1  node-1  Error");
    assert_eq!(
        take(&mut choices, &run, &[Gesture::Open]),
        [Act::OpenIndex(CompletionIndex(11))]
    );
}

#[test]
fn a_cell_of_several_tells_the_worst_and_opens_it() {
    let mut run = state(100_000);
    apply(&mut run, [running(120, 2, 4), exited(130, 0, 5, 1)]);
    let mut choices = Choices {
        half_blocks: true,
        ..Choices::default()
    };
    let shown = view_of(&run, &choices, at(20), SIZE);
    let per_cell = shown.grid.per_cell;
    assert!(shown.grid.shape == Shape::Half && per_cell > 31, "{:?}", shown.grid);
    assert_eq!(Ok(shown.grid.cells()), u32::try_from(shown.cells.len()));
    let cell = CompletionIndex(130 / per_cell * per_cell);
    take(&mut choices, &run, &[Gesture::Click(Spot::Index(cell))]);
    let shown = view_of(&run, &choices, at(20), SIZE);
    assert!(
        text(&shown.under[0]).contains("retrying: index 130"),
        "{:?}",
        shown.under
    );
    let acts = take(&mut choices, &run, &[Gesture::Click(Spot::Index(cell))]);
    assert_eq!(acts, [Act::OpenIndex(CompletionIndex(130))]);

    take(&mut choices, &run, &[Gesture::GoTo, typed("99,998"), Gesture::Open]);
    let shown = view_of(&run, &choices, at(20), SIZE);
    assert!(
        text(&shown.under[0]).starts_with("index 99,998  not started"),
        "{:?}",
        shown.under
    );
    assert_eq!(
        take(&mut choices, &run, &[Gesture::Logs]),
        [Act::OpenIndex(CompletionIndex(99_998))]
    );
}

#[test]
fn a_filter_dims_what_it_does_not_mean_and_counts_what_it_does() {
    let (run, mut choices) = (run(), Choices::default());
    take(&mut choices, &run, &[Gesture::Filter, typed("state=run")]);
    assert!(choices.wants_text());
    let shown = view_of(&run, &choices, at(20), SIZE);
    assert!(
        shown.prompt.after[0].text.contains("there is no state \"run\""),
        "{:?}",
        shown.prompt
    );
    take(&mut choices, &run, &[Gesture::Open]);
    assert!(choices.wants_text(), "what is wrong cannot be entered");
    take(&mut choices, &run, &[typed("ning,pending node=node-1"), Gesture::Open]);
    assert!(!choices.wants_text());
    let shown = view_of(&run, &choices, at(20), SIZE);
    let meant: Vec<usize> = (0..100).filter(|cell| shown.cells[*cell].matches).collect();
    assert_eq!(meant, [10]);
    let after: String = shown.prompt.after.iter().map(|span| &*span.text).collect();
    assert_eq!(after, "filter state=running,pending node=node-1  1 of 100 match");
    take(&mut choices, &run, &[Gesture::PreviousProblem]);
    assert_eq!(view_of(&run, &choices, at(20), SIZE).cursor, 10);

    // Leaving the field undoes what was tried, emptying it ends the filter.
    take(
        &mut choices,
        &run,
        &[Gesture::Filter, Gesture::Edit(Edit::Clear), Gesture::Back],
    );
    assert!(choices.filter.is_some());
    take(
        &mut choices,
        &run,
        &[Gesture::Filter, Gesture::Edit(Edit::Clear), Gesture::Open],
    );
    assert!(choices.filter.is_none());
}

#[test]
fn an_index_to_go_to_must_exist() {
    for (typed_text, part) in [
        ("100", "there is no index 100: 0 to 99"),
        ("-1", "a number from 0 to 99"),
    ] {
        assert!(number(typed_text, 100).unwrap_err().contains(part), "{typed_text}");
    }
    assert_eq!(number("", 100), Ok(None));
    assert_eq!(number("1_0", 100), Ok(Some(10)));
    assert!(number("99999999999999999999", 100).is_err());
}

#[test]
fn modes_show_durations_nodes_and_attempts() {
    let mut run = run();
    apply(&mut run, [exited(11, 6, 8, 1), running(11, 9, 9)]);
    let mut choices = Choices::default();
    let glyphs = |choices: &Choices| -> Vec<Glyph> {
        let cells = view_of(&run, choices, at(20), (120, 29)).cells;
        [0, 10, 11, 50].map(|cell| cells[cell].glyph).to_vec()
    };
    assert_eq!(glyphs(&choices), [Glyph::State; 4]);
    choices.mode = choices.mode.next();
    assert_eq!(
        glyphs(&choices),
        [Glyph::Shade(0), Glyph::Shade(3), Glyph::Shade(3), Glyph::State]
    );
    let side = view_of(&run, &choices, at(20), (120, 29)).side.unwrap();
    let lines: Vec<String> = side
        .lines
        .iter()
        .map(|line| line.iter().map(|span| &*span.text).collect())
        .collect();
    assert_eq!(
        lines,
        [
            "p50 4.0 s   p95 4.0 s",
            "slowest index 9, 4.0 s",
            "stragglers 2: 10  11"
        ]
    );
    choices.mode = choices.mode.next();
    let letter = Glyph::Letter('a');
    assert_eq!(glyphs(&choices), [letter, letter, letter, Glyph::State]);
    let side = view_of(&run, &choices, at(20), (120, 29)).side.unwrap();
    assert_eq!((side.bars[0].label.as_str(), side.bars[0].count), ("node-1", 12));
    choices.mode = choices.mode.next();
    assert_eq!(
        glyphs(&choices),
        [Glyph::Letter('1'), Glyph::Letter('1'), Glyph::Letter('3'), Glyph::State]
    );
}

#[test]
fn every_size_has_a_view() {
    let (run, choices) = (run(), Choices::default());
    for columns in [0, 1, 3, 4, 9, 39, 60, 99, 100, 140, 500] {
        for rows in 0..24 {
            let shown = view_of(&run, &choices, at(20), (columns, rows));
            assert_eq!(shown.legend.len(), usize::from(shown.room.legend));
            assert!(shown.cells.len() <= 100);
        }
    }
}
