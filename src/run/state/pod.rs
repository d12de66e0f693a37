//! One pod of a run: one attempt at an index.
//!
//! What of a pod changes back and forth (its waiting reason, whether it is there) follows the fact of the highest
//! revision. What only ever grows (its node, its end) is joined from every fact, so that the order of facts does not
//! matter. This module knows neither the other pods nor what is told.

use jiff::Timestamp;

use super::small::{Link, Mark, Marks, Slim, Uid};
use crate::run::fact::{CompletionIndex, Ended, NodeName, Phase, PodFact, PodUid, Reason};
use crate::run::log::{Progress, Track};

/// How many different reasons to wait are told of one pod.
const WAITING_TOLD_MAX: usize = 8;

/// Reasons to wait that every healthy pod goes through.
const WAITING_NORMAL: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The exit codes of a worker that was told to end: by SIGTERM in time, or by SIGKILL after its grace period.
const EXIT_TOLD_TO_END: [i32; 2] = [143, 137];

/// One attempt at an index, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// The pod's uid.
    pub uid: PodUid,
    /// The pod's name.
    pub pod: &'a str,
    /// The number of the attempt, from 1 on.
    pub number: u32,
    /// The node it was bound to.
    pub node: Option<&'a NodeName>,
    /// The phase.
    pub phase: Phase,
    /// Whether it was told to end.
    pub terminating: bool,
    /// Whether it is not on the cluster any more.
    pub gone: bool,
    /// Whether it gave a valid result.
    pub has_result: bool,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When it was bound to its node.
    pub scheduled_at: Option<Timestamp>,
    /// When its container started.
    pub started_at: Option<Timestamp>,
    /// When its container ended.
    pub finished_at: Option<Timestamp>,
    /// Why it does not run yet.
    pub waiting: Option<&'a Reason>,
    /// The exit code of its container.
    pub exit_code: Option<i32>,
    /// Why it failed or was ended from outside.
    pub why: Option<&'a Reason>,
    /// Why its termination message is not a valid result.
    pub problem: Option<&'a str>,
    /// How far it is, as its log said.
    pub progress: Option<Progress>,
}

/// One pod, as little of it as is needed.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    uid: Uid,
    pub(super) name: Box<str>,
    pub(super) started: Slim,
    pub(super) finished: Slim,
    pub(super) index: CompletionIndex,
    pub(super) node: Link,
    pub(super) job: Link,
    pub(super) marks: Marks,
    pub(super) track: Option<Box<Track>>,
    created: Slim,
    scheduled: Slim,
    revision: u64,
    exit_code: Option<i32>,
    /// Words that most pods do not need.
    notes: Option<Box<Notes>>,
    /// The next pod of the same index.
    pub(super) next: Link,
    /// The list that showed it last.
    pub(super) list: u32,
    pub(super) phase: Phase,
}

/// What is told of a pod that does not run smoothly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Notes {
    waiting: Option<Reason>,
    told_waiting: Vec<String>,
    disruption: Option<Reason>,
    why: Option<Reason>,
    problem: Option<String>,
}

/// How a fact reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As one object of a list.
    InList,
    /// As an object that was added or changed.
    Changed,
    /// As the last state of an object that was removed.
    Removed,
}

/// How an attempt without a result ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The worker failed.
    Failed { exit_code: Option<i32>, why: Reason },
    /// It was ended from outside.
    FromOutside(Reason),
    /// It succeeded, but its termination message is not a valid result; why.
    NoResult(String),
}

impl Pod {
    /// Makes the record of a pod of which nothing is known yet.
    pub(super) fn new(uid: Uid, name: &str, index: CompletionIndex, job: Link, next: Link) -> Self {
        Self {
            uid,
            name: name.into(),
            index,
            job,
            next,
            node: Link::NONE,
            marks: Marks::default(),
            track: None,
            created: Slim::default(),
            scheduled: Slim::default(),
            started: Slim::default(),
            finished: Slim::default(),
            revision: 0,
            exit_code: None,
            notes: None,
            list: 0,
            phase: Phase::Unknown,
        }
    }

    /// Returns the uid as the server wrote it.
    pub(super) fn pod_uid(&self) -> PodUid {
        PodUid(self.uid.to_string())
    }

    /// Tells whether the pod will do nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.phase.is_terminal() || self.exit_code.is_some() || self.is_gone()
    }

    /// Tells whether the pod is not on the cluster any more.
    pub(super) fn is_gone(&self) -> bool {
        self.marks.has(Mark::Removed) || self.marks.has(Mark::Absent)
    }

    /// Tells whether the worker's container started; of a pod whose node is lost, whether it had.
    pub(super) fn has_started(&self) -> bool {
        match self.phase {
            Phase::Running | Phase::Succeeded | Phase::Failed => true,
            Phase::Pending => false,
            Phase::Unknown => self.started.timestamp().is_some(),
        }
    }

    /// Tells whether Kubernetes counts, or will count, the pod as succeeded.
    pub(super) fn has_succeeded(&self) -> bool {
        match self.phase {
            Phase::Succeeded => true,
            Phase::Failed => false,
            Phase::Pending | Phase::Running | Phase::Unknown => self.exit_code == Some(0),
        }
    }

    /// Returns how far the worker is, as its log said.
    pub(super) fn progress(&self) -> Option<Progress> {
        self.track.as_ref().and_then(|track| track.progress())
    }

    /// Notes that the pod gave a valid result: nothing else about it needs words.
    pub(super) fn note_result(&mut self) {
        self.marks.set(Mark::Result);
        self.notes = None;
    }

    /// Notes why the termination message is not a valid result.
    pub(super) fn note_problem(&mut self, problem: String) {
        if !self.marks.has(Mark::Result) {
            self.notes.get_or_insert_default().problem = Some(problem);
        }
    }

    /// Notes that the pod is only known from the ledger.
    pub(super) fn note_kept(&mut self, node: Link) {
        self.phase = Phase::Succeeded;
        self.node = node;
        self.marks.set(Mark::Absent);
    }

    /// Returns what orders the attempts of an index.
    pub(super) fn order(&self) -> (Slim, u64, &Uid) {
        (self.created, self.revision, &self.uid)
    }

    /// Tells whether a fact is of a revision that was already folded.
    pub(super) fn knows(&self, fact: &PodFact) -> bool {
        self.marks.has(Mark::Seen) && fact.revision != 0 && fact.revision == self.revision
    }

    fn is_older_than(&self, fact: &PodFact) -> bool {
        if !self.marks.has(Mark::Seen) || fact.revision > self.revision {
            return true;
        }
        // Without revisions the later stage of life is the newer.
        let stage = (self.phase, self.exit_code.is_some(), self.marks.has(Mark::Terminating));
        fact.revision == 0 && self.revision == 0 && (fact.phase, fact.ended.is_some(), fact.terminating) > stage
    }

    /// Notes whether the pod is on the cluster.
    pub(super) fn note_presence(&mut self, fact: &PodFact, shown: Shown, list: u32) {
        if self.is_older_than(fact) {
            self.marks.clear(Mark::Removed);
            self.marks.clear(Mark::Absent);
            self.list = list;
        }
        match shown {
            Shown::InList => {
                self.list = list;
                self.marks.clear(Mark::Absent);
            }
            Shown::Removed if fact.revision >= self.revision => {
                self.marks.set(Mark::Removed);
            }
            Shown::Changed | Shown::Removed => {}
        }
        // Here and not where content is folded: the removal may have the revision of what was seen before.
        let ends = fact.terminating || shown == Shown::Removed;
        if ends && fact.released && !fact.phase.is_terminal() {
            self.marks.set(Mark::Released);
        }
    }

    /// Folds the content of a fact.
    pub(super) fn fold(&mut self, fact: &mut PodFact, node: Link, removed: bool) {
        if self.is_older_than(fact) {
            self.revision = fact.revision;
            if !self.phase.is_terminal() {
                self.phase = fact.phase;
            }
            let waiting = fact.waiting.take().filter(|_| !removed && fact.phase != Phase::Running);
            if waiting.is_some() || self.notes.is_some() {
                self.notes.get_or_insert_default().waiting = waiting;
            }
            if self.notes.as_deref() == Some(&Notes::default()) {
                // Every healthy pod waits for its container once, and nothing of that is worth words later.
                self.notes = None;
            }
        }
        self.marks.set(Mark::Seen);
        if fact.terminating {
            self.marks.set(Mark::Terminating);
        }
        if fact.phase.is_terminal() {
            self.phase = if self.phase.is_terminal() {
                self.phase.max(fact.phase)
            } else {
                fact.phase
            };
        }
        if node != Link::NONE {
            self.node = node;
        }
        let ended = fact.ended.as_ref();
        self.created = self.created.or(Slim::of_time(fact.created_at));
        self.scheduled = self.scheduled.or(Slim::of_time(fact.scheduled_at));
        self.started = self.started.or(Slim::of_time(fact.started_at));
        self.started = self.started.or(Slim::of_time(ended.and_then(|ended| ended.started_at)));
        self.finished = self
            .finished
            .or(Slim::of_time(ended.and_then(|ended| ended.finished_at)));
        self.fold_end(fact);
    }

    /// Folds why the pod ended. Of two exit codes the higher one stays, whichever came first.
    fn fold_end(&mut self, fact: &mut PodFact) {
        if self.marks.has(Mark::Result) {
            return;
        }
        let pod_reason = fact.pod_reason.take();
        let code = fact.ended.as_ref().map(|ended| ended.exit_code);
        let worse = code > self.exit_code;
        let why = match &fact.ended {
            Some(ended) if worse && ended.exit_code != 0 => Some(why_ended(ended, pod_reason)),
            Some(_) | None => pod_reason,
        };
        self.exit_code = self.exit_code.max(code);
        if let Some(why) = why {
            let notes = self.notes.get_or_insert_default();
            if worse || notes.why.is_none() {
                notes.why = Some(why);
            }
        }
        if let Some(disruption) = fact.disruption.take() {
            let notes = self.notes.get_or_insert_default();
            if notes.disruption.is_none() {
                notes.disruption = Some(disruption);
            }
        }
    }

    /// Returns the reason to wait when it is to be told now, and notes that it was.
    pub(super) fn waiting_to_tell(&mut self) -> Option<Reason> {
        let notes = self.notes.as_mut()?;
        let why = notes.waiting.as_ref()?;
        let fresh = !WAITING_NORMAL.contains(&why.reason.as_str()) && !notes.told_waiting.contains(&why.reason);
        if !fresh || notes.told_waiting.len() >= WAITING_TOLD_MAX {
            return None;
        }
        notes.told_waiting.push(why.reason.clone());
        Some(why.clone())
    }

    /// Tells how the pod ended, once it is over without a result.
    pub(super) fn ending(&self) -> Ending {
        let notes = self.notes.as_deref();
        let why = notes.and_then(|notes| notes.why.clone());
        let disruption = notes.and_then(|notes| notes.disruption.clone());
        if self.has_succeeded() {
            let problem = notes.and_then(|notes| notes.problem.clone());
            return Ending::NoResult(problem.unwrap_or_else(|| "its termination message was not reported".to_owned()));
        }
        if let Some(disruption) = disruption {
            return Ending::FromOutside(disruption);
        }
        if self.exit_code.is_none() && self.phase != Phase::Failed {
            return Ending::FromOutside(deleted("the pod was removed before its worker ended"));
        }
        if self.marks.has(Mark::Released) || self.was_told_to_end(why.as_ref()) {
            return Ending::FromOutside(deleted("the pod was told to end before its worker was done"));
        }
        Ending::Failed {
            exit_code: self.exit_code,
            why: why.unwrap_or_default(),
        }
    }

    /// Tells whether it was ended from outside by something that says so, such as an eviction.
    pub(super) fn is_disrupted(&self) -> bool {
        self.notes.as_ref().is_some_and(|notes| notes.disruption.is_some())
    }

    /// Tells whether the Job controller takes it for a failure, which delays the next pod of its index.
    pub(super) fn is_failure(&self) -> bool {
        let has_value = self.has_succeeded() || self.marks.has(Mark::Result);
        self.is_over() && !has_value && !self.marks.has(Mark::Released)
    }

    /// Tells whether the Job controller itself stopped it before it gave anything.
    pub(super) fn is_stopped(&self) -> bool {
        self.marks.has(Mark::Released) && !self.marks.has(Mark::Result) && !self.has_succeeded()
    }

    /// Returns its exit code, once its container has ended.
    pub(super) fn exit_code(&self) -> Option<i32> {
        self.exit_code
    }

    fn was_told_to_end(&self, why: Option<&Reason>) -> bool {
        let by_memory_limit = why.is_some_and(|why| why.reason == "OOMKilled");
        let code_fits = match self.exit_code {
            Some(code) => EXIT_TOLD_TO_END.contains(&code) && !by_memory_limit,
            None => why.is_none(),
        };
        self.marks.has(Mark::Terminating) && code_fits
    }

    /// Tells whether the pod gave a valid result.
    pub(super) fn has_result(&self) -> bool {
        self.marks.has(Mark::Result)
    }

    /// Returns when the pod was created.
    pub(super) fn created_at(&self) -> Option<Timestamp> {
        self.created.timestamp()
    }

    /// Returns why the pod does not run yet.
    pub(super) fn waiting(&self) -> Option<&Reason> {
        self.notes.as_deref()?.waiting.as_ref()
    }

    /// Returns the attempt for people.
    pub(super) fn attempt<'a>(&'a self, number: u32, node: Option<&'a NodeName>) -> Attempt<'a> {
        let notes = self.notes.as_deref();
        Attempt {
            uid: self.pod_uid(),
            pod: &self.name,
            number,
            node,
            phase: self.phase,
            terminating: self.marks.has(Mark::Terminating),
            gone: self.is_gone(),
            has_result: self.marks.has(Mark::Result),
            created_at: self.created.timestamp(),
            scheduled_at: self.scheduled.timestamp(),
            started_at: self.started.timestamp(),
            finished_at: self.finished.timestamp(),
            waiting: notes.and_then(|notes| notes.waiting.as_ref()),
            exit_code: self.exit_code,
            why: notes.and_then(|notes| notes.disruption.as_ref().or(notes.why.as_ref())),
            problem: notes.and_then(|notes| notes.problem.as_deref()),
            progress: self.progress(),
        }
    }
}

/// Says why a container ended. Its termination message is hostile, so only plain characters of it are repeated.
fn why_ended(ended: &Ended, pod_reason: Option<Reason>) -> Reason {
    let pod_reason = pod_reason.unwrap_or_default();
    let or = |first: &str, second: String| if first.is_empty() { second } else { first.to_owned() };
    Reason {
        reason: or(&ended.reason, pod_reason.reason),
        message: or(&pod_reason.message, super::results::printable(&ended.message)),
    }
}

fn deleted(message: &str) -> Reason {
    Reason {
        reason: "Deleted".to_owned(),
        message: message.to_owned(),
    }
}
