//! Tables: what `kubectl get` prints, made here so that kubectl need not know the kinds.
//!
//! A client asks for them in its Accept header. The columns and the words in the cells are upstream's, since people and scripts
//! read them. Pure: the text of objects, their kind and the time in, the text of a table out. Of an object only what its row
//! needs is read.

mod age;
mod cells;
mod columns;
mod event;
mod job;
mod node;
mod pod;
mod view;

use std::iter;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::partial::{META, Partial, written};
use super::query::Query;
use crate::local::kinds::Kind;
use crate::local::object::Object;
use crate::local::status::Status;
use cells::cells;
use columns::{Column, columns};
use view::Completed;

/// What a row carries besides its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Include {
    Nothing,
    Metadata,
    Object,
}

/// Makes the tables of one kind for one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Printer {
    kind: Kind,
    include: Include,
}

impl Printer {
    /// Returns the printer that a request for tables needs.
    pub(super) fn of(kind: Kind, query: &Query) -> Result<Self, Status> {
        let include = match query.get("includeObject") {
            None | Some("Metadata") => Include::Metadata,
            Some("None") => Include::Nothing,
            Some("Object") => Include::Object,
            Some(other) => {
                return Err(Status::bad_request(format!(
                    "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: \
                     must be 'Metadata', 'Object', 'None', or empty"
                )));
            }
        };
        Ok(Self { kind, include })
    }

    /// Makes the table of one object, which has the object's resourceVersion.
    pub(super) fn of_one(self, object: &[u8], with_columns: bool, now: Timestamp) -> Bytes {
        let meta = json!({"resourceVersion": Partial::of(object).resource_version()});
        self.write(&meta, iter::once(object), with_columns, now)
    }

    /// Makes the table of a list, with the list's metadata.
    pub(super) fn table(self, meta: &Value, objects: &[Arc<Object>], now: Timestamp) -> Bytes {
        let texts: Vec<Bytes> = objects.iter().map(|o| o.json()).collect();
        self.write(meta, texts.iter().map(Bytes::as_ref), true, now)
    }

    fn write<'o>(
        self,
        meta: &'o Value,
        objects: impl Iterator<Item = &'o [u8]>,
        with_columns: bool,
        now: Timestamp,
    ) -> Bytes {
        written(&Table {
            kind: "Table",
            api_version: META,
            metadata: meta,
            column_definitions: with_columns.then(|| columns(self.kind)),
            rows: objects.map(|o| self.row(o, now)).collect(),
        })
    }

    fn row(self, object: &[u8], now: Timestamp) -> Row<'_> {
        let (cells, completed) = cells(self.kind, object, now);
        Row {
            cells,
            conditions: completed.map(|c| [c]),
            object: self.included(object),
        }
    }

    fn included(self, object: &[u8]) -> Option<Included<'_>> {
        match self.include {
            // As upstream: the bookmark after what existed is known by its metadata, so it always has it.
            Include::Nothing => {
                let partial = Some(Partial::of(object)).filter(Partial::ends_initial_events);
                partial.map(Included::Metadata)
            }
            Include::Metadata => Some(Included::Metadata(Partial::of(object))),
            Include::Object => serde_json::from_slice(object).ok().map(Included::Object),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Table<'o> {
    kind: &'static str,
    api_version: &'static str,
    metadata: &'o Value,
    column_definitions: Option<&'static [Column]>,
    rows: Vec<Row<'o>>,
}

#[derive(Debug, Serialize)]
struct Row<'o> {
    cells: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<[Completed; 1]>,
    object: Option<Included<'o>>,
}

/// What of the object is in its row.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Included<'o> {
    Metadata(Partial<'o>),
    Object(&'o RawValue),
}

#[cfg(test)]
mod tests {
    use super::view::View;
    use super::*;
    use crate::local::object::{Key, text};

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    /// Returns the cells of an object at noon of the first of March 2026, for the tests of the kinds.
    pub(super) fn shown<V: View>(object: &Value) -> Vec<Value> {
        let view: V = serde_json::from_str(&object.to_string()).unwrap();
        view.cells(now())
    }

    fn of_one(printer: Printer, object: &Value, with_columns: bool) -> Value {
        let table = printer.of_one(object.to_string().as_bytes(), with_columns, now());
        serde_json::from_slice(&table).unwrap()
    }

    fn of_list(meta: &Value, objects: &[Value]) -> Value {
        let stored = |o: &Value| Object::unstored(Key::new(Kind::ConfigMap, "n", "c"), 7, &o.to_string());
        let objects: Vec<Arc<Object>> = objects.iter().map(|o| Arc::new(stored(o))).collect();
        serde_json::from_slice(&printer("").table(meta, &objects, now())).unwrap()
    }

    fn printer(query: &str) -> Printer {
        Printer::of(Kind::ConfigMap, &Query::parse(query)).unwrap()
    }

    fn config_map() -> Value {
        json!({
            "kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"},
            "metadata": {"name": "c", "resourceVersion": "7", "creationTimestamp": "2026-03-01T11:59:00Z"},
        })
    }

    #[test]
    fn a_row_carries_what_was_asked_for() {
        let object = config_map();
        let partial = json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
        });
        let table = [
            ("", partial.clone()),
            ("includeObject=Metadata", partial),
            ("includeObject=Object", object.clone()),
            ("includeObject=None", Value::Null),
        ];
        for (query, expected) in table {
            let found = of_one(printer(query), &object, true);
            assert_eq!(
                found["rows"],
                json!([{"cells": ["c", 1, "60s"], "object": expected}]),
                "{query}"
            );
        }
        let refused = Printer::of(Kind::Pod, &Query::parse("includeObject=Foo")).unwrap_err();
        assert_eq!(refused.code, 400);
    }

    #[test]
    fn a_table_has_the_metadata_of_its_list_or_the_version_of_its_one_object() {
        let found = of_one(printer(""), &config_map(), true);
        assert_eq!(
            (&found["kind"], &found["apiVersion"]),
            (&json!("Table"), &json!("meta.k8s.io/v1"))
        );
        assert_eq!(found["metadata"], json!({"resourceVersion": "7"}));
        let meta = json!({"resourceVersion": "9", "continue": "x", "remainingItemCount": 3});
        let found = of_list(&meta, &[config_map(), config_map()]);
        assert_eq!(found["metadata"], meta);
        assert_eq!(found["rows"].as_array().unwrap().len(), 2);
        let found = of_list(&meta, &[]);
        assert_eq!(
            found["rows"],
            json!([]),
            "no objects are a list that is empty, not missing"
        );
    }

    #[test]
    fn the_columns_are_told_when_asked_for() {
        let found = of_one(printer(""), &config_map(), true);
        let names: Vec<&str> = found["columnDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| text(c, "/name"))
            .collect();
        assert_eq!(names, ["Name", "Data", "Age"]);
        let first = &found["columnDefinitions"][0];
        assert_eq!((&first["type"], &first["format"]), (&json!("string"), &json!("name")));
        assert_eq!(first["priority"], json!(0));
        let found = of_one(printer(""), &config_map(), false);
        assert_eq!(found["columnDefinitions"], Value::Null);
    }

    #[test]
    fn pods_that_are_done_are_marked() {
        let printer = Printer {
            kind: Kind::Pod,
            include: Include::Nothing,
        };
        for (phase, is_done) in [("Running", false), ("Succeeded", true), ("Failed", true)] {
            let table = of_one(printer, &json!({"status": {"phase": phase}}), false);
            let conditions = &table["rows"][0]["conditions"];
            assert_eq!(conditions[0]["reason"] == phase, is_done, "{phase}");
            assert_eq!(conditions.is_null(), !is_done, "{phase}");
        }
    }

    #[test]
    fn a_bookmark_is_an_empty_row_with_its_metadata() {
        let mark = json!({"metadata": {
            "resourceVersion": "9", "creationTimestamp": null, "annotations": {"k8s.io/initial-events-end": "true"},
        }});
        for query in ["", "includeObject=None"] {
            let found = of_one(printer(query), &mark, false);
            assert_eq!(found["rows"][0]["cells"], json!(["", 0, "<unknown>"]));
            assert_eq!(found["rows"][0]["object"]["metadata"], mark["metadata"], "{query}");
        }
    }
}
