//! Objects with nothing but their metadata: it is handed on as the text that it is in the object, unread.
//!
//! This knows neither kinds nor who asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::local::object::Object;

/// The group and version of tables and of metadata alone.
pub(super) const META: &str = "meta.k8s.io/v1";

/// The mark of the bookmark after what existed when a watch began.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// The metadata of an object.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Partial<'o> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Option<&'o RawValue>,
}

impl<'o> Partial<'o> {
    /// Finds the metadata in the text of an object.
    pub(super) fn of(object: &'o [u8]) -> Self {
        #[derive(Deserialize)]
        struct Whole<'o> {
            #[serde(borrow)]
            metadata: Option<&'o RawValue>,
        }
        // What is stored or made here parses; no metadata is the harmless answer if that ever breaks.
        let whole = serde_json::from_slice::<Whole<'o>>(object);
        Self {
            kind: "PartialObjectMetadata",
            api_version: META,
            metadata: whole.ok().and_then(|w| w.metadata),
        }
    }

    /// Returns the version of the object.
    pub(super) fn resource_version(&self) -> String {
        self.known().resource_version
    }

    /// Tells whether the object is the bookmark after what existed when a watch began.
    pub(super) fn ends_initial_events(&self) -> bool {
        let mark = self.known().annotations.remove(INITIAL_EVENTS_END);
        mark.as_deref() == Some("true")
    }

    fn known(&self) -> Known {
        let known = self.metadata.map(|m| serde_json::from_str(m.get()));
        known.and_then(Result::ok).unwrap_or_default()
    }
}

/// What the answers themselves need of the metadata.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Known {
    resource_version: String,
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartialList<'o> {
    kind: &'static str,
    api_version: &'static str,
    metadata: &'o Value,
    items: Vec<Partial<'o>>,
}

/// Writes a list of objects with nothing but their metadata.
pub(super) fn list(meta: &Value, objects: &[Arc<Object>]) -> Bytes {
    let texts: Vec<Bytes> = objects.iter().map(|o| o.json()).collect();
    written(&PartialList {
        kind: "PartialObjectMetadataList",
        api_version: META,
        metadata: meta,
        items: texts.iter().map(|text| Partial::of(text)).collect(),
    })
}

/// Writes an answer as JSON.
pub(super) fn written(answer: &impl Serialize) -> Bytes {
    // Writing into memory fails only for keys that are no text, and the answers have none.
    serde_json::to_vec(answer).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::local::kinds::Kind;
    use crate::local::object::Key;

    #[test]
    fn metadata_is_handed_on_as_it_is() {
        let partial =
            |metadata: Value| json!({"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": metadata});
        let json = r#"{"spec":{"metadata":1},"metadata":{"name":"\u0070","z":[1.50]},"kind":"Pod"}"#;
        let stored = Object::unstored(Key::new(Kind::Pod, "n", "p"), 7, json);
        let text = written(&Partial::of(&stored.json()));
        let text = std::str::from_utf8(&text).unwrap();
        assert!(text.contains(r#""metadata":{"name":"\u0070","z":[1.50]}"#), "{text}");
        let meta = json!({"resourceVersion": "9"});
        let found: Value = serde_json::from_slice(&list(&meta, &[Arc::new(stored)])).unwrap();
        let items = json!([partial(json!({"name": "p", "z": [1.5]}))]);
        let expected =
            json!({"kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": meta, "items": items});
        assert_eq!(found, expected);
        for nothing in ["{}", "null", r#"{"metadata":null}"#] {
            let found: Value = serde_json::from_slice(&written(&Partial::of(nothing.as_bytes()))).unwrap();
            assert_eq!(found, partial(Value::Null), "{nothing}");
        }
    }

    #[test]
    fn an_answer_knows_the_version_and_the_mark() {
        let mark = br#"{"metadata":{"resourceVersion":"9","creationTimestamp":null,"annotations":{"k8s.io/initial-events-end":"true"}}}"#;
        let other = br#"{"metadata":{"resourceVersion":"8","annotations":{"k8s.io/initial-events-end":"no"}}}"#;
        let found = [&mark[..], &other[..], &b"{}"[..]].map(|object| {
            let partial = Partial::of(object);
            (partial.resource_version(), partial.ends_initial_events())
        });
        assert_eq!(found, [("9".into(), true), ("8".into(), false), (String::new(), false)]);
    }
}
