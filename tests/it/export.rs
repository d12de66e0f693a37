//! Films of a run that was recorded by the program itself.

use std::fs;
use std::path::Path;

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

/// The films beside the README are made from the recording beside them, by one command; `TTG_UPDATE_ASSETS=1` makes them anew.
#[test]
fn the_films_among_the_assets_are_those_of_the_program() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let world = World::new();
    fs::copy(assets.join("demo.ttg"), world.path("demo.ttg")).unwrap();
    let asked = [
        "export",
        "demo.ttg",
        "--narrated",
        "--theme",
        "dark",
        "--gif",
        "--svg",
        "--cast",
        "--png",
        "-o",
        "demo",
    ];
    let finished = world.run(&asked);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for (ending, bytes_max) in [
        ("gif", 1_000_000),
        ("svg", 1_500_000),
        ("cast", 1_000_000),
        ("png", 1_000_000),
    ] {
        let name = format!("demo.{ending}");
        let drawn = fs::read(world.path(&name)).unwrap();
        assert!(drawn.len() <= bytes_max, "{name}: {} bytes", drawn.len());
        if std::env::var_os("TTG_UPDATE_ASSETS").is_some() {
            fs::write(assets.join(&name), &drawn).unwrap();
        }
        assert!(
            drawn == fs::read(assets.join(&name)).unwrap(),
            "{name} is not what the program draws"
        );
    }
}
