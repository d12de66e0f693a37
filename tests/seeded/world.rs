//! One scenario, played from its start to its end on a clock of its own.
//!
//! While nothing can go on the clock jumps to the next timer, so an hour of back-off takes no time. Threads do not wait for
//! that clock: the ledger's, and those that compute a shard again. [`brake`] therefore keeps the clock from jumping far ahead
//! of them.

mod rerun;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::{JoinHandle, LocalSet, spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use ttg_tui::cluster::connect::Connection;
use ttg_tui::cluster::watch::find_runs;
use ttg_tui::ledger::{KeptRun, StateFolder};
use ttg_tui::local::job_controller::JobControllerConfig;
use ttg_tui::local::kinds::Kind;
use ttg_tui::local::kubelet::report::NodeSize;
use ttg_tui::local::kubelet::runtime::{Images, Play};
use ttg_tui::local::store::{Expired, Store};
use ttg_tui::local::timing::Timing;
use ttg_tui::local::{LocalCluster, LocalConfig};
use ttg_tui::model::effect::End;
use ttg_tui::model::event::{Started, Task};
use ttg_tui::plan::{Plan, Rerun};
use ttg_tui::run::fact::JobFact;
use ttg_tui::run::partial::Kept;
use ttg_tui::run::summary::Headline;
use ttg_tui::shell::{self, Clock, Form, Records, Session, Teller};

use super::check::{Remains, check};
use super::draw::{Deed, Fault, Ordered, Scenario};
use super::orders::{NAMESPACE, Orders};
use super::tally::Tally;
use super::wire::Wire;
use super::worker::Crew;

/// How long a run may take, on its own clock, before it counts as stuck.
const STUCK: Duration = Duration::from_secs(6 * 3600);

/// How far the clock goes before it is held for a moment, and how long that is.
const BRAKE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_micros(100));

/// How often people ask a server that does not answer.
const ASKS_MAX: u32 = 60;

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

/// A session that runs, and the number of its lines.
type Running = (JoinHandle<End>, usize);

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
    let crew = Crew::new(tally);
    let cluster = LocalCluster::start(config(scenario, &crew, folder, clock)).map_err(|e| e.to_string())?;
    let wire = Wire::new(&cluster, tally);
    spawn_local(brake());
    spawn_local(witness(Arc::clone(cluster.registry().store()), tally.clone()));
    let whole = wire.whole().connect(NAMESPACE);
    let mut world = World {
        scenario,
        tally,
        clock,
        folder,
        orders: Orders::new(wire, crew, whole.client.clone()),
        whole,
        faults: Vec::new(),
        rerun: 0,
        job: scenario.plan.run.to_string(),
        sessions: Vec::new(),
        checked: 0,
    };
    let outcome = Box::pin(world.play()).await;
    timeout(STUCK, cluster.stop())
        .await
        .map_err(|_elapsed| "the local cluster does not stop")?;
    outcome.map_err(|why| format!("{why}\n{}", tail(&world.sessions)))
}

fn config(scenario: &Scenario, crew: &Crew, folder: &Path, clock: Clock) -> LocalConfig {
    let worker = Play::Actor(crew.actor());
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
                .map(|change| String::from_utf8_lossy(&change.object.json()).into_owned());
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
    tally: &'s Tally,
    clock: Clock,
    folder: &'s Path,
    orders: Orders,
    /// The way of everybody else to the cluster, which does not break.
    whole: Connection,
    /// Every fault that was ordered so far.
    faults: Vec<Ordered>,
    /// The number of the rerun that is played; 0 for the run's first Job.
    rerun: u32,
    /// The name of its Job.
    job: String,
    /// What the sessions told; of those that are played together the deciding one is moved to the end.
    sessions: Vec<Lines>,
    /// How many of them were checked.
    checked: usize,
}

impl<'s> World<'s> {
    /// Plays everything: the run, and reruns of it until it is proven.
    async fn play(&mut self) -> Result<(), String> {
        let scenario = self.scenario;
        self.order(&scenario.faults).await;
        let main = self.begin(Task::Submit, None, Kept::default());
        let end = Box::pin(self.see_through(main, &scenario.deeds)).await?;
        let headline = self.check(end, &scenario.faults, scenario.is_gentle())?;
        if headline == Some(Headline::Proven) {
            return Ok(());
        }
        Box::pin(self.rerun_until_proven()).await
    }

    async fn order(&mut self, faults: &[Ordered]) {
        self.faults.extend_from_slice(faults);
        self.orders.order(faults).await;
    }

    /// Plays a session and deeds; returns how the session that was last ended, none if it was killed and no Job was left.
    async fn see_through(&mut self, mut main: Running, deeds: &[(Duration, Deed)]) -> Result<Option<End>, String> {
        let start = Instant::now();
        let (mut seconds, mut ended, mut is_killed) = (Vec::new(), None, false);
        for (at, deed) in deeds {
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
                (&mut main.0).await.ok();
                let Some(attached) = self.attach().await? else {
                    is_killed = true;
                    break;
                };
                main = attached;
            } else if *deed == Deed::SecondSession {
                seconds.extend(self.attach().await?);
            } else {
                self.meddle(*deed).await;
            }
        }
        if ended.is_none() && !is_killed {
            match timeout(STUCK, &mut main.0).await {
                Ok(end) => ended = Some(end),
                Err(_elapsed) => return Err(self.stuck("the session").await),
            }
        }
        for (mut second, _) in seconds {
            if timeout(STUCK, &mut second).await.is_err() {
                return Err(self.stuck("a second session").await);
            }
        }
        if !is_killed {
            let deciding = self.sessions.remove(main.1);
            self.sessions.push(deciding);
        }
        ended.transpose().map_err(|panic| format!("the session broke: {panic}"))
    }

    /// Checks what the sessions since the last check left behind. `active` are the faults that were ordered for them.
    fn check(&mut self, end: Option<End>, active: &[Ordered], is_gentle: bool) -> Result<Option<Headline>, String> {
        let told = self.sessions.iter().skip(self.checked);
        let sessions: Vec<Vec<String>> = told.map(lines_of).collect();
        self.checked = self.sessions.len();
        let headline = check(&Remains {
            plan: self.plan(),
            faults: &self.faults,
            active,
            is_gentle,
            tally: self.tally,
            state: &self.state(),
            end: end.clone(),
            sessions: &sessions,
        })?;
        let rerun = if self.rerun == 0 { "" } else { "rerun: " };
        let how = headline
            .zip(end)
            .map(|(headline, end)| format!("{headline:?}, ended as {end:?}"));
        let how = how.as_deref().unwrap_or("killed, no Job left");
        self.tally.ended(&format!("{rerun}{how}"));
        Ok(headline)
    }

    fn plan(&self) -> &'s Plan {
        &self.scenario.plan
    }

    /// Opens the state folder, as each process does.
    fn state(&self) -> StateFolder {
        StateFolder::open(self.folder).expect("the folder is ours")
    }

    /// Reads what is kept of the run.
    fn kept(&self) -> Option<KeptRun> {
        let (state, run) = (self.state(), &self.plan().run);
        let is_kept = state.runs().is_ok_and(|runs| runs.contains(run));
        is_kept.then(|| state.read_run(run).expect("what is kept reads back"))
    }

    /// Starts a session.
    fn begin(&mut self, task: Task, job: Option<Box<JobFact>>, kept: Kept) -> Running {
        let (lines, number) = (Lines::default(), self.sessions.len());
        self.sessions.push(Arc::clone(&lines));
        let plan = self.plan();
        let connection = self.orders.wire.connect(NAMESPACE);
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
                kept,
            },
            connection,
            state: self.state(),
            teller: Teller::to_lines(Form::Json, plan, take),
            is_gone: None,
            records: Records::default(),
        };
        (spawn_local(shell::run(session)), number)
    }

    /// Lists the run's Jobs. The server may have faults: it is asked until it answers.
    async fn jobs(&self) -> Result<Vec<JobFact>, String> {
        let mut asks = 1;
        loop {
            match find_runs(&self.whole).await {
                Ok(jobs) => return Ok(jobs),
                Err(failure) if asks == ASKS_MAX => return Err(failure.text),
                Err(_) => asks += 1,
            }
            pause(Duration::from_secs(1)).await;
        }
    }

    /// Attaches another session to the Job that is played, as `ttg-tui attach` does; none when it is not there.
    async fn attach(&mut self) -> Result<Option<Running>, String> {
        let mut jobs = self.jobs().await?;
        // A rerun whose name was taken has a higher number.
        jobs.retain(|job| Rerun::number_in(&job.name) >= self.rerun);
        let job = jobs.into_iter().max_by_key(|job| Rerun::number_in(&job.name));
        Ok(job.map(|job| self.attach_to(job)))
    }

    fn attach_to(&mut self, job: JobFact) -> Running {
        let kept = self.kept().map_or_else(Kept::default, |kept| kept.results());
        self.begin(Task::Attach, Some(Box::new(job)), kept)
    }

    /// Does what a person would with kubectl. Whatever it was meant for may be gone by now.
    async fn meddle(&self, deed: Deed) {
        let client = self.whole.client.clone();
        let job = self.job.as_str();
        let jobs = Api::<Job>::namespaced(client.clone(), NAMESPACE);
        let nodes = Api::<Node>::all(client.clone());
        let params = PatchParams::default();
        let job_patch = |spec: Value| Patch::Merge(json!({ "spec": spec }));
        match deed {
            Deed::Scale(workers) => drop(
                jobs.patch(job, &params, &job_patch(json!({"parallelism": workers})))
                    .await,
            ),
            Deed::Suspend => drop(jobs.patch(job, &params, &job_patch(json!({"suspend": true}))).await),
            Deed::Resume => drop(jobs.patch(job, &params, &job_patch(json!({"suspend": false}))).await),
            Deed::Cordon(node) | Deed::Uncordon(node) => {
                let unschedulable = matches!(deed, Deed::Cordon(_));
                let patch = Patch::Merge(json!({"spec": {"unschedulable": unschedulable}}));
                drop(nodes.patch(&format!("node-{node}"), &params, &patch).await);
            }
            Deed::DeleteJob => drop(jobs.delete(job, &DeleteParams::background()).await),
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
        let job = jobs.get(&self.job).await.ok().and_then(|job| job.status);
        let hours = STUCK.as_secs() / 3600;
        format!(
            "{what} is stuck: it goes on after {hours} hours\npods: {pods:?}\nJob {}: {job:?}",
            self.job
        )
    }
}

/// Lets time pass, and the threads work meanwhile.
async fn pause(time: Duration) {
    sleep(time).await;
    spawn_blocking(|| std::thread::sleep(Duration::from_millis(1)))
        .await
        .ok();
}

fn lines_of(lines: &Lines) -> Vec<String> {
    lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The last lines of each session, for a person who looks for what went wrong.
fn tail(sessions: &[Lines]) -> String {
    let last = |lines: &Lines| {
        let lines = lines_of(lines);
        lines[lines.len().saturating_sub(20)..].join("\n")
    };
    sessions
        .iter()
        .map(last)
        .collect::<Vec<_>>()
        .join("\n--- another session\n")
}
