//! Cells as pixels: each character once, in few steps between paper and ink, so that a film needs few colours.
//!
//! The same cells give the same pixels. Characters that are made of rectangles are drawn as such; the font has the others.

use std::collections::{BTreeMap, BTreeSet};

use fontdue::{Font, FontSettings};

use super::film::{Cell, Picture, Rgb};
use super::shape::{CELL_HEIGHT, CELL_WIDTH, FULL, pieces};

/// The most colours of a picture.
const COLORS_MAX: usize = 255;

/// How large the cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// A pixel a unit.
    Single,
    /// Two by two pixels a unit.
    Double,
}

impl Size {
    fn factor(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Double => 2,
        }
    }

    /// The height of an em that makes a character as wide as a cell.
    fn em(self) -> f32 {
        match self {
            Self::Single => 13.0,
            Self::Double => 26.0,
        }
    }

    /// The row on which characters stand.
    fn baseline(self) -> usize {
        match self {
            Self::Single => 12,
            Self::Double => 25,
        }
    }

    /// Returns the width of a cell in pixels.
    pub(super) fn width(self) -> usize {
        usize::from(CELL_WIDTH) * self.factor()
    }

    /// Returns the height of a cell in pixels.
    pub(super) fn height(self) -> usize {
        usize::from(CELL_HEIGHT) * self.factor()
    }
}

/// The colours of a film, by number. The number 0 is left free: it stands for what is not drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Palette {
    numbers: BTreeMap<Rgb, u8>,
}

impl Palette {
    fn new(colors: &BTreeSet<Rgb>) -> Self {
        let numbered = colors.iter().copied().zip(1..=u8::MAX);
        Self {
            numbers: numbered.take(COLORS_MAX).collect(),
        }
    }

    /// Returns the number of a colour, or of the nearest one there is.
    fn number(&self, color: Rgb) -> u8 {
        if let Some(number) = self.numbers.get(&color) {
            return *number;
        }
        let distance = |other: &Rgb| {
            let part = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
            part(color.0, other.0) + part(color.1, other.1) + part(color.2, other.2)
        };
        let nearest = self.numbers.iter().min_by_key(|(other, _)| distance(other));
        nearest.map_or(0, |(_, number)| *number)
    }

    /// Returns the colours as bytes, in the order of their numbers.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let colors = self.numbers.keys().flat_map(|color| [color.0, color.1, color.2]);
        [0, 0, 0].into_iter().chain(colors).collect()
    }
}

/// Turns cells into pixels.
pub(super) struct Raster {
    size: Size,
    regular: Font,
    bold: Font,
    /// How much ink each pixel of a cell takes on, by character and boldness.
    tiles: BTreeMap<(char, bool), Vec<u8>>,
}

impl Raster {
    /// Reads the font.
    pub(super) fn new(size: Size) -> Result<Self, String> {
        let read = |bytes: &'static [u8]| {
            let settings = FontSettings {
                scale: size.em(),
                ..FontSettings::default()
            };
            Font::from_bytes(bytes, settings).map_err(|why| format!("the font cannot be read: {why}"))
        };
        Ok(Self {
            size,
            regular: read(dejavu::sans_mono::regular())?,
            bold: read(dejavu::sans_mono::bold())?,
            tiles: BTreeMap::new(),
        })
    }

    /// Returns the colours that these pictures need.
    pub(super) fn palette<'a>(&mut self, pictures: impl Iterator<Item = &'a Picture>) -> Palette {
        let cells: BTreeSet<Cell> = pictures.flat_map(|picture| picture.cells.iter().copied()).collect();
        let mut colors = BTreeSet::new();
        for cell in &cells {
            colors.extend([cell.paper, cell.ink]);
            let levels: BTreeSet<u8> = self.tile(cell).iter().copied().collect();
            colors.extend(levels.iter().map(|level| color_of(cell, *level)));
        }
        Palette::new(&colors)
    }

    /// Returns how much ink each pixel of a cell takes on.
    fn tile(&mut self, cell: &Cell) -> &[u8] {
        let Self {
            size,
            regular,
            bold,
            tiles,
        } = self;
        let font = if cell.bold { bold } else { regular };
        tiles
            .entry((cell.symbol, cell.bold))
            .or_insert_with(|| tile(font, cell.symbol, *size))
    }

    /// Draws a cell into pixels that are so many wide, with its upper left corner at `x`, `y`.
    pub(super) fn draw(&mut self, cell: &Cell, palette: &Palette, (x, y): (usize, usize), into: &mut Pixels) {
        let numbers: Vec<u8> = (0..=FULL).map(|level| palette.number(color_of(cell, level))).collect();
        let (size, width) = (self.size, self.size.width());
        let underline = size.baseline() + size.factor();
        let is_underlined = cell.underlined;
        for (row, levels) in self.tile(cell).chunks(width).enumerate() {
            let start = (y + row) * into.width + x;
            let Some(pixels) = into.numbers.get_mut(start..start + width) else {
                return;
            };
            let is_line = is_underlined && (underline..underline + size.factor()).contains(&row);
            for (pixel, level) in pixels.iter_mut().zip(levels) {
                let level = if is_line { FULL } else { *level };
                *pixel = numbers.get(usize::from(level)).copied().unwrap_or(0);
            }
        }
    }
}

/// Pixels, by the numbers of their colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    /// How many stand beside each other.
    pub(super) width: usize,
    /// The numbers, row after row.
    pub(super) numbers: Vec<u8>,
}

impl Pixels {
    /// Makes pixels of which none is drawn.
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            numbers: vec![0; width * height],
        }
    }
}

fn color_of(cell: &Cell, level: u8) -> Rgb {
    cell.paper.towards(cell.ink, level, FULL)
}

fn tile(font: &Font, symbol: char, size: Size) -> Vec<u8> {
    let (width, height, factor) = (size.width(), size.height(), size.factor());
    let mut tile = vec![0; width * height];
    let mut put = |x: usize, y: usize, level: u8| {
        if let Some(pixel) = tile.get_mut(y * width + x).filter(|_| x < width) {
            *pixel = level;
        }
    };
    if let Some(pieces) = pieces(symbol) {
        for piece in pieces {
            let side = |from: u8, long: u8| usize::from(from) * factor..usize::from(from + long) * factor;
            for y in side(piece.y, piece.height) {
                for x in side(piece.x, piece.width) {
                    put(x, y, piece.level);
                }
            }
        }
        return tile;
    }
    if symbol.is_whitespace() || symbol.is_control() {
        return tile;
    }
    let (metrics, coverage) = font.rasterize(symbol, size.em());
    let baseline = i32::try_from(size.baseline()).unwrap_or(0);
    let above = metrics.ymin.saturating_add(i32::try_from(metrics.height).unwrap_or(0));
    let top = baseline.saturating_sub(above);
    let place = |from: i32, step: usize| {
        i32::try_from(step)
            .ok()
            .and_then(|step| usize::try_from(from.saturating_add(step)).ok())
    };
    for (row, line) in coverage.chunks(metrics.width.max(1)).enumerate() {
        for (column, covered) in line.iter().enumerate() {
            let level = (u16::from(*covered) * u16::from(FULL) + 127) / 255;
            if let (Some(x), Some(y)) = (place(metrics.xmin, column), place(top, row)) {
                put(x, y, u8::try_from(level).unwrap_or(FULL));
            }
        }
    }
    tile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_every_glyph_of_the_themes_within_its_cell() {
        let raster = Raster::new(Size::Single).unwrap();
        for symbol in "✓▸·↻✗?…●>aMg|—–−→×≤≥π√⁷".chars() {
            for font in [&raster.regular, &raster.bold] {
                assert!(font.has_glyph(symbol), "{symbol}");
                let tile = tile(font, symbol, Size::Single);
                assert!(tile.iter().any(|level| *level > 1), "{symbol}");
            }
        }
    }
}
