//! `mlfix` finds anti-patterns in Python machine-learning code and rewrites them in place.

pub mod engine;
pub mod semantics;
#[path = "../transforms/mod.rs"]
pub mod transforms;
