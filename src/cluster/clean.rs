//! The one place where hostile text is made safe to show: text from a server, a worker or a kubeconfig.
//!
//! Pure. Must not know where a text comes from or where it goes.
//!
//! Guarantees: what comes out holds no control character, no part of an escape sequence, nothing that reorders or hides
//! text, no line break, and at most as many characters as asked for; cleaning twice changes nothing more.
//! Not guaranteed: that different texts stay different, or that letters of different scripts do not look alike.

/// Makes text safe: one line of at most `max_chars` characters, the last one `…` when something was cut off.
///
/// Lines are joined with a space. Of a line that was redrawn with carriage returns only the last drawing is kept.
pub fn clean(text: &str, max_chars: usize) -> String {
    let mut safe = String::new();
    for line in text.split('\n').map(clean_line) {
        if !safe.is_empty() && !line.is_empty() {
            safe.push(' ');
        }
        safe.push_str(&line);
    }
    shorten(safe, max_chars)
}

/// Makes bytes safe as [`clean`] does; what is not UTF-8 becomes `�`.
pub fn clean_bytes(bytes: &[u8], max_chars: usize) -> String {
    clean(&String::from_utf8_lossy(bytes), max_chars)
}

/// Cuts text to at most `max_chars` characters, the last one `…` when something was cut off.
fn shorten(text: String, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text;
    }
    let Some(kept) = max_chars.checked_sub(1) else {
        return String::new();
    };
    text.chars().take(kept).chain(['…']).collect()
}

/// Where the reader stands in an escape sequence (ECMA-48).
#[derive(Clone, Copy)]
enum State {
    /// Plain text.
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte, as in `ESC ( B`.
    Intermediate,
    /// In a control sequence: `ESC [ … final`.
    Control,
    /// In a control string: OSC, DCS, SOS, PM or APC. It ends with ST or BEL, and at the latest with the line, so that
    /// a string that never ends cannot hide the lines after it.
    ControlString,
}

/// Makes one line safe.
fn clean_line(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    let mut state = State::Ground;
    let mut returned = false;
    for c in line.chars() {
        let (next, shown) = step(state, c);
        state = next;
        match shown {
            // A carriage return overwrites the line only if something follows: `\r\n` ends it.
            Some('\r') => returned = true,
            Some(c) => {
                if returned {
                    safe.clear();
                    returned = false;
                }
                safe.push(c);
            }
            None => {}
        }
    }
    safe
}

/// Takes one character: the state after it, and what of it is text.
fn step(state: State, c: char) -> (State, Option<char>) {
    match (state, c) {
        // ESC begins a new sequence wherever it comes. In a control string it is the first half of ST, `ESC \`.
        (_, '\u{1b}') => (State::Escape, None),
        // CAN and SUB end any sequence.
        (_, '\u{18}' | '\u{1a}') => (State::Ground, None),
        (State::Ground, _) => ground(c),
        (State::Escape, '[') => (State::Control, None),
        (State::Escape, ']' | 'P' | 'X' | '^' | '_') => (State::ControlString, None),
        (State::Escape | State::Intermediate, ' '..='/') => (State::Intermediate, None),
        (State::Escape | State::Intermediate, '0'..='~') => (State::Ground, None),
        (State::Control, ' '..='?') => (State::Control, None),
        (State::Control, '@'..='~') => (State::Ground, None),
        (State::ControlString, '\u{7}' | '\u{9c}') => (State::Ground, None),
        (State::ControlString, _) => (State::ControlString, None),
        // Not a character of a sequence: a terminal would act on it as if the sequence were not there.
        (State::Escape | State::Intermediate | State::Control, _) => ground(c),
    }
}

/// Takes one character outside of any sequence.
fn ground(c: char) -> (State, Option<char>) {
    match c {
        '\u{9b}' => (State::Control, None),
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => (State::ControlString, None),
        '\r' => (State::Ground, Some('\r')),
        '\t' | '\u{2028}' | '\u{2029}' => (State::Ground, Some(' ')),
        c if c.is_control() || is_unseen(c) => (State::Ground, None),
        c => (State::Ground, Some(c)),
    }
}

/// Tells whether a character takes no room itself and can reorder, hide or carry other text.
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{00ad}' // soft hyphen
        | '\u{061c}' // Arabic letter mark
        | '\u{180e}' // Mongolian vowel separator
        | '\u{200b}'..='\u{200f}' // zero-width characters, left-to-right and right-to-left marks
        | '\u{202a}'..='\u{202e}' // bidi embeddings and overrides
        | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, bidi isolates, deprecated formatting
        | '\u{fe00}'..='\u{fe0f}' // variation selectors
        | '\u{feff}' // byte order mark
        | '\u{fff9}'..='\u{fffb}' // interlinear annotations
        | '\u{e0000}'..='\u{e0fff}' // tags and further variation selectors
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequences_go_as_a_whole_and_text_stays() {
        let cases = [
            ("plain text, naïve, 日本語", "plain text, naïve, 日本語"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[38;5;208mred\u{1b}[m", "red"),
            ("a\u{1b}]52;c;ZXZpbA==\u{7}b", "ab"),
            ("a\u{1b}]8;;http://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\b", "alinkb"),
            ("a\u{1b}Pq#0\u{1b}\\b", "ab"),
            ("a\u{1b}(Bb\u{1b}7c\u{1b}cd", "abcd"),
            ("a\u{9b}31mb\u{9d}0;title\u{9c}c", "abc"),
            ("a\u{1b}[12\u{18}b", "ab"),
            ("a\u{1b}[1é", "aé"),
            ("unfinished \u{1b}]0;title", "unfinished "),
            ("hidden \u{1b}]0;title\nnot hidden", "hidden  not hidden"),
            ("a\u{0}b\u{7f}c\u{85}d", "abcd"),
            ("abc\u{202e}fdp.exe\u{2066}\u{2069}\u{200f}", "abcfdp.exe"),
            ("ze\u{200b}ro\u{e0041}\u{feff}", "zero"),
            ("a\tb", "a b"),
            ("10%\r20%\r30%", "30%"),
            ("windows\r\nlines\r\n", "windows lines"),
            ("", ""),
            ("\n\n", ""),
        ];
        for (given, expected) in cases {
            assert_eq!(clean(given, 100), expected, "{given:?}");
        }
    }

    #[test]
    fn the_length_is_capped_in_characters() {
        let cases = [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("äöüß", 3, "äö…"),
            ("ab", 1, "…"),
            ("a", 0, ""),
            ("", 0, ""),
        ];
        for (given, max_chars, expected) in cases {
            assert_eq!(clean(given, max_chars), expected, "{given:?} in {max_chars}");
        }
        assert_eq!(clean_bytes(b"a\xffb", 10), "a\u{fffd}b");
    }

    proptest! {
        #[test]
        fn a_sequence_between_words_leaves_the_words(
            before in "[a-zé ]{0,8}",
            sequence in "\u{1b}\\[[0-9;?]{0,6}[@-~]|\u{1b}\\][0-9]{1,2};[ -~]{0,12}(\u{7}|\u{1b}\\\\)|\u{9b}[0-9;]{0,4}m|\u{1b}[PX^_][ -~]{0,8}\u{1b}\\\\",
            after in "[a-zé ]{0,8}",
        ) {
            prop_assert_eq!(clean(&format!("{before}{sequence}{after}"), 100), format!("{before}{after}"));
        }

        #[test]
        fn any_bytes_become_one_safe_line(bytes in proptest::collection::vec(any::<u8>(), 0..120), max_chars in 0_usize..80) {
            let safe = clean_bytes(&bytes, max_chars);
            prop_assert!(safe.chars().all(|c| !c.is_control() && !is_unseen(c)));
            prop_assert!(safe.chars().count() <= max_chars);
        }

        #[test]
        fn nothing_unsafe_survives(
            text in proptest::collection::vec(prop_oneof![
                any::<char>(),
                proptest::sample::select(vec!['\u{1b}', '[', ']', '\\', '\r', '\n', '\u{9b}', '\u{7}', '\u{202e}', 'm', ';']),
            ], 0..60).prop_map(|chars| chars.into_iter().collect::<String>()),
            max_chars in 0_usize..80,
        ) {
            let safe = clean(&text, max_chars);
            prop_assert!(safe.chars().all(|c| !c.is_control() && !is_unseen(c)));
            prop_assert!(safe.chars().count() <= max_chars);
            prop_assert_eq!(clean(&safe, max_chars), safe);
        }
    }
}
