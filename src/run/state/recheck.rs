//! Shards that are computed again here, to compare with what the workers said.
//!
//! Which ones is drawn from the session's seed, which workers never see, so a worker cannot tell whether it will be
//! checked. The same seed draws the same shards, so a replay repeats them. To those drawn come all of which a rerun set results
//! aside: there a worker was not to be believed before.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::RunState;
use crate::run::fact::CompletionIndex;
use crate::run::intervals::IndexSet;
use crate::run::told::RunEvent;

/// How far a shard's second computation is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recheck {
    /// It waits until the shard is accepted.
    #[default]
    Open,
    /// It was handed out.
    HandedOut,
    /// It is done: the value, or why it could not be computed.
    Done(Result<i128, String>),
}

/// The shards that are to be computed again here.
#[derive(Clone, Debug, Default)]
pub(super) struct Rechecks {
    picked: BTreeMap<CompletionIndex, Recheck>,
    /// Found wrong by an earlier session: another draw must not make their values believed.
    pub(super) suspect: IndexSet,
    /// Picked and accepted, not yet handed out.
    due: Vec<CompletionIndex>,
}

impl RunState {
    /// Draws the shards that are computed again here, as many as the plan says, and adds those of which results were set aside or
    /// found wrong before.
    /// Only the first call draws.
    pub fn pick_verify(&mut self, seed: u64) {
        if !self.rechecks.picked.is_empty() {
            return;
        }
        let shards = self.plan.shards;
        let mut random = SplitMix64(seed);
        // Floyd's sampling: each step adds one index that is not there yet, and every set is equally likely.
        for last in shards.saturating_sub(self.plan.verify)..shards {
            let drawn = CompletionIndex(random.below_or_at(last));
            let index = if self.rechecks.picked.contains_key(&drawn) {
                CompletionIndex(last)
            } else {
                drawn
            };
            self.rechecks.picked.insert(index, Recheck::Open);
        }
        let suspect: Vec<CompletionIndex> = self
            .indexes_set_aside()
            .chain(self.rechecks.suspect.indexes())
            .collect();
        for index in suspect {
            self.rechecks.picked.entry(index).or_default();
        }
        let accepted: Vec<CompletionIndex> = self
            .rechecks
            .picked
            .keys()
            .copied()
            .filter(|index| self.accepted_result(*index).is_some())
            .collect();
        self.rechecks.due.extend(accepted);
    }

    /// Hands out the drawn shards that are accepted by now, each once.
    pub fn recompute_due(&mut self) -> Vec<CompletionIndex> {
        let due = std::mem::take(&mut self.rechecks.due);
        let mut handed_out = Vec::with_capacity(due.len());
        for index in due {
            if let Some(recheck) = self
                .rechecks
                .picked
                .get_mut(&index)
                .filter(|recheck| **recheck == Recheck::Open)
            {
                *recheck = Recheck::HandedOut;
                handed_out.push(index);
            }
        }
        handed_out
    }

    /// Takes in the value of a shard that was computed again here; returns what is new to tell.
    pub fn recomputed(
        &mut self,
        _at: Timestamp,
        index: CompletionIndex,
        result: Result<i128, String>,
    ) -> Vec<RunEvent> {
        let accepted = self.accepted_result(index).map(|accepted| accepted.value);
        let Some(recheck) = self.rechecks.picked.get_mut(&index) else {
            return Vec::new();
        };
        if matches!(recheck, Recheck::Done(_)) {
            return Vec::new();
        }
        let told = match &result {
            Ok(value) => RunEvent::Verified {
                index,
                same: accepted == Some(*value),
                value: *value,
            },
            Err(why) => RunEvent::Trouble {
                what: format!("index {index} could not be computed again here: {why}"),
                hint: None,
            },
        };
        *recheck = Recheck::Done(result);
        vec![told]
    }

    /// Returns the indexes whose accepted value is not the one that was computed again here.
    pub fn doubted(&self) -> IndexSet {
        let differs = |index: CompletionIndex, recheck: &Recheck| match recheck {
            Recheck::Open | Recheck::HandedOut | Recheck::Done(Err(_)) => false,
            Recheck::Done(Ok(here)) => self
                .accepted_result(index)
                .is_some_and(|accepted| accepted.value != *here),
        };
        self.rechecks()
            .filter(|(index, recheck)| differs(*index, recheck))
            .map(|(index, _)| index)
            .collect()
    }

    /// Iterates over the shards that are computed again here, ascending.
    pub fn rechecks(&self) -> impl Iterator<Item = (CompletionIndex, &Recheck)> {
        self.rechecks.picked.iter().map(|(index, recheck)| (*index, recheck))
    }
}

impl Rechecks {
    /// Notes that an index is accepted.
    pub(super) fn accept(&mut self, index: CompletionIndex) {
        if self.picked.get(&index) == Some(&Recheck::Open) {
            self.due.push(index);
        }
    }
}

/// Steele, Lea and Flood's `SplitMix64` (OOPSLA 2014): small, and the same on every machine.
struct SplitMix64(u64);

impl SplitMix64 {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number from 0 to `last`. The bias of 2^-32 at most is of no use to anybody.
    fn below_or_at(&mut self, last: u32) -> u32 {
        let scaled = (u128::from(self.draw()) * (u128::from(last) + 1)) >> 64;
        u32::try_from(scaled).unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, RunId};

    fn picked(shards: u32, verify: u32, seed: u64) -> Vec<u32> {
        let mut state = RunState::new(Plan {
            shards,
            verify,
            ..Plan::new(RunId::generate("primes", 7))
        });
        state.pick_verify(seed);
        state.pick_verify(seed + 1);
        state.rechecks().map(|(index, _)| index.0).collect()
    }

    #[test]
    fn draws_the_same_distinct_shards_from_the_same_seed() {
        for (shards, verify, expected) in [(12, 2, 2), (12, 0, 0), (3, 100, 3), (1, 1, 1), (1_000, 40, 40)] {
            let first = picked(shards, verify, 42);
            assert_eq!(first.len(), expected);
            assert!(first.iter().all(|index| *index < shards));
            assert_eq!(first, picked(shards, verify, 42));
        }
        assert_ne!(picked(1_000, 3, 1), picked(1_000, 3, 2));
    }

    #[test]
    fn mixes_as_published() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(
            [random.draw(), random.draw()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
        );
    }
}
