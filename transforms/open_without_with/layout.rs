//! An expression that moves to another column: on one line where it fits, else with its continuation lines moved along.

use std::ops::Range;

use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// The longest line that is made by joining others.
pub(super) const WIDTH: usize = 88;

/// The bytes of an expression for a place that begins at `column`, with `tail` more bytes behind it on its last line.
/// `replaced` is a part of it that becomes a name.
pub(in crate::transforms) fn moved<'t>(
    cx: &Context<'t>,
    node: Node<'t>,
    replaced: Option<(Node<'t>, &str)>,
    column: usize,
    tail: usize,
) -> Vec<u8> {
    let source = cx.source;
    let fixed = node.and_descendants().any(|inner| {
        let is_long = inner.is("string") && source.line(inner.start()) != source.line(inner.end());
        (is_long || inner.is_any(&["comment", "line_continuation"])) && !replaced.is_some_and(|(part, _)| part.contains(inner))
    });
    let bytes = |range: Range<usize>| if fixed { source.bytes()[range].to_vec() } else { source.lines_of(range) };
    let text = match replaced {
        Some((part, name)) => [&*bytes(node.start()..part.start()), name.as_bytes(), &bytes(part.end()..node.end())].concat(),
        None => bytes(node.range()),
    };
    if fixed || !text.contains(&b'\n') {
        return text;
    }
    let joined = joined(&text);
    if column + joined.len() + tail <= WIDTH {
        return joined;
    }
    let first_ends_open = text.split(|&byte| byte == b'\n').next().is_some_and(|line| line.trim_ascii_end().ends_with(b"("));
    if first_ends_open {
        return text;
    }
    let before = source.column(node.start());
    let mut out = Vec::with_capacity(text.len());
    for (index, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        if index > 0 && column >= before {
            out.extend(std::iter::repeat_n(b' ', column - before));
            out.extend(line);
        } else if index > 0 {
            let white = line.iter().take_while(|&&byte| byte == b' ').count().min(before - column);
            out.extend(&line[white..]);
        } else {
            out.extend(line);
        }
    }
    out
}

/// The bytes of an expression as the head of a `with` whose body stands at `indent` and `unit`: continuation lines stand
/// out from the body unless the last one closes a bracket.
pub(super) fn head<'t>(cx: &Context<'t>, node: Node<'t>, indent: &str, unit: &str, lead: usize, tail: usize) -> Vec<u8> {
    let text = moved(cx, node, None, indent.len() + lead, tail);
    let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let closes = lines.last().is_some_and(|line| matches!(line.trim_ascii_start().first(), Some(b')' | b']' | b'}')));
    let has_string = node
        .and_descendants()
        .any(|inner| inner.is("string") && cx.source.line(inner.start()) != cx.source.line(inner.end().saturating_sub(1)));
    let body = indent.len() + unit.len();
    let white = |line: &[u8]| line.len() - line.trim_ascii_start().len();
    if closes || has_string || !lines.iter().skip(1).any(|line| white(line) == body) {
        return text;
    }
    let mut out = lines[0].to_vec();
    for line in &lines[1..] {
        out.extend([unit.as_bytes(), line].concat());
    }
    out
}

/// The expression that goes on behind `part`, its first object, through methods and items.
pub(super) fn chain(part: Node<'_>) -> Node<'_> {
    let mut node = part;
    while let Some(parent) = node.parent().filter(|parent| parent.is_any(&["attribute", "call", "subscript"])) {
        if !matches!(node.field(), Some("object" | "function" | "value")) {
            break;
        }
        node = parent;
    }
    node
}

/// A statement of several lines as one, when nothing holds it apart and it fits: no comment, no long string, no comma at
/// the end of a list, which formatters take as a wish. `part` becomes `name`.
pub(super) fn on_one_line<'t>(
    cx: &Context<'t>,
    statement: Node<'t>,
    part: Node<'t>,
    name: &str,
    column: usize,
) -> Option<Vec<u8>> {
    let is_long = |node: Node<'t>| cx.source.line(node.start()) != cx.source.line(node.end());
    let wishes = |node: Node<'t>| {
        node.is_any(&[",", ";", "comment", "line_continuation"])
            && (node.is_any(&[";", "comment", "line_continuation"])
                || node.next_sibling().is_some_and(|next| next.is_any(&[")", "]", "}"])))
    };
    let is_simple = statement.is_any(&["expression_statement", "return_statement"]) && is_long(statement);
    let mut inside = statement.walk(|node| node == part).filter(|node| *node != part);
    if !is_simple || inside.any(|node| wishes(node) || node.is("string") && is_long(node)) {
        return None;
    }
    let (before, after) = (statement.start()..part.start(), part.end()..statement.end());
    let text = [&cx.source.lines_of(before), name.as_bytes(), &cx.source.lines_of(after)].concat();
    let line = joined(&text);
    let behind = cx.source.code()[statement.end()..cx.source.line_end(statement.end() - 1)].trim_end().len();
    (text.contains(&b'\n') && column + line.len() + behind <= WIDTH).then_some(line)
}

/// The lines of a text that stands in brackets, as one line.
fn joined(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        let closes = line.starts_with(b")") || line.starts_with(b"]") || line.starts_with(b"}");
        if closes && out.ends_with(b",") {
            out.pop();
        }
        let opens = out.ends_with(b"(") || out.ends_with(b"[") || out.ends_with(b"{");
        if !out.is_empty() && !closes && !opens && !line.is_empty() && !line.starts_with(b".") {
            out.push(b' ');
        }
        out.extend(line);
    }
    out
}
