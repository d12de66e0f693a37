//! What is around a run: the cluster's nodes, and Kubernetes Events of type Warning. Advisory; nothing here counts.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::RunState;
use super::small::Uid;
use crate::run::fact::{Delta, KubeEventFact, NodeFact, NodeName};
use crate::run::told::{NodeState, RunEvent};

/// How many different Kubernetes Events are told; what is beyond is counted.
const WARNINGS_MAX: usize = 50_000;

/// Warnings about a pod whose words are in the pod's status, too; from there they are told with the index they are about.
const IN_POD_STATUS: [&str; 3] = ["BackOff", "Failed", "FailedScheduling"];

/// The cluster's nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    by_name: BTreeMap<NodeName, Node>,
    /// The number of the last list.
    list: u32,
    listing: bool,
}

/// One node, as last seen.
#[derive(Clone, Debug)]
struct Node {
    fact: NodeFact,
    /// The list that showed it last.
    list: u32,
    gone: bool,
}

/// The Kubernetes Events that were told, with the count at which they were.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings {
    told_counts: HashMap<Uid, u32>,
    untold: u64,
}

impl RunState {
    /// Applies a change of the cluster's nodes; returns what is new to tell.
    pub fn apply_node(&mut self, _at: Timestamp, delta: Delta<Box<NodeFact>>) -> Vec<RunEvent> {
        let mut told = Vec::new();
        match delta {
            Delta::Restarted => {
                self.nodes.listing = true;
                self.nodes.list = self.nodes.list.wrapping_add(1);
            }
            Delta::Listed(fact) => self.nodes.see(*fact, true, &mut told),
            Delta::Applied(fact) => self.nodes.see(*fact, false, &mut told),
            Delta::Removed(fact) => self.nodes.remove(*fact, &mut told),
            Delta::ListDone => self.nodes.end_list(&mut told),
        }
        told
    }

    /// Applies a Kubernetes Event. A warning is told when it is new, and again each time its count has doubled.
    pub fn apply_kube_event(&mut self, _at: Timestamp, fact: &KubeEventFact) -> Vec<RunEvent> {
        let is_in_status = fact.object_kind == "Pod" && IN_POD_STATUS.contains(&fact.why.reason.as_str());
        if !fact.warning || is_in_status {
            return Vec::new();
        }
        let warnings = &mut self.warnings;
        let uid = Uid::new(&fact.uid);
        // An event that was seen once often says 0.
        let count = fact.count.max(1);
        match warnings.told_counts.get(&uid).copied() {
            Some(told) if count < told.saturating_mul(2) => return Vec::new(),
            None if warnings.told_counts.len() >= WARNINGS_MAX => {
                warnings.untold = warnings.untold.saturating_add(1);
                return Vec::new();
            }
            Some(_) | None => {}
        }
        warnings.told_counts.insert(uid, count);
        let object = format!("{} {}", fact.object_kind, fact.object_name);
        vec![RunEvent::Warned {
            object,
            why: fact.why.clone(),
            count,
        }]
    }

    /// Iterates over the nodes that are there, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeFact> {
        self.nodes
            .by_name
            .values()
            .filter(|node| !node.gone)
            .map(|node| &node.fact)
    }

    /// Returns how many warnings were not told, because there were too many different ones.
    pub fn warnings_untold(&self) -> u64 {
        self.warnings.untold
    }
}

impl Nodes {
    fn see(&mut self, fact: NodeFact, in_list: bool, told: &mut Vec<RunEvent>) {
        let list = self.list;
        let Some(node) = self.by_name.get_mut(&fact.name) else {
            self.by_name.insert(
                fact.name.clone(),
                Node {
                    fact,
                    list,
                    gone: false,
                },
            );
            return;
        };
        if in_list {
            node.list = list;
        }
        let newer = fact.revision > node.fact.revision || (node.fact.revision == 0 && fact != node.fact);
        // One list may miss a node that the next one, from another API server, shows unchanged.
        let back = in_list && node.gone && fact.revision == node.fact.revision;
        if newer || back {
            let was = (node.is_ready(), node.fact.cordoned);
            *node = Node {
                fact,
                list,
                gone: false,
            };
            node.tell_changes(was, told);
        }
    }

    fn remove(&mut self, fact: NodeFact, told: &mut Vec<RunEvent>) {
        let (name, revision) = (fact.name.clone(), fact.revision);
        self.see(fact, false, told);
        if let Some(node) = self
            .by_name
            .get_mut(&name)
            .filter(|node| revision >= node.fact.revision)
        {
            node.lose(told);
        }
    }

    fn end_list(&mut self, told: &mut Vec<RunEvent>) {
        if !std::mem::replace(&mut self.listing, false) {
            return;
        }
        let list = self.list;
        for node in self.by_name.values_mut().filter(|node| node.list != list) {
            node.lose(told);
        }
    }
}

impl Node {
    fn is_ready(&self) -> bool {
        !self.gone && self.fact.ready == Some(true)
    }

    fn lose(&mut self, told: &mut Vec<RunEvent>) {
        let was = (self.is_ready(), self.fact.cordoned);
        self.gone = true;
        self.tell_changes(was, told);
    }

    /// Tells what changed since the node was so ready and so cordoned.
    fn tell_changes(&self, (was_ready, was_cordoned): (bool, bool), told: &mut Vec<RunEvent>) {
        let mut tell = |state| {
            told.push(RunEvent::NodeChanged {
                node: self.fact.name.clone(),
                state,
            });
        };
        if self.is_ready() != was_ready {
            tell(if was_ready { NodeState::Lost } else { NodeState::Ready });
        }
        if self.fact.cordoned != was_cordoned {
            tell(if was_cordoned {
                NodeState::Uncordoned
            } else {
                NodeState::Cordoned
            });
        }
    }
}
