//! The local cluster in this process, through the real client of kube: what Kubernetes promises its clients, kept here too.
//!
//! Its containers are played, so no process is started. Each test has one thread, which the cluster shares: between two awaits of
//! a test nothing in the cluster moves.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::{AsyncBufReadExt, Stream, StreamExt};
use http::Request;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DeleteParams, ListParams, LogParams, PostParams, WatchEvent, WatchParams};
use kube::core::Status;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, Error};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use ttg_tui::local::job_controller::JobControllerConfig;
use ttg_tui::local::kinds::Kind;
use ttg_tui::local::kubelet::log::LogLine;
use ttg_tui::local::kubelet::report::NodeSize;
use ttg_tui::local::kubelet::runtime::{Actor, Ending, Images, Part, Play};
use ttg_tui::local::timing::Timing;
use ttg_tui::local::{LocalCluster, LocalConfig};
use ttg_tui::shell::Clock;

use super::common::client;

/// How long something that must happen may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// A cluster, and the order for its containers to end.
struct Lab {
    cluster: LocalCluster,
    client: Client,
    release: CancellationToken,
    _folder: TempDir,
}

impl Lab {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Clock::start();
        let release = CancellationToken::new();
        let images = Images {
            known: BTreeMap::from([("played".to_owned(), Play::Actor(player(release.clone())))]),
            ..Images::default()
        };
        let cluster = LocalCluster::start(LocalConfig {
            nodes: 2,
            size: NodeSize {
                cpus: 8,
                memory_bytes: 16 << 30,
                pods: 110,
            },
            images,
            folder: folder.path().join("pods"),
            jobs: JobControllerConfig::default(),
            timing: Timing::default(),
            now: Arc::new(move || clock.now()),
        })
        .unwrap();
        let client = client(&cluster.kubeconfig()).await;
        Self {
            cluster,
            client,
            release,
            _folder: folder,
        }
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), "default")
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "default")
    }

    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), "default")
    }

    /// Makes a pod behind the API's back, at once.
    fn make_pod(&self, name: &str) {
        let pod = json!({"metadata": {"name": name}, "spec": pod_spec()});
        self.cluster
            .registry()
            .create(Kind::Pod, "default", pod, false)
            .unwrap();
    }

    /// Makes the store forget what happened to pods: whoever has not seen it yet must list again.
    fn forget_pods(&self) {
        self.cluster.registry().store().compact(Kind::Pod);
    }
}

/// Plays a container that writes three lines, waits for its release, and writes three more.
fn player(release: CancellationToken) -> Actor {
    Arc::new(move |part: Part| {
        let release = release.clone();
        Box::pin(async move {
            say(&part, 1..=3);
            tokio::select! {
                () = release.cancelled() => {}
                () = part.stop.cancelled() => {}
            }
            say(&part, 4..=6);
            Ending::default()
        })
    })
}

fn say(part: &Part, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        part.log.push(LogLine {
            at: (part.now)(),
            bytes: format!("line {number}").into_bytes(),
            ended: true,
        });
    }
}

fn pod_spec() -> Value {
    json!({"restartPolicy": "Never", "containers": [{"name": "worker", "image": "played"}]})
}

fn job(name: &str) -> Job {
    serde_json::from_value(json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "completionMode": "Indexed",
            "completions": 3,
            "parallelism": 2,
            "template": {"spec": pod_spec()},
        },
    }))
    .unwrap()
}

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})).unwrap()
}

/// Asks again and again until the answer is content.
async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, asking)
        .await
        .unwrap_or_else(|_| panic!("waited {DEADLINE:?} for this: {what}"))
}

/// Waits for the next item of a stream that must not end.
async fn next<S: Stream>(what: &str, stream: &mut Pin<&mut S>) -> S::Item {
    timeout(DEADLINE, stream.next())
        .await
        .unwrap_or_else(|_| panic!("waited {DEADLINE:?} for this: {what}"))
        .unwrap_or_else(|| panic!("the stream ended before this: {what}"))
}

/// Returns the server's refusal.
fn refusal<T>(result: Result<T, Error>) -> Status {
    match result {
        Err(Error::Api(status)) => *status,
        Err(other) => panic!("not a refusal of the server: {other}"),
        Ok(_) => panic!("this was not refused"),
    }
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap()
}

fn phase(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}

async fn get(client: &Client, path: &str) -> Result<String, Error> {
    client.request_text(Request::get(path).body(Vec::new()).unwrap()).await
}

#[tokio::test]
async fn a_job_makes_pods_and_a_watch_delivers_them_until_it_is_complete() {
    let lab = Lab::new().await;
    let pods = lab.pods();
    let mut watch = pin!(pods.watch(&WatchParams::default(), "0").await.unwrap());
    lab.jobs().create(&PostParams::default(), &job("three")).await.unwrap();
    let mut added = BTreeSet::new();
    let mut running = BTreeSet::new();
    while running.len() < 2 {
        match next("two pods run", &mut watch).await.unwrap() {
            WatchEvent::Added(pod) => {
                assert!(added.insert(name(&pod)), "{} was added twice", name(&pod));
                let annotations = pod.metadata.annotations.unwrap();
                assert!(annotations.contains_key("batch.kubernetes.io/job-completion-index"));
            }
            WatchEvent::Modified(pod) => {
                assert!(added.contains(&name(&pod)), "{} was never added", name(&pod));
                if phase(&pod) == Some("Running") {
                    running.insert(name(&pod));
                }
            }
            WatchEvent::Deleted(pod) => panic!("{} was deleted", name(&pod)),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => panic!("{status:?}"),
        }
    }
    assert_eq!(added.len(), 2, "no more than the parallelism: {added:?}");
    lab.release.cancel();
    let completed = eventually("the Job is complete", async || {
        let status = lab.jobs().get("three").await.unwrap().status?;
        let complete = |condition: &k8s_openapi::api::batch::v1::JobCondition| {
            condition.type_ == "Complete" && condition.status == "True"
        };
        status
            .conditions?
            .iter()
            .any(complete)
            .then_some(status.completed_indexes)
    })
    .await;
    assert_eq!(completed.as_deref(), Some("0-2"));
    lab.cluster.stop().await;
}

#[tokio::test]
async fn a_list_comes_in_pages_that_make_the_whole() {
    let lab = Lab::new().await;
    let maps = lab.config_maps();
    let names: BTreeSet<String> = (0..5).map(|number| format!("map-{number}")).collect();
    for name in &names {
        maps.create(&PostParams::default(), &config_map(name)).await.unwrap();
    }
    let mut params = ListParams::default().limit(2);
    let mut sizes = Vec::new();
    let mut versions = BTreeSet::new();
    let mut found = BTreeSet::new();
    loop {
        let page = maps.list(&params).await.unwrap();
        sizes.push((page.items.len(), page.metadata.remaining_item_count));
        versions.insert(page.metadata.resource_version.unwrap());
        let of_this_test = |name: &String| name.starts_with("map-");
        found.extend(
            page.items
                .into_iter()
                .map(|map| map.metadata.name.unwrap())
                .filter(of_this_test),
        );
        let Some(token) = page.metadata.continue_.filter(|token| !token.is_empty()) else {
            break;
        };
        // It sorts before all others, so it belongs to no page that is still to come.
        let late = config_map(&format!("late-{}", sizes.len()));
        maps.create(&PostParams::default(), &late).await.unwrap();
        params = params.continue_token(&token);
    }
    assert_eq!(sizes, [(2, Some(4)), (2, Some(2)), (2, None)]);
    assert_eq!(versions.len(), 1, "all pages are of one revision: {versions:?}");
    assert_eq!(found, names);
    lab.cluster.stop().await;
}

#[tokio::test]
async fn a_watch_with_initial_events_ends_them_with_a_bookmark() {
    let lab = Lab::new().await;
    lab.make_pod("first");
    let pods = lab.pods();
    let params = WatchParams::default().initial_events();
    let mut watch = pin!(pods.watch(&params, "0").await.unwrap());
    let mut names = Vec::new();
    let bookmark = loop {
        match next("the bookmark", &mut watch).await.unwrap() {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => names.push(name(&pod)),
            WatchEvent::Bookmark(bookmark) => break bookmark,
            WatchEvent::Deleted(pod) => panic!("{} was deleted", name(&pod)),
            WatchEvent::Error(status) => panic!("{status:?}"),
        }
    };
    assert_eq!(names, ["first"]);
    assert!(bookmark.metadata.annotations.contains_key("k8s.io/initial-events-end"));
    assert!(bookmark.metadata.resource_version.parse::<u64>().unwrap() > 1);
    lab.cluster.stop().await;
}

#[tokio::test]
async fn a_watch_from_a_forgotten_revision_is_gone() {
    let lab = Lab::new().await;
    let pods = lab.pods();
    let version = pods
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    lab.make_pod("unseen");
    lab.forget_pods();
    let mut watch = pin!(pods.watch(&WatchParams::default(), &version).await.unwrap());
    match next("410", &mut watch).await.unwrap() {
        WatchEvent::Error(status) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
        other @ (WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_) | WatchEvent::Bookmark(_)) => {
            panic!("{other:?}")
        }
    }
    lab.cluster.stop().await;
}

#[tokio::test]
async fn a_watcher_that_missed_something_lists_again() {
    let lab = Lab::new().await;
    let mut events = pin!(watcher(lab.pods(), watcher::Config::default()));
    lab.make_pod("seen");
    let (mut is_listed, mut runs) = (false, false);
    // Once it runs nothing happens to it any more, so the watcher is up to date then.
    while !(is_listed && runs) {
        match next("the pod runs", &mut events).await.unwrap() {
            watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) => runs = phase(&pod) == Some("Running"),
            watcher::Event::InitDone => is_listed = true,
            watcher::Event::Init => {}
            watcher::Event::Delete(pod) => panic!("{} was deleted", name(&pod)),
        }
    }
    lab.make_pod("unseen");
    lab.forget_pods();
    let error = next("410", &mut events).await.unwrap_err();
    let is_gone = matches!(&error, watcher::Error::WatchError(status) if status.code == 410);
    assert!(is_gone, "{error}");
    let mut names = BTreeSet::new();
    loop {
        match next("the new list", &mut events).await.unwrap() {
            watcher::Event::Init => names.clear(),
            watcher::Event::InitApply(pod) => {
                names.insert(name(&pod));
            }
            watcher::Event::InitDone => break,
            watcher::Event::Apply(pod) | watcher::Event::Delete(pod) => panic!("{} came before the list", name(&pod)),
        }
    }
    assert_eq!(names, BTreeSet::from(["seen".to_owned(), "unseen".to_owned()]));
    lab.cluster.stop().await;
}

#[tokio::test]
async fn a_name_is_taken_once_and_a_dry_run_takes_none() {
    let lab = Lab::new().await;
    let maps = lab.config_maps();
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let tried = maps.create(&dry, &config_map("one")).await.unwrap();
    assert_eq!(tried.metadata.name.as_deref(), Some("one"));
    assert!(maps.get_opt("one").await.unwrap().is_none(), "a dry run stores nothing");

    maps.create(&PostParams::default(), &config_map("one")).await.unwrap();
    for params in [PostParams::default(), dry] {
        let status = refusal(maps.create(&params, &config_map("one")).await);
        assert_eq!(
            (status.code, status.reason.as_str()),
            (409, "AlreadyExists"),
            "{params:?}"
        );
    }
    let status = refusal(maps.delete("two", &DeleteParams::default()).await);
    assert_eq!((status.code, status.reason.as_str()), (404, "NotFound"));
    lab.cluster.stop().await;
}

#[tokio::test]
async fn deleting_a_job_in_the_background_removes_its_pods() {
    let lab = Lab::new().await;
    lab.jobs().create(&PostParams::default(), &job("short")).await.unwrap();
    eventually("two pods run", async || {
        let pods = lab.pods().list(&ListParams::default()).await.unwrap();
        let running = pods.iter().filter(|pod| phase(pod) == Some("Running")).count();
        (running == 2).then_some(())
    })
    .await;
    lab.jobs().delete("short", &DeleteParams::background()).await.unwrap();
    eventually("the Job and its pods are gone", async || {
        let pods = lab.pods().list(&ListParams::default()).await.unwrap();
        let job = lab.jobs().get_opt("short").await.unwrap();
        (pods.items.is_empty() && job.is_none()).then_some(())
    })
    .await;
    lab.cluster.stop().await;
}

#[tokio::test]
async fn a_followed_log_delivers_every_line_in_order_and_ends() {
    let lab = Lab::new().await;
    let pods = lab.pods();
    lab.make_pod("talker");
    eventually("the pod runs", async || {
        let pod = pods.get("talker").await.unwrap();
        (phase(&pod) == Some("Running")).then_some(())
    })
    .await;
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let mut lines = pin!(pods.log_stream("talker", &follow).await.unwrap().lines());
    for number in 1..=3 {
        assert_eq!(next("a line", &mut lines).await.unwrap(), format!("line {number}"));
    }
    lab.release.cancel();
    for number in 4..=6 {
        assert_eq!(next("a line", &mut lines).await.unwrap(), format!("line {number}"));
    }
    let end = timeout(DEADLINE, lines.next()).await.unwrap();
    assert!(end.is_none(), "{end:?}");
    lab.cluster.stop().await;
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let lab = Lab::new().await;
    let kubeconfig = lab.cluster.kubeconfig();
    let token = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("token: "))
        .unwrap();
    let user = format!("user:\n    token: {token}");
    assert!(kubeconfig.contains(&user), "the kubeconfig has another form now");
    let strangers = [
        ("wrong", kubeconfig.replace(&user, "user:\n    token: wrong")),
        ("longer", kubeconfig.replace(&user, &format!("{user}x"))),
        ("none", kubeconfig.replace(&user, "user: {}")),
    ];
    let paths = [
        "/version",
        "/healthz",
        "/livez",
        "/readyz",
        "/api",
        "/apis",
        "/api/v1",
        "/api/v1/nodes",
        "/api/v1/namespaces/default/pods?watch=1",
        "/api/v1/namespaces/default/pods/absent/log",
        "/apis/batch/v1/namespaces/default/jobs",
        "/no/such/path",
    ];
    for (which, kubeconfig) in strangers {
        let stranger = client(&kubeconfig).await;
        for path in paths {
            let status = refusal(get(&stranger, path).await);
            let told = (status.code, status.reason.as_str());
            assert_eq!(told, (401, "Unauthorized"), "{which} token, {path}");
        }
        let maps = Api::<ConfigMap>::namespaced(stranger, "default");
        let status = refusal(maps.create(&PostParams::default(), &config_map("foreign")).await);
        assert_eq!(status.code, 401, "{which} token");
    }
    assert!(lab.config_maps().get_opt("foreign").await.unwrap().is_none());
    assert!(get(&lab.client, "/version").await.unwrap().contains("gitVersion"));
    lab.cluster.stop().await;
}

#[tokio::test]
async fn whoever_has_the_token_may_do_everything_that_there_is() {
    let lab = Lab::new().await;
    let review: SelfSubjectAccessReview = serde_json::from_value(json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "create", "group": "batch", "resource": "jobs", "namespace": "default"}},
    }))
    .unwrap();
    let reviews = Api::<SelfSubjectAccessReview>::all(lab.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
    assert!(answer.status.unwrap().allowed);

    for path in [
        "/no/such/path",
        "/apis/apps/v1/deployments",
        "/api/v1/namespaces/default/services",
        "/api/v1/namespaces/default/pods/absent",
        "/api/v1/namespaces/default/pods/absent/log",
    ] {
        let status = refusal(get(&lab.client, path).await);
        assert_eq!((status.code, status.reason.as_str()), (404, "NotFound"), "{path}");
    }
    lab.cluster.stop().await;
}
