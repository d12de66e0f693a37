//! A container's log: lines with the time they arrived, bounded, followed by any number of readers.
//!
//! As with a real kubelet the newest part is kept: what is over the limit is gone from the front, as after a rotation.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

/// How many bytes of one container's log are kept; upstream's files hold 10 MiB before they are rotated.
const LOG_BYTES_MAX: usize = 10 << 20;
/// How long a line may become before it is stored without its end, as container runtimes do.
const LINE_BYTES_MAX: usize = 16 << 10;

/// One line of a log, without its line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it arrived.
    pub at: Timestamp,
    /// Its bytes, as the process wrote them.
    pub bytes: Vec<u8>,
    /// Whether a line feed followed. A line that is too long, or the last one of a process, may have none.
    pub ended: bool,
}

/// The log of one container.
#[derive(Debug)]
pub struct ContainerLog {
    inner: Mutex<Inner>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// How many lines were dropped from the front: the number of the first line that is kept.
    first: u64,
    is_closed: bool,
}

impl Default for ContainerLog {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner::default()),
            version: watch::Sender::new(0),
        }
    }
}

impl ContainerLog {
    /// Adds one line.
    pub fn push(&self, line: LogLine) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.bytes += line.bytes.len() + size_of::<LogLine>();
        inner.lines.push_back(line);
        while inner.bytes > LOG_BYTES_MAX {
            let Some(oldest) = inner.lines.pop_front() else { break };
            inner.bytes -= oldest.bytes.len() + size_of::<LogLine>();
            inner.first += 1;
        }
        drop(inner);
        self.version.send_modify(|v| *v += 1);
    }

    /// Says that nothing follows any more: followers end.
    pub fn close(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.version.send_modify(|v| *v += 1);
    }

    /// Returns the lines from a line number on, the number of the line after them, and whether nothing will follow.
    pub fn read(&self, from: u64, limit: usize) -> (Vec<LogLine>, u64, bool) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = usize::try_from(from.saturating_sub(inner.first)).unwrap_or(usize::MAX);
        let lines: Vec<LogLine> = inner.lines.iter().skip(skip).take(limit).cloned().collect();
        let next = from.max(inner.first) + lines.len() as u64;
        let is_all = next >= inner.first + inner.lines.len() as u64;
        (lines, next, inner.is_closed && is_all)
    }

    /// Returns a receiver that wakes when the log grows or is closed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Returns the end of the log as text: at most so many lines and bytes, for `FallbackToLogsOnError`.
    pub fn tail(&self, lines_max: usize, bytes_max: usize) -> Vec<u8> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = inner.lines.len().saturating_sub(lines_max);
        let mut text = Vec::new();
        for line in inner.lines.iter().skip(skip) {
            text.extend_from_slice(&line.bytes);
            if line.ended {
                text.push(b'\n');
            }
        }
        text.split_off(text.len().saturating_sub(bytes_max))
    }
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct LineCutter {
    pending: Vec<u8>,
}

impl LineCutter {
    /// Takes bytes and hands out every line that is complete, or too long to wait for its end.
    pub fn push(&mut self, at: Timestamp, mut bytes: &[u8], out: &mut impl FnMut(LogLine)) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (head, rest) = bytes.split_at(end);
            self.pending.extend_from_slice(head);
            out(LogLine {
                at,
                bytes: std::mem::take(&mut self.pending),
                ended: true,
            });
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.pending.extend_from_slice(bytes);
        while self.pending.len() > LINE_BYTES_MAX {
            let rest = self.pending.split_off(LINE_BYTES_MAX);
            out(LogLine {
                at,
                bytes: std::mem::replace(&mut self.pending, rest),
                ended: false,
            });
        }
    }

    /// Hands out what is left without a line feed at the end of the stream.
    pub fn finish(self, at: Timestamp, out: &mut impl FnMut(LogLine)) {
        if !self.pending.is_empty() {
            out(LogLine {
                at,
                bytes: self.pending,
                ended: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            at: Timestamp::UNIX_EPOCH,
            bytes: text.into(),
            ended: true,
        }
    }

    #[test]
    fn lines_are_cut_at_line_feeds_however_the_bytes_arrive() {
        let mut cutter = LineCutter::default();
        let mut lines = Vec::new();
        for part in ["one\ntw", "o\n", "\nlast"] {
            cutter.push(Timestamp::UNIX_EPOCH, part.as_bytes(), &mut |l| lines.push(l));
        }
        cutter.finish(Timestamp::UNIX_EPOCH, &mut |l| lines.push(l));
        assert_eq!(
            lines,
            [
                line("one"),
                line("two"),
                line(""),
                LogLine {
                    ended: false,
                    ..line("last")
                }
            ]
        );
    }

    #[test]
    fn a_line_without_end_does_not_grow_for_ever() {
        let mut cutter = LineCutter::default();
        let mut count = 0;
        cutter.push(Timestamp::UNIX_EPOCH, &vec![b'x'; 1 << 20], &mut |l| {
            assert!(l.bytes.len() <= LINE_BYTES_MAX);
            count += 1;
        });
        assert!(count >= 63);
    }

    #[test]
    fn the_front_is_dropped_and_readers_go_on_behind_it() {
        let log = ContainerLog::default();
        let long = "x".repeat(1 << 20);
        for _ in 0..20 {
            log.push(line(&long));
        }
        let (kept, next, done) = log.read(0, 100);
        assert!(kept.len() < 11 && next == 20 && !done);
        log.close();
        assert_eq!(log.read(next, 100), (vec![], 20, true));
    }
}
