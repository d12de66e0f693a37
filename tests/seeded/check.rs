//! What must hold at the end of every run, whatever went wrong on the way.
//!
//! The truth is computed here, by the kernel itself, over the whole range and over each shard.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ttg_tui::ledger::StateFolder;
use ttg_tui::model::effect::End;
use ttg_tui::plan::Plan;
use ttg_tui::run::summary::{Headline, Summary};

use super::draw::{Fault, Scenario};
use super::tally::Tally;

/// What a scenario left behind.
pub(crate) struct Remains<'r> {
    pub(crate) scenario: &'r Scenario,
    pub(crate) tally: &'r Tally,
    pub(crate) state: &'r StateFolder,
    /// How the last session ended; none when it was killed and left no Job to attach to.
    pub(crate) end: Option<End>,
    /// What each session told, line by line; the last session comes last.
    pub(crate) sessions: &'r [Vec<String>],
}

/// Checks everything; returns how the last session says that the run stands, or what is wrong. A killed one says nothing.
pub(crate) fn check(remains: &Remains<'_>) -> Result<Option<Headline>, String> {
    let (kept, truth) = (kept(remains)?, truth(&remains.scenario.plan));
    let mut last = None;
    for lines in remains.sessions {
        let told: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).map_err(|e| format!("a line is not JSON ({e}): {line}")))
            .collect::<Result<_, _>>()?;
        nothing_accepted_is_lost(&told, &kept)?;
        last = summary_of(&told)?;
        let Some(summary) = &last else { continue };
        if summary.log_lines_lost > 0 && remains.scenario.has(Fault::LogGap) {
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
        unproven_has_a_reason(remains.scenario, end, &summary)?;
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
    let run = &remains.scenario.plan.run;
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
    let kernel = remains.scenario.plan.kernel().expect("the plan was checked");
    let is_forged = |index: u32| {
        let mut faults = remains.scenario.faults.iter();
        faults.any(|ordered| ordered.fault == Fault::ForgedValue && ordered.index == index)
    };
    let mut total: Option<i128> = None;
    for row in &summary.indexes {
        let Some(value) = row.value else { continue };
        let true_value = truth[usize::try_from(row.index.0).unwrap()];
        if value != true_value && !is_forged(row.index.0) {
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

fn proven_is_true(
    remains: &Remains<'_>,
    summary: &Summary,
    kept: &BTreeMap<u32, BTreeSet<i128>>,
    truth: &[i128],
) -> Result<(), String> {
    let plan = &remains.scenario.plan;
    let domain = plan.domain();
    let kernel = plan.kernel().expect("the plan was checked");
    let whole = kernel
        .evaluate(domain, domain.first..domain.end())
        .expect("the plan was checked");
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

fn unproven_has_a_reason(scenario: &Scenario, end: &End, summary: &Summary) -> Result<(), String> {
    let has_gaps = !summary.missing.is_empty() || !summary.failed.is_empty();
    let lacks = has_gaps || !summary.disputed.is_empty() || !summary.doubted.is_empty();
    let was_not_submitted =
        matches!(end, End::Refused | End::Lost) && scenario.faults.iter().any(|ordered| ordered.class.is_some());
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
    if scenario.is_gentle() {
        return Err(format!(
            "{:?}, and nothing that happened may cost a result: missing {:?}, failed {:?}, disputed {:?}",
            summary.headline, summary.missing, summary.failed, summary.disputed
        ));
    }
    Ok(())
}
