//! The loop: receive, drain, update, carry out effects, tell. It owns the clock, the tasks and the signals.
//!
//! Three bounded lanes feed it in this order: intents and signals, facts and outcomes, logs. Nothing here decides anything
//! about a run; `model` does.

mod desk;
pub mod face;
pub mod guide;
mod keeper;
mod output;
mod reel;
mod teller;

use std::pin::pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use ttg_worker::app::Monotonic;
use ttg_worker::work::{Pace, Task, work};

use crate::cluster::clean::clean;
use crate::cluster::connect::Connection;
use crate::cluster::logs::{LogPool, tail};
use crate::cluster::{effects, probe, watch};
use crate::ledger::StateFolder;
use crate::model::effect::{Effect, End, JobChange};
use crate::model::event::{Event, Outcome, Signal, Started};
use crate::model::{Model, update};
use crate::plan::{Plan, Rerun};
use crate::run::fact::{CompletionIndex, Computes, Delta, JobFact, JobUid};
use crate::run::summary::Summary;
use desk::Desk;
use face::Face;
use keeper::Keeper;
pub use reel::Records;
use reel::Reel;
pub use teller::{Form, Teller, summary_in};

/// How many intents and signals wait at most; a person is slower than this.
const KEYS_MAX: usize = 64;
/// How many facts wait at most; then their watches are held back.
const FACTS_MAX: usize = 1024;
/// How many log parts wait at most; then new ones are dropped and counted.
const LOGS_MAX: usize = 4096;
/// How many events are taken before it is decided what follows from them.
const DRAIN_MAX: usize = 1024;
/// How long the end of the tasks is waited for; they end when they are told to, so this is for what hangs.
const TASKS_END: Duration = Duration::from_secs(2);

/// The most characters of a person's name.
const NAME_CHARS_MAX: usize = 100;

/// The clock of a session: the time of day at its start, and from there on a clock that nobody sets.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began_at: Timestamp,
    began: Instant,
}

impl Clock {
    /// Reads the time of day, once.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the program learns the time of day"
    )]
    pub fn start() -> Self {
        Self {
            began_at: Timestamp::now(),
            began: Instant::now(),
        }
    }

    /// Begins at a given time of day, for a session that must be repeatable.
    pub fn starting_at(began_at: Timestamp) -> Self {
        Self {
            began_at,
            began: Instant::now(),
        }
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::MAX);
        self.began_at.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// What a session is made from.
pub struct Session {
    /// The clock.
    pub clock: Clock,
    /// The cluster.
    pub connection: Connection,
    /// What the session begins with.
    pub started: Started,
    /// Where runs are kept.
    pub state: StateFolder,
    /// Who tells the person what happens, where nothing is drawn.
    pub teller: Teller,
    /// Tells whether the cluster has ended, where this machine knows that: a local one in another process.
    pub is_gone: Option<IsGone>,
    /// What is recorded.
    pub records: Records,
}

/// Tells whether a cluster has ended.
pub type IsGone = Box<dyn Fn() -> bool + Send>;

struct Shell {
    clock: Clock,
    connection: Connection,
    model: Model,
    reel: Reel,
    keeper: Keeper,
    teller: Teller,
    is_gone: Option<IsGone>,
    facts: Sender<Event>,
    logs: Sender<Event>,
    log_pool: Option<LogPool>,
    /// The log that a person reads.
    reading: Option<AbortHandle>,
    /// Whether a screen shows what happens; then it is not told in lines.
    is_drawn: bool,
    /// Ends what watches the run.
    watching: CancellationToken,
    tasks: JoinSet<()>,
    token: CancellationToken,
}

/// Runs a session to its end, telling it in lines; returns how it ended.
pub async fn run(session: Session) -> End {
    Box::pin(play(session, None)).await.end
}

/// Runs a session on a screen until the person leaves it; returns how it ended and what follows.
pub async fn show(session: Session, face: Face) -> Ended {
    Box::pin(play(session, Some(face))).await
}

/// How a session ended.
pub struct Ended {
    /// How the run ended.
    pub end: End,
    /// What the person wants next.
    pub next: Next,
    /// The run in one value; none when it never was on the cluster.
    pub summary: Option<Summary>,
    /// The screen; none when the terminal is gone.
    pub face: Option<Face>,
    /// What went wrong outside of the run and was not on the screen any more.
    pub complaint: Option<String>,
    /// The run as it was seen last.
    pub model: Box<Model>,
}

/// What the person wants after a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// To leave the program.
    Leave,
    /// To fill the form for another run.
    NewRun,
    /// To submit one more Job for what is missing or disputed.
    Rerun,
}

async fn play(session: Session, face: Option<Face>) -> Ended {
    let (keys, keys_lane) = mpsc::channel(KEYS_MAX);
    let (facts, facts_lane) = mpsc::channel(FACTS_MAX);
    let (logs, logs_lane) = mpsc::channel(LOGS_MAX);
    let token = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_signals(keys, token.clone()));
    let started = session.started;
    let began_at = session.clock.now();
    let mut shell = Shell {
        model: Model::new(began_at, started.clone()),
        reel: Reel::start(session.records, began_at),
        keeper: Keeper::new(session.state, facts.clone(), &started.kept),
        clock: session.clock,
        connection: session.connection,
        teller: session.teller,
        is_gone: session.is_gone,
        facts,
        logs,
        log_pool: None,
        reading: None,
        is_drawn: face.is_some(),
        tasks,
        watching: token.child_token(),
        token,
    };
    let mut desk = Desk {
        face,
        next: None,
        end: shell.take(Event::Started(Box::new(started))),
    };
    let mut lanes = Lanes {
        keys: keys_lane,
        facts: facts_lane,
        logs: logs_lane,
    };
    let mut is_concluded = false;
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !desk.is_left() {
        if let Some(end) = desk.end.clone().filter(|_| !is_concluded) {
            is_concluded = true;
            let complaint = shell.conclude(&end, &mut lanes).await;
            desk.show_end(&shell.model, complaint);
        }
        turn(&mut shell, &mut desk, &mut lanes, &mut tick).await;
    }
    let Desk { face, next, end } = desk;
    let end = end.unwrap_or(End::Left);
    let complaint = if is_concluded {
        None
    } else {
        shell.conclude(&end, &mut lanes).await
    };
    let Lanes { keys, facts, logs } = lanes;
    // Nobody reads these lanes any more; a task that waits for room in one of them must not wait for ever.
    drop((facts, logs));
    let (summary, cut, model) = shell.finish(keys).await;
    Ended {
        end,
        next: next.unwrap_or(Next::Leave),
        summary,
        face,
        complaint: complaint.or(cut),
        model,
    }
}

/// The lanes by which everything comes in.
struct Lanes {
    keys: Receiver<Event>,
    facts: Receiver<Event>,
    logs: Receiver<Event>,
}

/// One turn of the loop: waits for something, takes it and what else is there, and lets follow what follows from all of it.
async fn turn(shell: &mut Shell, desk: &mut Desk, lanes: &mut Lanes, tick: &mut Interval) {
    // A reader of our output that is far behind holds the run's news back, but never a signal.
    let is_behind = shell.teller.is_behind();
    let is_over = desk.end.is_some();
    let event = tokio::select! {
        biased;
        Some(event) = lanes.keys.recv() => event,
        heard = desk.next() => {
            desk.hear(shell, heard);
            Event::Drained
        }
        () = shell.teller.room() => Event::Drained,
        Some(event) = lanes.facts.recv(), if !is_behind => event,
        Some(event) = lanes.logs.recv(), if !is_behind => event,
        _ = tick.tick(), if !is_over => Event::Tick,
    };
    shell.teller.push();
    let is_news = event != Event::Drained;
    let mut take = |event| {
        desk.note_signal(&event);
        desk.end = desk.end.take().or(shell.take(event));
    };
    take(event);
    let mut left = if is_behind { 0 } else { DRAIN_MAX };
    while left > 0 {
        let Some(event) = next(&mut lanes.keys, &mut lanes.facts, &mut lanes.logs) else {
            break;
        };
        take(event);
        left -= 1;
    }
    take(Event::Drained);
    shell.keeper.push_backlog();
    if is_news {
        desk.refresh(shell);
    }
}

/// Takes what waits, in the order of the lanes.
fn next(keys: &mut Receiver<Event>, facts: &mut Receiver<Event>, logs: &mut Receiver<Event>) -> Option<Event> {
    keys.try_recv()
        .or_else(|_| facts.try_recv())
        .or_else(|_| logs.try_recv())
        .ok()
}

impl Shell {
    /// Takes one event; returns the end when that was it.
    fn take(&mut self, event: Event) -> Option<End> {
        // What a recording keeps is what the model had, so that a replay comes to the same.
        let at = self.reel.rounded(self.clock.now());
        if !matches!(event, Event::Tick) {
            return self.hand_over(at, event);
        }
        let cost = Event::Cost(self.connection.meter.cost());
        let mut end = self.hand_over(at, cost);
        // Whoever does not listen to the workers must not find them silent.
        if end.is_none() && !self.teller.is_behind() {
            end = self.hand_over(at, event);
        }
        if !self.is_drawn {
            self.teller.tell_progress(at, &self.model);
        }
        self.keeper.look(self.model.run().plan());
        let is_gone = self.model.is_out_of_contact() && self.is_gone.as_ref().is_some_and(|is_gone| is_gone());
        if end.is_none() && is_gone {
            self.hand_over(at, Event::ClusterGone)
        } else {
            end
        }
    }

    /// Hands one event to the model and carries out what it answers.
    fn hand_over(&mut self, at: Timestamp, event: Event) -> Option<End> {
        let copy = self.reel.copy(&event);
        let effects = update(&mut self.model, at, event);
        if let Some(event) = copy {
            self.reel.note(at, event, effects.is_empty());
        }
        effects
            .into_iter()
            .fold(None, |end, effect| end.or(self.carry_out(at, effect)))
    }

    fn carry_out(&mut self, at: Timestamp, effect: Effect) -> Option<End> {
        match effect {
            Effect::Submit { plan, rerun } => self.submit(*plan, rerun),
            Effect::Watch { job, uid, computes } => self.watch(&job, &uid, &computes),
            Effect::Follow(targets) => {
                if let Some(pool) = &self.log_pool {
                    pool.follow(targets);
                }
            }
            Effect::Keep(partials) => self.keeper.keep(partials),
            Effect::Recompute(index) => self.recompute(index),
            Effect::Collect => self.collect(),
            Effect::Change(change) => self.change(change),
            Effect::ReadLog(pod) => self.read_log(pod),
            // The screen has it from the model.
            Effect::Tell(_) if self.is_drawn => {}
            Effect::Tell(event) => self.teller.tell(at, self.model.started_at(), &event),
            Effect::Leave(end) => return Some(end),
        }
        None
    }

    /// Does something beside the loop; its answer comes back as an event.
    fn beside(&mut self, work: impl Future<Output = Vec<Event>> + Send + 'static) {
        let (facts, token) = (self.facts.clone(), self.token.clone());
        self.tasks.spawn(async move {
            let send = async {
                for event in work.await {
                    // The loop has ended: nobody is left to be told.
                    facts.send(event).await.ok();
                }
            };
            tokio::select! {
                () = token.cancelled() => {}
                () = send => {}
            }
        });
    }

    fn submit(&mut self, plan: Plan, rerun: Option<Rerun>) {
        let (connection, facts) = (self.connection.clone(), self.facts.clone());
        self.beside(async move {
            // As long as nothing is watched, the lane has room.
            let tell_wait = |after_ms, why| {
                let postponed = Outcome::Postponed { after_ms, why };
                facts.try_send(Event::Outcome(postponed)).ok();
            };
            let outcome = match rerun {
                Some(rerun) => effects::submit_rerun(&connection, plan, rerun, &tell_wait).await,
                None => effects::submit(&connection, plan, &mut || rand::random(), &tell_wait).await,
            };
            vec![Event::Outcome(outcome)]
        });
    }

    fn watch(&mut self, job: &str, uid: &JobUid, computes: &Computes) {
        self.keeper.open(self.model.run().plan());
        // Of a run that is over there is nothing left to be seen: what an earlier session has recorded is worth more.
        let is_over = self.model.run().job().is_some_and(JobFact::is_finished);
        let kept = if is_over {
            None
        } else {
            self.keeper.recording(self.model.run().plan())
        };
        self.reel.keep_in(kept.as_deref());
        for watch in watch::watch_run(&self.connection, job, uid, computes, &self.facts, &self.watching) {
            self.tasks.spawn(watch);
        }
        let (pool, work) = LogPool::new(self.connection.clone(), self.logs.clone(), self.watching.clone());
        self.tasks.spawn(work);
        self.log_pool = Some(pool);
        if self.is_drawn {
            // Only a screen has keys that these rights are for.
            let connection = self.connection.clone();
            self.beside(async move { vec![Event::Rights(probe::rights(&connection).await)] });
        }
    }

    fn read_log(&mut self, pod: Option<String>) {
        if let Some(reading) = self.reading.take() {
            reading.abort();
        }
        self.reading = pod.map(|pod| {
            let (token, logs) = (self.token.clone(), self.logs.clone());
            let reading = tail::tail(self.connection.clone(), pod, logs);
            self.tasks.spawn(async move {
                tokio::select! {
                    () = token.cancelled() => {}
                    () = reading => {}
                }
            })
        });
    }

    fn collect(&mut self) {
        let run = self.model.run();
        let Some((uid, computes)) = run.job_uid().cloned().zip(run.job_computes().cloned()) else {
            return;
        };
        let connection = self.connection.clone();
        self.beside(async move {
            match watch::list_pods(&connection, &uid, &computes).await {
                Ok(pods) => {
                    let mut events: Vec<Event> = pods
                        .into_iter()
                        .map(|p| Event::Pod(Delta::Applied(Box::new(p))))
                        .collect();
                    events.push(Event::Outcome(Outcome::Collected));
                    events
                }
                Err(failure) => vec![Event::Outcome(Outcome::CollectFailed(failure))],
            }
        });
    }

    fn change(&mut self, change: JobChange) {
        let Some(job) = self.model.run().job() else { return };
        let (name, uid) = (job.name.clone(), job.uid.clone());
        let (connection, now) = (self.connection.clone(), self.clock.now());
        self.beside(async move {
            let by = whoami();
            vec![Event::Outcome(
                effects::change(&connection, &name, &uid, &change, &by, now).await,
            )]
        });
    }

    /// Computes a shard again on a thread of its own: a long one must not hold up the end of the program.
    fn recompute(&mut self, index: CompletionIndex) {
        let plan = self.model.run().plan().clone();
        let (facts, token) = (self.facts.clone(), self.token.clone());
        let thread = std::thread::Builder::new().name("recompute".into()).spawn(move || {
            let value = recompute(&plan, index, &|| token.is_cancelled());
            // The loop has ended: nobody is left to be told.
            facts
                .blocking_send(Event::Outcome(Outcome::Recomputed { index, value }))
                .ok();
        });
        if let Err(error) = thread {
            let value = Err(format!("cannot start a thread: {error}"));
            self.beside(async move { vec![Event::Outcome(Outcome::Recomputed { index, value })] });
        }
    }

    /// Keeps how the run ended, and stops watching it; returns what went wrong where that is to be shown on a screen.
    async fn conclude(&mut self, end: &End, lanes: &mut Lanes) -> Option<String> {
        self.watching.cancel();
        let cost = self.connection.meter.cost();
        self.model.finish(cost, end.clone());
        // A replay takes the first cost behind the end for the last one.
        let at = self.reel.rounded(self.clock.now());
        self.reel.note(at, Event::Cost(cost), false);
        let summary = self.model.final_summary()?;
        let mut read = Vec::new();
        let closed = {
            let mut closing = pin!(self.keeper.close(summary));
            loop {
                tokio::select! {
                    biased;
                    closed = &mut closing => break closed,
                    // Nothing that still comes in counts; who waits for room in a lane must not wait for ever.
                    Some(_) = lanes.facts.recv() => {}
                    // The log that a person reads goes on after the end of the run.
                    Some(event) = lanes.logs.recv(), if read.len() < LOGS_MAX => {
                        if matches!(event, Event::LogTail(_)) {
                            read.push(event);
                        }
                    }
                }
            }
        };
        for event in read {
            self.take(event);
        }
        let why = closed.err()?;
        if self.is_drawn {
            // A line on standard error would stand in the middle of the screen.
            return Some(why);
        }
        self.teller.complain(&why);
        None
    }

    /// Ends everything; returns the run in one value, what is missing in a recording where that was not told, and the run itself.
    async fn finish(mut self, mut keys_lane: Receiver<Event>) -> (Option<Summary>, Option<String>, Box<Model>) {
        let mut cut = self.reel.finish().await;
        if let Some(why) = cut.take_if(|_| !self.is_drawn) {
            self.teller.complain(&why);
        }
        // People were told why there is no run; a program waits for its last line.
        let is_worth_telling = self.model.was_submitted() || self.teller.is_for_programs();
        let summary = self.model.final_summary().filter(|_| is_worth_telling).cloned();
        if let Some(summary) = summary.as_ref().filter(|_| !self.is_drawn) {
            self.teller.tell_summary(summary);
        }
        // Somebody may have stopped reading our output; a signal then ends the wait.
        tokio::select! {
            () = self.teller.finish() => {}
            _ = keys_lane.recv() => {}
        }
        self.token.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // What does not end in time is dropped with the runtime.
        tokio::time::timeout(TASKS_END, ended).await.ok();
        (summary, cut, Box::new(self.model))
    }
}

/// Computes one shard of a plan here.
pub fn recompute(plan: &Plan, index: CompletionIndex, stop: &dyn Fn() -> bool) -> Result<i128, String> {
    let kernel = plan
        .kernel()
        .ok_or_else(|| format!("there is no kernel {:?} here", plan.kernel))?;
    let shard = plan.shard(index).ok_or_else(|| format!("there is no shard {index}"))?;
    let pace = Pace {
        batch_size: shard.len().max(1),
        pause: Duration::ZERO,
    };
    let task = Task {
        kernel,
        domain: plan.domain(),
        shard,
        pace,
    };
    work(&task, &Monotonic::start(), stop, &mut |_| {})
        .map(|done| done.value)
        .map_err(|halt| halt.to_string())
}

/// Who a cancel is signed by: the person's name on this machine.
pub fn whoami() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    clean(&name.unwrap_or_else(|_| "somebody".into()), NAME_CHARS_MAX)
}

async fn watch_signals(keys: Sender<Event>, token: CancellationToken) {
    let kinds = [
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::hangup(), Signal::Hangup),
    ];
    let mut watches = JoinSet::new();
    for (kind, meaning) in kinds {
        let keys = keys.clone();
        watches.spawn(async move {
            // A process without signal handling can still be killed.
            let Ok(mut stream) = signal(kind) else { return };
            while stream.recv().await.is_some() {
                if keys.send(Event::Signal(meaning)).await.is_err() {
                    return;
                }
            }
        });
    }
    // Held until the end, so that the lane stays open as long as the loop runs.
    token.cancelled().await;
    drop(keys);
}
