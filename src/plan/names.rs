//! The names by which the tool, the cluster and the worker find each other's things. They are part of what is stored on
//! clusters.

pub use ttg_worker::protocol::env;

/// The label that says which application an object belongs to.
pub const APP_LABEL: &str = "app.kubernetes.io/name";
/// The value of [`APP_LABEL`].
pub const APP: &str = "ttg";
/// The label that says which tool made an object.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "ttg-tui";
/// The label that says which run an object belongs to.
pub const RUN_LABEL: &str = "ttg-tui/run";
/// The annotation of a Job that holds the whole plan as JSON.
pub const PLAN_ANNOTATION: &str = "ttg-tui/plan";
/// The annotation of a Job that says who cancelled the run and when.
pub const CANCELLED_ANNOTATION: &str = "ttg-tui/cancelled";
/// The annotation of a rerun's Job with the completion indexes of the run that it computes, such as `1,3-5`. The Job's own index
/// k stands for the k-th of them.
pub const INDEXES_ANNOTATION: &str = "ttg-tui/indexes";
/// The container that computes.
pub const WORKER_CONTAINER: &str = "worker";
/// Kubernetes' annotation of a pod with its completion index.
pub const INDEX_ANNOTATION: &str = "batch.kubernetes.io/job-completion-index";
/// Kubernetes' label of a pod with the uid of its Job.
pub const CONTROLLER_UID_LABEL: &str = "batch.kubernetes.io/controller-uid";
/// Kubernetes' finalizer of a pod that its Job's controller still has to count. A pod that the controller itself ends loses it
/// first.
pub const TRACKING_FINALIZER: &str = "batch.kubernetes.io/job-tracking";
