//! Sets of completion indexes as sorted, disjoint intervals: Kubernetes' `completedIndexes` and `failedIndexes`.
//!
//! A set of 100,000 indexes that are mostly done is a handful of intervals. The text form is the Job controller's:
//! ascending, three or more consecutive indexes as `a-b`, two as `a,b`. This module knows nothing of Jobs or pods.
//!
//! The Job of a rerun computes the indexes of such a set: its own index k, the *position*, stands for the k-th of them. The
//! worker looks that up here ([`IndexSet::nth`]), and so does the tool ([`IndexSet::select`]).

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::shard::CompletionIndex;

/// How much of a bad text an error repeats.
const ERROR_TEXT_CHARS_MAX: usize = 32;

/// A set of completion indexes, kept as intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSet {
    /// Ascending, disjoint and never adjacent, so that equal sets are equal values.
    spans: Vec<Span>,
}

/// Consecutive indexes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: u32,
    last: u32,
}

/// Why a text is not a set of completion indexes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexSetError {
    /// A part is neither a number nor an interval.
    #[error("{part:?} is neither an index nor an interval such as 3-5")]
    Malformed {
        /// The part, shortened.
        part: String,
    },
    /// A part does not lie after the one before it.
    #[error("{part:?} does not come after index {after}: indexes must ascend without overlap")]
    Order {
        /// The part, shortened.
        part: String,
        /// The last index before it.
        after: u32,
    },
    /// An index is not one of the Job's.
    #[error("index {index} is not below {completions}, the number of completions")]
    Bound {
        /// The index.
        index: u32,
        /// The number of completions.
        completions: u32,
    },
}

impl IndexSet {
    /// Reads Kubernetes' form of a set; every index must be below `completions`. An empty text is the empty set.
    pub fn parse(text: &str, completions: u32) -> Result<Self, IndexSetError> {
        let mut set = Self::default();
        if text.is_empty() {
            return Ok(set);
        }
        for part in text.split(',') {
            let span = Span::parse(part).ok_or_else(|| IndexSetError::Malformed { part: shortened(part) })?;
            if span.last >= completions {
                return Err(IndexSetError::Bound {
                    index: span.last,
                    completions,
                });
            }
            if let Some(before) = set.spans.last().filter(|before| span.first <= before.last) {
                return Err(IndexSetError::Order {
                    part: shortened(part),
                    after: before.last,
                });
            }
            set.append(span);
        }
        Ok(set)
    }

    /// Adds an index; tells whether it was new.
    pub fn insert(&mut self, index: CompletionIndex) -> bool {
        let number = index.0;
        let at = self.position(number);
        if self.spans.get(at).is_some_and(|span| span.first <= number) {
            return false;
        }
        let left = at
            .checked_sub(1)
            .and_then(|left| self.spans.get(left))
            .filter(|left| left.touches(number));
        let right = self
            .spans
            .get(at)
            .filter(|right| number.checked_add(1) == Some(right.first));
        let joined = Span {
            first: left.map_or(number, |left| left.first),
            last: right.map_or(number, |right| right.last),
        };
        let from = at - usize::from(left.is_some());
        let to = at + usize::from(right.is_some());
        drop(self.spans.splice(from..to, [joined]));
        true
    }

    /// Tells whether an index is in the set.
    pub fn contains(&self, index: CompletionIndex) -> bool {
        self.spans
            .get(self.position(index.0))
            .is_some_and(|span| span.first <= index.0)
    }

    /// Counts the indexes.
    pub fn len(&self) -> u64 {
        self.spans
            .iter()
            .map(|span| u64::from(span.last - span.first) + 1)
            .sum()
    }

    /// Tells whether there is no index in the set.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Iterates over the intervals, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        self.spans.iter().map(|span| span.first..=span.last)
    }

    /// Iterates over the indexes, ascending. A set from a server may hold billions of them: bound what is taken.
    pub fn indexes(&self) -> impl Iterator<Item = CompletionIndex> {
        self.ranges().flatten().map(CompletionIndex)
    }

    /// Returns the index at a position, counted from 0 in ascending order; none when there are not so many.
    pub fn nth(&self, position: u32) -> Option<CompletionIndex> {
        let mut left = position;
        for span in &self.spans {
            let beyond = span.last - span.first;
            if left <= beyond {
                return Some(CompletionIndex(span.first + left));
            }
            left -= beyond + 1;
        }
        None
    }

    /// Returns the indexes at these positions, as [`IndexSet::nth`] finds each of them. It takes time in proportion to the
    /// intervals, not to the indexes.
    #[must_use]
    pub fn select(&self, positions: &Self) -> Self {
        let mut set = Self::default();
        let mut wanted = positions.spans.iter().peekable();
        let mut begin = 0_u64;
        for span in &self.spans {
            let last = begin + u64::from(span.last - span.first);
            let index_at = |position: u64| {
                let offset = u32::try_from(position - begin).unwrap_or(u32::MAX);
                span.first.saturating_add(offset)
            };
            while let Some(want) = wanted.peek() {
                let (from, to) = (begin.max(u64::from(want.first)), last.min(u64::from(want.last)));
                if from <= to {
                    set.append(Span {
                        first: index_at(from),
                        last: index_at(to),
                    });
                }
                if u64::from(want.last) > last {
                    break;
                }
                wanted.next();
            }
            begin = last + 1;
        }
        set
    }

    /// Returns the first intervals whose text together has at most so many bytes.
    #[must_use]
    pub fn beginning(&self, bytes_max: usize) -> Self {
        // Each interval but the last is followed by a comma.
        let room = bytes_max.saturating_add(1);
        let mut used = 0_usize;
        let fits = |span: &&Span| {
            used = used.saturating_add(span.to_string().len() + 1);
            used <= room
        };
        Self {
            spans: self.spans.iter().take_while(fits).copied().collect(),
        }
    }

    /// Returns the indexes of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut spans: Vec<Span> = self.spans.iter().chain(&other.spans).copied().collect();
        spans.sort_unstable_by_key(|span| span.first);
        let mut set = Self::default();
        for span in spans {
            set.append(span);
        }
        set
    }

    /// Returns the indexes of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut set = Self::default();
        let mut cuts = other.spans.iter().peekable();
        for span in &self.spans {
            while cuts.next_if(|cut| cut.last < span.first).is_some() {}
            // What is left of the span; a cut may reach into the next span, so it is only consumed when it ends
            // inside this one.
            let mut first = Some(span.first);
            while let Some(start) = first {
                let Some(cut) = cuts.peek().filter(|cut| cut.first <= span.last) else {
                    set.append(Span {
                        first: start,
                        last: span.last,
                    });
                    break;
                };
                if cut.first > start {
                    set.append(Span {
                        first: start,
                        last: cut.first - 1,
                    });
                }
                first = cut.last.checked_add(1).filter(|next| *next <= span.last);
                if first.is_some() {
                    cuts.next();
                }
            }
        }
        set
    }

    /// Returns the indexes below `completions` that are not in the set.
    #[must_use]
    pub fn complement(&self, completions: u32) -> Self {
        let whole = completions.checked_sub(1).map(|last| Span { first: 0, last });
        Self {
            spans: whole.into_iter().collect(),
        }
        .difference(self)
    }

    /// Returns the position of the first interval that ends at or after `number`.
    fn position(&self, number: u32) -> usize {
        self.spans.partition_point(|span| span.last < number)
    }

    /// Adds a span that begins at or after the start of the last one, and joins the two when they touch.
    fn append(&mut self, span: Span) {
        if let Some(tail) = self.spans.last_mut()
            && span.first <= tail.last.saturating_add(1)
        {
            tail.last = tail.last.max(span.last);
        } else {
            self.spans.push(span);
        }
    }
}

impl FromIterator<CompletionIndex> for IndexSet {
    fn from_iter<I: IntoIterator<Item = CompletionIndex>>(indexes: I) -> Self {
        let mut set = Self::default();
        for index in indexes {
            set.insert(index);
        }
        set
    }
}

impl Span {
    /// Reads `7` or `3-5`.
    fn parse(part: &str) -> Option<Self> {
        let Some((first, last)) = part.split_once('-') else {
            let only = number(part)?;
            return Some(Self {
                first: only,
                last: only,
            });
        };
        let span = Self {
            first: number(first)?,
            last: number(last)?,
        };
        (span.first < span.last).then_some(span)
    }

    /// Tells whether `number` is the index right after the span.
    fn touches(self, number: u32) -> bool {
        self.last.checked_add(1) == Some(number)
    }
}

/// Reads decimal digits without sign, space or leading zero, as the Job controller writes them.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| digits.parse().ok()).flatten()
}

/// Shortens a text for an error.
fn shortened(text: &str) -> String {
    text.chars().take(ERROR_TEXT_CHARS_MAX).collect()
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        match last - first {
            0 => write!(f, "{first}"),
            1 => write!(f, "{first},{last}"),
            _ => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Display for IndexSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, span) in self.spans.iter().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            write!(f, "{span}")?;
        }
        Ok(())
    }
}

impl Serialize for IndexSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IndexSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // What was written here was checked against its own Job when it came in; only the form can be checked again.
        Self::parse(&text, u32::MAX).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const COMPLETIONS: u32 = 60;

    fn set_of(indexes: &BTreeSet<u32>) -> IndexSet {
        indexes.iter().copied().map(CompletionIndex).collect()
    }

    fn members(set: &IndexSet) -> BTreeSet<u32> {
        set.indexes().map(|index| index.0).collect()
    }

    #[test]
    fn reads_and_writes_the_job_controllers_form() {
        for text in ["", "0", "1,3-5,7", "1,2", "0-9", "0,1,3,4"] {
            assert_eq!(IndexSet::parse(text, 10).unwrap().to_string(), text);
        }
        assert_eq!(IndexSet::parse("1,2,3,5-6", 10).unwrap().to_string(), "1-3,5,6");
    }

    #[test]
    fn refuses_what_no_job_controller_writes() {
        for (text, part_of_error) in [
            (",", "neither"),
            ("1,", "neither"),
            ("+1", "neither"),
            ("01", "neither"),
            ("1-", "neither"),
            ("-1", "neither"),
            ("3-3", "neither"),
            ("5-3", "neither"),
            ("1 ,2", "neither"),
            ("4294967296", "neither"),
            ("1-3-5", "neither"),
            ("3,1", "after index 3"),
            ("1-4,4-6", "after index 4"),
            ("2,2", "after index 2"),
            ("10", "not below 10"),
            ("8-10", "not below 10"),
        ] {
            let error = IndexSet::parse(text, 10).unwrap_err().to_string();
            assert!(error.contains(part_of_error), "{text:?}: {error}");
        }
        assert!(IndexSet::parse("0", 0).is_err());
    }

    #[test]
    fn holds_the_largest_index() {
        let mut set = IndexSet::default();
        for number in [u32::MAX, u32::MAX - 1, u32::MAX] {
            set.insert(CompletionIndex(number));
        }
        assert_eq!(set.len(), 2);
        assert!(set.contains(CompletionIndex(u32::MAX)));
        assert!(set.difference(&set).is_empty());
        assert_eq!(set.nth(1), Some(CompletionIndex(u32::MAX)));
        assert_eq!(set.nth(2), None);
    }

    #[test]
    fn counts_positions_across_intervals() {
        let set = IndexSet::parse("1,3-5,9", 10).unwrap();
        let found: Vec<Option<u32>> = (0..6).map(|position| set.nth(position).map(|index| index.0)).collect();
        assert_eq!(found, [Some(1), Some(3), Some(4), Some(5), Some(9), None]);
        for (positions, expected) in [
            ("", ""),
            ("0", "1"),
            ("0-4", "1,3-5,9"),
            ("1,2,4-9", "3,4,9"),
            ("5-9", ""),
        ] {
            let positions = IndexSet::parse(positions, 10).unwrap();
            assert_eq!(set.select(&positions).to_string(), expected, "{positions}");
        }
        let whole = IndexSet::default().complement(u32::MAX);
        assert_eq!(whole.select(&set), set);
    }

    #[test]
    fn a_beginning_is_as_long_as_there_is_room_for() {
        let set = IndexSet::parse("1,3-5,7,8,12", 20).unwrap();
        for (bytes_max, expected) in [
            (0, ""),
            (1, "1"),
            (4, "1"),
            (5, "1,3-5"),
            (8, "1,3-5"),
            (9, "1,3-5,7,8"),
            (12, "1,3-5,7,8,12"),
            (99, "1,3-5,7,8,12"),
        ] {
            let beginning = set.beginning(bytes_max).to_string();
            assert_eq!(beginning, expected, "{bytes_max} bytes");
            assert!(beginning.len() <= bytes_max);
        }
    }

    #[test]
    fn is_a_string_in_json() {
        let set = IndexSet::parse("1,3-5", 10).unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), "\"1,3-5\"");
        assert_eq!(serde_json::from_str::<IndexSet>("\"1,3-5\"").unwrap(), set);
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(
            left in prop::collection::btree_set(0..COMPLETIONS, 0..40),
            right in prop::collection::btree_set(0..COMPLETIONS, 0..40),
            order in Just((0..COMPLETIONS).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut inserted = IndexSet::default();
            for number in order.iter().filter(|number| left.contains(number)) {
                prop_assert!(inserted.insert(CompletionIndex(*number)));
                prop_assert!(!inserted.insert(CompletionIndex(*number)));
            }
            let (a, b) = (set_of(&left), set_of(&right));
            prop_assert_eq!(&inserted, &a);
            prop_assert_eq!(members(&a), left.clone());
            prop_assert_eq!(a.len(), u64::try_from(left.len()).unwrap());
            prop_assert_eq!(a.is_empty(), left.is_empty());
            for number in 0..COMPLETIONS {
                prop_assert_eq!(a.contains(CompletionIndex(number)), left.contains(&number));
            }
            prop_assert_eq!(a.union(&b), set_of(&(&left | &right)));
            prop_assert_eq!(a.difference(&b), set_of(&(&left - &right)));
            let rest: BTreeSet<u32> = (0..COMPLETIONS).filter(|number| !left.contains(number)).collect();
            prop_assert_eq!(members(&a.complement(COMPLETIONS)), rest);
            let nth: Vec<u32> = (0..COMPLETIONS).filter_map(|position| a.nth(position)).map(|index| index.0).collect();
            prop_assert_eq!(&nth, &left.iter().copied().collect::<Vec<u32>>());
            let picked: BTreeSet<u32> =
                right.iter().filter_map(|position| a.nth(*position)).map(|index| index.0).collect();
            prop_assert_eq!(a.select(&b), set_of(&picked));
            prop_assert_eq!(IndexSet::parse(&a.to_string(), COMPLETIONS), Ok(a));
        }

        #[test]
        fn never_panics_on_any_text(text in "[0-9,-]{0,24}|.{0,24}", completions: u32) {
            if let Ok(set) = IndexSet::parse(&text, completions) {
                prop_assert_eq!(IndexSet::parse(&set.to_string(), completions), Ok(set));
            }
        }
    }
}
