//! Where the parts of the screen of one index are. The view needs it to make no more than is shown, the renderer to draw it there.

/// From how many columns on the panels stand side by side.
const WIDE_COLUMNS: u16 = 110;
/// From how many rows on they do.
const WIDE_ROWS: u16 = 22;
/// The rows of the head: index, parameters, resources, how far it is.
const HEAD_ROWS: u16 = 4;

/// A part of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The first column.
    pub x: u16,
    /// The first row.
    pub y: u16,
    /// How many columns.
    pub columns: u16,
    /// How many rows.
    pub rows: u16,
}

impl Part {
    /// Returns how many columns and rows are inside of its frame; without room for one it has none.
    pub fn inside(self) -> (usize, usize) {
        let (columns, rows) = if self.columns < 4 || self.rows < 3 {
            (self.columns, self.rows)
        } else {
            (self.columns - 2, self.rows - 2)
        };
        (usize::from(columns), usize::from(rows))
    }
}

/// Where everything is. What is absent is not shown in this size, or not now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The head.
    pub head: Part,
    /// The attempts.
    pub attempts: Part,
    /// Log, events and explanation at once, or one of them.
    pub lower: Lower,
}

/// What is below the attempts, or beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lower {
    /// All three.
    All {
        /// The log.
        log: Part,
        /// The events.
        events: Part,
        /// The explanation.
        explain: Part,
    },
    /// One of them at a time.
    One(Part),
}

impl Default for Lower {
    fn default() -> Self {
        Self::One(Part::default())
    }
}

/// Divides a body of this size.
pub fn layout(columns: u16, rows: u16) -> Layout {
    let head = Part {
        rows: HEAD_ROWS.min(rows),
        columns,
        ..Part::default()
    };
    let (y, rest) = (head.rows, rows - head.rows);
    let is_wide = columns >= WIDE_COLUMNS && rows >= WIDE_ROWS;
    let upper = if rest < 6 { 0 } else { (rest * 2 / 5).clamp(3, 14) };
    let (below, below_rows) = (y + upper, rest - upper);
    let part = |x, columns, y, rows| Part { x, y, columns, rows };
    if !is_wide {
        return Layout {
            head,
            attempts: part(0, columns, y, upper),
            lower: Lower::One(part(0, columns, below, below_rows)),
        };
    }
    let left = columns / 5 * 3;
    let right = columns - left;
    Layout {
        head,
        attempts: part(0, left, y, upper),
        lower: Lower::All {
            log: part(0, left, below, below_rows),
            events: part(left, right, below, below_rows),
            explain: part(left, right, y, upper),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_every_size_without_overlap() {
        for columns in 0..210 {
            for rows in 0..60 {
                let Layout { head, attempts, lower } = layout(columns, rows);
                let parts = match lower {
                    Lower::One(part) => vec![head, attempts, part],
                    Lower::All { log, events, explain } => vec![head, attempts, log, events, explain],
                };
                let area: u32 = parts
                    .iter()
                    .map(|part| u32::from(part.columns) * u32::from(part.rows))
                    .sum();
                assert_eq!(area, u32::from(columns) * u32::from(rows), "{columns}x{rows}");
                let fits = |part: &Part| part.x + part.columns <= columns && part.y + part.rows <= rows;
                assert!(parts.iter().all(fits), "{columns}x{rows}");
            }
        }
    }
}
