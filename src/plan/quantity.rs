//! Quantities of CPU and memory as Kubernetes writes them: `100m`, `0.5`, `128Mi`, `1e3`.
//!
//! The text is kept as it was typed, beside its value in thousandths, rounded up as Kubernetes does. Exact integer
//! arithmetic. Only quantities that are not negative are accepted, since requests and limits cannot be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::shown;

/// The longest text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 64;

/// The greatest quantity of Kubernetes, 2^63 − 1, in thousandths.
const MILLI_MAX: u128 = ((1 << 63) - 1) * 1_000;

/// What a suffix multiplies with.
#[derive(Clone, Copy)]
enum Scale {
    /// A power of ten.
    Ten(i32),
    /// A power of 1,024.
    Binary(u32),
}

const SUFFIXES: [(&str, Scale); 16] = [
    ("", Scale::Ten(0)),
    ("n", Scale::Ten(-9)),
    ("u", Scale::Ten(-6)),
    ("m", Scale::Ten(-3)),
    ("k", Scale::Ten(3)),
    ("M", Scale::Ten(6)),
    ("G", Scale::Ten(9)),
    ("T", Scale::Ten(12)),
    ("P", Scale::Ten(15)),
    ("E", Scale::Ten(18)),
    ("Ki", Scale::Binary(1)),
    ("Mi", Scale::Binary(2)),
    ("Gi", Scale::Binary(3)),
    ("Ti", Scale::Binary(4)),
    ("Pi", Scale::Binary(5)),
    ("Ei", Scale::Binary(6)),
];

/// What is wrong with a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It does not begin with a number.
    #[error("{0} does not begin with a number, as in 0.5 or 128Mi")]
    NotANumber(String),
    /// It is below zero.
    #[error("{0} is below zero")]
    Negative(String),
    /// Its suffix is unknown.
    #[error("{0} does not end in m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent such as e3")]
    UnknownSuffix(String),
    /// It is greater than Kubernetes can tell.
    #[error("{0} is above 2^63 - 1")]
    TooLarge(String),
}

/// A quantity of CPU or memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantity {
    text: String,
    milli: u128,
}

impl Quantity {
    /// Reads a quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(QuantityError::NotANumber(shown(text)));
        }
        if text.starts_with('-') {
            return Err(QuantityError::Negative(shown(text)));
        }
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let suffix = unsigned.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = unsigned.strip_suffix(suffix).unwrap_or(unsigned);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return Err(QuantityError::NotANumber(shown(text)));
        }
        let scale = scale(suffix).ok_or_else(|| QuantityError::UnknownSuffix(shown(text)))?;
        let milli = milli(whole, fraction, scale)
            .filter(|milli| *milli <= MILLI_MAX)
            .ok_or_else(|| QuantityError::TooLarge(shown(text)))?;
        Ok(Self {
            text: text.to_owned(),
            milli,
        })
    }

    /// Makes a quantity whose value is known.
    pub(super) fn known(text: &str, milli: u128) -> Self {
        Self {
            text: text.to_owned(),
            milli,
        }
    }

    /// Returns the text as it was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the value in thousandths, rounded up.
    pub fn milli(&self) -> u128 {
        self.milli
    }
}

/// Tells whether two texts are quantities of the same value, to a thousandth: a server may write `1000m` as `1`.
pub fn same_value(left: &str, right: &str) -> bool {
    let milli = |text: &str| Quantity::parse(text).ok().map(|quantity| quantity.milli);
    milli(left).is_some_and(|value| milli(right) == Some(value))
}

fn scale(suffix: &str) -> Option<Scale> {
    if let Some((_, scale)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        return Some(*scale);
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some(Scale::Ten(exponent.parse().ok()?))
}

/// Returns the value in thousandths, rounded up; none when it does not fit.
fn milli(whole: &str, fraction: &str, scale: Scale) -> Option<u128> {
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("0{whole}{fraction}");
    let mantissa: u128 = digits.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    match scale {
        Scale::Ten(exponent) => times_ten_to(mantissa, exponent.checked_sub(places)?.checked_add(3)?),
        Scale::Binary(power) => {
            let thousandths = mantissa
                .checked_mul(1_024_u128.checked_pow(power)?)?
                .checked_mul(1_000)?;
            times_ten_to(thousandths, -places)
        }
    }
}

/// Multiplies with a power of ten, rounding up.
fn times_ten_to(value: u128, exponent: i32) -> Option<u128> {
    if value == 0 {
        return Some(0);
    }
    let power = 10_u128.checked_pow(exponent.unsigned_abs());
    if exponent >= 0 {
        value.checked_mul(power?)
    } else {
        // A power that does not fit 128 bits is above every value, so the quotient rounds up to 1.
        Some(power.map_or(1, |power| value.div_ceil(power)))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Quantity {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        Self::parse(&text)
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_kubernetes_values() {
        for (text, milli) in [
            ("0", 0),
            ("100m", 100),
            ("0.1", 100),
            (".5", 500),
            ("5.", 5_000),
            ("+1", 1_000),
            ("1k", 1_000_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("1e+3", 1_000_000),
            ("1500e-3", 1_500),
            ("1E", 1_000_000_000_000_000_000_000),
            ("128Mi", 134_217_728_000),
            ("1.5Gi", 1_610_612_736_000),
            ("1Ei", 1_152_921_504_606_846_976_000),
            ("0.1m", 1),
            ("1n", 1),
            ("1u", 1),
            ("1001u", 2),
            ("0.0001Ki", 103),
            ("1e-2000000000", 1),
            ("0e2000000000", 0),
            ("9223372036854775807", MILLI_MAX),
        ] {
            assert_eq!(
                Quantity::parse(text).map(|quantity| quantity.milli()),
                Ok(milli),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused_in_words() {
        for (text, words) in [
            ("", "does not begin with a number"),
            (".", "does not begin with a number"),
            ("Mi", "does not begin with a number"),
            ("1.2.3", "does not begin with a number"),
            ("-1", "below zero"),
            ("1K", "does not end in"),
            ("1mi", "does not end in"),
            ("1 Mi", "does not end in"),
            ("1e", "does not end in"),
            ("1e1.5", "does not end in"),
            ("1MB", "does not end in"),
            ("8Ei", "above 2^63 - 1"),
            ("9223372036854775808", "above 2^63 - 1"),
            ("1e2000000000", "above 2^63 - 1"),
        ] {
            let error = Quantity::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        assert!(Quantity::parse(&"1".repeat(1_000)).is_err());
    }

    #[test]
    fn the_text_is_kept_and_the_value_compared() {
        let quantity: Quantity = serde_json::from_str("\"0.50\"").unwrap();
        assert_eq!(serde_json::to_string(&quantity).unwrap(), "\"0.50\"");
        assert!(serde_json::from_str::<Quantity>("\"half\"").is_err());
        assert!(same_value("1000m", "1") && same_value("1Gi", "1024Mi"));
        assert!(!same_value("1", "2") && !same_value("x", "x"));
    }
}
