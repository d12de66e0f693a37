//! The loop under a clock that only moves when something sleeps or computes.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::shard::CompletionIndex;

/// Time that passes only on demand, in nanoseconds.
#[derive(Default)]
struct FakeTime(AtomicU64);

impl FakeTime {
    fn pass(&self, time: Duration) {
        self.0
            .fetch_add(u64::try_from(time.as_nanos()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for FakeTime {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) {
        assert!(time <= STOP_INTERVAL, "slept for {time:?} without a look at the flag");
        self.pass(time);
    }
}

/// Sums the parameters, each of which takes a while.
struct Slow<'a> {
    time: &'a FakeTime,
    each: Duration,
    calls: AtomicU64,
}

impl Kernel for Slow<'_> {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn about(&self) -> &'static str {
        "sums parameters slowly"
    }

    fn what(&self) -> &'static str {
        "sum"
    }

    fn check(&self, domain: Domain) -> Result<(), Refusal> {
        if domain.first == 13 {
            Err(Refusal::new("13 is not done"))
        } else {
            Ok(())
        }
    }

    fn evaluate(&self, _domain: Domain, range: Range<u64>) -> Result<i128, Refusal> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.time
            .pass(self.each * u32::try_from(range.end - range.start).unwrap());
        Ok(range.map(i128::from).sum())
    }

    fn describe(&self, _domain: Domain, value: i128) -> String {
        value.to_string()
    }
}

/// One run under fake time.
struct Run {
    outcome: Result<Done, Halt>,
    reports: Vec<(Duration, Progress)>,
    calls: u64,
    ended: Duration,
}

fn run(total: u64, each: Duration, pace: Pace, stop_at: Duration) -> Run {
    let time = FakeTime::default();
    let kernel = Slow {
        time: &time,
        each,
        calls: AtomicU64::new(0),
    };
    let domain = Domain { first: 0, total };
    let shard = domain.shard(1, CompletionIndex(0)).unwrap();
    let reports = RefCell::new(Vec::new());
    let task = Task {
        kernel: &kernel,
        domain,
        shard,
        pace,
    };
    let outcome = work(&task, &time, &|| time.now() >= stop_at, &mut |progress| {
        reports.borrow_mut().push((time.now(), progress));
    });
    let calls = kernel.calls.load(Ordering::Relaxed);
    Run {
        outcome,
        reports: reports.into_inner(),
        calls,
        ended: time.now(),
    }
}

const NEVER: Duration = Duration::MAX;
const NO_PAUSE: Pace = Pace {
    batch_size: 1_000,
    pause: Duration::ZERO,
};

fn sum_below(end: u64) -> i128 {
    i128::from(end) * (i128::from(end) - 1) / 2
}

#[test]
fn progress_comes_four_times_a_second_with_exact_partials() {
    let run = run(1_000_000, Duration::from_micros(10), NO_PAUSE, NEVER);
    let elapsed = Duration::from_secs(10);
    assert_eq!(
        run.outcome,
        Ok(Done {
            processed: 1_000_000,
            value: sum_below(1_000_000),
            elapsed
        })
    );
    assert!((35..=40).contains(&run.reports.len()), "{} reports", run.reports.len());
    let mut last = Duration::ZERO;
    for (at, progress) in run.reports {
        assert!(
            (PROGRESS_INTERVAL..PROGRESS_INTERVAL * 2).contains(&at.saturating_sub(last)),
            "{last:?} then {at:?}"
        );
        assert_eq!(
            (progress.partial, progress.total),
            (sum_below(progress.done), 1_000_000)
        );
        assert_eq!(progress.per_second, 100_000);
        last = at;
    }
}

#[test]
fn slices_are_few_and_batches_without_a_pause_make_no_more() {
    for batch_size in [0, 1, 1_000, u64::MAX] {
        let pace = Pace {
            batch_size,
            pause: Duration::ZERO,
        };
        let run = run(10_000_000, Duration::from_nanos(40), pace, NEVER);
        // 0.4 s are 27 slices of 15 ms, and a few short ones at first.
        assert!(
            (27..=45).contains(&run.calls),
            "batch size {batch_size}: {} slices",
            run.calls
        );
    }
}

#[test]
fn a_stop_is_seen_within_its_interval() {
    let hour = Duration::from_secs(3_600);
    let cases = [
        ("quick kernel", Duration::from_nanos(40), NO_PAUSE),
        ("slow kernel", Duration::from_millis(1), NO_PAUSE),
        (
            "slow kernel, huge batch",
            Duration::from_millis(1),
            Pace {
                batch_size: u64::MAX,
                pause: hour,
            },
        ),
        (
            "in a pause",
            Duration::from_micros(1),
            Pace {
                batch_size: 1,
                pause: hour,
            },
        ),
    ];
    for (case, each, pace) in cases {
        let stop_at = Duration::from_millis(1_010);
        let run = run(1_000_000_000, each, pace, stop_at);
        assert_eq!(run.outcome, Err(Halt::Stopped), "{case}");
        assert!(
            (stop_at..=stop_at + STOP_INTERVAL).contains(&run.ended),
            "{case}: {:?}",
            run.ended
        );
    }
}

#[test]
fn each_batch_is_followed_by_one_pause() {
    let pause = Duration::from_millis(2);
    let run = run(1_001, Duration::from_micros(1), Pace { batch_size: 10, pause }, NEVER);
    assert_eq!(run.ended, Duration::from_micros(1_001) + pause * 101);
    assert_eq!(run.outcome.map(|done| done.value), Ok(sum_below(1_001)));
}

#[test]
fn a_long_pause_has_heartbeats_and_nothing_more() {
    let pace = Pace {
        batch_size: 1,
        pause: Duration::from_secs(65),
    };
    let run = run(1, Duration::from_micros(1), pace, NEVER);
    let seconds: Vec<u64> = run.reports.iter().map(|(at, _)| at.as_secs()).collect();
    assert_eq!(seconds, [0, 20, 40, 60]);
    assert_eq!(
        run.reports[3].1,
        Progress {
            done: 1,
            total: 1,
            per_second: 0,
            partial: 0
        }
    );
}

#[test]
fn a_short_shard_reports_once() {
    let run = run(100, Duration::from_micros(10), NO_PAUSE, NEVER);
    let full = Progress {
        done: 100,
        total: 100,
        per_second: 100_000,
        partial: sum_below(100),
    };
    assert_eq!(run.reports, [(Duration::from_millis(1), full)]);
}

#[test]
fn a_refused_domain_is_not_begun() {
    let time = FakeTime::default();
    let kernel = Slow {
        time: &time,
        each: Duration::ZERO,
        calls: AtomicU64::new(0),
    };
    let domain = Domain { first: 13, total: 1 };
    let shard = domain.shard(1, CompletionIndex(0)).unwrap();
    let task = Task {
        kernel: &kernel,
        domain,
        shard,
        pace: NO_PAUSE,
    };
    let outcome = work(&task, &time, &|| false, &mut |_| panic!("a report"));
    assert_eq!(outcome, Err(Halt::Refused(Refusal::new("13 is not done"))));
    assert_eq!(kernel.calls.load(Ordering::Relaxed), 0);
}

proptest! {
    #[test]
    fn pace_changes_no_value(
        total in 1..5_000_u64,
        batch_size in 0..700_u64,
        pause_ms in 0..3_u64,
        each_us in 0..50_u64,
    ) {
        let pace = Pace { batch_size, pause: Duration::from_millis(pause_ms) };
        let run = run(total, Duration::from_micros(each_us), pace, NEVER);
        let done = run.outcome.unwrap();
        prop_assert_eq!((done.processed, done.value), (total, sum_below(total)));
    }
}
