//! Effects that reach the cluster: a plan becomes a stored Job, and a stored Job is changed.
//!
//! Must not know when an effect is due, nor what its outcome means for the run.
//!
//! Guarantees: nothing is made that a rehearsal on the server (a dry run) did not pass, where the server can rehearse; a
//! Job that was stored is found again when the answer got lost; no Job or `ConfigMap` of somebody else is ever changed or
//! deleted; a refused Job leaves no `ConfigMap` behind; every call ends in time; a server that asks to wait is asked again, for
//! about a minute in all, and each wait is told.
//! Not guaranteed: that nothing was stored when no call got an answer. Then the `ConfigMap` stays, as a Job that was stored
//! after all could not start a pod without it.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};

use super::clean::clean;
use super::connect::Connection;
use super::convert;
use super::failure::{CallError, failure, words};
use crate::model::effect::JobChange;
use crate::model::event::{Failure, FailureClass, Outcome};
use crate::model::twin::patch_of;
use crate::plan::job::{Part, owner_reference};
use crate::plan::names::{INDEXES_ANNOTATION, PLAN_ANNOTATION, RUN_LABEL};
use crate::plan::remarks::{Remarks, compare};
use crate::plan::{Plan, Rerun, RunId};
use crate::run::fact::{Computes, JobFact, JobUid};
use patience::Patience;
pub use patience::TellWait;

mod patience;

/// The field manager: who the API server notes as the one who set a field.
const FIELD_MANAGER: &str = "ttg-tui";

/// How many names are tried: the plan's own and three others.
const NAMES_MAX: u32 = 4;

/// How many single remarks are told of what a server dropped, and of what it changed.
const REMARKS_MAX: usize = 10;

/// Stores a plan as a `ConfigMap` and a Job. A name that somebody else has is given up for another, made with `random`.
pub async fn submit(
    connection: &Connection,
    mut plan: Plan,
    random: &mut (dyn FnMut() -> u32 + Send),
    tell_wait: TellWait<'_>,
) -> Outcome {
    let patience = Patience::new(tell_wait);
    let mut taken = Vec::new();
    for _ in 0..NAMES_MAX {
        let submitted = Submission::new(connection, Part::new(&plan, None), patience)
            .submit()
            .await;
        match submitted {
            Ok((job, own)) => {
                let remarks = taken.into_iter().chain(own).collect();
                return Outcome::Submitted {
                    job: Box::new(job),
                    plan: Box::new(plan),
                    remarks,
                };
            }
            Err(Problem::Failed { failure, .. }) => return Outcome::SubmitFailed(failure),
            Err(Problem::NameTaken) => {
                taken.push(format!("the name {} is taken, so the run has another", plan.run));
                plan.run = RunId::generate(&plan.kernel, random());
            }
        }
    }
    Outcome::SubmitFailed(Failure {
        class: FailureClass::Conflict,
        text: format!(
            "cannot submit the run in {}: {NAMES_MAX} names were taken",
            connection.namespace
        ),
        hint: Some("--name NAME chooses a name".to_owned()),
    })
}

/// Stores a rerun as a `ConfigMap` and a Job. A name that somebody else has is given up for that of the next number.
pub async fn submit_rerun(connection: &Connection, plan: Plan, mut rerun: Rerun, tell_wait: TellWait<'_>) -> Outcome {
    let patience = Patience::new(tell_wait);
    for _ in 0..NAMES_MAX {
        let submitted = Submission::new(connection, Part::new(&plan, Some(&rerun)), patience)
            .submit()
            .await;
        match submitted {
            Ok((job, remarks)) => {
                return Outcome::Submitted {
                    job: Box::new(job),
                    plan: Box::new(plan),
                    remarks,
                };
            }
            Err(Problem::Failed { failure, .. }) => return Outcome::SubmitFailed(failure),
            Err(Problem::NameTaken) => rerun.number = rerun.number.saturating_add(1),
        }
    }
    let (run, namespace) = (&plan.run, &connection.namespace);
    Outcome::SubmitFailed(Failure {
        class: FailureClass::Conflict,
        text: format!("cannot submit a rerun of {run} in {namespace}: {NAMES_MAX} names were taken"),
        hint: Some("kubectl get jobs shows whose they are".to_owned()),
    })
}

/// Lets the server check the Job of a plan without storing anything; returns what it would make of it, in words.
pub async fn rehearse(connection: &Connection, plan: &Plan) -> Result<Vec<String>, Failure> {
    let part = Part::new(plan, None);
    let mut job = part.job(&connection.namespace);
    // Whoever only wants to know how the cluster is hears at once that it is busy.
    let submission = Submission::new(connection, part, Patience::none());
    match submission.rehearse(&mut job).await {
        Ok(remarks) => Ok(remarks),
        Err(Problem::Failed { failure, .. }) => Err(failure),
        // Somebody else's name is no refusal of the Job: a run would take another.
        Err(Problem::NameTaken) => Ok(Vec::new()),
    }
}

/// Changes a Job, if it still is the one with this uid. `by` and `now` are noted by a cancel.
pub async fn change(
    connection: &Connection,
    job: &str,
    uid: &JobUid,
    change: &JobChange,
    by: &str,
    now: Timestamp,
) -> Outcome {
    let (tried, done) = describe(change);
    let jobs = Api::<Job>::namespaced(connection.client.clone(), &connection.namespace);
    let changed = match patch_of(change, uid, by, now) {
        Some(patch) => {
            let patched = connection
                .call(jobs.patch(job, &patch_params(), &Patch::Merge(&patch)))
                .await;
            patched.map(|job| convert::job(&job).map(Box::new))
        }
        None => delete(connection, &jobs, job, uid).await.map(|()| None),
    };
    match changed {
        Ok(job) => Outcome::Changed { what: done, job },
        Err(error) => {
            let what = format!("{tried} (Job {job} in {})", connection.namespace);
            Outcome::ChangeFailed {
                failure: failure(&what, &error),
                what: tried,
            }
        }
    }
}

/// Says what is tried, and what was done.
fn describe(change: &JobChange) -> (String, String) {
    let (tried, done) = match change {
        JobChange::Scale(workers) => {
            let number = if *workers == 1 {
                "1 worker".to_owned()
            } else {
                format!("{workers} workers")
            };
            return (format!("scale to {number}"), format!("scaled to {number}"));
        }
        JobChange::Suspend => ("suspend the run", "suspended the run"),
        JobChange::Resume => ("resume the run", "resumed the run"),
        JobChange::Cancel => ("cancel the run", "cancelled the run"),
        JobChange::Delete => ("delete the Job", "deleted the Job"),
    };
    (tried.to_owned(), done.to_owned())
}

/// Deletes a Job and, in the background, what it owns. Without a policy the server would orphan the pods.
async fn delete(connection: &Connection, jobs: &Api<Job>, job: &str, uid: &JobUid) -> Result<(), CallError> {
    let preconditions = Preconditions {
        uid: Some(uid.0.clone()),
        resource_version: None,
    };
    let params = DeleteParams::background().preconditions(preconditions);
    match connection.call(jobs.delete(job, &params)).await {
        Err(error) if !error.is_not_found() => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn patch_params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

fn post_params(dry_run: bool) -> PostParams {
    PostParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    }
}

/// Why a plan could not be stored under its name.
enum Problem {
    /// Somebody else has the name.
    NameTaken,
    /// A call failed. `open`: nobody knows whether the server stored the object all the same.
    Failed { failure: Failure, open: bool },
}

/// One Job of a plan under one name on its way to the cluster.
struct Submission<'a> {
    connection: &'a Connection,
    part: Part<'a>,
    patience: Patience<'a>,
    name: String,
    jobs: Api<Job>,
    maps: Api<ConfigMap>,
}

impl<'a> Submission<'a> {
    fn new(connection: &'a Connection, part: Part<'a>, patience: Patience<'a>) -> Self {
        Self {
            connection,
            name: part.name(),
            part,
            patience,
            jobs: Api::namespaced(connection.client.clone(), &connection.namespace),
            maps: Api::namespaced(connection.client.clone(), &connection.namespace),
        }
    }

    /// Makes a call, again and again as long as the server asks to wait; also tells whether an earlier try may have been carried
    /// out.
    async fn ask<T, F>(&self, call: impl Fn() -> F) -> (Result<T, CallError>, bool)
    where
        F: Future<Output = kube::Result<T>>,
    {
        self.patience.ask(self.connection, call).await
    }

    /// Rehearses, then stores the `ConfigMap`, the Job, and the tie between them. Returns the Job and the remarks.
    async fn submit(&self) -> Result<(JobFact, Vec<String>), Problem> {
        let mut job = self.part.job(&self.connection.namespace);
        let mut remarks = self.rehearse(&mut job).await?;
        // The ConfigMap comes first: a pod of the Job could not start without it.
        let made = self.create_config_map().await?;
        let stored = match self.create_job(&job).await {
            Ok(stored) => stored,
            Err(problem) => {
                if made && !matches!(problem, Problem::Failed { open: true, .. }) {
                    self.delete_config_map().await;
                }
                return Err(problem);
            }
        };
        if let Err(error) = self.tie(&stored).await {
            let words = words(&error);
            remarks.push(format!(
                "the ConfigMap {} stays when the Job is deleted, as it could not be tied to it: {words}",
                self.name
            ));
        }
        // What the Job says of itself may have been changed on the way; what its workers are told is what was sent.
        let computes = self.part.indexes().cloned().map_or(Computes::All, Computes::Only);
        let fact = convert::job_that_computes(&stored, computes)
            .ok_or_else(|| self.failed("Job", &CallError::Nonsense("a Job without a uid")))?;
        Ok((fact, remarks))
    }

    /// Lets the server check the Job without storing it, and adapts the Job to what the server does not know.
    async fn rehearse(&self, job: &mut Job) -> Result<Vec<String>, Problem> {
        let (params, sent) = (post_params(true), &*job);
        let (rehearsed, _) = self.ask(|| self.jobs.create(&params, sent)).await;
        match rehearsed {
            Ok(got) => {
                let remarks = compare(&json_of(job), &json_of(&got));
                Ok(adapt(job, &remarks, &self.part))
            }
            // Whose the Job is that has this name is found when ours is created.
            Err(error) if error.is_already_exists() => Ok(Vec::new()),
            Err(error) if cannot_rehearse(&error) => Ok(vec![format!(
                "the server could not rehearse the run: {}",
                words(&error)
            )]),
            Err(error) => Err(self.failed("Job", &error)),
        }
    }

    /// Stores the `ConfigMap`; tells whether this call made it.
    async fn create_config_map(&self) -> Result<bool, Problem> {
        let map = self.part.config_map(&self.connection.namespace);
        let params = post_params(false);
        let (created, was_open) = self.ask(|| self.maps.create(&params, &map)).await;
        let Err(error) = created else { return Ok(true) };
        if !error.is_already_exists() && !error.is_open() {
            return Err(self.failed("ConfigMap", &error));
        }
        let (found, _) = self.ask(|| self.maps.get(&self.name)).await;
        match found {
            Ok(found) if same_run(&found.metadata, &map.metadata) && found.data == map.data => {
                Ok(was_open || !error.is_already_exists())
            }
            Ok(_) => Err(Problem::NameTaken),
            Err(_unknown) => Err(self.failed("ConfigMap", &error)),
        }
    }

    /// Stores the Job. A Job that is there already with the same plan is this one: an earlier answer got lost.
    async fn create_job(&self, job: &Job) -> Result<Job, Problem> {
        let params = post_params(false);
        let (created, _) = self.ask(|| self.jobs.create(&params, job)).await;
        let error = match created {
            Ok(stored) => return Ok(stored),
            Err(error) => error,
        };
        if !error.is_already_exists() && !error.is_open() {
            return Err(self.failed("Job", &error));
        }
        let (found, _) = self.ask(|| self.jobs.get(&self.name)).await;
        match found {
            Ok(found) if same_run(&found.metadata, &job.metadata) => Ok(found),
            Ok(_) => Err(Problem::NameTaken),
            Err(_unknown) => Err(self.failed("Job", &error)),
        }
    }

    /// Makes the Job the owner of the `ConfigMap`, so that both are deleted together.
    async fn tie(&self, job: &Job) -> Result<(), CallError> {
        let patch = Patch::Merge(json!({"metadata": {"ownerReferences": [owner_reference(job)]}}));
        let params = patch_params();
        let (tied, _) = self.ask(|| self.maps.patch(&self.name, &params, &patch)).await;
        tied.map(|_| ())
    }

    /// Takes the `ConfigMap` back. What cannot be deleted stays: it is small, labelled and harmless.
    async fn delete_config_map(&self) {
        let params = DeleteParams::background();
        let (deleted, _) = self.ask(|| self.maps.delete(&self.name, &params)).await;
        deleted.ok();
    }

    fn failed(&self, kind: &str, error: &CallError) -> Problem {
        let what = format!("create the {kind} {} in {}", self.name, self.connection.namespace);
        let mut failure = failure(&what, error);
        let open = error.is_open();
        if open {
            let run = self.part.run();
            let shown = format!("ttg-tui attach {run} shows whether it was stored all the same");
            // What a server says that is not ready is worth more than that it may be out of reach.
            let own = failure.hint.filter(|_| error.asks_to_wait_s().is_some());
            failure.hint = Some(match own {
                Some(own) => format!("{own}; {shown}"),
                None => shown,
            });
        }
        Problem::Failed { failure, open }
    }
}

/// Tells whether two objects carry the same run, the same plan and the same indexes.
fn same_run(found: &ObjectMeta, sent: &ObjectMeta) -> bool {
    let label = |meta: &ObjectMeta| meta.labels.as_ref().and_then(|labels| labels.get(RUN_LABEL).cloned());
    let note = |meta: &ObjectMeta, key: &str| meta.annotations.as_ref().and_then(|notes| notes.get(key).cloned());
    let is_same_note = |key: &&str| note(found, key) == note(sent, key);
    label(sent).is_some()
        && label(found) == label(sent)
        && [PLAN_ANNOTATION, INDEXES_ANNOTATION].iter().all(is_same_note)
}

/// Tells whether a server refused only to rehearse: an admission webhook with side effects does.
pub(super) fn cannot_rehearse(error: &CallError) -> bool {
    error
        .status()
        .is_some_and(|status| status.code == 400 && status.message.contains("does not support dry run"))
}

/// Returns the JSON of a Job. A typed object always has one.
pub(super) fn json_of(job: &Job) -> Value {
    serde_json::to_value(job).unwrap_or_default()
}

/// Adapts a Job to a server that dropped fields of it, and puts what the server made of it into words.
pub(super) fn adapt(job: &mut Job, remarks: &Remarks, part: &Part<'_>) -> Vec<String> {
    let mut said = Vec::new();
    if remarks.dropped.iter().any(|path| path == "spec.backoffLimitPerIndex")
        && let Some(spec) = job.spec.as_mut()
    {
        // Without it the server would take its default: six retries for all shards together.
        let (each, shards) = (part.retries(), part.completions());
        let retries = u64::from(each) * u64::from(shards);
        spec.backoff_limit_per_index = None;
        spec.max_failed_indexes = None;
        spec.backoff_limit = Some(i32::try_from(retries).unwrap_or(i32::MAX));
        said.push(format!(
            "this server does not know backoffLimitPerIndex: all {shards} shards share {retries} retries instead of {each} each"
        ));
    }
    said.extend(
        remarks
            .dropped
            .iter()
            .take(REMARKS_MAX)
            .map(|path| format!("the server drops {}", clean(path, 200))),
    );
    said.extend(more(remarks.dropped.len(), "dropped"));
    let changed = remarks.changed.iter().take(REMARKS_MAX);
    said.extend(changed.map(|(path, sent, got)| {
        format!(
            "the server changes {} from {} to {}",
            clean(path, 200),
            clean(sent, 60),
            clean(got, 60)
        )
    }));
    said.extend(more(remarks.changed.len(), "changed"));
    said
}

/// Counts what is not told singly.
fn more(count: usize, done: &str) -> Option<String> {
    let rest = count.checked_sub(REMARKS_MAX).filter(|rest| *rest > 0)?;
    Some(format!("and {rest} more fields are {done}"))
}

#[cfg(test)]
mod tests;
