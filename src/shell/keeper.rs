//! Keeping what was accepted: the ledger of one run, written on a thread of its own.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::Sender;

use crate::ledger::{Ledger, OpenRun, StateFolder, writer};
use crate::model::event::{Event, Outcome};
use crate::plan::Plan;
use crate::run::partial::Partial;
use crate::run::summary::Summary;

/// The keeper of a session.
pub(super) struct Keeper {
    state: StateFolder,
    facts: Sender<Event>,
    role: Role,
    /// What could not be handed to the writer yet, because it was busy.
    backlog: Vec<Partial>,
}

enum Role {
    /// No run is open yet.
    Idle,
    /// This program writes the ledger.
    Writer {
        queue: SyncSender<Vec<Partial>>,
        thread: JoinHandle<()>,
    },
    /// Another program on this machine watches the same run and writes; it sees the same results.
    Reader,
    /// The ledger cannot be written.
    Broken(String),
}

impl Keeper {
    pub(super) fn new(state: StateFolder, facts: Sender<Event>) -> Self {
        Self {
            state,
            facts,
            role: Role::Idle,
            backlog: Vec::new(),
        }
    }

    /// Opens the ledger of a run, or makes it.
    pub(super) fn open(&mut self, plan: &Plan) {
        let known = self.state.runs().is_ok_and(|runs| runs.contains(&plan.run));
        let opened = if known {
            self.state.open_run(&plan.run).map(|open| match open {
                OpenRun::Writer { ledger, .. } => Some(ledger),
                OpenRun::Reader { .. } => None,
            })
        } else {
            self.state.create_run(plan).map(Some)
        };
        self.role = match opened {
            Ok(Some(ledger)) => self.start(ledger),
            Ok(None) => Role::Reader,
            Err(error) => Role::Broken(error.to_string()),
        };
    }

    fn start(&self, ledger: Ledger) -> Role {
        let facts = self.facts.clone();
        let told = move |kept: Result<Vec<Partial>, String>| {
            let outcome = kept.map_or_else(Outcome::KeepFailed, Outcome::Kept);
            // The loop has ended: nobody is left to be told, and what is on disk is on disk.
            facts.blocking_send(Event::Outcome(outcome)).ok();
        };
        match writer::start(ledger, told) {
            Ok((queue, thread)) => Role::Writer { queue, thread },
            Err(error) => Role::Broken(format!("cannot start the thread that writes the ledger: {error}")),
        }
    }

    /// Keeps partials; the answer comes back as an event.
    pub(super) fn keep(&mut self, plan: &Plan, partials: Vec<Partial>) {
        if matches!(self.role, Role::Reader) {
            // The other program may have left meanwhile; then this one goes on for it.
            self.open(plan);
        }
        match &self.role {
            Role::Writer { queue, .. } => {
                self.backlog.extend(partials);
                let group = std::mem::take(&mut self.backlog);
                match queue.try_send(group) {
                    Ok(()) => {}
                    // The next group takes them along; the writer is busy with 64 others, so there will be one.
                    Err(TrySendError::Full(group) | TrySendError::Disconnected(group)) => self.backlog = group,
                }
            }
            Role::Reader => self.answer(Outcome::Kept(partials)),
            Role::Broken(why) => self.answer(Outcome::KeepFailed(why.clone())),
            Role::Idle => self.answer(Outcome::KeepFailed("the ledger of the run was not opened".into())),
        }
    }

    /// Hands over what had to wait, when the writer has room again.
    pub(super) fn push_backlog(&mut self, plan: &Plan) {
        if !self.backlog.is_empty() {
            self.keep(plan, Vec::new());
        }
    }

    fn answer(&self, outcome: Outcome) {
        let facts = self.facts.clone();
        tokio::spawn(async move {
            // The loop has ended: nobody is left to be told.
            facts.send(Event::Outcome(outcome)).await.ok();
        });
    }

    /// Writes what is queued, keeps the summary, and lets go of the ledger.
    pub(super) async fn close(self, summary: &Summary) -> Result<(), String> {
        let Role::Writer { queue, thread } = self.role else {
            return Ok(());
        };
        if !self.backlog.is_empty() {
            // Only after a second signal anything is left here, and then the writer has room soon.
            queue.try_send(self.backlog).ok();
        }
        drop(queue);
        let joined = tokio::task::spawn_blocking(move || thread.join().is_ok()).await;
        if !joined.is_ok_and(|ok| ok) {
            return Err("the thread that writes the ledger ended by itself".into());
        }
        let Ok(run) = crate::plan::RunId::parse(&summary.run) else {
            return Ok(());
        };
        self.state
            .keep_summary(&run, summary)
            .map_err(|error| error.to_string())
    }
}
