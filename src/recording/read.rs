//! Reads a recording back: everything before a tear, and where the tear is. Never panics, whatever the bytes are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::line::{AnyHeader, Chain, Header, Mark, VERSION};
use super::words::Expander;
use super::{Entry, Recording, Torn};
use crate::cluster::clean::is_unseen;
use crate::model::event::{Event, Outcome};
use crate::plan::Plan;

/// How much of a file is read.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// The longest line.
const LINE_BYTES_MAX: usize = 64 << 20;
/// How much text a recording holds.
const TEXT_BYTES_MAX: u64 = 4 << 30;
/// How much is given to the decompressor at once: what it has made of the last piece before it finds damage is lost.
const PIECE_BYTES: usize = 64;
/// How a gzip stream begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("it is empty: no session was recorded in it")]
    Empty,
    /// It is something else.
    #[error("it is no recording of ttg-tui")]
    NotOurs,
    /// A later version of the program has written it.
    #[error("it is of form {0}, and this program reads forms up to {VERSION}: a newer ttg-tui plays it")]
    Newer(u64),
    /// Nothing is left before the tear.
    #[error("it is torn at its first line: {0}")]
    Torn(String),
}

/// Reads a file.
pub fn open(path: &Path) -> Result<Recording, ReadError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    parse(&bytes)
}

/// Reads the bytes of a file.
pub fn parse(bytes: &[u8]) -> Result<Recording, ReadError> {
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if !MAGIC.starts_with(bytes) && !bytes.starts_with(&MAGIC) {
        return Err(ReadError::NotOurs);
    }
    let mut lines = Lines::new(bytes);
    let first = lines.next_line().map_err(ReadError::Torn)?.ok_or(ReadError::Empty)?;
    let header = read_header(&first)?;
    let mut reader = Reader {
        chain: Chain::behind(&first),
        names: Expander::default(),
        last_ms: 0,
    };
    let mut entries = Vec::new();
    let why = loop {
        match lines.next_line() {
            Ok(Some(line)) => match reader.entry(&line) {
                Ok(entry) => entries.push(entry),
                Err(why) => break Some(why),
            },
            Ok(None) => break None,
            Err(why) => break Some(why),
        }
    };
    let started = match entries.first() {
        Some(Entry {
            event: Event::Started(started),
            ..
        }) => started.as_ref().clone(),
        Some(_) => return Err(ReadError::NotOurs),
        None => return Err(why.map_or(ReadError::Empty, ReadError::Torn)),
    };
    // The header is the first line, and lines are counted from 1.
    let line = u64::try_from(entries.len()).unwrap_or(u64::MAX).saturating_add(2);
    Ok(Recording {
        began_at: header.began_at,
        started,
        entries,
        torn: why.map(|why| Torn { line, why }),
    })
}

fn read_header(line: &str) -> Result<Header, ReadError> {
    let Ok(AnyHeader { ttg_recording }) = serde_json::from_str(line) else {
        return Err(ReadError::NotOurs);
    };
    if ttg_recording > VERSION {
        return Err(ReadError::Newer(ttg_recording));
    }
    serde_json::from_str(line).map_err(|why| ReadError::Torn(why.to_string()))
}

/// Reads line after line.
struct Reader {
    chain: Chain,
    names: Expander,
    last_ms: u64,
}

impl Reader {
    /// Reads a line; fails with what is wrong with it.
    fn entry(&mut self, line: &str) -> Result<Entry, String> {
        let rest = self
            .chain
            .unseal(line)
            .ok_or("its checksum does not match: it is damaged, or lines before it are missing")?;
        let (ms, short) = rest.split_once(' ').ok_or("it has no event")?;
        let ms = ms.parse::<u64>().map_err(|why| format!("its time {ms:?}: {why}"))?;
        if ms < self.last_ms {
            return Err("its time is before that of the line before".to_owned());
        }
        let json = self
            .names
            .expand(short, LINE_BYTES_MAX)
            .ok_or("it names what was not named before")?;
        let json = harmless(&json);
        let event = match serde_json::from_str::<Event>(&json) {
            Ok(event) => event,
            Err(why) => {
                let mark = serde_json::from_str::<Mark>(&json);
                return Err(mark.map_or_else(|_| format!("no known event: {why}"), |Mark::Torn(why)| why));
            }
        };
        plan_of(&event).map_or(Ok(()), |plan| plan.check().map_err(|why| format!("its plan: {why}")))?;
        self.last_ms = ms;
        Ok(Entry { ms, event })
    }
}

fn plan_of(event: &Event) -> Option<&Plan> {
    if let Event::Started(started) = event {
        Some(&started.plan)
    } else if let Event::Outcome(Outcome::Submitted { plan, .. }) = event {
        Some(plan.as_ref())
    } else {
        None
    }
}

/// Makes the text of an event harmless to a terminal: what would steer it, hide text or reorder it becomes `\u{fffd}`. Text that this
/// program has recorded was clean before, and stays as it is.
fn harmless(json: &str) -> String {
    const REPLACED: char = '\u{fffd}';
    let is_bad = |c: char| c.is_control() || is_unseen(c);
    let mut safe = String::with_capacity(json.len());
    let mut characters = json.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            safe.push(if is_bad(c) { REPLACED } else { c });
            continue;
        }
        match characters.next() {
            Some('u') => {
                let digits: String = characters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                if code.is_some_and(is_bad) {
                    safe.push(REPLACED);
                } else {
                    safe.extend(["\\u", &digits]);
                }
            }
            Some('b' | 'f') => safe.push(REPLACED),
            Some(other) => safe.extend(['\\', other]),
            None => safe.push('\\'),
        }
    }
    safe
}

/// The lines of a compressed text.
struct Lines<'a> {
    text: io::Take<BufReader<GzDecoder<BufReader<&'a [u8]>>>>,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let decoder = GzDecoder::new(BufReader::with_capacity(PIECE_BYTES, bytes));
        Self {
            text: BufReader::new(decoder).take(TEXT_BYTES_MAX),
        }
    }

    /// Returns the next line without its end; none behind the last one. Fails with what is wrong.
    fn next_line(&mut self) -> Result<Option<String>, String> {
        let mut line = Vec::new();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = self.text.by_ref().take(limit).read_until(b'\n', &mut line);
        match read {
            Ok(0) if self.text.limit() == 0 => Err("it is too long to be a recording".to_owned()),
            Ok(0) => Ok(None),
            Ok(_) => {
                if line.pop() != Some(b'\n') {
                    return Err("the line has no end".to_owned());
                }
                String::from_utf8(line)
                    .map(Some)
                    .map_err(|why| format!("it is no text: {why}"))
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err("the file ends here".to_owned()),
            Err(error) => Err(format!("the file is damaged: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_replaced_and_nothing_else() {
        for (json, safe) in [
            (r#""a\u001b[31mb""#, "\"a\u{fffd}[31mb\""),
            ("\"a\u{9b}b\u{202e}c\"", "\"a\u{fffd}b\u{fffd}c\""),
            (r#""a\u202ec\b""#, "\"a\u{fffd}c\u{fffd}\""),
            (r#""C:\\u001b\n\t\" \u00e9 日本""#, r#""C:\\u001b\n\t\" \u00e9 日本""#),
            (r#""\"#, r#""\"#),
            (r#""\u00"#, "\"\u{fffd}"),
        ] {
            assert_eq!(harmless(json), safe, "{json}");
        }
    }
}
