//! From a container's spec to what is started: environment, arguments. Pure, but for the lookups that are handed in.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::collections::BTreeMap;

use base64::Engine;
use serde_json::Value;

use crate::local::object::{items, text};

/// Why a container cannot be started from its spec: upstream's `CreateContainerConfigError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Looks up a `ConfigMap` or a Secret of the pod's namespace: kind (`configmap` or `secret`) and name.
pub type Lookup<'l> = &'l dyn Fn(&str, &str) -> Option<Value>;

/// Resolves the whole environment of a container: `envFrom` first, then `env`, with `$(NAME)` expanded.
pub fn environment(
    pod: &Value,
    container: &Value,
    lookup: Lookup<'_>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut env = BTreeMap::new();
    for source in items(container, "/envFrom") {
        let prefix = text(source, "/prefix");
        for (kind, field) in [("configmap", "configMapRef"), ("secret", "secretRef")] {
            let Some(reference) = source.get(field) else { continue };
            for (key, value) in whole(kind, reference, lookup)? {
                env.insert(format!("{prefix}{key}"), value);
            }
        }
    }
    for variable in items(container, "/env") {
        let value = match variable.get("valueFrom").filter(|v| !v.is_null()) {
            Some(from) => value_from(pod, container, from, lookup)?,
            None => Some(expand(text(variable, "/value"), &env)),
        };
        if let Some(value) = value {
            env.insert(text(variable, "/name").to_owned(), value);
        }
    }
    Ok(env)
}

/// Returns the container's command and arguments with `$(NAME)` expanded; both may be empty.
pub fn command(container: &Value, env: &BTreeMap<String, String>) -> (Vec<String>, Vec<String>) {
    let list = |pointer: &str| {
        items(container, pointer)
            .filter_map(Value::as_str)
            .map(|t| expand(t, env))
            .collect()
    };
    (list("/command"), list("/args"))
}

fn whole(kind: &str, reference: &Value, lookup: Lookup<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let name = text(reference, "/name");
    let Some(object) = lookup(kind, name) else {
        let optional = reference["optional"] == true;
        return if optional {
            Ok(Vec::new())
        } else {
            Err(ConfigError(format!("{kind} {name:?} not found")))
        };
    };
    let data = object["data"].as_object().cloned().unwrap_or_default();
    Ok(data
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), decode(kind, value)?)))
        .collect())
}

fn value_from(pod: &Value, container: &Value, from: &Value, lookup: Lookup<'_>) -> Result<Option<String>, ConfigError> {
    if let Some(field) = from.get("fieldRef") {
        return field_value(pod, text(field, "/fieldPath")).map(Some);
    }
    if let Some(field) = from.get("resourceFieldRef") {
        let (part, name) = text(field, "/resource").split_once('.').unwrap_or_default();
        return Ok(Some(text(container, &format!("/resources/{part}/{name}")).to_owned()));
    }
    for (kind, field) in [("configmap", "configMapKeyRef"), ("secret", "secretKeyRef")] {
        let Some(reference) = from.get(field) else { continue };
        let (name, key) = (text(reference, "/name"), text(reference, "/key"));
        let missing = |words: String| {
            if reference["optional"] == true {
                Ok(None)
            } else {
                Err(ConfigError(words))
            }
        };
        let Some(object) = lookup(kind, name) else {
            return missing(format!("{kind} {name:?} not found"));
        };
        let Some(value) = object["data"].get(key).and_then(|v| decode(kind, v)) else {
            let words = if kind == "secret" { "Secret" } else { "ConfigMap" };
            let namespace = text(pod, "/metadata/namespace");
            return missing(format!("couldn't find key {key} in {words} {namespace}/{name}"));
        };
        return Ok(Some(value));
    }
    Ok(None)
}

fn decode(kind: &str, value: &Value) -> Option<String> {
    let value = value.as_str()?;
    if kind != "secret" {
        return Some(value.to_owned());
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(value).ok()?;
    String::from_utf8(bytes).ok()
}

/// The downward API: a field of the pod by its path.
fn field_value(pod: &Value, path: &str) -> Result<String, ConfigError> {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|p| p.split_once("['")) {
        let map = pod.pointer(&format!("/{}", map.replace('.', "/")));
        return Ok(map
            .and_then(|m| m.get(key))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned());
    }
    let known = [
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.podIP",
    ];
    if !known.contains(&path) {
        return Err(ConfigError(format!("unsupported fieldPath: {path}")));
    }
    Ok(text(pod, &format!("/{}", path.replace('.', "/"))).to_owned())
}

/// Expands `$(NAME)` of variables that are known; `$$` is a dollar sign, and what is unknown stays as it is.
fn expand(input: &str, env: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = input;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|a| a.split_once(')')) {
            match env.get(name) {
                Some(value) => out.push_str(value),
                None => out.extend(["$(", name, ")"]),
            }
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lookup(kind: &str, name: &str) -> Option<Value> {
        match (kind, name) {
            ("configmap", "c") => Some(json!({"data": {"A": "1"}})),
            ("secret", "s") => Some(json!({"data": {"P": "aHVudGVyMg=="}})),
            _ => None,
        }
    }

    fn resolve(container: &Value) -> Result<BTreeMap<String, String>, ConfigError> {
        let pod = json!({"metadata": {"name": "p", "namespace": "d", "labels": {"a/b": "x"}}});
        environment(&pod, container, &lookup)
    }

    #[test]
    fn every_source_of_a_variable() {
        let env = resolve(&json!({
            "resources": {"limits": {"cpu": "500m"}},
            "envFrom": [{"configMapRef": {"name": "c"}, "prefix": "X_"}, {"secretRef": {"name": "gone", "optional": true}}],
            "env": [
                {"name": "PLAIN", "value": "v"},
                {"name": "REF", "value": "<$(PLAIN)> $(NONE) $$(PLAIN)"},
                {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "A"}}},
                {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "P"}}},
                {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}},
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            ],
        }))
        .unwrap();
        let want = [
            ("CPU", "500m"),
            ("LABEL", "x"),
            ("MAP", "1"),
            ("NAME", "p"),
            ("PLAIN", "v"),
            ("REF", "<v> $(NONE) $(PLAIN)"),
            ("SECRET", "hunter2"),
            ("X_A", "1"),
        ];
        assert_eq!(
            env,
            want.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        );
    }

    #[test]
    fn what_is_missing_is_named_in_upstreams_words() {
        let variable = |from: Value| json!({"env": [{"name": "X", "valueFrom": from}]});
        for (from, words) in [
            (
                json!({"configMapKeyRef": {"name": "gone", "key": "A"}}),
                r#"configmap "gone" not found"#,
            ),
            (
                json!({"configMapKeyRef": {"name": "c", "key": "B"}}),
                "couldn't find key B in ConfigMap d/c",
            ),
            (
                json!({"secretKeyRef": {"name": "gone", "key": "A"}}),
                r#"secret "gone" not found"#,
            ),
            (
                json!({"secretKeyRef": {"name": "s", "key": "A"}}),
                "couldn't find key A in Secret d/s",
            ),
        ] {
            assert_eq!(resolve(&variable(from)).unwrap_err().to_string(), words);
        }
    }
}
