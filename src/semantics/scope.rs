//! Scopes and bindings as Python has them.

mod collect;

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::engine::syntax::{Node, Tree};
use collect::{Borrow, Collected};

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

/// How many scopes out a name is looked for. Python's tokenizer stops at 100 indents and 200 brackets, so code that runs
/// stays below; the limit keeps the time for hostile files linear.
const DEPTH_LIMIT: usize = 1000;

/// What a name stands for inside one scope.
#[derive(Clone, Copy, Debug)]
enum Slot {
    /// A variable of this scope, or of another by `global` or `nonlocal`.
    Variable(VariableId),
    /// Declared `global`, but nothing in the file binds it at module level.
    Unbound,
}

#[derive(Debug)]
struct Scope<'t> {
    kind: ScopeKind,
    definition: Node<'t>,
    parent: Option<ScopeId>,
    /// Name of the innermost class whose body holds this code; names like `__x` are changed by it.
    class: Option<&'t str>,
    /// Keys are mangled names.
    names: FxHashMap<Cow<'t, str>, Slot>,
    /// The last `from .. import *` in this scope itself.
    star: Option<Node<'t>>,
    is_dynamic: bool,
}

/// All scopes of a file.
pub struct Scopes<'t> {
    table: Vec<Scope<'t>>,
    variables: Vec<Variable<'t>>,
    /// The scope of each node, by node id.
    scope_at: Vec<ScopeId>,
    /// What each identifier refers to, by node id.
    meanings: Vec<Option<Resolution>>,
    opened: FxHashMap<u32, ScopeId>,
}

impl<'t> Scopes<'t> {
    /// The scope of the file.
    pub const MODULE: ScopeId = ScopeId(0);

    /// Reads the whole file once.
    pub fn new(tree: &'t Tree) -> Self {
        let mut collected = Collected::new(tree);
        let mut scopes = Self {
            table: std::mem::take(&mut collected.scopes),
            variables: Vec::new(),
            scope_at: std::mem::take(&mut collected.scope_at),
            meanings: vec![None; tree.len()],
            opened: std::mem::take(&mut collected.opened),
        };
        scopes.declare(&collected);
        scopes.bind(&mut collected);
        scopes.refer(&collected);
        scopes
    }

    /// Gives every scope the names that it owns, then those that it borrows by `global` and `nonlocal`.
    fn declare(&mut self, collected: &Collected<'t>) {
        let mut borrowed: FxHashMap<(ScopeId, Cow<'t, str>), Borrow> = FxHashMap::default();
        for &(scope, node, from) in &collected.borrowed {
            // At module level `global` says nothing new, and `nonlocal` is an error.
            if scope != Self::MODULE {
                borrowed.insert((scope, self.mangled(node.text(), scope)), from);
            }
        }
        for &(scope, name, _) in &collected.bound {
            let key = self.mangled(name, scope);
            let from = if borrowed.is_empty() { None } else { borrowed.get(&(scope, key.clone())) };
            let owner = match from {
                None => scope,
                Some(Borrow::Global) => Self::MODULE,
                Some(Borrow::Nonlocal) => continue,
            };
            self.own(owner, name, key);
        }
        let mut borrowed: Vec<_> = borrowed.into_iter().collect();
        // Outer scopes have smaller numbers, so a `nonlocal` of a `nonlocal` finds the inner one resolved.
        borrowed.sort_unstable_by(|((a, x), _), ((b, y), _)| (a, x).cmp(&(b, y)));
        for ((scope, key), from) in borrowed {
            let slot = match from {
                Borrow::Global => self.slot(Self::MODULE, &key).unwrap_or(Slot::Unbound),
                Borrow::Nonlocal => match self.outer_slot(scope, &key) {
                    Some(slot) => slot,
                    // Python refuses the file; a variable of its own is the most harmless reading.
                    None => continue,
                },
            };
            self.table[scope.0 as usize].names.insert(key, slot);
        }
    }

    /// Makes `name` a variable of `scope` unless it is one.
    fn own(&mut self, scope: ScopeId, name: &'t str, key: Cow<'t, str>) -> VariableId {
        let fresh = VariableId(self.variables.len() as u32);
        match *self.table[scope.0 as usize].names.entry(key).or_insert(Slot::Variable(fresh)) {
            Slot::Variable(id) if id != fresh => id,
            _ => {
                self.variables.push(Variable { name, scope, bindings: Vec::new(), references: Vec::new() });
                fresh
            }
        }
    }

    /// What `nonlocal` finds: the nearest function around `scope` that has the name.
    fn outer_slot(&self, scope: ScopeId, key: &str) -> Option<Slot> {
        let outer = std::iter::successors(self.parent(scope), |&scope| self.parent(scope));
        outer
            .filter(|&scope| matches!(self.kind(scope), ScopeKind::Function | ScopeKind::Lambda))
            .find_map(|s| self.slot(s, key))
    }

    fn bind(&mut self, collected: &mut Collected<'t>) {
        collected.bound.sort_by_key(|(_, _, binding)| binding.node);
        for &(scope, name, binding) in &collected.bound {
            let key = self.mangled(name, scope);
            let id = match self.slot(scope, &key) {
                Some(Slot::Variable(id)) => id,
                _ => self.own(scope, name, key),
            };
            self.variables[id.0 as usize].bindings.push(binding);
            let identifier = match binding.node.children().next() {
                Some(first) if binding.node.is("dotted_name") => first,
                _ => binding.node,
            };
            self.meanings[identifier.id() as usize] = Some(Resolution::Variable(id));
        }
    }

    fn refer(&mut self, collected: &Collected<'t>) {
        for &node in &collected.read {
            let scope = self.scope_of(node);
            let meaning = self.lookup(node.text(), scope);
            self.meanings[node.id() as usize] = Some(meaning);
            match meaning {
                Resolution::Variable(id) => self.variables[id.0 as usize].references.push(node),
                Resolution::Builtin | Resolution::Unknown => self.note_dynamic(node, scope),
            }
        }
        for &(scope, node, _) in &collected.borrowed {
            let meaning = self.lookup(node.text(), scope);
            self.meanings[node.id() as usize] = Some(meaning);
        }
    }

    /// Marks the scopes that a mention of `exec`, `locals` and the like opens to unseen reads and writes.
    fn note_dynamic(&mut self, node: Node<'t>, scope: ScopeId) {
        let (own, module) = match node.text() {
            "exec" | "eval" | "execfile" => (true, true),
            "globals" => (false, true),
            "locals" => (true, false),
            // With an argument these two look at that object and not at the scope.
            "vars" | "dir" => (!is_called_with_arguments(node), false),
            _ => return,
        };
        if own {
            let function = self.beyond_comprehensions(scope);
            self.table[function.0 as usize].is_dynamic = true;
            self.table[scope.0 as usize].is_dynamic = true;
        }
        self.table[0].is_dynamic |= module;
    }

    /// The scope in which the code of this node runs. For a parameter's default, a decorator, an annotation or a base
    /// class that is the scope around the definition; for the first iterable of a comprehension the scope around it.
    /// Annotations, bases and the value of a `type` statement see type parameters, so theirs may be that scope.
    pub fn scope_of(&self, node: Node<'t>) -> ScopeId {
        self.scope_at[node.id() as usize]
    }

    /// The scope that a function, lambda, class or comprehension node opens, or that of the module.
    pub fn scope_opened_by(&self, node: Node<'t>) -> Option<ScopeId> {
        self.opened.get(&node.id()).copied()
    }

    /// All scopes, outer before inner, in text order.
    pub fn all(&self) -> impl Iterator<Item = ScopeId> + use<> {
        (0..self.table.len() as u32).map(ScopeId)
    }

    /// What kind of scope it is.
    pub fn kind(&self, scope: ScopeId) -> ScopeKind {
        self.table[scope.0 as usize].kind
    }

    /// The definition that opens the scope: function, lambda, class, comprehension, module.
    pub fn definition(&self, scope: ScopeId) -> Node<'t> {
        self.table[scope.0 as usize].definition
    }

    /// The scope around it.
    pub fn parent(&self, scope: ScopeId) -> Option<ScopeId> {
        self.table[scope.0 as usize].parent
    }

    /// The scope itself, or the nearest around it that is no comprehension: where a walrus binds.
    pub fn beyond_comprehensions(&self, scope: ScopeId) -> ScopeId {
        std::iter::successors(Some(scope), |&scope| self.parent(scope))
            .find(|&scope| self.kind(scope) != ScopeKind::Comprehension)
            .unwrap_or(Self::MODULE)
    }

    /// What an identifier that stands in the file refers to (a use or a binding). For an identifier that is no name (an
    /// attribute, a keyword of a call) it is `Unknown`.
    pub fn resolve(&self, identifier: Node<'t>) -> Resolution {
        self.meanings[identifier.id() as usize].unwrap_or(Resolution::Unknown)
    }

    /// Whether an identifier is a name: a use, a binding or a declaration of a variable, and not an attribute, a keyword
    /// of a call or a part of a module's name.
    pub fn is_name(&self, identifier: Node<'t>) -> bool {
        self.meanings[identifier.id() as usize].is_some()
    }

    /// What `name` would refer to if it stood in `scope`.
    pub fn lookup(&self, name: &str, scope: ScopeId) -> Resolution {
        let key = self.mangled(name, scope);
        let mut class_is_visible = true;
        let mut has_star = false;
        for (depth, scope) in std::iter::successors(Some(scope), |&scope| self.parent(scope)).enumerate() {
            if depth == DEPTH_LIMIT {
                return Resolution::Unknown;
            }
            let Scope { kind, names, star, .. } = &self.table[scope.0 as usize];
            if *kind != ScopeKind::Class || class_is_visible {
                match names.get(&*key) {
                    Some(&Slot::Variable(id)) => return Resolution::Variable(id),
                    Some(Slot::Unbound) => {
                        has_star |= self.table[0].star.is_some();
                        break;
                    }
                    None => has_star |= star.is_some(),
                }
            }
            // Type parameters and annotations see the class around them, everything else inside a class does not.
            class_is_visible &= *kind == ScopeKind::TypeParameters;
        }
        if has_star { Resolution::Unknown } else { Resolution::Builtin }
    }

    fn slot(&self, scope: ScopeId, key: &str) -> Option<Slot> {
        self.table[scope.0 as usize].names.get(key).copied()
    }

    /// The name under which Python keeps `name` in `scope`: inside `class C`, `__x` is `_C__x` ("Private name
    /// mangling" in the language reference).
    pub fn mangled<'n>(&self, name: &'n str, scope: ScopeId) -> Cow<'n, str> {
        let is_private = name.starts_with("__") && !name.ends_with("__") && !name.contains('.');
        match self.table[scope.0 as usize].class {
            Some(class) if is_private && !class.is_empty() => Cow::Owned(format!("_{class}{name}")),
            _ => Cow::Borrowed(name),
        }
    }

    /// The last `from .. import *` that runs in this scope itself; it may have rebound what stands above it.
    pub fn last_star_import(&self, scope: ScopeId) -> Option<Node<'t>> {
        self.table[scope.0 as usize].star
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
        &self.variables[id.0 as usize]
    }

    /// All variables of the file, in no particular order.
    pub fn variables(&self) -> impl Iterator<Item = (VariableId, &Variable<'t>)> {
        self.variables.iter().enumerate().map(|(at, variable)| (VariableId(at as u32), variable))
    }

    /// Whether code in this scope may bind or read its names in ways that cannot be seen: `exec`, `eval`, `locals()`,
    /// `vars()`, `dir()`, `globals()` (at module level), `import *`.
    pub fn is_dynamic(&self, scope: ScopeId) -> bool {
        self.table[scope.0 as usize].is_dynamic
    }
}

fn is_called_with_arguments(function: Node<'_>) -> bool {
    function
        .parent()
        .filter(|call| call.is("call") && function.field() == Some("function"))
        .and_then(|call| call.child("arguments"))
        .is_some_and(|arguments| arguments.is("generator_expression") || arguments.named_children().next().is_some())
}

#[cfg(test)]
mod tests;
