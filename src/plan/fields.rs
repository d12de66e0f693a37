//! The check of each single field, with one wording for the command line, a form and a plan read from a cluster.
//!
//! Each function reads one field from text. How fields fit together is [`super::Plan::check`]'s matter.

use jiff::SignedDuration;
use ttg_worker::kernel::{KERNELS, Kernel};

use super::error::{Field, PlanError, shown};
use super::labels::is_dns_label;
use super::number::Bounds;
use super::{END_MAX, LogLevel};

/// The number of parameters.
pub const PARAMETERS: Bounds = Bounds {
    field: Field::Parameters,
    min: 1,
    max: END_MAX,
};
/// The first parameter.
pub const FIRST: Bounds = Bounds {
    field: Field::First,
    min: 0,
    max: END_MAX - 1,
};
/// Workers: Kubernetes allows an Indexed Job a parallelism of 100,000.
pub const WORKERS: Bounds = Bounds {
    field: Field::Workers,
    min: 1,
    max: 100_000,
};
/// Shards: above 100,000 completions Kubernetes sets tighter limits on everything else, and the Job's status outgrows
/// etcd.
pub const SHARDS: Bounds = Bounds {
    field: Field::Shards,
    min: 1,
    max: 100_000,
};
/// Parameters in a batch.
pub const BATCH_SIZE: Bounds = Bounds {
    field: Field::BatchSize,
    min: 1,
    max: END_MAX,
};
/// The pause after a batch: at most an hour.
pub const SIMULATE_WORK_MS: Bounds = Bounds {
    field: Field::SimulateWorkMs,
    min: 0,
    max: 3_600_000,
};
/// Retries of an index: the back-off grows to ten minutes, so a thousand retries take a week.
pub const RETRIES: Bounds = Bounds {
    field: Field::Retries,
    min: 0,
    max: 1_000,
};
/// Failed indexes: Kubernetes allows a `maxFailedIndexes` of 100,000.
pub const MAX_FAILED: Bounds = Bounds {
    field: Field::MaxFailed,
    min: 0,
    max: 100_000,
};
/// Shards that are computed again.
pub const VERIFY: Bounds = Bounds {
    field: Field::Verify,
    min: 0,
    max: 100_000,
};

/// Finds the kernel of this name.
pub fn kernel(name: &str) -> Result<&'static dyn Kernel, PlanError> {
    ttg_worker::kernel::find(name).ok_or_else(|| unknown_kernel(name))
}

/// Reads a kernel's name.
pub fn kernel_name(text: &str) -> Result<String, PlanError> {
    kernel(text).map(|kernel| kernel.name().to_owned())
}

fn unknown_kernel(name: &str) -> PlanError {
    let names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name()).collect();
    // The distance costs time by the product of the lengths, and the name may come from a cluster.
    let start: String = name.chars().take(32).collect();
    let nearest = names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(&start, known), *known))
        // A name is taken for a typing error when at least half of it is right.
        .filter(|(distance, known)| distance * 2 <= known.len())
        .min()
        .map(|(_, known)| known.to_owned());
    PlanError::UnknownKernel {
        given: shown(name),
        known: names.join(", "),
        nearest,
    }
}

/// Reads the workers' log level.
pub fn log_level(text: &str) -> Result<LogLevel, PlanError> {
    LogLevel::ALL
        .into_iter()
        .find(|level| level.as_str() == text)
        .ok_or_else(|| PlanError::invalid_text(Field::LogLevel, text, "one of error, warn, info, debug"))
}

/// Reads a namespace.
pub fn namespace(text: &str) -> Result<String, PlanError> {
    if is_dns_label(text, 63) {
        Ok(text.to_owned())
    } else {
        let valid = "1 to 63 characters of a-z, 0-9 and -, with - neither first nor last";
        Err(PlanError::invalid_text(Field::Namespace, text, valid))
    }
}

/// Reads the time that the run should take, such as `30s` or `1m30s`, as milliseconds.
pub fn pace_ms(text: &str) -> Result<u64, PlanError> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| u64::try_from(duration.as_millis()).ok())
        .filter(|ms| *ms > 0)
        .ok_or_else(|| {
            PlanError::invalid_text(
                Field::Pace,
                text,
                "a time such as 500ms, 30s, 1m30s or 2h, 1ms at least",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kernel_names_those_there_are_and_the_nearest() {
        let error = kernel_name("prime").unwrap_err();
        assert!(
            KERNELS.iter().all(|kernel| error.to_string().contains(kernel.name())),
            "{error}"
        );
        assert_eq!(error.hint().unwrap(), "did you mean --kernel primes?");
        assert_eq!(kernel_name("\u{1b}nothing of the kind").unwrap_err().hint(), None);
        assert_eq!(kernel_name("primes"), Ok("primes".to_owned()));
    }

    #[test]
    fn every_log_level_reads_back() {
        for level in LogLevel::ALL {
            assert_eq!(log_level(level.as_str()), Ok(level));
        }
        assert!(
            log_level("INFO")
                .unwrap_err()
                .to_string()
                .contains("error, warn, info, debug")
        );
    }

    #[test]
    fn a_namespace_is_a_dns_label() {
        assert!(namespace("team-a").is_ok());
        let long = "a".repeat(64);
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", long.as_str()] {
            assert!(namespace(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_pace_is_a_time_with_a_unit() {
        for (text, ms) in [("30s", 30_000), ("1m30s", 90_000), ("500ms", 500), ("2h", 7_200_000)] {
            assert_eq!(pace_ms(text), Ok(ms));
        }
        for bad in ["", "30", "0s", "-30s", "soon", "1us"] {
            assert!(pace_ms(bad).is_err(), "{bad:?}");
        }
    }
}
