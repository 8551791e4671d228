//! What a default is made of: whether it can change, and whether it can be created later with the same value.

use std::ops::Range;

use super::parameter::Parameter;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::scope::{BindingKind, Resolution};

/// What a default is.
pub(super) enum Default {
    /// Nothing that can change, as far as can be seen.
    Plain,
    /// A mutable object that the body can create as well.
    Made(Made),
    /// A mutable object that would be another one if the body created it.
    Bound {
        /// Why it would.
        because: String,
        /// Whether it matters even to a function that only reads it, as with every display, iterator or file.
        certain: bool,
    },
    /// An object that has a name or a class of its own; suspect only if the function changes it or hands it on.
    Object {
        /// What it is: "one `Config` object".
        what: String,
    },
}

/// A mutable object that the body can create as well.
pub(super) struct Made {
    /// `list`, `dict`, `tensor` ...
    pub(super) what: &'static str,
    /// Why creating it later is a little different, and the place that shows it.
    pub(super) reservation: Option<(String, Range<usize>)>,
    /// Whether nothing is in it.
    pub(super) is_empty: bool,
    /// How many values are written in it.
    pub(super) size: usize,
    /// Whether it is of a kind that is made to be shared or counted with.
    pub(super) is_stateful: bool,
}

/// Builtin types and functions that give the same value whenever they are called with the same literals.
const PURE: &[&str] = &[
    "list",
    "dict",
    "set",
    "frozenset",
    "tuple",
    "bytearray",
    "bytes",
    "range",
    "str",
    "int",
    "float",
    "complex",
    "bool",
    "len",
    "zip",
    "enumerate",
    "sorted",
    "reversed",
    "min",
    "max",
    "sum",
    "abs",
    "round",
    "slice",
];

/// Constructors of arrays whose value is given by their arguments and by global settings.
const ARRAYS: &[&str] = &["zeros", "ones", "full", "empty", "eye", "arange", "tensor", "array"];

/// Reads the default of a parameter.
pub(super) fn read<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Default {
    let value = parameter.value.unparenthesized();
    match mutable(cx, value) {
        Some(Mutable::Display(what)) => match closed(cx, parameter) {
            Ok(reservation) => Default::Made(made(cx, value, what, reservation)),
            Err(because) => Default::Bound { because, certain: true },
        },
        Some(Mutable::Bound(because)) => Default::Bound { because, certain: false },
        Some(Mutable::Consumed(because)) => Default::Bound { because, certain: true },
        Some(Mutable::Object(what)) => Default::Object { what },
        None => Default::Plain,
    }
}

fn made<'t>(cx: &Context<'t>, value: Node<'t>, what: &'static str, reservation: Option<(String, Range<usize>)>) -> Made {
    let is_empty = match value.kind() {
        "call" => value.child("arguments").is_some_and(|arguments| arguments.named_children().next().is_none()),
        "list" | "dictionary" | "tuple" => value.named_children().next().is_none(),
        _ => false,
    };
    let name = value.is("call").then(|| cx.facts().called_name(value)).flatten();
    let bounded = || {
        let arguments = value.child("arguments");
        arguments.into_iter().flat_map(Node::named_children).any(|argument| argument.text().starts_with("maxlen"))
    };
    let is_stateful = match name.as_deref() {
        Some(["collections", "deque"]) => bounded(),
        Some(["queue", _]) => true,
        _ => false,
    };
    Made { what, reservation, is_empty, size: size(value), is_stateful }
}

/// How many values are written: literals and names.
fn size(value: Node<'_>) -> usize {
    let leaves = value.walk(|node| node.is("string"));
    leaves.filter(|node| node.is_any(&["string", "integer", "float", "identifier", "true", "false", "none"])).count()
}

enum Mutable {
    /// A display, a comprehension, or a call of a known constructor.
    Display(&'static str),
    /// A fresh object that a later call would make otherwise.
    Bound(String),
    /// An object that reading changes.
    Consumed(String),
    /// An object that has a name or a class of its own.
    Object(String),
}

/// Whether the value of an expression can change. Sums and tuples are looked into, with a stack of our own.
fn mutable<'t>(cx: &Context<'t>, value: Node<'t>) -> Option<Mutable> {
    let mut open = vec![value];
    let mut depth_first = None;
    while let Some(node) = open.pop() {
        let node = node.unparenthesized();
        let found = match node.kind() {
            "list" | "list_comprehension" => Some(Mutable::Display("list")),
            "dictionary" | "dictionary_comprehension" => Some(Mutable::Display("dict")),
            "set" | "set_comprehension" => Some(Mutable::Display("set")),
            "generator_expression" => {
                Some(Mutable::Consumed("a generator is used up by the call that reads it first".to_string()))
            }
            "call" => called(cx, node),
            "identifier" | "attribute" => named(cx, node),
            "subscript" => {
                node.child("value").and_then(|value| named(cx, value)).filter(|part| matches!(part, Mutable::Bound(_)))
            }
            "named_expression" => {
                open.extend(node.child("value"));
                None
            }
            "tuple" => {
                open.extend(node.named_children());
                None
            }
            "conditional_expression" => {
                open.extend(node.named_children().enumerate().filter(|(index, _)| *index != 1).map(|(_, arm)| arm));
                None
            }
            "binary_operator" => {
                // The operands of `+`, `*` and `|`: the result is as new, and as mutable, as they are.
                let joins = node.child("operator").is_some_and(|operator| operator.is_any(&["+", "*", "|"]));
                open.extend(joins.then(|| [node.child("left"), node.child("right")]).into_iter().flatten().flatten());
                None
            }
            _ => None,
        };
        match found {
            Some(Mutable::Display(what)) => {
                let what = if value.is("tuple") { "tuple of mutable objects" } else { what };
                return Some(Mutable::Display(what));
            }
            // A name inside a tuple or a sum is no evidence of anything.
            Some(found) if node == value => depth_first = Some(found),
            _ => {}
        }
    }
    depth_first
}

/// What a call makes.
fn called<'t>(cx: &Context<'t>, call: Node<'t>) -> Option<Mutable> {
    let function = call.child("function")?;
    let bound = |what: &str| Some(Mutable::Bound(what.to_string()));
    let consumed = |what: &str| Some(Mutable::Consumed(what.to_string()));
    if let Some(name) = cx.facts().qualified_name(function) {
        let text = function.text();
        return match name.as_slice() {
            ["builtins", "list"] => Some(Mutable::Display("list")),
            ["builtins", "dict"] => Some(Mutable::Display("dict")),
            ["builtins", "set"] => Some(Mutable::Display("set")),
            ["builtins", "bytearray"] => Some(Mutable::Display("bytearray")),
            ["collections", "deque"] => Some(Mutable::Display("deque")),
            ["collections", "defaultdict"] => Some(Mutable::Display("defaultdict")),
            ["collections", "OrderedDict"] => Some(Mutable::Display("OrderedDict")),
            ["collections", "Counter"] => Some(Mutable::Display("Counter")),
            ["collections", "ChainMap" | "UserDict" | "UserList"] => Some(Mutable::Display("collection")),
            ["array", "array"] => Some(Mutable::Display("array")),
            ["queue", "Queue" | "LifoQueue" | "PriorityQueue" | "SimpleQueue"] => Some(Mutable::Display("queue")),
            ["numpy", maker] if ARRAYS.contains(maker) => Some(Mutable::Display("array")),
            ["torch", maker] if ARRAYS.contains(maker) => Some(Mutable::Display("tensor")),
            ["builtins", "iter" | "map" | "filter" | "zip" | "enumerate" | "reversed"] | ["itertools", ..] => {
                consumed("an iterator is used up by the calls that read it first")
            }
            ["builtins" | "io", "open"] => consumed("the file would be opened again by every call"),
            ["random", "Random"]
            | ["torch", "Generator"]
            | ["numpy", "random", "default_rng" | "RandomState" | "Generator"] => {
                consumed("a random generator of the function's own goes on from call to call, and that may be meant")
            }
            ["numpy", "random", ..] | ["torch", "rand" | "randn" | "randint" | "randperm" | "normal" | "bernoulli"] => {
                Some(Mutable::Bound(format!("`{text}` would give other numbers in every call")))
            }
            ["os", "environ", "copy"] => bound("the environment would be read at every call instead of at import"),
            ["builtins", "dict", "fromkeys"] => {
                bound("a dict made by `dict.fromkeys` is created once, and not by literals alone")
            }
            ["copy", "copy" | "deepcopy"] => bound("the copy would be made at every call instead of at import"),
            ["types", "SimpleNamespace"] | ["argparse", "Namespace"] | ["torch", "nn", ..] => {
                Some(Mutable::Object(format!("one `{text}` object")))
            }
            _ => None,
        };
    }
    match function.kind() {
        "attribute" => {
            let method = function.child("attribute")?.text();
            let lists = ["copy", "split", "rsplit", "splitlines", "fromkeys", "tolist"];
            lists
                .contains(&method)
                .then(|| Mutable::Bound(format!("`.{method}()` would be called by every call of the function")))
        }
        "identifier" => {
            let id = cx.facts().scopes().variable_of(function)?;
            let variable = cx.facts().scopes().variable(id);
            let [binding] = variable.bindings.as_slice() else { return None };
            let class = binding.node.parent().filter(|_| binding.kind == BindingKind::Class)?;
            let bases = class.child("superclasses").map(Node::text).unwrap_or_default();
            let frozen = ["NamedTuple", "Enum", "Flag", "frozen=True"];
            let around = class.parent().map(Node::text).unwrap_or_default();
            let header = around.split("class ").next().unwrap_or_default();
            let is_value = frozen.iter().any(|word| bases.contains(word) || header.contains(word));
            (!is_value).then(|| Mutable::Object(format!("one `{}` object", variable.name)))
        }
        _ => None,
    }
}

/// What a name stands for, when that is a mutable object of the module or of the interpreter.
fn named<'t>(cx: &Context<'t>, name: Node<'t>) -> Option<Mutable> {
    if let Some(qualified) = cx.facts().qualified_name(name) {
        return match qualified.as_slice() {
            ["sys", "argv"] => {
                Some(Mutable::Bound("the command line would be read at every call instead of at import".to_string()))
            }
            ["os", "environ"] => {
                Some(Mutable::Bound("the environment would be read at every call instead of at import".to_string()))
            }
            _ => None,
        };
    }
    let id = name.is("identifier").then(|| cx.facts().scopes().variable_of(name)).flatten()?;
    let variable = cx.facts().scopes().variable(id);
    // A local name as a default is how a nested function keeps the value that the name has now.
    if !cx.facts().scopes().definition(variable.scope).is("module") {
        return None;
    }
    let mut values = variable.bindings.iter().filter_map(|binding| binding.value);
    let (first, None) = (values.next()?, values.next()) else { return None };
    let display = ["list", "dictionary", "set", "list_comprehension", "dictionary_comprehension", "set_comprehension"];
    first.is_any(&display).then(|| Mutable::Object(format!("`{}`, one object of the module", variable.name)))
}

/// Whether the body can create the same value: only literals, constructors, and names that mean the same there. The
/// answer is a reservation and its place, if there is one; the error says what would differ.
fn closed<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Result<Option<(String, Range<usize>)>, String> {
    let mut reservation = None;
    for node in parameter.value.and_descendants() {
        match node.kind() {
            "identifier" if is_name(node) => {
                if let Some(found) = same_in_body(cx, parameter, node)? {
                    reservation.get_or_insert((found, node.range()));
                }
            }
            "attribute" => {
                // Have: the outermost attribute of a chain; its inner parts are judged with it.
                let outermost = !node.parent().is_some_and(|parent| parent.is("attribute"));
                let called = node.field() == Some("function") && node.parent().is_some_and(|parent| parent.is("call"));
                if outermost
                    && !called
                    && let Some(found) = attribute(cx, node)?
                {
                    reservation.get_or_insert((found, node.range()));
                }
            }
            "call" => {
                if let Some(found) = call(cx, node)? {
                    reservation.get_or_insert((found, node.range()));
                }
            }
            "subscript" => return Err(format!("`{}` would be read at every call", node.text())),
            "named_expression" => return Err("the default also binds a name where the function is defined".to_string()),
            "await" | "yield" => return Err("the default waits for something where the function is defined".to_string()),
            "ERROR" => return Err("the default is not Python".to_string()),
            _ => {}
        }
    }
    Ok(reservation)
}

/// Whether an identifier is a name, and no attribute, keyword of a call, or part of a longer chain's tail.
fn is_name(identifier: Node<'_>) -> bool {
    let Some(parent) = identifier.parent() else { return false };
    !(parent.is("attribute") && identifier.field() == Some("attribute")
        || parent.is("keyword_argument") && identifier.field() == Some("name"))
}

/// Whether a name in the default would mean the same in the body.
fn same_in_body<'t>(cx: &Context<'t>, parameter: &Parameter<'t>, name: Node<'t>) -> Result<Option<String>, String> {
    let scopes = cx.facts().scopes();
    let text = name.text();
    let here = scopes.resolve(name);
    if let Resolution::Variable(id) = here
        && parameter.value.contains(scopes.definition(scopes.variable(id).scope))
    {
        // A variable of a comprehension or lambda inside the default.
        return Ok(None);
    }
    let inside = scopes.scope_opened_by(parameter.function).map(|scope| scopes.lookup(text, scope));
    if inside != Some(here) {
        return Err(format!("`{text}` is another name inside the function than where the default is evaluated"));
    }
    let declared = parameter.function.descendants().any(|node| {
        node.is_any(&["global_statement", "nonlocal_statement"]) && node.named_children().any(|child| child.text() == text)
    });
    if declared {
        return Err(format!("the body declares `{text}` global, which must come before its use"));
    }
    let in_lambda = name.ancestors().take_while(|around| parameter.value.contains(*around)).any(|around| around.is("lambda"));
    match here {
        // Whatever the `def` has looked up exists; a lambda looks its names up later.
        Resolution::Builtin if !in_lambda || PURE.contains(&text) => Ok(None),
        Resolution::Builtin | Resolution::Unknown => Err(format!("it cannot be told what `{text}` is")),
        Resolution::Variable(id) => {
            let variable = scopes.variable(id);
            if !scopes.definition(variable.scope).is("module") {
                return Err(format!("`{text}` belongs to the function around it and may have changed by the time of a call"));
            }
            let [binding] = variable.bindings.as_slice() else {
                return Err(format!("`{text}` is bound more than once, so that a later call may find another value"));
            };
            let in_loop = binding.node.ancestors().any(|around| around.is_any(&["for_statement", "while_statement"]));
            if in_lambda {
                return Err(format!("the lambda in the default would look for `{text}` inside the function"));
            }
            match binding.kind {
                BindingKind::Import | BindingKind::FromImport => {
                    Ok(import_reservation(cx, name).then(|| format!("`{text}` is looked up at every call")))
                }
                BindingKind::Assignment | BindingKind::Annotated | BindingKind::Function | BindingKind::Class if !in_loop => {
                    Ok(Some(format!("`{text}` is looked up at every call, and the module may have changed it")))
                }
                _ => Err(format!("`{text}` may have another value by the time of a call")),
            }
        }
    }
}

/// An imported name that is only the stem of a constructor is none that anybody would replace.
fn import_reservation<'t>(cx: &Context<'t>, name: Node<'t>) -> bool {
    let chain = name.and_ancestors().take_while(|node| *node == name || node.is("attribute")).last().unwrap_or(name);
    let called = chain.field() == Some("function") && chain.parent().is_some_and(|parent| parent.is("call"));
    let constructor = cx.facts().qualified_name(chain).is_some_and(|name| matches!(name.as_slice(), ["collections", ..]));
    !(called || constructor)
}

/// An attribute that is no part of a call's function.
fn attribute<'t>(cx: &Context<'t>, attribute: Node<'t>) -> Result<Option<String>, String> {
    let text = attribute.text();
    match cx.facts().qualified_name(attribute).as_deref() {
        Some(["sys", "argv", ..] | ["os", "environ", ..]) | None => Err(format!("`{text}` would be read at every call")),
        Some(["builtins" | "collections", ..]) => Ok(None),
        Some(_) => Ok(Some(format!("`{text}` is looked up at every call"))),
    }
}

fn call<'t>(cx: &Context<'t>, call: Node<'t>) -> Result<Option<String>, String> {
    let text = call.child("function").map(Node::text).unwrap_or_default();
    match cx.facts().called_name(call).as_deref() {
        Some(["builtins", name]) if PURE.contains(name) => Ok(None),
        Some(["collections", _]) => Ok(None),
        Some(["array", "array"] | ["queue", _]) => Ok(Some(format!("`{text}` is looked up at every call"))),
        Some(["numpy" | "torch", maker]) if ARRAYS.contains(maker) => {
            let trainable = call.child("arguments").into_iter().flat_map(Node::named_children).any(|argument| {
                argument.child("name").is_some_and(|name| name.text() == "requires_grad")
                    && argument.child("value").is_some_and(|value| !value.is("false"))
            });
            if trainable {
                return Err(format!("`{text}` makes a trainable tensor, whose gradient accumulates from call to call"));
            }
            Ok(Some(format!(
                "`{text}` would be paid for at every call, with the data type, device and gradient mode of that moment"
            )))
        }
        _ => Err(format!("`{text}()` would be called by every call of the function, and may give something else")),
    }
}
