//! As much of `/openapi/v3` as kubectl needs before it creates or applies: that fields are validated by the server.
//!
//! The schemas themselves are those of k8s-openapi and are not published, so `kubectl explain` has nothing to say here.

use serde_json::{Map, Value, json};

use crate::local::kinds::{KINDS, KindSpec};

/// Answers a path below `/openapi/v3`; none for one that is not there.
pub(super) fn answer(path: &str) -> Option<Value> {
    let path = path.strip_prefix("/openapi/v3")?.trim_matches('/');
    if path.is_empty() {
        let index: Map<String, Value> = ["api/v1", "apis/batch/v1"]
            .into_iter()
            .map(|group| {
                (
                    group.to_owned(),
                    json!({"serverRelativeURL": format!("/openapi/v3/{group}?hash=1")}),
                )
            })
            .collect();
        return Some(json!({"paths": index}));
    }
    let group = match path {
        "api/v1" => "",
        "apis/batch/v1" => "batch",
        _ => return None,
    };
    let paths: Map<String, Value> = KINDS
        .iter()
        .filter(|k| k.group == group)
        .map(|k| object_path(path, k))
        .collect();
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "ttg-tui local cluster", "version": "v1"},
        "paths": paths, "components": {"schemas": {}},
    }))
}

fn object_path(group: &str, spec: &KindSpec) -> (String, Value) {
    let namespace = if spec.namespaced { "namespaces/{namespace}/" } else { "" };
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let operation = json!({"patch": {
        "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation"), parameter("force")],
        "responses": {},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {"group": spec.group, "kind": spec.name, "version": "v1"},
    }});
    (format!("/{group}/{namespace}{}/{{name}}", spec.plural), operation)
}
