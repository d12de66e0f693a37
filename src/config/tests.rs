//! Tests of what flags and environment come down to.

use clap::Parser;

use super::*;
use crate::cli::Command;

fn resolve(line: &str, variables: &[(&str, &str)]) -> Result<Config, Error> {
    let cli = Cli::try_parse_from(std::iter::once("ttg-tui").chain(line.split_whitespace())).unwrap();
    let find = |name: &str| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| OsString::from(value))
    };
    Config::resolve(&cli, &find, &ConfigFile::default())
}

fn plan(line: &str) -> Result<Plan, Error> {
    let cli = Cli::try_parse_from(["ttg-tui", "manifest"].into_iter().chain(line.split_whitespace())).unwrap();
    let Some(Command::Manifest(flags)) = cli.command else {
        panic!("{line}")
    };
    plan_from_flags(&flags, 0)
}

#[test]
fn only_a_flag_or_a_pod_chooses_a_cluster() {
    let context = |name: Option<&str>, kubeconfig: Option<&str>| Where::Context {
        name: name.map(str::to_owned),
        kubeconfig: kubeconfig.map(PathBuf::from),
    };
    let pod = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    let home = ("HOME", "/home/a");
    for (line, variables, target) in [
        ("", vec![home], Where::Local),
        ("", vec![home, ("KUBECONFIG", "/prod")], Where::Local),
        ("", vec![home, pod], Where::InCluster),
        ("", vec![home, ("KUBERNETES_SERVICE_HOST", "")], Where::Local),
        ("--local", vec![home, pod], Where::Local),
        ("--context prod", vec![home, pod], context(Some("prod"), None)),
        ("--kubeconfig /k", vec![home], context(None, Some("/k"))),
        (
            "run --context a --kubeconfig k",
            vec![home],
            context(Some("a"), Some("k")),
        ),
    ] {
        assert_eq!(
            resolve(line, &variables).unwrap().target,
            target,
            "{line} {variables:?}"
        );
    }
    for line in ["--local --context a", "--local run --kubeconfig k"] {
        let error = resolve(line, &[home]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--local") && error.hint().is_some());
    }
}

#[test]
fn a_flag_that_would_be_ignored_is_refused() {
    let check = |line: &str| check_flags(&Cli::read(["ttg-tui"].into_iter().chain(line.split_whitespace())).unwrap());
    let error = check("manifest --context prod").unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.hint(), error.exit_code()),
        (
            "--context means nothing for `manifest`: it asks no cluster",
            Some("leave it out"),
            2
        )
    );
    assert_eq!(check("manifest -n lab"), Ok(()));
    assert_eq!(check("run --context prod"), Ok(()));
}

#[test]
fn folders_follow_the_xdg_specification() {
    let folders = |variables: &[(&str, &str)]| {
        let config = resolve("", variables).unwrap();
        (
            config.state_folder.display().to_string(),
            config.runtime_folder.display().to_string(),
        )
    };
    let both = |state: &str, runtime: &str| (state.to_owned(), runtime.to_owned());
    let home = ("HOME", "/home/a");
    let state = "/home/a/.local/state/ttg-tui";
    assert_eq!(folders(&[home]), both(state, state));
    assert_eq!(folders(&[home, ("XDG_STATE_HOME", "relative")]), both(state, state));
    assert_eq!(
        folders(&[home, ("XDG_RUNTIME_DIR", "/run/a")]),
        both(state, "/run/a/ttg-tui")
    );
    assert_eq!(folders(&[("XDG_STATE_HOME", "/s")]), both("/s/ttg-tui", "/s/ttg-tui"));
    assert!(resolve("", &[]).unwrap_err().to_string().contains("XDG_STATE_HOME"));
}

#[test]
fn surroundings_are_what_counts_first() {
    let resolve = |line: &str, variables: &[(&str, &str)]| {
        let cli = Cli::read(["ttg-tui"].into_iter().chain(line.split_whitespace())).unwrap();
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Surroundings::resolve(&cli, &find)
    };
    let home = ("HOME", "/home/a");
    let found = resolve(
        "doctor --local",
        &[
            home,
            ("TERM", ""),
            ("LC_ALL", ""),
            ("LC_CTYPE", "C"),
            ("LANG", "en_US.UTF-8"),
        ],
    );
    assert_eq!(
        (found.only_local, found.term, found.locale.as_deref()),
        (true, None, Some("C"))
    );
    let paths = |line: &str, variables: &[(&str, &str)]| resolve(line, variables).kubeconfigs;
    let list = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(paths("doctor", &[home]), list(&["/home/a/.kube/config"]));
    assert_eq!(
        paths("doctor", &[home, ("KUBECONFIG", ":")]),
        list(&["/home/a/.kube/config"])
    );
    assert_eq!(paths("doctor", &[home, ("KUBECONFIG", "/a::/b")]), list(&["/a", "/b"]));
    assert_eq!(
        paths("doctor --kubeconfig k", &[home, ("KUBECONFIG", "/a")]),
        list(&["k"])
    );
    assert_eq!(paths("doctor", &[]), list(&[]));
    for (line, variables, is_named) in [
        ("doctor", vec![home], false),
        ("doctor", vec![home, ("KUBECONFIG", ":")], false),
        ("doctor", vec![home, ("KUBECONFIG", "/a")], true),
        ("doctor --kubeconfig k", vec![home], true),
    ] {
        let found = resolve(line, &variables).is_kubeconfig_named;
        assert_eq!(found, is_named, "{line} {variables:?}");
    }
}

#[test]
fn colour_is_the_flags_and_then_the_environments_matter() {
    let home = ("HOME", "/home/a");
    for (line, variable, color) in [
        ("", ("NO_COLOR", "1"), Color::Never),
        ("", ("NO_COLOR", ""), Color::Auto),
        ("", ("TERM", "dumb"), Color::Never),
        ("--color always", ("NO_COLOR", "1"), Color::Always),
        ("--color never", ("TERM", "xterm"), Color::Never),
    ] {
        assert_eq!(
            resolve(line, &[home, variable]).unwrap().color,
            color,
            "{line} {variable:?}"
        );
    }
}

#[test]
fn a_plan_takes_defaults_for_what_is_not_said() {
    assert_eq!(plan("").unwrap(), Plan::new(RunId::parse("ttg-primes-000000").unwrap()));
    let five = plan("--workers 5 --kernel pi").unwrap();
    assert_eq!((five.shards, five.run.as_str()), (20, "ttg-pi-000000"));
    assert_eq!(plan("--parameters 2").unwrap().shards, 2);
    let named = plan("--name sweep-1 --node-selector a=b --toleration c").unwrap();
    assert_eq!(
        (named.run.as_str(), named.node_selector.len(), named.tolerations.len()),
        ("sweep-1", 1, 1)
    );
}

#[test]
fn a_pace_sets_the_pause_and_the_batch_unless_one_was_given() {
    let free = plan("--pace 30s").unwrap();
    assert_eq!((free.batch_size, free.simulate_work_ms), (8_334, 75));
    let given = plan("--pace 30s --batch-size 100_000").unwrap();
    assert_eq!((given.batch_size, given.simulate_work_ms), (100_000, 833));
    assert_eq!(plan("--pace 1ms").unwrap_err().exit_code(), 2);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (line, words) in [
        (
            "--parameters 5 --shards 6",
            "1 to 5, so that every shard has a parameter",
        ),
        ("--first 9223372036854775807 --parameters 2", "at most 1"),
    ] {
        let error = plan(line).unwrap_err();
        assert!(error.to_string().contains(words), "{line}: {error}");
        assert_eq!(error.exit_code(), 2);
    }
}
