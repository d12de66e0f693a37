//! A film as text: each picture behind a line with its time.

use std::fmt::Write;

use super::film::{Film, Picture};

/// Writes a film as text.
pub(super) fn write(film: &Film) -> String {
    let mut text = String::new();
    for frame in &film.frames {
        // Writing to a text never fails.
        writeln!(text, "--- {}.{:03} s ---", frame.at_ms / 1000, frame.at_ms % 1000).ok();
        for row in frame.picture.rows() {
            text += &Picture::line(row);
            text.push('\n');
        }
    }
    text
}
