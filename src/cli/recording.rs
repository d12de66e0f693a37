//! The flags for recordings: making one, and playing one.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::Output;

/// How a session is recorded.
#[derive(Clone, Debug, Default, Args)]
pub struct RecordFlags {
    /// Record the session in this new file, for `ttg-tui replay`
    #[arg(long, value_name = "FILE", help_heading = "Recording")]
    pub record: Option<PathBuf>,
    /// Hide this text in what is recorded of logs; may be given several times
    #[arg(long, value_name = "TEXT", help_heading = "Recording", value_parser = NonEmptyStringValueParser::new())]
    pub redact: Vec<String>,
}

/// The flags of `replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayFlags {
    /// A file of --record, or a run; the last runs that were watched here are recorded
    #[arg(value_name = "FILE|RUN")]
    pub recording: PathBuf,
    /// Print in this form; json prints plain lines for programs
    #[arg(long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    pub output: Output,
}
