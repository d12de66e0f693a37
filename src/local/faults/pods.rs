//! The faults of one pod, and how often each of them has happened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::grammar::Order;
use super::table::{Family, Fault};

/// How many counts are remembered; then the memory begins anew.
const REMEMBERED_MAX: usize = 100_000;

/// What a count is kept for: a Job, or a pod that has none; a completion index; an order.
type Counted = (Arc<str>, Option<u64>, Box<str>);

/// How often what has happened, in all pods.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Arc<Mutex<HashMap<Counted, u64>>>);

impl Counts {
    /// Counts once more, if that is allowed.
    fn take(&self, counted: Counted, times: Option<u64>) -> bool {
        let Some(times) = times else { return true };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= REMEMBERED_MAX {
            counts.clear();
        }
        let count = counts.entry(counted).or_default();
        let is_left = *count < times;
        *count += u64::from(is_left);
        is_left
    }
}

/// The faults that one pod may meet.
#[derive(Clone, Debug, Default)]
pub struct PodFaults {
    orders: Vec<Order>,
    scope: Arc<str>,
    index: Option<u64>,
    counts: Counts,
}

impl PodFaults {
    /// Keeps of these orders what is for this pod. `scope` is the uid of its Job, or its own.
    pub(super) fn new(orders: Vec<Order>, scope: &str, index: Option<u64>, counts: Counts) -> Self {
        let is_for_it = |order: &Order| order.spec.family == Family::Pods && order.covers(index);
        Self {
            orders: orders.into_iter().filter(is_for_it).collect(),
            scope: scope.into(),
            index,
            counts,
        }
    }

    /// Lets the first order of this fault happen that is not used up yet, and counts it.
    pub fn take(&self, fault: Fault) -> Option<&Order> {
        self.orders
            .iter()
            .filter(|order| order.fault() == fault)
            .find(|order| self.take_order(order))
    }

    /// Counts this order, if it may happen once more.
    pub fn take_order(&self, order: &Order) -> bool {
        let counted = (Arc::clone(&self.scope), self.index, order.text.clone());
        self.counts.take(counted, order.times)
    }

    /// Returns what is to happen while the container runs, each with how long after its start; the earliest first.
    pub fn while_running(&self) -> Vec<(Duration, Order)> {
        let running = [Fault::Kill, Fault::Evict, Fault::Hang, Fault::LogGap, Fault::LogRotate];
        let mut due: Vec<(Duration, Order)> = self
            .orders
            .iter()
            .filter(|order| running.contains(&order.fault()))
            .map(|order| (order.after.unwrap_or_default(), order.clone()))
            .collect();
        due.sort_by_key(|(after, _)| *after);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::super::grammar::parse;
    use super::*;

    #[test]
    fn a_fault_is_counted_for_each_index_of_a_job_and_a_retry_succeeds() {
        let counts = Counts::default();
        let pod = |job: &str, index: u64| {
            let orders = parse("lose-result:index=0-1,times=1;crash:index=7").unwrap();
            PodFaults::new(orders, job, Some(index), counts.clone())
        };
        assert!(pod("a", 0).take(Fault::LoseResult).is_some());
        assert!(pod("a", 0).take(Fault::LoseResult).is_none(), "the retry of index 0");
        assert!(pod("a", 1).take(Fault::LoseResult).is_some());
        assert!(pod("b", 0).take(Fault::LoseResult).is_some(), "another Job");
        assert!(pod("a", 2).take(Fault::LoseResult).is_none());
        assert!(pod("a", 0).take(Fault::Crash).is_none());
        assert!(pod("a", 7).take(Fault::Crash).is_some() && pod("a", 7).take(Fault::Crash).is_some());
    }

    #[test]
    fn what_happens_to_a_running_container_is_in_the_order_of_time() {
        let orders = parse("kill:after=2s;lose-result;log-rotate:after=1s;gone;hang").unwrap();
        let faults = PodFaults::new(orders, "uid", None, Counts::default());
        let due: Vec<(u64, &str)> = faults
            .while_running()
            .iter()
            .map(|(after, order)| (after.as_secs(), order.spec.name))
            .collect();
        assert_eq!(due, [(0, "hang"), (1, "log-rotate"), (2, "kill")]);
    }
}
