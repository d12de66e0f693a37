//! What followed logs change: bars, rates and the count of lost lines. Nothing else, ever.

use jiff::Timestamp;
use ttg_worker::protocol::Line;

use super::RunState;
use super::pod::Pod;
use super::small::Uid;
use crate::run::fact::{LogFact, LogPart};
use crate::run::log::Progress;
use crate::run::told::RunEvent;

/// The least time between two progress events of one index.
const PROGRESS_INTERVAL_MS: i64 = 1_000;

impl RunState {
    /// Applies a part of a worker's log; returns what is new to tell. Parts of pods that are over or not this run's
    /// are ignored.
    pub fn apply_log(&mut self, at: Timestamp, fact: LogFact) -> Vec<RunEvent> {
        let Some(link) = self.pods.by_uid.get(&Uid::new(&fact.pod.0)) else {
            return Vec::new();
        };
        let id = link.position();
        match fact.what {
            LogPart::Line(line) => self.hear_line(at, id, &line),
            LogPart::Opened { sampled } => {
                if let Some(pod) = self.living_pod(id) {
                    pod.track.get_or_insert_default().open(sampled);
                }
                Vec::new()
            }
            LogPart::Text(_) | LogPart::Closed { .. } => Vec::new(),
        }
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
        let told_at = self.pods_of(index).filter_map(|pod| pod.track.as_ref()?.told_at).max();
        let since_ms = told_at.map(|told_at| at.as_millisecond().saturating_sub(told_at.as_millisecond()));
        if since_ms.is_some_and(|since_ms| since_ms < PROGRESS_INTERVAL_MS) {
            return Vec::new();
        }
        if let Some(track) = self.living_pod(id).and_then(|pod| pod.track.as_mut()) {
            track.told_at = Some(at);
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
