//! The Job controller: keeps as many pods running as a Job wants, counts what ended, and says when the Job has.
//!
//! Like upstream's it knows only what the API tells it: it follows Jobs and pods, remembers a few fields of each pod that lives or
//! is not counted yet, and writes pods and the Job's status. What to do is decided in [`mod@sync`], which is pure; this file is the
//! loop around it.
//!
//! Known differences: a Job's pods are known by their owner reference alone, so pods are neither adopted nor given up when labels
//! change; and changes are gathered for milliseconds, not for a second.

mod indexes;
mod make;
pub mod pod;
pub mod policy;
mod removal;
mod success;
pub mod sync;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::events::{Involved, Recorder, Told};
use super::feed::{Feed, News};
use super::kinds::Kind;
use super::object::{Key, Object, metadata, text};
use super::registry::{DeleteOptions, Registry};
use super::store::{Change, ChangeKind};
use super::timing::until;
use pod::{PodView, TRACKING, controlling_job};
use policy::{BackOff, BackOffRecord};
use sync::{Decision, NewPod, sync};

/// How long the controller waits before it tries again to make pods that it could not make.
const CREATE_RETRY: Duration = Duration::from_secs(1);

/// How the controller behaves.
#[derive(Clone, Copy, Debug)]
pub struct JobControllerConfig {
    /// The delay before a failed pod is replaced.
    pub back_off: BackOff,
    /// How long changes are gathered before a Job is looked at again. Upstream waits a second; here people are watching.
    pub batch: Duration,
}

impl Default for JobControllerConfig {
    fn default() -> Self {
        let back_off = BackOff {
            base: SignedDuration::from_secs(10),
            cap: SignedDuration::from_secs(600),
        };
        Self {
            back_off,
            batch: Duration::from_millis(10),
        }
    }
}

/// The controller's memory.
struct Controller {
    registry: Registry,
    recorder: Recorder,
    config: JobControllerConfig,
    jobs: HashMap<String, Arc<Object>>,
    /// By Job uid, by pod name: the pods that live or are not counted. Pods may be seen before their Job, and after it.
    pods: HashMap<String, HashMap<String, PodView>>,
    /// By Job uid: how its pods have failed lately.
    records: HashMap<String, BackOffRecord>,
    dirty: BTreeSet<String>,
    due: HashMap<String, Instant>,
}

/// Runs the controller until the token is cancelled.
pub async fn run(registry: Registry, config: JobControllerConfig, token: CancellationToken) {
    let mut feed = Feed::new(registry.store(), &[Kind::Job, Kind::Pod]);
    let recorder = Recorder::new(&registry, "job-controller", "");
    let mut controller = Controller {
        registry,
        recorder,
        config,
        jobs: HashMap::new(),
        pods: HashMap::new(),
        records: HashMap::new(),
        dirty: BTreeSet::new(),
        due: HashMap::new(),
    };
    loop {
        // All news, its own writes among them, come before any decision: so nothing is counted or made twice.
        let mut all = feed.take();
        while !all.is_empty() {
            for (kind, news) in std::mem::take(&mut all) {
                controller.learn(kind, news);
            }
            all = feed.take();
        }
        controller.sync_dirty();
        let next = controller.due.values().min().copied();
        tokio::select! {
            () = token.cancelled() => return,
            () = until(next) => {}
            () = feed.changed() => sleep(controller.config.batch).await,
        }
        controller.wake_due(Instant::now());
    }
}

impl Controller {
    fn learn(&mut self, kind: Kind, news: News) {
        match news {
            News::Relist(objects) => {
                if kind == Kind::Job {
                    // A Job that is gone from the list has pods to be released.
                    self.dirty.extend(self.jobs.drain().map(|(uid, _)| uid));
                } else {
                    self.pods.clear();
                }
                for object in &objects {
                    self.learn_one(object, false);
                }
            }
            News::Changes(changes) => {
                for Change { kind, object, .. } in &changes {
                    self.learn_one(object, *kind == ChangeKind::Deleted);
                }
            }
        }
    }

    fn learn_one(&mut self, object: &Arc<Object>, deleted: bool) {
        let meta = &object.head.metadata;
        if object.key.kind == Kind::Job {
            self.dirty.insert(meta.uid.clone());
            if deleted {
                self.jobs.remove(&meta.uid);
                self.records.remove(&meta.uid);
            } else {
                self.jobs.insert(meta.uid.clone(), Arc::clone(object));
            }
            return;
        }
        let Some(job) = controlling_job(meta) else { return };
        self.dirty.insert(job.to_owned());
        let pods = self.pods.entry(job.to_owned()).or_default();
        // What has ended and is counted plays no part any more.
        let view = PodView::read(object).filter(|p| !deleted && (p.tracked || !p.is_terminal()));
        match view {
            Some(view) => pods.insert(object.key.name.clone(), view),
            None => pods.remove(&object.key.name),
        };
    }

    fn wake_due(&mut self, now: Instant) {
        let due: Vec<String> = self
            .due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in due {
            self.due.remove(&uid);
            self.dirty.insert(uid);
        }
    }

    fn sync_dirty(&mut self) {
        for uid in std::mem::take(&mut self.dirty) {
            self.due.remove(&uid);
            match self.jobs.get(&uid).cloned() {
                Some(job) => self.sync_one(&uid, &job),
                None => self.release_orphans(&uid),
            }
        }
    }

    fn sync_one(&mut self, uid: &str, object: &Arc<Object>) {
        let Ok(job) = object.view::<Job>() else { return };
        if job.spec.as_ref().is_some_and(|s| {
            s.managed_by
                .as_deref()
                .is_some_and(|m| m != "kubernetes.io/job-controller")
        }) {
            return;
        }
        let pods: Vec<&PodView> = self.pods.get(uid).into_iter().flat_map(HashMap::values).collect();
        let record = self.records.get(uid).copied().unwrap_or_default();
        let decision = sync(&job, &pods, self.config.back_off, record, self.registry.now());
        self.carry_out(uid, object, decision);
    }

    /// Carries out a decision in upstream's order: pods first, then the status, then the finalizers, then the counters.
    fn carry_out(&mut self, uid: &str, job: &Arc<Object>, mut decision: Decision) {
        let about = Involved::from(job.as_ref());
        let namespace = job.key.namespace.as_str();
        self.release(namespace, &decision.remove);
        for name in decision.remove.iter().chain(&decision.delete) {
            let key = Key::new(Kind::Pod, namespace, name);
            // A pod that is gone already is what was wanted.
            if self.registry.delete(&key, &DeleteOptions::default()).is_ok() {
                let told = Told::normal("SuccessfulDelete", format!("Deleted pod: {name}"));
                self.recorder.record(&about, &told);
            }
        }
        let missing = self.create_pods(uid, job, &decision.create);
        for status in [&mut decision.interim, &mut decision.status] {
            status.active = status.active.map(|active| active - missing).filter(|a| *a > 0);
        }
        if !self.write_status(uid, &job.key, &decision.interim) {
            return;
        }
        self.records.insert(uid.to_owned(), decision.record);
        self.release(namespace, &decision.release);
        self.write_status(uid, &job.key, &decision.status);
        for told in &decision.told {
            self.recorder.record(&about, told);
        }
        if let Some(after) = decision.again_after {
            self.look_again(uid, Duration::try_from(after).unwrap_or_default());
        }
    }

    fn look_again(&mut self, uid: &str, after: Duration) {
        let at = Instant::now() + after;
        let due = self.due.entry(uid.to_owned()).or_insert(at);
        *due = at.min(*due);
    }

    /// Makes pods, and returns how many could not be made.
    fn create_pods(&mut self, uid: &str, job: &Arc<Object>, new: &[NewPod]) -> i32 {
        if new.is_empty() {
            return 0;
        }
        let about = Involved::from(job.as_ref());
        let (template, namespace) = (job.value(), &job.key.namespace);
        for (made, new_pod) in new.iter().enumerate() {
            let pod = make::pod(&template, new_pod);
            match self.registry.create_trusted(Kind::Pod, namespace, pod, false) {
                Ok(pod) => {
                    let told = Told::normal("SuccessfulCreate", format!("Created pod: {}", pod.key.name));
                    self.recorder.record(&about, &told);
                }
                Err(error) => {
                    // That nothing can be made in a namespace that ends is no news.
                    if !error.message.contains("because it is being terminated") {
                        let told = Told::warning("FailedCreate", format!("Error creating: {error}"));
                        self.recorder.record(&about, &told);
                    }
                    self.look_again(uid, CREATE_RETRY);
                    return i32::try_from(new.len() - made).unwrap_or(i32::MAX);
                }
            }
        }
        0
    }

    /// Writes a Job's status; when that fails, the Job was removed or is contended, and is looked at again.
    fn write_status(&mut self, uid: &str, key: &Key, status: &JobStatus) -> bool {
        let status = serde_json::to_value(status).unwrap_or(Value::Null);
        let written = self.registry.edit(key, |job| {
            if text(job, "/metadata/uid") == uid {
                job["status"] = status.clone();
            }
        });
        if written.is_err() {
            self.look_again(uid, self.config.batch);
        }
        written.is_ok()
    }

    /// Pods of a Job that is gone are not counted any more; without the finalizer they can be removed.
    fn release_orphans(&mut self, uid: &str) {
        let Some(pods) = self.pods.get(uid) else { return };
        if pods.is_empty() {
            self.pods.remove(uid);
            return;
        }
        let held: BTreeSet<String> = pods.values().filter(|p| p.tracked).map(|p| p.name.clone()).collect();
        if held.is_empty() {
            return;
        }
        let (objects, _) = self.registry.store().list(Kind::Pod, None, None);
        for object in objects.iter().filter(|o| held.contains(&o.key.name)) {
            if controlling_job(&object.head.metadata) == Some(uid) {
                self.release(&object.key.namespace, std::slice::from_ref(&object.key.name));
            }
        }
    }

    fn release(&self, namespace: &str, names: &[String]) {
        for name in names {
            let released = self.registry.edit(&Key::new(Kind::Pod, namespace, name), |pod| {
                let meta = metadata(pod);
                if let Some(finalizers) = meta.get_mut("finalizers").and_then(Value::as_array_mut) {
                    finalizers.retain(|f| f != TRACKING);
                    if finalizers.is_empty() {
                        meta.remove("finalizers");
                    }
                }
            });
            // A pod that is gone needs no release.
            released.ok();
        }
    }
}
