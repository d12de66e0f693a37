//! One pod on its node, from the moment it is bound to the moment nothing of it is left there.

mod pull;
mod running;
mod start;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;

use super::log::ContainerLog;
use super::logs::Logs;
use super::report::{CREATING, ContainerReport, ContainerState, Stage, write_status};
use super::runtime::{Ending, Images, TERMINATION_MESSAGE_BYTES_MAX};
use super::words::go_duration;
use crate::local::events::{Involved, Recorder, Told};
use crate::local::faults::table::Fault;
use crate::local::faults::{Faults, PodFaults};
use crate::local::object::{HeadMeta, Key, Object, integer, text};
use crate::local::registry::{DeleteOptions, Registry};

/// The delay before the second restart of a container, and the longest; the first restart is at once, and each doubles.
const RESTART_BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// A container that ran for this long begins with the delays anew.
const RESTART_FORGIVEN_SECONDS: i64 = 600;
/// When a container started that could not be started, as upstream writes it.
const NEVER: Timestamp = Timestamp::UNIX_EPOCH;
/// `FallbackToLogsOnError` takes at most this many lines and bytes of the log.
const FALLBACK: (usize, usize) = (80, 2048);

/// What a pod's task is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// To end, with the grace period in seconds.
    pub(super) end: Option<i64>,
    /// The faults that are ordered on the Pod itself.
    pub(super) fault: Option<Box<str>>,
}

impl Orders {
    /// Reads what a pod's metadata says.
    pub(super) fn of(meta: &HeadMeta) -> Self {
        Self {
            end: meta
                .deletion_timestamp
                .map(|_| meta.deletion_grace_period_seconds.unwrap_or(0)),
            fault: meta.fault().map(Into::into),
        }
    }
}

/// A pod whose task has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its key.
    pub(super) key: Key,
    /// Its uid.
    pub(super) uid: String,
}

/// Everything that a pod's task needs. Its spec is read from the store when it is needed: a pod that runs for hours should
/// not keep it twice.
pub(super) struct PodTask {
    pub(super) registry: Registry,
    pub(super) recorder: Recorder,
    pub(super) images: Arc<Images>,
    pub(super) faults: Faults,
    pub(super) folder: PathBuf,
    pub(super) log: Arc<ContainerLog>,
    pub(super) logs: Logs,
    pub(super) orders: watch::Receiver<Orders>,
    pub(super) key: Key,
    pub(super) uid: String,
    /// The resourceVersion at which it was taken up; its Events carry it, as upstream's do.
    pub(super) revision: u64,
    pub(super) report: ContainerReport,
}

/// What of a pod's spec matters when its container has ended.
#[derive(Clone, Copy)]
struct Afterwards {
    restarts: Restarts,
    /// Whether the end of the log stands for a missing termination message after an error.
    falls_back_to_log: bool,
}

/// When an ended container is started again.
#[derive(Clone, Copy, Debug)]
enum Restarts {
    Never,
    OnFailure,
    Always,
}

impl Restarts {
    fn after(self, exit_code: i32) -> bool {
        match self {
            Self::Never => false,
            Self::OnFailure => exit_code != 0,
            Self::Always => true,
        }
    }
}

/// A run of a container that is over: when it started, when it ended, how.
type Run = (Timestamp, Timestamp, Ending);

impl PodTask {
    /// Plays the pod until nothing of it is left, and removes its object if it was told to end.
    pub(super) async fn run(mut self) -> Ended {
        if let Some(object) = self.read() {
            let pod = object.value();
            let afterwards = self.read_spec(&pod);
            let lost = self.read_status(&pod, afterwards.restarts);
            drop((object, pod));
            self.play(afterwards, lost).await;
        }
        self.log.close();
        // The folder may be gone already; it belongs to this pod alone.
        tokio::fs::remove_dir_all(&self.folder).await.ok();
        if self.is_told_to_end() {
            remove_object(&self.registry, &self.key, &self.uid);
        }
        Ended {
            key: self.key,
            uid: self.uid,
        }
    }

    /// Runs the container, again and again if its pod says so, and writes how it fares.
    async fn play(&mut self, afterwards: Afterwards, mut lost: Option<Run>) {
        if lost.is_none() && self.report.id.is_empty() {
            self.write(&ContainerState::Waiting(CREATING, String::new()), Stage::Going);
        }
        let mut back_off = None;
        loop {
            let run = match lost.take() {
                Some(run) => Some(run),
                None => self.run_once().await,
            };
            let Some((started_at, finished_at, mut ending)) = run else {
                return self.end_before_its_start();
            };
            self.log.close();
            if afterwards.falls_back_to_log && ending.exit_code != 0 && ending.message.is_empty() {
                ending.message = self.log.tail(FALLBACK.0, FALLBACK.1);
            }
            let again =
                afterwards.restarts.after(ending.exit_code) && !self.is_told_to_end() && self.report.evicted.is_none();
            let state = ContainerState::Ended {
                started_at,
                finished_at,
                ending,
            };
            if !again {
                return self.write_end(&state);
            }
            self.write(&state, Stage::Going);
            let ran_seconds = finished_at.as_second() - started_at.as_second();
            if started_at > NEVER && ran_seconds > RESTART_FORGIVEN_SECONDS {
                back_off = None;
            }
            let before = self.report.last.replace(state.to_json(&self.report.id));
            let next = back_off.map_or(RESTART_BACK_OFF.0, |delay: Duration| {
                (delay * 2).min(RESTART_BACK_OFF.1)
            });
            if let Some(delay) = back_off.replace(next)
                && self.is_told_during_back_off(delay).await
            {
                self.report.last = before;
                return self.write_end(&state);
            }
        }
    }

    async fn is_told_during_back_off(&mut self, delay: Duration) -> bool {
        let (name, pod) = (self.report.name.clone(), self.shown());
        let words = format!(
            "back-off {} restarting failed container={name} pod={pod}",
            go_duration(delay)
        );
        self.write(&ContainerState::Waiting("CrashLoopBackOff", words), Stage::Going);
        self.tell(&Told::warning(
            "BackOff",
            format!("Back-off restarting failed container {name} in pod {pod}"),
        ));
        tokio::select! {
            () = told_to_end(&mut self.orders) => true,
            () = sleep(delay) => false,
        }
    }

    /// Starts the container and waits for its end; none when the pod was told to end before it could start.
    async fn run_once(&mut self) -> Option<Run> {
        let startable = self.until_startable().await?;
        if !self.report.id.is_empty() {
            self.report.restarts += 1;
            self.log = self.logs.begin_again(&self.uid);
        }
        self.report.id = format!("processes://{}", uuid::Uuid::new_v4().simple());
        let started_at = self.registry.now();
        self.tell(&Told::normal("Created", "Container created"));
        if self.faults_now().take(Fault::Crash).is_some() {
            self.tell(&Told::normal("Started", "Container started"));
            let ending = Ending {
                exit_code: 1,
                ..Ending::default()
            };
            return Some((started_at, started_at, ending));
        }
        let mut running = match self.start(startable) {
            Ok(running) => running,
            Err(why) => {
                self.tell(&Told::warning("Failed", format!("Error: {why}")));
                let ending = Ending {
                    exit_code: 128,
                    reason: Some("StartError"),
                    message: why.into_bytes(),
                    ..Ending::default()
                };
                return Some((NEVER, started_at, ending));
            }
        };
        self.tell(&Told::normal("Started", "Container started"));
        let state = ContainerState::Running(started_at);
        self.write(&state, Stage::Going);
        let ending = self.until_ended(&mut running, &state).await;
        Some((started_at, self.registry.now(), spoiled(ending, &self.faults_now())))
    }

    /// Returns the pod as it is now; none if its object is gone.
    fn read(&self) -> Option<Arc<Object>> {
        let object = self.registry.get(&self.key).ok()?;
        (object.head.metadata.uid == self.uid).then_some(object)
    }

    /// Reads what is needed of the spec all the time.
    fn read_spec(&mut self, pod: &Value) -> Afterwards {
        text(pod, "/spec/containers/0/name").clone_into(&mut self.report.name);
        text(pod, "/spec/containers/0/image").clone_into(&mut self.report.image);
        let restarts = match text(pod, "/spec/restartPolicy") {
            "Never" => Restarts::Never,
            "OnFailure" => Restarts::OnFailure,
            _ => Restarts::Always,
        };
        let policy = text(pod, "/spec/containers/0/terminationMessagePolicy");
        Afterwards {
            restarts,
            falls_back_to_log: policy == "FallbackToLogsOnError",
        }
    }

    /// Reads what was reported before the node lost its power; returns how the container ended then, if it ran.
    fn read_status(&mut self, pod: &Value, restarts: Restarts) -> Option<Run> {
        let status = pod.pointer("/status/containerStatuses/0")?;
        text(status, "/containerID").clone_into(&mut self.report.id);
        self.report.restarts = integer(status, "/restartCount")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or_default();
        let last = &status["lastState"];
        self.report.last = last.as_object().filter(|l| !l.is_empty()).map(|_| last.clone());
        let started_at = text(status, "/state/running/startedAt").parse().ok()?;
        let ending = Ending {
            exit_code: 255,
            reason: Some("Unknown"),
            ..Ending::default()
        };
        if !matches!(restarts, Restarts::Never) {
            let words = "Pod sandbox changed, it will be killed and re-created.";
            self.tell_pod(&Told::normal("SandboxChanged", words));
        }
        Some((started_at, self.registry.now(), ending))
    }

    fn faults_now(&self) -> PodFaults {
        self.read().map(|pod| self.faults.of_pod(&pod)).unwrap_or_default()
    }

    fn is_told_to_end(&self) -> bool {
        self.orders.borrow().end.is_some()
    }

    /// Writes that the container has ended for good. As upstream, its pod follows when its sandbox is gone; where the pod itself
    /// was ended, both are one.
    fn write_end(&self, state: &ContainerState) {
        if !self.is_told_to_end() && self.report.evicted.is_none() {
            self.write(state, Stage::Over);
        }
        self.write(state, Stage::Final);
    }

    fn end_before_its_start(&self) {
        self.write(&ContainerState::Waiting(CREATING, String::new()), Stage::Going);
        self.write(&ContainerState::Unknown, Stage::Final);
    }

    fn write(&self, state: &ContainerState, stage: Stage) {
        let now = self.registry.now();
        let written = self.registry.edit(&self.key, |pod| {
            // Others may have ended the pod: a phase that is final stays.
            let is_final = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
            if text(pod, "/metadata/uid") == self.uid && !is_final {
                write_status(pod, &self.report, state, stage, now);
            }
        });
        // A pod whose object was removed by force has no status to keep; its container is ended all the same.
        written.ok();
    }

    /// Tells something of the container.
    fn tell(&self, told: &Told) {
        self.tell_of(format!("spec.containers{{{}}}", self.report.name), told);
    }

    /// Tells something of the whole pod.
    fn tell_pod(&self, told: &Told) {
        self.tell_of(String::new(), told);
    }

    fn tell_of(&self, field_path: String, told: &Told) {
        let about = Involved {
            key: self.key.clone(),
            uid: self.uid.clone(),
            revision: self.revision,
            field_path,
        };
        self.recorder.record(&about, told);
    }

    /// The pod in upstream's messages.
    fn shown(&self) -> String {
        format!("{}_{}({})", self.key.name, self.key.namespace, self.uid)
    }
}

/// Removes the object of a pod of which nothing is left on its node, as a kubelet does: by a deletion with grace period 0.
pub(super) fn remove_object(registry: &Registry, key: &Key, uid: &str) {
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        uid: Some(uid.to_owned()),
        ..DeleteOptions::default()
    };
    // Somebody else may have removed it by force.
    registry.delete(key, &options).ok();
}

/// Does to a result what was ordered.
fn spoiled(mut ending: Ending, faults: &PodFaults) -> Ending {
    if ending.exit_code != 0 {
        return ending;
    }
    if let Some(order) = faults.take(Fault::Message) {
        let skip = order.message.len().saturating_sub(TERMINATION_MESSAGE_BYTES_MAX);
        ending.message = order.message.iter().skip(skip).copied().collect();
    }
    if let Some(order) = faults.take(Fault::CutResult) {
        ending.message.truncate(order.amount.unwrap_or_default());
    }
    if faults.take(Fault::LoseResult).is_some() {
        ending.message.clear();
    }
    ending
}

/// Waits until the pod is told to end; for ever if its kubelet is gone, which ends this task anyway.
async fn told_to_end(orders: &mut watch::Receiver<Orders>) {
    if orders.wait_for(|orders| orders.end.is_some()).await.is_err() {
        std::future::pending::<()>().await;
    }
}
