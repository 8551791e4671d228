//! The first place in a step where a value is asked for, and those that ask for the same again.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::invariance::Change;
use crate::semantics::tensors::Tensor;
use crate::semantics::tensors::heat;
use crate::transforms::elementwise_item::indexed;
use crate::transforms::sync_in_loop;
use crate::transforms::transfer_in_loop::transfer;

/// A value that is asked for more than once in each step.
pub(super) struct Repeat<'t> {
    /// The first `x.item()`.
    pub(super) first: Node<'t>,
    /// `x`.
    pub(super) receiver: Node<'t>,
    pub(super) tensor: Tensor<'t>,
    /// The statement of the first one.
    pub(super) statement: Node<'t>,
    /// The others, in text order; never empty.
    pub(super) again: Vec<Node<'t>>,
    /// Code in between that may change the tensor, if somebody else holds it.
    pub(super) stranger: Option<Node<'t>>,
}

impl<'t> Repeat<'t> {
    /// What `first` is the first read of. `None` when nothing repeats it, or something comes in between.
    pub(super) fn of(cx: &Context<'t>, first: Node<'t>) -> Option<Self> {
        let facts = cx.facts();
        let receiver = receiver(first)?;
        let inner = facts.loops_around(first).next()?;
        let tensor = facts.tensor(receiver)?;
        let statement = first.statement().filter(|_| stands_in_front(cx, first, inner))?;
        facts.reads(first)?;
        let body = inner.child("body").filter(|body| body.contains(first))?;
        let others: Vec<_> = body.descendants().filter(|node| *node > first && is_same(cx, *node, first)).take(8).collect();
        let hot = |other: &Node<'t>| !heat::is_guarded(*other, inner);
        if others.is_empty() || heat::is_guarded(first, inner) || is_left(cx, first, inner) {
            return None;
        }
        let mut stranger = None;
        let mut again = Vec::new();
        for other in others {
            if !facts.dominates(first, other) || runs_later(other, inner) {
                continue;
            }
            match change_between(cx, first, other, inner) {
                Some(Change::Seen(_)) => break,
                Some(Change::Possible(node)) => stranger = Some(node),
                None => {}
            }
            again.push(other);
        }
        // What is read now and then only costs nothing; it is replaced along with the others.
        if !again.iter().any(hot) {
            return None;
        }
        Some(Self { first, receiver, tensor, statement, again, stranger })
    }

    /// The repetition that a read is part of, as one of those behind the first.
    pub(super) fn with(cx: &Context<'t>, later: Node<'t>) -> Option<Self> {
        let owner = cx.facts().owner(later);
        let earlier = owner.descendants().take_while(|node| *node < later).filter(|node| is_same(cx, *node, later)).take(4);
        earlier.filter_map(|first| Self::of(cx, first)).find(|repeat| repeat.again.contains(&later))
    }
}

/// `x` of `x.item()`.
fn receiver(call: Node<'_>) -> Option<Node<'_>> {
    let function = call.child("function")?;
    let is_bare = call.child("arguments")?.named_children().next().is_none();
    (is_bare && function.child("attribute")?.text() == "item").then(|| function.child("object")).flatten()
}

/// Whether another call asks for the same, in the same function.
fn is_same<'t>(cx: &Context<'t>, other: Node<'t>, call: Node<'t>) -> bool {
    other.is("call") && cx.facts().is_same_expression(other, call) && cx.facts().owner(other) == cx.facts().owner(call)
}

/// Whether the value may as well be asked for in front of the statement: in a simple statement, or the header of an `if` or
/// `for`, and evaluated whenever that is.
fn stands_in_front<'t>(cx: &Context<'t>, first: Node<'t>, inner: Node<'t>) -> bool {
    let Some(statement) = first.statement() else { return false };
    let is_plain = statement.is_any(&["expression_statement", "if_statement", "return_statement", "for_statement"]);
    let in_clause = first
        .ancestors()
        .take_while(|around| *around != statement)
        .any(|around| around.is_any(&["elif_clause", "block", "lambda", "generator_expression"]));
    is_plain && !in_clause && inner.contains(statement) && inner != statement && cx.facts().runs_with_statement(first)
}

/// Whether a read stands in a part of an expression that runs later, or for each element.
fn runs_later(node: Node<'_>, inner: Node<'_>) -> bool {
    let around = node.ancestors().take_while(|around| *around != inner);
    around
        .into_iter()
        .any(|around| around.is_any(&["lambda", "generator_expression", "function_definition", "class_definition"]))
}

/// Why nobody would want to hear of it.
fn is_left<'t>(cx: &Context<'t>, first: Node<'t>, inner: Node<'t>) -> bool {
    heat::is_timed(cx.facts(), inner, first)
        || heat::is_test(first)
        || transfer::is_compiled(cx, first)
        || indexed::claims(cx, first)
        || sync_in_loop::can_wait(cx, first)
        || is_in_class_body(first)
}

/// Whether a name that is bound here would become an attribute of a class.
fn is_in_class_body(node: Node<'_>) -> bool {
    let scope = node.ancestors().find(|around| around.is_any(&["function_definition", "lambda", "class_definition"]));
    scope.is_some_and(|scope| scope.is("class_definition"))
}

/// What may change the value between the two, and in the statement in front of the first.
fn change_between<'t>(cx: &Context<'t>, first: Node<'t>, later: Node<'t>, inner: Node<'t>) -> Option<Change<'t>> {
    let facts = cx.facts();
    let mut possible = None;
    let mut note = |change: Option<Change<'t>>| match change {
        Some(Change::Seen(node)) => Some(Change::Seen(node)),
        Some(change) => {
            possible = possible.or(Some(change));
            None
        }
        None => None,
    };
    // Have: f(x.item()): the call runs in between; and g() + x.item(): it runs earlier now
    let around = first.ancestors().take_while(|around| !around.is_statement());
    let mut strange = None;
    for node in around {
        if later.ancestors().any(|ancestor| ancestor == node) {
            break;
        }
        if node.is("call") && facts.is_strange_call(node) || node.is_any(&["await", "yield"]) {
            strange = Some(node);
        }
    }
    for node in between(first, later, inner) {
        if let Some(seen) = note(facts.change_within(first, node)) {
            return Some(seen);
        }
    }
    let is_own = || {
        facts.reads(first).is_some_and(|reads| {
            reads.tensors.iter().all(|&tensor| {
                let id = facts.scopes().variable_of(tensor).filter(|_| tensor.is("identifier"));
                id.is_some_and(|id| facts.is_own_tensor(id, later.statement().unwrap_or(later)).is_ok())
            })
        })
    };
    possible.or_else(|| strange.filter(|_| !is_own()).map(Change::Possible))
}

/// The largest pieces of code that run after the first read and before the later one, or in front of the first in its
/// statement.
fn between<'t>(first: Node<'t>, later: Node<'t>, inner: Node<'t>) -> Vec<Node<'t>> {
    let statement = first.statement().unwrap_or(first);
    let mut found = Vec::new();
    let mut next = inner.start();
    for node in inner.descendants().filter(|node| node.is_named() && !node.is("comment")) {
        if node.start() < next || node.start() >= later.start() {
            continue;
        }
        let is_before = statement.contains(node) && node.end() <= first.start();
        let is_after = node.start() >= first.end() && node.end() <= later.start();
        // A loop around the later read only: all of it may run before it.
        let is_repeated =
            node.start() >= first.end() && node.contains(later) && node.is_any(&["for_statement", "while_statement"]);
        if is_before || is_after || is_repeated {
            found.push(node);
            next = node.end();
        }
    }
    found
}
