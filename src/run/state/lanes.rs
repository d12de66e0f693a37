//! Every pod of a run at once, as little of each as a screen needs: cheap enough to be read for each frame.

use jiff::Timestamp;

use super::RunState;
use super::pod::Pod;
use crate::run::fact::{CompletionIndex, NodeName, Phase, Reason};
use crate::run::log::Progress;

/// How a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// It does not run yet.
    Waiting,
    /// Its worker computes.
    Running,
    /// It gave a valid result.
    Done,
    /// It ended without one.
    Failed,
}

/// One pod: one attempt at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodNow<'a> {
    /// The index.
    pub index: CompletionIndex,
    /// The pod's name.
    pub pod: &'a str,
    /// The node it was bound to.
    pub node: Option<&'a NodeName>,
    /// How it stands.
    pub stand: Stand,
    /// The phase.
    pub phase: Phase,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When its container started.
    pub started_at: Option<Timestamp>,
    /// When its container ended.
    pub finished_at: Option<Timestamp>,
    /// How far it is, as its log said.
    pub progress: Option<Progress>,
    /// When its log said something last, by this program's clock.
    pub heard_at: Option<Timestamp>,
    /// Why it does not run yet.
    pub waiting: Option<&'a Reason>,
}

impl RunState {
    /// Iterates over every pod that was seen, in the order in which they were.
    pub fn pods_now(&self) -> impl Iterator<Item = PodNow<'_>> {
        self.pods.records.iter().map(|pod| pod.now(self.pods.node(pod.node)))
    }
}

impl Pod {
    fn now<'a>(&'a self, node: Option<&'a NodeName>) -> PodNow<'a> {
        let stand = if self.has_result() {
            Stand::Done
        } else if self.is_over() {
            Stand::Failed
        } else if self.has_started() {
            Stand::Running
        } else {
            Stand::Waiting
        };
        PodNow {
            index: self.index,
            pod: &self.name,
            node,
            stand,
            phase: self.phase,
            created_at: self.created_at(),
            started_at: self.started.timestamp(),
            finished_at: self.finished.timestamp(),
            progress: self.progress(),
            heard_at: self.track.as_ref().and_then(|track| track.silent_since.timestamp()),
            waiting: self.waiting(),
        }
    }
}
