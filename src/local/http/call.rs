//! One request to an object or a collection, taken apart, and the answer to it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use super::path::Target;
use super::query::Query;
use super::{json_response, text_of};
use crate::local::object::Key;
use crate::local::status::Status;

/// Clients that show answers to people as they come.
const PLAIN_CLIENTS: [&str; 3] = ["curl", "Wget", "Mozilla/5.0"];

/// A request. Its body is JSON, or a patch.
pub(super) struct Call<'r> {
    /// What it is about.
    pub target: &'r Target,
    /// Its query.
    pub query: &'r Query,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// Its body.
    pub body: &'r Bytes,
}

impl<'r> Call<'r> {
    /// Returns a header; empty if it is not there or not text.
    pub(super) fn header(&self, name: HeaderName) -> &'r str {
        text_of(self.headers, name)
    }

    /// Returns the body's media type without its parameters.
    pub(super) fn media_type(&self) -> &'r str {
        let whole = self.header(header::CONTENT_TYPE);
        whole.split(';').next().unwrap_or_default().trim()
    }

    /// Returns the key of the object; a collection has none.
    pub(super) fn key(&self) -> Result<Key, Status> {
        let name = self.target.name.as_deref().ok_or_else(Status::method_not_allowed)?;
        let namespace = self.target.namespace.as_deref().unwrap_or_default();
        Ok(Key::new(self.target.kind, namespace, name))
    }

    /// Answers with JSON: indented if the query or the client's name asks for it.
    pub(super) fn answer(&self, code: u16, body: Bytes) -> Response {
        if !self.is_pretty() {
            return json_response(code, body);
        }
        let indented = serde_json::from_slice::<Value>(&body)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .map(Bytes::from);
        // What is answered was written here, so it parses; as it is it is right, too.
        json_response(code, indented.unwrap_or(body))
    }

    fn is_pretty(&self) -> bool {
        match self.query.get("pretty") {
            Some(asked) => ["1", "t", "T", "true", "TRUE", "True"].contains(&asked),
            None => {
                let client = self.header(header::USER_AGENT);
                PLAIN_CLIENTS.iter().any(|name| client.starts_with(name))
            }
        }
    }
}

/// Adds what the client should know to an answer, as upstream does.
pub(super) fn with_warnings(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        // A header has no line breaks and no letters beyond ASCII; a warning that has them is not told.
        if let Ok(value) = HeaderValue::try_from(format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}
