//! `mlfix` finds anti-patterns in Python machine-learning code and rewrites them in place.

pub mod cli;
pub mod config;
pub mod engine;
pub mod fs;
pub mod report;
pub mod semantics;
#[path = "../transforms/mod.rs"]
pub mod transforms;
pub mod walk;
pub mod write;
