//! The cells of an object by its kind, in the order of the kind's columns; those of the kinds that tell little are made here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::Event;
use super::job::Job;
use super::node::Node;
use super::pod::Pod;
use super::view::{Completed, Meta, View};
use crate::local::kinds::Kind;

/// Returns the cells of an object, one for every column of its kind, and the mark of one that is done.
pub(super) fn cells(kind: Kind, object: &[u8], now: Timestamp) -> (Vec<Value>, Option<Completed>) {
    match kind {
        Kind::Namespace => told::<Namespace>(object, now),
        Kind::Node => told::<Node>(object, now),
        Kind::Pod => told::<Pod>(object, now),
        Kind::Event => told::<Event>(object, now),
        Kind::ConfigMap => told::<ConfigMap>(object, now),
        Kind::Secret => told::<Secret>(object, now),
        Kind::ServiceAccount => told::<ServiceAccount>(object, now),
        Kind::Job => told::<Job>(object, now),
    }
}

fn told<V: View>(object: &[u8], now: Timestamp) -> (Vec<Value>, Option<Completed>) {
    // What is stored was read through the types of its kind; the row of nothing is harmless if that ever breaks.
    let view: V = serde_json::from_slice(object).unwrap_or_default();
    (view.cells(now), view.completed())
}

/// Data of which only the number of its keys is told.
type Data = BTreeMap<String, Box<RawValue>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    metadata: Meta,
    status: NamespaceStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamespaceStatus {
    phase: String,
}

impl View for Namespace {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        let Self { metadata, status } = self;
        vec![json!(metadata.name), json!(status.phase), json!(metadata.age(now))]
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigMap {
    metadata: Meta,
    data: Data,
    binary_data: Data,
}

impl View for ConfigMap {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        let keys = self.data.len() + self.binary_data.len();
        vec![json!(self.metadata.name), json!(keys), json!(self.metadata.age(now))]
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Secret {
    metadata: Meta,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

impl View for Secret {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        let age = self.metadata.age(now);
        vec![
            json!(self.metadata.name),
            json!(self.kind),
            json!(self.data.len()),
            json!(age),
        ]
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceAccount {
    metadata: Meta,
}

impl View for ServiceAccount {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        vec![json!(self.metadata.name), json!(self.metadata.age(now))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::columns;
    use super::super::tests::shown;
    use super::*;
    use crate::local::kinds::KINDS;

    #[test]
    fn every_kind_has_a_cell_for_every_column_even_of_nothing() {
        for spec in &KINDS {
            let (found, _) = cells(spec.kind, b"{}", Timestamp::UNIX_EPOCH);
            assert_eq!(found.len(), columns(spec.kind).len(), "{}", spec.name);
        }
    }

    #[test]
    fn the_cells_of_small_kinds() {
        let meta = |name: &str| json!({"name": name, "creationTimestamp": "2026-03-01T11:57:50Z"});
        let table = [
            (
                shown::<Namespace>(&json!({"metadata": meta("n"), "status": {"phase": "Active"}})),
                json!(["n", "Active", "2m10s"]),
            ),
            (
                shown::<ConfigMap>(
                    &json!({"metadata": meta("c"), "data": {"a": "", "b": ""}, "binaryData": {"c": ""}}),
                ),
                json!(["c", 3, "2m10s"]),
            ),
            (
                shown::<Secret>(&json!({"metadata": meta("s"), "type": "Opaque", "data": {"a": ""}})),
                json!(["s", "Opaque", 1, "2m10s"]),
            ),
            (
                shown::<ServiceAccount>(&json!({"metadata": meta("a")})),
                json!(["a", "2m10s"]),
            ),
            (shown::<ServiceAccount>(&json!({})), json!(["", "<unknown>"])),
        ];
        for (found, expected) in table {
            assert_eq!(json!(found), expected);
        }
    }
}
