//! What a refusal or a silence of the API server means: [`Failure`], with the server's own words and what to type next.
//!
//! Pure. Must not know which screen shows it. The server's words are cleaned here, and only here.

use std::time::Duration;

use kube::core::Status;
use thiserror::Error;

use super::clean::clean;
use crate::model::event::{Failure, FailureClass};

/// The most characters of a server's words that are kept.
const WORDS_MAX: usize = 1_000;

/// The code of a server that has too much to do.
const TOO_MANY_REQUESTS: u16 = 429;

/// The code of a server, or of what stands in front of it, that cannot do it now.
const SERVICE_UNAVAILABLE: u16 = 503;

/// Why a call of the API failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// The server refused, or the request never got there.
    #[error(transparent)]
    Kube(#[from] kube::Error),
    /// No answer within the limit: the server may have done it all the same.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The server answered something that no API server answers.
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(&'static str),
}

impl CallError {
    /// Returns the server's own answer, when there is one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Kube(error) => status(error),
            Self::TimedOut(_) | Self::Nonsense(_) => None,
        }
    }

    /// Tells whether the server says that there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.status().is_some_and(Status::is_not_found)
    }

    /// Tells whether the server says that an object of this name exists.
    pub fn is_already_exists(&self) -> bool {
        self.status().is_some_and(Status::is_already_exists)
    }

    /// Tells whether it is open if the server has done what was asked: it was silent, or the answer got lost. What it refused
    /// because there is too much to do was not begun.
    pub fn is_open(&self) -> bool {
        self.status()
            .is_none_or(|status| status.code != TOO_MANY_REQUESTS && class_of(status) == FailureClass::Unreachable)
    }

    /// Returns for how many seconds the server asks to wait before it is asked the same again: 0 where it leaves that open, none
    /// where it does not ask for it.
    pub fn asks_to_wait_s(&self) -> Option<u32> {
        let status = self.status()?;
        let details = status.details.as_ref();
        let asked_s = details.map_or(0, |details| details.retry_after_seconds);
        let is_busy = matches!(status.code, TOO_MANY_REQUESTS | SERVICE_UNAVAILABLE);
        (is_busy || (status.code >= 500 && asked_s > 0)).then_some(asked_s)
    }
}

/// Returns the server's own answer in a kube error, when there is one.
pub(super) fn status(error: &kube::Error) -> Option<&Status> {
    if let kube::Error::Api(status) = error {
        Some(status)
    } else {
        None
    }
}

/// Makes a failure of what was tried, such as `create Job ttg-primes-7f3a2k`.
pub fn failure(what: &str, error: &CallError) -> Failure {
    let text = format!("cannot {}: {}", clean(what, WORDS_MAX), words(error));
    match error.status() {
        Some(status) => Failure {
            class: class_of(status),
            text,
            hint: hint_of(status),
        },
        None => Failure {
            class: FailureClass::Unreachable,
            text,
            hint: Some(UNREACHABLE_HINT.to_owned()),
        },
    }
}

/// What to do about a cluster that does not answer.
const UNREACHABLE_HINT: &str =
    "kubectl cluster-info shows whether the cluster answers at all; ttg-tui --local needs no cluster";

/// Puts an error into words: the server's message, or the chain of causes.
pub(super) fn words(error: &CallError) -> String {
    error
        .status()
        .map_or_else(|| clean(&chain(error), WORDS_MAX), status_words)
}

/// Puts a server's answer into words: its message, or else its reason, or else its code.
pub(super) fn status_words(status: &Status) -> String {
    let said = if status.message.is_empty() {
        &status.reason
    } else {
        &status.message
    };
    let said = clean(said, WORDS_MAX);
    if said.is_empty() {
        format!("the server answered {}", status.code)
    } else {
        said
    }
}

/// Joins an error and its causes; a cause that its effect already quotes is left out.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// Tells which exit code a server's answer comes down to.
fn class_of(status: &Status) -> FailureClass {
    if status.is_not_found() {
        FailureClass::NotFound
    } else if status.is_already_exists() || status.is_conflict() {
        FailureClass::Conflict
    } else if matches!(status.code, 408 | 410 | TOO_MANY_REQUESTS) || !(400..=499).contains(&status.code) {
        // 408 and 429 ask to come again later, 410 says that a list took too long; 5xx is a server in trouble.
        FailureClass::Unreachable
    } else {
        FailureClass::Refused
    }
}

/// What to type next, found by what upstream's messages say. The order counts: quota and admission are also `Forbidden`.
fn hint_of(status: &Status) -> Option<String> {
    let message = status.message.as_str();
    let hint = if message.contains("exceeded quota") {
        "kubectl describe resourcequota shows what is left; ask for less with --cpu, --memory or --workers".to_owned()
    } else if message.contains("violates PodSecurity") {
        "the namespace's Pod Security level forbids this pod; its label pod-security.kubernetes.io/enforce tells which"
            .to_owned()
    } else if message.contains("admission webhook") || message.contains("ValidatingAdmissionPolicy") {
        "a policy of this cluster refuses the object; who runs the cluster can tell why".to_owned()
    } else if status.is_forbidden() {
        rights_hint(message)
    } else if status.code == 401 {
        "the login is missing or has expired; log in again, then try kubectl auth whoami".to_owned()
    } else if status.is_not_found() && message.starts_with("namespaces ") {
        "kubectl create namespace makes it; -n chooses another".to_owned()
    } else if status.is_invalid() {
        "ttg-tui manifest prints the object that was refused".to_owned()
    } else if status.code == TOO_MANY_REQUESTS {
        "the API server has too much to do: try the same again in a while".to_owned()
    } else if status.code == SERVICE_UNAVAILABLE {
        "try the same again in a while; kubectl get --raw '/readyz?verbose' shows what the API server waits for"
            .to_owned()
    } else {
        return None;
    };
    Some(hint)
}

/// Names the right that is missing.
fn rights_hint(message: &str) -> String {
    let command = rights_command(message).unwrap_or_else(|| "kubectl auth can-i --list".to_owned());
    format!(
        "{} says whether you have this right; the manifests list all rights that are needed",
        clean(&command, 200)
    )
}

/// Makes the question from `User "u" cannot VERB resource "RESOURCE" in API group "GROUP" in the namespace "NAMESPACE"`.
fn rights_command(message: &str) -> Option<String> {
    let (_, rest) = message.split_once(" cannot ")?;
    let (verb, rest) = rest.split_once(" resource ")?;
    let resource = quoted(rest)?;
    let group = rest
        .split_once("in API group ")
        .and_then(|(_, rest)| quoted(rest))
        .unwrap_or_default();
    let namespace = rest.split_once("in the namespace ").and_then(|(_, rest)| quoted(rest));
    let resource = match (resource.split_once('/'), group) {
        (Some((resource, sub)), _) => format!("{resource} --subresource={sub}"),
        (None, "") => resource.to_owned(),
        (None, group) => format!("{resource}.{group}"),
    };
    let place = namespace.map_or_else(|| "-A".to_owned(), |namespace| format!("-n {namespace}"));
    Some(format!("kubectl auth can-i {verb} {resource} {place}"))
}

/// Returns what stands between the first two double quotes.
fn quoted(text: &str) -> Option<&str> {
    text.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;

    use super::*;

    fn refusal(code: u16, reason: &str, message: &str) -> CallError {
        CallError::Kube(kube::Error::Api(
            Status::failure(message, reason).with_code(code).boxed(),
        ))
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table")]
    fn answers_are_classed_and_hinted() {
        let rights = r#"jobs.batch is forbidden: User "ann" cannot create resource "jobs" in API group "batch" in the namespace "lab""#;
        let log = r#"pods "p" is forbidden: User "ann" cannot get resource "pods/log" in API group "" in the namespace "lab""#;
        let nodes =
            r#"nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the cluster scope"#;
        let cases = [
            (
                refusal(403, "Forbidden", rights),
                FailureClass::Refused,
                Some("can-i create jobs.batch -n lab "),
            ),
            (
                refusal(403, "Forbidden", log),
                FailureClass::Refused,
                Some("can-i get pods --subresource=log -n lab "),
            ),
            (
                refusal(403, "Forbidden", nodes),
                FailureClass::Refused,
                Some("can-i list nodes -A "),
            ),
            (
                refusal(403, "Forbidden", "exceeded quota: q"),
                FailureClass::Refused,
                Some("resourcequota"),
            ),
            (
                refusal(403, "Forbidden", "violates PodSecurity \"x\""),
                FailureClass::Refused,
                Some("Pod Security"),
            ),
            (
                refusal(401, "Unauthorized", "Unauthorized"),
                FailureClass::Refused,
                Some("log in again"),
            ),
            (
                refusal(404, "NotFound", "namespaces \"x\" not found"),
                FailureClass::NotFound,
                Some("create namespace"),
            ),
            (
                refusal(404, "NotFound", "jobs.batch \"x\" not found"),
                FailureClass::NotFound,
                None,
            ),
            (refusal(409, "AlreadyExists", "exists"), FailureClass::Conflict, None),
            (
                refusal(409, "Conflict", "the object has been modified"),
                FailureClass::Conflict,
                None,
            ),
            (
                refusal(422, "Invalid", "spec: Invalid value"),
                FailureClass::Refused,
                Some("manifest"),
            ),
            (
                refusal(429, "TooManyRequests", "later"),
                FailureClass::Unreachable,
                Some("too much to do"),
            ),
            (
                refusal(503, "ServiceUnavailable", "down"),
                FailureClass::Unreachable,
                Some("readyz"),
            ),
            (
                CallError::TimedOut(Duration::from_secs(15)),
                FailureClass::Unreachable,
                Some("--local"),
            ),
        ];
        for (error, class, hint) in cases {
            let found = failure("create Job x", &error);
            assert_eq!(found.class, class, "{error}");
            match hint {
                Some(part) => assert!(
                    found.hint.as_deref().is_some_and(|hint| hint.contains(part)),
                    "{found:?}"
                ),
                None => assert_eq!(found.hint, None, "{error}"),
            }
        }
    }

    #[test]
    fn words_are_the_servers_and_safe() {
        assert_eq!(words(&refusal(500, "", "a\u{1b}[31mb")), "ab");
        assert_eq!(words(&refusal(500, "InternalError", "")), "InternalError");
        assert_eq!(words(&refusal(500, "", "")), "the server answered 500");
        assert_eq!(
            words(&CallError::TimedOut(Duration::from_secs(15))),
            "no answer within 15 s"
        );
        let refused = kube::Error::Service("connection refused".into());
        assert_eq!(words(&CallError::Kube(refused)), "ServiceError: connection refused");
        assert!(CallError::TimedOut(Duration::ZERO).is_open() && refusal(500, "", "").is_open());
        assert!(!refusal(403, "Forbidden", "no").is_open() && !refusal(429, "", "later").is_open());
    }

    #[test]
    fn a_server_that_is_busy_asks_to_wait_and_perhaps_for_how_long() {
        let details = |seconds| StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: seconds,
        };
        let table = [
            (429, 0, Some(0)),
            (429, 7, Some(7)),
            (503, 0, Some(0)),
            (500, 0, None),
            (500, 3, Some(3)),
            (504, 0, None),
            (403, 3, None),
        ];
        for (code, seconds, expected) in table {
            let status = Status::failure("no", "").with_code(code).with_details(details(seconds));
            let error = CallError::Kube(kube::Error::Api(status.boxed()));
            assert_eq!(error.asks_to_wait_s(), expected, "{code} {seconds}");
        }
        assert_eq!(CallError::TimedOut(Duration::ZERO).asks_to_wait_s(), None);
    }
}
