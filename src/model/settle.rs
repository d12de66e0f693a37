//! What follows from the state as a whole, decided once after each drain of the queues.

use jiff::Timestamp;

use super::effect::{Effect, End, FOLLOWED_MAX, FollowTarget};
use super::{Model, Stage};
use crate::run::fact::PodUid;
use crate::run::proof::{is_proven, prove};
use crate::run::state::{IndexState, Recheck};
use crate::run::told::RunEvent;

/// How many pods at most are named to the log pool, which follows some of them and samples the rest. A sample of each takes
/// minutes beyond that, so more would not show sooner.
const FOLLOW_TARGETS_MAX: usize = 512;
/// How long no watch may deliver before the cluster counts as lost for good.
const LOST_AFTER_S: i64 = 600;

/// Decides what follows from everything received so far.
pub(super) fn settle(model: &mut Model, at: Timestamp) -> Vec<Effect> {
    if model.end().is_some() || model.stage == Stage::Submitting {
        return Vec::new();
    }
    let mut effects = Vec::new();
    let unkept = model.run.take_unkept();
    if !unkept.is_empty() {
        model.keeping += unkept.len();
        effects.push(Effect::Keep(unkept));
    }
    effects.extend(model.run.recompute_due().into_iter().map(Effect::Recompute));
    follow(model, at, &mut effects);
    if let Some(end) = ending(model, at, &mut effects) {
        model.stage = Stage::Ended(end.clone());
        effects.push(Effect::Leave(end));
    }
    effects
}

fn follow(model: &mut Model, at: Timestamp, effects: &mut Vec<Effect>) {
    if !std::mem::take(&mut model.follow_again) {
        return;
    }
    let targets = model.run.followable().take(FOLLOW_TARGETS_MAX);
    let wanted: Vec<FollowTarget> = targets
        .map(|(uid, name)| FollowTarget {
            uid,
            name: name.to_owned(),
        })
        .collect();
    if wanted != model.followed {
        let before = std::mem::replace(&mut model.followed, wanted.clone());
        let read_before: Vec<&FollowTarget> = before.iter().take(FOLLOWED_MAX).collect();
        let read = wanted.iter().take(FOLLOWED_MAX);
        let newly_read = read.filter(|target| !read_before.contains(target));
        let pods: Vec<PodUid> = newly_read.map(|target| target.uid.clone()).collect();
        model.run.expect_lines(at, &pods);
        effects.push(Effect::Follow(wanted));
    }
}

/// Tells how the session ends, if it does now.
fn ending(model: &mut Model, at: Timestamp, effects: &mut Vec<Effect>) -> Option<End> {
    if model.keeping > 0 {
        // What is on its way to the ledger is waited for: a result that was seen shall not be lost by leaving.
        return None;
    }
    if let Stage::Leaving(end) = &model.stage {
        if !model.changing.is_empty() {
            // Whoever cancels and leaves means both; each call of the server has its own limit.
            return None;
        }
        return Some(end.clone());
    }
    let counts = model.run.counts();
    if model.run.is_complete() && !recheck_is_open(model) {
        return Some(if is_proven(&prove(&model.run)) {
            End::Proven
        } else {
            End::Unproven
        });
    }
    if is_cancelled(model) && model.run.running_pods() == 0 {
        return Some(End::Cancelled);
    }
    if model.run.is_job_over() && !model.run.is_complete() {
        return over(model, counts.finished > 0, effects);
    }
    lost_for_good(model, at).then(|| {
        let what = format!("the cluster has not answered for {} minutes", LOST_AFTER_S / 60);
        let hint = Some(model.attach_command());
        effects.push(Effect::Tell(RunEvent::Trouble { what, hint }));
        End::Lost
    })
}

/// The Job is over and results are missing: list the pods once more, then say so.
fn over(model: &mut Model, some_not_kept: bool, effects: &mut Vec<Effect>) -> Option<End> {
    match model.stage {
        Stage::Watching => {
            model.stage = Stage::Collecting;
            effects.push(Effect::Collect);
            None
        }
        Stage::Collected => {
            let failed = model.run.job().is_some_and(|j| j.condition("Failed").is_some());
            let gave_up = model.run.counts().of(IndexState::Failed) > 0;
            // A result that is there and could not be kept is missing from the ledger, which is worth its own exit code.
            Some(if failed && gave_up && !some_not_kept {
                End::Failed
            } else {
                End::Unproven
            })
        }
        Stage::Submitting | Stage::Collecting | Stage::Leaving(_) | Stage::Ended(_) => None,
    }
}

/// A cancelled run is a suspended one that says who cancelled it.
fn is_cancelled(model: &Model) -> bool {
    model
        .run
        .job()
        .is_some_and(|job| job.cancelled.is_some() && job.condition("Suspended").is_some())
}

fn recheck_is_open(model: &Model) -> bool {
    model
        .run
        .rechecks()
        .any(|(_, recheck)| !matches!(recheck, Recheck::Done(_)))
}

fn lost_for_good(model: &Model, at: Timestamp) -> bool {
    model
        .lost
        .values()
        .any(|(since, _)| at.duration_since(*since).as_secs() >= LOST_AFTER_S)
}
