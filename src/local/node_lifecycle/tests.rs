//! The controller at work, on a clock that stands still until everybody waits.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::local::object::{items, object_at, text};
use crate::local::store::Store;

fn lab() -> Registry {
    let (wall, start) = (Timestamp::from_second(1_000_000).unwrap(), Instant::now());
    let now = move || wall + SignedDuration::try_from(start.elapsed()).unwrap();
    let registry = Registry::new(Arc::new(Store::default()), Arc::new(now));
    let add = |kind, namespace: &str, value: Value| registry.create_trusted(kind, namespace, value, false).unwrap();
    for name in ["default", "lab"] {
        add(Kind::Namespace, "", json!({"metadata": {"name": name}}));
    }
    for name in ["a", "b", "c"] {
        let ready = json!({"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"});
        add(
            Kind::Node,
            "",
            json!({"metadata": {"name": name}, "status": {"conditions": [ready]}}),
        );
    }
    let spec = json!({"nodeName": "a", "containers": [{"name": "w", "image": "i"}]});
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    add(
        Kind::Pod,
        "lab",
        json!({"metadata": {"name": "p"}, "spec": spec, "status": status}),
    );
    registry
}

fn node(registry: &Registry, name: &str) -> Value {
    registry.get(&Key::new(Kind::Node, "", name)).unwrap().value()
}

fn taints(registry: &Registry, name: &str) -> Vec<String> {
    let mut taints: Vec<String> = items(&node(registry, name), "/spec/taints")
        .map(|t| format!("{}:{}", text(t, "/key"), text(t, "/effect")))
        .collect();
    taints.sort();
    taints
}

fn events(registry: &Registry) -> Vec<String> {
    let (events, _) = registry.store().list(Kind::Event, None, None);
    let all = events.iter().map(|e| e.value());
    all.map(|e| format!("{} {}", text(&e, "/reason"), text(&e, "/message")))
        .collect()
}

/// Says for some nodes that they live, every ten seconds.
async fn beat(heartbeats: Heartbeats, names: &'static [&'static str]) {
    loop {
        for name in names {
            heartbeats.beat(name);
        }
        sleep(Duration::from_secs(10)).await;
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

const LOST: [&str; 2] = [
    "node.kubernetes.io/unreachable:NoExecute",
    "node.kubernetes.io/unreachable:NoSchedule",
];

#[tokio::test(start_paused = true)]
async fn a_silent_node_is_lost_after_the_grace_period_and_comes_back() {
    let registry = lab();
    let (heartbeats, token) = (Heartbeats::default(), CancellationToken::new());
    let others = tokio::spawn(beat(heartbeats.clone(), &["b", "c"]));
    let start = Instant::now();
    let task = tokio::spawn(run(
        registry.clone(),
        heartbeats.clone(),
        Timing::default(),
        token.clone(),
    ));
    until(&registry, || taints(&registry, "a") == LOST).await;
    let elapsed_s = start.elapsed().as_secs();
    assert!((50..=60).contains(&elapsed_s), "{elapsed_s} s");
    assert_eq!(health::ready(&node(&registry, "a")), Some("Unknown"));
    assert!(taints(&registry, "b").is_empty());
    let pod = registry.get(&Key::new(Kind::Pod, "lab", "p")).unwrap().value();
    assert_eq!(text(&pod, "/status/conditions/0/status"), "False");
    let told = events(&registry);
    for words in [
        "RegisteredNode Node a event: Registered Node a in Controller",
        "NodeNotReady Node a status is now: NodeNotReady",
        "NodeNotReady Node is not ready",
    ] {
        assert!(told.iter().any(|t| t == words), "{words}");
    }

    let back = tokio::spawn(beat(heartbeats, &["a"]));
    let said = registry.edit(&Key::new(Kind::Node, "", "a"), |node| {
        let ready = json!({"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:02:00Z"});
        object_at(node, &["status"]).insert("conditions".into(), json!([ready]));
    });
    said.unwrap();
    until(&registry, || taints(&registry, "a").is_empty()).await;
    token.cancel();
    task.await.unwrap();
    others.abort();
    back.abort();
}

#[tokio::test(start_paused = true)]
async fn when_all_nodes_are_silent_none_is_emptied() {
    let registry = lab();
    let (heartbeats, token) = (Heartbeats::default(), CancellationToken::new());
    let task = tokio::spawn(run(registry.clone(), heartbeats, Timing::default(), token.clone()));
    let unreachable = ["node.kubernetes.io/unreachable:NoSchedule"];
    let all_lost = || ["a", "b", "c"].iter().all(|n| taints(&registry, n) == unreachable);
    until(&registry, all_lost).await;
    sleep(Duration::from_secs(60)).await;
    assert!(all_lost(), "upstream takes this for a control plane that is cut off");
    token.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_cordon_is_a_taint_and_a_deleted_node_is_told_of() {
    let registry = lab();
    let (heartbeats, token) = (Heartbeats::default(), CancellationToken::new());
    let task = tokio::spawn(run(registry.clone(), heartbeats, Timing::default(), token.clone()));
    let key = Key::new(Kind::Node, "", "a");
    let cordon = |on: bool| {
        let edited = registry.edit(&key, |node| {
            object_at(node, &["spec"]).insert("unschedulable".into(), json!(on));
        });
        edited.unwrap();
    };
    cordon(true);
    until(&registry, || {
        taints(&registry, "a") == ["node.kubernetes.io/unschedulable:NoSchedule"]
    })
    .await;
    cordon(false);
    until(&registry, || taints(&registry, "a").is_empty()).await;
    registry
        .delete(&key, &crate::local::registry::DeleteOptions::default())
        .unwrap();
    let words = "RemovingNode Node a event: Removing Node a from Controller";
    until(&registry, || events(&registry).iter().any(|e| e == words)).await;
    token.cancel();
    task.await.unwrap();
}
