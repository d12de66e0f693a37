//! Facts of a run as a cluster tells them, for benches: five of each pod, with names as long as real ones.

use jiff::Timestamp;
use ttg_tui::plan::{Plan, RunId};
use ttg_tui::run::fact::{CompletionIndex, Computes, Delta, Ended, JobUid, NodeName, Phase, PodFact, PodUid};
use ttg_tui::run::state::RunState;
use ttg_worker::protocol::ResultMessage;
use ttg_worker::protocol::result::RESULT_VERSION;

/// The uid of the run's Job.
const JOB: &str = "3f0d9c1e-8a57-4b61-9d43-5f2b7e6a1c08";

/// Parameters of each shard.
const SHARD: u64 = 10;

/// Returns the plan of a run of so many shards.
pub(crate) fn plan(shards: u32) -> Plan {
    Plan {
        parameters: u64::from(shards) * SHARD,
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

/// Returns what a watch tells of one pod: made, bound, running, ended with its result, removed.
pub(crate) fn life(plan: &Plan, index: u32) -> [Delta<Box<PodFact>>; 5] {
    let at = Some(Timestamp::UNIX_EPOCH);
    let made = pod(plan, index);
    let bound = PodFact {
        revision: 2,
        node: Some(NodeName(format!("node-{}", index % 20))),
        scheduled_at: at,
        ..made.clone()
    };
    let running = PodFact {
        revision: 3,
        phase: Phase::Running,
        started_at: at,
        ..bound.clone()
    };
    let ended = PodFact {
        revision: 4,
        phase: Phase::Succeeded,
        ended: Some(Ended {
            exit_code: 0,
            reason: "Completed".to_owned(),
            message: result(plan, index),
            started_at: at,
            finished_at: at,
        }),
        ..running.clone()
    };
    let removed = PodFact {
        revision: 5,
        ..ended.clone()
    };
    [
        Delta::Applied(Box::new(made)),
        Delta::Applied(Box::new(bound)),
        Delta::Applied(Box::new(running)),
        Delta::Applied(Box::new(ended)),
        Delta::Removed(Box::new(removed)),
    ]
}

fn pod(plan: &Plan, index: u32) -> PodFact {
    PodFact {
        uid: PodUid(format!("5c2e81d4-77aa-4c19-8e02-{index:012}")),
        name: format!("{}-{index}-m2rkn", plan.run),
        revision: 1,
        job_uid: JOB.into(),
        index: Some(CompletionIndex(index)),
        node: None,
        phase: Phase::Pending,
        terminating: false,
        released: false,
        created_at: Some(Timestamp::UNIX_EPOCH),
        scheduled_at: None,
        started_at: None,
        waiting: None,
        ended: None,
        disruption: None,
        pod_reason: None,
    }
}

fn result(plan: &Plan, index: u32) -> String {
    let start = u64::from(index) * SHARD;
    let message = ResultMessage {
        version: RESULT_VERSION,
        job_uid: JOB.to_owned(),
        index: CompletionIndex(index),
        start,
        end: start + SHARD,
        processed: SHARD,
        value: i128::from(index),
        kernel: plan.kernel.clone(),
        elapsed_ms: 4_000,
        throttled_ms: None,
    };
    message.to_json()
}
