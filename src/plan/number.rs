//! Whole numbers as people type them, and the bounds of a numeric field.
//!
//! Accepted: `10000000`, `10_000_000`, `10,000,000`, `1e7` and `2.5e6`. Exact integer arithmetic throughout.

use std::fmt;

use ttg_worker::protocol::number::Grouped;

use super::error::{Field, PlanError};

/// What a numeric field allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Which field.
    pub field: Field,
    /// The least valid value.
    pub min: u64,
    /// The greatest valid value.
    pub max: u64,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", Grouped(self.min), Grouped(self.max))
    }
}

impl Bounds {
    /// Checks a value against the bounds.
    pub fn check(&self, value: u64) -> Result<(), PlanError> {
        if (self.min..=self.max).contains(&value) {
            Ok(())
        } else {
            Err(PlanError::invalid(self.field, Grouped(value), self))
        }
    }

    /// Reads a value and checks it.
    pub fn parse<T: TryFrom<u64>>(&self, text: &str) -> Result<T, PlanError> {
        let refuse = || PlanError::invalid_text(self.field, text, self);
        let value = whole(text).ok_or_else(refuse)?;
        self.check(value)?;
        T::try_from(value).ok().ok_or_else(refuse)
    }
}

/// Reads a whole number; none when it is not one or does not fit 64 bits.
fn whole(text: &str) -> Option<u64> {
    match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => with_exponent(mantissa, exponent),
        None => ungrouped(text)?.parse().ok(),
    }
}

/// Reads `2.5` and `6` as 2,500,000; none when something is left behind the decimal point.
fn with_exponent(mantissa: &str, exponent: &str) -> Option<u64> {
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let exponent: u32 = digits(exponent)?.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let fraction = digits(fraction)?.trim_end_matches('0');
    let left = exponent.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let value: u64 = format!("{}{fraction}", digits(whole)?).parse().ok()?;
    value.checked_mul(10_u64.checked_pow(left)?)
}

/// Returns the text when it is one digit or more, and nothing else.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// Removes the marks between groups of digits. Commas must stand between groups of three: `1,5` is a typing error, not
/// 15.
fn ungrouped(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let mut joined = String::from(first);
    for group in groups {
        if !(1..=3).contains(&first.len()) || group.len() != 3 || digits(group).is_none() {
            return None;
        }
        joined.push_str(group);
    }
    let parts: Vec<&str> = joined.split('_').map(digits).collect::<Option<_>>()?;
    Some(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for (text, value) in [
            ("0", Some(0)),
            ("10000000", Some(10_000_000)),
            ("10_000_000", Some(10_000_000)),
            ("10,000,000", Some(10_000_000)),
            ("1e7", Some(10_000_000)),
            ("1E+7", Some(10_000_000)),
            ("2.5e6", Some(2_500_000)),
            ("2.50e1", Some(25)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("1e20", None),
            ("1e4294967296", None),
            ("2.55e1", None),
            ("1e-3", None),
            ("1,5", None),
            ("1000,000", None),
            ("1,000,", None),
            (",000", None),
            ("_1", None),
            ("1__0", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            (".e1", None),
            ("e7", None),
            ("", None),
            ("ten", None),
            ("١", None),
        ] {
            assert_eq!(whole(text), value, "{text:?}");
        }
    }

    #[test]
    fn an_error_names_field_value_and_range() {
        let bounds = Bounds {
            field: Field::Workers,
            min: 1,
            max: 100_000,
        };
        assert_eq!(bounds.parse::<u32>("3"), Ok(3));
        assert_eq!(
            bounds.parse::<u32>("0").unwrap_err().to_string(),
            "workers: 0 is not valid: it must be a whole number from 1 to 100,000"
        );
        assert_eq!(
            bounds.parse::<u32>("many").unwrap_err().to_string(),
            "workers: \"many\" is not valid: it must be a whole number from 1 to 100,000"
        );
    }
}
