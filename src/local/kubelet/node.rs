//! What a kubelet writes into the object of its node. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::report::ADDRESS;
use crate::local::object::{items, object_at, text, time};

/// The size of a node.
#[derive(Clone, Copy, Debug)]
pub struct NodeSize {
    /// CPU cores.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// How many pods it takes; upstream's default is 110.
    pub pods: u32,
}

/// What a kubelet knows of its machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    /// The version of its kernel.
    pub(super) kernel: String,
    /// The id of this boot.
    pub(super) boot_id: String,
}

/// The conditions of a node that is well: type, status, reason, message; and the reason of upstream's Event about it.
pub(super) const CONDITIONS: [[&str; 5]; 4] = [
    [
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
        "NodeHasSufficientMemory",
    ],
    [
        "DiskPressure",
        "False",
        "KubeletHasNoDiskPressure",
        "kubelet has no disk pressure",
        "NodeHasNoDiskPressure",
    ],
    [
        "PIDPressure",
        "False",
        "KubeletHasSufficientPID",
        "kubelet has sufficient PID available",
        "NodeHasSufficientPID",
    ],
    [
        "Ready",
        "True",
        "KubeletReady",
        "kubelet is posting ready status",
        "NodeReady",
    ],
];

/// Makes the object of a node that is ready.
pub(super) fn object(name: &str, size: NodeSize, version: &str, machine: &Machine, now: Timestamp) -> Value {
    let amounts = json!({
        "cpu": size.cpus.to_string(), "memory": format!("{}Ki", size.memory_bytes / 1024), "pods": size.pods.to_string(),
    });
    let mut node = json!({
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": std::env::consts::OS,
                "kubernetes.io/arch": architecture(), "beta.kubernetes.io/os": std::env::consts::OS,
                "beta.kubernetes.io/arch": architecture(),
            },
        },
        "spec": {},
        "status": {
            "capacity": amounts, "allocatable": amounts,
            "addresses": [{"type": "InternalIP", "address": ADDRESS}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "architecture": architecture(), "operatingSystem": std::env::consts::OS, "kubeletVersion": version,
                "kubeProxyVersion": "", "containerRuntimeVersion": "processes://1", "kernelVersion": machine.kernel,
                "osImage": "this machine", "machineID": "", "systemUUID": "", "bootID": machine.boot_id,
            },
        },
    });
    beat(&mut node, now);
    node
}

/// Says in a node's conditions that all is well, and that it was said now.
pub(super) fn beat(node: &mut Value, now: Timestamp) {
    let status = object_at(node, &["status"]);
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(list) = conditions.as_array_mut() else { return };
    for [kind, holds, reason, message, _] in CONDITIONS {
        let old = list.iter().position(|c| text(c, "/type") == kind);
        let before = old.and_then(|at| list.get(at)).filter(|c| text(c, "/status") == holds);
        let since = before.map_or_else(|| time(now), |c| c["lastTransitionTime"].clone());
        let condition = json!({
            "type": kind, "status": holds, "reason": reason, "message": message,
            "lastHeartbeatTime": time(now), "lastTransitionTime": since,
        });
        match old.and_then(|at| list.get_mut(at)) {
            Some(old) => *old = condition,
            None => list.push(condition),
        }
    }
}

/// Tells whether a node's conditions say something else than its kubelet would.
pub(super) fn is_misjudged(node: &Value) -> bool {
    CONDITIONS.iter().any(|[kind, holds, reason, ..]| {
        let said = items(node, "/status/conditions").find(|c| text(c, "/type") == *kind);
        said.is_none_or(|c| text(c, "/status") != *holds || text(c, "/reason") != *reason)
    })
}

/// Kubernetes names architectures as Go does.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_that_is_back_says_that_all_is_well() {
        let size = NodeSize {
            cpus: 2,
            memory_bytes: 1 << 30,
            pods: 110,
        };
        let then = Timestamp::UNIX_EPOCH;
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut node = object("n", size, "v1", &Machine::default(), then);
        assert!(!is_misjudged(&node));
        node["status"]["conditions"][3]["status"] = json!("Unknown");
        assert!(is_misjudged(&node));
        beat(&mut node, now);
        assert!(!is_misjudged(&node));
        let times = |i: usize, field: &str| node["status"]["conditions"][i][field].clone();
        assert_eq!(times(3, "lastTransitionTime"), time(now));
        assert_eq!(
            (times(0, "lastTransitionTime"), times(0, "lastHeartbeatTime")),
            (time(then), time(now))
        );
    }
}
