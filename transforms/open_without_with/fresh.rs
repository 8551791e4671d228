//! A name for a file, or for what was read from it, that nothing else uses.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::names::is_builtin;
use crate::semantics::scope::{BindingKind, Resolution, VariableId};

/// Names for an open file, the usual one first.
pub(super) const FILES: &[&str] = &["f", "fp", "file", "fh", "handle", "stream", "opened"];

/// The first of `names` that is free for the code of `statement`.
///
/// Taken is a name that this scope or one inside it uses, and one that a scope around it binds. A name that is only ever
/// bound by a `with` and only used inside it may be bound again: nobody can tell.
pub(super) fn name<'n>(cx: &Context<'_>, statement: Node<'_>, names: &[&'n str]) -> Option<&'n str> {
    names.iter().copied().find(|name| is_free(cx, statement, name))
}

fn is_free(cx: &Context<'_>, statement: Node<'_>, name: &str) -> bool {
    let scopes = cx.facts().scopes();
    let statement = cx.tree.node(statement.id());
    let scope = scopes.scope_of(statement);
    if let Resolution::Variable(id) = scopes.lookup(name, scope) {
        return is_confined(cx, id, statement);
    }
    if is_builtin(name) && scopes.lookup(name, scope) != Resolution::Builtin {
        return false;
    }
    // A name that no scope around binds: a builtin, or unknown. It must not be read from here.
    let definition = scopes.definition(scope);
    !definition.and_descendants().any(|node| {
        node.is("identifier")
            && node.text() == name
            && matches!(scopes.resolve(node), Resolution::Builtin | Resolution::Unknown)
            && scopes.is_name(node)
    })
}

/// Whether a variable is bound by `with` alone, only used inside these, and not around or in `statement`.
fn is_confined<'t>(cx: &Context<'t>, id: VariableId, statement: Node<'t>) -> bool {
    let scopes = cx.facts().scopes();
    let variable = scopes.variable(id);
    if variable.scope != scopes.beyond_comprehensions(scopes.scope_of(statement)) {
        return false;
    }
    let mut blocks = Vec::new();
    for binding in &variable.bindings {
        let block = binding.node.ancestors().find(|node| node.is("with_statement"));
        match block.filter(|_| binding.kind == BindingKind::With) {
            Some(block) => blocks.push(block),
            None => return false,
        }
    }
    let apart = |block: &Node<'t>| !block.contains(statement) && !statement.contains(*block);
    let owner = cx.facts().owner(statement);
    blocks.iter().all(apart)
        && variable
            .references
            .iter()
            .all(|reference| cx.facts().owner(*reference) == owner && blocks.iter().any(|block| block.contains(*reference)))
}
