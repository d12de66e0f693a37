//! `ttg-tui list`: the runs that are kept here and those on the cluster, if there is one. Starts none.

use super::find::{self, RunJobs};
use super::result::{is_whole, restored};
use super::{print, reach, style, tell};
use crate::cluster::connect::Connection;
use crate::config::{Config, Output, Where};
use crate::error::Error;
use crate::host;
use crate::ledger::{KeptRun, StateFolder};
use crate::plan::job::plan_from_annotation;
use crate::plan::{Plan, RunId};
use crate::report::list::{Found, Kept, Row, list_text, row_line};
use crate::run::intervals::IndexSet;
use crate::shell::Clock;

/// Runs the command; returns its exit code.
pub(super) async fn list(config: &Config) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let (connection, jobs) = match on_cluster(config, clock).await? {
        Some((connection, jobs)) => (Some(connection), jobs),
        None => (None, Vec::new()),
    };
    let mut rows = rows(&state, connection.as_ref(), jobs)?;
    rows.sort_by(|left, right| (right.created_at, &left.run).cmp(&(left.created_at, &right.run)));
    let text: String = match config.output {
        Output::Json => rows.iter().map(|row| row_line(row) + "\n").collect(),
        Output::Text => list_text(&rows, clock.now(), style(config)),
    };
    if rows.is_empty() {
        tell("there is no run yet\nhint: start one with `ttg-tui run`");
    }
    print(text.as_bytes())?;
    Ok(0)
}

/// Lists the runs on the cluster; none when no local cluster runs, as a list is no reason to start one.
async fn on_cluster(config: &Config, clock: Clock) -> Result<Option<(Connection, Vec<RunJobs>)>, Error> {
    if config.target == Where::Local && host::find(&config.runtime_folder).is_none() {
        tell("no local cluster is running: only what is kept here is listed");
        return Ok(None);
    }
    let connection = reach(config, clock, false).await?.connection;
    let runs = find::runs(&connection).await?;
    Ok(Some((connection, runs)))
}

/// Makes one row of what is kept of a run and of its Jobs.
fn rows(state: &StateFolder, connection: Option<&Connection>, mut jobs: Vec<RunJobs>) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for run in state.runs()? {
        let kept = match state.read_run(&run) {
            Ok(kept) => kept,
            Err(error) => {
                // One that is damaged must not hide the others.
                tell(&format!("cannot list what is kept of {run}: {error}"));
                continue;
            }
        };
        let position = jobs
            .iter()
            .position(|jobs| jobs.newest.run == run.as_str() && is_of(jobs, &kept));
        let own = position.map(|position| jobs.swap_remove(position));
        rows.push(kept_row(state, &run, &kept, found(connection, own.as_ref())));
    }
    let others = jobs.iter();
    rows.extend(others.map(|other| Row::new(&other.newest.run, found(connection, Some(other)), None)));
    Ok(rows)
}

/// Tells whether Jobs compute what is kept under their run's name.
fn is_of(jobs: &RunJobs, kept: &KeptRun) -> bool {
    plan_of(jobs).is_some_and(|plan| kept.fits(&plan).is_ok())
}

fn plan_of(jobs: &RunJobs) -> Option<Plan> {
    let json = jobs.newest.plan_json.as_deref()?;
    plan_from_annotation(json).ok()
}

fn found<'a>(connection: Option<&'a Connection>, jobs: Option<&'a RunJobs>) -> Option<Found<'a>> {
    let (connection, jobs) = (connection?, jobs?);
    let completed = jobs
        .all()
        .fold(IndexSet::default(), |completed, job| completed.union(&job.completed));
    Some(Found {
        job: jobs.current(),
        completed: completed.len(),
        created_at: jobs.first().created_at,
        // A Job of a foreign shape is listed, too.
        shards: plan_of(jobs).map_or(jobs.first().completions, |plan| plan.shards),
        cluster: &connection.cluster,
        namespace: &connection.namespace,
    })
}

fn kept_row(state: &StateFolder, run: &RunId, kept: &KeptRun, found: Option<Found<'_>>) -> Row {
    let restored = restored(kept);
    let kept = Kept {
        accepted: restored.accepted(),
        shards: kept.plan.shards,
        since: state.kept_since(run),
        summary: kept.summary.as_ref().filter(|summary| is_whole(summary, &restored)),
    };
    Row::new(run.as_str(), found, Some(kept))
}
