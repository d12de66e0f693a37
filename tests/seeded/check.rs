//! What must hold at the end of every run and of every rerun, whatever went wrong on the way.
//!
//! The truth is computed here, by the kernel itself, over the whole range and over each shard.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ttg_tui::ledger::{KeptRun, StateFolder};
use ttg_tui::model::effect::End;
use ttg_tui::plan::Plan;
use ttg_tui::run::intervals::IndexSet;
use ttg_tui::run::summary::{Headline, Summary};

use super::draw::{Fault, Ordered};
use super::tally::Tally;

/// What a run or a rerun left behind.
pub(crate) struct Remains<'r> {
    pub(crate) plan: &'r Plan,
    /// Every fault that was ordered since the run began.
    pub(crate) faults: &'r [Ordered],
    /// Those of them that were ordered for these sessions.
    pub(crate) active: &'r [Ordered],
    /// Whether nothing has happened that may cost a result: then the total must be proven.
    pub(crate) is_gentle: bool,
    pub(crate) tally: &'r Tally,
    pub(crate) state: &'r StateFolder,
    /// How the last session ended; none when it was killed and left no Job to attach to.
    pub(crate) end: Option<End>,
    /// What each session told, line by line; the last session comes last.
    pub(crate) sessions: &'r [Vec<String>],
}

/// Checks everything; returns how the last session says that the run stands, or what is wrong. A killed one says nothing.
pub(crate) fn check(remains: &Remains<'_>) -> Result<Option<Headline>, String> {
    let (kept, truth) = (kept(remains)?, truth(remains.plan));
    let mut last = None;
    for lines in remains.sessions {
        let told: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).map_err(|e| format!("a line is not JSON ({e}): {line}")))
            .collect::<Result<_, _>>()?;
        nothing_accepted_is_lost(&told, &kept)?;
        last = summary_of(&told)?;
        let Some(summary) = &last else { continue };
        let has_gaps = remains.faults.iter().any(|ordered| ordered.fault == Fault::LogGap);
        if summary.log_lines_lost > 0 && has_gaps {
            remains.tally.hit(Fault::LogGap);
        }
        values_are_true(remains, summary, &truth)?;
        if summary.headline == Headline::Proven {
            proven_is_true(remains, summary, &kept, &truth)?;
        }
    }
    let Some(end) = &remains.end else { return Ok(None) };
    let summary = last.ok_or("the last session told no summary")?;
    let (is_proven, ended_proven) = (summary.headline == Headline::Proven, *end == End::Proven);
    if is_proven != ended_proven {
        return Err(format!("{:?}, but the session ended as {end:?}", summary.headline));
    }
    if !is_proven {
        unproven_has_a_reason(remains, end, &summary)?;
    }
    Ok(Some(summary.headline))
}

/// Finds the summary; none when the session was killed before it.
fn summary_of(told: &[Value]) -> Result<Option<Summary>, String> {
    let line = told.iter().rev().find(|line| line["type"] == "summary");
    line.map(|line| serde_json::from_value(line.clone()))
        .transpose()
        .map_err(|e| format!("a summary does not read back: {e}"))
}

/// Reads the values that the ledger holds, by index.
fn kept(remains: &Remains<'_>) -> Result<BTreeMap<u32, BTreeSet<i128>>, String> {
    let run = &remains.plan.run;
    if !remains.state.runs().map_err(|e| e.to_string())?.contains(run) {
        return Ok(BTreeMap::new());
    }
    let kept = remains.state.read_run(run).map_err(|e| e.to_string())?;
    if kept.dropped_lines > 0 {
        return Err(format!("the ledger has {} damaged lines", kept.dropped_lines));
    }
    let mut values: BTreeMap<u32, BTreeSet<i128>> = BTreeMap::new();
    for partial in kept.partials {
        values.entry(partial.index.0).or_default().insert(partial.value);
    }
    Ok(values)
}

/// What a person was told to be accepted is on disk.
fn nothing_accepted_is_lost(told: &[Value], kept: &BTreeMap<u32, BTreeSet<i128>>) -> Result<(), String> {
    let accepted = told.iter().filter(|line| line["type"] == "accepted");
    for index in accepted.filter_map(|line| line["index"].as_u64()) {
        if !kept.keys().any(|kept| u64::from(*kept) == index) {
            return Err(format!(
                "index {index} was told to be accepted and is not in the ledger"
            ));
        }
    }
    Ok(())
}

/// Computes the value of each shard.
fn truth(plan: &Plan) -> Vec<i128> {
    let kernel = plan.kernel().expect("the plan was checked");
    let shards = plan.every_shard();
    shards
        .map(|shard| {
            kernel
                .evaluate(plan.domain(), shard.range())
                .expect("the plan was checked")
        })
        .collect()
}

/// Each accepted value is its shard's, and the value of the summary is made of just these.
fn values_are_true(remains: &Remains<'_>, summary: &Summary, truth: &[i128]) -> Result<(), String> {
    let kernel = remains.plan.kernel().expect("the plan was checked");
    let mut total: Option<i128> = None;
    for row in &summary.indexes {
        let Some(value) = row.value else { continue };
        let true_value = truth[usize::try_from(row.index.0).unwrap()];
        if value != true_value && !is_forged(remains.faults, row.index.0) {
            return Err(format!(
                "index {} has the value {value}, true is {true_value}",
                row.index.0
            ));
        }
        total = Some(total.map_or(value, |total| kernel.combine(total, value)));
    }
    if summary.value == total {
        Ok(())
    } else {
        Err(format!("the total is {:?}, its parts make {total:?}", summary.value))
    }
}

/// Whether a worker was ordered to forge this index.
fn is_forged(faults: &[Ordered], index: u32) -> bool {
    let mut faults = faults.iter();
    faults.any(|ordered| ordered.fault == Fault::ForgedValue && ordered.index == index)
}

/// Computes the total.
pub(crate) fn whole(plan: &Plan) -> i128 {
    let (kernel, domain) = (plan.kernel().expect("the plan was checked"), plan.domain());
    kernel
        .evaluate(domain, domain.first..domain.end())
        .expect("the plan was checked")
}

/// Reads the values that count, by index.
fn counting(kept: &KeptRun) -> BTreeMap<u32, BTreeSet<i128>> {
    let results = kept.results();
    let mut values: BTreeMap<u32, BTreeSet<i128>> = BTreeMap::new();
    for partial in results.counting() {
        values.entry(partial.index.0).or_default().insert(partial.value);
    }
    values
}

/// A rerun computes nothing again that is kept, undisputed and true.
pub(crate) fn spares_what_is_kept(
    plan: &Plan,
    kept: &KeptRun,
    faults: &[Ordered],
    indexes: &IndexSet,
) -> Result<(), String> {
    let (values, truth, doubted) = (counting(kept), truth(plan), kept.results().doubted);
    for index in indexes.indexes() {
        let only_true = BTreeSet::from([truth[usize::try_from(index.0).unwrap()]]);
        // A doubt stands until a session tells its end, also when a session that was killed has computed the index well since.
        let is_doubted = doubted.contains(index) && is_forged(faults, index.0);
        if values.get(&index.0) == Some(&only_true) && !is_doubted {
            return Err(format!("index {} is kept, and a rerun computes it again", index.0));
        }
    }
    Ok(())
}

/// What was on disk before a rerun still is.
pub(crate) fn nothing_kept_is_lost(before: &KeptRun, after: &KeptRun) -> Result<(), String> {
    let mut partials = before.partials.iter();
    match partials.find(|partial| !after.partials.contains(partial)) {
        Some(partial) => Err(format!("the rerun lost what was kept: {partial:?}")),
        None => Ok(()),
    }
}

/// The ledger alone has each index once, with its true value.
pub(crate) fn is_whole_on_disk(plan: &Plan, kept: &KeptRun) -> Result<(), String> {
    let expected = (0..).zip(truth(plan).into_iter().map(|value| BTreeSet::from([value])));
    let (expected, found) = (expected.collect::<BTreeMap<u32, _>>(), counting(kept));
    if found == expected {
        Ok(())
    } else {
        Err(format!("the ledger has {found:?}, true is {expected:?}"))
    }
}

fn proven_is_true(
    remains: &Remains<'_>,
    summary: &Summary,
    kept: &BTreeMap<u32, BTreeSet<i128>>,
    truth: &[i128],
) -> Result<(), String> {
    let plan = remains.plan;
    let whole = whole(plan);
    if summary.value != Some(whole) {
        return Err(format!("WRONG TOTAL: proven {:?}, true is {whole}", summary.value));
    }
    for (index, true_value) in (0..plan.shards).zip(truth) {
        if kept.get(&index).is_none_or(|values| !values.contains(true_value)) {
            return Err(format!(
                "proven, but the ledger does not hold the result of index {index}"
            ));
        }
    }
    Ok(())
}

fn unproven_has_a_reason(remains: &Remains<'_>, end: &End, summary: &Summary) -> Result<(), String> {
    let has_gaps = !summary.missing.is_empty() || !summary.failed.is_empty();
    let lacks = has_gaps || !summary.disputed.is_empty() || !summary.doubted.is_empty();
    let was_not_submitted =
        matches!(end, End::Refused | End::Lost) && remains.active.iter().any(|ordered| ordered.class.is_some());
    if was_not_submitted {
        return Ok(());
    }
    if !matches!(end, End::Failed | End::Unproven) {
        return Err(format!("the session ended as {end:?}, which nothing here explains"));
    }
    if !lacks {
        return Err(format!(
            "{:?}, and nothing is missing, failed, disputed or doubted",
            summary.headline
        ));
    }
    if remains.is_gentle {
        return Err(format!(
            "{:?}, and nothing that happened may cost a result: missing {:?}, failed {:?}, disputed {:?}",
            summary.headline, summary.missing, summary.failed, summary.disputed
        ));
    }
    Ok(())
}
