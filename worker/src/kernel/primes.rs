//! Counts primes, exactly, for every domain below 2^63.
//!
//! Small primes are divided out first; what is left is put to the strong probable prime test of Miller and Rabin for a
//! set of bases that is proven to leave no composite number of that size:
//!
//! | below | bases | proven by |
//! |---|---|---|
//! | 1,373,653 | 2, 3 | Pomerance, Selfridge, Wagstaff, Math. Comp. 35 (1980) |
//! | 9,080,191 | 31, 73 | Jaeschke, Math. Comp. 61 (1993) |
//! | 4,759,123,141 | 2, 7, 61 | Jaeschke (1993) |
//! | 1,122,004,669,633 | 2, 13, 23, 1,662,803 | Jaeschke (1993) |
//! | 2^64 | 2, 325, 9,375, 28,178, 450,775, 9,780,504, 1,795,265,022 | Sinclair (2011), over Feitsma's list of all base-2 pseudoprimes below 2^64 |

use std::ops::Range;

use super::{Kernel, Published, Refusal, power_of_ten, superscript};
use crate::protocol::number::Grouped;
use crate::shard::Domain;

/// Counts primes.
pub(super) struct Primes;

impl Kernel for Primes {
    fn name(&self) -> &'static str {
        "primes"
    }

    fn about(&self) -> &'static str {
        "counts primes, exact up to 2^63"
    }

    fn what(&self) -> &'static str {
        "primes"
    }

    fn check(&self, domain: Domain) -> Result<(), Refusal> {
        domain.check()?;
        Ok(())
    }

    fn evaluate(&self, _domain: Domain, range: Range<u64>) -> Result<i128, Refusal> {
        let two = u64::from(range.contains(&2));
        let odd: u64 = ((range.start.max(3) | 1)..range.end)
            .step_by(2)
            .map(|n| u64::from(is_prime(n)))
            .sum();
        Ok(i128::from(two + odd))
    }

    fn describe(&self, _domain: Domain, value: i128) -> String {
        Grouped(value).to_string()
    }

    fn published(&self, domain: Domain, value: i128) -> Option<Published> {
        let exponent = power_of_ten(domain)?;
        let count = *COUNTS.get(usize::try_from(exponent).ok()?.checked_sub(1)?)?;
        let claim = format!(
            "the published value π(10{}) = {}",
            superscript(exponent),
            Grouped(count)
        );
        Some(Published {
            agrees: value == count,
            claim,
        })
    }
}

/// The number of primes up to 10^k, k from 1 (OEIS A006880).
const COUNTS: [i128; 18] = [
    4,
    25,
    168,
    1_229,
    9_592,
    78_498,
    664_579,
    5_761_455,
    50_847_534,
    455_052_511,
    4_118_054_813,
    37_607_912_018,
    346_065_536_839,
    3_204_941_750_802,
    29_844_570_422_669,
    279_238_341_033_925,
    2_623_557_157_654_233,
    24_739_954_287_740_860,
];

/// The odd primes that are divided out before the costly test.
const SMALL: [Divisor; 15] = [
    Divisor::of(3),
    Divisor::of(5),
    Divisor::of(7),
    Divisor::of(11),
    Divisor::of(13),
    Divisor::of(17),
    Divisor::of(19),
    Divisor::of(23),
    Divisor::of(29),
    Divisor::of(31),
    Divisor::of(37),
    Divisor::of(41),
    Divisor::of(43),
    Divisor::of(47),
    Divisor::of(53),
];

/// Below this, a number without a divisor in `SMALL` is prime: 59 is the next prime.
const SETTLED_BELOW: u64 = 59 * 59;

/// Base sets by the numbers they are proven for; see the module's table.
const BASES: [(u64, &[u64]); 4] = [
    (1_373_653, &[2, 3]),
    (9_080_191, &[31, 73]),
    (4_759_123_141, &[2, 7, 61]),
    (1_122_004_669_633, &[2, 13, 23, 1_662_803]),
];

/// The base set for every 64-bit number.
const BASES_64: &[u64] = &[2, 325, 9_375, 28_178, 450_775, 9_780_504, 1_795_265_022];

/// Tells whether an odd number from 3 is prime.
fn is_prime(n: u64) -> bool {
    for small in &SMALL {
        if small.divides(n) {
            return n == small.prime;
        }
    }
    if n < SETTLED_BELOW {
        return true;
    }
    let bases = BASES
        .iter()
        .find(|(below, _)| n < *below)
        .map_or(BASES_64, |(_, bases)| *bases);
    let ring = Montgomery::new(n);
    bases.iter().all(|base| ring.is_strong_probable_prime(*base))
}

/// Returns the inverse of an odd number modulo 2^64.
const fn inverse(odd: u64) -> u64 {
    // An odd number is its own inverse modulo 8; each of Newton's steps doubles the 3 bits that are right.
    let mut inverse = odd;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

/// An odd prime, made ready to divide by a multiplication.
struct Divisor {
    prime: u64,
    inverse: u64,
    limit: u64,
}

impl Divisor {
    const fn of(prime: u64) -> Self {
        Self {
            prime,
            inverse: inverse(prime),
            limit: u64::MAX / prime,
        }
    }

    /// Tells whether the prime divides n: modulo 2^64, n times the inverse is a small number exactly for its multiples.
    fn divides(&self, n: u64) -> bool {
        n.wrapping_mul(self.inverse) <= self.limit
    }
}

/// Arithmetic modulo an odd n below 2^63, on numbers times R = 2^64, so that a product needs no division.
#[derive(Clone, Copy)]
struct Montgomery {
    n: u64,
    inverse: u64,
    /// R mod n, which stands for 1.
    one: u64,
    /// R² mod n: a product with it brings a number in.
    entry: u64,
}

impl Montgomery {
    fn new(n: u64) -> Self {
        // n is odd and more than 1, so it does not divide 2^64, and the sum below stays under n.
        let one = u64::MAX % n + 1;
        let mut ring = Self {
            n,
            inverse: inverse(n),
            one,
            entry: one,
        };
        // 2, then 2², 2⁴ … 2⁶⁴ = R: six squarings instead of a division of 128 bits.
        let mut power = ring.double(one);
        for _ in 0..6 {
            power = ring.multiply(power, power);
        }
        ring.entry = power;
        ring
    }

    fn double(self, a: u64) -> u64 {
        let sum = a + a;
        if sum >= self.n { sum - self.n } else { sum }
    }

    /// Returns a·b/R mod n, below n, for a below n and any b.
    fn multiply(self, a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        let quotient = low(product).wrapping_mul(self.inverse);
        let multiple = u128::from(quotient) * u128::from(self.n);
        let (difference, borrows) = high(product).overflowing_sub(high(multiple));
        if borrows {
            difference.wrapping_add(self.n)
        } else {
            difference
        }
    }

    fn power(self, mut base: u64, mut exponent: u64) -> u64 {
        let mut result = self.one;
        while exponent > 0 {
            // Always multiplied, then chosen: the bits are random, and a wrong guess costs more than the product.
            let product = self.multiply(result, base);
            result = if exponent & 1 == 1 { product } else { result };
            base = self.multiply(base, base);
            exponent >>= 1;
        }
        result
    }

    fn is_strong_probable_prime(self, base: u64) -> bool {
        let minus_one = self.n - self.one;
        let shift = (self.n - 1).trailing_zeros();
        let mut power = self.power(self.multiply(self.entry, base), (self.n - 1) >> shift);
        if power == self.one || power == minus_one {
            return true;
        }
        for _ in 1..shift {
            power = self.multiply(power, power);
            if power == minus_one {
                return true;
            }
        }
        false
    }
}

/// Returns the lower half.
fn low(wide: u128) -> u64 {
    u64::try_from(wide & u128::from(u64::MAX)).unwrap_or_default()
}

/// Returns the upper half.
fn high(wide: u128) -> u64 {
    u64::try_from(wide >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(range: Range<u64>) -> i128 {
        Primes
            .evaluate(
                Domain {
                    first: range.start,
                    total: range.end - range.start,
                },
                range,
            )
            .unwrap()
    }

    #[test]
    fn counts_agree_with_known_values() {
        let cases = [
            (0..0, 0),
            (0..2, 0),
            (2..3, 1),
            (0..10, 4),
            (0..60, 17),
            (3_480..3_482, 0),
            (0..10_000_000, 664_579),
            (1_372_653..1_374_653, 138),
            (9_079_191..9_081_191, 114),
            (4_759_113_141..4_759_133_141, 899),
            (1_000_000_000_000..1_000_000_010_000, 335),
            (1_122_004_668_633..1_122_004_670_633, 76),
            (1_000_000_000_000_000..1_000_000_000_010_000, 263),
            ((1 << 63) - 10_000..1 << 63, 216),
        ];
        for (range, expected) in cases {
            assert_eq!(count(range.clone()), expected, "{range:?}");
        }
    }

    #[test]
    fn small_numbers_agree_with_plain_division() {
        for n in (3..20_000_u64).step_by(2) {
            let plain = (3..).step_by(2).take_while(|d| d * d <= n).all(|d| n % d != 0);
            assert_eq!(is_prime(n), plain, "{n}");
        }
    }

    #[test]
    fn strong_pseudoprimes_are_not_primes() {
        // The least numbers that fool the first 1, 2, 3 … primes as bases (OEIS A014233), and of the other base sets.
        let composites = [
            2_047,
            1_373_653,
            9_080_191,
            25_326_001,
            3_215_031_751,
            4_759_123_141,
            1_122_004_669_633,
            2_152_302_898_747,
            3_474_749_660_383,
            341_550_071_728_321,
            3_825_123_056_546_413_051,
        ];
        for n in composites {
            assert!(!is_prime(n), "{n}");
        }
        for n in [
            61,
            73,
            1_662_803,
            (1 << 31) - 1,
            (1 << 61) - 1,
            9_223_372_036_854_775_783,
        ] {
            assert!(is_prime(n), "{n}");
        }
    }

    #[test]
    fn the_published_count_is_compared_only_where_there_is_one() {
        let whole = Domain {
            first: 0,
            total: 10_000_000,
        };
        let good = Primes.published(whole, 664_579).unwrap();
        assert!(good.agrees);
        assert_eq!(good.claim, "the published value π(10⁷) = 664,579");
        assert!(!Primes.published(whole, 664_580).unwrap().agrees);
        assert_eq!(
            Primes
                .published(
                    Domain {
                        first: 0,
                        total: 10_000_001
                    },
                    664_579
                )
                .map(|p| p.agrees),
            Some(true)
        );
        assert_eq!(
            Primes.published(
                Domain {
                    first: 0,
                    total: 9_999_999
                },
                664_579
            ),
            None
        );
        assert_eq!(Primes.describe(whole, 664_579), "664,579");
    }
}
