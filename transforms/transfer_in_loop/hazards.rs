//! Why the transfer may not be the same in front of the loop.

use super::transfer::{Gives, Transfer};
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::scope::BindingKind;

/// Reasons why the fix is not safe.
pub(super) fn of<'t>(cx: &Context<'t>, transfer: &Transfer<'t>) -> Vec<String> {
    let mut but = Vec::new();
    let value = super::shown(transfer.receiver);
    if transfer.tensor.certainty == Certainty::Likely {
        but.push(format!("`{value}` is a tensor only by its looks"));
    }
    if let Some(stranger) = transfer.stranger {
        but.push(format!("`{}` may change the tensor, which others may hold", super::shown(stranger)));
    }
    let root = root(transfer.receiver);
    if !is_bound(cx, root, transfer.outermost()) {
        but.push(format!("`{}` may not be bound in front of the loop", root.text()));
    } else if may_take_no_step(cx, transfer)
        && let Some(why) = what_may_fail(cx, transfer, root)
    {
        but.push(format!("a loop without a step would now {why}"));
    }
    let owner = cx.facts().owner(transfer.call);
    if ["Stream(", "cuda.Event(", "isend(", "irecv("].iter().any(|word| owner.text().contains(word)) {
        but.push("waiting for the value may be what makes another transfer complete".to_string());
    }
    if owner.text().contains("non_blocking=True") && transfer.gives != Gives::OnDevice {
        but.push("waiting for the value may be what makes a transfer that does not block complete".to_string());
    }
    but
}

/// The name that an expression starts with.
pub(super) fn root(expression: Node<'_>) -> Node<'_> {
    expression.and_descendants().find(|node| node.is("identifier")).unwrap_or(expression)
}

/// Whether a name has certainly a value when the loop starts.
fn is_bound<'t>(cx: &Context<'t>, name: Node<'t>, a_loop: Node<'t>) -> bool {
    let facts = cx.facts();
    let Some(id) = facts.scopes().variable_of(name) else { return false };
    let variable = facts.scopes().variable(id);
    if variable.bindings.iter().any(|binding| binding.kind == BindingKind::Delete) {
        return false;
    }
    variable.bindings.iter().any(|binding| {
        binding.kind == BindingKind::Parameter
            || facts.owner(binding.node) != facts.owner(a_loop)
            || facts.dominates(binding.node, a_loop)
    })
}

fn may_take_no_step<'t>(cx: &Context<'t>, transfer: &Transfer<'t>) -> bool {
    let [first, outer @ ..] = &transfer.loops[..] else { return true };
    // A condition is evaluated even when there is no step.
    let is_condition = first.child("condition").is_some_and(|condition| condition.contains(transfer.call));
    !is_condition && cx.facts().may_take_no_step(*first) || outer.iter().any(|&a_loop| cx.facts().may_take_no_step(a_loop))
}

/// What the transfer may raise.
fn what_may_fail<'t>(cx: &Context<'t>, transfer: &Transfer<'t>, root: Node<'t>) -> Option<String> {
    let facts = cx.facts();
    let mut chain = transfer.receiver.and_descendants();
    let has_step = chain.any(|node| {
        let method = node.child("attribute").map(Node::text).filter(|_| node.is("attribute"));
        node.is("subscript")
            || method.is_some_and(|method| !["detach", "cpu", "sum", "mean", "float", "double", "abs", "T"].contains(&method))
    });
    let variable = facts.scopes().variable_of(root).map(|id| facts.scopes().variable(id));
    let is_none = variable.is_none_or(|variable| {
        variable.bindings.iter().any(|binding| {
            binding.value.is_some_and(|value| value.is("none"))
                || binding
                    .annotation
                    .is_some_and(|annotation| ["Optional", "None"].iter().any(|word| annotation.text().contains(word)))
        })
    });
    if is_none {
        return Some(format!("need `{}`, which may be None", root.text()));
    }
    if has_step {
        return Some(format!("need `{}`", super::shown(transfer.receiver)));
    }
    match transfer.gives {
        Gives::Number if transfer.tensor.rank != Some(0) => {
            Some(format!("need `{}` to have exactly one element", super::shown(transfer.receiver)))
        }
        Gives::Array if !transfer.receiver.text().contains("detach()") => Some("need a tensor without gradient".to_string()),
        Gives::OnDevice => Some("need the device".to_string()),
        _ => None,
    }
}
