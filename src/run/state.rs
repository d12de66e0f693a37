//! The state of one run, folded from facts.
//!
//! Guaranteed:
//! - Facts in any order, any number of times, with relists between, lead to the same state. Of two facts of one
//!   object the higher revision wins; terminal phases and results never un-happen.
//! - A result comes only from a pod's termination message that fits this run. Logs move bars and never count.
//! - A partial counts per completion index, never per pod; two that differ make the index disputed, until a rerun sets both aside.
//! - Reading counts, total and progress takes the same time for ten indexes and for 100,000; so does applying a fact,
//!   apart from the number of attempts of its own index. About 300 bytes an index with one attempt.
//!
//! Not guaranteed: that every transition is told. What happened while nobody watched is told only by its outcome.
//!
//! No pod counts before its Job is known: call [`RunState::watch_job`] first, or apply the Job's fact. The pods'
//! watch selects by that Job's uid, so none can come earlier. This module does no I/O and reads no clock.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::fact::{CompletionIndex, JobFact, JobUid, PodUid};
use super::intervals::IndexSet;
use super::log::Progress;
use crate::plan::Plan;
use around::{Nodes, Warnings};
use jobs::Jobs;
use pod::Pod;
use pods::Pods;
use recheck::Rechecks;
use results::{Found, Values};
use small::{Link, position};

mod around;
mod jobs;
mod lanes;
mod next;
mod pod;
mod pods;
mod progress;
mod recheck;
mod results;
mod set_aside;
pub(super) mod small;

pub use lanes::{PodNow, Stand};
pub use pod::Attempt;
pub use recheck::Recheck;
pub use results::Accepted;

/// The state of one completion index, as people are told it.
///
/// The order is worst first, and it is also the order of precedence: a disputed index stays disputed whatever its
/// pods do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexState {
    /// Two valid results differ: neither counts, until a rerun sets both aside.
    Disputed,
    /// The Job gave it up, or ended without its result.
    Failed,
    /// Kubernetes counts it as done, but there is no valid result: it will not run again by itself.
    NoResult,
    /// An attempt was lost or failed; another one is awaited or does not run yet.
    Retrying,
    /// Its first pod, or the next one after the Job controller itself stopped the last, exists and does not run yet.
    Pending,
    /// A worker computes it.
    Running,
    /// Its result is there and not yet in the ledger.
    Finished,
    /// Its result is in the ledger.
    Accepted,
    /// It has no pod yet, or none any more since the Job controller itself stopped it.
    #[default]
    NotStarted,
}

impl IndexState {
    /// Every state, worst first.
    pub const ALL: [Self; 9] = [
        Self::Disputed,
        Self::Failed,
        Self::NoResult,
        Self::Retrying,
        Self::Pending,
        Self::Running,
        Self::Finished,
        Self::Accepted,
        Self::NotStarted,
    ];
}

/// How many indexes are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// See [`IndexState::Disputed`].
    pub disputed: u32,
    /// See [`IndexState::Failed`].
    pub failed: u32,
    /// See [`IndexState::NoResult`].
    pub no_result: u32,
    /// See [`IndexState::Retrying`].
    pub retrying: u32,
    /// See [`IndexState::Pending`].
    pub pending: u32,
    /// See [`IndexState::Running`].
    pub running: u32,
    /// See [`IndexState::Finished`].
    pub finished: u32,
    /// See [`IndexState::Accepted`].
    pub accepted: u32,
    /// See [`IndexState::NotStarted`].
    pub not_started: u32,
}

impl Counts {
    /// Returns how many indexes are in this state.
    pub fn of(mut self, state: IndexState) -> u32 {
        *self.slot(state)
    }

    fn slot(&mut self, state: IndexState) -> &mut u32 {
        match state {
            IndexState::Disputed => &mut self.disputed,
            IndexState::Failed => &mut self.failed,
            IndexState::NoResult => &mut self.no_result,
            IndexState::Retrying => &mut self.retrying,
            IndexState::Pending => &mut self.pending,
            IndexState::Running => &mut self.running,
            IndexState::Finished => &mut self.finished,
            IndexState::Accepted => &mut self.accepted,
            IndexState::NotStarted => &mut self.not_started,
        }
    }
}

/// One completion index. Small, since there may be 100,000.
#[derive(Clone, Debug, Default)]
struct IndexRecord {
    /// The head of the list of its pods, in no order.
    pods: Link,
    /// The head of the list of its results, in no order.
    results: Link,
    /// The parameters it adds to the run's progress.
    done: u64,
    state: IndexState,
    /// Whether a result of it is in the ledger.
    kept: bool,
}

/// What was read of the logs of all pods.
#[derive(Clone, Copy, Debug, Default)]
struct LogCounts {
    lost: u64,
    forged: u64,
}

/// The state of one run.
#[derive(Clone, Debug)]
pub struct RunState {
    plan: Plan,
    jobs: Jobs,
    pods: Pods,
    indexes: Vec<IndexRecord>,
    results: Vec<Found>,
    /// Positions in `results` that were not yet handed out to be kept.
    unkept: Vec<usize>,
    /// For some indexes the Jobs whose results do not count.
    set_aside: BTreeMap<CompletionIndex, Vec<JobUid>>,
    counts: Counts,
    /// The accepted values combined; none without any.
    total: Option<i128>,
    done: u64,
    duplicates: u32,
    rechecks: Rechecks,
    nodes: Nodes,
    warnings: Warnings,
    logs: LogCounts,
}

impl RunState {
    /// Begins the run of a plan, with nothing known.
    pub fn new(plan: Plan) -> Self {
        let shards = plan.shards;
        Self {
            jobs: Jobs::default(),
            pods: Pods::default(),
            indexes: vec![IndexRecord::default(); position(shards)],
            results: Vec::new(),
            unkept: Vec::new(),
            set_aside: BTreeMap::new(),
            counts: Counts {
                not_started: shards,
                ..Counts::default()
            },
            total: None,
            done: 0,
            duplicates: 0,
            rechecks: Rechecks::default(),
            nodes: Nodes::default(),
            warnings: Warnings::default(),
            logs: LogCounts::default(),
            plan,
        }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the Job as last seen; none before its first fact.
    pub fn job(&self) -> Option<&JobFact> {
        self.jobs.job()
    }

    /// Tells whether the Job was deleted.
    pub fn is_job_deleted(&self) -> bool {
        self.jobs.is_deleted()
    }

    /// Tells whether the Job ended or was deleted: no pod will be made any more.
    pub fn is_job_over(&self) -> bool {
        self.jobs.is_over()
    }

    /// Returns how many indexes are in each state.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the state of an index. An index that is none of the plan's was never started.
    pub fn index_state(&self, index: CompletionIndex) -> IndexState {
        self.record(index).map_or(IndexState::NotStarted, |record| record.state)
    }

    /// Iterates over the indexes with their states, ascending.
    pub fn indexes(&self) -> impl Iterator<Item = (CompletionIndex, IndexState)> {
        (0..)
            .map(CompletionIndex)
            .zip(self.indexes.iter().map(|record| record.state))
    }

    /// Returns the indexes in any of these states.
    pub fn indexes_in(&self, states: &[IndexState]) -> IndexSet {
        self.indexes()
            .filter(|(_, state)| states.contains(state))
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the indexes without any valid result.
    pub fn missing(&self) -> IndexSet {
        self.indexes()
            .map(|(index, _)| index)
            .filter(|index| self.results_of(*index).next().is_none())
            .collect()
    }

    /// Returns how many indexes are accepted.
    pub fn accepted(&self) -> u32 {
        self.counts.accepted
    }

    /// Tells whether every index is accepted.
    pub fn is_complete(&self) -> bool {
        self.counts.accepted == self.plan.shards
    }

    /// Returns the accepted values combined. It is the final total only when the run is proven; none without any, or
    /// when this program does not have the kernel.
    pub fn total(&self) -> Option<i128> {
        self.total
    }

    /// Returns how many parameters are done: finished shards, and what the logs of running workers said.
    pub fn done_parameters(&self) -> u64 {
        self.done
    }

    /// Returns how many pods of this run were seen: all attempts at all indexes.
    pub fn attempts_seen(&self) -> u32 {
        u32::try_from(self.pods.records.len()).unwrap_or(u32::MAX)
    }

    /// Returns how many pods were seen that are not this run's.
    pub fn foreign_pods(&self) -> usize {
        self.pods.foreign.len()
    }

    /// Returns how many second, equal results were ignored.
    pub fn duplicates(&self) -> u32 {
        self.duplicates
    }

    /// Returns how many log lines are known to be lost.
    pub fn log_lines_lost(&self) -> u64 {
        self.logs.lost
    }

    /// Returns how many log lines spoke for another index than their pod's; they were ignored.
    pub fn forged_lines(&self) -> u64 {
        self.logs.forged
    }

    /// Iterates over the pods whose logs can be followed, ordered by index.
    pub fn followable(&self) -> impl Iterator<Item = (PodUid, &str)> {
        self.pods.running().map(|pod| (pod.pod_uid(), &*pod.name))
    }

    /// Returns how many pods run now.
    pub fn running_pods(&self) -> usize {
        self.pods.running.len()
    }

    fn record(&self, index: CompletionIndex) -> Option<&IndexRecord> {
        self.indexes.get(position(index.0))
    }

    fn shard_len(&self, index: CompletionIndex) -> u64 {
        self.plan
            .shard(index)
            .map_or(0, |shard| shard.end.saturating_sub(shard.start))
    }

    /// Brings what is derived of one index up to date: its state, the counts, the progress, the total.
    fn refresh(&mut self, index: CompletionIndex) {
        let state = self.derive_state(index);
        let done = self.derive_done(index, state);
        let Some(record) = self.indexes.get_mut(position(index.0)) else {
            return;
        };
        let state_before = std::mem::replace(&mut record.state, state);
        let done_before = std::mem::replace(&mut record.done, done);
        self.done = self.done.saturating_sub(done_before).saturating_add(done);
        if state_before == state {
            return;
        }
        let (from, to) = (self.counts.of(state_before), self.counts.of(state));
        *self.counts.slot(state_before) = from.saturating_sub(1);
        *self.counts.slot(state) = to.saturating_add(1);
        if state == IndexState::Accepted {
            self.total = self.combined(self.counted_result(index).map(Found::value).into_iter(), self.total);
            self.rechecks.accept(index);
        } else if state_before == IndexState::Accepted {
            // A kernel's combination cannot be undone, and a dispute about a kept result is rare: begin anew.
            self.total = self.combined(self.accepted_results().map(|accepted| accepted.value), None);
        }
    }

    /// Brings every index up to date, after something that all of them depend on changed.
    fn refresh_all(&mut self) {
        for number in 0..self.plan.shards {
            self.refresh(CompletionIndex(number));
        }
    }

    fn combined(&self, values: impl Iterator<Item = i128>, before: Option<i128>) -> Option<i128> {
        let kernel = self.plan.kernel()?;
        values.fold(before, |total, value| {
            Some(total.map_or(value, |total| kernel.combine(total, value)))
        })
    }

    fn derive_state(&self, index: CompletionIndex) -> IndexState {
        let kept = self.record(index).is_some_and(|record| record.kept);
        match self.values_of(index) {
            Values::Several => IndexState::Disputed,
            Values::One if kept => IndexState::Accepted,
            Values::One => IndexState::Finished,
            Values::None if self.jobs.failed().contains(index) => IndexState::Failed,
            Values::None => self.derive_unfinished(index),
        }
    }

    /// Derives the state of an index without a result from its pods.
    fn derive_unfinished(&self, index: CompletionIndex) -> IndexState {
        let is_computed = self.job_computes().is_none_or(|computes| computes.contains(index));
        let (mut running, mut waiting, mut empty, mut lost, mut stopped) = (false, false, false, false, false);
        for pod in self.pods_of(index) {
            let over = pod.is_over();
            running |= !over && pod.has_started();
            waiting |= !over && !pod.has_started();
            // What an earlier Job's pod left without a result, the Job that runs now does again if it is among its indexes.
            let is_final = !is_computed || self.pods.job(pod.job) == self.job_uid();
            empty |= over && pod.has_succeeded() && is_final;
            // An attempt that the Job controller itself stopped is none of its failures: the index waits as if not begun.
            stopped |= over && pod.is_stopped();
            lost |= over && !pod.is_stopped() && !(pod.has_succeeded() && is_final);
        }
        if running {
            IndexState::Running
        } else if waiting {
            if empty || lost {
                IndexState::Retrying
            } else {
                IndexState::Pending
            }
        } else if empty || (self.pods.listed && self.jobs.completed(index)) {
            // Also a pod that nobody saw end: it was collected as garbage before it could be read. Before the first
            // list of pods is done, the Job only knows more than we do.
            IndexState::NoResult
        } else if (lost || stopped) && self.is_over_for(index) {
            IndexState::Failed
        } else if lost {
            IndexState::Retrying
        } else {
            IndexState::NotStarted
        }
    }

    /// Derives how many parameters of an index are done. Of two workers at one index the one that is further counts.
    fn derive_done(&self, index: CompletionIndex, state: IndexState) -> u64 {
        match state {
            IndexState::Finished | IndexState::Accepted => self.shard_len(index),
            IndexState::Disputed
            | IndexState::Failed
            | IndexState::NoResult
            | IndexState::Retrying
            | IndexState::Pending
            | IndexState::Running
            | IndexState::NotStarted => self.progress(index).map_or(0, |progress| progress.done),
        }
    }

    /// Returns how far the worker of an index is, as its log said; of two workers the one that is further.
    pub fn progress(&self, index: CompletionIndex) -> Option<Progress> {
        self.pods_of(index)
            .filter_map(Pod::progress)
            .max_by_key(|progress| progress.done)
    }

    /// Returns the time from the first worker's start to the end of the last accepted one, by the nodes' clocks.
    pub fn span_of_work(&self) -> Option<(Timestamp, Timestamp)> {
        let begin = self
            .pods
            .records
            .iter()
            .filter_map(|pod| pod.started.timestamp())
            .min()?;
        let end = self
            .accepted_results()
            .filter_map(|accepted| accepted.finished_at)
            .max()?;
        Some((begin, end))
    }
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
