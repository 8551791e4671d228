//! Whether a function makes the same tensor on every device.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// What becomes of a call when it is given a device.
pub(super) enum Factory {
    /// The same values.
    Safe,
    /// Values that may differ, and why.
    Unsafe(&'static str),
    /// It must stay as it is, and why.
    Leave(&'static str),
    /// No function of this kind, or arguments that do not go together with a device.
    Unfit,
}
use Factory::{Leave, Safe, Unfit, Unsafe};

/// Functions whose values differ from device to device.
const RANDOM: &[&str] = &["rand", "randn", "randint", "randperm", "normal", "multinomial", "bernoulli"];

/// Keywords that go together with a device.
const KEYWORDS: &[&str] = &["dtype", "size", "fill_value", "n", "m", "start", "end", "step", "steps", "data", "requires_grad"];

/// Whether a function of `torch` may be one that [`Factory::judge`] knows.
pub(super) fn is_factory(function: &str) -> bool {
    ["zeros", "ones", "empty", "full", "eye", "arange", "linspace", "logspace", "tensor"].contains(&function)
        || RANDOM.contains(&function)
}

impl Factory {
    /// Judges `torch.<function>(..)`.
    pub(super) fn judge<'t>(cx: &Context<'t>, call: Node<'t>, function: &str) -> Self {
        let Some(arguments) = call.child("arguments").filter(|arguments| arguments.is("argument_list")) else { return Unfit };
        let all: Vec<_> = arguments.named_children().collect();
        let keywords = || all.iter().filter(|argument| argument.is("keyword_argument"));
        let name = |keyword: &Node<'t>| keyword.child("name").map_or("", Node::text);
        if all.is_empty() || all.iter().any(|argument| argument.is("dictionary_splat")) {
            return Unfit;
        }
        if RANDOM.contains(&function) {
            return Leave("the random numbers of the host and of the device are not the same");
        }
        if keywords().any(|keyword| !KEYWORDS.contains(&name(keyword))) {
            // Have: out=, pin_memory=, device= already, layout=, generator=
            return Unfit;
        }
        let wants_gradient = |keyword: &Node<'t>| {
            name(keyword) == "requires_grad" && !keyword.child("value").is_some_and(|value| value.is("false"))
        };
        if keywords().any(wants_gradient) {
            return Leave("the copy is no leaf of the graph, the tensor that is made there would be one");
        }
        let values = || {
            let given = |argument: &Node<'t>| match name(argument) {
                "dtype" | "requires_grad" => None,
                _ if argument.is("keyword_argument") => argument.child("value"),
                _ => Some(*argument),
            };
            all.iter().filter_map(given)
        };
        match function {
            "zeros" | "ones" | "empty" | "full" | "eye" => Safe,
            "arange" if values().all(|value| is_integer(cx, value)) => Safe,
            "arange" => Unsafe("with floats, the device computes the steps in another way, and the last digit may differ"),
            "linspace" | "logspace" => Unsafe("the device computes the steps in another way, and the last digit may differ"),
            "tensor" if values().all(|value| is_literal(cx, value)) => Safe,
            _ => Unfit,
        }
    }
}

/// An integer of Python for certain.
fn is_integer<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let has_float = || {
        node.and_descendants()
            .any(|part| part.is("float") || part.is("/") || part.is("identifier") && is_float_name(part.text()))
    };
    node.is("integer") || (cx.facts().is_plain_number(node) && !has_float() && !binds_float(cx, node))
}

/// `float(x)`, `x.item()`.
fn is_float_name(name: &str) -> bool {
    ["float", "item"].contains(&name)
}

/// Whether a name in the expression is bound to something with a float in it.
fn binds_float<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let scopes = cx.facts().scopes();
    let variables = node.and_descendants().filter(|part| part.is("identifier")).filter_map(|part| scopes.variable_of(part));
    let mut values = variables.flat_map(|id| &scopes.variable(id).bindings).filter_map(|binding| binding.value);
    values.any(|value| {
        value.and_descendants().any(|part| {
            part.is("float") || part.is("/") || part.is("identifier") && (is_float_name(part.text()) || !is_called(part))
        }) && !value.is("integer")
    })
}

/// Whether an identifier stands in `len(x)`, `x.size(0)` or `x.shape[0]`, which are integers whatever x is.
fn is_called(part: Node<'_>) -> bool {
    part.ancestors().take(4).any(|around| around.is_any(&["call", "subscript"]))
}

/// Numbers, and lists of them.
fn is_literal<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let mut open = vec![node];
    while let Some(node) = open.pop().map(Node::unparenthesized) {
        match node.kind() {
            "integer" | "float" | "true" | "false" => {}
            "list" | "tuple" => open.extend(node.named_children()),
            _ if cx.facts().is_plain_number(node) => {}
            _ => return false,
        }
    }
    true
}

/// Whether a decorator compiles the function to `TorchScript`.
pub(super) fn is_scripted<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let decorated = node.ancestors().filter(|around| around.is("decorated_definition"));
    let mut decorators = decorated.flat_map(Node::named_children).filter(|child| child.is("decorator"));
    decorators.any(|decorator| {
        let name = decorator.only_child().and_then(|name| cx.facts().qualified_name(name));
        matches!(name.as_deref(), Some(["torch", "jit", ..]))
    })
}
