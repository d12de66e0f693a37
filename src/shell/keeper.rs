//! Keeping what was accepted: the ledger of one run, written on a thread of its own, or by another program.
//!
//! Whoever holds the ledger's lock writes; another program that watches the same run waits until it reads its results there, and
//! goes on for the writer when that has left. So "kept" always means: on disk.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::Sender;

use crate::ledger::{KeptRun, Ledger, LedgerError, OpenRun, StateFolder, writer};
use crate::model::event::{Event, Outcome};
use crate::plan::Plan;
use crate::run::partial::{Kept, Partial, SetAside};
use crate::run::summary::Summary;

/// The keeper of a session.
pub(super) struct Keeper {
    state: StateFolder,
    facts: Sender<Event>,
    role: Role,
    /// What could not be handed to the writer yet, or what a reader waits to see on disk.
    backlog: Vec<Partial>,
    /// What the session began with, by index and value.
    begun_with: HashSet<(u32, i128)>,
    /// The rerun decisions that the session began with.
    set_aside: Vec<SetAside>,
    /// What other programs have kept since, by index: a session that has another value there must not call it kept.
    foreign: HashMap<u32, i128>,
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
    /// Makes the keeper of a session that began with what was kept then.
    pub(super) fn new(state: StateFolder, facts: Sender<Event>, kept: &Kept) -> Self {
        Self {
            state,
            facts,
            role: Role::Idle,
            backlog: Vec::new(),
            begun_with: kept
                .counting()
                .map(|partial| (partial.index.0, partial.value))
                .collect(),
            set_aside: kept.set_aside.clone(),
            foreign: HashMap::new(),
        }
    }

    /// Opens the ledger of a run, or makes it.
    pub(super) fn open(&mut self, plan: &Plan) {
        let opened = match self.state.open_run(&plan.run) {
            Err(LedgerError::NotKept { .. }) => self.state.create_run(plan).map(Some),
            Ok(OpenRun::Writer { ledger, kept }) => kept.fits(plan).map(|()| {
                self.learn(&kept);
                Some(ledger)
            }),
            Ok(OpenRun::Reader { kept }) => kept.fits(plan).map(|()| {
                self.learn(&kept);
                None
            }),
            Err(error) => Err(error),
        };
        if matches!(self.role, Role::Broken(_)) {
            return;
        }
        self.role = match opened {
            Ok(Some(ledger)) => self.start(ledger),
            Ok(None) => Role::Reader,
            Err(error) => Role::Broken(error.to_string()),
        };
    }

    /// Returns where the session is recorded: beside the ledger, if this program writes it.
    pub(super) fn recording(&self, plan: &Plan) -> Option<PathBuf> {
        let is_writer = matches!(self.role, Role::Writer { .. });
        is_writer.then(|| self.state.make_room_for_recording(&plan.run))
    }

    /// Learns what the ledger holds that this session has not begun with. A rerun that was decided meanwhile makes values void
    /// that this session still believes.
    fn learn(&mut self, kept: &KeptRun) {
        let results = kept.results();
        if results.set_aside != self.set_aside {
            let why = "a rerun has set results aside since the ledger was read: attach again";
            self.role = Role::Broken(why.to_owned());
        }
        for partial in results.counting() {
            if !self.begun_with.contains(&(partial.index.0, partial.value)) {
                self.foreign.insert(partial.index.0, partial.value);
            }
        }
    }

    /// Tells why partials must not be called kept, if another program has kept another value.
    fn contradiction(&self, partials: &[Partial]) -> Option<String> {
        let differs = |partial: &&Partial| {
            self.foreign
                .get(&partial.index.0)
                .is_some_and(|value| *value != partial.value)
        };
        let Partial { index, value, .. } = partials.iter().find(differs)?;
        Some(format!(
            "another program has kept another value of index {index} than {value}: attach again, to see both"
        ))
    }

    fn give_up(&mut self, why: String) {
        self.role = Role::Broken(why.clone());
        self.backlog.clear();
        self.answer(Outcome::KeepFailed(why));
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
        if let Some(why) = self.contradiction(&partials) {
            return self.give_up(why);
        }
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
            Err(error) => return self.give_up(error.to_string()),
        };
        self.role = role;
        self.learn(&kept);
        let why = match &self.role {
            Role::Broken(why) => Some(why.clone()),
            Role::Idle | Role::Writer { .. } | Role::Reader => self.contradiction(&self.backlog),
        };
        if let Some(why) = why {
            return self.give_up(why);
        }
        let confirmed = self.take_confirmed(&kept);
        if !confirmed.is_empty() {
            self.answer(Outcome::Kept(confirmed));
        }
        self.push_backlog();
    }

    /// Takes out of the backlog what the ledger holds, and counts there.
    fn take_confirmed(&mut self, kept: &KeptRun) -> Vec<Partial> {
        let results = kept.results();
        let on_disk: HashSet<(u32, i128)> = results
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
    pub(super) async fn close(&mut self, summary: &Summary) -> Result<(), String> {
        let Role::Writer { queue, thread } = std::mem::replace(&mut self.role, Role::Idle) else {
            return Ok(());
        };
        if !self.backlog.is_empty() {
            // Only after a second signal anything is left here; what does not fit into the queue was never called kept.
            queue.try_send(std::mem::take(&mut self.backlog)).ok();
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::run::fact::JobUid;
    use crate::run::state::fixtures;

    fn partial(index: u32, value: i128) -> Partial {
        let mut state = fixtures::state(2);
        fixtures::apply(&mut state, [fixtures::done(2, index, 0, 5, value)]);
        state.take_unkept().remove(0)
    }

    /// A keeper of a session that began with nothing, and a run into which another program has written since.
    fn lab(meanwhile: impl FnOnce(&mut Ledger)) -> (TempDir, Keeper, Receiver<Event>) {
        let folder = TempDir::new().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        meanwhile(&mut state.create_run(&fixtures::plan(2)).unwrap());
        let (facts, outcomes) = channel(8);
        let mut keeper = Keeper::new(state, facts, &Kept::default());
        keeper.open(&fixtures::plan(2));
        (folder, keeper, outcomes)
    }

    async fn answer_to(
        partial: Partial,
        (_folder, mut keeper, mut outcomes): (TempDir, Keeper, Receiver<Event>),
    ) -> Event {
        keeper.keep(vec![partial]);
        outcomes.recv().await.unwrap()
    }

    fn is_kept(event: &Event) -> bool {
        matches!(event, Event::Outcome(Outcome::Kept(partials)) if partials.len() == 1)
    }

    #[tokio::test]
    async fn a_value_is_not_called_kept_where_another_program_has_kept_another_one() {
        let with_seven = || lab(|ledger| ledger.append(&[partial(0, 7)]).unwrap());
        assert!(is_kept(&answer_to(partial(0, 7), with_seven()).await));
        assert!(is_kept(&answer_to(partial(1, 9), with_seven()).await));
        let answer = answer_to(partial(0, 8), with_seven()).await;
        assert!(
            matches!(&answer, Event::Outcome(Outcome::KeepFailed(why)) if why.contains("index 0")),
            "{answer:?}"
        );
    }

    #[tokio::test]
    async fn nothing_is_called_kept_after_a_rerun_that_this_session_does_not_know() {
        let decided = SetAside {
            index: partial(0, 7).index,
            job_uids: vec![JobUid::from("old")],
        };
        let answer = answer_to(partial(1, 9), lab(|ledger| ledger.set_aside(&[decided]).unwrap())).await;
        assert!(
            matches!(&answer, Event::Outcome(Outcome::KeepFailed(why)) if why.contains("rerun")),
            "{answer:?}"
        );
    }
}
