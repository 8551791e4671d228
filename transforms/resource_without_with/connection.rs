//! Connections to databases, containers of arrays and images: what is said of files, and a little more.

use super::super::open_without_with::{self, Verdict};
use super::line;
use crate::engine::edit::Edit;
use crate::engine::finding::{Fix, Tier};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::handles::{End, Family};

pub(super) fn judge<'t>(cx: &Context<'t>, call: Node<'t>) -> Verdict {
    let Some(opener) = cx.facts().opener(call).filter(|opener| !opener.family.is_file()) else { return Verdict::Nothing };
    // Have: sqlite3.connect(p), np.load("a.npz"), Image.open(p)
    if opener.family == Family::Database && cx.facts().fate(call).end == End::Managed {
        return transaction(cx, call);
    }
    let verdict = match open_without_with::judge(cx, &opener) {
        Verdict::Report { message, because } => Verdict::Report { message: named(opener.family, message), because },
        Verdict::Fix { message, fix } => Verdict::Fix { message: named(opener.family, message), fix },
        verdict => verdict,
    };
    match verdict {
        Verdict::Fix { message, mut fix } if opener.family == Family::Database => {
            let Some(imported) = cx.import("contextlib", "closing", call) else {
                return Verdict::report(message, "`closing` and `contextlib` mean something else here");
            };
            fix.imports.extend(imported.import);
            Verdict::Fix { message, fix }
        }
        Verdict::Report { because, .. } if opener.family == Family::Database && is_handed_on(cx, call) => {
            Verdict::Left(because)
        }
        // Pillow closes most files itself, as soon as it has read the pixels.
        Verdict::Report { because, .. } if opener.family == Family::Image => Verdict::Left(because),
        Verdict::Fix { fix: Fix { tier: Tier::Unsafe { because }, .. }, .. } if opener.family == Family::Image => {
            Verdict::Left(because)
        }
        Verdict::Fix { fix, .. } if opener.family == Family::Image => {
            Verdict::Fix { message: "it is up to Pillow when this file is closed".to_string(), fix }
        }
        verdict => verdict,
    }
}

/// A message in which a connection is not called a file.
fn named(family: Family, message: String) -> String {
    let is_general = family == Family::Database && message == open_without_with::NEVER_CLOSED;
    if is_general { "this connection is never closed".to_string() } else { message }
}

/// Whether a connection, other than what is read from it, goes to somebody who may close it.
fn is_handed_on<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    let target = call.parent().and_then(|assignment| assignment.child("left"));
    let Some(id) = target.and_then(|target| cx.facts().scopes().variable_of(target)) else { return false };
    cx.facts().scopes().variable(id).references.iter().any(|mention| {
        let fate = cx.facts().fate(*mention);
        let goes = matches!(
            fate.end,
            End::Returned | End::Yielded | End::Stored(_) | End::Passed(_) | End::Kept(_) | End::Captured(_)
        );
        goes && !fate.is_derived
    })
}

/// `with sqlite3.connect(p) as con:` ends a transaction, and closes nothing.
fn transaction<'t>(cx: &Context<'t>, call: Node<'t>) -> Verdict {
    let Some(pattern) = call.parent().filter(|parent| parent.is("as_pattern")) else { return Verdict::Nothing };
    let target = pattern.child("alias").and_then(Node::only_child).filter(|target| target.is("identifier"));
    let statement = pattern.ancestors().find(|around| around.is("with_statement"));
    let is_plain = pattern.parent().is_some_and(|item| item.is("with_item"));
    let (Some(target), Some(statement)) = (target.filter(|_| is_plain), statement) else { return Verdict::Nothing };
    let name = target.text();
    let message = format!("this `with` ends a transaction, and leaves `{name}` open");
    // Have: with sqlite3.connect(p) as name:
    let scopes = cx.facts().scopes();
    let Some(root) = scopes.variable_of(target) else { return Verdict::Nothing };
    let mut seen = vec![root];
    let mut index = 0;
    while let Some(&id) = seen.get(index) {
        index += 1;
        let variable = scopes.variable(id);
        if let Some(other) = variable.bindings.iter().find(|binding| !statement.contains(binding.node)) {
            return Verdict::Left(format!("`{}` is also bound in line {}", variable.name, line(cx, other.node)));
        }
        for &mention in &variable.references {
            let is_here = statement.contains(mention) && cx.facts().owner(mention) == cx.facts().owner(call);
            let end = cx.facts().fate(mention).end;
            match end {
                _ if !is_here => {
                    let because = format!("`{}` is still used in line {}", variable.name, line(cx, mention));
                    return Verdict::Left(because);
                }
                End::Used(used) if is_close(used) && id == root => {
                    return Verdict::Left(format!("it is closed in line {}", line(cx, used)));
                }
                End::Used(_) | End::Loop(_) | End::Dropped => {}
                End::Bound(name) => match scopes.variable_of(name) {
                    Some(next) if seen.contains(&next) => {}
                    Some(next) => seen.push(next),
                    None => return Verdict::Nothing,
                },
                _ => return Verdict::Left(format!("`{name}` is handed on in line {}", line(cx, mention))),
            }
        }
    }
    let Some(imported) = cx.import("contextlib", "closing", call) else {
        return Verdict::report(message, "`closing` and `contextlib` mean something else here");
    };
    let edits = vec![
        Edit::insert(call.start(), format!("{}(", imported.spelled)),
        Edit::insert(call.end(), ")"),
        Edit::insert(pattern.end(), format!(", {name}")),
    ];
    let title = format!("Close `{name}` behind the transaction");
    let tier = Tier::unsafe_because(format!("`{name}` was closed when nothing held it any more, which may be later"));
    Verdict::Fix {
        message,
        fix: Fix { title, tier, edits, imports: imported.import.into_iter().collect(), span: statement.range() },
    }
}

/// Whether a call is one of `close`.
fn is_close(used: Node<'_>) -> bool {
    let function = used.child("function").filter(|_| used.is("call"));
    function.and_then(|function| function.child("attribute")).is_some_and(|name| name.text() == "close")
}
