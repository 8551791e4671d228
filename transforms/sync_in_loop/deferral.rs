//! Whether the value is only added up, or appended, and nobody looks before the loop is done.

use super::Site;
use super::company::{Stays, needed_anyway, other_wait};
use super::expression;
use super::purpose;
use crate::engine::finding::{Certainty, quoted};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::effects::{Escape, Use};
use crate::semantics::scope::{Binding, BindingKind, ScopeKind, Variable};
use crate::semantics::tensors::heat::is_epoch_loop;
use crate::semantics::types::Kind;

/// A value that can wait until a loop is done.
pub(super) struct Deferral<'t> {
    /// `total` of `total += loss.item()`, `losses` of `losses.append(loss.item())`.
    pub(super) target: Node<'t>,
    pub(super) form: Form,
    /// The statement that adds or appends.
    pub(super) statement: Node<'t>,
    /// What is added or appended.
    pub(super) expression: Node<'t>,
    /// What of the step the value is combined with: `images.size(0)` of `loss.item() * images.size(0)`, in text order.
    pub(super) parts: Vec<Node<'t>>,
    /// The outermost loop in which nothing else is done with the target.
    pub(super) a_loop: Node<'t>,
    /// Reasons why the fix is not safe.
    pub(super) but: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `total += x`.
    Added,
    /// `total = total + x`.
    Assigned,
    /// `losses.append(x)`.
    Appended,
}

/// A statement that adds something up, or appends it.
pub(super) struct Accumulation<'t> {
    form: Form,
    pub(super) statement: Node<'t>,
    pub(super) target: Node<'t>,
    expression: Node<'t>,
}

impl<'t> Deferral<'t> {
    /// How the site can wait, or what stands in the way.
    pub(super) fn of(cx: &Context<'t>, site: &Site<'t>) -> Result<Self, String> {
        let mut deferral = Self::alone(cx, site)?;
        match other_wait(cx, site, deferral.a_loop) {
            Some(Stays { node, only_unsafe: false }) => {
                let line = cx.source.line(node.start()) + 1;
                Err(format!("the loop waits for the device in line {line} anyway: `{}`", quoted(node)))
            }
            // Have: what goes with `--unsafe-fixes` only, or what does not say that it waits
            Some(Stays { node, .. }) if deferral.but.is_empty() && site.sync.tensor.certainty == Certainty::Known => {
                deferral.but.push(format!("`{}` still waits in each step", quoted(node)));
                Ok(deferral)
            }
            _ => Ok(deferral),
        }
    }

    /// The same for the site by itself, whatever else the loop waits for.
    pub(super) fn alone(cx: &Context<'t>, site: &Site<'t>) -> Result<Self, String> {
        let sync = site.sync.node;
        let usual = || purpose::of(&site.sync);
        let Accumulation { form, statement, target, expression } =
            Accumulation::of(sync).filter(|_| site.is_number()).ok_or_else(usual)?;
        let parts = expression::parts(cx, sync, expression).ok_or_else(usual)?;
        let waits = |part: &Node<'t>| {
            part.and_descendants().any(|node| node.is("await") || node.is("call") && cx.facts().sync(node).is_some())
        };
        if parts.iter().any(waits) {
            return Err(usual());
        }
        let facts = cx.facts();
        let id = facts.scopes().variable_of(target).ok_or_else(usual)?;
        let variable = facts.scopes().variable(id);
        if is_exposed(cx, variable, target) {
            return Err(format!("other functions may look at `{}` while the loop runs", target.text()));
        }
        if mentions(variable).any(|node| expression.contains(node)) {
            // Have: total += loss.item() * total
            return Err(usual());
        }
        let is_free = |a_loop: &Node<'t>| mentions(variable).all(|node| !a_loop.contains(node) || statement.contains(node));
        let a_loop = facts.loops_around(sync).take_while(is_free).filter(|a_loop| !is_epoch_loop(*a_loop)).last();
        let a_loop = a_loop
            .ok_or_else(|| format!("`{}` is looked at in the loop itself; read it every few steps only", target.text()))?;
        if needed_anyway(cx, site, a_loop) {
            return Err(usual());
        }
        if is_element(cx, site.sync.value) {
            return Err(
                "it is an element of a tensor; fetch all of them at once in front of the loop, with `tolist()`".to_string()
            );
        }
        let leaves =
            |node: &Node<'t>| node.is_any(&["return_statement", "yield", "await"]) && facts.owner(*node) == facts.owner(a_loop);
        if let Some(leaving) = a_loop.descendants().find(leaves) {
            let how = leaving.text().split_whitespace().next().unwrap_or_default();
            return Err(format!("the loop may be left by `{how}`; collect the tensors and read them when they are needed"));
        }
        if a_loop.children().any(|child| child.is("async")) || is_compiled(a_loop) {
            return Err(usual());
        }
        let mut but = Vec::new();
        match form {
            Form::Added | Form::Assigned => but.extend(total_hazard(cx, variable, target)),
            Form::Appended => but.extend(list_hazard(cx, variable, target, a_loop).map_err(|()| usual())?),
        }
        but.extend(surroundings(cx, statement, a_loop));
        let is_lasting = |part: Node<'t>| {
            let is_scalar = || matches!(facts.kind_of(part), Some(found) if found.kind == Kind::Scalar && found.certainty == Certainty::Known);
            facts.is_plain_number(part) || is_scalar()
        };
        but.extend(
            parts
                .iter()
                .filter(|part| !is_lasting(**part))
                .map(|part| format!("`{}` may be something that changes later", quoted(*part))),
        );
        Ok(Self { target, form, statement, expression, parts, a_loop, but })
    }
}

impl<'t> Accumulation<'t> {
    /// `total += ..`, `total = total + ..`, `losses.append(..)`.
    pub(super) fn of(sync: Node<'t>) -> Option<Self> {
        let statement = sync.statement().filter(|statement| statement.is("expression_statement"))?;
        let inner = statement.only_child()?;
        let (form, target, expression) = match inner.kind() {
            "augmented_assignment" => {
                let adds = inner.child("operator").is_some_and(|operator| operator.is("+="));
                (adds.then_some(Form::Added)?, inner.child("left")?, inner.child("right")?)
            }
            "assignment" => {
                let (left, sum) = (inner.child("left")?, inner.child("right").filter(|right| right.is("binary_operator"))?);
                let adds = sum.child("operator").is_some_and(|operator| operator.is("+"))
                    && sum.child("left").is_some_and(|first| first.is("identifier") && first.text() == left.text())
                    && inner.child("type").is_none();
                (adds.then_some(Form::Assigned)?, left, sum.child("right")?)
            }
            "call" => {
                let function = inner.child("function")?;
                let (object, method) = (function.child("object")?, function.child("attribute")?);
                let only = inner.child("arguments")?.only_child()?;
                let appends = method.text() == "append" && !only.is("keyword_argument");
                (appends.then_some(Form::Appended)?, object, only)
            }
            _ => return None,
        };
        (target.is("identifier") && expression.contains(sync)).then_some(Self { form, statement, target, expression })
    }
}

/// Everywhere the variable is mentioned: read, bound, deleted.
pub(super) fn mentions<'a, 't>(variable: &'a Variable<'t>) -> impl Iterator<Item = Node<'t>> + 'a {
    variable.references.iter().copied().chain(variable.bindings.iter().map(|binding| binding.node))
}

/// Whether code outside the function at hand may see the variable.
fn is_exposed<'t>(cx: &Context<'t>, variable: &Variable<'t>, target: Node<'t>) -> bool {
    let (facts, scopes) = (cx.facts(), cx.facts().scopes());
    let owner = facts.owner(target);
    let own_scope = scopes.beyond_comprehensions(scopes.scope_of(target));
    variable.scope != own_scope
        || scopes.is_dynamic(own_scope)
        || !matches!(scopes.kind(own_scope), ScopeKind::Function | ScopeKind::Module)
        || variable.references.iter().any(|node| facts.owner(*node) != owner || is_in_generator(*node))
        || variable.bindings.iter().any(|binding| binding.kind != BindingKind::Parameter && facts.owner(binding.node) != owner)
}

/// Whether a node stands in a generator expression that may run later: one that is no argument of a call.
fn is_in_generator(node: Node<'_>) -> bool {
    let generators =
        node.ancestors().take_while(|around| !around.is_statement()).filter(|around| around.is("generator_expression"));
    generators.into_iter().any(|generator| !generator.parent().is_some_and(|call| call.is("call")))
}

/// Whether the value is picked out of a tensor, and not computed.
fn is_element<'t>(cx: &Context<'t>, value: Node<'t>) -> bool {
    match value.kind() {
        "subscript" => true,
        "identifier" => {
            let scopes = cx.facts().scopes();
            let bindings = scopes.variable_of(value).map_or(&[][..], |id| &scopes.variable(id).bindings);
            !bindings.is_empty()
                && bindings
                    .iter()
                    .all(|binding| binding.kind == BindingKind::For || binding.value.is_some_and(|value| value.is("subscript")))
        }
        _ => false,
    }
}

/// What a total may be, besides a number that nobody else holds.
fn total_hazard<'t>(cx: &Context<'t>, variable: &Variable<'t>, target: Node<'t>) -> Option<String> {
    let is_number = |binding: &Binding<'t>| match binding.kind {
        BindingKind::Augmented | BindingKind::Declaration | BindingKind::Delete => true,
        BindingKind::Assignment | BindingKind::Annotated => {
            binding.value.is_some_and(|value| cx.facts().is_plain_number(value) || value.text() == "float(0)")
        }
        BindingKind::Unpacking => displayed(binding.node).is_some_and(|value| value.is_any(&["integer", "float"])),
        _ => false,
    };
    let all = variable.bindings.iter().all(is_number);
    (!all).then(|| format!("`{}` may start as something else than a number", target.text()))
}

/// `0.0` of b in `a, b = [], 0.0`.
fn displayed(target: Node<'_>) -> Option<Node<'_>> {
    let pattern = target.parent().filter(|parent| parent.is("pattern_list"))?;
    let right = pattern.parent()?.child("right").filter(|right| right.is("expression_list"))?;
    let at = pattern.named_children().position(|part| part == target)?;
    let same = right.named_children().count() == pattern.named_children().count();
    let plain = |part: Node<'_>| !part.is_any(&["list_splat", "list_splat_pattern"]);
    let is_plain = pattern.named_children().all(plain) && right.named_children().all(plain);
    (same && is_plain).then(|| right.named_children().nth(at)).flatten()
}

/// Who else may hold the list. `Err` when it is no list.
fn list_hazard<'t>(
    cx: &Context<'t>,
    variable: &Variable<'t>,
    target: Node<'t>,
    a_loop: Node<'t>,
) -> Result<Option<String>, ()> {
    let facts = cx.facts();
    let name = target.text();
    match facts.kind_of(target) {
        Some(evidence) if evidence.kind == Kind::List && evidence.certainty == Certainty::Known => {}
        Some(evidence) if evidence.kind == Kind::List => {
            return Ok(Some(format!("`{name}` may be something else than a list")));
        }
        _ => return Err(()),
    }
    let is_display = |binding: &&Binding<'t>| match binding.kind {
        BindingKind::Assignment | BindingKind::Annotated => {
            binding.value.is_some_and(|value| value.is_any(&["list", "list_comprehension"])) && !is_chained(binding.node)
        }
        BindingKind::Unpacking => displayed(binding.node).is_some_and(|value| value.is("list")),
        _ => false,
    };
    if variable.bindings.iter().any(|binding| binding.kind == BindingKind::Parameter) {
        return Ok(Some(format!("whoever gave `{name}` may look at it while the loop runs")));
    }
    if variable.bindings.iter().filter(|binding| binding.kind != BindingKind::Declaration).any(|binding| !is_display(&binding))
    {
        return Ok(Some(format!("`{name}` may have another name")));
    }
    let fresh: Vec<_> = variable.bindings.iter().filter(is_display).map(|binding| binding.node).collect();
    let header = a_loop.child("right").or_else(|| a_loop.child("condition")).unwrap_or(a_loop);
    let shared = variable.references.iter().find(|reference| {
        !a_loop.contains(**reference)
            && matches!(facts.use_of(**reference), Use::Escapes(_))
            && !is_only_read(&facts.use_of(**reference))
            && facts.may_follow(**reference, header, &fresh)
    });
    Ok(shared.map(|_| format!("`{name}` has another name by then, under which it may be looked at")))
}

/// `a = b = []`: two names of one list.
fn is_chained(target: Node<'_>) -> bool {
    let Some(assignment) = target.parent().filter(|parent| parent.is("assignment")) else { return true };
    assignment.parent().is_some_and(|parent| parent.is("assignment"))
        || assignment.child("right").is_some_and(|right| right.is("assignment"))
}

/// Calls that may hold a list in theory, and never do: plotting and statistics get it when it is full.
fn is_only_read(how: &Use<'_>) -> bool {
    matches!(how, Use::Escapes(Escape::Passed(call)) if call.child("function").is_some_and(|function| {
        let text = function.text();
        ["np.", "numpy.", "torch.", "statistics.", "plt."].iter().any(|module| text.starts_with(module))
    }))
}

/// Handlers, context managers and streams between the loop and those who look.
fn surroundings<'t>(cx: &Context<'t>, statement: Node<'t>, a_loop: Node<'t>) -> Vec<String> {
    let facts = cx.facts();
    let mut but = Vec::new();
    let owner = facts.owner(a_loop);
    let around: Vec<_> = statement.ancestors().take_while(|around| *around != owner).collect();
    for node in &around {
        let inside = a_loop.contains(*node) && *node != a_loop;
        match node.kind() {
            "try_statement" if inside => {
                but.push("what the device raises would no longer be raised inside the `try`".to_string());
            }
            "try_statement" => but.push("an error in the loop is handled, and the values up to then would be lost".to_string()),
            "with_statement" if node.text().lines().next().is_some_and(|header| header.to_lowercase().contains("stream")) => {
                but.push("another stream may be current behind the loop".to_string());
            }
            "with_statement" if facts.may_swallow(*node) => {
                but.push("the `with` around it may swallow an error, and the values up to then would be lost".to_string());
            }
            _ => {}
        }
    }
    let code = cx.tree.code();
    if ["torch.compile", "CUDAGraph", "make_graphed_callables"].iter().any(|word| code.contains(word)) {
        but.push("the file compiles a model, whose outputs may be overwritten by its next call".to_string());
    }
    if ["Stream(", "non_blocking=True).cpu", "isend(", "irecv(", "cuda.Event("].iter().any(|word| owner.text().contains(word)) {
        but.push("waiting for the value may be what makes another transfer complete".to_string());
    }
    but.dedup();
    but
}

fn is_compiled(node: Node<'_>) -> bool {
    let decorated = node.ancestors().filter(|around| around.is("decorated_definition"));
    let mut decorators = decorated.flat_map(Node::named_children).filter(|child| child.is("decorator"));
    decorators.any(|decorator| ["jit", "compile", "vmap"].iter().any(|word| decorator.text().contains(word)))
}
