//! What is shown of a pod: how many of its containers are ready, its state in one word, and its restarts.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::since;
use super::cells::{is_true, or_none, time_at};
use crate::local::object::{integer, items, text};

/// Restarts of some containers, and when the last of them had ended before.
#[derive(Debug, Default)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &Value) {
        self.count += integer(container, "/restartCount").unwrap_or(0);
        self.last = self.last.max(time_at(container, "/lastState/terminated/finishedAt"));
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

/// Returns the cells of a pod.
pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let summary = Summary::of(pod);
    vec![
        json!(text(pod, "/metadata/name")),
        json!(format!("{}/{}", summary.ready, summary.total)),
        json!(summary.state),
        json!(summary.restarts.words(now)),
        json!(since(time_at(pod, "/metadata/creationTimestamp"), now)),
        json!(or_none(text(pod, "/status/podIPs/0/ip"))),
        json!(or_none(text(pod, "/spec/nodeName"))),
        json!(or_none(text(pod, "/status/nominatedNodeName"))),
        json!(readiness_gates(pod)),
    ]
}

impl Summary {
    fn of(pod: &Value) -> Self {
        let mut summary = Self {
            state: first_state(pod),
            total: items(pod, "/spec/containers").count() + sidecars(pod).count(),
            ..Self::default()
        };
        let mut of_sidecars = Restarts::default();
        let initializing = summary.see_init_containers(pod, &mut of_sidecars);
        if !initializing || is_true(pod, "Initialized") {
            // Once a pod is initialized, only containers that still run count.
            summary.restarts = of_sidecars;
            summary.see_containers(pod);
        }
        if pod.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string) {
            if text(pod, "/status/reason") == "NodeLost" {
                "Unknown".clone_into(&mut summary.state);
            } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
                "Terminating".clone_into(&mut summary.state);
            }
        }
        summary
    }

    /// Looks at the init containers up to the first that is not done, and tells whether there is one.
    fn see_init_containers(&mut self, pod: &Value, of_sidecars: &mut Restarts) -> bool {
        let total = items(pod, "/spec/initContainers").count();
        for (i, container) in items(pod, "/status/initContainerStatuses").enumerate() {
            self.restarts.add(container);
            let is_sidecar = sidecars(pod).any(|name| name == text(container, "/name"));
            if is_sidecar {
                of_sidecars.add(container);
            }
            if integer(container, "/state/terminated/exitCode") == Some(0) {
                continue;
            }
            if is_sidecar && flag(container, "/started") {
                self.ready += usize::from(flag(container, "/ready"));
                continue;
            }
            let waits_for = text(container, "/state/waiting/reason");
            self.state = match ended(container) {
                Some(end) => format!("Init:{end}"),
                None if matches!(waits_for, "" | "PodInitializing") => format!("Init:{i}/{total}"),
                None => format!("Init:{waits_for}"),
            };
            return true;
        }
        false
    }

    fn see_containers(&mut self, pod: &Value) {
        let mut is_one_running = false;
        let statuses: Vec<&Value> = items(pod, "/status/containerStatuses").collect();
        // Backwards, so that the first container with something to tell has the last word.
        for container in statuses.into_iter().rev() {
            self.restarts.add(container);
            let waits_for = text(container, "/state/waiting/reason");
            if !waits_for.is_empty() {
                waits_for.clone_into(&mut self.state);
            } else if let Some(end) = ended(container) {
                self.state = end;
            } else if flag(container, "/ready") && container.pointer("/state/running").is_some_and(Value::is_object) {
                is_one_running = true;
                self.ready += 1;
            }
        }
        if self.state == "Completed" && is_one_running {
            let state = if is_true(pod, "Ready") { "Running" } else { "NotReady" };
            state.clone_into(&mut self.state);
        }
    }
}

/// Returns what the pod says of itself, before its containers are looked at.
fn first_state(pod: &Value) -> String {
    let is_gated = items(pod, "/status/conditions")
        .any(|c| text(c, "/type") == "PodScheduled" && text(c, "/reason") == "SchedulingGated");
    let state = match (is_gated, text(pod, "/status/reason")) {
        (true, _) => "SchedulingGated",
        (false, "") => text(pod, "/status/phase"),
        (false, reason) => reason,
    };
    state.to_owned()
}

/// Returns the names of the init containers that stay, which count like the others.
fn sidecars(pod: &Value) -> impl Iterator<Item = &str> {
    items(pod, "/spec/initContainers")
        .filter(|c| text(c, "/restartPolicy") == "Always")
        .map(|c| text(c, "/name"))
}

/// Returns how a container ended, if it did.
fn ended(container: &Value) -> Option<String> {
    let end = container.pointer("/state/terminated").filter(|t| t.is_object())?;
    let number = |pointer| integer(end, pointer).unwrap_or(0);
    Some(match (text(end, "/reason"), number("/signal")) {
        ("", 0) => format!("ExitCode:{}", number("/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    })
}

fn readiness_gates(pod: &Value) -> String {
    let gates = items(pod, "/spec/readinessGates").count();
    if gates == 0 {
        return or_none("").to_owned();
    }
    let held = items(pod, "/spec/readinessGates")
        .filter(|g| is_true(pod, text(g, "/conditionType")))
        .count();
    format!("{held}/{gates}")
}

fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

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
            let found = cells(&pod(phase, &state), now());
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
        let found = json!(cells(&pod, now()));
        let expected = json!(["p", "1/1", "Running", "0", "60s", "10.0.0.7", "node-1", "<none>", "1/2"]);
        assert_eq!(found, expected);
    }

    #[test]
    fn restarts_tell_when_the_last_was() {
        let mut pod = pod("Running", &json!({"running": {}}));
        pod["status"]["containerStatuses"][0]["restartCount"] = json!(2);
        assert_eq!(cells(&pod, now())[3], json!("2"), "no time is known yet");
        pod["status"]["containerStatuses"][0]["lastState"] =
            json!({"terminated": {"finishedAt": "2026-03-01T11:55:00Z"}});
        assert_eq!(cells(&pod, now())[3], json!("2 (5m ago)"));
    }

    #[test]
    fn a_deleted_pod_is_terminating_unless_it_has_ended() {
        let table = [
            ("Running", None, "Terminating"),
            ("Running", Some("NodeLost"), "Unknown"),
            ("Succeeded", None, "Completed"),
        ];
        for (phase, reason, word) in table {
            let state = match phase {
                "Running" => json!({"running": {}}),
                _ => json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
            };
            let mut pod = pod(phase, &state);
            pod["metadata"]["deletionTimestamp"] = json!("2026-03-01T12:00:30Z");
            pod["status"]["reason"] = json!(reason);
            assert_eq!(cells(&pod, now())[2], json!(word), "{phase} {reason:?}");
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
            assert_eq!(cells(&pod, now())[1..3], [json!("0/2"), json!(word)]);
        }
    }

    #[test]
    fn some_containers_done_and_one_running_is_running_only_if_the_pod_is_ready() {
        for (holds, word) in [("True", "Running"), ("False", "NotReady")] {
            let pod = json!({"spec": {"containers": [{}, {}]}, "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": holds}],
                "containerStatuses": [
                    {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
                    {"ready": true, "state": {"running": {}}},
                ],
            }});
            assert_eq!(cells(&pod, now())[1..3], [json!("1/2"), json!(word)]);
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
            assert_eq!(cells(&pod, now())[1..3], [json!(ready), json!(word)], "{state}");
        }
    }

    #[test]
    fn an_init_container_that_stays_counts_like_the_others() {
        let mut pod = pod("Running", &json!({"running": {}}));
        pod["spec"]["initContainers"] = json!([{"name": "s", "restartPolicy": "Always"}]);
        pod["status"]["initContainerStatuses"] =
            json!([{"name": "s", "started": true, "ready": true, "restartCount": 1, "state": {"running": {}}}]);
        assert_eq!(cells(&pod, now())[1..4], [json!("2/2"), json!("Running"), json!("1")]);
    }
}
