//! The head of an index, its Kubernetes Events and its explanation, as lines.

use jiff::Timestamp;

use super::attempts::{Seen, again};
use crate::model::Model;
use crate::report::Values;
use crate::run::fact::{CompletionIndex, KubeEventFact};
use crate::run::state::{Attempt, IndexState};
use crate::view::explain;
use crate::view::gesture::Explained;
use crate::view::tone::{Line, Tone, dim, plain, span, state_word, strong};
use crate::view::words;
use crate::view::wrap;

/// The columns of an event's age, its type and its reason.
const AGE_COLUMNS: usize = 6;
const REASON_COLUMNS: usize = 18;

/// The head: which index, its parameters, its resources, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// What the index's state means; its glyph stands before the first line.
    pub tone: Tone,
    /// The lines.
    pub lines: Vec<Line>,
    /// Parameters done and in all, while a worker computes: a bar before the last line.
    pub bar: Option<(u64, u64)>,
}

/// A list of which a part is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The title.
    pub title: Line,
    /// What is not shown.
    pub more: Line,
    /// The lines.
    pub lines: Vec<Line>,
    /// Which of the lines the cursor is on.
    pub cursor: Option<usize>,
}

/// Makes the head.
pub(super) fn head(model: &Model, seen: &Seen<'_>) -> Head {
    let run = model.run();
    let plan = run.plan();
    let state = run.index_state(seen.index);
    let tone = Tone::of(state);
    let mut first = vec![
        strong(format!(
            "index {} of {}",
            words::grouped(seen.index.0),
            words::grouped(plan.shards)
        )),
        span(format!("  {}", state_word(state)), tone),
    ];
    if let Some(newest) = seen.attempts.last() {
        let at_most = u64::from(plan.retries) + 1;
        // What was ended from outside is no failure, so there can be more.
        let of = if u64::from(newest.number) > at_most {
            String::new()
        } else {
            format!(" of {at_most}")
        };
        first.push(plain(format!("  attempt {}{of}", newest.number)));
        first.extend(newest.node.map(|node| plain(format!("  {node}"))));
    }
    let range = plan.shard(seen.index).map_or_else(
        || vec![span("there is no such index in this run", Tone::Failed)],
        |shard| {
            let (start, end) = (words::grouped(shard.start), words::grouped(shard.end));
            let parameters = words::count(shard.len(), "parameter", "parameters");
            vec![
                plain(format!("parameters {start} to below {end}")),
                dim(format!("  {parameters}")),
            ]
        },
    );
    let resources = vec![dim(format!(
        "asks for {} CPU, {} memory · limits {}, {} · {}",
        plan.cpu.request, plan.memory.request, plan.cpu.limit, plan.memory.limit, plan.image
    ))];
    let progress = run.progress(seen.index).filter(|_| state == IndexState::Running);
    Head {
        tone,
        lines: vec![first, range, resources, how_far(model, seen, state)],
        bar: progress.map(|progress| (progress.done, progress.total)),
    }
}

/// Says the result, how far the worker is, or what is the matter.
fn how_far(model: &Model, seen: &Seen<'_>, state: IndexState) -> Line {
    let run = model.run();
    let plan = run.plan();
    let values = Values::new(&plan.kernel, plan.first, plan.parameters);
    if let Some(result) = run.accepted_result(seen.index) {
        let throttled = result
            .throttled_ms
            .map(|ms| format!(" · throttled {}", words::duration(ms)));
        return vec![
            strong(format!("value {}", values.text(result.value))),
            plain(format!(
                " · {} processed in {}",
                words::grouped(result.processed),
                words::duration(result.elapsed_ms)
            )),
            plain(throttled.unwrap_or_default()),
            span(" · checksum right, in the ledger", Tone::Done),
        ];
    }
    let found = run.values(seen.index);
    if state == IndexState::Disputed {
        let said: Vec<String> = found.iter().map(|one| values.text(one.value)).collect();
        return vec![span(
            format!("{} values, neither counts: {}", found.len(), said.join(" and ")),
            Tone::Failed,
        )];
    }
    if let Some(one) = found.first() {
        return vec![
            strong(format!("value {}", values.text(one.value))),
            plain(" · checksum right, on its way to the ledger"),
        ];
    }
    if let Some(progress) = run.progress(seen.index).filter(|_| state == IndexState::Running) {
        let (done, total) = (progress.done, progress.total);
        return vec![
            strong(format!("{:>3} %", words::percent(done, total))),
            plain(format!(
                "  {} / {}  {}",
                words::grouped(done),
                words::grouped(total),
                words::rate(progress.per_second)
            )),
            dim(format!("  so far {}, as its log says", values.text(progress.partial))),
        ];
    }
    let explained = explain::of_index_alone(seen.index, model, seen.attempts);
    // One row: its first sentence. The explanation has all of it.
    let cause = match explained.cause.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => explained.cause,
    };
    let mut line = vec![span(cause, Tone::of(state))];
    if let Some(again) = again(model, seen) {
        line.insert(0, span(format!("{again}. "), Tone::Retrying));
    }
    line
}

/// Returns the Kubernetes Events about the pods of an index, and the Job's about them, newest first.
pub(super) fn events_of<'a>(model: &'a Model, attempts: &[Attempt<'_>]) -> Vec<&'a KubeEventFact> {
    let is_about = |event: &KubeEventFact| {
        attempts.iter().any(|attempt| match event.object_kind.as_str() {
            "Pod" => event.object_name == attempt.pod,
            _ => event.why.message.contains(attempt.pod),
        })
    };
    model.history().kube_events().filter(|event| is_about(event)).collect()
}

/// Makes the events that fit around the cursor.
pub(super) fn events(
    found: &[&KubeEventFact],
    cursor: Option<usize>,
    at: Timestamp,
    (columns, rows): (usize, usize),
) -> List {
    let last = found.len().saturating_sub(1);
    let cursor = cursor.map(|cursor| cursor.min(last)).filter(|_| !found.is_empty());
    let first = cursor.map_or(0, |cursor| (cursor + 1).saturating_sub(rows));
    let mut lines: Vec<Line> = found
        .iter()
        .skip(first)
        .take(rows)
        .map(|event| event_line(event, at))
        .collect();
    let hidden = found.len() - lines.len();
    if found.is_empty() {
        let words = "Kubernetes told no event about its pods; it keeps them for an hour";
        lines.extend(wrap::words(words, columns).into_iter().map(|line| vec![dim(line)]));
    }
    List {
        title: vec![
            span("Events", Tone::Title),
            plain(format!(" {}, newest first", found.len())),
        ],
        more: more(hidden),
        cursor: cursor.and_then(|cursor| cursor.checked_sub(first)),
        lines,
    }
}

fn event_line(event: &KubeEventFact, at: Timestamp) -> Line {
    let age = event
        .at
        .map_or_else(|| "?".to_owned(), |then| words::age(words::since_ms(then, at)));
    let (kind, tone) = if event.warning {
        ("Warning", Tone::Warning)
    } else {
        ("Normal", Tone::Plain)
    };
    let times = if event.count > 1 {
        format!(" ×{}", event.count)
    } else {
        String::new()
    };
    vec![
        dim(format!("{age:>AGE_COLUMNS$} ago  ")),
        span(format!("{kind:<8}"), tone),
        plain(format!("{:<REASON_COLUMNS$}{times} ", event.why.reason)),
        dim(event.why.message.clone()),
    ]
}

/// Makes the lines of an explanation that fit, from one of them on.
pub(super) fn explanation(explained: &Explained, from: usize, columns: usize, rows: usize) -> List {
    let all = explanation_lines(explained, columns);
    let from = from.min(all.len().saturating_sub(rows));
    let count = all.len();
    let lines: Vec<Line> = all.into_iter().skip(from).take(rows).collect();
    List {
        title: vec![span("Explain", Tone::Title)],
        more: more(count - lines.len()),
        cursor: None,
        lines,
    }
}

/// Wraps an explanation: cause, what to do, what shows it, the command.
pub(super) fn explanation_lines(explained: &Explained, columns: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |text: &str, tone: Tone| {
        lines.extend(
            wrap::words(text, columns)
                .into_iter()
                .map(|line| vec![span(line, tone)]),
        );
    };
    add(&explained.cause, Tone::Plain);
    for step in &explained.next {
        add(&format!("-> {step}"), Tone::Accent);
    }
    for said in &explained.evidence {
        add(said, Tone::Dim);
    }
    if let Some(command) = &explained.command {
        add(&format!("$ {command}"), Tone::Strong);
    }
    lines
}

fn more(hidden: usize) -> Line {
    if hidden == 0 {
        Vec::new()
    } else {
        vec![span(format!("+{hidden} more"), Tone::Warning)]
    }
}

/// Writes all that is known of a pod, line by line.
pub(super) fn described(model: &Model, index: CompletionIndex, attempt: &Attempt<'_>, command: &str) -> Vec<String> {
    let plan = model.run().plan();
    let time = |what: &str, at: Option<Timestamp>| {
        format!(
            "{what:<14}{}",
            at.map_or_else(|| "not known".to_owned(), |at| at.to_string())
        )
    };
    let said = |what: &str, words: Option<String>| words.map(|words| format!("{what:<14}{words}"));
    let why = attempt
        .why
        .or(attempt.waiting)
        .map(|why| format!("{}  {}", why.reason, why.message));
    let presence = match (attempt.gone, attempt.terminating) {
        (true, _) => "not on the cluster any more",
        (false, true) => "told to end",
        (false, false) => "on the cluster",
    };
    let mut lines = vec![
        format!("$ {command}"),
        String::new(),
        format!("{:<14}{}", "pod", attempt.pod),
        format!("{:<14}{}", "uid", attempt.uid),
        format!("{:<14}{index}, attempt {}", "index", attempt.number),
        format!("{:<14}{}", "node", attempt.node.map_or("none", |node| node.0.as_str())),
        format!("{:<14}{:?}, {presence}", "phase", attempt.phase),
    ];
    lines.extend(said("exit code", attempt.exit_code.map(|code| code.to_string())));
    lines.extend(said("reason", why));
    lines.extend(said("problem", attempt.problem.map(str::to_owned)));
    lines.extend([
        time("created", attempt.created_at),
        time("scheduled", attempt.scheduled_at),
        time("started", attempt.started_at),
        time("ended", attempt.finished_at),
        format!("{:<14}{}", "image", plan.image),
        format!("{:<14}requests {}, limit {}", "CPU", plan.cpu.request, plan.cpu.limit),
        format!(
            "{:<14}requests {}, limit {}",
            "memory", plan.memory.request, plan.memory.limit
        ),
    ]);
    lines
}
