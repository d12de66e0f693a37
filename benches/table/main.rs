//! The whole table of speed figures, each next to what it should be.
//!
//! `cargo bench --bench table` takes about four minutes. The figures are for people, and machines are noisy: the exit code is 0
//! whatever they are. Where two speeds are compared both are measured in turn, and the median of the ratios counts.

mod control_plane;
#[path = "../common/facts.rs"]
mod facts;
mod frames;
mod parts;
mod screens;
mod terminal;
mod whole;
mod world;

use std::error::Error;
use std::io::{self, Write};

/// What a figure cannot be taken without.
pub(crate) type Failed = Box<dyn Error>;

/// One figure.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    /// What came out.
    pub(crate) measured: String,
    /// What it should be.
    pub(crate) target: String,
    /// Whether it is; none where it is only told.
    pub(crate) holds: Option<bool>,
}

/// Takes some figures that belong together.
type Measure = fn() -> Result<Vec<Row>, Failed>;

/// Memory comes first, while this process has not yet used and kept any for something else.
const MEASURES: &[(&str, Measure)] = &[
    ("memory of a run", parts::memory),
    ("folding facts", parts::fold),
    ("parsing lines", parts::parse),
    ("worker against bare loop", parts::overhead),
    ("frames", frames::frames),
    ("start", whole::start),
    ("first frame", screens::first_frame),
    ("worker line to frame", screens::line_to_frame),
    ("idle", screens::idle),
    ("memory of the screen, 10,000 pods", screens::memory),
    ("run against bare loop", whole::primes),
    ("10,000 simulated pods", whole::simulated),
    ("10,000 pods there", control_plane::crowd),
    ("50 watchers", control_plane::watchers),
    ("against a real control plane", control_plane::real),
];

fn main() -> io::Result<()> {
    if std::env::var_os(screens::SAME_PROCESS).is_some() {
        return screens::same_process().map_err(|error| io::Error::other(error.to_string()));
    }
    let mut out = io::stdout().lock();
    // Cargo says so when it benches. When it only tests that benches run, minutes of figures are not wanted.
    if !std::env::args().any(|argument| argument == "--bench") {
        return writeln!(out, "the table is printed by `cargo bench --bench table`");
    }
    line(&mut out, ["", "measured", "target", ""])?;
    for (name, measure) in MEASURES {
        match measure() {
            Ok(rows) => {
                for row in rows {
                    let verdict = match row.holds {
                        Some(true) => "holds",
                        Some(false) => "MISSES",
                        None => "",
                    };
                    line(&mut out, [&row.name, &row.measured, &row.target, verdict])?;
                }
            }
            Err(why) => line(&mut out, [name, &format!("not measured: {why}"), "", ""])?,
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, [name, measured, target, verdict]: [&str; 4]) -> io::Result<()> {
    writeln!(out, "{name:<44} {measured:<32} {target:<22} {verdict}")?;
    // Each row is shown as soon as it is there.
    out.flush()
}
