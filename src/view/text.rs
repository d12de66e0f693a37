//! A line of text that is being typed.

use tui_input::{Input, InputRequest};

/// How many characters one text holds at most. A paste beyond that is cut, and that is said.
const CHARS_MAX: usize = 512;

/// One key of a text that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Insert a character.
    Insert(char),
    /// Insert a text at once.
    Paste(String),
    /// Remove the character before the cursor.
    Backspace,
    /// Remove the character under the cursor.
    Delete,
    /// Remove the word before the cursor.
    DeleteWord,
    /// Remove everything.
    Clear,
    /// One character to the left.
    Left,
    /// One character to the right.
    Right,
    /// To the beginning.
    Home,
    /// To the end.
    End,
}

/// A text with a cursor.
#[derive(Clone, Debug, Default)]
pub struct TextField {
    input: Input,
    /// How many characters of a paste did not fit.
    cut: usize,
}

impl TextField {
    /// Makes a text with the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self {
            input: Input::new(text.to_owned()),
            cut: 0,
        }
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Returns how many columns of the text are before the cursor.
    pub fn cursor_columns(&self) -> usize {
        self.input.visual_cursor()
    }

    /// Returns how many characters of the last paste did not fit or are none of a text.
    pub fn cut(&self) -> usize {
        self.cut
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        *self = Self::new(text);
    }

    /// Takes one key; tells whether the text has changed.
    pub fn edit(&mut self, edit: &Edit) -> bool {
        let request = match edit {
            Edit::Insert(character) => return self.insert(&character.to_string()),
            Edit::Paste(text) => return self.insert(text),
            Edit::Backspace => InputRequest::DeletePrevChar,
            Edit::Delete => InputRequest::DeleteNextChar,
            Edit::DeleteWord => InputRequest::DeletePrevWord,
            Edit::Clear => InputRequest::DeleteLine,
            Edit::Left => InputRequest::GoToPrevChar,
            Edit::Right => InputRequest::GoToNextChar,
            Edit::Home => InputRequest::GoToStart,
            Edit::End => InputRequest::GoToEnd,
        };
        self.cut = 0;
        self.input.handle(request).is_some_and(|changed| changed.value)
    }

    /// Inserts what fits and can be seen; a paste of a megabyte must cost no more than what fits of it.
    fn insert(&mut self, text: &str) -> bool {
        let before: String = self.text().chars().take(self.input.cursor()).collect();
        let after: String = self.text().chars().skip(self.input.cursor()).collect();
        let room = CHARS_MAX.saturating_sub(self.text().chars().count());
        let fitting: String = text.chars().filter(|c| !c.is_control()).take(room).collect();
        self.cut = text.chars().count().saturating_sub(fitting.chars().count());
        let cursor = before.chars().count() + fitting.chars().count();
        self.input = Input::new(format!("{before}{fitting}{after}")).with_cursor(cursor);
        !fitting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_edited_where_the_cursor_is() {
        let mut field = TextField::new("ac");
        for edit in [Edit::Left, Edit::Insert('b'), Edit::End, Edit::Paste("d\n\x1be".into())] {
            field.edit(&edit);
        }
        assert_eq!((field.text(), field.cut()), ("abcde", 2));
        assert!(field.edit(&Edit::Backspace));
        assert_eq!((field.text(), field.cut()), ("abcd", 0));
        assert!(!field.edit(&Edit::End));
    }

    #[test]
    fn a_paste_is_bounded() {
        let mut field = TextField::new("x");
        assert!(field.edit(&Edit::Paste("y".repeat(1_000_000))));
        assert_eq!(field.text().chars().count(), CHARS_MAX);
        assert_eq!(field.cut(), 1_000_001 - CHARS_MAX);
        assert!(!field.edit(&Edit::Insert('z')));
    }
}
