#![cfg(test)]
//! The program from outside: real processes, real files, real requests.
//!
//! Each test has a [`common::World`] of its own, so that all of them run at once. What only `/proc` can tell is tested on Linux.

mod attach;
mod bad_input;
mod commands;
mod common;
mod local_api;
mod readme;
mod rivals;
mod run;
mod tidy;
