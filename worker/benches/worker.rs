//! Benches of the worker: reading its lines, and what its loop costs over the bare kernel.
//!
//! `cargo bench -p ttg-worker`. The ratios, next to what they should be, are printed by the tool's `cargo bench --bench table`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use ttg_worker::app::Monotonic;
use ttg_worker::kernel::KERNELS;
use ttg_worker::protocol::{Line, LineKind};
use ttg_worker::shard::{CompletionIndex, Domain, DomainError, Shard};
use ttg_worker::work::{Pace, Task, work};

/// Parameters of one evaluation: some milliseconds of each kernel, so that the loop makes several slices.
const PARAMETERS: u64 = 200_000;

/// Lines of one round.
const LINES: u32 = 1_000;

fn main() -> Result<(), DomainError> {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    parse(&mut criterion);
    overhead(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn parse(criterion: &mut Criterion) {
    let lines: Vec<String> = (1..=LINES).map(progress).collect();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements(u64::from(LINES)));
    group.bench_function("progress lines", |bencher| {
        bencher.iter(|| {
            black_box(&lines)
                .iter()
                .filter(|line| Line::parse(line.as_bytes()).is_some())
                .count()
        });
    });
    group.finish();
}

fn progress(number: u32) -> String {
    let kind = LineKind::Progress {
        done: u64::from(number) * 3_333,
        total: 3_333_334,
        per_second: 412_000 + u64::from(number),
        partial: i128::from(number) * 241,
    };
    let line = Line {
        worker: CompletionIndex(number % 12),
        number: u64::from(number),
        kind,
    };
    line.to_string()
}

fn overhead(criterion: &mut Criterion) -> Result<(), DomainError> {
    let domain = Domain::new(0, PARAMETERS)?;
    let shard = Shard {
        index: CompletionIndex(0),
        start: 0,
        end: PARAMETERS,
    };
    let pace = Pace {
        batch_size: 1_000,
        pause: Duration::ZERO,
    };
    let mut group = criterion.benchmark_group("overhead");
    group.throughput(Throughput::Elements(PARAMETERS));
    for kernel in KERNELS.iter().copied() {
        group.bench_function(BenchmarkId::new("bare", kernel.name()), |bencher| {
            bencher.iter(|| kernel.evaluate(black_box(domain), black_box(shard.range())));
        });
        let task = Task {
            kernel,
            domain,
            shard,
            pace,
        };
        let clock = Monotonic::start();
        group.bench_function(BenchmarkId::new("worker", kernel.name()), |bencher| {
            bencher.iter(|| work(black_box(&task), &clock, &|| false, &mut |_| ()));
        });
    }
    group.finish();
    Ok(())
}
