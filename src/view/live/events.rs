//! What happened, newest first: the words of the headless run, with a filter and a cursor that stays on its event. Pure.

use jiff::Timestamp;

use crate::model::Model;
use crate::model::history::Told;
use crate::report::Style;
use crate::report::lines::Lines;
use crate::run::told::{NodeState, RunEvent};
use crate::view::head;
use crate::view::tone::Tone;
use crate::view::words;

/// For how long after its begin a session that was attached hears what was before.
const FIRST_LISTS_MS: u64 = 1_000;

/// The events that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// The rows, newest first.
    pub rows: Vec<EventRow>,
    /// How many older ones are remembered and not shown.
    pub older: usize,
    /// How many newer ones are above those that are shown.
    pub newer: usize,
    /// How many were forgotten.
    pub forgotten: u64,
    /// The filter.
    pub filter: String,
    /// Where the cursor of the filter is, while it is typed.
    pub typing: Option<usize>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number, from the first event of the session on.
    pub number: u64,
    /// When, since the start.
    pub clock: String,
    /// What its state means.
    pub tone: Tone,
    /// The words.
    pub text: String,
    /// Whether the cursor is on it.
    pub selected: bool,
}

/// The remembered events that fit a filter, newest first, with their numbers.
pub(super) fn matching<'a>(model: &'a Model, filter: &str) -> Vec<(u64, &'a Told)> {
    let history = model.history();
    let count = u64::try_from(history.told_count()).unwrap_or(u64::MAX);
    let after_last = history.forgotten().saturating_add(count);
    let numbered = history.told().enumerate().map(|(back, told)| {
        (
            after_last.saturating_sub(u64::try_from(back).unwrap_or(u64::MAX).saturating_add(1)),
            told,
        )
    });
    let filter = filter.trim().to_lowercase();
    if filter.is_empty() {
        return numbered.collect();
    }
    let lines = Lines::new(Style::default(), model.run().plan());
    numbered
        .filter(|(_, told)| lines.text(&told.event).to_lowercase().contains(&filter))
        .collect()
}

/// Returns where the cursor is among events: on the one with this number, or else on the newest.
pub(super) fn position(events: &[(u64, &Told)], number: Option<u64>) -> usize {
    number
        .and_then(|number| events.iter().position(|(of, _)| *of <= number))
        .unwrap_or(0)
}

/// Makes the rows of an area of so many rows.
pub(super) fn events(model: &Model, filter: &str, cursor: Option<u64>, rows: usize) -> Events {
    let found = matching(model, filter);
    let selected = position(&found, cursor);
    let newer = (selected + 1).saturating_sub(rows);
    let lines = Lines::new(Style::default(), model.run().plan());
    let began_at = head::began_at(model);
    let clock = |told: &Told| {
        if was_before(model, began_at, told) {
            "before".to_owned()
        } else {
            words::fine_clock(words::since_ms(began_at, told.at))
        }
    };
    let row = |(place, (number, told)): (usize, &(u64, &Told))| EventRow {
        number: *number,
        clock: clock(told),
        tone: tone(&told.event),
        text: lines.text(&told.event),
        selected: place == selected,
    };
    let shown: Vec<EventRow> = found.iter().enumerate().skip(newer).take(rows).map(row).collect();
    Events {
        older: found.len().saturating_sub(newer + shown.len()),
        newer,
        rows: shown,
        forgotten: model.history().forgotten(),
        filter: filter.to_owned(),
        typing: None,
    }
}

/// Tells whether an event happened before the session began, as far as can be known: of a run that goes on already the first lists
/// tell at once what happened nobody knows when.
fn was_before(model: &Model, began_at: Timestamp, told: &Told) -> bool {
    let started_at = model.started_at();
    let is_first = words::since_ms(started_at, told.at) < FIRST_LISTS_MS;
    began_at < started_at && is_first && !matches!(told.event, RunEvent::Attached { .. })
}

/// Returns what the state an event is about means.
fn tone(event: &RunEvent) -> Tone {
    match event {
        RunEvent::WorkerFinished { .. }
        | RunEvent::Accepted { .. }
        | RunEvent::JobComplete
        | RunEvent::Done { .. }
        | RunEvent::Verified { same: true, .. } => Tone::Done,
        RunEvent::Submitted { .. }
        | RunEvent::Attached { .. }
        | RunEvent::WorkerStarted { .. }
        | RunEvent::Progress { .. }
        | RunEvent::Scaled { .. }
        | RunEvent::Resumed
        | RunEvent::ContactBack { .. } => Tone::Running,
        RunEvent::Scheduled { .. }
        | RunEvent::Waiting { .. }
        | RunEvent::Suspended { by: None }
        | RunEvent::AttemptEnded {
            stopped_by: Some(_), ..
        }
        | RunEvent::Leaving { .. } => Tone::Pending,
        RunEvent::SetAside { .. } | RunEvent::AttemptEnded { .. } => Tone::Retrying,
        RunEvent::Disputed { .. }
        | RunEvent::AttemptFailed { .. }
        | RunEvent::IndexFailed { .. }
        | RunEvent::Suspended { by: Some(_) }
        | RunEvent::JobFailed { .. }
        | RunEvent::JobDeleted
        | RunEvent::Verified { same: false, .. }
        | RunEvent::Trouble { .. } => Tone::Failed,
        RunEvent::NoResult { .. } | RunEvent::ContactLost { .. } => Tone::Unknown,
        RunEvent::NodeChanged { state, .. } => match state {
            NodeState::Lost => Tone::Unknown,
            NodeState::Cordoned => Tone::Warning,
            NodeState::Uncordoned | NodeState::Ready => Tone::Running,
        },
        RunEvent::Duplicate { .. }
        | RunEvent::Postponed { .. }
        | RunEvent::Silent { .. }
        | RunEvent::Warned { .. }
        | RunEvent::Forbidden { .. } => Tone::Warning,
    }
}
