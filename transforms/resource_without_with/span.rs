//! From the statement that begins something to the one that ends it, both in one block.

use std::ops::Range;

use crate::engine::edit::Edit;
use crate::engine::reindent::Run;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::engine::wrap;

/// What stands between a beginning and its end.
pub(super) struct Span<'t> {
    /// The statement that begins it.
    pub(super) begin: Node<'t>,
    /// The statements in between; one `try` when that is what ends it.
    pub(super) body: Vec<Node<'t>>,
    /// The statement that ends it.
    pub(super) close: Node<'t>,
    /// Whether the end stands in the `finally` of the `try` that is the body.
    pub(super) is_guarded: bool,
}

/// The span that starts with `begin` and ends with the first statement for which `ends` holds.
pub(super) fn find<'t>(begin: Node<'t>, ends: &dyn Fn(Node<'t>) -> bool) -> Option<Span<'t>> {
    let block = begin.parent().into_iter().flat_map(Node::named_children);
    let following: Vec<Node<'t>> = block.filter(|sibling| *sibling > begin && !sibling.is("comment")).collect();
    if let Some(&guard) = following.first().filter(|first| first.is("try_statement")) {
        let clause = guard.child_of_kind("finally_clause").and_then(|clause| clause.child_of_kind("block"));
        if let Some(close) = clause.and_then(|block| block.named_children().find(|inner| ends(*inner))) {
            return Some(Span { begin, body: vec![guard], close, is_guarded: true });
        }
    }
    let end = following.iter().position(|sibling| ends(*sibling))?;
    Some(Span { begin, body: following[..end].to_vec(), close: following[end], is_guarded: false })
}

impl<'t> Span<'t> {
    /// Whether a node stands between the beginning and the end.
    pub(super) fn holds(&self, node: Node<'_>) -> bool {
        self.body.iter().any(|statement| statement.contains(node))
    }

    /// The first statement that leaves the block before its end other than by an exception. Under a `finally` none does.
    pub(super) fn early_exit(&self) -> Option<Node<'t>> {
        let is_inner = |node: Node<'t>| node.is_any(&["function_definition", "lambda", "class_definition"]);
        let nodes = self.body.iter().filter(|_| !self.is_guarded).flat_map(|statement| statement.walk(is_inner));
        nodes.filter(|node| !is_inner(*node)).find(|node| {
            let is_looped = || {
                let around = node.ancestors().take_while(|around| self.holds(*around));
                around.into_iter().any(|around| around.is_any(&["for_statement", "while_statement"]))
            };
            node.is_any(&["return_statement", "yield"])
                || node.is_any(&["break_statement", "continue_statement"]) && !is_looped()
        })
    }

    /// A mention of `name` in a handler or `finally` around it: it is there because something in between may raise.
    pub(super) fn mention_in_handler(&self, says: &dyn Fn(Node<'t>) -> bool) -> Option<Node<'t>> {
        let clauses = self.begin.ancestors().filter(|around| around.is("try_statement")).flat_map(Node::named_children);
        let handlers = clauses
            .filter(|clause| clause.is_any(&["except_clause", "finally_clause"]) && !clause.contains(self.begin))
            .flat_map(Node::descendants);
        handlers.into_iter().find(|node| says(*node))
    }

    /// The edits that put a `with` in the place of everything from `first` to the beginning, and drop the end.
    /// The error says why there are none.
    pub(super) fn held(&self, cx: &Context<'t>, first: Node<'t>, header: Vec<u8>) -> Result<(Vec<Edit>, Range<usize>), String> {
        if self.is_guarded { self.in_finally(cx, first, header) } else { self.straight(cx, first, header) }
    }

    fn straight(&self, cx: &Context<'t>, first: Node<'t>, header: Vec<u8>) -> Result<(Vec<Edit>, Range<usize>), String> {
        let source = cx.source;
        let shares = || "it shares its line with other code, or a comment speaks of it".to_string();
        let (Some(&body_first), Some(&body_last)) = (self.body.first(), self.body.last()) else {
            return Err("nothing is done in between".to_string());
        };
        let opened = Run::new(source, first, self.begin).ok_or_else(shares)?;
        let lines = wrap::own_lines(source, self.close).ok_or_else(shares)?;
        let run = Run::new(source, body_first, body_last).ok_or_else(shares)?;
        let run = run.with_lines(opened.lines.end..lines.end);
        let mut blank = opened.lines.end;
        while source.code()[blank..source.line_end(blank)].trim().is_empty() && source.line_end(blank) > blank {
            blank = source.line_end(blank);
        }
        let gone = [opened.lines.end..blank, wrap::removal(source, lines)];
        let mut edits = vec![Edit::replace(first.start()..self.begin.end(), header)];
        edits.extend(wrap::outside(run.deeper(source, &run.unit(source)), &gone));
        edits.extend(gone.into_iter().filter(|range| !range.is_empty()).map(|range| Edit::replace(range, "")));
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        Ok((edits, first.start()..self.close.end()))
    }

    /// The body of the `try` stands where it has to.
    fn in_finally(&self, cx: &Context<'t>, first: Node<'t>, header: Vec<u8>) -> Result<(Vec<Edit>, Range<usize>), String> {
        let source = cx.source;
        let guard = self.body[0];
        let clause = guard.child_of_kind("finally_clause").ok_or("the `try` has no `finally`")?;
        let is_alone = clause.child_of_kind("block").and_then(Node::only_child) == Some(self.close);
        if !is_alone {
            return Err("the `finally` does more than that".to_string());
        }
        if guard.children().any(|child| child.is_any(&["except_clause", "else_clause"])) {
            return Err("the `try` has handlers of its own".to_string());
        }
        let colon = guard.child_of_kind(":").ok_or("the `try` has no colon")?;
        let end = source.line_end(self.close.end().saturating_sub(1));
        let is_bare = source.code()[self.close.end()..end].trim().is_empty()
            && source.code()[self.begin.end()..guard.start()].trim().is_empty()
            && !clause.descendants().any(|node| node.is("comment"))
            && Run::new(source, first, guard).is_some()
            && source.line(self.begin.end()) < source.line(guard.start());
        if !is_bare {
            return Err("comments or other code stand between".to_string());
        }
        let edits = vec![
            Edit::replace(first.start()..colon.end(), header),
            Edit::replace(wrap::removal(source, source.line_start(clause.start())..end), ""),
        ];
        Ok((edits, first.start()..guard.end()))
    }
}
