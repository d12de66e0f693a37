//! What a learner's action brings about, as it is seen in a run: a closed list, told by the cluster's own facts.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::Model;
use crate::model::history::Told;
use crate::run::told::{NodeState, RunEvent};

/// Something that can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// A Job was submitted.
    Submitted,
    /// A pod was ended from outside: deleted, or evicted.
    PodEnded,
    /// A worker failed.
    PodFailed,
    /// A worker was killed for its memory.
    OutOfMemory,
    /// A second attempt at an index computes.
    IndexBack,
    /// The Job has more workers.
    ScaledUp,
    /// The Job has fewer workers.
    ScaledDown,
    /// The Job has this many workers.
    ScaledTo(u32),
    /// The Job was suspended.
    Suspended,
    /// The Job goes on.
    Resumed,
    /// The run was cancelled.
    Cancelled,
    /// A node takes no new pods.
    NodeCordoned,
    /// A node takes pods again.
    NodeUncordoned,
}

impl Seen {
    /// Says what is waited for.
    pub fn words(self) -> String {
        match self {
            Self::Submitted => "a run is submitted".to_owned(),
            Self::PodEnded => "a pod is ended from outside".to_owned(),
            Self::PodFailed => "a worker fails".to_owned(),
            Self::OutOfMemory => "a worker is killed for its memory".to_owned(),
            Self::IndexBack => "a second attempt computes".to_owned(),
            Self::ScaledUp => "the Job has more workers".to_owned(),
            Self::ScaledDown => "the Job has fewer workers".to_owned(),
            Self::ScaledTo(1) => "the Job has one worker".to_owned(),
            Self::ScaledTo(workers) => format!("the Job has {workers} workers"),
            Self::Suspended => "the Job is suspended".to_owned(),
            Self::Resumed => "the Job goes on".to_owned(),
            Self::Cancelled => "the run is cancelled".to_owned(),
            Self::NodeCordoned => "a node is cordoned".to_owned(),
            Self::NodeUncordoned => "a node is freed".to_owned(),
        }
    }

    /// Says what of an event shows it; none when the event is about something else.
    fn shown_by(self, event: &RunEvent) -> Option<String> {
        // Which events show what is one table; all others show nothing.
        if let RunEvent::Submitted { job, .. } = event {
            (self == Self::Submitted).then(|| format!("Job {job} is stored"))
        } else if let RunEvent::AttemptEnded { pod, stopped_by, .. } = event {
            (self == Self::PodEnded && stopped_by.is_none()).then(|| format!("pod {pod} was ended"))
        } else if let RunEvent::AttemptFailed { pod, why, .. } = event {
            let is_memory = why.reason == "OOMKilled";
            let is_it = self == Self::PodFailed || (self == Self::OutOfMemory && is_memory);
            is_it.then(|| format!("pod {pod} failed: {}", why.reason))
        } else if let RunEvent::WorkerStarted {
            index, attempt, pod, ..
        } = event
        {
            let is_back = self == Self::IndexBack && *attempt > 1;
            is_back.then(|| format!("index {index} is computed again, attempt {attempt}: {pod}"))
        } else if let RunEvent::Scaled { from, to } = event {
            let is_it = match self {
                Self::ScaledUp => to > from,
                Self::ScaledDown => to < from,
                Self::ScaledTo(workers) => *to == workers,
                Self::Submitted
                | Self::PodEnded
                | Self::PodFailed
                | Self::OutOfMemory
                | Self::IndexBack
                | Self::Suspended
                | Self::Resumed
                | Self::Cancelled
                | Self::NodeCordoned
                | Self::NodeUncordoned => false,
            };
            is_it.then(|| format!("spec.parallelism: {from} → {to}"))
        } else if let RunEvent::Suspended { by } = event {
            let wanted = if by.is_some() { Self::Cancelled } else { Self::Suspended };
            (self == wanted).then(|| "spec.suspend: true".to_owned())
        } else if let RunEvent::Resumed = event {
            (self == Self::Resumed).then(|| "spec.suspend: false".to_owned())
        } else if let RunEvent::NodeChanged { node, state } = event {
            match state {
                NodeState::Cordoned => {
                    (self == Self::NodeCordoned).then(|| format!("node {node}: spec.unschedulable: true"))
                }
                NodeState::Uncordoned => {
                    (self == Self::NodeUncordoned).then(|| format!("node {node} takes pods again"))
                }
                NodeState::Lost | NodeState::Ready => None,
            }
        } else {
            None
        }
    }

    /// Returns when this was seen last since a point in time, and what of the run shows it.
    pub fn last_in(self, model: &Model, since: Timestamp) -> Option<(Timestamp, String)> {
        told_since(model, since).find_map(|told| Some((told.at, self.shown_by(&told.event)?)))
    }
}

/// Iterates over what was told since a point in time, newest first.
fn told_since(model: &Model, since: Timestamp) -> impl Iterator<Item = &Told> {
    model.history().told().take_while(move |told| told.at >= since)
}

/// Returns the word for what was done instead: the newest thing that one is there for.
pub fn word_for<'a>(instead: &'a [super::Instead], model: &Model, since: Timestamp) -> Option<&'a str> {
    told_since(model, since).find_map(|told| {
        let fits = instead
            .iter()
            .find(|instead| instead.when.shown_by(&told.event).is_some());
        fits.map(|instead| instead.word.as_str())
    })
}
