//! What happens in a run, in Kubernetes' terms, for people who learn it.

use super::row::{BASE, Known, Row, Shows};

pub(super) static SUBMITTED: Row = Row {
    short: "the Job is stored",
    cause: "The API server checked the Job and stored it in etcd. From now on the Job controller makes pods for it, whether this \
            program runs or not.",
    shows: Shows::JobYaml,
    ..BASE
};
pub(super) static ATTACHED: Row = Row {
    short: "the run is watched",
    cause: "The Job was there before. This program lists what exists and then watches: the API server sends each change once.",
    shows: Shows::Pods,
    ..BASE
};
pub(super) static SCHEDULED: Row = Row {
    short: "the scheduler bound the pod to a node",
    cause: "The scheduler chose a node with room for the pod's requests and wrote its name into spec.nodeName. That node's kubelet does \
            the rest.",
    facts: &[Known::Cpu, Known::Memory],
    ..BASE
};
pub(super) static STARTED: Row = Row {
    short: "the worker computes",
    cause: "The kubelet made the container and started the worker in it. The worker reads its completion index from its environment, \
            computes its shard and writes how far it is to its log.",
    shows: Shows::Log,
    ..BASE
};
pub(super) static PROGRESS: Row = Row {
    short: "the worker's log said how far it is",
    cause: "The worker writes a line a few times a second. Logs are advisory: they move bars, and nothing of them counts.",
    shows: Shows::Log,
    ..BASE
};
pub(super) static FINISHED: Row = Row {
    short: "the worker gave its result",
    cause: "The worker wrote its result to its termination message and ended with exit code 0; the kubelet put the message into the \
            pod's status. It fits this run and its checksum is right. It counts once it is in the ledger.",
    shows: Shows::Termination,
    ..BASE
};
pub(super) static ACCEPTED: Row = Row {
    short: "the result is in the ledger",
    cause: "The index's result is on this machine's disk. It counts exactly once, whatever becomes of its pod or of the Job.",
    shows: Shows::Completed,
    ..BASE
};
pub(super) static DUPLICATE: Row = Row {
    short: "a second, equal result was ignored",
    cause: "Kubernetes may run an index more than once, and both pods may end well. Results count per index, so the second one is only \
            counted as a duplicate.",
    shows: Shows::Termination,
    ..BASE
};
pub(super) static DISPUTED: Row = Row {
    short: "two results differ, so neither counts",
    cause: "Two workers of one index gave different values. At least one is wrong, nobody can tell which, so neither counts and the total \
            is not proven.",
    next: &["compute the index again: R, or ttg-tui rerun; a second computation here must then agree"],
    shows: Shows::Termination,
    ..BASE
};
pub(super) static POSTPONED: Row = Row {
    short: "the API server asks to wait",
    cause: "The API server has too much to do and refuses some requests for a moment, so that it can answer the others. The request is \
            made again after the time that it asks for.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static SILENT: Row = Row {
    short: "the worker says nothing",
    cause: "A worker writes a line at least every 20 seconds, and nothing came from this one for much longer. It may hang, its node may \
            be overloaded, or its log may not get through. Kubernetes does not end it by itself.",
    next: &[
        "read its log: l",
        "if it hangs, delete its pod: the Job controller makes another one for the index",
    ],
    shows: Shows::Log,
    ..BASE
};
pub(super) static SET_ASIDE: Row = Row {
    short: "results are set aside",
    cause: "The results that an index had are doubtful. They do not count any more, and the index is computed again.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static NO_RESULT: Row = Row {
    short: "it ended well without a valid result",
    cause: "The pod ended with exit code 0, so Kubernetes counts the index as done for ever, but its termination message is not a valid \
            result. It will not run again by itself.",
    next: &[
        "compute it again: R, or ttg-tui rerun",
        "check that the image is this program's worker",
    ],
    facts: &[Known::Image],
    shows: Shows::Termination,
    ..BASE
};
pub(super) static SCALED: Row = Row {
    short: "the Job's parallelism changed",
    cause: "Somebody patched spec.parallelism. The Job controller makes pods, or deletes the ones that are least far; what a deleted one \
            had computed is lost, and its index is done again.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static SUSPENDED: Row = Row {
    short: "the Job is suspended",
    cause: "spec.suspend is true: the Job controller deleted the pods that ran and makes no more. What is finished stays; what was \
            under way is lost and done again after resuming.",
    next: &["s resumes it"],
    shows: Shows::Job,
    ..BASE
};
pub(super) static CANCELLED: Row = Row {
    short: "the run was cancelled",
    cause: "To cancel is to suspend the Job for good, with a mark that says who did. Pods that ended stay readable, and what was accepted \
            stays in the ledger.",
    next: &[
        "s resumes it all the same",
        "R computes what is missing, in a Job of its own",
    ],
    shows: Shows::JobYaml,
    ..BASE
};
pub(super) static RESUMED: Row = Row {
    short: "the Job goes on",
    cause: "spec.suspend is false again, so the Job controller makes pods for the indexes that are not done.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static CORDONED: Row = Row {
    short: "the node is cordoned",
    cause: "Somebody set spec.unschedulable: no new pods are bound to the node. Those that run there go on.",
    next: &["kubectl uncordon NODE frees it"],
    shows: Shows::Node,
    ..BASE
};
pub(super) static UNCORDONED: Row = Row {
    short: "the node takes pods again",
    cause: "spec.unschedulable was cleared, so the scheduler may bind pods to the node.",
    shows: Shows::Node,
    ..BASE
};
pub(super) static NODE_LOST: Row = Row {
    short: "the node stopped reporting",
    cause: "The node's kubelet does not renew its lease, so its condition Ready is not true. Its pods may still run; if it stays away for \
            5 minutes they are given up and done again elsewhere.",
    next: &["wait; nothing that is accepted is lost"],
    shows: Shows::Node,
    ..BASE
};
pub(super) static NODE_READY: Row = Row {
    short: "the node reports again",
    cause: "The node's kubelet reports that it is ready.",
    shows: Shows::Node,
    ..BASE
};
pub(super) static JOB_COMPLETE: Row = Row {
    short: "the Job is complete",
    cause: "Every index has a pod that ended with exit code 0, and the Job has the condition Complete. The total is proven only when \
            every result is in the ledger, too.",
    shows: Shows::Completed,
    ..BASE
};
pub(super) static JOB_FAILED: Row = Row {
    short: "the Job failed",
    cause: "The Job has the condition Failed: its controller makes no pods any more. What was accepted stays in the ledger.",
    next: &["R, or ttg-tui rerun, computes only what is missing"],
    shows: Shows::Job,
    ..BASE
};
pub(super) static JOB_DELETED: Row = Row {
    short: "somebody deleted the Job",
    cause: "The Job is gone from the cluster, and its pods with it. What was accepted stays in the ledger.",
    next: &["R, or ttg-tui rerun, computes only what is missing"],
    shows: Shows::Pods,
    ..BASE
};
pub(super) static INDEX_FAILED: Row = Row {
    short: "the Job gave the index up",
    cause: "The index used up its retries, or failed in a way that no attempt can mend. The other indexes go on.",
    next: &[
        "see why its attempts failed, and mend that",
        "then R, or ttg-tui rerun, computes only what is missing",
    ],
    facts: &[Known::Retries],
    shows: Shows::Log,
    ..BASE
};
pub(super) static SAME: Row = Row {
    short: "computed again here, the same",
    cause: "This program computed the shard itself, with its own copy of the kernel, and got the value that the worker said.",
    shows: Shows::Termination,
    ..BASE
};
pub(super) static NOT_SAME: Row = Row {
    short: "computed again here, not the same",
    cause: "This program computed the shard itself and got another value than the worker said, so the total is not proven.",
    next: &[
        "R, or ttg-tui rerun, computes the index again",
        "check that the image is this program's worker",
    ],
    facts: &[Known::Image],
    shows: Shows::Termination,
    ..BASE
};
pub(super) static CONTACT_LOST: Row = Row {
    short: "contact to the cluster is lost",
    cause: "The API server does not answer, so what is shown is the last that is known. The run goes on without this program, which \
            tries again by itself.",
    next: &["wait, or check network and login"],
    shows: Shows::Ready,
    ..BASE
};
pub(super) static CONTACT_BACK: Row = Row {
    short: "contact is back",
    cause: "The API server answers again. This program listed everything once more, so nothing that happened meanwhile is missed.",
    shows: Shows::Ready,
    ..BASE
};
pub(super) static FORBIDDEN: Row = Row {
    short: "your rights do not allow this watch",
    cause: "The API server refuses to list or watch this kind of object to you. The run goes on and is proven all the same; what these \
            objects would tell is not shown.",
    next: &["ask who runs the cluster for list and watch on them; the manifests list all rights that are needed"],
    shows: Shows::Rights,
    ..BASE
};
pub(super) static DONE: Row = Row {
    short: "it is done",
    cause: "What was asked for was carried out: the API server stored the change, and its controllers follow it.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static TROUBLE: Row = Row {
    short: "something could not be done",
    cause: "What was asked for, or what this program needed, failed.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static LEAVING: Row = Row {
    short: "the program is about to leave",
    cause: "The Job belongs to the cluster, not to this program. On a cluster that outlives it the run goes on.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static NOT_STARTED: Row = Row {
    short: "it waits for its turn",
    cause: "The Job controller keeps as many pods as spec.parallelism says and begins with the lowest index. This one has no pod yet.",
    next: &["+ adds a worker"],
    shows: Shows::Job,
    ..BASE
};
pub(super) static NOT_SUBMITTED: Row = Row {
    short: "the Job is not on the cluster yet",
    cause: "The API server has not stored the Job yet, so there are no pods.",
    shows: Shows::Job,
    ..BASE
};
pub(super) static UNBOUND: Row = Row {
    short: "the pod waits for the scheduler",
    cause: "The pod is stored and has no node yet. The scheduler looks at it within moments.",
    shows: Shows::Pod,
    ..BASE
};
pub(super) static STARTING: Row = Row {
    short: "the node makes the container",
    cause: "The pod has a node. Its kubelet pulls the image if it does not have it, and makes the container.",
    shows: Shows::Pod,
    ..BASE
};
