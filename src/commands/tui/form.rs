//! The form's side of the UI: the cluster that is chosen is reached beside the typing, and asked what it makes of the plan.

use std::time::Duration;

use crossterm::event::Event as TermEvent;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::{Signals, Tui, must_confirm};
use crate::cluster::connect::connect_kubeconfig_text;
use crate::cluster::preflight;
use crate::cluster::probe::contexts;
use crate::commands::{Reached, reach, reach_flags};
use crate::config::{Config, Where};
use crate::error::{Error, Exit};
use crate::model::preflight::{CheckLine, Mark};
use crate::plan::Plan;
use crate::shell::face::{Face, Heard};
use crate::ui::app::{Errand, Subject};
use crate::view::gesture::{Act, Answer, Question, Screen};
use crate::view::new_run::{ClusterChoice, ClusterTarget, Form, Start};
use crate::view::words;

/// How long nothing must be typed before the cluster is asked.
const QUIET: Duration = Duration::from_millis(300);

/// What became of the form.
pub(super) enum Filled {
    /// The person left, with this exit code where it was by a signal.
    Left(Option<u8>),
    /// A plan is to be submitted there.
    Submit(Box<Reached>, Box<Plan>),
    /// What is missing of the last run is to be computed.
    Rerun,
}

/// The form while it is filled.
struct Filling {
    form: Form,
    /// The configuration of the cluster that is chosen.
    config: Config,
    reaching: Option<JoinHandle<Result<Reached, Error>>>,
    reached: Option<Reached>,
    asking: Option<JoinHandle<(u64, Vec<CheckLine>)>>,
    /// When the cluster is reached anew, unless something else is chosen by then.
    reach_at: Option<Instant>,
    quiet_at: Option<Instant>,
    /// The plan that is to be submitted as soon as its cluster is reached.
    wanted: Option<Plan>,
    /// Whether an editor had the terminal: an interrupt was meant for that.
    has_edited: bool,
}

/// Shows the form until a plan is submitted or the person leaves.
pub(super) async fn fill(tui: &mut Tui<'_>, face: &mut Face, plan: Plan) -> Result<Filled, Error> {
    let mut filling = Filling::new(tui.config, plan, face);
    filling.form.has_last = tui.seen.is_some();
    let cannot = |error: std::io::Error| Error::new(Exit::Failed, format!("cannot listen for signals: {error}"));
    let mut signals = Signals::listen().map_err(cannot)?;
    filling.reach(tui);
    loop {
        tokio::select! {
            biased;
            code = signals.next() => return Ok(Filled::Left(Some(code))),
            heard = face.next() => match heard {
                Heard::Input(Ok(input)) => {
                    if let Some(filled) = filling.input(tui, face, &input).await {
                        return Ok(filled);
                    }
                    if std::mem::take(&mut filling.has_edited) {
                        signals.forget_interrupt().map_err(cannot)?;
                    }
                }
                Heard::Frame => {
                    let subject = filling.subject(tui, face.app.screen());
                    if face.draw(&subject, tui.clock.now()).is_err() {
                        return Ok(Filled::Left(Some(128 + 1)));
                    }
                }
                Heard::Input(Err(_)) => return Ok(Filled::Left(Some(128 + 1))),
            },
            reached = finished(&mut filling.reaching) => filling.arrive(tui, face, reached),
            checked = finished(&mut filling.asking) => {
                if let Some((revision, lines)) = checked {
                    filling.form.checked(revision, lines);
                    face.touch();
                }
            }
            () = at(filling.reach_at) => filling.reach(tui),
            () = at(filling.quiet_at) => filling.ask(),
        }
        if let Some(plan) = filling.wanted.take_if(|_| filling.reached.is_some())
            && let Some(reached) = filling.reached.take()
        {
            return Ok(Filled::Submit(Box::new(reached), Box::new(plan)));
        }
    }
}

/// Waits for a task that may not be there; one that was ended gives nothing. Safe to cancel.
async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Option<T> {
    let Some(running) = task else {
        return std::future::pending().await;
    };
    let result = running.await.ok();
    *task = None;
    result
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

impl Filling {
    fn new(config: &Config, plan: Plan, face: &mut Face) -> Self {
        let (clusters, cluster) = clusters(config, face);
        let form = Form::new(Start {
            plan,
            clusters,
            cluster,
            namespace: config.namespace.clone(),
            pace_ms: None,
        });
        Self {
            form,
            config: config.clone(),
            reaching: None,
            reached: None,
            asking: None,
            reach_at: None,
            quiet_at: None,
            wanted: None,
            has_edited: false,
        }
    }

    async fn input(&mut self, tui: &mut Tui<'_>, face: &mut Face, input: &TermEvent) -> Option<Filled> {
        let before = (
            self.form.revision(),
            self.target(),
            self.form.namespace().map(str::to_owned),
        );
        // The only thing that is asked here is whether to submit.
        let was_asked = face.app.is_asking();
        let mut subject = self.subject(tui, face.app.screen());
        let errands = face.input(input, &mut subject, tui.clock.now());
        for errand in errands {
            match errand {
                Errand::Submit(plan) => self.submit(tui, face, *plan, was_asked),
                Errand::Edit(text) => self.edit(face, &text).await,
                Errand::Leave => return Some(Filled::Left(None)),
                Errand::Interrupt => return Some(Filled::Left(Some(128 + 2))),
                Errand::NewRun => face.app.return_to_form(),
                Errand::Rerun => {
                    self.abandon(tui);
                    return Some(Filled::Rerun);
                }
                // The others are about a run that goes on.
                Errand::Intent(_)
                | Errand::Copy(_)
                | Errand::Save { .. }
                | Errand::Stop
                | Errand::Mouse(_)
                | Errand::Playback(_) => {}
            }
        }
        let (revision, target, namespace) = before;
        if target != self.target() || namespace.as_deref() != self.form.namespace() {
            self.abandon(tui);
            self.tell_reaching();
            self.reach_at = Some(Instant::now() + QUIET);
        } else if revision != self.form.revision() {
            self.quiet_at = Some(Instant::now() + QUIET);
            if self.wanted.take().is_some() {
                face.app.say("changed before it was submitted: Enter submits it");
            }
        }
        None
    }

    /// Returns what is shown: the form, or a screen of the last run.
    fn subject<'a>(&'a mut self, tui: &'a Tui<'_>, screen: Screen) -> Subject<'a> {
        match &tui.seen {
            Some(seen) if screen != Screen::New => Subject::Run(&seen.model),
            Some(_) | None => Subject::Form(&mut self.form),
        }
    }

    fn target(&self) -> ClusterTarget {
        self.form.cluster().target.clone()
    }

    /// Begins to reach the cluster that is chosen; what was under way for another one ends.
    fn reach(&mut self, tui: &mut Tui<'_>) {
        self.abandon(tui);
        self.config.namespace = self.form.namespace().map(str::to_owned);
        self.config.target = match self.target() {
            ClusterTarget::Local => Where::Local,
            ClusterTarget::InCluster => Where::InCluster,
            ClusterTarget::Context(name) => Where::Context {
                name: Some(name),
                kubeconfig: kubeconfig_of(tui.config),
            },
        };
        self.tell_reaching();
        let (config, clock) = (self.config.clone(), tui.clock);
        let own = tui.host.as_ref().filter(|_| config.target == Where::Local);
        let own = own.map(|host| host.cluster.kubeconfig());
        self.reaching = Some(tokio::spawn(async move {
            match own {
                Some(kubeconfig) => Ok(Reached {
                    connection: connect_kubeconfig_text(&kubeconfig, "local", config.namespace.as_deref(), false)
                        .await?,
                    host: None,
                    flags: reach_flags(&config),
                    is_gone: None,
                }),
                None => Box::pin(reach(&config, clock, true)).await,
            }
        }));
    }

    fn tell_reaching(&mut self) {
        let line = CheckLine::new(Mark::Asking, format!("reaching {}", self.form.cluster().label));
        self.form.checked(self.form.revision(), vec![line]);
    }

    fn abandon(&mut self, tui: &mut Tui<'_>) {
        (self.reach_at, self.wanted) = (None, None);
        let reaching = self.reaching.take().map(|task| task.abort_handle());
        let asking = self.asking.take().map(|task| task.abort_handle());
        for task in reaching.into_iter().chain(asking) {
            task.abort();
        }
        if let Some(host) = self.reached.take().and_then(|reached| reached.host) {
            tui.host.get_or_insert(host);
        }
    }

    /// Notes that the cluster is reached, or why it is not.
    fn arrive(&mut self, tui: &mut Tui<'_>, face: &mut Face, reached: Option<Result<Reached, Error>>) {
        face.touch();
        match reached {
            Some(Ok(mut reached)) => {
                if let Some(host) = reached.host.take() {
                    tui.host.get_or_insert(host);
                }
                self.reached = Some(reached);
                self.ask();
            }
            Some(Err(error)) => {
                let mut lines = vec![CheckLine::new(Mark::Wrong, error.to_string())];
                lines.extend(error.hint().map(|hint| CheckLine::new(Mark::Note, hint.to_owned())));
                self.form.checked(self.form.revision(), lines);
                if self.wanted.take().is_some() {
                    face.app.say(format!("nothing was submitted: {error}"));
                }
            }
            None => {
                let line = CheckLine::new(Mark::Wrong, "reaching the cluster has failed in this program");
                self.form.checked(self.form.revision(), vec![line]);
                self.wanted = None;
            }
        }
    }

    /// Asks the cluster what it makes of the plan; what it was asked before is of no use any more.
    fn ask(&mut self) {
        self.quiet_at = None;
        let (Some(reached), Ok(plan)) = (&self.reached, self.form.plan()) else {
            return;
        };
        let revision = self.form.revision();
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
        let connection = reached.connection.clone();
        self.asking = Some(tokio::spawn(async move {
            (revision, Box::pin(preflight::check(&connection, &plan)).await)
        }));
    }

    fn submit(&mut self, tui: &mut Tui<'_>, face: &mut Face, plan: Plan, is_confirmed: bool) {
        let name = plan.run.to_string();
        if tui.state.runs().is_ok_and(|runs| runs.contains(&plan.run)) {
            face.app
                .say(format!("a run named {name} is kept here already: choose another name"));
            return;
        }
        if must_confirm(self.form.cluster()) && !is_confirmed {
            let cluster = &self.form.cluster().label;
            let namespace = self.form.namespace().unwrap_or("its default namespace");
            let shards = words::count(u64::from(plan.shards), "shard", "shards");
            let workers = words::count(u64::from(plan.workers), "worker", "workers");
            face.app.ask(Question {
                text: format!("Submit {name} to {cluster}, {namespace}?"),
                notes: vec![format!("{shards}, {workers} at once")],
                answers: vec![
                    Answer {
                        key: 'n',
                        text: "no".into(),
                        acts: Vec::new(),
                    },
                    Answer {
                        key: 'y',
                        text: "yes, submit it".into(),
                        acts: vec![Act::Submit(Box::new(plan))],
                    },
                ],
            });
            return;
        }
        if self.reached.is_none() {
            face.app.say(format!("reaching {} first", self.form.cluster().label));
        }
        if self.reached.is_none() && self.reaching.is_none() {
            // It was away before, or it was chosen a moment ago.
            self.reach(tui);
        }
        self.wanted = Some(plan);
    }

    async fn edit(&mut self, face: &mut Face, text: &str) {
        let editor = ["VISUAL", "EDITOR"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        let editor = editor.unwrap_or_else(|| "vi".to_owned());
        self.has_edited = true;
        match face.edit(text, &editor).await {
            Ok(edited) if edited == text => face.app.say("nothing was changed"),
            Ok(edited) => {
                for act in self.form.set_yaml(&edited) {
                    if let Act::Say(said) = act {
                        face.app.say(said);
                    }
                }
            }
            Err(why) => face.app.say(why),
        }
    }
}

fn kubeconfig_of(config: &Config) -> Option<std::path::PathBuf> {
    match &config.target {
        Where::Context { kubeconfig, .. } => kubeconfig.clone(),
        Where::Local | Where::InCluster => None,
    }
}

/// Lists the clusters that can be chosen, and which of them is meant.
fn clusters(config: &Config, face: &mut Face) -> (Vec<ClusterChoice>, usize) {
    let mut clusters = vec![ClusterChoice {
        label: "local".into(),
        about: "this machine".into(),
        target: ClusterTarget::Local,
    }];
    let mut chosen = 0;
    if config.target == Where::InCluster {
        chosen = clusters.len();
        clusters.push(ClusterChoice {
            label: "in-cluster".into(),
            about: "the cluster of this pod".into(),
            target: ClusterTarget::InCluster,
        });
    }
    let known = match contexts(kubeconfig_of(config).as_deref()) {
        Ok(known) => known,
        Err(error) => {
            if matches!(config.target, Where::Context { .. }) {
                face.app.say(error.to_string());
            }
            Vec::new()
        }
    };
    for context in known {
        let is_meant = match &config.target {
            Where::Context { name: Some(name), .. } => *name == context.name,
            Where::Context { name: None, .. } => context.is_current,
            Where::Local | Where::InCluster => false,
        };
        if is_meant {
            chosen = clusters.len();
        }
        clusters.push(ClusterChoice {
            label: context.label,
            about: format!("{}, namespace {}", context.cluster, context.namespace),
            target: ClusterTarget::Context(context.name),
        });
    }
    (clusters, chosen)
}
