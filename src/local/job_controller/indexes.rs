//! Completion indexes as Kubernetes writes them in a Job's status.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Parses `1,3-5,7`; parts that do not parse are left out, since only this controller writes the field.
pub(super) fn parse(text: &str, completions: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            found.extend((first..=last).take_while(|i| *i < completions));
        }
    }
    found
}

/// Writes the form that Kubernetes uses: ascending, three or more in a row as `a-b`.
pub(super) fn format(indexes: &BTreeSet<u32>) -> String {
    let mut text = String::new();
    let mut rest = indexes.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|n| *n == last + 1) {
            last = next;
        }
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        match last - first {
            0 => write!(text, "{comma}{first}").ok(),
            1 => write!(text, "{comma}{first},{last}").ok(),
            _ => write!(text, "{comma}{first}-{last}").ok(),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_strings_are_upstreams() {
        for (indexes, want) in [
            (vec![], ""),
            (vec![0], "0"),
            (vec![1, 2], "1,2"),
            (vec![1, 3, 4, 5, 7], "1,3-5,7"),
            (vec![0, 1, 2], "0-2"),
        ] {
            let set: BTreeSet<u32> = indexes.into_iter().collect();
            assert_eq!(format(&set), want);
            assert_eq!(parse(want, 10), set);
        }
        assert_eq!(parse("3-9", 5), BTreeSet::from([3, 4]));
    }
}
