//! Validation, in upstream's words: what a new object must satisfy, and what may not change later.
//!
//! What nothing here reads is not validated: probes, security contexts, affinities and the parts of volumes.

mod job;
mod meta;
mod pod;
mod status;
mod success;

use serde_json::Value;

use crate::local::faults;
use crate::local::kinds::Kind;
use crate::local::names;
use crate::local::status::{Cause, Status};

const IMMUTABLE: &str = "field is immutable";

/// Checks a new object.
pub(super) fn new(kind: Kind, name: &str, value: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    meta::check_new(kind, name, value, &mut causes);
    causes.extend(faults::refusals(kind, value));
    match kind {
        Kind::Job => job::check(name, value, &mut causes),
        Kind::Pod => pod::check_spec("spec", &value["spec"], &mut causes),
        Kind::ConfigMap | Kind::Secret => check_data(kind, value, &mut causes),
        Kind::Namespace | Kind::Node | Kind::Event | Kind::ServiceAccount => {}
    }
    refuse(kind, name, causes)
}

/// Checks a change of an object.
pub(super) fn changed(kind: Kind, name: &str, old: &Value, new: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    meta::check_changed(old, new, &mut causes);
    causes.extend(faults::refusals(kind, new));
    match kind {
        Kind::Job => {
            job::check(name, new, &mut causes);
            job::check_change(old, new, &mut causes);
        }
        Kind::Pod => pod::check_change(old, new, &mut causes),
        Kind::ConfigMap | Kind::Secret => {
            if kind == Kind::Secret && old["type"] != new["type"] {
                causes.push(Cause::invalid("type", new["type"].clone(), IMMUTABLE));
            }
            check_immutable_data(old, new, &mut causes);
            check_data(kind, new, &mut causes);
        }
        Kind::Namespace | Kind::Node | Kind::Event | Kind::ServiceAccount => {}
    }
    refuse(kind, name, causes)
}

/// Checks a change of an object's status.
pub(super) fn status_changed(kind: Kind, name: &str, old: &Value, new: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    meta::check_changed(old, new, &mut causes);
    if kind == Kind::Job {
        status::check_job(old, new, &mut causes);
    }
    refuse(kind, name, causes)
}

fn refuse(kind: Kind, name: &str, causes: Vec<Cause>) -> Result<(), Status> {
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid(kind.spec(), name, causes))
    }
}

fn check_data(kind: Kind, value: &Value, causes: &mut Vec<Cause>) {
    for field in ["data", "binaryData"] {
        for key in value[field].as_object().into_iter().flatten().map(|(key, _)| key) {
            let path = format!("{field}[{key}]");
            meta::push_all(&path, key, names::data_key(key), causes);
            if kind == Kind::ConfigMap && field == "data" && value["binaryData"].get(key).is_some() {
                causes.push(Cause::invalid(
                    path,
                    key.as_str(),
                    "duplicate of key present in binaryData",
                ));
            }
        }
    }
}

fn check_immutable_data(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    if old["immutable"] != true {
        return;
    }
    for field in ["immutable", "data", "binaryData"] {
        if old[field] != new[field] {
            causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
        }
    }
}

#[cfg(test)]
mod tests;
