//! What the tool costs the API server: a layer under the client that counts requests and the bytes that come back.
//!
//! Must not know what a request is for. Bytes are those of the response bodies, before JSON is read and after TLS.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service};

use crate::model::event::ApiCost;

/// Counts what the cluster's API was asked. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    lists: AtomicU64,
    watches: AtomicU64,
    bytes: AtomicU64,
    log_streams: AtomicU32,
}

impl Meter {
    /// Returns the counts so far.
    pub fn cost(&self) -> ApiCost {
        ApiCost {
            requests: self.counts.requests.load(Ordering::Relaxed),
            lists: self.counts.lists.load(Ordering::Relaxed),
            watches: self.counts.watches.load(Ordering::Relaxed),
            bytes: self.counts.bytes.load(Ordering::Relaxed),
            log_streams: self.counts.log_streams.load(Ordering::Relaxed),
        }
    }

    fn count(&self, verb: Verb) {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        match verb {
            Verb::List => self.counts.lists.fetch_add(1, Ordering::Relaxed),
            Verb::Watch => self.counts.watches.fetch_add(1, Ordering::Relaxed),
            Verb::Follow | Verb::Other => 0,
        };
    }
}

/// The verbs that are told apart, in the API server's sense: a list and a watch are both a GET of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// All objects of a kind, or a page of them.
    List,
    /// A stream of changes.
    Watch,
    /// A stream of a log.
    Follow,
    /// Anything else.
    Other,
}

/// Tells what a request asks for.
pub(super) fn verb_of<B>(request: &Request<B>) -> Verb {
    if request.method() != Method::GET {
        return Verb::Other;
    }
    let query = request.uri().query().unwrap_or_default();
    let asks = |parameter: &str| query.split('&').any(|pair| pair == parameter);
    if asks("watch=true") {
        Verb::Watch
    } else if request.uri().path().ends_with("/log") {
        if asks("follow=true") { Verb::Follow } else { Verb::Other }
    } else if is_collection(request.uri().path()) {
        Verb::List
    } else {
        Verb::Other
    }
}

/// Tells whether a path names a collection: `/api/v1/pods`, `/apis/batch/v1/namespaces/ns/jobs`, but not one object.
fn is_collection(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => matches!(rest, [_] | ["namespaces", _, _]),
        _ => false,
    }
}

impl<S> Layer<S> for Meter {
    type Service = Metered<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Metered {
            inner,
            meter: self.clone(),
        }
    }
}

/// A service whose requests are counted.
#[derive(Clone, Debug)]
pub struct Metered<S> {
    inner: S,
    meter: Meter,
}

impl<S, Sent, Received> Service<Request<Sent>> for Metered<S>
where
    S: Service<Request<Sent>, Response = Response<Received>>,
    S::Future: Send + 'static,
{
    type Response = Response<MeteredBody<Received>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Sent>) -> Self::Future {
        let verb = verb_of(&request);
        self.meter.count(verb);
        let meter = self.meter.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            let open = (verb == Verb::Follow && response.status().is_success()).then(|| OpenStream::new(&meter));
            Ok(response.map(|inner| MeteredBody {
                inner,
                meter,
                _open: open,
            }))
        })
    }
}

/// A response body whose bytes are counted.
#[derive(Debug)]
pub struct MeteredBody<B> {
    inner: B,
    meter: Meter,
    _open: Option<OpenStream>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for MeteredBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            let length = frame.data_ref().map_or(0, Bytes::len);
            this.meter
                .counts
                .bytes
                .fetch_add(u64::try_from(length).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Counts a log stream as open for as long as it lives, however it ends.
#[derive(Debug)]
struct OpenStream(Meter);

impl OpenStream {
    fn new(meter: &Meter) -> Self {
        meter.counts.log_streams.fetch_add(1, Ordering::Relaxed);
        Self(meter.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.counts.log_streams.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// A body of one frame.
    struct Once(Option<Bytes>);

    impl Body for Once {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }
    }

    fn request(method: Method, uri: &str) -> Request<()> {
        Request::builder().method(method).uri(uri).body(()).unwrap()
    }

    #[test]
    fn verbs_are_told_apart() {
        let cases = [
            ("/api/v1/namespaces/ns/pods?limit=500", Verb::List),
            ("/api/v1/nodes?", Verb::List),
            ("/api/v1/namespaces", Verb::List),
            ("/apis/batch/v1/namespaces/ns/jobs?labelSelector=a%3Db", Verb::List),
            (
                "/apis/batch/v1/namespaces/ns/jobs?&watch=true&resourceVersion=7",
                Verb::Watch,
            ),
            ("/apis/batch/v1/namespaces/ns/jobs/one", Verb::Other),
            ("/api/v1/namespaces/ns", Verb::Other),
            (
                "/api/v1/namespaces/ns/pods/one/log?follow=true&timestamps=true",
                Verb::Follow,
            ),
            ("/api/v1/namespaces/ns/pods/one/log?tailLines=1", Verb::Other),
            ("/version", Verb::Other),
        ];
        for (uri, verb) in cases {
            assert_eq!(verb_of(&request(Method::GET, uri)), verb, "{uri}");
        }
        assert_eq!(
            verb_of(&request(Method::POST, "/apis/batch/v1/namespaces/ns/jobs")),
            Verb::Other
        );
    }

    #[tokio::test]
    async fn bytes_and_open_streams_are_counted() {
        let meter = Meter::default();
        let mut service = meter.layer(tower::service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(Once(Some(Bytes::from_static(b"12345")))))
        }));
        let mut followed = service
            .call(request(Method::GET, "/api/v1/namespaces/ns/pods/a/log?follow=true"))
            .await
            .unwrap();
        let listed = service.call(request(Method::GET, "/api/v1/nodes")).await.unwrap();
        drop(listed);
        assert_eq!(
            meter.cost(),
            ApiCost {
                requests: 2,
                lists: 1,
                watches: 0,
                bytes: 0,
                log_streams: 1
            }
        );
        std::future::poll_fn(|cx| Pin::new(followed.body_mut()).poll_frame(cx))
            .await
            .unwrap()
            .unwrap();
        drop(followed);
        assert_eq!(
            meter.cost(),
            ApiCost {
                requests: 2,
                lists: 1,
                watches: 0,
                bytes: 5,
                log_streams: 0
            }
        );
    }
}
