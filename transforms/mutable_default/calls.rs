//! What the file itself does with the function: which calls give the parameter, and what becomes of their results.

use super::parameter::Parameter;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::effects::{Escape, Read, Use};
use crate::semantics::scope::BindingKind;

/// The mentions of a function in its file.
pub(super) struct Calls<'t> {
    /// Calls that give the parameter, with what they give.
    passing: Vec<(Node<'t>, Node<'t>)>,
    /// Calls that leave it out.
    leaving_out: Vec<Node<'t>>,
    /// Where the function is handed to somebody else.
    handed_on: Vec<Node<'t>>,
    function: Node<'t>,
}

impl<'t> Calls<'t> {
    /// A function is found by its name as Python resolves it. A method is found wherever an attribute of its name is
    /// called: more calls than there are, so that nothing may be proved by a call that gives the parameter.
    pub(super) fn of(cx: &Context<'t>, parameter: &Parameter<'t>) -> Self {
        let mut calls =
            Self { passing: Vec::new(), leaving_out: Vec::new(), handed_on: Vec::new(), function: parameter.function };
        let Some(name) = parameter.function.child("name") else { return calls };
        let mentions: Vec<Node<'t>> = match parameter.class() {
            Some(class) if name.text() == "__init__" => {
                let own = class.child("name").and_then(|class| cx.facts().scopes().variable_of(class));
                let own = own.into_iter().flat_map(|id| cx.facts().scopes().variable(id).references.iter().copied());
                own.chain(attributes(cx, "__init__")).collect()
            }
            Some(_) => attributes(cx, name.text()).collect(),
            None => {
                let own = cx.facts().scopes().variable_of(name);
                own.into_iter().flat_map(|id| cx.facts().scopes().variable(id).references.iter().copied()).collect()
            }
        };
        for mention in mentions {
            let parent = mention.parent();
            match parent.filter(|parent| parent.is("call") && mention.field() == Some("function")) {
                Some(call) => calls.add(call, parameter),
                // Have: f.__doc__, `super().f` as part of a longer chain, a class named as a base or an annotation
                None if parent.is_some_and(|parent| parent.is_any(&["attribute", "type", "decorator"])) => {}
                None => calls.handed_on.push(mention),
            }
        }
        calls
    }

    fn add(&mut self, call: Node<'t>, parameter: &Parameter<'t>) {
        let Some(arguments) = call.child("arguments") else { return };
        let is_splat = |node: &Node<'_>| node.is_any(&["list_splat", "dictionary_splat"]);
        let by_name = arguments.named_children().filter(|argument| argument.is("keyword_argument"));
        let by_name = by_name
            .filter(|argument| argument.child("name").is_some_and(|name| name.text() == parameter.name.text()))
            .find_map(|argument| argument.child("value"));
        let bound = usize::from(parameter.class().is_some() && !is_static(parameter.function));
        let index = parameter.position.and_then(|position| position.checked_sub(bound));
        let positional: Vec<_> = match arguments.kind() {
            "argument_list" => arguments.named_children().filter(|argument| !argument.is("keyword_argument")).collect(),
            _ => vec![arguments],
        };
        let by_position = index.and_then(|index| positional.get(index)).copied();
        match by_name.or(by_position) {
            Some(given) if !is_splat(&given) => self.passing.push((call, given)),
            // What a splat holds cannot be seen; it neither gives the parameter for sure nor leaves it out.
            _ if positional.iter().any(is_splat) || arguments.named_children().any(|argument| is_splat(&argument)) => {}
            _ => self.leaving_out.push(call),
        }
    }

    /// A call of the function itself in its own body that leaves the parameter out.
    pub(super) fn recursion_without(&self) -> Option<Node<'t>> {
        self.leaving_out.iter().copied().find(|call| self.function.contains(*call))
    }

    /// A call that gives None, or a name that may be None.
    pub(super) fn passing_none(&self, cx: &Context<'t>) -> Option<Node<'t>> {
        self.passing.iter().find(|(_, given)| may_be_none(cx, *given)).map(|(call, _)| *call)
    }

    /// A call whose object lives on into the next call: nobody in the file gives one, and the result is thrown away, or kept
    /// while the function is called again. Then the default is where the file keeps its data.
    pub(super) fn accumulating(&self, cx: &Context<'t>) -> Option<Node<'t>> {
        let outside: Vec<_> = self.leaving_out.iter().filter(|call| !self.function.contains(**call)).collect();
        if self.class_is_unknown() && !self.passing.is_empty() {
            return None;
        }
        let again = |call: Node<'t>| outside.len() > 1 || is_in_loop(call);
        outside.iter().copied().copied().find(|call| !is_used_at_once(cx, *call) && again(*call))
    }

    /// A call that gives the parameter proves that the default is no store only where it is certain whose call it is.
    fn class_is_unknown(&self) -> bool {
        super::parameter::class_around(self.function).is_none()
    }

    /// A place where the function is given to somebody who calls it unseen.
    pub(super) fn handed_on(&self) -> Option<Node<'t>> {
        self.handed_on.first().copied()
    }
}

/// Every `.name` in the file.
fn attributes<'t>(cx: &Context<'t>, name: &'t str) -> impl Iterator<Item = Node<'t>> {
    let all = cx.tree.of_kind("attribute");
    all.filter(move |node| node.child("attribute").is_some_and(|attribute| attribute.text() == name))
}

/// Whether a call's result is read there and then, or is the business of the caller. What is compared is not: an expected value
/// may count on earlier calls.
fn is_used_at_once<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    let collecting = ["list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"];
    let mut path = call.ancestors().take_while(|around| !around.is_statement() && !around.is("call"));
    if path.any(|around| around.is_any(&collecting)) {
        return false;
    }
    match cx.facts().use_of(call) {
        Use::Read(read) => !matches!(read, Read::Ignored | Read::Compared),
        Use::Escapes(escape) => matches!(escape, Escape::Returned | Escape::Yielded),
        Use::Mutated(_) => false,
    }
}

fn is_static(function: Node<'_>) -> bool {
    super::parameter::decorators(function).any(|decorator| decorator.text() == "staticmethod")
}

fn is_in_loop(call: Node<'_>) -> bool {
    let around = call.ancestors().take_while(|around| !around.is_any(&["function_definition", "class_definition"]));
    let loops = [
        "for_statement",
        "while_statement",
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "generator_expression",
    ];
    around.into_iter().any(|around| around.is_any(&loops))
}

/// Whether an argument is None, or a name that is bound to None somewhere.
fn may_be_none<'t>(cx: &Context<'t>, given: Node<'t>) -> bool {
    let given = given.unparenthesized();
    match given.kind() {
        "none" => true,
        "conditional_expression" => given.named_children().any(|arm| arm.is("none")),
        "identifier" => {
            let scopes = cx.facts().scopes();
            let Some(id) = scopes.variable_of(given) else { return false };
            scopes.variable(id).bindings.iter().any(|binding| {
                binding.value.is_some_and(|value| value.is("none"))
                    || binding.kind == BindingKind::Parameter && binding.annotation.is_some_and(super::annotation::admits_none)
            })
        }
        _ => false,
    }
}
