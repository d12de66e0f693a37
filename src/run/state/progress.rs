//! What followed logs change: bars, rates and the count of lost lines; and what it means when they are silent. Nothing else, ever.

use jiff::Timestamp;
use ttg_worker::protocol::Line;

use super::RunState;
use super::pod::Pod;
use super::small::{Link, Mark, Slim, Uid};
use crate::run::fact::{LogFact, LogPart, PodUid};
use crate::run::log::{Progress, Track};
use crate::run::told::RunEvent;

/// The least time between two progress events of one index.
const PROGRESS_INTERVAL_MS: i64 = 1_000;

/// How long the log of a worker may be silent. A worker writes a line at least every 20 s: here two of them are missing.
const SILENCE_MS_MAX: u64 = 45_000;

impl RunState {
    /// Applies a part of a worker's log; returns what is new to tell. Parts of pods that are over or not this run's
    /// are ignored.
    pub fn apply_log(&mut self, at: Timestamp, fact: LogFact) -> Vec<RunEvent> {
        let Some(link) = self.pods.by_uid.get(&Uid::new(&fact.pod.0)) else {
            return Vec::new();
        };
        let id = link.position();
        if let Some(pod) = self.living_pod(id) {
            pod.track.get_or_insert_default().attend(at, &fact.what);
        }
        match fact.what {
            LogPart::Line(line) => self.hear_line(at, id, &line),
            LogPart::Opened { .. } | LogPart::Text(_) | LogPart::Closed { .. } | LogPart::Refused { .. } => Vec::new(),
        }
    }

    /// Notes that the logs of these pods are read line by line from now on, or again: each has to say something now and then.
    pub fn expect_lines(&mut self, at: Timestamp, pods: &[PodUid]) {
        for uid in pods {
            let id = self.pods.by_uid.get(&Uid::new(&uid.0)).copied().map(Link::position);
            if let Some(pod) = id.and_then(|id| self.living_pod(id)) {
                pod.track.get_or_insert_default().silent_since = Slim::of_time(Some(at));
            }
        }
    }

    /// Tells which of these pods, whose logs are read line by line, say nothing any more. `flags` are those by which kubectl finds
    /// them, with a space before each.
    pub fn tell_silent(&mut self, at: Timestamp, pods: &[PodUid], flags: &str) -> Vec<RunEvent> {
        pods.iter().filter_map(|uid| self.silence_of(at, uid, flags)).collect()
    }

    /// Tells that a running pod is silent, once.
    fn silence_of(&mut self, at: Timestamp, uid: &PodUid, flags: &str) -> Option<RunEvent> {
        let id = self.pods.by_uid.get(&Uid::new(&uid.0))?.position();
        let pod = self.living_pod(id).filter(|pod| pod.marks.has(Mark::Running))?;
        let since = pod
            .track
            .as_ref()
            .filter(|track| !track.refused)?
            .silent_since
            .timestamp()?;
        let silent_ms = u64::try_from(at.duration_since(since).as_millis()).unwrap_or(0);
        if silent_ms < SILENCE_MS_MAX || !pod.marks.set(Mark::ToldSilent) {
            return None;
        }
        let (index, name, node) = (pod.index, pod.name.to_string(), pod.node);
        Some(RunEvent::Silent {
            index,
            attempt: self.attempt_number(id),
            node: self.pods.node(node).cloned(),
            silent_ms,
            hint: format!("kubectl logs {name}{flags} shows more"),
            pod: name,
        })
    }

    /// Returns how many parameters a second the running workers compute together, as their logs said.
    pub fn per_second(&self) -> u64 {
        self.pods
            .running()
            .filter_map(Pod::progress)
            .fold(0, |sum, progress| sum.saturating_add(progress.per_second))
    }

    fn living_pod(&mut self, id: usize) -> Option<&mut Pod> {
        self.pods.records.get_mut(id).filter(|pod| !pod.is_over())
    }

    fn hear_line(&mut self, at: Timestamp, id: usize, line: &Line) -> Vec<RunEvent> {
        let Some(index) = self.living_pod(id).map(|pod| pod.index) else {
            return Vec::new();
        };
        if line.worker != index {
            self.logs.forged = self.logs.forged.saturating_add(1);
            return Vec::new();
        }
        let shard_len = self.shard_len(index);
        let Some(pod) = self.living_pod(id) else {
            return Vec::new();
        };
        let heard = pod
            .track
            .get_or_insert_default()
            .hear(line.number, &line.kind, shard_len);
        self.logs.lost = self.logs.lost.saturating_add(heard.lost);
        if !heard.moved {
            return Vec::new();
        }
        self.refresh(index);
        self.tell_progress(at, id)
    }

    /// Tells the progress of an index unless that was done less than a second ago for any of its pods.
    fn tell_progress(&mut self, at: Timestamp, id: usize) -> Vec<RunEvent> {
        let Some((index, progress)) = self
            .pods
            .records
            .get(id)
            .and_then(|pod| Some((pod.index, pod.progress()?)))
        else {
            return Vec::new();
        };
        let told_at = self
            .pods_of(index)
            .filter_map(|pod| pod.track.as_ref()?.told_at.timestamp())
            .max();
        let since_ms = told_at.map(|told_at| at.as_millisecond().saturating_sub(told_at.as_millisecond()));
        if since_ms.is_some_and(|since_ms| since_ms < PROGRESS_INTERVAL_MS) {
            return Vec::new();
        }
        if let Some(track) = self.living_pod(id).and_then(|pod| pod.track.as_mut()) {
            track.told_at = Slim::of_time(Some(at));
        }
        let Progress {
            done,
            total,
            per_second,
            partial,
        } = progress;
        vec![RunEvent::Progress {
            index,
            done,
            total,
            per_second,
            partial,
        }]
    }
}

impl Track {
    /// Notes what a part of the log says about whether the log is read, and when it said something last.
    fn attend(&mut self, at: Timestamp, part: &LogPart) {
        match part {
            LogPart::Refused { .. } => self.refused = true,
            LogPart::Opened { sampled } => {
                self.open(*sampled);
                self.refused = false;
            }
            LogPart::Line(_) | LogPart::Text(_) | LogPart::Closed { .. } => {}
        }
        if self.silent_since.timestamp().is_some() {
            self.silent_since = Slim::of_time(Some(at));
        }
    }
}
