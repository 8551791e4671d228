//! What a transform says: findings, the repairs that they carry, and what became of each.

use std::ops::Range;

use super::edit::Edit;
use super::imports::Import;
use super::syntax::Node;

/// A confirmed match. Its range is where the user looks first: an argument, a call, a loop header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Half-open byte range in the text that was checked.
    pub range: Range<usize>,
    /// What is so, in the reader's words, with the name from their code in it.
    pub message: String,
    /// What the judgement rests on.
    pub evidence: Vec<Note>,
    /// The fix, or why there is none.
    pub repair: Repair,
}

/// An expression as a message quotes it: on one line, and its end only when it is longer than 50 bytes.
pub fn quoted(node: Node<'_>) -> String {
    let text = node.text().split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() <= 50 {
        return text;
    }
    let end = text.char_indices().rev().nth(20).map_or(0, |(at, _)| at);
    format!("..{}", &text[end..])
}

/// One piece of evidence: a place in the file and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Half-open byte range in the text that was checked.
    pub range: Range<usize>,
    /// What this place shows.
    pub text: String,
    /// How much it proves.
    pub certainty: Certainty,
}

/// How much a piece of evidence proves. What is unknown is no evidence, so it has no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// True of most code that looks like this.
    Likely,
    /// True of every run that reaches this place.
    Known,
}

/// A report is a finding without fix, by type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The code can be rewritten.
    Fix(Fix),
    /// No rewrite is trustworthy.
    None {
        /// What stood in the way.
        because: String,
    },
}

/// A rewrite. It applies whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// An imperative without full stop: "Create the list inside the function".
    pub title: String,
    /// What may be promised about it.
    pub tier: Tier,
    /// The edits; they never overlap.
    pub edits: Vec<Edit>,
    /// Imports that the edits rely on.
    pub imports: Vec<Import>,
    /// The smallest run of whole statements that holds all edits and every use that the check relied on.
    /// Two fixes whose spans intersect are never applied in the same round.
    pub span: Range<usize>,
}

/// What may be promised about a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Right in the common case, but evidence is incomplete or there is a trade-off.
    Unsafe {
        /// The reason, printed with the finding.
        because: String,
    },
    /// Every run that the original got right gives the same result.
    Safe,
}

impl Tier {
    /// An unsafe tier with its reason.
    pub fn unsafe_because(reason: impl Into<String>) -> Self {
        Self::Unsafe { because: reason.into() }
    }

    /// `safe` or `unsafe`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe { .. } => "unsafe",
        }
    }
}

/// The most that any fix of a transform may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tiers {
    /// None of its fixes is applied without `--unsafe-fixes`.
    Unsafe,
    /// Some of its fixes are safe.
    Safe,
}

/// What became of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has a fix that the user allowed; nothing was applied because nothing was to be applied.
    Fixable,
    /// Its fix is in the new text.
    Applied,
    /// Another transform's fix changed the same statements, and the finding was gone afterwards.
    Superseded {
        /// The transform that won.
        by: &'static str,
    },
    /// A comment asks for silence.
    Suppressed {
        /// Byte offset of that comment.
        at: usize,
    },
    /// It has a fix that needs `--unsafe-fixes`.
    NeedsUnsafe,
    /// It has no fix.
    Report,
    /// It has a fix that is not applied, because the text is not valid Python there.
    Blocked {
        /// What is wrong with the text.
        because: String,
    },
    /// Its fix did not pass verification and was dropped.
    Rejected {
        /// The check that failed.
        check: String,
    },
    /// The new text could not be written.
    NotWritten {
        /// Why.
        cause: String,
    },
}

impl Status {
    /// The word used in machine-readable output.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fixable => "fixable",
            Self::Applied => "applied",
            Self::Superseded { .. } => "superseded",
            Self::Suppressed { .. } => "suppressed",
            Self::NeedsUnsafe => "needs-unsafe",
            Self::Report => "report",
            Self::Blocked { .. } => "blocked",
            Self::Rejected { .. } => "rejected",
            Self::NotWritten { .. } => "not-written",
        }
    }

    /// Whether the finding still stands in the file as it is left behind.
    pub fn remains(&self) -> bool {
        !matches!(self, Self::Applied | Self::Superseded { .. } | Self::Suppressed { .. })
    }
}

/// A finding and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which transform found it.
    pub transform: &'static str,
    /// The finding, in the coordinates of its own round.
    pub finding: Finding,
    /// What became of it.
    pub status: Status,
    /// The round in which it was found; 0 is the original text, 255 the 255th and all later ones.
    pub round: u8,
    /// Half-open byte range in the original text. `None` when the place did not exist there.
    pub origin: Option<Range<usize>>,
    /// For an applied fix: the ranges of the original text that its edits replaced, sorted.
    pub touched: Vec<Range<usize>>,
}

/// Something that was considered and left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Which transform considered it.
    pub transform: &'static str,
    /// Half-open byte range in the original text.
    pub range: Range<usize>,
    /// Why it is no finding.
    pub because: String,
}
