//! The one walk over a file that finds its scopes and every name that is bound, read or declared in them.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::{Binding, BindingKind, Scope, ScopeId, ScopeKind};
use crate::engine::syntax::{KindTable, Node, Tree};

/// Whose variable a declared name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Borrow {
    /// `global x`.
    Global,
    /// `nonlocal x`.
    Nonlocal,
}

/// What a construct does to names.
#[derive(Clone, Copy)]
enum Act {
    Identifier,
    Function,
    Class,
    TypeAlias,
    Comprehension,
    /// Binds what stands on its left side.
    Target(BindingKind),
    Assignment,
    Walrus,
    AsPattern,
    Delete,
    Import(BindingKind),
    Borrow(Borrow),
    Case,
    Exec,
}

impl Act {
    fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "identifier" => Self::Identifier,
            "function_definition" | "lambda" => Self::Function,
            "class_definition" => Self::Class,
            "type_alias_statement" => Self::TypeAlias,
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                Self::Comprehension
            }
            "for_in_clause" => Self::Target(BindingKind::Comprehension),
            "for_statement" => Self::Target(BindingKind::For),
            "assignment" => Self::Assignment,
            "augmented_assignment" => Self::Target(BindingKind::Augmented),
            "named_expression" => Self::Walrus,
            "as_pattern" => Self::AsPattern,
            "delete_statement" => Self::Delete,
            "import_statement" => Self::Import(BindingKind::Import),
            "import_from_statement" | "future_import_statement" => Self::Import(BindingKind::FromImport),
            "global_statement" => Self::Borrow(Borrow::Global),
            "nonlocal_statement" => Self::Borrow(Borrow::Nonlocal),
            "case_clause" => Self::Case,
            "exec_statement" => Self::Exec,
            _ => return None,
        })
    }
}

/// What stands in the file; names are not resolved yet.
pub(super) struct Collected<'t> {
    /// Outer before inner; the first is the module.
    pub(super) scopes: Vec<Scope<'t>>,
    /// The scope of each node, by node id.
    pub(super) scope_at: Vec<ScopeId>,
    /// The scope that a definition opens, by node id.
    pub(super) opened: FxHashMap<u32, ScopeId>,
    /// Scope, name, binding.
    pub(super) bound: Vec<(ScopeId, &'t str, Binding<'t>)>,
    /// Identifiers that are read, in text order.
    pub(super) read: Vec<Node<'t>>,
    /// Identifiers in `global` and `nonlocal` statements.
    pub(super) borrowed: Vec<(ScopeId, Node<'t>, Borrow)>,
    /// Identifiers that are not read, by node id: bindings, and words that are no names.
    taken: Vec<bool>,
    /// The right side of the chain `a = b = ..` that was entered last.
    chain: Option<Node<'t>>,
}

/// Not decided yet: the scope of the parent.
const INHERITED: ScopeId = ScopeId(u32::MAX);

impl<'t> Collected<'t> {
    /// Walks over the table once: a parent comes before its children and decides their scopes.
    pub(super) fn new(tree: &'t Tree) -> Self {
        let mut this = Self {
            scopes: Vec::new(),
            scope_at: vec![INHERITED; tree.len()],
            opened: FxHashMap::default(),
            bound: Vec::new(),
            read: Vec::new(),
            borrowed: Vec::new(),
            taken: vec![false; tree.len()],
            chain: None,
        };
        let module = this.open(tree.root(), ScopeKind::Module, None);
        this.opened.insert(0, module);
        this.scope_at[0] = module;
        for node in tree.root().descendants() {
            let at = node.id() as usize;
            if this.scope_at[at] == INHERITED {
                let parent = node.parent().expect("only the root has no parent");
                this.scope_at[at] = this.scope_at[parent.id() as usize];
            }
            if node.is_named() {
                this.enter(node, this.scope_at[at]);
            }
        }
        this
    }

    fn open(&mut self, definition: Node<'t>, kind: ScopeKind, parent: Option<ScopeId>) -> ScopeId {
        let id = ScopeId(self.scopes.len() as u32);
        let class = match kind {
            ScopeKind::Class | ScopeKind::TypeParameters if definition.is("class_definition") => {
                definition.child("name").map(|name| name.text().trim_start_matches('_'))
            }
            _ => parent.and_then(|parent| self.scopes[parent.0 as usize].class),
        };
        let names = FxHashMap::default();
        self.scopes.push(Scope { kind, definition, parent, class, names, star: None, is_dynamic: false });
        id
    }

    fn enter(&mut self, node: Node<'t>, scope: ScopeId) {
        static ACTS: LazyLock<KindTable<Option<Act>>> = LazyLock::new(|| KindTable::new(Act::of));
        let Some(Some(act)) = ACTS.get(node) else { return };
        match act {
            Act::Identifier => self.identifier(node),
            Act::Function => self.function(node, scope),
            Act::Class => self.class(node, scope),
            Act::TypeAlias => self.type_alias(node, scope),
            Act::Comprehension => self.comprehension(node, scope),
            Act::Target(kind) => self.targets_in(node, "left", scope, kind),
            Act::Assignment => self.assignment(node, scope),
            Act::Walrus => self.walrus(node, scope),
            Act::AsPattern => self.as_pattern(node, scope),
            Act::Delete => {
                for target in node.named_children() {
                    self.targets(target, scope, Binding::bare(BindingKind::Delete, target));
                }
            }
            Act::Import(kind) => self.import(node, scope, kind),
            Act::Borrow(from) => self.borrow(node, scope, from),
            Act::Case => self.patterns(node, scope),
            Act::Exec => {
                self.scopes[scope.0 as usize].is_dynamic = true;
                self.scopes[0].is_dynamic = true;
            }
        }
    }

    /// An identifier is read unless somebody above took it, or it is a word behind a dot or before a `=` in a call.
    fn identifier(&mut self, node: Node<'t>) {
        let Some(parent) = node.parent() else { return };
        let is_word = match parent.kind() {
            "attribute" => node.field() == Some("attribute"),
            "keyword_argument" => node.field() == Some("name"),
            // In the pattern `case a.b:` only the first is a name; in a member type `a.b`, too.
            "dotted_name" | "member_type" => node.id() != parent.id() + 1,
            _ => false,
        };
        if !is_word && !self.taken[node.id() as usize] {
            self.read.push(node);
        }
    }

    fn put(&mut self, node: Node<'t>, scope: ScopeId) {
        self.scope_at[node.id() as usize] = scope;
    }

    fn take(&mut self, node: Node<'t>) {
        self.taken[node.id() as usize] = true;
    }

    fn bind(&mut self, scope: ScopeId, binding: Binding<'t>) {
        self.take(binding.node);
        self.bound.push((scope, binding.node.text(), binding));
    }

    /// The scope of `[T]` if the definition has one, else the scope around it.
    fn type_parameters(&mut self, definition: Node<'t>, list: Option<Node<'t>>, around: ScopeId) -> ScopeId {
        let Some(list) = list else { return around };
        let scope = self.open(definition, ScopeKind::TypeParameters, Some(around));
        self.put(list, scope);
        for parameter in list.named_children() {
            // `T`, `T: bound`, `*Ts`, `**P`: the first identifier is the name.
            if let Some(name) = parameter.descendants().find(|node| node.is("identifier")) {
                self.bind(scope, Binding::bare(BindingKind::Type, name));
            }
        }
        scope
    }

    fn function(&mut self, node: Node<'t>, around: ScopeId) {
        let outer = self.type_parameters(node, node.child("type_parameters"), around);
        let kind = if node.is("lambda") { ScopeKind::Lambda } else { ScopeKind::Function };
        let inner = self.open(node, kind, Some(outer));
        self.opened.insert(node.id(), inner);
        for child in node.named_children() {
            match child.field() {
                Some("name") => self.bind(around, Binding::bare(BindingKind::Function, child)),
                Some("return_type") => self.put(child, outer),
                Some("body") => self.put(child, inner),
                Some("parameters") => {
                    self.put(child, inner);
                    for parameter in child.named_children() {
                        self.parameter(parameter, inner, outer, around);
                    }
                }
                _ => {}
            }
        }
    }

    /// Names belong to the function; annotations are evaluated around it but see its type parameters, which defaults
    /// do not.
    fn parameter(&mut self, parameter: Node<'t>, inner: ScopeId, outer: ScopeId, around: ScopeId) {
        let mut binding = Binding::bare(BindingKind::Parameter, parameter);
        let target = match parameter.kind() {
            "default_parameter" | "typed_default_parameter" => parameter.child("name"),
            "typed_parameter" => parameter.named_children().next(),
            "keyword_separator" | "positional_separator" | "ERROR" => None,
            _ => Some(parameter),
        };
        binding.value = parameter.child("value");
        binding.annotation = parameter.child("type");
        if let Some(value) = binding.value {
            self.put(value, around);
        }
        if let Some(annotation) = binding.annotation {
            self.put(annotation, outer);
        }
        if let Some(target) = target {
            self.targets(target, inner, binding);
        }
    }

    fn class(&mut self, node: Node<'t>, around: ScopeId) {
        let outer = self.type_parameters(node, node.child("type_parameters"), around);
        let inner = self.open(node, ScopeKind::Class, Some(outer));
        self.opened.insert(node.id(), inner);
        for child in node.named_children() {
            match child.field() {
                Some("name") => self.bind(around, Binding::bare(BindingKind::Class, child)),
                Some("superclasses") => self.put(child, outer),
                Some("body") => self.put(child, inner),
                _ => {}
            }
        }
    }

    /// `type X[T] = value`: the value sees `T`.
    fn type_alias(&mut self, node: Node<'t>, around: ScopeId) {
        let Some(left) = node.child("left").and_then(Node::only_child) else { return };
        let generic = left.is("generic_type");
        let name = if generic { left.named_children().next() } else { Some(left) };
        if let Some(name) = name.filter(|name| name.is("identifier")) {
            self.bind(around, Binding::bare(BindingKind::Type, name));
        }
        let list = left.child_of_kind("type_parameter").filter(|_| generic);
        let inner = self.type_parameters(node, list, around);
        if let Some(value) = node.child("right") {
            self.put(value, inner);
        }
    }

    fn comprehension(&mut self, node: Node<'t>, around: ScopeId) {
        let inner = self.open(node, ScopeKind::Comprehension, Some(around));
        self.opened.insert(node.id(), inner);
        for child in node.named_children() {
            self.put(child, inner);
        }
        if let Some(first) = node.child_of_kind("for_in_clause") {
            for iterable in first.children_of("right") {
                self.put(iterable, around);
            }
        }
    }

    fn walrus(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(name) = node.child("name") else { return };
        // PEP 572: "the target is bound in the scope that contains the outermost comprehension".
        let mut scope = scope;
        while let Scope { kind: ScopeKind::Comprehension, parent: Some(parent), .. } = self.scopes[scope.0 as usize] {
            scope = parent;
        }
        let value = node.child("value");
        self.bind(scope, Binding { value, ..Binding::bare(BindingKind::Walrus, name) });
    }

    fn assignment(&mut self, node: Node<'t>, scope: ScopeId) {
        let right = node.child("right");
        if !node.parent().is_some_and(|parent| parent.is("assignment")) {
            let chain = std::iter::successors(right, |node| node.child("right").filter(|_| node.is("assignment")));
            self.chain = chain.last();
        }
        let Some(left) = node.child("left") else { return };
        let annotation = node.child("type");
        let kind = match (annotation, right) {
            (None, _) => BindingKind::Assignment,
            (Some(_), Some(_)) => BindingKind::Annotated,
            (Some(_), None) if left.is("identifier") => BindingKind::Declaration,
            // `(x): int` evaluates the annotation at most, and binds nothing.
            (Some(_), None) => {
                if let Some(name) = alone(left) {
                    self.take(name);
                }
                return;
            }
        };
        let value = right.and(self.chain);
        self.targets(left, scope, Binding { kind, node: left, value, annotation });
    }

    /// `.. as x` in `with` and `except`; in patterns the grammar gives the name no role, see [`Self::patterns`].
    fn as_pattern(&mut self, node: Node<'t>, scope: ScopeId) {
        let Some(target) = node.child("alias").and_then(Node::only_child) else { return };
        if node.parent().is_some_and(|parent| parent.is("except_clause")) {
            self.targets(target, scope, Binding::bare(BindingKind::Except, target));
        } else {
            let value = node.named_children().next();
            self.targets(target, scope, Binding { value, ..Binding::bare(BindingKind::With, target) });
        }
    }

    fn targets_in(&mut self, node: Node<'t>, field: &'static str, scope: ScopeId, kind: BindingKind) {
        if let Some(target) = node.child(field) {
            self.targets(target, scope, Binding::bare(kind, target));
        }
    }

    /// Binds every name of a target. What stands inside `x.a` and `x[i]` is read.
    fn targets(&mut self, target: Node<'t>, scope: ScopeId, binding: Binding<'t>) {
        let lone = alone(target);
        let mut open = vec![target];
        while let Some(node) = open.pop() {
            match node.kind() {
                "identifier" if lone == Some(node) => self.bind(scope, Binding { node, ..binding }),
                "identifier" => {
                    let kind = match binding.kind {
                        BindingKind::Assignment | BindingKind::Annotated => BindingKind::Unpacking,
                        other => other,
                    };
                    // `*args: int` annotates the items, and is still the annotation of that parameter.
                    let annotation = binding.annotation.filter(|_| kind == BindingKind::Parameter);
                    self.bind(scope, Binding { kind, node, value: None, annotation });
                }
                "pattern_list"
                | "tuple_pattern"
                | "list_pattern"
                | "list_splat_pattern"
                | "dictionary_splat_pattern"
                | "expression_list"
                | "tuple"
                | "list"
                | "list_splat"
                | "parenthesized_expression" => {
                    open.extend(node.named_children());
                }
                _ => {}
            }
        }
    }

    fn import(&mut self, node: Node<'t>, scope: ScopeId, kind: BindingKind) {
        for identifier in node.descendants().filter(|node| node.is("identifier")) {
            self.take(identifier);
        }
        if node.child_of_kind("wildcard_import").is_some() {
            let scope = &mut self.scopes[scope.0 as usize];
            scope.star = Some(node);
            scope.is_dynamic = true;
        }
        for name in node.children_of("name") {
            let target = match name.child("alias") {
                Some(alias) => alias,
                None if kind == BindingKind::Import => name,
                None => name.only_child().unwrap_or(name),
            };
            let bound = target.text().split('.').next().unwrap_or_default().trim_end();
            self.bound.push((scope, bound, Binding::bare(kind, target)));
        }
    }

    fn borrow(&mut self, node: Node<'t>, scope: ScopeId, from: Borrow) {
        for name in node.named_children().filter(|name| name.is("identifier")) {
            self.take(name);
            self.borrowed.push((scope, name, from));
        }
    }

    /// The captures of `case`: a name alone is one, `_` is none, and a dotted name or a class is read.
    fn patterns(&mut self, clause: Node<'t>, scope: ScopeId) {
        let mut open: Vec<Node<'t>> = clause.named_children().filter(|child| child.is("case_pattern")).collect();
        while let Some(node) = open.pop() {
            match node.kind() {
                "case_pattern" | "union_pattern" | "list_pattern" | "tuple_pattern" => open.extend(node.named_children()),
                "dotted_name" => {
                    if let Some(name) = node.only_child() {
                        self.capture(name, scope);
                    }
                }
                "as_pattern" | "splat_pattern" => {
                    for child in node.named_children() {
                        if child.is("identifier") { self.capture(child, scope) } else { open.push(child) }
                    }
                }
                "class_pattern" => open.extend(node.named_children().skip(1)),
                "keyword_pattern" => {
                    let mut children = node.named_children();
                    if let Some(keyword) = children.next() {
                        self.take(keyword);
                    }
                    open.extend(children);
                }
                "dict_pattern" => open.extend(node.named_children().filter(|child| child.field() != Some("key"))),
                _ => {}
            }
        }
    }

    fn capture(&mut self, name: Node<'t>, scope: ScopeId) {
        if name.text() == "_" {
            self.take(name);
        } else {
            self.bind(scope, Binding::bare(BindingKind::Match, name));
        }
    }
}

impl<'t> Binding<'t> {
    fn bare(kind: BindingKind, node: Node<'t>) -> Self {
        Self { kind, node, value: None, annotation: None }
    }
}

/// The identifier that is the whole target: `x`, `(x)`, but not `x,` or `*x`.
fn alone(target: Node<'_>) -> Option<Node<'_>> {
    let mut node = target;
    while node.is_any(&["parenthesized_expression", "tuple_pattern", "tuple"]) && !node.children().any(|child| child.is(",")) {
        node = node.only_child()?;
    }
    node.is("identifier").then_some(node)
}
