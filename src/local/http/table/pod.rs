//! What is shown of a pod: how many of its containers are ready, its state in one word, and its restarts.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::age::since;
use super::view::{Completed, Condition, Meta, View, is_true, or_none};

/// Of a pod what its row needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    containers: Vec<IgnoredAny>,
    init_containers: Vec<InitContainer>,
    node_name: String,
    readiness_gates: Vec<ReadinessGate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct InitContainer {
    name: String,
    restart_policy: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReadinessGate {
    condition_type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    reason: String,
    nominated_node_name: String,
    #[serde(rename = "podIPs")]
    pod_ips: Vec<PodIp>,
    conditions: Vec<Condition>,
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodIp {
    ip: String,
}

/// The status of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    name: String,
    ready: bool,
    started: Option<bool>,
    restart_count: i64,
    state: State,
    last_state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
    running: Option<IgnoredAny>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: i64,
    signal: i64,
    reason: String,
    finished_at: Option<Timestamp>,
}

impl View for Pod {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        let summary = Summary::of(self);
        let address = self.status.pod_ips.first().map_or("", |address| address.ip.as_str());
        vec![
            json!(self.metadata.name),
            json!(format!("{}/{}", summary.ready, summary.total)),
            json!(summary.state),
            json!(summary.restarts.words(now)),
            json!(self.metadata.age(now)),
            json!(or_none(address)),
            json!(or_none(&self.spec.node_name)),
            json!(or_none(&self.status.nominated_node_name)),
            json!(self.readiness_gates()),
        ]
    }

    fn completed(&self) -> Option<Completed> {
        match self.status.phase.as_str() {
            "Succeeded" => Some(Completed::new("Succeeded", "The pod has completed successfully.")),
            "Failed" => Some(Completed::new("Failed", "The pod failed.")),
            _ => None,
        }
    }
}

impl Pod {
    /// Returns what the pod says of itself, before its containers are looked at.
    fn first_state(&self) -> &str {
        let status = &self.status;
        let mut conditions = status.conditions.iter();
        if conditions.any(|c| c.kind == "PodScheduled" && c.reason == "SchedulingGated") {
            return "SchedulingGated";
        }
        if status.reason.is_empty() {
            &status.phase
        } else {
            &status.reason
        }
    }

    /// Returns the init containers that stay, which count like the others.
    fn sidecars(&self) -> impl Iterator<Item = &InitContainer> {
        let all = self.spec.init_containers.iter();
        all.filter(|c| c.restart_policy == "Always")
    }

    fn readiness_gates(&self) -> String {
        let gates = &self.spec.readiness_gates;
        if gates.is_empty() {
            return or_none("").to_owned();
        }
        let held = gates
            .iter()
            .filter(|g| is_true(&self.status.conditions, &g.condition_type));
        format!("{}/{}", held.count(), gates.len())
    }
}

impl Container {
    /// Returns what a container waits for; empty if it says nothing of that.
    fn waits_for(&self) -> &str {
        self.state
            .waiting
            .as_ref()
            .map_or("", |waiting| waiting.reason.as_str())
    }
}

impl Terminated {
    /// Returns how a container ended.
    fn words(&self) -> String {
        match (self.reason.as_str(), self.signal) {
            ("", 0) => format!("ExitCode:{}", self.exit_code),
            ("", signal) => format!("Signal:{signal}"),
            (reason, _) => reason.to_owned(),
        }
    }
}

/// Restarts of some containers, and when the last of them had ended before.
#[derive(Debug, Default)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &Container) {
        self.count += container.restart_count;
        let ended_before = container.last_state.terminated.as_ref();
        self.last = self.last.max(ended_before.and_then(|end| end.finished_at));
    }

    fn words(&self, now: Timestamp) -> String {
        if self.count > 0 && self.last.is_some() {
            format!("{} ({} ago)", self.count, since(self.last, now))
        } else {
            self.count.to_string()
        }
    }
}

/// What the containers of a pod come to.
#[derive(Debug, Default)]
struct Summary {
    state: String,
    ready: usize,
    total: usize,
    restarts: Restarts,
}

impl Summary {
    fn of(pod: &Pod) -> Self {
        let mut summary = Self {
            state: pod.first_state().to_owned(),
            total: pod.spec.containers.len() + pod.sidecars().count(),
            ..Self::default()
        };
        let mut of_sidecars = Restarts::default();
        let initializing = summary.see_init_containers(pod, &mut of_sidecars);
        if !initializing || is_true(&pod.status.conditions, "Initialized") {
            // Once a pod is initialized, only containers that still run count.
            summary.restarts = of_sidecars;
            summary.see_containers(pod);
        }
        if pod.metadata.is_deleted() {
            if pod.status.reason == "NodeLost" {
                "Unknown".clone_into(&mut summary.state);
            } else if !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
                "Terminating".clone_into(&mut summary.state);
            }
        }
        summary
    }

    /// Looks at the init containers up to the first that is not done, and tells whether there is one.
    fn see_init_containers(&mut self, pod: &Pod, of_sidecars: &mut Restarts) -> bool {
        let total = pod.spec.init_containers.len();
        for (i, container) in pod.status.init_container_statuses.iter().enumerate() {
            self.restarts.add(container);
            let is_sidecar = pod.sidecars().any(|c| c.name == container.name);
            if is_sidecar {
                of_sidecars.add(container);
            }
            let end = container.state.terminated.as_ref();
            if end.is_some_and(|end| end.exit_code == 0) {
                continue;
            }
            if is_sidecar && container.started == Some(true) {
                self.ready += usize::from(container.ready);
                continue;
            }
            self.state = match (end, container.waits_for()) {
                (Some(end), _) => format!("Init:{}", end.words()),
                (None, "" | "PodInitializing") => format!("Init:{i}/{total}"),
                (None, reason) => format!("Init:{reason}"),
            };
            return true;
        }
        false
    }

    fn see_containers(&mut self, pod: &Pod) {
        let mut is_one_running = false;
        let mut failed = None;
        // Backwards, so that the first container with something to tell has the last word.
        for container in pod.status.container_statuses.iter().rev() {
            self.restarts.add(container);
            if !container.waits_for().is_empty() {
                container.waits_for().clone_into(&mut self.state);
            } else if let Some(end) = &container.state.terminated {
                self.state = end.words();
                if end.exit_code != 0 {
                    failed = Some(end);
                }
            } else if container.ready && container.state.running.is_some() {
                is_one_running = true;
                self.ready += 1;
            }
        }
        if self.state != "Completed" {
            return;
        }
        // That one container is done does not tell of the others.
        if is_one_running && is_true(&pod.status.conditions, "Ready") {
            "Running".clone_into(&mut self.state);
        } else if let Some(end) = failed {
            self.state = end.words();
        } else if is_one_running {
            "NotReady".clone_into(&mut self.state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;

    /// Makes a pod of one container from its phase and the state of its container.
    fn pod(phase: &str, state: &Value) -> Value {
        json!({
            "metadata": {"name": "p", "creationTimestamp": "2026-03-01T11:59:00Z"},
            "spec": {"containers": [{"name": "w"}]},
            "status": {"phase": phase, "containerStatuses": [{"name": "w", "ready": phase == "Running", "state": state}]},
        })
    }

    #[test]
    fn the_state_of_a_pod_is_what_its_container_tells() {
        let table = [
            ("Running", json!({"running": {}}), "1/1", "Running"),
            (
                "Succeeded",
                json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
                "0/1",
                "Completed",
            ),
            (
                "Failed",
                json!({"terminated": {"exitCode": 3, "reason": "Error"}}),
                "0/1",
                "Error",
            ),
            (
                "Failed",
                json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
                "0/1",
                "OOMKilled",
            ),
            ("Failed", json!({"terminated": {"exitCode": 3}}), "0/1", "ExitCode:3"),
            (
                "Failed",
                json!({"terminated": {"exitCode": 137, "signal": 9}}),
                "0/1",
                "Signal:9",
            ),
            (
                "Pending",
                json!({"waiting": {"reason": "ContainerCreating"}}),
                "0/1",
                "ContainerCreating",
            ),
            (
                "Pending",
                json!({"waiting": {"reason": "ErrImagePull"}}),
                "0/1",
                "ErrImagePull",
            ),
            (
                "Pending",
                json!({"waiting": {"reason": "CrashLoopBackOff"}}),
                "0/1",
                "CrashLoopBackOff",
            ),
            ("Pending", json!({}), "0/1", "Pending"),
        ];
        for (phase, state, ready, word) in table {
            let found = shown::<Pod>(&pod(phase, &state));
            assert_eq!(found[1..3], [json!(ready), json!(word)], "{phase} {state}");
        }
    }

    #[test]
    fn the_cells_of_a_pod_are_in_the_order_of_the_columns() {
        let mut pod = pod("Running", &json!({"running": {}}));
        pod["spec"]["nodeName"] = json!("node-1");
        pod["spec"]["readinessGates"] = json!([{"conditionType": "a"}, {"conditionType": "b"}]);
        pod["status"]["podIPs"] = json!([{"ip": "10.0.0.7"}]);
        pod["status"]["conditions"] = json!([{"type": "a", "status": "True"}, {"type": "b", "status": "False"}]);
        let found = json!(shown::<Pod>(&pod));
        let expected = json!(["p", "1/1", "Running", "0", "60s", "10.0.0.7", "node-1", "<none>", "1/2"]);
        assert_eq!(found, expected);
    }

    #[test]
    fn restarts_tell_when_the_last_was() {
        let mut pod = pod("Running", &json!({"running": {}}));
        pod["status"]["containerStatuses"][0]["restartCount"] = json!(2);
        assert_eq!(shown::<Pod>(&pod)[3], json!("2"), "no time is known yet");
        pod["status"]["containerStatuses"][0]["lastState"] =
            json!({"terminated": {"finishedAt": "2026-03-01T11:55:00Z"}});
        assert_eq!(shown::<Pod>(&pod)[3], json!("2 (5m ago)"));
    }

    #[test]
    fn a_deleted_pod_is_terminating_unless_it_has_ended() {
        let table = [
            ("Running", "", "Terminating"),
            ("Running", "NodeLost", "Unknown"),
            ("Succeeded", "", "Completed"),
        ];
        for (phase, reason, word) in table {
            let state = match phase {
                "Running" => json!({"running": {}}),
                _ => json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
            };
            let mut pod = pod(phase, &state);
            pod["metadata"]["deletionTimestamp"] = json!("2026-03-01T12:00:30Z");
            pod["status"]["reason"] = json!(reason);
            assert_eq!(shown::<Pod>(&pod)[2], json!(word), "{phase} {reason}");
        }
    }

    #[test]
    fn a_pod_without_containers_tells_its_reason_or_its_phase() {
        let table = [
            (json!({"phase": "Pending"}), "Pending"),
            (json!({"phase": "Failed", "reason": "Evicted"}), "Evicted"),
            (
                json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
                "SchedulingGated",
            ),
        ];
        for (status, word) in table {
            let pod = json!({"spec": {"containers": [{}, {}]}, "status": status});
            assert_eq!(shown::<Pod>(&pod)[1..3], [json!("0/2"), json!(word)]);
        }
    }

    #[test]
    fn one_container_that_is_done_does_not_tell_of_the_others() {
        let running = json!({"ready": true, "state": {"running": {}}});
        let failed = json!({"state": {"terminated": {"exitCode": 3, "reason": "Error"}}});
        let table = [
            (&running, "True", "1/2", "Running"),
            (&running, "False", "1/2", "NotReady"),
            (&failed, "False", "0/2", "Error"),
        ];
        for (other, holds, ready, word) in table {
            let pod = json!({"spec": {"containers": [{}, {}]}, "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": holds}],
                "containerStatuses": [
                    {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
                    other,
                ],
            }});
            assert_eq!(shown::<Pod>(&pod)[1..3], [json!(ready), json!(word)]);
        }
    }

    #[test]
    fn init_containers_are_counted_until_they_are_done() {
        let done = json!({"name": "a", "state": {"terminated": {"exitCode": 0}}});
        let table = [
            (json!({"running": {}}), "0/1", "Init:1/2"),
            (json!({"waiting": {"reason": "PodInitializing"}}), "0/1", "Init:1/2"),
            (
                json!({"waiting": {"reason": "ErrImagePull"}}),
                "0/1",
                "Init:ErrImagePull",
            ),
            (
                json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
                "0/1",
                "Init:Error",
            ),
            (json!({"terminated": {"exitCode": 1}}), "0/1", "Init:ExitCode:1"),
            (json!({"terminated": {"exitCode": 0}}), "1/1", "Running"),
        ];
        for (state, ready, word) in table {
            let mut pod = pod("Running", &json!({"running": {}}));
            pod["spec"]["initContainers"] = json!([{"name": "a"}, {"name": "b"}]);
            pod["status"]["initContainerStatuses"] = json!([done, {"name": "b", "state": state}]);
            assert_eq!(shown::<Pod>(&pod)[1..3], [json!(ready), json!(word)], "{state}");
        }
    }

    #[test]
    fn an_init_container_that_stays_counts_like_the_others() {
        let mut pod = pod("Running", &json!({"running": {}}));
        pod["spec"]["initContainers"] = json!([{"name": "s", "restartPolicy": "Always"}]);
        pod["status"]["initContainerStatuses"] =
            json!([{"name": "s", "started": true, "ready": true, "restartCount": 1, "state": {"running": {}}}]);
        assert_eq!(shown::<Pod>(&pod)[1..4], [json!("2/2"), json!("Running"), json!("1")]);
    }
}
