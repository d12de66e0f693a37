//! `ttg-tui run`: submit a plan and watch it to its end.

use std::io::{IsTerminal, Write, stderr, stdin};

use super::{Watched, detach, reach, watch};
use crate::cli::RunFlags;
use crate::config::{Config, Where};
use crate::error::{Error, Exit};
use crate::ledger::StateFolder;
use crate::model::event::Task;
use crate::run::partial::Kept;
use crate::shell::Clock;

/// Runs the command; returns its exit code.
pub(super) async fn run(config: &Config, flags: &RunFlags) -> Result<u8, Error> {
    let clock = Clock::start();
    let plan = config.plan(&flags.plan, rand::random())?;
    let state = StateFolder::open(&config.state_folder)?;
    if state.runs()?.contains(&plan.run) {
        let what = format!("a run named {} is kept here already", plan.run);
        let hint = format!(
            "choose another --name, or look at that one with `ttg-tui result {}`",
            plan.run
        );
        return Err(Error::usage(what).with_hint(hint));
    }
    if flags.detach {
        detach::check(config)?;
    }
    let reached = reach(config, clock, !flags.detach).await?;
    if config.target != Where::Local && !flags.yes {
        let run = plan.run.as_str();
        confirm(run, &reached.connection.cluster, &reached.connection.namespace)?;
    }
    if flags.detach {
        return detach::submit(config, clock, &reached, &state, plan).await;
    }
    let watched = Watched {
        plan,
        task: Task::Submit,
        job: None,
        kept: Kept::default(),
    };
    watch(reached, config, clock, state, watched).await
}

/// On a terminal, asks before anything is made on a cluster that is not this machine's own. The default is no.
pub(super) fn confirm(what: &str, cluster: &str, namespace: &str) -> Result<(), Error> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Ok(());
    }
    let mut answer = String::new();
    // Without an answer, or a way to ask, nothing is submitted.
    let asked = write!(stderr(), "submit {what} to {cluster}/{namespace}? [y/N] ")
        .and_then(|()| stderr().flush())
        .and_then(|()| stdin().read_line(&mut answer));
    if asked.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Error::new(Exit::Cancelled, "nothing was submitted").with_hint("--yes submits without asking"))
}
