//! `ttg-tui result`: what is kept of a run, whatever became of its Job. Needs no cluster.

use super::{form, print};
use crate::config::Config;
use crate::error::Error;
use crate::ledger::{KeptRun, StateFolder};
use crate::model::event::ApiCost;
use crate::run::proof::prove;
use crate::run::state::RunState;
use crate::run::summary::{Headline, Place, Summary, headline, summarize};
use crate::shell::{Clock, recompute, summary_in};

/// Runs the command; returns its exit code.
pub(super) fn result(config: &Config, asked: &str) -> Result<u8, Error> {
    let state = StateFolder::open(&config.state_folder)?;
    let kept = state.read_run(&state.find(asked)?)?;
    let summary = summary(&kept);
    print(summary_in(form(config), &summary).as_bytes())?;
    Ok(summary.exit_code)
}

/// Returns the summary of what is kept of a run.
pub(super) fn summary(kept: &KeptRun) -> Summary {
    let state = restored(kept);
    let whole = kept.summary.clone().filter(|summary| is_whole(summary, &state));
    whole.unwrap_or_else(|| from_ledger(kept, state))
}

/// Returns the summary of what is kept of a run after every shard was computed again here, whatever its plan asks for.
pub(super) fn checked_throughout(kept: &KeptRun) -> Summary {
    let mut kept = kept.clone();
    kept.plan.verify = kept.plan.shards;
    let state = restored(&kept);
    from_ledger(&kept, state)
}

/// A summary tells all of a run when it is of its end, and the ledger has not changed since, by a later `attach` or `rerun`.
pub(super) fn is_whole(summary: &Summary, state: &RunState) -> bool {
    summary.headline != Headline::Unfinished
        && state.accepted() == summary.accepted
        && state.total() == summary.value
        && usize::try_from(state.counts().disputed).is_ok_and(|disputed| disputed == summary.disputed.len())
}

/// Makes the state of a run from what is kept of it.
pub(super) fn restored(kept: &KeptRun) -> RunState {
    let mut state = RunState::new(kept.plan.clone());
    state.restore(kept.results());
    state
}

/// Makes the summary from the ledger alone, and computes shards again here, as the end of a run does.
fn from_ledger(kept: &KeptRun, mut state: RunState) -> Summary {
    if state.is_complete() {
        state.pick_verify(rand::random());
        let at = Clock::start().now();
        for index in state.recompute_due() {
            let value = recompute(&kept.plan, index, &|| false);
            state.recomputed(at, index, value);
        }
    }
    let place = kept.summary.as_ref().map_or_else(Place::default, |summary| Place {
        cluster: summary.cluster.clone(),
        namespace: summary.namespace.clone(),
        reach_flags: summary.reach_flags.clone(),
    });
    let headline = headline(&state, &prove(&state));
    let exit_code = if headline == Headline::Proven { 0 } else { 3 };
    summarize(&state, &place, ApiCost::default(), headline, exit_code)
}
