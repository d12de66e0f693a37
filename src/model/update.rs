//! One event in, effects out.

use jiff::Timestamp;

use super::change::{ChangeNow, ChangeStage};
use super::effect::{Effect, End, FOLLOWED_MAX, JobChange};
use super::event::{Contact, ContactState, Event, FailureClass, Outcome, Signal, Task, WatchOf};
use super::intent::Intent;
use super::{Model, Stage};
use crate::plan::{Plan, Rerun};
use crate::run::fact::{Delta, JobFact, PodUid};
use crate::run::state::RunState;
use crate::run::told::RunEvent;

/// How long the clock may have been silent before it counts as an absence: of a program that was stopped, or that waited for the
/// reader of its output.
const AWAY_S: i64 = 5;

/// Takes one event; answers with what is to be done about it.
pub fn update(model: &mut Model, at: Timestamp, event: Event) -> Vec<Effect> {
    // A log can be read when the run is over, too.
    let is_reading = matches!(event, Event::LogTail(_) | Event::Intent(Intent::ReadLog(_)));
    if model.end().is_some() && !is_reading {
        return Vec::new();
    }
    let effects = take(model, at, event);
    for effect in &effects {
        if let Effect::Tell(event) = effect {
            model.history.tell(at, event);
        }
    }
    effects
}

fn take(model: &mut Model, at: Timestamp, event: Event) -> Vec<Effect> {
    match event {
        Event::Started(_) => begin(model, at),
        Event::Signal(signal) => leave_on_signal(model, signal),
        Event::Intent(intent) => intend(model, at, &intent),
        Event::Job(delta) => {
            let told = tell(model.run.apply_job(at, delta));
            see_change(model, at);
            told
        }
        Event::Pod(delta) => {
            model.follow_again = true;
            tell(model.run.apply_pod(at, delta))
        }
        Event::Node(delta) => tell(model.run.apply_node(at, delta)),
        Event::KubeEvent(fact) => {
            model.history.note_kube_event(&fact);
            tell(model.run.apply_kube_event(at, &fact))
        }
        Event::Log(fact) => tell(model.run.apply_log(at, fact)),
        Event::LogTail(part) => {
            model.log.add(part);
            Vec::new()
        }
        Event::Rights(rights) => {
            model.rights = rights;
            Vec::new()
        }
        Event::LogsDropped(count) => {
            model.logs_dropped += count;
            Vec::new()
        }
        Event::Contact(contact) => meet(model, at, contact),
        Event::Outcome(outcome) => follow_up(model, at, outcome),
        Event::Cost(cost) => {
            model.cost = cost;
            Vec::new()
        }
        Event::ClusterGone => {
            let what = "the local cluster has ended, and the run with it; what was accepted is kept".to_owned();
            let hint = Some(format!("what is kept: ttg-tui result {}", model.run.plan().run));
            model.stage = Stage::Ended(End::Lost);
            vec![Effect::Tell(RunEvent::Trouble { what, hint }), Effect::Leave(End::Lost)]
        }
        Event::Tick => {
            model.history.tick(at, model.run.done_parameters(), model.cost);
            tick(model, at)
        }
        Event::Drained => super::settle::settle(model, at),
    }
}

/// Tells whose log is silent. Whoever did not listen for a while, or could not, cannot tell and begins anew.
fn tick(model: &mut Model, at: Timestamp) -> Vec<Effect> {
    let read = model.followed.iter().take(FOLLOWED_MAX);
    let pods: Vec<PodUid> = read.map(|target| target.uid.clone()).collect();
    let before = model.ticked_at.replace(at);
    let listened = before.is_some_and(|before| at.duration_since(before).as_secs() < AWAY_S);
    if listened && !model.is_out_of_contact() {
        let flags = model.kubectl_flags();
        tell(model.run.tell_silent(at, &pods, &flags))
    } else {
        model.run.expect_lines(at, &pods);
        Vec::new()
    }
}

fn tell(events: Vec<RunEvent>) -> Vec<Effect> {
    events.into_iter().map(Effect::Tell).collect()
}

fn begin(model: &mut Model, at: Timestamp) -> Vec<Effect> {
    match &model.started.task {
        Task::Submit => vec![submit(model, None)],
        Task::Rerun(rerun) => {
            let set_aside = rerun.indexes.indexes().filter_map(|index| {
                let values = model.run.values_set_aside(index);
                (!values.is_empty()).then_some(Effect::Tell(RunEvent::SetAside { index, values }))
            });
            set_aside.chain([submit(model, Some(rerun.clone()))]).collect()
        }
        Task::Attach => {
            let run = &model.run;
            let attached = RunEvent::Attached {
                run: run.plan().run.to_string(),
                cluster: model.started.cluster.clone(),
                namespace: model.started.namespace.clone(),
                accepted: run.accepted(),
                shards: run.plan().shards,
            };
            let mut effects = vec![Effect::Tell(attached)];
            if let Some(job) = model.started.job.clone() {
                effects.push(Effect::Watch {
                    job: job.name.clone(),
                    uid: job.uid.clone(),
                    computes: job.computes.clone(),
                });
                effects.extend(tell(model.run.apply_job(at, Delta::Applied(job))));
            }
            effects
        }
    }
}

fn submit(model: &Model, rerun: Option<Rerun>) -> Effect {
    Effect::Submit {
        plan: Box::new(model.run.plan().clone()),
        rerun,
    }
}

/// The first signal asks to leave; a second one leaves at once, whatever is still on its way.
fn leave_on_signal(model: &mut Model, signal: Signal) -> Vec<Effect> {
    let end = End::Signal(signal.number());
    let is_second = matches!(model.stage, Stage::Leaving(_));
    if is_second || model.stage == Stage::Submitting || signal == Signal::Hangup {
        model.stage = Stage::Ended(end.clone());
        return vec![Effect::Leave(end)];
    }
    leave(model, end)
}

fn leave(model: &mut Model, end: End) -> Vec<Effect> {
    let hint = if model.started.outlives && model.is_out_of_contact() {
        format!("the Job goes on if its cluster does; {}", model.attach_command())
    } else if model.started.outlives {
        format!("the Job goes on; {}", model.attach_command())
    } else {
        let run = &model.run.plan().run;
        format!(
            "the local cluster ends with this program, and with it the Job; what was accepted is kept, and the rest is computed by: ttg-tui rerun {run}"
        )
    };
    model.stage = Stage::Leaving(end);
    vec![Effect::Tell(RunEvent::Leaving { hint })]
}

/// Notes how far the last change has come.
fn see_change(model: &mut Model, at: Timestamp) {
    if let (Some(change), Some(job)) = (&mut model.change, model.run.job()) {
        change.see(at, job);
    }
}

/// Notes what became of the change that was on its way, and asks for the next one.
fn note_change(model: &mut Model, stage: ChangeStage) -> Option<Effect> {
    model.changing.pop_front();
    let next = model.changing.front().cloned().map(Effect::Change);
    // An answer to an earlier change says nothing about the last one.
    if next.is_none()
        && let Some(change) = &mut model.change
    {
        change.stage = stage;
    }
    next
}

fn intend(model: &mut Model, at: Timestamp, intent: &Intent) -> Vec<Effect> {
    let change = match intent {
        Intent::Scale(workers) => JobChange::Scale(*workers),
        Intent::Suspend => JobChange::Suspend,
        Intent::Resume => JobChange::Resume,
        Intent::Cancel => JobChange::Cancel,
        Intent::Delete => JobChange::Delete,
        Intent::Quit => return leave(model, End::Left),
        Intent::ReadLog(pod) => {
            model.log.begin(pod.clone());
            return vec![Effect::ReadLog(pod.clone())];
        }
    };
    if model.run.job().is_none() {
        // Nothing would ever answer, and whoever leaves would wait for that.
        let what = "the Job is not on the server yet: there is nothing to change".to_owned();
        return vec![Effect::Tell(RunEvent::Trouble { what, hint: None })];
    }
    model.change = Some(ChangeNow {
        twin: model.twin(&change, at),
        change: change.clone(),
        asked_at: at,
        stage: ChangeStage::Asked,
    });
    ask_for(model, change)
}

/// Asks the server for a change, once it has answered the one before: on two ways at once the later one could arrive first. What
/// waits and would be undone at once is left out, so no more wait than there are kinds.
fn ask_for(model: &mut Model, change: JobChange) -> Vec<Effect> {
    let Some(on_its_way) = model.changing.pop_front() else {
        model.changing.push_back(change.clone());
        return vec![Effect::Change(change)];
    };
    model.changing.retain(|waiting| !waiting.is_undone_by(&change));
    model.changing.push_front(on_its_way);
    model.changing.push_back(change);
    Vec::new()
}

/// Contact is lost with the first watch that is lost, and back when all are.
fn meet(model: &mut Model, at: Timestamp, contact: Contact) -> Vec<Effect> {
    match contact.state {
        ContactState::Lost(why) => {
            let is_first = model.lost.is_empty();
            model.lost.entry(contact.watch).or_insert((at, why.clone()));
            if is_first {
                vec![Effect::Tell(RunEvent::ContactLost { why })]
            } else {
                Vec::new()
            }
        }
        ContactState::Live => {
            let was_lost = model.lost.remove(&contact.watch);
            match was_lost {
                Some((since, _)) if model.lost.is_empty() => {
                    let after_ms = u64::try_from(at.duration_since(since).as_millis()).unwrap_or(0);
                    vec![Effect::Tell(RunEvent::ContactBack { after_ms })]
                }
                Some(_) | None => Vec::new(),
            }
        }
        ContactState::Forbidden(why) => {
            model.lost.remove(&contact.watch);
            vec![Effect::Tell(RunEvent::Forbidden {
                what: watched(contact.watch).to_owned(),
                why,
            })]
        }
    }
}

fn watched(watch: WatchOf) -> &'static str {
    match watch {
        WatchOf::Job => "the Job",
        WatchOf::Pods => "the pods",
        WatchOf::Nodes => "the nodes",
        WatchOf::Events => "the events",
    }
}

fn follow_up(model: &mut Model, at: Timestamp, outcome: Outcome) -> Vec<Effect> {
    match outcome {
        Outcome::Submitted { job, plan, remarks } => submitted(model, at, job, *plan, remarks),
        Outcome::Postponed { after_ms, why } => vec![Effect::Tell(RunEvent::Postponed { after_ms, why })],
        Outcome::SubmitFailed(failure) => {
            let end = match failure.class {
                FailureClass::Unreachable => End::Lost,
                FailureClass::Refused | FailureClass::NotFound | FailureClass::Conflict => End::Refused,
            };
            model.stage = Stage::Ended(end.clone());
            let trouble = RunEvent::Trouble {
                what: failure.text,
                hint: failure.hint,
            };
            vec![Effect::Tell(trouble), Effect::Leave(end)]
        }
        Outcome::Kept(partials) => {
            // A group that failed before may come along with this one.
            model.keeping = model.keeping.saturating_sub(partials.len());
            model.keep_trouble = None;
            model.last_accepted_at = Some(at);
            tell(model.run.kept(at, &partials))
        }
        Outcome::KeepFailed(why) => {
            // The writer tries again with the next group; nothing is waited for until then.
            model.keeping = 0;
            trouble_once(model, why)
        }
        Outcome::Recomputed { index, value } => tell(model.run.recomputed(at, index, value)),
        Outcome::Collected => {
            if model.stage == Stage::Collecting {
                model.stage = Stage::Collected;
            }
            Vec::new()
        }
        Outcome::CollectFailed(failure) => {
            // The pods cannot be asked for any more: what the watch has shown is all there is.
            if model.stage == Stage::Collecting {
                model.stage = Stage::Collected;
            }
            vec![Effect::Tell(RunEvent::Trouble {
                what: failure.text,
                hint: failure.hint,
            })]
        }
        Outcome::Changed { what, job } => {
            let mut effects = vec![Effect::Tell(RunEvent::Done { what })];
            effects.extend(note_change(model, ChangeStage::Accepted(at)));
            if let Some(job) = job {
                effects.extend(tell(model.run.apply_job(at, Delta::Applied(job))));
                see_change(model, at);
            }
            effects
        }
        Outcome::ChangeFailed { what, failure } => {
            let next = note_change(model, ChangeStage::Failed(failure.text.clone()));
            let trouble = Effect::Tell(RunEvent::Trouble {
                what: format!("{what}: {}", failure.text),
                hint: failure.hint,
            });
            std::iter::once(trouble).chain(next).collect()
        }
    }
}

fn submitted(model: &mut Model, at: Timestamp, job: Box<JobFact>, plan: Plan, remarks: Vec<String>) -> Vec<Effect> {
    if *model.run.plan() != plan {
        // The name was taken: the run has another one, and nothing else of it has begun.
        model.run = RunState::new(plan);
        model.run.pick_verify(model.started.seed);
    }
    if model.stage == Stage::Submitting {
        model.stage = Stage::Watching;
    }
    let (cluster, namespace) = (&model.started.cluster, &model.started.namespace);
    let submitted = RunEvent::submitted(model.run.plan(), &job, cluster, namespace, remarks);
    let watch = Effect::Watch {
        job: job.name.clone(),
        uid: job.uid.clone(),
        computes: job.computes.clone(),
    };
    let mut effects = vec![Effect::Tell(submitted), watch];
    effects.extend(tell(model.run.apply_job(at, Delta::Applied(job))));
    effects
}

fn trouble_once(model: &mut Model, why: String) -> Vec<Effect> {
    // The number of results that wait changes each time; that they cannot be written is told once.
    if model.keep_trouble.replace(why.clone()).is_some() {
        return Vec::new();
    }
    let hint =
        Some("free some space or mend the state folder; the total is not proven until its results are on disk".into());
    vec![Effect::Tell(RunEvent::Trouble { what: why, hint })]
}
