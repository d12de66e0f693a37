//! How long the local cluster's controllers wait: upstream's defaults, all of them injectable.
//!
//! Who waits for what is the business of the part that reads it. All of it is tokio's time, so a paused clock holds it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The periods and limits of the node lifecycle, the pod garbage collector and the kubelets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a kubelet says that it lives, as upstream's renews its Lease.
    pub heartbeat: Duration,
    /// How often a kubelet writes its node's status when nothing in it changed: upstream's `nodeStatusReportFrequency`.
    pub node_report: Duration,
    /// How long after the last heartbeat a node counts as lost: `--node-monitor-grace-period`.
    pub node_monitor_grace: Duration,
    /// How long a node has before its first status counts as missing: `--node-startup-grace-period`.
    pub node_startup_grace: Duration,
    /// How often the nodes' heartbeats are looked at: `--node-monitor-period`.
    pub node_monitor: Duration,
    /// For how many seconds a pod that says nothing about it tolerates a node that is not ready or unreachable:
    /// `--default-not-ready-toleration-seconds` and `--default-unreachable-toleration-seconds`.
    pub default_toleration_seconds: u32,
    /// How often the pod garbage collector looks at all pods.
    pub pod_gc: Duration,
    /// How long a node must be gone before its pods are removed.
    pub pod_gc_quarantine: Duration,
    /// How many ended pods are kept, over all namespaces: `--terminated-pod-gc-threshold`; 0 keeps all.
    pub terminated_pods_max: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(10),
            node_report: Duration::from_secs(300),
            node_monitor_grace: Duration::from_secs(50),
            node_startup_grace: Duration::from_secs(60),
            node_monitor: Duration::from_secs(5),
            default_toleration_seconds: 300,
            pod_gc: Duration::from_secs(20),
            pod_gc_quarantine: Duration::from_secs(40),
            terminated_pods_max: 12_500,
        }
    }
}

/// Waits until a moment of tokio's time; without one, for ever.
pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
