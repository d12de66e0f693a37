//! The filter of the indexes: `state=failed node=node-2 index=40-80 attempts>1`.
//!
//! Terms of different keys must all hold. Of several values of one key any will do, whether with commas or as terms of their own;
//! comparisons of `attempts` must all hold. Every error names what is valid.

use std::ops::RangeInclusive;

use crate::run::fact::CompletionIndex;
use crate::run::state::IndexState;
use crate::view::able::PROBLEMS;

/// The keys, as an error names them.
const KEYS: &str = "state, node, index and attempts";
/// The states, as an error names them.
const STATES: &str = "done, running, pending, not-started, retrying, failed, disputed, no-result or problem";

/// The states by their words.
const STATE_WORDS: [(&str, &[IndexState]); 9] = [
    ("done", &[IndexState::Accepted, IndexState::Finished]),
    ("running", &[IndexState::Running]),
    ("pending", &[IndexState::Pending]),
    ("not-started", &[IndexState::NotStarted]),
    ("retrying", &[IndexState::Retrying]),
    ("failed", &[IndexState::Failed]),
    ("disputed", &[IndexState::Disputed]),
    ("no-result", &[IndexState::NoResult]),
    ("problem", &PROBLEMS),
];

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    AtLeast,
    AtMost,
    Equal,
    More,
    Less,
}

impl Compare {
    /// The signs; the longer ones first, since the shorter ones begin them.
    const SIGNS: [(&'static str, Self); 5] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("=", Self::Equal),
        (">", Self::More),
        ("<", Self::Less),
    ];

    fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Self::AtLeast => left >= right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::More => left > right,
            Self::Less => left < right,
        }
    }
}

/// Which indexes are meant. An empty one means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    states: Vec<IndexState>,
    nodes: Vec<String>,
    indexes: Vec<RangeInclusive<u32>>,
    attempts: Vec<(Compare, u32)>,
}

impl Filter {
    /// Reads a filter; the error says what is valid.
    pub(super) fn parse(text: &str, shards: u32) -> Result<Self, String> {
        let mut filter = Self::default();
        for term in text.split_whitespace() {
            filter.add(term, shards)?;
        }
        Ok(filter)
    }

    fn add(&mut self, term: &str, shards: u32) -> Result<(), String> {
        let (key, compare, value) = split(term)?;
        if !["state", "node", "index", "attempts"].contains(&key) {
            return Err(format!("there is no key \"{key}\": {KEYS} are known"));
        }
        if key == "attempts" {
            let number = value
                .parse::<u32>()
                .map_err(|_error| "attempts takes a number, such as attempts>1".to_owned())?;
            self.attempts.push((compare, number));
            return Ok(());
        }
        if compare != Compare::Equal {
            return Err(format!("{key} takes =, only attempts takes < and >"));
        }
        for part in value.split(',') {
            match key {
                "state" => self.states.extend_from_slice(states(part)?),
                "index" => self.indexes.push(indexes(part, shards)?),
                _ if part.is_empty() => return Err("node takes the name of a node, such as node=node-2".to_owned()),
                _ => self.nodes.push(part.to_owned()),
            }
        }
        Ok(())
    }

    /// Tells whether every index is meant.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Tells whether more than its state must be known of an index.
    pub(super) fn needs_pods(&self) -> bool {
        !self.nodes.is_empty() || !self.attempts.is_empty()
    }

    /// Tells whether a node is meant; none that is not known.
    pub(super) fn wants_node(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node == name)
    }

    /// Tells whether an index is meant, given whether its node is and how many attempts there were.
    pub(super) fn holds(&self, index: CompletionIndex, state: IndexState, on_wanted_node: bool, attempts: u32) -> bool {
        (self.states.is_empty() || self.states.contains(&state))
            && (self.indexes.is_empty() || self.indexes.iter().any(|range| range.contains(&index.0)))
            && (self.nodes.is_empty() || on_wanted_node)
            && self
                .attempts
                .iter()
                .all(|(compare, number)| compare.holds(attempts, *number))
    }
}

/// Splits a term into key, comparison and value.
fn split(term: &str) -> Result<(&str, Compare, &str), String> {
    let missing = || format!("\"{term}\" is no term: write key=value with the keys {KEYS}");
    let sign_at = term.find(['=', '<', '>']).ok_or_else(missing)?;
    let (key, rest) = term.split_at_checked(sign_at).ok_or_else(missing)?;
    let signed = Compare::SIGNS
        .into_iter()
        .find_map(|(sign, compare)| Some((compare, rest.strip_prefix(sign)?)));
    let (compare, value) = signed.ok_or_else(missing)?;
    Ok((key, compare, value))
}

fn states(word: &str) -> Result<&'static [IndexState], String> {
    let found = STATE_WORDS.iter().find(|(known, _)| *known == word);
    found.map(|(_, states)| *states).ok_or_else(|| match word {
        "" => format!("state takes {STATES}"),
        _ => format!("there is no state \"{word}\": {STATES}"),
    })
}

/// Reads `40` or `40-80`.
fn indexes(text: &str, shards: u32) -> Result<RangeInclusive<u32>, String> {
    let last = shards.saturating_sub(1);
    let wrong = || format!("index takes numbers from 0 to {last}, such as index=7 or index=0-{last}");
    let number = |text: &str| {
        text.parse::<u32>()
            .ok()
            .filter(|number| *number <= last)
            .ok_or_else(wrong)
    };
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (number(text)?, number(text)?),
    };
    if from > to {
        return Err(format!("index={from}-{to} is empty: write the lower number first"));
    }
    Ok(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, index: u32, state: IndexState, node: &str, attempts: u32) -> bool {
        let filter = Filter::parse(text, 100).unwrap();
        filter.holds(CompletionIndex(index), state, filter.wants_node(node), attempts)
    }

    #[test]
    fn terms_of_different_keys_must_all_hold() {
        let text = "state=failed,retrying node=node-2 index=40-80,7 attempts>1";
        assert!(holds(text, 40, IndexState::Failed, "node-2", 2));
        assert!(holds(text, 7, IndexState::Retrying, "node-2", 9));
        assert!(!holds(text, 39, IndexState::Failed, "node-2", 2));
        assert!(!holds(text, 40, IndexState::Running, "node-2", 2));
        assert!(!holds(text, 40, IndexState::Failed, "node-1", 2));
        assert!(!holds(text, 40, IndexState::Failed, "node-2", 1));
        assert!(holds("", 0, IndexState::NotStarted, "", 0));
        assert!(holds("attempts>=2 attempts<=3", 0, IndexState::Running, "", 3));
        assert!(!holds("attempts>=2 attempts<3", 0, IndexState::Running, "", 3));
        assert!(holds("state=problem", 0, IndexState::Disputed, "", 1));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_valid() {
        for (text, part) in [
            ("failed", "state, node, index and attempts"),
            (
                "status=failed",
                "there is no key \"status\": state, node, index and attempts",
            ),
            ("state=fail", "there is no state \"fail\": done, running"),
            ("state=", "state takes done"),
            ("state>failed", "state takes ="),
            ("index=100", "from 0 to 99"),
            ("index=8-7", "lower number first"),
            ("index=é-7", "from 0 to 99"),
            ("attempts>x", "a number"),
            ("node=", "the name of a node"),
            ("é<", "there is no key"),
        ] {
            let error = Filter::parse(text, 100).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
