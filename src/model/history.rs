//! What a screen shows of the past: what was told, what Kubernetes' events said, how fast it went, which worker slots were busy.
//!
//! Bounded: the oldest is forgotten, and counted where that would otherwise not be seen. Nothing here decides anything.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::run::fact::{ApiCost, CompletionIndex, KubeEventFact, NodeName};
use crate::run::told::RunEvent;

/// How many told transitions are remembered.
const TOLD_MAX: usize = 1_000;
/// How many Kubernetes Events are remembered.
const KUBE_EVENTS_MAX: usize = 2_000;
/// How many seconds of throughput are remembered.
pub const RATES_MAX: usize = 600;
/// How many stretches of work are remembered: a minute of ten thousand workers that take a minute each.
const STRETCHES_MAX: usize = 10_000;
/// Over how many seconds the cost of the API is looked at.
const COSTS_MAX: usize = 11;
/// How many times of rest are remembered.
const RESTS_MAX: usize = 32;

/// One transition that was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: RunEvent,
}

/// How a stretch of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StretchEnd {
    /// With a result.
    Done,
    /// Without one.
    Failed,
}

/// A stretch of time in which a worker computed, over now. Its times are this program's, to a fraction of a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The index.
    pub index: CompletionIndex,
    /// The node.
    pub node: Option<NodeName>,
    /// When the worker was seen to start.
    pub began_at: Timestamp,
    /// When it was seen to end.
    pub ended_at: Timestamp,
    /// How it ended.
    pub end: StretchEnd,
}

/// A worker that computes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The pod.
    pub pod: String,
    /// The index.
    pub index: CompletionIndex,
    /// The node.
    pub node: Option<NodeName>,
    /// When it was seen to start.
    pub began_at: Timestamp,
}

/// How much the cluster's API is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostRate {
    /// Requests a minute.
    pub requests_per_minute: u64,
    /// Bytes received a second.
    pub bytes_per_second: u64,
}

/// The past of a session.
#[derive(Clone, Debug, Default)]
pub struct History {
    told: VecDeque<Told>,
    forgotten: u64,
    kube_events: VecDeque<KubeEventFact>,
    rates: VecDeque<u64>,
    /// How many of the newest rates are of the time since the Job was suspended or resumed last.
    rates_of_now: usize,
    /// From when until when the Job was suspended; the last may go on.
    rests: VecDeque<(Timestamp, Option<Timestamp>)>,
    done_before: Option<u64>,
    stretches: VecDeque<Stretch>,
    busy: Vec<Busy>,
    /// What the API was asked until each of the last seconds.
    costs: VecDeque<(Timestamp, ApiCost)>,
}

impl History {
    /// Iterates over what was told, newest first.
    pub fn told(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().rev()
    }

    /// Returns how many told transitions are remembered.
    pub fn told_count(&self) -> usize {
        self.told.len()
    }

    /// Returns how many told transitions were forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Iterates over the Kubernetes Events, newest first.
    pub fn kube_events(&self) -> impl Iterator<Item = &KubeEventFact> {
        self.kube_events.iter().rev()
    }

    /// Iterates over the parameters done in each second, oldest first.
    pub fn rates(&self) -> impl ExactSizeIterator<Item = u64> {
        self.rates.iter().copied()
    }

    /// Iterates over the parameters done in each second since the Job was suspended or resumed last, oldest first.
    pub fn rates_of_now(&self) -> impl ExactSizeIterator<Item = u64> {
        let skipped = self.rates.len().saturating_sub(self.rates_of_now);
        self.rates.iter().copied().skip(skipped)
    }

    /// Returns for how long the Job was suspended between two points in time.
    pub fn rest_ms(&self, from: Timestamp, to: Timestamp) -> u64 {
        let rests = self.rests.iter().map(|(began_at, ended_at)| {
            let (began_at, ended_at) = ((*began_at).max(from), ended_at.unwrap_or(to).min(to));
            u64::try_from(ended_at.duration_since(began_at).as_millis()).unwrap_or(0)
        });
        rests.sum()
    }

    /// Iterates over the stretches of work that are over, newest first.
    pub fn stretches(&self) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().rev()
    }

    /// Returns the workers that compute now, in the order in which they started.
    pub fn busy(&self) -> &[Busy] {
        &self.busy
    }

    /// Returns what the API was asked over the last seconds.
    pub fn cost_rate(&self) -> CostRate {
        let (Some((began_at, before)), Some((at, now))) = (self.costs.front(), self.costs.back()) else {
            return CostRate::default();
        };
        let ms = u64::try_from(at.duration_since(*began_at).as_millis()).unwrap_or(0);
        let over = |count: u64, span_ms: u64| count.saturating_mul(span_ms).checked_div(ms).unwrap_or(0);
        CostRate {
            requests_per_minute: over(now.requests.saturating_sub(before.requests), 60_000),
            bytes_per_second: over(now.bytes.saturating_sub(before.bytes), 1_000),
        }
    }

    /// Remembers a transition.
    pub(super) fn tell(&mut self, at: Timestamp, event: &RunEvent) {
        self.note_work(at, event);
        self.note_rest(at, event);
        if matches!(event, RunEvent::Progress { .. }) {
            // Bars show it; as a line it would push everything else out.
            return;
        }
        if self.told.len() == TOLD_MAX {
            self.told.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.told.push_back(Told {
            at,
            event: event.clone(),
        });
    }

    /// Remembers a Kubernetes Event; one that is known is replaced.
    pub(super) fn note_kube_event(&mut self, fact: &KubeEventFact) {
        let newest = self
            .kube_events
            .iter()
            .rev()
            .take(64)
            .position(|known| known.uid == fact.uid);
        if let Some(back) = newest {
            self.kube_events.remove(self.kube_events.len() - 1 - back);
        }
        if self.kube_events.len() == KUBE_EVENTS_MAX {
            self.kube_events.pop_front();
        }
        self.kube_events.push_back(fact.clone());
    }

    /// Notes how many parameters are done, once a second.
    pub(super) fn tick(&mut self, at: Timestamp, done: u64, cost: ApiCost) {
        let ticked_at = self.costs.back().map(|(ticked_at, _)| *ticked_at);
        if self.costs.len() == COSTS_MAX {
            self.costs.pop_front();
        }
        self.costs.push_back((at, cost));
        if let Some(before) = self.done_before.replace(done) {
            if self.rates.len() == RATES_MAX {
                self.rates.pop_front();
            }
            // A program that was stopped learns of all that happened meanwhile at once, which was no second of work.
            let seconds = ticked_at.map_or(1, |ticked_at| at.duration_since(ticked_at).as_secs().max(1));
            let seconds = u64::try_from(seconds).unwrap_or(1);
            self.rates
                .push_back(done.saturating_sub(before).checked_div(seconds).unwrap_or(0));
            self.rates_of_now = self.rates_of_now.saturating_add(1).min(RATES_MAX);
        }
    }

    fn note_rest(&mut self, at: Timestamp, event: &RunEvent) {
        let open = self.rests.back_mut().filter(|(_, ended_at)| ended_at.is_none());
        match (event, open) {
            (RunEvent::Suspended { .. }, None) => {
                if self.rests.len() == RESTS_MAX {
                    self.rests.pop_front();
                }
                self.rests.push_back((at, None));
                self.rates_of_now = 0;
            }
            (RunEvent::Resumed, Some(rest)) => {
                rest.1 = Some(at);
                self.rates_of_now = 0;
            }
            (_, None | Some(_)) => {}
        }
    }

    fn note_work(&mut self, at: Timestamp, event: &RunEvent) {
        if let RunEvent::WorkerStarted { index, pod, node, .. } = event {
            self.busy.push(Busy {
                pod: pod.clone(),
                index: *index,
                node: node.clone(),
                began_at: at,
            });
        } else if let RunEvent::WorkerFinished { pod, .. } = event {
            self.end_stretch(at, pod, StretchEnd::Done);
        } else if let RunEvent::AttemptFailed { pod, .. }
        | RunEvent::AttemptEnded { pod, .. }
        | RunEvent::NoResult { pod, .. } = event
        {
            self.end_stretch(at, pod, StretchEnd::Failed);
        }
    }

    fn end_stretch(&mut self, at: Timestamp, pod: &str, end: StretchEnd) {
        let Some(position) = self.busy.iter().position(|busy| busy.pod == pod) else {
            return;
        };
        let busy = self.busy.remove(position);
        if self.stretches.len() == STRETCHES_MAX {
            self.stretches.pop_front();
        }
        self.stretches.push_back(Stretch {
            index: busy.index,
            node: busy.node,
            began_at: busy.began_at,
            ended_at: at,
            end,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::state::fixtures::at;

    #[test]
    fn the_time_of_a_suspension_is_no_time_of_work() {
        let mut history = History::default();
        let (mut done, mut now) = (0, 0);
        let mut seconds = |history: &mut History, rate: u64| {
            for _ in 0..4 {
                history.tick(at(now), done, ApiCost::default());
                (done, now) = (done + rate, now + 1);
            }
        };
        seconds(&mut history, 100);
        assert_eq!(history.rates_of_now().len(), 3);
        history.tell(at(4), &RunEvent::Suspended { by: None });
        seconds(&mut history, 0);
        history.tell(at(8), &RunEvent::Resumed);
        assert_eq!(history.rates_of_now().len(), 0);
        seconds(&mut history, 50);
        assert_eq!(history.rates_of_now().collect::<Vec<_>>(), [0, 50, 50, 50]);
        assert_eq!(history.rest_ms(at(0), at(20)), 4_000);
        assert_eq!(history.rest_ms(at(6), at(7)), 1_000);
        assert_eq!(history.rest_ms(at(9), at(20)), 0);
        history.tell(at(30), &RunEvent::Suspended { by: None });
        assert_eq!(history.rest_ms(at(25), at(40)), 10_000);
    }

    #[test]
    fn what_happened_in_an_absence_is_no_second_of_work() {
        let mut history = History::default();
        for (second, done) in [(0, 0), (1, 100), (61, 6_100), (62, 6_200)] {
            history.tick(at(second), done, ApiCost::default());
        }
        assert_eq!(history.rates().collect::<Vec<_>>(), [100, 100, 100]);
    }
}
