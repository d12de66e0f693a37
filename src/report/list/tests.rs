//! The exact text of lists, since people and scripts read them.

use super::*;
use crate::report::summary::tests::proven;
use crate::run::fact::{JobCondition, Reason};
use crate::run::intervals::IndexSet;

const RUN: &str = "ttg-primes-7f3a2k";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-01-02T03:04:05Z")
}

fn job(conditions: &[&str]) -> JobFact {
    let conditions = conditions.iter().map(|kind| JobCondition {
        kind: (*kind).to_owned(),
        holds: true,
        why: Reason::default(),
        since: None,
    });
    JobFact {
        name: RUN.to_owned(),
        created_at: Some(at("2026-01-02T03:03:00Z")),
        completions: 12,
        completed: IndexSet::parse("0-3", 12).unwrap(),
        conditions: conditions.collect(),
        ..JobFact::default()
    }
}

fn found(job: &JobFact) -> Found<'_> {
    Found {
        job,
        completed: job.completed.len(),
        created_at: job.created_at,
        shards: 12,
        cluster: "local",
        namespace: "default",
    }
}

fn kept(accepted: u32, summary: Option<&Summary>) -> Kept<'_> {
    Kept {
        accepted,
        shards: 12,
        since: Some(at("2025-12-30T03:04:05Z")),
        summary,
    }
}

fn ended(headline: Headline) -> Summary {
    Summary { headline, ..proven() }
}

#[test]
fn a_proof_stays_and_else_the_job_is_newer() {
    let suspended = JobFact {
        suspend: true,
        ..job(&["Suspended"])
    };
    let cancelled = JobFact {
        cancelled: Some("ann".to_owned()),
        ..suspended.clone()
    };
    let (running, complete, failed) = (job(&[]), job(&["Complete"]), job(&["Failed"]));
    let table = [
        (None, None, Standing::Unfinished),
        (None, Some(Headline::Proven), Standing::Proven),
        (None, Some(Headline::Incomplete), Standing::Incomplete),
        (None, Some(Headline::NotProven), Standing::NotProven),
        (None, Some(Headline::Failed), Standing::Failed),
        (None, Some(Headline::Cancelled), Standing::Cancelled),
        (Some(&running), None, Standing::Running),
        // It was cancelled when this machine last looked, and was resumed since.
        (Some(&running), Some(Headline::Cancelled), Standing::Running),
        (Some(&suspended), Some(Headline::Unfinished), Standing::Suspended),
        (Some(&cancelled), None, Standing::Cancelled),
        (Some(&failed), Some(Headline::Unfinished), Standing::Failed),
        (Some(&failed), Some(Headline::Proven), Standing::Proven),
        (Some(&complete), Some(Headline::Proven), Standing::Proven),
        (Some(&complete), Some(Headline::Incomplete), Standing::Incomplete),
        (Some(&complete), None, Standing::Unfinished),
    ];
    for (job, headline, expected) in table {
        assert_eq!(Standing::of(job, headline), expected, "{job:?} {headline:?}");
    }
}

#[test]
fn columns_are_aligned_and_nothing_is_cut() {
    let (running, proof, partial) = (job(&[]), proven(), ended(Headline::Incomplete));
    let rows = [
        Row::new(RUN, Some(found(&running)), Some(kept(3, None))),
        Row::new("a", Some(found(&running)), None),
        Row::new("ttg-pi-0", None, Some(kept(12, Some(&proof)))),
        Row::new("ttg-pi-1", None, Some(kept(5, Some(&partial)))),
    ];
    let expected = "\
RUN                STATE       PROGRESS  AGE  WHERE          VALUE
ttg-primes-7f3a2k  running     4/12      1m   local/default
a                  running     4/12      1m   local/default
ttg-pi-0           proven      12/12     3d   kept here      664,579
ttg-pi-1           incomplete  5/12      3d   kept here      664,579 (partial)
";
    assert_eq!(list_text(&rows, now(), Style::default()), expected);
    assert_eq!(list_text(&[], now(), Style::default()), "");
}

#[test]
fn an_age_has_one_unit_and_is_never_below_zero() {
    let table = [
        ("2026-01-02T03:04:05Z", "0s"),
        ("2026-01-02T03:04:06Z", "0s"),
        ("2026-01-02T03:03:06Z", "59s"),
        ("2026-01-02T03:03:05Z", "1m"),
        ("2026-01-02T02:04:06Z", "59m"),
        ("2026-01-02T02:04:05Z", "1h"),
        ("2026-01-01T03:04:06Z", "23h"),
        ("2026-01-01T03:04:05Z", "1d"),
        ("1970-01-01T00:00:00Z", "20,455d"),
    ];
    for (created_at, expected) in table {
        assert_eq!(age(at(created_at), now()), expected, "{created_at}");
    }
}

#[test]
fn an_object_begins_with_schema_and_type() {
    let (running, proof) = (job(&[]), proven());
    let table = [
        (
            Row::new(RUN, Some(found(&running)), None),
            concat!(
                r#"{"schema":"ttg-tui/1","type":"run","run":"ttg-primes-7f3a2k","state":"running","done":4,"shards":12,"#,
                r#""created_at":"2026-01-02T03:03:00Z","cluster":"local","namespace":"default","kept":false,"#,
                r#""value":null,"value_text":null}"#
            ),
        ),
        (
            Row::new(RUN, None, Some(kept(12, Some(&proof)))),
            concat!(
                r#"{"schema":"ttg-tui/1","type":"run","run":"ttg-primes-7f3a2k","state":"proven","done":12,"shards":12,"#,
                r#""created_at":"2025-12-30T03:04:05Z","cluster":null,"namespace":null,"kept":true,"#,
                r#""value":"664579","value_text":"664,579"}"#
            ),
        ),
    ];
    for (row, expected) in table {
        assert_eq!(row_line(&row), expected);
    }
}

#[test]
fn a_change_is_one_line_with_its_twin() {
    let ascii = Style {
        ascii: true,
        color: false,
    };
    assert_eq!(
        changed_line(ascii, "ttg-a", "deleted the Job", "kubectl delete job ttg-a -n lab"),
        "# deleted the Job: ttg-a  $ kubectl delete job ttg-a -n lab"
    );
}
