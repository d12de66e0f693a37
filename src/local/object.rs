//! Objects as the store keeps them, and access to the fields of an object that is still JSON.
//!
//! The store keeps serialized JSON, packed: a pod of ten thousand costs what is its own in its text, not a tree of allocations,
//! and a watch sends the text as it was written. What every request needs (labels, owners, the node) is parsed once, when the
//! object is written, and shared by the versions that have the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::packed::Packed;

/// The identity of an object: kind, namespace (empty for a kind without), name. Its order is the order of lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The kind.
    pub kind: Kind,
    /// The namespace, or empty.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// Makes a key.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// One version of one object. It never changes; a change makes another version.
#[derive(Debug)]
pub struct Object {
    /// Its identity.
    pub key: Arc<Key>,
    /// The store's revision that wrote it, which is its resourceVersion.
    pub revision: u64,
    /// What every request needs of it.
    pub head: Head,
    /// The whole object as JSON text.
    pub packed: Packed,
}

impl Object {
    /// Makes an object that no store keeps, from its text.
    pub fn unstored(key: Key, revision: u64, json: &str) -> Self {
        Self {
            key: Arc::new(key),
            revision,
            head: serde_json::from_str(json).unwrap_or_default(),
            packed: Packed::alone(json),
        }
    }

    /// Returns the whole object as JSON text.
    pub fn json(&self) -> Bytes {
        self.packed.text()
    }

    /// Parses the object into a type that names just the fields a caller needs.
    pub fn view<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.json())
    }

    /// Parses the whole object.
    pub fn value(&self) -> Value {
        // What is stored was serialized here, so it parses; `null` is the harmless answer if that ever breaks.
        serde_json::from_slice(&self.json()).unwrap_or(Value::Null)
    }
}

/// The fields that every request needs.
#[derive(Debug, Default, Deserialize)]
pub struct Head {
    /// The metadata.
    #[serde(default)]
    pub metadata: HeadMeta,
    #[serde(default)]
    spec: HeadSpec,
}

impl Head {
    /// Takes over what is the same in another object, which shares it then.
    pub fn share(&mut self, other: &Self) {
        let (new, old) = (&mut self.metadata, &other.metadata);
        if new.labels == old.labels {
            new.labels = old.labels.clone();
        }
        if new.owner_references == old.owner_references {
            new.owner_references = Arc::clone(&old.owner_references);
        }
    }

    /// Returns the node that a pod is bound to.
    pub fn node(&self) -> Option<&str> {
        self.spec.node_name.as_deref().filter(|n| !n.is_empty())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HeadSpec {
    node_name: Option<String>,
}

/// The metadata that every request needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeadMeta {
    /// The uid.
    pub uid: String,
    /// The labels.
    pub labels: Labels,
    /// The owners.
    #[serde(deserialize_with = "shared")]
    pub owner_references: Arc<Vec<OwnerRef>>,
    /// The finalizers.
    pub finalizers: Vec<String>,
    /// When it was told to end, plus its grace period.
    pub deletion_timestamp: Option<Timestamp>,
    /// The grace period in seconds.
    pub deletion_grace_period_seconds: Option<i64>,
    /// When it was made.
    pub creation_timestamp: Option<Timestamp>,
    annotations: Option<HeadAnnotations>,
}

impl HeadMeta {
    /// Returns the faults that are ordered on the object.
    pub fn fault(&self) -> Option<&str> {
        self.annotations.as_ref()?.fault.as_deref()
    }
}

/// Of the annotations only the one that the cluster itself obeys is kept: there may be much in the others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct HeadAnnotations {
    #[serde(rename = "local-cluster/fault")]
    fault: Option<Box<str>>,
}

/// Labels, shared by all who need to know them for long. They are one text, since there are as many of them as of all other words
/// of an object together: each key and each value with a NUL after it, which neither can contain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Option<Arc<str>>);

impl Labels {
    /// Returns the value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut words = self.0.as_deref()?.split('\0');
        loop {
            let (found, value) = (words.next()?, words.next()?);
            if found == key {
                return Some(value);
            }
        }
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        let mut text = String::new();
        for (key, value) in labels {
            text.extend([key.as_ref(), "\0", value.as_ref(), "\0"]);
        }
        Self((!text.is_empty()).then(|| text.into()))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(found: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(found).map(Self::from_iter)
    }
}

fn shared<'de, D: Deserializer<'de>, T: Deserialize<'de>>(found: D) -> Result<Arc<T>, D::Error> {
    T::deserialize(found).map(Arc::new)
}

/// An owner of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerRef {
    /// The owner's kind.
    pub kind: String,
    /// The owner's name.
    pub name: String,
    /// The owner's uid.
    pub uid: String,
    /// Whether the owner is the managing controller.
    pub controller: bool,
    /// Whether the owner waits for this object when it is deleted in the foreground.
    pub block_owner_deletion: bool,
}

/// Returns the object under a path of keys, making empty objects on the way where nothing is.
///
/// A value that is not an object is replaced: callers only use it on objects that were validated or made here.
pub fn object_at<'v>(value: &'v mut Value, path: &[&str]) -> &'v mut Map<String, Value> {
    let mut at = value;
    for key in path {
        at = as_object(at).entry(*key).or_insert(Value::Null);
    }
    as_object(at)
}

fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            unreachable!("the lines above made it an object")
        }
    }
}

/// Returns the metadata of an object, made if missing.
pub fn metadata(value: &mut Value) -> &mut Map<String, Value> {
    object_at(value, &["metadata"])
}

/// Returns a text field by JSON pointer; empty where there is none.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns an integer field by JSON pointer.
pub fn integer(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// Returns the elements of an array by JSON pointer; none where there is no array.
pub fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Writes a time as Kubernetes does: RFC 3339, whole seconds, UTC.
pub fn time(at: Timestamp) -> Value {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    json!(whole.to_string())
}

/// Writes a time with microseconds, as `eventTime` has it.
pub fn micro_time(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kubernetes_writes_them() {
        let at: Timestamp = "2026-03-01T12:00:00.123456789Z".parse().unwrap();
        assert_eq!(time(at), json!("2026-03-01T12:00:00Z"));
        assert_eq!(micro_time(at), json!("2026-03-01T12:00:00.123456Z"));
    }

    #[test]
    fn labels_are_found_by_their_whole_key() {
        let labels: Labels = [("a", "b"), ("ab", ""), ("b", "c")].into_iter().collect();
        let found = ["a", "ab", "b", "c", ""].map(|key| labels.get(key));
        assert_eq!(found, [Some("b"), Some(""), Some("c"), None, None]);
        assert_eq!(Labels::default().get(""), None);
    }

    #[test]
    fn object_at_makes_what_is_missing_and_keeps_the_rest() {
        let mut value = json!({"metadata": {"name": "a"}});
        object_at(&mut value, &["metadata", "labels"]).insert("x".into(), json!("y"));
        assert_eq!(value, json!({"metadata": {"name": "a", "labels": {"x": "y"}}}));
    }
}
