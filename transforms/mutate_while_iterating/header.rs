//! What the header of a loop walks: the containers in it, and how their elements reach the loop's target.

use super::loops::Loop;
use super::own::plain;
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::effects::Place;
use crate::semantics::scope::{BindingKind, Variable};

/// A container that a header walks directly, so that every change of it meets the walk.
pub(super) struct Walk<'t> {
    /// What a snapshot would be made of: `d`, `d.items()`, `vars(x)`.
    pub(super) site: Node<'t>,
    /// The container itself: the `d` of `d.items()`.
    pub(super) container: Node<'t>,
    /// Which container that is.
    pub(super) walked: Walked<'t>,
    /// How it is looked at.
    pub(super) view: View,
    /// The part of the target that receives each element, where it arrives as it is.
    pub(super) element: Option<Node<'t>>,
    /// The part of the target that counts: the `i` of `for i, x in enumerate(xs)`.
    pub(super) counter: Option<Node<'t>>,
    /// Whether it is walked from its end.
    pub(super) backwards: bool,
}

/// How a container is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The container itself: elements, or the keys of a dict.
    Bare,
    /// `.keys()`.
    Keys,
    /// `.values()`.
    Values,
    /// `.items()`.
    Items,
}

/// Which container is walked.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Walked<'t> {
    /// One that an expression without calls names.
    Place(Place<'t>),
    /// The attributes of an object: `vars(x)`, or `x.__dict__` with its own place.
    Attributes {
        /// The object.
        of: Place<'t>,
        /// The place of `x.__dict__`, when it is spelled so.
        spelled: Option<Place<'t>>,
    },
    /// `globals()`.
    Globals,
}

impl<'t> Walk<'t> {
    /// The pattern that receives the keys, or the elements of what is no dict.
    pub(super) fn key(&self) -> Option<Key<'t>> {
        let element = self.element?;
        match self.view {
            View::Bare | View::Keys => Some(Key::Pattern(element)),
            View::Values => None,
            View::Items => match parts(element).as_slice() {
                [key, _] => Some(Key::Pattern(*key)),
                [] if element.is("identifier") => Some(Key::First(element)),
                _ => None,
            },
        }
    }

    /// What the key at hand is called, without white space.
    pub(super) fn key_text(&self) -> Option<String> {
        Some(match self.key()? {
            Key::Pattern(pattern) => plain(pattern.text()),
            Key::First(pair) => format!("{}[0]", pair.text()),
        })
    }

    /// The pattern that receives the values. The whole pair when it is not taken apart.
    pub(super) fn value(&self) -> Option<Node<'t>> {
        let element = self.element?;
        match self.view {
            View::Bare | View::Keys => None,
            View::Values => Some(element),
            View::Items => Some(parts(element).get(1).copied().unwrap_or(element)),
        }
    }

    /// Whether the header holds values, which a snapshot would freeze.
    pub(super) fn holds_values(&self) -> bool {
        matches!(self.view, View::Values | View::Items)
    }
}

/// Where a loop keeps the key at hand.
#[derive(Clone, Copy)]
pub(super) enum Key<'t> {
    /// In a name, or in a tuple of names.
    Pattern(Node<'t>),
    /// In the first half of a pair that is not taken apart: `item[0]`.
    First(Node<'t>),
}

/// The parts of a target that is taken apart: `k, v`, `(k, v)`, `[k, v]`; nothing for other targets.
fn parts(target: Node<'_>) -> Vec<Node<'_>> {
    if target.is_any(&["pattern_list", "tuple_pattern", "list_pattern"]) {
        let parts: Vec<_> = target.named_children().collect();
        if !parts.iter().any(|part| part.is("list_splat_pattern")) {
            return parts;
        }
    }
    Vec::new()
}

/// Everything that the header walks directly. Copies, tuples and unknown calls hide what is in them: they are walked
/// themselves.
pub(super) fn walks<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>) -> Vec<Walk<'t>> {
    let mut found = Vec::new();
    let mut open = vec![Seen { expression: a_loop.header, element: Some(a_loop.target), counter: None, backwards: false }];
    while let Some(seen) = open.pop() {
        let seen = Seen { expression: seen.expression.unparenthesized(), ..seen };
        match seen.inside(facts) {
            Some(inside) => open.extend(inside.into_iter().rev()),
            None => found.extend(seen.walk(facts, a_loop)),
        }
    }
    found
}

/// An expression on the way into a header, with what is known of its elements.
#[derive(Clone, Copy)]
struct Seen<'t> {
    expression: Node<'t>,
    element: Option<Node<'t>>,
    counter: Option<Node<'t>>,
    backwards: bool,
}

impl<'t> Seen<'t> {
    /// The arguments of a function that walks them step by step as it is walked itself. None for other expressions.
    fn inside(self, facts: &Facts<'t>) -> Option<Vec<Self>> {
        let call = self.expression;
        if !call.is("call") {
            return None;
        }
        let name = facts.called_name(call)?;
        let arguments = positional(call)?;
        let at = |position: usize, element| {
            arguments.get(position).map(|&expression| Self { expression, element, ..self }).into_iter().collect::<Vec<_>>()
        };
        Some(match name.as_slice() {
            ["builtins", "enumerate"] => {
                let parts = self.element.map(parts).unwrap_or_default();
                let inner = Self { counter: parts.first().copied(), element: parts.get(1).copied(), ..self };
                arguments.first().map(|&expression| Self { expression, ..inner }).into_iter().collect()
            }
            ["builtins", "zip"] => {
                let parts = self.element.map(parts).unwrap_or_default();
                let each = arguments.iter().enumerate();
                each.map(|(i, &expression)| Self { expression, element: parts.get(i).copied(), ..self }).collect()
            }
            ["builtins", "reversed"] => {
                at(0, self.element).into_iter().map(|inner| Self { backwards: true, ..inner }).collect()
            }
            ["builtins", "iter"] if arguments.len() == 1 => at(0, self.element),
            ["builtins", "map"] => {
                arguments.iter().skip(1).map(|&expression| Self { expression, element: None, ..self }).collect()
            }
            ["builtins", "filter"] | ["itertools", "takewhile" | "dropwhile" | "filterfalse"] => at(1, self.element),
            ["itertools", "islice"] | ["tqdm", .., "tqdm" | "tqdm_notebook"] | ["rich", "progress", "track"] => {
                at(0, self.element)
            }
            ["itertools", "chain"] => arguments.iter().map(|&expression| Self { expression, ..self }).collect(),
            _ => return None,
        })
    }

    /// The walk, if the expression is a container, a view of one, or a name for a view.
    fn walk(self, facts: &Facts<'t>, a_loop: &Loop<'t>) -> Option<Walk<'t>> {
        let Self { expression: site, element, counter, backwards } = self;
        let (container, view) = view_call(site).or_else(|| bound_view(facts, site, a_loop)).unwrap_or((site, View::Bare));
        let walked = walked(facts, container)?;
        let site = site_of_bound_view(facts, site).unwrap_or(site);
        Some(Walk { site, container, walked, view, element, counter, backwards })
    }
}

/// Positional arguments; none when there is a `*` among them, or a generator expression without parentheses.
fn positional(call: Node<'_>) -> Option<Vec<Node<'_>>> {
    let arguments = call.child("arguments").filter(|arguments| arguments.is("argument_list"))?;
    if arguments.named_children().any(|argument| argument.is("list_splat")) {
        return None;
    }
    Some(arguments.named_children().filter(|argument| !argument.is_any(&["keyword_argument", "dictionary_splat"])).collect())
}

/// `d.items()` and the like: the container and how it is looked at.
fn view_call(call: Node<'_>) -> Option<(Node<'_>, View)> {
    let function = call.is("call").then(|| call.child("function"))??;
    let arguments = call.child("arguments").filter(|arguments| arguments.is("argument_list"))?;
    if !function.is("attribute") || arguments.named_children().next().is_some() {
        return None;
    }
    let view = match function.child("attribute")?.text() {
        "keys" => View::Keys,
        "values" => View::Values,
        "items" => View::Items,
        _ => return None,
    };
    Some((function.child("object")?.unparenthesized(), view))
}

fn walked<'t>(facts: &Facts<'t>, container: Node<'t>) -> Option<Walked<'t>> {
    if container.is("call") {
        return match (facts.called_name(container)?.as_slice(), positional(container)?.as_slice()) {
            (["builtins", "vars"], [object]) => Some(Walked::Attributes { of: facts.place(*object)?, spelled: None }),
            (["builtins", "globals"], []) => Some(Walked::Globals),
            _ => None,
        };
    }
    let place = facts.place(container)?;
    match container.is("attribute").then(|| container.child("attribute")).flatten() {
        Some(name) if name.text() == "__dict__" => {
            Some(Walked::Attributes { of: facts.place(container.child("object")?)?, spelled: Some(place) })
        }
        _ => Some(Walked::Place(place)),
    }
}

/// The view that a name stands for: `names = d.keys()` before the loop, bound nowhere else.
fn bound_view<'t>(facts: &Facts<'t>, name: Node<'t>, a_loop: &Loop<'t>) -> Option<(Node<'t>, View)> {
    let (container, view) = view_call(bound_value(facts, name)?)?;
    let place = facts.place(container)?;
    // Have: names = d.keys() .. for name in names
    let function = a_loop.node.enclosing_definition();
    let between = container.end()..a_loop.node.end();
    let rebound = facts.rebindings(&place, function).into_iter().any(|binding| between.contains(&binding.start()));
    (!rebound).then_some((container, view))
}

/// Python 2 code uses the view as a list: then the list is made where the name is bound.
fn site_of_bound_view<'t>(facts: &Facts<'t>, name: Node<'t>) -> Option<Node<'t>> {
    let value = bound_value(facts, name).filter(|value| view_call(*value).is_some())?;
    let variable = facts.scopes().variable(facts.scopes().variable_of(name)?);
    used_as_list(variable).then_some(value)
}

fn bound_value<'t>(facts: &Facts<'t>, name: Node<'t>) -> Option<Node<'t>> {
    let variable = facts.scopes().variable(name.is("identifier").then(|| facts.scopes().variable_of(name))??);
    match variable.bindings.as_slice() {
        [binding] if binding.kind == BindingKind::Assignment && runs_before(binding.node, name) => binding.value,
        _ => None,
    }
}

/// Whether both stand in the same function, the binding first.
fn runs_before(binding: Node<'_>, use_of_it: Node<'_>) -> bool {
    binding < use_of_it && binding.enclosing_definition() == use_of_it.enclosing_definition()
}

fn used_as_list(variable: &Variable<'_>) -> bool {
    variable.references.iter().any(|name| {
        let Some(around) = name.parent() else { return false };
        let is_value = around.child("value") == Some(*name);
        let method = around.child("attribute").filter(|_| around.child("object") == Some(*name));
        around.is("subscript") && is_value
            || method.is_some_and(|method| ["sort", "reverse", "append"].contains(&method.text()))
    })
}
