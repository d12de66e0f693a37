//! The loop of a worker: computes a shard in slices, pauses between batches, reports, and stops when told to.
//!
//! It must not know where its settings come from, what becomes of its reports, or which clock it runs by.
//!
//! Guarantees: it looks at the stop flag at least every 50 ms, and reports at most four times a second, at least every
//! 20 s and at least once, as long as one single parameter does not take longer than that. A stopped or refused shard
//! has no value.

use std::time::Duration;

use thiserror::Error;

use crate::kernel::{Kernel, Refusal};
use crate::protocol::{HEARTBEAT_INTERVAL, PROGRESS_INTERVAL, STOP_INTERVAL};
use crate::shard::{Domain, Shard};

/// How long a slice is to take: short against [`STOP_INTERVAL`], because the next one may be slower; long against what a slice
/// costs: a fraction of a microsecond for clock and flag, and for a kernel that sleeps the tenth of a millisecond that it oversleeps.
const SLICE_AIM: Duration = Duration::from_millis(15);

/// How much longer than the last a slice may be, so that one quick parameter does not make a slice of an hour.
const SLICE_GROWTH: u64 = 4;

/// What is to be computed, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The computation.
    pub kernel: &'a dyn Kernel,
    /// The parameters of the whole run.
    pub domain: Domain,
    /// The part of this worker.
    pub shard: Shard,
    /// How fast.
    pub pace: Pace,
}

/// How fast a shard is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The parameters of a batch, at least one.
    pub batch_size: u64,
    /// The pause after each batch. Without one, batches make no difference.
    pub pause: Duration,
}

/// Where time comes from.
pub trait Clock {
    /// Returns the time since some fixed moment; it never runs backwards.
    fn now(&self) -> Duration;

    /// Waits for about so long.
    fn sleep(&self, time: Duration);
}

/// How far a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Parameters that are computed.
    pub done: u64,
    /// Parameters of the shard.
    pub total: u64,
    /// Parameters a second since the start, pauses included.
    pub per_second: u64,
    /// The value so far.
    pub partial: i128,
}

/// A shard that is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// How many parameters were computed.
    pub processed: u64,
    /// The value.
    pub value: i128,
    /// How long it took, pauses included.
    pub elapsed: Duration,
}

/// Why a shard was not computed to its end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Halt {
    /// The stop flag was set.
    #[error("told to stop")]
    Stopped,
    /// The kernel refused the domain or a part of it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Computes a shard. `stop` is asked often and must be cheap; `report` is called while it computes.
pub fn work(
    task: &Task<'_>,
    clock: &impl Clock,
    stop: &dyn Fn() -> bool,
    report: &mut dyn FnMut(Progress),
) -> Result<Done, Halt> {
    task.kernel.check(task.domain)?;
    let started = clock.now();
    let mut state = State {
        task,
        clock,
        stop,
        started,
        next: task.shard.start,
        value: task.kernel.identity(),
        slice: 1,
        told: Told { at: started, done: 0 },
        quiet: true,
    };
    while state.next < task.shard.end {
        let end = state.batch_end();
        while state.next < end {
            state.slice(end)?;
            state.report_if_due(report);
        }
        state.pause(report)?;
    }
    if state.quiet {
        report(state.progress(clock.now()));
    }
    Ok(Done {
        processed: state.done(),
        value: state.value,
        elapsed: clock.now().saturating_sub(started),
    })
}

/// What the last report said.
#[derive(Clone, Copy)]
struct Told {
    at: Duration,
    done: u64,
}

/// A shard under way.
struct State<'a, C: Clock> {
    task: &'a Task<'a>,
    clock: &'a C,
    stop: &'a dyn Fn() -> bool,
    started: Duration,
    /// The next parameter.
    next: u64,
    value: i128,
    /// How many parameters the next slice has.
    slice: u64,
    told: Told,
    /// Whether nothing was reported yet.
    quiet: bool,
}

impl<C: Clock> State<'_, C> {
    /// Returns where the next batch ends. Without a pause nobody can tell batches apart, so all that is left is one,
    /// and a batch size of 1 costs nothing.
    fn batch_end(&self) -> u64 {
        let Pace { batch_size, pause } = self.task.pace;
        let end = self.task.shard.end;
        if pause.is_zero() {
            end
        } else {
            self.next.saturating_add(batch_size.max(1)).min(end)
        }
    }

    /// Computes one slice, at most to `end`, and measures how long the next one may be.
    fn slice(&mut self, end: u64) -> Result<(), Halt> {
        self.check_stop()?;
        let count = self.slice.min(end - self.next);
        let before = self.clock.now();
        let part = self
            .task
            .kernel
            .evaluate(self.task.domain, self.next..self.next + count)?;
        let took = self.clock.now().saturating_sub(before);
        self.value = self.task.kernel.combine(self.value, part);
        self.next += count;
        self.slice = next_slice(self.slice, count, took);
        Ok(())
    }

    /// Waits until the pause after a batch is over.
    fn pause(&mut self, report: &mut dyn FnMut(Progress)) -> Result<(), Halt> {
        let pause = self.task.pace.pause;
        if pause.is_zero() {
            return Ok(());
        }
        let over = self.clock.now().saturating_add(pause);
        while let Some(left) = over.checked_sub(self.clock.now()).filter(|left| !left.is_zero()) {
            self.check_stop()?;
            self.clock.sleep(left.min(STOP_INTERVAL));
            self.report_if_due(report);
        }
        Ok(())
    }

    fn check_stop(&self) -> Result<(), Halt> {
        if (self.stop)() { Err(Halt::Stopped) } else { Ok(()) }
    }

    /// Reports when there is news and the last report is old enough, or when there is none for so long that a reader
    /// might take the silence for the end.
    fn report_if_due(&mut self, report: &mut dyn FnMut(Progress)) {
        let (now, done) = (self.clock.now(), self.done());
        let interval = if done == self.told.done {
            HEARTBEAT_INTERVAL
        } else {
            PROGRESS_INTERVAL
        };
        if now.saturating_sub(self.told.at) >= interval {
            report(self.progress(now));
            self.told = Told { at: now, done };
            self.quiet = false;
        }
    }

    fn done(&self) -> u64 {
        self.next - self.task.shard.start
    }

    fn progress(&self, now: Duration) -> Progress {
        let done = self.done();
        let per_second = rate(done, now.saturating_sub(self.started));
        Progress {
            done,
            total: self.task.shard.len(),
            per_second,
            partial: self.value,
        }
    }
}

/// Returns how many parameters would have fitted into [`SLICE_AIM`] at the speed just seen, within the allowed growth.
fn next_slice(slice: u64, count: u64, took: Duration) -> u64 {
    let fitting = u128::from(count) * SLICE_AIM.as_nanos() / took.as_nanos().max(1);
    u64::try_from(fitting)
        .unwrap_or(u64::MAX)
        .clamp(1, slice.saturating_mul(SLICE_GROWTH))
}

/// Returns how many a second so many in this time are; 0 when no time has passed.
fn rate(count: u64, time: Duration) -> u64 {
    let per_second = (u128::from(count) * 1_000_000_000)
        .checked_div(time.as_nanos())
        .unwrap_or_default();
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
