//! From bytes to findings and new bytes: match, check, apply, parse again, until nothing changes; then verify.

use std::sync::OnceLock;

use tree_sitter::Query;

use super::finding::{Left, Outcome};
use super::source::{Refusal, SourceFile};
use super::transform::{FileKind, Options, Transform};
use super::version::PythonVersion;

/// What to look for and what may be done about it.
pub struct Settings {
    /// The transforms, in the order of the suite.
    pub selected: Vec<Selected>,
    /// The oldest Python that the result must run on.
    pub target: PythonVersion,
    /// Options of transforms that differ from their defaults.
    pub options: Options,
    /// Whether fixes of the unsafe tier may be applied.
    pub unsafe_fixes: bool,
}

/// A transform and its compiled query.
pub struct Selected {
    /// The transform.
    pub transform: &'static dyn Transform,
    query: OnceLock<Query>,
}

impl Selected {
    /// The query is compiled when a file first needs it.
    pub fn new(transform: &'static dyn Transform) -> Self {
        Self { transform, query: OnceLock::new() }
    }

    /// The compiled query. Panics when the query is wrong: a mistake in the transform.
    pub fn query(&self) -> &Query {
        self.query.get_or_init(|| todo!())
    }
}

/// Whether fixes are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Findings of the text as it stands.
    Check,
    /// Findings are fixed, round after round, until nothing changes.
    Fix,
}

/// Why a file is left as it is although it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The file cannot be worked on, through no fault of ours: exit code 0 when found by walking.
    Skipped(String),
    /// Something went wrong in our own work: exit code 2.
    Failed(String),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Skipped(refusal.to_string())
    }
}

/// Everything there is to say about one file.
#[derive(Debug)]
pub struct Report {
    /// The original text; none when it could not be read as Python source.
    pub source: Option<SourceFile>,
    /// Findings, in text order of the round and then by round.
    pub outcomes: Vec<Outcome>,
    /// What was considered and left alone in the original text.
    pub left: Vec<Left>,
    /// The new bytes, when fixes were applied.
    pub fixed: Option<Vec<u8>>,
    /// Why nothing was changed although it was asked for, or why nothing was looked at.
    pub trouble: Option<Trouble>,
}

/// Works on one file. Never panics, whatever the bytes and whatever a transform does.
pub fn run(_bytes: Vec<u8>, _kind: FileKind, _settings: &Settings, _mode: Mode) -> Report {
    todo!()
}
