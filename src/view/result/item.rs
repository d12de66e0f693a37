//! What stands in the two boxes of the result: lines with a mark, bars, a curve; and how they become rows.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::view::tone::{Tone, plain, span};
use crate::view::words::Piece;
use crate::view::wrap;

/// The columns of a mark and the blank behind it.
const MARK_COLUMNS: usize = 2;
/// The columns of a bar's name.
const LABEL_COLUMNS: usize = 14;

/// One thing in a box.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A text of any length.
    Text {
        /// Its mark.
        mark: Option<Piece>,
        /// The text.
        text: String,
        /// Its meaning.
        tone: Tone,
    },
    /// A share of a whole.
    Bar {
        /// Its name.
        label: String,
        /// The share.
        done: u64,
        /// The whole.
        total: u64,
        /// The share in words.
        text: String,
    },
    /// What happened in each second, oldest first.
    Rates {
        /// Its name.
        label: String,
        /// The values.
        values: Vec<u64>,
    },
}

/// One row of a box.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// Pieces of text.
    Text(Vec<Piece>),
    /// A bar between its name and its number.
    Bar {
        /// The name, as wide as those of the other bars.
        label: String,
        /// The share.
        done: u64,
        /// The whole.
        total: u64,
        /// The share in words.
        text: String,
    },
    /// A curve behind its name.
    Rates {
        /// The name.
        label: String,
        /// One value a column.
        values: Vec<u64>,
    },
}

/// The rows of a box, and with which row each item begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Laid {
    pub(super) rows: Vec<Row>,
    pub(super) starts: Vec<usize>,
}

/// Makes a line with a glyph of a state.
pub(super) fn marked(tone: Tone, text: impl Into<String>) -> Item {
    Item::Text {
        mark: Some(Piece::Glyph(tone)),
        text: text.into(),
        tone: Tone::Plain,
    }
}

/// Makes a line that is worth knowing and neither proves nor disproves anything.
pub(super) fn note(text: impl Into<String>) -> Item {
    Item::Text {
        mark: Some(span("!", Tone::Warning).into()),
        text: text.into(),
        tone: Tone::Plain,
    }
}

/// Makes a line without a mark.
pub(super) fn line(text: impl Into<String>, tone: Tone) -> Item {
    Item::Text {
        mark: None,
        text: text.into(),
        tone,
    }
}

/// Lays items out in so many columns.
pub(super) fn laid(items: Vec<Item>, columns: usize) -> Laid {
    let mut laid = Laid::default();
    for item in items {
        laid.starts.push(laid.rows.len());
        match item {
            Item::Text { mark, text, tone } => laid.rows.extend(text_rows(mark, &text, tone, columns)),
            Item::Bar {
                label,
                done,
                total,
                text,
            } => laid.rows.push(Row::Bar {
                label: fitted(&label, LABEL_COLUMNS),
                done,
                total,
                text,
            }),
            Item::Rates { label, values } => {
                let room = columns.saturating_sub(label.width() + 1);
                laid.rows.push(Row::Rates {
                    values: squeezed(&values, room),
                    label,
                });
            }
        }
    }
    laid
}

fn text_rows(mut mark: Option<Piece>, text: &str, tone: Tone, columns: usize) -> Vec<Row> {
    let indent = if mark.is_some() { MARK_COLUMNS } else { 0 };
    let row = |text: String| {
        let mut pieces = Vec::with_capacity(3);
        if let Some(mark) = mark.take() {
            pieces.extend([mark, plain(" ").into()]);
        } else if indent > 0 {
            pieces.push(plain("  ").into());
        }
        pieces.push(span(text, tone).into());
        Row::Text(pieces)
    };
    wrap::words(text, columns.saturating_sub(indent))
        .into_iter()
        .map(row)
        .collect()
}

/// Cuts a text to so many columns, with a sign of it, or fills it up.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    let whole = text.width();
    if whole <= columns {
        return format!("{text}{}", " ".repeat(columns - whole));
    }
    let (mut cut, mut used) = (String::new(), 0);
    for character in text.chars() {
        let wanted = character.width().unwrap_or(0);
        if used + wanted + 1 > columns {
            break;
        }
        cut.push(character);
        used += wanted;
    }
    format!("{cut}…{}", " ".repeat(columns.saturating_sub(used + 1)))
}

/// Makes at most so many values of more: each stands for the mean of some neighbours.
fn squeezed(values: &[u64], columns: usize) -> Vec<u64> {
    if columns == 0 {
        return Vec::new();
    }
    let each = values.len().div_ceil(columns).max(1);
    let mean = |some: &[u64]| {
        let sum = some.iter().fold(0_u64, |sum, value| sum.saturating_add(*value));
        let count = u64::try_from(some.len()).unwrap_or(u64::MAX);
        sum.checked_div(count).unwrap_or(0)
    };
    values.chunks(each).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_indent_and_loses_nothing() {
        let laid = laid(vec![note("one two three"), line("x", Tone::Dim)], 9);
        let texts: Vec<String> = laid
            .rows
            .iter()
            .map(|row| match row {
                Row::Text(pieces) => pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Glyph(_) => "*",
                        Piece::Text(span) => span.text.as_ref(),
                    })
                    .collect(),
                Row::Bar { .. } | Row::Rates { .. } => String::new(),
            })
            .collect();
        assert_eq!(texts, ["! one two", "  three", "x"]);
        assert_eq!(laid.starts, [0, 2]);
    }

    #[test]
    fn texts_fill_their_columns_and_curves_show_all_of_the_time() {
        assert_eq!(
            [fitted("ab", 4), fitted("abcde", 4), fitted("日本語", 4)],
            ["ab  ", "abc…", "日… "]
        );
        assert_eq!(squeezed(&[1, 3, 5, 7, 9], 3), [2, 6, 9]);
        assert_eq!(squeezed(&[1, 3], 9), [1, 3]);
        assert_eq!(squeezed(&[1], 0), Vec::<u64>::new());
    }
}
