//! What a person wants of a run. Keys become gestures in `ui::keymap`, which screens in `view` answer with intents; `model::update`
//! decides what an intent does.

use serde::{Deserialize, Serialize};

/// What the person wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Change the Job's parallelism to this many workers.
    Scale(u32),
    /// Suspend the Job.
    Suspend,
    /// Resume the Job.
    Resume,
    /// Cancel the run: suspend it, and say who did.
    Cancel,
    /// Delete the Job.
    Delete,
    /// Read the log of this pod, for a person; none ends that.
    ReadLog(Option<String>),
    /// Leave the program.
    Quit,
}
