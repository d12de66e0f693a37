//! Numbers for people that a program reads back: digits in groups of three, and decimal strings in JSON.
//!
//! Guarantee: there is exactly one spelling of a number, so what [`parse_grouped`] accepts is what [`Grouped`] writes.

use std::fmt;

/// Shows an integer with its digits in groups of three, such as `3,333,334` or `-1,234`; width and alignment apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouped<T>(pub T);

impl<T: Copy + Into<i128>> fmt::Display for Grouped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: i128 = self.0.into();
        let digits = value.unsigned_abs().to_string();
        let mut text = String::with_capacity(digits.len() * 2);
        if value < 0 {
            text.push('-');
        }
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// Reads an integer that is written as [`Grouped`] writes it, and nothing else.
pub fn parse_grouped(text: &[u8]) -> Option<i128> {
    split_signed(text)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(value, _)| value)
}

/// Reads a grouped integer at the head of a text; returns it with the rest.
pub(super) fn split_signed(text: &[u8]) -> Option<(i128, &[u8])> {
    let Some(positive) = text.strip_prefix(b"-") else {
        let (magnitude, rest) = split_magnitude(text)?;
        return Some((i128::try_from(magnitude).ok()?, rest));
    };
    let (magnitude, rest) = split_magnitude(positive)?;
    // The least integer has no positive twin, so the sign goes in before the conversion; −0 is no spelling of 0.
    let value = 0_i128.checked_sub_unsigned(magnitude)?;
    (value != 0).then_some((value, rest))
}

/// Reads a grouped integer without a sign at the head of a text; returns it with the rest.
pub(super) fn split_unsigned(text: &[u8]) -> Option<(u64, &[u8])> {
    let (magnitude, rest) = split_magnitude(text)?;
    Some((u64::try_from(magnitude).ok()?, rest))
}

/// Reads the digits of a grouped integer at the head of a text.
///
/// A comma that no whole group follows belongs to the rest: a line goes on with ", " after a number.
fn split_magnitude(text: &[u8]) -> Option<(u128, &[u8])> {
    let (mut value, mut rest) = match text {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => (hundreds(*a, *b, *c), rest),
        [b @ b'1'..=b'9', c @ b'0'..=b'9', rest @ ..] => (hundreds(b'0', *b, *c), rest),
        [c @ b'1'..=b'9', rest @ ..] => (hundreds(b'0', b'0', *c), rest),
        [b'0', rest @ ..] => return Some((0, rest)),
        _ => return None,
    };
    while let [b',', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', after @ ..] = rest {
        value = value.checked_mul(1_000)?.checked_add(hundreds(*a, *b, *c))?;
        rest = after;
    }
    // A fourth digit in a group is another spelling.
    (!rest.first().is_some_and(u8::is_ascii_digit)).then_some((value, rest))
}

/// Returns the number that three digits spell.
fn hundreds(a: u8, b: u8, c: u8) -> u128 {
    let digit = |byte: u8| u128::from(byte - b'0');
    digit(a) * 100 + digit(b) * 10 + digit(c)
}

/// A 128-bit integer as a decimal string: JSON numbers are only exact to 53 bits in most readers.
pub mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the integer as a string.
    pub fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads the integer from a string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<i128>()
            .map_err(|error| D::Error::custom(format_args!("{text:?} is not a decimal integer: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        let cases = [
            (0, "0"),
            (7, "7"),
            (999, "999"),
            (1_000, "1,000"),
            (-1_234, "-1,234"),
            (-123, "-123"),
            (3_333_334, "3,333,334"),
            (i128::MAX, "170,141,183,460,469,231,731,687,303,715,884,105,727"),
            (i128::MIN, "-170,141,183,460,469,231,731,687,303,715,884,105,728"),
        ];
        for (value, expected) in cases {
            assert_eq!(Grouped(value).to_string(), expected);
            assert_eq!(parse_grouped(expected.as_bytes()), Some(value));
        }
        assert_eq!(
            format!("[{:>7}] [{:<7}]", Grouped(1_000_u32), Grouped(12_u64)),
            "[  1,000] [12     ]"
        );
    }

    #[test]
    fn other_spellings_are_not_numbers() {
        let texts = [
            "",
            "-",
            "-0",
            "+1",
            "00",
            "01",
            "0,123",
            "1000",
            "1,00",
            "1,0000",
            "12,34",
            "1234,567",
            ",123",
            "1,,234",
            "1,234,",
            "1 ",
            " 1",
            "1,23a",
            "170,141,183,460,469,231,731,687,303,715,884,105,728",
            "999,999,999,999,999,999,999,999,999,999,999,999,999,999",
        ];
        for text in texts {
            assert_eq!(parse_grouped(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_rest_begins_where_the_number_ends() {
        assert_eq!(split_unsigned(b"412,000/s"), Some((412_000, b"/s".as_slice())));
        assert_eq!(
            split_signed(b"-96,469, line 12"),
            Some((-96_469, b", line 12".as_slice()))
        );
        assert_eq!(split_unsigned(b"0, line 12"), Some((0, b", line 12".as_slice())));
        assert_eq!(split_unsigned(b"18,446,744,073,709,551,616"), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(value: i128, small: u64) {
            prop_assert_eq!(parse_grouped(Grouped(value).to_string().as_bytes()), Some(value));
            prop_assert_eq!(parse_grouped(Grouped(small).to_string().as_bytes()), Some(i128::from(small)));
        }

        #[test]
        fn what_is_accepted_is_what_is_written(text in "-?[0-9]{1,4}(,[0-9]{2,4}){0,4}") {
            if let Some(value) = parse_grouped(text.as_bytes()) {
                prop_assert_eq!(Grouped(value).to_string(), text);
            }
        }
    }
}
