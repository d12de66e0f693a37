//! `--pace`: how long the workers must pause so that a run takes about a given time, for watching.
//!
//! The time is that of the pauses alone, with all workers at work from the start. Not counted: computing (so the kernel
//! should be fast beside its pauses), starting pods, retries, and scaling while the run is live.

use super::error::{Field, PlanError};
use super::{Plan, fields};

/// The shortest pause that is chosen freely: shorter ones lose too much to the clock and the scheduler.
const PAUSE_MS_MIN: u64 = 10;

/// The longest pause that is chosen freely: with longer ones a bar no longer moves smoothly.
const PAUSE_MS_MAX: u64 = 100;

/// A shard's pauses, unless they would be too short or too long: one for each percent of its bar.
const PAUSES_PER_SHARD: u64 = 100;

/// Batch size and pause that make a run take a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Parameters in a batch.
    pub batch_size: u64,
    /// The pause after each batch, in milliseconds.
    pub simulate_work_ms: u64,
}

/// Finds the pace at which the run takes about `total_ms`. A batch size that the user gave is kept.
pub fn pace(plan: &Plan, total_ms: u64, batch_size: Option<u64>) -> Result<Pace, PlanError> {
    let waves = u64::from(plan.shards.div_ceil(plan.parallelism().max(1))).max(1);
    let longest_shard = plan.parameters.div_ceil(u64::from(plan.shards).max(1)).max(1);
    let shard_ms = total_ms / waves;
    let batch_size = batch_size
        .unwrap_or_else(|| free_batch_size(longest_shard, shard_ms))
        .max(1);
    let batches = longest_shard.div_ceil(batch_size);
    let pauses = waves.saturating_mul(batches);
    let most = pauses.saturating_mul(fields::SIMULATE_WORK_MS.max);
    if (pauses..=most).contains(&total_ms) {
        let simulate_work_ms = shard_ms.saturating_add(batches / 2) / batches;
        return Ok(Pace {
            batch_size,
            simulate_work_ms,
        });
    }
    let (least, most) = (time(pauses), time(most));
    let valid = format!("{least} to {most} for these shards and batches, with a pause of 1ms to 1h after each");
    Err(PlanError::invalid(Field::Pace, time(total_ms), valid))
}

/// Chooses batches of equal size, so many that the pauses are neither too short nor too long.
fn free_batch_size(longest_shard: u64, shard_ms: u64) -> u64 {
    let wanted_pause_ms = (shard_ms / PAUSES_PER_SHARD).clamp(PAUSE_MS_MIN, PAUSE_MS_MAX);
    let batches = (shard_ms / wanted_pause_ms).clamp(1, longest_shard);
    longest_shard.div_ceil(batches)
}

/// Writes a time as the option takes it: in the largest unit that fits exactly.
fn time(ms: u64) -> String {
    [(3_600_000, "h"), (60_000, "m"), (1_000, "s")]
        .into_iter()
        .find(|(unit_ms, _)| ms > 0 && ms.is_multiple_of(*unit_ms))
        .map_or_else(
            || format!("{ms}ms"),
            |(unit_ms, unit)| format!("{}{unit}", ms / unit_ms),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RunId;

    fn plan(parameters: u64, shards: u32, workers: u32) -> Plan {
        Plan {
            parameters,
            workers,
            shards,
            ..Plan::new(RunId::parse("a").unwrap())
        }
    }

    /// The time that the pauses of the busiest worker add up to.
    fn takes_ms(plan: &Plan, pace: Pace) -> u64 {
        let waves = u64::from(plan.shards.div_ceil(plan.parallelism()));
        let shard = plan.parameters.div_ceil(u64::from(plan.shards));
        waves * shard.div_ceil(pace.batch_size) * pace.simulate_work_ms
    }

    #[test]
    fn the_pauses_add_up_to_the_time_wanted() {
        for (parameters, shards, workers) in [
            (10_000_000, 12, 3),
            (10_000_000, 1, 1),
            (10_000_000, 1_000, 7),
            (30, 12, 3),
            (1, 1, 9),
            (1 << 63, 12, 100),
        ] {
            let plan = plan(parameters, shards, workers);
            for total_ms in [30_000, 60_000, 3_600_000] {
                let pace = pace(&plan, total_ms, None).unwrap();
                let takes_ms = takes_ms(&plan, pace);
                assert!(
                    takes_ms.abs_diff(total_ms) <= total_ms / 20,
                    "{parameters}/{shards}: {takes_ms} for {total_ms}"
                );
                assert!(pace.simulate_work_ms >= PAUSE_MS_MIN);
            }
        }
    }

    #[test]
    fn the_default_run_at_thirty_seconds_moves_its_bars_smoothly() {
        let pace = pace(&plan(10_000_000, 12, 3), 30_000, None).unwrap();
        // Four waves of 7.5 s each, with a pause for each percent.
        assert_eq!(
            pace,
            Pace {
                batch_size: 8_334,
                simulate_work_ms: 75
            }
        );
    }

    #[test]
    fn a_batch_size_of_the_user_is_kept() {
        let plan = plan(10_000, 10, 10);
        assert_eq!(
            pace(&plan, 30_000, Some(100)),
            Ok(Pace {
                batch_size: 100,
                simulate_work_ms: 3_000
            })
        );
        assert_eq!(
            pace(&plan, 30_000, Some(u64::MAX)),
            Ok(Pace {
                batch_size: u64::MAX,
                simulate_work_ms: 30_000
            })
        );
    }

    #[test]
    fn an_impossible_pace_names_the_possible_ones() {
        let words = |plan: &Plan, total_ms, batch_size| pace(plan, total_ms, batch_size).unwrap_err().to_string();
        let many = words(&plan(1_000_000, 10, 1), 30_000, Some(1));
        assert!(
            many.contains("30s is not valid") && many.contains("1000s to 1000000h"),
            "{many}"
        );
        let soon = words(&plan(100, 100, 1), 30, None);
        assert!(
            soon.contains("30ms is not valid") && soon.contains("100ms to 100h"),
            "{soon}"
        );
        let late = words(&plan(1, 1, 1), 7_200_000, None);
        assert!(late.contains("2h is not valid") && late.contains("1ms to 1h"), "{late}");
    }
}
