//! `ttg-tui attach`: watch a run that exists, from any terminal.

use super::{form, reach};
use crate::cluster::connect::Connection;
use crate::cluster::watch::{find_runs, get_job};
use crate::config::Config;
use crate::error::Error;
use crate::ledger::{StateFolder, find_run};
use crate::model::event::{Started, Task};
use crate::plan::RunId;
use crate::plan::job::plan_from_annotation;
use crate::run::fact::JobFact;
use crate::shell::{self, Clock, Session, Teller, tell_summary};

/// Runs the command; returns its exit code.
pub(super) async fn attach(config: &Config, asked: Option<&str>) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(config, clock, false).await?;
    let connection = reached.connection;
    let job = choose(&connection, &state, asked).await?;
    let Some(annotation) = &job.plan_json else {
        let what = format!("the Job {} in {} carries no plan", job.name, connection.namespace);
        return Err(Error::usage(what).with_hint("only runs that ttg-tui made can be attached to"));
    };
    let plan = plan_from_annotation(annotation)?;
    let kept = if state.runs()?.contains(&plan.run) {
        state.read_run(&plan.run)?.partials
    } else {
        Vec::new()
    };
    let form = form(config);
    let teller = Teller::new(form, plan.shards, plan.retries);
    let started = Started {
        task: Task::Attach,
        plan,
        job: Some(Box::new(job)),
        cluster: connection.cluster.clone(),
        namespace: connection.namespace.clone(),
        outlives: connection.outlives,
        seed: rand::random(),
        kept,
    };
    let (end, summary) = shell::run(Session {
        clock,
        connection,
        started,
        state,
        teller,
    })
    .await;
    tell_summary(form, &summary);
    Ok(end.exit_code())
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
