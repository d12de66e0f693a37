//! The logs of all pods of a cluster. The API server reads them here, as a real one asks the pod's kubelet.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log::ContainerLog;

/// The logs of all pods of a cluster, by pod uid.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    pods: HashMap<String, PodLogs>,
    /// The nodes whose kubelets do not answer.
    unreachable: HashSet<String>,
}

#[derive(Debug, Default)]
struct PodLogs {
    current: Arc<ContainerLog>,
    /// The log of the container's run before the last start.
    previous: Option<Arc<ContainerLog>>,
}

impl Logs {
    /// Returns the log of a pod's container.
    pub fn get(&self, uid: &str) -> Option<Arc<ContainerLog>> {
        self.lock().pods.get(uid).map(|logs| Arc::clone(&logs.current))
    }

    /// Returns the log of the container's run before.
    pub fn previous(&self, uid: &str) -> Option<Arc<ContainerLog>> {
        self.lock().pods.get(uid)?.previous.clone()
    }

    /// Tells whether the kubelet of a node answers.
    pub fn is_reachable(&self, node: &str) -> bool {
        !self.lock().unreachable.contains(node)
    }

    /// Returns the log of a pod's container, made if there is none.
    pub(super) fn open(&self, uid: &str) -> Arc<ContainerLog> {
        let mut inner = self.lock();
        Arc::clone(&inner.pods.entry(uid.to_owned()).or_default().current)
    }

    /// Begins the log of another run of a pod's container. Of those before, one is kept.
    pub(super) fn begin_again(&self, uid: &str) -> Arc<ContainerLog> {
        let mut inner = self.lock();
        let logs = inner.pods.entry(uid.to_owned()).or_default();
        logs.previous = Some(std::mem::take(&mut logs.current));
        Arc::clone(&logs.current)
    }

    /// Removes the logs of a pod whose object is gone.
    pub(super) fn remove(&self, uid: &str) {
        self.lock().pods.remove(uid);
    }

    /// Says whether the kubelet of a node answers.
    pub(super) fn set_reachable(&self, node: &str, is_reachable: bool) {
        let mut inner = self.lock();
        if is_reachable {
            inner.unreachable.remove(node);
        } else {
            inner.unreachable.insert(node.to_owned());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held leaves whole entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_begins_a_log_of_its_own_and_the_one_before_is_kept() {
        let logs = Logs::default();
        let first = logs.open("pod");
        assert!(logs.previous("pod").is_none());
        let second = logs.begin_again("pod");
        assert!(Arc::ptr_eq(&logs.previous("pod").unwrap(), &first));
        assert!(Arc::ptr_eq(&logs.get("pod").unwrap(), &second) && Arc::ptr_eq(&logs.open("pod"), &second));
        logs.remove("pod");
        assert!(logs.get("pod").is_none());
    }
}
