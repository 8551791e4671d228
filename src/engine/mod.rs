//! Pure functions from bytes to findings and new bytes: no I/O, and no input on which they fail.
//!
//! The engine knows Python's syntax and nothing of any single transform; it gets the transforms as a slice.

pub mod deadline;
pub mod driver;
pub mod edit;
pub mod finding;
pub mod guard;
pub mod imports;
pub mod origin;
mod parse;
pub mod query;
pub mod reindent;
pub mod skim;
pub mod source;
pub mod suppress;
pub mod syntax;
pub mod transform;
pub mod verify;
pub mod version;
pub mod wrap;
