//! What a function does with a parameter, and what happens in it today when somebody passes None.

use super::parameter::Parameter;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::effects::{Escape, MutationKind, Read, Use};
use crate::semantics::scope::BindingKind;

/// Everything that a function does with the object that a parameter starts with.
pub(super) struct Uses<'t> {
    /// In text order.
    pub(super) all: Vec<One<'t>>,
    /// Names of the parameter that are bound again, by anything but an augmented assignment.
    pub(super) rebound: Vec<Node<'t>>,
}

/// One mention of the parameter.
pub(super) struct One<'t> {
    /// The identifier.
    pub(super) mention: Node<'t>,
    /// What happens to the object there.
    pub(super) what: What<'t>,
    /// The nested function, lambda or class in which it stands.
    pub(super) inside: Option<Node<'t>>,
}

/// What happens to the object at a mention.
pub(super) enum What<'t> {
    /// The object itself, or with `deep` something that it holds.
    Use(Use<'t>),
    /// Something that it holds is changed: `cfg["a"].append(1)`.
    PartMutated,
    /// A nested function or lambda changes it.
    MutatedInside,
}

impl<'t> Uses<'t> {
    /// Reads the body of a function. Mentions that can only see an object that the body bound itself are left out.
    pub(super) fn of(cx: &Context<'t>, parameter: &Parameter<'t>) -> Self {
        let facts = cx.facts();
        let body = parameter.function.child("body");
        let (Some(body), Some(id)) = (body, parameter.variable(cx)) else {
            return Self { all: Vec::new(), rebound: Vec::new() };
        };
        let variable = facts.scopes().variable(id);
        let bindings = || variable.bindings.iter().filter(|binding| body.contains(binding.node));
        let augmented = bindings().filter(|binding| binding.kind == BindingKind::Augmented).map(|binding| binding.node);
        let rebound: Vec<_> = bindings()
            .filter(|binding| !matches!(binding.kind, BindingKind::Augmented | BindingKind::Declaration))
            .map(|binding| binding.node)
            .collect();
        let mut mentions: Vec<_> = variable.references.iter().copied().filter(|node| body.contains(*node)).collect();
        mentions.extend(augmented);
        mentions.sort_unstable();
        mentions.dedup();
        let is_default = |mention: &Node<'t>| {
            let at = outermost_inside(parameter.function, *mention).unwrap_or(*mention);
            !rebound.iter().any(|binding| replaces(cx, *binding, at))
        };
        let all = mentions.into_iter().filter(is_default).map(|mention| One {
            mention,
            what: what(cx, mention),
            inside: outermost_inside(parameter.function, mention),
        });
        Self { all: all.collect(), rebound }
    }

    /// The first place where the object, or something that it holds, is changed.
    pub(super) fn first_mutation(&self) -> Option<&One<'t>> {
        self.all.iter().find(|one| one.is_mutation())
    }

    /// The first place from which somebody else may hold the object.
    pub(super) fn first_escape(&self) -> Option<&One<'t>> {
        self.all.iter().find(|one| one.is_escape())
    }

    /// Whether the object is kept or given back, and not only passed to calls and nested functions, which mostly read it, or
    /// put into a local display or name.
    pub(super) fn is_kept(&self) -> bool {
        self.all.iter().any(|one| match &one.what {
            What::Use(Use::Escapes(Escape::Passed(_) | Escape::Aliased(_) | Escape::Captured(_))) => false,
            What::Use(Use::Escapes(Escape::Stored(place))) => place.is_any(&["attribute", "subscript", "identifier"]),
            _ => one.is_escape(),
        })
    }
}

impl One<'_> {
    /// Whether the object, or something that it holds, is changed here.
    pub(super) fn is_mutation(&self) -> bool {
        matches!(self.what, What::PartMutated | What::MutatedInside | What::Use(Use::Mutated(_)))
    }

    /// Whether somebody else may hold the object from here on.
    pub(super) fn is_escape(&self) -> bool {
        self.inside.is_some() || matches!(self.what, What::Use(Use::Escapes(_)))
    }

    /// Whether it is unpacked into the arguments of a call, so that the callee holds a copy.
    pub(super) fn is_unpacked(&self) -> bool {
        self.mention.parent().is_some_and(|parent| parent.is_any(&["list_splat", "dictionary_splat"]))
    }
}

/// The definition directly in the function's own code that holds the node: what runs at another time than the rest.
fn outermost_inside<'t>(function: Node<'t>, node: Node<'t>) -> Option<Node<'t>> {
    let around = node.ancestors().take_while(|around| *around != function);
    around.filter(|around| around.is_any(&["function_definition", "lambda"])).last()
}

/// Whether the object that a name is bound to at `binding` is the only one that `mention` can see.
fn replaces<'t>(cx: &Context<'t>, binding: Node<'t>, mention: Node<'t>) -> bool {
    let Some(statement) = binding.statement() else { return false };
    // A loop variable or a `with` target is bound in the header of a statement that may also mention the parameter.
    statement.is("expression_statement") && !statement.contains(mention) && cx.facts().dominates(binding, mention)
}

fn what<'t>(cx: &Context<'t>, mention: Node<'t>) -> What<'t> {
    let facts = cx.facts();
    let first = facts.use_of(mention);
    if let Use::Escapes(Escape::Captured(definition)) = first {
        let body =
            mention.ancestors().take_while(|around| definition.contains(*around)).find(|around| around.field() == Some("body"));
        let changes =
            |body| facts.place(mention).is_some_and(|place| facts.mutations(&place, body).iter().any(|m| m.mention == mention));
        return if body.is_some_and(changes) { What::MutatedInside } else { What::Use(first) };
    }
    let mut next = part(&first);
    // Have: cfg["a"]; is that part changed?
    while let Some(node) = next {
        let of_part = facts.use_of(node);
        if let Use::Mutated(_) = of_part {
            return What::PartMutated;
        }
        // Each part holds the one before it.
        next = part(&of_part).filter(|outer| outer.id() < node.id());
    }
    What::Use(first)
}

/// The subscript or attribute that is read, when a use only reads that.
fn part<'t>(of: &Use<'t>) -> Option<Node<'t>> {
    match of {
        Use::Read(Read::Subscript(node)) => Some(*node),
        _ => None,
    }
}

/// The first mention that a None passed on purpose reaches today without raising, if there is one: from there on somebody may
/// depend on it.
pub(super) fn reached_by_none<'a, 't>(cx: &Context<'t>, function: Node<'t>, uses: &'a Uses<'t>) -> Option<&'a One<'t>> {
    let raising: Vec<_> = uses.all.iter().filter(|one| raises_on_none(cx, function, one)).map(|one| one.mention).collect();
    uses.all.iter().find(|one| {
        let at = one.inside.unwrap_or(one.mention);
        !raising.iter().any(|first| one.mention == *first || comes_first(cx, *first, at))
    })
}

/// Whether `first` is evaluated before `second` whenever `second` is.
fn comes_first<'t>(cx: &Context<'t>, first: Node<'t>, second: Node<'t>) -> bool {
    if first.statement() == second.statement() {
        return first.end() <= second.start() && is_always_evaluated(first);
    }
    is_always_evaluated(first) && cx.facts().dominates(first, second)
}

/// Whether None in the place of this mention raises, and nobody in the function catches it.
fn raises_on_none<'t>(cx: &Context<'t>, function: Node<'t>, one: &One<'t>) -> bool {
    if one.inside.is_some() || is_caught(cx, function, one.mention) {
        return false;
    }
    let usual = |name: &str| !name.starts_with("__");
    match &one.what {
        What::PartMutated => true,
        What::Use(Use::Mutated(mutation)) => match mutation.kind {
            MutationKind::Augmented(operator) => operator == "+=",
            _ => true,
        },
        What::Use(Use::Read(read)) => match read {
            Read::Iterated | Read::Subscript(_) | Read::Membership => true,
            Read::Attribute(name) | Read::Method(name, _) => usual(name),
            Read::Argument(function, _) => {
                ["len", "sum", "sorted", "list", "tuple", "set", "dict", "frozenset", "iter", "enumerate", "reversed"]
                    .contains(function)
            }
            _ => false,
        },
        What::MutatedInside | What::Use(Use::Escapes(_)) => false,
    }
}

/// Whether an exception raised here may be caught in the function: in a `try` with handlers, or a `with` that may swallow it.
fn is_caught<'t>(cx: &Context<'t>, function: Node<'t>, node: Node<'t>) -> bool {
    let around: Vec<_> = node.and_ancestors().take_while(|around| *around != function).collect();
    around.windows(2).any(|pair| match pair[1].kind() {
        "try_statement" => pair[0].field() == Some("body") && pair[1].children().any(|child| child.is("except_clause")),
        "with_statement" => pair[0].field() == Some("body") && cx.facts().may_swallow(pair[1]),
        _ => false,
    })
}

/// Whether a node is evaluated whenever its statement (of a compound one, its header) is.
fn is_always_evaluated(node: Node<'_>) -> bool {
    let path: Vec<_> = node.and_ancestors().take_while(|around| !around.is_statement()).collect();
    let statement = path.last().and_then(|outermost| outermost.parent());
    let parents = path.iter().skip(1).copied().chain(statement);
    path.iter().zip(parents).all(|(child, parent)| match parent.kind() {
        "boolean_operator" => child.field() == Some("left"),
        "conditional_expression" => parent.named_children().nth(1) == Some(*child),
        "comparison_operator" => parent.named_children().take(2).any(|operand| operand == *child),
        "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
            // The first iterable is evaluated at once, the rest only if it gives something.
            parent.child_of_kind("for_in_clause") == Some(*child)
        }
        "for_in_clause" => child.field() == Some("right"),
        "lambda" | "elif_clause" | "except_clause" | "case_clause" | "finally_clause" | "else_clause" => false,
        "assert_statement" => parent.named_children().next() == Some(*child),
        _ => true,
    })
}

/// What a None passed on purpose does at this mention, in words that follow "an explicit None".
pub(super) fn fate_of_none(one: &One<'_>) -> String {
    let name = one.mention.text();
    if one.inside.is_some() {
        return format!("an explicit None for `{name}` reaches the nested function today");
    }
    let what = match &one.what {
        What::Use(Use::Escapes(escape)) => match escape {
            Escape::Returned | Escape::Yielded => "is given back today".to_string(),
            Escape::Stored(_) => "is stored today".to_string(),
            Escape::Passed(call) => {
                let callee = call.child("function").map(Node::text).unwrap_or_default();
                let callee = if callee.contains('\n') || callee.len() > 60 { "another function" } else { callee };
                return format!("an explicit None for `{name}` is passed on to `{callee}` today");
            }
            Escape::Captured(_) => "reaches the nested function today".to_string(),
            _ => "is taken as it is today".to_string(),
        },
        What::Use(Use::Read(Read::NoneTest(_))) => {
            return format!("None already has a meaning: the body tests `{name}` for it");
        }
        What::Use(Use::Read(Read::Truth | Read::Compared)) => "is told apart by a test today".to_string(),
        What::Use(Use::Read(Read::Argument("isinstance" | "hasattr" | "type" | "callable", _))) => {
            "is told apart by a test today".to_string()
        }
        _ => "does not always raise today".to_string(),
    };
    format!("an explicit None for `{name}` {what}, and would become the default")
}
