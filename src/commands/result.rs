//! `ttg-tui result`: what is kept of a run, whatever became of its Job. Needs no cluster.

use super::form;
use crate::config::Config;
use crate::error::Error;
use crate::ledger::{KeptRun, StateFolder};
use crate::model::event::ApiCost;
use crate::run::proof::prove;
use crate::run::state::RunState;
use crate::run::summary::{Headline, Place, Summary, headline, summarize};
use crate::shell::{Clock, print_summary, recompute};

/// Runs the command; returns its exit code.
pub(super) fn result(config: &Config, asked: &str) -> Result<u8, Error> {
    let state = StateFolder::open(&config.state_folder)?;
    let run = state.find(asked)?;
    let kept = state.read_run(&run)?;
    let form = form(config);
    let state = restored(&kept);
    let summary = match kept.summary.clone().filter(|s| is_whole(s, &state)) {
        Some(summary) => summary,
        None => from_ledger(kept, state),
    };
    print_summary(form, &summary);
    Ok(summary.exit_code)
}

/// A summary tells all of a run when it is of its end, and the ledger has not grown since, by a later `attach`.
pub(super) fn is_whole(summary: &Summary, state: &RunState) -> bool {
    summary.headline != Headline::Unfinished && state.accepted() == summary.accepted && state.total() == summary.value
}

/// Makes the state of a run from what is kept of it.
pub(super) fn restored(kept: &KeptRun) -> RunState {
    let mut state = RunState::new(kept.plan.clone());
    state.restore(kept.partials.clone());
    state
}

/// Makes the summary from the ledger alone, and computes shards again here, as the end of a run does.
fn from_ledger(kept: KeptRun, mut state: RunState) -> Summary {
    if state.is_complete() {
        state.pick_verify(rand::random());
        let at = Clock::start().now();
        for index in state.recompute_due() {
            let value = recompute(&kept.plan, index, &|| false);
            state.recomputed(at, index, value);
        }
    }
    let (cluster, namespace) = kept.summary.map_or_else(Default::default, |s| (s.cluster, s.namespace));
    let headline = headline(&state, &prove(&state));
    let exit_code = if headline == Headline::Proven { 0 } else { 3 };
    summarize(
        &state,
        &Place { cluster, namespace },
        ApiCost::default(),
        headline,
        exit_code,
    )
}
