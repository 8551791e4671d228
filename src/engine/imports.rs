//! Imports that a fix needs: how a name is spelled where the fix stands, and the edit that adds what is missing.

use super::edit::Edit;
use super::syntax::{Node, Tree};
use super::transform::Context;

/// `from module import name` at module level.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// Dotted name of the module.
    pub module: String,
    /// What is imported from it.
    pub name: String,
}

/// How a name is spelled, and what must be imported for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The text that refers to the object: `Optional`, `t.Optional`.
    pub spelled: String,
    /// The import to add, if the file has none that can be used.
    pub import: Option<Import>,
}

/// See [`Context::import`].
pub fn import<'t>(_cx: &Context<'t>, _module: &str, _name: &str, _at: Node<'t>) -> Imported {
    todo!()
}

/// One edit that adds all of them, merged into existing statements where that is possible.
pub fn edits(_tree: &Tree, _imports: &[Import]) -> Vec<Edit> {
    todo!()
}
