//! Plays a recording through the model on a virtual clock. Pure: how much time has passed is said by the caller.
//!
//! The model is the same at the same position however it was reached. Some copies of it are held, so that going back does not begin
//! from the start.

use jiff::Timestamp;

use crate::model::effect::{Effect, End};
use crate::model::event::Event;
use crate::model::{Model, update};
use crate::recording::Recording;
use crate::run::told::RunEvent;
use crate::view::gesture::Playback;

/// How many copies of the model are held at most: each is as large as the run.
const SCENES_MAX: usize = 8;
/// How many events lie between two copies at least.
const SCENE_EVENTS_MIN: usize = 1_000;
/// The speeds, in quarters of the real one.
const SPEEDS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// The real speed.
const REAL_SPEED: usize = 2;
/// Who asks for the marker before so soon after one, in real time, means the one before that.
const GRACE_MS: u64 = 1_000;

/// The model at a position of a recording.
#[derive(Clone, Debug)]
pub struct Scene {
    model: Model,
    position: usize,
    /// How the session ends, between the event that ends it and the last look at what it cost.
    leaving: Option<End>,
}

impl Scene {
    /// Begins before the first event.
    pub fn begin(recording: &Recording) -> Self {
        Self {
            model: Model::new(recording.began_at, recording.started.clone()),
            position: 0,
            leaving: None,
        }
    }

    /// Returns the model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Plays the next event; answers with what the model answered.
    pub fn step(&mut self, recording: &Recording) -> Vec<Effect> {
        let Some(entry) = recording.entries.get(self.position) else {
            return Vec::new();
        };
        self.position += 1;
        if let Event::Cost(cost) = &entry.event
            && let Some(end) = self.leaving.take()
        {
            self.model.finish(*cost, end);
            return Vec::new();
        }
        let effects = update(&mut self.model, recording.at(entry.ms), entry.event.clone());
        let end = effects.iter().find_map(end_of).cloned();
        self.leaving = self.leaving.take().or(end);
        if self.position == recording.entries.len()
            && let Some(end) = self.leaving.take()
        {
            // The recording ends before the last look at what the session cost.
            self.model.finish(self.model.cost(), end);
        }
        effects
    }
}

fn end_of(effect: &Effect) -> Option<&End> {
    if let Effect::Leave(end) = effect {
        Some(end)
    } else {
        None
    }
}

/// A moment of a recording that is worth going to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// When, in milliseconds since the session began.
    pub ms: u64,
    /// What happened, in a few words.
    pub what: String,
    position: usize,
}

/// A recording while it is played.
#[derive(Debug)]
pub struct Player {
    recording: Recording,
    scene: Scene,
    /// Copies in the order of their positions; the first is the beginning.
    scenes: Vec<Scene>,
    markers: Vec<Marker>,
    /// The positions right behind events of which something was told.
    told: Vec<usize>,
    now_ms: u64,
    /// What of a millisecond is left over, in quarters.
    quarters: u64,
    speed: usize,
    is_paused: bool,
}

impl Player {
    /// Makes a player at the beginning. Plays everything once, to learn what there is to go to.
    pub fn new(recording: Recording) -> Self {
        let between = (recording.entries.len() / SCENES_MAX).max(SCENE_EVENTS_MIN);
        let mut scene = Scene::begin(&recording);
        let (mut scenes, mut told) = (Vec::new(), Vec::new());
        let mut survey = Survey::default();
        while let Some(entry) = recording.entries.get(scene.position) {
            if scene.position.is_multiple_of(between) {
                scenes.push(scene.clone());
            }
            let was_over = scene.model.end().is_some();
            let effects = scene.step(&recording);
            let at = (entry.ms, scene.position);
            let mut is_told = false;
            for effect in &effects {
                if let Effect::Tell(event) = effect {
                    is_told |= !matches!(event, RunEvent::Progress { .. });
                    survey.look(at, event);
                }
            }
            if is_told {
                told.push(scene.position);
            }
            if !was_over && scene.model.end().is_some() {
                survey.mark(at, "the end");
            }
        }
        let mut player = Self {
            scene: Scene::begin(&recording),
            recording,
            scenes,
            markers: survey.markers,
            told,
            now_ms: 0,
            quarters: 0,
            speed: REAL_SPEED,
            is_paused: false,
        };
        player.seek(0);
        player
    }

    /// Returns the model as it is now.
    pub fn model(&self) -> &Model {
        self.scene.model()
    }

    /// Returns the recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Returns the time of day in the recording.
    pub fn now(&self) -> Timestamp {
        self.recording.at(self.now_ms)
    }

    /// Returns how far it is, in milliseconds since the session began.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Returns the speed, in quarters of the real one.
    pub fn speed_quarters(&self) -> u64 {
        SPEEDS.get(self.speed).copied().unwrap_or(4)
    }

    /// Tells whether the virtual clock stands still because the person wants it.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Tells whether everything was played.
    pub fn is_at_end(&self) -> bool {
        self.scene.position >= self.recording.entries.len() && self.now_ms >= self.recording.duration_ms()
    }

    /// Tells whether the virtual clock goes on.
    pub fn is_playing(&self) -> bool {
        !self.is_paused && !self.is_at_end()
    }

    /// Returns the markers, in their order in time.
    pub fn markers(&self) -> &[Marker] {
        &self.markers
    }

    /// Returns the last marker that was reached, and the next one.
    pub fn markers_around(&self) -> (Option<&Marker>, Option<&Marker>) {
        let reached = self
            .markers
            .partition_point(|marker| marker.position <= self.scene.position);
        let before = reached.checked_sub(1).and_then(|last| self.markers.get(last));
        (before, self.markers.get(reached))
    }

    /// Goes to a time: everything until then has happened.
    pub fn seek(&mut self, ms: u64) {
        self.now_ms = ms.min(self.recording.duration_ms());
        self.quarters = 0;
        let position = self.recording.entries.partition_point(|entry| entry.ms <= self.now_ms);
        self.go_to(position);
    }

    /// Lets so much real time pass; tells whether that changes anything.
    pub fn advance(&mut self, real_ms: u64) -> bool {
        if !self.is_playing() {
            return false;
        }
        let quarters = real_ms
            .saturating_mul(self.speed_quarters())
            .saturating_add(self.quarters);
        self.seek(self.now_ms.saturating_add(quarters / 4));
        self.quarters = quarters % 4;
        true
    }

    /// Does what a key means.
    pub fn take(&mut self, key: Playback) {
        match key {
            Playback::Toggle if self.is_at_end() => {
                self.is_paused = false;
                self.seek(0);
            }
            Playback::Toggle => self.is_paused = !self.is_paused,
            Playback::Slower => self.speed = self.speed.saturating_sub(1),
            Playback::Faster => self.speed = (self.speed + 1).min(SPEEDS.len() - 1),
            Playback::MarkerBefore => self.marker_before(),
            Playback::NextMarker => {
                if let (_, Some(marker)) = self.markers_around() {
                    self.show(marker.position);
                }
            }
            Playback::StepBack => self.step(false),
            Playback::StepOn => self.step(true),
        }
    }

    /// Goes to the next event of which something is told, or to the one before; then stands still.
    pub fn step(&mut self, is_on: bool) {
        self.is_paused = true;
        let here = self.scene.position;
        let target = if is_on {
            let next = self.told.partition_point(|position| *position <= here);
            self.told.get(next)
        } else {
            let next = self.told.partition_point(|position| *position < here);
            next.checked_sub(1).and_then(|before| self.told.get(before))
        };
        match target.copied() {
            Some(position) => self.show(position),
            None if is_on => self.seek(self.recording.duration_ms()),
            None => self.seek(0),
        }
    }

    fn marker_before(&mut self) {
        let grace = if self.is_playing() {
            GRACE_MS.saturating_mul(self.speed_quarters()) / 4
        } else {
            0
        };
        let until = self.now_ms.saturating_sub(grace);
        let here = self.scene.position;
        let before = self
            .markers
            .iter()
            .rev()
            .find(|marker| marker.position < here && (grace == 0 || marker.ms < until));
        match before.map(|marker| marker.position) {
            Some(position) => self.show(position),
            None => self.seek(0),
        }
    }

    /// Goes right behind an event: what has happened later in the same millisecond has not happened yet.
    fn show(&mut self, position: usize) {
        let shown = position
            .checked_sub(1)
            .and_then(|last| self.recording.entries.get(last));
        self.now_ms = shown.map_or(0, |entry| entry.ms);
        self.quarters = 0;
        self.go_to(position);
    }

    fn go_to(&mut self, position: usize) {
        let is_back = position < self.scene.position;
        let nearest = self.scenes.iter().rev().find(|scene| scene.position <= position);
        if let Some(nearest) = nearest
            && (is_back || nearest.position > self.scene.position)
        {
            self.scene = nearest.clone();
        }
        while self.scene.position < position {
            self.scene.step(&self.recording);
        }
    }
}

/// What there is to go to.
#[derive(Default)]
struct Survey {
    markers: Vec<Marker>,
    has_worker: bool,
}

impl Survey {
    fn look(&mut self, at: (u64, usize), event: &RunEvent) {
        if let Some(what) = name(event) {
            self.mark(at, what);
        } else if let RunEvent::WorkerStarted { .. } = event {
            if !std::mem::replace(&mut self.has_worker, true) {
                self.mark(at, "first worker");
            }
        } else if let RunEvent::AttemptFailed { index, .. } | RunEvent::AttemptEnded { index, .. } = event {
            self.mark(at, format!("attempt at index {index} lost"));
        } else if let RunEvent::Scaled { from, to } = event {
            self.mark(at, format!("scaled from {from} to {to}"));
        } else if let RunEvent::Disputed { index, .. } = event {
            self.mark(at, format!("index {index} disputed"));
        }
    }

    fn mark(&mut self, (ms, position): (u64, usize), what: impl Into<String>) {
        self.markers.push(Marker {
            ms,
            what: what.into(),
            position,
        });
    }
}

/// Returns the words of an event that is always worth going to.
fn name(event: &RunEvent) -> Option<&'static str> {
    let table = [
        (matches!(event, RunEvent::Submitted { .. }), "submitted"),
        (matches!(event, RunEvent::Attached { .. }), "attached"),
        (matches!(event, RunEvent::Suspended { .. }), "suspended"),
        (matches!(event, RunEvent::Resumed), "resumed"),
        (matches!(event, RunEvent::ContactLost { .. }), "contact lost"),
        (matches!(event, RunEvent::ContactBack { .. }), "contact back"),
        (matches!(event, RunEvent::NodeChanged { .. }), "a node changed"),
        (matches!(event, RunEvent::JobComplete), "Job complete"),
        (matches!(event, RunEvent::JobFailed { .. }), "Job failed"),
        (matches!(event, RunEvent::JobDeleted), "Job deleted"),
    ];
    table.into_iter().find_map(|(is_it, words)| is_it.then_some(words))
}

#[cfg(test)]
mod tests;
