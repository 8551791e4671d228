//! Statement-level control flow inside one function or module body.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Facts;
use super::exits::{self, Raisers};
use super::graph::{ENTRY, EXIT, Graph, Part, RAISE, is_endless};
use crate::engine::syntax::Node;

/// Control-flow graphs of the functions that were asked about, built on first use.
#[derive(Default)]
pub struct Graphs {
    /// By the id of the function, lambda or module.
    built: RefCell<FxHashMap<u32, Rc<Graph>>>,
    raisers: OnceCell<Raisers>,
}

impl<'t> Facts<'t> {
    /// Whether control can pass from the end of `from` to the start of `to` within one call of the function that holds
    /// both, without passing through any node of `avoiding` (those are passed over as whole statements).
    /// Both may be any node; they stand for their statement (for a compound statement: for its header).
    ///
    /// Class bodies belong to the code around them. What a `for` iterates is evaluated once, its targets at each step.
    /// An exception that `from` itself raises is no way on, one that its statement raises after it is. Inside one
    /// statement what stands later is evaluated later, targets of an assignment last. A node of `avoiding` bars only the
    /// ways on which it has certainly been evaluated: not one behind a short circuit, not the target of a `for` when
    /// the loop ends. True when `from` and `to` are of different functions.
    pub fn may_follow(&self, from: Node<'t>, to: Node<'t>, avoiding: &[Node<'t>]) -> bool {
        let owner = owner_of(from);
        let graph = self.graph(owner);
        if owner_of(to) != owner || graph.broken {
            return true;
        }
        let (from_anchor, from_part) = anchor(from);
        let (to_anchor, to_part) = anchor(to);
        if (from_anchor, from_part) == (to_anchor, to_part) && may_come_after(from, to) {
            return true;
        }
        let barriers = Barriers::new(avoiding, owner);
        let goals = graph.copies(to_anchor, to_part);
        let completes = completes(from, from_anchor);
        let target_of_step = is_within_field(from, from_anchor, "left") && from_anchor.is("for_statement");
        let starts = graph.copies(from_anchor, from_part).iter().flat_map(|&start| {
            let vertex = graph.vertex(start);
            let normal = if target_of_step { &vertex.normal[..1] } else { &vertex.normal[..] };
            let raised = if completes { &[][..] } else { &vertex.raised[..] };
            normal.iter().chain(raised).copied()
        });
        let reached = graph.reach(starts, |vertex, ways| barriers.ways(&graph, self, vertex, ways));
        goals.iter().any(|&goal| reached[goal as usize])
    }

    /// Whether, after `node` has run, the `for` or `while` statement `of` may take another step: false when every path
    /// from there leaves the loop (`break` of this loop, `return`, an uncaught `raise`, `sys.exit()` and the like).
    ///
    /// False too when `node` is not in the loop, or in its `else`; true for code of a function defined in it, which may
    /// run at any time, and for a comprehension as `of`. Coming back into the loop by an outer one is no further step.
    pub fn loop_may_go_on(&self, node: Node<'t>, of: Node<'t>) -> bool {
        if !of.is_any(&["for_statement", "while_statement"]) {
            return true;
        }
        if !of.contains(node) {
            return false;
        }
        let owner = owner_of(of);
        let graph = self.graph(owner);
        if owner_of(node) != owner || graph.broken {
            return true;
        }
        let Some(body) = of.child("body") else { return true };
        let (from_anchor, from_part) = anchor(node);
        if from_anchor == of && from_part == Part::Setup {
            return true;
        }
        let completes = completes(node, from_anchor);
        let inside = |vertex: &u32| {
            let id = graph.vertex(*vertex).node;
            *vertex > RAISE && (id == of.id() || body.contains(self.tree().node(id)))
        };
        let starts: Vec<u32> = graph
            .copies(from_anchor, from_part)
            .iter()
            .filter(|start| inside(start))
            .flat_map(|&start| {
                let vertex = graph.vertex(start);
                vertex.normal.iter().chain(if completes { &[][..] } else { &vertex.raised[..] }).copied()
            })
            .filter(inside)
            .collect();
        let steps = graph.copies(of, Part::Step);
        let reached = graph.reach(starts, |vertex, ways| {
            if !steps.contains(&vertex) {
                let found = graph.vertex(vertex);
                ways.extend(found.normal.iter().chain(&found.raised).filter(|way| inside(way)));
            }
        });
        steps.iter().any(|&step| reached[step as usize])
    }

    /// Whether every path from the entry of the function (or module) to `b` passes `a` first.
    ///
    /// False when `b` is never reached or is of another function than `a`, and when `a` may be skipped inside its own
    /// statement (a short circuit, a comprehension's element).
    pub fn dominates(&self, a: Node<'t>, b: Node<'t>) -> bool {
        let owner = owner_of(a);
        let graph = self.graph(owner);
        let (a_anchor, a_part) = anchor(a);
        let (b_anchor, b_part) = anchor(b);
        let goals = graph.copies(b_anchor, b_part);
        if owner_of(b) != owner || graph.broken || goals.is_empty() {
            return false;
        }
        if (a_anchor, a_part) == (b_anchor, b_part) {
            return runs_with(a, a_anchor) && is_before(a, b);
        }
        let barriers = Barriers::new(&[a], owner);
        let reached = graph.reach([ENTRY], |vertex, ways| barriers.ways(&graph, self, vertex, ways));
        !goals.iter().any(|&goal| reached[goal as usize])
    }

    /// Whether `node` is evaluated in every call of its function that does not end before it by an exception raised
    /// earlier: at the top level of the body, or in a `with`, not behind a `return`, branch, loop, short circuit,
    /// conditional expression, comprehension element or `try` handler.
    ///
    /// An exception that `node` raises leaves the function: it does not stand in a `try` with handlers, nor in a `with`
    /// that may swallow it. False in an `assert`, which `python -O` does not run.
    pub fn is_unconditional(&self, node: Node<'t>) -> bool {
        let owner = owner_of(node);
        let (anchor, part) = anchor(node);
        if owner.is("lambda") {
            return runs_with(node, owner);
        }
        if !runs_with(node, anchor) || anchor.is_any(&["assert_statement", "elif_clause", "case_clause", "except_clause"]) {
            return false;
        }
        let mut child = anchor;
        for around in anchor.ancestors() {
            let stays = match around.kind() {
                "module" | "function_definition" | "class_definition" | "decorated_definition" | "block" | "finally_clause" => {
                    true
                }
                "with_statement" => !exits::may_swallow(self, around),
                "try_statement" => child.is("finally_clause") || around.child_of_kind("except_clause").is_none(),
                _ => false,
            };
            if !stays {
                return false;
            }
            if around == owner {
                break;
            }
            child = around;
        }
        let graph = self.graph(owner);
        let here = graph.copies(anchor, part);
        if graph.broken || here.is_empty() {
            return false;
        }
        let without = graph.reach([ENTRY], |vertex, ways| {
            if !here.contains(&vertex) {
                ways.extend(&graph.vertex(vertex).normal);
                ways.extend(&graph.vertex(vertex).raised);
            }
        });
        // What `node` raises must leave the function: a `finally` that returns would keep it.
        let after_raising =
            graph.reach(here.iter().flat_map(|&here| graph.vertex(here).raised.iter().copied()), |vertex, ways| {
                ways.extend(&graph.vertex(vertex).normal);
                ways.extend(&graph.vertex(vertex).raised);
            });
        if without[EXIT as usize] || after_raising[EXIT as usize] {
            return false;
        }
        // A loop without an end may keep control for ever: `node` must be what it leads to.
        (RAISE + 1..without.len() as u32).filter(|&vertex| without[vertex as usize] && !here.contains(&vertex)).all(|vertex| {
            let loop_statement = self.tree().node(graph.vertex(vertex).node);
            !(loop_statement.is("while_statement") && is_endless(loop_statement)) || {
                let reached = graph.reach([vertex], |vertex, ways| ways.extend(&graph.vertex(vertex).normal));
                here.iter().any(|&here| reached[here as usize])
            }
        })
    }

    /// Whether the call never comes back: `sys.exit`, `os._exit`, `exit`, `quit`, `parser.error` of argparse,
    /// `pytest.fail`, `self.fail`, a function of the file that always raises or is annotated `NoReturn`/`Never`.
    pub fn never_returns(&self, call: Node<'t>) -> bool {
        exits::never_returns(self, self.raisers(), call)
    }

    /// Whether a `with` statement may keep an exception of its body from going on: true for every context manager that
    /// is not known to let it through, such as `open(..)`, a lock of `threading`, `torch.no_grad()`.
    pub fn may_swallow(&self, with_statement: Node<'t>) -> bool {
        exits::may_swallow(self, with_statement)
    }

    /// The function, lambda or module in whose calls a node is evaluated. Defaults, decorators and annotations of a
    /// function are evaluated around it; a class body belongs to the code around the class.
    pub fn owner(&self, node: Node<'t>) -> Node<'t> {
        owner_of(node)
    }

    /// Whether `node` is evaluated exactly once whenever its statement (or the header of it) runs: not behind a short
    /// circuit, in an arm of a conditional expression, in a comprehension's later parts, a lambda, an `assert`.
    pub fn runs_with_statement(&self, node: Node<'t>) -> bool {
        let (anchor, _) = anchor(node);
        let in_lambda = node.ancestors().take_while(|around| *around != anchor).any(|around| around.is("lambda"));
        !in_lambda && !anchor.is("lambda") && runs_with(node, anchor)
    }

    fn raisers(&self) -> &Raisers {
        self.flow.raisers.get_or_init(|| exits::raisers(self))
    }

    fn graph(&self, owner: Node<'t>) -> Rc<Graph> {
        if let Some(graph) = self.flow.built.borrow().get(&owner.id()) {
            return Rc::clone(graph);
        }
        let graph = Rc::new(Graph::new(self, self.raisers(), owner));
        self.flow.built.borrow_mut().insert(owner.id(), Rc::clone(&graph));
        graph
    }
}

/// The function, lambda or module in whose calls a node is evaluated.
fn owner_of(node: Node<'_>) -> Node<'_> {
    let mut child = node;
    for parent in node.ancestors() {
        if parent.is_any(&["function_definition", "lambda"]) && child.field() == Some("body") {
            return parent;
        }
        child = parent;
    }
    child
}

/// The statement or clause whose vertex stands for a node, and the part of it.
fn anchor(node: Node<'_>) -> (Node<'_>, Part) {
    let mut child = None;
    for here in node.and_ancestors() {
        if here.is("lambda") && child.is_some_and(|child: Node<'_>| child.field() == Some("body")) {
            return (here, Part::Step);
        }
        let is_anchor = here.is_statement() || here.is_any(&["elif_clause", "except_clause", "case_clause"]);
        // A clause that is asked about as a whole, or a block, stands for its statement.
        if is_anchor {
            let iterates = here.is("for_statement") && child.is_some_and(|child| child.field() == Some("right"));
            return (here, if iterates { Part::Setup } else { Part::Step });
        }
        child = Some(here);
    }
    (node.tree().root(), Part::Step)
}

/// Whether `node` is, or stands in, the child of `around` with this role.
fn is_within_field(node: Node<'_>, around: Node<'_>, field: &'static str) -> bool {
    node != around && around.children_of(field).any(|child| child.contains(node))
}

/// Whether nothing of the statement `anchor` is evaluated after `node` that might raise: `d.pop(k)`, `x = d.pop(k)`,
/// `del d[k]`, `return d.pop(k)`, and any statement as a whole that is a simple one.
fn completes(node: Node<'_>, anchor: Node<'_>) -> bool {
    if node == anchor {
        return !node.is_any(&[
            "if_statement",
            "for_statement",
            "while_statement",
            "with_statement",
            "try_statement",
            "match_statement",
            "elif_clause",
            "except_clause",
            "case_clause",
            "class_definition",
            "decorated_definition",
        ]);
    }
    let mut child = node;
    for parent in node.ancestors() {
        let last = match parent.kind() {
            "expression_statement" | "return_statement" | "delete_statement" => parent.only_child().is_some(),
            "parenthesized_expression" => true,
            "assignment" => child.field() == Some("right") && parent.child("left").is_some_and(|left| left.is("identifier")),
            "named_expression" => child.field() == Some("value"),
            _ => false,
        };
        if !last {
            return false;
        }
        if parent == anchor {
            return true;
        }
        child = parent;
    }
    false
}

/// Whether `node` is evaluated whenever its statement or header is: not behind a short circuit, in an arm of a
/// conditional expression, in a comprehension's later parts, in an annotation.
fn runs_with(node: Node<'_>, anchor: Node<'_>) -> bool {
    let mut child = node;
    while child != anchor {
        let Some(parent) = child.parent() else { return false };
        let runs = match parent.kind() {
            "boolean_operator" => child.field() == Some("left"),
            "conditional_expression" => parent.named_children().nth(1) == Some(child),
            "comparison_operator" => parent.named_children().take(2).any(|operand| operand == child),
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                parent.child_of_kind("for_in_clause") == Some(child)
            }
            "for_in_clause" | "for_statement" => child.field() == Some("right"),
            "assignment" | "function_definition" | "typed_default_parameter" => {
                !matches!(child.field(), Some("type" | "return_type"))
            }
            "typed_parameter" | "type_alias_statement" | "assert_statement" | "case_clause" | "except_clause" => false,
            "if_statement" | "elif_clause" | "while_statement" => child.field() == Some("condition"),
            _ => true,
        };
        if !runs {
            return false;
        }
        child = parent;
    }
    true
}

/// Whether, of two nodes of one statement, the first has been evaluated before the second if both are.
fn is_before(first: Node<'_>, second: Node<'_>) -> bool {
    let Some(around) = first.ancestors().find(|around| around.contains(second)) else { return false };
    let part_of = |node: Node<'_>| around.named_children().find(|child| child.contains(node));
    let (Some(one), Some(other)) = (part_of(first), part_of(second)) else { return false };
    if one == other {
        // One stands inside the other.
        return false;
    }
    let rank = |part: Node<'_>| match around.kind() {
        "conditional_expression" => u8::from(around.named_children().nth(1) != Some(part)),
        // Targets come last, elements after what they are taken from.
        "assignment" | "for_in_clause" => u8::from(part.field() == Some("left")),
        _ if is_comprehension(around) => u8::from(part.field() == Some("body")),
        _ => 0,
    };
    match rank(one).cmp(&rank(other)) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Greater => false,
        // Of two arms only one is evaluated.
        std::cmp::Ordering::Equal => one < other && !(around.is("conditional_expression") && rank(one) == 1),
    }
}

/// Whether, of two nodes of one statement, the second may be evaluated after the first: also in the next round of a
/// comprehension that holds both.
fn may_come_after(first: Node<'_>, second: Node<'_>) -> bool {
    is_before(first, second) || {
        let in_first_iterable = |comprehension: Node<'_>, node: Node<'_>| {
            let clause = comprehension.child_of_kind("for_in_clause");
            clause.and_then(|clause| clause.child("right")).is_some_and(|iterable| iterable.contains(node))
        };
        first
            .ancestors()
            .take_while(|around| !around.is_statement())
            .filter(|&around| is_comprehension(around) && around.contains(second) && around != second)
            .any(|around| !in_first_iterable(around, first) && !in_first_iterable(around, second))
    }
}

fn is_comprehension(node: Node<'_>) -> bool {
    node.is_any(&["list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"])
}

/// Statements that a path must not pass.
#[derive(Default)]
struct Barriers {
    /// No normal way out.
    closed: FxHashSet<(u32, Part)>,
    /// No way into the body: the target of a `for`.
    no_body: FxHashSet<u32>,
}

impl Barriers {
    fn new<'t>(avoiding: &[Node<'t>], owner: Node<'t>) -> Self {
        let mut barriers = Self::default();
        for &node in avoiding.iter().filter(|&&node| owner_of(node) == owner) {
            let (anchor, part) = anchor(node);
            if anchor.is("for_statement") && is_within_field(node, anchor, "left") {
                barriers.no_body.insert(anchor.id());
            } else if anchor.is("except_clause") || runs_with(node, anchor) {
                barriers.closed.insert((anchor.id(), part));
            }
        }
        barriers
    }

    /// The ways on from a vertex; a barred statement that raises has not been passed.
    fn ways(&self, graph: &Graph, facts: &Facts<'_>, vertex: u32, ways: &mut Vec<u32>) {
        let found = graph.vertex(vertex);
        ways.extend(&found.raised);
        if vertex <= RAISE {
            ways.extend(&found.normal);
            return;
        }
        let node = facts.tree().node(found.node);
        let is_copy = |part| graph.copies(node, part).contains(&vertex);
        let closed =
            [Part::Step, Part::Setup].into_iter().any(|part| self.closed.contains(&(found.node, part)) && is_copy(part));
        if closed {
            return;
        }
        let body_closed = self.no_body.contains(&found.node) && is_copy(Part::Step);
        ways.extend(&found.normal[usize::from(body_closed)..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    /// The innermost construct with this text, else the first statement that starts with it; `@2` asks for the second.
    #[track_caller]
    fn find<'t>(tree: &'t Tree, text: &str) -> Node<'t> {
        let (text, nth) =
            text.split_once('@').map_or((text, 0), |(text, nth)| (text, nth.parse::<usize>().expect("a number") - 1));
        let exact = |node: &Node<'_>| node.is_named() && node.text() == text;
        let is_innermost = |node: &Node<'_>| exact(node) && !node.named_children().any(|child| exact(&child));
        let start = |node: &Node<'_>| node.is_statement() && node.text().starts_with(text);
        let nodes = || tree.root().descendants();
        let found = nodes().filter(is_innermost).nth(nth).or_else(|| nodes().filter(start).nth(nth));
        found.unwrap_or_else(|| panic!("{text} is not in {}", tree.code()))
    }

    /// Asks one question of the form `loop HEADER <- NODE`, `NODE -> NODE [without NODE, ..]`, `NODE dom NODE`,
    /// `always NODE`, `never CALL` about a text; the answers are joined in one string of `y` and `n`.
    #[track_caller]
    fn answers(code: &str, questions: &[&str]) -> String {
        let tree = Tree::parse(code);
        let facts = Facts::new(&tree);
        let ask = |question: &&str| {
            let at = |text: &str| find(&tree, text.trim());
            if let Some((to, from)) = question.strip_prefix("loop ").and_then(|rest| rest.split_once("<-")) {
                facts.loop_may_go_on(at(from), at(to))
            } else if let Some((a, b)) = question.split_once(" dom ") {
                facts.dominates(at(a), at(b))
            } else if let Some(node) = question.strip_prefix("always ") {
                facts.is_unconditional(at(node))
            } else if let Some(node) = question.strip_prefix("never ") {
                facts.never_returns(at(node))
            } else {
                let (from, to) = question.split_once("->").expect("an arrow");
                let (to, avoiding) = to.split_once(" without ").unwrap_or((to, ""));
                let avoiding: Vec<_> = avoiding.split("; ").filter(|text| !text.is_empty()).map(at).collect();
                facts.may_follow(at(from), at(to), &avoiding)
            }
        };
        questions.iter().map(ask).map(|answer| if answer { 'y' } else { 'n' }).collect()
    }

    /// Whether the loop `for k in d` may go on after each `hit()` of a body, which is given without indentation.
    #[track_caller]
    fn goes_on(body: &str) -> String {
        let code = format!("def f(d):\n    for k in d:\n        {}\n    end()\n", body.trim().replace('\n', "\n        "));
        let tree = Tree::parse(&code);
        assert_eq!(tree.errors().count(), 0, "{code}");
        let facts = Facts::new(&tree);
        let of = find(&tree, "for k in d");
        let hits = tree.root().descendants().filter(|node| node.is("call") && node.text() == "hit()");
        hits.map(|hit| if facts.loop_may_go_on(hit, of) { 'y' } else { 'n' }).collect()
    }

    #[test]
    fn leaving_a_loop_is_seen_through_branches() {
        assert_eq!(goes_on("hit()"), "y");
        assert_eq!(goes_on("hit()\nbreak"), "n");
        assert_eq!(goes_on("hit()\nreturn 1"), "n");
        assert_eq!(goes_on("return hit()"), "n");
        assert_eq!(goes_on("hit()\nraise E"), "n");
        assert_eq!(goes_on("if hit():\n    break"), "y");
        assert_eq!(goes_on("if a:\n    hit()\n    break\nelse:\n    hit()\nc()"), "ny");
        assert_eq!(goes_on("if a:\n    hit()\nelif hit():\n    hit()\nelse:\n    hit()\nbreak"), "nnnn");
        assert_eq!(goes_on("if a:\n    hit()\nelif b:\n    break\nelse:\n    return\n"), "y");
        assert_eq!(goes_on("hit()\nif a:\n    break\nelif b:\n    return\nelse:\n    raise E"), "n");
        assert_eq!(goes_on("hit()\nif a:\n    break\nelif b:\n    return\n"), "y");
        assert_eq!(goes_on("hit()\nif a:\n    break\ncontinue"), "y");
        assert_eq!(goes_on("hit(); break"), "n");
        assert_eq!(goes_on("yield hit()\nbreak"), "n");
        assert_eq!(goes_on("yield hit()"), "y");
    }

    #[test]
    fn inner_loops_keep_their_own_break() {
        assert_eq!(goes_on("for j in e:\n    hit()\n    break"), "y");
        assert_eq!(goes_on("for j in e:\n    hit()\n    break\nbreak"), "n");
        assert_eq!(goes_on("for j in e:\n    hit()\n    break\nelse:\n    hit()\n    break"), "yn");
        assert_eq!(goes_on("for j in e:\n    hit()\nelse:\n    break"), "n");
        assert_eq!(goes_on("while True:\n    hit()\n    if a:\n        return"), "n");
        assert_eq!(goes_on("while 1:\n    hit()\n    if a:\n        break"), "y");
        assert_eq!(goes_on("while True:\n    if hit():\n        return\n"), "n");
        assert_eq!(goes_on("while a:\n    hit()\n    return"), "n");
        assert_eq!(goes_on("while hit():\n    return"), "y");
        assert_eq!(goes_on("for j in hit():\n    return"), "y");
        assert_eq!(goes_on("[hit() for j in e]\nbreak"), "n");
        assert_eq!(goes_on("g = lambda: hit()\nbreak"), "y");
        assert_eq!(goes_on("def g():\n    hit()\nbreak"), "y");
    }

    #[test]
    fn exceptions_may_be_caught_inside_the_loop() {
        assert_eq!(goes_on("try:\n    hit()\n    raise E\nexcept E:\n    pass"), "y");
        assert_eq!(goes_on("try:\n    hit()\n    raise E\nexcept E:\n    return"), "n");
        assert_eq!(goes_on("try:\n    hit()\n    raise E\nfinally:\n    a()"), "n");
        assert_eq!(goes_on("try:\n    hit()\n    break\nexcept E:\n    pass"), "n");
        assert_eq!(goes_on("try:\n    x = hit()\n    break\nexcept E:\n    pass"), "n");
        assert_eq!(goes_on("try:\n    return g(hit())\nexcept E:\n    pass"), "y");
        assert_eq!(goes_on("try:\n    hit()\n    return g()\nexcept E:\n    pass"), "y");
        assert_eq!(goes_on("try:\n    hit()\n    return True\nexcept E:\n    hit()\n    return False"), "nn");
        assert_eq!(goes_on("try:\n    a()\nexcept E:\n    hit()\nelse:\n    hit()\n    break"), "yn");
        assert_eq!(goes_on("try:\n    a()\nexcept E:\n    hit()\n    raise"), "n");
        assert_eq!(
            goes_on("try:\n    try:\n        hit()\n        raise E\n    finally:\n        b()\nexcept F:\n    pass"),
            "y"
        );
        assert_eq!(goes_on("with a():\n    hit()\n    raise E"), "y");
        assert_eq!(goes_on("with a():\n    hit()\n    return"), "n");
        assert_eq!(goes_on("with a():\n    hit()\n    return g()"), "y");
        assert_eq!(goes_on("try:\n    hit()\nexcept* E:\n    hit()"), "yy");
    }

    #[test]
    fn a_finally_block_is_passed_on_every_way_out() {
        assert_eq!(goes_on("try:\n    hit()\n    break\nfinally:\n    hit()"), "nn");
        assert_eq!(goes_on("try:\n    hit()\n    return\nfinally:\n    b()"), "n");
        assert_eq!(goes_on("try:\n    hit()\n    return\nfinally:\n    continue"), "y");
        assert_eq!(goes_on("try:\n    hit()\nfinally:\n    break"), "n");
        assert_eq!(goes_on("try:\n    hit()\n    continue\nfinally:\n    return"), "n");
        assert_eq!(goes_on("try:\n    hit()\n    return\nfinally:\n    for j in e:\n        break"), "n");
        assert_eq!(goes_on("try:\n    hit()\n    break\nfinally:\n    try:\n        b()\n    finally:\n        c()"), "y");
        assert_eq!(goes_on("try:\n    try:\n        hit()\n        break\n    finally:\n        b()\nfinally:\n    c()"), "n");
        assert_eq!(goes_on("try:\n    hit()\n    return\nexcept E:\n    pass\nelse:\n    c()\nfinally:\n    b()"), "n");
    }

    #[test]
    fn nested_finally_blocks_stay_small() {
        let pads = (0..60).map(|depth| " ".repeat(depth));
        let tries: Vec<_> = pads.map(|pad| format!("{pad}try: a()\n{pad}finally:\n")).collect();
        let code = format!("{}{}b()\n", tries.concat(), " ".repeat(60));
        assert_eq!(answers(&code, &["a() -> b()", "b() -> a()"]), "yn");
    }

    #[test]
    fn matching_goes_case_by_case() {
        assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case _:\n        return"), "n");
        assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case x if x:\n        return"), "y");
        assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case x:\n        return"), "n");
        assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case x,:\n        return"), "y");
        assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case E.x:\n        return"), "y");
        assert_eq!(
            goes_on("match hit():\n    case 1:\n        hit()\n        break\n    case _ if hit():\n        hit()"),
            "ynyy"
        );
    }

    #[test]
    fn an_outer_loop_is_no_further_step() {
        let code = "while True:\n    for k in d:\n        hit()\n        break\n";
        assert_eq!(answers(code, &["loop for k in d <- hit()", "loop while True <- hit()", "hit() -> hit()"]), "nyy");
        let code = "for k in d:\n    a()\nelse:\n    b()\nc()\n";
        assert_eq!(answers(code, &["loop for k in d <- b()", "loop for k in d <- c()", "loop for k in d <- k"]), "nny");
        let code = "while a():\n    b()\n    break\n";
        assert_eq!(answers(code, &["loop while a <- a()", "a() -> a()"]), "nn");
    }

    #[test]
    fn what_follows() {
        let code = "a()\nif c:\n    b()\nelse:\n    e()\ng()\nreturn\nh()\n";
        assert_eq!(
            answers(code, &["a() -> g()", "b() -> e()", "e() -> b()", "c -> b()", "g() -> h()", "h() -> a()"]),
            "ynnynn"
        );
        assert_eq!(answers(code, &["a() -> g() without b()", "a() -> g() without b(); e()", "a() -> g() without c"]), "ynn");
        let code = "for i in it():\n    a(i)\n    b()\nc()\n";
        assert_eq!(
            answers(code, &["b() -> a(i)", "a(i) -> it()", "it() -> a(i)", "c() -> it()", "b() -> for i in it"]),
            "ynyny"
        );
        // The target is bound again at each step, but not when there is none.
        assert_eq!(answers(code, &["b() -> a(i) without i", "it() -> c() without i", "i -> c() without a(i)"]), "nyn");
        let code = "while c:\n    a()\nelse:\n    b()\n";
        assert_eq!(answers(code, &["a() -> b()", "b() -> a()", "a() -> c"]), "yny");
        let code = "while True:\n    a()\nb()\n";
        assert_eq!(answers(code, &["a() -> b()", "a() -> a()"]), "ny");
        let code = "try:\n    a()\n    b()\nexcept E:\n    c()\nelse:\n    d()\nfinally:\n    e()\ng()\n";
        assert_eq!(
            answers(code, &["a() -> c()", "b() -> c()", "c() -> d()", "d() -> c()", "d() -> e()", "c() -> g()"]),
            "ynnnyy"
        );
        assert_eq!(answers(code, &["a() -> g() without e()", "a() -> g() without c(); d()"]), "nn");
        assert_eq!(answers(code, &["a() -> g() without d()", "a() -> g() without c()"]), "yy");
    }

    #[test]
    fn a_barred_statement_that_raises_is_not_passed() {
        let code = "a()\ntry:\n    x = b()\nexcept E:\n    pass\nc()\n";
        assert_eq!(answers(code, &["a() -> c() without b()", "a() -> c()"]), "yy");
        let code = "a()\nx = y and b()\nc()\n";
        assert_eq!(answers(code, &["a() -> c() without b()", "a() -> c() without y"]), "yn");
    }

    #[test]
    fn inside_one_statement_text_order_counts() {
        assert_eq!(answers("f(a(), b())\n", &["a() -> b()", "b() -> a()", "a() -> a()"]), "ynn");
        assert_eq!(answers("x[i] = a()\n", &["a() -> x", "x -> a()"]), "yn");
        assert_eq!(answers("b() if c() else d()\n", &["c() -> b()", "b() -> c()", "b() -> d()"]), "ynn");
        assert_eq!(answers("[a() for x in c() if b()]\n", &["a() -> b()", "b() -> a()"]), "yy");
        assert_eq!(answers("f(lambda: a(), b())\n", &["b() -> a()", "a() -> b()"]), "yy");
    }

    #[test]
    fn dominators() {
        let code = "a()\nif c:\n    b()\nd()\n";
        assert_eq!(answers(code, &["a() dom d()", "b() dom d()", "c dom d()", "d() dom a()", "c dom b()"]), "ynyny");
        let code = "import x\nclass A:\n    y = x\n    def f(self, z=w):\n        q = 1\n";
        assert_eq!(answers(code, &["import x dom x@2", "import x dom w", "import x dom 1", "y dom w"]), "yyny");
        assert_eq!(answers("if a: import x\nx.y\n", &["import x dom x.y"]), "n");
        assert_eq!(answers("try:\n    import x\nexcept E:\n    pass\nx.y\n", &["import x dom x.y"]), "n");
        assert_eq!(answers("try:\n    import x\nfinally:\n    pass\nx.y\n", &["import x dom x.y"]), "y");
        assert_eq!(answers("try:\n    import x\nexcept E:\n    raise\nx.y\n", &["import x dom x.y"]), "y");
        assert_eq!(answers("f(a(), b())\n", &["a() dom b()", "b() dom a()"]), "yn");
        assert_eq!(answers("f(q and a(), b())\n", &["a() dom b()", "q dom b()"]), "ny");
        assert_eq!(answers("for i in a():\n    b()\nelse:\n    c()\nd()\n", &["a() dom d()", "i dom b()", "i dom d()"]), "yyn");
        assert_eq!(answers("with open(p) as f:\n    a()\nb()\n", &["a() dom b()", "p dom b()"]), "yy");
        assert_eq!(answers("with q(p) as f:\n    a()\nb()\n", &["a() dom b()", "p dom b()"]), "ny");
    }

    /// Which of the mentions of `p` in a body of `def f(p, q):` are unconditional.
    #[track_caller]
    fn unconditional(body: &str) -> String {
        let code = format!("def f(p, q):\n    {}\n", body.trim().replace('\n', "\n    "));
        let tree = Tree::parse(&code);
        assert_eq!(tree.errors().count(), 0, "{code}");
        let facts = Facts::new(&tree);
        let body = tree.root().named_children().next().and_then(|function| function.child("body")).expect("a body");
        let mentions = body.descendants().filter(|node| node.is("identifier") && node.text() == "p");
        mentions.map(|node| if facts.is_unconditional(node) { 'y' } else { 'n' }).collect()
    }

    #[test]
    fn what_runs_in_every_call() {
        assert_eq!(unconditional("p\np"), "yy");
        assert_eq!(unconditional("if q:\n    p\nelif p:\n    p\nelse:\n    p\np"), "nnnny");
        assert_eq!(unconditional("if p:\n    return p\np"), "ynn");
        assert_eq!(unconditional("if q:\n    raise E\np"), "y");
        assert_eq!(unconditional("for x in p:\n    p\nelse:\n    p\np"), "ynny");
        assert_eq!(unconditional("for x in q:\n    return\np"), "n");
        assert_eq!(unconditional("while p:\n    p\np"), "yny");
        assert_eq!(unconditional("p and p\np or p\nnot p"), "ynyny");
        assert_eq!(unconditional("p if p else p"), "nyn");
        assert_eq!(unconditional("p < p < p"), "yyn");
        assert_eq!(unconditional("[p for x in p for y in p if p]"), "nynn");
        assert_eq!(unconditional("g(p for x in p)"), "ny");
        assert_eq!(unconditional("lambda x=p: p"), "yy");
        assert_eq!(unconditional("def g(x=p):\n    p"), "yy");
        assert_eq!(unconditional("assert p, p"), "nn");
        assert_eq!(unconditional("x: p = p"), "ny");
        assert_eq!(unconditional("f'{p}'\nx[p] = p\ndel p[0]\nyield p"), "yyyyy");
        assert_eq!(unconditional("with open(p):\n    p\np"), "yyy");
        assert_eq!(unconditional("with q(p):\n    p\np"), "yny");
        assert_eq!(unconditional("try:\n    p\nexcept E:\n    p\nelse:\n    p\nfinally:\n    p\np"), "nnnyy");
        assert_eq!(unconditional("try:\n    p\nfinally:\n    p\np"), "yyy");
        assert_eq!(unconditional("try:\n    q()\nexcept E:\n    return\np"), "n");
        assert_eq!(unconditional("try:\n    q()\nexcept E:\n    raise\np"), "y");
        assert_eq!(unconditional("match p:\n    case 1:\n        p\np"), "yny");
        assert_eq!(unconditional("if q:\n    while True:\n        yield\np"), "n");
        assert_eq!(unconditional("while True:\n    if q:\n        break\np"), "y");
        assert_eq!(unconditional("return p\np"), "yn");
        assert_eq!(unconditional("try:\n    p.x\nfinally:\n    return p"), "ny");
        assert_eq!(unconditional("class A(p):\n    x = p"), "yy");
    }

    #[test]
    fn calls_that_never_come_back() {
        let imports = "import sys, os, argparse, pytest\nfrom sys import exit as leave\n";
        let ask = |code: &str, call: &str| answers(&format!("{imports}{code}"), &[&format!("never {call}")]);
        assert_eq!(ask("sys.exit(1)\n", "sys.exit(1)"), "y");
        assert_eq!(ask("os._exit(1)\n", "os._exit(1)"), "y");
        assert_eq!(ask("leave()\n", "leave()"), "y");
        assert_eq!(ask("exit()\n", "exit()"), "y");
        assert_eq!(ask("def exit(): pass\nexit()\n", "exit()"), "n");
        assert_eq!(ask("pytest.skip('x')\n", "pytest.skip('x')"), "y");
        assert_eq!(ask("p = argparse.ArgumentParser()\np.error('x')\n", "p.error('x')"), "y");
        assert_eq!(ask("p = logging.getLogger()\np.error('x')\n", "p.error('x')"), "n");
        assert_eq!(ask("def g():\n    raise E\ng()\n", "g()"), "y");
        assert_eq!(ask("def g():\n    h()\ndef h():\n    leave()\ng()\n", "g()"), "y");
        assert_eq!(ask("def g(a):\n    if a:\n        raise E\ng(1)\n", "g(1)"), "n");
        assert_eq!(ask("def g(a):\n    if a:\n        raise E\n    else:\n        leave()\ng(1)\n", "g(1)"), "y");
        assert_eq!(ask("def g() -> NoReturn:\n    h()\ng()\n", "g()"), "y");
        assert_eq!(ask("async def g():\n    raise E\ng()\n", "g()"), "n");
        assert_eq!(ask("@dec\ndef g():\n    raise E\ng()\n", "g()"), "n");
        assert_eq!(ask("def g():\n    raise E\n    yield\ng()\n", "g()"), "n");
        assert_eq!(ask("def g():\n    raise E\ng = 1\ng()\n", "g()"), "n");
        assert_eq!(ask("class A(unittest.TestCase):\n    def t(self):\n        self.fail('x')\n", "self.fail('x')"), "y");
        assert_eq!(ask("class A(Base):\n    def t(self):\n        self.fail('x')\n", "self.fail('x')"), "n");
        assert_eq!(ask("class A:\n    def t(self):\n        self.x()\n    def x(self):\n        raise E\n", "self.x()"), "n");
        assert_eq!(
            ask("class A:\n    def t(self):\n        self.x()\n    def x(self) -> 't.NoReturn':\n        y\n", "self.x()"),
            "y"
        );
    }

    #[test]
    fn they_end_the_path() {
        let code =
            "import sys\ndef f(d):\n    for k in d:\n        if a:\n            hit()\n            sys.exit()\n        b()\n";
        assert_eq!(answers(code, &["loop for k in d <- hit()", "loop for k in d <- b()", "hit() -> b()"]), "nyn");
        let code =
            "import sys\nfor k in d:\n    try:\n        hit()\n        sys.exit()\n    except SystemExit:\n        b()\n";
        assert_eq!(answers(code, &["loop for k in d <- hit()"]), "y");
        let code = "import threading, torch\nlock = threading.Lock()\nfor k in d:\n    with lock, torch.no_grad():\n        hit()\n        raise E\n";
        assert_eq!(answers(code, &["loop for k in d <- hit()"]), "n");
        let code = "import contextlib\nfor k in d:\n    with contextlib.suppress(E):\n        hit()\n        raise E\n";
        assert_eq!(answers(code, &["loop for k in d <- hit()"]), "y");
    }

    #[test]
    fn deep_code_does_not_overflow() {
        let chain = format!("x = {}1\ny = 2\n", "1 + ".repeat(100_000));
        let elifs = format!("if a: b()\n{}c()\n", "elif d: e()\n".repeat(20_000));
        let run = move || {
            assert_eq!(answers(&chain, &["y -> x", "x -> y", "x dom y"]), "nyy");
            answers(&elifs, &["b() -> c()", "e() -> c()", "a dom c()"])
        };
        let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(run).expect("a thread");
        assert_eq!(thread.join().expect("no overflow"), "yyy");
    }

    #[test]
    fn broken_code_is_unknown() {
        let code = "for k in d:\n    hit()\n    x = = 1\n    return\n";
        assert_eq!(answers(code, &["loop for k in d <- hit()", "always hit()", "d dom hit()"]), "ynn");
    }
}
