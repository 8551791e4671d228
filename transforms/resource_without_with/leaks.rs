//! Things that are never ended, and for which a `with` is not simply the answer.

use super::{Verdict, asked, made};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::handles::{End, Held};
use crate::semantics::scope::{Scopes, VariableId};

pub(super) fn judge<'t>(cx: &Context<'t>, call: Node<'t>, held: Held) -> Verdict {
    if let Some(method) = asked(call) {
        return unnamed(cx, call, held, method);
    }
    let Some((opening, id)) = made(cx, call) else { return Verdict::Nothing };
    let name = opening.target.text();
    if cx.facts().scopes().variable(id).scope == Scopes::MODULE {
        return Verdict::Left(format!("`{name}` is a name of the module, and may live as long as that"));
    }
    let Some(methods) = only_methods(cx, id) else {
        return Verdict::Left(format!("`{name}` is handed on, and may be ended there"));
    };
    // Have: name = Pool(..), and every mention of it asks for a method or attribute
    let has = |names: &[&str]| methods.iter().any(|method| names.contains(method));
    match held {
        Held::Pool if !methods.is_empty() && !has(&["close", "join", "terminate", "__exit__", "_pool"]) => Verdict::report(
            format!("`{name}` is neither closed nor joined"),
            "a `with` would not wait for its work: it ends with `terminate()`",
        ),
        Held::Process if has(&["stdout", "stderr", "stdin"]) && methods.iter().all(|method| PIPES.contains(method)) => {
            if has_closed_pipe(cx, id) {
                return Verdict::Left("its pipes are closed".to_string());
            }
            Verdict::report(
                format!("`{name}` is not waited for, and its pipe stays open"),
                "a `with` would wait for its end, and `subprocess.run` may say it in one call",
            )
        }
        Held::Directory if methods == ["name"] || methods.iter().all(|method| *method == "name") && !methods.is_empty() => {
            Verdict::report(
                format!("`{name}` is removed whenever nothing holds it any more"),
                format!("a `with` would give `{name}` the name of the directory, which is a text"),
            )
        }
        _ => Verdict::Nothing,
    }
}

/// What a child process may be asked for without an end of it.
const PIPES: &[&str] = &["args", "stderr", "stdin", "stdout"];

/// The methods and attributes that a variable is asked for; `None` when it is mentioned otherwise, or in a function that
/// may run later.
fn only_methods<'t>(cx: &Context<'t>, id: VariableId) -> Option<Vec<&'t str>> {
    let variable = cx.facts().scopes().variable(id);
    let home = variable.bindings.first().map(|binding| cx.facts().owner(binding.node))?;
    let methods = variable.references.iter().map(|mention| asked(*mention).filter(|_| cx.facts().owner(*mention) == home));
    methods.collect()
}

/// Whether one of the pipes of a process is closed, or given to somebody.
fn has_closed_pipe(cx: &Context<'_>, id: VariableId) -> bool {
    cx.facts().scopes().variable(id).references.iter().any(|mention| {
        let Some(pipe) = mention.parent() else { return false };
        match asked(pipe) {
            Some(method) => method == "close",
            None => !matches!(cx.facts().fate(pipe).end, End::Used(_) | End::Loop(_)),
        }
    })
}

/// A thing without a name that is asked for `method`.
fn unnamed<'t>(cx: &Context<'t>, call: Node<'t>, held: Held, method: &str) -> Verdict {
    let is_call = |node: Node<'t>| node.parent().filter(|parent| parent.is("call") && node.field() == Some("function"));
    let asked_for = call.parent();
    match held {
        Held::Pool if ["map", "imap", "imap_unordered", "starmap", "apply"].contains(&method) => Verdict::report(
            "this pool is never ended",
            "a `with` ends with `terminate()`: what is still at work when the block ends is lost",
        ),
        Held::Process if ["stdout", "stderr"].contains(&method) && asked_for.and_then(asked).is_some() => Verdict::report(
            "this process is not waited for, and its pipe stays open",
            "a `with` would wait for its end, and `subprocess.run` may say it in one call",
        ),
        Held::Directory if method == "name" => Verdict::report(
            "this directory is removed at once",
            "nothing holds it; `with` gives its name to the statements that need it, and removes it behind them",
        ),
        Held::Remote if method == "open" => {
            let Some(opened) = asked_for.and_then(is_call) else { return Verdict::Nothing };
            let is_used = asked(opened).is_some_and(|method| method != "close")
                || matches!(cx.facts().fate(opened).end, End::Used(_) | End::Loop(_));
            if !is_used {
                return Verdict::Left("the file that it opens may be closed elsewhere".to_string());
            }
            Verdict::report(
                "the file that this opens is never closed",
                "`with fsspec.open(..) as f:` opens it and closes it; this is another object",
            )
        }
        _ => Verdict::Nothing,
    }
}
