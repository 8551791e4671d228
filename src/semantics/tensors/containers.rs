//! Lists and dicts that hold tensors: `losses = []` that is only ever given tensors, `parts: list[Tensor]`.

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

/// The values of dicts.
impl<'t> Inquiry<'_, 't> {
    /// What each value of a dict is, where an expression is a dict of tensors; `None` when nothing says so.
    pub(super) fn value_of(&self, mapping: Node<'t>, depth: u32) -> Option<Answer<'t>> {
        let node = mapping.unparenthesized();
        if !self.spend(depth) {
            return None;
        }
        let found = match node.kind() {
            "dictionary" => {
                let each = node.named_children().filter(|part| !part.is("comment")).map(|pair| match pair.child("value") {
                    Some(value) => self.expression(value, depth + 1),
                    None => Unknown,
                });
                each.reduce(Answer::or)?
            }
            "dictionary_comprehension" => self.expression(node.child("body")?.child("value")?, depth + 1),
            "identifier" => {
                let scopes = self.facts.scopes();
                let id = scopes.variable_of(node)?;
                self.once(Open::Variable(id), || self.value_of_variable(scopes.variable(id), depth))
            }
            _ => return None,
        };
        matches!(found, Is(_)).then(|| found.map(|tensor| Tensor { fresh: false, ..tensor }))
    }

    fn value_of_variable(&self, variable: &Variable<'t>, depth: u32) -> Answer<'t> {
        let bound =
            variable.bindings.iter().map(|binding| match (binding.annotation.and_then(value_annotated), binding.value) {
                (Some(tensor), _) => Is(tensor),
                (None, Some(value)) if value.is("dictionary") && value.named_children().next().is_none() => Circular,
                (None, Some(value)) if value.is_any(&["dictionary", "dictionary_comprehension"]) => {
                    self.value_of(value, depth + 1).unwrap_or(Unknown)
                }
                (None, Some(value)) if value.text() == "dict()" => Circular,
                _ => Unknown,
            });
        let Some(mut found) = bound.reduce(Answer::or) else { return Unknown };
        let mut is_certain = true;
        for &reference in &variable.references {
            let Some(around) = reference.parent() else { return Unknown };
            match (around.kind(), reference.field()) {
                ("subscript", Some("value")) => {
                    let is_operand = |parent: &Node<'t>| parent.is_any(&["binary_operator", "boolean_operator"]);
                    let statement = around.parent().filter(|parent| around.field() == Some("left") && !is_operand(parent));
                    match statement.map(|statement| (statement.kind(), statement.child("right"))) {
                        None => is_certain &= around.parent().is_some_and(|parent| !parent.is("pattern_list")),
                        Some(("assignment", Some(right))) => found = found.or(self.expression(right, depth + 1)),
                        // `d[k] += x` of a tensor is a tensor.
                        Some(("augmented_assignment", _)) => is_certain = false,
                        Some(_) => return Unknown,
                    }
                }
                ("attribute", Some("object")) => match around.child("attribute").map(Node::text) {
                    Some("items" | "values" | "keys" | "get" | "pop" | "popitem" | "copy" | "clear") => {}
                    _ => return Unknown,
                },
                // Somebody else may hold it, and put something else in.
                (kind, _) => {
                    is_certain &= ["comparison_operator", "if_statement", "not_operator", "for_statement"].contains(&kind);
                }
            }
            if matches!(found, Unknown) {
                return Unknown;
            }
        }
        if is_certain { found } else { found.at_most(Likely) }
    }
}

/// `dict[str, Tensor]`, `Dict[str, torch.Tensor]`, `Mapping[str, Tensor]`.
fn value_annotated(annotation: Node<'_>) -> Option<Tensor<'_>> {
    let text = annotation.text().trim_matches(['"', '\'']).trim();
    let (head, inner) = text.strip_suffix(']')?.split_once('[')?;
    let name = head.rsplit('.').next().unwrap_or(head);
    let is_mapping = ["dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict", "DefaultDict"].contains(&name);
    let (_, value) = inner.split_once(',').filter(|_| is_mapping)?;
    annotated_text(value.trim(), annotation)
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
