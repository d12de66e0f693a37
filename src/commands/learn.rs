//! `ttg-tui learn`: a paced run on the local cluster beside the lessons; without a terminal, the page of a lesson.

use super::{Watched, print, reach, run, tui};
use crate::cli::PlanFlags;
use crate::config::{Config, Where};
use crate::error::Error;
use crate::host;
use crate::learn::{lessons, page, page_of_life, pages};
use crate::ledger::StateFolder;
use crate::model::event::Task;
use crate::run::partial::Kept;
use crate::shell::Clock;
use crate::view::learn::Choices;

/// How long the run takes about: long enough to do something to it.
const PACE_MS: u64 = 60_000;
/// How many workers it has.
const WORKERS: u32 = 3;
/// How many shards it has.
const SHARDS: u32 = 12;

/// Runs the command; returns the exit code of the last run.
pub(super) async fn learn(config: &Config, lesson: Option<usize>) -> Result<u8, Error> {
    if !tui::is_wanted(config) {
        print(text(lesson).as_bytes())?;
        return Ok(0);
    }
    let clock = Clock::start();
    let flags = PlanFlags {
        pace_ms: Some(PACE_MS),
        workers: Some(WORKERS),
        shards: Some(SHARDS),
        ..PlanFlags::default()
    };
    let plan = config.plan(&flags, rand::random())?;
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(config, clock, true).await?;
    let is_local = config.target == Where::Local;
    if !is_local {
        let (cluster, namespace) = (&reached.connection.cluster, &reached.connection.namespace);
        run::confirm(plan.run.as_str(), cluster, namespace)?;
    }
    // Commands are typed in another terminal, so the cluster must be found from there, also when it is this program's own.
    let own = reached.host.as_ref();
    let publication = own.map(|own| host::publish(&config.runtime_folder, own)).transpose()?;
    let found = host::find(&config.runtime_folder).filter(|_| is_local);
    let kubeconfig = found.map(|(published, _)| published.kubeconfig.display().to_string());
    let watched = Watched {
        plan,
        task: Task::Submit,
        job: None,
        kept: Kept::default(),
    };
    let stage = tui::Stage::Run(Box::new((reached, watched)));
    let lessons = Choices::new(lesson.unwrap_or(0), kubeconfig);
    let code = Box::pin(tui::play_lesson(config, clock, state, stage, lessons)).await;
    drop(publication);
    code
}

/// Returns the page of a lesson, or the list of all.
fn text(lesson: Option<usize>) -> String {
    match lesson {
        None => pages().into_iter().next().map_or_else(String::new, |(_, text)| text),
        Some(number) => {
            let lesson = number.checked_sub(1).and_then(|number| lessons().get(number));
            lesson.map_or_else(page_of_life, page)
        }
    }
}
