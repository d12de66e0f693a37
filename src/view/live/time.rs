//! The last minute, one row a worker slot: what it computed and when it stood idle. Pure.
//!
//! Kubernetes knows no slots. A stretch of work takes the first row of its node that is free, so that as many rows are drawn as
//! workers ran there at once.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::Model;
use crate::model::history::StretchEnd;

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
    let each = (rows / nodes.len().max(1)).max(1);
    let total: usize = nodes.values().map(|slots| slots.len().max(1)).sum();
    let mut drawn = Vec::with_capacity(rows);
    for (node, slots) in &nodes {
        let count = if total <= rows {
            slots.len().max(1)
        } else {
            slots.len().clamp(1, each)
        };
        for number in 0..count.min(rows.saturating_sub(drawn.len())) {
            drawn.push(Slot {
                name: if number == 0 { (*node).to_owned() } else { String::new() },
                cells: cells(slots.get(number).map_or(&[][..], |slot| slot.works.as_slice()), width),
            });
        }
    }
    Timeline {
        more: total.saturating_sub(drawn.len()),
        rows: drawn,
        name_columns,
    }
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
