//! Tables: what `kubectl get` prints, made here so that kubectl need not know the kinds.
//!
//! A client asks for them in its Accept header. The columns and the words in the cells are upstream's, since people and scripts
//! read them. Pure: an object, its kind and the time in, cells out.

mod age;
mod cells;
mod columns;
mod pod;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::query::Query;
use crate::local::kinds::Kind;
use crate::local::object::text;
use crate::local::status::Status;
use cells::cells;
use columns::{Column, columns};

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
    /// Returns the printer that a request needs; none if it wants the objects themselves.
    pub(super) fn of(accept: &str, kind: Kind, query: &Query) -> Result<Option<Self>, Status> {
        if !wants_table(accept) {
            return Ok(None);
        }
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
        Ok(Some(Self { kind, include }))
    }

    /// Makes the table of one object, which has the object's resourceVersion.
    pub(super) fn of_one(self, object: &Value, with_columns: bool, now: Timestamp) -> Bytes {
        let meta = json!({"resourceVersion": text(object, "/metadata/resourceVersion")});
        self.table(&meta, std::slice::from_ref(object), with_columns, now)
    }

    /// Makes a table of objects with the metadata of their list.
    pub(super) fn table(self, meta: &Value, objects: &[Value], with_columns: bool, now: Timestamp) -> Bytes {
        let columns = with_columns.then(|| columns(self.kind).iter().map(definition).collect::<Vec<_>>());
        let rows: Vec<Value> = objects.iter().map(|o| self.row(o, now)).collect();
        let table = json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": meta,
            "columnDefinitions": columns,
            "rows": rows,
        });
        table.to_string().into()
    }

    fn row(self, object: &Value, now: Timestamp) -> Value {
        let included = match self.include {
            Include::Nothing => Value::Null,
            Include::Metadata => json!({
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": object.get("metadata"),
            }),
            Include::Object => object.clone(),
        };
        let cells = cells(self.kind, object, now);
        // Upstream marks the pods that are done, so that a client can leave them out.
        let done = match (self.kind, text(object, "/status/phase")) {
            (Kind::Pod, "Succeeded") => Some(("Succeeded", "The pod has completed successfully.")),
            (Kind::Pod, "Failed") => Some(("Failed", "The pod failed.")),
            _ => None,
        };
        match done {
            Some((reason, message)) => {
                let completed = json!({"type": "Completed", "status": "True", "reason": reason, "message": message});
                json!({"cells": cells, "conditions": [completed], "object": included})
            }
            None => json!({"cells": cells, "object": included}),
        }
    }
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": "string",
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    })
}

/// Tells whether an Accept header names the table before anything else that can be served.
fn wants_table(accept: &str) -> bool {
    accept.split(',').find_map(is_table).unwrap_or(false)
}

/// Tells whether one media type of an Accept header is the table; none if it cannot be served at all.
fn is_table(media_type: &str) -> Option<bool> {
    let mut parts = media_type.split(';').map(str::trim);
    let range = parts.next()?;
    if !["application/json", "application/*", "*/*"].contains(&range) {
        return None;
    }
    let parameter = |name: &str| {
        let mut all = media_type.split(';').filter_map(|p| p.trim().split_once('='));
        all.find(|(n, _)| *n == name).map(|(_, value)| value)
    };
    match (parameter("as"), parameter("v"), parameter("g")) {
        (None, _, _) => Some(false),
        (Some("Table"), Some("v1"), Some("meta.k8s.io")) => Some(true),
        (Some(_), _, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn parsed(table: &Bytes) -> Value {
        serde_json::from_slice(table).unwrap()
    }

    fn printer(query: &str) -> Printer {
        Printer::of(TABLE, Kind::ConfigMap, &Query::parse(query))
            .unwrap()
            .unwrap()
    }

    fn config_map() -> Value {
        json!({
            "kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"},
            "metadata": {"name": "c", "resourceVersion": "7", "creationTimestamp": "2026-03-01T11:59:00Z"},
        })
    }

    #[test]
    fn a_table_is_made_only_for_who_asks_for_it_first() {
        let table = [
            (TABLE.to_owned(), true),
            (
                format!("{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"),
                true,
            ),
            (
                format!("application/json;as=Table;v=v1beta1;g=meta.k8s.io, {TABLE}"),
                true,
            ),
            (format!("application/vnd.kubernetes.protobuf,{TABLE}"), true),
            (
                "application/json; g=meta.k8s.io; v=v1; as=Table; q=0.9".to_owned(),
                true,
            ),
            (format!("application/json,{TABLE}"), false),
            (format!("*/*,{TABLE}"), false),
            (
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json".to_owned(),
                false,
            ),
            (String::new(), false),
        ];
        for (accept, expected) in table {
            assert_eq!(wants_table(&accept), expected, "{accept}");
            let printer = Printer::of(&accept, Kind::Pod, &Query::default()).unwrap();
            assert_eq!(printer.is_some(), expected, "{accept}");
        }
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
            let found = parsed(&printer(query).of_one(&object, true, now()));
            assert_eq!(
                found["rows"],
                json!([{"cells": ["c", 1, "60s"], "object": expected}]),
                "{query}"
            );
        }
        let refused = Printer::of(TABLE, Kind::Pod, &Query::parse("includeObject=Foo")).unwrap_err();
        assert_eq!(refused.code, 400);
    }

    #[test]
    fn a_table_has_the_metadata_of_its_list_or_the_version_of_its_one_object() {
        let found = parsed(&printer("").of_one(&config_map(), true, now()));
        assert_eq!(
            (&found["kind"], &found["apiVersion"]),
            (&json!("Table"), &json!("meta.k8s.io/v1"))
        );
        assert_eq!(found["metadata"], json!({"resourceVersion": "7"}));
        let meta = json!({"resourceVersion": "9", "continue": "x", "remainingItemCount": 3});
        let found = parsed(&printer("").table(&meta, &[config_map(), config_map()], true, now()));
        assert_eq!(found["metadata"], meta);
        assert_eq!(found["rows"].as_array().unwrap().len(), 2);
        let found = parsed(&printer("").table(&meta, &[], true, now()));
        assert_eq!(
            found["rows"],
            json!([]),
            "no objects are a list that is empty, not missing"
        );
    }

    #[test]
    fn the_columns_are_told_when_asked_for() {
        let found = parsed(&printer("").of_one(&config_map(), true, now()));
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
        let found = parsed(&printer("").of_one(&config_map(), false, now()));
        assert_eq!(found["columnDefinitions"], Value::Null);
    }

    #[test]
    fn pods_that_are_done_are_marked() {
        let printer = Printer {
            kind: Kind::Pod,
            include: Include::Nothing,
        };
        for (phase, is_done) in [("Running", false), ("Succeeded", true), ("Failed", true)] {
            let row = printer.row(&json!({"status": {"phase": phase}}), now());
            assert_eq!(row["conditions"][0]["reason"] == phase, is_done, "{phase}");
        }
    }

    #[test]
    fn a_bookmark_is_an_empty_row_with_its_metadata() {
        let mark = json!({"metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}});
        let found = parsed(&printer("").of_one(&mark, false, now()));
        assert_eq!(found["rows"][0]["cells"], json!(["", 0, "<unknown>"]));
        assert_eq!(found["rows"][0]["object"]["metadata"], mark["metadata"]);
    }
}
