//! Validation of Jobs, in upstream's words and order.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::meta::push_all;
use super::{IMMUTABLE, meta, pod, success};
use crate::local::names;
use crate::local::object::{items, text};
use crate::local::status::Cause;

const PARALLELISM_MAX: i64 = 100_000;
const FAILED_INDEXES_MAX: i64 = 100_000;
/// Above this many completions the limits of a Job with a back-off per index are lower.
const COMPLETIONS_SOFT_MAX: i64 = 100_000;
const PARALLELISM_MAX_ABOVE: i64 = 10_000;
const FAILED_INDEXES_MAX_ABOVE: i64 = 10_000;
const RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;
const PATTERNS_MAX: usize = 20;

/// Checks what must hold of a Job at any time.
pub(super) fn check(name: &str, job: &Value, causes: &mut Vec<Cause>) {
    check_selector_is_generated(name, job, causes);
    let spec = &job["spec"];
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        if let Some(value) = spec[field].as_i64().filter(|v| *v < 0) {
            causes.push(Cause::invalid(
                format!("spec.{field}"),
                value,
                "must be greater than or equal to 0",
            ));
        }
    }
    if !spec["maxFailedIndexes"].is_null() && spec["backoffLimitPerIndex"].is_null() {
        causes.push(Cause::required(
            "spec.backoffLimitPerIndex",
            "when maxFailedIndexes is specified",
        ));
    }
    check_manager(spec, causes);
    check_mode(spec, causes);
    if !spec["podFailurePolicy"].is_null() {
        check_failure_policy(spec, causes);
    }
    success::check(spec, causes);
    check_replacement(spec, causes);
    let labels = &spec["template"]["metadata"]["labels"];
    meta::check_labels("spec.template.labels", labels, causes);
    pod::check_spec("spec.template.spec", &spec["template"]["spec"], causes);
    check_restart(spec, causes);
    if !selects(&spec["selector"], labels) {
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            labels.clone(),
            "`selector` does not match template `labels`",
        ));
    }
    check_hostnames(name, spec, causes);
}

/// A selector that was not given by hand must be the one that the server makes, so that no two Jobs select the same pods.
fn check_selector_is_generated(name: &str, job: &Value, causes: &mut Vec<Cause>) {
    let spec = &job["spec"];
    if spec["manualSelector"] == true || spec["selector"].is_null() {
        return;
    }
    let uid = text(job, "/metadata/uid");
    let labels = &spec["template"]["metadata"]["labels"];
    let expected = json!({
        "controller-uid": uid, "job-name": name,
        "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name,
    });
    for key in [
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
    ] {
        if labels[key] != expected[key] {
            causes.push(Cause::invalid(
                format!("spec.template.metadata.labels[{key}]"),
                labels.clone(),
                &format!("must be '{}'", expected[key].as_str().unwrap_or_default()),
            ));
        }
    }
    if !selects(&spec["selector"], &expected) {
        causes.push(Cause::invalid(
            "spec.selector",
            spec["selector"].clone(),
            "`selector` not auto-generated",
        ));
    }
}

/// Tells whether the labels that a selector names are there. Expressions are not looked at: nothing here selects by them.
fn selects(selector: &Value, labels: &Value) -> bool {
    let mut wanted = selector["matchLabels"].as_object().into_iter().flatten();
    wanted.all(|(key, value)| labels[key] == *value)
}

fn check_manager(spec: &Value, causes: &mut Vec<Cause>) {
    let Some(manager) = spec["managedBy"].as_str() else {
        return;
    };
    match manager.split_once('/') {
        Some((host, path)) if !host.is_empty() && !path.is_empty() => {
            push_all("spec.managedBy", host, names::dns_subdomain(host), causes);
        }
        _ => causes.push(Cause::invalid(
            "spec.managedBy",
            manager,
            "must be a domain-prefixed path (such as \"acme.io/foo\")",
        )),
    }
    if manager.len() > 63 {
        causes.push(Cause::too_long("spec.managedBy", 63));
    }
}

fn check_mode(spec: &Value, causes: &mut Vec<Cause>) {
    let mode = spec["completionMode"].as_str().unwrap_or("NonIndexed");
    match mode {
        "Indexed" => check_indexed(spec, causes),
        "NonIndexed" => {
            for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if !spec[field].is_null() {
                    causes.push(Cause::invalid(
                        format!("spec.{field}"),
                        spec[field].clone(),
                        "requires indexed completion mode",
                    ));
                }
            }
        }
        other => causes.push(Cause::unsupported(
            "spec.completionMode",
            other,
            &["NonIndexed", "Indexed"],
        )),
    }
}

fn check_indexed(spec: &Value, causes: &mut Vec<Cause>) {
    let completions = spec["completions"].as_i64();
    let failed = spec["maxFailedIndexes"].as_i64();
    if completions.is_none() {
        causes.push(Cause::required("spec.completions", "when completion mode is Indexed"));
    }
    let when = " when completion mode is Indexed";
    check_at_most("parallelism", spec, PARALLELISM_MAX, when, causes);
    if let (Some(completions), Some(failed)) = (completions, failed)
        && failed > completions
    {
        let words = "must be less than or equal to completions";
        causes.push(Cause::invalid("spec.maxFailedIndexes", failed, words));
    }
    check_at_most("maxFailedIndexes", spec, FAILED_INDEXES_MAX, "", causes);
    if completions.is_some_and(|c| c > COMPLETIONS_SOFT_MAX) && !spec["backoffLimitPerIndex"].is_null() {
        if failed.is_none() {
            let words = format!("must be specified when completions is above {COMPLETIONS_SOFT_MAX}");
            causes.push(Cause::required("spec.maxFailedIndexes", &words));
        }
        let when = format!(" when completions are above {COMPLETIONS_SOFT_MAX} and used with backoff limit per index");
        check_at_most("parallelism", spec, PARALLELISM_MAX_ABOVE, &when, causes);
        check_at_most("maxFailedIndexes", spec, FAILED_INDEXES_MAX_ABOVE, &when, causes);
    }
}

fn check_at_most(field: &str, spec: &Value, max: i64, when: &str, causes: &mut Vec<Cause>) {
    if let Some(value) = spec[field].as_i64().filter(|v| *v > max) {
        let words = format!("must be less than or equal to {max}{when}");
        causes.push(Cause::invalid(format!("spec.{field}"), value, &words));
    }
}

fn check_failure_policy(spec: &Value, causes: &mut Vec<Cause>) {
    let rules: Vec<&Value> = items(spec, "/podFailurePolicy/rules").collect();
    if rules.len() > RULES_MAX {
        causes.push(Cause::too_many("spec.podFailurePolicy.rules", rules.len(), RULES_MAX));
    }
    for (i, rule) in rules.into_iter().enumerate() {
        let path = format!("spec.podFailurePolicy.rules[{i}]");
        let actions = ["Count", "FailIndex", "FailJob", "Ignore"];
        match rule["action"].as_str().unwrap_or_default() {
            "FailIndex" if spec["backoffLimitPerIndex"].is_null() => causes.push(Cause::invalid(
                format!("{path}.action"),
                "FailIndex",
                "requires the backoffLimitPerIndex to be set",
            )),
            "" => causes.push(Cause::required(format!("{path}.action"), &valid_values(&actions))),
            action if !actions.contains(&action) => {
                causes.push(Cause::unsupported(format!("{path}.action"), action, &actions));
            }
            _ => {}
        }
        let (codes, patterns) = (&rule["onExitCodes"], items(rule, "/onPodConditions").count());
        if !codes.is_null() {
            check_exit_codes(&format!("{path}.onExitCodes"), codes, spec, causes);
        }
        check_patterns(&format!("{path}.onPodConditions"), rule, causes);
        if !codes.is_null() && patterns > 0 {
            let words = "specifying both OnExitCodes and OnPodConditions is not supported";
            causes.push(Cause::invalid_whole(path, words));
        } else if codes.is_null() && patterns == 0 {
            let words = "specifying one of OnExitCodes and OnPodConditions is required";
            causes.push(Cause::invalid_whole(path, words));
        }
    }
}

fn check_exit_codes(path: &str, codes: &Value, spec: &Value, causes: &mut Vec<Cause>) {
    let operator = codes["operator"].as_str().unwrap_or_default();
    let operators = ["In", "NotIn"];
    if operator.is_empty() {
        causes.push(Cause::required(format!("{path}.operator"), &valid_values(&operators)));
    } else if !operators.contains(&operator) {
        causes.push(Cause::unsupported(format!("{path}.operator"), operator, &operators));
    }
    if let Some(name) = codes["containerName"].as_str() {
        let template = &spec["template"];
        let mut all = items(template, "/spec/containers").chain(items(template, "/spec/initContainers"));
        if !all.any(|container| container["name"] == name) {
            let words = "must be one of the container or initContainer names in the pod template";
            causes.push(Cause::invalid(format!("{path}.containerName"), name, words));
        }
    }
    let values: Vec<i64> = items(codes, "/values").filter_map(Value::as_i64).collect();
    if values.is_empty() {
        let words = "at least one value is required";
        causes.push(Cause::invalid(format!("{path}.values"), json!([]), words));
    } else if values.len() > EXIT_CODES_MAX {
        causes.push(Cause::too_many(format!("{path}.values"), values.len(), EXIT_CODES_MAX));
    }
    let mut seen = BTreeSet::new();
    for (i, value) in values.iter().enumerate() {
        let path = format!("{path}.values[{i}]");
        if *value == 0 && operator == "In" {
            causes.push(Cause::invalid(path.clone(), 0, "must not be 0 for the In operator"));
        }
        if !seen.insert(value) {
            causes.push(Cause::duplicate(path, *value));
        }
    }
    if !values.is_sorted() {
        causes.push(Cause::invalid(
            format!("{path}.values"),
            json!(values),
            "must be ordered",
        ));
    }
}

fn check_patterns(path: &str, rule: &Value, causes: &mut Vec<Cause>) {
    let patterns: Vec<&Value> = items(rule, "/onPodConditions").collect();
    if patterns.len() > PATTERNS_MAX {
        causes.push(Cause::too_many(path, patterns.len(), PATTERNS_MAX));
    }
    for (i, pattern) in patterns.into_iter().enumerate() {
        let kind = pattern["type"].as_str().unwrap_or_default();
        push_all(&format!("{path}[{i}].type"), kind, names::qualified(kind), causes);
        let statuses = ["False", "True", "Unknown"];
        match pattern["status"].as_str().unwrap_or_default() {
            "" => causes.push(Cause::required(format!("{path}[{i}].status"), &valid_values(&statuses))),
            status if !statuses.contains(&status) => {
                causes.push(Cause::unsupported(format!("{path}[{i}].status"), status, &statuses));
            }
            _ => {}
        }
    }
}

fn valid_values(values: &[&str]) -> String {
    let words: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
    format!("valid values: [{}]", words.join(" "))
}

fn check_replacement(spec: &Value, causes: &mut Vec<Cause>) {
    let Some(policy) = spec["podReplacementPolicy"].as_str() else {
        return;
    };
    let allowed: &[&str] = if spec["podFailurePolicy"].is_null() {
        &["Failed", "TerminatingOrFailed"]
    } else {
        &["Failed"]
    };
    if !allowed.contains(&policy) {
        causes.push(Cause::unsupported("spec.podReplacementPolicy", policy, allowed));
    }
}

fn check_restart(spec: &Value, causes: &mut Vec<Cause>) {
    let path = "spec.template.spec.restartPolicy";
    let policy = text(spec, "/template/spec/restartPolicy");
    match policy {
        // What is not given was defaulted to Always.
        "" | "Always" => causes.push(Cause::required(path, "valid values: \"OnFailure\", \"Never\"")),
        "OnFailure" if !spec["podFailurePolicy"].is_null() => {
            let words = "only \"Never\" is supported when podFailurePolicy is specified";
            causes.push(Cause::invalid(path, policy, words));
        }
        "OnFailure" | "Never" => {}
        other => causes.push(Cause::unsupported(path, other, &["OnFailure", "Never"])),
    }
}

/// Pods of an Indexed Job have the hostname `<name>-<index>`, which must be a DNS label.
fn check_hostnames(name: &str, spec: &Value, causes: &mut Vec<Cause>) {
    let completions = spec["completions"].as_i64().unwrap_or_default();
    if spec["completionMode"] != "Indexed" || completions <= 0 {
        return;
    }
    let last = format!("{name}-{}", completions - 1);
    if !names::dns_label(&last).is_empty() {
        let words = format!("will not able to create pod with invalid DNS label: {last}");
        causes.push(Cause::invalid("metadata.name", name, &words));
    }
}

/// Checks what may change while a Job exists; of the template just where its pods go, and that before the first start.
pub(super) fn check_change(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let (before, after) = (&old["spec"], &new["spec"]);
    let immutable = |field: &str, causes: &mut Vec<Cause>| {
        if before[field] != after[field] {
            causes.push(Cause::invalid(format!("spec.{field}"), after[field].clone(), IMMUTABLE));
        }
    };
    if after["completionMode"] != "Indexed" {
        immutable("completions", causes);
    } else if before["completions"] != after["completions"]
        && !after["completions"].is_null()
        && after["completions"] != after["parallelism"]
    {
        let words = "can only be modified in tandem with spec.parallelism";
        causes.push(Cause::invalid("spec.completions", after["completions"].clone(), words));
    }
    immutable("selector", causes);
    let mut allowed = before["template"].clone();
    if before["suspend"] == true && old["status"]["startTime"].is_null() {
        take_placement(&mut allowed, &after["template"]);
    }
    if allowed != after["template"] {
        causes.push(Cause::invalid("spec.template", after["template"].clone(), IMMUTABLE));
    }
    for field in [
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        immutable(field, causes);
    }
}

/// Takes over what may change in the template of a Job that never started: where its pods go, and how they are labelled.
fn take_placement(template: &mut Value, from: &Value) {
    for (part, fields) in [
        ("metadata", ["labels", "annotations", "", ""]),
        ("spec", ["nodeSelector", "tolerations", "affinity", "schedulingGates"]),
    ] {
        let Some(inner) = template.get_mut(part).and_then(Value::as_object_mut) else {
            continue;
        };
        for field in fields.into_iter().filter(|f| !f.is_empty()) {
            match from[part].get(field) {
                Some(value) => inner.insert(field.to_owned(), value.clone()),
                None => inner.remove(field),
            };
        }
    }
}
