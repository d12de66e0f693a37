//! The Job controller: keeps as many pods running as a Job wants, counts what ended, and says when the Job has.
//!
//! Like upstream's it knows only what the API tells it: it follows Jobs and pods, remembers a few fields of each pod, and writes
//! pods and the Job's status. What to do is decided in [`mod@sync`], which is pure; this file is the loop around it.

mod indexes;
mod make;
pub mod pod;
pub mod policy;
pub mod sync;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::batch::v1::Job;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::events::{Involved, Recorder, Told};
use super::feed::{Feed, News};
use super::kinds::Kind;
use super::object::{Key, Object, metadata};
use super::registry::{DeleteOptions, Registry};
use super::store::{Change, ChangeKind};
use pod::{PodView, TRACKING, controlling_job};
use policy::BackOff;
use sync::{Decision, sync};

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
    /// By Job uid, by pod name. Pods may be seen before their Job, and after it.
    pods: HashMap<String, HashMap<String, PodView>>,
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
        dirty: BTreeSet::new(),
        due: HashMap::new(),
    };
    loop {
        for (kind, news) in feed.take() {
            controller.learn(kind, news);
        }
        controller.sync_dirty();
        let next = controller.due.values().min().copied();
        let timer = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = token.cancelled() => return,
            () = timer => {}
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
            } else {
                self.jobs.insert(meta.uid.clone(), Arc::clone(object));
            }
            return;
        }
        let Some(job) = controlling_job(meta) else { return };
        self.dirty.insert(job.to_owned());
        let pods = self.pods.entry(job.to_owned()).or_default();
        if deleted {
            pods.remove(&object.key.name);
        } else if let Some(view) = PodView::read(object) {
            pods.insert(object.key.name.clone(), view);
        }
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
        if object.head.metadata.deletion_timestamp.is_some() {
            let held = pods.iter().filter(|p| p.tracked).map(|p| p.name.clone()).collect();
            return self.release(&object.key.namespace, held);
        }
        let decision = sync(&job, &pods, self.config.back_off, self.registry.now());
        self.carry_out(uid, object, decision);
    }

    fn carry_out(&mut self, uid: &str, job: &Arc<Object>, decision: Decision) {
        let namespace = job.key.namespace.clone();
        // The status comes first: once a pod has lost its finalizer it is not counted again.
        let status = serde_json::to_value(&decision.status).unwrap_or(Value::Null);
        let written = self.registry.edit(&job.key, |value| value["status"] = status.clone());
        if let Ok(job) = written {
            // Its own write is learned at once, so that the next look does not count from an old status.
            self.jobs.insert(uid.to_owned(), job);
        } else {
            // The Job was removed or is contended: look again.
            self.due.insert(uid.to_owned(), Instant::now() + self.config.batch);
            return;
        }
        let about = Involved::from(job.as_ref());
        self.release(&namespace, decision.release);
        for name in &decision.delete {
            // A pod that is gone already is what was wanted.
            self.registry
                .delete(&Key::new(Kind::Pod, &namespace, name), &DeleteOptions::default())
                .ok();
        }
        let mut told = decision.told;
        let template = job.value();
        for new in &decision.create {
            match self
                .registry
                .create_trusted(Kind::Pod, &namespace, make::pod(&template, new), false)
            {
                Ok(pod) => {
                    self.learn_one(&pod, false);
                    told.push(Told::normal(
                        "SuccessfulCreate",
                        format!("Created pod: {}", pod.key.name),
                    ));
                }
                Err(e) => {
                    told.push(Told::warning("FailedCreate", format!("Error creating: {e}")));
                    self.due.insert(uid.to_owned(), Instant::now() + Duration::from_secs(1));
                    break;
                }
            }
        }
        for told in &told {
            self.recorder.record(&about, told);
        }
        if let Some(after) = decision.again_after {
            let at = Instant::now() + Duration::try_from(after).unwrap_or_default();
            let due = self.due.entry(uid.to_owned()).or_insert(at);
            *due = at.min(*due);
        }
    }

    /// Pods of a Job that is gone are not counted any more; without the finalizer they can be removed.
    fn release_orphans(&mut self, uid: &str) {
        let Some(pods) = self.pods.get(uid) else { return };
        if pods.is_empty() {
            self.pods.remove(uid);
            return;
        }
        let held: BTreeSet<String> = pods.values().filter(|p| p.tracked).map(|p| p.name.clone()).collect();
        let (objects, _) = self.registry.store().list(Kind::Pod, None, None);
        for object in objects.iter().filter(|o| held.contains(&o.key.name)) {
            if controlling_job(&object.head.metadata) == Some(uid) {
                self.release(&object.key.namespace, vec![object.key.name.clone()]);
            }
        }
    }

    fn release(&self, namespace: &str, names: Vec<String>) {
        for name in names {
            let released = self.registry.edit(&Key::new(Kind::Pod, namespace, &name), |pod| {
                if let Some(finalizers) = metadata(pod).get_mut("finalizers").and_then(Value::as_array_mut) {
                    finalizers.retain(|f| f != TRACKING);
                }
            });
            // A pod that is gone needs no release.
            released.ok();
        }
    }
}
