//! Where in an object lists are sets or maps, and what is one value although it has parts. Pure.
//!
//! This is what upstream's types say with `listType`, `listMapKey`, `mapType` and `structType`. It is not the table of strategic
//! merge patches: that one merges ports by their number alone and spread constraints by their key alone, while here a port is found by
//! number and protocol. A list that is not in the table is one value: who applies it owns all of it.

use serde_json::{Map, Value, json};

use super::fields::Step;
use crate::local::kinds::Kind;

/// What a value is to an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value, whatever is in it.
    Leaf,
    /// Fields, each with an owner of its own.
    Fields,
    /// A list of plain values, each there once.
    Set,
    /// A list of objects, found by these fields.
    Keyed(&'static [&'static str]),
}

/// The lists that are no plain values: of which kind (`None`: of all), where, and by which fields; none for a set.
const LISTS: [(Option<Kind>, &str, &[&str]); 25] = [
    (None, "metadata.finalizers", &[]),
    (None, "metadata.ownerReferences", &["uid"]),
    (Some(Kind::Pod), "spec.containers", &["name"]),
    (Some(Kind::Pod), "spec.containers.env", &["name"]),
    (Some(Kind::Pod), "spec.containers.ports", &["containerPort", "protocol"]),
    (Some(Kind::Pod), "spec.containers.resources.claims", &["name"]),
    (Some(Kind::Pod), "spec.containers.volumeDevices", &["devicePath"]),
    (Some(Kind::Pod), "spec.containers.volumeMounts", &["mountPath"]),
    (Some(Kind::Pod), "spec.hostAliases", &["ip"]),
    (Some(Kind::Pod), "spec.imagePullSecrets", &["name"]),
    (Some(Kind::Pod), "spec.resourceClaims", &["name"]),
    (Some(Kind::Pod), "spec.resources.claims", &["name"]),
    (Some(Kind::Pod), "spec.schedulingGates", &["name"]),
    (
        Some(Kind::Pod),
        "spec.topologySpreadConstraints",
        &["topologyKey", "whenUnsatisfiable"],
    ),
    (Some(Kind::Pod), "spec.volumes", &["name"]),
    (Some(Kind::Pod), "status.conditions", &["type"]),
    (Some(Kind::Pod), "status.podIPs", &["ip"]),
    (Some(Kind::Pod), "status.resourceClaimStatuses", &["name"]),
    (Some(Kind::Node), "spec.podCIDRs", &[]),
    (Some(Kind::Node), "status.addresses", &["type"]),
    (Some(Kind::Node), "status.conditions", &["type"]),
    (Some(Kind::Namespace), "status.conditions", &["type"]),
    (Some(Kind::ServiceAccount), "secrets", &["name"]),
    (Some(Kind::Job), "status.uncountedTerminatedPods.failed", &[]),
    (Some(Kind::Job), "status.uncountedTerminatedPods.succeeded", &[]),
];

/// The objects that are one value: of which kind (`None`: of all), and where. Elements of a list stand at the list's place.
const WHOLE: [(Option<Kind>, &str); 9] = [
    (None, "metadata.ownerReferences"),
    (Some(Kind::Pod), "spec.imagePullSecrets"),
    (Some(Kind::Pod), "spec.nodeSelector"),
    (Some(Kind::Pod), "spec.topologySpreadConstraints.labelSelector"),
    (
        Some(Kind::Pod),
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    ),
    (Some(Kind::Event), "involvedObject"),
    (Some(Kind::Event), "related"),
    (Some(Kind::ServiceAccount), "secrets"),
    (Some(Kind::Job), "spec.selector"),
];

/// The objects that are one value wherever they stand: references to something by name.
const REFERENCES: [&str; 8] = [
    "configMapKeyRef",
    "fieldRef",
    "fileKeyRef",
    "resourceFieldRef",
    "secretKeyRef",
    "secretRef",
    "nodePublishSecretRef",
    "dataSource",
];

/// Where in an object a value is, without the indexes of lists.
#[derive(Clone, Debug)]
pub(super) struct Place {
    kind: Kind,
    path: String,
    is_element: bool,
}

impl Place {
    /// Returns the place of a whole object.
    pub(super) fn root(kind: Kind) -> Self {
        Self {
            kind,
            path: String::new(),
            is_element: false,
        }
    }

    /// Returns the place of a field of the object here.
    pub(super) fn field(&self, name: &str) -> Self {
        // All three are lists of containers, so the tables have them once.
        let name = match name {
            "initContainers" | "ephemeralContainers" => "containers",
            other => other,
        };
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        // A Job's template is laid out as a pod is, so its lists are the pod's.
        if self.kind == Kind::Job && path == "spec.template" {
            return Self::root(Kind::Pod);
        }
        Self {
            kind: self.kind,
            path,
            is_element: false,
        }
    }

    /// Returns the place of the elements of the list here.
    fn element(&self) -> Self {
        Self {
            is_element: true,
            ..self.clone()
        }
    }

    /// Returns the place that a step leads to.
    pub(super) fn step(&self, step: &Step) -> Self {
        match step {
            Step::Field(name) => self.field(name),
            Step::Key(_) | Step::Value(_) => self.element(),
        }
    }

    /// Tells what a value at this place is.
    pub(super) fn shape(&self, value: &Value) -> Shape {
        match value {
            Value::Object(_) if self.is_whole() => Shape::Leaf,
            Value::Object(_) => Shape::Fields,
            Value::Array(_) if !self.is_element => self.list(),
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Shape::Leaf,
        }
    }

    fn list(&self) -> Shape {
        let keys = LISTS.iter().find(|(kind, path, _)| self.is(*kind, path));
        match keys {
            None => Shape::Leaf,
            Some((_, _, [])) => Shape::Set,
            Some((_, _, keys)) => Shape::Keyed(keys),
        }
    }

    fn is_whole(&self) -> bool {
        let last = self.path.rsplit('.').next().unwrap_or_default();
        REFERENCES.contains(&last) || WHOLE.iter().any(|(kind, path)| self.is(*kind, path))
    }

    fn is(&self, kind: Option<Kind>, path: &str) -> bool {
        kind.is_none_or(|k| k == self.kind) && path == self.path
    }
}

/// Returns the fields by which an element is found, as the text of a JSON object, or why there are none.
pub(super) fn key_of(element: &Value, keys: &[&str]) -> Result<String, String> {
    let Value::Object(fields) = element else {
        return Err("associative list with keys may not have non-map elements".into());
    };
    let mut found = Map::new();
    for key in keys {
        if let Some(value) = fields.get(*key) {
            found.insert((*key).to_owned(), value.clone());
        } else if *key == "protocol" {
            // The one key that upstream's types have a default for.
            found.insert((*key).to_owned(), json!("TCP"));
        }
    }
    if found.is_empty() {
        let words: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            words.join(" ")
        ));
    }
    Ok(Value::Object(found).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_is_depends_on_where_it_is() {
        let list = json!([]);
        let object = json!({});
        for (kind, path, value, want) in [
            (Kind::ConfigMap, "data", &object, Shape::Fields),
            (Kind::ConfigMap, "metadata.finalizers", &list, Shape::Set),
            (Kind::Pod, "spec.containers", &list, Shape::Keyed(&["name"])),
            (Kind::Pod, "spec.initContainers.env", &list, Shape::Keyed(&["name"])),
            (Kind::Pod, "spec.containers.args", &list, Shape::Leaf),
            (Kind::Pod, "spec.tolerations", &list, Shape::Leaf),
            (Kind::Pod, "spec.nodeSelector", &object, Shape::Leaf),
            (Kind::Pod, "spec.volumes.emptyDir", &object, Shape::Fields),
            (
                Kind::Job,
                "spec.template.spec.containers.env.valueFrom.fieldRef",
                &object,
                Shape::Leaf,
            ),
            (Kind::Job, "spec.template.spec.volumes", &list, Shape::Keyed(&["name"])),
            (Kind::Job, "spec.selector", &object, Shape::Leaf),
            (Kind::Job, "status.conditions", &list, Shape::Leaf),
            (Kind::Node, "status.conditions", &list, Shape::Keyed(&["type"])),
        ] {
            let place = path.split('.').fold(Place::root(kind), |place, name| place.field(name));
            assert_eq!(place.shape(value), want, "{kind:?} {path}");
        }
    }

    #[test]
    fn an_element_is_found_by_its_keys() {
        let keys = ["containerPort", "protocol"];
        for (element, want) in [
            (
                json!({"containerPort": 80}),
                Ok(r#"{"containerPort":80,"protocol":"TCP"}"#),
            ),
            (
                json!({"containerPort": 80, "protocol": "UDP", "name": "x"}),
                Ok(r#"{"containerPort":80,"protocol":"UDP"}"#),
            ),
            (json!("x"), Err("non-map elements")),
        ] {
            match (key_of(&element, &keys), want) {
                (Ok(found), Ok(want)) => assert_eq!(found, want),
                (Err(found), Err(want)) => assert!(found.contains(want), "{found}"),
                (found, want) => panic!("{found:?} is not {want:?}"),
            }
        }
        assert!(
            key_of(&json!({"image": "x"}), &["name"])
                .unwrap_err()
                .contains("omits all key fields [\"name\"]")
        );
    }
}
