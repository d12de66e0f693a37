//! Objects walked along their places, pure: which fields an object has, what changed, and an object without some of its fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::fields::{Fields, Step};
use super::places::{Place, Shape, key_of};
use crate::local::kinds::Kind;

/// The steps into a value and what is there, in the value's order. A leaf has none; neither has an element without a key.
fn children(shape: Shape, value: Option<&Value>) -> Vec<(Step, &Value)> {
    let list = || value.and_then(Value::as_array).into_iter().flatten();
    match shape {
        Shape::Leaf => Vec::new(),
        Shape::Fields => value
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, value)| (Step::Field(name.clone()), value))
            .collect(),
        Shape::Set => list().map(|v| (Step::Value(v.to_string()), v)).collect(),
        Shape::Keyed(keys) => list()
            .filter_map(|v| Some((Step::Key(key_of(v, keys).ok()?), v)))
            .collect(),
    }
}

/// Returns the fields of an object: its leaves, and the elements of its lists themselves.
pub(super) fn fields_of(kind: Kind, value: &Value) -> Fields {
    let mut fields = Fields::default();
    collect(&Place::root(kind), value, &mut Vec::new(), &mut fields);
    fields
}

fn collect(place: &Place, value: &Value, path: &mut Vec<Step>, fields: &mut Fields) {
    for (step, child) in children(place.shape(value), Some(value)) {
        let place = place.step(&step);
        let is_empty_object = child.as_object().is_some_and(Map::is_empty);
        let is_member = place.shape(child) == Shape::Leaf || is_empty_object || !matches!(step, Step::Field(_));
        path.push(step);
        collect(&place, child, path, fields);
        if is_member {
            fields.insert(path);
        }
        path.pop();
    }
}

/// What changed from one object to another.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// What only the other has.
    pub(super) added: Fields,
    /// What both have, but not the same.
    pub(super) modified: Fields,
    /// What only the one has.
    pub(super) removed: Fields,
}

impl Comparison {
    /// Compares two objects of a kind.
    pub(super) fn of(kind: Kind, before: &Value, after: &Value) -> Self {
        let mut found = Self::default();
        found.walk(&Place::root(kind), Some(before), Some(after), &mut Vec::new());
        found
    }

    fn walk(&mut self, place: &Place, before: Option<&Value>, after: Option<&Value>, path: &mut Vec<Step>) {
        let present = |value: &&Value| !value.is_null();
        let shape = after
            .filter(present)
            .or(before.filter(present))
            .map_or(Shape::Leaf, |value| place.shape(value));
        let old: BTreeMap<Step, &Value> = children(shape, before).into_iter().collect();
        let new: BTreeMap<Step, &Value> = children(shape, after).into_iter().collect();
        let steps: BTreeSet<&Step> = old.keys().chain(new.keys()).collect();
        // What has nothing in it on either side is a leaf: so an empty object differs from none.
        let is_leaf = steps.is_empty();
        for step in steps {
            path.push(step.clone());
            self.walk(&place.step(step), old.get(step).copied(), new.get(step).copied(), path);
            path.pop();
        }
        match (before, after) {
            (None, Some(_)) => self.added.insert(path),
            (Some(_), None) => self.removed.insert(path),
            (Some(before), Some(after)) if is_leaf && before != after => self.modified.insert(path),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

/// Merges a configuration into an object: what the configuration says counts, what it does not say stays.
pub(super) fn merge(place: &Place, live: Option<&Value>, config: &Value) -> Value {
    match place.shape(config) {
        Shape::Leaf => config.clone(),
        Shape::Fields => {
            let mut merged = live.and_then(Value::as_object).cloned().unwrap_or_default();
            for (name, value) in config.as_object().into_iter().flatten() {
                let new = merge(&place.field(name), merged.get(name), value);
                merged.insert(name.clone(), new);
            }
            Value::Object(merged)
        }
        shape @ (Shape::Set | Shape::Keyed(_)) => {
            let (live, config) = (children(shape, live), children(shape, Some(config)));
            Value::Array(merge_lists(place, &live, &config))
        }
    }
}

/// Merges lists as upstream orders them: what both have in the configuration's order, and what only the object has where it was.
fn merge_lists(place: &Place, live: &[(Step, &Value)], config: &[(Step, &Value)]) -> Vec<Value> {
    let mut shared = config.iter().filter(|(step, _)| find(live, step).is_some()).peekable();
    let mut done: BTreeSet<&Step> = BTreeSet::new();
    let mut merged = Vec::with_capacity(live.len().max(config.len()));
    let (mut ours, mut theirs) = (live.iter().peekable(), config.iter().peekable());
    while ours.peek().is_some() || theirs.peek().is_some() {
        if let Some((step, value)) = ours.peek().copied() {
            if find(config, step).is_none() {
                merged.push((*value).clone());
                ours.next();
                continue;
            }
            let is_next = theirs.peek().is_none_or(|(other, _)| other == step);
            let is_wanted = shared.peek().is_none_or(|(other, _)| other == step);
            if done.contains(step) || (!is_next && !is_wanted) {
                // Its turn is where the configuration has it.
                ours.next();
                continue;
            }
        }
        if let Some((step, value)) = theirs.next() {
            merged.push(merge(&place.step(step), find(live, step), value));
            done.insert(step);
            if shared.peek().is_some_and(|(other, _)| other == step) {
                shared.next();
            }
        }
    }
    merged
}

fn find<'v>(list: &[(Step, &'v Value)], step: &Step) -> Option<&'v Value> {
    list.iter().find(|(other, _)| other == step).map(|(_, value)| *value)
}

/// Removes fields, each with all that is below it.
pub(super) fn remove(place: &Place, value: &mut Value, fields: &Fields) {
    let shape = place.shape(value);
    let keep = |step: &Step, child: &mut Value| match fields.below(step) {
        None => true,
        Some(below) if below.is_member() => false,
        Some(below) => {
            remove(&place.step(step), child, below);
            true
        }
    };
    match (shape, value) {
        (Shape::Fields, Value::Object(object)) => object.retain(|name, child| keep(&Step::Field(name.clone()), child)),
        (Shape::Set, Value::Array(list)) => list.retain_mut(|child| keep(&Step::Value(child.to_string()), child)),
        (Shape::Keyed(keys), Value::Array(list)) => list.retain_mut(|child| match key_of(child, keys) {
            Ok(key) => keep(&Step::Key(key), child),
            Err(_) => true,
        }),
        _ => {}
    }
}

/// Names what is wrong with a configuration: fields that the kind does not have (`kept` is what the kind has of it), and elements
/// of a list that cannot be told apart.
pub(super) fn problems(kind: Kind, config: &Value, kept: &Value) -> Vec<String> {
    let mut found = Vec::new();
    find_problems(&Place::root(kind), "", (config, kept), &mut found);
    found
}

fn find_problems(place: &Place, path: &str, (sent, kept): (&Value, &Value), found: &mut Vec<String>) {
    match (sent, kept) {
        (Value::Object(sent), Value::Object(kept)) => {
            for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                let inner = format!("{path}.{name}");
                match kept.get(name) {
                    Some(kept) => find_problems(&place.field(name), &inner, (value, kept), found),
                    None => found.push(format!("{inner}: field not declared in schema")),
                }
            }
        }
        (Value::Array(sent), Value::Array(kept)) => {
            let mut seen = BTreeSet::new();
            for (i, (value, kept)) in sent.iter().zip(kept).enumerate() {
                let step = match place.shape(&Value::Array(Vec::new())) {
                    Shape::Leaf | Shape::Fields => Ok(None),
                    Shape::Set => Ok(Some(Step::Value(value.to_string()))),
                    Shape::Keyed(keys) => key_of(value, keys).map(|key| Some(Step::Key(key))),
                };
                match step {
                    Err(why) => found.push(format!("{path}: element {i}: {why}")),
                    Ok(Some(step)) if seen.contains(&step) => {
                        found.push(format!("{path}: duplicate entries for key {step}"));
                    }
                    Ok(Some(step)) => {
                        find_problems(&place.step(&step), &format!("{path}{step}"), (value, kept), found);
                        seen.insert(step);
                    }
                    // The elements of a list that is one value have no places of their own; their fields are looked at all the same.
                    Ok(None) => find_problems(place, &format!("{path}[{i}]"), (value, kept), found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merged_lists_keep_upstreams_order() {
        let place = Place::root(Kind::Pod).field("metadata").field("finalizers");
        for (live, config, want) in [
            (json!(["a", "b"]), json!(["c"]), json!(["a", "b", "c"])),
            (json!(["a", "b", "c"]), json!(["c", "a"]), json!(["b", "c", "a"])),
            (
                json!(["a", "b", "c"]),
                json!(["a", "x", "c"]),
                json!(["a", "b", "x", "c"]),
            ),
            (json!([]), json!(["b", "a"]), json!(["b", "a"])),
            (json!(["a"]), json!([]), json!(["a"])),
        ] {
            assert_eq!(merge(&place, Some(&live), &config), want, "{live} and {config}");
        }
    }

    #[test]
    fn what_is_compared_is_added_modified_or_removed() {
        let before = json!({"data": {"a": "1", "b": "1"}, "metadata": {"labels": {"x": "y"}}});
        let after = json!({"data": {"a": "2", "c": "1"}, "metadata": {"annotations": {"k": "v"}}});
        let found = Comparison::of(Kind::ConfigMap, &before, &after);
        assert_eq!(found.modified.paths(), [".data.a"]);
        assert_eq!(
            found.added.paths(),
            [".data.c", ".metadata.annotations", ".metadata.annotations.k"]
        );
        assert_eq!(
            found.removed.paths(),
            [".data.b", ".metadata.labels", ".metadata.labels.x"]
        );
    }

    #[test]
    fn a_configuration_names_what_is_wrong_with_it() {
        let spec = |containers: Value| json!({"spec": {"containers": containers}});
        for (sent, kept, want) in [
            (
                spec(json!([{"name": "c", "foo": 1}])),
                spec(json!([{"name": "c"}])),
                ".spec.containers[name=\"c\"].foo: field not declared in schema",
            ),
            (
                spec(json!([{"name": "c"}, {"name": "c"}])),
                spec(json!([{"name": "c"}, {"name": "c"}])),
                ".spec.containers: duplicate entries for key [name=\"c\"]",
            ),
            (
                spec(json!(["x"])),
                spec(json!(["x"])),
                ".spec.containers: element 0: associative list with keys may not have non-map elements",
            ),
        ] {
            assert_eq!(problems(Kind::Pod, &sent, &kept), [want]);
        }
    }
}
