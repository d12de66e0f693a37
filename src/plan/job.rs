//! The plan as Kubernetes objects: the immutable `ConfigMap` with the tunables, and the Indexed Job; and the plan back
//! from a Job. A run has one Job, and one more for each rerun of some of its indexes: each is a [`Part`] of it.
//!
//! This module makes objects; it sends nothing and knows no cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMap, ConfigMapKeySelector, Container, EnvVar, EnvVarSource, ObjectFieldSelector,
    PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements, SeccompProfile, SecurityContext,
    Toleration as KubeToleration, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use ttg_worker::intervals::IndexSet;

use super::names::{self, env};
use super::{Plan, PlanError, Rerun, RunId, Toleration};

/// The longest plan that is read from an annotation: Kubernetes allows 256 KiB for all annotations of an object
/// together.
const ANNOTATION_BYTES_MAX: usize = 256 * 1_024;

/// The user and group of the worker: any number but root's passes restricted Pod Security.
const WORKER_USER: i64 = 65_532;

/// The worker's exit codes that a retry cannot mend: bad input, and parameters that the kernel refuses.
const HOPELESS_EXIT_CODES: [i32; 2] = [64, 65];

/// Why a Job's annotation is not a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// It is longer than Kubernetes allows.
    #[error(
        "the annotation {annotation} has {0} bytes: at most {max} are valid",
        annotation = names::PLAN_ANNOTATION,
        max = ANNOTATION_BYTES_MAX
    )]
    TooLong(usize),
    /// It is not JSON of the right form. The parser's words are left out: they quote hostile text.
    #[error(
        "the annotation {annotation} is not a plan: it goes wrong at line {line}, column {column}",
        annotation = names::PLAN_ANNOTATION
    )]
    Malformed {
        /// The line where reading ended.
        line: usize,
        /// The column where reading ended.
        column: usize,
    },
    /// It is a plan that cannot be.
    #[error("the annotation {annotation} is not a valid plan: {0}", annotation = names::PLAN_ANNOTATION)]
    Invalid(#[from] PlanError),
}

/// Reads a plan from the annotation of a Job and checks it: whoever may change the Job may have written it.
pub fn plan_from_annotation(text: &str) -> Result<Plan, AnnotationError> {
    if text.len() > ANNOTATION_BYTES_MAX {
        return Err(AnnotationError::TooLong(text.len()));
    }
    let plan: Plan = serde_json::from_str(text).map_err(|error| AnnotationError::Malformed {
        line: error.line(),
        column: error.column(),
    })?;
    plan.check()?;
    Ok(plan)
}

/// Makes the `ConfigMap` of a run's first Job.
pub fn to_config_map(plan: &Plan, namespace: &str) -> ConfigMap {
    Part::new(plan, None).config_map(namespace)
}

/// Makes a run's first Job.
pub fn to_job(plan: &Plan, namespace: &str) -> Job {
    Part::new(plan, None).job(namespace)
}

/// One Job of a run with its `ConfigMap`: the first, which computes every index, or a rerun's, which computes some.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    plan: &'a Plan,
    rerun: Option<&'a Rerun>,
}

impl<'a> Part<'a> {
    /// Makes the first part of a run, or a rerun's.
    pub fn new(plan: &'a Plan, rerun: Option<&'a Rerun>) -> Self {
        Self { plan, rerun }
    }

    /// Returns the name of the run.
    pub fn run(&self) -> &'a RunId {
        &self.plan.run
    }

    /// Returns how often an index is tried again.
    pub fn retries(&self) -> u32 {
        self.plan.retries
    }

    /// Returns the name of the Job and of its `ConfigMap`.
    pub fn name(&self) -> String {
        self.rerun
            .map_or_else(|| self.plan.run.to_string(), |rerun| rerun.job_name(&self.plan.run))
    }

    /// Returns the indexes that a rerun computes; none for the first Job, which computes all of them.
    pub fn indexes(&self) -> Option<&'a IndexSet> {
        self.rerun.map(|rerun| &rerun.indexes)
    }

    /// Returns how many indexes the Job has.
    pub fn completions(&self) -> u32 {
        self.rerun.map_or(self.plan.shards, Rerun::completions)
    }

    /// Returns the Job's parallelism: a worker without an index would never start.
    fn parallelism(&self) -> u32 {
        let workers = self.rerun.map_or(self.plan.workers, |rerun| rerun.workers);
        workers.min(self.completions())
    }

    /// Makes the `ConfigMap`: what one may want to look up or vary between runs without reading the Job.
    ///
    /// It is immutable, since workers that start later must compute with the same settings.
    pub fn config_map(&self, namespace: &str) -> ConfigMap {
        let plan = self.plan;
        let tunables = [
            (env::TOTAL_PARAMETERS, plan.parameters.to_string()),
            (env::BATCH_SIZE, plan.batch_size.to_string()),
            (env::SIMULATE_WORK_MS, plan.simulate_work_ms.to_string()),
            (env::LOG_LEVEL, plan.log_level.as_str().to_owned()),
        ];
        let indexes = self.indexes().map(|indexes| (env::SHARD_INDEXES, indexes.to_string()));
        let data = tunables.into_iter().chain(indexes);
        ConfigMap {
            metadata: self.metadata(namespace),
            data: Some(data.map(|(key, value)| (key.to_owned(), value)).collect()),
            immutable: Some(true),
            ..ConfigMap::default()
        }
    }

    /// Makes the Job.
    pub fn job(&self, namespace: &str) -> Job {
        let plan = self.plan;
        let indexes = self
            .indexes()
            .map(|indexes| (names::INDEXES_ANNOTATION.to_owned(), indexes.to_string()));
        let plan_json = (names::PLAN_ANNOTATION.to_owned(), plan_json(plan));
        Job {
            metadata: ObjectMeta {
                annotations: Some([plan_json].into_iter().chain(indexes).collect()),
                ..self.metadata(namespace)
            },
            spec: Some(JobSpec {
                completion_mode: Some("Indexed".to_owned()),
                completions: Some(int(self.completions())),
                parallelism: Some(int(self.parallelism())),
                backoff_limit_per_index: Some(int(plan.retries)),
                // Kubernetes refuses more failed indexes than there are completions.
                max_failed_indexes: Some(int(plan.max_failed.min(self.completions()))),
                // Otherwise a deleted pod counts as failed at once, and its index runs again beside it.
                pod_replacement_policy: Some("Failed".to_owned()),
                pod_failure_policy: Some(pod_failure_policy()),
                template: pod_template(self),
                ..JobSpec::default()
            }),
            status: None,
        }
    }

    fn metadata(&self, namespace: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(self.name()),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels(self.plan)),
            ..ObjectMeta::default()
        }
    }
}

/// Makes the reference that ties the `ConfigMap` to its Job, so that deleting the Job deletes both; none before the Job
/// is stored.
///
/// It does not block the Job's deletion: that would need the right to set finalizers on Jobs.
pub fn owner_reference(job: &Job) -> Option<OwnerReference> {
    Some(OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        name: job.metadata.name.clone()?,
        uid: job.metadata.uid.clone()?,
        ..OwnerReference::default()
    })
}

fn plan_json(plan: &Plan) -> String {
    // A plan has only numbers, strings and maps by strings, which JSON always takes.
    serde_json::to_string(plan).unwrap_or_default()
}

fn labels(plan: &Plan) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::APP_LABEL.to_owned(), names::APP.to_owned()),
        (names::MANAGED_BY_LABEL.to_owned(), names::MANAGED_BY.to_owned()),
        (names::RUN_LABEL.to_owned(), plan.run.to_string()),
    ])
}

/// The first rule that matches wins, so a disrupted pod is forgiven whatever its exit code.
fn pod_failure_policy() -> PodFailurePolicy {
    let disrupted = PodFailurePolicyRule {
        action: "Ignore".to_owned(),
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
        }]),
        on_exit_codes: None,
    };
    let hopeless = PodFailurePolicyRule {
        action: "FailIndex".to_owned(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: Some(names::WORKER_CONTAINER.to_owned()),
            operator: "In".to_owned(),
            values: HOPELESS_EXIT_CODES.to_vec(),
        }),
        on_pod_conditions: None,
    };
    PodFailurePolicy {
        rules: vec![disrupted, hopeless],
    }
}

fn pod_template(part: &Part<'_>) -> PodTemplateSpec {
    let plan = part.plan;
    let tolerations: Vec<KubeToleration> = plan.tolerations.iter().map(toleration).collect();
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(plan)),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            restart_policy: Some("Never".to_owned()),
            automount_service_account_token: Some(false),
            // A worker looks nothing up, and the default policy makes a kubelet without a cluster DNS warn about every pod.
            dns_policy: Some("Default".to_owned()),
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(WORKER_USER),
                run_as_group: Some(WORKER_USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            topology_spread_constraints: Some(vec![spread(plan)]),
            node_selector: Some(plan.node_selector.clone()).filter(|selector| !selector.is_empty()),
            tolerations: Some(tolerations).filter(|tolerations| !tolerations.is_empty()),
            containers: vec![container(part)],
            ..PodSpec::default()
        }),
    }
}

/// Spreads the workers over the nodes where that is possible. A hard constraint would leave them Pending on a full
/// cluster, and the scheduler's own default does not cover the pods of Jobs.
fn spread(plan: &Plan) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(LabelSelector {
            match_labels: Some(BTreeMap::from([(names::RUN_LABEL.to_owned(), plan.run.to_string())])),
            ..LabelSelector::default()
        }),
        ..TopologySpreadConstraint::default()
    }
}

fn container(part: &Part<'_>) -> Container {
    let plan = part.plan;
    let amounts = |cpu: &str, memory: &str| {
        Some(BTreeMap::from([
            ("cpu".to_owned(), KubeQuantity(cpu.to_owned())),
            ("memory".to_owned(), KubeQuantity(memory.to_owned())),
        ]))
    };
    Container {
        name: names::WORKER_CONTAINER.to_owned(),
        image: Some(plan.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        env: Some(environment(part)),
        resources: Some(ResourceRequirements {
            requests: amounts(plan.cpu.request.as_str(), plan.memory.request.as_str()),
            limits: amounts(plan.cpu.limit.as_str(), plan.memory.limit.as_str()),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

fn environment(part: &Part<'_>) -> Vec<EnvVar> {
    let (plan, name) = (part.plan, part.name());
    let mut environment = vec![
        from_pod(
            env::WORKER_ID,
            &format!("metadata.annotations['{}']", names::INDEX_ANNOTATION),
        ),
        from_pod(
            env::JOB_UID,
            &format!("metadata.labels['{}']", names::CONTROLLER_UID_LABEL),
        ),
        from_pod(env::POD_NAME, "metadata.name"),
        plain(env::KERNEL, plan.kernel.clone()),
        plain(env::TOTAL_WORKERS, plan.shards.to_string()),
        plain(env::FIRST_PARAMETER, plan.first.to_string()),
        from_config_map(env::TOTAL_PARAMETERS, &name),
        from_config_map(env::BATCH_SIZE, &name),
        from_config_map(env::SIMULATE_WORK_MS, &name),
        from_config_map(env::LOG_LEVEL, &name),
    ];
    environment.extend(part.rerun.map(|_| from_config_map(env::SHARD_INDEXES, &name)));
    environment
}

fn plain(name: &str, value: String) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value),
        value_from: None,
    }
}

fn from_pod(name: &str, path: &str) -> EnvVar {
    let field_ref = Some(ObjectFieldSelector {
        field_path: path.to_owned(),
        api_version: None,
    });
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref,
            ..EnvVarSource::default()
        }),
    }
}

/// The key in the `ConfigMap` is the variable's own name.
fn from_config_map(name: &str, config_map: &str) -> EnvVar {
    let config_map_key_ref = Some(ConfigMapKeySelector {
        key: name.to_owned(),
        name: config_map.to_owned(),
        optional: None,
    });
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            config_map_key_ref,
            ..EnvVarSource::default()
        }),
    }
}

fn toleration(toleration: &Toleration) -> KubeToleration {
    let operator = if toleration.value.is_some() { "Equal" } else { "Exists" };
    KubeToleration {
        key: Some(toleration.key.clone()),
        operator: Some(operator.to_owned()),
        value: toleration.value.clone(),
        effect: toleration.effect.map(|effect| effect.as_str().to_owned()),
        toleration_seconds: None,
    }
}

/// Kubernetes counts in signed 32-bit integers; the bounds of every field are far below their end.
fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
