#![cfg(test)]
//! The program from outside: real processes, real files, real requests.
//!
//! Each test has a [`common::World`] of its own, so that all of them run at once. What only `/proc` can tell is tested on Linux.

mod at_once;
mod attach;
mod bad_input;
mod bad_network;
mod commands;
mod common;
mod docs;
mod doctor;
mod export;
mod fake_server;
mod foreign;
mod hostile;
mod lessons;
mod local_api;
mod manifests;
mod readme;
mod recording;
mod rerun;
mod rivals;
mod run;
mod security;
#[cfg(target_os = "linux")]
mod stress;
mod tidy;
#[cfg(target_os = "linux")]
mod tui;
