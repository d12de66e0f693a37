//! The small supervisor process of one pod, and the second stage that becomes the pod's process.
//!
//! The kubelet starts the supervisor as a process of its own, in a process group of its own, with a pipe as its
//! standard input; its standard output and error are inherited by the pod's process. Bytes on the pipe are orders:
//! `T` sends SIGTERM to the pod's first process, `K` sends SIGKILL to all of the pod, `S` stops its process group. The end
//! of the pipe means that the program is gone, however it died: everything below is killed at once.
//!
//! Guarantees on Linux: when [`supervise`] returns, no process that descends from the pod's first one is left, not
//! even one that made itself a daemon, because the supervisor is a subreaper and inherits every orphan. When the
//! supervisor itself is killed, the pod's first process is killed by the kernel; what that one started is not.
//! Guarantees elsewhere (macOS): the process group of the pod is killed; a process that left the group stays, and
//! nothing ends the pod when the supervisor is killed. The memory limit is not enforced there.
//!
//! [`supervise`] must run on a thread that lives as long as the supervisor, which is the main thread: the
//! parent-death signal follows the thread that started the child, not the process. This module knows nothing of
//! Kubernetes or the tool.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _, parent_id};
use std::path::PathBuf;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::retry_on_intr;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group, waitid, waitpid,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

#[cfg(target_os = "linux")]
mod proc;

/// What only Linux can tell about processes; elsewhere there is the process group and nothing more.
#[cfg(not(target_os = "linux"))]
mod proc {
    use rustix::process::Pid;

    pub(super) fn children_of(_parent: u32) -> Vec<Pid> {
        Vec::new()
    }

    pub(super) fn resident_bytes_below(_root: u32) -> u64 {
        0
    }
}

/// The hidden subcommand that calls [`exec`]; [`supervise`] starts this program with it.
pub const EXEC_SUBCOMMAND: &str = "pod-exec";

/// The exit code of a supervisor that killed its pod for using more memory than its limit.
///
/// A pod's own process can exit with this number too, so it means that only where a limit was given. The kubelet
/// reports it as exit code 137 with the reason `OOMKilled`.
pub const OOM_EXIT: u8 = 200;

/// The exit code of a supervisor that could not start the pod's process at all, as containerd's `StartError` has it.
pub const START_ERROR_EXIT: u8 = 128;

/// The exit code of [`exec`] when the command exists and cannot be run, as in shells.
pub const NOT_EXECUTABLE_EXIT: u8 = 126;

/// The exit code of [`exec`] when the command does not exist, as in shells.
pub const NOT_FOUND_EXIT: u8 = 127;

/// The order to send SIGTERM to the pod's first process.
pub const ORDER_TERMINATE: u8 = b'T';

/// The order to send SIGKILL to all of the pod.
pub const ORDER_KILL: u8 = b'K';

/// The order to send SIGSTOP to the pod's process group: then it answers to SIGKILL alone.
pub const ORDER_FREEZE: u8 = b'S';

/// The exit code of a pod that was ended by SIGKILL.
const KILLED_EXIT: u8 = 137;

/// Tells the second stage who must be its parent; it is removed before the pod's command sees it.
const SUPERVISOR_VARIABLE: &str = "TTG_SUPERVISOR_PID";

/// How often the memory of a pod with a limit is added up.
const MEMORY_POLL: Duration = Duration::from_millis(100);

/// How long to wait when a child exists that the process table did not list, which the kernel allows for a moment.
const SWEEP_RETRY: Duration = Duration::from_millis(1);

/// Where the handlers of ignored signals note that one came; nobody reads it.
static IGNORED_SIGNAL: AtomicBool = AtomicBool::new(false);

/// Runs a command as the pod's first process and returns its exit code once nothing of the pod is left.
///
/// The exit code is the command's own, 128 + n when signal n ended it, 137 when the pipe to the program closed,
/// [`OOM_EXIT`] when the resident memory of all its processes together passed `memory_limit_bytes`, and
/// [`START_ERROR_EXIT`] with a line on standard error when it could not be started. Memory that processes share
/// counts once for each of them.
pub fn supervise(command: &[OsString], memory_limit_bytes: Option<u64>) -> u8 {
    match prepare().and_then(|()| Pod::start(command)) {
        Ok(pod) => follow(&Arc::new(pod), memory_limit_bytes),
        Err(why) => {
            complain(&format!("cannot start the pod's process: {why}"));
            START_ERROR_EXIT
        }
    }
}

/// Becomes the pod's command; returns an exit code only when that failed, with one line on standard error.
///
/// This is the second stage: it asks the kernel to be killed with its supervisor (Linux), which survives the change of
/// program unless that is set-uid, and refuses to go on when the supervisor was already gone before it could ask.
pub fn exec(command: &[OsString]) -> u8 {
    let Some((program, arguments)) = command.split_first() else {
        complain("cannot run the pod's command: there is none");
        return NOT_FOUND_EXIT;
    };
    if let Err(why) = tie_to_supervisor() {
        complain(&format!("cannot tie the pod's process to its supervisor: {why}"));
        return START_ERROR_EXIT;
    }
    let why = Command::new(program)
        .args(arguments)
        .env_remove(SUPERVISOR_VARIABLE)
        .exec();
    complain(&format!("cannot run {}: {why}", program.display()));
    if why.kind() == io::ErrorKind::NotFound {
        NOT_FOUND_EXIT
    } else {
        NOT_EXECUTABLE_EXIT
    }
}

/// Makes this process deaf to what a terminal or a person sends it, and the parent of every orphan below it.
fn prepare() -> io::Result<()> {
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // A handler that does nothing, not SIG_IGN: an ignored signal stays ignored across exec, so the pod would be
        // deaf too.
        signal_hook::flag::register(signal, &IGNORED_SIGNAL)?;
    }
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// Starts the two watchers, waits for the end of the pod and turns it into an exit code.
fn follow(pod: &Arc<Pod>, memory_limit_bytes: Option<u64>) -> u8 {
    let watching = start_watchers(pod, memory_limit_bytes);
    if watching.is_err() {
        pod.kill();
    }
    let ended = pod.wait();
    match watching.and(ended) {
        Ok(status) => pod.exit_code(status),
        Err(why) => {
            complain(&format!("cannot watch the pod's process: {why}"));
            START_ERROR_EXIT
        }
    }
}

fn start_watchers(pod: &Arc<Pod>, memory_limit_bytes: Option<u64>) -> io::Result<()> {
    let obeying = Arc::clone(pod);
    thread::Builder::new()
        .name("orders".to_owned())
        .spawn(move || obey(&obeying, io::stdin().lock()))?;
    if let Some(limit_bytes) = memory_limit_bytes {
        let limited = Arc::clone(pod);
        thread::Builder::new()
            .name("memory".to_owned())
            .spawn(move || limit_memory(&limited, limit_bytes))?;
    }
    Ok(())
}

/// Carries out orders until their source ends, which means that the program is gone.
fn obey(pod: &Pod, orders: impl BufRead) {
    for order in orders.bytes() {
        match order {
            Ok(ORDER_TERMINATE) => pod.terminate(),
            Ok(ORDER_KILL) => pod.kill(),
            Ok(ORDER_FREEZE) => pod.freeze(),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    pod.abandoned.store(true, Ordering::SeqCst);
    pod.kill();
}

/// Kills the pod once its processes together hold more than this many bytes of memory.
fn limit_memory(pod: &Pod, limit_bytes: u64) {
    while !pod.has_ended() {
        if proc::resident_bytes_below(process::id()) > limit_bytes {
            pod.out_of_memory.store(true, Ordering::SeqCst);
            pod.kill();
            return;
        }
        thread::sleep(MEMORY_POLL);
    }
}

/// The pod's first process, which leads a process group, and all below it.
struct Pod {
    leader: Pid,
    /// Whoever signals or reaps holds this lock. A pid is free for reuse only once it was reaped, and every process
    /// that is signalled is a child of this one, so no signal can reach a stranger.
    first: Mutex<First>,
    abandoned: AtomicBool,
    out_of_memory: AtomicBool,
}

struct First {
    child: Child,
    /// Set before the child is reaped: after that nobody may signal its pid or its group.
    ended: bool,
}

impl Pod {
    fn start(command: &[OsString]) -> io::Result<Self> {
        let child = Command::new(own_program()?)
            .arg(EXEC_SUBCOMMAND)
            .arg("--")
            .args(command)
            .env(SUPERVISOR_VARIABLE, process::id().to_string())
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self {
            leader: Pid::from_child(&child),
            first: Mutex::new(First { child, ended: false }),
            abandoned: AtomicBool::new(false),
            out_of_memory: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, First> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Asks the first process to end, as the kubelet asks a container's process 1. It fails only where that is gone
    /// already.
    fn terminate(&self) {
        let first = self.lock();
        if !first.ended {
            kill_process(self.leader, Signal::TERM).ok();
        }
    }

    /// Stops the pod's group. What left the group goes on, as it does when a person stops one.
    fn freeze(&self) {
        let first = self.lock();
        if !first.ended {
            kill_process_group(self.leader, Signal::STOP).ok();
        }
    }

    /// Kills the pod's group and every child. What is further below is inherited when its parent dies, and swept by
    /// [`Self::wait`], which runs after the first process whatever happens.
    fn kill(&self) {
        let first = self.lock();
        if first.ended {
            return;
        }
        kill_process_group(self.leader, Signal::KILL).ok();
        for child in proc::children_of(process::id()) {
            kill_process(child, Signal::KILL).ok();
        }
    }

    /// Waits until the first process has ended, kills what is left of the pod, and returns how the first process ended.
    fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            has_ended_child(&WaitId::All, WaitIdOptions::empty())?;
            if has_ended_child(&WaitId::Pid(self.leader), WaitIdOptions::NOHANG)? {
                break;
            }
            if self.reap_orphans() == 0 {
                // The process table does not show what has ended, so waiting for any child again would spin.
                has_ended_child(&WaitId::Pid(self.leader), WaitIdOptions::empty())?;
                break;
            }
        }
        let status = self.reap_first()?;
        sweep();
        Ok(status)
    }

    /// Reaps the ended children but the first process; returns how many.
    fn reap_orphans(&self) -> usize {
        let _nobody_signals = self.lock();
        proc::children_of(process::id())
            .into_iter()
            .filter(|&child| child != self.leader && reap(child))
            .count()
    }

    /// Kills what is left of the group, while the ended leader still keeps its number taken, and reaps the leader.
    fn reap_first(&self) -> io::Result<ExitStatus> {
        let mut first = self.lock();
        first.ended = true;
        kill_process_group(self.leader, Signal::KILL).ok();
        first.child.wait()
    }

    fn exit_code(&self, status: ExitStatus) -> u8 {
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        if killed && self.out_of_memory.load(Ordering::SeqCst) {
            OOM_EXIT
        } else if self.abandoned.load(Ordering::SeqCst) {
            KILLED_EXIT
        } else {
            exit_code(status)
        }
    }
}

/// Kills and reaps every child until there is none, inheriting the children of each that dies.
///
/// Only for the time after the first process was reaped: then nobody else signals, and no lock is needed.
fn sweep() {
    // An error is ECHILD, the kernel's word that no child is left.
    while has_ended_child(&WaitId::All, WaitIdOptions::NOHANG).is_ok() {
        let children = proc::children_of(process::id());
        for &child in &children {
            kill_process(child, Signal::KILL).ok();
        }
        if children.is_empty() {
            thread::sleep(SWEEP_RETRY);
        } else {
            has_ended_child(&WaitId::All, WaitIdOptions::empty()).ok();
        }
        for child in children {
            reap(child);
        }
    }
}

/// Tells whether such a child has ended, and leaves it unreaped. Without `NOHANG` it waits for that.
fn has_ended_child(which: &WaitId<'_>, how: WaitIdOptions) -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | how;
    Ok(retry_on_intr(|| waitid(which.clone(), options))?.is_some())
}

/// Reaps this child if it has ended; returns whether it had.
fn reap(child: Pid) -> bool {
    matches!(waitpid(Some(child), WaitOptions::NOHANG), Ok(Some(_)))
}

/// Returns the exit code a shell would report for this end.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(i32::from(u8::MAX));
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Returns the path of this very program. On Linux that works even after the file was replaced or removed.
fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        env::current_exe()
    }
}

fn tie_to_supervisor() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A supervisor that died before the line above sent no signal; then the parent is somebody else by now.
    if env::var(SUPERVISOR_VARIABLE).is_ok_and(|supervisor| supervisor == parent_id().to_string()) {
        Ok(())
    } else {
        Err(io::Error::other("the parent of this process is not a supervisor"))
    }
}

/// Writes one line for people. A standard error that is gone is no reason to stop.
fn complain(text: &str) {
    writeln!(io::stderr(), "{text}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        // The raw wait status: the exit code in the second byte, or the signal in the first.
        for (raw, expected) in [(0, 0), (1 << 8, 1), (64 << 8, 64), (255 << 8, 255), (9, 137), (15, 143)] {
            assert_eq!(exit_code(ExitStatus::from_raw(raw)), expected, "wait status {raw:#x}");
        }
    }
}
