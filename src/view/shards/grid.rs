//! How the cells of all indexes share a screen: their shape, how many indexes one stands for, and where a move leads.
//!
//! Arithmetic only: it knows no run and draws nothing.

use std::ops::Range;

/// From how many columns on there is a panel beside the cells.
const SIDE_FROM_COLUMNS: u16 = 100;
/// How wide that panel is.
const SIDE_COLUMNS: u16 = 38;
/// From how many columns on the legend takes one row only.
const SHORT_LEGEND_FROM_COLUMNS: u16 = 130;
/// From how many columns on the rows of cells are numbered.
const GUTTER_FROM_COLUMNS: u16 = 40;
/// How many rows of cells a page moves.
const PAGE_ROWS: u32 = 5;

/// How the body is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Columns of the panel beside the cells; 0 without one.
    pub side: u16,
    /// Rows of the two panels.
    pub panels: u16,
    /// Rows of the legend below.
    pub legend: u16,
    /// Columns within the frame of the cells' panel.
    pub columns: u16,
    /// Rows within the frames.
    pub rows: u16,
}

impl Room {
    /// Divides a body.
    pub(super) fn of(columns: u16, rows: u16) -> Self {
        let side = if columns >= SIDE_FROM_COLUMNS { SIDE_COLUMNS } else { 0 };
        let legend = if columns >= SHORT_LEGEND_FROM_COLUMNS { 1 } else { 2 };
        // Two lines about what is under the cursor and one for the filter follow the legend; the cells come first.
        let foot = rows.saturating_sub(3).min(legend + 3);
        let (width, panels) = (columns - side, rows - foot);
        let frame = if width >= 4 && panels >= 3 { 2 } else { 0 };
        Self {
            side,
            panels,
            legend: legend.min(foot),
            columns: width - frame,
            rows: panels - frame,
        }
    }
}

/// What a cell looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A glyph and the number of the index.
    Wide,
    /// One glyph.
    #[default]
    Single,
    /// Half of a character: two rows of cells in one row of text, told apart by colour alone.
    Half,
}

/// A move of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// One cell back.
    Left,
    /// One cell on.
    Right,
    /// One row back.
    Up,
    /// One row on.
    Down,
    /// Some rows back.
    PageUp,
    /// Some rows on.
    PageDown,
    /// To the first cell.
    First,
    /// To the last cell.
    Last,
}

/// How the cells of all indexes are laid out, row after row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// The shape of each cell.
    pub shape: Shape,
    /// Cells in a row; 0 when there is no room at all.
    pub columns: u32,
    /// Columns of the screen that a cell takes.
    pub cell_columns: u16,
    /// Columns at the left for the number of each row's first index; 0 without them.
    pub gutter: u16,
    /// How many indexes a cell stands for; the last one may stand for fewer.
    pub per_cell: u32,
    /// How many indexes there are.
    pub shards: u32,
}

impl Grid {
    /// Lays out so many indexes: as single cells with their numbers if these fit, else as glyphs, as half characters if those
    /// may be used, and at last as cells that stand for several indexes.
    pub(super) fn fit(shards: u32, columns: u16, rows: u16, halves: bool) -> Self {
        let number = digits(shards.saturating_sub(1));
        let (wide, rows) = (number + 3, u32::from(rows));
        let per_row = u32::from(columns / wide);
        if per_row.saturating_mul(rows) >= shards {
            return Self {
                shape: Shape::Wide,
                columns: per_row,
                cell_columns: wide,
                gutter: 0,
                per_cell: 1,
                shards,
            };
        }
        let gutter = if columns >= GUTTER_FROM_COLUMNS {
            number + number.saturating_sub(1) / 3 + 1
        } else {
            0
        };
        let per_row = whole_tens(u32::from(columns - gutter));
        let (shape, rows) = if halves && per_row.saturating_mul(rows) < shards {
            (Shape::Half, rows * 2)
        } else {
            (Shape::Single, rows)
        };
        let room = per_row.saturating_mul(rows);
        Self {
            shape,
            columns: if room == 0 { 0 } else { per_row },
            cell_columns: 1,
            gutter,
            per_cell: shards.div_ceil(room.max(1)).max(1),
            shards,
        }
    }

    /// Returns how many cells there are.
    pub fn cells(&self) -> u32 {
        self.shards.div_ceil(self.per_cell.max(1))
    }

    /// Returns the cell of an index.
    pub fn cell_of(&self, index: u32) -> u32 {
        index / self.per_cell.max(1)
    }

    /// Returns the indexes of a cell.
    pub fn indexes_of(&self, cell: u32) -> Range<u32> {
        let start = cell.saturating_mul(self.per_cell).min(self.shards);
        start..start.saturating_add(self.per_cell).min(self.shards)
    }

    /// Returns the cell that a move leads to. Where there is none, the cursor stays.
    pub(super) fn moved(&self, cell: u32, step: Move) -> u32 {
        let last = self.cells().saturating_sub(1);
        let cell = cell.min(last);
        let row = self.columns.max(1);
        let up = |rows: u32| cell.checked_sub(row.saturating_mul(rows));
        let down = |rows: u32| {
            let there = cell.saturating_add(row.saturating_mul(rows));
            // From the row above a last one that is not full there is still a way down: to its end.
            if there <= last {
                there
            } else if cell / row < last / row {
                last
            } else {
                cell
            }
        };
        match step {
            // In a single row there is only its beginning and its end to go to.
            Move::Up | Move::PageUp if last < row => 0,
            Move::Down | Move::PageDown if last < row => last,
            Move::Left => cell.saturating_sub(1),
            Move::Right => cell.saturating_add(1).min(last),
            Move::Up => up(1).unwrap_or(cell),
            Move::Down => down(1),
            Move::PageUp => up(PAGE_ROWS).unwrap_or(cell % row),
            Move::PageDown => down(PAGE_ROWS),
            Move::First => 0,
            Move::Last => last,
        }
    }
}

/// Rows of whole tens are easier to count in.
fn whole_tens(columns: u32) -> u32 {
    if columns >= 10 { columns / 10 * 10 } else { columns }
}

/// Returns how many digits a number has.
fn digits(number: u32) -> u16 {
    number
        .checked_ilog10()
        .and_then(|log| u16::try_from(log).ok())
        .map_or(1, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_indexes_fits_any_room() {
        for (columns, rows) in [(1, 1), (5, 2), (78, 12), (80, 19), (160, 50), (500, 200)] {
            for shards in [1, 2, 12, 99, 100, 1_000, 9_999, 100_000] {
                for halves in [false, true] {
                    let grid = Grid::fit(shards, columns, rows, halves);
                    let lines = grid.cells().div_ceil(grid.columns);
                    let text_rows = if grid.shape == Shape::Half {
                        lines.div_ceil(2)
                    } else {
                        lines
                    };
                    assert!(text_rows <= u32::from(rows), "{shards} in {columns}x{rows}: {grid:?}");
                    let width = grid.columns * u32::from(grid.cell_columns) + u32::from(grid.gutter);
                    assert!(width <= u32::from(columns), "{shards} in {columns}x{rows}: {grid:?}");
                    assert_eq!(grid.indexes_of(grid.cells() - 1).end, shards);
                }
            }
        }
        assert_eq!(Grid::fit(12, 0, 0, true).columns, 0);
        assert_eq!(Grid::fit(12, 2, 0, true).columns, 0);
    }

    #[test]
    fn the_shape_follows_the_number_of_indexes() {
        let shape = |shards, halves| {
            let grid = Grid::fit(shards, 78, 12, halves);
            (grid.shape, grid.per_cell)
        };
        assert_eq!(shape(12, true), (Shape::Wide, 1));
        assert_eq!(shape(800, true), (Shape::Single, 1));
        assert_eq!(shape(1_000, true), (Shape::Half, 1));
        assert_eq!(shape(1_000, false), (Shape::Single, 2));
        assert_eq!(shape(100_000, true), (Shape::Half, 60));
    }

    #[test]
    fn moves_stay_among_the_cells() {
        // Three rows of ten, the last with five.
        let grid = Grid {
            columns: 10,
            cell_columns: 1,
            per_cell: 4,
            shards: 99,
            ..Grid::default()
        };
        assert_eq!(grid.cells(), 25);
        for (cell, step, there) in [
            (0, Move::Left, 0),
            (0, Move::Up, 0),
            (24, Move::Right, 24),
            (3, Move::Down, 13),
            (18, Move::Down, 24),
            (22, Move::Down, 22),
            (22, Move::PageUp, 2),
            (2, Move::PageDown, 24),
            (7, Move::Last, 24),
            (7, Move::First, 0),
        ] {
            assert_eq!(grid.moved(cell, step), there, "{cell} {step:?}");
        }
        assert_eq!(grid.indexes_of(24), 96..99);
        assert_eq!(grid.cell_of(98), 24);
    }
}
