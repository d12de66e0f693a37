//! The glossary: what each word means, found by its letters. It lies over whatever screen is shown.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a gesture that means nothing to the glossary changes nothing"
)]

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, columns, left, right_of, row, top};
use super::overlay::{Next, middle};
use crate::learn::glossary::{TERMS, Term, find};
use crate::view::gesture::{Gesture, Spot};
use crate::view::text::TextField;
use crate::view::tone::{Tone, dim, plain, span, strong};
use crate::view::wrap;

/// The widest it is drawn.
const COLUMNS_MAX: u16 = 100;
/// The columns of the terms.
const TERM_COLUMNS: u16 = 22;
/// The rows of the meaning below the list.
const MEANING_ROWS: u16 = 3;
/// How many rows a page has.
const PAGE_ROWS: usize = 10;

/// The glossary as it is read.
#[derive(Clone, Debug)]
pub(super) struct Glossary {
    text: TextField,
    chosen: usize,
}

impl Glossary {
    /// Opens it at a word.
    pub(super) fn new(word: &str) -> Self {
        let term = find(word).map(|term| term.term);
        let chosen = TERMS.iter().position(|known| Some(known.term) == term);
        Self {
            text: TextField::default(),
            chosen: chosen.unwrap_or(0),
        }
    }

    /// Takes one gesture.
    pub(super) fn take(&mut self, gesture: &Gesture) -> Next {
        let last = self.found().len().saturating_sub(1);
        match gesture {
            Gesture::Edit(edit) if self.text.edit(edit) => self.chosen = 0,
            Gesture::Up | Gesture::PreviousPane => self.chosen = self.chosen.saturating_sub(1),
            Gesture::Down | Gesture::NextPane => self.chosen = (self.chosen + 1).min(last),
            Gesture::PageUp => self.chosen = self.chosen.saturating_sub(PAGE_ROWS),
            Gesture::PageDown => self.chosen = (self.chosen + PAGE_ROWS).min(last),
            Gesture::Click(Spot::Row(clicked)) => self.chosen = (*clicked).min(last),
            Gesture::Back | Gesture::Open | Gesture::Glossary => return Next::Close,
            Gesture::Show(_) | Gesture::Help => return Next::Gesture(gesture.clone()),
            _ => {}
        }
        Next::Stay
    }

    /// Returns the terms that fit the text, the best first: by their names, then by what they mean.
    fn found(&self) -> Vec<&'static Term> {
        if self.text.text().trim().is_empty() {
            return TERMS.iter().collect();
        }
        let mut matcher = Matcher::new(Config::DEFAULT);
        let pattern = Pattern::parse(self.text.text(), CaseMatching::Ignore, Normalization::Smart);
        let mut buffer = Vec::new();
        let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher);
        let mut found: Vec<(u8, u32, &Term)> = Vec::new();
        for term in TERMS {
            if let Some(points) = score(term.term) {
                found.push((1, points, term));
            } else if let Some(points) = score(term.meaning) {
                found.push((0, points, term));
            }
        }
        found.sort_by_key(|(by_name, points, _)| std::cmp::Reverse((*by_name, *points)));
        found.into_iter().map(|(_, _, term)| term).collect()
    }

    /// Draws it over a screen.
    pub(super) fn render(&self, area: Rect, canvas: &mut Canvas<'_>) {
        let found = self.found();
        let over = middle(
            area,
            area.width.saturating_sub(4).min(COLUMNS_MAX),
            area.height.saturating_sub(2),
        );
        canvas.clear(over);
        let note = format!("{} of {}, Esc closes", found.len(), TERMS.len());
        let inside = canvas.panel(over, &[span("Glossary", Tone::Title)], &[dim(note)], true);
        let inside = right_of(inside, 1);
        let (line, rest) = top(inside, 1);
        self.render_text(line, canvas);
        let (list, below) = top(rest, rest.height.saturating_sub(MEANING_ROWS + 1));
        let room = usize::from(list.height);
        let first = (self.chosen + 1).saturating_sub(room);
        for (number, (place, term)) in (0..list.height).zip(found.iter().enumerate().skip(first)) {
            let line = row(list, number);
            let (name, meaning) = left(line, TERM_COLUMNS);
            canvas.text(name, term.term, Tone::Accent);
            canvas.text(right_of(meaning, 1), term.meaning, Tone::Plain);
            canvas.spot(line, Spot::Row(place));
            if place == self.chosen {
                canvas.select(line);
            }
        }
        let Some(term) = found.get(self.chosen) else {
            canvas.line(row(list, 0), &[dim("no word like that is here")]);
            return;
        };
        // In the list a long meaning is cut; here is all of it.
        let told = [strong(term.term), plain(": "), plain(term.meaning)];
        let lines = wrap::line(&told, usize::from(below.width.saturating_sub(1)).max(1));
        for (number, line) in (1..below.height).zip(&lines) {
            canvas.line(row(below, number), line);
        }
    }

    fn render_text(&self, line: Rect, canvas: &mut Canvas<'_>) {
        let text = self.text.text();
        canvas.line(line, &[span("find: ", Tone::Accent), strong(text.to_owned())]);
        let before = u16::try_from(self.text.cursor_columns()).unwrap_or(u16::MAX);
        let cursor = columns(text).min(before);
        *canvas.cursor = Some(Position {
            x: line.x.saturating_add(6).saturating_add(cursor),
            y: line.y,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::text::Edit;

    #[test]
    fn a_word_is_found_by_its_letters_or_by_what_it_means() {
        let mut glossary = Glossary::new("Pods");
        assert_eq!(glossary.found()[glossary.chosen].term, "pod");
        for (typed, want) in [("kubel", "kubelet"), ("sigkill", "exit code"), ("machine", "cluster")] {
            glossary.take(&Gesture::Edit(Edit::Clear));
            glossary.take(&Gesture::Edit(Edit::Paste(typed.into())));
            let found: Vec<&str> = glossary.found().iter().map(|term| term.term).collect();
            assert!(found.contains(&want), "{typed}: {found:?}");
        }
        glossary.take(&Gesture::Edit(Edit::Paste("zzqqxx".into())));
        assert!(glossary.found().is_empty());
        assert_eq!(glossary.take(&Gesture::Back), Next::Close);
    }
}
