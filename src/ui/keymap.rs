//! The keys: one table. The footer, the help, the palette and the README are written from it.
//!
//! A row says what its keys mean, where they do, and in which words that is told. In a text that is being typed, letters, digits and
//! signs are text; only the rows for [`Place::Text`] count there.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most of a terminal's keys mean nothing here"
)]

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::view::gesture::{Gesture, Playback, Screen};
use crate::view::text::Edit;

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The form, outside of a text.
    New,
    /// A run as it happens.
    Live,
    /// Every index.
    Shards,
    /// One index.
    Detail,
    /// The result.
    Result,
    /// The lessons.
    Learn,
    /// A text that is being typed.
    Text,
    /// A page over the screen: help, explanation, YAML.
    Page,
    /// A screen of a recording that is played. Its keys come before those of the screen.
    Replay,
}

impl Place {
    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Returns the place of a screen.
    pub fn of(screen: Screen) -> Self {
        match screen {
            Screen::New => Self::New,
            Screen::Live => Self::Live,
            Screen::Shards => Self::Shards,
            Screen::Detail => Self::Detail,
            Screen::Result => Self::Result,
            Screen::Learn => Self::Learn,
        }
    }
}

const NEW: u16 = Place::New.bit();
const LIVE: u16 = Place::Live.bit();
const SHARDS: u16 = Place::Shards.bit();
const DETAIL: u16 = Place::Detail.bit();
const RESULT: u16 = Place::Result.bit();
const LEARN: u16 = Place::Learn.bit();
const TEXT: u16 = Place::Text.bit();
const PAGE: u16 = Place::Page.bit();
const REPLAY: u16 = Place::Replay.bit();
/// The screens of a run.
const RUN: u16 = LIVE | SHARDS | DETAIL | RESULT | LEARN;
/// Everywhere but in a text.
const SCREENS: u16 = NEW | RUN;
/// The screens with several panes or fields.
const PANES: u16 = NEW | LIVE | DETAIL | RESULT | LEARN;
const ANYWHERE: u16 = SCREENS | TEXT | PAGE;
/// What places are called, the largest groups first.
const PLACES: [(u16, &str); 10] = [
    (ANYWHERE, "everywhere"),
    (SCREENS, "every screen"),
    (RUN, "every screen of a run"),
    (NEW, "New"),
    (LIVE, "Live"),
    (SHARDS, "Shards"),
    (DETAIL, "Detail"),
    (RESULT, "Result"),
    (LEARN, "Learn"),
    (PAGE, "a page over a screen"),
];

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

/// One row: keys, what they mean, where, and the words for it.
#[derive(Debug)]
pub struct Binding {
    /// The keys; the first one is named.
    pub keys: &'static [Key],
    /// What they mean.
    pub gesture: Gesture,
    places: u16,
    /// The word in the footer; empty where it has no place there.
    pub word: &'static str,
    /// The sentence in the help and the palette.
    pub help: &'static str,
}

impl Binding {
    /// Tells whether the row counts at a place.
    pub fn is_at(&self, place: Place) -> bool {
        self.places & place.bit() != 0
    }

    /// Returns the names of the keys, such as `PgUp` or `Ctrl-P`.
    pub fn key_names(&self) -> String {
        let names: Vec<String> = self.keys.iter().map(|key| key.name()).collect();
        names.join(" ")
    }
}

const fn key(code: KeyCode) -> Key {
    Key { code, control: false }
}

const fn letter(letter: char) -> Key {
    key(KeyCode::Char(letter))
}

const fn control(letter: char) -> Key {
    Key {
        code: KeyCode::Char(letter),
        control: true,
    }
}

const fn f(number: u8) -> Key {
    key(KeyCode::F(number))
}

macro_rules! keymap {
    ($($keys:expr, $gesture:expr, $places:expr, $word:literal, $help:literal;)*) => {
        &[$(Binding { keys: &$keys, gesture: $gesture, places: $places, word: $word, help: $help }),*]
    };
}

/// The keymap. The footer shows its rows in this order, as far as they fit.
pub static KEYMAP: &[Binding] = keymap![
    [key(KeyCode::Enter)], Gesture::Open, NEW, "submit", "submit the run";
    [key(KeyCode::Enter)], Gesture::Open, LIVE | SHARDS | RESULT, "open", "open what is under the cursor";
    [key(KeyCode::Enter)], Gesture::Open, LEARN, "answer", "show the answer, then the next step";
    [letter('+'), letter('=')], Gesture::MoreWorkers, RUN, "", "one worker more: spec.parallelism + 1";
    [letter('-')], Gesture::FewerWorkers, RUN, "workers", "one worker less: spec.parallelism - 1";
    [letter('s')], Gesture::ToggleSuspend, RUN, "suspend", "suspend the Job, or resume it";
    [letter('x')], Gesture::Cancel, RUN, "cancel", "cancel the run, once confirmed; what was accepted is kept";
    [letter('R')], Gesture::Rerun, RUN, "rerun", "submit one more Job for only what is missing or disputed";
    [letter('1'), f(1)], Gesture::Show(Screen::New), RESULT, "new run", "the form for a new run";
    [letter('m')], Gesture::NextMode, SHARDS, "mode", "colour by state, duration, node or attempts";
    [letter('n')], Gesture::NextProblem, LIVE | SHARDS | DETAIL, "problem", "to the next index with a problem";
    [letter('N')], Gesture::PreviousProblem, LIVE | SHARDS | DETAIL, "", "to the index with a problem before";
    [letter('g')], Gesture::GoTo, SHARDS | DETAIL, "go to", "go to an index by its number";
    [letter('/')], Gesture::Filter, LIVE | SHARDS | DETAIL, "filter", "show only what matches";
    [letter('l')], Gesture::Logs, LIVE | SHARDS | RESULT, "log", "read the log of the index under the cursor";
    [letter('d')], Gesture::Describe, LIVE | SHARDS | DETAIL | RESULT, "describe", "show what Kubernetes knows of the pod under the cursor";
    [letter('f')], Gesture::ToggleFollow, DETAIL, "follow", "follow the end of the log, or stop";
    [letter('w')], Gesture::ToggleWrap, DETAIL, "wrap", "wrap long lines, or cut them";
    [letter('w')], Gesture::Save, NEW | RESULT, "save", "write what is shown to a file";
    [letter('e')], Gesture::Explain, NEW | LIVE | SHARDS | DETAIL | RESULT, "explain", "explain what is under the cursor in plain words";
    [letter('y')], Gesture::Copy, SCREENS, "copy", "copy what is shown here, or the command that does the same";
    [letter('Y')], Gesture::Yaml, SCREENS, "YAML", "show the Job as YAML";
    [control('e')], Gesture::EditYaml, NEW | TEXT, "edit YAML", "edit the YAML in $VISUAL or $EDITOR";
    [key(KeyCode::Tab)], Gesture::NextPane, PANES | TEXT, "next", "to the next field or pane";
    [key(KeyCode::BackTab)], Gesture::PreviousPane, PANES | TEXT, "", "to the field or pane before";
    [letter('?')], Gesture::Help, SCREENS, "help", "show every key";
    [f(12)], Gesture::Help, TEXT, "", "show every key, also while a text is typed";
    [letter(':'), control('p')], Gesture::Palette, SCREENS, "palette", "find a command by its words";
    [control('p')], Gesture::Palette, TEXT, "palette", "find a command by its words, also while a text is typed";
    [letter('i')], Gesture::Glossary, SCREENS, "", "look a word up in the glossary";
    [key(KeyCode::Esc)], Gesture::Back, ANYWHERE, "back", "one level back, or out of a text";
    [letter('q')], Gesture::Quit, SCREENS | PAGE, "quit", "one level back; at the top leave, and a live run is asked about";
    [control('c')], Gesture::Interrupt, ANYWHERE, "", "leave at once, cleanly";
    [control('z')], Gesture::Stop, ANYWHERE, "", "stop the program as a job of the shell; fg brings it back";
    [letter('1'), f(1)], Gesture::Show(Screen::New), NEW | LIVE | SHARDS | DETAIL | LEARN, "", "the form for a new run";
    [letter('2'), f(2)], Gesture::Show(Screen::Live), SCREENS, "", "the run as it happens";
    [letter('3'), f(3)], Gesture::Show(Screen::Shards), SCREENS, "", "every index";
    [letter('4'), f(4)], Gesture::Show(Screen::Detail), SCREENS, "", "one index";
    [letter('5'), f(5)], Gesture::Show(Screen::Result), SCREENS, "", "the result and its proof";
    [letter('6'), f(6)], Gesture::Show(Screen::Learn), SCREENS, "", "the lessons, beside this run";
    [f(1)], Gesture::Show(Screen::New), TEXT | PAGE, "", "the form, also while a text is typed";
    [f(2)], Gesture::Show(Screen::Live), TEXT | PAGE, "", "the run, also while a text is typed";
    [f(3)], Gesture::Show(Screen::Shards), TEXT | PAGE, "", "every index, also while a text is typed";
    [f(4)], Gesture::Show(Screen::Detail), TEXT | PAGE, "", "one index, also while a text is typed";
    [f(5)], Gesture::Show(Screen::Result), TEXT | PAGE, "", "the result, also while a text is typed";
    [f(6)], Gesture::Show(Screen::Learn), TEXT | PAGE, "", "the lessons, also while a text is typed";
    [key(KeyCode::Up), letter('k')], Gesture::Up, SCREENS | PAGE, "", "up";
    [key(KeyCode::Down), letter('j')], Gesture::Down, SCREENS | PAGE, "", "down";
    [key(KeyCode::Left), letter('h')], Gesture::Left, NEW | LIVE | SHARDS | DETAIL | LEARN, "", "left, or the value or lesson before";
    [key(KeyCode::Right)], Gesture::Right, NEW | LIVE | SHARDS | DETAIL | LEARN, "", "right, or the next value or lesson";
    [key(KeyCode::PageUp)], Gesture::PageUp, SCREENS | PAGE, "", "one page up";
    [key(KeyCode::PageDown), letter(' ')], Gesture::PageDown, SCREENS | PAGE, "", "one page down";
    [key(KeyCode::Home)], Gesture::First, SCREENS | PAGE, "", "to the first";
    [key(KeyCode::End), letter('G')], Gesture::Last, SCREENS | PAGE, "", "to the last";
    [key(KeyCode::Up)], Gesture::Up, TEXT, "", "to the field or line above";
    [key(KeyCode::Down)], Gesture::Down, TEXT, "", "to the field or line below";
    [key(KeyCode::Enter)], Gesture::Open, TEXT | PAGE, "", "take the text; on the form submit";
    [letter('M')], Gesture::ToggleMouse, SCREENS, "", "report clicks, or leave the mouse to the terminal";
    [key(KeyCode::Backspace), control('h')], Gesture::Edit(Edit::Backspace), TEXT, "", "remove the character before the cursor";
    [key(KeyCode::Delete)], Gesture::Edit(Edit::Delete), TEXT, "", "remove the character under the cursor";
    [control('w')], Gesture::Edit(Edit::DeleteWord), TEXT, "", "remove the word before the cursor";
    [control('u')], Gesture::Edit(Edit::Clear), TEXT, "", "remove the whole text";
    [key(KeyCode::Left)], Gesture::Edit(Edit::Left), TEXT, "", "one character to the left";
    [key(KeyCode::Right)], Gesture::Edit(Edit::Right), TEXT, "", "one character to the right";
    [key(KeyCode::Home), control('a')], Gesture::Edit(Edit::Home), TEXT, "", "to the beginning of the text";
    [key(KeyCode::End)], Gesture::Edit(Edit::End), TEXT, "", "to the end of the text";
    [letter(' ')], Gesture::Playback(Playback::Toggle), REPLAY, "pause", "pause, or play on; Space turns no pages of a replay";
    [letter('<')], Gesture::Playback(Playback::Slower), REPLAY, "slower", "half as fast";
    [letter('>')], Gesture::Playback(Playback::Faster), REPLAY, "faster", "twice as fast";
    [letter('[')], Gesture::Playback(Playback::MarkerBefore), REPLAY, "back", "to the marker before: submitted, first worker, lost attempts, changes, the end";
    [letter(']')], Gesture::Playback(Playback::NextMarker), REPLAY, "marker", "to the next marker";
    [letter(',')], Gesture::Playback(Playback::StepBack), REPLAY, "", "to the told event before";
    [letter('.')], Gesture::Playback(Playback::StepOn), REPLAY, "step", "to the next told event";
    [letter('?')], Gesture::Help, REPLAY, "help", "show every key";
    [letter('q')], Gesture::Quit, REPLAY, "quit", "one level back; at the top leave";
];

/// Writes the keys of the screens as a table of Markdown; those that only count in a text are left out.
pub fn markdown() -> String {
    let mut table = "| keys | what | where |\n|---|---|---|\n".to_owned();
    for row in KEYMAP.iter().filter(|row| row.places & SCREENS != 0) {
        let keys: Vec<String> = row.keys.iter().map(|key| format!("`{}`", key.name())).collect();
        let (mut left, mut places) = (row.places, Vec::new());
        for (bits, name) in PLACES {
            if left & bits == bits {
                places.push(name);
                left &= !bits;
            }
        }
        let line = [keys.join(" ").as_str(), row.help, &places.join(", ")].join(" | ");
        table.extend(["| ", &line, " |\n"]);
    }
    table
}

impl Key {
    /// Returns its name, such as `PgUp`, `Ctrl-P` or `R`.
    pub fn name(self) -> String {
        match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(letter) if self.control => format!("Ctrl-{}", letter.to_ascii_uppercase()),
            KeyCode::Char(letter) => letter.to_string(),
            KeyCode::F(number) => format!("F{number}"),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            other => other.to_string(),
        }
    }

    /// Reads a name that [`Key::name`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let named = [
            ("Space", KeyCode::Char(' ')),
            ("Enter", KeyCode::Enter),
            ("Tab", KeyCode::Tab),
            ("Shift-Tab", KeyCode::BackTab),
            ("Esc", KeyCode::Esc),
            ("Up", KeyCode::Up),
            ("Down", KeyCode::Down),
            ("Left", KeyCode::Left),
            ("Right", KeyCode::Right),
            ("PgUp", KeyCode::PageUp),
            ("PgDn", KeyCode::PageDown),
            ("Home", KeyCode::Home),
            ("End", KeyCode::End),
            ("Del", KeyCode::Delete),
        ];
        if let Some((_, code)) = named.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Some(key(*code));
        }
        let one = |text: &str| {
            let mut characters = text.chars();
            characters.next().filter(|_| characters.next().is_none())
        };
        if let Some(rest) = text.strip_prefix("Ctrl-") {
            return one(rest)
                .filter(char::is_ascii_alphabetic)
                .map(|c| control(c.to_ascii_lowercase()));
        }
        match text.strip_prefix('F').and_then(|number| number.parse().ok()) {
            Some(number @ 1..=12) => Some(f(number)),
            Some(_) | None => one(text).filter(|c| !c.is_control()).map(letter),
        }
    }

    /// Returns what the terminal says when it is pressed.
    pub fn event(self) -> KeyEvent {
        let modifiers = if self.control {
            KeyModifiers::CONTROL
        } else {
            KeyModifiers::NONE
        };
        KeyEvent::new(self.code, modifiers)
    }

    fn of(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            control: event.modifiers.contains(KeyModifiers::CONTROL),
        }
    }
}

/// The keymap, with the person's own keys in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    /// Rows by their number, with the keys they have instead.
    own: Vec<(usize, Vec<Key>)>,
}

impl Keymap {
    /// Gives a row other keys: `word` is its word in the footer or its help's first word, as the config file names it.
    pub fn rebind(&mut self, word: &str, keys: &[Key]) -> Result<(), String> {
        let Some(row) = KEYMAP
            .iter()
            .position(|row| row.word == word && !row.is_at(Place::Text))
        else {
            let mut words: Vec<&str> = KEYMAP
                .iter()
                .map(|row| row.word)
                .filter(|word| !word.is_empty())
                .collect();
            words.sort_unstable();
            words.dedup();
            return Err(format!("there is no command {word:?}; there are: {}", words.join(", ")));
        };
        let taken = KEYMAP.iter().enumerate().find(|(number, other)| {
            let overlaps = KEYMAP.get(row).is_some_and(|row| row.places & other.places != 0);
            *number != row && overlaps && keys.iter().any(|key| other.keys.contains(key))
        });
        if let Some((_, other)) = taken {
            return Err(format!(
                "{word}: the key is taken: {} means \"{}\"",
                other.key_names(),
                other.help
            ));
        }
        self.own.push((row, keys.to_vec()));
        Ok(())
    }

    /// Returns the names of the keys of a row.
    pub fn key_names(&self, row: usize) -> String {
        let names: Vec<String> = self.keys(row).iter().map(|key| key.name()).collect();
        names.join(" ")
    }

    fn keys(&self, row: usize) -> &[Key] {
        let own = self.own.iter().rev().find(|(number, _)| *number == row);
        match own {
            Some((_, keys)) => keys,
            None => KEYMAP.get(row).map_or(&[], |row| row.keys),
        }
    }

    /// Returns what a key means at a place.
    pub fn gesture(&self, place: Place, event: KeyEvent) -> Option<Gesture> {
        let pressed = Key::of(event);
        let bound = (0..KEYMAP.len()).find(|number| {
            KEYMAP.get(*number).is_some_and(|row| row.is_at(place)) && self.keys(*number).contains(&pressed)
        });
        if let Some(row) = bound.and_then(|number| KEYMAP.get(number)) {
            return Some(row.gesture.clone());
        }
        match (place, pressed) {
            (
                Place::Text,
                Key {
                    code: KeyCode::Char(typed),
                    control: false,
                },
            ) => Some(Gesture::Edit(Edit::Insert(typed))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [Place; 9] = [
        Place::New,
        Place::Live,
        Place::Shards,
        Place::Detail,
        Place::Result,
        Place::Learn,
        Place::Text,
        Place::Page,
        Place::Replay,
    ];

    #[test]
    fn no_key_means_two_things_at_one_place() {
        for place in PLACES {
            let rows = KEYMAP.iter().filter(|row| row.is_at(place));
            let mut keys: Vec<String> = rows.flat_map(|row| row.keys).map(|key| key.name()).collect();
            keys.sort_unstable();
            let before = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), before, "at {place:?}: {keys:?}");
        }
    }

    #[test]
    fn the_name_of_every_key_can_be_read_back() {
        for key in KEYMAP.iter().flat_map(|row| row.keys) {
            let code = key.code;
            // Backspace cannot be given away: terminals send it in two ways.
            if code != KeyCode::Backspace {
                assert_eq!(Key::parse(&key.name()), Some(*key), "{}", key.name());
            }
        }
        for text in ["", "ab", "F13", "Ctrl-", "Ctrl-%", "\u{1b}"] {
            assert_eq!(Key::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn in_a_text_letters_are_text() {
        let keymap = Keymap::default();
        let press = |place, code| keymap.gesture(place, KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(
            press(Place::Text, KeyCode::Char('q')),
            Some(Gesture::Edit(Edit::Insert('q')))
        );
        assert_eq!(press(Place::Live, KeyCode::Char('q')), Some(Gesture::Quit));
        assert_eq!(press(Place::Live, KeyCode::Char('%')), None);
        assert_eq!(press(Place::Text, KeyCode::F(2)), Some(Gesture::Show(Screen::Live)));
    }

    #[test]
    fn a_row_can_have_other_keys_unless_they_are_taken() {
        let mut keymap = Keymap::default();
        assert!(keymap.rebind("suspend", &[letter('y')]).unwrap_err().contains("taken"));
        assert!(
            keymap
                .rebind("nonsense", &[letter('z')])
                .unwrap_err()
                .contains("there are:")
        );
        keymap.rebind("suspend", &[letter('z')]).unwrap();
        let press = |letter| keymap.gesture(Place::Live, KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE));
        assert_eq!((press('z'), press('s')), (Some(Gesture::ToggleSuspend), None));
    }
}
