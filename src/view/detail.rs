//! One index: its parameters, its attempts on one clock, the log of one of them, its Kubernetes Events, and why it is as it is.
//!
//! Pure. What is chosen here is an index, an attempt of it, and a pane; [`Choices::refresh`] says when another log is to be read,
//! since a new attempt may begin while the screen is shown.

pub mod attempts;
pub mod layout;
pub mod log;
pub mod parts;

use std::cell::Cell;

use jiff::Timestamp;

use super::able::problems;
use super::explain;
use super::gesture::{Act, Explained, Gesture, Spot};
use super::run_keys::reach_flags;
use super::text::TextField;
use crate::model::Model;
use crate::model::intent::Intent;
use crate::run::fact::CompletionIndex;
use crate::run::state::Attempt;
use crate::run::told::RunEvent;
use attempts::{Attempts, Seen};
use layout::{Layout, Lower, Part};
use log::{LogChoices, LogView};
use parts::{Head, List};

/// The size that a body has as long as nobody told another.
const SIZE: (u16, u16) = (80, 19);

/// A part of the screen that can have the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The attempts.
    Attempts,
    /// The log.
    #[default]
    Log,
    /// The events.
    Events,
    /// The explanation.
    Explain,
}

impl Pane {
    /// Every pane, in the order of the focus. A click names a pane by its position here.
    pub const ALL: [Self; 4] = [Self::Attempts, Self::Log, Self::Events, Self::Explain];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attempts => "Attempts",
            Self::Log => "Log",
            Self::Events => "Events",
            Self::Explain => "Explain",
        }
    }

    fn step(self, by: usize) -> Self {
        let now = Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0);
        Self::ALL.get((now + by) % Self::ALL.len()).copied().unwrap_or_default()
    }
}

/// A text that is being typed.
#[derive(Clone, Debug)]
enum Prompt {
    /// The filter of the log; it works while it is typed.
    Filter,
    /// The number of an index.
    GoTo(TextField),
}

/// What a person has chosen on this screen.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    index: CompletionIndex,
    /// The number of the attempt; none for the newest, whichever that is.
    attempt: Option<u32>,
    pane: Pane,
    log: LogChoices,
    /// The event under the cursor, newest first.
    event: usize,
    /// The first line of the explanation.
    explain: usize,
    prompt: Option<Prompt>,
    /// The size of the body when it was last made, so that a page is a page.
    size: Cell<Option<(u16, u16)>>,
}

/// The prompt as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptView {
    /// What is asked for.
    pub label: &'static str,
    /// What is typed.
    pub text: String,
    /// How many columns of it are before the cursor.
    pub cursor_columns: usize,
}

/// One index as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Where everything is.
    pub layout: Layout,
    /// The pane that has the focus.
    pub pane: Pane,
    /// Of log, events and explanation the one that is shown where there is room for one.
    pub lower: Pane,
    /// The head.
    pub head: Head,
    /// The attempts.
    pub attempts: Attempts,
    /// The log, where it is shown.
    pub log: Option<LogView>,
    /// The events, where they are shown.
    pub events: Option<List>,
    /// The explanation, where it is shown.
    pub explain: Option<List>,
    /// What is being typed.
    pub prompt: Option<PromptView>,
}

impl Choices {
    /// Shows an index, with its newest attempt and the end of its log.
    pub fn open(&mut self, index: CompletionIndex, model: &Model) -> Vec<Act> {
        *self = Self {
            index,
            pane: self.pane,
            size: self.size.clone(),
            log: LogChoices {
                cut: self.log.cut,
                ..LogChoices::default()
            },
            ..Self::default()
        };
        self.refresh(model)
    }

    /// Returns the index that is shown.
    pub fn index(&self) -> CompletionIndex {
        self.index
    }

    /// Tells whether a text is being typed: then Esc and Enter are for it.
    pub fn wants_text(&self) -> bool {
        self.prompt.is_some()
    }

    /// Asks for the log of the chosen attempt if another one, or none, is being read. To be called whenever the run has changed
    /// while the screen is shown.
    pub fn refresh(&self, model: &Model) -> Vec<Act> {
        let attempts = model.run().attempts(self.index);
        let chosen = self.chosen(&attempts).and_then(|chosen| attempts.get(chosen));
        let read = model.log().pod();
        if chosen.is_some_and(|attempt| read == Some(attempt.pod)) {
            return Vec::new();
        }
        // Before its container starts a pod has no log, and once it is gone it has none any more.
        let wanted = chosen.filter(|attempt| attempt.started_at.is_some() && !attempt.gone);
        let wanted = wanted.map(|attempt| attempt.pod.to_owned());
        if wanted.is_none() && read.is_none() {
            return Vec::new();
        }
        vec![Act::Intent(Intent::ReadLog(wanted))]
    }

    /// Takes a gesture; empty for one that means nothing here.
    pub fn take(&mut self, gesture: &Gesture, model: &Model, _at: Timestamp) -> Vec<Act> {
        if let Some(prompt) = self.prompt.take() {
            return self.type_in(prompt, gesture, model);
        }
        match gesture {
            Gesture::Up => self.step(model, 1, true),
            Gesture::Down => self.step(model, 1, false),
            Gesture::PageUp => self.step(model, self.page(), true),
            Gesture::PageDown => self.step(model, self.page(), false),
            Gesture::First => self.step(model, usize::MAX, true),
            Gesture::Last => self.step(model, usize::MAX, false),
            Gesture::Left => self.beside(model, false),
            Gesture::Right => self.beside(model, true),
            Gesture::NextProblem => self.problem(model, true),
            Gesture::PreviousProblem => self.problem(model, false),
            Gesture::NextPane => self.focus(self.pane.step(1)),
            Gesture::PreviousPane => self.focus(self.pane.step(Pane::ALL.len() - 1)),
            Gesture::Click(Spot::Pane(number)) => self.focus(Pane::ALL.get(*number).copied().unwrap_or(self.pane)),
            Gesture::Click(Spot::Row(position)) => self.choose(model, *position),
            Gesture::Logs => self.focus(Pane::Log),
            Gesture::Filter => self.ask(Prompt::Filter),
            Gesture::GoTo => self.ask(Prompt::GoTo(TextField::default())),
            Gesture::ToggleFollow => {
                self.log.toggle_follow(model.log());
                self.pane = Pane::Log;
                let is_held = self.log.bottom.is_some();
                say(if is_held {
                    "the log is held here; f follows its end"
                } else {
                    "the end of the log is followed"
                })
            }
            Gesture::ToggleWrap => {
                self.log.cut = !self.log.cut;
                self.pane = Pane::Log;
                say(if self.log.cut {
                    "long lines are cut"
                } else {
                    "long lines are wrapped"
                })
            }
            Gesture::Explain => vec![Act::Explain(self.explained(model))],
            Gesture::Describe => self.describe(model),
            Gesture::Copy => vec![Act::Copy(self.command(model, "logs"))],
            Gesture::Click(Spot::Tab(_) | Spot::Index(_) | Spot::Node(_) | Spot::Field(_))
            | Gesture::Show(_)
            | Gesture::Open
            | Gesture::Back
            | Gesture::Quit
            | Gesture::Interrupt
            | Gesture::Stop
            | Gesture::Help
            | Gesture::Palette
            | Gesture::MoreWorkers
            | Gesture::FewerWorkers
            | Gesture::ToggleSuspend
            | Gesture::Cancel
            | Gesture::Yaml
            | Gesture::EditYaml
            | Gesture::Rerun
            | Gesture::Save
            | Gesture::NextMode
            | Gesture::ToggleMouse
            | Gesture::Glossary
            | Gesture::Playback(_)
            | Gesture::Edit(_) => Vec::new(),
        }
    }

    fn focus(&mut self, pane: Pane) -> Vec<Act> {
        self.pane = pane;
        Vec::new()
    }

    fn ask(&mut self, prompt: Prompt) -> Vec<Act> {
        if matches!(prompt, Prompt::Filter) {
            self.pane = Pane::Log;
        }
        self.prompt = Some(prompt);
        Vec::new()
    }

    /// Takes a gesture while a text is typed; one that is none of the text leaves it.
    fn type_in(&mut self, prompt: Prompt, gesture: &Gesture, model: &Model) -> Vec<Act> {
        match (prompt, gesture) {
            (Prompt::Filter, Gesture::Edit(edit)) => {
                self.log.filter.edit(edit);
                self.log.bottom = None;
                self.prompt = Some(Prompt::Filter);
                Vec::new()
            }
            (Prompt::GoTo(mut text), Gesture::Edit(edit)) => {
                text.edit(edit);
                self.prompt = Some(Prompt::GoTo(text));
                Vec::new()
            }
            (Prompt::Filter, Gesture::Back) => {
                self.log.filter = TextField::default();
                Vec::new()
            }
            (Prompt::GoTo(text), Gesture::Open) => self.go_to(text.text(), model),
            (_, _) => Vec::new(),
        }
    }

    fn go_to(&mut self, text: &str, model: &Model) -> Vec<Act> {
        let last = model.run().plan().shards.saturating_sub(1);
        let digits: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect();
        match digits.parse::<u32>() {
            Ok(number) if number <= last => self.open(CompletionIndex(number), model),
            Ok(_) | Err(_) => vec![Act::Say(format!(
                "\"{text}\" is no index of this run; they are 0 to {last}"
            ))],
        }
    }

    /// Moves within the focused pane.
    fn step(&mut self, model: &Model, by: usize, up: bool) -> Vec<Act> {
        let moved = |now: usize, last: usize| {
            if up {
                now.min(last).saturating_sub(by)
            } else {
                now.saturating_add(by).min(last)
            }
        };
        match self.pane {
            Pane::Attempts => {
                let attempts = model.run().attempts(self.index);
                let last = attempts.len().saturating_sub(1);
                let now = self.chosen(&attempts).map_or(0, |chosen| last - chosen);
                self.choose(model, moved(now, last))
            }
            Pane::Log => {
                self.log.scroll(model.log(), self.page(), by, up);
                Vec::new()
            }
            Pane::Events => {
                let count = parts::events_of(model, &model.run().attempts(self.index)).len();
                self.event = moved(self.event, count.saturating_sub(1));
                Vec::new()
            }
            Pane::Explain => {
                let (columns, rows) = self.inside(Pane::Explain);
                let attempts = model.run().attempts(self.index);
                let explained = explain::of_index_alone(self.index, model, &attempts);
                let lines = parts::explanation_lines(&explained, columns).len();
                self.explain = moved(self.explain, lines.saturating_sub(rows));
                Vec::new()
            }
        }
    }

    /// Chooses an attempt by its position, newest first. The newest one stays the newest when another begins.
    fn choose(&mut self, model: &Model, position: usize) -> Vec<Act> {
        self.pane = Pane::Attempts;
        let attempts = model.run().attempts(self.index);
        let number = attempts.iter().rev().nth(position).map(|attempt| attempt.number);
        self.attempt = number.filter(|_| position > 0);
        self.log.bottom = None;
        self.refresh(model)
    }

    /// Goes to the index before or after this one.
    fn beside(&mut self, model: &Model, after: bool) -> Vec<Act> {
        let last = model.run().plan().shards.saturating_sub(1);
        let now = self.index.0;
        let next = if after {
            now.saturating_add(1).min(last)
        } else {
            now.saturating_sub(1).min(last)
        };
        if next == now {
            Vec::new()
        } else {
            self.open(CompletionIndex(next), model)
        }
    }

    /// Goes to the next index with a problem, or the one before; past the end it begins again.
    fn problem(&mut self, model: &Model, after: bool) -> Vec<Act> {
        let set = problems(model.run());
        let found = if after {
            let later = set.indexes().find(|index| *index > self.index);
            later.or_else(|| set.indexes().next())
        } else {
            let earlier = set.indexes().take_while(|index| *index < self.index).last();
            earlier.or_else(|| set.indexes().last())
        };
        match found {
            Some(index) => self.open(index, model),
            None => vec![Act::Say("no index has a problem".to_owned())],
        }
    }

    /// Returns the position of the chosen attempt, first to last.
    fn chosen(&self, attempts: &[Attempt<'_>]) -> Option<usize> {
        let newest = attempts.len().checked_sub(1)?;
        let number = self.attempt.unwrap_or(u32::MAX);
        Some(
            attempts
                .iter()
                .position(|attempt| attempt.number == number)
                .unwrap_or(newest),
        )
    }

    fn explained(&self, model: &Model) -> Explained {
        if self.pane == Pane::Events {
            let attempts = model.run().attempts(self.index);
            if let Some(event) = parts::events_of(model, &attempts).get(self.event) {
                let warned = RunEvent::Warned {
                    object: format!("{} {}", event.object_kind, event.object_name),
                    why: event.why.clone(),
                    count: event.count.max(1),
                };
                return explain::of_event(&warned, model);
            }
        }
        explain::of_index(self.index, model)
    }

    fn describe(&self, model: &Model) -> Vec<Act> {
        let attempts = model.run().attempts(self.index);
        let Some(attempt) = self.chosen(&attempts).and_then(|chosen| attempts.get(chosen)) else {
            return vec![Act::Say(format!("index {} has no pod yet", self.index))];
        };
        vec![Act::Page {
            title: format!("Pod {}", attempt.pod),
            lines: parts::described(model, self.index, attempt, &self.command(model, "describe pod")),
        }]
    }

    /// Writes the command of kubectl that does something with the chosen pod; without one that shows the Job.
    fn command(&self, model: &Model, what: &str) -> String {
        let run = model.run();
        let attempts = run.attempts(self.index);
        let flags = reach_flags(model);
        match self.chosen(&attempts).and_then(|chosen| attempts.get(chosen)) {
            Some(attempt) => format!("kubectl {what} {}{flags}", attempt.pod),
            None => {
                let job = run
                    .job()
                    .map_or_else(|| run.plan().run.to_string(), |job| job.name.clone());
                format!("kubectl describe job {job}{flags}")
            }
        }
    }

    /// Returns columns and rows inside of a pane.
    fn inside(&self, pane: Pane) -> (usize, usize) {
        let (columns, rows) = self.size.get().unwrap_or(SIZE);
        part_of(&layout::layout(columns, rows), pane).inside()
    }

    /// Returns how many rows a page is.
    fn page(&self) -> usize {
        self.inside(self.pane).1.max(1)
    }
}

fn say(words: &str) -> Vec<Act> {
    vec![Act::Say(words.to_owned())]
}

/// Returns where a pane is, or would be.
fn part_of(layout: &Layout, pane: Pane) -> Part {
    match (layout.lower, pane) {
        (_, Pane::Attempts) => layout.attempts,
        (Lower::One(part), Pane::Log | Pane::Events | Pane::Explain) => part,
        (Lower::All { log, .. }, Pane::Log) => log,
        (Lower::All { events, .. }, Pane::Events) => events,
        (Lower::All { explain, .. }, Pane::Explain) => explain,
    }
}

/// Makes what is shown of one index in a body of this size.
pub fn view(model: &Model, choices: &Choices, at: Timestamp, columns: u16, rows: u16) -> View {
    choices.size.set(Some((columns, rows)));
    let layout = layout::layout(columns, rows);
    let found = model.run().attempts(choices.index);
    let seen = Seen {
        index: choices.index,
        attempts: &found,
        chosen: choices.chosen(&found),
        at,
    };
    let lower = if choices.pane == Pane::Attempts {
        Pane::Log
    } else {
        choices.pane
    };
    let room = |pane: Pane| {
        let is_shown = matches!(layout.lower, Lower::All { .. }) || lower == pane;
        is_shown.then(|| part_of(&layout, pane).inside())
    };
    let attempt = seen.chosen.and_then(|chosen| found.get(chosen));
    let inside = layout.attempts.inside();
    View {
        pane: choices.pane,
        lower,
        head: parts::head(model, &seen),
        attempts: attempts::attempts(model, &seen, inside.0, inside.1),
        log: room(Pane::Log).map(|(columns, rows)| log::log(model.log(), &choices.log, attempt, columns, rows)),
        events: room(Pane::Events).map(|inside| {
            let cursor = Some(choices.event).filter(|_| choices.pane == Pane::Events);
            parts::events(&parts::events_of(model, &found), cursor, at, inside)
        }),
        explain: room(Pane::Explain).map(|(columns, rows)| {
            let explained = explain::of_index_alone(choices.index, model, &found);
            parts::explanation(&explained, choices.explain, columns, rows)
        }),
        prompt: choices
            .prompt
            .as_ref()
            .map(|prompt| prompt_view(prompt, &choices.log.filter)),
        layout,
    }
}

fn prompt_view(prompt: &Prompt, filter: &TextField) -> PromptView {
    let (label, text) = match prompt {
        Prompt::Filter => ("only lines with: ", filter),
        Prompt::GoTo(text) => ("go to index: ", text),
    };
    PromptView {
        label,
        text: text.text().to_owned(),
        cursor_columns: text.cursor_columns(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
