//! The workers' logs: the most wanted are followed, the others are sampled.
//!
//! Must not know what a line says. Logs are advisory: they move bars, and no result ever comes from one.
//!
//! Guarantees: at most [`STREAMS`] streams are open, and at most five samples a second are taken; a stream that was opened
//! again goes on where it was, no line comes twice; nothing here waits for the queue: what does not fit is dropped,
//! counted and told; a line has at most [`lines::LINE_BYTES_MAX`] bytes.
//! Not guaranteed: that every line comes. Rotation, a lost node or a full queue lose some; the line numbers show it. A
//! first stream begins with the last [`FIRST_LINES`] lines only.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{AsyncBufReadExt, FutureExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use self::lines::{Splitter, part, split_timestamp};
use self::resume::Resume;
use super::clean::clean;
use super::connect::Connection;
use super::failure::{CallError, words};
use crate::model::effect::{FOLLOWED_MAX, FollowTarget};
use crate::model::event::Event;
use crate::plan::names::WORKER_CONTAINER;
use crate::run::fact::{LogFact, LogPart, PodUid};

pub mod lines;
mod resume;
pub mod tail;

/// The most log streams that are open at once.
pub const STREAMS: usize = FOLLOWED_MAX;

/// How many lines a first stream begins with. A pod may have logged for hours, and only its last lines move a bar.
pub const FIRST_LINES: i64 = 100;

/// How long a stream may be silent. Load balancers drop silent connections without a word, and nothing keeps them alive;
/// workers speak at least every 20 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The time from one sample to the next: five a second.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(200);

/// How long a sample may take.
const SAMPLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of a sample.
const SAMPLE_BYTES_MAX: i64 = 8_192;

/// The pause before a stream is opened again: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Follows the logs of the pods that are wanted.
#[derive(Debug)]
pub struct LogPool {
    wanted: watch::Sender<Vec<FollowTarget>>,
}

impl LogPool {
    /// Makes a pool, and the future that does its work, for the caller to spawn. The future ends when the token is
    /// cancelled, the pool is dropped or nobody receives any more; all its streams end with it.
    pub fn new(
        connection: Connection,
        logs: mpsc::Sender<Event>,
        token: CancellationToken,
    ) -> (Self, BoxFuture<'static, ()>) {
        let (wanted, targets) = watch::channel(Vec::new());
        let lane = Arc::new(Lane {
            logs,
            dropped: AtomicU64::new(0),
            some_dropped: Notify::new(),
        });
        let streams = Streams::new(connection, Arc::clone(&lane));
        let work = async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = lane.tell_dropped() => {}
                () = streams.drive(targets) => {}
            }
        };
        (Self { wanted }, work.boxed())
    }

    /// Wants exactly these pods from now on, the most wanted first.
    pub fn follow(&self, targets: Vec<FollowTarget>) {
        self.wanted.send_replace(targets);
    }
}

/// Which pods are followed, and which are sampled.
#[derive(Debug, Default, PartialEq, Eq)]
struct Choice {
    followed: Vec<FollowTarget>,
    sampled: Vec<FollowTarget>,
}

/// Chooses the first `streams` pods to be followed and the rest to be sampled; a pod that is named twice counts once.
fn choose(mut wanted: Vec<FollowTarget>, streams: usize) -> Choice {
    let mut named = HashSet::new();
    wanted.retain(|target| named.insert(target.uid.clone()));
    let sampled = wanted.split_off(streams.min(wanted.len()));
    Choice {
        followed: wanted,
        sampled,
    }
}

/// Returns the pause before a stream is opened again, after this many failures in a row; `jitter` is from 0 to 1.
fn pause(failures: u32, jitter: f64) -> Duration {
    let pause = PAUSE_MIN
        .saturating_mul(1 << failures.saturating_sub(1).min(8))
        .min(PAUSE_MAX);
    pause.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

/// How far the log of one pod was read: shared by its streams and samples, one after the other.
type Place = Arc<Mutex<Resume>>;

fn lock(place: &Place) -> MutexGuard<'_, Resume> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open streams. The tasks live in a set of their own, so that each can be ended alone; the set ends with its owner.
struct Streams {
    connection: Connection,
    pods: Api<Pod>,
    lane: Arc<Lane>,
    tasks: JoinSet<()>,
    open: HashMap<PodUid, AbortHandle>,
    places: HashMap<PodUid, Place>,
    sampled: Vec<FollowTarget>,
    /// Counts the samples, to take the pods in turn.
    turn: usize,
    sampling: Option<AbortHandle>,
}

impl Streams {
    fn new(connection: Connection, lane: Arc<Lane>) -> Self {
        Self {
            pods: Api::namespaced(connection.client.clone(), &connection.namespace),
            connection,
            lane,
            tasks: JoinSet::new(),
            open: HashMap::new(),
            places: HashMap::new(),
            sampled: Vec::new(),
            turn: 0,
            sampling: None,
        }
    }

    async fn drive(mut self, mut targets: watch::Receiver<Vec<FollowTarget>>) {
        let mut tick = tokio::time::interval(SAMPLE_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = targets.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = targets.borrow_and_update().clone();
                    self.follow(wanted);
                }
                _ = tick.tick(), if !self.sampled.is_empty() => self.sample_next(),
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => {}
            }
        }
    }

    /// Ends the streams that are no longer wanted and opens those that are missing.
    fn follow(&mut self, wanted: Vec<FollowTarget>) {
        let choice = choose(wanted, STREAMS);
        let followed: HashSet<&PodUid> = choice.followed.iter().map(|target| &target.uid).collect();
        let known: HashSet<&PodUid> = choice
            .followed
            .iter()
            .chain(&choice.sampled)
            .map(|target| &target.uid)
            .collect();
        self.open.retain(|uid, stream| {
            let stays = followed.contains(uid);
            if !stays {
                stream.abort();
            }
            stays
        });
        self.places.retain(|uid, _| known.contains(uid));
        for target in &choice.followed {
            if !self.open.contains_key(&target.uid) {
                let place = self.place(&target.uid);
                let stream = follow(self.pods.clone(), target.clone(), place, Arc::clone(&self.lane));
                self.open.insert(target.uid.clone(), self.tasks.spawn(stream));
            }
        }
        self.sampled = choice.sampled;
    }

    /// Takes a sample of the pod whose turn it is, unless the last sample is still under way.
    fn sample_next(&mut self) {
        if self.sampling.as_ref().is_some_and(|sampling| !sampling.is_finished()) {
            return;
        }
        self.turn = self.turn.wrapping_add(1);
        let next = self
            .turn
            .checked_rem(self.sampled.len())
            .and_then(|turn| self.sampled.get(turn))
            .cloned();
        if let Some(target) = next {
            let place = self.place(&target.uid);
            let sample = sample(
                self.connection.clone(),
                self.pods.clone(),
                target,
                place,
                Arc::clone(&self.lane),
            );
            self.sampling = Some(self.tasks.spawn(sample));
        }
    }

    fn place(&mut self, pod: &PodUid) -> Place {
        Arc::clone(self.places.entry(pod.clone()).or_default())
    }
}

/// Follows one pod's log until it is ended from outside. The end of a stream says nothing about the container: rotation, a
/// kubelet's restart and load balancers end streams too. Whether the pod still runs is for the set of targets to say.
async fn follow(pods: Api<Pod>, target: FollowTarget, place: Place, lane: Arc<Lane>) {
    let mut failures = 0_u32;
    let mut told = String::new();
    loop {
        let end = follow_once(&pods, &target, &place, &lane).await;
        failures = if end.read { 1 } else { failures.saturating_add(1) };
        if end.opened || end.why != told {
            let why = end.why.clone();
            lane.send(
                &target.uid,
                if end.refused {
                    LogPart::Refused { why }
                } else {
                    LogPart::Closed { why }
                },
            );
            told = end.why;
        }
        tokio::time::sleep(pause(failures, rand::random())).await;
    }
}

/// How a stream ended.
struct StreamEnd {
    /// Whether it was opened at all.
    opened: bool,
    /// Whether the server, or the network, refused to open it. A log without a line yet is not refused, only silent.
    refused: bool,
    /// Whether a new line was read.
    read: bool,
    why: String,
}

/// Opens one stream and reads it to its end.
async fn follow_once(pods: &Api<Pod>, target: &FollowTarget, place: &Place, lane: &Lane) -> StreamEnd {
    let (since_time, mut replay) = {
        let resume = lock(place);
        (resume.since(), resume.replay())
    };
    let tail_lines = since_time.is_none().then_some(FIRST_LINES);
    let params = LogParams {
        follow: true,
        since_time,
        tail_lines,
        ..params()
    };
    // The head of the answer comes with the first byte of the log, so a silent container is an idle stream.
    let stream = match timeout(IDLE_TIMEOUT, pods.log_stream(&target.name, &params)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return StreamEnd {
                opened: false,
                refused: true,
                read: false,
                why: words(&CallError::Kube(error)),
            };
        }
        Err(_elapsed) => {
            return StreamEnd {
                opened: false,
                refused: false,
                read: false,
                why: silence(),
            };
        }
    };
    lane.send(&target.uid, LogPart::Opened { sampled: false });
    let mut stream = pin!(stream);
    let mut splitter = Splitter::default();
    let mut read = false;
    let why = loop {
        let chunk = match timeout(IDLE_TIMEOUT, stream.fill_buf()).await {
            Ok(Ok([])) => break "the stream ended".to_owned(),
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => break clean(&error.to_string(), 200),
            Err(_elapsed) => break silence(),
        };
        {
            let mut resume = lock(place);
            splitter.push(chunk, |line, cut| {
                let (at, text) = split_timestamp(line);
                if at.is_none_or(|at| resume.admits(&mut replay, at)) {
                    read = true;
                    lane.send(&target.uid, part(text, cut));
                }
            });
        }
        let length = chunk.len();
        stream.consume_unpin(length);
    };
    StreamEnd {
        opened: true,
        refused: false,
        read,
        why,
    }
}

/// Reads the last line of a pod that is not followed. A sample that fails is no news: the next one comes soon.
async fn sample(connection: Connection, pods: Api<Pod>, target: FollowTarget, place: Place, lane: Arc<Lane>) {
    let params = LogParams {
        tail_lines: Some(1),
        limit_bytes: Some(SAMPLE_BYTES_MAX),
        ..params()
    };
    let Ok(log) = connection
        .call_within(SAMPLE_TIMEOUT, pods.logs(&target.name, &params))
        .await
    else {
        return;
    };
    let Some(line) = log.lines().last() else {
        return;
    };
    let (at, text) = split_timestamp(line.as_bytes());
    let is_new = at.is_none_or(|at| {
        let mut resume = lock(&place);
        let mut replay = resume.replay();
        resume.admits(&mut replay, at)
    });
    if is_new {
        lane.send(&target.uid, LogPart::Opened { sampled: true });
        lane.send(&target.uid, part(text, false));
    }
}

/// What every request of a log has: the worker's container, as a cluster may add others, and the time of each line.
fn params() -> LogParams {
    LogParams {
        container: Some(WORKER_CONTAINER.to_owned()),
        timestamps: true,
        ..LogParams::default()
    }
}

fn silence() -> String {
    format!("silent for {} s", IDLE_TIMEOUT.as_secs())
}

/// Where log parts go. Never waits, and counts what does not fit.
struct Lane {
    logs: mpsc::Sender<Event>,
    dropped: AtomicU64,
    some_dropped: Notify,
}

impl Lane {
    fn send(&self, pod: &PodUid, what: LogPart) {
        match self.logs.try_send(Event::Log(LogFact { pod: pod.clone(), what })) {
            // Without a receiver the program is ending.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                self.some_dropped.notify_one();
            }
        }
    }

    /// Tells how much was dropped, as soon as there is room to tell it. Ends when nobody receives any more.
    async fn tell_dropped(&self) {
        loop {
            self.some_dropped.notified().await;
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 && self.logs.send(Event::LogsDropped(dropped)).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
