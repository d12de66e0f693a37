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
