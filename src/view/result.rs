//! The result: the number, what proves it, how the run went, and every index. Without a proof it says so as plainly. Pure.
//!
//! The proof looks at every index, so it is taken from the summary that is made once when the session ends; as long as the run
//! goes on only what is counted anyway is told.

use std::sync::OnceLock;

use jiff::Timestamp;

use super::explain;
use super::gesture::{Act, Gesture, Spot};
use super::tone::{Line, Tone, dim};
use super::words::{self, Piece};
use crate::model::Model;
use crate::report::json::summary_line;
use crate::run::fact::CompletionIndex;
use course::Slowest;
pub use item::Row;
use item::{Laid, laid};
pub use table::{Table, TableRow};

mod course;
mod item;
mod proof;
mod table;

/// From how many rows on there is room for large digits.
const ROWS_FOR_BIG: u16 = 26;
/// The rows of large digits.
const BIG_ROWS: u16 = 4;
/// From how many columns on both boxes stand side by side.
const COLUMNS_FOR_BOTH: u16 = 100;
/// The rows of a frame.
const FRAME_ROWS: u16 = 2;
/// The columns of a frame and of the blanks inside of it.
const FRAME_COLUMNS: u16 = 4;
/// The rows of the table that are no index: the names of its columns, and the sum.
const EDGE_ROWS: u16 = 2;
/// How many rows a page is.
const PAGE: i64 = 10;

/// How far each gesture moves.
static STEPS: [(Gesture, i64); 6] = [
    (Gesture::Up, -1),
    (Gesture::Down, 1),
    (Gesture::PageUp, -PAGE),
    (Gesture::PageDown, PAGE),
    (Gesture::First, i64::MIN),
    (Gesture::Last, i64::MAX),
];

/// What the keys move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    Table,
    Trust,
    Course,
}

/// The panes, in the order in which the keys go through them; a pane's number is its position.
const PANES: [Focus; 3] = [Focus::Table, Focus::Trust, Focus::Course];

/// What the person chose on this screen.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    focus: Focus,
    cursor: usize,
    trust_scroll: usize,
    course_scroll: usize,
    slowest: OnceLock<Slowest>,
}

/// The screen.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// What was computed.
    pub title: String,
    /// What is written in large digits where they fit, and its meaning.
    pub big: (String, Tone),
    /// The rows for the number.
    pub number_rows: u16,
    /// The headline, and what belongs to it.
    pub facts: Vec<Vec<Piece>>,
    /// The boxes, left to right.
    pub panes: Vec<Pane>,
    /// The rows of the boxes, with their frames.
    pub pane_rows: u16,
    /// Every index.
    pub table: Table,
}

/// A box of lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Pane {
    /// Its title.
    pub title: &'static str,
    /// What of it is not shown, and where.
    pub note: Line,
    /// Its lines.
    pub rows: Vec<Row>,
    /// Its number.
    pub number: usize,
    /// Whether the keys scroll it.
    pub is_focused: bool,
}

impl Choices {
    /// Takes a gesture; answers with what is to be done.
    pub fn take(&mut self, gesture: &Gesture, model: &Model, at: Timestamp) -> Vec<Act> {
        if let Some((_, step)) = STEPS.iter().find(|(moving, _)| moving == gesture) {
            self.step(*step, model, at);
            Vec::new()
        } else if let Gesture::Click(spot) = gesture {
            self.click(*spot, model)
        } else if *gesture == Gesture::NextPane {
            self.turn(1)
        } else if *gesture == Gesture::PreviousPane {
            self.turn(PANES.len() - 1)
        } else if matches!(gesture, Gesture::Open | Gesture::Logs | Gesture::Describe) {
            open(self.cursor(model))
        } else if *gesture == Gesture::Explain {
            let index = index_at(self.cursor(model));
            let explained = index.map(|index| Act::Explain(explain::of_index(index, model)));
            explained.into_iter().collect()
        } else if *gesture == Gesture::Copy {
            copied(model)
        } else if *gesture == Gesture::Save {
            vec![saved(model)]
        } else {
            Vec::new()
        }
    }

    /// Returns the row of the cursor, which a run with fewer indexes may not have.
    fn cursor(&self, model: &Model) -> usize {
        self.cursor.min(table::count(model).saturating_sub(1))
    }

    fn turn(&mut self, panes: usize) -> Vec<Act> {
        let turned = PANES.iter().cycle().skip_while(|pane| **pane != self.focus).nth(panes);
        self.focus = turned.copied().unwrap_or_default();
        Vec::new()
    }

    fn step(&mut self, step: i64, model: &Model, at: Timestamp) {
        match self.focus {
            Focus::Table => self.cursor = moved(self.cursor, table::count(model), step),
            Focus::Trust => self.trust_scroll = moved(self.trust_scroll, proof::items(model).len(), step),
            Focus::Course => {
                let count = course::items(model, &self.slowest, at).len();
                self.course_scroll = moved(self.course_scroll, count, step);
            }
        }
    }

    fn click(&mut self, spot: Spot, model: &Model) -> Vec<Act> {
        match spot {
            // What is clicked a second time is opened.
            Spot::Row(row) if self.focus == Focus::Table && self.cursor == row => open(self.cursor(model)),
            Spot::Row(row) => {
                self.focus = Focus::Table;
                self.cursor = row;
                Vec::new()
            }
            Spot::Pane(number) => {
                self.focus = PANES.get(number).copied().unwrap_or_default();
                Vec::new()
            }
            Spot::Tab(_) | Spot::Index(_) | Spot::Node(_) | Spot::Field(_) => Vec::new(),
        }
    }
}

fn moved(position: usize, count: usize, step: i64) -> usize {
    let number = |position: usize| i64::try_from(position).unwrap_or(i64::MAX);
    let last = number(count.saturating_sub(1));
    let position = number(position).saturating_add(step).clamp(0, last);
    usize::try_from(position).unwrap_or(0)
}

fn open(row: usize) -> Vec<Act> {
    index_at(row).into_iter().map(Act::OpenIndex).collect()
}

fn index_at(row: usize) -> Option<CompletionIndex> {
    u32::try_from(row).ok().map(CompletionIndex)
}

/// Copies the number once it is one; before that the command that shows the result.
fn copied(model: &Model) -> Vec<Act> {
    match model.run().total().filter(|_| proof::is_proven(model)) {
        Some(total) => vec![Act::Copy(total.to_string())],
        None => vec![
            Act::Copy(course::command(model)),
            Act::Say(
                "the total is not proven: not the number but the command that shows the result is copied".to_owned(),
            ),
        ],
    }
}

fn saved(model: &Model) -> Act {
    let object = match model.final_summary() {
        Some(summary) => summary_line(summary),
        None => summary_line(&model.summary()),
    };
    Act::Save {
        name: format!("{}-result.json", model.run().plan().run),
        text: object + "\n",
    }
}

/// Makes the screen.
pub fn view(model: &Model, choices: &Choices, at: Timestamp, columns: u16, rows: u16) -> View {
    let number_rows = if rows < ROWS_FOR_BIG { 1 } else { BIG_ROWS };
    let rest = rows.saturating_sub(number_rows + FRAME_ROWS);
    let pane_columns = if columns < COLUMNS_FOR_BOTH {
        columns
    } else {
        columns / 2
    };
    let text_columns = usize::from(pane_columns.saturating_sub(FRAME_COLUMNS));
    let trust = laid(proof::items(model), text_columns);
    let course = laid(course::items(model, &choices.slowest, at), text_columns);
    let lines = trust.rows.len().max(course.rows.len());
    let pane_rows = pane_rows(rest, lines, table::count(model));
    let room = usize::from(pane_rows.saturating_sub(FRAME_ROWS));
    let table_rows = rest.saturating_sub(pane_rows).saturating_sub(EDGE_ROWS);
    let table_columns = usize::from(columns.saturating_sub(2));
    View {
        title: title(model),
        big: proof::big(model),
        number_rows,
        facts: facts(model, number_rows),
        panes: panes(model, choices, trust, course, (columns >= COLUMNS_FOR_BOTH, room)),
        pane_rows,
        table: table::table(
            model,
            choices.cursor(model),
            choices.focus == Focus::Table,
            table_columns,
            usize::from(table_rows),
        ),
    }
}

/// Gives the boxes the rows that they need, as long as half of the room, or all of the table, is left for the table.
fn pane_rows(rest: u16, lines: usize, indexes: usize) -> u16 {
    let short = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let left_by_table = rest.saturating_sub(short(indexes).saturating_add(EDGE_ROWS));
    short(lines)
        .saturating_add(FRAME_ROWS)
        .min(left_by_table.max(rest.div_ceil(2)))
}

fn title(model: &Model) -> String {
    let mut what = proof::what(model).to_owned();
    if what.is_empty() {
        "result".clone_into(&mut what);
    }
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let among = words::count(model.run().plan().parameters, "parameter", "parameters");
    format!("{what} among {among}")
}

fn facts(model: &Model, rows: u16) -> Vec<Vec<Piece>> {
    let run = model.run();
    let plan = run.plan();
    // Without the end itself, as the proof says it.
    let end = plan.first.saturating_add(plan.parameters);
    let shards = words::count(u64::from(plan.shards), "shard", "shards");
    let (first, end) = (words::grouped(plan.first), words::grouped(end));
    let input = format!("kernel {} over {first} … {end}, in {shards}", plan.kernel);
    let command = format!("$ {}", course::command(model));
    let mut facts = vec![
        proof::headline(model),
        vec![dim(input).into()],
        vec![dim(command).into()],
    ];
    facts.truncate(usize::from(rows));
    facts
}

/// Makes the boxes: both where they fit, else the one that was chosen, with a sign of the other.
fn panes(model: &Model, choices: &Choices, trust: Laid, course: Laid, (has_both, room): (bool, usize)) -> Vec<Pane> {
    let course_title = if model.end().is_some() {
        "How it ran"
    } else {
        "How it runs"
    };
    let focus = choices.focus;
    let mut panes = Vec::new();
    if has_both || focus != Focus::Course {
        let other = if has_both { None } else { Some("Tab: how it ran") };
        let scroll = choices.trust_scroll;
        panes.push(pane(
            proof::title(model),
            trust,
            (scroll, room),
            other,
            (1, focus == Focus::Trust),
        ));
    }
    if has_both || focus == Focus::Course {
        let other = if has_both { None } else { Some("Tab: the proof") };
        let scroll = choices.course_scroll;
        panes.push(pane(
            course_title,
            course,
            (scroll, room),
            other,
            (2, focus == Focus::Course),
        ));
    }
    panes
}

fn pane(
    title: &'static str,
    laid: Laid,
    (scroll, room): (usize, usize),
    other: Option<&'static str>,
    (number, is_focused): (usize, bool),
) -> Pane {
    let count = laid.rows.len();
    let above = laid
        .starts
        .get(scroll)
        .copied()
        .unwrap_or(0)
        .min(count.saturating_sub(room));
    let below = count.saturating_sub(above.saturating_add(room));
    let counted = [(above, "above"), (below, "more below")];
    let counted = counted.into_iter().filter(|(lines, _)| *lines > 0);
    let mut notes: Vec<String> = counted.map(|(lines, place)| format!("{lines} {place}")).collect();
    notes.extend(other.map(str::to_owned));
    Pane {
        title,
        note: if notes.is_empty() {
            Line::new()
        } else {
            vec![dim(notes.join(" · "))]
        },
        rows: laid.rows.into_iter().skip(above).take(room).collect(),
        number,
        is_focused,
    }
}

#[cfg(test)]
mod tests;
