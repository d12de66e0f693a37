//! A run: facts in, state and run events out.
//!
//! The pure core of the tool. [`state::RunState`] folds what the cluster said ([`fact`]) into the state of every
//! completion index, and tells each transition once ([`told`]). [`proof`] says why the total can be trusted,
//! [`summary`] puts a whole run into one value.
//!
//! Guaranteed: the same facts in any order, any number of times, with relists between, lead to the same state; a
//! result comes only from a pod's termination message; no total counts an index twice. Not guaranteed: that every
//! transition is told, since a transition that nobody reported cannot be.
//!
//! This module must not know Kubernetes' clients, terminals, files or clocks: time comes in with each fact.

pub mod fact;
pub mod intervals;
pub mod log;
pub mod partial;
pub mod proof;
pub mod state;
pub mod summary;
pub mod told;
