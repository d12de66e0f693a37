//! POST, PUT, PATCH and DELETE.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use axum::response::Response;
use serde_json::{Value, json};

use super::path::Target;
use super::query::Query;
use super::read::Selection;
use super::{Api, json_response};
use crate::local::kinds::Kind;
use crate::local::object::{Key, Object};
use crate::local::registry::{Change, DeleteOptions, Part, Propagation};
use crate::local::status::Status;

/// Creates an object.
pub(super) fn create(api: &Api, target: &Target, query: &Query, body: &[u8]) -> Result<Response, Status> {
    let value = parse(body)?;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let object = api.registry.create(target.kind, namespace, value, query.dry_run()?)?;
    Ok(json_response(201, object.json.clone()))
}

/// Replaces an object or its status.
pub(super) fn replace(api: &Api, target: &Target, query: &Query, body: &[u8]) -> Result<Response, Status> {
    change(api, target, query, &Change::Replace(parse(body)?))
}

/// Patches an object or its status.
pub(super) fn patch(
    api: &Api,
    target: &Target,
    query: &Query,
    media_type: &str,
    body: &[u8],
) -> Result<Response, Status> {
    let change_of: fn(Value) -> Change = match media_type.split(';').next().unwrap_or_default().trim() {
        "application/json-patch+json" => Change::Json,
        "application/merge-patch+json" => Change::Merge,
        "application/strategic-merge-patch+json" => Change::Strategic,
        _ => {
            let supported =
                "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";
            return Err(Status::unsupported_media_type(media_type, supported));
        }
    };
    change(api, target, query, &change_of(parse(body)?))
}

fn change(api: &Api, target: &Target, query: &Query, change: &Change) -> Result<Response, Status> {
    let part = match target.subresource.as_deref() {
        None => Part::Main,
        Some("status") if target.kind.spec().status => Part::Status,
        Some(_) => return Err(Status::no_such_path()),
    };
    let object = api.registry.change(&key(target)?, part, change, query.dry_run()?)?;
    Ok(json_response(200, object.json.clone()))
}

/// Deletes an object.
pub(super) fn delete(api: &Api, target: &Target, query: &Query, body: &[u8]) -> Result<Response, Status> {
    let (object, gone) = api.registry.delete(&key(target)?, &options(query, body)?)?;
    Ok(deleted(&object, gone))
}

/// Deletes every object of a collection that matches the selectors.
pub(super) fn delete_collection(api: &Api, target: &Target, query: &Query, body: &[u8]) -> Result<Response, Status> {
    let options = options(query, body)?;
    let (objects, _) = Selection::of(target, query)?.list(api.registry.store(), None);
    for object in &objects {
        match api.registry.delete(&object.key, &options) {
            Err(e) if e.code != 404 => return Err(e),
            // Somebody else deleted it first, which is as well.
            Ok(_) | Err(_) => {}
        }
    }
    let done = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    Ok(json_response(200, done.to_string().into()))
}

/// Answers with the object while it waits for its end, and as upstream for pods; else with a Status.
fn deleted(object: &Object, gone: bool) -> Response {
    if !gone || object.key.kind == Kind::Pod {
        return json_response(200, object.json.clone());
    }
    let spec = object.key.kind.spec();
    let mut details = json!({"name": object.key.name, "kind": spec.plural, "uid": object.head.metadata.uid});
    if !spec.group.is_empty() {
        details["group"] = json!(spec.group);
    }
    let done = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    json_response(200, done.to_string().into())
}

fn key(target: &Target) -> Result<Key, Status> {
    let name = target.name.as_deref().ok_or_else(Status::method_not_allowed)?;
    Ok(Key::new(
        target.kind,
        target.namespace.as_deref().unwrap_or_default(),
        name,
    ))
}

/// Parses a JSON body; other encodings (protobuf, YAML) are refused before.
pub(super) fn parse(body: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(body)
        .map_err(|e| Status::bad_request(format!("couldn't get version/kind; json parse error: {e}")))
}

fn options(query: &Query, body: &[u8]) -> Result<DeleteOptions, Status> {
    let body = if body.is_empty() { Value::Null } else { parse(body)? };
    let grace = match query.number("gracePeriodSeconds")? {
        Some(seconds) => i64::try_from(seconds).ok(),
        None => body["gracePeriodSeconds"].as_i64(),
    };
    let policy = query
        .get("propagationPolicy")
        .or_else(|| body["propagationPolicy"].as_str());
    let propagation = match policy {
        None => None,
        Some("Orphan") => Some(Propagation::Orphan),
        Some("Background") => Some(Propagation::Background),
        Some("Foreground") => Some(Propagation::Foreground),
        Some(other) => {
            return Err(Status::bad_request(format!(
                "Invalid value: {other:?}: supported values of propagationPolicy: \"Orphan\", \"Background\", \"Foreground\""
            )));
        }
    };
    let precondition = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
    let dry_run = query.dry_run()? || body["dryRun"].as_array().is_some_and(|d| d.iter().any(|v| v == "All"));
    Ok(DeleteOptions {
        grace_period_seconds: grace,
        propagation,
        uid: precondition("uid"),
        resource_version: precondition("resourceVersion"),
        dry_run,
    })
}
