//! From a pod to its running container: image, environment, command; and what is told when one of them is missing.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::super::container;
use super::super::report::{ContainerState, Stage};
use super::super::runtime::{Part, Play, Process, ProcessSpec};
use super::super::words::why_not_executable;
use super::PodTask;
use super::pull::{Pull, Pulls, SYNC};
use super::running::Container;
use crate::local::events::Told;
use crate::local::faults::table::Fault;
use crate::local::kinds::Kind;
use crate::local::object::{Key, items, text};
use crate::local::quantity;
use crate::local::registry::Now;

/// Everything that a container is started with.
pub(super) struct Startable {
    env: BTreeMap<String, String>,
    play: Play,
    command: Vec<String>,
    memory_limit_bytes: Option<u64>,
}

/// Why a container cannot be started now, and after what time to look again.
type Trouble = (ContainerState, Duration);

impl PodTask {
    /// Waits until image, environment and command are there; tells why not. None when the pod is told to end, or gone.
    pub(super) async fn until_startable(&mut self) -> Option<Startable> {
        if let Some(order) = self.faults_now().take(Fault::SlowStart) {
            self.pause(order.lasts.unwrap_or_default()).await;
        }
        let mut pulls = Pulls::default();
        let mut asked_for = None;
        loop {
            let orders = self.orders.borrow_and_update().clone();
            if orders.end.is_some() {
                return None;
            }
            let pod = self.read()?;
            // A fault is counted when it begins, not each time that the image is looked at.
            let fault = Some(orders.fault);
            if asked_for != fault {
                asked_for = fault;
                let faults = self.faults.of_pod(&pod);
                pulls.set_fault(faults.take(Fault::ImagePullFailure), Instant::now());
            }
            let (state, wait) = match self.resolve(&pod.value(), &mut pulls) {
                Ok(startable) => return Some(startable),
                Err(trouble) => trouble,
            };
            self.write(&state, Stage::Going);
            self.pause(wait).await;
        }
    }

    /// Waits for a time, or until something was ordered.
    async fn pause(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            Ok(()) = self.orders.changed() => {}
        }
    }

    /// Makes everything that the container is started with.
    fn resolve(&self, pod: &Value, pulls: &mut Pulls) -> Result<Startable, Trouble> {
        if items(pod, "/spec/containers").count() > 1 || items(pod, "/spec/initContainers").next().is_some() {
            return Err(self.misconfigured("the local kubelet runs one container a pod, and no init containers"));
        }
        let spec = &pod["spec"]["containers"][0];
        let play = self.find_image(spec, pulls)?;
        let image = &self.report.image;
        self.tell(&Told::normal(
            "Pulled",
            format!("Container image {image:?} already present on machine and can be accessed by the pod"),
        ));
        let store = self.registry.store();
        let lookup = |kind: &str, name: &str| {
            let kind = if kind == "secret" {
                Kind::Secret
            } else {
                Kind::ConfigMap
            };
            store.get(&Key::new(kind, &self.key.namespace, name)).map(|o| o.value())
        };
        let env = container::environment(pod, spec, &lookup).map_err(|why| self.misconfigured(&why.to_string()))?;
        let (command, args) = container::command(spec, &env);
        let limit = text(spec, "/resources/limits/memory");
        Ok(Startable {
            env,
            play,
            command: [command, args].concat(),
            memory_limit_bytes: quantity::milli(limit).and_then(|m| u64::try_from(m / 1000).ok()),
        })
    }

    fn misconfigured(&self, words: &str) -> Trouble {
        self.tell(&Told::warning("Failed", format!("Error: {words}")));
        (
            ContainerState::Waiting("CreateContainerConfigError", words.to_owned()),
            SYNC,
        )
    }

    fn find_image(&self, spec: &Value, pulls: &mut Pulls) -> Result<Play, Trouble> {
        let image = &self.report.image;
        let now = Instant::now();
        let command: Vec<String> = items(spec, "/command")
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let why = if pulls.is_blocked(now) {
            "the registry cannot be reached, as ordered by local-cluster/fault"
        } else if let Some(play) = self.images.play(image, &command) {
            return Ok(play);
        } else {
            "the local cluster has no registry and runs processes of this machine; it plays the image ttg-worker, and any other \
             image only with a `command`"
        };
        if text(spec, "/imagePullPolicy") == "Never" {
            let words = format!("Container image {image:?} is not present with pull policy of Never");
            self.tell(&Told::warning("ErrImageNeverPull", words.clone()));
            self.tell(&Told::warning("Failed", "Error: ErrImageNeverPull"));
            return Err((ContainerState::Waiting("ErrImageNeverPull", words), SYNC));
        }
        let words = format!("failed to pull and unpack image {image:?}: failed to resolve reference {image:?}: {why}");
        let (pull, wait) = pulls.look(now);
        let (reason, message) = match pull {
            Pull::Failed => {
                self.tell(&Told::normal("Pulling", format!("Pulling image {image:?}")));
                let told = format!("Failed to pull image {image:?}: {words}");
                self.tell(&Told::warning("Failed", told));
                ("ErrImagePull", words)
            }
            Pull::BackOff => {
                let told = format!("Back-off pulling image {image:?}");
                self.tell(&Told::normal("BackOff", told.clone()));
                ("ImagePullBackOff", format!("{told}: ErrImagePull: {words}"))
            }
        };
        self.tell(&Told::warning("Failed", format!("Error: {reason}")));
        Err((ContainerState::Waiting(reason, message), wait))
    }

    /// Starts the container, or tells why it cannot be started.
    pub(super) fn start(&self, startable: Startable) -> Result<Container, String> {
        let Startable {
            env,
            play,
            command,
            memory_limit_bytes,
        } = startable;
        let now: Now = self.registry.clock();
        match play {
            Play::Actor(actor) => Ok(Container::of_actor(&actor, |stop| Part {
                env,
                log: Arc::clone(&self.log),
                stop,
                now,
            })),
            Play::Process(prefix) => {
                let command: Vec<OsString> = prefix.into_iter().chain(command.into_iter().map(Into::into)).collect();
                let path = env.get("PATH").map(OsString::from).or_else(|| std::env::var_os("PATH"));
                let path = path.unwrap_or_default();
                let why = command
                    .first()
                    .and_then(|program| why_not_executable(program, &path, &self.folder));
                if let Some(why) = why {
                    return Err(format!("unable to start container process: {why}"));
                }
                let spec = ProcessSpec {
                    supervisor: self.images.supervisor.clone(),
                    command,
                    env,
                    folder: self.folder.clone(),
                    message_path_variable: self.images.message_path_variable.clone(),
                    memory_limit_bytes,
                };
                let started = Process::start(&spec, &self.log, &now);
                started
                    .map(|process| Container::Process(Box::new(process)))
                    .map_err(|why| format!("unable to start container process: {why}"))
            }
        }
    }
}
