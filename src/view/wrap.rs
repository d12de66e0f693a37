//! Text in lines of at most so many columns. A wide character takes two; what takes none is dropped where it is drawn. Pure.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::tone::{Line, Span, Tone, span};

/// Wraps a text between words; a word that is too long is cut where the line ends.
pub fn words(text: &str, columns: usize) -> Vec<String> {
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
pub fn anywhere(text: &str, columns: usize) -> Vec<String> {
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

/// Wraps pieces of text between words, each with its meaning. Blanks at the beginning stay; a word that is too long is cut where
/// the line ends.
pub fn line(pieces: &[Span], columns: usize) -> Vec<Line> {
    let columns = columns.max(1);
    if pieces.iter().map(|piece| piece.text.width()).sum::<usize>() <= columns {
        return vec![pieces.to_vec()];
    }
    let (mut lines, mut current, mut used) = (Vec::new(), Line::new(), 0);
    for piece in pieces {
        for word in piece.text.split_inclusive(' ') {
            let wanted = word.trim_end().width();
            if used > 0 && used + wanted > columns {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            if wanted <= columns {
                current.push(span(word.to_owned(), piece.tone));
                used += word.width();
                continue;
            }
            let mut parts = anywhere(word.trim_end(), columns);
            let last = parts.pop().unwrap_or_default();
            lines.extend(parts.into_iter().map(|part| vec![span(part, piece.tone)]));
            used = last.width() + 1;
            current.extend([span(last, piece.tone), span(" ", piece.tone)]);
        }
    }
    lines.push(current);
    for line in &mut lines {
        trim(line);
    }
    lines
}

/// Takes the blanks off the end of a line: one that is as long as the line can be would stand beyond its edge.
fn trim(line: &mut Line) {
    while let Some(last) = line.last_mut() {
        let kept = last.text.trim_end_matches(' ').len();
        if kept > 0 {
            last.text.to_mut().truncate(kept);
            break;
        }
        line.pop();
    }
}

/// Wraps pieces of text as [`line()`] does; what follows of a line that is indented, or of a list, stands further right than its
/// beginning.
pub fn indented(pieces: &[Span], columns: usize) -> Vec<Line> {
    let start = pieces.first().map_or("", |piece| &*piece.text);
    let blanks = start.width() - start.trim_start_matches(' ').width();
    let indent = match blanks {
        0 if !start.starts_with("- ") => 0,
        _ => (blanks + 2).min(columns / 2),
    };
    if indent == 0 || pieces.iter().map(|piece| piece.text.width()).sum::<usize>() <= columns {
        return line(pieces, columns);
    }
    let mut lines = line(pieces, columns - indent);
    for rest in lines.iter_mut().skip(1) {
        rest.insert(0, span(" ".repeat(indent), Tone::Plain));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tone::{dim, plain};

    #[test]
    fn text_is_wrapped_at_its_width() {
        assert_eq!(words("", 5), [""]);
        assert_eq!(words("one two three", 7), ["one two", "three"]);
        assert_eq!(words("a abcdefgh i", 3), ["a", "abc", "def", "gh", "i"]);
        assert_eq!(words("日本 語", 4), ["日本", "語"]);
        assert_eq!(anywhere("a  bc日本", 4), ["a  b", "c日", "本"]);
        assert_eq!(anywhere("abc", 0), ["a", "b", "c"]);
    }

    #[test]
    fn pieces_keep_their_meaning_and_nothing_of_them_is_lost() {
        let texts = |pieces: &[Span], columns| -> Vec<String> {
            let lines = line(pieces, columns).into_iter();
            lines.map(|l| l.iter().map(|s| &*s.text).collect()).collect()
        };
        let pieces = [plain("one two three"), dim(" four")];
        assert_eq!(texts(&[plain("ab cd ef")], 5), ["ab cd", "ef"]);
        assert_eq!(texts(&pieces, 80), ["one two three four"]);
        assert_eq!(texts(&pieces, 9), ["one two", "three", "four"]);
        assert_eq!(texts(&[plain("  a abcdefgh i")], 3), ["  a", "abc", "def", "gh", "i"]);
        assert_eq!(line(&pieces, 9).last(), Some(&vec![dim("four")]));
    }

    #[test]
    fn what_is_indented_goes_on_further_right() {
        for (text, want) in [
            ("  plan: abc", vec!["  plan: abc"]),
            ("  plan: abcdefghijk", vec!["  plan:", "    abcdefgh", "    ijk"]),
            ("- one two three four", vec!["- one two", "  three four"]),
            ("one two three four", vec!["one two", "three four"]),
        ] {
            let lines = indented(&[plain(text)], 12).into_iter();
            let got: Vec<String> = lines.map(|l| l.iter().map(|s| &*s.text).collect()).collect();
            assert_eq!(got, want);
        }
    }
}
