//! The model: one session with one run, and what to do about each input.
//!
//! [`update()`] takes an event and answers with effects; it never waits, never fails, does no I/O and reads no clock. Effects that
//! follow from the state as a whole (which logs to follow, what to keep, whether the run has ended) are decided once for each
//! [`Event::Drained`](event::Event::Drained), so that ten thousand facts in a row cost one decision.
//!
//! It must not know of kube, files, terminals or how anything is drawn.

pub mod change;
pub mod effect;
pub mod event;
pub mod history;
pub mod intent;
pub mod log_tail;
pub mod preflight;
mod settle;
mod shown;
pub mod twin;
mod update;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::run::state::RunState;
use crate::run::summary::{Headline, Place, Summary, summarize, unproven};
use change::ChangeNow;
use effect::{End, FollowTarget, JobChange};
use event::{ApiCost, Rights, Started, Task, WatchOf};
use history::History;
use log_tail::LogTail;
pub use update::update;

/// Where a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// The Job is being made.
    Submitting,
    /// The run goes on.
    Watching,
    /// The Job is over and results are missing: its pods are listed once more, since a watch may be behind.
    Collecting,
    /// The pods were listed once more: what is missing now stays missing.
    Collected,
    /// The person wants to leave, and this is how; only results that are on their way to the ledger are waited for.
    Leaving(End),
    /// The session has ended.
    Ended(End),
}

/// One session with one run.
#[derive(Clone, Debug)]
pub struct Model {
    started: Started,
    run: RunState,
    stage: Stage,
    started_at: Timestamp,
    /// How many partials were sent to the ledger and not answered yet.
    keeping: usize,
    /// Why the ledger could not be written, the last time that it could not.
    keep_trouble: Option<String>,
    /// When the last result was accepted.
    last_accepted_at: Option<Timestamp>,
    /// The watches that are lost, since when and why.
    lost: BTreeMap<WatchOf, (Timestamp, String)>,
    followed: Vec<FollowTarget>,
    /// Whether pods came or went since it was last decided which logs to follow.
    follow_again: bool,
    cost: ApiCost,
    logs_dropped: u64,
    history: History,
    /// The last change that was asked for here.
    change: Option<ChangeNow>,
    /// The changes that the server has not answered yet, the first one being on its way.
    changing: VecDeque<JobChange>,
    log: LogTail,
    rights: Rights,
    /// The run in one value, once the session has ended.
    final_summary: Option<Box<Summary>>,
    /// When time last passed.
    ticked_at: Option<Timestamp>,
}

impl Model {
    /// Begins a session.
    pub fn new(at: Timestamp, started: Started) -> Self {
        let mut run = RunState::new(started.plan.clone());
        // A ledger of another plan was refused when it was read; single lines that do not fit are left out here.
        run.restore(started.kept.clone());
        run.pick_verify(started.seed);
        let stage = match started.task {
            Task::Submit | Task::Rerun(_) => Stage::Submitting,
            Task::Attach => Stage::Watching,
        };
        Self {
            started,
            run,
            stage,
            started_at: at,
            keeping: 0,
            keep_trouble: None,
            last_accepted_at: None,
            lost: BTreeMap::new(),
            followed: Vec::new(),
            follow_again: true,
            cost: ApiCost::default(),
            logs_dropped: 0,
            history: History::default(),
            change: None,
            changing: VecDeque::new(),
            log: LogTail::default(),
            rights: Rights::default(),
            final_summary: None,
            ticked_at: None,
        }
    }

    /// Returns the run.
    pub fn run(&self) -> &RunState {
        &self.run
    }

    /// Returns when the session began.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Tells whether the run is on the cluster: there is something to tell about it.
    pub fn was_submitted(&self) -> bool {
        self.started.task == Task::Attach || self.run.job().is_some()
    }

    /// Tells whether a watch of the cluster is lost.
    pub fn is_out_of_contact(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Returns how the session ended, once it has.
    pub fn end(&self) -> Option<&End> {
        match &self.stage {
            Stage::Ended(end) => Some(end),
            Stage::Submitting | Stage::Watching | Stage::Collecting | Stage::Collected | Stage::Leaving(_) => None,
        }
    }

    /// Ends the session, with what the cluster's API was asked in all.
    pub fn finish(&mut self, cost: ApiCost, end: End) {
        self.cost = cost;
        self.stage = Stage::Ended(end);
        self.final_summary = Some(Box::new(self.summary()));
    }

    /// Returns the run in one value.
    pub fn summary(&self) -> Summary {
        let end = self.end().unwrap_or(&End::Left);
        let place = Place {
            cluster: self.started.cluster.clone(),
            namespace: self.started.namespace.clone(),
            reach_flags: self.started.reach_flags.clone(),
        };
        let headline = match end {
            End::Proven => Headline::Proven,
            End::Unproven => unproven(&self.run),
            End::Failed | End::Refused => Headline::Failed,
            End::Cancelled => Headline::Cancelled,
            End::Lost | End::Signal(_) | End::Left => Headline::Unfinished,
        };
        let mut summary = summarize(&self.run, &place, self.cost, headline, end.exit_code());
        match (&self.started.task, self.last_accepted_at) {
            // Kubernetes' own times are whole seconds; this session saw all of the run, and its clock is finer.
            (Task::Submit, Some(last)) => {
                summary.wall_ms = u64::try_from(last.duration_since(self.started_at).as_millis()).ok();
            }
            // From the first Job to the end of this one there may be days in which nothing was computed.
            (Task::Rerun(_), _) => summary.wall_ms = None,
            (Task::Submit | Task::Attach, _) => {}
        }
        // Dropped lines also show as gaps in their numbers, unless the log ended with them.
        summary.log_lines_lost = summary.log_lines_lost.max(self.logs_dropped);
        summary
    }

    /// Returns the flags by which kubectl finds the run's pods, with a space before each.
    fn kubectl_flags(&self) -> String {
        let Started {
            namespace, reach_flags, ..
        } = &self.started;
        if reach_flags.contains(" -n ") {
            reach_flags.clone()
        } else {
            format!("{reach_flags} -n {namespace}")
        }
    }

    /// Returns the words with which the run can be attached to again.
    fn attach_command(&self) -> String {
        format!("ttg-tui attach {}{}", self.run.plan().run, self.started.reach_flags)
    }
}

#[cfg(test)]
mod tests;
