//! The recorded answers of a real cluster, and how an answer is held against them.
//!
//! What is recorded comes from a real cluster alone; a local cluster's answers must equal it, but for the known differences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::differences::{Difference, Sides};
use crate::world::within;

/// How long what is still being written may take.
const SETTLING: Duration = Duration::from_secs(8);

/// The file in the folder of the golden answers that says which versions gave them.
pub(crate) const VERSIONS: &str = "versions.txt";

/// What is done with answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They are written down.
    Record,
    /// They are held against what was recorded.
    Compare,
    /// They are held against what was recorded, but for the known differences of the local cluster.
    CompareLocal,
}

/// The golden answers, and what was found out about them.
pub(crate) struct Book {
    folder: PathBuf,
    purpose: Purpose,
    differences: Vec<Difference>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// What differs, for people.
    unknown: Vec<String>,
    /// The known differences that were seen.
    known: BTreeSet<String>,
    /// How many answers were looked at.
    answers: usize,
}

impl Book {
    /// Opens the golden answers.
    pub(crate) fn new(folder: PathBuf, purpose: Purpose, differences: Vec<Difference>) -> Self {
        Self {
            folder,
            purpose,
            differences,
            found: Mutex::default(),
        }
    }

    /// Records an answer or holds it against the recorded one. What may still settle is asked for again while it differs.
    pub(crate) fn settle(&self, at: &str, settles: bool, mut ask: impl FnMut() -> String) {
        let mut answer = ask();
        if self.purpose == Purpose::Record {
            if settles {
                // Nothing tells that no more is to come, so the last answer of a while is taken.
                within(SETTLING, || {
                    answer = ask();
                    None::<()>
                });
            }
            record(&self.folder.join(format!("{at}.txt")), &answer);
            return;
        }
        let golden = fs::read_to_string(self.folder.join(format!("{at}.txt"))).unwrap_or_default();
        if settles {
            within(SETTLING, || {
                if self.sides(at, &golden, &answer).0.agree() {
                    return Some(());
                }
                answer = ask();
                None
            });
        }
        let (sides, seen) = self.sides(at, &golden, &answer);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.answers += 1;
        found.known.extend(seen);
        if !sides.agree() {
            found.unknown.push(format!("## {at}\n{}", unlike(&sides)));
        }
    }

    /// Returns both sides without the known differences, and which of those were seen.
    fn sides(&self, at: &str, golden: &str, answer: &str) -> (Sides, Vec<String>) {
        let mut sides = Sides::new(golden, answer);
        if self.purpose != Purpose::CompareLocal {
            return (sides, Vec::new());
        }
        let seen = self.differences.iter().filter(|known| known.apply(at, &mut sides));
        let seen = seen.map(|known| known.id.clone()).collect();
        (sides, seen)
    }

    /// Fails with everything that differs and is not known to, and with known differences that are none any more.
    pub(crate) fn close(self, is_asked: impl Fn(&str) -> bool) {
        let found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut unknown = found.unknown;
        if self.purpose == Purpose::CompareLocal {
            let gone = self.differences.iter().filter(|known| {
                let is_asked = known.places().any(&is_asked);
                is_asked && !known.comes_and_goes && !found.known.contains(&known.id)
            });
            unknown.extend(gone.map(|known| format!("## the known difference {} is none any more", known.id)));
        }
        assert!(
            unknown.is_empty(),
            "{} of {} answers differ (- real, + here):\n\n{}",
            unknown.len(),
            found.answers,
            unknown.join("\n")
        );
    }
}

fn record(file: &Path, answer: &str) {
    fs::create_dir_all(file.parent().expect("a file is in a folder")).unwrap();
    fs::write(file, answer).unwrap();
}

/// Writes the versions that give the golden answers.
pub(crate) fn record_versions(folder: &Path, kubectl: &str, server: &str) {
    record(&folder.join(VERSIONS), &versions(kubectl, server));
}

/// Returns the text about versions.
pub(crate) fn versions(kubectl: &str, server: &str) -> String {
    format!("kubectl {kubectl}\nserver {server}\n")
}

/// Returns the lines that only one side has, or all lines when only their order differs.
fn unlike(sides: &Sides) -> String {
    let mut more: BTreeMap<&str, i64> = BTreeMap::new();
    for line in sides.golden.lines() {
        *more.entry(line).or_default() += 1;
    }
    for line in sides.answer.lines() {
        *more.entry(line).or_default() -= 1;
    }
    let is_order = more.values().all(|count| *count == 0);
    let mut said = String::new();
    let mut say = |sign: char, text: &str, keep: &dyn Fn(i64) -> bool| {
        for line in text.lines() {
            if is_order || keep(more.get(line).copied().unwrap_or_default()) {
                writeln!(said, "{sign}{line}").expect("a text can be written to");
            }
        }
    };
    say('-', &sides.golden, &|count| count > 0);
    say('+', &sides.answer, &|count| count < 0);
    said
}

#[test]
fn only_the_lines_of_one_side_are_told() {
    let table = [
        ("a\nb\n", "a\nc\n", "-b\n+c\n"),
        ("a\nb\n", "b\na\n", "-a\n-b\n+b\n+a\n"),
        ("a\na\n", "a\n", "-a\n-a\n"),
    ];
    for (golden, answer, expected) in table {
        assert_eq!(unlike(&Sides::new(golden, answer)), expected);
    }
}
