//! GET of a pod's log, whole or followed.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use jiff::{SignedDuration, Timestamp};

use super::path::Target;
use super::query::Query;
use super::{Api, respond};
use crate::local::kubelet::log::{ContainerLog, LogLine};
use crate::local::kubelet::runtime::log_time;
use crate::local::object::{Key, items, text};
use crate::local::status::Status;

/// How many lines one chunk carries at most.
const CHUNK_LINES_MAX: usize = 1000;

struct Reader {
    log: Arc<ContainerLog>,
    wake: tokio::sync::watch::Receiver<u64>,
    next: u64,
    follow: bool,
    timestamps: bool,
    since: Option<Timestamp>,
    bytes_left: Option<u64>,
    is_over: bool,
    cut: tokio_util::sync::CancellationToken,
}

/// Answers a GET of a pod's log.
pub(super) fn read(api: &Api, target: &Target, query: &Query) -> Result<Response, Status> {
    let name = target.name.as_deref().unwrap_or_default();
    let key = Key::new(target.kind, target.namespace.as_deref().unwrap_or_default(), name);
    let object = api.registry.get(&key)?;
    let pod = object.value();
    let container = text(&pod, "/spec/containers/0/name");
    if let Some(wanted) = query.get("container").filter(|c| *c != container) {
        return Err(Status::bad_request(format!(
            "container {wanted} is not valid for pod {name}"
        )));
    }
    if query.flag("previous") {
        return Err(Status::bad_request(format!(
            "previous terminated container {container:?} in pod {name:?} not found"
        )));
    }
    if let Some(reason) = waiting_reason(&pod) {
        return Err(Status::bad_request(format!(
            "container {container:?} in pod {name:?} is waiting to start: {reason}"
        )));
    }
    let log = api.logs.get(&object.head.metadata.uid).unwrap_or_default();
    let since = since(query, api.registry.now())?;
    let next = match query.number("tailLines")? {
        Some(tail) => first_of_tail(&log, since, tail),
        None => 0,
    };
    let reader = Reader {
        wake: log.subscribe(),
        log,
        next,
        follow: query.flag("follow"),
        timestamps: query.flag("timestamps"),
        since,
        bytes_left: query.number("limitBytes")?,
        is_over: false,
        cut: api.cut.clone(),
    };
    let chunks = stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next_chunk().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), reader))
    });
    Ok(respond(200, "text/plain", Body::from_stream(chunks)))
}

/// Why the container has no log yet, as the kubelet says it.
fn waiting_reason(pod: &serde_json::Value) -> Option<String> {
    let mut states = items(pod, "/status/containerStatuses").map(|s| &s["state"]);
    match states.next() {
        None => {
            let phase = text(pod, "/status/phase");
            (phase == "Pending").then(|| "ContainerCreating".to_owned())
        }
        Some(state) => state["waiting"]["reason"].as_str().map(str::to_owned),
    }
}

fn since(query: &Query, now: Timestamp) -> Result<Option<Timestamp>, Status> {
    if let Some(seconds) = query.number("sinceSeconds")? {
        let back = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        return Ok(Some(now.checked_sub(back).unwrap_or(Timestamp::MIN)));
    }
    let Some(text) = query.get("sinceTime") else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|e| Status::bad_request(format!("invalid sinceTime {text:?}: {e}")))
}

fn first_of_tail(log: &ContainerLog, since: Option<Timestamp>, tail: u64) -> u64 {
    let (lines, next, _) = log.read(0, usize::MAX);
    let recent = lines.iter().filter(|l| since.is_none_or(|s| l.at >= s)).count() as u64;
    next - tail.min(recent)
}

impl Reader {
    async fn next_chunk(&mut self) -> Option<Bytes> {
        while !self.is_over {
            self.wake.mark_unchanged();
            let (lines, next, is_closed) = self.log.read(self.next, CHUNK_LINES_MAX);
            let is_all = lines.len() < CHUNK_LINES_MAX;
            self.next = next;
            self.is_over = is_closed || (is_all && !self.follow);
            let chunk = self.render(&lines);
            if !chunk.is_empty() {
                return Some(chunk);
            }
            if is_all && !self.is_over {
                tokio::select! {
                    // The log is held here, so this cannot fail.
                    changed = self.wake.changed() => drop(changed),
                    () = self.cut.cancelled() => return None,
                }
            }
        }
        None
    }

    fn render(&mut self, lines: &[LogLine]) -> Bytes {
        let mut out = Vec::new();
        for line in lines.iter().filter(|l| self.since.is_none_or(|s| l.at >= s)) {
            if self.timestamps {
                out.extend_from_slice(log_time(line.at).as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(&line.bytes);
            if line.ended {
                out.push(b'\n');
            }
        }
        if let Some(left) = &mut self.bytes_left {
            out.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= out.len() as u64;
            self.is_over |= *left == 0;
        }
        out.into()
    }
}
