//! Several programs at once on one local cluster: two runs, two that attach to one run, and a run that nobody watches.

use std::fs;

use super::attach::{assert_proven, end, local};
use super::common::World;

#[test]
fn two_runs_at_once_are_both_proven_under_their_own_names() {
    let world = World::new();
    let local = local(&world);
    let names = ["ttg-one", "ttg-two"];
    let runs = names.map(|name| world.spawn(&["run", "--name", name, "--pace", "2s", "--output", "json"]));
    for (run, name) in runs.into_iter().zip(names) {
        assert_proven(&run.finish(), name);
    }
    for name in names {
        assert_eq!(world.ledger_indexes(name).len(), 12, "{name}");
        assert_proven(&world.run(&["result", name, "--output", "json"]), name);
    }
    end(local);
}

#[test]
fn a_run_that_nobody_watches_is_proven_by_two_that_attach_and_one_of_them_writes() {
    let world = World::new();
    let local = local(&world);
    let left = world.run(&[
        "run", "--detach", "--name", "ttg-left", "--pace", "3s", "--output", "json",
    ]);
    assert_eq!((left.code, left.stderr.as_str()), (Some(0), ""), "{left:?}");
    let objects = left.objects();
    assert_eq!(objects.len(), 1, "{left:?}");
    for (key, value) in [("schema", "ttg-tui/1"), ("type", "submitted"), ("run", "ttg-left")] {
        assert_eq!(objects[0][key], value, "{left:?}");
    }

    let attach = ["attach", "ttg-left", "--output", "json"];
    let watching = [world.spawn(&attach), world.spawn(&attach)];
    for one in watching {
        assert_proven(&one.finish(), "ttg-left");
    }
    let ledger = fs::read_to_string(world.path("state/ttg-tui/runs/ttg-left/ledger.ndjson")).unwrap();
    // A header and twelve indexes: two writers would have written some of them twice.
    assert_eq!(ledger.lines().count(), 13, "{ledger}");
    assert_eq!(world.ledger_indexes("ttg-left").len(), 12);
    assert_proven(&world.run(&["result", "ttg-left", "--output", "json"]), "ttg-left");
    end(local);
}

#[test]
fn a_script_gets_the_name_of_the_run_it_leaves_and_a_person_the_way_back() {
    let world = World::new();
    let local = local(&world);
    let left = world.run(&["run", "--detach", "--workers", "1", "--shards", "60", "--pace", "40s"]);
    assert_eq!(left.code, Some(0), "{left:?}");
    let run = world.only_run();
    assert_eq!(left.stdout, format!("{run}\n"), "{left:?}");
    for words in [
        "submitted to local/default",
        &format!("hint: watch it and collect its result with: ttg-tui attach {run}\n"),
    ] {
        assert!(left.stderr.contains(words), "{words} is not in {left:?}");
    }
    let list = world.run(&["list", "--output", "json"]);
    let row = &list.objects()[0];
    assert_eq!(
        (&row["run"], &row["kept"]),
        (&run.clone().into(), &true.into()),
        "{row}"
    );
    assert_eq!(row["state"], "running", "{row}");
    // Nothing of it is collected before somebody attaches.
    let result = world.run(&["result", &run, "--output", "json"]);
    assert_eq!(result.code, Some(3), "{result:?}");
    assert_eq!(result.summary()["accepted"], 0);

    // The name is taken now: here, and on the cluster.
    let again = world.run(&["run", "--detach", "--name", &run]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("is kept here already"), "{again:?}");
    end(local);
}
