//! Facts for tests: a run of a small plan, told as a cluster would.

use jiff::Timestamp;
use ttg_worker::protocol::ResultMessage;
use ttg_worker::protocol::result::RESULT_VERSION;

use super::RunState;
use crate::plan::{Plan, RunId};
use crate::run::fact::{
    CompletionIndex, Computes, Delta, Ended, JobCondition, JobFact, JobUid, NodeName, Phase, PodFact, PodUid, Reason,
};
use crate::run::told::RunEvent;

/// The uid of the run's Job.
pub(crate) const JOB: &str = "job-1";

/// The uid of the Job of a rerun.
pub(crate) const RERUN: &str = "job-r1";

/// Returns a plan of ten parameters a shard, from 100 on, whose kernel adds up.
pub(crate) fn plan(shards: u32) -> Plan {
    let parameters = u64::from(shards) * 10;
    Plan {
        first: 100,
        parameters,
        shards,
        verify: 0,
        ..Plan::new(RunId::generate("primes", 7))
    }
}

/// Returns the state of a run whose Job is known and of which nothing else is.
pub(crate) fn state(shards: u32) -> RunState {
    let mut state = RunState::new(plan(shards));
    state.watch_job(&JobUid::from(JOB), &Computes::All);
    state
}

/// Returns a second of the run.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Returns the Job.
pub(crate) fn job(shards: u32, revision: u64) -> JobFact {
    JobFact {
        uid: JOB.into(),
        name: "ttg-primes-test".to_owned(),
        revision,
        parallelism: 3,
        completions: shards,
        ..JobFact::default()
    }
}

/// Returns the Job of a rerun of these indexes.
pub(crate) fn rerun_job(shards: u32, indexes: &[u32], revision: u64) -> JobFact {
    JobFact {
        uid: RERUN.into(),
        name: "ttg-primes-test-r1".to_owned(),
        completions: u32::try_from(indexes.len()).unwrap(),
        computes: Computes::Only(indexes.iter().copied().map(CompletionIndex).collect()),
        ..job(shards, revision)
    }
}

/// Gives a pod, with the result that it says, to the Job of the rerun.
pub(crate) fn of_rerun(mut pod: PodFact) -> PodFact {
    pod.job_uid = RERUN.into();
    pod.name = pod.name.replace("-test-", "-test-r1-");
    pod.uid = PodUid(format!("uid-{}", pod.name));
    if let Some(ended) = &mut pod.ended
        && let Ok(message) = ResultMessage::parse(&ended.message)
    {
        ended.message = ResultMessage {
            job_uid: RERUN.to_owned(),
            ..message
        }
        .to_json();
    }
    pod
}

/// Adds a condition that holds to a Job.
pub(crate) fn with_condition(mut job: JobFact, kind: &str) -> JobFact {
    let why = Reason {
        reason: format!("{kind}Reason"),
        message: String::new(),
    };
    job.conditions.push(JobCondition {
        kind: kind.to_owned(),
        holds: true,
        why,
        since: None,
    });
    job
}

/// Returns a pod of an index that was created in this second and is not bound yet.
pub(crate) fn pod(index: u32, created: i64, revision: u64) -> PodFact {
    let name = format!("ttg-primes-test-{index}-{created}");
    PodFact {
        uid: PodUid(format!("uid-{name}")),
        name,
        revision,
        job_uid: JOB.into(),
        index: Some(CompletionIndex(index)),
        node: None,
        phase: Phase::Pending,
        terminating: false,
        released: false,
        created_at: Some(at(created)),
        scheduled_at: None,
        started_at: None,
        waiting: None,
        ended: None,
        disruption: None,
        pod_reason: None,
    }
}

/// Returns the pod as it is once it runs.
pub(crate) fn running(index: u32, created: i64, revision: u64) -> PodFact {
    PodFact {
        node: Some(NodeName::from("node-1")),
        phase: Phase::Running,
        scheduled_at: Some(at(created)),
        started_at: Some(at(created + 1)),
        ..pod(index, created, revision)
    }
}

/// Returns the pod as it is once its worker ended with this exit code.
pub(crate) fn exited(index: u32, created: i64, revision: u64, exit_code: i32) -> PodFact {
    let reason = if exit_code == 0 { "Completed" } else { "Error" };
    PodFact {
        phase: if exit_code == 0 {
            Phase::Succeeded
        } else {
            Phase::Failed
        },
        ended: Some(Ended {
            exit_code,
            reason: reason.to_owned(),
            message: String::new(),
            started_at: Some(at(created + 1)),
            finished_at: Some(at(created + 5)),
        }),
        ..running(index, created, revision)
    }
}

/// Returns the result message of an index.
pub(crate) fn result(shards: u32, index: u32, value: i128) -> ResultMessage {
    let shard = plan(shards).shard(CompletionIndex(index)).unwrap();
    ResultMessage {
        version: RESULT_VERSION,
        job_uid: JOB.to_owned(),
        index: shard.index,
        start: shard.start,
        end: shard.end,
        processed: shard.end - shard.start,
        value,
        kernel: "primes".to_owned(),
        elapsed_ms: 4_000,
        throttled_ms: None,
    }
}

/// Gives a pod that succeeded this termination message.
pub(crate) fn saying(mut pod: PodFact, message: &ResultMessage) -> PodFact {
    if let Some(ended) = &mut pod.ended {
        ended.message = message.to_json();
    }
    pod
}

/// Returns the pod as it is once its worker gave this value.
pub(crate) fn done(shards: u32, index: u32, created: i64, revision: u64, value: i128) -> PodFact {
    saying(exited(index, created, revision, 0), &result(shards, index, value))
}

/// Applies pods as changed, one after the other; returns what was told.
pub(crate) fn apply(state: &mut RunState, pods: impl IntoIterator<Item = PodFact>) -> Vec<RunEvent> {
    pods.into_iter()
        .flat_map(|pod| state.apply_pod(at(0), Delta::Applied(Box::new(pod))))
        .collect()
}

/// Puts everything that waits for it into the ledger; returns what was told.
pub(crate) fn keep(state: &mut RunState) -> Vec<RunEvent> {
    let unkept = state.take_unkept();
    state.kept(at(0), &unkept)
}
