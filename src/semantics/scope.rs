//! Scopes and bindings as Python has them.

use crate::engine::syntax::{Node, Tree};

/// A scope of a file, from the module inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub(super) u32);

/// A variable: one name in one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableId(pub(super) u32);

/// What opens a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    /// The file.
    Module,
    /// A class body: its names are invisible to the functions inside.
    Class,
    /// `def`.
    Function,
    /// `lambda`.
    Lambda,
    /// A comprehension or generator expression (its first iterable is evaluated outside).
    Comprehension,
    /// The `[T]` of a generic function, class or `type` statement (PEP 695).
    TypeParameters,
}

/// How a name gets its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// A parameter without default, or with one.
    Parameter,
    /// `x = ..`, also each name of a chain `x = y = ..`; `value` is the right side.
    Assignment,
    /// `x: T = ..`; without a value it is [`Declaration`](Self::Declaration).
    Annotated,
    /// `x: T`: makes the name local and binds nothing.
    Declaration,
    /// `x, y = ..`, `[x, *y] = ..`: the value is only a part of the right side, so `value` is `None`.
    Unpacking,
    /// `x += ..`.
    Augmented,
    /// Target of `for`, also of `async for`.
    For,
    /// Target of a `for` in a comprehension.
    Comprehension,
    /// `with .. as x`; `value` is the context expression when `x` stands alone.
    With,
    /// `import a.b` (binds `a`), `import a.b as x`.
    Import,
    /// `from a import b`, also `as x`.
    FromImport,
    /// `def x`.
    Function,
    /// `class x`.
    Class,
    /// `except E as x`; unbound again at the end of the handler.
    Except,
    /// `(x := ..)`; `value` is the right side.
    Walrus,
    /// A capture of `match`: `case x`, `case [*x]`, `case {**x}`, `case C() as x`.
    Match,
    /// `del x`.
    Delete,
    /// `type X = ..`, or a type parameter.
    Type,
}

/// One place where a name gets a value, or loses it.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'t> {
    /// How.
    pub kind: BindingKind,
    /// The identifier (for `import a.b.c`, the `dotted_name`).
    pub node: Node<'t>,
    /// The expression that it is bound to as a whole, where there is one. For a parameter its default.
    pub value: Option<Node<'t>>,
    /// The annotation, where there is one.
    pub annotation: Option<Node<'t>>,
}

/// One name in one scope, with everything that the file does to it.
#[derive(Debug)]
pub struct Variable<'t> {
    /// The name.
    pub name: &'t str,
    /// The scope that it belongs to (for `global x`, the module).
    pub scope: ScopeId,
    /// Where it is bound, in text order. Bindings by `global`/`nonlocal` in other functions are included.
    pub bindings: Vec<Binding<'t>>,
    /// Where it is read, in text order, in this scope and in nested ones. `x += 1` counts as a binding only.
    pub references: Vec<Node<'t>>,
}

/// What a name means at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A variable of the file.
    Variable(VariableId),
    /// No scope of the file binds it: a builtin, or undefined.
    Builtin,
    /// A star import, `exec` or the like may have bound it.
    Unknown,
}

/// All scopes of a file.
pub struct Scopes<'t> {
    tree: &'t Tree,
}

impl<'t> Scopes<'t> {
    /// Reads the whole file once.
    pub fn new(tree: &'t Tree) -> Self {
        Self { tree }
    }

    /// The scope in which the code of this node runs. For a parameter's default, a decorator, an annotation or a base
    /// class that is the scope around the definition; for the first iterable of a comprehension the scope around it.
    pub fn scope_of(&self, node: Node<'t>) -> ScopeId {
        todo!("{:?} {node:?}", self.tree.len())
    }

    /// The scope that a function, lambda, class or comprehension node opens, or that of the module.
    pub fn scope_opened_by(&self, node: Node<'t>) -> Option<ScopeId> {
        todo!("{node:?}")
    }

    /// What kind of scope it is.
    pub fn kind(&self, scope: ScopeId) -> ScopeKind {
        todo!("{scope:?}")
    }

    /// The definition that opens the scope: function, lambda, class, comprehension, module.
    pub fn definition(&self, scope: ScopeId) -> Node<'t> {
        todo!("{scope:?}")
    }

    /// The scope around it.
    pub fn parent(&self, scope: ScopeId) -> Option<ScopeId> {
        todo!("{scope:?}")
    }

    /// What an identifier that stands in the file refers to (a use or a binding). For an identifier that is no name (an
    /// attribute, a keyword of a call) it is `Unknown`.
    pub fn resolve(&self, identifier: Node<'t>) -> Resolution {
        todo!("{identifier:?}")
    }

    /// What `name` would refer to if it stood in `scope`.
    pub fn lookup(&self, name: &str, scope: ScopeId) -> Resolution {
        todo!("{name} {scope:?}")
    }

    /// The variable, when an identifier refers to one.
    pub fn variable_of(&self, identifier: Node<'t>) -> Option<VariableId> {
        match self.resolve(identifier) {
            Resolution::Variable(id) => Some(id),
            _ => None,
        }
    }

    /// The variable with this id.
    pub fn variable(&self, id: VariableId) -> &Variable<'t> {
        todo!("{id:?}")
    }

    /// Whether code in this scope may bind or read its names in ways that cannot be seen: `exec`, `eval`, `locals()`,
    /// `vars()`, `globals()` (at module level), `import *`.
    pub fn is_dynamic(&self, scope: ScopeId) -> bool {
        todo!("{scope:?}")
    }
}
