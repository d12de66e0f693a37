//! Draws one index: head, attempts on one clock, log, events, explanation. Decides nothing.

use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, columns, left, right_of, row, width};
use crate::view::detail::attempts::{
    AttemptRow, Attempts, CURSOR_COLUMNS, GLYPH_COLUMNS, NODE_COLUMNS, NUMBER_COLUMNS, Stage, StageKind, TOOK_COLUMNS,
    WORD_COLUMNS,
};
use crate::view::detail::layout::{Lower, Part};
use crate::view::detail::log::LogView;
use crate::view::detail::parts::{Head, List};
use crate::view::detail::{Pane, PromptView, View};
use crate::view::gesture::Spot;
use crate::view::tone::{Line, Span, Tone, dim, plain, span, strong};

/// The columns of the bar in the head.
const BAR_COLUMNS: u16 = 20;

/// Draws the screen.
pub(super) fn render(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let place = |part: Part| {
        let moved = Rect::new(
            area.x.saturating_add(part.x),
            area.y.saturating_add(part.y),
            part.columns,
            part.rows,
        );
        moved.intersection(area)
    };
    head(&view.head, place(view.layout.head), canvas);
    let focused = |pane: Pane| view.pane == pane;
    let inside = frame(
        &view.attempts.title,
        &[],
        (Pane::Attempts, focused(Pane::Attempts)),
        place(view.layout.attempts),
        canvas,
    );
    attempts(&view.attempts, focused(Pane::Attempts), inside, canvas);
    match view.layout.lower {
        Lower::All { log, events, explain } => {
            lower(view, Pane::Log, place(log), canvas);
            lower(view, Pane::Events, place(events), canvas);
            lower(view, Pane::Explain, place(explain), canvas);
        }
        Lower::One(part) => {
            let area = place(part);
            lower(view, view.lower, area, canvas);
            tabs(view, area, canvas);
        }
    }
}

fn head(head: &Head, area: Rect, canvas: &mut Canvas<'_>) {
    let last = head.lines.len().saturating_sub(1);
    for (number, line) in (0..area.height).zip(&head.lines) {
        let mut place = row(area, number);
        if number == 0 {
            let glyph = canvas.theme.glyph(head.tone);
            canvas.text(left(place, 1).0, glyph, head.tone);
            place = right_of(place, 2);
        }
        match head.bar {
            Some((done, total)) if usize::from(number) == last => {
                let (bar, rest) = left(place, BAR_COLUMNS.min(place.width / 3));
                canvas.bar(bar, done, total, Tone::Running);
                canvas.line(right_of(rest, 1), line);
            }
            Some(_) | None => {
                canvas.line(place, line);
            }
        }
    }
}

/// Draws the frame of a pane, notes that it can be clicked, and returns what is inside.
fn frame(
    title: &[Span],
    right: &[Span],
    (pane, is_focused): (Pane, bool),
    area: Rect,
    canvas: &mut Canvas<'_>,
) -> Rect {
    if let Some(number) = Pane::ALL.iter().position(|one| *one == pane) {
        canvas.spot(area, Spot::Pane(number));
    }
    canvas.panel(area, title, right, is_focused)
}

fn lower(view: &View, pane: Pane, area: Rect, canvas: &mut Canvas<'_>) {
    let is_focused = view.pane == pane;
    match pane {
        Pane::Attempts => {}
        Pane::Log => log(view, is_focused, area, canvas),
        Pane::Events => list(view.events.as_ref(), (pane, is_focused), area, canvas),
        Pane::Explain => list(view.explain.as_ref(), (pane, is_focused), area, canvas),
    }
}

fn list(list: Option<&List>, which: (Pane, bool), area: Rect, canvas: &mut Canvas<'_>) {
    let Some(list) = list else { return };
    let inside = frame(&list.title, &list.more, which, area, canvas);
    for (number, line) in (0..inside.height).zip(&list.lines) {
        let place = row(inside, number);
        canvas.line(place, line);
        if list.cursor == Some(usize::from(number)) {
            canvas.select(place);
            *canvas.cursor = Some(Position::new(place.x, place.y));
        }
    }
}

fn log(view: &View, is_focused: bool, area: Rect, canvas: &mut Canvas<'_>) {
    let Some(LogView { title, state, lines }) = &view.log else {
        return;
    };
    let inside = frame(title, state, (Pane::Log, is_focused), area, canvas);
    for (number, line) in (0..inside.height).zip(lines) {
        canvas.line(row(inside, number), line);
    }
    if let Some(prompt) = &view.prompt {
        typed(prompt, inside, canvas);
    }
}

/// Draws the text that is being typed over the last row.
fn typed(prompt: &PromptView, area: Rect, canvas: &mut Canvas<'_>) {
    let place = row(area, area.height.saturating_sub(1));
    if place.is_empty() {
        return;
    }
    canvas.clear(place);
    let used = canvas.line(place, &[span(prompt.label, Tone::Accent), strong(prompt.text.clone())]);
    canvas.select(left(place, used.saturating_add(1)).0);
    let before = width(prompt.label).saturating_add(prompt.cursor_columns);
    let before = u16::try_from(before)
        .unwrap_or(u16::MAX)
        .min(place.width.saturating_sub(1));
    *canvas.cursor = Some(Position::new(place.x.saturating_add(before), place.y));
}

/// Where there is room for one pane only, names the others in its lower edge.
fn tabs(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    if area.height < 3 || area.width < 4 {
        return;
    }
    let edge = Rect::new(area.x, area.bottom() - 1, area.width, 1);
    let mut place = left(right_of(edge, 2), edge.width.saturating_sub(4)).0;
    for (number, pane) in Pane::ALL.iter().enumerate() {
        if *pane == Pane::Attempts {
            continue;
        }
        let name = if *pane == view.lower {
            strong(format!("[{}]", pane.name()))
        } else {
            dim(format!(" {} ", pane.name()))
        };
        if columns(&name.text) > place.width {
            break;
        }
        let used = canvas.line(place, &[name]);
        canvas.spot(left(place, used).0, Spot::Pane(number));
        place = right_of(place, used);
    }
    if let (Some(prompt), None) = (&view.prompt, &view.log) {
        typed(
            prompt,
            Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2),
            canvas,
        );
    }
}

fn attempts(view: &Attempts, is_focused: bool, area: Rect, canvas: &mut Canvas<'_>) {
    let clock_x = clock_column(view);
    legend(view, clock_x, row(area, 0), canvas);
    let mut number = 1;
    for attempt in &view.rows {
        let place = row(area, number);
        attempt_row(attempt, view, place, canvas);
        canvas.spot(place, Spot::Row(attempt.position));
        if attempt.is_chosen && is_focused && place.height > 0 {
            canvas.select(left(place, clock_x).0);
            *canvas.cursor = Some(Position::new(place.x, place.y));
        }
        number = number.saturating_add(1);
    }
    let note_rows = u16::try_from(view.note.len()).unwrap_or(u16::MAX).min(area.height);
    let first = area.height - note_rows;
    for (number, note) in (first..area.height).zip(&view.note) {
        canvas.line(row(area, number), note);
    }
}

/// Returns the column at which the clock begins.
fn clock_column(view: &Attempts) -> u16 {
    let fixed = CURSOR_COLUMNS + NUMBER_COLUMNS + GLYPH_COLUMNS + WORD_COLUMNS + NODE_COLUMNS + TOOK_COLUMNS;
    u16::try_from(fixed)
        .unwrap_or(u16::MAX)
        .saturating_add(view.why_columns)
}

/// Draws what the signs of the clock mean, and how long it is.
fn legend(view: &Attempts, clock_x: u16, area: Rect, canvas: &mut Canvas<'_>) {
    if view.clock_columns == 0 || view.rows.is_empty() {
        return;
    }
    let kinds = [
        (StageKind::Unscheduled, " no node  "),
        (StageKind::Starting, " starting  "),
        (StageKind::Working, " at work"),
    ];
    let mut line: Line = Vec::new();
    for (kind, words) in kinds {
        line.extend([plain(sign(kind, canvas)), dim(words)]);
    }
    let (before, clock) = left(area, clock_x);
    canvas.line(left(before, before.width.saturating_sub(1)).0, &line);
    let clock = left(clock, view.clock_columns).0;
    canvas.text(clock, "0", Tone::Dim);
    canvas.line_right(right_of(clock, 2), &[dim(view.clock.clone())]);
}

fn attempt_row(attempt: &AttemptRow, view: &Attempts, area: Rect, canvas: &mut Canvas<'_>) {
    let cursor = if attempt.is_chosen {
        canvas.theme.glyphs.cursor
    } else {
        " "
    };
    let glyph = canvas.theme.glyph(attempt.tone);
    let number = format!("{:>NUMBER_COLUMNS$}", attempt.number);
    let took = format!("{:>width$} ", attempt.took, width = TOOK_COLUMNS - 1);
    let cells = [
        (CURSOR_COLUMNS, cursor, Tone::Accent),
        (NUMBER_COLUMNS, number.as_str(), Tone::Strong),
        (1, "", Tone::Plain),
        (GLYPH_COLUMNS - 1, glyph, attempt.tone),
        (WORD_COLUMNS, attempt.word, attempt.tone),
        (NODE_COLUMNS, attempt.node.as_str(), Tone::Plain),
        (usize::from(view.why_columns), attempt.why.as_str(), Tone::Plain),
        (TOOK_COLUMNS, took.as_str(), Tone::Dim),
    ];
    let mut rest = area;
    for (wanted, text, tone) in cells {
        let wanted = u16::try_from(wanted).unwrap_or(u16::MAX);
        let (cell, behind) = left(rest, wanted);
        // A blank stays between two columns, unless the text brings its own.
        let room = if text.ends_with(' ') || wanted < 4 {
            wanted
        } else {
            wanted - 1
        };
        canvas.text(left(cell, room).0, text, tone);
        rest = behind;
    }
    let clock = left(rest, view.clock_columns).0;
    for stage in &attempt.stages {
        draw_stage(*stage, attempt.tone, clock, canvas);
    }
}

/// Returns the sign of a stage; the three differ also where only ASCII is drawn.
fn sign(kind: StageKind, canvas: &Canvas<'_>) -> &'static str {
    match kind {
        StageKind::Unscheduled => canvas.theme.glyph(Tone::Pending),
        StageKind::Starting => canvas.theme.glyphs.bar_rest,
        StageKind::Working => canvas.theme.glyphs.block,
    }
}

fn draw_stage(stage: Stage, tone: Tone, clock: Rect, canvas: &mut Canvas<'_>) {
    let tone = match stage.kind {
        StageKind::Unscheduled => Tone::Dim,
        StageKind::Starting => Tone::Pending,
        StageKind::Working => tone,
    };
    let (sign, style) = (sign(stage.kind, canvas), canvas.style(tone));
    let place = left(right_of(clock, stage.column), stage.columns).0;
    if place.is_empty() {
        return;
    }
    for x in place.x..place.right() {
        canvas.put(x, place.y, sign, style);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::run::fact::CompletionIndex;
    use crate::run::state::fixtures::{at, exited, running};
    use crate::ui::theme::{Look, Theme};
    use crate::view::detail::tests::model;
    use crate::view::detail::{Choices, view};
    use crate::view::gesture::Gesture;

    fn drawn(columns: u16, rows: u16, ascii: bool, gestures: &[Gesture]) -> String {
        let model = model([exited(1, 0, 3, 64), exited(1, 20, 4, 137), running(1, 60, 5)]);
        let mut choices = Choices::default();
        choices.open(CompletionIndex(1), &model);
        view(&model, &choices, at(90), columns, rows);
        for gesture in gestures {
            choices.take(gesture, &model, at(90));
        }
        let area = Rect::new(0, 0, columns, rows);
        let mut cells = Buffer::empty(area);
        let theme = Theme::new(Look::Dark, ascii);
        let mut canvas = Canvas {
            cells: &mut cells,
            theme: &theme,
            spots: &mut Vec::new(),
            cursor: &mut None,
        };
        render(&view(&model, &choices, at(90), columns, rows), area, &mut canvas);
        let line = |y| -> String { (0..columns).map(|x| cells[(x, y)].symbol()).collect() };
        (0..rows).map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_size_and_pane_is_drawn() {
        let tab = |times: usize| vec![Gesture::NextPane; times];
        for columns in (0..150).step_by(3) {
            for rows in 0..40 {
                drawn(columns, rows, rows % 2 == 0, &tab(usize::from(rows % 4)));
            }
        }
        let typed = drawn(80, 19, false, &[tab(1), vec![Gesture::GoTo]].concat());
        assert!(typed.contains("go to index: "), "{typed}");
    }

    #[test]
    fn what_matters_is_on_the_smallest_screen() {
        for (columns, rows, ascii) in [(80, 19, true), (80, 19, false), (120, 29, false), (200, 55, true)] {
            let screen = drawn(columns, rows, ascii, &[]);
            for words in [
                "index 1 of 3",
                "running",
                "parameters 110 to below 120",
                "Attempts 3",
                "node-1",
                "exit 137",
                "Log",
            ] {
                assert!(screen.contains(words), "{columns}x{rows}: {words}:\n{screen}");
            }
            assert!(!ascii || screen.is_ascii(), "{screen}");
        }
    }
}
