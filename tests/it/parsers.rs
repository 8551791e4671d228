//! The fast parser and tree-sitter, and plain queries and tree-sitter's: on the standard library of Python they agree.

use std::process::Command;

use mlfix::engine::query::Query;
use mlfix::engine::source::SourceFile;
use mlfix::engine::syntax::{Node, Tree};
use mlfix::engine::transform::Match;
use mlfix::transforms::SUITE;

/// Every this many files of the standard library are read.
const STEP: usize = 12;

fn standard_library() -> Vec<String> {
    let script = "import sysconfig, pathlib\n\
        root = pathlib.Path(sysconfig.get_path('stdlib'))\n\
        print(*sorted(str(path) for path in root.rglob('*.py') if 'site-packages' not in path.parts), sep='\\n')";
    let output = Command::new("python3").args(["-c", script]).output().expect("Python runs");
    String::from_utf8(output.stdout).expect("paths are text").lines().map(str::to_string).collect()
}

fn told(matches: Vec<Match<'_>>) -> Vec<(usize, Vec<(&'static str, u32)>)> {
    let one = |found: Match<'_>| (found.pattern, found.captures.iter().map(|(name, node)| (*name, node.id())).collect());
    matches.into_iter().map(one).collect()
}

/// Where two trees of a text differ.
fn difference(code: &str) -> Option<String> {
    let (fast, full) = (Tree::parse(code), Tree::parse_fully(code));
    let shape = |node: Node<'_>| (node.kind(), node.field(), node.range(), node.parent().map(Node::id), node.is_named());
    if fast.errors().next().is_none() && full.errors().next().is_some() {
        return Some("tree-sitter sees an error".to_string());
    }
    let nodes = fast.root().and_descendants().zip(full.root().and_descendants());
    let other = nodes.map(|(a, b)| (shape(a), shape(b))).find(|(a, b)| a != b);
    if let Some((a, b)) = other {
        return Some(format!("{a:?} is not {b:?}"));
    }
    if (fast.len(), fast.depth()) != (full.len(), full.depth()) {
        return Some("the sizes differ".to_string());
    }
    SUITE.iter().map(|transform| transform.meta()).find_map(|meta| {
        let query = Query::new(meta.query);
        (told(query.matches(&fast)) != told(query.full_matches(&full))).then(|| format!("matches of {} differ", meta.id))
    })
}

#[test]
fn the_fast_parser_and_tree_sitter_agree() {
    let paths = standard_library();
    assert!(paths.len() > 500, "the standard library is there");
    let mut wrong = Vec::new();
    for path in paths.iter().step_by(STEP) {
        let Ok(source) = SourceFile::new(std::fs::read(path).expect("a file")) else { continue };
        if let Some(difference) = difference(source.code()) {
            wrong.push(format!("{path}: {difference}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_cases_are_read_alike() {
    for transform in SUITE {
        let meta = transform.meta();
        for code in meta.docs.split("\n```").filter_map(|part| part.strip_prefix("python")) {
            let code = code.split_once('\n').map_or("", |(_, code)| code);
            assert_eq!(difference(code), None, "{}: {code}", meta.id);
        }
    }
}

#[test]
fn queries_run_without_tree_sitter() {
    for transform in SUITE {
        let meta = transform.meta();
        assert!(Query::new(meta.query).is_plain(), "{}: the query makes tree-sitter parse every file", meta.id);
    }
}
