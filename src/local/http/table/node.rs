//! What is shown of a node: whether it is ready and takes pods, its roles, and what it says of itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::age::since;
use super::view::{Condition, View, or_none};

/// Of a node what its row needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    metadata: NodeMeta,
    spec: Spec,
    status: Status,
}

/// The metadata with the labels, which tell the roles.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeMeta {
    name: String,
    creation_timestamp: Option<Timestamp>,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    unschedulable: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    conditions: Vec<Condition>,
    addresses: Vec<Address>,
    node_info: Info,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    #[serde(rename = "type")]
    kind: String,
    address: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Info {
    kubelet_version: String,
    os_image: String,
    kernel_version: String,
    container_runtime_version: String,
}

impl View for Node {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        let info = &self.status.node_info;
        let or_unknown = |text: &str| match text {
            "" => json!("<unknown>"),
            known => json!(known),
        };
        vec![
            json!(self.metadata.name),
            json!(self.state()),
            json!(or_none(&self.roles())),
            json!(since(self.metadata.creation_timestamp, now)),
            json!(info.kubelet_version),
            json!(self.address("InternalIP")),
            json!(self.address("ExternalIP")),
            or_unknown(&info.os_image),
            or_unknown(&info.kernel_version),
            or_unknown(&info.container_runtime_version),
        ]
    }
}

impl Node {
    fn state(&self) -> String {
        let ready = self.status.conditions.iter().find(|c| c.kind == "Ready");
        let state = match ready.map(|c| c.status.as_str()) {
            Some("True") => "Ready",
            Some(_) => "NotReady",
            None => "Unknown",
        };
        if self.spec.unschedulable == Some(true) {
            return format!("{state},SchedulingDisabled");
        }
        state.to_owned()
    }

    fn address(&self, kind: &str) -> &str {
        let found = self.status.addresses.iter().find(|a| a.kind == kind);
        found.map_or("<none>", |a| a.address.as_str())
    }

    /// Returns the roles that the labels give.
    fn roles(&self) -> String {
        let labels = self.metadata.labels.iter();
        let roles: BTreeSet<&str> = labels
            .filter_map(|(label, value)| match label.strip_prefix("node-role.kubernetes.io/") {
                None => (label == "kubernetes.io/role").then_some(value.as_str()),
                role => role,
            })
            .filter(|role| !role.is_empty())
            .collect();
        roles.into_iter().collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;

    #[test]
    fn a_node_tells_whether_it_is_ready_and_takes_pods() {
        let meta = json!({"name": "n", "creationTimestamp": "2026-03-01T11:57:50Z"});
        let mut node = json!({"metadata": meta, "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.33.0", "osImage": "Debian", "kernelVersion": "6.1"},
        }});
        let expected = json!([
            "n",
            "Ready",
            "<none>",
            "2m10s",
            "v1.33.0",
            "10.0.0.1",
            "<none>",
            "Debian",
            "6.1",
            "<unknown>"
        ]);
        assert_eq!(json!(shown::<Node>(&node)), expected);
        node["spec"] = json!({"unschedulable": true});
        node["status"]["conditions"][0]["status"] = json!("Unknown");
        node["metadata"]["labels"] =
            json!({"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "big", "other": "x"});
        let found = shown::<Node>(&node);
        assert_eq!(found[1..3], [json!("NotReady,SchedulingDisabled"), json!("big,worker")]);
        node["status"]["conditions"] = json!([]);
        assert_eq!(shown::<Node>(&node)[1], json!("Unknown,SchedulingDisabled"));
    }
}
