//! Loops and comprehensions whose target is an element of a tensor, asked for nothing but its value.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::tensors::Tensor;

/// How the elements are used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[x.item() for x in t]`, or a generator expression that a builtin consumes: the whole is `t.tolist()`.
    Whole,
    /// Anything else.
    Each,
}

/// A tensor that is walked, and what is done with its elements.
pub(super) struct Elements<'t> {
    /// The loop or comprehension.
    pub(super) anchor: Node<'t>,
    /// The name of the element.
    pub(super) target: Node<'t>,
    /// The expression that is walked.
    pub(super) iterable: Node<'t>,
    pub(super) tensor: Tensor<'t>,
    /// `x.item()`, `int(x)`: in text order, never empty.
    pub(super) reads: Vec<Node<'t>>,
    /// Whether every step reads its element.
    pub(super) is_always_read: bool,
    pub(super) form: Form,
}

impl<'t> Elements<'t> {
    /// Every tensor that the header of this loop or comprehension walks.
    pub(super) fn of(cx: &Context<'t>, anchor: Node<'t>) -> Vec<Self> {
        if anchor.is("for_statement") {
            if anchor.children().any(|child| child.is("async")) {
                return Vec::new();
            }
            return walked(cx, anchor)
                .into_iter()
                .filter_map(|(target, iterable)| Self::new(cx, anchor, target, iterable))
                .collect();
        }
        // Later clauses run once for each step of the first.
        let Some(clause) = anchor.child_of_kind("for_in_clause") else { return Vec::new() };
        if clause.children().any(|child| child.is("async")) || is_lazy(cx, anchor) {
            return Vec::new();
        }
        walked(cx, clause).into_iter().filter_map(|(target, iterable)| Self::new(cx, anchor, target, iterable)).collect()
    }

    fn new(cx: &Context<'t>, anchor: Node<'t>, target: Node<'t>, iterable: Node<'t>) -> Option<Self> {
        let facts = cx.facts();
        let variable = facts.scopes().variable(facts.scopes().variable_of(target)?);
        if variable.bindings.len() != 1 || variable.references.is_empty() {
            return None;
        }
        let inside = |node: &&Node<'t>| anchor.contains(**node) && facts.owner(**node) == facts.owner(target);
        if !variable.references.iter().all(|reference| inside(&reference)) {
            return None;
        }
        let reads: Option<Vec<_>> = variable.references.iter().map(|&reference| read(cx, reference)).collect();
        let reads = reads?;
        // Without one, there is nothing to gain that the reader would see.
        if !reads.iter().any(|read| read.text().ends_with(".item()")) {
            return None;
        }
        let tensor = facts.tensor(iterable).filter(|tensor| tensor.single)?;
        let whole = anchor.is_any(&["list_comprehension", "generator_expression"])
            && anchor.named_children().count() == 2
            && anchor.child("body").is_some_and(|body| body == reads[0] && body.text().ends_with(".item()"));
        let is_always_read = anchor.is("for_statement") && {
            let first = reads[0];
            let is_plain = first.ancestors().take_while(|around| !around.is_statement()).all(|around| {
                around.is_any(&[
                    "argument_list",
                    "call",
                    "attribute",
                    "assignment",
                    "binary_operator",
                    "keyword_argument",
                    "expression_list",
                ])
            });
            is_plain
                && first.statement().and_then(Node::parent).and_then(Node::parent) == Some(anchor)
                && anchor
                    .child("body")
                    .and_then(|body| body.named_children().next())
                    .is_some_and(|statement| statement.contains(first))
        };
        let body_is_plain =
            || anchor.child("body").is_some_and(|body| body.contains(reads[0])) && anchor.named_children().count() == 2;
        Some(Self {
            anchor,
            target,
            iterable,
            tensor,
            is_always_read: is_always_read
                || (!anchor.is("for_statement") && whole)
                || (anchor.is("dictionary_comprehension") && body_is_plain()),
            reads,
            form: if whole && anchor.child_of_kind("for_in_clause")?.child("right") == Some(iterable) {
                Form::Whole
            } else {
                Form::Each
            },
        })
    }

    /// What `t.tolist()` takes the place of. The brackets of a call belong to the call.
    pub(super) fn whole(&self) -> (usize, usize) {
        let is_argument = self.anchor.is("generator_expression")
            && self.anchor.parent().is_some_and(|call| call.is("call") && call.child("arguments") == Some(self.anchor));
        if is_argument { (self.anchor.start() + 1, self.anchor.end() - 1) } else { (self.anchor.start(), self.anchor.end()) }
    }
}

/// Pairs of a name and what it walks: one, or several with `zip`.
fn walked<'t>(cx: &Context<'t>, header: Node<'t>) -> Vec<(Node<'t>, Node<'t>)> {
    let (Some(target), Some(iterable)) = (header.child("left"), header.child("right")) else { return Vec::new() };
    if target.is("identifier") {
        return vec![(target, iterable)];
    }
    if !target.is_any(&["pattern_list", "tuple_pattern"]) || !iterable.is("call") {
        return Vec::new();
    }
    let targets: Vec<_> = target.named_children().collect();
    let arguments: Vec<_> = iterable.child("arguments").into_iter().flat_map(Node::named_children).collect();
    let is_plain = !arguments.iter().any(|argument| argument.is_any(&["list_splat", "dictionary_splat"]));
    let pairs: Vec<_> = match cx.facts().called_name(iterable).as_deref() {
        Some(["builtins", "enumerate"]) if targets.len() == 2 && is_plain => {
            targets.into_iter().skip(1).zip(arguments).take(1).collect()
        }
        Some(["builtins", "zip"]) if is_plain => targets.into_iter().zip(arguments).collect(),
        _ => Vec::new(),
    };
    pairs.into_iter().filter(|(target, argument)| target.is("identifier") && !argument.is("keyword_argument")).collect()
}

/// `x.item()`, `int(x)`, `float(x)`, `bool(x)`: what asks an element for its value and for nothing else.
fn read<'t>(cx: &Context<'t>, reference: Node<'t>) -> Option<Node<'t>> {
    let parent = reference.parent()?;
    if parent.is("attribute") && parent.child("attribute").is_some_and(|name| name.text() == "item") {
        let call = parent.parent().filter(|call| call.is("call") && parent.field() == Some("function"))?;
        return call.child("arguments")?.named_children().next().is_none().then_some(call);
    }
    let call = parent.parent().filter(|call| parent.is("argument_list") && call.is("call"))?;
    let converts = matches!(cx.facts().called_name(call).as_deref(), Some(["builtins", "int" | "float" | "bool"]));
    (converts && parent.only_child() == Some(reference)).then_some(call)
}

/// Whether a generator expression may run later than where it stands.
pub(super) fn is_lazy<'t>(cx: &Context<'t>, anchor: Node<'t>) -> bool {
    const CONSUMERS: &[&str] = &["sum", "max", "min", "list", "tuple", "set", "sorted", "any", "all", "dict", "frozenset"];
    if !anchor.is("generator_expression") {
        return false;
    }
    let call = anchor.parent().filter(|call| call.is("call") && call.child("arguments") == Some(anchor));
    let name = call.and_then(|call| cx.facts().called_name(call));
    // `any` and `all` stop early, and read no further.
    !matches!(name.as_deref(), Some(["builtins", function]) if CONSUMERS.contains(function))
}
