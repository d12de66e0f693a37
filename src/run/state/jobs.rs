//! The Job of a run: its latest fact, and what of a change is new to tell.
//!
//! Of two facts of the Job the higher revision wins. What the Job gave up stays given up. A Job of another uid under
//! the same name is another run and does not touch this one.
//!
//! A rerun adds a Job to the run. The Job that was named last is the one that runs now: what it gave up is failed, and what it
//! does not compute nobody computes. Of the Jobs before it only the pods count.

use jiff::Timestamp;

use super::RunState;
use crate::run::fact::{CompletionIndex, Computes, Delta, JobFact, JobUid, Reason};
use crate::run::intervals::IndexSet;
use crate::run::told::RunEvent;

/// What is known of the run's Job.
#[derive(Clone, Debug, Default)]
pub(super) struct Jobs {
    /// The run's own Jobs. The last one is the Job that runs now.
    watched: Vec<Watched>,
    job: Option<Box<JobFact>>,
    deleted: bool,
    failed: IndexSet,
    list: List,
}

/// One Job of the run. What it computes never changes.
#[derive(Clone, Debug)]
struct Watched {
    uid: JobUid,
    computes: Computes,
}

/// The list of Jobs that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum List {
    #[default]
    None,
    /// The Job was not in it so far.
    Without,
    /// The Job was in it.
    With,
}

/// What a new fact of the Job changes for the indexes.
struct Change {
    completed: IndexSet,
    failed: IndexSet,
    over: bool,
}

impl RunState {
    /// Names the run's Job, and which indexes it computes: from now on its pods count. Pods of a Job named before go on counting.
    pub fn watch_job(&mut self, uid: &JobUid, computes: &Computes) {
        if !self.jobs.is_watched(uid) {
            self.jobs.watched.push(Watched {
                uid: uid.clone(),
                computes: computes.clone(),
            });
            self.jobs.job = None;
            self.jobs.deleted = false;
            // What one Job gave up, the next one may do.
            self.jobs.failed = IndexSet::default();
            self.refresh_all();
        }
    }

    /// Returns the uid of the run's Job, once it is known.
    pub fn job_uid(&self) -> Option<&JobUid> {
        self.jobs.watched.last().map(|own| &own.uid)
    }

    /// Returns which indexes the run's Job computes, once it is known.
    pub fn job_computes(&self) -> Option<&Computes> {
        self.jobs.watched.last().map(|own| &own.computes)
    }

    /// Tells whether no pod will be made for this index any more.
    pub(super) fn is_over_for(&self, index: CompletionIndex) -> bool {
        self.jobs.is_over() || self.job_computes().is_some_and(|computes| !computes.contains(index))
    }

    /// Returns the indexes that the Job gave up.
    pub fn failed_indexes(&self) -> &IndexSet {
        &self.jobs.failed
    }

    /// Applies a change of the run's Job; returns what is new to tell. The first Job that is seen is the run's, unless
    /// [`RunState::watch_job`] named it before.
    pub fn apply_job(&mut self, _at: Timestamp, delta: Delta<Box<JobFact>>) -> Vec<RunEvent> {
        let mut told = Vec::new();
        match delta {
            Delta::Restarted => self.jobs.list = List::Without,
            Delta::Listed(fact) => {
                if self.is_own_job(&fact.uid) && self.jobs.list == List::Without {
                    self.jobs.list = List::With;
                }
                self.see_job(fact, &mut told);
            }
            Delta::Applied(fact) => self.see_job(fact, &mut told),
            Delta::Removed(fact) => {
                let (own, revision) = (self.is_own_job(&fact.uid), fact.revision);
                self.see_job(fact, &mut told);
                if own && self.jobs.job().is_some_and(|job| revision >= job.revision) {
                    self.lose_job(&mut told);
                }
            }
            Delta::ListDone => {
                let list = std::mem::take(&mut self.jobs.list);
                if list == List::Without && !self.jobs.watched.is_empty() {
                    self.lose_job(&mut told);
                }
            }
        }
        told
    }

    fn is_own_job(&self, uid: &JobUid) -> bool {
        self.job_uid().is_none_or(|own| own == uid)
    }

    fn lose_job(&mut self, told: &mut Vec<RunEvent>) {
        if !std::mem::replace(&mut self.jobs.deleted, true) {
            told.push(RunEvent::JobDeleted);
            self.refresh_all();
        }
    }

    /// Folds one fact of the Job.
    fn see_job(&mut self, fact: Box<JobFact>, told: &mut Vec<RunEvent>) {
        if !self.is_own_job(&fact.uid) {
            return;
        }
        self.watch_job(&fact.uid, &fact.computes);
        if self.job_computes() != Some(&fact.computes) {
            // Its indexes would be taken for others.
            return;
        }
        let Some(change) = self.jobs.fold(fact, told) else {
            return;
        };
        let shards = self.plan.shards;
        let known = |index: &CompletionIndex| index.0 < shards;
        for index in change.failed.indexes().take_while(known) {
            let (attempts, why) = self.why_failed(index);
            told.push(RunEvent::IndexFailed { index, attempts, why });
        }
        if change.over {
            self.refresh_all();
        } else {
            for index in change.failed.union(&change.completed).indexes().take_while(known) {
                self.refresh(index);
            }
        }
    }

    /// Returns how many attempts an index had, and why the last of them failed.
    pub(crate) fn why_failed(&self, index: CompletionIndex) -> (u32, Reason) {
        let attempts = self.attempts(index);
        let why = attempts.iter().rev().find_map(|attempt| attempt.why.cloned());
        (
            u32::try_from(attempts.len()).unwrap_or(u32::MAX),
            why.unwrap_or_default(),
        )
    }
}

impl Jobs {
    /// Returns the Job as last seen.
    pub(super) fn job(&self) -> Option<&JobFact> {
        self.job.as_deref()
    }

    /// Tells whether the Job was deleted.
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Tells whether no pod will be made any more.
    pub(super) fn is_over(&self) -> bool {
        self.deleted || self.job().is_some_and(JobFact::is_finished)
    }

    /// Tells whether a Job is one of the run's own.
    pub(super) fn is_watched(&self, uid: &JobUid) -> bool {
        self.watched.iter().any(|own| own.uid == *uid)
    }

    /// Returns the indexes that the Job gave up.
    pub(super) fn failed(&self) -> &IndexSet {
        &self.failed
    }

    /// Tells whether the Job counts an index as completed.
    pub(super) fn completed(&self, index: CompletionIndex) -> bool {
        self.job().is_some_and(|job| job.completed.contains(index))
    }

    /// Takes a fact over if it is newer than what is known.
    fn fold(&mut self, fact: Box<JobFact>, told: &mut Vec<RunEvent>) -> Option<Change> {
        if self.job().is_some_and(|known| !is_newer(known, &fact)) {
            return None;
        }
        let over_before = self.is_over();
        tell_changes(self.job(), &fact, told);
        let failed = fact.failed_indexes.difference(&self.failed);
        self.failed = self.failed.union(&failed);
        let completed = match self.job() {
            Some(known) => fact.completed.difference(&known.completed),
            None => fact.completed.clone(),
        };
        self.job = Some(fact);
        // Names are used again, uids never: a Job that is seen at a newer revision was not deleted, only missing from
        // a list.
        self.deleted = false;
        Some(Change {
            completed,
            failed,
            over: self.is_over() != over_before,
        })
    }
}

/// Tells whether a fact of the same Job is newer than the one that is known.
fn is_newer(known: &JobFact, fact: &JobFact) -> bool {
    // Without revisions the later stage of life is the newer, and of equal stages the one that came last.
    let stage = |job: &JobFact| (job.is_finished(), job.completed.len() + job.failed_indexes.len());
    fact.revision > known.revision || (known.revision == 0 && fact != known && stage(fact) >= stage(known))
}

/// Tells what changed from one fact of the Job to the next; the first one is compared with a Job that just runs.
fn tell_changes(known: Option<&JobFact>, fact: &JobFact, told: &mut Vec<RunEvent>) {
    let held = |kind: &str| known.is_some_and(|job| job.condition(kind).is_some());
    if let Some(from) = known
        .map(|job| job.parallelism)
        .filter(|from| *from != fact.parallelism)
    {
        told.push(RunEvent::Scaled {
            from,
            to: fact.parallelism,
        });
    }
    let was_cancelled = known.is_some_and(|job| job.cancelled.is_some());
    if fact.condition("Suspended").is_some() {
        if !held("Suspended") || (fact.cancelled.is_some() && !was_cancelled) {
            told.push(RunEvent::Suspended {
                by: fact.cancelled.clone(),
            });
        }
    } else if held("Suspended") {
        told.push(RunEvent::Resumed);
    }
    if fact.condition("Complete").is_some() && !held("Complete") {
        told.push(RunEvent::JobComplete);
    }
    if let Some(failed) = fact.condition("Failed").filter(|_| !held("Failed")) {
        told.push(RunEvent::JobFailed {
            why: failed.why.clone(),
        });
    }
}
