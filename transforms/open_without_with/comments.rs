//! Comments that speak of lines which go, or to tools about lines which move.

use std::ops::Range;

use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// The comment behind a statement on its line.
pub(super) fn behind<'t>(cx: &Context<'t>, statement: Node<'t>) -> Option<&'t str> {
    let end = cx.source.line_end(statement.end().saturating_sub(1));
    let behind = cx.source.code()[statement.end()..end].trim();
    behind.starts_with('#').then_some(behind)
}

/// Whether the line above `start` is a comment that speaks of closing.
pub(super) fn about_closing(cx: &Context<'_>, start: usize) -> bool {
    let line = cx.source.line(start);
    line > 0 && {
        let above = cx.source.code()[cx.source.line_range(line - 1)].trim().to_ascii_lowercase();
        above.starts_with('#') && above.contains("clos")
    }
}

/// The lines of the comment right above a `close` that goes, when it speaks of the statement right below `last`: it
/// says nothing of closing, is no code that uses the file, and no blank line comes between. Empty when there is none.
pub(super) fn on_what_follows(cx: &Context<'_>, close: Node<'_>, last: Node<'_>) -> Range<usize> {
    let source = cx.source;
    let first = source.line(close.start());
    let indent = source.indent(close.start());
    let text = |line: usize| &source.code()[source.line_range(line)];
    let below = source.line(last.end().saturating_sub(1)) + 1;
    let goes_on = below < source.line_count()
        && !text(below).trim().is_empty()
        && source.indent(source.line_range(below).start) == indent;
    let is_comment =
        |line: &usize| text(*line).trim_start().starts_with('#') && source.indent(source.line_range(*line).start) == indent;
    let handle = close.text().trim_end_matches(".close()");
    let uses = |line: usize| text(line).contains(&format!("{handle}."));
    let above = (0..first).rev().take_while(is_comment).last();
    match above {
        Some(above) if goes_on && !(above..first).any(uses) && !about_closing(cx, close.start()) => {
            source.line_range(above).start..source.line_start(close.start())
        }
        _ => 0..0,
    }
}

/// Where the comment lines right above an offset, indented like it, begin; the start of its line when there are none.
pub(super) fn start_above(cx: &Context<'_>, at: usize) -> usize {
    let source = cx.source;
    let indent = source.indent(at);
    let is_own = |line: &usize| {
        let range = source.line_range(*line);
        source.indent(range.start) == indent && source.code()[range].trim_start().starts_with('#')
    };
    let first = (0..source.line(at)).rev().take_while(is_own).last();
    first.map_or(source.line_start(at), |line| source.line_range(line).start)
}

/// The first line of a comment that explains how the file is managed, or why no `with` does it: above the opening, behind
/// it, or between it and `until`.
pub(super) fn on_management(cx: &Context<'_>, opening: Node<'_>, until: usize) -> Option<usize> {
    const WORDS: &[&str] = &[
        "`with`",
        "'with'",
        "\"with\"",
        "with statement",
        "with-statement",
        "with block",
        "with open",
        "with clause",
        "context manager",
        "context-manager",
        "contextmanager",
        "'finally'",
        "`finally`",
        "try/finally",
        "try-finally",
        "try..finally",
    ];
    let speaks = |line: usize| {
        let text = cx.source.code()[cx.source.line_range(line)].to_ascii_lowercase();
        text.find('#').is_some_and(|at| WORDS.iter().any(|word| text[at..].contains(word)))
    };
    let is_comment = |line: usize| cx.source.code()[cx.source.line_range(line)].trim_start().starts_with('#');
    let first = cx.source.line(opening.start());
    let above = (0..first).rev().take_while(|line| is_comment(*line));
    let below = first..cx.source.line(until);
    above.chain(below).filter(|line| speaks(*line)).min()
}

/// The comment for a tool on the lines of a statement's header.
pub(super) fn for_a_tool<'t>(cx: &Context<'t>, statement: Node<'t>) -> Option<&'t str> {
    let end = statement.child("body").or_else(|| statement.child("consequence")).map_or(statement.end(), Node::start);
    let mut comments = cx.tree.root().walk(|node| node.end() < statement.start() || node.start() > end).filter(|node| {
        node.is("comment") && node.start() > statement.start() && cx.source.line(node.start()) <= cx.source.line(end)
    });
    comments.find(|comment| speaks_to_a_tool(comment.text())).map(Node::text)
}

fn speaks_to_a_tool(comment: &str) -> bool {
    let lower = comment.to_ascii_lowercase();
    ["noqa", "nosec", "type:", "pylint:", "pragma", "fmt:", "pyright:", "mypy:", "isort:"]
        .iter()
        .any(|word| lower.contains(word))
}
