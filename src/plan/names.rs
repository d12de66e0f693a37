//! The names by which the tool, the cluster and the worker find each other's things. They are part of what is stored on
//! clusters.

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
/// The container that computes.
pub const WORKER_CONTAINER: &str = "worker";
/// Kubernetes' annotation of a pod with its completion index.
pub const INDEX_ANNOTATION: &str = "batch.kubernetes.io/job-completion-index";
/// Kubernetes' label of a pod with the uid of its Job.
pub const CONTROLLER_UID_LABEL: &str = "batch.kubernetes.io/controller-uid";

/// The worker's environment.
pub mod env {
    /// The completion index.
    pub const WORKER_ID: &str = "WORKER_ID";
    /// The number of shards.
    pub const TOTAL_WORKERS: &str = "TOTAL_WORKERS";
    /// The number of parameters.
    pub const TOTAL_PARAMETERS: &str = "TOTAL_PARAMETERS";
    /// The first parameter.
    pub const FIRST_PARAMETER: &str = "FIRST_PARAMETER";
    /// Parameters in a batch.
    pub const BATCH_SIZE: &str = "BATCH_SIZE";
    /// The pause after each batch, in milliseconds.
    pub const SIMULATE_WORK_MS: &str = "SIMULATE_WORK_MS";
    /// How much is logged.
    pub const LOG_LEVEL: &str = "LOG_LEVEL";
    /// The kernel's name.
    pub const KERNEL: &str = "KERNEL";
    /// The uid of the Job, which ties a result to this very Job.
    pub const JOB_UID: &str = "JOB_UID";
    /// The pod's name.
    pub const POD_NAME: &str = "POD_NAME";
}
