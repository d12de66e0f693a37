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
    /// Kubernetes' reason, which clients switch on.
    pub reason: &'static str,
    /// The words.
    pub message: String,
    /// The object it is about.
    details: Option<Box<Details>>,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
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
    }

    /// The path exists, the method does not.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource".into(),
        )
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

    /// The body's media type is not understood.
    pub fn unsupported_media_type(got: &str, supported: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {supported} (got {got:?})"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The object is not valid.
    pub fn invalid(kind: &KindSpec, name: &str, causes: Vec<Cause>) -> Self {
        let words: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let words = match words.as_slice() {
            [one] => one.clone(),
            _ => format!("[{}]", words.join(", ")),
        };
        let group = if kind.group.is_empty() {
            String::new()
        } else {
            format!(".{}", kind.group)
        };
        let message = format!("{}{group} {name:?} is invalid: {words}", kind.name);
        Self::new(422, "Invalid", message).about(kind, name, causes, true)
    }

    /// The request is well-formed, but does not fit the object that it is for. Upstream leaves out why; here it is the cause.
    pub fn rejected(why: impl Into<String>) -> Self {
        let message = "the server rejected our request due to an error in our request";
        let mut status = Self::new(422, "Invalid", message.into());
        status.details = Some(Box::new(Details {
            name: String::new(),
            group: "",
            kind: "",
            causes: vec![Cause {
                reason: "UnexpectedServerResponse",
                message: why.into(),
                field: String::new(),
            }],
        }));
        status
    }

    /// Too many requests: try again later.
    pub fn too_many_requests(message: impl Into<String>, retry_after_s: u32) -> Self {
        Self {
            retry_after_s: Some(retry_after_s),
            ..Self::new(429, "TooManyRequests", message.into())
        }
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
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        let mut details = json!({});
        if let Some(d) = &self.details {
            // As upstream, what is empty is left out.
            for (field, words) in [("name", d.name.as_str()), ("kind", d.kind), ("group", d.group)] {
                if !words.is_empty() {
                    details[field] = json!(words);
                }
            }
            if !d.causes.is_empty() {
                let cause = |c: &Cause| json!({"reason": c.reason, "message": c.message, "field": c.field});
                details["causes"] = d.causes.iter().map(cause).collect();
            }
        }
        if let Some(seconds) = self.retry_after_s {
            details["retryAfterSeconds"] = json!(seconds);
        }
        if details.as_object().is_some_and(|d| !d.is_empty()) {
            status["details"] = details;
        }
        status
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
        let json = Status::not_found(job, "a").to_json();
        assert_eq!(json["details"], json!({"name": "a", "group": "batch", "kind": "jobs"}));
    }
}
