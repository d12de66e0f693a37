//! What a kubelet writes into the status of its pods. Pure.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub use super::node::NodeSize;
use super::runtime::Ending;
use super::words::whole_image_name;
use crate::local::object::{integer, object_at, text, time};

/// The address of every node and of every pod.
pub(super) const ADDRESS: &str = "127.0.0.1";
/// The reason of a pod whose sandbox is not there yet.
pub(super) const CREATING: &str = "ContainerCreating";

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
    /// Its pod ended before it ever ran.
    Unknown,
}

/// Where a pod stands on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its container runs, or will run.
    Going,
    /// Its container has ended for good, and its sandbox is still there.
    Over,
    /// Nothing of it is left on the node.
    Final,
}

/// What the status of a pod's container says apart from its state.
#[derive(Clone, Debug, Default)]
pub struct ContainerReport {
    /// The container's name.
    pub name: String,
    /// The image as the spec has it.
    pub image: String,
    /// The id of this run of the container; empty before its first.
    pub id: String,
    /// How often it was started again.
    pub restarts: u32,
    /// How the run before ended.
    pub last: Option<Value>,
    /// Why the kubelet evicted the pod.
    pub evicted: Option<String>,
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
                let mut terminated = json!({
                    "exitCode": ending.exit_code, "reason": reason_of(ending),
                    "startedAt": time(*started_at), "finishedAt": time(*finished_at), "containerID": container_id,
                });
                if !ending.message.is_empty() {
                    terminated["message"] = json!(String::from_utf8_lossy(&ending.message));
                }
                json!({"terminated": terminated})
            }
            Self::Unknown => json!({"terminated": {
                "exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": null, "finishedAt": null,
                "message": "The container could not be located when the pod was terminated",
            }}),
        }
    }
}

fn reason_of(ending: &Ending) -> &'static str {
    match (ending.reason, ending.out_of_memory, ending.exit_code) {
        (Some(reason), _, _) => reason,
        (None, true, _) => "OOMKilled",
        (None, false, 0) => "Completed",
        (None, false, _) => "Error",
    }
}

/// Writes a pod's status: its container, its conditions, and the phase that follows from them.
pub fn write_status(pod: &mut Value, report: &ContainerReport, state: &ContainerState, stage: Stage, now: Timestamp) {
    let phase = match (stage, state) {
        (Stage::Final, ContainerState::Ended { ending, .. }) if ending.exit_code == 0 && report.evicted.is_none() => {
            "Succeeded"
        }
        (Stage::Final, _) => "Failed",
        (_, ContainerState::Waiting(..)) if report.id.is_empty() => "Pending",
        (_, ContainerState::Waiting(..) | ContainerState::Running(_) | ContainerState::Ended { .. }) => "Running",
        (_, ContainerState::Unknown) => "Pending",
    };
    let has_sandbox = stage != Stage::Final && !matches!(state, ContainerState::Waiting(CREATING, _));
    let container = container_status(pod, report, state);
    write_conditions(pod, report, state, stage, has_sandbox, now);
    let generation = integer(pod, "/metadata/generation");
    let status = object_at(pod, &["status"]);
    status.insert("phase".into(), json!(phase));
    status.insert("containerStatuses".into(), json!([container]));
    status.entry("startTime").or_insert_with(|| time(now));
    status.insert("hostIP".into(), json!(ADDRESS));
    status.insert("hostIPs".into(), json!([{"ip": ADDRESS}]));
    if has_sandbox {
        status.insert("podIP".into(), json!(ADDRESS));
        status.insert("podIPs".into(), json!([{"ip": ADDRESS}]));
    }
    if let Some(generation) = generation {
        status.insert("observedGeneration".into(), json!(generation));
    }
    if let Some(message) = &report.evicted {
        status.insert("reason".into(), json!("Evicted"));
        status.insert("message".into(), json!(message));
    }
}

fn container_status(pod: &Value, report: &ContainerReport, state: &ContainerState) -> Value {
    let runs = matches!(state, ContainerState::Running(_));
    let mut status = json!({
        "name": report.name, "image": report.image, "imageID": "", "ready": runs, "started": runs,
        "restartCount": report.restarts, "state": state.to_json(&report.id), "lastState": {},
    });
    if let Some(last) = &report.last {
        status["lastState"] = last.clone();
    }
    if report.id.is_empty() {
        return status;
    }
    let image = whole_image_name(&report.image);
    status["imageID"] = json!(format!("local/{image}"));
    status["image"] = json!(image);
    status["containerID"] = json!(report.id);
    let given = &pod["spec"]["containers"][0]["resources"];
    let mut resources = Map::new();
    for part in ["limits", "requests"] {
        if given[part].as_object().is_some_and(|amounts| !amounts.is_empty()) {
            resources.insert(part.into(), given[part].clone());
        }
    }
    if let Some(requests) = resources.get("requests") {
        status["allocatedResources"] = requests.clone();
    }
    status["resources"] = resources.into();
    status
}

/// What is said in a condition.
type Said = (&'static str, &'static str, &'static str, String);

/// The kubelet's conditions in upstream's order, after those that others set.
fn write_conditions(
    pod: &mut Value,
    report: &ContainerReport,
    state: &ContainerState,
    stage: Stage,
    has_sandbox: bool,
    now: Timestamp,
) {
    let is_good = |ending: &Ending| ending.exit_code == 0 && report.evicted.is_none();
    let (ready, why, words) = match (state, stage) {
        (ContainerState::Running(_), _) => ("True", "", String::new()),
        (ContainerState::Ended { ending, .. }, Stage::Over | Stage::Final) if is_good(ending) => {
            ("False", "PodCompleted", String::new())
        }
        (ContainerState::Ended { .. }, Stage::Over | Stage::Final) => ("False", "PodFailed", String::new()),
        (ContainerState::Ended { .. } | ContainerState::Waiting(..) | ContainerState::Unknown, _) => (
            "False",
            "ContainersNotReady",
            format!("containers with unready status: [{}]", report.name),
        ),
    };
    let sandbox = if has_sandbox { "True" } else { "False" };
    let initialized = if why == "PodCompleted" { why } else { "" };
    let said: [Said; 5] = [
        ("PodReadyToStartContainers", sandbox, "", String::new()),
        ("Initialized", "True", initialized, String::new()),
        ("Ready", ready, why, words.clone()),
        ("ContainersReady", ready, why, words),
        ("PodScheduled", "True", "", String::new()),
    ];
    let generation = integer(pod, "/metadata/generation");
    let status = object_at(pod, &["status"]);
    let old: Vec<Value> = match status.remove("conditions") {
        Some(Value::Array(list)) => list,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    };
    let is_own = |kind: &str| said.iter().any(|(own, ..)| *own == kind);
    let mut conditions: Vec<Value> = old.iter().filter(|c| !is_own(text(c, "/type"))).cloned().collect();
    let condition = |said: &Said| condition(said, &old, generation, now);
    if let Some(message) = &report.evicted
        && !conditions.iter().any(|c| c["type"] == "DisruptionTarget")
    {
        conditions.push(condition(&(
            "DisruptionTarget",
            "True",
            "TerminationByKubelet",
            message.clone(),
        )));
    }
    conditions.extend(said.iter().map(condition));
    status.insert("conditions".into(), conditions.into());
}

fn condition((kind, holds, reason, message): &Said, old: &[Value], generation: Option<i64>, now: Timestamp) -> Value {
    let before = old
        .iter()
        .find(|c| text(c, "/type") == *kind && text(c, "/status") == *holds);
    let since = before.map_or_else(|| time(now), |c| c["lastTransitionTime"].clone());
    let mut condition = json!({"type": kind, "status": holds, "lastProbeTime": null, "lastTransitionTime": since});
    if let Some(generation) = generation {
        condition["observedGeneration"] = json!(generation);
    }
    for (field, words) in [("reason", *reason), ("message", message.as_str())] {
        if !words.is_empty() {
            condition[field] = json!(words);
        }
    }
    condition
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit_code: i32) -> ContainerState {
        let at = Timestamp::UNIX_EPOCH;
        ContainerState::Ended {
            started_at: at,
            finished_at: at,
            ending: Ending {
                exit_code,
                ..Ending::default()
            },
        }
    }

    fn pod() -> Value {
        json!({
            "metadata": {"generation": 2},
            "spec": {"containers": [{"resources": {"requests": {"cpu": "50m"}, "limits": {}}}]},
            "status": {"conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": "then"},
                {"type": "Foreign", "status": "False"},
            ]},
        })
    }

    fn written(report: &ContainerReport, state: &ContainerState, stage: Stage) -> Value {
        let mut pod = pod();
        write_status(&mut pod, report, state, stage, Timestamp::UNIX_EPOCH);
        pod["status"].take()
    }

    /// The phase, and the conditions that hold, with what is said about being ready.
    fn shown(status: &Value) -> String {
        let list = status["conditions"].as_array().unwrap();
        let hold: Vec<&str> = list
            .iter()
            .filter(|c| c["status"] == "True")
            .map(|c| text(c, "/type"))
            .collect();
        let ready = list.iter().find(|c| c["type"] == "Ready").unwrap();
        format!(
            "{} {} {}",
            text(status, "/phase"),
            hold.join(","),
            text(ready, "/reason")
        )
    }

    #[test]
    fn phase_and_conditions_follow_from_the_container() {
        let waiting = |reason| ContainerState::Waiting(reason, String::new());
        let running = ContainerState::Running(Timestamp::UNIX_EPOCH);
        let before = ContainerReport::default();
        let after = ContainerReport {
            id: "processes://1".into(),
            ..ContainerReport::default()
        };
        let sandbox = "PodReadyToStartContainers,Initialized,PodScheduled";
        let all = "PodReadyToStartContainers,Initialized,Ready,ContainersReady,PodScheduled";
        let none = "Initialized,PodScheduled";
        let not_ready = "ContainersNotReady";
        for (report, state, stage, phase, hold, why) in [
            (&before, waiting(CREATING), Stage::Going, "Pending", none, not_ready),
            (
                &before,
                waiting("ErrImagePull"),
                Stage::Going,
                "Pending",
                sandbox,
                not_ready,
            ),
            (&after, running, Stage::Going, "Running", all, ""),
            (&after, ended(1), Stage::Going, "Running", sandbox, not_ready),
            (
                &after,
                waiting("CrashLoopBackOff"),
                Stage::Going,
                "Running",
                sandbox,
                not_ready,
            ),
            (&after, ended(0), Stage::Over, "Running", sandbox, "PodCompleted"),
            (&after, ended(0), Stage::Final, "Succeeded", none, "PodCompleted"),
            (&after, ended(137), Stage::Over, "Running", sandbox, "PodFailed"),
            (&after, ended(137), Stage::Final, "Failed", none, "PodFailed"),
            (
                &before,
                ContainerState::Unknown,
                Stage::Final,
                "Failed",
                none,
                not_ready,
            ),
        ] {
            let status = written(report, &state, stage);
            assert_eq!(shown(&status), format!("{phase} {hold} {why}"), "{state:?} {stage:?}");
        }
    }

    #[test]
    fn conditions_keep_the_order_of_upstream_their_times_and_those_of_others() {
        let status = written(&ContainerReport::default(), &ended(0), Stage::Final);
        let list = status["conditions"].as_array().unwrap();
        let kinds: Vec<&str> = list.iter().map(|c| text(c, "/type")).collect();
        let own = [
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        ];
        assert_eq!(kinds[0], "Foreign");
        assert_eq!(kinds[1..], own);
        assert_eq!(list[5]["lastTransitionTime"], "then");
        assert_eq!(
            (&list[5]["observedGeneration"], &status["observedGeneration"]),
            (&json!(2), &json!(2))
        );
        assert!(list[5].as_object().unwrap().contains_key("lastProbeTime"));
    }

    #[test]
    fn an_evicted_pod_says_so_and_fails_whatever_its_container_did() {
        let report = ContainerReport {
            evicted: Some("low".into()),
            ..ContainerReport::default()
        };
        let status = written(&report, &ended(0), Stage::Final);
        assert_eq!(
            (text(&status, "/phase"), text(&status, "/reason")),
            ("Failed", "Evicted")
        );
        let target = &status["conditions"][1];
        assert_eq!(
            (text(target, "/type"), text(target, "/reason")),
            ("DisruptionTarget", "TerminationByKubelet")
        );
    }

    #[test]
    fn a_container_is_whole_once_it_was_started() {
        let mut report = ContainerReport {
            image: "ttg-worker".into(),
            ..ContainerReport::default()
        };
        let waiting = ContainerState::Waiting(CREATING, String::new());
        let before = &written(&report, &waiting, Stage::Going)["containerStatuses"][0];
        assert_eq!(
            (&before["image"], &before["resources"]),
            (&json!("ttg-worker"), &Value::Null)
        );
        report.id = "processes://1".into();
        let after = &written(&report, &ended(0), Stage::Over)["containerStatuses"][0];
        assert_eq!(after["image"], "docker.io/library/ttg-worker:latest");
        assert_eq!(after["resources"], json!({"requests": {"cpu": "50m"}}));
        assert_eq!(after["allocatedResources"], json!({"cpu": "50m"}));
        assert_eq!(after["containerID"], "processes://1");
    }

    #[test]
    fn endings_have_upstreams_reasons() {
        let reason = |exit_code, out_of_memory, reason| {
            reason_of(&Ending {
                exit_code,
                out_of_memory,
                reason,
                message: Vec::new(),
            })
        };
        assert_eq!(reason(0, false, None), "Completed");
        assert_eq!(reason(1, false, None), "Error");
        assert_eq!(reason(137, true, None), "OOMKilled");
        assert_eq!(reason(128, false, Some("StartError")), "StartError");
    }
}
