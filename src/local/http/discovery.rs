//! What the API has, for clients that ask: versions, groups, resources.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use serde_json::{Value, json};

use super::reviews;
use crate::local::kinds::{KINDS, Kind, KindSpec};

/// The API groups besides the core group, in upstream's order. Those of authentication and authorization serve reviews only.
const GROUPS: &[&str] = &["authentication.k8s.io", "authorization.k8s.io", "batch"];

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
    list.extend(reviews::resources(group));
    let mut found = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": list});
    if !group.is_empty() {
        // Upstream leaves it out of the core group's list.
        found["apiVersion"] = json!("v1");
    }
    found
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
    // As upstream, namespaces are deleted one by one.
    let verbs = verbs
        .iter()
        .filter(|v| spec.kind != Kind::Namespace || **v != "deletecollection");
    let mut main = json!({
        "name": spec.plural, "singularName": spec.singular, "namespaced": spec.namespaced, "kind": spec.name,
        "verbs": verbs.collect::<Vec<_>>(),
    });
    if !spec.short.is_empty() {
        main["shortNames"] = json!(spec.short);
    }
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
    if spec.kind == Kind::Pod {
        rows.push(sub("log", &["get"]));
        // kubectl drain looks for this row, and for its group.
        let mut eviction = sub("eviction", &["create"]);
        eviction["group"] = json!("policy");
        eviction["version"] = json!("v1");
        eviction["kind"] = json!("Eviction");
        rows.push(eviction);
    }
    rows
}

fn version_info(version: &str) -> Value {
    let mut numbers = version.trim_start_matches('v').split('.');
    let major = numbers.next().unwrap_or_default();
    let minor = numbers.next().unwrap_or_default();
    let before = minor.parse::<u32>().unwrap_or_default().saturating_sub(1).to_string();
    json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": before, "gitVersion": version,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "", "goVersion": "", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_told_as_upstream_tells_them() {
        let core = answer("/api/v1", "v1.35.0").unwrap();
        let row = |name: &str| {
            let list = core["resources"].as_array().unwrap();
            list.iter().find(|r| r["name"] == name).cloned().unwrap()
        };
        assert_eq!(
            row("pods/eviction"),
            json!({"name": "pods/eviction", "singularName": "", "namespaced": true, "group": "policy", "version": "v1",
                "kind": "Eviction", "verbs": ["create"]})
        );
        let of_namespaces = ["create", "delete", "get", "list", "patch", "update", "watch"];
        assert_eq!(row("namespaces")["verbs"], json!(of_namespaces));
        assert!(row("secrets").get("shortNames").is_none());
        let version = answer("/version", "v1.35.0").unwrap();
        assert_eq!(
            (&version["emulationMinor"], &version["minCompatibilityMinor"]),
            (&json!("35"), &json!("34"))
        );
    }
}
