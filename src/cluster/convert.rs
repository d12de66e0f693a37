//! Kubernetes objects to facts.
//!
//! Pure. Must not know how the objects came here. Completion indexes become the run's here: those of a rerun's Job and its pods
//! are positions in the set of indexes that the Job computes. Every text is cleaned here, with two exceptions that are parsed and
//! never shown: a termination message and the plan of a Job.
//!
//! Guarantees: any object makes a fact or none, and never a panic: what is absent or nonsense becomes the field's empty
//! value. An object without a name or a uid makes none.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition as ApiJobCondition, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, Event, Node, PodCondition, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};

use self::lean::{ContainerStatus, Pod, PodStatus};
use super::clean::clean;
use crate::plan::names::{
    CANCELLED_ANNOTATION, CONTROLLER_UID_LABEL, INDEX_ANNOTATION, INDEXES_ANNOTATION, PLAN_ANNOTATION, RUN_LABEL,
    TRACKING_FINALIZER, WORKER_CONTAINER,
};
use crate::plan::quantity::Quantity;
use crate::plan::rerun::INDEXES_BYTES_MAX;
use crate::run::fact::{
    CompletionIndex, Computes, Ended, JobCondition, JobFact, JobUid, KubeEventFact, NodeFact, NodeName, Phase, PodFact,
    PodUid, Reason,
};
use crate::run::intervals::IndexSet;

pub mod lean;

/// The most characters of a name or a uid: a DNS subdomain has 253.
const NAME_MAX: usize = 253;
/// The most characters of a reason.
const REASON_MAX: usize = 128;
/// The most characters of a message.
const MESSAGE_MAX: usize = 1_024;
/// The most bytes of a termination message that a kubelet reports.
const TERMINATION_MESSAGE_BYTES_MAX: usize = 4_096;
/// The most bytes of a plan: all annotations of an object together may have 256 KiB.
const PLAN_BYTES_MAX: usize = 262_144;

/// The `spec.managedBy` of Kubernetes' own Job controller.
const OWN_JOB_CONTROLLER: &str = "kubernetes.io/job-controller";

/// Makes a fact of a pod of a Job that computes these indexes; none without a name or a uid.
pub fn pod(pod: &Pod, computes: &Computes) -> Option<PodFact> {
    let meta = &pod.metadata;
    let status = pod.status.as_ref();
    let phase = phase(status);
    let container = status.and_then(worker_status);
    let state = container.and_then(|container| container.state.as_ref());
    let node = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref())
        .filter(|name| !name.is_empty());
    let scheduled = condition(status, "PodScheduled");
    Some(PodFact {
        uid: PodUid(name(meta.uid.as_deref())?),
        name: name(meta.name.as_deref())?,
        revision: revision(meta),
        job_uid: job_uid(meta),
        index: index(meta).and_then(|own| computes.index_at(own)),
        node: node.map(|node| NodeName(clean(node, NAME_MAX))),
        phase,
        terminating: meta.deletion_timestamp.is_some(),
        released: !meta
            .finalizers
            .iter()
            .flatten()
            .any(|finalizer| finalizer == TRACKING_FINALIZER),
        created_at: time(meta.creation_timestamp.as_ref()),
        scheduled_at: scheduled
            .filter(|c| c.status == "True")
            .and_then(|c| time(c.last_transition_time.as_ref())),
        started_at: state.and_then(started_at),
        waiting: if phase.is_terminal() {
            None
        } else {
            waiting(scheduled, node.is_some(), state)
        },
        ended: state.and_then(|state| state.terminated.as_ref()).map(ended),
        disruption: condition(status, "DisruptionTarget")
            .filter(|condition| condition.status == "True")
            .map(|condition| reason(condition.reason.as_deref(), condition.message.as_deref())),
        pod_reason: status
            .map(|status| reason(status.reason.as_deref(), status.message.as_deref()))
            .filter(|reason| *reason != Reason::default()),
    })
}

/// Makes a fact of a Job; none without a name or a uid. Which indexes it computes is what it says of itself.
pub fn job(job: &Job) -> Option<JobFact> {
    job_that_computes(job, computes(job))
}

/// Makes a fact of a Job of which it is known what it computes: its annotation may have been changed since.
pub fn job_that_computes(job: &Job, computes: Computes) -> Option<JobFact> {
    let meta = &job.metadata;
    let nothing = (JobSpec::default(), JobStatus::default());
    let spec = job.spec.as_ref().unwrap_or(&nothing.0);
    let status = job.status.as_ref().unwrap_or(&nothing.1);
    let completions = count(spec.completions);
    let own_name = name(meta.name.as_deref())?;
    Some(JobFact {
        uid: JobUid(name(meta.uid.as_deref())?),
        run: name(label(meta, RUN_LABEL)).unwrap_or_else(|| own_name.clone()),
        name: own_name,
        namespace: name(meta.namespace.as_deref()).unwrap_or_default(),
        revision: revision(meta),
        created_at: time(meta.creation_timestamp.as_ref()),
        parallelism: count(spec.parallelism),
        completions,
        suspend: spec.suspend.unwrap_or(false),
        deleting: meta.deletion_timestamp.is_some(),
        active: count(status.active),
        ready: count(status.ready),
        terminating: count(status.terminating),
        succeeded: count(status.succeeded),
        failed: count(status.failed),
        completed: computes.indexes_at(index_set(status.completed_indexes.as_deref(), completions)),
        failed_indexes: computes.indexes_at(index_set(status.failed_indexes.as_deref(), completions)),
        computes,
        conditions: status.conditions.iter().flatten().map(job_condition).collect(),
        plan_json: annotation(meta, PLAN_ANNOTATION)
            .filter(|plan| plan.len() <= PLAN_BYTES_MAX)
            .map(ToOwned::to_owned),
        cancelled: annotation(meta, CANCELLED_ANNOTATION).map(|text| clean(text, NAME_MAX)),
        managed_by: spec
            .managed_by
            .as_deref()
            .filter(|manager| *manager != OWN_JOB_CONTROLLER)
            .map(|manager| clean(manager, NAME_MAX)),
    })
}

/// Reads which of its run's indexes a Job computes.
fn computes(job: &Job) -> Computes {
    let Some(text) = annotation(&job.metadata, INDEXES_ANNOTATION) else {
        return Computes::All;
    };
    let completions = count(job.spec.as_ref().and_then(|spec| spec.completions));
    let unknown = |why: String| Computes::Unknown(format!("its annotation {INDEXES_ANNOTATION} cannot be used: {why}"));
    if text.len() > INDEXES_BYTES_MAX {
        return unknown(format!(
            "it has {} bytes, at most {INDEXES_BYTES_MAX} are valid",
            text.len()
        ));
    }
    match IndexSet::parse(text, u32::MAX) {
        Ok(indexes) if indexes.len() == u64::from(completions) => Computes::Only(indexes),
        Ok(indexes) => unknown(format!(
            "it names {} indexes for {completions} completions",
            indexes.len()
        )),
        Err(why) => unknown(clean(&why.to_string(), MESSAGE_MAX)),
    }
}

/// Makes a fact of a node; none without a name.
pub fn node(node: &Node) -> Option<NodeFact> {
    let spec = node.spec.as_ref();
    let status = node.status.as_ref();
    let ready = status
        .and_then(|s| s.conditions.as_ref())
        .into_iter()
        .flatten()
        .find(|c| c.type_ == "Ready");
    let allocatable = |resource: &str| status?.allocatable.as_ref()?.get(resource).map(milli);
    Some(NodeFact {
        name: NodeName(name(node.metadata.name.as_deref())?),
        revision: revision(&node.metadata),
        ready: ready.and_then(|condition| truth(&condition.status)),
        cordoned: spec.and_then(|spec| spec.unschedulable).unwrap_or(false),
        taints: spec
            .and_then(|spec| spec.taints.as_ref())
            .into_iter()
            .flatten()
            .map(taint)
            .collect(),
        cpu_milli: allocatable("cpu").unwrap_or(0),
        memory_bytes: allocatable("memory").unwrap_or(0) / 1_000,
    })
}

/// Makes a fact of a Kubernetes Event; none without a uid.
pub fn kube_event(event: &Event) -> Option<KubeEventFact> {
    let object = &event.involved_object;
    let series = event.series.as_ref();
    // Of the two ways to record an event each leaves other times empty; the latest one that there is counts.
    let at = series
        .and_then(|series| series.last_observed_time.as_ref().map(|time| time.0))
        .or_else(|| time(event.last_timestamp.as_ref()))
        .or_else(|| event.event_time.as_ref().map(|time| time.0))
        .or_else(|| time(event.metadata.creation_timestamp.as_ref()));
    Some(KubeEventFact {
        uid: name(event.metadata.uid.as_deref())?,
        revision: revision(&event.metadata),
        warning: event.type_.as_deref() == Some("Warning"),
        why: reason(event.reason.as_deref(), event.message.as_deref()),
        object_kind: name(object.kind.as_deref()).unwrap_or_default(),
        object_name: name(object.name.as_deref()).unwrap_or_default(),
        object_uid: name(object.uid.as_deref()).unwrap_or_default(),
        count: count(series.and_then(|series| series.count).or(event.count)).max(1),
        at,
    })
}

/// Cleans a name or a uid; none when nothing is left.
fn name(text: Option<&str>) -> Option<String> {
    text.map(|text| clean(text, NAME_MAX)).filter(|name| !name.is_empty())
}

fn reason(reason: Option<&str>, message: Option<&str>) -> Reason {
    Reason {
        reason: clean(reason.unwrap_or_default(), REASON_MAX),
        message: clean(message.unwrap_or_default(), MESSAGE_MAX),
    }
}

fn time(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// Reads the resourceVersion as a number, which it is wherever etcd is the storage.
fn revision(meta: &ObjectMeta) -> u64 {
    meta.resource_version
        .as_deref()
        .and_then(|version| version.parse().ok())
        .unwrap_or(0)
}

fn count(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

/// Reads a condition's status; none for `Unknown`.
fn truth(status: &str) -> Option<bool> {
    match status {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

/// Reads `completedIndexes` or `failedIndexes`; what cannot be read is as if the controller had not counted yet.
fn index_set(text: Option<&str>, completions: u32) -> IndexSet {
    text.and_then(|text| IndexSet::parse(text, completions).ok())
        .unwrap_or_default()
}

/// The completion index: the annotation is what the Job controller itself reads; the label is there since 1.28.
fn index(meta: &ObjectMeta) -> Option<CompletionIndex> {
    let text = annotation(meta, INDEX_ANNOTATION).or_else(|| label(meta, INDEX_ANNOTATION))?;
    text.parse().ok().map(CompletionIndex)
}

/// The uid of the Job that made a pod; empty for a pod of nobody.
fn job_uid(meta: &ObjectMeta) -> JobUid {
    let is_job = |owner: &&OwnerReference| owner.controller == Some(true) && owner.kind == "Job";
    let owner = || {
        meta.owner_references
            .iter()
            .flatten()
            .find(is_job)
            .map(|owner| owner.uid.as_str())
    };
    JobUid(name(label(meta, CONTROLLER_UID_LABEL).or_else(owner)).unwrap_or_default())
}

fn phase(status: Option<&PodStatus>) -> Phase {
    match status.and_then(|status| status.phase.as_deref()).unwrap_or("Pending") {
        "Pending" | "" => Phase::Pending,
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        _ => Phase::Unknown,
    }
}

fn condition<'a>(status: Option<&'a PodStatus>, kind: &str) -> Option<&'a PodCondition> {
    status?
        .conditions
        .as_ref()?
        .iter()
        .find(|condition| condition.type_ == kind)
}

/// The container that computes. A cluster may add containers of its own, before or after it.
fn worker_status(status: &PodStatus) -> Option<&ContainerStatus> {
    let containers = status.container_statuses.as_ref()?;
    containers
        .iter()
        .find(|container| container.name == WORKER_CONTAINER)
        .or_else(|| containers.first())
}

fn started_at(state: &ContainerState) -> Option<Timestamp> {
    let running = state
        .running
        .as_ref()
        .and_then(|running| time(running.started_at.as_ref()));
    running.or_else(|| {
        state
            .terminated
            .as_ref()
            .and_then(|ended| time(ended.started_at.as_ref()))
    })
}

/// Why a pod does not run: the scheduler's words as long as it has no node, else what its container waits for.
fn waiting(scheduled: Option<&PodCondition>, bound: bool, state: Option<&ContainerState>) -> Option<Reason> {
    if bound {
        let waiting = state?.waiting.as_ref()?;
        return Some(reason(waiting.reason.as_deref(), waiting.message.as_deref()));
    }
    let scheduled = scheduled.filter(|condition| condition.status == "False")?;
    Some(reason(scheduled.reason.as_deref(), scheduled.message.as_deref()))
}

/// How the container ended. With restartPolicy Never there is one instance, so `lastState` never matters.
fn ended(state: &ContainerStateTerminated) -> Ended {
    Ended {
        exit_code: state.exit_code,
        reason: clean(state.reason.as_deref().unwrap_or_default(), REASON_MAX),
        message: first_bytes(
            state.message.as_deref().unwrap_or_default(),
            TERMINATION_MESSAGE_BYTES_MAX,
        ),
        started_at: time(state.started_at.as_ref()),
        finished_at: time(state.finished_at.as_ref()),
    }
}

/// Returns the longest beginning of at most `bytes_max` bytes.
fn first_bytes(text: &str, bytes_max: usize) -> String {
    text.char_indices()
        .take_while(|(at, c)| at + c.len_utf8() <= bytes_max)
        .map(|(_, c)| c)
        .collect()
}

fn job_condition(condition: &ApiJobCondition) -> JobCondition {
    JobCondition {
        kind: clean(&condition.type_, REASON_MAX),
        holds: condition.status == "True",
        why: reason(condition.reason.as_deref(), condition.message.as_deref()),
        since: time(condition.last_transition_time.as_ref()),
    }
}

/// Writes a taint as `kubectl taint` takes it: `key=value:effect`, or `key:effect` without a value.
fn taint(taint: &Taint) -> String {
    let Taint { key, value, effect, .. } = taint;
    let text = match value.as_deref() {
        Some(value) if !value.is_empty() => format!("{key}={value}:{effect}"),
        Some(_) | None => format!("{key}:{effect}"),
    };
    clean(&text, 2 * NAME_MAX)
}

/// Reads a quantity in thousandths; 0 when it is none.
fn milli(quantity: &ApiQuantity) -> u64 {
    Quantity::parse(&quantity.0)
        .ok()
        .and_then(|quantity| u64::try_from(quantity.milli()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
