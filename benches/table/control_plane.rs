//! Figures of the control plane alone: the local cluster with many pods and many watchers, and next to a real one.
//!
//! `TTG_BENCH_KUBECONFIG` names the real one. Its fake nodes have the label `type=fake` and the taint `fake=true:NoSchedule`, as
//! kwok makes them. Both get the same Job, `TTG_BENCH_PODS` pods large (1,000), so that nothing but the control planes is compared:
//! a pod of kwok computes nothing, and one of the simulated cluster next to nothing.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use futures::AsyncReadExt;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use ttg_worker::app::Monotonic;
use ttg_worker::protocol::env;
use ttg_worker::work::Clock;

use crate::parts::{kib_to_mib, median, timed};
use crate::world::{Program, World, cpu_ticks, memory_kib};
use crate::{Failed, Row};

/// Pods of a large run.
const PODS: u32 = 10_000;

/// How many watch at once.
const WATCHERS: usize = 50;

/// How often each of two is measured, in turn.
const PAIRS: usize = 3;

/// Names the kubeconfig of a real cluster with fake nodes.
const REAL_KUBECONFIG: &str = "TTG_BENCH_KUBECONFIG";

/// How many pods the real cluster gets.
const REAL_PODS: &str = "TTG_BENCH_PODS";
const REAL_PODS_DEFAULT: u32 = 1_000;

/// The label of fake nodes; the simulated ones get it, too.
const FAKE: (&str, &str) = ("type", "fake");

/// The name of the Job.
const JOB: &str = "bench";

/// How long a Job may take before the figure is given up; a real control plane makes fewer than 100 pods a second.
const PATIENCE: Duration = Duration::from_secs(900);

/// How often a Job is looked at: too seldom to be work for the control plane, and short against what is measured.
const LOOK: Duration = Duration::from_millis(20);

/// A namespace of a cluster.
pub(crate) struct Plane {
    runtime: Runtime,
    config: Config,
    client: Client,
    namespace: String,
}

impl Plane {
    /// Connects to it.
    pub(crate) fn new(kubeconfig: &Path, namespace: &str) -> Result<Self, Failed> {
        let runtime = Runtime::new()?;
        let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
        let options = KubeConfigOptions::default();
        let mut config = runtime.block_on(Config::from_custom_kubeconfig(kubeconfig, &options))?;
        config.proxy_url = None;
        let guard = runtime.enter();
        let client = Client::try_from(config.clone())?;
        drop(guard);
        Ok(Self {
            runtime,
            config,
            client,
            namespace: namespace.to_owned(),
        })
    }

    /// Reads the log of the only pod, each line after the time at which it came.
    pub(crate) fn log_with_times(&self) -> Result<String, Failed> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let params = LogParams {
            timestamps: true,
            ..LogParams::default()
        };
        self.runtime.block_on(async {
            let listed = pods.list(&ListParams::default()).await?;
            let name = listed.items.into_iter().find_map(|pod| pod.metadata.name);
            Ok::<_, Failed>(pods.logs(&name.ok_or("there is no pod")?, &params).await?)
        })
    }

    /// Makes the simulated nodes look like the fake ones of a real cluster.
    fn label_nodes(&self) -> Result<(), Failed> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let (key, value) = FAKE;
        let patch = Patch::Merge(json!({"metadata": {"labels": {key: value}}}));
        self.runtime.block_on(async {
            for node in nodes.list(&ListParams::default()).await? {
                let name = node.metadata.name.unwrap_or_default();
                nodes.patch(&name, &PatchParams::default(), &patch).await?;
            }
            Ok::<(), Failed>(())
        })
    }

    /// Measures how many seconds it takes until all pods of a Job have succeeded.
    fn seconds_through_a_job(&self, pods: u32) -> Result<f64, Failed> {
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        let job: Job = serde_json::from_value(job(pods))?;
        let wanted = i32::try_from(pods)?;
        let through = async {
            let clock = Monotonic::start();
            jobs.create(&PostParams::default(), &job).await?;
            while clock.now() < PATIENCE {
                let status = jobs.get(JOB).await?.status.unwrap_or_default();
                if status.failed.unwrap_or(0) > 0 {
                    return Err(Failed::from("a pod failed"));
                }
                if status.succeeded == Some(wanted) {
                    return Ok(clock.now().as_secs_f64());
                }
                tokio::time::sleep(LOOK).await;
            }
            Err(Failed::from("the Job did not end in time"))
        };
        self.runtime.block_on(through)
    }

    /// Opens watches of pods, each over a connection of its own; they last as long as what is returned.
    fn watch(&self, watchers: usize) -> Result<JoinSet<()>, Failed> {
        let path = format!("/api/v1/namespaces/{}/pods?watch=true", self.namespace);
        let mut watching = JoinSet::new();
        for _ in 0..watchers {
            let request = http::Request::get(path.as_str()).body(Vec::new())?;
            let opened = async {
                let client = Client::try_from(self.config.clone())?;
                // The answer begins at once: from here on nothing is missed.
                let stream = client.request_stream(request).await?;
                Ok::<_, kube::Error>((client, stream))
            };
            let (client, stream) = self.runtime.block_on(opened)?;
            let read = async move {
                let mut stream = std::pin::pin!(stream);
                let mut bytes = vec![0_u8; 65_536];
                while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
                // Its connections last as long as it does.
                drop(client);
            };
            watching.spawn_on(read, self.runtime.handle());
        }
        Ok(watching)
    }
}

/// Returns a plain Indexed Job of so many pods at once.
fn job(pods: u32) -> Value {
    let set = |name: &str, value: &str| json!({"name": name, "value": value});
    let of_pod = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let shards = pods.to_string();
    let variables = [
        of_pod(
            env::WORKER_ID,
            "metadata.annotations['batch.kubernetes.io/job-completion-index']",
        ),
        of_pod(env::JOB_UID, "metadata.labels['batch.kubernetes.io/controller-uid']"),
        of_pod(env::POD_NAME, "metadata.name"),
        set(env::KERNEL, "primes"),
        set(env::TOTAL_WORKERS, &shards),
        set(env::FIRST_PARAMETER, "0"),
        set(env::TOTAL_PARAMETERS, &shards),
        set(env::BATCH_SIZE, "1000"),
        set(env::SIMULATE_WORK_MS, "0"),
        set(env::LOG_LEVEL, "info"),
    ];
    let (key, value) = FAKE;
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": JOB},
        "spec": {
            "completionMode": "Indexed",
            "completions": pods,
            "parallelism": pods,
            "template": {"spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "nodeSelector": {key: value},
                "tolerations": [{"key": "fake", "operator": "Exists", "effect": "NoSchedule"}],
                "containers": [{"name": "worker", "image": "ttg-worker:latest", "env": variables}],
            }},
        },
    })
}

/// A simulated cluster of its own, and its process.
struct Simulated {
    plane: Plane,
    pid: u32,
    _program: Program,
    world: World,
}

impl Simulated {
    fn new() -> Result<Self, Failed> {
        let world = World::new()?;
        let (program, pid) = world.local(&["--simulate", "--nodes", "20"])?;
        let plane = Plane::new(&world.kubeconfig(), "default")?;
        plane.label_nodes()?;
        Ok(Self {
            plane,
            pid,
            _program: program,
            world,
        })
    }
}

/// Measures how many seconds `kubectl get pods` takes, which must show so many; the median of a few.
///
/// In one answer: in pages of 500 kubectl waits for itself, as it asks at most five times a second after the first ten pages.
fn seconds_to_list(kubeconfig: &Path, namespace: &str, pods: u32) -> Result<f64, Failed> {
    let home = TempDir::new()?;
    let list = || {
        Command::new("kubectl")
            .args(["get", "pods", "--no-headers", "--chunk-size=0", "-n", namespace])
            .env("KUBECONFIG", kubeconfig)
            // It keeps what discovery says there.
            .env("HOME", home.path())
            .output()
    };
    let mut times = Vec::new();
    // The first one asks for discovery, and does not count.
    for round in 0..=PAIRS {
        let (listed, time) = timed(list);
        let listed = listed.map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                Failed::from("kubectl is not installed")
            } else {
                format!("kubectl cannot be started: {error}").into()
            }
        })?;
        let lines = String::from_utf8_lossy(&listed.stdout).lines().count();
        if lines != usize::try_from(pods)? {
            let said = String::from_utf8_lossy(&listed.stderr);
            return Err(format!("kubectl showed {lines} of {pods} pods {said}").into());
        }
        if round > 0 {
            times.push(time.as_secs_f64());
        }
    }
    median(times).ok_or_else(|| "there is no time".into())
}

/// How large the local cluster is with 10,000 pods, and how long kubectl takes to list them.
pub(crate) fn crowd() -> Result<Vec<Row>, Failed> {
    let cluster = Simulated::new()?;
    cluster.plane.seconds_through_a_job(PODS)?;
    let size = memory_kib(cluster.pid, "VmRSS")?;
    let (measured, holds) = match seconds_to_list(&cluster.world.kubeconfig(), "default", PODS) {
        Ok(seconds) => (format!("{seconds:.2} s"), Some(seconds <= 1.5)),
        Err(why) => (format!("not measured: {why}"), None),
    };
    Ok(vec![
        Row {
            name: "memory of the local cluster, 10,000 pods".to_owned(),
            measured: format!("{:.0} MiB", kib_to_mib(size)),
            target: "≤ 300 MiB".to_owned(),
            holds: Some(size <= 300 * 1024),
        },
        Row {
            name: "kubectl get pods, 10,000 of them".to_owned(),
            measured,
            target: "≤ 1.5 s".to_owned(),
            holds,
        },
    ])
}

/// How much more 10,000 pods cost the local cluster when 50 watch them.
pub(crate) fn watchers() -> Result<Vec<Row>, Failed> {
    let (mut computed, mut waited) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let (alone_ticks, alone) = watched(0)?;
        let (ticks, time) = watched(WATCHERS)?;
        computed.push(ticks / alone_ticks);
        waited.push(time / alone);
    }
    let computed = median(computed).ok_or("there is no ratio")?;
    let waited = median(waited).ok_or("there is no ratio")?;
    Ok(vec![
        Row {
            name: "10,000 pods, 50 watchers to none: CPU".to_owned(),
            measured: format!("{computed:.2}"),
            target: "≤ 1.2".to_owned(),
            holds: Some(computed <= 1.2),
        },
        // The watchers compute on the same machine, so this says less.
        Row {
            name: "10,000 pods, 50 watchers to none: time".to_owned(),
            measured: format!("{waited:.2}"),
            target: String::new(),
            holds: None,
        },
    ])
}

/// Returns how many ticks the cluster computes for 10,000 pods while so many watch, and how many seconds it takes.
fn watched(watchers: usize) -> Result<(f64, f64), Failed> {
    let cluster = Simulated::new()?;
    let watching = cluster.plane.watch(watchers)?;
    let before = cpu_ticks(cluster.pid)?;
    let seconds = cluster.plane.seconds_through_a_job(PODS)?;
    let ticks = cpu_ticks(cluster.pid)?.saturating_sub(before);
    drop(watching);
    Ok((f64::from(ticks.max(1)), seconds))
}

/// How long the same Job and the same list take here and on a real control plane, if one is named.
pub(crate) fn real() -> Result<Vec<Row>, Failed> {
    let Some(kubeconfig) = std::env::var_os(REAL_KUBECONFIG) else {
        return Err(format!("{REAL_KUBECONFIG} names no cluster").into());
    };
    let pods = match std::env::var(REAL_PODS) {
        Ok(text) => text.parse()?,
        Err(_) => REAL_PODS_DEFAULT,
    };
    let (mut here, mut there) = (Times::default(), Times::default());
    for pair in 0..PAIRS {
        let cluster = Simulated::new()?;
        here.take(&cluster.plane, &cluster.world.kubeconfig(), pods)?;
        drop(cluster);
        in_a_namespace(Path::new(&kubeconfig), pair, |plane| {
            there.take(plane, Path::new(&kubeconfig), pods)
        })?;
    }
    Ok(vec![
        compared(
            &format!("{pods} pods through a Job, local to real"),
            here.jobs,
            there.jobs,
        )?,
        compared(
            &format!("kubectl get pods, {pods} of them, local to real"),
            here.lists,
            there.lists,
        )?,
    ])
}

/// What was measured on one control plane, in seconds.
#[derive(Default)]
struct Times {
    jobs: Vec<f64>,
    lists: Vec<f64>,
}

impl Times {
    fn take(&mut self, plane: &Plane, kubeconfig: &Path, pods: u32) -> Result<(), Failed> {
        self.jobs.push(plane.seconds_through_a_job(pods)?);
        self.lists.push(seconds_to_list(kubeconfig, &plane.namespace, pods)?);
        Ok(())
    }
}

/// Does something in a namespace of its own, which is removed whatever comes of it.
fn in_a_namespace(
    kubeconfig: &Path,
    number: usize,
    act: impl FnOnce(&Plane) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let name = format!("ttg-bench-{}-{number}", std::process::id());
    let plane = Plane::new(kubeconfig, &name)?;
    let namespaces: Api<Namespace> = Api::all(plane.client.clone());
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
    plane
        .runtime
        .block_on(namespaces.create(&PostParams::default(), &namespace))?;
    let outcome = act(&plane);
    plane
        .runtime
        .block_on(namespaces.delete(&name, &DeleteParams::default()))?;
    outcome
}

/// Compares pairs: the median of the ratios counts.
fn compared(name: &str, here: Vec<f64>, there: Vec<f64>) -> Result<Row, Failed> {
    let ratios = here.iter().zip(&there).map(|(here, there)| here / there).collect();
    let ratio = median(ratios).ok_or("there is no ratio")?;
    let (here, there) = (
        median(here).ok_or("there is no time")?,
        median(there).ok_or("there is no time")?,
    );
    Ok(Row {
        name: name.to_owned(),
        measured: format!("{ratio:.2} ({here:.2} s to {there:.2} s)"),
        target: "≤ 1".to_owned(),
        holds: Some(ratio <= 1.0),
    })
}
