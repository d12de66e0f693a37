//! `ttg-tui attach`: watch a run that exists, from any terminal.

use super::{Watched, reach, watch};
use crate::cluster::connect::Connection;
use crate::cluster::watch::{find_runs, get_job};
use crate::config::Config;
use crate::error::Error;
use crate::ledger::{StateFolder, find_run};
use crate::plan::RunId;
use crate::plan::job::plan_from_annotation;
use crate::run::fact::JobFact;
use crate::shell::Clock;

/// Runs the command; returns its exit code.
pub(super) async fn attach(config: &Config, asked: Option<&str>) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(config, clock, false).await?;
    let job = choose(&reached.connection, &state, asked).await?;
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

/// Finds the run that is meant: by name, by the beginning of it, or the newest.
async fn choose(connection: &Connection, state: &StateFolder, asked: Option<&str>) -> Result<JobFact, Error> {
    let mut runs = find_runs(connection).await?;
    let Some(asked) = asked else {
        runs.sort_by_key(|job| (job.is_finished(), std::cmp::Reverse(job.created_at)));
        return runs.into_iter().next().ok_or_else(|| {
            Error::usage(format!("there is no run in {}", connection.namespace))
                .with_hint("start one with `ttg-tui run`, or name another namespace with -n NS")
        });
    };
    let ids: Vec<RunId> = runs.iter().filter_map(|job| RunId::parse(&job.name).ok()).collect();
    match find_run(asked, &ids) {
        Ok(run) => Ok(get_job(connection, run.as_str()).await?),
        Err(error) => {
            let kept = state.find(asked).ok();
            let error = Error::from(error);
            Err(match kept {
                Some(run) => Error::usage(format!("the Job of {run} is gone from {}", connection.namespace))
                    .with_hint(format!("what is kept of it: ttg-tui result {run}")),
                None => error,
            })
        }
    }
}
