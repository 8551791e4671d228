//! A function of the file that a call in a loop runs: a method of the same class, or a function bound by its `def`.

use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::effects::Place;
use crate::semantics::scope::BindingKind;

/// A function of the file that a call runs, and what the container is called inside.
pub(super) struct Callee<'t> {
    /// Its name.
    pub(super) name: &'t str,
    /// Its body.
    pub(super) body: Node<'t>,
    /// Names of the parameters that arguments are given to by position.
    pub(super) parameters: Vec<&'t str>,
    /// The container, as code of the body names it.
    pub(super) place: Place<'t>,
}

impl<'t> Callee<'t> {
    /// The function, when the file defines it and it knows the container.
    pub(super) fn of(facts: &Facts<'t>, place: &Place<'t>, call: Node<'t>) -> Option<Self> {
        let function = call.child("function")?;
        let callee = match function.kind() {
            "identifier" => Self::function(facts, place, function),
            "attribute" => Self::method(facts, place, function),
            _ => None,
        };
        callee.filter(|callee| callee.runs_in(call))
    }

    /// Whether the body runs during the call: a coroutine runs when it is awaited, a generator when it is walked.
    fn runs_in(&self, call: Node<'t>) -> bool {
        let is_coroutine =
            self.body.parent().and_then(|definition| definition.children().next()).is_some_and(|token| token.is("async"));
        let is_awaited = call.parent().is_some_and(|around| around.is("await"));
        let mut own_code = self.body.walk(|node| node.is_any(&["function_definition", "lambda"]));
        (is_awaited || !is_coroutine) && !own_code.any(|node| node.is("yield"))
    }

    /// A function of the file, bound once by its `def`, that knows the container under the same name.
    fn function(facts: &Facts<'t>, place: &Place<'t>, name: Node<'t>) -> Option<Self> {
        let variable = facts.scopes().variable(facts.scopes().variable_of(name)?);
        let [binding] = variable.bindings.as_slice() else { return None };
        let definition = (binding.kind == BindingKind::Function).then(|| binding.node.parent())??;
        let parameters = parameters(definition);
        Some(Self { name: name.text(), body: definition.child("body")?, parameters, place: place.clone() })
    }

    /// A method of the class whose `self` the container is an attribute of.
    fn method(facts: &Facts<'t>, place: &Place<'t>, function: Node<'t>) -> Option<Self> {
        let this = function.child("object").filter(|object| object.is("identifier"))?;
        let root = place.root.filter(|root| facts.scopes().variable_of(this) == Some(*root))?;
        let definition = facts.scopes().definition(facts.scopes().variable(root).scope);
        if place.steps.is_empty() || parameters(definition).first() != Some(&place.name) {
            return None;
        }
        // Have: def sweep(self): .. self._drop(k)
        let name = function.child("attribute")?.text();
        let method =
            methods(class_of(definition)?).filter(|method| method.child("name").is_some_and(|n| n.text() == name)).last()?;
        let mut parameters = parameters(method);
        if parameters.is_empty() {
            return None;
        }
        let this = method.child("parameters")?.descendants().find(|node| node.is("identifier"))?;
        let renamed = Place { root: facts.scopes().variable_of(this), name: parameters.remove(0), steps: place.steps.clone() };
        Some(Self { name, body: method.child("body")?, parameters, place: renamed })
    }
}

/// The class whose body a method stands in directly.
pub(super) fn class_of(method: Node<'_>) -> Option<Node<'_>> {
    let class = method.ancestors().find(|around| around.is_any(&["class_definition", "function_definition", "lambda"]))?;
    class.is("class_definition").then_some(class)
}

/// The methods of a class: functions that stand in its body directly, decorated or not.
pub(super) fn methods(class: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let body = class.child("body").into_iter().flat_map(Node::named_children);
    body.filter_map(|node| match node.kind() {
        "function_definition" => Some(node),
        "decorated_definition" => node.child("definition").filter(|definition| definition.is("function_definition")),
        _ => None,
    })
}

/// The names of the parameters that positional arguments reach, in order.
pub(super) fn parameters(definition: Node<'_>) -> Vec<&str> {
    let Some(list) = definition.child("parameters") else { return Vec::new() };
    list.named_children()
        .take_while(|parameter| !parameter.is_any(&["list_splat_pattern", "keyword_separator", "dictionary_splat_pattern"]))
        .filter(|parameter| !parameter.is("positional_separator"))
        .filter_map(|parameter| match parameter.kind() {
            "identifier" => Some(parameter.text()),
            "typed_parameter" => parameter.named_children().next().filter(|name| name.is("identifier")).map(Node::text),
            _ => parameter.child("name").map(Node::text),
        })
        .collect()
}
