//! Long names that occur again and again, such as uids and the names of pods, written once. Text in, text out.
//!
//! A name is a run of at least [`BYTES_MIN`] small letters, digits and hyphens. The first time it is written as it is, and has the
//! next number from then on; later it stands as that number between two [`SIGN`]s, which never occur in JSON.

use std::collections::HashMap;
use std::fmt::Write;

/// What stands around the number of a name.
const SIGN: char = '\u{1}';
/// The shortest name that has a number.
const BYTES_MIN: usize = 20;
/// The longest name that has a number.
const BYTES_MAX: usize = 253;
/// How many names have a number.
const NAMES_MAX: usize = 500_000;

/// Writes names as numbers.
#[derive(Debug, Default)]
pub(super) struct Shortener {
    numbers: HashMap<String, usize>,
}

impl Shortener {
    /// Shortens a text.
    pub(super) fn shorten(&mut self, text: &str) -> String {
        let mut short = String::with_capacity(text.len());
        for piece in pieces(text) {
            if !is_name(piece) {
                short.push_str(piece);
            } else if let Some(number) = self.numbers.get(piece) {
                // Writing to a text cannot fail.
                write!(short, "{SIGN}{number}{SIGN}").ok();
            } else {
                short.push_str(piece);
                let number = self.numbers.len();
                if number < NAMES_MAX {
                    self.numbers.insert(piece.to_owned(), number);
                }
            }
        }
        short
    }
}

/// Writes numbers as the names that they stand for.
#[derive(Debug, Default)]
pub(super) struct Expander {
    names: Vec<String>,
}

impl Expander {
    /// Restores a text of at most so many bytes; none when it is not one that was shortened.
    pub(super) fn expand(&mut self, short: &str, bytes_max: usize) -> Option<String> {
        let mut text = String::with_capacity(short.len());
        let mut is_number = true;
        for part in short.split(SIGN) {
            is_number = !is_number;
            if is_number {
                text.push_str(self.names.get(part.parse::<usize>().ok()?)?);
            } else {
                text.push_str(part);
                self.learn(part);
            }
            if text.len() > bytes_max {
                return None;
            }
        }
        // A sign without its second one is damage.
        (!is_number).then_some(text)
    }

    fn learn(&mut self, part: &str) {
        for name in pieces(part).filter(|piece| is_name(piece)) {
            if self.names.len() < NAMES_MAX {
                self.names.push(name.to_owned());
            }
        }
    }
}

fn is_name(piece: &str) -> bool {
    (BYTES_MIN..=BYTES_MAX).contains(&piece.len()) && piece.starts_with(is_of_name)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// Splits a text into runs of what names are made of, and what lies between them.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_name = rest.chars().next().map(is_of_name)?;
        let end = rest.find(|c: char| is_of_name(c) != is_name).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_written_once() {
        let mut shortener = Shortener::default();
        let text = r#"{"uid":"0a9f0a9f-0a9f-0a9f-0a9f-0a9f0a9f0a9f"}"#;
        assert_eq!(shortener.shorten(text), text);
        assert_eq!(shortener.shorten(text), "{\"uid\":\"\u{1}0\u{1}\"}");
        let mut expander = Expander::default();
        assert_eq!(expander.expand(text, 100).as_deref(), Some(text));
        assert_eq!(expander.expand("{\"uid\":\"\u{1}0\u{1}\"}", 100).as_deref(), Some(text));
        for damaged in ["\u{1}0", "\u{1}1\u{1}", "\u{1}\u{1}", "\u{1}-1\u{1}"] {
            assert_eq!(expander.expand(damaged, 100), None, "{damaged:?}");
        }
        assert_eq!(expander.expand("\u{1}0\u{1}", 10), None);
    }

    proptest! {
        #[test]
        fn every_text_comes_back(texts in prop::collection::vec("([a-c0-1-]{18,22}|[ -~é]{0,3}){0,6}", 1..6)) {
            let (mut shortener, mut expander) = (Shortener::default(), Expander::default());
            for text in texts {
                let short = shortener.shorten(&text);
                prop_assert_eq!(expander.expand(&short, 1_000), Some(text));
            }
        }
    }
}
