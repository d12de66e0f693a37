//! What others do to a run: a result that differs, a ledger of another computation, a writer that stops, a ledger that vanishes.

use std::fs;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use rustix::process::Signal;
use serde_json::json;
use ttg_worker::protocol::ResultMessage;

use super::common::{Running, World, client, eventually};

/// A world with a local cluster of its own, and a client of it.
pub(super) struct Lab {
    pub(super) world: World,
    _local: Running,
    pub(super) runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Lab {
    pub(super) fn new() -> Self {
        let world = World::new();
        let local = world.spawn(&["local"]);
        local.wait_for_stderr("Ctrl-C ends it");
        let kubeconfig = fs::read_to_string(world.runtime_folder().join("local.kubeconfig")).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = runtime.block_on(client(&kubeconfig));
        Self {
            world,
            _local: local,
            runtime,
            client,
        }
    }

    pub(super) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "default")
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), "default")
    }
}

/// Makes a pod that claims to be one more attempt at the index of a finished one, with a result that is one too high.
pub(super) async fn claim_otherwise(pods: &Api<Pod>, honest: &Pod) {
    let mut rival = honest.clone();
    let status = rival.status.take().unwrap();
    rival.metadata.name = Some("rival".into());
    rival.metadata.uid = None;
    rival.metadata.resource_version = None;
    rival.metadata.finalizers = None;
    // No kubelet has this node, so nobody plays the pod but this test.
    rival.spec.as_mut().unwrap().node_name = Some("nowhere".into());
    pods.create(&PostParams::default(), &rival).await.unwrap();
    let mut containers = serde_json::to_value(status.container_statuses).unwrap();
    let message = containers[0]["state"]["terminated"]["message"].as_str().unwrap();
    let mut result = ResultMessage::parse(message).unwrap();
    result.value += 1;
    containers[0]["state"]["terminated"]["message"] = json!(result.to_json());
    let patch = json!({"status": {"phase": "Succeeded", "containerStatuses": containers}});
    pods.patch_status("rival", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
}

#[test]
fn two_results_of_one_index_that_differ_are_both_shown_and_neither_counts() {
    let lab = Lab::new();
    let run = lab.world.spawn(&[
        "run",
        "--workers",
        "1",
        "--shards",
        "4",
        "--pace",
        "4s",
        "--name",
        "ttg-rival",
    ]);
    run.wait_for_stderr("accepted: 1 of 4");
    lab.runtime.block_on(async {
        let pods = lab.pods();
        let all = pods.list(&ListParams::default()).await.unwrap().items;
        let ended = |pod: &&Pod| {
            pod.status
                .as_ref()
                .is_some_and(|s| s.phase.as_deref() == Some("Succeeded"))
        };
        claim_otherwise(&pods, all.iter().find(ended).unwrap()).await;
    });
    let finished = run.finish();
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stderr.contains("index 0 disputed: "), "{finished:?}");
    let result = lab.world.run(&["result", "ttg-rival", "--output", "json"]);
    assert_eq!(result.code, Some(3));
    let summary = result.summary();
    let values = summary["disputed"]["0"].as_array().unwrap();
    let value = |i: usize| values[i]["value"].as_str().unwrap().parse::<i128>().unwrap();
    assert_eq!((values.len(), (value(0) - value(1)).abs()), (2, 1));
    assert_eq!(summary["accepted"], 3);
}

#[test]
fn a_run_of_the_same_name_and_another_computation_is_not_mixed_with_a_kept_one() {
    let lab = Lab::new();
    let first = lab.world.run(&["run", "--name", "ttg-same", "--parameters", "1e6"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let other = [
        "manifest",
        "--name",
        "ttg-same",
        "--parameters",
        "1e6",
        "--kernel",
        "collatz",
        "--pace",
        "60s",
    ];
    let manifest = lab.world.run(&other).stdout;
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&manifest).unwrap();
    lab.runtime.block_on(async {
        let maps: Api<ConfigMap> = Api::namespaced(lab.client.clone(), "default");
        lab.jobs()
            .delete("ttg-same", &DeleteParams::background())
            .await
            .unwrap();
        while lab.jobs().get_opt("ttg-same").await.unwrap().is_some()
            || maps.get_opt("ttg-same").await.unwrap().is_some()
        {
            tokio::task::yield_now().await;
        }
        maps.create(
            &PostParams::default(),
            &serde_json::from_value(documents[0].clone()).unwrap(),
        )
        .await
        .unwrap();
        lab.jobs()
            .create(
                &PostParams::default(),
                &serde_json::from_value(documents[1].clone()).unwrap(),
            )
            .await
            .unwrap();
    });
    let attached = lab.world.run(&["attach", "ttg-same"]);
    assert_eq!(attached.code, Some(2), "{attached:?}");
    assert!(
        attached.stderr.contains("another run named ttg-same is kept here"),
        "{attached:?}"
    );
}

#[test]
fn what_another_program_shall_keep_is_not_proven_before_it_is_on_disk() {
    let lab = Lab::new();
    let writer = lab
        .world
        .spawn(&["run", "--shards", "6", "--pace", "4s", "--name", "ttg-stopped"]);
    writer.wait_for_stderr("running on");
    writer.signal(Signal::STOP);
    let reader = lab.world.spawn(&["attach", "ttg-stopped"]);
    reader.wait_for_stderr("the Job is complete");
    assert!(
        lab.world.ledger_indexes("ttg-stopped").is_empty(),
        "the writer stands still"
    );
    writer.signal(Signal::KILL);
    let finished = reader.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(lab.world.ledger_indexes("ttg-stopped").len(), 6);
    assert_eq!(lab.world.run(&["result", "ttg-stopped"]).code, Some(0));
}

#[test]
fn a_ledger_that_is_removed_while_it_is_written_proves_nothing() {
    let world = World::new();
    let run = world.spawn(&["run", "--shards", "6", "--pace", "3s", "--name", "ttg-removed"]);
    run.wait_for_stderr("running on");
    let folder = world.path("state/ttg-tui/runs/ttg-removed");
    eventually("the run's folder is there", || {
        if folder.exists() {
            Ok(())
        } else {
            Err(format!("{folder:?}"))
        }
    });
    fs::remove_dir_all(&folder).unwrap();
    let finished = run.finish();
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(
        finished.stderr.contains("the file was removed while it was written"),
        "{finished:?}"
    );
    assert!(!finished.stdout.contains("PROVEN"), "{finished:?}");
}

#[test]
fn a_local_cluster_that_ends_under_a_run_ends_it() {
    let world = World::new();
    let local = world.spawn(&["local"]);
    local.wait_for_stderr("Ctrl-C ends it");
    let run = world.spawn(&["run", "--pace", "60s"]);
    run.wait_for_stderr("running on");
    local.signal(Signal::INT);
    local.finish();
    let finished = run.finish();
    assert_eq!(finished.code, Some(5), "{finished:?}");
    assert!(finished.stderr.contains("the local cluster has ended"), "{finished:?}");
}

#[test]
fn ctrl_c_leaves_the_job_on_a_cluster_that_outlives_the_program_and_says_how_to_come_back() {
    let lab = Lab::new();
    let run = lab.world.spawn(&["run", "--pace", "3s", "--name", "ttg-left"]);
    run.wait_for_stderr("running on");
    run.signal(Signal::INT);
    let left = run.finish();
    assert_eq!(left.code, Some(130), "{left:?}");
    assert!(
        left.stderr.contains("the Job goes on; ttg-tui attach ttg-left"),
        "{left:?}"
    );
    assert!(!left.stdout.contains("PROVEN"), "{left:?}");
    let back = lab.world.run(&["attach", "ttg-left"]);
    assert_eq!(back.code, Some(0), "{back:?}");
}
