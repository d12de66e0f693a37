//! Jobs that the program did not make, on its local cluster: they run as on any Kubernetes, and no command takes them for runs.

use std::fs;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Client;
use kube::api::{Api, ListParams, LogParams, PostParams};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::attach::{assert_proven, end, local};
use super::common::{World, client, eventually};

/// What the kubelet says about an image that it cannot play: the part that tells a person what to do.
const WHAT_TO_DO: &str = "it plays the image ttg-worker, and any other image only with a `command`";

/// A client of a world's local cluster.
struct Kubernetes {
    runtime: Runtime,
    client: Client,
}

impl Kubernetes {
    fn of(world: &World) -> Self {
        let kubeconfig = fs::read_to_string(world.runtime_folder().join("local.kubeconfig")).unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(&kubeconfig));
        Self { runtime, client }
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), "default")
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "default")
    }

    /// Makes a Job as others write them: not Indexed, without labels, of an image that is not ours.
    fn create_job(&self, name: &str, completions: u32, container: &Value) {
        let job: Job = serde_json::from_value(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {
                "completions": completions,
                "parallelism": 2,
                "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
            },
        }))
        .unwrap();
        let jobs = self.jobs();
        self.runtime
            .block_on(jobs.create(&PostParams::default(), &job))
            .unwrap();
    }

    fn job(&self, name: &str) -> Job {
        self.runtime.block_on(self.jobs().get(name)).unwrap()
    }

    fn pods_of(&self, job: &str) -> Vec<Pod> {
        let selected = ListParams::default().labels(&format!("job-name={job}"));
        self.runtime.block_on(self.pods().list(&selected)).unwrap().items
    }

    fn log(&self, pod: &Pod) -> String {
        let name = pod.metadata.name.as_deref().unwrap();
        let log = self.pods();
        self.runtime.block_on(log.logs(name, &LogParams::default())).unwrap()
    }

    fn wait_until_complete(&self, job: &str) {
        eventually("the Job is complete", || {
            let status = self.job(job).status.unwrap_or_default();
            let mut conditions = status.conditions.iter().flatten();
            if conditions.any(|condition| condition.type_ == "Complete" && condition.status == "True") {
                Ok(())
            } else {
                Err(format!("{status:?}"))
            }
        });
    }
}

/// Returns the runs in the list.
fn listed(world: &World) -> Vec<String> {
    let finished = world.run(&["list", "--output", "json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let objects = finished.objects();
    objects
        .iter()
        .map(|object| object["run"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_job_of_a_foreign_shape_runs_and_is_no_run() {
    let world = World::new();
    let local = local(&world);
    let kubernetes = Kubernetes::of(&world);
    let container = json!({
        "name": "hello",
        "image": "busybox",
        "command": ["sh", "-c", "echo hello from $WHO"],
        "env": [{"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    });
    kubernetes.create_job("plain", 3, &container);
    kubernetes.wait_until_complete("plain");
    let pods = kubernetes.pods_of("plain");
    assert_eq!(pods.len(), 3);
    for pod in &pods {
        let name = pod.metadata.name.as_deref().unwrap();
        assert_eq!(kubernetes.log(pod), format!("hello from {name}\n"));
        // Pods of a Job that is not Indexed have no index, neither in their names nor beside them.
        assert_eq!(name.strip_prefix("plain-").map(str::len), Some(5), "{name}");
        let annotations = pod.metadata.annotations.iter().flatten();
        let index = annotations.filter(|(key, _)| key.ends_with("job-completion-index"));
        assert_eq!(index.count(), 0, "{name}");
    }
    assert!(listed(&world).is_empty());

    let finished = world.run(&["run", "--parameters", "1e7", "--output", "json"]);
    let run = world.only_run();
    assert_proven(&finished, &run);
    assert_eq!(listed(&world), [run]);

    // What is not a run is not watched, changed or deleted as one.
    for arguments in [
        &["attach", "plain"][..],
        &["scale", "plain", "3"],
        &["suspend", "plain"],
        &["cancel", "plain"],
        &["delete", "plain"],
    ] {
        let refused = world.run(arguments);
        assert_eq!(refused.code, Some(2), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains("no run begins with \"plain\""), "{refused:?}");
    }
    assert_eq!(kubernetes.pods_of("plain").len(), 3);
    end(local);
}

/// Returns why the only container of a pod waits: reason and message.
fn waiting(pod: &Pod) -> Option<(String, String)> {
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    Some((
        waiting.reason.clone().unwrap_or_default(),
        waiting.message.clone().unwrap_or_default(),
    ))
}

#[test]
fn an_image_that_cannot_be_played_waits_and_says_what_to_do() {
    let world = World::new();
    let local = local(&world);
    let kubernetes = Kubernetes::of(&world);
    kubernetes.create_job("stuck", 1, &json!({"name": "hello", "image": "busybox"}));
    eventually("the pod waits for its image", || {
        let pods = kubernetes.pods_of("stuck");
        let seen: Vec<_> = pods.iter().filter_map(waiting).collect();
        // As on any cluster it is one of the two, in turn.
        let is_told = |(reason, message): &(String, String)| {
            ["ErrImagePull", "ImagePullBackOff"].contains(&reason.as_str()) && message.contains(WHAT_TO_DO)
        };
        if seen.iter().any(is_told) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
    eventually("Events say why", || {
        let events = Api::<Event>::namespaced(kubernetes.client.clone(), "default");
        let failed = ListParams::default().fields("reason=Failed,type=Warning");
        let events = kubernetes.runtime.block_on(events.list(&failed)).unwrap().items;
        let said: Vec<String> = events.into_iter().filter_map(|event| event.message).collect();
        let has = |words: &str| said.iter().any(|message| message.contains(words));
        if has("Failed to pull image \"busybox\"") && has(WHAT_TO_DO) && has("Error: ErrImagePull") {
            Ok(())
        } else {
            Err(format!("{said:?}"))
        }
    });
    let status = kubernetes.job("stuck").status.unwrap_or_default();
    assert_eq!((status.active, status.failed), (Some(1), None), "{status:?}");

    // The tool tells the same of a run, in the line of the index that waits.
    let run = world.spawn(&["run", "--image", "busybox", "--shards", "2", "--workers", "2"]);
    run.wait_for_stderr("index 0 waits: ErrImagePull: ");
    run.wait_for_stderr(WHAT_TO_DO);
    drop(run);
    end(local);
}
