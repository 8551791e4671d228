//! The edits of a deferral: a list in front of the loop, the tensor in it, and the same additions behind the loop.

use super::Site;
use super::deferral::{Deferral, Form};
use super::names::Names;
use super::places;
use crate::engine::edit::Edit;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// `None` when no name is free.
pub(super) fn edits<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> Option<Vec<Edit>> {
    let names = Names::choose(cx, site, deferral)?;
    let (source, a_loop) = (cx.source, deferral.a_loop);
    let indent = source.indent(a_loop.start());
    let unit = unit(cx, a_loop);
    let collected = match deferral.weight {
        Some(weight) => [b"(", collected(cx, site).as_slice(), b", ", cx.bytes(weight.range()), b")"].concat(),
        None => collected(cx, site),
    };
    let target = deferral.target.text();
    let each = if deferral.weight.is_some() { format!("{}, {}", names.value, names.weight) } else { names.value.clone() };
    let again = again(cx, site, deferral, &names)?;
    let behind = match deferral.form {
        Form::Added => format!("{indent}for {each} in {}:\n{indent}{unit}{target} += {again}\n", names.list),
        Form::Appended => format!("{indent}{target}.extend({again} for {each} in {})\n", names.list),
    };
    let statement = deferral.statement.only_child()?;
    Some(vec![
        places::before(source, a_loop, &format!("{indent}{} = []\n", names.list)),
        Edit::replace(statement.range(), [names.list.as_bytes(), b".append(", &collected, b")"].concat()),
        places::behind(source, a_loop, &behind),
    ])
}

/// The tensor as it is kept: without its graph, and as a copy unless nobody else can hold it.
fn collected<'t>(cx: &Context<'t>, site: &Site<'t>) -> Vec<u8> {
    let value = site.value;
    let needs_parentheses = !value.is_any(&["identifier", "attribute", "call", "subscript", "parenthesized_expression"]);
    let text = cx.bytes(value.range());
    let is_own = site.tensor.fresh && value.unparenthesized().is("call");
    let has_no_graph = is_without_gradient(cx, value) || site.tensor.integral;
    let suffix: &[u8] = match (is_own, has_no_graph) {
        (true, true) => return text.to_vec(),
        (true, false) => b".detach()",
        (false, true) => b".clone()",
        (false, false) => b".detach().clone()",
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

/// What was added or appended, with the names of later. `None` where it cannot be read as text.
fn again<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>, names: &Names) -> Option<String> {
    let whole = deferral.expression;
    if !cx.source.is_exact(whole.range()) || whole.descendants().any(|node| node.is("comment")) {
        return None;
    }
    let mut parts = vec![(site.sync.range(), format!("{}.item()", names.value))];
    parts.extend(deferral.weight.map(|weight| (weight.range(), names.weight.clone())));
    parts.sort_by_key(|(range, _)| range.start);
    let mut text = String::new();
    let mut at = whole.start();
    for (range, name) in parts {
        text.push_str(&cx.source.code()[at..range.start]);
        text.push_str(&name);
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
