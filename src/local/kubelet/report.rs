//! What a kubelet writes into the status of its pods and of its node. Pure.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use jiff::Timestamp;
use serde_json::{Value, json};

use super::runtime::Ending;
use crate::local::object::{object_at, text, time};
use crate::local::registry::set_condition;

/// Where a container stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ContainerState {
    /// It cannot run yet: the reason and the words.
    Waiting(&'static str, String),
    /// It runs since then.
    Running(Timestamp),
    /// It has ended.
    Ended {
        /// When it started.
        started_at: Timestamp,
        /// When it ended.
        finished_at: Timestamp,
        /// How.
        ending: Ending,
    },
}

/// What the status of a pod's container says apart from its state.
#[derive(Clone, Debug, Default)]
pub struct ContainerReport {
    /// The container's name.
    pub name: String,
    /// The image as the spec has it.
    pub image: String,
    /// The id of this run of the container.
    pub id: String,
    /// How often it was started again.
    pub restarts: u32,
    /// How the run before ended.
    pub last: Option<Value>,
}

impl ContainerState {
    /// Writes the state as the API has it.
    pub fn to_json(&self, container_id: &str) -> Value {
        match self {
            Self::Waiting(reason, message) if message.is_empty() => json!({"waiting": {"reason": reason}}),
            Self::Waiting(reason, message) => json!({"waiting": {"reason": reason, "message": message}}),
            Self::Running(since) => json!({"running": {"startedAt": time(*since)}}),
            Self::Ended {
                started_at,
                finished_at,
                ending,
            } => {
                let reason = match (ending.out_of_memory, ending.exit_code) {
                    (true, _) => "OOMKilled",
                    (false, 0) => "Completed",
                    (false, _) => "Error",
                };
                let mut terminated = json!({
                    "exitCode": ending.exit_code, "reason": reason,
                    "startedAt": time(*started_at), "finishedAt": time(*finished_at), "containerID": container_id,
                });
                if !ending.message.is_empty() {
                    terminated["message"] = json!(String::from_utf8_lossy(&ending.message));
                }
                json!({"terminated": terminated})
            }
        }
    }
}

/// Writes a pod's status: its container, its conditions, and the phase that follows from them.
pub fn write_status(pod: &mut Value, report: &ContainerReport, state: &ContainerState, is_final: bool, now: Timestamp) {
    let running = matches!(state, ContainerState::Running(_));
    let phase = match state {
        ContainerState::Ended { ending, .. } if is_final && ending.exit_code == 0 => "Succeeded",
        ContainerState::Ended { .. } if is_final => "Failed",
        ContainerState::Ended { .. } | ContainerState::Running(_) => "Running",
        ContainerState::Waiting(..) if report.restarts > 0 => "Running",
        ContainerState::Waiting(..) => "Pending",
    };
    set_conditions(pod, phase, running, &report.name, now);
    let image_id = if matches!(state, ContainerState::Waiting(..)) {
        String::new()
    } else {
        format!("local/{}", report.image)
    };
    let mut container = json!({
        "name": report.name, "image": report.image, "imageID": image_id, "ready": running, "started": running,
        "restartCount": report.restarts, "state": state.to_json(&report.id), "lastState": {},
    });
    if !matches!(state, ContainerState::Waiting(..)) {
        container["containerID"] = json!(report.id);
    }
    if let Some(last) = &report.last {
        container["lastState"] = last.clone();
    }
    let status = object_at(pod, &["status"]);
    status.insert("phase".into(), json!(phase));
    status.insert("containerStatuses".into(), json!([container]));
    status.entry("startTime").or_insert_with(|| time(now));
    for field in ["hostIP", "podIP"] {
        status.insert(field.into(), json!("127.0.0.1"));
        status.insert(format!("{field}s"), json!([{"ip": "127.0.0.1"}]));
    }
}

/// The conditions in upstream's order; `PodScheduled` is the scheduler's and stays last.
fn set_conditions(pod: &mut Value, phase: &str, running: bool, container: &str, now: Timestamp) {
    let scheduled = object_at(pod, &["status"])
        .get_mut("conditions")
        .and_then(Value::as_array_mut)
        .and_then(|list| {
            list.iter()
                .position(|c| text(c, "/type") == "PodScheduled")
                .map(|at| list.remove(at))
        });
    let (ready, reason, message) = match (running, phase) {
        (true, _) => ("True", "", String::new()),
        (false, "Succeeded") => ("False", "PodCompleted", String::new()),
        (false, "Failed") => ("False", "PodFailed", String::new()),
        (false, _) => (
            "False",
            "ContainersNotReady",
            format!("containers with unready status: [{container}]"),
        ),
    };
    let ended = matches!(phase, "Succeeded" | "Failed");
    let sandbox = if ended { "False" } else { "True" };
    set_condition(pod, "PodReadyToStartContainers", sandbox, "", "", now);
    set_condition(
        pod,
        "Initialized",
        "True",
        if phase == "Succeeded" { "PodCompleted" } else { "" },
        "",
        now,
    );
    set_condition(pod, "Ready", ready, reason, &message, now);
    set_condition(pod, "ContainersReady", ready, reason, &message, now);
    if let (Some(scheduled), Some(list)) = (
        scheduled,
        object_at(pod, &["status"])
            .get_mut("conditions")
            .and_then(Value::as_array_mut),
    ) {
        list.push(scheduled);
    }
}

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

/// Makes the object of a node that is ready.
pub fn node(name: &str, size: NodeSize, version: &str, now: Timestamp) -> Value {
    let amounts = json!({
        "cpu": size.cpus.to_string(), "memory": format!("{}Ki", size.memory_bytes / 1024), "pods": size.pods.to_string(),
    });
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": time(now), "lastTransitionTime": time(now),
        })
    };
    json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": std::env::consts::OS, "kubernetes.io/arch": architecture(),
            "beta.kubernetes.io/os": std::env::consts::OS, "beta.kubernetes.io/arch": architecture(),
        }},
        "spec": {},
        "status": {
            "capacity": amounts, "allocatable": amounts,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "nodeInfo": {
                "architecture": architecture(), "operatingSystem": std::env::consts::OS, "kubeletVersion": version,
                "kubeProxyVersion": "", "containerRuntimeVersion": "processes://1", "kernelVersion": "",
                "osImage": "this machine", "machineID": "", "systemUUID": "", "bootID": "",
            },
        },
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

    fn phase_of(state: &ContainerState, is_final: bool) -> String {
        let mut pod = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "True"}]}});
        let report = ContainerReport {
            name: "worker".into(),
            ..ContainerReport::default()
        };
        write_status(&mut pod, &report, state, is_final, Timestamp::UNIX_EPOCH);
        let conditions = pod["status"]["conditions"].as_array().unwrap();
        assert_eq!(conditions.last().unwrap()["type"], "PodScheduled");
        text(&pod, "/status/phase").to_owned()
    }

    #[test]
    fn the_phase_follows_from_the_container() {
        let at = Timestamp::UNIX_EPOCH;
        let ended = |exit_code| ContainerState::Ended {
            started_at: at,
            finished_at: at,
            ending: Ending {
                exit_code,
                ..Ending::default()
            },
        };
        assert_eq!(
            phase_of(&ContainerState::Waiting("ErrImagePull", String::new()), false),
            "Pending"
        );
        assert_eq!(phase_of(&ContainerState::Running(at), false), "Running");
        assert_eq!(phase_of(&ended(0), true), "Succeeded");
        assert_eq!(phase_of(&ended(137), true), "Failed");
        assert_eq!(
            phase_of(&ended(1), false),
            "Running",
            "a container that is started again does not end its pod"
        );
    }

    #[test]
    fn a_container_that_was_killed_for_its_memory_says_so() {
        let ending = Ending {
            exit_code: 137,
            out_of_memory: true,
            message: Vec::new(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let state = ContainerState::Ended {
            started_at: at,
            finished_at: at,
            ending,
        };
        assert_eq!(state.to_json("id")["terminated"]["reason"], "OOMKilled");
    }
}
