//! The last column of `docs/comparison/README.md` is what mlfix really does.

use std::fs;
use std::path::Path;

use mlfix::engine::driver::{Mode, Selected, Settings, run};
use mlfix::engine::finding::{Repair, Tier};
use mlfix::engine::transform::{FileKind, Options};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;

use crate::python;
use crate::readme::ids;

/// `MLFIX_UPDATE=1 cargo test` writes the column.
#[test]
fn the_comparison_is_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/comparison");
    let page = fs::read_to_string(folder.join("README.md")).expect("the page is there");
    let is_row = |line: &&str| line.starts_with("| [");
    let texts: Vec<_> =
        page.lines().filter(is_row).map(|row| fs::read_to_string(folder.join(file(row))).expect("a program")).collect();
    assert_eq!(texts.len(), fs::read_dir(&folder).expect("a folder").count() - 1, "each program has one row");
    let fixed: Vec<_> = texts.iter().map(|text| fix(text)).collect();
    let programs: Vec<_> = texts.iter().zip(&fixed).flat_map(|(text, (after, _))| [text.clone(), after.clone()]).collect();
    let printed = python::execute(&programs).unwrap_or_else(|why| panic!("{why}"));
    let mut verdicts = fixed.iter().zip(printed.chunks(2)).map(|((_, verdict), printed)| {
        if printed[0] == printed[1] {
            return verdict.clone();
        }
        let output = printed[1].trim_end().replace('\n', " ⏎ ").replace('|', "\\|");
        format!("{verdict}: `{output}`")
    });
    let lines = page.lines().map(|line| match is_row(&line) {
        true => {
            let kept = line.trim_end_matches('|').rsplit_once(" |").expect("a row has columns").0;
            format!("{kept} | {} |\n", verdicts.next().expect("one verdict for each row"))
        }
        false => format!("{line}\n"),
    });
    let now: String = lines.collect();
    if now == page {
        return;
    }
    assert!(
        std::env::var_os("MLFIX_UPDATE").is_some(),
        "docs/comparison/README.md is out of date; run `MLFIX_UPDATE=1 cargo test`. It should be\n\n{now}"
    );
    fs::write(folder.join("README.md"), now).expect("the page can be written");
}

/// The target of the row's link.
fn file(row: &str) -> &str {
    let link = row.split_once("](").expect("a row starts with a link").1;
    link.split_once(')').expect("a link ends").0
}

/// The text with all fixes, and what is said about them.
fn fix(text: &str) -> (String, String) {
    let settings = Settings {
        selected: SUITE.iter().map(|&transform| Selected::new(transform)).collect(),
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: true,
        known: ids(),
    };
    let report = run(text.into(), FileKind::Module, &settings, Mode::Fix);
    let repairs: Vec<_> = report.outcomes.iter().map(|outcome| &outcome.finding.repair).collect();
    let is_unsafe = |repair: &&&Repair| matches!(repair, Repair::Fix(fix) if fix.tier != Tier::Safe);
    let verdict = if repairs.is_empty() {
        "nothing"
    } else if repairs.iter().any(|repair| matches!(repair, Repair::None { .. })) {
        "reported, no fix"
    } else if repairs.iter().any(|repair| is_unsafe(&repair)) {
        "unsafe fix"
    } else {
        "safe fix"
    };
    let after =
        report.fixed.map_or_else(|| text.to_string(), |bytes| String::from_utf8(bytes).expect("the programs are UTF-8"));
    (after, verdict.to_string())
}
