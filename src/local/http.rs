//! The API server's face: HTTPS on loopback, a bearer token, and requests turned into calls of the registry and back.
//!
//! Every path but none is refused without the token, before anything of the request is looked at. What is not served is said
//! so in Kubernetes' own words.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

mod discovery;
mod logs;
mod openapi;
mod path;
mod query;
mod read;
mod table;
mod write;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::Response;
use axum::{Router, http};
use bytes::Bytes;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::kubelet::Logs;
use super::registry::Registry;
use super::status::Status;
use path::Target;
use query::Query;

/// The largest body that is read, as upstream's limit for one object.
const BODY_BYTES_MAX: usize = 3 << 20;

/// What a request needs.
#[derive(Clone)]
pub struct Api {
    /// The objects.
    pub registry: Registry,
    /// The logs of the pods.
    pub logs: Logs,
    /// The token that every request must carry.
    pub token: Arc<str>,
    /// The version that `/version` tells.
    pub version: Arc<str>,
    /// Ends every watch and every followed log.
    pub cut: CancellationToken,
}

/// Makes the router of an API server.
pub fn router(api: Api) -> Router {
    Router::new().fallback(handle).with_state(api)
}

async fn handle(State(api): State<Api>, request: Request) -> Response {
    match answer(&api, request).await {
        Ok(response) => response,
        Err(status) => refuse(&status),
    }
}

async fn answer(api: &Api, request: Request) -> Result<Response, Status> {
    if !is_authorized(request.headers(), &api.token) {
        return Err(Status::unauthorized());
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    if parts.method == Method::GET
        && let Some(found) = fixed(api, path)
    {
        return Ok(found);
    }
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|e| {
        Status::bad_request(format!(
            "the body of the request could not be read (limit {BODY_BYTES_MAX} bytes): {e}"
        ))
    })?;
    if path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" && parts.method == Method::POST {
        return review(&body);
    }
    let target = path::parse(path).ok_or_else(Status::no_such_path)?;
    dispatch(api, &parts.method, &target, &query, &parts.headers, &body)
}

fn dispatch(
    api: &Api,
    method: &Method,
    target: &Target,
    query: &Query,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Status> {
    let media_type = text_of(headers, header::CONTENT_TYPE);
    if target.subresource.as_deref() == Some("log") && target.kind == super::kinds::Kind::Pod {
        return if method == Method::GET {
            logs::read(api, target, query)
        } else {
            Err(Status::method_not_allowed())
        };
    }
    let is_plain = target
        .subresource
        .as_deref()
        .is_none_or(|s| s == "status" && target.kind.spec().status);
    if !is_plain {
        return Err(Status::no_such_path());
    }
    if matches!(*method, Method::POST | Method::PUT) && media_type.contains("protobuf") {
        return Err(Status::unsupported_media_type(media_type, "application/json"));
    }
    if matches!(*method, Method::POST | Method::PUT) && query.get("fieldValidation") == Some("Strict") {
        Registry::check_strictly(target.kind, &write::parse(body)?)?;
    }
    match (method.as_str(), &target.name) {
        ("GET", _) => read::read(api, target, query, text_of(headers, header::ACCEPT)),
        ("POST", None) => write::create(api, target, query, body),
        ("PUT", Some(_)) => write::replace(api, target, query, body),
        ("PATCH", Some(_)) => write::patch(api, target, query, media_type, body),
        ("DELETE", Some(_)) => write::delete(api, target, query, body),
        ("DELETE", None) => write::delete_collection(api, target, query, body),
        _ => Err(Status::method_not_allowed()),
    }
}

fn fixed(api: &Api, path: &str) -> Option<Response> {
    if ["/healthz", "/livez", "/readyz"].contains(&path) {
        return Some(respond(200, "text/plain", Body::from("ok")));
    }
    discovery::answer(path, &api.version)
        .or_else(|| openapi::answer(path))
        .map(|value| json_response(200, value.to_string().into()))
}

/// Answers an access review: whoever has the token may do everything, as a cluster's administrator may.
fn review(body: &[u8]) -> Result<Response, Status> {
    let mut review = write::parse(body)?;
    review["status"] = json!({"allowed": true, "reason": "the local cluster has one user, who may do everything"});
    Ok(json_response(201, review.to_string().into()))
}

fn is_authorized(headers: &HeaderMap, token: &str) -> bool {
    let given = text_of(headers, header::AUTHORIZATION);
    let given = given.strip_prefix("Bearer ").unwrap_or_default();
    // Constant time, so that the token cannot be found out byte by byte.
    given.as_bytes().ct_eq(token.as_bytes()).into()
}

/// Returns a header; empty if it is not there or not text.
fn text_of(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

fn refuse(status: &Status) -> Response {
    let mut response = json_response(status.code, status.to_json().to_string().into());
    if let Some(seconds) = status.retry_after_s {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, http::HeaderValue::from(seconds));
    }
    response
}

fn json_response(code: u16, body: Bytes) -> Response {
    respond(code, "application/json", Body::from(body))
}

fn respond(code: u16, media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    response
}
