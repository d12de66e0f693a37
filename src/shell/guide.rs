//! A script that leads through a run: what it says, the keys it presses, and the pods it wants deleted.

use std::collections::VecDeque;

use crossterm::event::{Event as TermEvent, KeyEvent};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc::Sender;

use crate::demo::{Script, words};
use crate::run::fact::CompletionIndex;
use crate::ui::app::App;

/// A script on a terminal.
pub struct Guide {
    script: Script,
    /// Keys that are still to be pressed.
    keys: VecDeque<KeyEvent>,
    /// Where it is told whose pod is to be deleted.
    deletions: Sender<CompletionIndex>,
}

impl Guide {
    /// Begins a script; the other end of `deletions` deletes the pods.
    pub fn new(script: Script, deletions: Sender<CompletionIndex>) -> Self {
        Self {
            script,
            keys: VecDeque::new(),
            deletions,
        }
    }

    /// Tells whether the script still has something to do.
    pub(super) fn is_busy(&self) -> bool {
        !self.script.is_over()
    }

    /// Returns the next key, as if it had been pressed.
    pub(super) fn next_key(&mut self) -> Option<TermEvent> {
        self.keys.pop_front().map(TermEvent::Key)
    }

    /// Says what the script says now.
    pub(super) fn speak(&self, app: &mut App) {
        if let Some(caption) = self.script.caption() {
            app.say(caption);
        }
    }

    /// Looks at what was drawn.
    pub(super) fn look(&mut self, drawn: &Buffer, at: Timestamp) {
        if self.script.is_over() {
            return;
        }
        let cue = self.script.look(&words(drawn), at);
        self.keys.extend(cue.keys);
        if let Some(index) = cue.delete {
            // Whoever deletes has room for every deletion of a script; without one nothing is disturbed.
            self.deletions.try_send(index).ok();
        }
    }
}
