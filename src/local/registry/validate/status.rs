//! Validation of a status that comes over the API, in upstream's words. The cluster's own controllers do not come this way.

use serde_json::Value;

use crate::local::object::{items, text};
use crate::local::status::Cause;

/// Checks the status of a Job, and how it changed.
pub(super) fn check_job(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let status = &new["status"];
    let number = |field: &str| status[field].as_i64().unwrap_or_default();
    for field in ["active", "succeeded", "failed", "ready", "terminating"] {
        if number(field) < 0 {
            let words = "must be greater than or equal to 0";
            causes.push(Cause::invalid(format!("status.{field}"), number(field), words));
        }
    }
    let (complete, failed) = (is_true(status, "Complete"), is_true(status, "Failed"));
    let has = |field: &str| !status[field].is_null();
    if complete && failed {
        conditions("cannot set Complete=True and Failed=true conditions", causes);
    }
    if complete && is_true(status, "FailureTarget") {
        conditions("cannot set Complete=True and FailureTarget=true conditions", causes);
    }
    if has("completionTime") && !complete {
        let words = "cannot set completionTime when there is no Complete=True condition";
        causes.push(Cause::invalid(
            "status.completionTime",
            status["completionTime"].clone(),
            words,
        ));
    }
    if complete && !has("completionTime") {
        let words = "completionTime is required for Complete jobs";
        causes.push(Cause::required("status.completionTime", words));
    }
    if failed && !is_true(status, "FailureTarget") {
        conditions(
            "cannot set Failed=True condition without the FailureTarget=true condition",
            causes,
        );
    }
    if complete && !is_true(status, "SuccessCriteriaMet") {
        let words = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
        conditions(words, causes);
    }
    if complete || failed {
        check_finished(status, causes);
    }
    if status["ready"].as_i64().is_some_and(|ready| ready > number("active")) {
        let words = "cannot set more ready pods than active";
        causes.push(Cause::invalid("status.ready", number("ready"), words));
    }
    check_change(&old["status"], status, causes);
}

fn check_finished(status: &Value, causes: &mut Vec<Cause>) {
    for (field, words) in [
        ("active", "active>0 is invalid for finished job"),
        ("terminating", "terminating>0 is invalid for finished job"),
    ] {
        if let Some(count) = status[field].as_i64().filter(|c| *c > 0) {
            causes.push(Cause::invalid(format!("status.{field}"), count, words));
        }
    }
    if status["startTime"].is_null() {
        causes.push(Cause::required(
            "status.startTime",
            "startTime is required for finished job",
        ));
    }
    let uncounted = &status["uncountedTerminatedPods"];
    if items(uncounted, "/succeeded")
        .chain(items(uncounted, "/failed"))
        .next()
        .is_some()
    {
        let words = "must be empty for finished job";
        causes.push(Cause::invalid(
            "status.uncountedTerminatedPods",
            uncounted.clone(),
            words,
        ));
    }
}

fn check_change(before: &Value, after: &Value, causes: &mut Vec<Cause>) {
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if is_true(before, kind) && !is_true(after, kind) {
            conditions(&format!("cannot disable the terminal {kind}=True condition"), causes);
        }
    }
    for field in ["failed", "succeeded"] {
        let count = after[field].as_i64().unwrap_or_default();
        if count < before[field].as_i64().unwrap_or_default() {
            let words = format!("cannot decrease the {field} counter");
            causes.push(Cause::invalid(format!("status.{field}"), count, &words));
        }
    }
    if is_true(before, "SuccessCriteriaMet") && !is_true(after, "SuccessCriteriaMet") {
        conditions("cannot disable the SuccessCriteriaMet=True condition", causes);
    }
}

fn is_true(status: &Value, kind: &str) -> bool {
    items(status, "/conditions").any(|c| text(c, "/type") == kind && text(c, "/status") == "True")
}

fn conditions(words: &str, causes: &mut Vec<Cause>) {
    causes.push(Cause::invalid_whole("status.conditions", words));
}
