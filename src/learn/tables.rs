//! The tables of lessons: how long so many workers take, and where shards begin.

use serde::Deserialize;
use ttg_worker::protocol::number::Grouped;
use ttg_worker::shard::{CompletionIndex, Domain};

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// How long 1, 3, 100 and 1000 workers take.
    Time,
    /// Where the first shards and the last one begin and end.
    Split,
}

/// What a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    /// The parameters.
    pub domain: Domain,
    /// How many shards.
    pub shards: u32,
    /// How many parameters one worker computes in a second, if that was measured.
    pub per_worker: Option<u64>,
}

/// How many workers the table of times has.
const WORKERS: [u64; 4] = [1, 3, 100, 1_000];
/// The parameters that a worker of the example computes in a second, at a millisecond each.
const PER_SECOND: u64 = 1_000;
/// How many of the first shards are shown.
const FIRST: u32 = 6;

impl Of {
    /// Returns what the tables of a page are about: ten million parameters in twelve shards.
    pub fn example() -> Self {
        Self {
            domain: Domain {
                first: 0,
                total: 10_000_000,
            },
            shards: 12,
            per_worker: None,
        }
    }
}

/// Makes a table: the heads of its columns, and its rows.
pub fn rows(table: Table, of: &Of) -> Vec<Vec<String>> {
    match table {
        Table::Time => times(of),
        Table::Split => split(of),
    }
}

fn times(of: &Of) -> Vec<Vec<String>> {
    let mut heads = vec!["workers".to_owned(), "at 1 ms each".to_owned()];
    heads.extend(of.per_worker.map(|rate| format!("here, at {}/s each", Grouped(rate))));
    let total = of.domain.total;
    let rows = WORKERS.map(|workers| {
        let at = |rate: u64| time(total.saturating_mul(1_000) / rate.saturating_mul(workers).max(1));
        let mut row = vec![Grouped(workers).to_string(), at(PER_SECOND)];
        row.extend(of.per_worker.map(at));
        row
    });
    [heads].into_iter().chain(rows).collect()
}

fn split(of: &Of) -> Vec<Vec<String>> {
    let heads = ["index", "start", "end", "parameters"].map(str::to_owned).to_vec();
    let last = of.shards.saturating_sub(1);
    let row = |index: u32| {
        let shard = of.domain.shard(of.shards, CompletionIndex(index))?;
        Some(vec![
            index.to_string(),
            Grouped(shard.start).to_string(),
            Grouped(shard.end).to_string(),
            Grouped(shard.len()).to_string(),
        ])
    };
    let mut rows = vec![heads];
    rows.extend((0..of.shards.min(FIRST)).filter_map(row));
    if of.shards > FIRST + 1 {
        rows.push(vec!["…".to_owned(); 4]);
    }
    if of.shards > FIRST {
        rows.extend(row(last));
    }
    rows
}

/// Writes a span of time as people say it, in its largest unit.
fn time(ms: u64) -> String {
    let tenths = |unit_ms: u64| {
        let tenths = (ms + unit_ms / 20) / (unit_ms / 10);
        if tenths.is_multiple_of(10) || tenths >= 200 {
            (tenths / 10).to_string()
        } else {
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    };
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{} seconds", tenths(1_000)),
        60_000..3_600_000 => format!("{} minutes", tenths(60_000)),
        3_600_000.. => format!("{} hours", tenths(3_600_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_workers_need_ten_seconds() {
        let rows = rows(Table::Time, &Of::example());
        let told: Vec<&str> = rows.iter().skip(1).map(|row| row[1].as_str()).collect();
        assert_eq!(told, ["2.8 hours", "55 minutes", "1.7 minutes", "10 seconds"]);
    }

    #[test]
    fn what_does_not_divide_goes_to_the_first() {
        let rows = rows(Table::Split, &Of::example());
        assert_eq!(rows.len(), 9);
        assert_eq!(rows[4], ["3", "2,500,002", "3,333,336", "833,334"]);
        assert_eq!(rows[8], ["11", "9,166,667", "10,000,000", "833,333"]);
    }
}
