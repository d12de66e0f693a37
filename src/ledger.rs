//! The ledger on disk: what is kept of a run, and reading it back.
//!
//! A run is a folder `runs/<run id>/` below the state folder, readable by its owner only:
//! - `plan.json`, the plan; written last when a run is made, so a folder without it is no run;
//! - `ledger.ndjson`, a header line, one line a partial and one for each index whose results a rerun set aside, each with a
//!   checksum; appended and synced in groups; nothing is ever taken out;
//! - `summary.json`, the run in one value, for people and programs that look later;
//! - `events.ndjson.gz`, the recording of the last session that wrote there, for the last runs; see [`crate::recording`];
//! - `lock`, an empty file that the one program that writes holds an advisory lock on.
//!
//! Guarantees: a partial is on disk when [`Ledger::append`] returns; a process killed at any byte of a write loses
//! only what was not yet reported as kept; a damaged line is skipped, counted and never fatal; of all programs that
//! open a run one may write. Not guaranteed: the lock on network file systems without `flock`, and anything against a
//! disk that lies about a sync.
//!
//! This module knows files and partials. It must not know clusters, the model or the terminal.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{Access, access};

use crate::plan::{Plan, RunId};
use crate::run::intervals::IndexSet;
use crate::run::partial::{Kept, Partial, SetAside};
use crate::run::summary::Summary;

mod disk;
pub mod error;
mod file;
mod find;
mod line;
pub mod writer;

pub use error::{FindError, LedgerError};
pub use file::Ledger;
pub use find::find as find_run;

const PLAN_FILE: &str = "plan.json";
const LEDGER_FILE: &str = "ledger.ndjson";
const SUMMARY_FILE: &str = "summary.json";
const LOCK_FILE: &str = "lock";
const RECORDING_FILE: &str = "events.ndjson.gz";

/// How large the recording in a run's folder becomes.
pub const RECORDING_BYTES_MAX: u64 = 8 << 20;
/// How many runs have a recording.
const RECORDINGS_MAX: usize = 5;

/// The folder in which everything is kept.
#[derive(Clone, Debug)]
pub struct StateFolder {
    runs: PathBuf,
}

/// A run as it was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRun {
    /// The plan.
    pub plan: Plan,
    /// The partials, in the order they were accepted. One may occur twice; counting it once is the reader's matter.
    pub partials: Vec<Partial>,
    /// Which of them do not count, since a rerun set them aside.
    pub set_aside: Vec<SetAside>,
    /// The summary; none when the run has not ended here, or when it is of a form this program does not read.
    pub summary: Option<Summary>,
    /// Whole lines of the ledger that were not valid: damage, since a write that was cut short leaves no whole line.
    pub dropped_lines: u64,
}

/// A run that was opened to go on with it.
#[derive(Debug)]
pub enum OpenRun {
    /// This program may write: it holds the lock as long as the ledger lives.
    Writer {
        /// The ledger, ready for the next append.
        ledger: Ledger,
        /// What it held.
        kept: KeptRun,
    },
    /// Another program writes; this is what it had kept when this was read.
    Reader {
        /// What the ledger held.
        kept: KeptRun,
    },
}

impl KeptRun {
    /// Refuses to go on with a run of this name under another plan: its results would be another computation's.
    pub fn fits(&self, plan: &Plan) -> Result<(), LedgerError> {
        if self.plan.is_same_computation(plan) {
            Ok(())
        } else {
            Err(LedgerError::OtherPlan { run: plan.run.clone() })
        }
    }

    /// Returns what is kept of the run's results.
    pub fn results(&self) -> Kept {
        Kept {
            partials: self.partials.clone(),
            set_aside: self.set_aside.clone(),
            doubted: self
                .summary
                .as_ref()
                .map_or_else(IndexSet::default, |summary| summary.doubted.clone()),
        }
    }
}

impl StateFolder {
    /// Opens the state folder and makes it where it is missing.
    ///
    /// A folder that cannot be made or written is a matter of configuration: exit code 2.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let runs = path.join("runs");
        disk::create_folder(&runs).map_err(LedgerError::io("create the folder", &runs))?;
        access(&runs, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
            .map_err(io::Error::from)
            .map_err(LedgerError::io("write in the folder", &runs))?;
        Ok(Self { runs })
    }

    /// Makes the folder of a new run, takes its lock and keeps its plan.
    pub fn create_run(&self, plan: &Plan) -> Result<Ledger, LedgerError> {
        let folder = self.folder(&plan.run);
        disk::create_folder(&folder).map_err(LedgerError::io("create the folder", &folder))?;
        let busy = || LedgerError::Busy { run: plan.run.clone() };
        let lock = lock(&folder)?.ok_or_else(busy)?;
        let plan_path = folder.join(PLAN_FILE);
        if plan_path
            .try_exists()
            .map_err(LedgerError::io("look for", &plan_path))?
        {
            return Err(LedgerError::Exists { run: plan.run.clone() });
        }
        let (ledger, _) = Ledger::open(&folder.join(LEDGER_FILE), &plan.run, lock)?;
        write_json(&plan_path, plan)?;
        disk::sync_folder(&self.runs).map_err(LedgerError::io("sync the folder", &self.runs))?;
        Ok(ledger)
    }

    /// Opens a run to go on with it: the first to open it writes, everybody after that reads.
    pub fn open_run(&self, run: &RunId) -> Result<OpenRun, LedgerError> {
        let folder = self.folder(run);
        let plan = read_plan(&folder, run)?;
        let Some(lock) = lock(&folder)? else {
            return Ok(OpenRun::Reader {
                kept: self.read_run(run)?,
            });
        };
        let (ledger, scan) = Ledger::open(&folder.join(LEDGER_FILE), run, lock)?;
        let summary = read_summary(&folder)?;
        let kept = KeptRun {
            plan,
            partials: scan.kept.partials,
            set_aside: scan.kept.set_aside,
            summary,
            dropped_lines: scan.bad_lines,
        };
        Ok(OpenRun::Writer { ledger, kept })
    }

    /// Reads what is kept of a run; it needs no lock and changes nothing.
    pub fn read_run(&self, run: &RunId) -> Result<KeptRun, LedgerError> {
        let folder = self.folder(run);
        let plan = read_plan(&folder, run)?;
        let path = folder.join(LEDGER_FILE);
        let bytes = disk::read_optional(&path)
            .map_err(LedgerError::io("read", &path))?
            .unwrap_or_default();
        let scan = line::scan(&bytes, run).map_err(|found| LedgerError::Foreign { path, found })?;
        let summary = read_summary(&folder)?;
        Ok(KeptRun {
            plan,
            partials: scan.kept.partials,
            set_aside: scan.kept.set_aside,
            summary,
            dropped_lines: scan.bad_lines,
        })
    }

    /// Keeps the summary of a run. Only the program that writes the ledger should; a reader sees the old one or the
    /// new one.
    pub fn keep_summary(&self, run: &RunId, summary: &Summary) -> Result<(), LedgerError> {
        write_json(&self.folder(run).join(SUMMARY_FILE), summary)
    }

    /// Returns the runs that are kept, the newest first.
    pub fn runs(&self) -> Result<Vec<RunId>, LedgerError> {
        let entries = fs::read_dir(&self.runs).map_err(LedgerError::io("list the folder", &self.runs))?;
        let mut dated = Vec::new();
        for entry in entries {
            let entry = entry.map_err(LedgerError::io("list the folder", &self.runs))?;
            let Some(run) = entry.file_name().to_str().and_then(|name| RunId::parse(name).ok()) else {
                continue;
            };
            // The plan is written once, when the run is made, so its time is the run's.
            if let Ok(made_at) = fs::metadata(entry.path().join(PLAN_FILE)).and_then(|plan| plan.modified()) {
                dated.push((Reverse(made_at), run));
            }
        }
        dated.sort();
        Ok(dated.into_iter().map(|(_, run)| run).collect())
    }

    /// Tells since when a run is kept, where the file system says so.
    pub fn kept_since(&self, run: &RunId) -> Option<Timestamp> {
        let plan = fs::metadata(self.folder(run).join(PLAN_FILE)).ok()?;
        Timestamp::try_from(plan.modified().ok()?).ok()
    }

    /// Finds the run with exactly this name, or the only one whose name begins so.
    pub fn find(&self, asked: &str) -> Result<RunId, FindError> {
        find::find(asked, &self.runs()?)
    }

    /// Returns where the recording of a run is kept, if it is.
    pub fn recording(&self, run: &RunId) -> Option<PathBuf> {
        Some(self.folder(run).join(RECORDING_FILE)).filter(|path| path.is_file())
    }

    /// Returns where the recording of a run is to be written, and removes those of older runs for it.
    pub fn make_room_for_recording(&self, run: &RunId) -> PathBuf {
        let others = self.runs().unwrap_or_default().into_iter().filter(|other| other != run);
        let recordings = others.filter_map(|other| self.recording(&other));
        for old in recordings.skip(RECORDINGS_MAX - 1) {
            // One that cannot be removed is tried again with the next run.
            fs::remove_file(old).ok();
        }
        self.folder(run).join(RECORDING_FILE)
    }

    fn folder(&self, run: &RunId) -> PathBuf {
        self.runs.join(run.as_str())
    }
}

/// Takes the lock of a run; none when another program holds it.
fn lock(folder: &Path) -> Result<Option<fs::File>, LedgerError> {
    let path = folder.join(LOCK_FILE);
    disk::try_lock(&path).map_err(LedgerError::io("lock", &path))
}

fn read_plan(folder: &Path, run: &RunId) -> Result<Plan, LedgerError> {
    let path = folder.join(PLAN_FILE);
    let Some(bytes) = disk::read_optional(&path).map_err(LedgerError::io("read", &path))? else {
        return Err(LedgerError::NotKept {
            run: run.clone(),
            folder: folder.to_owned(),
        });
    };
    match serde_json::from_slice::<Plan>(&bytes) {
        Ok(plan) if plan.run == *run => Ok(plan),
        Ok(plan) => Err(LedgerError::BadPlan {
            path,
            why: format!("it is the plan of {}", plan.run),
        }),
        Err(why) => Err(LedgerError::BadPlan {
            path,
            why: why.to_string(),
        }),
    }
}

/// Reads the summary. One that does not parse counts as absent: it can always be made again from the plan and the
/// ledger.
fn read_summary(folder: &Path) -> Result<Option<Summary>, LedgerError> {
    let path = folder.join(SUMMARY_FILE);
    let bytes = disk::read_optional(&path).map_err(LedgerError::io("read", &path))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<(), LedgerError> {
    serde_json::to_vec_pretty(value)
        .map_err(io::Error::from)
        .and_then(|json| disk::replace(path, &json))
        .map_err(LedgerError::io("write", path))
}

#[cfg(test)]
mod tests;
