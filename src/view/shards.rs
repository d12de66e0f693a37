//! The shards screen: every index as a cell, or as a part of one, all on one screen however many there are.
//!
//! The worst state wins in a cell that stands for several indexes. The cursor tells what is under it. What a cell shows beside the
//! state is a matter of the mode: how long it took, where, or how often it was tried. Knows no colours and no terminal, only whether
//! half characters can be told apart there.

use std::borrow::Cow;

use jiff::Timestamp;
use ttg_worker::protocol::number::Grouped;
use unicode_width::UnicodeWidthStr;

use super::able::problems;
use super::explain;
use super::gesture::{Act, Gesture, Spot};
use super::text::TextField;
use super::tone::{Line, Span, Tone, dim, plain, span, state_word, strong};
use crate::model::Model;
use crate::run::fact::CompletionIndex;
use crate::run::state::{IndexState, RunState};
pub use cells::{Cell, Glyph};
use cells::{Drawn, severity};
use facts::{Facts, Needs, Sieve};
use filter::Filter;
use grid::Move;
pub use grid::{Grid, Room, Shape};
pub use side::{Bar, Side};
use under::time;

mod cells;
mod facts;
mod filter;
mod grid;
mod side;
mod under;

/// How many columns are between the parts of a line.
const GAP: usize = 2;
/// How many columns the count of what does not fit into the legend takes.
const MORE_COLUMNS: usize = 8;

/// What the moves are called.
static MOVES: [(Gesture, Move); 8] = [
    (Gesture::Left, Move::Left),
    (Gesture::Right, Move::Right),
    (Gesture::Up, Move::Up),
    (Gesture::Down, Move::Down),
    (Gesture::PageUp, Move::PageUp),
    (Gesture::PageDown, Move::PageDown),
    (Gesture::First, Move::First),
    (Gesture::Last, Move::Last),
];

/// What the cells show beside the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Nothing more.
    #[default]
    State,
    /// How long the index took.
    Duration,
    /// Which node computed it.
    Node,
    /// How often it was tried.
    Attempts,
}

impl Mode {
    const ALL: [(Self, &'static str); 4] = [
        (Self::State, "state"),
        (Self::Duration, "duration"),
        (Self::Node, "node"),
        (Self::Attempts, "attempts"),
    ];

    fn next(self) -> Self {
        match self {
            Self::State => Self::Duration,
            Self::Duration => Self::Node,
            Self::Node => Self::Attempts,
            Self::Attempts => Self::State,
        }
    }
}

/// What is being typed.
#[derive(Clone, Debug)]
struct Typing {
    what: Typed,
    field: TextField,
    /// What is wrong with it so far.
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    Filter,
    GoTo,
}

/// What the person chose on this screen.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Whether cells may be half characters: the terminal shows colours and more than ASCII.
    pub half_blocks: bool,
    cursor: u32,
    /// Whether the cursor is on one index of a cell that stands for several, as it was asked for by number or searched.
    exact: bool,
    mode: Mode,
    filter: Option<Filter>,
    /// The filter as it was typed last.
    filter_text: String,
    typing: Option<Typing>,
    /// What was shown last: a move goes where the person sees it go.
    shown: std::cell::Cell<Grid>,
}

impl Choices {
    /// Makes the choices of a screen that shows half characters, or none.
    pub fn new(half_blocks: bool) -> Self {
        Self {
            half_blocks,
            ..Self::default()
        }
    }

    /// Tells whether keys are text now.
    pub fn wants_text(&self) -> bool {
        self.typing.is_some()
    }

    /// Takes a gesture; answers with what the program shall do.
    pub fn take(&mut self, gesture: &Gesture, model: &Model, at: Timestamp) -> Vec<Act> {
        if *gesture == Gesture::Explain && !self.wants_text() {
            return vec![Act::Explain(explain::of_index(self.chosen(model.run(), at), model))];
        }
        self.take_of(gesture, model.run(), at)
    }

    fn take_of(&mut self, gesture: &Gesture, run: &RunState, at: Timestamp) -> Vec<Act> {
        if let Gesture::Click(Spot::Index(index)) = gesture {
            return self.click(*index, run, at);
        }
        if let Some(typing) = self.typing.take() {
            self.take_typing(typing, gesture, run.plan().shards);
            return Vec::new();
        }
        let grid = self.shown.get();
        if let Some((_, step)) = MOVES.iter().find(|(known, _)| known == gesture) {
            let there = grid.moved(grid.cell_of(self.cursor), *step);
            self.put(grid.indexes_of(there).start, false);
        } else if matches!(gesture, Gesture::Open | Gesture::Describe | Gesture::Logs) {
            return vec![Act::OpenIndex(self.chosen(run, at))];
        } else if *gesture == Gesture::NextMode {
            self.mode = self.mode.next();
        } else if *gesture == Gesture::Filter {
            self.begin(Typed::Filter, &self.filter_text.clone());
        } else if *gesture == Gesture::GoTo {
            self.begin(Typed::GoTo, "");
        } else if matches!(gesture, Gesture::NextProblem | Gesture::PreviousProblem) {
            return self.search(run, at, *gesture == Gesture::NextProblem);
        }
        Vec::new()
    }

    fn put(&mut self, index: u32, exact: bool) {
        (self.cursor, self.exact) = (index, exact);
    }

    fn begin(&mut self, what: Typed, text: &str) {
        self.typing = Some(Typing {
            what,
            field: TextField::new(text),
            error: None,
        });
    }

    fn click(&mut self, index: CompletionIndex, run: &RunState, at: Timestamp) -> Vec<Act> {
        let grid = self.shown.get();
        if grid.cell_of(index.0) == grid.cell_of(self.cursor) {
            return vec![Act::OpenIndex(self.chosen(run, at))];
        }
        self.put(index.0, false);
        Vec::new()
    }

    /// Takes a gesture while something is being typed; whatever is no part of it is left out.
    fn take_typing(&mut self, mut typing: Typing, gesture: &Gesture, shards: u32) {
        if let Gesture::Edit(edit) = gesture {
            typing.field.edit(edit);
            typing.error = self.read(&typing, shards).err();
        } else if *gesture == Gesture::Back {
            // What was tried is undone.
            self.filter = Filter::parse(&self.filter_text, shards)
                .ok()
                .filter(|filter| !filter.is_empty());
            return;
        } else if matches!(gesture, Gesture::Open | Gesture::NextPane) && typing.error.is_none() {
            match typing.what {
                Typed::Filter => typing.field.text().trim().clone_into(&mut self.filter_text),
                Typed::GoTo => {
                    if let Ok(Some(index)) = number(typing.field.text(), shards) {
                        self.put(index, true);
                    }
                }
            }
            return;
        }
        self.typing = Some(typing);
    }

    /// Reads what was typed so far. A filter takes effect while it is typed, as soon as it is valid.
    fn read(&mut self, typing: &Typing, shards: u32) -> Result<(), String> {
        let text = typing.field.text();
        match typing.what {
            Typed::Filter => {
                let filter = Filter::parse(text, shards)?;
                self.filter = Some(filter).filter(|filter| !filter.is_empty());
            }
            Typed::GoTo => _ = number(text, shards)?,
        }
        Ok(())
    }

    /// Returns the index under the cursor.
    fn chosen(&self, run: &RunState, at: Timestamp) -> CompletionIndex {
        let facts = Facts::gather(run, at, self.needs_of_filter());
        self.chosen_of(run, &facts, &Sieve::new(self.filter.as_ref(), &facts))
    }

    /// Returns the index under the cursor; of several the worst, and of those the filter means if it means any.
    fn chosen_of(&self, run: &RunState, facts: &Facts<'_>, sieve: &Sieve<'_>) -> CompletionIndex {
        let grid = self.shown.get();
        let cursor = self.cursor.min(run.plan().shards.saturating_sub(1));
        let indexes = grid.indexes_of(grid.cell_of(cursor));
        if self.exact || indexes.len() <= 1 {
            return CompletionIndex(cursor);
        }
        let rank = |index: &CompletionIndex| {
            let state = run.index_state(*index);
            (!sieve.passes(*index, state, facts.of(*index)), severity(state), *index)
        };
        let worst = indexes.map(CompletionIndex).min_by_key(rank);
        worst.unwrap_or(CompletionIndex(cursor))
    }

    /// Moves to the next index that the filter means, or the one before; without a filter to one with a problem.
    fn search(&mut self, run: &RunState, at: Timestamp, forward: bool) -> Vec<Act> {
        let facts = Facts::gather(run, at, self.needs_of_filter());
        let sieve = Sieve::new(self.filter.as_ref(), &facts);
        let problems = problems(run);
        let is_meant = |number: &u32| {
            let index = CompletionIndex(*number);
            let state = run.index_state(index);
            if self.filter.is_some() {
                sieve.passes(index, state, facts.of(index))
            } else {
                problems.contains(index)
            }
        };
        let shards = run.plan().shards;
        let cursor = self.cursor.min(shards);
        let found = if forward {
            // In a cell of several the cursor is before the first, until it was moved to one of them.
            let is_on_one = self.exact || self.shown.get().per_cell <= 1;
            let from = cursor.saturating_add(u32::from(is_on_one)).min(shards);
            (from..shards).chain(0..from).find(is_meant)
        } else {
            (0..cursor).rev().chain((cursor..shards).rev()).find(is_meant)
        };
        let words = if self.filter.is_some() {
            "no index matches the filter"
        } else {
            "no index has a problem"
        };
        match found {
            Some(index) => {
                self.put(index, true);
                Vec::new()
            }
            None => vec![Act::Say(words.to_owned())],
        }
    }

    fn needs_of_filter(&self) -> Needs {
        Needs {
            pods: self.filter.as_ref().is_some_and(Filter::needs_pods),
            ..Needs::default()
        }
    }

    fn needs(&self, room: &Room) -> Needs {
        let each_duration = self.mode == Mode::Duration;
        Needs {
            pods: self.needs_of_filter().pods || matches!(self.mode, Mode::Node | Mode::Attempts),
            durations: each_duration || (room.side > 0 && self.mode != Mode::Node),
            each_duration,
        }
    }
}

/// Reads the number of an index; none where nothing is typed yet.
fn number(text: &str, shards: u32) -> Result<Option<u32>, String> {
    let text = text.trim().replace([',', '_'], "");
    let last = Grouped(shards.saturating_sub(1));
    if text.is_empty() {
        return Ok(None);
    }
    if !text.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("an index is a number from 0 to {last}"));
    }
    let number = text.parse::<u32>().ok().filter(|number| *number < shards);
    number
        .map(Some)
        .ok_or_else(|| format!("there is no index {text}: 0 to {last}"))
}

/// A part of a line: maybe a sign with its meaning, then text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The sign.
    pub sign: Option<(Glyph, Tone)>,
    /// The text.
    pub span: Span,
}

impl Part {
    /// Returns how many columns it takes, with what separates it from the next.
    fn columns(&self) -> usize {
        let sign = if self.sign.is_some() { 2 } else { 0 };
        sign + self.span.text.width() + GAP
    }
}

fn part(text: impl Into<Cow<'static, str>>, tone: Tone) -> Part {
    Part {
        sign: None,
        span: span(text, tone),
    }
}

fn sign(glyph: Glyph, tone: Tone, text: impl Into<Cow<'static, str>>) -> Part {
    Part {
        sign: Some((glyph, tone)),
        span: plain(text),
    }
}

/// The line of the filter, or of what is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// What stands at the left.
    pub before: Line,
    /// What is being typed, and how many columns of it are before the cursor.
    pub field: Option<(String, usize)>,
    /// What stands after it, or at the right.
    pub after: Line,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The title of the cells' panel.
    pub title: Line,
    /// Its title at the right.
    pub note: Line,
    /// How the body is divided.
    pub room: Room,
    /// How the cells are laid out.
    pub grid: Grid,
    /// The cells, row after row.
    pub cells: Vec<Cell>,
    /// The cell with the cursor.
    pub cursor: u32,
    /// The panel beside the cells, where there is room.
    pub side: Option<Side>,
    /// What the signs mean, line by line.
    pub legend: Vec<Vec<Part>>,
    /// What is under the cursor.
    pub under: [Vec<Part>; 2],
    /// The last line.
    pub prompt: Prompt,
}

/// Makes what is drawn in a body of this size.
pub fn view(model: &Model, choices: &Choices, at: Timestamp, columns: u16, rows: u16) -> View {
    view_of(model.run(), choices, at, (columns, rows))
}

/// Makes what is drawn of a run.
pub(crate) fn view_of(run: &RunState, choices: &Choices, at: Timestamp, (columns, rows): (u16, u16)) -> View {
    let shards = run.plan().shards;
    let room = Room::of(columns, rows);
    let halves = choices.half_blocks && choices.mode == Mode::State;
    let grid = Grid::fit(shards, room.columns, room.rows, halves);
    choices.shown.set(grid);
    let facts = Facts::gather(run, at, choices.needs(&room));
    let sieve = Sieve::new(choices.filter.as_ref(), &facts);
    let drawn = cells::draw(run, &grid, &facts, choices.mode, &sieve);
    let cursor = grid.cell_of(choices.cursor.min(shards.saturating_sub(1)));
    let under = grid.indexes_of(cursor);
    let chosen = choices.chosen_of(run, &facts, &sieve);
    let each = if grid.per_cell > 1 { "indexes" } else { "index" };
    let side = (room.side > 0).then(|| match choices.mode {
        Mode::Node => side::nodes(&facts, &drawn, shards, room.rows),
        Mode::State | Mode::Duration | Mode::Attempts => side::durations(&facts, room.rows),
    });
    View {
        title: vec![span("Shards", Tone::Title), dim(format!(" · {}", Grouped(shards)))],
        note: vec![dim(format!("1 cell = {} {each}", Grouped(grid.per_cell)))],
        legend: flow(
            legend(run, choices.mode, &facts, &drawn, side.is_some()),
            columns,
            room.legend,
        ),
        under: if choices.exact || under.len() <= 1 {
            under::index(run, chosen, &under, at)
        } else {
            under::cell(run, &grid, cursor, chosen)
        },
        prompt: prompt(choices, drawn.matches, shards),
        room,
        grid,
        cells: drawn.cells,
        cursor,
        side,
    }
}

/// Says what the signs mean, those of the mode first, and how many indexes are in each state.
fn legend(run: &RunState, mode: Mode, facts: &Facts<'_>, drawn: &Drawn, has_side: bool) -> Vec<Part> {
    let mut parts = match mode {
        Mode::State => Vec::new(),
        Mode::Duration => legend_of_durations(facts),
        // The panel beside the cells tells it.
        Mode::Node if has_side => Vec::new(),
        Mode::Node => legend_of_nodes(facts, drawn),
        Mode::Attempts => legend_of_attempts(drawn),
    };
    let counts = run.counts();
    let width = Grouped(run.plan().shards).to_string().len();
    let always = [
        IndexState::Accepted,
        IndexState::Running,
        IndexState::Pending,
        IndexState::NotStarted,
        IndexState::Retrying,
        IndexState::Failed,
    ];
    let rare = [IndexState::Disputed, IndexState::NoResult, IndexState::Finished];
    let rare = rare.into_iter().filter(|state| counts.of(*state) > 0);
    parts.extend(always.into_iter().chain(rare).map(|state| {
        let text = format!("{:>width$} {}", Grouped(counts.of(state)), state_word(state));
        sign(Glyph::State, Tone::of(state), text)
    }));
    parts
}

fn legend_of_durations(facts: &Facts<'_>) -> Vec<Part> {
    let Some(quantiles) = facts.quantiles else {
        return vec![part("no index has a duration yet", Tone::Dim)];
    };
    let limits = (0..).zip([quantiles.p25, quantiles.p50, quantiles.p75]);
    let mut parts: Vec<Part> = limits
        .map(|(level, ms)| sign(Glyph::Shade(level), Tone::Plain, format!("to {}", time(ms))))
        .collect();
    parts.push(sign(Glyph::Shade(3), Tone::Plain, "more"));
    parts
}

fn legend_of_nodes(facts: &Facts<'_>, drawn: &Drawn) -> Vec<Part> {
    let letters = cells::letters(&facts.nodes);
    let of_node = |node: usize| {
        let count = drawn.by_node.get(node).copied().unwrap_or(0);
        let letter = letters.get(node).copied().unwrap_or('+');
        let name = facts.nodes.get(node).copied().unwrap_or_default();
        sign(Glyph::Letter(letter), Tone::Plain, format!("{name} {}", Grouped(count)))
    };
    let mut parts: Vec<Part> = cells::by_name(&facts.nodes)
        .into_iter()
        .take(cells::LETTERS)
        .map(of_node)
        .collect();
    if facts.nodes.len() > cells::LETTERS {
        let others = u64::try_from(facts.nodes.len() - cells::LETTERS).unwrap_or(u64::MAX);
        parts.push(sign(
            Glyph::Letter('+'),
            Tone::Plain,
            format!("{} other nodes", Grouped(others)),
        ));
    }
    parts.push(sign(Glyph::Letter('*'), Tone::Plain, "several"));
    parts
}

fn legend_of_attempts(drawn: &Drawn) -> Vec<Part> {
    let seen = (0_usize..).zip(drawn.by_attempts).filter(|(_, count)| *count > 0);
    let told = seen.map(|(attempts, count)| {
        let word = match attempts {
            0 => "not tried".to_owned(),
            1 => "1 attempt".to_owned(),
            2..=9 => format!("{attempts} attempts"),
            10.. => "+ more attempts".to_owned(),
        };
        part(format!("{word}: {}", Grouped(count)), Tone::Plain)
    });
    told.collect()
}

/// Breaks parts into lines; what does not fit is counted.
fn flow(parts: Vec<Part>, columns: u16, rows: u16) -> Vec<Vec<Part>> {
    let columns = usize::from(columns) + GAP;
    let mut left = parts.into_iter().peekable();
    let mut lines = Vec::with_capacity(usize::from(rows));
    for row in 1..=rows {
        let (mut line, mut used) = (Vec::new(), 0);
        while let Some(width) = left.peek().map(Part::columns) {
            let more = if row == rows && left.len() > 1 { MORE_COLUMNS } else { 0 };
            if used > 0 && used + width + more > columns {
                break;
            }
            used += width;
            line.extend(left.next());
        }
        let rest = left.len();
        if row == rows && rest > 0 {
            line.push(part(format!("+{rest} more"), Tone::Dim));
        }
        lines.push(line);
    }
    lines
}

fn prompt(choices: &Choices, matches: u32, shards: u32) -> Prompt {
    let matched = || plain(format!("{} of {} match", Grouped(matches), Grouped(shards)));
    let Some(typing) = &choices.typing else {
        let mut before = vec![dim("mode")];
        for (mode, word) in Mode::ALL {
            let chosen = mode == choices.mode;
            before.push(if chosen {
                strong(format!(" [{word}]"))
            } else {
                dim(format!("  {word} "))
            });
        }
        let filter = || {
            vec![
                dim("filter "),
                span(choices.filter_text.clone(), Tone::Accent),
                plain("  "),
                matched(),
            ]
        };
        return Prompt {
            before,
            field: None,
            after: choices.filter.as_ref().map_or_else(Vec::new, |_| filter()),
        };
    };
    let cut = typing.field.cut();
    let after = match (&typing.error, typing.what) {
        (Some(error), _) => vec![span(error.clone(), Tone::Warning)],
        (None, _) if cut > 0 => vec![span(format!("{cut} characters left out"), Tone::Warning)],
        (None, Typed::Filter) if choices.filter.is_some() => vec![matched()],
        (None, Typed::Filter) => vec![dim("state=failed node=node-2 index=40-80 attempts>1")],
        (None, Typed::GoTo) => vec![dim(format!("0 to {}", Grouped(shards.saturating_sub(1))))],
    };
    let label = match typing.what {
        Typed::Filter => "filter ",
        Typed::GoTo => "go to index ",
    };
    Prompt {
        before: vec![span(label, Tone::Accent)],
        field: Some((typing.field.text().to_owned(), typing.field.cursor_columns())),
        after,
    }
}

#[cfg(test)]
mod tests;
