//! The computations: what turns a range of parameters into a value.
//!
//! A kernel must not know shards, pods, pace or logs. Workers call it for small slices, the tool calls it for a whole
//! shard to compute it again.
//!
//! Guarantees of every kernel, for a domain that its `check` accepts: the same range has the same value on every
//! machine, a range has the same value however it is split, and values combine in any order. Not guaranteed: speed,
//! and that a range can be stopped half way; whoever calls asks for short ranges.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

use crate::protocol::number::Grouped;
use crate::shard::{Domain, DomainError};

mod collatz;
mod pi;
mod primes;
mod simulate;

/// Every kernel, the default one first. A kernel that is not here does not exist.
pub static KERNELS: &[&dyn Kernel] = &[&primes::Primes, &collatz::Collatz, &pi::Pi, &simulate::Simulate];

/// Returns the kernel of this name.
pub fn find(name: &str) -> Option<&'static dyn Kernel> {
    KERNELS.iter().copied().find(|kernel| kernel.name() == name)
}

/// A computation over parameters.
pub trait Kernel: Sync {
    /// Returns the name, as given to `KERNEL`: lower-case letters, digits and dashes.
    fn name(&self) -> &'static str;

    /// Returns what it does, in a few words.
    fn about(&self) -> &'static str;

    /// Returns what the value is, to be read after it: `664,579 primes`.
    fn what(&self) -> &'static str;

    /// Refuses a domain that cannot be done exactly, or whose total might not fit, with the valid range in words.
    fn check(&self, domain: Domain) -> Result<(), Refusal>;

    /// Computes a part of the domain; an empty range has the value [`Kernel::identity`].
    fn evaluate(&self, domain: Domain, range: Range<u64>) -> Result<i128, Refusal>;

    /// Returns the value of no parameters: combined with any value of the kernel, it gives that value.
    fn identity(&self) -> i128 {
        0
    }

    /// Combines the values of two ranges that do not overlap. Associative and commutative over the kernel's values.
    ///
    /// The sum saturates so that a forged value cannot end the program; true values stay far below, as `check`
    /// promises.
    fn combine(&self, left: i128, right: i128) -> i128 {
        left.saturating_add(right)
    }

    /// Says a value of this domain for people.
    fn describe(&self, domain: Domain, value: i128) -> String;

    /// Compares the total with a published value, where there is one for exactly this domain.
    fn published(&self, _domain: Domain, _value: i128) -> Option<Published> {
        None
    }
}

impl fmt::Debug for dyn Kernel + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kernel {}", self.name())
    }
}

/// How a total compares with a published value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Whether they agree.
    pub agrees: bool,
    /// The published value in words, such as `the published value π(10⁷) = 664,579`.
    pub claim: String,
}

/// Why a kernel does not compute something: what it was, and what would be valid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    /// Makes a refusal from its reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl From<DomainError> for Refusal {
    fn from(error: DomainError) -> Self {
        Self::new(error.to_string())
    }
}

/// Refuses a range that is not a part of the domain, for kernels whose bounds hold only inside it.
fn inside(domain: Domain, range: &Range<u64>) -> Result<(), Refusal> {
    if domain.first <= range.start && range.end <= domain.end() {
        return Ok(());
    }
    let (start, end, valid_end) = (Grouped(range.start), Grouped(range.end), Grouped(domain.end()));
    let valid_start = Grouped(domain.first);
    Err(Refusal::new(format!(
        "the range {start} .. {end} is not a part of {valid_start} .. {valid_end}"
    )))
}

/// Returns k when the domain is every positive integer below 10^k, k from 1 to 18.
///
/// Published tables are for "up to 10^k". 0 and 10^k itself may be in the domain or not, for kernels where neither
/// matters.
fn power_of_ten(domain: Domain) -> Option<u32> {
    if domain.first > 1 {
        return None;
    }
    (1..=18).find(|exponent| {
        let power = 10_u64.pow(*exponent);
        domain.end() == power || domain.end() == power + 1
    })
}

/// Writes a number in raised digits, for powers.
fn superscript(number: u32) -> String {
    let raised = |digit| match digit {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    };
    number.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Evaluates a domain in the parts that these cuts make, some of them empty, and combines them.
    fn in_parts(kernel: &dyn Kernel, domain: Domain, cuts: &[u64]) -> i128 {
        let mut edges: Vec<u64> = cuts.iter().map(|cut| domain.first + cut % domain.total).collect();
        edges.extend([domain.first, domain.end()]);
        edges.sort_unstable();
        edges
            .windows(2)
            .map(|pair| kernel.evaluate(domain, pair[0]..pair[1]).unwrap())
            .fold(kernel.identity(), |left, right| kernel.combine(left, right))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_split_changes_nothing(
            first in prop_oneof![0..3_u64, 0..1_u64 << 40],
            total in 2..300_u64,
            cuts in proptest::collection::vec(any::<u64>(), 0..6),
        ) {
            let domain = Domain::new(first, total).unwrap();
            for kernel in KERNELS {
                kernel.check(domain).unwrap();
                let whole = kernel.evaluate(domain, first..first + total).unwrap();
                prop_assert_eq!(in_parts(*kernel, domain, &cuts), whole, "{:?}", kernel);
            }
        }

        #[test]
        fn values_combine_in_any_order(a in 0..1_i128 << 100, b in 0..1_i128 << 100, c in 0..1_i128 << 100) {
            for kernel in KERNELS {
                let combine = |left, right| kernel.combine(left, right);
                prop_assert_eq!(combine(a, b), combine(b, a));
                prop_assert_eq!(combine(a, combine(b, c)), combine(combine(a, b), c));
                prop_assert_eq!(combine(kernel.identity(), a), a);
            }
        }

        #[test]
        fn no_value_is_too_strange_to_describe(first: u64, total: u64, value: i128, other: i128) {
            for kernel in KERNELS {
                let domain = Domain { first, total };
                kernel.combine(value, other);
                prop_assert!(!kernel.describe(domain, value).is_empty());
                kernel.published(domain, value);
                kernel.check(domain).ok();
            }
        }
    }

    #[test]
    fn no_parameters_have_the_value_of_none() {
        let domain = Domain::new(0, 100).unwrap();
        for kernel in KERNELS {
            assert_eq!(kernel.evaluate(domain, 7..7), Ok(kernel.identity()), "{kernel:?}");
        }
    }

    #[test]
    fn kernels_are_found_by_their_name_and_refuse_nonsense() {
        for kernel in KERNELS {
            assert_eq!(find(kernel.name()).unwrap().name(), kernel.name());
            assert!(crate::protocol::is_name(kernel.name()), "{kernel:?}");
            assert!(kernel.check(Domain { first: 0, total: 0 }).is_err());
            assert!(
                kernel
                    .check(Domain {
                        first: u64::MAX,
                        total: 2
                    })
                    .is_err()
            );
        }
        assert_eq!(KERNELS[0].name(), "primes");
        assert!(find("prime").is_none());
    }

    #[test]
    fn tables_are_for_everything_up_to_a_power_of_ten() {
        let cases = [
            (0, 10, Some(1)),
            (1, 10, Some(1)),
            (0, 10_000_000, Some(7)),
            (1, 10_000_000, Some(7)),
            (1, 9_999_999, Some(7)),
            (2, 9_999_998, None),
            (0, 9_999_999, None),
            (0, 1, None),
            (0, u64::MAX, None),
        ];
        for (first, total, expected) in cases {
            assert_eq!(power_of_ten(Domain { first, total }), expected, "{first} + {total}");
        }
        assert_eq!(superscript(1_234_567_890), "¹²³⁴⁵⁶⁷⁸⁹⁰");
    }
}
