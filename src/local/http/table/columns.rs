//! The columns of every kind, as upstream's API server declares them.

use serde::Serialize;

use crate::local::kinds::Kind;

/// One column of a table.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    /// The heading; kubectl writes it in capitals.
    name: &'static str,
    /// All cells are shown as text.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `name` for the column that holds the object's name, which kubectl may prefix with its kind.
    format: &'static str,
    /// What the column tells.
    description: &'static str,
    /// 0 is always shown, 1 only by `-o wide`.
    priority: u8,
}

/// Returns the columns of a kind.
pub(super) fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Namespace => &NAMESPACES,
        Kind::Node => &NODES,
        Kind::Pod => &PODS,
        Kind::Event => &EVENTS,
        Kind::ConfigMap => &CONFIGMAPS,
        Kind::Secret => &SECRETS,
        Kind::ServiceAccount => &SERVICEACCOUNTS,
        Kind::Job => &JOBS,
    }
}

const fn column(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: TEXT,
        format: "",
        description,
        priority: 0,
    }
}

const fn wide(name: &'static str, description: &'static str) -> Column {
    Column {
        name,
        kind: TEXT,
        format: "",
        description,
        priority: 1,
    }
}

const fn object_name(priority: u8) -> Column {
    Column {
        name: "Name",
        kind: TEXT,
        format: "name",
        description: NAME,
        priority,
    }
}

const fn age() -> Column {
    column("Age", AGE)
}

const TEXT: &str = "string";

const NAME: &str = "Name must be unique within a namespace. Is required when creating resources, although \
    some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation \
    idempotence and configuration definition. Cannot be updated. More info: \
    https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

const AGE: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not \
    guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is \
    represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: \
    https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

const ADDRESSES: &str = "List of addresses reachable to the node. Queried from cloud provider, if available. More info: \
    https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as mergeable, but \
    the merge key is not sufficiently unique, which can cause data corruption when it is merged. Callers should \
    instead use a full-replacement patch. See https://pr.k8s.io/79391 for an example. Consumers should assume that \
    addresses can change during the lifetime of a Node. However, there are some exceptions where this may not be \
    possible, such as Pods that inherit a Node's address in its own status or consumers of the downward API \
    (status.hostIP).";

static NAMESPACES: [Column; 3] = [object_name(0), column("Status", "The status of the namespace"), age()];

static NODES: [Column; 10] = [
    object_name(0),
    column("Status", "The status of the node"),
    column("Roles", "The roles of the node"),
    age(),
    column("Version", "Kubelet Version reported by the node."),
    wide("Internal-IP", ADDRESSES),
    wide("External-IP", ADDRESSES),
    wide(
        "OS-Image",
        "OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).",
    ),
    wide(
        "Kernel-Version",
        "Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).",
    ),
    wide(
        "Container-Runtime",
        "ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2).",
    ),
];

static PODS: [Column; 9] = [
    object_name(0),
    column(
        "Ready",
        "The aggregate readiness state of this pod for accepting traffic.",
    ),
    column("Status", "The aggregate status of the containers in this pod."),
    column(
        "Restarts",
        "The number of times the containers in this pod have been restarted and when the last container in this pod \
        has restarted.",
    ),
    age(),
    wide(
        "IP",
        "podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.",
    ),
    wide(
        "Node",
        "NodeName indicates in which node this pod is scheduled. If empty, this pod is a candidate for scheduling by \
        the scheduler defined in schedulerName. Once this field is set, the kubelet for this node becomes \
        responsible for the lifecycle of this pod. This field should not be used to express a desire for the pod to \
        be scheduled on a specific node. \
        https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename",
    ),
    wide(
        "Nominated Node",
        "nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled \
        right away as preemption victims receive their graceful termination periods. This field does not guarantee \
        that the pod will be scheduled on this node. Scheduler may decide to place the pod elsewhere if other nodes \
        become available sooner. Scheduler may also decide to give the resources on this node to a higher priority \
        pod that is created after preemption. As a result, this field may be different than PodSpec.nodeName when \
        the pod is scheduled.",
    ),
    wide(
        "Readiness Gates",
        "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready when all its \
        containers are ready AND all conditions specified in the readiness gates have status equal to \"True\" More \
        info: https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates",
    ),
];

static EVENTS: [Column; 10] = [
    column(
        "Last Seen",
        "The time at which the most recent occurrence of this event was recorded.",
    ),
    column(
        "Type",
        "Type of this event (Normal, Warning), new types could be added in the future",
    ),
    column(
        "Reason",
        "This should be a short, machine understandable string that gives the reason for the transition into the \
        object's current status.",
    ),
    column("Object", "The object that this event is about."),
    wide(
        "Subobject",
        "If referring to a piece of an object instead of an entire object, this string should contain a valid \
        JSON/Go field access statement, such as desiredState.manifest.containers[2]. For example, if the object \
        reference is to a container within a pod, this would take on a value like: \"spec.containers{name}\" (where \
        \"name\" refers to the name of the container that triggered the event) or if no container name is specified \
        \"spec.containers[2]\" (container with index 2 in this pod). This syntax is chosen only to have some \
        well-defined way of referencing a part of an object.",
    ),
    wide(
        "Source",
        "The component reporting this event. Should be a short machine understandable string.",
    ),
    column(
        "Message",
        "A human-readable description of the status of this operation.",
    ),
    wide(
        "First Seen",
        "The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)",
    ),
    wide("Count", "The number of times this event has occurred."),
    object_name(1),
];

static CONFIGMAPS: [Column; 3] = [
    object_name(0),
    column(
        "Data",
        "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. \
        Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap \
        with the keys in the BinaryData field, this is enforced during validation process.",
    ),
    age(),
];

static SECRETS: [Column; 4] = [
    object_name(0),
    column(
        "Type",
        "Used to facilitate programmatic handling of secret data. More info: \
        https://kubernetes.io/docs/concepts/configuration/secret/#secret-types",
    ),
    column(
        "Data",
        "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The \
        serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly \
        non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4",
    ),
    age(),
];

static SERVICEACCOUNTS: [Column; 2] = [object_name(0), age()];

static JOBS: [Column; 8] = [
    object_name(0),
    column("Status", "Status of the job."),
    column(
        "Completions",
        "The number of pods which reached phase Succeeded. The value increases monotonically for a given spec. \
        However, it may decrease in reaction to scale down of elastic indexed jobs.",
    ),
    column("Duration", "Time required to complete the job."),
    age(),
    wide("Containers", "Names of each container in the template."),
    wide("Images", "Images referenced by each container in the template."),
    wide(
        "Selector",
        "A label query over pods that should match the pod count. Normally, the system sets this field for you. More \
        info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
    ),
];
