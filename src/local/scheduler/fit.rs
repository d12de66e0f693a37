//! Whether a pod fits a node, and which node is best. Pure.
//!
//! Filters, their order and their words are upstream's: unschedulable, taints, node selector, resources, hard spread. Scores are
//! two of upstream's: the least requested node, and an even spread over nodes. Not done, and ignored in a pod: affinity, priorities
//! and preemption (the words for it are said all the same, as for a pod that nothing less important stands in the way of), ports,
//! volumes, other topologies than `kubernetes.io/hostname`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

use crate::local::object::Labels;
use crate::local::quantity;

/// What a pod asks of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Needs {
    /// Requested CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Requested memory in bytes.
    pub memory_bytes: u64,
    /// What else is requested, by name, in thousandths.
    pub others_milli: BTreeMap<String, u64>,
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
    #[serde(rename = "tolerationSeconds")]
    seconds: Option<i64>,
}

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; often empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
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
    pub fn counts(&self, namespace: &str, labels: &Labels) -> bool {
        self.namespace == namespace && self.labels.iter().all(|(k, v)| labels.get(k) == Some(v.as_str()))
    }
}

/// A node, as the scheduler sees it.
#[derive(Clone, Debug, Default)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// Its labels.
    pub labels: Labels,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Allocatable CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Allocatable memory in bytes.
    pub memory_bytes: u64,
    /// How many pods it takes.
    pub pods: u64,
    /// What else is allocatable, by name, in thousandths.
    pub others_milli: BTreeMap<String, u64>,
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
    /// Anything else, by name, in thousandths.
    pub others_milli: BTreeMap<String, u64>,
    /// Pods by spread selector.
    pub matching: BTreeMap<SpreadSelector, u64>,
}

/// Chooses the best node, or says why none fits, in upstream's words.
pub fn choose<'n>(needs: &Needs, nodes: &'n [NodeView]) -> Result<&'n NodeView, String> {
    let mut refusals: Vec<Refusal> = Vec::new();
    let mut best: Option<(i64, &NodeView)> = None;
    for node in nodes {
        match refusal(needs, node, nodes) {
            Some(refusal) => refusals.push(refusal),
            None => {
                let score = score(needs, node, nodes);
                if best.is_none_or(|(high, _)| score > high) {
                    best = Some((score, node));
                }
            }
        }
    }
    match best {
        Some((_, node)) => Ok(node),
        None if nodes.is_empty() => Err("no nodes available to schedule pods".into()),
        None => Err(explain(&refusals)),
    }
}

/// Why a node does not take a pod.
struct Refusal {
    reasons: Vec<String>,
    /// Whether the pod would not fit even if the node had no other pods.
    is_final: bool,
}

/// Upstream's sentence about nodes none of which takes the pod; the middle part is said since 1.34, where no claim to a device
/// could be given back.
fn explain(refusals: &[Refusal]) -> String {
    let all = refusals.len();
    let reasons = histogram(refusals.iter().flat_map(|r| r.reasons.iter().map(String::as_str)));
    let helpless = "Preemption is not helpful for scheduling";
    let no_victims = "No preemption victims found for incoming pod";
    let preemption = histogram(refusals.iter().map(|r| if r.is_final { helpless } else { no_victims }));
    format!(
        "0/{all} nodes are available: {reasons}. no new claims to deallocate, preemption: 0/{all} nodes are available: {preemption}."
    )
}

/// Counts equal words, and writes them as upstream does: sorted as text, the number first.
fn histogram<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let mut parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    parts.sort();
    parts.join(", ")
}

/// Asks the filters in upstream's order; the first that objects is the only one that is told of.
fn refusal(needs: &Needs, node: &NodeView, nodes: &[NodeView]) -> Option<Refusal> {
    let because = |reason: &str, is_final| {
        Some(Refusal {
            reasons: vec![reason.into()],
            is_final,
        })
    };
    let tolerates = |taint: &Taint| needs.tolerations.iter().any(|t| t.tolerates(taint));
    if node.unschedulable && !tolerates(&Taint::unschedulable()) {
        return because("node(s) were unschedulable", true);
    }
    if node
        .taints
        .iter()
        .any(|t| t.effect != "PreferNoSchedule" && !tolerates(t))
    {
        return because("node(s) had untolerated taint(s)", true);
    }
    if needs
        .node_selector
        .iter()
        .any(|(k, v)| node.labels.get(k) != Some(v.as_str()))
    {
        return because("node(s) didn't match Pod's node affinity/selector", true);
    }
    let short = shortages(needs, node);
    if !short.reasons.is_empty() {
        return Some(short);
    }
    if needs
        .spread
        .iter()
        .any(|s| s.is_hard && skew(s, node, nodes) > s.max_skew)
    {
        return because("node(s) didn't match pod topology spread constraints", false);
    }
    None
}

/// Names everything that the node has too little of.
fn shortages(needs: &Needs, node: &NodeView) -> Refusal {
    let mut short = Refusal {
        reasons: Vec::new(),
        is_final: false,
    };
    if node.used.pods + 1 > node.pods {
        short.reasons.push("Too many pods".into());
    }
    let amount = |of: &BTreeMap<String, u64>, name: &str| of.get(name).copied().unwrap_or(0);
    let mut check = |name: &str, wanted: u64, used: u64, all: u64| {
        if wanted > 0 && wanted > all.saturating_sub(used) {
            short.reasons.push(format!("Insufficient {name}"));
            short.is_final |= wanted > all;
        }
    };
    check("cpu", needs.cpu_milli, node.used.cpu_milli, node.cpu_milli);
    check("memory", needs.memory_bytes, node.used.memory_bytes, node.memory_bytes);
    for (name, wanted) in &needs.others_milli {
        let used = amount(&node.used.others_milli, name);
        check(name, *wanted, used, amount(&node.others_milli, name));
    }
    short
}

impl Taint {
    /// Returns the taint that stands for a cordon.
    fn unschedulable() -> Self {
        Self {
            key: "node.kubernetes.io/unschedulable".into(),
            value: String::new(),
            effect: "NoSchedule".into(),
        }
    }
}

impl Toleration {
    /// Tells whether it tolerates a taint.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        let same = |own: &Option<String>, other: &str| own.as_deref().is_none_or(|o| o.is_empty() || o == other);
        let exists = self.operator.as_deref() == Some("Exists");
        same(&self.effect, &taint.effect)
            && same(&self.key, &taint.key)
            && (exists || (self.key.is_some() && self.value.as_deref().unwrap_or_default() == taint.value))
    }

    /// Returns for how many seconds it tolerates a `NoExecute` taint; none: for ever.
    pub fn seconds(&self) -> Option<i64> {
        self.seconds
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
    for (name, text) in raw.containers.iter().flat_map(|c| &c.resources.requests) {
        let milli = quantity::milli(text).unwrap_or(0);
        let whole = u64::try_from(milli / 1000).unwrap_or(u64::MAX);
        let milli = u64::try_from(milli).unwrap_or(u64::MAX);
        let (sum, more) = match name.as_str() {
            "cpu" => (&mut needs.cpu_milli, milli),
            "memory" => (&mut needs.memory_bytes, whole),
            other => (needs.others_milli.entry(other.to_owned()).or_default(), milli),
        };
        *sum = sum.saturating_add(more);
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
            "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. \
             no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, \
             2 Preemption is not helpful for scheduling."
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
    fn what_no_node_is_large_enough_for_preemption_cannot_help() {
        let needs = |requests: serde_json::Value| {
            let spec = serde_json::json!({"containers": [{"resources": {"requests": requests}}]});
            super::needs("lab", serde_json::from_value(spec).unwrap())
        };
        let end = "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        for (requests, reasons) in [
            (serde_json::json!({"cpu": "100"}), "1 Insufficient cpu"),
            (
                serde_json::json!({"cpu": "100", "memory": "1000Gi"}),
                "1 Insufficient cpu, 1 Insufficient memory",
            ),
            (
                serde_json::json!({"example.com/gpu": "1"}),
                "1 Insufficient example.com/gpu",
            ),
        ] {
            let want = format!("0/1 nodes are available: {reasons}. {end}");
            assert_eq!(choose(&needs(requests), &[node("a")]).unwrap_err(), want);
        }
        let mut full = node("a");
        full.used.pods = full.pods;
        let why = choose(&needs(serde_json::json!({})), &[full]).unwrap_err();
        assert!(why.contains("1 Too many pods. ") && why.contains("1 No preemption victims found"));
    }

    #[test]
    fn a_cordon_stops_those_that_do_not_tolerate_it() {
        let mut cordoned = node("a");
        cordoned.unschedulable = true;
        cordoned.taints = vec![Taint::unschedulable()];
        let tolerant = Needs {
            tolerations: vec![Toleration {
                key: Some("node.kubernetes.io/unschedulable".into()),
                operator: Some("Exists".into()),
                ..Toleration::default()
            }],
            ..small()
        };
        assert!(choose(&tolerant, &[cordoned.clone()]).is_ok());
        assert!(
            choose(&small(), &[cordoned])
                .unwrap_err()
                .contains("1 node(s) were unschedulable.")
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
