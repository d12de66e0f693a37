//! POST, PUT, PATCH and DELETE.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use axum::http::header;
use axum::response::Response;
use serde_json::{Value, json};

use super::accept::Form;
use super::call::{Call, with_warnings};
use super::options::{self, Verb};
use super::read::{self, Selection};
use super::{Api, body, strict};
use crate::local::kinds::Kind;
use crate::local::object::Object;
use crate::local::registry::{Change, FieldValidation, Part, Propagation, Registry};
use crate::local::status::Status;

/// What upstream says to who deletes a Job without saying what becomes of its pods.
const ORPHANS: &str = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

/// Creates an object.
pub(super) fn create(api: &Api, call: &Call<'_>) -> Result<Response, Status> {
    let form = form(call)?;
    let options = options::of_write(call, Verb::Create, "")?;
    let (value, warnings) = read_object(call, options.validation, None)?;
    let namespace = call.target.namespace.as_deref().unwrap_or_default();
    let object = api.registry.create_with(call.target.kind, namespace, value, &options)?;
    let response = call.answer(201, form.one(&object.json(), api.registry.now()));
    Ok(with_warnings(response, &warnings))
}

/// Replaces an object or its status.
pub(super) fn replace(api: &Api, call: &Call<'_>) -> Result<Response, Status> {
    let form = form(call)?;
    let (part, subresource) = part(call);
    let options = options::of_write(call, Verb::Update, subresource)?;
    let key = call.key()?;
    let stored = api.registry.get(&key).ok().map(|object| object.value());
    let (value, warnings) = read_object(call, options.validation, stored.as_ref())?;
    let written = api
        .registry
        .change_with(&key, part, &Change::Replace(value), &options)?;
    let response = call.answer(200, form.one(&written.object.json(), api.registry.now()));
    Ok(with_warnings(response, &warnings))
}

/// Patches an object or its status, or applies a configuration to it.
pub(super) fn patch(api: &Api, call: &Call<'_>) -> Result<Response, Status> {
    let form = form(call)?;
    let (part, subresource) = part(call);
    let body = call.body;
    let media_type = call.media_type();
    let verb = if media_type == "application/apply-patch+yaml" {
        Verb::Apply
    } else {
        Verb::Patch
    };
    let options = || options::of_write(call, verb, subresource);
    let change = match media_type {
        "application/apply-patch+yaml" => {
            let options = options()?;
            let config = body::parse_config(body)?;
            let force = call.query.flag("force");
            let (object, is_new) = api.registry.apply(&call.key()?, part, &config, force, &options)?;
            let code = if is_new { 201 } else { 200 };
            return Ok(call.answer(code, form.one(&object.json(), api.registry.now())));
        }
        "application/json-patch+json" => Change::Json(body::parse_json_patch(body)?),
        "application/merge-patch+json" => Change::Merge(body::parse_merge_patch(body)?),
        "application/strategic-merge-patch+json" => Change::Strategic(body::parse_strategic_patch(body)?),
        _ => return Err(Status::unsupported_patch()),
    };
    let written = api.registry.change_with(&call.key()?, part, &change, &options()?)?;
    let response = call.answer(200, form.one(&written.object.json(), api.registry.now()));
    Ok(with_warnings(response, &written.warnings))
}

/// Deletes an object.
pub(super) fn delete(api: &Api, call: &Call<'_>) -> Result<Response, Status> {
    let form = form(call)?;
    let options = options::of_delete(call)?;
    let (object, gone) = api.registry.delete(&call.key()?, &options)?;
    let response = match deletion_status(&object, gone) {
        Some(status) => call.answer(200, status.to_string().into()),
        None => call.answer(200, form.one(&object.json(), api.registry.now())),
    };
    Ok(with_warnings(response, &deletion_warnings(call, options.propagation)))
}

/// Deletes every object of a collection that matches the selectors, and answers with them as they were.
pub(super) fn delete_collection(api: &Api, call: &Call<'_>) -> Result<Response, Status> {
    let options = options::of_delete(call)?;
    let (objects, revision) = Selection::of(call.target, call.query)?.list(api.registry.store(), None);
    for object in &objects {
        match api.registry.delete(&object.key, &options) {
            Err(e) if e.code != 404 => return Err(e),
            // Somebody else deleted it first, which is as well.
            Ok(_) | Err(_) => {}
        }
    }
    let meta = json!({"resourceVersion": revision.to_string()});
    let list = read::list_body(call.target.kind.spec(), &meta, &objects);
    let response = call.answer(200, list);
    Ok(with_warnings(response, &deletion_warnings(call, options.propagation)))
}

fn deletion_warnings(call: &Call<'_>, propagation: Option<Propagation>) -> Vec<String> {
    let is_silent = call.target.kind == Kind::Job && propagation.is_none();
    is_silent.then(|| ORPHANS.to_owned()).into_iter().collect()
}

/// Returns the Status that tells of a deletion; none where the object is the answer: while it waits for its end, and as upstream for
/// pods and service accounts.
fn deletion_status(object: &Object, gone: bool) -> Option<Value> {
    if !gone || matches!(object.key.kind, Kind::Pod | Kind::ServiceAccount) {
        return None;
    }
    let spec = object.key.kind.spec();
    let mut details = json!({"name": object.key.name, "kind": spec.plural, "uid": object.head.metadata.uid});
    if !spec.group.is_empty() {
        details["group"] = json!(spec.group);
    }
    Some(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}))
}

fn form(call: &Call<'_>) -> Result<Form, Status> {
    let accept = call.header(header::ACCEPT);
    Form::of(accept, call.target.kind.spec(), false, call.query)
}

/// Returns the part of the object that the path names, and the name of the subresource.
fn part(call: &Call<'_>) -> (Part, &'static str) {
    match call.target.subresource.as_deref() {
        Some("status") => (Part::Status, "status"),
        Some(_) | None => (Part::Main, ""),
    }
}

/// Parses an object, and looks for fields that its kind does not have: they are warnings, or they are refused. What is stored
/// already was not made up by the client.
fn read_object(
    call: &Call<'_>,
    validation: FieldValidation,
    stored: Option<&Value>,
) -> Result<(Value, Vec<String>), Status> {
    let name = call.target.kind.spec().name;
    let value = body::parse_object(name, call.body)?;
    if validation == FieldValidation::Ignore {
        return Ok((value, Vec::new()));
    }
    let mut known = Registry::typed(call.target.kind, &value)?;
    if let Some(stored) = stored {
        strict::add_fields(&mut known, stored);
    }
    let problems = strict::problems(call.body, &known);
    if problems.is_empty() || validation == FieldValidation::Warn {
        return Ok((value, problems));
    }
    Err(Status::bad_request(format!(
        "{name} in version \"v1\" cannot be handled as a {name}: strict decoding error: {}",
        problems.join(", ")
    )))
}
