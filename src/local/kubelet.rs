//! The kubelet of one node: starts the pods that are bound to it, reports how they fare, and ends those that are told to.
//!
//! It knows its node's pods from the API alone. A pod here is a process of this machine under a small supervisor, or an actor
//! without a process. Known differences to a real one: one container a pod, no init containers, probes, volumes, hooks
//! (preStop is left out) or images; CPU limits are not enforced; the network is the machine's own.

pub mod container;
pub mod log;
mod pod;
pub mod report;
pub mod runtime;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::events::Recorder;
use super::feed::{Feed, News};
use super::kinds::Kind;
use super::object::Object;
use super::registry::Registry;
use super::store::ChangeKind;
use log::ContainerLog;
use pod::PodTask;
use report::{ContainerReport, NodeSize};
use runtime::Images;

/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(2);

/// The logs of all pods of a cluster, by pod uid. The API server reads them here, as a real one asks the pod's kubelet.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<HashMap<String, Arc<ContainerLog>>>>);

impl Logs {
    /// Returns the log of a pod that has one.
    pub fn get(&self, uid: &str) -> Option<Arc<ContainerLog>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(uid).cloned()
    }

    fn open(&self, uid: &str) -> Arc<ContainerLog> {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(logs.entry(uid.to_owned()).or_default())
    }

    fn remove(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

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
}

struct Kubelet {
    registry: Registry,
    config: KubeletConfig,
    recorder: Recorder,
    /// By pod uid: tells its task to end, with the grace period in seconds.
    pods: HashMap<String, watch::Sender<Option<i64>>>,
    tasks: JoinSet<()>,
}

/// Registers the node and runs its kubelet until the token is cancelled; all its pods end with it.
pub async fn run(registry: Registry, config: KubeletConfig, token: CancellationToken) {
    let node = report::node(&config.node, config.size, &config.version, registry.now());
    // A node that exists already keeps what was changed about it, such as a cordon.
    registry.create_trusted(Kind::Node, "", node, false).ok();
    let mut feed = Feed::new(registry.store(), &[Kind::Pod]);
    let recorder = Recorder::new(&registry, "kubelet", &config.node);
    let mut kubelet = Kubelet {
        registry,
        config,
        recorder,
        pods: HashMap::new(),
        tasks: JoinSet::new(),
    };
    loop {
        for (_, news) in feed.take() {
            kubelet.learn(news);
        }
        while kubelet.tasks.try_join_next().is_some() {}
        tokio::select! {
            () = token.cancelled() => break,
            () = feed.changed() => sleep(BATCH).await,
        }
    }
    // Dropping a pod's task drops the pipe to its supervisor, which ends everything below it.
    kubelet.tasks.shutdown().await;
}

impl Kubelet {
    fn learn(&mut self, news: News) {
        match news {
            News::Relist(objects) => {
                let there: HashSet<&str> = objects.iter().map(|o| o.head.metadata.uid.as_str()).collect();
                let gone: Vec<String> = self
                    .pods
                    .keys()
                    .filter(|uid| !there.contains(uid.as_str()))
                    .cloned()
                    .collect();
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
        if !self.pods.contains_key(&meta.uid) {
            self.start(object);
        }
        if meta.deletion_timestamp.is_some()
            && let Some(stop) = self.pods.get(&meta.uid)
        {
            let grace_s = Some(meta.deletion_grace_period_seconds.unwrap_or(0));
            stop.send_if_modified(|s| std::mem::replace(s, grace_s) != grace_s);
        }
    }

    /// Ends the container of a pod whose object is gone, without grace: it was removed by force, or has ended before.
    fn end_removed(&mut self, uid: &str) {
        if let Some(stop) = self.pods.remove(uid) {
            stop.send_replace(Some(0));
        }
        self.config.logs.remove(uid);
    }

    fn start(&mut self, object: &Arc<Object>) {
        let uid = object.head.metadata.uid.clone();
        let (stop, stopped) = watch::channel(None);
        let task = PodTask {
            registry: self.registry.clone(),
            recorder: self.recorder.clone(),
            images: Arc::clone(&self.config.images),
            folder: self.config.folder.join(&uid),
            log: self.config.logs.open(&uid),
            stop: stopped,
            key: object.key.clone(),
            uid: uid.clone(),
            object: Some(Arc::clone(object)),
            report: ContainerReport::default(),
        };
        self.pods.insert(uid, stop);
        self.tasks.spawn(task.run());
    }
}
