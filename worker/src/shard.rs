//! The parameters of a run, and their split over completion indexes.
//!
//! Pure arithmetic: it must not know kernels, pods or where the numbers come from.
//!
//! Guarantees, for a domain that [`Domain::check`] accepts: the shards tile it in order without gap or overlap, their
//! sizes differ by at most one, and the larger ones come first.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The number Kubernetes gives to one shard of an Indexed Job, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CompletionIndex(pub u32);

impl fmt::Display for CompletionIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The parameters of a run: the integers `first .. first + total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Domain {
    /// The first parameter.
    pub first: u64,
    /// How many parameters, at least one.
    pub total: u64,
}

/// Why a domain cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DomainError {
    /// There are no parameters.
    #[error("0 parameters cannot be computed, valid: 1 to 2^63")]
    Empty,
    /// The last parameter is too large.
    #[error(
        "{total} parameters from {first} end beyond 2^63, valid: first + total up to {}",
        Domain::END_MAX
    )]
    TooFar {
        /// The first parameter.
        first: u64,
        /// How many parameters.
        total: u64,
    },
}

impl Domain {
    /// The largest end: every parameter is below 2^63, so that sums of two parameters fit 64 bits.
    pub const END_MAX: u64 = 1 << 63;

    /// Makes a domain of at least one parameter that ends at 2^63 or before.
    pub fn new(first: u64, total: u64) -> Result<Self, DomainError> {
        Self { first, total }.check()
    }

    /// Checks a domain that was not made by [`Domain::new`], such as one that was read.
    pub fn check(self) -> Result<Self, DomainError> {
        let Self { first, total } = self;
        if total == 0 {
            return Err(DomainError::Empty);
        }
        match first.checked_add(total) {
            Some(end) if end <= Self::END_MAX => Ok(self),
            _ => Err(DomainError::TooFar { first, total }),
        }
    }

    /// Returns the parameter after the last.
    pub fn end(self) -> u64 {
        self.first.saturating_add(self.total)
    }

    /// Returns the shard of a completion index when the domain is split into `shards`.
    ///
    /// With n shards, shard i starts at `first + i × (total ÷ n) + min(i, total mod n)`. There is none when the index
    /// is not below n, or when n is more than there are parameters: an empty shard would be a pod for nothing.
    pub fn shard(self, shards: u32, index: CompletionIndex) -> Option<Shard> {
        let (count, position) = (u64::from(shards), u64::from(index.0));
        if position >= count || count > self.total {
            return None;
        }
        let (size, larger) = (self.total / count, self.total % count);
        let start = self.first.saturating_add(position * size + position.min(larger));
        let end = start.saturating_add(size + u64::from(position < larger));
        Some(Shard { index, start, end })
    }

    /// Returns all shards in order; none when there are more shards than parameters.
    pub fn shards(self, shards: u32) -> impl Iterator<Item = Shard> {
        (0..shards).filter_map(move |index| self.shard(shards, CompletionIndex(index)))
    }
}

/// The half-open parameter range of one completion index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shard {
    /// The completion index.
    pub index: CompletionIndex,
    /// The first parameter.
    pub start: u64,
    /// The parameter after the last.
    pub end: u64,
}

impl Shard {
    /// Returns the number of parameters.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Tells whether there are no parameters; no shard of [`Domain::shard`] is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the parameters.
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_million_over_three() {
        let shards: Vec<Shard> = Domain::new(0, 10_000_000).unwrap().shards(3).collect();
        let ranges: Vec<Range<u64>> = shards.iter().map(Shard::range).collect();
        assert_eq!(ranges, [0..3_333_334, 3_333_334..6_666_667, 6_666_667..10_000_000]);
        assert_eq!(
            shards.iter().map(Shard::len).collect::<Vec<_>>(),
            [3_333_334, 3_333_333, 3_333_333]
        );
        assert_eq!(shards[2].index, CompletionIndex(2));
    }

    #[test]
    fn domains_have_limits() {
        let max = Domain::END_MAX;
        let cases = [
            (0, 0, Err(DomainError::Empty)),
            (0, max, Ok(max)),
            (max - 1, 1, Ok(max)),
            (1, max, Err(DomainError::TooFar { first: 1, total: max })),
            (
                u64::MAX,
                1,
                Err(DomainError::TooFar {
                    first: u64::MAX,
                    total: 1,
                }),
            ),
        ];
        for (first, total, expected) in cases {
            assert_eq!(
                Domain::new(first, total).map(Domain::end),
                expected,
                "{first} + {total}"
            );
        }
    }

    #[test]
    fn there_is_no_shard_out_of_range() {
        let domain = Domain::new(5, 3).unwrap();
        assert_eq!(domain.shard(0, CompletionIndex(0)), None);
        assert_eq!(domain.shard(3, CompletionIndex(3)), None);
        assert_eq!(domain.shard(4, CompletionIndex(0)), None);
        assert_eq!(domain.shard(3, CompletionIndex(2)).unwrap().range(), 7..8);
    }

    #[test]
    fn an_index_is_a_plain_number_in_json() {
        assert_eq!(serde_json::to_string(&CompletionIndex(7)).unwrap(), "7");
    }

    proptest! {
        #[test]
        fn shards_tile_the_domain(first in 0..1_u64 << 62, total in 1..1_u64 << 62, wanted in 1..2_000_u32) {
            let domain = Domain::new(first, total).unwrap();
            let count = wanted.min(u32::try_from(total).unwrap_or(u32::MAX));
            let shards: Vec<Shard> = domain.shards(count).collect();
            prop_assert_eq!(shards.len(), usize::try_from(count).unwrap());
            prop_assert_eq!(shards[0].start, domain.first);
            prop_assert_eq!(shards[shards.len() - 1].end, domain.end());
            for pair in shards.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
                prop_assert_eq!(pair[0].index.0 + 1, pair[1].index.0);
                prop_assert!(pair[0].len() - pair[1].len() <= 1, "larger shards come first");
            }
            prop_assert!(shards[0].len() - shards[shards.len() - 1].len() <= 1);
            prop_assert!(!shards[shards.len() - 1].is_empty());
        }
    }
}
