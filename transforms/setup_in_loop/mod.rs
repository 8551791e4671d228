//! Modules that are set up anew in every step of a loop. See the README beside this file.

use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Finding, Fix, Note, Repair, Tier, Tiers};
use crate::engine::skim::{self, Code};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::engine::wrap;
use crate::semantics::effects::Place;
use crate::semantics::tensors::heat;
use crate::transforms::sync_in_loop::places;
use crate::transforms::transfer_in_loop::{shown, transfer};

/// See the README beside this file.
pub struct SetupInLoop;

static META: Meta = Meta {
    id: "setup-in-loop",
    summary: "sets a module up in every step of a loop",
    why: "Each call walks all parameters and submodules, and finds everything as it should be.",
    aliases: &[],
    anchors: &[&["torch"], &["for", "while"], &[".eval()", ".train()", ".cuda()", ".to("]],
    options: &[],
    tier: Some(Tiers::Unsafe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for SetupInLoop {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        let sets_up = |body: &[u8], word| skim::calls_of(body, word).any(|bracket| skim::is_statement(body, bracket));
        code.in_loops(|body| [".to", ".cuda", ".eval", ".train"].into_iter().any(|word| sets_up(body, word)))
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let (setup, module) = (m.node("setup"), m.node("module"));
        let facts = cx.facts();
        if facts.loops_around(setup).next().is_none() || !sets_up(cx, setup) {
            return Ok(());
        }
        cx.need(Widen::File)?;
        let Some(place) = facts.place(module) else { return Ok(()) };
        if facts.tensor(module).is_some() {
            return Ok(());
        }
        // Have: for ..: module.eval()
        let mut found = None;
        let mut inner = setup;
        for a_loop in facts.loops_around(setup).take_while(|a_loop| !facts.is_too_long(*a_loop)) {
            if !facts.runs_in_every_step(inner, a_loop) || is_disturbed(cx, &place, setup, a_loop) {
                break;
            }
            found = Some(a_loop);
            inner = a_loop;
        }
        let Some(a_loop) = found else { return Ok(()) };
        if transfer::is_of_epochs(a_loop) || heat::is_epoch_loop(a_loop) {
            out.leave(setup.range(), "it is done once in each epoch");
            return Ok(());
        }
        if heat::is_test(setup) || heat::is_timed(cx.facts(), a_loop, setup) {
            out.leave(setup.range(), "it is a test, or timed");
            return Ok(());
        }
        let Some(edits) = edits(cx, setup, a_loop) else {
            out.leave(setup.range(), "the line has no place for it");
            return Ok(());
        };
        let module = shown(module);
        out.push(Finding {
            range: setup.range(),
            message: format!("`{module}` is set up in every step of the loop"),
            evidence: vec![Note {
                range: a_loop.start()..a_loop.child("body").map_or(a_loop.end(), Node::start),
                text: "in each step of this loop".to_string(),
                certainty: Certainty::Known,
            }],
            repair: Repair::Fix(Fix {
                title: "Do it once in front of the loop".to_string(),
                tier: Tier::unsafe_because(format!(
                    "code that the loop calls may set `{module}` up otherwise, and a loop without a step would now do it, too"
                )),
                span: a_loop.range(),
                edits,
                imports: Vec::new(),
            }),
        });
        Ok(())
    }
}

/// `model.eval()`, `model.train()`, `model.cuda()`, `model.to(device)`.
fn sets_up<'t>(cx: &Context<'t>, setup: Node<'t>) -> bool {
    let method = setup.child("function").and_then(|function| function.child("attribute")).map_or("", Node::text);
    let arguments = setup.child("arguments");
    let only = arguments.and_then(Node::only_child);
    let is_bare = arguments.is_some_and(|arguments| arguments.named_children().next().is_none());
    match (method, only) {
        ("eval" | "train" | "cuda", None) => is_bare,
        ("to", Some(only)) if only.is("keyword_argument") => {
            only.child("name").is_some_and(|name| name.text() == "device")
                && only.child("value").is_some_and(|value| cx.facts().device(value).is_some())
        }
        ("to", Some(only)) => cx.facts().device(only).is_some(),
        _ => false,
    }
}

/// Whether the loop does anything with the module but run it, behind the statement, or something that may reach it.
fn is_disturbed<'t>(cx: &Context<'t>, place: &Place<'t>, setup: Node<'t>, a_loop: Node<'t>) -> bool {
    let facts = cx.facts();
    let home = place.root.map(|id| facts.scopes().variable(id));
    let is_seen_elsewhere = home.is_none_or(|variable| {
        variable.references.iter().any(|reference| facts.owner(*reference) != facts.owner(setup) && !place.name.eq("self"))
    });
    if is_seen_elsewhere || !facts.rebindings(place, a_loop).is_empty() {
        return true;
    }
    let arguments = setup.child("arguments").into_iter().flat_map(Node::descendants).filter(|node| node.is("identifier"));
    let bound = arguments.filter_map(|name| facts.place(name)).any(|name| !facts.rebindings(&name, a_loop).is_empty());
    let is_run = |mention: Node<'t>| {
        let Some(parent) = mention.parent() else { return false };
        parent.is("call") && mention.field() == Some("function") || parent == setup || {
            // Have: model.encode(x), model.config; not model.train()
            let method = parent.child("attribute").map_or("", Node::text);
            parent.is("attribute")
                && !["train", "eval", "to", "cuda", "cpu", "half", "float", "requires_grad_", "apply"].contains(&method)
        }
    };
    let mentions = facts.mentions(place, a_loop);
    // Have: agent.train(), which may take a step; what is called itself is a module
    let is_called =
        |mention: &Node<'t>| mention.field() == Some("function") && mention.parent().is_some_and(|parent| parent.is("call"));
    if trains(setup) && !mentions.iter().any(is_called) {
        return true;
    }
    let is_fine = |&mention: &Node<'t>| setup.contains(mention) || is_run(mention) && facts.dominates(setup, mention);
    if bound || !mentions.iter().all(is_fine) {
        return true;
    }
    // Have: self.model.eval(); self.step(batch)
    let owner = &place.name;
    let reaches = |call: Node<'t>| {
        let function = call.child("function");
        let object = function.and_then(|function| function.child("object"));
        let is_itself = function.and_then(|function| facts.place(function)).is_some_and(|function| function == *place);
        let is_method = !place.steps.is_empty() && !is_itself && object.is_some_and(|object| object.text() == *owner);
        let arguments = call.child("arguments").into_iter().flat_map(Node::named_children);
        let is_given = !place.steps.is_empty() && arguments.into_iter().any(|argument| argument.text() == *owner);
        is_method || is_given
    };
    let calls = a_loop.descendants().filter(|node| node.is("call") && !setup.contains(*node));
    calls.into_iter().any(reaches) || is_switched(setup, a_loop)
}

fn edits<'t>(cx: &Context<'t>, setup: Node<'t>, a_loop: Node<'t>) -> Option<Vec<Edit>> {
    let source = cx.source;
    let statement = setup.statement()?;
    let body = statement.parent()?;
    let line = source.line_start(a_loop.start());
    let lines = wrap::own_lines(source, statement)?;
    let above = source.line(lines.start).checked_sub(1).map(|line| &source.code()[source.line_range(line)]);
    let has_comment = above.is_some_and(|above| above.trim_start().starts_with('#'));
    if body.named_children().count() < 2
        || statement.text().contains('\n')
        || !source.is_exact(statement.range())
        || has_comment
        || !source.code()[line..a_loop.start()].trim().is_empty()
    {
        return None;
    }
    let indent = source.indent(a_loop.start());
    Some(vec![
        places::before(source, a_loop, &format!("{indent}{}\n", statement.text())),
        Edit::replace(wrap::removal(source, lines), ""),
    ])
}

/// `model.train()`.
fn trains(setup: Node<'_>) -> bool {
    setup.child("function").and_then(|function| function.child("attribute")).is_some_and(|name| name.text() == "train")
}

/// Whether anything else in the loop is switched to training; or, where the module is, whether anything is evaluated.
fn is_switched(setup: Node<'_>, a_loop: Node<'_>) -> bool {
    const EVALUATING: &[&str] = &["eval", "valid", "test", "infer", "predict", "sample", "generate", "log", "callback"];
    let is_training = trains(setup);
    let names = a_loop.descendants().filter(|node| node.is("identifier") && !setup.contains(*node));
    let mut called = names.filter(|name| {
        let function =
            name.parent().filter(|parent| parent.is("attribute") && name.field() == Some("attribute")).unwrap_or(*name);
        name.parent().is_some_and(|parent| parent.is("attribute")) || function.field() == Some("function")
    });
    called.any(|name| {
        let text = name.text().to_lowercase();
        text == "train" || is_training && EVALUATING.iter().any(|word| text.contains(word))
    })
}
