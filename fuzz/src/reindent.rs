//! Statements that move one level deeper are the same program, and move back to the same bytes.

use mlfix::engine::edit::{Edit, apply};
use mlfix::engine::reindent::Run;
use mlfix::engine::source::SourceFile;
use mlfix::engine::syntax::{Node, Tree};
use ruff_python_ast::comparable::ComparableStmt;
use ruff_python_ast::{ExceptHandler, Number, Stmt, Suite};
use ruff_python_parser::{Parsed, parse_module};

use crate::choice;

/// The test of the `if` that the statements move under.
const MARK: &str = "if 64222:";

/// Two bytes choose a block, two the statements of it, the rest is the text.
pub fn reindent(mut data: &[u8]) {
    let block = choice(&mut data, 256) * 256 + choice(&mut data, 256);
    let (first, last) = (choice(&mut data, 256), choice(&mut data, 256));
    let Ok(source) = SourceFile::new(data.to_vec()) else { return };
    let Ok(text) = std::str::from_utf8(source.bytes()) else { return };
    let Some(before) = module(text) else { return };
    let tree = Tree::parse(source.code());
    if tree.errors().next().is_some() || tree.depth() > 200 {
        return;
    }
    let is_block = |node: &Node<'_>| node.is("block") || node.is("module");
    let blocks: Vec<Node<'_>> = tree.root().and_descendants().filter(is_block).collect();
    let statements: Vec<Node<'_>> = blocks[block % blocks.len()].named_children().filter(|node| node.is_statement()).collect();
    if statements.is_empty() {
        return;
    }
    let first = first % statements.len();
    let last = first + last % (statements.len() - first);
    let Some(run) = Run::new(&source, statements[first], statements[last]) else { return };
    let unit = run.unit(&source);
    let deeper = run.deeper(&source, &unit);
    let there = apply(source.bytes(), &deeper);
    assert_eq!(back(&there, &deeper), source.bytes(), "in and out gives other bytes");
    // A `from __future__` under an `if` is no program any more.
    if statements[first..=last].iter().any(|statement| statement.is("future_import_statement")) {
        return;
    }
    let header = Edit::insert(run.lines.start.max(source.start()), format!("{}{MARK}\n", run.indent(&source)));
    let edits: Vec<Edit> = [header].into_iter().chain(deeper).map(|edit| edit.with_newlines_of(&source)).collect();
    let wrapped = String::from_utf8(apply(source.bytes(), &edits)).expect("ASCII was added to UTF-8");
    let Some(mut after) = module(&wrapped) else { panic!("no Python any more:\n{wrapped}") };
    assert!(unwrap(&mut after), "the mark is lost:\n{wrapped}");
    let same = before.iter().map(ComparableStmt::from).eq(after.iter().map(ComparableStmt::from));
    assert!(same, "another program:\n{wrapped}");
}

/// The bytes without what the insertions brought.
fn back(text: &[u8], inserted: &[Edit]) -> Vec<u8> {
    let mut shift = 0;
    let mut out = Vec::new();
    let mut at = 0;
    for edit in inserted {
        let start = edit.range.start + shift;
        assert!(text[start..].starts_with(&edit.text), "what was inserted is not there");
        out.extend(&text[at..start]);
        at = start + edit.text.len();
        shift += edit.text.len();
    }
    out.extend(&text[at..]);
    out
}

fn module(text: &str) -> Option<Suite> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    parse_module(text).ok().map(Parsed::into_suite)
}

/// Puts the body of the marked `if` in its place; whether there is one. The inputs are not deep.
fn unwrap(body: &mut Suite) -> bool {
    let is_marked = |statement: &Stmt| match statement {
        Stmt::If(it) => {
            it.test.as_number_literal_expr().is_some_and(|it| matches!(&it.value, Number::Int(n) if *n == 64222_i64))
        }
        _ => false,
    };
    let Some(at) = body.iter().position(is_marked) else { return body.iter_mut().flat_map(bodies).any(unwrap) };
    for (index, statement) in std::mem::take(body).into_iter().enumerate() {
        match statement {
            Stmt::If(it) if index == at => body.extend(it.body),
            other => body.push(other),
        }
    }
    true
}

/// The blocks of a statement.
fn bodies(statement: &mut Stmt) -> Vec<&mut Suite> {
    match statement {
        Stmt::FunctionDef(it) => vec![&mut it.body],
        Stmt::ClassDef(it) => vec![&mut it.body],
        Stmt::For(it) => vec![&mut it.body, &mut it.orelse],
        Stmt::While(it) => vec![&mut it.body, &mut it.orelse],
        Stmt::With(it) => vec![&mut it.body],
        Stmt::If(it) => {
            let clauses = it.elif_else_clauses.iter_mut().map(|clause| &mut clause.body);
            [&mut it.body].into_iter().chain(clauses).collect()
        }
        Stmt::Match(it) => it.cases.iter_mut().map(|case| &mut case.body).collect(),
        Stmt::Try(it) => {
            let handlers = it.handlers.iter_mut().map(|ExceptHandler::ExceptHandler(handler)| &mut handler.body);
            [&mut it.body].into_iter().chain(handlers).chain([&mut it.orelse, &mut it.finalbody]).collect()
        }
        _ => Vec::new(),
    }
}
