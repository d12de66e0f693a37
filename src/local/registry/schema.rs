//! The schema: what fields a kind has, and of what type. The types of k8s-openapi are the schema, so there is no second one.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, ServiceAccount};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::local::kinds::{Kind, KindSpec};
use crate::local::object::text;
use crate::local::status::Status;

/// Refuses a body of another kind than the path names.
pub(super) fn check_type_meta(spec: &KindSpec, value: &Value) -> Result<(), Status> {
    let (api_version, kind) = (text(value, "/apiVersion"), text(value, "/kind"));
    if !value.is_object() {
        return Err(Status::bad_request("the body is not a JSON object"));
    }
    // Upstream fills both in from the path when they are absent.
    if (!api_version.is_empty() && api_version != spec.api_version()) || (!kind.is_empty() && kind != spec.name) {
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): got {api_version}/{kind}",
            spec.name
        )));
    }
    Ok(())
}

/// Checks the types of all fields and drops fields that the kind does not have, as upstream does.
pub(super) fn prune(kind: Kind, mut value: Value) -> Result<Value, Status> {
    if let Some(object) = value.as_object_mut() {
        // The typed readers insist on both; the path has named them already.
        object.insert("apiVersion".into(), kind.spec().api_version().into());
        object.insert("kind".into(), kind.spec().name.into());
    }
    quantities_as_text(&mut value);
    match kind {
        Kind::Namespace => through::<Namespace>(kind, value),
        Kind::Node => through::<Node>(kind, value),
        Kind::Pod => through::<Pod>(kind, value),
        Kind::Event => through::<Event>(kind, value),
        Kind::ConfigMap => through::<ConfigMap>(kind, value),
        Kind::Secret => through::<Secret>(kind, value),
        Kind::ServiceAccount => through::<ServiceAccount>(kind, value),
        Kind::Job => through::<Job>(kind, value),
    }
}

fn through<T: DeserializeOwned + Serialize>(kind: Kind, value: Value) -> Result<Value, Status> {
    let spec = kind.spec();
    let typed: T = serde_json::from_value(value).map_err(|e| {
        Status::bad_request(format!(
            "{} in version \"v1\" cannot be handled as a {}: {e}",
            spec.name, spec.name
        ))
    })?;
    serde_json::to_value(typed).map_err(|e| Status::internal(e.to_string()))
}

/// Writes quantities that were given as numbers, such as `cpu: 1`, as the text that they are.
fn quantities_as_text(value: &mut Value) {
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

/// The fields whose values are quantities by resource.
const QUANTITY_MAPS: [&str; 4] = ["requests", "limits", "capacity", "allocatable"];

/// Names the fields of a body that the kind does not have, as upstream does with `fieldValidation=Strict`.
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
