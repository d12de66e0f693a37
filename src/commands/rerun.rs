//! `ttg-tui rerun`: one more Job of a run, for its missing and disputed indexes alone. Its results complete the same run.
//!
//! What is computed again follows from the ledger and from what the pods of the run's Jobs still say, so that nothing is computed
//! twice. Values that differ are set aside on disk before the new Job is made: whatever happens then, they no longer count.

use super::change::job_words;
use super::collect::{Collected, collect, own};
use super::result::{checked_throughout, restored, summary};
use super::run::confirm;
use super::{Reached, Watched, detach, find, form, print, reach, reach_flags, tell, watch};
use crate::cli::RerunFlags;
use crate::cluster::connect::Connection;
use crate::cluster::effects;
use crate::config::{Config, Where};
use crate::error::{Error, Exit};
use crate::ledger::{FindError, KeptRun, LedgerError, StateFolder};
use crate::model::event::Task;
use crate::plan::rerun::INDEXES_BYTES_MAX;
use crate::plan::{Plan, Rerun, RunId};
use crate::report::lines::Lines;
use crate::run::fact::{JobFact, JobUid};
use crate::run::intervals::IndexSet;
use crate::run::partial::SetAside;
use crate::run::state::{IndexState, RunState};
use crate::run::summary::{Headline, Summary};
use crate::run::told::RunEvent;
use crate::shell::{Clock, Form, summary_in};

/// What a rerun computes, and what no longer counts from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decision {
    indexes: IndexSet,
    /// How many more there are than fit into one Job.
    left: u64,
    set_aside: Vec<SetAside>,
}

/// A rerun that is decided and not begun. It holds the run's ledger, so that nobody writes there meanwhile.
pub struct Prepared {
    collected: Collected,
    decision: Decision,
    number: u32,
}

impl Prepared {
    /// Returns the indexes that it computes.
    pub fn indexes(&self) -> &IndexSet {
        &self.decision.indexes
    }

    /// Sets aside on disk what no longer counts, and lets go of the ledger: the session that submits the rerun opens it again.
    pub fn begin(mut self, workers: u32) -> Result<Rerun, Error> {
        let set_aside = self.collected.ledger.set_aside(&self.decision.set_aside);
        set_aside.map_err(|why| {
            let run = &self.collected.run.plan().run;
            let what = format!("cannot write the ledger of {run}: {why}; nothing was submitted");
            Error::new(Exit::Unproven, what)
        })?;
        Ok(Rerun {
            number: self.number,
            indexes: self.decision.indexes,
            workers,
        })
    }
}

/// Runs the command; returns its exit code.
pub(super) async fn rerun(config: &Config, flags: &RerunFlags) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let run = kept_run(config, &state, &flags.run)?;
    let kept = state.read_run(&run)?;
    let known = known_of(&kept);
    if known.headline == Headline::Proven {
        return end_without(config, &known);
    }
    let plan = kept.plan;
    plan.check()?;
    if flags.detach {
        detach::check(config)?;
    }
    let reached = reach(config, clock, !flags.detach).await?;
    let prepared = prepare(&reached.connection, &reached.flags, clock, &state, &plan, &known);
    let Some(prepared) = Box::pin(prepared).await? else {
        return end_without(config, &summary(&state.read_run(&run)?));
    };
    let decision = prepared.decision.clone();
    if config.target != Where::Local && !flags.yes {
        let what = format!(
            "a rerun of {} of {} shards of {run}",
            decision.indexes.len(),
            plan.shards
        );
        confirm(&what, &reached.connection.cluster, &reached.connection.namespace)?;
    }
    let rerun = prepared.begin(flags.workers.unwrap_or(plan.workers))?;
    if decision.left > 0 {
        let left = decision.left;
        tell(&format!(
            "{left} more indexes do not fit into one Job: another rerun computes them"
        ));
    }
    let kept = state.read_run(&run)?;
    if flags.detach {
        tell_set_aside(config, &plan, &restored(&kept), &decision);
        return submit_and_leave(config, clock, &reached, &state, plan, rerun).await;
    }
    let watched = Watched {
        plan,
        task: Task::Rerun(rerun),
        job: None,
        kept: kept.results(),
    };
    Box::pin(watch(reached, config, clock, state, watched)).await
}

/// Returns what is known of a run before a rerun of it, from what is kept alone. Where the total cannot be right and nothing says
/// which shard is to blame, every shard is computed again here.
pub fn known_of(kept: &KeptRun) -> Summary {
    let known = summary(kept);
    if known.headline == Headline::Proven || !is_whole_and_wrong(&known) {
        return known;
    }
    let run = &known.run;
    tell(&format!(
        "every index of {run} is accepted, and the total cannot be right: every shard is computed again here to find the wrong one"
    ));
    checked_throughout(kept)
}

/// Tells whether nothing is missing, and still nothing says which shard is to blame for a proof that fails.
fn is_whole_and_wrong(known: &Summary) -> bool {
    known.accepted == known.shards && known.disputed.is_empty() && known.doubted.is_empty()
}

/// Finds the run that is meant among those that are kept here.
fn kept_run(config: &Config, state: &StateFolder, asked: &str) -> Result<RunId, Error> {
    state.find(asked).map_err(|error| {
        let is_unknown = matches!(error, FindError::Unknown { .. });
        let error = Error::from(error);
        if is_unknown {
            let flags = reach_flags(config);
            error.with_hint(format!(
                "a rerun needs what is kept here; of a run that only its cluster knows, this collects it: ttg-tui attach {asked}{flags}"
            ))
        } else {
            error
        }
    })
}

/// Says that there is nothing to compute, and how the run stands; returns the exit code.
fn end_without(config: &Config, known: &Summary) -> Result<u8, Error> {
    let run = &known.run;
    tell(&match known.headline {
        Headline::Proven => format!("nothing to rerun: {run} is proven"),
        Headline::Incomplete | Headline::NotProven | Headline::Failed | Headline::Cancelled | Headline::Unfinished => {
            format!("nothing to rerun: every index of {run} is accepted")
        }
    });
    print(summary_in(form(config), known).as_bytes())?;
    Ok(known.exit_code)
}

/// Collects what the run's Jobs still say, and decides what is computed again. None when nothing is left to be computed.
///
/// `flags` find the same cluster and namespace, with a space before each, and `known` is what [`known_of`] returned. Fails while
/// a Job of the run goes on, or another program writes its ledger.
pub async fn prepare(
    connection: &Connection,
    flags: &str,
    clock: Clock,
    state: &StateFolder,
    plan: &Plan,
    known: &Summary,
) -> Result<Option<Prepared>, Error> {
    let runs = find::runs(connection).await?;
    let of_run = runs.iter().find(|jobs| jobs.newest.run == plan.run.as_str());
    let named: Vec<&JobFact> = of_run.map(|jobs| jobs.all().collect()).unwrap_or_default();
    let number = named.iter().map(|job| Rerun::number_in(&job.name)).max();
    let mut jobs = own(named.into_iter(), plan);
    if let Some(job) = jobs.iter().find(|job| job.goes_on()) {
        return Err(still_runs(job, flags));
    }
    jobs.reverse();
    let collected = collect(connection, state, plan, &jobs, clock.now()).await?;
    let collected = collected.ok_or_else(|| {
        let busy = Error::from(LedgerError::Busy { run: plan.run.clone() });
        busy.with_hint("end that program first: it would take the old results for the new ones")
    })?;
    let doubted = known.doubted.union(&state.read_run(&plan.run)?.results().doubted);
    let decision = decide(&collected.run, &doubted, &collected.job_uids);
    if decision.indexes.is_empty() {
        return Ok(None);
    }
    Ok(Some(Prepared {
        collected,
        decision,
        number: number.unwrap_or(0).saturating_add(1),
    }))
}

fn still_runs(job: &JobFact, flags: &str) -> Error {
    let run = &job.run;
    Error::usage(format!("{} still runs, and may bring what is missing", job_words(job))).with_hint(format!(
        "watch it with: ttg-tui attach {run}{flags}, or stop it first with: ttg-tui cancel {run}{flags}"
    ))
}

/// Decides what is computed again: every index without an accepted value, and those of which the value is doubted. Of an index
/// with values that differ, or with a doubted one, the results of all Jobs so far are set aside.
fn decide(run: &RunState, doubted: &IndexSet, job_uids: &[JobUid]) -> Decision {
    let believed = run.indexes_in(&[IndexState::Accepted]).difference(doubted);
    let wanted = believed.complement(run.plan().shards);
    let indexes = wanted.beginning(INDEXES_BYTES_MAX);
    let suspect = run.indexes_in(&[IndexState::Disputed]).union(doubted);
    // Also of those that do not fit into this Job: they are missing until another one computes them.
    let set_aside = suspect
        .indexes()
        .map(|index| SetAside {
            index,
            job_uids: job_uids.to_vec(),
        })
        .collect();
    Decision {
        left: wanted.len().saturating_sub(indexes.len()),
        indexes,
        set_aside,
    }
}

/// Says what was set aside, where no session does.
fn tell_set_aside(config: &Config, plan: &Plan, run: &RunState, decision: &Decision) {
    let Form::Text(style) = form(config) else { return };
    let lines = Lines::new(style, plan);
    for SetAside { index, .. } in &decision.set_aside {
        let values = run.values_set_aside(*index);
        let event = RunEvent::SetAside { index: *index, values };
        if let Some(line) = lines.line(0, &event) {
            tell(&line);
        }
    }
}

/// Submits the rerun and leaves it to the cluster; returns the exit code.
async fn submit_and_leave(
    config: &Config,
    clock: Clock,
    reached: &Reached,
    state: &StateFolder,
    plan: Plan,
    rerun: Rerun,
) -> Result<u8, Error> {
    let began = clock.now();
    let early = detach::Early::new(config, clock, &plan);
    let tell_wait = |after_ms, why| early.tell(&RunEvent::Postponed { after_ms, why });
    // On the heap, as objects of Kubernetes are large.
    let outcome = Box::pin(effects::submit_rerun(&reached.connection, plan, rerun, &tell_wait)).await;
    detach::conclude(config, (began, clock.now()), reached, state, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fact::{CompletionIndex, PodFact};
    use crate::run::state::fixtures::{apply, done, keep, state};

    #[test]
    fn what_is_missing_disputed_or_doubted_is_computed_again() {
        let other = |pod: PodFact| PodFact {
            uid: "other".into(),
            ..pod
        };
        let mut run = state(6);
        let disputed = [done(6, 1, 0, 5, 7), other(done(6, 1, 10, 6, 8))];
        apply(&mut run, disputed);
        apply(&mut run, [0, 3, 5].map(|index| done(6, index, 0, 7, 9)));
        keep(&mut run);
        let jobs = [JobUid::from("job-1"), JobUid::from("job-0")];
        let doubted: IndexSet = [CompletionIndex(3)].into_iter().collect();
        let decision = decide(&run, &doubted, &jobs);
        assert_eq!((decision.indexes.to_string().as_str(), decision.left), ("1-4", 0));
        let set_aside: Vec<u32> = decision.set_aside.iter().map(|one| one.index.0).collect();
        assert_eq!(set_aside, [1, 3]);
        assert!(decision.set_aside.iter().all(|one| one.job_uids == jobs));

        apply(&mut run, [2, 4].map(|index| done(6, index, 0, 8, 9)));
        keep(&mut run);
        assert_eq!(decide(&run, &IndexSet::default(), &jobs).indexes.to_string(), "1");
    }

    #[test]
    fn what_does_not_fit_into_one_job_is_left_for_another() {
        let mut run = state(40_000);
        let odd = (0..40_000).skip(1).step_by(2).map(|index| done(40_000, index, 0, 5, 1));
        apply(&mut run, odd);
        keep(&mut run);
        let decision = decide(&run, &IndexSet::default(), &[]);
        assert!(decision.indexes.to_string().len() <= INDEXES_BYTES_MAX);
        assert!(decision.left > 0);
        assert_eq!(decision.indexes.len() + decision.left, 20_000);
    }
}
