//! `ttg-tui run`: submit a plan and watch it to its end.

use std::io::{IsTerminal, Write, stderr, stdin};

use super::{Watched, reach, watch};
use crate::cli::RunFlags;
use crate::config::{Config, Where, plan_from_flags};
use crate::error::{Error, Exit};
use crate::ledger::StateFolder;
use crate::plan::Plan;
use crate::shell::Clock;

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
    if config.target != Where::Local && !flags.yes {
        confirm(&plan, &reached.connection.cluster, &reached.connection.namespace)?;
    }
    Ok(watch(
        reached,
        config,
        clock,
        state,
        Watched {
            plan,
            job: None,
            kept: Vec::new(),
        },
    )
    .await)
}

/// On a terminal, asks before anything is made on a cluster that is not this machine's own. The default is no.
fn confirm(plan: &Plan, cluster: &str, namespace: &str) -> Result<(), Error> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Ok(());
    }
    let mut answer = String::new();
    // Without an answer, or a way to ask, nothing is submitted.
    let asked = write!(stderr(), "submit {} to {cluster}/{namespace}? [y/N] ", plan.run)
        .and_then(|()| stderr().flush())
        .and_then(|()| stdin().read_line(&mut answer));
    if asked.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Error::new(Exit::Cancelled, "nothing was submitted").with_hint("--yes submits without asking"))
}
