//! A made-up API server for tests: it gives the answers of a script, in order, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// What a made-up server was asked: the method with the path and query, and the body.
pub(super) type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// Makes a client of a server that gives these answers. When they are used up it stays silent.
pub(super) fn scripted(answers: Vec<(u16, String)>) -> (Client, Asked) {
    let asked = Asked::default();
    let kept = Arc::clone(&asked);
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (asked, answers) = (Arc::clone(&kept), Arc::clone(&answers));
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            let body = request.into_body().collect_bytes().await?;
            asked
                .lock()
                .unwrap()
                .push((line, serde_json::from_slice(&body).unwrap_or_default()));
            let answer = answers.lock().unwrap().pop_front();
            let Some((status, text)) = answer else {
                return std::future::pending().await;
            };
            let body = Body::from(text.into_bytes());
            Ok::<_, kube::Error>(Response::builder().status(status).body(body).unwrap())
        }
    });
    (Client::new(service, "lab"), asked)
}

/// Makes the answer of a refusal.
pub(super) fn refusal(code: u16, reason: &str, message: &str) -> (u16, String) {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message
    });
    (code, status.to_string())
}
