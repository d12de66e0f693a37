//! One line for each thing that happens in a run, for standard error. Pure.

use ttg_worker::protocol::number::Grouped;

use super::{Glyph, Style, Values, clock, count, span};
use crate::plan::Plan;
use crate::run::fact::{CompletionIndex, NodeName, Reason};
use crate::run::intervals::IndexSet;
use crate::run::told::{DisputedValue, Next, NodeState, RunEvent, Stop};

/// Up to how many shards the progress of each is a line; above that only [`Lines::aggregate`] tells how far the run is.
pub const PROGRESS_SHARDS_MAX: u32 = 20;

/// How much of the indexes of a rerun is named in a line.
const INDEXES_NAMED_BYTES_MAX: usize = 60;

/// Writes the lines of one run.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    style: Style,
    shards: u32,
    values: Values,
}

/// How far the whole run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Parameters computed, by what the logs say.
    pub done: u64,
    /// Parameters of the run.
    pub total: u64,
    /// Indexes that are accepted.
    pub accepted: u32,
    /// Indexes of the run.
    pub shards: u32,
    /// Workers that compute.
    pub running: u32,
    /// Parameters a second, by what the logs say.
    pub per_second: u64,
}

impl Lines {
    /// Makes the writer for the run of a plan.
    pub fn new(style: Style, plan: &Plan) -> Self {
        let values = Values::new(&plan.kernel, plan.first, plan.parameters);
        Self {
            style,
            shards: plan.shards,
            values,
        }
    }

    /// Writes the line of an event, so many milliseconds after the start; none for progress that would only flood the
    /// log.
    pub fn line(&self, at_ms: u64, event: &RunEvent) -> Option<String> {
        if matches!(event, RunEvent::Progress { .. }) && self.shards > PROGRESS_SHARDS_MAX {
            return None;
        }
        let (glyph, text) = self.words(event);
        Some(format!("{}  {}", clock(at_ms), self.style.marked(glyph, &text)))
    }

    /// Returns the words for an event alone, for a screen that has places of its own for the time and the state.
    pub fn text(&self, event: &RunEvent) -> String {
        self.words(event).1
    }

    /// Writes the line that tells how far the whole run is. How often is the caller's matter.
    pub fn aggregate(&self, at_ms: u64, aggregate: &Aggregate) -> String {
        let Aggregate {
            done,
            total,
            accepted,
            shards,
            running,
            per_second,
        } = *aggregate;
        let text = format!(
            "{}, {} of {} accepted, {running} running",
            progress(done, total, per_second),
            Grouped(accepted),
            count(u64::from(shards), "shard", "shards")
        );
        format!("{}  {}", clock(at_ms), self.style.marked(Glyph::Running, &text))
    }

    /// Returns the state an event is about, and the words for it.
    #[rustfmt::skip] // A table with one row an event: unfolded it would be too long to be read as one.
    fn words(&self, event: &RunEvent) -> (Glyph, String) {
        match event {
            RunEvent::Submitted { job, cluster, namespace, shards, workers, parameters, indexes, remarks, .. } => {
                let whole = || size(*parameters, *shards, *workers);
                let size = indexes.as_ref().map_or_else(whole, |indexes| rerun_size(indexes, *shards, *workers));
                (Glyph::Running, format!("{job} submitted to {cluster}/{namespace}: {size}{}", remarked(remarks)))
            }
            RunEvent::Postponed { after_ms, why } => (Glyph::Pending, postponed_words(*after_ms, why)),
            RunEvent::SetAside { index, values } => set_aside_words(*index, values, self.values),
            RunEvent::Attached { run, cluster, namespace, accepted, shards } =>
                (Glyph::Running, format!("{run} watched on {cluster}/{namespace}: {accepted} of {shards} accepted")),
            RunEvent::Scheduled { index, attempt, pod, node } =>
                (Glyph::Pending, format!("index {index} bound to {node} (attempt {attempt}, {pod})")),
            RunEvent::Waiting { index, attempt, pod, why } =>
                (Glyph::Pending, format!("index {index} waits: {} (attempt {attempt}, {pod})", reason(why))),
            RunEvent::WorkerStarted { index, attempt, pod, node } =>
                (Glyph::Running, format!("index {index} running{} (attempt {attempt}, {pod})", on(node.as_ref()))),
            RunEvent::Progress { index, done, total, per_second, .. } =>
                (Glyph::Running, format!("index {index} at {}", progress(*done, *total, *per_second))),
            RunEvent::Silent { index, pod, node, silent_ms, hint, .. } => {
                let span = format!("no line from its worker for {} s", silent_ms / 1_000);
                (Glyph::Unknown, format!("index {index}: {span} (pod {pod}{}); {hint}", on(node.as_ref())))
            }
            RunEvent::WorkerFinished { index, node, processed, value, elapsed_ms, .. } => {
                let work = format!("{} from {} parameters", self.values.text(*value), Grouped(*processed));
                (Glyph::Done, format!("index {index} finished{}: {work} in {}", on(node.as_ref()), span(*elapsed_ms)))
            }
            RunEvent::Accepted { index, accepted, shards } =>
                (Glyph::Done, format!("index {index} accepted: {} of {}", Grouped(*accepted), Grouped(*shards))),
            RunEvent::Duplicate { index, pod } =>
                (Glyph::Note, format!("index {index} reported again by {pod}: the same value, ignored")),
            RunEvent::Disputed { index, values } =>
                (Glyph::Failed, format!("index {index} disputed: {}; neither counts", disputed(values, self.values))),
            RunEvent::AttemptFailed { index, attempt, node, exit_code, why, next, .. } => {
                let how = format!("failed: {}{}", failure(*exit_code, why), next_words(*next));
                (Glyph::Failed, format!("index {index} attempt {attempt}{} {how}", on(node.as_ref())))
            }
            RunEvent::AttemptEnded { index, attempt, node, stopped_by: Some(stop), .. } => {
                let how = format!("stopped by {}", stop_words(*stop));
                (Glyph::Pending, format!("index {index} attempt {attempt}{} {how}", on(node.as_ref())))
            }
            RunEvent::AttemptEnded { index, attempt, node, why, stopped_by: None, next, .. } => {
                let how = format!("was ended from outside: {}{}", reason(why), next_words(*next));
                (Glyph::Retrying, format!("index {index} attempt {attempt}{} {how}", on(node.as_ref())))
            }
            RunEvent::NoResult { index, attempt, pod, problem } =>
                (Glyph::Unknown, format!("index {index} attempt {attempt} gave no valid result: {problem} ({pod})")),
            RunEvent::IndexFailed { index, attempts, why } => {
                let attempts = count(u64::from(*attempts), "attempt", "attempts");
                // The Job's word may come before its pod's, which has the reason.
                let why = if *why == Reason::default() { String::new() } else { format!(": {}", reason(why)) };
                (Glyph::Failed, format!("index {index} given up after {attempts}{why}"))
            }
            RunEvent::Scaled { from, to } => (Glyph::Running, format!("workers changed from {from} to {to}")),
            RunEvent::Suspended { by: Some(by) } => (Glyph::Failed, format!("run cancelled: {by}")),
            RunEvent::Suspended { by: None } => (Glyph::Pending, "run suspended".to_owned()),
            RunEvent::Resumed => (Glyph::Running, "run resumed".to_owned()),
            RunEvent::NodeChanged { node, state } => node_words(node, *state),
            RunEvent::Warned { object, why, count } => (Glyph::Note, warning(object, why, *count)),
            RunEvent::JobComplete => (Glyph::Done, "the Job is complete".to_owned()),
            RunEvent::JobFailed { why } => (Glyph::Failed, format!("the Job failed: {}", reason(why))),
            RunEvent::JobDeleted => (Glyph::Failed, "the Job was deleted; what was accepted stays kept".to_owned()),
            RunEvent::Verified { index, same, value } => verified_words(*index, *same, &self.values.text(*value)),
            RunEvent::ContactLost { why } => (Glyph::Unknown, format!("contact to the cluster lost: {why}")),
            RunEvent::ContactBack { after_ms } => (Glyph::Running, format!("contact back after {}", span(*after_ms))),
            RunEvent::Forbidden { what, why } => (Glyph::Note, format!("not allowed: {what}: {why}")),
            RunEvent::Done { what } => (Glyph::Done, what.clone()),
            RunEvent::Trouble { what, hint: None } => (Glyph::Failed, what.clone()),
            RunEvent::Trouble { what, hint: Some(hint) } => (Glyph::Failed, format!("{what} (hint: {hint})")),
            RunEvent::Leaving { hint } => (Glyph::Pending, hint.clone()),
        }
    }
}

fn postponed_words(after_ms: u64, why: &str) -> String {
    let wait_s = after_ms.div_ceil(1_000);
    format!("the API server asks to wait {wait_s} s: {why}; trying again")
}

/// Says who stopped a worker, after `stopped by`.
pub(crate) fn stop_words(stop: Stop) -> &'static str {
    match stop {
        Stop::ScalingDown => "scaling down",
        Stop::Suspending => "suspending",
        Stop::Cancelling => "cancelling",
        Stop::JobOver => "the end of its Job",
    }
}

/// Says what follows on an attempt without a result.
fn next_words(next: Option<Next>) -> String {
    match next {
        Some(Next::Again { after_ms, attempt, of }) => {
            format!("; again in about {} s, attempt {attempt} of {of}", after_ms / 1_000)
        }
        Some(Next::NoRetries) => "; no retries left".to_owned(),
        Some(Next::Hopeless) => "; not tried again, as no retry mends this exit code".to_owned(),
        None => String::new(),
    }
}

fn set_aside_words(index: CompletionIndex, found: &[DisputedValue], values: Values) -> (Glyph, String) {
    let which = match found.len() {
        1 => format!("the value of index {index} is"),
        number => format!("the {number} values of index {index} are"),
    };
    let said = disputed(found, values);
    (
        Glyph::Retrying,
        format!("{which} set aside: {said}; it is computed again"),
    )
}

fn verified_words(index: CompletionIndex, same: bool, value: &str) -> (Glyph, String) {
    if same {
        (
            Glyph::Done,
            format!("index {index} computed again here: {value}, the same"),
        )
    } else {
        (
            Glyph::Failed,
            format!("index {index} computed again here: {value}, not what its worker said"),
        )
    }
}

fn node_words(node: &NodeName, state: NodeState) -> (Glyph, String) {
    let (glyph, words) = match state {
        NodeState::Cordoned => (Glyph::Note, "is cordoned: no new pods are bound to it"),
        NodeState::Uncordoned => (Glyph::Running, "takes pods again"),
        NodeState::Lost => (Glyph::Unknown, "is lost: it stopped reporting"),
        NodeState::Ready => (Glyph::Running, "is ready: it reports again"),
    };
    (glyph, format!("{node} {words}"))
}

fn warning(object: &str, why: &Reason, times: u32) -> String {
    format!(
        "warning about {object}: {} ({})",
        reason(why),
        count(u64::from(times), "time", "times")
    )
}

fn size(parameters: u64, shards: u32, workers: u32) -> String {
    let parameters = count(parameters, "parameter", "parameters");
    let shards = count(u64::from(shards), "shard", "shards");
    format!(
        "{parameters} in {shards} by {}",
        count(u64::from(workers), "worker", "workers")
    )
}

/// Says what a rerun computes.
fn rerun_size(indexes: &IndexSet, shards: u32, workers: u32) -> String {
    let named = indexes.beginning(INDEXES_NAMED_BYTES_MAX);
    let more = if named == *indexes { "" } else { ", …" };
    let noun = if indexes.len() == 1 { "index" } else { "indexes" };
    format!(
        "{} of {} again ({noun} {named}{more}) by {}",
        Grouped(indexes.len()),
        count(u64::from(shards), "shard", "shards"),
        count(u64::from(workers), "worker", "workers")
    )
}

fn remarked(remarks: &[String]) -> String {
    if remarks.is_empty() {
        String::new()
    } else {
        format!("; the server says: {}", remarks.join("; "))
    }
}

/// Writes how far a computation is, the percentage rounded down so that 100 % means done.
fn progress(done: u64, total: u64, per_second: u64) -> String {
    let permille = (u128::from(done) * 1_000).checked_div(u128::from(total)).unwrap_or(0);
    let (percent, tenth) = (permille / 10, permille % 10);
    format!(
        "{} / {} ({percent}.{tenth}%), {}/s",
        Grouped(done),
        Grouped(total),
        Grouped(per_second)
    )
}

fn on(node: Option<&NodeName>) -> String {
    node.map(|node| format!(" on {node}")).unwrap_or_default()
}

fn failure(exit_code: Option<i32>, why: &Reason) -> String {
    let exit = exit_code.map(|code| format!("exit {code}"));
    let said = Some(reason(why)).filter(|said| exit.is_none() || said != NO_REASON);
    exit.into_iter().chain(said).collect::<Vec<_>>().join(", ")
}

/// What stands where neither a reason nor a message was given.
const NO_REASON: &str = "no reason given";

fn reason(why: &Reason) -> String {
    match (why.reason.as_str(), why.message.as_str()) {
        ("", "") => NO_REASON.to_owned(),
        (one, "") | ("", one) => one.to_owned(),
        (short, long) => format!("{short}: {long}"),
    }
}

/// Writes the values of a disputed index, each with the pods that reported it.
pub(super) fn disputed(found: &[DisputedValue], values: Values) -> String {
    let said = |one: &DisputedValue| format!("{} from {}", values.text(one.value), one.pods.join(", "));
    found.iter().map(said).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RunId;

    const INDEX: CompletionIndex = CompletionIndex(7);

    fn why(reason: &str, message: &str) -> Reason {
        Reason {
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }

    fn failed(attempt: u32, exit_code: Option<i32>, why: Reason, next: Option<Next>) -> RunEvent {
        let node = Some(NodeName::from("node-2"));
        RunEvent::AttemptFailed {
            index: INDEX,
            attempt,
            pod: "pod".to_owned(),
            node,
            exit_code,
            why,
            next,
        }
    }

    fn ended(stopped_by: Option<Stop>, next: Option<Next>) -> RunEvent {
        RunEvent::AttemptEnded {
            index: INDEX,
            attempt: 2,
            pod: "pod".to_owned(),
            node: Some(NodeName::from("node-2")),
            why: why("Deleted", "it was told to end"),
            stopped_by,
            next,
        }
    }

    fn plan(shards: u32) -> Plan {
        Plan {
            shards,
            ..Plan::new(RunId::generate("primes", 7))
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table")]
    fn each_event_is_one_line() {
        let pod = || "ttg-primes-7f3a2k-7-m2rkn".to_owned();
        let again = Some(Next::Again {
            after_ms: 10_000,
            attempt: 2,
            of: 4,
        });
        let started = RunEvent::WorkerStarted {
            index: INDEX,
            attempt: 1,
            pod: pod(),
            node: Some("node-2".into()),
        };
        let disputed = vec![
            DisputedValue {
                value: 66_419,
                pods: vec!["a".to_owned(), "b".to_owned()],
            },
            DisputedValue {
                value: -1,
                pods: vec!["c".to_owned()],
            },
        ];
        let table = [
            (
                started,
                "▸ index 7 running on node-2 (attempt 1, ttg-primes-7f3a2k-7-m2rkn)",
            ),
            (
                failed(1, Some(137), why("OOMKilled", ""), again),
                "✗ index 7 attempt 1 on node-2 failed: exit 137, OOMKilled; again in about 10 s, attempt 2 of 4",
            ),
            (
                failed(4, Some(1), why("", ""), Some(Next::NoRetries)),
                "✗ index 7 attempt 4 on node-2 failed: exit 1; no retries left",
            ),
            (
                failed(1, Some(64), why("Error", "bad"), Some(Next::Hopeless)),
                "✗ index 7 attempt 1 on node-2 failed: exit 64, Error: bad; not tried again, as no retry mends this exit code",
            ),
            (
                failed(4, None, why("", ""), None),
                "✗ index 7 attempt 4 on node-2 failed: no reason given",
            ),
            (
                ended(None, again),
                "↻ index 7 attempt 2 on node-2 was ended from outside: Deleted: it was told to end; again in about 10 s, attempt 2 of 4",
            ),
            (
                ended(Some(Stop::ScalingDown), None),
                "· index 7 attempt 2 on node-2 stopped by scaling down",
            ),
            (
                RunEvent::Silent {
                    index: INDEX,
                    attempt: 1,
                    pod: "p".to_owned(),
                    node: Some(NodeName::from("node-2")),
                    silent_ms: 45_900,
                    hint: "kubectl logs p shows more".to_owned(),
                },
                "? index 7: no line from its worker for 45 s (pod p on node-2); kubectl logs p shows more",
            ),
            (
                RunEvent::Postponed {
                    after_ms: 3_000,
                    why: "later".to_owned(),
                },
                "· the API server asks to wait 3 s: later; trying again",
            ),
            (
                RunEvent::Disputed {
                    index: INDEX,
                    values: disputed,
                },
                "✗ index 7 disputed: 66,419 from a, b; -1 from c; neither counts",
            ),
            (
                RunEvent::NoResult {
                    index: INDEX,
                    attempt: 1,
                    pod: "p".to_owned(),
                    problem: "it is empty".to_owned(),
                },
                "? index 7 attempt 1 gave no valid result: it is empty (p)",
            ),
            (
                RunEvent::Trouble {
                    what: "a\nb".to_owned(),
                    hint: Some("c".to_owned()),
                },
                "✗ a b (hint: c)",
            ),
            (
                RunEvent::SetAside {
                    index: INDEX,
                    values: vec![
                        DisputedValue {
                            value: 7_000,
                            pods: vec!["a".to_owned()],
                        },
                        DisputedValue {
                            value: 8,
                            pods: vec!["b".to_owned()],
                        },
                    ],
                },
                "↻ the 2 values of index 7 are set aside: 7,000 from a; 8 from b; it is computed again",
            ),
            (
                RunEvent::Submitted {
                    run: "ttg-a".to_owned(),
                    job: "ttg-a-r1".to_owned(),
                    cluster: "local".to_owned(),
                    namespace: "default".to_owned(),
                    shards: 12,
                    workers: 3,
                    parameters: 10_000_000,
                    indexes: Some(IndexSet::parse("1,3-5", 12).unwrap()),
                    remarks: Vec::new(),
                },
                "▸ ttg-a-r1 submitted to local/default: 4 of 12 shards again (indexes 1,3-5) by 3 workers",
            ),
            (RunEvent::Suspended { by: None }, "· run suspended"),
            (
                RunEvent::Suspended {
                    by: Some("ann, 10:00".to_owned()),
                },
                "✗ run cancelled: ann, 10:00",
            ),
        ];
        let lines = Lines::new(Style::default(), &plan(12));
        for (event, expected) in table {
            assert_eq!(lines.line(1_234, &event), Some(format!("00:01.2  {expected}")));
        }
    }

    #[test]
    fn progress_of_many_shards_is_only_told_as_a_whole() {
        let event = RunEvent::Progress {
            index: INDEX,
            done: 2,
            total: 3,
            per_second: 1_000,
            partial: 1,
        };
        let few = Lines::new(Style::default(), &plan(PROGRESS_SHARDS_MAX));
        let ascii = Style {
            ascii: true,
            color: false,
        };
        let many = Lines::new(ascii, &plan(PROGRESS_SHARDS_MAX + 1));
        assert_eq!(
            few.line(0, &event).as_deref(),
            Some("00:00.0  ▸ index 7 at 2 / 3 (66.6%), 1,000/s")
        );
        assert_eq!(many.line(0, &event), None);
        let whole = Aggregate {
            done: 4_166_670,
            total: 10_000_000,
            accepted: 4,
            shards: 21,
            running: 3,
            per_second: 353_000,
        };
        let expected = "00:12.0  > 4,166,670 / 10,000,000 (41.6%), 353,000/s, 4 of 21 shards accepted, 3 running";
        assert_eq!(many.aggregate(12_000, &whole), expected);
    }
}
