//! What the scheduler says about a pod without a node, taken apart: how many nodes are out for which reason.
//!
//! Its words are `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`. What is not known is
//! repeated as it stands.

/// What keeps a pod off a node.
#[derive(Debug)]
pub(super) struct Hindrance {
    /// What is in the scheduler's words.
    words: &'static str,
    /// The cause in a few words.
    pub(super) short: &'static str,
    /// What to do about it.
    pub(super) next: &'static str,
}

/// What the scheduler says of some of the nodes.
#[derive(Debug)]
pub(super) struct Obstacle {
    /// How many nodes.
    pub(super) nodes: u32,
    /// The scheduler's words.
    pub(super) words: String,
    /// What that means, where it is known.
    pub(super) hindrance: Option<&'static Hindrance>,
}

/// What keeps pods off nodes. The first that fits counts.
#[rustfmt::skip] // A table with one row a hindrance.
static HINDRANCES: &[Hindrance] = &[
    Hindrance { words: "Insufficient cpu", short: "too little CPU free",
        next: "ask for less CPU (--cpu), use fewer workers (-), or wait until other pods end" },
    Hindrance { words: "Insufficient memory", short: "too little memory free",
        next: "ask for less memory (--memory), use fewer workers (-), or wait until other pods end" },
    Hindrance { words: "Insufficient ephemeral-storage", short: "too little disk free", next: "free disk on the nodes" },
    Hindrance { words: "Insufficient pods", short: "the node is full of pods", next: "wait until other pods end, or add nodes" },
    Hindrance { words: "Too many pods", short: "the node is full of pods", next: "wait until other pods end, or add nodes" },
    Hindrance { words: "Insufficient", short: "too little free of a resource", next: "ask for less of it, or add nodes that have it" },
    Hindrance { words: "node.kubernetes.io/unschedulable", short: "cordoned", next: "kubectl uncordon NODE lets pods onto it again" },
    Hindrance { words: "were unschedulable", short: "cordoned", next: "kubectl uncordon NODE lets pods onto it again" },
    Hindrance { words: "node.kubernetes.io/not-ready", short: "not ready", next: "look at the node: kubectl describe node NODE" },
    Hindrance { words: "node.kubernetes.io/unreachable", short: "lost", next: "look at the node: kubectl describe node NODE" },
    Hindrance { words: "-pressure", short: "short of memory, disk or process numbers", next: "free what the node is short of" },
    Hindrance { words: "taint", short: "tainted, and the pod does not tolerate it",
        next: "tolerate the taint if you may use these nodes: --toleration KEY=VALUE:EFFECT" },
    Hindrance { words: "node affinity", short: "not one of the nodes that the selector names",
        next: "check the node selector (--node-selector) against: kubectl get nodes --show-labels" },
    Hindrance { words: "node selector", short: "not one of the nodes that the selector names",
        next: "check the node selector (--node-selector) against: kubectl get nodes --show-labels" },
    Hindrance { words: "topology spread", short: "pods would be spread unevenly", next: "wait, or relax the topology spread" },
    Hindrance { words: "anti-affinity", short: "another pod must not share the node", next: "add nodes, or relax the anti-affinity" },
    Hindrance { words: "affinity", short: "a pod that must be near is not there", next: "relax the pod affinity" },
    Hindrance { words: "volume", short: "a volume is elsewhere", next: "see the pod's events for the volume" },
    Hindrance { words: "free ports", short: "a port of the host is taken", next: "wait until the other pod ends" },
];

/// Returns the table: the scheduler's words, what they mean, and what to do about it.
#[cfg(test)]
pub(super) fn table() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    HINDRANCES
        .iter()
        .map(|hindrance| (hindrance.words, hindrance.short, hindrance.next))
}

/// Returns how many nodes the cluster has, as the scheduler's words say.
pub(super) fn node_count(message: &str) -> Option<u32> {
    let (count, _) = message.split_once(" nodes are available")?;
    let (_, all) = count.rsplit_once('/')?;
    all.parse().ok()
}

/// Takes the scheduler's words apart, what holds for most nodes first.
pub(super) fn obstacles(message: &str) -> Vec<Obstacle> {
    let Some((_, rest)) = message.split_once("nodes are available: ") else {
        return Vec::new();
    };
    // What follows is about pods that could be ended to make room.
    let said = rest.split_once(". ").map_or(rest, |(said, _)| said);
    let mut parts: Vec<String> = Vec::new();
    for part in said.trim_end_matches('.').split(", ") {
        match parts.last_mut() {
            // A comma within a taint or a label.
            Some(last) if !part.starts_with(|c: char| c.is_ascii_digit()) => {
                last.push_str(", ");
                last.push_str(part);
            }
            Some(_) | None => parts.push(part.to_owned()),
        }
    }
    let mut obstacles: Vec<Obstacle> = parts.iter().filter_map(|part| obstacle(part)).collect();
    obstacles.sort_by_key(|obstacle| std::cmp::Reverse(obstacle.nodes));
    obstacles
}

fn obstacle(part: &str) -> Option<Obstacle> {
    let (nodes, words) = part.split_once(' ')?;
    Some(Obstacle {
        nodes: nodes.parse().ok()?,
        words: words.to_owned(),
        hindrance: HINDRANCES.iter().find(|hindrance| words.contains(hindrance.words)),
    })
}

/// Returns what keeps the pod off most nodes, in a few words.
pub(super) fn short(message: &str) -> Option<&'static str> {
    let first = obstacles(message).into_iter().next()?;
    first.hindrance.map(|hindrance| hindrance.short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedulers_words_are_taken_apart() {
        let message = "0/19 nodes are available: 1 node(s) had untolerated taint {dedicated: a, b}, 4 Insufficient cpu, \
                       8 node(s) didn't match Pod's node affinity/selector, 6 node(s) are blue. preemption: 0/19 nodes are \
                       available: 19 Preemption is not helpful for scheduling.";
        let said = |obstacle: &Obstacle| (obstacle.nodes, obstacle.hindrance.map(|hindrance| hindrance.short));
        let found: Vec<_> = obstacles(message).iter().map(said).collect();
        let want = [
            (8, Some("not one of the nodes that the selector names")),
            (6, None),
            (4, Some("too little CPU free")),
            (1, Some("tainted, and the pod does not tolerate it")),
        ];
        assert_eq!(found, want);
        assert_eq!((node_count(message), short(message)), (Some(19), want[0].1));
    }

    #[test]
    fn other_words_are_no_obstacles() {
        for words in [
            "",
            "no nodes available to schedule pods",
            "0/3 nodes are available: ",
            "0/x nodes are available: many",
        ] {
            assert!(obstacles(words).is_empty(), "{words}");
            assert_eq!((node_count(words).unwrap_or(3), short(words)), (3, None), "{words}");
        }
    }
}
