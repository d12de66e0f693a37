//! Finds the parameter with the longest Collatz chain: halve what is even, triple what is odd and add one, until 1.
//!
//! A value is `steps × 10^20 + start`, so that it reads in decimal: 685 steps from 8,400,511 are 685 followed by 20
//! digits. Of two chains of the same length the smaller start wins, in a range and between ranges. −1 stands for no
//! chain at all. Parameter 0 has no chain and is skipped.
//!
//! That every chain ends is checked for all starts below 2^68 (Barina, J. Supercomputing 77, 2021), which covers every
//! domain. How high a chain climbs is not known beforehand: one that leaves 128 bits is refused when it is met, never
//! cut short.

use std::ops::Range;

use super::{Kernel, Published, Refusal, power_of_ten, superscript};
use crate::protocol::number::Grouped;
use crate::shard::Domain;

/// Finds the longest Collatz chain.
pub(super) struct Collatz;

/// What one step counts in a value: more than any start.
const STEP: i128 = 10_i128.pow(20);

/// The value of no chain, below every chain: as a value it reads −1 steps.
const NO_CHAIN: i128 = -1;

/// The longest chains below 10^k, k from 1, as start and steps (OEIS A284668).
const LONGEST: [(i128, i128); 10] = [
    (9, 19),
    (97, 118),
    (871, 178),
    (6_171, 261),
    (77_031, 350),
    (837_799, 524),
    (8_400_511, 685),
    (63_728_127, 949),
    (670_617_279, 986),
    (9_780_657_630, 1_132),
];

impl Kernel for Collatz {
    fn name(&self) -> &'static str {
        "collatz"
    }

    fn about(&self) -> &'static str {
        "finds the longest Collatz chain"
    }

    fn what(&self) -> &'static str {
        "longest Collatz chain"
    }

    fn check(&self, domain: Domain) -> Result<(), Refusal> {
        if domain.check()?.end() == 1 {
            return Err(Refusal::new(
                "parameter 0 alone has no Collatz chain, valid: at least one parameter from 1",
            ));
        }
        Ok(())
    }

    fn evaluate(&self, _domain: Domain, range: Range<u64>) -> Result<i128, Refusal> {
        let mut best: Option<(u64, u64)> = None;
        for start in range.start.max(1)..range.end {
            let steps = steps(start).ok_or_else(|| too_high(start))?;
            if best.is_none_or(|(most, _)| steps > most) {
                best = Some((steps, start));
            }
        }
        Ok(best.map_or(NO_CHAIN, |(steps, start)| i128::from(steps) * STEP + i128::from(start)))
    }

    fn identity(&self) -> i128 {
        NO_CHAIN
    }

    /// Keeps the longer chain, of equal ones the smaller start: a maximum in a total order.
    fn combine(&self, left: i128, right: i128) -> i128 {
        let rank = |value| {
            let (start, steps) = parts(value);
            (steps, -start)
        };
        if rank(left) >= rank(right) { left } else { right }
    }

    fn describe(&self, _domain: Domain, value: i128) -> String {
        if value < 0 {
            return "no chain".to_owned();
        }
        let (start, steps) = parts(value);
        format!("{} ({} steps)", Grouped(start), Grouped(steps))
    }

    fn published(&self, domain: Domain, value: i128) -> Option<Published> {
        let exponent = power_of_ten(domain)?;
        let (start, steps) = *LONGEST.get(usize::try_from(exponent).ok()?.checked_sub(1)?)?;
        let claim = format!(
            "the published longest chain below 10{} starts at {} and has {} steps",
            superscript(exponent),
            Grouped(start),
            Grouped(steps)
        );
        Some(Published {
            agrees: parts(value) == (start, steps),
            claim,
        })
    }
}

/// Returns the start and the steps of a value.
fn parts(value: i128) -> (i128, i128) {
    (value.rem_euclid(STEP), value.div_euclid(STEP))
}

/// Counts the steps from a start of at least 1 down to 1; none when the chain leaves 128 bits.
fn steps(start: u64) -> Option<u64> {
    /// The largest odd number whose triple plus one fits 64 bits.
    const CLIMB_MAX: u64 = (u64::MAX - 1) / 3;

    let zeros = start.trailing_zeros();
    let mut odd = start >> zeros;
    let mut steps = u64::from(zeros);
    while odd != 1 {
        if odd > CLIMB_MAX {
            return wide_steps(u128::from(odd)).map(|rest| steps + rest);
        }
        let climbed = 3 * odd + 1;
        let zeros = climbed.trailing_zeros();
        odd = climbed >> zeros;
        steps += 1 + u64::from(zeros);
    }
    Some(steps)
}

/// Counts the steps from an odd number down to 1 in 128 bits.
fn wide_steps(mut odd: u128) -> Option<u64> {
    let mut steps = 0;
    while odd != 1 {
        let climbed = odd.checked_mul(3)?.checked_add(1)?;
        let zeros = climbed.trailing_zeros();
        odd = climbed >> zeros;
        steps += 1 + u64::from(zeros);
    }
    Some(steps)
}

fn too_high(start: u64) -> Refusal {
    Refusal::new(format!(
        "the Collatz chain of {} climbs beyond 128 bits and cannot be followed exactly, valid: domains without it",
        Grouped(start)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(steps: i128, start: i128) -> i128 {
        steps * STEP + start
    }

    #[test]
    fn chains_have_their_known_length() {
        let cases = [
            (1, 0),
            (2, 1),
            (3, 7),
            (27, 111),
            (837_799, 524),
            (9_780_657_630, 1_132),
            (1 << 62, 62),
            ((1 << 63) - 1, 862),
            (1_980_976_057_694_848_447, 1_475),
        ];
        for (start, expected) in cases {
            assert_eq!(steps(start), Some(expected), "{start}");
        }
        assert_eq!(wide_steps(u128::MAX), None);
    }

    #[test]
    fn the_longest_chains_are_the_published_ones() {
        for exponent in 1..=6 {
            let domain = Domain {
                first: 0,
                total: 10_u64.pow(exponent),
            };
            let longest = Collatz.evaluate(domain, 0..domain.end()).unwrap();
            assert_eq!(
                Collatz.published(domain, longest).map(|p| p.agrees),
                Some(true),
                "10^{exponent}"
            );
        }
        for (start, expected) in LONGEST {
            assert_eq!(
                steps(u64::try_from(start).unwrap()).map(i128::from),
                Some(expected),
                "{start}"
            );
        }
    }

    #[test]
    fn a_tie_goes_to_the_smaller_start_and_nothing_to_no_chain() {
        // 12 and 13 both take 9 steps.
        let cases = [
            (value(9, 13), value(9, 12), value(9, 12)),
            (value(9, 12), value(9, 13), value(9, 12)),
            (value(10, 99), value(9, 1), value(10, 99)),
            (NO_CHAIN, value(0, 1), value(0, 1)),
            (NO_CHAIN, NO_CHAIN, NO_CHAIN),
        ];
        for (left, right, expected) in cases {
            assert_eq!(Collatz.combine(left, right), expected, "{left} {right}");
        }
        let domain = Domain { first: 12, total: 2 };
        assert_eq!(Collatz.evaluate(domain, 12..14), Ok(value(9, 12)));
        assert_eq!(Collatz.evaluate(domain, 0..1), Ok(NO_CHAIN));
    }

    #[test]
    fn values_are_said_and_compared() {
        let domain = Domain {
            first: 1,
            total: 10_000_000,
        };
        let found = value(685, 8_400_511);
        assert_eq!(Collatz.describe(domain, found), "8,400,511 (685 steps)");
        assert_eq!(Collatz.describe(domain, NO_CHAIN), "no chain");
        let published = Collatz.published(domain, found).unwrap();
        assert!(published.agrees);
        assert_eq!(
            published.claim,
            "the published longest chain below 10⁷ starts at 8,400,511 and has 685 steps"
        );
        assert!(!Collatz.published(domain, found + 1).unwrap().agrees);
        assert!(Collatz.check(Domain { first: 0, total: 1 }).is_err());
    }
}
