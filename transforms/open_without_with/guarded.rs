//! A file that is opened in a `try` or in each branch of an `if`, and used behind that: `with f:` goes around the uses.

use super::lifetime::{self, Birth, Ending, Refusal};
use super::named::{self, Opening};
use super::{Verdict, comments, doubts, tier};
use crate::engine::edit::Edit;
use crate::engine::finding::Fix;
use crate::engine::reindent::Run;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::engine::wrap;
use crate::semantics::handles::{End, Opener};
use crate::semantics::scope::VariableId;

/// What is said about an opening at the end of a clause; `None` when it is none of that kind.
pub(super) fn judge<'t>(cx: &Context<'t>, opener: &Opener<'t>, opening: &Opening<'t>, root: VariableId) -> Option<Verdict> {
    let guard = Guard::around(cx, opening.statement, root)?;
    let birth = Birth { opening: guard.statement, binding: opening.statement, following: guard.uses.clone() };
    let life = match lifetime::of(cx, birth, root, true, opener.family) {
        Ok(life) => life,
        Err(Refusal::Left(because)) => return Some(Verdict::Left(because)),
        Err(Refusal::Report(_)) => return None,
    };
    let name = opening.target.text();
    if guard.openings[0] != opening.statement {
        return Some(Verdict::Left(format!("a `with {name}:` closes what either branch opens")));
    }
    // Have: if c: f = open(a)  else: f = open(b)  .. uses of f
    let body: Vec<Node<'t>> = guard.uses.iter().copied().filter(|statement| *statement <= life.last).collect();
    let (lead, tail) = super::enclosure(cx, opener.call);
    let held = if lead.is_empty() { name.to_string() } else { format!("{lead}{name}{tail}") };
    let edits = match life.ending {
        Ending::Finally { guard, close } => in_finally(cx, &body, guard, close, &held),
        Ending::Closed(close) => around(cx, &body[..body.len() - 1], Some(close), &held),
        Ending::LastUse => around(cx, &body, None, &held),
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
    reasons.extend(named::about_management(cx, guard.statement, life.last.start()));
    let title = format!("Use `{name}` in a `with` block");
    let span = guard.statement.start()..life.last.end();
    Some(Verdict::Fix { message, fix: Fix { title, tier: tier(reasons), edits, imports: Vec::new(), span } })
}

/// Where a variable is an open file on every way.
struct Guard<'t> {
    /// The `try` or `if` statement in which it is opened.
    statement: Node<'t>,
    /// The statements that open it there, in text order.
    openings: Vec<Node<'t>>,
    /// What is needed of it: what follows the statement, or the `else` of the `try`.
    uses: Vec<Node<'t>>,
}

impl<'t> Guard<'t> {
    /// The `try` or `if` whose branch holds `statement`, which opens `root`.
    fn around(cx: &Context<'t>, statement: Node<'t>, root: VariableId) -> Option<Self> {
        let clause = statement.parent().filter(|block| block.is("block"))?.parent()?;
        let guard = if clause.is_any(&["elif_clause", "else_clause", "except_clause"]) { clause.parent()? } else { clause };
        let clauses: Vec<Node<'t>> = guard.named_children().filter(|child| child.kind().ends_with("_clause")).collect();
        let otherwise = clauses.iter().copied().find(|clause| clause.is("else_clause"));
        let is_whole = match guard.kind() {
            "if_statement" => otherwise.is_some(),
            "try_statement" => {
                !clauses.is_empty() && clauses.iter().all(|clause| clause.is_any(&["except_clause", "else_clause"]))
            }
            _ => false,
        };
        if !is_whole || !guard.is_statement() {
            return None;
        }
        let otherwise = otherwise.filter(|_| guard.is("try_statement"));
        let own = guard.child("consequence").or_else(|| guard.child("body"))?;
        let blocks = clauses.iter().filter(|clause| Some(**clause) != otherwise).filter_map(|c| c.child_of_kind("block"));
        let mut openings = Vec::new();
        for block in blocks.chain([own]) {
            let opens = |s: &Node<'t>| {
                named::target_of_opening(cx, *s).is_some_and(|t| cx.facts().scopes().variable_of(t) == Some(root))
            };
            let last = block.named_children().last()?;
            let leaves = last.is_any(&["return_statement", "raise_statement", "break_statement", "continue_statement"])
                || last.only_child().is_some_and(|call| call.is("call") && cx.facts().never_returns(call));
            match block.named_children().find(opens) {
                Some(opening) => openings.push(opening),
                // With an `else`, what a handler does instead is its own affair.
                None if leaves || otherwise.is_some() && block != own => {}
                None => return None,
            }
        }
        openings.sort();
        let uses = match otherwise {
            Some(clause) => clause.child_of_kind("block")?.named_children().collect(),
            None => lifetime::following(guard),
        };
        let found = Self { statement: guard, openings, uses };
        (found.openings.contains(&statement) && found.is_plain(cx, root, otherwise)).then_some(found)
    }

    /// Whether the variable is only opened in the statement, and maybe read or written at once behind that.
    fn is_plain(&self, cx: &Context<'t>, root: VariableId, otherwise: Option<Node<'t>>) -> bool {
        let variable = cx.facts().scopes().variable(root);
        let is_inside = |node: Node<'t>| self.statement.contains(node) && !otherwise.is_some_and(|c| c.contains(node));
        let bound = variable.bindings.iter().filter(|binding| is_inside(binding.node)).count();
        let mut mentions = variable.references.iter().filter(|mention| is_inside(**mention));
        bound == self.openings.len()
            && mentions.all(|&mention| {
                let fate = cx.facts().fate(mention);
                let is_behind = self.openings.iter().any(|opening| {
                    let block = opening.parent();
                    mention > *opening && block.is_some_and(|block| block.contains(mention))
                });
                let closes = mention.statement().is_some_and(|s| lifetime::closes(cx, s).is_some());
                matches!(fate.end, End::Used(_))
                    && !fate.is_derived
                    && is_behind
                    && !closes
                    && self.statement.is("if_statement")
            })
    }
}

/// `with f:` above the statements, and the close gone. Without a comment on it.
fn around<'t>(cx: &Context<'t>, body: &[Node<'t>], close: Option<Node<'t>>, held: &str) -> Option<Vec<Edit>> {
    let source = cx.source;
    let run = Run::new(source, *body.first()?, *body.last()?)?;
    let mut gone = Vec::new();
    let mut until = run.lines.end;
    if let Some(close) = close {
        let lines = wrap::own_lines(source, close)?;
        until = until.max(lines.end);
        gone.push(wrap::removal(source, lines));
    }
    let start = comments::start_above(cx, run.first.start());
    let run = run.with_lines(start..until);
    let unit = run.unit(source);
    let header = format!("{}with {held}:\n", run.indent(source));
    let mut edits = vec![Edit::insert(start, header)];
    edits.extend(wrap::outside(run.deeper(source, &unit), &gone));
    edits.extend(gone.into_iter().map(|range| Edit::replace(range, "")));
    Some(edits)
}

/// `with f:` in place of `try:`, and the `finally` gone: the body stands where it has to.
fn in_finally<'t>(cx: &Context<'t>, body: &[Node<'t>], guard: Node<'t>, close: Node<'t>, held: &str) -> Option<Vec<Edit>> {
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
            Edit::replace(guard.start()..colon.end(), format!("with {held}:")),
            Edit::replace(wrap::removal(source, lines), ""),
        ]
    })
}
