//! Elements of a tensor that are fetched one at a time. See the README beside this file.

mod counted;
mod elements;
pub(super) mod indexed;
mod sharing;

use std::ops::Range;

use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::skim::{self, Code};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::engine::wrap;
use crate::semantics::tensors::Tensor;
use elements::{Elements, Form};

/// See the README beside this file.
pub struct ElementwiseItem;

static META: Meta = Meta {
    id: "elementwise-item",
    summary: "fetches the elements of a tensor one by one",
    why: "Each `.item()` is a call into PyTorch, and on a GPU the host waits for it; `tolist()` fetches all elements in one go.",
    aliases: &[],
    anchors: &[&["torch"], &["for"], &[".item()", ".tolist()", ".cpu()"]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for ElementwiseItem {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        names_an_element(code) || code.in_loops(fetches_by_index) || counts_through(code)
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        cx.need(Widen::File)?;
        if let Some(element) = m.get("element") {
            indexed::consider(cx, element, out);
            return Ok(());
        }
        let anchor = m.get("comprehension").unwrap_or_else(|| m.node("loop"));
        counted::consider(cx, anchor, out);
        for elements in Elements::of(cx, anchor) {
            // Have: for .. x .. in tensor, and x is asked for nothing but its value
            consider(cx, &elements, out);
        }
        Ok(())
    }
}

fn consider<'t>(cx: &Context<'t>, elements: &Elements<'t>, out: &mut Findings) {
    let tensor = elements.tensor;
    let range = elements.reads[0].range();
    if elements.anchor.descendants().any(|node| node.is("comment")) && elements.form == Form::Whole {
        return out.leave(range, "a comment stands in the expression that would go");
    }
    if is_compiled(cx, elements.anchor) {
        return out.leave(range, "TorchScript cannot compile `tolist()` here");
    }
    let mut but = Vec::new();
    if tensor.certainty == Certainty::Likely {
        but.push(format!("`{}` is a tensor only by its looks", shown(elements.iterable)));
    }
    if tensor.rank != Some(1) {
        let handled = elements
            .anchor
            .ancestors()
            .any(|around| around.is("try_statement") && around.children().any(|child| child.is("except_clause")));
        if handled {
            but.push("an element of several numbers would no longer raise the error that is handled here".to_string());
        } else if elements.form == Form::Each && !elements.is_always_read {
            but.push(format!(
                "`{}` may have rows of several numbers, which this code does not always read",
                shown(elements.iterable)
            ));
        }
    }
    if elements.form == Form::Each {
        match sharing::may_change(cx, elements) {
            Ok(why) => but.extend(why),
            Err(because) => return out.leave(range, because),
        }
    }
    let Some(edits) = edits(cx, elements) else {
        return out.leave(range, "the tensor is written on several lines");
    };
    let span = elements.anchor.statement().map_or(elements.anchor.range(), Node::range);
    out.push(finding(range, elements.iterable, &tensor, &but, edits, span));
}

/// The elements of `value` are fetched one at a time; the edits fetch all of them.
fn finding<'t>(
    range: Range<usize>,
    value: Node<'t>,
    tensor: &Tensor<'t>,
    but: &[String],
    edits: Vec<Edit>,
    span: Range<usize>,
) -> Finding {
    let name = shown(value);
    Finding {
        range,
        message: if tensor.on_host {
            format!("the elements of `{name}`, which is on the host, are fetched with a call for each")
        } else {
            format!("the elements of `{name}` are fetched one at a time")
        },
        evidence: vec![Note {
            range: tensor.shown_by.range(),
            text: "this is a tensor".to_string(),
            certainty: tensor.certainty,
        }],
        repair: Repair::Fix(Fix {
            title: "Fetch all of them with `tolist()`".to_string(),
            tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
            edits,
            imports: Vec::new(),
            span,
        }),
    }
}

/// Whether a decorator, or the file, has the function compiled.
fn is_compiled<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let decorated = node.ancestors().filter(|around| around.is("decorated_definition"));
    let mut decorators = decorated.flat_map(Node::named_children).filter(|child| child.is("decorator"));
    decorators.any(|decorator| {
        let text = decorator.text();
        ["jit", "compile", "vmap"].iter().any(|word| text.contains(word))
    }) || cx.tree.code().contains("jit.script")
}

fn edits<'t>(cx: &Context<'t>, elements: &Elements<'t>) -> Option<Vec<Edit>> {
    let iterable = elements.iterable;
    let needs_parentheses = !iterable.is_any(&["identifier", "attribute", "call", "subscript", "parenthesized_expression"]);
    let flat = if elements.tensor.rank == Some(1) { "" } else { ".flatten()" };
    let behind = format!("{}{flat}.tolist()", if needs_parentheses { ")" } else { "" });
    let before = if needs_parentheses { "(" } else { "" };
    match elements.form {
        Form::Whole => {
            let (start, end) = elements.whole();
            if has_bare_line_end(iterable) && !needs_parentheses {
                return None;
            }
            let mut edits = vec![Edit::replace(start..iterable.start(), before)];
            let column = start - cx.source.line_start(start) + before.len();
            edits.extend(shifted(cx, iterable, column, cx.source.indent(start).len()));
            edits.push(Edit::replace(iterable.end()..end, behind));
            Some(edits)
        }
        Form::Each => {
            let mut edits = vec![Edit::insert(iterable.end(), behind)];
            if needs_parentheses {
                edits.push(Edit::insert(iterable.start(), "("));
            }
            if let Some((name, lines)) = renamed(cx, elements) {
                edits.push(Edit::replace(elements.target.range(), name));
                edits.push(Edit::replace(lines, ""));
                edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
                return Some(edits);
            }
            let items = elements.reads.iter().filter(|read| read.is("call") && read.text().ends_with("()"));
            for read in items {
                let name = read.child("function").and_then(|function| function.child("object"))?;
                edits.push(Edit::replace(name.end()..read.end(), ""));
            }
            edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
            Some(edits)
        }
    }
}

/// The better name of the target, and the lines that go, where all that is done with an element is `name = x.item()` at
/// the start of the loop's body.
fn renamed<'t>(cx: &Context<'t>, elements: &Elements<'t>) -> Option<(&'t str, Range<usize>)> {
    let [read] = elements.reads[..] else { return None };
    let body = elements.anchor.child("body").filter(|_| elements.anchor.is("for_statement"))?;
    let [first, second, ..] = body.named_children().take(2).collect::<Vec<_>>()[..] else { return None };
    let assignment = read.parent().filter(|parent| parent.is("assignment") && parent.parent() == Some(first))?;
    let name = assignment.child("left").filter(|left| left.is("identifier") && assignment.child("type").is_none())?;
    let facts = cx.facts();
    let is_local = facts.owner(name) == facts.owner(elements.target);
    let is_other = |node: Node<'t>| !node.is("identifier") || node.text() != name.text();
    let header = elements.anchor.child("left")?;
    if !read.text().ends_with(".item()") || !is_local || !header.and_descendants().all(is_other) || second.is("comment") {
        return None;
    }
    let lines = wrap::own_lines(cx.source, first)?;
    let is_blank = |line: &usize| cx.source.code()[cx.source.line_range(*line)].trim().is_empty();
    let blank = (cx.source.line(lines.end)..cx.source.line(second.start())).take_while(is_blank).last();
    Some((name.text(), lines.start..blank.map_or(lines.end, |line| cx.source.line_range(line).end)))
}

/// Whether a line ends outside the expression's own brackets, so that it needs those around it.
fn has_bare_line_end(node: Node<'_>) -> bool {
    let mut depth = 0_i32;
    let leaves = node.descendants().filter(|part| part.children().next().is_none());
    let mut last = node.start();
    for leaf in leaves {
        if depth == 0 && node.tree().code()[last..leaf.start().max(last)].contains('\n') {
            return true;
        }
        match leaf.kind() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        last = leaf.end();
    }
    false
}

/// The lines of an expression move along when it comes to stand in `column` of a line with so much indentation: those
/// that are aligned with its brackets as its start does, the others as its line does.
fn shifted<'t>(cx: &Context<'t>, node: Node<'t>, column: usize, indent: usize) -> Vec<Edit> {
    let first = cx.source.line(node.start());
    let last = cx.source.line(node.end());
    let is_text =
        |offset: usize| node.descendants().any(|part| part.is("string") && part.start() < offset && offset < part.end());
    let (old, old_indent) = (node.start() - cx.source.line_start(node.start()), cx.source.indent(node.start()).len());
    let lines = (first + 1..=last).map(|line| cx.source.line_range(line).start).filter(|start| !is_text(*start));
    let moved = |start: usize| {
        let white = cx.source.code()[start..].bytes().take_while(|&byte| byte == b' ').count();
        let (from, to) = if white > old { (old, column) } else { (old_indent, indent) };
        match from.checked_sub(to) {
            Some(by) => Edit::replace(start..start + by.min(white), ""),
            None => Edit::insert(start, " ".repeat(to - from)),
        }
    };
    lines.map(moved).filter(|edit| !edit.range.is_empty() || !edit.text.is_empty()).collect()
}

/// The text of an expression for a message: on one line, and not long.
fn shown(node: Node<'_>) -> String {
    let text = node.text().split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() > 40 { "the tensor".to_string() } else { text }
}

/// Whether a name that is asked for its value is the target of a `for`.
fn names_an_element(code: &[u8]) -> bool {
    let mut targets = None;
    skim::behind_word(code, "item").any(|end| {
        let dot = skim::before_blank(code, end - "item".len());
        let name = skim::before_blank(code, dot.saturating_sub(1));
        let length = code[..name].iter().rev().take_while(|byte| skim::is_word(**byte)).count();
        let name = &code[name - length..name];
        !name.is_empty() && code[..dot].ends_with(b".") && targets.get_or_insert_with(|| skim::targets(code)).contains(name)
    })
}

/// Whether an expression may count through a tensor: `t[i].item() for i in range(..)`.
fn counts_through(code: &[u8]) -> bool {
    fetches_by_index(code)
        && skim::behind_word(code, "range").any(|end| {
            let name = skim::before_blank(code, end - "range".len());
            code[..name].ends_with(b"in")
        })
}

/// Whether something with an index is asked for its value: `t[i].item`.
fn fetches_by_index(body: &[u8]) -> bool {
    ["item", "tolist", "cpu", "detach"].iter().any(|word| {
        skim::behind_word(body, word).any(|end| {
            let dot = skim::before_blank(body, end - word.len());
            let bracket = skim::before_blank(body, dot.saturating_sub(1));
            body[..dot].ends_with(b".") && body[..bracket].ends_with(b"]")
        })
    })
}
