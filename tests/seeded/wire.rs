//! The way from the program to the API server: no socket, and it breaks as sockets and servers do.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use serde_json::json;
use tower::{BoxError, ServiceExt};
use ttg_tui::cluster::connect::Connection;
use ttg_tui::local::LocalCluster;

use super::draw::{Class, Fault, Ordered};
use super::tally::Tally;

/// The largest answer that is cut in half.
const BODY_BYTES_MAX: usize = 16 << 20;

/// The wire of one scenario. Clones share the faults that are left.
#[derive(Clone)]
pub(crate) struct Wire {
    router: Router,
    authorization: HeaderValue,
    faults: Arc<Mutex<Vec<Ordered>>>,
    tally: Tally,
}

impl Wire {
    /// Makes the wire to a cluster; only the faults of wires are taken.
    pub(crate) fn new(cluster: &LocalCluster, faults: &[Ordered], tally: &Tally) -> Self {
        let faults = faults
            .iter()
            .filter(|ordered| ordered.class.is_some())
            .cloned()
            .collect();
        Self {
            router: cluster.router(),
            authorization: HeaderValue::from_str(&format!("Bearer {}", cluster.bearer_token())).unwrap(),
            faults: Arc::new(Mutex::new(faults)),
            tally: tally.clone(),
        }
    }

    /// Returns the same wire without faults.
    pub(crate) fn whole(&self) -> Self {
        Self {
            faults: Arc::default(),
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
        let mut request = request.map(Body::new);
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
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
    let mut bytes = to_bytes(body, BODY_BYTES_MAX).await.expect("the local cluster answers");
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
