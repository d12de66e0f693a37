//! Sets of completion indexes, where the run looks for them. They live in the worker's crate: a worker of a rerun finds its index
//! in such a set, and there must be one way to count in it.

pub use ttg_worker::intervals::{IndexSet, IndexSetError};
