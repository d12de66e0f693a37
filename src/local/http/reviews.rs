//! Reviews: what may this user do, and who is it? Questions that are asked by POST and answered at once; nothing is stored.
//!
//! The local cluster has one user, who belongs to `system:masters`, and no roles: this user may do everything and nobody else
//! anything. The rules that are listed are those that a new cluster gives to such a user.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::local::object::{text, time};
use crate::local::status::Status;

/// The name of the only user, as the kubeconfig has it.
const USER: &str = "ttg-local";

/// The group whose members may do everything.
const MASTERS: &str = "system:masters";

/// One kind of review.
pub(super) struct Review {
    /// Its API group; the version is v1.
    pub group: &'static str,
    /// Its name in `kind:`.
    pub kind: &'static str,
    /// Its name in paths.
    pub plural: &'static str,
    /// Whether it is asked within a namespace.
    pub namespaced: bool,
    question: Question,
}

/// What a review asks.
#[derive(Clone, Copy)]
enum Question {
    /// Who am I?
    Who,
    /// May I do this?
    OwnAccess,
    /// What may I do?
    OwnRules,
    /// May this user do this?
    AccessOf,
}

const AUTHORIZATION: &str = "authorization.k8s.io";

/// Every kind of review, in upstream's order.
pub(super) static REVIEWS: [Review; 5] = [
    Review {
        group: "authentication.k8s.io",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        namespaced: false,
        question: Question::Who,
    },
    Review {
        group: AUTHORIZATION,
        kind: "LocalSubjectAccessReview",
        plural: "localsubjectaccessreviews",
        namespaced: true,
        question: Question::AccessOf,
    },
    Review {
        group: AUTHORIZATION,
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        namespaced: false,
        question: Question::OwnAccess,
    },
    Review {
        group: AUTHORIZATION,
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        namespaced: false,
        question: Question::OwnRules,
    },
    Review {
        group: AUTHORIZATION,
        kind: "SubjectAccessReview",
        plural: "subjectaccessreviews",
        namespaced: false,
        question: Question::AccessOf,
    },
];

/// Finds the review that a path asks for, and its namespace.
pub(super) fn find(path: &str) -> Option<(&'static Review, Option<&str>)> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let (group, plural, namespace) = match parts.as_slice() {
        ["apis", group, "v1", plural] => (*group, *plural, None),
        ["apis", group, "v1", "namespaces", namespace, plural] => (*group, *plural, Some(*namespace)),
        _ => return None,
    };
    REVIEWS
        .iter()
        .find(|r| r.group == group && r.plural == plural && r.namespaced == namespace.is_some())
        .map(|review| (review, namespace))
}

/// The rows of discovery for the reviews of one group.
pub(super) fn resources(group: &str) -> Vec<Value> {
    let row = |review: &Review| {
        json!({
            "name": review.plural, "singularName": review.kind.to_lowercase(), "namespaced": review.namespaced,
            "kind": review.kind, "verbs": ["create"],
        })
    };
    REVIEWS.iter().filter(|r| r.group == group).map(row).collect()
}

/// Answers a review.
pub(super) fn answer(review: &Review, namespace: Option<&str>, body: &Value, now: Timestamp) -> Result<Value, Status> {
    let kind = text(body, "/kind");
    if !body.is_object() || !(kind.is_empty() || kind == review.kind) {
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): got {kind:?}",
            review.kind
        )));
    }
    let none = Value::Null;
    let spec = body.get("spec").unwrap_or(&none);
    let status = match review.question {
        Question::Who => json!({"userInfo": {"username": USER, "groups": [MASTERS, "system:authenticated"]}}),
        Question::OwnAccess => own_access(spec)?,
        Question::OwnRules => own_rules(spec)?,
        Question::AccessOf => access_of(spec, namespace)?,
    };
    let api_version = format!("{}/v1", review.group);
    Ok(if spec.is_null() {
        let metadata = json!({"creationTimestamp": time(now)});
        json!({"kind": review.kind, "apiVersion": api_version, "metadata": metadata, "status": status})
    } else {
        let metadata = body.get("metadata").cloned().unwrap_or_else(|| json!({}));
        json!({
            "kind": review.kind, "apiVersion": api_version, "metadata": metadata, "spec": spec, "status": status,
        })
    })
}

fn own_access(spec: &Value) -> Result<Value, Status> {
    check_attributes(spec)?;
    Ok(json!({"allowed": true}))
}

fn access_of(spec: &Value, namespace: Option<&str>) -> Result<Value, Status> {
    check_attributes(spec)?;
    let user = text(spec, "/user");
    let groups = spec.get("groups").and_then(Value::as_array);
    let groups = groups.map(Vec::as_slice).unwrap_or_default();
    if user.is_empty() && groups.is_empty() {
        let why = "spec.user: Invalid value: \"\": at least one of user or group must be specified";
        return Err(invalid(why));
    }
    let asked = text(spec, "/resourceAttributes/namespace");
    if namespace.is_some_and(|n| n != asked) {
        return Err(invalid(&format!(
            "spec.resourceAttributes.namespace: Invalid value: {asked:?}: must match metadata.namespace"
        )));
    }
    Ok(json!({"allowed": user == USER || groups.iter().any(|g| g == MASTERS)}))
}

fn own_rules(spec: &Value) -> Result<Value, Status> {
    if text(spec, "/namespace").is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let rule =
        |group: &str, resources: &[&str]| json!({"verbs": ["create"], "apiGroups": [group], "resources": resources});
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let public = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    Ok(json!({
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            rule(AUTHORIZATION, &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
            rule("authentication.k8s.io", &["selfsubjectreviews"]),
        ],
        "nonResourceRules": [
            {"verbs": ["*"], "nonResourceURLs": ["*"]},
            {"verbs": ["get"], "nonResourceURLs": discovery},
            {"verbs": ["get"], "nonResourceURLs": public},
        ],
        "incomplete": false,
    }))
}

/// A question is about a resource or about a path.
fn check_attributes(spec: &Value) -> Result<(), Status> {
    let has = |field: &str| spec.get(field).is_some_and(|v| !v.is_null());
    match (has("resourceAttributes"), has("nonResourceAttributes")) {
        (true, false) | (false, true) => Ok(()),
        (true, true) => {
            let (path, verb) = (
                text(spec, "/nonResourceAttributes/path"),
                text(spec, "/nonResourceAttributes/verb"),
            );
            Err(invalid(&format!(
                "spec.nonResourceAttributes: Invalid value: {{\"Path\":{path:?},\"Verb\":{verb:?}}}: \
                 cannot be specified in combination with resourceAttributes"
            )))
        }
        (false, false) => Err(invalid(
            "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be \
             specified",
        )),
    }
}

/// Refuses a question. Upstream leaves out the kind here, too.
fn invalid(why: &str) -> Status {
    let mut status = Status::bad_request(format!(".{AUTHORIZATION} \"\" is invalid: {why}"));
    (status.code, status.reason) = (422, "Invalid");
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &str, body: &Value) -> Result<Value, Status> {
        let (review, namespace) = find(path).unwrap();
        answer(review, namespace, body, "2026-03-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn one_user_may_do_everything_and_the_others_nothing() {
        let pods = json!({"namespace": "default", "verb": "get", "resource": "pods"});
        let of =
            |user: &str, group: &str| json!({"spec": {"resourceAttributes": pods, "user": user, "groups": [group]}});
        let local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
        let table = [
            (
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                of("", ""),
                true,
            ),
            (
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                of("ttg-local", "x"),
                true,
            ),
            (
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                of("u", "system:masters"),
                true,
            ),
            (
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                of("u", "x"),
                false,
            ),
            (local, of("u", "x"), false),
        ];
        for (path, body, allowed) in table {
            let answered = ask(path, &body).unwrap();
            assert_eq!(answered["status"], json!({"allowed": allowed}), "{path} {body}");
            assert_eq!(answered["spec"], body["spec"]);
        }
    }

    #[test]
    fn what_is_asked_in_a_wrong_way_is_refused() {
        let own = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let local = "/apis/authorization.k8s.io/v1/namespaces/a/localsubjectaccessreviews";
        let rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
        let elsewhere = json!({"spec": {"user": "u", "resourceAttributes": {"namespace": "b"}}});
        let table = [
            (own, json!({"spec": {}}), 422, "exactly one of nonResourceAttributes or"),
            (local, elsewhere, 422, "\"b\": must match metadata.namespace"),
            (rules, json!({"spec": {}}), 400, "no namespace on request"),
            (
                own,
                json!({"kind": "Pod"}),
                400,
                "must be of type SelfSubjectAccessReview",
            ),
        ];
        for (path, body, code, words) in table {
            let refused = ask(path, &body).unwrap_err();
            assert_eq!(refused.code, code, "{body}");
            assert!(refused.message.contains(words), "{refused}");
        }
        assert!(find("/apis/authorization.k8s.io/v1/localsubjectaccessreviews").is_none());
        assert!(find("/apis/authorization.k8s.io/v1").is_none());
    }

    #[test]
    fn who_asks_is_told() {
        let answered = ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).unwrap();
        assert_eq!(answered["metadata"]["creationTimestamp"], json!("2026-03-01T12:00:00Z"));
        assert_eq!(answered["status"]["userInfo"]["username"], json!("ttg-local"));
    }
}
