//! From a name to what it was imported as: `nn.Linear` is `torch.nn.Linear`.

use super::Facts;
use crate::engine::syntax::Node;

impl<'t> Facts<'t> {
    /// The segments of the object that an identifier or attribute chain refers to, through imports:
    /// `["torch", "nn", "Linear"]`; a builtin is `["builtins", "list"]`.
    ///
    /// `None` when the name is bound otherwise, bound in more than one way with different meanings, rebound, shadowed,
    /// under a star import, or when there is a call or subscript in the chain. Relative imports start with `"."`s:
    /// `from ..a import b` gives `["..", "a", "b"]`. `try: import a` / `except ImportError: import b` gives `None`.
    pub fn qualified_name(&self, expression: Node<'t>) -> Option<Vec<&'t str>> {
        todo!("{expression:?}")
    }

    /// Whether the expression refers to exactly this object: `is_name(node, "collections.deque")`.
    pub fn is_name(&self, expression: Node<'t>, dotted: &str) -> bool {
        self.qualified_name(expression).is_some_and(|segments| segments.iter().copied().eq(dotted.split('.')))
    }

    /// The function that a call calls, as a qualified name.
    pub fn called_name(&self, call: Node<'t>) -> Option<Vec<&'t str>> {
        self.qualified_name(call.child("function")?)
    }
}
