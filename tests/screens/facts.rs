//! A run as a cluster tells it: pods are made, bound, run, end. Whatever the model asks for is answered at once, and time passes
//! only when the story says so.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use ttg_tui::model::effect::Effect;
use ttg_tui::model::event::{ApiCost, Event, Outcome, Started, Task};
use ttg_tui::model::intent::Intent;
use ttg_tui::model::log_tail::{TailPart, TailWhat};
use ttg_tui::model::{Model, update};
use ttg_tui::plan::{Plan, RunId};
use ttg_tui::run::fact::{
    CompletionIndex, Delta, Ended, JobCondition, JobFact, KubeEventFact, LogFact, LogPart, NodeFact, NodeName, Phase,
    PodFact, PodUid, Reason,
};
use ttg_tui::run::partial::{Kept, Partial};
use ttg_worker::protocol::ResultMessage;
use ttg_worker::protocol::line::{Line, LineKind};
use ttg_worker::protocol::result::RESULT_VERSION;

/// The uid of the run's Job.
const JOB: &str = "3f0d9c1e-8a57-4b61-9d43-5f2b7e6a1c08";
/// The characters of a pod's suffix, as Kubernetes takes them.
const SUFFIX: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The value of the whole plan: the primes below ten million.
const TOTAL: u32 = 664_579;

/// Returns a second of the story.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Returns a reason with its words.
pub(crate) fn why(reason: &str, message: &str) -> Reason {
    Reason {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

/// Returns the plan of a run.
pub(crate) fn plan(shards: u32, workers: u32) -> Plan {
    Plan {
        shards,
        workers,
        ..Plan::new(RunId::parse("ttg-primes-7f3a2c").unwrap())
    }
}

/// Returns the value of an index: all of them add up to that of the plan.
fn value(plan: &Plan, index: u32) -> i128 {
    let one_more = u32::from(index < TOTAL % plan.shards);
    i128::from(TOTAL / plan.shards + one_more)
}

/// Returns what the ledger has of an index.
pub(crate) fn kept(plan: &Plan, index: u32) -> Partial {
    let shard = plan.shard(CompletionIndex(index)).unwrap();
    Partial {
        index: shard.index,
        start: shard.start,
        end: shard.end,
        processed: shard.end - shard.start,
        value: value(plan, index),
        elapsed_ms: u64::from(4_000 + index % 7 * 150),
        throttled_ms: None,
        job_uid: JOB.into(),
        pod_uid: PodUid(format!("kept-{index}")),
        pod: format!("{}-{index}-kept7", plan.run),
        node: Some(NodeName(format!("node-{:02}", index % 20 + 1))),
    }
}

/// A pod that is there, and how many lines its log has.
struct Worker {
    fact: PodFact,
    lines: u64,
    began: i64,
}

/// A session with one run, as it is told.
pub(crate) struct Story {
    pub(crate) model: Model,
    /// Whether what is computed again here is what the workers said.
    pub(crate) is_honest: bool,
    plan: Plan,
    nodes: u32,
    second: i64,
    revision: u64,
    job: JobFact,
    workers: BTreeMap<u32, Worker>,
}

impl Story {
    /// Begins a session.
    pub(crate) fn begin(plan: &Plan, task: Task, kept: Vec<Partial>) -> Self {
        let job = JobFact {
            uid: JOB.into(),
            name: plan.run.to_string(),
            run: plan.run.to_string(),
            namespace: "lab".into(),
            created_at: Some(at(0)),
            parallelism: plan.parallelism(),
            completions: plan.shards,
            ..JobFact::default()
        };
        let started = Started {
            job: (task == Task::Attach).then(|| Box::new(job.clone())),
            task,
            plan: plan.clone(),
            cluster: "kind-ttg".into(),
            namespace: "lab".into(),
            reach_flags: " --context kind-ttg -n lab".into(),
            outlives: true,
            seed: 7,
            kept: Kept::from(kept),
        };
        let mut story = Self {
            model: Model::new(at(0), started.clone()),
            is_honest: true,
            plan: plan.clone(),
            nodes: 0,
            second: 0,
            revision: 1,
            job,
            workers: BTreeMap::new(),
        };
        story.say(Event::Started(Box::new(started)));
        story
    }

    /// Submits a run of so many shards to a cluster of three nodes.
    pub(crate) fn submitted(shards: u32) -> Self {
        let plan = plan(shards, 3);
        let mut story = Self::begin(&plan, Task::Submit, Vec::new());
        story.say(Event::Outcome(Outcome::Submitted {
            job: Box::new(story.job.clone()),
            plan: Box::new(plan),
            remarks: Vec::new(),
        }));
        story.have_nodes(3);
        story
    }

    /// Shows so many nodes.
    pub(crate) fn have_nodes(&mut self, nodes: u32) {
        self.nodes = nodes;
        for number in 0..nodes {
            let fact = NodeFact {
                name: self.node(number),
                revision: 1,
                ready: Some(true),
                cordoned: number == 17,
                cpu_milli: 4_000,
                memory_bytes: 8 << 30,
                ..NodeFact::default()
            };
            self.feed(Event::Node(Delta::Applied(Box::new(fact))));
        }
    }

    fn node(&self, number: u32) -> NodeName {
        let number = number % self.nodes + 1;
        NodeName(if self.nodes > 9 {
            format!("node-{number:02}")
        } else {
            format!("node-{number}")
        })
    }

    /// Returns the second that it is.
    pub(crate) fn now(&self) -> Timestamp {
        at(self.second)
    }

    /// Gives the model an event, and whatever answers follow.
    pub(crate) fn feed(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in update(&mut self.model, at(self.second), event) {
                events.extend(self.answer(effect));
            }
        }
    }

    /// Gives the model an event, and lets it decide what follows.
    pub(crate) fn say(&mut self, event: Event) {
        self.feed(event);
        // What is decided is answered, and something may follow from that, too.
        for _ in 0..4 {
            self.feed(Event::Drained);
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Keep(partials) => Some(Event::Outcome(Outcome::Kept(partials))),
            Effect::Recompute(index) => {
                let here = value(&self.plan, index.0) + i128::from(!self.is_honest);
                Some(Event::Outcome(Outcome::Recomputed { index, value: Ok(here) }))
            }
            Effect::Collect => Some(Event::Outcome(Outcome::Collected)),
            Effect::Leave(end) => {
                let cost = ApiCost {
                    requests: 41,
                    lists: 4,
                    watches: 6,
                    bytes: 183_500,
                    log_streams: 0,
                };
                self.model.finish(cost, end);
                None
            }
            Effect::Submit { .. }
            | Effect::Watch { .. }
            | Effect::Follow(_)
            | Effect::Change(_)
            | Effect::ReadLog(_)
            | Effect::Tell(_) => None,
        }
    }

    /// Lets seconds pass in which nobody hears anything.
    pub(crate) fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.second += 1;
            self.say(Event::Tick);
        }
    }

    /// Lets seconds pass in which the workers that run tell how far they are.
    pub(crate) fn work(&mut self, seconds: i64) {
        for _ in 0..seconds {
            let running = self.workers.iter().filter(|(_, w)| w.fact.phase == Phase::Running);
            let running: Vec<u32> = running.map(|(index, _)| *index).collect();
            for index in running {
                self.progress(index);
            }
            self.wait(1);
        }
    }

    /// Lets a worker tell how far it is: each is done within ten to twelve seconds.
    pub(crate) fn progress(&mut self, index: u32) {
        let total = self.plan.shard(CompletionIndex(index)).map_or(0, |s| s.end - s.start);
        let worth = value(&self.plan, index);
        let Some(worker) = self.workers.get_mut(&index) else {
            return;
        };
        let span = i64::from(10 + index % 3);
        let elapsed = (self.second - worker.began).clamp(0, span);
        let share = |of: u64| of * u64::try_from(elapsed).unwrap() / u64::try_from(span).unwrap();
        worker.lines += 1;
        let line = Line {
            worker: CompletionIndex(index),
            number: worker.lines,
            kind: LineKind::Progress {
                done: share(total),
                total,
                per_second: total / u64::try_from(span).unwrap(),
                partial: worth * i128::from(elapsed) / i128::from(span),
            },
        };
        let pod = worker.fact.uid.clone();
        self.feed(Event::Log(LogFact {
            pod,
            what: LogPart::Line(line),
        }));
    }

    /// Makes the next pod of an index.
    pub(crate) fn make(&mut self, index: u32) {
        let seconds = u32::try_from(self.second).unwrap();
        let mut rest = index * 7_919 + seconds * 104_729 + 11;
        let mut suffix = String::new();
        for _ in 0..5 {
            let letter = SUFFIX[usize::try_from(rest).unwrap() % SUFFIX.len()];
            suffix.push(char::from(letter));
            rest = rest / 5 + 31;
        }
        let fact = PodFact {
            uid: PodUid(format!("5c2e81d4-77aa-4c19-{seconds:04x}-{index:012x}")),
            name: format!("{}-{index}-{suffix}", self.plan.run),
            revision: 0,
            job_uid: JOB.into(),
            index: Some(CompletionIndex(index)),
            node: None,
            phase: Phase::Pending,
            terminating: false,
            released: false,
            created_at: Some(self.now()),
            scheduled_at: None,
            started_at: None,
            waiting: None,
            ended: None,
            disruption: None,
            pod_reason: None,
        };
        let worker = Worker {
            fact,
            lines: 0,
            began: self.second,
        };
        self.workers.insert(index, worker);
        self.change(index, |_| {});
    }

    /// Changes the newest pod of an index.
    pub(crate) fn change(&mut self, index: u32, change: impl FnOnce(&mut PodFact)) {
        self.revision += 1;
        let worker = self.workers.get_mut(&index).expect("the pod was made before");
        worker.fact.revision = self.revision;
        change(&mut worker.fact);
        let fact = worker.fact.clone();
        self.feed(Event::Pod(Delta::Applied(Box::new(fact))));
    }

    /// Makes the next pod of an index, and binds it.
    pub(crate) fn bind(&mut self, index: u32) {
        self.make(index);
        let (now, node) = (self.now(), self.node(index));
        self.change(index, |pod| (pod.node, pod.scheduled_at) = (Some(node), Some(now)));
    }

    /// Makes the next pod of an index, and lets it run.
    pub(crate) fn run(&mut self, index: u32) {
        self.bind(index);
        let now = self.now();
        self.change(index, |pod| (pod.phase, pod.started_at) = (Phase::Running, Some(now)));
    }

    /// Ends the pod of an index, with what it says.
    pub(crate) fn end(&mut self, index: u32, exit_code: i32, reason: &str, message: String) {
        let now = self.now();
        self.change(index, |pod| {
            let is_well = exit_code == 0;
            pod.phase = if is_well { Phase::Succeeded } else { Phase::Failed };
            pod.ended = Some(Ended {
                exit_code,
                reason: reason.to_owned(),
                message,
                started_at: pod.started_at,
                finished_at: Some(now),
            });
        });
    }

    /// Ends the pod of an index with a result: that of the index, and so much more.
    pub(crate) fn done(&mut self, index: u32, more: i128) {
        let shard = self.plan.shard(CompletionIndex(index)).unwrap();
        let began = self.workers.get(&index).map_or(self.second, |worker| worker.began);
        let message = ResultMessage {
            version: RESULT_VERSION,
            job_uid: JOB.to_owned(),
            index: shard.index,
            start: shard.start,
            end: shard.end,
            processed: shard.end - shard.start,
            value: value(&self.plan, index) + more,
            kernel: self.plan.kernel.clone(),
            elapsed_ms: u64::try_from((self.second - began) * 1_000).unwrap(),
            throttled_ms: None,
        };
        self.end(index, 0, "Completed", message.to_json());
    }

    /// Ends the pod of an index as one that took too much memory.
    pub(crate) fn kill(&mut self, index: u32) {
        self.end(index, 137, "OOMKilled", String::new());
    }

    /// Runs these indexes, three at once, and ends each as is said.
    pub(crate) fn course(&mut self, indexes: &[u32], end: impl Fn(&mut Self, u32)) {
        for wave in indexes.chunks(3) {
            for index in wave {
                self.run(*index);
            }
            self.work(11);
            for index in wave {
                end(self, *index);
            }
            self.tell_job(|_| {});
        }
    }

    /// Tells of the Job what follows from its pods, and what is changed.
    pub(crate) fn tell_job(&mut self, change: impl FnOnce(&mut JobFact)) {
        let count = |phase| u32::try_from(self.workers.values().filter(|w| w.fact.phase == phase).count()).unwrap();
        self.job.ready = count(Phase::Running);
        self.job.active = count(Phase::Running) + count(Phase::Pending);
        self.job.succeeded = count(Phase::Succeeded);
        self.job.failed = count(Phase::Failed);
        let done = self.workers.iter().filter(|(_, w)| w.fact.phase == Phase::Succeeded);
        self.job.completed = done.map(|(index, _)| CompletionIndex(*index)).collect();
        self.revision += 1;
        self.job.revision = self.revision;
        change(&mut self.job);
        self.say(Event::Job(Delta::Applied(Box::new(self.job.clone()))));
    }

    /// Ends the Job with this condition.
    pub(crate) fn conclude(&mut self, kind: &str, reason: &str, message: &str) {
        let now = self.now();
        self.tell_job(|job| job.conditions.push(condition(kind, why(reason, message), now)));
    }

    /// Suspends the Job, and ends its workers.
    pub(crate) fn suspend(&mut self, intent: Intent, what: &str, by: Option<&str>) {
        self.say(Event::Intent(intent));
        let now = self.now();
        self.tell_job(|job| {
            job.suspend = true;
            job.cancelled = by.map(str::to_owned);
            job.conditions
                .push(condition("Suspended", why("JobSuspended", "Job suspended"), now));
        });
        self.feed(Event::Outcome(Outcome::Changed {
            what: what.to_owned(),
            job: Some(Box::new(self.job.clone())),
        }));
        let running = self.workers.iter().filter(|(_, w)| !w.fact.phase.is_terminal());
        let running: Vec<u32> = running.map(|(index, _)| *index).collect();
        for index in running {
            self.change(index, |pod| (pod.terminating, pod.released) = (true, true));
            self.end(index, 143, "Error", String::new());
        }
        self.tell_job(|_| {});
    }

    /// Tells a Kubernetes Event about the newest pod of an index.
    pub(crate) fn kube_event(&mut self, index: u32, why: Reason, count: u32) {
        self.revision += 1;
        let pod = &self.workers.get(&index).expect("the pod was made before").fact;
        let fact = KubeEventFact {
            uid: format!("event-{}", self.revision),
            revision: self.revision,
            warning: true,
            why,
            object_kind: "Pod".into(),
            object_name: pod.name.clone(),
            object_uid: pod.uid.0.clone(),
            count,
            at: Some(self.now()),
        };
        self.say(Event::KubeEvent(Box::new(fact)));
    }

    /// Reads the log of the newest pod of an index, if it has one.
    pub(crate) fn read_log(&mut self, index: u32) {
        let worker = self
            .workers
            .get(&index)
            .filter(|worker| worker.fact.started_at.is_some());
        let Some(worker) = worker else { return };
        let (pod, has_ended) = (worker.fact.name.clone(), worker.fact.ended.is_some());
        self.feed(Event::Intent(Intent::ReadLog(Some(pod.clone()))));
        let mut lines: Vec<String> = (1..=100)
            .map(|n| format!("[WORKER {index}] Progress: {n} of 100 batches, line {n}"))
            .collect();
        lines.push("a line of another program: 日本語のログ, naïve, done".to_owned());
        let mut parts = vec![TailWhat::Opened, TailWhat::Lines(lines)];
        parts.extend(has_ended.then_some(TailWhat::Ended));
        for what in parts {
            self.feed(Event::LogTail(TailPart { pod: pod.clone(), what }));
        }
    }
}

fn condition(kind: &str, why: Reason, since: Timestamp) -> JobCondition {
    JobCondition {
        kind: kind.to_owned(),
        holds: true,
        why,
        since: Some(since),
    }
}
