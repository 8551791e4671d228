//! Values of tensors that the host asks for in every step of a loop. See the README beside this file.
//!
//! Each site is judged in three steps: whether it runs in every step of a loop that keeps the device busy, what the value
//! is wanted for ([`purpose`]), and, if it is only added up or appended, whether that can wait until the loop is done
//! ([`deferral`], [`replay`]).

mod company;
mod deferral;
mod expression;
mod listed;
mod names;
pub(super) mod places;
mod purpose;
mod replay;

use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers, quoted};
use crate::engine::skim::{self, Code};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Opt, Transform, Widen};
use crate::semantics::tensors::syncs::{Asks, Sync};
use crate::transforms::repeated_sync;
use deferral::Deferral;
use listed::Listed;

/// See the README beside this file.
pub struct SyncInLoop;

static META: Meta = Meta {
    id: "sync-in-loop",
    summary: "waits for the value of a tensor in every step of a loop",
    why: "The host stands still until the device has done everything that is queued, in every step.",
    aliases: &[],
    anchors: &[&["torch"], &["for", "while"], WORDS],
    options: &[Opt {
        name: "accumulate",
        values: &["list", "device"],
        doc: "What becomes of `total += loss.item()`: the values are collected and added behind the loop, or they are added \
              on the device, which rounds at every step",
    }],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

/// What every site has one of.
const WORDS: &[&str] = &[".item", ".cpu", ".tolist", ".to", "float", "int", "bool"];

/// One place in a loop where the value of a tensor is asked for.
struct Site<'t> {
    sync: Sync<'t>,
}

impl Transform for SyncInLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        code.in_loops(asks_for_a_value)
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let call = m.node("sync");
        let Some(inner) = cx.facts().loops_around(call).next() else { return Ok(()) };
        cx.need(Widen::File)?;
        let Some(sync) = cx.facts().sync(call) else { return Ok(()) };
        // Have: for ..: .. tensor.item()
        if sync.tensor.on_host {
            out.leave(call.range(), "the tensor is on the host: there is the overhead of a call, but nobody waits");
            return Ok(());
        }
        if let Some(because) = cx.facts().coldness(call, inner) {
            out.leave(call.range(), because);
            return Ok(());
        }
        let site = Site { sync };
        let listed = Listed::of(cx, &site).filter(|_| cx.facts().is_busy(inner));
        let repair = match Deferral::of(cx, &site) {
            _ if let Some(repair) = listed.and_then(|listed| listed.repair(cx, &site)) => repair,
            Ok(deferral) => fix(cx, &site, &deferral),
            Err(_) if !cx.facts().is_hot(sync.value, &sync.tensor, inner) || repeated_sync::claims(cx, call) => return Ok(()),
            Err(because) => Repair::None { because },
        };
        out.push(Finding {
            range: call.range(),
            message: format!("`{}` makes the host wait for the device in every step of the loop", quoted(call)),
            evidence: vec![Note {
                range: sync.tensor.shown_by.range(),
                text: format!("`{}` is a tensor by this", quoted(sync.value)),
                certainty: sync.tensor.certainty,
            }],
            repair,
        });
        Ok(())
    }
}

/// Whether a text may ask for the value of a tensor.
fn asks_for_a_value(body: &[u8]) -> bool {
    // The device of the host has a name: `x.to("cpu")`.
    let to_host = |bracket| {
        let Some(behind) = skim::behind_near_bracket(body, bracket + 1) else { return true };
        body[bracket..behind].iter().any(|byte| matches!(byte, b'"' | b'\''))
    };
    [".item", ".cpu", ".tolist"].into_iter().any(|word| skim::calls_bare(body, word))
        || ["float", "int", "bool"].into_iter().any(|word| skim::calls_of(body, word).any(|at| may_hold_tensor(body, at)))
        || skim::calls_of(body, ".to").any(to_host)
}

/// Whether what stands in a bracket may be a tensor: nothing else than a literal or what `len` and the like give.
fn may_hold_tensor(body: &[u8], bracket: usize) -> bool {
    let start = skim::skip_blank(body, bracket + 1);
    match body.get(start) {
        None | Some(b')' | b'"' | b'\'' | b'0'..=b'9') => return false,
        _ => {}
    }
    let word = skim::word_at(body, start);
    let inner = skim::skip_blank(body, start + word.len());
    let is_plain = [&b"len"[..], b"round", b"str", b"ord"].contains(&word) && body.get(inner) == Some(&b'(');
    let behind = || skim::behind_near_bracket(body, inner + 1).map(|end| skim::skip_blank(body, end));
    !is_plain || behind().is_none_or(|end| body.get(end) != Some(&b')'))
}

/// Whether a value that is asked for in a loop can wait until the loop is done.
pub(super) fn can_wait<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    let facts = cx.facts();
    let Some((inner, sync)) = facts.loops_around(call).next().zip(facts.sync(call)) else { return false };
    !sync.tensor.on_host && facts.coldness(call, inner).is_none() && Deferral::of(cx, &Site { sync }).is_ok()
}

fn fix<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> Repair {
    let mut but = deferral.but.clone();
    if site.sync.tensor.certainty == Certainty::Likely {
        but.insert(0, format!("`{}` is a tensor only by its looks", quoted(site.sync.value)));
    }
    let Some(replayed) = replay::of(cx, site, deferral) else {
        return Repair::None {
            because: "no name is free for the values; collect the tensors and read them behind the loop".to_string(),
        };
    };
    but.extend(replayed.but);
    let edits = replayed.edits;
    Repair::Fix(Fix {
        title: replayed.title,
        tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
        span: edits.iter().map(|edit| edit.range.start).min().unwrap_or(0)
            ..edits.iter().map(|edit| edit.range.end).max().unwrap_or(0),
        edits,
        imports: replayed.import.into_iter().collect(),
    })
}

impl Site<'_> {
    /// Whether what is asked for is one number, which can be kept on the device until later.
    fn is_number(&self) -> bool {
        matches!(self.sync.asks, Asks::Item | Asks::Number)
    }
}
