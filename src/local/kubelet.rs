//! The kubelet of one node: starts the pods that are bound to it, reports how they fare, and ends those that are told to.
//!
//! It knows its node's pods from the API alone. A pod here is a process of this machine under a small supervisor, or an actor
//! without a process. It has a task as long as its container runs or is about to; of a pod that has ended only its log and a
//! mark are kept. Known differences to a real one: one container a pod, no init containers, probes, volumes, hooks (preStop is
//! left out) or images; CPU limits are not enforced; the network is the machine's own.
//!
//! A node can lose its power ([`Fault::Lost`]): its tasks end, and nothing is reported. When it is back, the kubelet registers
//! and finds what a kubelet finds after a boot.

pub mod container;
pub mod log;
mod logs;
mod node;
mod pod;
pub mod report;
pub mod runtime;
mod words;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::events::{Involved, Recorder, Told};
use super::faults::table::Fault;
use super::faults::{self, Faults};
use super::feed::{Feed, News};
use super::kinds::Kind;
use super::node_lifecycle::Heartbeats;
use super::object::{HeadMeta, Key, Object, object_at, text};
use super::registry::Registry;
use super::store::ChangeKind;
use super::timing::Timing;
pub use logs::Logs;
use node::Machine;
use pod::{Ended, Orders, PodTask, remove_object};
use report::NodeSize;
use runtime::Images;

/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(2);

/// What a kubelet is made from.
#[derive(Clone)]
pub struct KubeletConfig {
    /// The node's name.
    pub node: String,
    /// The node's size.
    pub size: NodeSize,
    /// The version that it reports.
    pub version: String,
    /// What it can run.
    pub images: Arc<Images>,
    /// The folder under which each pod gets one.
    pub folder: PathBuf,
    /// Where the logs are.
    pub logs: Logs,
    /// The faults that its pods and its node meet.
    pub faults: Faults,
    /// Where it says that it lives.
    pub heartbeats: Heartbeats,
    /// How often it does.
    pub timing: Timing,
}

struct Kubelet {
    registry: Registry,
    config: KubeletConfig,
    recorder: Recorder,
    machine: Machine,
    /// The faults that are ordered on the node, as last seen: what was obeyed is not obeyed again.
    node_fault: Option<Box<str>>,
    /// When the node's status was last written.
    reported_at: Instant,
    /// By pod uid.
    pods: HashMap<String, Held>,
    tasks: JoinSet<Ended>,
}

/// What the kubelet holds of a pod.
enum Held {
    /// It has a task, which takes orders.
    Runs(watch::Sender<Orders>),
    /// Its container has ended for good.
    Ended,
    /// Its container was lost with the node's power.
    Lost,
}

/// The node has no power: for so long, or until the order is taken back.
struct Outage(Option<Duration>);

/// Of a pod what tells whether there is anything left to do.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PodView {
    status: PhaseView,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PhaseView {
    phase: String,
}

/// Registers the node and runs its kubelet until the token is cancelled; all its pods end with it.
pub async fn run(registry: Registry, config: KubeletConfig, token: CancellationToken) {
    let mut kubelet = Kubelet::new(registry, config);
    while let Some(outage) = kubelet.live(&token).await {
        if !kubelet.stay_lost(outage, &token).await {
            break;
        }
    }
    // Dropping a pod's task drops the pipe to its supervisor, which ends everything below it.
    kubelet.tasks.shutdown().await;
}

impl Kubelet {
    fn new(registry: Registry, config: KubeletConfig) -> Self {
        let recorder = Recorder::new(&registry, "kubelet", &config.node);
        Self {
            registry,
            recorder,
            machine: machine(),
            config,
            node_fault: None,
            reported_at: Instant::now(),
            pods: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Lives from a boot to the next loss of power; none when the cluster ends.
    async fn live(&mut self, token: &CancellationToken) -> Option<Outage> {
        self.register();
        let mut feed = Feed::new(self.registry.store(), &[Kind::Node, Kind::Pod]);
        let mut beat_at = Instant::now() + self.config.timing.heartbeat;
        loop {
            for (kind, news) in feed.take() {
                if kind == Kind::Pod {
                    self.learn(news);
                } else if self.learn_node(news)
                    && let Some(outage) = self.ordered_outage()
                {
                    return Some(outage);
                }
            }
            tokio::select! {
                () = token.cancelled() => return None,
                () = feed.changed() => sleep(BATCH).await,
                () = sleep_until(beat_at) => {
                    beat_at = Instant::now() + self.config.timing.heartbeat;
                    self.beat();
                }
                Some(ended) = self.tasks.join_next() => {
                    self.finish(ended);
                    while let Some(ended) = self.tasks.try_join_next() {
                        self.finish(ended);
                    }
                }
            }
        }
    }

    /// Is without power; false when the cluster ends meanwhile.
    async fn stay_lost(&mut self, mut outage: Outage, token: &CancellationToken) -> bool {
        self.config.logs.set_reachable(&self.config.node, false);
        self.tasks.shutdown().await;
        for held in self.pods.values_mut() {
            if matches!(held, Held::Runs(_)) {
                *held = Held::Lost;
            }
        }
        let mut since = Instant::now();
        let mut feed = Feed::new(self.registry.store(), &[Kind::Node]);
        loop {
            let mut is_changed = false;
            for (_, news) in feed.take() {
                is_changed |= self.learn_node(news);
            }
            if is_changed {
                let Some(next) = self.ordered_outage() else { break };
                outage = next;
                since = Instant::now();
            }
            let until = outage.0.map(|lasts| since + lasts);
            tokio::select! {
                () = token.cancelled() => return false,
                () = feed.changed() => {}
                () = sleep_until(until.unwrap_or(since)), if until.is_some() => break,
            }
        }
        self.config.logs.set_reachable(&self.config.node, true);
        true
    }

    /// Takes note of what is ordered on its node; tells whether that has changed. A node that was deleted orders nothing new.
    fn learn_node(&mut self, news: News) -> bool {
        let objects: Vec<Arc<Object>> = match news {
            News::Relist(objects) => objects,
            News::Changes(changes) => {
                let still = changes.into_iter().filter(|c| c.kind != ChangeKind::Deleted);
                still.map(|c| c.object).collect()
            }
        };
        let mut is_changed = false;
        for object in objects.iter().filter(|o| o.key.name == self.config.node) {
            let fault = object.head.metadata.fault();
            if fault != self.node_fault.as_deref() {
                self.node_fault = fault.map(Into::into);
                is_changed = true;
            }
        }
        is_changed
    }

    fn ordered_outage(&self) -> Option<Outage> {
        // It was checked when it was written.
        let orders = faults::parse(self.node_fault.as_deref()?).unwrap_or_default();
        let lost = orders.iter().find(|order| order.fault() == Fault::Lost)?;
        Some(Outage(lost.lasts))
    }

    fn learn(&mut self, news: News) {
        match news {
            News::Relist(objects) => {
                let there: HashSet<&str> = objects.iter().map(|o| o.head.metadata.uid.as_str()).collect();
                let is_gone = |uid: &&String| !there.contains(uid.as_str());
                let gone: Vec<String> = self.pods.keys().filter(is_gone).cloned().collect();
                for uid in &gone {
                    self.end_removed(uid);
                }
                for object in &objects {
                    self.learn_one(object, false);
                }
            }
            News::Changes(changes) => {
                for change in &changes {
                    self.learn_one(&change.object, change.kind == ChangeKind::Deleted);
                }
            }
        }
    }

    fn learn_one(&mut self, object: &Arc<Object>, deleted: bool) {
        if object.head.node() != Some(self.config.node.as_str()) {
            return;
        }
        let meta = &object.head.metadata;
        if deleted {
            return self.end_removed(&meta.uid);
        }
        match self.pods.get(&meta.uid) {
            Some(Held::Runs(orders)) => {
                let new = Orders::of(meta);
                orders.send_if_modified(|old| {
                    let is_new = *old != new;
                    *old = new;
                    is_new
                });
            }
            Some(Held::Ended) => self.remove_if_told(object),
            Some(Held::Lost) | None => self.take_up(object),
        }
    }

    /// Ends the container of a pod whose object is gone, without grace: it was removed by force, or has ended before.
    fn end_removed(&mut self, uid: &str) {
        if let Some(Held::Runs(orders)) = self.pods.remove(uid) {
            orders.send_replace(Orders {
                end: Some(0),
                fault: None,
            });
        }
        self.config.logs.remove(uid);
    }

    /// Takes up a pod that it does not know, or knew before the node lost its power.
    fn take_up(&mut self, object: &Arc<Object>) {
        let uid = object.head.metadata.uid.clone();
        // What is stored parses; a pod without a phase is new.
        let view: PodView = object.view().unwrap_or_default();
        if matches!(view.status.phase.as_str(), "Succeeded" | "Failed") {
            self.pods.insert(uid, Held::Ended);
            return self.remove_if_told(object);
        }
        let (orders, told) = watch::channel(Orders::of(&object.head.metadata));
        let task = PodTask {
            registry: self.registry.clone(),
            recorder: self.recorder.clone(),
            images: Arc::clone(&self.config.images),
            faults: self.config.faults.clone(),
            folder: self.config.folder.join(&uid),
            log: self.config.logs.open(&uid),
            logs: self.config.logs.clone(),
            orders: told,
            key: Key::clone(&object.key),
            uid: uid.clone(),
            revision: object.revision,
            report: report::ContainerReport::default(),
        };
        self.pods.insert(uid, Held::Runs(orders));
        self.tasks.spawn(task.run());
    }

    /// Marks a pod whose task has ended. It may have been told to end since its task looked.
    fn finish(&mut self, ended: Result<Ended, JoinError>) {
        // A task that was aborted belongs to a node without power, and has no result.
        let Ok(ended) = ended else { return };
        if let Some(held) = self.pods.get_mut(&ended.uid) {
            *held = Held::Ended;
        }
        if let Ok(object) = self.registry.get(&ended.key)
            && object.head.metadata.uid == ended.uid
        {
            self.remove_if_told(&object);
        }
    }

    /// Removes the object of a pod that has ended and is told to. Without grace it goes by itself.
    fn remove_if_told(&self, object: &Object) {
        let meta: &HeadMeta = &object.head.metadata;
        if meta.deletion_timestamp.is_some() && meta.deletion_grace_period_seconds != Some(0) {
            remove_object(&self.registry, &object.key, &meta.uid);
        }
    }

    /// Makes the node's object, or reports into the one that is there: that keeps what was changed about it, such as a cordon.
    fn register(&mut self) {
        self.machine.boot_id = uuid::Uuid::new_v4().to_string();
        let config = &self.config;
        let now = self.registry.now();
        let made = node::object(&config.node, config.size, &config.version, &self.machine, now);
        let info = made.pointer("/status/nodeInfo").cloned().unwrap_or_default();
        self.tell(&Told::normal("Starting", "Starting kubelet."));
        let before = self.registry.get(&self.key()).ok().map(|object| object.value());
        if self.registry.create_trusted(Kind::Node, "", made, false).is_err() {
            let reported = self.registry.edit(&self.key(), |node| {
                node::beat(node, now);
                object_at(node, &["status"]).insert("nodeInfo".into(), info.clone());
            });
            // It can only have been deleted at this moment; then it is as if it were deleted a moment later.
            reported.ok();
        }
        if before.is_some_and(|node| !text(&node, "/status/nodeInfo/bootID").is_empty()) {
            let (node, boot) = (&self.config.node, &self.machine.boot_id);
            self.tell(&Told::warning(
                "Rebooted",
                format!("Node {node} has been rebooted, boot id: {boot}"),
            ));
        }
        for [.., event] in node::CONDITIONS {
            self.tell_status(event);
        }
        self.reported_at = Instant::now();
        self.config.heartbeats.beat(&self.config.node);
    }

    /// Says that it lives, and reports into its node when that is due or others said something else. A node that was deleted is
    /// not made again: a real kubelet registers only when it starts.
    fn beat(&mut self) {
        self.config.heartbeats.beat(&self.config.node);
        let Ok(object) = self.registry.get(&self.key()) else {
            return;
        };
        let is_misjudged = node::is_misjudged(&object.value());
        if !is_misjudged && self.reported_at.elapsed() < self.config.timing.node_report {
            return;
        }
        let now = self.registry.now();
        let reported = self.registry.edit(&self.key(), |node| node::beat(node, now));
        if reported.is_ok() && is_misjudged {
            self.tell_status("NodeReady");
        }
        self.reported_at = Instant::now();
    }

    fn key(&self) -> Key {
        Key::new(Kind::Node, "", &self.config.node)
    }

    fn tell_status(&self, event: &'static str) {
        let words = format!("Node {} status is now: {event}", self.config.node);
        self.tell(&Told::normal(event, words));
    }

    /// Tells something of the node. As upstream's, such an Event names its node without a uid.
    fn tell(&self, told: &Told) {
        let about = Involved {
            key: self.key(),
            uid: String::new(),
            revision: 0,
            field_path: String::new(),
        };
        self.recorder.record(&about, told);
    }
}

/// What can be learnt of this machine; what cannot is empty.
fn machine() -> Machine {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        kernel: kernel.trim().to_owned(),
        boot_id: String::new(),
    }
}
