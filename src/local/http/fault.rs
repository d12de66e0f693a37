//! What faults do to requests: late answers, refusals, half answers, watches that end. Which request meets which fault is decided
//! in `faults`; here it is done.

use std::io;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Method;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::path::Target;
use super::query::Query;
use super::{Api, json_response, respond};
use crate::local::faults::table::Fault;
use crate::local::faults::{Asked, Cut, Faults, Hit, OUTSIDE, Order};
use crate::local::kinds::Kind;
use crate::local::status::Status;

/// How long an answer that stopped half-way is held open.
const HALF_OPEN: Duration = Duration::from_secs(60);
/// What is sent of the event in which a watch breaks.
const TORN_EVENT: &[u8] = br#"{"type":"MODIFIED","object":{"kind":"#;
/// An answer that is no JSON.
const GARBAGE: &[u8] = b"\x1f\x8b\x00<html>\xff\xfe{\"kind\": ";
/// What refusals say.
const WHY: &str = "ordered by local-cluster/fault";

/// Reads of a request what matters to faults. A Namespace can always be read and changed by its name, and so can its faults.
pub(super) fn asked<'t>(method: &Method, target: &'t Target, query: &Query) -> Option<Asked<'t>> {
    if target.kind == Kind::Namespace && target.name.is_some() {
        return None;
    }
    let is_one = target.name.is_some();
    let verb = match (method.as_str(), is_one) {
        ("GET", _) if target.subresource.as_deref() == Some("log") => "log",
        ("GET", _) if query.flag("watch") => "watch",
        ("GET", true) => "get",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => return None,
    };
    Some(Asked {
        namespace: target.namespace.as_deref().unwrap_or(OUTSIDE),
        verb,
        resource: target.kind.spec().plural,
        goes_on: query.get("continue").is_some(),
    })
}

/// Answers a request with what it meets.
pub(super) async fn answer(
    api: &Api,
    asked: Option<Asked<'_>>,
    dispatch: impl FnOnce() -> Result<Response, Status>,
) -> Result<Response, Status> {
    let Some(asked) = asked else { return dispatch() };
    let since = api.faults.revision(asked.namespace);
    let Hit { latency, order } = api.faults.of_request(&asked);
    if !latency.is_zero() {
        sleep(latency).await;
    }
    if let Some(order) = order {
        return suffer(&order, &asked, api.registry.store().revision(), dispatch);
    }
    let response = dispatch()?;
    if asked.verb != "watch" {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let frames = Frames {
        body: body.into_data_stream(),
        wake: api.registry.store().subscribe(),
        faults: api.faults.clone(),
        namespace: asked.namespace.to_owned(),
        resource: asked.resource,
        since,
        is_torn: false,
    };
    Ok(Response::from_parts(parts, Body::from_stream(cuttable(frames))))
}

fn suffer(
    order: &Order,
    asked: &Asked<'_>,
    revision: u64,
    dispatch: impl FnOnce() -> Result<Response, Status>,
) -> Result<Response, Status> {
    match order.fault() {
        Fault::TooManyRequests => {
            let seconds = order.after.map_or(1, |after| after.as_secs());
            let words = "Too many requests, please try again later.";
            Err(Status::too_many_requests(
                words,
                u32::try_from(seconds).unwrap_or(u32::MAX),
            ))
        }
        Fault::ServerError => Err(Status::internal(WHY)),
        Fault::Unavailable => Err(Status::unavailable(WHY)),
        Fault::Gone if asked.verb == "watch" => {
            let status = Status::expired(format!("too old resource version: 1 ({revision})")).to_json();
            let event = format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n");
            Ok(json_response(200, event.into()))
        }
        Fault::Gone => Err(Status::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
             the continue parameter.",
        )),
        Fault::HttpGone => Err(Status::expired(format!("too old resource version: 1 ({revision})"))),
        Fault::HalfClose => {
            let (parts, body) = dispatch()?.into_parts();
            Ok(Response::from_parts(parts, Body::from_stream(half(body))))
        }
        Fault::Garbage => Ok(respond(200, "application/json", Body::from(GARBAGE))),
        // These never hit a request: they are for pods and nodes, or were done before.
        Fault::Kill
        | Fault::Crash
        | Fault::SlowStart
        | Fault::ImagePullFailure
        | Fault::Evict
        | Fault::LoseResult
        | Fault::Message
        | Fault::CutResult
        | Fault::LogGap
        | Fault::LogRotate
        | Fault::Hang
        | Fault::Lost
        | Fault::WatchCut
        | Fault::WatchReset
        | Fault::Latency => dispatch(),
    }
}

/// The first half of what is there, then silence, then the end of the connection.
fn half(body: Body) -> impl Stream<Item = io::Result<Bytes>> {
    let first = stream::once(async move {
        let whole = body.into_data_stream().next().await;
        let mut bytes = whole.transpose().map_err(io::Error::other)?.unwrap_or_default();
        bytes.truncate(bytes.len() / 2);
        Ok::<_, io::Error>(bytes)
    });
    let end = stream::once(async {
        sleep(HALF_OPEN).await;
        Err::<Bytes, _>(io::Error::other(WHY))
    });
    first.chain(end)
}

/// A watch that a fault can end.
struct Frames {
    body: BodyDataStream,
    wake: watch::Receiver<u64>,
    faults: Faults,
    namespace: String,
    resource: &'static str,
    /// What was ordered up to this revision was ordered before the watch began.
    since: u64,
    is_torn: bool,
}

fn cuttable(frames: Frames) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(frames, |mut frames| async move {
        let next = frames.next().await?;
        Some((next, frames))
    })
}

impl Frames {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.is_torn {
            return Some(Err(io::Error::other(WHY)));
        }
        loop {
            self.wake.mark_unchanged();
            match self.faults.cut(&self.namespace, self.resource, self.since) {
                Some(Cut::Clean) => return None,
                Some(Cut::Torn) => {
                    self.is_torn = true;
                    return Some(Ok(Bytes::from_static(TORN_EVENT)));
                }
                None => {}
            }
            tokio::select! {
                frame = self.body.next() => return frame.map(|frame| frame.map_err(io::Error::other)),
                // The store lives as long as the API server, so this cannot fail.
                Ok(()) = self.wake.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::path;
    use super::*;

    #[test]
    fn what_a_request_asks() {
        let shown = |method: &str, path: &str, query: &str| {
            let target = path::parse(path).unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found = asked(&method, &target, &Query::parse(query));
            found.map(|a| format!("{} {} {} {}", a.namespace, a.verb, a.resource, a.goes_on))
        };
        for (method, path, query, want) in [
            ("GET", "/api/v1/namespaces/a/pods", "", Some("a list pods false")),
            (
                "GET",
                "/api/v1/namespaces/a/pods",
                "limit=5&continue=x",
                Some("a list pods true"),
            ),
            (
                "GET",
                "/api/v1/namespaces/a/pods",
                "watch=true",
                Some("a watch pods false"),
            ),
            ("GET", "/api/v1/namespaces/a/pods/p", "", Some("a get pods false")),
            ("GET", "/api/v1/namespaces/a/pods/p/log", "", Some("a log pods false")),
            ("GET", "/api/v1/pods", "", Some("kube-system list pods false")),
            (
                "PATCH",
                "/apis/batch/v1/namespaces/a/jobs/j",
                "",
                Some("a patch jobs false"),
            ),
            (
                "DELETE",
                "/api/v1/namespaces/a/pods",
                "",
                Some("a deletecollection pods false"),
            ),
            (
                "GET",
                "/api/v1/namespaces",
                "",
                Some("kube-system list namespaces false"),
            ),
            ("PATCH", "/api/v1/namespaces/a", "", None),
            ("GET", "/api/v1/namespaces/a", "", None),
        ] {
            assert_eq!(shown(method, path, query).as_deref(), want, "{method} {path}?{query}");
        }
    }
}
