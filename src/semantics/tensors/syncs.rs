//! What makes the host wait for the value of a tensor.

use super::calls::{keyword, positional};
use super::{Element, Inquiry, Tensor};
use crate::engine::finding::Certainty::Known;
use crate::engine::syntax::Node;
use crate::semantics::Facts;

/// A place where the program asks for the value of a tensor.
#[derive(Clone, Copy, Debug)]
pub struct Sync<'t> {
    /// The expression that waits: `loss.item()`, `float(loss)`, `out.cpu()`.
    pub node: Node<'t>,
    /// The tensor: `loss`.
    pub value: Node<'t>,
    /// What is known of it.
    pub tensor: Tensor<'t>,
    /// What for.
    pub asks: Asks,
}

/// What is asked of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// `t.item()`.
    Item,
    /// `float(t)`, `int(t)`, `bool(t)`.
    Number,
    /// `t.cpu()`, `t.to("cpu")`.
    Copy,
    /// `t.tolist()`.
    List,
}

/// What waits although nothing in its name says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implies {
    /// `if t > 0`, `assert t.all()`: the truth of a tensor.
    Truth,
    /// `print(t)`, `f"{t}"`, `set_postfix(loss=t)`: its text.
    Text,
    /// `x[mask]`, `t.nonzero()`, `t.unique()`: how many elements there are depends on the values.
    Size,
    /// `max(a, b)`, `sorted(tensors)`: which is the largest.
    Order,
    /// `range(t)`, `math.isnan(t)`: a number.
    Number,
    /// `torch.equal(a, b)`, `torch.allclose(a, b)`: a bool of Python.
    Equality,
}

/// Methods that format what they are given, under these names or at these positions.
const SHOWING: &[&str] = &["set_postfix", "add_scalar"];
/// Methods of loggers.
const LOGGING: &[&str] = &["debug", "info", "warning", "error", "critical", "log"];

impl<'t> Facts<'t> {
    /// The tensor whose value a call asks for: `t.item()`, `float(t)`, `t.cpu()`, `t.to("cpu")`, `t.tolist()`.
    ///
    /// `t.numpy()` is none: it needs a tensor that is on the host already.
    pub fn sync(&self, call: Node<'t>) -> Option<Sync<'t>> {
        let function = call.child("function").filter(|_| call.is("call"))?;
        let arguments = call.child("arguments").filter(|arguments| arguments.is("argument_list"))?;
        let is_bare = arguments.named_children().next().is_none();
        let (value, asks) = match (function.child("object"), function.child("attribute").map(Node::text)) {
            (Some(value), Some("item")) if is_bare => (value, Asks::Item),
            (Some(value), Some("tolist")) if is_bare => (value, Asks::List),
            (Some(value), Some("cpu")) if is_bare => (value, Asks::Copy),
            (Some(value), Some("to")) => {
                let to = keyword(call, "device").or_else(|| positional(call).next())?;
                let goes_on = keyword(call, "non_blocking").is_some_and(|value| !value.is("false"));
                (!goes_on && self.is_host_device(to)).then_some((value, Asks::Copy))?
            }
            (None, None) => {
                let only = arguments.only_child().filter(|only| !only.is_any(&["keyword_argument", "list_splat"]))?;
                matches!(self.called_name(call)?[..], ["builtins", "float" | "int" | "bool"]).then_some((only, Asks::Number))?
            }
            _ => return None,
        };
        let tensor = self.tensor(value)?;
        // Of several values, one may be a number as well.
        let is_tensor = tensor.single || asks != Asks::Number;
        is_tensor.then_some(Sync { node: call, value, tensor, asks })
    }

    /// The tensor whose value an expression needs although it does not say so.
    ///
    /// Of a condition, ask for each operand of `and`, `or` and `not`; of an f-string, for each replacement field.
    pub fn implicit_sync(&self, node: Node<'t>) -> Option<(Node<'t>, Tensor<'t>, Implies)> {
        match node.kind() {
            "call" => self.implied_by_call(node),
            "interpolation" => {
                let value = node.child("expression").or_else(|| node.named_children().next())?;
                self.single(value).map(|tensor| (value, tensor, Implies::Text))
            }
            "subscript" => self.masked(node),
            "binary_operator" => {
                let text = node.child("left").filter(|left| left.is("string"))?;
                let right = node.child("right").filter(|_| node.child("operator").is_some_and(|operator| operator.is("%")))?;
                let values = if right.is("tuple") { right.named_children().collect() } else { vec![right] };
                let shown = values.into_iter().find_map(|value| Some((value, self.single(value)?)));
                shown.filter(|_| text.text().contains('%')).map(|(value, tensor)| (value, tensor, Implies::Text))
            }
            _ => None,
        }
    }

    /// A tensor whose truth is asked for: an operand of a condition that is no `and`, `or` or `not` itself.
    pub fn tested(&self, operand: Node<'t>) -> Option<(Node<'t>, Tensor<'t>, Implies)> {
        let node = operand.unparenthesized();
        let tensor = self.single(node)?;
        // A name may be None, a number or a list at times; a comparison or `.any()` is a tensor when its operand is.
        let is_computed = node.is_any(&["comparison_operator", "binary_operator", "unary_operator"])
            || (node.is("call") && tensor.element == Element::Bool);
        (is_computed || tensor.certainty == Known).then_some((node, tensor, Implies::Truth))
    }

    fn single(&self, expression: Node<'t>) -> Option<Tensor<'t>> {
        self.tensor(expression).filter(|tensor| tensor.single)
    }

    fn implied_by_call(&self, call: Node<'t>) -> Option<(Node<'t>, Tensor<'t>, Implies)> {
        let function = call.child("function")?;
        let given = |implies| {
            let mut arguments = positional(call).filter(|argument| !argument.is("list_splat"));
            arguments.find_map(|argument| Some((argument, self.single(argument)?, implies)))
        };
        if let Some(name) = self.qualified_name(function) {
            let count = positional(call).count();
            return match name[..] {
                ["builtins", "print" | "str" | "repr" | "format"] => given(Implies::Text),
                ["builtins", "max" | "min" | "sorted"] if count == 1 => {
                    let list = positional(call).next()?;
                    self.element_of(list).map(|tensor| (list, tensor, Implies::Order))
                }
                ["builtins", "max" | "min"] => given(Implies::Order),
                ["builtins", "range"] | ["math", "isnan" | "isinf" | "isfinite" | "exp" | "log" | "sqrt"] => {
                    given(Implies::Number)
                }
                ["torch", "equal" | "allclose" | "is_nonzero"] => given(Implies::Equality),
                ["torch", "nonzero" | "argwhere" | "unique" | "unique_consecutive" | "masked_select"] => given(Implies::Size),
                ["torch", "where"] if count == 1 => given(Implies::Size),
                ["logging", method] if LOGGING.contains(&method) => given(Implies::Text),
                _ => None,
            };
        }
        let (object, method) = (function.child("object")?, function.child("attribute")?.text());
        match method {
            "nonzero" | "unique" | "unique_consecutive" | "masked_select" | "argwhere" => {
                self.single(object).map(|tensor| (object, tensor, Implies::Size))
            }
            "equal" | "allclose" => self.single(object).map(|tensor| (object, tensor, Implies::Equality)),
            _ if LOGGING.contains(&method) && object.text().to_lowercase().contains("log") => given(Implies::Text),
            "format" if object.is("string") => given(Implies::Text).or_else(|| self.keyword_shown(call)),
            _ if SHOWING.contains(&method) => given(Implies::Text).or_else(|| self.keyword_shown(call)),
            _ => None,
        }
    }

    /// `loss` of `set_postfix(loss=loss)`.
    fn keyword_shown(&self, call: Node<'t>) -> Option<(Node<'t>, Tensor<'t>, Implies)> {
        let mut keywords = call.child("arguments")?.named_children().filter(|argument| argument.is("keyword_argument"));
        keywords.find_map(|keyword| {
            let value = keyword.child("value")?;
            Some((value, self.single(value)?, Implies::Text))
        })
    }

    /// `x[mask]` as a value; to store under a mask needs no size.
    fn masked(&self, node: Node<'t>) -> Option<(Node<'t>, Tensor<'t>, Implies)> {
        let is_stored = node.field() == Some("left")
            || node.parent().is_some_and(|parent| parent.is_any(&["pattern_list", "delete_statement"]));
        if is_stored {
            return None;
        }
        let mask = node.children_of("subscript").find_map(|key| {
            let is_name = key.unparenthesized().is_any(&[
                "identifier",
                "comparison_operator",
                "unary_operator",
                "binary_operator",
                "call",
            ]);
            let tensor = is_name.then(|| self.single(key)).flatten()?;
            (tensor.element == Element::Bool && tensor.rank != Some(0)).then_some((key, tensor))
        })?;
        self.single(node.child("value")?)?;
        Some((mask.0, mask.1, Implies::Size))
    }

    /// What each element of a list is, where it is a list of tensors.
    pub fn element_of(&self, list: Node<'t>) -> Option<Tensor<'t>> {
        let inquiry = Inquiry::new(self);
        match inquiry.element_of(list, 0)? {
            super::Answer::Is(tensor) if inquiry.has_fuel() => Some(tensor),
            _ => None,
        }
    }
}
