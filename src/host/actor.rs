//! A worker without a process, for `local --simulate`: the same arithmetic, lines and result, and time that only passes.
//!
//! Ten thousand of them fit into one program. Its value is computed like a real worker's, so a simulated run is proven like a real
//! one; a pause after each batch is waited for as a whole, with a progress line now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::local::kubelet::log::{ContainerLog, LogLine};
use crate::local::kubelet::runtime::{Actor, Ending, Part};
use crate::local::registry::Now;
use ttg_worker::app::Settings;
use ttg_worker::protocol::result::RESULT_VERSION;
use ttg_worker::protocol::{Line, LineKind, PROGRESS_INTERVAL, ResultMessage, exit};

/// Shards up to this size are computed where they are; longer ones on a thread for blocking work.
const INLINE_PARAMETERS_MAX: u64 = 10_000;

/// About how many progress lines a played worker writes: ten thousand that write four a second would fill the memory with logs.
const LINES: u32 = 64;
/// The longest time between two of them; a worker that says nothing for much longer counts as silent.
const INTERVAL_MAX: Duration = Duration::from_secs(5);

/// Makes the actor that plays `ttg-worker`.
pub(super) fn worker() -> Actor {
    Arc::new(|part| Box::pin(play(part)))
}

async fn play(part: Part) -> Ending {
    let Part { env, log, stop, now } = part;
    let voice = Voice { log, now };
    let settings = match Settings::from(&|name| env.get(name).cloned()) {
        Ok(settings) => settings,
        Err(error) => return voice.complain(exit::BAD_INPUT, &error.to_string()),
    };
    // Thousands of workers wait for their time to pass; what they have read is not needed any more.
    drop(env);
    let mut lines = Lines {
        voice: &voice,
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
            Err(error) => return voice.complain(exit::INTERNAL, &error.to_string()),
        }
    };
    let value = match evaluated {
        Ok(value) => value,
        Err(refusal) => return voice.complain(exit::REFUSED, &refusal.to_string()),
    };
    let batches = shard.len().div_ceil(settings.pace.batch_size.max(1));
    let elapsed = settings
        .pace
        .pause
        .saturating_mul(u32::try_from(batches).unwrap_or(u32::MAX));
    if !pass(&mut lines, &stop, elapsed, value).await {
        return voice.complain(exit::STOPPED, "told to stop before the end, nothing is written");
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
        message: message.to_json().into_bytes(),
        ..Ending::default()
    }
}

/// Lets the time pass that the shard would take; false when told to stop before.
async fn pass(lines: &mut Lines<'_>, stop: &CancellationToken, whole: Duration, value: i128) -> bool {
    let total = lines.settings.shard.len();
    let mut passed = Duration::ZERO;
    let interval = (whole / LINES).clamp(PROGRESS_INTERVAL, INTERVAL_MAX);
    while passed < whole {
        let step = interval.min(whole.saturating_sub(passed));
        tokio::select! {
            () = stop.cancelled() => return false,
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
    !stop.is_cancelled()
}

/// Where a worker speaks.
struct Voice {
    log: Arc<ContainerLog>,
    now: Now,
}

impl Voice {
    fn say(&self, text: String) {
        self.log.push(LogLine {
            at: (self.now)(),
            bytes: text.into_bytes(),
            ended: true,
        });
    }

    fn complain(&self, code: u8, why: &str) -> Ending {
        self.say(format!("ttg-worker: {why}"));
        Ending {
            exit_code: i32::from(code),
            ..Ending::default()
        }
    }
}

struct Lines<'p> {
    voice: &'p Voice,
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
        self.voice.say(line.to_string());
    }
}
