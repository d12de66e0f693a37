//! What the tests share: a world for the program to live in, its output line by line, and waiting with a deadline.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use ttg_tui::shell::Clock;

/// How long something that must happen may take.
const DEADLINE_S: i64 = 30;

/// How long a whole command may take; the longest waits for the Job controller's back-off of ten seconds.
const COMMAND_DEADLINE_S: i64 = 90;

/// How long to wait between two looks at what must happen.
const POLL: Duration = Duration::from_millis(10);

/// Looks again and again until the check is content; what it last said is told when it never is.
pub(crate) fn eventually<T>(what: &str, check: impl FnMut() -> Result<T, String>) -> T {
    within(DEADLINE_S, what, check)
}

/// As [`eventually`], with a deadline of the caller's.
pub(crate) fn within<T>(seconds: i64, what: &str, mut check: impl FnMut() -> Result<T, String>) -> T {
    let clock = Clock::start();
    let began = clock.now();
    loop {
        let why = match check() {
            Ok(found) => return found,
            Err(why) => why,
        };
        assert!(
            clock.now().duration_since(began).as_secs() < seconds,
            "waited {seconds} s for this: {what}\nlast seen: {why}"
        );
        thread::sleep(POLL);
    }
}

/// Makes a client of the cluster of a kubeconfig, without a proxy of the machine and without kube's silent retries.
pub(crate) async fn client(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.proxy_url = None;
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// Folders of its own for the program, removed at the end.
pub(crate) struct World {
    root: PathBuf,
    _folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        // The kernel tells working folders without symbolic links.
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("home")).unwrap();
        Self { root, _folder: folder }
    }

    /// Returns a path in this world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Returns the folder in which the program tells where its local cluster is.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.path("runtime/ttg-tui")
    }

    /// Makes a command of the program that knows nothing of the machine's environment but its PATH.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ttg-tui"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .current_dir(&self.root);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.spawn(arguments).finish()
    }

    /// Starts the program.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// Returns the names of the runs that are kept here.
    pub(crate) fn runs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("state/ttg-tui/runs"));
        entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Returns the name of the only run that is kept here.
    pub(crate) fn only_run(&self) -> String {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// Returns the indexes in a run's ledger, read without the program's help.
    pub(crate) fn ledger_indexes(&self, run: &str) -> BTreeSet<u64> {
        let path = self.path("state/ttg-tui/runs").join(run).join("ledger.ndjson");
        let text = fs::read_to_string(path).unwrap();
        let whole_lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        // The first line is the header.
        let partials = whole_lines
            .skip(1)
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        partials.map(|partial| partial["index"].as_u64().unwrap()).collect()
    }

    /// Asserts that `result` shows exactly what is in the ledger of a run that is not proven, and at least one index.
    pub(crate) fn assert_result_is_the_ledger(&self, run: &str) {
        let finished = self.run(&["result", run, "--output", "json"]);
        assert_eq!(finished.code, Some(3), "{finished:?}");
        let summary = finished.summary();
        let indexes = summary["indexes"].as_array().unwrap();
        let shown: BTreeSet<u64> = indexes
            .iter()
            .filter(|index| index["problem"].is_null())
            .map(|index| index["index"].as_u64().unwrap())
            .collect();
        assert_eq!(shown, self.ledger_indexes(run));
        assert!(!shown.is_empty());
        assert_eq!(summary["headline"], "unfinished");
        assert_eq!(summary["accepted"].as_u64().unwrap(), shown.len() as u64);
    }
}

/// A process below a world.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) argv: Vec<String>,
}

#[cfg(target_os = "linux")]
impl Process {
    /// Tells whether this is a worker itself, not the supervisor above it.
    pub(crate) fn is_worker(&self) -> bool {
        matches!(self.argv.as_slice(), [_, command] if command == "worker")
    }

    pub(crate) fn kill(&self) {
        kill_process(Pid::from_raw(self.pid).unwrap(), Signal::KILL).unwrap();
    }
}

#[cfg(target_os = "linux")]
impl World {
    /// Returns the living processes that work in this world, or were told of it. One that has ended and was not yet reaped is
    /// not living.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let entries = fs::read_dir("/proc").unwrap();
        entries
            .filter_map(|entry| {
                let entry = entry.unwrap();
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let folder = entry.path();
                let argv = strings(&fs::read(folder.join("cmdline")).ok()?);
                let works_here = fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&self.root));
                let environment = strings(&fs::read(folder.join("environ")).unwrap_or_default());
                let root = self.root.to_str()?;
                let was_told = environment.iter().any(|variable| variable.contains(root));
                (!argv.is_empty() && (works_here || was_told)).then_some(Process { pid, argv })
            })
            .collect()
    }

    /// Waits for a worker process, and ends it with SIGKILL.
    pub(crate) fn kill_a_worker(&self) {
        let worker = eventually("a worker runs", || {
            let processes = self.processes();
            let seen = format!("{processes:?}");
            processes.into_iter().find(Process::is_worker).ok_or(seen)
        });
        worker.kill();
    }

    /// Waits until no process is left in this world.
    pub(crate) fn wait_until_empty(&self) {
        eventually("no process of the program or of its pods is left", || {
            let left = self.processes();
            if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        });
    }
}

/// Reads strings that end with a zero byte, as `/proc` writes them.
#[cfg(target_os = "linux")]
fn strings(bytes: &[u8]) -> Vec<String> {
    let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// The program at work; it is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Running {
    /// Starts a command of [`World::command`].
    pub(crate) fn start(command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for a line on standard output that contains this.
    pub(crate) fn wait_for_stdout(&self, words: &str) {
        self.stdout.wait_for(words, &self.stderr);
    }

    /// Waits for a line on standard error that contains this.
    pub(crate) fn wait_for_stderr(&self, words: &str) {
        self.stderr.wait_for(words, &self.stdout);
    }

    /// Returns what it has printed so far.
    pub(crate) fn stdout_so_far(&self) -> String {
        self.stdout.text()
    }

    /// Returns what it has printed to standard error so far.
    #[cfg(target_os = "linux")]
    pub(crate) fn stderr_so_far(&self) -> String {
        self.stderr.text()
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Finished {
        let status = within(COMMAND_DEADLINE_S, "the command ends", || {
            let said = || format!("{}{}", self.stdout.text(), self.stderr.text());
            self.child.try_wait().unwrap().ok_or_else(said)
        });
        Finished {
            code: status.code(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has mostly ended by itself; this is for a test that failed before.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How the program ended and what it printed.
#[derive(Debug)]
pub(crate) struct Finished {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Parses standard output as NDJSON.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
            .collect()
    }

    /// Returns the last object, which must be the summary.
    pub(crate) fn summary(&self) -> Value {
        let last = self.objects().pop();
        let summary = last.unwrap_or_else(|| panic!("no summary: {self:?}"));
        assert_eq!(summary["type"], "summary", "{self:?}");
        summary
    }
}

/// The lines of a stream so far. A thread reads them, so that the program never waits for the test.
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self {
            lines,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    fn wait_for(&self, words: &str, other: &Self) {
        eventually(&format!("a line with {words:?}"), || {
            let text = self.text();
            if text.contains(words) {
                Ok(())
            } else {
                Err(format!("{text}{}", other.text()))
            }
        });
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// Returns a file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
