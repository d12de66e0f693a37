//! `ttg-tui`: run one computation over many pods, see it happening, and get a number that is proven.
//!
//! # Bird's eye
//!
//! A *plan* (ten million parameters, a kernel, shards, workers) becomes a Kubernetes Indexed Job: one completion index computes one
//! *shard*. The program submits it, watches the Job and its pods, follows the workers' logs for progress, takes each index's result
//! from its pod's termination message, keeps it in a *ledger* on disk, and ends with a total and the proof that it is complete. With
//! no cluster at hand it starts one of its own, whose pods are processes of this machine, and does exactly the same through the same
//! client code.
//!
//! # Where things live
//!
//! | module | what it is | may know |
//! |---|---|---|
//! | [`plan`] | pure: parameters → shards → Job and `ConfigMap`; validation, YAML | the worker's split |
//! | [`run`] | pure: facts in, run state and run events out; results, proof, summary | plan |
//! | [`model`] | pure: `Event` in, `Effect` out: one session with one run | plan, run |
//! | [`report`] | pure: a run as lines, as NDJSON, as a summary; runs as a list | run |
//! | [`view`] | pure: what a person sees of a model, as words, ratios and tones, a screenful at most; what a gesture does there | model, run, plan, report |
//! | [`ui`] | the keymap, the looks, and cells: view models drawn, keys to gestures, what lies over a screen | view, model |
//! | [`terminal`] | raw mode, the alternate screen, writing what has changed, and giving the terminal back on every path | nothing of the tool |
//! | [`cluster`] | the only user of kube: connect, convert, watch, follow logs, carry out changes | model, run, plan |
//! | [`recording`] | the events of a session on disk, and reading them back | model |
//! | [`replay`] | pure: plays a recording through `model` on a virtual clock | recording, model |
//! | [`demo`] | scripts that lead through a run: what the screen must show, what is said and done then | words on a screen |
//! | [`export`] | pure: a replayed run as text, asciicast, SVG, GIF and PNG | replay, ui, demo |
//! | [`learn`] | pure: lessons, the life of a run, the glossary; what of a run belongs to them | model, run |
//! | [`ledger`] | what is kept on disk, and reading it back | run, plan |
//! | [`local`] | the local cluster: store, API, Job controller, scheduler, kubelet | nothing of the tool |
//! | [`host`] | starts, publishes and finds local clusters; gives them the worker to run | local |
//! | [`shell`] | the loop, the clock, tasks and signals; when a frame is drawn | everything |
//! | [`commands`] | one function a command | everything |
//! | [`cli`] [`config`] [`error`] | flags and the config file, what they resolve to, errors with hints and exit codes | plan, the names of lessons, and of `ui` its two tables: keymap and looks |
//!
//! The workspace's other crate, `ttg_worker`, is what runs in the pods. Both sides use its `protocol` (lines, result, exit codes),
//! its `shard` (split arithmetic: a worker computes its own range, so there must be one formula) and its `kernel` (a shard is computed
//! again here to check a worker).
//!
//! # The way of the data
//!
//! ```text
//! apiserver ─list/watch─▶ cluster::watch ─convert─▶ Event::Pod(fact)  ┐
//! kubelet ──log?follow──▶ cluster::logs ──parse───▶ Event::Log(..)    ├▶ three bounded ─▶ model::update ─▶ Vec<Effect> ─▶ cluster,
//! signals ────────────────────────────────────────▶ Event::Signal(..) │  lanes                             ledger, report
//! clock, finished effect ─────────────────────────▶ Event::…          ┘
//!
//! keys, clicks ─ui::keymap─▶ Gesture ─view: Choices─▶ Act ─ui::app─▶ Errand ─shell::desk─▶ Event::Intent(..), or done there
//! Model + Choices ─view─▶ view model ─ui─▶ cells ─terminal─▶ what has changed since the last frame
//! ```
//!
//! A frame is made of the model as it is, never of an event: whatever was missed, the next frame is right. It is due when
//! something has changed, thirty times a second at most.
//!
//! # Invariants
//!
//! 1. `plan`, `run`, `model`, `report` and `view` do no I/O and read no clock; `view` knows no terminal, and `ui` no cluster. A test
//!    scans their imports.
//! 2. All inputs are one closed enum, [`model::event::Event`]; all outputs are another, [`model::effect::Effect`]. The lanes are read in
//!    this order: signals and intents, facts, logs; so Ctrl-C never waits behind ten thousand facts.
//! 3. Applying a fact twice, after a relist, or in another order changes nothing more.
//! 4. Object status is the truth, logs are advisory. A result comes only from a pod's termination message; a lost log loses nothing but
//!    a moving bar, and what was lost is counted.
//! 5. A partial is kept per completion index, never per pod. A second, equal one is counted and ignored; two that differ make the index
//!    disputed, and the run is not proven, until a rerun sets both aside: then a second computation here must agree with the new one.
//! 6. A total is called final only when it is proven.
//! 7. Everything has a named limit: queues, lines, followed logs, requests in flight.
//! 8. `local` imports nothing of the tool, and the tool reaches it only over the Kubernetes API.
//! 9. Every task ends with its session; pods of a local cluster end with the program, however it dies.
//! 10. Every string from a server or a worker is hostile and is cleaned once, at the way in ([`cluster::clean`]).
//! 11. Whatever is cut or left out on a screen leaves a sign or a count there. A question's default does nothing.
//! 12. One change of a Job is on its way at a time, so that the server takes them in the order of the keys; leaving waits for them.
//! 13. The terminal is given back on every path out, before anything else is written to it.
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | proven: every index is in the ledger, whatever became of the Job |
//! | 1 | the run failed |
//! | 2 | usage or configuration |
//! | 3 | ended without a proven total: gaps, disputes, a ledger that could not be written |
//! | 4 | cancelled |
//! | 5 | the cluster is unreachable or lost for good |
//! | 6 | refused by the server: rights, quota, admission |
//! | 128 + n | ended by signal n |

pub mod cli;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod demo;
pub mod error;
pub mod export;
pub mod host;
pub mod learn;
pub mod ledger;
pub mod local;
pub mod model;
pub mod plan;
pub mod recording;
pub mod replay;
pub mod report;
pub mod run;
pub mod shell;
pub mod terminal;
pub mod ui;
pub mod view;
