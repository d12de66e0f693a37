//! The keys that work on every screen of a run: workers, suspend, cancel, copy, YAML, rerun. Pure.
//!
//! What cannot be done now is answered with the reason, never with silence.

use jiff::Timestamp;

use super::gesture::{Act, Answer, Gesture, Question};
use super::words;
use crate::model::Model;
use crate::model::change::ChangeStage;
use crate::model::effect::JobChange;
use crate::model::intent::Intent;
use crate::plan::manifest::manifest;
use crate::plan::names::RUN_LABEL;
use crate::run::fact::JobFact;

/// Takes a gesture that means the same on every screen of a run; none for the others.
pub fn take(gesture: &Gesture, model: &Model, at: Timestamp) -> Option<Vec<Act>> {
    let act = if *gesture == Gesture::MoreWorkers {
        changed(model, |job| scale(model, workers(model, job).saturating_add(1)))
    } else if *gesture == Gesture::FewerWorkers {
        changed(model, |job| scale(model, workers(model, job).saturating_sub(1)))
    } else if *gesture == Gesture::ToggleSuspend {
        changed(model, |job| Ok(Act::Intent(toggled(model, job))))
    } else if *gesture == Gesture::Cancel {
        changed(model, |job| cancel(model, job, at))
    } else if *gesture == Gesture::Copy {
        Act::Copy(twin(model))
    } else if *gesture == Gesture::Yaml {
        yaml(model)
    } else if *gesture == Gesture::Rerun {
        rerun(model)
    } else {
        return None;
    };
    Some(vec![act])
}

/// Returns why the Job cannot be changed now; none when it can.
pub fn refusal(model: &Model) -> Option<String> {
    let run = model.run();
    if model.end().is_some() || run.is_job_over() {
        Some("the run has ended: there is nothing left to change".to_owned())
    } else if run.job().is_none() {
        Some("the Job is not stored yet".to_owned())
    } else {
        let why = model.may_patch().err()?;
        Some(format!("your rights do not allow to change the Job: {why}"))
    }
}

/// Returns the command of kubectl for what was done last, or the one that lists the run's pods.
pub fn twin(model: &Model) -> String {
    if let Some(change) = model.change() {
        return change.twin.clone();
    }
    let run = &model.run().plan().run;
    format!("kubectl get pods -l {RUN_LABEL}={run}{}", reach_flags(model))
}

/// Returns the flags by which kubectl finds the run's objects, with a space before each.
pub fn reach_flags(model: &Model) -> String {
    let place = model.place();
    let mut flags = place.reach_flags;
    if !flags.contains(" -n ") {
        flags.extend([" -n ", &place.namespace]);
    }
    flags
}

fn changed(model: &Model, act: impl FnOnce(&JobFact) -> Result<Act, String>) -> Act {
    let refused = refusal(model).map_or(Ok(()), Err);
    let job = model.run().job().ok_or_else(String::new);
    refused.and(job).and_then(act).unwrap_or_else(Act::Say)
}

/// Returns how many workers the Job has, or will have once what was asked last is done: two presses of `+` are two workers.
fn workers(model: &Model, job: &JobFact) -> u32 {
    match model.change().map(|now| (&now.change, &now.stage)) {
        Some((JobChange::Scale(workers), ChangeStage::Asked | ChangeStage::Accepted(_))) => *workers,
        Some(_) | None => job.parallelism,
    }
}

fn scale(model: &Model, workers: u32) -> Result<Act, String> {
    let shards = model.run().plan().shards;
    if workers == 0 {
        Err("1 worker is the least; s suspends the run, x cancels it".to_owned())
    } else if workers > shards {
        let shards = words::count(u64::from(shards), "shard", "shards");
        Err(format!(
            "{shards} need no more workers: another one would find nothing to do"
        ))
    } else {
        Ok(Act::Intent(Intent::Scale(workers)))
    }
}

fn toggled(model: &Model, job: &JobFact) -> Intent {
    let is_suspended = match model.change().map(|now| (&now.change, &now.stage)) {
        Some((JobChange::Suspend | JobChange::Cancel, ChangeStage::Asked)) => true,
        Some((JobChange::Resume, ChangeStage::Asked)) => false,
        Some(_) | None => job.suspend,
    };
    if is_suspended { Intent::Resume } else { Intent::Suspend }
}

fn cancel(model: &Model, job: &JobFact, at: Timestamp) -> Result<Act, String> {
    if job.suspend && job.cancelled.is_some() {
        return Err(format!("{} is cancelled already; s resumes it", job.name));
    }
    let place = model.place();
    let running = model.run().running_pods();
    let running = words::count(u64::try_from(running).unwrap_or(u64::MAX), "worker", "workers");
    Ok(Act::Ask(Question {
        text: format!("Cancel Job {} in {}/{}?", job.name, place.cluster, place.namespace),
        notes: vec![
            format!("The Job is suspended and marked as cancelled; {running} that run now are ended."),
            "Results that are in the ledger stay there.".to_owned(),
            format!("$ {}", model.twin(&JobChange::Cancel, at)),
        ],
        answers: vec![
            Answer {
                key: 'n',
                text: "No, let it run".to_owned(),
                acts: Vec::new(),
            },
            Answer {
                key: 'y',
                text: "Yes, cancel it".to_owned(),
                acts: vec![Act::Intent(Intent::Cancel)],
            },
        ],
    }))
}

fn yaml(model: &Model) -> Act {
    let plan = model.run().plan();
    match manifest(plan, Some(&model.place().namespace)) {
        Ok(text) => Act::Page {
            title: format!("{} as it was planned: ConfigMap and Job", plan.run),
            lines: text.lines().map(str::to_owned).collect(),
        },
        Err(why) => Act::Say(why.to_string()),
    }
}

fn rerun(model: &Model) -> Act {
    let run = model.run();
    if model.end().is_none() {
        Act::Say("the run still goes on; what is missing can be run again once it has ended".to_owned())
    } else if !model.was_submitted() {
        Act::Say("the run never was on the cluster: 1 opens the form for another".to_owned())
    } else if run.is_complete() && run.doubted().is_empty() {
        Act::Say("nothing is missing: every index is in the ledger".to_owned())
    } else {
        Act::Ask(rerun_question(model))
    }
}

/// Asks before one more Job is made; how many indexes of which run it computes is said.
fn rerun_question(model: &Model) -> Question {
    let run = model.run();
    let plan = run.plan();
    let missing = plan.shards.saturating_sub(run.accepted());
    let doubted = run.doubted().len();
    let indexes = words::count(u64::from(missing) + doubted, "index", "indexes");
    let place = model.place();
    Question {
        text: format!("Run {indexes} of {} again?", plan.run),
        notes: vec![
            format!(
                "{} missing, {} accepted and in doubt, of {}",
                words::grouped(missing),
                words::grouped(doubted),
                words::count(u64::from(plan.shards), "shard", "shards")
            ),
            format!(
                "One more Job in {}/{} computes only them.",
                place.cluster, place.namespace
            ),
            format!("$ ttg-tui rerun {}{}", plan.run, place.reach_flags),
        ],
        answers: vec![
            Answer {
                key: 'n',
                text: "No".to_owned(),
                acts: Vec::new(),
            },
            Answer {
                key: 'y',
                text: "Yes, submit the Job".to_owned(),
                acts: vec![Act::Rerun],
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::effect::End;
    use crate::model::event::{ApiCost, Event, Outcome, Started, Task};
    use crate::model::update;
    use crate::run::partial::Kept;
    use crate::run::state::fixtures::{at, job, plan};

    fn submitted(shards: u32) -> Model {
        let started = Started {
            task: Task::Submit,
            plan: plan(shards),
            job: None,
            cluster: "local".into(),
            namespace: "lab".into(),
            reach_flags: " --context kind".into(),
            outlives: true,
            seed: 1,
            kept: Kept::default(),
        };
        let mut model = Model::new(at(0), started);
        let outcome = Outcome::Submitted {
            job: Box::new(job(shards, 1)),
            plan: Box::new(plan(shards)),
            remarks: Vec::new(),
        };
        update(&mut model, at(1), Event::Outcome(outcome));
        model
    }

    fn taken(model: &Model, gesture: &Gesture) -> Act {
        take(gesture, model, at(2)).unwrap().remove(0)
    }

    #[test]
    fn workers_stay_between_one_and_the_shards() {
        let model = submitted(3);
        assert_eq!(taken(&model, &Gesture::FewerWorkers), Act::Intent(Intent::Scale(2)));
        let Act::Say(why) = taken(&model, &Gesture::MoreWorkers) else {
            panic!()
        };
        assert!(why.starts_with("3 shards"), "{why}");
        assert!(scale(&model, 0).is_err());
    }

    #[test]
    fn a_cancel_is_asked_about_and_names_the_job() {
        let Act::Ask(question) = taken(&submitted(3), &Gesture::Cancel) else {
            panic!()
        };
        assert!(question.text.contains("ttg-primes-test"), "{}", question.text);
        assert!(question.answers[0].acts.is_empty());
    }

    #[test]
    fn a_run_that_has_ended_says_so() {
        let mut model = submitted(3);
        assert!(matches!(taken(&model, &Gesture::Rerun), Act::Say(_)));
        model.finish(ApiCost::default(), End::Unproven);
        assert!(matches!(taken(&model, &Gesture::ToggleSuspend), Act::Say(_)));
        let Act::Ask(question) = taken(&model, &Gesture::Rerun) else {
            panic!()
        };
        assert!(
            question.text.starts_with("Run 3 indexes of ttg-primes-"),
            "{}",
            question.text
        );
        assert!(question.answers[0].acts.is_empty(), "the default does nothing");
        assert_eq!(question.answers[1].acts, [Act::Rerun]);
        assert_eq!(take(&Gesture::Up, &model, at(2)), None);
        assert!(refusal(&model).is_some());
        let twin = twin(&model);
        assert!(twin.ends_with(" --context kind -n lab"), "{twin}");
    }
}
