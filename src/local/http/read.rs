//! GET: one object or a list, as it is or as it was.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::header;
use axum::response::Response;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine};
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};

use super::accept::Form;
use super::call::Call;
use super::path::Target;
use super::query::Query;
use super::{Api, partial, watch};
use crate::local::kinds::{KINDS, Kind, KindSpec};
use crate::local::object::{Key, Object};
use crate::local::selector::{FieldSelector, LabelSelector};
use crate::local::status::{Cause, Status};
use crate::local::store::{Expired, Store};

/// The two ways in which a list can have the revision that was asked for.
const EXACT: &str = "Exact";
/// See [`EXACT`].
pub(super) const NOT_OLDER: &str = "NotOlderThan";

/// Which objects a request is about.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) kind: Kind,
    namespace: Option<String>,
    name: Option<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(super) fn of(target: &Target, query: &Query) -> Result<Self, Status> {
        Ok(Self {
            kind: target.kind,
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            labels: LabelSelector::parse(query.get("labelSelector").unwrap_or_default())?,
            fields: FieldSelector::parse(target.kind, query.get("fieldSelector").unwrap_or_default())?,
        })
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.namespace.as_ref().is_none_or(|n| *n == object.key.namespace)
            && self.name.as_ref().is_none_or(|n| *n == object.key.name)
            && self.labels.matches(&object.head.metadata.labels)
            && self.fields.matches(object)
    }

    /// Tells whether objects of the collection may be left out.
    fn has_selectors(&self, query: &Query) -> bool {
        self.name.is_some() || query.get("labelSelector").is_some() || query.get("fieldSelector").is_some()
    }

    /// Returns the matching objects after a key as they were at a revision, if what changed since is remembered.
    fn list_at(&self, store: &Store, revision: u64, after: Option<&Key>) -> Result<Vec<Arc<Object>>, Expired> {
        let (mut objects, _) = store.list(self.kind, self.namespace.as_deref(), after);
        let (changes, _) = store.changes(self.kind, revision, usize::MAX)?;
        if !changes.is_empty() {
            // The first change since tells what was there before; the later ones do not matter.
            let then: BTreeMap<&Key, Option<&Arc<Object>>> = changes
                .iter()
                .rev()
                .map(|change| (&*change.object.key, change.previous.as_ref()))
                .collect();
            objects.retain(|o| !then.contains_key(&*o.key));
            let is_after = |o: &&Arc<Object>| after.is_none_or(|after| *o.key > *after);
            objects.extend(then.into_values().flatten().filter(is_after).cloned());
            objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        }
        objects.retain(|o| self.matches(o));
        Ok(objects)
    }

    /// Returns the matching objects after a key, and the revision they were read at.
    pub(super) fn list(&self, store: &Store, after: Option<&Key>) -> (Vec<Arc<Object>>, u64) {
        let (mut objects, revision) = store.list(self.kind, self.namespace.as_deref(), after);
        objects.retain(|o| self.matches(o));
        (objects, revision)
    }
}

/// Answers a GET of an object, a list or a watch, in the form that the client accepts.
pub(super) fn read(api: &Api, call: &Call<'_>) -> Result<Response, Status> {
    let query = call.query;
    let selection = Selection::of(call.target, query)?;
    let (spec, accept) = (call.target.kind.spec(), call.header(header::ACCEPT));
    if query.flag("watch") {
        // In a watch each object comes alone.
        return watch::watch(api, selection, call, Form::of(accept, spec, false, query)?);
    }
    let form = Form::of(accept, spec, call.target.name.is_none(), query)?;
    if call.target.name.is_none() {
        return list(api, &selection, call, form);
    }
    let store = api.registry.store();
    let wanted = revision(query).map_err(Status::unknown)?.unwrap_or_default();
    expect_reached(store, wanted)?;
    let object = api.registry.get(&call.key()?)?;
    Ok(call.answer(200, form.one(&object.json(), api.registry.now())))
}

fn list(api: &Api, selection: &Selection, call: &Call<'_>, form: Form) -> Result<Response, Status> {
    let store = api.registry.store();
    let page = Page::of(call.query)?;
    expect_reached(store, page.wanted)?;
    let (mut objects, revision) = match (&page.token, page.is_exact) {
        (Some(token), _) if token.revision > store.revision() => return Err(expired_token()),
        (Some(token), _) => {
            let objects = selection.list_at(store, token.revision, Some(&token.after));
            (objects.map_err(|Expired(_)| expired_token())?, token.revision)
        }
        (None, true) => {
            let words = "The resourceVersion for the provided list is too old.";
            let objects = selection.list_at(store, page.wanted, None);
            (objects.map_err(|Expired(_)| Status::expired(words))?, page.wanted)
        }
        (None, false) => selection.list(store, None),
    };
    let mut meta = json!({"resourceVersion": revision.to_string()});
    if let Some(limit) = page.limit.filter(|l| objects.len() > *l) {
        if !selection.has_selectors(call.query) {
            meta["remainingItemCount"] = json!(objects.len() - limit);
        }
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            let after = Key::clone(&last.key);
            meta["continue"] = json!(Continue { revision, after }.encode());
        }
    }
    let body = match form {
        Form::Object => list_body(selection.kind.spec(), &meta, &objects),
        Form::Metadata => partial::list(&meta, &objects),
        Form::Table(printer) => printer.table(&meta, &objects, api.registry.now()),
    };
    Ok(call.answer(200, body))
}

/// Which part of a list is asked for, and as of when.
struct Page {
    limit: Option<usize>,
    token: Option<Continue>,
    /// The revision that the list must have reached; 0 for any.
    wanted: u64,
    /// Whether the list is to be as it was at this revision.
    is_exact: bool,
}

impl Page {
    fn of(query: &Query) -> Result<Self, Status> {
        let limit = query
            .integer("limit")?
            .and_then(|l| usize::try_from(l).ok())
            .filter(|l| *l > 0);
        check_options(query)?;
        let is_any = query.get("resourceVersion") == Some("0");
        let token = match query.get("continue") {
            // "Any" revision is answered from what is at hand, and that is all of it.
            Some(text) if !is_any => Some(Continue::decode(text)?),
            Some(_) | None => None,
        };
        let wanted = revision(query)
            .map_err(|why| Status::bad_request(format!("invalid resource version: {why}")))?
            .unwrap_or_default();
        if token.is_some() && wanted > 0 {
            let words = "specifying resource version is not allowed when using continue";
            return Err(Status::bad_request(words));
        }
        let is_exact = match query.get("resourceVersionMatch") {
            Some(word) => word == EXACT,
            // As upstream: with a limit, a revision means exactly that one.
            None => limit.is_some() && wanted > 0,
        };
        Ok(Self {
            limit: limit.filter(|_| !is_any),
            token,
            wanted,
            is_exact,
        })
    }
}

/// Refuses options that a list cannot have, in upstream's words.
fn check_options(query: &Query) -> Result<(), Status> {
    let field = "resourceVersionMatch";
    let mut causes = Vec::new();
    if let Some(word) = query.get(field) {
        if query.get("resourceVersion").is_none() {
            let words = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            causes.push(Cause::forbidden(field, words));
        }
        if query.get("continue").is_some() {
            let words = "resourceVersionMatch is forbidden when continue is provided";
            causes.push(Cause::forbidden(field, words));
        }
        if ![EXACT, NOT_OLDER].contains(&word) {
            causes.push(Cause::unsupported(field, word, &[EXACT, NOT_OLDER, ""]));
        }
        if word == EXACT && query.get("resourceVersion") == Some("0") {
            let words = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            causes.push(Cause::forbidden(field, words));
        }
    }
    if query.get("sendInitialEvents").is_some() {
        let words = "sendInitialEvents is forbidden for list";
        causes.push(Cause::forbidden("sendInitialEvents", words));
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid_options("ListOptions", causes))
    }
}

/// Reads the revision that a request names; none for one that names none.
pub(super) fn revision(query: &Query) -> Result<Option<u64>, String> {
    let Some(text) = query.get("resourceVersion") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(revision) => Ok(Some(revision)),
        Err(_) => Err(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        )),
    }
}

/// Refuses a revision that is not reached yet. Upstream waits a few seconds for it; here no other server could be ahead.
fn expect_reached(store: &Store, wanted: u64) -> Result<(), Status> {
    let current = store.revision();
    if wanted > current {
        return Err(Status::too_large_resource_version(wanted, current));
    }
    Ok(())
}

/// Writes a list of objects as they are.
pub(super) fn list_body(spec: &KindSpec, meta: &Value, objects: &[Arc<Object>]) -> Bytes {
    let size: usize = objects.iter().map(|o| o.packed.length() + 1).sum();
    let mut body = BytesMut::with_capacity(size + 256);
    let head = format!(
        r#"{{"kind":"{}List","apiVersion":"{}","metadata":{meta},"items":["#,
        spec.name,
        spec.api_version()
    );
    body.put(head.as_bytes());
    for (i, object) in objects.iter().enumerate() {
        if i > 0 {
            body.put_u8(b',');
        }
        body.put(object.json());
    }
    body.put(&b"]}"[..]);
    body.freeze()
}

/// Where a list that was cut goes on.
struct Continue {
    revision: u64,
    after: Key,
}

impl Continue {
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(
            json!([
                self.revision,
                self.after.kind as usize,
                self.after.namespace,
                self.after.name
            ])
            .to_string(),
        )
    }

    fn decode(text: &str) -> Result<Self, Status> {
        let bad = |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|e| {
            let at = match e {
                DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
                DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => 0,
            };
            bad(&format!("illegal base64 data at input byte {at}"))
        })?;
        let (revision, kind, namespace, name): (u64, usize, String, String) =
            serde_json::from_slice(&bytes).map_err(|e| bad(&e.to_string()))?;
        let kind = KINDS.get(kind).ok_or_else(|| bad("no such kind"))?.kind;
        Ok(Self {
            revision,
            after: Key { kind, namespace, name },
        })
    }
}

fn expired_token() -> Status {
    Status::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let store = Store::default();
        for name in ["a", "b", "c"] {
            let object = json!({"metadata": {"name": name}});
            store.create(Key::new(Kind::ConfigMap, "n", name), object).unwrap();
        }
        store
    }

    #[test]
    fn a_list_can_be_had_as_it_was() {
        let store = store();
        let then = store.revision();
        let key = |name: &str| Key::new(Kind::ConfigMap, "n", name);
        let b = store.get(&key("b")).unwrap();
        let changed = store.update(&key("b"), b.revision, json!({"data": 1})).unwrap();
        store.remove(&key("b"), changed.revision).unwrap();
        store.create(key("d"), json!({})).unwrap();
        let target = super::super::path::parse("/api/v1/namespaces/n/configmaps").unwrap();
        let selection = Selection::of(&target, &Query::default()).unwrap();
        let names = |after: Option<&Key>| -> Vec<String> {
            let objects = selection.list_at(&store, then, after).unwrap();
            objects.iter().map(|o| o.key.name.clone()).collect()
        };
        assert_eq!(names(None), ["a", "b", "c"]);
        assert_eq!(names(Some(&key("a"))), ["b", "c"]);
        store.compact(Kind::ConfigMap);
        assert!(selection.list_at(&store, then, None).is_err());
    }

    #[test]
    fn which_page_and_as_of_when() {
        let token = Continue {
            revision: 7,
            after: Key::new(Kind::Pod, "n", "p"),
        };
        let token = token.encode();
        let (conflicting, any) = (
            format!("resourceVersion=5&continue={token}"),
            format!("resourceVersion=0&continue={token}"),
        );
        for (query, want) in [
            ("limit=2", Ok((Some(2), 0, false))),
            ("limit=-1", Ok((None, 0, false))),
            ("limit=2&resourceVersion=5", Ok((Some(2), 5, true))),
            ("resourceVersion=5", Ok((None, 5, false))),
            ("limit=2&resourceVersion=0", Ok((None, 0, false))),
            ("resourceVersion=5&resourceVersionMatch=Exact", Ok((None, 5, true))),
            (
                "limit=2&resourceVersion=5&resourceVersionMatch=NotOlderThan",
                Ok((Some(2), 5, false)),
            ),
            ("resourceVersionMatch=Exact", Err(422)),
            ("resourceVersion=0&resourceVersionMatch=Exact", Err(422)),
            ("resourceVersion=5&resourceVersionMatch=Foo", Err(422)),
            ("sendInitialEvents=true", Err(422)),
            ("resourceVersion=x", Err(400)),
            ("limit=x", Err(400)),
            ("continue=!!", Err(400)),
            (conflicting.as_str(), Err(400)),
            (any.as_str(), Ok((None, 0, false))),
        ] {
            let found = Page::of(&Query::parse(query));
            let found = found.map(|p| (p.limit, p.wanted, p.is_exact)).map_err(|s| s.code);
            assert_eq!(found, want, "{query}");
        }
        let page = Page::of(&Query::parse(&format!("continue={token}"))).unwrap();
        assert_eq!(
            page.token.map(|t| (t.revision, t.after.name)),
            Some((7, "p".to_owned()))
        );
    }
}
