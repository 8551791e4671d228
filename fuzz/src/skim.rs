//! A text that is not parsed, because a look at its words says that there is nothing in it, has no findings, if it is Python.

use std::sync::LazyLock;

use mlfix::engine::driver::{Mode, Selected, Settings, run};
use mlfix::engine::skim::Code;
use mlfix::engine::transform::{Ask, Context, FileKind, Findings, Match, Meta, Options, Transform};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;

use crate::fix::is_python;

/// A transform that looks at every text.
struct Unskimmed {
    meta: &'static Meta,
    inner: &'static dyn Transform,
}

impl Transform for Unskimmed {
    fn meta(&self) -> &'static Meta {
        self.meta
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        self.inner.check(m, cx, out)
    }
}

static SKIMMING: LazyLock<Settings> = LazyLock::new(|| settings(SUITE.iter().copied()));
static THOROUGH: LazyLock<Settings> = LazyLock::new(|| settings(SUITE.iter().map(|&inner| unskimmed(inner))));

fn unskimmed(inner: &'static dyn Transform) -> &'static dyn Transform {
    let meta = Box::leak(Box::new(Meta { anchors: &[], ..*inner.meta() }));
    Box::leak(Box::new(Unskimmed { meta, inner }))
}

fn settings(transforms: impl Iterator<Item = &'static dyn Transform>) -> Settings {
    Settings {
        selected: transforms.map(Selected::new).collect(),
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: true,
        known: SUITE.iter().map(|transform| transform.meta().id).collect(),
    }
}

/// Looks at a text with and without skimming, and at what the skimmer leaves of it.
pub fn skim(data: &[u8]) {
    if let Some(code) = Code::of(data) {
        assert_eq!(code.len(), data.len(), "every byte keeps its place");
        let is_kept =
            |before: u8, after: u8| before == after || after == b' ' || matches!((before, after), (b'{', b'(') | (b'}', b')'));
        let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
        let kept = text.iter().rev().zip(code.iter().rev()).all(|(before, after)| is_kept(*before, *after));
        assert!(kept, "the skimmer only blanks");
    }
    // Where a statement of a broken text ends is anybody's guess.
    if is_python(data) {
        assert_eq!(found(data, &SKIMMING), found(data, &THOROUGH), "a finding is hidden");
    }
}

fn found(data: &[u8], settings: &Settings) -> Vec<(&'static str, usize)> {
    let outcomes = run(data.to_vec(), FileKind::Module, settings, Mode::Check).outcomes;
    outcomes.iter().map(|outcome| (outcome.transform, outcome.finding.range.start)).collect()
}
