//! The three rows above every screen of a run: how it stands, how far it is, and how its indexes stand. Pure.

use jiff::Timestamp;

use super::gesture::Screen;
use super::tone::{Line, Tone, dim, plain, span, strong};
use super::words::{self, Piece};
use crate::model::Model;
use crate::model::effect::End;
use crate::run::state::Counts;

/// How many seconds of throughput are shown.
const RATES_SHOWN: usize = 12;
/// From how many columns on every tab has its name.
const COLUMNS_WITH_NAMES: u16 = 112;
/// From how many columns on the tab that is shown has its name.
const COLUMNS_WITH_NAME: u16 = 80;
/// How many columns the words of the counts, the rate and the sum take beside the numbers of the counts.
const COLUMNS_OF_WORDS: usize = 110;
/// A Job that was made so much before the session began was attached to.
const ATTACHED_MS_MIN: u64 = 2_000;

/// The three rows.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The run's name.
    pub run: String,
    /// What its state means.
    pub tone: Tone,
    /// Its state.
    pub state: &'static str,
    /// For how long it has been going on.
    pub clock: String,
    /// When it may end, once that can be known.
    pub eta: Option<String>,
    /// Whether the cluster is heard.
    pub contact: (Tone, String),
    /// The tabs of the screens.
    pub tabs: Vec<Tab>,
    /// Parameters done.
    pub done: u64,
    /// Parameters of the run.
    pub total: u64,
    /// The same in words.
    pub amount: String,
    /// How many indexes are in each state.
    pub counts: Vec<Piece>,
    /// Parameters a second.
    pub rate: String,
    /// Parameters in each of the last seconds.
    pub rates: Vec<u64>,
    /// The value so far, or the total once it is proven.
    pub sum: Line,
}

/// The tab of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// The screen.
    pub screen: Screen,
    /// Its number, perhaps with its name.
    pub text: String,
    /// Whether it is the one that is shown.
    pub is_current: bool,
}

/// Makes the three rows.
pub fn view(model: &Model, screen: Screen, at: Timestamp, columns: u16) -> View {
    let run = model.run();
    let plan = run.plan();
    let (tone, state) = standing(model);
    let (done, total) = (run.done_parameters(), plan.parameters);
    let total_text = words::grouped(total);
    let rates = model.history().rates();
    let skipped = rates.len().saturating_sub(RATES_SHOWN);
    let is_over = model.end().is_some();
    View {
        run: plan.run.to_string(),
        tone,
        state,
        clock: words::clock(elapsed_ms(model, at)),
        eta: eta(model, tone),
        contact: contact(model, at),
        tabs: tabs(screen, columns),
        done,
        total,
        amount: format!(
            "{:>width$} / {total_text} {:>3} %",
            words::grouped(done),
            words::percent(done, total),
            width = total_text.len()
        ),
        counts: counts(run.counts(), plan.shards, columns),
        rate: format!("{:>7}", words::short_rate(if is_over { 0 } else { run.per_second() })),
        rates: rates.skip(skipped).collect(),
        sum: sum(model),
    }
}

/// Returns when the run began, as far as this session can tell.
pub fn began_at(model: &Model) -> Timestamp {
    let started_at = model.started_at();
    let created_at = model.run().job().and_then(|job| job.created_at);
    // Kubernetes' times are whole seconds: of a Job that this session made, its own clock is better.
    created_at
        .filter(|created_at| words::since_ms(*created_at, started_at) >= ATTACHED_MS_MIN)
        .unwrap_or(started_at)
}

/// Returns for how long the run has been going on; once it is over, for how long it was.
pub fn elapsed_ms(model: &Model, at: Timestamp) -> u64 {
    let last_at = model.history().told().next().map(|told| told.at);
    let until = last_at.filter(|_| model.end().is_some()).unwrap_or(at);
    words::since_ms(began_at(model), until)
}

/// Returns how the run stands, in one word.
pub fn standing(model: &Model) -> (Tone, &'static str) {
    if let Some(end) = model.end() {
        return match end {
            End::Proven => (Tone::Done, "PROVEN"),
            End::Failed => (Tone::Failed, "FAILED"),
            End::Unproven => (Tone::Failed, "INCOMPLETE"),
            End::Cancelled => (Tone::Failed, "CANCELLED"),
            End::Refused => (Tone::Failed, "REFUSED"),
            End::Lost => (Tone::Unknown, "LOST"),
            End::Signal(_) | End::Left => (Tone::Unknown, "LEFT"),
        };
    }
    let run = model.run();
    let counts = run.counts();
    let Some(job) = run.job() else {
        return (Tone::Pending, "SUBMITTING");
    };
    if run.is_job_deleted() {
        (Tone::Failed, "DELETED")
    } else if job.condition("Failed").is_some() {
        (Tone::Failed, "FAILED")
    } else if run.is_complete() {
        (Tone::Running, "PROVING")
    } else if job.is_finished() {
        (Tone::Running, "COLLECTING")
    } else if job.suspend && job.cancelled.is_some() {
        (Tone::Failed, "CANCELLED")
    } else if job.suspend {
        (Tone::Pending, "SUSPENDED")
    } else if counts.running > 0 {
        (Tone::Running, "RUNNING")
    } else if counts.retrying > 0 {
        (Tone::Retrying, "RETRYING")
    } else if counts.pending > 0 {
        (Tone::Pending, "PENDING")
    } else {
        (Tone::Pending, "STARTING")
    }
}

fn eta(model: &Model, tone: Tone) -> Option<String> {
    // Without contact, and while nothing runs, nobody knows.
    if tone != Tone::Running || model.lost_since().is_some() {
        return None;
    }
    let run = model.run();
    let remaining = run.plan().parameters.saturating_sub(run.done_parameters());
    words::eta_ms(model.history().rates(), remaining).map(words::clock_range)
}

fn contact(model: &Model, at: Timestamp) -> (Tone, String) {
    if model.end().is_some() {
        return (Tone::Dim, "ended".to_owned());
    }
    match model.lost_since() {
        Some((since, _)) => {
            let age = words::age(words::since_ms(since, at));
            (Tone::Warning, format!("reconnecting, {age} stale"))
        }
        None if model.run().job().is_none() => (Tone::Pending, "connecting".to_owned()),
        None => (Tone::Done, "live".to_owned()),
    }
}

fn tabs(current: Screen, columns: u16) -> Vec<Tab> {
    let numbered = (1_u8..).zip(Screen::ALL);
    let tab = |(number, screen): (u8, Screen)| {
        let is_current = screen == current;
        let named = columns >= COLUMNS_WITH_NAMES || (is_current && columns >= COLUMNS_WITH_NAME);
        let text = if named {
            format!("{number} {}", screen.name())
        } else {
            number.to_string()
        };
        let text = if is_current { format!("[{text}]") } else { text };
        Tab {
            screen,
            text,
            is_current,
        }
    };
    numbered.map(tab).collect()
}

/// Writes how many indexes are in each state; the numbers add up to the shards.
fn counts(counts: Counts, shards: u32, columns: u16) -> Vec<Piece> {
    let width = words::grouped(shards).len();
    let table = [
        (Tone::Done, counts.accepted + counts.finished, " done"),
        (Tone::Running, counts.running, " running"),
        (Tone::Retrying, counts.retrying, " retrying"),
        (Tone::Pending, counts.pending + counts.not_started, " pending"),
        (
            Tone::Failed,
            counts.failed + counts.disputed + counts.no_result,
            " failed",
        ),
    ];
    let has_words = usize::from(columns) >= COLUMNS_OF_WORDS + table.len() * width;
    let mut pieces = vec![dim(" shards").into()];
    for (tone, number, word) in table {
        let number_tone = if number == 0 { Tone::Dim } else { tone };
        pieces.push(plain(" ").into());
        pieces.push(Piece::Glyph(tone));
        pieces.push(span(format!(" {:>width$}", words::grouped(number)), number_tone).into());
        if has_words {
            pieces.push(span(word, number_tone).into());
        }
    }
    pieces
}

/// Writes the value so far. It is called a total only when it is proven.
fn sum(model: &Model) -> Line {
    let run = model.run();
    let plan = run.plan();
    let Some(value) = run.total() else {
        return vec![dim("no result yet")];
    };
    let value = plan
        .kernel()
        .map_or_else(|| words::grouped(value), |kernel| kernel.describe(plan.domain(), value));
    if model.end() == Some(&End::Proven) {
        vec![dim("total "), strong(value), span(" proven", Tone::Done)]
    } else {
        let (accepted, shards) = (words::grouped(run.accepted()), words::grouped(plan.shards));
        vec![
            dim("partial "),
            plain(value),
            dim(format!(" ({accepted} of {shards} proven)")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_shrink_and_mark_the_one_that_is_shown() {
        let texts = |columns| -> String {
            let tabs = tabs(Screen::Live, columns);
            tabs.iter().map(|tab| tab.text.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts(120), "1 New [2 Live] 3 Shards 4 Detail 5 Result");
        assert_eq!(texts(80), "1 [2 Live] 3 4 5");
        assert_eq!(texts(60), "1 [2] 3 4 5");
    }

    #[test]
    fn counts_add_up_and_keep_their_columns() {
        let text = |of: Counts, columns| -> String {
            let pieces = counts(of, 1_000, columns);
            pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Glyph(_) => "*",
                    Piece::Text(span) => span.text.as_ref(),
                })
                .collect()
        };
        let some = Counts {
            accepted: 990,
            disputed: 1,
            not_started: 9,
            ..Counts::default()
        };
        assert_eq!(text(some, 80), " shards *   990 *     0 *     0 *     9 *     1");
        assert_eq!(text(Counts::default(), 200).len(), text(some, 200).len());
        assert!(text(some, 200).contains("1 failed"));
    }
}
