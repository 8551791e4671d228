//! One migration over many repositories, in phases that trust each other with little.
//!
//! `scan` clones and fixes, many at a time, anywhere, and holds no token that can write. It leaves one [`Record`] for each
//! repository. Whoever publishes needs nothing but the records.

pub mod body;

pub mod publish;
pub mod published;
pub mod reconcile;
pub mod record;
pub mod split;

pub use record::Record;
