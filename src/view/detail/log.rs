//! A window on the log of one attempt: the end of it as it grows, or a place that stays where it is.
//!
//! Lines are counted from the log's first line on, also those that are not held any more: so a place stays the same place while
//! new lines come and old ones go.

use crate::model::log_tail::{LogTail, TailState};
use crate::run::state::Attempt;
use crate::view::explain::{self, Fate};
use crate::view::text::TextField;
use crate::view::tone::{Line, Tone, dim, plain, span};
use crate::view::words;
use crate::view::wrap;

/// What is chosen of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct LogChoices {
    /// The line at the bottom, counted from the first; none to follow the end.
    pub(super) bottom: Option<u64>,
    /// Whether long lines are cut; wrapped otherwise.
    pub(super) cut: bool,
    /// Only lines with this text are shown.
    pub(super) filter: TextField,
}

/// The log as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogView {
    /// The title: whose log it is.
    pub title: Line,
    /// How it is read, and what is not shown.
    pub state: Line,
    /// The lines.
    pub lines: Vec<Line>,
}

impl LogChoices {
    /// Moves by so many lines, up or down; `page` is how many are shown.
    pub(super) fn scroll(&mut self, log: &LogTail, page: usize, by: usize, up: bool) {
        let found = self.found(log);
        let Some(last) = found.len().checked_sub(1) else {
            self.bottom = None;
            return;
        };
        let now = self.bottom.map_or(last, |bottom| {
            found.partition_point(|line| *line <= bottom).saturating_sub(1)
        });
        let highest = page.saturating_sub(1).min(last);
        let next = if up {
            now.saturating_sub(by).max(highest)
        } else {
            now.saturating_add(by)
        };
        self.bottom = found.get(next).copied().filter(|_| next < last);
    }

    /// Follows the end, or stops where it is.
    pub(super) fn toggle_follow(&mut self, log: &LogTail) {
        self.bottom = match self.bottom {
            Some(_) => None,
            None => self.found(log).last().copied(),
        };
    }

    /// Returns the numbers of the lines that pass the filter.
    fn found(&self, log: &LogTail) -> Vec<u64> {
        let numbered = (log.forgotten()..).zip(log.lines());
        numbered
            .filter(|(_, line)| self.passes(line))
            .map(|(number, _)| number)
            .collect()
    }

    fn passes(&self, line: &str) -> bool {
        self.filter.text().is_empty() || line.contains(self.filter.text())
    }
}

/// Makes what fits of the log of an attempt.
pub(super) fn log(
    tail: &LogTail,
    choices: &LogChoices,
    attempt: Option<&Attempt<'_>>,
    columns: usize,
    rows: usize,
) -> LogView {
    let title = vec![
        span("Log", Tone::Title),
        plain(attempt.map_or_else(String::new, |attempt| format!(" of attempt {}", attempt.number))),
    ];
    let Some(attempt) = attempt else {
        return LogView {
            title,
            state: Vec::new(),
            lines: note("no pod has been made for this index yet, so there is no log", columns),
        };
    };
    if tail.pod() != Some(attempt.pod) {
        return LogView {
            title,
            state: Vec::new(),
            lines: note(unread(attempt), columns),
        };
    }
    let mut lines = window(tail, choices, columns, rows);
    if lines.is_empty() {
        lines = note(&empty(tail, choices), columns);
    }
    LogView {
        title,
        state: state(tail, choices),
        lines,
    }
}

/// Says why a log is not read.
fn unread(attempt: &Attempt<'_>) -> &'static str {
    if attempt.gone {
        "the pod is gone, and its log with it"
    } else if attempt.started_at.is_none() && explain::fate(attempt) == Fate::Alive {
        "its container has not started yet, so there is no log"
    } else {
        "the log is about to be read"
    }
}

fn empty(tail: &LogTail, choices: &LogChoices) -> String {
    if !choices.filter.text().is_empty() && tail.lines().len() > 0 {
        return "no line has this text; Esc in the filter clears it".to_owned();
    }
    match tail.state() {
        TailState::Idle | TailState::Opening => "the log is being opened".to_owned(),
        TailState::Following => "no line yet".to_owned(),
        TailState::Ended => "the log is empty".to_owned(),
        TailState::Failed(why) => format!("the log cannot be read: {why}"),
    }
}

fn state(tail: &LogTail, choices: &LogChoices) -> Line {
    let mut line = match tail.state() {
        TailState::Idle | TailState::Opening => vec![span("opening", Tone::Pending)],
        TailState::Following if choices.bottom.is_none() => vec![span("following", Tone::Running)],
        TailState::Following => vec![span("held (f follows)", Tone::Warning)],
        TailState::Ended => vec![dim("complete")],
        TailState::Failed(_) => vec![span("cannot be read", Tone::Failed)],
    };
    let count = tail.lines().len();
    if choices.filter.text().is_empty() {
        line.push(dim(format!(" · {}", words::count(to_u64(count), "line", "lines"))));
    } else {
        let found = choices.found(tail).len();
        line.push(span(
            format!(" · {found} of {count} lines with \"{}\"", choices.filter.text()),
            Tone::Accent,
        ));
    }
    if tail.forgotten() > 0 {
        line.push(span(
            format!(" · {} older not held", words::grouped(tail.forgotten())),
            Tone::Warning,
        ));
    }
    if choices.cut {
        line.push(dim(" · cut (w wraps)"));
    }
    line
}

/// Wraps a line between words; its indent stays, and what would be a blank at the end of a line goes.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let lines = wrap::line(&[plain(line.to_owned())], columns).into_iter();
    let text = |line: Line| line.iter().map(|piece| &*piece.text).collect::<String>();
    lines.map(|line| text(line).trim_end().to_owned()).collect()
}

/// Wraps what is said in place of a log.
fn note(text: &str, columns: usize) -> Vec<Line> {
    let lines = wrap::words(text, columns).into_iter();
    lines.map(|line| vec![dim(line)]).collect()
}

/// Returns the lines down to the one at the bottom; at the log's beginning the window is filled from there.
fn window(tail: &LogTail, choices: &LogChoices, columns: usize, rows: usize) -> Vec<Line> {
    let newest = to_u64(tail.lines().len());
    let bottom = choices
        .bottom
        .map_or(newest, |bottom| bottom.saturating_sub(tail.forgotten()));
    let shown = |line: &str| -> Vec<String> {
        if choices.cut {
            vec![line.to_owned()]
        } else {
            wrapped(line, columns)
        }
    };
    let below = usize::try_from(newest.saturating_sub(bottom.saturating_add(1))).unwrap_or(0);
    let upwards = tail.lines().rev().skip(below).filter(|line| choices.passes(line));
    let mut lines: Vec<String> = Vec::new();
    for line in upwards {
        if lines.len() >= rows {
            break;
        }
        lines.extend(shown(line).into_iter().rev());
    }
    lines.truncate(rows);
    lines.reverse();
    if lines.len() < rows && choices.bottom.is_some() {
        let downwards = tail.lines().filter(|line| choices.passes(line));
        lines = downwards.flat_map(shown).take(rows).collect();
    }
    lines.into_iter().map(|line| vec![plain(line)]).collect()
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::log_tail::LINES_MAX;
    use crate::view::text::Edit;

    fn texts(tail: &LogTail, choices: &LogChoices) -> Vec<String> {
        let lines = window(tail, choices, 10, 3);
        lines
            .iter()
            .map(|line| line.iter().map(|span| span.text.as_ref()).collect())
            .collect()
    }

    fn tail(lines: usize) -> LogTail {
        LogTail::of("a", (0..lines).map(|number| format!("line {number}")))
    }

    #[test]
    fn a_place_stays_where_it_is_while_lines_come() {
        let mut choices = LogChoices::default();
        assert_eq!(texts(&tail(5), &choices), ["line 2", "line 3", "line 4"]);
        choices.scroll(&tail(5), 3, 1, true);
        let held = ["line 1", "line 2", "line 3"];
        assert_eq!(texts(&tail(5), &choices), held);
        assert_eq!(texts(&tail(9), &choices), held);
        choices.scroll(&tail(9), 3, 99, true);
        assert_eq!(texts(&tail(9), &choices), ["line 0", "line 1", "line 2"]);
        choices.scroll(&tail(9), 3, 1, false);
        assert_eq!(texts(&tail(9), &choices), held, "no key is lost at the top");
        choices.scroll(&tail(9), 3, 99, false);
        assert_eq!(choices.bottom, None);
        choices.bottom = Some(1);
        let first = texts(&tail(LINES_MAX + 7), &choices).remove(0);
        assert_eq!(first, "line 7", "what is not held any more cannot be shown");
    }

    #[test]
    fn lines_are_filtered_and_wrapped() {
        let mut choices = LogChoices::default();
        choices.filter.edit(&Edit::Paste("e 1".into()));
        assert_eq!(texts(&tail(14), &choices), ["line 11", "line 12", "line 13"]);
        choices.scroll(&tail(14), 3, 1, true);
        assert_eq!(texts(&tail(14), &choices), ["line 10", "line 11", "line 12"]);
        let long = LogTail::of("a", ["0123456789abc".to_owned()].into_iter());
        let mut choices = LogChoices::default();
        assert_eq!(texts(&long, &choices), ["0123456789", "abc"]);
        let words = LogTail::of("a", ["  one two three".to_owned()].into_iter());
        assert_eq!(texts(&words, &choices), ["  one two", "three"]);
        choices.cut = true;
        assert_eq!(texts(&long, &choices), ["0123456789abc"]);
    }
}
