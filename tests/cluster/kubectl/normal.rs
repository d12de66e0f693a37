//! Answers of kubectl without what differs from one run to the next: names that are drawn, ages, times, addresses, versions.
//!
//! It knows nothing of clusters: a text and the names that stand for others go in, a text comes out.

use std::collections::BTreeSet;

use serde_json::Value;

/// The letters and digits of which Kubernetes draws the ends of names.
const DRAWN: &str = "bcdfghjklmnpqrstvwxz2456789";

/// How long such an end is.
const DRAWN_LENGTH: usize = 5;

/// From how many digits on a word of hexadecimal digits is a digest or a time, and no word or number of ours.
const HEX_LENGTH: usize = 15;

/// The first words of a date such as `Tue, 24 Nov 2026 00:22:04 +0000`.
const DAYS: [&str; 7] = ["Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,"];

/// How many words such a date has.
const DATE_WORDS: usize = 6;

/// What stands around words and is no part of them.
const EDGES: [char; 5] = ['.', ':', '+', '-', '_'];

/// Takes out what differs from one run to the next, after each of these names was replaced by what stands for it.
pub(crate) fn normalise(text: &str, names: &[(String, String)]) -> String {
    let text = names
        .iter()
        .filter(|(name, _)| !name.is_empty())
        .fold(text.to_owned(), |text, (name, stand_in)| text.replace(name, stand_in));
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// Leaves out the lines that kubectl's libraries write about themselves, such as `W1124 01:34:47.619694 …`: they come by chance.
pub(crate) fn without_log(text: &str) -> String {
    let is_log = |line: &str| {
        let mut parts = line.split(' ');
        let (head, time) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let day = head.strip_prefix(['I', 'W', 'E', 'F']);
        day.is_some_and(|day| day.len() == 4 && is_number(day)) && time.contains(':')
    };
    text.split_inclusive('\n').filter(|line| !is_log(line)).collect()
}

/// Returns the paths of all fields, such as `spec.containers[].name`.
pub(crate) fn paths(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect_paths(value, String::new(), &mut found);
    found
}

fn collect_paths(value: &Value, path: String, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect_paths(field, below, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                collect_paths(item, format!("{path}[]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            found.insert(path);
        }
    }
}

fn line(text: &str) -> String {
    let text = without_dates(text);
    // 100m is a time as well as a tenth of a CPU.
    let may_be_age = !text.contains("cpu");
    without_counts(&without_columns(&with_words(&text, may_be_age)))
}

fn without_dates(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let zone = words.get(at + DATE_WORDS - 1);
        if DAYS.contains(&words[at]) && zone.is_some_and(|zone| zone.starts_with(['+', '-'])) {
            kept.push("TIME");
            at += DATE_WORDS;
        } else {
            kept.push(words[at]);
            at += 1;
        }
    }
    kept.join(" ")
}

fn with_words(line: &str, may_be_age: bool) -> String {
    let mut said = String::new();
    let mut word = String::new();
    let mut previous = String::new();
    for c in line.chars().map(Some).chain([None]) {
        if let Some(c) = c.filter(|c| c.is_ascii_alphanumeric() || EDGES.contains(c)) {
            word.push(c);
            continue;
        }
        let bare = word.trim_matches(EDGES);
        if bare.is_empty() {
            said.push_str(&word);
        } else {
            let stand_in = if previous == "resourceVersion" && is_number(bare) {
                "VERSION".to_owned()
            } else {
                stand_in(bare, may_be_age)
            };
            said.push_str(&word.replacen(bare, &stand_in, 1));
            bare.clone_into(&mut previous);
        }
        word.clear();
        said.extend(c);
    }
    said
}

/// Returns what stands for a word, or the word.
fn stand_in(word: &str, may_be_age: bool) -> String {
    if is_uid(word) {
        return "UID".to_owned();
    }
    if is_time(word) {
        return "TIME".to_owned();
    }
    if is_address(word) {
        return "IP".to_owned();
    }
    if is_hex(word) {
        return "HEX".to_owned();
    }
    if let Some(version) = minor_version(word) {
        return version;
    }
    if may_be_age && is_age(word) {
        return "AGE".to_owned();
    }
    for separator in [':', '.'] {
        if let Some((head, end)) = word.rsplit_once(separator)
            && is_hex(end)
        {
            return format!("{}{separator}HEX", stand_in(head, may_be_age));
        }
    }
    match word.rsplit_once('-') {
        Some((head, end)) if !head.is_empty() && is_drawn(end) => format!("{head}-XXXXX"),
        Some(_) | None => word.to_owned(),
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())
}

fn is_lower_hex(c: char) -> bool {
    c.is_ascii_digit() || ('a'..='f').contains(&c)
}

fn is_uid(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.chars().all(is_lower_hex))
}

/// Tells whether a word begins as `2026-11-24T00:22:04` and goes on, with a zone or a fraction.
fn is_time(word: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd";
    let alike = |(c, of): (char, char)| if of == 'd' { c.is_ascii_digit() } else { c == of };
    word.len() > shape.len() && word.chars().zip(shape.chars()).all(alike)
}

fn is_address(word: &str) -> bool {
    let host = word.split(':').next().unwrap_or(word);
    host.split('.').count() == 4 && host.split('.').all(is_number)
}

fn is_hex(word: &str) -> bool {
    word.len() >= HEX_LENGTH && word.chars().all(is_lower_hex)
}

/// Returns `v1.35.Z` for `v1.35.4` and whatever a vendor adds.
fn minor_version(word: &str) -> Option<String> {
    let mut parts = word.strip_prefix('v')?.split('.');
    let (major, minor, patch) = (parts.next()?, parts.next()?, parts.next()?);
    let is_version = is_number(major) && is_number(minor) && patch.starts_with(|c: char| c.is_ascii_digit());
    is_version.then(|| format!("v{major}.{minor}.Z"))
}

/// Tells whether a word is a time such as `5s` or `2m10s`.
fn is_age(word: &str) -> bool {
    let mut rest = word;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if unit.len() == rest.len() {
            return false;
        }
        let Some(next) = unit.strip_prefix(['s', 'm', 'h', 'd', 'y']) else {
            return false;
        };
        rest = next;
    }
    !word.is_empty()
}

fn is_drawn(end: &str) -> bool {
    end.len() == DRAWN_LENGTH && end.chars().all(|c| DRAWN.contains(c))
}

/// Narrows the gaps between columns, whose width depends on what they hold. What a line begins with stays.
fn without_columns(line: &str) -> String {
    let body = line.trim_start_matches(' ');
    let mut said = " ".repeat(line.len() - body.len());
    let mut gap = 0;
    for c in body.trim_end_matches(' ').chars() {
        gap = if c == ' ' { gap + 1 } else { 0 };
        if gap <= 2 {
            said.push(c);
        }
    }
    said
}

/// Takes out how often an event was seen: ` (x3 over 10s)`.
fn without_counts(line: &str) -> String {
    let mut said = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(" (x") {
        let count = after.trim_start_matches(|c: char| c.is_ascii_digit());
        match count.strip_prefix(" over AGE)") {
            Some(tail) if count.len() < after.len() => {
                said.push_str(before.strip_suffix(' ').unwrap_or(before));
                rest = tail;
            }
            Some(_) | None => {
                said.push_str(before);
                said.push_str(" (x");
                rest = after;
            }
        }
    }
    said.push_str(rest);
    said
}

#[test]
fn what_differs_from_run_to_run_is_taken_out_and_nothing_else() {
    let names = [("ttg-test-1".to_owned(), "NS".to_owned())];
    let table = [
        ("three-0-x7k2m   0/1", "three-0-XXXXX  0/1"),
        ("three-0-hello not-found", "three-0-hello not-found"),
        (
            "  Normal  Pulled  2s (x3 over 2m10s)  kubelet",
            "  Normal  Pulled  AGE  kubelet",
        ),
        ("cpu: 100m", "cpu: 100m"),
        ("Start Time:  Tue, 24 Nov 2026 00:22:04 +0000", "Start Time:  TIME"),
        ("at \"2026-11-24T00:22:04Z\"", "at \"TIME\""),
        ("https://127.0.0.1:6443/api", "https://IP/api"),
        ("uid f3e8f8d1-624d-48e3-b5b6-ec05c931c5e0.", "uid UID."),
        ("sha256:b4f06f39fe79678a051b8ed5c1a8ba7b", "sha256:HEX"),
        ("solo.187ad4aa8a7c2c3f", "solo.HEX"),
        ("resourceVersion: \"7276\"", "resourceVersion: \"VERSION\""),
        (
            "{\\\"resourceVersion\\\":\\\"7848\\\"}",
            "{\\\"resourceVersion\\\":\\\"VERSION\\\"}",
        ),
        ("Server Version: v1.35.4+k3s1", "Server Version: v1.35.Z"),
        ("in ttg-test-1, 10 of 12", "in NS, 10 of 12"),
        ("f(x1) (x2", "f(x1) (x2"),
    ];
    for (text, expected) in table {
        assert_eq!(normalise(text, &names), expected);
    }
}

#[test]
fn the_log_of_a_library_is_no_answer() {
    let text = "W1124 01:34:47.619694    7220 reflector.go:492] short watch\nError: 1\nE1124 is no log\n";
    assert_eq!(without_log(text), "Error: 1\nE1124 is no log\n");
}

#[test]
fn the_paths_of_an_object_are_those_of_its_leaves() {
    let object = serde_json::json!({"a": {"b": [{"c": 1}, {"d": {}}]}, "e": [], "f": null});
    let found: Vec<String> = paths(&object).into_iter().collect();
    assert_eq!(found, ["a.b[].c", "a.b[].d", "e", "f"]);
}
