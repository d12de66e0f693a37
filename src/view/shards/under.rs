//! What is under the cursor, in two lines: one index, or the indexes of a cell.

use std::ops::Range;

use jiff::Timestamp;
use ttg_worker::protocol::number::Grouped;

use super::cells::{Glyph, severity};
use super::grid::Grid;
use super::{Part, part, sign};
use crate::run::fact::CompletionIndex;
use crate::run::state::{Attempt, IndexState, RunState};
use crate::view::tone::{Tone, state_word};
use crate::view::words::{duration, percent, since_ms};

/// Writes a span of time with its unit.
pub(super) fn time(ms: u32) -> String {
    duration(u64::from(ms))
}

/// Tells about one index; in a cell that stands for several, which those are.
pub(super) fn index(run: &RunState, index: CompletionIndex, cell: &Range<u32>, at: Timestamp) -> [Vec<Part>; 2] {
    let state = run.index_state(index);
    let mut first = vec![
        part(format!("index {}", Grouped(index.0)), Tone::Strong),
        word(state, ""),
    ];
    first.extend(parameters(run, index, index));
    if cell.len() > 1 {
        let last = cell.end.saturating_sub(1);
        let within = format!("in the cell of {} to {}", Grouped(cell.start), Grouped(last));
        first.push(part(within, Tone::Dim));
    }
    let attempts = run.attempts(index);
    let tried = u64::try_from(attempts.len()).unwrap_or(u64::MAX);
    let mut second = vec![part(format!("attempts {}", Grouped(tried)), Tone::Plain)];
    second.extend(work(run, index, &attempts, at));
    [first, second]
}

/// Tells about the indexes of a cell that stands for several.
pub(super) fn cell(run: &RunState, grid: &Grid, number: u32, worst: CompletionIndex) -> [Vec<Part>; 2] {
    let indexes = grid.indexes_of(number);
    let last = indexes.end.saturating_sub(1);
    let count = u64::try_from(indexes.len()).unwrap_or(u64::MAX);
    let words = format!(
        "{} indexes, {} to {}",
        Grouped(count),
        Grouped(indexes.start),
        Grouped(last)
    );
    let mut first = vec![
        part(words, Tone::Strong),
        word(run.index_state(worst), &format!(": index {}", Grouped(worst.0))),
    ];
    first.extend(parameters(run, CompletionIndex(indexes.start), CompletionIndex(last)));
    let mut counts = [0_u32; IndexState::ALL.len()];
    for state in indexes.map(|index| run.index_state(CompletionIndex(index))) {
        if let Some(count) = counts.get_mut(usize::from(severity(state))) {
            *count += 1;
        }
    }
    let mut states = IndexState::ALL;
    states.sort_unstable_by_key(|state| severity(*state));
    let told = states.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    let second = told.map(|(state, count)| {
        sign(
            Glyph::State,
            Tone::of(state),
            format!("{} {}", Grouped(count), state_word(state)),
        )
    });
    [first, second.collect()]
}

fn word(state: IndexState, more: &str) -> Part {
    sign(Glyph::State, Tone::of(state), format!("{}{more}", state_word(state)))
}

fn parameters(run: &RunState, first: CompletionIndex, last: CompletionIndex) -> Option<Part> {
    let (first, last) = (run.plan().shard(first)?, run.plan().shard(last)?);
    let end = last.end.saturating_sub(1);
    Some(part(
        format!("parameters {} to {}", Grouped(first.start), Grouped(end)),
        Tone::Plain,
    ))
}

/// Tells what the worker of an index did or does, where, and how long.
fn work(run: &RunState, index: CompletionIndex, attempts: &[Attempt<'_>], at: Timestamp) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(accepted) = run.accepted_result(index) {
        parts.extend(accepted.node.map(|node| part(node.0.clone(), Tone::Plain)));
        let plan = run.plan();
        let value = plan.kernel().map_or_else(
            || Grouped(accepted.value).to_string(),
            |kernel| kernel.describe(plan.domain(), accepted.value),
        );
        parts.push(part(duration(accepted.elapsed_ms), Tone::Plain));
        parts.push(part(format!("value {value}"), Tone::Strong));
        return parts;
    }
    let Some(last) = attempts.last() else {
        parts.push(part("no pod yet", Tone::Dim));
        return parts;
    };
    parts.extend(last.node.map(|node| part(node.0.clone(), Tone::Plain)));
    if let (Some(from), IndexState::Running) = (last.started_at, run.index_state(index)) {
        parts.push(part(
            format!("computes for {}", duration(since_ms(from, at))),
            Tone::Plain,
        ));
    }
    if let Some(progress) = run.progress(index) {
        parts.push(part(
            format!("{} %", percent(progress.done, progress.total)),
            Tone::Plain,
        ));
    }
    if let Some(why) = last.why.or(last.waiting) {
        parts.push(part(why.reason.clone(), Tone::Warning));
    }
    if let Some(problem) = last.problem {
        parts.push(part(problem.to_owned(), Tone::Warning));
    }
    parts
}
