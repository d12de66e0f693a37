//! What can be wrong with a plan, in words.
//!
//! Every error names the field as the command line spells it, the value given and what is valid, so that a form and the
//! command line show the same text. A given value may be hostile (a plan is also read from a cluster): it is quoted,
//! escaped and cut.

use std::fmt;

/// The longest part of a given value that an error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// A field of a plan, or of what is said beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The version of the plan's form.
    Version,
    /// The run's name.
    Name,
    /// The namespace.
    Namespace,
    /// The first parameter.
    First,
    /// The number of parameters.
    Parameters,
    /// The kernel.
    Kernel,
    /// The number of workers.
    Workers,
    /// The number of shards.
    Shards,
    /// The size of a batch.
    BatchSize,
    /// The pause after a batch.
    SimulateWorkMs,
    /// The time the whole run should take.
    Pace,
    /// How much the workers log.
    LogLevel,
    /// CPU request and limit.
    Cpu,
    /// Memory request and limit.
    Memory,
    /// Retries of an index.
    Retries,
    /// Failed indexes that end the run.
    MaxFailed,
    /// The image.
    Image,
    /// A label that nodes must have.
    NodeSelector,
    /// A taint that is tolerated.
    Toleration,
    /// Shards that are computed again.
    Verify,
}

impl Field {
    /// Returns the field's name: its flag without the dashes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Name => "name",
            Self::Namespace => "namespace",
            Self::First => "first",
            Self::Parameters => "parameters",
            Self::Kernel => "kernel",
            Self::Workers => "workers",
            Self::Shards => "shards",
            Self::BatchSize => "batch-size",
            Self::SimulateWorkMs => "simulate-work-ms",
            Self::Pace => "pace",
            Self::LogLevel => "log-level",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Retries => "retries",
            Self::MaxFailed => "max-failed",
            Self::Image => "image",
            Self::NodeSelector => "node-selector",
            Self::Toleration => "toleration",
            Self::Verify => "verify",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A value that its field does not allow.
    #[error("{field}: {given} is not valid: it must be {valid}")]
    Invalid {
        /// Which field.
        field: Field,
        /// The value given, fit to be shown.
        given: String,
        /// What is valid, in words, with the range.
        valid: String,
    },
    /// A kernel that this program does not have.
    #[error("kernel: {given} is not valid: it must be one of {known}")]
    UnknownKernel {
        /// The name given, fit to be shown.
        given: String,
        /// The kernels there are.
        known: String,
        /// The kernel that was probably meant.
        nearest: Option<String>,
    },
    /// A kernel that cannot compute these parameters exactly.
    #[error("kernel: {kernel} refuses these parameters: {words}")]
    Refused {
        /// The kernel.
        kernel: String,
        /// Its own words, with the valid range.
        words: String,
    },
}

impl PlanError {
    /// Makes the error of a value that is a number, or otherwise safe to show as it is.
    pub(crate) fn invalid(field: Field, given: impl fmt::Display, valid: impl fmt::Display) -> Self {
        Self::Invalid {
            field,
            given: given.to_string(),
            valid: valid.to_string(),
        }
    }

    /// Makes the error of a text that does not fit its field.
    pub(crate) fn invalid_text(field: Field, given: &str, valid: impl fmt::Display) -> Self {
        Self::Invalid {
            field,
            given: shown(given),
            valid: valid.to_string(),
        }
    }

    /// Returns the field that is wrong.
    pub fn field(&self) -> Field {
        match self {
            Self::Invalid { field, .. } => *field,
            Self::UnknownKernel { .. } | Self::Refused { .. } => Field::Kernel,
        }
    }

    /// Says what would be right, for a place that names the field and the value given already.
    pub fn what_is_valid(&self) -> String {
        let words = match self {
            Self::Invalid { valid, .. } => format!("it must be {valid}"),
            Self::UnknownKernel { known, .. } => format!("it must be one of {known}"),
            Self::Refused { words, .. } => words.clone(),
        };
        self.hint()
            .map_or_else(|| words.clone(), |hint| format!("{words}; {hint}"))
    }

    /// Returns what to type instead, where that can be guessed.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKernel { nearest, .. } => {
                nearest.as_ref().map(|name| format!("did you mean --kernel {name}?"))
            }
            Self::Invalid { .. } | Self::Refused { .. } => None,
        }
    }
}

/// Quotes a text that may be hostile: escaped, and cut to a length that fits a line.
pub(crate) fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        start.push('…');
    }
    format!("{start:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_value_is_escaped_and_cut() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}b"), r#""a\u{1b}[31m\u{202e}b""#);
        assert_eq!(shown(&"x".repeat(65)), format!("\"{}…\"", "x".repeat(64)));
        assert_eq!(shown(&"x".repeat(64)), format!("\"{}\"", "x".repeat(64)));
    }
}
