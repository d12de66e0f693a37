//! Dialogues with kubectl: files of steps, each a line for the shell, and the answer of each in a form that can be compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::golden::Book;
use super::normal::{normalise, paths, without_log};
use super::place::{Place, Site, Told};
use crate::world::within;

/// How long a step may be asked again until its answer is what it waits for.
const UNTIL: Duration = Duration::from_secs(30);

/// A dialogue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dialogue {
    /// The name of its file.
    #[serde(skip)]
    pub(crate) name: String,
    /// What it is about, for people.
    #[serde(rename = "about")]
    _about: String,
    /// Whether it changes what belongs to everybody, so that nothing else may run at the same time.
    #[serde(default)]
    pub(crate) serial: bool,
    /// What is asked, in this order.
    pub(crate) steps: Vec<Step>,
}

/// A question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Its name in the dialogue.
    pub(crate) id: String,
    /// The script.
    run: String,
    /// It is asked again until this is in its answer.
    until: Option<String>,
    /// It only reads, and may be asked again while what it reads, such as events, is still being written.
    #[serde(default)]
    settles: bool,
    /// What of the answer counts.
    #[serde(default)]
    compare: Compare,
}

/// What of an answer counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Compare {
    /// All of it.
    #[default]
    Text,
    /// Its lines, in any order and number.
    Set,
    /// Which fields its objects have.
    Paths,
    /// Only how it ended.
    Code,
}

/// Reads all dialogues of a folder.
pub(crate) fn dialogues(folder: &Path) -> Vec<Dialogue> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let mut dialogue: Dialogue =
            serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        dialogue.name = file.file_stem().unwrap().to_string_lossy().into_owned();
        dialogue
    };
    files.iter().map(read).collect()
}

impl Dialogue {
    /// Asks everything in a namespace of its own.
    pub(crate) fn hold(&self, site: &Site, book: &Book) {
        let place = Place::new(site);
        for step in &self.steps {
            let at = format!("{}/{}", self.name, step.id);
            let ask = || step.shape(&place, &step.ask(&place));
            book.settle(&at, step.settles, ask);
        }
    }
}

impl Step {
    fn ask(&self, place: &Place<'_>) -> Told {
        let Some(until) = &self.until else {
            return place.shell(&self.run);
        };
        let mut last = None;
        within(UNTIL, || {
            let told = last.insert(place.shell(&self.run));
            told.stdout.contains(until).then_some(())
        });
        last.expect("it was asked once at least")
    }

    fn shape(&self, place: &Place<'_>, told: &Told) -> String {
        let names = place.names();
        let err = normalise(&without_log(&told.stderr), &names);
        let (out, err) = match self.compare {
            Compare::Text => (normalise(&told.stdout, &names), err),
            Compare::Set => (set(&normalise(&told.stdout, &names)), set(&err)),
            Compare::Paths => (fields(&told.stdout, &names), err),
            Compare::Code => (String::new(), String::new()),
        };
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            told.code,
            ended(out),
            ended(err)
        )
    }
}

/// Ends the last line, so that what follows begins a new one.
fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn set(text: &str) -> String {
    let lines: BTreeSet<&str> = text.lines().collect();
    ended(lines.into_iter().collect::<Vec<_>>().join("\n"))
}

/// Returns the paths of the fields of objects, which are written as JSON or YAML.
fn fields(text: &str, names: &[(String, String)]) -> String {
    let objects: Vec<Value> = match serde_json::from_str(text) {
        Ok(object) => vec![object],
        Err(_not_json) => serde_saphyr::from_multiple(text).unwrap_or_default(),
    };
    let found: BTreeSet<String> = objects
        .iter()
        .flat_map(paths)
        .map(|path| normalise(&path, names))
        .collect();
    ended(found.into_iter().collect::<Vec<_>>().join("\n"))
}
