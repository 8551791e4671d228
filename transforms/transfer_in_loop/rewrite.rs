//! The edits: the assignment moves in front of the loop, or a new name is bound there.

use super::names;
use super::transfer::{Gives, Transfer};
use crate::engine::edit::Edit;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::engine::wrap;
use crate::semantics::invariance::Change;
use crate::semantics::ownership::{Fate, Form};
use crate::semantics::scope::{BindingKind, ScopeKind};
use crate::transforms::sync_in_loop::places;

/// What will be done, in words and as edits.
pub(super) struct Rewrite {
    pub(super) title: String,
    pub(super) edits: Vec<Edit>,
}

/// `None` when no name is free, or the code is laid out in a way that leaves no place.
pub(super) fn of<'t>(cx: &Context<'t>, transfer: &Transfer<'t>, same: &[Node<'t>]) -> Option<Rewrite> {
    let a_loop = transfer.outermost();
    let source = cx.source;
    let line = source.line_start(a_loop.start());
    if !source.code()[line..a_loop.start()].trim().is_empty() {
        return None;
    }
    if let [only] = same
        && let Some(edits) = moved(cx, transfer, *only)
    {
        return Some(Rewrite { title: "Move the assignment in front of the loop".to_string(), edits });
    }
    let text = transfer.call.text();
    if text.contains('\n') || !source.is_exact(transfer.call.range()) {
        return None;
    }
    let name = name(cx, transfer)?;
    let indent = source.indent(a_loop.start());
    let mut edits = vec![places::before(source, a_loop, &format!("{indent}{name} = {text}\n"))];
    edits.extend(same.iter().map(|call| Edit::replace(call.range(), name.clone())));
    Some(Rewrite { title: format!("Bind it to `{name}` in front of the loop"), edits })
}

/// The edits that move `name = t.to(device)` out of the loop: nothing else binds the name, and nothing reads it earlier.
fn moved<'t>(cx: &Context<'t>, transfer: &Transfer<'t>, call: Node<'t>) -> Option<Vec<Edit>> {
    let facts = cx.facts();
    let statement = call.statement().filter(|statement| statement.is("expression_statement"))?;
    let assignment = statement.only_child().filter(|inner| inner.is("assignment"))?;
    let target = assignment.child("left").filter(|left| left.is("identifier"))?;
    let right = assignment.child("right").filter(|right| is_same_each_time(cx, transfer, *right, call))?;
    let a_loop = transfer.outermost();
    let innermost = transfer.loops[0];
    let body = innermost.child("body").filter(|body| statement.parent() == Some(*body))?;
    if body.named_children().count() < 2 || assignment.child("type").is_some() {
        return None;
    }
    let scopes = facts.scopes();
    let variable = scopes.variable(scopes.variable_of(target)?);
    let is_local =
        matches!(scopes.kind(variable.scope), ScopeKind::Function | ScopeKind::Module) && !scopes.is_dynamic(variable.scope);
    let is_alone = matches!(variable.bindings.as_slice(), [only] if only.kind == BindingKind::Assignment);
    let is_later = |reference: &Node<'t>| {
        facts.owner(*reference) == facts.owner(target) && facts.dominates(target, *reference) && innermost.contains(*reference)
    };
    if !is_local || !is_alone || !variable.references.iter().all(is_later) {
        return None;
    }
    let source = cx.source;
    let lines = wrap::own_lines(source, statement)?;
    if right.text().contains('\n') || !source.is_exact(lines.clone()) {
        return None;
    }
    let above = source.line(lines.start).checked_sub(1).map(|line| &source.code()[source.line_range(line)]);
    if above.is_some_and(|above| above.trim_start().starts_with('#')) {
        return None;
    }
    let indent = source.indent(a_loop.start());
    Some(vec![
        places::before(source, a_loop, &format!("{indent}{}\n", statement.text())),
        Edit::replace(wrap::removal(source, lines), ""),
    ])
}

/// Whether all steps can share the value of an expression that holds the transfer: `w.to(device)[None]`.
fn is_same_each_time<'t>(cx: &Context<'t>, transfer: &Transfer<'t>, right: Node<'t>, call: Node<'t>) -> bool {
    let facts = cx.facts();
    if right.unparenthesized() == call {
        return true;
    }
    let is_still = !matches!(facts.change_within(right, transfer.outermost()), Some(Change::Seen(_)));
    is_still && (transfer.gives == Gives::Number || facts.fate_of_memory(right, Form::Tensor) == Fate::Looked)
}

/// A name that says what it is: `weights_on_device`, `boxes_cpu`, `scale_value`.
fn name<'t>(cx: &Context<'t>, transfer: &Transfer<'t>) -> Option<String> {
    let suffixes: &[&str] = match transfer.gives {
        Gives::Number => &["value", "number"],
        Gives::List => &["list", "values"],
        Gives::Array => &["cpu", "array"],
        Gives::OnHost => &["cpu", "on_cpu"],
        Gives::OnDevice => &["on_device", "moved"],
    };
    names::choose(cx, transfer.receiver, suffixes, transfer.gives == Gives::Number, transfer.outermost())
}
