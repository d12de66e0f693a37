//! A run is recorded, and played again: the same lines, the same summary, with no cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::common::World;

#[test]
fn a_recorded_run_is_told_again_word_for_word() {
    let world = World::new();
    let live = world.run(&["run", "--shards", "6", "--output", "json", "--record", "run.ttg"]);
    assert_eq!(live.code, Some(0), "{live:?}");
    let file = world.path("run.ttg");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let run = world.only_run();
    for recording in ["run.ttg", run.as_str()] {
        let replayed = world.run(&["replay", recording, "--output", "json"]);
        assert_eq!((replayed.code, replayed.stderr.as_str()), (Some(0), ""), "{recording}");
        assert_eq!(replayed.stdout, live.stdout, "{recording}");
    }

    let whole = fs::read(&file).unwrap();
    fs::write(world.path("cut.ttg"), &whole[..whole.len() / 2]).unwrap();
    let cut = world.run(&["replay", "cut.ttg"]);
    assert_eq!(cut.code, Some(3), "{cut:?}");
    assert!(cut.stderr.contains("torn"), "{cut:?}");
    assert!(!cut.stdout.contains("PROVEN"), "{cut:?}");
}

#[test]
fn what_cannot_be_recorded_or_played_is_refused() {
    let world = World::new();
    fs::write(world.path("notes.txt"), "hello").unwrap();
    for (arguments, words) in [
        (&["run", "--record", "notes.txt"][..], "is there already"),
        (&["run", "--record", "new.ttg", "--detach"][..], "cannot be used with"),
        (&["replay", "notes.txt"][..], "no recording"),
        (&["replay", "nothing"][..], "no such file"),
        (&["--local", "replay", "notes.txt"][..], "means nothing"),
    ] {
        let finished = world.run(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(words), "{arguments:?}: {finished:?}");
    }
    assert!(world.runs().is_empty());
}
