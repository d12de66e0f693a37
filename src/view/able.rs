//! Which keys do something now, and why others do not: what the footer and the help show, and what a key answers.

use super::explain;
use super::gesture::Gesture;
use crate::model::Model;
use crate::run::fact::{CompletionIndex, Reason};
use crate::run::intervals::IndexSet;
use crate::run::state::{IndexState, RunState, Stand};

/// The states that the problem keys stop at.
pub const PROBLEMS: [IndexState; 4] = [
    IndexState::Disputed,
    IndexState::Failed,
    IndexState::NoResult,
    IndexState::Retrying,
];

/// The reasons of pods for which there is no room: it may come when other workers end.
const WITHOUT_ROOM: [&str; 2] = ["Unschedulable", "FailedScheduling"];
/// About how many different reasons to wait it is remembered whether they end; thousands of pods share a few.
const REASONS_REMEMBERED: usize = 16;

/// Iterates over the pods that wait for what will not come by itself: their indexes, and why.
pub fn stuck(run: &RunState) -> impl Iterator<Item = (CompletionIndex, &Reason)> {
    let counts = run.counts();
    let room_may_come = counts.running > 0;
    let may_be = counts.pending + counts.retrying > 0;
    let mut known: Vec<(&Reason, bool)> = Vec::new();
    let pods = may_be.then(|| run.pods_now()).into_iter().flatten();
    let waiting = pods.filter(|pod| pod.stand == Stand::Waiting);
    let waiting = waiting.filter_map(|pod| Some((pod.index, pod.waiting?)));
    waiting.filter(move |(_, why)| {
        if let Some((_, is_stuck)) = known.iter().find(|(one, _)| one == why) {
            return *is_stuck;
        }
        let room_is_missing = WITHOUT_ROOM.contains(&why.reason.as_str());
        let is_stuck = explain::waits_for_ever(why) && !(room_is_missing && room_may_come);
        if known.len() < REASONS_REMEMBERED {
            known.push((*why, is_stuck));
        }
        is_stuck
    })
}

/// Returns the indexes that the problem keys stop at: those in one of the [`PROBLEMS`], and those whose pods are stuck.
pub fn problems(run: &RunState) -> IndexSet {
    let stuck: IndexSet = stuck(run).map(|(index, _)| index).collect();
    run.indexes_in(&PROBLEMS).union(&stuck)
}

/// Returns the index that is worst off; none when no index has a problem.
pub fn worst(run: &RunState) -> Option<CompletionIndex> {
    let counts = run.counts();
    let worst = PROBLEMS.into_iter().find(|state| counts.of(*state) > 0);
    let in_state = worst.and_then(|worst| {
        let mut indexes = run.indexes().filter(|(_, state)| *state == worst);
        indexes.next().map(|(index, _)| index)
    });
    in_state.or_else(|| stuck(run).next().map(|(index, _)| index))
}

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
    if seeks && PROBLEMS.iter().all(|state| counts.of(*state) == 0) && stuck(run).next().is_none() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::fact::PodFact;
    use crate::run::state::fixtures::{apply, exited, pod, running, state};

    fn waiting(index: u32, reason: &str) -> PodFact {
        PodFact {
            waiting: Some(Reason {
                reason: reason.into(),
                message: String::new(),
            }),
            ..pod(index, 1, 1)
        }
    }

    #[test]
    fn pods_that_wait_without_end_are_problems() {
        let mut state = state(8);
        apply(
            &mut state,
            [
                waiting(1, "ContainerCreating"),
                waiting(2, "ImagePullBackOff"),
                waiting(3, "Unschedulable"),
            ],
        );
        let found = |state: &RunState| problems(state).indexes().map(|index| index.0).collect::<Vec<_>>();
        assert_eq!(found(&state), [2, 3]);
        assert_eq!(worst(&state), Some(CompletionIndex(2)));
        // Room may come when the worker ends.
        apply(&mut state, [running(5, 1, 2)]);
        assert_eq!(found(&state), [2]);
        apply(&mut state, [exited(6, 1, 3, 1)]);
        assert_eq!(found(&state), [2, 6]);
        assert_eq!(
            worst(&state),
            Some(CompletionIndex(6)),
            "what failed is worse than what waits"
        );
    }
}
