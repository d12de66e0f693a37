//! `ttg-tui run`: submit a plan and watch it to its end.

use super::{form, reach};
use crate::cli::RunFlags;
use crate::config::{Config, plan_from_flags};
use crate::error::Error;
use crate::ledger::StateFolder;
use crate::model::event::{Started, Task};
use crate::shell::{self, Clock, Session, Teller, tell_summary};

/// Runs the command; returns its exit code.
pub(super) async fn run(config: &Config, flags: &RunFlags) -> Result<u8, Error> {
    let clock = Clock::start();
    let plan = plan_from_flags(&flags.plan, rand::random())?;
    let state = StateFolder::open(&config.state_folder)?;
    if state.runs()?.contains(&plan.run) {
        let what = format!("a run named {} is kept here already", plan.run);
        let hint = format!(
            "choose another --name, or look at that one with `ttg-tui result {}`",
            plan.run
        );
        return Err(Error::usage(what).with_hint(hint));
    }
    let reached = reach(config, clock, true).await?;
    let form = form(config);
    let started = Started {
        task: Task::Submit,
        job: None,
        cluster: reached.connection.cluster.clone(),
        namespace: reached.connection.namespace.clone(),
        outlives: reached.connection.outlives,
        seed: rand::random(),
        kept: Vec::new(),
        plan: plan.clone(),
    };
    let teller = Teller::new(form, plan.shards, plan.retries);
    let session = Session {
        clock,
        connection: reached.connection,
        started,
        state,
        teller,
    };
    let (end, summary) = shell::run(session).await;
    if let Some(host) = reached.host {
        host.cluster.stop().await;
    }
    tell_summary(form, &summary);
    Ok(end.exit_code())
}
