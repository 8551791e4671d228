//! Evidence of what a value is.

use super::Facts;
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;

/// The kinds of values that transforms ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `dict`, `OrderedDict`, `Counter` ... that behaves as a plain dict when it is iterated and changed.
    Dict,
    /// `collections.defaultdict`: a read may insert.
    DefaultDict,
    /// `dict.keys()`, `.values()`, `.items()`: a live view of a [`Dict`](Self::Dict).
    DictView,
    /// `list`.
    List,
    /// `set`.
    Set,
    /// `frozenset`.
    FrozenSet,
    /// `tuple`.
    Tuple,
    /// `collections.deque`.
    Deque,
    /// `str`, `bytes`, `int`, `float`, `bool`.
    Scalar,
    /// `None`.
    None,
    /// A generator, a file, or another iterator.
    Iterator,
    /// An object of a class of this file, of a library, an array, a tensor: certainly none of the above.
    Other,
}

/// What a value is, and why we think so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'t> {
    /// What it is.
    pub kind: Kind,
    /// How sure that is.
    pub certainty: Certainty,
    /// The place that shows it: the literal, constructor or annotation.
    pub shown_by: Node<'t>,
}

impl<'t> Facts<'t> {
    /// Evidence of what an expression evaluates to; `None` is "unknown".
    ///
    /// A name counts only if every binding that may reach is of the same kind; `None` as one of the bindings lowers
    /// nothing when the use would raise on None anyway. An attribute `self.x` counts only if every assignment to it in
    /// the class, and every `.x =` in the file, is of that kind. A parameter is what its annotation says (Known);
    /// also string annotations, `Optional[..]` and `X | None`.
    pub fn kind_of(&self, expression: Node<'t>) -> Option<Evidence<'t>> {
        todo!("{expression:?}")
    }
}
