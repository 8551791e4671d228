//! The one integration test binary.

mod symtable;
