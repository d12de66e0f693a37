//! Validation of pods and of the templates of pods, in upstream's words and order.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::meta::{check_labels, push_all};
use crate::local::names;
use crate::local::object::items;
use crate::local::quantity;
use crate::local::status::Cause;

/// Fields with one of a few values. Where upstream has a default, an absent one is right.
const WORDS: [(&str, &[&str]); 2] = [
    ("restartPolicy", &["Always", "OnFailure", "Never"]),
    (
        "dnsPolicy",
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    ),
];

/// The same for each container.
const CONTAINER_WORDS: [(&str, &[&str]); 2] = [
    ("terminationMessagePolicy", &["File", "FallbackToLogsOnError"]),
    ("imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
];

/// Checks the spec of a pod at this path.
pub(super) fn check_spec(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    let volumes = check_volumes(path, spec, causes);
    let mut seen = BTreeSet::new();
    for list in ["containers", "initContainers"] {
        let inner = format!("{path}.{list}");
        if list == "containers" && items(spec, "/containers").next().is_none() {
            causes.push(Cause::required(inner, ""));
            continue;
        }
        for (i, container) in items(spec, &format!("/{list}")).enumerate() {
            let path = format!("{inner}[{i}]");
            check_container(&path, container, &volumes, causes);
            let name = container["name"].as_str().unwrap_or_default();
            if !name.is_empty() && !seen.insert(name) {
                causes.push(Cause::duplicate(format!("{path}.name"), name));
            }
        }
    }
    check_words(path, spec, &WORDS, causes);
    check_labels(&format!("{path}.nodeSelector"), &spec["nodeSelector"], causes);
    check_spread(path, spec, causes);
    let name_of = |field: &str| spec[field].as_str().filter(|name| !name.is_empty());
    if let Some(name) = name_of("nodeName") {
        push_all(&format!("{path}.nodeName"), name, names::dns_subdomain(name), causes);
    }
    if let Some(name) = name_of("hostname") {
        push_all(&format!("{path}.hostname"), name, names::dns_label(name), causes);
    }
    if let Some(seconds) = spec["activeDeadlineSeconds"].as_i64() {
        check_range(
            &format!("{path}.activeDeadlineSeconds"),
            seconds,
            i64::from(i32::MAX),
            causes,
        );
    }
    check_tolerations(path, spec, causes);
}

fn check_words(path: &str, object: &Value, table: &[(&str, &[&str])], causes: &mut Vec<Cause>) {
    for (field, allowed) in table {
        match object[*field].as_str() {
            Some(word) if !allowed.contains(&word) => {
                causes.push(Cause::unsupported(format!("{path}.{field}"), word, allowed));
            }
            Some(_) | None => {}
        }
    }
}

fn check_range(path: &str, value: i64, max: i64, causes: &mut Vec<Cause>) {
    if value < 1 || value > max {
        let words = format!("must be between 1 and {max}, inclusive");
        causes.push(Cause::invalid(path, value, &words));
    }
}

/// Checks the volumes and returns their names.
fn check_volumes<'v>(path: &str, spec: &'v Value, causes: &mut Vec<Cause>) -> BTreeSet<&'v str> {
    let mut seen = BTreeSet::new();
    for (i, volume) in items(spec, "/volumes").enumerate() {
        let path = format!("{path}.volumes[{i}]");
        let name = volume["name"].as_str().unwrap_or_default();
        let sources: Vec<&String> = volume
            .as_object()
            .into_iter()
            .flatten()
            .map(|(field, _)| field)
            .collect();
        // They are sorted by name, not in upstream's order, so another one of the two may be named.
        for source in sources.iter().filter(|field| **field != "name").skip(1) {
            let words = "may not specify more than 1 volume type";
            causes.push(Cause::forbidden(format!("{path}.{source}"), words));
        }
        if name.is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
            continue;
        }
        push_all(&format!("{path}.name"), name, names::dns_label(name), causes);
        if !seen.insert(name) {
            causes.push(Cause::duplicate(format!("{path}.name"), name));
        }
    }
    seen
}

fn check_container(path: &str, container: &Value, volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let name = container["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required(format!("{path}.name"), ""));
    } else {
        push_all(&format!("{path}.name"), name, names::dns_label(name), causes);
    }
    if container["image"].as_str().unwrap_or_default().is_empty() {
        causes.push(Cause::required(format!("{path}.image"), ""));
    }
    let [message, pull] = CONTAINER_WORDS;
    let protocols: [(&str, &[&str]); 1] = [("protocol", &["SCTP", "TCP", "UDP"])];
    check_words(path, container, &[message], causes);
    for (i, port) in items(container, "/ports").enumerate() {
        let path = format!("{path}.ports[{i}]");
        match port["containerPort"].as_i64() {
            None | Some(0) => causes.push(Cause::required(format!("{path}.containerPort"), "")),
            Some(number) => check_range(&format!("{path}.containerPort"), number, 65535, causes),
        }
        check_words(&path, port, &protocols, causes);
    }
    for (i, variable) in items(container, "/env").enumerate() {
        check_variable(&format!("{path}.env[{i}]"), variable, causes);
    }
    check_mounts(&format!("{path}.volumeMounts"), container, volumes, causes);
    check_words(path, container, &[pull], causes);
    check_resources(&format!("{path}.resources"), &container["resources"], causes);
}

fn check_variable(path: &str, variable: &Value, causes: &mut Vec<Cause>) {
    let name = variable["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required(format!("{path}.name"), ""));
    } else if !name.bytes().all(|b| (b == b' ' || b.is_ascii_graphic()) && b != b'=') {
        let words = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        causes.push(Cause::invalid(format!("{path}.name"), name, words));
    }
    let Some(from) = variable["valueFrom"].as_object() else {
        return;
    };
    let words = match from.len() {
        0 => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        _ if !variable["value"].as_str().unwrap_or_default().is_empty() => {
            "may not be specified when `value` is not empty"
        }
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    causes.push(Cause::invalid(format!("{path}.valueFrom"), "", words));
}

fn check_mounts(path: &str, container: &Value, volumes: &BTreeSet<&str>, causes: &mut Vec<Cause>) {
    let mut places = BTreeSet::new();
    for (i, mount) in items(container, "/volumeMounts").enumerate() {
        let path = format!("{path}[{i}]");
        let name = mount["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
        }
        if !volumes.contains(name) {
            causes.push(Cause::not_found(format!("{path}.name"), name));
        }
        let place = mount["mountPath"].as_str().unwrap_or_default();
        if place.is_empty() {
            causes.push(Cause::required(format!("{path}.mountPath"), ""));
        }
        if !places.insert(place) {
            causes.push(Cause::invalid(format!("{path}.mountPath"), place, "must be unique"));
        }
    }
}

fn check_resources(path: &str, resources: &Value, causes: &mut Vec<Cause>) {
    let milli = |amount: &Value| amount.as_str().and_then(quantity::milli);
    for part in ["limits", "requests"] {
        for (name, amount) in resources[part].as_object().into_iter().flatten() {
            if amount.as_str().unwrap_or_default().starts_with('-') {
                let words = "must be greater than or equal to 0";
                causes.push(Cause::invalid(format!("{path}.{part}[{name}]"), amount.clone(), words));
            }
            let limit = &resources["limits"][name];
            if part == "requests"
                && let (Some(request_milli), Some(limit_milli)) = (milli(amount), milli(limit))
                && request_milli > limit_milli
            {
                let limit = limit.as_str().unwrap_or_default();
                let words = format!("must be less than or equal to {name} limit of {limit}");
                causes.push(Cause::invalid(format!("{path}.requests"), amount.clone(), &words));
            }
        }
    }
}

fn check_spread(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    for (i, constraint) in items(spec, "/topologySpreadConstraints").enumerate() {
        let path = format!("{path}.topologySpreadConstraints[{i}]");
        let skew = constraint["maxSkew"].as_i64().unwrap_or_default();
        if skew <= 0 {
            causes.push(Cause::invalid(
                format!("{path}.maxSkew"),
                skew,
                "must be greater than zero",
            ));
        }
        if constraint["topologyKey"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{path}.topologyKey"), "can not be empty"));
        }
        let actions: [(&str, &[&str]); 1] = [("whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"])];
        check_words(&path, constraint, &actions, causes);
    }
}

fn check_tolerations(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    for (i, toleration) in items(spec, "/tolerations").enumerate() {
        let path = format!("{path}.tolerations[{i}]");
        let part = |field: &str| toleration[field].as_str().unwrap_or_default();
        let (key, operator, value) = (part("key"), part("operator"), part("value"));
        if key.is_empty() && operator != "Exists" {
            let words = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            causes.push(Cause::invalid(format!("{path}.operator"), operator, words));
        }
        match operator {
            "" | "Equal" => push_all(&format!("{path}.operator"), value, names::label_value(value), causes),
            "Exists" if !value.is_empty() => {
                let words = "value must be empty when `operator` is 'Exists'";
                causes.push(Cause::invalid(format!("{path}.operator"), value, words));
            }
            "Exists" => {}
            other => causes.push(Cause::unsupported(
                format!("{path}.operator"),
                other,
                &["Equal", "Exists"],
            )),
        }
        let effects: [(&str, &[&str]); 1] = [("effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"])];
        check_words(&path, toleration, &effects, causes);
    }
}

/// Checks a change of a pod: upstream's list, except that images stay too, since a process that runs has no other one.
pub(super) fn check_change(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let (before, after) = (&old["spec"], &new["spec"]);
    let had = without_seconds(before);
    let has = without_seconds(after);
    if !had.iter().all(|toleration| has.contains(toleration)) {
        let words = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", words));
    }
    let mut allowed = before.clone();
    for field in ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations"] {
        if let Some(allowed) = allowed.as_object_mut() {
            match after.get(field) {
                Some(value) => allowed.insert(field.to_owned(), value.clone()),
                None => allowed.remove(field),
            };
        }
    }
    if allowed != *after {
        let words = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", words));
    }
}

/// Returns the tolerations without how long they last, which may change.
fn without_seconds(spec: &Value) -> Vec<Value> {
    let mut tolerations: Vec<Value> = items(spec, "/tolerations").cloned().collect();
    for toleration in tolerations.iter_mut().filter_map(Value::as_object_mut) {
        toleration.remove("tolerationSeconds");
    }
    tolerations
}
