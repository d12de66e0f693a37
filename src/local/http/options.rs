//! What a request asks for besides its body: who writes, whether in earnest, and how strictly it is read.
//!
//! Upstream calls these `CreateOptions`, `UpdateOptions`, `PatchOptions` and `DeleteOptions`, and refuses wrong ones in these names.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use axum::http::header;
use serde_json::{Value, json};

use super::body;
use super::call::Call;
use crate::local::patch::apply::Writer;
use crate::local::registry::{DeleteOptions, FieldValidation, Propagation, WriteOptions};
use crate::local::status::{Cause, Status};

/// The longest name of a manager.
const MANAGER_BYTES_MAX: usize = 128;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH with a configuration.
    Apply,
    /// PATCH with any other patch.
    Patch,
}

impl Verb {
    fn options(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Apply | Self::Patch => "PatchOptions",
        }
    }
}

/// Reads the options of a write.
pub(super) fn of_write(call: &Call<'_>, verb: Verb, subresource: &'static str) -> Result<WriteOptions, Status> {
    let query = call.query;
    let manager = query.get("fieldManager").unwrap_or_default();
    let mut causes = Vec::new();
    match verb {
        Verb::Apply if manager.is_empty() => {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        }
        Verb::Patch if query.get("force").is_some() => {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        Verb::Create | Verb::Update | Verb::Apply | Verb::Patch => {}
    }
    check_manager(manager, &mut causes);
    check_dry_run(query.get("dryRun"), &mut causes);
    let validation = match query.get("fieldValidation") {
        None | Some("Warn") => FieldValidation::Warn,
        Some("Ignore") => FieldValidation::Ignore,
        Some("Strict") => FieldValidation::Strict,
        Some(other) => {
            let allowed = ["", "Ignore", "Strict", "Warn"];
            causes.push(Cause::unsupported("fieldValidation", other, &allowed));
            FieldValidation::Ignore
        }
    };
    if !causes.is_empty() {
        return Err(Status::invalid_options(verb.options(), causes));
    }
    Ok(WriteOptions {
        dry_run: query.get("dryRun").is_some(),
        writer: Some(Writer {
            manager: manager_or_client(manager, call.header(header::USER_AGENT)),
            subresource,
        }),
        validation,
    })
}

/// Returns the manager's name: the one given, else the client's own.
fn manager_or_client(given: &str, client: &str) -> String {
    if !given.is_empty() {
        return given.to_owned();
    }
    let name = client.split('/').next().unwrap_or_default();
    let printable: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(MANAGER_BYTES_MAX)
        .collect();
    if printable.is_empty() {
        "unknown".to_owned()
    } else {
        printable
    }
}

fn check_manager(manager: &str, causes: &mut Vec<Cause>) {
    if manager.len() > MANAGER_BYTES_MAX {
        causes.push(Cause::too_long("fieldManager", MANAGER_BYTES_MAX));
    }
    for (at, c) in manager.char_indices().filter(|(_, c)| c.is_control()) {
        let words = format!("invalid character U+{:04X} (at position {at})", u32::from(c));
        causes.push(Cause::invalid("fieldManager", manager, &words));
    }
}

fn check_dry_run(asked: Option<&str>, causes: &mut Vec<Cause>) {
    if let Some(other) = asked.filter(|a| *a != "All") {
        causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {}: supported values: \"All\"", json!([other])),
            field: "dryRun".into(),
        });
    }
}

/// Reads the options of a deletion: from the body if there is one, else from the query.
pub(super) fn of_delete(call: &Call<'_>) -> Result<DeleteOptions, Status> {
    if call.body.is_empty() {
        let query = call.query;
        let flag = query.get("orphanDependents").map(|_| query.flag("orphanDependents"));
        return delete_options(&json!({
            "gracePeriodSeconds": query.integer("gracePeriodSeconds")?,
            "propagationPolicy": query.get("propagationPolicy"),
            "orphanDependents": flag,
            "dryRun": query.get("dryRun").map(|d| [d]),
        }));
    }
    let mut body = body::parse(call.body)?;
    if !body.is_object() {
        return Err(Status::bad_request(
            "couldn't get version/kind; json parse error: DeleteOptions are an object",
        ));
    }
    let kind = body["kind"].as_str().unwrap_or("DeleteOptions");
    if kind != "DeleteOptions" {
        let version = body["apiVersion"].as_str().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )));
    }
    if let (Some(asked), Value::Object(body)) = (call.query.get("dryRun"), &mut body) {
        // Upstream does not read the query then, and deletes in earnest. Who asks for a trial gets one here.
        body.insert("dryRun".into(), json!([asked]));
    }
    delete_options(&body)
}

/// Reads `DeleteOptions`.
pub(super) fn delete_options(body: &Value) -> Result<DeleteOptions, Status> {
    let mut causes = Vec::new();
    let (policy, orphan) = (body["propagationPolicy"].as_str(), body["orphanDependents"].as_bool());
    if let (Some(policy), Some(_)) = (policy, orphan) {
        let words = "orphanDependents and deletionPropagation cannot be both set";
        causes.push(Cause::invalid("propagationPolicy", policy, words));
    }
    let propagation = match (policy, orphan) {
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (None, None) => None,
        (Some(other), _) => {
            let allowed = ["Foreground", "Background", "Orphan", "nil"];
            causes.push(Cause::unsupported("propagationPolicy", other, &allowed));
            None
        }
    };
    let dry_run = body["dryRun"]
        .as_array()
        .and_then(|d| d.first())
        .and_then(Value::as_str);
    check_dry_run(dry_run, &mut causes);
    if !causes.is_empty() {
        return Err(Status::invalid_options("DeleteOptions", causes));
    }
    let precondition = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
    // A period that is no period means the shortest one.
    let grace = body["gracePeriodSeconds"].as_i64().map(|s| if s < 0 { 1 } else { s });
    Ok(DeleteOptions {
        grace_period_seconds: grace,
        propagation,
        uid: precondition("uid"),
        resource_version: precondition("resourceVersion"),
        dry_run: dry_run.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_deletion() {
        let read = |body: Value| delete_options(&body).map_err(|s| s.message);
        let read_one = read(json!({"propagationPolicy": "Foreground", "gracePeriodSeconds": -2, "dryRun": ["All"]}));
        let read_one = read_one.unwrap();
        assert_eq!(
            (read_one.propagation, read_one.grace_period_seconds, read_one.dry_run),
            (Some(Propagation::Foreground), Some(1), true)
        );
        assert_eq!(
            read(json!({"orphanDependents": true})).unwrap().propagation,
            Some(Propagation::Orphan)
        );
        for (body, want) in [
            (
                json!({"propagationPolicy": "Foo"}),
                "propagationPolicy: Unsupported value: \"Foo\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
            ),
            (
                json!({"dryRun": ["Foo"]}),
                "dryRun: Unsupported value: [\"Foo\"]: supported values: \"All\"",
            ),
            (
                json!({"propagationPolicy": "Orphan", "orphanDependents": true}),
                "propagationPolicy: Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set",
            ),
        ] {
            let words = format!("DeleteOptions.meta.k8s.io \"\" is invalid: {want}");
            assert_eq!(read(body).unwrap_err(), words);
        }
    }

    #[test]
    fn a_client_that_names_no_manager_is_known_by_its_own_name() {
        for (given, client, want) in [
            ("me", "kubectl/v1.32", "me"),
            ("", "kubectl/v1.32 (linux/amd64)", "kubectl"),
            ("", "", "unknown"),
        ] {
            assert_eq!(manager_or_client(given, client), want);
        }
        let mut causes = Vec::new();
        check_manager("a\u{7}", &mut causes);
        assert_eq!(
            causes[0].message,
            "Invalid value: \"a\\u0007\": invalid character U+0007 (at position 1)"
        );
    }
}
