//! Why pods and Jobs do not do what they should, by Kubernetes' reasons and by exit codes. The first row that fits counts, so what
//! tells more comes before what tells less.

use super::row::{BASE, Known, Row, Shows};
use super::waits::{CONTAINERS, IMAGES, PLACES};
use crate::run::fact::Reason;

/// The reasons of a pod that was not even made; without a reason it is what a server answered.
const CREATE: &[&str] = &["FailedCreate", ""];

/// Returns what explains a reason, or else an exit code.
pub(super) fn find(why: &Reason, exit_code: Option<i32>) -> Option<&'static Row> {
    let tables = [IMAGES, CONTAINERS, PLACES, CREATION, ENDINGS, JOBS, HEALTHY];
    let by_reason = tables.into_iter().flatten().find(|row| row.fits(why));
    let by_code = || {
        EXITS
            .iter()
            .find(|row| exit_code.is_some_and(|code| row.codes.contains(&code)))
    };
    by_reason.or_else(by_code)
}

/// Returns the tables of what goes wrong, each with its subject, for a page that is written from them.
#[cfg(test)]
pub(super) fn chapters() -> [(&'static str, &'static [Row]); 7] {
    [
        ("The image", IMAGES),
        ("The container", CONTAINERS),
        ("The place", PLACES),
        ("The pod is not even made", CREATION),
        ("The pod ended", ENDINGS),
        ("Exit codes", EXITS),
        ("The Job ended", JOBS),
    ]
}

static CREATION: &[Row] = &[
    Row {
        reasons: CREATE,
        words: &["exceeded quota"],
        short: "the namespace's quota is used up",
        cause: "The namespace has a ResourceQuota, and one pod more would exceed it. The Job controller tries again, ever more slowly; no \
                pod is made until there is room.",
        next: &[
            "ask for less: --cpu, --memory, or fewer --workers",
            "or wait until other pods of the namespace have ended, or have the quota raised",
        ],
        facts: &[Known::Cpu, Known::Memory],
        shows: Shows::Quota,
        waits: true,
        ..BASE
    },
    Row {
        reasons: CREATE,
        words: &["violates PodSecurity"],
        short: "the namespace's Pod Security level forbids the pod",
        cause: "The namespace enforces a Pod Security level, and this pod does more than that allows. Pods of this program fit the level \
                restricted, so something changes them on their way in.",
        next: &[
            "read which fields are named above",
            "ask who changes pods in this namespace, or use another: -n NAMESPACE",
        ],
        shows: Shows::Namespace,
        waits: true,
        ..BASE
    },
    Row {
        reasons: CREATE,
        words: &[
            "admission webhook",
            "failed calling webhook",
            "ValidatingAdmissionPolicy",
        ],
        short: "a policy of this cluster refuses it, or does not answer",
        cause: "The cluster asks a webhook or a policy of its own before it stores an object; that one refused, or does not answer.",
        next: &["read the policy's words above", "ask who runs the cluster"],
        shows: Shows::Job,
        waits: true,
        ..BASE
    },
    Row {
        reasons: CREATE,
        words: &["service account", "serviceaccount"],
        short: "the pod's service account is missing",
        cause: "Every pod has a service account, and the one of this pod is not in the namespace.",
        next: &[
            "a new namespace gets its service account within seconds: wait",
            "else make it: kubectl create serviceaccount default",
        ],
        shows: Shows::Job,
        waits: true,
        ..BASE
    },
    Row {
        reasons: CREATE,
        words: &[
            "maximum cpu usage",
            "maximum memory usage",
            "minimum cpu usage",
            "minimum memory usage",
            "limit to request ratio",
        ],
        short: "the namespace's LimitRange forbids these requests or limits",
        cause: "The namespace has a LimitRange, and CPU or memory of the pod is outside of it.",
        next: &["ask for what it allows: --cpu REQUEST:LIMIT, --memory REQUEST:LIMIT"],
        facts: &[Known::Cpu, Known::Memory],
        shows: Shows::Limits,
        waits: true,
        ..BASE
    },
    Row {
        reasons: CREATE,
        words: &["is forbidden", " cannot "],
        short: "the server forbids it",
        cause: "The API server refuses the request: somebody's rights do not allow it.",
        next: &["ask who runs the cluster for the right that is named above"],
        shows: Shows::Rights,
        ..BASE
    },
    Row {
        reasons: &["FailedCreate"],
        short: "the Job controller could not make a pod",
        cause: "The Job controller asked for a pod, and the API server refused it. It tries again, ever more slowly.",
        next: &["read the server's words above"],
        shows: Shows::Job,
        waits: true,
        ..BASE
    },
];

static ENDINGS: &[Row] = &[
    Row {
        reasons: &["OOMKilled"],
        short: "killed, as it used more memory than its limit",
        cause: "The container used more memory than its limit, so its node's kernel killed it with SIGKILL (exit code 137). The next \
                attempt has the same limit.",
        next: &[
            "allow more: ttg-tui run --memory REQUEST:LIMIT, such as 256Mi:512Mi",
            "or give each index less to do: more --shards",
        ],
        facts: &[Known::Memory, Known::Retries],
        ..BASE
    },
    Row {
        reasons: &["Evicted"],
        words: &["ephemeral", "disk"],
        short: "evicted, as its node ran out of disk",
        cause: "The node ran out of disk and ended pods to save itself.",
        next: &[
            "nothing: the Job makes another pod",
            "if it goes on, free the node's disk or kubectl cordon it",
        ],
        shows: Shows::Node,
        ..BASE
    },
    Row {
        reasons: &["Evicted"],
        short: "evicted, as its node ran short of something",
        cause: "The node ran short of memory, disk or process numbers and ended pods to save itself, first those that use more than \
                they asked for.",
        next: &["ask for as much memory as is used, so that the scheduler keeps it free: --memory REQUEST:LIMIT"],
        facts: &[Known::Memory],
        shows: Shows::Node,
        ..BASE
    },
    Row {
        reasons: &["EvictionByEvictionAPI"],
        short: "evicted, as its node was drained",
        cause: "Somebody asked for the pod to leave its node, mostly by kubectl drain: for an upgrade, or as the cluster got smaller. \
                It does not count as a failure.",
        next: &["nothing: the Job makes another pod on another node"],
        shows: Shows::Nodes,
        ..BASE
    },
    Row {
        reasons: &["PreemptionByScheduler", "Preempting"],
        short: "ended to make room for a pod of higher priority",
        cause: "A pod of higher priority needed the room, so the scheduler had this one ended. It does not count as a failure.",
        next: &["nothing: the Job makes another pod once there is room"],
        shows: Shows::Events,
        ..BASE
    },
    Row {
        reasons: &["DeletionByTaintManager"],
        short: "ended, as its node was lost or tainted",
        cause: "The node got a taint that the pod does not tolerate: mostly it stopped reporting, and after 5 minutes its pods are given \
                up. It does not count as a failure.",
        next: &["nothing: the Job makes another pod on another node", "look at the node"],
        shows: Shows::Node,
        ..BASE
    },
    Row {
        reasons: &["NodeLost", "DeletionByPodGC", "ContainerStatusUnknown", "NodeNotReady"],
        short: "its node is lost",
        cause: "The node that ran the pod stopped reporting or was removed, so nobody can say how the worker ended.",
        next: &["nothing: the Job makes another pod on another node", "look at the node"],
        shows: Shows::Node,
        ..BASE
    },
    Row {
        reasons: &["TerminationByKubelet"],
        short: "ended by its node, which shuts down or is short of something",
        cause: "The node's kubelet ended the pod: the node shuts down, or it ran short of memory or disk. It does not count as a \
                failure.",
        next: &["nothing: the Job makes another pod"],
        shows: Shows::Node,
        ..BASE
    },
    Row {
        reasons: &["Deleted"],
        short: "deleted before its worker was done",
        cause: "The pod was deleted: the run was scaled down, suspended or cancelled, its node was drained, or somebody deleted it. What \
                it had computed is lost; nothing of it counts twice.",
        next: &["nothing: the Job makes another pod for the index when it is its turn"],
        shows: Shows::Job,
        ..BASE
    },
];

static JOBS: &[Row] = &[
    Row {
        reasons: &["DeadlineExceeded"],
        short: "it ran longer than it may",
        cause: "The Job or the pod has an activeDeadlineSeconds, and that time is over: its pods are ended and none is made any more.",
        next: &["compute what is missing again: R, or ttg-tui rerun"],
        shows: Shows::JobYaml,
        ..BASE
    },
    Row {
        reasons: &["BackoffLimitExceeded"],
        short: "too many pods failed",
        cause: "More pods failed than the Job's limit allows, so it ended and ended its other pods, too.",
        next: &[
            "see why the pods failed, and mend that",
            "then compute what is missing again: R, or ttg-tui rerun",
        ],
        facts: &[Known::Retries],
        shows: Shows::Job,
        ..BASE
    },
    Row {
        reasons: &["FailedIndexes"],
        short: "some indexes failed for good",
        cause: "Every index was tried, and some used up their retries. The others are done, and what they gave stays kept.",
        next: &[
            "see why they failed: n goes to the next one",
            "then compute only those again: R, or ttg-tui rerun",
        ],
        facts: &[Known::Retries],
        shows: Shows::Job,
        ..BASE
    },
    Row {
        reasons: &["MaxFailedIndexesExceeded"],
        short: "too many indexes failed for good",
        cause: "More indexes used up their retries than the Job allows, so it ended early and ended its other pods, too.",
        next: &[
            "see why they failed, and mend that",
            "then compute what is missing again: R, or ttg-tui rerun",
        ],
        facts: &[Known::MaxFailed, Known::Retries],
        shows: Shows::Job,
        ..BASE
    },
    Row {
        reasons: &["PodFailurePolicy"],
        short: "a worker failed in a way that no attempt can mend",
        cause: "The Job's podFailurePolicy gives up at once what another attempt would not do better, such as exit code 64: bad input.",
        next: &["read the worker's log"],
        shows: Shows::Log,
        ..BASE
    },
];

static HEALTHY: &[Row] = &[
    Row {
        reasons: &["Scheduled"],
        short: "the scheduler bound the pod to a node",
        cause: "The scheduler chose a node with room and wrote its name into the pod's spec.nodeName.",
        ..BASE
    },
    Row {
        reasons: &["Pulling", "Pulled"],
        short: "the node has the image, or fetches it",
        cause: "The kubelet fetches the image unless the node has it (imagePullPolicy: IfNotPresent).",
        facts: &[Known::Image],
        ..BASE
    },
    Row {
        reasons: &["Created", "Started"],
        short: "the container was made and started",
        cause: "The kubelet made the container and started the worker in it.",
        shows: Shows::Log,
        ..BASE
    },
    Row {
        reasons: &["Killing"],
        short: "the pod is being ended",
        cause: "The kubelet sends the worker SIGTERM, waits for its grace period, and then sends SIGKILL.",
        ..BASE
    },
    Row {
        reasons: &["SuccessfulCreate"],
        short: "the Job controller made a pod",
        cause: "Fewer pods than the Job's parallelism ran, so its controller made one for the lowest index without a pod.",
        shows: Shows::Job,
        ..BASE
    },
    Row {
        reasons: &["SuccessfulDelete"],
        short: "the Job controller deleted a pod",
        cause: "More pods ran than the Job may have: its parallelism was lowered, or it was suspended.",
        shows: Shows::Job,
        ..BASE
    },
    Row {
        reasons: &["Completed", "CompletionsReached", "Suspended", "Resumed"],
        short: "the Job changed as it should",
        cause: "The Job controller noted in the Job's conditions that it is suspended, goes on, or is done.",
        shows: Shows::Job,
        ..BASE
    },
];

static EXITS: &[Row] = &[
    Row {
        codes: &[64],
        short: "the worker refused its settings",
        cause: "Exit code 64: a variable of the worker's environment is missing or bad. Another attempt would end the same, so the Job \
                gives the index up at once.",
        next: &[
            "the last line of the log names the variable",
            "check that the image is of this program's version",
        ],
        facts: &[Known::Image],
        shows: Shows::Log,
        ..BASE
    },
    Row {
        codes: &[65],
        short: "the kernel refused these parameters",
        cause: "Exit code 65: the kernel cannot compute these parameters. Another attempt would end the same, so the Job gives the index \
                up at once.",
        next: &[
            "the last line of the log says which",
            "submit another range of parameters",
        ],
        shows: Shows::Log,
        ..BASE
    },
    Row {
        codes: &[70],
        short: "the worker could not write its result",
        cause: "Exit code 70: something around the computation failed, such as a result that cannot be written.",
        next: &["read the log; the Job makes another pod while the index has retries left"],
        facts: &[Known::Retries],
        shows: Shows::Log,
        ..BASE
    },
    Row {
        codes: &[137],
        short: "killed with SIGKILL",
        cause: "Exit code 137 is 128 + 9: SIGKILL. Either its node ran out of memory, or the worker did not end within its grace period, \
                or somebody killed it.",
        next: &[
            "see the node's events for an out-of-memory kill",
            "allow more memory: --memory REQUEST:LIMIT",
        ],
        facts: &[Known::Memory, Known::Retries],
        shows: Shows::Node,
        ..BASE
    },
    Row {
        codes: &[139, 132, 134, 135, 136],
        short: "the worker crashed",
        cause: "Exit codes above 128 are 128 + a signal: 139 is a forbidden memory access, 132 an instruction that this processor does \
                not have, 134 an abort.",
        next: &["check that the image is for the node's processor", "read the log"],
        facts: &[Known::Image],
        shows: Shows::Log,
        ..BASE
    },
    Row {
        codes: &[143],
        short: "told to end before it was done",
        cause: "Exit code 143 is 128 + 15: the worker got SIGTERM, stopped within one batch and wrote nothing. It must not exit with 0, \
                as that would mark the index done for ever.",
        next: &["nothing: the Job makes another pod for the index"],
        shows: Shows::Events,
        ..BASE
    },
    Row {
        codes: &[126, 127],
        short: "the image does not have the command",
        cause: "Exit code 127: there is no such command in the image. 126: it is there and may not be executed.",
        next: &["check the image: it must be the worker's"],
        facts: &[Known::Image],
        shows: Shows::Log,
        ..BASE
    },
];

/// What explains a failure of which nothing else is known.
pub(super) static FAILED: Row = Row {
    short: "the worker failed",
    cause: "The worker's container ended with an exit code other than 0. The Job makes another pod while the index has retries left.",
    next: &["read its log"],
    facts: &[Known::Retries],
    shows: Shows::Log,
    ..BASE
};

/// What explains a wait or a warning of which nothing else is known.
pub(super) static OTHER: Row = Row {
    short: "Kubernetes says so",
    cause: "This is what Kubernetes says; this program knows no more about it.",
    shows: Shows::Events,
    ..BASE
};
