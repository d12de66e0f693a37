//! A film as an asciicast of version 2: a line that says what it is, then one line for each event.

use std::fmt::Write;

use serde_json::json;

use super::film::{COVERED, Cell, Film, Ground, Picture};

/// Hides the cursor and empties the screen.
const BEGIN: &str = "\x1b[?25l\x1b[2J";

/// Writes a film as an asciicast.
pub(super) fn write(film: &Film) -> String {
    let (columns, rows) = film.size;
    let head = json!({
        "version": 2,
        "width": columns,
        "height": rows,
        "duration": seconds(film.length_ms).parse::<f64>().unwrap_or_default(),
        "title": film.title,
        "env": { "TERM": "xterm-256color" },
        "theme": { "fg": film.ground.ink.hex(), "bg": film.ground.paper.hex(), "palette": PALETTE.join(":") },
    });
    let mut cast = format!("{head}\n");
    let mut line = |at_ms: u64, code: &str, data: &str| {
        // Writing to a text never fails.
        writeln!(cast, "[{}, \"{code}\", {}]", seconds(at_ms), json!(data)).ok();
    };
    let mut marks = film.marks.iter().peekable();
    let mut before: Option<&Picture> = None;
    for frame in &film.frames {
        while let Some(mark) = marks.next_if(|mark| mark.at_ms <= frame.at_ms) {
            line(mark.at_ms, "m", &mark.what);
        }
        line(frame.at_ms, "o", &changes(before, &frame.picture, film.ground));
        before = Some(&frame.picture);
    }
    for mark in marks {
        line(mark.at_ms, "m", &mark.what);
    }
    // A player holds the last picture until the last event.
    line(film.length_ms, "o", "");
    cast
}

/// The sixteen colours of the player; the film itself names its colours in full.
const PALETTE: [&str; 8] = [
    "#1e1e1e", "#d55e00", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#56b4e9", "#d4d4d4",
];

fn seconds(at_ms: u64) -> String {
    format!("{}.{:03}", at_ms / 1000, at_ms % 1000)
}

/// Returns what a terminal must be sent to show a picture instead of another one.
fn changes(before: Option<&Picture>, after: &Picture, ground: Ground) -> String {
    let blank = ground.blank(ground.paper);
    let mut sent = String::new();
    if before.is_none() {
        sent += BEGIN;
    }
    let mut style: Option<Cell> = None;
    let mut was_last = None;
    let columns = usize::from(after.columns.max(1));
    for (number, cell) in after.cells.iter().enumerate() {
        let shown = before.map_or(Some(&blank), |before| before.cells.get(number));
        if shown == Some(cell) || cell.symbol == COVERED {
            continue;
        }
        if was_last != Some(number) {
            // Writing to a text never fails.
            write!(sent, "\x1b[{};{}H", number / columns + 1, number % columns + 1).ok();
        }
        if style.is_none_or(|style| !is_styled_alike(&style, cell)) {
            sent += &style_of(cell, ground);
            style = Some(*cell);
        }
        sent.push(cell.symbol);
        // Behind a wide character, and at the end of a row, the place is said again.
        let is_narrow = after.cells.get(number + 1).is_some_and(|next| next.symbol != COVERED);
        was_last = (is_narrow && !(number + 1).is_multiple_of(columns)).then_some(number + 1);
    }
    if style.is_some() {
        sent += "\x1b[0m";
    }
    sent
}

fn is_styled_alike(a: &Cell, b: &Cell) -> bool {
    let looks = |cell: &Cell| (cell.ink, cell.paper, cell.bold, cell.underlined);
    looks(a) == looks(b)
}

fn style_of(cell: &Cell, ground: Ground) -> String {
    let mut style = String::from("\x1b[0");
    if cell.bold {
        style += ";1";
    }
    if cell.underlined {
        style += ";4";
    }
    for (code, color, default) in [(38, cell.ink, ground.ink), (48, cell.paper, ground.paper)] {
        if color != default {
            // Writing to a text never fails.
            write!(style, ";{code};2;{};{};{}", color.0, color.1, color.2).ok();
        }
    }
    style.push('m');
    style
}
