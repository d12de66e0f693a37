//! Server-side apply: a configuration says what it wants, and the object remembers who wants what.
//!
//! `metadata.managedFields` names for each manager the fields that it set. A configuration is merged into the object; a field that it
//! changes and another manager owns is a conflict, unless it is forced; a field that its manager set before and sets no longer is
//! removed, unless somebody else owns it too. The words, the order and the rules are upstream's.
//!
//! | module | what it is |
//! |---|---|
//! | `fields` | sets of fields, and `fieldsV1` |
//! | `managers` | who owns which, and `managedFields` |
//! | `places` | where lists are sets or maps |
//! | `walk` | objects compared, merged and pruned |
//!
//! Who is tracked: clients of the API, in whatever way they write (`POST`, `PUT` and the patches are the operation `Update`). What the
//! cluster's own parts write is not: ten thousand pods would be half as big again, and nobody applies a configuration to them. An
//! object without managers is therefore not tracked when it is updated; upstream does the same. When such an object is applied for the
//! first time, what it has then belongs to `before-first-apply`, upstream's own name for that.
//!
//! Two rules are for kubectl alone, as upstream: what its client-side apply had set and nobody has changed since is no conflict, and
//! the annotation that client-side apply keeps is brought up to date.
//!
//! Pure: the time comes in. Schema, defaults and validation are the registry's.

mod fields;
mod managers;
mod places;
mod walk;

use serde_json::{Value, json};

use crate::local::kinds::Kind;
use crate::local::object::{metadata, object_at, text};
use fields::{Fields, Step};
use managers::{Manager, Managers, Operation};
use places::Place;
use walk::{Comparison, fields_of};

/// The owner of what was there before the first apply.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The manager that has rules of its own.
const KUBECTL: &str = "kubectl";

/// Where kubectl's client-side apply keeps what it applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What nobody owns: the server decides it, or it is the object's identity.
const UNOWNED_METADATA: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
];

/// Who writes an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The manager's name.
    pub manager: String,
    /// The subresource that it writes through; empty for none.
    pub subresource: &'static str,
}

impl Writer {
    fn identity(&self, kind: Kind, operation: Operation) -> Manager {
        Manager {
            name: self.manager.clone(),
            operation,
            api_version: kind.spec().api_version(),
            subresource: self.subresource.to_owned(),
        }
    }
}

/// One field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The manager, in upstream's words.
    pub manager: String,
    /// The field, such as `.data.x`.
    pub field: String,
}

/// Writes conflicts as upstream does.
pub fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [one] = conflicts {
        return format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            one.manager, one.field
        );
    }
    let mut lines: Vec<String> = Vec::new();
    let mut previous = "";
    for conflict in conflicts {
        if conflict.manager != previous {
            lines.push(format!("conflicts with {}:", conflict.manager));
            previous = &conflict.manager;
        }
        lines.push(format!("- {}", conflict.field));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// Names what is wrong with a configuration, in upstream's words; none if nothing is. `kept` is what the kind has of it.
pub fn malformed(kind: Kind, config: &Value, kept: &Value) -> Option<String> {
    let problems = walk::problems(kind, config, kept);
    match problems.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("errors:\n  {}", several.join("\n  "))),
    }
}

/// An object after a configuration was applied, and its managers, which are not in it yet.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The object, without managers.
    pub object: Value,
    managers: Managers,
    manager: Manager,
}

impl Applied {
    /// Writes the managers into the object that is going to be stored. The manager's time is now if the object has changed.
    pub fn write(mut self, object: &mut Value, has_changed: bool, now: &str) {
        let fields = self.managers.fields_of(&self.manager).cloned().unwrap_or_default();
        self.managers.set(&self.manager, fields, has_changed.then_some(now));
        self.managers.write(object);
    }
}

/// Applies a configuration to an object, or to nothing.
pub fn apply(
    kind: Kind,
    live: Option<&Value>,
    config: &Value,
    writer: &Writer,
    force: bool,
    now: &str,
) -> Result<Applied, Vec<Conflict>> {
    let before = live.map_or_else(|| json!({}), unmanaged);
    let mut managers = live.map(Managers::of).unwrap_or_default();
    if live.is_some() && managers.is_empty() {
        let first = Writer {
            manager: BEFORE_FIRST_APPLY.to_owned(),
            ..writer.clone()
        };
        update(kind, (&skeleton(kind), &before), &mut managers, &first, now);
    }
    let mut applied = match apply_once(kind, (&before, config), managers.clone(), writer, force) {
        Err(conflicts) if writer.manager == KUBECTL => {
            let allowed = last_applied_fields(kind, &before);
            let left: Vec<Conflict> = conflicts.into_iter().filter(|c| !allowed.contains(&c.field)).collect();
            if !left.is_empty() {
                return Err(left);
            }
            apply_once(kind, (&before, config), managers, writer, true)?
        }
        other => other?,
    };
    if writer.manager == KUBECTL && !last_applied(&applied.object).is_empty() {
        let words = without_last_applied(config);
        object_at(&mut applied.object, &["metadata", "annotations"]).insert(LAST_APPLIED.into(), json!(words));
    }
    Ok(applied)
}

fn apply_once(
    kind: Kind,
    (before, config): (&Value, &Value),
    mut managers: Managers,
    writer: &Writer,
    force: bool,
) -> Result<Applied, Vec<Conflict>> {
    let manager = writer.identity(kind, Operation::Apply);
    let last = managers.fields_of(&manager).cloned().unwrap_or_default();
    let wanted = fields_of(kind, config);
    managers.set(&manager, wanted.clone(), None);
    let mut object = walk::merge(&Place::root(kind), Some(before), config);
    if !last.is_empty() {
        prune(kind, &mut object, &last, &managers.all());
    }
    let changes = Comparison::of(kind, before, &object);
    let touched = ownable(kind, writer, changes.modified.union(&changes.added));
    let conflicts = managers.others(&manager, &touched);
    if !force && !conflicts.is_empty() {
        let told = |(manager, fields): &(Manager, Fields)| {
            let words = manager.words();
            let conflict = move |field| Conflict {
                manager: words.clone(),
                field,
            };
            fields.paths().into_iter().map(conflict).collect::<Vec<_>>()
        };
        return Err(conflicts.iter().flat_map(told).collect());
    }
    managers.take_from_others(&manager, &touched.union(&changes.removed));
    managers.set(&manager, ownable(kind, writer, wanted), None);
    Ok(Applied {
        object,
        managers,
        manager,
    })
}

/// Removes what a manager applied last time and does not apply now, unless somebody owns it.
fn prune(kind: Kind, object: &mut Value, last: &Fields, managed: &Fields) {
    let root = Place::root(kind);
    let last = last.with_named();
    let all = fields_of(kind, object).with_named();
    let left_without = |gone: &Fields| {
        let mut pruned = object.clone();
        walk::remove(&root, &mut pruned, gone);
        fields_of(kind, &pruned).with_named()
    };
    // First without everything that was applied last time, then with what is owned put back, and last with what was never applied.
    let unowned = all.difference(&left_without(&last)).difference(&managed.with_named());
    let gone = all.difference(&left_without(&unowned)).intersection(&last);
    walk::remove(&root, object, &gone);
}

/// Tells the managers of a new object that this one made it. `owned` is the object without what the server decided.
pub fn track_new(kind: Kind, owned: &Value, object: &mut Value, writer: &Writer, now: &str) {
    let mut managers = Managers::default();
    update(kind, (&skeleton(kind), owned), &mut managers, writer, now);
    managers.write(object);
}

/// Tells the managers of an object that this one changed it. A request may also set the managers themselves, and forget them all by a
/// list of one empty entry.
pub fn track(kind: Kind, old: &Value, new: &mut Value, writer: &Writer, now: &str) {
    let is_whole = writer.subresource.is_empty();
    let is_reset = is_whole && Managers::is_reset(new);
    let asked = if is_whole {
        Managers::of(new)
    } else {
        Managers::default()
    };
    let mut managers = if is_reset || !asked.is_empty() {
        asked
    } else {
        Managers::of(old)
    };
    metadata(new).remove("managedFields");
    if !managers.is_empty() {
        update(kind, (&unmanaged(old), &*new), &mut managers, writer, now);
        managers.write(new);
    }
}

/// Gives an object the managers that it had.
pub fn keep(old: &Value, new: &mut Value) {
    let kept = old.pointer("/metadata/managedFields").cloned();
    match kept {
        Some(managers) => metadata(new).insert("managedFields".into(), managers),
        None => metadata(new).remove("managedFields"),
    };
}

/// Tells whether two versions of an object differ in nothing but the times of their managers.
pub fn is_same(one: &Value, other: &Value) -> bool {
    let is_managed = |object: &Value| object.pointer("/metadata/managedFields").is_some();
    one == other || (is_managed(one) && is_managed(other) && timeless(one) == timeless(other))
}

fn timeless(object: &Value) -> Value {
    let mut object = object.clone();
    let managers = metadata(&mut object)
        .get_mut("managedFields")
        .and_then(Value::as_array_mut);
    for entry in managers.into_iter().flatten().filter_map(Value::as_object_mut) {
        entry.remove("time");
    }
    object
}

fn update(kind: Kind, (before, after): (&Value, &Value), managers: &mut Managers, writer: &Writer, now: &str) {
    let manager = writer.identity(kind, Operation::Update);
    let changes = Comparison::of(kind, before, after);
    let touched = ownable(kind, writer, changes.modified.union(&changes.added));
    managers.take_from_others(&manager, &touched.union(&changes.removed));
    let had = managers.fields_of(&manager).cloned().unwrap_or_default();
    managers.set(&manager, had.difference(&changes.removed).union(&touched), Some(now));
}

/// Leaves out of a set what nobody owns, and what cannot be written in this way: the status, or through it everything but that.
fn ownable(kind: Kind, writer: &Writer, mut fields: Fields) -> Fields {
    let field = |name: &str| Step::Field(name.to_owned());
    for name in ["apiVersion", "kind", "metadata"] {
        fields.remove(&[field(name)]);
    }
    for name in UNOWNED_METADATA {
        fields.remove(&[field("metadata"), field(name)]);
    }
    if kind.spec().status {
        fields.remove_below(if writer.subresource.is_empty() {
            "status"
        } else {
            "spec"
        });
    }
    fields
}

/// Returns what upstream's types write of an object in which nothing is set: what is there already has no maker.
fn skeleton(kind: Kind) -> Value {
    match kind {
        Kind::Pod => json!({"metadata": {}, "spec": {"containers": null}, "status": {}}),
        Kind::Job => {
            let template = json!({"metadata": {}, "spec": {"containers": null}});
            json!({"metadata": {}, "spec": {"template": template}, "status": {}})
        }
        Kind::Namespace | Kind::Node => json!({"metadata": {}, "spec": {}, "status": {}}),
        Kind::Event => json!({"metadata": {}, "involvedObject": {}, "source": {}}),
        Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount => json!({"metadata": {}}),
    }
}

fn unmanaged(object: &Value) -> Value {
    let mut object = object.clone();
    metadata(&mut object).remove("managedFields");
    object
}

fn last_applied(object: &Value) -> &str {
    let annotations = object.pointer("/metadata/annotations");
    annotations
        .and_then(|a| a.get(LAST_APPLIED))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Returns the fields that client-side apply set and that are still as it set them.
fn last_applied_fields(kind: Kind, live: &Value) -> Vec<String> {
    let Ok(config) = serde_json::from_str::<Value>(last_applied(live)) else {
        return Vec::new();
    };
    if text(&config, "/apiVersion") != kind.spec().api_version() {
        return Vec::new();
    }
    let changes = Comparison::of(kind, &config, live);
    let changed = changes.modified.union(&changes.added).union(&changes.removed);
    fields_of(kind, &config).difference(&changed).paths()
}

/// Writes a configuration as kubectl's annotation has it: without the annotation itself.
fn without_last_applied(config: &Value) -> String {
    let mut config = config.clone();
    if let Some(annotations) = config
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(LAST_APPLIED);
    }
    format!("{config}\n")
}

#[cfg(test)]
mod tests;
