#![cfg(test)]
//! Many whole runs, each made from one number: plan, faults and what people do meanwhile.
//!
//! A seed is a local cluster with simulated workers and a session of the program, all in one process, on one thread and on a
//! clock that jumps to the next thing that happens. No socket is used: the session's requests go straight to the cluster's
//! router, over a [`wire`] that breaks. A run that is not proven is rerun until it is, at last without faults. What must hold at
//! the end of each part is in [`check`].
//!
//! `TTG_SEEDS=0..1000` chooses the seeds; the first 100 are the default. Same seed: same scenario, same schedule. What is left
//! to chance are uids, the suffixes of the pods' names, the jitter of a watch's back-off, which shards a rerun computes again to
//! check a ledger, and how soon a thread of the ledger answers; so a failing seed nearly always fails again.

mod check;
mod draw;
mod orders;
mod tally;
mod wire;
mod worker;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use draw::{FAULTS, Scenario};
use tally::Tally;

/// The seeds unless `TTG_SEEDS` says otherwise.
const DEFAULT_SEEDS: Range<u64> = 0..100;

/// With fewer seeds than this not every kind of fault needs to have hit. Each kind is dealt at least twice in so many.
const EVERY_FAULT_FROM: u64 = 100;

#[test]
fn every_seed_ends_honestly() {
    let seeds = match std::env::var("TTG_SEEDS") {
        Ok(text) => parse_seeds(&text).expect("TTG_SEEDS is a range such as 0..1000"),
        Err(_) => DEFAULT_SEEDS,
    };
    let next = AtomicU64::new(seeds.start);
    let (whole, failures) = (Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let tally = Tally::default();
                    let verdict = catch_unwind(AssertUnwindSafe(|| world::play(&Scenario::of(seed), &tally)));
                    let verdict = verdict.unwrap_or_else(|panic| Err(words_of(panic.as_ref())));
                    whole.lock().unwrap_or_else(PoisonError::into_inner).add(&tally);
                    if let Err(why) = verdict {
                        failures
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((seed, why));
                    }
                }
            });
        }
    });
    let (whole, mut failures) = (whole.into_inner().unwrap(), failures.into_inner().unwrap());
    failures.sort_unstable();
    println!("{whole}");
    let told: Vec<String> = failures.iter().map(|(seed, why)| failure(*seed, why)).collect();
    assert!(told.is_empty(), "{} seeds failed\n\n{}", told.len(), told.join("\n\n"));
    if seeds.end.saturating_sub(seeds.start) >= EVERY_FAULT_FROM {
        let never = whole.never_hit();
        assert!(
            never.is_empty(),
            "these faults never hit, so nothing was learned of them: {never:?}"
        );
    }
}

fn parse_seeds(text: &str) -> Option<Range<u64>> {
    let (start, end) = text.split_once("..")?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

/// Says what a seed was and how to repeat it.
fn failure(seed: u64, why: &str) -> String {
    let scenario = Scenario::of(seed);
    let end = seed + 1;
    format!("seed {seed}: {why}\n{scenario:#?}\nrepeat: TTG_SEEDS={seed}..{end} cargo test --test seeded")
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().cloned();
    words
        .or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}

#[test]
fn a_seed_always_makes_the_same_scenario() {
    for seed in 0..200 {
        let scenario = Scenario::of(seed);
        assert_eq!(scenario, Scenario::of(seed));
        assert_eq!(scenario.plan.check(), Ok(()), "seed {seed}");
        assert!(scenario.reruns.last().unwrap().is_quiet(), "seed {seed}");
    }
    assert_ne!(Scenario::of(1).plan.parameters, Scenario::of(2).plan.parameters);
}

#[test]
fn the_default_seeds_are_dealt_every_fault_twice() {
    for kind in FAULTS {
        let dealt = DEFAULT_SEEDS.filter(|seed| Scenario::of(*seed).has(kind.fault));
        assert!(dealt.count() >= 2, "{}", kind.name);
    }
}
