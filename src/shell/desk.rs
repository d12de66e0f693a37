//! The person's place in a session: the screen, what was asked for there, and whether the session is left.
//!
//! Without a screen there is nothing to hear, and the session is left when the run ends.

use std::io;

use crossterm::event::Event as TermEvent;

use super::face::{Face, Heard};
use super::{Next, Shell};
use crate::model::Model;
use crate::model::effect::End;
use crate::model::event::{Event, Signal};
use crate::model::intent::Intent;
use crate::ui::app::{Errand, Subject};

/// The person's place in a session.
pub(super) struct Desk {
    /// The screen; none without one, or when the terminal is gone.
    pub(super) face: Option<Face>,
    /// What the person wants next, once that was said.
    pub(super) next: Option<Next>,
    /// How the run ended.
    pub(super) end: Option<End>,
}

impl Desk {
    /// Tells whether the session is over: the run has ended, and nobody looks at it any more.
    pub(super) fn is_left(&self) -> bool {
        self.end.is_some() && (self.face.is_none() || self.next.is_some())
    }

    /// Waits for an input, or until a frame is due; for ever without a screen. Safe to cancel.
    pub(super) async fn next(&mut self) -> Heard {
        match &mut self.face {
            Some(face) => face.next().await,
            None => std::future::pending().await,
        }
    }

    /// Notes that a signal asks to leave.
    pub(super) fn note_signal(&mut self, event: &Event) {
        if matches!(event, Event::Signal(_)) {
            self.next = Some(Next::Leave);
        }
    }

    /// Takes an input, or draws the frame that is due.
    pub(super) fn hear(&mut self, shell: &mut Shell, heard: Heard) {
        let result = match heard {
            Heard::Input(Ok(input)) => {
                self.input(shell, &input);
                Ok(())
            }
            Heard::Input(Err(error)) => Err(error),
            Heard::Frame => self.draw(shell),
        };
        if result.is_err() {
            // The terminal is gone, as after a hang-up.
            self.face = None;
            self.next = Some(Next::Leave);
            self.take(shell, Event::Signal(Signal::Hangup));
        }
    }

    fn take(&mut self, shell: &mut Shell, event: Event) {
        self.end = self.end.take().or(shell.take(event));
    }

    fn draw(&mut self, shell: &Shell) -> io::Result<()> {
        match &mut self.face {
            Some(face) => face.draw(&Subject::Run(&shell.model), shell.clock.now()),
            None => Ok(()),
        }
    }

    fn input(&mut self, shell: &mut Shell, input: &TermEvent) {
        let Some(face) = &mut self.face else { return };
        let at = shell.clock.now();
        for errand in face.input(input, &mut Subject::Run(&shell.model), at) {
            self.run(shell, errand);
        }
    }

    fn run(&mut self, shell: &mut Shell, errand: Errand) {
        match errand {
            Errand::Intent(intent) => self.take(shell, Event::Intent(intent)),
            Errand::Leave => self.leave(shell, Next::Leave),
            Errand::NewRun => self.leave(shell, Next::NewRun),
            Errand::Rerun => self.leave(shell, Next::Rerun),
            Errand::Interrupt => {
                self.next = Some(Next::Leave);
                self.take(shell, Event::Signal(Signal::Interrupt));
            }
            // The screen itself has done these, or they are the form's or a replay's.
            Errand::Copy(_)
            | Errand::Save { .. }
            | Errand::Edit(_)
            | Errand::Stop
            | Errand::Mouse(_)
            | Errand::Playback(_)
            | Errand::Submit(_) => {}
        }
    }

    fn leave(&mut self, shell: &mut Shell, next: Next) {
        self.next = Some(next);
        if self.end.is_none() {
            self.take(shell, Event::Intent(Intent::Quit));
        }
    }

    /// Lets the screen follow what has changed.
    pub(super) fn refresh(&mut self, shell: &mut Shell) {
        let Some(face) = &mut self.face else { return };
        face.touch();
        for errand in face.app.refresh(&shell.model, shell.clock.now()) {
            self.run(shell, errand);
        }
    }

    /// Shows the end of the run, and what went wrong outside of it.
    pub(super) fn show_end(&mut self, model: &Model, complaint: Option<String>) {
        if let Some(face) = &mut self.face {
            face.app.show_end(model);
            if let Some(why) = complaint {
                face.app.say(why);
            }
            face.touch();
        }
    }
}
