//! Validation, in upstream's words: what a new object must satisfy, and what may not change later.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use k8s_openapi::api::batch::v1::JobSpec;
use k8s_openapi::api::core::v1::PodSpec;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::local::kinds::Kind;
use crate::local::object::items;
use crate::local::quantity;
use crate::local::status::{Cause, Status};

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const IMMUTABLE: &str = "field is immutable";

/// Checks a new object.
pub(super) fn new(kind: Kind, name: &str, value: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    check_name(kind, name, &mut causes);
    match kind {
        Kind::Job => {
            check_job(value, &mut causes);
            check_job_name(name, value, &mut causes);
        }
        Kind::Pod => check_pod_spec("spec", &value["spec"], &mut causes),
        Kind::Namespace | Kind::Node | Kind::Event | Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount => {}
    }
    refuse(kind, name, causes)
}

/// Checks a change of an object.
pub(super) fn changed(kind: Kind, name: &str, old: &Value, new: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    match kind {
        Kind::Job => {
            check_job(new, &mut causes);
            check_job_change(old, new, &mut causes);
        }
        Kind::Pod => check_pod_change(old, new, &mut causes),
        Kind::ConfigMap | Kind::Secret => check_immutable_data(old, new, &mut causes),
        Kind::Namespace | Kind::Node | Kind::Event | Kind::ServiceAccount => {}
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

fn check_name(kind: Kind, name: &str, causes: &mut Vec<Cause>) {
    let (is_valid, words, max) = match kind {
        Kind::Namespace => (is_dns_label(name), DNS_LABEL, 63),
        Kind::Node | Kind::Pod | Kind::Event | Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount | Kind::Job => {
            (name.split('.').all(is_dns_label), DNS_SUBDOMAIN, 253)
        }
    };
    if !is_valid {
        causes.push(Cause::invalid("metadata.name", name, words));
    }
    if name.len() > max {
        causes.push(Cause::invalid(
            "metadata.name",
            name,
            &format!("must be no more than {max} characters"),
        ));
    }
}

fn is_dns_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn check_job(job: &Value, causes: &mut Vec<Cause>) {
    let Ok(spec) = JobSpec::deserialize(&job["spec"]) else {
        causes.push(Cause::required("spec", ""));
        return;
    };
    let indexed = spec.completion_mode.as_deref() == Some("Indexed");
    for (field, value) in [
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("backoffLimit", spec.backoff_limit),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
    ] {
        if let Some(value) = value.filter(|v| *v < 0) {
            causes.push(Cause::invalid(
                format!("spec.{field}"),
                value,
                "must be greater than or equal to 0",
            ));
        }
    }
    if indexed && spec.completions.is_none() {
        causes.push(Cause::required("spec.completions", "when completion mode is Indexed"));
    }
    if indexed && let Some(parallelism) = spec.parallelism.filter(|p| *p > 100_000) {
        let detail = "must be less than or equal to 100000 when completion mode is Indexed";
        causes.push(Cause::invalid("spec.parallelism", parallelism, detail));
    }
    if spec.backoff_limit_per_index.is_some() && !indexed {
        causes.push(Cause::invalid(
            "spec.backoffLimitPerIndex",
            json!(spec.backoff_limit_per_index),
            "requires indexed completion mode",
        ));
    }
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        causes.push(Cause::required(
            "spec.backoffLimitPerIndex",
            "when maxFailedIndexes is specified",
        ));
    }
    let restart = spec
        .template
        .spec
        .as_ref()
        .and_then(|s| s.restart_policy.as_deref())
        .unwrap_or_default();
    if !["OnFailure", "Never"].contains(&restart) {
        causes.push(Cause::unsupported(
            "spec.template.spec.restartPolicy",
            restart,
            &["OnFailure", "Never"],
        ));
    }
    if (spec.pod_failure_policy.is_some() || spec.backoff_limit_per_index.is_some()) && restart == "OnFailure" {
        let detail = "only \"Never\" is supported when podFailurePolicy or backoffLimitPerIndex is specified";
        causes.push(Cause::invalid("spec.template.spec.restartPolicy", restart, detail));
    }
    check_pod_spec("spec.template.spec", &job["spec"]["template"]["spec"], causes);
}

fn check_job_name(name: &str, job: &Value, causes: &mut Vec<Cause>) {
    if job["spec"]["completionMode"] != "Indexed" {
        return;
    }
    // Pods of an Indexed Job have the hostname <name>-<index>, which must be a DNS label.
    let last = job["spec"]["completions"].as_i64().unwrap_or(1).max(1) - 1;
    if format!("{name}-{last}").len() > 63 || !is_dns_label(name) {
        let detail = "will not able to create pod with invalid DNS label";
        causes.push(Cause::invalid(
            "metadata.name",
            name,
            &format!("{detail}: {name}-{last}"),
        ));
    }
}

/// Upstream's list of what may change while a Job exists; the template only before its first start.
fn check_job_change(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let (before, after) = (&old["spec"], &new["spec"]);
    for field in [
        "completionMode",
        "selector",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        if before[field] != after[field] {
            causes.push(Cause::invalid(format!("spec.{field}"), after[field].clone(), IMMUTABLE));
        }
    }
    if before["completions"] != after["completions"] {
        // An elastic Indexed Job may change both numbers together.
        let elastic = after["completionMode"] == "Indexed"
            && before["completions"] == before["parallelism"]
            && after["completions"] == after["parallelism"];
        if !elastic {
            causes.push(Cause::invalid(
                "spec.completions",
                after["completions"].clone(),
                IMMUTABLE,
            ));
        }
    }
    let never_started = before["suspend"] == true && old["status"]["startTime"].is_null();
    if before["template"] != after["template"] && !never_started {
        causes.push(Cause::invalid("spec.template", "…", IMMUTABLE));
    }
}

fn check_pod_spec(path: &str, spec: &Value, causes: &mut Vec<Cause>) {
    if PodSpec::deserialize(spec).is_err() || items(spec, "/containers").next().is_none() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
        return;
    }
    for (i, container) in items(spec, "/containers").enumerate() {
        let path = format!("{path}.containers[{i}]");
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(format!("{path}.name"), ""));
        } else if !is_dns_label(name) {
            causes.push(Cause::invalid(format!("{path}.name"), name, DNS_LABEL));
        }
        if container["image"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("{path}.image"), ""));
        }
        check_resources(&path, &container["resources"], causes);
    }
}

fn check_resources(path: &str, resources: &Value, causes: &mut Vec<Cause>) {
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name];
        let amounts = (
            request.as_str().and_then(quantity::milli),
            limit.as_str().and_then(quantity::milli),
        );
        if let (Some(request_milli), Some(limit_milli)) = amounts
            && request_milli > limit_milli
        {
            let limit = limit.as_str().unwrap_or_default();
            let detail = format!("must be less than or equal to {name} limit of {limit}");
            causes.push(Cause::invalid(
                format!("{path}.resources.requests"),
                request.clone(),
                &detail,
            ));
        }
    }
    for part in ["requests", "limits"] {
        for (name, amount) in resources[part].as_object().into_iter().flatten() {
            if amount.as_str().and_then(quantity::milli).is_none() {
                let detail =
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                causes.push(Cause::invalid(
                    format!("{path}.resources.{part}[{name}]"),
                    amount.clone(),
                    detail,
                ));
            }
        }
    }
}

fn check_pod_change(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    // Upstream allows images, activeDeadlineSeconds, added tolerations and a shorter grace period; here: what the tool's users
    // change, and nothing that would make a running process differ from its object.
    let mut allowed = old["spec"].clone();
    for field in ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations"] {
        allowed[field] = new["spec"][field].clone();
    }
    let mut wanted = new["spec"].clone();
    for field in ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations"] {
        wanted[field] = new["spec"][field].clone();
    }
    if allowed != wanted {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations), `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", detail));
    }
}

fn check_immutable_data(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    if old["immutable"] != true {
        return;
    }
    for field in ["data", "binaryData", "immutable"] {
        if old[field] != new[field] {
            causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
        }
    }
}
