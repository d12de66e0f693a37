//! How often each fault hit, and how the runs ended.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::draw::{FAULTS, Fault, kind_of};

/// The counts of one seed or of all of them. Clones share the counts.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Counts>>);

#[derive(Clone, Default)]
struct Counts {
    hits: BTreeMap<Fault, u64>,
    ends: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a fault that has just happened.
    pub(crate) fn hit(&self, fault: Fault) {
        *self.counts().hits.entry(fault).or_default() += 1;
    }

    /// Tells whether a fault has happened.
    pub(crate) fn was_hit(&self, fault: Fault) -> bool {
        self.counts().hits.contains_key(&fault)
    }

    /// Counts the end of a run.
    pub(crate) fn ended(&self, how: &str) {
        *self.counts().ends.entry(how.to_owned()).or_default() += 1;
    }

    /// Adds the counts of one seed.
    pub(crate) fn add(&self, other: &Self) {
        let other = other.counts().clone();
        let mut counts = self.counts();
        for (fault, count) in other.hits {
            *counts.hits.entry(fault).or_default() += count;
        }
        for (end, count) in other.ends {
            *counts.ends.entry(end).or_default() += count;
        }
    }

    /// Returns the faults that never happened.
    pub(crate) fn never_hit(&self) -> Vec<&'static str> {
        let counts = self.counts();
        let never = FAULTS.iter().filter(|kind| !counts.hits.contains_key(&kind.fault));
        never.map(|kind| kind.name).collect()
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        writeln!(f, "{:<24} {:>6}", "fault", "hits")?;
        for (fault, count) in &counts.hits {
            writeln!(f, "{:<24} {count:>6}", kind_of(*fault).name)?;
        }
        writeln!(f, "{:<40} {:>6}", "end", "runs")?;
        for (end, count) in &counts.ends {
            writeln!(f, "{end:<40} {count:>6}")?;
        }
        Ok(())
    }
}
