//! Figures of the screen in this process: how long a frame takes to be built, drawn and compared with the one before, and how long
//! it takes from a key to the frame that follows.

use std::time::Duration;

use crossterm::event::{Event as TermEvent, KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ttg_tui::model::effect::{Effect, End};
use ttg_tui::model::event::{Event, Outcome, Started, Task};
use ttg_tui::model::{Model, update};
use ttg_tui::plan::Plan;
use ttg_tui::run::fact::{
    ApiCost, CompletionIndex, Delta, JobFact, KubeEventFact, LogFact, LogPart, NodeFact, NodeName, Phase, PodFact,
};
use ttg_tui::run::partial::Kept;
use ttg_tui::ui::app::{App, Subject};
use ttg_tui::ui::keymap::Keymap;
use ttg_tui::ui::theme::{Look, Theme};
use ttg_tui::view::gesture::{Gesture, Screen};
use ttg_worker::protocol::{Line, LineKind};

use crate::parts::{median, timed};
use crate::{Failed, Row, facts};

/// Indexes of the largest run.
const INDEXES: u32 = 100_000;

/// Pods of a large run.
const PODS: u32 = 10_000;

/// Nodes of its cluster.
const NODES: u32 = 20;

/// Events of the cluster that are remembered.
const KUBE_EVENTS: u32 = 2_000;

/// Seconds that the run has been watched for.
const SECONDS: i64 = 60;

/// A large terminal.
const SIZE: Rect = Rect::new(0, 0, 200, 60);

/// How many frames are measured, and how many come before them that do not count.
const FRAMES: u32 = 200;
const FRAMES_BEFORE: u32 = 20;

/// The time from one frame to the next.
const FRAME: SignedDuration = SignedDuration::from_millis(33);

/// A screen to be measured: its name, how to get there from the one before, and whether the run has ended.
type Shot = (&'static str, &'static [Gesture], bool);

/// Every screen of a run in every mode.
static SHOTS: &[Shot] = &[
    ("Live", &[Gesture::Show(Screen::Live)], false),
    ("Shards, state", &[Gesture::Show(Screen::Shards)], false),
    ("Shards, duration", &[Gesture::NextMode], false),
    ("Shards, node", &[Gesture::NextMode], false),
    ("Shards, attempts", &[Gesture::NextMode], false),
    ("Detail", &[Gesture::Show(Screen::Detail)], false),
    ("Result while it goes on", &[Gesture::Show(Screen::Result)], false),
    ("Result", &[], true),
];

/// How long frames take, and keys.
pub(crate) fn frames() -> Result<Vec<Row>, Failed> {
    let mut stage = Stage::new(PODS)?;
    let mut rows = Vec::new();
    let mut slowest_key = Duration::ZERO;
    for (name, gestures, has_ended) in SHOTS {
        if *has_ended {
            stage.model.finish(ApiCost::default(), End::Unproven);
        }
        stage.go(gestures);
        let time = stage.frame_time()?;
        rows.push(row(&format!("frame, {name}"), time, Some(time <= 1_000.0)));
        slowest_key = slowest_key.max(stage.slowest_key());
    }
    // Pods that are over stay known, so there are more of them towards the end of such a run.
    let mut late = Stage::new(INDEXES)?;
    late.go(&[Gesture::Show(Screen::Live)]);
    let time = late.frame_time()?;
    rows.push(row("frame, Live, after 100,000 pods", time, None));
    rows.push(Row {
        name: "key to frame, the slowest of all".to_owned(),
        measured: format!("{:.1} ms", slowest_key.as_secs_f64() * 1_000.0),
        target: "≤ 16 ms".to_owned(),
        holds: Some(slowest_key <= Duration::from_millis(16)),
    });
    Ok(rows)
}

fn row(name: &str, microseconds: f64, holds: Option<bool>) -> Row {
    Row {
        name: name.to_owned(),
        measured: format!("{microseconds:.0} µs"),
        target: if holds.is_some() { "≤ 1,000 µs" } else { "" }.to_owned(),
        holds,
    }
}

/// A run and a screen that shows it.
struct Stage {
    model: Model,
    app: App,
    at: Timestamp,
    shown: Buffer,
    next: Buffer,
}

impl Stage {
    fn new(pods: u32) -> Result<Self, Failed> {
        let (model, at) = model(pods)?;
        let theme = Theme::new(Look::Dark, false);
        Ok(Self {
            model,
            app: App::new(Screen::Live, theme, Keymap::default(), false),
            at,
            shown: Buffer::empty(SIZE),
            next: Buffer::empty(SIZE),
        })
    }

    fn go(&mut self, gestures: &[Gesture]) {
        for gesture in gestures {
            self.app.take(gesture, &mut Subject::Run(&self.model), self.at);
        }
    }

    /// Builds and draws a frame and finds what has changed, as the terminal does; returns how many cells have.
    fn draw(&mut self) -> usize {
        self.at = self.at.saturating_add(FRAME).unwrap_or(Timestamp::MAX);
        self.next.reset();
        self.app.refresh(&self.model, self.at);
        self.app.draw(&Subject::Run(&self.model), self.at, &mut self.next);
        let changes = self.shown.diff(&self.next).len();
        std::mem::swap(&mut self.shown, &mut self.next);
        changes
    }

    /// Measures how many microseconds a frame takes; the median.
    fn frame_time(&mut self) -> Result<f64, Failed> {
        let mut times = Vec::new();
        for frame in 0..FRAMES_BEFORE + FRAMES {
            let (changes, time) = timed(|| self.draw());
            std::hint::black_box(changes);
            if frame >= FRAMES_BEFORE {
                times.push(time.as_secs_f64() * 1e6);
            }
        }
        median(times).ok_or_else(|| "there is no time".into())
    }

    /// Measures the slowest of some keys, each with the frame that follows.
    fn slowest_key(&mut self) -> Duration {
        let keys = [
            KeyCode::Down,
            KeyCode::Right,
            KeyCode::PageDown,
            KeyCode::Char('n'),
            KeyCode::Up,
        ];
        let press = |code: KeyCode| {
            let key = TermEvent::Key(KeyEvent::new(code, KeyModifiers::NONE));
            let (_, time) = timed(|| {
                self.app.input(&key, &mut Subject::Run(&self.model), self.at);
                self.draw()
            });
            time
        };
        keys.into_iter().map(press).max().unwrap_or_default()
    }
}

/// Makes the model of a run in full swing: of its first pods six in ten are done, three run, and one waits or failed; all others are
/// over.
fn model(pods: u32) -> Result<(Model, Timestamp), Failed> {
    let plan = facts::plan(INDEXES);
    let [Delta::Applied(first), ..] = facts::life(&plan, 0) else {
        return Err("no pod is made".into());
    };
    let job = JobFact {
        uid: first.job_uid.clone(),
        name: plan.run.to_string(),
        run: plan.run.to_string(),
        namespace: "default".to_owned(),
        parallelism: PODS,
        completions: INDEXES,
        ..JobFact::default()
    };
    let started = Started {
        task: Task::Attach,
        plan: plan.clone(),
        job: Some(Box::new(job)),
        cluster: "local".to_owned(),
        namespace: "default".to_owned(),
        reach_flags: String::new(),
        outlives: true,
        seed: 7,
        kept: Kept::default(),
    };
    let begin = Timestamp::UNIX_EPOCH;
    let mut model = Model::new(begin, started.clone());
    take(&mut model, begin, Event::Started(Box::new(started)));
    for number in 0..NODES {
        take(&mut model, begin, Event::Node(Delta::Applied(Box::new(node(number)))));
    }
    for index in 0..pods {
        for event in life(&plan, index) {
            take(&mut model, begin, event);
        }
    }
    for number in 0..KUBE_EVENTS {
        let fact = warning(&plan, number);
        take(&mut model, begin, Event::KubeEvent(Box::new(fact)));
    }
    let mut at = begin;
    for second in 0..SECONDS {
        at = begin.saturating_add(SignedDuration::from_secs(second))?;
        take(&mut model, at, Event::Tick);
        take(&mut model, at, Event::Drained);
    }
    Ok((model, at))
}

/// Hands the model an event; what it wants to be kept is kept at once.
fn take(model: &mut Model, at: Timestamp, event: Event) {
    for effect in update(model, at, event) {
        if let Effect::Keep(partials) = effect {
            update(model, at, Event::Outcome(Outcome::Kept(partials)));
        }
    }
}

fn node(number: u32) -> NodeFact {
    NodeFact {
        name: NodeName(format!("node-{number}")),
        revision: 1,
        ready: Some(true),
        cpu_milli: 64_000,
        memory_bytes: 256 << 30,
        ..NodeFact::default()
    }
}

fn warning(plan: &Plan, number: u32) -> KubeEventFact {
    KubeEventFact {
        uid: format!("event-{number}"),
        revision: 1,
        warning: true,
        object_kind: "Pod".to_owned(),
        object_name: format!("{}-{number}-m2rkn", plan.run),
        count: 1,
        ..KubeEventFact::default()
    }
}

/// Returns what is heard of the pod of an index.
fn life(plan: &Plan, index: u32) -> Vec<Event> {
    let has_failed = index % 100 == 9;
    let stages = match index % 10 {
        _ if has_failed || index >= PODS => 4,
        0..6 => 4,
        6..9 => 3,
        _ => 1,
    };
    let is_running = stages == 3;
    let mut events = Vec::new();
    for delta in facts::life(plan, index).into_iter().take(stages) {
        let Delta::Applied(mut pod) = delta else { continue };
        if has_failed {
            fail(&mut pod);
        }
        let line = is_running.then(|| progress(&pod, index));
        events.push(Event::Pod(Delta::Applied(pod)));
        events.extend(line);
    }
    events
}

fn fail(pod: &mut PodFact) {
    if let Some(ended) = &mut pod.ended {
        pod.phase = Phase::Failed;
        ended.exit_code = 1;
        "Error".clone_into(&mut ended.reason);
        ended.message.clear();
    }
}

fn progress(pod: &PodFact, index: u32) -> Event {
    let kind = LineKind::Progress {
        done: u64::from(index % 10),
        total: 10,
        per_second: 7,
        partial: 3,
    };
    let line = Line {
        worker: CompletionIndex(index),
        number: pod.revision,
        kind,
    };
    Event::Log(LogFact {
        pod: pod.uid.clone(),
        what: LogPart::Line(line),
    })
}
