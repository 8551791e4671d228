//! The control-flow graph of one function or module: a vertex per statement or header, edges for every way on.

use rustc_hash::FxHashMap;

use super::Facts;
use super::exits::{self, Raisers};
use crate::engine::syntax::Node;

/// The vertex where every graph starts.
pub(super) const ENTRY: u32 = 0;
/// The vertex behind the last statement and behind every `return`.
pub(super) const EXIT: u32 = 1;
/// The vertex that an exception reaches when nobody in the function catches it.
pub(super) const RAISE: u32 = 2;

/// The context of code that stands in no `finally` block.
const OUTSIDE: u32 = 0;

/// Which part of a statement a vertex stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// A simple statement, the header of a compound one or of a clause; of a `for`, the step to the next element.
    Step,
    /// The evaluation of what a `for` iterates, which happens once.
    Setup,
    /// Where an exception of a `try` or `with` body is handed out.
    Raised,
}

/// The control flow of one function, lambda or module. Class bodies run with the code around them and belong to it.
pub(super) struct Graph {
    vertices: Vec<Vertex>,
    /// The copies of each place: code in a `finally` block has one for each way into it.
    places: FxHashMap<(u32, Part), Vec<u32>>,
    /// Whether the code holds something that Python would not accept, so that no answer can be trusted.
    pub(super) broken: bool,
}

/// One vertex and its ways on.
#[derive(Default)]
pub(super) struct Vertex {
    /// Id of the node.
    pub(super) node: u32,
    /// Where control goes when the statement completes, or the header has been evaluated.
    pub(super) normal: Vec<u32>,
    /// Where an exception goes that the statement raises, if it can raise one.
    pub(super) raised: Vec<u32>,
}

impl Graph {
    /// Builds the graph of a function, lambda or module.
    pub(super) fn new<'t>(facts: &Facts<'t>, raisers: &Raisers, owner: Node<'t>) -> Self {
        let tree = owner.tree();
        let broken = tree.errors().any(|error| owner.contains(error) || error.contains(owner));
        let mut builder = Builder {
            facts,
            raisers,
            owner,
            broken,
            contexts: vec![Context { parent: OUTSIDE, clause: 0, pending: Pending::Normal, depth: 0 }],
            known_contexts: FxHashMap::default(),
            vertices: vec![Vertex::default(), Vertex::default(), Vertex::default()],
            index: FxHashMap::default(),
            places: FxHashMap::default(),
            unfinished: Vec::new(),
        };
        let first = if owner.is("lambda") {
            builder.vertex(owner, Part::Step, OUTSIDE)
        } else {
            let block = if owner.is("function_definition") { owner.child("body") } else { Some(owner) };
            builder.start_of(block, OUTSIDE)
        };
        builder.vertices[ENTRY as usize].normal.push(first);
        while let Some((vertex, node, part, context)) = builder.unfinished.pop() {
            builder.connect(vertex, node, part, context);
        }
        Self { vertices: builder.vertices, places: builder.places, broken: builder.broken }
    }

    /// All vertices that stand for a part of a node; none if control never gets there.
    pub(super) fn copies(&self, node: Node<'_>, part: Part) -> &[u32] {
        self.places.get(&(node.id(), part)).map_or(&[], Vec::as_slice)
    }

    /// The vertex with this number.
    pub(super) fn vertex(&self, vertex: u32) -> &Vertex {
        &self.vertices[vertex as usize]
    }

    /// The vertices that can be reached from `starts` (which count as reached), where `ways` lists the ways on.
    pub(super) fn reach(&self, starts: impl IntoIterator<Item = u32>, mut ways: impl FnMut(u32, &mut Vec<u32>)) -> Vec<bool> {
        let mut reached = vec![false; self.vertices.len()];
        let mut unfinished: Vec<u32> = Vec::new();
        let mut next: Vec<u32> = starts.into_iter().collect();
        loop {
            for vertex in next.drain(..) {
                if !std::mem::replace(&mut reached[vertex as usize], true) {
                    unfinished.push(vertex);
                }
            }
            let Some(vertex) = unfinished.pop() else { return reached };
            ways(vertex, &mut next);
        }
    }
}

/// A way out of a block other than by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Jump {
    Return,
    Raise,
    Break,
    Continue,
}

/// How a `finally` block was entered, and so how control goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pending {
    Normal,
    Jump(Jump),
    /// In any way: a `finally` inside a `finally` is not told apart further, so that graphs stay small.
    Any,
}

#[derive(Clone, Copy)]
struct Context {
    parent: u32,
    clause: u32,
    pending: Pending,
    depth: u32,
}

/// A way that is being followed to the vertices where it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way<'t> {
    /// Behind the end of this statement.
    After(Node<'t>),
    /// Outwards from this statement, clause or block.
    Leave(Node<'t>, Jump),
}

struct Builder<'f, 't> {
    facts: &'f Facts<'t>,
    raisers: &'f Raisers,
    owner: Node<'t>,
    broken: bool,
    contexts: Vec<Context>,
    known_contexts: FxHashMap<(u32, u32, Pending), u32>,
    vertices: Vec<Vertex>,
    index: FxHashMap<(u32, Part, u32), u32>,
    places: FxHashMap<(u32, Part), Vec<u32>>,
    unfinished: Vec<(u32, Node<'t>, Part, u32)>,
}

impl<'t> Builder<'_, 't> {
    fn vertex(&mut self, node: Node<'t>, part: Part, context: u32) -> u32 {
        if let Some(&vertex) = self.index.get(&(node.id(), part, context)) {
            return vertex;
        }
        let vertex = self.vertices.len() as u32;
        self.vertices.push(Vertex { node: node.id(), ..Vertex::default() });
        self.index.insert((node.id(), part, context), vertex);
        self.places.entry((node.id(), part)).or_default().push(vertex);
        self.unfinished.push((vertex, node, part, context));
        vertex
    }

    /// The vertex where a statement starts.
    fn statement(&mut self, statement: Node<'t>, context: u32) -> u32 {
        let part = if statement.is("for_statement") { Part::Setup } else { Part::Step };
        self.vertex(statement, part, context)
    }

    /// The vertex where a block starts. Python wants at least one statement, the grammar does not.
    fn start_of(&mut self, block: Option<Node<'t>>, context: u32) -> u32 {
        match block.and_then(|block| block.children().find(|child| child.is_statement())) {
            Some(first) => self.statement(first, context),
            None if self.owner.is("module") && block == Some(self.owner) => EXIT,
            None => {
                self.broken = true;
                EXIT
            }
        }
    }

    /// The start of a `finally` block that is entered in this way.
    fn finally(&mut self, clause: Node<'t>, context: u32, pending: Pending) -> u32 {
        let depth = self.contexts[context as usize].depth + 1;
        let pending = if depth > 1 { Pending::Any } else { pending };
        let contexts = &mut self.contexts;
        let inner = *self.known_contexts.entry((context, clause.id(), pending)).or_insert_with(|| {
            contexts.push(Context { parent: context, clause: clause.id(), pending, depth });
            contexts.len() as u32 - 1
        });
        self.start_of(clause.child_of_kind("block"), inner)
    }

    /// Follows a way to the vertices where it ends.
    fn follow(&mut self, way: Way<'t>, context: u32) -> Vec<u32> {
        let mut ends = Vec::new();
        let mut open = vec![(way, context)];
        let mut seen = Vec::new();
        while let Some((way, context)) = open.pop() {
            match way {
                Way::After(statement) => self.follow_after(statement, context, &mut open, &mut seen, &mut ends),
                Way::Leave(from, jump) => self.follow_jump(from, jump, context, &mut open, &mut ends),
            }
        }
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    fn follow_after(
        &mut self,
        statement: Node<'t>,
        context: u32,
        open: &mut Vec<(Way<'t>, u32)>,
        seen: &mut Vec<(Way<'t>, u32)>,
        ends: &mut Vec<u32>,
    ) {
        let next = std::iter::successors(statement.next_sibling(), |node| node.next_sibling()).find(|node| node.is_statement());
        if let Some(next) = next {
            let vertex = self.statement(next, context);
            ends.push(vertex);
            return;
        }
        let Some(block) = statement.parent().filter(|&block| block != self.owner) else {
            ends.push(EXIT);
            return;
        };
        let around = block.parent().unwrap_or(self.owner);
        if around == self.owner {
            ends.push(EXIT);
            return;
        }
        let compound = if around.is_any(&["elif_clause", "else_clause", "except_clause", "finally_clause"]) {
            around.parent().unwrap_or(self.owner)
        } else {
            around
        };
        match around.kind() {
            "class_definition" => {
                let decorated = around.parent().filter(|parent| parent.is("decorated_definition"));
                open.push((Way::After(decorated.unwrap_or(around)), context));
            }
            "if_statement" | "with_statement" | "elif_clause" => open.push((Way::After(compound), context)),
            "for_statement" | "while_statement" => ends.push(self.vertex(around, Part::Step, context)),
            "try_statement" if around.child_of_kind("else_clause").is_some() => {
                let block = around.child_of_kind("else_clause").and_then(|clause| clause.child("body"));
                ends.push(self.start_of(block, context));
            }
            "try_statement" | "except_clause" | "else_clause" => {
                match compound.child_of_kind("finally_clause").filter(|_| compound.is("try_statement")) {
                    Some(clause) => ends.push(self.finally(clause, context, Pending::Normal)),
                    None => open.push((Way::After(compound), context)),
                }
            }
            "finally_clause" => {
                let Context { parent, clause, pending, .. } = self.contexts[context as usize];
                debug_assert_eq!(clause, around.id(), "a finally block is entered through its context");
                let jumps: &[Jump] = match pending {
                    Pending::Normal => &[],
                    Pending::Jump(Jump::Return) => &[Jump::Return],
                    Pending::Jump(Jump::Raise) => &[Jump::Raise],
                    Pending::Jump(Jump::Break) => &[Jump::Break],
                    Pending::Jump(Jump::Continue) => &[Jump::Continue],
                    Pending::Any => &[Jump::Return, Jump::Raise, Jump::Break, Jump::Continue],
                };
                let mut ways: Vec<_> = jumps.iter().map(|&jump| Way::Leave(compound, jump)).collect();
                if matches!(pending, Pending::Normal | Pending::Any) {
                    ways.push(Way::After(compound));
                }
                for way in ways {
                    // Without this, a row of nested `finally` blocks would be followed in 5^depth ways.
                    if pending != Pending::Any || !seen.contains(&(way, parent)) {
                        seen.push((way, parent));
                        open.push((way, parent));
                    }
                }
            }
            "case_clause" => {
                let found = around.ancestors().find(|node| node.is("match_statement"));
                open.push((Way::After(found.unwrap_or(around)), context));
            }
            _ => {
                self.broken = true;
                ends.push(EXIT);
            }
        }
    }

    fn follow_jump(
        &mut self,
        from: Node<'t>,
        jump: Jump,
        mut context: u32,
        open: &mut Vec<(Way<'t>, u32)>,
        ends: &mut Vec<u32>,
    ) {
        let mut child = from;
        while child != self.owner
            && let Some(parent) = child.parent()
        {
            let in_body = child.field() == Some("body");
            match parent.kind() {
                "try_statement" if child.is("finally_clause") => context = self.contexts[context as usize].parent,
                "try_statement" if jump == Jump::Raise && in_body && parent.child_of_kind("except_clause").is_some() => {
                    ends.push(self.vertex(parent, Part::Raised, context));
                    return;
                }
                "try_statement" => {
                    if let Some(clause) = parent.child_of_kind("finally_clause") {
                        ends.push(self.finally(clause, context, Pending::Jump(jump)));
                        return;
                    }
                }
                "with_statement" if jump == Jump::Raise && in_body && exits::may_swallow(self.facts, parent) => {
                    ends.push(self.vertex(parent, Part::Raised, context));
                    return;
                }
                "for_statement" | "while_statement" if in_body && jump == Jump::Break => {
                    open.push((Way::After(parent), context));
                    return;
                }
                "for_statement" | "while_statement" if in_body && jump == Jump::Continue => {
                    ends.push(self.vertex(parent, Part::Step, context));
                    return;
                }
                _ => {}
            }
            child = parent;
        }
        match jump {
            Jump::Raise => ends.push(RAISE),
            Jump::Return => ends.push(EXIT),
            // Outside of a loop: only the merged contexts of nested `finally` blocks ask.
            Jump::Break | Jump::Continue => {}
        }
    }

    fn connect(&mut self, vertex: u32, node: Node<'t>, part: Part, context: u32) {
        let normal = match part {
            Part::Setup => vec![self.vertex(node, Part::Step, context)],
            Part::Raised => self.handed_out(node, context),
            Part::Step => self.ways_on(node, context),
        };
        let raised = match (part, node.kind()) {
            (Part::Raised, _) => Vec::new(),
            // An exception may come before the first statement of the body is done: a name that is not there.
            (_, "try_statement") => self.follow(Way::Leave(node.child("body").unwrap_or(node), Jump::Raise), context),
            // What enters first may swallow what the next one raises.
            (_, "with_statement") if with_items(node).count() > 1 && exits::may_swallow(self.facts, node) => {
                vec![self.vertex(node, Part::Raised, context)]
            }
            _ if can_raise(node) => self.follow(Way::Leave(node, Jump::Raise), context),
            _ => Vec::new(),
        };
        let found = &mut self.vertices[vertex as usize];
        found.normal = normal;
        found.raised = raised;
    }

    /// Where an exception of a body may go on: to any handler, behind a `with` that swallows it, outwards.
    fn handed_out(&mut self, node: Node<'t>, context: u32) -> Vec<u32> {
        let mut ways = Vec::new();
        let mut caught = false;
        if node.is("with_statement") {
            ways = self.follow(Way::After(node), context);
        } else {
            for clause in node.children().filter(|child| child.is("except_clause")) {
                ways.push(self.vertex(clause, Part::Step, context));
                caught |= clause.child("value").is_none();
            }
        }
        if !caught {
            match node.child_of_kind("finally_clause") {
                Some(clause) => ways.push(self.finally(clause, context, Pending::Jump(Jump::Raise))),
                None => ways.extend(self.follow(Way::Leave(node, Jump::Raise), context)),
            }
        }
        ways
    }

    fn ways_on(&mut self, node: Node<'t>, context: u32) -> Vec<u32> {
        match node.kind() {
            "lambda" => vec![EXIT],
            "if_statement" | "elif_clause" => {
                let mut ways = vec![self.start_of(node.child("consequence"), context)];
                let (compound, alternative) = if node.is("if_statement") {
                    (node, node.child("alternative"))
                } else {
                    let mut later = std::iter::successors(node.next_sibling(), |node| node.next_sibling());
                    (node.parent().unwrap_or(node), later.find(|node| node.field() == Some("alternative")))
                };
                match alternative {
                    Some(clause) if clause.is("elif_clause") => ways.push(self.vertex(clause, Part::Step, context)),
                    Some(clause) => ways.push(self.start_of(clause.child("body"), context)),
                    None => ways.extend(self.follow(Way::After(compound), context)),
                }
                ways
            }
            "for_statement" | "while_statement" => {
                let mut ways = vec![self.start_of(node.child("body"), context)];
                if !is_endless(node) {
                    match node.child("alternative") {
                        Some(clause) => ways.push(self.start_of(clause.child("body"), context)),
                        None => ways.extend(self.follow(Way::After(node), context)),
                    }
                }
                ways
            }
            "with_statement" | "try_statement" | "class_definition" => vec![self.start_of(node.child("body"), context)],
            "except_clause" => vec![self.start_of(node.child_of_kind("block"), context)],
            "match_statement" => match node.child("body").and_then(|body| body.child_of_kind("case_clause")) {
                Some(clause) => vec![self.vertex(clause, Part::Step, context)],
                None => self.follow(Way::After(node), context),
            },
            "case_clause" => {
                let mut ways = vec![self.start_of(node.child("consequence"), context)];
                if !is_irrefutable(node) {
                    let mut later = std::iter::successors(node.next_sibling(), |node| node.next_sibling());
                    if let Some(clause) = later.find(|node| node.is("case_clause")) {
                        ways.push(self.vertex(clause, Part::Step, context));
                    } else {
                        let found = node.ancestors().find(|node| node.is("match_statement"));
                        ways.extend(self.follow(Way::After(found.unwrap_or(node)), context));
                    }
                }
                ways
            }
            "return_statement" if !self.stops(node) => self.follow(Way::Leave(node, Jump::Return), context),
            "break_statement" => self.follow(Way::Leave(node, Jump::Break), context),
            "continue_statement" => self.follow(Way::Leave(node, Jump::Continue), context),
            "raise_statement" | "return_statement" => Vec::new(),
            "decorated_definition" => match node.child("definition").filter(|inner| inner.is("class_definition")) {
                Some(class) => vec![self.start_of(class.child("body"), context)],
                None => self.follow(Way::After(node), context),
            },
            _ if self.stops(node) => Vec::new(),
            _ => self.follow(Way::After(node), context),
        }
    }

    /// Whether a simple statement ends in a call that never comes back.
    fn stops(&self, statement: Node<'t>) -> bool {
        let mut value = statement.only_child();
        while let Some(node) = value {
            value = match node.kind() {
                "call" => return exits::never_returns(self.facts, self.raisers, node),
                "assignment" | "augmented_assignment" => node.child("right"),
                "parenthesized_expression" => node.only_child(),
                _ => None,
            };
        }
        false
    }
}

/// The items of a `with` statement.
pub(super) fn with_items(statement: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    statement
        .children()
        .filter(|child| child.is("with_clause"))
        .flat_map(|clause| clause.children().filter(|item| item.is("with_item")))
}

/// Whether a loop has no end of its own: `while True`, `while 1`.
pub(super) fn is_endless(statement: Node<'_>) -> bool {
    statement.child("condition").map(Node::unparenthesized).is_some_and(|condition| match condition.kind() {
        "true" => true,
        "integer" => condition.text().bytes().any(|digit| matches!(digit, b'1'..=b'9')) && !condition.text().starts_with('0'),
        _ => false,
    })
}

/// Whether a case matches whatever comes: `case _`, `case x`, `case _ as x`, without a guard.
fn is_irrefutable(clause: Node<'_>) -> bool {
    let mut patterns = clause.named_children().filter(|child| child.is("case_pattern"));
    let (Some(mut pattern), None) = (patterns.next(), patterns.next()) else { return false };
    // `case x,:` is a sequence pattern: the comma is a token of the clause itself.
    if clause.child("guard").is_some() || clause.children().any(|token| token.is(",")) {
        return false;
    }
    loop {
        let mut inner = pattern.named_children();
        let Some(first) = inner.next() else { return pattern.text() == "_" };
        match first.kind() {
            "dotted_name" => return first.named_children().count() == 1,
            "as_pattern" => match first.named_children().next() {
                Some(next) => pattern = next,
                None => return false,
            },
            _ => return false,
        }
    }
}

/// Whether a statement or header may raise. What only moves names and literals about does not; an unbound name, or an
/// interrupt from outside, is not counted.
fn can_raise(node: Node<'_>) -> bool {
    if !node.is_any(&["expression_statement", "return_statement"]) {
        return !node.is_any(&[
            "pass_statement",
            "break_statement",
            "continue_statement",
            "global_statement",
            "nonlocal_statement",
        ]);
    }
    node.descendants().any(|inner| match inner.kind() {
        "assignment" => inner.child("left").is_some_and(|left| !left.is("identifier")) || inner.child("type").is_some(),
        "identifier"
        | "integer"
        | "float"
        | "true"
        | "false"
        | "none"
        | "ellipsis"
        | "string"
        | "string_start"
        | "string_content"
        | "string_end"
        | "escape_sequence"
        | "list"
        | "tuple"
        | "parenthesized_expression"
        | "expression_list"
        | "comment" => false,
        _ => inner.is_named(),
    })
}
