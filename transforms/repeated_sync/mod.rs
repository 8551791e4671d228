//! The same value of a tensor, asked for twice in one step of a loop. See the README beside this file.

mod repeat;

use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::skim::{self, Code};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::semantics::scope::{BindingKind, ScopeKind};
use crate::transforms::transfer_in_loop::{names, shown};
use repeat::Repeat;

/// See the README beside this file.
pub struct RepeatedSync;

static META: Meta = Meta {
    id: "repeated-sync",
    summary: "asks twice for the same value of a tensor",
    why: "Each `.item()` is a call into PyTorch and a copy from the device, for a number that is known already.",
    aliases: &[],
    anchors: &[&["torch"], &["for", "while"], &[".item()"]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for RepeatedSync {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        code.in_loops(|body| skim::calls_bare(body, ".item"))
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let sync = m.node("sync");
        if cx.facts().loops_around(sync).next().is_none() {
            return Ok(());
        }
        cx.need(Widen::File)?;
        let Some(repeat) = Repeat::of(cx, sync) else { return Ok(()) };
        if Repeat::with(cx, sync).is_some() {
            // Have: the second of three, for which the finding of the first one speaks
            return Ok(());
        }
        push(cx, &repeat, out);
        Ok(())
    }
}

/// Whether a read only asks for what an earlier one has fetched, so that a fix of this transform takes it away.
pub(super) fn claims<'t>(cx: &Context<'t>, sync: Node<'t>) -> bool {
    Repeat::with(cx, sync).is_some_and(|repeat| edits(cx, &repeat).is_some())
}

fn push<'t>(cx: &Context<'t>, repeat: &Repeat<'t>, out: &mut Findings) {
    let value = shown(repeat.receiver);
    let mut but = Vec::new();
    if repeat.tensor.certainty == Certainty::Likely {
        but.push(format!("`{value}` is a tensor only by its looks"));
    }
    if let Some(stranger) = repeat.stranger {
        but.push(format!("`{}` may change the tensor, which others may hold", shown(stranger)));
    }
    let Some((name, edits)) = edits(cx, repeat) else {
        return out.leave(repeat.first.range(), "no name is free for the value, or the line has no place for it");
    };
    let last = repeat.again.iter().filter_map(|again| again.statement()).map(Node::end).max().unwrap_or(0);
    out.push(Finding {
        range: repeat.again[0].range(),
        message: format!("`{}` has been asked for in this step before", shown(repeat.again[0])),
        evidence: vec![
            Note { range: repeat.first.range(), text: "here".to_string(), certainty: Certainty::Known },
            Note {
                range: repeat.tensor.shown_by.range(),
                text: format!("`{value}` is a tensor by this"),
                certainty: repeat.tensor.certainty,
            },
        ],
        repair: Repair::Fix(Fix {
            title: format!("Use `{name}` again"),
            tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
            span: repeat.statement.start()..last.max(repeat.statement.end()),
            edits,
            imports: Vec::new(),
        }),
    });
}

/// The name that holds the value, and the edits that put it in the place of each read.
fn edits<'t>(cx: &Context<'t>, repeat: &Repeat<'t>) -> Option<(String, Vec<Edit>)> {
    if let Some(name) = bound_name(cx, repeat) {
        let edits = repeat.again.iter().map(|again| Edit::replace(again.range(), name)).collect();
        return Some((name.to_string(), edits));
    }
    let source = cx.source;
    let start = repeat.statement.start();
    let line = source.line_start(start);
    let text = repeat.first.text();
    if !source.code()[line..start].trim().is_empty() || text.contains('\n') || !source.is_exact(repeat.first.range()) {
        return None;
    }
    let name = names::choose(cx, repeat.receiver, &["value", "number"], true, repeat.statement)?;
    let mut edits = vec![Edit::insert(line, format!("{}{name} = {text}\n", source.indent(start)))];
    edits.extend(std::iter::once(&repeat.first).chain(&repeat.again).map(|read| Edit::replace(read.range(), name.clone())));
    Some((name, edits))
}

/// `value` of `value = x.item()`, if it still is that where the value is asked for again.
fn bound_name<'t>(cx: &Context<'t>, repeat: &Repeat<'t>) -> Option<&'t str> {
    let facts = cx.facts();
    let assignment = repeat.statement.only_child().filter(|inner| inner.is("assignment") && inner.child("type").is_none())?;
    let target = assignment.child("left").filter(|left| left.is("identifier"))?;
    assignment.child("right").filter(|right| right.unparenthesized() == repeat.first)?;
    let scopes = facts.scopes();
    let variable = scopes.variable(scopes.variable_of(target)?);
    let owner = facts.owner(target);
    let is_local = matches!(scopes.kind(variable.scope), ScopeKind::Function | ScopeKind::Module)
        && variable
            .bindings
            .iter()
            .all(|binding| binding.kind == BindingKind::Declaration || facts.owner(binding.node) == owner);
    let others: Vec<_> = variable.bindings.iter().map(|binding| binding.node).filter(|node| *node != target).collect();
    let is_settled = |again: &Node<'t>| {
        others.iter().all(|other| {
            !facts.may_follow(*other, *again, &[target])
                && !again.statement().is_some_and(|statement| statement.contains(*other))
        })
    };
    (is_local && repeat.again.iter().all(is_settled)).then(|| target.text())
}
