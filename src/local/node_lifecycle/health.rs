//! What a node's conditions and taints are to be, by what is known of its kubelet. Pure.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::local::object::{items, object_at, text, time};

/// The conditions of a node that stand for a taint: type, status, and the key of the taint.
const CONDITION_TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// The conditions that nobody knows of a node whose kubelet is silent.
const KUBELET_CONDITIONS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// Returns the status of the condition Ready; none when the node has no such condition.
pub(super) fn ready(node: &Value) -> Option<&str> {
    let condition = items(node, "/status/conditions").find(|c| text(c, "/type") == "Ready")?;
    condition["status"].as_str()
}

/// Returns when the kubelet last wrote the condition Ready, as it wrote it.
pub(super) fn reported_at(node: &Value) -> Option<&str> {
    let condition = items(node, "/status/conditions").find(|c| text(c, "/type") == "Ready")?;
    condition["lastHeartbeatTime"].as_str()
}

/// Says of a node that nothing is known of it any more, or never was.
pub(super) fn lose(node: &mut Value, now: Timestamp) {
    let created = node["metadata"]["creationTimestamp"].clone();
    let conditions = object_at(node, &["status"])
        .entry("conditions")
        .or_insert_with(|| json!([]));
    let Some(list) = conditions.as_array_mut() else { return };
    for kind in KUBELET_CONDITIONS {
        match list.iter_mut().find(|c| text(c, "/type") == kind) {
            Some(found) if text(found, "/status") == "Unknown" => {}
            Some(found) => {
                found["status"] = json!("Unknown");
                found["reason"] = json!("NodeStatusUnknown");
                found["message"] = json!("Kubelet stopped posting node status.");
                found["lastTransitionTime"] = time(now);
            }
            None => list.push(json!({
                "type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
                "lastHeartbeatTime": created, "lastTransitionTime": time(now),
            })),
        }
    }
}

/// Brings the `NoSchedule` taints in step with the conditions and with `spec.unschedulable`; others are left alone.
pub(super) fn match_no_schedule_taints(node: &mut Value, now: Timestamp) {
    let mut wanted: Vec<&str> = Vec::new();
    for condition in items(node, "/status/conditions") {
        let (kind, status) = (text(condition, "/type"), text(condition, "/status"));
        let found = CONDITION_TAINTS.iter().find(|(k, s, _)| (*k, *s) == (kind, status));
        wanted.extend(found.map(|(.., key)| *key));
    }
    if node["spec"]["unschedulable"] == true {
        wanted.push(UNSCHEDULABLE);
    }
    let is_managed = |key: &str| key == UNSCHEDULABLE || CONDITION_TAINTS.iter().any(|(.., k)| *k == key);
    edit_taints(node, |taints| {
        replace(taints, "NoSchedule", &wanted, is_managed, now);
    });
}

/// Puts the `NoExecute` taint that says what a node is, not ready or unreachable, and takes the other away.
pub(super) fn match_no_execute_taints(node: &mut Value, now: Timestamp) {
    let wanted: &[&str] = match ready(node) {
        Some("False") => &[NOT_READY],
        Some("Unknown") => &[UNREACHABLE],
        Some(_) | None => &[],
    };
    edit_taints(node, |taints| {
        replace(
            taints,
            "NoExecute",
            wanted,
            |key| [NOT_READY, UNREACHABLE].contains(&key),
            now,
        );
    });
}

/// Takes away what [`match_no_execute_taints`] puts.
pub(super) fn remove_no_execute_taints(node: &mut Value, now: Timestamp) {
    edit_taints(node, |taints| {
        replace(
            taints,
            "NoExecute",
            &[],
            |key| [NOT_READY, UNREACHABLE].contains(&key),
            now,
        );
    });
}

/// Tells whether a node has the taint by which the pods of a lost node are evicted.
pub(super) fn is_tainted_as_lost(node: &Value) -> bool {
    items(node, "/spec/taints").any(|t| {
        let key = text(t, "/key");
        text(t, "/effect") == "NoExecute" && [NOT_READY, UNREACHABLE].contains(&key)
    })
}

/// Says of a pod that it is not ready, if it ever was: nobody knows what became of it.
pub(super) fn mark_pod_not_ready(pod: &mut Value, now: Timestamp) {
    let conditions = pod.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        if text(condition, "/type") == "Ready" && text(condition, "/status") != "False" {
            condition["status"] = json!("False");
            condition["lastTransitionTime"] = time(now);
        }
    }
}

fn edit_taints(node: &mut Value, edit: impl FnOnce(&mut Vec<Value>)) {
    let spec = object_at(node, &["spec"]);
    let mut taints: Vec<Value> = match spec.remove("taints") {
        Some(Value::Array(taints)) => taints,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    };
    edit(&mut taints);
    if !taints.is_empty() {
        spec.insert("taints".into(), taints.into());
    }
}

/// Of the taints with this effect that are managed here, keeps and adds those that are wanted.
fn replace(taints: &mut Vec<Value>, effect: &str, wanted: &[&str], is_managed: impl Fn(&str) -> bool, now: Timestamp) {
    taints.retain(|t| {
        let key = text(t, "/key");
        text(t, "/effect") != effect || !is_managed(key) || wanted.contains(&key)
    });
    for key in wanted {
        let is_there = |t: &Value| text(t, "/effect") == effect && text(t, "/key") == *key;
        if !taints.iter().any(is_there) {
            taints.push(json!({"key": key, "effect": effect, "timeAdded": time(now)}));
        }
    }
}

/// Returns how long to wait between tainting one lost node and the next with `NoExecute`; none: no node is tainted so.
///
/// As upstream: when no node is ready, it is more likely the control plane that is cut off. All nodes count as one zone.
pub(super) fn eviction_pace(ready: usize, lost: usize) -> Option<Duration> {
    let all = ready + lost;
    // More than two nodes, and 55 % of all, is upstream's partial disruption.
    let many_lost = lost > 2 && lost * 100 >= all * 55;
    match (ready, many_lost, all > 50) {
        (0, _, _) | (_, true, false) => None,
        (_, true, true) => Some(Duration::from_secs(100)),
        (_, false, _) => Some(Duration::from_secs(10)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn node(ready: &str) -> Value {
        json!({
            "metadata": {"name": "n", "creationTimestamp": "2025-01-01T00:00:00Z"},
            "status": {"conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": "2025-06-01T00:00:00Z"}]},
        })
    }

    fn taints(node: &Value) -> Vec<String> {
        items(node, "/spec/taints")
            .map(|t| format!("{}:{}", text(t, "/key"), text(t, "/effect")))
            .collect()
    }

    #[test]
    fn of_a_silent_node_nothing_is_known() {
        let mut lost = node("True");
        lose(&mut lost, now());
        let conditions = lost["status"]["conditions"].as_array().unwrap().clone();
        assert_eq!(conditions.len(), 4);
        assert_eq!(
            conditions[0],
            json!({
                "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastHeartbeatTime": "2025-06-01T00:00:00Z", "lastTransitionTime": NOW,
            })
        );
        assert_eq!(conditions[1]["reason"], "NodeStatusNeverUpdated");
        assert_eq!(conditions[1]["lastHeartbeatTime"], "2025-01-01T00:00:00Z");
        let before = lost.clone();
        lose(&mut lost, "2026-02-01T00:00:00Z".parse().unwrap());
        assert_eq!(lost, before, "it is said once");
    }

    #[test]
    fn taints_follow_conditions_and_the_cordon() {
        for (ready, cordoned, want) in [
            ("True", false, vec!["own:NoSchedule"]),
            (
                "True",
                true,
                vec!["own:NoSchedule", "node.kubernetes.io/unschedulable:NoSchedule"],
            ),
            (
                "Unknown",
                true,
                vec![
                    "own:NoSchedule",
                    "node.kubernetes.io/unreachable:NoSchedule",
                    "node.kubernetes.io/unschedulable:NoSchedule",
                ],
            ),
            (
                "False",
                false,
                vec!["own:NoSchedule", "node.kubernetes.io/not-ready:NoSchedule"],
            ),
        ] {
            let mut node = node(ready);
            node["spec"] = json!({"unschedulable": cordoned, "taints": [
                {"key": "own", "effect": "NoSchedule"}, {"key": NOT_READY, "effect": "NoSchedule", "timeAdded": "before"},
            ]});
            match_no_schedule_taints(&mut node, now());
            let mut got = taints(&node);
            got.sort_by_key(|t| !t.starts_with("own"));
            assert_eq!(got, want, "{ready} {cordoned}");
            let before = node.clone();
            match_no_schedule_taints(&mut node, "2026-02-01T00:00:00Z".parse().unwrap());
            assert_eq!(node, before, "what is there keeps its time");
        }
    }

    #[test]
    fn a_lost_node_has_one_no_execute_taint_and_a_ready_one_none() {
        let mut lost = node("Unknown");
        match_no_execute_taints(&mut lost, now());
        assert_eq!(
            lost["spec"]["taints"],
            json!([{"key": UNREACHABLE, "effect": "NoExecute", "timeAdded": NOW}])
        );
        lost["status"]["conditions"][0]["status"] = json!("False");
        match_no_execute_taints(&mut lost, now());
        assert_eq!(taints(&lost), [format!("{NOT_READY}:NoExecute")]);
        lost["status"]["conditions"][0]["status"] = json!("True");
        match_no_execute_taints(&mut lost, now());
        assert!(lost["spec"].get("taints").is_none());
    }

    #[test]
    fn evictions_slow_down_and_stop_with_the_number_of_lost_nodes() {
        for (ready, lost, want_s) in [
            (3, 0, Some(10)),
            (2, 1, Some(10)),
            (1, 2, Some(10)),
            (0, 3, None),
            (2, 3, None),
            (3, 3, Some(10)),
            (40, 60, Some(100)),
        ] {
            let pace = eviction_pace(ready, lost).map(|p| p.as_secs());
            assert_eq!(pace, want_s, "{ready} ready, {lost} lost");
        }
    }
}
