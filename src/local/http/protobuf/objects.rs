//! The messages of every object but the pod, and of metadata, options and reviews, in the form that `table` describes.
//!
//! Numbers and names are those of `k8s.io/api` and `k8s.io/apimachinery` 0.35, with pointers and inlined messages as their Go types
//! have them.

/// `meta/v1`.
pub(super) const META: &str = "\
DeleteOptions
    1 gracePeriodSeconds *int64; 2 preconditions *Preconditions; 3 orphanDependents *bool;
    4 propagationPolicy *string; 5 dryRun []string; 6 ignoreStoreReadErrorWithClusterBreakingPotential *bool
ManagedFieldsEntry
    1 manager string; 2 operation string; 3 apiVersion string; 4 time *Time; 6 fieldsType string;
    7 fieldsV1 *FieldsV1; 8 subresource string
ObjectMeta
    1 name string; 2 generateName string; 3 namespace string; 4 selfLink string; 5 uid string;
    6 resourceVersion string; 7 generation int64; 8 creationTimestamp Time; 9 deletionTimestamp *Time;
    10 deletionGracePeriodSeconds *int64; 11 labels {}string; 12 annotations {}string;
    13 ownerReferences []OwnerReference; 14 finalizers []string; 17 managedFields []ManagedFieldsEntry
OwnerReference
    1 kind string; 3 name string; 4 uid string; 5 apiVersion string; 6 controller *bool; 7 blockOwnerDeletion *bool
Preconditions
    1 uid *string; 2 resourceVersion *string
";

/// `core/v1` without the pod.
pub(super) const CORE: &str = "\
AttachedVolume
    1 name string; 2 devicePath string
ConfigMap
    1 metadata ObjectMeta; 2 data {}string; 3 binaryData {}bytes; 4 immutable *bool
ConfigMapNodeConfigSource
    1 namespace string; 2 name string; 3 uid string; 4 resourceVersion string; 5 kubeletConfigKey string
ContainerImage
    1 names []string; 2 sizeBytes int64
DaemonEndpoint
    1 Port int32
Event
    1 metadata ObjectMeta; 2 involvedObject ObjectReference; 3 reason string; 4 message string; 5 source EventSource;
    6 firstTimestamp Time; 7 lastTimestamp Time; 8 count int32; 9 type string; 10 eventTime MicroTime;
    11 series *EventSeries; 12 action string; 13 related *ObjectReference; 14 reportingComponent string;
    15 reportingInstance string
EventSeries
    1 count int32; 2 lastObservedTime MicroTime
EventSource
    1 component string; 2 host string
Namespace
    1 metadata ObjectMeta; 2 spec NamespaceSpec; 3 status NamespaceStatus
NamespaceCondition
    1 type string; 2 status string; 4 lastTransitionTime Time; 5 reason string; 6 message string
NamespaceSpec
    1 finalizers []string
NamespaceStatus
    1 phase string; 2 conditions []NamespaceCondition
Node
    1 metadata ObjectMeta; 2 spec NodeSpec; 3 status NodeStatus
NodeAddress
    1 type string; 2 address string
NodeCondition
    1 type string; 2 status string; 3 lastHeartbeatTime Time; 4 lastTransitionTime Time; 5 reason string;
    6 message string
NodeConfigSource
    2 configMap *ConfigMapNodeConfigSource
NodeConfigStatus
    1 assigned *NodeConfigSource; 2 active *NodeConfigSource; 3 lastKnownGood *NodeConfigSource; 4 error string
NodeDaemonEndpoints
    1 kubeletEndpoint DaemonEndpoint
NodeFeatures
    1 supplementalGroupsPolicy *bool
NodeRuntimeHandler
    1 name string; 2 features *NodeRuntimeHandlerFeatures
NodeRuntimeHandlerFeatures
    1 recursiveReadOnlyMounts *bool; 2 userNamespaces *bool
NodeSpec
    1 podCIDR string; 2 externalID string; 3 providerID string; 4 unschedulable bool; 5 taints []Taint;
    6 configSource *NodeConfigSource; 7 podCIDRs []string
NodeStatus
    1 capacity {}Quantity; 2 allocatable {}Quantity; 3 phase string; 4 conditions []NodeCondition;
    5 addresses []NodeAddress; 6 daemonEndpoints NodeDaemonEndpoints; 7 nodeInfo NodeSystemInfo;
    8 images []ContainerImage; 9 volumesInUse []string; 10 volumesAttached []AttachedVolume;
    11 config *NodeConfigStatus; 12 runtimeHandlers []NodeRuntimeHandler; 13 features *NodeFeatures;
    14 declaredFeatures []string
NodeSwapStatus
    1 capacity *int64
NodeSystemInfo
    1 machineID string; 2 systemUUID string; 3 bootID string; 4 kernelVersion string; 5 osImage string;
    6 containerRuntimeVersion string; 7 kubeletVersion string; 8 kubeProxyVersion string; 9 operatingSystem string;
    10 architecture string; 11 swap *NodeSwapStatus
ObjectReference
    1 kind string; 2 namespace string; 3 name string; 4 uid string; 5 apiVersion string; 6 resourceVersion string;
    7 fieldPath string
Secret
    1 metadata ObjectMeta; 2 data {}bytes; 3 type string; 4 stringData {}string; 5 immutable *bool
ServiceAccount
    1 metadata ObjectMeta; 2 secrets []ObjectReference; 3 imagePullSecrets []LocalObjectReference;
    4 automountServiceAccountToken *bool
Taint
    1 key string; 2 value string; 3 effect string; 4 timeAdded *Time
";

/// `batch/v1` and `policy/v1`.
pub(super) const BATCH: &str = "\
Eviction
    1 metadata ObjectMeta; 2 deleteOptions *DeleteOptions
Job
    1 metadata ObjectMeta; 2 spec JobSpec; 3 status JobStatus
JobCondition
    1 type string; 2 status string; 3 lastProbeTime Time; 4 lastTransitionTime Time; 5 reason string; 6 message string
JobSpec
    1 parallelism *int32; 2 completions *int32; 3 activeDeadlineSeconds *int64; 4 selector *LabelSelector;
    5 manualSelector *bool; 6 template PodTemplateSpec; 7 backoffLimit *int32; 8 ttlSecondsAfterFinished *int32;
    9 completionMode *string; 10 suspend *bool; 11 podFailurePolicy *PodFailurePolicy; 12 backoffLimitPerIndex *int32;
    13 maxFailedIndexes *int32; 14 podReplacementPolicy *string; 15 managedBy *string; 16 successPolicy *SuccessPolicy
JobStatus
    1 conditions []JobCondition; 2 startTime *Time; 3 completionTime *Time; 4 active int32; 5 succeeded int32;
    6 failed int32; 7 completedIndexes string; 8 uncountedTerminatedPods *UncountedTerminatedPods; 9 ready *int32;
    10 failedIndexes *string; 11 terminating *int32
PodFailurePolicy
    1 rules []PodFailurePolicyRule
PodFailurePolicyOnExitCodesRequirement
    1 containerName *string; 2 operator string; 3 values []int32
PodFailurePolicyOnPodConditionsPattern
    1 type string; 2 status string
PodFailurePolicyRule
    1 action string; 2 onExitCodes *PodFailurePolicyOnExitCodesRequirement;
    3 onPodConditions []PodFailurePolicyOnPodConditionsPattern
SuccessPolicy
    1 rules []SuccessPolicyRule
SuccessPolicyRule
    1 succeededIndexes *string; 2 succeededCount *int32
UncountedTerminatedPods
    1 succeeded []string; 2 failed []string
";

/// `authorization.k8s.io/v1` and `authentication.k8s.io/v1`.
pub(super) const REVIEWS: &str = "\
FieldSelectorAttributes
    1 rawSelector string; 2 requirements []FieldSelectorRequirement
FieldSelectorRequirement
    1 key string; 2 operator string; 3 values []string
LabelSelectorAttributes
    1 rawSelector string; 2 requirements []LabelSelectorRequirement
LabelSelectorRequirement
    1 key string; 2 operator string; 3 values []string
LocalSubjectAccessReview
    1 metadata ObjectMeta; 2 spec SubjectAccessReviewSpec; 3 status SubjectAccessReviewStatus
NonResourceAttributes
    1 path string; 2 verb string
NonResourceRule
    1 verbs []string; 2 nonResourceURLs []string
ResourceAttributes
    1 namespace string; 2 verb string; 3 group string; 4 version string; 5 resource string; 6 subresource string;
    7 name string; 8 fieldSelector *FieldSelectorAttributes; 9 labelSelector *LabelSelectorAttributes
ResourceRule
    1 verbs []string; 2 apiGroups []string; 3 resources []string; 4 resourceNames []string
SelfSubjectAccessReview
    1 metadata ObjectMeta; 2 spec SelfSubjectAccessReviewSpec; 3 status SubjectAccessReviewStatus
SelfSubjectAccessReviewSpec
    1 resourceAttributes *ResourceAttributes; 2 nonResourceAttributes *NonResourceAttributes
SelfSubjectReview
    1 metadata ObjectMeta; 2 status SelfSubjectReviewStatus
SelfSubjectReviewStatus
    1 userInfo UserInfo
SelfSubjectRulesReview
    1 metadata ObjectMeta; 2 spec SelfSubjectRulesReviewSpec; 3 status SubjectRulesReviewStatus
SelfSubjectRulesReviewSpec
    1 namespace string
SubjectAccessReview
    1 metadata ObjectMeta; 2 spec SubjectAccessReviewSpec; 3 status SubjectAccessReviewStatus
SubjectAccessReviewSpec
    1 resourceAttributes *ResourceAttributes; 2 nonResourceAttributes *NonResourceAttributes; 3 user string;
    4 groups []string; 5 extra {}ExtraValue; 6 uid string
SubjectAccessReviewStatus
    1 allowed bool; 2 reason string; 3 evaluationError string; 4 denied bool
SubjectRulesReviewStatus
    1 resourceRules []ResourceRule; 2 nonResourceRules []NonResourceRule; 3 incomplete bool; 4 evaluationError string
UserInfo
    1 username string; 2 uid string; 3 groups []string; 4 extra {}ExtraValue
";
