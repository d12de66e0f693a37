//! Every pod of a run by where it is, in one pass: counts of each node, and the pods that matter most there. Pure.
//!
//! What matters most comes first: failed, then tried again, then running (for the longest time first), then waiting, then stopped,
//! then done (the latest first). Of the failed pods of an index only the last one counts, and only as long as the index has no better state.

use std::collections::{BinaryHeap, HashMap};

use jiff::Timestamp;

use crate::model::Model;
use crate::run::fact::{NodeFact, NodeName};
use crate::run::state::{IndexState, PodNow, Stand};
use crate::view::tone::Tone;
use crate::view::words;

/// Which pods are kept beside the counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep<'k> {
    /// How many of each group.
    pub(super) rows: usize,
    /// The group of which all are kept: the name of its node, or nothing for pods without one.
    pub(super) whole: Option<&'k Home>,
}

/// Where pods are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// On this node.
    Node(String),
    /// On none yet.
    Unplaced,
}

impl Home {
    /// Returns where pods of this node are.
    pub(super) fn of(node: Option<&NodeName>) -> Self {
        node.map_or(Self::Unplaced, |node| Self::Node(node.0.clone()))
    }

    fn is(&self, node: Option<&NodeName>) -> bool {
        match (self, node) {
            (Self::Node(name), Some(node)) => *name == node.0,
            (Self::Unplaced, None) => true,
            (Self::Node(_), None) | (Self::Unplaced, Some(_)) => false,
        }
    }
}

/// The pods of one node, or those without one.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The node.
    pub(super) node: Option<&'a NodeName>,
    /// What the cluster says of the node.
    pub(super) fact: Option<&'a NodeFact>,
    /// How many pods stand how.
    pub(super) tally: Tally,
    ranked: BinaryHeap<Ranked<'a>>,
    limit: usize,
}

/// How many pods of a group stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Their workers compute.
    pub(super) running: u32,
    /// They do not run yet.
    pub(super) waiting: u32,
    /// The Job controller itself stopped them, and their indexes wait for their next pods.
    pub(super) stopped: u32,
    /// They are tried again, or are such an attempt.
    pub(super) retrying: u32,
    /// They gave a result.
    pub(super) done: u32,
    /// Their index has failed for good.
    pub(super) failed: u32,
    /// Parameters that the running ones have done.
    pub(super) done_parameters: u64,
    /// Parameters of their shards.
    pub(super) total_parameters: u64,
    /// Parameters a second.
    pub(super) per_second: u64,
}

impl Tally {
    /// Returns how many pods there are.
    pub(super) fn pods(&self) -> usize {
        let pods = self.running + self.waiting + self.stopped + self.retrying + self.done + self.failed;
        usize::try_from(pods).unwrap_or(usize::MAX)
    }
}

/// One pod, and how much it matters: the least first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranked<'a> {
    class: u8,
    key: i64,
    /// What its state means.
    pub(super) tone: Tone,
    /// The pod.
    pub(super) pod: PodNow<'a>,
}

impl Ranked<'_> {
    /// Tells whether its work is done.
    pub(super) fn is_done(&self) -> bool {
        self.class == DONE
    }

    fn order(&self) -> (u8, i64, u32, &str) {
        (self.class, self.key, self.pod.index.0, self.pod.pod)
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Ranked<'_> {}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl<'a> Group<'a> {
    fn new(node: Option<&'a NodeName>, fact: Option<&'a NodeFact>, keep: &Keep<'_>) -> Self {
        let is_whole = keep.whole.is_some_and(|home| home.is(node));
        Self {
            node,
            fact,
            tally: Tally::default(),
            ranked: BinaryHeap::new(),
            limit: if is_whole { usize::MAX } else { keep.rows },
        }
    }

    /// Returns where its pods are.
    pub(super) fn home(&self) -> Home {
        Home::of(self.node)
    }

    /// Tells whether its pods are there.
    pub(super) fn is_at(&self, home: &Home) -> bool {
        home.is(self.node)
    }

    /// Tells whether its node does not report.
    pub(super) fn is_lost(&self) -> bool {
        self.fact.is_some_and(|fact| fact.ready != Some(true))
    }

    /// Tells whether no new pods are bound to its node.
    pub(super) fn is_cordoned(&self) -> bool {
        self.fact.is_some_and(|fact| fact.cordoned)
    }

    /// Returns what its worst state means.
    pub(super) fn tone(&self) -> Tone {
        let tally = self.tally;
        if tally.failed > 0 {
            Tone::Failed
        } else if self.is_lost() {
            Tone::Unknown
        } else if tally.retrying > 0 {
            Tone::Retrying
        } else if tally.waiting + tally.stopped > 0 {
            Tone::Pending
        } else if tally.running > 0 {
            Tone::Running
        } else if tally.done > 0 {
            Tone::Done
        } else {
            Tone::Dim
        }
    }

    /// Returns how bad it is, the worst first.
    fn severity(&self) -> u8 {
        let tally = self.tally;
        let table = [
            tally.failed > 0,
            self.is_lost(),
            tally.retrying > 0,
            self.node.is_none(),
            tally.waiting + tally.stopped > 0,
            self.is_cordoned(),
            tally.running > 0,
        ];
        table.iter().fold(0, |severity, holds| severity * 2 + u8::from(!holds))
    }

    /// Returns the kept pods, what matters most first.
    pub(super) fn pods(&self) -> Vec<Ranked<'a>> {
        self.ranked.clone().into_sorted_vec()
    }

    fn add(&mut self, ranked: Ranked<'a>) {
        let tally = &mut self.tally;
        let counter = match ranked.class {
            FAILED => &mut tally.failed,
            RETRYING => &mut tally.retrying,
            RUNNING => &mut tally.running,
            WAITING => &mut tally.waiting,
            STOPPED => &mut tally.stopped,
            _ => &mut tally.done,
        };
        *counter += 1;
        if let Some(progress) = ranked.pod.progress.filter(|_| ranked.class == RUNNING) {
            tally.done_parameters = tally.done_parameters.saturating_add(progress.done);
            tally.total_parameters = tally.total_parameters.saturating_add(progress.total);
            tally.per_second = tally.per_second.saturating_add(progress.per_second);
        }
        if self.ranked.len() < self.limit {
            self.ranked.push(ranked);
        } else if let Some(mut least) = self.ranked.peek_mut()
            && ranked < *least
        {
            *least = ranked;
        }
    }
}

const FAILED: u8 = 0;
const RETRYING: u8 = 1;
const RUNNING: u8 = 2;
const WAITING: u8 = 3;
const STOPPED: u8 = 4;
const DONE: u8 = 5;

/// All pods of a run.
#[derive(Clone, Debug)]
pub(super) struct Gathered<'a> {
    /// The nodes by name, and then the pods without one, if any.
    pub(super) groups: Vec<Group<'a>>,
    /// The time from a pod's creation to its worker's start, added up, and of how many pods.
    pub(super) starts: (u64, u64),
    /// How many groups at the beginning are nodes by name.
    nodes: usize,
    /// Positions of groups by the address of the node's name: the run keeps each name once.
    by_address: HashMap<usize, usize>,
}

impl<'a> Gathered<'a> {
    /// Gathers the pods.
    pub(super) fn new(model: &'a Model, keep: &Keep<'_>) -> Self {
        let run = model.run();
        let groups = run.nodes().map(|fact| Group::new(Some(&fact.name), Some(fact), keep));
        let groups: Vec<Group<'a>> = groups.collect();
        let mut gathered = Self {
            nodes: groups.len(),
            groups,
            starts: (0, 0),
            by_address: HashMap::new(),
        };
        let mut troubles: Vec<(usize, Ranked<'a>)> = Vec::new();
        for pod in run.pods_now() {
            if let (Some(created_at), Some(started_at)) = (pod.created_at, pod.started_at) {
                gathered.starts.0 += words::since_ms(created_at, started_at);
                gathered.starts.1 += 1;
            }
            let Some(ranked) = rank(pod, run.index_state(pod.index)) else {
                continue;
            };
            let position = gathered.position(pod.node, keep);
            if pod.stand == Stand::Failed {
                troubles.push((position, ranked));
            } else {
                gathered.add(position, ranked);
            }
        }
        // Stable: of each index the attempt that was seen last stays last.
        troubles.sort_by_key(|(_, ranked)| ranked.pod.index);
        for same in troubles.chunk_by(|(_, one), (_, other)| one.pod.index == other.pod.index) {
            if let Some((position, ranked)) = same.last() {
                gathered.add(*position, *ranked);
            }
        }
        gathered.order();
        gathered
    }

    fn add(&mut self, position: usize, ranked: Ranked<'a>) {
        if let Some(group) = self.groups.get_mut(position) {
            group.add(ranked);
        }
    }

    fn position(&mut self, node: Option<&'a NodeName>, keep: &Keep<'_>) -> usize {
        let address = node.map_or(0, |node| std::ptr::from_ref(node).addr());
        if let Some(position) = self.by_address.get(&address) {
            return *position;
        }
        let (nodes, others) = self.groups.split_at(self.nodes.min(self.groups.len()));
        let known = nodes.binary_search_by(|group| group.node.cmp(&node)).ok();
        let other = || others.iter().position(|group| group.node == node);
        let known = known.or_else(|| other().map(|position| position + nodes.len()));
        let position = known.unwrap_or_else(|| {
            self.groups.push(Group::new(node, None, keep));
            self.groups.len() - 1
        });
        self.by_address.insert(address, position);
        position
    }

    /// Orders the groups: a few by name, so that nothing jumps; many with the worst first.
    fn order(&mut self) {
        let few = self.groups.len() <= super::GROUPS_OPEN_MAX;
        self.groups.sort_by_cached_key(|group| {
            let severity = if few { 0 } else { group.severity() };
            let name = group.node.map_or("", |node| node.0.as_str());
            (severity, group.node.is_none(), words::natural(name), name)
        });
    }
}

/// Tells how much a pod matters; none for one that does not any more.
fn rank(pod: PodNow<'_>, state: IndexState) -> Option<Ranked<'_>> {
    let ms = |time: Option<Timestamp>| time.map_or(i64::MAX, Timestamp::as_millisecond);
    let latest_first = ms(pod.finished_at).saturating_neg();
    let (class, key, tone) = match (pod.stand, Tone::of(state)) {
        (Stand::Running, _) => (RUNNING, ms(pod.started_at), Tone::Running),
        (Stand::Done | Stand::Failed, Tone::Failed) => (FAILED, latest_first, Tone::Failed),
        (Stand::Done, _) => (DONE, latest_first, Tone::Done),
        (Stand::Failed, Tone::Retrying) => (RETRYING, latest_first, Tone::Retrying),
        // Only what the Job controller itself stopped leaves its index as if not begun.
        (Stand::Failed, Tone::Pending) if state == IndexState::NotStarted => (STOPPED, latest_first, Tone::Pending),
        (Stand::Failed, _) => return None,
        (Stand::Waiting, Tone::Retrying) => (RETRYING, ms(pod.created_at), Tone::Retrying),
        (Stand::Waiting, _) => (WAITING, ms(pod.created_at), Tone::Pending),
    };
    Some(Ranked { class, key, tone, pod })
}
