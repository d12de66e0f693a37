//! A simulated worker that has the faults of its index.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ttg_tui::host::simulated_worker;
use ttg_tui::local::kubelet::runtime::{Actor, Ending, Part};
use ttg_worker::protocol::ResultMessage;

use super::draw::{Fault, Maker, Ordered, kind_of};
use super::tally::Tally;

/// How long a worker hangs before the machine gives it up.
const HANG: Duration = Duration::from_secs(240);

/// Makes the actor of a scenario's workers.
pub(crate) fn workers(faults: &[Ordered], tally: &Tally) -> Actor {
    let faults: Vec<Ordered> = faults
        .iter()
        .filter(|ordered| kind_of(ordered.fault).maker == Maker::Worker)
        .cloned()
        .collect();
    let (faults, tally, play) = (Arc::new(faults), tally.clone(), simulated_worker());
    let attempts: Arc<Mutex<HashMap<u32, u32>>> = Arc::default();
    Arc::new(move |part: Part| {
        let index: u32 = part
            .env
            .get("WORKER_ID")
            .and_then(|id| id.parse().ok())
            .unwrap_or_default();
        let attempt = {
            let mut attempts = attempts.lock().unwrap_or_else(PoisonError::into_inner);
            let attempt = attempts.entry(index).or_default();
            *attempt += 1;
            *attempt
        };
        let ordered = faults.iter().find(|o| o.index == index && attempt <= o.times).cloned();
        let (play, tally) = (Arc::clone(&play), tally.clone());
        Box::pin(async move {
            match ordered {
                Some(ordered) => suffer(&ordered, part, &play, &tally).await,
                None => play(part).await,
            }
        })
    })
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
