//! The cluster: the only user of kube in the tool.
//!
//! ```text
//! connect   a kubeconfig, a context or a pod's own rights ─▶ Connection
//! watch     list and watch ─▶ convert ─▶ Event::{Job, Pod, Node, KubeEvent, Contact}
//! logs      followed and sampled logs ─▶ Event::{Log, LogsDropped}
//! effects   submit a plan, change a Job ─▶ Outcome
//! disturb   a pod deleted on purpose
//! probe     which contexts there are, what a server allows and shows, without changing anything
//! failure   the server's refusal or silence ─▶ Failure, with a hint
//! limit     answers that never end ─▶ an error
//! meter     what all of this costs the API server ─▶ ApiCost
//! clean     hostile text ─▶ text that is safe to show
//! ```
//!
//! Nothing here decides anything about a run: objects become facts, effects become calls. Nothing here knows whether the
//! cluster is the local one; [`connect::Connection::outlives`] is all that anybody may ask.
//!
//! Guarantees: every call ends in time (a list, a watch that never answers, a silent log); at most
//! [`connect::CALLS_IN_FLIGHT`] short calls and [`logs::STREAMS`] log streams are open at once; facts are never dropped,
//! log parts may be, and are counted. kube's own silent retries are off, so what is retried is seen.
//!
//! Not guaranteed: that every state of an object is seen (a watch may skip some), or that every log line is.

pub mod clean;
pub mod connect;
pub mod convert;
pub mod disturb;
pub mod effects;
pub mod failure;
pub mod limit;
pub mod logs;
pub mod meter;
pub mod preflight;
pub mod probe;
pub mod watch;

#[cfg(test)]
mod scripted;
