//! The interface between the engine and a transform.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::finding::{Finding, Tiers};
use super::imports::Imported;
use super::skim::Code;
use super::source::SourceFile;
use super::syntax::{Node, Tree};
use super::version::PythonVersion;
use crate::semantics::Facts;

/// One anti-pattern and its repair: the query anchors on a function, loop or block and proposes; `check` disposes.
pub trait Transform: Sync {
    /// What it is called and what it looks for.
    fn meta(&self) -> &'static Meta;

    /// Cheap lexical test of a whole text without its comments and strings (see [`skim`](super::skim)); never false
    /// where `check` would find something. A text for which it is false is not parsed.
    fn may_match(&self, code: &Code) -> bool {
        let _ = code;
        true
    }

    /// Judges one candidate. It may give any number of findings; one site belongs to one finding.
    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()>;
}

/// What the parsed part of a file must cover for a question to be answered: the driver parses wider and asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Widen {
    /// The whole class around the candidate.
    Class,
    /// The whole file.
    File,
}

/// The answer to a question, or how much more must be parsed first.
pub type Ask<T> = Result<T, Widen>;

/// What a transform is called, what it looks for, and what it promises. Help, configuration check, documentation and
/// the README's table derive from it.
pub struct Meta {
    /// Names the pattern, never the remedy; reads as "allow ID".
    pub id: &'static str,
    /// Verb phrase without full stop.
    pub summary: &'static str,
    /// Why it matters: one sentence, printed under every finding.
    pub why: &'static str,
    /// Codes of other tools for the same thing, honoured in `# noqa` and `# pylint: disable`.
    pub aliases: &'static [&'static str],
    /// AND of ORs of literals; a file without them is never parsed.
    pub anchors: &'static [&'static [&'static str]],
    /// Options in the configuration file.
    pub options: &'static [Opt],
    /// The most that any of its fixes may claim; `None` when it only reports.
    pub tier: Option<Tiers>,
    /// Text of the tree-sitter query, compiled on first use.
    pub query: &'static str,
    /// Text of its documentation, which is also its test.
    pub docs: &'static str,
}

/// An option of a transform.
pub struct Opt {
    /// Name under `[tool.mlfix.ID]`.
    pub name: &'static str,
    /// The values that it may have; the first is the default.
    pub values: &'static [&'static str],
    /// One sentence.
    pub doc: &'static str,
}

/// Options that the user set, by transform and name. Values are checked when the configuration is read.
pub type Options = BTreeMap<(&'static str, &'static str), String>;

/// Whether a file is a module or the stub of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `.py`, `.pyw`, or a script with a Python shebang.
    Module,
    /// `.pyi`.
    Stub,
}

/// One match of a transform's query.
pub struct Match<'t> {
    /// Index of the pattern in the query, from 0.
    pub pattern: usize,
    /// Captures by name, in text order.
    pub captures: Vec<(&'static str, Node<'t>)>,
}

impl<'t> Match<'t> {
    /// The first capture with this name.
    pub fn get(&self, name: &str) -> Option<Node<'t>> {
        self.captures.iter().find(|(capture, _)| *capture == name).map(|&(_, node)| node)
    }

    /// The capture with this name. Panics when the query has no such capture: a mistake in the transform.
    pub fn node(&self, name: &str) -> Node<'t> {
        self.get(name).unwrap_or_else(|| panic!("query.scm captures no @{name}"))
    }
}

/// Everything a transform may ask about the file.
pub struct Context<'t> {
    /// The bytes, their line ends and indents.
    pub source: &'t SourceFile,
    /// The syntax tree.
    pub tree: &'t Tree,
    /// Module or stub.
    pub kind: FileKind,
    /// The oldest Python that the result must run on.
    pub target: PythonVersion,
    facts: OnceCell<Facts<'t>>,
    options: &'t Options,
    meta: &'static Meta,
}

impl<'t> Context<'t> {
    /// A view of one parsed file for one transform.
    pub fn new(
        source: &'t SourceFile,
        tree: &'t Tree,
        kind: FileKind,
        target: PythonVersion,
        options: &'t Options,
        meta: &'static Meta,
    ) -> Self {
        Self { source, tree, kind, target, facts: OnceCell::new(), options, meta }
    }

    /// The same view for another transform; what was found out about names is kept.
    pub fn for_transform(&mut self, meta: &'static Meta) {
        self.meta = meta;
    }

    /// What may be known about names and control flow. Computed on first use.
    pub fn facts(&self) -> &Facts<'t> {
        self.facts.get_or_init(|| Facts::new(self.tree))
    }

    /// Must stand before a question whose answer lies outside the function at hand. The whole file is parsed today, so
    /// it is always covered; a driver that parses regions answers `Err` and comes back with more.
    pub fn need(&self, _coverage: Widen) -> Ask<()> {
        Ok(())
    }

    /// The value of one of the transform's own options. Panics when there is no such option: a mistake in the transform.
    pub fn option(&self, name: &str) -> &str {
        let option = self.meta.options.iter().find(|option| option.name == name);
        let option = option.unwrap_or_else(|| panic!("{} has no option {name}", self.meta.id));
        self.options.get(&(self.meta.id, option.name)).map_or(option.values[0], String::as_str)
    }

    /// The bytes of the file in a range, as they stand on disk.
    pub fn bytes(&self, range: Range<usize>) -> &'t [u8] {
        &self.source.bytes()[range]
    }

    /// How `module.name` is spelled for code at `at`, with the import to add if there is none yet. `None` when every
    /// spelling means something else there.
    pub fn import(&self, module: &'static str, name: &'static str, at: Node<'t>) -> Option<Imported> {
        super::imports::import(self, module, name, at)
    }
}

/// Collects what a transform says.
#[derive(Default)]
pub struct Findings {
    /// Confirmed matches.
    pub found: Vec<Finding>,
    /// Considered and left alone: range and reason.
    pub left: Vec<(Range<usize>, String)>,
}

impl Findings {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Records that a place was considered and left alone.
    pub fn leave(&mut self, range: Range<usize>, because: impl Into<String>) {
        self.left.push((range, because.into()));
    }
}
