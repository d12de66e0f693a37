//! Validation of `metadata`, in upstream's words and order.

use serde_json::Value;

use crate::local::kinds::Kind;
use crate::local::names;
use crate::local::object::{items, text};
use crate::local::status::Cause;

/// The most bytes that all annotations of an object have together.
const ANNOTATIONS_BYTES_MAX: usize = 256 << 10;

/// The finalizers that may be without a domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// Checks the metadata of a new object.
pub(super) fn check_new(kind: Kind, name: &str, value: &Value, causes: &mut Vec<Cause>) {
    let generate = text(value, "/metadata/generateName");
    if !generate.is_empty() {
        // A name is made by adding to it, so it may end in what a name may not end in.
        let stem = generate
            .strip_suffix('-')
            .map_or_else(|| generate.to_owned(), |stem| format!("{stem}a"));
        push_all("metadata.generateName", generate, name_problems(kind, &stem), causes);
    }
    push_all("metadata.name", name, name_problems(kind, name), causes);
    check_always(value, causes);
    for finalizer in items(value, "/metadata/finalizers").filter_map(Value::as_str) {
        push_all("metadata.finalizers", finalizer, names::qualified(finalizer), causes);
    }
    for (i, finalizer) in items(value, "/metadata/finalizers")
        .filter_map(Value::as_str)
        .enumerate()
    {
        if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let words = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(format!("metadata.finalizers[{i}]"), finalizer, words));
        }
    }
}

/// Checks the metadata of a changed object.
pub(super) fn check_changed(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    if !text(old, "/metadata/deletionTimestamp").is_empty() {
        let had: Vec<&Value> = items(old, "/metadata/finalizers").collect();
        let mut extra: Vec<String> = items(new, "/metadata/finalizers")
            .filter(|f| !had.contains(f))
            .map(Value::to_string)
            .collect();
        extra.sort_unstable();
        extra.dedup();
        if !extra.is_empty() {
            let words = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                extra.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &words));
        }
    }
    check_always(new, causes);
}

fn check_always(value: &Value, causes: &mut Vec<Cause>) {
    let meta = &value["metadata"];
    check_labels("metadata.labels", &meta["labels"], causes);
    let mut bytes = 0;
    for (key, value) in meta["annotations"].as_object().into_iter().flatten() {
        push_all(
            "metadata.annotations",
            key,
            names::qualified(&key.to_lowercase()),
            causes,
        );
        bytes += key.len() + value.as_str().unwrap_or_default().len();
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        causes.push(Cause::too_long("metadata.annotations", ANNOTATIONS_BYTES_MAX));
    }
    for owner in items(value, "/metadata/ownerReferences") {
        for (field, words) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                causes.push(Cause::invalid(format!("metadata.ownerReferences.{field}"), "", words));
            }
        }
    }
}

/// Checks keys and values of labels, also of a node selector.
pub(super) fn check_labels(path: &str, labels: &Value, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        push_all(path, key, names::qualified(key), causes);
        push_all(path, value, names::label_value(value), causes);
    }
}

fn name_problems(kind: Kind, name: &str) -> Vec<String> {
    match kind {
        Kind::Namespace => names::dns_label(name),
        Kind::Node | Kind::Pod | Kind::Event | Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount | Kind::Job => {
            names::dns_subdomain(name)
        }
    }
}

/// Adds one cause for each problem of a value.
pub(super) fn push_all(path: &str, value: &str, problems: Vec<String>, causes: &mut Vec<Cause>) {
    causes.extend(problems.into_iter().map(|words| Cause::invalid(path, value, &words)));
}
