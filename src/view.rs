//! What a person sees, as words, ratios and tones: the model and the person's choices in, view models out.
//!
//! Each screen has one module with three things: its `Choices` (cursor, filter, mode), what a [`gesture::Gesture`] does to them,
//! and its view model, at most a screenful. Pure: no colour, no terminal, no clock. `ui` draws what is made here.

pub mod able;
pub mod detail;
pub mod explain;
pub mod gesture;
pub mod head;
pub mod learn;
pub mod live;
pub mod new_run;
pub mod playback;
pub mod result;
pub mod run_keys;
pub mod shards;
pub mod text;
pub mod tone;
pub mod words;
pub mod wrap;
