//! What the source must keep to and the compiler does not check: sizes, headers, and which module may import what.
//!
//! It reads text, not syntax: comments are left out, and a name counts where a path begins with it or an import mentions it.

use std::fs;
use std::path::Path;

use super::common::repository;

/// How many lines of code a file may have.
const LINES_MAX: usize = 600;

/// How many lines `main.rs` may have, comments included.
const MAIN_LINES_MAX: usize = 40;

/// The modules without I/O and without a clock. Those that do not exist yet are held to it once they do.
const PURE: [&str; 6] = ["plan", "run", "model", "report", "learn", "view"];

/// What pure modules must not name.
const IMPURE: [&str; 16] = [
    "tokio::",
    "kube::",
    "axum::",
    "ratatui::",
    "crossterm::",
    "rustix::",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "crate::cluster",
    "crate::local",
    "crate::host",
    "crate::ledger",
    "crate::shell",
    "crate::commands",
];

/// An address is a value: reading one is no I/O.
const VALUES: [&str; 2] = ["std::net::Ipv4Addr", "std::net::Ipv6Addr"];

/// A source file.
struct Source {
    /// Its path in the repository, such as `src/plan/job.rs`.
    path: String,
    text: String,
}

impl Source {
    /// Returns the module right below the crate, such as `plan`.
    fn module(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = below.split('/').next().unwrap_or(below);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Tells whether the whole file is for tests.
    fn is_test(&self) -> bool {
        let parts = self.path.split('/');
        parts
            .map(|part| part.strip_suffix(".rs").unwrap_or(part))
            .any(|name| name == "tests" || name.ends_with("_tests") || name == "fixtures")
    }

    /// Returns the lines of code, without the test module at the end.
    fn code(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines
            .windows(2)
            .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'));
        let kept = lines.into_iter().take(tests.unwrap_or(usize::MAX));
        kept.filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
            .collect()
    }

    /// Returns the code in one line for each line and each import, the imports without white space.
    fn statements(&self) -> Vec<String> {
        let mut statements = Vec::new();
        let mut import: Option<String> = None;
        for line in self.code() {
            let line = line.trim();
            let begins = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "];
            if import.is_none() && begins.iter().any(|word| line.starts_with(word)) {
                import = Some(String::new());
            }
            let Some(text) = &mut import else {
                statements.push(line.to_owned());
                continue;
            };
            text.push_str(line);
            text.push(' ');
            if line.ends_with(';') {
                statements.extend(import.take());
            }
        }
        statements
    }

    /// Returns the statements that name this path: as it stands, or as a part of a grouped import.
    fn naming(&self, path: &str) -> Vec<String> {
        let statements = self.statements();
        statements.into_iter().filter(|text| names(text, path)).collect()
    }
}

/// Tells whether a statement names a path such as `std::fs` or `tokio::`.
fn names(statement: &str, path: &str) -> bool {
    let mut statement = statement.to_owned();
    for value in VALUES {
        statement = statement.replace(value, "");
    }
    let begins_here = |at: usize| !statement.get(..at).is_some_and(|before| before.ends_with(is_word));
    let ends_here =
        |at: usize| path.ends_with(':') || !statement.get(at..).is_some_and(|rest| rest.starts_with(is_word));
    let is_spelled = statement
        .match_indices(path)
        .any(|(at, _)| begins_here(at) && ends_here(at + path.len()));
    let is_grouped = path.trim_end_matches(':').split_once("::").is_some_and(|(root, name)| {
        let group = format!("use {root}::{{");
        statement.contains(&group) && statement.split(|c: char| !is_word(c)).any(|word| word == name)
    });
    is_spelled || is_grouped
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn sources(folder: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&repository(folder), folder, &mut sources);
    sources
}

fn collect(folder: &Path, name: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{name}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &path, sources);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            sources.push(Source { path, text });
        }
    }
}

/// Fails with every finding, so that one run shows all of them.
fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn files_are_small_and_say_what_they_are() {
    let mut findings = Vec::new();
    let all: Vec<Source> = ["src", "worker/src"].into_iter().flat_map(sources).collect();
    assert!(all.len() > 50, "only {} files were found", all.len());
    for source in &all {
        let lines = source.code().len();
        if lines > LINES_MAX {
            findings.push(format!("{}: {lines} lines of code, at most {LINES_MAX}", source.path));
        }
        if !source.text.starts_with("//! ") {
            findings.push(format!("{}: begins without `//!`", source.path));
        }
    }
    let main = all.iter().find(|source| source.path == "src/main.rs").unwrap();
    let lines = main.text.lines().count();
    if lines > MAIN_LINES_MAX {
        findings.push(format!("src/main.rs: {lines} lines, at most {MAIN_LINES_MAX}"));
    }
    assert_none(&findings);
}

#[test]
fn pure_modules_do_no_io_and_read_no_clock() {
    let mut findings = Vec::new();
    let sources = sources("src");
    let pure = sources
        .iter()
        .filter(|source| PURE.contains(&source.module()) && !source.is_test());
    let mut count = 0;
    for source in pure {
        count += 1;
        for path in IMPURE {
            let found = source.naming(path);
            findings.extend(found.iter().map(|text| format!("{}: {path}: {text}", source.path)));
        }
        let clocks = source.statements().into_iter().filter(|text| text.contains("::now("));
        findings.extend(clocks.map(|text| format!("{}: reads a clock: {text}", source.path)));
    }
    assert!(count > 20, "only {count} pure files were found");
    assert_none(&findings);
}

#[test]
fn the_local_cluster_knows_nothing_of_the_tool() {
    let mut findings = Vec::new();
    let sources = sources("src");
    for source in sources.iter().filter(|source| source.module() == "local") {
        for text in source.statements() {
            let ours = text.matches("crate::").count();
            let own = text.matches("crate::local").count();
            if ours != own || names(&text, "ttg_worker::") {
                findings.push(format!("{}: {text}", source.path));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn only_the_cluster_module_uses_kube() {
    let mut findings = Vec::new();
    let sources = sources("src");
    let (cluster, others): (Vec<&Source>, Vec<&Source>) =
        sources.iter().partition(|source| source.module() == "cluster");
    assert!(
        cluster.iter().any(|source| !source.naming("kube::").is_empty()),
        "kube is used somewhere"
    );
    for source in others {
        let found = source.naming("kube::");
        findings.extend(found.iter().map(|text| format!("{}: {text}", source.path)));
    }
    assert_none(&findings);
}

#[test]
fn only_the_host_and_the_hidden_commands_know_the_local_cluster() {
    let mut findings = Vec::new();
    let sources = sources("src");
    let may = ["local", "host", "commands"];
    for source in sources.iter().filter(|source| !may.contains(&source.module())) {
        let found = source.naming("crate::local");
        findings.extend(found.iter().map(|text| format!("{}: {text}", source.path)));
    }
    assert_none(&findings);
}

#[test]
fn a_path_is_found_however_it_is_written() {
    let table = [
        ("use std::fs;", "std::fs", true),
        ("use std::{fmt, fs};", "std::fs", true),
        ("use std::{ fmt, io::{self}, fs::File, };", "std::fs", true),
        ("let text = std::fs::read(path);", "std::fs", true),
        ("use std::fmt;", "std::fs", false),
        ("use std::fsx;", "std::fs", false),
        ("use tokio::time;", "tokio::", true),
        ("pub use kube::Client;", "kube::", true),
        ("use mykube::Client;", "kube::", false),
        ("use crate::{local, plan};", "crate::local", true),
        ("use crate::localize;", "crate::local", false),
        ("let a: std::net::Ipv6Addr = b;", "std::net", false),
        ("use std::net::{Ipv6Addr, TcpStream};", "std::net", true),
    ];
    for (statement, path, expected) in table {
        assert_eq!(names(statement, path), expected, "{statement} {path}");
    }
    let source = Source {
        path: "src/plan/a.rs".to_owned(),
        text: "//! A.\n// use std::fs;\nuse std::{\n    fs,\n};\n\n#[cfg(test)]\nmod tests {\n    use std::net;\n}\n"
            .to_owned(),
    };
    assert_eq!(source.module(), "plan");
    assert_eq!(source.naming("std::fs"), ["use std::{ fs, }; "]);
    assert!(source.naming("std::net").is_empty());
}
