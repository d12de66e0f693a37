//! Takes what the pods of a run's Jobs still say into the run's ledger, before anything is decided by it.
//!
//! A session watches one Job. What the pods of the Jobs before it say is collected here, once. Must not know what is decided.

use jiff::Timestamp;

use super::find::plan_of;
use super::result::restored;
use super::tell;
use crate::cluster::connect::Connection;
use crate::cluster::watch::list_pods;
use crate::error::{Error, Exit};
use crate::ledger::{Ledger, LedgerError, OpenRun, StateFolder};
use crate::plan::Plan;
use crate::run::fact::{Delta, JobFact, JobUid};
use crate::run::state::RunState;

/// A run with all that was collected, and its ledger, open for writing.
pub(super) struct Collected {
    /// The state of the run.
    pub(super) run: RunState,
    /// The ledger.
    pub(super) ledger: Ledger,
    /// Every Job that is known: those that were asked, and those of which something was kept before.
    pub(super) job_uids: Vec<JobUid>,
}

/// Collects what the pods of these Jobs say, the oldest Job first; none when another program writes the run's ledger.
pub(super) async fn collect(
    connection: &Connection,
    state: &StateFolder,
    plan: &Plan,
    jobs: &[&JobFact],
    at: Timestamp,
) -> Result<Option<Collected>, Error> {
    let Some(mut collected) = open(state, plan)? else {
        return Ok(None);
    };
    let run = &mut collected.run;
    for job in jobs {
        run.watch_job(&job.uid, &job.computes);
        for pod in list_pods(connection, &job.uid, &job.computes).await? {
            run.apply_pod(at, Delta::Applied(Box::new(pod)));
        }
    }
    let found = run.take_unkept();
    let unwritten = |why: std::io::Error| {
        Error::new(
            Exit::Unproven,
            format!("cannot write the ledger of {}: {why}", plan.run),
        )
    };
    collected.ledger.append(&found).map_err(unwritten)?;
    run.kept(at, &found);
    collected.job_uids.extend(jobs.iter().map(|job| job.uid.clone()));
    collected.job_uids.sort_unstable();
    collected.job_uids.dedup();
    Ok(Some(collected))
}

/// Opens the ledger of a run for writing, or makes it; none when another program does.
fn open(state: &StateFolder, plan: &Plan) -> Result<Option<Collected>, Error> {
    let (ledger, kept) = match state.open_run(&plan.run) {
        Ok(OpenRun::Writer { ledger, kept }) => (ledger, kept),
        Ok(OpenRun::Reader { .. }) => return Ok(None),
        Err(LedgerError::NotKept { .. }) => match state.create_run(plan) {
            Ok(ledger) => (ledger, state.read_run(&plan.run)?),
            Err(LedgerError::Busy { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        },
        Err(error) => return Err(error.into()),
    };
    kept.fits(plan)?;
    Ok(Some(Collected {
        run: restored(&kept),
        ledger,
        job_uids: kept.partials.into_iter().map(|partial| partial.job_uid).collect(),
    }))
}

/// Picks the Jobs that compute the same as this plan; of the others it is said that they are left out.
pub(super) fn own<'a>(jobs: impl Iterator<Item = &'a JobFact>, plan: &Plan) -> Vec<&'a JobFact> {
    let mut own = Vec::new();
    for job in jobs {
        match plan_of(job) {
            Ok(other) if other.is_same_computation(plan) => own.push(job),
            Ok(_) => tell(&format!(
                "the Job {} is left out: it is of another computation",
                job.name
            )),
            Err(error) => tell(&format!("the Job {} is left out: {error}", job.name)),
        }
    }
    own
}
