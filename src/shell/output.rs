//! Standard output and standard error, written on a thread of their own.
//!
//! Whoever reads our output may be slow, or stop: a pager, a full pipe. The loop must go on to hear Ctrl-C, so it never writes
//! itself. Nothing is dropped: what the thread cannot take yet waits, and while much waits the loop takes no new facts.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How many lines the thread is ahead at most.
const QUEUE_MAX: usize = 256;
/// How many lines wait before the loop takes no new facts.
const BACKLOG_MAX: usize = 4096;

/// Where a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Results.
    Out,
    /// Everything else.
    Err,
}

/// The lines on their way out.
pub(super) struct Output {
    queue: Option<Sender<(Stream, String)>>,
    backlog: VecDeque<(Stream, String)>,
    thread: Option<JoinHandle<()>>,
}

impl Output {
    /// Starts the thread, which hands each line to `write`.
    pub(super) fn start(write: impl FnMut(Stream, &str) + Send + 'static) -> Self {
        let (queue, lines) = channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("output".into())
            .spawn(move || write_all(lines, write));
        // Without a thread there is no output; the run goes on, and its exit code tells the end.
        Self {
            queue: Some(queue),
            backlog: VecDeque::new(),
            thread: thread.ok(),
        }
    }

    /// Writes a line, at once or as soon as there is room.
    pub(super) fn line(&mut self, stream: Stream, line: String) {
        self.backlog.push_back((stream, line));
        self.push();
    }

    /// Tells whether so much waits that nothing new should be told.
    pub(super) fn is_behind(&self) -> bool {
        self.backlog.len() >= BACKLOG_MAX
    }

    /// Hands over what waits, as far as there is room.
    pub(super) fn push(&mut self) {
        let Some(queue) = &self.queue else { return };
        while !self.backlog.is_empty() {
            match queue.try_reserve() {
                Ok(room) => {
                    if let Some(line) = self.backlog.pop_front() {
                        room.send(line);
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// Waits until there is room for more; for ever when nothing waits. Safe to cancel.
    pub(super) async fn room(&self) {
        match &self.queue {
            Some(queue) if !self.backlog.is_empty() => drop(queue.reserve().await),
            Some(_) | None => std::future::pending().await,
        }
    }

    /// Waits until everything is written.
    pub(super) async fn finish(&mut self) {
        while !self.backlog.is_empty() && self.thread.as_ref().is_some_and(|t| !t.is_finished()) {
            self.room().await;
            self.push();
        }
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that broke has nothing left to say.
            tokio::task::spawn_blocking(move || thread.join().ok()).await.ok();
        }
    }
}

/// Makes a writer of lines to the stream that is meant. That standard output cannot be written is told once on the other.
pub(super) fn standard() -> impl FnMut(Stream, &str) {
    let mut is_told = false;
    move |stream, line| {
        let written = match stream {
            Stream::Out => write(&mut stdout().lock(), line),
            Stream::Err => write(&mut stderr().lock(), line),
        };
        if let Err(error) = written
            && stream == Stream::Out
            && error.kind() != ErrorKind::BrokenPipe
            && !std::mem::replace(&mut is_told, true)
        {
            // Nothing is left to be done if that cannot be written, either.
            write(
                &mut stderr().lock(),
                &format!("error: cannot write to standard output: {error}"),
            )
            .ok();
        }
    }
}

fn write_all(mut lines: Receiver<(Stream, String)>, mut write: impl FnMut(Stream, &str)) {
    while let Some((stream, line)) = lines.blocking_recv() {
        write(stream, &line);
    }
}

/// Writes a line. Whoever closed our output has read enough, and the run goes on without a listener.
fn write(out: &mut impl Write, line: &str) -> io::Result<()> {
    writeln!(out, "{line}").and_then(|()| out.flush())
}
