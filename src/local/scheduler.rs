//! The scheduler: binds each pod that has no node to the best node that fits, or writes down why there is none.
//!
//! A node is chosen by its taints, not by its conditions: the node lifecycle controller turns the ones into the others. What is
//! told of a pod is told once for each different reason, where upstream tells it at every attempt.
//!
//! Pods that ask for exactly the same wait in one line: when the first of a line does not fit, none of the others would, so ten
//! thousand pending pods cost one look. [`fit`] decides, purely; this file is the loop around it.

pub mod fit;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::events::{Involved, Recorder, Told};
use super::feed::{Feed, News};
use super::kinds::Kind;
use super::object::{Key, Labels, Object, object_at};
use super::quantity;
use super::registry::{Registry, set_condition};
use super::store::ChangeKind;
use fit::{Needs, NodeView, RawSpec, SpreadSelector, Taint, Used, choose};

/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(2);

struct Scheduler {
    registry: Registry,
    recorder: Recorder,
    nodes: BTreeMap<String, NodeView>,
    /// By pod: where it is bound and what it takes there.
    bound: HashMap<Arc<Key>, Bound>,
    /// By needs: the pods that wait, oldest first.
    lines: BTreeMap<Needs, BTreeSet<(u64, Arc<Key>)>>,
    /// By pod that waits: its line and its place in it, and what was last written about it.
    waiting: HashMap<Arc<Key>, Waiting>,
    selectors: BTreeSet<SpreadSelector>,
}

struct Bound {
    node: String,
    needs: Needs,
    labels: Labels,
}

struct Waiting {
    needs: Needs,
    place: u64,
    object: Arc<Object>,
    told: Option<String>,
}

/// Runs the scheduler until the token is cancelled.
pub async fn run(registry: Registry, token: CancellationToken) {
    let mut feed = Feed::new(registry.store(), &[Kind::Node, Kind::Pod]);
    let recorder = Recorder::new(&registry, "default-scheduler", "default-scheduler-local");
    let mut scheduler = Scheduler {
        registry,
        recorder,
        nodes: BTreeMap::new(),
        bound: HashMap::new(),
        lines: BTreeMap::new(),
        waiting: HashMap::new(),
        selectors: BTreeSet::new(),
    };
    loop {
        for (kind, news) in feed.take() {
            scheduler.learn(kind, news);
        }
        scheduler.schedule();
        tokio::select! {
            () = token.cancelled() => return,
            () = feed.changed() => sleep(BATCH).await,
        }
    }
}

impl Scheduler {
    fn learn(&mut self, kind: Kind, news: News) {
        let objects: Vec<(bool, Arc<Object>)> = match news {
            News::Relist(objects) => {
                self.forget_all(kind);
                objects.into_iter().map(|o| (false, o)).collect()
            }
            News::Changes(changes) => changes
                .into_iter()
                .map(|c| (c.kind == ChangeKind::Deleted, c.object))
                .collect(),
        };
        for (deleted, object) in objects {
            if kind == Kind::Node {
                self.learn_node(&object, deleted);
            } else {
                self.learn_pod(object, deleted);
            }
        }
    }

    fn forget_all(&mut self, kind: Kind) {
        if kind == Kind::Node {
            self.nodes.clear();
        } else {
            self.bound.clear();
            self.lines.clear();
            self.waiting.clear();
            for node in self.nodes.values_mut() {
                node.used = Used::default();
            }
        }
    }

    fn learn_node(&mut self, object: &Object, deleted: bool) {
        let name = object.key.name.clone();
        let used = self.nodes.remove(&name).map(|n| n.used);
        if deleted {
            return;
        }
        let Ok(raw) = object.view::<RawNode>() else { return };
        let mut node = raw.into_view(name.clone(), object.head.metadata.labels.clone());
        // A node that comes back still has the pods that are bound to it.
        node.used = used.unwrap_or_default();
        let is_new = node.used.pods == 0;
        self.nodes.insert(name.clone(), node);
        if is_new {
            let keys: Vec<Arc<Key>> = self
                .bound
                .iter()
                .filter(|(_, b)| b.node == name)
                .map(|(k, _)| k.clone())
                .collect();
            for key in keys {
                self.account(&key, true);
            }
        }
    }

    fn learn_pod(&mut self, object: Arc<Object>, deleted: bool) {
        #[derive(Deserialize)]
        struct Raw {
            #[serde(default)]
            spec: RawSpec,
            #[serde(default)]
            status: RawStatus,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct RawStatus {
            phase: String,
        }
        let key = object.key.clone();
        let Ok(raw) = object.view::<Raw>() else { return };
        let ended = deleted || matches!(raw.status.phase.as_str(), "Succeeded" | "Failed");
        let needs = fit::needs(&key.namespace, raw.spec);
        let node = object.head.node().map(str::to_owned);
        if ended || node.is_some() || object.head.metadata.deletion_timestamp.is_some() {
            self.leave_line(&key);
        }
        if ended {
            self.account(&key, false);
            self.bound.remove(&key);
        } else if let Some(node) = node {
            if !self.bound.contains_key(&key) {
                let labels = object.head.metadata.labels.clone();
                self.bound.insert(key.clone(), Bound { node, needs, labels });
                self.account(&key, true);
            }
        } else if object.head.metadata.deletion_timestamp.is_none() {
            self.join_line(object, needs);
        }
    }

    fn join_line(&mut self, object: Arc<Object>, needs: Needs) {
        let key = object.key.clone();
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.object = object;
            return;
        }
        for spread in &needs.spread {
            self.watch_selector(&spread.selector);
        }
        let place = object.revision;
        self.lines
            .entry(needs.clone())
            .or_default()
            .insert((place, key.clone()));
        self.waiting.insert(
            key,
            Waiting {
                needs,
                place,
                object,
                told: None,
            },
        );
    }

    fn leave_line(&mut self, key: &Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(key)?;
        if let Some(line) = self.lines.get_mut(&waiting.needs) {
            line.remove(&(waiting.place, Arc::clone(&waiting.object.key)));
            if line.is_empty() {
                self.lines.remove(&waiting.needs);
            }
        }
        Some(waiting)
    }

    /// Begins to count the pods of a selector on every node.
    fn watch_selector(&mut self, selector: &SpreadSelector) {
        if !self.selectors.insert(selector.clone()) {
            return;
        }
        for (key, bound) in &self.bound {
            if selector.counts(&key.namespace, &bound.labels)
                && let Some(node) = self.nodes.get_mut(&bound.node)
            {
                *node.used.matching.entry(selector.clone()).or_default() += 1;
            }
        }
    }

    /// Adds a bound pod to what its node's pods use, or takes it away.
    fn account(&mut self, key: &Key, add: bool) {
        let Some(bound) = self.bound.get(key) else { return };
        let Some(node) = self.nodes.get_mut(&bound.node) else {
            return;
        };
        let change = |amount: u64, by: u64| if add { amount + by } else { amount.saturating_sub(by) };
        node.used.pods = change(node.used.pods, 1);
        node.used.cpu_milli = change(node.used.cpu_milli, bound.needs.cpu_milli);
        node.used.memory_bytes = change(node.used.memory_bytes, bound.needs.memory_bytes);
        for (name, milli) in &bound.needs.others_milli {
            let used = node.used.others_milli.entry(name.clone()).or_default();
            *used = change(*used, *milli);
        }
        for selector in self
            .selectors
            .iter()
            .filter(|s| s.counts(&key.namespace, &bound.labels))
        {
            let matching = node.used.matching.entry(selector.clone()).or_default();
            *matching = change(*matching, 1);
        }
    }

    fn schedule(&mut self) {
        let lines: Vec<Needs> = self.lines.keys().cloned().collect();
        for needs in lines {
            let refusal = loop {
                let Some((_, key)) = self.lines.get(&needs).and_then(|l| l.first()).cloned() else {
                    break None;
                };
                let nodes: Vec<NodeView> = self.nodes.values().cloned().collect();
                match choose(&needs, &nodes) {
                    Ok(node) => self.bind(&key, &node.name),
                    Err(why) => break Some(why),
                }
            };
            if let Some(why) = refusal {
                self.tell_line(&needs, &why);
            }
        }
    }

    fn bind(&mut self, key: &Key, node: &str) {
        let Some(waiting) = self.leave_line(key) else { return };
        let now = self.registry.now();
        let uid = waiting.object.head.metadata.uid.clone();
        let bound = self.registry.edit(key, |pod| {
            object_at(pod, &["spec"]).insert("nodeName".into(), node.into());
            set_condition(pod, "PodScheduled", "True", "", "", now);
        });
        // A pod that was removed meanwhile needs no node.
        let Ok(pod) = bound else { return };
        let labels = pod.head.metadata.labels.clone();
        self.bound.insert(
            Arc::clone(&pod.key),
            Bound {
                node: node.to_owned(),
                needs: waiting.needs,
                labels,
            },
        );
        self.account(key, true);
        let words = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
        let about = Involved {
            key: key.clone(),
            uid,
            revision: pod.revision,
            field_path: String::new(),
        };
        self.recorder
            .record_action(&about, &Told::normal("Scheduled", words), "Binding");
    }

    /// Writes to every pod of a line why it waits, once for each different reason.
    fn tell_line(&mut self, needs: &Needs, why: &str) {
        let keys: Vec<Arc<Key>> = self
            .lines
            .get(needs)
            .into_iter()
            .flatten()
            .map(|(_, k)| k.clone())
            .collect();
        let now = self.registry.now();
        for key in keys {
            let Some(waiting) = self.waiting.get_mut(&key) else {
                continue;
            };
            if waiting.told.as_deref() == Some(why) {
                continue;
            }
            waiting.told = Some(why.to_owned());
            let about = Involved::from(waiting.object.as_ref());
            let told = self.registry.edit(&key, |pod| {
                set_condition(pod, "PodScheduled", "False", "Unschedulable", why, now);
            });
            if told.is_ok() {
                self.recorder
                    .record_action(&about, &Told::warning("FailedScheduling", why), "Scheduling");
            }
        }
    }
}

#[derive(Deserialize)]
struct RawNode {
    #[serde(default)]
    spec: RawNodeSpec,
    #[serde(default)]
    status: RawNodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawNodeSpec {
    unschedulable: bool,
    taints: Vec<Taint>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawNodeStatus {
    allocatable: BTreeMap<String, String>,
}

impl RawNode {
    fn into_view(self, name: String, labels: Labels) -> NodeView {
        let mut node = NodeView {
            name,
            unschedulable: self.spec.unschedulable,
            labels,
            taints: self.spec.taints,
            ..NodeView::default()
        };
        for (what, text) in self.status.allocatable {
            let milli = quantity::milli(&text).unwrap_or(0);
            let whole = u64::try_from(milli / 1000).unwrap_or(u64::MAX);
            let milli = u64::try_from(milli).unwrap_or(u64::MAX);
            match what.as_str() {
                "cpu" => node.cpu_milli = milli,
                "memory" => node.memory_bytes = whole,
                "pods" => node.pods = whole,
                _ => {
                    node.others_milli.insert(what, milli);
                }
            }
        }
        node
    }
}
