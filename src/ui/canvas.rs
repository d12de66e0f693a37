//! Where a screen is drawn: cells, a theme, what can be clicked, and where the real cursor sits.
//!
//! Every function takes the area it may draw to and clips to it, so any size, 0×0 included, draws without panic. Text that is
//! cut ends in a sign of it. Widths are those of the terminal: wide characters take two columns, and what takes none is left out,
//! since it would shift what stands behind it.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::Theme;
use crate::report;
use crate::view::gesture::Spot;
use crate::view::tone::{Span, Tone};

/// The eighths of a cell, from empty to full.
const EIGHTHS: [&str; 9] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];
/// How text is written where only ASCII characters are drawn.
const PLAIN: report::Style = report::Style {
    ascii: true,
    color: false,
};
/// The heights of a cell, from lowest to full.
const HEIGHTS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// The same with ASCII characters.
const HEIGHTS_ASCII: [&str; 8] = [".", ".", ":", ":", "-", "=", "+", "#"];

/// Where a screen is drawn.
pub struct Canvas<'a> {
    /// The cells.
    pub cells: &'a mut Buffer,
    /// How meanings look.
    pub theme: &'a Theme,
    /// What can be clicked, the last one on top.
    pub spots: &'a mut Vec<(Rect, Spot)>,
    /// Where the real cursor sits: on what has the focus.
    pub cursor: &'a mut Option<Position>,
}

impl Canvas<'_> {
    /// Returns the style of a meaning.
    pub fn style(&self, tone: Tone) -> Style {
        self.theme.style(tone)
    }

    /// Writes a text into the first row of an area, and returns how many columns it took.
    pub fn text(&mut self, area: Rect, text: &str, tone: Tone) -> u16 {
        let style = self.style(tone);
        self.styled(area, text, style)
    }

    /// Writes a text in a style of its own into the first row of an area, and returns how many columns it took.
    pub fn styled(&mut self, area: Rect, text: &str, style: Style) -> u16 {
        let area = area.intersection(self.cells.area);
        if area.is_empty() {
            return 0;
        }
        if self.theme.ascii && !text.is_ascii() {
            return self.fitted(area, &PLAIN.plain(text), style);
        }
        self.fitted(area, text, style)
    }

    fn fitted(&mut self, area: Rect, text: &str, style: Style) -> u16 {
        let cut = self.theme.glyphs.cut;
        let fits = width(text) <= usize::from(area.width);
        let room = if fits {
            area.width
        } else {
            area.width.saturating_sub(columns(cut))
        };
        let mut used = 0_u16;
        let mut buffer = [0_u8; 4];
        for character in text.chars() {
            let columns = u16::try_from(character.width().unwrap_or(0)).unwrap_or(0);
            if columns == 0 {
                continue;
            }
            if used.saturating_add(columns) > room {
                break;
            }
            self.put(area.x + used, area.y, character.encode_utf8(&mut buffer), style);
            if columns == 2 {
                // The second half of a wide character belongs to the first.
                self.put(area.x + used + 1, area.y, " ", style);
            }
            used += columns;
        }
        if !fits && area.width > used {
            self.put(area.x + used, area.y, cut, style);
            used += 1;
        }
        used
    }

    /// Writes pieces of text one after another into the first row of an area, and returns how many columns they took.
    pub fn line(&mut self, area: Rect, spans: &[Span]) -> u16 {
        let total: usize = spans.iter().map(|span| width(&span.text)).sum();
        let mut left = area;
        for span in spans {
            if left.width == 0 {
                break;
            }
            let used = self.text(left, &span.text, span.tone);
            left = right_of(left, used);
        }
        let used = area.width.saturating_sub(left.width);
        if total > usize::from(area.width) && used == area.width && used > 0 {
            let (cut, style) = (self.theme.glyphs.cut, self.style(Tone::Dim));
            let last_x = area.right() - 1;
            let before = (last_x.saturating_sub(1), area.y);
            let is_wide = |cell: &&mut Cell| columns(cell.symbol()) == 2;
            // The sign would stand on the second half of a wide character, where a terminal does not show it.
            if let Some(cell) = self.cells.cell_mut(before).filter(|_| used > 1).filter(is_wide) {
                cell.set_symbol(" ");
            }
            self.put(last_x, area.y, cut, style);
        }
        used
    }

    /// Writes pieces of text so that they end at the right edge of an area; returns the columns they took.
    pub fn line_right(&mut self, area: Rect, spans: &[Span]) -> u16 {
        let total: usize = spans.iter().map(|span| width(&span.text)).sum();
        let total = u16::try_from(total).unwrap_or(u16::MAX).min(area.width);
        self.line(right_of(area, area.width - total), spans)
    }

    /// Draws a frame with a title at the left and one at the right; returns the area inside of it. Without room for a frame
    /// the area is returned as it is.
    pub fn panel(&mut self, area: Rect, title: &[Span], right: &[Span], focused: bool) -> Rect {
        let area = area.intersection(self.cells.area);
        if area.width < 4 || area.height < 3 {
            return area;
        }
        let style = self.style(if focused { Tone::Accent } else { Tone::Dim });
        let frame = self.theme.glyphs.frame;
        let (last_x, last_y) = (area.right() - 1, area.bottom() - 1);
        for x in area.x + 1..last_x {
            self.put(x, area.y, frame.horizontal, style);
            self.put(x, last_y, frame.horizontal, style);
        }
        for y in area.y + 1..last_y {
            self.put(area.x, y, frame.vertical, style);
            self.put(last_x, y, frame.vertical, style);
        }
        self.put(area.x, area.y, frame.top_left, style);
        self.put(last_x, area.y, frame.top_right, style);
        self.put(area.x, last_y, frame.bottom_left, style);
        self.put(last_x, last_y, frame.bottom_right, style);
        let row = Rect::new(area.x + 2, area.y, area.width.saturating_sub(4), 1);
        let used = self.titled(row, title, false);
        if !right.is_empty() {
            self.titled(right_of(row, used.saturating_add(1)), right, true);
        }
        Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
    }

    fn titled(&mut self, row: Rect, spans: &[Span], at_right: bool) -> u16 {
        if spans.is_empty() || row.width == 0 {
            return 0;
        }
        let mut padded = vec![Span::default()];
        padded.extend_from_slice(spans);
        padded.push(Span::default());
        for blank in [0, padded.len() - 1] {
            if let Some(span) = padded.get_mut(blank) {
                span.text = " ".into();
            }
        }
        if at_right {
            self.line_right(row, &padded)
        } else {
            self.line(row, &padded)
        }
    }

    /// Draws a bar of `done` of `total` over the first row of an area.
    pub fn bar(&mut self, area: Rect, done: u64, total: u64, tone: Tone) {
        let area = area.intersection(self.cells.area);
        if area.is_empty() {
            return;
        }
        let (style, rest) = (self.style(tone), self.style(Tone::Dim));
        let eighths = u128::from(area.width) * 8;
        let filled = (u128::from(done.min(total)) * eighths)
            .checked_div(u128::from(total))
            .unwrap_or(0);
        let ascii = self.theme.ascii;
        for (column, x) in (area.x..area.right()).enumerate() {
            let here = filled.saturating_sub(column as u128 * 8).min(8);
            let here = usize::try_from(here).unwrap_or(8);
            match (ascii, here) {
                (_, 0) | (true, 1..8) => self.put(x, area.y, self.theme.glyphs.bar_rest, rest),
                // Not the sign of what is done: a bar is no row of those.
                (true, _) => self.put(x, area.y, "=", style),
                (false, _) => self.put(x, area.y, EIGHTHS.get(here).copied().unwrap_or("█"), style),
            }
        }
    }

    /// Draws the newest of some values as heights over the first row of an area; the highest is full.
    pub fn sparkline(&mut self, area: Rect, values: &[u64], tone: Tone) {
        let area = area.intersection(self.cells.area);
        let style = self.style(tone);
        let heights = if self.theme.ascii { HEIGHTS_ASCII } else { HEIGHTS };
        let skip = values.len().saturating_sub(usize::from(area.width));
        let shown = values.get(skip..).unwrap_or_default();
        let highest = shown.iter().copied().max().unwrap_or(0);
        if area.height == 0 {
            return;
        }
        for (x, value) in (area.x..area.right()).zip(shown) {
            let level = (u128::from(*value) * 7).checked_div(u128::from(highest)).unwrap_or(0);
            let level = usize::try_from(level).unwrap_or(7);
            self.put(x, area.y, heights.get(level).copied().unwrap_or(" "), style);
        }
    }

    /// Makes an area look selected.
    pub fn select(&mut self, area: Rect) {
        let style = self.theme.selected();
        self.cells.set_style(area.intersection(self.cells.area), style);
    }

    /// Notes that an area can be clicked.
    pub fn spot(&mut self, area: Rect, spot: Spot) {
        self.spots.push((area, spot));
    }

    /// Empties an area, so that what is drawn on it covers what was there.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.cells.area);
        for y in area.y..area.bottom() {
            // A wide character at the left edge would cover the area's first column.
            let before = area.x.checked_sub(1).and_then(|x| self.cells.cell_mut((x, y)));
            if let Some(cell) = before.filter(|cell| width(cell.symbol()) > 1) {
                cell.set_symbol(" ");
            }
            for x in area.x..area.right() {
                if let Some(cell) = self.cells.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// Puts one symbol into one cell.
    pub fn put(&mut self, x: u16, y: u16, symbol: &str, style: Style) {
        if let Some(cell) = self.cells.cell_mut((x, y)) {
            cell.set_symbol(symbol).set_style(style);
        }
    }
}

/// Returns how many columns a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        UnicodeWidthStr::width(text)
    }
}

/// Returns how many columns a short text takes.
pub fn columns(text: &str) -> u16 {
    u16::try_from(width(text)).unwrap_or(u16::MAX)
}

/// Returns what is left of an area without its first columns.
pub fn right_of(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    Rect::new(area.x + columns, area.y, area.width - columns, area.height)
}

/// Returns one row of an area; an empty one beyond its end.
pub fn row(area: Rect, number: u16) -> Rect {
    if number < area.height {
        Rect::new(area.x, area.y + number, area.width, 1)
    } else {
        Rect::new(area.x, area.bottom(), area.width, 0)
    }
}

/// Splits the first rows off an area: those, and the rest.
pub fn top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (
        Rect::new(area.x, area.y, area.width, rows),
        Rect::new(area.x, area.y + rows, area.width, area.height - rows),
    )
}

/// Splits the first columns off an area: those, and the rest.
pub fn left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect::new(area.x, area.y, columns, area.height), right_of(area, columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Look, Theme};

    fn drawn(columns: u16, rows: u16, ascii: bool, draw: impl FnOnce(&mut Canvas<'_>, Rect)) -> String {
        let area = Rect::new(0, 0, columns, rows);
        let mut cells = Buffer::empty(area);
        let theme = Theme::new(Look::Dark, ascii);
        draw(
            &mut Canvas {
                cells: &mut cells,
                theme: &theme,
                spots: &mut Vec::new(),
                cursor: &mut None,
            },
            area,
        );
        let rows = (0..rows).map(|y| -> String {
            let mut symbols = String::new();
            let mut x = 0;
            while x < columns {
                symbols += cells[(x, y)].symbol();
                x += super::columns(cells[(x, y)].symbol()).max(1);
            }
            symbols.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_text_that_is_cut_says_so_and_stays_aligned() {
        let line = |text: &'static str, columns| {
            drawn(columns, 1, false, |canvas, area| {
                _ = canvas.text(area, text, Tone::Plain);
            })
        };
        assert_eq!(line("hello", 5), "hello");
        assert_eq!(line("hello", 4), "hel…");
        assert_eq!(line("日本語", 6), "日本語");
        assert_eq!(line("日本語", 5), "日本…");
        assert_eq!(line("日本語", 4), "日…");
        assert_eq!(line("e\u{301}\u{202e}a\u{200b}b", 9), "eab");
        let pieces = drawn(4, 1, false, |canvas, area| {
            let pieces = ["日本", "語"].map(|text| Span {
                text: text.into(),
                tone: Tone::Plain,
            });
            _ = canvas.line(area, &pieces);
        });
        assert_eq!(pieces, "日 …");
    }

    #[test]
    fn bars_have_eighths_and_an_ascii_form() {
        let bar = |done, ascii| drawn(4, 1, ascii, |canvas, area| canvas.bar(area, done, 32, Tone::Running));
        assert_eq!(bar(0, false), "░░░░");
        assert_eq!(bar(11, false), "█▍░░");
        assert_eq!(bar(99, false), "████");
        assert_eq!(bar(11, true), "=---");
        assert_eq!(
            drawn(4, 1, false, |canvas, area| canvas.bar(area, 1, 0, Tone::Running)),
            "░░░░"
        );
    }

    #[test]
    fn a_panel_has_titles_and_draws_in_any_size() {
        let panel = |columns, rows| {
            drawn(columns, rows, true, |canvas, area| {
                _ = canvas.panel(
                    area,
                    &[Span {
                        text: "Run".into(),
                        tone: Tone::Title,
                    }],
                    &[Span {
                        text: "x".into(),
                        tone: Tone::Dim,
                    }],
                    false,
                );
            })
        };
        assert_eq!(panel(16, 3), "+- Run ---- x -+\n|              |\n+--------------+");
        for columns in 0..12 {
            for rows in 0..5 {
                panel(columns, rows);
            }
        }
    }
}
