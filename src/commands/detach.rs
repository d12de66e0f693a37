//! `--detach`: submit, say so, and leave the run to its cluster.
//!
//! The submission is the one of every run: rehearsed, with the server's remarks, and under another name where the one
//! wanted is taken. On this machine only the plan is kept; the results are collected by `attach`. Must not watch anything.

use jiff::Timestamp;

use super::{Reached, form, print, tell};
use crate::cluster::effects;
use crate::config::{Config, Where};
use crate::error::{Error, Exit};
use crate::host;
use crate::ledger::{LedgerError, StateFolder};
use crate::model::event::Outcome;
use crate::plan::Plan;
use crate::report::Style;
use crate::report::json::json_line;
use crate::report::lines::Lines;
use crate::run::told::RunEvent;
use crate::shell::{Clock, Form};

/// Refuses to leave a run to a cluster that ends with this command. To be asked before anything is made.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    if config.target != Where::Local || host::find(&config.runtime_folder).is_some() {
        return Ok(());
    }
    let what = "--detach leaves the run to its cluster, and the local cluster of this command ends with it";
    Err(Error::usage(what)
        .with_hint("keep one with `ttg-tui local` in another terminal, or choose a cluster with --context NAME"))
}

/// Submits a plan and leaves it to the cluster; returns the exit code.
pub(super) async fn submit(
    config: &Config,
    clock: Clock,
    reached: &Reached,
    state: &StateFolder,
    plan: Plan,
) -> Result<u8, Error> {
    let began = clock.now();
    let early = Early::new(config, clock, &plan);
    let tell_wait = |after_ms, why| early.tell(&RunEvent::Postponed { after_ms, why });
    // On the heap, as objects of Kubernetes are large.
    let outcome = Box::pin(effects::submit(
        &reached.connection,
        plan,
        &mut || rand::random(),
        &tell_wait,
    ))
    .await;
    conclude(config, (began, clock.now()), reached, state, outcome)
}

/// Tells what happens while a submission is under way, in the form of every other event.
#[derive(Clone, Copy)]
pub(super) struct Early {
    form: Form,
    lines: Lines,
    clock: Clock,
    began: Timestamp,
}

impl Early {
    /// Begins the submission of a plan.
    pub(super) fn new(config: &Config, clock: Clock, plan: &Plan) -> Self {
        let form = form(config);
        let style = match form {
            Form::Text(style) => style,
            Form::Json => Style::default(),
        };
        Self {
            form,
            lines: Lines::new(style, plan),
            clock,
            began: clock.now(),
        }
    }

    /// Tells one transition.
    pub(super) fn tell(&self, event: &RunEvent) {
        let now = self.clock.now();
        match self.form {
            Form::Json => {
                // What cannot be printed is told with the end of the submission, which is printed, too.
                print(format!("{}\n", json_line(now, event)).as_bytes()).ok();
            }
            Form::Text(_) => {
                let at_ms = u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(0);
                if let Some(line) = self.lines.line(at_ms, event) {
                    tell(&line);
                }
            }
        }
    }
}

/// Ends a command by what became of its submission: keeps the plan and says what was submitted, or says why nothing was.
/// The times are those of the submission's beginning and end.
pub(super) fn conclude(
    config: &Config,
    times: (Timestamp, Timestamp),
    reached: &Reached,
    state: &StateFolder,
    outcome: Outcome,
) -> Result<u8, Error> {
    let (job, plan, remarks) = match outcome {
        Outcome::Submitted { job, plan, remarks } => (job, plan, remarks),
        Outcome::SubmitFailed(failure) => return Err(failure.into()),
        Outcome::Postponed { .. }
        | Outcome::Kept(_)
        | Outcome::KeepFailed(_)
        | Outcome::Recomputed { .. }
        | Outcome::Collected
        | Outcome::CollectFailed(_)
        | Outcome::Changed { .. }
        | Outcome::ChangeFailed { .. } => {
            let what = "the submission was answered with what is no answer to it";
            return Err(Error::new(Exit::Failed, what));
        }
    };
    if let Err(error) = keep_plan(state, &plan) {
        // The run is on its way all the same, and attaching to it keeps the plan later.
        tell(&format!("warning: {error}"));
    }
    let (cluster, namespace) = (&reached.connection.cluster, &reached.connection.namespace);
    let event = RunEvent::submitted(&plan, &job, cluster, namespace, remarks);
    say(config, times, reached, &plan, &event)?;
    Ok(0)
}

/// Keeps the plan, so that `list` and `result` know of the run. One that is kept already must be of this computation.
fn keep_plan(state: &StateFolder, plan: &Plan) -> Result<(), LedgerError> {
    match state.create_run(plan) {
        // A rerun's run is kept from before; and somebody may have attached in this very moment.
        Err(LedgerError::Exists { .. } | LedgerError::Busy { .. }) => state.read_run(&plan.run)?.fits(plan),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Prints the run's name for a script, or the event for a program, and tells a person what to type next.
fn say(
    config: &Config,
    (began, now): (Timestamp, Timestamp),
    reached: &Reached,
    plan: &Plan,
    event: &RunEvent,
) -> Result<(), Error> {
    let (run, flags) = (&plan.run, &reached.flags);
    let line = match form(config) {
        Form::Json => json_line(now, event),
        Form::Text(style) => {
            let at_ms = u64::try_from(now.duration_since(began).as_millis()).unwrap_or(0);
            if let Some(line) = Lines::new(style, plan).line(at_ms, event) {
                tell(&line);
            }
            tell(&format!(
                "hint: watch it and collect its result with: ttg-tui attach {run}{flags}"
            ));
            run.to_string()
        }
    };
    print(format!("{line}\n").as_bytes())
}
