//! The figures of a run: how fast, how evenly, how well used, and what watching it costs. Pure.

use jiff::Timestamp;

use super::gather::Gathered;
use crate::model::Model;
use crate::model::history::StretchEnd;
use crate::run::fact::CompletionIndex;
use crate::view::tone::{Line, Tone, dim, plain, span, strong};
use crate::view::words;

/// Of how many finished indexes, the latest ones, the durations are told.
const DURATIONS_MAX: usize = 500;
/// How many indexes are looked at for durations when this session saw none end.
const INDEXES_LOOKED_AT: usize = 2_000;
/// How many of the finished must be known before one is called slow.
const DURATIONS_MIN: usize = 4;
/// How many stragglers are named.
const STRAGGLERS_NAMED: usize = 3;
/// Over which time it is told how well the workers were used.
const WINDOW_MS: u64 = 60_000;
/// A worker that takes so little longer is not called slow.
const SLACK_MS: u64 = 1_000;

/// How long indexes take, and which take much longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// Durations of finished indexes in milliseconds, ascending.
    durations_ms: Vec<u64>,
    /// Indexes that have been running for more than twice the 75th percentile, the longest first.
    pub(super) stragglers: Vec<CompletionIndex>,
}

impl Pace {
    /// Measures a run.
    pub(super) fn new(model: &Model, at: Timestamp) -> Self {
        let run = model.run();
        let elapsed = |index| run.accepted_result(index).map(|accepted| accepted.elapsed_ms);
        let stretches = model.history().stretches();
        let done = stretches.filter(|stretch| stretch.end == StretchEnd::Done);
        let seen = done.take(DURATIONS_MAX).filter_map(|stretch| elapsed(stretch.index));
        let mut durations_ms: Vec<u64> = seen.collect();
        if durations_ms.is_empty() {
            let indexes = run.indexes().take(INDEXES_LOOKED_AT);
            durations_ms.extend(indexes.filter_map(|(index, _)| elapsed(index)).take(DURATIONS_MAX));
        }
        durations_ms.sort_unstable();
        let mut pace = Self {
            durations_ms,
            stragglers: Vec::new(),
        };
        if let Some(limit_ms) = pace.slow_ms() {
            let busy = model.history().busy().iter();
            let slow = busy.take_while(|busy| words::since_ms(busy.began_at, at) > limit_ms);
            pace.stragglers = slow.map(|busy| busy.index).collect();
        }
        pace
    }

    /// Tells whether an index is a straggler.
    pub(super) fn is_slow(&self, index: CompletionIndex) -> bool {
        self.stragglers.contains(&index)
    }

    fn slow_ms(&self) -> Option<u64> {
        let is_known = self.durations_ms.len() >= DURATIONS_MIN;
        let p75 = self.percentile(75).filter(|_| is_known)?;
        Some(p75.saturating_mul(2).saturating_add(SLACK_MS))
    }

    fn percentile(&self, percent: usize) -> Option<u64> {
        let position = (self.durations_ms.len() * percent).div_ceil(100).saturating_sub(1);
        self.durations_ms.get(position).copied()
    }
}

/// Writes the figures, what matters most first. The lines that do not fit are the ones at the end.
pub(super) fn lines(model: &Model, pace: &Pace, gathered: &Gathered<'_>, at: Timestamp) -> Vec<Line> {
    let run = model.run();
    let rate = if model.end().is_some() { 0 } else { run.per_second() };
    let span_of = |percent| pace.percentile(percent).map_or("-".to_owned(), words::duration);
    let mut speed = vec![dim("throughput "), strong(words::rate(rate))];
    speed.extend([dim("   p50 "), plain(span_of(50)), dim("   p95 "), plain(span_of(95))]);
    let used = efficiency(model, at).map_or("-".to_owned(), |percent| format!("{percent} %"));
    let started = gathered
        .starts
        .0
        .checked_div(gathered.starts.1)
        .map_or("-".to_owned(), words::duration);
    let lost = run.log_lines_lost();
    let (cost, cost_rate) = (model.cost(), model.cost_rate());
    let lost_tone = if lost == 0 { Tone::Plain } else { Tone::Warning };
    vec![
        speed,
        stragglers(pace),
        vec![
            dim("efficiency "),
            plain(used),
            dim("   pod start "),
            plain(started),
            dim("   log gaps "),
            span(words::grouped(lost), lost_tone),
        ],
        vec![
            dim("API "),
            plain(format!("{} req/min", words::grouped(cost_rate.requests_per_minute))),
            dim(" · "),
            plain(words::count(u64::from(cost.log_streams), "log stream", "log streams")),
            dim(" · "),
            plain(format!("{}/s", words::bytes(cost_rate.bytes_per_second))),
        ],
    ]
}

fn stragglers(pace: &Pace) -> Line {
    let number = pace.stragglers.len();
    let tone = if number == 0 { Tone::Plain } else { Tone::Warning };
    let mut line = vec![
        dim("stragglers "),
        span(words::grouped(u64::try_from(number).unwrap_or(u64::MAX)), tone),
    ];
    if number > 0 {
        let named = pace.stragglers.iter().take(STRAGGLERS_NAMED);
        let named: Vec<String> = named.map(ToString::to_string).collect();
        let more = if number > STRAGGLERS_NAMED { ", …" } else { "" };
        line.push(span(format!(" (index {}{more})", named.join(", ")), Tone::Warning));
    } else if pace.durations_ms.len() < DURATIONS_MIN {
        line.push(dim(" (known once some are done)"));
    } else {
        line.push(dim(" over twice the p75"));
    }
    line
}

/// Returns how many hundredths of the time the workers that may run did compute, over the last minute.
fn efficiency(model: &Model, at: Timestamp) -> Option<u64> {
    let workers = u64::from(model.run().job()?.parallelism);
    let window_ms = words::since_ms(model.started_at(), at).min(WINDOW_MS);
    let begin = at.as_millisecond().saturating_sub(i64::try_from(window_ms).ok()?);
    let inside = |from: Timestamp, to: Timestamp| {
        let ms = to.as_millisecond().saturating_sub(from.as_millisecond().max(begin));
        u64::try_from(ms).unwrap_or(0)
    };
    let history = model.history();
    let over = history
        .stretches()
        .take_while(|stretch| stretch.ended_at.as_millisecond() > begin);
    let over = over.fold(0_u64, |sum, stretch| {
        sum.saturating_add(inside(stretch.began_at, stretch.ended_at))
    });
    let work_ms = history
        .busy()
        .iter()
        .fold(over, |sum, busy| sum.saturating_add(inside(busy.began_at, at)));
    // While the Job is suspended no worker may run.
    let begin = Timestamp::from_millisecond(begin).ok()?;
    let window_ms = window_ms.saturating_sub(history.rest_ms(begin, at));
    (window_ms > 0 && workers > 0 && model.end().is_none())
        .then(|| words::percent(work_ms, workers.saturating_mul(window_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_slow_only_when_enough_are_known() {
        let pace = |durations_ms: Vec<u64>| Pace {
            durations_ms,
            stragglers: Vec::new(),
        };
        assert_eq!(pace(vec![10, 20, 30]).slow_ms(), None);
        assert_eq!(pace(vec![1_000, 2_000, 3_000, 9_000]).slow_ms(), Some(7_000));
        assert_eq!(pace((1..=100).collect()).percentile(95), Some(95));
        assert_eq!(pace(Vec::new()).percentile(50), None);
    }
}
