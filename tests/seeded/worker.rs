//! Simulated workers that have the faults of their indexes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ttg_tui::host::simulated_worker;
use ttg_tui::local::kubelet::runtime::{Actor, Ending, Part};
use ttg_tui::run::intervals::IndexSet;
use ttg_worker::protocol::ResultMessage;
use ttg_worker::protocol::env::{SHARD_INDEXES, WORKER_ID};

use super::draw::{Fault, Maker, Ordered, kind_of};
use super::tally::Tally;

/// How long a worker hangs before the machine gives it up.
const HANG: Duration = Duration::from_secs(240);

/// The workers of a scenario. Clones share what is ordered.
#[derive(Clone)]
pub(crate) struct Crew {
    shift: Arc<Mutex<Shift>>,
    tally: Tally,
}

/// What is ordered, and what has been done since.
#[derive(Default)]
struct Shift {
    faults: Vec<Ordered>,
    /// How often each index was begun.
    attempts: HashMap<u32, u32>,
}

impl Crew {
    /// Makes workers without faults.
    pub(crate) fn new(tally: &Tally) -> Self {
        Self {
            shift: Arc::default(),
            tally: tally.clone(),
        }
    }

    /// Takes of these faults those of workers, in place of those before, and counts attempts anew.
    pub(crate) fn order(&self, faults: &[Ordered]) {
        let own = faults.iter().filter(|o| kind_of(o.fault).maker == Maker::Worker);
        *self.shift() = Shift {
            faults: own.cloned().collect(),
            attempts: HashMap::new(),
        };
    }

    /// Returns the indexes of the run that were begun since the last order.
    pub(crate) fn begun(&self) -> BTreeSet<u32> {
        self.shift().attempts.keys().copied().collect()
    }

    /// Makes the actor that plays one worker after the other.
    pub(crate) fn actor(&self) -> Actor {
        let (crew, play) = (self.clone(), simulated_worker());
        Arc::new(move |part: Part| {
            let ordered = crew.begin(index_of(&part.env));
            let (play, tally) = (Arc::clone(&play), crew.tally.clone());
            let (log, beginning) = (Arc::clone(&part.log), part.log.begin());
            Box::pin(async move {
                let ending = match ordered {
                    Some(ordered) => suffer(&ordered, part, &play, &tally).await,
                    None => play(part).await,
                };
                // Nothing but a rotation takes the beginning of so short a log away.
                if log.begin() != beginning {
                    tally.hit(Fault::LogRotate);
                }
                ending
            })
        })
    }

    /// Begins an attempt at an index; returns the fault that it has.
    fn begin(&self, index: u32) -> Option<Ordered> {
        let mut shift = self.shift();
        let attempt = shift.attempts.entry(index).or_default();
        *attempt += 1;
        let attempt = *attempt;
        let mut faults = shift.faults.iter();
        faults.find(|o| o.index == index && attempt <= o.times).cloned()
    }

    fn shift(&self) -> MutexGuard<'_, Shift> {
        self.shift.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the index of the run that a worker is told to compute: of a rerun's Job, its own index is a position among some.
fn index_of(env: &BTreeMap<String, String>) -> u32 {
    let position = env.get(WORKER_ID).and_then(|id| id.parse().ok()).unwrap_or_default();
    let indexes = env
        .get(SHARD_INDEXES)
        .and_then(|text| IndexSet::parse(text, u32::MAX).ok());
    let index = indexes.and_then(|indexes| indexes.nth(position));
    index.map_or(position, |index| index.0)
}

async fn suffer(ordered: &Ordered, part: Part, play: &Actor, tally: &Tally) -> Ending {
    let fault = ordered.fault;
    if fault == Fault::Crash {
        tally.hit(fault);
        return ended(1);
    }
    if fault == Fault::Hang {
        // It does not hear that it should stop, so only the kubelet's kill ends it sooner.
        tally.hit(fault);
        tokio::time::sleep(HANG).await;
        return ended(137);
    }
    if fault == Fault::SlowStart {
        tokio::time::sleep(ordered.lasts).await;
    }
    let mut ending = play(part).await;
    if ending.exit_code != 0 {
        return ending;
    }
    tally.hit(fault);
    if fault == Fault::Kill {
        ending = ended(137);
    } else if fault == Fault::LoseResult {
        ending.message.clear();
    } else if fault == Fault::CutResult {
        ending.message.truncate(100);
    } else if fault == Fault::OtherJob {
        forge(&mut ending, |result| "another-job".clone_into(&mut result.job_uid));
    } else if fault == Fault::ForgedValue {
        forge(&mut ending, |result| result.value += 1);
    }
    ending
}

fn ended(exit_code: i32) -> Ending {
    Ending {
        exit_code,
        ..Ending::default()
    }
}

/// Changes a result and seals it again, as somebody who means it would.
fn forge(ending: &mut Ending, change: impl FnOnce(&mut ResultMessage)) {
    let text = String::from_utf8(std::mem::take(&mut ending.message)).expect("a worker writes text");
    let mut result = ResultMessage::parse(&text).expect("a worker that exits 0 writes a result");
    change(&mut result);
    ending.message = result.to_json().into_bytes();
}
