//! Who else may store into the container while a loop walks it: functions that are called, the consumer of a generator,
//! other tasks, other names.

use super::changes::Subject;
use super::header::Walked;
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::effects::{Escape, Place, Use};
use crate::semantics::scope::{BindingKind, ScopeKind};

/// Builtin functions that call nothing of the program but the simplest methods of their arguments.
const BUILTINS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "bytes",
    "callable",
    "chr",
    "delattr",
    "dict",
    "enumerate",
    "float",
    "format",
    "frozenset",
    "getattr",
    "hasattr",
    "hash",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "len",
    "list",
    "max",
    "min",
    "open",
    "ord",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "sorted",
    "str",
    "sum",
    "tuple",
    "type",
    "zip",
];

/// Modules whose functions call nothing of the program.
const MODULES: &[&str] = &[
    "datetime", "json", "logging", "math", "numpy", "os", "random", "re", "shutil", "string", "sys", "time", "torch",
    "warnings",
];

/// Methods of strings, containers and loggers, which call nothing of the program.
const METHODS: &[&str] = &[
    "add",
    "append",
    "copy",
    "count",
    "debug",
    "decode",
    "discard",
    "encode",
    "endswith",
    "error",
    "exception",
    "extend",
    "find",
    "format",
    "get",
    "index",
    "info",
    "insert",
    "isdigit",
    "isupper",
    "items",
    "join",
    "keys",
    "log",
    "lower",
    "lstrip",
    "match",
    "remove",
    "replace",
    "rsplit",
    "rstrip",
    "search",
    "split",
    "startswith",
    "strip",
    "title",
    "upper",
    "values",
    "warn",
    "warning",
];

/// Why entries may get other values during the loop although its body does not show it. None when they cannot.
pub(super) fn outsider(subject: &Subject<'_, '_>, changes: &[Node<'_>]) -> Option<String> {
    let Walked::Place(place) = &subject.walks[0].walked else { return None };
    let facts = subject.facts;
    if let Some(alias) = alias(subject, place) {
        return Some(format!("`{alias}` is another name for it"));
    }
    if is_private(subject, place) {
        return None;
    }
    subject.a_loop.code().find_map(|node| match node.kind() {
        "yield" => Some("whoever consumes the generator may store other entries in between".to_string()),
        "await" => Some("other tasks may store other entries during the `await`".to_string()),
        "subscript" if !changes.contains(&node) && stores_elsewhere(subject, place, node) => {
            let container = node.child("value").map_or("it", Node::text);
            Some(format!("`{container}` may be the same, and the loop stores entries there"))
        }
        "call" if !changes.contains(&node) && !is_harmless(facts, place, node) => {
            let function = node.child("function").map_or("", Node::text);
            let shown = if function.len() > 40 || function.contains('\n') { "a call" } else { function };
            Some(if shown == function {
                format!("`{shown}()` may store other entries")
            } else {
                format!("{shown} may store other entries")
            })
        }
        _ => None,
    })
}

/// Whether an entry is stored, under another key than the one at hand, in what may be the same container: another parameter,
/// or an attribute that somewhere gets a container which has a name already.
fn stores_elsewhere<'t>(subject: &Subject<'_, 't>, place: &Place<'t>, store: Node<'t>) -> bool {
    let (facts, scopes) = (subject.facts, subject.facts.scopes());
    let is_target = store.field() == Some("left")
        && store.parent().is_some_and(|around| around.is_any(&["assignment", "augmented_assignment"]));
    let Some(container) = store.child("value").filter(|_| is_target) else { return false };
    if facts.place(container).is_none_or(|other| other == *place) {
        return false;
    }
    let key = store.child("subscript").map(Node::text);
    if subject.walks.iter().any(|walk| walk.key_text().as_deref() == key) {
        return false;
    }
    match container.kind() {
        "identifier" => scopes.variable_of(container).is_some_and(|id| {
            let bindings = &scopes.variable(id).bindings;
            bindings.iter().any(|binding| binding.kind == BindingKind::Parameter)
        }),
        "attribute" => container.child("attribute").is_some_and(|name| {
            let stores = facts.stored(name.text());
            let mut values = stores.iter().filter_map(|store| store.value);
            values.any(|value| value.unparenthesized().is_any(&["identifier", "attribute", "subscript"]))
        }),
        _ => false,
    }
}

/// A name in the loop that stands for the same container.
fn alias<'t>(subject: &Subject<'_, 't>, place: &Place<'t>) -> Option<&'t str> {
    let function = subject.a_loop.node.enclosing_definition();
    let mentions = subject.facts.mentions(place, function);
    let aliases = mentions.into_iter().filter_map(|mention| match subject.facts.use_of(mention) {
        Use::Escapes(Escape::Aliased(name)) if name.is("identifier") => Some(name.text()),
        _ => None,
    });
    let names: Vec<_> = aliases.filter(|name| *name != place.name).collect();
    subject.a_loop.code().find(|node| node.is("identifier") && names.contains(&node.text())).map(Node::text)
}

/// Whether nobody but this function can hold the container before the loop ends: it is made here and has not escaped.
fn is_private<'t>(subject: &Subject<'_, 't>, place: &Place<'t>) -> bool {
    let scopes = subject.facts.scopes();
    let Some(root) = place.root.filter(|_| place.steps.is_empty()) else { return false };
    let variable = scopes.variable(root);
    let is_local = scopes.kind(variable.scope) == ScopeKind::Function && scopes.scope_of(subject.a_loop.node) == variable.scope;
    let is_fresh = variable.bindings.iter().all(|binding| match binding.kind {
        BindingKind::Assignment | BindingKind::Annotated => {
            binding.value.is_some_and(|value| !value.unparenthesized().is_any(&["identifier", "attribute", "subscript"]))
        }
        BindingKind::Parameter => binding.node.parent().is_some_and(|around| around.is("dictionary_splat_pattern")),
        BindingKind::Declaration => true,
        _ => false,
    });
    let end = subject.a_loop.outer().last().map_or(subject.a_loop.node.end(), |outermost| outermost.node.end());
    let before_end = variable.references.iter().filter(|name| name.start() < end);
    is_local && is_fresh && before_end.copied().all(|name| !matches!(subject.facts.use_of(name), Use::Escapes(_)))
}

fn is_harmless<'t>(facts: &Facts<'t>, place: &Place<'t>, call: Node<'t>) -> bool {
    match facts.called_name(call).as_deref() {
        Some(["builtins", name]) => return BUILTINS.contains(name),
        Some([module, _, ..]) if MODULES.contains(module) => return true,
        _ => {}
    }
    let Some(function) = call.child("function").filter(|function| function.is("attribute")) else { return false };
    let is_of_container =
        function.child("object").and_then(|object| facts.place(object)).is_some_and(|object| object == *place);
    is_of_container || function.child("attribute").is_some_and(|name| METHODS.contains(&name.text()))
}
