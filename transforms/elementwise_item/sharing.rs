//! Whether the code between two elements may change the tensor.

use super::elements::Elements;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::scope::BindingKind;

/// Calls that change no tensor, whatever they get.
const HARMLESS: &[&str] = &[
    "print",
    "len",
    "str",
    "int",
    "float",
    "bool",
    "range",
    "round",
    "abs",
    "min",
    "max",
    "isinstance",
    "repr",
    "format",
    "zip",
    "enumerate",
];
/// Methods of containers and texts that take a number or a text.
const METHODS: &[&str] = &["item", "append", "add", "format", "get", "join", "write", "info", "debug", "extend", "insert"];

/// Why the elements may not be what they were when the loop started; `None` when nothing can change them.
pub(super) fn may_change<'t>(cx: &Context<'t>, elements: &Elements<'t>) -> Option<String> {
    if elements.tensor.fresh || is_own(cx, elements) {
        return None;
    }
    let parts: Vec<_> = elements.anchor.named_children().filter(|child| child.field() != Some("right")).collect();
    let code = || parts.iter().flat_map(|part| part.and_descendants());
    let is_harmless = |call: Node<'t>| {
        let function = call.child("function");
        let is_method = || {
            let name = function.and_then(|function| function.child("attribute"));
            name.is_some_and(|name| METHODS.contains(&name.text()))
        };
        match cx.facts().called_name(call).as_deref() {
            Some(["builtins", name]) => HARMLESS.contains(name),
            Some(["math", _]) => true,
            _ => is_method(),
        }
    };
    let suspect = code().find(|node| {
        (node.is("call") && !is_harmless(*node) && Some(*node) != elements.anchor.child("right"))
            || node.is_any(&["await", "yield", "with_statement", "global_statement"])
            || (node.is("subscript") && is_stored(*node))
            || (node.is("augmented_assignment") && !node.child("right").is_some_and(|right| right.text().contains(".item()")))
    })?;
    let what = suspect.text().lines().next().unwrap_or_default();
    let what = if what.len() > 40 { "a call in the loop" } else { what };
    Some(format!("`{what}` may change the tensor while it is walked"))
}

fn is_stored(subscript: Node<'_>) -> bool {
    subscript.field() == Some("left")
        && subscript.parent().is_some_and(|parent| parent.is_any(&["assignment", "augmented_assignment"]))
}

/// Whether the tensor is a local variable that nobody else can have got hold of: made here by operations that allocate, and
/// mentioned only where its value is looked at.
fn is_own<'t>(cx: &Context<'t>, elements: &Elements<'t>) -> bool {
    let facts = cx.facts();
    let Some(id) = facts.scopes().variable_of(elements.iterable).filter(|_| elements.iterable.is("identifier")) else {
        return false;
    };
    let variable = facts.scopes().variable(id);
    let is_fresh = |value: Option<Node<'t>>| value.and_then(|value| facts.tensor(value)).is_some_and(|tensor| tensor.fresh);
    variable
        .bindings
        .iter()
        .all(|binding| binding.kind == BindingKind::Assignment && is_fresh(binding.value) && !is_chained(binding.node))
        && variable.references.iter().all(|&reference| {
            reference == elements.iterable
                || is_looked_at(cx, reference)
                || !facts.may_follow(reference, elements.anchor, &[]) && !elements.anchor.contains(reference)
        })
}

/// `a = b = torch.zeros(3)`: two names of one tensor.
fn is_chained(target: Node<'_>) -> bool {
    let Some(assignment) = target.parent().filter(|parent| parent.is("assignment")) else { return true };
    assignment.parent().is_some_and(|parent| parent.is("assignment"))
        || assignment.child("right").is_some_and(|right| right.is("assignment"))
}

/// `len(t)`, `print(t)`, `t.shape`, `t.size(0)`.
fn is_looked_at<'t>(cx: &Context<'t>, reference: Node<'t>) -> bool {
    let Some(parent) = reference.parent() else { return false };
    if parent.is("attribute") && reference.field() == Some("object") {
        let name = parent.child("attribute").map_or("", Node::text);
        return ["shape", "size", "numel", "dim", "device", "dtype", "tolist", "item"].contains(&name);
    }
    let call = parent.parent().filter(|call| parent.is("argument_list") && call.is("call"));
    let name = call.and_then(|call| cx.facts().called_name(call));
    matches!(name.as_deref(), Some(["builtins", "len" | "print"]))
}
