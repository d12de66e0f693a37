//! Films of a run that was recorded by the program itself.

use std::fs;

use super::common::World;

/// The formats, and how a file of each begins.
const FORMATS: [(&str, &[u8]); 5] = [
    ("txt", b"--- 0.000 s ---\n"),
    ("cast", b"{\""),
    ("svg", b"<svg "),
    ("gif", b"GIF89a"),
    ("png", b"\x89PNG"),
];

#[test]
fn a_recorded_run_becomes_the_same_films_twice() {
    let world = World::new();
    let run = [
        "run",
        "--parameters",
        "12_000",
        "--shards",
        "12",
        "--record",
        "run.ndjson.gz",
    ];
    assert_eq!(world.run(&run).code, Some(0));
    for out in ["one", "other"] {
        let asked = [
            "export",
            "run.ndjson.gz",
            "--text",
            "--cast",
            "--svg",
            "--gif",
            "--png",
            "-o",
            out,
        ];
        let finished = world.run(&asked);
        assert_eq!(finished.code, Some(0), "{finished:?}");
    }
    for (ending, beginning) in FORMATS {
        let read = |name: &str| fs::read(world.path(&format!("{name}.{ending}"))).unwrap();
        let one = read("one");
        assert!(one.starts_with(beginning), "{ending}");
        assert_eq!(one, read("other"), "{ending}");
    }
    let text = fs::read_to_string(world.path("one.txt")).unwrap();
    assert!(text.contains("PROVEN") && text.contains("[5 Result]"), "{text}");
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let world = World::new();
    fs::write(world.path("notes.txt"), "no recording").unwrap();
    for asked in [
        &["export", "notes.txt", "--gif"][..],
        &["export", "nothing", "--gif"],
        &["export", "notes.txt"],
        &["export", "notes.txt", "--gif", "--size", "7x7"],
        &["export", "notes.txt", "--gif", "--at", "1", "--from", "2"],
        &["demo"],
    ] {
        assert_eq!(world.run(asked).code, Some(2), "{asked:?}");
    }
}
