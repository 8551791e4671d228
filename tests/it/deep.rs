//! Nothing recurses over the tree: very deep texts on a very small stack, where any recursion would end the process.

use mlfix::engine::driver::{Mode, Selected, Settings, Trouble, run};
use mlfix::engine::guard;
use mlfix::engine::query::Query;
use mlfix::engine::source::SourceFile;
use mlfix::engine::suppress::Suppressions;
use mlfix::engine::syntax::Tree;
use mlfix::engine::transform::{Context, FileKind, Findings, Options};
use mlfix::engine::verify;
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;

use crate::readme::{Case, all_cases, ids};

const STACK: usize = 512 * 1024;
/// With as many levels on a stack of half that size, a recursion would have 65 bytes for each.
const LEVELS: usize = 4_000;

fn on_a_small_stack(size: usize, work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(size).spawn(work).expect("a thread").join().expect("no panic");
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

/// Expressions with a name at their bottom.
fn shapes(name: &str, levels: usize) -> [String; 9] {
    let around = |left: &str, right: &str| format!("{}{name}{}", left.repeat(levels), right.repeat(levels));
    [
        around("(", ")"),
        around("[", "]"),
        around("f(", ")"),
        around("not ", ""),
        around("lambda: ", ""),
        around("", ".b"),
        around("", "()"),
        around("", " + 1"),
        around("1 if x else ", ""),
    ]
}

#[test]
fn a_million_levels_are_turned_away_on_a_small_stack() {
    on_a_small_stack(STACK, || {
        let before = "def f(a=[]):\n    a.append(1)\n    return a\n\n\nx = ";
        // An expression, what looks like one to the second parser only, and an error in the middle.
        for deep in ["-".repeat(1_000_000) + "1\n", "(".repeat(1_000_000), "1+".repeat(500_000) + "$" + &"1+".repeat(500_000)] {
            let report = run(format!("{before}{deep}").into_bytes(), FileKind::Module, &suite(), Mode::Fix);
            assert_eq!(report.fixed, None);
            assert!(matches!(report.trouble, Some(Trouble::Skipped(_))), "{:?}", report.trouble);
        }
    });
}

/// The first cases of each transform that have a fix or a report, with a deep statement beside the last one: in the
/// same function, and mostly in the same loop. The guard would turn them away; here the transforms see them.
#[test]
fn no_transform_recurses() {
    let cases = all_cases();
    for transform in SUITE {
        let id = transform.meta().id;
        let own: Vec<&Case> = cases.iter().filter(|case| case.transform.meta().id == id).collect();
        let fixable = own.iter().filter(|case| case.after.is_some()).take(1);
        for (number, case) in fixable.chain(own.iter().take(1)).enumerate() {
            for shape in 0..9 {
                if (shape + number) % 3 == 0 {
                    look(with_deep_statement(&case.before, shape), case);
                }
            }
        }
    }
}

/// `deep = ((((name))))` above the last line that is indented deepest, with a name from that line.
fn with_deep_statement(text: &str, shape: usize) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = text.lines().collect();
    let usable = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with([')', ']', '}', '#', '"', '\'']);
    let deepest = lines.iter().filter(|line| usable(line)).map(|line| indent(line)).max().unwrap_or(0);
    let at = lines.iter().rposition(|line| usable(line) && indent(line) == deepest).unwrap_or(0);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let name = lines[at].split(|c| !word(c)).find(|name| name.starts_with(char::is_alphabetic)).unwrap_or("x");
    let name = if ["for", "if", "return", "with", "del", "pass", "yield", "raise", "not"].contains(&name) { "x" } else { name };
    let deep = format!("{}deep = {}", " ".repeat(deepest), shapes(name, LEVELS)[shape]);
    [&lines[..at], &[deep.as_str()], &lines[at..], &[""]].concat().join("\n")
}

fn look(text: String, case: &Case) {
    let (transform, options) = (case.transform, case.options.clone());
    on_a_small_stack(STACK / 2, move || {
        let source = SourceFile::new(text.into_bytes()).expect("text");
        let tree = Tree::parse(source.code());
        let meta = transform.meta();
        let _ = Suppressions::new(&tree, &source, &ids());
        let _ = PythonVersion::needed_by(&tree);
        let _ = guard::after_parsing(&tree, &source);
        let _ = verify::structure(&tree, &tree, &source);
        let cx = Context::new(&source, &tree, FileKind::Module, PythonVersion::DEFAULT, &options, meta);
        for m in Query::new(meta.query).matches(&tree) {
            let _ = transform.check(&m, &cx, &mut Findings::default());
        }
    });
}
