//! A file that is opened in a `try` or in each branch of an `if`, and used behind that: `with f:` goes around the uses.

use super::lifetime::{self, Ending, Refusal};
use super::named::{self, Opening};
use super::{Verdict, doubts, tier};
use crate::engine::edit::Edit;
use crate::engine::finding::Fix;
use crate::engine::reindent::Run;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::engine::wrap;
use crate::semantics::handles::Opener;
use crate::semantics::scope::VariableId;

/// What is said about an opening at the end of a clause; `None` when it is none of that kind.
pub(super) fn judge<'t>(cx: &Context<'t>, opener: &Opener<'t>, opening: &Opening<'t>, root: VariableId) -> Option<Verdict> {
    let (guard, openings) = guard(cx, opening.statement, root)?;
    let life = match lifetime::of(cx, guard, opening.statement, root, true, opener.family) {
        Ok(life) => life,
        Err(Refusal::Left(because)) => return Some(Verdict::Left(because)),
        Err(Refusal::Report(_)) => return None,
    };
    let name = opening.target.text();
    if openings[0] != opening.statement {
        return Some(Verdict::Left(format!("a `with {name}:` closes what either branch opens")));
    }
    // Have: if c: f = open(a)  else: f = open(b)  .. uses of f
    let body: Vec<Node<'t>> = lifetime::following(guard).into_iter().filter(|statement| *statement <= life.last).collect();
    let edits = match life.ending {
        Ending::Finally { guard, close } => in_finally(cx, &body, guard, close, name),
        Ending::Closed(close) => around(cx, &body[..body.len() - 1], Some(close), name),
        Ending::LastUse => around(cx, &body, None, name),
    };
    let mut edits = edits.filter(|_| body.last() == Some(&life.last))?;
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let message = match life.ending {
        Ending::LastUse => format!("`{name}` is never closed"),
        Ending::Closed(_) => format!("`{name}` stays open when something raises before `{name}.close()`"),
        Ending::Finally { .. } => format!("`{name}` is closed by hand"),
    };
    let mut reasons: Vec<String> = doubts(cx, opener).into_iter().collect();
    reasons.extend(life.doubts);
    reasons.extend(named::about_management(cx, guard, life.last.start()));
    let title = format!("Use `{name}` in a `with` block");
    let span = guard.start()..life.last.end();
    Some(Verdict::Fix { message, fix: Fix { title, tier: tier(reasons), edits, imports: Vec::new(), span } })
}

/// The `try` or `if` behind which a variable is an open file on every way, and the statements that open it there.
fn guard<'t>(cx: &Context<'t>, statement: Node<'t>, root: VariableId) -> Option<(Node<'t>, Vec<Node<'t>>)> {
    let clause = statement.parent().filter(|block| block.is("block"))?.parent()?;
    let guard = if clause.is_any(&["elif_clause", "else_clause", "except_clause"]) { clause.parent()? } else { clause };
    let clauses: Vec<Node<'t>> = guard.named_children().filter(|child| child.kind().ends_with("_clause")).collect();
    let is_whole = match guard.kind() {
        "if_statement" => clauses.iter().any(|clause| clause.is("else_clause")),
        "try_statement" => !clauses.is_empty() && clauses.iter().all(|clause| clause.is("except_clause")),
        _ => false,
    };
    if !is_whole || !guard.is_statement() {
        return None;
    }
    let own = guard.child("consequence").or_else(|| guard.child("body"))?;
    let blocks = clauses.iter().filter_map(|clause| clause.child_of_kind("block")).chain([own]);
    let mut openings = Vec::new();
    for block in blocks {
        let last = block.named_children().last()?;
        let opens = named::target_of_opening(cx, last).filter(|t| cx.facts().scopes().variable_of(*t) == Some(root));
        let leaves = last.is_any(&["return_statement", "raise_statement", "break_statement", "continue_statement"])
            || last.only_child().is_some_and(|call| call.is("call") && cx.facts().never_returns(call));
        match opens {
            Some(target) => openings.push(named::opening(target)?.statement),
            None if leaves => {}
            None => return None,
        }
    }
    openings.sort();
    let variable = cx.facts().scopes().variable(root);
    let bound = variable.bindings.iter().filter(|binding| guard.contains(binding.node));
    let only = bound.count() == openings.len() && !variable.references.iter().any(|mention| guard.contains(*mention));
    (only && openings.contains(&statement)).then_some((guard, openings))
}

/// `with f:` above the statements, and the close gone. Without a comment on it.
fn around<'t>(cx: &Context<'t>, body: &[Node<'t>], close: Option<Node<'t>>, name: &str) -> Option<Vec<Edit>> {
    let source = cx.source;
    let run = Run::new(source, *body.first()?, *body.last()?)?;
    let mut gone = Vec::new();
    let mut until = run.lines.end;
    if let Some(close) = close {
        let lines = wrap::own_lines(source, close)?;
        until = until.max(lines.end);
        gone.push(wrap::removal(source, lines));
    }
    let start = run.lines.start;
    let run = run.with_lines(start..until);
    let unit = run.unit(source);
    let header = format!("{}with {name}:\n", run.indent(source));
    let mut edits = vec![Edit::insert(start, header)];
    edits.extend(wrap::outside(run.deeper(source, &unit), &gone));
    edits.extend(gone.into_iter().map(|range| Edit::replace(range, "")));
    Some(edits)
}

/// `with f:` in place of `try:`, and the `finally` gone: the body stands where it has to.
fn in_finally<'t>(cx: &Context<'t>, body: &[Node<'t>], guard: Node<'t>, close: Node<'t>, name: &str) -> Option<Vec<Edit>> {
    let source = cx.source;
    let clause = close.parent()?.parent().filter(|clause| clause.is("finally_clause"))?;
    let is_plain = body == [guard]
        && clause.child_of_kind("block")?.only_child() == Some(close)
        && !clause.descendants().any(|node| node.is("comment"))
        && !guard.children().any(|child| child.is_any(&["except_clause", "else_clause"]));
    let colon = guard.child_of_kind(":").filter(|_| is_plain)?;
    let end = source.line_end(close.end().saturating_sub(1));
    let bare = source.code()[close.end()..end].trim().is_empty();
    let lines = source.line_start(clause.start())..end;
    bare.then(|| {
        vec![
            Edit::replace(guard.start()..colon.end(), format!("with {name}:")),
            Edit::replace(wrap::removal(source, lines), ""),
        ]
    })
}
