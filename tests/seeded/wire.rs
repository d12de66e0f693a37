//! The way from the program to the API server: no socket, and it breaks as sockets and servers do.
//!
//! The server has faults of its own. Nothing of them stays in its objects, so they are counted here, by what its answers show.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::time::{Instant, timeout};
use tower::{BoxError, ServiceExt};
use ttg_tui::cluster::connect::Connection;
use ttg_tui::local::LocalCluster;

use super::draw::{Class, Fault, Maker, Ordered, kind_of};
use super::tally::Tally;

/// The largest answer that is cut in half.
const BODY_BYTES_MAX: usize = 16 << 20;

/// How long the server lets nobody wait unless a fault does. In one process an answer takes no time of the clock at all.
const PATIENCE: Duration = Duration::from_millis(500);

/// A watch that ends before this was cut: clients ask for longer ones.
const WATCH_LASTS_MIN: Duration = Duration::from_secs(200);

/// The beginning of the server's answers that are no JSON.
const GARBAGE: &[u8] = b"\x1f\x8b\x00<html>";

/// The wire of one scenario. Clones share the faults that are left.
#[derive(Clone)]
pub(crate) struct Wire {
    router: Router,
    authorization: HeaderValue,
    faults: Arc<Mutex<Vec<Ordered>>>,
    /// The faults of the server itself that may show.
    expected: Arc<Mutex<Vec<Fault>>>,
    tally: Tally,
}

impl Wire {
    /// Makes the wire to a cluster, without faults.
    pub(crate) fn new(cluster: &LocalCluster, tally: &Tally) -> Self {
        Self {
            router: cluster.router(),
            authorization: HeaderValue::from_str(&format!("Bearer {}", cluster.bearer_token())).unwrap(),
            faults: Arc::default(),
            expected: Arc::default(),
            tally: tally.clone(),
        }
    }

    /// Takes of these faults those of wires, in place of those that are left; those of the server are looked for from now on.
    pub(crate) fn order(&self, faults: &[Ordered]) {
        let (mut own, mut expected) = (Vec::new(), Vec::new());
        for ordered in faults {
            match kind_of(ordered.fault).maker {
                Maker::Wire(_) => own.push(ordered.clone()),
                Maker::Api(_) => expected.push(ordered.fault),
                Maker::Worker | Maker::Namespace | Maker::Node => {}
            }
        }
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = own;
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = expected;
    }

    /// Returns the same wire without faults.
    pub(crate) fn whole(&self) -> Self {
        Self {
            faults: Arc::default(),
            expected: Arc::default(),
            ..self.clone()
        }
    }

    /// Connects over it.
    pub(crate) fn connect(&self, namespace: &str) -> Connection {
        let wire = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let wire = wire.clone();
            async move { Ok::<_, Infallible>(wire.answer(request).await) }
        });
        Connection::in_process(service, "seeded", namespace)
    }

    async fn answer(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let Some(ordered) = self.next_fault(class_of(&request)) else {
            return self.pass(request).await;
        };
        let fault = ordered.fault;
        self.tally.hit(fault);
        if let Some((code, reason)) = refusal(fault) {
            return refuse(code, reason, ordered.lasts);
        }
        if fault == Fault::Gone {
            let status = status_json(StatusCode::GONE, "Expired");
            return Response::new(Body::from(
                json!({"type": "ERROR", "object": status}).to_string() + "\n",
            ));
        }
        if fault == Fault::Latency {
            tokio::time::sleep(ordered.lasts).await;
            return self.pass(request).await;
        }
        // From here on the server does what it was asked to; only its answer suffers.
        let answer = self.pass(request).await;
        if fault == Fault::Garbage {
            return Response::new(Body::from("\u{7f}ELF, which is not JSON"));
        }
        if fault == Fault::HalfClose {
            return half_of(answer).await;
        }
        broken_after(answer, ordered.lasts, fault == Fault::WatchReset)
    }

    async fn pass(&self, request: Request<kube::client::Body>) -> Response<Body> {
        let class = class_of(&request);
        let mut request = request.map(Body::new);
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let answered = self
            .waited(Fault::ApiLatency, self.router.clone().oneshot(request))
            .await;
        let answer = match answered {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        if let Some(fault) = shown_by_code(class, answer.status()) {
            self.saw(fault);
            return answer;
        }
        if self.expected.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return answer;
        }
        let (parts, body) = answer.into_parts();
        let looked_at = self.clone().looked_at(class, body.into_data_stream());
        Response::from_parts(parts, Body::from_stream(looked_at))
    }

    /// Counts a fault of the server, if it was ordered.
    fn saw(&self, fault: Fault) {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.contains(&fault) {
            self.tally.hit(fault);
        }
    }

    /// Waits for what the server does, and counts a fault if that takes its time.
    async fn waited<F: Future>(&self, fault: Fault, work: F) -> F::Output {
        let mut work = pin!(work);
        if let Ok(done) = timeout(PATIENCE, &mut work).await {
            return done;
        }
        self.saw(fault);
        work.await
    }

    /// Hands an answer on, and counts the first fault that it shows.
    fn looked_at(self, class: Class, body: BodyDataStream) -> impl Stream<Item = Result<Bytes, axum::Error>> {
        let began = Instant::now();
        let may_be_silent = matches!(class, Class::Watch | Class::Log);
        stream::unfold((self, body, false), move |(wire, mut body, mut was_seen)| async move {
            let part = if may_be_silent {
                body.next().await
            } else {
                wire.waited(Fault::ApiHalfClose, body.next()).await
            };
            if !was_seen && let Some(fault) = shown_by_part(class, part.as_ref(), began.elapsed()) {
                was_seen = true;
                wire.saw(fault);
            }
            part.map(|part| (part, (wire, body, was_seen)))
        })
    }

    /// Takes the fault that this request meets, if any: the first of its class whose turn it is.
    fn next_fault(&self, class: Class) -> Option<Ordered> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let at = faults.iter().position(|ordered| ordered.class == Some(class))?;
        let ordered = &mut faults[at];
        if ordered.after > 0 {
            ordered.after -= 1;
            return None;
        }
        ordered.times -= 1;
        if ordered.times == 0 {
            return Some(faults.remove(at));
        }
        Some(ordered.clone())
    }
}

fn class_of<B>(request: &Request<B>) -> Class {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    if request.method() != Method::GET {
        Class::Write
    } else if query.split('&').any(|pair| pair == "watch=true") {
        Class::Watch
    } else if path.ends_with("/log") {
        Class::Log
    } else if ["/pods", "/jobs", "/nodes", "/events"]
        .iter()
        .any(|kind| path.ends_with(kind))
    {
        Class::List
    } else {
        Class::Read
    }
}

/// The fault of the server that a code of an answer shows.
fn shown_by_code(class: Class, code: StatusCode) -> Option<Fault> {
    let of_gone = if class == Class::Watch {
        Fault::ApiHttpGone
    } else {
        Fault::ApiGone
    };
    let table = [
        (StatusCode::TOO_MANY_REQUESTS, Fault::ApiTooManyRequests),
        (StatusCode::INTERNAL_SERVER_ERROR, Fault::ApiServerError),
        (StatusCode::SERVICE_UNAVAILABLE, Fault::ApiUnavailable),
        (StatusCode::GONE, of_gone),
    ];
    let row = table.into_iter().find(|(of, _)| *of == code);
    row.map(|(_, fault)| fault)
}

/// The fault of the server that a part of an answer shows, or its end after a time.
fn shown_by_part(class: Class, part: Option<&Result<Bytes, axum::Error>>, after: Duration) -> Option<Fault> {
    let is_watch = class == Class::Watch;
    match part {
        Some(Ok(bytes)) if bytes.starts_with(GARBAGE) => Some(Fault::ApiGarbage),
        Some(Ok(bytes)) if is_watch && String::from_utf8_lossy(bytes).contains(r#""type":"ERROR""#) => {
            Some(Fault::ApiGone)
        }
        Some(Err(_)) if is_watch => Some(Fault::ApiWatchReset),
        None if is_watch && after < WATCH_LASTS_MIN => Some(Fault::ApiWatchCut),
        Some(Ok(_) | Err(_)) | None => None,
    }
}

/// The answer of a fault that is a refusal.
fn refusal(fault: Fault) -> Option<(StatusCode, &'static str)> {
    let table = [
        (Fault::TooManyRequests, StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
        (Fault::ServerError, StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        (
            Fault::Unavailable,
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
        ),
        (Fault::HttpGone, StatusCode::GONE, "Expired"),
    ];
    let row = table.into_iter().find(|(of, _, _)| *of == fault);
    row.map(|(_, code, reason)| (code, reason))
}

fn refuse(code: StatusCode, reason: &str, retry_after: Duration) -> Response<Body> {
    let mut answer = Response::new(Body::from(status_json(code, reason).to_string()));
    *answer.status_mut() = code;
    if code == StatusCode::TOO_MANY_REQUESTS {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().min(5)));
    }
    answer
}

fn status_json(code: StatusCode, reason: &str) -> serde_json::Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "a fault of the wire", "reason": reason, "code": code.as_u16(),
    })
}

/// Sends half of an answer, and then nothing more, without an end.
async fn half_of(answer: Response<Body>) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    // The server may have a fault of its own at the same time, and send no whole answer.
    let mut bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    bytes.truncate(bytes.len() / 2);
    let rest = stream::pending::<Result<Bytes, Infallible>>();
    let body = stream::iter([Ok::<_, Infallible>(bytes)]).chain(rest);
    Response::from_parts(parts, Body::from_stream(body))
}

/// Ends an answer after a time: between two frames without a word, or in the middle of one with a reset.
fn broken_after(answer: Response<Body>, lasts: Duration, is_reset: bool) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    let end: Vec<Result<Bytes, BoxError>> = if is_reset {
        let half = Bytes::from_static(br#"{"type":"MODIFIED","object":{"kind":"#);
        vec![Ok(half), Err("connection reset by peer".into())]
    } else {
        Vec::new()
    };
    let frames = body.into_data_stream().map_err(BoxError::from);
    let frames = frames.take_until(tokio::time::sleep(lasts)).chain(stream::iter(end));
    Response::from_parts(parts, Body::from_stream(frames))
}
