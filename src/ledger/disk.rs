//! The few things done with files, each the way a crash cannot spoil. Knows nothing of what is in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// What a new folder allows: everything to its owner, nothing to others.
const FOLDER_MODE: u32 = 0o700;

/// What a new file allows: reading and writing to its owner, nothing to others.
const FILE_MODE: u32 = 0o600;

/// Makes a folder and those above it that are missing.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

/// Opens a file for reading and appending, and makes it where it is missing.
pub(super) fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(FILE_MODE)
        .open(path)
}

/// Reads a file; none when it does not exist.
pub(super) fn read_optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// Replaces a file at once: whoever reads it, also after a crash, sees the old bytes or the new ones, never a mixture.
///
/// One writer at a time: two would share the file the new bytes are first written to.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(&temporary)?;
    file.write_all(bytes)?;
    // The data must be on disk before the name is: after a crash a name without data would be an empty file.
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes new names in a folder survive a crash.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Takes the lock that a file stands for; none when another program, or another handle of this one, holds it.
///
/// The lock goes when the file is dropped or the process ends, however it ends.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_to_append(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(why) => Err(why.into()),
    }
}
