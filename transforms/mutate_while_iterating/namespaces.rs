//! Changes of dicts that Python itself fills: the attributes of an object, the globals, the modules.

use super::changes::{Change, Does, Subject};
use super::own::Own;
use crate::engine::syntax::Node;
use crate::semantics::effects::{MutationKind, Place};
use crate::semantics::scope::ScopeKind;

/// Attributes of an object that are set or deleted by name. `x.name = ..` is not counted: most such attributes are there.
pub(super) fn attributes_set<'t>(subject: &Subject<'_, 't>, object: &Place<'t>) -> Vec<Change<'t>> {
    let mutations = subject.a_loop.parts().flat_map(|part| subject.facts.mutations(object, part));
    let changes = mutations.filter_map(|mutation| {
        let MutationKind::Function(function) = mutation.kind else { return None };
        let name = mutation.node.child("arguments")?.named_children().nth(1)?;
        let own = own_at(subject, mutation.node).is_key(name.text());
        let does = match function.rsplit('.').next().unwrap_or(function) {
            "setattr" if !own => Does::Stores,
            "delattr" => removal(own),
            _ => return None,
        };
        Some(Change { node: mutation.node, does, through: None })
    });
    changes.collect()
}

/// Globals that are stored or deleted by key, and names that the loop itself binds first.
pub(super) fn globals_set<'t>(subject: &Subject<'_, 't>) -> Vec<Change<'t>> {
    let by_key = subject.a_loop.code().filter_map(|node| {
        let is_globals = node.is("subscript") && node.child("value").is_some_and(|value| is_globals(subject, value));
        let key = node.child("subscript").filter(|_| is_globals)?;
        let own = own_at(subject, node).is_key(key.text());
        let around = node.ancestors().find(|around| !around.is_any(&["expression_list", "pattern_list"]))?;
        let does = match around.kind() {
            "delete_statement" => removal(own),
            "assignment" if !own && around.child("left").is_some_and(|left| left.contains(node)) => Does::Stores,
            _ => return None,
        };
        Some(Change { node, does, through: None })
    });
    let scopes = subject.facts.scopes();
    let names = subject.a_loop.target.and_descendants().chain(subject.a_loop.code()).filter(|node| node.is("identifier"));
    let bound_first = names.filter(|name| {
        let Some(variable) = scopes.variable_of(*name).map(|id| scopes.variable(id)) else { return false };
        scopes.kind(variable.scope) == ScopeKind::Module
            && variable.bindings.iter().any(|binding| binding.node == *name)
            && variable.bindings.iter().all(|binding| subject.a_loop.node.contains(binding.node))
    });
    by_key.chain(bound_first.map(|node| Change { node, does: Does::Adds, through: None })).collect()
}

/// Whether the expression is `globals()`.
fn is_globals<'t>(subject: &Subject<'_, 't>, expression: Node<'t>) -> bool {
    expression.is("call") && expression.child("function").is_some_and(|name| subject.facts.is_name(name, "builtins.globals"))
}

/// Imports, each of which may add modules.
pub(super) fn imports<'t>(subject: &Subject<'_, 't>) -> impl Iterator<Item = Change<'t>> {
    let imports = subject.a_loop.code().filter(|node| node.is_any(&["import_statement", "import_from_statement"]));
    imports.map(|node| Change { node, does: Does::Adds, through: None })
}

fn own_at<'t>(subject: &Subject<'_, 't>, place: Node<'t>) -> Own {
    Own::at(subject.facts, subject.a_loop, subject.walks, place)
}

fn removal(own: bool) -> Does {
    if own { Does::RemovesOwn } else { Does::RemovesOther }
}
