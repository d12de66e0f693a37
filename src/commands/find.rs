//! Which run on the cluster is meant, and which of its Jobs.
//!
//! A run has one Job, and one more for each rerun. All carry the run's name in a label, and the run's plan.

use std::cmp::Reverse;

use crate::cluster::connect::Connection;
use crate::cluster::watch::find_runs;
use crate::error::Error;
use crate::ledger::{FindError, StateFolder, find_run};
use crate::model::event::Failure;
use crate::plan::job::plan_from_annotation;
use crate::plan::{Plan, Rerun, RunId};
use crate::run::fact::{Computes, JobFact};
use crate::run::intervals::IndexSet;

/// The Jobs of one run, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunJobs {
    /// The Job that was made last.
    pub(super) newest: JobFact,
    /// Those before it, the newest first.
    pub(super) earlier: Vec<JobFact>,
}

impl RunJobs {
    /// Iterates over all Jobs, the newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &JobFact> {
        std::iter::once(&self.newest).chain(&self.earlier)
    }

    /// Returns the Job to look at: the newest that goes on, else the newest of all.
    pub(super) fn current(&self) -> &JobFact {
        self.all().find(|job| job.goes_on()).unwrap_or(&self.newest)
    }

    /// Returns the Job that can be changed: the newest that is not finished, else the newest of all.
    pub(super) fn changeable(&self) -> &JobFact {
        self.all().find(|job| !job.is_finished()).unwrap_or(&self.newest)
    }

    /// Returns the first Job that is there: the others are reruns.
    pub(super) fn first(&self) -> &JobFact {
        self.earlier.last().unwrap_or(&self.newest)
    }
}

/// Lists the runs on the cluster, the one with the newest Job first.
pub(super) async fn runs(connection: &Connection) -> Result<Vec<RunJobs>, Failure> {
    Ok(grouped(find_runs(connection).await?))
}

/// Puts Jobs together by their run.
fn grouped(mut jobs: Vec<JobFact>) -> Vec<RunJobs> {
    // Creation times are whole seconds; of two Jobs of one second the later rerun has the higher number.
    jobs.sort_by_key(|job| Reverse((job.created_at, Rerun::number_in(&job.name))));
    let mut runs: Vec<RunJobs> = Vec::new();
    for job in jobs {
        match runs.iter_mut().find(|run| run.newest.run == job.run) {
            Some(run) => run.earlier.push(job),
            None => runs.push(RunJobs {
                newest: job,
                earlier: Vec::new(),
            }),
        }
    }
    runs
}

/// Finds the run with exactly this name, or of which a Job has it, or the only one whose name begins so.
pub(super) async fn named(connection: &Connection, state: &StateFolder, asked: &str) -> Result<RunJobs, Error> {
    let mut runs = runs(connection).await?;
    match position(&runs, asked) {
        Ok(Some(position)) => Ok(runs.swap_remove(position)),
        Ok(None) => Err(none_in(connection)),
        Err(error) => Err(unknown(connection, state, asked, error)),
    }
}

/// Returns where the run is that is asked for.
fn position(runs: &[RunJobs], asked: &str) -> Result<Option<usize>, FindError> {
    let of_run = |name: &str| runs.iter().position(|run| run.newest.run == name);
    let of_job = || runs.iter().position(|run| run.all().any(|job| job.name == asked));
    if let Some(exact) = of_run(asked).or_else(of_job) {
        return Ok(Some(exact));
    }
    let ids = runs.iter().filter_map(|run| RunId::parse(&run.newest.run).ok());
    find_run(asked, &ids.collect::<Vec<RunId>>()).map(|found| of_run(found.as_str()))
}

/// Says what is kept of a run that is not on the cluster.
fn unknown(connection: &Connection, state: &StateFolder, asked: &str, error: FindError) -> Error {
    // A name that could be any of several Jobs is not that of a Job that is gone.
    let is_unknown = matches!(error, FindError::Unknown { .. });
    let kept = if is_unknown { state.find(asked).ok() } else { None };
    match kept {
        Some(run) => Error::usage(format!("the Job of {run} is gone from {}", connection.namespace))
            .with_hint(format!("what is kept of it: ttg-tui result {run}")),
        None => error.into(),
    }
}

/// Finds the newest run, one that goes on before one that has ended.
pub(super) async fn newest(connection: &Connection) -> Result<RunJobs, Error> {
    let runs = runs(connection).await?;
    let newest = runs
        .into_iter()
        // Of equal ones this takes the first, which is the newest.
        .min_by_key(|run| run.current().is_finished());
    newest.ok_or_else(|| none_in(connection))
}

fn none_in(connection: &Connection) -> Error {
    Error::usage(format!("there is no run in {}", connection.namespace))
        .with_hint("start one with `ttg-tui run`, or name another namespace with -n NS")
}

/// Reads the plan of a run from a Job, and refuses a Job of another shape.
pub(super) fn plan_of(job: &JobFact) -> Result<Plan, Error> {
    let Some(annotation) = &job.plan_json else {
        let what = format!("the Job {} in {} carries no plan", job.name, job.namespace);
        return Err(Error::usage(what).with_hint("only runs that ttg-tui made can be attached to"));
    };
    let plan = plan_from_annotation(annotation)?;
    let why = match &job.computes {
        Computes::Only(indexes) if indexes.difference(&every_index(&plan)).is_empty() => return Ok(plan),
        Computes::All if job.completions == plan.shards => return Ok(plan),
        Computes::All => format!("it has {} completions for {} shards", job.completions, plan.shards),
        Computes::Only(_) => format!("it computes indexes beyond its {} shards", plan.shards),
        Computes::Unknown(why) => why.clone(),
    };
    let what = format!("nobody can tell what the Job {} computes: {why}", job.name);
    Err(Error::usage(what).with_hint(format!(
        "kubectl describe job {} -n {} shows it",
        job.name, job.namespace
    )))
}

fn every_index(plan: &Plan) -> IndexSet {
    IndexSet::default().complement(plan.shards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fact::{JobCondition, Reason};

    fn job(run: &str, name: &str, second: i64, state: &str) -> JobFact {
        let condition = |kind: &str| JobCondition {
            kind: kind.to_owned(),
            holds: true,
            why: Reason::default(),
            since: None,
        };
        JobFact {
            name: name.to_owned(),
            run: run.to_owned(),
            created_at: Some(jiff::Timestamp::from_second(second).unwrap()),
            suspend: state == "Suspended",
            conditions: [state]
                .into_iter()
                .filter(|state| !state.is_empty())
                .map(condition)
                .collect(),
            ..JobFact::default()
        }
    }

    #[test]
    fn jobs_are_put_together_by_their_run() {
        let jobs = vec![
            job("a", "a", 1, "Failed"),
            job("b", "b", 5, ""),
            job("a", "a-r1", 2, ""),
            job("a", "a-r10", 7, ""),
            job("a", "a-r9", 7, ""),
        ];
        let names: Vec<Vec<String>> = grouped(jobs)
            .iter()
            .map(|run| run.all().map(|job| job.name.clone()).collect())
            .collect();
        assert_eq!(names, [vec!["a-r10", "a-r9", "a-r1", "a"], vec!["b"]]);
    }

    #[test]
    fn a_run_is_found_by_the_name_of_any_of_its_jobs() {
        let jobs = vec![
            job("ttg-a", "ttg-a-r1", 2, ""),
            job("ttg-a", "ttg-a", 1, "Failed"),
            job("ttg-a-r12", "ttg-a-r12", 3, ""),
            job("ttg-b", "ttg-b-r3", 4, ""),
        ];
        let runs = grouped(jobs);
        let table = [
            ("ttg-a", "ttg-a"),
            ("ttg-a-r1", "ttg-a"),
            ("ttg-a-r12", "ttg-a-r12"),
            ("ttg-b", "ttg-b"),
            ("ttg-b-r3", "ttg-b"),
            ("ttg-b-r", ""),
            ("ttg-a-", "ttg-a-r12"),
            ("ttg-", ""),
        ];
        for (asked, run) in table {
            let found = position(&runs, asked).ok().flatten();
            let name = found.map_or("", |position| runs[position].newest.run.as_str());
            assert_eq!(name, run, "{asked}");
        }
    }

    #[test]
    fn what_goes_on_is_looked_at_and_what_is_not_finished_is_changed() {
        let table = [
            // The states of the Jobs from the first on; the one to look at; the one to change.
            (["Failed", "", ""], 2, 2),
            (["Failed", "", "Complete"], 1, 1),
            (["Suspended", "Failed", "Complete"], 2, 0),
            (["Failed", "Suspended", "Complete"], 2, 1),
            (["Failed", "Failed", "Suspended"], 2, 2),
            (["", "Suspended", "Complete"], 0, 1),
            (["Failed", "Failed", "Failed"], 2, 2),
        ];
        for (states, current, changeable) in table {
            let jobs = (0..)
                .zip(states)
                .map(|(at, state)| job("a", &format!("a-r{at}"), at, state));
            let run = grouped(jobs.collect()).remove(0);
            assert_eq!(run.current().name, format!("a-r{current}"), "{states:?}");
            assert_eq!(run.changeable().name, format!("a-r{changeable}"), "{states:?}");
            assert_eq!(run.first().name, "a-r0");
        }
    }

    #[test]
    fn a_job_that_does_not_fit_its_plan_is_refused() {
        let plan = Plan::new(RunId::parse("a").unwrap());
        let of = |computes: Computes, completions: u32| {
            plan_of(&JobFact {
                plan_json: Some(serde_json::to_string(&plan).unwrap()),
                computes,
                completions,
                ..job("a", "a-r1", 1, "")
            })
            .map_err(|error| error.to_string())
        };
        let only = |text: &str| Computes::Only(IndexSet::parse(text, 100).unwrap());
        assert_eq!(of(Computes::All, 12), Ok(plan.clone()));
        assert_eq!(of(only("3,11"), 2), Ok(plan.clone()));
        for (computes, completions, words) in [
            (Computes::All, 3, "it has 3 completions for 12 shards"),
            (only("3,12"), 2, "indexes beyond its 12 shards"),
            (Computes::Unknown("it is odd".to_owned()), 2, "it is odd"),
        ] {
            let error = of(computes, completions).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let error = plan_of(&job("a", "a", 1, "")).unwrap_err();
        assert!(error.to_string().contains("carries no plan"), "{error}");
    }
}
