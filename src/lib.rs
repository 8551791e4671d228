//! `mlfix` finds anti-patterns in Python machine-learning code and rewrites them in place.
//!
//! # The way of a file
//!
//! ```text
//! walk ─ bytes ─▶ engine::driver::run ─▶ Report ─▶ report (text, JSON, patch) ─▶ write
//!                   │
//!                   ├ source      bytes, encoding, line ends; a text of equal length for the parsers
//!                   ├ parse       ordinary Python, fast; tree-sitter reads what is rare, ambiguous or wrong
//!                   ├ syntax      the tree of either as one flat table
//!                   ├ transform   query matches ─▶ check ─▶ findings, each with a fix or the reason why not
//!                   ├ suppress    comments that ask for silence
//!                   ├ edit, imports   fixes of a round ─▶ new bytes; again, until nothing changes
//!                   ├ origin      where a place of the new text stood in the original
//!                   └ verify      what must hold before anyone may write the new text
//! ```
//!
//! [`cache`] stands before the driver: it knows the reports of earlier runs.
//!
//! [`fleet`] sends the files of many repositories the same way, out of the object store of [`git`] and into records. The
//! package in `python/` does both for programs in Python, which send texts and get texts back.
//!
//! A transform asks [`semantics`] what may be known about a name: which scope it is of, what it was imported as, what
//! kind of value it has, what changes it, where it escapes to, and what runs after what.
//!
//! # What always holds
//!
//! - The arrows run one way: [`engine`] and [`semantics`] know no transform; [`transforms`] know no files; only `write`
//!   changes one.
//! - The engine cannot fail: broken Python is a tree with error nodes, a panic is caught per file.
//! - Offsets are byte offsets into the file, ranges are half-open, lines count from 0 inside and from 1 for the reader.
//! - A report is a function of the bytes, the settings and the program, whether it was computed or remembered.
//! - Bytes outside an edit are never touched, and neither the order of `--select`, nor of paths, nor the number of
//!   threads changes a byte.
//! - Nothing recurses over the tree.
//!
//! # Adding a transform
//!
//! One folder below `transforms/` with three files, and two lines of `transforms/mod.rs`. `README.md` is the
//! documentation and the test: each `##` is a case, run exactly as it stands there. `query.scm` says which code is a
//! candidate. `mod.rs` has the unit struct, its [`Meta`](engine::transform::Meta), and `check`, which says what it
//! found through [`Findings`](engine::transform::Findings). Help, `mlfix list`, the README's table and the snapshots
//! follow from that.

pub mod cache;
pub mod cli;
pub mod config;
pub mod engine;
pub mod fleet;
pub mod forge;
pub mod fs;
pub mod git;
pub mod report;
pub mod semantics;
#[path = "../transforms/mod.rs"]
pub mod transforms;
pub mod walk;
pub mod write;
