//! Values of tensors that the host asks for in every step of a loop. See the README beside this file.
//!
//! Each `.item()` is one site. It is judged in three steps: whether it runs in every step of a loop that keeps the device
//! busy ([`heat`]), what the value is wanted for ([`purpose`]), and, if it is only added up or appended, whether that can wait
//! until the loop is done ([`deferral`], [`replay`]).

mod deferral;
pub(super) mod heat;
mod names;
pub(super) mod places;
mod purpose;
mod replay;

use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::semantics::tensors::Tensor;
use crate::transforms::repeated_sync;
use deferral::Deferral;

/// See the README beside this file.
pub struct SyncInLoop;

static META: Meta = Meta {
    id: "sync-in-loop",
    summary: "waits for the value of a tensor in every step of a loop",
    why: "The host stands still until the device has done everything that is queued, in every step.",
    aliases: &[],
    anchors: &[&["torch"], &["for", "while"], &[".item()"]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

/// One `.item()` in a loop.
struct Site<'t> {
    /// The call.
    sync: Node<'t>,
    /// What it is called on.
    value: Node<'t>,
    tensor: Tensor<'t>,
    /// The innermost loop around it.
    inner: Node<'t>,
}

impl Transform for SyncInLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let (sync, value) = (m.node("sync"), m.node("tensor"));
        if sync.child("arguments").is_none_or(|arguments| arguments.named_children().next().is_some()) {
            return Ok(());
        }
        let Some(inner) = heat::innermost_loop(cx, sync) else { return Ok(()) };
        cx.need(Widen::File)?;
        let Some(tensor) = cx.facts().tensor(value) else { return Ok(()) };
        // Have: for ..: .. tensor.item()
        let site = Site { sync, value, tensor, inner };
        if let Some(because) = heat::is_cold(cx, &site) {
            out.leave(sync.range(), because);
            return Ok(());
        }
        let repair = match Deferral::of(cx, &site) {
            Ok(deferral) => fix(cx, &site, &deferral),
            Err(_) if !heat::is_hot(cx, &site) || repeated_sync::claims(cx, sync) => return Ok(()),
            Err(because) => Repair::None { because },
        };
        out.push(Finding {
            range: sync.range(),
            message: format!("`{}` makes the host wait for the device in every step of the loop", shown(sync)),
            evidence: vec![Note {
                range: tensor.shown_by.range(),
                text: format!("`{}` is a tensor by this", shown(value)),
                certainty: tensor.certainty,
            }],
            repair,
        });
        Ok(())
    }
}

/// Whether a value that is asked for in a loop can wait until the loop is done.
pub(super) fn can_wait<'t>(cx: &Context<'t>, sync: Node<'t>) -> bool {
    let value = sync.child("function").and_then(|function| function.child("object"));
    let Some((value, inner)) = value.zip(heat::innermost_loop(cx, sync)) else { return false };
    let Some(tensor) = cx.facts().tensor(value) else { return false };
    let site = Site { sync, value, tensor, inner };
    heat::is_cold(cx, &site).is_none() && Deferral::of(cx, &site).is_ok()
}

fn fix<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> Repair {
    let mut but = deferral.but.clone();
    if site.tensor.certainty == Certainty::Likely {
        but.insert(0, format!("`{}` is a tensor only by its looks", shown(site.value)));
    }
    match replay::edits(cx, site, deferral) {
        Some(edits) => Repair::Fix(Fix {
            title: format!(
                "Collect the tensors and read them behind the loop, which keeps one number per step on the device until `{}` gets them",
                deferral.target.text()
            ),
            tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
            span: edits.iter().map(|edit| edit.range.start).min().unwrap_or(0)
                ..edits.iter().map(|edit| edit.range.end).max().unwrap_or(0),
            edits,
            imports: Vec::new(),
        }),
        None => Repair::None {
            because: "no name is free for the values; collect the tensors and read them behind the loop".to_string(),
        },
    }
}

/// The text of an expression for a message: on one line, and not long.
fn shown(node: Node<'_>) -> String {
    let text = node.text().split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() <= 50 {
        return text;
    }
    let end = text.char_indices().rev().nth(20).map_or(0, |(at, _)| at);
    format!("..{}", &text[end..])
}
