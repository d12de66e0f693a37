//! Text in lines of at most so many columns. A wide character takes two; what takes none is dropped where it is drawn.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Wraps a text between words; a word that is too long is cut where the line ends.
pub(super) fn words(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let wanted = word.width();
        if used > 0 && used + 1 + wanted > columns {
            lines.push(String::new());
            used = 0;
        }
        let Some(line) = lines.last_mut() else { break };
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        if wanted <= columns {
            line.push_str(word);
            used += wanted;
            continue;
        }
        let mut pieces = anywhere(word, columns).into_iter();
        line.push_str(&pieces.next().unwrap_or_default());
        lines.extend(pieces);
        used = lines.last().map_or(0, |line| line.width());
    }
    lines
}

/// Wraps a text wherever a line ends, so that every space of it is kept.
pub(super) fn anywhere(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for character in text.chars() {
        let wanted = character.width().unwrap_or(0);
        if used > 0 && used + wanted > columns {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push(character);
        }
        used += wanted;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_its_width() {
        assert_eq!(words("", 5), [""]);
        assert_eq!(words("one two three", 7), ["one two", "three"]);
        assert_eq!(words("a abcdefgh i", 3), ["a", "abc", "def", "gh", "i"]);
        assert_eq!(words("日本 語", 4), ["日本", "語"]);
        assert_eq!(anywhere("a  bc日本", 4), ["a  b", "c日", "本"]);
        assert_eq!(anywhere("abc", 0), ["a", "b", "c"]);
    }
}
