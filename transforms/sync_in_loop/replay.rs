//! The edits of a deferral: a list in front of the loop, the tensor in it, and the same additions behind the loop; or the
//! sum on the device, where the configuration asks for it.

use super::Site;
use super::deferral::{Deferral, Form};
use super::names::Names;
use super::places;
use crate::engine::edit::Edit;
use crate::engine::finding::Certainty;
use crate::engine::imports::Import;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::tensors::Element;
use crate::semantics::tensors::syncs::Asks;

/// What becomes of a site.
pub(super) struct Replayed {
    pub(super) title: String,
    pub(super) edits: Vec<Edit>,
    pub(super) import: Option<Import>,
    /// One more reason why it is not safe.
    pub(super) but: Option<String>,
}

/// `None` when no name is free.
pub(super) fn of<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> Option<Replayed> {
    let wanted = cx.option("accumulate") == "device" && deferral.form != Form::Appended;
    wanted.then(|| on_device(cx, site, deferral)).flatten().or_else(|| in_list(cx, site, deferral))
}

/// The tensors are kept, and read behind the loop.
fn in_list<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> Option<Replayed> {
    let names = Names::choose(cx, site, deferral)?;
    let (source, a_loop) = (cx.source, deferral.a_loop);
    let indent = source.indent(a_loop.start());
    let unit = unit(cx, a_loop);
    let value = collected(cx, site);
    let parts: Vec<u8> = deferral.parts.iter().flat_map(|part| [b", ", cx.bytes(part.range())].concat()).collect();
    let kept = if parts.is_empty() { value } else { [b"(".as_slice(), &value, &parts, b")"].concat() };
    let target = deferral.target.text();
    let each = std::iter::once(&names.value).chain(&names.parts).map(String::as_str).collect::<Vec<_>>().join(", ");
    let stacked = is_stackable(cx, site, deferral).then(|| cx.import("torch", "stack", a_loop)).flatten();
    let list = &names.list;
    let replayed = match site.sync.asks {
        Asks::Number => format!("{}({})", site.sync.node.child("function")?.text(), names.value),
        _ => format!("{}.item()", names.value),
    };
    let again = again(cx, site, deferral, &replayed, &names.parts)?;
    let behind = match (deferral.form, &stacked) {
        (Form::Added, _) => format!("{indent}for {each} in {list}:\n{indent}{unit}{target} += {again}\n"),
        (Form::Assigned, _) => format!("{indent}for {each} in {list}:\n{indent}{unit}{target} = {target} + {again}\n"),
        (Form::Appended, Some(stack)) => {
            format!("{indent}if {list}:\n{indent}{unit}{target}.extend({}({list}).tolist())\n", stack.spelled)
        }
        (Form::Appended, None) => format!("{indent}{target}.extend({again} for {each} in {list})\n"),
    };
    let statement = deferral.statement.only_child()?;
    let title = format!(
        "Collect the tensors and read them behind the loop, which keeps one number per step on the device until `{target}` gets them"
    );
    let edits = vec![
        places::before(source, a_loop, &format!("{indent}{list} = []\n")),
        Edit::replace(statement.range(), [list.as_bytes(), b".append(", &kept, b")"].concat()),
        places::behind(source, a_loop, &behind),
    ];
    Some(Replayed { title, edits, import: stacked.and_then(|stack| stack.import), but: None })
}

/// `total += loss.detach()`, and one transfer behind the loop. `None` where Python's own arithmetic is part of the sum.
fn on_device<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> Option<Replayed> {
    let sync = site.sync.node;
    let is_arithmetic = |around: Node<'t>| around.is_any(&["parenthesized_expression", "binary_operator", "unary_operator"]);
    let mut between = sync.ancestors().take_while(|around| deferral.expression.contains(*around));
    if site.sync.asks != Asks::Item || !between.all(is_arithmetic) {
        return None;
    }
    let is_tensor = cx.import("torch", "is_tensor", deferral.a_loop)?;
    let indent = cx.source.indent(deferral.a_loop.start());
    let unit = unit(cx, deferral.a_loop);
    let target = deferral.target.text();
    let behind = format!("{indent}if {}({target}):\n{indent}{unit}{target} = {target}.item()\n", is_tensor.spelled);
    Some(Replayed {
        title: format!("Add on the device, and read `{target}` once behind the loop"),
        edits: vec![Edit::replace(sync.range(), kept(cx, site, false)), places::behind(cx.source, deferral.a_loop, &behind)],
        import: is_tensor.import,
        but: Some("the device adds in the type of the tensor, which rounds at every step; small steps may be lost".to_string()),
    })
}

/// Whether the tensors can be put together: each is one number, of one type and on one device whatever the step.
fn is_stackable<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> bool {
    let (facts, sync) = (cx.facts(), site.sync);
    let gives_same = match (sync.asks, sync.tensor.element) {
        (Asks::Item, Element::Float | Element::Integer | Element::Bool) => true,
        (Asks::Number, Element::Float) => sync.node.child("function").is_some_and(|function| function.text() == "float"),
        _ => false,
    };
    let is_one_expression = || match facts.scopes().variable_of(sync.value).filter(|_| sync.value.is("identifier")) {
        Some(id) => matches!(&facts.scopes().variable(id).bindings[..], [only] if only.value.is_some_and(|value| {
            facts.tensor(value).is_some_and(|tensor| tensor.fresh)
        })),
        None => sync.value.is("call") && sync.tensor.fresh,
    };
    deferral.expression == sync.node
        && sync.tensor.certainty == Certainty::Known
        && sync.tensor.rank == Some(0)
        && gives_same
        && is_one_expression()
        && facts.stays_on_one_device(sync.value, deferral.a_loop)
}

/// The tensor as it is kept: without its graph, and as a copy unless nobody else can hold it.
fn collected<'t>(cx: &Context<'t>, site: &Site<'t>) -> Vec<u8> {
    let is_own = site.sync.tensor.fresh && site.sync.value.unparenthesized().is("call");
    kept(cx, site, !is_own)
}

fn kept<'t>(cx: &Context<'t>, site: &Site<'t>, as_copy: bool) -> Vec<u8> {
    let value = site.sync.value;
    let needs_parentheses = !value.is_any(&["identifier", "attribute", "call", "subscript", "parenthesized_expression"]);
    let text = cx.bytes(value.range());
    let is_data = value.is("attribute") && value.child("attribute").is_some_and(|name| name.text() == "data");
    let is_detached = is_data || value.is("call") && value.text().ends_with(".detach()");
    let has_no_graph = is_detached || is_without_gradient(cx, value) || site.sync.tensor.is_integral() || is_counted(cx, value);
    let suffix: &[u8] = match (as_copy, has_no_graph) {
        (false, true) => return text.to_vec(),
        (false, false) => b".detach()",
        (true, true) => b".clone()",
        (true, false) => b".detach().clone()",
    };
    if needs_parentheses { [b"(", text, b")", suffix].concat() } else { [text, suffix].concat() }
}

/// Whether no graph is recorded here: inside `with torch.no_grad():`, or a function under that decorator.
fn is_without_gradient<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let facts = cx.facts();
    let owner = facts.owner(node);
    let says_so = |expression: Node<'t>| {
        let function = expression.child("function").filter(|_| expression.is("call")).unwrap_or(expression);
        matches!(facts.qualified_name(function).as_deref(), Some(["torch", "no_grad" | "inference_mode"]))
    };
    // Have: with torch.no_grad(), tqdm(loader) as batches:
    let header = |with: Node<'t>| with.child_of_kind("with_clause").into_iter().flat_map(Node::descendants);
    let around = node.ancestors().take_while(|around| *around != owner).filter(|around| around.is("with_statement"));
    let mut items = around.flat_map(header).filter(|item| item.is("with_item"));
    let decorated = owner.parent().filter(|parent| parent.is("decorated_definition"));
    let mut decorators = decorated.into_iter().flat_map(Node::named_children).filter(|child| child.is("decorator"));
    let grants = ["enable_grad", "set_grad_enabled"].iter().any(|word| owner.text().contains(word));
    !grants
        && (items.any(|item| item.child("value").is_some_and(says_so))
            || decorators.any(|decorator| decorator.only_child().is_some_and(says_so)))
}

/// `(predictions == labels).float().sum()`: floats that were made of integers, through which no gradient flows.
fn is_counted<'t>(cx: &Context<'t>, value: Node<'t>) -> bool {
    let mut value = value.unparenthesized();
    while value.is("call") {
        let Some(function) = value.child("function").filter(|function| function.is("attribute")) else { return false };
        let name = function.child("attribute").map_or("", Node::text);
        let Some(object) = function.child("object").map(Node::unparenthesized) else { return false };
        if !["float", "double", "half", "sum", "mean"].contains(&name) {
            return false;
        }
        if cx.facts().tensor(object).is_some_and(|tensor| tensor.is_integral()) {
            return true;
        }
        value = object;
    }
    false
}

/// What was added or appended, with the names of later. `None` where it cannot be read as text.
fn again<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>, replayed: &str, names: &[String]) -> Option<String> {
    let whole = deferral.expression;
    if !cx.source.is_exact(whole.range()) || whole.descendants().any(|node| node.is("comment")) {
        return None;
    }
    let mut parts = vec![(site.sync.node.range(), replayed)];
    parts.extend(deferral.parts.iter().zip(names).map(|(part, name)| (part.range(), name.as_str())));
    parts.sort_by_key(|(range, _)| range.start);
    let mut text = String::new();
    let mut at = whole.start();
    for (range, name) in parts {
        text.push_str(&cx.source.code()[at..range.start]);
        text.push_str(name);
        at = range.end;
    }
    text.push_str(&cx.source.code()[at..whole.end()]);
    (!text.contains('\n')).then_some(text)
}

/// One level of indentation, as the loop has it.
fn unit<'t>(cx: &Context<'t>, a_loop: Node<'t>) -> String {
    let outer = cx.source.indent(a_loop.start());
    let first = a_loop.child("body").and_then(|body| body.named_children().next());
    let inner = first.filter(|first| cx.source.line(first.start()) != cx.source.line(a_loop.start()));
    let unit = inner.and_then(|first| cx.source.indent(first.start()).strip_prefix(outer)).filter(|unit| !unit.is_empty());
    unit.unwrap_or("    ").to_string()
}
