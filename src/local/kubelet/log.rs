//! A container's log: lines with the time they arrived, bounded, followed by any number of readers.
//!
//! As with a real kubelet the newest part is kept: what is over the limit is gone from the front, as after a rotation. All bytes
//! of a log are in one ring, and a closed log keeps no spare room: ten thousand pods that have ended keep their logs.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

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

/// Where a reader of a log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The number of the next line.
    line: u64,
    /// How often the log was rotated when the reader began. A rotation ends the reading: the file that it reads is another.
    rotations: u32,
}

impl Position {
    /// The position so many lines before.
    #[must_use]
    pub fn back(self, lines: u64) -> Self {
        Self {
            line: self.line.saturating_sub(lines),
            ..self
        }
    }
}

/// What a reader got.
#[derive(Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Where to go on.
    pub next: Position,
    /// Whether nothing will follow.
    pub is_over: bool,
}

/// The log of one container.
#[derive(Debug, Default)]
pub struct ContainerLog {
    inner: Mutex<Inner>,
    grown: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    bytes: VecDeque<u8>,
    lines: VecDeque<Mark>,
    /// How many lines were dropped from the front: the number of the first line that is kept.
    first: u64,
    /// How many bytes were dropped from the front.
    start: u64,
    rotations: u32,
    /// How many lines are to be lost before the next one is kept.
    gap: usize,
    is_closed: bool,
}

/// One line in the ring: it ends where the next one starts.
#[derive(Clone, Copy, Debug)]
struct Mark {
    second: i64,
    nanosecond: i32,
    ended: bool,
    /// How many bytes of the log came before it.
    start: u64,
}

impl ContainerLog {
    /// Adds one line.
    pub fn push(&self, line: LogLine) {
        let mut inner = self.lock();
        if inner.gap > 0 {
            inner.gap -= 1;
            return;
        }
        let start = inner.end();
        inner.lines.push_back(Mark {
            second: line.at.as_second(),
            nanosecond: line.at.subsec_nanosecond(),
            ended: line.ended,
            start,
        });
        inner.bytes.extend(line.bytes);
        while inner.size() > LOG_BYTES_MAX && inner.drop_first() {}
        drop(inner);
        self.grown.notify_waiters();
    }

    /// Says that nothing follows any more: followers end.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.bytes.shrink_to_fit();
        inner.lines.shrink_to_fit();
        drop(inner);
        self.grown.notify_waiters();
    }

    /// Loses the next lines, for a fault.
    pub fn lose(&self, lines: usize) {
        self.lock().gap = lines;
    }

    /// Begins a new file: what was written before cannot be read any more, and followers end.
    pub fn rotate(&self) {
        let mut inner = self.lock();
        inner.start = inner.end();
        inner.first += inner.lines.len() as u64;
        inner.bytes = VecDeque::new();
        inner.lines = VecDeque::new();
        inner.rotations += 1;
        drop(inner);
        self.grown.notify_waiters();
    }

    /// Returns the position of the first line that is kept.
    pub fn begin(&self) -> Position {
        let inner = self.lock();
        Position {
            line: inner.first,
            rotations: inner.rotations,
        }
    }

    /// Returns the lines from a position on.
    pub fn read(&self, from: Position, limit: usize) -> Chunk {
        let inner = self.lock();
        if from.rotations != inner.rotations {
            return Chunk {
                lines: Vec::new(),
                next: from,
                is_over: true,
            };
        }
        let skip = usize::try_from(from.line.saturating_sub(inner.first)).unwrap_or(usize::MAX);
        let lines: Vec<LogLine> = (skip..inner.lines.len())
            .take(limit)
            .filter_map(|i| inner.line(i))
            .collect();
        let line = from.line.max(inner.first) + lines.len() as u64;
        Chunk {
            is_over: inner.is_closed && line >= inner.first + inner.lines.len() as u64,
            lines,
            next: Position { line, ..from },
        }
    }

    /// Waits until there is something to read at a position, or nothing will follow. Safe to cancel.
    pub async fn more(&self, at: Position) {
        loop {
            let mut grown = pin!(self.grown.notified());
            // What is added from here on wakes this, so nothing is missed between looking and waiting.
            grown.as_mut().enable();
            if self.has_more(at) {
                return;
            }
            grown.await;
        }
    }

    fn has_more(&self, at: Position) -> bool {
        let inner = self.lock();
        inner.is_closed || inner.rotations != at.rotations || inner.first + inner.lines.len() as u64 > at.line
    }

    /// Returns the end of the log as text: at most so many lines and bytes, for `FallbackToLogsOnError`.
    pub fn tail(&self, lines_max: usize, bytes_max: usize) -> Vec<u8> {
        let inner = self.lock();
        let skip = inner.lines.len().saturating_sub(lines_max);
        let mut text = Vec::new();
        for line in (skip..inner.lines.len()).filter_map(|i| inner.line(i)) {
            text.extend_from_slice(&line.bytes);
            if line.ended {
                text.push(b'\n');
            }
        }
        text.split_off(text.len().saturating_sub(bytes_max))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held cannot happen between a line's mark and its bytes but for a lack of memory.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// How many bytes the log ever had.
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.lines.len() * size_of::<Mark>()
    }

    fn drop_first(&mut self) -> bool {
        if self.lines.pop_front().is_none() {
            return false;
        }
        self.first += 1;
        let next = self.lines.front().map_or_else(|| self.end(), |mark| mark.start);
        let count = self.offset(next);
        self.bytes.drain(..count);
        self.start = next;
        true
    }

    fn line(&self, i: usize) -> Option<LogLine> {
        let mark = self.lines.get(i)?;
        let end = self.lines.get(i + 1).map_or_else(|| self.end(), |next| next.start);
        let range = self.offset(mark.start)..self.offset(end);
        Some(LogLine {
            // It was made from a time.
            at: Timestamp::new(mark.second, mark.nanosecond).ok()?,
            bytes: self.bytes.range(range).copied().collect(),
            ended: mark.ended,
        })
    }

    /// Where a byte is in the ring.
    fn offset(&self, position: u64) -> usize {
        let offset = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
        offset.min(self.bytes.len())
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
        let begin = log.begin();
        for number in 0..20 {
            log.push(line(&number.to_string().repeat(1 << 19)));
        }
        let chunk = log.read(begin, 100);
        assert!(chunk.lines.len() < 19 && chunk.next.line == 20 && !chunk.is_over);
        assert_eq!(chunk.lines.last().unwrap().bytes, "19".repeat(1 << 19).into_bytes());
        assert!(chunk.lines.iter().all(|l| l.bytes.len() >= 1 << 19));
        log.close();
        let rest = log.read(chunk.next, 100);
        assert!(rest.lines.is_empty() && rest.is_over && rest.next.line == 20);
    }

    #[test]
    fn lines_come_back_as_they_were_in_any_portion() {
        let log = ContainerLog::default();
        let lines: Vec<LogLine> = ["", "one", "two\u{1f600}", ""]
            .iter()
            .enumerate()
            .map(|(i, text)| LogLine {
                at: Timestamp::new(-1, 0).unwrap() + jiff::SignedDuration::from_millis(700 * i64::try_from(i).unwrap()),
                ended: i != 3,
                ..line(text)
            })
            .collect();
        for line in &lines {
            log.push(line.clone());
        }
        for limit in 1..6 {
            let (mut got, mut at) = (Vec::new(), log.begin());
            while got.len() < lines.len() {
                let chunk = log.read(at, limit);
                got.extend(chunk.lines);
                at = chunk.next;
            }
            assert_eq!(got, lines, "in portions of {limit}");
        }
        assert_eq!(log.tail(2, 100), "two\u{1f600}\n".as_bytes());
    }

    #[test]
    fn a_rotation_ends_followers_and_a_gap_loses_lines() {
        let log = ContainerLog::default();
        let begin = log.begin();
        log.push(line("before"));
        log.rotate();
        assert!(log.read(begin, 10).is_over);
        log.push(line("after"));
        log.lose(2);
        for text in ["lost", "lost", "kept"] {
            log.push(line(text));
        }
        let chunk = log.read(log.begin(), 10);
        assert_eq!(chunk.lines, [line("after"), line("kept")]);
        assert!(!chunk.is_over);
    }

    #[tokio::test]
    async fn a_reader_wakes_for_a_line_a_rotation_and_the_end() {
        let changes: [fn(&ContainerLog); 3] = [|log| log.push(line("one")), ContainerLog::rotate, ContainerLog::close];
        for (i, change) in changes.into_iter().enumerate() {
            let log = ContainerLog::default();
            let at = log.begin();
            let waiting = async { tokio::join!(log.more(at), async { change(&log) }) };
            let woken = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await;
            assert!(woken.is_ok(), "change {i}");
        }
    }
}
