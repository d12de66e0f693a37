//! The schema: what fields a kind has, and of what type. The types of k8s-openapi are the schema, so there is no second one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, ServiceAccount};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::local::kinds::{KINDS, Kind, KindSpec};
use crate::local::object::{object_at, text};
use crate::local::quantity;
use crate::local::status::Status;

/// Refuses a body of another kind than the path names.
pub(super) fn check_type_meta(spec: &KindSpec, value: &Value) -> Result<(), Status> {
    if !value.is_object() {
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: the body is not a JSON object",
            spec.name
        )));
    }
    // Upstream fills both in from the path when they are absent.
    let or = |given: &str, own: &str| {
        if given.is_empty() {
            own.to_owned()
        } else {
            given.to_owned()
        }
    };
    let api_version = or(text(value, "/apiVersion"), &spec.api_version());
    let kind = or(text(value, "/kind"), spec.name);
    match wrong_kind(&api_version, &kind, spec) {
        None => Ok(()),
        Some(why) => {
            let version = api_version.rsplit('/').next().unwrap_or_default();
            Err(Status::bad_request(format!(
                "{kind} in version {version:?} cannot be handled as a {}: {why}",
                spec.name
            )))
        }
    }
}

/// Says in upstream's words why an object of one kind is none of another.
fn wrong_kind(api_version: &str, kind: &str, wanted: &KindSpec) -> Option<String> {
    if kind == wanted.name && api_version == wanted.api_version() {
        return None;
    }
    let is_known = KINDS.iter().any(|k| k.name == kind && k.api_version() == api_version);
    if !is_known {
        return Some(format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        ));
    }
    let package = if wanted.group.is_empty() { "core" } else { wanted.group };
    Some(format!(
        "converting (v1.{kind}) to ({package}.{}): unknown conversion",
        wanted.name
    ))
}

/// Checks the types of all fields and drops fields that the kind does not have, as upstream does.
pub(super) fn prune(kind: Kind, value: Value) -> Result<Value, Status> {
    let mut value = typed(kind, value).map_err(|why| cannot_be_handled(kind, &why))?;
    settle(kind, &mut value);
    Ok(value)
}

/// Refuses a body that does not have the types of its kind.
pub(super) fn cannot_be_handled(kind: Kind, why: &str) -> Status {
    let name = kind.spec().name;
    Status::bad_request(format!("{name} in version \"v1\" cannot be handled as a {name}: {why}"))
}

/// Reads a value through the types of its kind: what the kind does not have is left out. The error says which type is wrong.
pub(super) fn typed(kind: Kind, mut value: Value) -> Result<Value, String> {
    if let Some(object) = value.as_object_mut() {
        // The typed readers insist on both; the path has named them already.
        object.insert("apiVersion".into(), kind.spec().api_version().into());
        object.insert("kind".into(), kind.spec().name.into());
    }
    quantities_as_text(&mut value);
    check_quantities(&value)?;
    match kind {
        Kind::Namespace => through::<Namespace>(value),
        Kind::Node => through::<Node>(value),
        Kind::Pod => through::<Pod>(value),
        Kind::Event => through::<Event>(value),
        Kind::ConfigMap => through::<ConfigMap>(value),
        Kind::Secret => through::<Secret>(value),
        Kind::ServiceAccount => through::<ServiceAccount>(value),
        Kind::Job => through::<Job>(value),
    }
}

fn through<T: DeserializeOwned + Serialize>(value: Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(value).map_err(|e| go_words(&e.to_string()))?;
    serde_json::to_value(typed).map_err(|e| e.to_string())
}

/// Says as Go does that a text is not base64; all other words are those of serde.
fn go_words(why: &str) -> String {
    let offset = why
        .strip_prefix("Invalid symbol ")
        .and_then(|rest| rest.split_once("offset "));
    match offset {
        Some((_, offset)) => format!("illegal base64 data at input byte {}", offset.trim_end_matches('.')),
        None => why.to_owned(),
    }
}

/// Makes of a typed object what Go's types would write: no empty maps and lists, and of a Secret no texts besides its data.
fn settle(kind: Kind, value: &mut Value) {
    if kind == Kind::Secret
        && let Some(Value::Object(texts)) = object_at(value, &[]).remove("stringData")
    {
        let data = object_at(value, &["data"]);
        for (key, text) in texts {
            data.insert(key, Value::String(STANDARD.encode(text.as_str().unwrap_or_default())));
        }
    }
    omit_empty(value);
}

/// The fields that hold a map, which Go leaves out when it is empty. Other empty objects mean something, such as `emptyDir`.
const MAPS: [&str; 11] = [
    "labels",
    "annotations",
    "data",
    "binaryData",
    "limits",
    "requests",
    "capacity",
    "allocatable",
    "nodeSelector",
    "matchLabels",
    "overhead",
];

fn omit_empty(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|name, inner| {
                // The managers' sets of fields are full of empty objects.
                if name != "managedFields" {
                    omit_empty(inner);
                }
                match inner {
                    Value::Object(map) => !map.is_empty() || !MAPS.contains(&name.as_str()),
                    Value::Array(list) => !list.is_empty(),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
                }
            });
        }
        Value::Array(list) => list.iter_mut().for_each(omit_empty),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes the fields that are null: they say that there is no such field.
pub(super) fn omit_null(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, inner| !inner.is_null());
            object.values_mut().for_each(omit_null);
        }
        Value::Array(list) => list.iter_mut().for_each(omit_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Writes quantities that were given as numbers, such as `cpu: 1`, as the text that they are.
pub(super) fn quantities_as_text(value: &mut Value) {
    if let Value::Array(list) = value {
        list.iter_mut().for_each(quantities_as_text);
    }
    for (name, inner) in value.as_object_mut().into_iter().flatten() {
        if let (true, Value::Object(amounts)) = (QUANTITY_MAPS.contains(&name.as_str()), &mut *inner) {
            for amount in amounts.values_mut().filter(|a| a.is_number()) {
                *amount = Value::String(amount.to_string());
            }
        } else {
            quantities_as_text(inner);
        }
    }
}

fn check_quantities(value: &Value) -> Result<(), String> {
    if let Value::Array(list) = value {
        return list.iter().try_for_each(check_quantities);
    }
    let is_amount = |text: &str| quantity::milli(text.trim_start_matches(['+', '-'])).is_some();
    for (name, inner) in value.as_object().into_iter().flatten() {
        if let (true, Value::Object(amounts)) = (QUANTITY_MAPS.contains(&name.as_str()), inner) {
            if !amounts.values().filter_map(Value::as_str).all(is_amount) {
                let words =
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                return Err(words.to_owned());
            }
        } else {
            check_quantities(inner)?;
        }
    }
    Ok(())
}

/// The fields whose values are quantities by resource.
const QUANTITY_MAPS: [&str; 4] = ["requests", "limits", "capacity", "allocatable"];

/// Names the fields of a body that the kind does not have: `kept` is what it has of it.
pub(super) fn unknown_fields(sent: &Value, kept: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    find_unknown(sent, kept, "", &mut unknown);
    unknown
}

fn find_unknown(sent: &Value, kept: &Value, path: &str, unknown: &mut Vec<String>) {
    match (sent, kept) {
        (Value::Object(sent), Value::Object(kept)) => {
            for (name, value) in sent {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match kept.get(name) {
                    Some(kept) => find_unknown(value, kept, &path, unknown),
                    // An empty value says nothing, so its absence is no loss.
                    None if value.is_null() => {}
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(sent), Value::Array(kept)) => {
            for (i, (sent, kept)) in sent.iter().zip(kept).enumerate() {
                find_unknown(sent, kept, &format!("{path}[{i}]"), unknown);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_kind_is_refused_in_upstreams_words() {
        for (body, want) in [
            (json!({}), ""),
            (json!({"kind": "ConfigMap", "apiVersion": "v1"}), ""),
            (
                json!({"kind": "Job", "apiVersion": "batch/v1"}),
                "Job in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Job) to (core.ConfigMap): unknown conversion",
            ),
            (
                json!({"kind": "Foo", "apiVersion": "v1"}),
                "Foo in version \"v1\" cannot be handled as a ConfigMap: no kind \"Foo\" is registered for version \"v1\" in scheme \"pkg/runtime/scheme.go:111\"",
            ),
        ] {
            let found = check_type_meta(Kind::ConfigMap.spec(), &body).map_err(|s| s.message);
            assert_eq!(found.err().unwrap_or_default(), want);
        }
    }

    #[test]
    fn what_is_empty_is_left_out_and_texts_of_a_secret_become_data() {
        let sent = json!({"metadata": {"labels": {}, "finalizers": []}, "stringData": {"a": "b"}});
        let kept = prune(Kind::Secret, sent).unwrap();
        assert_eq!(kept["metadata"], json!({}));
        assert_eq!((&kept["data"], kept.get("stringData")), (&json!({"a": "Yg=="}), None));
        let volume = json!({"name": "v", "emptyDir": {}});
        let pod = json!({"spec": {"containers": [{"name": "c", "command": []}], "volumes": [volume]}});
        let kept = prune(Kind::Pod, pod).unwrap();
        assert_eq!(kept["spec"]["volumes"], json!([volume]));
        assert!(kept["spec"]["containers"][0].get("command").is_none());
    }

    #[test]
    fn types_that_are_wrong_are_refused() {
        let limits =
            |cpu: Value| json!({"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": cpu}}}]}});
        assert_eq!(
            typed(Kind::Pod, limits(json!(1))).unwrap()["spec"]["containers"][0]["resources"]["limits"]["cpu"],
            "1"
        );
        for (kind, body, want) in [
            (Kind::Pod, limits(json!("x")), "quantities must match"),
            (
                Kind::Secret,
                json!({"data": {"a": "!"}}),
                "illegal base64 data at input byte 0",
            ),
            (Kind::ConfigMap, json!({"data": {"a": 1}}), "invalid type"),
        ] {
            let why = typed(kind, body).unwrap_err();
            assert!(why.contains(want), "{why}");
        }
    }
}
