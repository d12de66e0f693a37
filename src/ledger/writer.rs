//! The thread that owns the ledger and writes it in groups.
//!
//! While one group is synced the next results queue up, and all of them become the next group: the slower the disk, the
//! larger the groups, so ten thousand results never cost ten thousand syncs.
//!
//! Guarantees: what is reported as kept is on disk; partials are written in the order they came; what is queued when
//! the last sender is dropped is still written; a group that could not be written is tried again with the next one,
//! and once more at the end. Not guaranteed: that an attempt at the end succeeds; its failure is reported like any
//! other.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::Ledger;
use crate::run::partial::Partial;

/// How many messages wait for the writer before a sender has to.
pub const QUEUE_MAX: usize = 64;

/// How many partials one group takes before it is written, so that a busy queue cannot put off the sync for ever.
const GROUP_PARTIALS_MAX: usize = 1_000;

/// Where groups of partials are written.
pub trait Store: Send + 'static {
    /// Writes these partials; when it returns without an error, they are durable.
    fn append(&mut self, partials: &[Partial]) -> io::Result<()>;
}

impl Store for Ledger {
    fn append(&mut self, partials: &[Partial]) -> io::Result<()> {
        Self::append(self, partials)
    }
}

/// Starts the writer. Partials go in through the sender; `told` hears which are on disk, or why the last try failed.
///
/// The thread ends when the sender and all its clones are dropped and the queue is written; join it before the
/// program ends.
pub fn start(
    store: impl Store,
    told: impl FnMut(Result<Vec<Partial>, String>) + Send + 'static,
) -> io::Result<(SyncSender<Vec<Partial>>, JoinHandle<()>)> {
    let (sender, queue) = sync_channel(QUEUE_MAX);
    let thread = thread::Builder::new()
        .name("ledger".to_owned())
        .spawn(move || write_all(store, &queue, told))?;
    Ok((sender, thread))
}

fn write_all(
    mut store: impl Store,
    queue: &Receiver<Vec<Partial>>,
    mut told: impl FnMut(Result<Vec<Partial>, String>),
) {
    let mut group = Vec::new();
    while gather(queue, &mut group) {
        write_group(&mut store, &mut group, &mut told);
    }
    write_group(&mut store, &mut group, &mut told);
}

/// Waits for partials and adds everything that is waiting to the group; returns false once no more can come.
fn gather(queue: &Receiver<Vec<Partial>>, group: &mut Vec<Partial>) -> bool {
    let Ok(first) = queue.recv() else {
        return false;
    };
    group.extend(first);
    while group.len() < GROUP_PARTIALS_MAX
        && let Ok(more) = queue.try_recv()
    {
        group.extend(more);
    }
    true
}

/// Writes the group and empties it; where that fails it is left as it is, for the next try.
fn write_group(store: &mut impl Store, group: &mut Vec<Partial>, told: &mut impl FnMut(Result<Vec<Partial>, String>)) {
    if group.is_empty() {
        return;
    }
    match store.append(group) {
        Ok(()) => told(Ok(std::mem::take(group))),
        Err(why) => told(Err(format!(
            "cannot write the ledger: {why}; {} results are not on disk",
            group.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::ledger::tests::partial;

    /// A disk whose sync takes just long enough for the queue to fill up.
    struct SlowDisk {
        total: usize,
        sent: Arc<AtomicUsize>,
        kept: usize,
        syncs: Arc<AtomicUsize>,
    }

    impl Store for SlowDisk {
        fn append(&mut self, partials: &[Partial]) -> io::Result<()> {
            self.kept += partials.len();
            self.syncs.fetch_add(1, Ordering::SeqCst);
            let queue_is_full = self.total.min(self.kept + QUEUE_MAX);
            while self.sent.load(Ordering::SeqCst) < queue_is_full {
                thread::yield_now();
            }
            Ok(())
        }
    }

    #[test]
    fn ten_thousand_results_one_by_one_cost_few_syncs() {
        let total: u32 = 10_000;
        let (sent, syncs) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let told = Arc::new(Mutex::new(Vec::new()));
        let disk = SlowDisk {
            total: 10_000,
            sent: Arc::clone(&sent),
            kept: 0,
            syncs: Arc::clone(&syncs),
        };
        let hear = Arc::clone(&told);
        let (sender, thread) = start(disk, move |kept| hear.lock().unwrap().extend(kept.unwrap())).unwrap();
        for index in 0..total {
            sender.send(vec![partial(index)]).unwrap();
            sent.fetch_add(1, Ordering::SeqCst);
        }
        drop(sender);
        thread.join().unwrap();
        let order: Vec<u32> = told.lock().unwrap().iter().map(|kept: &Partial| kept.index.0).collect();
        assert_eq!(order, (0..total).collect::<Vec<_>>());
        assert!(syncs.load(Ordering::SeqCst) <= 160, "{syncs:?} syncs");
    }

    /// A disk that is full for the first so many writes.
    struct FullDisk(u32);

    impl Store for FullDisk {
        fn append(&mut self, _partials: &[Partial]) -> io::Result<()> {
            if self.0 == 0 {
                return Ok(());
            }
            self.0 -= 1;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
    }

    #[test]
    fn what_could_not_be_written_is_tried_again() {
        let (told, heard) = std::sync::mpsc::sync_channel(8);
        let (sender, thread) = start(FullDisk(2), move |kept| told.send(kept).unwrap()).unwrap();
        sender.send(vec![partial(0)]).unwrap();
        assert!(heard.recv().unwrap().unwrap_err().contains("1 results are not on disk"));
        sender.send(vec![partial(1)]).unwrap();
        assert!(heard.recv().unwrap().unwrap_err().contains("2 results are not on disk"));
        drop(sender);
        assert_eq!(heard.recv().unwrap(), Ok(vec![partial(0), partial(1)]));
        thread.join().unwrap();
        assert!(heard.recv().is_err());
    }
}
