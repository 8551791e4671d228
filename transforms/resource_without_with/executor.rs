//! An executor that is shut down by hand.

use super::super::open_without_with::layout;
use super::{Verdict, asked, called, line, made, span};
use crate::engine::finding::{Fix, Tier};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

pub(super) fn judge<'t>(cx: &Context<'t>, call: Node<'t>) -> Verdict {
    let Some((opening, id)) = made(cx, call) else { return Verdict::Nothing };
    let name = opening.target.text();
    let Some(span) = span::find(opening.statement, &|node| called(node, name, "shutdown").is_some()) else {
        return Verdict::Left(format!("`{name}` is not shut down in this block"));
    };
    let arguments = called(span.close, name, "shutdown").and_then(|call| call.child("arguments"));
    let waits = arguments.is_some_and(|arguments| {
        let texts: Vec<String> = arguments.named_children().map(|node| node.text().replace(' ', "")).collect();
        texts.is_empty() || texts == ["True"] || texts == ["wait=True"]
    });
    if !waits {
        return Verdict::Left("it is shut down without waiting for what was submitted".to_string());
    }
    // Have: name = ThreadPoolExecutor(..)  ..  name.shutdown()
    let message = if span.is_guarded {
        format!("`{name}` is shut down by hand")
    } else {
        format!("`{name}` is not shut down when something raises before `{name}.shutdown()`")
    };
    if let Some(exit) = span.early_exit() {
        return Verdict::report(message, format!("line {} leaves the block without it", line(cx, exit)));
    }
    let mentions = &cx.facts().scopes().variable(id).references;
    let mut others = mentions.iter().copied().filter(|mention| !span.close.contains(*mention));
    let is_managed = |mention: Node<'t>| mention.ancestors().take(2).any(|around| around.is("with_item"));
    if others.any(|mention| asked(mention) == Some("shutdown") || is_managed(mention)) {
        return Verdict::Left(format!("`{name}` is also shut down somewhere else"));
    }
    let tail = format!(" as {name}:");
    let column = cx.source.indent(opening.statement.start()).len() + "with ".len();
    let header = [b"with ".to_vec(), layout::moved(cx, call, None, column, tail.len()), tail.into_bytes()].concat();
    if opening.annotation.is_some() {
        return Verdict::report(message, "its annotation would be lost");
    }
    let tier = if span.is_guarded {
        Tier::Safe
    } else {
        Tier::unsafe_because("when something raises, it now waits for what was submitted before that goes on")
    };
    match span.held(cx, opening.statement, header) {
        Ok((edits, span)) => {
            let title = format!("Use `{name}` in a `with` block");
            Verdict::Fix { message, fix: Fix { title, tier, edits, imports: Vec::new(), span } }
        }
        Err(because) if span.is_guarded => Verdict::Left(because),
        Err(because) => Verdict::report(message, because),
    }
}
