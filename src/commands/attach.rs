//! `ttg-tui attach`: watch a run that exists, from any terminal.

use super::{Watched, collect, find, reach, watch};
use crate::cluster::watch::get_job;
use crate::config::Config;
use crate::error::Error;
use crate::ledger::StateFolder;
use crate::model::event::Task;
use crate::run::partial::Kept;
use crate::shell::Clock;

/// Runs the command; returns its exit code.
pub(super) async fn attach(config: &Config, asked: Option<&str>) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(config, clock, false).await?;
    let connection = &reached.connection;
    let found = match asked {
        Some(asked) => find::named(connection, &state, asked).await?,
        None => find::newest(connection).await?,
    };
    // The list of all Jobs may have taken its time.
    let job = get_job(connection, &found.current().name).await?;
    let plan = find::plan_of(&job)?;
    let is_kept = || state.runs().map(|runs| runs.contains(&plan.run));
    if is_kept()? {
        let hint = format!(
            "what is kept: ttg-tui result {}; rename its folder to attach to this one",
            plan.run
        );
        let kept = state.read_run(&plan.run)?;
        kept.fits(&plan).map_err(|error| Error::from(error).with_hint(hint))?;
    }
    let others = found.all().filter(|other| other.uid != job.uid);
    let mut others = collect::own(others, &plan);
    if !others.is_empty() {
        others.reverse();
        // Where another program writes the ledger, that one has done this.
        Box::pin(collect::collect(connection, &state, &plan, &others, clock.now())).await?;
    }
    let kept = if is_kept()? {
        state.read_run(&plan.run)?.results()
    } else {
        Kept::default()
    };
    let watched = Watched {
        plan,
        task: Task::Attach,
        job: Some(Box::new(job)),
        kept,
    };
    watch(reached, config, clock, state, watched).await
}
