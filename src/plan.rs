//! What to run: the plan of one run, and what follows from it.
//!
//! A plan is plain data. It is checked by [`Plan::check`], split into shards by the worker's own arithmetic (so that
//! both sides agree), and turned into a Job by [`job`]. The command line and a form check single fields with
//! [`fields`], so both say the same words. Nothing here does I/O, reads a clock or draws a random number: randomness is
//! an argument.
//!
//! Guaranteed: a plan that passed [`Plan::check`] makes a Job and a `ConfigMap` that are well formed, and its worker
//! accepts its environment. Not guaranteed: that the cluster has room, rights or the image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ttg_worker::kernel::Kernel;
use ttg_worker::protocol::number::Grouped;
use ttg_worker::shard::{CompletionIndex, Domain, Shard};

pub mod error;
pub mod fields;
pub mod image;
pub mod job;
pub mod labels;
pub mod manifest;
pub mod names;
pub mod number;
pub mod pace;
pub mod quantity;
pub mod remarks;
pub mod rerun;
pub mod resource;
pub mod run_id;

pub use error::{Field, PlanError};
pub use labels::{TaintEffect, Toleration};
pub use quantity::Quantity;
pub use rerun::Rerun;
pub use resource::Resource;
pub use run_id::RunId;

/// The version of the plan's form that this program writes and reads.
pub const PLAN_VERSION: u32 = 1;

/// The parameter after the last possible one: 2^63.
pub const END_MAX: u64 = Domain::END_MAX;

/// The number of parameters unless said otherwise.
pub const DEFAULT_PARAMETERS: u64 = 10_000_000;
/// The kernel unless said otherwise.
pub const DEFAULT_KERNEL: &str = "primes";
/// The number of workers unless said otherwise.
pub const DEFAULT_WORKERS: u32 = 3;
/// Shards for each worker unless said otherwise: more than one, so that scaling a run that is under way means
/// something.
pub const DEFAULT_SHARDS_PER_WORKER: u32 = 4;
/// Parameters in a batch unless said otherwise.
pub const DEFAULT_BATCH_SIZE: u64 = 1_000;
/// Retries of an index unless said otherwise.
pub const DEFAULT_RETRIES: u32 = 3;
/// Indexes that may fail before the whole Job does, unless said otherwise.
pub const DEFAULT_MAX_FAILED: u32 = 3;
/// The image unless said otherwise. The local cluster runs any image of this name as its own worker.
pub const DEFAULT_IMAGE: &str = "ttg-worker:latest";
/// Shards that are computed again here unless said otherwise.
pub const DEFAULT_VERIFY: u32 = 2;

/// How much a worker logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// No lines of the protocol.
    Error,
    /// What it computes and what came out.
    Warn,
    /// That and the progress.
    #[default]
    Info,
    /// That and the settings.
    Debug,
}

impl LogLevel {
    /// Every level, from the quietest on.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// Returns the level as the worker's environment spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// What to run: parameters, kernel, shards, image and resources. It never changes once its run is submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form; [`PLAN_VERSION`].
    pub version: u32,
    /// The run's name, which is the name of its first Job and of that one's `ConfigMap`.
    pub run: RunId,
    /// The first parameter.
    pub first: u64,
    /// How many parameters.
    pub parameters: u64,
    /// The kernel's name.
    pub kernel: String,
    /// How many workers at once, as the user said it. The Job's parallelism is never more than the shards.
    pub workers: u32,
    /// How many shards: the Job's completions.
    pub shards: u32,
    /// Parameters in a batch.
    pub batch_size: u64,
    /// The pause after each batch, in milliseconds.
    pub simulate_work_ms: u64,
    /// How much the workers log.
    pub log_level: LogLevel,
    /// CPU of one worker.
    pub cpu: Resource,
    /// Memory of one worker.
    pub memory: Resource,
    /// Retries of an index: the Job's `backoffLimitPerIndex`.
    pub retries: u32,
    /// Failed indexes that end the whole Job, as the user said it. The Job's `maxFailedIndexes` is never more than the
    /// shards.
    pub max_failed: u32,
    /// The worker's image.
    pub image: String,
    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that are tolerated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// How many shards are computed again here. More than there are shards means all of them.
    pub verify: u32,
}

impl Plan {
    /// Makes the plan of defaults under this name.
    pub fn new(run: RunId) -> Self {
        Self {
            version: PLAN_VERSION,
            run,
            first: 0,
            parameters: DEFAULT_PARAMETERS,
            kernel: DEFAULT_KERNEL.to_owned(),
            workers: DEFAULT_WORKERS,
            shards: default_shards(DEFAULT_WORKERS, DEFAULT_PARAMETERS),
            batch_size: DEFAULT_BATCH_SIZE,
            simulate_work_ms: 0,
            log_level: LogLevel::default(),
            cpu: Resource::default_cpu(),
            memory: Resource::default_memory(),
            retries: DEFAULT_RETRIES,
            max_failed: DEFAULT_MAX_FAILED,
            image: DEFAULT_IMAGE.to_owned(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            verify: DEFAULT_VERIFY,
        }
    }

    /// Returns the parameters of the whole run.
    pub fn domain(&self) -> Domain {
        Domain {
            first: self.first,
            total: self.parameters,
        }
    }

    /// Returns the kernel; none when this program does not have it.
    pub fn kernel(&self) -> Option<&'static dyn Kernel> {
        ttg_worker::kernel::find(&self.kernel)
    }

    /// Returns the shard of one completion index; none when there is no such index.
    pub fn shard(&self, index: CompletionIndex) -> Option<Shard> {
        self.domain().shard(self.shards, index)
    }

    /// Returns every shard, in the order of the indexes.
    pub fn every_shard(&self) -> impl Iterator<Item = Shard> {
        self.domain().shards(self.shards)
    }

    /// Returns the parallelism of the Job: a worker without a shard would never start.
    pub fn parallelism(&self) -> u32 {
        self.workers.min(self.shards)
    }

    /// Tells whether both plans compute the same: then the result of an index of one run is that of the other's.
    pub fn is_same_computation(&self, other: &Self) -> bool {
        (self.first, self.parameters, self.shards, &self.kernel)
            == (other.first, other.parameters, other.shards, &other.kernel)
    }

    /// Checks every field and how they fit together; the first problem is returned.
    pub fn check(&self) -> Result<(), PlanError> {
        self.check_counts()?;
        self.check_texts()?;
        self.check_fit()
    }

    fn check_counts(&self) -> Result<(), PlanError> {
        if self.version != PLAN_VERSION {
            return Err(PlanError::invalid(Field::Version, self.version, PLAN_VERSION));
        }
        let counts = [
            (fields::PARAMETERS, self.parameters),
            (fields::FIRST, self.first),
            (fields::WORKERS, u64::from(self.workers)),
            (fields::SHARDS, u64::from(self.shards)),
            (fields::BATCH_SIZE, self.batch_size),
            (fields::SIMULATE_WORK_MS, self.simulate_work_ms),
            (fields::RETRIES, u64::from(self.retries)),
            (fields::MAX_FAILED, u64::from(self.max_failed)),
            (fields::VERIFY, u64::from(self.verify)),
        ];
        counts.into_iter().try_for_each(|(bounds, value)| bounds.check(value))
    }

    fn check_texts(&self) -> Result<(), PlanError> {
        image::check(&self.image)?;
        self.cpu.check(Field::Cpu)?;
        self.memory.check(Field::Memory)?;
        self.node_selector
            .iter()
            .try_for_each(|(key, value)| labels::check_selector(key, value))?;
        self.tolerations.iter().try_for_each(Toleration::check)
    }

    fn check_fit(&self) -> Result<(), PlanError> {
        if u64::from(self.shards) > self.parameters {
            let valid = format!("1 to {}, so that every shard has a parameter", Grouped(self.parameters));
            return Err(PlanError::invalid(
                Field::Shards,
                Grouped(u64::from(self.shards)),
                valid,
            ));
        }
        if self.first.checked_add(self.parameters).is_none_or(|end| end > END_MAX) {
            let most = END_MAX.saturating_sub(self.first);
            let valid = format!(
                "at most {} from {} on, so that all are below 2^63",
                Grouped(most),
                Grouped(self.first)
            );
            return Err(PlanError::invalid(Field::Parameters, Grouped(self.parameters), valid));
        }
        let kernel = fields::kernel(&self.kernel)?;
        kernel.check(self.domain()).map_err(|refusal| PlanError::Refused {
            kernel: kernel.name().to_owned(),
            words: refusal.to_string(),
        })
    }
}

/// Returns how many shards a run has unless said otherwise: four a worker, within what is possible.
pub fn default_shards(workers: u32, parameters: u64) -> u32 {
    let most = u32::try_from(fields::SHARDS.max.min(parameters)).unwrap_or(u32::MAX);
    workers.saturating_mul(DEFAULT_SHARDS_PER_WORKER).min(most).max(1)
}

#[cfg(test)]
mod tests;
