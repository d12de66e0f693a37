//! Draws the shards screen: cells, the panel beside them, legend, what is under the cursor, filter.
//!
//! Half characters tell two rows of cells apart by colour, so without colours or Unicode each row of text shows the worse of the two.

use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};
use ttg_worker::protocol::number::Grouped;

use super::canvas::{Canvas, columns, left, right_of, row, top};
use super::theme::Look;
use crate::run::fact::CompletionIndex;
use crate::view::gesture::Spot;
use crate::view::shards::{Cell, Glyph, Part, Prompt, Shape, Side, View};
use crate::view::tone::Tone;

/// The shades, from light to dark.
const SHADES: [&str; 4] = ["░", "▒", "▓", "█"];
/// The same with ASCII characters.
const SHADES_ASCII: [&str; 4] = [".", ":", "+", "#"];
/// How many columns are between the parts of a line.
const GAP: u16 = 2;

/// Draws the screen.
pub(super) fn render(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let (panels, foot) = top(area, view.room.panels);
    let (cells, beside) = left(panels, panels.width.saturating_sub(view.room.side));
    let inner = canvas.panel(cells, &view.title, &view.note, true);
    draw_cells(view, inner, canvas);
    if let Some(side) = &view.side {
        draw_side(side, beside, canvas);
    }
    let lines = view.legend.iter().chain(&view.under);
    for (number, parts) in (0..).zip(lines) {
        draw_parts(parts, row(foot, number), canvas);
    }
    draw_prompt(&view.prompt, row(foot, view.room.legend.saturating_add(2)), canvas);
}

fn draw_cells(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    let grid = &view.grid;
    let in_row = usize::try_from(grid.columns).unwrap_or(0);
    let in_line = if grid.shape == Shape::Half { in_row * 2 } else { in_row };
    if in_line == 0 {
        return;
    }
    let mut first = 0;
    for (number, cells) in (0..).zip(view.cells.chunks(in_line)) {
        let line = row(area, number);
        if line.height == 0 {
            break;
        }
        if grid.gutter > 0 {
            let width = usize::from(grid.gutter.saturating_sub(1));
            let label = format!("{:>width$}", Grouped(grid.indexes_of(first).start));
            canvas.text(left(line, grid.gutter).0, &label, Tone::Dim);
        }
        let line = right_of(line, grid.gutter);
        match grid.shape {
            Shape::Wide => draw_wide(view, first, cells, line, canvas),
            Shape::Single => draw_single(view, first, cells, line, canvas),
            Shape::Half => {
                let (upper, lower) = cells.split_at(in_row.min(cells.len()));
                draw_half(
                    view,
                    (first, first.saturating_add(grid.columns)),
                    (upper, lower),
                    line,
                    canvas,
                );
            }
        }
        first = first.saturating_add(u32::try_from(cells.len()).unwrap_or(u32::MAX));
    }
}

/// Draws cells with a glyph and the number of their index.
fn draw_wide(view: &View, first: u32, cells: &[Cell], line: Rect, canvas: &mut Canvas<'_>) {
    let mut rest = line;
    for (number, cell) in (first..).zip(cells) {
        let (here, after) = left(rest, view.grid.cell_columns.max(1));
        let area = Rect::new(here.x, here.y, here.width.saturating_sub(1), here.height);
        if area.is_empty() {
            break;
        }
        draw_sign((area.x, area.y), cell.glyph, cell.tone, style(cell, canvas), canvas);
        let width = usize::from(area.width.saturating_sub(2));
        let tone = if cell.matches { Tone::Plain } else { Tone::Dim };
        canvas.text(
            right_of(area, 2),
            &format!("{:>width$}", view.grid.indexes_of(number).start),
            tone,
        );
        note(view, number, number == view.cursor, area, canvas);
        rest = after;
    }
}

fn draw_single(view: &View, first: u32, cells: &[Cell], line: Rect, canvas: &mut Canvas<'_>) {
    for ((x, number), cell) in (line.x..line.right()).zip(first..).zip(cells) {
        draw_sign((x, line.y), cell.glyph, cell.tone, style(cell, canvas), canvas);
        note(view, number, number == view.cursor, Rect::new(x, line.y, 1, 1), canvas);
    }
}

/// Draws two rows of cells into one row of text. Under the cursor there is the glyph of the cell that it is on.
fn draw_half(
    view: &View,
    (upper_first, lower_first): (u32, u32),
    (upper, lower): (&[Cell], &[Cell]),
    line: Rect,
    canvas: &mut Canvas<'_>,
) {
    let mut lower = lower.iter();
    for ((x, number), up) in (line.x..line.right()).zip(0_u32..).zip(upper) {
        let low = lower.next();
        let (up_number, low_number) = (upper_first.saturating_add(number), lower_first.saturating_add(number));
        let under_cursor = match low {
            Some(low) if low_number == view.cursor => Some(*low),
            Some(_) | None => (up_number == view.cursor).then_some(*up),
        };
        if let Some(cell) = under_cursor {
            draw_sign((x, line.y), Glyph::State, cell.tone, style(&cell, canvas), canvas);
        } else {
            draw_pair((x, line.y), *up, low.copied(), canvas);
        }
        note(
            view,
            up_number,
            under_cursor.is_some(),
            Rect::new(x, line.y, 1, 1),
            canvas,
        );
    }
}

fn draw_pair((x, y): (u16, u16), up: Cell, low: Option<Cell>, canvas: &mut Canvas<'_>) {
    if canvas.theme.ascii || canvas.theme.look == Look::Mono {
        let worse = low
            .filter(|low| (low.matches, low.tone) > (up.matches, up.tone))
            .unwrap_or(up);
        draw_sign((x, y), Glyph::State, worse.tone, style(&worse, canvas), canvas);
        return;
    }
    let color = |cell: &Cell| -> Option<Color> { canvas.style(cell.tone).fg.filter(|_| cell.matches) };
    let colors = (color(&up), low.as_ref().and_then(color));
    match colors {
        (Some(up), Some(low)) => canvas.put(x, y, "▀", Style::new().fg(up).bg(low)),
        (Some(up), None) => canvas.put(x, y, "▀", Style::new().fg(up)),
        (None, Some(low)) => canvas.put(x, y, "▄", Style::new().fg(low)),
        (None, None) => canvas.put(x, y, canvas.theme.glyphs.dot, canvas.style(Tone::Dim)),
    }
}

/// Notes that a cell can be clicked; under the cursor it looks so, and the real cursor sits there.
fn note(view: &View, number: u32, under_cursor: bool, area: Rect, canvas: &mut Canvas<'_>) {
    canvas.spot(area, Spot::Index(CompletionIndex(view.grid.indexes_of(number).start)));
    if under_cursor {
        canvas.select(area);
        *canvas.cursor = Some(Position::new(area.x, area.y));
    }
}

fn style(cell: &Cell, canvas: &Canvas<'_>) -> Style {
    canvas.style(if cell.matches { cell.tone } else { Tone::Dim })
}

fn draw_sign((x, y): (u16, u16), glyph: Glyph, tone: Tone, style: Style, canvas: &mut Canvas<'_>) {
    let shades = if canvas.theme.ascii { SHADES_ASCII } else { SHADES };
    let mut buffer = [0_u8; 4];
    let symbol = match glyph {
        Glyph::State => canvas.theme.glyph(tone),
        Glyph::Shade(level) => shades.get(usize::from(level)).copied().unwrap_or("?"),
        Glyph::Letter(letter) => &*letter.encode_utf8(&mut buffer),
    };
    canvas.put(x, y, symbol, style);
}

fn draw_side(side: &Side, area: Rect, canvas: &mut Canvas<'_>) {
    let inner = canvas.panel(area, &side.title, &side.note, false);
    let label_columns = widest(side.bars.iter().map(|bar| bar.label.as_str())).min(inner.width / 2);
    let counts: Vec<String> = side.bars.iter().map(|bar| Grouped(bar.count).to_string()).collect();
    let count_columns = widest(counts.iter().map(String::as_str));
    let highest = side.bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    for (number, (bar, count)) in (0..).zip(side.bars.iter().zip(&counts)) {
        let mut line = row(inner, number);
        if line.is_empty() {
            break;
        }
        if let Some(glyph) = bar.glyph {
            draw_sign(
                (line.x, line.y),
                glyph,
                Tone::Strong,
                canvas.style(Tone::Strong),
                canvas,
            );
            line = right_of(line, GAP);
        }
        let (label, line) = left(line, label_columns);
        // Names begin at the left, numbers end at the right.
        let indent = if bar.glyph.is_some() {
            0
        } else {
            label_columns.saturating_sub(columns(&bar.label))
        };
        canvas.text(right_of(label, indent), &bar.label, Tone::Plain);
        let bar_columns = line.width.saturating_sub(count_columns + 2);
        let (drawn, rest) = left(right_of(line, 1), bar_columns);
        canvas.bar(drawn, bar.count, highest, Tone::Running);
        canvas.text(
            right_of(rest, 1 + count_columns.saturating_sub(columns(count))),
            count,
            Tone::Plain,
        );
    }
    let below = u16::try_from(side.bars.len()).map_or(u16::MAX, |bars| bars.saturating_add(u16::from(bars > 0)));
    for (number, line) in (below..).zip(&side.lines) {
        canvas.line(row(inner, number), line);
    }
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> u16 {
    texts.map(columns).max().unwrap_or(0)
}

fn draw_parts(parts: &[Part], line: Rect, canvas: &mut Canvas<'_>) {
    let mut rest = line;
    for part in parts {
        if rest.is_empty() {
            // A line that ends where its last part does looks whole without a sign.
            if !line.is_empty() {
                let cut = canvas.theme.glyphs.cut;
                canvas.put(line.right() - 1, line.y, cut, canvas.style(Tone::Dim));
            }
            return;
        }
        if let Some((glyph, tone)) = part.sign {
            draw_sign((rest.x, rest.y), glyph, tone, canvas.style(tone), canvas);
            rest = right_of(rest, GAP);
        }
        let used = canvas.text(rest, &part.span.text, part.span.tone);
        rest = right_of(rest, used.saturating_add(GAP));
    }
}

fn draw_prompt(prompt: &Prompt, line: Rect, canvas: &mut Canvas<'_>) {
    let used = canvas.line(line, &prompt.before);
    let rest = right_of(line, used);
    let Some((text, cursor)) = &prompt.field else {
        canvas.line_right(right_of(rest, GAP), &prompt.after);
        return;
    };
    if rest.is_empty() {
        return;
    }
    let after: u16 = prompt
        .after
        .iter()
        .map(|span| columns(&span.text))
        .fold(GAP, u16::saturating_add);
    let (field, after) = left(rest, rest.width - after.min(rest.width / 2));
    // A text that is too long moves, so that the cursor stays in sight.
    let hidden = cursor.saturating_sub(usize::from(field.width.saturating_sub(1)));
    let shown: String = text.chars().skip(hidden).collect();
    canvas.text(field, &shown, Tone::Strong);
    let column = u16::try_from(cursor.saturating_sub(hidden)).unwrap_or(0);
    *canvas.cursor = Some(Position::new(field.x.saturating_add(column), field.y));
    canvas.line_right(right_of(after, 1), &prompt.after);
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::run::state::RunState;
    use crate::run::state::fixtures::{apply, at, done, exited, keep, running, state};
    use crate::ui::theme::Theme;
    use crate::view::shards::{Choices, view_of};

    struct Screen {
        cells: Buffer,
        cursor: Option<Position>,
        spots: Vec<(Rect, Spot)>,
    }

    fn drawn(run: &RunState, half_blocks: bool, theme: &Theme, (width, height): (u16, u16)) -> Screen {
        let area = Rect::new(0, 0, width, height);
        let choices = Choices::new(half_blocks);
        let now: Timestamp = at(20);
        let mut screen = Screen {
            cells: Buffer::empty(area),
            cursor: None,
            spots: Vec::new(),
        };
        let mut canvas = Canvas {
            cells: &mut screen.cells,
            theme,
            spots: &mut screen.spots,
            cursor: &mut screen.cursor,
        };
        render(&view_of(run, &choices, now, (width, height)), area, &mut canvas);
        screen
    }

    fn line(screen: &Screen, y: u16) -> String {
        (0..screen.cells.area.width)
            .map(|x| screen.cells[(x, y)].symbol())
            .collect()
    }

    fn run(shards: u32) -> RunState {
        let mut run = state(shards);
        apply(
            &mut run,
            [done(shards, 0, 0, 3, 1), running(1, 2, 4), exited(2, 0, 5, 1)],
        );
        keep(&mut run);
        run
    }

    #[test]
    fn few_indexes_have_their_numbers_and_many_a_glyph_each() {
        let theme = Theme::new(Look::Dark, false);
        let screen = drawn(&run(12), true, &theme, (80, 19));
        assert!(
            line(&screen, 1).contains("✓  0 ▸  1 ↻  2 ·  3 "),
            "{}",
            line(&screen, 1)
        );
        assert_eq!(screen.cursor, Some(Position::new(1, 1)));
        assert_eq!(screen.spots.len(), 12);
        let screen = drawn(&run(700), true, &theme, (80, 19));
        assert!(line(&screen, 1).contains("  0 ✓▸↻···"), "{}", line(&screen, 1));
        assert!(line(&screen, 2).contains(" 70 ···"), "{}", line(&screen, 2));
    }

    #[test]
    fn half_characters_show_two_rows_of_cells() {
        let theme = Theme::new(Look::Dark, false);
        let screen = drawn(&run(1_000), true, &theme, (80, 19));
        assert!(line(&screen, 1).contains("  0 ✓▀▀"), "{}", line(&screen, 1));
        let color = |tone| theme.style(tone).fg.unwrap();
        // The frame and four columns for the number come before the cells.
        let cell = &screen.cells[(6, 1)];
        assert_eq!((cell.fg, cell.bg), (color(Tone::Running), color(Tone::Pending)));
        let mono = drawn(&run(1_000), true, &Theme::new(Look::Mono, false), (80, 19));
        assert!(line(&mono, 1).contains("✓·↻··"), "{}", line(&mono, 1));
    }

    #[test]
    fn any_size_is_drawn_and_ascii_stays_ascii() {
        let runs = [run(3), run(500), run(20_000)];
        for ascii in [false, true] {
            let theme = Theme::new(Look::Mono, ascii);
            for (width, height) in [
                (0, 0),
                (1, 1),
                (3, 2),
                (9, 5),
                (60, 10),
                (80, 19),
                (120, 29),
                (200, 55),
                (500, 3),
            ] {
                for run in &runs {
                    let screen = drawn(run, !ascii, &theme, (width, height));
                    let stays = screen.cells.content.iter().all(|cell| cell.symbol().is_ascii());
                    assert!(!ascii || stays, "{width}x{height}");
                }
            }
        }
    }
}
