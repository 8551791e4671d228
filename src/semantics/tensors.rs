//! Evidence that a value is a tensor of `PyTorch`, how many dimensions it has, and whether it is one tensor for certain.

mod bindings;
mod calls;
mod containers;
pub mod heat;
mod modules;
mod placement;
pub mod syncs;
mod tables;

use std::cell::{Cell, RefCell};

use super::Facts;
use super::scope::VariableId;
use crate::engine::finding::Certainty::{self, Known, Likely};
use crate::engine::syntax::Node;

/// What is known of a value that is a tensor by evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor<'t> {
    /// How sure it is that the value is a tensor and nothing else that has methods of the same names. Known tensors are
    /// single and dense: no tuple of tensors, no sparse one.
    pub certainty: Certainty,
    /// The place that shows it: the call that makes it, an annotation, the loop over a loader.
    pub shown_by: Node<'t>,
    /// False where it may be a tuple or a record of tensors after all: what a model or a loader gives.
    pub single: bool,
    /// How many dimensions, where that is certain.
    pub rank: Option<u8>,
    /// What its elements are.
    pub element: Element,
    /// The expression itself allocates its result: nobody else holds it, and it is no view.
    pub fresh: bool,
    /// It is in the memory of the host, as far as the file says: nobody waits for its value.
    pub on_host: bool,
}

/// What the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Certainly of bools.
    Bool,
    /// Certainly of integers.
    Integer,
    /// Certainly of floating-point numbers.
    Float,
    /// Of anything.
    Any,
}

impl Element {
    /// What the elements of `a + b` are.
    fn combined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Float, _) | (_, Self::Float) => Self::Float,
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            _ => Self::Integer,
        }
    }
}

impl<'t> Tensor<'t> {
    fn known(shown_by: Node<'t>) -> Self {
        Self { certainty: Known, shown_by, single: true, rank: None, element: Element::Any, fresh: false, on_host: false }
    }

    /// Certainly of a boolean or integer type: it never needs a gradient, and sums of it are exact.
    pub fn is_integral(&self) -> bool {
        matches!(self.element, Element::Bool | Element::Integer)
    }

    fn likely(shown_by: Node<'t>) -> Self {
        Self { certainty: Likely, ..Self::known(shown_by) }
    }

    /// Likely a tensor, or several.
    fn likely_some(shown_by: Node<'t>) -> Self {
        Self { single: false, ..Self::likely(shown_by) }
    }

    /// The same, no surer than `certainty`.
    fn at_most(mut self, certainty: Certainty) -> Self {
        self.certainty = self.certainty.min(certainty);
        self
    }
}

impl<'t> Facts<'t> {
    /// Evidence that an expression evaluates to a tensor of `PyTorch`; `None` is "unknown", not "no tensor".
    ///
    /// Known: made by a function of `torch` that gives one dense tensor, annotated, computed from such by operators and
    /// methods, given by a module of `torch.nn` that the file makes. Likely: a call of something that is named like a
    /// model or a loss, what a loader gives, what `backward()` is called on. Arrays, frames and numbers are not tensors.
    pub fn tensor(&self, expression: Node<'t>) -> Option<Tensor<'t>> {
        let inquiry = Inquiry::new(self);
        match inquiry.expression(expression, 0) {
            Answer::Is(tensor) if inquiry.has_fuel() => Some(tensor),
            _ => None,
        }
    }
}

/// How many expressions one question may look at.
const FUEL: u32 = 1000;
/// How deep expressions, and names behind names, are followed.
const DEPTH: u32 = 20;

#[derive(Clone, Copy, Debug)]
enum Answer<'t> {
    Is(Tensor<'t>),
    /// The question came back to itself: no evidence, and no objection.
    Circular,
    Unknown,
}
use Answer::{Circular, Is, Unknown};

impl<'t> Answer<'t> {
    /// What a value is that is either of the two.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Is(a), Is(b)) => Is(Tensor {
                certainty: a.certainty.min(b.certainty),
                shown_by: if a.certainty < b.certainty { b.shown_by } else { a.shown_by },
                single: a.single && b.single,
                rank: a.rank.filter(|_| a.rank == b.rank),
                element: if a.element == b.element { a.element } else { Element::Any },
                fresh: a.fresh && b.fresh,
                on_host: a.on_host && b.on_host,
            }),
            (Circular, other) | (other, Circular) => other,
            _ => Unknown,
        }
    }

    fn map(self, change: impl FnOnce(Tensor<'t>) -> Tensor<'t>) -> Self {
        match self {
            Is(tensor) => Is(change(tensor)),
            other => other,
        }
    }

    fn at_most(self, certainty: Certainty) -> Self {
        self.map(|tensor| tensor.at_most(certainty))
    }
}

/// One question of [`Facts::tensor`]. Depth and effort are bounded, whatever the file looks like.
struct Inquiry<'f, 't> {
    facts: &'f Facts<'t>,
    /// Variables and attributes that are being asked about further up.
    open: RefCell<Vec<Open<'t>>>,
    fuel: Cell<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open<'t> {
    Variable(VariableId),
    Attribute(&'t str),
}

impl<'f, 't> Inquiry<'f, 't> {
    fn new(facts: &'f Facts<'t>) -> Self {
        Inquiry { facts, open: RefCell::default(), fuel: Cell::new(FUEL) }
    }

    fn has_fuel(&self) -> bool {
        self.fuel.get() > 0
    }

    /// Asks unless the same is being asked further up.
    fn once(&self, question: Open<'t>, ask: impl FnOnce() -> Answer<'t>) -> Answer<'t> {
        if self.open.borrow().contains(&question) {
            return Circular;
        }
        self.open.borrow_mut().push(question);
        let answer = ask();
        self.open.borrow_mut().pop();
        answer
    }

    /// Whether a further step may be taken.
    fn spend(&self, depth: u32) -> bool {
        self.fuel.set(self.fuel.get().saturating_sub(1));
        depth <= DEPTH && self.fuel.get() > 0
    }

    fn expression(&self, expression: Node<'t>, depth: u32) -> Answer<'t> {
        let node = expression.unparenthesized();
        if !self.spend(depth) {
            return Unknown;
        }
        match node.kind() {
            "call" => self.call(node, depth),
            "identifier" => self.name(node, depth),
            "attribute" => self.attribute(node, depth),
            "subscript" => self.subscript(node, depth),
            "binary_operator" => self.binary(node, depth),
            "comparison_operator" => self.comparison(node, depth),
            "unary_operator" => {
                let argument = node.child("argument").map_or(Unknown, |argument| self.expression(argument, depth + 1));
                // `+x` is x itself.
                let is_itself = node.children().any(|token| token.is("+"));
                argument.map(|tensor| Tensor { fresh: tensor.fresh || !is_itself, ..tensor })
            }
            "named_expression" => {
                let value = node.child("value").map_or(Unknown, |value| self.expression(value, depth + 1));
                value.map(|tensor| Tensor { fresh: false, ..tensor })
            }
            "conditional_expression" => {
                let mut parts = node.named_children();
                let (Some(yes), Some(_), Some(no)) = (parts.next(), parts.next(), parts.next()) else { return Unknown };
                self.expression(yes, depth + 1).or(self.expression(no, depth + 1))
            }
            _ => Unknown,
        }
    }

    /// A number beside a tensor changes nothing; of anything else that is unknown, an array or an object may win.
    fn binary(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let (Some(left), Some(right)) = (node.child("left"), node.child("right")) else { return Unknown };
        if [left, right].iter().any(|side| side.is_any(&["string", "concatenated_string"])) {
            return Unknown;
        }
        let (a, b) = (self.expression(left, depth + 1), self.expression(right, depth + 1));
        let operator = node.child("operator").map_or("", Node::kind);
        let computed = |tensor: Tensor<'t>, element: Element| {
            let element = match operator {
                "/" => Element::Float,
                "&" | "|" | "^" if tensor.element == Element::Bool && element == Element::Bool => Element::Bool,
                "+" | "-" | "*" | "//" | "%" | "&" | "|" | "^" => tensor.element.combined(element),
                _ => Element::Any,
            };
            Tensor { single: true, element, fresh: true, ..tensor }
        };
        let number = |node: Node<'t>| match node.unparenthesized().kind() {
            "integer" => Element::Integer,
            "float" => Element::Float,
            _ => Element::Any,
        };
        match (a, b) {
            (Is(x), Is(y)) => a.or(b).map(|tensor| computed(Tensor { element: x.element, ..tensor }, y.element)),
            (Is(tensor), _) if self.is_number(right) => Is(computed(tensor, number(right))),
            (_, Is(tensor)) if self.is_number(left) => Is(computed(tensor, number(left))),
            (Is(tensor), _) | (_, Is(tensor)) => Is(Tensor { rank: None, ..computed(tensor, Element::Any) }.at_most(Likely)),
            (Circular, Circular) => Circular,
            (Circular, Unknown) if self.is_number(right) => Circular,
            (Unknown, Circular) if self.is_number(left) => Circular,
            _ => Unknown,
        }
    }

    fn is_number(&self, node: Node<'t>) -> bool {
        node.unparenthesized().is_any(&["integer", "float"]) || self.facts.is_plain_number(node)
    }

    /// `x == y` of tensors is a tensor of bools; `is`, `in` and chains are not.
    fn comparison(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let operands: Vec<_> = node.named_children().collect();
        let is_plain = node.children_of("operators").all(|operator| operator.is_any(&["==", "!=", "<", "<=", ">", ">="]));
        let [left, right] = operands[..] else { return Unknown };
        if !is_plain {
            return Unknown;
        }
        let (a, b) = (self.expression(left, depth + 1), self.expression(right, depth + 1));
        let compared = |tensor: Tensor<'t>| Tensor { single: true, element: Element::Bool, fresh: true, ..tensor };
        match (a, b) {
            (Is(_), Is(_)) => a.or(b).map(compared),
            (Is(tensor), _) if self.is_number(right) => Is(compared(tensor)),
            (_, Is(tensor)) if self.is_number(left) => Is(compared(tensor)),
            (Is(tensor), _) | (_, Is(tensor)) => Is(Tensor { rank: None, ..compared(tensor) }.at_most(Likely)),
            _ => Unknown,
        }
    }

    /// `t[i]`: a tensor; one integer takes away one dimension. `x.max(1)[1]`: a part of a known pair.
    fn subscript(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let Some(value) = node.child("value").map(Node::unparenthesized) else { return Unknown };
        let keys: Vec<_> = node.children_of("subscript").collect();
        if let Some(pair) = self.pair(value, depth) {
            return match keys[..] {
                [key] if key.text() == "1" => pair.map(indices),
                [key] if key.is("integer") => pair,
                _ => Unknown,
            };
        }
        if let [key] = keys[..]
            && let Some(element) = self.element_of(value, depth + 1)
        {
            return if key.is("slice") { Unknown } else { element };
        }
        if keys.len() == 1
            && let Some(held) = self.value_of(value, depth + 1)
        {
            return held;
        }
        let all_integers = keys.iter().all(|&key| key.is("integer") || self.facts.is_plain_number(key));
        self.expression(value, depth + 1).map(|tensor| Tensor {
            rank: tensor.rank.filter(|_| all_integers).and_then(|rank| rank.checked_sub(u8::try_from(keys.len()).ok()?)),
            fresh: false,
            ..tensor
        })
    }

    /// `x.T`, `x.grad`, `torch.max(x, 1).values`, `outputs.loss`, `self.weight`.
    fn attribute(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let (Some(object), Some(name)) = (node.child("object"), node.child("attribute").map(Node::text)) else {
            return Unknown;
        };
        let held = |answer: Answer<'t>| answer.map(|tensor| Tensor { fresh: false, ..tensor });
        match name {
            "values" | "indices" if let Some(pair) = self.pair(object.unparenthesized(), depth) => {
                held(pair).map(|tensor| if name == "indices" { indices(tensor) } else { tensor })
            }
            "T" | "mT" | "H" | "real" | "imag" | "data" | "grad" => held(self.expression(object, depth + 1)),
            "loss" | "logits" if self.is_output(object, depth + 1) => Is(Tensor::likely(node)),
            _ if object.is("identifier") => held(self.attribute_of_object(node, name, depth)),
            _ => Unknown,
        }
    }

    /// The members of what `x.max(1)`, `torch.topk(x, k)` and the like give.
    fn pair(&self, call: Node<'t>, depth: u32) -> Option<Answer<'t>> {
        let function = call.child("function").filter(|_| call.is("call"))?;
        let arguments = call.child("arguments")?.named_children().count();
        let (name, tensor, more) = match self.facts.qualified_name(function).as_deref() {
            Some(["torch", name]) => (*name, call.child("arguments")?.named_children().next()?, arguments > 1),
            Some(_) => return None,
            None => (function.child("attribute")?.text(), function.child("object")?, arguments > 0),
        };
        let is_pair = tables::gives_pair(name) && (more || ["sort", "topk"].contains(&name));
        is_pair.then(|| self.expression(tensor, depth + 1).map(|tensor| Tensor { rank: None, element: Element::Any, ..tensor }))
    }
}

/// The second of a pair, which says where the values were.
fn indices(tensor: Tensor<'_>) -> Tensor<'_> {
    Tensor { element: Element::Integer, ..tensor }
}

impl<'t> Facts<'t> {
    /// Whether an expression is a Python number for certain: a literal, `len(..)`, `x.size(0)`, `x.shape[0]`, `x.numel()`,
    /// arithmetic on such, and names that are bound to nothing else.
    pub fn is_plain_number(&self, expression: Node<'t>) -> bool {
        let mut open = vec![expression];
        let mut seen = Vec::new();
        for _ in 0..50 {
            let Some(node) = open.pop().map(Node::unparenthesized) else { return true };
            match node.kind() {
                "integer" | "float" => {}
                "unary_operator" | "binary_operator" => {
                    open.extend(["argument", "left", "right"].iter().filter_map(|field| node.child(field)));
                }
                "call" if self.gives_number(node) => {}
                "subscript" => {
                    let value = node.child("value").filter(|value| value.is("attribute"));
                    let is_shape = value.and_then(|value| value.child("attribute")).is_some_and(|name| name.text() == "shape");
                    let is_size =
                        node.child("value").is_some_and(|value| value.is("call") && value.text().ends_with(".size()"));
                    let key_is_literal = node.children_of("subscript").all(|key| key.is_any(&["integer", "unary_operator"]));
                    if !((is_shape || is_size) && key_is_literal) {
                        return false;
                    }
                }
                "identifier" => {
                    let Some(id) = self.scopes().variable_of(node) else { return false };
                    if seen.contains(&id) {
                        continue;
                    }
                    seen.push(id);
                    if !self.push_values(id, &mut open) {
                        return false;
                    }
                }
                _ => return false,
            }
        }
        false
    }

    /// Adds everything that the variable is bound to; false when something else than a value is.
    fn push_values(&self, id: VariableId, open: &mut Vec<Node<'t>>) -> bool {
        use super::scope::BindingKind::{Annotated, Assignment, Augmented, Declaration, For};
        let variable = self.scopes().variable(id);
        !variable.bindings.is_empty()
            && variable.bindings.iter().all(|binding| match binding.kind {
                Assignment | Annotated => binding.value.map(|value| open.push(value)).is_some(),
                Augmented => {
                    binding.node.parent().and_then(|parent| parent.child("right")).map(|value| open.push(value)).is_some()
                }
                Declaration => true,
                For => self.is_counter(binding.node),
                _ => false,
            })
    }

    /// Whether a loop's target is the count of `range` or `enumerate`.
    pub fn is_counter(&self, target: Node<'t>) -> bool {
        let Some(parent) = target.parent() else { return false };
        let first = parent.is("pattern_list") && parent.named_children().next() == Some(target);
        let header = if first { parent.parent() } else { Some(parent) };
        let iterable =
            header.filter(|header| header.is_any(&["for_statement", "for_in_clause"])).and_then(|header| header.child("right"));
        let name = iterable.filter(|iterable| iterable.is("call")).and_then(|call| self.called_name(call));
        match name.as_deref() {
            Some(["builtins", "range"]) => !first,
            Some(["builtins", "enumerate"]) => first,
            _ => false,
        }
    }

    fn gives_number(&self, call: Node<'t>) -> bool {
        let Some(function) = call.child("function") else { return false };
        if let Some(["builtins", "len" | "int" | "float"]) = self.qualified_name(function).as_deref() {
            return true;
        }
        let arguments = call.child("arguments").map_or(0, |arguments| arguments.named_children().count());
        match function.child("attribute").map(Node::text) {
            Some("item" | "numel" | "dim") => arguments == 0,
            Some("size") => arguments == 1,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
