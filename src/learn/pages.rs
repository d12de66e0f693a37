//! The pages of the documentation: one for each lesson, one for the life of a run, the glossary, and a list of them all.

use std::fmt::Write;

use super::glossary::TERMS;
use super::names::Names;
use super::tables::{self, Of};
use super::{Lesson, Step, lessons, life};

/// What stands below each title: who changes a page by hand finds it changed back.
const ORIGIN: &str = "<!-- Written from src/learn by the program's tests. Change it there. -->";

/// Returns every page: its file's name, and its text.
pub fn pages() -> Vec<(String, String)> {
    let file = |name: &str| format!("{name}.md");
    let mut pages = vec![(file("README"), contents()), (file(life::NAME), page_of_life())];
    pages.extend(lessons().iter().map(|lesson| (file(&lesson.name), page(lesson))));
    pages.push((file("glossary"), glossary()));
    pages
}

/// Writes the page of a lesson.
pub fn page(lesson: &Lesson) -> String {
    let mut text = head(&lesson.title, &lesson.goal);
    for (number, step) in (1..).zip(&lesson.steps) {
        write_step(&mut text, number, step);
    }
    text
}

/// Writes the page of the life of a run.
pub fn page_of_life() -> String {
    let mut text = head(life::TITLE, life::GOAL);
    let names = Names::example();
    for (number, step) in (1_usize..).zip(life::STEPS) {
        text.extend(["\n## ", &number.to_string(), ". ", step.title, "\n\n", step.why, "\n"]);
        write_command(&mut text, &names.fill(step.command));
        write_question(&mut text, step.question, step.answer);
    }
    text
}

fn head(title: &str, goal: &str) -> String {
    format!("# {title}\n\n{ORIGIN}\n\n{goal}\n")
}

fn contents() -> String {
    let mut text = head(
        "Lessons",
        "`ttg-tui learn` opens them beside a run on the local cluster, and sees what you do there. Names such as\n\
         `ttg-primes-7f3a2k` are an example's: on the screen they are those of your run.",
    );
    let life = [(life::NAME, life::TITLE, life::GOAL)];
    let others = lessons()
        .iter()
        .map(|lesson| (&*lesson.name, &*lesson.title, &*lesson.goal));
    text.push('\n');
    for (number, (name, title, goal)) in (0_usize..).zip(life.into_iter().chain(others)) {
        // Writing to a text cannot fail.
        writeln!(text, "{number}. [{title}]({name}.md): {goal}").ok();
    }
    text.push_str("\nAnd the [glossary](glossary.md).\n");
    text
}

fn glossary() -> String {
    let mut text = head("Glossary", "On every screen, `i` opens it.");
    text.push_str("\n| term | what it means |\n|---|---|\n");
    for term in TERMS {
        text.extend(["| ", term.term, " | ", term.meaning, " |\n"]);
    }
    text
}

fn write_step(text: &mut String, number: usize, step: &Step) {
    text.extend([
        "\n## ",
        &number.to_string(),
        ". ",
        &step.title,
        "\n\n",
        step.text.trim_end(),
        "\n",
    ]);
    if let Some(table) = step.table {
        text.push('\n');
        for (number, row) in tables::rows(table, &Of::example()).iter().enumerate() {
            text.extend(["| ", &row.join(" | "), " |\n"]);
            if number == 0 {
                text.extend(["|", &"--:|".repeat(row.len()), "\n"]);
            }
        }
    }
    if let Some(keys) = &step.keys {
        text.extend(["\nPress: ", keys, "\n"]);
    }
    if let Some(command) = &step.command {
        write_command(text, &Names::example().fill(command));
    }
    if let Some(wait) = step.wait {
        text.extend(["\nThe screen waits until ", &wait.words(), ".\n"]);
    }
    write_question(text, &step.question, &step.answer);
}

fn write_command(text: &mut String, command: &str) {
    text.extend(["\n```sh\n$ ", command, "\n```\n"]);
}

fn write_question(text: &mut String, question: &str, answer: &str) {
    text.extend([
        "\n<details><summary>",
        question,
        "</summary>\n\n",
        answer,
        "\n\n</details>\n",
    ]);
}
