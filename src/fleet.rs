//! One migration over many repositories, in phases that trust each other with little.
//!
//! `scan` clones and fixes, many at a time, anywhere, and holds no token that can write. It leaves one [`Record`] for each
//! repository. Whoever publishes needs nothing but the records: [`publish`] is one process, as fast as a forge allows, and
//! the only one that changes anything outside of this machine.

pub mod body;
pub mod campaign;
pub mod crew;
pub mod draft;
pub mod export;
pub mod forks;
pub mod found;
pub mod journal;
pub mod list;
pub mod mirror;
pub mod pass;
pub mod progress;
pub mod publish;
pub mod published;
pub mod reconcile;
pub mod record;
pub mod records;
pub mod sbatch;
mod scan;
pub mod show;
mod site;
pub mod split;
pub mod sum;
pub mod wish;
mod wishes;

use std::collections::BTreeSet;

use clap::ValueEnum as _;

pub use record::Record;
pub use scan::{Cost, Scanner, look};

use crate::forge::Kind;

/// Who makes commits where nobody else is named. The domain is one that nobody can have (RFC 2606).
pub const AUTHOR: &str = "mlfix <mlfix@users.noreply.invalid>";

/// The topic by which owners ask to be left alone, before anything is cloned.
pub const STOP_TOPIC: &str = "no-mlfix";

/// Variables of the environment that may hold a token with which one can write. Whoever scans has no use for any.
pub fn secrets() -> BTreeSet<&'static str> {
    // `gh` has a variable of its own.
    Kind::value_variants().iter().flat_map(|kind| kind.variables()).chain(["GH_TOKEN"]).collect()
}
