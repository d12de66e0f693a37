//! Writes a recording on a thread of its own, so that a slow disk never holds up the session.
//!
//! Guarantees: [`Recorder::push`] never waits; what is more than a second old can be read back when the program is killed; a
//! recording that is given up says so in its last line. Not guaranteed: that it is on the disk when the machine goes down.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::line::{Chain, Header, Mark, VERSION};
use super::ms_since;
use super::words::Shortener;
use crate::model::event::Event;
use crate::model::log_tail::{TailPart, TailWhat};
use crate::run::fact::{LogFact, LogPart};

/// How many events wait for the thread at most: the pods of a large run come all at once.
const QUEUE_MAX: usize = 8_192;
/// How old what cannot be read back yet is at most.
const FLUSH_MS: u64 = 1_000;
/// How many lines of logs that a person reads are kept.
const TAIL_LINES_MAX: usize = 50_000;
/// What the compressor may still hold back when it is looked how much was written.
const HELD_BACK_BYTES: u64 = 128 << 10;
/// What a new file allows: reading and writing to its owner, nothing to others. Logs are nobody else's business.
const FILE_MODE: u32 = 0o600;
/// What stands for a text that was hidden.
const HIDDEN: &str = "███";

/// How a recording is made.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Texts that are hidden in what is kept of logs.
    pub redact: Vec<String>,
    /// How large the file becomes; none sets no limit.
    pub bytes_max: Option<u64>,
    /// Whether a file that is there is replaced; otherwise that is an error.
    pub replaces: bool,
}

/// A recording that is being made.
#[derive(Debug)]
pub struct Recorder {
    queue: SyncSender<(Timestamp, Box<Event>)>,
    thread: JoinHandle<Result<(), String>>,
    /// Whether something did not fit into the queue.
    is_overrun: Arc<AtomicBool>,
}

impl Recorder {
    /// Begins a recording of a session that began then.
    pub fn start(path: &Path, began_at: Timestamp, terms: Terms) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).mode(FILE_MODE);
        if terms.replaces {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let film: Film<File> = Film::begin(options.open(path)?, began_at, terms)?;
        let (queue, events) = sync_channel(QUEUE_MAX);
        let is_overrun = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_overrun);
        let thread = Builder::new()
            .name("recording".to_owned())
            .spawn(move || write_all(film, &events, &seen))?;
        Ok(Self {
            queue,
            thread,
            is_overrun,
        })
    }

    /// Records one event. Never waits: when the thread is too far behind, the recording ends before this event.
    pub fn push(&self, at: Timestamp, event: Event) {
        if self.is_overrun.load(Ordering::Relaxed) {
            return;
        }
        match self.queue.try_send((at, Box::new(event))) {
            // A thread that has ended by itself has said why, and is asked at the end.
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => self.is_overrun.store(true, Ordering::Relaxed),
        }
    }

    /// Waits until everything is written; returns why the recording is not complete, if it is not.
    pub fn finish(self) -> Result<(), String> {
        let Self { queue, thread, .. } = self;
        drop(queue);
        let joined = thread.join();
        joined.unwrap_or_else(|_| Err("the thread that writes it ended by itself".to_owned()))
    }
}

fn write_all(
    mut film: Film<impl Write>,
    events: &Receiver<(Timestamp, Box<Event>)>,
    is_overrun: &AtomicBool,
) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    loop {
        match events.recv_timeout(Duration::from_millis(FLUSH_MS)) {
            Ok((at, mut event)) => {
                film.write(at, &mut event).map_err(told)?;
                if let Some(bytes_max) = film.full() {
                    let why = format!("it was full at {} MB", bytes_max >> 20);
                    film.end(Some(&why)).map_err(told)?;
                    return Err(why);
                }
            }
            Err(RecvTimeoutError::Timeout) => film.flush().map_err(told)?,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if is_overrun.load(Ordering::Relaxed) {
        let why = "events came faster than they could be written".to_owned();
        film.end(Some(&why)).map_err(told)?;
        return Err(why);
    }
    film.end(None).map_err(told)?;
    Ok(())
}

/// A recording on its way into a writer.
pub(super) struct Film<W: Write> {
    out: GzEncoder<Counted<W>>,
    chain: Chain,
    names: Shortener,
    began_at: Timestamp,
    terms: Terms,
    /// When what was written could be read back last.
    flushed_ms: u64,
    is_flushed: bool,
    last_ms: u64,
    tail_lines: usize,
}

impl<W: Write> Film<W> {
    /// Writes the header.
    pub(super) fn begin(out: W, began_at: Timestamp, terms: Terms) -> io::Result<Self> {
        let header = serde_json::to_string(&Header {
            ttg_recording: VERSION,
            began_at,
        })?;
        let mut film = Self {
            out: GzEncoder::new(Counted { out, bytes: 0 }, Compression::default()),
            chain: Chain::behind(&header),
            names: Shortener::default(),
            began_at,
            terms,
            flushed_ms: 0,
            is_flushed: false,
            last_ms: 0,
            tail_lines: 0,
        };
        film.out.write_all(header.as_bytes())?;
        film.out.write_all(b"\n")?;
        film.flush()?;
        Ok(film)
    }

    /// Writes an event, without what must not be kept of it.
    pub(super) fn write(&mut self, at: Timestamp, event: &mut Event) -> io::Result<()> {
        self.redact(event);
        // A reader counts on an order in time.
        self.last_ms = ms_since(self.began_at, at).max(self.last_ms);
        self.line(&serde_json::to_string(event)?)?;
        if self.last_ms >= self.flushed_ms.saturating_add(FLUSH_MS) {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends the recording; `torn` says why it is not complete.
    pub(super) fn end(mut self, torn: Option<&str>) -> io::Result<W> {
        if let Some(why) = torn {
            let mark = serde_json::to_string(&Mark::Torn(why.to_owned()))?;
            self.line(&mark)?;
        }
        let mut counted = self.out.finish()?;
        counted.flush()?;
        Ok(counted.out)
    }

    fn line(&mut self, json: &str) -> io::Result<()> {
        let line = self
            .chain
            .seal(&format!("{} {}", self.last_ms, self.names.shorten(json)));
        self.is_flushed = false;
        self.out.write_all(line.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed_ms = self.last_ms;
        if std::mem::replace(&mut self.is_flushed, true) {
            return Ok(());
        }
        self.out.flush()
    }

    /// Returns the limit when it is reached.
    fn full(&self) -> Option<u64> {
        let written = self.out.get_ref().bytes.saturating_add(HELD_BACK_BYTES);
        self.terms.bytes_max.filter(|bytes_max| written >= *bytes_max)
    }

    fn redact(&mut self, event: &mut Event) {
        if let Event::Started(started) = event {
            // They name files of this machine.
            started.reach_flags.clear();
        } else if let Event::Log(LogFact {
            what: LogPart::Text(text),
            ..
        }) = event
        {
            hide(text, &self.terms.redact);
        } else if let Event::LogTail(TailPart {
            what: TailWhat::Lines(lines),
            ..
        }) = event
        {
            let room = TAIL_LINES_MAX.saturating_sub(self.tail_lines);
            self.tail_lines = self.tail_lines.saturating_add(lines.len());
            if lines.len() > room {
                lines.truncate(room);
                lines.push("(the recording holds no more lines of logs)".to_owned());
            }
            for line in lines {
                hide(line, &self.terms.redact);
            }
        }
    }
}

fn hide(text: &mut String, words: &[String]) {
    for word in words {
        if text.contains(word) {
            *text = text.replace(word, HIDDEN);
        }
    }
}

/// A writer that counts.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes = self.bytes.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
