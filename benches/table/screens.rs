//! Figures of the screen as a process in a terminal.

use std::time::Duration;

use jiff::Timestamp;
use portable_pty::CommandBuilder;
use tokio::runtime;
use ttg_tui::host::{self, Shape};
use ttg_tui::shell::Clock;
use ttg_worker::protocol::number::Grouped;
use ttg_worker::protocol::{Line, LineKind};

use crate::control_plane::Plane;
use crate::parts::{kib_to_mib, median};
use crate::terminal::Terminal;
use crate::world::{World, cpu_ms, memory_kib};
use crate::{Failed, Row};

/// Set for the process that runs a cluster beside the screen.
pub(crate) const SAME_PROCESS: &str = "TTG_BENCH_SAME_PROCESS";

/// The terminal that the screens are made for, in columns and rows.
const USUAL: (u16, u16) = (120, 34);

/// A large one, in which every count has its word.
const LARGE: (u16, u16) = (200, 60);

/// How often a start is measured.
const STARTS: usize = 5;

/// How many progress lines must be seen, so that a hundredth of them is no accident; and 19 of 20 of those that were written.
const LINES_MIN: usize = 50;

/// How long a screen stands idle.
const IDLE: Duration = Duration::from_secs(20);

/// How long what was just asked for may go on in the background.
const SETTLE: Duration = Duration::from_secs(3);

/// What is submitted for 10,000 pods that stay.
const CROWD: [&str; 7] = ["run", "--workers", "10000", "--shards", "10000", "--pace", "1h"];

/// How long it takes from the start of the program to its first frame, which is that of the form.
pub(crate) fn first_frame() -> Result<Vec<Row>, Failed> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let world = World::new()?;
        let mut screen = Terminal::start(&world, USUAL, &[])?;
        let at = screen.wait("the form", |text| text.contains("Workers"))?;
        times.push(at.duration_since(screen.started_at).as_secs_f64() * 1_000.0);
    }
    let time = median(times).ok_or("there is no time")?;
    Ok(vec![Row {
        name: "first frame, from nothing".to_owned(),
        measured: format!("{time:.1} ms"),
        target: "≤ 100 ms".to_owned(),
        holds: Some(time <= 100.0),
    }])
}

/// How long it takes from a worker's line to the frame that shows its number.
///
/// The line's time is that at which it reached the kubelet, as the API tells it beside each line. One worker has one shard, so the
/// head's sum is what its last line said.
pub(crate) fn line_to_frame() -> Result<Vec<Row>, Failed> {
    let world = World::new()?;
    let (_cluster, _) = world.local(&[])?;
    let arguments = ["run", "--workers", "1", "--shards", "1", "--pace", "30s"];
    let mut screen = Terminal::start(&world, USUAL, &arguments)?;
    let mut seen: Vec<(Timestamp, String)> = Vec::new();
    screen.watch("the end of the run", |at, text| {
        let head: String = text.lines().take(3).collect::<Vec<_>>().join("\n");
        let is_over = head.contains("PROVEN");
        if seen.last().is_none_or(|(_, before)| *before != head) {
            seen.push((at, head));
        }
        is_over
    })?;
    let log = Plane::new(&world.kubeconfig(), "default")?.log_with_times()?;
    let lines: Vec<(Timestamp, String)> = log.lines().filter_map(progress).collect();
    let mut times: Vec<f64> = lines.iter().filter_map(|line| time_to_frame(line, &seen)).collect();
    times.sort_by(f64::total_cmp);
    let p99 = times.get(times.len() * 99 / 100).ok_or("there is no time")?;
    let middle = times.get(times.len() / 2).ok_or("there is no time")?;
    let is_enough = times.len() >= LINES_MIN && times.len() * 20 >= lines.len() * 19;
    Ok(vec![Row {
        name: "worker line to frame, 99 of 100 lines".to_owned(),
        measured: format!(
            "{p99:.0} ms, half {middle:.0} ms, {} of {} lines",
            times.len(),
            lines.len()
        ),
        target: "≤ 100 ms".to_owned(),
        holds: Some(*p99 <= 100.0 && is_enough),
    }])
}

/// Reads when a progress line came, and how the head shows its number; none for any other line.
fn progress(line: &str) -> Option<(Timestamp, String)> {
    let (at, text) = line.split_once(' ')?;
    let LineKind::Progress { done, total, .. } = Line::parse(text.as_bytes())?.kind else {
        return None;
    };
    // With the blank before it no longer number is mistaken for it.
    Some((at.parse().ok()?, format!(" {} / {}", Grouped(done), Grouped(total))))
}

/// Returns after how many milliseconds the number of a line was on the screen; none for one that the next had overtaken before a
/// frame was drawn.
fn time_to_frame((at, number): &(Timestamp, String), seen: &[(Timestamp, String)]) -> Option<f64> {
    let (seen_at, _) = seen.iter().find(|(_, head)| head.contains(number))?;
    Some(seen_at.duration_since(*at).as_secs_f64() * 1_000.0)
}

/// What a screen costs while its run is suspended.
pub(crate) fn idle() -> Result<Vec<Row>, Failed> {
    let world = World::new()?;
    let (_cluster, _) = world.local(&[])?;
    let arguments = ["run", "--workers", "2", "--shards", "8", "--pace", "10m"];
    let mut screen = Terminal::start(&world, USUAL, &arguments)?;
    screen.wait("a worker that runs", |text| text.contains("RUNNING"))?;
    screen.press("s")?;
    screen.wait("the suspended run", |text| text.contains("SUSPENDED"))?;
    screen.press("5")?;
    screen.wait("what the API was asked", |text| lists(text).is_some())?;
    screen.rest(SETTLE);
    let before = lists(&screen.text()).ok_or("the number of lists is gone")?;
    screen.press("2")?;
    screen.rest(SETTLE);
    let pid = screen.pid()?;
    let computed = cpu_ms(pid)?;
    screen.rest(IDLE);
    let part = (cpu_ms(pid)? - computed) / IDLE.as_secs_f64() / 10.0;
    screen.press("5")?;
    screen.wait("what the API was asked", |text| lists(text).is_some())?;
    let more = lists(&screen.text()).ok_or("the number of lists is gone")? - before;
    Ok(vec![
        Row {
            name: "idle screen of a suspended run: CPU".to_owned(),
            measured: format!("{part:.3} % of a core"),
            target: "≤ 0.1 %".to_owned(),
            holds: Some(part <= 0.1),
        },
        Row {
            name: "idle screen of a suspended run: lists".to_owned(),
            measured: format!("{more} in {} s", IDLE.as_secs()),
            target: "0".to_owned(),
            holds: Some(more == 0),
        },
    ])
}

/// Reads how many lists the API was asked for, as the result's screen tells it: `API: 12 requests (4 lists, 4 watches)`.
fn lists(text: &str) -> Option<i64> {
    let (_, cost) = text.split_once("API: ")?;
    let (_, lists) = cost.split_once('(')?;
    let (number, _) = lists.split_once(" list")?;
    number.replace(',', "").parse().ok()
}

/// How large the screen is with 10,000 pods: of a cluster in another process, and with the cluster in its own.
pub(crate) fn memory() -> Result<Vec<Row>, Failed> {
    let world = World::new()?;
    let (cluster, _) = world.local(&["--simulate", "--nodes", "20"])?;
    let submit: Vec<&str> = CROWD.into_iter().chain(["--detach"]).collect();
    world.run(&submit)?;
    let attached = size_with_crowd(Terminal::start(&world, LARGE, &["attach"])?)?;
    drop(cluster);
    let world = World::new()?;
    let command = CommandBuilder::new(std::env::current_exe()?);
    let both = size_with_crowd(Terminal::start_command(&world, LARGE, command, &[(SAME_PROCESS, "1")])?)?;
    let row = |name: &str, size: u64, most: u64| Row {
        name: name.to_owned(),
        measured: format!("{:.1} MiB", kib_to_mib(size)),
        target: format!("≤ {most} MiB"),
        holds: Some(size <= most * 1024),
    };
    Ok(vec![
        row("memory of the screen, 10,000 pods", attached, 60),
        row("memory with the cluster in the same process", both, 160),
    ])
}

/// Measures the program once all of its pods run.
fn size_with_crowd(mut screen: Terminal) -> Result<u64, Failed> {
    screen.wait("10,000 pods that run", |text| text.contains("10,000 running"))?;
    screen.rest(SETTLE);
    memory_kib(screen.pid()?, "VmRSS")
}

/// Runs a simulated cluster and, in the same process, the screen of a run of 10,000 pods on it.
pub(crate) fn same_process() -> Result<(), Failed> {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").ok_or("the world has no folder")?;
    let folder = std::path::Path::new(&folder).join("ttg-tui");
    let shape = Shape {
        nodes: 20,
        simulate: true,
    };
    // As many threads as the program itself has for a cluster of its own.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let entered = runtime.enter();
    let host = host::start(&folder, shape, Clock::start())?;
    drop(entered);
    let published = host::publish(&folder, &host)?;
    let code = ttg_tui::commands::main(std::iter::once("ttg-tui").chain(CROWD).map(Into::into));
    drop((published, host));
    if code == 0 {
        Ok(())
    } else {
        Err(format!("the run ended with {code}").into())
    }
}
