//! A film as a GIF: one palette, and of each picture only what has changed.

use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};

use super::film::{Film, Picture};
use super::raster::{Palette, Pixels, Raster, Size};

/// The shortest time a picture is seen, in hundredths of a second. What is shorter, programs show ten times as long.
const DELAY_MIN: u64 = 2;

/// Writes a film as a GIF.
pub(super) fn write(film: &Film) -> Result<Vec<u8>, String> {
    let mut raster = Raster::new(Size::Single)?;
    let palette = raster.palette(film.frames.iter().map(|frame| &frame.picture));
    encode(film, &mut raster, &palette).map_err(|why| format!("the GIF cannot be written: {why}"))
}

fn encode(film: &Film, raster: &mut Raster, palette: &Palette) -> Result<Vec<u8>, EncodingError> {
    let side = |cells: u16, pixels: usize| u16::try_from(usize::from(cells) * pixels).unwrap_or(u16::MAX);
    let width = side(film.size.0, Size::Single.width());
    let height = side(film.size.1, Size::Single.height());
    let mut encoder = Encoder::new(Vec::new(), width, height, &palette.bytes())?;
    encoder.set_repeat(Repeat::Infinite)?;
    let mut before: Option<&Picture> = None;
    for (frame, until_ms) in film.shots() {
        // Hundredths since the beginning, so that what is rounded off does not add up.
        let delay = (until_ms / 10).saturating_sub(frame.at_ms / 10).max(DELAY_MIN);
        let changed = Changed::between(before, &frame.picture);
        let pixels = changed.draw(before, &frame.picture, raster, palette);
        encoder.write_frame(&Frame {
            delay: u16::try_from(delay).unwrap_or(u16::MAX),
            dispose: DisposalMethod::Keep,
            transparent: Some(0),
            left: side(changed.left, Size::Single.width()),
            top: side(changed.top, Size::Single.height()),
            width: side(changed.columns, Size::Single.width()),
            height: side(changed.rows, Size::Single.height()),
            buffer: pixels.numbers.into(),
            ..Frame::default()
        })?;
        before = Some(&frame.picture);
    }
    encoder.into_inner()
}

/// The cells within which two pictures differ: at least one, since a picture cannot have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Changed {
    left: u16,
    top: u16,
    columns: u16,
    rows: u16,
}

/// Returns the cells that are to be drawn, with their columns and rows.
fn news<'a>(
    before: Option<&'a Picture>,
    after: &'a Picture,
) -> impl Iterator<Item = (u16, u16, &'a super::film::Cell)> {
    let places = (0_u16..)
        .zip(after.rows())
        .flat_map(|(y, row)| (0_u16..).zip(row).map(move |(x, cell)| (x, y, cell)));
    places.enumerate().filter_map(move |(number, place)| {
        let is_new = before.is_none_or(|before| before.cells.get(number) != Some(place.2));
        is_new.then_some(place)
    })
}

impl Changed {
    fn between(before: Option<&Picture>, after: &Picture) -> Self {
        let corners = news(before, after).fold(None, |corners: Option<(u16, u16, u16, u16)>, (x, y, _)| {
            let (left, top, right, bottom) = corners.unwrap_or((x, y, x, y));
            Some((left.min(x), top.min(y), right.max(x), bottom.max(y)))
        });
        let (left, top, right, bottom) = corners.unwrap_or_default();
        Self {
            left,
            top,
            columns: right - left + 1,
            rows: bottom - top + 1,
        }
    }

    fn draw(self, before: Option<&Picture>, after: &Picture, raster: &mut Raster, palette: &Palette) -> Pixels {
        let (width, height) = (Size::Single.width(), Size::Single.height());
        let mut pixels = Pixels::new(usize::from(self.columns) * width, usize::from(self.rows) * height);
        for (x, y, cell) in news(before, after) {
            let place = (usize::from(x - self.left) * width, usize::from(y - self.top) * height);
            raster.draw(cell, palette, place, &mut pixels);
        }
        pixels
    }
}
