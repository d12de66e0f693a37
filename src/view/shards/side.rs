//! The panel beside the cells: how the durations spread, or how many indexes each node has.

use ttg_worker::protocol::number::Grouped;

use super::cells::{self, Drawn, Glyph};
use super::facts::{Facts, Quantiles, STRAGGLERS_NAMED_MAX};
use super::under::time;
use crate::view::tone::{Line, Tone, dim, plain, span, strong};

/// How many bars a histogram has at most.
const BARS_MAX: u32 = 16;
/// How many rows below the bars of a histogram are for figures.
const FIGURE_ROWS: usize = 5;
/// How many rows below the bars of the nodes are for words.
const NODE_ROWS: usize = 4;

/// A bar with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The sign that stands for it in the cells.
    pub glyph: Option<Glyph>,
    /// What it counts.
    pub label: String,
    /// How many there are.
    pub count: u64,
}

/// The panel beside the cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The title.
    pub title: Line,
    /// The title at the right.
    pub note: Line,
    /// The bars; the highest is as long as there is room.
    pub bars: Vec<Bar>,
    /// What is told below.
    pub lines: Vec<Line>,
}

/// Makes the panel of the durations.
pub(super) fn durations(facts: &Facts<'_>, rows: u16) -> Side {
    let finished = Grouped(u64::try_from(facts.finished_ms.len()).unwrap_or(u64::MAX));
    let room = usize::from(rows).saturating_sub(FIGURE_ROWS);
    let (count, worst) = facts.stragglers();
    let bars = facts
        .quantiles
        .map(|quantiles| histogram(&facts.finished_ms, quantiles, room));
    let mut lines = Vec::with_capacity(FIGURE_ROWS);
    if let Some(quantiles) = facts.quantiles {
        lines.push(vec![
            dim("p50 "),
            strong(time(quantiles.p50)),
            dim("   p95 "),
            strong(time(quantiles.p95)),
        ]);
    } else {
        lines.push(vec![dim("no index has a duration yet")]);
    }
    if let Some((ms, index)) = facts.slowest {
        lines.push(vec![
            dim("slowest "),
            plain(format!("index {}, {}", Grouped(index.0), time(ms))),
        ]);
    }
    let tone = if count == 0 { Tone::Plain } else { Tone::Warning };
    let count_words = Grouped(u64::try_from(count).unwrap_or(u64::MAX)).to_string();
    let mut stragglers = vec![dim("stragglers "), span(count_words, tone)];
    if count > 0 {
        let named: Vec<String> = worst.iter().map(|(_, index)| Grouped(index.0).to_string()).collect();
        let more = if count > STRAGGLERS_NAMED_MAX { " …" } else { "" };
        stragglers.push(plain(format!(": {}{more}", named.join("  "))));
    }
    lines.push(stragglers);
    if facts.every > 1 {
        lines.push(vec![dim(format!("a sample: 1 of {} indexes", Grouped(facts.every)))]);
    }
    Side {
        title: vec![span("Durations", Tone::Title)],
        note: vec![dim(format!("{finished} finished"))],
        bars: bars.unwrap_or_default(),
        lines,
    }
}

/// Counts durations in bars of one width, which is 1, 2 or 5 with noughts. Few very slow ones must not press all others into one
/// bar, so the last one takes whatever is far out.
fn histogram(finished_ms: &[u32], quantiles: Quantiles, room: usize) -> Vec<Bar> {
    let low = finished_ms.iter().copied().min().unwrap_or(0);
    let high = finished_ms.iter().copied().max().unwrap_or(0);
    let top = high.min(quantiles.p75.saturating_mul(3)).max(low);
    let bars_max = u32::try_from(room).unwrap_or(BARS_MAX).clamp(1, BARS_MAX);
    let mut widths = (0..9).flat_map(|power| [1, 2, 5].map(|first| first * 10_u32.pow(power)));
    let bars_of = |width: u32| (top - low / width * width) / width + 1;
    let width = widths.find(|width| bars_of(*width) <= bars_max).unwrap_or(u32::MAX);
    let (start, bars) = (low / width * width, bars_of(width));
    let mut counts = vec![0_u64; usize::try_from(bars).unwrap_or(1)];
    for ms in finished_ms {
        let bar = usize::try_from(((ms - start) / width).min(bars - 1)).unwrap_or(0);
        if let Some(count) = counts.get_mut(bar) {
            *count += 1;
        }
    }
    let is_open = (high - start) / width >= bars;
    let labelled = (0..bars).zip(counts).map(|(bar, count)| {
        let from = mark(start.saturating_add(bar.saturating_mul(width)), width);
        let label = if is_open && bar + 1 == bars {
            format!("from {from}")
        } else {
            from
        };
        Bar {
            glyph: None,
            label,
            count,
        }
    });
    labelled.collect()
}

/// Writes where a bar begins, with as many decimals as its width needs.
fn mark(ms: u32, width: u32) -> String {
    let seconds = ms / 1_000;
    match width {
        0..10 => format!("{seconds}.{:03} s", ms % 1_000),
        10..100 => format!("{seconds}.{:02} s", ms / 10 % 100),
        100..1_000 => format!("{seconds}.{} s", ms / 100 % 10),
        1_000.. => format!("{} s", Grouped(seconds)),
    }
}

/// Makes the panel of the nodes, with their letters.
pub(super) fn nodes(facts: &Facts<'_>, drawn: &Drawn, shards: u32, rows: u16) -> Side {
    let count_of = |node: &usize| drawn.by_node.get(*node).copied().unwrap_or(0);
    let order = cells::by_name(&facts.nodes);
    let letters = cells::letters(&facts.nodes);
    let room = usize::from(rows).saturating_sub(NODE_ROWS);
    let bars = order.iter().take(room).map(|node| Bar {
        glyph: letters.get(*node).copied().map(Glyph::Letter),
        label: facts.nodes.get(*node).copied().unwrap_or_default().to_owned(),
        count: u64::from(count_of(node)),
    });
    let hidden: u32 = order.iter().skip(room).map(count_of).sum();
    let placed: u32 = order.iter().map(count_of).sum();
    let mut lines = Vec::new();
    if order.len() > room {
        let more = Grouped(u64::try_from(order.len() - room).unwrap_or(u64::MAX));
        lines.push(vec![dim(format!(
            "+{more} more nodes with {} indexes",
            Grouped(hidden)
        ))]);
    }
    lines.push(vec![dim(format!(
        "on no node: {}",
        Grouped(shards.saturating_sub(placed))
    ))]);
    if order.len() > cells::LETTERS {
        lines.push(vec![dim("+ a node without a letter   * several")]);
    } else {
        lines.push(vec![dim("* several nodes in one cell")]);
    }
    Side {
        title: vec![span("Nodes", Tone::Title)],
        note: vec![dim("indexes")],
        bars: bars.collect(),
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(values: &[u32], room: usize) -> Vec<(String, u64)> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let p75 = sorted[(sorted.len() * 3).div_ceil(4) - 1];
        let quantiles = Quantiles {
            p25: 0,
            p50: 0,
            p75,
            p95: 0,
        };
        let bars = histogram(values, quantiles, room);
        bars.into_iter().map(|bar| (bar.label, bar.count)).collect()
    }

    #[test]
    fn bars_have_round_edges_and_count_everything() {
        let row = |label: &str, count| (label.to_owned(), count);
        assert_eq!(bars(&[2_000; 9], 8), [row("2.000 s", 9)]);
        assert_eq!(
            bars(&[1_940, 2_010, 2_020, 2_190], 4),
            [row("1.9 s", 1), row("2.0 s", 2), row("2.1 s", 1)]
        );
        let far_out = bars(&[1_000, 1_100, 1_200, 1_300, 60_000], 5);
        assert_eq!(far_out.last(), Some(&row("from 3 s", 1)), "{far_out:?}");
        for room in 0..40 {
            let all = bars(&[0, 7, 90_000, 3_600_000, u32::MAX], room);
            assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 5, "{room}");
            assert!(all.len() <= room.max(1));
        }
    }
}
