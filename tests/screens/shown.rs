//! A screen of a state, with a person in front of it who sees cells and presses keys.

use std::fmt::Write;

use crossterm::event::{Event as TermEvent, KeyCode};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};
use ttg_tui::ui::app::{App, Errand, Subject};
use ttg_tui::ui::canvas::width;
use ttg_tui::ui::keymap::{Key, Keymap};
use ttg_tui::ui::theme::{Look, Theme};
use ttg_tui::view::gesture::{Gesture, Screen};
use ttg_tui::view::new_run::Form;
use ttg_tui::view::text::Edit;

use super::states::{About, State};

/// The sizes that are looked at closely.
pub(crate) const SIZES: [(u16, u16); 3] = [(80, 24), (120, 34), (200, 60)];

/// What was drawn.
#[derive(PartialEq)]
pub(crate) struct Frame {
    pub(crate) cells: Buffer,
    cursor: Option<Position>,
}

/// A screen of a state.
pub(crate) struct Shown {
    app: App,
    state: &'static State,
    /// The form as it was changed by keys.
    form: Option<Form>,
}

/// Returns the look that most people have.
pub(crate) fn dark() -> Theme {
    Theme::new(Look::Dark, false)
}

impl Shown {
    /// Shows a screen of a state, with the index that is looked at.
    pub(crate) fn new(screen: Screen, state: &'static State, theme: Theme) -> Self {
        let form = match &state.about {
            About::Form(form) => Some(form.as_ref().clone()),
            About::Run(_) => None,
        };
        let first = if form.is_some() { Screen::New } else { Screen::Live };
        let mut shown = Self {
            app: App::new(first, theme, Keymap::default(), false),
            state,
            form,
        };
        if screen != first {
            shown.take(&Gesture::Show(screen));
        }
        if matches!(screen, Screen::Shards | Screen::Detail) {
            let typed = Gesture::Edit(Edit::Paste(state.index.to_string()));
            for gesture in [Gesture::GoTo, typed, Gesture::Open] {
                shown.take(&gesture);
            }
        }
        shown
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut App, &mut Subject<'_>) -> T) -> T {
        let mut subject = match (&mut self.form, &self.state.about) {
            (Some(form), _) => Subject::Form(form),
            (None, About::Run(model)) => Subject::Run(model),
            (None, About::Form(_)) => unreachable!("a form is always copied"),
        };
        act(&mut self.app, &mut subject)
    }

    fn take(&mut self, gesture: &Gesture) -> Vec<Errand> {
        let at = self.state.at;
        self.with(|app, subject| app.take(gesture, subject, at))
    }

    /// Presses a key, as the terminal's side of a session does.
    pub(crate) fn press(&mut self, name: &str) -> Vec<Errand> {
        let event = Key::parse(name).unwrap_or_else(|| panic!("{name} is no key")).event();
        let at = self.state.at;
        self.with(|app, subject| {
            let answered = if let (KeyCode::Char(letter), true) = (event.code, event.modifiers.is_empty()) {
                app.answer(letter, subject, at)
            } else {
                None
            };
            answered.unwrap_or_else(|| app.input(&TermEvent::Key(event), subject, at))
        })
    }

    /// Draws.
    pub(crate) fn draw(&mut self, (columns, rows): (u16, u16)) -> Frame {
        let mut cells = Buffer::empty(Rect::new(0, 0, columns, rows));
        let at = self.state.at;
        let cursor = self.with(|app, subject| app.draw(subject, at, &mut cells));
        Frame { cells, cursor }
    }
}

impl Frame {
    fn row(&self, y: u16) -> impl Iterator<Item = &Cell> {
        (0..self.cells.area.width).map(move |x| &self.cells[(x, y)])
    }

    /// Returns the text of every row.
    pub(crate) fn rows(&self) -> Vec<String> {
        let text = |y| {
            let (mut text, mut skip) = (String::new(), false);
            for cell in self.row(y) {
                // The second cell of a wide character is covered by it.
                if !std::mem::take(&mut skip) {
                    text += cell.symbol();
                    skip = width(cell.symbol()) == 2;
                }
            }
            text.trim_end().to_owned()
        };
        (0..self.cells.area.height).map(text).collect()
    }

    /// Returns the characters of every row, one a column.
    pub(crate) fn columns(&self) -> Vec<String> {
        let text = |y| self.row(y).map(Cell::symbol).collect();
        (0..self.cells.area.height).map(text).collect()
    }

    /// Returns the text of all rows.
    pub(crate) fn text(&self) -> String {
        self.rows().join("\n") + "\n"
    }

    /// Returns how each row looks: stretches of cells with one style, without those that have none.
    pub(crate) fn styles(&self) -> String {
        let mut text = String::new();
        for y in 0..self.cells.area.height {
            let cells: Vec<&Cell> = self.row(y).collect();
            let (mut x, mut stretches) = (0, Vec::new());
            let is_same =
                |one: &&Cell, other: &&Cell| (one.fg, one.bg, one.modifier) == (other.fg, other.bg, other.modifier);
            for stretch in cells.chunk_by(is_same) {
                let last = x + stretch.len() - 1;
                let style = style(stretch[0]);
                if !style.is_empty() {
                    stretches.push(format!("{x}-{last} {style}"));
                }
                x = last + 1;
            }
            if !stretches.is_empty() {
                writeln!(text, "{y:>3}: {}", stretches.join("; ")).unwrap();
            }
        }
        text
    }
}

fn style(cell: &Cell) -> String {
    let mut words = Vec::new();
    let colors = [("fg", cell.fg), ("bg", cell.bg)];
    let colors = colors.into_iter().filter(|(_, color)| *color != Color::Reset);
    words.extend(colors.map(|(what, color)| format!("{what}={color}").to_lowercase()));
    if cell.modifier != Modifier::empty() {
        words.push(format!("{:?}", cell.modifier).to_lowercase());
    }
    words.join(" ")
}
