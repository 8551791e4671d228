//! Values of tensors that are needed in every step of a loop although nothing asks for them by name. See the README beside
//! this file.

mod pinned;

use crate::engine::finding::{Certainty, Finding, Note, Repair, quoted};
use crate::engine::skim::Code;
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::semantics::tensors::Tensor;
use crate::semantics::tensors::syncs::Implies;

/// See the README beside this file.
pub struct ImplicitSyncInLoop;

static META: Meta = Meta {
    id: "implicit-sync-in-loop",
    summary: "waits for a tensor in every step of a loop without saying so",
    why: "A condition, a text or a selection by a mask stops the host like `.item()` does.",
    aliases: &[],
    anchors: &[&["torch"], &["for", "while"]],
    options: &[],
    tier: None,
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for ImplicitSyncInLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        code.in_loops(|_| true)
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let test = m.get("decision").and_then(condition);
        let Some(anchor) = test.or_else(|| m.get("use")) else { return Ok(()) };
        let Some(inner) = cx.facts().loops_around(anchor).next() else { return Ok(()) };
        cx.need(Widen::File)?;
        if test.is_some() {
            for operand in operands(anchor) {
                // Have: while ..: if operand
                if let Some((value, tensor, implied)) = cx.facts().tested(operand) {
                    consider(cx, operand, value, &tensor, implied, inner, out);
                }
            }
        } else if let Some((value, tensor, implied)) = cx.facts().implicit_sync(anchor) {
            consider(cx, anchor, value, &tensor, implied, inner, out);
        } else if let Some(loader) = pinned::loader(cx, anchor, inner)
            && cx.facts().coldness(anchor, inner).is_none()
        {
            out.push(pinned::finding(anchor, loader));
        }
        Ok(())
    }
}

/// What decides whether the body, or which part, is run.
fn condition(decision: Node<'_>) -> Option<Node<'_>> {
    let mut parts = decision.named_children().filter(|part| !part.is("comment"));
    match decision.kind() {
        "assert_statement" => parts.next(),
        "conditional_expression" => parts.nth(1),
        _ => decision.child("condition"),
    }
}

/// What `and`, `or` and `not` combine.
fn operands(test: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut open = vec![test];
    while let Some(node) = open.pop().map(Node::unparenthesized) {
        match node.kind() {
            "boolean_operator" => open.extend(["right", "left"].iter().filter_map(|side| node.child(side))),
            "not_operator" => open.extend(node.child("argument")),
            _ => found.push(node),
        }
    }
    found
}

fn consider<'t>(
    cx: &Context<'t>,
    place: Node<'t>,
    value: Node<'t>,
    tensor: &Tensor<'t>,
    implied: Implies,
    inner: Node<'t>,
    out: &mut Findings,
) {
    if tensor.on_host {
        return out.leave(place.range(), "the tensor is on the host, so nobody waits");
    }
    if let Some(because) = cx.facts().coldness(place, inner) {
        return out.leave(place.range(), because);
    }
    if !cx.facts().is_hot(value, tensor, inner) {
        return;
    }
    let (what, because) = match implied {
        Implies::Truth => {
            (format!("`{}` decides here", quoted(value)), "decide every few steps, or on the device with `torch.where`")
        }
        Implies::Text => (format!("`{}` is shown", quoted(value)), "show it every few steps"),
        Implies::Size => (
            format!("how much `{}` gives depends on the values", quoted(place)),
            "keep the shape with `torch.where`, or select once for several steps",
        ),
        Implies::Order => (
            format!("Python compares the tensors of `{}`", quoted(place)),
            "compare on the device with `torch.maximum`, or with `torch.stack(..).max()`",
        ),
        Implies::Number => {
            (format!("`{}` needs the number", quoted(place)), "compute it on the host, or use the function of `torch`")
        }
        Implies::Equality => (format!("`{}` is a bool of Python", quoted(place)), "compare every few steps"),
    };
    out.push(Finding {
        range: place.range(),
        message: format!("{what}, so that the host waits for the device in every step of the loop"),
        evidence: vec![Note {
            range: tensor.shown_by.range(),
            text: format!("`{}` is a tensor by this", quoted(value)),
            certainty: tensor.certainty,
        }],
        repair: Repair::None { because: because.to_string() },
    });
}

/// A note for a place that shows something without doubt.
fn known(node: Node<'_>, text: &str) -> Note {
    Note { range: node.range(), text: text.to_string(), certainty: Certainty::Known }
}
