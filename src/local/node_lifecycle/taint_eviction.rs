//! The taint eviction controller: evicts the pods that do not tolerate the `NoExecute` taints of their node, at once or when
//! their tolerations run out, as upstream's does.
//!
//! It follows nodes and pods. It remembers only the nodes that have such taints and the pods whose time runs: a cluster where
//! nothing is tainted costs it nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::local::events::{Involved, Recorder, Told};
use crate::local::feed::{Feed, News};
use crate::local::kinds::Kind;
use crate::local::object::{Key, Object};
use crate::local::registry::{DeleteOptions, Registry, set_condition};
use crate::local::scheduler::fit::{Taint, Toleration};
use crate::local::store::{Change, ChangeKind};
use crate::local::timing::until;

/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(5);

/// What the taints of its node mean for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stay {
    /// It is evicted now.
    Not,
    /// It is evicted after this time.
    For(Duration),
    /// It stays.
    Forever,
}

/// The eviction of a pod.
enum Eviction {
    /// It is to happen; when that was decided, and when it is due.
    Due { decided_at: Instant, at: Instant },
    /// It has happened, and does not happen again while the pod is there.
    Done,
}

struct Controller {
    registry: Registry,
    recorder: Recorder,
    /// By node: its `NoExecute` taints, where there are any.
    tainted: HashMap<String, Vec<Taint>>,
    evictions: HashMap<Key, Eviction>,
}

/// Runs the controller until the token is cancelled.
pub async fn run(registry: Registry, token: CancellationToken) {
    let mut feed = Feed::new(registry.store(), &[Kind::Node, Kind::Pod]);
    let recorder = Recorder::new(&registry, "taint-eviction-controller", "");
    let mut controller = Controller {
        registry,
        recorder,
        tainted: HashMap::new(),
        evictions: HashMap::new(),
    };
    loop {
        for (kind, news) in feed.take() {
            match (kind == Kind::Node, news) {
                (true, News::Relist(nodes)) => controller.learn_all_nodes(&nodes),
                (true, News::Changes(changes)) => controller.learn_nodes(&changes),
                (false, News::Relist(pods)) => controller.learn_all_pods(&pods),
                (false, News::Changes(changes)) => controller.learn_pods(&changes),
            }
        }
        controller.evict_due(Instant::now());
        tokio::select! {
            () = token.cancelled() => return,
            () = until(controller.next_due()) => {}
            () = feed.changed() => sleep(BATCH).await,
        }
    }
}

impl Controller {
    fn learn_all_nodes(&mut self, nodes: &[Arc<Object>]) {
        self.tainted.retain(|name, _| nodes.iter().any(|n| n.key.name == *name));
        for node in nodes {
            self.learn_node(node);
        }
    }

    fn learn_nodes(&mut self, changes: &[Change]) {
        for change in changes {
            if change.kind == ChangeKind::Deleted {
                self.tainted.remove(&change.object.key.name);
            } else {
                self.learn_node(&change.object);
            }
        }
    }

    fn learn_node(&mut self, node: &Object) {
        let name = node.key.name.as_str();
        let taints = no_execute_taints(node);
        let before = self.tainted.get(name).map(Vec::as_slice).unwrap_or_default();
        if before == taints {
            return;
        }
        if taints.is_empty() {
            self.tainted.remove(name);
        } else {
            self.tainted.insert(name.to_owned(), taints.clone());
        }
        let (pods, _) = self.registry.store().list(Kind::Pod, None, None);
        let now = Instant::now();
        for pod in pods.iter().filter(|p| p.head.node() == Some(name)) {
            if taints.is_empty() {
                self.cancel(&pod.key);
            } else {
                self.look_at(pod, &taints, now);
            }
        }
    }

    fn learn_all_pods(&mut self, pods: &[Arc<Object>]) {
        let gone: Vec<Key> = self
            .evictions
            .keys()
            .filter(|key| !pods.iter().any(|p| *p.key == **key))
            .cloned()
            .collect();
        for key in gone {
            self.cancel(&key);
        }
        for pod in pods {
            self.learn_pod(pod);
        }
    }

    fn learn_pods(&mut self, changes: &[Change]) {
        for change in changes {
            if change.kind == ChangeKind::Deleted {
                self.cancel(&change.object.key);
            } else if is_moved(change) {
                self.learn_pod(&change.object);
            }
        }
    }

    fn learn_pod(&mut self, pod: &Object) {
        let taints = pod.head.node().and_then(|node| self.tainted.get(node));
        if let Some(taints) = taints.cloned() {
            self.look_at(pod, &taints, Instant::now());
        }
    }

    fn look_at(&mut self, pod: &Object, taints: &[Taint], now: Instant) {
        match stay(taints, &tolerations(pod)) {
            Stay::Forever => self.cancel(&pod.key),
            Stay::Not => {
                self.cancel(&pod.key);
                self.schedule(&pod.key, now, now);
            }
            Stay::For(time) => {
                let mut decided_at = now;
                if let Some(Eviction::Due { decided_at: before, .. }) = self.evictions.get(&pod.key) {
                    // The time runs since the first taint; a further one does not give more of it.
                    if *before < now {
                        return;
                    }
                    decided_at = *before;
                    self.cancel(&pod.key);
                }
                self.schedule(&pod.key, decided_at, now + time);
            }
        }
    }

    fn schedule(&mut self, key: &Key, decided_at: Instant, at: Instant) {
        self.evictions
            .entry(key.clone())
            .or_insert(Eviction::Due { decided_at, at });
    }

    fn cancel(&mut self, key: &Key) {
        if let Some(Eviction::Due { .. }) = self.evictions.remove(key) {
            let words = format!("Cancelling deletion of Pod {}/{}", key.namespace, key.name);
            self.tell(key, words);
        }
    }

    fn tell(&self, key: &Key, words: String) {
        // As upstream's, the Event names the pod and does not know its uid.
        let about = Involved {
            key: key.clone(),
            uid: String::new(),
            revision: 0,
            field_path: String::new(),
        };
        self.recorder
            .record(&about, &Told::normal("TaintManagerEviction", words));
    }

    fn next_due(&self) -> Option<Instant> {
        let due = self.evictions.values().filter_map(|eviction| match eviction {
            Eviction::Due { at, .. } => Some(*at),
            Eviction::Done => None,
        });
        due.min()
    }

    fn evict_due(&mut self, now: Instant) {
        let mut ripe: Vec<Key> = Vec::new();
        for (key, eviction) in &mut self.evictions {
            if matches!(eviction, Eviction::Due { at, .. } if *at <= now) {
                *eviction = Eviction::Done;
                ripe.push(key.clone());
            }
        }
        for key in ripe {
            self.evict(&key);
        }
    }

    fn evict(&self, key: &Key) {
        self.tell(key, format!("Marking for deletion Pod {}/{}", key.namespace, key.name));
        let now = self.registry.now();
        let (reason, message) = (
            "DeletionByTaintManager",
            "Taint manager: deleting due to NoExecute taint",
        );
        let marked = self.registry.edit(key, |pod| {
            set_condition(pod, "DisruptionTarget", "True", reason, message, now);
        });
        if marked.is_ok() {
            // A pod that was removed meanwhile is what was wanted.
            self.registry.delete(key, &DeleteOptions::default()).ok();
        }
    }
}

/// Tells whether a change of a pod matters here: its node or its tolerations are other ones than before.
fn is_moved(change: &Change) -> bool {
    change.previous.as_ref().is_none_or(|before| {
        before.head.node() != change.object.head.node() || tolerations(before) != tolerations(&change.object)
    })
}

/// Decides how long a pod stays: every taint needs a toleration, and the shortest of those that are used counts.
fn stay(taints: &[Taint], tolerations: &[Toleration]) -> Stay {
    let used: Option<Vec<&Toleration>> = taints
        .iter()
        .map(|taint| tolerations.iter().find(|t| t.tolerates(taint)))
        .collect();
    let Some(used) = used else { return Stay::Not };
    match used.into_iter().filter_map(Toleration::seconds).min() {
        None => Stay::Forever,
        Some(seconds) => match u64::try_from(seconds) {
            Ok(seconds) if seconds > 0 => Stay::For(Duration::from_secs(seconds)),
            Ok(_) | Err(_) => Stay::Not,
        },
    }
}

fn no_execute_taints(node: &Object) -> Vec<Taint> {
    let raw: Raw = node.view().unwrap_or_default();
    let mut taints = raw.spec.taints;
    taints.retain(|t| t.effect == "NoExecute");
    taints
}

fn tolerations(pod: &Object) -> Vec<Toleration> {
    let raw: Raw = pod.view().unwrap_or_default();
    raw.spec.tolerations
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Raw {
    spec: RawSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSpec {
    taints: Vec<Taint>,
    tolerations: Vec<Toleration>,
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};

    use super::*;
    use crate::local::object::{items, object_at, text};
    use crate::local::store::Store;

    #[test]
    fn the_shortest_toleration_that_is_used_counts() {
        let taints = |keys: &[&str]| -> Vec<Taint> {
            let all: Vec<Value> = keys.iter().map(|k| json!({"key": k, "effect": "NoExecute"})).collect();
            serde_json::from_value(all.into()).unwrap()
        };
        let tolerate =
            |key: &str, seconds: Value| json!({"key": key, "operator": "Exists", "tolerationSeconds": seconds});
        let seconds = |s| Stay::For(Duration::from_secs(s));
        for (keys, tolerations, want) in [
            (&["a"][..], json!([]), Stay::Not),
            (&["a"][..], json!([tolerate("b", json!(null))]), Stay::Not),
            (&["a"][..], json!([tolerate("a", json!(null))]), Stay::Forever),
            (
                &["a"][..],
                json!([tolerate("a", json!(30)), tolerate("b", json!(1))]),
                seconds(30),
            ),
            (
                &["a", "b"][..],
                json!([tolerate("a", json!(30)), tolerate("b", json!(9))]),
                seconds(9),
            ),
            (&["a", "b"][..], json!([tolerate("a", json!(30))]), Stay::Not),
            (&["a"][..], json!([tolerate("a", json!(0))]), Stay::Not),
            (&["a"][..], json!([tolerate("a", json!(-5))]), Stay::Not),
        ] {
            let tolerations: Vec<Toleration> = serde_json::from_value(tolerations).unwrap();
            assert_eq!(stay(&taints(keys), &tolerations), want, "{keys:?} {tolerations:?}");
        }
    }

    async fn until(registry: &Registry, mut holds: impl FnMut() -> bool) {
        let mut wake = registry.store().subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(3600), async {
            while !holds() {
                wake.changed().await.unwrap();
            }
        });
        waited.await.unwrap();
    }

    fn taint(registry: &Registry, taints: &Value) {
        let node = Key::new(Kind::Node, "", "n");
        let edited = registry.edit(&node, |node| {
            object_at(node, &["spec"]).insert("taints".into(), taints.clone());
        });
        edited.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_taint_evicts_at_once_later_or_never() {
        let (wall, start) = (Timestamp::from_second(1_000_000).unwrap(), Instant::now());
        let now = move || wall + SignedDuration::try_from(start.elapsed()).unwrap();
        let registry = Registry::new(Arc::new(Store::default()), Arc::new(now));
        let add = |kind, namespace: &str, value: Value| registry.create(kind, namespace, value, false).unwrap();
        add(Kind::Namespace, "", json!({"metadata": {"name": "lab"}}));
        add(Kind::Node, "", json!({"metadata": {"name": "n"}}));
        for (name, tolerations) in [
            ("plain", json!([])),
            (
                "patient",
                json!([{"key": "k", "operator": "Exists", "tolerationSeconds": 30}]),
            ),
            ("stubborn", json!([{"operator": "Exists"}])),
        ] {
            let spec = json!({
                "nodeName": "n", "tolerations": tolerations, "containers": [{"name": "w", "image": "i"}],
            });
            add(Kind::Pod, "lab", json!({"metadata": {"name": name}, "spec": spec}));
        }
        let token = CancellationToken::new();
        let task = tokio::spawn(run(registry.clone(), token.clone()));
        let pod = |name: &str| registry.get(&Key::new(Kind::Pod, "lab", name)).unwrap();
        let is_deleted = |name: &str| pod(name).head.metadata.deletion_timestamp.is_some();
        let noted = |words: &str| {
            let (events, _) = registry.store().list(Kind::Event, None, None);
            events.iter().any(|e| text(&e.value(), "/message") == words)
        };

        taint(&registry, &json!([{"key": "k", "effect": "NoExecute"}]));
        until(&registry, || is_deleted("plain")).await;
        let plain = pod("plain").value();
        let condition = items(&plain, "/status/conditions").last().unwrap();
        assert_eq!(text(condition, "/reason"), "DeletionByTaintManager");
        assert!(noted("Marking for deletion Pod lab/plain") && !is_deleted("patient"));

        taint(&registry, &json!([]));
        until(&registry, || noted("Cancelling deletion of Pod lab/patient")).await;
        taint(&registry, &json!([{"key": "k", "effect": "NoExecute"}]));
        let since = Instant::now();
        until(&registry, || is_deleted("patient")).await;
        assert_eq!(since.elapsed().as_secs(), 30);
        assert!(!is_deleted("stubborn"));
        token.cancel();
        task.await.unwrap();
    }
}
