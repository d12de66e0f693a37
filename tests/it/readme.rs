//! The README's commands do what it says: they are run, with the exit code it names.
//!
//! A block tagged `sh` holds commands alone, one a line after `$ `. One of this program is run, any other must be one that is
//! known not to be of this program. `sh exit=N` says that the block's commands end with that code; `sh terminals` that each has a
//! terminal of its own, but for the last, which comes after all; no other block has to do with them. A block tagged `text` is what
//! the command before it prints, but for figures that differ from run to run.

use std::fs;
use std::thread;

use rustix::process::Signal;

use super::common::{World, repository};

/// How a line calls this program.
const CALLS: [&str; 2] = ["cargo run --release -- ", "ttg-tui "];

/// What is not run here: this very test, and other programs.
const ELSEWHERE: [&str; 5] = ["cargo test --workspace", "kubectl ", "export ", "git ", "cd "];

/// What only a shell understands, so that running the words alone would be something else.
const SHELL: [char; 9] = ['|', '>', '<', '&', ';', '"', '\'', '$', '\\'];

/// What a block is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Commands that end with this exit code.
    Commands { exit: i32 },
    /// Commands in terminals of their own.
    Terminals,
    /// What the command before prints.
    Output,
}

/// A block as it is written.
pub(super) struct Fence {
    /// What is written behind the opening fence.
    pub(super) info: String,
    pub(super) lines: Vec<String>,
}

/// Returns the blocks of a text.
pub(super) fn fences(text: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().take_while(|line| *line != "```");
        fences.push(Fence {
            info: info.to_owned(),
            lines: inside.map(str::to_owned).collect(),
        });
    }
    fences
}

impl Kind {
    fn of(info: &str) -> Self {
        let words: Vec<&str> = info.split_whitespace().collect();
        match words.as_slice() {
            ["sh"] => Self::Commands { exit: 0 },
            ["sh", "terminals"] => Self::Terminals,
            ["sh", exit] => Self::Commands {
                exit: exit.strip_prefix("exit=").unwrap().parse().unwrap(),
            },
            ["text"] => Self::Output,
            _ => panic!("a block of no known kind: {info:?}"),
        }
    }
}

/// Returns the arguments of a call of this program; none for a command that is known to be another one's.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let command = line
        .strip_prefix("$ ")
        .unwrap_or_else(|| panic!("a block tagged sh holds commands alone: {line}"));
    let Some(arguments) = CALLS.iter().find_map(|call| command.strip_prefix(call)) else {
        assert!(
            ELSEWHERE.iter().any(|known| command.starts_with(known)),
            "this test does not know what to do with {line}"
        );
        return None;
    };
    assert!(!arguments.contains(SHELL), "this test has no shell for {line}");
    Some(arguments.split_whitespace().collect())
}

/// Leaves out of a line what differs from run to run: how long it took, and which shards were drawn.
fn without_chance(line: &str) -> &str {
    let cut = line.find("  in ").or_else(|| line.find(" (indexes "));
    cut.map_or(line, |at| line.split_at(at).0)
}

fn run_in_terminals(world: &World, lines: &[String]) {
    let commands: Vec<Vec<&str>> = lines.iter().filter_map(|line| arguments(line)).collect();
    let [local, run, attach, result] = commands.as_slice() else {
        panic!("three terminals and a result: {commands:?}")
    };
    let local = world.spawn(local);
    local.wait_for_stderr("Ctrl-C ends it");
    let run = world.spawn(run);
    run.wait_for_stderr("running on");
    let attached = world.run(attach);
    assert_eq!(attached.code, Some(0), "{attached:?}");
    let finished = run.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    local.signal(Signal::INT);
    local.finish();
    let kept = world.run(result);
    assert_eq!(kept.code, Some(0), "{kept:?}");
}

#[test]
fn every_block_of_the_readme_is_true() {
    let text = fs::read_to_string(repository("README.md")).unwrap();
    let world = World::new();
    let mut printed = String::new();
    let mut counts = [0; 3];
    thread::scope(|scope| {
        for block in fences(&text) {
            match Kind::of(&block.info) {
                Kind::Commands { exit } => {
                    counts[0] += 1;
                    for line in &block.lines {
                        let Some(arguments) = arguments(line) else { continue };
                        let finished = world.run(&arguments);
                        assert_eq!(finished.code, Some(exit), "{line}\n{finished:?}");
                        printed = finished.stdout;
                    }
                }
                Kind::Terminals => {
                    counts[1] += 1;
                    scope.spawn(move || run_in_terminals(&World::new(), &block.lines));
                }
                Kind::Output => {
                    counts[2] += 1;
                    for line in &block.lines {
                        assert!(
                            printed.lines().any(|p| without_chance(p) == without_chance(line)),
                            "{line}\nis not in\n{printed}"
                        );
                    }
                }
            }
        }
    });
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn blocks_are_found_with_their_kinds() {
    let text = "a\n```sh\n$ one\n$ two\n```\nb\n```text\nno\n```\n```sh exit=3\n$ three\n```\n";
    let found: Vec<(Kind, usize)> = fences(text)
        .into_iter()
        .map(|fence| (Kind::of(&fence.info), fence.lines.len()))
        .collect();
    assert_eq!(
        found,
        [
            (Kind::Commands { exit: 0 }, 2),
            (Kind::Output, 1),
            (Kind::Commands { exit: 3 }, 1)
        ]
    );
}
