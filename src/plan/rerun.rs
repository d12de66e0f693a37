//! A rerun: one more Job of a run, for some of its indexes alone.
//!
//! The plan stays the run's. The Job has as many completions as it computes indexes, and its own index k stands for the k-th of
//! them, ascending; the set is in an annotation of the Job for whoever watches it, and in the `ConfigMap` for the workers. Must
//! not know why an index is computed again.

use serde::{Deserialize, Serialize};
use ttg_worker::intervals::IndexSet;

use super::run_id::{RUN_ID_CHARS_MAX, RunId};

/// The longest text of a set of indexes: an environment variable holds twice as much on Linux, and an object has room for it.
pub const INDEXES_BYTES_MAX: usize = 64 * 1_024;

/// What stands between the run's name and the number of the rerun.
const MARK: &str = "-r";

/// One rerun of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerun {
    /// Its number, from 1 on.
    pub number: u32,
    /// The completion indexes of the run that it computes.
    pub indexes: IndexSet,
    /// How many workers at once, as the user said it.
    pub workers: u32,
}

impl Rerun {
    /// Returns the name of its Job: `<run>-r<number>`, the run's part shortened where a Job's name would get too long.
    pub fn job_name(&self, run: &RunId) -> String {
        Self::name_of(self.number, run)
    }

    /// Tells whether a rerun of this run has a Job of this name.
    pub fn is_job_of(run: &RunId, job_name: &str) -> bool {
        let number = Self::number_in(job_name);
        number > 0 && Self::name_of(number, run) == job_name
    }

    fn name_of(number: u32, run: &RunId) -> String {
        let end = format!("{MARK}{number}");
        let room = RUN_ID_CHARS_MAX.saturating_sub(end.len());
        let start: String = run.as_str().chars().take(room).collect();
        format!("{}{end}", start.trim_end_matches('-'))
    }

    /// Returns the number in the name of a rerun's Job; 0 where there is none, as in a run's first Job.
    pub fn number_in(job_name: &str) -> u32 {
        let end = job_name.rsplit_once(MARK).map(|(_, end)| end);
        end.and_then(|end| end.parse().ok()).unwrap_or(0)
    }

    /// Returns how many indexes it computes: the completions of its Job.
    pub fn completions(&self) -> u32 {
        u32::try_from(self.indexes.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::labels::is_dns_label;

    fn rerun(number: u32) -> Rerun {
        Rerun {
            number,
            indexes: IndexSet::parse("3,5-7", 12).unwrap(),
            workers: 3,
        }
    }

    #[test]
    fn a_job_is_named_after_its_run_and_number() {
        let long = "a".repeat(53) + "-bcd";
        let table = [
            ("ttg-a", 1, "ttg-a-r1".to_owned()),
            ("ttg-a", 12, "ttg-a-r12".to_owned()),
            (long.as_str(), 1, "a".repeat(53) + "-r1"),
            (long.as_str(), u32::MAX, "a".repeat(45) + "-r4294967295"),
        ];
        for (run, number, expected) in table {
            let name = rerun(number).job_name(&RunId::parse(run).unwrap());
            assert_eq!(name, expected);
            assert!(is_dns_label(&name, RUN_ID_CHARS_MAX), "{name}");
            assert_eq!(Rerun::number_in(&name), number);
            assert!(Rerun::is_job_of(&RunId::parse(run).unwrap(), &name), "{name}");
        }
        for other in ["ttg-a", "ttg-b-r1", "ttg-a-r01", "ttg-a-r", "ttg-a-r1-r1"] {
            assert!(!Rerun::is_job_of(&RunId::parse("ttg-a").unwrap(), other), "{other}");
        }
        for (name, number) in [("ttg-a", 0), ("ttg-a-rest", 0), ("a-r1-r", 0), ("a-r4294967296", 0)] {
            assert_eq!(Rerun::number_in(name), number, "{name}");
        }
        assert_eq!(rerun(1).completions(), 4);
    }
}
