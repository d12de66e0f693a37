//! What is refused at the door: exit code 2, words that say what is valid, and nothing started.

use std::fs;

use super::common::{Finished, Running, World};

const CONTEXTS: &str = r#"apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: alpha, context: {cluster: c, user: u}}, {name: beta, context: {cluster: c, user: u}}]
"#;

/// Below a file there can be no folder, also for root.
const BELOW_A_FILE: &str = "/dev/null/below";

/// Arguments and the words that the refusal must have.
type Row = (&'static [&'static str], &'static [&'static str]);

/// Values that are wrong by themselves or do not fit together.
const VALUES: &[Row] = &[
    (
        &["run", "--parameters", "0"],
        &["--parameters", "from 1 to 9,223,372,036,854,775,808"],
    ),
    (&["run", "--parameters", "-5"], &["'-5'", "from 1 to"]),
    (&["run", "--parameters", "1.5"], &["'1.5'", "a whole number from 1 to"]),
    (
        &["run", "--parameters", "many"],
        &["'many'", "a whole number from 1 to"],
    ),
    (
        &["run", "--parameters", "9223372036854775809"],
        &["--parameters", "to 9,223,372,036,854,775,808"],
    ),
    (
        &["run", "--parameters", "99999999999999999999"],
        &["--parameters", "to 9,223,372,036,854,775,808"],
    ),
    (
        &["run", "--first", "9223372036854775808"],
        &["--first", "to 9,223,372,036,854,775,807"],
    ),
    (
        &["run", "--first", "9223372036854775807"],
        &["at most 1 from 9,223,372,036,854,775,807 on", "2^63"],
    ),
    (&["run", "--workers", "0"], &["--workers", "from 1 to 100,000"]),
    (&["run", "--workers", "100001"], &["--workers", "from 1 to 100,000"]),
    (&["run", "--shards", "0"], &["--shards", "from 1 to 100,000"]),
    (&["run", "--shards", "100001"], &["--shards", "from 1 to 100,000"]),
    (
        &["run", "--parameters", "10", "--shards", "11"],
        &["shards: 11", "1 to 10"],
    ),
    (&["run", "--batch-size", "0"], &["--batch-size", "from 1 to"]),
    (&["run", "--retries", "-1"], &["--retries", "from 0 to 1,000"]),
    (&["run", "--max-failed", "some"], &["--max-failed", "from 0 to 100,000"]),
    (&["run", "--verify", "-1"], &["--verify", "from 0 to 100,000"]),
    (
        &["run", "--kernel", "nope"],
        &["'nope'", "one of primes, collatz, pi, simulate"],
    ),
    (
        &["run", "--kernel", "pi", "--parameters", "1e18"],
        &["pi refuses", "valid: 1 to"],
    ),
    (&["run", "--pace", "0s"], &["--pace", "1ms at least"]),
    (&["run", "--pace", "soon"], &["'soon'", "such as 500ms, 30s"]),
    (
        &["run", "--pace", "1s", "--simulate-work-ms", "1"],
        &["--pace", "--simulate-work-ms", "cannot be used with"],
    ),
    (&["run", "--cpu", "100x"], &["'100x'", "such as 500m"]),
    (&["run", "--cpu", "2:1"], &["--cpu", "at most the limit, 1"]),
    (&["run", "--memory", "1Gi:1Mi"], &["--memory", "at most the limit, 1Mi"]),
    (
        &["run", "--name", "A_b"],
        &["'A_b'", "1 to 57 characters of a-z, 0-9 and -"],
    ),
    (&["run", "--name", ""], &["--name", "1 to 57 characters"]),
    (
        &["run", "--namespace", "Bad_NS"],
        &["'Bad_NS'", "1 to 63 characters of a-z, 0-9 and -"],
    ),
    (
        &["run", "--image", "a b"],
        &["'a b'", "[registry[:port]/]path[:tag][@digest]"],
    ),
    (&["delete", ""], &["a value is required", "<RUN>"]),
    (&["run", "--image", ""], &["--image", "[registry[:port]/]path"]),
    (&["run", "--node-selector", "disk"], &["'disk'", "KEY=VALUE"]),
    (
        &["run", "--toleration", ":::"],
        &["':::'", "NoSchedule, PreferNoSchedule or NoExecute"],
    ),
    (
        &["run", "--log-level", "loud"],
        &["'loud'", "one of error, warn, info, debug"],
    ),
    (&["run", "--local", "--context", "alpha"], &["--local", "--context"]),
    (&["manifest", "--shards", "0"], &["--shards", "from 1 to 100,000"]),
    (&["local", "--nodes", "0"], &["--nodes", "1..=100"]),
    (
        &["manifest", "--context", "alpha"],
        &[
            "--context means nothing for `manifest`: it asks no cluster",
            "hint: leave it out",
        ],
    ),
    (&["--local", "manifest"], &["--local means nothing for `manifest`"]),
    (
        &["local", "--kubeconfig", "k"],
        &["--kubeconfig means nothing for `local`: it starts a cluster of its own"],
    ),
    (&["local", "-n", "lab"], &["--namespace means nothing for `local`"]),
    (
        &["completions", "zsh", "--local"],
        &["--local means nothing for `completions`"],
    ),
    (&["man", "-n", "lab"], &["--namespace means nothing for `man`"]),
    (
        &["run", "--detach"],
        &[
            "the local cluster of this command ends with it",
            "`ttg-tui local` in another terminal",
            "--context NAME",
        ],
    ),
    (&["rerun"], &["required", "<RUN>"]),
    (&["doctor", "--local", "--context", "alpha"], &["--local", "--context"]),
    (&["nonsense"], &["unrecognized subcommand 'nonsense'"]),
    (&[], &["no command was given", "ttg-tui run"]),
    (&["result", "ttg-nope"], &["no run begins with \"ttg-nope\""]),
    (
        &["attach", "ttg-nope"],
        &["no local cluster is running", "ttg-tui local"],
    ),
];

/// Asserts that the program refused: code 2, nothing on standard output, an error with these words.
fn assert_refused(finished: &Finished, words: &[&str], what: &str) {
    assert_eq!(finished.code, Some(2), "{what}: {finished:?}");
    assert_eq!(finished.stdout, "", "{what}");
    assert!(finished.stderr.starts_with("error: "), "{what}: {finished:?}");
    for word in words {
        assert!(finished.stderr.contains(word), "{what}: {word} is not in {finished:?}");
    }
}

/// Asserts that no run was made and no cluster started.
fn assert_nothing_started(world: &World, what: &str) {
    assert_eq!(world.runs(), Vec::<String>::new(), "{what}");
    assert!(!world.runtime_folder().exists(), "{what}");
}

#[test]
fn wrong_values_are_refused_with_what_is_valid() {
    let world = World::new();
    for (arguments, words) in VALUES {
        let what = format!("{arguments:?}");
        assert_refused(&world.run(arguments), words, &what);
        assert_nothing_started(&world, &what);
    }
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_named_and_so_is_the_way_without() {
    let world = World::new();
    let files = [("empty", ""), ("broken", "\tnot: [yaml"), ("contexts", CONTEXTS)];
    for (name, text) in files {
        fs::write(world.path(name), text).unwrap();
    }
    fs::create_dir(world.path("folder")).unwrap();
    let table: [(&str, &[&str], &[&str]); 6] = [
        (
            "absent",
            &[],
            &["cannot read the kubeconfig", "absent", "--local needs no cluster"],
        ),
        (
            "folder",
            &[],
            &["cannot read the kubeconfig", "folder", "--local needs no cluster"],
        ),
        ("empty", &[], &["empty has no contexts", "--local needs no cluster"]),
        ("broken", &[], &["cannot read the kubeconfig", "broken", "line 1"]),
        (
            "contexts",
            &["--context", "gamma"],
            &["no context \"gamma\"; it has alpha, beta", "--context NAME"],
        ),
        (
            "contexts",
            &[],
            &["names no current context; it has alpha, beta", "--context NAME"],
        ),
    ];
    for (file, more, words) in table {
        let path = world.path(file);
        let mut arguments = vec!["run", "--kubeconfig", path.to_str().unwrap()];
        arguments.extend(more);
        let what = format!("{arguments:?}");
        assert_refused(&world.run(&arguments), words, &what);
        assert_nothing_started(&world, &what);
    }
}

#[test]
fn the_contexts_of_the_environments_kubeconfig_are_listed_too() {
    let world = World::new();
    fs::write(world.path("contexts"), CONTEXTS).unwrap();
    let mut command = world.command(&["run", "--context", "gamma"]);
    command.env("KUBECONFIG", world.path("contexts"));
    let words = ["no context \"gamma\"; it has alpha, beta", "KUBECONFIG"];
    assert_refused(&Running::start(&mut command).finish(), &words, "KUBECONFIG");
    assert_nothing_started(&world, "KUBECONFIG");
}

#[test]
fn a_cluster_that_does_not_answer_is_an_error_of_its_own_and_not_replaced() {
    let world = World::new();
    fs::write(world.path("contexts"), CONTEXTS).unwrap();
    let path = world.path("contexts");
    let arguments = ["run", "--kubeconfig", path.to_str().unwrap(), "--context", "alpha"];
    let finished = world.run(&arguments);
    assert_eq!(finished.code, Some(5), "{finished:?}");
    assert!(
        finished.stderr.starts_with("error: cannot reach the cluster alpha: "),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("--local needs no cluster"), "{finished:?}");
    assert_eq!(finished.stdout, "");
    assert_nothing_started(&world, "a dead cluster");
}

#[test]
fn folders_that_cannot_be_made_are_refused() {
    type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a [&'a str]);
    let table: [Row<'_>; 6] = [
        (
            &["run"],
            &[("XDG_STATE_HOME", BELOW_A_FILE)],
            &["cannot create the folder", BELOW_A_FILE],
        ),
        (
            &["result", "r"],
            &[("XDG_STATE_HOME", BELOW_A_FILE)],
            &["cannot create the folder", BELOW_A_FILE],
        ),
        (
            &["run"],
            &[("XDG_RUNTIME_DIR", BELOW_A_FILE)],
            &["cannot make the folder", BELOW_A_FILE, "hint: set XDG_RUNTIME_DIR"],
        ),
        (
            &["local"],
            &[("XDG_RUNTIME_DIR", BELOW_A_FILE)],
            &["cannot make the folder", BELOW_A_FILE, "hint: set XDG_RUNTIME_DIR"],
        ),
        (
            &["run"],
            &[("XDG_STATE_HOME", ""), ("HOME", "")],
            &["neither XDG_STATE_HOME nor HOME", "hint: set XDG_STATE_HOME"],
        ),
        (
            &["run"],
            &[("XDG_STATE_HOME", "relative"), ("HOME", "")],
            &["neither XDG_STATE_HOME nor HOME", "hint: set XDG_STATE_HOME"],
        ),
    ];
    for (arguments, environment, words) in table {
        let world = World::new();
        let mut command = world.command(arguments);
        command.envs(environment.iter().copied());
        let what = format!("{arguments:?} with {environment:?}");
        assert_refused(&Running::start(&mut command).finish(), words, &what);
        assert_nothing_started(&world, &what);
        assert!(!world.path("relative").exists(), "{what}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_does_not_look_like_success() {
    let world = World::new();
    for arguments in [
        &["manifest"] as &[&str],
        &["man"],
        &["completions", "bash"],
        &["doctor", "--local"],
    ] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = world.command(arguments).stdout(full).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(
            text.contains("cannot write to standard output: "),
            "{arguments:?}: {text}"
        );
    }
}
