//! Label and field selectors, in kubectl's language. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kinds::Kind;
use super::object::Object;
use super::status::Status;

/// A label selector: all of its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl LabelSelector {
    /// Parses `a=b,c==d,e!=f,g in (h,i),j notin (k),l,!m`.
    pub fn parse(text: &str) -> Result<Self, Status> {
        split_outside_parentheses(text)
            .into_iter()
            .map(Requirement::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Tells whether the labels satisfy every requirement.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|r| {
            let value = labels.get(&r.key);
            match &r.operator {
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
                Operator::In(values) => value.is_some_and(|v| values.contains(v)),
                // As upstream: a label that is absent satisfies != and notin.
                Operator::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
            }
        })
    }
}

impl Requirement {
    fn parse(text: &str) -> Result<Self, Status> {
        let bad = || Status::bad_request(format!("unable to parse requirement: {text:?}"));
        let text = text.trim();
        let make = |key: &str, operator| {
            let key = key.trim();
            let plain = !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || "!=(),".contains(c));
            plain
                .then(|| Self {
                    key: key.to_owned(),
                    operator,
                })
                .ok_or_else(bad)
        };
        if let Some(key) = text.strip_prefix('!') {
            return make(key, Operator::Absent);
        }
        if let Some((head, list)) = text.split_once('(') {
            let values = list.trim_end().strip_suffix(')').ok_or_else(bad)?;
            let values = values.split(',').map(|v| v.trim().to_owned()).collect();
            let mut words = head.split_whitespace();
            return match (words.next(), words.next(), words.next()) {
                (Some(key), Some("in"), None) => make(key, Operator::In(values)),
                (Some(key), Some("notin"), None) => make(key, Operator::NotIn(values)),
                _ => Err(bad()),
            };
        }
        if let Some((key, value)) = text.split_once("!=") {
            return make(key, Operator::NotIn(vec![value.trim().to_owned()]));
        }
        if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return make(key, Operator::In(vec![value.trim().to_owned()]));
        }
        make(text, Operator::Exists)
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
    .collect()
}

/// A field selector: `=`, `==` and `!=` on the few fields that upstream selects by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<FieldRequirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRequirement {
    field: String,
    value: String,
    equal: bool,
}

impl FieldSelector {
    /// Parses a selector and refuses fields that this kind cannot be selected by, in upstream's words.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, Status> {
        let mut requirements = Vec::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (field, value, equal) = if let Some((field, value)) = part.split_once("!=") {
                (field, value, false)
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (field, value, true)
            } else {
                return Err(Status::bad_request(format!(
                    "invalid selector: {text:?}; can't understand {part:?}"
                )));
            };
            let known = ["metadata.name", "metadata.namespace"].contains(&field) || selectable(kind).contains(&field);
            if !known {
                return Err(Status::bad_request(format!("field label not supported: {field}")));
            }
            requirements.push(FieldRequirement {
                field: field.to_owned(),
                value: value.to_owned(),
                equal,
            });
        }
        Ok(Self(requirements))
    }

    /// Tells whether the object satisfies every requirement.
    pub fn matches(&self, object: &Object) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let mut parsed: Option<Value> = None;
        self.0.iter().all(|r| {
            let holds = match r.field.as_str() {
                "metadata.name" => object.key.name == r.value,
                "metadata.namespace" => object.key.namespace == r.value,
                "spec.nodeName" => object.head.node().unwrap_or_default() == r.value,
                field => field_text(parsed.get_or_insert_with(|| object.value()), field) == r.value,
            };
            holds == r.equal
        })
    }
}

/// The fields that upstream allows to select this kind by, besides name and namespace.
fn selectable(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Kind::Job => &["status.successful"],
        Kind::Node => &["spec.unschedulable"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::Namespace => &["status.phase"],
        Kind::Secret => &["type"],
        Kind::ConfigMap | Kind::ServiceAccount => &[],
    }
}

fn field_text(object: &Value, field: &str) -> String {
    // Upstream's names of two fields are not their paths.
    let field = match field {
        "status.successful" => "status.succeeded",
        "source" => "source.component",
        other => other,
    };
    match object.pointer(&format!("/{}", field.replace('.', "/"))) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => {
            // Upstream gives booleans and counters their zero value.
            match field {
                "spec.unschedulable" | "spec.hostNetwork" => "false".into(),
                "status.succeeded" => "0".into(),
                _ => String::new(),
            }
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn label_selectors() {
        let have = labels(&[("app", "ttg"), ("tier", "one")]);
        for (selector, want) in [
            ("", true),
            ("app=ttg", true),
            ("app==ttg,tier=one", true),
            ("app=other", false),
            ("app!=other", true),
            ("missing!=x", true),
            ("app", true),
            ("!app", false),
            ("!missing", true),
            ("app in (a, ttg)", true),
            ("app notin (ttg,b),tier", false),
            ("missing in (a)", false),
            ("missing notin (a)", true),
        ] {
            assert_eq!(
                LabelSelector::parse(selector).unwrap().matches(&have),
                want,
                "{selector}"
            );
        }
        for bad in ["a in b", "a in (b", "=x", "a b", "in (x)"] {
            assert_eq!(LabelSelector::parse(bad).map_err(|e| e.code), Err(400), "{bad}");
        }
    }

    #[test]
    fn field_selectors_refuse_what_upstream_refuses() {
        assert_eq!(
            FieldSelector::parse(Kind::Pod, "spec.image=x").unwrap_err().message,
            "field label not supported: spec.image"
        );
        assert!(FieldSelector::parse(Kind::Event, "involvedObject.uid=x,type!=Normal").is_ok());
        assert!(FieldSelector::parse(Kind::Pod, "status.phase").is_err());
    }
}
