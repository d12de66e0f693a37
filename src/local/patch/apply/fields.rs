//! Sets of fields, pure: what a manager owns, and how `fieldsV1` writes it.
//!
//! `{"f:data":{".":{},"f:x":{}}}` is the field `data` itself and the field `x` in it. A step is a field's name (`f:`), the keys of a
//! list's element (`k:`) or the value of one (`v:`).

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

/// One step of a path. Their order is upstream's, in which conflicts are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field by its name.
    Field(String),
    /// An element of a list by its keys: the text of a JSON object with sorted names.
    Key(String),
    /// An element of a set by its value: JSON text.
    Value(String),
}

impl Step {
    fn parse(text: &str) -> Option<Self> {
        let (tag, rest) = text.split_at_checked(2)?;
        // JSON is read and written again, so that the same keys are the same text whoever wrote them.
        let canonical = || serde_json::from_str::<Value>(rest).ok().map(|v| v.to_string());
        match tag {
            "f:" => Some(Self::Field(rest.to_owned())),
            "k:" => canonical().map(Self::Key),
            "v:" => canonical().map(Self::Value),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Value(value) => format!("v:{value}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let words: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "[{}]", words.join(","))
            }
            Self::Value(value) => write!(f, "[={value}]"),
        }
    }
}

/// A set of fields: a tree in which every node may itself be a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    own: bool,
    below: BTreeMap<Step, Self>,
}

impl Fields {
    /// Reads `fieldsV1`; none if it is not such.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let mut fields = Self::default();
        for (text, inner) in value.as_object()? {
            if text == "." {
                fields.own = true;
                continue;
            }
            let mut below = Self::parse(inner)?;
            // A leaf is a member; what has leaves says by "." whether it is one too.
            below.own |= below.below.is_empty();
            fields.below.insert(Step::parse(text)?, below);
        }
        Some(fields)
    }

    /// Writes `fieldsV1`.
    pub(super) fn to_json(&self) -> Value {
        let mut object = Map::new();
        for (step, below) in &self.below {
            let mut inner = below.to_json();
            if let Value::Object(inner) = &mut inner
                && below.own
                && !below.below.is_empty()
            {
                inner.insert(".".into(), json!({}));
            }
            object.insert(step.text(), inner);
        }
        Value::Object(object)
    }

    /// Makes the field at this path a member.
    pub(super) fn insert(&mut self, path: &[Step]) {
        self.at(path).own = true;
    }

    fn at(&mut self, path: &[Step]) -> &mut Self {
        path.iter()
            .fold(self, |fields, step| fields.below.entry(step.clone()).or_default())
    }

    /// Removes the field at this path, not what is below it.
    pub(super) fn remove(&mut self, path: &[Step]) {
        let mut one = Self::default();
        one.insert(path);
        *self = self.difference(&one);
    }

    /// Removes a field of the object itself and all that is below it.
    pub(super) fn remove_below(&mut self, name: &str) {
        self.below.remove(&Step::Field(name.to_owned()));
    }

    /// Tells whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        !self.own && self.below.values().all(Self::is_empty)
    }

    /// Tells whether this node itself is a member.
    pub(super) fn is_member(&self) -> bool {
        self.own
    }

    /// Returns what is below a step.
    pub(super) fn below(&self, step: &Step) -> Option<&Self> {
        self.below.get(step)
    }

    /// Returns the members of both.
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.own |= other.own;
        for (step, theirs) in &other.below {
            let ours = all.below.entry(step.clone()).or_default();
            *ours = ours.union(theirs);
        }
        all
    }

    /// Returns the members that the other does not have.
    pub(super) fn difference(&self, other: &Self) -> Self {
        let none = Self::default();
        self.mapped(self.own && !other.own, |step, ours| {
            ours.difference(other.below.get(step).unwrap_or(&none))
        })
    }

    /// Returns the members that the other has too.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let none = Self::default();
        self.mapped(self.own && other.own, |step, ours| {
            ours.intersection(other.below.get(step).unwrap_or(&none))
        })
    }

    /// Makes another set of each node below, and leaves out those that are empty then.
    fn mapped(&self, own: bool, below: impl Fn(&Step, &Self) -> Self) -> Self {
        let below = self
            .below
            .iter()
            .map(|(step, ours)| (step.clone(), below(step, ours)))
            .filter(|(_, fields)| !fields.is_empty())
            .collect();
        Self { own, below }
    }

    /// Makes every named field that has members below it a member too, so that an object that is left empty is known.
    pub(super) fn with_named(&self) -> Self {
        let below = self.below.iter().map(|(step, fields)| {
            let mut fields = fields.with_named();
            fields.own |= matches!(step, Step::Field(_));
            (step.clone(), fields)
        });
        Self {
            own: self.own,
            below: below.collect(),
        }
    }

    /// Returns the members as texts such as `.spec.containers[name="c"].image`: at each level the members first, then those below.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect("", &mut found);
        found
    }

    fn collect(&self, prefix: &str, found: &mut Vec<String>) {
        for (step, _) in self.below.iter().filter(|(_, fields)| fields.own) {
            found.push(format!("{prefix}{step}"));
        }
        for (step, fields) in &self.below {
            fields.collect(&format!("{prefix}{step}"), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::parse(value).unwrap()
    }

    #[test]
    fn what_is_read_is_written_again() {
        let value = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}, "f:finalizers": {"v:\"x/y\"": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}}}}});
        assert_eq!(fields(&value).to_json(), value);
        assert_eq!(
            fields(&value).paths(),
            [
                ".metadata.labels",
                ".metadata.finalizers[=\"x/y\"]",
                ".metadata.labels.a",
                ".spec.containers[name=\"c\"]",
                ".spec.containers[name=\"c\"].image",
            ]
        );
        for bad in [json!([]), json!({"x:a": {}}), json!({"k:{": {}}), json!({"f": {}})] {
            assert_eq!(Fields::parse(&bad), None, "{bad}");
        }
        let spaced = fields(&json!({"k:{ \"b\":1, \"a\":2 }": {}}));
        assert_eq!(spaced.to_json(), json!({"k:{\"a\":2,\"b\":1}": {}}));
    }

    #[test]
    fn sets_are_joined_member_by_member() {
        let one = fields(&json!({"f:a": {".": {}, "f:x": {}, "f:y": {}}, "f:b": {}}));
        let other = fields(&json!({"f:a": {"f:y": {}, "f:z": {}}}));
        for (found, want) in [
            (
                one.union(&other),
                json!({"f:a": {".": {}, "f:x": {}, "f:y": {}, "f:z": {}}, "f:b": {}}),
            ),
            (one.difference(&other), json!({"f:a": {".": {}, "f:x": {}}, "f:b": {}})),
            (one.intersection(&other), json!({"f:a": {"f:y": {}}})),
            (other.difference(&one), json!({"f:a": {"f:z": {}}})),
            (other.with_named(), json!({"f:a": {".": {}, "f:y": {}, "f:z": {}}})),
        ] {
            assert_eq!(found.to_json(), want);
        }
        assert!(one.difference(&one).is_empty() && !one.is_empty());
    }
}
