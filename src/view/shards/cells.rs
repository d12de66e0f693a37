//! The cells: what each shows in each mode. In a cell that stands for several indexes the worst wins; where a filter is set, the worst
//! of those that it means.

use super::Mode;
use super::facts::{Facts, IndexFact, Quantiles, Sieve};
use super::grid::Grid;
use crate::run::state::{IndexState, RunState};
use crate::view::tone::Tone;

/// How many nodes have a letter of their own.
pub(super) const LETTERS: usize = 26;

/// A sign, to be drawn as the theme has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// The glyph of the state that its tone means.
    State,
    /// A shade, from 0 for the lightest to 3.
    Shade(u8),
    /// A letter, a digit or a sign of ASCII.
    Letter(char),
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What it shows.
    pub glyph: Glyph,
    /// What that means.
    pub tone: Tone,
    /// Whether the filter means an index of it.
    pub matches: bool,
}

/// The cells, and how many indexes the filter means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) cells: Vec<Cell>,
    pub(super) matches: u32,
    /// How many indexes had how many attempts: 0 to 9, and more.
    pub(super) by_attempts: [u32; 11],
    /// How many indexes each node has, by its position.
    pub(super) by_node: Vec<u32>,
}

/// Returns how bad a state is, 0 being the worst. Not started is worse than done: a cell is done when all of it is.
pub(super) fn severity(state: IndexState) -> u8 {
    match state {
        IndexState::Disputed => 0,
        IndexState::Failed => 1,
        IndexState::NoResult => 2,
        IndexState::Retrying => 3,
        IndexState::Pending => 4,
        IndexState::Running => 5,
        IndexState::NotStarted => 6,
        IndexState::Finished => 7,
        IndexState::Accepted => 8,
    }
}

/// What the indexes of a cell have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u32,
    matches: bool,
    worst: IndexState,
    attempts: u32,
    took_ms: Option<u32>,
    node: Option<usize>,
    several_nodes: bool,
}

impl Tally {
    fn add(&mut self, state: IndexState, fact: IndexFact, matches: bool) {
        self.count += 1;
        if matches && !self.matches {
            // What was seen so far is not meant; the cell is about what is.
            *self = Self {
                count: self.count,
                matches,
                worst: state,
                ..Self::default()
            };
        } else if matches != self.matches {
            return;
        } else if self.count == 1 || severity(state) < severity(self.worst) {
            self.worst = state;
        }
        self.attempts = self.attempts.max(fact.attempts);
        self.took_ms = self.took_ms.max(fact.took_ms());
        if let Some(node) = fact.node() {
            self.several_nodes |= self.node.is_some_and(|other| other != node);
            self.node = Some(node);
        }
    }

    fn cell(self, mode: Mode, quantiles: Option<Quantiles>, letters: &[char]) -> Cell {
        let letter = |node: usize| Glyph::Letter(letters.get(node).copied().unwrap_or('+'));
        let glyph = match mode {
            Mode::State => None,
            Mode::Duration => self
                .took_ms
                .zip(quantiles)
                .map(|(ms, quantiles)| Glyph::Shade(shade(ms, quantiles))),
            Mode::Node if self.several_nodes => Some(Glyph::Letter('*')),
            Mode::Node => self.node.map(letter),
            Mode::Attempts if self.attempts == 0 => None,
            Mode::Attempts => Some(Glyph::Letter(char::from_digit(self.attempts, 10).unwrap_or('+'))),
        };
        Cell {
            glyph: glyph.unwrap_or(Glyph::State),
            tone: Tone::of(self.worst),
            matches: self.matches,
        }
    }
}

/// Makes the cells of all indexes.
pub(super) fn draw(run: &RunState, grid: &Grid, facts: &Facts<'_>, mode: Mode, sieve: &Sieve<'_>) -> Drawn {
    let mut drawn = Drawn {
        cells: Vec::with_capacity(usize::try_from(grid.cells()).unwrap_or(0)),
        by_node: vec![0; facts.nodes.len()],
        ..Drawn::default()
    };
    let letters = letters(&facts.nodes);
    let (per_cell, detailed) = (grid.per_cell.max(1), facts.is_detailed());
    let mut tally = Tally::default();
    for (index, state) in run.indexes() {
        let fact = facts.of(index);
        let matches = sieve.passes(index, state, fact);
        drawn.matches += u32::from(matches);
        if detailed {
            drawn.count(fact);
        }
        tally.add(state, fact, matches);
        if tally.count == per_cell {
            drawn.cells.push(tally.cell(mode, facts.quantiles, &letters));
            tally = Tally::default();
        }
    }
    if tally.count > 0 {
        drawn.cells.push(tally.cell(mode, facts.quantiles, &letters));
    }
    drawn
}

impl Drawn {
    fn count(&mut self, fact: IndexFact) {
        let attempts = usize::try_from(fact.attempts)
            .unwrap_or(usize::MAX)
            .min(self.by_attempts.len() - 1);
        if let Some(count) = self.by_attempts.get_mut(attempts) {
            *count += 1;
        }
        if let Some(count) = fact.node().and_then(|node| self.by_node.get_mut(node)) {
            *count += 1;
        }
    }
}

/// Gives each node a letter by the order of the names, whatever the order of the nodes; those without one get `+`.
pub(super) fn letters(nodes: &[&str]) -> Vec<char> {
    let mut letters = vec!['+'; nodes.len()];
    for (letter, node) in ('a'..='z').zip(by_name(nodes)) {
        if let Some(slot) = letters.get_mut(node) {
            *slot = letter;
        }
    }
    letters
}

/// Returns the positions of the nodes in the order of their names.
pub(super) fn by_name(nodes: &[&str]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_unstable_by_key(|node| nodes.get(*node));
    order
}

fn shade(ms: u32, quantiles: Quantiles) -> u8 {
    [quantiles.p25, quantiles.p50, quantiles.p75]
        .iter()
        .map(|limit| u8::from(ms > *limit))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_cell_wins_among_what_the_filter_means() {
        use IndexState::{Accepted, Failed, NotStarted, Retrying, Running};
        let worst = |indexes: &[(IndexState, bool)]| {
            let mut tally = Tally::default();
            for (state, matches) in indexes {
                tally.add(*state, IndexFact::default(), *matches);
            }
            (tally.worst, tally.matches)
        };
        assert_eq!(worst(&[(Accepted, true), (NotStarted, true)]), (NotStarted, true));
        assert_eq!(
            worst(&[(NotStarted, true), (Running, true), (Accepted, true)]),
            (Running, true)
        );
        assert_eq!(
            worst(&[(Accepted, true), (Failed, true), (Retrying, true)]),
            (Failed, true)
        );
        assert_eq!(
            worst(&[(Failed, false), (Running, true), (Accepted, true)]),
            (Running, true)
        );
        assert_eq!(worst(&[(Running, true), (Failed, false)]), (Running, true));
        assert_eq!(worst(&[(Accepted, false), (Failed, false)]), (Failed, false));
    }

    #[test]
    fn letters_follow_the_names() {
        assert_eq!(letters(&["node-2", "node-1", "node-3"]), ['b', 'a', 'c']);
        let names: Vec<String> = (0..30).map(|number| format!("n{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let letters = letters(&names);
        assert_eq!((letters[25], letters[LETTERS]), ('z', '+'));
    }
}
