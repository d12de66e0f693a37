//! Explanations in plain words: cause, evidence, next step, and the command of kubectl that shows it. Pure.
//!
//! What is said stands in tables: `waits` and `causes` by Kubernetes' reasons and exit codes, `told` by what happened in the run,
//! `scheduling` by the scheduler's words. Here a row is chosen, and what is known of this run is put beside it. Where a pod waits
//! without end and will never fail by itself, that is said first.

mod causes;
#[cfg(test)]
mod page;
mod row;
mod scheduling;
mod told;
mod waits;

use super::gesture::Explained;
use super::run_keys::reach_flags;
use super::words;
use crate::model::Model;
use crate::run::fact::{CompletionIndex, NodeName, Phase, Reason};
use crate::run::state::{Attempt, IndexState};
use crate::run::told::{DisputedValue, NodeState, RunEvent};
use row::{Known, Row, Shows};

/// How many lines of evidence of one kind are listed before the rest is only counted.
const LINES_MAX: usize = 8;

/// The exit codes of a worker that was told to end.
const TOLD_TO_END: [i32; 2] = [143, 137];

/// The reasons of the condition `DisruptionTarget`: the pod was ended from outside.
const DISRUPTIONS: [&str; 5] = [
    "PreemptionByScheduler",
    "DeletionByTaintManager",
    "EvictionByEvictionAPI",
    "DeletionByPodGC",
    "TerminationByKubelet",
];

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It waits or its worker computes.
    Alive,
    /// It gave a valid result.
    Result,
    /// It ended well, without a valid result.
    NoResult,
    /// It was ended from outside.
    FromOutside,
    /// Its worker failed.
    Failed,
}

/// What is known beside a row.
struct About<'a> {
    row: &'static Row,
    index: Option<CompletionIndex>,
    pod: Option<&'a str>,
    node: Option<&'a NodeName>,
    object: Option<&'a str>,
    why: Option<&'a Reason>,
    exit_code: Option<i32>,
    lines: Vec<String>,
}

/// Tells how an attempt stands.
pub fn fate(attempt: &Attempt<'_>) -> Fate {
    let reason = attempt.why.map_or("", |why| why.reason.as_str());
    let succeeded = match attempt.phase {
        Phase::Succeeded => true,
        Phase::Failed => false,
        Phase::Pending | Phase::Running | Phase::Unknown => attempt.exit_code == Some(0),
    };
    let told_to_end = attempt.terminating
        && reason != "OOMKilled"
        && attempt
            .exit_code
            .map_or(reason.is_empty(), |code| TOLD_TO_END.contains(&code));
    if attempt.has_result {
        Fate::Result
    } else if !(attempt.phase.is_terminal() || attempt.exit_code.is_some() || attempt.gone) {
        Fate::Alive
    } else if succeeded {
        Fate::NoResult
    } else if DISRUPTIONS.contains(&reason)
        || told_to_end
        || (attempt.exit_code.is_none() && attempt.phase != Phase::Failed)
    {
        Fate::FromOutside
    } else {
        Fate::Failed
    }
}

/// Says a reason in a few words; none when nothing is known about it.
pub fn short(reason: &Reason) -> Option<&'static str> {
    let obstacle = || scheduling::short(&reason.message);
    let is_unplaced = waits::UNSCHEDULABLE.contains(&reason.reason.as_str());
    let by_scheduler = is_unplaced.then(obstacle).flatten();
    by_scheduler.or_else(|| causes::find(reason, None).map(|row| row.short))
}

/// Tells whether a pod with this reason waits without end: it never fails by itself, and nothing but a mended cause helps.
pub fn waits_for_ever(reason: &Reason) -> bool {
    causes::find(reason, None).is_some_and(|row| row.waits)
}

/// Explains what happened.
pub fn of_event(event: &RunEvent, model: &Model) -> Explained {
    let mut about = about_event(event);
    about.lines.extend(how_many_wait(about.why, model));
    explained(&about, model)
}

/// Explains how an index stands.
pub fn of_index(index: CompletionIndex, model: &Model) -> Explained {
    let attempts = model.run().attempts(index);
    let mut about = about_index(index, model, &attempts);
    about.lines.extend(how_many_wait(about.why, model));
    explained(&about, model)
}

/// The same for every frame: without what takes a look at all pods.
pub(super) fn of_index_alone(index: CompletionIndex, model: &Model, attempts: &[Attempt<'_>]) -> Explained {
    explained(&about_index(index, model, attempts), model)
}

/// Says how many pods wait for the same reason: one cause is mended once.
fn how_many_wait(why: Option<&Reason>, model: &Model) -> Option<String> {
    let why = why.filter(|why| !why.reason.is_empty())?;
    let waiting = model.run().pods_now().filter_map(|pod| pod.waiting);
    let same = waiting.filter(|waiting| waiting.reason == why.reason).count();
    (same > 1).then(|| format!("{same} pods wait for this reason now"))
}

#[rustfmt::skip] // A table with one row an event.
fn about_event(event: &RunEvent) -> About<'_> {
    match event {
        RunEvent::Submitted { remarks, .. } => About::new(&told::SUBMITTED).said(remarks.iter().map(|words| format!("the server says: {words}"))),
        RunEvent::Postponed { after_ms, why } => About::new(&told::POSTPONED).line(format!("it asks to wait {}: {why}", words::duration(*after_ms))),
        RunEvent::Silent { index, pod, node, silent_ms, .. } => About::new(&told::SILENT).at(*index, pod, node.as_ref())
            .line(format!("silent for {}", words::duration(*silent_ms))),
        RunEvent::SetAside { index, values } => About::new(&told::SET_ASIDE).index(*index).said(values_said(values)),
        RunEvent::Attached { accepted, shards, .. } => About::new(&told::ATTACHED).line(format!("{accepted} of {shards} indexes were accepted before")),
        RunEvent::Scheduled { index, pod, node, .. } => About::new(&told::SCHEDULED).at(*index, pod, Some(node)),
        RunEvent::Waiting { index, pod, why, .. } => About::because(why, None, &causes::OTHER).at(*index, pod, None),
        RunEvent::WorkerStarted { index, pod, node, .. } => About::new(&told::STARTED).at(*index, pod, node.as_ref()),
        RunEvent::Progress { index, done, total, .. } => About::new(&told::PROGRESS).index(*index)
            .line(format!("{} of {} parameters", words::grouped(*done), words::grouped(*total))),
        RunEvent::WorkerFinished { index, pod, node, processed, elapsed_ms, .. } => About::new(&told::FINISHED).at(*index, pod, node.as_ref())
            .line(format!("{} parameters in {}", words::grouped(*processed), words::duration(*elapsed_ms))),
        RunEvent::Accepted { index, accepted, shards } => About::new(&told::ACCEPTED).index(*index).line(format!("{accepted} of {shards} indexes are accepted")),
        RunEvent::Duplicate { index, pod } => About::new(&told::DUPLICATE).at(*index, pod, None),
        RunEvent::Disputed { index, values } => About::new(&told::DISPUTED).index(*index).said(values_said(values)),
        RunEvent::AttemptFailed { index, pod, node, exit_code, why, .. } => About::because(why, *exit_code, &causes::FAILED).at(*index, pod, node.as_ref()),
        RunEvent::AttemptEnded { index, pod, node, why, .. } => About::because(why, None, &causes::OTHER).at(*index, pod, node.as_ref()),
        RunEvent::NoResult { index, pod, problem, .. } => About::new(&told::NO_RESULT).at(*index, pod, None).line(problem.clone()),
        RunEvent::IndexFailed { index, attempts, why } => About::because(why, None, &told::INDEX_FAILED).index(*index)
            .line(format!("given up after {}", words::count(u64::from(*attempts), "attempt", "attempts"))),
        RunEvent::Scaled { from, to } => About::new(&told::SCALED).line(format!("spec.parallelism: {from}, now {to}")),
        RunEvent::Suspended { by: Some(by) } => About::new(&told::CANCELLED).line(format!("cancelled by {by}")),
        RunEvent::Suspended { by: None } => About::new(&told::SUSPENDED),
        RunEvent::Resumed => About::new(&told::RESUMED),
        RunEvent::NodeChanged { node, state } => About::new(of_node(*state)).node(Some(node)),
        RunEvent::Warned { object, why, count } => About::because(why, None, &causes::OTHER).object(object)
            .line(format!("about {object}, seen {}", words::count(u64::from(*count), "time", "times"))),
        RunEvent::JobComplete => About::new(&told::JOB_COMPLETE),
        RunEvent::JobFailed { why } => About::because(why, None, &told::JOB_FAILED),
        RunEvent::JobDeleted => About::new(&told::JOB_DELETED),
        RunEvent::Verified { index, same, value } => About::new(if *same { &told::SAME } else { &told::NOT_SAME }).index(*index)
            .line(format!("computed here: {}", words::grouped(*value))),
        RunEvent::ContactLost { why } => About::new(&told::CONTACT_LOST).line(why.clone()),
        RunEvent::ContactBack { after_ms } => About::new(&told::CONTACT_BACK).line(format!("after {}", words::duration(*after_ms))),
        RunEvent::Forbidden { what, why } => About::new(&told::FORBIDDEN).line(format!("{what}: {why}")),
        RunEvent::Done { what } => About::new(&told::DONE).line(what.clone()),
        RunEvent::Trouble { what, hint } => about_trouble(what, hint.as_deref()),
        RunEvent::Leaving { hint } => About::new(&told::LEAVING).line(hint.clone()),
    }
}

/// Trouble has words and no reason; those of a server may be in the table.
fn about_trouble(what: &str, hint: Option<&str>) -> About<'static> {
    let why = Reason {
        reason: String::new(),
        message: what.to_owned(),
    };
    let row = causes::find(&why, None).unwrap_or(&told::TROUBLE);
    About::new(row)
        .line(what.to_owned())
        .said(hint.map(|hint| format!("hint: {hint}")).into_iter())
}

fn of_node(state: NodeState) -> &'static Row {
    match state {
        NodeState::Cordoned => &told::CORDONED,
        NodeState::Uncordoned => &told::UNCORDONED,
        NodeState::Lost => &told::NODE_LOST,
        NodeState::Ready => &told::NODE_READY,
    }
}

fn values_said(values: &[DisputedValue]) -> impl Iterator<Item = String> + '_ {
    let said = |one: &DisputedValue| format!("{} from {}", words::grouped(one.value), one.pods.join(", "));
    values.iter().map(said)
}

fn about_index<'a>(index: CompletionIndex, model: &'a Model, attempts: &[Attempt<'a>]) -> About<'a> {
    let run = model.run();
    let newest = attempts.last();
    let state = run.index_state(index);
    let about = match state {
        IndexState::Disputed => {
            let values = run.values(index);
            About::new(&told::DISPUTED).said(values_said(&values))
        }
        IndexState::Accepted => About::new(&told::ACCEPTED).attempt(newest),
        IndexState::Finished => About::new(&told::FINISHED).attempt(newest),
        IndexState::NoResult => {
            let empty = attempts.iter().rev().find(|attempt| fate(attempt) == Fate::NoResult);
            let problem = empty
                .and_then(|attempt| attempt.problem)
                .unwrap_or("its pod was gone before it could be read");
            About::new(&told::NO_RESULT).attempt(empty).line(problem.to_owned())
        }
        IndexState::Failed | IndexState::Retrying | IndexState::Pending | IndexState::Running => {
            newest.map_or_else(|| About::new(&told::INDEX_FAILED), about_attempt)
        }
        IndexState::NotStarted => about_not_started(model),
    };
    let before = attempts.len().saturating_sub(1);
    let lost = attempts.iter().take(before).filter_map(attempt_said);
    let about = about.index(index).said(lost);
    match run.job() {
        Some(job) if job.suspend && state == IndexState::Retrying => {
            about.line("the Job is suspended: no pod is made until it is resumed (s)".to_owned())
        }
        Some(_) | None => about,
    }
}

fn about_attempt<'a>(attempt: &Attempt<'a>) -> About<'a> {
    let because = |why: Option<&'a Reason>, code| why.map(|why| About::because(why, code, &causes::FAILED));
    let about = match fate(attempt) {
        Fate::Alive => match attempt.waiting {
            Some(why) => About::because(why, None, &causes::OTHER),
            None if attempt.phase == Phase::Unknown => About::new(&told::NODE_LOST),
            None if attempt.phase == Phase::Running => About::new(&told::STARTED),
            None if attempt.node.is_some() => About::new(&told::STARTING),
            None => About::new(&told::UNBOUND),
        },
        Fate::Result => About::new(&told::FINISHED),
        Fate::NoResult => About::new(&told::NO_RESULT).said(attempt.problem.map(str::to_owned).into_iter()),
        Fate::FromOutside => {
            let disrupted = attempt.why.filter(|why| DISRUPTIONS.contains(&why.reason.as_str()));
            because(disrupted, None).unwrap_or_else(|| About::new(deleted()))
        }
        Fate::Failed => because(attempt.why, attempt.exit_code).unwrap_or_else(|| {
            let row = causes::find(&Reason::default(), attempt.exit_code).unwrap_or(&causes::FAILED);
            About {
                exit_code: attempt.exit_code,
                ..About::new(row)
            }
        }),
    };
    about.attempt(Some(attempt))
}

fn deleted() -> &'static Row {
    let why = Reason {
        reason: "Deleted".to_owned(),
        message: String::new(),
    };
    causes::find(&why, None).unwrap_or(&causes::OTHER)
}

/// Says how an earlier attempt ended.
fn attempt_said(attempt: &Attempt<'_>) -> Option<String> {
    let how = match fate(attempt) {
        Fate::Alive | Fate::Result => return None,
        Fate::NoResult => "ended without a valid result".to_owned(),
        Fate::FromOutside => format!("was ended from outside{}", reason_said(attempt)),
        Fate::Failed => format!("failed{}", reason_said(attempt)),
    };
    Some(format!("attempt {} {how}", attempt.number))
}

fn reason_said(attempt: &Attempt<'_>) -> String {
    let reason = attempt
        .why
        .map(|why| why.reason.as_str())
        .filter(|reason| !reason.is_empty());
    let code = attempt.exit_code.map(|code| format!("exit {code}"));
    let said: Vec<String> = reason.map(str::to_owned).into_iter().chain(code).collect();
    if said.is_empty() {
        String::new()
    } else {
        format!(": {}", said.join(", "))
    }
}

/// Explains an index without a pod: the Job's own troubles are the reason, or it just is not its turn.
fn about_not_started(model: &Model) -> About<'_> {
    let run = model.run();
    let Some(job) = run.job() else {
        return About::new(&told::NOT_SUBMITTED);
    };
    if let Some(by) = &job.cancelled {
        return About::new(&told::CANCELLED).line(format!("cancelled by {by}"));
    }
    if run.is_job_deleted() {
        return About::new(&told::JOB_DELETED);
    }
    if let Some(failed) = job.condition("Failed") {
        return About::because(&failed.why, None, &told::JOB_FAILED);
    }
    if job.suspend {
        return About::new(&told::SUSPENDED);
    }
    let refused = model
        .history()
        .kube_events()
        .find(|event| event.warning && event.why.reason == "FailedCreate" && event.object_kind == "Job");
    match refused {
        // As long as pods are made, an older refusal is not what the index waits for.
        Some(event) if job.active < job.parallelism => {
            About::because(&event.why, None, &causes::OTHER).object(&event.object_name)
        }
        Some(_) | None => About::new(&told::NOT_STARTED).line(format!(
            "spec.parallelism is {}; {} active",
            job.parallelism,
            words::count(u64::from(job.active), "pod is", "pods are")
        )),
    }
}

impl<'a> About<'a> {
    fn new(row: &'static Row) -> Self {
        Self {
            row,
            index: None,
            pod: None,
            node: None,
            object: None,
            why: None,
            exit_code: None,
            lines: Vec::new(),
        }
    }

    /// Finds the row of a reason or an exit code; another one where there is none.
    fn because(why: &'a Reason, exit_code: Option<i32>, otherwise: &'static Row) -> Self {
        Self {
            why: Some(why),
            exit_code,
            ..Self::new(causes::find(why, exit_code).unwrap_or(otherwise))
        }
    }

    fn index(mut self, index: CompletionIndex) -> Self {
        self.index = Some(index);
        self
    }

    fn node(mut self, node: Option<&'a NodeName>) -> Self {
        self.node = node;
        self
    }

    /// Takes an object's kind and name, or its name alone.
    fn object(mut self, object: &'a str) -> Self {
        match object.split_once(' ') {
            Some(("Pod", name)) => self.pod = Some(name),
            Some((_, name)) => self.object = Some(name),
            None => self.object = Some(object),
        }
        self
    }

    fn at(mut self, index: CompletionIndex, pod: &'a str, node: Option<&'a NodeName>) -> Self {
        self.pod = Some(pod);
        self.index(index).node(node)
    }

    fn attempt(mut self, attempt: Option<&Attempt<'a>>) -> Self {
        if let Some(attempt) = attempt {
            self.pod = Some(attempt.pod);
            self.node = attempt.node;
        }
        self
    }

    fn line(mut self, line: String) -> Self {
        self.lines.push(line);
        self
    }

    /// Adds lines; of many only the first, and how many more there are.
    fn said(mut self, lines: impl Iterator<Item = String>) -> Self {
        let mut more = 0_usize;
        for (number, line) in lines.enumerate() {
            if number < LINES_MAX {
                self.lines.push(line);
            } else {
                more += 1;
            }
        }
        if more > 0 {
            self.lines.push(format!("and {more} more"));
        }
        self
    }
}

fn explained(about: &About<'_>, model: &Model) -> Explained {
    let reason = about
        .why
        .map(|why| why.reason.as_str())
        .filter(|reason| !reason.is_empty());
    let name = reason.unwrap_or(about.row.short);
    let title = about
        .index
        .map_or_else(|| name.to_owned(), |index| format!("index {index} · {name}"));
    let obstacles = about
        .why
        .filter(|why| waits::UNSCHEDULABLE.contains(&why.reason.as_str()))
        .map_or_else(Vec::new, |why| scheduling::obstacles(&why.message));
    let mut next = Vec::new();
    if about.row.waits {
        next.push(
            "This will never fail by itself: it waits until the cause is mended or the run is cancelled (x)."
                .to_owned(),
        );
    }
    for obstacle in &obstacles {
        let step = obstacle.hindrance.map(|hindrance| hindrance.next.to_owned());
        let fresh = step.filter(|step| !next.contains(step));
        next.extend(fresh);
    }
    next.extend(about.row.next.iter().map(|step| (*step).to_owned()));
    Explained {
        title,
        cause: about.row.cause.to_owned(),
        evidence: evidence(about, &obstacles, model),
        next,
        command: Some(command(about, model)),
    }
}

fn evidence(about: &About<'_>, obstacles: &[scheduling::Obstacle], model: &Model) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = about.why {
        let said = [why.reason.as_str(), why.message.as_str()]
            .into_iter()
            .filter(|words| !words.is_empty());
        let said: Vec<&str> = said.collect();
        if !said.is_empty() {
            lines.push(format!("Kubernetes says: {}", said.join(": ")));
        }
    }
    let all = about
        .why
        .and_then(|why| scheduling::node_count(&why.message))
        .unwrap_or(0);
    lines.extend(obstacles.iter().map(|obstacle| {
        let meaning = obstacle
            .hindrance
            .map_or(obstacle.words.as_str(), |hindrance| hindrance.short);
        format!(
            "{} of {}: {meaning}",
            obstacle.nodes,
            words::count(u64::from(all), "node", "nodes")
        )
    }));
    lines.extend(about.exit_code.map(|code| format!("exit code {code}")));
    match (about.pod, about.node) {
        (Some(pod), Some(node)) => lines.push(format!("pod {pod} on {node}")),
        (Some(pod), None) => lines.push(format!("pod {pod}")),
        (None, Some(node)) => lines.push(format!("node {node}")),
        (None, None) => {}
    }
    lines.extend(about.lines.iter().cloned());
    lines.extend(about.row.facts.iter().filter_map(|fact| known(*fact, model)));
    lines
}

/// Writes what the plan says; nothing for what it does not set.
fn known(fact: Known, model: &Model) -> Option<String> {
    let plan = model.run().plan();
    let said = match fact {
        Known::Image => format!("image: {}", plan.image),
        Known::Cpu => format!("CPU: asks for {}, limit {}", plan.cpu.request, plan.cpu.limit),
        Known::Memory => format!("memory: asks for {}, limit {}", plan.memory.request, plan.memory.limit),
        Known::Retries => format!("retries of an index: {}", plan.retries),
        Known::MaxFailed => format!("failed indexes that end the Job: more than {}", plan.max_failed),
        Known::Selector if plan.node_selector.is_empty() => return None,
        Known::Selector => {
            let pairs: Vec<String> = plan
                .node_selector
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("node selector: {}", pairs.join(", "))
        }
        Known::Tolerations if plan.tolerations.is_empty() => return None,
        Known::Tolerations => format!("tolerations: {}", plan.tolerations.len()),
    };
    Some(said)
}

fn command(about: &About<'_>, model: &Model) -> String {
    let run = model.run();
    let flags = reach_flags(model);
    let job = run
        .job()
        .map_or_else(|| run.plan().run.to_string(), |job| job.name.clone());
    match (about.row.shows, about.pod) {
        (Shows::Pod, Some(pod)) => format!("kubectl describe pod {pod}{flags}"),
        (Shows::Log, Some(pod)) => format!("kubectl logs {pod}{flags}"),
        (Shows::Termination, Some(pod)) => {
            let path = "{.status.containerStatuses[0].state.terminated.message}";
            format!("kubectl get pod {pod}{flags} -o jsonpath='{path}'")
        }
        (Shows::Pod | Shows::Log | Shows::Termination | Shows::Job, _) => {
            format!("kubectl describe job {job}{flags}")
        }
        (Shows::Pods, _) => format!("kubectl get pods -l batch.kubernetes.io/job-name={job} -o wide{flags}"),
        (Shows::JobYaml, _) => format!("kubectl get job {job} -o yaml{flags}"),
        (Shows::Completed, _) => format!("kubectl get job {job}{flags} -o jsonpath='{{.status.completedIndexes}}'"),
        (Shows::Node, _) => about.node.map_or_else(
            || format!("kubectl get nodes{flags}"),
            |node| format!("kubectl describe node {node}{flags}"),
        ),
        (Shows::Nodes, _) => format!("kubectl describe nodes{flags}"),
        (Shows::Quota, _) => format!("kubectl describe resourcequota{flags}"),
        (Shows::Limits, _) => format!("kubectl describe limitrange{flags}"),
        (Shows::Namespace, _) => format!("kubectl get namespace {} --show-labels{flags}", model.place().namespace),
        (Shows::Events, _) => {
            let object = about.pod.or(about.object).unwrap_or(&job);
            format!("kubectl get events --field-selector involvedObject.name={object}{flags}")
        }
        (Shows::Config, _) => format!("kubectl get configmaps,secrets{flags}"),
        (Shows::Rights, _) => format!("kubectl auth can-i --list{flags}"),
        (Shows::Ready, _) => format!("kubectl get --raw /readyz{flags}"),
    }
}

#[cfg(test)]
mod tests;
