//! What a piece of text means. The theme says how that looks.

use std::borrow::Cow;

use crate::run::state::IndexState;

/// A meaning. The first six are the states of an index as people are told them; each has a glyph, a word and a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Done: the result is in the ledger.
    Done,
    /// A worker computes.
    Running,
    /// Waiting for its first worker, or for its worker to start.
    Pending,
    /// Tried, lost or failed, and tried again.
    Retrying,
    /// Failed, disputed, or without a result for good.
    Failed,
    /// Nothing is known.
    Unknown,
    /// Ordinary text.
    #[default]
    Plain,
    /// Text that matters less: units, frames, what is not reached yet.
    Dim,
    /// Text that matters most.
    Strong,
    /// The title of a panel.
    Title,
    /// What can be chosen or typed.
    Accent,
    /// What needs attention and is no failure.
    Warning,
}

impl Tone {
    /// Returns the meaning of an index's state.
    pub fn of(state: IndexState) -> Self {
        match state {
            IndexState::Accepted | IndexState::Finished => Self::Done,
            IndexState::Running => Self::Running,
            IndexState::Pending | IndexState::NotStarted => Self::Pending,
            IndexState::Retrying => Self::Retrying,
            IndexState::Disputed | IndexState::Failed | IndexState::NoResult => Self::Failed,
        }
    }
}

/// Returns the word for an index's state.
pub fn state_word(state: IndexState) -> &'static str {
    match state {
        IndexState::Accepted => "done",
        IndexState::Finished => "done, being kept",
        IndexState::Running => "running",
        IndexState::Pending => "pending",
        IndexState::NotStarted => "not started",
        IndexState::Retrying => "retrying",
        IndexState::Disputed => "disputed",
        IndexState::Failed => "failed",
        IndexState::NoResult => "no result",
    }
}

/// A piece of text with a meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The text.
    pub text: Cow<'static, str>,
    /// Its meaning.
    pub tone: Tone,
}

/// One line of pieces.
pub type Line = Vec<Span>;

/// Makes a piece of text.
pub fn span(text: impl Into<Cow<'static, str>>, tone: Tone) -> Span {
    Span {
        text: text.into(),
        tone,
    }
}

/// Makes a piece of ordinary text.
pub fn plain(text: impl Into<Cow<'static, str>>) -> Span {
    span(text, Tone::Plain)
}

/// Makes a piece of text that matters less.
pub fn dim(text: impl Into<Cow<'static, str>>) -> Span {
    span(text, Tone::Dim)
}

/// Makes a piece of text that matters most.
pub fn strong(text: impl Into<Cow<'static, str>>) -> Span {
    span(text, Tone::Strong)
}
