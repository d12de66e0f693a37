//! What can go wrong with what is kept on disk, in words.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::plan::RunId;

/// How many runs an ambiguous name lists before it only counts them.
const LISTED_MAX: usize = 10;

/// Why something could not be kept or read back.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The operating system refused.
    #[error("cannot {what} {}: {why}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's words.
        why: io::Error,
    },
    /// Another program writes this run's ledger.
    #[error("another ttg-tui keeps the ledger of {run}; it can be read meanwhile")]
    Busy {
        /// The run.
        run: RunId,
    },
    /// A run of this name is kept already.
    #[error("another run named {run} is kept here, of another computation; nothing of it is mixed with this one")]
    OtherPlan {
        /// The run.
        run: RunId,
    },
    /// A run of this name is kept.
    #[error("a run named {run} is kept already; take another name")]
    Exists {
        /// The run.
        run: RunId,
    },
    /// Nothing of this run is kept.
    #[error("nothing is kept of {run}: there is no plan in {}", .folder.display())]
    NotKept {
        /// The run.
        run: RunId,
        /// Where it would be.
        folder: PathBuf,
    },
    /// The plan is damaged or another run's.
    #[error("cannot use the plan {}: {why}", .path.display())]
    BadPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The ledger belongs to another run or another version of this program.
    #[error("cannot use the ledger {}: {found}", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What its header says.
        found: String,
    },
}

impl LedgerError {
    /// Makes the error of a refused call from what was tried on what; for `map_err`.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::Io {
            what,
            path: path.to_owned(),
            why,
        }
    }
}

/// Why a name does not say which run is meant.
#[derive(Debug, Error)]
pub enum FindError {
    /// No run has such a name.
    #[error("no run begins with {asked:?}{}", nearest_words(.nearest.as_ref()))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// The run whose name is nearest to it.
        nearest: Option<RunId>,
    },
    /// Several runs begin so.
    #[error("{asked:?} could be any of {} runs: {}; type more of the name", .runs.len(), listed(.runs))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// The runs, the newest first.
        runs: Vec<RunId>,
    },
    /// The runs could not be listed.
    #[error(transparent)]
    Unreadable(#[from] LedgerError),
}

fn nearest_words(nearest: Option<&RunId>) -> String {
    nearest.map(|run| format!("; the nearest is {run}")).unwrap_or_default()
}

fn listed(runs: &[RunId]) -> String {
    let names = runs
        .iter()
        .take(LISTED_MAX)
        .map(RunId::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match runs.len().saturating_sub(LISTED_MAX) {
        0 => names,
        more => format!("{names}, and {more} more"),
    }
}
