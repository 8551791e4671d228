//! A profiler that is started and stopped by hand.

use super::super::open_without_with::layout;
use super::{Verdict, asked, called, line, made, span};
use crate::engine::finding::{Fix, Tier};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::handles::argument;

/// The pair of methods that every context manager has.
const BY_HAND: (&str, &str) = ("__enter__", "__exit__");

pub(super) fn judge<'t>(cx: &Context<'t>, call: Node<'t>, begins: &'static str, ends: &'static str) -> Verdict {
    let Some((opening, id)) = made(cx, call) else { return Verdict::Nothing };
    let name = opening.target.text();
    let is_begin = |node: Node<'t>| is_plain(node, name, begins) || is_plain(node, name, BY_HAND.0);
    let is_end = |node: Node<'t>| is_plain(node, name, ends) || is_plain(node, name, BY_HAND.1);
    let block = opening.statement.parent().into_iter().flat_map(Node::named_children);
    let mut following = block.filter(|sibling| *sibling > opening.statement && !sibling.is("comment"));
    let Some(begin) = following.find(|sibling| is_begin(*sibling)) else {
        return Verdict::Left(format!("`{name}` is not started in this block"));
    };
    let Some(span) = span::find(begin, &is_end) else {
        return Verdict::Left(format!("`{name}` is not stopped in the block that starts it"));
    };
    // Have: name = profile(..)  name.start()  ..  name.stop()
    let message = if span.is_guarded {
        format!("`{name}` is started and stopped by hand")
    } else {
        format!("`{name}` goes on profiling when something raises before line {}", line(cx, span.close))
    };
    if let Some(exit) = span.early_exit() {
        return Verdict::report(message, format!("line {} leaves the block while it is profiled", line(cx, exit)));
    }
    if begins == "enable" && cx.target.minor < 8 {
        return Verdict::Left("it has no `with` before Python 3.8".to_string());
    }
    if argument(call, "execution_trace_observer").is_some() {
        return Verdict::Left("its `with` ends the observer, too".to_string());
    }
    let words = [begins, ends, BY_HAND.0, BY_HAND.1];
    let switches = |mention: &Node<'t>| asked(*mention).is_some_and(|method| words.contains(&method));
    let mentions = || cx.facts().scopes().variable(id).references.iter().copied().filter(switches);
    if let Some(mention) = mentions().find(|mention| span.holds(*mention) && !span.close.contains(*mention)) {
        return Verdict::report(message, format!("it is also switched in line {}", line(cx, mention)));
    }
    if let Some(mention) = mentions().find(|mention| cx.facts().owner(*mention) != cx.facts().owner(begin)) {
        return Verdict::report(message, format!("a function switches it in line {}", line(cx, mention)));
    }
    let speaks = |node: Node<'t>| node.is("identifier") && node.text() == name && switches(&node);
    if let Some(mention) = span.mention_in_handler(&speaks) {
        let because = format!("line {} is there for the case that something raises", line(cx, mention));
        return Verdict::report(message, because);
    }
    // What starts again needs the profiler as it was made, above the first block.
    let is_next = cx.source.code()[opening.statement.end()..begin.start()].trim().is_empty();
    let once = mentions().filter(|mention| asked(*mention) != Some(ends)).count() == 1;
    let is_bare = opening.annotation.is_none() && is_next && once;
    let first = if is_bare { opening.statement } else { begin };
    let header = if is_bare {
        let tail = format!(" as {name}:");
        let column = cx.source.indent(first.start()).len() + "with ".len();
        [b"with ".to_vec(), layout::moved(cx, call, None, column, tail.len()), tail.into_bytes()].concat()
    } else {
        format!("with {name}:").into_bytes()
    };
    match span.held(cx, first, header) {
        Ok((edits, span)) => {
            let title = format!("Profile with `{name}` in a `with` block");
            Verdict::Fix { message, fix: Fix { title, tier: Tier::Safe, edits, imports: Vec::new(), span } }
        }
        Err(because) if span.is_guarded => Verdict::Left(because),
        Err(because) => Verdict::report(message, because),
    }
}

/// Whether a statement is `name.method()`; `__exit__` gets three times `None`.
fn is_plain(statement: Node<'_>, name: &str, method: &str) -> bool {
    let arguments = called(statement, name, method).and_then(|call| call.child("arguments"));
    arguments.is_some_and(|arguments| {
        let texts: Vec<&str> = arguments.named_children().map(Node::text).collect();
        if method == BY_HAND.1 { texts == ["None"; 3] } else { texts.is_empty() }
    })
}
