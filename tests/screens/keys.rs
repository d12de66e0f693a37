//! A key that is named does something, wherever it is named: in the footer, in the help, in the README.

use std::collections::BTreeMap;
use std::path::Path;

use ttg_tui::ui::keymap::{Key, markdown};
use ttg_tui::view::gesture::Screen;

use super::shown::{Frame, Shown, dark};
use super::states::{LARGE_NAME, State, all};

/// Wide enough for every key of a footer, and high enough for the whole help.
const SIZE: (u16, u16) = (220, 60);
/// What is pressed before, so that another pane, a text or something over the screen has the keys.
const BEFORE: [&[&str]; 6] = [&["Tab"], &["Tab", "Tab"], &["/"], &[":"], &["?"], &["q"]];
/// How the frame of the help begins.
const HELP: &str = "┌─ Keys ";
/// After what a key must do something that only moves: from the end there is no way on.
const MOVED: [&[&str]; 10] = [
    &[],
    &["Down"],
    &["Up"],
    &["End"],
    &["Home"],
    &["Right"],
    &["PgUp"],
    &["Tab"],
    &["Tab", "Down"],
    &["Tab", "Tab", "Home"],
];

fn shown(screen: Screen, state: &'static State, keys: &[&str]) -> Shown {
    let mut shown = Shown::new(screen, state, dark());
    // A screen that was drawn knows how it is laid out.
    shown.draw(SIZE);
    for key in keys {
        shown.press(key);
        shown.draw(SIZE);
    }
    shown
}

/// Tells whether a key does something after some others.
fn acts(screen: Screen, state: &'static State, before: &[&str], key: &str) -> bool {
    let mut shown = shown(screen, state, before);
    let frame = shown.draw(SIZE);
    !shown.press(key).is_empty() || shown.draw(SIZE) != frame
}

/// Returns the keys that stand at the beginning of a text.
fn keys(text: &str) -> Vec<String> {
    let names = text.split_whitespace().take_while(|name| Key::parse(name).is_some());
    names.map(str::to_owned).collect()
}

fn named_in_footer(frame: &Frame) -> Vec<String> {
    let rows = frame.rows();
    let entries = rows.last().map_or("", String::as_str).split("  ");
    let found = entries.filter(|entry| !entry.trim().is_empty()).map(|entry| {
        let keys = keys(entry);
        assert!(!keys.is_empty(), "{entry:?} names no key");
        keys
    });
    found.flatten().collect()
}

/// Returns the keys of the help that lies over a screen: they stand in the first sixteen columns of its lines.
fn named_in_help(frame: &Frame) -> Vec<String> {
    let rows = frame.columns();
    let top = rows
        .iter()
        .position(|row| row.contains(HELP))
        .expect("the help is shown");
    let left = rows[top].split(HELP).next().map_or(0, |before| before.chars().count());
    let inside = rows[top + 1..].iter().map(|row| row.chars().skip(left));
    let lines = inside.take_while(|line| line.clone().next() == Some('│'));
    let keys = lines.flat_map(|line| keys(&line.skip(2).take(16).collect::<String>()));
    keys.collect()
}

#[test]
fn every_key_of_the_footer_does_something() {
    let some = ["running", "retrying", "proven", "fresh", "wrong"];
    let mut idle = Vec::new();
    for (screen, state) in all().filter(|(_, state)| state.name != LARGE_NAME) {
        let more: &[&[&str]] = if some.contains(&state.name) { &BEFORE } else { &[] };
        let fresh: [&[&str]; 1] = [&[]];
        for before in fresh.iter().chain(more) {
            let named = named_in_footer(&shown(screen, state, before).draw(SIZE));
            assert!(
                !named.is_empty(),
                "{} of {} after {before:?} names no key",
                screen.name(),
                state.name
            );
            let not = named.iter().filter(|key| !acts(screen, state, before, key));
            idle.extend(not.map(|key| format!("{key} on {} of {} after {before:?}", screen.name(), state.name)));
        }
    }
    assert!(idle.is_empty(), "named and without effect: {idle:#?}");
}

#[test]
fn every_key_of_the_help_does_something() {
    let mut found: BTreeMap<(Screen, String), bool> = BTreeMap::new();
    // While a text is typed, as on a form where something is wrong, the help is asked for by another key.
    for (screen, state) in all().filter(|(_, state)| ![LARGE_NAME, "wrong"].contains(&state.name)) {
        let own = Screen::ALL
            .iter()
            .position(|other| *other == screen)
            .map_or(0, |number| number + 1);
        let named = named_in_help(&shown(screen, state, &["?"]).draw(SIZE));
        assert!(named.len() > 20, "{}: {named:?}", screen.name());
        for key in named {
            // To the screen that is shown already there is no way.
            if key == own.to_string() || key == format!("F{own}") {
                continue;
            }
            let does = found.entry((screen, key.clone())).or_default();
            *does = *does || MOVED.iter().any(|before| acts(screen, state, before, &key));
        }
    }
    let idle: Vec<_> = found.iter().filter(|(_, does)| !**does).map(|(key, _)| key).collect();
    assert!(idle.is_empty(), "named and without effect: {idle:#?}");
}

#[test]
fn the_readme_has_the_table_of_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, behind) = text
        .split_once("<!-- keys -->\n")
        .expect("the README has a place for the keys");
    let (table, _) = behind
        .split_once("<!-- /keys -->")
        .expect("the place for the keys has an end");
    assert_eq!(table.trim(), markdown().trim());
}
