//! Lists that hold tensors: `losses = []` that is only ever given tensors, `parts: list[Tensor]`.

use super::Answer::{Circular, Is, Unknown};
use super::bindings::annotated_text;
use super::calls::positional;
use super::{Answer, Inquiry, Open, Tensor};
use crate::engine::finding::Certainty::Likely;
use crate::engine::syntax::Node;
use crate::semantics::scope::{Binding, BindingKind, Variable};

impl<'t> Inquiry<'_, 't> {
    /// What each element of a list is, where an expression is a list, or a tuple, of tensors; `None` when nothing says so.
    pub(super) fn element_of(&self, container: Node<'t>, depth: u32) -> Option<Answer<'t>> {
        let node = container.unparenthesized();
        if !self.spend(depth) {
            return None;
        }
        match node.kind() {
            "list" | "tuple" => {
                let each = node.named_children().map(|part| self.expression(part, depth + 1));
                each.reduce(Answer::or).filter(|answer| matches!(answer, Is(_)))
            }
            "list_comprehension" => {
                let body = node.child("body")?;
                Some(self.expression(body, depth + 1)).filter(|answer| matches!(answer, Is(_)))
            }
            "identifier" => self.element_of_name(node, depth),
            _ => None,
        }
        .map(|answer| answer.map(|tensor| Tensor { fresh: false, ..tensor }))
    }

    fn element_of_name(&self, node: Node<'t>, depth: u32) -> Option<Answer<'t>> {
        let scopes = self.facts.scopes();
        let id = scopes.variable_of(node)?;
        let variable = scopes.variable(id);
        let answer = self.once(Open::Variable(id), || self.element_of_variable(variable, depth));
        matches!(answer, Is(_)).then_some(answer)
    }

    fn element_of_variable(&self, variable: &Variable<'t>, depth: u32) -> Answer<'t> {
        let bound = variable.bindings.iter().map(|binding| self.element_bound(binding, depth)).reduce(Answer::or);
        let Some(bound) = bound.filter(|bound| !matches!(bound, Unknown)) else { return Unknown };
        let annotated = variable.bindings.iter().all(|binding| binding.annotation.is_some());
        let mut found = bound;
        let mut is_certain = true;
        for &reference in &variable.references {
            let method = reference.parent().filter(|parent| parent.is("attribute") && reference.field() == Some("object"));
            let call = method.and_then(Node::parent).filter(|call| call.is("call"));
            match (call, method.and_then(|method| method.child("attribute")).map(Node::text)) {
                (Some(call), Some("append")) => {
                    let given = positional(call).next().map_or(Unknown, |given| self.expression(given, depth + 1));
                    found = found.or(given);
                }
                (Some(_), Some("clear" | "pop" | "reverse" | "copy" | "remove")) => {}
                (Some(call), Some("extend")) => {
                    let given = positional(call).next().and_then(|given| self.element_of(given, depth + 1));
                    found = found.or(given.unwrap_or(Unknown));
                }
                (Some(_), Some(_)) => return Unknown,
                _ => {
                    let is_read = |around: Node<'t>| match around.kind() {
                        "subscript" => around.field() != Some("left"),
                        "for_statement" | "for_in_clause" => reference.field() == Some("right"),
                        "argument_list"
                        | "return_statement"
                        | "if_statement"
                        | "not_operator"
                        | "comparison_operator"
                        | "conditional_expression" => true,
                        _ => false,
                    };
                    // Somebody else may hold it, and put something else in.
                    is_certain &= reference.parent().is_some_and(is_read);
                }
            }
            if matches!(found, Unknown) && !annotated {
                return Unknown;
            }
        }
        if annotated && matches!(found, Unknown) {
            found = bound;
        }
        if is_certain { found } else { found.at_most(Likely) }
    }

    /// What a binding alone says: an empty list objects to nothing.
    fn element_bound(&self, binding: &Binding<'t>, depth: u32) -> Answer<'t> {
        match binding.kind {
            BindingKind::Assignment | BindingKind::Annotated | BindingKind::Parameter => {
                let said = binding.annotation.and_then(element_annotated);
                match (binding.value, said) {
                    (_, Some(tensor)) => Is(tensor),
                    (Some(value), None) if value.is("list") && value.named_children().next().is_none() => Circular,
                    (Some(value), None) if value.is_any(&["list", "tuple", "list_comprehension"]) => {
                        self.element_of(value, depth + 1).unwrap_or(Unknown)
                    }
                    _ => Unknown,
                }
            }
            BindingKind::Declaration => Circular,
            _ => Unknown,
        }
    }
}

/// `list[Tensor]`, `List[torch.Tensor]`, `Sequence[Tensor]`, `tuple[Tensor, ...]`.
fn element_annotated(annotation: Node<'_>) -> Option<Tensor<'_>> {
    let text = annotation.text().trim_matches(['"', '\'']).trim();
    let (head, inner) = text.strip_suffix(']')?.split_once('[')?;
    let name = head.rsplit('.').next().unwrap_or(head);
    let is_container = ["list", "List", "Sequence", "Iterable", "tuple", "Tuple", "Iterator"].contains(&name);
    let inner = inner.trim().strip_suffix("...").map_or(inner, |inner| inner.trim().trim_end_matches(','));
    if is_container { annotated_text(inner.trim(), annotation) } else { None }
}
