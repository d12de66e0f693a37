//! `ttg-tui scale`, `suspend`, `resume`, `cancel` and `delete`: one change of a run on the cluster.
//!
//! Of a run with several Jobs the newest that is not finished is changed, and all of them are deleted.

use super::{cluster_flags, find, reach, reach_flags, style, tell};
use crate::cluster::connect::Connection;
use crate::cluster::effects;
use crate::config::Config;
use crate::error::{Error, Exit};
use crate::ledger::StateFolder;
use crate::model::effect::JobChange;
use crate::model::event::Outcome;
use crate::model::twin::kubectl_twin;
use crate::report::list::changed_line;
use crate::run::fact::{Computes, JobFact};
use crate::shell::{Clock, whoami};

/// Runs the command; returns its exit code.
pub(super) async fn change(config: &Config, asked: &str, change: &JobChange) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(config, clock, false).await?;
    let found = find::named(&reached.connection, &state, asked).await?;
    let jobs: Vec<&JobFact> = match change {
        JobChange::Delete => found.all().collect(),
        JobChange::Scale(_) | JobChange::Suspend | JobChange::Resume | JobChange::Cancel => vec![found.changeable()],
    };
    let mut failed = None;
    for job in jobs {
        if let Some(refusal) = refusal(job, change, &reached.flags) {
            return Err(refusal);
        }
        // A Job that cannot be deleted is no reason to leave the others.
        if let Err(error) = change_job(config, &reached.connection, job, change, clock).await {
            failed.get_or_insert(error);
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let run = &found.newest.run;
    let is_kept = state.runs()?.iter().any(|kept| kept.as_str() == run);
    if let Some(hint) = hint(found.changeable(), change, is_kept, &reach_flags(config)) {
        tell(&format!("hint: {hint}"));
    }
    Ok(0)
}

/// Changes one Job, and says so.
async fn change_job(
    config: &Config,
    connection: &Connection,
    job: &JobFact,
    change: &JobChange,
    clock: Clock,
) -> Result<(), Error> {
    let (by, now) = (whoami(), clock.now());
    let what = match effects::change(connection, &job.name, &job.uid, change, &by, now).await {
        Outcome::Changed { what, .. } => what,
        Outcome::ChangeFailed { failure, .. } => return Err(failure.into()),
        Outcome::Submitted { .. }
        | Outcome::Postponed { .. }
        | Outcome::SubmitFailed(_)
        | Outcome::Kept(_)
        | Outcome::KeepFailed(_)
        | Outcome::Recomputed { .. }
        | Outcome::Collected
        | Outcome::CollectFailed(_) => {
            let what = format!("the change of {} was answered with what is no answer to it", job.name);
            return Err(Error::new(Exit::Failed, what));
        }
    };
    let kubectl_flags = format!("{} -n {}", cluster_flags(config), connection.namespace);
    let twin = kubectl_twin(&job.name, &kubectl_flags, change, &by, now);
    tell(&changed_line(style(config), &short_words(job), &what, &twin));
    Ok(())
}

/// Names a Job for a list: a run's first Job has the run's name.
fn short_words(job: &JobFact) -> String {
    let JobFact { name, run, .. } = job;
    if name == run {
        run.clone()
    } else {
        format!("{name} of {run}")
    }
}

/// Names a Job by its run, and by its own name where that is another.
pub(super) fn job_words(job: &JobFact) -> String {
    let JobFact { name, run, .. } = job;
    if name == run {
        format!("the Job of {run}")
    } else {
        format!("the Job {name} of {run}")
    }
}

/// Refuses what a server would take, though it can mean nothing any more.
fn refusal(job: &JobFact, change: &JobChange, flags: &str) -> Option<Error> {
    let done = match change {
        JobChange::Delete => return None,
        JobChange::Scale(_) => "scaled",
        JobChange::Suspend => "suspended",
        JobChange::Resume => "resumed",
        JobChange::Cancel => "cancelled",
    };
    if !job.is_finished() {
        return None;
    }
    let how = if job.condition("Failed").is_some() {
        "has failed"
    } else {
        "is complete"
    };
    let what = format!("{} {how}, and a finished Job cannot be {done}", job_words(job));
    Some(Error::usage(what).with_hint(format!("how it ended: ttg-tui attach {}{flags}", job.run)))
}

/// Says what can be typed next, or what the change cannot do.
fn hint(job: &JobFact, change: &JobChange, is_kept: bool, flags: &str) -> Option<String> {
    let run = &job.run;
    match change {
        JobChange::Scale(workers) if *workers > job.completions => {
            let what = match job.computes {
                Computes::Only(_) => job_words(job),
                Computes::All | Computes::Unknown(_) => "the run".to_owned(),
            };
            let shards = job.completions;
            Some(format!(
                "{what} has {shards} shards, so no more workers than that have something to do"
            ))
        }
        JobChange::Scale(_) | JobChange::Resume => None,
        JobChange::Suspend => Some(format!("it goes on with: ttg-tui resume {run}{flags}")),
        JobChange::Cancel => Some(format!("undone with: ttg-tui resume {run}{flags}")),
        JobChange::Delete if is_kept => Some(format!("what is kept of it stays: ttg-tui result {run}")),
        JobChange::Delete => Some("nothing of it is kept on this machine".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fact::{JobCondition, Reason};

    fn job(condition: Option<&str>) -> JobFact {
        let conditions = condition.map(|kind| JobCondition {
            kind: kind.to_owned(),
            holds: true,
            why: Reason::default(),
            since: None,
        });
        JobFact {
            name: "ttg-a".to_owned(),
            run: "ttg-a".to_owned(),
            completions: 12,
            conditions: conditions.into_iter().collect(),
            ..JobFact::default()
        }
    }

    #[test]
    fn a_finished_job_can_only_be_deleted() {
        let table = [
            (JobChange::Scale(5), Some("scaled")),
            (JobChange::Suspend, Some("suspended")),
            (JobChange::Resume, Some("resumed")),
            (JobChange::Cancel, Some("cancelled")),
            (JobChange::Delete, None),
        ];
        for (change, done) in table {
            for (condition, how) in [("Complete", "is complete"), ("Failed", "has failed")] {
                let said = refusal(&job(Some(condition)), &change, " -n lab").map(|error| error.to_string());
                let expected = done.map(|done| format!("the Job of ttg-a {how}, and a finished Job cannot be {done}"));
                assert_eq!(said, expected, "{change:?}");
            }
            for condition in [None, Some("Suspended")] {
                assert_eq!(refusal(&job(condition), &change, ""), None, "{change:?}");
            }
        }
        let rerun = JobFact {
            name: "ttg-a-r1".to_owned(),
            ..job(Some("Complete"))
        };
        let said = refusal(&rerun, &JobChange::Resume, "").unwrap().to_string();
        assert!(said.starts_with("the Job ttg-a-r1 of ttg-a is complete, "), "{said}");
        assert_eq!(
            [short_words(&rerun), short_words(&job(None))],
            ["ttg-a-r1 of ttg-a", "ttg-a"]
        );
        let refused = refusal(&job(Some("Complete")), &JobChange::Resume, " -n lab").unwrap();
        assert_eq!(refused.exit_code(), 2);
        assert_eq!(refused.hint(), Some("how it ended: ttg-tui attach ttg-a -n lab"));
    }

    #[test]
    fn a_hint_says_what_can_be_typed_next() {
        let said = |change: JobChange, is_kept| hint(&job(None), &change, is_kept, " -n lab").unwrap_or_default();
        let table = [
            (JobChange::Scale(12), true, ""),
            (
                JobChange::Scale(13),
                true,
                "the run has 12 shards, so no more workers than that have something to do",
            ),
            (JobChange::Resume, true, ""),
            (JobChange::Suspend, true, "it goes on with: ttg-tui resume ttg-a -n lab"),
            (JobChange::Cancel, true, "undone with: ttg-tui resume ttg-a -n lab"),
            (
                JobChange::Delete,
                true,
                "what is kept of it stays: ttg-tui result ttg-a",
            ),
            (JobChange::Delete, false, "nothing of it is kept on this machine"),
        ];
        for (change, is_kept, expected) in table {
            assert_eq!(said(change.clone(), is_kept), expected, "{change:?}");
        }
    }
}
