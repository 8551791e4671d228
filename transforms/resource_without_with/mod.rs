//! Connections, profilers, executors and modes that are begun and ended by hand.

mod connection;
mod executor;
mod grad;
mod leaks;
mod profiler;
mod span;

use super::open_without_with::{Verdict, named};
use crate::engine::finding::Tiers;
use crate::engine::skim::Code;
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::semantics::handles::Held;
use crate::semantics::scope::VariableId;

/// See the README beside this file.
pub struct ResourceWithoutWith;

static META: Meta = Meta {
    id: "resource-without-with",
    summary: "uses a connection, a profiler or an executor without `with`",
    why: "What no `with` ends goes on when something raises, or until nothing happens to hold it any more.",
    aliases: &["consider-using-with", "R1732"],
    anchors: &[&[
        "profiler",
        "cProfile",
        "concurrent",
        "set_grad_enabled",
        "multiprocessing",
        "subprocess",
        "TemporaryDirectory",
        "fsspec",
        "sqlite3",
        ".npz",
        "PIL",
    ]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for ResourceWithoutWith {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        // A word for where the thing comes from, and one without which nothing is said of it. The name of an `.npz` is a
        // text, and texts are not code.
        const PAIRS: &[(&str, &str)] = &[
            ("sqlite3", "connect"),
            ("numpy", "load"),
            ("PIL", "open"),
            ("profiler", "start"),
            ("profiler", "__enter__"),
            ("cProfile", "enable"),
            ("cProfile", "__enter__"),
            ("concurrent", "shutdown"),
            ("torch", "set_grad_enabled"),
            ("multiprocessing", "Pool"),
            ("subprocess", "Popen"),
            ("tempfile", "TemporaryDirectory"),
            ("fsspec", "open"),
        ];
        let has = |word: &str| memchr::memmem::find(code, word.as_bytes()).is_some();
        PAIRS.iter().any(|(origin, word)| has(origin) && has(word))
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let call = m.node("call");
        cx.need(Widen::File)?;
        let verdict = match cx.facts().held(call) {
            Some(Held::Profiler(begins, ends)) => profiler::judge(cx, call, begins, ends),
            Some(Held::Executor) => executor::judge(cx, call),
            Some(held) => leaks::judge(cx, call, held),
            None if grad::is_set(cx, call, "False") => grad::judge(cx, call),
            None => connection::judge(cx, call),
        };
        verdict.say(call, out);
        Ok(())
    }
}

/// What a call makes, when a statement does nothing but to give it a name that is never bound otherwise.
fn made<'t>(cx: &Context<'t>, call: Node<'t>) -> Option<(named::Opening<'t>, VariableId)> {
    let target = call.parent().filter(|parent| parent.is("assignment"))?.child("left")?;
    let opening = named::opening(target).filter(|opening| opening.value == call && target.is("identifier"))?;
    let scopes = cx.facts().scopes();
    let id = scopes.variable_of(target)?;
    let variable = scopes.variable(id);
    let is_own = variable.scope == scopes.beyond_comprehensions(scopes.scope_of(call));
    (is_own && variable.bindings.len() == 1).then_some((opening, id))
}

/// The call of a method of `name` that is a statement of its own.
fn called<'t>(statement: Node<'t>, name: &str, method: &str) -> Option<Node<'t>> {
    let call = statement.only_child().filter(|call| statement.is("expression_statement") && call.is("call"))?;
    let function = call.child("function").filter(|function| function.is("attribute"))?;
    let object = function.child("object")?;
    let is_it = object.is("identifier") && object.text() == name && function.child("attribute")?.text() == method;
    is_it.then_some(call)
}

/// The name of the method or attribute of a variable that is asked for at a mention.
fn asked(mention: Node<'_>) -> Option<&str> {
    let attribute = mention.parent().filter(|parent| parent.is("attribute") && mention.field() == Some("object"))?;
    attribute.child("attribute").map(Node::text)
}

/// The number of the line of a node, from 1.
fn line(cx: &Context<'_>, node: Node<'_>) -> usize {
    cx.source.line(node.start()) + 1
}
