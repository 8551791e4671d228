//! Transfers between host and device that give the same in every step of a loop. See the README beside this file.

mod hazards;
pub(super) mod names;
mod rewrite;
pub(super) mod transfer;

use crate::engine::finding::{Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::skim::{self, Code};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use transfer::{Gives, Transfer};

/// See the README beside this file.
pub struct TransferInLoop;

static META: Meta = Meta {
    id: "transfer-in-loop",
    summary: "transfers the same tensor in every step of a loop",
    why: "Each step makes the same copy again, and a copy from a GPU makes the host wait.",
    aliases: &[],
    anchors: &[&["torch"], &["for", "while"], &[".item()", ".tolist()", ".cpu()", ".cuda()", ".to("]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for TransferInLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        code.in_loops(|body| [".item", ".tolist", ".numpy", ".cpu", ".cuda", ".to"].iter().any(|word| skim::calls(body, word)))
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let call = m.node("transfer");
        if cx.facts().loops_around(call).next().is_none() {
            return Ok(());
        }
        cx.need(Widen::File)?;
        let transfer = match Transfer::of(cx, call) {
            Ok(transfer) => transfer,
            Err(Some(because)) => {
                out.leave(call.range(), because);
                return Ok(());
            }
            Err(None) => return Ok(()),
        };
        if !transfer.is_only_looked_at(cx, call) {
            out.leave(call.range(), "each step has a copy of its own, and may change it or hand it on");
            return Ok(());
        }
        let same = transfer.same(cx);
        let every = |other: &Node<'t>| transfer.loops.iter().all(|_| Transfer::of(cx, *other).is_ok());
        if same.iter().find(|other| every(other)) != Some(&call) {
            // Have: the same again, which the finding of the first one speaks for
            return Ok(());
        }
        push(cx, &transfer, &same, out);
        Ok(())
    }
}

fn push<'t>(cx: &Context<'t>, transfer: &Transfer<'t>, same: &[Node<'t>], out: &mut Findings) {
    let call = shown(transfer.call);
    let message = match transfer.gives {
        Gives::Number | Gives::List => format!("`{call}` asks for the same value in every step of the loop"),
        _ => format!("`{call}` makes the same copy in every step of the loop"),
    };
    let but = hazards::of(cx, transfer);
    let repair = match rewrite::of(cx, transfer, same) {
        Some(rewrite) => Repair::Fix(Fix {
            title: rewrite.title,
            tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
            span: transfer.outermost().range(),
            edits: rewrite.edits,
            imports: Vec::new(),
        }),
        None => Repair::None { because: "no name is free for it; bind it in front of the loop".to_string() },
    };
    out.push(Finding {
        range: transfer.call.range(),
        message,
        evidence: vec![Note {
            range: transfer.tensor.shown_by.range(),
            text: format!("`{}` is a tensor by this", shown(transfer.receiver)),
            certainty: transfer.tensor.certainty,
        }],
        repair,
    });
}

/// The text of an expression for a message: on one line, and not long.
pub(super) fn shown(node: Node<'_>) -> String {
    let text = node.text().lines().next().unwrap_or_default().trim_end();
    let whole = text.len() == node.text().len();
    if whole && text.len() <= 50 {
        return text.to_string();
    }
    let cut = text.char_indices().nth(45).map_or(text.len(), |(at, _)| at);
    format!("{}..", text[..cut].trim_end())
}
