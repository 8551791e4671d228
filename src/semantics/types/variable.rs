//! What a name is, by everything that is bound to it.

use super::Answer::{Circular, Is, Unknown};
use super::{Answer, Evidence, Inquiry, Kind, Question};
use crate::engine::finding::Certainty::{Known, Likely};
use crate::engine::syntax::Node;
use crate::semantics::scope::{Binding, BindingKind, Resolution, ScopeKind};

impl<'t> Inquiry<'_, 't> {
    pub(super) fn name(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        if let Some(kind) = self.facts.qualified_name(node).and_then(|name| super::call::library_value(&name)) {
            return Is(Evidence { kind, certainty: Known, shown_by: node });
        }
        let scopes = self.facts.scopes();
        let id = match scopes.resolve(node) {
            Resolution::Variable(id) => id,
            Resolution::Builtin if ["__name__", "__file__", "__debug__"].contains(&node.text()) => {
                return Is(Evidence { kind: Kind::Scalar, certainty: Known, shown_by: node });
            }
            Resolution::Builtin | Resolution::Unknown => return Unknown,
        };
        let variable = scopes.variable(id);
        let answer = self.once(Question::Variable(id), || self.settle(variable.bindings.iter().copied(), depth));
        // `exec` and star imports may bind what cannot be seen, except the locals of a function.
        let is_exposed = matches!(scopes.kind(variable.scope), ScopeKind::Module | ScopeKind::Class);
        if is_exposed && scopes.is_dynamic(variable.scope) { answer.at_most(Likely) } else { answer }
    }

    /// What all bindings agree on. `None` beside others is passed over, since a use as a container would raise on it.
    pub(super) fn settle(&self, bindings: impl Iterator<Item = Binding<'t>>, depth: u32) -> Answer<'t> {
        let mut found = Circular;
        let mut none: Option<Evidence<'t>> = None;
        let mut declared = None;
        let mut augmented = Vec::new();
        for binding in bindings {
            match binding.kind {
                BindingKind::Delete => {}
                BindingKind::Augmented => augmented.push(binding.node),
                BindingKind::Declaration => declared = declared.or(binding.annotation),
                _ => match self.binding(&binding, depth) {
                    Is(evidence) if evidence.kind == Kind::None => {
                        none = Some(none.map_or(evidence, |earlier| earlier.at_most(evidence.certainty)));
                    }
                    answer => found = found.or(answer),
                },
            }
            if matches!(found, Unknown) {
                return Unknown;
            }
        }
        if let (Circular, Some(annotation)) = (found, declared) {
            found = self.facts.annotation(annotation).into();
        }
        match (found, none) {
            (Circular, Some(none)) if none.certainty == Known && augmented.is_empty() => Is(none),
            // A parameter whose default is None, and nothing else: whatever the caller gives.
            (Circular, Some(_)) => Unknown,
            (found, none) => {
                let certainty = none.map_or(Known, |none| none.certainty);
                self.after_augmenting(found.at_most(certainty), &augmented, depth)
            }
        }
    }

    /// What one binding gives; declarations, deletions and augmentations are not asked.
    fn binding(&self, binding: &Binding<'t>, depth: u32) -> Answer<'t> {
        let other = Is(Evidence { kind: Kind::Other, certainty: Known, shown_by: binding.node });
        let value = || binding.value.map_or(Unknown, |value| self.expression(value, depth + 1));
        match binding.kind {
            BindingKind::Assignment | BindingKind::Walrus => value(),
            BindingKind::Annotated => self.annotated(binding, value()),
            BindingKind::Parameter => self.parameter(binding, depth),
            BindingKind::Unpacking => self.part(binding.node, depth),
            BindingKind::For | BindingKind::Comprehension => self.loop_variable(binding.node),
            BindingKind::With => match value() {
                // A file gives itself.
                Is(evidence) if evidence.kind == Kind::Iterator => Is(evidence),
                _ => Unknown,
            },
            BindingKind::Function | BindingKind::Class => {
                let is_decorated =
                    binding.node.parent().and_then(Node::parent).is_some_and(|node| node.is("decorated_definition"));
                if is_decorated { Unknown } else { other }
            }
            BindingKind::Import | BindingKind::Except | BindingKind::Type => other,
            _ => Unknown,
        }
    }

    /// `x: T = value`: the value where it says something, else the annotation.
    fn annotated(&self, binding: &Binding<'t>, value: Answer<'t>) -> Answer<'t> {
        let annotation: Answer<'t> = binding.annotation.and_then(|annotation| self.facts.annotation(annotation)).into();
        match (value, annotation) {
            (Is(value), Is(annotation)) if value.kind == annotation.kind && value.certainty < annotation.certainty => {
                Is(annotation)
            }
            (Is(value), _) if value.kind != Kind::None => Is(value),
            (Circular, Unknown) => Circular,
            (_, annotation) => annotation,
        }
    }

    fn parameter(&self, binding: &Binding<'t>, depth: u32) -> Answer<'t> {
        let known = |kind| Is(Evidence { kind, certainty: Known, shown_by: binding.node });
        let default = binding.value.map(|value| self.expression(value, depth + 1));
        match binding.node.parent().map_or("", Node::kind) {
            "list_splat_pattern" => return known(Kind::Tuple),
            "dictionary_splat_pattern" => return known(Kind::Dict),
            _ => {}
        }
        let Some(annotation) = binding.annotation else {
            // Callers may give anything else.
            return default.map_or(Unknown, |default| default.at_most(Likely));
        };
        let annotation: Answer<'t> = self.facts.annotation(annotation).into();
        match default.and_then(Answer::kind) {
            Some(default) if default != Kind::None && annotation.kind() != Some(default) => Unknown,
            _ => annotation,
        }
    }

    /// `a, b = {}, []`: each name has its own value.
    fn part(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let pattern = node.parent().filter(|pattern| pattern.is_any(&["pattern_list", "tuple_pattern", "list_pattern"]));
        let assignment = pattern.and_then(Node::parent).filter(|parent| parent.is("assignment"));
        let (Some(pattern), Some(assignment)) = (pattern, assignment) else { return Unknown };
        let Some(right) = chained_value(assignment).map(Node::unparenthesized) else { return Unknown };
        let is_starred = |part: &Node<'t>| part.is_any(&["list_splat_pattern", "list_splat", "parenthesized_list_splat"]);
        let (targets, values): (Vec<_>, Vec<_>) = (pattern.named_children().collect(), right.named_children().collect());
        let fits = right.is_any(&["expression_list", "tuple", "list"])
            && targets.len() == values.len()
            && !targets.iter().chain(&values).any(is_starred);
        match targets.iter().position(|&target| target == node).filter(|_| fits) {
            Some(at) => self.expression(values[at], depth + 1),
            None => Unknown,
        }
    }

    /// The few loops whose items are known: `os.walk`, `range`, and the count of `enumerate`.
    fn loop_variable(&self, node: Node<'t>) -> Answer<'t> {
        let pattern = node.parent().filter(|pattern| pattern.is_any(&["pattern_list", "tuple_pattern"]));
        let position = pattern.and_then(|pattern| pattern.named_children().position(|target| target == node));
        let target = pattern.unwrap_or(node);
        let Some(iterable) =
            target.parent().filter(|_| target.field() == Some("left")).and_then(|parent| parent.child("right"))
        else {
            return Unknown;
        };
        let name = if iterable.is("call") { self.facts.called_name(iterable) } else { None };
        let kind = match (name.as_deref(), position) {
            (Some(["os", "walk"]), Some(1 | 2)) => Kind::List,
            (Some(["os", "walk"] | ["builtins", "enumerate"]), Some(0)) | (Some(["builtins", "range"]), None) => Kind::Scalar,
            _ => return Unknown,
        };
        Is(Evidence { kind, certainty: Known, shown_by: iterable })
    }

    /// `+=` and the like change lists, dicts, sets and deques in place; of numbers and tuples they make others.
    fn after_augmenting(&self, answer: Answer<'t>, augmented: &[Node<'t>], depth: u32) -> Answer<'t> {
        let Is(evidence) = answer else { return answer };
        let stays = match evidence.kind {
            Kind::List | Kind::Dict | Kind::DefaultDict | Kind::Set | Kind::Deque => true,
            Kind::Scalar | Kind::Tuple | Kind::FrozenSet => augmented.iter().all(|node| {
                let right = node.parent().and_then(|parent| parent.child("right"));
                right.and_then(|right| self.expression(right, depth + 1).kind()) == Some(evidence.kind)
            }),
            _ => augmented.is_empty(),
        };
        if stays { answer } else { Unknown }
    }
}

/// The last value of `a = b = value`.
pub(super) fn chained_value(assignment: Node<'_>) -> Option<Node<'_>> {
    let mut node = assignment;
    while node.is("assignment") {
        node = node.child("right")?;
    }
    Some(node)
}
