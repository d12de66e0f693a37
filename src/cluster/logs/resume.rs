//! Where a log was left, to go on there without loss and without doubling.
//!
//! Pure. `sinceTime` has a resolution of one second: the server cuts the fraction off, and kube rounds it up, which would
//! lose lines. So a stream is always opened from a whole second before the last line, and what was seen is dropped again:
//! all lines before the last time, and as many lines of exactly that time as were seen.

use jiff::Timestamp;

/// How far a log was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Resume {
    last: Option<Mark>,
}

/// The latest time of a line, and how many lines of that time were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    at: Timestamp,
    lines: u32,
}

/// What one stream still has to repeat before it is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replay {
    seen: Option<Mark>,
}

impl Resume {
    /// Returns from when on the log is to be read again; none when nothing was read yet.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let last = self.last?;
        Timestamp::from_second(last.at.as_second().saturating_sub(1)).ok()
    }

    /// Begins a stream.
    pub(super) fn replay(&self) -> Replay {
        Replay { seen: self.last }
    }

    /// Takes the time of a line of a stream, in the stream's order; tells whether the line is new.
    pub(super) fn admits(&mut self, replay: &mut Replay, at: Timestamp) -> bool {
        if let Some(seen) = &mut replay.seen {
            if at < seen.at {
                return false;
            }
            if at == seen.at && seen.lines > 0 {
                seen.lines -= 1;
                return false;
            }
            if at > seen.at {
                replay.seen = None;
            }
        }
        match &mut self.last {
            Some(last) if at == last.at => last.lines = last.lines.saturating_add(1),
            // The two streams of a container are written side by side: a line may be a little older than the one before.
            Some(last) if at < last.at => {}
            Some(_) | None => self.last = Some(Mark { at, lines: 1 }),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp::new(seconds, nanos).unwrap()
    }

    #[test]
    fn a_log_is_read_again_from_a_whole_second_before() {
        let mut resume = Resume::default();
        assert_eq!(resume.since(), None);
        let mut replay = resume.replay();
        assert!(resume.admits(&mut replay, at(100, 900_000_000)));
        assert_eq!(resume.since(), Some(at(99, 0)));
    }

    #[test]
    fn no_line_is_lost_or_doubled_wherever_a_stream_breaks() {
        // Lines 2, 3 and 4 have one time, 6 is a little older than 5.
        let log = [
            at(9, 0),
            at(10, 5),
            at(10, 6),
            at(10, 6),
            at(10, 6),
            at(12, 2),
            at(12, 1),
            at(12, 3),
        ];
        for broken_after in 0..=log.len() {
            let mut resume = Resume::default();
            let mut read = Vec::new();
            for length in [broken_after, log.len(), log.len()] {
                let (since, mut replay) = (resume.since(), resume.replay());
                for (number, time) in log.iter().enumerate().take(length) {
                    if since.is_none_or(|since| *time >= since) && resume.admits(&mut replay, *time) {
                        read.push(number);
                    }
                }
            }
            // Broken between 5 and 6, the older line cannot be told from one that was read.
            let expected: Vec<usize> = (0..log.len())
                .filter(|number| !(broken_after == 6 && *number == 6))
                .collect();
            assert_eq!(read, expected, "broken after {broken_after} lines");
        }
    }
}
