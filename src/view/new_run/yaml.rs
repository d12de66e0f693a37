//! The manifest as lines to be looked at: which of them differ from the manifest of defaults, and what is a key.
//!
//! Must not know the form. No YAML is understood here, only what lines look like.

use super::super::tone::{Line, Tone, span};

/// The most lines that are compared with each other; beyond that all of them count as changed.
const COMPARED_MAX: usize = 400;

/// One line of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct YamlLine {
    pub(super) text: String,
    /// Whether the manifest of defaults has no such line here.
    pub(super) changed: bool,
}

/// Splits a manifest into lines and marks those that another does not have.
pub(super) fn marked(text: &str, other: &str) -> Vec<YamlLine> {
    let (new, old): (Vec<&str>, Vec<&str>) = (text.lines().collect(), other.lines().collect());
    let changed = changed(&new, &old);
    let lines = new.iter().zip(changed);
    lines
        .map(|(text, changed)| YamlLine {
            text: (*text).to_owned(),
            changed,
        })
        .collect()
}

/// Tells of each new line whether it is outside of the longest common subsequence.
fn changed(new: &[&str], old: &[&str]) -> Vec<bool> {
    let same = |(left, right): &(&&str, &&str)| left == right;
    let head = new.iter().zip(old).take_while(same).count();
    let (new_rest, old_rest) = (new.get(head..).unwrap_or_default(), old.get(head..).unwrap_or_default());
    let tail = new_rest
        .iter()
        .rev()
        .zip(old_rest.iter().rev())
        .take_while(same)
        .count();
    let new_middle = new_rest.get(..new_rest.len() - tail).unwrap_or_default();
    let old_middle = old_rest.get(..old_rest.len() - tail).unwrap_or_default();
    let mut marks = vec![false; head];
    marks.extend(middle_changed(new_middle, old_middle));
    marks.resize(new.len(), false);
    marks
}

fn middle_changed(new: &[&str], old: &[&str]) -> Vec<bool> {
    if new.len().max(old.len()) > COMPARED_MAX {
        return vec![true; new.len()];
    }
    // `lengths[i][j]`: the longest common subsequence of what follows line i of the new and line j of the old.
    let mut lengths = vec![vec![0_u32; old.len() + 1]; new.len() + 1];
    let length = |lengths: &Vec<Vec<u32>>, i: usize, j: usize| -> u32 {
        lengths.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0)
    };
    for (i, left) in new.iter().enumerate().rev() {
        for (j, right) in old.iter().enumerate().rev() {
            let best = if left == right {
                length(&lengths, i + 1, j + 1) + 1
            } else {
                length(&lengths, i + 1, j).max(length(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = best;
            }
        }
    }
    let mut j = 0;
    let mut marks = Vec::with_capacity(new.len());
    for (i, left) in new.iter().enumerate() {
        // Old lines that are worth nothing here are passed over.
        while old.get(j).is_some_and(|right| right != left) && length(&lengths, i, j + 1) == length(&lengths, i, j) {
            j += 1;
        }
        let kept = old.get(j) == Some(left);
        j += usize::from(kept);
        marks.push(!kept);
    }
    marks
}

/// Tells whether a line begins like this, be it an item of a list or not.
pub(super) fn begins(line: &str, beginning: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(beginning) || line.strip_prefix("- ").is_some_and(|item| item.starts_with(beginning))
}

/// Gives the parts of a line their meaning; at most so many characters of it.
pub(super) fn toned(line: &str, chars_max: usize) -> Line {
    let line: String = line.chars().take(chars_max).collect();
    let trimmed = line.trim_start();
    if trimmed.starts_with('#') || trimmed == "---" {
        return vec![span(line, Tone::Dim)];
    }
    let item = trimmed.strip_prefix("- ").unwrap_or(trimmed);
    let before: String = line.chars().take(line.chars().count() - item.chars().count()).collect();
    let split = item
        .split_once(": ")
        .or_else(|| item.strip_suffix(':').map(|key| (key, "")));
    match split {
        // A key is never quoted in the manifests that are made here.
        Some((key, value)) if !key.starts_with(['"', '\'']) => {
            let colon = if value.is_empty() { ":" } else { ": " };
            vec![
                span(before, Tone::Dim),
                span(key.to_owned(), Tone::Accent),
                span(colon, Tone::Dim),
                span(value.to_owned(), Tone::Plain),
            ]
        }
        Some(_) | None => vec![span(before, Tone::Dim), span(item.to_owned(), Tone::Plain)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_new_are_marked_and_no_others() {
        for (new, old, want) in [
            ("a\nb\nc", "a\nb\nc", "   "),
            ("a\nx\nc", "a\nb\nc", " * "),
            ("a\nb\nx\ny\nc", "a\nb\nc", "  ** "),
            ("a\nc", "a\nb\nc", "  "),
            ("x\nb\ny", "b", "* *"),
            ("b\na\nb\nc", "a\nb\nc", "*   "),
            ("a\n1\nb\n2\nc", "a\n3\nb\n4\nc", " * * "),
            ("", "a", ""),
        ] {
            let marks: String = marked(new, old)
                .iter()
                .map(|line| if line.changed { '*' } else { ' ' })
                .collect();
            assert_eq!(marks, want, "{new:?} after {old:?}");
        }
    }

    #[test]
    fn keys_and_values_are_told_apart() {
        let parts = |line: &str| -> Vec<(String, Tone)> {
            let spans = toned(line, 80).into_iter();
            spans.map(|span| (span.text.into_owned(), span.tone)).collect()
        };
        assert_eq!(
            parts("    - name: KERNEL"),
            [
                ("    - ".to_owned(), Tone::Dim),
                ("name".to_owned(), Tone::Accent),
                (": ".to_owned(), Tone::Dim),
                ("KERNEL".to_owned(), Tone::Plain),
            ]
        );
        assert_eq!(parts("spec:")[1], ("spec".to_owned(), Tone::Accent));
        assert_eq!(parts("        - ALL")[1], ("ALL".to_owned(), Tone::Plain));
        assert_eq!(parts("---"), [("---".to_owned(), Tone::Dim)]);
        assert_eq!(
            toned("key: value", 6)
                .iter()
                .map(|span| span.text.chars().count())
                .sum::<usize>(),
            6
        );
    }
}
