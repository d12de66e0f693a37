//! One pod on its node, from the moment it is bound to the moment its object may go.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::container::{self, ConfigError};
use super::log::ContainerLog;
use super::report::{ContainerReport, ContainerState, write_status};
use super::runtime::{Ending, Images, Part, Play, Process, ProcessSpec};
use crate::local::events::{Involved, Recorder, Told};
use crate::local::kinds::Kind;
use crate::local::object::{Key, Object, items, text};
use crate::local::quantity;
use crate::local::registry::{DeleteOptions, Registry};

/// How long the kubelet waits before it looks again for a missing `ConfigMap`, Secret or image.
const RETRY: Duration = Duration::from_secs(2);
/// The first delay before an ended container is started again, when its pod says so, and the longest.
const RESTART_BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// `FallbackToLogsOnError` takes at most this many lines and bytes of the log.
const FALLBACK: (usize, usize) = (80, 2048);

/// Everything that a pod's task needs.
pub(super) struct PodTask {
    pub(super) registry: Registry,
    pub(super) recorder: Recorder,
    pub(super) images: Arc<Images>,
    pub(super) folder: PathBuf,
    pub(super) log: Arc<ContainerLog>,
    /// The grace period in seconds, once the pod was told to end.
    pub(super) stop: watch::Receiver<Option<i64>>,
    pub(super) key: Key,
    pub(super) uid: String,
    /// The pod as it was bound. It is parsed when it is needed and let go with the container's end: a finished pod's task
    /// stays until its object goes, and ten thousand of them should not keep their specs twice.
    pub(super) object: Option<Arc<Object>>,
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
#[derive(Clone, Copy)]
enum Restarts {
    Never,
    OnFailure,
    Always,
}

/// Everything that a container is started with.
struct Startable {
    env: BTreeMap<String, String>,
    play: Play,
    command: Vec<String>,
    memory_limit_bytes: Option<u64>,
}

/// A container that runs: a process or an actor.
enum Container {
    Process(Box<Process>),
    Actor {
        stop: CancellationToken,
        task: tokio::task::JoinHandle<Ending>,
    },
}

impl PodTask {
    /// Plays the pod to its end, and removes its object if it was told to end.
    pub(super) async fn run(mut self) {
        let afterwards = self.read_spec();
        let mut delay = RESTART_BACK_OFF.0;
        while let Some((started_at, mut ending)) = self.run_once().await {
            let finished_at = self.registry.now();
            if afterwards.falls_back_to_log && ending.exit_code != 0 && ending.message.is_empty() {
                ending.message = self.log.tail(FALLBACK.0, FALLBACK.1);
            }
            let again = self.restarts(afterwards.restarts, &ending);
            let state = ContainerState::Ended {
                started_at,
                finished_at,
                ending,
            };
            self.write(&state, !again);
            if !again {
                break;
            }
            self.report.last = Some(state.to_json(&self.report.id));
            self.report.restarts += 1;
            let words = format!(
                "back-off {}s restarting failed container={}",
                delay.as_secs(),
                self.report.name
            );
            self.write(&ContainerState::Waiting("CrashLoopBackOff", words.clone()), false);
            self.tell(&Told::warning("BackOff", words));
            if self.stopped_within(delay).await {
                break;
            }
            delay = (delay * 2).min(RESTART_BACK_OFF.1);
        }
        self.log.close();
        self.object = None;
        // The folder may be gone already; it belongs to this pod alone.
        tokio::fs::remove_dir_all(&self.folder).await.ok();
        self.remove_when_told().await;
    }

    fn pod(&self) -> Value {
        self.object.as_ref().map_or(Value::Null, |object| object.value())
    }

    /// Reads what is needed of the spec all the time.
    fn read_spec(&mut self) -> Afterwards {
        let pod = self.pod();
        text(&pod, "/spec/containers/0/name").clone_into(&mut self.report.name);
        text(&pod, "/spec/containers/0/image").clone_into(&mut self.report.image);
        let restarts = match text(&pod, "/spec/restartPolicy") {
            "Never" => Restarts::Never,
            "OnFailure" => Restarts::OnFailure,
            _ => Restarts::Always,
        };
        let policy = text(&pod, "/spec/containers/0/terminationMessagePolicy");
        Afterwards {
            restarts,
            falls_back_to_log: policy == "FallbackToLogsOnError",
        }
    }

    /// Starts the container and waits for its end; none when the pod was told to end before it could start.
    async fn run_once(&mut self) -> Option<(jiff::Timestamp, Ending)> {
        let startable = self.until_startable().await?;
        self.report.id = format!("processes://{}", uuid::Uuid::new_v4().simple());
        let image = &self.report.image;
        self.tell(&Told::normal(
            "Pulled",
            format!("Container image {image:?} already present on machine"),
        ));
        let started_at = self.registry.now();
        let mut running = match self.start(startable) {
            Ok(running) => running,
            Err(why) => {
                self.tell(&Told::warning(
                    "Failed",
                    format!("Error: failed to start container {:?}: {why}", self.report.name),
                ));
                let message = format!("failed to start container: {why}").into_bytes();
                return Some((
                    started_at,
                    Ending {
                        exit_code: 128,
                        message,
                        ..Ending::default()
                    },
                ));
            }
        };
        self.tell(&Told::normal(
            "Created",
            format!("Created container: {}", self.report.name),
        ));
        self.tell(&Told::normal(
            "Started",
            format!("Started container {}", self.report.name),
        ));
        self.write(&ContainerState::Running(started_at), false);
        let ending = self.until_ended(&mut running).await;
        Some((started_at, ending))
    }

    /// Waits until image, environment and command are there; tells why not.
    async fn until_startable(&mut self) -> Option<Startable> {
        loop {
            if self.stop.borrow().is_some() {
                return None;
            }
            let state = match self.resolve() {
                Ok(Some(startable)) => return Some(startable),
                Ok(None) => self.image_missing(),
                Err(ConfigError(words)) => {
                    self.tell(&Told::warning("Failed", format!("Error: {words}")));
                    ContainerState::Waiting("CreateContainerConfigError", words)
                }
            };
            self.write(&state, false);
            if self.stopped_within(RETRY).await {
                return None;
            }
        }
    }

    fn image_missing(&self) -> ContainerState {
        let image = &self.report.image;
        let words = format!(
            "failed to pull and unpack image {image:?}: the local cluster has no registry and runs processes of this machine; \
             it plays the image ttg-worker, and any other image only with a `command`"
        );
        self.tell(&Told::warning(
            "Failed",
            format!("Failed to pull image {image:?}: {words}"),
        ));
        self.tell(&Told::warning("Failed", "Error: ErrImagePull"));
        ContainerState::Waiting("ErrImagePull", words)
    }

    /// Makes everything that the container is started with; none when its image cannot be played.
    fn resolve(&self) -> Result<Option<Startable>, ConfigError> {
        let store = self.registry.store();
        let lookup = |kind: &str, name: &str| {
            let kind = if kind == "secret" {
                Kind::Secret
            } else {
                Kind::ConfigMap
            };
            store.get(&Key::new(kind, &self.key.namespace, name)).map(|o| o.value())
        };
        let pod = self.pod();
        if items(&pod, "/spec/containers").count() > 1 || items(&pod, "/spec/initContainers").next().is_some() {
            return Err(ConfigError(
                "the local kubelet runs one container a pod, and no init containers".into(),
            ));
        }
        let container = &pod["spec"]["containers"][0];
        let env = container::environment(&pod, container, &lookup)?;
        let (command, args) = container::command(container, &env);
        let limit = text(container, "/resources/limits/memory");
        let memory_limit_bytes = quantity::milli(limit).and_then(|m| u64::try_from(m / 1000).ok());
        let play = self.images.play(&self.report.image, &command);
        Ok(play.map(|play| Startable {
            env,
            play,
            command: [command, args].concat(),
            memory_limit_bytes,
        }))
    }

    fn start(&self, startable: Startable) -> std::io::Result<Container> {
        let Startable {
            env,
            play,
            command,
            memory_limit_bytes,
        } = startable;
        let now: crate::local::registry::Now = {
            let registry = self.registry.clone();
            Arc::new(move || registry.now())
        };
        match play {
            Play::Actor(actor) => {
                let stop = CancellationToken::new();
                let part = Part {
                    env,
                    log: Arc::clone(&self.log),
                    stop: stop.clone(),
                    now,
                };
                Ok(Container::Actor {
                    stop,
                    task: tokio::spawn(actor(part)),
                })
            }
            Play::Process(prefix) => {
                let spec = ProcessSpec {
                    supervisor: self.images.supervisor.clone(),
                    command: prefix.into_iter().chain(command.into_iter().map(Into::into)).collect(),
                    env,
                    folder: self.folder.clone(),
                    message_path_variable: self.images.message_path_variable.clone(),
                    memory_limit_bytes,
                };
                Process::start(&spec, &self.log, &now).map(|process| Container::Process(Box::new(process)))
            }
        }
    }

    /// Waits for the container's end; when the pod is told to end, asks first and kills after the grace period.
    async fn until_ended(&mut self, running: &mut Container) -> Ending {
        tokio::select! {
            ending = running.wait() => return ending,
            () = told_to_stop(&mut self.stop) => {}
        }
        self.tell(&Told::normal(
            "Killing",
            format!("Stopping container {}", self.report.name),
        ));
        running.terminate().await;
        loop {
            let grace_s = self.stop.borrow_and_update().unwrap_or(0);
            let grace = Duration::from_secs(u64::try_from(grace_s).unwrap_or(0));
            tokio::select! {
                ending = running.wait() => return ending,
                () = tokio::time::sleep(grace) => break,
                // A second delete may shorten the grace period.
                Ok(()) = self.stop.changed() => {}
            }
        }
        running.kill().await;
        running.wait().await
    }

    fn restarts(&self, restarts: Restarts, ending: &Ending) -> bool {
        let told_to_end = self.stop.borrow().is_some();
        !told_to_end
            && match restarts {
                Restarts::Never => false,
                Restarts::OnFailure => ending.exit_code != 0,
                Restarts::Always => true,
            }
    }

    async fn stopped_within(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = told_to_stop(&mut self.stop) => true,
            () = tokio::time::sleep(time) => false,
        }
    }

    /// Removes the object once the pod has ended, as a kubelet does with a deletion of grace period 0.
    async fn remove_when_told(&mut self) {
        told_to_stop(&mut self.stop).await;
        let now = self.registry.now();
        let ended = self.registry.edit(&self.key, |pod| {
            let phase = text(pod, "/status/phase");
            if text(pod, "/metadata/uid") == self.uid && !matches!(phase, "Succeeded" | "Failed") {
                // It never ran: as upstream, a pod is in a terminal phase before its object goes.
                let state = ContainerState::Ended {
                    started_at: now,
                    finished_at: now,
                    ending: Ending {
                        exit_code: 137,
                        ..Ending::default()
                    },
                };
                write_status(pod, &self.report, &state, true, now);
                pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] =
                    json!("ContainerStatusUnknown");
            }
        });
        if ended.is_ok() {
            let options = DeleteOptions {
                grace_period_seconds: Some(0),
                uid: Some(self.uid.clone()),
                ..DeleteOptions::default()
            };
            // Somebody else may have removed it by force.
            self.registry.delete(&self.key, &options).ok();
        }
    }

    fn write(&self, state: &ContainerState, is_final: bool) {
        let now = self.registry.now();
        let written = self.registry.edit(&self.key, |pod| {
            if text(pod, "/metadata/uid") == self.uid {
                write_status(pod, &self.report, state, is_final, now);
            }
        });
        // A pod whose object was removed by force has no status to keep; its container is ended all the same.
        written.ok();
    }

    fn tell(&self, told: &Told) {
        let about = Involved {
            key: self.key.clone(),
            uid: self.uid.clone(),
            revision: 0,
            field_path: format!("spec.containers{{{}}}", self.report.name),
        };
        self.recorder.record(&about, told);
    }
}

impl Container {
    async fn wait(&mut self) -> Ending {
        match self {
            Self::Process(process) => process.wait().await,
            Self::Actor { task, .. } => task.await.unwrap_or(Ending {
                exit_code: 137,
                ..Ending::default()
            }),
        }
    }

    async fn terminate(&mut self) {
        match self {
            Self::Process(process) => process.terminate().await,
            Self::Actor { stop, .. } => stop.cancel(),
        }
    }

    async fn kill(&mut self) {
        match self {
            Self::Process(process) => process.kill().await,
            Self::Actor { task, .. } => task.abort(),
        }
    }
}

/// Waits until the pod is told to end; for ever if its kubelet is gone, which ends this task anyway.
async fn told_to_stop(stop: &mut watch::Receiver<Option<i64>>) {
    if stop.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}
