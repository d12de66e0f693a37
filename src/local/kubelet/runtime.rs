//! What containers are here: processes of this machine under a supervisor, or actors that only play one.
//!
//! The local cluster does not know what it runs. Which image is which command line is handed to it, and so is the supervisor.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

use super::log::{ContainerLog, LineCutter};
use crate::local::registry::Now;
use crate::local::supervise;

/// The termination message is cut to this many bytes, as upstream does; the last ones are kept.
pub(super) const TERMINATION_MESSAGE_BYTES_MAX: usize = 4096;

/// Plays a container without a process.
pub type Actor = Arc<dyn Fn(Part) -> Pin<Box<dyn Future<Output = Ending> + Send>> + Send + Sync>;

/// What an actor is given.
pub struct Part {
    /// The container's environment.
    pub env: BTreeMap<String, String>,
    /// The container's log.
    pub log: Arc<ContainerLog>,
    /// Cancelled when the container is told to end.
    pub stop: CancellationToken,
    /// The time.
    pub now: Now,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code; 128 + n for signal n.
    pub exit_code: i32,
    /// Whether it was ended for using more memory than its limit.
    pub out_of_memory: bool,
    /// Why, where neither the exit code nor the memory tells.
    pub reason: Option<&'static str>,
    /// Its termination message.
    pub message: Vec<u8>,
}

/// How an image is played.
#[derive(Clone)]
pub enum Play {
    /// As a process: this command line, followed by the container's arguments.
    Process(Vec<OsString>),
    /// By an actor, without a process.
    Actor(Actor),
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(command) => f.debug_tuple("Process").field(command).finish(),
            Self::Actor(_) => f.write_str("Actor"),
        }
    }
}

/// The images that can be played, by the last part of their name: any registry, any tag.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// By name, such as `ttg-worker`.
    pub known: BTreeMap<String, Play>,
    /// The command line of the supervisor; the container's command line follows it.
    pub supervisor: Vec<OsString>,
    /// The variable that tells a process where to write its termination message: a process has no mounts of its own, so the
    /// path in its pod's spec is not there.
    pub message_path_variable: String,
}

impl Images {
    /// Finds how an image is played; without `known` and without a command of its own a container cannot run.
    pub fn play(&self, image: &str, command: &[String]) -> Option<Play> {
        if !command.is_empty() {
            return Some(Play::Process(Vec::new()));
        }
        self.known.get(short_name(image)).cloned()
    }
}

/// Returns the last part of an image's name, without tag and digest.
fn short_name(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split(':').next().unwrap_or(last)
}

/// A process that is to be started.
#[derive(Debug)]
pub struct ProcessSpec {
    /// The supervisor's command line.
    pub supervisor: Vec<OsString>,
    /// The container's command line.
    pub command: Vec<OsString>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Its folder, made for it: working directory and termination message.
    pub folder: PathBuf,
    /// The variable that carries the path of the termination message.
    pub message_path_variable: String,
    /// Its memory limit.
    pub memory_limit_bytes: Option<u64>,
}

/// A container that runs as a process.
pub struct Process {
    child: Child,
    orders: Option<ChildStdin>,
    message_path: PathBuf,
    readers: Vec<tokio::task::JoinHandle<()>>,
}

impl Process {
    /// Starts the process; its output goes to the log.
    pub fn start(spec: &ProcessSpec, log: &Arc<ContainerLog>, now: &Now) -> std::io::Result<Self> {
        std::fs::create_dir_all(&spec.folder)?;
        let message_path = spec.folder.join("termination-log");
        std::fs::write(&message_path, b"")?;
        let mut words = spec.supervisor.iter();
        let program = words
            .next()
            .ok_or_else(|| std::io::Error::other("no supervisor is configured"))?;
        let mut command = Command::new(program);
        command.args(words);
        if let Some(limit) = spec.memory_limit_bytes {
            command.arg("--memory-limit-bytes").arg(limit.to_string());
        }
        command.arg("--").args(&spec.command).env_clear().envs(&spec.env);
        // The path of the machine stands for the container image's own.
        if let (Some(path), false) = (std::env::var_os("PATH"), spec.env.contains_key("PATH")) {
            command.env("PATH", path);
        }
        command
            .env(&spec.message_path_variable, &message_path)
            .current_dir(&spec.folder);
        // A process group of its own: Ctrl-C in the terminal is for the program, which then decides about its pods.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(tokio::spawn(read_lines(stdout, Arc::clone(log), Arc::clone(now))));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(read_lines(stderr, Arc::clone(log), Arc::clone(now))));
        }
        let orders = child.stdin.take();
        Ok(Self {
            child,
            orders,
            message_path,
            readers,
        })
    }

    /// Tells the process to end: SIGTERM.
    pub async fn terminate(&mut self) {
        self.order(supervise::ORDER_TERMINATE).await;
    }

    /// Ends the process and all below it: SIGKILL.
    pub async fn kill(&mut self) {
        self.order(supervise::ORDER_KILL).await;
    }

    /// Stops the process and all below it, for a fault: SIGSTOP.
    pub async fn freeze(&mut self) {
        self.order(supervise::ORDER_FREEZE).await;
    }

    async fn order(&mut self, order: u8) {
        if let Some(orders) = &mut self.orders {
            // A supervisor that is gone has ended its process already.
            orders.write_all(&[order]).await.ok();
            orders.flush().await.ok();
        }
    }

    /// Waits until the process and all its output have ended. Safe to cancel.
    pub async fn wait(&mut self) -> Ending {
        let status = self.child.wait().await;
        while let Some(reader) = self.readers.last_mut() {
            // The supervisor ends everything that could hold the pipe open, so this ends. A reader is let go once it has
            // ended, not before: this may be cancelled here and called again.
            reader.await.ok();
            self.readers.pop();
        }
        self.orders = None;
        let code = status.map_or(i32::from(supervise::START_ERROR_EXIT), exit_code);
        let out_of_memory = code == i32::from(supervise::OOM_EXIT);
        let exit_code = if out_of_memory { 137 } else { code };
        Ending {
            exit_code,
            out_of_memory,
            reason: None,
            message: read_message(&self.message_path),
        }
    }
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or_else(|| status.signal().map(|s| 128 + s))
        .unwrap_or(i32::from(supervise::START_ERROR_EXIT))
}

fn read_message(path: &Path) -> Vec<u8> {
    use std::io::{Read, Seek, SeekFrom};
    let read = || -> std::io::Result<Vec<u8>> {
        // To open a pipe would wait for a writer for ever, and a device has no end.
        if !std::fs::metadata(path)?.is_file() {
            return Ok(Vec::new());
        }
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(
            length.saturating_sub(TERMINATION_MESSAGE_BYTES_MAX as u64),
        ))?;
        let mut bytes = Vec::new();
        file.take(TERMINATION_MESSAGE_BYTES_MAX as u64)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // A process may remove or replace its file; then it has no message.
    read().unwrap_or_default()
}

async fn read_lines(mut stream: impl AsyncRead + Unpin, log: Arc<ContainerLog>, now: Now) {
    let mut cutter = LineCutter::default();
    let mut buffer = vec![0_u8; 8192];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default();
        cutter.push(now(), bytes, &mut |line| log.push(line));
    }
    cutter.finish(now(), &mut |line| log.push(line));
}

/// Returns the time as a log line carries it.
pub fn log_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_the_last_part_of_its_name() {
        for image in [
            "ttg-worker",
            "ttg-worker:latest",
            "host:5000/a/ttg-worker:1",
            "ttg-worker@sha256:00",
            "x/ttg-worker:1@sha256:0",
        ] {
            assert_eq!(short_name(image), "ttg-worker", "{image}");
        }
        let images = Images {
            known: BTreeMap::from([("ttg-worker".into(), Play::Process(vec!["w".into()]))]),
            ..Images::default()
        };
        assert!(images.play("busybox", &[]).is_none());
        assert!(images.play("busybox", &["echo".into()]).is_some());
        assert!(images.play("r/ttg-worker:2", &[]).is_some());
    }
}
