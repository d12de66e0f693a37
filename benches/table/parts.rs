//! Figures of single parts, taken in this process.

use std::hint::black_box;
use std::time::Duration;

use jiff::Timestamp;
use ttg_worker::app::Monotonic;
use ttg_worker::kernel::{KERNELS, Kernel};
use ttg_worker::protocol::{Line, LineKind};
use ttg_worker::shard::{CompletionIndex, Domain, Shard};
use ttg_worker::work::{Clock, Pace, Task, work};

use crate::world::memory_kib;
use crate::{Failed, Row, facts};

/// Indexes of the largest run.
const INDEXES: u32 = 100_000;

/// Pods of a large run.
const PODS: u32 = 10_000;

/// How long the bare loop should take at least, so that a pause of the machine does not decide.
const BARE_MIN: Duration = Duration::from_millis(80);

/// The most parameters that are tried to get there; every kernel can do so many exactly.
const PARAMETERS_MAX: u64 = 10_000_000;

/// Measures how long something takes.
pub(crate) fn timed<T>(action: impl FnOnce() -> T) -> (T, Duration) {
    let clock = Monotonic::start();
    let outcome = action();
    (outcome, clock.now())
}

/// Returns the middle one of these numbers; of an even count the higher one of the two.
pub(crate) fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

/// How much this process grows by a run of 100,000 indexes that had one pod each.
pub(crate) fn memory() -> Result<Vec<Row>, Failed> {
    let me = std::process::id();
    let plan = facts::plan(INDEXES);
    // Without the pages of the program itself, of which more are read the larger it is.
    let before = memory_kib(me, "RssAnon")?;
    let mut state = facts::state(INDEXES);
    for fact in (0..INDEXES).flat_map(|index| facts::life(&plan, index)) {
        state.apply_pod(Timestamp::UNIX_EPOCH, fact);
        // A real session hands results over to the ledger as they come.
        let unkept = state.take_unkept();
        state.kept(Timestamp::UNIX_EPOCH, &unkept);
    }
    let grown = memory_kib(me, "RssAnon")?.saturating_sub(before);
    let accepted = black_box(&state).accepted();
    if accepted != INDEXES {
        return Err(format!("{accepted} of {INDEXES} indexes were accepted").into());
    }
    Ok(vec![Row {
        name: "run state of 100,000 indexes".to_owned(),
        measured: format!("{:.1} MiB", kib_to_mib(grown)),
        target: "≤ 30 MiB".to_owned(),
        holds: Some(grown <= 30 * 1024),
    }])
}

/// Returns MiB with a fraction, for people.
pub(crate) fn kib_to_mib(kib: u64) -> f64 {
    // Exact for every size a process can have.
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

/// How long five facts of each of 10,000 pods take.
pub(crate) fn fold() -> Result<Vec<Row>, Failed> {
    let plan = facts::plan(PODS);
    let mut times = Vec::new();
    for _ in 0..5 {
        let lives: Vec<_> = (0..PODS).flat_map(|index| facts::life(&plan, index)).collect();
        let mut state = facts::state(PODS);
        let (told, time) = timed(|| {
            lives
                .into_iter()
                .map(|fact| state.apply_pod(Timestamp::UNIX_EPOCH, fact).len())
                .sum::<usize>()
        });
        black_box((&state, told));
        times.push(time.as_secs_f64());
    }
    let time = median(times).ok_or("there is no time")?;
    Ok(vec![Row {
        name: "10,000 pods × 5 facts into a run state".to_owned(),
        measured: format!("{:.1} ms", time * 1_000.0),
        target: "≤ 100 ms".to_owned(),
        holds: Some(time <= 0.1),
    }])
}

/// How many progress lines a second are read.
pub(crate) fn parse() -> Result<Vec<Row>, Failed> {
    const LINES: u32 = 1_000;
    const ROUNDS: u32 = 1_000;
    let lines: Vec<String> = (1..=LINES).map(progress).collect();
    let (read, time) = timed(|| {
        (0..ROUNDS)
            .flat_map(|_| black_box(&lines))
            .filter(|line| Line::parse(line.as_bytes()).is_some())
            .count()
    });
    if read != lines.len() * usize::try_from(ROUNDS)? {
        return Err(format!("only {read} lines were read").into());
    }
    let per_second = f64::from(LINES) * f64::from(ROUNDS) / time.as_secs_f64();
    Ok(vec![Row {
        name: "progress lines read by one core".to_owned(),
        measured: format!("{:.2} million a second", per_second / 1e6),
        target: "≥ 1 million a second".to_owned(),
        holds: Some(per_second >= 1e6),
    }])
}

fn progress(number: u32) -> String {
    let kind = LineKind::Progress {
        done: u64::from(number) * 3_333,
        total: 3_333_334,
        per_second: 412_000,
        partial: i128::from(number) * 241,
    };
    let line = Line {
        worker: CompletionIndex(number % 12),
        number: u64::from(number),
        kind,
    };
    line.to_string()
}

/// How fast the worker is, as a part of the bare loop's speed, for each kernel.
pub(crate) fn overhead() -> Result<Vec<Row>, Failed> {
    KERNELS.iter().copied().map(overhead_of).collect()
}

fn overhead_of(kernel: &'static dyn Kernel) -> Result<Row, Failed> {
    const PAIRS: usize = 9;
    let domain = domain_of(kernel)?;
    let shard = Shard {
        index: CompletionIndex(0),
        start: 0,
        end: domain.total,
    };
    let pace = Pace {
        batch_size: 1_000,
        pause: Duration::ZERO,
    };
    let task = Task {
        kernel,
        domain,
        shard,
        pace,
    };
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let (bare, bare_time) = timed(|| kernel.evaluate(black_box(domain), shard.range()));
        let clock = Monotonic::start();
        let (done, worker_time) = timed(|| {
            work(black_box(&task), &clock, &|| false, &mut |seen| {
                black_box(seen);
            })
        });
        if done?.value != bare? {
            return Err(format!("the worker's value of {} is another one", kernel.name()).into());
        }
        ratios.push(bare_time.as_secs_f64() / worker_time.as_secs_f64());
    }
    let ratio = median(ratios).ok_or("there is no ratio")?;
    Ok(Row {
        name: format!("worker's speed to the bare loop's, {}", kernel.name()),
        measured: format!("{ratio:.4}"),
        target: "≥ 0.99".to_owned(),
        holds: Some(ratio >= 0.99),
    })
}

/// Returns as many parameters as the bare loop needs to take long enough.
fn domain_of(kernel: &dyn Kernel) -> Result<Domain, Failed> {
    let mut domain = Domain::new(0, 100_000)?;
    loop {
        let (value, time) = timed(|| kernel.evaluate(black_box(domain), 0..domain.total));
        value?;
        if time >= BARE_MIN || domain.total >= PARAMETERS_MAX {
            return Ok(domain);
        }
        domain = Domain::new(0, (domain.total * 2).min(PARAMETERS_MAX))?;
    }
}
