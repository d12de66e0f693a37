//! What the documentation says to type is typed, and what it says one sees is seen.
//!
//! A chapter is one story: its blocks are run in their order, in one folder, by a shell, with one cluster. The chapters are told at
//! the same time, so that a later one has a cluster of its own in place of that of the page. What is behind the fence says what a
//! block is:
//!
//! | fence | what it is |
//! |---|---|
//! | `sh local` | `ttg-tui local`, which goes on until the chapter ends; kubectl is pointed at it from here on, in later chapters too |
//! | `sh` | commands, each after `$ `; lines without it go on with the command before |
//! | `sh exit=N` | commands of which the last one ends with that code |
//! | `sh background` | a command in another terminal, which must have ended well when the chapter ends |
//! | `sh endless` | a command that is ended when it has printed what the next block says |
//! | `yaml FILE` | a file |
//! | `text` | lines that the block before printed; `…` stands for anything in a line, white space for any other |
//!
//! Pages without kubectl are no stories: where it is not installed, nothing is typed and that is said.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::Signal;

use super::attach::{end, local};
use super::common::{Running, World, eventually, repository};
use super::readme::{Fence, fences};

/// What a block is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Local,
    Shell { exit: i32 },
    Background,
    Endless,
    File(String),
    Output,
}

impl Kind {
    fn of(info: &str) -> Self {
        let words: Vec<&str> = info.split_whitespace().collect();
        match words.as_slice() {
            ["sh"] => Self::Shell { exit: 0 },
            ["sh", "local"] => Self::Local,
            ["sh", "background"] => Self::Background,
            ["sh", "endless"] => Self::Endless,
            ["sh", exit] => Self::Shell {
                exit: exit.strip_prefix("exit=").unwrap().parse().unwrap(),
            },
            ["yaml", name] => Self::File((*name).to_owned()),
            ["text"] => Self::Output,
            _ => panic!("a block of no known kind: {info:?}"),
        }
    }
}

/// A chapter while it is told.
struct Story {
    local: Option<Running>,
    background: Vec<(String, Running)>,
    endless: Option<Running>,
    printed: String,
    /// The last one, so that its folders go when nothing runs in them any more.
    world: World,
}

impl Story {
    fn new() -> Self {
        Self {
            local: None,
            background: Vec::new(),
            endless: None,
            printed: String::new(),
            world: World::new(),
        }
    }

    fn start_cluster(&mut self) {
        self.local = Some(local(&self.world));
    }

    /// Starts a shell that finds the program, kubectl and the cluster.
    fn shell(&self, script: &str) -> Running {
        let mut command = Command::new("sh");
        let program = self.world.command(&[]);
        command.args(["-e", "-c", &format!("exec 2>&1\n{script}")]).env_clear();
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let folder = Path::new(env!("CARGO_BIN_EXE_ttg-tui")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("KUBECONFIG", self.world.runtime_folder().join("local.kubeconfig"))
            .env("LC_ALL", "C")
            .current_dir(self.world.path(""));
        Running::start(&mut command)
    }

    fn tell(&mut self, fence: &Fence) {
        let kind = Kind::of(&fence.info);
        if kind != Kind::Output {
            // Nothing was said about what it prints.
            self.endless = None;
        }
        match kind {
            Kind::Local => self.start_cluster(),
            Kind::Shell { exit } => {
                let script = script(&fence.lines);
                let finished = self.shell(&script).finish();
                assert_eq!(finished.code, Some(exit), "{script}\n{finished:?}");
                self.printed = finished.stdout;
            }
            Kind::Background => {
                let script = script(&fence.lines);
                let running = self.shell(&format!("exec {script}"));
                self.background.push((script, running));
            }
            Kind::Endless => {
                self.endless = Some(self.shell(&format!("exec {}", script(&fence.lines))));
            }
            Kind::File(name) => fs::write(self.world.path(&name), fence.lines.join("\n") + "\n").unwrap(),
            Kind::Output => self.compare(&fence.lines),
        }
    }

    fn compare(&mut self, lines: &[String]) {
        if let Some(endless) = self.endless.take() {
            eventually("what it should print", || missing(lines, &endless.stdout_so_far()));
            endless.signal(Signal::KILL);
            return;
        }
        missing(lines, &self.printed).unwrap_or_else(|why| panic!("{why}"));
    }

    /// Ends what still runs.
    fn close(self) {
        for (script, running) in self.background {
            let finished = running.finish();
            assert_eq!(finished.code, Some(0), "{script}\n{finished:?}");
        }
        if let Some(local) = self.local {
            end(local);
        }
    }
}

/// Returns the commands of a block.
fn script(lines: &[String]) -> String {
    let first = lines.first().map_or("", String::as_str);
    assert!(
        first.starts_with("$ "),
        "a block tagged sh begins with a command: {first}"
    );
    let commands = lines.iter().map(|line| line.strip_prefix("$ ").unwrap_or(line));
    commands.collect::<Vec<_>>().join("\n")
}

/// Says which lines were not printed.
fn missing(lines: &[String], printed: &str) -> Result<(), String> {
    let is_printed = |written: &String| printed.lines().any(|line| is_like(written, line));
    match lines.iter().find(|line| !is_printed(line)) {
        None => Ok(()),
        Some(line) => Err(format!("{line}\nis not in\n{printed}")),
    }
}

/// Tells whether a line is as it is written: `…` stands for anything, and white space for any other.
fn is_like(written: &str, line: &str) -> bool {
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (written, line) = (spaced(written), spaced(line));
    let Some((first, others)) = written.split_once('…') else {
        return written == line;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = others.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn every_block_of_the_documentation_is_true() {
    let version = Command::new("kubectl")
        .args(["version", "--client"])
        .stdout(Stdio::null())
        .status();
    if !version.is_ok_and(|status| status.success()) {
        eprintln!("skipped: the documentation's blocks need kubectl, which is not installed");
        return;
    }
    let mut blocks = 0;
    thread::scope(|scope| {
        let entries = fs::read_dir(repository("docs")).unwrap().map(Result::unwrap);
        // The lessons lie in a folder of their own: what they wait for is done on a screen.
        for entry in entries.filter(|entry| entry.path().is_file()) {
            let text = fs::read_to_string(entry.path()).unwrap();
            let mut has_cluster = false;
            for chapter in chapters(&text) {
                let fences = fences(&chapter);
                if fences.is_empty() {
                    continue;
                }
                blocks += fences.len();
                let begins_with_cluster = has_cluster;
                has_cluster |= fences.iter().any(|fence| Kind::of(&fence.info) == Kind::Local);
                scope.spawn(move || tell(&fences, begins_with_cluster));
            }
        }
    });
    assert!(blocks > 20, "{blocks}");
}

fn tell(fences: &[Fence], begins_with_cluster: bool) {
    let mut story = Story::new();
    if begins_with_cluster {
        story.start_cluster();
    }
    for fence in fences {
        story.tell(fence);
    }
    story.close();
}

/// Splits a page at its headings of the second level; what comes before the first one is a chapter, too.
fn chapters(page: &str) -> Vec<String> {
    let mut chapters = vec![String::new()];
    let mut is_block = false;
    for line in page.lines() {
        is_block ^= line.starts_with("```");
        if line.starts_with("## ") && !is_block {
            chapters.push(String::new());
        }
        let chapter = chapters.last_mut().unwrap();
        chapter.push_str(line);
        chapter.push('\n');
    }
    chapters
}

#[test]
fn a_page_is_split_at_its_headings_alone() {
    let page = "# a\n## b\n```sh\n## no\n```\n### c\n## d\n";
    assert_eq!(chapters(page), ["# a\n", "## b\n```sh\n## no\n```\n### c\n", "## d\n"]);
}

#[test]
fn an_ellipsis_stands_for_anything() {
    let table = [
        ("a  b", "a b ", true),
        ("a b", "a b c", false),
        ("a … c", "a b b  c", true),
        ("a … c", "a b", false),
        ("…", "anything", true),
        ("a…", "b", false),
        ("pod/… Running … node-…", "pod/x-0-abcde 1/1 Running 0 3s node-2", true),
        ("pod/… Running … node-…", "pod/x-0-abcde 1/1 Pending 0 3s node-2", false),
    ];
    for (written, line, expected) in table {
        assert_eq!(is_like(written, line), expected, "{written:?} {line:?}");
    }
}
