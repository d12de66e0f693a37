//! `pods/eviction`: a deletion that says why. `kubectl drain` empties a node with it.
//!
//! The pod gets the condition `DisruptionTarget`, by which a Job's failure policy tells a disruption from a failure, and is then
//! deleted. There are no `PodDisruptionBudget`s here, so nothing is ever refused for the sake of one.

use axum::response::Response;
use serde_json::{Value, json};

use super::Api;
use super::body;
use super::call::Call;
use super::options::{self, Verb};
use crate::local::object::text;
use crate::local::registry::{DeleteOptions, FieldValidation, set_condition};
use crate::local::status::Status;

/// Evicts a pod.
pub(super) fn create(api: &Api, call: &Call<'_>) -> Result<Response, Status> {
    let key = call.key()?;
    let write = options::of_write(call, Verb::Create, "")?;
    let eviction = body::parse_object("Eviction", call.body)?;
    check(&eviction, &key.name, &key.namespace, write.validation)?;
    let mut options = match eviction.get("deleteOptions").filter(|o| !o.is_null()) {
        Some(given) => options::delete_options(given)?,
        None => DeleteOptions::default(),
    };
    options.dry_run |= write.dry_run;
    // A dry run of the deletion tells whether its preconditions hold, before the pod is marked.
    let trial = DeleteOptions {
        dry_run: true,
        ..options.clone()
    };
    api.registry.delete(&key, &trial)?;
    if !options.dry_run {
        let now = api.registry.now();
        let (reason, message) = ("EvictionByEvictionAPI", "Eviction API: evicting");
        let mark = |pod: &mut Value| set_condition(pod, "DisruptionTarget", "True", reason, message, now);
        let marked = api.registry.edit(&key, mark)?;
        if options.resource_version.is_some() {
            // This very write made another version of the pod.
            options.resource_version = Some(marked.revision.to_string());
        }
        api.registry.delete(&key, &options)?;
    }
    let done = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(call.answer(201, done.to_string().into()))
}

/// The fields of an Eviction.
const FIELDS: [&str; 4] = ["apiVersion", "kind", "metadata", "deleteOptions"];

fn check(eviction: &Value, name: &str, namespace: &str, validation: FieldValidation) -> Result<(), Status> {
    let unusable = |kind: &str, version: &str, why: &str| {
        let version = version.rsplit('/').next().unwrap_or_default();
        Status::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a Eviction: {why}"
        ))
    };
    let (version, kind) = (text(eviction, "/apiVersion"), text(eviction, "/kind"));
    if !["", "Eviction"].contains(&kind) || !["", "policy/v1", "policy/v1beta1"].contains(&version) {
        let why = format!("converting (v1.{kind}) to (policy.Eviction): unknown conversion");
        return Err(unusable(kind, version, &why));
    }
    let unknown = eviction.as_object().into_iter().flatten();
    let unknown: Vec<String> = unknown
        .filter(|(field, _)| !FIELDS.contains(&field.as_str()))
        .map(|(field, _)| format!("unknown field {field:?}"))
        .collect();
    if validation == FieldValidation::Strict && !unknown.is_empty() {
        let why = format!("strict decoding error: {}", unknown.join(", "));
        return Err(unusable("Eviction", "policy/v1", &why));
    }
    if !["", namespace].contains(&text(eviction, "/metadata/namespace")) {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if text(eviction, "/metadata/name") != name {
        return Err(Status::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eviction_must_name_its_pod() {
        let strict = FieldValidation::Strict;
        for (eviction, want) in [
            (json!({"metadata": {"name": "p"}}), ""),
            (
                json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "n"}}),
                "",
            ),
            (
                json!({"metadata": {"name": "q"}}),
                "name in URL does not match name in Eviction object",
            ),
            (
                json!({"metadata": {"name": "p", "namespace": "o"}}),
                "the namespace of the provided object does not match the namespace sent on the request",
            ),
            (
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}),
                "Pod in version \"v1\" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): unknown conversion",
            ),
            (
                json!({"metadata": {"name": "p"}, "foo": 1}),
                "Eviction in version \"v1\" cannot be handled as a Eviction: strict decoding error: unknown field \"foo\"",
            ),
        ] {
            let found = check(&eviction, "p", "n", strict).map_err(|s| s.message);
            assert_eq!(found.err().unwrap_or_default(), want);
        }
    }
}
