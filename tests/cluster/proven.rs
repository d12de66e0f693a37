//! Runs that nobody disturbs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::World;

/// π(10⁷).
const PRIMES: &str = "664579";

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object[field].as_str().unwrap_or_default()
}

#[test]
fn the_default_run_is_proven_and_tells_where_it_ran() {
    let world = World::new();
    let nodes: BTreeSet<String> = world.nodes().into_iter().collect();
    let finished = world.run(&["--output", "json"]).finish();
    let summary = finished.expect_proven(PRIMES);
    let told: BTreeSet<String> = finished
        .of("worker_finished")
        .iter()
        .map(|event| text(event, "node").to_owned())
        .collect();
    assert!(told.is_subset(&nodes), "{told:?} are told, the cluster has {nodes:?}");
    // The spread over nodes is soft, so not every node must have had a worker.
    assert!(told.len() >= nodes.len().min(2), "all ran on {told:?} of {nodes:?}");
    let counted: u64 = summary["nodes"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(Some(counted), summary["shards"].as_u64());
}

#[test]
fn every_node_can_run_it() {
    const NODES_MAX: usize = 5;
    let world = World::new();
    let nodes = world.nodes();
    assert!(!nodes.is_empty(), "no node takes pods");
    for node in nodes.iter().take(NODES_MAX) {
        let selector = format!("kubernetes.io/hostname={node}");
        let flags = [
            "--parameters",
            "1e6",
            "--shards",
            "2",
            "--node-selector",
            &selector,
            "--output",
            "json",
        ];
        let finished = world.run(&flags).finish();
        finished.expect_proven("78498");
        for event in finished.of("worker_finished") {
            assert_eq!(text(&event, "node"), node);
        }
    }
}

#[test]
fn three_workers_say_what_each_processed() {
    let world = World::new();
    let finished = world.run(&["--shards", "3", "--workers", "3"]).finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let expected = [
        "[WORKER 0] Processed: 3,333,334 parameters",
        "[WORKER 1] Processed: 3,333,333 parameters",
        "[WORKER 2] Processed: 3,333,333 parameters",
        "3,333,334 + 3,333,333 + 3,333,333 = 10,000,000",
    ];
    let lines: Vec<&str> = finished.stdout.lines().take(expected.len()).collect();
    assert_eq!(lines, expected, "{finished:?}");
    assert!(finished.stdout.contains("664,579 primes"), "{finished:?}");
}

#[test]
fn who_attaches_sees_the_same_end() {
    let world = World::new();
    let flags = ["--shards", "3", "--pace", "6s", "--output", "json"];
    let mut first = world.run(&flags);
    let submitted = first.told("submitted", |_| true);
    let run = text(&submitted, "run");
    first.told("worker_started", |_| true);
    // One from the same folders, which reads what the first one writes; one that has never heard of the run.
    let attach = ["attach", run, "--output", "json"];
    let (beside, elsewhere) = (world.here(&attach), world.elsewhere(&attach));
    let expected = first.finish().expect_proven(PRIMES);
    for program in [beside, elsewhere] {
        let finished = program.finish();
        let summary = finished.expect_proven(PRIMES);
        assert_eq!(finished.of("attached").len(), 1);
        assert_eq!(summary["run"], expected["run"]);
        assert_eq!(summary["attempts"], expected["attempts"]);
    }
}

#[test]
fn the_result_is_there_when_the_job_is_gone() {
    let world = World::new();
    let finished = world.run(&["--shards", "2", "--output", "json"]).finish();
    let expected = finished.expect_proven(PRIMES);
    let run = text(&expected, "run");
    world.delete_job(run);
    let again = world.here(&["result", run, "--output", "json"]).finish();
    assert_eq!(again.expect_proven(PRIMES)["indexes"], expected["indexes"]);
    let attached = world.here(&["attach", run]).finish();
    assert_eq!(attached.code, Some(2), "{attached:?}");
    assert!(
        attached.stderr.contains(&format!("ttg-tui result {run}")),
        "{attached:?}"
    );
}
