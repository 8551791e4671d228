//! How an annotation comes to admit None.

use super::parameter::Parameter;
use crate::engine::edit::Edit;
use crate::engine::imports::Import;
use crate::engine::syntax::{Node, Tree};
use crate::engine::transform::Context;
use crate::semantics::scope::{BindingKind, Resolution};

/// Builtin types, which may be written without capital.
const BUILTIN: &[&str] = &[
    "list",
    "dict",
    "set",
    "frozenset",
    "tuple",
    "bytearray",
    "bytes",
    "str",
    "int",
    "float",
    "complex",
    "bool",
    "type",
    "object",
    "memoryview",
    "range",
    "slice",
];

/// Whether the annotation of a parameter says that None may be passed.
pub(super) fn admits_none(annotation: Node<'_>) -> bool {
    admits(annotation, true)
}

/// The edits after which the annotation admits None, and the import that they need. Nothing where it does so already, and
/// nothing where what stands there is not certainly a type: `[int] | None` raises when the `def` runs. `None` when the
/// needed name cannot be imported.
pub(super) fn widen<'t>(cx: &Context<'t>, parameter: &Parameter<'t>, scripted: bool) -> Option<(Vec<Edit>, Vec<Import>)> {
    let unchanged = Some((Vec::new(), Vec::new()));
    let Some(annotation) = parameter.annotation.map(bare) else { return unchanged };
    let target = innermost(annotation);
    if admits_none(annotation) || !is_type(target, &|name| names_type(cx, name)) {
        return unchanged;
    }
    if target.is("string") {
        let quote = target.child_of_kind("string_end").map_or(target.end(), Node::start);
        return Some((vec![Edit::insert(quote, " | None")], Vec::new()));
    }
    let union = Some((vec![Edit::insert(target.end(), " | None")], Vec::new()));
    if !scripted && operands(target).len() > 1 {
        return union;
    }
    let is_free = cx.target.has_union_operator() && !scripted;
    if is_free && !prefers_optional(cx) {
        return union;
    }
    let Some(optional) = cx.import("typing", "Optional", parameter.function) else {
        return if is_free { union } else { None };
    };
    let edits = vec![Edit::insert(target.start(), format!("{}[", optional.spelled)), Edit::insert(target.end(), "]")];
    Some((edits, optional.import.into_iter().collect()))
}

/// Whether the file writes `Optional[..]` wherever it says so, and `.. | None` nowhere.
fn prefers_optional(cx: &Context<'_>) -> bool {
    let mut generics = cx.tree.of_kind("generic_type").chain(cx.tree.of_kind("subscript"));
    let is_in_union = |none: Node<'_>| none.ancestors().find(|around| !around.is("type")).is_some_and(is_union);
    generics.any(|node| generic(node).is_some_and(|(head, _)| last_segment(head) == "Optional"))
        && !cx.tree.of_kind("none").any(is_in_union)
}

fn is_union(node: Node<'_>) -> bool {
    node.is("union_type") || node.is("binary_operator") && node.child("operator").is_some_and(|operator| operator.is("|"))
}

/// Without the grammar's wrapper around every type.
fn bare(mut node: Node<'_>) -> Node<'_> {
    while node.is("type") {
        match node.only_child() {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}

/// The part that says what the value is: inside `Annotated[.., metadata]`, whose metadata must stay outermost.
fn innermost(mut annotation: Node<'_>) -> Node<'_> {
    while let Some((head, arguments)) = generic(annotation)
        && last_segment(head) == "Annotated"
        && let Some(first) = arguments.first()
    {
        annotation = bare(*first);
    }
    annotation
}

/// The head and the arguments of `list[int]`, `t.List[int]`.
fn generic(node: Node<'_>) -> Option<(Node<'_>, Vec<Node<'_>>)> {
    match node.kind() {
        "generic_type" => {
            let arguments = node.child_of_kind("type_parameter")?.named_children().map(bare).collect();
            Some((node.named_children().next()?, arguments))
        }
        "subscript" => Some((node.child("value")?, node.children_of("subscript").map(bare).collect())),
        _ => None,
    }
}

/// The members of `A | B | C`; of anything else, itself.
fn operands(node: Node<'_>) -> Vec<Node<'_>> {
    let mut open = vec![node];
    let mut found = Vec::new();
    while let Some(node) = open.pop().map(bare) {
        if is_union(node) {
            open.extend(node.named_children());
        } else {
            found.push(node);
        }
    }
    found
}

fn last_segment(head: Node<'_>) -> &str {
    head.child("attribute").unwrap_or(head).text()
}

fn admits(annotation: Node<'_>, look_into_strings: bool) -> bool {
    let mut open = operands(annotation);
    while let Some(node) = open.pop() {
        match node.kind() {
            "none" => return true,
            "identifier" | "attribute" if ["Any", "object", "Optional"].contains(&last_segment(node)) => return true,
            "string" if look_into_strings => {
                if quoted(node).is_some_and(|tree| expression(&tree).is_some_and(|inner| admits(inner, false))) {
                    return true;
                }
            }
            _ => {
                let Some((head, arguments)) = generic(node) else { continue };
                match last_segment(head) {
                    "Optional" => return true,
                    "Union" => open.extend(arguments.into_iter().flat_map(operands)),
                    "Annotated" => open.extend(arguments.into_iter().take(1).flat_map(operands)),
                    _ => {}
                }
            }
        }
    }
    false
}

/// Whether an annotation is a type by evidence; `is_name` judges names.
fn is_type<'t>(annotation: Node<'t>, is_name: &dyn Fn(Node<'t>) -> bool) -> bool {
    let members = operands(annotation);
    let strings = members.iter().filter(|member| member.is("string")).count();
    let alone = members.len() == 1;
    // `"A" | None` adds a string to None: only a string that stands alone is changed, inside its quotes.
    (alone || strings == 0)
        && members.iter().all(|member| match member.kind() {
            "none" => !alone,
            "string" => {
                quoted(*member).is_some_and(|tree| expression(&tree).is_some_and(|inner| is_type(inner, &looks_like_type)))
            }
            "identifier" | "attribute" => is_name(*member),
            _ => generic(*member).is_some_and(|(head, _)| is_name(head)),
        })
}

/// A name that looks like a type where nothing else is known: inside quotes.
fn looks_like_type(name: Node<'_>) -> bool {
    let last = last_segment(name);
    last.starts_with(char::is_uppercase) || last == "ndarray" || name.is("identifier") && BUILTIN.contains(&last)
}

/// A builtin type, an imported name with a capital, a class of the file, or an alias that the file makes of a type.
fn names_type<'t>(cx: &Context<'t>, name: Node<'t>) -> bool {
    if let Some(qualified) = cx.facts().qualified_name(name) {
        return match qualified.as_slice() {
            ["builtins", builtin] => BUILTIN.contains(builtin),
            ["numpy", "ndarray"] => true,
            _ => last_segment(name).starts_with(char::is_uppercase),
        };
    }
    let scopes = cx.facts().scopes();
    match scopes.resolve(name) {
        Resolution::Variable(id) => scopes.variable(id).bindings.iter().all(|binding| match binding.kind {
            BindingKind::Class | BindingKind::Type => true,
            BindingKind::Import | BindingKind::FromImport => last_segment(name).starts_with(char::is_uppercase),
            BindingKind::Assignment | BindingKind::Annotated => binding.value.is_some_and(|value| {
                value.is("subscript") && value.child("value").is_some_and(looks_like_type)
                    || value.is("call")
                        && value.child("function").is_some_and(|f| ["TypeVar", "NewType"].contains(&last_segment(f)))
            }),
            _ => false,
        }),
        Resolution::Builtin | Resolution::Unknown => false,
    }
}

/// The text of a plain string as code of its own; none for f-strings, bytes and strings with escapes.
fn quoted(string: Node<'_>) -> Option<Tree> {
    let start = string.child_of_kind("string_start")?.text();
    let content = string.child_of_kind("string_content")?;
    let plain = matches!(start, "\"" | "'") && content.children().next().is_none();
    plain.then(|| Tree::parse(content.text()))
}

/// The only expression of a text, if it is nothing else.
fn expression(tree: &Tree) -> Option<Node<'_>> {
    let statement = tree.root().only_child().filter(|statement| statement.is("expression_statement"))?;
    (tree.errors().next().is_none()).then(|| statement.only_child()).flatten()
}
