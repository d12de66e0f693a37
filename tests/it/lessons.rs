//! The pages of the lessons are those that the program would write, and without a terminal it prints them.

use std::fs;
use std::path::PathBuf;

use ttg_tui::learn::pages;

use super::common::{World, repository};

/// When set, pages that differ are written instead of reported.
const UPDATE: &str = "TTG_UPDATE_ASSETS";

fn folder() -> PathBuf {
    repository("docs/lessons")
}

#[test]
fn the_pages_of_the_lessons_are_written_from_their_data() {
    let is_update = std::env::var_os(UPDATE).is_some();
    let wanted = pages();
    if is_update {
        fs::create_dir_all(folder()).unwrap();
    }
    for (name, text) in &wanted {
        let path = folder().join(name);
        if is_update {
            fs::write(&path, text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == *text, "{name} is not what {UPDATE}=1 writes");
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            wanted.iter().any(|(known, _)| *known == name),
            "{name} belongs to no lesson"
        );
    }
}

#[test]
fn without_a_terminal_a_lesson_is_printed_and_a_wrong_one_is_named() {
    let world = World::new();
    for (arguments, want) in [
        (&["learn"][..], "# Lessons"),
        (&["learn", "0"][..], "# The life of a run"),
        (&["learn", "drain"][..], "# Drain a node"),
    ] {
        let finished = world.run(arguments);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.starts_with(want), "{finished:?}");
    }
    let finished = world.run(&["learn", "10"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(finished.stderr.contains("kill-a-pod"), "{finished:?}");
}
