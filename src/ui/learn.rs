//! Draws the lessons: the steps, and what is told of one.

use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, columns, left, right_of, row, top};
use crate::view::gesture::Spot;
use crate::view::learn::{Row, View};
use crate::view::tone::{Tone, dim, span};

/// Draws the screen.
pub(super) fn render(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let (head, body) = top(area, 2);
    let title = padded(row(head, 0));
    let used = canvas.line(title, &view.title);
    canvas.line_right(right_of(title, used.saturating_add(2)), &view.place);
    canvas.text(padded(row(head, 1)), &view.goal, Tone::Dim);
    let (list, text) = if view.is_beside {
        left(body, view.list_columns)
    } else {
        top(body, u16::try_from(view.rows.len()).unwrap_or(u16::MAX))
    };
    steps(view, list, canvas);
    told(view, text, canvas);
}

/// Leaves a blank column at both sides.
fn padded(area: Rect) -> Rect {
    let area = right_of(area, 1);
    left(area, area.width.saturating_sub(1)).0
}

fn steps(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let inside = if view.is_beside {
        canvas.panel(area, &[span("Steps", Tone::Title)], &[], true)
    } else {
        area
    };
    for (number, shown) in (0..inside.height).zip(&view.rows) {
        let line = row(inside, number);
        let place = view.first + usize::from(number);
        step(shown, line, canvas);
        canvas.spot(line, Spot::Row(place));
        if place == view.current {
            canvas.select(line);
            *canvas.cursor = Some(Position { x: line.x, y: line.y });
        }
    }
}

fn step(shown: &Row, line: Rect, canvas: &mut Canvas<'_>) {
    let glyph = canvas.theme.glyph(shown.tone);
    canvas.text(line, glyph, shown.tone);
    let note = columns(&shown.note);
    let (words, right) = left(right_of(line, 2), line.width.saturating_sub(note.saturating_add(3)));
    let tone = if shown.tone == Tone::Pending {
        Tone::Plain
    } else {
        shown.tone
    };
    canvas.text(words, &shown.text, tone);
    canvas.line_right(right, &[dim(shown.note.clone())]);
}

fn told(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let (above, below) = view.hidden;
    let right = match (above, below) {
        (0, 0) => Vec::new(),
        _ => vec![dim(format!("{above} above, {below} below: PgUp PgDn"))],
    };
    let inside = canvas.panel(area, &[span(view.step.clone(), Tone::Title)], &right, false);
    let inside = padded(inside);
    for (number, line) in (0..inside.height).zip(&view.text) {
        canvas.line(row(inside, number), line);
    }
}
