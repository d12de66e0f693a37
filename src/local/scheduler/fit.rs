//! Whether a pod fits a node, and which node is best. Pure.
//!
//! Filters and their words are upstream's: unschedulable, taints, node selector, resources, hard spread. Scores are two of
//! upstream's: the least requested node, and an even spread over nodes. Not done, and ignored in a pod: affinity, priorities
//! and preemption, ports, volumes, other topologies than `kubernetes.io/hostname`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::local::quantity;

/// What a pod asks of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Needs {
    /// Requested CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Requested memory in bytes.
    pub memory_bytes: u64,
    /// Labels that the node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pod tolerates.
    pub tolerations: Vec<Toleration>,
    /// Even spread over nodes, hard or soft.
    pub spread: Vec<Spread>,
}

/// A toleration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Toleration {
    key: Option<String>,
    operator: Option<String>,
    value: Option<String>,
    effect: Option<String>,
}

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Taint {
    key: String,
    value: String,
    effect: String,
}

/// A topology spread constraint over `kubernetes.io/hostname`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Spread {
    /// The pods that are spread, in one namespace.
    pub selector: SpreadSelector,
    /// How uneven it may be.
    pub max_skew: u64,
    /// Whether a node that would break it is ruled out.
    pub is_hard: bool,
}

/// Which pods a spread constraint counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SpreadSelector {
    /// Their namespace.
    pub namespace: String,
    /// Labels that they have.
    pub labels: BTreeMap<String, String>,
}

impl SpreadSelector {
    /// Tells whether it counts a pod.
    pub fn counts(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.namespace == namespace && self.labels.iter().all(|(k, v)| labels.get(k) == Some(v))
    }
}

/// A node, as the scheduler sees it.
#[derive(Clone, Debug, Default)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Whether its condition Ready holds.
    pub ready: bool,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Allocatable CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Allocatable memory in bytes.
    pub memory_bytes: u64,
    /// How many pods it takes.
    pub pods: u64,
    /// What its pods request.
    pub used: Used,
}

/// What the pods of a node request, and how many pods of each spread selector there are.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Pods.
    pub pods: u64,
    /// Pods by spread selector.
    pub matching: BTreeMap<SpreadSelector, u64>,
}

/// Chooses the best node, or says why none fits, in upstream's words.
pub fn choose<'n>(needs: &Needs, nodes: &'n [NodeView]) -> Result<&'n NodeView, String> {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<(i64, &NodeView)> = None;
    for node in nodes {
        let against = objections(needs, node, nodes);
        if against.is_empty() {
            let score = score(needs, node, nodes);
            if best.is_none_or(|(high, _)| score > high) {
                best = Some((score, node));
            }
        }
        for reason in against {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    if let Some((_, node)) = best {
        return Ok(node);
    }
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".into());
    }
    let mut words: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    words.sort();
    let helpless = reasons
        .keys()
        .any(|r| !r.starts_with("Insufficient") && r != "Too many pods");
    let preemption = if helpless {
        "Preemption is not helpful for scheduling"
    } else {
        "No preemption victims found for incoming pod"
    };
    let all = nodes.len();
    Err(format!(
        "0/{all} nodes are available: {}. preemption: 0/{all} nodes are available: {all} {preemption}.",
        words.join(", ")
    ))
}

fn objections(needs: &Needs, node: &NodeView, nodes: &[NodeView]) -> Vec<String> {
    if node.unschedulable {
        return vec!["node(s) were unschedulable".into()];
    }
    if !node.ready {
        return vec!["node(s) had untolerated taint {node.kubernetes.io/not-ready: }".into()];
    }
    let untolerated = node
        .taints
        .iter()
        .find(|t| t.effect != "PreferNoSchedule" && !needs.tolerations.iter().any(|o| o.tolerates(t)));
    if let Some(taint) = untolerated {
        return vec![format!(
            "node(s) had untolerated taint {{{}: {}}}",
            taint.key, taint.value
        )];
    }
    if needs.node_selector.iter().any(|(k, v)| node.labels.get(k) != Some(v)) {
        return vec!["node(s) didn't match Pod's node affinity/selector".into()];
    }
    let mut reasons = Vec::new();
    if node.used.pods + 1 > node.pods {
        reasons.push("Too many pods".to_owned());
    }
    if node.used.cpu_milli + needs.cpu_milli > node.cpu_milli {
        reasons.push("Insufficient cpu".to_owned());
    }
    if node.used.memory_bytes + needs.memory_bytes > node.memory_bytes {
        reasons.push("Insufficient memory".to_owned());
    }
    if reasons.is_empty()
        && needs
            .spread
            .iter()
            .any(|s| s.is_hard && skew(s, node, nodes) > s.max_skew)
    {
        reasons.push("node(s) didn't match pod topology spread constraints".to_owned());
    }
    reasons
}

impl Toleration {
    fn tolerates(&self, taint: &Taint) -> bool {
        let same = |own: &Option<String>, other: &str| own.as_deref().is_none_or(|o| o.is_empty() || o == other);
        let exists = self.operator.as_deref() == Some("Exists");
        same(&self.effect, &taint.effect)
            && same(&self.key, &taint.key)
            && (exists || (self.key.is_some() && self.value.as_deref().unwrap_or_default() == taint.value))
    }
}

/// How uneven the spread would be with one more pod on this node.
fn skew(spread: &Spread, node: &NodeView, nodes: &[NodeView]) -> u64 {
    let on = |n: &NodeView| n.used.matching.get(&spread.selector).copied().unwrap_or(0);
    let least = nodes.iter().map(on).min().unwrap_or(0);
    (on(node) + 1).saturating_sub(least)
}

fn score(needs: &Needs, node: &NodeView, nodes: &[NodeView]) -> i64 {
    let free_percent = |used: u64, more: u64, all: u64| {
        let free = all.saturating_sub(used + more);
        i64::try_from(u128::from(free) * 100 / u128::from(all.max(1))).unwrap_or(0)
    };
    let cpu = free_percent(node.used.cpu_milli, needs.cpu_milli, node.cpu_milli);
    let memory = free_percent(node.used.memory_bytes, needs.memory_bytes, node.memory_bytes);
    let uneven: u64 = needs.spread.iter().map(|s| skew(s, node, nodes)).sum();
    // A spread weighs more than any difference in free resources: it is what the pod asked for.
    i64::midpoint(cpu, memory) - i64::try_from(uneven).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

/// Reads what a pod asks for.
pub fn needs(namespace: &str, raw: RawSpec) -> Needs {
    let mut needs = Needs {
        node_selector: raw.node_selector,
        tolerations: raw.tolerations,
        ..Needs::default()
    };
    for container in &raw.containers {
        let amount = |name: &str| {
            container
                .resources
                .requests
                .get(name)
                .and_then(|q| quantity::milli(q))
                .unwrap_or(0)
        };
        needs.cpu_milli = needs
            .cpu_milli
            .saturating_add(u64::try_from(amount("cpu")).unwrap_or(u64::MAX));
        let bytes = amount("memory") / 1000;
        needs.memory_bytes = needs
            .memory_bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
    for raw in raw
        .topology_spread_constraints
        .into_iter()
        .filter(|c| c.topology_key == "kubernetes.io/hostname")
    {
        needs.spread.push(Spread {
            selector: SpreadSelector {
                namespace: namespace.to_owned(),
                labels: raw.label_selector.match_labels,
            },
            max_skew: raw.max_skew.max(1),
            is_hard: raw.when_unsatisfiable == "DoNotSchedule",
        });
    }
    needs
}

/// The parts of a pod's spec that the scheduler reads.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RawSpec {
    containers: Vec<RawContainer>,
    node_selector: BTreeMap<String, String>,
    tolerations: Vec<Toleration>,
    topology_spread_constraints: Vec<RawSpread>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawContainer {
    resources: RawResources,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawResources {
    requests: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpread {
    max_skew: u64,
    topology_key: String,
    when_unsatisfiable: String,
    label_selector: RawSelector,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSelector {
    match_labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeView {
        NodeView {
            name: name.into(),
            ready: true,
            cpu_milli: 2000,
            memory_bytes: 1 << 30,
            pods: 10,
            ..NodeView::default()
        }
    }

    fn small() -> Needs {
        Needs {
            cpu_milli: 100,
            memory_bytes: 1 << 20,
            ..Needs::default()
        }
    }

    #[test]
    fn the_emptier_node_wins_unless_the_spread_says_otherwise() {
        let mut nodes = [node("a"), node("b")];
        nodes[0].used.cpu_milli = 1000;
        assert_eq!(choose(&small(), &nodes).unwrap().name, "b");
        let spread = Spread {
            max_skew: 1,
            ..Spread::default()
        };
        nodes[1].used.matching.insert(spread.selector.clone(), 1);
        let needs = Needs {
            spread: vec![spread],
            ..small()
        };
        assert_eq!(choose(&needs, &nodes).unwrap().name, "a");
    }

    #[test]
    fn refusals_are_in_upstreams_words() {
        let mut nodes = [node("a"), node("b"), node("c")];
        nodes[0].unschedulable = true;
        nodes[1].used.cpu_milli = 2000;
        nodes[2].taints = vec![Taint {
            key: "k".into(),
            value: "v".into(),
            effect: "NoSchedule".into(),
        }];
        assert_eq!(
            choose(&small(), &nodes).unwrap_err(),
            "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {k: v}, 1 node(s) were unschedulable. \
             preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
        );
        let tolerant = Needs {
            tolerations: vec![Toleration {
                key: Some("k".into()),
                operator: Some("Exists".into()),
                ..Toleration::default()
            }],
            ..small()
        };
        assert_eq!(choose(&tolerant, &nodes).unwrap().name, "c");
        let picky = Needs {
            node_selector: BTreeMap::from([("disk".into(), "ssd".into())]),
            ..small()
        };
        assert!(
            choose(&picky, &[node("a")])
                .unwrap_err()
                .contains("1 node(s) didn't match Pod's node affinity/selector")
        );
    }

    #[test]
    fn a_hard_spread_rules_nodes_out() {
        let mut nodes = [node("a"), node("b")];
        let hard = Spread {
            max_skew: 1,
            is_hard: true,
            ..Spread::default()
        };
        nodes[0].used.matching.insert(hard.selector.clone(), 1);
        nodes[1].unschedulable = true;
        let needs = Needs {
            spread: vec![hard],
            ..small()
        };
        assert!(
            choose(&needs, &nodes)
                .unwrap_err()
                .contains("1 node(s) didn't match pod topology spread constraints")
        );
    }
}
