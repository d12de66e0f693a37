//! The one error type at the program's edge, and the exit codes.
//!
//! Inside, each part has its own error enum; whatever reaches the edge becomes an [`Error`] with an exit code and,
//! where there is one, a hint with the next command. This module prints nothing by itself.

use std::io::{self, Write};

use crate::ledger::{FindError, LedgerError};
use crate::model::event::{Failure, FailureClass};
use crate::plan::PlanError;
use crate::plan::job::AnnotationError;
use crate::plan::manifest::ManifestError;

/// How the program ends. Every code means one thing, so that scripts can tell the cases apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: the total is proven, or the command did what it should.
    Done,
    /// 1: the run failed.
    Failed,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// 3: the run ended without a proven total.
    Unproven,
    /// 4: the run was cancelled.
    Cancelled,
    /// 5: the cluster cannot be reached, or was lost for good.
    Unreachable,
    /// 6: the server refused: rights, quota, admission.
    Refused,
    /// 128 + n: signal n ended the program.
    Signal(u8),
}

impl Exit {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unproven => 3,
            Self::Cancelled => 4,
            Self::Unreachable => 5,
            Self::Refused => 6,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

/// An error as the person sees it: what was tried on what, with the other side's words, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    what: String,
    hint: Option<String>,
    exit: Exit,
}

impl Error {
    /// Makes an error that ends the program in this way.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: None,
            exit,
        }
    }

    /// Makes an error of the command line or the configuration.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Adds what to type next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns what to type next.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns how the program ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns the exit code.
    pub fn exit_code(&self) -> u8 {
        self.exit.code()
    }
}

/// Writes an error for people: `error: …`, then `hint: …` when there is one.
pub fn report(error: &Error, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "error: {error}")?;
    if let Some(hint) = error.hint() {
        writeln!(out, "hint: {hint}")?;
    }
    Ok(())
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        Self {
            hint: error.hint(),
            what: error.to_string(),
            exit: Exit::Usage,
        }
    }
}

impl From<AnnotationError> for Error {
    fn from(error: AnnotationError) -> Self {
        Self::usage(error.to_string()).with_hint("the Job was made by another program or version; kubectl describes it")
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<FindError> for Error {
    fn from(error: FindError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ManifestError> for Error {
    fn from(error: ManifestError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let exit = match failure.class {
            FailureClass::Unreachable => Exit::Unreachable,
            FailureClass::Refused | FailureClass::Conflict => Exit::Refused,
            // What does not exist was named wrongly.
            FailureClass::NotFound => Exit::Usage,
        };
        Self {
            what: failure.text,
            hint: failure.hint,
            exit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fields;

    #[test]
    fn an_error_is_one_line_and_perhaps_a_hint() {
        let written = |error: &Error| {
            let mut out = Vec::new();
            report(error, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(&Error::usage("no such run")), "error: no such run\n");
        let error = Error::from(fields::kernel_name("prime").unwrap_err());
        assert!(written(&error).ends_with("\nhint: did you mean --kernel primes?\n"));
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_failure_of_the_cluster_keeps_its_words_and_has_its_code() {
        for (class, code) in [
            (FailureClass::Unreachable, 5),
            (FailureClass::Refused, 6),
            (FailureClass::Conflict, 6),
            (FailureClass::NotFound, 2),
        ] {
            let failure = Failure {
                class,
                text: "create job a: forbidden".to_owned(),
                hint: Some("ask".to_owned()),
            };
            let error = Error::from(failure);
            assert_eq!(
                (error.to_string().as_str(), error.hint()),
                ("create job a: forbidden", Some("ask"))
            );
            assert_eq!(error.exit_code(), code);
        }
    }

    #[test]
    fn a_signal_ends_with_its_own_code() {
        assert_eq!(
            [
                Exit::Signal(2).code(),
                Exit::Signal(15).code(),
                Exit::Signal(200).code()
            ],
            [130, 143, 255]
        );
    }
}
