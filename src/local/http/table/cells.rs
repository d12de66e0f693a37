//! The cells of every kind, in the order of its columns.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::age::{human, since};
use super::pod;
use crate::local::kinds::Kind;
use crate::local::object::{integer, items, text};

/// Returns the cells of an object, one for every column of its kind.
pub(super) fn cells(kind: Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = json!(text(object, "/metadata/name"));
    let age = json!(since(time_at(object, "/metadata/creationTimestamp"), now));
    match kind {
        Kind::Namespace => vec![name, json!(text(object, "/status/phase")), age],
        Kind::Node => node(object, name, age),
        Kind::Pod => pod::cells(object, now),
        Kind::Event => event(object, name, now),
        Kind::ConfigMap => {
            let data = size(object, "/data") + size(object, "/binaryData");
            vec![name, json!(data), age]
        }
        Kind::Secret => vec![name, json!(text(object, "/type")), json!(size(object, "/data")), age],
        Kind::ServiceAccount => vec![name, age],
        Kind::Job => job(object, name, age, now),
    }
}

fn node(node: &Value, name: Value, age: Value) -> Vec<Value> {
    let ready = items(node, "/status/conditions").find(|c| text(c, "/type") == "Ready");
    let mut status = match ready.map(|c| text(c, "/status")) {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true) {
        status.push_str(",SchedulingDisabled");
    }
    let address = |kind: &str| {
        let found = items(node, "/status/addresses").find(|a| text(a, "/type") == kind);
        json!(or_none(found.map_or("", |a| text(a, "/address"))))
    };
    let info = |field: &str| match text(node, &format!("/status/nodeInfo/{field}")) {
        "" => json!("<unknown>"),
        known => json!(known),
    };
    vec![
        name,
        json!(status),
        json!(or_none(&roles(node))),
        age,
        json!(text(node, "/status/nodeInfo/kubeletVersion")),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

/// Returns the roles that a node's labels give it.
fn roles(node: &Value) -> String {
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object);
    let roles: BTreeSet<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(label, value)| match label.strip_prefix("node-role.kubernetes.io/") {
            None if label == "kubernetes.io/role" => value.as_str(),
            role => role,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.into_iter().collect::<Vec<_>>().join(",")
}

fn event(event: &Value, name: Value, now: Timestamp) -> Vec<Value> {
    let first = time_at(event, "/eventTime").or_else(|| time_at(event, "/firstTimestamp"));
    let series = event.pointer("/series").filter(|s| s.is_object());
    let (last, count) = match series {
        Some(series) => (
            time_at(series, "/lastObservedTime"),
            integer(series, "/count").unwrap_or(0),
        ),
        None => (
            time_at(event, "/lastTimestamp").or(first),
            integer(event, "/count").filter(|c| *c != 0).unwrap_or(1),
        ),
    };
    let mut about = text(event, "/involvedObject/kind").to_lowercase();
    let involved = text(event, "/involvedObject/name");
    if !involved.is_empty() {
        about.push('/');
        about.push_str(involved);
    }
    vec![
        json!(since(last, now)),
        json!(text(event, "/type")),
        json!(text(event, "/reason")),
        json!(about),
        json!(text(event, "/involvedObject/fieldPath")),
        json!(source(event)),
        json!(text(event, "/message").trim()),
        json!(since(first, now)),
        json!(count),
        name,
    ]
}

/// Returns who reported an event, and from where.
fn source(event: &Value) -> String {
    let first_of = |old, new| match text(event, old) {
        "" => text(event, new),
        found => found,
    };
    let component = first_of("/source/component", "/reportingComponent");
    match first_of("/source/host", "/reportingInstance") {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}

fn job(job: &Value, name: Value, age: Value, now: Timestamp) -> Vec<Value> {
    let succeeded = integer(job, "/status/succeeded").unwrap_or(0);
    let parallelism = integer(job, "/spec/parallelism").unwrap_or(0);
    let completions = match integer(job, "/spec/completions") {
        Some(completions) => format!("{succeeded}/{completions}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    };
    let duration = time_at(job, "/status/startTime").map_or_else(String::new, |start| {
        let end = time_at(job, "/status/completionTime").unwrap_or(now);
        human(end.duration_since(start).as_secs())
    });
    let of_containers = |field: &str| {
        let all: Vec<&str> = items(job, "/spec/template/spec/containers")
            .map(|c| text(c, field))
            .collect();
        json!(all.join(","))
    };
    vec![
        name,
        json!(job_status(job)),
        json!(completions),
        json!(duration),
        age,
        of_containers("/name"),
        of_containers("/image"),
        json!(selector(job)),
    ]
}

fn job_status(job: &Value) -> &'static str {
    let holds = |condition| is_true(job, condition);
    let is_deleted = job.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string);
    // The order is upstream's: what is final comes before what is going on.
    let words = [
        (holds("Complete"), "Complete"),
        (holds("Failed"), "Failed"),
        (is_deleted, "Terminating"),
        (holds("Suspended"), "Suspended"),
        (holds("FailureTarget"), "FailureTarget"),
        (holds("SuccessCriteriaMet"), "SuccessCriteriaMet"),
    ];
    words
        .into_iter()
        .find(|(applies, _)| *applies)
        .map_or("Running", |(_, word)| word)
}

/// Writes a label selector in the syntax of `kubectl get -l`, by key.
fn selector(job: &Value) -> String {
    let labels = job.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let mut parts: Vec<(&str, String)> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), format!("{key}={}", value.as_str().unwrap_or_default())))
        .collect();
    for wanted in items(job, "/spec/selector/matchExpressions") {
        let key = text(wanted, "/key");
        let mut values: Vec<&str> = items(wanted, "/values").filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let words = match text(wanted, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        parts.push((key, words));
    }
    parts.sort_by_key(|(key, _)| *key);
    let words: Vec<String> = parts.into_iter().map(|(_, words)| words).collect();
    or_none(&words.join(",")).to_owned()
}

/// Tells whether an object's status has a condition that holds.
pub(super) fn is_true(object: &Value, condition: &str) -> bool {
    items(object, "/status/conditions").any(|c| text(c, "/type") == condition && text(c, "/status") == "True")
}

/// Returns a time by JSON pointer.
pub(super) fn time_at(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}

/// Returns the text, or upstream's words for none.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

fn size(object: &Value, pointer: &str) -> usize {
    object.pointer(pointer).and_then(Value::as_object).map_or(0, Map::len)
}

#[cfg(test)]
mod tests {
    use super::super::columns::columns;
    use super::*;
    use crate::local::kinds::KINDS;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn meta(name: &str) -> Value {
        json!({"name": name, "creationTimestamp": "2026-03-01T11:57:50Z"})
    }

    #[test]
    fn every_kind_has_a_cell_for_every_column_even_of_nothing() {
        for spec in &KINDS {
            let found = cells(spec.kind, &json!({}), now());
            assert_eq!(found.len(), columns(spec.kind).len(), "{}", spec.name);
        }
    }

    #[test]
    fn the_cells_of_small_kinds() {
        let table = [
            (
                Kind::Namespace,
                json!({"metadata": meta("n"), "status": {"phase": "Active"}}),
                json!(["n", "Active", "2m10s"]),
            ),
            (
                Kind::ConfigMap,
                json!({"metadata": meta("c"), "data": {"a": "", "b": ""}, "binaryData": {"c": ""}}),
                json!(["c", 3, "2m10s"]),
            ),
            (
                Kind::Secret,
                json!({"metadata": meta("s"), "type": "Opaque", "data": {"a": ""}}),
                json!(["s", "Opaque", 1, "2m10s"]),
            ),
            (
                Kind::ServiceAccount,
                json!({"metadata": meta("a")}),
                json!(["a", "2m10s"]),
            ),
            (Kind::ServiceAccount, json!({}), json!(["", "<unknown>"])),
        ];
        for (kind, object, expected) in table {
            assert_eq!(json!(cells(kind, &object, now())), expected);
        }
    }

    #[test]
    fn a_node_tells_whether_it_is_ready_and_takes_pods() {
        let mut node = json!({"metadata": meta("n"), "status": {
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
        assert_eq!(json!(cells(Kind::Node, &node, now())), expected);
        node["spec"] = json!({"unschedulable": true});
        node["status"]["conditions"][0]["status"] = json!("Unknown");
        node["metadata"]["labels"] =
            json!({"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "big", "other": "x"});
        let found = cells(Kind::Node, &node, now());
        assert_eq!(found[1..3], [json!("NotReady,SchedulingDisabled"), json!("big,worker")]);
        node["status"]["conditions"] = json!([]);
        assert_eq!(cells(Kind::Node, &node, now())[1], json!("Unknown,SchedulingDisabled"));
    }

    #[test]
    fn an_event_tells_when_it_was_seen_and_of_what() {
        let event = json!({
            "metadata": meta("e"), "type": "Warning", "reason": "BackOff", "message": " x\n", "count": 2,
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{w}"},
            "source": {"component": "kubelet", "host": "node-1"},
            "firstTimestamp": "2026-03-01T11:00:00Z", "lastTimestamp": "2026-03-01T11:59:00Z", "eventTime": null,
        });
        let expected = json!([
            "60s",
            "Warning",
            "BackOff",
            "pod/p",
            "spec.containers{w}",
            "kubelet, node-1",
            "x",
            "60m",
            2,
            "e"
        ]);
        assert_eq!(json!(cells(Kind::Event, &event, now())), expected);
        let event = json!({
            "metadata": meta("e"), "involvedObject": {"kind": "Node"}, "reportingComponent": "scheduler",
            "eventTime": "2026-03-01T11:59:30.000000Z",
        });
        let found = cells(Kind::Event, &event, now());
        assert_eq!(
            [&found[0], &found[3], &found[5]],
            [&json!("30s"), &json!("node"), &json!("scheduler")]
        );
        assert_eq!(found[8], json!(1), "an event that was written once has no count");
        let series = json!({"series": {"count": 7, "lastObservedTime": "2026-03-01T11:59:58.000000Z"}});
        let found = cells(Kind::Event, &series, now());
        assert_eq!([&found[0], &found[8]], [&json!("2s"), &json!(7)]);
    }

    #[test]
    fn a_job_tells_its_status_completions_and_duration() {
        let job = json!({
            "metadata": meta("j"),
            "spec": {
                "completions": 12,
                "selector": {
                    "matchLabels": {"b": "1"},
                    "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}],
                },
                "template": {"spec": {"containers": [{"name": "w", "image": "i"}, {"name": "v", "image": "k"}]}},
            },
            "status": {"succeeded": 3, "startTime": "2026-03-01T11:59:00Z"},
        });
        let expected = json!(["j", "Running", "3/12", "60s", "2m10s", "w,v", "i,k", "a in (x,y),b=1"]);
        assert_eq!(json!(cells(Kind::Job, &job, now())), expected);
        let table = [
            (json!({}), json!({}), "0/1", ""),
            (json!({"parallelism": 3}), json!({}), "0/1 of 3", ""),
            (
                json!({"completions": 4, "parallelism": 3}),
                json!({"succeeded": 4, "startTime": "2026-03-01T11:00:00Z", "completionTime": "2026-03-01T11:00:11Z"}),
                "4/4",
                "11s",
            ),
        ];
        for (spec, status, completions, duration) in table {
            let found = cells(Kind::Job, &json!({"spec": spec, "status": status}), now());
            assert_eq!(found[2..4], [json!(completions), json!(duration)]);
            assert_eq!(found[7], json!("<none>"));
        }
    }

    #[test]
    fn the_status_of_a_job_is_its_condition() {
        for condition in ["Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"] {
            let mut job = json!({"status": {"conditions": [{"type": condition, "status": "True"}]}});
            assert_eq!(job_status(&job), condition);
            job["status"]["conditions"][0]["status"] = json!("False");
            assert_eq!(
                job_status(&job),
                "Running",
                "a condition that does not hold tells nothing"
            );
        }
        let mut job = json!({"metadata": {"deletionTimestamp": "2026-03-01T12:00:00Z"}, "status": {"conditions": [
            {"type": "FailureTarget", "status": "True"},
        ]}});
        assert_eq!(job_status(&job), "Terminating");
        job["status"]["conditions"] = json!([{"type": "Complete", "status": "True"}]);
        assert_eq!(job_status(&job), "Complete");
    }
}
