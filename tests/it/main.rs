//! The one integration test binary.

mod cache;
mod cases;
mod cli;
mod comparison;
mod config;
mod deep;
mod engine;
mod fleet;
mod flow;
mod front_page;
mod hostile;
mod memory;
mod parsers;
mod properties;
mod pull_requests;
mod python;
mod readme;
mod reindent;
mod rust;
mod skim;
mod snapshots_of_loops;
mod symtable;
mod tidy;
mod variants;
