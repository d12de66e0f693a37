//! The three rows above every screen of a run: how it stands, how far it is, and how its indexes stand. Pure.

use jiff::Timestamp;

use super::able::stuck;
use super::gesture::Screen;
use super::tone::{Line, Tone, dim, plain, span, strong};
use super::words::{self, Piece};
use crate::model::Model;
use crate::model::change::ChangeStage;
use crate::model::effect::{End, JobChange};
use crate::run::state::Counts;

/// How many seconds of throughput are shown.
const RATES_SHOWN: usize = 12;
/// From how many columns on every tab has its name.
const COLUMNS_WITH_NAMES: u16 = 112;
/// From how many columns on the tab that is shown has its name.
const COLUMNS_WITH_NAME: u16 = 80;
/// How many columns the words of the counts, the rate and the sum take beside the numbers of the counts.
const COLUMNS_OF_WORDS: usize = 110;
/// The same, with the indexes without a pod beside those whose pod waits.
const COLUMNS_OF_ALL_WORDS: usize = 124;
/// The same, with a word for what waits alone.
const COLUMNS_OF_ONE_WORD: usize = 60;
/// For how long a change is shown after the Job controller has followed.
const CHANGE_SHOWN_MS: u64 = 15_000;
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
    /// How long it may take yet, once that can be known.
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
    /// That pods wait for what will not come by itself. It takes the place of the rate.
    pub warning: Option<Line>,
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
        eta: eta(model, tone, columns),
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
        warning: warning(model),
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
    let done = counts.accepted + counts.finished;
    let has_run = model.history().stretches().next().is_some();
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
    } else if counts.running > 0 || done > 0 {
        (Tone::Running, "RUNNING")
    } else if counts.retrying > 0 {
        (Tone::Retrying, "RETRYING")
    } else if has_run {
        (Tone::Running, "RUNNING")
    } else if counts.pending > 0 {
        (Tone::Pending, "PENDING")
    } else {
        (Tone::Pending, "STARTING")
    }
}

fn eta(model: &Model, tone: Tone, columns: u16) -> Option<String> {
    // Without contact, and while nothing runs, nobody knows.
    if tone != Tone::Running || model.lost_since().is_some() {
        return None;
    }
    let run = model.run();
    let remaining = run.plan().parameters.saturating_sub(run.done_parameters());
    // What was before the Job was suspended or resumed says nothing about now.
    let range = words::eta_ms(model.history().rates_of_now(), remaining).map(words::clock_range)?;
    let about = if columns < COLUMNS_WITH_NAMES { "" } else { "about " };
    Some(format!("{about}{range} left"))
}

/// Says that pods wait for what will not come by itself.
fn warning(model: &Model) -> Option<Line> {
    if model.end().is_some() {
        return None;
    }
    let mut stuck = stuck(model.run()).map(|(_, why)| why.reason.as_str());
    let reason = stuck.next()?;
    let (mut number, mut is_one) = (1_u64, true);
    for other in stuck {
        number += 1;
        is_one &= other == reason;
    }
    let verb = if number == 1 { "waits" } else { "wait" };
    let more = if is_one { "" } else { ", …" };
    Some(vec![
        span(
            format!("{} {verb}: {reason}{more}", words::grouped(number)),
            Tone::Warning,
        ),
        dim(" · e explains"),
    ])
}

/// Tells of the last change of the Job how far it is, with the command of kubectl that does the same; none once that is old.
pub fn last_change(model: &Model, at: Timestamp) -> Option<Line> {
    let now = model.change().filter(|_| model.end().is_none())?;
    let what = match now.change {
        JobChange::Scale(workers) => format!("parallelism → {workers}"),
        JobChange::Suspend => "suspend".to_owned(),
        JobChange::Resume => "resume".to_owned(),
        JobChange::Cancel => "cancel".to_owned(),
        JobChange::Delete => "delete".to_owned(),
    };
    let pods = model.run().job().map_or(0, |job| job.active);
    let (tone, stage) = match &now.stage {
        ChangeStage::Asked => (Tone::Pending, "asked".to_owned()),
        ChangeStage::Accepted(accepted_at) => {
            let ago = words::age(words::since_ms(*accepted_at, at));
            let pods = words::count(u64::from(pods), "active pod", "active pods");
            (Tone::Running, format!("accepted {ago} ago, {pods} now"))
        }
        ChangeStage::Followed(followed_at) => {
            if words::since_ms(*followed_at, at) > CHANGE_SHOWN_MS {
                return None;
            }
            let took = words::duration(words::since_ms(now.asked_at, *followed_at));
            (Tone::Done, format!("done in {took}"))
        }
        ChangeStage::Failed(why) => (Tone::Failed, format!("failed: {why}")),
    };
    Some(vec![
        span(format!(" {what}: "), Tone::Strong),
        span(stage, tone),
        dim(format!("   $ {}", now.twin)),
    ])
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
    let columns = usize::from(columns);
    let has_all_words = columns >= COLUMNS_OF_ALL_WORDS + 6 * width;
    let has_words = columns >= COLUMNS_OF_WORDS + 5 * width;
    // What has a pod that does not run is pending, what has none is not started; both wait.
    let (waiting, waiting_word) = if has_all_words {
        (counts.pending, " pending")
    } else {
        (counts.pending + counts.not_started, " waiting")
    };
    let table = [
        (Tone::Done, counts.accepted + counts.finished, " done"),
        (Tone::Running, counts.running, " running"),
        (Tone::Retrying, counts.retrying, " retrying"),
        (Tone::Pending, waiting, waiting_word),
        (
            Tone::Failed,
            counts.failed + counts.disputed + counts.no_result,
            " failed",
        ),
    ];
    let mut pieces = vec![dim(" shards").into()];
    for (tone, number, word) in table {
        let number_tone = if number == 0 { Tone::Dim } else { tone };
        pieces.push(plain(" ").into());
        pieces.push(Piece::Glyph(tone));
        pieces.push(span(format!(" {:>width$}", words::grouped(number)), number_tone).into());
        let is_waiting = tone == Tone::Pending;
        if has_words || (is_waiting && columns >= COLUMNS_OF_ONE_WORD + 5 * width) {
            pieces.push(span(word, number_tone).into());
        }
        if is_waiting && has_all_words {
            let text = format!(" {:>width$} not started", words::grouped(counts.not_started));
            pieces.push(span(text, if counts.not_started == 0 { Tone::Dim } else { tone }).into());
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
    use crate::model::event::{ApiCost, Event, Outcome, Started, Task};
    use crate::model::intent::Intent;
    use crate::model::update;
    use crate::run::fact::{Delta, PodFact, Reason};
    use crate::run::partial::Kept;
    use crate::run::state::fixtures::{at, done, job, plan, pod};

    #[test]
    fn tabs_shrink_and_mark_the_one_that_is_shown() {
        let texts = |columns| -> String {
            let tabs = tabs(Screen::Live, columns);
            tabs.iter().map(|tab| tab.text.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts(120), "1 New [2 Live] 3 Shards 4 Detail 5 Result 6 Learn");
        assert_eq!(texts(80), "1 [2 Live] 3 4 5 6");
        assert_eq!(texts(60), "1 [2] 3 4 5 6");
    }

    fn text_of(counts_of: Counts, columns: u16) -> String {
        let pieces = counts(counts_of, 1_000, columns);
        let text = pieces.iter().map(|piece| match piece {
            Piece::Glyph(_) => "*",
            Piece::Text(span) => span.text.as_ref(),
        });
        text.collect()
    }

    #[test]
    fn counts_add_up_and_keep_their_columns() {
        let some = Counts {
            accepted: 988,
            disputed: 1,
            pending: 2,
            not_started: 9,
            ..Counts::default()
        };
        assert_eq!(text_of(some, 80), " shards *   988 *     0 *     0 *    11 *     1");
        assert!(text_of(some, 120).contains("*    11 waiting"));
        assert!(text_of(some, 200).contains("*     2 pending     9 not started"));
        assert!(text_of(some, 200).contains("1 failed"));
        assert_eq!(text_of(Counts::default(), 200).len(), text_of(some, 200).len());
    }

    fn submitted() -> Model {
        let started = Started {
            task: Task::Submit,
            plan: plan(3),
            job: None,
            cluster: "local".into(),
            namespace: "lab".into(),
            reach_flags: String::new(),
            outlives: true,
            seed: 1,
            kept: Kept::default(),
        };
        let mut model = Model::new(at(0), started);
        let outcome = Outcome::Submitted {
            job: Box::new(job(3, 1)),
            plan: Box::new(plan(3)),
            remarks: Vec::new(),
        };
        update(&mut model, at(0), Event::Outcome(outcome));
        model
    }

    fn see(model: &mut Model, fact: PodFact) {
        update(model, at(1), Event::Pod(Delta::Applied(Box::new(fact))));
    }

    #[test]
    fn a_run_whose_pods_wait_for_ever_says_so_and_one_that_ran_is_running() {
        let mut model = submitted();
        assert_eq!(standing(&model).1, "STARTING");
        let broken = |index| PodFact {
            waiting: Some(Reason {
                reason: "ErrImagePull".into(),
                message: "not found".into(),
            }),
            ..pod(index, 1, 2)
        };
        see(&mut model, broken(0));
        see(&mut model, broken(1));
        assert_eq!(standing(&model).1, "PENDING");
        let view = view(&model, Screen::Live, at(2), 80);
        assert_eq!(view.warning.unwrap()[0], span("2 wait: ErrImagePull", Tone::Warning));
        see(&mut model, done(3, 2, 0, 3, 5));
        assert_eq!(standing(&model).1, "RUNNING", "one is done");
    }

    #[test]
    fn a_change_is_told_until_a_while_after_it_was_followed() {
        let mut model = submitted();
        assert_eq!(last_change(&model, at(1)), None);
        update(&mut model, at(1), Event::Intent(Intent::Scale(2)));
        let text = |line: Option<Line>| line.map(|line| line.iter().map(|span| &*span.text).collect::<String>());
        let asked = text(last_change(&model, at(60))).unwrap();
        assert!(asked.starts_with(" parallelism → 2: asked   $ kubectl"), "{asked}");
        model.finish(ApiCost::default(), End::Left);
        assert_eq!(last_change(&model, at(2)), None);
    }
}
