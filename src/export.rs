//! Films: a run as pictures of the screen, drawn from its recording without a terminal, in formats that others show.
//!
//! ```text
//! replay::Player ─model at a time─▶ ui::app ─cells─▶ shoot ─▶ film ─▶ text, cast, svg, gif, png
//! ```
//!
//! The same recording and the same options give the same bytes: time is the recording's, and nothing here reads a clock, a file or
//! the environment. `shape` draws what frames and bars are made of as rectangles, so that no format shows seams.

mod cast;
pub mod film;
pub mod flags;
mod gif_file;
mod png_file;
mod raster;
mod shape;
pub mod shoot;
mod svg;
mod text;

use film::Film;

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pictures as text.
    Text,
    /// Asciicast, version 2.
    Cast,
    /// Animated SVG.
    Svg,
    /// Animated GIF.
    Gif,
    /// The last picture as a PNG.
    Png,
}

impl Format {
    /// Returns what a file's name ends with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Cast => "cast",
            Self::Svg => "svg",
            Self::Gif => "gif",
            Self::Png => "png",
        }
    }

    /// Writes a film in this format.
    pub fn write(self, film: &Film) -> Result<Vec<u8>, String> {
        match self {
            Self::Text => Ok(text::write(film).into_bytes()),
            Self::Cast => Ok(cast::write(film).into_bytes()),
            Self::Svg => Ok(svg::write(film).into_bytes()),
            Self::Gif => gif_file::write(film),
            Self::Png => png_file::write(film),
        }
    }
}

#[cfg(test)]
mod tests;
