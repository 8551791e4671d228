//! What `self.x` is, by everything that the file stores there.

use rustc_hash::FxHashMap;

use super::Answer::{Circular, Is, Unknown};
use super::variable::chained_value;
use super::{Answer, Evidence, Inquiry, Kind, Question};
use crate::engine::finding::Certainty::{self, Known, Likely};
use crate::engine::syntax::{Node, Tree};
use crate::semantics::Facts;
use crate::semantics::scope::{Binding, BindingKind, Resolution, ScopeId, ScopeKind, Scopes, VariableId};

/// How many nested targets are climbed from an attribute to its assignment, and bases from a class to its roots.
const LIMIT: usize = 20;

/// Every place of a file where an attribute gets a value.
#[derive(Default)]
pub(in crate::semantics) struct Stores<'t> {
    /// `a.x = ..`, by attribute.
    by_name: FxHashMap<&'t str, Vec<Binding<'t>>>,
    /// Class bodies that bind a name, by name.
    by_class: FxHashMap<&'t str, Vec<(Node<'t>, VariableId)>>,
    /// `setattr(a, "x", ..)`, by attribute.
    by_setattr: FxHashMap<&'t str, Vec<Node<'t>>>,
    /// Places that may store under any name: `setattr(a, name, ..)`, `a.__dict__`, `vars(a)`.
    any: Vec<Node<'t>>,
}

impl<'t> Stores<'t> {
    fn new(tree: &'t Tree, scopes: &Scopes<'t>) -> Self {
        let mut this = Self::default();
        for (id, variable) in scopes.variables().filter(|(_, variable)| scopes.kind(variable.scope) == ScopeKind::Class) {
            this.by_class.entry(variable.name).or_default().push((scopes.definition(variable.scope), id));
        }
        for node in tree.of_kind("attribute") {
            if node.text().ends_with("__dict__") && node.child("attribute").is_some_and(|name| name.text() == "__dict__") {
                this.any.push(node);
            }
            if let Some(binding) = store(node)
                && let Some(name) = node.child("attribute")
            {
                this.by_name.entry(name.text()).or_default().push(binding);
            }
        }
        for node in tree.of_kind("call") {
            match node.child("function").map_or("", Node::text) {
                "setattr" | "object.__setattr__" => {
                    let second = node.child("arguments").and_then(|arguments| arguments.named_children().nth(1));
                    match second.filter(|name| name.is("string")).and_then(|name| name.child_of_kind("string_content")) {
                        Some(name) => this.by_setattr.entry(name.text()).or_default().push(node),
                        None => this.any.push(node),
                    }
                }
                "vars" => this.any.push(node),
                _ => {}
            }
        }
        this.any.sort_unstable();
        this
    }
}

/// How the attribute gets a value, if it does here.
fn store(attribute: Node<'_>) -> Option<Binding<'_>> {
    let mut target = attribute;
    for _ in 0..LIMIT {
        let parent = target.parent()?;
        let is_left = target.field() == Some("left");
        let alone = target == attribute;
        let value = if parent.is("assignment") { chained_value(parent) } else { None };
        let annotation = parent.is("assignment").then(|| parent.child("type")).flatten();
        let kind = match parent.kind() {
            "pattern_list"
            | "tuple_pattern"
            | "list_pattern"
            | "list_splat_pattern"
            | "tuple"
            | "list"
            | "list_splat"
            | "expression_list"
            | "parenthesized_expression" => {
                target = parent;
                continue;
            }
            "assignment" if is_left && !alone => BindingKind::Unpacking,
            "assignment" if is_left && annotation.is_none() => BindingKind::Assignment,
            "assignment" if is_left && value.is_some() => BindingKind::Annotated,
            "assignment" if is_left => BindingKind::Declaration,
            "augmented_assignment" if is_left => BindingKind::Augmented,
            "for_statement" | "for_in_clause" if is_left => BindingKind::For,
            "as_pattern_target" => BindingKind::With,
            "delete_statement" => BindingKind::Delete,
            _ => return None,
        };
        return Some(Binding { kind, node: attribute, value: value.filter(|_| alone), annotation });
    }
    // Too deep to tell: a store of something unknown is the careful answer.
    Some(Binding { kind: BindingKind::For, node: attribute, value: None, annotation: None })
}

impl<'t> Facts<'t> {
    fn stores(&self) -> &Stores<'t> {
        self.stores.get_or_init(|| Stores::new(self.tree(), self.scopes()))
    }

    /// Every place where the file gives a value to an attribute of this name, of whatever object.
    pub fn stored(&self, name: &str) -> &[Binding<'t>] {
        self.stores().by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The class of the file that an expression names.
    pub(in crate::semantics) fn class_called(&self, expression: Node<'t>) -> Option<Node<'t>> {
        self.class_of(expression).filter(|class| class.child("name").is_some_and(|name| name.text() == expression.text()))
    }

    /// Whether a call of this function may make an instance, which can hold what it gets: its name looks like that of a
    /// class, or a class of the file has it.
    pub fn may_be_class(&self, function: Node<'t>) -> bool {
        let name = function.child("attribute").unwrap_or(function).text().trim_start_matches('_');
        name.starts_with(|first: char| first.is_ascii_uppercase()) || self.class_called(function).is_some()
    }

    /// The class whose instance (or which itself) an expression is: `self` and `cls` in a method, the name of a class.
    pub(super) fn class_of(&self, object: Node<'t>) -> Option<Node<'t>> {
        let scopes = self.scopes();
        let object = object.unparenthesized();
        let id = scopes.variable_of(object).filter(|_| object.is("identifier"))?;
        let variable = scopes.variable(id);
        let [binding] = variable.bindings.as_slice() else { return None };
        if binding.kind == BindingKind::Class {
            return binding.node.parent();
        }
        let function = scopes.definition(variable.scope);
        let first = function.child("parameters").and_then(|parameters| parameters.named_children().next());
        let is_first = binding.kind == BindingKind::Parameter && first.is_some_and(|first| first.contains(binding.node));
        let mut around = scopes.parent(variable.scope)?;
        if scopes.kind(around) == ScopeKind::TypeParameters {
            around = scopes.parent(around)?;
        }
        let is_method = function.is("function_definition") && scopes.kind(around) == ScopeKind::Class;
        let is_static = decorators(function).any(|decorator| decorator.text() == "staticmethod");
        (is_first && is_method && !is_static && !first?.is_any(&["list_splat_pattern"])).then(|| scopes.definition(around))
    }

    /// The class of the file that `name` stands for in `scope`.
    pub(super) fn class_named(&self, name: &str, scope: ScopeId) -> Option<Node<'t>> {
        let Resolution::Variable(id) = self.scopes().lookup(name, scope) else { return None };
        match self.scopes().variable(id).bindings.as_slice() {
            [binding] if binding.kind == BindingKind::Class => binding.node.parent(),
            _ => None,
        }
    }

    /// The class and its bases in the file, and whether all other bases are known to leave attributes alone.
    fn lineage(&self, class: Node<'t>) -> (Vec<Node<'t>>, bool) {
        let mut found = vec![class];
        let mut is_complete = true;
        let mut at = 0;
        while at < found.len() {
            // A decorator gives the class back, or anything else.
            is_complete &= decorators(found[at]).all(|decorator| decorator.text().contains("dataclass"));
            let superclasses = found[at].child("superclasses");
            for base in superclasses.into_iter().flat_map(Node::named_children) {
                match self.class_of(base).filter(|base| base.is("class_definition")) {
                    Some(base) if found.len() < LIMIT => {
                        if !found.contains(&base) {
                            found.push(base);
                        }
                    }
                    _ => is_complete &= self.is_plain_base(base),
                }
            }
            at += 1;
        }
        (found, is_complete)
    }

    /// Bases that add no attribute of their own.
    fn is_plain_base(&self, base: Node<'t>) -> bool {
        let head = if base.is("subscript") { base.child("value") } else { Some(base) };
        let name = head.and_then(|head| self.qualified_name(head));
        matches!(
            name.as_deref(),
            Some(["builtins", "object"] | ["abc", "ABC"] | ["typing" | "typing_extensions", "Generic" | "Protocol"])
        )
    }
}

impl<'t> Inquiry<'_, 't> {
    pub(super) fn attribute(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let is = |kind, certainty| Is(Evidence { kind, certainty, shown_by: node });
        if let Some(kind) = self.facts.qualified_name(node).and_then(|name| super::call::library_value(&name)) {
            return is(kind, Known);
        }
        let (Some(object), Some(name)) = (node.child("object"), node.child("attribute").map(Node::text)) else {
            return Unknown;
        };
        let class = self.facts.class_of(object);
        if name == "__dict__" {
            // That of a class is a read-only mapping.
            return is(Kind::Dict, if class.is_some() && object.text() == "self" { Known } else { Likely });
        }
        match class {
            Some(class) => self.once(Question::Attribute(class, name), || self.attribute_of(class, name, depth)),
            None => Unknown,
        }
    }

    /// What all stores to `name` in the class, in its relatives in the file, and through other objects agree on.
    fn attribute_of(&self, class: Node<'t>, name: &'t str, depth: u32) -> Answer<'t> {
        let facts = self.facts;
        let (lineage, is_complete) = facts.lineage(class);
        let stores = facts.stores();
        if stores.by_setattr.contains_key(name) || lineage.iter().any(|&class| intercepts_stores(class)) {
            return Unknown;
        }
        // Bases in the file, and heirs: `self` may be one.
        let is_related = |owner: Node<'t>| lineage.contains(&owner) || facts.lineage(owner).0.contains(&class);
        let mut bindings = Vec::new();
        for &(owner, id) in stores.by_class.get(name).into_iter().flatten() {
            if is_related(owner) {
                bindings.extend(facts.scopes().variable(id).bindings.iter().copied());
            }
        }
        let is_default = !bindings.is_empty();
        let mut is_set_up = false;
        let mut is_stored = false;
        for binding in stores.by_name.get(name).into_iter().flatten() {
            let owner = binding.node.child("object").and_then(|object| facts.class_of(object));
            if owner.is_none_or(is_related) {
                is_set_up |= owner == Some(class) && is_in_init(binding.node, class);
                is_stored = true;
                bindings.push(*binding);
            }
        }
        let is_open = stores.any.iter().any(|&place| lineage.iter().any(|class| class.contains(place)));
        let certainty = if (is_complete || is_set_up) && !is_open { Known } else { Likely };
        match self.settle(bindings.into_iter(), depth) {
            Circular => Unknown,
            // Somebody outside the file sets it, else it would not be there.
            Is(evidence) if evidence.kind == Kind::None => Unknown,
            // A constant of the class is there for heirs to override; a container of its own is shared.
            Is(evidence) if is_default && !is_stored && !evidence.kind.is_mutable() => Is(evidence.at_most(Likely)),
            answer => answer.at_most(certainty),
        }
    }
}

/// Whether the class has a say in what `self.x = ..` does.
fn intercepts_stores(class: Node<'_>) -> bool {
    let body = class.child("body");
    let methods = body.into_iter().flat_map(Node::named_children).filter_map(|statement| match statement.kind() {
        "decorated_definition" => statement.child("definition"),
        _ => Some(statement),
    });
    methods
        .filter(|method| method.is("function_definition"))
        .filter_map(|method| method.child("name"))
        .any(|name| ["__setattr__", "__getattribute__"].contains(&name.text()))
}

fn is_in_init(node: Node<'_>, class: Node<'_>) -> bool {
    let mut functions = node.ancestors().take_while(|&node| node != class).filter(|node| node.is("function_definition"));
    let method = functions.next();
    functions.next().is_none() && method.and_then(|method| method.child("name")).is_some_and(|name| name.text() == "__init__")
}

/// The expressions behind the `@`s of a function or class.
pub(super) fn decorators(definition: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let decorated = definition.parent().filter(|parent| parent.is("decorated_definition"));
    decorated.into_iter().flat_map(Node::named_children).filter(|child| child.is("decorator")).filter_map(Node::only_child)
}

impl<'t> Facts<'t> {
    /// What calling a class of the file gives; `None` where a base may be a container.
    pub(super) fn kind_of_instances(&self, class: Node<'t>) -> Option<(Kind, Certainty)> {
        let mut certainty = if decorators(class).next().is_some() { Likely } else { Known };
        for class in self.lineage(class).0 {
            for base in class.child("superclasses").into_iter().flat_map(Node::named_children) {
                if base.is("keyword_argument") {
                    certainty = Likely;
                    continue;
                }
                if self.is_plain_base(base) || self.class_of(base).is_some() {
                    continue;
                }
                let head = if base.is("subscript") { base.child("value")? } else { base };
                let name = self.qualified_name(head)?;
                match name.as_slice() {
                    ["typing" | "typing_extensions", "TypedDict"] => return Some((Kind::Dict, certainty)),
                    ["typing" | "typing_extensions", "NamedTuple"] => return Some((Kind::Tuple, Likely)),
                    ["builtins", base] if base.ends_with("Exception") || base.ends_with("Error") => {}
                    name => certainty = certainty.min(super::call::library_class(name)?),
                }
            }
        }
        Some((Kind::Other, certainty))
    }
}
