//! The node lifecycle controller: says which nodes are lost, and keeps their taints in step with what they are.
//!
//! Like upstream's it knows nothing of how a kubelet lives: it hears its heartbeats ([`Heartbeats`]) and reads what it writes into
//! its node. A node that was not heard of for the grace period gets the condition Ready `Unknown`, its pods are not ready any more,
//! and it is tainted; [`taint_eviction`] then evicts its pods, and [`pod_gc`] removes those of nodes that were deleted. What is to
//! be written is decided in `health`, which is pure. Known difference: all nodes are of one zone.

mod health;
pub mod pod_gc;
pub mod taint_eviction;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::events::{Involved, Recorder, Told};
use super::feed::{Feed, News};
use super::kinds::Kind;
use super::object::{Key, Object};
use super::registry::Registry;
use super::store::ChangeKind;
use super::timing::Timing;

/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(5);
/// The shortest period of a timer, which may not be zero.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// When each node's kubelet was last heard of. It stands for upstream's Leases in `kube-node-lease`: the same knowledge,
/// without a write to the store for every node every ten seconds.
#[derive(Clone, Debug, Default)]
pub struct Heartbeats(Arc<Mutex<HashMap<String, Instant>>>);

impl Heartbeats {
    /// Says that this node's kubelet lives.
    pub fn beat(&self, node: &str) {
        let mut beats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        beats.insert(node.to_owned(), Instant::now());
    }

    /// Returns when this node's kubelet was last heard of; none when it never was.
    pub fn last(&self, node: &str) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(node).copied()
    }
}

struct Controller {
    registry: Registry,
    recorder: Recorder,
    heartbeats: Heartbeats,
    timing: Timing,
    nodes: BTreeMap<String, Watched>,
    /// When the next node may be tainted with `NoExecute`.
    next_taint_at: Instant,
    /// Whether no node at all was ready at the last look.
    all_lost: bool,
}

/// A node, and when there was a sign of life from it.
struct Watched {
    object: Arc<Object>,
    is_new: bool,
    alive_at: Instant,
    /// When its kubelet says that it wrote the condition Ready.
    reported_at: Option<String>,
}

/// Runs the controller until the token is cancelled.
pub async fn run(registry: Registry, heartbeats: Heartbeats, timing: Timing, token: CancellationToken) {
    let mut feed = Feed::new(registry.store(), &[Kind::Node]);
    let recorder = Recorder::new(&registry, "node-controller", "");
    let mut controller = Controller {
        registry,
        recorder,
        heartbeats,
        timing,
        nodes: BTreeMap::new(),
        next_taint_at: Instant::now(),
        all_lost: false,
    };
    let mut ticks = interval(timing.node_monitor.max(PERIOD_MIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let ticked = tokio::select! {
            () = token.cancelled() => return,
            _ = ticks.tick() => true,
            () = feed.changed() => {
                sleep(BATCH).await;
                false
            }
        };
        for (_, news) in feed.take() {
            controller.learn(news);
        }
        if ticked {
            controller.monitor(Instant::now());
        }
    }
}

impl Controller {
    fn learn(&mut self, news: News) {
        match news {
            News::Relist(objects) => {
                let mut gone = std::mem::take(&mut self.nodes);
                for object in objects {
                    let before = gone.remove(&object.key.name);
                    self.learn_one(object, before);
                }
                for watched in gone.values() {
                    self.tell_removed(watched);
                }
            }
            News::Changes(changes) => {
                for change in changes {
                    let before = self.nodes.remove(&change.object.key.name);
                    if change.kind != ChangeKind::Deleted {
                        self.learn_one(change.object, before);
                    } else if let Some(watched) = before {
                        self.tell_removed(&watched);
                    }
                }
            }
        }
    }

    fn learn_one(&mut self, object: Arc<Object>, before: Option<Watched>) {
        let now = Instant::now();
        let value = object.value();
        let reported_at = health::reported_at(&value).map(str::to_owned);
        let same = before.filter(|b| b.object.head.metadata.uid == object.head.metadata.uid);
        let watched = match same {
            Some(before) => Watched {
                // A new report is a sign of life, whoever wrote it.
                alive_at: if before.reported_at == reported_at {
                    before.alive_at
                } else {
                    now
                },
                is_new: before.is_new,
                object,
                reported_at,
            },
            None => Watched {
                alive_at: now,
                is_new: true,
                object,
                reported_at,
            },
        };
        self.edit(&watched.object.key, &value, health::match_no_schedule_taints);
        self.nodes.insert(watched.object.key.name.clone(), watched);
    }

    /// Edits a node if that changes anything; what comes of it is learned from the feed. Returns the node after that.
    fn edit(&self, key: &Key, node: &Value, edit: impl Fn(&mut Value, jiff::Timestamp)) -> Value {
        let now = self.registry.now();
        let mut wanted = node.clone();
        edit(&mut wanted, now);
        if wanted != *node {
            // A node that was removed needs no edit.
            self.registry.edit(key, |node| edit(node, now)).ok();
        }
        wanted
    }

    fn tell_removed(&self, watched: &Watched) {
        let name = &watched.object.key.name;
        let words = format!("Node {name} event: Removing Node {name} from Controller");
        self.tell(watched, "RemovingNode", words);
    }

    fn tell(&self, watched: &Watched, reason: &'static str, words: String) {
        let about = Involved {
            revision: 0,
            ..Involved::from(watched.object.as_ref())
        };
        self.recorder.record(&about, &Told::normal(reason, words));
    }

    /// Looks at every node: who is new, who is lost, who is back.
    fn monitor(&mut self, now: Instant) {
        for watched in self.nodes.values().filter(|w| w.is_new) {
            let name = &watched.object.key.name;
            let words = format!("Node {name} event: Registered Node {name} in Controller");
            self.tell(watched, "RegisteredNode", words);
        }
        for (name, watched) in &mut self.nodes {
            watched.is_new = false;
            let beat = self.heartbeats.last(name).unwrap_or(watched.alive_at);
            watched.alive_at = watched.alive_at.max(beat);
        }
        let judged = self
            .nodes
            .values()
            .map(|watched| (Key::clone(&watched.object.key), self.judge(watched, now)));
        let states: Vec<(Key, Value)> = judged.collect();
        self.taint(&states, now);
    }

    /// Decides whether a node is lost, says so, and returns the node as it is then.
    fn judge(&self, watched: &Watched, now: Instant) -> Value {
        let node = watched.object.value();
        let grace = match health::ready(&node) {
            Some(_) => self.timing.node_monitor_grace,
            None => self.timing.node_startup_grace,
        };
        if now <= watched.alive_at + grace {
            return node;
        }
        let lost = self.edit(&watched.object.key, &node, health::lose);
        if health::ready(&node) == Some("True") {
            let name = &watched.object.key.name;
            let words = format!("Node {name} status is now: NodeNotReady");
            self.tell(watched, "NodeNotReady", words);
            self.mark_pods_not_ready(name);
        }
        lost
    }

    fn mark_pods_not_ready(&self, node: &str) {
        let now = self.registry.now();
        let (pods, _) = self.registry.store().list(Kind::Pod, None, None);
        for pod in pods.iter().filter(|p| p.head.node() == Some(node)) {
            let marked = self.registry.edit(&pod.key, |pod| health::mark_pod_not_ready(pod, now));
            // A pod that was removed meanwhile needs no mark, and one that was not ready gets no Event.
            if marked.is_ok_and(|m| m.revision != pod.revision) {
                let told = Told::warning("NodeNotReady", "Node is not ready");
                self.recorder.record(&Involved::from(pod.as_ref()), &told);
            }
        }
    }

    /// Taints what is lost with `NoExecute`, no faster than upstream does, and takes the taint from what is back.
    fn taint(&mut self, states: &[(Key, Value)], now: Instant) {
        let is_ready = |node: &Value| health::ready(node) == Some("True");
        let ready = states.iter().filter(|(_, node)| is_ready(node)).count();
        let pace = health::eviction_pace(ready, states.len() - ready);
        let all_lost = ready == 0 && !states.is_empty();
        if self.all_lost && !all_lost {
            // Whoever was cut off, it was not the nodes alone: each of them gets its whole grace period again.
            for watched in self.nodes.values_mut() {
                watched.alive_at = now;
            }
        }
        self.all_lost = all_lost;
        for (key, node) in states {
            if is_ready(node) || all_lost {
                self.edit(key, node, health::remove_no_execute_taints);
                continue;
            }
            let Some(pace) = pace else { continue };
            let is_tainted = health::is_tainted_as_lost(node);
            if is_tainted || now >= self.next_taint_at {
                if !is_tainted {
                    self.next_taint_at = now + pace;
                }
                self.edit(key, node, health::match_no_execute_taints);
            }
        }
    }
}

#[cfg(test)]
mod tests;
