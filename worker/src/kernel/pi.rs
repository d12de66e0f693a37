//! Computes π by the midpoint rule for ∫₀¹ 4/(1+x²) dx, with one step for each parameter.
//!
//! With N parameters, the one at position i (from 0) contributes `16·N·S / (4·N² + (2i+1)²)`, rounded to nearest; S is
//! the scale of the fixed point, [`SCALE`]. The rounded terms are added exactly, so the digits are the same however
//! the range is split and whichever machine did what, which sums of floating-point numbers are not.
//!
//! The total is off by at most `1/(3·N²)` for the rule (h²/24 times the largest |f″|, which is 8 at 0) and by half a
//! unit of the last place for each term. Only digits that this bound leaves certain are shown.

use std::ops::Range;

use super::{Kernel, Published, Refusal, inside};
use crate::shard::Domain;

/// Computes π.
pub(super) struct Pi;

/// The scale of the fixed point: 25 digits after the point.
const SCALE: i128 = 10_i128.pow(25);

/// How many digits `SCALE` has after the point.
const SCALE_DIGITS: usize = 25;

/// The most parameters: at 2·10^12 the numerator, 16·N·S, is 3.2·10^38, and with half a divisor it still fits 128 bits.
const TOTAL_MAX: u64 = 2_000_000_000_000;

/// π with 35 digits after the point.
const PI_35: i128 = 314_159_265_358_979_323_846_264_338_327_950_288;

/// π at our scale, less than one unit of the last place below.
const PI: i128 = PI_35 / 10_i128.pow(10);

impl Kernel for Pi {
    fn name(&self) -> &'static str {
        "pi"
    }

    fn about(&self) -> &'static str {
        "computes π by the midpoint rule"
    }

    fn what(&self) -> &'static str {
        "π"
    }

    fn check(&self, domain: Domain) -> Result<(), Refusal> {
        if domain.check()?.total > TOTAL_MAX {
            let total = domain.total;
            return Err(Refusal::new(format!(
                "pi cannot do {total} parameters exactly, valid: 1 to {TOTAL_MAX}"
            )));
        }
        Ok(())
    }

    fn evaluate(&self, domain: Domain, range: Range<u64>) -> Result<i128, Refusal> {
        self.check(domain)?;
        inside(domain, &range)?;
        let steps = u128::from(domain.total);
        let numerator = 16 * steps * SCALE.unsigned_abs();
        let base = 4 * steps * steps;
        let sum: u128 = range
            .map(|parameter| {
                let odd = 2 * u128::from(parameter - domain.first) + 1;
                // Odd, so that no quotient lies half way between two integers.
                let divisor = base + odd * odd;
                (numerator + divisor / 2) / divisor
            })
            .sum();
        // At most 3.2 · SCALE, for one single term.
        Ok(i128::try_from(sum).unwrap_or(i128::MAX))
    }

    fn describe(&self, domain: Domain, value: i128) -> String {
        let error = error_max(domain);
        let (low, high) = (value.saturating_sub(error), value.saturating_add(error));
        let (floor, floor_of_high) = (low.div_euclid(SCALE), high.div_euclid(SCALE));
        if floor != floor_of_high || low < 0 {
            return format!("between {floor} and {}", floor_of_high + 1);
        }
        let low_digits = format!("{:0SCALE_DIGITS$}", low.rem_euclid(SCALE));
        let high_digits = format!("{:0SCALE_DIGITS$}", high.rem_euclid(SCALE));
        let digits = low_digits
            .chars()
            .zip(high_digits.chars())
            .take_while(|(l, h)| l == h)
            .map(|(l, _)| l);
        let certain: String = digits.collect();
        if certain.is_empty() {
            format!("{floor}…")
        } else {
            format!("{floor}.{certain}…")
        }
    }

    fn published(&self, domain: Domain, value: i128) -> Option<Published> {
        let agrees = value.abs_diff(PI) <= error_max(domain).unsigned_abs();
        Some(Published {
            agrees,
            claim: "π = 3.14159265358979323846…, within the rule's error bound".to_owned(),
        })
    }
}

/// Returns how far the total may be from π at most, in units of the last place, rounded up.
fn error_max(domain: Domain) -> i128 {
    let steps = i128::from(domain.total.clamp(1, TOTAL_MAX));
    let rule = SCALE / (3 * steps * steps) + 1;
    let rounding = steps / 2 + 1;
    rule + rounding
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(parameters: u64) -> i128 {
        let domain = Domain {
            first: 5,
            total: parameters,
        };
        Pi.evaluate(domain, 5..domain.end()).unwrap()
    }

    #[test]
    fn totals_are_exact_to_the_last_digit() {
        // Computed with unbounded integers.
        let cases = [
            (1, 32_000_000_000_000_000_000_000_000),
            (2, 31_623_529_411_764_705_882_352_941),
            (3, 31_508_492_098_656_033_082_262_591),
            (10, 31_424_259_850_010_980_419_229_552),
            (1_000, 31_415_927_369_231_265_717_940_543),
            (100_000, 31_415_926_535_981_265_717_959_754),
        ];
        for (parameters, expected) in cases {
            assert_eq!(total(parameters), expected, "{parameters}");
        }
    }

    #[test]
    fn only_certain_digits_are_shown_and_they_are_those_of_pi() {
        let cases = [
            (1, 32_000_000_000_000_000_000_000_000, "between 2 and 4"),
            (2, 31_623_529_411_764_705_882_352_941, "3…"),
            (1_000, 31_415_927_369_231_265_717_940_543, "3.14159…"),
            (10_000_000, 31_415_926_535_897_940_717_960_197, "3.14159265358979…"),
        ];
        for (parameters, value, expected) in cases {
            let domain = Domain {
                first: 0,
                total: parameters,
            };
            assert_eq!(Pi.describe(domain, value), expected, "{parameters}");
            assert!(Pi.published(domain, value).unwrap().agrees, "{parameters}");
            let wrong = value + 2 * error_max(domain);
            assert!(!Pi.published(domain, wrong).unwrap().agrees, "{parameters}");
        }
    }

    #[test]
    fn the_largest_domain_is_computed_and_a_larger_one_refused() {
        let largest = Domain {
            first: 0,
            total: TOTAL_MAX,
        };
        let ends = [0..1, TOTAL_MAX - 1..TOTAL_MAX];
        // 4·S/N at the left end, 2·S/N at the right.
        let expected = [20_000_000_000_000, 10_000_000_000_003];
        for (range, expected) in ends.into_iter().zip(expected) {
            assert_eq!(Pi.evaluate(largest, range), Ok(expected));
        }
        assert!(
            Pi.check(Domain {
                first: 0,
                total: TOTAL_MAX + 1
            })
            .is_err()
        );
        assert!(Pi.evaluate(Domain { first: 5, total: 2 }, 4..6).is_err());
        assert!(Pi.evaluate(Domain { first: 5, total: 2 }, 6..8).is_err());
    }
}
