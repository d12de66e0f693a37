//! Watches: the changes of a collection as they happen, from any revision that is still remembered.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::accept::Form;
use super::call::Call;
use super::partial::{Partial, written};
use super::query::Query;
use super::read::{NOT_OLDER, Selection, revision};
use super::{Api, respond};
use crate::local::kinds::Kind;
use crate::local::registry::Now;
use crate::local::status::{Cause, Status};
use crate::local::store::{Change, ChangeKind, Expired, Store};

/// How many changes one chunk of a watch carries at most.
const WATCH_CHUNK_MAX: usize = 500;
/// How long a watch lasts when the client does not say; upstream draws between 30 and 60 minutes.
const WATCH_DEFAULT: Duration = Duration::from_secs(45 * 60);
/// The longest that a watch can last.
const WATCH_SECONDS_MAX: u64 = 365 * 24 * 3600;
/// How often a watch that allows it gets a bookmark.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How long a watch rests after it told something: in a storm of changes it tells them in larger parts, which costs the server far
/// less, and no change waits longer than this.
const REST: Duration = Duration::from_millis(5);

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
    rest_until: Instant,
    is_over: bool,
    frames: Frames,
    cut: tokio_util::sync::CancellationToken,
}

/// Begins a watch.
pub(super) fn watch(api: &Api, selection: Selection, call: &Call<'_>, form: Form) -> Result<Response, Status> {
    let query = call.query;
    check_options(query)?;
    let store = Arc::clone(api.registry.store());
    let wake = store.subscribe();
    let lasts = match query.integer("timeoutSeconds")?.map(u64::try_from) {
        Some(Ok(seconds)) if seconds > 0 => Duration::from_secs(seconds.min(WATCH_SECONDS_MAX)),
        Some(_) | None => WATCH_DEFAULT,
    };
    let bookmarks = query.flag("allowWatchBookmarks");
    let initial = query.get("sendInitialEvents").map(|v| v == "true");
    let from = revision(query).map_err(Status::unknown)?.unwrap_or(0);
    // Without a revision, or from "0", a watch begins with what exists, unless it was told not to.
    let with_state = initial.unwrap_or(from == 0);
    let mut after = from;
    let mut first = None;
    let mut frames = Frames {
        form,
        has_columns: false,
        now: api.registry.clock(),
    };
    if with_state {
        let (objects, revision) = selection.list(&store, None);
        let mut bytes = BytesMut::new();
        for object in &objects {
            frames.add(&mut bytes, "ADDED", &object.json());
        }
        if initial == Some(true) {
            let meta = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null, "annotations": {"k8s.io/initial-events-end": "true"}});
            frames.add(&mut bytes, "BOOKMARK", bookmark(selection.kind, &meta).as_bytes());
        }
        first = Some(bytes.freeze());
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
        rest_until: now,
        is_over: false,
        frames,
        cut: api.cut.clone(),
    };
    let chunks = stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), watch))
    });
    Ok(respond(200, "application/json", Body::from_stream(chunks)))
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
                    self.told(&changes)
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
                self.rest_until = Instant::now() + REST;
                return Some(frames);
            }
            let bookmark_at = self.next_bookmark.unwrap_or(self.until);
            tokio::select! {
                // The store lives as long as the API server, so this cannot fail.
                changed = self.wake.changed() => {
                    drop(changed);
                    tokio::time::sleep_until(self.rest_until).await;
                }
                () = self.cut.cancelled() => return None,
                () = tokio::time::sleep_until(bookmark_at.min(self.until)) => {
                    self.is_over = Instant::now() >= self.until;
                    if self.next_bookmark.is_some() {
                        self.next_bookmark = Some(Instant::now() + BOOKMARK_EVERY);
                        let meta = json!({"resourceVersion": self.after.to_string(), "creationTimestamp": null});
                        let mut frames = BytesMut::new();
                        self.frames
                            .add(&mut frames, "BOOKMARK", bookmark(self.selection.kind, &meta).as_bytes());
                        return Some(frames.freeze());
                    }
                }
            }
        }
        None
    }

    fn told(&mut self, changes: &[Change]) -> Bytes {
        let mut bytes = BytesMut::new();
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
            self.frames.add(&mut bytes, kind, &change.object.json());
        }
        bytes.freeze()
    }
}

/// Writes the objects of a watch in the form that was asked for; of tables each is one row.
struct Frames {
    form: Form,
    /// Whether a table with the columns was sent: the first has them, and they count for all that follow.
    has_columns: bool,
    now: Now,
}

impl Frames {
    fn add(&mut self, out: &mut BytesMut, kind: &str, object: &[u8]) {
        match self.form {
            Form::Object => frame(out, kind, object),
            Form::Metadata => frame(out, kind, &written(&Partial::of(object))),
            Form::Table(printer) => {
                let table = printer.of_one(object, !self.has_columns, (self.now)());
                self.has_columns = true;
                frame(out, kind, &table);
            }
        }
    }
}

/// Refuses options that a watch cannot have, in upstream's words.
fn check_options(query: &Query) -> Result<(), Status> {
    let field = "resourceVersionMatch";
    let (wanted, initial) = (query.get(field), query.get("sendInitialEvents"));
    let mut causes = Vec::new();
    if initial.is_some() && wanted != Some(NOT_OLDER) {
        let words = format!("sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER}");
        causes.push(Cause::forbidden(field, &words));
    }
    if let Some(wanted) = wanted {
        if initial.is_none() {
            let words = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            causes.push(Cause::forbidden(field, words));
        }
        if wanted != NOT_OLDER {
            causes.push(Cause::unsupported(field, wanted, &[NOT_OLDER]));
        }
        if query.get("continue").is_some() {
            let words = "resourceVersionMatch is forbidden when continue is provided";
            causes.push(Cause::forbidden(field, words));
        }
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid_options("ListOptions", causes))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_events_and_their_revision_go_together() {
        for (query, want) in [
            ("sendInitialEvents=true&resourceVersionMatch=NotOlderThan", ""),
            ("resourceVersion=5", ""),
            (
                "sendInitialEvents=true",
                "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (
                "resourceVersionMatch=NotOlderThan",
                "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ),
        ] {
            let refused = check_options(&Query::parse(query)).err();
            let words = refused.map(|s| s.message).unwrap_or_default();
            assert!(
                words.ends_with(want) && words.is_empty() == want.is_empty(),
                "{query}: {words}"
            );
        }
    }
}
