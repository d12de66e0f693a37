//! Errors in Kubernetes' own form: the `Status` object, with upstream's reasons and words.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use serde_json::{Value, json};

use super::kinds::KindSpec;

/// A refusal, as the API sends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// Kubernetes' reason, which clients switch on; empty where upstream has none.
    pub reason: &'static str,
    /// The words.
    pub message: String,
    /// The object it is about.
    details: Option<Box<Details>>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Details {
    name: String,
    group: &'static str,
    kind: &'static str,
    causes: Vec<Cause>,
}

/// One invalid field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Upstream's cause type, such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// The words without the field.
    pub message: String,
    /// The path of the field.
    pub field: String,
}

impl Cause {
    /// A value that is not allowed.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: &str) -> Self {
        let value: Value = value.into();
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {detail}"),
            field: field.into(),
        }
    }

    /// A value that is missing.
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self {
            reason: "FieldValueRequired",
            message,
            field: field.into(),
        }
    }

    /// A field that may not be set here.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {detail}"),
            field: field.into(),
        }
    }

    /// A value of which there may be one.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        let value: Value = value.into();
        Self {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {value}"),
            field: field.into(),
        }
    }

    /// The name of something that is not there.
    pub fn not_found(field: impl Into<String>, name: &str) -> Self {
        Self {
            reason: "FieldValueNotFound",
            message: format!("Not found: {name:?}"),
            field: field.into(),
        }
    }

    /// A value that is longer than it may be.
    pub fn too_long(field: impl Into<String>, bytes_max: usize) -> Self {
        Self {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {bytes_max} bytes"),
            field: field.into(),
        }
    }

    /// More elements than there may be.
    pub fn too_many(field: impl Into<String>, count: usize, max: usize) -> Self {
        Self {
            reason: "FieldValueTooMany",
            message: format!("Too many: {count}: must have at most {max} items"),
            field: field.into(),
        }
    }

    /// Something is wrong that is not about one value.
    pub fn invalid_whole(field: impl Into<String>, detail: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {detail}"),
            field: field.into(),
        }
    }

    /// A value outside of the list that is allowed.
    pub fn unsupported(field: impl Into<String>, value: &str, allowed: &[&str]) -> Self {
        let allowed: Vec<String> = allowed.iter().map(|a| format!("{a:?}")).collect();
        let message = format!("Unsupported value: {value:?}: supported values: {}", allowed.join(", "));
        Self {
            reason: "FieldValueNotSupported",
            message,
            field: field.into(),
        }
    }
}

impl Cause {
    fn to_json(&self) -> Value {
        let mut cause = json!({"reason": self.reason, "message": self.message});
        if !self.field.is_empty() {
            cause["field"] = json!(self.field);
        }
        cause
    }
}

impl Status {
    fn new(code: u16, reason: &'static str, message: String) -> Self {
        Self {
            code,
            reason,
            message,
            details: None,
            retry_after_s: None,
        }
    }

    /// Adds details that say nothing, as upstream does where it knows no object.
    fn about_nothing(mut self) -> Self {
        self.details = Some(Box::default());
        self
    }

    fn because(mut self, causes: Vec<Cause>) -> Self {
        self.details.get_or_insert_default().causes = causes;
        self
    }

    fn about(mut self, kind: &KindSpec, name: &str, causes: Vec<Cause>, as_kind: bool) -> Self {
        let kind_name = if as_kind { kind.name } else { kind.plural };
        self.details = Some(Box::new(Details {
            name: name.to_owned(),
            group: kind.group,
            kind: kind_name,
            causes,
        }));
        self
    }

    /// The request is malformed.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into())
    }

    /// The token is missing or wrong.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized".into())
    }

    /// The request may not be made.
    pub fn forbidden(kind: &KindSpec, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", kind.qualified());
        Self::new(403, "Forbidden", message).about(kind, name, Vec::new(), false)
    }

    /// There is no such object.
    pub fn not_found(kind: &KindSpec, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.qualified());
        Self::new(404, "NotFound", message).about(kind, name, Vec::new(), false)
    }

    /// There is no such path.
    pub fn no_such_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource".into(),
        )
        .about_nothing()
    }

    /// The path exists, the method does not.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource".into(),
        )
        .about_nothing()
    }

    /// An object of this name exists.
    pub fn already_exists(kind: &KindSpec, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.qualified());
        Self::new(409, "AlreadyExists", message).about(kind, name, Vec::new(), false)
    }

    /// The object is not as the request expects it.
    pub fn conflict(kind: &KindSpec, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.qualified());
        Self::new(409, "Conflict", message).about(kind, name, Vec::new(), false)
    }

    /// The object was changed since it was read.
    pub fn modified(kind: &KindSpec, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The resourceVersion or continue token is too old.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message.into())
    }

    /// The answer cannot be given in any form that the client takes.
    pub fn not_acceptable(message: impl Into<String>) -> Self {
        Self::new(406, "NotAcceptable", message.into())
    }

    /// The answer cannot be given in any of the media types that the client takes.
    pub fn no_representation(available: &str) -> Self {
        let message = format!("406: Not Acceptable\n\nAvailable representations: {available}");
        Self::not_acceptable(message).about_nothing()
    }

    /// The body is longer than an object may be.
    pub fn too_large(bytes_max: usize) -> Self {
        let message = format!("Request entity too large: limit is {bytes_max}");
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// The body's media type is not understood.
    pub fn unsupported_media_type(supported: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {supported}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The patch's media type is none that there is.
    pub fn unsupported_patch() -> Self {
        let message = "415: Unsupported Media Type";
        Self::new(415, "UnsupportedMediaType", message.into()).about_nothing()
    }

    /// The object is not valid.
    pub fn invalid(kind: &KindSpec, name: &str, causes: Vec<Cause>) -> Self {
        let words = joined(&causes);
        let message = format!("{}{} {name:?} is invalid: {words}", kind.name, group_suffix(kind));
        Self::new(422, "Invalid", message).about(kind, name, causes, true)
    }

    /// The options of a request are not valid.
    pub fn invalid_options(kind: &'static str, causes: Vec<Cause>) -> Self {
        let message = format!("{kind}.meta.k8s.io \"\" is invalid: {}", joined(&causes));
        let mut status = Self::new(422, "Invalid", message);
        status.details = Some(Box::new(Details {
            name: String::new(),
            group: "meta.k8s.io",
            kind,
            causes,
        }));
        status
    }

    /// A patch makes what is no object of this kind.
    pub fn invalid_patch(made: impl Into<Value>, why: &str) -> Self {
        let cause = Cause::invalid("patch", made, why);
        let message = format!(" \"\" is invalid: patch: {}", cause.message);
        Self::new(422, "Invalid", message).because(vec![cause])
    }

    /// A patch is well-formed, but does not fit the object that it is for. Upstream does not say why.
    pub fn rejected() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message.into()).about_nothing()
    }

    /// A configuration changes what others own.
    pub fn apply_conflict(message: String, causes: Vec<Cause>) -> Self {
        Self::new(409, "Conflict", message).because(causes)
    }

    /// What a deletion expects of the object does not hold.
    pub fn precondition(kind: &KindSpec, name: &str, why: &str) -> Self {
        let group = group_suffix(kind);
        let message = format!("Operation cannot be fulfilled on {}{group} {name:?}: {why}", kind.name);
        Self::new(409, "Conflict", message).about(kind, name, Vec::new(), true)
    }

    /// Nothing can be made in a namespace that ends.
    pub fn terminating(kind: &KindSpec, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        Self::forbidden(kind, name, &why).because(vec![Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".into(),
        }])
    }

    /// The request asks for a state that is not yet.
    pub fn too_large_resource_version(wanted: u64, current: u64) -> Self {
        let words = "Too large resource version";
        let message = format!("Timeout: {words}: {wanted}, current: {current}");
        let mut status = Self::new(504, "Timeout", message).because(vec![Cause {
            reason: "ResourceVersionTooLarge",
            message: words.into(),
            field: String::new(),
        }]);
        status.retry_after_s = Some(1);
        status
    }

    /// Upstream has no reason for this error, only words.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(500, "", message.into())
    }

    /// Too many requests: try again later.
    pub fn too_many_requests(message: impl Into<String>, retry_after_s: u32) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(429, "TooManyRequests", message.into())
        }
    }

    /// The server cannot answer now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message.into())
    }

    /// Something broke in the server.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {}", message.into()),
        )
    }

    /// Writes the `Status` object.
    pub fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if self.details.is_some() || self.retry_after_s.is_some() {
            status["details"] = self.details_json();
        }
        status
    }

    fn details_json(&self) -> Value {
        let mut details = json!({});
        if let Some(d) = &self.details {
            // As upstream, what is empty is left out.
            for (field, words) in [("name", d.name.as_str()), ("kind", d.kind), ("group", d.group)] {
                if !words.is_empty() {
                    details[field] = json!(words);
                }
            }
            if !d.causes.is_empty() {
                details["causes"] = d.causes.iter().map(Cause::to_json).collect();
            }
        }
        if let Some(seconds) = self.retry_after_s {
            details["retryAfterSeconds"] = json!(seconds);
        }
        details
    }
}

fn group_suffix(kind: &KindSpec) -> String {
    if kind.group.is_empty() {
        String::new()
    } else {
        format!(".{}", kind.group)
    }
}

/// Joins causes as upstream's messages do: each once, and in brackets if there are several.
fn joined(causes: &[Cause]) -> String {
    let mut words: Vec<String> = Vec::new();
    for cause in causes {
        let text = format!("{}: {}", cause.field, cause.message);
        if !words.contains(&text) {
            words.push(text);
        }
    }
    match words.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::kinds::Kind;

    #[test]
    fn words_are_upstreams() {
        let job = Kind::Job.spec();
        assert_eq!(Status::not_found(job, "a").message, r#"jobs.batch "a" not found"#);
        assert_eq!(
            Status::already_exists(Kind::Pod.spec(), "p").message,
            r#"pods "p" already exists"#
        );
        let one = vec![Cause::required("spec.completions", "when completion mode is Indexed")];
        assert_eq!(
            Status::invalid(job, "a", one).message,
            r#"Job.batch "a" is invalid: spec.completions: Required value: when completion mode is Indexed"#
        );
        let twice = Cause::required("a", "");
        assert_eq!(
            Status::invalid_options("ListOptions", vec![twice.clone(), twice, Cause::too_long("b", 128)]).message,
            r#"ListOptions.meta.k8s.io "" is invalid: [a: Required value, b: Too long: may not be more than 128 bytes]"#
        );
        assert_eq!(
            Status::terminating(Kind::ConfigMap.spec(), "c", "n").message,
            r#"configmaps "c" is forbidden: unable to create new content in namespace n because it is being terminated"#
        );
        let json = Status::not_found(job, "a").to_json();
        assert_eq!(json["details"], json!({"name": "a", "group": "batch", "kind": "jobs"}));
        assert_eq!(Status::no_such_path().to_json()["details"], json!({}), "as upstream");
        assert!(Status::bad_request("x").to_json()["details"].is_null());
        assert!(Status::unknown("x").to_json()["reason"].is_null());
        let late = Status::too_large_resource_version(9, 5).to_json();
        assert_eq!(late["message"], "Timeout: Too large resource version: 9, current: 5");
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        assert_eq!(late["details"], json!({"causes": [cause], "retryAfterSeconds": 1}));
    }
}
