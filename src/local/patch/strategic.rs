//! Strategic merge patch: Kubernetes' own, which knows of each list whether it is a value or a set of elements with a key.
//!
//! Objects merge and null removes, as in a merge patch. A list with a merge key is merged element by element; every other list
//! replaces the old one. What a plain document cannot say is said by directives:
//!
//! | directive | meaning |
//! |---|---|
//! | `$patch: replace` | in an object: this is all of it; in an element of a list: the other elements are all of the list |
//! | `$patch: delete` | in an object: empty it; in an element of a list: remove the element with this key |
//! | `$retainKeys: [..]` | remove the fields that are not named |
//! | `$deleteFromPrimitiveList/x: [..]` | remove these values from the list `x` |
//! | `$setElementOrder/x: [..]` | put the elements of the list `x` in this order |
//!
//! `$patch: merge` is refused in upstream's words, since upstream refuses it. Element order is upstream's too: the patch's elements
//! in the patch's order, and between them those that only the object has, where the object's own order puts them.

use std::mem;

use serde_json::{Map, Value};

use crate::local::kinds::Kind;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const REMOVE: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// The lists that are merged: of which kind (`None`: of all), where, and by which field; lists of plain values have none.
///
/// These are the `patchStrategy` and `patchMergeKey` tags of upstream's types. A list that is not here is replaced, such as a node's
/// taints and a pod's tolerations: two taints may share a key and differ in their effect, so there is no one field to merge by.
static LISTS: [(Option<Kind>, &str, &str); 23] = [
    (None, "metadata.ownerReferences", "uid"),
    (None, "metadata.finalizers", ""),
    (Some(Kind::Pod), "spec.containers", "name"),
    (Some(Kind::Pod), "spec.containers.env", "name"),
    (Some(Kind::Pod), "spec.containers.ports", "containerPort"),
    (Some(Kind::Pod), "spec.containers.volumeMounts", "mountPath"),
    (Some(Kind::Pod), "spec.containers.volumeDevices", "devicePath"),
    (Some(Kind::Pod), "spec.volumes", "name"),
    (Some(Kind::Pod), "spec.imagePullSecrets", "name"),
    (Some(Kind::Pod), "spec.hostAliases", "ip"),
    (Some(Kind::Pod), "spec.topologySpreadConstraints", "topologyKey"),
    (Some(Kind::Pod), "spec.schedulingGates", "name"),
    (Some(Kind::Pod), "spec.resourceClaims", "name"),
    (Some(Kind::Pod), "status.conditions", "type"),
    (Some(Kind::Pod), "status.hostIPs", "ip"),
    (Some(Kind::Pod), "status.podIPs", "ip"),
    (Some(Kind::Pod), "status.resourceClaimStatuses", "name"),
    (Some(Kind::Node), "spec.podCIDRs", ""),
    (Some(Kind::Node), "status.conditions", "type"),
    (Some(Kind::Node), "status.addresses", "type"),
    (Some(Kind::Namespace), "status.conditions", "type"),
    (Some(Kind::ServiceAccount), "secrets", "name"),
    (Some(Kind::Job), "status.conditions", "type"),
];

/// Applies a strategic merge patch to an object of this kind. When it fails, the target is as it was, and the error says why.
pub fn apply(kind: Kind, target: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Object(changes) = patch else {
        return Err("a strategic merge patch is a JSON object".into());
    };
    let mut new = target.as_object().cloned().unwrap_or_default();
    let root = Place {
        kind,
        path: String::new(),
    };
    merge_map(&mut new, changes, &root)?;
    *target = Value::Object(new);
    Ok(())
}

/// Where in an object a field is, without the indexes of lists.
struct Place {
    kind: Kind,
    path: String,
}

impl Place {
    fn child(&self, field: &str) -> Self {
        // All three are lists of containers, so the table has them once.
        let field = match field {
            "initContainers" | "ephemeralContainers" => "containers",
            other => other,
        };
        let path = if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        };
        // A Job's template is laid out as a pod is, so its lists are the pod's.
        if self.kind == Kind::Job && path == "spec.template" {
            return Self {
                kind: Kind::Pod,
                path: String::new(),
            };
        }
        Self { kind: self.kind, path }
    }

    /// Returns the merge key of the list at this place, or nothing for a list that is replaced.
    fn merge_key(&self) -> Option<&'static str> {
        let is_here = |kind: Option<Kind>, path: &str| kind.is_none_or(|k| k == self.kind) && path == self.path;
        LISTS
            .iter()
            .find(|(kind, path, _)| is_here(*kind, path))
            .map(|(_, _, key)| *key)
    }
}

fn merge_map(target: &mut Map<String, Value>, changes: &Map<String, Value>, place: &Place) -> Result<(), String> {
    if let Some(directive) = changes.get(DIRECTIVE) {
        match directive.as_str() {
            Some("replace") => *target = cleaned_map(changes),
            Some("delete") => target.clear(),
            _ => return Err(unknown(directive, changes)),
        }
        return Ok(());
    }
    retain_keys(target, changes)?;
    for (name, change) in changes {
        if let Some(field) = name.strip_prefix(REMOVE) {
            let Value::Array(unwanted) = change else {
                return Err("invalid patch format of primitive list".into());
            };
            if let Some(Value::Array(list)) = target.get_mut(field) {
                list.retain(|item| !unwanted.contains(item));
            }
        }
    }
    for (name, change) in changes {
        if let Some(field) = name.strip_prefix(ORDER) {
            let Value::Array(order) = change else {
                return Err("invalid patch format of setElementOrder list".into());
            };
            if !changes.contains_key(field) {
                reorder(target, field, order, place);
            }
        } else if !is_directive(name) {
            let order = changes.get(&format!("{ORDER}{name}")).and_then(Value::as_array);
            merge_field(target, name, change, order.map(Vec::as_slice), place)?;
        }
    }
    Ok(())
}

fn merge_field(
    target: &mut Map<String, Value>,
    name: &str,
    change: &Value,
    order: Option<&[Value]>,
    place: &Place,
) -> Result<(), String> {
    if change.is_null() {
        target.remove(name);
        return Ok(());
    }
    let inside = place.child(name);
    match (target.get_mut(name), change) {
        (Some(Value::Object(old)), Value::Object(new)) => return merge_map(old, new, &inside),
        (Some(Value::Array(old)), Value::Array(new)) => {
            *old = match inside.merge_key() {
                None => cleaned_list(new),
                Some("") => merge_values(&mem::take(old), new, order)?,
                Some(key) => merge_elements(&mem::take(old), new, order, key, &inside)?,
            };
        }
        _ => {
            match cleaned(change) {
                Some(value) => target.insert(name.to_owned(), value),
                None => target.remove(name),
            };
        }
    }
    Ok(())
}

/// Merges lists of plain values: each value once.
fn merge_values(live: &[Value], new: &[Value], order: Option<&[Value]>) -> Result<Vec<Value>, String> {
    expect_order(new.iter(), order, "")?;
    let mut merged: Vec<Value> = Vec::with_capacity(live.len() + new.len());
    for value in live.iter().chain(new) {
        if !merged.contains(value) {
            merged.push(value.clone());
        }
    }
    Ok(arranged(merged, order.unwrap_or(new), live, ""))
}

/// Merges lists of objects, which are the same element when they are equal in `key`.
fn merge_elements(
    live: &[Value],
    new: &[Value],
    order: Option<&[Value]>,
    key: &str,
    place: &Place,
) -> Result<Vec<Value>, String> {
    let mut merged = live.to_vec();
    let mut plain = Vec::new();
    let mut is_replaced = false;
    for element in new {
        let Value::Object(fields) = element else {
            return Err(format!(
                "an element of a list with merge key {key} is a map, not {element}"
            ));
        };
        let value = fields.get(key);
        match fields.get(DIRECTIVE).map(|d| (d, d.as_str())) {
            Some((_, Some("replace"))) => is_replaced = true,
            Some((_, Some("delete"))) if value.is_some() => merged.retain(|old| old.get(key) != value),
            Some((_, Some("merge"))) => return Err("merging lists cannot yet be specified in the patch".into()),
            None if value.is_some() => plain.push(element),
            None | Some((_, Some("delete"))) => {
                return Err(format!("map: {element} does not contain declared merge key: {key}"));
            }
            Some((directive, _)) => return Err(unknown(directive, fields)),
        }
    }
    expect_order(plain.iter().copied(), order, key)?;
    if is_replaced {
        merged.clear();
    }
    for element in plain {
        let Value::Object(fields) = element else { continue };
        match merged.iter_mut().find(|old| same(old, element, key)) {
            Some(Value::Object(old)) => merge_map(old, fields, place)?,
            _ => merged.push(Value::Object(cleaned_map(fields))),
        }
    }
    Ok(arranged(merged, order.unwrap_or(new), live, key))
}

/// Puts a list that the patch only orders in that order.
fn reorder(target: &mut Map<String, Value>, field: &str, order: &[Value], place: &Place) {
    if let Some(key) = place.child(field).merge_key()
        && let Some(Value::Array(list)) = target.get_mut(field)
    {
        let live = mem::take(list);
        *list = arranged(live.clone(), order, &live, key);
    }
}

/// Orders a merged list: what `order` names as it names it, the rest as in the live list, and one before the other as in the live
/// list where that has both. What is new goes before the rest.
fn arranged(merged: Vec<Value>, order: &[Value], live: &[Value], key: &str) -> Vec<Value> {
    let position = |list: &[Value], item: &Value| list.iter().position(|other| same(other, item, key));
    let size = merged.len();
    let (mut named, mut rest): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| position(order, item).is_some());
    named.sort_by_key(|item| position(order, item));
    rest.sort_by_key(|item| position(live, item));
    let (mut named, mut rest) = (named.into_iter().peekable(), rest.into_iter().peekable());
    let mut all = Vec::with_capacity(size);
    loop {
        let is_rest_first = match (rest.peek(), named.peek()) {
            (Some(left), Some(right)) => {
                let places = position(live, left).zip(position(live, right));
                places.is_some_and(|(left, right)| left < right)
            }
            (left, _) => left.is_some(),
        };
        let next = if is_rest_first { rest.next() } else { named.next() };
        let Some(item) = next else { return all };
        all.push(item);
    }
}

/// Refuses a patch whose list is in another order than it asks for.
fn expect_order<'v>(
    mut new: impl Iterator<Item = &'v Value>,
    order: Option<&[Value]>,
    key: &str,
) -> Result<(), String> {
    let Some(order) = order.filter(|o| !o.is_empty()) else {
        return Ok(());
    };
    let mut wanted = order.iter();
    match new.find(|item| !wanted.any(|other| same(other, item, key))) {
        None => Ok(()),
        Some(item) => Err(format!(
            "The order in patch list doesn't match {ORDER} list: {item} is not in it, or not in this place"
        )),
    }
}

fn same(left: &Value, right: &Value, key: &str) -> bool {
    if key.is_empty() {
        return left == right;
    }
    left.get(key).is_some() && left.get(key) == right.get(key)
}

fn retain_keys(target: &mut Map<String, Value>, changes: &Map<String, Value>) -> Result<(), String> {
    let Some(kept) = changes.get(RETAIN) else { return Ok(()) };
    let is_kept = |name: &str| kept.as_array().is_some_and(|k| k.iter().any(|v| v == name));
    let is_sound = |(name, change): (&String, &Value)| change.is_null() || is_directive(name) || is_kept(name);
    if !kept.is_array() || !changes.iter().all(is_sound) {
        return Err("invalid patch format of retainKeys".into());
    }
    target.retain(|name, _| is_kept(name));
    Ok(())
}

/// Returns a part of a patch as the value that it makes where nothing was before, or nothing when it only removes.
fn cleaned(change: &Value) -> Option<Value> {
    if let Value::Object(fields) = change {
        let is_removal = fields.get(DIRECTIVE).is_some_and(|d| d == "delete");
        return (!is_removal).then(|| Value::Object(cleaned_map(fields)));
    }
    if let Value::Array(list) = change {
        return Some(Value::Array(cleaned_list(list)));
    }
    Some(change.clone())
}

fn cleaned_map(fields: &Map<String, Value>) -> Map<String, Value> {
    let plain = fields
        .iter()
        .filter(|(name, change)| !change.is_null() && !is_directive(name));
    plain
        .filter_map(|(name, change)| Some((name.clone(), cleaned(change)?)))
        .collect()
}

fn cleaned_list(list: &[Value]) -> Vec<Value> {
    let plain = list.iter().filter(|element| element.get(DIRECTIVE).is_none());
    plain.filter_map(cleaned).collect()
}

fn is_directive(name: &str) -> bool {
    name == DIRECTIVE || name == RETAIN || name.starts_with(REMOVE) || name.starts_with(ORDER)
}

fn unknown(directive: &Value, fields: &Map<String, Value>) -> String {
    let word = directive.as_str().map_or_else(|| directive.to_string(), str::to_owned);
    format!("unknown patch type: {word} in map: {}", Value::Object(fields.clone()))
}

#[cfg(test)]
mod tests;
