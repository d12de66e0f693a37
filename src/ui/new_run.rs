//! Draws the form of a new run, the Job beside it, and why the field in focus is there.
//!
//! Must not know what a field means: what is shown and where it is cut was decided by the view.

use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, columns, left, right_of, row, top};
use crate::view::gesture::Spot;
use crate::view::new_run::{JobView, Mark, Note, Row, View};
use crate::view::tone::{Tone, dim, plain, span};

/// The columns of a field's label, with the cursor before it and a blank after it.
const LABEL_COLUMNS: u16 = 16;

/// The columns before a line of the Job: whether it is changed, whether it is meant.
const GUTTER_COLUMNS: u16 = 2;

/// Draws the screen.
pub(super) fn render(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let mut body = area;
    if let Some(twins) = &view.twins {
        let (above, below) = top(area, area.height.saturating_sub(1));
        canvas.line(below, twins);
        body = above;
    }
    let (form, job) = left(body, view.form_columns);
    let title = [span("New run", Tone::Title)];
    let inner = canvas.panel(form, &title, &view.shown, true);
    fields(view, inner, canvas);
    if let Some(view) = &view.job {
        self::job(view, job, canvas);
    }
}

fn fields(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    for (number, shown) in (0..area.height).zip(&view.rows) {
        field(shown, row(area, number), view.box_columns, canvas);
    }
    if let Some(hidden) = &view.hidden {
        let below = u16::try_from(view.rows.len()).unwrap_or(u16::MAX);
        canvas.line(row(area, below), hidden);
    }
    // The foot stays where it is, whatever becomes of the fields.
    let foot_rows = u16::try_from(view.foot.len()).unwrap_or(u16::MAX).min(area.height);
    let (_, foot) = top(area, area.height - foot_rows);
    for (number, line) in (0..foot_rows).zip(&view.foot) {
        note(line, row(foot, number), canvas);
    }
}

fn field(field: &Row, area: Rect, box_columns: u16, canvas: &mut Canvas<'_>) {
    if area.is_empty() {
        return;
    }
    canvas.spot(area, Spot::Field(field.position));
    let cursor = canvas.theme.glyphs.cursor;
    let (before, rest) = left(area, LABEL_COLUMNS);
    if field.is_focused {
        canvas.text(before, cursor, Tone::Accent);
    }
    let tone = if field.is_focused { Tone::Strong } else { Tone::Plain };
    canvas.text(right_of(before, 1), field.label, tone);
    let (boxed, rest) = left(rest, box_columns);
    let (open, close) = field.brackets;
    let edge = if field.is_focused { Tone::Accent } else { Tone::Dim };
    canvas.text(boxed, open, edge);
    canvas.text(right_of(boxed, boxed.width.saturating_sub(1)), close, edge);
    let (inside, _) = left(right_of(boxed, 2), boxed.width.saturating_sub(4));
    canvas.text(inside, &field.text.text, field.text.tone);
    canvas.text(right_of(rest, 1), &field.remark.text, field.remark.tone);
    if field.is_focused {
        let (from, at) = field.cursor.map_or((area, 0), |at| (inside, at));
        let x = from.x.saturating_add(at).min(area.right().saturating_sub(1));
        *canvas.cursor = Some(Position::new(x, area.y));
    }
}

fn note(note: &Note, area: Rect, canvas: &mut Canvas<'_>) {
    let Some(mark) = note.mark else {
        canvas.line(area, &note.line);
        return;
    };
    let (glyph, tone) = match mark {
        Mark::Ok => (canvas.theme.glyph(Tone::Done), Tone::Done),
        Mark::Asking => (canvas.theme.glyph(Tone::Pending), Tone::Pending),
        Mark::Wrong => (canvas.theme.glyph(Tone::Failed), Tone::Failed),
        Mark::Note => ("!", Tone::Warning),
    };
    canvas.text(right_of(area, 1), glyph, tone);
    canvas.line(right_of(area, 2 + columns(glyph)), &note.line);
}

fn job(view: &JobView, area: Rect, canvas: &mut Canvas<'_>) {
    let (above, below) = top(area, area.height.saturating_sub(view.why_rows));
    let changed = canvas.theme.glyphs.changed;
    let mut title = vec![view.title.clone()];
    if view.has_legend {
        title.extend([plain("  "), span(changed, Tone::Accent), dim(" = changed")]);
    }
    let inner = canvas.panel(above, &title, &view.shown, false);
    for (number, line) in (0..inner.height).zip(&view.lines) {
        let row = row(inner, number);
        if line.is_changed {
            canvas.text(row, changed, Tone::Accent);
        }
        if line.is_focused {
            let cursor = canvas.theme.glyphs.cursor;
            canvas.text(right_of(row, 1), cursor, Tone::Strong);
        }
        canvas.line(right_of(row, GUTTER_COLUMNS), &line.line);
    }
    let inner = canvas.panel(below, &view.why_title, &[], false);
    for (number, line) in (0..inner.height).zip(&view.why) {
        canvas.text(right_of(row(inner, number), 1), &line.text, line.tone);
    }
}
