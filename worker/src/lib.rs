//! The worker of ttg-tui: computes one shard of a parameter range and reports its result.
//!
//! The crate is used from both sides of the log. The binary `ttg-worker` runs in a pod; the tool uses [`shard`],
//! [`kernel`] and [`protocol`] to split a plan, to compute a shard again and to read what workers wrote. It must not
//! know the tool, Kubernetes' API or the terminal: all it gets is environment variables, all it gives is lines on
//! stdout, one result file and an exit code.
//!
//! | module | what it is for |
//! |---|---|
//! | [`shard`] | the parameters, and their split over completion indexes |
//! | [`intervals`] | sets of completion indexes, as Kubernetes writes them |
//! | [`kernel`] | the computations: parameter range → value |
//! | [`work`] | the loop: slices, pauses, progress, stopping |
//! | [`protocol`] | everything that is written for another program: names, limits, lines, the result |
//! | [`app`] | the whole worker, from its environment to its exit code |
//!
//! # A kernel of your own
//!
//! A kernel is one file and one line. Write `kernel/<name>.rs` with a unit struct that implements [`kernel::Kernel`],
//! and add it to [`kernel::KERNELS`]. The tests in `kernel.rs` then hold it to what every kernel promises: that a
//! range gives the same value however it is split, and that values combine in any order.

pub mod app;
pub mod intervals;
pub mod kernel;
pub mod protocol;
pub mod shard;
pub mod work;
