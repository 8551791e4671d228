//! A parameter that has a default.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::scope::{Resolution, VariableId};

/// A parameter that has a default, and the function or lambda that it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Parameter<'t> {
    /// The `function_definition` or `lambda`.
    pub(super) function: Node<'t>,
    /// The whole of it: name, annotation, default.
    pub(super) node: Node<'t>,
    /// Its name.
    pub(super) name: Node<'t>,
    /// What stands behind the colon.
    pub(super) annotation: Option<Node<'t>>,
    /// The default.
    pub(super) value: Node<'t>,
    /// From 0, where a call may give it by position.
    pub(super) position: Option<usize>,
}

impl<'t> Parameter<'t> {
    /// The parameters of a function or lambda that have a default, in order.
    pub(super) fn all_of(function: Node<'t>) -> Vec<Self> {
        let Some(list) = function.child("parameters") else { return Vec::new() };
        let mut found = Vec::new();
        let mut position = Some(0);
        for node in list.named_children() {
            match node.kind() {
                "positional_separator" => continue,
                "keyword_separator" => position = None,
                "default_parameter" | "typed_default_parameter" => {
                    if let (Some(name), Some(value)) = (node.child("name"), node.child("value")) {
                        let annotation = node.child("type");
                        found.push(Self { function, node, name, annotation, value, position });
                    }
                }
                _ if node.text().starts_with('*') => position = None,
                _ => {}
            }
            position = position.map(|index| index + usize::from(!node.is("keyword_separator")));
        }
        found
    }

    /// The variable inside the function.
    pub(super) fn variable(&self, cx: &Context<'t>) -> Option<VariableId> {
        let scopes = cx.facts().scopes();
        match scopes.lookup(self.name.text(), scopes.scope_opened_by(self.function)?) {
            Resolution::Variable(id) => Some(id),
            Resolution::Builtin | Resolution::Unknown => None,
        }
    }

    /// Whether the function is written in the body of a class, so that calls leave its first parameter out.
    pub(super) fn class(&self) -> Option<Node<'t>> {
        class_around(self.function)
    }

    /// The name of the function, and of its class: `Model.__init__`.
    pub(super) fn function_name(&self) -> String {
        let Some(name) = self.function.child("name") else { return "this lambda".to_string() };
        match self.class().and_then(|class| class.child("name")) {
            Some(class) => format!("{}.{}", class.text(), name.text()),
            None => name.text().to_string(),
        }
    }
}

/// The class in whose body a function stands, also under decorators and conditions.
pub(super) fn class_around(function: Node<'_>) -> Option<Node<'_>> {
    Some(function.enclosing_definition()).filter(|around| around.is("class_definition"))
}

/// The expressions of the decorators of a function or class, from the outermost inwards.
pub(super) fn decorators(definition: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let around = definition.parent().filter(|parent| parent.is("decorated_definition"));
    around.into_iter().flat_map(Node::named_children).filter(|child| child.is("decorator")).filter_map(Node::only_child)
}
