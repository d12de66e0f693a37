//! What is known of many indexes beyond their state: node, attempts, durations. Read anew for each frame, so one pass over the pods
//! and at most one over the results, and only if a mode, a filter or the panel beside the cells asks for it.

use std::collections::HashMap;

use jiff::Timestamp;

use super::filter::Filter;
use crate::run::fact::CompletionIndex;
use crate::run::state::{IndexState, PodNow, RunState, Stand};
use crate::view::words::since_ms;

/// How many results are looked at for a summary of the durations. Of more indexes only every n-th is, and that is said.
const SAMPLE_MAX: u32 = 5_000;
/// How many stragglers are named.
pub(super) const STRAGGLERS_NAMED_MAX: usize = 5;
/// How many durations are needed before a worker can be told to be slow.
const FINISHED_MIN: usize = 4;

/// Which facts are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Node and attempts of each index.
    pub(super) pods: bool,
    /// A summary of the durations.
    pub(super) durations: bool,
    /// The duration of each index.
    pub(super) each_duration: bool,
}

/// What is known of one index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexFact {
    /// How many pods tried it.
    pub(super) attempts: u32,
    /// The position of its node among the nodes, and one more; 0 without a node.
    node: u32,
    /// How long its worker computed or computes, in milliseconds and one more; 0 when none does.
    took: u32,
    /// How much the pod whose node this is counts.
    weight: u8,
}

impl IndexFact {
    /// Returns the position of its node.
    pub(super) fn node(self) -> Option<usize> {
        self.node.checked_sub(1).and_then(|node| usize::try_from(node).ok())
    }

    /// Returns how long its worker computed, or computes so far.
    pub(super) fn took_ms(self) -> Option<u32> {
        self.took.checked_sub(1)
    }

    fn set_took(&mut self, ms: u32) {
        self.took = ms.saturating_add(1);
    }
}

/// How long the finished took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quantiles {
    pub(super) p25: u32,
    pub(super) p50: u32,
    pub(super) p75: u32,
    pub(super) p95: u32,
}

/// What is known of all indexes.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts<'a> {
    /// One for each index; none unless asked for.
    indexes: Vec<IndexFact>,
    /// The names of the nodes, in the order in which they were met.
    pub(super) nodes: Vec<&'a str>,
    numbers: HashMap<&'a str, u32>,
    /// How long finished indexes took, in milliseconds and in no order.
    pub(super) finished_ms: Vec<u32>,
    /// Every how many indexes was looked at.
    pub(super) every: u32,
    /// The slowest of the finished.
    pub(super) slowest: Option<(u32, CompletionIndex)>,
    /// How they spread.
    pub(super) quantiles: Option<Quantiles>,
    /// How long the running compute so far.
    running: Vec<(u32, CompletionIndex)>,
}

impl<'a> Facts<'a> {
    /// Reads what is needed.
    pub(super) fn gather(run: &'a RunState, at: Timestamp, needs: Needs) -> Self {
        let mut facts = Self {
            every: 1,
            ..Self::default()
        };
        let shards = run.plan().shards;
        if needs.pods || needs.each_duration {
            facts.indexes = vec![IndexFact::default(); usize::try_from(shards).unwrap_or(0)];
            facts.meet_nodes(run);
        }
        if needs != Needs::default() {
            for pod in run.pods_now() {
                facts.note_pod(&pod, at);
            }
        }
        if needs.each_duration {
            facts.note_results(run, 1);
        } else if needs.durations {
            facts.note_results(run, shards.div_ceil(SAMPLE_MAX).max(1));
        }
        facts.quantiles = quantiles(&mut facts.finished_ms);
        facts
    }

    /// Returns what is known of an index; nothing when it was not asked for.
    pub(super) fn of(&self, index: CompletionIndex) -> IndexFact {
        let position = usize::try_from(index.0).unwrap_or(usize::MAX);
        self.indexes.get(position).copied().unwrap_or_default()
    }

    /// Tells whether more than its state is known of each index.
    pub(super) fn is_detailed(&self) -> bool {
        !self.indexes.is_empty()
    }

    /// Returns which running ones take more than twice the p75 of the finished: how many, and the slowest of them, worst first.
    pub(super) fn stragglers(&self) -> (usize, Vec<(u32, CompletionIndex)>) {
        let Some(quantiles) = self.quantiles.filter(|_| self.finished_ms.len() >= FINISHED_MIN) else {
            return (0, Vec::new());
        };
        let limit = quantiles.p75.saturating_mul(2);
        let (mut count, mut worst) = (0, Vec::with_capacity(STRAGGLERS_NAMED_MAX + 1));
        for straggler in self.running.iter().filter(|(ms, _)| *ms > limit) {
            count += 1;
            let position = worst.partition_point(|other: &(u32, CompletionIndex)| other.0 >= straggler.0);
            if position < STRAGGLERS_NAMED_MAX {
                worst.insert(position, *straggler);
                worst.truncate(STRAGGLERS_NAMED_MAX);
            }
        }
        (count, worst)
    }

    /// Takes in the cluster's nodes, so that an idle one shows, too.
    fn meet_nodes(&mut self, run: &'a RunState) {
        for node in run.nodes() {
            self.number(&node.name.0);
        }
    }

    fn number(&mut self, name: &'a str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.nodes.push(name);
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name, number);
        number
    }

    fn note_pod(&mut self, pod: &PodNow<'a>, at: Timestamp) {
        let running_ms = match (pod.stand, pod.started_at) {
            (Stand::Running, Some(started_at)) => Some(to_ms(since_ms(started_at, at))),
            (Stand::Running | Stand::Waiting | Stand::Done | Stand::Failed, _) => None,
        };
        if let Some(ms) = running_ms {
            self.running.push((ms, pod.index));
        }
        if !self.is_detailed() {
            return;
        }
        let node = pod.node.map_or(0, |node| self.number(&node.0));
        let position = usize::try_from(pod.index.0).unwrap_or(usize::MAX);
        let Some(fact) = self.indexes.get_mut(position) else {
            return;
        };
        fact.attempts = fact.attempts.saturating_add(1);
        if let Some(ms) = running_ms {
            fact.set_took(ms.max(fact.took_ms().unwrap_or(0)));
        }
        // The node is that of the pod with the result, else of the one that runs, else of the last.
        let weight = match pod.stand {
            Stand::Done => 3,
            Stand::Running => 2,
            Stand::Waiting | Stand::Failed => 1,
        };
        if node != 0 && weight >= fact.weight {
            (fact.node, fact.weight) = (node, weight);
        }
    }

    fn note_results(&mut self, run: &RunState, every: u32) {
        self.every = every;
        let step = usize::try_from(every).unwrap_or(1).max(1);
        for index in (0..run.plan().shards).step_by(step).map(CompletionIndex) {
            let Some(elapsed_ms) = run.elapsed_ms(index) else {
                continue;
            };
            let ms = to_ms(elapsed_ms);
            self.finished_ms.push(ms);
            self.slowest = self.slowest.max(Some((ms, index)));
            let position = usize::try_from(index.0).unwrap_or(usize::MAX);
            if let Some(fact) = self.indexes.get_mut(position) {
                fact.set_took(ms);
            }
        }
    }
}

/// Which indexes pass the filter.
#[derive(Clone, Debug)]
pub(super) struct Sieve<'a> {
    filter: Option<&'a Filter>,
    /// Whether the filter means a node, by the node's position.
    wanted: Vec<bool>,
}

impl<'a> Sieve<'a> {
    /// Makes the sieve of a filter over facts.
    pub(super) fn new(filter: Option<&'a Filter>, facts: &Facts<'_>) -> Self {
        let wanted: Option<Vec<bool>> =
            filter.map(|filter| facts.nodes.iter().map(|node| filter.wants_node(node)).collect());
        Self {
            filter,
            wanted: wanted.unwrap_or_default(),
        }
    }

    /// Tells whether an index passes.
    pub(super) fn passes(&self, index: CompletionIndex, state: IndexState, fact: IndexFact) -> bool {
        self.filter.is_none_or(|filter| {
            let on_wanted = fact
                .node()
                .and_then(|node| self.wanted.get(node))
                .is_some_and(|wanted| *wanted);
            filter.holds(index, state, on_wanted, fact.attempts)
        })
    }
}

/// Puts milliseconds into less space; 49 days are as good as more.
fn to_ms(ms: u64) -> u32 {
    u32::try_from(ms).unwrap_or(u32::MAX)
}

fn quantiles(values: &mut [u32]) -> Option<Quantiles> {
    Some(Quantiles {
        p25: quantile(values, 25)?,
        p50: quantile(values, 50)?,
        p75: quantile(values, 75)?,
        p95: quantile(values, 95)?,
    })
}

/// Returns the value that so many hundredths of all do not exceed.
fn quantile(values: &mut [u32], hundredths: usize) -> Option<u32> {
    let rank = (values.len() * hundredths).div_ceil(100).checked_sub(1)?;
    let (_, value, _) = values.select_nth_unstable(rank);
    Some(*value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::state::fixtures::{apply, at, done, exited, keep, running, state};

    #[test]
    fn a_quantile_is_a_value_that_so_many_do_not_exceed() {
        let mut values: Vec<u32> = (1..=100).rev().collect();
        let found = quantiles(&mut values).unwrap();
        assert_eq!((found.p25, found.p50, found.p75, found.p95), (25, 50, 75, 95));
        assert_eq!(quantile(&mut [7], 25), Some(7));
        assert_eq!(quantile(&mut [], 50), None);
    }

    #[test]
    fn node_attempts_and_time_of_each_index_are_known() {
        let mut run = state(8);
        let finished = (0..5).map(|index| done(8, index, 0, 3, 1));
        apply(&mut run, finished.collect::<Vec<_>>());
        apply(&mut run, [exited(5, 0, 4, 1), running(5, 8, 5), running(6, 17, 5)]);
        keep(&mut run);
        let needs = Needs {
            pods: true,
            durations: true,
            each_duration: true,
        };
        let facts = Facts::gather(&run, at(20), needs);
        let of = |index| {
            let fact = facts.of(CompletionIndex(index));
            (fact.attempts, fact.took_ms(), fact.node().map(|node| facts.nodes[node]))
        };
        assert_eq!(of(0), (1, Some(4_000), Some("node-1")));
        assert_eq!(of(5), (2, Some(11_000), Some("node-1")));
        assert_eq!(of(6), (1, Some(2_000), Some("node-1")));
        assert_eq!(of(7), (0, None, None));
        assert_eq!(facts.stragglers(), (1, vec![(11_000, CompletionIndex(5))]));
        assert_eq!(facts.slowest, Some((4_000, CompletionIndex(4))));
    }
}
