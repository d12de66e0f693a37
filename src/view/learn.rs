//! The screen of a learner: the life of a run, lessons, and what the cluster says of the learner's own actions. Pure.
//!
//! The texts are those of [`crate::learn`]; here is only which one is shown, how far it is, and what of this run belongs to it.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::gesture::{Act, Gesture, Screen, Spot};
use super::tone::{Line, Span, Tone, dim, plain, span, strong};
use super::{words, wrap};
use crate::learn::life::{self, Happened};
use crate::learn::names::Names;
use crate::learn::seen::word_for;
use crate::learn::tables::{self, Of, Table};
use crate::learn::{Lesson, Mark, Step, lessons, marks};
use crate::model::Model;

/// The columns of the list of steps.
const LIST_COLUMNS: u16 = 30;
/// From how many columns on the list stands beside the text.
const BESIDE_COLUMNS_MIN: u16 = 76;
/// The rows above both: the lesson, and what it is for.
const TITLE_ROWS: u16 = 2;
/// The columns of frames and blanks around the text.
const FRAME_COLUMNS: u16 = 4;
/// How many lines of the text one key scrolls.
const PAGE_ROWS: usize = 5;

/// A step: the number of its lesson, 0 for the life of a run, and its own.
type At = (usize, usize);

/// When an action was seen, and what showed it.
type Done = (Timestamp, String);

/// What the learner has chosen, and done so far.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    lesson: usize,
    /// The step of each lesson that was shown last.
    steps: BTreeMap<usize, usize>,
    /// When a step was opened first.
    opened: BTreeMap<At, Timestamp>,
    done: BTreeMap<At, Done>,
    /// The step whose answer is shown.
    answered: Option<At>,
    scroll: usize,
    /// How far the text could be scrolled when it was shown last: a move goes as far as the person sees it go.
    scroll_max: Cell<usize>,
    /// The kubeconfig by which another terminal finds the cluster.
    kubeconfig: Option<String>,
}

/// One step in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whether it has happened.
    pub tone: Tone,
    /// Its number and title.
    pub text: String,
    /// When it happened, by the clock of the run.
    pub note: String,
}

/// The screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The lesson.
    pub title: Line,
    /// Which of how many, and the keys for the others.
    pub place: Line,
    /// What it is for.
    pub goal: String,
    /// Whether list and text stand side by side.
    pub is_beside: bool,
    /// The columns of the list.
    pub list_columns: u16,
    /// The steps.
    pub rows: Vec<Row>,
    /// The number of the first row that is shown.
    pub first: usize,
    /// The row of the step that is shown.
    pub current: usize,
    /// The title of the step.
    pub step: String,
    /// What is told, line by line.
    pub text: Vec<Line>,
    /// How many lines are above and below of what is shown.
    pub hidden: (usize, usize),
}

impl Choices {
    /// Begins with a lesson, of a cluster that another terminal finds by this kubeconfig.
    pub fn new(lesson: usize, kubeconfig: Option<String>) -> Self {
        Self {
            lesson: lesson.min(lessons().len()),
            kubeconfig,
            ..Self::default()
        }
    }

    /// Notes what the learner has done since the step was opened.
    pub fn refresh(&mut self, model: &Model, at: Timestamp) {
        let here = self.here();
        let opened = *self.opened.entry(here).or_insert(at);
        let Some(wait) = step_at(here).and_then(|step| step.wait) else {
            return;
        };
        if self.done.contains_key(&here) {
            return;
        }
        if let Some(done) = wait.last_in(model, self.since(here, opened)) {
            self.done.insert(here, done);
        }
    }

    /// Takes a gesture; answers with what is to be done.
    pub fn take(&mut self, gesture: &Gesture, model: &Model, at: Timestamp) -> Vec<Act> {
        let step = self.here().1;
        let last = step_count(self.lesson).saturating_sub(1);
        if *gesture == Gesture::Right || *gesture == Gesture::NextPane {
            self.show_lesson((self.lesson + 1) % (lessons().len() + 1));
        } else if *gesture == Gesture::Left || *gesture == Gesture::PreviousPane {
            self.show_lesson(self.lesson.checked_sub(1).unwrap_or(lessons().len()));
        } else if *gesture == Gesture::Down {
            self.show_step((step + 1).min(last));
        } else if *gesture == Gesture::Up {
            self.show_step(step.saturating_sub(1));
        } else if *gesture == Gesture::First {
            self.show_step(0);
        } else if *gesture == Gesture::Last {
            self.show_step(last);
        } else if let Gesture::Click(Spot::Row(row)) = gesture {
            self.show_step((*row).min(last));
        } else if *gesture == Gesture::PageDown && self.scroll >= self.scroll_max.get() {
            // What is read to its end is followed by the next step.
            self.show_step((step + 1).min(last));
        } else if *gesture == Gesture::PageUp && self.scroll == 0 {
            self.show_step(step.saturating_sub(1));
        } else if *gesture == Gesture::PageDown {
            self.scroll = self.scroll.saturating_add(PAGE_ROWS).min(self.scroll_max.get());
        } else if *gesture == Gesture::PageUp {
            self.scroll = self.scroll.min(self.scroll_max.get()).saturating_sub(PAGE_ROWS);
        } else if *gesture == Gesture::Open {
            self.open(last);
        } else if *gesture == Gesture::Copy {
            return self.command(model).map(Act::Copy).into_iter().collect();
        } else {
            return Vec::new();
        }
        self.refresh(model, at);
        Vec::new()
    }

    /// Returns the term that the step is about: where the glossary opens.
    pub fn term(&self) -> Option<&'static str> {
        let text = step_at(self.here()).map_or_else(|| why_at(self.here().1), |step| step.text.as_str());
        marks(text).into_iter().find_map(|mark| match mark {
            Mark::Term(term) => Some(term),
            Mark::Plain(_) | Mark::Code(_) => None,
        })
    }

    fn here(&self) -> At {
        (self.lesson, self.steps.get(&self.lesson).copied().unwrap_or(0))
    }

    fn show_lesson(&mut self, lesson: usize) {
        (self.lesson, self.scroll, self.answered) = (lesson, 0, None);
    }

    fn show_step(&mut self, step: usize) {
        if self.here().1 != step {
            (self.scroll, self.answered) = (0, None);
        }
        self.steps.insert(self.lesson, step);
    }

    /// Shows the answer; once it is shown, the next step, and at the end the next lesson.
    fn open(&mut self, last: usize) {
        let here = self.here();
        if self.answered != Some(here) {
            self.answered = Some(here);
            // The answer stands at the end of the text, and the view goes no further than that.
            self.scroll = usize::MAX;
        } else if here.1 < last {
            self.show_step(here.1 + 1);
        } else {
            self.show_lesson((self.lesson + 1) % (lessons().len() + 1));
        }
    }

    /// Returns from when on an action counts: what was done right after the step before must not be missed.
    fn since(&self, (lesson, step): At, opened: Timestamp) -> Timestamp {
        let before = step.checked_sub(1).and_then(|before| self.done.get(&(lesson, before)));
        before.map_or(opened, |(at, _)| (*at).min(opened))
    }

    fn command(&self, model: &Model) -> Option<String> {
        let here = self.here();
        let command = match step_at(here) {
            Some(step) => step.command.as_deref(),
            None => life::STEPS.get(here.1).map(|step| step.command),
        };
        command.map(|command| Names::of(model).fill(command))
    }
}

fn lesson_at(lesson: usize) -> Option<&'static Lesson> {
    lessons().get(lesson.checked_sub(1)?)
}

fn step_at((lesson, step): At) -> Option<&'static Step> {
    lesson_at(lesson)?.steps.get(step)
}

fn why_at(step: usize) -> &'static str {
    life::STEPS.get(step).map_or("", |step| step.why)
}

fn step_count(lesson: usize) -> usize {
    lesson_at(lesson).map_or(life::STEPS.len(), |lesson| lesson.steps.len())
}

/// Makes the screen for a body of so many columns and rows.
pub fn view(model: &Model, choices: &Choices, at: Timestamp, columns: u16, rows: u16) -> View {
    let happened = (choices.lesson == 0).then(|| life::happened(model));
    let here = choices.here();
    let is_beside = columns >= BESIDE_COLUMNS_MIN;
    let all_rows = listed(model, choices, happened.as_ref());
    let body_rows = usize::from(rows.saturating_sub(TITLE_ROWS));
    let (text_columns, text_rows) = if is_beside {
        (columns - LIST_COLUMNS, body_rows.saturating_sub(2))
    } else {
        (columns, body_rows.saturating_sub(all_rows.len() + 2))
    };
    let happened_here = happened.as_ref().and_then(|all| all.get(here.1)?.as_ref());
    let told = told(model, choices, happened_here, at);
    let wide = usize::from(text_columns.saturating_sub(FRAME_COLUMNS)).max(1);
    let lines: Vec<Line> = told.iter().flat_map(|line| wrap::line(line, wide)).collect();
    choices.scroll_max.set(lines.len().saturating_sub(text_rows));
    let scroll = choices.scroll.min(choices.scroll_max.get());
    let below = lines.len().saturating_sub(scroll + text_rows);
    let shown_rows = body_rows.saturating_sub(2).max(1);
    let first = (here.1 + 1).saturating_sub(shown_rows);
    let (title, goal) = lesson_at(here.0).map_or((life::TITLE, life::GOAL), |lesson| {
        (lesson.title.as_str(), lesson.goal.as_str())
    });
    View {
        title: vec![span(format!("{}  {title}", here.0), Tone::Title)],
        place: vec![dim(format!(
            "lesson {} of 0–{}, Left Right others, i glossary",
            here.0,
            lessons().len()
        ))],
        goal: goal.to_owned(),
        is_beside,
        list_columns: LIST_COLUMNS,
        step: all_rows.get(here.1).map_or_else(String::new, |row| row.text.clone()),
        rows: all_rows.into_iter().skip(first).take(shown_rows).collect(),
        first,
        current: here.1,
        text: lines.into_iter().skip(scroll).take(text_rows).collect(),
        hidden: (scroll, below),
    }
}

/// Lists the steps of the lesson that is shown.
fn listed(model: &Model, choices: &Choices, happened: Option<&[Option<Happened>; 8]>) -> Vec<Row> {
    let clock = |at: Timestamp| words::clock(words::since_ms(model.started_at(), at));
    let Some(lesson) = lesson_at(choices.lesson) else {
        let all = happened.into_iter().flatten().map(Option::as_ref);
        let next = happened.map_or(0, |all| all.iter().take_while(|one| one.is_some()).count());
        let row = |(number, (step, one)): (usize, (&life::Told, Option<&Happened>))| Row {
            tone: match one {
                Some(_) => Tone::Done,
                None if number == next => Tone::Running,
                None => Tone::Pending,
            },
            text: format!("{} {}", number + 1, step.title),
            note: one.and_then(|one| one.at).map(clock).unwrap_or_default(),
        };
        return life::STEPS.iter().zip(all).enumerate().map(row).collect();
    };
    let row = |(number, step): (usize, &Step)| {
        let done = choices.done.get(&(choices.lesson, number));
        Row {
            tone: match (done, step.wait) {
                (Some(_), _) => Tone::Done,
                (None, Some(_)) if choices.here().1 == number => Tone::Running,
                (None, _) => Tone::Pending,
            },
            text: format!("{} {}", number + 1, step.title),
            note: done.map(|(at, _)| clock(*at)).unwrap_or_default(),
        }
    };
    lesson.steps.iter().enumerate().map(row).collect()
}

/// Writes what is told of the step that is shown.
fn told(model: &Model, choices: &Choices, happened: Option<&Happened>, at: Timestamp) -> Vec<Line> {
    let here = choices.here();
    let mut lines = Vec::new();
    let (question, answer) = if let Some(step) = step_at(here) {
        lines.extend(paragraphs(&step.text));
        lines.extend(step.table.into_iter().flat_map(|table| table_lines(table, model)));
        lines.extend(task(model, choices, step, at));
        (step.question.as_str(), step.answer.as_str())
    } else if let Some(step) = life::STEPS.get(here.1) {
        lines.push(vec![span("In this run", Tone::Title)]);
        lines.extend(facts(happened));
        lines.push(Vec::new());
        lines.extend(command(model, choices, step.command));
        lines.push(Vec::new());
        lines.push(vec![span("Why it is so", Tone::Title)]);
        lines.push(pieces(step.why));
        (step.question, step.answer)
    } else {
        return lines;
    };
    lines.push(Vec::new());
    lines.push(vec![span("? ", Tone::Accent), strong(question)]);
    lines.push(if choices.answered == Some(here) {
        vec![dim("  "), plain(answer)]
    } else {
        vec![dim("  Enter shows the answer")]
    });
    lines
}

fn facts(happened: Option<&Happened>) -> Vec<Line> {
    let Some(happened) = happened else {
        return vec![vec![dim("not yet: this is lit when it happens")]];
    };
    let at = happened.at.map(|at| vec![plain(format!("- at {at:.0}"))]);
    let facts = happened.facts.iter().map(|fact| vec![plain(format!("- {fact}"))]);
    facts.chain(at).collect()
}

/// Says what to do, and what the cluster says of it so far.
fn task(model: &Model, choices: &Choices, step: &'static Step, at: Timestamp) -> Vec<Line> {
    let mut lines = vec![Vec::new()];
    if let Some(keys) = &step.keys {
        lines.push(vec![dim("Press  "), span(keys.as_str(), Tone::Accent)]);
    }
    if let Some(typed) = &step.command {
        lines.extend(command(model, choices, typed));
    }
    let Some(wait) = step.wait else {
        return lines;
    };
    let here = choices.here();
    if let Some((_, shown)) = choices.done.get(&here) {
        lines.push(vec![
            span("Seen: ", Tone::Done),
            strong(shown.clone()),
            dim("  Down goes on"),
        ]);
        return lines;
    }
    lines.push(vec![span("Waits until ", Tone::Running), plain(wait.words())]);
    let since = choices.since(here, choices.opened.get(&here).copied().unwrap_or(at));
    if model.end().is_some() || model.run().is_job_over() {
        let text = "This run has ended, so nothing can be done to it: 1 opens the form for another one.";
        lines.push(vec![span(text, Tone::Warning)]);
    } else if let Some(word) = word_for(&step.instead, model, since) {
        lines.push(vec![span(word, Tone::Warning)]);
    }
    lines
}

/// Writes a command, and how another terminal finds the cluster where that must be said.
fn command(model: &Model, choices: &Choices, template: &str) -> Vec<Line> {
    let place = model.place();
    let first = match &choices.kubeconfig {
        Some(path) => Some(vec![
            dim("$ "),
            dim(format!("export KUBECONFIG={}", words::quoted(path))),
        ]),
        None if place.cluster != "local" => None,
        None if model.outlives() => Some(vec![dim(
            "(first the line export KUBECONFIG=… that ttg-tui local printed)",
        )]),
        None => Some(vec![dim(
            "(kubectl finds this cluster only when `ttg-tui learn` or `ttg-tui local` has started it)",
        )]),
    };
    let typed = Names::of(model).fill(template);
    let head = vec![dim("In another terminal (y copies it):")];
    let typed = vec![dim("$ "), span(typed, Tone::Accent)];
    [head].into_iter().chain(first).chain([typed]).collect()
}

/// Writes paragraphs: lines of one are joined, and lines that begin with four blanks stay as they are.
fn paragraphs(text: &'static str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let is_kept = line.starts_with("    ");
        if is_kept {
            lines.push(vec![span(line, Tone::Accent)]);
        } else if line.is_empty() {
            lines.push(Vec::new());
        } else if let Some(before) = lines.last_mut().filter(|_| is_open) {
            before.push(plain(" "));
            before.extend(pieces(line));
        } else {
            lines.push(pieces(line));
        }
        is_open = !is_kept && !line.is_empty();
    }
    lines
}

fn pieces(text: &'static str) -> Line {
    let piece = |mark| -> Span {
        match mark {
            Mark::Plain(text) => plain(text),
            Mark::Term(term) => span(term, Tone::Accent),
            Mark::Code(code) => strong(code),
        }
    };
    marks(text).into_iter().map(piece).collect()
}

/// Writes a table, with the figures of this run.
fn table_lines(table: Table, model: &Model) -> Vec<Line> {
    let run = model.run();
    let running = u64::try_from(run.running_pods()).unwrap_or(u64::MAX);
    let of = Of {
        domain: run.plan().domain(),
        shards: run.plan().shards,
        per_worker: run.per_second().checked_div(running).filter(|rate| *rate > 0),
    };
    let rows = tables::rows(table, &of);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |(number, row): (usize, &Vec<String>)| -> Line {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(column, cell)| format!("{cell:>width$}", width = widest(column)));
        let text = format!("  {}", cells.collect::<Vec<_>>().join("   "));
        vec![span(text, if number == 0 { Tone::Dim } else { Tone::Plain })]
    };
    [Line::new()]
        .into_iter()
        .chain(rows.iter().enumerate().map(line))
        .collect()
}

/// Returns the term that a screen is about: where the glossary opens.
pub fn term_of(screen: Screen) -> &'static str {
    match screen {
        Screen::New => "Job",
        Screen::Live => "worker",
        Screen::Shards => "completion index",
        Screen::Detail => "pod",
        Screen::Result => "proven",
        Screen::Learn => "run",
    }
}

#[cfg(test)]
mod tests;
