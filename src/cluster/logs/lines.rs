//! Bytes of a log to lines, and lines to log parts.
//!
//! Pure. Must not know where the bytes come from. A chunk may end anywhere, also within a character, so lines are split as
//! bytes and decoded after that.

use jiff::Timestamp;
use ttg_worker::protocol::Line;

use crate::cluster::clean::clean_bytes;
use crate::run::fact::LogPart;

/// The most bytes of a line, its timestamp included; the rest is dropped and marked.
pub const LINE_BYTES_MAX: usize = 4_096;

/// Splits chunks into lines. A last line without a line feed is not a line yet: it comes whole when the log is read again.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    begun: Vec<u8>,
    cut: bool,
}

impl Splitter {
    /// Takes a chunk, and hands over each line that it completes, without its line feed, and whether it was cut.
    pub(super) fn push(&mut self, chunk: &[u8], mut each: impl FnMut(&[u8], bool)) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.begun.is_empty() && line.len() <= LINE_BYTES_MAX {
                each(line, false);
            } else {
                self.append(line);
                each(&self.begun, self.cut);
                self.begun.clear();
                self.cut = false;
            }
        }
        self.append(rest);
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.begun.len());
        self.begun.extend(bytes.iter().take(room));
        self.cut |= bytes.len() > room;
    }
}

/// Splits `TIMESTAMP text`; the time is none for a line of the kubelet's own, such as a complaint about the log file.
pub(super) fn split_timestamp(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (time, rest) = line.split_at(end);
    match std::str::from_utf8(time)
        .ok()
        .and_then(|time| time.parse::<Timestamp>().ok())
    {
        Some(at) => (Some(at), rest.get(1..).unwrap_or_default()),
        None => (None, line),
    }
}

/// Makes a log part of a line: a line of the worker's protocol, or else safe text.
pub(super) fn part(text: &[u8], cut: bool) -> LogPart {
    if cut {
        let mut text = clean_bytes(text, LINE_BYTES_MAX);
        text.push('…');
        return LogPart::Text(text);
    }
    Line::parse(text).map_or_else(|| LogPart::Text(clean_bytes(text, LINE_BYTES_MAX)), LogPart::Line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |line, cut| lines.push((line.to_vec(), cut)));
        }
        lines
    }

    #[test]
    fn lines_come_whole_and_capped() {
        let whole = |lines: &[&str]| {
            lines
                .iter()
                .map(|line| (line.as_bytes().to_vec(), false))
                .collect::<Vec<_>>()
        };
        assert_eq!(split(&[b"a\nb", b"c\n", b"\n", b"d"]), whole(&["a", "bc", ""]));
        assert_eq!(
            split(&["é\n".as_bytes().split_at(1).0, "é\n".as_bytes().split_at(1).1]),
            whole(&["é"])
        );
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let capped = vec![b'x'; LINE_BYTES_MAX];
        let expected = [(capped.clone(), true), (b"y".to_vec(), false)];
        assert_eq!(split(&[&long, b"\ny\n"]), expected, "in two chunks");
        let one_chunk = [long.as_slice(), b"\ny\n"].concat();
        assert_eq!(split(&[&one_chunk]), expected, "in one chunk");
        assert_eq!(
            split(&[&capped, b"\n"]),
            [(capped.clone(), false)],
            "as long as a line may be"
        );
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_chunks_end(text in "[ab\n]{0,40}", cuts in proptest::collection::vec(0_usize..40, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= text.len()).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&text.as_bytes()[from..]);
            prop_assert_eq!(split(&chunks), split(&[text.as_bytes()]));
        }
    }

    #[test]
    fn a_line_has_a_time_or_none() {
        let time: Timestamp = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
        let cases: [(&[u8], Option<Timestamp>, &[u8]); 5] = [
            (b"2026-01-02T03:04:05.123456789Z a b", Some(time), b"a b"),
            (b"2026-01-02T03:04:05.123456789Z ", Some(time), b""),
            (b"2026-01-02T03:04:05.123456789Z", Some(time), b""),
            (b"failed to watch the log file", None, b"failed to watch the log file"),
            (b"\xff\xfe 1", None, b"\xff\xfe 1"),
        ];
        for (line, at, text) in cases {
            assert_eq!(split_timestamp(line), (at, text));
        }
    }

    #[test]
    fn other_lines_are_safe_text() {
        let line = "[WORKER 0] Result: 239,119, line 14";
        assert!(matches!(part(line.as_bytes(), false), LogPart::Line(parsed) if parsed.to_string() == line));
        assert_eq!(part(b"\x1b[31mhi\xff", false), LogPart::Text("hi\u{fffd}".to_owned()));
        assert_eq!(part(line.as_bytes(), true), LogPart::Text(format!("{line}…")));
    }
}
