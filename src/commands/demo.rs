//! `ttg-tui demo`: a run on the local cluster that shows itself, with a killed worker and two more, in about half a minute.

use tokio::sync::mpsc::{self, Receiver};

use super::{Watched, reach, tui};
use crate::cli::PlanFlags;
use crate::cluster::connect::Connection;
use crate::cluster::disturb::delete_pods;
use crate::config::{Config, Where};
use crate::demo::{DEMO, PACE_MS, SHARDS, Script, WORKERS};
use crate::error::Error;
use crate::ledger::StateFolder;
use crate::model::event::Task;
use crate::run::fact::CompletionIndex;
use crate::run::partial::Kept;
use crate::shell::Clock;
use crate::shell::guide::Guide;

/// Runs the command; returns the exit code of the run.
pub(super) async fn demo(config: &Config) -> Result<u8, Error> {
    if !tui::is_wanted(config) {
        let hint = format!("`ttg-tui run --pace {}s` tells a run in lines", PACE_MS / 1000);
        return Err(Error::usage("the demo is shown on a terminal, and there is none").with_hint(hint));
    }
    let clock = Clock::start();
    let config = Config {
        target: Where::Local,
        ..config.clone()
    };
    let flags = PlanFlags {
        workers: Some(WORKERS),
        shards: Some(SHARDS),
        pace_ms: Some(PACE_MS),
        ..PlanFlags::default()
    };
    let plan = config.plan(&flags, rand::random())?;
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(&config, clock, true).await?;
    let (deletions, lane) = mpsc::channel(DEMO.len());
    let deleting = tokio::spawn(delete(reached.connection.clone(), plan.run.to_string(), lane));
    let watched = Watched {
        plan,
        task: Task::Submit,
        job: None,
        kept: Kept::default(),
    };
    let stage = tui::Stage::Run(Box::new((reached, watched)));
    let guide = Guide::new(Script::new(DEMO), deletions);
    let code = Box::pin(tui::play_guided(&config, clock, state, stage, Some(guide))).await;
    deleting.abort();
    code
}

/// Deletes the pods that the script wants deleted. What fails is seen: the pod goes on.
async fn delete(connection: Connection, run: String, mut lane: Receiver<CompletionIndex>) {
    while let Some(index) = lane.recv().await {
        delete_pods(&connection, &run, index).await.ok();
    }
}
