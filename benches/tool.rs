//! Benches of the tool's own parts: folding facts, keeping partials, and a list of the local cluster.
//!
//! `cargo bench --bench tool`. What a whole run costs is measured by `cargo bench --bench table`.

#[path = "common/facts.rs"]
mod facts;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use ttg_tui::cluster::connect::connect_kubeconfig_text;
use ttg_tui::ledger::StateFolder;
use ttg_tui::local::job_controller::JobControllerConfig;
use ttg_tui::local::kinds::Kind;
use ttg_tui::local::kubelet::report::NodeSize;
use ttg_tui::local::kubelet::runtime::Images;
use ttg_tui::local::timing::Timing;
use ttg_tui::local::{LocalCluster, LocalConfig};
use ttg_tui::run::state::RunState;
use ttg_tui::shell::Clock;

/// Pods of a large run.
const PODS: u32 = 10_000;

/// Partials of one group of the ledger.
const GROUP: u32 = 100;

/// What a bench cannot go on without.
type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let folder = tempfile::tempdir()?;
    fold(&mut criterion);
    append(&mut criterion, folder.path())?;
    list(&mut criterion, folder.path())?;
    criterion.final_summary();
    Ok(())
}

/// Applies five facts of each of ten thousand pods.
fn fold(criterion: &mut Criterion) {
    let plan = facts::plan(PODS);
    let setup = || {
        let facts: Vec<_> = (0..PODS).flat_map(|index| facts::life(&plan, index)).collect();
        (facts::state(PODS), facts)
    };
    let mut group = criterion.benchmark_group("run state");
    group.throughput(Throughput::Elements(u64::from(PODS) * 5));
    group.bench_function("10,000 pods, 5 facts each", |bencher| {
        bencher.iter_batched(
            setup,
            |(mut state, facts)| {
                let told: usize = facts
                    .into_iter()
                    .map(|fact| state.apply_pod(Timestamp::UNIX_EPOCH, fact).len())
                    .sum();
                (state, told)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// Appends and syncs a group of partials.
fn append(criterion: &mut Criterion, folder: &Path) -> Result<(), Failed> {
    let plan = facts::plan(GROUP);
    let mut state: RunState = facts::state(GROUP);
    for fact in (0..GROUP).flat_map(|index| facts::life(&plan, index)) {
        state.apply_pod(Timestamp::UNIX_EPOCH, fact);
    }
    let partials = state.take_unkept();
    let mut ledger = StateFolder::open(folder)?.create_run(&plan)?;
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(u64::from(GROUP)));
    group.bench_function("append a group of 100, synced", |bencher| {
        bencher.iter(|| ledger.append(&partials));
    });
    group.finish();
    Ok(())
}

/// Lists ten thousand pods of a local cluster over its API.
fn list(criterion: &mut Criterion, folder: &Path) -> Result<(), Failed> {
    let runtime = Runtime::new()?;
    let (cluster, client) = runtime.block_on(cluster(&folder.join("pods")))?;
    for number in 0..PODS {
        cluster.registry().create(Kind::Pod, "default", pod(number), false)?;
    }
    let mut group = criterion.benchmark_group("local cluster");
    group.throughput(Throughput::Elements(u64::from(PODS)));
    group.bench_function("list of 10,000 pods", |bencher| {
        bencher.iter(|| runtime.block_on(list_pods(&client)));
    });
    group.finish();
    runtime.block_on(cluster.stop());
    Ok(())
}

/// Starts a cluster without nodes, and connects to it.
async fn cluster(folder: &Path) -> Result<(LocalCluster, Client), Failed> {
    let clock = Clock::start();
    let cluster = LocalCluster::start(LocalConfig {
        nodes: 0,
        size: NodeSize {
            cpus: 1,
            memory_bytes: 1 << 30,
            pods: 110,
        },
        images: Images::default(),
        folder: folder.to_owned(),
        jobs: JobControllerConfig::default(),
        // The pods are of a node that is not there; nobody is to remove them while they are listed.
        timing: Timing {
            pod_gc_quarantine: Duration::from_secs(86_400),
            ..Timing::default()
        },
        now: Arc::new(move || clock.now()),
    })?;
    let connection = connect_kubeconfig_text(&cluster.kubeconfig(), "local", None, false).await?;
    Ok((cluster, connection.client))
}

/// Makes a pod that is bound already, to a node that is not there: neither scheduler nor kubelet touches it.
fn pod(number: u32) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": format!("pod-{number}"), "labels": {"app.kubernetes.io/managed-by": "ttg-tui"}},
        "spec": {
            "nodeName": "nowhere",
            "restartPolicy": "Never",
            "containers": [{"name": "worker", "image": "ttg-worker:latest", "env": [{"name": "KERNEL", "value": "primes"}]}],
        },
    })
}

async fn list_pods(client: &Client) -> Result<usize, Failed> {
    let request = http::Request::get("/api/v1/namespaces/default/pods").body(Vec::new())?;
    Ok(client.request_text(request).await?.len())
}
