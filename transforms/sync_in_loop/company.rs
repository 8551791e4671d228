//! What else a loop waits for: nothing is gained by one value that waits, if the step stands still for another.

use super::Site;
use super::deferral::{Accumulation, Deferral, mentions};
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::tensors::heat::is_guarded;

/// Another place where each step waits for the device, and would go on to.
pub(super) struct Stays<'t> {
    pub(super) node: Node<'t>,
    /// It can be deferred as well, but not safely; or it is no call that says that it waits.
    pub(super) only_unsafe: bool,
}

/// How many other places of a loop are judged.
const OTHERS: usize = 16;

/// The first such place, one that cannot be deferred at all before others.
pub(super) fn other_wait<'t>(cx: &Context<'t>, site: &Site<'t>, a_loop: Node<'t>) -> Option<Stays<'t>> {
    let facts = cx.facts();
    // Have: .. .cpu(), or int(x.sum()), of something that nothing else is known of
    let method_of = |node: Node<'t>| node.child("function").and_then(|function| function.child("attribute"));
    let by_name = |node: Node<'t>| {
        let method = method_of(node);
        if let Some(["builtins", "int" | "float" | "bool"]) = facts.called_name(node).as_deref() {
            let reduced = node.child("arguments").and_then(Node::only_child).and_then(method_of);
            return reduced.is_some_and(|method| ["sum", "mean", "max", "min", "norm", "any", "all"].contains(&method.text()));
        }
        let is_bare = node.child("arguments").is_some_and(|arguments| arguments.named_children().next().is_none());
        is_bare && method.is_some_and(|method| ["item", "cpu", "tolist", "numpy"].contains(&method.text()))
    };
    let runs_along = |node: Node<'t>| {
        node != site.sync.node
            && !site.sync.node.contains(node)
            && facts.owner(node) == facts.owner(a_loop)
            && !is_guarded(node, a_loop)
    };
    let body = a_loop.child("body")?;
    let mut stays = None;
    let calls = body.descendants().filter(|node| node.is("call") && runs_along(*node));
    let waiting = calls.filter(|&call| match facts.sync(call) {
        Some(sync) => !sync.tensor.on_host,
        None => by_name(call),
    });
    for node in waiting.take(OTHERS) {
        let Some(sync) = facts.sync(node) else {
            // Have: total += x.item() of an x that nothing is known of, which may be no tensor
            if node.text().ends_with(".item()") && is_accumulated(cx, node, a_loop) {
                stays = stays.or(Some(Stays { node, only_unsafe: true }));
                continue;
            }
            return Some(Stays { node, only_unsafe: false });
        };
        let Ok(other) = Deferral::alone(cx, &Site { sync }) else { return Some(Stays { node, only_unsafe: false }) };
        if sync.tensor.certainty == Certainty::Likely || !other.but.is_empty() {
            stays = stays.or(Some(Stays { node, only_unsafe: true }));
        }
    }
    stays.or_else(|| {
        let mut implied = body.descendants().filter(|node| runs_along(*node) && is_implied(cx, *node));
        implied.next().map(|node| Stays { node, only_unsafe: true })
    })
}

/// Whether a value is only added up or appended, and nobody looks in the loop.
fn is_accumulated<'t>(cx: &Context<'t>, sync: Node<'t>, a_loop: Node<'t>) -> bool {
    let Some(Accumulation { statement, target, .. }) = Accumulation::of(sync) else { return false };
    let Some(id) = cx.facts().scopes().variable_of(target) else { return false };
    mentions(cx.facts().scopes().variable(id)).all(|node| !a_loop.contains(node) || statement.contains(node))
}

/// Whether an expression waits for a tensor on the device although it does not say so: `x[mask]`, `if loss > 3`.
fn is_implied<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let facts = cx.facts();
    let is_condition = || {
        let field = node.field() == Some("condition");
        field && node.parent().is_some_and(|around| around.is_any(&["if_statement", "elif_clause", "while_statement"]))
    };
    let found = facts.implicit_sync(node).or_else(|| is_condition().then(|| facts.tested(node)).flatten());
    found.is_some_and(|(_, tensor, _)| tensor.certainty == Certainty::Known && !tensor.on_host)
}

/// Whether the same value is asked for elsewhere in each step, so that nothing would be gained.
pub(super) fn needed_anyway<'t>(cx: &Context<'t>, site: &Site<'t>, a_loop: Node<'t>) -> bool {
    let (facts, value) = (cx.facts(), site.sync.value);
    let mut others = a_loop.descendants().filter(|node| {
        *node != value && node.kind() == value.kind() && node.text() == value.text() && facts.owner(*node) == facts.owner(value)
    });
    others.any(|other| {
        let Some(parent) = other.parent() else { return false };
        let asks = match parent.kind() {
            "attribute" => {
                parent.child("attribute").is_some_and(|name| ["item", "cpu", "tolist", "numpy"].contains(&name.text()))
            }
            "argument_list" => parent.parent().is_some_and(|call| {
                let name = call.child("function").map_or("", Node::text);
                facts.sync(call).is_some()
                    || facts.implicit_sync(call).is_some()
                    || name.ends_with("isfinite")
                    || name.ends_with("isnan")
            }),
            "interpolation" | "comparison_operator" | "if_statement" => true,
            _ => false,
        };
        asks && !is_guarded(other, a_loop) && other.statement() != site.sync.node.statement()
    })
}
