//! From a mention of a tensor, array or list outwards to whoever gets its memory.

use super::{Fate, Form, is_chained, is_target};
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use crate::semantics::scope::{BindingKind, ScopeKind};
use crate::semantics::storage::{self, Storage};
use crate::semantics::{Facts, uses};

/// How many names behind names are followed.
const DEPTH: u32 = 4;

/// From a mention outwards to whoever gets the memory.
#[derive(Clone)]
pub(super) struct Walk<'f, 't> {
    facts: &'f Facts<'t>,
    form: Form,
    depth: u32,
    /// Whether the question is who holds the memory: a write is passed over, and what it gives is followed.
    past_writes: bool,
    /// Where the parts stand in what `enumerate` and `zip` give, the innermost call first.
    path: Vec<usize>,
}

enum Step<'t> {
    /// The memory goes on as that of this expression.
    Out(Node<'t>),
    Done(Fate<'t>),
}
use Step::{Done, Out};

impl<'f, 't> Walk<'f, 't> {
    /// Follows names to their mentions.
    pub(super) fn new(facts: &'f Facts<'t>, form: Form) -> Self {
        Self { facts, form, depth: 0, past_writes: false, path: Vec::new() }
    }

    /// A tensor, whose other names are where the walk ends.
    pub(super) fn shallow(facts: &'f Facts<'t>) -> Self {
        Self { facts, form: Form::Tensor, depth: DEPTH, past_writes: true, path: Vec::new() }
    }

    /// Who gets hold of a tensor, whether or not somebody writes to it as well.
    pub(super) fn holders(facts: &'f Facts<'t>) -> Self {
        Self { facts, form: Form::Tensor, depth: 0, past_writes: true, path: Vec::new() }
    }

    pub(super) fn fate(mut self, expression: Node<'t>) -> Fate<'t> {
        let root = self.facts.scopes().variable_of(expression).filter(|_| expression.is("identifier"));
        if let Some(definition) = uses::captor(self.facts, expression, root) {
            return Fate::Held(definition);
        }
        let mut node = expression;
        while let Some(parent) = node.parent() {
            match self.step(node, parent) {
                Out(next) => node = next,
                Done(fate) => return fate,
            }
        }
        Fate::Looked
    }

    fn step(&mut self, node: Node<'t>, parent: Node<'t>) -> Step<'t> {
        let field = node.field();
        // Have: enumerate(t), zip(a, t): only a loop takes that apart
        let goes_on = ["argument_list", "parenthesized_expression", "for_statement", "for_in_clause"];
        if !self.path.is_empty() && !parent.is_any(&goes_on) {
            return Done(Fate::Held(parent));
        }
        let is_list = self.form == Form::List;
        match parent.kind() {
            "parenthesized_expression" | "boolean_operator" => Out(parent),
            "conditional_expression" if parent.named_children().nth(1) != Some(node) => Out(parent),
            "unary_operator" if parent.children().any(|token| token.is("+")) => Out(parent),
            "binary_operator" if is_list && !is_format(node, parent) => Done(Fate::Held(parent)),
            "conditional_expression"
            | "unary_operator"
            | "binary_operator"
            | "comparison_operator"
            | "not_operator"
            | "slice"
            | "interpolation"
            | "format_expression"
            | "expression_statement"
            | "assert_statement"
            | "if_statement"
            | "elif_clause"
            | "while_statement"
            | "if_clause"
            | "delete_statement" => Done(Fate::Looked),
            "attribute" if field == Some("object") => self.attribute(parent),
            "subscript" if field == Some("value") => match is_target(parent) {
                Some(target) => Done(Fate::Written(target)),
                None => Out(parent),
            },
            "subscript" => {
                let container = parent.child("value");
                let is_tensor = container.is_some_and(|container| self.facts.tensor(container).is_some());
                Done(if is_tensor { Fate::Looked } else { Fate::Held(parent) })
            }
            "argument_list" => match parent.parent().filter(|call| call.is("call")) {
                Some(call) => self.passed(call, None, parent.named_children().position(|argument| argument == node)),
                None => Done(Fate::Held(parent)),
            },
            "keyword_argument" => match parent.parent().and_then(Node::parent).filter(|call| call.is("call")) {
                Some(call) => self.passed(call, parent.child("name").map(Node::text), None),
                None => Done(Fate::Held(parent)),
            },
            // Have: torch.stack([t, u])
            "list" | "tuple" if !is_list => {
                let call = parent.parent().filter(|around| around.is("argument_list")).and_then(Node::parent);
                let name = call.and_then(|call| self.facts.called_name(call));
                let computes = name.is_some_and(|name| name[0] == "torch" && storage::function(&name) == Storage::Own);
                Done(if computes { Fate::Looked } else { Fate::Held(parent) })
            }
            "augmented_assignment" if field == Some("left") => Done(Fate::Written(parent)),
            "augmented_assignment" => {
                let left = parent.child("left");
                let is_number = |left| self.facts.tensor(left).is_some() || self.facts.is_plain_number(left);
                Done(if left.is_some_and(is_number) { Fate::Looked } else { Fate::Held(parent) })
            }
            "assignment" if field == Some("right") => self.assigned(parent),
            "for_statement" | "for_in_clause" if field == Some("right") => match parent.child("left") {
                Some(target) => self.parts(target),
                None => Done(Fate::Held(parent)),
            },
            // A target is bound, and nothing happens to what it was.
            "assignment" | "for_statement" | "for_in_clause" | "pattern_list" | "tuple_pattern" | "typed_parameter"
            | "parameters" | "default_parameter"
                if field != Some("right") && field != Some("value") =>
            {
                Done(Fate::Looked)
            }
            _ => Done(Fate::Held(parent)),
        }
    }

    /// `t.name`, `t.name(..)`.
    fn attribute(&mut self, attribute: Node<'t>) -> Step<'t> {
        let name = attribute.child("attribute").map_or("", Node::text);
        if let Some(target) = is_target(attribute) {
            return Done(Fate::Written(target));
        }
        let call = attribute.parent().filter(|call| call.is("call") && attribute.field() == Some("function"));
        let Some(call) = call else {
            return match storage::attribute(name) {
                Storage::Own => Done(Fate::Looked),
                Storage::Shared => Out(attribute),
                _ => Done(Fate::Held(attribute)),
            };
        };
        let what = match self.form {
            Form::Tensor => storage::method(name),
            Form::Array => storage::array_method(name),
            Form::List => match name {
                "index" | "count" => Storage::Own,
                "copy" => Storage::Shared,
                _ => Storage::Written,
            },
        };
        // `x.astype(t, copy=False)`, `x.clip(0, 1, out=x)`
        let keywords = call.child("arguments").into_iter().flat_map(Node::named_children);
        let names: Vec<_> = keywords.filter_map(|argument| argument.child("name")).map(Node::text).collect();
        match what {
            Storage::Own if names.contains(&"out") || names.contains(&"copy") && name != "to" => Done(Fate::Held(call)),
            Storage::Own => Done(Fate::Looked),
            Storage::Shared => {
                if name == "numpy" {
                    self.form = Form::Array;
                }
                Out(call)
            }
            Storage::Written => self.written(call),
            Storage::Unknown => Done(Fate::Held(call)),
        }
    }

    /// A call that writes to the tensor, and gives it back: `v = t.zero_()`, `v = torch.add(a, b, out=t)`.
    fn written(&self, call: Node<'t>) -> Step<'t> {
        if self.past_writes { Out(call) } else { Done(Fate::Written(call)) }
    }

    /// An argument of a call; `place` is its place among the positional ones.
    fn passed(&mut self, call: Node<'t>, keyword: Option<&str>, place: Option<usize>) -> Step<'t> {
        let held = Done(Fate::Held(call));
        let Some(function) = call.child("function") else { return held };
        if keyword == Some("out") {
            return self.written(call);
        }
        if let Some(name) = self.facts.qualified_name(function) {
            let what = match self.form {
                Form::Array if name[0] == "torch" && name != ["torch", "tensor"] => Storage::Unknown,
                Form::Tensor | Form::Array => storage::function(&name),
                Form::List => storage::function_of_lists(&name),
            };
            let mut arguments = call.child("arguments").into_iter().flat_map(Node::named_children);
            // `np.array(t, copy=False)`
            let may_share = arguments.any(|argument| {
                argument.is("dictionary_splat") || argument.child("name").is_some_and(|name| name.text() == "copy")
            });
            if what == Storage::Own && may_share {
                return held;
            }
            return match (what, &name[..], place) {
                (_, ["builtins", "enumerate"], Some(0)) => {
                    self.path.push(1);
                    Out(call)
                }
                (_, ["builtins", "zip"], Some(place)) => {
                    self.path.push(place);
                    Out(call)
                }
                (_, ["builtins", "enumerate" | "zip"], _) => held,
                (what, ..) => self.given(what, call),
            };
        }
        if let (Some(object), Some(method)) = (function.child("object"), function.child("attribute").map(Node::text)) {
            if method == "format" && object.is_any(&["string", "concatenated_string"]) {
                return Done(Fate::Looked);
            }
            let is_tensor = self.facts.tensor(object).is_some_and(|tensor| tensor.certainty == Certainty::Known);
            if is_tensor && self.form != Form::List && method != "set_" && storage::method(method) != Storage::Unknown {
                return Done(Fate::Looked);
            }
        }
        if self.facts.is_loss(call) { Done(Fate::Looked) } else { held }
    }

    /// What a function does with it is known.
    fn given(&self, what: Storage, call: Node<'t>) -> Step<'t> {
        match what {
            Storage::Own => Done(Fate::Looked),
            Storage::Shared => Out(call),
            Storage::Written => self.written(call),
            Storage::Unknown => Done(Fate::Held(call)),
        }
    }

    /// `y = t`, `a, b = t`.
    fn assigned(&self, assignment: Node<'t>) -> Step<'t> {
        let Some(target) = assignment.child("left") else { return Done(Fate::Held(assignment)) };
        if is_chained(target) {
            return Done(Fate::Held(assignment));
        }
        if target.is_any(&["pattern_list", "tuple_pattern"]) {
            return self.parts(target);
        }
        self.named(target)
    }

    /// What a loop or an unpacking takes out of it: numbers of a list, parts of a tensor.
    fn parts(&self, target: Node<'t>) -> Step<'t> {
        let mut target = target;
        for &place in self.path.iter().rev() {
            let part = target.is_any(&["pattern_list", "tuple_pattern"]).then(|| target.named_children().nth(place)).flatten();
            match part {
                Some(part) if !target.named_children().any(|part| part.is("list_splat_pattern")) => target = part,
                _ => return Done(Fate::Held(target)),
            }
        }
        let is_pattern = |node: &Node<'t>| node.is_any(&["pattern_list", "tuple_pattern", "list_pattern"]);
        for name in target.and_descendants().filter(|node| node.is_named() && !is_pattern(node)) {
            match self.named(name) {
                Done(Fate::Looked) => {}
                Done(Fate::Written(_)) if self.past_writes => {}
                Done(Fate::Written(node)) => return Done(Fate::Written(node)),
                _ => return Done(Fate::Held(target)),
            }
        }
        Done(Fate::Looked)
    }

    /// Another name: what happens to it where that is mentioned.
    fn named(&self, name: Node<'t>) -> Step<'t> {
        let held = Done(Fate::Held(name));
        let scopes = self.facts.scopes();
        let Some(id) = scopes.variable_of(name).filter(|_| name.is("identifier") && self.depth < DEPTH) else { return held };
        let variable = scopes.variable(id);
        let own_scope = scopes.beyond_comprehensions(scopes.scope_of(name));
        let is_local = scopes.beyond_comprehensions(variable.scope) == own_scope
            && matches!(scopes.kind(own_scope), ScopeKind::Function | ScopeKind::Module | ScopeKind::Lambda)
            && !scopes.is_dynamic(own_scope);
        if !is_local {
            return held;
        }
        let augmented = variable.bindings.iter().find(|binding| binding.kind == BindingKind::Augmented && !self.past_writes);
        if let Some(binding) = augmented {
            return Done(Fate::Written(binding.node.parent().unwrap_or(binding.node)));
        }
        let deeper = || Self { depth: self.depth + 1, path: Vec::new(), ..self.clone() };
        let mut fate = Fate::Looked;
        for &reference in &variable.references {
            if self.facts.owner(reference) != self.facts.owner(name) {
                return held;
            }
            match deeper().fate(reference) {
                Fate::Looked => {}
                Fate::Written(_) if self.past_writes => {}
                Fate::Written(node) => return Done(Fate::Written(node)),
                Fate::Held(_) => fate = Fate::Held(name),
            }
        }
        Done(fate)
    }
}

/// `"%s" % t`.
fn is_format(node: Node<'_>, operation: Node<'_>) -> bool {
    node.field() == Some("right")
        && operation.child("left").is_some_and(|left| left.is_any(&["string", "concatenated_string"]))
        && operation.child("operator").is_some_and(|operator| operator.is("%"))
}
