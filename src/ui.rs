//! The screen: keys to gestures, view models to cells.
//!
//! ```text
//! ┌ head: run, state, clock, contact, tabs ─┐   head.rs
//! │ body: one of the screens                │   new_run.rs live.rs shards.rs detail.rs result.rs learn.rs
//! │ line: what was said last, kubectl twin  │   foot.rs
//! └ foot: the keys that work now ───────────┘
//!   over all of it: help, palette, question, explanation, page   overlay.rs glossary.rs
//! ```
//!
//! `keymap` is one table: the footer, the help, the palette and the README are written from it. `theme` turns tones into styles
//! and glyphs. Nothing here knows the cluster, waits, or reads a clock.

pub mod app;
pub mod canvas;
mod detail;
mod foot;
mod glossary;
mod head;
pub mod keymap;
mod learn;
mod live;
mod new_run;
mod overlay;
mod result;
mod shards;
pub mod theme;
