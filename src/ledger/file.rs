//! The ledger file of one run, open for appending.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::error::LedgerError;
use super::{disk, line};
use crate::plan::RunId;
use crate::run::partial::{Partial, SetAside};

/// The ledger of one run, held by the one program that may write it.
///
/// Between two calls the file ends with a whole valid line, or is cut back to one before the next is written.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    /// How long the file is up to the end of the last line that is known to be on disk.
    good_bytes: u64,
    /// Whether bytes of a failed write may follow.
    torn: bool,
    /// Held, never used: the run is locked while this lives.
    _lock: File,
}

impl Ledger {
    /// Opens or makes the file, cuts off what a crash left behind the last whole line, and returns what it held.
    pub(super) fn open(path: &Path, run: &RunId, lock: File) -> Result<(Self, line::Scan), LedgerError> {
        let mut file = disk::open_to_append(path).map_err(LedgerError::io("open", path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(LedgerError::io("read", path))?;
        let scan = line::scan(&bytes, run).map_err(|found| LedgerError::Foreign {
            path: path.to_owned(),
            found,
        })?;
        let torn = bytes.len() > scan.good_bytes;
        let good_bytes = u64::try_from(scan.good_bytes).unwrap_or(u64::MAX);
        let mut ledger = Self {
            file,
            good_bytes,
            torn,
            _lock: lock,
        };
        ledger.make_ready(path, run).map_err(LedgerError::io("write", path))?;
        Ok((ledger, scan))
    }

    /// Appends these partials as one write and one sync: when this returns without an error, they are on disk.
    ///
    /// After an error none of them counts as kept, and the same ones may be appended again.
    pub fn append(&mut self, partials: &[Partial]) -> io::Result<()> {
        if partials.is_empty() {
            return Ok(());
        }
        let lines = partials
            .iter()
            .map(line::entry)
            .collect::<serde_json::Result<String>>()?;
        self.write(lines.as_bytes())
    }

    /// Sets results aside: when this returns without an error, that is on disk.
    pub fn set_aside(&mut self, decided: &[SetAside]) -> io::Result<()> {
        if decided.is_empty() {
            return Ok(());
        }
        let lines = decided
            .iter()
            .map(line::set_aside)
            .collect::<serde_json::Result<String>>()?;
        self.write(lines.as_bytes())
    }

    fn make_ready(&mut self, path: &Path, run: &RunId) -> io::Result<()> {
        self.cut_back()?;
        if self.good_bytes == 0 {
            self.write(line::header(run)?.as_bytes())?;
        }
        path.parent().map_or(Ok(()), disk::sync_folder)
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.cut_back()?;
        self.torn = true;
        if let Err(why) = self
            .file
            .write_all(lines)
            .and_then(|()| self.file.sync_data())
            .and_then(|()| self.is_there())
        {
            // Which of the bytes reached the disk is not known, so none may stay. Where cutting fails too, the next
            // write does it.
            self.cut_back().ok();
            return Err(why);
        }
        self.torn = false;
        self.good_bytes = self
            .good_bytes
            .saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Makes sure that the file still has a name: what is written to a removed one is on no disk that anybody can read.
    fn is_there(&self) -> io::Result<()> {
        if rustix::fs::fstat(&self.file)?.st_nlink == 0 {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the file was removed while it was written",
            ));
        }
        Ok(())
    }

    /// Cuts off what follows the last good line. The file is open for appending, so the next write begins there.
    fn cut_back(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.good_bytes)?;
            self.file.sync_all()?;
            self.torn = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::{partial, state_with_run};

    #[test]
    fn a_write_that_failed_half_way_leaves_nothing_behind() {
        let (_folder, state, mut ledger) = state_with_run();
        ledger.append(&[partial(0)]).unwrap();
        ledger.file.write_all(b"{\"index\":1,\"sta").unwrap();
        ledger.torn = true;
        ledger.append(&[partial(1)]).unwrap();
        let kept = state.read_run(&state.runs().unwrap()[0]).unwrap();
        assert_eq!(kept.partials, [partial(0), partial(1)]);
        assert_eq!(kept.dropped_lines, 0);
    }
}
