//! The program in a world of its own: folders that nobody else uses, and what it says.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use ttg_worker::app::Monotonic;
use ttg_worker::work::Clock;

use crate::Failed;

/// How long a program may take before the figure is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a program that runs is looked at: short against everything that is measured.
const LOOK: Duration = Duration::from_millis(1);

/// Folders for one figure.
pub(crate) struct World {
    folder: TempDir,
}

/// A program that ends with its figure.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl World {
    /// Makes the folders.
    pub(crate) fn new() -> Result<Self, Failed> {
        Ok(Self {
            folder: tempfile::tempdir()?,
        })
    }

    /// Runs the program to its end and returns what it wrote to standard output; its exit code must be 0.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, Failed> {
        let path = self.folder.path().join("out");
        let mut program = self.spawn(arguments, File::create(&path)?.into())?;
        let clock = Monotonic::start();
        while clock.now() < PATIENCE {
            if let Some(status) = program.0.try_wait()? {
                let out = fs::read_to_string(&path)?;
                return if status.success() {
                    Ok(out)
                } else {
                    Err(format!("{arguments:?} ended with {status}").into())
                };
            }
            thread::sleep(LOOK);
        }
        Err(format!("{arguments:?} did not end within {} s", PATIENCE.as_secs()).into())
    }

    /// Starts a local cluster and waits until it is published; returns it and its process id.
    pub(crate) fn local(&self, arguments: &[&str]) -> Result<(Program, u32), Failed> {
        let arguments: Vec<&str> = std::iter::once("local").chain(arguments.iter().copied()).collect();
        let program = self.spawn(&arguments, Stdio::null())?;
        let pid = program.0.id();
        let published = self.runtime_folder().join("ttg-tui/local.json");
        let clock = Monotonic::start();
        while !published.exists() {
            if clock.now() > PATIENCE {
                return Err("the local cluster was not published".into());
            }
            thread::sleep(LOOK);
        }
        Ok((program, pid))
    }

    /// Returns the kubeconfig of the local cluster that is published here.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.runtime_folder().join("ttg-tui/local.kubeconfig")
    }

    fn spawn(&self, arguments: &[&str], out: Stdio) -> Result<Program, Failed> {
        let child = Command::new(env!("CARGO_BIN_EXE_ttg-tui"))
            .args(arguments)
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Program(child))
    }

    /// Returns the variables that keep a program in this world.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("HOME", self.folder.path().to_owned()),
            ("XDG_STATE_HOME", self.folder.path().join("state")),
            ("XDG_RUNTIME_DIR", self.runtime_folder()),
        ]
    }

    fn runtime_folder(&self) -> PathBuf {
        self.folder.path().join("runtime")
    }
}

/// Reads one of the sizes in `/proc/PID/status`.
pub(crate) fn memory_kib(pid: u32, field: &str) -> Result<u64, Failed> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .ok_or_else(|| format!("/proc has no {field}"))?;
    let number = line.split_whitespace().next().ok_or("the size is empty")?;
    Ok(number.parse()?)
}

/// Finds the first object of this type in what `--output json` wrote.
pub(crate) fn first_of(out: &str, kind: &str) -> Result<Value, Failed> {
    for line in out.lines() {
        let object: Value = serde_json::from_str(line)?;
        if object.get("type").and_then(Value::as_str) == Some(kind) {
            return Ok(object);
        }
    }
    Err(format!("there is no {kind}").into())
}

/// Reads how long a process has computed so far, in the kernel's ticks.
pub(crate) fn cpu_ticks(pid: u32) -> Result<u32, Failed> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The program's name stands in parentheses, and whatever is in it stays there.
    let (_, rest) = stat.rsplit_once(')').ok_or("/proc has no name of the process")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || -> Result<u32, Failed> { Ok(fields.next().ok_or("/proc has no times")?.parse()?) };
    let (user, system) = (next()?, next()?);
    Ok(user.saturating_add(system))
}

/// Reads how many milliseconds the threads of a process have computed so far.
pub(crate) fn cpu_ms(pid: u32) -> Result<f64, Failed> {
    let mut nanoseconds = 0_u64;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread that has ended meanwhile computes nothing more.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let first = text.split_whitespace().next().ok_or("/proc has no times")?;
        nanoseconds = nanoseconds.saturating_add(first.parse()?);
    }
    Ok(Duration::from_nanos(nanoseconds).as_secs_f64() * 1_000.0)
}
