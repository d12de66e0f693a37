//! `/openapi/v3`: the schemas and the paths of what is served, for `kubectl explain`, and for kubectl's question whether the server
//! validates fields.
//!
//! The schemas are those of k8s-openapi, whose types are also the schema that bodies are checked against: what is not explained
//! is not kept either. They are Kubernetes 1.33's. Three things in them are not as the API has them and are put right here: the
//! kind that a schema is, fields that only Rust's types require, and the values that a field of text may have ([`enums`]).
//!
//! The merge keys of lists are not in them. So the paths do not say that a strategic merge patch is taken, though it is: from
//! schemas without these keys `kubectl apply` would make patches that replace whole lists, and now it uses its own types.
//!
//! A document is made when it is first asked for, and kept.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

mod enums;

use std::sync::OnceLock;

use bytes::Bytes;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, ServiceAccount};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::reviews::REVIEWS;
use crate::local::kinds::KINDS;
use enums::ENUMS;

/// The document of one API group.
struct Document {
    /// Its path below `/openapi/v3`, which is also that of its objects.
    path: &'static str,
    group: &'static str,
    /// Adds the schemas of its kinds, and of all that they are made of.
    add: fn(&mut SchemaGenerator),
    made: OnceLock<Bytes>,
}

static DOCUMENTS: [Document; 4] = [
    document("api/v1", "", add_core),
    document(
        "apis/authentication.k8s.io/v1",
        "authentication.k8s.io",
        add_authentication,
    ),
    document(
        "apis/authorization.k8s.io/v1",
        "authorization.k8s.io",
        add_authorization,
    ),
    document("apis/batch/v1", "batch", add_batch),
];

const fn document(path: &'static str, group: &'static str, add: fn(&mut SchemaGenerator)) -> Document {
    Document {
        path,
        group,
        add,
        made: OnceLock::new(),
    }
}

fn add_core(generator: &mut SchemaGenerator) {
    generator.subschema_for::<ConfigMap>();
    generator.subschema_for::<Event>();
    generator.subschema_for::<Namespace>();
    generator.subschema_for::<Node>();
    generator.subschema_for::<Pod>();
    generator.subschema_for::<Secret>();
    generator.subschema_for::<ServiceAccount>();
}

fn add_authentication(generator: &mut SchemaGenerator) {
    generator.subschema_for::<SelfSubjectReview>();
}

fn add_authorization(generator: &mut SchemaGenerator) {
    generator.subschema_for::<LocalSubjectAccessReview>();
    generator.subschema_for::<SelfSubjectAccessReview>();
    generator.subschema_for::<SelfSubjectRulesReview>();
    generator.subschema_for::<SubjectAccessReview>();
}

fn add_batch(generator: &mut SchemaGenerator) {
    generator.subschema_for::<Job>();
}

/// Fields that Rust's types require because they cannot be told from empty ones, and one that 1.33 still required.
const NOT_REQUIRED: [(&str, &str, &str); 9] = [
    ("batch", "PodFailurePolicyOnPodConditionsPattern", "status"),
    ("core", "ConfigMapEnvSource", "name"),
    ("core", "ConfigMapKeySelector", "name"),
    ("core", "ConfigMapProjection", "name"),
    ("core", "ConfigMapVolumeSource", "name"),
    ("core", "LocalObjectReference", "name"),
    ("core", "SecretEnvSource", "name"),
    ("core", "SecretKeySelector", "name"),
    ("core", "SecretProjection", "name"),
];

/// What can be done at a path.
struct Operation {
    method: &'static str,
    /// Upstream's name for it.
    action: &'static str,
    parameters: &'static [&'static str],
    /// Whether an object of the kind is sent.
    takes: bool,
    /// Whether an object of the kind is the answer.
    gives: bool,
}

const READ: &[&str] = &[];
const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const PATCH: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];
const DELETE: &[&str] = &["dryRun", "gracePeriodSeconds", "propagationPolicy"];
const SELECT: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];

const COLLECTION: [Operation; 3] = [
    operation("get", "list", SELECT, false, false),
    operation("post", "post", WRITE, true, true),
    operation("delete", "deletecollection", DELETE, false, false),
];

const OBJECT: [Operation; 4] = [
    operation("get", "get", READ, false, true),
    operation("put", "put", WRITE, true, true),
    operation("patch", "patch", PATCH, false, true),
    operation("delete", "delete", DELETE, false, false),
];

const fn operation(
    method: &'static str,
    action: &'static str,
    parameters: &'static [&'static str],
    takes: bool,
    gives: bool,
) -> Operation {
    Operation {
        method,
        action,
        parameters,
        takes,
        gives,
    }
}

/// What the paths of a kind are made from.
struct Resource {
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    status: bool,
    /// Whether it is only asked and never stored.
    is_review: bool,
}

/// Answers a path below `/openapi/v3`; none for one that is not there.
pub(super) fn answer(path: &str) -> Option<Bytes> {
    let path = path.strip_prefix("/openapi/v3")?;
    if path.trim_matches('/').is_empty() {
        return Some(index().to_string().into());
    }
    let path = path.strip_prefix('/')?.trim_end_matches('/');
    let document = DOCUMENTS.iter().find(|d| d.path == path)?;
    Some(document.made.get_or_init(|| make(document).to_string().into()).clone())
}

fn index() -> Value {
    let row = |d: &Document| {
        let url = format!("/openapi/v3/{}?hash=1", d.path);
        (d.path.to_owned(), json!({"serverRelativeURL": url}))
    };
    json!({"paths": DOCUMENTS.iter().map(row).collect::<Map<String, Value>>()})
}

fn make(document: &Document) -> Value {
    let paths: Map<String, Value> = resources(document.group)
        .iter()
        .flat_map(|resource| paths(document, resource))
        .collect();
    json!({
        "openapi": "3.0.0", "info": {"title": "ttg-tui local cluster", "version": "v1"},
        "paths": paths, "components": {"schemas": schemas(document)},
    })
}

fn resources(group: &str) -> Vec<Resource> {
    let kinds = KINDS.iter().filter(|k| k.group == group).map(|k| Resource {
        kind: k.name,
        plural: k.plural,
        namespaced: k.namespaced,
        status: k.status,
        is_review: false,
    });
    let reviews = REVIEWS.iter().filter(|r| r.group == group).map(|r| Resource {
        kind: r.kind,
        plural: r.plural,
        namespaced: r.namespaced,
        status: false,
        is_review: true,
    });
    kinds.chain(reviews).collect()
}

/// Names a schema as upstream does.
fn schema_name(group: &str, kind: &str) -> String {
    let group = match group.split('.').next() {
        None | Some("") => "core",
        Some(group) => group,
    };
    format!("io.k8s.api.{group}.v1.{kind}")
}

fn gvk(document: &Document, resource: &Resource) -> Value {
    json!({"group": document.group, "kind": resource.kind, "version": "v1"})
}

fn schemas(document: &Document) -> Map<String, Value> {
    let mut generator = SchemaSettings::openapi3().into_generator();
    (document.add)(&mut generator);
    let mut schemas = generator.take_definitions(true);
    for resource in resources(document.group) {
        if let Some(schema) = schemas.get_mut(&schema_name(document.group, resource.kind)) {
            schema["x-kubernetes-group-version-kind"] = json!([gvk(document, &resource)]);
            // Of all kinds only upstream's Event requires its metadata.
            if resource.kind != "Event" {
                make_optional(schema, "metadata");
            }
        }
    }
    for (group, kind, field) in NOT_REQUIRED {
        if let Some(schema) = schemas.get_mut(&schema_name(group, kind)) {
            make_optional(schema, field);
        }
    }
    for (group, kind, field, values) in ENUMS {
        let schema = schemas.get_mut(&schema_name(group, kind));
        if let Some(property) = schema.and_then(|s| s.pointer_mut(&format!("/properties/{field}"))) {
            name_values(property, values);
        }
    }
    schemas
}

fn make_optional(schema: &mut Value, field: &str) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) else {
        return;
    };
    required.retain(|name| name != field);
    if required.is_empty() {
        object.remove("required");
    }
}

fn name_values(property: &mut Value, values: &str) {
    let target = if property["items"].is_object() {
        &mut property["items"]
    } else {
        property
    };
    target["enum"] = values.split(',').collect();
}

/// The paths of one kind, each with its operations.
fn paths(document: &Document, resource: &Resource) -> Vec<(String, Value)> {
    let namespace = if resource.namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    let collection = format!("/{}/{namespace}{}", document.path, resource.plural);
    let object = format!("{collection}/{{name}}");
    let item = |operations: &[Operation], wanted: fn(&Operation) -> bool, in_path: &[&str]| {
        let mut item = Map::new();
        for operation in operations.iter().filter(|o| wanted(o)) {
            item.insert(operation.method.to_owned(), described(document, resource, operation));
        }
        let is_there = |name: &&&str| resource.namespaced || **name != "namespace";
        let parameters = in_path.iter().filter(is_there).map(|name| parameter(name, "path"));
        item.insert("parameters".to_owned(), parameters.collect());
        Value::Object(item)
    };
    if resource.is_review {
        return vec![(collection, item(&COLLECTION, |o| o.method == "post", &["namespace"]))];
    }
    let mut paths = vec![
        (collection, item(&COLLECTION, |_| true, &["namespace"])),
        (object.clone(), item(&OBJECT, |_| true, &["name", "namespace"])),
    ];
    if resource.namespaced {
        let everywhere = format!("/{}/{}", document.path, resource.plural);
        paths.push((everywhere, item(&COLLECTION, |o| o.action == "list", &[])));
    }
    if resource.status {
        let status = format!("{object}/status");
        paths.push((status, item(&OBJECT, |o| o.method != "delete", &["name", "namespace"])));
    }
    paths
}

fn described(document: &Document, resource: &Resource, operation: &Operation) -> Value {
    let name = schema_name(document.group, resource.kind);
    let schema = json!({"$ref": format!("#/components/schemas/{name}")});
    let parameters: Value = operation
        .parameters
        .iter()
        .map(|name| parameter(name, "query"))
        .collect();
    let mut answer = json!({"description": "OK"});
    if operation.gives {
        answer["content"] = json!({"application/json": {"schema": schema}});
    }
    let mut described = json!({
        "parameters": parameters,
        "responses": {"200": answer},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": gvk(document, resource),
    });
    if operation.takes {
        described["requestBody"] = json!({"content": {"*/*": {"schema": schema}}, "required": true});
    }
    described
}

fn parameter(name: &str, place: &str) -> Value {
    json!({
        "name": name, "in": place, "required": place == "path",
        "schema": {"type": type_of(name), "uniqueItems": true},
    })
}

/// The type of a parameter.
fn type_of(parameter: &str) -> &'static str {
    match parameter {
        "allowWatchBookmarks" | "force" | "sendInitialEvents" | "watch" => "boolean",
        "gracePeriodSeconds" | "limit" | "timeoutSeconds" => "integer",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Value {
        serde_json::from_slice(&answer(path).unwrap()).unwrap()
    }

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|v| references(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| references(v, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_kind_has_its_schema_and_its_paths() {
        let index = read("/openapi/v3");
        let mut kinds = 0;
        for document in &DOCUMENTS {
            assert!(index["paths"][document.path].is_object());
            let made = read(&format!("/openapi/v3/{}", document.path));
            for resource in resources(document.group) {
                kinds += 1;
                let gvk = gvk(document, &resource);
                let schema = &made["components"]["schemas"][schema_name(document.group, resource.kind)];
                assert_eq!(schema["x-kubernetes-group-version-kind"], json!([gvk]));
                for (path, _) in paths(document, &resource) {
                    let item = made["paths"][&path].as_object().unwrap();
                    let all = item.iter().filter(|(name, _)| *name != "parameters");
                    assert!(all.clone().count() > 0, "{path}");
                    assert!(
                        all.map(|(_, o)| &o["x-kubernetes-group-version-kind"])
                            .all(|g| *g == gvk)
                    );
                }
            }
            let mut found = Vec::new();
            references(&made, &mut found);
            for reference in found {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(made.pointer(pointer).is_some_and(Value::is_object), "{reference}");
            }
        }
        assert_eq!(kinds, KINDS.len() + REVIEWS.len());
        for path in ["/openapi/v3/apis/apps/v1", "/openapi/v3api/v1", "/openapi/v2", "/"] {
            assert_eq!(answer(path), None, "{path}");
        }
    }

    #[test]
    fn schemas_are_as_the_api_has_them() {
        let batch = read("/openapi/v3/apis/batch/v1");
        let core = read("/openapi/v3/api/v1");
        let batch = &batch["components"]["schemas"];
        let core = &core["components"]["schemas"];
        let job = &batch["io.k8s.api.batch.v1.Job"];
        assert_eq!(job["required"], Value::Null);
        let spec = json!([{"$ref": "#/components/schemas/io.k8s.api.batch.v1.JobSpec"}]);
        assert_eq!(job["properties"]["spec"]["allOf"], spec);
        assert!(job["properties"]["spec"]["description"].is_string());
        assert_eq!(batch["io.k8s.api.batch.v1.JobSpec"]["required"], json!(["template"]));
        let event = &core["io.k8s.api.core.v1.Event"];
        assert_eq!(event["required"], json!(["involvedObject", "metadata"]));
        assert_eq!(core["io.k8s.api.core.v1.LocalObjectReference"]["required"], Value::Null);
        for (group, kind, field, values) in ENUMS {
            let name = schema_name(group, kind);
            let property = [core, batch]
                .into_iter()
                .find_map(|s| s[&name]["properties"].get(field))
                .unwrap();
            let named = property.get("enum").or_else(|| property["items"].get("enum"));
            assert_eq!(named, Some(&values.split(',').collect::<Value>()), "{name}.{field}");
        }
        for (group, kind, _) in NOT_REQUIRED {
            let name = schema_name(group, kind);
            assert!(core[&name].is_object() || batch[&name].is_object(), "{name}");
        }
    }

    #[test]
    fn kubectl_finds_that_fields_are_validated_and_no_strategic_patch() {
        let batch = read("/openapi/v3/apis/batch/v1");
        let patch = &batch["paths"]["/apis/batch/v1/namespaces/{namespace}/jobs/{name}"]["patch"];
        let names: Vec<&str> = patch["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, PATCH);
        assert_eq!(patch["requestBody"], Value::Null);
    }
}
