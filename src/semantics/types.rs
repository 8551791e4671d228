//! Evidence of what a value is.

mod annotation;
mod attribute;
mod call;
mod variable;

use std::cell::{Cell, RefCell};

use super::Facts;
use super::scope::VariableId;
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use Certainty::{Known, Likely};
pub(super) use attribute::Stores;

/// The kinds of values that transforms ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `dict`, `OrderedDict`, `Counter` ... that behaves as a plain dict when it is iterated and changed.
    Dict,
    /// `collections.defaultdict`: a read may insert.
    DefaultDict,
    /// `dict.keys()`, `.values()`, `.items()`: a live view of a [`Dict`](Self::Dict).
    DictView,
    /// `list`.
    List,
    /// `set`.
    Set,
    /// `frozenset`.
    FrozenSet,
    /// `tuple`.
    Tuple,
    /// `collections.deque`.
    Deque,
    /// `str`, `bytes`, `int`, `float`, `bool`.
    Scalar,
    /// `None`.
    None,
    /// A generator, a file, or another iterator.
    Iterator,
    /// An object of a class of this file, of a library, an array, a tensor: certainly none of the above.
    Other,
}

impl Kind {
    /// Whether it is a builtin container that can be changed in place.
    pub fn is_mutable(self) -> bool {
        matches!(self, Self::Dict | Self::DefaultDict | Self::List | Self::Set | Self::Deque)
    }
}

/// What a value is, and why we think so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'t> {
    /// What it is.
    pub kind: Kind,
    /// How sure that is.
    pub certainty: Certainty,
    /// The place that shows it: the literal, constructor or annotation.
    pub shown_by: Node<'t>,
}

impl Evidence<'_> {
    /// The same, no surer than `certainty`.
    fn at_most(mut self, certainty: Certainty) -> Self {
        self.certainty = self.certainty.min(certainty);
        self
    }
}

impl<'t> Facts<'t> {
    /// Evidence of what an expression evaluates to; `None` is "unknown".
    ///
    /// A name counts only if every binding that may reach is of the same kind; `None` as one of the bindings lowers
    /// nothing when the use would raise on None anyway. An attribute `self.x` counts only if every assignment to it in
    /// the class, and every `.x =` in the file, is of that kind. A parameter is what its annotation says (Known);
    /// also string annotations, `Optional[..]` and `X | None`.
    pub fn kind_of(&self, expression: Node<'t>) -> Option<Evidence<'t>> {
        let inquiry = Inquiry { facts: self, open: RefCell::new(Vec::new()), fuel: Cell::new(FUEL) };
        match inquiry.expression(expression, 0) {
            Answer::Is(evidence) if inquiry.fuel.get() > 0 => Some(evidence),
            _ => None,
        }
    }

    /// What a value with this annotation is; the node is the annotation, or an expression that is meant as a type.
    pub fn kind_of_annotation(&self, annotation: Node<'t>) -> Option<Evidence<'t>> {
        self.annotation(annotation)
    }
}

/// How many expressions one question may look at.
const FUEL: u32 = 1000;
/// How deep expressions, and names behind names, are followed.
const DEPTH: u32 = 20;

/// What one step of an [`Inquiry`] finds.
#[derive(Clone, Copy, Debug)]
enum Answer<'t> {
    Is(Evidence<'t>),
    /// The question came back to itself (`x = y; y = x`): no evidence, and no objection.
    Circular,
    Unknown,
}
use Answer::{Circular, Is, Unknown};

impl Answer<'_> {
    /// What a value is that is either of the two.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Is(a), Is(b)) if a.kind == b.kind => Is(a.at_most(b.certainty)),
            (Circular, other) | (other, Circular) => other,
            _ => Unknown,
        }
    }

    fn kind(self) -> Option<Kind> {
        match self {
            Is(evidence) => Some(evidence.kind),
            _ => None,
        }
    }

    fn at_most(self, certainty: Certainty) -> Self {
        match self {
            Is(evidence) => Is(evidence.at_most(certainty)),
            other => other,
        }
    }
}

impl<'t> From<Option<Evidence<'t>>> for Answer<'t> {
    fn from(evidence: Option<Evidence<'t>>) -> Self {
        evidence.map_or(Unknown, Is)
    }
}

/// What is being asked further up, so that a circle is noticed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question<'t> {
    Variable(VariableId),
    /// The class and the name of the attribute.
    Attribute(Node<'t>, &'t str),
    Function(Node<'t>),
}

/// One question of [`Facts::kind_of`]. Depth and effort are bounded, whatever the file looks like.
struct Inquiry<'f, 't> {
    facts: &'f Facts<'t>,
    open: RefCell<Vec<Question<'t>>>,
    fuel: Cell<u32>,
}

impl<'t> Inquiry<'_, 't> {
    /// Asks unless the same is being asked further up.
    fn once(&self, question: Question<'t>, ask: impl FnOnce() -> Answer<'t>) -> Answer<'t> {
        if self.open.borrow().contains(&question) {
            return Circular;
        }
        self.open.borrow_mut().push(question);
        let answer = ask();
        self.open.borrow_mut().pop();
        answer
    }

    fn expression(&self, expression: Node<'t>, depth: u32) -> Answer<'t> {
        let node = expression.unparenthesized();
        self.fuel.set(self.fuel.get().saturating_sub(1));
        if depth > DEPTH || self.fuel.get() == 0 {
            return Unknown;
        }
        let known = |kind| Is(Evidence { kind, certainty: Known, shown_by: node });
        match node.kind() {
            "dictionary" | "dictionary_comprehension" => known(Kind::Dict),
            "list" | "list_comprehension" => known(Kind::List),
            "set" | "set_comprehension" => known(Kind::Set),
            "tuple" | "expression_list" => known(Kind::Tuple),
            "generator_expression" => known(Kind::Iterator),
            "integer" | "float" | "true" | "false" | "not_operator" => known(Kind::Scalar),
            "none" => known(Kind::None),
            "lambda" | "ellipsis" => known(Kind::Other),
            "string" | "concatenated_string" => known(if is_template(node) { Kind::Other } else { Kind::Scalar }),
            "comparison_operator" => match node.children_of("operators").next() {
                // Arrays give arrays for the other operators; these four give a bool always.
                Some(operator) if operator.is_any(&["in", "not in", "is", "is not"]) => known(Kind::Scalar),
                _ => Unknown,
            },
            "unary_operator" => match node.child("argument").map(|argument| self.expression(argument, depth + 1)) {
                Some(Is(evidence)) if evidence.kind == Kind::Scalar => Is(evidence),
                _ => Unknown,
            },
            "named_expression" => node.child("value").map_or(Unknown, |value| self.expression(value, depth + 1)),
            "conditional_expression" => {
                let mut parts = node.named_children();
                let (Some(yes), Some(_), Some(no)) = (parts.next(), parts.next(), parts.next()) else { return Unknown };
                self.either(yes, no, depth)
            }
            "boolean_operator" => self.boolean(node, depth),
            "binary_operator" => self.binary(node, depth),
            "call" => self.call(node, depth),
            "subscript" => self.subscript(node, depth),
            "attribute" => self.attribute(node, depth),
            "identifier" => self.name(node, depth),
            _ => Unknown,
        }
    }

    /// One or the other. `x if x else {}` is probably a dict, whatever else is known of `x`.
    fn either(&self, a: Node<'t>, b: Node<'t>, depth: u32) -> Answer<'t> {
        alternatives((a, self.expression(a, depth + 1)), (b, self.expression(b, depth + 1)))
    }

    fn boolean(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let (Some(left), Some(right)) = (node.child("left"), node.child("right")) else { return Unknown };
        let is_or = node.child("operator").is_some_and(|operator| operator.is("or"));
        let first = self.expression(left, depth + 1);
        let second = self.expression(right, depth + 1);
        match first.kind() {
            // `None or x` is x.
            Some(Kind::None) if is_or => second,
            _ if is_or => alternatives((left, first), (right, second)),
            _ => first.or(second),
        }
    }

    fn binary(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let (Some(left), Some(right), Some(operator)) = (node.child("left"), node.child("right"), node.child("operator"))
        else {
            return Unknown;
        };
        let left = self.expression(left, depth + 1);
        // `"%s" % x` is a text whatever x is.
        if operator.is("%") && left.kind() == Some(Kind::Scalar) && node.child("left").is_some_and(|left| left.is("string")) {
            return left;
        }
        let right = self.expression(right, depth + 1);
        let result = |a: Evidence<'t>, kind, certainty| Is(Evidence { kind, certainty, shown_by: a.shown_by });
        match (left, operator.kind(), right) {
            (Circular, _, other @ Is(_)) | (other @ Is(_), _, Circular) => other,
            (Is(a), operator, Is(b)) => {
                let certainty = a.certainty.min(b.certainty);
                match (a.kind, operator, b.kind) {
                    (Kind::Scalar, _, Kind::Scalar) => result(a, Kind::Scalar, certainty),
                    (Kind::List, "+", Kind::List) | (Kind::List, "*", Kind::Scalar) => result(a, Kind::List, certainty),
                    (Kind::Tuple, "+", Kind::Tuple) | (Kind::Tuple, "*", Kind::Scalar) => result(a, Kind::Tuple, certainty),
                    (Kind::Scalar, "*", Kind::List | Kind::Tuple) => result(b, b.kind, certainty),
                    (Kind::Dict, "|", Kind::Dict) | (Kind::DefaultDict, "|", Kind::DefaultDict) => result(a, a.kind, certainty),
                    (Kind::Set | Kind::DictView, "|" | "&" | "-" | "^", Kind::Set | Kind::FrozenSet | Kind::DictView) => {
                        result(a, Kind::Set, certainty)
                    }
                    (Kind::FrozenSet, "|" | "&" | "-" | "^", Kind::FrozenSet) => result(a, Kind::FrozenSet, certainty),
                    _ => Unknown,
                }
            }
            // An array on the right would win.
            (Is(a), "+" | "*", Unknown) if a.kind == Kind::List => result(a, Kind::List, Likely),
            (Is(a), "|" | "&" | "-" | "^", Unknown) if a.kind == Kind::Set => result(a, Kind::Set, Likely),
            _ => Unknown,
        }
    }

    /// A slice of a list is a list; what an index gives is not known.
    fn subscript(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let mut subscripts = node.children_of("subscript");
        let is_slice = subscripts.next().is_some_and(|subscript| subscript.is("slice")) && subscripts.next().is_none();
        let Some(value) = node.child("value").filter(|_| is_slice) else { return Unknown };
        match self.expression(value, depth + 1) {
            Is(evidence) if matches!(evidence.kind, Kind::List | Kind::Tuple | Kind::Scalar) => Is(evidence),
            Circular => Circular,
            _ => Unknown,
        }
    }
}

/// What `a` or `b` is, given what each is alone.
fn alternatives<'t>((a, first): (Node<'t>, Answer<'t>), (b, second): (Node<'t>, Answer<'t>)) -> Answer<'t> {
    let is_place = |node: Node<'t>| node.unparenthesized().is_any(&["identifier", "attribute"]);
    match (first, second) {
        (Unknown, Is(fresh)) if is_place(a) && is_fresh_container(b) => Is(fresh.at_most(Likely)),
        (Is(fresh), Unknown) if is_place(b) && is_fresh_container(a) => Is(fresh.at_most(Likely)),
        _ => first.or(second),
    }
}

/// Whether a string is a template (`t".."`, PEP 750), which is an object of its own.
fn is_template(node: Node<'_>) -> bool {
    let first = if node.is("concatenated_string") { node.named_children().next() } else { Some(node) };
    let prefix = first.and_then(|string| string.child_of_kind("string_start")).map_or("", Node::text);
    prefix.contains(['t', 'T'])
}

/// `[]`, `{}`, `list()`, `dict()`, `set()`, and displays with something in them.
fn is_fresh_container(node: Node<'_>) -> bool {
    let node = node.unparenthesized();
    let is_constructor = |function: Node<'_>| ["list", "dict", "set"].contains(&function.text());
    node.is_any(&["list", "dictionary", "set"]) || (node.is("call") && node.child("function").is_some_and(is_constructor))
}

#[cfg(test)]
mod tests;
