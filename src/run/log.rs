//! What a worker's log lines say about its progress, and which lines are missing.
//!
//! Advisory: it moves bars and never counts. Every protocol line carries its line number, so a gap is seen, and a
//! line that comes again after a stream was opened anew is recognised. This module knows no pods and no total.

use ttg_worker::protocol::LineKind;

use super::state::small::Slim;

/// How far a worker is, as its log said last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Parameters done, at most the shard's.
    pub done: u64,
    /// Parameters of the shard.
    pub total: u64,
    /// Parameters per second since the worker started.
    pub per_second: u64,
    /// The value so far.
    pub partial: i128,
}

/// What one line changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Lines that are known to be lost since the line before.
    pub(super) lost: u64,
    /// Whether the progress is new.
    pub(super) moved: bool,
}

/// The log of one pod, as far as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    progress: Option<Progress>,
    /// When the progress was told last.
    pub(super) told_at: Slim,
    /// Since when no line was heard; none as long as nobody reads the log line by line.
    pub(super) silent_since: Slim,
    /// Whether the log could not be opened.
    pub(super) refused: bool,
    last_line: u64,
    /// A sample reads only the last line, so lines between two samples are not lost, only not asked for.
    sampled: bool,
}

impl Track {
    /// Notes that the stream was opened.
    pub(super) fn open(&mut self, sampled: bool) {
        self.sampled = sampled;
    }

    /// Reads one line of a worker whose shard has `shard_len` parameters.
    pub(super) fn hear(&mut self, number: u64, kind: &LineKind, shard_len: u64) -> Heard {
        if number <= self.last_line {
            return Heard::default();
        }
        let lost = if self.sampled { 0 } else { number - self.last_line - 1 };
        self.last_line = number;
        let progress = match *kind {
            LineKind::Progress {
                done,
                per_second,
                partial,
                ..
            } => Some((done, per_second, partial)),
            LineKind::Processed { count } => Some((
                count,
                self.progress.map_or(0, |p| p.per_second),
                self.progress.map_or(0, |p| p.partial),
            )),
            LineKind::Parameters { .. } | LineKind::Result { .. } => None,
        };
        let progress = progress.map(|(done, per_second, partial)| Progress {
            done: done.min(shard_len),
            total: shard_len,
            per_second,
            partial,
        });
        let moved = progress.is_some() && progress != self.progress;
        self.progress = progress.or(self.progress);
        Heard { lost, moved }
    }

    /// Returns how far the worker is; none before its first progress line.
    pub(super) fn progress(&self) -> Option<Progress> {
        self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64) -> LineKind {
        LineKind::Progress {
            done,
            total: 100,
            per_second: 7,
            partial: 3,
        }
    }

    #[test]
    fn counts_a_gap_once_and_ignores_replays() {
        let mut track = Track::default();
        track.open(false);
        let heard: Vec<(u64, bool)> = [(1, 10), (2, 20), (5, 50), (3, 30), (5, 50), (6, 50), (7, 60)]
            .into_iter()
            .map(|(number, done)| track.hear(number, &progress(done), 100))
            .map(|heard| (heard.lost, heard.moved))
            .collect();
        assert_eq!(
            heard,
            [
                (0, true),
                (0, true),
                (2, true),
                (0, false),
                (0, false),
                (0, false),
                (0, true)
            ]
        );
        assert_eq!(track.progress().map(|p| p.done), Some(60));
    }

    #[test]
    fn does_not_count_what_a_sample_skipped() {
        let mut track = Track::default();
        track.open(true);
        assert_eq!(track.hear(40, &progress(40), 100), Heard { lost: 0, moved: true });
        track.open(false);
        assert_eq!(track.hear(1, &progress(1), 100), Heard::default());
        assert_eq!(track.hear(43, &progress(41), 100), Heard { lost: 2, moved: true });
    }

    #[test]
    fn clamps_what_a_worker_claims_to_its_shard() {
        let mut track = Track::default();
        let heard = track.hear(u64::MAX, &LineKind::Processed { count: u64::MAX }, 100);
        assert_eq!(
            heard,
            Heard {
                lost: u64::MAX - 1,
                moved: true
            }
        );
        assert_eq!(
            track.progress(),
            Some(Progress {
                done: 100,
                total: 100,
                per_second: 0,
                partial: 0
            })
        );
    }
}
