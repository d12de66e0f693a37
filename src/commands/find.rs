//! Which run on the cluster is meant.

use std::cmp::Reverse;

use crate::cluster::connect::Connection;
use crate::cluster::watch::{find_runs, get_job};
use crate::error::Error;
use crate::ledger::{FindError, StateFolder, find_run};
use crate::plan::RunId;
use crate::run::fact::JobFact;

/// Finds the run with exactly this name, or the only one whose name begins so.
pub(super) async fn named(connection: &Connection, state: &StateFolder, asked: &str) -> Result<JobFact, Error> {
    let mut runs = find_runs(connection).await?;
    runs.sort_by_key(|job| Reverse(job.created_at));
    let ids: Vec<RunId> = runs.iter().filter_map(|job| RunId::parse(&job.name).ok()).collect();
    let error = match find_run(asked, &ids) {
        Ok(run) => return Ok(get_job(connection, run.as_str()).await?),
        Err(error) => error,
    };
    // A name that could be any of several Jobs is not that of a Job that is gone.
    let is_unknown = matches!(error, FindError::Unknown { .. });
    let kept = if is_unknown { state.find(asked).ok() } else { None };
    Err(match kept {
        Some(run) => Error::usage(format!("the Job of {run} is gone from {}", connection.namespace))
            .with_hint(format!("what is kept of it: ttg-tui result {run}")),
        None => error.into(),
    })
}

/// Finds the newest run, one that goes on before one that has ended.
pub(super) async fn newest(connection: &Connection) -> Result<JobFact, Error> {
    let runs = find_runs(connection).await?;
    let newest = runs
        .into_iter()
        .min_by_key(|job| (job.is_finished(), Reverse(job.created_at)));
    newest.ok_or_else(|| {
        Error::usage(format!("there is no run in {}", connection.namespace))
            .with_hint("start one with `ttg-tui run`, or name another namespace with -n NS")
    })
}
