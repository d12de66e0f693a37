//! Computes nothing and takes its time: one microsecond a parameter. For watching a run without using a processor.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use super::{Kernel, Refusal};
use crate::protocol::number::Grouped;
use crate::shard::Domain;

/// Waits.
pub(super) struct Simulate;

/// How long one sleep may be, so that an interrupted process is not asleep for longer.
const SLEEP_MAX: Duration = Duration::from_millis(50);

impl Kernel for Simulate {
    fn name(&self) -> &'static str {
        "simulate"
    }

    fn about(&self) -> &'static str {
        "computes nothing, waits 1 µs a parameter"
    }

    fn what(&self) -> &'static str {
        "parameters"
    }

    fn check(&self, domain: Domain) -> Result<(), Refusal> {
        domain.check()?;
        Ok(())
    }

    fn evaluate(&self, _domain: Domain, range: Range<u64>) -> Result<i128, Refusal> {
        let count = range.end.saturating_sub(range.start);
        wait(Duration::from_micros(count));
        Ok(i128::from(count))
    }

    fn describe(&self, _domain: Domain, value: i128) -> String {
        Grouped(value).to_string()
    }
}

/// Waits for so long after now. A sleep that overruns shortens the next one.
fn wait(time: Duration) {
    if time.is_zero() {
        return;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this kernel's computation is the passing of time"
    )]
    let started = Instant::now();
    while let Some(left) = time.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
        thread::sleep(left.min(SLEEP_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what is tested is that time passes")]
    fn each_parameter_takes_a_microsecond() {
        let started = Instant::now();
        assert_eq!(
            Simulate.evaluate(Domain { first: 0, total: 2_000 }, 0..2_000),
            Ok(2_000)
        );
        assert!(started.elapsed() >= Duration::from_millis(2));
    }
}
