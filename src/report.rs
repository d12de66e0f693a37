//! The run without a TUI: plain lines while it goes on, NDJSON for programs, and a summary at the end.
//!
//! Pure formatting over [`RunEvent`](crate::run::told::RunEvent) and [`Summary`](crate::run::summary::Summary): text
//! out, no stream, no clock, no terminal. Guarantees: an event is at most one line, whatever its strings hold; no
//! meaning by colour alone; nothing is left out of a list without a count of what was; a value is final only where
//! the run is proven.

use ttg_worker::kernel::{self, Kernel};
use ttg_worker::protocol::number::Grouped;
use ttg_worker::shard::Domain;

pub mod doctor;
pub mod json;
pub mod lines;
pub mod list;
pub mod summary;

/// The digits that stand for an exponent in texts for people.
const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/// How the values of a run are written: as its kernel describes them.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    kernel: Option<&'static dyn Kernel>,
    domain: Domain,
}

impl Values {
    /// Makes the writer for a kernel over a domain; an unknown kernel's values are plain numbers.
    pub fn new(kernel: &str, first: u64, total: u64) -> Self {
        Self {
            kernel: kernel::find(kernel),
            domain: Domain { first, total },
        }
    }

    pub(crate) fn text(self, value: i128) -> String {
        self.kernel.map_or_else(
            || Grouped(value).to_string(),
            |kernel| kernel.describe(self.domain, value),
        )
    }
}

/// How text may look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Only ASCII characters, for terminals and logs that cannot show others.
    pub ascii: bool,
    /// Colour on the glyphs, and only there.
    pub color: bool,
}

/// The state a line is about: a sign, the same in ASCII, and a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Glyph {
    Done,
    Running,
    Pending,
    Retrying,
    Failed,
    Unknown,
    Note,
    Open,
}

impl Glyph {
    /// Returns the sign, its ASCII twin, and the entry of the 256-colour palette nearest to the Okabe–Ito colour,
    /// which people with any common colour vision tell apart.
    fn look(self) -> (char, char, u8) {
        match self {
            Self::Done => ('✓', '#', 36),
            Self::Running => ('▸', '>', 74),
            Self::Pending => ('·', '.', 245),
            Self::Retrying => ('↻', 'r', 178),
            Self::Failed => ('✗', 'X', 166),
            Self::Unknown => ('?', '?', 175),
            Self::Note => ('!', '!', 178),
            Self::Open => ('…', '.', 245),
        }
    }
}

impl Style {
    /// Writes a line about a state.
    fn marked(self, glyph: Glyph, text: &str) -> String {
        let (unicode, ascii, color) = glyph.look();
        let sign = if self.ascii { ascii } else { unicode };
        let text = self.plain(text);
        if self.color {
            format!("\u{1b}[38;5;{color}m{sign}\u{1b}[0m {text}")
        } else {
            format!("{sign} {text}")
        }
    }

    /// Writes a line: control characters become spaces, so that it stays one line, and in ASCII everything else has a
    /// twin.
    pub(crate) fn plain(self, text: &str) -> String {
        let mut line = String::with_capacity(text.len());
        let mut is_exponent = false;
        for c in text.chars() {
            let exponent = SUPERSCRIPTS
                .iter()
                .zip('0'..='9')
                .find(|&(&superscript, _)| superscript == c);
            match exponent {
                _ if c.is_control() => line.push(' '),
                _ if !self.ascii || c.is_ascii() => line.push(c),
                Some((_, digit)) => {
                    if !is_exponent {
                        line.push('^');
                    }
                    line.push(digit);
                }
                None => line.push_str(ascii_twin(c)),
            }
            is_exponent = exponent.is_some();
        }
        line
    }
}

/// Returns what stands for a character in ASCII; `?` for those that texts of this program do not use.
fn ascii_twin(c: char) -> &'static str {
    match c {
        '…' => "...",
        '–' | '—' | '−' => "-",
        '·' => "|",
        '×' => "x",
        '÷' => "/",
        'π' => "pi",
        '’' | '‘' => "'",
        '‹' => "<",
        '›' => ">",
        '→' => "->",
        '≤' => "<=",
        '≥' => ">=",
        '√' => "sqrt",
        '“' | '”' => "\"",
        _ => "?",
    }
}

/// Writes a point in time since the start of the run, such as `00:01.2` or `1:02:03.4`.
pub(crate) fn clock(at_ms: u64) -> String {
    let (tenth, seconds) = (at_ms / 100 % 10, at_ms / 1_000);
    let (second, minute, hour) = (seconds % 60, seconds / 60 % 60, seconds / 3_600);
    if hour == 0 {
        format!("{minute:02}:{second:02}.{tenth}")
    } else {
        format!("{hour}:{minute:02}:{second:02}.{tenth}")
    }
}

/// Writes a span of time with its unit, such as `850 ms`, `1.2 s`, `1 min 4 s` or `2 h 5 min`.
pub(crate) fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds}.{} s", ms / 100 % 10),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600.. => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Writes a number with its noun, such as `1 index` or `12 indexes`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", Grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_have_units() {
        let clocks = [
            (0, "00:00.0"),
            (1_299, "00:01.2"),
            (3_599_999, "59:59.9"),
            (3_723_400, "1:02:03.4"),
        ];
        for (at_ms, expected) in clocks {
            assert_eq!(clock(at_ms), expected);
        }
        let spans = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (64_000, "1 min 4 s"),
            (7_500_000, "2 h 5 min"),
        ];
        for (ms, expected) in spans {
            assert_eq!(span(ms), expected);
        }
    }

    #[test]
    fn a_line_stays_one_line_and_ascii_stays_ascii() {
        let ascii = Style {
            ascii: true,
            color: false,
        };
        let table = [
            ("a\nb\u{1b}[2Jc\u{9b}d", "a b [2Jc d", "a b [2Jc d"),
            ("π(10⁷) = 664,579", "π(10⁷) = 664,579", "pi(10^7) = 664,579"),
            ("10¹² 0 … 9 — é", "10¹² 0 … 9 — é", "10^12 0 ... 9 - ?"),
            ("‹ auto › 3 → 4", "‹ auto › 3 → 4", "< auto > 3 -> 4"),
        ];
        for (text, unicode, plain) in table {
            assert_eq!(Style::default().plain(text), unicode);
            assert_eq!(ascii.plain(text), plain);
        }
    }

    #[test]
    fn colour_is_on_the_glyph_only() {
        let colored = Style {
            ascii: false,
            color: true,
        };
        assert_eq!(colored.marked(Glyph::Done, "ok"), "\u{1b}[38;5;36m✓\u{1b}[0m ok");
        assert_eq!(
            Style {
                ascii: true,
                color: false
            }
            .marked(Glyph::Failed, "no"),
            "X no"
        );
    }
}
