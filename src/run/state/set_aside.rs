//! What a rerun set aside: for some indexes, the results of the Jobs before it.
//!
//! Nothing is forgotten: such a result stays on its index's list and in the ledger. It does not count, whether it was known before
//! or comes late, and what is computed instead is always computed again here, too.

use super::RunState;
use super::results::Found;
use super::small::position;
use crate::run::fact::CompletionIndex;
use crate::run::partial::SetAside;
use crate::run::told::DisputedValue;

impl RunState {
    /// Sets results aside. To be called before anything is restored: a result counts as kept when it is, and counts.
    pub(super) fn set_aside(&mut self, decided: SetAside) {
        let SetAside { index, job_uids } = decided;
        if self.record(index).is_none() {
            return;
        }
        self.set_aside.entry(index).or_default().extend(job_uids);
        if let Some(record) = self.indexes.get_mut(position(index.0)) {
            record.kept = false;
        }
        self.refresh(index);
    }

    /// Returns the distinct values of an index that were set aside, ascending, each with the pods that gave it.
    pub fn values_set_aside(&self, index: CompletionIndex) -> Vec<DisputedValue> {
        self.distinct(
            self.every_result_of(index)
                .filter(|found| !self.does_count(index, found)),
        )
    }

    /// Iterates over the indexes of which results were set aside, ascending.
    pub(super) fn indexes_set_aside(&self) -> impl Iterator<Item = CompletionIndex> {
        self.set_aside.keys().copied()
    }

    /// Returns how many indexes had results set aside.
    pub fn set_aside_count(&self) -> usize {
        self.set_aside.len()
    }

    /// Tells whether a result of an index counts: whether its Job's were not set aside.
    pub(super) fn does_count(&self, index: CompletionIndex, found: &Found) -> bool {
        let Some(jobs) = self.set_aside.get(&index) else {
            return true;
        };
        let job = self.pod_at(found.pod()).and_then(|pod| self.pods.job(pod.job));
        job.is_none_or(|job| !jobs.contains(job))
    }
}
