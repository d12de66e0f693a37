//! GET: one object, a list, a watch.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::path::Target;
use super::query::Query;
use super::table::Printer;
use super::{Api, json_response, respond};
use crate::local::kinds::{Kind, KindSpec};
use crate::local::object::{Key, Object};
use crate::local::registry::Now;
use crate::local::selector::{FieldSelector, LabelSelector};
use crate::local::status::Status;
use crate::local::store::{Change, ChangeKind, Expired, Store};

/// How many changes one chunk of a watch carries at most.
const WATCH_CHUNK_MAX: usize = 500;
/// How long a watch lasts when the client does not say; upstream draws between 30 and 60 minutes.
const WATCH_DEFAULT: Duration = Duration::from_secs(45 * 60);
/// How often a watch that allows it gets a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// Which objects a request is about.
#[derive(Debug)]
pub(super) struct Selection {
    kind: Kind,
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

    /// Returns the matching objects after a key, and the revision they were read at.
    pub(super) fn list(&self, store: &Store, after: Option<&Key>) -> (Vec<Arc<Object>>, u64) {
        let (mut objects, revision) = store.list(self.kind, self.namespace.as_deref(), after);
        objects.retain(|o| self.matches(o));
        (objects, revision)
    }
}

/// Answers a GET of an object, a list or a watch: as JSON, or as the table that the client accepts.
pub(super) fn read(api: &Api, target: &Target, query: &Query, accept: &str) -> Result<Response, Status> {
    let selection = Selection::of(target, query)?;
    let printer = Printer::of(accept, target.kind, query)?;
    if query.flag("watch") {
        return watch(api, selection, query, printer);
    }
    match &target.name {
        Some(name) => {
            let key = Key::new(target.kind, target.namespace.as_deref().unwrap_or_default(), name);
            let object = api.registry.get(&key)?;
            let body = match printer {
                Some(printer) => printer.of_one(&object.value(), true, api.registry.now()),
                None => object.json.clone(),
            };
            Ok(json_response(200, body))
        }
        None => list(api, &selection, query, printer),
    }
}

fn list(api: &Api, selection: &Selection, query: &Query, printer: Option<Printer>) -> Result<Response, Status> {
    let store = api.registry.store();
    let limit = query
        .number("limit")?
        .and_then(|l| usize::try_from(l).ok())
        .filter(|l| *l > 0);
    let token = query.get("continue").map(Continue::decode).transpose()?;
    if let Some(token) = &token {
        // A list that goes on keeps the revision of its first page; a watch from there sees what changed in between.
        store
            .changes(selection.kind, token.revision, 0)
            .map_err(|Expired(_)| expired_token())?;
    }
    let (mut objects, mut revision) = selection.list(store, token.as_ref().map(|t| &t.after));
    if let Some(token) = &token {
        revision = token.revision;
    }
    let mut meta = json!({"resourceVersion": revision.to_string()});
    if let Some(limit) = limit.filter(|l| objects.len() > *l) {
        meta["remainingItemCount"] = json!(objects.len() - limit);
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            meta["continue"] = json!(
                Continue {
                    revision,
                    after: last.key.clone()
                }
                .encode()
            );
        }
    }
    let body = match printer {
        Some(printer) => {
            let objects: Vec<Value> = objects.iter().map(|o| o.value()).collect();
            printer.table(&meta, &objects, true, api.registry.now())
        }
        None => list_body(selection.kind.spec(), &meta, &objects),
    };
    Ok(json_response(200, body))
}

fn list_body(spec: &KindSpec, meta: &Value, objects: &[Arc<Object>]) -> Bytes {
    let size: usize = objects.iter().map(|o| o.json.len() + 1).sum();
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
        body.put(object.json.as_ref());
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
        let bad = || Status::bad_request("continue key is not valid");
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|e| Status::bad_request(format!("continue key is not valid: {e}")))?;
        let (revision, kind, namespace, name): (u64, usize, String, String) = serde_json::from_slice(&bytes)
            .map_err(|e| Status::bad_request(format!("continue key is not valid: {e}")))?;
        let kind = crate::local::kinds::KINDS.get(kind).ok_or_else(bad)?.kind;
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

/// A watch under way.
struct Watch {
    store: Arc<Store>,
    wake: tokio::sync::watch::Receiver<u64>,
    selection: Selection,
    after: u64,
    until: Instant,
    next_bookmark: Option<Instant>,
    /// What is to be sent before any change.
    first: Option<Bytes>,
    is_over: bool,
    form: Form,
    cut: tokio_util::sync::CancellationToken,
}

fn watch(api: &Api, selection: Selection, query: &Query, printer: Option<Printer>) -> Result<Response, Status> {
    let store = Arc::clone(api.registry.store());
    let wake = store.subscribe();
    let lasts = query
        .number("timeoutSeconds")?
        .map_or(WATCH_DEFAULT, Duration::from_secs);
    let bookmarks = query.flag("allowWatchBookmarks");
    let initial = query.get("sendInitialEvents").map(|v| v == "true");
    if initial.is_some() && query.get("resourceVersionMatch") != Some("NotOlderThan") {
        let words = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(Status::bad_request(words));
    }
    let from = query.number("resourceVersion")?.unwrap_or(0);
    // Without a revision, or from "0", a watch begins with what exists, unless it was told not to.
    let with_state = initial.unwrap_or(from == 0);
    let mut after = from;
    let mut first = None;
    let mut form = Form {
        printer,
        has_columns: false,
        now: api.registry.clock(),
    };
    if with_state {
        let (objects, revision) = selection.list(&store, None);
        let mut frames = BytesMut::new();
        for object in &objects {
            form.frame(&mut frames, "ADDED", &object.json);
        }
        if initial == Some(true) {
            let meta = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null, "annotations": {"k8s.io/initial-events-end": "true"}});
            form.frame(&mut frames, "BOOKMARK", bookmark(selection.kind, &meta).as_bytes());
        }
        first = Some(frames.freeze());
        after = revision;
    }
    let now = Instant::now();
    let watch = Watch {
        store,
        wake,
        selection,
        after,
        until: now + lasts,
        next_bookmark: bookmarks.then_some(now + BOOKMARK_EVERY),
        first,
        is_over: false,
        form,
        cut: api.cut.clone(),
    };
    let frames = stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), watch))
    });
    Ok(respond(200, "application/json", Body::from_stream(frames)))
}

impl Watch {
    /// Waits for the next frames; none when the watch is over.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take().filter(|f| !f.is_empty()) {
            return Some(first);
        }
        while !self.is_over {
            self.wake.mark_unchanged();
            let frames = match self.store.changes(self.selection.kind, self.after, WATCH_CHUNK_MAX) {
                Ok((changes, up_to)) => {
                    self.after = up_to;
                    if changes.len() == WATCH_CHUNK_MAX {
                        self.wake.mark_changed();
                    }
                    self.frames(&changes)
                }
                Err(Expired(oldest)) => {
                    self.is_over = true;
                    let words = format!("too old resource version: {} ({oldest})", self.after);
                    let mut frames = BytesMut::new();
                    frame(
                        &mut frames,
                        "ERROR",
                        Status::expired(words).to_json().to_string().as_bytes(),
                    );
                    frames.freeze()
                }
            };
            if !frames.is_empty() {
                return Some(frames);
            }
            let bookmark_at = self.next_bookmark.unwrap_or(self.until);
            tokio::select! {
                // The store lives as long as the API server, so this cannot fail.
                changed = self.wake.changed() => drop(changed),
                () = self.cut.cancelled() => return None,
                () = tokio::time::sleep_until(bookmark_at.min(self.until)) => {
                    self.is_over = Instant::now() >= self.until;
                    if self.next_bookmark.is_some() {
                        self.next_bookmark = Some(Instant::now() + BOOKMARK_EVERY);
                        let meta = json!({"resourceVersion": self.after.to_string(), "creationTimestamp": null});
                        let mut frames = BytesMut::new();
                        self.form
                            .frame(&mut frames, "BOOKMARK", bookmark(self.selection.kind, &meta).as_bytes());
                        return Some(frames.freeze());
                    }
                }
            }
        }
        None
    }

    fn frames(&mut self, changes: &[Change]) -> Bytes {
        let mut frames = BytesMut::new();
        for change in changes {
            let was = change.previous.as_deref().is_some_and(|o| self.selection.matches(o));
            let is = change.kind != ChangeKind::Deleted && self.selection.matches(&change.object);
            // An object that begins or ceases to match is added or removed, for this watch.
            let kind = match (was, is) {
                (false, true) => "ADDED",
                (true, true) => "MODIFIED",
                (true, false) => "DELETED",
                (false, false) => continue,
            };
            self.form.frame(&mut frames, kind, &change.object.json);
        }
        frames.freeze()
    }
}

/// The form of the objects in a watch: as they are, or each as a table of one row.
struct Form {
    printer: Option<Printer>,
    /// Whether a table with the columns was sent: the first has them, and they count for all that follow.
    has_columns: bool,
    now: Now,
}

impl Form {
    fn frame(&mut self, out: &mut BytesMut, kind: &str, object: &[u8]) {
        let Some(printer) = self.printer else {
            return frame(out, kind, object);
        };
        // What is stored or made here parses; `null` makes an empty row if that ever breaks.
        let object: Value = serde_json::from_slice(object).unwrap_or(Value::Null);
        let table = printer.of_one(&object, !self.has_columns, (self.now)());
        self.has_columns = true;
        frame(out, kind, &table);
    }
}

fn frame(out: &mut BytesMut, kind: &str, object: &[u8]) {
    out.reserve(object.len() + 40);
    out.put(&br#"{"type":""#[..]);
    out.put(kind.as_bytes());
    out.put(&br#"","object":"#[..]);
    out.put(object);
    out.put(&b"}\n"[..]);
}

fn bookmark(kind: Kind, meta: &Value) -> String {
    json!({"kind": kind.spec().name, "apiVersion": kind.spec().api_version(), "metadata": meta}).to_string()
}
