//! The last minute, one row a worker slot: what it computed and when it stood idle. Pure.
//!
//! Kubernetes knows no slots. A stretch of work takes the first row of its node that is free, so that as many rows are drawn as
//! workers ran there at once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::Model;
use crate::model::history::StretchEnd;
use crate::view::words;

/// How much time is shown.
const WINDOW_MS: i64 = 60_000;
/// How many stretches of work are drawn at most, the latest ones.
const STRETCHES_MAX: usize = 2_000;
/// The columns of a node's name.
const NAME_COLUMNS: u16 = 10;

/// The last minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The rows.
    pub rows: Vec<Slot>,
    /// How many columns a name takes.
    pub name_columns: u16,
    /// How many rows are not drawn.
    pub more: usize,
}

/// One row: one worker slot of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The node's name, in its first row.
    pub name: String,
    /// Its columns, the oldest first.
    pub cells: Vec<Moment>,
}

/// What one slot did in one column's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// Nothing.
    #[default]
    Idle,
    /// It computed what is finished by now.
    Worked,
    /// It finished.
    Finished,
    /// It failed, or was ended.
    Failed,
    /// It computes what is not finished yet.
    Working,
    /// It computes now.
    Now,
}

/// One stretch of work, in milliseconds since the window's begin.
struct Work<'a> {
    node: &'a str,
    from: i64,
    to: i64,
    end: Option<StretchEnd>,
}

/// One row that may be drawn.
struct Row<'a> {
    node: &'a str,
    /// Whether it is the first of its node.
    is_first: bool,
    busy_ms: i64,
    works: &'a [Work<'a>],
}

/// One row while it is filled.
#[derive(Default)]
struct Filling<'a> {
    free_from: i64,
    works: Vec<Work<'a>>,
}

/// Draws the last minute in an area of so many columns and rows.
pub(super) fn timeline(model: &Model, at: Timestamp, columns: u16, rows: usize) -> Timeline {
    let name_columns = NAME_COLUMNS.min(columns / 3);
    let width = usize::from(columns.saturating_sub(name_columns.saturating_add(1)));
    if width == 0 || rows == 0 {
        return Timeline::default();
    }
    let mut nodes: BTreeMap<&str, Vec<Filling<'_>>> = model
        .run()
        .nodes()
        .map(|node| (node.name.0.as_str(), Vec::new()))
        .collect();
    for work in works(model, at) {
        let slots = nodes.entry(work.node).or_default();
        let free = slots.iter().position(|slot| slot.free_from <= work.from);
        let slot = free.unwrap_or_else(|| {
            slots.push(Filling::default());
            slots.len() - 1
        });
        if let Some(slot) = slots.get_mut(slot) {
            slot.free_from = work.to;
            slot.works.push(work);
        }
    }
    let mut named: Vec<(&str, Vec<Filling<'_>>)> = nodes.into_iter().collect();
    named.sort_by_cached_key(|(node, _)| (words::natural(node), *node));
    let all: Vec<Row<'_>> = named.iter().flat_map(|(node, slots)| rows_of(node, slots)).collect();
    let total = all.len();
    let drawn = busiest(all, rows, named.len());
    let mut before = None;
    let mut rows: Vec<Slot> = Vec::with_capacity(drawn.len());
    for row in drawn {
        let is_first = before.replace(row.node) != Some(row.node);
        rows.push(Slot {
            name: if is_first { row.node.to_owned() } else { String::new() },
            cells: cells(row.works, width),
        });
    }
    Timeline {
        more: total.saturating_sub(rows.len()),
        rows,
        name_columns,
    }
}

/// Returns the rows of a node; one that did nothing has one too.
fn rows_of<'a>(node: &'a str, slots: &'a [Filling<'_>]) -> Vec<Row<'a>> {
    let row = |number: usize, works: &'a [Work<'a>]| Row {
        node,
        is_first: number == 0,
        busy_ms: works.iter().map(|work| work.to - work.from.max(0)).sum(),
        works,
    };
    if slots.is_empty() {
        return vec![row(0, &[])];
    }
    slots
        .iter()
        .enumerate()
        .map(|(number, slot)| row(number, &slot.works))
        .collect()
}

/// Returns the busiest rows, as many as there is room for, in the order in which they were. As long as there is room for all nodes,
/// each has one.
fn busiest(mut all: Vec<Row<'_>>, room: usize, nodes: usize) -> Vec<Row<'_>> {
    if all.len() <= room {
        return all;
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_cached_key(|position| {
        let row = all.get(*position);
        let is_wanted = nodes <= room && row.is_some_and(|row| row.is_first);
        (!is_wanted, Reverse(row.map_or(0, |row| row.busy_ms)), *position)
    });
    let mut is_drawn = vec![false; all.len()];
    for position in order.into_iter().take(room) {
        if let Some(drawn) = is_drawn.get_mut(position) {
            *drawn = true;
        }
    }
    let mut is_drawn = is_drawn.into_iter();
    all.retain(|_| is_drawn.next() == Some(true));
    all
}

/// Returns the stretches of work of the last minute, in the order in which they began.
fn works(model: &Model, at: Timestamp) -> Vec<Work<'_>> {
    let begin = at.as_millisecond().saturating_sub(WINDOW_MS);
    let since = |time: Timestamp| time.as_millisecond().saturating_sub(begin);
    let history = model.history();
    let over = history.stretches().take_while(|stretch| since(stretch.ended_at) > 0);
    let over = over.map(|stretch| Work {
        node: stretch.node.as_ref().map_or("", |node| node.0.as_str()),
        from: since(stretch.began_at),
        to: since(stretch.ended_at),
        end: Some(stretch.end),
    });
    let now = history.busy().iter().rev().map(|busy| Work {
        node: busy.node.as_ref().map_or("", |node| node.0.as_str()),
        from: since(busy.began_at),
        to: WINDOW_MS,
        end: None,
    });
    let mut works: Vec<Work<'_>> = now.chain(over).take(STRETCHES_MAX).collect();
    works.sort_by_key(|work| work.from);
    works
}

fn cells(works: &[Work<'_>], width: usize) -> Vec<Moment> {
    let mut cells = vec![Moment::Idle; width];
    let columns = i64::try_from(width).unwrap_or(i64::MAX);
    let column = |ms: i64| {
        let column = ms.clamp(0, WINDOW_MS).saturating_mul(columns) / WINDOW_MS;
        usize::try_from(column).unwrap_or(0).min(width.saturating_sub(1))
    };
    for work in works {
        let (during, last) = match work.end {
            Some(StretchEnd::Done) => (Moment::Worked, Moment::Finished),
            Some(StretchEnd::Failed) => (Moment::Worked, Moment::Failed),
            None => (Moment::Working, Moment::Now),
        };
        // The window's end belongs to what begins there: so two stretches in a row do not share a column.
        let first_column = column(work.from);
        let last_column = column(work.to.saturating_sub(1)).max(first_column);
        for cell in cells.iter_mut().take(last_column).skip(first_column) {
            *cell = during;
        }
        if let Some(cell) = cells.get_mut(last_column) {
            *cell = last;
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_for_all_the_busiest_rows_are_drawn() {
        let row = |node, is_first, busy_ms| Row {
            node,
            is_first,
            busy_ms,
            works: &[],
        };
        let all = || {
            vec![
                row("a", true, 0),
                row("b", true, 5),
                row("b", false, 9),
                row("c", true, 7),
            ]
        };
        let drawn = |room| {
            let rows = busiest(all(), room, 3);
            rows.iter().map(|row| (row.node, row.busy_ms)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(4).len(), 4);
        assert_eq!(drawn(3), [("a", 0), ("b", 5), ("c", 7)], "there is room for each node");
        assert_eq!(drawn(2), [("b", 9), ("c", 7)]);
    }

    #[test]
    fn work_fills_its_columns_and_ends_in_a_sign() {
        let work = |from, to, end| Work {
            node: "a",
            from,
            to,
            end,
        };
        let works = [
            work(-5_000, 12_000, Some(StretchEnd::Done)),
            work(12_000, 24_000, Some(StretchEnd::Failed)),
            work(36_000, WINDOW_MS, None),
        ];
        let text: String = cells(&works, 10)
            .iter()
            .map(|moment| match moment {
                Moment::Idle => '.',
                Moment::Worked | Moment::Working => '=',
                Moment::Finished => '|',
                Moment::Failed => 'X',
                Moment::Now => '>',
            })
            .collect();
        assert_eq!(text, "=|=X..===>");
    }
}
