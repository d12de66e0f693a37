//! A container that runs, until its end: by itself, because its pod is told to end, or by a fault.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::super::report::{ContainerState, Stage};
use super::super::runtime::{Actor, Ending, Part, Process};
use super::PodTask;
use crate::local::events::Told;
use crate::local::faults::table::Fault;
use crate::local::faults::{Order, PodFaults};

/// What an eviction says, which is all that upstream says when it has no figures.
const EVICTION: &str = "The node was low on resource: memory. ";
/// The grace period of an eviction by the kubelet.
const EVICTION_GRACE_SECONDS: i64 = 1;
/// How many lines a gap in a log has when it is not said.
const GAP_LINES: usize = 10;

/// A container that runs: a process or an actor. It ends when this is dropped.
pub(super) enum Container {
    Process(Box<Process>),
    Actor {
        stop: CancellationToken,
        /// Cancelled when it is to do nothing any more.
        frozen: CancellationToken,
        task: AbortOnDropHandle<Ending>,
    },
}

/// What is to happen to a running container, and when; the earliest first.
type Schedule = VecDeque<(Instant, Order)>;

impl PodTask {
    /// Waits for the container's end. `state` is what was written when it started.
    pub(super) async fn until_ended(&mut self, running: &mut Container, state: &ContainerState) -> Ending {
        let mut faults = self.faults_now();
        let mut due = schedule(&faults);
        let mut fault = self.orders.borrow_and_update().fault.clone();
        loop {
            let orders = self.orders.borrow_and_update().clone();
            if let Some(grace_s) = orders.end {
                // As upstream, that this was seen is reported first.
                self.write(state, Stage::Going);
                return self.end(running, grace_s).await;
            }
            if orders.fault != fault {
                fault = orders.fault;
                // Without an order of its own, what the pod's Job and Namespace order has happened before.
                faults = if fault.is_some() {
                    self.faults_now()
                } else {
                    PodFaults::default()
                };
                due = schedule(&faults);
            }
            tokio::select! {
                ending = running.wait() => return ending,
                Ok(()) = self.orders.changed() => {}
                () = at(due.front().map(|(at, _)| *at)) => {
                    if let Some((_, order)) = due.pop_front()
                        && faults.take_order(&order)
                        && let Some(ending) = self.suffer(&order, running).await
                    {
                        return ending;
                    }
                }
            }
        }
    }

    /// Lets a fault happen; returns how the container ended if the fault saw to that.
    async fn suffer(&mut self, order: &Order, running: &mut Container) -> Option<Ending> {
        let fault = order.fault();
        if fault == Fault::Evict {
            self.tell_pod(&Told::warning("Evicted", EVICTION));
            self.report.evicted = Some(EVICTION.to_owned());
            return Some(self.end(running, EVICTION_GRACE_SECONDS).await);
        }
        if fault == Fault::Kill {
            running.kill().await;
        } else if fault == Fault::Hang {
            running.freeze().await;
        } else if fault == Fault::LogGap {
            self.log.lose(order.amount.unwrap_or(GAP_LINES));
        } else if fault == Fault::LogRotate {
            self.log.rotate();
        }
        None
    }

    /// Ends the container: asks first, and kills after the grace period. A second delete may shorten it.
    async fn end(&mut self, running: &mut Container, mut grace_s: i64) -> Ending {
        self.tell(&Told::normal(
            "Killing",
            format!("Stopping container {}", self.report.name),
        ));
        running.terminate().await;
        let mut deadline = after(grace_s);
        loop {
            let told_s = self.orders.borrow_and_update().end.unwrap_or(grace_s);
            if told_s < grace_s {
                grace_s = told_s;
                deadline = after(grace_s);
            }
            tokio::select! {
                ending = running.wait() => return ending,
                () = sleep_until(deadline) => break,
                Ok(()) = self.orders.changed() => {}
            }
        }
        running.kill().await;
        running.wait().await
    }
}

impl Container {
    /// Starts an actor, with the part that is made for it.
    pub(super) fn of_actor(actor: &Actor, part: impl FnOnce(CancellationToken) -> Part) -> Self {
        let (stop, frozen) = (CancellationToken::new(), CancellationToken::new());
        let playing = actor(part(stop.clone()));
        let ice = frozen.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                biased;
                () = ice.cancelled() => pending().await,
                ending = playing => ending,
            }
        });
        Self::Actor {
            stop,
            frozen,
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Waits for its end. Safe to cancel.
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

    async fn freeze(&mut self) {
        match self {
            Self::Process(process) => process.freeze().await,
            Self::Actor { frozen, .. } => frozen.cancel(),
        }
    }
}

fn schedule(faults: &PodFaults) -> Schedule {
    let now = Instant::now();
    let due = faults.while_running().into_iter();
    due.map(|(after, order)| (now + after, order)).collect()
}

fn after(seconds: i64) -> Instant {
    /// Longer than any cluster lives; an instant has an end.
    const GRACE_SECONDS_MAX: u64 = 365 * 24 * 3600;
    let seconds = u64::try_from(seconds).unwrap_or_default().min(GRACE_SECONDS_MAX);
    Instant::now() + Duration::from_secs(seconds)
}

/// Waits for a time; for ever if there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::local::kubelet::log::ContainerLog;

    fn actor() -> Actor {
        Arc::new(|part: Part| {
            Box::pin(async move {
                part.stop.cancelled().await;
                Ending {
                    exit_code: 143,
                    ..Ending::default()
                }
            })
        })
    }

    fn running() -> Container {
        Container::of_actor(&actor(), |stop| Part {
            env: std::collections::BTreeMap::new(),
            log: Arc::new(ContainerLog::default()),
            stop,
            now: Arc::new(|| jiff::Timestamp::UNIX_EPOCH),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_actor_stops_when_it_is_asked_and_a_frozen_one_only_dies() {
        let mut container = running();
        container.terminate().await;
        assert_eq!(container.wait().await.exit_code, 143);

        let mut container = running();
        container.freeze().await;
        container.terminate().await;
        let waited = tokio::time::timeout(Duration::from_secs(60), container.wait()).await;
        assert!(waited.is_err(), "it answered although it is frozen");
        container.kill().await;
        assert_eq!(container.wait().await.exit_code, 137);
    }
}
