//! One loop: a `for` statement, or a `for` clause of a comprehension.

use std::ops::Range;

use crate::engine::syntax::Node;

/// What opens a body of its own, which does not run when the code around it does.
const BODIES: &[&str] = &["function_definition", "lambda"];

/// A loop and the code that runs in each of its steps.
pub(super) struct Loop<'t> {
    /// The `for_statement` or `for_in_clause`.
    pub(super) node: Node<'t>,
    /// What each element is assigned to.
    pub(super) target: Node<'t>,
    /// What is walked: evaluated once, before the first step.
    pub(super) header: Node<'t>,
    /// What runs in each step: the body (not the `else`), or the rest of the comprehension.
    parts: Vec<Node<'t>>,
}

impl<'t> Loop<'t> {
    /// The loop that a node is; none for other nodes and for broken ones.
    pub(super) fn of(node: Node<'t>) -> Option<Self> {
        let parts = match node.kind() {
            "for_statement" => vec![node.child("body")?],
            "for_in_clause" => {
                let comprehension = node.parent()?;
                let later = comprehension.named_children().filter(|part| *part > node && !node.contains(*part));
                comprehension.child("body").into_iter().chain(later).collect()
            }
            _ => return None,
        };
        Some(Self { node, target: node.child("left")?, header: node.child("right")?, parts })
    }

    /// Whether it is `async for`.
    pub(super) fn is_async(&self) -> bool {
        self.node.children().next().is_some_and(|token| token.is("async"))
    }

    /// Whether a node runs in each step, as far as control gets there.
    pub(super) fn runs(&self, node: Node<'t>) -> bool {
        self.parts.iter().any(|part| part.contains(node))
    }

    /// What runs in each step.
    pub(super) fn parts(&self) -> impl Iterator<Item = Node<'t>> {
        self.parts.iter().copied()
    }

    /// All nodes that run in each step. Nested functions are yielded, what is inside them is not.
    pub(super) fn code(&self) -> impl Iterator<Item = Node<'t>> {
        self.parts.iter().flat_map(|part| part.walk(|node| node.is_any(BODIES)))
    }

    /// The loops that run in each step of this one, in text order.
    pub(super) fn inner(&self) -> impl Iterator<Item = Loop<'t>> {
        self.code().filter_map(Loop::of)
    }

    /// The loops of the same function whose steps this one runs in, from the innermost outwards.
    pub(super) fn outer(&self) -> impl Iterator<Item = Loop<'t>> + use<'t> {
        around(self.node)
    }

    /// The whole statement.
    pub(super) fn span(&self) -> Range<usize> {
        self.node.statement().unwrap_or(self.node).range()
    }
}

/// Whether no function or lambda stands between the two: the code of `inner` runs when that of `outer` does.
pub(super) fn runs_with(inner: Node<'_>, outer: Node<'_>) -> bool {
    inner.ancestors().take_while(|around| *around > outer).all(|around| !around.is_any(BODIES))
}

/// The loops of the same function whose steps a node runs in, from the innermost outwards.
pub(super) fn around(node: Node<'_>) -> impl Iterator<Item = Loop<'_>> {
    node.ancestors()
        .take_while(|around| !around.is_any(BODIES) && !around.is("class_definition"))
        .flat_map(|around| std::iter::once(around).chain(around.children().filter(|child| child.is("for_in_clause"))))
        .filter_map(Loop::of)
        .filter(move |outer| outer.runs(node))
}
