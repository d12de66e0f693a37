//! Why pods do not start: no image, no container, no node. The first row that fits counts, so what tells more comes before what tells
//! less.

use super::row::{BASE, Known, Row, Shows};

/// The reasons of an image that cannot be had.
const PULL: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "RegistryUnavailable",
    "ImageInspectError",
];
/// The reasons of a pod that has no node.
pub(super) const UNSCHEDULABLE: &[&str] = &["Unschedulable", "FailedScheduling"];

/// Images that cannot be had.
pub(super) static IMAGES: &[Row] = &[
    Row {
        reasons: PULL,
        words: &["unauthorized", "authentication required", "denied", "no basic auth"],
        short: "the registry refuses to hand out the image",
        cause: "The node asked the registry for the image, and the registry refused: the image is private, or there is none of this \
                name and it will not say so. Kubernetes tries again, ever more slowly, at most every 5 minutes.",
        next: &[
            "check the image's name",
            "if it is private, give the namespace's default service account an imagePullSecret",
        ],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: PULL,
        words: &["not found", "manifest unknown", "does not exist", "no such image"],
        short: "there is no image of this name and tag",
        cause: "The registry has no image of this name and tag, or none for this node's processor. Kubernetes tries again, ever more \
                slowly, at most every 5 minutes.",
        next: &[
            "check name and tag: ttg-tui run --image NAME:TAG",
            "push the image, or load it into every node",
        ],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: PULL,
        words: &[
            "no such host",
            "i/o timeout",
            "connection refused",
            "deadline exceeded",
            "TLS handshake",
        ],
        short: "the node cannot reach the registry",
        cause: "The node does not get through to the image's registry: no name, no route, or a proxy in between. Kubernetes tries \
                again, ever more slowly, at most every 5 minutes.",
        next: &[
            "check the registry's name in the image",
            "check the node's network and proxy, or load the image into every node",
        ],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: PULL,
        short: "the node cannot get the image",
        cause: "The node cannot get the worker's image. Kubernetes tries again, ever more slowly, at most every 5 minutes.",
        next: &[
            "check name, tag and digest: ttg-tui run --image NAME:TAG",
            "check that the registry is reached and that the namespace has an imagePullSecret if it needs one",
        ],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["ErrImageNeverPull"],
        short: "the image is not on the node, and must not be pulled",
        cause: "The pod says imagePullPolicy: Never, so the node uses only images that it has, and it does not have this one.",
        next: &[
            "load the image into every node, such as by: kind load docker-image IMAGE",
            "or let it be pulled: imagePullPolicy: IfNotPresent",
        ],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["InvalidImageName"],
        short: "the image's name is not valid",
        cause: "The image's name cannot be read as REGISTRY/NAME:TAG or NAME@sha256:DIGEST, so it is not even looked for.",
        next: &["correct the name: ttg-tui run --image NAME:TAG"],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["SignatureValidationFailed"],
        short: "the image's signature is not accepted",
        cause: "This cluster runs signed images only, and the signature of this one is missing or not trusted.",
        next: &["use a signed image, or ask who runs the cluster"],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
];

/// Containers that cannot be made or started.
pub(super) static CONTAINERS: &[Row] = &[
    Row {
        reasons: &["CreateContainerConfigError"],
        words: &["runAsNonRoot", "non-numeric", "run as root"],
        short: "the image would run as root, which is forbidden",
        cause: "The pod must not run as root, and the image says no user, the user root, or a user by name, of which nobody can tell \
                that it is not root.",
        next: &["set a user by number in the image, such as USER 65532, or runAsUser in the pod"],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["CreateContainerConfigError"],
        short: "a ConfigMap, a Secret or a key of it is missing",
        cause: "The container's settings refer to a ConfigMap, a Secret or a key of one that is not there. The kubelet looks again and \
                again, so the pod starts as soon as it is.",
        next: &[
            "see in the words above what is missing, and make it",
            "or cancel the run and submit it again",
        ],
        shows: Shows::Config,
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["CreateContainerError", "PreCreateHookError", "PostStartHookError"],
        short: "the node cannot make the container",
        cause: "The node's container runtime refused to make the container, such as for a command that is not in the image or a name \
                that is still in use.",
        next: &["read the runtime's words above", "check that the image has the command"],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["RunContainerError", "ContainerCannotRun", "StartError"],
        short: "the container was made and could not be started",
        cause: "The container was made, and its command could not be started: it is not in the image, may not be executed, or is for \
                another processor.",
        next: &["check that the image is for the node's processor and that its command may be executed"],
        facts: &[Known::Image],
        ..BASE
    },
    Row {
        reasons: &["CreatePodSandboxError", "FailedCreatePodSandBox"],
        short: "the node cannot set up the pod's network",
        cause: "Before any container the node makes the pod's sandbox with its network, and that failed: mostly the network plugin, or a \
                node that is out of something.",
        next: &[
            "if one node only does so: kubectl cordon NODE, and delete the pod",
            "read the plugin's words above",
        ],
        shows: Shows::Node,
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["FailedMount", "FailedAttachVolume"],
        short: "a volume of the pod cannot be mounted",
        cause: "A volume of the pod is not there or cannot be attached to its node. The kubelet tries again and again.",
        next: &["see in the words above which object is missing, and make it"],
        shows: Shows::Config,
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["CrashLoopBackOff", "BackOff"],
        words: &["restarting"],
        short: "the container fails again and again",
        cause: "The container ended and is started again on the same node, ever more slowly. The Jobs of this program never do that \
                (restartPolicy: Never), so somebody changed the pods.",
        next: &["read its log"],
        shows: Shows::Log,
        ..BASE
    },
    Row {
        reasons: &["BackOff"],
        short: "the node waits before it pulls the image again",
        cause: "Pulling the image failed, and the node waits before it tries again, at most 5 minutes.",
        next: &["check the image's name and the registry"],
        facts: &[Known::Image],
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["ContainerCreating", "PodInitializing"],
        short: "the node is making the container",
        cause: "The pod has a node, and the node pulls the image if it does not have it, mounts the volumes and makes the container. \
                Every pod goes through this.",
        next: &["wait; the first pod on a node takes longer, as the image is pulled"],
        ..BASE
    },
];

/// Pods for which there is no place.
pub(super) static PLACES: &[Row] = &[
    Row {
        reasons: UNSCHEDULABLE,
        words: &["no nodes available"],
        short: "the cluster has no node",
        cause: "The scheduler knows no node at all.",
        next: &["add a node, or wait until one is ready"],
        shows: Shows::Nodes,
        waits: true,
        ..BASE
    },
    Row {
        reasons: UNSCHEDULABLE,
        short: "no node has room for the pod or is allowed to it",
        cause: "The scheduler looked at every node and found none that has room for this pod and that the pod may use. It looks again \
                whenever something changes.",
        facts: &[Known::Cpu, Known::Memory, Known::Selector, Known::Tolerations],
        shows: Shows::Nodes,
        waits: true,
        ..BASE
    },
    Row {
        reasons: &["SchedulingGated"],
        short: "somebody holds the pod back from scheduling",
        cause: "The pod has a scheduling gate: the scheduler leaves it alone until whoever set the gate removes it, such as a queue of \
                this cluster.",
        next: &["wait for the queue, or ask who runs it"],
        waits: true,
        ..BASE
    },
    Row {
        reasons: &[
            "OutOfcpu",
            "OutOfmemory",
            "OutOfpods",
            "UnexpectedAdmissionError",
            "NodeAffinity",
        ],
        short: "the node turned the pod away",
        cause: "The scheduler bound the pod to a node, and when it arrived the node had no room for it any more or did not suit it.",
        next: &[
            "nothing: the Job makes another pod",
            "if it happens again and again, kubectl cordon that node",
        ],
        shows: Shows::Node,
        ..BASE
    },
];
