//! x
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod error;
pub mod host;
pub mod ledger;
pub mod local;
pub mod model;
pub mod plan;
pub mod report;
pub mod run;
pub mod shell;
