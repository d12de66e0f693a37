//! What the API has, for clients that ask: versions, groups, resources.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use serde_json::{Value, json};

use crate::local::kinds::{KINDS, KindSpec};

/// The API groups besides the core group, with their resources' groups. `authorization.k8s.io` serves access reviews only.
const GROUPS: &[&str] = &["batch", "authorization.k8s.io"];

/// Answers the fixed paths; none for a path that is not one of them.
pub(super) fn answer(path: &str, version: &str) -> Option<Value> {
    let path = path.trim_end_matches('/');
    match path {
        "/version" => Some(version_info(version)),
        "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        "/apis" => {
            let groups: Vec<Value> = GROUPS.iter().map(|g| group(g)).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        "/api/v1" => Some(resources("", "v1")),
        _ => {
            let group_name = GROUPS
                .iter()
                .find(|g| path.strip_prefix("/apis/").is_some_and(|p| p.starts_with(**g)))?;
            match path.strip_prefix("/apis/")?.strip_prefix(group_name)? {
                "" => {
                    let mut found = group(group_name);
                    found["kind"] = json!("APIGroup");
                    found["apiVersion"] = json!("v1");
                    Some(found)
                }
                "/v1" => Some(resources(group_name, &format!("{group_name}/v1"))),
                _ => None,
            }
        }
    }
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resources(group: &str, group_version: &str) -> Value {
    let mut list: Vec<Value> = KINDS.iter().filter(|k| k.group == group).flat_map(rows).collect();
    if group == "authorization.k8s.io" {
        list.push(json!({
            "name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview", "namespaced": false,
            "kind": "SelfSubjectAccessReview", "verbs": ["create"],
        }));
    }
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list})
}

fn rows(spec: &KindSpec) -> Vec<Value> {
    let verbs = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    let mut main = json!({
        "name": spec.plural, "singularName": spec.singular, "namespaced": spec.namespaced, "kind": spec.name,
        "verbs": verbs, "shortNames": spec.short,
    });
    if spec.in_all {
        main["categories"] = json!(["all"]);
    }
    let mut rows = vec![main];
    let sub = |name: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", spec.plural), "singularName": "", "namespaced": spec.namespaced,
            "kind": spec.name, "verbs": verbs,
        })
    };
    if spec.status {
        rows.push(sub("status", &["get", "patch", "update"]));
    }
    if spec.plural == "pods" {
        rows.push(sub("log", &["get"]));
    }
    rows
}

fn version_info(version: &str) -> Value {
    let mut numbers = version.trim_start_matches('v').split('.');
    json!({
        "major": numbers.next().unwrap_or_default(), "minor": numbers.next().unwrap_or_default(), "gitVersion": version,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
