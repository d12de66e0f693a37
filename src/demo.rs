//! Demos as scripts: what the screen must show, what is said then, and what is done. Data, and the reader of it.
//!
//! A script knows a screen only by its words, so the same one leads a run on a terminal and a film of its recording. Must not know
//! the cluster, the model, or a clock.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::buffer::Buffer;

use crate::run::fact::CompletionIndex;

/// The rows at the bottom of the screen that a script does not read: its own captions, and names of keys.
const FOOT_ROWS: usize = 2;

/// One step of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What must stand on the screen before the step begins.
    pub awaits: &'static [&'static str],
    /// What is said.
    pub caption: &'static str,
    /// How long that stands before something is done.
    pub pause_ms: u32,
    /// What is done then.
    pub does: Does,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Nothing.
    Nothing,
    /// These keys are pressed, each by its character.
    Press(&'static str),
    /// The pod of this index is deleted.
    Delete(u32),
}

/// How many workers the demo begins with.
pub const WORKERS: u32 = 3;
/// How many shards it has.
pub const SHARDS: u32 = 12;
/// How long its workers take their time for.
pub const PACE_MS: u64 = 20_000;

/// The demo: a worker is lost, two are added, and the total is proven.
pub const DEMO: &[Step] = &[
    Step {
        awaits: &["RUNNING", " 3 running"],
        caption: "An Indexed Job: 12 shards, one pod each, 3 workers at once.",
        pause_ms: 3_000,
        does: Does::Nothing,
    },
    Step {
        awaits: &[],
        caption: "Now the pod that computes index 1 is killed: kubectl delete pod.",
        pause_ms: 1_500,
        does: Does::Delete(1),
    },
    Step {
        awaits: &[" 1 retrying"],
        caption: "Index 1 is not lost: the Job controller makes a new pod for it, after 10 s.",
        pause_ms: 2_500,
        does: Does::Nothing,
    },
    Step {
        awaits: &[],
        caption: "+ adds a worker, here two; kubectl's command for it is shown below.",
        pause_ms: 1_500,
        does: Does::Press("++"),
    },
    Step {
        awaits: &[" 5 running"],
        caption: "Five workers compute now. 3 shows every shard.",
        pause_ms: 1_500,
        does: Does::Press("3"),
    },
    Step {
        awaits: &["[3 Shards]"],
        caption: "Every shard has its state, node and attempts.",
        pause_ms: 3_000,
        does: Does::Press("2"),
    },
    Step {
        awaits: &["PROVEN", "[5 Result]"],
        caption: "The total is proven: every index once, no gap, no overlap. q leaves.",
        pause_ms: 0,
        does: Does::Nothing,
    },
];

/// What is to be done now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cue {
    /// Keys to press.
    pub keys: Vec<KeyEvent>,
    /// The index whose pod is to be deleted.
    pub delete: Option<CompletionIndex>,
}

/// A script while it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    steps: &'static [Step],
    /// How many steps are over.
    over: usize,
    /// When the step of now began; none as long as it waits for its words.
    began: Option<Timestamp>,
}

impl Script {
    /// Begins a script.
    pub fn new(steps: &'static [Step]) -> Self {
        Self {
            steps,
            over: 0,
            began: None,
        }
    }

    /// Tells whether every step is over.
    pub fn is_over(&self) -> bool {
        self.over >= self.steps.len()
    }

    /// Returns what is said now; none while the next step waits for its words.
    pub fn caption(&self) -> Option<&'static str> {
        self.began
            .and_then(|_| self.steps.get(self.over))
            .map(|step| step.caption)
    }

    /// Looks at the words of the screen; returns what is to be done.
    pub fn look(&mut self, words: &str, at: Timestamp) -> Cue {
        let Some(step) = self.steps.get(self.over) else {
            return Cue::default();
        };
        let Some(began) = self.began else {
            if step.awaits.iter().all(|awaited| words.contains(awaited)) {
                self.began = Some(at);
            }
            return Cue::default();
        };
        if at.duration_since(began).as_millis() < i128::from(step.pause_ms) {
            return Cue::default();
        }
        self.over += 1;
        self.began = None;
        match step.does {
            Does::Nothing => Cue::default(),
            Does::Press(keys) => Cue {
                keys: keys.chars().map(press).collect(),
                delete: None,
            },
            Does::Delete(index) => Cue {
                keys: Vec::new(),
                delete: Some(CompletionIndex(index)),
            },
        }
    }
}

/// Returns the event of a key, by its character.
pub fn press(character: char) -> KeyEvent {
    let code = match character {
        '\r' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\x1b' => KeyCode::Esc,
        other => KeyCode::Char(other),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// Returns the words of a screen, row by row, without its foot.
pub fn words(cells: &Buffer) -> String {
    let columns = usize::from(cells.area.width.max(1));
    let rows = usize::from(cells.area.height).saturating_sub(FOOT_ROWS);
    let mut words = String::with_capacity(cells.content.len());
    for row in cells.content.chunks(columns).take(rows) {
        words.extend(row.iter().map(ratatui::buffer::Cell::symbol));
        words.push('\n');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::state::fixtures::at;

    const STEPS: &[Step] = &[
        Step {
            awaits: &["a", "b"],
            caption: "one",
            pause_ms: 2_000,
            does: Does::Press("+\r"),
        },
        Step {
            awaits: &[],
            caption: "two",
            pause_ms: 0,
            does: Does::Delete(7),
        },
    ];

    #[test]
    fn a_step_waits_for_its_words_and_then_for_its_time() {
        let mut script = Script::new(STEPS);
        for (words, second, keys, caption) in [
            ("a", 0, 0, None),
            ("b a", 5, 0, Some("one")),
            ("", 6, 0, Some("one")),
            ("", 7, 2, None),
            ("", 7, 0, Some("two")),
        ] {
            assert_eq!(script.look(words, at(second)).keys.len(), keys, "{words:?} at {second}");
            assert_eq!(script.caption(), caption, "{words:?} at {second}");
        }
        assert!(!script.is_over());
        assert_eq!(script.look("", at(7)).delete, Some(CompletionIndex(7)));
        assert!(script.is_over());
        assert_eq!(script.look("a b", at(9)), Cue::default());
    }

    #[test]
    fn the_foot_is_not_read() {
        let mut cells = Buffer::empty(ratatui::layout::Rect::new(0, 0, 4, 3));
        for (y, text) in (0..).zip(["head", "said", "keys"]) {
            cells.set_string(0, y, text, ratatui::style::Style::new());
        }
        assert_eq!(words(&cells), "head\n");
    }

    #[test]
    fn captions_fit_into_the_smallest_usual_terminal() {
        for step in DEMO {
            assert!(step.caption.len() < 79, "{}", step.caption);
        }
    }
}
