//! The commands on runs: what they do to a run that another program watches, and what they refuse.

use serde_json::Value;

use super::attach::{assert_proven, end, local, misspelt};
use super::common::{Finished, Running, World};

/// Long enough for every change of a test to reach it.
const LONG: [&str; 7] = ["run", "--shards", "60", "--pace", "40s", "--workers", "1"];

/// Starts a run and waits until one of its workers computes.
fn start(world: &World, arguments: &[&str]) -> (Running, String) {
    let running = world.spawn(arguments);
    running.wait_for_stderr("running on");
    (running, world.only_run())
}

fn assert_done(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, "", "{finished:?}");
    for word in words {
        assert!(finished.stderr.contains(word), "{word} is not in {finished:?}");
    }
}

fn assert_refused(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.stdout, "", "{finished:?}");
    for word in words {
        assert!(finished.stderr.contains(word), "{word} is not in {finished:?}");
    }
}

/// Returns the object of a run in the list.
fn listed(world: &World, run: &str) -> Value {
    let finished = world.run(&["list", "--output", "json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mut objects = finished.objects();
    for object in &objects {
        assert_eq!(
            (&object["schema"], &object["type"]),
            (&"ttg-tui/1".into(), &"run".into()),
            "{object}"
        );
    }
    objects.retain(|object| object["run"] == run);
    assert_eq!(objects.len(), 1, "{finished:?}");
    objects.remove(0)
}

#[test]
fn a_run_is_suspended_resumed_and_scaled_while_another_program_watches() {
    let world = World::new();
    let local = local(&world);
    let (watching, run) = start(&world, &LONG);
    assert_eq!(listed(&world, &run)["state"], "running");

    let suspend = world.run(&["suspend", &run]);
    let twin = format!(r#"$ kubectl patch job {run} -n default --type=merge -p '{{"spec":{{"suspend":true}}}}'"#);
    let hint = format!("hint: it goes on with: ttg-tui resume {run}\n");
    assert_done(&suspend, &["suspended the run", &twin, &hint]);
    watching.wait_for_stderr("run suspended");
    assert_eq!(listed(&world, &run)["state"], "suspended");

    assert_done(&world.run(&["resume", &run]), &["resumed the run"]);
    watching.wait_for_stderr("run resumed");
    assert_eq!(listed(&world, &run)["state"], "running");

    // The beginning of the name is enough.
    let scale = world.run(&["scale", "ttg-primes-", "3"]);
    assert_done(&scale, &["scaled to 3 workers", r#"{"spec":{"parallelism":3}}"#]);
    watching.wait_for_stderr("workers changed from 1 to 3");
    let above = world.run(&["scale", &run, "61"]);
    assert_done(&above, &["scaled to 61 workers", "hint: the run has 60 shards"]);

    drop(watching);
    end(local);
}

#[test]
fn a_cancel_ends_the_watching_program_and_can_be_undone_when_nobody_watches() {
    let world = World::new();
    let local = local(&world);
    let (watching, run) = start(&world, &["run", "--workers", "1", "--pace", "6s"]);
    let cancel = world.run(&["cancel", &run]);
    let hint = format!("hint: undone with: ttg-tui resume {run}\n");
    assert_done(
        &cancel,
        &["cancelled the run", r#""ttg-tui/cancelled":"somebody at "#, &hint],
    );
    let ended = watching.finish();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("run cancelled: somebody at "), "{ended:?}");
    assert_eq!(listed(&world, &run)["state"], "cancelled");

    let resume = world.run(&["resume", &run]);
    assert_done(&resume, &["resumed the run", r#""ttg-tui/cancelled":null"#]);
    assert_eq!(listed(&world, &run)["state"], "running");
    assert_done(&world.run(&["scale", &run, "4"]), &["scaled to 4 workers"]);
    assert_proven(&world.run(&["attach", &run, "--output", "json"]), &run);
    end(local);
}

#[test]
fn a_delete_ends_the_watching_program_and_leaves_what_is_kept() {
    let world = World::new();
    let local = local(&world);
    let (watching, run) = start(&world, &LONG);
    watching.wait_for_stderr("accepted: 1 of 60");
    let delete = world.run(&["delete", &run]);
    let twin = format!("$ kubectl delete job {run} -n default");
    let hint = format!("hint: what is kept of it stays: ttg-tui result {run}\n");
    assert_done(&delete, &["deleted the Job", &twin, &hint]);
    let ended = watching.finish();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("the Job was deleted"), "{ended:?}");

    let gone = world.run(&["scale", &run, "3"]);
    let words = format!("the Job of {run} is gone from default");
    assert_refused(&gone, &[&words, &format!("ttg-tui result {run}")]);
    let row = listed(&world, &run);
    assert_eq!(
        (&row["state"], &row["kept"]),
        (&"incomplete".into(), &true.into()),
        "{row}"
    );
    assert!(row["cluster"].is_null(), "{row}");
    assert!(!world.ledger_indexes(&run).is_empty());
    end(local);
}

#[test]
fn what_can_mean_nothing_is_refused() {
    let world = World::new();
    let local = local(&world);
    let finished = world.run(&["run", "--parameters", "1e7", "--output", "json"]);
    let only = world.only_run();
    let run = only.as_str();
    assert_proven(&finished, run);
    let table: [(&[&str], &str); 4] = [
        (&["scale", run, "5"], "scaled"),
        (&["suspend", run], "suspended"),
        (&["resume", run], "resumed"),
        (&["cancel", run], "cancelled"),
    ];
    for (arguments, done) in table {
        let words = format!("the Job of {run} is complete, and a finished Job cannot be {done}");
        assert_refused(&world.run(arguments), &[&words, "hint: how it ended: ttg-tui attach"]);
    }
    let wrong = misspelt(run);
    let unknown = format!("error: no run begins with \"{wrong}\"; the nearest is {run}\n");
    for command in ["suspend", "resume", "cancel", "delete"] {
        assert_refused(&world.run(&[command, &wrong]), &[&unknown]);
    }
    assert_refused(&world.run(&["scale", &wrong, "5"]), &[&unknown]);
    assert_refused(&world.run(&["scale", run, "0"]), &["ttg-tui suspend RUN"]);
    end(local);
}

#[test]
fn a_list_has_what_runs_and_what_is_kept() {
    let world = World::new();
    let nothing = world.run(&["list"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), ""), "{nothing:?}");
    assert!(nothing.stderr.contains("there is no run yet"), "{nothing:?}");

    // A cluster of the program's own ends with it: of this run only what is kept is left.
    let kept = world.run(&["run", "--name", "ttg-kept"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let alone = world.run(&["list"]);
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert!(alone.stderr.contains("no local cluster is running"), "{alone:?}");

    let local = local(&world);
    let watching = world.spawn(&["run", "--name", "ttg-live", "--shards", "60", "--pace", "40s"]);
    watching.wait_for_stderr("running on");
    let list = world.run(&["list"]);
    assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""), "{list:?}");
    let lines: Vec<Vec<&str>> = list
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 3, "{list:?}");
    assert_eq!(lines[0], ["RUN", "STATE", "PROGRESS", "AGE", "WHERE", "VALUE"]);
    // The cluster's times are whole seconds, so either may come first.
    let row = |run: &str| lines.iter().find(|line| line[0] == run).unwrap();
    let (live, kept) = (row("ttg-live"), row("ttg-kept"));
    assert_eq!((live[1], live.last()), ("running", Some(&"local/default")), "{list:?}");
    assert_eq!(kept[..3], ["ttg-kept", "proven", "12/12"], "{list:?}");
    assert_eq!(kept[4..], ["kept", "here", "664,579"], "{list:?}");

    drop(watching);
    end(local);
}

#[test]
fn completions_are_printed_for_every_shell() {
    let world = World::new();
    for (shell, words) in [
        ("bash", "complete -F"),
        ("elvish", "edit:completion:arg-completer[ttg-tui]"),
        ("fish", "complete -c ttg-tui"),
        ("powershell", "Register-ArgumentCompleter"),
        ("zsh", "#compdef ttg-tui"),
    ] {
        let finished = world.run(&["completions", shell]);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{shell}");
        for word in [words, "attach", "simulate-work-ms", "rerun", "doctor"] {
            assert!(finished.stdout.contains(word), "{shell}: {word}");
        }
        for hidden in ["pod-supervise", "pod-exec", "Compute one shard"] {
            assert!(!finished.stdout.contains(hidden), "{shell}: {hidden}");
        }
    }
    assert_refused(
        &world.run(&["completions", "tcsh"]),
        &["bash, elvish, fish, powershell, zsh"],
    );
}

#[test]
fn the_manual_page_has_every_command_and_every_flag_but_nothing_hidden() {
    let world = World::new();
    let finished = world.run(&["man"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
    let page = &finished.stdout;
    assert!(page.contains("\n.TH ttg-tui 1"), "{page}");
    for command in [
        "run",
        "attach",
        "rerun",
        "list",
        "result",
        "scale",
        "suspend",
        "resume",
        "cancel",
        "delete",
        "manifest",
        "local",
        "doctor",
        "completions",
        "man",
    ] {
        let chapter = format!("\n.SH \"TTG-TUI {}\"\n", command.to_uppercase());
        assert_eq!(page.matches(&chapter).count(), 1, "{command}");
    }
    // A page writes a hyphen of a flag as `\-`.
    for flag in [r"\-\-pace", r"\-\-detach", r"\-\-nodes", r"\-\-kubeconfig"] {
        assert!(page.contains(flag), "{flag}");
    }
    for hidden in [r"pod\-supervise", r"pod\-exec", "POD-", "Compute one shard"] {
        assert!(!page.contains(hidden), "{hidden}");
    }
}
