//! The headline of a result, and what proves it or what is missing. Told as plainly without a proof as with one.

use super::item::{Item, line, marked, note};
use crate::model::Model;
use crate::model::effect::End;
use crate::run::fact::CompletionIndex;
use crate::run::proof::{Check, Verdict};
use crate::run::state::{IndexState, RunState};
use crate::run::summary::{Headline, Summary};
use crate::view::head;
use crate::view::tone::{Tone, dim, plain, span, state_word, strong};
use crate::view::words::{self, Piece};

/// How many troubled indexes and intervals of missing ones are named before the rest is only counted.
const NAMED_MAX: usize = 5;
/// Among how many missing indexes those are looked for that did not fail: a frame must not look at all of them.
const SEARCHED_MAX: usize = 1_000;

/// The states that are told of while a run goes on, with the words for them.
const STATES: [IndexState; 8] = [
    IndexState::Disputed,
    IndexState::Failed,
    IndexState::NoResult,
    IndexState::Retrying,
    IndexState::Finished,
    IndexState::Running,
    IndexState::Pending,
    IndexState::NotStarted,
];

/// Tells whether the total is proven.
pub(super) fn is_proven(model: &Model) -> bool {
    model.end() == Some(&End::Proven)
}

/// Returns how the run stands, in a word.
pub(super) fn standing(model: &Model) -> (Tone, &'static str) {
    let (tone, word) = head::standing(model);
    // Every result is there, and yet a check does not hold: that is more than incomplete.
    if model.end() == Some(&End::Unproven) && model.run().is_complete() {
        (tone, "NOT PROVEN")
    } else {
        (tone, word)
    }
}

/// Writes the value, as its kernel describes it; none without any result.
pub(super) fn value(model: &Model) -> Option<String> {
    let run = model.run();
    let plan = run.plan();
    let total = run.total()?;
    let text = plan
        .kernel()
        .map_or_else(|| words::grouped(total), |kernel| kernel.describe(plan.domain(), total));
    Some(text)
}

/// Writes what is worth the largest digits: the number once it is proven, and how much of it is there before.
pub(super) fn big(model: &Model) -> (String, Tone) {
    let (tone, _) = standing(model);
    if is_proven(model) {
        return (value(model).unwrap_or_default(), tone);
    }
    let run = model.run();
    let text = format!(
        "{}/{}",
        words::grouped(run.accepted()),
        words::grouped(run.plan().shards)
    );
    (text, tone)
}

/// Writes the headline.
pub(super) fn headline(model: &Model) -> Vec<Piece> {
    let (tone, word) = standing(model);
    let mut pieces = vec![Piece::Glyph(tone), span(format!(" {word}  "), tone).into()];
    if is_proven(model) {
        let among = words::count(model.run().plan().parameters, "parameter", "parameters");
        pieces.push(strong(value(model).unwrap_or_default()).into());
        pieces.push(plain(format!(" {} among {among}", what(model))).into());
        let wall_ms = model.final_summary().and_then(|summary| summary.wall_ms);
        pieces.extend(wall_ms.map(|ms| Piece::from(dim(format!("  in {}", words::duration(ms))))));
        return pieces;
    }
    let run = model.run();
    let (accepted, shards) = (words::grouped(run.accepted()), words::grouped(run.plan().shards));
    pieces.push(plain(format!("{accepted} of {shards} — ")).into());
    match value(model) {
        Some(value) => {
            pieces.push(strong(value).into());
            pieces.push(plain(" so far (partial, not final)").into());
        }
        None => pieces.push(plain("no result so far").into()),
    }
    pieces
}

/// Returns what the value counts or is.
pub(super) fn what(model: &Model) -> &'static str {
    if let Some(kernel) = model.run().plan().kernel() {
        kernel.what()
    } else {
        ""
    }
}

/// Names the box of the proof.
pub(super) fn title(model: &Model) -> &'static str {
    if is_proven(model) {
        "Why you can trust it"
    } else if model.end().is_some() {
        "What is proven, and what is not"
    } else {
        "What is known so far"
    }
}

/// Tells what proves the total, or what is missing and why.
pub(super) fn items(model: &Model) -> Vec<Item> {
    let run = model.run();
    match model.final_summary() {
        Some(summary) => {
            let mut items: Vec<Item> = summary.checks.iter().map(check).collect();
            items.extend(missing(summary));
            items.extend(failed(summary));
            items.extend(others(run, summary));
            items.extend(rerun(summary));
            items
        }
        None => so_far(run),
    }
}

fn check(check: &Check) -> Item {
    match check.verdict {
        Verdict::Holds => marked(Tone::Done, check.text.as_str()),
        Verdict::Fails => marked(Tone::Failed, check.text.as_str()),
        Verdict::Open => marked(Tone::Pending, check.text.as_str()),
        Verdict::Note => note(check.text.as_str()),
    }
}

/// Names the indexes without a result, as intervals.
fn missing(summary: &Summary) -> Option<Item> {
    if summary.missing.is_empty() {
        return None;
    }
    let interval = |(first, last): (u32, u32)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    let intervals = || summary.missing.ranges().map(|range| (*range.start(), *range.end()));
    let named: Vec<String> = intervals().take(NAMED_MAX).map(interval).collect();
    let count = words::count(summary.missing.len(), "index", "indexes");
    let more = match intervals().count().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" … and {more} more intervals"),
    };
    Some(marked(
        Tone::Unknown,
        format!("{count} missing: {}{more}", named.join(", ")),
    ))
}

fn failed(summary: &Summary) -> Vec<Item> {
    let named = summary.failed.iter().take(NAMED_MAX);
    let mut items: Vec<Item> = named
        .map(|(index, why)| marked(Tone::Failed, format!("index {index} failed: {why}")))
        .collect();
    let more = summary.failed.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        items.push(marked(Tone::Failed, format!("… and {more} more failed")));
    }
    items
}

/// Tells how the missing indexes stand that did not fail.
fn others(run: &RunState, summary: &Summary) -> Vec<Item> {
    let count = u64::try_from(summary.failed.len()).unwrap_or(u64::MAX);
    let count = summary.missing.len().saturating_sub(count);
    if count == 0 {
        return Vec::new();
    }
    let searched = summary.missing.indexes().take(SEARCHED_MAX);
    let others = searched.filter(|index| !summary.failed.contains_key(index));
    let mut items: Vec<Item> = others.take(NAMED_MAX).map(|index| other(run, index)).collect();
    let more = count.saturating_sub(u64::try_from(items.len()).unwrap_or(u64::MAX));
    if more > 0 {
        let text = format!("… and {} more; the table below has them all", words::grouped(more));
        items.push(line(text, Tone::Dim));
    }
    items
}

fn other(run: &RunState, index: CompletionIndex) -> Item {
    let state = run.index_state(index);
    let attempts = run.attempts(index);
    let why = attempts.iter().rev().find_map(|attempt| {
        let reason = attempt.why.or(attempt.waiting).map(|why| why.reason.as_str());
        attempt.problem.or(reason).filter(|why| !why.is_empty())
    });
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    marked(Tone::of(state), format!("index {index} {}{why}", state_word(state)))
}

/// Says how the rest is computed.
fn rerun(summary: &Summary) -> Vec<Item> {
    // A cancelled run is resumed, and an unfinished one goes on.
    let is_settled = matches!(
        summary.headline,
        Headline::Proven | Headline::Cancelled | Headline::Unfinished
    );
    if is_settled {
        return Vec::new();
    }
    let Summary { run, reach_flags, .. } = summary;
    vec![
        line("R computes only what is missing or disputed", Tone::Accent),
        line(format!("$ ttg-tui rerun {run}{reach_flags}"), Tone::Dim),
    ]
}

/// Tells what is known while the run goes on. The proof looks at every index, so it is made once, at the end.
fn so_far(run: &RunState) -> Vec<Item> {
    let counts = run.counts();
    let shards = words::grouped(run.plan().shards);
    let accepted = words::grouped(counts.accepted);
    let mut items = vec![
        marked(Tone::Pending, "the proof is made when the run ends"),
        marked(Tone::Done, format!("{accepted} of {shards} indexes accepted")),
    ];
    for state in STATES {
        let count = counts.of(state);
        if count > 0 {
            let text = format!("{} {}", words::grouped(count), state_word(state));
            items.push(marked(Tone::of(state), text));
        }
    }
    if run.duplicates() > 0 {
        let reports = words::count(u64::from(run.duplicates()), "duplicate report", "duplicate reports");
        items.push(note(format!("{reports}, same value, ignored")));
    }
    if run.log_lines_lost() > 0 {
        let lines = words::count(run.log_lines_lost(), "log line", "log lines");
        items.push(note(format!("{lines} lost; logs move bars and never count")));
    }
    items
}
