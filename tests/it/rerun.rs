//! `rerun` from end to end: what a run lacks is computed by one more Job, and the run is proven.

use std::fs;

use kube::api::ListParams;
use serde_json::{Value, json};

use ttg_worker::protocol::ResultMessage;

use super::attach::{assert_proven, end, local, misspelt};
use super::common::{Finished, World};
use super::fake_server::{FakeServer, RUN, true_result};
use super::rivals::{Lab, claim_otherwise};

/// A run of six shards by one worker, so that some are done while others are not begun.
fn slow(name: &str) -> [&str; 9] {
    ["run", "--shards", "6", "--workers", "1", "--pace", "4s", "--name", name]
}

/// Starts a run on the local cluster and deletes its Job once it has a result; returns how many it has in the end.
fn cut_short(world: &World, run: &str) -> u64 {
    let watching = world.spawn(&slow(run));
    watching.wait_for_stderr("accepted: 1 of 6");
    assert_eq!(world.run(&["delete", run]).code, Some(0));
    let cut = watching.finish();
    assert_eq!(cut.code, Some(3), "{cut:?}");
    let hint = format!("hint: what is missing or disputed is computed by: ttg-tui rerun {run}\n");
    assert!(cut.stdout.contains(&hint), "{cut:?}");
    let kept = world.run(&["result", run, "--output", "json"]).summary()["accepted"].as_u64();
    kept.filter(|accepted| (1..6).contains(accepted)).unwrap()
}

fn objects_of(finished: &Finished, kind: &str) -> Vec<Value> {
    let mut objects = finished.objects();
    objects.retain(|object| object["type"] == kind);
    objects
}

/// Returns the text of a check of the proof.
fn check(finished: &Finished, name: &str) -> String {
    let summary = finished.summary();
    let checks = summary["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no check {name}: {summary}"));
    check["text"].as_str().unwrap().to_owned()
}

/// Asserts that a command did nothing, and says all of this on standard error.
fn assert_refused(finished: &Finished, words: &[&str]) {
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""), "{finished:?}");
    for word in words {
        assert!(finished.stderr.contains(word), "{word} is not in {finished:?}");
    }
}

#[test]
fn what_a_run_lacks_is_computed_when_its_job_is_gone() {
    let world = World::new();
    let local = local(&world);
    let accepted = cut_short(&world, "ttg-cut");
    let rerun = world.run(&["rerun", "ttg-c", "--workers", "3", "--output", "json"]);
    assert_proven(&rerun, "ttg-cut");
    let submitted = objects_of(&rerun, "submitted").remove(0);
    assert_eq!(
        (&submitted["job"], &submitted["workers"]),
        (&"ttg-cut-r1".into(), &(6 - accepted).min(3).into()),
        "{submitted}"
    );
    let jobs = check(&rerun, "jobs");
    assert!(jobs.contains("from Job ttg-cut; "), "{jobs}");
    assert!(jobs.ends_with("from Job ttg-cut-r1"), "{jobs}");
    assert_eq!(world.ledger_indexes("ttg-cut").len(), 6);

    // The run is one, whatever is asked, and its newest Job answers for it.
    let list = world.run(&["list", "--output", "json"]).objects();
    assert_eq!(list.len(), 1, "{list:?}");
    assert_eq!(
        (&list[0]["run"], &list[0]["state"], &list[0]["done"], &list[0]["shards"]),
        (&"ttg-cut".into(), &"proven".into(), &6.into(), &6.into())
    );
    for [command, run] in [["attach", "ttg-cut"], ["attach", "ttg-cut-r1"], ["result", "ttg-cut"]] {
        assert_proven(&world.run(&[command, run, "--output", "json"]), "ttg-cut");
    }
    let scale = world.run(&["scale", "ttg-cut", "2"]);
    assert_refused(&scale, &["the Job ttg-cut-r1 of ttg-cut is complete"]);
    let delete = world.run(&["delete", "ttg-cut"]);
    assert!(delete.stderr.contains("kubectl delete job ttg-cut-r1"), "{delete:?}");
    end(local);
}

#[test]
fn a_proven_run_is_not_computed_again() {
    let world = World::new();
    let run = world.run(&["run", "--name", "ttg-done"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let table: [&[&str]; 2] = [&["rerun", "ttg-done"], &["rerun", "ttg-done", "--detach"]];
    for arguments in table {
        let rerun = world.run(arguments);
        assert_eq!((rerun.code, &rerun.stdout), (Some(0), &run.stdout), "{rerun:?}");
        assert_eq!(rerun.stderr, "nothing to rerun: ttg-done is proven\n");
    }
    let unknown = world.run(&["rerun", &misspelt("ttg-done")]);
    assert_refused(
        &unknown,
        &["the nearest is ttg-done", "hint: a rerun needs what is kept here"],
    );
}

#[test]
fn a_run_that_goes_on_is_refused_and_a_cancelled_one_is_completed() {
    let world = World::new();
    let local = local(&world);
    let watching = world.spawn(&slow("ttg-on"));
    watching.wait_for_stderr("accepted: 1 of 6");
    let early = world.run(&["rerun", "ttg-on"]);
    let hints = [
        "the Job of ttg-on still runs",
        "ttg-tui attach ttg-on",
        "ttg-tui cancel ttg-on",
    ];
    assert_refused(&early, &hints);
    assert_eq!(world.run(&["cancel", "ttg-on"]).code, Some(0));
    assert_eq!(watching.finish().code, Some(4));

    let left = world.run(&["rerun", "ttg-on", "--detach"]);
    assert_eq!((left.code, left.stdout.as_str()), (Some(0), "ttg-on\n"), "{left:?}");
    assert!(
        left.stderr.contains("ttg-on-r1 submitted to local/default: "),
        "{left:?}"
    );
    let again = world.run(&["rerun", "ttg-on"]);
    assert!(
        again.code == Some(0) || again.stderr.contains("the Job ttg-on-r1 of ttg-on still runs"),
        "{again:?}"
    );
    assert_proven(&world.run(&["attach", "ttg-on", "--output", "json"]), "ttg-on");
    assert_proven(&world.run(&["result", "ttg-on", "--output", "json"]), "ttg-on");
    let delete = world.run(&["delete", "ttg-on"]);
    for job in [
        "kubectl delete job ttg-on -n default",
        "kubectl delete job ttg-on-r1 -n default",
    ] {
        assert!(delete.stderr.contains(job), "{job}: {delete:?}");
    }
    end(local);
}

#[test]
fn another_machine_collects_what_every_job_of_a_run_has_left() {
    let world = World::new();
    let local = local(&world);
    let watching = world.spawn(&slow("ttg-far"));
    watching.wait_for_stderr("accepted: 1 of 6");
    assert_eq!(world.run(&["cancel", "ttg-far"]).code, Some(0));
    assert_eq!(watching.finish().code, Some(4));
    assert_proven(&world.run(&["rerun", "ttg-far", "--output", "json"]), "ttg-far");
    // As if nothing was ever kept here.
    fs::remove_dir_all(world.path("state/ttg-tui/runs/ttg-far")).unwrap();
    let attached = world.run(&["attach", "ttg-far", "--output", "json"]);
    assert_proven(&attached, "ttg-far");
    assert!(check(&attached, "jobs").contains("from Job ttg-far; "), "{attached:?}");
    end(local);
}

#[test]
fn values_that_differ_are_set_aside_and_computed_once_more() {
    let lab = Lab::new();
    let world = &lab.world;
    let run = world.spawn(&slow("ttg-rival"));
    run.wait_for_stderr("accepted: 1 of 6");
    lab.runtime.block_on(async {
        let pods = lab.pods();
        let all = pods.list(&ListParams::default()).await.unwrap().items;
        let ended = all.iter().find(|pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            phase == Some("Succeeded")
        });
        claim_otherwise(&pods, ended.unwrap()).await;
    });
    let disputed = run.finish();
    assert_eq!(disputed.code, Some(3), "{disputed:?}");

    let rerun = world.run(&["rerun", "ttg-rival", "--output", "json"]);
    assert_proven(&rerun, "ttg-rival");
    let set_aside = objects_of(&rerun, "set_aside");
    assert_eq!(set_aside.len(), 1, "{rerun:?}");
    assert_eq!(set_aside[0]["index"], 0);
    assert_eq!(set_aside[0]["values"].as_array().unwrap().len(), 2);
    let submitted = objects_of(&rerun, "submitted").remove(0);
    assert_eq!(submitted["indexes"], "0", "{submitted}");
    let verified = objects_of(&rerun, "verified");
    assert!(
        verified.iter().any(|one| one["index"] == 0 && one["same"] == true),
        "{rerun:?}"
    );

    // Both values stay in the ledger, and on the cluster, and count nowhere.
    let ledger = fs::read_to_string(world.path("state/ttg-tui/runs/ttg-rival/ledger.ndjson")).unwrap();
    let of_index = ledger
        .lines()
        .filter(|line| line.contains("\"index\":0,") && line.contains("\"value\""));
    assert_eq!(of_index.count(), 3, "{ledger}");
    assert_eq!(ledger.matches("\"set_aside\":").count(), 1, "{ledger}");
    assert_proven(&world.run(&["result", "ttg-rival", "--output", "json"]), "ttg-rival");
    assert_proven(&world.run(&["attach", "ttg-rival", "--output", "json"]), "ttg-rival");
}

#[cfg(target_os = "linux")]
#[test]
fn an_index_that_failed_for_good_is_computed_by_another_process_on_another_cluster() {
    let world = World::new();
    let running = world.spawn(&[
        "run",
        "--shards",
        "3",
        "--pace",
        "2s",
        "--retries",
        "0",
        "--name",
        "ttg-failed",
    ]);
    running.wait_for_stderr("running on");
    world.kill_a_worker();
    let failed = running.finish();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    for words in ["FAILED  2 of 3", "ttg-tui rerun ttg-failed\n"] {
        assert!(failed.stdout.contains(words), "{words}: {failed:?}");
    }
    let rerun = world.run(&["rerun", "ttg-failed"]);
    assert_eq!(rerun.code, Some(0), "{rerun:?}");
    for words in ["PROVEN  664,579", "3 of 3 indexes accepted, each exactly once"] {
        assert!(rerun.stdout.contains(words), "{words}: {rerun:?}");
    }
    let submitted = "ttg-failed-r1 submitted to local/default: 1 of 3 shards again (index ";
    assert!(rerun.stderr.contains(submitted), "{rerun:?}");
    let result = world.run(&["result", "ttg-failed"]);
    assert_eq!((result.code, &result.stdout), (Some(0), &rerun.stdout), "{result:?}");
}

#[test]
fn a_total_that_cannot_be_right_is_checked_shard_by_shard_and_mended() {
    let one_too_high = |index: u32| {
        let mut result = ResultMessage::parse(&true_result(index)).unwrap();
        result.value += i128::from(index == 1);
        result.to_json()
    };
    let server = FakeServer::with_messages(one_too_high);
    let world = World::new();
    let kubeconfig = server.kubeconfig(&world);
    let flags = ["--verify", "0", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let wrong = world.run(&[RUN, &flags].concat());
    assert_eq!(wrong.code, Some(3), "{wrong:?}");
    // The cluster of the rerun is another one: what is kept here is enough.
    let mended = world.run(&["rerun", "ttg-fake", "--output", "json"]);
    assert_eq!(
        (mended.code, &mended.summary()["value"]),
        (Some(0), &json!("168")),
        "{mended:?}"
    );
    assert!(
        mended.stderr.contains("every shard is computed again here"),
        "{mended:?}"
    );
    let submitted = objects_of(&mended, "submitted").remove(0);
    assert_eq!(submitted["indexes"], "1", "{submitted}");
}
