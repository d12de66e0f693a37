//! Who owns which fields of an object, as `metadata.managedFields` has it.

use serde_json::{Value, json};

use super::fields::Fields;
use crate::local::object::{metadata, text};

/// The most managers that update one object; the oldest beyond that are one.
const UPDATERS_MAX: usize = 10;

/// The name of the manager that stands for those beyond the most, as upstream's.
const ANCIENT: &str = "ancient-changes";

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// By server-side apply.
    Apply,
    /// In any other way.
    Update,
}

impl Operation {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "Apply" => Some(Self::Apply),
            "Update" => Some(Self::Update),
            _ => None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// One who writes: the same name writing in another way is another manager.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    /// Through which subresource; empty for none.
    pub(super) subresource: String,
}

impl Manager {
    /// Names the manager as upstream's conflicts do.
    pub(super) fn words(&self) -> String {
        let mut words = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            words = format!("{words} with subresource {:?}", self.subresource);
        }
        match self.operation {
            Operation::Apply => words,
            Operation::Update => format!("{words} using {}", self.api_version),
        }
    }

    /// Tells whether both are one. Who applies is the same whatever version of the API it uses.
    fn is(&self, other: &Self) -> bool {
        (&self.name, self.operation, &self.subresource) == (&other.name, other.operation, &other.subresource)
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }
}

/// What one manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) manager: Manager,
    /// When it last changed the object; empty if it never did, but only agreed.
    pub(super) time: String,
    pub(super) fields: Fields,
}

impl Entry {
    fn parse(value: &Value) -> Option<Self> {
        let manager = Manager {
            name: text(value, "/manager").to_owned(),
            operation: Operation::parse(text(value, "/operation"))?,
            api_version: text(value, "/apiVersion").to_owned(),
            subresource: text(value, "/subresource").to_owned(),
        };
        if manager.api_version.is_empty() || text(value, "/fieldsType") != "FieldsV1" {
            return None;
        }
        let fields = value
            .get("fieldsV1")
            .map_or_else(|| Some(Fields::default()), Fields::parse)?;
        Some(Self {
            manager,
            time: text(value, "/time").to_owned(),
            fields,
        })
    }

    fn to_json(&self) -> Value {
        let manager = &self.manager;
        let mut entry = json!({
            "manager": manager.name, "operation": manager.operation.text(), "apiVersion": manager.api_version,
            "fieldsType": "FieldsV1", "fieldsV1": self.fields.to_json(),
        });
        if let Value::Object(entry) = &mut entry {
            for (field, text) in [("time", &self.time), ("subresource", &manager.subresource)] {
                if !text.is_empty() {
                    entry.insert(field.into(), json!(text));
                }
            }
        }
        entry
    }
}

/// The managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers(Vec<Entry>);

impl Managers {
    /// Reads the managers of an object; none if there are none, or if what is there makes no sense.
    pub(super) fn of(object: &Value) -> Self {
        let list = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let entries: Option<Vec<Entry>> = list.into_iter().flatten().map(Entry::parse).collect();
        Self(entries.unwrap_or_default())
    }

    /// Tells whether the object asks for its managers to be forgotten: by a list of one empty entry.
    pub(super) fn is_reset(object: &Value) -> bool {
        object.pointer("/metadata/managedFields") == Some(&json!([{}]))
    }

    /// Writes the managers into an object, in upstream's order.
    pub(super) fn write(mut self, object: &mut Value) {
        self.0.retain(|entry| !entry.fields.is_empty());
        self.sort();
        self.cap();
        self.sort();
        let meta = metadata(object);
        if self.0.is_empty() {
            meta.remove("managedFields");
        } else {
            meta.insert("managedFields".into(), self.0.iter().map(Entry::to_json).collect());
        }
    }

    /// Puts those that apply first and those that update last, each the oldest first.
    fn sort(&mut self) {
        let key = |entry: &Entry| (entry.manager.operation, entry.time.clone(), entry.manager.clone());
        self.0.sort_by_cached_key(key);
    }

    /// Makes the oldest updaters one while there are too many. They are sorted.
    fn cap(&mut self) {
        let is_updater = |entry: &Entry| entry.manager.operation == Operation::Update;
        while self.0.iter().filter(|e| is_updater(e)).count() > UPDATERS_MAX {
            let Some(at) = self.0.iter().position(is_updater) else {
                return;
            };
            let oldest = self.0.remove(at);
            if let Some(next) = self.0.get_mut(at) {
                next.fields = next.fields.union(&oldest.fields);
                ANCIENT.clone_into(&mut next.manager.name);
                next.manager.subresource.clear();
            }
        }
    }

    /// Tells whether nobody owns anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what a manager owns.
    pub(super) fn fields_of(&self, manager: &Manager) -> Option<&Fields> {
        self.0.iter().find(|e| e.manager.is(manager)).map(|e| &e.fields)
    }

    /// Sets what a manager owns. Without a time it keeps the one it has.
    pub(super) fn set(&mut self, manager: &Manager, fields: Fields, time: Option<&str>) {
        match self.0.iter_mut().find(|e| e.manager.is(manager)) {
            Some(entry) => {
                entry.fields = fields;
                entry.manager.api_version.clone_from(&manager.api_version);
                if let Some(time) = time {
                    time.clone_into(&mut entry.time);
                }
            }
            None => self.0.push(Entry {
                manager: manager.clone(),
                time: time.unwrap_or_default().to_owned(),
                fields,
            }),
        }
    }

    /// Returns the managers other than this one, and what each owns of these fields: those that own nothing of them are left out.
    pub(super) fn others(&self, manager: &Manager, fields: &Fields) -> Vec<(Manager, Fields)> {
        let mut found: Vec<(Manager, Fields)> = self
            .0
            .iter()
            .filter(|e| !e.manager.is(manager))
            .map(|e| (e.manager.clone(), e.fields.intersection(fields)))
            .filter(|(_, fields)| !fields.is_empty())
            .collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// Takes fields from all managers but this one.
    pub(super) fn take_from_others(&mut self, manager: &Manager, fields: &Fields) {
        for entry in self.0.iter_mut().filter(|e| !e.manager.is(manager)) {
            entry.fields = entry.fields.difference(fields);
        }
        self.0.retain(|e| e.manager.is(manager) || !e.fields.is_empty());
    }

    /// Returns what all managers own together.
    pub(super) fn all(&self) -> Fields {
        self.0.iter().fold(Fields::default(), |all, e| all.union(&e.fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_no_manager() {
        let one = |entry: Value| Managers::of(&json!({"metadata": {"managedFields": [entry]}}));
        let sound = json!({"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}});
        assert!(!one(sound.clone()).is_empty());
        for (field, value) in [
            ("operation", "Foo"),
            ("apiVersion", ""),
            ("fieldsType", "X"),
            ("fieldsV1", "x"),
        ] {
            let mut entry = sound.clone();
            entry[field] = json!(value);
            assert!(one(entry).is_empty(), "{field}={value}");
        }
    }

    #[test]
    fn the_oldest_updaters_become_one_and_the_order_is_upstreams() {
        let mut managers = Managers::default();
        for i in 0..12 {
            let manager = Manager {
                name: format!("m{i:02}"),
                operation: if i == 11 { Operation::Apply } else { Operation::Update },
                api_version: "v1".into(),
                subresource: String::new(),
            };
            let fields = Fields::parse(&json!({"f:data": {(format!("f:{i}")): {}}})).unwrap();
            managers.set(&manager, fields, Some(&format!("2026-03-01T12:00:{i:02}Z")));
        }
        let mut object = json!({});
        managers.write(&mut object);
        let list = object["metadata"]["managedFields"].as_array().unwrap();
        let names: Vec<&str> = list.iter().map(|e| e["manager"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "m11",
                "ancient-changes",
                "m02",
                "m03",
                "m04",
                "m05",
                "m06",
                "m07",
                "m08",
                "m09",
                "m10"
            ]
        );
        assert_eq!(list[1]["fieldsV1"], json!({"f:data": {"f:0": {}, "f:1": {}}}));
        assert_eq!(list[1]["time"], "2026-03-01T12:00:01Z");
    }
}
