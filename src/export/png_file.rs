//! The last picture of a film as a PNG, two pixels for one, so that it is sharp on screens of high density.

use png::{BitDepth, ColorType, Encoder, EncodingError};

use super::film::{Film, Picture};
use super::raster::{Palette, Pixels, Raster, Size};

/// Writes the last picture of a film.
pub(super) fn write(film: &Film) -> Result<Vec<u8>, String> {
    let mut raster = Raster::new(Size::Double)?;
    let last = film.frames.last().map(|frame| &frame.picture);
    let picture = last.ok_or_else(|| "the film has no picture".to_owned())?;
    let palette = raster.palette([picture].into_iter());
    let pixels = draw(picture, film.size, &mut raster, &palette);
    encode(&pixels, &palette).map_err(|why| format!("the PNG cannot be written: {why}"))
}

fn draw(picture: &Picture, (columns, rows): (u16, u16), raster: &mut Raster, palette: &Palette) -> Pixels {
    let (width, height) = (Size::Double.width(), Size::Double.height());
    let mut pixels = Pixels::new(usize::from(columns) * width, usize::from(rows) * height);
    for (y, row) in picture.rows().enumerate() {
        for (x, cell) in row.iter().enumerate() {
            raster.draw(cell, palette, (x * width, y * height), &mut pixels);
        }
    }
    pixels
}

fn encode(pixels: &Pixels, palette: &Palette) -> Result<Vec<u8>, EncodingError> {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let height = pixels.numbers.len().checked_div(pixels.width).unwrap_or(0);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, side(pixels.width), side(height));
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.bytes());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels.numbers)?;
    writer.finish()?;
    Ok(bytes)
}
