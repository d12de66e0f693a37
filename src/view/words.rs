//! Small words that several screens share: times, rates, amounts, the range of an estimate. Pure.
//!
//! Spans of time are written as in the headless run, so that a number reads the same in a log and on a screen.

use jiff::Timestamp;
use ttg_worker::protocol::number::Grouped;

use super::tone::{Span, Tone};
use crate::report;

/// A piece of a line: the glyph of a state, which the theme knows, or text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The glyph of a state.
    Glyph(Tone),
    /// Text.
    Text(Span),
}

impl From<Span> for Piece {
    fn from(span: Span) -> Self {
        Self::Text(span)
    }
}

/// The steps of large numbers.
const SCALES: [(u64, &str); 5] = [
    (1_000_000_000_000_000, "P"),
    (1_000_000_000_000, "T"),
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1_000, "k"),
];

/// From how many seconds of work on an estimate is made.
const ETA_SECONDS_MIN: usize = 5;
/// The longest estimate that is told: beyond it nobody can know.
const ETA_MS_MAX: u64 = 99 * 3_600_000;

/// Returns the milliseconds from one point in time to a later one; 0 when it is not later.
pub fn since_ms(from: Timestamp, to: Timestamp) -> u64 {
    let ms = to.as_millisecond().saturating_sub(from.as_millisecond());
    u64::try_from(ms).unwrap_or(0)
}

/// Writes a time since the start, such as `00:12` or `1:02:03`.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (second, minute, hour) = (seconds % 60, seconds / 60 % 60, seconds / 3_600);
    if hour == 0 {
        format!("{minute:02}:{second:02}")
    } else {
        format!("{hour}:{minute:02}:{second:02}")
    }
}

/// Writes a time since the start with tenths, such as `00:12.3`.
pub fn fine_clock(ms: u64) -> String {
    report::clock(ms)
}

/// Writes a span of time, such as `850 ms`, `2.1 s` or `1 min 4 s`.
pub fn duration(ms: u64) -> String {
    report::span(ms)
}

/// Writes an age in its largest unit, such as `14 s`, `3 min` or `2 h`.
pub fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600.. => format!("{} h", seconds / 3_600),
    }
}

/// Writes a number with its digits in groups.
pub fn grouped(number: impl Copy + Into<i128>) -> String {
    Grouped(number).to_string()
}

/// Writes a number with its noun, such as `1 worker` or `12 workers`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    report::count(number, one, many)
}

/// Writes a rate in full, such as `353,000/s`.
pub fn rate(per_second: u64) -> String {
    format!("{}/s", Grouped(per_second))
}

/// Writes a rate in at most six columns, such as `58k/s`.
pub fn short_rate(per_second: u64) -> String {
    let (number, unit) = scaled(per_second);
    format!("{number}{unit}/s")
}

/// Writes an amount of data, such as `812 B` or `1.4 kB`.
pub fn bytes(amount: u64) -> String {
    let (number, unit) = scaled(amount);
    format!("{number} {unit}B")
}

/// Writes an amount of CPU as Kubernetes does, such as `100m` or `2`.
pub fn cpu(milli: u128) -> String {
    if milli.is_multiple_of(1_000) {
        (milli / 1_000).to_string()
    } else {
        format!("{milli}m")
    }
}

/// Returns how many hundredths are done, rounded down so that 100 means all.
pub fn percent(done: u64, total: u64) -> u64 {
    let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(0);
    u64::try_from(percent).unwrap_or(100).min(100)
}

/// Returns the least and the most time that what remains may take, by how fast it went in each second so far; none as long as
/// nobody can know.
pub fn eta_ms(rates: impl Iterator<Item = u64>, remaining: u64) -> Option<(u64, u64)> {
    let rates: Vec<u64> = rates.skip_while(|rate| *rate == 0).collect();
    if rates.len() < ETA_SECONDS_MIN || remaining == 0 {
        return None;
    }
    let mean = |seconds: usize| {
        let newest = rates.iter().rev().take(seconds);
        let (count, sum) = newest.fold((0_u64, 0_u64), |(count, sum), rate| {
            (count + 1, sum.saturating_add(*rate))
        });
        sum.checked_div(count).unwrap_or(0)
    };
    let means = [mean(10), mean(30), mean(usize::MAX)];
    let (slowest, fastest) = (means.iter().copied().min()?, means.iter().copied().max()?);
    let remaining_ms = u128::from(remaining) * 1_000;
    let at_rate = |rate: u64, tenths: u128| {
        let ms = (remaining_ms * tenths / 10).checked_div(u128::from(rate))?;
        u64::try_from(ms).ok()
    };
    // What was measured is no promise: a tenth is given to both sides.
    let (least, most) = (at_rate(fastest, 9)?, at_rate(slowest, 11)?.saturating_add(1_000));
    (most <= ETA_MS_MAX).then_some((least, most))
}

/// Writes a range of times, such as `00:09–00:11`.
pub fn clock_range((least_ms, most_ms): (u64, u64)) -> String {
    format!("{}–{}", clock(least_ms), clock(most_ms))
}

/// Returns what orders a name as people do: `node-2` before `node-10`. Its numbers are compared as numbers.
pub fn natural(name: &str) -> Vec<(&str, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let is_digit = |c: char| c.is_ascii_digit();
        let (text, from_number) = rest.split_at(rest.find(is_digit).unwrap_or(rest.len()));
        let after = from_number.find(|c: char| !is_digit(c)).unwrap_or(from_number.len());
        let (number, left) = from_number.split_at(after);
        // What is too long for a number comes last.
        parts.push((
            text,
            if number.is_empty() {
                0
            } else {
                number.parse().unwrap_or(u64::MAX)
            },
        ));
        rest = left;
    }
    parts
}

/// Quotes a word for a shell where it needs it: a command that is copied must not do anything else.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns a number in at most three digits, and the sign of its step.
fn scaled(value: u64) -> (String, &'static str) {
    let Some((step, sign)) = SCALES.iter().find(|(step, _)| value >= *step) else {
        return (value.to_string(), "");
    };
    let tenths = value / (step / 10);
    let number = if tenths < 100 {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        (tenths / 10).to_string()
    };
    (number, sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        for (value, rate, size) in [
            (0, "0/s", "0 B"),
            (999, "999/s", "999 B"),
            (1_449, "1.4k/s", "1.4 kB"),
            (58_912, "58k/s", "58 kB"),
            (9_999_999, "9.9M/s", "9.9 MB"),
            (u64::MAX, "18446P/s", "18446 PB"),
        ] {
            assert_eq!((short_rate(value).as_str(), bytes(value).as_str()), (rate, size));
        }
        assert_eq!((cpu(100).as_str(), cpu(2_000).as_str()), ("100m", "2"));
        assert_eq!(
            (clock(12_999).as_str(), clock(3_723_000).as_str()),
            ("00:12", "1:02:03")
        );
        assert_eq!((percent(999, 1_000), percent(5, 0), percent(9, 3)), (99, 0, 100));
    }

    #[test]
    fn an_estimate_is_a_range_and_absent_at_first() {
        assert_eq!(eta_ms([0, 0, 10, 10, 10, 10].into_iter(), 1_000), None);
        assert_eq!(eta_ms([10; 6].into_iter(), 0), None);
        assert_eq!(eta_ms([10, 10, 10, 10, 10, 0].into_iter().chain([0; 40]), 1_000), None);
        assert_eq!(eta_ms([10; 6].into_iter(), 1_000), Some((90_000, 111_000)));
        let (least, most) = eta_ms([20; 30].into_iter().chain([10; 10]), 1_000).unwrap();
        assert!(least < 60_000 && most > 100_000, "{least} {most}");
        assert_eq!(clock_range((9_000, 11_000)), "00:09–00:11");
    }

    #[test]
    fn names_with_numbers_are_ordered_as_people_do() {
        let mut names = [
            "node-10",
            "b",
            "node-2",
            "node-2a1",
            "node",
            "",
            "node-99999999999999999999",
        ];
        names.sort_by_key(|name| natural(name));
        let expected = [
            "",
            "b",
            "node",
            "node-2",
            "node-2a1",
            "node-10",
            "node-99999999999999999999",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(quoted("kind-ttg"), "kind-ttg");
        assert_eq!(quoted("arn:aws/x@y"), "arn:aws/x@y");
        assert_eq!(quoted("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(quoted(""), "''");
    }
}
