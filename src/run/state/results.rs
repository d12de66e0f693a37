//! Results: what a termination message must say to count, one partial an index, disputes, and the ledger.
//!
//! A result is valid when it is whole, and of this Job, index, range and kernel. Of the distinct values of an index
//! one is the partial, and two are a dispute; which pod came first makes no difference. Results that a rerun set aside are none.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ttg_worker::protocol::ResultMessage;

use super::pod::Pod;
use super::small::{Link, Slim, Uid, position};
use super::{IndexState, RunState};
use crate::run::fact::{CompletionIndex, Ended, JobUid, NodeName};
use crate::run::partial::{Kept, Partial};
use crate::run::told::{DisputedValue, RunEvent};

/// How much hostile text is repeated to people.
const PRINTABLE_CHARS_MAX: usize = 200;

/// A valid result of one index from one pod.
#[derive(Clone, Debug)]
pub(super) struct Found {
    value: i128,
    start: u64,
    end: u64,
    processed: u64,
    elapsed_ms: u64,
    throttled_ms: Slim,
    pod: Link,
    /// The next result of the same index.
    next: Link,
}

/// How many distinct values an index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    None,
    One,
    Several,
}

/// What a result is to its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    /// This pod gave this value before.
    Known,
    /// The first value.
    First,
    /// A value that another pod gave, too.
    Equal,
    /// A value that differs from another one.
    Different,
    /// A value that does not count, as a rerun set the results of its Job aside.
    SetAside,
}

/// The result of an accepted index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// The completion index.
    pub index: CompletionIndex,
    /// The first parameter.
    pub start: u64,
    /// The parameter after the last.
    pub end: u64,
    /// How many parameters were computed.
    pub processed: u64,
    /// The value.
    pub value: i128,
    /// How long the worker computed, in milliseconds.
    pub elapsed_ms: u64,
    /// For how long the CPU limit held it back, in milliseconds, where that is known.
    pub throttled_ms: Option<u64>,
    /// The name of the pod that gave it; of several the first attempt.
    pub pod: &'a str,
    /// The Job of that pod.
    pub job_uid: &'a JobUid,
    /// The node that computed it.
    pub node: Option<&'a NodeName>,
    /// When its container ended, where that is known.
    pub finished_at: Option<Timestamp>,
}

impl RunState {
    /// Takes over what the ledger holds. Returns how many of these partials do not fit the plan; they are left out.
    pub fn restore(&mut self, kept: Kept) -> usize {
        for set_aside in kept.set_aside {
            self.set_aside(set_aside);
        }
        self.rechecks.suspect = kept.doubted;
        let mut left_out = 0;
        for partial in kept.partials {
            let fits = self
                .check_range((partial.index, partial.start, partial.end), partial.processed)
                .is_ok();
            if !(fits && self.restore_one(partial)) {
                left_out += 1;
            }
        }
        left_out
    }

    /// Hands out the partials that are to be kept: each distinct value of an index once. Disputed ones are kept, too:
    /// they are the evidence.
    pub fn take_unkept(&mut self) -> Vec<Partial> {
        let unkept = std::mem::take(&mut self.unkept);
        unkept.into_iter().filter_map(|id| self.partial(id)).collect()
    }

    /// Marks partials as being in the ledger; returns what is new to tell.
    pub fn kept(&mut self, _at: Timestamp, partials: &[Partial]) -> Vec<RunEvent> {
        let mut told = Vec::new();
        for Partial { index, value, .. } in partials {
            if self.index_state(*index) != IndexState::Finished
                || self.counted_result(*index).is_none_or(|found| found.value != *value)
            {
                continue;
            }
            if let Some(record) = self.indexes.get_mut(position(index.0)) {
                record.kept = true;
            }
            self.refresh(*index);
            told.push(RunEvent::Accepted {
                index: *index,
                accepted: self.counts.accepted,
                shards: self.plan.shards,
            });
        }
        told
    }

    /// Returns the result of an index if it is accepted.
    pub fn accepted_result(&self, index: CompletionIndex) -> Option<Accepted<'_>> {
        let found = self
            .counted_result(index)
            .filter(|_| self.index_state(index) == IndexState::Accepted)?;
        let pod = self.pod_at(found.pod)?;
        Some(Accepted {
            index,
            start: found.start,
            end: found.end,
            processed: found.processed,
            value: found.value,
            elapsed_ms: found.elapsed_ms,
            throttled_ms: found.throttled_ms.ms(),
            pod: &pod.name,
            job_uid: self.pods.job(pod.job)?,
            node: self.pods.node(pod.node),
            finished_at: pod.finished.timestamp(),
        })
    }

    /// Returns how long the worker of an accepted index computed, without all else that its result says.
    pub fn elapsed_ms(&self, index: CompletionIndex) -> Option<u64> {
        let is_accepted = self.index_state(index) == IndexState::Accepted;
        is_accepted
            .then(|| self.counted_result(index))
            .flatten()
            .map(|found| found.elapsed_ms)
    }

    /// Iterates over the results of all accepted indexes, ascending.
    pub fn accepted_results(&self) -> impl Iterator<Item = Accepted<'_>> {
        self.indexes().filter_map(move |(index, _)| self.accepted_result(index))
    }

    /// Returns the distinct values of an index, ascending, each with the pods that gave it.
    pub fn values(&self, index: CompletionIndex) -> Vec<DisputedValue> {
        self.distinct(self.results_of(index))
    }

    /// Returns the distinct values among results, ascending, each with the pods that gave it.
    pub(super) fn distinct<'a>(&self, results: impl Iterator<Item = &'a Found>) -> Vec<DisputedValue> {
        let mut pods_by_value: BTreeMap<i128, Vec<String>> = BTreeMap::new();
        for found in results {
            let pod = self
                .pod_at(found.pod)
                .map_or_else(String::new, |pod| pod.name.to_string());
            pods_by_value.entry(found.value).or_default().push(pod);
        }
        let sorted = |mut pods: Vec<String>| {
            pods.sort_unstable();
            pods
        };
        pods_by_value
            .into_iter()
            .map(|(value, pods)| DisputedValue {
                value,
                pods: sorted(pods),
            })
            .collect()
    }

    /// Iterates over the results of an index that count, in no order.
    pub(super) fn results_of(&self, index: CompletionIndex) -> impl Iterator<Item = &Found> {
        self.every_result_of(index)
            .filter(move |found| self.does_count(index, found))
    }

    /// Iterates over the results of an index, in no order.
    pub(super) fn every_result_of(&self, index: CompletionIndex) -> impl Iterator<Item = &Found> {
        let head = self.record(index).map_or(Link::NONE, |record| record.results);
        std::iter::successors(self.result_at(head), move |found| self.result_at(found.next))
    }

    fn result_at(&self, link: Link) -> Option<&Found> {
        self.results.get(link.position())
    }

    /// Tells how many distinct values an index has.
    pub(super) fn values_of(&self, index: CompletionIndex) -> Values {
        let mut results = self.results_of(index);
        match results.next() {
            None => Values::None,
            Some(first) if results.all(|found| found.value == first.value) => Values::One,
            Some(_) => Values::Several,
        }
    }

    /// Returns the result that stands for an index: the first attempt's, so that the order of facts makes no
    /// difference.
    pub(super) fn counted_result(&self, index: CompletionIndex) -> Option<&Found> {
        let mut results = self.results_of(index);
        let first = results.next()?;
        // Nearly every index has one result; then nothing has to be compared.
        let order = |found: &&Found| self.pod_at(found.pod).map(Pod::order);
        Some(results.fold(
            first,
            |best, found| if order(&found) < order(&best) { found } else { best },
        ))
    }

    /// Reads the termination message of a worker that ended with exit code 0.
    pub(super) fn read_result(&mut self, id: usize, ended: &Ended, told: &mut Vec<RunEvent>) {
        let checked = self
            .pods
            .records
            .get(id)
            .map(|pod| self.check_result(pod, &ended.message));
        match checked {
            Some(Ok(message)) => self.tell_result(id, &message, told),
            Some(Err(problem)) => {
                if let Some(pod) = self.pods.records.get_mut(id) {
                    pod.note_problem(problem);
                }
            }
            None => {}
        }
    }

    /// Checks that a termination message is a result of this Job, pod and plan.
    fn check_result(&self, pod: &Pod, text: &str) -> Result<ResultMessage, String> {
        let message = ResultMessage::parse(text).map_err(|error| printable(&error.to_string()))?;
        if self.pods.job(pod.job).is_none_or(|job| job.0 != message.job_uid) {
            return Err("its result is for another Job".to_owned());
        }
        if message.index != pod.index {
            return Err(format!("its result is for index {}, not {}", message.index, pod.index));
        }
        if message.kernel != self.plan.kernel {
            return Err(format!("its result is of another kernel than {}", self.plan.kernel));
        }
        self.check_range((message.index, message.start, message.end), message.processed)?;
        Ok(message)
    }

    /// Checks that a range is the whole shard of its index, and that all of it was computed.
    fn check_range(&self, (index, start, end): (CompletionIndex, u64, u64), processed: u64) -> Result<(), String> {
        let shard = self
            .plan
            .shard(index)
            .ok_or_else(|| format!("there is no index {index} in this run"))?;
        if (start, end) != (shard.start, shard.end) {
            let (expected_start, expected_end) = (shard.start, shard.end);
            return Err(format!(
                "its result is for parameters {start} to below {end}, not {expected_start} to below {expected_end}"
            ));
        }
        let len = self.shard_len(index);
        if processed != len {
            return Err(format!(
                "its result says {processed} parameters were computed, not {len}"
            ));
        }
        Ok(())
    }

    /// Takes in a valid result and tells what it means.
    fn tell_result(&mut self, id: usize, message: &ResultMessage, told: &mut Vec<RunEvent>) {
        let index = message.index;
        let added = self.add_result(
            index,
            Found {
                value: message.value,
                start: message.start,
                end: message.end,
                processed: message.processed,
                elapsed_ms: message.elapsed_ms,
                throttled_ms: Slim::of_ms(message.throttled_ms),
                pod: Link::to(id),
                next: Link::NONE,
            },
        );
        if added == Added::SetAside
            && let Some(pod) = self.pods.records.get_mut(id)
        {
            pod.note_result();
        }
        if matches!(added, Added::Known | Added::SetAside) {
            return;
        }
        let attempt = self.attempt_number(id);
        let Some(pod) = self.pods.records.get_mut(id) else {
            return;
        };
        pod.note_result();
        let (name, node) = (pod.name.to_string(), pod.node);
        told.push(RunEvent::WorkerFinished {
            index,
            attempt,
            pod: name.clone(),
            node: self.pods.node(node).cloned(),
            processed: message.processed,
            value: message.value,
            elapsed_ms: message.elapsed_ms,
        });
        match added {
            Added::Known | Added::SetAside => {}
            Added::First => self.unkept.push(self.results.len() - 1),
            Added::Equal => told.push(RunEvent::Duplicate { index, pod: name }),
            Added::Different => {
                self.unkept.push(self.results.len() - 1);
                told.push(RunEvent::Disputed {
                    index,
                    values: self.values(index),
                });
            }
        }
    }

    /// Restores one partial; tells whether it could be: a pod of another index cannot have computed it.
    fn restore_one(&mut self, partial: Partial) -> bool {
        let uid = Uid::new(&partial.pod_uid.0);
        let known = self.pods.by_uid.get(&uid).copied().map(Link::position);
        let known_index = known.and_then(|id| self.pods.records.get(id)).map(|pod| pod.index);
        if known_index.is_some_and(|index| index != partial.index) {
            return false;
        }
        let id = known.unwrap_or_else(|| {
            let id = self.add_pod(uid, &partial.pod, partial.index, &partial.job_uid);
            let node = partial.node.map_or(Link::NONE, |node| self.pods.node_link(node));
            if let Some(pod) = self.pods.records.get_mut(id) {
                pod.note_kept(node);
            }
            id
        });
        let found = Found {
            value: partial.value,
            start: partial.start,
            end: partial.end,
            processed: partial.processed,
            elapsed_ms: partial.elapsed_ms,
            throttled_ms: Slim::of_ms(partial.throttled_ms),
            pod: Link::to(id),
            next: Link::NONE,
        };
        let counts = self.does_count(partial.index, &found);
        self.add_result(partial.index, found);
        if let Some(pod) = self.pods.records.get_mut(id) {
            pod.note_result();
        }
        if let Some(record) = self.indexes.get_mut(position(partial.index.0)) {
            record.kept |= counts;
        }
        self.refresh(partial.index);
        true
    }

    /// Adds a result to its index, unless its pod gave the same value before.
    fn add_result(&mut self, index: CompletionIndex, mut found: Found) -> Added {
        let counts = self.does_count(index, &found);
        let mut added = if counts { Added::First } else { Added::SetAside };
        for other in self.every_result_of(index) {
            if other.value == found.value && other.pod == found.pod {
                return Added::Known;
            }
            if !counts || !self.does_count(index, other) {
                continue;
            }
            if other.value == found.value {
                added = Added::Equal;
            } else if added == Added::First {
                added = Added::Different;
            }
        }
        if added == Added::Equal {
            self.duplicates = self.duplicates.saturating_add(1);
        }
        let link = Link::to(self.results.len());
        if let Some(record) = self.indexes.get_mut(position(index.0)) {
            found.next = std::mem::replace(&mut record.results, link);
            self.results.push(found);
        }
        added
    }

    fn partial(&self, id: usize) -> Option<Partial> {
        let found = self.results.get(id)?;
        let pod = self.pod_at(found.pod)?;
        Some(Partial {
            index: pod.index,
            start: found.start,
            end: found.end,
            processed: found.processed,
            value: found.value,
            elapsed_ms: found.elapsed_ms,
            throttled_ms: found.throttled_ms.ms(),
            job_uid: self.pods.job(pod.job).cloned().unwrap_or_default(),
            pod_uid: pod.pod_uid(),
            pod: pod.name.to_string(),
            node: self.pods.node(pod.node).cloned(),
        })
    }
}

impl Found {
    /// Returns the value.
    pub(super) fn value(&self) -> i128 {
        self.value
    }

    /// Returns the pod that gave it.
    pub(super) fn pod(&self) -> Link {
        self.pod
    }
}

/// Makes hostile text safe to show: plain ASCII of a limited length.
pub(super) fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.chars().take(PRINTABLE_CHARS_MAX).map(safe).collect()
}
