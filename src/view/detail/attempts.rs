//! The attempts at one index on one clock: who tried, how it ended, and where the time went.

use jiff::Timestamp;

use crate::model::Model;
use crate::run::fact::{CompletionIndex, JobFact, Phase};
use crate::run::state::{Attempt, IndexState};
use crate::view::explain::{self, Fate};
use crate::view::tone::{Line, Tone, dim, plain, span};
use crate::view::words;
use crate::view::wrap;

/// The columns before the clock: cursor, number, glyph, word, node, reason, span.
pub const CURSOR_COLUMNS: usize = 2;
/// The columns of an attempt's number.
pub const NUMBER_COLUMNS: usize = 3;
/// The columns of its glyph with a space.
pub const GLYPH_COLUMNS: usize = 3;
/// The columns of its word.
pub const WORD_COLUMNS: usize = 10;
/// The columns of its node.
pub const NODE_COLUMNS: usize = 12;
/// The columns of the time it took.
pub const TOOK_COLUMNS: usize = 12;
/// The columns that are left for reason and clock must be shared; the clock gets at least these.
const CLOCK_COLUMNS_MIN: usize = 10;
const WHY_COLUMNS: (usize, usize) = (14, 26);

/// The rows of what is said about an attempt at most.
const NOTE_ROWS_MAX: usize = 3;

/// The Job controller's first wait before it makes a pod again, and its longest.
const BACK_OFF_S: u64 = 10;
const BACK_OFF_S_MAX: u64 = 600;

/// A stage of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// Created, without a node.
    Unscheduled,
    /// On a node, its container not started.
    Starting,
    /// Its worker computes.
    Working,
}

/// A stage on the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Which stage.
    pub kind: StageKind,
    /// The first column of the clock.
    pub column: u16,
    /// How many columns, at least one.
    pub columns: u16,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its position in the list, newest first.
    pub position: usize,
    /// Its number.
    pub number: u32,
    /// What its state means.
    pub tone: Tone,
    /// Its state.
    pub word: &'static str,
    /// Its node.
    pub node: String,
    /// Exit code and reason.
    pub why: String,
    /// How long it took, or takes so far.
    pub took: String,
    /// Where the time went.
    pub stages: Vec<Stage>,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// The attempts that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// The title.
    pub title: Line,
    /// The columns of the reasons.
    pub why_columns: u16,
    /// The columns of the clock.
    pub clock_columns: u16,
    /// What the clock's length is.
    pub clock: String,
    /// The rows.
    pub rows: Vec<AttemptRow>,
    /// What is said in words about the chosen one; empty without a row for it.
    pub note: Vec<Line>,
}

/// What the attempts are seen by.
pub(super) struct Seen<'a> {
    pub(super) index: CompletionIndex,
    pub(super) attempts: &'a [Attempt<'a>],
    /// The position of the chosen one, first to last.
    pub(super) chosen: Option<usize>,
    pub(super) at: Timestamp,
}

/// Makes the rows that fit, newest first, around the chosen one.
pub(super) fn attempts(model: &Model, seen: &Seen<'_>, columns: usize, rows: usize) -> Attempts {
    let fixed = CURSOR_COLUMNS + NUMBER_COLUMNS + GLYPH_COLUMNS + WORD_COLUMNS + NODE_COLUMNS + TOOK_COLUMNS;
    let shared = columns.saturating_sub(fixed);
    let why_columns = (shared / 3).clamp(WHY_COLUMNS.0, WHY_COLUMNS.1).min(shared);
    let clock_columns = Some(shared - why_columns)
        .filter(|clock| *clock >= CLOCK_COLUMNS_MIN)
        .unwrap_or(0);
    let count = seen.attempts.len();
    let note = if rows < 3 {
        Vec::new()
    } else {
        // Of the rows that no attempt needs.
        let spare = rows.saturating_sub(1 + count).clamp(1, NOTE_ROWS_MAX);
        at_most(wrap::line(&self::note(model, seen), columns), spare)
    };
    let fits = rows.saturating_sub(1 + note.len());
    let chosen = seen.chosen.map(|chosen| count.saturating_sub(1 + chosen));
    let first = chosen.map_or(0, |chosen| chosen.saturating_sub(fits.saturating_sub(1)));
    let clock = Clock::of(seen, model.run().index_state(seen.index), clock_columns);
    let newest_first = seen.attempts.iter().rev().enumerate().skip(first).take(fits);
    let shown: Vec<AttemptRow> = newest_first
        .map(|(position, attempt)| row(attempt, position, chosen == Some(position), &clock))
        .collect();
    let hidden = count - shown.len();
    let mut title = vec![span("Attempts", Tone::Title), plain(format!(" {count}, newest first"))];
    if hidden > 0 {
        title.push(span(format!(" (+{hidden} more)"), Tone::Warning));
    }
    Attempts {
        title,
        why_columns: to_u16(why_columns),
        clock_columns: to_u16(clock_columns),
        clock: words::duration(clock.length_ms),
        rows: shown,
        note,
    }
}

/// Keeps so many lines; the last one holds all of the rest, which is cut where it is drawn, with a sign.
fn at_most(mut lines: Vec<Line>, rows: usize) -> Vec<Line> {
    let rest = lines.split_off(rows.min(lines.len()));
    if let Some(last) = lines.last_mut() {
        last.extend(rest.into_iter().flatten());
    }
    lines
}

/// The clock that all attempts are drawn on.
struct Clock {
    from: Timestamp,
    length_ms: u64,
    columns: u64,
    at: Timestamp,
}

impl Clock {
    /// As long as something is awaited the clock goes on; else it ends with the last attempt.
    fn of(seen: &Seen<'_>, state: IndexState, columns: usize) -> Self {
        let created = seen
            .attempts
            .iter()
            .filter_map(|attempt| attempt.created_at.or(attempt.started_at));
        let from = created.min().unwrap_or(seen.at);
        let goes_on = match state {
            IndexState::Retrying | IndexState::Pending | IndexState::Running => true,
            IndexState::Disputed
            | IndexState::Failed
            | IndexState::NoResult
            | IndexState::Finished
            | IndexState::Accepted
            | IndexState::NotStarted => false,
        };
        let ends = seen
            .attempts
            .iter()
            .filter_map(|attempt| attempt.finished_at.or(attempt.started_at));
        let to = if goes_on { Some(seen.at) } else { ends.max() };
        Self {
            from,
            length_ms: words::since_ms(from, to.unwrap_or(seen.at)).max(1),
            columns: u64::try_from(columns).unwrap_or(0),
            at: seen.at,
        }
    }

    fn column(&self, at: Timestamp) -> u64 {
        let ms = u128::from(words::since_ms(self.from, at).min(self.length_ms));
        let column = (ms * u128::from(self.columns))
            .checked_div(u128::from(self.length_ms))
            .unwrap_or(0);
        u64::try_from(column).unwrap_or(0)
    }

    fn stages(&self, attempt: &Attempt<'_>) -> Vec<Stage> {
        let Some(last_column) = self.columns.checked_sub(1) else {
            return Vec::new();
        };
        let end = end_of(attempt, self.at);
        let bounds = [
            (
                StageKind::Unscheduled,
                attempt.created_at,
                attempt.scheduled_at.or(attempt.started_at),
            ),
            (StageKind::Starting, attempt.scheduled_at, attempt.started_at),
            (StageKind::Working, attempt.started_at, None),
        ];
        let mut stages = Vec::new();
        for (kind, begin, next) in bounds {
            let (Some(begin), Some(until)) = (begin, next.or(end)) else {
                continue;
            };
            let first = self.column(begin).min(last_column);
            let last = self.column(until).max(first + 1);
            stages.push(Stage {
                kind,
                column: u16::try_from(first).unwrap_or(u16::MAX),
                columns: u16::try_from(last - first).unwrap_or(u16::MAX),
            });
            if next.is_none() {
                break;
            }
        }
        stages
    }
}

/// Returns when an attempt ended; now while it is alive. Of a lost one nobody knows: it is drawn to its start.
fn end_of(attempt: &Attempt<'_>, at: Timestamp) -> Option<Timestamp> {
    if explain::fate(attempt) == Fate::Alive {
        return Some(at);
    }
    attempt
        .finished_at
        .or(attempt.started_at)
        .or(attempt.scheduled_at)
        .or(attempt.created_at)
}

fn row(attempt: &Attempt<'_>, position: usize, is_chosen: bool, clock: &Clock) -> AttemptRow {
    let (tone, word) = stand(attempt);
    let begin = attempt.created_at.or(attempt.started_at);
    let is_known = explain::fate(attempt) == Fate::Alive || attempt.finished_at.is_some();
    let took = begin.zip(end_of(attempt, clock.at)).filter(|_| is_known);
    AttemptRow {
        position,
        number: attempt.number,
        tone,
        word,
        node: attempt.node.map_or_else(|| "no node".to_owned(), ToString::to_string),
        why: why(attempt),
        took: took.map_or_else(
            || "?".to_owned(),
            |(begin, end)| words::duration(words::since_ms(begin, end)),
        ),
        stages: clock.stages(attempt),
        is_chosen,
    }
}

/// Returns an attempt's state.
pub(super) fn stand(attempt: &Attempt<'_>) -> (Tone, &'static str) {
    match explain::fate(attempt) {
        Fate::Result => (Tone::Done, "done"),
        Fate::NoResult => (Tone::Failed, "no result"),
        Fate::FromOutside => (Tone::Retrying, "ended"),
        Fate::Failed => (Tone::Failed, "failed"),
        Fate::Alive if attempt.terminating => (Tone::Retrying, "ending"),
        Fate::Alive => match attempt.phase {
            Phase::Running | Phase::Succeeded | Phase::Failed => (Tone::Running, "running"),
            Phase::Unknown => (Tone::Unknown, "lost"),
            Phase::Pending if attempt.node.is_some() => (Tone::Pending, "starting"),
            Phase::Pending => (Tone::Pending, "pending"),
        },
    }
}

/// Writes why an attempt waits or how it ended, in Kubernetes' words.
fn why(attempt: &Attempt<'_>) -> String {
    if explain::fate(attempt) == Fate::Alive {
        return attempt.waiting.map_or_else(String::new, |why| why.reason.clone());
    }
    let code = attempt.exit_code.map(|code| format!("exit {code}"));
    let reason = attempt.why.map(|why| why.reason.clone());
    let reason = reason.filter(|reason| !reason.is_empty() && reason != "Error" && reason != "Completed");
    code.into_iter().chain(reason).collect::<Vec<_>>().join(" ")
}

/// Says where the chosen attempt's time went, and when the next one is made.
fn note(model: &Model, seen: &Seen<'_>) -> Line {
    let Some(attempt) = seen.chosen.and_then(|chosen| seen.attempts.get(chosen)) else {
        return vec![dim("no pod yet")];
    };
    let end = end_of(attempt, seen.at);
    let is_alive = explain::fate(attempt) == Fate::Alive;
    let took = |from: Option<Timestamp>, to: Option<Timestamp>| {
        from.zip(to)
            .map(|(from, to)| words::duration(words::since_ms(from, to)))
    };
    // Kubernetes' times are whole seconds: of its own work the worker knows better.
    let accepted = model.run().accepted_result(seen.index);
    let computed = accepted.filter(|accepted| accepted.pod == attempt.pod);
    let at_work = computed.map(|accepted| words::duration(accepted.elapsed_ms));
    let spans = [
        (took(attempt.created_at, attempt.scheduled_at), "until bound"),
        (
            took(attempt.scheduled_at.or(attempt.created_at), attempt.started_at),
            "to start",
        ),
        (
            at_work.or_else(|| took(attempt.started_at, end)),
            if is_alive { "at work so far" } else { "at work" },
        ),
    ];
    let parts: Vec<String> = spans
        .into_iter()
        .filter_map(|(took, what)| Some(format!("{} {what}", took?)))
        .collect();
    let parts = if parts.is_empty() {
        "known from the ledger alone".to_owned()
    } else {
        parts.join(" · ")
    };
    let mut line = vec![dim(format!("attempt {}: {parts}", attempt.number))];
    if attempt.gone && !attempt.has_result {
        line.push(dim(" · its pod is gone"));
    }
    line.extend(again(model, seen).map(|words| span(format!(" · {words}"), Tone::Retrying)));
    line
}

/// Says when the Job controller makes the next pod: 10 s after a failure, doubling up to 10 min.
pub(super) fn again(model: &Model, seen: &Seen<'_>) -> Option<String> {
    let run = model.run();
    let newest = seen.attempts.last()?;
    let goes_on = run.job().is_some_and(JobFact::goes_on);
    if run.index_state(seen.index) != IndexState::Retrying || !goes_on || explain::fate(newest) == Fate::Alive {
        return None;
    }
    let next = newest.number.saturating_add(1);
    let failures = seen
        .attempts
        .iter()
        .filter(|attempt| explain::fate(attempt) == Fate::Failed)
        .count();
    if explain::fate(newest) != Fate::Failed {
        return Some(format!("attempt {next} follows"));
    }
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(6);
    let wait_ms = BACK_OFF_S.saturating_mul(1 << doublings).min(BACK_OFF_S_MAX) * 1_000;
    let since_ms = words::since_ms(newest.finished_at?, seen.at);
    match wait_ms.checked_sub(since_ms) {
        Some(left_ms) if left_ms >= 1_000 => Some(format!("attempt {next} in about {}", words::age(left_ms))),
        Some(_) | None => Some(format!("attempt {next} is due")),
    }
}

/// Makes a number of columns; more than any terminal has becomes the most.
pub(super) fn to_u16(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
