//! A worker's settings, from its environment variables.
//!
//! Pure: variables come from a function, so that a test needs no environment. A variable that is empty counts as not
//! set, which is what Kubernetes makes of an annotation that is missing. One that is not resolved, such as
//! `$(JOB_UID)`, is bad.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::intervals::IndexSet;
use crate::kernel::{self, KERNELS, Kernel};
use crate::protocol::{NAME_BYTES_MAX, RESULT_PATH_DEFAULT, env, is_name};
use crate::shard::{CompletionIndex, Domain, Shard};
use crate::work::Pace;

/// The parameters of a batch unless something else is asked for.
const BATCH_SIZE_DEFAULT: u64 = 1_000;

/// The longest pause after a batch: a day, in milliseconds.
const PAUSE_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// How many characters of a bad value are shown.
const SHOWN_CHARS_MAX: usize = 64;

/// Everything a worker is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The parameters of the whole run.
    pub domain: Domain,
    /// The part of this worker.
    pub shard: Shard,
    /// The computation.
    pub kernel: &'static dyn Kernel,
    /// How fast.
    pub pace: Pace,
    /// How much is written.
    pub log_level: LogLevel,
    /// The uid of the Job.
    pub job_uid: String,
    /// The pod's name, made fit for a line.
    pub attempt: String,
    /// The file the result is written to.
    pub result_path: PathBuf,
}

/// How much a worker writes; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// No lines on stdout.
    Error,
    /// The lines about the beginning and the end.
    Warn,
    /// The lines about progress too.
    Info,
    /// One line with the settings too.
    Debug,
}

/// The log levels by name.
const LOG_LEVELS: [(&str, LogLevel); 4] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

/// Which variable is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// It is not set, or empty.
    #[error("environment variable {name} is not set, valid: {valid}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it may be.
        valid: String,
    },
    /// Its value is not valid.
    #[error("environment variable {name} is {value:?}, valid: {valid}")]
    Bad {
        /// The variable.
        name: &'static str,
        /// Its value, shortened.
        value: String,
        /// What it may be.
        valid: String,
    },
}

impl Settings {
    /// Reads the settings from a function that returns a variable's value.
    pub fn from(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let variables = Variables(variable);
        let (domain, shard) = variables.shard()?;
        let pause_ms = variables.number(env::SIMULATE_WORK_MS, &(0..=PAUSE_MS_MAX), Some(0))?;
        let batch_size = variables.number(env::BATCH_SIZE, &(1..=Domain::END_MAX), Some(BATCH_SIZE_DEFAULT))?;
        let attempt = variables.get(env::POD_NAME).or_else(|| variables.get(env::HOSTNAME));
        Ok(Self {
            domain,
            shard,
            kernel: variables.kernel()?,
            pace: Pace {
                batch_size,
                pause: Duration::from_millis(pause_ms),
            },
            log_level: variables.log_level()?,
            job_uid: variables.job_uid()?,
            attempt: attempt.map_or_else(|| "unknown".to_owned(), |text| fit_name(&text)),
            result_path: variables
                .get(env::RESULT_PATH)
                .map_or_else(|| RESULT_PATH_DEFAULT.into(), PathBuf::from),
        })
    }
}

/// The environment.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// Returns a variable that is set and not empty.
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Returns a number within its valid range, or the default where there is one.
    fn number(
        &self,
        name: &'static str,
        valid: &RangeInclusive<u64>,
        default: Option<u64>,
    ) -> Result<u64, SettingsError> {
        let words = || format!("a whole number from {} to {}", valid.start(), valid.end());
        let Some(value) = self.get(name) else {
            return default.ok_or_else(|| SettingsError::Missing { name, valid: words() });
        };
        // `parse` alone would take a plus sign.
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value
            .parse::<u64>()
            .ok()
            .filter(|number| digits && valid.contains(number));
        number.ok_or_else(|| bad(name, &value, words()))
    }

    /// Returns a number within its valid range and 32 bits, without a default.
    fn small_number(&self, name: &'static str, valid: &RangeInclusive<u64>) -> Result<u32, SettingsError> {
        let small = *valid.start()..=u64::from(u32::MAX).min(*valid.end());
        let number = self.number(name, &small, None)?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Returns the whole domain and this worker's part of it.
    fn shard(&self) -> Result<(Domain, Shard), SettingsError> {
        let total = self.number(env::TOTAL_PARAMETERS, &(1..=Domain::END_MAX), None)?;
        let first = self.number(env::FIRST_PARAMETER, &(0..=Domain::END_MAX - total), Some(0))?;
        let shards = self.small_number(env::TOTAL_WORKERS, &(1..=total))?;
        let fallback = self.get(env::WORKER_ID).is_none() && self.get(env::JOB_COMPLETION_INDEX).is_some();
        let name = if fallback {
            env::JOB_COMPLETION_INDEX
        } else {
            env::WORKER_ID
        };
        let own = self.indexes(shards)?;
        let last = own.as_ref().map_or(u64::from(shards), IndexSet::len) - 1;
        let position = self.small_number(name, &(0..=last))?;
        let index = own.map_or(Some(CompletionIndex(position)), |own| own.nth(position));
        let domain = Domain { first, total };
        let shard = index.and_then(|index| domain.shard(shards, index));
        let shard =
            shard.ok_or_else(|| bad(name, &position.to_string(), format!("a whole number from 0 to {last}")))?;
        Ok((domain, shard))
    }

    /// Returns the indexes of the run that this Job computes, at least one; none when it computes all of them.
    fn indexes(&self, shards: u32) -> Result<Option<IndexSet>, SettingsError> {
        let name = env::SHARD_INDEXES;
        let Some(value) = self.get(name) else { return Ok(None) };
        let indexes = IndexSet::parse(&value, shards).map_err(|why| {
            let valid = format!("ascending completion indexes below {shards} such as 1,3-5 ({why})");
            bad(name, &value, valid)
        })?;
        Ok(Some(indexes))
    }

    fn kernel(&self) -> Result<&'static dyn Kernel, SettingsError> {
        let names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name()).collect();
        let name = self.get(env::KERNEL).unwrap_or_else(|| "primes".to_owned());
        kernel::find(&name).ok_or_else(|| bad(env::KERNEL, &name, one_of(&names)))
    }

    fn log_level(&self) -> Result<LogLevel, SettingsError> {
        let names = LOG_LEVELS.map(|(name, _)| name);
        let value = self.get(env::LOG_LEVEL).unwrap_or_else(|| "info".to_owned());
        let found = LOG_LEVELS
            .iter()
            .find(|(name, _)| *name == value)
            .map(|(_, level)| *level);
        found.ok_or_else(|| bad(env::LOG_LEVEL, &value, one_of(&names)))
    }

    fn job_uid(&self) -> Result<String, SettingsError> {
        let (name, valid) = (env::JOB_UID, format!("1 to {NAME_BYTES_MAX} of a-z, 0-9, '.' and '-'"));
        match self.get(name) {
            None => Err(SettingsError::Missing { name, valid }),
            Some(value) if is_name(&value) => Ok(value),
            Some(value) => Err(bad(name, &value, valid)),
        }
    }
}

fn bad(name: &'static str, value: &str, valid: String) -> SettingsError {
    let mut shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    SettingsError::Bad {
        name,
        value: shown,
        valid,
    }
}

fn one_of(names: &[&str]) -> String {
    format!("one of {}", names.join(", "))
}

/// Makes a text fit for a line: a host name of a person's own machine may have capitals and blanks.
fn fit_name(text: &str) -> String {
    let fit = |character: char| match character.to_ascii_lowercase() {
        good @ ('a'..='z' | '0'..='9' | '.' | '-') => good,
        _ => '-',
    };
    text.chars().take(NAME_BYTES_MAX).map(fit).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Reads settings from the least variables that are needed, changed by `changes`; an empty value is as good as
    /// none.
    fn settings(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut variables: BTreeMap<&str, &str> = [
            (env::WORKER_ID, "2"),
            (env::TOTAL_WORKERS, "3"),
            (env::TOTAL_PARAMETERS, "10000000"),
            (env::JOB_UID, "3f1c9f2e-7a54-4d6e-8a51-0d3b9c1e2f40"),
        ]
        .into();
        variables.extend(changes.iter().copied());
        Settings::from(&|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let settings = settings(&[]).unwrap();
        assert_eq!(
            settings.shard,
            Shard {
                index: CompletionIndex(2),
                start: 6_666_667,
                end: 10_000_000
            }
        );
        assert_eq!(
            settings.domain,
            Domain {
                first: 0,
                total: 10_000_000
            }
        );
        assert_eq!(settings.kernel.name(), "primes");
        assert_eq!(
            settings.pace,
            Pace {
                batch_size: 1_000,
                pause: Duration::ZERO
            }
        );
        assert_eq!(settings.log_level, LogLevel::Info);
        assert_eq!(settings.attempt, "unknown");
        assert_eq!(settings.result_path, PathBuf::from("/dev/termination-log"));
    }

    #[test]
    fn everything_can_be_said() {
        let settings = settings(&[
            (env::WORKER_ID, ""),
            (env::JOB_COMPLETION_INDEX, "0"),
            (env::FIRST_PARAMETER, "7"),
            (env::BATCH_SIZE, "1"),
            (env::SIMULATE_WORK_MS, "20"),
            (env::LOG_LEVEL, "debug"),
            (env::KERNEL, "pi"),
            (env::HOSTNAME, "Ada's Laptop.local"),
            (env::RESULT_PATH, "/tmp/result"),
        ])
        .unwrap();
        assert_eq!(
            settings.shard,
            Shard {
                index: CompletionIndex(0),
                start: 7,
                end: 3_333_341
            }
        );
        assert_eq!(settings.kernel.name(), "pi");
        assert_eq!(
            settings.pace,
            Pace {
                batch_size: 1,
                pause: Duration::from_millis(20)
            }
        );
        assert_eq!(settings.log_level, LogLevel::Debug);
        assert_eq!(settings.attempt, "ada-s-laptop.local");
        assert_eq!(settings.result_path, PathBuf::from("/tmp/result"));
    }

    /// Variables, and the index that is computed or a word of the refusal.
    type Case<'a> = (&'a [(&'a str, &'a str)], Result<u32, &'a str>);

    #[test]
    fn a_worker_of_a_rerun_computes_the_index_at_its_position() {
        let cases: [Case<'_>; 8] = [
            (&[(env::SHARD_INDEXES, "0-2")], Ok(2)),
            (&[(env::SHARD_INDEXES, ""), (env::WORKER_ID, "1")], Ok(1)),
            (&[(env::SHARD_INDEXES, "0,2"), (env::WORKER_ID, "1")], Ok(2)),
            (
                &[
                    (env::SHARD_INDEXES, "1"),
                    (env::WORKER_ID, ""),
                    (env::JOB_COMPLETION_INDEX, "0"),
                ],
                Ok(1),
            ),
            (
                &[(env::SHARD_INDEXES, "0,2")],
                Err("WORKER_ID is \"2\", valid: a whole number from 0 to 1"),
            ),
            (
                &[(env::SHARD_INDEXES, "1,3")],
                Err("SHARD_INDEXES is \"1,3\", valid: ascending completion indexes below 3"),
            ),
            (&[(env::SHARD_INDEXES, "2,1")], Err("SHARD_INDEXES is \"2,1\"")),
            (&[(env::SHARD_INDEXES, "$(X)")], Err("SHARD_INDEXES is \"$(X)\"")),
        ];
        for (changes, expected) in cases {
            match (settings(changes), expected) {
                (Ok(settings), Ok(index)) => {
                    let shard = settings.domain.shard(3, CompletionIndex(index)).unwrap();
                    assert_eq!(settings.shard, shard, "{changes:?}");
                }
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{changes:?}: {error}"),
                (found, _) => panic!("{changes:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_bad_variable_is_named_with_its_value_and_what_is_valid() {
        let cases: [(&[(&str, &str)], &str); 16] = [
            (
                &[(env::WORKER_ID, "")],
                "WORKER_ID is not set, valid: a whole number from 0 to 2",
            ),
            (
                &[(env::WORKER_ID, "3")],
                "WORKER_ID is \"3\", valid: a whole number from 0 to 2",
            ),
            (
                &[
                    (env::WORKER_ID, "$(JOB_COMPLETION_INDEX)"),
                    (env::JOB_COMPLETION_INDEX, "1"),
                ],
                "WORKER_ID is \"$(",
            ),
            (
                &[(env::WORKER_ID, ""), (env::JOB_COMPLETION_INDEX, "9")],
                "JOB_COMPLETION_INDEX is \"9\", valid",
            ),
            (&[(env::WORKER_ID, "+1")], "WORKER_ID is \"+1\""),
            (
                &[(env::TOTAL_WORKERS, "0")],
                "TOTAL_WORKERS is \"0\", valid: a whole number from 1 to 10000000",
            ),
            (&[(env::TOTAL_WORKERS, "10000001")], "TOTAL_WORKERS is \"10000001\""),
            (&[(env::TOTAL_PARAMETERS, "")], "TOTAL_PARAMETERS is not set"),
            (&[(env::TOTAL_PARAMETERS, "1e7")], "TOTAL_PARAMETERS is \"1e7\""),
            (
                &[(env::TOTAL_PARAMETERS, "9223372036854775809")],
                "from 1 to 9223372036854775808",
            ),
            (
                &[(env::FIRST_PARAMETER, "9223372036854775807")],
                "from 0 to 9223372036844775808",
            ),
            (
                &[(env::BATCH_SIZE, "0")],
                "BATCH_SIZE is \"0\", valid: a whole number from 1",
            ),
            (
                &[(env::SIMULATE_WORK_MS, "-1")],
                "SIMULATE_WORK_MS is \"-1\", valid: a whole number from 0 to 86400000",
            ),
            (
                &[(env::KERNEL, "prime")],
                "KERNEL is \"prime\", valid: one of primes, collatz, pi, simulate",
            ),
            (
                &[(env::LOG_LEVEL, "loud\u{1b}")],
                "LOG_LEVEL is \"loud\\u{1b}\", valid: one of error, warn, info, debug",
            ),
            (
                &[(env::JOB_UID, "$(JOB_UID)")],
                "JOB_UID is \"$(JOB_UID)\", valid: 1 to 253 of",
            ),
        ];
        for (changes, words) in cases {
            let error = settings(changes).unwrap_err().to_string();
            assert!(
                error.starts_with("environment variable ") && error.contains(words),
                "{changes:?}: {error}"
            );
        }
        let error = settings(&[(env::KERNEL, "é".repeat(500).as_str())])
            .unwrap_err()
            .to_string();
        assert!(error.len() < 300 && error.contains('…'), "{error}");
    }
}
