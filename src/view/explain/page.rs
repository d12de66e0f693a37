//! The tables as a page for people: `docs/troubleshooting.md` holds this text, and a test compares them. Knows no run.

use std::fmt::Write as _;

use super::row::{Row, Shows};
use super::{causes, scheduling};

/// Writes the tables as Markdown.
fn markdown() -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for (subject, rows) in causes::chapters() {
        writeln!(text, "## {subject}\n").ok();
        for row in rows {
            text.push_str(&explanation(row));
        }
    }
    text.push_str("## What keeps a pod off a node\n\n");
    text.push_str(
        "The scheduler counts the nodes for each of these, as in `0/3 nodes are available: 3 Insufficient cpu`.\n\n",
    );
    text.push_str("| the scheduler says | that means | what to do |\n|---|---|---|\n");
    for (words, short, next) in scheduling::table() {
        writeln!(text, "| `{words}` | {short} | {next} |").ok();
    }
    text
}

fn explanation(row: &Row) -> String {
    let mut text = format!("### {}\n\nSeen as {}.\n\n{}\n\n", row.short, seen(row), row.cause);
    if row.waits {
        text.push_str("- It never fails by itself: it waits until the cause is mended or the run is cancelled.\n");
    }
    for next in row.next {
        writeln!(text, "- {next}").ok();
    }
    writeln!(text, "- It is shown by `{}`.\n", command(row.shows)).ok();
    text
}

/// Says by what a row is found.
fn seen(row: &Row) -> String {
    let quoted = |words: &[&str]| {
        let named = words.iter().filter(|word| !word.is_empty());
        let quoted: Vec<String> = named.map(|word| format!("`{word}`")).collect();
        quoted.join(", ")
    };
    let codes: Vec<String> = row.codes.iter().map(|code| format!("exit code {code}")).collect();
    let by = if codes.is_empty() {
        quoted(row.reasons)
    } else {
        codes.join(", ")
    };
    if row.words.is_empty() {
        by
    } else {
        format!("{by}, in words such as {}", quoted(row.words))
    }
}

#[rustfmt::skip] // A table with one row a command.
fn command(shows: Shows) -> &'static str {
    match shows {
        Shows::Pod => "kubectl describe pod POD",
        Shows::Log => "kubectl logs POD",
        Shows::Termination => "kubectl get pod POD -o jsonpath='{.status.containerStatuses[0].state.terminated.message}'",
        Shows::Pods => "kubectl get pods -l batch.kubernetes.io/job-name=JOB -o wide",
        Shows::Job => "kubectl describe job JOB",
        Shows::JobYaml => "kubectl get job JOB -o yaml",
        Shows::Completed => "kubectl get job JOB -o jsonpath='{.status.completedIndexes}'",
        Shows::Node => "kubectl describe node NODE",
        Shows::Nodes => "kubectl describe nodes",
        Shows::Quota => "kubectl describe resourcequota",
        Shows::Limits => "kubectl describe limitrange",
        Shows::Namespace => "kubectl get namespace NAMESPACE --show-labels",
        Shows::Events => "kubectl get events --field-selector involvedObject.name=POD",
        Shows::Config => "kubectl get configmaps,secrets",
        Shows::Rights => "kubectl auth can-i --list",
        Shows::Ready => "kubectl get --raw /readyz",
    }
}

#[test]
fn the_guide_to_trouble_is_written_from_the_tables() {
    let page = include_str!("../../../docs/troubleshooting.md");
    let text = markdown();
    assert!(page.contains(&text), "docs/troubleshooting.md lacks this:\n{text}");
}
