//! `ttg-tui replay`: play a recording, on the screen or in lines. Needs no cluster, and changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crossterm::event::Event as TermEvent;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::tui::{self, Signals};
use super::{form, tell};
use crate::config::Config;
use crate::error::{Error, Exit};
use crate::ledger::StateFolder;
use crate::model::effect::{Effect, End};
use crate::model::event::{Event, Signal};
use crate::model::intent::Intent;
use crate::recording::{self, ReadError, Recording};
use crate::replay::{Player, Scene};
use crate::shell::Teller;
use crate::shell::face::{Face, Heard};
use crate::ui::app::{App, Errand, Subject};
use crate::view::gesture::Screen;
use crate::view::playback;

/// How often the virtual clock is set while it goes on.
const STROKE: Duration = Duration::from_millis(33);
/// The longest time between two of these.
const GAP_MAX: Duration = Duration::from_secs(1);
/// The exit code where the recording does not tell how the run ended: nothing is proven.
const NO_END: u8 = 3;
/// What is answered to whoever wants to change a cluster.
const ONLY_A_RECORDING: &str = "this is a recording: nothing can be changed or submitted from here";

/// Runs the command; returns its exit code.
pub(super) async fn replay(config: &Config, asked: &Path) -> Result<u8, Error> {
    let path = find(config, asked)?;
    let recording = recording::open(&path).map_err(|why| refused(&path, &why))?;
    if tui::is_wanted(config) {
        Box::pin(show(config, recording)).await
    } else {
        Ok(Box::pin(print(config, &recording)).await)
    }
}

/// Finds the file that is meant: one of this name, or the recording of the run of this name.
pub(super) fn find(config: &Config, asked: &Path) -> Result<PathBuf, Error> {
    if asked.exists() {
        return Ok(asked.to_owned());
    }
    let hint = "runs: `ttg-tui list`; --record FILE records one in a file";
    let state = StateFolder::open(&config.state_folder)?;
    let named = asked.to_str().and_then(|name| state.find(name).ok());
    let Some(run) = named else {
        let what = format!(
            "{}: there is no such file, and no such run is kept here",
            asked.display()
        );
        return Err(Error::usage(what).with_hint(hint));
    };
    state.recording(&run).ok_or_else(|| {
        let what = format!("{run} is not recorded here: only the last runs that were watched here are");
        Error::usage(what).with_hint(hint)
    })
}

fn refused(path: &Path, why: &ReadError) -> Error {
    Error::usage(format!("cannot replay {}: {why}", path.display()))
}

/// Prints what was told, and the run in one value, as the session without a screen did; returns the exit code of that session.
async fn print(config: &Config, recording: &Recording) -> u8 {
    if let Some(torn) = &recording.torn {
        tell(&format!("warning: {}", torn_words(recording, torn)));
    }
    let mut teller = Teller::new(form(config), &recording.started.plan);
    let mut scene = Scene::begin(recording);
    for entry in &recording.entries {
        let at = recording.at(entry.ms);
        for effect in scene.step(recording) {
            if let Effect::Tell(event) = effect {
                teller.tell(at, recording.began_at, &event);
            }
        }
        if entry.event == Event::Tick {
            teller.tell_progress(at, scene.model());
        }
        while teller.is_behind() {
            teller.room().await;
            teller.push();
        }
    }
    let model = scene.model();
    let code = model.end().map_or(NO_END, End::exit_code);
    if model.was_submitted() || teller.is_for_programs() {
        let mut summary = model.final_summary().cloned().unwrap_or_else(|| model.summary());
        summary.exit_code = code;
        teller.tell_summary(&summary);
    }
    teller.finish().await;
    code
}

fn torn_words(recording: &Recording, torn: &recording::Torn) -> String {
    let seconds = recording.duration_ms() / 1_000;
    format!(
        "the recording is torn after {seconds} s, at line {}: {}; what is before that is played",
        torn.line, torn.why
    )
}

/// Plays the recording on the screen until the person leaves; returns the exit code.
async fn show(config: &Config, recording: Recording) -> Result<u8, Error> {
    let cannot = |error: std::io::Error| {
        Error::new(Exit::Failed, format!("cannot draw on this terminal: {error}"))
            .with_hint("--plain tells the run in lines")
    };
    let torn = recording.torn.as_ref().map(|torn| torn_words(&recording, torn));
    let mut app = App::new(Screen::Live, tui::theme(config), config.keymap.clone(), config.mouse);
    if let Some(words) = torn {
        app.say(words);
    }
    let mut stage = Stage {
        player: Player::new(recording),
        face: Face::enter(app, config.mouse, config.reduced_motion).map_err(cannot)?,
        seen_at: Instant::now(),
    };
    let mut signals = Signals::listen().map_err(cannot)?;
    let mut stroke = interval(STROKE);
    stroke.set_missed_tick_behavior(MissedTickBehavior::Skip);
    stage.follow();
    loop {
        let is_playing = stage.player.is_playing();
        let left = tokio::select! {
            biased;
            code = signals.next() => Some(code),
            heard = stage.face.next() => stage.hear(heard),
            _ = stroke.tick(), if is_playing => {
                stage.advance();
                None
            }
        };
        if let Some(code) = left {
            return Ok(code);
        }
    }
}

/// A recording on the screen.
struct Stage {
    player: Player,
    face: Face,
    /// When it was last looked how much time has passed.
    seen_at: Instant,
}

impl Stage {
    fn advance(&mut self) {
        let passed = self.seen_at.elapsed();
        if passed > GAP_MAX {
            // The program was stopped, and nothing was played meanwhile.
            self.seen_at = Instant::now();
            return;
        }
        let ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        // What is less than a millisecond counts the next time.
        self.seen_at += Duration::from_millis(ms);
        if self.player.advance(ms) {
            self.follow();
        }
    }

    /// Takes what the terminal says; returns the exit code when the person leaves.
    fn hear(&mut self, heard: Heard) -> Option<u8> {
        let hung_up = End::Signal(Signal::Hangup.number()).exit_code();
        match heard {
            Heard::Input(Ok(input)) => self.input(&input),
            Heard::Input(Err(_)) => Some(hung_up),
            Heard::Frame => {
                let drawn = self.face.draw(&Subject::Run(self.player.model()), self.player.now());
                drawn.is_err().then_some(hung_up)
            }
        }
    }

    fn input(&mut self, input: &TermEvent) -> Option<u8> {
        let subject = &mut Subject::Run(self.player.model());
        let errands = self.face.input(input, subject, self.player.now());
        for errand in errands {
            match errand {
                Errand::Playback(key) => {
                    let was_playing = self.player.is_playing();
                    self.player.take(key);
                    if !was_playing {
                        self.seen_at = Instant::now();
                    }
                    self.follow();
                }
                Errand::Leave => return Some(0),
                Errand::Interrupt => return Some(End::Signal(Signal::Interrupt.number()).exit_code()),
                // Of logs there is what was read when this was recorded.
                Errand::Intent(Intent::ReadLog(_)) => {}
                Errand::Intent(_) | Errand::Edit(_) | Errand::Submit(_) | Errand::Rerun | Errand::NewRun => {
                    self.face.app.say(ONLY_A_RECORDING);
                }
                // The screen itself has done these.
                Errand::Copy(_) | Errand::Save { .. } | Errand::Stop | Errand::Mouse(_) => {}
            }
        }
        None
    }

    /// Lets the screen follow where the player is.
    fn follow(&mut self) {
        let (model, now) = (self.player.model(), self.player.now());
        // What it asks for is a log, which was read when this was recorded, or was not.
        drop(self.face.app.refresh(model, now));
        if self.player.is_at_end() {
            self.face.app.show_end(model);
        }
        self.face.app.show_playback(playback::line(&self.player));
        self.face.touch();
    }
}
