//! The pods of a run: which are this run's, what of them is new to tell, and which are gone.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::RunState;
use super::pod::{Attempt, Ending, Pod, Shown};
use super::small::{Link, Mark, Uid, position};
use crate::run::fact::{CompletionIndex, Delta, JobUid, NodeName, Phase, PodFact};
use crate::run::told::RunEvent;

/// How many pods that are not this run's are told apart when they are counted.
const FOREIGN_PODS_MAX: usize = 10_000;

/// Every pod of the run that was seen, and what they share.
#[derive(Clone, Debug, Default)]
pub(super) struct Pods {
    pub(super) records: Vec<Pod>,
    pub(super) by_uid: HashMap<Uid, Link>,
    pub(super) running: BTreeSet<(CompletionIndex, usize)>,
    pub(super) foreign: HashSet<Uid>,
    /// Whether a list of pods was ever complete.
    pub(super) listed: bool,
    /// Whether a list is under way.
    listing: bool,
    /// The number of the last list.
    list: u32,
    nodes: Vec<NodeName>,
    node_links: HashMap<NodeName, Link>,
    job_uids: Vec<JobUid>,
}

impl RunState {
    /// Applies a change of the run's pods; returns what is new to tell.
    pub fn apply_pod(&mut self, _at: Timestamp, delta: Delta<Box<PodFact>>) -> Vec<RunEvent> {
        let mut told = Vec::new();
        match delta {
            Delta::Restarted => self.pods.begin_list(),
            Delta::Listed(fact) => self.see_pod(*fact, Shown::InList, &mut told),
            Delta::Applied(fact) => self.see_pod(*fact, Shown::Changed, &mut told),
            Delta::Removed(fact) => self.see_pod(*fact, Shown::Removed, &mut told),
            Delta::ListDone => self.end_pod_list(&mut told),
        }
        told
    }

    /// Returns the attempts at an index, first to last. Attempts are ordered by creation, then revision, then uid,
    /// since creation times only have whole seconds.
    pub fn attempts(&self, index: CompletionIndex) -> Vec<Attempt<'_>> {
        let mut pods: Vec<&Pod> = self.pods_of(index).collect();
        pods.sort_by_key(|pod| pod.order());
        (1..)
            .zip(pods)
            .map(|(number, pod)| pod.attempt(number, self.pods.node(pod.node)))
            .collect()
    }

    /// Returns how many pods tried an index.
    pub fn attempt_count(&self, index: CompletionIndex) -> u32 {
        u32::try_from(self.pods_of(index).count()).unwrap_or(u32::MAX)
    }

    /// Iterates over the pods of an index, in no order.
    pub(super) fn pods_of(&self, index: CompletionIndex) -> impl Iterator<Item = &Pod> {
        let head = self.record(index).map_or(Link::NONE, |record| record.pods);
        std::iter::successors(self.pod_at(head), move |pod| self.pod_at(pod.next))
    }

    pub(super) fn pod_at(&self, link: Link) -> Option<&Pod> {
        self.pods.records.get(link.position())
    }

    /// Returns the number of an attempt among those of its index, from 1 on.
    pub(super) fn attempt_number(&self, id: usize) -> u32 {
        let Some(pod) = self.pods.records.get(id) else { return 0 };
        let earlier = self
            .pods_of(pod.index)
            .filter(|other| other.order() < pod.order())
            .count();
        u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Adds a pod that was not known.
    pub(super) fn add_pod(&mut self, uid: Uid, name: &str, index: CompletionIndex, job: &JobUid) -> usize {
        let id = self.pods.records.len();
        let link = Link::to(id);
        let job = self.pods.job_link(job);
        let next = match self.indexes.get_mut(position(index.0)) {
            Some(record) => std::mem::replace(&mut record.pods, link),
            None => Link::NONE,
        };
        self.pods.by_uid.insert(uid.clone(), link);
        self.pods.records.push(Pod::new(uid, name, index, job, next));
        id
    }

    /// Folds one fact of one pod.
    fn see_pod(&mut self, mut fact: PodFact, shown: Shown, told: &mut Vec<RunEvent>) {
        let Some(id) = self.own_pod(&fact) else { return };
        let node = fact.node.take().map_or(Link::NONE, |node| self.pods.node_link(node));
        let list = self.pods.list;
        let is_suspended = self.job().is_some_and(|job| job.suspend);
        let Some(pod) = self.pods.records.get_mut(id) else {
            return;
        };
        let index = pod.index;
        let known = pod.knows(&fact);
        if known && shown == Shown::Changed {
            return;
        }
        pod.note_presence(&fact, shown, list);
        if !known {
            pod.fold(&mut fact, node, shown == Shown::Removed);
            if pod.marks.has(Mark::Released) && !pod.is_over() && is_suspended {
                pod.marks.set(Mark::Suspended);
            }
            self.tell_life(id, told);
            if let Some(ended) = fact.ended.filter(|ended| ended.exit_code == 0) {
                self.read_result(id, &ended, told);
            }
        }
        self.settle_pod(id, told);
        self.refresh(index);
    }

    /// Returns the record of a fact's pod; none when the pod is not this run's.
    fn own_pod(&mut self, fact: &PodFact) -> Option<usize> {
        let uid = Uid::new(&fact.uid.0);
        let index = fact
            .index
            .filter(|index| self.record(*index).is_some() && self.jobs.is_watched(&fact.job_uid));
        let known = self.pods.by_uid.get(&uid).copied().map(Link::position);
        let known_index = known.and_then(|id| self.pods.records.get(id)).map(|pod| pod.index);
        match index {
            Some(index) if known.is_none() => Some(self.add_pod(uid, &fact.name, index, &fact.job_uid)),
            // A pod's index never changes: one that claims another is not to be trusted.
            Some(_) if known_index == index => known,
            Some(_) | None => {
                if self.pods.foreign.len() < FOREIGN_PODS_MAX {
                    self.pods.foreign.insert(uid);
                }
                None
            }
        }
    }

    /// Tells what is new of a pod that is not over.
    fn tell_life(&mut self, id: usize, told: &mut Vec<RunEvent>) {
        let attempt = self.attempt_number(id);
        let Pods { records, nodes, .. } = &mut self.pods;
        let Some(pod) = records.get_mut(id).filter(|pod| !pod.is_over()) else {
            return;
        };
        let index = pod.index;
        let node = nodes.get(pod.node.position());
        if let Some(node) = node
            && pod.marks.set(Mark::ToldScheduled)
        {
            told.push(RunEvent::Scheduled {
                index,
                attempt,
                pod: pod.name.to_string(),
                node: node.clone(),
            });
        }
        if pod.phase == Phase::Running {
            if pod.marks.set(Mark::ToldStarted) {
                told.push(RunEvent::WorkerStarted {
                    index,
                    attempt,
                    pod: pod.name.to_string(),
                    node: node.cloned(),
                });
            }
        } else if let Some(why) = pod.waiting_to_tell() {
            told.push(RunEvent::Waiting {
                index,
                attempt,
                pod: pod.name.to_string(),
                why,
            });
        }
    }

    /// Brings what depends on whether a pod runs or is over up to date.
    fn settle_pod(&mut self, id: usize, told: &mut Vec<RunEvent>) {
        let Pods { records, running, .. } = &mut self.pods;
        let Some(pod) = records.get_mut(id) else { return };
        let over = pod.is_over();
        if over || pod.phase != Phase::Running {
            if pod.marks.has(Mark::Running) {
                pod.marks.clear(Mark::Running);
                running.remove(&(pod.index, id));
            }
        } else if pod.marks.set(Mark::Running) {
            running.insert((pod.index, id));
        }
        if over {
            pod.track = None;
            self.tell_end(id, told);
        }
    }

    /// Tells how an attempt without a result ended.
    fn tell_end(&mut self, id: usize, told: &mut Vec<RunEvent>) {
        let Some(record) = self.pods.records.get_mut(id) else {
            return;
        };
        if !record.marks.has(Mark::Seen) || record.marks.has(Mark::Result) || !record.marks.set(Mark::ToldEnd) {
            return;
        }
        let attempt = self.attempt_number(id);
        let Some(record) = self.pods.records.get(id) else {
            return;
        };
        let (index, pod, node) = (
            record.index,
            record.name.to_string(),
            self.pods.node(record.node).cloned(),
        );
        told.push(match record.ending() {
            Ending::Failed { exit_code, why } => RunEvent::AttemptFailed {
                index,
                attempt,
                pod,
                node,
                exit_code,
                why,
                next: self.next_of(record, attempt),
            },
            Ending::FromOutside(why) => RunEvent::AttemptEnded {
                index,
                attempt,
                pod,
                node,
                why,
                stopped_by: self.stop_of(record),
                next: self.next_of(record, attempt),
            },
            Ending::NoResult(problem) => RunEvent::NoResult {
                index,
                attempt,
                pod,
                problem,
            },
        });
    }

    /// Ends a list: what it did not show is gone.
    fn end_pod_list(&mut self, told: &mut Vec<RunEvent>) {
        if !std::mem::replace(&mut self.pods.listing, false) {
            return;
        }
        let list = self.pods.list;
        let records = self.pods.records.iter().enumerate();
        let absent: Vec<(usize, CompletionIndex)> = records
            .filter(|(_, pod)| pod.list != list && pod.marks.has(Mark::Seen) && !pod.is_gone())
            .map(|(id, pod)| (id, pod.index))
            .collect();
        for (id, index) in absent {
            if let Some(pod) = self.pods.records.get_mut(id) {
                pod.marks.set(Mark::Absent);
            }
            self.settle_pod(id, told);
            self.refresh(index);
        }
        if !std::mem::replace(&mut self.pods.listed, true) {
            self.refresh_all();
        }
    }
}

impl Pods {
    /// Iterates over the pods that run, ordered by index.
    pub(super) fn running(&self) -> impl Iterator<Item = &Pod> {
        self.running.iter().filter_map(move |(_, id)| self.records.get(*id))
    }

    /// Returns the name of a node.
    pub(super) fn node(&self, link: Link) -> Option<&NodeName> {
        self.nodes.get(link.position())
    }

    /// Returns the uid of a Job.
    pub(super) fn job(&self, link: Link) -> Option<&JobUid> {
        self.job_uids.get(link.position())
    }

    /// Keeps each node's name once, whatever the number of its pods.
    pub(super) fn node_link(&mut self, node: NodeName) -> Link {
        let next = Link::to(self.nodes.len());
        let link = *self.node_links.entry(node.clone()).or_insert(next);
        if link == next {
            self.nodes.push(node);
        }
        link
    }

    fn job_link(&mut self, uid: &JobUid) -> Link {
        let known = self.job_uids.iter().position(|known| known == uid);
        Link::to(known.unwrap_or_else(|| {
            self.job_uids.push(uid.clone());
            self.job_uids.len() - 1
        }))
    }

    fn begin_list(&mut self) {
        self.listing = true;
        self.list = self.list.wrapping_add(1);
    }
}
