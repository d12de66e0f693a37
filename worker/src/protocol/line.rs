//! A worker's lines: made for people, and read back exactly by programs.
//!
//! Guarantees: [`Line::parse`] never panics, allocates only for names, and accepts nothing but what [`Line`]'s
//! `Display` writes: `parse(text) = Some(line)` means that `line` is written as `text`. Not guaranteed: that a line
//! with a name that is none, or with an empty range or total, is read back; workers write no such lines.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::number::{Grouped, decimal, split_signed, split_unsigned};
use super::{LINE_BYTES_MAX, NAME_BYTES_MAX, is_name_byte};
use crate::shard::CompletionIndex;

/// One line of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The completion index of the worker.
    pub worker: CompletionIndex,
    /// The number of the line, from 1 in each attempt: a gap shows lines that were lost.
    pub number: u64,
    /// What it says.
    pub kind: LineKind,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// What is to be computed; the first line.
    Parameters {
        /// The first parameter.
        start: u64,
        /// The parameter after the last; people are shown the last one.
        end: u64,
        /// The kernel's name.
        kernel: String,
        /// The pod's name.
        attempt: String,
    },
    /// How far the computation is.
    Progress {
        /// Parameters that are computed.
        done: u64,
        /// Parameters of the shard.
        total: u64,
        /// Parameters a second since the start.
        per_second: u64,
        /// The value so far.
        #[serde(with = "decimal")]
        partial: i128,
    },
    /// How many parameters were computed, at the end.
    Processed {
        /// Parameters of the shard.
        count: u64,
    },
    /// The value of the shard, for people; what counts is in the termination message.
    Result {
        /// The value.
        #[serde(with = "decimal")]
        value: i128,
    },
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[WORKER {}] {}, line {}", self.worker, self.kind, self.number)
    }
}

impl fmt::Display for LineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameters {
                start,
                end,
                kernel,
                attempt,
            } => {
                let (last, count) = (Grouped(end.saturating_sub(1)), Grouped(end.saturating_sub(*start)));
                let start = Grouped(*start);
                write!(
                    f,
                    "Parameters: {start} to {last} ({count}), kernel {kernel}, attempt {attempt}"
                )
            }
            Self::Progress {
                done,
                total,
                per_second,
                partial,
            } => {
                let thousandths = per_mille(*done, *total);
                let (whole, tenth) = (thousandths / 10, thousandths % 10);
                let (done, total) = (Grouped(*done), Grouped(*total));
                let (per_second, partial) = (Grouped(*per_second), Grouped(*partial));
                write!(
                    f,
                    "Progress: {done} / {total} ({whole}.{tenth}%), {per_second}/s, partial {partial}"
                )
            }
            Self::Processed { count } => write!(f, "Processed: {} parameters", Grouped(*count)),
            Self::Result { value } => write!(f, "Result: {}", Grouped(*value)),
        }
    }
}

impl Line {
    /// Reads a line, without its line end. None for anything that is not exactly a worker's line.
    pub fn parse(line: &[u8]) -> Option<Self> {
        if line.len() > LINE_BYTES_MAX {
            return None;
        }
        let mut cursor = Cursor { rest: line };
        cursor.literal(b"[WORKER ")?;
        let worker = CompletionIndex(u32::try_from(cursor.plain()?).ok()?);
        cursor.literal(b"] ")?;
        let kind = cursor.kind()?;
        cursor.literal(b", line ")?;
        let number = cursor.plain()?;
        cursor.rest.is_empty().then_some(Self { worker, number, kind })
    }
}

/// Returns done of total in thousandths, rounded down, so that 100.0% means all; 0 of a total of 0.
fn per_mille(done: u64, total: u64) -> u64 {
    let thousandths = (u128::from(done) * 1_000)
        .checked_div(u128::from(total))
        .unwrap_or_default();
    u64::try_from(thousandths).unwrap_or(u64::MAX)
}

/// What is left of a line that is being read. A method that returns none for a literal has read nothing.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn kind(&mut self) -> Option<LineKind> {
        if self.literal(b"Progress: ").is_some() {
            self.progress()
        } else if self.literal(b"Parameters: ").is_some() {
            self.parameters()
        } else if self.literal(b"Processed: ").is_some() {
            let count = self.unsigned()?;
            self.literal(b" parameters")?;
            Some(LineKind::Processed { count })
        } else {
            self.literal(b"Result: ")?;
            Some(LineKind::Result { value: self.signed()? })
        }
    }

    fn parameters(&mut self) -> Option<LineKind> {
        let start = self.unsigned()?;
        self.literal(b" to ")?;
        let end = self.unsigned()?.checked_add(1)?;
        self.literal(b" (")?;
        let count = self.unsigned()?;
        self.literal(b"), kernel ")?;
        let kernel = self.name()?;
        self.literal(b", attempt ")?;
        let attempt = self.name()?;
        let holds = start < end && end - start == count;
        holds.then_some(LineKind::Parameters {
            start,
            end,
            kernel,
            attempt,
        })
    }

    fn progress(&mut self) -> Option<LineKind> {
        let done = self.unsigned()?;
        self.literal(b" / ")?;
        let total = self.unsigned()?;
        self.literal(b" (")?;
        let whole = self.plain()?;
        self.literal(b".")?;
        let tenth = self.digit()?;
        self.literal(b"%), ")?;
        let per_second = self.unsigned()?;
        self.literal(b"/s, partial ")?;
        let partial = self.signed()?;
        let holds = done <= total && total > 0 && whole.checked_mul(10)?.checked_add(tenth)? == per_mille(done, total);
        holds.then_some(LineKind::Progress {
            done,
            total,
            per_second,
            partial,
        })
    }

    fn unsigned(&mut self) -> Option<u64> {
        let (value, rest) = split_unsigned(self.rest)?;
        self.rest = rest;
        Some(value)
    }

    fn signed(&mut self) -> Option<i128> {
        let (value, rest) = split_signed(self.rest)?;
        self.rest = rest;
        Some(value)
    }

    /// Reads a number that is not grouped: an index, a line number.
    fn plain(&mut self) -> Option<u64> {
        let first = self.digit()?;
        let mut value = first;
        while let Some(digit) = self.digit() {
            if first == 0 {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(digit)?;
        }
        Some(value)
    }

    fn digit(&mut self) -> Option<u64> {
        let [digit @ b'0'..=b'9', rest @ ..] = self.rest else {
            return None;
        };
        self.rest = rest;
        Some(u64::from(digit - b'0'))
    }

    fn name(&mut self) -> Option<String> {
        let length = self.rest.iter().take_while(|byte| is_name_byte(**byte)).count();
        if !(1..=NAME_BYTES_MAX).contains(&length) {
            return None;
        }
        let (name, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(str::from_utf8(name).ok()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(worker: u32, number: u64, kind: LineKind) -> Line {
        Line {
            worker: CompletionIndex(worker),
            number,
            kind,
        }
    }

    #[test]
    fn lines_have_these_exact_shapes() {
        let parameters = LineKind::Parameters {
            start: 0,
            end: 3_333_334,
            kernel: "primes".to_owned(),
            attempt: "ttg-primes-7f3a-0-m2rkn".to_owned(),
        };
        let progress = LineKind::Progress {
            done: 1_250_000,
            total: 3_333_334,
            per_second: 412_000,
            partial: 96_469,
        };
        let below = LineKind::Progress {
            done: 999_999,
            total: 1_000_000,
            per_second: 0,
            partial: -1_234,
        };
        let cases = [
            (
                line(0, 1, parameters),
                "[WORKER 0] Parameters: 0 to 3,333,333 (3,333,334), kernel primes, attempt ttg-primes-7f3a-0-m2rkn, line 1",
            ),
            (
                line(0, 12, progress),
                "[WORKER 0] Progress: 1,250,000 / 3,333,334 (37.4%), 412,000/s, partial 96,469, line 12",
            ),
            (
                line(2, 13, below),
                "[WORKER 2] Progress: 999,999 / 1,000,000 (99.9%), 0/s, partial -1,234, line 13",
            ),
            (
                line(0, 14, LineKind::Processed { count: 3_333_334 }),
                "[WORKER 0] Processed: 3,333,334 parameters, line 14",
            ),
            (
                line(1_234, 1_500, LineKind::Result { value: 239_119 }),
                "[WORKER 1234] Result: 239,119, line 1500",
            ),
        ];
        for (line, text) in cases {
            assert_eq!(line.to_string(), text);
            assert_eq!(Line::parse(text.as_bytes()), Some(line), "{text}");
        }
    }

    #[test]
    fn the_longest_line_is_within_the_limit() {
        let name = "n".repeat(NAME_BYTES_MAX);
        let kind = LineKind::Parameters {
            start: u64::MAX - 2,
            end: u64::MAX,
            kernel: name.clone(),
            attempt: name,
        };
        let longest = line(u32::MAX, u64::MAX, kind);
        let text = longest.to_string();
        assert!(text.len() < 800, "{}", text.len());
        assert_eq!(Line::parse(text.as_bytes()), Some(longest));
    }

    #[test]
    fn what_no_worker_writes_is_not_a_line() {
        let texts = [
            "",
            "[WORKER 0] Result: 5",
            "[WORKER 0] Result: 5, line ",
            "[WORKER 0] Result: 5, line 1 ",
            "[WORKER 0] Result: 5, line 01",
            "[WORKER 00] Result: 5, line 1",
            "[WORKER 4294967296] Result: 5, line 1",
            "[WORKER 0] Result: 5000, line 1",
            " [WORKER 0] Result: 5, line 1",
            "[worker 0] Result: 5, line 1",
            "[WORKER 0] Processed: -5 parameters, line 1",
            "[WORKER 0] Progress: 1 / 2 (50.1%), 1/s, partial 0, line 1",
            "[WORKER 0] Progress: 1 / 2 (50%), 1/s, partial 0, line 1",
            "[WORKER 0] Progress: 3 / 2 (150.0%), 1/s, partial 0, line 1",
            "[WORKER 0] Progress: 0 / 0 (0.0%), 1/s, partial 0, line 1",
            "[WORKER 0] Parameters: 0 to 3 (3), kernel primes, attempt a, line 1",
            "[WORKER 0] Parameters: 4 to 3 (0), kernel primes, attempt a, line 1",
            "[WORKER 0] Parameters: 0 to 3 (4), kernel Primes, attempt a, line 1",
            "[WORKER 0] Parameters: 0 to 3 (4), kernel primes, attempt , line 1",
            "[WORKER 0] Parameters: 0 to 3 (4), kernel primes, attempt a\u{202e}b, line 1",
        ];
        for text in texts {
            assert_eq!(Line::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Line::parse(&vec![b'['; LINE_BYTES_MAX + 1]), None);
    }

    #[test]
    fn values_are_strings_in_json() {
        let line = line(3, 9, LineKind::Result { value: i128::MIN });
        let json = serde_json::to_string(&line).unwrap();
        assert!(
            json.contains(r#"{"result":{"value":"-170141183460469231731687303715884105728"}}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Line>(&json).unwrap(), line);
    }

    fn any_kind() -> impl Strategy<Value = LineKind> {
        let name = "[a-z0-9.-]{1,40}";
        prop_oneof![
            (any::<u64>(), any::<u64>(), name, name).prop_filter_map("a range", |(a, b, kernel, attempt)| {
                (a != b).then(|| LineKind::Parameters {
                    start: a.min(b),
                    end: a.max(b),
                    kernel,
                    attempt,
                })
            }),
            (any::<u64>(), 1..=u64::MAX, any::<u64>(), any::<i128>()).prop_map(|(a, b, per_second, partial)| {
                LineKind::Progress {
                    done: a.min(b),
                    total: a.max(b),
                    per_second,
                    partial,
                }
            }),
            any::<u64>().prop_map(|count| LineKind::Processed { count }),
            any::<i128>().prop_map(|value| LineKind::Result { value }),
        ]
    }

    fn any_line() -> impl Strategy<Value = Line> {
        (any::<u32>(), any::<u64>(), any_kind()).prop_map(|(worker, number, kind)| line(worker, number, kind))
    }

    /// What lines are made of, and what would break one: numbers beyond every type, other digits, escapes, broken UTF-8.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let words = [
            "[WORKER ",
            "] ",
            "Progress: ",
            "Parameters: ",
            "Processed: ",
            "Result: ",
            " / ",
            " (",
            ".",
            "%), ",
            "/s, partial ",
            " to ",
            "), kernel ",
            ", attempt ",
            " parameters",
            ", line ",
            "primes",
            "0",
            "1",
            "-",
            ",",
            "999",
            "1,000",
            "50.0",
            "18,446,744,073,709,551,616",
            "99999999999999999999",
            "-0",
            "٣",
            "\u{1b}[31m",
            "\r",
            "\n",
            "\u{0}",
            "\u{202e}",
        ];
        prop_oneof![
            8 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..4),
        ]
    }

    proptest! {
        #[test]
        fn lines_come_back(line in any_line()) {
            prop_assert_eq!(Line::parse(line.to_string().as_bytes()), Some(line));
        }

        #[test]
        fn what_is_accepted_is_what_is_written(line in any_line(), at: prop::sample::Index, byte: u8, cut: bool) {
            let mut bytes = line.to_string().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if cut {
                bytes.remove(at);
            }
            if let Some(parsed) = Line::parse(&bytes) {
                prop_assert_eq!(parsed.to_string().into_bytes(), bytes);
            }
        }

        #[test]
        fn what_is_put_together_from_pieces_is_a_line_or_none(pieces in proptest::collection::vec(piece(), 0..12)) {
            let bytes = pieces.concat();
            if let Some(parsed) = Line::parse(&bytes) {
                prop_assert_eq!(parsed.to_string().into_bytes(), bytes);
            }
        }

        #[test]
        fn garbage_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(Line::parse(&bytes), None);
        }
    }
}
