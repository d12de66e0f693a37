//! Runs that somebody meddles with while they go on.

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use crate::world::{Program, World, eventually};

/// π(10⁷).
const PRIMES: &str = "664579";

/// Starts a run that is slow enough to be meddled with; returns it and its name once a worker computes.
fn start(world: &World, flags: &[&str]) -> (Program, String, Value) {
    let flags = [flags, &["--output", "json"]].concat();
    let mut program = world.run(&flags);
    let run = program.told("submitted", |_| true)["run"].as_str().unwrap().to_owned();
    let started = program.told("worker_started", |_| true);
    (program, run, started)
}

#[test]
fn a_deleted_pod_is_done_again() {
    let world = World::new();
    let (mut program, _, started) = start(&world, &["--shards", "3", "--pace", "5s"]);
    let index = started["index"].clone();
    world.delete_pod(started["pod"].as_str().unwrap());
    let ended = program.told("attempt_ended", |event| event["index"] == index);
    assert_eq!(ended["pod"], started["pod"]);
    program.told("worker_started", |event| {
        event["index"] == index && event["attempt"] == 2
    });
    let summary = program.finish().expect_proven(PRIMES);
    assert_eq!(summary["attempts"], 4, "{summary}");
    assert_eq!(summary["retried"], 1, "{summary}");
}

#[test]
fn a_deleted_job_leaves_what_was_accepted_and_says_what_is_missing() {
    let world = World::new();
    let flags = ["--shards", "8", "--workers", "2", "--pace", "16s"];
    let (mut program, run, _) = start(&world, &flags);
    program.told("accepted", |_| true);
    world.delete_job(&run);
    let finished = program.finish();
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_eq!(finished.of("job_deleted").len(), 1, "{finished:?}");
    let summary = finished.summary();
    assert_eq!(summary["headline"], "incomplete");
    let accepted = summary["accepted"].as_u64().unwrap();
    assert!((1..8).contains(&accepted), "{summary}");
    assert_ne!(summary["missing"], "", "{summary}");
    // What is kept says the same.
    let kept = world.here(&["result", &run, "--output", "json"]).finish();
    assert_eq!(kept.code, Some(3), "{kept:?}");
    for field in ["headline", "accepted", "missing", "value"] {
        assert_eq!(kept.summary()[field], summary[field], "{field}");
    }
}

#[test]
fn a_suspended_run_goes_on_when_it_is_resumed() {
    let world = World::new();
    let (mut program, run, _) = start(&world, &["--shards", "3", "--pace", "6s"]);
    world.patch_job(&run, &json!({"spec": {"suspend": true}}));
    program.told("suspended", |_| true);
    let jobs = world.api::<Job>();
    eventually("no pod of the suspended Job is active", || {
        let status = world.call(jobs.get(&run)).status.unwrap_or_default();
        let is_suspended = status
            .conditions
            .iter()
            .flatten()
            .any(|c| c.type_ == "Suspended" && c.status == "True");
        (is_suspended && status.active.unwrap_or_default() == 0).then_some(())
    });
    world.patch_job(&run, &json!({"spec": {"suspend": false}}));
    program.told("resumed", |_| true);
    let finished = program.finish();
    let summary = finished.expect_proven(PRIMES);
    assert!(!finished.of("attempt_ended").is_empty(), "no worker was stopped");
    assert!(summary["attempts"].as_u64() > Some(3), "{summary}");
}

#[test]
fn more_workers_join_a_run_that_is_scaled_up() {
    let world = World::new();
    let flags = ["--shards", "6", "--workers", "1", "--pace", "18s"];
    let (mut program, run, started) = start(&world, &flags);
    world.patch_job(&run, &json!({"spec": {"parallelism": 3}}));
    let scaled = program.told("scaled", |_| true);
    assert_eq!((&scaled["from"], &scaled["to"]), (&json!(1), &json!(3)));
    // The first worker takes three seconds, so these two run beside it or the next one.
    let second = program.told("worker_started", |event| event["index"] != started["index"]);
    program.told("worker_started", |event| {
        event["index"] != started["index"] && event["index"] != second["index"]
    });
    let active = world.call(world.api::<Job>().get(&run)).status.and_then(|s| s.active);
    assert!(active > Some(1), "{active:?} pods are active");
    program.finish().expect_proven(PRIMES);
}
