//! The loops around a place, and whether it is passed in each of their steps.

use super::Facts;
use crate::engine::syntax::Node;

/// Nodes of a loop that is looked through, some thousand lines: each expression costs a walk through all of it.
const LONGEST: u32 = 20_000;
const LOOPS: &[&str] = &["for_statement", "while_statement"];
/// Statements that end a step, or the loop, before its end.
const LEAVING: &[&str] = &["break_statement", "continue_statement", "return_statement", "raise_statement", "assert_statement"];

impl<'t> Facts<'t> {
    /// The loops of the same function in whose body, or condition, the node stands, from the inside outwards. What a `for`
    /// iterates and an `else` are evaluated once and are not in the loop.
    pub fn loops_around(&self, node: Node<'t>) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let owner = self.owner(node);
        let path = node.and_ancestors().zip(node.ancestors());
        path.take_while(move |(inside, _)| *inside != owner).filter_map(|(inside, around)| {
            let is_in = match inside.field() {
                Some("body") => true,
                Some("condition") => around.is("while_statement"),
                _ => false,
            };
            (is_in && around.is_any(LOOPS)).then_some(around)
        })
    }

    /// Whether `node`, which stands in `a_loop`, is evaluated in every step that is taken, in front of everything that may
    /// end the step or the loop: not in a branch, a `try`, a `with`, behind a short circuit, nor behind a `continue`,
    /// `break`, `return`, `raise` or `assert`.
    pub fn runs_in_every_step(&self, node: Node<'t>, a_loop: Node<'t>) -> bool {
        if !self.runs_with_statement(node) && node.statement() != Some(node) {
            return false;
        }
        if a_loop.child("condition").is_some_and(|condition| condition.contains(node)) {
            return true;
        }
        let Some(statement) = node.statement() else { return false };
        let in_clause = node
            .ancestors()
            .take_while(|around| *around != statement)
            .any(|around| around.is_any(&["elif_clause", "except_clause", "case_clause", "block"]));
        let Some(body) = a_loop.child("body").filter(|body| statement.parent() == Some(*body) && !in_clause) else {
            return false;
        };
        // The condition of an inner `while` belongs to that loop.
        if statement != node && statement.is("while_statement") {
            return false;
        }
        let mut earlier = body.named_children().take_while(|child| *child != statement);
        !earlier.any(|child| child.and_descendants().any(|part| part.is_any(LEAVING) && self.owner(part) == self.owner(a_loop)))
    }

    /// Whether a loop is so long that nobody should ask for each of its expressions what all the others do to it.
    pub fn is_too_long(&self, a_loop: Node<'t>) -> bool {
        a_loop.descendants().next_back().is_some_and(|last| last.id() - a_loop.id() > LONGEST)
    }

    /// Whether a loop may end without having taken a step.
    pub fn may_take_no_step(&self, a_loop: Node<'t>) -> bool {
        if a_loop.is("while_statement") {
            return !a_loop.child("condition").is_some_and(|condition| condition.is("true") || condition.text() == "1");
        }
        let Some(iterable) = a_loop.child("right").map(Node::unparenthesized) else { return true };
        match iterable.kind() {
            "list" | "tuple" | "expression_list" | "set" => !iterable.named_children().any(|item| !item.is("list_splat")),
            "call" if matches!(self.called_name(iterable).as_deref(), Some(["builtins", "range"])) => {
                let arguments: Vec<_> = iterable.child("arguments").into_iter().flat_map(Node::named_children).collect();
                let number = |node: Node<'t>| node.text().parse::<u64>().ok().filter(|_| node.is("integer"));
                match arguments[..] {
                    [stop] => number(stop).is_none_or(|stop| stop == 0),
                    [start, stop] => number(start).zip(number(stop)).is_none_or(|(start, stop)| start >= stop),
                    _ => true,
                }
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    /// For each mention of `hit` in the body of a `for`, whether it is passed in every step.
    #[track_caller]
    fn passed(body: &str) -> String {
        let code = format!("def f(a):\n    for i in a:\n        {}\n", body.trim().replace('\n', "\n        "));
        let tree = Tree::parse(&code);
        assert_eq!(tree.errors().count(), 0, "{code}");
        let facts = Facts::new(&tree);
        let a_loop = tree.root().descendants().find(|node| node.is("for_statement")).expect("a loop");
        let hits = tree.root().descendants().filter(|node| node.is("identifier") && node.text() == "hit");
        hits.map(|hit| if facts.runs_in_every_step(hit, a_loop) { 'y' } else { 'n' }).collect()
    }

    #[test]
    fn every_step() {
        assert_eq!(passed("hit\nx = f(hit)\nif hit:\n    hit\nelif hit:\n    pass\nhit"), "yyynny");
        assert_eq!(passed("a and hit\nhit and a\nhit if a else hit\n[hit for x in hit]"), "nynnny");
        assert_eq!(passed("hit\nif a:\n    continue\nhit"), "yn");
        assert_eq!(passed("for x in hit:\n    break\nhit"), "yn");
        assert_eq!(passed("try:\n    hit\nfinally:\n    hit\nwith hit:\n    hit"), "nnyn");
        assert_eq!(passed("assert a\nhit"), "n");
        assert_eq!(passed("def g():\n    return hit\nlambda: hit\nhit"), "nny");
        assert_eq!(passed("for x in hit:\n    hit\nwhile hit:\n    hit\nhit = a"), "ynnny");
    }

    #[test]
    fn loops() {
        let tree = Tree::parse("for i in a:\n    while b:\n        c\n    else:\n        d\nelse:\n    e\n");
        let facts = Facts::new(&tree);
        let count = |name: &str| {
            let node = tree.root().descendants().find(|node| node.is("identifier") && node.text() == name).expect(name);
            facts.loops_around(node).count()
        };
        assert_eq!(["a", "b", "c", "d", "e"].map(count), [0, 2, 2, 1, 0]);
    }

    #[test]
    fn no_step() {
        let may = |header: &str| {
            let tree = Tree::parse(&format!("{header}\n    pass\n"));
            let a_loop = tree.root().named_children().next().expect("a loop");
            Facts::new(&tree).may_take_no_step(a_loop)
        };
        assert!(["for i in a:", "for i in range(n):", "for i in range(0):", "for i in []:", "while a:"].into_iter().all(may));
        assert!(!["for i in range(3):", "for i in range(1, 3):", "for i in (1, 2):", "while True:"].into_iter().any(may));
    }
}
