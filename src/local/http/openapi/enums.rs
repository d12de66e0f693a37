//! The values that upstream's schemas name for fields of text, which those of k8s-openapi leave out.
//!
//! `kubectl explain` prints them. They are facts about Kubernetes 1.35 and say nothing of what the local cluster acts upon.

/// The values of a field: the schema as group and name, the field, and the values with `,` between them. Of a list they are the
/// values of its elements. One field of a volume may be empty, too.
pub(super) const ENUMS: &[(&str, &str, &str, &str)] = &[
    ("batch", "JobSpec", "completionMode", "Indexed,NonIndexed"),
    ("batch", "JobSpec", "podReplacementPolicy", "Failed,TerminatingOrFailed"),
    (
        "batch",
        "PodFailurePolicyOnExitCodesRequirement",
        "operator",
        "In,NotIn",
    ),
    (
        "batch",
        "PodFailurePolicyRule",
        "action",
        "Count,FailIndex,FailJob,Ignore",
    ),
    ("core", "AppArmorProfile", "type", "Localhost,RuntimeDefault,Unconfined"),
    (
        "core",
        "AzureDiskVolumeSource",
        "cachingMode",
        "None,ReadOnly,ReadWrite",
    ),
    ("core", "AzureDiskVolumeSource", "kind", "Dedicated,Managed,Shared"),
    ("core", "Container", "imagePullPolicy", "Always,IfNotPresent,Never"),
    (
        "core",
        "Container",
        "terminationMessagePolicy",
        "FallbackToLogsOnError,File",
    ),
    ("core", "ContainerPort", "protocol", "SCTP,TCP,UDP"),
    ("core", "ContainerStatus", "stopSignal", SIGNALS),
    (
        "core",
        "EphemeralContainer",
        "imagePullPolicy",
        "Always,IfNotPresent,Never",
    ),
    (
        "core",
        "EphemeralContainer",
        "terminationMessagePolicy",
        "FallbackToLogsOnError,File",
    ),
    ("core", "HTTPGetAction", "scheme", "HTTP,HTTPS"),
    (
        "core",
        "HostPathVolumeSource",
        "type",
        ",BlockDevice,CharDevice,Directory,DirectoryOrCreate,File,FileOrCreate,Socket",
    ),
    ("core", "ImageVolumeSource", "pullPolicy", "Always,IfNotPresent,Never"),
    ("core", "Lifecycle", "stopSignal", SIGNALS),
    ("core", "NamespaceStatus", "phase", "Active,Terminating"),
    (
        "core",
        "NodeSelectorRequirement",
        "operator",
        "DoesNotExist,Exists,Gt,In,Lt,NotIn",
    ),
    ("core", "NodeStatus", "phase", "Pending,Running,Terminated"),
    (
        "core",
        "PersistentVolumeClaimSpec",
        "accessModes",
        "ReadOnlyMany,ReadWriteMany,ReadWriteOnce,ReadWriteOncePod",
    ),
    ("core", "PersistentVolumeClaimSpec", "volumeMode", "Block,Filesystem"),
    (
        "core",
        "PodSecurityContext",
        "fsGroupChangePolicy",
        "Always,OnRootMismatch",
    ),
    ("core", "PodSecurityContext", "supplementalGroupsPolicy", "Merge,Strict"),
    (
        "core",
        "PodSpec",
        "dnsPolicy",
        "ClusterFirst,ClusterFirstWithHostNet,Default,None",
    ),
    ("core", "PodSpec", "preemptionPolicy", "Never,PreemptLowerPriority"),
    ("core", "PodSpec", "restartPolicy", "Always,Never,OnFailure"),
    ("core", "PodStatus", "phase", "Failed,Pending,Running,Succeeded,Unknown"),
    ("core", "PodStatus", "qosClass", "BestEffort,Burstable,Guaranteed"),
    ("core", "SeccompProfile", "type", "Localhost,RuntimeDefault,Unconfined"),
    ("core", "SecurityContext", "procMount", "Default,Unmasked"),
    ("core", "Taint", "effect", "NoExecute,NoSchedule,PreferNoSchedule"),
    ("core", "Toleration", "effect", "NoExecute,NoSchedule,PreferNoSchedule"),
    ("core", "Toleration", "operator", "Equal,Exists,Gt,Lt"),
    ("core", "TopologySpreadConstraint", "nodeAffinityPolicy", "Honor,Ignore"),
    ("core", "TopologySpreadConstraint", "nodeTaintsPolicy", "Honor,Ignore"),
    (
        "core",
        "TopologySpreadConstraint",
        "whenUnsatisfiable",
        "DoNotSchedule,ScheduleAnyway",
    ),
    (
        "core",
        "VolumeMount",
        "mountPropagation",
        "Bidirectional,HostToContainer,None",
    ),
];

/// The signals that a container can be told to stop by.
const SIGNALS: &str = "\
    SIGABRT,SIGALRM,SIGBUS,SIGCHLD,SIGCLD,SIGCONT,SIGFPE,SIGHUP,SIGILL,SIGINT,SIGIO,SIGIOT,SIGKILL,SIGPIPE,SIGPOLL,\
    SIGPROF,SIGPWR,SIGQUIT,SIGRTMAX,SIGRTMAX-1,SIGRTMAX-10,SIGRTMAX-11,SIGRTMAX-12,SIGRTMAX-13,SIGRTMAX-14,\
    SIGRTMAX-2,SIGRTMAX-3,SIGRTMAX-4,SIGRTMAX-5,SIGRTMAX-6,SIGRTMAX-7,SIGRTMAX-8,SIGRTMAX-9,SIGRTMIN,SIGRTMIN+1,\
    SIGRTMIN+10,SIGRTMIN+11,SIGRTMIN+12,SIGRTMIN+13,SIGRTMIN+14,SIGRTMIN+15,SIGRTMIN+2,SIGRTMIN+3,SIGRTMIN+4,\
    SIGRTMIN+5,SIGRTMIN+6,SIGRTMIN+7,SIGRTMIN+8,SIGRTMIN+9,SIGSEGV,SIGSTKFLT,SIGSTOP,SIGSYS,SIGTERM,SIGTRAP,\
    SIGTSTP,SIGTTIN,SIGTTOU,SIGURG,SIGUSR1,SIGUSR2,SIGVTALRM,SIGWINCH,SIGXCPU,SIGXFSZ";
