//! `for i in range(len(xs))`: an index that runs over a list which shrinks in the loop.

use super::loops::Loop;
use super::own::{Own, plain};
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::effects::{Mutation, MutationKind};
use crate::semantics::types::Kind;

/// A list whose elements move up under an index.
pub(super) struct Shrinking<'t> {
    /// The list, in the header.
    pub(super) list: Node<'t>,
    /// What removes the element under the index.
    pub(super) removal: Node<'t>,
}

/// The list that shrinks under the index of this loop, if that is certain: `del xs[i]` or `xs.pop(i)` and on.
pub(super) fn shrinking<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>) -> Option<Shrinking<'t>> {
    let list = measured(facts, a_loop.header)?;
    let place = facts.place(list)?;
    let may_be_list = facts.kind_of(list).is_none_or(|evidence| evidence.kind == Kind::List);
    let is_same = a_loop.parts().all(|part| facts.rebindings(&place, part).is_empty());
    if !may_be_list || !is_same || !a_loop.node.is("for_statement") {
        return None;
    }
    // Have: for i in range(len(xs)): ..
    let mutations: Vec<_> = a_loop.parts().flat_map(|part| facts.mutations(&place, part)).collect();
    let grows = |mutation: &Mutation<'t>| {
        matches!(
            mutation.kind,
            MutationKind::Method("append" | "insert" | "extend") | MutationKind::SetSlice(_) | MutationKind::Augmented(_)
        )
    };
    if mutations.iter().any(grows) || is_compared(a_loop, list) || ends_by_error(a_loop) {
        return None;
    }
    let removal = mutations.iter().filter(|mutation| removes_at(facts, a_loop, mutation)).map(|mutation| mutation.node);
    let removal = removal.into_iter().find(|removal| facts.loop_may_go_on(*removal, a_loop.node))?;
    Some(Shrinking { list, removal })
}

/// Whether the body compares the index with the length: then it knows that the list shrinks.
fn is_compared<'t>(a_loop: &Loop<'t>, list: Node<'t>) -> bool {
    let length = format!("len({})", plain(list.text()));
    a_loop.code().filter(|node| node.is("comparison_operator")).any(|comparison| {
        let mentions = |text: &str| comparison.descendants().any(|node| plain(node.text()) == text);
        mentions(&length) && mentions(a_loop.target.text())
    })
}

/// Whether a handler around the loop waits for the index that is too large.
fn ends_by_error(a_loop: &Loop<'_>) -> bool {
    let function = a_loop.node.enclosing_definition();
    let around = a_loop.node.ancestors().take_while(|around| *around > function);
    let tries = around
        .filter(|around| around.is("try_statement") && around.child("body").is_some_and(|body| body.contains(a_loop.node)));
    let mut caught =
        tries.flat_map(Node::named_children).filter_map(|part| part.child("value").filter(|_| part.is("except_clause")));
    caught.any(|caught| caught.and_descendants().any(|name| ["IndexError", "LookupError"].contains(&name.text())))
}

/// The `xs` of `range(len(xs))` and `range(first, len(xs))`, forwards.
fn measured<'t>(facts: &Facts<'t>, header: Node<'t>) -> Option<Node<'t>> {
    let range = arguments_of(facts, header.unparenthesized(), "builtins.range")?;
    let length = match range.as_slice() {
        [end] | [_, end] => *end,
        _ => return None,
    };
    match arguments_of(facts, length, "builtins.len")?.as_slice() {
        [list] => Some(*list),
        _ => None,
    }
}

fn arguments_of<'t>(facts: &Facts<'t>, call: Node<'t>, function: &str) -> Option<Vec<Node<'t>>> {
    let is_it = call.is("call") && facts.is_name(call.child("function")?, function);
    is_it.then(|| call.child("arguments")).flatten().map(|arguments| arguments.named_children().collect())
}

fn removes_at<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>, mutation: &Mutation<'t>) -> bool {
    let key = match mutation.kind {
        MutationKind::DeleteItem(key) => Some(key),
        MutationKind::Method("pop") => mutation.node.child("arguments").and_then(Node::only_child),
        _ => None,
    };
    key.is_some_and(|key| key.text() == a_loop.target.text() && Own::keeps(facts, a_loop, a_loop.target, mutation.node))
}
