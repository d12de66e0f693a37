//! `run` from end to end, with workers that are real processes: what it proves, and what is left when something dies.

use super::common::World;

#[test]
fn the_default_run_is_proven() {
    let world = World::new();
    let finished = world.run(&["run"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for words in [
        "PROVEN  664,579 primes among 10,000,000 parameters",
        "12 of 12 indexes accepted, each exactly once",
        "12 attempts · 0 done again",
    ] {
        assert!(finished.stdout.contains(words), "{words}: {finished:?}");
    }
    assert!(
        finished
            .stderr
            .contains("10,000,000 parameters in 12 shards by 3 workers"),
        "{finished:?}"
    );
}

#[test]
fn the_last_object_is_the_whole_proof() {
    let world = World::new();
    let finished = world.run(&["run", "--output", "json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for object in finished.objects() {
        assert_eq!(object["schema"], "ttg-tui/1", "{object}");
        assert!(object["type"].is_string(), "{object}");
    }
    let summary = finished.summary();
    assert_eq!(summary["headline"], "proven");
    assert_eq!(summary["value"], "664579");
    assert_eq!(summary["processed"], 10_000_000);
    assert_eq!(summary["exit_code"], 0);
    let checks = summary["checks"].as_array().unwrap();
    let held: Vec<(&str, &str)> = checks
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["verdict"].as_str().unwrap()))
        .filter(|(_, verdict)| *verdict != "note")
        .collect();
    let expected = [
        "each_index_once",
        "ranges_tile",
        "processed_all",
        "published_value",
        "recomputed",
    ];
    assert_eq!(held, expected.map(|name| (name, "holds")));
}

#[test]
fn three_workers_with_a_shard_each_add_up_to_the_whole() {
    let world = World::new();
    let finished = world.run(&["run", "--shards", "3", "--workers", "3"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let first: Vec<&str> = finished.stdout.lines().take(4).collect();
    let expected = [
        "[WORKER 0] Processed: 3,333,334 parameters",
        "[WORKER 1] Processed: 3,333,333 parameters",
        "[WORKER 2] Processed: 3,333,333 parameters",
        "3,333,334 + 3,333,333 + 3,333,333 = 10,000,000",
    ];
    assert_eq!(first, expected);
}

#[test]
fn collatz_finds_the_longest_chains_that_are_known() {
    for (parameters, expected) in [
        ("1000", "871 (178 steps)"),
        ("1_000_000", "837,799 (524 steps)"),
        ("1e7", "8,400,511 (685 steps)"),
    ] {
        let world = World::new();
        let finished = world.run(&[
            "run",
            "--kernel",
            "collatz",
            "--parameters",
            parameters,
            "--output",
            "json",
        ]);
        assert_eq!(finished.code, Some(0), "{parameters}: {finished:?}");
        let summary = finished.summary();
        assert_eq!(summary["headline"], "proven", "{parameters}");
        assert_eq!(summary["value_text"], expected, "{parameters}");
    }
}

#[test]
fn pi_has_the_same_digits_however_it_is_split() {
    let values = ["1", "3", "24"].map(|shards| {
        let world = World::new();
        let finished = world.run(&[
            "run",
            "--kernel",
            "pi",
            "--parameters",
            "1e6",
            "--shards",
            shards,
            "--output",
            "json",
        ]);
        assert_eq!(finished.code, Some(0), "{shards} shards: {finished:?}");
        let summary = finished.summary();
        assert_eq!(summary["headline"], "proven", "{shards} shards");
        let text = summary["value_text"].as_str().unwrap();
        assert!(text.starts_with("3.14159"), "{text}");
        summary["value"].as_str().unwrap().to_owned()
    });
    assert_eq!(values[0], values[1]);
    assert_eq!(values[0], values[2]);
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::process::Stdio;

    use rustix::io::ioctl_fionread;
    use rustix::pipe::fcntl_setpipe_size;
    use rustix::process::{Pid, Signal, kill_process};

    use super::super::common::{Running, World, eventually};

    /// Long enough to be interrupted for sure; its first shard is done after about a second.
    const LONG_RUN: [&str; 5] = ["run", "--shards", "60", "--pace", "20s"];

    /// More than a line of a run has, but for the last one.
    const LINE_BYTES: u64 = 1_000;

    /// Starts a long run and waits until its first result is accepted.
    fn run_with_a_result(world: &World) -> Running {
        let running = world.spawn(&LONG_RUN);
        running.wait_for_stderr("accepted: 1 of 60");
        running
    }

    #[test]
    fn nothing_is_left_of_a_run_that_ended_well() {
        let world = World::new();
        let finished = world.run(&["run", "--parameters", "1e5"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        world.wait_until_empty();
        let left = std::fs::read_dir(world.runtime_folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != "moment.lock").collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Takes about 14 s, since the Job controller waits 10 s before it replaces a failed pod, as Kubernetes does.
    #[test]
    fn a_worker_that_is_killed_is_replaced_and_the_run_is_proven() {
        let world = World::new();
        let running = world.spawn(&["run", "--shards", "3", "--pace", "3s"]);
        running.wait_for_stderr("running on");
        world.kill_a_worker();
        let finished = running.finish();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(
            finished
                .stderr
                .contains("failed: exit 137, Error; again in about 10 s, attempt 2 of 4"),
            "{finished:?}"
        );
        for words in ["PROVEN  664,579", "4 attempts · 1 done again"] {
            assert!(finished.stdout.contains(words), "{words}: {finished:?}");
        }
    }

    #[test]
    fn workers_that_always_fail_are_told_with_index_attempts_and_reason() {
        let world = World::new();
        let finished = world.run(&[
            "run",
            "--memory",
            "1Mi:1Mi",
            "--retries",
            "0",
            "--shards",
            "3",
            "--pace",
            "5s",
        ]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        for index in 0..3 {
            let words = format!("index {index} failed: 1 attempt, exit 137, OOMKilled");
            assert!(finished.stdout.contains(&words), "{words}: {finished:?}");
        }
        assert!(
            finished.stdout.contains("FAILED  0 of 3 — no result so far"),
            "{finished:?}"
        );
        assert!(!finished.stdout.contains("PROVEN"), "{finished:?}");
        let again = world.run(&["result", &world.only_run()]);
        assert_eq!((again.code, &again.stdout), (Some(1), &finished.stdout));
    }

    #[test]
    fn what_others_finished_is_kept_when_one_index_fails_for_good() {
        let world = World::new();
        let running = world.spawn(&[
            "run",
            "--shards",
            "3",
            "--pace",
            "3s",
            "--retries",
            "0",
            "--output",
            "json",
        ]);
        running.wait_for_stdout("\"type\":\"worker_started\"");
        world.kill_a_worker();
        let finished = running.finish();
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let summary = finished.summary();
        assert_eq!(
            (&summary["headline"], &summary["accepted"]),
            (&"failed".into(), &2.into()),
            "{summary}"
        );
        let failed = summary["failed"].as_object().unwrap();
        assert_eq!(failed.len(), 1);
        assert!(
            failed
                .values()
                .all(|why| why.as_str().unwrap().starts_with("1 attempt, exit 137")),
            "{summary}"
        );
        assert_eq!(world.ledger_indexes(&world.only_run()).len(), 2);
    }

    #[test]
    fn ctrl_c_leaves_what_was_accepted_and_no_process() {
        let world = World::new();
        let running = run_with_a_result(&world);
        running.signal(Signal::INT);
        let finished = running.finish();
        assert_eq!(finished.code, Some(130), "{finished:?}");
        assert!(finished.stderr.contains("what was accepted is kept"), "{finished:?}");
        for words in ["UNFINISHED", "(partial, not final)"] {
            assert!(finished.stdout.contains(words), "{words}: {finished:?}");
        }
        assert!(!finished.stdout.contains("PROVEN"), "{finished:?}");
        world.wait_until_empty();
        world.assert_result_is_the_ledger(&world.only_run());
    }

    /// A pager that nobody scrolls, a pipe that nobody reads: Ctrl-C must be heard all the same.
    #[test]
    fn a_reader_that_stops_reading_does_not_hold_the_program() {
        let world = World::new();
        let mut command = world.command(&["run", "--shards", "400", "--pace", "30s", "--output", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let pipe = child.stdout.take().unwrap();
        // The smallest pipe that there is, which is full soon.
        let size = fcntl_setpipe_size(&pipe, 1).unwrap();
        eventually("the pipe is full", || {
            let bytes = ioctl_fionread(&pipe).unwrap();
            if bytes + LINE_BYTES > u64::try_from(size).unwrap() {
                Ok(())
            } else {
                Err(format!("{bytes} of {size} bytes"))
            }
        });
        let pid = Pid::from_child(&child);
        let status = eventually("the program ends", || {
            // The first signal asks, and the next one no longer waits for the reader.
            kill_process(pid, Signal::INT).map_err(|error| error.to_string())?;
            child.try_wait().unwrap().ok_or_else(|| "it runs".to_owned())
        });
        assert_eq!(status.code(), Some(130));
        world.wait_until_empty();
    }

    #[test]
    fn ctrl_c_twice_leaves_no_process_either() {
        let world = World::new();
        let running = run_with_a_result(&world);
        running.signal(Signal::INT);
        running.signal(Signal::INT);
        let finished = running.finish();
        assert_eq!(finished.code, Some(130), "{finished:?}");
        world.wait_until_empty();
        world.assert_result_is_the_ledger(&world.only_run());
    }

    #[test]
    fn sigkill_leaves_what_was_accepted_and_no_process() {
        let world = World::new();
        let running = run_with_a_result(&world);
        eventually("a pod runs", || {
            let processes = world.processes();
            if processes.len() > 1 {
                Ok(())
            } else {
                Err(format!("{processes:?}"))
            }
        });
        running.signal(Signal::KILL);
        let finished = running.finish();
        assert_eq!(finished.code, None, "{finished:?}");
        world.wait_until_empty();
        world.assert_result_is_the_ledger(&world.only_run());
    }
}
