//! Local clusters of this tool: starting one, telling others where it is, finding one that runs.
//!
//! A cluster that `ttg-tui local` runs in the foreground is published in the runtime folder, under a lock that is held as long as
//! it lives; one that a command starts for itself is not. This is the only module that knows both `local` and the worker.

mod actor;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Exit};
use crate::local::kubelet::report::NodeSize;
use crate::local::kubelet::runtime::{Actor, Images, Play};
use crate::local::{LocalCluster, LocalConfig};
use crate::shell::Clock;

/// The folder of one cluster's pods begins with this, followed by the process id.
const PODS_PREFIX: &str = "pods-";
/// The lock file in it, held as long as the cluster lives.
const LOCK_FILE: &str = "lock";
/// Held for the moment in which clusters are started, published, swept or looked for, so that none sees another half-made.
const MOMENT_LOCK: &str = "moment.lock";
/// The description of the published cluster.
const PUBLISHED_FILE: &str = "local.json";
/// The lock of the published cluster, held as long as it lives.
const PUBLISHED_LOCK: &str = "local.lock";
/// Its kubeconfig.
const KUBECONFIG_FILE: &str = "local.kubeconfig";
/// A node of a simulated cluster, as large as those that scale tests of Kubernetes use.
const SIMULATED_SIZE: NodeSize = NodeSize {
    cpus: 64,
    memory_bytes: 256 << 30,
    pods: 500,
};
/// How many pods a node takes, which is upstream's default.
const PODS_PER_NODE: u32 = 110;

/// How a cluster is to be.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many nodes.
    pub nodes: u32,
    /// Whether its pods are only played.
    pub simulate: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            nodes: 3,
            simulate: false,
        }
    }
}

/// A cluster that this program runs.
pub struct Host {
    /// The cluster.
    pub cluster: LocalCluster,
    /// Held until the cluster has ended.
    _lock: File,
}

/// Where a running cluster is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The process that runs it.
    pub pid: u32,
    /// The URL of its API.
    pub url: String,
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
}

/// Keeps a cluster published; taking it back is what dropping does.
pub struct Publication {
    runtime_folder: PathBuf,
    /// What was published.
    pub published: Published,
    _lock: File,
}

/// Starts a cluster. Must be called within a tokio runtime.
pub fn start(runtime_folder: &Path, shape: Shape, clock: Clock) -> Result<Host, Error> {
    let cannot = |what: &str, error: io::Error| {
        let text = format!("cannot {what} {}: {error}", runtime_folder.display());
        Error::usage(text).with_hint("set XDG_RUNTIME_DIR or XDG_STATE_HOME to a folder that you may write")
    };
    make_folder(runtime_folder).map_err(|e| cannot("make the folder", e))?;
    if !is_ours(runtime_folder).map_err(|e| cannot("look at", e))? {
        let what = format!(
            "{} belongs to another user, or others may write into it",
            runtime_folder.display()
        );
        return Err(Error::usage(what).with_hint("set XDG_RUNTIME_DIR to a folder of your own"));
    }
    let moment = lock_moment(runtime_folder).map_err(|e| cannot("make a lock in", e))?;
    sweep(runtime_folder);
    let folder = runtime_folder.join(format!(
        "{PODS_PREFIX}{}-{:08x}",
        std::process::id(),
        rand::random::<u32>()
    ));
    make_folder(&folder).map_err(|e| cannot("make a folder in", e))?;
    let lock = try_lock(&folder.join(LOCK_FILE)).map_err(|e| cannot("make a lock in", e))?;
    let lock = lock.ok_or_else(|| cannot("lock a new file in", io::ErrorKind::WouldBlock.into()))?;
    drop(moment);
    let config = LocalConfig {
        nodes: shape.nodes,
        size: if shape.simulate { SIMULATED_SIZE } else { machine() },
        images: images(shape.simulate)?,
        folder,
        jobs: crate::local::job_controller::JobControllerConfig::default(),
        timing: crate::local::timing::Timing::default(),
        now: Arc::new(move || clock.now()),
    };
    let cluster = LocalCluster::start(config)
        .map_err(|e| Error::new(Exit::Unreachable, format!("cannot start the local cluster: {e}")))?;
    Ok(Host { cluster, _lock: lock })
}

/// Publishes a cluster; fails when another one is published.
pub fn publish(runtime_folder: &Path, host: &Host) -> Result<Publication, Error> {
    let cannot = |error: io::Error| {
        Error::usage(format!(
            "cannot publish the cluster in {}: {error}",
            runtime_folder.display()
        ))
    };
    let _moment = lock_moment(runtime_folder).map_err(cannot)?;
    let Some(lock) = try_lock(&runtime_folder.join(PUBLISHED_LOCK)).map_err(cannot)? else {
        let at = read(runtime_folder).map_or_else(String::new, |p| format!(" at {} (process {})", p.url, p.pid));
        let what = format!("a local cluster runs already{at}");
        return Err(Error::usage(what).with_hint("use that one (every command finds it), or end it first"));
    };
    let kubeconfig = runtime_folder.join(KUBECONFIG_FILE);
    let published = Published {
        pid: std::process::id(),
        url: host.cluster.url(),
        kubeconfig: kubeconfig.clone(),
    };
    write_private(&kubeconfig, host.cluster.kubeconfig().as_bytes()).map_err(cannot)?;
    let json = serde_json::to_vec(&published).map_err(|e| cannot(e.into()))?;
    write_private(&runtime_folder.join(PUBLISHED_FILE), &json).map_err(cannot)?;
    Ok(Publication {
        runtime_folder: runtime_folder.to_owned(),
        published,
        _lock: lock,
    })
}

impl Drop for Publication {
    fn drop(&mut self) {
        for name in [PUBLISHED_FILE, KUBECONFIG_FILE] {
            // Whoever removed it first did the same.
            std::fs::remove_file(self.runtime_folder.join(name)).ok();
        }
    }
}

/// Finds the published cluster, if it lives; returns where it is and its kubeconfig.
pub fn find(runtime_folder: &Path) -> Option<(Published, String)> {
    // Whoever can write there could lead this program, and what it submits, to a cluster of their own.
    if !is_ours(runtime_folder).unwrap_or(false) {
        return None;
    }
    let _moment = lock_moment(runtime_folder).ok()?;
    let published = read(runtime_folder)?;
    // Its lock is free: it was killed, and what it left behind means nothing.
    if try_lock(&runtime_folder.join(PUBLISHED_LOCK)).ok()?.is_some() {
        return None;
    }
    let kubeconfig = std::fs::read_to_string(&published.kubeconfig).ok()?;
    Some((published, kubeconfig))
}

fn read(runtime_folder: &Path) -> Option<Published> {
    serde_json::from_slice(&std::fs::read(runtime_folder.join(PUBLISHED_FILE)).ok()?).ok()
}

/// What the kubelets can run: this program's own worker, under this program's own supervisor.
fn images(simulate: bool) -> Result<Images, Error> {
    let program = std::env::current_exe().map_err(|e| {
        Error::new(
            Exit::Unreachable,
            format!("cannot find this program's own file to run workers with: {e}"),
        )
    })?;
    let words = |subcommand: &str| -> Vec<OsString> { vec![program.clone().into(), subcommand.into()] };
    let play = if simulate {
        Play::Actor(actor::worker())
    } else {
        Play::Process(words("worker"))
    };
    Ok(Images {
        known: BTreeMap::from([("ttg-worker".to_owned(), play)]),
        supervisor: words("pod-supervise"),
        message_path_variable: ttg_worker::protocol::env::RESULT_PATH.to_owned(),
    })
}

/// Makes the actor that plays `ttg-worker` without a process.
pub fn simulated_worker() -> Actor {
    actor::worker()
}

/// Every node is this machine.
fn machine() -> NodeSize {
    let cpus = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
    NodeSize {
        cpus,
        memory_bytes: memory_bytes().unwrap_or(8 << 30),
        pods: PODS_PER_NODE,
    }
}

/// Reads the size of this machine's memory where `/proc` tells it.
fn memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Removes the folders of clusters that were killed.
fn sweep(runtime_folder: &Path) {
    let Ok(entries) = std::fs::read_dir(runtime_folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PODS_PREFIX);
        if is_ours && matches!(try_lock(&entry.path().join(LOCK_FILE)), Ok(Some(_))) {
            // Another program may be sweeping, too.
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Tells whether a folder is this user's alone to write: what others can put there is not to be believed.
fn is_ours(folder: &Path) -> io::Result<bool> {
    let found = std::fs::symlink_metadata(folder)?;
    Ok(found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A file that is there already may have been made with other rights, or be somebody else's.
    std::fs::remove_file(path).or_else(|e| {
        if e.kind() == io::ErrorKind::NotFound {
            Ok(())
        } else {
            Err(e)
        }
    })?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(bytes)
}

/// Waits for the lock that is only ever held for a moment.
fn lock_moment(runtime_folder: &Path) -> io::Result<File> {
    let file = open_lock(&runtime_folder.join(MOMENT_LOCK))?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Takes a lock that ends with this process; none when another process holds it.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_lock(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
