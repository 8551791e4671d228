//! Literals and lexical tests decide that a file is not parsed; they must never hide a finding.

use std::fs;
use std::path::Path;
use std::process::Command;

use mlfix::engine::driver::{Mode, Selected, Settings, run};
use mlfix::engine::transform::{Ask, Context, FileKind, Findings, Match, Meta, Options, Transform};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;
use rayon::prelude::*;

use crate::readme::{all_cases, ids};

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

#[test]
fn a_text_that_is_not_parsed_has_no_findings() {
    let skimming = settings(SUITE.to_vec());
    let unskimmed = |inner: &&'static dyn Transform| -> &'static dyn Transform {
        let meta = Box::leak(Box::new(Meta { anchors: &[], ..*inner.meta() }));
        Box::leak(Box::new(Unskimmed { meta, inner: *inner }))
    };
    let thorough = settings(SUITE.iter().map(unskimmed).collect());
    let cases = all_cases().into_iter().map(|case| case.before.into_bytes());
    let texts: Vec<Vec<u8>> = cases.chain(library()).collect();
    let hidden: Vec<String> = texts
        .par_iter()
        .filter(|text| found(text, &skimming) != found(text, &thorough))
        .map(|text| String::from_utf8_lossy(&text[..text.len().min(2_000)]).into_owned())
        .collect();
    assert!(hidden.is_empty(), "{} texts, such as\n{}", hidden.len(), hidden[0]);
}

fn settings(transforms: Vec<&'static dyn Transform>) -> Settings {
    Settings {
        selected: transforms.into_iter().map(Selected::new).collect(),
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: true,
        known: ids(),
    }
}

fn found(text: &[u8], settings: &Settings) -> Vec<(&'static str, usize)> {
    let outcomes = run(text.to_vec(), FileKind::Module, settings, Mode::Check).outcomes;
    outcomes.iter().map(|outcome| (outcome.transform, outcome.finding.range.start)).collect()
}

/// Each fourth module of Python's own library that is not too large for a debug build; `MLFIX_SKIM_FILES` names a file
/// with a list of others, one path a line.
fn library() -> impl Iterator<Item = Vec<u8>> {
    if let Ok(list) = std::env::var("MLFIX_SKIM_FILES") {
        let list = fs::read_to_string(&list).expect("the list can be read");
        let texts: Vec<_> = list.lines().filter_map(|path| fs::read(path).ok()).collect();
        return texts.into_iter();
    }
    let output = Command::new("python3").args(["-c", "import os; print(os.path.dirname(os.__file__))"]).output();
    let folder = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    if folder.is_empty() {
        println!("skipped: Python's library, because there is no python3 on the PATH");
    }
    let files = fs::read_dir(Path::new(folder.trim())).into_iter().flatten().flatten();
    let mut paths: Vec<_> =
        files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "py")).collect();
    paths.sort();
    let texts = paths.iter().step_by(4).filter_map(|path| fs::read(path).ok()).filter(|text| text.len() < 60_000);
    texts.collect::<Vec<_>>().into_iter()
}
