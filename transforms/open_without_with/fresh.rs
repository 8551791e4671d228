//! A name for a file, or for what was read from it, that nothing else uses.

use std::ops::Range;

use super::{lifetime, named};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::handles::Opener;
use crate::semantics::names::is_builtin;
use crate::semantics::scope::{BindingKind, Resolution, VariableId};

/// Names for what a call opens, the usual one first.
pub(super) fn for_what(opener: &Opener<'_>) -> &'static [&'static str] {
    match opener.name.as_str() {
        "urllib.request.urlopen" => &["response", "reply", "page"],
        "socket.socket" | "socket.create_connection" => &["sock", "connection"],
        "tarfile.open" => &["tar", "archive"],
        "zipfile.ZipFile" => &["archive", "zip_file"],
        "h5py.File" => &["h5", "h5_file"],
        "shelve.open" | "dbm.open" => &["db", "shelf"],
        "sqlite3.connect" => &["con", "conn", "connection"],
        "numpy.load" => &["data", "arrays", "npz"],
        "PIL.Image.open" => &["img", "im", "opened"],
        "wave.open" => &["wav", "wave_file"],
        _ => &["f", "fp", "file", "fh", "handle", "stream", "opened"],
    }
}

/// The first of `names` that is free for the code of `statement`.
///
/// Taken is a name that this scope or one inside it uses, and one that a scope around it binds. A name that only ever
/// means files that are closed again may be bound again: nobody can tell.
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

/// Whether a variable only ever holds files that are closed, and none of them is asked for any more at `statement`: it
/// is bound by `with` and used inside, or opened and closed by statements of one block.
fn is_confined<'t>(cx: &Context<'t>, id: VariableId, statement: Node<'t>) -> bool {
    let facts = cx.facts();
    let variable = facts.scopes().variable(id);
    if variable.scope != facts.scopes().beyond_comprehensions(facts.scopes().scope_of(statement)) {
        return false;
    }
    let mut blocks = Vec::new();
    for binding in &variable.bindings {
        let block = binding.node.ancestors().find(|node| node.is("with_statement"));
        let opening = named::opening(binding.node).filter(|opening| facts.opener(opening.value).is_some());
        match (binding.kind, block, opening) {
            (BindingKind::With, Some(block), _) => blocks.push((block.start()..block.end(), block)),
            (_, _, Some(opening)) => {
                let after = lifetime::following(opening.statement);
                let Some(close) = after.into_iter().find(|sibling| lifetime::closes(cx, *sibling) == Some(id)) else {
                    return false;
                };
                blocks.push((opening.statement.start()..close.end(), opening.statement));
            }
            _ => return false,
        }
    }
    let apart = |(range, block): &(Range<usize>, Node<'t>)| {
        let around = range.start <= statement.start() && statement.end() <= range.end;
        !around && !statement.contains(*block)
    };
    let owner = facts.owner(statement);
    let bindings: Vec<Node<'t>> = variable.bindings.iter().map(|binding| binding.node).collect();
    blocks.iter().all(apart)
        && variable.references.iter().all(|&reference| {
            let inside = blocks.iter().any(|(range, _)| range.start <= reference.start() && reference.end() <= range.end);
            facts.owner(reference) == owner && inside && !facts.may_follow(statement, reference, &bindings)
        })
}
