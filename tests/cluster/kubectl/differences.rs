//! What the local cluster is known to do differently, as a table: `differences.yaml`. The documentation holds the same table for
//! people, and a test holds it to that.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// Something that the local cluster does differently, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    /// Its name.
    pub(crate) id: String,
    /// What differs, in full sentences.
    what: String,
    /// Why.
    reason: String,
    /// Whether it may as well not be seen.
    #[serde(default)]
    pub(crate) comes_and_goes: bool,
    /// Where it is seen, and how both sides are made alike there.
    #[serde(default)]
    changes: Vec<Change>,
}

/// How both sides of an answer are made alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Which answers: `dialogue/step`, of which the end may be `*`.
    at: String,
    /// Lines with this in them do not count.
    drop: Option<String>,
    /// What is between these two texts in a line does not count.
    between: Option<(String, String)>,
    /// Where the real cluster says the first, the local one says the second.
    replace: Option<(String, String)>,
    /// The answer does not count.
    #[serde(default)]
    skip: bool,
}

/// An answer and what it should be.
pub(crate) struct Sides {
    /// What a real cluster answers.
    pub(crate) golden: String,
    /// What this one answers.
    pub(crate) answer: String,
}

/// Reads the table.
pub(crate) fn differences(file: &Path) -> Vec<Difference> {
    let text = fs::read_to_string(file).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

impl Sides {
    /// Makes the two sides.
    pub(crate) fn new(golden: &str, answer: &str) -> Self {
        Self {
            golden: golden.to_owned(),
            answer: answer.to_owned(),
        }
    }

    /// Tells whether both are the same.
    pub(crate) fn agree(&self) -> bool {
        self.golden == self.answer
    }
}

impl Difference {
    /// Makes both sides of an answer alike as far as this difference goes; tells whether there was anything to do.
    pub(crate) fn apply(&self, at: &str, sides: &mut Sides) -> bool {
        let mut is_seen = false;
        for change in self.changes.iter().filter(|change| is_at(&change.at, at)) {
            let before = Sides::new(&sides.golden, &sides.answer);
            change.apply(sides);
            is_seen |= before.golden != sides.golden || before.answer != sides.answer;
        }
        is_seen
    }

    /// Returns the patterns of the answers in which it is seen.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().map(|change| change.at.as_str())
    }
}

impl Change {
    fn apply(&self, sides: &mut Sides) {
        if let Some(text) = &self.drop {
            sides.golden = without(&sides.golden, text);
            sides.answer = without(&sides.answer, text);
        }
        if let Some((first, last)) = &self.between {
            sides.golden = cut(&sides.golden, first, last);
            sides.answer = cut(&sides.answer, first, last);
        }
        if let Some((real, local)) = &self.replace {
            sides.golden = sides.golden.replace(real, local);
        }
        if self.skip {
            sides.golden.clone_from(&sides.answer);
        }
    }
}

/// Tells whether an answer is meant by a pattern.
pub(crate) fn is_at(pattern: &str, at: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => at.starts_with(start),
        None => at == pattern,
    }
}

fn without(text: &str, part: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.contains(part)).collect()
}

fn cut(text: &str, first: &str, last: &str) -> String {
    let cut_line = |line: &str| {
        let (before, rest) = line.split_once(first)?;
        let (_, after) = rest.rsplit_once(last)?;
        Some(format!("{before}{first}…{last}{after}"))
    };
    text.split_inclusive('\n')
        .map(|line| cut_line(line).unwrap_or_else(|| line.to_owned()))
        .collect()
}

/// Returns a text with single spaces between its words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_documentation_tells_every_difference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("docs/local-cluster.md");
    let documented = words(&fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display())));
    let missing: Vec<String> = differences(&root.join("tests/cluster/kubectl/differences.yaml"))
        .into_iter()
        .flat_map(|difference| [difference.what, difference.reason])
        .filter(|text| !documented.contains(&words(text)))
        .collect();
    assert!(missing.is_empty(), "{} lacks:\n{}", file.display(), missing.join("\n"));
}

#[test]
fn both_sides_are_made_alike_only_where_it_is_said() {
    let difference: Difference = serde_saphyr::from_str(
        "{id: x, what: x, reason: x, changes: [{at: 'a/*', drop: ttl}, {at: a/b, replace: [two, one]}, {at: a/b, between: ['<', '>']}]}",
    )
    .unwrap();
    let table = [
        ("a/b", "two <x>\n", "one <y> z\nttl 3\n", true, false),
        ("a/b", "two <x> z\n", "one <y> z\nttl 3\n", true, true),
        ("a/c", "two\n", "two\nttl\n", true, true),
        ("b/c", "two\n", "two\nttl\n", false, false),
    ];
    for (at, golden, answer, is_seen, agree) in table {
        let mut sides = Sides::new(golden, answer);
        assert_eq!(difference.apply(at, &mut sides), is_seen, "{at}");
        assert_eq!(sides.agree(), agree, "{at}");
    }
}
