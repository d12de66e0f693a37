//! GET of a pod's log, whole or followed.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::path::Target;
use super::query::Query;
use super::{Api, respond};
use crate::local::kubelet::log::{ContainerLog, LogLine, Position};
use crate::local::kubelet::runtime::log_time;
use crate::local::object::{Key, items, text};
use crate::local::status::Status;

/// How many lines one chunk carries at most.
const CHUNK_LINES_MAX: usize = 1000;

struct Reader {
    log: Arc<ContainerLog>,
    next: Position,
    follow: bool,
    timestamps: bool,
    since: Option<Timestamp>,
    bytes_left: Option<u64>,
    is_over: bool,
    cut: tokio_util::sync::CancellationToken,
}

/// Which log of a container a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// That of its newest run.
    Current,
    /// That of the run before.
    Previous,
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
    check_node(api, &pod, container)?;
    let shown = format!("container {container:?} in pod {name:?}");
    let which = which(&pod, query.flag("previous"), &shown).map_err(Status::bad_request)?;
    let uid = &object.head.metadata.uid;
    let log = match which {
        Which::Current => api.logs.get(uid),
        Which::Previous => api.logs.previous(uid),
    };
    let log = log.unwrap_or_default();
    let since = since(query, api.registry.now())?;
    let next = match query.number("tailLines")? {
        Some(tail) => first_of_tail(&log, since, tail),
        None => log.begin(),
    };
    let reader = Reader {
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

/// Refuses what a kubelet that does not answer would have to say.
fn check_node(api: &Api, pod: &Value, container: &str) -> Result<(), Status> {
    let node = text(pod, "/spec/nodeName");
    if node.is_empty() || api.logs.is_reachable(node) {
        return Ok(());
    }
    let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    Err(Status::unknown(format!(
        "Get \"https://{node}:10250/containerLogs/{namespace}/{name}/{container}\": dial tcp: connect: no route to host"
    )))
}

/// Finds the log that a request is about, in the way of upstream's kubelet and in its words; `shown` is the container in them.
fn which(pod: &Value, previous: bool, shown: &str) -> Result<Which, String> {
    let waits = |why: &str| Err(format!("{shown} is waiting to start: {why}"));
    let Some(status) = items(pod, "/status/containerStatuses").next() else {
        let is_pending = text(pod, "/status/phase") == "Pending";
        return if is_pending {
            waits("ContainerCreating")
        } else {
            Ok(Which::Current)
        };
    };
    let ran_before = !text(status, "/lastState/terminated/containerID").is_empty();
    let state = &status["state"];
    if previous {
        return match (ran_before, state["waiting"].is_null()) {
            (false, _) => Err(format!("previous terminated {shown} not found")),
            // The run that ended last is the newest one as long as the next has not begun.
            (true, false) => Ok(Which::Current),
            (true, true) => Ok(Which::Previous),
        };
    }
    if ran_before {
        return Ok(Which::Current);
    }
    if !state["terminated"].is_null() && text(state, "/terminated/containerID").is_empty() {
        return Err(format!("{shown} is terminated"));
    }
    match text(state, "/waiting/reason") {
        "" => Ok(Which::Current),
        "ErrImagePull" => waits("image can't be pulled"),
        "ImagePullBackOff" => waits("trying and failing to pull image"),
        reason => waits(reason),
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

fn first_of_tail(log: &ContainerLog, since: Option<Timestamp>, tail: u64) -> Position {
    let all = log.read(log.begin(), usize::MAX);
    let recent = all.lines.iter().filter(|l| since.is_none_or(|s| l.at >= s)).count() as u64;
    all.next.back(tail.min(recent))
}

impl Reader {
    async fn next_chunk(&mut self) -> Option<Bytes> {
        while !self.is_over {
            let chunk = self.log.read(self.next, CHUNK_LINES_MAX);
            let is_all = chunk.lines.len() < CHUNK_LINES_MAX;
            self.next = chunk.next;
            self.is_over = chunk.is_over || (is_all && !self.follow);
            let bytes = self.render(&chunk.lines);
            if !bytes.is_empty() {
                return Some(bytes);
            }
            if is_all && !self.is_over {
                tokio::select! {
                    () = self.log.more(self.next) => {}
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn which_log_a_request_is_about() {
        let waiting = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
        let ran = json!({"terminated": {"containerID": "processes://1"}});
        let running = json!({"state": {"running": {}}});
        let again = json!({"state": {"running": {}}, "lastState": ran});
        let looping = json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ran});
        let unknown = json!({"state": {"terminated": {"exitCode": 137}}});
        let refused = |why: &str| Err(why.to_owned());
        for (status, previous, want) in [
            (&running, false, Ok(Which::Current)),
            (&running, true, refused("previous terminated it not found")),
            (&again, false, Ok(Which::Current)),
            (&again, true, Ok(Which::Previous)),
            (&looping, false, Ok(Which::Current)),
            (&looping, true, Ok(Which::Current)),
            (&json!({"state": ran}), false, Ok(Which::Current)),
            (&unknown, false, refused("it is terminated")),
            (
                &waiting("ErrImagePull"),
                false,
                refused("it is waiting to start: image can't be pulled"),
            ),
            (
                &waiting("ImagePullBackOff"),
                false,
                refused("it is waiting to start: trying and failing to pull image"),
            ),
            (
                &waiting("ErrImageNeverPull"),
                false,
                refused("it is waiting to start: ErrImageNeverPull"),
            ),
        ] {
            let pod = json!({"status": {"phase": "Running", "containerStatuses": [status]}});
            assert_eq!(which(&pod, previous, "it"), want, "{status} {previous}");
        }
        let new = json!({"status": {"phase": "Pending"}});
        assert_eq!(
            which(&new, false, "it"),
            refused("it is waiting to start: ContainerCreating")
        );
    }
}
