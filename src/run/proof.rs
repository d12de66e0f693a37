//! The proof of a total, as a list of checks.
//!
//! Guaranteed: each check looks at what was accepted, not at what was planned, so a mistake in the book-keeping of
//! results shows here. Not guaranteed: that a worker computed honestly; that is what the shards computed again here
//! and the published values are for. This module changes nothing and knows no words but its own checks'.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ttg_worker::protocol::number::Grouped;

use super::fact::{CompletionIndex, JobUid};
use super::state::{Accepted, IndexState, Recheck, RunState};
use super::told::DisputedValue;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not hold: the total is not proven.
    Fails,
    /// It cannot be told yet: the total is not proven yet.
    Open,
    /// Nothing to prove; worth knowing, such as an ignored duplicate.
    Note,
}

/// One line of the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// A stable name for programs, such as `each_index_once`.
    pub name: String,
    /// What it found.
    pub verdict: Verdict,
    /// The same for people.
    pub text: String,
}

/// The name of the check that every index is accepted, each exactly once.
pub const EACH_INDEX_ONCE: &str = "each_index_once";
/// The name of the check that the accepted ranges tile the whole.
pub const RANGES_TILE: &str = "ranges_tile";
/// The name of the check that every parameter was computed.
pub const PROCESSED_ALL: &str = "processed_all";
/// The name of the check against a published value; only where the kernel knows one.
pub const PUBLISHED_VALUE: &str = "published_value";
/// The name of the check of shards that were computed again here.
pub const RECOMPUTED: &str = "recomputed";
/// The name of the check that no index is disputed; only there when one is.
pub const NOTHING_DISPUTED: &str = "nothing_disputed";
/// The name of the check that finished results are on disk; only there when some are not.
pub const IN_LEDGER: &str = "in_ledger";
/// The name of the note about second, equal results.
pub const DUPLICATES: &str = "duplicates";
/// The name of the note about the Jobs that the results came from; only there when they are several.
pub const JOBS: &str = "jobs";
/// The name of the note about lost log lines.
pub const LOG_LINES_LOST: &str = "log_lines_lost";

/// The checks without which nothing is proven. `recomputed` is a note when nothing asks for a second computation.
const MANDATORY: [&str; 4] = [EACH_INDEX_ONCE, RANGES_TILE, PROCESSED_ALL, RECOMPUTED];

/// How many disputed indexes are named in one line; the others are counted.
const NAMED_MAX: usize = 10;

/// Proves the total of a run, or says what is missing. Takes time in proportion to the number of indexes.
pub fn prove(state: &RunState) -> Vec<Check> {
    let accepted: Vec<Accepted<'_>> = state.accepted_results().collect();
    // What is missing is open while it can still come: while pods can run, or results wait for the ledger.
    let unmet = if state.is_job_over() && state.counts().finished == 0 {
        Verdict::Fails
    } else {
        Verdict::Open
    };
    let mut checks = vec![
        each_index_once(state, &accepted, unmet),
        ranges_tile(state, &accepted, unmet),
        processed_all(state, &accepted, unmet),
    ];
    let published = published_value(state);
    let recomputed = recomputed(state, published.is_some());
    checks.extend(published);
    checks.push(recomputed);
    checks.extend(in_ledger(state, unmet));
    checks.extend(nothing_disputed(state));
    checks.extend(jobs(&accepted));
    checks.extend(notes(state));
    checks
}

/// Tells whether these checks prove the total.
pub fn is_proven(checks: &[Check]) -> bool {
    let none_against = checks
        .iter()
        .all(|check| matches!(check.verdict, Verdict::Holds | Verdict::Note));
    none_against
        && MANDATORY
            .iter()
            .all(|name| checks.iter().any(|check| check.name == *name))
}

fn check(name: &str, verdict: Verdict, text: String) -> Check {
    Check {
        name: name.to_owned(),
        verdict,
        text,
    }
}

fn each_index_once(state: &RunState, accepted: &[Accepted<'_>], unmet: Verdict) -> Check {
    let once = accepted
        .iter()
        .zip(accepted.iter().skip(1))
        .all(|(left, right)| left.index < right.index);
    let (count, shards) = (Grouped(state.accepted()), Grouped(state.plan().shards));
    if !once {
        return check(
            EACH_INDEX_ONCE,
            Verdict::Fails,
            format!("an index is counted twice among {count} accepted"),
        );
    }
    if state.is_complete() && u32::try_from(accepted.len()).is_ok_and(|len| len == state.plan().shards) {
        let text = format!("{count} of {shards} indexes accepted, each exactly once");
        return check(EACH_INDEX_ONCE, Verdict::Holds, text);
    }
    let verdict = if state.counts().disputed > 0 {
        Verdict::Fails
    } else {
        unmet
    };
    check(
        EACH_INDEX_ONCE,
        verdict,
        format!("{count} of {shards} indexes accepted"),
    )
}

/// Names the results that were seen and are not on disk.
fn in_ledger(state: &RunState, unmet: Verdict) -> Option<Check> {
    let finished = state.counts().finished;
    let verdict = if state.is_job_over() { Verdict::Fails } else { unmet };
    (finished > 0).then(|| {
        check(
            IN_LEDGER,
            verdict,
            format!("{} more finished, and not in the ledger on disk", Grouped(finished)),
        )
    })
}

/// How ranges lie in the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tiling {
    gaps: u64,
    overlaps: u64,
}

impl Tiling {
    /// Lays half-open ranges into `first .. end`. What lies outside of it counts as an overlap.
    fn of(mut ranges: Vec<(u64, u64)>, first: u64, end: u64) -> Self {
        ranges.sort_unstable();
        let mut tiling = Self::default();
        let mut next = first;
        for (range_start, range_end) in ranges {
            tiling.gaps += u64::from(range_start > next);
            tiling.overlaps += u64::from(range_start < next || range_end > end || range_end <= range_start);
            next = next.max(range_end);
        }
        tiling.gaps += u64::from(next < end);
        tiling
    }
}

fn ranges_tile(state: &RunState, accepted: &[Accepted<'_>], unmet: Verdict) -> Check {
    let plan = state.plan();
    let end = plan.first.saturating_add(plan.parameters);
    let ranges = accepted.iter().map(|accepted| (accepted.start, accepted.end)).collect();
    let whole = format!("{} … {}", Grouped(plan.first), Grouped(end));
    let (verdict, text) = match Tiling::of(ranges, plan.first, end) {
        Tiling { gaps: 0, overlaps: 0 } => (Verdict::Holds, format!("ranges tile {whole}: no gap, no overlap")),
        Tiling { gaps, overlaps: 0 } => {
            let gaps = counted(gaps, "gap", "gaps");
            (
                unmet,
                format!("ranges accepted so far leave {gaps} in {whole}, and do not overlap"),
            )
        }
        Tiling { overlaps, .. } => {
            let overlaps = counted(overlaps, "overlap", "overlaps");
            (Verdict::Fails, format!("ranges do not tile {whole}: {overlaps}"))
        }
    };
    check(RANGES_TILE, verdict, text)
}

fn processed_all(state: &RunState, accepted: &[Accepted<'_>], unmet: Verdict) -> Check {
    let processed = accepted
        .iter()
        .fold(0_u64, |sum, accepted| sum.saturating_add(accepted.processed));
    let parameters = state.plan().parameters;
    let verdict = match processed.cmp(&parameters) {
        Ordering::Equal => Verdict::Holds,
        Ordering::Less => unmet,
        Ordering::Greater => Verdict::Fails,
    };
    check(
        PROCESSED_ALL,
        verdict,
        format!("processed {} of {}", Grouped(processed), Grouped(parameters)),
    )
}

/// Compares the full total with a published value. A partial total is compared with nothing.
fn published_value(state: &RunState) -> Option<Check> {
    let (kernel, domain) = (state.plan().kernel()?, state.plan().domain());
    let Some(total) = state.total().filter(|_| state.is_complete()) else {
        let exists = kernel.published(domain, kernel.identity()).is_some();
        let text = "there is a published value, to be compared with the full total".to_owned();
        return exists.then(|| check(PUBLISHED_VALUE, Verdict::Open, text));
    };
    let published = kernel.published(domain, total)?;
    let claim = published.claim;
    Some(if published.agrees {
        check(PUBLISHED_VALUE, Verdict::Holds, format!("equals {claim}"))
    } else {
        check(
            PUBLISHED_VALUE,
            Verdict::Fails,
            format!("{} differs from {claim}", kernel.describe(domain, total)),
        )
    })
}

/// Says which shards were computed again here; of a run without such, what is left to believe depends on a published value.
fn recomputed(state: &RunState, is_published: bool) -> Check {
    // A result in the place of values that were set aside is computed again here, whatever the plan says.
    let asked = usize::try_from(state.plan().verify.min(state.plan().shards)).unwrap_or(usize::MAX);
    let wanted = asked.max(state.set_aside_count()).max(state.rechecks().count());
    if wanted == 0 {
        let text = if is_published {
            "no shard was computed again here (--verify 0)"
        } else {
            "nothing was computed again here (--verify 0): the value of each worker is taken as it is"
        };
        return check(RECOMPUTED, Verdict::Note, text.to_owned());
    }
    let mut same: Vec<String> = Vec::new();
    let mut problems: Vec<String> = Vec::new();
    for (index, recheck) in state.rechecks() {
        let accepted = state.accepted_result(index).map(|accepted| accepted.value);
        match (recheck, accepted) {
            (Recheck::Open | Recheck::HandedOut, _) => {}
            (Recheck::Done(Ok(here)), Some(there)) if *here == there => same.push(index.to_string()),
            (Recheck::Done(Ok(here)), Some(there)) => {
                problems.push(format!(
                    "index {index} is {} here and {} there",
                    Grouped(*here),
                    Grouped(there)
                ));
            }
            (Recheck::Done(Ok(here)), None) => {
                problems.push(format!(
                    "index {index} is {} here and has no accepted value",
                    Grouped(*here)
                ));
            }
            (Recheck::Done(Err(why)), _) => {
                problems.push(format!("index {index} could not be computed again here: {why}"));
            }
        }
    }
    if !problems.is_empty() {
        return check(RECOMPUTED, Verdict::Fails, listed(&problems));
    }
    let wanted_count = u64::try_from(wanted).unwrap_or(u64::MAX);
    if same.len() == wanted {
        let shards = counted(wanted_count, "shard", "shards");
        let text = format!("{shards} computed again here: same ({})", indexes_text(&same));
        return check(RECOMPUTED, Verdict::Holds, text);
    }
    let shards = counted(wanted_count, "shard is", "shards are");
    check(
        RECOMPUTED,
        Verdict::Open,
        format!("{shards} to be computed again here, {} done", same.len()),
    )
}

fn nothing_disputed(state: &RunState) -> Option<Check> {
    let disputed: Vec<String> = state
        .indexes_in(&[IndexState::Disputed])
        .indexes()
        .map(|index| disputed_text(index, &state.values(index)))
        .collect();
    (!disputed.is_empty()).then(|| check(NOTHING_DISPUTED, Verdict::Fails, listed(&disputed)))
}

/// Says which values of an index differ, and which pods gave them.
fn disputed_text(index: CompletionIndex, values: &[DisputedValue]) -> String {
    let values: Vec<String> = values
        .iter()
        .map(|value| format!("{} from {}", Grouped(value.value), value.pods.join(" and ")))
        .collect();
    format!("index {index} is disputed: {}", values.join(", "))
}

/// Says how many results came from which Job, when they came from several.
fn jobs(accepted: &[Accepted<'_>]) -> Option<Check> {
    let mut by_uid: BTreeMap<&JobUid, (&str, u64)> = BTreeMap::new();
    for result in accepted {
        let (_, results) = by_uid.entry(result.job_uid).or_insert((job_name(result.pod), 0));
        *results += 1;
    }
    if by_uid.len() < 2 {
        return None;
    }
    let mut jobs: Vec<(&str, u64)> = by_uid.into_values().collect();
    // A rerun's Job has its run's name and a number at the end, so this is the order in which they were made.
    jobs.sort_by_key(|(name, _)| (name.len(), *name));
    let texts: Vec<String> = jobs
        .iter()
        .map(|(name, results)| format!("{} from Job {name}", counted(*results, "result", "results")))
        .collect();
    Some(check(JOBS, Verdict::Holds, listed(&texts)))
}

/// Returns the name of a pod's Job, which is all of the pod's name but its index and its random end.
fn job_name(pod: &str) -> &str {
    pod.rsplitn(3, '-').nth(2).unwrap_or(pod)
}

fn notes(state: &RunState) -> impl Iterator<Item = Check> {
    let duplicates = Some(state.duplicates()).filter(|count| *count > 0).map(|count| {
        let reports = counted(u64::from(count), "duplicate report", "duplicate reports");
        check(DUPLICATES, Verdict::Note, format!("{reports}, same value, ignored"))
    });
    let lost = Some(state.log_lines_lost()).filter(|count| *count > 0).map(|count| {
        let lines = counted(count, "log line was", "log lines were");
        check(
            LOG_LINES_LOST,
            Verdict::Note,
            format!("{lines} lost; logs move bars and never count"),
        )
    });
    duplicates.into_iter().chain(lost)
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", Grouped(count), if count == 1 { one } else { many })
}

/// Joins texts, and counts those that are too many to be named.
fn listed(texts: &[String]) -> String {
    let named: Vec<&str> = texts.iter().take(NAMED_MAX).map(String::as_str).collect();
    match texts.len().saturating_sub(NAMED_MAX) {
        0 => named.join("; "),
        more => format!("{}; and {more} more", named.join("; ")),
    }
}

fn indexes_text(indexes: &[String]) -> String {
    let named: Vec<&str> = indexes.iter().take(NAMED_MAX).map(String::as_str).collect();
    let word = if indexes.len() == 1 { "index" } else { "indexes" };
    match indexes.len().saturating_sub(NAMED_MAX) {
        0 => format!("{word} {}", named.join(", ")),
        more => format!("{word} {} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests;
