//! `ttg-tui scale`, `suspend`, `resume`, `cancel` and `delete`: one change of a run on the cluster.

use super::{cluster_flags, find, reach, reach_flags, style, tell};
use crate::cluster::effects;
use crate::config::Config;
use crate::error::{Error, Exit};
use crate::ledger::StateFolder;
use crate::model::effect::JobChange;
use crate::model::event::Outcome;
use crate::report::list::changed_line;
use crate::run::fact::JobFact;
use crate::shell::{Clock, whoami};

/// Runs the command; returns its exit code.
pub(super) async fn change(config: &Config, asked: &str, change: &JobChange) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let reached = reach(config, clock, false).await?;
    let connection = &reached.connection;
    let job = find::named(connection, &state, asked).await?;
    if let Some(refusal) = refusal(&job, change, &reached.flags) {
        return Err(refusal);
    }
    let (by, now) = (whoami(), clock.now());
    let what = match effects::change(connection, &job.name, &job.uid, change, &by, now).await {
        Outcome::Changed { what, .. } => what,
        Outcome::ChangeFailed { failure, .. } => return Err(failure.into()),
        Outcome::Submitted { .. }
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
    let twin = effects::kubectl_twin(&job.name, &kubectl_flags, change, &by, now);
    tell(&changed_line(style(config), &job.name, &what, &twin));
    let is_kept = state.runs()?.iter().any(|run| run.as_str() == job.name);
    if let Some(hint) = hint(&job, change, is_kept, &reach_flags(config)) {
        tell(&format!("hint: {hint}"));
    }
    Ok(0)
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
    let (run, how) = (
        &job.name,
        if job.condition("Failed").is_some() {
            "has failed"
        } else {
            "is complete"
        },
    );
    let what = format!("the Job of {run} {how}, and a finished Job cannot be {done}");
    Some(Error::usage(what).with_hint(format!("how it ended: ttg-tui attach {run}{flags}")))
}

/// Says what can be typed next, or what the change cannot do.
fn hint(job: &JobFact, change: &JobChange, is_kept: bool, flags: &str) -> Option<String> {
    let run = &job.name;
    match change {
        JobChange::Scale(workers) if *workers > job.completions => Some(format!(
            "the run has {} shards, so no more workers than that have something to do",
            job.completions
        )),
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
