//! The table of every index: only the rows that are shown are made. And what their workers processed, added up.

use ttg_worker::protocol::number::Grouped;

use super::item::fitted;
use crate::model::Model;
use crate::plan::Plan;
use crate::run::fact::{CompletionIndex, NodeName};
use crate::run::intervals::IndexSet;
use crate::run::state::{IndexState, RunState};
use crate::view::tone::{Tone, plain, span, state_word, strong};
use crate::view::words::{self, Piece};

/// How many terms a sum has before only the sum is shown.
const TERMS_MAX: u32 = 6;
/// The columns between two columns of the table.
const GAP: &str = "  ";
/// The columns of the number of attempts.
const ATTEMPTS_COLUMNS: usize = 8;
/// The columns of a time, such as `59 min 59 s`.
const TIME_COLUMNS: usize = 11;
/// The columns of a value at least.
const VALUE_COLUMNS: usize = 12;
/// Up to how many columns there is no room for the ranges beside nodes and values.
const COLUMNS_WITHOUT_RANGE: usize = 78;
/// The columns of a node's name at least, so that both ends of a range are shown.
const NODE_COLUMNS_MIN: usize = 6;
/// The columns of a node's name at most.
const NODE_COLUMNS_MAX: usize = 40;

/// The table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The names of the columns.
    pub header: String,
    /// The rows that are shown.
    pub rows: Vec<TableRow>,
    /// Which rows of how many these are.
    pub place: String,
    /// What the workers processed, added up.
    pub sum: String,
    /// Whether the keys move its cursor.
    pub is_focused: bool,
}

/// One index.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// Its position in the whole table.
    pub number: usize,
    /// Its cells.
    pub pieces: Vec<Piece>,
    /// Whether the cursor is on it.
    pub has_cursor: bool,
}

/// Returns how many rows the whole table has.
pub(super) fn count(model: &Model) -> usize {
    usize::try_from(model.run().plan().shards).unwrap_or(usize::MAX)
}

/// Makes as many rows as there is room for, with the cursor among them.
pub(super) fn table(model: &Model, cursor: usize, is_focused: bool, columns: usize, room: usize) -> Table {
    let run = model.run();
    let count = count(model);
    let first = cursor.saturating_sub(room / 2).min(count.saturating_sub(room));
    let doubted = run.doubted();
    let numbers = first..count.min(first.saturating_add(room));
    let widths = Widths::of(run.plan(), columns, value_columns(run, numbers.clone()));
    let rows: Vec<TableRow> = numbers
        .filter_map(|number| {
            let index = CompletionIndex(u32::try_from(number).ok()?);
            Some(TableRow {
                number,
                pieces: cells(run, index, &doubted, widths),
                has_cursor: number == cursor,
            })
        })
        .collect();
    let place = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => format!(
            "{}–{} of {}",
            Grouped(index_number(first.number)),
            Grouped(index_number(last.number)),
            words::count(u64::from(run.plan().shards), "index", "indexes"),
        ),
        _ => words::count(u64::from(run.plan().shards), "index", "indexes"),
    };
    let sum = sum(model, columns.saturating_sub(place.chars().count() + GAP.len()));
    Table {
        header: widths.header(),
        rows,
        place,
        sum,
        is_focused,
    }
}

/// Returns a position as a number that can be written; positions count indexes, which begin with 0.
fn index_number(position: usize) -> u64 {
    u64::try_from(position).unwrap_or(u64::MAX)
}

/// Returns how many columns the values need: a value is never cut. What is added up so far is mostly wider than what comes next.
fn value_columns(run: &RunState, numbers: std::ops::Range<usize>) -> usize {
    let indexes = numbers.filter_map(|number| u32::try_from(number).ok().map(CompletionIndex));
    let shown = indexes.filter_map(|index| Some(run.accepted_result(index)?.value));
    let texts = shown.chain(run.total()).map(|value| value_text(run.plan(), value));
    texts.map(|text| text.chars().count()).fold(VALUE_COLUMNS, usize::max)
}

/// The widths of the columns: they follow from the plan, the size and the widest value, so little jumps while a run goes on.
#[derive(Clone, Copy, Debug)]
struct Widths {
    index: usize,
    /// One end of a range.
    end: usize,
    has_range: bool,
    has_last: bool,
    node: usize,
    value: usize,
}

impl Widths {
    fn of(plan: &Plan, columns: usize, value: usize) -> Self {
        let index = plan.shards.to_string().len().max("index".len());
        let end = words::grouped(plan.first.saturating_add(plan.parameters))
            .len()
            .max("first".len());
        // The glyph and a blank, the index, the node, attempts, time and value, with the gaps before them.
        let taken = 2 + index + ATTEMPTS_COLUMNS + TIME_COLUMNS + value + 4 * GAP.len();
        let left = columns.saturating_sub(taken);
        let (first, last) = (end + GAP.len(), end + " … ".chars().count());
        let has_range = columns > COLUMNS_WITHOUT_RANGE && left >= first + NODE_COLUMNS_MIN;
        let has_last = has_range && left >= first + last + NODE_COLUMNS_MIN;
        let range = if has_range { first } else { 0 } + if has_last { last } else { 0 };
        Self {
            index,
            end,
            has_range,
            has_last,
            node: left.saturating_sub(range).min(NODE_COLUMNS_MAX),
            value,
        }
    }

    fn header(self) -> String {
        let Self {
            index,
            end,
            node,
            value,
            ..
        } = self;
        let range = match (self.has_range, self.has_last) {
            (false, _) => String::new(),
            (true, false) => format!("{GAP}{:>end$}", "first"),
            (true, true) => format!("{GAP}{:>end$} … {:<end$}", "first", "last"),
        };
        format!(
            "  {:>index$}{range}{GAP}{}{GAP}{:>ATTEMPTS_COLUMNS$}{GAP}{:>TIME_COLUMNS$}{GAP}{:>value$}",
            "index",
            fitted("node", node),
            "attempts",
            "time",
            "value",
        )
    }

    fn range(self, start: u64, after: u64) -> String {
        let end = self.end;
        let (first, last) = (Grouped(start), Grouped(after.saturating_sub(1)));
        match (self.has_range, self.has_last) {
            (false, _) => String::new(),
            (true, false) => format!("{GAP}{first:>end$}"),
            (true, true) => format!("{GAP}{first:>end$} … {last:<end$}"),
        }
    }
}

fn cells(run: &RunState, index: CompletionIndex, doubted: &IndexSet, widths: Widths) -> Vec<Piece> {
    let state = run.index_state(index);
    let accepted = run.accepted_result(index);
    let shard = run.plan().shard(index);
    let range = shard.map_or_else(String::new, |shard| widths.range(shard.start, shard.end));
    let node = match &accepted {
        Some(accepted) => accepted.node.cloned(),
        None => last_node(run, index),
    };
    let node = node.map_or_else(|| "-".to_owned(), |node| node.0);
    let attempts = run.attempt_count(index);
    let attempts_tone = if attempts > 1 { Tone::Retrying } else { Tone::Plain };
    let time = accepted
        .as_ref()
        .map_or_else(String::new, |accepted| words::duration(accepted.elapsed_ms));
    let number = index.0;
    let width = widths.index;
    let mut pieces: Vec<Piece> = vec![
        Piece::Glyph(Tone::of(state)),
        plain(format!(" {number:>width$}{range}{GAP}{}", fitted(&node, widths.node))).into(),
        span(format!("{GAP}{attempts:>ATTEMPTS_COLUMNS$}"), attempts_tone).into(),
        plain(format!("{GAP}{time:>TIME_COLUMNS$}{GAP}")).into(),
    ];
    match accepted {
        Some(accepted) => {
            let (value, wanted) = (value_text(run.plan(), accepted.value), widths.value);
            pieces.push(strong(format!("{value:>wanted$}")).into());
            if doubted.contains(index) {
                pieces.push(span("  not what was computed here", Tone::Failed).into());
            }
        }
        None => pieces.push(span(problem(run, index, state), Tone::of(state)).into()),
    }
    pieces
}

fn value_text(plan: &Plan, value: i128) -> String {
    plan.kernel()
        .map_or_else(|| words::grouped(value), |kernel| kernel.describe(plan.domain(), value))
}

fn last_node(run: &RunState, index: CompletionIndex) -> Option<NodeName> {
    let attempts = run.attempts(index);
    attempts.iter().rev().find_map(|attempt| attempt.node.cloned())
}

/// Says why an index has no value yet, or never.
fn problem(run: &RunState, index: CompletionIndex, state: IndexState) -> String {
    let word = state_word(state);
    match state {
        IndexState::Running => match run.progress(index) {
            Some(progress) => format!("{word} {} %", words::percent(progress.done, progress.total)),
            None => word.to_owned(),
        },
        IndexState::Failed | IndexState::Retrying => {
            let reason = run.why_failed(index).1.reason;
            if reason.is_empty() {
                word.to_owned()
            } else {
                format!("{word}: {reason}")
            }
        }
        IndexState::Disputed
        | IndexState::NoResult
        | IndexState::Pending
        | IndexState::Finished
        | IndexState::Accepted
        | IndexState::NotStarted => word.to_owned(),
    }
}

/// Adds up what the workers of accepted indexes processed: term by term where that fits, in the words of the headless run.
fn sum(model: &Model, columns: usize) -> String {
    let run = model.run();
    let plan = run.plan();
    let shards = words::count(u64::from(plan.shards), "shard", "shards");
    let is_short = plan.shards <= TERMS_MAX;
    let terms: Vec<u64> = if is_short {
        run.accepted_results().map(|accepted| accepted.processed).collect()
    } else {
        Vec::new()
    };
    let sum = match model.final_summary() {
        Some(summary) => summary.processed,
        None if is_short => terms.iter().fold(0, |sum: u64, term| sum.saturating_add(*term)),
        None => {
            let accepted = words::grouped(run.accepted());
            return format!("Processed: {accepted} of {shards}; added up when the run ends");
        }
    };
    let (sum, of) = (Grouped(sum), Grouped(plan.parameters));
    let spelled: Vec<String> = terms.iter().map(|term| Grouped(*term).to_string()).collect();
    let spelled = spelled.join(" + ");
    let accepted = words::grouped(run.accepted());
    let (long, short) = if run.is_complete() {
        (
            format!("Processed: {spelled} = {sum}"),
            format!("Processed: {shards}: {sum}"),
        )
    } else {
        let short = format!("Processed: {accepted} of {shards}: {sum} of {of}");
        (
            format!("Processed: {spelled} = {sum} of {of} ({accepted} of {shards})"),
            short,
        )
    };
    if terms.len() > 1 && long.chars().count() <= columns {
        long
    } else {
        short
    }
}
