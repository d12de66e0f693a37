//! Keeping what was accepted: the ledger of one run, written on a thread of its own, or by another program.
//!
//! Whoever holds the ledger's lock writes; another program that watches the same run waits until it reads its results there, and
//! goes on for the writer when that has left. So "kept" always means: on disk.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::Sender;

use crate::ledger::{KeptRun, Ledger, LedgerError, OpenRun, StateFolder, writer};
use crate::model::event::{Event, Outcome};
use crate::plan::Plan;
use crate::run::partial::Partial;
use crate::run::summary::Summary;

/// The keeper of a session.
pub(super) struct Keeper {
    state: StateFolder,
    facts: Sender<Event>,
    role: Role,
    /// What could not be handed to the writer yet, or what a reader waits to see on disk.
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
    /// Another program on this machine watches the same run and writes.
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
        let opened = match self.state.open_run(&plan.run) {
            Err(LedgerError::NotKept { .. }) => self.state.create_run(plan).map(Some),
            Ok(OpenRun::Writer { ledger, kept }) => kept.fits(plan).map(|()| Some(ledger)),
            Ok(OpenRun::Reader { kept }) => kept.fits(plan).map(|()| None),
            Err(error) => Err(error),
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

    /// Keeps partials; the answer comes back as an event once they are on disk, or cannot be.
    pub(super) fn keep(&mut self, partials: Vec<Partial>) {
        match &self.role {
            Role::Writer { .. } | Role::Reader => {
                self.backlog.extend(partials);
                self.push_backlog();
            }
            Role::Broken(why) => self.answer(Outcome::KeepFailed(why.clone())),
            Role::Idle => self.answer(Outcome::KeepFailed("the ledger of the run was not opened".into())),
        }
    }

    /// Hands over what had to wait, when the writer has room again.
    pub(super) fn push_backlog(&mut self) {
        let Role::Writer { queue, .. } = &self.role else { return };
        if self.backlog.is_empty() {
            return;
        }
        match queue.try_send(std::mem::take(&mut self.backlog)) {
            Ok(()) => {}
            Err(TrySendError::Full(group)) => self.backlog = group,
            Err(TrySendError::Disconnected(_)) => {
                let why = "the thread that writes the ledger ended by itself".to_owned();
                self.role = Role::Broken(why.clone());
                self.answer(Outcome::KeepFailed(why));
            }
        }
    }

    /// A reader looks what the writer has kept, and takes over when the writer has left. Called once a second.
    pub(super) fn look(&mut self, plan: &Plan) {
        if self.backlog.is_empty() || !matches!(self.role, Role::Reader) {
            return;
        }
        let (kept, role) = match self.state.open_run(&plan.run) {
            Ok(OpenRun::Writer { ledger, kept }) => (kept, self.start(ledger)),
            Ok(OpenRun::Reader { kept }) => (kept, Role::Reader),
            Err(error) => {
                self.role = Role::Broken(error.to_string());
                self.backlog.clear();
                return self.answer(Outcome::KeepFailed(error.to_string()));
            }
        };
        self.role = role;
        let confirmed = self.take_confirmed(&kept);
        if !confirmed.is_empty() {
            self.answer(Outcome::Kept(confirmed));
        }
        self.push_backlog();
    }

    /// Takes out of the backlog what the ledger holds, and counts there.
    fn take_confirmed(&mut self, kept: &KeptRun) -> Vec<Partial> {
        let results = kept.results();
        let on_disk: std::collections::HashSet<(u32, i128)> = results
            .counting()
            .map(|partial| (partial.index.0, partial.value))
            .collect();
        let (confirmed, waiting) = std::mem::take(&mut self.backlog)
            .into_iter()
            .partition(|partial| on_disk.contains(&(partial.index.0, partial.value)));
        self.backlog = waiting;
        confirmed
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
            // Only after a second signal anything is left here; what does not fit into the queue was never called kept.
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
