//! What lies over a screen: a question, a page of text, the palette.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a gesture that means nothing to what lies over the screen changes nothing"
)]

use std::cell::Cell;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};
use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, columns, right_of, row, top, width};
use super::glossary::Glossary;
use super::keymap::{Binding, KEYMAP, Keymap, Place};
use crate::model::Model;
use crate::view::able::{Able, able};
use crate::view::gesture::{Act, Explained, Gesture, Question, Spot};
use crate::view::text::TextField;
use crate::view::tone::{Line, Span, Tone, dim, plain, span, strong};
use crate::view::wrap;

/// The widest a page is drawn: longer lines are hard to read.
const PAGE_COLUMNS_MAX: u16 = 110;
/// How many rows the palette shows.
const PALETTE_ROWS: u16 = 12;

/// What lies over a screen.
#[derive(Clone, Debug)]
pub(super) enum Overlay {
    /// A question.
    Question {
        /// The question.
        question: Question,
        /// The answer that Enter gives.
        chosen: usize,
    },
    /// A page of text.
    Page {
        /// Its title.
        title: String,
        /// Its lines.
        lines: Vec<Line>,
        /// The first line that is shown.
        scroll: usize,
        /// How it was shown last.
        shown: Cell<Shown>,
    },
    /// The palette of commands.
    Palette(Palette),
    /// The glossary.
    Glossary(Glossary),
}

/// How a page was shown last: a move goes as far as the person sees it go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// How many lines at once.
    rows: usize,
    /// The first line at the page's end.
    last: usize,
}

/// The palette: a text, and the rows of the keymap whose words it fits.
#[derive(Clone, Debug)]
pub(super) struct Palette {
    /// Where it was opened: what is chosen is done there.
    place: Place,
    text: TextField,
    chosen: usize,
}

/// What follows from a gesture.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// It stays.
    Stay,
    /// It is closed.
    Close,
    /// It is closed, and this is done.
    Acts(Vec<Act>),
    /// It is closed, and the screen below takes this.
    Gesture(Gesture),
}

impl Overlay {
    /// Makes a page of plain lines.
    pub(super) fn page(title: String, lines: Vec<String>) -> Self {
        Self::of_lines(title, lines.into_iter().map(|line| vec![plain(line)]).collect())
    }

    fn of_lines(title: String, lines: Vec<Line>) -> Self {
        let shown = Shown {
            rows: 1,
            last: lines.len().saturating_sub(1),
        };
        Self::Page {
            title,
            lines,
            scroll: 0,
            shown: Cell::new(shown),
        }
    }

    /// Takes one gesture.
    pub(super) fn take(&mut self, gesture: &Gesture, keymap: &Keymap, model: Option<&Model>) -> Next {
        match self {
            Self::Question { question, chosen } => take_answer(question, chosen, gesture),
            Self::Page { scroll, shown, .. } => {
                let Shown { rows: page, last } = shown.get();
                *scroll = match gesture {
                    Gesture::Up => scroll.saturating_sub(1),
                    Gesture::Down => (*scroll + 1).min(last),
                    Gesture::PageUp => scroll.saturating_sub(page),
                    Gesture::PageDown => (*scroll + page).min(last),
                    Gesture::First => 0,
                    Gesture::Last => last,
                    Gesture::Show(_) => return Next::Gesture(gesture.clone()),
                    Gesture::Back | Gesture::Quit | Gesture::Open => return Next::Close,
                    _ => *scroll,
                };
                Next::Stay
            }
            Self::Palette(palette) => palette.take(gesture, keymap, model),
            Self::Glossary(glossary) => glossary.take(gesture),
        }
    }
}

fn take_answer(question: &Question, chosen: &mut usize, gesture: &Gesture) -> Next {
    let last = question.answers.len().saturating_sub(1);
    match gesture {
        Gesture::Up => *chosen = chosen.saturating_sub(1),
        Gesture::Down => *chosen = (*chosen + 1).min(last),
        Gesture::Back | Gesture::Quit => return Next::Close,
        Gesture::Open => {
            return question
                .answers
                .get(*chosen)
                .map_or(Next::Close, |a| Next::Acts(a.acts.clone()));
        }
        Gesture::Click(Spot::Row(clicked)) => {
            return question
                .answers
                .get(*clicked)
                .map_or(Next::Stay, |a| Next::Acts(a.acts.clone()));
        }
        _ => {}
    }
    Next::Stay
}

impl Palette {
    /// Opens it at a place.
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            text: TextField::default(),
            chosen: 0,
        }
    }

    fn take(&mut self, gesture: &Gesture, keymap: &Keymap, model: Option<&Model>) -> Next {
        let found = self.found(keymap, model);
        let run = |row: Option<&usize>| {
            let row = row.and_then(|row| KEYMAP.get(*row));
            row.map_or(Next::Close, |row| Next::Gesture(row.gesture.clone()))
        };
        match gesture {
            Gesture::Edit(edit) => {
                self.text.edit(edit);
                self.chosen = 0;
                Next::Stay
            }
            Gesture::Up | Gesture::PreviousPane => {
                self.chosen = self.chosen.saturating_sub(1);
                Next::Stay
            }
            Gesture::Down | Gesture::NextPane => {
                self.chosen = (self.chosen + 1).min(found.len().saturating_sub(1));
                Next::Stay
            }
            Gesture::Open => run(found.get(self.chosen)),
            Gesture::Click(Spot::Row(clicked)) => run(found.get(*clicked)),
            Gesture::Back | Gesture::Palette => Next::Close,
            Gesture::Show(_) | Gesture::Help | Gesture::EditYaml => Next::Gesture(gesture.clone()),
            _ => Next::Stay,
        }
    }

    /// Returns the rows of the keymap that fit the text and do something now, the best first.
    fn found(&self, keymap: &Keymap, model: Option<&Model>) -> Vec<usize> {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let pattern = Pattern::parse(self.text.text(), CaseMatching::Ignore, Normalization::Smart);
        let mut found: Vec<(u32, usize)> = Vec::new();
        for (number, row) in KEYMAP.iter().enumerate() {
            let is_there = row.is_at(self.place) && !is_movement(&row.gesture);
            if !is_there || matches!(able(&row.gesture, model), Able::Nothing(_)) {
                continue;
            }
            let words = format!("{} {} {}", row.word, row.help, keymap.key_names(number));
            let mut buffer = Vec::new();
            let haystack = nucleo_matcher::Utf32Str::new(&words, &mut buffer);
            if let Some(score) = pattern.score(haystack, &mut matcher) {
                found.push((score, number));
            }
        }
        found.sort_by_key(|(score, number)| (std::cmp::Reverse(*score), *number));
        found.into_iter().map(|(_, number)| number).collect()
    }
}

fn is_movement(gesture: &Gesture) -> bool {
    matches!(
        gesture,
        Gesture::Up
            | Gesture::Down
            | Gesture::Left
            | Gesture::Right
            | Gesture::PageUp
            | Gesture::PageDown
            | Gesture::First
            | Gesture::Last
            | Gesture::Palette
    )
}

/// Makes the page of all keys that mean something at places, the first of which comes before the others: those that would do nothing now are left out, and those that are
/// refused say why.
pub(super) fn help(keymap: &Keymap, places: &[Place], model: Option<&Model>) -> Overlay {
    let mut lines = Vec::new();
    let is_first = |row: &Binding| places.first().is_some_and(|place| row.is_at(*place));
    let is_repeated = |row: &Binding| {
        let is_there = |other: &Binding| is_first(other) && other.gesture == row.gesture;
        !is_first(row) && KEYMAP.iter().any(is_there)
    };
    for (number, row) in KEYMAP.iter().enumerate() {
        if is_repeated(row) || !places.iter().any(|place| row.is_at(*place)) {
            continue;
        }
        let keys = span(format!("{:<16}", keymap.key_names(number)), Tone::Accent);
        match able(&row.gesture, model) {
            Able::Yes => lines.push(vec![keys, plain(row.help)]),
            Able::Refused(why) => lines.push(vec![dim(format!(
                "{:<16}{} - {why}",
                keymap.key_names(number),
                row.help
            ))]),
            Able::Nothing(_) => {}
        }
    }
    if places.contains(&Place::New) {
        lines.extend(text_keys(keymap));
    }
    Overlay::of_lines("Keys".into(), lines)
}

/// Tells the keys that only count while a text is typed.
fn text_keys(keymap: &Keymap) -> Vec<Line> {
    let mut lines = vec![Vec::new(), vec![span("While a text is typed", Tone::Title)]];
    let rows = KEYMAP.iter().enumerate();
    let rows = rows.filter(|(_, row)| row.is_at(Place::Text) && !row.is_at(Place::New));
    lines.extend(rows.map(|(number, row)| {
        let keys = span(format!("{:<16}", keymap.key_names(number)), Tone::Accent);
        vec![keys, plain(row.help)]
    }));
    lines
}

/// Makes the page of an explanation.
pub(super) fn explain(explained: &Explained) -> Overlay {
    let mut lines = vec![vec![strong(explained.cause.clone())]];
    let parts = [("What shows it", &explained.evidence), ("What to do", &explained.next)];
    for (title, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
        lines.push(Vec::new());
        lines.push(vec![span(title, Tone::Title)]);
        lines.extend(part.iter().map(|line| vec![plain(format!("- {line}"))]));
    }
    if let Some(command) = &explained.command {
        lines.push(Vec::new());
        lines.push(vec![dim("$ "), span(command.clone(), Tone::Accent)]);
    }
    Overlay::of_lines(explained.title.clone(), lines)
}

/// Draws what lies over a screen.
pub(super) fn render(over: &Overlay, keymap: &Keymap, model: Option<&Model>, area: Rect, canvas: &mut Canvas<'_>) {
    match over {
        Overlay::Question { question, chosen } => render_question(question, *chosen, area, canvas),
        Overlay::Page {
            title,
            lines,
            scroll,
            shown,
        } => shown.set(render_page(title, lines, *scroll, area, canvas)),
        Overlay::Palette(palette) => render_palette(palette, keymap, model, area, canvas),
        Overlay::Glossary(glossary) => glossary.render(area, canvas),
    }
}

/// Returns an area of a size in the middle of another one.
pub(super) fn middle(area: Rect, columns: u16, rows: u16) -> Rect {
    let (columns, rows) = (columns.min(area.width), rows.min(area.height));
    Rect::new(
        area.x + (area.width - columns) / 2,
        area.y + (area.height - rows) / 2,
        columns,
        rows,
    )
}

fn render_question(question: &Question, chosen: usize, area: Rect, canvas: &mut Canvas<'_>) {
    let longest = question
        .notes
        .iter()
        .map(|note| width(note))
        .chain([width(&question.text)]);
    let answers = question.answers.iter().map(|answer| width(&answer.text) + 6);
    let longest = longest.chain(answers).max().unwrap_or(0);
    let rows = question.notes.len() + question.answers.len() + 5;
    let over = middle(
        area,
        u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(6),
        u16::try_from(rows).unwrap_or(u16::MAX),
    );
    canvas.clear(over);
    let inside = canvas.panel(over, &[span("Are you sure?", Tone::Title)], &[], true);
    let mut left = right_of(inside, 1);
    let mut next = |canvas: &mut Canvas<'_>, spans: &[Span]| -> Rect {
        let (line, rest) = top(left, 1);
        left = rest;
        canvas.line(line, spans);
        line
    };
    next(canvas, &[strong(question.text.clone())]);
    for note in &question.notes {
        next(canvas, &[dim(note.clone())]);
    }
    next(canvas, &[]);
    for (number, answer) in question.answers.iter().enumerate() {
        let line = next(
            canvas,
            &[
                span(format!(" {} ", answer.key), Tone::Accent),
                plain(format!(" {}", answer.text)),
            ],
        );
        canvas.spot(line, Spot::Row(number));
        if number == chosen {
            canvas.select(line);
            *canvas.cursor = Some(Position { x: line.x, y: line.y });
        }
    }
    next(canvas, &[dim("Enter answers with the marked line, Esc goes back")]);
}

/// Draws a page; returns how it is shown.
fn render_page(title: &str, lines: &[Line], scroll: usize, area: Rect, canvas: &mut Canvas<'_>) -> Shown {
    let columns = area.width.saturating_sub(4).min(PAGE_COLUMNS_MAX);
    let wrapped: Vec<Line> = lines
        .iter()
        .flat_map(|line| wrap::indented(line, usize::from(columns.saturating_sub(4)).max(1)))
        .collect();
    let wanted = u16::try_from(wrapped.len()).unwrap_or(u16::MAX).saturating_add(2);
    let over = middle(area, columns, wanted.min(area.height.saturating_sub(2)).max(5));
    canvas.clear(over);
    let room = usize::from(over.height.saturating_sub(2));
    let last = wrapped.len().saturating_sub(room);
    let scroll = scroll.min(last);
    let below = wrapped.len().saturating_sub(scroll + room);
    let right = if below > 0 || scroll > 0 {
        vec![dim(format!("{below} more below, Esc closes"))]
    } else {
        vec![dim("Esc closes")]
    };
    let inside = canvas.panel(over, &[span(title.to_owned(), Tone::Title)], &right, true);
    let inside = right_of(inside, 1);
    for (number, line) in (0..inside.height).zip(wrapped.iter().skip(scroll)) {
        canvas.line(row(inside, number), line);
    }
    *canvas.cursor = Some(Position {
        x: inside.x,
        y: inside.y,
    });
    Shown {
        rows: room.max(1),
        last,
    }
}

fn render_palette(palette: &Palette, keymap: &Keymap, model: Option<&Model>, area: Rect, canvas: &mut Canvas<'_>) {
    let found = palette.found(keymap, model);
    let over = middle(area, area.width.saturating_sub(8).min(90), PALETTE_ROWS + 4);
    canvas.clear(over);
    // The frame, the line that is typed, and the empty one below it.
    let room = usize::from(over.height.saturating_sub(4));
    let first = (palette.chosen + 1).saturating_sub(room);
    let below = found.len().saturating_sub(first + room);
    let more = if below > 0 {
        format!("{} found, {below} more below", found.len())
    } else {
        format!("{} found", found.len())
    };
    let inside = canvas.panel(over, &[span("Commands", Tone::Title)], &[dim(more)], true);
    let (line, rest) = top(right_of(inside, 1), 1);
    canvas.line(
        line,
        &[span(": ", Tone::Accent), strong(palette.text.text().to_owned())],
    );
    let cursor = columns(palette.text.text()).min(u16::try_from(palette.text.cursor_columns()).unwrap_or(u16::MAX));
    *canvas.cursor = Some(Position {
        x: line.x.saturating_add(2).saturating_add(cursor),
        y: line.y,
    });
    for (number, (place, index)) in (1..rest.height).zip(found.iter().enumerate().skip(first)) {
        let Some(binding) = KEYMAP.get(*index) else { continue };
        let line = row(rest, number);
        let keys = format!("{:<14}", keymap.key_names(*index));
        canvas.line(line, &[span(keys, Tone::Accent), plain(binding.help)]);
        canvas.spot(line, Spot::Row(place));
        if place == palette.chosen {
            canvas.select(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::text::Edit;

    #[test]
    fn the_palette_finds_a_command_by_its_words() {
        let mut palette = Palette::new(Place::New);
        let keymap = Keymap::default();
        for letter in "edit yaml".chars() {
            palette.take(&Gesture::Edit(Edit::Insert(letter)), &keymap, None);
        }
        assert_eq!(
            palette.take(&Gesture::Open, &keymap, None),
            Next::Gesture(Gesture::EditYaml)
        );
        palette.take(&Gesture::Edit(Edit::Paste("zzzzqqq".into())), &keymap, None);
        assert_eq!(palette.take(&Gesture::Open, &keymap, None), Next::Close);
    }

    #[test]
    fn commands_below_the_last_that_is_shown_are_counted() {
        let palette = Palette::new(Place::Live);
        let (keymap, area) = (Keymap::default(), Rect::new(0, 0, 80, 24));
        let found = palette.found(&keymap, None).len();
        let mut cells = ratatui::buffer::Buffer::empty(area);
        let theme = crate::ui::theme::Theme::new(crate::ui::theme::Look::Mono, true);
        let mut canvas = Canvas {
            cells: &mut cells,
            theme: &theme,
            spots: &mut Vec::new(),
            cursor: &mut None,
        };
        render(&Overlay::Palette(palette), &keymap, None, area, &mut canvas);
        let text: String = cells.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        let below = found - usize::from(PALETTE_ROWS);
        assert!(text.contains(&format!("{found} found, {below} more below")), "{text}");
    }

    #[test]
    fn a_page_goes_to_its_end_and_no_further() {
        let mut page = Overlay::page("Explain".into(), vec!["one two three four five six ".repeat(40)]);
        let area = Rect::new(0, 0, 40, 12);
        let mut cells = ratatui::buffer::Buffer::empty(area);
        let theme = crate::ui::theme::Theme::new(crate::ui::theme::Look::Mono, true);
        let (keymap, mut cursor) = (Keymap::default(), None);
        let mut canvas = Canvas {
            cells: &mut cells,
            theme: &theme,
            spots: &mut Vec::new(),
            cursor: &mut cursor,
        };
        let scrolled = |page: &Overlay| match page {
            Overlay::Page { scroll, shown, .. } => (*scroll, shown.get().last),
            Overlay::Question { .. } | Overlay::Palette(_) | Overlay::Glossary(_) => (0, 0),
        };
        render(&page, &keymap, None, area, &mut canvas);
        page.take(&Gesture::Last, &keymap, None);
        page.take(&Gesture::Down, &keymap, None);
        let (scroll, last) = scrolled(&page);
        assert!(last > 10 && scroll == last, "{scroll} {last}");
        page.take(&Gesture::Up, &keymap, None);
        assert_eq!(scrolled(&page).0, last - 1);
    }

    #[test]
    fn enter_on_a_question_does_nothing_unless_another_answer_was_chosen() {
        let answer = |key, acts: &[Act]| crate::view::gesture::Answer {
            key,
            text: String::new(),
            acts: acts.to_vec(),
        };
        let question = Question {
            text: "cancel ttg-primes-7f3a?".into(),
            notes: Vec::new(),
            answers: vec![answer('n', &[]), answer('y', &[Act::Leave])],
        };
        let mut over = Overlay::Question { question, chosen: 0 };
        let keymap = Keymap::default();
        assert_eq!(over.take(&Gesture::Open, &keymap, None), Next::Acts(Vec::new()));
        over.take(&Gesture::Down, &keymap, None);
        assert_eq!(over.take(&Gesture::Open, &keymap, None), Next::Acts(vec![Act::Leave]));
    }
}
