//! One scenario, played from its start to its end on a clock of its own.
//!
//! While nothing can go on the clock jumps to the next timer, so an hour of back-off takes no time. Threads do not wait for
//! that clock: the ledger's, and those that compute a shard again. [`brake`] therefore keeps the clock from jumping far ahead
//! of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::{JoinHandle, LocalSet, spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use ttg_tui::cluster::connect::Connection;
use ttg_tui::cluster::watch::get_job;
use ttg_tui::ledger::StateFolder;
use ttg_tui::local::job_controller::JobControllerConfig;
use ttg_tui::local::kinds::Kind;
use ttg_tui::local::kubelet::report::NodeSize;
use ttg_tui::local::kubelet::runtime::{Images, Play};
use ttg_tui::local::store::{Expired, Store};
use ttg_tui::local::timing::Timing;
use ttg_tui::local::{LocalCluster, LocalConfig};
use ttg_tui::model::effect::End;
use ttg_tui::model::event::{Started, Task};
use ttg_tui::run::fact::JobFact;
use ttg_tui::run::partial::Partial;
use ttg_tui::shell::{self, Clock, Form, Session, Teller};

use super::check::{Remains, check};
use super::draw::{Deed, Fault, Maker, Ordered, Scenario, kind_of};
use super::tally::Tally;
use super::wire::Wire;
use super::worker::workers;

/// How long a run may take, on its own clock, before it counts as stuck.
const STUCK: Duration = Duration::from_secs(6 * 3600);

/// How far the clock goes before it is held for a moment, and how long that is.
const BRAKE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_micros(100));

/// When a node is lost, after the start: the run's workers are there by then.
const NODE_LOST_AFTER: Duration = Duration::from_millis(500);

/// The namespace of every run.
const NAMESPACE: &str = "default";

/// The annotation that orders faults of the local cluster.
const FAULT: &str = "local-cluster/fault";

/// How many changes are looked at in one go.
const CHANGES_MAX: usize = 1000;

/// What the cluster's objects say once one of its own faults has hit.
const EVIDENCE: [(Fault, Kind, &str); 3] = [
    (Fault::ImagePull, Kind::Pod, "ErrImagePull"),
    (Fault::Evict, Kind::Pod, r#""reason":"Evicted""#),
    (Fault::NodeLost, Kind::Node, "NodeStatusUnknown"),
];

/// What one session told. Written by its output thread.
type Lines = Arc<Mutex<Vec<String>>>;

/// Plays a scenario and checks what it leaves behind; says what is wrong.
pub(crate) fn play(scenario: &Scenario, tally: &Tally) -> Result<(), String> {
    let folder = temporary_folder().map_err(|e| format!("no temporary folder: {e}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    let tasks = LocalSet::new();
    runtime.block_on(tasks.run_until(Box::pin(play_in(scenario, tally, folder.path()))))
}

/// In memory where that is possible: a slow disk would let the clock jump while the ledger is synced.
fn temporary_folder() -> std::io::Result<TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_unusable| tempfile::tempdir())
}

async fn play_in(scenario: &Scenario, tally: &Tally, folder: &Path) -> Result<(), String> {
    let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
    let cluster = LocalCluster::start(config(scenario, tally, folder, clock)).map_err(|e| e.to_string())?;
    let wire = Wire::new(&cluster, &scenario.faults, tally);
    spawn_local(brake());
    spawn_local(witness(Arc::clone(cluster.registry().store()), tally.clone()));
    let mut world = World {
        scenario,
        clock,
        state: StateFolder::open(folder).map_err(|e| e.to_string())?,
        whole: wire.whole().connect(NAMESPACE),
        wire,
        sessions: Vec::new(),
    };
    world.order_faults().await;
    let outcome = world.run().await;
    timeout(STUCK, cluster.stop())
        .await
        .map_err(|_elapsed| "the local cluster does not stop")?;
    let end = outcome?;
    let sessions: Vec<Vec<String>> = world.sessions.iter().map(lines_of).collect();
    let remains = Remains {
        scenario,
        tally,
        state: &world.state,
        end: end.clone(),
        sessions: &sessions,
    };
    let headline = check(&remains).map_err(|why| format!("{why}\n{}", tail(&sessions)))?;
    let how = headline
        .zip(end)
        .map(|(headline, end)| format!("{headline:?}, ended as {end:?}"));
    tally.ended(how.as_deref().unwrap_or("killed, no Job left"));
    Ok(())
}

fn config(scenario: &Scenario, tally: &Tally, folder: &Path, clock: Clock) -> LocalConfig {
    let worker = Play::Actor(workers(&scenario.faults, tally));
    LocalConfig {
        nodes: scenario.nodes,
        size: NodeSize {
            cpus: 64,
            memory_bytes: 64 << 30,
            pods: 110,
        },
        images: Images {
            known: BTreeMap::from([("ttg-worker".to_owned(), worker)]),
            ..Images::default()
        },
        folder: folder.join("pods"),
        jobs: JobControllerConfig::default(),
        timing: Timing::default(),
        now: Arc::new(move || clock.now()),
    }
}

/// Keeps the clock from jumping ahead of the threads: while a blocking task runs it stands.
async fn brake() {
    let (step, pause) = BRAKE;
    loop {
        sleep(step).await;
        spawn_blocking(move || std::thread::sleep(pause)).await.ok();
    }
}

/// Counts the faults of the cluster itself, once each, when its objects show them.
async fn witness(store: Arc<Store>, tally: Tally) {
    let mut wake = store.subscribe();
    let mut rows = EVIDENCE.map(|row| (row, 0_u64));
    loop {
        wake.mark_unchanged();
        for ((fault, kind, words), after) in &mut rows {
            let (changes, up_to) = match store.changes(*kind, *after, CHANGES_MAX) {
                Ok(found) => found,
                Err(Expired(oldest)) => (Vec::new(), oldest),
            };
            *after = up_to;
            if changes.len() == CHANGES_MAX {
                wake.mark_changed();
            }
            let mut texts = changes
                .iter()
                .map(|change| String::from_utf8_lossy(&change.object.json));
            if !tally.was_hit(*fault) && texts.any(|text| text.contains(*words)) {
                tally.hit(*fault);
            }
        }
        if wake.changed().await.is_err() {
            return;
        }
    }
}

/// A scenario while it is played.
struct World<'s> {
    scenario: &'s Scenario,
    clock: Clock,
    state: StateFolder,
    /// The program's way to the cluster.
    wire: Wire,
    /// The way of everybody else, which does not break.
    whole: Connection,
    /// What the sessions told; the deciding one is moved to the end.
    sessions: Vec<Lines>,
}

impl World<'_> {
    /// Orders the faults that the cluster itself makes.
    async fn order_faults(&self) {
        let client = self.whole.client.clone();
        let of = |maker: Maker| {
            let faults = self.scenario.faults.iter();
            let words: Vec<String> = faults.filter(|o| kind_of(o.fault).maker == maker).map(order).collect();
            words.join(";")
        };
        let (pods, nodes) = (of(Maker::Namespace), of(Maker::Node));
        if !pods.is_empty() {
            let namespaces = Api::<Namespace>::all(client.clone());
            let (params, patch) = (PatchParams::default(), annotate(&pods));
            let patched = namespaces.patch(NAMESPACE, &params, &patch).await;
            patched.expect("the fault is one of the table");
        }
        if let Some(node) = nodes
            .split(';')
            .next()
            .filter(|words| !words.is_empty())
            .map(str::to_owned)
        {
            spawn_local(async move {
                sleep(NODE_LOST_AFTER).await;
                let (params, patch) = (PatchParams::default(), annotate(&node));
                let patched = Api::<Node>::all(client).patch("node-1", &params, &patch).await;
                patched.expect("the fault is one of the table");
            });
        }
    }

    /// Plays sessions and deeds; returns how the last session ended, none if it was killed and no Job was left.
    async fn run(&mut self) -> Result<Option<End>, String> {
        let start = Instant::now();
        let mut main = self.begin(Task::Submit, None, Vec::new());
        let (mut seconds, mut ended) = (Vec::new(), None);
        let scenario = self.scenario;
        for (at, deed) in &scenario.deeds {
            tokio::select! {
                biased;
                end = &mut main.0 => ended = Some(end),
                () = sleep_until(start + *at) => {}
            }
            if ended.is_some() {
                break;
            }
            if *deed == Deed::KillSession {
                main.0.abort();
                // It was told to end, so that is what it answers.
                main.0.await.ok();
                match self.attach().await {
                    Some(attached) => main = attached,
                    None => return Ok(None),
                }
            } else if *deed == Deed::SecondSession {
                seconds.extend(self.attach().await);
            } else {
                self.meddle(*deed).await;
            }
        }
        let end = match ended {
            Some(end) => end,
            None => match timeout(STUCK, &mut main.0).await {
                Ok(end) => end,
                Err(_elapsed) => return Err(self.stuck("the session").await),
            },
        };
        for (mut second, _) in seconds {
            if timeout(STUCK, &mut second).await.is_err() {
                return Err(self.stuck("a second session").await);
            }
        }
        let deciding = self.sessions.remove(main.1);
        self.sessions.push(deciding);
        end.map(Some).map_err(|panic| format!("the session broke: {panic}"))
    }

    /// Starts a session; returns it and the number of its lines.
    fn begin(&mut self, task: Task, job: Option<Box<JobFact>>, kept: Vec<Partial>) -> (JoinHandle<End>, usize) {
        let (lines, number) = (Lines::default(), self.sessions.len());
        self.sessions.push(Arc::clone(&lines));
        let plan = &self.scenario.plan;
        let connection = self.wire.connect(NAMESPACE);
        let take = move |line: &str| {
            lines
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line.to_owned());
        };
        let session = Session {
            clock: self.clock,
            started: Started {
                task,
                plan: plan.clone(),
                job,
                cluster: connection.cluster.clone(),
                namespace: connection.namespace.clone(),
                reach_flags: String::new(),
                outlives: connection.outlives,
                seed: self.scenario.seed,
                kept: kept.into(),
            },
            connection,
            state: self.state.clone(),
            teller: Teller::to_lines(Form::Json, plan, take),
            is_gone: None,
        };
        (spawn_local(shell::run(session)), number)
    }

    /// Attaches another session to the run, as `ttg-tui attach` does; none when the Job is not there.
    async fn attach(&mut self) -> Option<(JoinHandle<End>, usize)> {
        let run = &self.scenario.plan.run;
        let job = get_job(&self.whole, run.as_str()).await.ok()?;
        let is_kept = self.state.runs().is_ok_and(|runs| runs.contains(run));
        let kept = if is_kept {
            self.state.read_run(run).expect("what is kept reads back").partials
        } else {
            Vec::new()
        };
        Some(self.begin(Task::Attach, Some(Box::new(job)), kept))
    }

    /// Does what a person would with kubectl. Whatever it was meant for may be gone by now.
    async fn meddle(&self, deed: Deed) {
        let client = self.whole.client.clone();
        let run = self.scenario.plan.run.as_str();
        let jobs = Api::<Job>::namespaced(client.clone(), NAMESPACE);
        let nodes = Api::<Node>::all(client.clone());
        let params = PatchParams::default();
        let job_patch = |spec: Value| Patch::Merge(json!({ "spec": spec }));
        match deed {
            Deed::Scale(workers) => drop(
                jobs.patch(run, &params, &job_patch(json!({"parallelism": workers})))
                    .await,
            ),
            Deed::Suspend => drop(jobs.patch(run, &params, &job_patch(json!({"suspend": true}))).await),
            Deed::Resume => drop(jobs.patch(run, &params, &job_patch(json!({"suspend": false}))).await),
            Deed::Cordon(node) | Deed::Uncordon(node) => {
                let unschedulable = matches!(deed, Deed::Cordon(_));
                let patch = Patch::Merge(json!({"spec": {"unschedulable": unschedulable}}));
                drop(nodes.patch(&format!("node-{node}"), &params, &patch).await);
            }
            Deed::DeleteJob => drop(jobs.delete(run, &DeleteParams::background()).await),
            Deed::DeletePod(number) => {
                let pods = Api::<Pod>::namespaced(client, NAMESPACE);
                let Ok(list) = pods.list(&ListParams::default()).await else {
                    return;
                };
                let count = u64::try_from(list.items.len()).unwrap();
                let Some(at) = number.checked_rem(count) else { return };
                let pod = &list.items[usize::try_from(at).unwrap()];
                let name = pod.metadata.name.clone().unwrap_or_default();
                drop(pods.delete(&name, &DeleteParams::default()).await);
            }
            Deed::SecondSession | Deed::KillSession => {}
        }
    }

    /// Says what there is when nothing happens any more.
    async fn stuck(&self, what: &str) -> String {
        let pods = Api::<Pod>::namespaced(self.whole.client.clone(), NAMESPACE);
        let pods = pods
            .list(&ListParams::default())
            .await
            .map(|list| list.items)
            .unwrap_or_default();
        let pods: Vec<String> = pods
            .into_iter()
            .map(|pod| {
                let phase = pod.status.and_then(|status| status.phase);
                format!(
                    "{}={}",
                    pod.metadata.name.unwrap_or_default(),
                    phase.unwrap_or_default()
                )
            })
            .collect();
        let jobs = Api::<Job>::namespaced(self.whole.client.clone(), NAMESPACE);
        let job = jobs
            .get(self.scenario.plan.run.as_str())
            .await
            .ok()
            .and_then(|job| job.status);
        let sessions: Vec<Vec<String>> = self.sessions.iter().map(lines_of).collect();
        let hours = STUCK.as_secs() / 3600;
        format!(
            "{what} is stuck: it goes on after {hours} hours\npods: {pods:?}\nJob: {job:?}\n{}",
            tail(&sessions)
        )
    }
}

/// Writes a fault as the annotation has it.
fn order(ordered: &Ordered) -> String {
    let (name, index, times, seconds) = (
        kind_of(ordered.fault).name,
        ordered.index,
        ordered.times,
        ordered.lasts.as_secs(),
    );
    match name {
        "lost" => "lost:for=90s".to_owned(),
        "evict" => format!("evict:index={index},times={times},after=100ms"),
        "image-pull-failure" => format!("{name}:index={index},times={times},for={seconds}s"),
        "log-gap" => format!("{name}:index={index},times={times},lines=2"),
        _ => format!("{name}:index={index},times={times}"),
    }
}

fn annotate(words: &str) -> Patch<Value> {
    Patch::Merge(json!({"metadata": {"annotations": {(FAULT): words}}}))
}

fn lines_of(lines: &Lines) -> Vec<String> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The last lines of each session, for a person who looks for what went wrong.
fn tail(sessions: &[Vec<String>]) -> String {
    let last = |lines: &Vec<String>| lines[lines.len().saturating_sub(20)..].join("\n");
    sessions
        .iter()
        .map(last)
        .collect::<Vec<_>>()
        .join("\n--- another session\n")
}
