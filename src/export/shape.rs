//! Characters that are made of rectangles: blocks, shades, and the lines of frames. No font is asked for them, so that they meet
//! without seams wherever a film is shown.

/// How wide a cell is.
pub(super) const CELL_WIDTH: u8 = 8;
/// How high a cell is. Even, so that halves are whole.
pub(super) const CELL_HEIGHT: u8 = 16;
/// How much of the ink a cell takes on that is full of it.
pub(super) const FULL: u8 = 4;

/// The middle lines of a cell, one unit thick.
const MIDDLE_X: u8 = 4;
/// See [`MIDDLE_X`].
const MIDDLE_Y: u8 = 8;

/// A rectangle in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    /// From the left.
    pub(super) x: u8,
    /// From the top.
    pub(super) y: u8,
    /// How wide it is.
    pub(super) width: u8,
    /// How high it is.
    pub(super) height: u8,
    /// How much of the ink it takes on, out of [`FULL`].
    pub(super) level: u8,
}

const fn piece(x: u8, y: u8, width: u8, height: u8) -> Piece {
    Piece {
        x,
        y,
        width,
        height,
        level: FULL,
    }
}

/// The quarters of each block from U+2596 on: upper left, upper right, lower left, lower right.
const QUARTERS: [[bool; 4]; 10] = [
    [false, false, true, false],
    [false, false, false, true],
    [true, false, false, false],
    [true, false, true, true],
    [true, false, false, true],
    [true, true, true, false],
    [true, true, false, true],
    [false, true, false, false],
    [false, true, true, false],
    [false, true, true, true],
];

/// The lines of frames: to the left, to the right, up, down.
const LINES: [(char, [bool; 4]); 11] = [
    ('─', [true, true, false, false]),
    ('│', [false, false, true, true]),
    ('┌', [false, true, false, true]),
    ('┐', [true, false, false, true]),
    ('└', [false, true, true, false]),
    ('┘', [true, false, true, false]),
    ('├', [false, true, true, true]),
    ('┤', [true, false, true, true]),
    ('┬', [true, true, false, true]),
    ('┴', [true, true, true, false]),
    ('┼', [true, true, true, true]),
];

/// Returns the rectangles of a character that is made of them; none for any other.
pub(super) fn pieces(symbol: char) -> Option<Vec<Piece>> {
    let whole = piece(0, 0, CELL_WIDTH, CELL_HEIGHT);
    let shade = |level| vec![Piece { level, ..whole }];
    let below = |from: char| u8::try_from(u32::from(symbol).saturating_sub(u32::from(from))).unwrap_or(0);
    Some(match symbol {
        '▀' => vec![piece(0, 0, CELL_WIDTH, CELL_HEIGHT / 2)],
        '▁'..='█' => {
            let height = (below('▁') + 1) * 2;
            vec![piece(0, CELL_HEIGHT - height, CELL_WIDTH, height)]
        }
        '▉'..='▏' => vec![piece(0, 0, CELL_WIDTH - below('█'), CELL_HEIGHT)],
        '▐' => vec![piece(CELL_WIDTH / 2, 0, CELL_WIDTH / 2, CELL_HEIGHT)],
        '░' => shade(1),
        '▒' => shade(2),
        '▓' => shade(3),
        '▖'..='▟' => quarters(usize::from(below('▖'))),
        _ => {
            return LINES
                .iter()
                .find(|(line, _)| *line == symbol)
                .map(|(_, ways)| lines(*ways));
        }
    })
}

fn quarters(number: usize) -> Vec<Piece> {
    let (width, height) = (CELL_WIDTH / 2, CELL_HEIGHT / 2);
    let places = [(0, 0), (width, 0), (0, height), (width, height)];
    let filled = QUARTERS.get(number).copied().unwrap_or_default();
    let filled = places.into_iter().zip(filled).filter(|(_, is_filled)| *is_filled);
    filled.map(|((x, y), _)| piece(x, y, width, height)).collect()
}

fn lines([left, right, up, down]: [bool; 4]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (from_x, to_x) = (
        if left { 0 } else { MIDDLE_X },
        if right { CELL_WIDTH } else { MIDDLE_X + 1 },
    );
    let (from_y, to_y) = (
        if up { 0 } else { MIDDLE_Y },
        if down { CELL_HEIGHT } else { MIDDLE_Y + 1 },
    );
    if left || right {
        pieces.push(piece(from_x, MIDDLE_Y, to_x - from_x, 1));
    }
    if up || down {
        pieces.push(piece(MIDDLE_X, from_y, 1, to_y - from_y));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_lines_are_where_they_belong() {
        for (symbol, want) in [
            ('█', vec![piece(0, 0, 8, 16)]),
            ('▄', vec![piece(0, 8, 8, 8)]),
            ('▁', vec![piece(0, 14, 8, 2)]),
            ('▉', vec![piece(0, 0, 7, 16)]),
            ('▏', vec![piece(0, 0, 1, 16)]),
            ('▚', vec![piece(0, 0, 4, 8), piece(4, 8, 4, 8)]),
            ('─', vec![piece(0, 8, 8, 1)]),
            ('┘', vec![piece(0, 8, 5, 1), piece(4, 0, 1, 9)]),
        ] {
            assert_eq!(pieces(symbol), Some(want), "{symbol}");
        }
        assert_eq!(pieces('a'), None);
        assert_eq!(pieces('·'), None);
    }

    #[test]
    fn no_piece_leaves_its_cell() {
        for symbol in ('\u{2500}'..='\u{259f}').chain(['a']) {
            for piece in pieces(symbol).unwrap_or_default() {
                assert!(
                    piece.x + piece.width <= CELL_WIDTH && piece.y + piece.height <= CELL_HEIGHT,
                    "{symbol}"
                );
                assert!(
                    piece.width > 0 && piece.height > 0 && (1..=FULL).contains(&piece.level),
                    "{symbol}"
                );
            }
        }
    }
}
