//! Whether the code between two elements may change the tensor.

use super::elements::Elements;
use super::shown;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::invariance::Change;

/// Why the elements may not be what they were when the loop started; `None` when nothing can change them, and an error when
/// the loop does.
pub(super) fn may_change<'t>(cx: &Context<'t>, elements: &Elements<'t>) -> Result<Option<String>, &'static str> {
    let facts = cx.facts();
    // Have: for x in t.sum(1): nobody else can reach what the header makes
    if elements.tensor.fresh || facts.allocates(elements.iterable) {
        return Ok(None);
    }
    let change = if facts.reads(elements.iterable).is_some() {
        facts.change_within(elements.iterable, elements.anchor)
    } else {
        let mut parts = elements.anchor.named_children().filter(|part| part.field() != Some("right"));
        parts.find_map(|part| facts.stranger_within(part)).map(Change::Possible)
    };
    match change {
        Some(Change::Seen(_)) => Err("the loop changes the tensor that it walks"),
        Some(Change::Possible(node)) => Ok(Some(format!("`{}` may change the tensor while it is walked", quoted(node)))),
        None => Ok(None),
    }
}

/// As much of the code as a message has room for.
fn quoted(node: Node<'_>) -> String {
    let first = node.text().lines().next().unwrap_or_default();
    if first.len() > 40 { "a call in the loop".to_string() } else { shown(node) }
}
