//! Tensors that are made on the host and moved at once. See the README beside this file.

mod device;
mod factory;

use std::cell::OnceCell;
use std::collections::HashSet;

use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::skim::{self, Code};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use device::Device;
use factory::Factory;

/// See the README beside this file.
pub struct CreateOnDevice;

static META: Meta = Meta {
    id: "create-on-device",
    summary: "makes a tensor on the host and moves it to the device",
    why: "The host fills the tensor and waits while it is copied; with `device=` it is made where it is used.",
    aliases: &[],
    anchors: &[&["torch"], &[".to", ".cuda"]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for CreateOnDevice {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        let names = OnceCell::new();
        let follows_factory = |bracket| follows_factory(code, bracket, || names.get_or_init(|| skim::new_names(code)));
        [".to", ".cuda"].into_iter().any(|word| skim::calls_of(code, word).any(follows_factory))
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let (call, made) = (m.node("move"), m.node("factory"));
        cx.need(Widen::File)?;
        let Some(function) = cx.facts().called_name(made) else { return Ok(()) };
        let ["torch", function] = function[..] else { return Ok(()) };
        // Have: torch.<function>(..).to(..)
        let Some(device) = Device::of_move(cx, call) else { return Ok(()) };
        let tier = match Factory::judge(cx, made, function) {
            Factory::Unfit => return Ok(()),
            Factory::Leave(because) => {
                out.leave(call.range(), because);
                return Ok(());
            }
            Factory::Unsafe(because) => Tier::unsafe_because(because),
            Factory::Safe => Tier::Safe,
        };
        let (Some(edits), Some(statement)) = (edits(cx, call, made, &device), call.statement()) else { return Ok(()) };
        if factory::is_scripted(cx, call) {
            out.leave(call.range(), "TorchScript compiles this function");
            return Ok(());
        }
        out.push(Finding {
            range: call.range(),
            message: format!("`torch.{function}` makes this tensor on the host, and then it is copied to {}", device.named()),
            evidence: device.shown_by.map(|node| note(node, &device)).into_iter().collect(),
            repair: Repair::Fix(Fix {
                title: format!("Make it there: `device={}`", device.text),
                tier,
                edits,
                imports: Vec::new(),
                span: statement.range(),
            }),
        });
        Ok(())
    }
}

/// Whether the method whose bracket stands at `bracket` is called on what a factory gives: `zeros(3).to(`.
fn follows_factory<'n>(code: &'n [u8], bracket: usize, new_names: impl Fn() -> &'n HashSet<&'n [u8]>) -> bool {
    let method = skim::before_blank(code, bracket);
    let dot = method - code[..method].iter().rev().take_while(|&&byte| skim::is_word(byte)).count();
    let made = skim::before_blank(code, skim::before_blank(code, dot).saturating_sub(1));
    if !code[..made].ends_with(b")") {
        return false;
    }
    let Some(open) = skim::before_near_bracket(code, made - 1) else { return true };
    let name = skim::word_before(code, open);
    let start = skim::before_blank(code, open) - name.len();
    let is_attribute = code[..skim::before_blank(code, start)].ends_with(b".");
    // Have: from torch import zeros as z
    std::str::from_utf8(name).is_ok_and(factory::is_factory) || !is_attribute && new_names().contains(name)
}

fn note(node: Node<'_>, device: &Device<'_>) -> Note {
    let certainty = if device.certain { Certainty::Known } else { Certainty::Likely };
    Note { range: node.range(), text: "this is a device".to_string(), certainty }
}

/// The move goes, the keyword comes. `None` where a comment stands in between.
fn edits<'t>(cx: &Context<'t>, call: Node<'t>, made: Node<'t>, device: &Device<'t>) -> Option<Vec<Edit>> {
    let arguments = made.child("arguments")?;
    let has_comment = call.descendants().any(|node| node.is("comment") && node.start() >= made.end())
        || arguments.children().any(|child| child.is("comment"));
    if has_comment {
        return None;
    }
    let last = arguments.named_children().last()?;
    let comma = arguments.children().filter(|child| child.is(",") && child.start() >= last.end()).last();
    let text = |before: &str, after: &str| [before.as_bytes(), b"device=", &device.bytes, after.as_bytes()].concat();
    let line = format!("\n{}", cx.source.indent(last.start()));
    let is_alone = cx.source.line(arguments.start()) != cx.source.line(last.start());
    let gone = Edit::replace(made.end()..call.end(), "");
    let keyword = match comma {
        // Have: one argument on each line
        Some(comma) if cx.source.line(comma.start()) != cx.source.line(arguments.end()) => {
            Edit::insert(comma.end(), text(&line, ","))
        }
        Some(comma) => Edit::insert(comma.end(), text(" ", "")),
        None if is_wide(cx, call, last, device) => {
            let arguments: Vec<_> = arguments.named_children().collect();
            let on_one_line = arguments.iter().all(|part| cx.source.line(part.start()) == cx.source.line(last.end()));
            return match device.broken(cx, call) {
                // Have: f(a, b).to(<line end> device)
                Some((before, after)) if !is_alone && on_one_line => Some(vec![
                    Edit::insert(arguments[0].start(), before),
                    Edit::replace(last.end()..call.end(), [text(", ", ""), after].concat()),
                ]),
                // Have: f(<line end> a, b <line end>).to(device)
                _ if is_alone && on_one_line => {
                    let gaps = arguments.windows(2).map(|pair| cx.source.code()[pair[0].end()..pair[1].start()].len());
                    let ends = arguments.iter().zip(gaps).map(|(part, gap)| part.end()..part.end() + gap);
                    let mut edits: Vec<_> = ends.map(|gap| Edit::replace(gap, format!(",{line}"))).collect();
                    edits.push(Edit::insert(last.end(), text(&format!(",{line}"), ",")));
                    edits.push(gone);
                    Some(edits)
                }
                _ => Some(vec![Edit::insert(last.end(), text(", ", "")), gone]),
            };
        }
        None => Edit::insert(last.end(), text(", ", "")),
    };
    Some(vec![keyword, gone])
}

/// Whether the line of the last argument would get longer than the file's lines are.
fn is_wide<'t>(cx: &Context<'t>, call: Node<'t>, last: Node<'t>, device: &Device<'t>) -> bool {
    let source = cx.source;
    let closes = source.line(last.end()) == source.line(last.parent().map_or(last.end(), Node::end));
    let behind = if closes { source.code()[call.end()..source.line_end(call.end())].trim_end().len() + 1 } else { 0 };
    let before = last.end() - source.line_start(last.end());
    before + ", device=".len() + device.bytes.len() + behind > source.width()
}
