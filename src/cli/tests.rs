//! Tests of the command line.

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(std::iter::once("ttg-tui").chain(line.split_whitespace()))
}

fn run_flags(line: &str) -> RunFlags {
    match parse(line).unwrap().command {
        Some(Command::Run(flags)) => *flags,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_command_line_is_consistent() {
    whole().debug_assert();
    visible().debug_assert();
}

#[test]
fn a_flag_that_means_nothing_is_found_before_or_behind_the_command() {
    for (line, found) in [
        ("manifest --context a", Some(("context", "manifest"))),
        ("--local manifest", Some(("local", "manifest"))),
        ("manifest -n lab", None),
        ("local --kubeconfig k", Some(("kubeconfig", "local"))),
        ("local --local", Some(("local", "local"))),
        ("local -n lab --nodes 5", Some(("namespace", "local"))),
        ("-n lab completions zsh", Some(("namespace", "completions"))),
        ("man --context a", Some(("context", "man"))),
        ("man --ascii", None),
        ("doctor --context a --kubeconfig k -n lab", None),
        ("run --local", None),
        ("--context a", None),
    ] {
        let flag = parse(line)
            .unwrap()
            .meaningless_flag()
            .map(|(flag, command, _)| (flag, command));
        assert_eq!(flag, found, "{line}");
    }
}

#[test]
fn every_row_of_flags_without_a_meaning_names_what_there_is() {
    let command = Cli::command();
    for (name, flags, _) in MEANINGLESS {
        assert!(command.find_subcommand(name).is_some(), "{name}");
        for flag in flags {
            assert!(command.get_arguments().any(|arg| arg.get_id() == *flag), "{flag}");
        }
    }
}

#[test]
fn what_people_are_told_of_leaves_out_the_hidden_and_the_meaningless() {
    let mut told = visible();
    told.build();
    let names: Vec<&str> = told.get_subcommands().map(clap::Command::get_name).collect();
    for name in ["run", "rerun", "doctor", "man", "completions"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    for hidden in ["worker", "pod-supervise", "pod-exec"] {
        assert!(!names.contains(&hidden), "{hidden}");
    }
    let has = |command: &str, flag: &str| {
        let command = told.find_subcommand(command).unwrap();
        command.get_arguments().any(|arg| arg.get_id() == flag)
    };
    assert!(has("run", CONTEXT) && has("doctor", CONTEXT) && has("manifest", NAMESPACE));
    assert!(!has("manifest", CONTEXT) && !has("local", NAMESPACE) && !has("man", LOCAL_FLAG));

    let mut read = whole();
    read.build();
    let help = |command: &str| {
        let command = read.find_subcommand(command).unwrap();
        command.clone().render_long_help().to_string()
    };
    assert!(help("run").contains("--context") && help("manifest").contains("--namespace"));
    for command in ["manifest", "local", "completions", "man"] {
        assert!(!help(command).contains("--context"), "{}", help(command));
    }
}

#[test]
fn no_command_is_left_to_the_caller() {
    let cli = parse("").unwrap();
    assert!(cli.command.is_none());
    assert_eq!((cli.output(), cli.global.color), (Output::Text, Color::Auto));
}

#[test]
fn plan_flags_are_read_and_checked() {
    let plan = run_flags(
        "run --parameters 1e7 --first 10,000 --kernel primes --workers 5 --shards 20 --batch-size 1_000 --pace 1m30s \
         --cpu 1:2 --memory 64Mi --retries 0 --max-failed 7 --image a/b:1 --node-selector a=b --node-selector c=d \
         --toleration spot --name sweep-1 --verify 0 --log-level debug",
    )
    .plan;
    assert_eq!((plan.parameters, plan.first), (Some(10_000_000), Some(10_000)));
    assert_eq!(
        (plan.workers, plan.shards, plan.batch_size),
        (Some(5), Some(20), Some(1_000))
    );
    assert_eq!(
        (plan.pace_ms, plan.retries, plan.max_failed, plan.verify),
        (Some(90_000), Some(0), Some(7), Some(0))
    );
    assert_eq!((plan.node_selector.len(), plan.toleration.len()), (2, 1));
    assert_eq!(plan.name.unwrap().as_str(), "sweep-1");
    assert_eq!(plan.log_level, Some(LogLevel::Debug));
}

#[test]
fn a_bad_value_gets_the_valid_range() {
    for (line, words) in [
        ("run --workers 0", "a whole number from 1 to 100,000"),
        ("run --workers -1", "a whole number from 1 to 100,000"),
        ("run --shards 100001", "a whole number from 1 to 100,000"),
        ("run --parameters ten", "a whole number from 1 to"),
        ("run --cpu 2:1", "a request of at most the limit, 1"),
        ("run --cpu -1", "below zero"),
        ("run --kernel nothing", "one of primes"),
        ("run --name -a", "1 to 57 characters"),
        ("run --pace 30", "such as 500ms, 30s"),
        ("run --pace -30s", "such as 500ms, 30s"),
        ("run -n UP", "1 to 63 characters"),
        ("run --pace 30s --simulate-work-ms 5", "cannot be used with"),
        ("local --nodes 0", "1..=100"),
        ("local --nodes 101", "1..=100"),
        ("result", "required"),
        ("rerun", "required"),
        ("rerun a --workers 0", "a whole number from 1 to 100,000"),
        ("scale a", "required"),
        ("scale a 100001", "a whole number from 1 to 100,000"),
        ("scale a -1", "a whole number from 1 to 100,000"),
        (
            "scale a 0",
            "from 1 to 100,000; `ttg-tui suspend RUN` stops every worker",
        ),
        ("suspend", "required"),
        ("delete a b", "unexpected argument 'b'"),
        ("completions tcsh", "bash, elvish, fish, powershell, zsh"),
        ("runn", "run"),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.to_string().contains(words), "{line}: {error}");
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn global_flags_stand_before_or_behind_the_command() {
    for line in ["-n a --context b --ascii run", "run -n a --context b --ascii"] {
        let global = parse(line).unwrap().global;
        assert_eq!(
            (global.namespace.as_deref(), global.context.as_deref(), global.ascii),
            (Some("a"), Some("b"), true)
        );
    }
}

#[test]
fn the_output_is_that_of_the_command() {
    for (line, output) in [
        ("run --output json", Output::Json),
        ("attach --output json", Output::Json),
        ("rerun a --output json", Output::Json),
        ("doctor --output json", Output::Json),
        ("doctor", Output::Text),
        ("man", Output::Text),
        ("result a --output json", Output::Json),
        ("list --output json", Output::Json),
        ("list", Output::Text),
        ("scale a 3", Output::Text),
        ("delete a", Output::Text),
        ("completions zsh", Output::Text),
        ("run", Output::Text),
        ("manifest", Output::Text),
        ("local", Output::Text),
    ] {
        assert_eq!(parse(line).unwrap().output(), output, "{line}");
    }
}

#[test]
fn a_change_names_its_run() {
    let Some(Command::Scale(flags)) = parse("scale ttg-a 1_000 -n lab").unwrap().command else {
        panic!("not a scale")
    };
    assert_eq!((flags.run.as_str(), flags.workers), ("ttg-a", 1_000));
    for line in ["suspend ttg-a", "resume ttg-a", "cancel ttg-a", "delete ttg-a"] {
        let run = match parse(line).unwrap().command {
            Some(
                Command::Suspend(flags) | Command::Resume(flags) | Command::Cancel(flags) | Command::Delete(flags),
            ) => flags.run,
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(run, "ttg-a", "{line}");
    }
}

#[test]
fn a_pods_command_is_passed_on_as_it_is() {
    for line in ["pod-supervise -- sh -c --help -- x", "pod-supervise sh -c --help -- x"] {
        let Some(Command::PodSupervise(flags)) = parse(line).unwrap().command else {
            panic!("{line}")
        };
        assert_eq!(flags.command, ["sh", "-c", "--help", "--", "x"], "{line}");
        assert_eq!(flags.memory_limit_bytes, None);
    }
    let line = "pod-supervise --memory-limit-bytes 5 -- sh";
    let Some(Command::PodSupervise(flags)) = parse(line).unwrap().command else {
        panic!("{line}")
    };
    assert_eq!((flags.memory_limit_bytes, flags.command.len()), (Some(5), 1));
    assert!(matches!(parse("worker").unwrap().command, Some(Command::Worker)));
}

#[test]
fn help_says_what_to_type_first_and_groups_the_flags() {
    let help = Cli::command().render_help().to_string();
    assert!(
        help.contains("Type this first; it needs no cluster:\n  ttg-tui run --pace 30s"),
        "{help}"
    );
    for hidden in ["worker ", "pod-supervise", "pod-exec"] {
        assert!(!help.contains(&format!("\n  {hidden}")), "{hidden}");
    }
    let mut command = Cli::command();
    command.build();
    let run = command
        .find_subcommand_mut("run")
        .unwrap()
        .render_long_help()
        .to_string();
    for heading in ["\nPlan:\n", "\nKubernetes:\n", "\nOutput:\n", "\nWhere:\n"] {
        assert!(run.contains(heading), "{heading} in {run}");
    }
    assert!(
        run.starts_with("Submit a run and watch it until its total is proven\n"),
        "{run}"
    );
}
