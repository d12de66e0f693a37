//! The exact text of whole summaries, since people and scripts read them.

use std::collections::BTreeMap;

use super::*;
use crate::model::event::ApiCost;
use crate::run::intervals::IndexSet;
use crate::run::summary::IndexSummary;
use crate::run::told::DisputedValue;

fn check(name: &str, verdict: Verdict, text: &str) -> Check {
    Check {
        name: name.to_owned(),
        verdict,
        text: text.to_owned(),
    }
}

fn indexes(shards: u32, parameters: u64) -> Vec<IndexSummary> {
    let domain = ttg_worker::shard::Domain {
        first: 0,
        total: parameters,
    };
    domain
        .shards(shards)
        .map(|shard| IndexSummary {
            index: shard.index,
            start: shard.start,
            end: shard.end,
            node: Some("node-1".to_owned()),
            attempts: 1,
            elapsed_ms: Some(1_100),
            processed: Some(shard.end - shard.start),
            value: Some(1),
            problem: None,
        })
        .collect()
}

/// Makes the summary of a small run that is proven.
pub(in crate::report) fn proven() -> Summary {
    Summary {
        run: "ttg-primes-7f3a2k".to_owned(),
        cluster: "local".to_owned(),
        namespace: "default".to_owned(),
        reach_flags: " --context kind".to_owned(),
        headline: Headline::Proven,
        kernel: "primes".to_owned(),
        what: "primes".to_owned(),
        first: 0,
        parameters: 10_000_000,
        shards: 3,
        workers: 3,
        accepted: 3,
        value: Some(664_579),
        value_text: Some("664,579".to_owned()),
        processed: 10_000_000,
        checks: vec![
            check(
                "each_index_once",
                Verdict::Holds,
                "3 of 3 indexes accepted, each exactly once",
            ),
            check(
                "published_value",
                Verdict::Holds,
                "equals the published value π(10⁷) = 664,579",
            ),
            check("duplicates", Verdict::Note, "1 duplicate report, same value, ignored"),
        ],
        missing: IndexSet::default(),
        failed: BTreeMap::new(),
        disputed: BTreeMap::new(),
        doubted: IndexSet::default(),
        attempts: 4,
        retried: 1,
        duplicates: 1,
        log_lines_lost: 0,
        wall_ms: Some(1_250),
        work_ms: 3_300,
        nodes: BTreeMap::from([("node-1".to_owned(), 2), ("node-2".to_owned(), 1)]),
        api: ApiCost::default(),
        exit_code: 0,
        indexes: indexes(3, 10_000_000),
    }
}

/// Makes the summary of a run that lacks one index, which the Job gave up.
fn incomplete() -> Summary {
    let mut summary = proven();
    let lost = CompletionIndex(1);
    summary.headline = Headline::Incomplete;
    summary.accepted = 2;
    summary.value = Some(449_000);
    summary.value_text = None;
    summary.checks = vec![
        check("each_index_once", Verdict::Fails, "2 of 3 indexes accepted"),
        check("recomputed", Verdict::Open, "0 of 2 shards computed again here"),
    ];
    summary.missing = [lost].into_iter().collect();
    summary.failed = BTreeMap::from([(lost, "4 attempts, OOMKilled".to_owned())]);
    summary.wall_ms = None;
    summary.work_ms = 2_200;
    summary.indexes[1].problem = Some("failed: OOMKilled".to_owned());
    summary.indexes[1].processed = None;
    summary
}

#[test]
fn a_proven_run() {
    let expected = "\
[WORKER 0] Processed: 3,333,334 parameters
[WORKER 1] Processed: 3,333,333 parameters
[WORKER 2] Processed: 3,333,333 parameters
3,333,334 + 3,333,333 + 3,333,333 = 10,000,000

✓ PROVEN  664,579 primes among 10,000,000 parameters  in 1.2 s
  ✓ 3 of 3 indexes accepted, each exactly once
  ✓ equals the published value π(10⁷) = 664,579
  ! 1 duplicate report, same value, ignored
wall 1.2 s · work 3.3 s · speed-up 2.6 on 3 workers
4 attempts · 1 done again
indexes by node: node-1 2 · node-2 1
result: ttg-tui result ttg-primes-7f3a2k
";
    assert_eq!(summary_text(&proven(), Style::default()), expected);
    let ascii = summary_text(
        &proven(),
        Style {
            ascii: true,
            color: false,
        },
    );
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn an_incomplete_run_never_calls_its_value_final() {
    let expected = "\
[WORKER 0] Processed: 3,333,334 parameters
[WORKER 2] Processed: 3,333,333 parameters
3,333,334 + 3,333,333 = 6,666,667 of 10,000,000 (2 of 3 shards)

✗ INCOMPLETE  2 of 3 — 449,000 so far (partial, not final)
  ✗ 2 of 3 indexes accepted
  … 0 of 2 shards computed again here
? 1 index missing: 1
✗ index 1 failed: 4 attempts, OOMKilled
work 2.2 s on 3 workers
4 attempts · 1 done again
indexes by node: node-1 2 · node-2 1
result: ttg-tui result ttg-primes-7f3a2k
hint: what is missing or disputed is computed by: ttg-tui rerun ttg-primes-7f3a2k --context kind
";
    assert_eq!(summary_text(&incomplete(), Style::default()), expected);
}

#[test]
fn a_whole_total_that_cannot_be_right_says_why() {
    let table = [
        (
            vec![check(
                "published_value",
                Verdict::Fails,
                "664,580 differs from the published value π(10⁷) = 664,579",
            )],
            "the total 664,580 differs from the published value π(10⁷) = 664,579",
        ),
        (
            vec![
                check(
                    "each_index_once",
                    Verdict::Holds,
                    "3 of 3 indexes accepted, each exactly once",
                ),
                check("recomputed", Verdict::Fails, "index 1 is 4 here and 5 there"),
            ],
            "the total 664,580 is not believed: index 1 is 4 here and 5 there",
        ),
    ];
    for (checks, why) in table {
        let summary = Summary {
            headline: Headline::NotProven,
            value_text: Some("664,580".to_owned()),
            checks,
            ..proven()
        };
        let text = summary_text(&summary, Style::default());
        assert!(text.contains(&format!("\n✗ NOT PROVEN  3 of 3 — {why}\n")), "{text}");
        assert!(text.contains("\nhint: ") && !text.contains("✓ PROVEN"), "{text}");
    }
}

#[test]
fn of_several_jobs_the_work_is_told_and_no_number_of_workers() {
    let mut summary = proven();
    assert!(time_words(&summary).ends_with(" on 3 workers"));
    summary.checks.push(check(
        "jobs",
        Verdict::Holds,
        "2 results from Job a; 1 result from Job a-r1",
    ));
    assert_eq!(time_words(&summary), "work 3.3 s");
}

#[test]
fn a_disputed_run_shows_both_values() {
    let values = vec![
        DisputedValue {
            value: 7,
            pods: vec!["pod-a".to_owned(), "pod-b".to_owned()],
        },
        DisputedValue {
            value: 8,
            pods: vec!["pod-c".to_owned()],
        },
    ];
    let mut summary = incomplete();
    summary.failed = BTreeMap::new();
    summary.missing = IndexSet::default();
    summary.disputed = BTreeMap::from([(CompletionIndex(1), values)]);
    summary.checks = vec![check("nothing_disputed", Verdict::Fails, "1 index disputed")];
    let text = summary_text(&summary, Style::default());
    let (_, from_headline) = text.split_once("\n\n").unwrap();
    let expected = "\
✗ INCOMPLETE  2 of 3 — 449,000 so far (partial, not final)
  ✗ 1 index disputed
✗ index 1 disputed: 7 from pod-a, pod-b; 8 from pod-c
work 2.2 s on 3 workers
4 attempts · 1 done again
indexes by node: node-1 2 · node-2 1
result: ttg-tui result ttg-primes-7f3a2k
hint: what is missing or disputed is computed by: ttg-tui rerun ttg-primes-7f3a2k --context kind
";
    assert_eq!(from_headline, expected);
}

#[test]
fn the_sum_is_spelled_out_where_it_fits() {
    let table = [
        (1, "1 shard: 12"),
        (2, "6 + 6 = 12"),
        (6, "2 + 2 + 2 + 2 + 2 + 2 = 12"),
        (12, "12 shards: 12"),
    ];
    for (shards, expected) in table {
        let summary = Summary {
            shards,
            parameters: 12,
            indexes: indexes(shards, 12),
            ..proven()
        };
        assert_eq!(sum_line(&summary), expected);
        let none = Summary {
            indexes: Vec::new(),
            ..summary
        };
        assert!(sum_line(&none).starts_with("0 of "), "{}", sum_line(&none));
    }
}

#[test]
fn what_is_not_listed_is_counted() {
    let summary = Summary {
        shards: 100,
        indexes: indexes(100, 1_000),
        missing: (0..100).step_by(2).map(CompletionIndex).collect(),
        ..proven()
    };
    let text = summary_text(&summary, Style::default());
    assert!(
        text.contains("[WORKER 19] Processed: 10 parameters\n… and 80 more\n100 shards: 1,000\n"),
        "{text}"
    );
    assert!(text.contains("? 50 indexes missing: 0, 2, 4, "), "{text}");
    assert!(text.contains(" 38 … and 30 more intervals\n"), "{text}");
}

#[test]
fn without_any_result_there_is_no_value() {
    let headlines = [
        (Headline::Incomplete, "✗ INCOMPLETE  0 of 3 — no result so far"),
        (Headline::Failed, "✗ FAILED  0 of 3 — no result so far"),
        (Headline::Cancelled, "✗ CANCELLED  0 of 3 — no result so far"),
        (Headline::Unfinished, "▸ UNFINISHED  0 of 3 — no result so far"),
    ];
    for (kind, expected) in headlines {
        let summary = Summary {
            headline: kind,
            accepted: 0,
            value: None,
            value_text: None,
            ..proven()
        };
        assert_eq!(headline(&summary, Style::default()), expected);
    }
}
