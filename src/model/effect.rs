//! All outputs of the program as one closed enum: what should happen, not how. The shell carries them out.

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::event::Outcome;
use crate::plan::{Plan, Rerun};
use crate::run::fact::{CompletionIndex, Computes, JobUid, PodUid};
use crate::run::partial::Partial;
use crate::run::told::RunEvent;

/// How many logs are read line by line at once; the others are sampled. Each is a TCP connection, and one from the API server to
/// a kubelet.
pub const FOLLOWED_MAX: usize = 32;

/// One output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Make a `ConfigMap` and a Job of the run: its first, or that of a rerun. Answered by [`Outcome::Submitted`] or
    /// [`Outcome::SubmitFailed`].
    Submit {
        /// The plan of the run.
        plan: Box<Plan>,
        /// What is computed again; none for every index.
        rerun: Option<Rerun>,
    },
    /// Watch the run's Job, pods, nodes and events until the program ends.
    Watch {
        /// The Job's name.
        job: String,
        /// The Job's uid: a Job made again under this name is another run.
        uid: JobUid,
        /// Which of the run's indexes it computes.
        computes: Computes,
    },
    /// Follow the logs of exactly these pods, the most wanted first: the first [`FOLLOWED_MAX`] line by line; the others are
    /// sampled.
    Follow(Vec<FollowTarget>),
    /// Append these partials to the ledger and sync it. Answered by [`Outcome::Kept`] or [`Outcome::KeepFailed`].
    Keep(Vec<Partial>),
    /// Compute this shard again here. Answered by [`Outcome::Recomputed`].
    Recompute(CompletionIndex),
    /// List the run's pods once more. Answered by pod facts and [`Outcome::Collected`].
    Collect,
    /// Change the Job. Answered by [`Outcome::Changed`] or [`Outcome::ChangeFailed`].
    Change(JobChange),
    /// Read the log of this pod for a person, instead of the one that was read before. Answered by parts of it.
    ReadLog(Option<String>),
    /// Tell the person what happened in the run.
    Tell(RunEvent),
    /// Leave the program with this end.
    Leave(End),
}

/// A change of the Job, carried out as a merge patch of single fields, or a delete with a uid precondition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobChange {
    /// Set `spec.parallelism`.
    Scale(u32),
    /// Set `spec.suspend`.
    Suspend,
    /// Clear `spec.suspend`, and the mark of a cancel.
    Resume,
    /// Set `spec.suspend` and an annotation that says who cancelled and when.
    Cancel,
    /// Delete the Job in the background.
    Delete,
}

impl JobChange {
    /// Tells whether a later change makes this one pointless, as both set the same.
    pub(super) fn is_undone_by(&self, later: &Self) -> bool {
        matches!(
            (self, later),
            (Self::Scale(_), Self::Scale(_))
                | (
                    Self::Suspend | Self::Resume,
                    Self::Suspend | Self::Resume | Self::Cancel
                )
                | (Self::Cancel, Self::Resume | Self::Cancel)
                | (Self::Delete, Self::Delete)
        )
    }
}

/// A pod whose log is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowTarget {
    /// Its uid.
    pub uid: PodUid,
    /// Its name.
    pub name: String,
}

/// How the program ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The total is proven.
    Proven,
    /// The run failed.
    Failed,
    /// The run ended without a proven total.
    Unproven,
    /// The run was cancelled.
    Cancelled,
    /// The cluster was lost for good.
    Lost,
    /// The server refused the run.
    Refused,
    /// A signal ended the program; its number.
    Signal(u8),
    /// The person left; the run goes on.
    Left,
}

impl End {
    /// Returns the exit code. See the table in `lib.rs`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Proven | Self::Left => 0,
            Self::Failed => 1,
            Self::Unproven => 3,
            Self::Cancelled => 4,
            Self::Lost => 5,
            Self::Refused => 6,
            Self::Signal(number) => 128 + number,
        }
    }
}
