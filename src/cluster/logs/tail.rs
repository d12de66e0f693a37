//! The log of one pod for a person who reads it: its newest lines, then each new one until its container has ended.
//!
//! Must not know what a line says. Unlike the streams that move bars it waits for the queue, so a reader sees no gap that is not
//! told; a stream that breaks is opened again where it was, and so it is when the server was away.

use std::pin::pin;
use std::time::Duration;

use futures::AsyncBufReadExt;
use futures::future::poll_immediate;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::lines::{Splitter, split_timestamp};
use super::resume::Resume;
use super::{IDLE_TIMEOUT, params, pause};
use crate::cluster::clean::clean_bytes;
use crate::cluster::connect::Connection;
use crate::cluster::failure::{CallError, words};
use crate::model::event::Event;
use crate::model::log_tail::{LINES_MAX, TailPart, TailWhat};

/// How many lines are handed over at once.
const BATCH_MAX: usize = 200;

/// The most characters of a line.
const LINE_CHARS_MAX: usize = 2_000;

/// How long the server is asked whether the pod is over.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the log of a pod until its container has ended, it cannot be read, or nobody receives any more.
pub async fn tail(connection: Connection, pod: String, logs: mpsc::Sender<Event>) {
    let reader = Reader {
        pods: Api::namespaced(connection.client.clone(), &connection.namespace),
        connection,
        pod,
        logs,
    };
    // `None`: nobody is left to be told.
    if let Some(what) = reader.read().await {
        reader.send(what).await;
    }
}

struct Reader {
    connection: Connection,
    pods: Api<Pod>,
    pod: String,
    logs: mpsc::Sender<Event>,
}

/// A server that is away, or has too much to do, refuses nothing: it is asked again.
fn refused(error: &CallError) -> StreamEnd {
    if error.is_open() || error.asks_to_wait_s().is_some() {
        StreamEnd::Away(words(error))
    } else {
        StreamEnd::Refused(words(error))
    }
}

/// How one stream ended.
#[derive(Debug, PartialEq, Eq)]
enum StreamEnd {
    /// The server ended it.
    Ended,
    /// It broke, or was silent for too long.
    Broke,
    /// The server cannot be asked now, and why.
    Away(String),
    /// It was refused, and why.
    Refused(String),
    /// Nobody receives any more.
    Unheard,
}

impl Reader {
    async fn send(&self, what: TailWhat) -> Option<()> {
        let part = TailPart {
            pod: self.pod.clone(),
            what,
        };
        self.logs.send(Event::LogTail(part)).await.ok()
    }

    /// Reads stream after stream; returns how the log ended, or none when nobody receives any more.
    async fn read(&self) -> Option<TailWhat> {
        let mut resume = Resume::default();
        let mut failures = 0;
        loop {
            match self.read_stream(&mut resume).await {
                StreamEnd::Unheard => return None,
                StreamEnd::Refused(why) => return Some(TailWhat::Failed(why)),
                StreamEnd::Ended if self.is_over().await => return Some(TailWhat::Ended),
                StreamEnd::Ended => failures = 1,
                // Also of a pod that is over: what was not read yet is still there.
                StreamEnd::Broke => failures += 1,
                StreamEnd::Away(why) => {
                    self.send(TailWhat::Failed(why)).await?;
                    failures += 1;
                }
            }
            tokio::time::sleep(pause(failures, rand::random())).await;
        }
    }

    async fn read_stream(&self, resume: &mut Resume) -> StreamEnd {
        let since_time = resume.since();
        let mut replay = resume.replay();
        let params = LogParams {
            follow: true,
            since_time,
            tail_lines: since_time
                .is_none()
                .then(|| i64::try_from(LINES_MAX).unwrap_or(i64::MAX)),
            ..params()
        };
        let stream = match timeout(IDLE_TIMEOUT, self.pods.log_stream(&self.pod, &params)).await {
            Ok(Ok(stream)) => stream,
            // Some servers send the head of the answer with the first line: a silent worker is no failure.
            Err(_elapsed) => return StreamEnd::Broke,
            Ok(Err(error)) => return refused(&CallError::Kube(error)),
        };
        if self.send(TailWhat::Opened).await.is_none() {
            return StreamEnd::Unheard;
        }
        let mut stream = pin!(stream);
        let mut splitter = Splitter::default();
        let mut batch = Vec::new();
        loop {
            // What is there already is taken in one batch; only then is it handed over and more waited for.
            let ready = poll_immediate(stream.fill_buf()).await;
            let waits = ready.is_none();
            let is_due = (waits || batch.len() >= BATCH_MAX) && !batch.is_empty();
            if is_due && self.send(TailWhat::Lines(std::mem::take(&mut batch))).await.is_none() {
                return StreamEnd::Unheard;
            }
            let chunk = match timeout(IDLE_TIMEOUT, stream.fill_buf()).await {
                Ok(Ok([])) => break,
                Ok(Ok(chunk)) => chunk,
                Ok(Err(_)) => return self.flushed(batch, StreamEnd::Broke).await,
                Err(_elapsed) => return StreamEnd::Broke,
            };
            splitter.push(chunk, |line, cut| {
                let (at, text) = split_timestamp(line);
                if at.is_none_or(|at| resume.admits(&mut replay, at)) {
                    let mut text = clean_bytes(text, LINE_CHARS_MAX);
                    if cut {
                        text.push_str(" …");
                    }
                    batch.push(text);
                }
            });
            let length = chunk.len();
            stream.consume_unpin(length);
        }
        self.flushed(batch, StreamEnd::Ended).await
    }

    async fn flushed(&self, batch: Vec<String>, end: StreamEnd) -> StreamEnd {
        if batch.is_empty() || self.send(TailWhat::Lines(batch)).await.is_some() {
            end
        } else {
            StreamEnd::Unheard
        }
    }

    /// Tells whether the pod will log nothing more. A server that does not answer says nothing about that.
    async fn is_over(&self) -> bool {
        match self.connection.call_within(ASK_TIMEOUT, self.pods.get(&self.pod)).await {
            Ok(pod) => {
                let phase = pod.status.and_then(|status| status.phase).unwrap_or_default();
                phase == "Succeeded" || phase == "Failed"
            }
            Err(error) => error.is_not_found(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_server_that_is_away_is_asked_again_and_a_refusal_is_told() {
        let answer = |code: u16, reason: &str| {
            let status = Status::failure("no", reason).with_code(code);
            refused(&CallError::Kube(kube::Error::Api(status.boxed())))
        };
        for (code, reason) in [(503, "ServiceUnavailable"), (429, "TooManyRequests")] {
            assert_eq!(answer(code, reason), StreamEnd::Away("no".into()), "{code}");
        }
        assert!(matches!(refused(&CallError::TimedOut(ASK_TIMEOUT)), StreamEnd::Away(_)));
        for (code, reason) in [(403, "Forbidden"), (404, "NotFound"), (400, "BadRequest")] {
            assert!(matches!(answer(code, reason), StreamEnd::Refused(_)), "{code}");
        }
    }
}
