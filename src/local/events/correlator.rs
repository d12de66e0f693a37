//! Which of a component's Events are worth an object of their own: upstream's `EventCorrelator` (client-go, `events_cache.go`). Pure.
//!
//! It does three things in this order: many Events about one object that differ in their words alone become one ("combined from
//! similar events"), an Event that was there before is counted up, and an object that has had too many gets no more for a while.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Involved, Told};
use crate::local::object::Key;

/// The spam filter: this many Events at once for each object and type …
const BURST: f64 = 25.0;
/// … and one more in so many seconds.
const REFILL_SECONDS: f64 = 300.0;
/// From so many different words on, Events about one object for one reason are combined …
const SIMILAR_MIN: usize = 10;
/// … unless none came for so long.
const SIMILAR_WITHIN: SignedDuration = SignedDuration::from_secs(600);
/// How many different Events are remembered; then the memory begins anew, where upstream forgets the oldest alone.
const REMEMBERED_MAX: usize = 4096;

/// What tells things apart: their hash. Of the few thousand that are remembered two are taken for one less than once in 10¹² times,
/// and a kubelet of hundreds of pods remembers them in a fraction of what their texts take.
type Mark = u64;

/// What makes two Events the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sameness {
    /// The object and what kind of thing is told of it: `Warning` or not, and the reason.
    topic: Mark,
    /// The part of the object and the words; none for the combined Event of a topic.
    words: Option<Mark>,
}

impl Sameness {
    /// Tells whether this is the Event that stands for many similar ones.
    pub(super) fn is_combined(&self) -> bool {
        self.words.is_none()
    }
}

/// An Event that was told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Observed {
    /// How often, with this time.
    pub(super) count: u64,
    /// When for the first time.
    pub(super) first_at: Timestamp,
    /// The object that was stored for it, if any was.
    pub(super) stored: Option<Arc<Key>>,
}

/// What is remembered of the Events of one component.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    /// By topic: the different words, and when the last came.
    similar: HashMap<Mark, (Vec<Mark>, Timestamp)>,
    observed: HashMap<Sameness, Observed>,
    /// By object and type: how many more Events it may have, and when that was.
    allowance: HashMap<Mark, (f64, Timestamp)>,
}

impl Correlator {
    /// Takes notice of an Event; none when it is to be dropped.
    pub(super) fn observe(&mut self, about: &Involved, told: &Told, now: Timestamp) -> Option<(Sameness, Observed)> {
        let same = self.combine(about, told, now);
        forget_if_full(&mut self.observed);
        let observed = self.observed.entry(same).or_insert(Observed {
            count: 0,
            first_at: now,
            stored: None,
        });
        observed.count += 1;
        let observed = observed.clone();
        self.allow(about, told.warning, now).then_some((same, observed))
    }

    /// Remembers the object that was stored for an Event.
    pub(super) fn stored(&mut self, same: &Sameness, key: Arc<Key>) {
        if let Some(observed) = self.observed.get_mut(same) {
            observed.stored = Some(key);
        }
    }

    fn combine(&mut self, about: &Involved, told: &Told, now: Timestamp) -> Sameness {
        let topic = mark(&(&about.key, &about.uid, told.warning, told.reason));
        forget_if_full(&mut self.similar);
        let (different, last_at) = self.similar.entry(topic).or_insert_with(|| (Vec::new(), now));
        if now.duration_since(*last_at) > SIMILAR_WITHIN {
            different.clear();
        }
        *last_at = now;
        let message = mark(&told.message);
        if !different.contains(&message) {
            different.push(message);
        }
        let words = if different.len() < SIMILAR_MIN {
            Some(mark(&(&about.field_path, &told.message)))
        } else {
            different.pop();
            None
        };
        Sameness { topic, words }
    }

    fn allow(&mut self, about: &Involved, warning: bool, now: Timestamp) -> bool {
        forget_if_full(&mut self.allowance);
        let of = mark(&(&about.key, &about.uid, warning));
        let (left, since) = self.allowance.entry(of).or_insert((BURST, now));
        let elapsed_s = now.duration_since(*since).as_secs_f64().max(0.0);
        *left = (*left + elapsed_s / REFILL_SECONDS).min(BURST);
        *since = now;
        let allowed = *left >= 1.0;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }
}

fn mark(thing: &impl Hash) -> Mark {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

fn forget_if_full<K, V>(memory: &mut HashMap<K, V>) {
    if memory.len() >= REMEMBERED_MAX {
        memory.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::kinds::Kind;

    fn about(name: &str) -> Involved {
        Involved {
            key: Key::new(Kind::Job, "lab", name),
            uid: name.to_owned(),
            revision: 1,
            field_path: String::new(),
        }
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[test]
    fn one_object_gets_a_burst_and_then_one_event_in_five_minutes() {
        let mut memory = Correlator::default();
        let mut allowed = |name: &str, at_s: i64| {
            memory
                .observe(&about(name), &Told::normal("R", "m"), later(at_s))
                .is_some()
        };
        assert_eq!((0..100).filter(|_| allowed("job", 0)).count(), 25);
        assert!(allowed("pod", 0), "another object has an allowance of its own");
        assert!(allowed("job", 301));
        assert!(!allowed("job", 301));
    }

    #[test]
    fn the_same_words_are_counted_and_many_different_ones_are_combined() {
        let mut memory = Correlator::default();
        let mut told = |words: &str, at_s: i64| {
            let told = Told::normal("SuccessfulCreate", words);
            let (same, observed) = memory.observe(&about("job"), &told, later(at_s)).unwrap();
            (same.is_combined(), observed.count)
        };
        assert_eq!(told("0", 0), (false, 1));
        assert_eq!(told("0", 0), (false, 2));
        for number in 1..9 {
            assert_eq!(told(&number.to_string(), 0), (false, 1));
        }
        assert_eq!(
            [told("9", 0), told("10", 0), told("11", 0)],
            [(true, 1), (true, 2), (true, 3)]
        );
        assert_eq!(told("12", 601), (false, 1), "after ten quiet minutes it begins anew");
    }
}
