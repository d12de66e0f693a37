//! Fields that a body has and its kind has not, and fields that it has twice: in the order of the body, as upstream tells them.
//!
//! A parsed body has forgotten both, so the text is read once more, into a tree that keeps everything.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// JSON as it was written, without what leaves say.
enum Node {
    Leaf { is_null: bool },
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// Returns what is wrong with the fields of a body, such as `unknown field "spec.x"`. `kept` is what the kind has of it.
pub(super) fn problems(body: &[u8], kept: &Value) -> Vec<String> {
    let mut found = Vec::new();
    // A body that does not parse was refused before this.
    if let Ok(node) = serde_json::from_slice::<Node>(body) {
        find(&node, Some(kept), "", &mut found);
    }
    found
}

/// Adds to an object the fields that another one has besides.
pub(super) fn add_fields(object: &mut Value, other: &Value) {
    match (object, other) {
        (Value::Object(fields), Value::Object(other)) => {
            for (name, value) in other {
                match fields.get_mut(name) {
                    Some(field) => add_fields(field, value),
                    None => {
                        fields.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(list), Value::Array(other)) => {
            for (element, other) in list.iter_mut().zip(other) {
                add_fields(element, other);
            }
        }
        _ => {}
    }
}

fn find(node: &Node, kept: Option<&Value>, path: &str, found: &mut Vec<String>) {
    match node {
        Node::Leaf { .. } => {}
        Node::List(list) => {
            for (i, inner) in list.iter().enumerate() {
                find(inner, kept.and_then(|k| k.get(i)), &format!("{path}[{i}]"), found);
            }
        }
        Node::Map(fields) => {
            let mut seen = BTreeSet::new();
            for (name, inner) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let known = kept.and_then(|k| k.get(name));
                let says_nothing = matches!(inner, Node::Leaf { is_null: true });
                if !seen.insert(name) {
                    found.push(format!("duplicate field {path:?}"));
                } else if kept.is_some_and(Value::is_object) && known.is_none() && !says_nothing {
                    found.push(format!("unknown field {path:?}"));
                    continue;
                }
                if known.is_some() {
                    find(inner, known, &path, found);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

const LEAF: Node = Node::Leaf { is_null: false };

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
        Ok(LEAF)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
        Ok(LEAF)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Node, E> {
        Ok(LEAF)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Ok(LEAF)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Node, E> {
        Ok(LEAF)
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Leaf { is_null: true })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_told_in_the_order_of_the_body() {
        let body = br#"{"metadata":{"name":"q","labels":{"a":"1","a":"2"},"zz":1,"no":null},"data":{"a":"1"},"b":{"c":1},"data":{"a":"2"},
            "list":[{"x":1,"y":{"u":1,"u":1}}]}"#;
        let kept = json!({"metadata": {"name": "q", "labels": {"a": "2"}}, "data": {"a": "2"}, "list": [{"x": 1}]});
        assert_eq!(
            problems(body, &kept),
            [
                "duplicate field \"metadata.labels.a\"",
                "unknown field \"metadata.zz\"",
                "unknown field \"b\"",
                "duplicate field \"data\"",
                "unknown field \"list[0].y\"",
            ]
        );
        assert!(problems(br#"{"a":1}"#, &json!({"a": 1})).is_empty());
        let mut known = json!({"list": [{}]});
        add_fields(&mut known, &json!({"new": 1, "list": [{"x": 1}]}));
        assert!(problems(br#"{"new":2,"list":[{"x":2}]}"#, &known).is_empty());
    }
}
