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
mod tests;
