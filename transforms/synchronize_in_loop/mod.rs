//! Calls that stop the device, or the host, in every step of a loop. See the README beside this file.

use crate::engine::finding::{Finding, Repair, quoted};
use crate::engine::skim::{self, Code};
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};

/// See the README beside this file.
pub struct SynchronizeInLoop;

static META: Meta = Meta {
    id: "synchronize-in-loop",
    summary: "stops the device or the host in every step of a loop",
    why: "Nothing is queued for the device in the meantime, so that it stands still afterwards, too.",
    aliases: &[],
    anchors: &[&["torch"], &["for", "while"], WORDS],
    options: &[],
    tier: None,
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

const WORDS: &[&str] = &["synchronize", "empty_cache", "collect"];

impl Transform for SynchronizeInLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        code.in_loops(|body| WORDS.iter().any(|word| skim::calls(body, word)))
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let call = m.node("call");
        let Some(inner) = cx.facts().loops_around(call).next() else { return Ok(()) };
        cx.need(Widen::File)?;
        let Some(name) = cx.facts().called_name(call) else { return Ok(()) };
        let (what, because) = match name[..] {
            ["torch", "cuda" | "mps" | "xpu" | "npu" | "accelerator", "synchronize"] => (
                "makes the host wait for the device",
                "PyTorch waits by itself where a value is needed: leave it out, or keep it for the steps that are timed",
            ),
            ["torch", "cuda" | "mps" | "xpu" | "npu" | "accelerator", "empty_cache"] => (
                "waits for the device and gives its memory back",
                "the next step has to ask the driver for the memory again: call it when something else needs the memory",
            ),
            ["gc", "collect"] => (
                "walks all objects of the program",
                "tensors are freed when their last name goes: delete the names, and collect every so many steps if at all",
            ),
            _ => return Ok(()),
        };
        // Have: for ..: gc.collect()
        if let Some(because) = cx.facts().coldness(call, inner) {
            out.leave(call.range(), because);
            return Ok(());
        }
        if !cx.facts().is_busy(inner) {
            return Ok(());
        }
        out.push(Finding {
            range: call.range(),
            message: format!("`{}` {what} in every step of the loop", quoted(call)),
            evidence: Vec::new(),
            repair: Repair::None { because: because.to_string() },
        });
        Ok(())
    }
}
