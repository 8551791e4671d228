//! Every case in the documentation of every transform: exact, idempotent, of the declared tier, the same under other
//! line ends, tabs and inside a method, and the same program when Python runs it.
//!
//! `MLFIX_CASE=text` narrows a run to the cases whose title holds the text.

use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mlfix::engine::driver::{self, Mode, Report, Settings, Trouble};
use mlfix::engine::finding::{Outcome, Repair, Status, Tier};
use mlfix::engine::source::SourceFile;
use mlfix::engine::syntax::{Tree, language};
use mlfix::engine::transform::{FileKind, Transform};
use mlfix::transforms::SUITE;
use ruff_python_parser::{Mode as Grammar, ParseOptions, parse_unchecked};
use tree_sitter::{Query, QueryCursor, StreamingIterator as _};

use crate::python;
use crate::readme::{Case, Claim, Execution, all_cases};
use crate::variants;

#[test]
fn cases_hold() {
    report("cases", &cases().iter().flat_map(check).collect::<Vec<_>>());
}

#[test]
fn variants_of_cases_hold() {
    report("variants", &cases().iter().flat_map(check_variants).collect::<Vec<_>>());
}

#[test]
fn cases_run_as_before() {
    let cases: Vec<_> = cases().into_iter().filter(|case| case.execution == Execution::Run).collect();
    let counted = |case: &Case, text: &str| if case.leaks { python::counting_leaks(text) } else { text.to_string() };
    let programs: Vec<_> = cases
        .iter()
        .flat_map(|case| [counted(case, &case.before), counted(case, case.after.as_deref().unwrap_or_default())])
        .collect();
    let answers = python::execute(&programs).unwrap_or_else(|why| panic!("{why}"));
    let failures = cases.iter().zip(answers.chunks(2)).filter_map(|(case, printed)| {
        let (before, after) = (python::without_count(&printed[0]), python::without_count(&printed[1]));
        let more =
            (case.leaks && before.1 <= after.1).then(|| format!("{} files are left open before, {} after", before.1, after.1));
        let why = check_run(case, before.0, after.0).or(more)?;
        Some(format!("{}: {why}", case.title()))
    });
    report("executed cases", &failures.collect::<Vec<_>>());
}

#[test]
fn cases_with_tensors_run_as_before() {
    let cases: Vec<_> = cases().into_iter().filter(|case| case.execution == Execution::RunTorch).collect();
    let Some(python) = python::with_torch() else {
        let how = "install it (Debian: `apt-get install --no-install-recommends python3-torch`), or name an interpreter that \
                   has it, as in `MLFIX_TEST_PYTHON=~/venv/bin/python cargo test`";
        assert!(std::env::var_os("CI").is_none(), "{} cases need PyTorch: {how}", cases.len());
        // Unlike what is printed, this is seen although the test passes.
        let _ = writeln!(std::io::stderr(), "\nskipped: {} cases need PyTorch: {how}", cases.len());
        return;
    };
    let programs: Vec<_> =
        cases.iter().flat_map(|case| [case.before.clone(), case.after.clone().unwrap_or_default()]).collect();
    let answers = python::execute_with_torch(&python, &programs).unwrap_or_else(|why| panic!("{why}"));
    let failures = cases.iter().zip(answers.chunks(2)).flat_map(|(case, answers)| {
        let printed = check_run(case, &answers[0].text, &answers[1].text);
        let counted = |what: &str, claimed: Option<(u32, u32)>, before: u32, after: u32| {
            let after = if case.after.is_some() { after } else { before };
            let wrong = claimed.is_some_and(|claimed| claimed != (before, after));
            wrong.then(|| format!("{what}={before}->{after} is what was counted"))
        };
        let syncs = counted("syncs", case.syncs, answers[0].syncs, answers[1].syncs);
        let waits = counted("waits", case.waits, answers[0].waits, answers[1].waits);
        titled(case, "", [printed, syncs, waits].into_iter().flatten().collect())
    });
    report("cases executed with PyTorch", &failures.collect::<Vec<_>>());
}

#[test]
fn every_pattern_is_matched_by_a_case() {
    if std::env::var_os("MLFIX_CASE").is_some() {
        return;
    }
    let cases = cases();
    let failures: Vec<_> = SUITE.iter().flat_map(|&transform| uncovered(transform, &cases)).collect();
    report("patterns", &failures);
}

#[test]
fn reports_are_as_in_the_snapshots() {
    if std::env::var_os("MLFIX_CASE").is_some() {
        return;
    }
    let cases = cases();
    let mut wrong = Vec::new();
    for transform in SUITE {
        let id = transform.meta().id;
        let text: String = cases.iter().filter(|case| case.transform.meta().id == id).map(rendered).collect();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../snapshots/transforms");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_description("What the user is told about each case of the transform's page.");
        // One wrong snapshot must not hide the next.
        if catch_unwind(AssertUnwindSafe(|| settings.bind(|| insta::assert_snapshot!(id, text)))).is_err() {
            wrong.push(format!("{id}: the reports changed; read the difference, then `INSTA_UPDATE=always cargo test`"));
        }
    }
    report("snapshots", &wrong);
}

fn cases() -> Vec<Case> {
    let only = std::env::var("MLFIX_CASE").unwrap_or_default();
    all_cases().into_iter().filter(|case| case.title().contains(&only)).collect()
}

/// All failures at once.
#[track_caller]
fn report(what: &str, failures: &[String]) {
    assert!(failures.is_empty(), "\n{}\n\n{}: {} failures\n", failures.join("\n\n"), what, failures.len());
}

fn check(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let result = run(&case.before, case.kind, &case.settings(true));
    wrong.extend(trouble(&result));
    let outcomes: Vec<_> =
        result.outcomes.iter().filter(|outcome| !matches!(outcome.status, Status::Suppressed { .. })).collect();
    let tiers: Vec<_> = outcomes.iter().filter_map(|outcome| tier(outcome)).collect();
    wrong.extend(difference(case.after.as_deref(), result.fixed.as_deref()));
    match case.claim {
        Claim::Safe | Claim::Unsafe => {
            let unsafe_fixes = tiers.iter().filter(|tier| matches!(tier, Tier::Unsafe { .. })).count();
            if case.claim == Claim::Safe && unsafe_fixes > 0 {
                wrong.push(format!("declared safe, but {unsafe_fixes} of {} fixes are unsafe", tiers.len()));
            }
            if case.claim == Claim::Unsafe && unsafe_fixes == 0 {
                wrong.push("declared unsafe, but no fix is".to_string());
            }
            // What is done without leave must be the whole fix of a safe case, and never that of an unsafe one.
            let cautious = run(&case.before, case.kind, &case.settings(false));
            wrong.extend(trouble(&cautious));
            let same = cautious.fixed == result.fixed;
            if case.claim == Claim::Safe && !same {
                wrong.push("the safe fixes alone give another result".to_string());
            }
            if case.claim == Claim::Unsafe && same {
                wrong.push("the unsafe fix is applied without leave".to_string());
            }
        }
        Claim::Report => {
            if outcomes.is_empty() {
                wrong.push("declared report, but nothing is found".to_string());
            }
            if !tiers.is_empty() {
                wrong.push("declared report, but there is a fix".to_string());
            }
        }
        Claim::Nothing => {
            wrong.extend(outcomes.iter().map(|outcome| format!("declared none, but found: {}", outcome.finding.message)));
        }
    }
    if wrong.iter().any(|why| why.starts_with("declared")) {
        wrong.push(format!("said:\n{}", indented(&said(&result))));
    }
    wrong.extend(always(&case.before, &result, case));
    titled(case, "", wrong)
}

fn check_variants(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, opt_out, vary) in variants::EXACT {
        let Some(before) = vary(&case.before).filter(|_| !case.opts_out(opt_out)) else { continue };
        let mut failures = Vec::new();
        if accepted(&case.before) && !accepted(&before) {
            failures.push(format!("the variant is no Python; write `no={opt_out}` into the fence"));
        }
        let result = run(&before, case.kind, &case.settings(true));
        failures.extend(trouble(&result));
        let after = case.after.as_deref().map(|after| vary(after).unwrap_or_else(|| after.to_string()));
        failures.extend(difference(after.as_deref(), result.fixed.as_deref()));
        let found = result.outcomes.iter().any(|outcome| !matches!(outcome.status, Status::Suppressed { .. }));
        if found && case.claim == Claim::Nothing {
            failures.push("something is found".to_string());
        }
        if !found && case.claim != Claim::Nothing {
            failures.push("nothing is found".to_string());
        }
        failures.extend(always(&before, &result, case));
        wrong.extend(titled(case, &format!(" [{name}]"), failures));
    }
    for (name, vary, undo) in variants::LOOSE {
        let Some(before) = vary(&case.before) else { continue };
        let result = run(&before, case.kind, &case.settings(true));
        let mut failures: Vec<_> = trouble(&result).into_iter().collect();
        if let Some(undo) = undo {
            let fixed = result.fixed.as_deref().map(undo);
            failures.extend(difference(case.after.as_deref(), fixed.as_deref().map(str::as_bytes)));
        }
        failures.extend(always(&before, &result, case));
        wrong.extend(titled(case, &format!(" [{name}]"), failures));
    }
    wrong
}

/// What holds of every result, whatever the case claims.
fn always(before: impl AsRef<[u8]>, result: &Report, case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(fixed) = &result.fixed else { return wrong };
    let (Ok(old), Ok(new)) = (SourceFile::new(before.as_ref().to_vec()), SourceFile::new(fixed.clone())) else {
        return vec!["before or after cannot be read".to_string()];
    };
    let (old_tree, new_tree) = (Tree::parse(old.code()), Tree::parse(new.code()));
    if new_tree.errors().count() > old_tree.errors().count() {
        wrong.push(format!("new syntax errors in the tree of\n{}", indented(new.code())));
    }
    if accepted(old.code()) && !accepted(new.code()) {
        wrong.push(format!("the second parser rejects\n{}", indented(new.code())));
    }
    if comments(&old_tree) != comments(&new_tree) {
        wrong.push(format!("comments were {:?} and are {:?}", comments(&old_tree), comments(&new_tree)));
    }
    if !untouched_bytes_stand(before.as_ref(), fixed, &result.outcomes) {
        wrong.push("bytes outside the touched ranges have changed".to_string());
    }
    let again = run(fixed, case.kind, &case.settings(true));
    wrong.extend(trouble(&again));
    if let Some(changed) = again.fixed {
        wrong.push(format!("running again changes the result:\n{}", diff(fixed, &changed)));
    }
    wrong
}

/// Whether the pieces of the original between the touched ranges are all there, in order, from the first byte to the
/// last.
pub(crate) fn untouched_bytes_stand(before: &[u8], after: &[u8], outcomes: &[Outcome]) -> bool {
    let mut touched: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.touched.iter().cloned()).collect();
    touched.sort_by_key(|range| (range.start, range.end));
    let mut at = 0;
    let mut pieces = Vec::new();
    for range in touched {
        if range.start >= at {
            pieces.push(&before[at..range.start]);
        }
        at = at.max(range.end);
    }
    pieces.push(&before[at..]);
    let (Some((first, rest)), mut text) = (pieces.split_first(), after) else { return false };
    let Some((last, middle)) = rest.split_last() else { return before == after };
    match text.strip_prefix(*first) {
        Some(behind) => text = behind,
        None => return false,
    }
    match text.strip_suffix(*last) {
        Some(ahead) => text = ahead,
        None => return false,
    }
    for piece in middle.iter().filter(|piece| !piece.is_empty()) {
        match memchr::memmem::find(text, piece) {
            Some(start) => text = &text[start + piece.len()..],
            None => return false,
        }
    }
    true
}

fn check_run(case: &Case, before: &str, after: &str) -> Option<String> {
    let same = |expected: &str, printed: &str| expected.trim_end() == printed.trim_end();
    let what = |when: &str, expected: &str, printed: &str| {
        format!("{when} it does not print what the page says:\n{}", diff(expected.as_bytes(), printed.as_bytes()))
    };
    let changed = case.after.is_some();
    match case.prints.as_slice() {
        [] if before.contains("Error: ") => {
            Some(format!("it ends with an exception that no text fence shows:\n{}", indented(before)))
        }
        [] if changed && before.is_empty() => Some("it prints nothing, so running it shows nothing".to_string()),
        [] if changed && before != after => {
            Some(format!("it prints something else afterwards:\n{}", diff(before.as_bytes(), after.as_bytes())))
        }
        [both] | [both, _] if !same(both, before) => Some(what("before,", both, before)),
        [both] if changed && !same(both, after) => Some(what("after,", both, after)),
        [_, then] if !same(then, after) => Some(what("after,", then, after)),
        _ => None,
    }
}

fn uncovered(transform: &'static dyn Transform, cases: &[Case]) -> Vec<String> {
    let meta = transform.meta();
    let query = match Query::new(language(), meta.query) {
        Ok(query) => query,
        Err(error) => return vec![format!("{}: query.scm: {error}", meta.id)],
    };
    let mut covered = vec![false; query.pattern_count()];
    for case in cases.iter().filter(|case| case.transform.meta().id == meta.id) {
        let tree = Tree::parse(&case.before);
        let mut cursor = QueryCursor::new();
        let mut matches = cursor.matches(&query, tree.parsed().root_node(), case.before.as_bytes());
        while let Some(found) = matches.next() {
            covered[found.pattern_index] = true;
        }
    }
    let missing = (0..covered.len()).filter(|&index| !covered[index]);
    let line = |index| meta.query[..query.start_byte_for_pattern(index)].matches('\n').count() + 1;
    missing.map(|index| format!("{}: no case matches the pattern at query.scm:{}", meta.id, line(index))).collect()
}

fn rendered(case: &Case) -> String {
    let result = driver::run(case.before.clone().into_bytes(), case.kind, &case.settings(true), Mode::Check);
    let said = said(&result);
    format!("## {}\n{}\n", case.heading, if said.is_empty() { "nothing\n" } else { &said })
}

/// Everything that a report says, without colours and frames.
fn said(report: &Report) -> String {
    let mut out = String::new();
    let Some(source) = &report.source else { return format!("{:?}\n", report.trouble) };
    let place = |offset: usize| format!("{}:{}", source.line(offset) + 1, offset - source.line_start(offset) + 1);
    for outcome in &report.outcomes {
        let finding = &outcome.finding;
        // In a later round the finding's own range speaks of a text that nobody has.
        let at = outcome.origin.as_ref().map_or("new text".to_string(), |origin| place(origin.start));
        let _ = writeln!(out, "{at} {}", finding.message);
        for note in finding.evidence.iter().filter(|_| outcome.round == 0) {
            let _ = writeln!(out, "    {:?}: {} {}", note.certainty, place(note.range.start), note.text);
        }
        match &finding.repair {
            Repair::Fix(fix) => {
                let _ = writeln!(out, "    {}: {}", fix.tier.name(), fix.title);
                if let Tier::Unsafe { because } = &fix.tier {
                    let _ = writeln!(out, "    because {because}");
                }
            }
            Repair::None { because } => {
                let _ = writeln!(out, "    no fix: {because}");
            }
        }
        match &outcome.status {
            Status::Fixable | Status::Report | Status::Applied => {}
            status => {
                let _ = writeln!(out, "    {}", status.name());
            }
        }
    }
    for left in &report.left {
        let _ = writeln!(out, "{} left alone: {}", place(left.range.start), left.because);
    }
    if let Some(Trouble::Skipped(why) | Trouble::Failed(why)) = &report.trouble {
        let _ = writeln!(out, "trouble: {why}");
    }
    out
}

fn run(text: impl AsRef<[u8]>, kind: FileKind, settings: &Settings) -> Report {
    driver::run(text.as_ref().to_vec(), kind, settings, Mode::Fix)
}

fn trouble(report: &Report) -> Option<String> {
    let rejected = report.outcomes.iter().find_map(|outcome| match &outcome.status {
        Status::Rejected { check } => Some(format!("a fix did not pass verification: {check}")),
        _ => None,
    });
    match &report.trouble {
        Some(Trouble::Failed(why)) => Some(format!("failed: {why}")),
        _ => rejected,
    }
}

fn tier(outcome: &Outcome) -> Option<&Tier> {
    match &outcome.finding.repair {
        Repair::Fix(fix) => Some(&fix.tier),
        Repair::None { .. } => None,
    }
}

fn difference(expected: Option<&str>, actual: Option<&[u8]>) -> Option<String> {
    match (expected, actual) {
        (None, None) => None,
        (Some(expected), None) => Some(format!("nothing was changed; expected\n{}", indented(expected))),
        (None, Some(actual)) => Some(format!("must not change, but became\n{}", indented(&String::from_utf8_lossy(actual)))),
        (Some(expected), Some(actual)) if expected.as_bytes() == actual => None,
        (Some(expected), Some(actual)) => {
            Some(format!("another result (- expected, + actual)\n{}", diff(expected.as_bytes(), actual)))
        }
    }
}

/// A readable difference: carriage returns, tabs and bytes that are no UTF-8 are spelled out.
pub(crate) fn diff(old: &[u8], new: &[u8]) -> String {
    let visible = |bytes: &[u8]| -> String {
        let text = String::from_utf8_lossy(bytes).replace('\r', "\\r").replace('\t', "\\t").replace('\x0c', "\\f");
        if text.ends_with('\n') { text } else { text + "<no final newline>\n" }
    };
    let (old, new) = (visible(old), visible(new));
    let diff = similar::TextDiff::from_lines(&old, &new);
    indented(&diff.unified_diff().context_radius(2).to_string())
}

fn comments(tree: &Tree) -> Vec<&str> {
    let mut comments: Vec<_> =
        tree.root().descendants().filter(|node| node.is("comment")).map(|node| node.text().trim_end()).collect();
    comments.sort_unstable();
    comments
}

/// Whether the second parser accepts the text, as the newest Python that it knows.
pub(crate) fn accepted(code: &str) -> bool {
    parse_unchecked(code.strip_prefix('\u{feff}').unwrap_or(code), ParseOptions::from(Grammar::Module)).has_valid_syntax()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n").trim_end().to_string()
}

fn titled(case: &Case, variant: &str, wrong: Vec<String>) -> Vec<String> {
    wrong.into_iter().map(|why| format!("{}{variant}: {why}", case.title())).collect()
}
