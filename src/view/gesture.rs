//! What a key, a click or a chosen command means on a screen, and what the program shall do about it.
//!
//! `ui::keymap` makes gestures from keys; screens answer with acts; the shell carries those out.

use super::text::Edit;
use crate::model::intent::Intent;
use crate::plan::Plan;
use crate::run::fact::CompletionIndex;

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Screen {
    /// The form for a new run.
    New,
    /// The run as it happens.
    Live,
    /// Every index.
    Shards,
    /// One index.
    Detail,
    /// The result and its proof.
    Result,
    /// The lessons.
    Learn,
}

impl Screen {
    /// Every screen, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::New,
        Self::Live,
        Self::Shards,
        Self::Detail,
        Self::Result,
        Self::Learn,
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Live => "Live",
            Self::Shards => "Shards",
            Self::Detail => "Detail",
            Self::Result => "Result",
            Self::Learn => "Learn",
        }
    }
}

/// What a key or a click means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gesture {
    /// Show a screen.
    Show(Screen),
    /// One item up.
    Up,
    /// One item down.
    Down,
    /// One item, value or column to the left.
    Left,
    /// One item, value or column to the right.
    Right,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first item.
    First,
    /// To the last item.
    Last,
    /// To the next pane or field.
    NextPane,
    /// To the pane or field before.
    PreviousPane,
    /// Open what is under the cursor; on the form submit.
    Open,
    /// One level back.
    Back,
    /// One level back, and at the top leave.
    Quit,
    /// Leave at once, cleanly.
    Interrupt,
    /// Stop the program as a shell's job, to be continued later.
    Stop,
    /// Show the keys.
    Help,
    /// Show the palette of commands.
    Palette,
    /// Look a word up.
    Glossary,
    /// Begin a filter.
    Filter,
    /// Go to an index by its number.
    GoTo,
    /// To the next index with a problem.
    NextProblem,
    /// To the index with a problem before.
    PreviousProblem,
    /// One worker more.
    MoreWorkers,
    /// One worker less.
    FewerWorkers,
    /// Suspend the Job, or resume it.
    ToggleSuspend,
    /// Cancel the run, once confirmed.
    Cancel,
    /// Show the log of the index under the cursor.
    Logs,
    /// Show all about the index under the cursor.
    Describe,
    /// Show the Job's YAML.
    Yaml,
    /// Edit the YAML in the person's editor.
    EditYaml,
    /// Submit one more Job for what is missing or disputed.
    Rerun,
    /// Explain what is under the cursor.
    Explain,
    /// Copy what is under the cursor, or the kubectl twin of what was done last.
    Copy,
    /// Save what is shown to a file.
    Save,
    /// The next mode of a screen.
    NextMode,
    /// Follow the end of a log, or stop following.
    ToggleFollow,
    /// Wrap long lines, or cut them.
    ToggleWrap,
    /// Report clicks, or leave the mouse to the terminal.
    ToggleMouse,
    /// A key of a replay.
    Playback(Playback),
    /// Something was clicked.
    Click(Spot),
    /// A key of a text that is being typed.
    Edit(Edit),
}

/// A key of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playback {
    /// Pause, or play on; at the end, from the beginning.
    Toggle,
    /// Half as fast.
    Slower,
    /// Twice as fast.
    Faster,
    /// To the marker before.
    MarkerBefore,
    /// To the next marker.
    NextMarker,
    /// One told event back.
    StepBack,
    /// One told event on.
    StepOn,
}

/// What can be clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// The tab of a screen.
    Tab(Screen),
    /// A completion index.
    Index(CompletionIndex),
    /// A node, by its position in what is shown.
    Node(usize),
    /// A row of the list that is shown, by its position in the whole list.
    Row(usize),
    /// A field of the form.
    Field(usize),
    /// A pane of the screen.
    Pane(usize),
}

/// What a screen asks of the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Hand an intent to the model.
    Intent(Intent),
    /// Show a screen.
    Show(Screen),
    /// Show the screen of one index.
    OpenIndex(CompletionIndex),
    /// Ask before something is done that cannot be undone.
    Ask(Question),
    /// Copy a text to the person's clipboard.
    Copy(String),
    /// Write a text to a file of this name in the working folder.
    Save {
        /// The file's name.
        name: String,
        /// Its content.
        text: String,
    },
    /// Open a text in the person's editor; the answer comes back to the screen that asked.
    Edit(String),
    /// Explain a reason in plain words.
    Explain(Explained),
    /// Show a text on a page of its own.
    Page {
        /// The title.
        title: String,
        /// The text, line by line.
        lines: Vec<String>,
    },
    /// Say something in the line above the footer.
    Say(String),
    /// Submit a plan.
    Submit(Box<Plan>),
    /// Submit one more Job for what is missing or disputed.
    Rerun,
    /// Leave this run and open the form.
    NewRun,
    /// Leave the program.
    Leave,
}

/// What is asked before it is done. The answer that does nothing is the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The question; it names the object.
    pub text: String,
    /// What happens with each answer, in words.
    pub notes: Vec<String>,
    /// The answers, the first being the default, which does nothing.
    pub answers: Vec<Answer>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its key.
    pub key: char,
    /// Its words.
    pub text: String,
    /// What is done then.
    pub acts: Vec<Act>,
}

/// A failure or an event, explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// What it is about.
    pub title: String,
    /// The cause, in plain words.
    pub cause: String,
    /// What of this run shows it, line by line.
    pub evidence: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
    /// A command that shows more.
    pub command: Option<String>,
}
