//! Everything that a worker writes for another program, and everything that it is told: names, limits, lines, the
//! result.
//!
//! Both sides of a log use this one module, so that a writer and a reader cannot drift apart. It must not know
//! kernels, pods or how bytes travel.
//!
//! Lines are advisory: they move bars and never count. A result comes only from the termination message, as a
//! [`ResultMessage`].

use std::time::Duration;

pub mod line;
pub mod number;
pub mod result;

pub use line::{Line, LineKind};
pub use result::{ResultError, ResultMessage, checksum};

/// The environment variables of a worker.
pub mod env {
    /// The completion index.
    pub const WORKER_ID: &str = "WORKER_ID";
    /// The completion index as Kubernetes sets it, for want of `WORKER_ID`.
    pub const JOB_COMPLETION_INDEX: &str = "JOB_COMPLETION_INDEX";
    /// The completion indexes of the run that a rerun's Job computes, such as `1,3-5`: then the completion index of the pod is
    /// a position among them. Not set where the Job computes every index.
    pub const SHARD_INDEXES: &str = "SHARD_INDEXES";
    /// The number of shards.
    pub const TOTAL_WORKERS: &str = "TOTAL_WORKERS";
    /// The number of parameters of the whole run.
    pub const TOTAL_PARAMETERS: &str = "TOTAL_PARAMETERS";
    /// The first parameter of the whole run.
    pub const FIRST_PARAMETER: &str = "FIRST_PARAMETER";
    /// The parameters of a batch.
    pub const BATCH_SIZE: &str = "BATCH_SIZE";
    /// The pause after each batch, in milliseconds.
    pub const SIMULATE_WORK_MS: &str = "SIMULATE_WORK_MS";
    /// How much is written: `error`, `warn`, `info` or `debug`.
    pub const LOG_LEVEL: &str = "LOG_LEVEL";
    /// The name of the kernel.
    pub const KERNEL: &str = "KERNEL";
    /// The uid of the Job, which ties the result to it.
    pub const JOB_UID: &str = "JOB_UID";
    /// The name of the pod: the attempt.
    pub const POD_NAME: &str = "POD_NAME";
    /// The host name, for want of `POD_NAME`.
    pub const HOSTNAME: &str = "HOSTNAME";
    /// The file the result is written to.
    pub const RESULT_PATH: &str = "RESULT_PATH";
}

/// The exit codes of a worker.
pub mod exit {
    /// The shard is computed and its result is written.
    pub const DONE: u8 = 0;
    /// A variable is missing or bad; another attempt would end the same.
    pub const BAD_INPUT: u8 = 64;
    /// The kernel refuses the input; another attempt would end the same.
    pub const REFUSED: u8 = 65;
    /// Something else went wrong, such as a result that cannot be written.
    pub const INTERNAL: u8 = 70;
    /// Told to stop before the end: 128 + 15, never 0, because exit 0 marks the index done for ever.
    pub const STOPPED: u8 = 143;
}

/// The most bytes of a result: a pod with many injected sidecars still keeps so much of a termination message.
pub const RESULT_BYTES_MAX: usize = 1_024;

/// The most bytes of a termination message; of a longer one Kubernetes keeps the last.
pub const TERMINATION_MESSAGE_BYTES_MAX: usize = 4_096;

/// Where a container's termination message is read from unless its spec says otherwise.
pub const RESULT_PATH_DEFAULT: &str = "/dev/termination-log";

/// The most bytes of a line; the longest that can be written has fewer than 800.
pub const LINE_BYTES_MAX: usize = 1_024;

/// The most bytes of a name; Kubernetes allows no longer ones.
pub const NAME_BYTES_MAX: usize = 253;

/// The shortest time between two Progress lines.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// The longest time between two Progress lines, which keeps idle log connections open.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(20);

/// The longest time between two looks at the signals.
pub const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Tells whether a text is a name as lines and results carry it: 1 to 253 of a-z, 0-9, dot and dash.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_name_byte)
}

/// Tells whether a byte may stand in a name.
fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')
}
