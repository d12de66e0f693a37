//! The run as NDJSON, one object a line, for programs. Pure.
//!
//! Guarantees: `schema` and `type` come first in every object; an object is one line; 128-bit values are decimal
//! strings. What fields an event has is in [`RunEvent`]; the last object is the summary.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::run::summary::Summary;
use crate::run::told::RunEvent;

/// The form of the objects.
pub const SCHEMA: &str = "ttg-tui/1";

#[derive(Serialize)]
struct SummaryObject<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Writes the object of an event, without a line end.
pub fn json_line(at: Timestamp, event: &RunEvent) -> String {
    match serde_json::to_string(event) {
        Ok(object) => with_head(at, &object).unwrap_or(object),
        Err(why) => broken(&why),
    }
}

/// Writes the object of the summary, without a line end.
pub fn summary_line(summary: &Summary) -> String {
    let object = SummaryObject {
        schema: SCHEMA,
        kind: "summary",
        summary,
    };
    serde_json::to_string(&object).unwrap_or_else(|why| broken(&why))
}

/// Puts the schema before and the time behind the type of an event, which is the first thing an event writes and a
/// plain word.
///
/// A struct with a flattened event could put the time only before the type or behind all fields.
fn with_head(at: Timestamp, object: &str) -> Option<String> {
    let fields = object.strip_prefix('{')?.strip_suffix('}')?;
    Some(match fields.split_once(',') {
        Some((kind, rest)) => format!("{{\"schema\":\"{SCHEMA}\",{kind},\"at\":\"{at}\",{rest}}}"),
        None => format!("{{\"schema\":\"{SCHEMA}\",{fields},\"at\":\"{at}\"}}"),
    })
}

/// Says that something could not be written as JSON, in the form of an event, so that a reader sees the gap.
pub(super) fn broken(why: &serde_json::Error) -> String {
    json!({ "schema": SCHEMA, "type": "trouble", "what": format!("cannot write this as JSON: {why}") }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::tests::proven;
    use crate::run::fact::CompletionIndex;

    fn at() -> Timestamp {
        "2026-01-02T03:04:05.5Z".parse().unwrap()
    }

    #[test]
    fn schema_and_type_come_first() {
        let progress = RunEvent::Progress {
            index: CompletionIndex(4),
            done: 1,
            total: 2,
            per_second: 3,
            partial: i128::MIN,
        };
        let table = [
            (
                RunEvent::Resumed,
                r#"{"schema":"ttg-tui/1","type":"resumed","at":"2026-01-02T03:04:05.5Z"}"#,
            ),
            (
                progress,
                concat!(
                    r#"{"schema":"ttg-tui/1","type":"progress","at":"2026-01-02T03:04:05.5Z","index":4,"done":1,"total":2,"#,
                    r#""per_second":3,"partial":"-170141183460469231731687303715884105728"}"#
                ),
            ),
            (
                RunEvent::Done {
                    what: "a,\"b\"\n}".to_owned(),
                },
                r#"{"schema":"ttg-tui/1","type":"done","at":"2026-01-02T03:04:05.5Z","what":"a,\"b\"\n}"}"#,
            ),
        ];
        for (event, expected) in table {
            assert_eq!(json_line(at(), &event), expected);
        }
    }

    #[test]
    fn the_summary_reads_back() {
        let line = summary_line(&proven());
        assert!(
            line.starts_with(r#"{"schema":"ttg-tui/1","type":"summary","run":"ttg-primes-7f3a2k","#),
            "{line}"
        );
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Summary>(&line).unwrap(), proven());
    }
}
