//! How a run went: time, work, nodes, repeated attempts, throughput, and what the cluster's API was asked.

use std::sync::OnceLock;

use jiff::Timestamp;

use super::item::{Item, line};
use crate::model::Model;
use crate::model::history::RATES_MAX;
use crate::report::summary::time_words;
use crate::run::fact::{ApiCost, CompletionIndex, Reason};
use crate::run::state::IndexState;
use crate::run::summary::Summary;
use crate::run::told::RunEvent;
use crate::view::head;
use crate::view::tone::Tone;
use crate::view::words;

/// How many nodes have a bar of their own.
const NODES_MAX: usize = 6;
/// How many repeated attempts are named.
const LOST_NAMED_MAX: usize = 3;
/// From how many seconds on a curve tells something.
const RATES_MIN: usize = 3;

/// The slowest index of a session that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slowest {
    session_began_at: Timestamp,
    found: Option<(CompletionIndex, u64)>,
}

/// Returns the command that prints the result.
pub(super) fn command(model: &Model) -> String {
    format!("ttg-tui result {} --output json", model.run().plan().run)
}

/// Tells how the run went, or how it goes.
pub(super) fn items(model: &Model, slowest: &OnceLock<Slowest>, at: Timestamp) -> Vec<Item> {
    let mut items = match model.final_summary() {
        Some(summary) => ended(model, summary, slowest),
        None => going(model, at),
    };
    items.extend(rates(model));
    let cost = model
        .final_summary()
        .map_or_else(|| model.cost(), |summary| summary.api);
    items.push(line(api(cost), Tone::Plain));
    items.push(line(format!("$ {}", command(model)), Tone::Dim));
    items
}

fn ended(model: &Model, summary: &Summary, slowest: &OnceLock<Slowest>) -> Vec<Item> {
    let mut items = vec![
        line(time_words(summary), Tone::Plain),
        line(attempts(model, summary), Tone::Plain),
    ];
    if let Some((index, elapsed_ms)) = slowest_of(model, summary, slowest) {
        let text = format!("slowest index {index}, {}", words::duration(elapsed_ms));
        items.push(line(text, Tone::Plain));
    }
    items.extend(nodes(summary));
    items
}

fn going(model: &Model, at: Timestamp) -> Vec<Item> {
    let run = model.run();
    let workers = run.job().map_or(run.plan().workers, |job| job.parallelism);
    let workers = words::count(u64::from(workers), "worker", "workers");
    let took = words::duration(head::elapsed_ms(model, at));
    let attempts = words::count(u64::from(run.attempts_seen()), "attempt", "attempts");
    let rate = words::rate(run.per_second());
    vec![
        line(format!("{took} so far, with {workers}"), Tone::Plain),
        line(format!("{attempts} · {rate} now"), Tone::Plain),
    ]
}

/// Finds the slowest index, once a session: it is looked for among all.
fn slowest_of(model: &Model, summary: &Summary, slowest: &OnceLock<Slowest>) -> Option<(CompletionIndex, u64)> {
    let find = || {
        let times = summary
            .indexes
            .iter()
            .filter_map(|index| Some((index.index, index.elapsed_ms?)));
        times.max_by_key(|(_, elapsed_ms)| *elapsed_ms)
    };
    let session_began_at = model.started_at();
    let known = slowest.get_or_init(|| Slowest {
        session_began_at,
        found: find(),
    });
    if known.session_began_at == session_began_at {
        known.found
    } else {
        find()
    }
}

fn attempts(model: &Model, summary: &Summary) -> String {
    let attempts = words::count(u64::from(summary.attempts), "attempt", "attempts");
    if summary.retried == 0 {
        return format!("{attempts}, none lost");
    }
    let retried = usize::try_from(summary.retried).unwrap_or(usize::MAX);
    let lost = model.history().told().filter_map(|told| lost(&told.event));
    // An index that failed for good was tried again, too; the proof's box names it.
    let lost = lost.filter(|(index, _)| model.run().index_state(*index) == IndexState::Accepted);
    let named: Vec<String> = lost
        .take(LOST_NAMED_MAX)
        .map(|(index, why)| format!("index {index}, {why}"))
        .collect();
    let more = match retried.saturating_sub(named.len()) {
        0 => String::new(),
        more if !named.is_empty() => format!("; and {more} more"),
        _ => String::new(),
    };
    let of = if named.is_empty() { "" } else { ": " };
    let repeated = words::grouped(summary.retried);
    format!("{attempts}, {repeated} lost and repeated{of}{}{more}", named.join("; "))
}

/// Returns the index of an attempt that was lost, and why it was.
fn lost(event: &RunEvent) -> Option<(CompletionIndex, String)> {
    if let RunEvent::AttemptFailed {
        index, exit_code, why, ..
    } = event
    {
        let code = exit_code.map(|code| format!("exit {code}"));
        Some((*index, reason(why).or(code).unwrap_or_else(|| "failed".to_owned())))
    } else if let RunEvent::AttemptEnded { index, why, .. } = event {
        Some((*index, reason(why).unwrap_or_else(|| "ended from outside".to_owned())))
    } else {
        None
    }
}

fn reason(why: &Reason) -> Option<String> {
    Some(why.reason.clone()).filter(|reason| !reason.is_empty())
}

/// Shows how many accepted indexes came from which node; nodes that have no bar are counted.
fn nodes(summary: &Summary) -> Vec<Item> {
    let most = summary.nodes.values().copied().max().unwrap_or(0);
    let width = words::grouped(most).len();
    let bar = |(node, accepted): (&String, &u32)| Item::Bar {
        label: node.clone(),
        done: u64::from(*accepted),
        total: u64::from(most),
        text: format!("{:>width$}", words::grouped(*accepted)),
    };
    let mut items: Vec<Item> = summary.nodes.iter().take(NODES_MAX).map(bar).collect();
    let rest = || summary.nodes.values().skip(NODES_MAX).copied();
    if let (Some(least), Some(most)) = (rest().min(), rest().max()) {
        let count = words::count(
            u64::try_from(rest().count()).unwrap_or(u64::MAX),
            "more node",
            "more nodes",
        );
        let text = format!(
            "and {count} with {} to {} each",
            words::grouped(least),
            words::grouped(most)
        );
        items.push(line(text, Tone::Dim));
    }
    items
}

fn rates(model: &Model) -> Option<Item> {
    let rates = model.history().rates();
    let has_all = rates.len() < RATES_MAX;
    let values: Vec<u64> = rates.collect();
    let label = if has_all {
        "throughput"
    } else {
        "throughput, last 10 min"
    };
    (values.len() >= RATES_MIN).then(|| Item::Rates {
        label: label.to_owned(),
        values,
    })
}

fn api(cost: ApiCost) -> String {
    let requests = words::count(cost.requests, "request", "requests");
    let lists = words::count(cost.lists, "list", "lists");
    let watches = words::count(cost.watches, "watch", "watches");
    let bytes = words::bytes(cost.bytes);
    format!("API: {requests} ({lists}, {watches}), {bytes} received")
}
