//! The engine on whole files: encodings, line ends, hostile texts, and many files at once.

use std::time::{Duration, Instant};

use mlfix::engine::driver::{Mode, Report, Selected, Settings, Trouble, run};
use mlfix::engine::edit::Edit;
use mlfix::engine::finding::{Finding, Fix, Repair, Tier, Tiers};
use mlfix::engine::transform::{Ask, Context, FileKind, Findings, Match, Meta, Options, Transform};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;
use rayon::prelude::*;

use crate::readme::{all_cases, ids};

/// Renames `old` to `new` where it is assigned, and puts a `pass` on a line of its own above.
struct Rename;

static RENAME: Meta = Meta {
    id: "rename",
    summary: "renames a variable",
    why: "A test.",
    aliases: &[],
    anchors: &[&["old"]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: "(assignment left: (identifier) @name)",
    docs: "",
};

impl Transform for Rename {
    fn meta(&self) -> &'static Meta {
        &RENAME
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let name = m.node("name");
        let Some(statement) = name.statement().filter(|_| name.text() == "old") else { return Ok(()) };
        let line = format!("pass\n{}", cx.source.indent(statement.start()));
        out.push(Finding {
            range: name.range(),
            message: "`old` is old".to_string(),
            evidence: Vec::new(),
            repair: Repair::Fix(Fix {
                title: "Rename".to_string(),
                tier: Tier::Safe,
                edits: vec![Edit::insert(statement.start(), line), Edit::replace(name.range(), "new")],
                imports: Vec::new(),
                span: statement.range(),
            }),
        });
        Ok(())
    }
}

fn rename(text: impl AsRef<[u8]>) -> Report {
    let settings = Settings {
        selected: vec![Selected::new(&Rename)],
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: false,
        known: vec!["rename"],
    };
    run(text.as_ref().to_vec(), FileKind::Module, &settings, Mode::Fix)
}

fn suite() -> Settings {
    Settings {
        selected: SUITE.iter().map(|&transform| Selected::new(transform)).collect(),
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: true,
        known: ids(),
    }
}

#[track_caller]
fn becomes(before: impl AsRef<[u8]>, after: impl AsRef<[u8]>) {
    let report = rename(&before);
    assert_eq!(report.trouble, None);
    let fixed = report.fixed.unwrap_or_else(|| before.as_ref().to_vec());
    assert!(fixed == after.as_ref(), "{}\nis not\n{}", fixed.escape_ascii(), after.as_ref().escape_ascii());
}

#[track_caller]
fn skipped(text: impl AsRef<[u8]>, why: &str) {
    let report = rename(&text);
    assert_eq!(report.fixed, None);
    assert!(matches!(&report.trouble, Some(Trouble::Skipped(reason)) if reason.contains(why)), "{:?}", report.trouble);
}

#[test]
fn line_ends_are_those_of_the_place() {
    becomes("old = 1\n", "pass\nnew = 1\n");
    becomes("old = 1\r\n", "pass\r\nnew = 1\r\n");
    becomes("old = 1\rx = 2\r", "pass\rnew = 1\rx = 2\r");
    // Mixed, and none at the end.
    becomes("old = 1\r\nx = 2\nold = 3\r\nold = 4", "pass\r\nnew = 1\r\nx = 2\npass\r\nnew = 3\r\npass\r\nnew = 4");
    becomes("old = 1", "pass\nnew = 1");
}

#[test]
fn indents_and_form_feeds_stay() {
    becomes("if x:\n\told = 1\n", "if x:\n\tpass\n\tnew = 1\n");
    becomes("if x:\n \t old = 1\n", "if x:\n \t pass\n \t new = 1\n");
    becomes("x = 1\n\x0c\nold = 1\n", "x = 1\n\x0c\npass\nnew = 1\n");
}

#[test]
fn bytes_outside_ascii_stay() {
    becomes("\u{feff}old = 'é'\n", "\u{feff}pass\nnew = 'é'\n");
    becomes(b"# coding: latin-1\nold = '\xe9'  # \xff\n", b"# coding: latin-1\npass\nnew = '\xe9'  # \xff\n");
    becomes(b"# coding: cp1252\r\nold = '\x93'\r\n", b"# coding: cp1252\r\npass\r\nnew = '\x93'\r\n");
    becomes("größe = 1\nold = größe\n", "größe = 1\npass\nnew = größe\n");
}

#[test]
fn what_cannot_be_read_is_skipped_with_a_reason() {
    skipped(b"old = '\xe9'\n", "utf-8");
    skipped(b"# coding: shift_jis\nold = 1\n", "shift_jis");
    skipped(b"old = 1\0\n", "NUL");
    for text in ["old = 1\nprint 'x'\n", "old = (1\n", "old = 1\nx = (\n"] {
        assert_eq!(rename(text).fixed, None, "{text}");
    }
    skipped("old = 1\ndef f():\nreturn 1\n", "syntax error at line 3");
    // Valid in Python 3.14, where it means something else.
    skipped("old = 1\ntry:\n    pass\nexcept E, e:\n    pass\n", "as in Python 2");
}

#[test]
fn nothing_to_do_is_nothing_done() {
    for text in ["", "\n", "\u{feff}", "x = 1\n", "# old\n", "'old'\n", "old\n"] {
        becomes(text, text);
    }
}

/// Repeats in breadth and in depth what recursion, backtracking or a quadratic loop would choke on.
#[test]
fn hostile_texts_are_survived_in_time() {
    let nested: Vec<_> = (0..90).map(|depth| format!("{}for k in d:\n", " ".repeat(depth))).collect();
    let parameters: Vec<_> = (0..500).map(|number| format!("x{number}=[]")).collect();
    let texts = [
        ("parentheses", format!("old = {}1{}\n", "(".repeat(50_000), ")".repeat(50_000))),
        ("open brackets", "x = [old".repeat(20_000)),
        ("a chain", format!("old = 1{}\n", " + 1".repeat(20_000))),
        ("attributes", format!("old = a{}\n", ".b".repeat(20_000))),
        ("calls", format!("old = f{}\n", "()".repeat(20_000))),
        ("not", format!("old = {}x\n", "not ".repeat(20_000))),
        ("lambdas", format!("old = {}1\n", "lambda x=[]: ".repeat(5_000))),
        ("blocks", nested.concat() + &" ".repeat(90) + "del d[k]\n"),
        ("functions", "def f(x=[]):\n    x.append(1)\n    old = x\n".repeat(200)),
        ("parameters", format!("def f({}): pass\nold = f\n", parameters.join(", "))),
        ("loops", "for k in d:\n    del d[k]\n".repeat(500)),
        ("elif", format!("if x: pass\n{}old = 1\n", "elif x: pass\n".repeat(3_000))),
        ("strings", format!("old = {}\n", "'a' ".repeat(20_000))),
        ("comments", format!("{}old = 1\n", "# x\n".repeat(5_000))),
        ("a long line", format!("old = [{}]\n", "1, ".repeat(30_000))),
        ("error recovery", "def f(x=[]: old = )\n".repeat(300)),
    ];
    for (name, text) in texts {
        let start = Instant::now();
        for report in [rename(&text), run(text.into_bytes(), FileKind::Module, &suite(), Mode::Fix)] {
            assert!(!matches!(report.trouble, Some(Trouble::Failed(_))), "{name}: {:?}", report.trouble);
        }
        // A debug build on a busy machine: far above what it takes, far below what a quadratic loop would.
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn threads_share_settings_and_change_nothing() {
    let texts: Vec<_> = all_cases().into_iter().map(|case| case.before.into_bytes()).collect();
    let settings = suite();
    let fix = |text: &Vec<u8>| run(text.clone(), FileKind::Module, &settings, Mode::Fix).fixed;
    let alone: Vec<_> = texts.iter().map(fix).collect();
    for _ in 0..3 {
        let together: Vec<_> = texts.par_iter().map(fix).collect();
        assert!(alone == together, "the number of threads changes a byte");
    }
}
