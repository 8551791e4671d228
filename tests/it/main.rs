//! The one integration test binary.

mod flow;
mod symtable;
