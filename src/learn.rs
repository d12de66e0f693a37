//! What a learner is told: the life of a run in eight steps, lessons, and the words of the trade.
//!
//! Lessons are data, one file each below `learn/lessons`, embedded. The screen and the pages of the documentation are made from the
//! same data, so that neither can say what the other does not. What a step waits for is seen in the facts of a run, never by a
//! timer. It must not know how anything is drawn, and does no I/O.

pub mod glossary;
pub mod life;
pub mod names;
mod pages;
pub mod seen;
pub mod tables;

use std::sync::LazyLock;

use serde::Deserialize;

pub use pages::{page, page_of_life, pages};
use seen::Seen;
use tables::Table;

/// The files of the lessons, in their order.
const FILES: [&str; 9] = [
    include_str!("learn/lessons/one-against-three.toml"),
    include_str!("learn/lessons/the-split.toml"),
    include_str!("learn/lessons/kill-a-pod.toml"),
    include_str!("learn/lessons/drain-a-node.toml"),
    include_str!("learn/lessons/scale.toml"),
    include_str!("learn/lessons/memory.toml"),
    include_str!("learn/lessons/configmap-and-secret.toml"),
    include_str!("learn/lessons/kinds.toml"),
    include_str!("learn/lessons/patterns.toml"),
];

// A test reads every file, so that none is left out here.
static LESSONS: LazyLock<Vec<Lesson>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| toml::from_str(text).ok()).collect());

/// One lesson.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// Its name on the command line and as a file.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub goal: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step of a lesson.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its title.
    pub title: String,
    /// What is told: paragraphs, with `*terms*` of the glossary and `` `code` ``; lines that begin with four blanks stay as they are.
    pub text: String,
    /// A table that belongs to it.
    #[serde(default)]
    pub table: Option<Table>,
    /// What to press in this program.
    #[serde(default)]
    pub keys: Option<String>,
    /// What to type in another terminal, with the names of [`names::Names`] in braces.
    #[serde(default)]
    pub command: Option<String>,
    /// What the learner's own action brings about.
    #[serde(default)]
    pub wait: Option<Seen>,
    /// What is said when something else was done.
    #[serde(default)]
    pub instead: Vec<Instead>,
    /// A question.
    pub question: String,
    /// Its answer.
    pub answer: String,
}

/// A helpful word for another action than the one that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// What was done.
    pub when: Seen,
    /// What is said.
    pub word: String,
}

/// Returns the lessons, in their order.
pub fn lessons() -> &'static [Lesson] {
    &LESSONS
}

/// Finds a lesson by its number, its name or the beginning of it; 0 is the life of a run. None when there is no such one.
pub fn find(text: &str) -> Option<usize> {
    if let Ok(number) = text.parse::<usize>() {
        return (number <= lessons().len()).then_some(number);
    }
    if text.is_empty() {
        return None;
    }
    let named = [life::NAME]
        .into_iter()
        .chain(lessons().iter().map(|lesson| &*lesson.name));
    named.into_iter().position(|name| name.starts_with(text))
}

/// A piece of a text: how it is meant, and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Ordinary words.
    Plain(&'a str),
    /// A term of the glossary.
    Term(&'a str),
    /// What is typed, or stands in an object.
    Code(&'a str),
}

/// Takes a text apart at its marks.
pub fn marks(text: &str) -> Vec<Mark<'_>> {
    let (mut marks, mut rest) = (Vec::new(), text);
    while let Some((before, sign, after)) = split_at_sign(rest) {
        let Some((inside, behind)) = after.split_once(sign) else {
            break;
        };
        if !before.is_empty() {
            marks.push(Mark::Plain(before));
        }
        marks.push(if sign == '*' {
            Mark::Term(inside)
        } else {
            Mark::Code(inside)
        });
        rest = behind;
    }
    if !rest.is_empty() {
        marks.push(Mark::Plain(rest));
    }
    marks
}

fn split_at_sign(text: &str) -> Option<(&str, char, &str)> {
    let is_sign = |c: char| c == '*' || c == '`';
    let sign = text.chars().find(|c| is_sign(*c))?;
    let (before, after) = text.split_once(sign)?;
    Some((before, sign, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lesson_can_be_read_and_says_what_to_do() {
        for text in FILES {
            let lesson: Result<Lesson, _> = toml::from_str(text);
            lesson.unwrap();
        }
        assert_eq!(lessons().len(), 9);
        for lesson in lessons() {
            assert!(lesson.steps.len() >= 3, "{}", lesson.name);
            for step in &lesson.steps {
                let at = format!("{}: {}", lesson.name, step.title);
                assert!(step.question.ends_with('?'), "{at}");
                assert!(
                    step.wait.is_none() || step.keys.is_some() || step.command.is_some(),
                    "{at}: waits for what nobody is told to do"
                );
                assert!(step.instead.is_empty() || step.wait.is_some(), "{at}");
                let commands = step.command.iter();
                assert!(
                    commands.into_iter().all(|command| command.starts_with("kubectl ")),
                    "{at}"
                );
            }
        }
    }

    #[test]
    fn each_term_that_is_used_is_in_the_glossary() {
        let steps = lessons().iter().flat_map(|lesson| &lesson.steps);
        let told = steps
            .map(|step| step.text.clone())
            .chain(life::STEPS.iter().map(|step| step.why.to_owned()));
        for text in told {
            for mark in marks(&text) {
                if let Mark::Term(term) = mark {
                    assert!(glossary::find(term).is_some(), "{term} is not in the glossary: {text}");
                }
            }
        }
    }

    #[test]
    fn a_lesson_is_found_by_its_number_or_its_name() {
        let table = [
            ("0", Some(0)),
            ("life", Some(0)),
            ("9", Some(9)),
            ("10", None),
            ("kill", Some(3)),
            ("the-split", Some(2)),
            ("", None),
            ("x", None),
        ];
        for (text, want) in table {
            assert_eq!(find(text), want, "{text}");
        }
    }

    #[test]
    fn marks_are_taken_apart() {
        assert_eq!(
            marks("a *pod* and `a * b`"),
            [
                Mark::Plain("a "),
                Mark::Term("pod"),
                Mark::Plain(" and "),
                Mark::Code("a * b")
            ]
        );
        assert_eq!(marks("5 * 3"), [Mark::Plain("5 * 3")]);
    }
}
