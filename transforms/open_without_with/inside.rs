//! `try: f = open(p) ..`, `finally: f.close()`: a file that is opened inside the `try` whose `finally` closes it.

use super::lifetime::{self, Refusal};
use super::named::{self, Opening};
use super::{Verdict, comments, doubts, tier};
use crate::engine::edit::Edit;
use crate::engine::finding::Fix;
use crate::engine::reindent::Run;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::engine::wrap;
use crate::semantics::handles::Opener;
use crate::semantics::scope::VariableId;

/// What is said about an opening of that kind; `None` when it is none.
pub(super) fn judge<'t>(cx: &Context<'t>, opener: &Opener<'t>, opening: &Opening<'t>, root: VariableId) -> Option<Verdict> {
    let body = opening.statement.parent().filter(|block| block.field() == Some("body"))?;
    let guard = body.parent().filter(|around| around.is("try_statement") && around.is_statement())?;
    let clause = guard.child_of_kind("finally_clause")?;
    let close = clause.child_of_kind("block")?.named_children().find(|s| lifetime::closes(cx, *s) == Some(root))?;
    // Have: try: .. f = open(p) ..  finally: .. f.close() ..
    let name = opening.target.text();
    let message = format!("`{name}` is closed by hand, also when it could not be opened");
    let report = |because: &str| Some(Verdict::report(message.clone(), because));
    let life = match lifetime::inside(cx, opening.statement, root, guard, close, opener.family) {
        Ok(life) => life,
        Err(Refusal::Left(because)) => return Some(Verdict::Left(because)),
        Err(Refusal::Report(because)) => return report(&because),
    };
    let is_alone = close.parent().is_some_and(|block| block.only_child() == Some(close))
        && !clause.descendants().any(|node| node.is("comment"))
        && comments::behind(cx, close).is_none();
    if !is_alone {
        return report("the `finally` does more than to close it");
    }
    let handled = guard.children().any(|child| child.is_any(&["except_clause", "else_clause"]));
    let edits = if handled { in_body(cx, opening, clause) } else { in_place(cx, opening, guard, clause) };
    let Some(mut edits) = edits else { return report("other code or a comment stands before it in the `try`") };
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut reasons = vec![format!("when it cannot be opened, the error is no longer that `{name}` has no value")];
    reasons.extend(doubts(cx, opener));
    reasons.extend(life.doubts);
    if handled {
        reasons.insert(0, "the handlers run after the file is closed, and no longer before".to_string());
    }
    let title = format!("Open `{name}` in a `with` block instead");
    Some(Verdict::Fix { message, fix: Fix { title, tier: tier(reasons), edits, imports: Vec::new(), span: guard.range() } })
}

/// The `with` takes the place of the `try`: the body stands where it has to.
fn in_place<'t>(cx: &Context<'t>, opening: &Opening<'t>, guard: Node<'t>, clause: Node<'t>) -> Option<Vec<Edit>> {
    let source = cx.source;
    let colon = guard.child_of_kind(":")?;
    let is_bare = source.code()[colon.end()..opening.statement.start()].trim().is_empty();
    let (outer, inner) = (Run::new(source, guard, guard)?, Run::new(source, opening.statement, opening.statement)?);
    let unit = inner.indent(source).strip_prefix(outer.indent(source)).filter(|_| is_bare)?;
    let mut edits = named::opening_edits(cx, &[*opening], &outer, unit);
    edits.first_mut()?.range.start = guard.start();
    edits.extend(named::blank_lines(cx, inner.lines.end).map(|range| Edit::replace(range, "")));
    edits.push(Edit::replace(wrap::removal(source, lines(cx, clause)), ""));
    Some(edits)
}

/// The `with` stands in the body of the `try`, which has handlers and keeps them.
fn in_body<'t>(cx: &Context<'t>, opening: &Opening<'t>, clause: Node<'t>) -> Option<Vec<Edit>> {
    let source = cx.source;
    let opened = Run::new(source, opening.statement, opening.statement)?;
    let following = lifetime::following(opening.statement);
    let run = Run::new(source, *following.first()?, *following.last()?)?;
    let start = opened.lines.end;
    let run = run.with_lines(start..start);
    let unit = run.unit(source);
    let mut edits = named::opening_edits(cx, &[*opening], &run, &unit);
    edits.extend(run.deeper(source, &unit));
    edits.extend(named::blank_lines(cx, start).map(|range| Edit::replace(range, "")));
    edits.push(Edit::replace(wrap::removal(source, lines(cx, clause)), ""));
    Some(edits)
}

/// The lines of a clause.
fn lines(cx: &Context<'_>, clause: Node<'_>) -> std::ops::Range<usize> {
    cx.source.line_start(clause.start())..cx.source.line_end(clause.end().saturating_sub(1))
}
