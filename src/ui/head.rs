//! Draws the three rows above every screen of a run.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::canvas::{Canvas, columns, left, right_of, row};
use super::theme::Theme;
use crate::model::Model;
use crate::view::gesture::{Screen, Spot};
use crate::view::head::{self, View};
use crate::view::tone::{Line, Span, Tone, dim, plain, span, strong};
use crate::view::words::Piece;

/// The columns of the run's name that are not given up for anything beside it.
const NAME_COLUMNS_MIN: u16 = 8;

/// Draws the rows.
pub(super) fn render(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    title(view, row(area, 0), canvas);
    bar(view, row(area, 1), canvas);
    counts(view, row(area, 2), canvas);
}

/// Draws what is most wanted on a screen that is too small for everything: how the run stands, and at which size there is more.
pub(super) fn render_small(
    model: Option<&Model>,
    at: Timestamp,
    (columns, rows): (u16, u16),
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let lines = model.map_or_else(Vec::new, |model| {
        let view = head::view(model, Screen::Live, at, area.width);
        let glyph = canvas.theme.glyph(view.tone);
        vec![
            vec![strong(view.run)],
            vec![
                span(glyph, view.tone),
                plain(" "),
                span(view.state, view.tone),
                plain(" "),
                plain(view.clock),
            ],
            vec![plain(view.amount)],
            view.sum,
        ]
    });
    let enlarge = vec![dim(format!("enlarge to {columns}×{rows}"))];
    for (number, line) in (0..area.height).zip(std::iter::once(enlarge).chain(lines)) {
        canvas.line(row(area, number), &line);
    }
}

/// Turns pieces of a line into pieces of text, with the theme's glyphs.
pub(super) fn spans(theme: &Theme, pieces: &[Piece]) -> Line {
    let piece = |piece: &Piece| match piece {
        Piece::Glyph(tone) => span(theme.glyph(*tone), *tone),
        Piece::Text(text) => text.clone(),
    };
    pieces.iter().map(piece).collect()
}

/// Returns how many columns pieces of text take.
fn width(spans: &[Span]) -> u16 {
    spans
        .iter()
        .fold(0, |sum: u16, span| sum.saturating_add(columns(&span.text)))
}

fn title(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let area = tabs(view, area, canvas);
    let mut state = vec![
        plain("  "),
        span(canvas.theme.glyph(view.tone), view.tone),
        plain(" "),
        span(view.state, view.tone),
        plain("  "),
        strong(view.clock.clone()),
    ];
    if let Some(eta) = &view.eta {
        state.extend([plain("  "), plain(eta.clone())]);
    }
    let (tone, words) = &view.contact;
    state.extend([
        plain("  "),
        span(canvas.theme.glyphs.contact, *tone),
        plain(" "),
        span(words.clone(), *tone),
    ]);
    let room = area
        .width
        .saturating_sub(width(&state).saturating_add(1))
        .max(NAME_COLUMNS_MIN);
    let (name_area, _) = left(right_of(area, 1), room);
    let used = canvas.text(name_area, &view.run, Tone::Strong);
    canvas.line(right_of(area, used.saturating_add(1)), &state);
}

/// Draws the tabs at the right; returns what is left of the row.
fn tabs(view: &View, area: Rect, canvas: &mut Canvas<'_>) -> Rect {
    let total = view
        .tabs
        .iter()
        .fold(2, |sum: u16, tab| sum.saturating_add(columns(&tab.text) + 1));
    let (before, mut rest) = left(area, area.width.saturating_sub(total));
    for tab in &view.tabs {
        let tone = if tab.is_current { Tone::Accent } else { Tone::Plain };
        let used = canvas.text(rest, &tab.text, tone);
        canvas.spot(left(rest, used).0, Spot::Tab(tab.screen));
        rest = right_of(rest, used.saturating_add(1));
    }
    canvas.text(rest, "?", Tone::Dim);
    left(before, before.width.saturating_sub(1)).0
}

fn bar(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let area = right_of(area, 1);
    let text = columns(&view.amount).saturating_add(2);
    let (bar_area, text_area) = left(area, area.width.saturating_sub(text));
    let tone = if view.tone == Tone::Pending {
        Tone::Running
    } else {
        view.tone
    };
    canvas.bar(bar_area, view.done, view.total, tone);
    canvas.text(right_of(text_area, 1), &view.amount, Tone::Plain);
}

fn counts(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let counts = spans(canvas.theme, &view.counts);
    let used = canvas.line(area, &counts);
    let rest = right_of(area, used.saturating_add(1));
    let rest = left(rest, rest.width.saturating_sub(1)).0;
    let sum_columns = width(&view.sum);
    if let Some(warning) = &view.warning {
        let used = canvas.line(rest, warning);
        let rest = right_of(rest, used.saturating_add(2));
        if rest.width >= sum_columns {
            canvas.line_right(rest, &view.sum);
        }
        return;
    }
    canvas.line_right(rest, &view.sum);
    let middle = left(rest, rest.width.saturating_sub(sum_columns.saturating_add(2))).0;
    let rate_columns = columns(&view.rate);
    if middle.width < rate_columns {
        return;
    }
    let used = canvas.text(middle, &view.rate, Tone::Plain);
    canvas.sparkline(right_of(middle, used.saturating_add(1)), &view.rates, Tone::Running);
}
