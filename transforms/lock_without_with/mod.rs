//! Locks that are acquired and released by hand.

use std::ops::Range;

use crate::engine::edit::Edit;
use crate::engine::finding::{Finding, Fix, Repair, Tier, Tiers};
use crate::engine::reindent::Run;
use crate::engine::skim::{self, Code};
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::engine::wrap;
use crate::semantics::scope::{BindingKind, ScopeKind};

/// See the README beside this file.
pub struct LockWithoutWith;

static META: Meta = Meta {
    id: "lock-without-with",
    summary: "acquires and releases a lock without `with`",
    why: "A lock that stays acquired when something raises stops every other thread that waits for it.",
    aliases: &["consider-using-with", "R1732"],
    anchors: &[&[".acquire("], &[".release("], &["Lock(", "Condition(", "Semaphore("]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

/// Calls that make a lock whose `with` acquires and releases it. Source: Python, threading, "Using locks, conditions, and
/// semaphores in the with statement"; multiprocessing, "Synchronization primitives".
const LOCKS: &[&str] = &[
    "multiprocessing.BoundedSemaphore",
    "multiprocessing.Condition",
    "multiprocessing.Lock",
    "multiprocessing.RLock",
    "multiprocessing.Semaphore",
    "threading.BoundedSemaphore",
    "threading.Condition",
    "threading.Lock",
    "threading.RLock",
    "threading.Semaphore",
];

impl Transform for LockWithoutWith {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        skim::behind_word(code, "acquire").any(|end| {
            let bracket = skim::skip_blank(code, end);
            let inside = skim::skip_blank(code, bracket + 1);
            let is_bare = code.get(bracket) == Some(&b'(') && code.get(inside) == Some(&b')');
            // A statement of its own begins with the name of the lock.
            let start = skim::start_of_chain(code, end);
            let before = code[..start].iter().rev().find(|byte| !matches!(byte, b' ' | b'\t' | b'\x0c'));
            is_bare && before.is_none_or(|byte| matches!(byte, b'\n' | b'\r' | b';' | b':'))
        })
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let (call, statement) = (m.node("call"), m.node("statement"));
        let Some(lock) = receiver(call, "acquire").filter(|_| statement.is_statement()) else { return Ok(()) };
        cx.need(Widen::File)?;
        if !is_lock(cx, lock) {
            return Ok(());
        }
        // Have: lock.acquire()
        let following: Vec<Node<'t>> =
            statement.parent().into_iter().flat_map(Node::named_children).filter(|sibling| *sibling > statement).collect();
        let name = lock.text();
        let mut released = None;
        let made = if let Some(close) = following.first().and_then(|next| guarded(*next, name)) {
            in_finally(cx, statement, following[0], close, name)
        } else {
            let Some(end) = following.iter().position(|sibling| releases(*sibling, name)) else {
                out.leave(call.range(), format!("`{name}` is not released in this block"));
                return Ok(());
            };
            released = released_elsewhere(cx, lock);
            straight(cx, statement, &following[..=end], name)
        };
        let message = format!("`{name}` is acquired and released by hand");
        let repair = match made {
            Ok((edits, span)) => {
                let title = format!("Hold `{name}` in a `with` block");
                let owner = lock.child("object").map_or("self", Node::text);
                let tier = match owner {
                    _ if let Some(line) = released => {
                        Tier::unsafe_because(format!("line {line} releases it for somebody else, and `with` would do so, too"))
                    }
                    "self" | "cls" => Tier::Safe,
                    _ => Tier::unsafe_because(format!("`{owner}` may be an object of another class, with another lock")),
                };
                Repair::Fix(Fix { title, tier, edits, imports: Vec::new(), span })
            }
            Err(because) => Repair::None { because },
        };
        out.push(Finding { range: call.range(), message, evidence: Vec::new(), repair });
        Ok(())
    }
}

/// The object of a call `lock.acquire()` without arguments: a name or a chain of attributes.
fn receiver<'t>(call: Node<'t>, method: &str) -> Option<Node<'t>> {
    let function = call.child("function").filter(|function| function.is("attribute"))?;
    let bare = call.child("arguments").is_some_and(|arguments| arguments.named_children().next().is_none());
    let named = function.child("attribute").is_some_and(|name| name.text() == method);
    let object = function.child("object").filter(|_| bare && named)?;
    let mut inner = object;
    while inner.is("attribute") {
        inner = inner.child("object")?;
    }
    inner.is("identifier").then_some(object)
}

/// Whether a statement is `name.release()`.
fn releases(statement: Node<'_>, name: &str) -> bool {
    let call = statement.only_child().filter(|call| statement.is("expression_statement") && call.is("call"));
    call.and_then(|call| receiver(call, "release")).is_some_and(|lock| lock.text() == name)
}

/// The release in the `finally` of a `try`.
fn guarded<'t>(statement: Node<'t>, name: &str) -> Option<Node<'t>> {
    let clause = statement.child_of_kind("finally_clause").filter(|_| statement.is("try_statement"))?;
    clause.child_of_kind("block")?.named_children().find(|inner| releases(*inner, name))
}

/// Whether everything that the file binds this name or attribute to is a lock.
fn is_lock<'t>(cx: &Context<'t>, lock: Node<'t>) -> bool {
    let facts = cx.facts();
    let makes = |value: Option<Node<'t>>| {
        value.and_then(|value| facts.called_name(value)).is_some_and(|name| LOCKS.contains(&name.join(".").as_str()))
    };
    let is_made = |kind: BindingKind, value| matches!(kind, BindingKind::Assignment | BindingKind::Annotated) && makes(value);
    if lock.is("identifier") {
        let Some(id) = facts.scopes().variable_of(lock) else { return false };
        let bindings = &facts.scopes().variable(id).bindings;
        return !bindings.is_empty() && bindings.iter().all(|binding| is_made(binding.kind, binding.value));
    }
    let Some(name) = lock.child("attribute").map(Node::text) else { return false };
    // `self.lock = ..` anywhere in the file, and `lock = ..` in the body of a class.
    let mut count = 0;
    for node in cx.tree.root().descendants().filter(|node| node.is("attribute") && node.field() == Some("left")) {
        if node.child("attribute").is_some_and(|attribute| attribute.text() == name) {
            count += 1;
            if !node.parent().is_some_and(|parent| parent.is("assignment") && makes(parent.child("right"))) {
                return false;
            }
        }
    }
    for (_, variable) in facts.scopes().variables().filter(|(_, variable)| variable.name == name) {
        if facts.scopes().kind(variable.scope) == ScopeKind::Class {
            count += variable.bindings.len();
            if !variable.bindings.iter().all(|binding| is_made(binding.kind, binding.value)) {
                return false;
            }
        }
    }
    count > 0
}

/// The line, from 1, of a release of this lock in a function, or in a handler, that has not acquired it before: there for the
/// case that something raises while the lock is held.
fn released_elsewhere<'t>(cx: &Context<'t>, lock: Node<'t>) -> Option<usize> {
    let last = |lock: Node<'t>| lock.child("attribute").unwrap_or(lock).text();
    let calls = |method| {
        let of_it = move |call: &Node<'t>| receiver(*call, method).is_some_and(|other| last(other) == last(lock));
        cx.tree.root().descendants().filter(|node| node.is("call")).filter(of_it)
    };
    let is_handled = |call: Node<'t>| call.ancestors().any(|around| around.is("except_clause"));
    let paired = |release: Node<'t>| {
        let owner = cx.facts().owner(release);
        calls("acquire").any(|acquire| acquire < release && cx.facts().owner(acquire) == owner)
    };
    let alone = calls("release").find(|release| is_handled(*release) || !paired(*release))?;
    Some(cx.source.line(alone.start()) + 1)
}

type Made = Result<(Vec<Edit>, Range<usize>), String>;

/// `lock.acquire()`, `try: ..`, `finally: lock.release()`: the body stands where it has to.
fn in_finally<'t>(cx: &Context<'t>, opening: Node<'t>, guard: Node<'t>, close: Node<'t>, name: &str) -> Made {
    let source = cx.source;
    let clause = close.parent().and_then(Node::parent).filter(|clause| clause.is("finally_clause"));
    let clause = clause.ok_or("it is released in another place")?;
    if close.parent().is_none_or(|block| block.only_child() != Some(close)) {
        return Err("the `finally` does more than to release it".to_string());
    }
    if guard.children().any(|child| child.is_any(&["except_clause", "else_clause"])) {
        return Err("the `try` has handlers of its own".to_string());
    }
    let colon = guard.child_of_kind(":").ok_or("the `try` has no colon")?;
    let end = source.line_end(close.end().saturating_sub(1));
    let bare = source.code()[close.end()..end].trim().is_empty()
        && source.code()[opening.end()..guard.start()].trim().is_empty()
        && !clause.descendants().any(|node| node.is("comment"));
    let alone = Run::new(source, opening, guard).is_some() && source.line(opening.end()) < source.line(guard.start());
    if !bare || !alone {
        return Err("comments or other code stand between".to_string());
    }
    let edits = vec![
        Edit::replace(opening.start()..colon.end(), format!("with {name}:")),
        Edit::replace(wrap::removal(source, source.line_start(clause.start())..end), ""),
    ];
    Ok((edits, opening.start()..guard.end()))
}

/// `lock.acquire()`, statements, `lock.release()` in one block.
fn straight<'t>(cx: &Context<'t>, opening: Node<'t>, held: &[Node<'t>], name: &str) -> Made {
    let source = cx.source;
    let shares = || "it shares its line with other code, or a comment speaks of it".to_string();
    let Some((&close, body)) = held.split_last().filter(|(_, body)| !body.is_empty()) else {
        return Err("nothing is done while it is held".to_string());
    };
    // A handler around it that releases the lock does so because the lines between did not.
    let clauses = opening.ancestors().filter(|around| around.is("try_statement")).flat_map(Node::named_children);
    let handlers = clauses.filter(|clause| clause.is_any(&["except_clause", "finally_clause"]) && !clause.contains(opening));
    if let Some(mention) = handlers.flat_map(Node::descendants).find(|node| node.text() == name) {
        return Err(format!("line {} is there for the case that something raises", source.line(mention.start()) + 1));
    }
    for statement in body {
        let is_inner = |node: Node<'t>| node.is_any(&["function_definition", "lambda"]);
        for node in statement.walk(is_inner).filter(|node| !is_inner(*node)) {
            let loops = || {
                node.ancestors()
                    .take_while(|around| *around != opening)
                    .any(|around| around.is_any(&["for_statement", "while_statement"]) && statement.contains(around))
            };
            let leaves = node.is_any(&["return_statement", "yield", "await"])
                || node.is_any(&["break_statement", "continue_statement"]) && !loops();
            if leaves {
                return Err(format!("line {} leaves the block while it is held", source.line(node.start()) + 1));
            }
            if node.is_any(&["identifier", "attribute"]) && node.text() == name {
                return Err(format!("it is also used in line {}", source.line(node.start()) + 1));
            }
        }
    }
    if !others_nest(body) {
        return Err("another lock is acquired while it is held, and released later".to_string());
    }
    let opened = Run::new(source, opening, opening).ok_or_else(shares)?;
    let lines = wrap::own_lines(source, close).ok_or_else(shares)?;
    let run = Run::new(source, body[0], body[body.len() - 1]).ok_or_else(shares)?;
    let run = run.with_lines(opened.lines.end..lines.end);
    let gone = [wrap::removal(source, lines)];
    let mut edits = vec![Edit::replace(opening.range(), format!("with {name}:"))];
    edits.extend(wrap::outside(run.deeper(source, &run.unit(source)), &gone));
    edits.push(Edit::replace(gone[0].clone(), ""));
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    Ok((edits, opening.start()..close.end()))
}

/// Whether every other lock that these statements acquire is released by them, too, and none is that was acquired before.
fn others_nest(body: &[Node<'_>]) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for call in body.iter().flat_map(|statement| statement.and_descendants()).filter(|node| node.is("call")) {
        let method = call.child("function").and_then(|function| function.child("attribute")).map_or("", Node::text);
        let object = call.child("function").and_then(|function| function.child("object")).map_or("", Node::text);
        match method {
            "acquire" => open.push(object),
            "release" => match open.pop() {
                Some(last) if last == object => {}
                _ => return false,
            },
            _ => {}
        }
    }
    open.is_empty()
}
