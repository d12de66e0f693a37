//! The terminal UI: the form, then the run, as often as the person likes. Leaves with the words and the code of the headless run.

mod form;

use std::io::{IsTerminal, stderr};

use tokio::signal::unix::{self, SignalKind};

use super::rerun::{known_of, prepare};
use super::{Reached, Watched, print, session, style, tell};
use crate::cli::PlanFlags;
use crate::cluster::connect::Connection;
use crate::config::Config;
use crate::error::{Error, Exit};
use crate::host::Host;
use crate::ledger::StateFolder;
use crate::model::Model;
use crate::model::effect::End;
use crate::model::event::{Signal, Task};
use crate::plan::{Plan, RunId};
use crate::run::partial::Kept;
use crate::run::summary::{Headline, Summary};
use crate::shell::face::Face;
use crate::shell::guide::Guide;
use crate::shell::{self, Clock, Form, Next, summary_in};
use crate::terminal;
use crate::ui::app::App;
use crate::ui::theme::{Look, Theme};
use crate::view::gesture::Screen;
use crate::view::learn;
use crate::view::new_run::{ClusterChoice, ClusterTarget};
use crate::view::words;
use form::Filled;

/// What the UI begins with.
pub(super) enum Stage {
    /// The form, with this plan in it.
    Form(Box<Plan>),
    /// A run.
    Run(Box<(Reached, Watched)>),
}

/// Tells whether a command that watches a run draws it, or tells it in lines.
pub(super) fn is_wanted(config: &Config) -> bool {
    config.draws && terminal::is_interactive() && stderr().is_terminal()
}

/// Opens the form.
pub(super) async fn open(config: &Config) -> Result<u8, Error> {
    let clock = Clock::start();
    let state = StateFolder::open(&config.state_folder)?;
    let plan = config.plan(&PlanFlags::default(), rand::random())?;
    Box::pin(play(config, clock, state, Stage::Form(Box::new(plan)))).await
}

/// What the UI holds while it goes from one run to the next.
pub(super) struct Tui<'a> {
    config: &'a Config,
    clock: Clock,
    state: StateFolder,
    /// The program's own cluster, once it was started. Later runs use it, too.
    host: Option<Host>,
    /// The run that was shown last.
    last: Option<Summary>,
    /// The same run as it was seen last: the form shows its screens.
    seen: Option<Seen>,
    /// What went wrong as a run was left, to be told when the terminal is given back.
    complaint: Option<String>,
    code: u8,
}

/// A run that is over for this program.
pub(super) struct Seen {
    /// The run.
    model: Box<Model>,
    /// How its cluster is reached.
    connection: Connection,
    /// The flags that reach it.
    flags: String,
}

/// Plays stage after stage until the person leaves; returns the exit code.
pub(super) async fn play(config: &Config, clock: Clock, state: StateFolder, stage: Stage) -> Result<u8, Error> {
    Box::pin(play_with(config, clock, state, stage, |_| {})).await
}

/// Plays as [`play`] does, with lessons beside the run.
pub(super) async fn play_lesson(
    config: &Config,
    clock: Clock,
    state: StateFolder,
    stage: Stage,
    lessons: learn::Choices,
) -> Result<u8, Error> {
    let prepare = |face: &mut Face| face.app.begin_lessons(lessons);
    Box::pin(play_with(config, clock, state, stage, prepare)).await
}

/// Plays as [`play`] does, led by a script if there is one.
pub(super) async fn play_guided(
    config: &Config,
    clock: Clock,
    state: StateFolder,
    stage: Stage,
    guide: Option<Guide>,
) -> Result<u8, Error> {
    let prepare = |face: &mut Face| face.guide = guide;
    Box::pin(play_with(config, clock, state, stage, prepare)).await
}

async fn play_with(
    config: &Config,
    clock: Clock,
    state: StateFolder,
    stage: Stage,
    prepare: impl FnOnce(&mut Face),
) -> Result<u8, Error> {
    let screen = match &stage {
        Stage::Form(_) => Screen::New,
        Stage::Run(_) => Screen::Live,
    };
    let app = App::new(screen, theme(config), config.keymap.clone(), config.mouse);
    let cannot = |error: std::io::Error| {
        Error::new(Exit::Failed, format!("cannot draw on this terminal: {error}"))
            .with_hint("--plain tells the run in lines")
    };
    let mut face = Face::enter(app, config.mouse, config.reduced_motion).map_err(cannot)?;
    prepare(&mut face);
    let mut tui = Tui {
        config,
        clock,
        state,
        host: None,
        last: None,
        seen: None,
        complaint: None,
        code: 0,
    };
    let mut stage = Some(stage);
    while let Some(now) = stage.take() {
        stage = match now {
            Stage::Form(plan) => tui.fill(&mut face, *plan).await?,
            Stage::Run(run) => {
                let (reached, watched) = *run;
                let Some((next, back)) = Box::pin(tui.watch(face, reached, watched)).await? else {
                    return Ok(tui.end(None).await);
                };
                face = back;
                next
            }
        };
    }
    Ok(tui.end(Some(face)).await)
}

impl Tui<'_> {
    /// Gives the terminal back and prints what the headless run prints last; returns the exit code.
    async fn end(self, face: Option<Face>) -> u8 {
        let is_seen = face.is_some();
        drop(face);
        if let Some(host) = self.host {
            host.cluster.stop().await;
        }
        if let Some(why) = self.complaint {
            tell(&format!("warning: {why}"));
        }
        if let Some(summary) = self.last.filter(|_| is_seen) {
            // The person has seen it; a standard output that is gone changes nothing about the run.
            print(summary_in(Form::Text(style(self.config)), &summary).as_bytes()).ok();
        }
        self.code
    }

    /// Shows the form; returns the run that it submits.
    async fn fill(&mut self, face: &mut Face, plan: Plan) -> Result<Option<Stage>, Error> {
        face.app.begin(Screen::New);
        if self.seen.is_some() {
            face.app.keep_last();
        }
        let filled = Box::pin(form::fill(self, face, plan)).await?;
        Ok(match filled {
            Filled::Left(code) => {
                self.code = code.unwrap_or(self.code);
                None
            }
            Filled::Submit(reached, plan) => {
                let watched = Watched {
                    plan: *plan,
                    task: Task::Submit,
                    job: None,
                    kept: Kept::default(),
                };
                Some(Stage::Run(Box::new((*reached, watched))))
            }
            Filled::Rerun => self.run_again(face).await?,
        })
    }

    /// Shows a run; returns what follows.
    async fn watch(
        &mut self,
        mut face: Face,
        mut reached: Reached,
        watched: Watched,
    ) -> Result<Option<(Option<Stage>, Face)>, Error> {
        face.app.begin(Screen::Live);
        self.host = self.host.take().or(reached.host.take());
        let plan = watched.plan.clone();
        let (connection, flags) = (reached.connection.clone(), reached.flags.clone());
        let session = session(reached, self.config, self.clock, self.state.clone(), watched);
        let ended = shell::show(session, face).await;
        self.code = ended.end.exit_code();
        let summary = ended.summary;
        self.complaint = ended.complaint.or(self.complaint.take());
        let Some(mut face) = ended.face else {
            // Nobody is left to be told.
            return Ok(None);
        };
        let is_used = summary.is_some();
        if is_used {
            let model = ended.model;
            self.seen = Some(Seen {
                model,
                connection,
                flags,
            });
        }
        self.last = summary.or(self.last.take());
        let next = match ended.next {
            Next::NewRun => Some(Stage::Form(Box::new(again(plan, is_used)))),
            Next::Rerun if is_used => self.run_again(&mut face).await?,
            Next::Rerun | Next::Leave => None,
        };
        Ok(Some((next, face)))
    }

    /// Prepares one more Job of the run that was seen last; returns what follows, which is nothing after a signal.
    async fn run_again(&mut self, face: &mut Face) -> Result<Option<Stage>, Error> {
        let Some(seen) = &self.seen else { return Ok(None) };
        let plan = seen.model.run().plan().clone();
        let run = plan.run.to_string();
        face.pause();
        let prepared = tokio::select! {
            code = stopped() => {
                self.code = code;
                return Ok(None);
            }
            prepared = self.rerun(&run, &seen.connection, &seen.flags) => prepared,
        };
        face.resume()
            .map_err(|error| Error::new(Exit::Failed, format!("the terminal is gone: {error}")))?;
        let (words, stage) = match prepared {
            Ok(Some((words, stage))) => (words, stage),
            Ok(None) => (
                format!("nothing of {run} is missing any more: ttg-tui result {run}"),
                Stage::Form(Box::new(again(plan, true))),
            ),
            Err(error) => (
                format!("nothing was submitted: {error}"),
                Stage::Form(Box::new(again(plan, true))),
            ),
        };
        face.app.say(words);
        Ok(Some(stage))
    }

    /// Prepares one more Job of a run, for what is missing or disputed, and says which; none when there is nothing to compute.
    async fn rerun(&self, run: &str, connection: &Connection, flags: &str) -> Result<Option<(String, Stage)>, Error> {
        let run = self.state.find(run)?;
        let kept = self.state.read_run(&run)?;
        let known = known_of(&kept);
        let plan = kept.plan;
        if known.headline == Headline::Proven {
            return Ok(None);
        }
        let prepared = Box::pin(prepare(connection, flags, self.clock, &self.state, &plan, &known)).await?;
        let Some(prepared) = prepared else {
            return Ok(None);
        };
        let rerun = prepared.begin(plan.workers)?;
        let indexes = words::count(rerun.indexes.len(), "index", "indexes");
        let words = format!("Job {} computes {indexes} of {run} again", rerun.job_name(&plan.run));
        let kept = self.state.read_run(&run)?.results();
        let reached = Reached {
            connection: connection.clone(),
            host: None,
            flags: flags.to_owned(),
            is_gone: None,
        };
        let watched = Watched {
            plan,
            task: Task::Rerun(rerun),
            job: None,
            kept,
        };
        Ok(Some((words, Stage::Run(Box::new((reached, watched))))))
    }
}

/// Makes the plan of the next run out of the last one: the same, with a name of its own where the last one was used.
fn again(mut plan: Plan, is_used: bool) -> Plan {
    if is_used {
        plan.run = RunId::generate(&plan.kernel, rand::random());
    }
    plan
}

/// Waits for a signal that ends the program; returns its exit code.
async fn stopped() -> u8 {
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        // A process without signal handling can still be killed.
        Err(_unheard) => std::future::pending().await,
    }
}

/// The signals that end the program, while no run listens to them.
pub(super) struct Signals {
    terminate: unix::Signal,
    hangup: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: unix::signal(SignalKind::hangup())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one; returns the exit code that it asks for. Safe to cancel.
    pub(super) async fn next(&mut self) -> u8 {
        let signal = tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.interrupt.recv() => Signal::Interrupt,
        };
        End::Signal(signal.number()).exit_code()
    }

    /// Forgets an interrupt: it was meant for another program in front of this one.
    fn forget_interrupt(&mut self) -> std::io::Result<()> {
        self.interrupt = unix::signal(SignalKind::interrupt())?;
        Ok(())
    }
}

/// Chooses how meanings look: by flag or config file, else by what the terminal says of itself.
pub(super) fn theme(config: &Config) -> Theme {
    let look = match config.theme {
        _ if config.color == crate::config::Color::Never => Look::Mono,
        Some(look) => look,
        None => Look::Dark,
    };
    let mut theme = Theme::new(look, config.ascii || !config.is_utf8);
    theme.true_color = config.true_color;
    theme
}

/// Tells whether a cluster is one that a person must confirm before anything is made there.
fn must_confirm(cluster: &ClusterChoice) -> bool {
    cluster.target != ClusterTarget::Local
}
