//! The summary of a run as text for people, for standard output. Pure.

use ttg_worker::protocol::number::Grouped;

use super::lines::disputed;
use super::{Glyph, Style, Values, count, span};
use crate::run::fact::CompletionIndex;
use crate::run::proof::{Check, JOBS, PUBLISHED_VALUE, Verdict};
use crate::run::summary::{Headline, Summary};

/// How many workers, nodes and troubled indexes are listed before the rest is only counted.
const LISTED_MAX: usize = 20;

/// How many terms a sum has before it is only counted.
const TERMS_MAX: usize = 6;

/// Writes the summary, each line with its end.
pub fn summary_text(summary: &Summary, style: Style) -> String {
    let mut lines = worker_lines(summary, style);
    lines.push(style.plain(&sum_line(summary)));
    lines.push(String::new());
    lines.push(headline(summary, style));
    lines.extend(summary.checks.iter().map(|check| check_line(check, style)));
    lines.extend(trouble_lines(summary, style));
    lines.extend(how_it_ran(summary).iter().map(|line| style.plain(line)));
    lines.push(style.plain(&format!("result: ttg-tui result {}", summary.run)));
    lines.extend(rerun_line(summary).map(|line| style.plain(&line)));
    lines.push(String::new());
    lines.join("\n")
}

/// Returns the indexes whose result counts, with how many parameters each computed.
fn results(summary: &Summary) -> impl Iterator<Item = (CompletionIndex, u64)> {
    let counted = summary.indexes.iter().filter(|index| index.problem.is_none());
    counted.filter_map(|index| Some((index.index, index.processed?)))
}

fn worker_lines(summary: &Summary, style: Style) -> Vec<String> {
    let all = results(summary)
        .map(|(index, processed)| format!("[WORKER {index}] Processed: {} parameters", Grouped(processed)))
        .collect();
    listed(all).iter().map(|line| style.plain(line)).collect()
}

/// Keeps the first lines of a list and counts the rest.
fn listed(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        lines.truncate(LISTED_MAX);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// Adds up what the workers processed: term by term where that fits a line.
fn sum_line(summary: &Summary) -> String {
    let terms: Vec<u64> = results(summary).map(|(_, processed)| processed).collect();
    let sum = Grouped(terms.iter().fold(0, |sum: u64, &term| sum.saturating_add(term)));
    let of = Grouped(summary.parameters);
    let shards = count(u64::from(summary.shards), "shard", "shards");
    let is_whole = u32::try_from(terms.len()) == Ok(summary.shards);
    let is_spelled = (2..=TERMS_MAX).contains(&terms.len());
    let spelled = || {
        terms
            .iter()
            .map(|&term| Grouped(term).to_string())
            .collect::<Vec<_>>()
            .join(" + ")
    };
    match (is_spelled, is_whole) {
        (true, true) => format!("{} = {sum}", spelled()),
        (true, false) => format!("{} = {sum} of {of} ({} of {shards})", spelled(), terms.len()),
        (false, true) => format!("{shards}: {sum}"),
        (false, false) => format!("{} of {shards}: {sum} of {of}", terms.len()),
    }
}

fn headline(summary: &Summary, style: Style) -> String {
    let (glyph, word) = match summary.headline {
        Headline::Proven => return style.marked(Glyph::Done, &format!("PROVEN  {}", proven_words(summary))),
        Headline::NotProven => return style.marked(Glyph::Failed, &not_proven_words(summary)),
        Headline::Incomplete => (Glyph::Failed, "INCOMPLETE"),
        Headline::Failed => (Glyph::Failed, "FAILED"),
        Headline::Cancelled => (Glyph::Failed, "CANCELLED"),
        Headline::Unfinished => (Glyph::Running, "UNFINISHED"),
    };
    let so_far = match value_words(summary) {
        Some(value) => format!("{value} so far (partial, not final)"),
        None => "no result so far".to_owned(),
    };
    let text = format!(
        "{word}  {} of {} — {so_far}",
        Grouped(summary.accepted),
        Grouped(summary.shards)
    );
    style.marked(glyph, &text)
}

/// Says why a whole total is not believed: the published value has the word, then what else does not hold.
fn not_proven_words(summary: &Summary) -> String {
    let fails = |check: &&Check| check.verdict == Verdict::Fails;
    let is_published = |check: &&Check| check.name == PUBLISHED_VALUE;
    let why = match summary.checks.iter().filter(fails).find(is_published) {
        // These words begin with the total.
        Some(published) => format!("the total {}", published.text),
        None => {
            let against: Vec<&str> = summary
                .checks
                .iter()
                .filter(fails)
                .map(|check| check.text.as_str())
                .collect();
            let value = value_words(summary).unwrap_or_default();
            format!("the total {value} is not believed: {}", against.join("; "))
        }
    };
    let (accepted, shards) = (Grouped(summary.accepted), Grouped(summary.shards));
    format!("NOT PROVEN  {accepted} of {shards} — {why}")
}

fn proven_words(summary: &Summary) -> String {
    let value = value_words(summary).unwrap_or_default();
    let among = count(summary.parameters, "parameter", "parameters");
    let took = summary
        .wall_ms
        .map(|ms| format!("  in {}", span(ms)))
        .unwrap_or_default();
    format!("{value} {} among {among}{took}", summary.what)
}

fn value_words(summary: &Summary) -> Option<String> {
    summary
        .value_text
        .clone()
        .or_else(|| summary.value.map(|value| Grouped(value).to_string()))
}

fn check_line(check: &Check, style: Style) -> String {
    let glyph = match check.verdict {
        Verdict::Holds => Glyph::Done,
        Verdict::Fails => Glyph::Failed,
        Verdict::Open => Glyph::Open,
        Verdict::Note => Glyph::Note,
    };
    format!("  {}", style.marked(glyph, &check.text))
}

/// Names every index without a result that counts, and why.
fn trouble_lines(summary: &Summary, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    if !summary.missing.is_empty() {
        let text = format!(
            "{} missing: {}",
            count(summary.missing.len(), "index", "indexes"),
            missing_words(summary)
        );
        lines.push(style.marked(Glyph::Unknown, &text));
    }
    let failed = summary
        .failed
        .iter()
        .map(|(index, why)| format!("index {index} failed: {why}"))
        .collect();
    lines.extend(listed(failed).iter().map(|line| style.marked(Glyph::Failed, line)));
    let values = Values::new(&summary.kernel, summary.first, summary.parameters);
    let differ = summary
        .disputed
        .iter()
        .map(|(index, found)| format!("index {index} disputed: {}", disputed(found, values)));
    lines.extend(
        listed(differ.collect())
            .iter()
            .map(|line| style.marked(Glyph::Failed, line)),
    );
    lines
}

/// Says how the rest is computed, of a run that ended without a proof.
fn rerun_line(summary: &Summary) -> Option<String> {
    let is_worth_it = match summary.headline {
        Headline::Incomplete | Headline::NotProven | Headline::Failed => true,
        // These are resumed, or go on.
        Headline::Proven | Headline::Cancelled | Headline::Unfinished => false,
    };
    let Summary { run, reach_flags, .. } = summary;
    is_worth_it.then(|| format!("hint: what is missing or disputed is computed by: ttg-tui rerun {run}{reach_flags}"))
}

/// Writes the missing indexes as intervals; what does not fit is counted.
fn missing_words(summary: &Summary) -> String {
    let ranges = summary
        .missing
        .ranges()
        .map(|range| match (*range.start(), *range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        });
    let ranges: Vec<String> = ranges.collect();
    let shown = ranges
        .iter()
        .take(LISTED_MAX)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match ranges.len().saturating_sub(LISTED_MAX) {
        0 => shown,
        more => format!("{shown} … and {more} more intervals"),
    }
}

/// Writes how long a run took, how much work that was, and by how much its workers made it faster.
pub(crate) fn time_words(summary: &Summary) -> String {
    let work = span(summary.work_ms);
    if summary.checks.iter().any(|check| check.name == JOBS) {
        // Each Job had its own number of workers, and in between nothing was computed.
        return format!("work {work}");
    }
    let workers = count(u64::from(summary.workers), "worker", "workers");
    match summary
        .wall_ms
        .and_then(|wall_ms| Some((wall_ms, speed_up(summary.work_ms, wall_ms)?)))
    {
        Some((wall_ms, speed_up)) => {
            format!(
                "wall {} · work {work} · speed-up {speed_up} on {workers}",
                span(wall_ms)
            )
        }
        None => format!("work {work} on {workers}"),
    }
}

fn how_it_ran(summary: &Summary) -> Vec<String> {
    let attempts = count(u64::from(summary.attempts), "attempt", "attempts");
    let again = format!("{attempts} · {} done again", Grouped(summary.retried));
    let mut lines = vec![time_words(summary), again];
    if !summary.nodes.is_empty() {
        let nodes = summary
            .nodes
            .iter()
            .map(|(node, indexes)| format!("{node} {}", Grouped(*indexes)))
            .collect();
        lines.push(format!("indexes by node: {}", listed(nodes).join(" · ")));
    }
    lines
}

/// The shortest time of which a speed-up means something: below that it measures how pods start.
const SPEED_UP_MS_MIN: u64 = 1_000;

/// Returns how many times faster than one worker the run was, with one decimal; none when it was too short to tell.
fn speed_up(work_ms: u64, wall_ms: u64) -> Option<String> {
    if work_ms.min(wall_ms) < SPEED_UP_MS_MIN {
        return None;
    }
    let tenths = work_ms
        .saturating_mul(10)
        .saturating_add(wall_ms / 2)
        .checked_div(wall_ms)?;
    Some(format!("{}.{}", Grouped(tenths / 10), tenths % 10))
}

#[cfg(test)]
pub(super) mod tests;
