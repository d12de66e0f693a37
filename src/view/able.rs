//! Which keys do something now, and why others do not: what the footer and the help show, and what a key answers.

use super::gesture::Gesture;
use crate::model::Model;
use crate::run::state::IndexState;

/// The states that the problem keys stop at.
pub const PROBLEMS: [IndexState; 4] = [
    IndexState::Disputed,
    IndexState::Failed,
    IndexState::NoResult,
    IndexState::Retrying,
];

/// What a key does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Able {
    /// It does what its row in the keymap says.
    Yes,
    /// It would, but must not; why. It is shown, less bright.
    Refused(String),
    /// There is nothing for it to do; why. It is not shown.
    Nothing(&'static str),
}

/// Tells whether a gesture does something now; without a model there is no run yet.
pub fn able(gesture: &Gesture, model: Option<&Model>) -> Able {
    let Some(model) = model else { return Able::Yes };
    let run = model.run();
    let is_change = [
        Gesture::MoreWorkers,
        Gesture::FewerWorkers,
        Gesture::ToggleSuspend,
        Gesture::Cancel,
    ]
    .contains(gesture);
    if is_change {
        if model.end().is_some() || run.is_job_over() {
            return Able::Nothing("the Job has ended: there is nothing to change");
        }
        if run.job().is_none() {
            return Able::Nothing("the Job is not on the server yet");
        }
        return model
            .may_patch()
            .map_or_else(|why| Able::Refused(why.to_owned()), |()| Able::Yes);
    }
    if *gesture == Gesture::EditYaml {
        return Able::Nothing("the Job was sent: 1 opens the form for another one");
    }
    if *gesture == Gesture::Rerun {
        return match model.end() {
            None => Able::Nothing("the run goes on; what is missing at its end can be rerun"),
            Some(_) if !model.was_submitted() => {
                Able::Nothing("the run never was on the cluster: 1 opens the form for another")
            }
            Some(_) if run.is_complete() && run.doubted().is_empty() => {
                Able::Nothing("nothing is missing: there is nothing to rerun")
            }
            Some(_) => Able::Yes,
        };
    }
    let counts = run.counts();
    let seeks = matches!(gesture, Gesture::NextProblem | Gesture::PreviousProblem);
    if seeks && PROBLEMS.iter().all(|state| counts.of(*state) == 0) {
        return Able::Nothing("no index has a problem");
    }
    Able::Yes
}

/// Returns the word of a gesture for the footer, where it depends on the run.
pub fn word(gesture: &Gesture, model: Option<&Model>, word: &'static str) -> &'static str {
    let is_suspended = model.and_then(|model| model.run().job()).is_some_and(|job| job.suspend);
    if *gesture == Gesture::ToggleSuspend && is_suspended {
        "resume"
    } else {
        word
    }
}
