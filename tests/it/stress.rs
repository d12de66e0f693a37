//! A run while everything around it is moved: it ends proven, and each thing that was done to it is told in a line.
//!
//! What is done next is only done once the line of what was done before is there.

use std::fs;
use std::process::Command;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Client;
use kube::api::{Api, DeleteParams, EvictParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::runtime::Runtime;

use super::attach::{end, local};
use super::common::{Finished, Process, Running, World, client, eventually};

/// The shards of a run: more than end while everything happens.
const SHARDS: &str = "24";

/// How often another pod is chosen when one ended well in the moment in which something was done to it.
const TRIES: u32 = 5;

/// How a person does things to a cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hands {
    /// With a program that speaks the API.
    Api,
    /// With kubectl.
    Kubectl,
}

/// A run on a local cluster of its own.
struct Stage {
    world: World,
    local: Running,
    run: Running,
    name: String,
    runtime: Runtime,
    client: Client,
    hands: Hands,
}

/// A pod to which something is done.
#[derive(Clone, Debug)]
struct Victim {
    pod: String,
    node: String,
    index: String,
    attempt: u32,
    /// How lines call it, such as `index 5 attempt 2 on node-1`.
    words: String,
}

impl Stage {
    /// Starts a cluster and a run, and waits until one of its workers computes.
    fn new(hands: Hands, pace: &str) -> Self {
        let world = World::new();
        let local = local(&world);
        let kubeconfig = fs::read_to_string(world.runtime_folder().join("local.kubeconfig")).unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(&kubeconfig));
        // A pod that is deleted counts as a failure of its index, and chance decides which indexes are hit.
        let arguments = [
            "run",
            "--shards",
            SHARDS,
            "--workers",
            "4",
            "--retries",
            "10",
            "--pace",
            pace,
        ];
        let run = world.spawn(&arguments);
        run.wait_for_stderr("running on");
        Self {
            name: world.only_run(),
            world,
            local,
            run,
            runtime,
            client,
            hands,
        }
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "default")
    }

    fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    /// Lets the tool do something to the run, and waits until the program that watches it tells so.
    fn command(&self, arguments: &[&str], told: &str) {
        let finished = self.world.run(arguments);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        self.run.wait_for_stderr(told);
    }

    fn kubectl(&self, arguments: &[&str]) {
        let done = Command::new("kubectl")
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.world.path("home"))
            .env("KUBECONFIG", self.world.runtime_folder().join("local.kubeconfig"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }

    /// Returns the names of the run's pods that compute, on this node or on any.
    fn running_pods(&self, node: Option<&str>) -> Vec<String> {
        let selected = ListParams::default().labels(&format!("job-name={}", self.name));
        let mut pods = self.runtime.block_on(self.pods().list(&selected)).unwrap().items;
        pods.retain(|pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            let at = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            let is_there = node.is_none() || at == node;
            is_there && phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
        });
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        pods.into_iter().filter_map(|pod| pod.metadata.name).collect()
    }

    fn wait_for_workers(&self, count: usize) {
        eventually(&format!("{count} workers run"), || {
            let running = self.running_pods(None);
            if running.len() == count {
                Ok(())
            } else {
                Err(format!("{running:?}"))
            }
        });
    }

    /// Waits for a pod that computes and of which that was told; the newest, as it has most to do, of those whose index failed
    /// least, as the Job controller waits twice as long after each failure.
    fn victim(&self) -> Victim {
        eventually("a worker runs, and that is told", || {
            let running = self.running_pods(None);
            let told = self.run.stderr_so_far();
            let victims: Vec<Victim> = told.lines().filter_map(victim_of).collect();
            let newest_first = running.iter().rev();
            newest_first
                .filter_map(|pod| victims.iter().find(|victim| victim.pod == *pod))
                .min_by_key(|victim| victim.attempt)
                .cloned()
                .ok_or_else(|| format!("none of {running:?} is told to run in:\n{told}"))
        })
    }

    /// Does something to a pod that computes, and waits until that is told of it in these words; returns the pod.
    ///
    /// It may have ended well in the meantime. Then nothing was done to it, and it is tried with another one.
    fn strike(&self, act: impl Fn(&Victim), told: &str) -> Victim {
        for _ in 0..TRIES {
            let victim = self.victim();
            act(&victim);
            let (hit, well) = (
                format!("{} {told}", victim.words),
                format!("index {} finished", victim.index),
            );
            let was_hit = eventually(&format!("a line with {hit:?}"), || {
                let lines = self.run.stderr_so_far();
                match (lines.contains(&hit), lines.contains(&well)) {
                    (true, _) => Ok(true),
                    (false, true) => Ok(false),
                    (false, false) => Err(lines),
                }
            });
            if was_hit {
                return victim;
            }
        }
        panic!("{TRIES} pods in turn ended well before they could be hit: {told}");
    }

    fn delete(&self, victim: &Victim) {
        match self.hands {
            Hands::Api => {
                let (pods, how) = (self.pods(), DeleteParams::default());
                self.runtime.block_on(pods.delete(&victim.pod, &how)).unwrap();
            }
            // The pod is gone only when the next one of its index exists, which takes the Job controller's back-off.
            Hands::Kubectl => self.kubectl(&["delete", "pod", &victim.pod, "--wait=false"]),
        }
    }

    /// Cordons the pod's node, and evicts every pod of the run from it.
    fn drain(&self, victim: &Victim) {
        let node = victim.node.as_str();
        match self.hands {
            Hands::Api => {
                self.runtime.block_on(self.nodes().cordon(node)).unwrap();
                self.run.wait_for_stderr(&format!("{node} is cordoned: no new pods"));
                let (pods, how) = (self.pods(), EvictParams::default());
                for pod in self.running_pods(Some(node)) {
                    self.runtime.block_on(pods.evict(&pod, &how)).unwrap();
                }
            }
            Hands::Kubectl => self.kubectl(&["drain", node]),
        }
    }

    /// Lets every node take pods again; returns after the node of this pod was told to.
    fn uncordon_all(&self, victim: &Victim) {
        for node in ["node-1", "node-2", "node-3"] {
            match self.hands {
                Hands::Api => {
                    self.runtime.block_on(self.nodes().uncordon(node)).unwrap();
                }
                Hands::Kubectl => self.kubectl(&["uncordon", node]),
            }
        }
        self.run.wait_for_stderr(&format!("{} takes pods again", victim.node));
    }

    /// Ends the worker of this pod with SIGKILL, if it still computes.
    fn kill_worker(&self, victim: &Victim) {
        let mine = format!("WORKER_ID={}", victim.index);
        let is_its = |process: &Process| {
            let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
            process.is_worker() && environment.split(|byte| *byte == 0).any(|set| set == mine.as_bytes())
        };
        if let Some(worker) = self.world.processes().into_iter().find(is_its) {
            worker.kill();
        }
    }

    /// Takes the power from the pod's node for a moment.
    fn lose_node(&self, victim: &Victim) {
        let patch = json!({"metadata": {"annotations": {"local-cluster/fault": "lost:for=1s"}}});
        let (nodes, how) = (self.nodes(), PatchParams::default());
        self.runtime
            .block_on(nodes.patch(&victim.node, &how, &Patch::Merge(&patch)))
            .unwrap();
    }

    /// Lets all that is left be done at once, waits for the end of the run, which must be proven, and ends the cluster.
    fn finish(self) {
        self.command(&["scale", &self.name, SHARDS], &format!(" to {SHARDS}"));
        assert_proven(&self.run.finish());
        end(self.local);
    }
}

/// Reads a line such as `00:01.2  ▸ index 5 running on node-1 (attempt 2, ttg-primes-2jzw2n-5-tcwpc)`.
fn victim_of(line: &str) -> Option<Victim> {
    let (_, rest) = line.split_once(" index ")?;
    let (index, rest) = rest.split_once(" running on ")?;
    let (node, rest) = rest.split_once(" (attempt ")?;
    let (attempt, pod) = rest.strip_suffix(')')?.split_once(", ")?;
    let attempt = attempt.parse().ok()?;
    Some(Victim {
        pod: pod.to_owned(),
        node: node.to_owned(),
        index: index.to_owned(),
        attempt,
        words: format!("index {index} attempt {attempt} on {node}"),
    })
}

fn assert_proven(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for words in [
        "PROVEN  664,579 primes among 10,000,000 parameters",
        "24 of 24 indexes accepted, each exactly once",
    ] {
        assert!(finished.stdout.contains(words), "{words}: {finished:?}");
    }
}

/// How a pod's end is told that was deleted.
const DELETED: &str = "was ended from outside: Deleted";

/// How a pod's end is told that was evicted, in the words of the condition that the API server gave it.
const EVICTED: &str = "was ended from outside: EvictionByEvictionAPI";

/// Takes about 20 s, of which the Job controller waits ten before it replaces the pod that failed last.
#[test]
fn a_run_to_which_everything_happens_is_proven_and_each_is_told_in_a_line() {
    let stage = Stage::new(Hands::Api, "24s");
    let run = stage.name.as_str();
    stage.command(&["scale", run, "6"], "workers changed from 4 to 6");
    stage.wait_for_workers(6);
    stage.command(&["scale", run, "3"], "workers changed from 6 to 3");
    stage.run.wait_for_stderr("stopped by scaling down");

    stage.strike(|victim| stage.delete(victim), DELETED);
    stage.strike(
        |victim| stage.kill_worker(victim),
        "failed: exit 137, Error; again in about",
    );
    let drained = stage.strike(|victim| stage.drain(victim), EVICTED);
    stage.uncordon_all(&drained);
    // A node is only told to be lost after the grace of 50 s; that its containers died with it is told when it is back.
    stage.strike(|victim| stage.lose_node(victim), "failed: exit 255, Unknown");

    // The pods that this ends count as failures, too: what is struck after it would be waited for twice as long.
    stage.command(&["suspend", run], "run suspended");
    stage.wait_for_workers(0);
    stage.command(&["resume", run], "run resumed");
    stage.finish();
}

/// Takes about 20 s, of which `kubectl drain` waits ten until the evicted pods are replaced.
#[test]
fn what_kubectl_does_to_a_run_is_told_in_a_line() {
    let kubectl = Command::new("kubectl").args(["version", "--client"]).output();
    if !kubectl.is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: it needs kubectl, which is not installed");
        return;
    }
    let stage = Stage::new(Hands::Kubectl, "24s");
    stage.strike(|victim| stage.delete(victim), DELETED);
    let drained = stage.strike(|victim| stage.drain(victim), EVICTED);
    let words = format!("{} is cordoned: no new pods are bound to it", drained.node);
    stage.run.wait_for_stderr(&words);
    stage.uncordon_all(&drained);
    stage.finish();
}
