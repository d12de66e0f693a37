//! The whole worker: from its environment to its exit code.
//!
//! The only module of the crate that reads the environment, writes anything, listens for signals and knows a real
//! clock. It must not know Kubernetes: a container with these variables, or a process of this machine, is all the
//! same.
//!
//! Guarantees: the result file is touched once, after the last parameter; exit 0 means that it was written. A worker
//! that was told to stop before that writes nothing and never exits 0, because Kubernetes takes exit 0 for a completed
//! index. Not guaranteed: that any line arrives; a reader that went away does not end the work.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fmt, panic, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use thiserror::Error;

use crate::kernel::Refusal;
use crate::protocol::result::RESULT_VERSION;
use crate::protocol::{Line, LineKind, ResultMessage, exit};
use crate::shard::CompletionIndex;
use crate::work::{Clock, Done, Halt, Progress, Task, work};

mod settings;
mod throttle;

pub use settings::{LogLevel, Settings, SettingsError};

/// Runs a worker in this process and returns its exit code; see [`exit`].
pub fn run() -> u8 {
    // The panic's own words are on stderr already.
    panic::catch_unwind(worker).unwrap_or_else(|_| {
        complain(&"a defect of the worker ended it, nothing is written");
        exit::INTERNAL
    })
}

fn worker() -> u8 {
    let outcome = Settings::from(&variable).map_err(End::Settings).and_then(|settings| {
        let stop = stop_flag().map_err(End::Signals)?;
        compute(&settings, &stop, &mut io::stdout())
    });
    match outcome {
        Ok(()) => exit::DONE,
        Err(end) => {
            complain(&end);
            end.exit_code()
        }
    }
}

/// Reads a variable; what is not UTF-8 becomes a value that no check accepts, and that can be shown.
fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Says one line on stderr. There is nobody left to tell when that fails.
fn complain(problem: &dyn fmt::Display) {
    writeln!(io::stderr(), "ttg-worker: {problem}").ok();
}

/// Returns a flag that SIGTERM and SIGINT set.
fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Why a worker ends without a result.
#[derive(Debug, Error)]
enum End {
    #[error(transparent)]
    Settings(SettingsError),
    #[error("cannot listen for SIGTERM and SIGINT: {0}")]
    Signals(io::Error),
    #[error("told to stop before the end, nothing is written")]
    Stopped,
    #[error("kernel {kernel} refuses its input: {reason}")]
    Refused { kernel: &'static str, reason: Refusal },
    #[error("cannot write the result to {}: {error}", .path.display())]
    Unwritten { path: PathBuf, error: io::Error },
}

impl End {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => exit::BAD_INPUT,
            Self::Refused { .. } => exit::REFUSED,
            Self::Signals(_) | Self::Unwritten { .. } => exit::INTERNAL,
            Self::Stopped => exit::STOPPED,
        }
    }
}

/// Computes the shard, says so in lines, and writes the result.
fn compute(settings: &Settings, stop: &AtomicBool, out: &mut dyn Write) -> Result<(), End> {
    let Settings {
        shard,
        domain,
        kernel,
        pace,
        ..
    } = *settings;
    let mut lines = Lines {
        worker: shard.index,
        level: settings.log_level,
        number: 0,
        out,
    };
    lines.settings(settings);
    lines.write(LineKind::Parameters {
        start: shard.start,
        end: shard.end,
        kernel: kernel.name().to_owned(),
        attempt: settings.attempt.clone(),
    });
    let throttled = throttle::read();
    let task = Task {
        kernel,
        domain,
        shard,
        pace,
    };
    let done = work(
        &task,
        &Monotonic::start(),
        &|| stop.load(Ordering::Relaxed),
        &mut |progress| {
            lines.write(progress_line(progress));
        },
    )
    .map_err(|halt| match halt {
        Halt::Stopped => End::Stopped,
        Halt::Refused(reason) => End::Refused {
            kernel: kernel.name(),
            reason,
        },
    })?;
    let throttled = throttle::read()
        .zip(throttled)
        .map(|(after, before)| after.saturating_sub(before));
    lines.write(LineKind::Processed { count: done.processed });
    lines.write(LineKind::Result { value: done.value });
    let path = &settings.result_path;
    write_result(path, &result(settings, done, throttled).to_json()).map_err(|error| End::Unwritten {
        path: path.clone(),
        error,
    })
}

fn progress_line(progress: Progress) -> LineKind {
    let Progress {
        done,
        total,
        per_second,
        partial,
    } = progress;
    LineKind::Progress {
        done,
        total,
        per_second,
        partial,
    }
}

fn result(settings: &Settings, done: Done, throttled: Option<Duration>) -> ResultMessage {
    ResultMessage {
        version: RESULT_VERSION,
        job_uid: settings.job_uid.clone(),
        index: settings.shard.index,
        start: settings.shard.start,
        end: settings.shard.end,
        processed: done.processed,
        value: done.value,
        kernel: settings.kernel.name().to_owned(),
        elapsed_ms: milliseconds(done.elapsed),
        throttled_ms: throttled.map(milliseconds),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Writes the result into a file that exists, or else into a new one.
fn write_result(path: &Path, message: &str) -> io::Result<()> {
    open_result(path)?.write_all(message.as_bytes())
}

/// Opens the result file, empty.
///
/// In a container it exists: the kubelet mounts a file of its own there. It is opened without asking to create it,
/// which Linux refuses for files of others in folders such as /tmp (`fs.protected_regular`), however writable they
/// are.
fn open_result(path: &Path) -> io::Result<File> {
    match OpenOptions::new().write(true).truncate(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create_new(true).open(path)
        }
        opened => opened,
    }
}

/// The worker's lines, as many as the log level asks for.
struct Lines<'a> {
    worker: CompletionIndex,
    level: LogLevel,
    /// The number of the last line.
    number: u64,
    out: &'a mut dyn Write,
}

impl Lines<'_> {
    /// Writes a line of the protocol.
    fn write(&mut self, kind: LineKind) {
        let level = match kind {
            LineKind::Progress { .. } => LogLevel::Info,
            LineKind::Parameters { .. } | LineKind::Processed { .. } | LineKind::Result { .. } => LogLevel::Warn,
        };
        if level <= self.level {
            self.number += 1;
            let line = Line {
                worker: self.worker,
                number: self.number,
                kind,
            };
            self.print(&line);
        }
    }

    /// Writes the settings in a line that is no part of the protocol, and so has no number.
    fn settings(&mut self, settings: &Settings) {
        if LogLevel::Debug <= self.level {
            let worker = self.worker;
            self.print(&format_args!("[WORKER {worker}] {settings:?}"));
        }
    }

    /// Writes and flushes one line. A log that cannot be written any more does not end the work: only the result
    /// counts.
    fn print(&mut self, line: &dyn fmt::Display) {
        writeln!(self.out, "{line}").and_then(|()| self.out.flush()).ok();
    }
}

/// The machine's steady clock, from when it was started. Public, because the tool computes shards again with it.
pub struct Monotonic(Instant);

impl Monotonic {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else is given"
    )]
    /// Starts it.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) {
        thread::sleep(time);
    }
}

#[cfg(test)]
mod tests;
