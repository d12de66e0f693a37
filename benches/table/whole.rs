//! Figures of the whole program, as processes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use jiff::Timestamp;
use serde_json::Value;
use ttg_tui::plan::{DEFAULT_WORKERS, Plan, RunId};
use ttg_tui::shell::Clock;
use ttg_worker::shard::CompletionIndex;

use crate::parts::{kib_to_mib, median, timed};
use crate::world::{World, first_of, memory_kib};
use crate::{Failed, Row};

/// π(10⁷), so that no figure is taken of a wrong result.
const PRIMES: &str = "664579";

/// How long `--help` takes, and how long until the first worker of a new local cluster runs.
pub(crate) fn start() -> Result<Vec<Row>, Failed> {
    const ROUNDS: usize = 5;
    let (mut helps, mut firsts) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let world = World::new()?;
        let (help, time) = timed(|| world.run(&["--help"]));
        help?;
        helps.push(time.as_secs_f64() * 1_000.0);
        let began_at = Clock::start().now();
        let out = world.run(&["run", "--output", "json"])?;
        let started = first_of(&out, "worker_started")?;
        let at: Timestamp = started
            .get("at")
            .and_then(Value::as_str)
            .ok_or("the first worker has no time")?
            .parse()?;
        firsts.push(at.duration_since(began_at).as_secs_f64() * 1_000.0);
    }
    let help = median(helps).ok_or("there is no time")?;
    let first = median(firsts).ok_or("there is no time")?;
    let row = |name: &str, measured: f64, most: f64| Row {
        name: name.to_owned(),
        measured: format!("{measured:.1} ms"),
        target: format!("≤ {most} ms"),
        holds: Some(measured <= most),
    };
    Ok(vec![
        row("--help", help, 20.0),
        row("first worker running, from nothing", first, 300.0),
    ])
}

/// How long a whole run of 10,000,000 takes, compared with the bare loop on as many threads.
pub(crate) fn primes() -> Result<Vec<Row>, Failed> {
    const PAIRS: usize = 3;
    let (mut runs, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let (value, bare) = timed(bare_loop);
        if value?.to_string() != PRIMES {
            return Err("the bare loop's value is wrong".into());
        }
        let world = World::new()?;
        let (out, run) = timed(|| world.run(&["run", "--output", "json"]));
        expect_primes(&out?)?;
        runs.push(run.as_secs_f64());
        bares.push(bare.as_secs_f64());
    }
    let run = median(runs).ok_or("there is no time")?;
    let bare = median(bares).ok_or("there is no time")?;
    let most = 1.3 * bare + 0.5;
    Ok(vec![Row {
        name: "run of 10,000,000, from nothing to proven".to_owned(),
        measured: format!("{run:.2} s, bare loop {bare:.2} s"),
        target: format!("≤ 1.3 × + 0.5 s = {most:.2} s"),
        holds: Some(run <= most),
    }])
}

/// Computes the default plan's shards on as many threads as workers can run at once.
fn bare_loop() -> Result<i128, Failed> {
    let plan = Plan::new(RunId::generate("primes", 7));
    let kernel = plan.kernel().ok_or("the kernel is gone")?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(usize::try_from(DEFAULT_WORKERS)?);
    let (next, total) = (AtomicU32::new(0), Mutex::new(kernel.identity()));
    let compute = || {
        while let Some(shard) = plan.shard(CompletionIndex(next.fetch_add(1, Ordering::Relaxed))) {
            let value = kernel.evaluate(plan.domain(), shard.range()).ok()?;
            let mut total = total.lock().ok()?;
            *total = kernel.combine(*total, value);
        }
        Some(())
    };
    let all_done = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(compute)).collect();
        threads.into_iter().all(|thread| matches!(thread.join(), Ok(Some(()))))
    });
    if !all_done {
        return Err("a shard could not be computed".into());
    }
    Ok(total.into_inner()?)
}

/// How long 10,000 simulated pods take through a whole Job, and how large the cluster and the tool become.
pub(crate) fn simulated() -> Result<Vec<Row>, Failed> {
    let world = World::new()?;
    let (cluster, pid) = world.local(&["--simulate", "--nodes", "20"])?;
    let arguments = ["run", "--shards", "10000", "--workers", "10000", "--output", "json"];
    let (out, time) = timed(|| world.run(&arguments));
    expect_primes(&out?)?;
    let peak = memory_kib(pid, "VmHWM")?;
    drop(cluster);
    Ok(vec![
        Row {
            name: "10,000 simulated pods through a Job".to_owned(),
            measured: format!("{:.1} s", time.as_secs_f64()),
            target: "≤ 30 s".to_owned(),
            holds: Some(time.as_secs_f64() <= 30.0),
        },
        Row {
            name: "memory of the local cluster then, at most".to_owned(),
            measured: format!("{:.0} MiB", kib_to_mib(peak)),
            target: String::new(),
            holds: None,
        },
    ])
}

fn expect_primes(out: &str) -> Result<(), Failed> {
    let summary = first_of(out, "summary")?;
    let field = |name: &str| summary.get(name).and_then(Value::as_str);
    if field("headline") == Some("proven") && field("value") == Some(PRIMES) {
        Ok(())
    } else {
        Err("the run is not proven".into())
    }
}
