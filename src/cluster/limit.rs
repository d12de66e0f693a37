//! A limit for what a server sends: a layer under the client that ends an answer which does not end by itself.
//!
//! Must not know what a request is for. kube collects an answer, and a line of a watch, in memory, however long it becomes.
//!
//! Guarantees: of an answer that is read as a whole at most [`ANSWER_BYTES_MAX`] bytes are taken, of a refusal at most
//! [`REFUSAL_BYTES_MAX`], of one line of a watch at most [`FRAME_BYTES_MAX`] and what its last chunk brought; more is an error.
//! Not guaranteed: anything about a followed log, which has no end; its reader keeps only a part of each line.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service};

use super::meter::{Verb, verb_of};

/// The most bytes of an answer. A page of 500 nodes with many images each has about half of it.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The most bytes of a refusal, which is a few sentences.
pub const REFUSAL_BYTES_MAX: usize = 1 << 20;

/// The most bytes of one line of a watch: one object, of which a server stores 1.5 MiB at most.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

/// Limits every answer of the service below it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limit;

impl<S> Layer<S> for Limit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Limited { inner }
    }
}

/// A service whose answers are limited.
#[derive(Clone, Debug)]
pub struct Limited<S> {
    inner: S,
}

impl<S, Sent, Received> Service<Request<Sent>> for Limited<S>
where
    S: Service<Request<Sent>, Response = Response<Received>>,
    S::Future: Send + 'static,
{
    type Response = Response<LimitedBody<Received>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Sent>) -> Self::Future {
        let verb = verb_of(&request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            let rule = rule_of(verb, response.status());
            Ok(response.map(|inner| LimitedBody { inner, rule, taken: 0 }))
        })
    }
}

/// What of an answer is limited, and to how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Nothing,
    Whole(usize),
    Line(usize),
}

fn rule_of(verb: Verb, status: StatusCode) -> Rule {
    if status.is_client_error() || status.is_server_error() {
        return Rule::Whole(REFUSAL_BYTES_MAX);
    }
    match verb {
        Verb::Follow => Rule::Nothing,
        Verb::Watch => Rule::Line(FRAME_BYTES_MAX),
        Verb::List | Verb::Other => Rule::Whole(ANSWER_BYTES_MAX),
    }
}

/// The server sends more than any answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLong {
    /// The whole answer is too long.
    #[error("the server's answer is longer than {0} bytes")]
    Answer(usize),
    /// A line of a watch is too long.
    #[error("the server sends a watch event that is longer than {0} bytes")]
    Frame(usize),
}

/// A response body that is an error once it is too long.
#[derive(Debug)]
pub struct LimitedBody<B> {
    inner: B,
    rule: Rule,
    /// The bytes so far: of all, or of the line that is not complete.
    taken: usize,
}

impl<B> LimitedBody<B> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        match self.rule {
            Rule::Nothing => Ok(()),
            Rule::Whole(max) => {
                self.taken = self.taken.saturating_add(bytes.len());
                if self.taken > max {
                    Err(TooLong::Answer(max))
                } else {
                    Ok(())
                }
            }
            Rule::Line(max) => {
                let begun = match bytes.iter().rposition(|byte| *byte == b'\n') {
                    Some(end) => bytes.len().saturating_sub(end + 1),
                    None => self.taken.saturating_add(bytes.len()),
                };
                self.taken = begun;
                if begun > max { Err(TooLong::Frame(max)) } else { Ok(()) }
            }
        }
    }
}

impl<B> Body for LimitedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        Pin::new(&mut this.inner).poll_frame(cx).map(|frame| {
            frame.map(|frame| {
                let frame = frame.map_err(Into::<Box<dyn Error + Send + Sync>>::into)?;
                if let Some(data) = frame.data_ref() {
                    this.take(data)?;
                }
                Ok(frame)
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_limited_depends_on_what_was_asked_and_answered() {
        let table = [
            (Verb::List, 200, Rule::Whole(ANSWER_BYTES_MAX)),
            (Verb::Other, 201, Rule::Whole(ANSWER_BYTES_MAX)),
            (Verb::Watch, 200, Rule::Line(FRAME_BYTES_MAX)),
            (Verb::Follow, 200, Rule::Nothing),
            (Verb::Watch, 410, Rule::Whole(REFUSAL_BYTES_MAX)),
            (Verb::Follow, 500, Rule::Whole(REFUSAL_BYTES_MAX)),
        ];
        for (verb, status, rule) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(rule_of(verb, status), rule, "{verb:?} {status}");
        }
    }

    #[test]
    fn the_first_chunk_that_is_too_much_is_an_error() {
        let table: [(Rule, &[&str], Option<usize>); 8] = [
            (Rule::Nothing, &["123456789", "123456789"], None),
            (Rule::Whole(5), &["12", "345", ""], None),
            (Rule::Whole(5), &["12", "345", "6"], Some(2)),
            (Rule::Whole(5), &["1\n", "2\n", "3\n"], Some(2)),
            (Rule::Line(5), &["1\n", "2\n", "3\n", "12345"], None),
            (Rule::Line(5), &["12345", "\n12345", "6"], Some(2)),
            (Rule::Line(5), &["123\n123", "45\n", "12345"], None),
            (Rule::Line(5), &["123456"], Some(0)),
        ];
        for (rule, chunks, expected) in table {
            let mut body = LimitedBody {
                inner: (),
                rule,
                taken: 0,
            };
            let failed = chunks.iter().position(|chunk| body.take(chunk.as_bytes()).is_err());
            assert_eq!(failed, expected, "{rule:?} {chunks:?}");
        }
    }
}
