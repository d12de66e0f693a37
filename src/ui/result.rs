//! Draws the result.

use ratatui::layout::{Position, Rect};
use ratatui::text::Line as BigLine;
use ratatui::widgets::Widget;
use tui_big_text::{BigText, PixelSize};

use super::canvas::{Canvas, columns, left, right_of, row, top};
use super::head::spans;
use crate::view::gesture::Spot;
use crate::view::result::{Pane, Row, Table, View};
use crate::view::tone::{Tone, dim, plain, span};

/// The sizes of large digits, the largest first, with the columns that one takes. All of them are four rows high.
const BIG_SIZES: [(PixelSize, u16); 2] = [(PixelSize::HalfHeight, 8), (PixelSize::Quadrant, 4)];
/// The rows of large digits.
const BIG_ROWS: u16 = 4;
/// The columns between large digits and the headline.
const BIG_GAP: u16 = 3;
/// The columns that are left for the headline.
const HEADLINE_COLUMNS: u16 = 64;
/// The columns of a bar's number at least.
const NUMBER_COLUMNS_MIN: u16 = 4;

/// Draws the screen.
pub(super) fn render(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let (number_area, rest) = top(area, view.number_rows.saturating_add(2));
    number(view, number_area, canvas);
    let (pane_area, table_area) = top(rest, view.pane_rows);
    let mut rest = pane_area;
    let mut count = u16::try_from(view.panes.len()).unwrap_or(u16::MAX);
    for shown in &view.panes {
        let (here, right) = left(rest, rest.width / count.max(1));
        pane(shown, here, canvas);
        (rest, count) = (right, count.saturating_sub(1));
    }
    table(&view.table, padded(table_area), canvas);
}

/// Leaves a blank column at both sides.
fn padded(area: Rect) -> Rect {
    let area = right_of(area, 1);
    left(area, area.width.saturating_sub(1)).0
}

fn number(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let inside = canvas.panel(area, &[span(view.title.clone(), Tone::Title)], &[], false);
    let inside = padded(inside);
    let used = big(view, inside, canvas);
    let beside = right_of(inside, used);
    for (number, fact) in (0..beside.height).zip(&view.facts) {
        let line = spans(canvas.theme, fact);
        canvas.line(row(beside, number), &line);
    }
}

/// Draws the large digits where they fit; returns the columns that they and the gap behind them take.
fn big(view: &View, area: Rect, canvas: &mut Canvas<'_>) -> u16 {
    let (text, tone) = &view.big;
    let area = area.intersection(canvas.cells.area);
    if canvas.theme.ascii || area.height < BIG_ROWS || text.is_empty() || !text.is_ascii() {
        return 0;
    }
    let letters = columns(text);
    let room = area.width.saturating_sub(BIG_GAP + HEADLINE_COLUMNS);
    let mut sizes = BIG_SIZES
        .iter()
        .map(|(size, each)| (*size, letters.saturating_mul(*each)));
    let Some((size, used)) = sizes.find(|(_, used)| *used <= room) else {
        return 0;
    };
    let digits = BigText::builder()
        .pixel_size(size)
        .style(canvas.style(*tone))
        .lines(vec![BigLine::from(text.clone())])
        .build();
    digits.render(top(left(area, used).0, BIG_ROWS).0, canvas.cells);
    used.saturating_add(BIG_GAP)
}

fn pane(view: &Pane, area: Rect, canvas: &mut Canvas<'_>) {
    let inside = canvas.panel(area, &[span(view.title, Tone::Title)], &view.note, view.is_focused);
    let inside = padded(inside);
    for (number, shown) in (0..inside.height).zip(&view.rows) {
        pane_row(shown, row(inside, number), canvas);
    }
    canvas.spot(area, Spot::Pane(view.number));
    if view.is_focused && !inside.is_empty() {
        *canvas.cursor = Some(Position {
            x: inside.x,
            y: inside.y,
        });
    }
}

fn pane_row(shown: &Row, area: Rect, canvas: &mut Canvas<'_>) {
    match shown {
        Row::Text(pieces) => {
            let line = spans(canvas.theme, pieces);
            canvas.line(area, &line);
        }
        Row::Bar {
            label,
            done,
            total,
            text,
        } => {
            let used = canvas.text(area, label, Tone::Plain);
            let rest = right_of(area, used.saturating_add(1));
            let text_columns = columns(text).max(NUMBER_COLUMNS_MIN).saturating_add(1);
            let (bar, number) = left(rest, rest.width.saturating_sub(text_columns));
            canvas.bar(bar, *done, *total, Tone::Done);
            canvas.line_right(number, &[plain(text.clone())]);
        }
        Row::Rates { label, values } => {
            let used = canvas.text(area, label, Tone::Plain);
            canvas.sparkline(right_of(area, used.saturating_add(1)), values, Tone::Running);
        }
    }
}

fn table(view: &Table, area: Rect, canvas: &mut Canvas<'_>) {
    let tone = if view.is_focused { Tone::Accent } else { Tone::Dim };
    canvas.text(row(area, 0), &view.header, tone);
    let mut below: u16 = 1;
    for shown in &view.rows {
        let here = row(area, below);
        below = below.saturating_add(1);
        let line = spans(canvas.theme, &shown.pieces);
        canvas.line(here, &line);
        canvas.spot(here, Spot::Row(shown.number));
        if shown.has_cursor && view.is_focused && !here.is_empty() {
            canvas.select(here);
            *canvas.cursor = Some(Position { x: here.x, y: here.y });
        }
    }
    let last = row(area, below);
    let place_columns = columns(&view.place).saturating_add(2);
    canvas.text(
        left(last, last.width.saturating_sub(place_columns)).0,
        &view.sum,
        Tone::Plain,
    );
    canvas.line_right(last, &[dim(view.place.clone())]);
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::ui::theme::{Look, Theme};
    use crate::view::words::Piece;

    fn some() -> View {
        View {
            title: "Primes among 30 parameters".into(),
            big: ("664,579".into(), Tone::Done),
            number_rows: 4,
            facts: vec![vec![Piece::Glyph(Tone::Done), plain(" PROVEN  664,579").into()]],
            panes: vec![
                Pane {
                    title: "Why you can trust it",
                    note: vec![dim("2 more below")],
                    rows: vec![Row::Text(vec![
                        Piece::Glyph(Tone::Done),
                        plain(" ranges tile 0 … 30").into(),
                    ])],
                    number: 1,
                    is_focused: false,
                },
                Pane {
                    title: "How it ran",
                    note: Vec::new(),
                    rows: vec![
                        Row::Bar {
                            label: "node-1".into(),
                            done: 2,
                            total: 3,
                            text: "2".into(),
                        },
                        Row::Rates {
                            label: "throughput".into(),
                            values: vec![1, 2, 3],
                        },
                    ],
                    number: 2,
                    is_focused: true,
                },
            ],
            pane_rows: 4,
            table: Table {
                header: "  index".into(),
                rows: vec![crate::view::result::TableRow {
                    number: 7,
                    pieces: vec![Piece::Glyph(Tone::Done), plain("     7").into()],
                    has_cursor: true,
                }],
                place: "7–7 of 8 indexes".into(),
                sum: "Processed: 8 shards: 30".into(),
                is_focused: true,
            },
        }
    }

    fn drawn(columns: u16, rows: u16, ascii: bool) -> String {
        let area = Rect::new(0, 0, columns, rows);
        let mut cells = Buffer::empty(area);
        let mut canvas = Canvas {
            cells: &mut cells,
            theme: &Theme::new(Look::Dark, ascii),
            spots: &mut Vec::new(),
            cursor: &mut None,
        };
        render(&some(), area, &mut canvas);
        cells.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn it_draws_in_any_size_and_in_ascii() {
        for columns in (0..130).step_by(7) {
            for rows in 0..30 {
                drawn(columns, rows, false);
                let ascii = drawn(columns, rows, true);
                assert!(ascii.is_ascii(), "{columns}×{rows}: {ascii}");
            }
        }
    }

    #[test]
    fn large_digits_are_drawn_only_where_they_fit() {
        assert!(drawn(120, 29, false).contains('▀') || drawn(120, 29, false).contains('▛'));
        assert!(!drawn(90, 29, false).contains(['▀', '▛', '▄']));
        assert!(drawn(120, 29, true).contains("PROVEN  664,579"));
    }
}
