//! `ttg-tui attach`: watch a run that exists, from any terminal.

use super::{Watched, find, reach, watch};
use crate::config::Config;
use crate::error::Error;
use crate::ledger::StateFolder;
use crate::plan::job::plan_from_annotation;
use crate::shell::Clock;

/// Runs the command; returns its exit code.
pub(super) async fn attach(config: &Config, asked: Option<&str>) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(config, clock, false).await?;
    let job = match asked {
        Some(asked) => find::named(&reached.connection, &state, asked).await?,
        None => find::newest(&reached.connection).await?,
    };
    let Some(annotation) = &job.plan_json else {
        let what = format!(
            "the Job {} in {} carries no plan",
            job.name, reached.connection.namespace
        );
        return Err(Error::usage(what).with_hint("only runs that ttg-tui made can be attached to"));
    };
    let plan = plan_from_annotation(annotation)?;
    let kept = if state.runs()?.contains(&plan.run) {
        let kept = state.read_run(&plan.run)?;
        let hint = format!(
            "what is kept: ttg-tui result {}; rename its folder to attach to this one",
            plan.run
        );
        kept.fits(&plan).map_err(|error| Error::from(error).with_hint(hint))?;
        kept.partials
    } else {
        Vec::new()
    };
    Ok(watch(
        reached,
        config,
        clock,
        state,
        Watched {
            plan,
            job: Some(Box::new(job)),
            kept,
        },
    )
    .await)
}
