//! Which of a Job's active pods go when there are too many.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::pod::PodView;

/// Returns the pods to remove: at least so many, and in any case those of an Indexed Job that no index needs.
///
/// `completions` is that of an Indexed Job, else none.
pub(super) fn choose<'p>(active: &[&'p PodView], at_least: usize, completions: Option<u32>) -> Vec<&'p PodView> {
    let (mut removed, mut left) = match completions {
        Some(completions) => split_superfluous(active, completions),
        None => (Vec::new(), active.to_vec()),
    };
    if let Some(more) = at_least.checked_sub(removed.len()).filter(|n| *n > 0) {
        sort_by_loss(&mut left);
        removed.extend(left.into_iter().take(more));
    }
    removed
}

/// Splits off the pods without a valid index, and all but the best pod of each index.
fn split_superfluous<'p>(active: &[&'p PodView], completions: u32) -> (Vec<&'p PodView>, Vec<&'p PodView>) {
    let (mut removed, mut left) = (Vec::new(), Vec::new());
    let mut by_index: BTreeMap<u32, Vec<&PodView>> = BTreeMap::new();
    for pod in active {
        match pod.index.filter(|i| *i < completions) {
            Some(index) => by_index.entry(index).or_default().push(pod),
            None => removed.push(*pod),
        }
    }
    for mut pods in by_index.into_values() {
        sort_by_loss(&mut pods);
        left.extend(pods.pop());
        removed.append(&mut pods);
    }
    (removed, left)
}

/// Upstream's rank: not bound before bound, pending before running, not ready before ready, then the one that has been ready for
/// less time, was restarted more often, is younger. What upstream leaves to chance is decided here by the higher index.
fn sort_by_loss(pods: &mut [&PodView]) {
    pods.sort_by_key(|p| {
        (
            p.bound,
            p.running,
            p.ready,
            Reverse(p.ready_changed_at.filter(|_| p.ready)),
            Reverse(p.restarts),
            Reverse(p.created_at),
            Reverse(p.index),
        )
    });
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// A pod as `name index flags`, with the flags b(ound), r(unning), R(eady).
    fn pod(text: &str) -> PodView {
        let words: Vec<&str> = text.split(' ').collect();
        let flags = words[2];
        PodView {
            name: words[0].into(),
            index: words[1].parse().ok(),
            bound: flags.contains('b'),
            running: flags.contains('r'),
            ready: flags.contains('R'),
            ready_changed_at: Timestamp::from_second(100).ok(),
            created_at: Timestamp::from_second(50).ok(),
            ..PodView::default()
        }
    }

    fn names(pods: &[PodView], at_least: usize, completions: Option<u32>) -> Vec<String> {
        let all: Vec<&PodView> = pods.iter().collect();
        let chosen = choose(&all, at_least, completions);
        chosen.into_iter().map(|p| p.name.clone()).collect()
    }

    #[test]
    fn the_pods_that_lose_least_go_first() {
        let pods = ["a 0 brR", "b 1 br", "c 2 b", "d 3 -", "e 4 brR"].map(pod);
        assert_eq!(names(&pods, 5, None), ["d", "c", "b", "e", "a"]);
        let mut pods = ["a 0 brR", "b 1 brR", "c 2 brR", "d 3 brR"].map(pod);
        pods[0].ready_changed_at = Timestamp::from_second(200).ok();
        pods[1].restarts = 1;
        pods[2].created_at = Timestamp::from_second(60).ok();
        assert_eq!(names(&pods, 4, None), ["a", "b", "c", "d"]);
    }

    #[test]
    fn an_indexed_job_always_drops_what_no_index_needs() {
        let pods = ["a 0 brR", "b 0 b", "c 5 brR", "d x brR", "e 1 b"].map(pod);
        assert_eq!(names(&pods, 0, Some(4)), ["c", "d", "b"]);
        assert_eq!(names(&pods, 4, Some(4)), ["c", "d", "b", "e"]);
    }
}
