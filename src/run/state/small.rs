//! Small forms of common values, so that 100,000 indexes with their pods fit in 30 MiB.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

/// Returns a number as a position in a table; one that does not fit is beyond every table.
pub(super) fn position(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A position in a table, or none. Half the size of `Option<u32>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Link(u32);

impl Link {
    /// No position.
    pub(super) const NONE: Self = Self(u32::MAX);

    /// Links to a position; none for one that no table of this program reaches.
    pub(super) fn to(position: usize) -> Self {
        u32::try_from(position).map_or(Self::NONE, Self)
    }

    /// Returns the position; for none one that is beyond every table.
    pub(super) fn position(self) -> usize {
        if self == Self::NONE {
            usize::MAX
        } else {
            position(self.0)
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::NONE
    }
}

/// A number that may be unknown, in the space of the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::run) struct Slim(i64);

impl Slim {
    const UNKNOWN: Self = Self(i64::MIN);

    /// Keeps a point in time to the millisecond.
    pub(in crate::run) fn of_time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::UNKNOWN, |time| Self(time.as_millisecond()))
    }

    /// Returns the point in time.
    pub(in crate::run) fn timestamp(self) -> Option<Timestamp> {
        self.known().and_then(|ms| Timestamp::from_millisecond(ms).ok())
    }

    /// Keeps a duration; one beyond 292 million years is unknown.
    pub(in crate::run) fn of_ms(ms: Option<u64>) -> Self {
        ms.and_then(|ms| i64::try_from(ms).ok()).map_or(Self::UNKNOWN, Self)
    }

    /// Returns the duration in milliseconds.
    pub(in crate::run) fn ms(self) -> Option<u64> {
        self.known().and_then(|ms| u64::try_from(ms).ok())
    }

    /// Takes over the other number unless this one is known.
    pub(in crate::run) fn or(self, other: Self) -> Self {
        if self == Self::UNKNOWN { other } else { self }
    }

    fn known(self) -> Option<i64> {
        (self != Self::UNKNOWN).then_some(self.0)
    }
}

impl Default for Slim {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

/// A pod's uid. Kubernetes uses UUIDs, which take 16 bytes instead of 36 and a heap block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Uid {
    Packed(Uuid),
    Text(Box<str>),
}

impl Uid {
    /// Packs a uid if that loses nothing.
    pub(super) fn new(text: &str) -> Self {
        let mut buffer = Uuid::encode_buffer();
        match Uuid::try_parse(text) {
            Ok(uuid) if *uuid.hyphenated().encode_lower(&mut buffer) == *text => Self::Packed(uuid),
            Ok(_) | Err(_) => Self::Text(text.into()),
        }
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packed(uuid) => write!(f, "{}", uuid.hyphenated()),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Yes-or-no answers about one pod, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks(u16);

/// One of [`Marks`].
#[derive(Clone, Copy, Debug)]
#[repr(u16)]
pub(super) enum Mark {
    /// The cluster showed it; otherwise it is only known from the ledger.
    Seen = 1,
    /// Its removal was seen.
    Removed = 1 << 1,
    /// It was not in the last list.
    Absent = 1 << 2,
    /// It was told to end.
    Terminating = 1 << 3,
    /// It gave a valid result.
    Result = 1 << 4,
    /// It was told that it is bound to a node.
    ToldScheduled = 1 << 5,
    /// It was told that it started.
    ToldStarted = 1 << 6,
    /// It was told how it ended.
    ToldEnd = 1 << 7,
    /// It is in the table of running pods.
    Running = 1 << 8,
    /// The Job controller let go of it before it ended: it is not counted.
    Released = 1 << 9,
    /// The Job was suspended when that was seen.
    Suspended = 1 << 10,
    /// It was told that its log is silent.
    ToldSilent = 1 << 11,
}

impl Marks {
    /// Tells whether a mark is set.
    pub(super) fn has(self, mark: Mark) -> bool {
        self.0 & mark.bit() != 0
    }

    /// Sets a mark; tells whether it was not set before.
    pub(super) fn set(&mut self, mark: Mark) -> bool {
        let fresh = !self.has(mark);
        self.0 |= mark.bit();
        fresh
    }

    /// Clears a mark.
    pub(super) fn clear(&mut self, mark: Mark) {
        self.0 &= !mark.bit();
    }
}

impl Mark {
    fn bit(self) -> u16 {
        self as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_uid_as_it_was_written() {
        for text in [
            "",
            "p-1",
            "123e4567-e89b-12d3-a456-426614174000",
            "123E4567-E89B-12D3-A456-426614174000",
            "123e4567e89b12d3a456426614174000",
        ] {
            assert_eq!(Uid::new(text).to_string(), text);
        }
        assert!(matches!(
            Uid::new("123e4567-e89b-12d3-a456-426614174000"),
            Uid::Packed(_)
        ));
    }

    #[test]
    fn knows_unknown_from_known() {
        assert_eq!(Slim::of_ms(None).ms(), None);
        assert_eq!(Slim::of_ms(Some(u64::MAX)).ms(), None);
        assert_eq!(Slim::of_ms(Some(0)).or(Slim::of_ms(Some(7))).ms(), Some(0));
        assert_eq!(Slim::default().or(Slim::of_ms(Some(7))).ms(), Some(7));
        let time: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(Slim::of_time(Some(time)).timestamp(), Some(time));
        assert_eq!(Link::NONE.position(), usize::MAX);
        assert_eq!(Link::to(3).position(), 3);
    }
}
