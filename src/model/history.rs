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
    fn what_happened_in_an_absence_is_no_second_of_work() {
        let mut history = History::default();
        for (second, done) in [(0, 0), (1, 100), (61, 6_100), (62, 6_200)] {
            history.tick(at(second), done, ApiCost::default());
        }
        assert_eq!(history.rates().collect::<Vec<_>>(), [100, 100, 100]);
    }
}
