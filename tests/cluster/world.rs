//! What the tests share: a cluster with a namespace to use, the program with folders of its own, and waiting with a deadline.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, ServiceAccount};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use ttg_tui::cluster::connect::connect_context;
use ttg_worker::app::Monotonic;
use ttg_worker::work::Clock;

/// How long anything that must happen may take: a pod may wait for room, and a replaced one for the back-off.
const DEADLINE: Duration = Duration::from_secs(150);

/// How long to wait between two looks at what must happen.
const POLL: Duration = Duration::from_millis(20);

/// The variable that names the kubeconfig of a cluster.
const KUBECONFIG: &str = "TTG_TEST_KUBECONFIG";

/// The variable that names the worker's image in it.
const IMAGE: &str = "TTG_TEST_IMAGE";

/// Held by every world on a real cluster, and alone by one that changes the nodes under the others' pods.
static NODES: RwLock<()> = RwLock::new(());

/// What a world holds of [`NODES`], until it is dropped.
enum Hold {
    /// Nothing: its cluster is its own.
    Nothing,
    /// The nodes stay as they are.
    Shared { _guard: RwLockReadGuard<'static, ()> },
    /// No other world is on the cluster.
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

/// Looks again and again until the check finds something, or the time is over.
pub(crate) fn within<T>(limit: Duration, mut check: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = Monotonic::start();
    loop {
        let found = check();
        if found.is_some() || clock.now() >= limit {
            return found;
        }
        thread::sleep(POLL);
    }
}

/// Looks again and again until the check finds something.
pub(crate) fn eventually<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, check).unwrap_or_else(|| panic!("waited {} s in vain for this: {what}", DEADLINE.as_secs()))
}

/// Returns the name of the worker's image.
pub(crate) fn image() -> String {
    std::env::var(IMAGE).unwrap_or_else(|_| "ttg-worker:latest".to_owned())
}

/// A local cluster of the program.
struct Local(Child);

impl Drop for Local {
    fn drop(&mut self) {
        // Its pods end with it, however it ends.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A cluster, a namespace in it, and folders for the program.
pub(crate) struct World {
    /// The local cluster that this world started; none when the cluster is a real one.
    local: Option<Local>,
    folder: TempDir,
    kubeconfig: PathBuf,
    namespace: String,
    runtime: Runtime,
    client: Client,
    programs: AtomicU32,
    /// Dropped last, when all else has been removed.
    _hold: Hold,
}

impl World {
    /// Makes a world on the cluster that was named, or else on a local one.
    pub(crate) fn new() -> Self {
        let share = || Hold::Shared {
            _guard: NODES.read().unwrap_or_else(PoisonError::into_inner),
        };
        Self::held(named_kubeconfig().map_or(Hold::Nothing, |_| share()))
    }

    /// Makes a world as [`World::new`] does, with no other one on the cluster while it lives.
    pub(crate) fn alone() -> Self {
        let take = || Hold::Alone {
            _guard: NODES.write().unwrap_or_else(PoisonError::into_inner),
        };
        Self::held(named_kubeconfig().map_or(Hold::Nothing, |_| take()))
    }

    fn held(hold: Hold) -> Self {
        let folder = TempDir::new().unwrap();
        let (kubeconfig, local) = match named_kubeconfig() {
            Some(path) => (path, None),
            None => start_local(folder.path()),
        };
        let runtime = Runtime::new().unwrap();
        let client = runtime
            .block_on(connect_context(Some(&kubeconfig), None, None))
            .expect("the kubeconfig can be used")
            .client;
        let mut world = Self {
            folder,
            kubeconfig,
            namespace: "default".to_owned(),
            runtime,
            client,
            local,
            programs: AtomicU32::new(0),
            _hold: hold,
        };
        if world.local.is_none() {
            world.make_namespace();
        }
        world
    }

    /// Makes a world on a real cluster; none, and a word why, where there is none.
    pub(crate) fn real(why: &str) -> Option<Self> {
        if named_kubeconfig().is_some() {
            return Some(Self::new());
        }
        eprintln!("skipped, as {KUBECONFIG} names no real cluster: {why}");
        None
    }

    fn make_namespace(&mut self) {
        let name = format!("ttg-test-{:08x}", rand::random::<u32>());
        let namespace: Namespace = object(json!({"metadata": {"name": name}}));
        self.call(self.namespaces().create(&PostParams::default(), &namespace));
        // From here on it is removed when the world is.
        self.namespace = name;
        let accounts = self.api::<ServiceAccount>();
        eventually("the namespace's service account", || {
            self.call(accounts.get_opt("default"))
        });
    }

    /// Tells whether this world started its cluster.
    pub(crate) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// Returns the kubeconfig of the cluster.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns a folder that is removed with this world.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the name of the namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Waits for an answer of the API.
    pub(crate) fn call<T>(&self, call: impl Future<Output = kube::Result<T>>) -> T {
        self.runtime.block_on(call).expect("the cluster's API does it")
    }

    /// Returns the objects of a kind in the namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Returns the namespaces.
    pub(crate) fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.client.clone())
    }

    /// Returns the names of the nodes that take pods.
    pub(crate) fn nodes(&self) -> Vec<String> {
        let nodes = Api::<Node>::all(self.client.clone());
        let list = self.call(nodes.list(&ListParams::default()));
        list.items
            .into_iter()
            .filter(takes_pods)
            .filter_map(|n| n.metadata.name)
            .collect()
    }

    /// Changes the Job of a run as anybody could.
    pub(crate) fn patch_job(&self, run: &str, patch: &Value) {
        let jobs = self.api::<Job>();
        self.call(jobs.patch(run, &PatchParams::default(), &Patch::Merge(patch)));
    }

    /// Deletes the Job of a run as anybody could, and waits until it is gone.
    pub(crate) fn delete_job(&self, run: &str) {
        let jobs = self.api::<Job>();
        self.call(jobs.delete(run, &DeleteParams::background()));
        eventually("the Job is gone", || {
            self.call(jobs.get_opt(run)).is_none().then_some(())
        });
    }

    /// Deletes a pod as anybody could.
    pub(crate) fn delete_pod(&self, name: &str) {
        let pods = self.api::<Pod>();
        self.call(pods.delete(name, &DeleteParams::default()));
    }

    /// Starts `run` with these flags.
    pub(crate) fn run(&self, flags: &[&str]) -> Program {
        self.run_in(&self.namespace, flags)
    }

    /// Starts `run` with these flags in another namespace.
    pub(crate) fn run_in(&self, namespace: &str, flags: &[&str]) -> Program {
        let image = image();
        let arguments = [&["run", "--image", &image][..], flags, &self.place(namespace)].concat();
        self.program("state", &arguments)
    }

    /// Starts a command that watches a run, with folders of its own, as on another machine.
    pub(crate) fn elsewhere(&self, command: &[&str]) -> Program {
        let arguments = [command, &self.place(&self.namespace)].concat();
        self.program("elsewhere", &arguments)
    }

    /// Starts a command in the folders of `run`.
    pub(crate) fn here(&self, command: &[&str]) -> Program {
        let arguments = [command, &self.place(&self.namespace)].concat();
        self.program("state", &arguments)
    }

    fn place<'w>(&'w self, namespace: &'w str) -> [&'w str; 4] {
        let kubeconfig = self.kubeconfig.to_str().expect("the path is text");
        ["--kubeconfig", kubeconfig, "-n", namespace]
    }

    fn program(&self, state: &str, arguments: &[&str]) -> Program {
        let number = self.programs.fetch_add(1, Ordering::Relaxed);
        let path = |kind: &str| self.folder.path().join(format!("{number}.{kind}"));
        let (out, err) = (path("out"), path("err"));
        let child = command(self.folder.path(), state)
            .args(arguments)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Program { child, out, err }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.local.is_some() || self.namespace == "default" {
            return;
        }
        let namespaces = self.namespaces();
        let deleted = self
            .runtime
            .block_on(namespaces.delete(&self.namespace, &DeleteParams::background()));
        if let Err(why) = deleted {
            eprintln!("the namespace {} is left behind: {why}", self.namespace);
        }
    }
}

/// Makes an object from its JSON.
pub(crate) fn object<K: DeserializeOwned>(json: Value) -> K {
    serde_json::from_value(json).expect("the object is well formed")
}

fn named_kubeconfig() -> Option<PathBuf> {
    std::env::var_os(KUBECONFIG)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}

/// The program with folders of its own. The rest of the environment stays: a login of a real cluster may need it.
fn command(folder: &Path, state: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ttg-tui"));
    command
        .env("XDG_STATE_HOME", folder.join(state))
        .env("XDG_RUNTIME_DIR", folder.join("runtime"))
        .env_remove("KUBERNETES_SERVICE_HOST")
        .stdin(Stdio::null());
    command
}

fn start_local(folder: &Path) -> (PathBuf, Option<Local>) {
    let log = File::create(folder.join("local.log")).unwrap();
    let child = command(folder, "state")
        .arg("local")
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let local = Local(child);
    let runtime_folder = folder.join("runtime/ttg-tui");
    // The kubeconfig is written before the file that says where the cluster is.
    eventually("the local cluster is published", || {
        runtime_folder.join("local.json").exists().then_some(())
    });
    (runtime_folder.join("local.kubeconfig"), Some(local))
}

/// Tells whether the scheduler would bind a pod without tolerations to a node.
fn takes_pods(node: &Node) -> bool {
    let spec = node.spec.clone().unwrap_or_default();
    let is_tainted = spec
        .taints
        .iter()
        .flatten()
        .any(|taint| taint.effect != "PreferNoSchedule");
    let mut conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let is_ready = conditions.any(|c| c.type_ == "Ready" && c.status == "True");
    is_ready && !is_tainted && !spec.unschedulable.unwrap_or_default()
}

/// A program that runs.
pub(crate) struct Program {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Waits for an object of `--output json` of this type for which the check holds.
    pub(crate) fn told(&mut self, kind: &str, check: impl Fn(&Value) -> bool) -> Value {
        let what = format!("an object of type {kind}");
        eventually(&what, || {
            let ended = self.child.try_wait().unwrap();
            let found = objects(&read(&self.out))
                .into_iter()
                .find(|object| object["type"] == kind && check(object));
            assert!(
                found.is_some() || ended.is_none(),
                "it ended with {ended:?} before {what} came:\n{}{}",
                read(&self.out),
                read(&self.err)
            );
            found
        })
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Finished {
        let status = eventually("the program ends", || self.child.try_wait().unwrap());
        Finished {
            code: status.code(),
            stdout: read(&self.out),
            stderr: read(&self.err),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, unless its test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Finished {
    /// Returns the objects of `--output json` of this type.
    pub(crate) fn of(&self, kind: &str) -> Vec<Value> {
        let mut objects = objects(&self.stdout);
        objects.retain(|object| object["type"] == kind);
        objects
    }

    /// Returns the last object of `--output json`, which is the summary.
    pub(crate) fn summary(&self) -> Value {
        let last = objects(&self.stdout).pop().expect("something was printed");
        assert_eq!(last["type"], "summary", "{self:?}");
        last
    }

    /// Fails unless the run is proven with this value and every check of the proof holds.
    pub(crate) fn expect_proven(&self, value: &str) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        let summary = self.summary();
        assert_eq!(summary["headline"], "proven");
        assert_eq!(summary["value"], value);
        let checks = summary["checks"].as_array().unwrap();
        assert!(!checks.is_empty());
        for check in checks {
            assert_eq!(check["verdict"], "holds", "{check}");
        }
        summary
    }
}

/// Reads what a program has written so far, which may end in the middle of a character.
fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

/// Reads objects, one a line; a last line without its end is still being written.
fn objects(text: &str) -> Vec<Value> {
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(|line| serde_json::from_str(line).expect("each line is an object"))
        .collect()
}
