//! What a screen reads of a session beyond the run itself.

use jiff::Timestamp;

use super::Model;
use super::change::ChangeNow;
use super::effect::JobChange;
use super::history::{CostRate, History};
use super::log_tail::LogTail;
use super::twin::kubectl_twin;
use crate::run::fact::ApiCost;
use crate::run::summary::{Place, Summary};

/// Who a cancel is signed by in a command that a person may copy.
const SIGNED_BY: &str = "you";

impl Model {
    /// Returns the past of the session.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns the last change of the Job that was asked for here.
    pub fn change(&self) -> Option<&ChangeNow> {
        self.change.as_ref()
    }

    /// Returns the log that a person reads.
    pub fn log(&self) -> &LogTail {
        &self.log
    }

    /// Returns where the run is.
    pub fn place(&self) -> Place {
        Place {
            cluster: self.started.cluster.clone(),
            namespace: self.started.namespace.clone(),
            reach_flags: self.started.reach_flags.clone(),
        }
    }

    /// Tells whether the cluster outlives the program.
    pub fn outlives(&self) -> bool {
        self.started.outlives
    }

    /// Returns since when there is no contact to the cluster, and why.
    pub fn lost_since(&self) -> Option<(Timestamp, &str)> {
        let first = self.lost.values().min_by_key(|(since, _)| *since);
        first.map(|(since, why)| (*since, why.as_str()))
    }

    /// Returns what the cluster's API was asked so far.
    pub fn cost(&self) -> ApiCost {
        self.cost
    }

    /// Returns what the cluster's API was asked in the last seconds.
    pub fn cost_rate(&self) -> CostRate {
        self.history.cost_rate()
    }

    /// Tells whether the user's rights allow to change the Job; why not.
    pub fn may_patch(&self) -> Result<(), &str> {
        self.rights.no_patch.as_deref().map_or(Ok(()), Err)
    }

    /// Tells whether the user's rights allow to delete the Job; why not.
    pub fn may_delete(&self) -> Result<(), &str> {
        self.rights.no_delete.as_deref().map_or(Ok(()), Err)
    }

    /// Returns the command of kubectl for a change of the Job.
    pub fn twin(&self, change: &JobChange, at: Timestamp) -> String {
        let job = self
            .run
            .job()
            .map_or(self.run.plan().run.as_str(), |job| job.name.as_str());
        kubectl_twin(job, &self.kubectl_flags(), change, SIGNED_BY, at)
    }

    /// Returns the run in one value, once the session has ended.
    pub fn final_summary(&self) -> Option<&Summary> {
        self.final_summary.as_deref()
    }
}
