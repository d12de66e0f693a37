//! The values that the API server fills in, as upstream's defaulting and its admission plugins do, for the fields that something
//! here reads or shows. Not filled in: the volume with the service account's token, since pods here have no volumes.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use serde_json::{Map, Value, json};

use crate::local::kinds::Kind;
use crate::local::object::{items, metadata, object_at, text};

/// Fills in what is missing.
pub(super) fn apply(kind: Kind, value: &mut Value) {
    match kind {
        Kind::Pod => pod(value),
        Kind::Job => job(value),
        Kind::Namespace => {
            let status = object_at(value, &["status"]);
            set(status, "phase", json!("Active"));
            set(object_at(value, &["spec"]), "finalizers", json!(["kubernetes"]));
            let name = text(value, "/metadata/name").to_owned();
            set(
                object_at(value, &["metadata", "labels"]),
                "kubernetes.io/metadata.name",
                json!(name),
            );
        }
        Kind::Secret => set_top(value, "type", json!("Opaque")),
        Kind::Event => set_top(value, "type", json!("Normal")),
        Kind::Node | Kind::ConfigMap | Kind::ServiceAccount => {}
    }
}

fn set_top(value: &mut Value, field: &str, default: Value) {
    set(object_at(value, &[]), field, default);
}

/// Sets a field that is absent, null or an empty text.
fn set(map: &mut Map<String, Value>, field: &str, default: Value) {
    let absent = map.get(field).is_none_or(|v| v.is_null() || v.as_str() == Some(""));
    if absent {
        map.insert(field.into(), default);
    }
}

fn pod(value: &mut Value) {
    let spec = object_at(value, &["spec"]);
    pod_spec(spec);
    set(spec, "enableServiceLinks", json!(true));
    // What upstream's admission plugins ServiceAccount and Priority fill in when the pod says nothing.
    set(spec, "serviceAccountName", json!("default"));
    let account = spec.get("serviceAccountName").cloned().unwrap_or_default();
    set(spec, "serviceAccount", account);
    set(spec, "priority", json!(0));
    set(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    let class = qos_class(value);
    let status = object_at(value, &["status"]);
    set(status, "phase", json!("Pending"));
    set(status, "qosClass", json!(class));
}

fn pod_spec(spec: &mut Map<String, Value>) {
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "schedulerName", json!("default-scheduler"));
    set(spec, "securityContext", json!({}));
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                container_defaults(container);
            }
        }
    }
}

fn container_defaults(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = if has_latest_tag(image) {
        "Always"
    } else {
        "IfNotPresent"
    };
    set(container, "imagePullPolicy", json!(policy));
    set(container, "terminationMessagePath", json!("/dev/termination-log"));
    set(container, "terminationMessagePolicy", json!("File"));
    set(container, "resources", json!({}));
    // A limit without a request is the request too.
    if let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut)
        && let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned()
    {
        let requests = resources.entry("requests").or_insert_with(|| json!({}));
        if let Some(requests) = requests.as_object_mut() {
            for (name, limit) in limits {
                requests.entry(name).or_insert(limit);
            }
        }
    }
    for variable in container
        .get_mut("env")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(field) = variable
            .pointer_mut("/valueFrom/fieldRef")
            .and_then(Value::as_object_mut)
        {
            set(field, "apiVersion", json!("v1"));
        }
    }
}

/// Tells whether an image has the tag `latest`, said or not, and no digest.
fn has_latest_tag(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    !image.contains('@') && (last.ends_with(":latest") || !last.contains(':'))
}

fn qos_class(pod: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for container in items(pod, "/spec/containers") {
        let resources = &container["resources"];
        for name in ["cpu", "memory"] {
            let (request, limit) = (&resources["requests"][name], &resources["limits"][name]);
            any |= !request.is_null() || !limit.is_null();
            guaranteed &= !limit.is_null() && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Adds to a new pod what upstream's admission plugin `DefaultTolerationSeconds` does: it stays for so long on a node that is lost.
pub(super) fn tolerate_lost_nodes(pod: &mut Value, seconds: u32) {
    let spec = object_at(pod, &["spec"]);
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Some(list) = tolerations.as_array_mut() else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerates =
            |t: &Value| ["", key].contains(&text(t, "/key")) && ["", "NoExecute"].contains(&text(t, "/effect"));
        if !list.iter().any(tolerates) {
            list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}));
        }
    }
}

fn job(value: &mut Value) {
    let spec = object_at(value, &["spec"]);
    let has = |spec: &Map<String, Value>, field: &str| spec.get(field).is_some_and(|v| !v.is_null());
    if !has(spec, "completions") && !has(spec, "parallelism") {
        spec.insert("completions".into(), json!(1));
    }
    set(spec, "parallelism", json!(1));
    set(spec, "completionMode", json!("NonIndexed"));
    set(spec, "suspend", json!(false));
    set(spec, "manualSelector", json!(false));
    let limit = if has(spec, "backoffLimitPerIndex") { i32::MAX } else { 6 };
    set(spec, "backoffLimit", json!(limit));
    let policy = if has(spec, "podFailurePolicy") {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    set(spec, "podReplacementPolicy", json!(policy));
    for rule in spec
        .get_mut("podFailurePolicy")
        .and_then(|p| p["rules"].as_array_mut())
        .into_iter()
        .flatten()
    {
        for pattern in rule
            .get_mut("onPodConditions")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(pattern) = pattern.as_object_mut() {
                set(pattern, "status", json!("True"));
            }
        }
    }
    pod_spec(object_at(value, &["spec", "template", "spec"]));
    if value["spec"]["manualSelector"] == false {
        make_selector(value);
    }
    let labels = value["spec"]["template"]["metadata"]["labels"].clone();
    let own = metadata(value);
    if own.get("labels").is_none_or(is_empty) && !is_empty(&labels) {
        // Upstream does so when it reads a Job without labels.
        own.insert("labels".into(), labels);
    }
    object_at(value, &["status"]);
}

fn is_empty(labels: &Value) -> bool {
    labels.as_object().is_none_or(Map::is_empty)
}

/// Makes the selector by which a Job knows its pods, and the labels that it selects. What is given already is left to validation.
fn make_selector(job: &mut Value) {
    let uid = text(job, "/metadata/uid").to_owned();
    let name = text(job, "/metadata/name").to_owned();
    let labels = object_at(job, &["spec", "template", "metadata", "labels"]);
    for (key, label) in [("controller-uid", &uid), ("job-name", &name)] {
        for key in [key.to_owned(), format!("batch.kubernetes.io/{key}")] {
            labels.entry(key).or_insert_with(|| json!(label));
        }
    }
    object_at(job, &["spec", "selector", "matchLabels"])
        .entry("batch.kubernetes.io/controller-uid")
        .or_insert_with(|| json!(uid));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_is_said_or_not() {
        for (image, latest) in [
            ("ttg-worker", true),
            ("ttg-worker:latest", true),
            ("host:5000/ttg-worker", true),
            ("host:5000/ttg-worker:1", false),
            ("ttg-worker@sha256:0", false),
        ] {
            assert_eq!(has_latest_tag(image), latest, "{image}");
        }
    }

    #[test]
    fn qos_classes() {
        let pod = |resources: Value| json!({"spec": {"containers": [{"resources": resources}]}});
        assert_eq!(qos_class(&pod(json!({}))), "BestEffort");
        assert_eq!(qos_class(&pod(json!({"requests": {"cpu": "1"}}))), "Burstable");
        let both = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(qos_class(&pod(json!({"requests": both, "limits": both}))), "Guaranteed");
    }

    #[test]
    fn every_pod_tolerates_a_lost_node_for_a_while_unless_it_says_otherwise() {
        let default =
            |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 7});
        let (not_ready, unreachable) = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable");
        let all = json!({"operator": "Exists"});
        let own = json!({"key": unreachable, "operator": "Exists", "tolerationSeconds": 1});
        let elsewhere = json!({"key": not_ready, "operator": "Exists", "effect": "NoSchedule"});
        for (given, want) in [
            (json!(null), json!([default(not_ready), default(unreachable)])),
            (json!([all]), json!([all])),
            (json!([own]), json!([own, default(not_ready)])),
            (
                json!([elsewhere]),
                json!([elsewhere, default(not_ready), default(unreachable)]),
            ),
        ] {
            let mut pod = json!({"spec": {"tolerations": given}});
            if given.is_null() {
                pod = json!({"spec": {}});
            }
            tolerate_lost_nodes(&mut pod, 7);
            assert_eq!(pod["spec"]["tolerations"], want);
        }
    }

    #[test]
    fn a_job_gets_its_selector_and_labels_unless_they_are_given() {
        let template = json!({"spec": {"containers": []}});
        let mut plain = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": template}});
        job(&mut plain);
        let labels = json!({
            "controller-uid": "u", "job-name": "j",
            "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j",
        });
        assert_eq!(plain["spec"]["template"]["metadata"]["labels"], labels);
        assert_eq!(plain["metadata"]["labels"], labels);
        assert_eq!(
            plain["spec"]["selector"],
            json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}})
        );
        assert_eq!(plain["spec"]["manualSelector"], false);
        let once = plain.clone();
        job(&mut plain);
        assert_eq!(plain, once, "a second time changes nothing");
        let mut own = json!({
            "metadata": {"name": "j", "uid": "u", "labels": {"a": "b"}},
            "spec": {"template": template, "manualSelector": true, "selector": {"matchLabels": {"a": "b"}}},
        });
        job(&mut own);
        assert_eq!(own["metadata"]["labels"], json!({"a": "b"}));
        assert!(own["spec"]["template"]["metadata"].is_null());
    }
}
