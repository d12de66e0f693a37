//! The README's commands do what it says: they are run, with the exit code it names.
//!
//! A block tagged `sh` holds commands alone, one a line after `$ `. One of this program is run, any other must be one that is
//! known not to be of this program. `sh exit=N` says that the block's commands end with that code.

use std::fs;

use super::common::{World, repository};

/// How a line calls this program.
const CALLS: [&str; 2] = ["cargo run --release -- ", "ttg-tui "];

/// What is not run here: this very test, and other programs.
const ELSEWHERE: [&str; 5] = ["cargo test --workspace", "kubectl ", "export ", "git ", "cd "];

/// What only a shell understands, so that running the words alone would be something else.
const SHELL: [char; 9] = ['|', '>', '<', '&', ';', '"', '\'', '$', '\\'];

/// The lines of one block, and the exit code that its commands must have.
struct Block {
    exit: i32,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<String> = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .map(str::to_owned)
            .collect();
        let mut words = info.split_whitespace();
        if words.next() != Some("sh") {
            continue;
        }
        let exit = words.find_map(|word| word.strip_prefix("exit="));
        blocks.push(Block {
            exit: exit.map_or(0, |code| code.parse().unwrap()),
            lines: inside,
        });
    }
    blocks
}

#[test]
fn every_command_of_the_readme_ends_as_it_says() {
    let text = fs::read_to_string(repository("README.md")).unwrap();
    let world = World::new();
    let mut count = 0;
    for block in blocks(&text) {
        for line in block.lines.iter().filter(|line| !line.trim().is_empty()) {
            let command = line
                .strip_prefix("$ ")
                .unwrap_or_else(|| panic!("a block tagged sh holds commands alone: {line}"));
            let arguments = CALLS.iter().find_map(|call| command.strip_prefix(call));
            let Some(arguments) = arguments else {
                let is_known = ELSEWHERE.iter().any(|known| command.starts_with(known));
                assert!(is_known, "this test does not know what to do with {line}");
                continue;
            };
            assert!(!arguments.contains(SHELL), "this test has no shell for {line}");
            let arguments: Vec<&str> = arguments.split_whitespace().collect();
            let finished = world.run(&arguments);
            assert_eq!(finished.code, Some(block.exit), "{line}\n{finished:?}");
            count += 1;
        }
    }
    assert!(count >= 3, "the README shows more than {count} commands");
}

#[test]
fn blocks_are_found_with_their_exit_codes() {
    let text = "a\n```sh\n$ one\n$ two\n```\nb\n```text\n$ no\n```\n```sh exit=3\n$ three\n```\n";
    let found: Vec<(i32, Vec<String>)> = blocks(text)
        .into_iter()
        .map(|block| (block.exit, block.lines))
        .collect();
    let expected = [
        (0, vec!["$ one".to_owned(), "$ two".to_owned()]),
        (3, vec!["$ three".to_owned()]),
    ];
    assert_eq!(found, expected);
}
