//! The last change of the Job that was asked for here, and how far it has come: asked, stored, followed by its controller.

use jiff::Timestamp;

use super::effect::JobChange;
use crate::run::fact::JobFact;

/// How far a change has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeStage {
    /// The server was asked.
    Asked,
    /// The server stored it, and the Job controller has not followed yet.
    Accepted(Timestamp),
    /// The Job controller has followed.
    Followed(Timestamp),
    /// It failed, and why.
    Failed(String),
}

/// A change that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeNow {
    /// What was asked for.
    pub change: JobChange,
    /// The command of kubectl that does the same.
    pub twin: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// How far it has come.
    pub stage: ChangeStage,
}

impl ChangeNow {
    /// Notes what the Job looks like now.
    pub(super) fn see(&mut self, at: Timestamp, job: &JobFact) {
        if matches!(self.stage, ChangeStage::Accepted(_)) && has_followed(&self.change, job) {
            self.stage = ChangeStage::Followed(at);
        }
    }
}

/// Tells whether the Job controller did what was asked.
fn has_followed(change: &JobChange, job: &JobFact) -> bool {
    if job.is_finished() {
        return true;
    }
    let failed = u32::try_from(job.failed_indexes.len()).unwrap_or(u32::MAX);
    let left = job.completions.saturating_sub(job.succeeded).saturating_sub(failed);
    match change {
        // A suspended Job has no pods, however many it may have.
        JobChange::Scale(workers) if job.suspend => job.parallelism == *workers,
        // As many pods as asked for, or as many as there are indexes left.
        JobChange::Scale(workers) => job.active == (*workers).min(left) && job.terminating == 0,
        JobChange::Suspend | JobChange::Cancel => job.condition("Suspended").is_some() && job.active == 0,
        JobChange::Resume => job.condition("Suspended").is_none() && job.active > 0,
        JobChange::Delete => job.deleting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fact::{JobCondition, Reason};

    #[test]
    fn the_controller_has_followed_when_the_pods_are_there() {
        let suspended = JobCondition {
            kind: "Suspended".into(),
            holds: true,
            why: Reason::default(),
            since: None,
        };
        let job = |active, succeeded, conditions: &[JobCondition]| JobFact {
            completions: 12,
            active,
            succeeded,
            conditions: conditions.to_vec(),
            ..JobFact::default()
        };
        for (change, job, want) in [
            (JobChange::Scale(4), job(3, 0, &[]), false),
            (JobChange::Scale(4), job(4, 0, &[]), true),
            (JobChange::Scale(4), job(2, 10, &[]), true),
            (
                JobChange::Scale(4),
                JobFact {
                    suspend: true,
                    parallelism: 4,
                    ..job(0, 0, std::slice::from_ref(&suspended))
                },
                true,
            ),
            (JobChange::Suspend, job(1, 0, std::slice::from_ref(&suspended)), false),
            (JobChange::Suspend, job(0, 0, std::slice::from_ref(&suspended)), true),
            (JobChange::Resume, job(0, 0, std::slice::from_ref(&suspended)), false),
            (JobChange::Resume, job(3, 0, &[]), true),
        ] {
            assert_eq!(has_followed(&change, &job), want, "{change:?} {job:?}");
        }
    }
}
