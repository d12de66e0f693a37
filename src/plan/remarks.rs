//! What a server made of an object that was sent: what it dropped, changed and added.
//!
//! This is how older servers are found that do not know a field, whatever version they claim. Guaranteed: every field
//! that was sent with a value and is gone or different is named. Not guaranteed: that texts are fit to be shown; they
//! are the server's own.

use serde_json::{Map, Value};

use super::quantity::same_value;

/// What a server made of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// The paths of the fields that are gone, such as `spec.backoffLimitPerIndex`.
    pub dropped: Vec<String>,
    /// The fields that have another value: path, value sent, value got.
    pub changed: Vec<(String, String, String)>,
    /// How many fields the server added; a whole object it added counts once.
    pub added_count: usize,
}

/// Compares an object as it was sent with what the server made of it. Arrays are compared by position.
pub fn compare(sent: &Value, got: &Value) -> Remarks {
    let mut remarks = Remarks::default();
    remarks.walk("", false, sent, got);
    remarks
}

impl Remarks {
    /// `are_quantities`: the values are amounts of resources, of which the server may change the spelling.
    fn walk(&mut self, path: &str, are_quantities: bool, sent: &Value, got: &Value) {
        if let (Value::Object(sent), Value::Object(got)) = (sent, got) {
            self.walk_object(path, are_quantities, sent, got);
        } else if let (Value::Array(sent), Value::Array(got)) = (sent, got) {
            self.walk_array(path, sent, got);
        } else if sent != got && !(are_quantities && same_quantity(sent, got)) {
            self.changed.push((path.to_owned(), text(sent), text(got)));
        }
    }

    fn walk_object(&mut self, path: &str, are_quantities: bool, sent: &Map<String, Value>, got: &Map<String, Value>) {
        for (key, value) in sent {
            let inner = child(path, key);
            match got.get(key) {
                Some(found) => self.walk(&inner, are_quantities || is_amounts(key), value, found),
                None => self.drop_value(inner, value),
            }
        }
        self.added_count += got.keys().filter(|key| !sent.contains_key(*key)).count();
    }

    fn walk_array(&mut self, path: &str, sent: &[Value], got: &[Value]) {
        for (position, value) in sent.iter().enumerate() {
            let inner = format!("{path}[{position}]");
            match got.get(position) {
                Some(found) => self.walk(&inner, false, value, found),
                None => self.drop_value(inner, value),
            }
        }
        self.added_count += got.len().saturating_sub(sent.len());
    }

    /// A server leaves out what is empty, which is not a loss.
    fn drop_value(&mut self, path: String, value: &Value) {
        if !is_empty(value) {
            self.dropped.push(path);
        }
    }
}

/// Tells whether the values below this key are amounts of resources.
fn is_amounts(key: &str) -> bool {
    matches!(key, "requests" | "limits")
}

fn same_quantity(sent: &Value, got: &Value) -> bool {
    same_value(&text(sent), &text(got))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Appends a key to a path; a key that is not a plain word is put in brackets, as in kubectl's JSON paths.
fn child(path: &str, key: &str) -> String {
    if !key.bytes().all(|b| b.is_ascii_alphanumeric()) {
        format!("{path}['{key}']")
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_gone_or_different_is_named_and_the_rest_is_counted() {
        let sent = json!({
            "metadata": {"name": "a", "labels": {"ttg-tui/run": "a"}, "annotations": {}},
            "spec": {
                "completions": 12,
                "backoffLimitPerIndex": 3,
                "suspend": false,
                "activeDeadlineSeconds": null,
                "rules": [{"action": "Ignore"}, {"action": "FailIndex"}],
                "containers": [{"name": "worker", "env": [{"name": "A", "value": ""}]}],
            },
        });
        let got = json!({
            "metadata": {"name": "a", "uid": "u", "labels": {"injected": "b"}},
            "spec": {
                "completions": 10,
                "backoffLimit": 6,
                "suspend": false,
                "rules": [{"action": "Ignore"}],
                "containers": [
                    {"name": "worker", "env": [{"name": "A"}, {"name": "B"}], "args": []},
                    {"name": "proxy"},
                ],
            },
            "status": {"active": 1, "ready": 1},
        });
        assert_eq!(
            compare(&sent, &got),
            Remarks {
                dropped: vec![
                    "metadata.labels['ttg-tui/run']".to_owned(),
                    "spec.backoffLimitPerIndex".to_owned(),
                    "spec.rules[1]".to_owned(),
                ],
                changed: vec![("spec.completions".to_owned(), "12".to_owned(), "10".to_owned())],
                // uid, the injected label, backoffLimit, env B, args, the proxy, and status.
                added_count: 7,
            }
        );
    }

    #[test]
    fn amounts_are_compared_by_value_and_only_amounts() {
        let of = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        assert_eq!(compare(&of("1000m"), &of("1")), Remarks::default());
        assert_eq!(
            compare(&of("1"), &json!({"resources": {"requests": {"cpu": 1}}})),
            Remarks::default()
        );
        assert_eq!(compare(&of("1"), &of("2")).changed.len(), 1);
        assert_eq!(
            compare(&json!({"value": "1k"}), &json!({"value": "1000"}))
                .changed
                .len(),
            1
        );
    }

    #[test]
    fn a_value_of_another_kind_is_a_change() {
        assert_eq!(
            compare(&json!({"a": {"b": 1}}), &json!({"a": [1]})).changed,
            [("a".to_owned(), "{\"b\":1}".to_owned(), "[1]".to_owned())]
        );
    }
}
