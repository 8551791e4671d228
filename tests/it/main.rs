//! The one integration test binary.

mod cases;
mod cli;
mod comparison;
mod config;
mod engine;
mod properties;
mod python;
mod readme;
mod reindent;
mod rust;
mod symtable;
mod tidy;
mod variants;
