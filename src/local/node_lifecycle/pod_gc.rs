//! The pod garbage collector: removes the pods that nobody else will, as upstream's does.
//!
//! These are pods of nodes that do not exist any more, pods that were deleted before they had a node, pods on nodes that a person
//! has declared out of service, and the oldest ended ones when there are too many. What goes is decided in `collect`, purely.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{PERIOD_MIN, health};
use crate::local::kinds::Kind;
use crate::local::object::{Key, Object, items, object_at, text};
use crate::local::registry::{DeleteOptions, Registry, set_condition};
use crate::local::timing::Timing;

/// Runs the collector until the token is cancelled.
pub async fn run(registry: Registry, timing: Timing, token: CancellationToken) {
    let mut ticks = interval(timing.pod_gc.max(PERIOD_MIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quarantine = Quarantine::default();
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            _ = ticks.tick() => round(&registry, &timing, &mut quarantine),
        }
    }
}

fn round(registry: &Registry, timing: &Timing, quarantine: &mut Quarantine) {
    let (pods, _) = registry.store().list(Kind::Pod, None, None);
    let (nodes, _) = registry.store().list(Kind::Node, None, None);
    let there: HashSet<&str> = nodes.iter().map(|n| n.key.name.as_str()).collect();
    let missing = pods.iter().filter_map(|p| p.head.node()).filter(|n| !there.contains(n));
    let gone = quarantine.gone(missing, timing.pod_gc_quarantine, Instant::now());
    let out_of_service = nodes.iter().filter(|n| is_out_of_service(n));
    let facts = Facts {
        gone,
        out_of_service: out_of_service.map(|n| n.key.name.as_str()).collect(),
        terminated_max: timing.terminated_pods_max,
    };
    let views: Vec<PodView<'_>> = pods.iter().map(|p| PodView::read(p)).collect();
    for (key, is_orphan) in collect(&views, &facts) {
        remove(registry, key, is_orphan);
    }
}

/// The nodes that are missing, since when.
#[derive(Default)]
struct Quarantine(HashMap<String, Instant>);

impl Quarantine {
    /// Returns the nodes that have been missing for long enough; a node that is there again is forgotten.
    fn gone<'n>(&mut self, missing: impl Iterator<Item = &'n str>, time: Duration, now: Instant) -> HashSet<String> {
        let missing: HashSet<&str> = missing.collect();
        self.0.retain(|node, _| missing.contains(node.as_str()));
        for node in missing {
            self.0.entry(node.to_owned()).or_insert(now);
        }
        let ripe = self.0.iter().filter(|(_, since)| now >= **since + time);
        ripe.map(|(node, _)| node.clone()).collect()
    }
}

/// What is known besides the pods.
struct Facts<'n> {
    /// Nodes that do not exist any more.
    gone: HashSet<String>,
    /// Nodes that are not ready and were declared out of service.
    out_of_service: HashSet<&'n str>,
    /// How many ended pods are kept; 0 keeps all.
    terminated_max: usize,
}

/// Of a pod what the collector looks at.
struct PodView<'o> {
    key: &'o Key,
    node: Option<&'o str>,
    is_deleted: bool,
    is_ended: bool,
    is_evicted: bool,
    created_at: Option<Timestamp>,
}

impl<'o> PodView<'o> {
    fn read(pod: &'o Object) -> Self {
        let raw: RawPod = pod.view().unwrap_or_default();
        Self {
            key: &pod.key,
            node: pod.head.node(),
            is_deleted: pod.head.metadata.deletion_timestamp.is_some(),
            is_ended: matches!(raw.status.phase.as_str(), "Succeeded" | "Failed"),
            is_evicted: raw.status.phase == "Failed" && raw.status.reason == "Evicted",
            created_at: pod.head.metadata.creation_timestamp,
        }
    }
}

/// Returns the pods to remove, and of each whether it is an orphan of a node that is gone. As upstream the evicted ones of the
/// ended pods go first, then the oldest.
fn collect<'o>(pods: &[PodView<'o>], facts: &Facts<'_>) -> Vec<(&'o Key, bool)> {
    let mut ended: Vec<&PodView<'_>> = pods.iter().filter(|p| p.is_ended).collect();
    let too_many = match facts.terminated_max {
        0 => 0,
        max => ended.len().saturating_sub(max),
    };
    if too_many > 0 {
        ended.sort_by_key(|p| (!p.is_evicted, p.created_at, p.key));
    }
    ended.truncate(too_many);
    let surplus: HashSet<&Key> = ended.into_iter().map(|p| p.key).collect();
    let mut removed = Vec::new();
    for pod in pods {
        let is_orphan = pod.node.is_some_and(|n| facts.gone.contains(n));
        let is_stuck = pod.is_deleted && pod.node.is_none_or(|n| facts.out_of_service.contains(n));
        if is_orphan || is_stuck || surplus.contains(pod.key) {
            removed.push((pod.key, is_orphan));
        }
    }
    removed
}

/// Marks a pod as failed, if it has not ended, and removes it without grace: there is no kubelet that would do either.
fn remove(registry: &Registry, key: &Key, is_orphan: bool) {
    let now = registry.now();
    let marked = registry.edit(key, |pod| {
        if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            return;
        }
        object_at(pod, &["status"]).insert("phase".into(), json!("Failed"));
        if is_orphan {
            let (reason, message) = ("DeletionByPodGC", "PodGC: node no longer exists");
            set_condition(pod, "DisruptionTarget", "True", reason, message, now);
        }
    });
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        ..DeleteOptions::default()
    };
    if marked.is_ok() {
        // A pod that was removed meanwhile is what was wanted.
        registry.delete(key, &options).ok();
    }
}

fn is_out_of_service(node: &Object) -> bool {
    let node = node.value();
    let mut taints = items(&node, "/spec/taints");
    health::ready(&node) != Some("True") && taints.any(|t| text(t, "/key") == "node.kubernetes.io/out-of-service")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPod {
    status: RawStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStatus {
    phase: String,
    reason: String,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::local::store::Store;

    #[test]
    fn what_nobody_else_removes_is_collected() {
        let keys: Vec<Key> = (0..6).map(|i| Key::new(Kind::Pod, "lab", &format!("p{i}"))).collect();
        let facts = Facts {
            gone: HashSet::from(["gone".to_owned()]),
            out_of_service: HashSet::from(["broken"]),
            terminated_max: 0,
        };
        let rows = [
            (Some("gone"), false, Some(true)),
            (Some("here"), true, None),
            (None, true, Some(false)),
            (None, false, None),
            (Some("broken"), true, Some(false)),
            (Some("broken"), false, None),
        ];
        for (key, (node, is_deleted, want)) in keys.iter().zip(rows) {
            let pod = PodView {
                key,
                node,
                is_deleted,
                is_ended: false,
                is_evicted: false,
                created_at: None,
            };
            let got = collect(&[pod], &facts).first().map(|(_, is_orphan)| *is_orphan);
            assert_eq!(got, want, "{node:?} {is_deleted}");
        }
    }

    #[test]
    fn of_too_many_ended_pods_the_evicted_and_then_the_oldest_go() {
        let keys: Vec<Key> = (0..4).map(|i| Key::new(Kind::Pod, "lab", &format!("p{i}"))).collect();
        let pods: Vec<PodView<'_>> = keys
            .iter()
            .zip([(30, false), (20, false), (10, false), (40, true)])
            .map(|(key, (second, is_evicted))| PodView {
                key,
                node: Some("here"),
                is_deleted: false,
                is_ended: true,
                is_evicted,
                created_at: Timestamp::from_second(second).ok(),
            })
            .collect();
        let facts = |terminated_max| Facts {
            gone: HashSet::new(),
            out_of_service: HashSet::new(),
            terminated_max,
        };
        let names = |max| -> Vec<&str> {
            collect(&pods, &facts(max))
                .iter()
                .map(|(key, _)| key.name.as_str())
                .collect()
        };
        assert_eq!(names(2), ["p2", "p3"]);
        assert_eq!(names(4), [] as [&str; 0]);
        assert_eq!(names(0), [] as [&str; 0], "0 keeps all");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_of_a_deleted_node_fails_and_goes_after_the_quarantine() {
        let registry = Registry::new(Arc::new(Store::default()), Arc::new(|| Timestamp::UNIX_EPOCH));
        let key = Key::new(Kind::Pod, "lab", "p");
        let pod = json!({
            "metadata": {"name": "p", "finalizers": ["lab/hold"]},
            "spec": {"nodeName": "gone"}, "status": {"phase": "Running"},
        });
        registry.store().create(key.clone(), pod).unwrap();
        let (token, start) = (CancellationToken::new(), Instant::now());
        let task = tokio::spawn(run(registry.clone(), Timing::default(), token.clone()));
        let mut wake = registry.store().subscribe();
        while registry.get(&key).unwrap().head.metadata.deletion_timestamp.is_none() {
            wake.changed().await.unwrap();
        }
        assert_eq!(start.elapsed().as_secs(), 40);
        let pod = registry.get(&key).unwrap().value();
        assert_eq!(text(&pod, "/status/phase"), "Failed");
        assert_eq!(text(&pod, "/status/conditions/0/reason"), "DeletionByPodGC");
        token.cancel();
        task.await.unwrap();
    }
}
