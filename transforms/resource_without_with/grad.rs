//! `torch.set_grad_enabled(False)` .. `torch.set_grad_enabled(True)`.

use super::{Verdict, line, span};
use crate::engine::finding::{Fix, Tier};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// The names of the function that switches.
const SWITCHES: &[&str] =
    &["torch.set_grad_enabled", "torch.autograd.set_grad_enabled", "torch.autograd.grad_mode.set_grad_enabled"];

/// Whether a call switches the recording of gradients to `mode`.
pub(super) fn is_set<'t>(cx: &Context<'t>, call: Node<'t>, mode: &str) -> bool {
    let argument = call.child("arguments").and_then(Node::only_child);
    let value = argument.map(|argument| argument.child("value").unwrap_or(argument));
    value.is_some_and(|value| value.text() == mode) && is_switch(cx, call)
}

fn is_switch<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    call.is("call") && cx.facts().called_name(call).is_some_and(|name| SWITCHES.contains(&name.join(".").as_str()))
}

pub(super) fn judge<'t>(cx: &Context<'t>, call: Node<'t>) -> Verdict {
    let statement = call.parent().filter(|parent| parent.is("expression_statement") && parent.is_statement());
    let Some(begin) = statement else { return Verdict::Nothing };
    let sets = |node: Node<'t>, mode: &str| {
        node.is("expression_statement") && node.only_child().is_some_and(|call| is_set(cx, call, mode))
    };
    let Some(span) = span::find(begin, &|node| sets(node, "True")) else {
        return Verdict::Left("gradients are not recorded again in this block".to_string());
    };
    // Have: torch.set_grad_enabled(False)  ..  torch.set_grad_enabled(True)
    let message = if span.is_guarded {
        "gradients are switched off and on by hand".to_string()
    } else {
        format!("gradients stay off when something raises before line {}", line(cx, span.close))
    };
    let awaits = || span.body.iter().flat_map(|statement| statement.descendants()).find(|node| node.is("await"));
    if let Some(exit) = span.early_exit().or_else(awaits) {
        return Verdict::report(message, format!("line {} leaves the block while they are off", line(cx, exit)));
    }
    let mut inner = span.body.iter().flat_map(|statement| statement.and_descendants());
    if let Some(other) = inner.find(|node| *node != span.close && !span.close.contains(*node) && is_switch(cx, *node)) {
        return Verdict::report(message, format!("they are also switched in line {}", line(cx, other)));
    }
    if let Some(other) = span.mention_in_handler(&|node| is_switch(cx, node)) {
        return Verdict::report(message, format!("line {} is there for the case that something raises", line(cx, other)));
    }
    let Some(function) = call.child("function") else { return Verdict::Nothing };
    let (name, imports) = match function.text().strip_suffix(".set_grad_enabled") {
        Some(module) => (format!("{module}.no_grad"), Vec::new()),
        None => match cx.import("torch", "no_grad", call) {
            Some(imported) => (imported.spelled, imported.import.into_iter().collect()),
            None => return Verdict::report(message, "`no_grad` means something else here"),
        },
    };
    match span.held(cx, begin, format!("with {name}():").into_bytes()) {
        Ok((edits, range)) => {
            let title = format!("Do it under `{name}()`");
            let tier = Tier::unsafe_because("gradients are recorded after it only if they were before");
            Verdict::Fix { message, fix: Fix { title, tier, edits, imports, span: range } }
        }
        Err(because) => Verdict::report(message, because),
    }
}
