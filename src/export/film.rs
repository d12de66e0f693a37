//! A film: pictures of the screen with the times at which they are first seen. Must not know how they come about, nor any format.

use ratatui::buffer::{Buffer, Cell as Drawn};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthChar;

use crate::ui::theme::Look;

/// What stands in a cell that the wide character before it covers.
pub const COVERED: char = '\0';

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// Returns the colour that lies so many of so many steps on the way to another one.
    #[must_use]
    pub fn towards(self, other: Self, step: u8, steps: u8) -> Self {
        let part = |from: u8, to: u8| {
            let (step, steps) = (u16::from(step.min(steps)), u16::from(steps.max(1)));
            let mixed = (u16::from(from) * (steps - step) + u16::from(to) * step + steps / 2) / steps;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Self(part(self.0, other.0), part(self.1, other.1), part(self.2, other.2))
    }

    /// Returns how it is written in SVG and CSS.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// The colours of a terminal that nothing else is said about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ground {
    /// Of text.
    pub ink: Rgb,
    /// Of what is behind it.
    pub paper: Rgb,
}

impl Ground {
    /// Returns the colours that a look is made for.
    pub fn of(look: Look) -> Self {
        match look {
            Look::Light => Self {
                ink: Rgb(0x24, 0x29, 0x2f),
                paper: Rgb(0xff, 0xff, 0xff),
            },
            Look::HighContrast => Self {
                ink: Rgb(0xff, 0xff, 0xff),
                paper: Rgb(0, 0, 0),
            },
            Look::Dark | Look::Mono => Self {
                ink: Rgb(0xd4, 0xd4, 0xd4),
                paper: Rgb(0x1e, 0x1e, 0x1e),
            },
        }
    }

    fn cell(self, drawn: &Drawn) -> Cell {
        // A theme of the film has 24-bit colours; whatever else is said is the terminal's own.
        let mut ink = rgb(drawn.fg).unwrap_or(self.ink);
        let mut paper = rgb(drawn.bg).unwrap_or(self.paper);
        if drawn.modifier.contains(Modifier::DIM) {
            ink = ink.towards(paper, 2, 5);
        }
        if drawn.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut paper);
        }
        let underlined = drawn.modifier.contains(Modifier::UNDERLINED);
        let symbol = drawn.symbol().chars().next().unwrap_or(' ');
        if symbol == ' ' && !underlined {
            return self.blank(paper);
        }
        Cell {
            symbol,
            ink,
            paper,
            bold: drawn.modifier.contains(Modifier::BOLD),
            underlined,
        }
    }

    /// Returns a cell with nothing in it.
    pub fn blank(self, paper: Rgb) -> Cell {
        Cell {
            symbol: ' ',
            ink: self.ink,
            paper,
            bold: false,
            underlined: false,
        }
    }
}

fn rgb(color: Color) -> Option<Rgb> {
    if let Color::Rgb(red, green, blue) = color {
        Some(Rgb(red, green, blue))
    } else {
        None
    }
}

/// One cell as it is seen. Cells that look the same are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The character; [`COVERED`] behind a wide one.
    pub symbol: char,
    /// Its colour.
    pub ink: Rgb,
    /// The colour behind it.
    pub paper: Rgb,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it is underlined.
    pub underlined: bool,
}

impl Cell {
    /// Tells whether there is nothing in it to be seen but what is behind it.
    pub fn is_blank(&self) -> bool {
        matches!(self.symbol, ' ' | COVERED) && !self.underlined
    }
}

/// One picture of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// How many cells stand beside each other.
    pub columns: u16,
    /// The cells, row after row.
    pub cells: Vec<Cell>,
}

impl Picture {
    /// Takes a picture of what was drawn.
    pub fn of(drawn: &Buffer, ground: Ground) -> Self {
        let columns = drawn.area.width;
        let mut cells = Vec::with_capacity(drawn.content.len());
        for row in drawn.content.chunks(usize::from(columns.max(1))) {
            let mut is_covered = false;
            for drawn in row {
                let mut cell = ground.cell(drawn);
                if is_covered {
                    cell.symbol = COVERED;
                    is_covered = false;
                } else {
                    is_covered = cell.symbol.width() == Some(2);
                }
                cells.push(cell);
            }
        }
        Self { columns, cells }
    }

    /// Returns its rows.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks(usize::from(self.columns.max(1)))
    }

    /// Returns a row as text, without the blanks at its end.
    pub fn line(row: &[Cell]) -> String {
        let text: String = row
            .iter()
            .map(|cell| cell.symbol)
            .filter(|symbol| *symbol != COVERED)
            .collect();
        text.trim_end().to_owned()
    }
}

/// A picture and when it is first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The time since the film's beginning.
    pub at_ms: u64,
    /// The picture.
    pub picture: Picture,
}

/// Something that happens at a time of the film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The time since the film's beginning.
    pub at_ms: u64,
    /// What happens.
    pub what: String,
}

/// A film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    /// What it is called.
    pub title: String,
    /// The columns and rows of every picture.
    pub size: (u16, u16),
    /// The colours of the terminal.
    pub ground: Ground,
    /// Its frames: at least one, none like the one before it, in the order of their times, the first at the beginning.
    pub frames: Vec<Frame>,
    /// What happens in it, in the order of the times.
    pub marks: Vec<Mark>,
    /// How long it lasts, the rest on its last frame included.
    pub length_ms: u64,
}

impl Film {
    /// Adds a picture, unless it is the one that is seen already.
    pub fn push(&mut self, at_ms: u64, picture: Picture) {
        if self.frames.last().is_none_or(|last| last.picture != picture) {
            self.frames.push(Frame { at_ms, picture });
        }
    }

    /// Returns each frame with the time at which it is no longer seen.
    pub fn shots(&self) -> impl Iterator<Item = (&Frame, u64)> {
        let ends = self.frames.iter().skip(1).map(|frame| frame.at_ms);
        self.frames.iter().zip(ends.chain([self.length_ms]))
    }
}
