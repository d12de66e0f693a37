//! A run in one value: everything that the last lines, the last NDJSON object and the result panel show.
//!
//! [`summarize`] makes it from the state of the run. How the session ended is not in that state: the caller says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fact::{ApiCost, CompletionIndex, Reason};
use super::intervals::IndexSet;
use super::proof::{Check, is_proven, prove};
use super::state::{Attempt, IndexState, RunState};
use super::told::DisputedValue;
use ttg_worker::protocol::number::decimal;

/// How a run stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Headline {
    /// Every check that proves the total holds.
    Proven,
    /// Results are missing, disputed or could not be kept.
    Incomplete,
    /// Every index is accepted, and still the total cannot be right, or a second computation here says otherwise.
    NotProven,
    /// The Job failed.
    Failed,
    /// The run was cancelled.
    Cancelled,
    /// The program left before the end; the run may go on.
    Unfinished,
}

/// One index in a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexSummary {
    /// The completion index.
    pub index: CompletionIndex,
    /// The first parameter.
    pub start: u64,
    /// The parameter after the last.
    pub end: u64,
    /// The node whose result counts.
    pub node: Option<String>,
    /// The pods that tried.
    pub attempts: u32,
    /// How long the worker computed.
    pub elapsed_ms: Option<u64>,
    /// How many parameters were computed.
    pub processed: Option<u64>,
    /// The accepted value.
    #[serde(with = "optional_decimal")]
    pub value: Option<i128>,
    /// Why there is no accepted value: `missing`, `failed: …` or `disputed`; none when there is one.
    pub problem: Option<String>,
}

/// A run in one value. Serialized, it is the NDJSON object of type `summary` and the file `summary.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The run's name.
    pub run: String,
    /// The cluster, as people call it.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The flags by which a call of this program finds the cluster and the namespace, with a space before each.
    #[serde(default)]
    pub reach_flags: String,
    /// How it stands.
    pub headline: Headline,
    /// The kernel's name.
    pub kernel: String,
    /// What the value counts or is, such as `primes`.
    pub what: String,
    /// The first parameter.
    pub first: u64,
    /// How many parameters.
    pub parameters: u64,
    /// The number of shards.
    pub shards: u32,
    /// The Job's parallelism, as last seen.
    pub workers: u32,
    /// Indexes whose partial is in the ledger and not disputed.
    pub accepted: u32,
    /// The total of the accepted partials: final only when `headline` is proven, else partial. None without any.
    #[serde(with = "optional_decimal")]
    pub value: Option<i128>,
    /// The same for people, such as `664,579`.
    pub value_text: Option<String>,
    /// Parameters computed, over the accepted partials.
    pub processed: u64,
    /// The proof, line by line.
    pub checks: Vec<Check>,
    /// Indexes without a result.
    pub missing: IndexSet,
    /// Indexes that the Job gave up, with attempts and reason, for people.
    pub failed: BTreeMap<CompletionIndex, String>,
    /// Indexes with results that differ.
    pub disputed: BTreeMap<CompletionIndex, Vec<DisputedValue>>,
    /// Indexes whose accepted value is not the one that was computed again here.
    #[serde(default)]
    pub doubted: IndexSet,
    /// Pods that tried, over all indexes.
    pub attempts: u32,
    /// Attempts that were lost or failed and done again.
    pub retried: u32,
    /// Second, equal results that were ignored.
    pub duplicates: u32,
    /// Log lines that are known to be lost. Advisory: they move bars and never count.
    pub log_lines_lost: u64,
    /// From the first pod's start to the last accepted result, in milliseconds, where both are known.
    pub wall_ms: Option<u64>,
    /// The workers' computing time added up, in milliseconds.
    pub work_ms: u64,
    /// Accepted indexes by node.
    pub nodes: BTreeMap<String, u32>,
    /// What the cluster's API was asked.
    pub api: ApiCost,
    /// The exit code.
    pub exit_code: u8,
    /// Every index.
    pub indexes: Vec<IndexSummary>,
}

/// The shortest span that is told from Kubernetes' own times, which are whole seconds: a tenth off at most.
const COARSE_SPAN_MS_MIN: u64 = 10_000;

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The cluster, as people call it.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The flags by which a call of this program finds both, with a space before each.
    pub reach_flags: String,
}

/// Tells how a run stands by what the cluster said: proven whenever its checks say so, whatever became of its Job.
pub fn headline(state: &RunState, checks: &[Check]) -> Headline {
    let cancelled = state
        .job()
        .is_some_and(|job| job.cancelled.is_some() && !job.is_finished());
    let failed = state.job().is_some_and(|job| job.condition("Failed").is_some());
    if is_proven(checks) {
        Headline::Proven
    } else if cancelled {
        Headline::Cancelled
    } else if failed {
        Headline::Failed
    } else if state.is_job_over() || state.is_complete() || state.counts().disputed > 0 {
        unproven(state)
    } else {
        Headline::Unfinished
    }
}

/// Tells how a run stands that has ended without a proof.
pub fn unproven(state: &RunState) -> Headline {
    if state.is_complete() {
        Headline::NotProven
    } else {
        Headline::Incomplete
    }
}

/// Puts a run into one value. [`headline`] gives the headline, unless the session's end says more.
pub fn summarize(state: &RunState, place: &Place, api: ApiCost, headline: Headline, exit_code: u8) -> Summary {
    let plan = state.plan();
    let mut nodes: BTreeMap<String, u32> = BTreeMap::new();
    let (mut processed, mut work_ms) = (0_u64, 0_u64);
    for accepted in state.accepted_results() {
        processed = processed.saturating_add(accepted.processed);
        work_ms = work_ms.saturating_add(accepted.elapsed_ms);
        if let Some(node) = accepted.node {
            *nodes.entry(node.0.clone()).or_default() += 1;
        }
    }
    let span = state.span_of_work();
    let span_ms = span.and_then(|(begin, end)| u64::try_from(end.duration_since(begin).as_millis()).ok());
    // Kubernetes' times are whole seconds: of a short run they tell nothing.
    let wall_ms = span_ms.filter(|ms| *ms >= COARSE_SPAN_MS_MIN);
    Summary {
        run: plan.run.to_string(),
        cluster: place.cluster.clone(),
        namespace: place.namespace.clone(),
        reach_flags: place.reach_flags.clone(),
        headline,
        kernel: plan.kernel.clone(),
        what: plan
            .kernel()
            .map_or_else(String::new, |kernel| kernel.what().to_owned()),
        first: plan.first,
        parameters: plan.parameters,
        shards: plan.shards,
        workers: state.job().map_or(plan.workers, |job| job.parallelism),
        accepted: state.accepted(),
        value: state.total(),
        value_text: plan
            .kernel()
            .zip(state.total())
            .map(|(kernel, total)| kernel.describe(plan.domain(), total)),
        processed,
        checks: prove(state),
        missing: state.missing(),
        failed: state
            .indexes_in(&[IndexState::Failed])
            .indexes()
            .map(|index| (index, failed_text(state, index)))
            .collect(),
        disputed: state
            .indexes_in(&[IndexState::Disputed])
            .indexes()
            .map(|index| (index, state.values(index)))
            .collect(),
        doubted: state.doubted(),
        attempts: state.attempts_seen(),
        retried: state
            .indexes()
            .map(|(index, _)| retried(&state.attempts(index)))
            .fold(0, u32::saturating_add),
        duplicates: state.duplicates(),
        log_lines_lost: state.log_lines_lost(),
        wall_ms,
        work_ms,
        nodes,
        api,
        exit_code,
        indexes: state
            .indexes()
            .map(|(index, index_state)| summarize_index(state, index, index_state))
            .collect(),
    }
}

fn summarize_index(state: &RunState, index: CompletionIndex, index_state: IndexState) -> IndexSummary {
    let accepted = state.accepted_result(index);
    let (start, end) = state
        .plan()
        .shard(index)
        .map_or((0, 0), |shard| (shard.start, shard.end));
    IndexSummary {
        index,
        start,
        end,
        node: accepted
            .as_ref()
            .and_then(|accepted| accepted.node)
            .map(|node| node.0.clone()),
        attempts: state.attempt_count(index),
        elapsed_ms: accepted.as_ref().map(|accepted| accepted.elapsed_ms),
        processed: accepted.as_ref().map(|accepted| accepted.processed),
        value: accepted.as_ref().map(|accepted| accepted.value),
        problem: problem(state, index, index_state),
    }
}

/// Says why an index has no accepted value.
fn problem(state: &RunState, index: CompletionIndex, index_state: IndexState) -> Option<String> {
    match index_state {
        IndexState::Accepted => None,
        IndexState::Disputed => Some("disputed".to_owned()),
        IndexState::Failed => Some(format!("failed: {}", failed_text(state, index))),
        IndexState::Finished => Some("not kept: its result is not in the ledger".to_owned()),
        IndexState::NoResult
        | IndexState::Retrying
        | IndexState::Pending
        | IndexState::Running
        | IndexState::NotStarted => Some("missing".to_owned()),
    }
}

/// Says how often an index was tried and why it failed last.
fn failed_text(state: &RunState, index: CompletionIndex) -> String {
    let attempts = state.attempts(index);
    let mut parts = vec![if attempts.len() == 1 {
        "1 attempt".to_owned()
    } else {
        format!("{} attempts", attempts.len())
    }];
    parts.extend(
        attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.exit_code)
            .map(|code| format!("exit {code}")),
    );
    let Reason { reason, message } = state.why_failed(index).1;
    parts.extend([reason, message].into_iter().filter(|words| !words.is_empty()));
    parts.join(", ")
}

/// Counts the attempts at one index that ended without a result and were followed by another one.
fn retried(attempts: &[Attempt<'_>]) -> u32 {
    let followed = attempts.len().saturating_sub(1);
    let lost = attempts.iter().take(followed).filter(|attempt| !attempt.has_result);
    u32::try_from(lost.count()).unwrap_or(u32::MAX)
}

/// Like [`decimal`], for a value that may be absent.
mod optional_decimal {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Wrapped(#[serde(with = "super::decimal")] i128);

    #[expect(clippy::ref_option, reason = "serde's `with` hands over a reference to the field")]
    pub(super) fn serialize<S: Serializer>(value: &Option<i128>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Wrapped).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i128>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|w| w.0))
    }
}

#[cfg(test)]
mod tests;
