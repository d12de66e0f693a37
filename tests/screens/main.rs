#![cfg(test)]
//! What a person sees, cell by cell: every screen in every state of a run, and that its keys do what it says.
//!
//! [`facts`] tells a run as a cluster would, [`states`] is the table of states, [`shown`] is a screen of one of them with a person
//! in front of it. No clock, no terminal and no cluster is used, so the same cells are drawn everywhere.
//!
//! `INSTA_UPDATE=always` writes the snapshots anew, `TTG_UPDATE_ASSETS=1` the frames in `assets/screens`.

mod facts;
mod frames;
mod keys;
mod shown;
mod sizes;
mod states;
