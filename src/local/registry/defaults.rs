//! The values that the API server fills in, as upstream's defaulting does, for the fields that something here reads or shows.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use serde_json::{Map, Value, json};

use crate::local::kinds::Kind;
use crate::local::object::{items, object_at, text};

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
    pod_spec(object_at(value, &["spec"]));
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
    set(spec, "enableServiceLinks", json!(true));
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

fn job(value: &mut Value) {
    let uid = text(value, "/metadata/uid").to_owned();
    let name = text(value, "/metadata/name").to_owned();
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
    spec.remove("manualSelector");
    set(
        spec,
        "selector",
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
    );
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
    let labels = object_at(value, &["spec", "template", "metadata", "labels"]);
    for (key, label) in [("controller-uid", &uid), ("job-name", &name)] {
        labels.insert(key.into(), json!(label));
        labels.insert(format!("batch.kubernetes.io/{key}"), json!(label));
    }
    pod_spec(object_at(value, &["spec", "template", "spec"]));
    object_at(value, &["status"]);
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
}
