//! How meanings look: styles and glyphs.
//!
//! The colours are Okabe and Ito's, which people who see few colours can tell apart; each state also has a glyph and a word. The
//! background is never set: it is the terminal's. Without colours only modifiers are used, as explicit attributes.

use ratatui::style::{Color, Modifier, Style};

use crate::view::tone::Tone;

/// A look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// For dark terminals.
    #[default]
    Dark,
    /// For light terminals.
    Light,
    /// Brighter text, and nothing dim.
    HighContrast,
    /// Without colours.
    Mono,
}

/// The characters of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// ─
    pub horizontal: &'static str,
    /// │
    pub vertical: &'static str,
    /// ┌
    pub top_left: &'static str,
    /// ┐
    pub top_right: &'static str,
    /// └
    pub bottom_left: &'static str,
    /// ┘
    pub bottom_right: &'static str,
}

/// The characters that are not letters. Each takes one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Done, running, pending, retrying, failed, unknown.
    pub states: [&'static str; 6],
    /// What a text that was cut ends in.
    pub cut: &'static str,
    /// What of a bar is not reached.
    pub bar_rest: &'static str,
    /// A full cell.
    pub block: &'static str,
    /// The cursor of a list.
    pub cursor: &'static str,
    /// A changed line.
    pub changed: &'static str,
    /// Contact to the cluster.
    pub contact: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// The frame of a panel.
    pub frame: Frame,
}

const GLYPHS: Glyphs = Glyphs {
    states: ["✓", "▸", "·", "↻", "✗", "?"],
    cut: "…",
    bar_rest: "░",
    block: "█",
    cursor: ">",
    changed: "▌",
    contact: "●",
    dot: "·",
    frame: Frame {
        horizontal: "─",
        vertical: "│",
        top_left: "┌",
        top_right: "┐",
        bottom_left: "└",
        bottom_right: "┘",
    },
};

const GLYPHS_ASCII: Glyphs = Glyphs {
    states: ["#", ">", ".", "r", "X", "?"],
    cut: "~",
    bar_rest: "-",
    block: "#",
    cursor: ">",
    changed: "|",
    contact: "*",
    dot: "-",
    frame: Frame {
        horizontal: "-",
        vertical: "|",
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
    },
};

/// The six colours of the states, in the order of [`Glyphs::states`], for one look.
const DARK: [Color; 6] = [
    Color::Rgb(0x00, 0x9e, 0x73),
    Color::Rgb(0x56, 0xb4, 0xe9),
    Color::Rgb(0x76, 0x76, 0x76),
    Color::Rgb(0xe6, 0x9f, 0x00),
    Color::Rgb(0xd5, 0x5e, 0x00),
    Color::Rgb(0xcc, 0x79, 0xa7),
];
const LIGHT: [Color; 6] = [
    Color::Rgb(0x00, 0x7a, 0x59),
    Color::Rgb(0x00, 0x72, 0xb2),
    Color::Rgb(0x6a, 0x6a, 0x6a),
    Color::Rgb(0x9a, 0x67, 0x00),
    Color::Rgb(0xb8, 0x4d, 0x00),
    Color::Rgb(0x9c, 0x4f, 0x7c),
];

/// How meanings look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// The look.
    pub look: Look,
    /// Whether only ASCII characters are drawn.
    pub ascii: bool,
    /// Whether the terminal shows 24-bit colours; otherwise the nearest of the 256 is used.
    pub true_color: bool,
    /// The glyphs.
    pub glyphs: Glyphs,
}

impl Theme {
    /// Makes a theme with 24-bit colours.
    pub fn new(look: Look, ascii: bool) -> Self {
        Self {
            look,
            ascii,
            true_color: true,
            glyphs: if ascii { GLYPHS_ASCII } else { GLYPHS },
        }
    }

    /// Returns the style of a meaning.
    pub fn style(&self, tone: Tone) -> Style {
        let style = match self.look {
            Look::Mono => mono(tone),
            Look::Dark => coloured(
                tone,
                DARK,
                Color::Rgb(0x56, 0xb4, 0xe9),
                Some(Color::Rgb(0x88, 0x88, 0x88)),
            ),
            Look::Light => coloured(
                tone,
                LIGHT,
                Color::Rgb(0x00, 0x72, 0xb2),
                Some(Color::Rgb(0x6a, 0x6a, 0x6a)),
            ),
            Look::HighContrast => coloured(tone, DARK, Color::Rgb(0xff, 0xff, 0x00), None).add_modifier(Modifier::BOLD),
        };
        match style.fg {
            Some(Color::Rgb(red, green, blue)) if !self.true_color => {
                style.fg(Color::Indexed(nearest_of_256(red, green, blue)))
            }
            Some(_) | None => style,
        }
    }

    /// Tells whether two cells may be drawn as one character, told apart by colour alone.
    pub fn has_half_blocks(&self) -> bool {
        !self.ascii && self.look != Look::Mono
    }

    /// Returns the style of what is selected.
    pub fn selected(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Returns the glyph of a state; for other meanings a blank.
    pub fn glyph(&self, tone: Tone) -> &'static str {
        state_number(tone)
            .and_then(|number| self.glyphs.states.get(number))
            .copied()
            .unwrap_or(" ")
    }
}

fn state_number(tone: Tone) -> Option<usize> {
    match tone {
        Tone::Done => Some(0),
        Tone::Running => Some(1),
        Tone::Pending => Some(2),
        Tone::Retrying => Some(3),
        Tone::Failed => Some(4),
        Tone::Unknown => Some(5),
        Tone::Plain | Tone::Dim | Tone::Strong | Tone::Title | Tone::Accent | Tone::Warning => None,
    }
}

fn coloured(tone: Tone, states: [Color; 6], accent: Color, dim: Option<Color>) -> Style {
    if let Some(color) = state_number(tone).and_then(|number| states.get(number)) {
        return Style::new().fg(*color);
    }
    match tone {
        Tone::Dim => dim.map_or_else(Style::new, |color| Style::new().fg(color)),
        Tone::Strong | Tone::Title => Style::new().add_modifier(Modifier::BOLD),
        Tone::Accent => Style::new().fg(accent),
        Tone::Warning => Style::new().fg(states.get(3).copied().unwrap_or(Color::Reset)),
        Tone::Plain | Tone::Done | Tone::Running | Tone::Pending | Tone::Retrying | Tone::Failed | Tone::Unknown => {
            Style::new()
        }
    }
}

fn mono(tone: Tone) -> Style {
    match tone {
        Tone::Strong | Tone::Title | Tone::Failed | Tone::Retrying => Style::new().add_modifier(Modifier::BOLD),
        Tone::Accent | Tone::Warning => Style::new().add_modifier(Modifier::UNDERLINED),
        Tone::Dim | Tone::Pending => Style::new().add_modifier(Modifier::DIM),
        Tone::Plain | Tone::Done | Tone::Running | Tone::Unknown => Style::new(),
    }
}

/// Returns the nearest colour of the 6×6×6 cube that terminals with 256 colours have.
fn nearest_of_256(red: u8, green: u8, blue: u8) -> u8 {
    // The cube's levels are 0, 95, 135, 175, 215, 255.
    let level = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        _ => (value - 35) / 40,
    };
    16 + 36 * level(red) + 6 * level(green) + level(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_glyph_of_its_own() {
        for ascii in [false, true] {
            let theme = Theme::new(Look::Mono, ascii);
            let mut glyphs = theme.glyphs.states.to_vec();
            glyphs.sort_unstable();
            glyphs.dedup();
            assert_eq!(glyphs.len(), 6);
            assert!(!ascii || glyphs.iter().all(|glyph| glyph.is_ascii()));
        }
    }

    #[test]
    fn colours_become_the_nearest_of_256() {
        for (rgb, want) in [
            ((0, 0, 0), 16),
            ((255, 255, 255), 231),
            ((0x56, 0xb4, 0xe9), 74),
            ((0xd5, 0x5e, 0), 166),
        ] {
            assert_eq!(nearest_of_256(rgb.0, rgb.1, rgb.2), want, "{rgb:?}");
        }
    }
}
