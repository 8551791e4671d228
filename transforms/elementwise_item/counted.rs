//! Comprehensions that count through a whole tensor: `[t[i].item() for i in range(len(t))]`.

use super::elements::is_lazy;
use super::indexed::{Kind, Read, is_length};
use super::{finding, is_compiled, shown};
use crate::engine::edit::Edit;
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use crate::engine::transform::{Context, Findings};

/// Judges a comprehension. All of it is evaluated at once, and does nothing but read: nobody can change the tensor meanwhile.
pub(super) fn consider<'t>(cx: &Context<'t>, anchor: Node<'t>, out: &mut Findings) {
    let Some(read) = counted(cx, anchor) else { return };
    let facts = cx.facts();
    let Some(tensor) = facts.tensor(read.value).filter(|tensor| tensor.single) else { return };
    let range = read.call.range();
    if anchor.descendants().any(|node| node.is("comment")) || read.value.text().contains('\n') {
        return out.leave(range, "a comment, or a line end, stands in the expression that would go");
    }
    if is_compiled(cx, anchor) {
        return out.leave(range, "TorchScript cannot compile `tolist()` here");
    }
    // `t[i].tolist()` of a tensor with one dimension gives numbers, as `t.tolist()` does.
    let flat = if read.kind == Kind::Number && tensor.rank != Some(1) { ".flatten()" } else { "" };
    let mut but = Vec::new();
    if tensor.certainty == Certainty::Likely {
        but.push(format!("`{}` is a tensor only by its looks", shown(read.value)));
    }
    let is_handler = |node: Node<'_>| node.is("try_statement") && node.children().any(|child| child.is("except_clause"));
    if !flat.is_empty() && anchor.ancestors().any(is_handler) {
        but.push("an element of several numbers would no longer raise the error that is handled here".to_string());
    }
    let is_argument = anchor.is("generator_expression");
    let whole = if is_argument { anchor.start() + 1..anchor.end() - 1 } else { anchor.range() };
    let edits = vec![
        Edit::replace(whole.start..read.value.start(), ""),
        Edit::replace(read.value.end()..whole.end, format!("{flat}.tolist()")),
    ];
    let span = anchor.statement().map_or(anchor.range(), Node::range);
    out.push(finding(range, read.value, &tensor, &but, edits, span));
}

/// The read that such a comprehension consists of.
fn counted<'t>(cx: &Context<'t>, anchor: Node<'t>) -> Option<Read<'t>> {
    let parts: Vec<_> = anchor.named_children().filter(|part| !part.is("comment")).collect();
    let [body, clause] = parts[..] else { return None };
    let is_plain = anchor.is_any(&["list_comprehension", "generator_expression"])
        && clause.is("for_in_clause")
        && !clause.children().any(|child| child.is("async"))
        && !is_lazy(cx, anchor);
    let (target, range) = (clause.child("left")?, clause.child("right").filter(|right| is_plain && right.is("call"))?);
    let function = body.child("function").filter(|_| body.is("call"))?;
    let element = function.child("object").map(Node::unparenthesized).filter(|object| object.is("subscript"))?;
    let read = Read::of(element).filter(|read| read.call == body && matches!(read.kind, Kind::Number | Kind::List))?;
    let indices: Vec<_> = element.children_of("subscript").collect();
    let [index] = indices[..] else { return None };
    let is_index = index.is("identifier")
        && target.is("identifier")
        && index.text() == target.text()
        && !element.text().ends_with(",]")
        && cx.facts().place(read.value).is_some()
        && read.value.text() != target.text();
    let length = range.child("arguments").and_then(Node::only_child)?;
    let counts = matches!(cx.facts().called_name(range).as_deref(), Some(["builtins", "range"]));
    // A name may have been bound to the length of what the tensor was before.
    let is_whole = !length.is("identifier") && is_length(cx, length, read.value, 0);
    (is_index && counts && is_whole).then_some(read)
}
