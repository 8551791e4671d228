//! The edits that create the default inside the function.

use std::ops::Range;

use super::parameter::Parameter;
use crate::engine::edit::{BodyIndent, Edit, docstring, insert_at_top};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// The default becomes None, and the body creates the object unless it does so already or has no code. `None` when there is no
/// place for the guard.
pub(super) fn edits<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Option<Vec<Edit>> {
    let mut edits = vec![Edit::replace(parameter.value.range(), "None")];
    if !is_signature_only(parameter) && existing(parameter).is_none() {
        edits.push(guard(cx, parameter)?);
    }
    Some(edits)
}

/// Whether the body is nothing but a docstring, `...`, `pass`, or a `raise` that does not need the parameter.
pub(super) fn is_signature_only(parameter: &Parameter<'_>) -> bool {
    let Some(body) = parameter.function.child("body").filter(|body| body.is("block")) else { return false };
    let documented = docstring(parameter.function);
    body.named_children().all(|statement| match statement.kind() {
        "pass_statement" => true,
        "expression_statement" => {
            Some(statement) == documented || statement.only_child().is_some_and(|value| value.is("ellipsis"))
        }
        "raise_statement" => !mentions(statement, parameter.name.text()),
        _ => false,
    })
}

/// The statement that creates the same object for None already: the first one that mentions the parameter, at the top level of
/// the body, so that no path goes around it.
pub(super) fn existing<'t>(parameter: &Parameter<'t>) -> Option<Node<'t>> {
    let name = parameter.name.text();
    let body = parameter.function.child("body").filter(|body| body.is("block"))?;
    let first = body.named_children().find(|statement| mentions(*statement, name))?;
    let same = |value: Node<'_>| tokens(value) == tokens(parameter.value);
    if let Some(tested) = tests_for_none(first) {
        // Have: if acc is None: acc = ..
        let mut inside = first.child("consequence")?.named_children();
        let (target, value) = assignment(inside.next()?)?;
        return (tested.text() == name && inside.next().is_none() && target.text() == name && same(value)).then_some(first);
    }
    let (target, value) = assignment(first).filter(|(target, _)| target.text() == name)?;
    let value = value.unparenthesized();
    let creates = match value.kind() {
        // Have: acc = acc or ..
        "boolean_operator" => {
            let is_or = value.child("operator").is_some_and(|operator| operator.is("or"));
            is_or && value.child("left")?.text() == target.text() && same(value.child("right")?)
        }
        // Have: acc = .. if acc is None else acc
        "conditional_expression" => {
            let parts: Vec<_> = value.named_children().collect();
            let [yes, condition, no] = parts.as_slice() else { return None };
            match none_test(*condition) {
                Some((tested, true)) => tested.text() == name && same(*yes) && no.text() == name,
                Some((tested, false)) => tested.text() == name && same(*no) && yes.text() == name,
                None => false,
            }
        }
        _ => false,
    };
    creates.then_some(first)
}

fn mentions(within: Node<'_>, name: &str) -> bool {
    within.and_descendants().any(|node| node.is("identifier") && node.text() == name)
}

/// The leaves of an expression, so that white space makes no difference.
fn tokens(expression: Node<'_>) -> Vec<&str> {
    let expression = expression.unparenthesized();
    let leaves = expression.and_descendants().filter(|node| node.children().next().is_none() && !node.is("comment"));
    leaves.map(Node::text).collect()
}

fn assignment(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let assignment = statement.is("expression_statement").then(|| statement.only_child()).flatten()?;
    let plain = assignment.is("assignment") && assignment.child("type").is_none();
    plain.then(|| Some((assignment.child("left")?, assignment.child("right")?))).flatten()
}

/// The name in `x is None` (true) or `x is not None` (false).
fn none_test(condition: Node<'_>) -> Option<(Node<'_>, bool)> {
    let condition = condition.unparenthesized();
    if !condition.is("comparison_operator") {
        return None;
    }
    let operands: Vec<_> = condition.named_children().collect();
    let [name, none] = operands.as_slice() else { return None };
    let operator: Vec<_> = condition.children_of("operators").map(Node::text).collect();
    let is = match operator.join(" ").split_whitespace().collect::<Vec<_>>().as_slice() {
        ["is"] => true,
        ["is", "not"] => false,
        _ => return None,
    };
    (name.is("identifier") && none.is("none")).then_some((*name, is))
}

/// The name in `if x is None:`, without any other branch.
fn tests_for_none(statement: Node<'_>) -> Option<Node<'_>> {
    let plain = statement.is("if_statement") && statement.child("alternative").is_none();
    let (name, is) = none_test(plain.then(|| statement.child("condition")).flatten()?)?;
    is.then_some(name)
}

/// `if acc is None:` and `acc = []`, below the guards of the parameters before this one.
fn guard<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Option<Edit> {
    let name = parameter.name.text();
    let earlier: Vec<_> = Parameter::all_of(parameter.function)
        .into_iter()
        .take_while(|other| other.node != parameter.node)
        .map(|other| other.name.text())
        .collect();
    let is_earlier_guard = |statement: Node<'t>| {
        let tested = tests_for_none(statement).filter(|tested| earlier.contains(&tested.text()));
        let first = statement.child("consequence").and_then(|block| block.named_children().next());
        tested.is_some_and(|tested| first.and_then(assignment).is_some_and(|(target, _)| target.text() == tested.text()))
    };
    let BodyIndent { body, unit } = BodyIndent::of(cx.source, parameter.function);
    let mut lines = format!("{body}if {name} is None:\n{body}{unit}{name} = ").into_bytes();
    lines.extend(moved(cx, parameter, &format!("{body}{unit}")));
    lines.push(b'\n');
    insert_at_top(cx.source, parameter.function, is_earlier_guard, &lines)
}

/// The bytes of the default where it stands behind `indent` and `name = `: in parentheses if a line ends outside its brackets,
/// its further lines moved with it, except those inside of strings.
fn moved<'t>(cx: &Context<'t>, parameter: &Parameter<'t>, indent: &str) -> Vec<u8> {
    let (value, source) = (parameter.value, cx.source);
    let bare = has_bare_line_end(value);
    // What is aligned with the first line moves as far as that does; in new parentheses, the second line comes below it.
    let column = |at: usize| source.indent(at).len();
    let old_column = if bare { column(source.line_end(value.start())) } else { source.column(value.start()) };
    let new_column = indent.len() + parameter.name.text().len() + " = ".len() + usize::from(bare);
    let old_indent = source.indent(value.start());
    let hanging = is_hanging(source.code(), value);
    let strings = outermost(value, &["string"]);
    let mut text = if bare { vec![b'('] } else { Vec::new() };
    let mut at = value.start();
    while at < value.end() {
        let end = source.line_end(at).min(value.end());
        let line = &source.bytes()[at..end];
        let white = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let blank = line[white..].iter().all(u8::is_ascii_whitespace);
        let in_string = holds(&strings, at);
        if at == value.start() || blank || in_string {
            text.extend(line);
        } else {
            let old = &source.code()[at..at + white];
            let new = if hanging {
                old.strip_prefix(old_indent).map(|rest| format!("{indent}{rest}"))
            } else {
                (!old.contains('\t') && !indent.contains('\t'))
                    .then(|| (white + new_column).checked_sub(old_column).map(|width| " ".repeat(width)))
                    .flatten()
            };
            text.extend(new.unwrap_or_else(|| old.to_string()).as_bytes());
            text.extend(&line[white..]);
        }
        at = end;
    }
    if bare {
        text.push(b')');
    }
    text
}

/// Whether a line ends in the expression where no bracket of its own and no backslash continues it.
fn has_bare_line_end(value: Node<'_>) -> bool {
    let holding = [
        "list",
        "dictionary",
        "set",
        "tuple",
        "parenthesized_expression",
        "argument_list",
        "list_comprehension",
        "dictionary_comprehension",
        "set_comprehension",
        "generator_expression",
        "string",
    ];
    let held = outermost(value, &holding);
    let text = value.text();
    text.match_indices('\n').any(|(index, _)| {
        let at = value.start() + index;
        let continued = text[..index].trim_end_matches('\r').ends_with('\\');
        !continued && !holds(&held, at)
    })
}

/// The ranges of the outermost nodes of these kinds, in order. A tuple counts only with its parentheses.
fn outermost(value: Node<'_>, kinds: &[&str]) -> Vec<Range<usize>> {
    let is_one = |node: Node<'_>| node.is_any(kinds) && (!node.is("tuple") || node.text().starts_with('('));
    value.walk(is_one).filter(|node| is_one(*node)).map(Node::range).collect()
}

/// Whether the byte at an offset is inside one of the ranges, behind its first byte.
fn holds(ranges: &[Range<usize>], at: usize) -> bool {
    let index = ranges.partition_point(|range| range.start < at);
    index.checked_sub(1).is_some_and(|index| at < ranges[index].end)
}

/// Whether the first line of an expression ends with an opening bracket: then the lines below are indented by levels, else they are
/// aligned with something in the first line.
fn is_hanging(code: &str, value: Node<'_>) -> bool {
    let line_end = code[value.start()..].find('\n').map_or(code.len(), |length| value.start() + length);
    let comment = value.descendants().find(|node| node.is("comment") && node.start() < line_end);
    let end = comment.map_or(line_end, Node::start).min(value.end());
    code[value.start()..end].trim_end().ends_with(['[', '(', '{'])
}
