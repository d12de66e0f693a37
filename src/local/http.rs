//! The API server's face: HTTPS on loopback, a bearer token, and requests turned into calls of the registry and back.
//!
//! Every path but none is refused without the token, before anything of the request is looked at. What is not served is said
//! so in Kubernetes' own words.

mod accept;
mod authorization;
mod body;
mod call;
mod discovery;
mod eviction;
mod fault;
mod logs;
mod openapi;
mod options;
mod partial;
mod path;
mod protobuf;
mod query;
mod read;
mod reviews;
mod route;
mod strict;
mod table;
mod watch;
mod write;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::Response;
use axum::{Router, http};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::faults::Faults;
use super::kubelet::Logs;
use super::registry::Registry;
use super::status::Status;
use call::Call;
use path::Target;
use query::Query;
use route::Route;

/// The largest body that is read, as upstream's limit for one object.
const BODY_BYTES_MAX: usize = 3 << 20;

/// What a request needs.
#[derive(Clone)]
pub struct Api {
    /// The objects.
    pub registry: Registry,
    /// The logs of the pods.
    pub logs: Logs,
    /// The faults that requests meet.
    pub faults: Faults,
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
    if !authorization::carries(text_of(request.headers(), header::AUTHORIZATION), &api.token) {
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
    let body = read_body(body).await?;
    if let Some((review, namespace)) = reviews::find(path) {
        if parts.method != Method::POST {
            return Err(Status::method_not_allowed());
        }
        let body = body::as_json(text_of(&parts.headers, header::CONTENT_TYPE), &body)?;
        let answer = reviews::answer(review, namespace, &body::parse(&body)?, api.registry.now())?;
        return Ok(json_response(201, answer.to_string().into()));
    }
    let target = path::parse(path).ok_or_else(Status::no_such_path)?;
    let asked = fault::asked(&parts.method, &target, &query);
    fault::answer(api, asked, || {
        dispatch(api, &parts.method, &target, &query, &parts.headers, &body)
    })
    .await
}

async fn read_body(body: Body) -> Result<Bytes, Status> {
    to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
        if error.into_inner().is::<http_body_util::LengthLimitError>() {
            Status::too_large(BODY_BYTES_MAX)
        } else {
            Status::bad_request("the body of the request could not be read to its end")
        }
    })
}

fn dispatch(
    api: &Api,
    method: &Method,
    target: &Target,
    query: &Query,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Status> {
    let route = route::of(method.as_str(), target)?;
    let body = match route {
        // A patch has media types of its own, and reading has no body.
        Route::Patch | Route::Read | Route::Log => body.clone(),
        Route::Delete | Route::DeleteCollection if body.is_empty() => body.clone(),
        Route::Create | Route::Evict | Route::Replace | Route::Delete | Route::DeleteCollection => {
            body::as_json(text_of(headers, header::CONTENT_TYPE), body)?
        }
    };
    let call = Call {
        target,
        query,
        headers,
        body: &body,
    };
    match route {
        Route::Read => read::read(api, &call),
        Route::Log => logs::read(api, target, query),
        Route::Create => write::create(api, &call),
        Route::Evict => eviction::create(api, &call),
        Route::Replace => write::replace(api, &call),
        Route::Patch => write::patch(api, &call),
        Route::Delete => write::delete(api, &call),
        Route::DeleteCollection => write::delete_collection(api, &call),
    }
}

fn fixed(api: &Api, path: &str) -> Option<Response> {
    if ["/healthz", "/livez", "/readyz"].contains(&path) {
        return Some(respond(200, "text/plain", Body::from("ok")));
    }
    discovery::answer(path, &api.version)
        .map(|value| value.to_string().into())
        .or_else(|| openapi::answer(path))
        .map(|body| json_response(200, body))
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

#[cfg(test)]
mod fuzz;
