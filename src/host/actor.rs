//! A worker without a process, for `local --simulate`: the same arithmetic, lines and result, and time that only passes.
//!
//! Ten thousand of them fit into one program. Its value is computed like a real worker's, so a simulated run is proven like a real
//! one; a pause after each batch is waited for as a whole, with a progress line four times a second.

use std::sync::Arc;
use std::time::Duration;

use crate::local::kubelet::log::{ContainerLog, LogLine};
use crate::local::kubelet::runtime::{Actor, Ending, Part};
use ttg_worker::app::Settings;
use ttg_worker::protocol::result::RESULT_VERSION;
use ttg_worker::protocol::{Line, LineKind, PROGRESS_INTERVAL, ResultMessage, exit};

/// Shards up to this size are computed where they are; longer ones on a thread for blocking work.
const INLINE_PARAMETERS_MAX: u64 = 10_000;

/// Makes the actor that plays `ttg-worker`.
pub(super) fn worker() -> Actor {
    Arc::new(|part| Box::pin(play(part)))
}

async fn play(part: Part) -> Ending {
    let settings = match Settings::from(&|name| part.env.get(name).cloned()) {
        Ok(settings) => settings,
        Err(error) => return complain(&part, exit::BAD_INPUT, &error.to_string()),
    };
    let mut lines = Lines {
        log: Arc::clone(&part.log),
        part: &part,
        settings: &settings,
        number: 0,
    };
    let (shard, kernel) = (settings.shard, settings.kernel);
    lines.say(LineKind::Parameters {
        start: shard.start,
        end: shard.end,
        kernel: kernel.name().to_owned(),
        attempt: settings.attempt.clone(),
    });
    let domain = settings.domain;
    let evaluated = if shard.len() <= INLINE_PARAMETERS_MAX {
        kernel.evaluate(domain, shard.range())
    } else {
        match tokio::task::spawn_blocking(move || kernel.evaluate(domain, shard.range())).await {
            Ok(evaluated) => evaluated,
            Err(error) => return complain(&part, exit::INTERNAL, &error.to_string()),
        }
    };
    let value = match evaluated {
        Ok(value) => value,
        Err(refusal) => return complain(&part, exit::REFUSED, &refusal.to_string()),
    };
    let batches = shard.len().div_ceil(settings.pace.batch_size.max(1));
    let elapsed = settings
        .pace
        .pause
        .saturating_mul(u32::try_from(batches).unwrap_or(u32::MAX));
    if !pass(&mut lines, elapsed, value).await {
        return complain(&part, exit::STOPPED, "told to stop before the end, nothing is written");
    }
    lines.say(LineKind::Processed { count: shard.len() });
    lines.say(LineKind::Result { value });
    let message = ResultMessage {
        version: RESULT_VERSION,
        job_uid: settings.job_uid.clone(),
        index: shard.index,
        start: shard.start,
        end: shard.end,
        processed: shard.len(),
        value,
        kernel: kernel.name().to_owned(),
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        throttled_ms: None,
    };
    Ending {
        exit_code: i32::from(exit::DONE),
        out_of_memory: false,
        message: message.to_json().into_bytes(),
    }
}

/// Lets the time pass that the shard would take; false when told to stop before.
async fn pass(lines: &mut Lines<'_>, whole: Duration, value: i128) -> bool {
    let total = lines.settings.shard.len();
    let mut passed = Duration::ZERO;
    while passed < whole {
        let step = PROGRESS_INTERVAL.min(whole.saturating_sub(passed));
        tokio::select! {
            () = lines.part.stop.cancelled() => return false,
            () = tokio::time::sleep(step) => passed += step,
        }
        let done = u128::from(total) * passed.as_millis() / whole.as_millis().max(1);
        let per_second = u128::from(total) * 1000 / whole.as_millis().max(1);
        let as_u64 = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
        let done = as_u64(done).min(total);
        lines.say(LineKind::Progress {
            done,
            total,
            per_second: as_u64(per_second),
            partial: if done == total { value } else { 0 },
        });
    }
    !lines.part.stop.is_cancelled()
}

struct Lines<'p> {
    log: Arc<ContainerLog>,
    part: &'p Part,
    settings: &'p Settings,
    number: u64,
}

impl Lines<'_> {
    fn say(&mut self, kind: LineKind) {
        self.number += 1;
        let line = Line {
            worker: self.settings.shard.index,
            number: self.number,
            kind,
        };
        self.log.push(LogLine {
            at: (self.part.now)(),
            bytes: line.to_string().into_bytes(),
            ended: true,
        });
    }
}

fn complain(part: &Part, code: u8, why: &str) -> Ending {
    part.log.push(LogLine {
        at: (part.now)(),
        bytes: format!("ttg-worker: {why}").into_bytes(),
        ended: true,
    });
    Ending {
        exit_code: i32::from(code),
        ..Ending::default()
    }
}
