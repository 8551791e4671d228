//! From where to where a handle is needed: its close or its last use, everything that reads from it included.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::handles::{End, Family};
use crate::semantics::scope::{Scopes, VariableId};

/// The statements behind an opening that the `with` must hold.
pub(super) struct Lifetime<'t> {
    /// The last of them: the close, the `try` whose `finally` closes, or the last use.
    pub(super) last: Node<'t>,
    /// How it ends.
    pub(super) ending: Ending<'t>,
    /// Why a `with` may be wrong, the weightiest first.
    pub(super) doubts: Vec<String>,
}

/// How the life of a handle ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending<'t> {
    /// `f.close()` in the block of the opening.
    Closed(Node<'t>),
    /// `f.close()` in the `finally` of a `try` in that block.
    Finally {
        /// The `try` statement.
        guard: Node<'t>,
        /// The close in it.
        close: Node<'t>,
    },
    /// No close on every path: the last use.
    LastUse,
}

/// Why there is no fix.
pub(super) enum Refusal {
    /// It is no finding at all.
    Left(String),
    /// It is reported, and stays.
    Report(String),
}

/// The close of a variable: `f.close()` as a statement.
pub(super) fn closes<'t>(cx: &Context<'t>, statement: Node<'t>) -> Option<VariableId> {
    let call = statement.only_child().filter(|call| statement.is("expression_statement") && call.is("call"))?;
    let function = call.child("function").filter(|function| function.is("attribute"))?;
    let is_close = function.child("attribute")?.text() == "close" && call.child("arguments")?.named_children().next().is_none();
    let object = function.child("object").filter(|object| is_close && object.is("identifier"))?;
    cx.facts().scopes().variable_of(object)
}

/// What follows a statement in its block.
pub(super) fn following(statement: Node<'_>) -> Vec<Node<'_>> {
    let siblings = std::iter::successors(statement.next_sibling(), |sibling| sibling.next_sibling());
    siblings.filter(|sibling| sibling.is_named() && !sibling.is("comment")).collect()
}

/// Where the life of a handle begins.
pub(super) struct Birth<'t> {
    /// The statement that opens it, or that holds all that do.
    pub(super) opening: Node<'t>,
    /// The statement that binds it; `opening` or inside it.
    pub(super) binding: Node<'t>,
    /// The statements of one block among which its uses are looked for.
    pub(super) following: Vec<Node<'t>>,
}

impl<'t> Birth<'t> {
    /// In this statement; the uses stand behind it in its block.
    pub(super) fn at(statement: Node<'t>) -> Self {
        Self { opening: statement, binding: statement, following: following(statement) }
    }
}

/// How many lines may stand between the last use and the close of a file, when they are more than those that use it.
/// A judgement: beyond that a reader would rather see the file closed earlier than the lines moved.
const IDLE_LINES: usize = 12;

fn report<T>(because: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Report(because.into()))
}

struct Search<'c, 't> {
    cx: &'c Context<'t>,
    opening: Node<'t>,
    siblings: Vec<Node<'t>>,
    ending: Ending<'t>,
    /// Index of the last sibling that is needed.
    last: Option<usize>,
    /// Index of the last sibling in which it is used, its close aside.
    used: Option<usize>,
    doubts: Vec<String>,
    name: &'t str,
    root: VariableId,
    family: Family,
}

/// The life of what `root` is bound to at its birth. With `is_handle` it is the handle itself, else something that reads
/// from one.
pub(super) fn of<'t>(
    cx: &Context<'t>,
    birth: Birth<'t>,
    root: VariableId,
    is_handle: bool,
    family: Family,
) -> Result<Lifetime<'t>, Refusal> {
    let Birth { opening, binding, following: siblings } = birth;
    let scopes = cx.facts().scopes();
    let variable = scopes.variable(root);
    let name = variable.name;
    let own = scopes.beyond_comprehensions(scopes.scope_of(opening));
    if variable.scope != own {
        return Err(Refusal::Left(format!("`{name}` belongs to the code around this function")));
    }
    let mut ending = Ending::LastUse;
    let mut bound_again = None;
    for (index, &sibling) in siblings.iter().enumerate() {
        if is_handle && closes(cx, sibling) == Some(root) {
            ending = Ending::Closed(sibling);
            break;
        }
        if variable.bindings.iter().any(|binding| sibling.contains(binding.node)) {
            bound_again = Some(index);
            break;
        }
        if let Some(close) = close_in_finally(cx, sibling, root).filter(|_| is_handle) {
            ending = Ending::Finally { guard: sibling, close };
            break;
        }
    }
    let end = match ending {
        Ending::Closed(end) | Ending::Finally { guard: end, .. } => siblings.iter().position(|sibling| *sibling == end),
        Ending::LastUse => None,
    };
    if ending == Ending::LastUse && matches!(family, Family::Temporary | Family::Connection) {
        let what = if family == Family::Temporary { "a temporary file" } else { "a connection" };
        return Err(Refusal::Left(format!("{what} without a close may be needed beyond the last line that names it")));
    }
    let mut search = Search { cx, opening, siblings, ending, last: end, used: None, doubts: Vec::new(), name, root, family };
    if family == Family::Database && ending == Ending::LastUse {
        search.doubts.push(format!("`{name}` was closed when nothing held it any more, which may be later than its last line"));
    }
    search.follow(root, binding, !is_handle)?;
    if let (Ending::Closed(close), Some(used)) = (ending, search.used) {
        let line = |node: Node<'t>| cx.source.line(node.end());
        let (start, used, close) = (line(opening), line(search.siblings[used]), line(close));
        if close.saturating_sub(used) > IDLE_LINES && close - used > used.saturating_sub(start) {
            let because =
                format!("it is closed {} lines after its last use, which would all move into the block", close - used);
            return Err(Refusal::Report(because));
        }
    }
    let Some(mut last) = search.last else {
        return Err(Refusal::Left(format!("`{name}` is not used in this block")));
    };
    // Have: every use of the handle, and of what reads from it, up to `last`
    last = search.with_inner_handles(last)?;
    if bound_again.is_some_and(|again| again <= last) {
        return Err(Refusal::Report(format!("`{name}` gets another value while the file is open")));
    }
    if is_handle && search.siblings.len() > last {
        last = search.with_other_closes(last);
    }
    let at_module_level = own == Scopes::MODULE;
    if ending == Ending::LastUse && at_module_level && !in_main_guard(opening) {
        search.doubts.push(format!("`{name}` is a name of the module, and another file may use it"));
    }
    Ok(Lifetime { last: search.siblings[last], ending, doubts: search.doubts })
}

/// The life of a handle that is opened in the body of `guard`, whose `finally` holds `close`: all that follows in the body.
pub(super) fn inside<'t>(
    cx: &Context<'t>,
    opening: Node<'t>,
    root: VariableId,
    guard: Node<'t>,
    close: Node<'t>,
    family: Family,
) -> Result<Lifetime<'t>, Refusal> {
    let scopes = cx.facts().scopes();
    let variable = scopes.variable(root);
    let name = variable.name;
    if variable.scope != scopes.beyond_comprehensions(scopes.scope_of(opening)) {
        return Err(Refusal::Left(format!("`{name}` belongs to the code around this function")));
    }
    let siblings = following(opening);
    let Some(last) = siblings.len().checked_sub(1) else { return report(format!("`{name}` is not used in the `try`")) };
    if variable.bindings.iter().any(|binding| siblings.iter().any(|sibling| sibling.contains(binding.node))) {
        return report(format!("`{name}` gets another value while the file is open"));
    }
    let ending = Ending::Finally { guard, close };
    let end = siblings[last];
    let mut search =
        Search { cx, opening, siblings, ending, last: Some(last), used: None, doubts: Vec::new(), name, root, family };
    search.follow(root, opening, false)?;
    search.with_inner_handles(last)?;
    Ok(Lifetime { last: end, ending, doubts: search.doubts })
}

impl<'t> Search<'_, 't> {
    /// Follows a variable and everything that gets its value, and moves `last` to the last use.
    fn follow(&mut self, root: VariableId, opening: Node<'t>, is_derived: bool) -> Result<(), Refusal> {
        let mut pending = vec![(root, opening, is_derived)];
        // A name may get one reader after the other: `lines = map(f, lines)`.
        let mut seen = vec![(root, opening)];
        while let Some((id, from, is_derived)) = pending.pop() {
            for mention in self.reached(id, from)? {
                let fate = self.cx.facts().fate(mention);
                let is_derived = is_derived || fate.is_derived;
                let bound = self.judge(mention, fate.end, is_derived)?;
                let Some(name) = bound else { continue };
                let scopes = self.cx.facts().scopes();
                let Some(next) = scopes.variable_of(name) else { return report("it gets a name that is not known") };
                if scopes.variable(next).scope != scopes.beyond_comprehensions(scopes.scope_of(self.opening)) {
                    return report(format!("it gets the name `{}`, which belongs to other code", name.text()));
                }
                let statement = name.statement().unwrap_or(name);
                if !seen.contains(&(next, statement)) {
                    seen.push((next, statement));
                    pending.push((next, statement, true));
                }
            }
        }
        Ok(())
    }

    /// The mentions of a variable that its value from the statement `from` reaches, the region's last use moved along.
    /// Fails when one of them is out of the block.
    fn reached(&mut self, id: VariableId, from: Node<'t>) -> Result<Vec<Node<'t>>, Refusal> {
        let facts = self.cx.facts();
        let variable = facts.scopes().variable(id);
        let mut barriers: Vec<Node<'t>> = variable.bindings.iter().map(|binding| binding.node).collect();
        match self.ending {
            Ending::Closed(close) | Ending::Finally { close, .. } => barriers.push(close),
            Ending::LastUse => {}
        }
        let mut found = Vec::new();
        for &mention in &variable.references {
            let place = self.siblings.iter().position(|sibling| sibling.contains(mention));
            if place.is_none() && self.opening.contains(mention) && self.opening.contains(from) {
                continue;
            }
            let is_elsewhere = facts.owner(mention) != facts.owner(from);
            if is_elsewhere {
                return report(format!("`{}` is used in a function that may run later", variable.name));
            }
            if !facts.may_follow(from, mention, &barriers) {
                continue;
            }
            let inside = match (place, self.ending) {
                (Some(_), Ending::LastUse) => true,
                (Some(place), _) => Some(place) <= self.last,
                (None, _) => false,
            };
            if inside {
                let is_end = matches!(self.ending, Ending::Closed(close) if close.contains(mention));
                self.used = if is_end { self.used } else { self.used.max(place) };
                if self.ending == Ending::LastUse {
                    self.last = self.last.max(place);
                }
                found.push(mention);
            } else if facts.fate(mention).end == End::Managed {
                return Err(Refusal::Left(format!("a `with` further down closes `{}`", self.name)));
            } else if !is_harmless(mention, self.ending) && !self.outlives_close(mention) {
                let line = self.cx.source.line(mention.start()) + 1;
                return report(match self.ending {
                    Ending::LastUse => format!("`{}` is also used outside of this block, in line {line}", variable.name),
                    _ => format!("`{}` is still used in line {line} when the block is left early", variable.name),
                });
            }
        }
        Ok(found)
    }

    /// Whether this asks for the name of a file that is there after its close, too.
    fn outlives_close(&self, mention: Node<'t>) -> bool {
        let attribute = mention.parent().filter(|parent| parent.is("attribute") && mention.field() == Some("object"));
        let is_name = attribute.and_then(|attribute| attribute.child("attribute")).is_some_and(|name| name.text() == "name");
        // Have: f = NamedTemporaryFile(delete=False)
        let is_kept = || {
            self.opening.descendants().any(|node| {
                let name = node.child("name").filter(|_| node.is("keyword_argument")).map(Node::text);
                name == Some("delete") && node.child("value").is_some_and(|value| value.text() == "False")
            })
        };
        is_name
            && self.ending != Ending::LastUse
            && (self.family == Family::File || self.family == Family::Temporary && is_kept())
    }

    /// What one mention means for the `with`; gives the name that the value is bound to.
    fn judge(&mut self, mention: Node<'t>, end: End<'t>, is_derived: bool) -> Result<Option<Node<'t>>, Refusal> {
        let is_closed = self.ending != Ending::LastUse;
        let name = self.name;
        match end {
            End::Used(used) if self.closes_too_early(used) => {
                return report(format!("`{name}` is closed in line {} already, and more follows", self.line(mention)));
            }
            End::Used(_) | End::Loop(_) | End::Dropped => {}
            End::Bound(target) => return Ok(Some(target)),
            End::Passed(call) => return self.passed(call),
            // A transaction: the connection stays open.
            End::Managed
                if self.family == Family::Database && mention.parent().is_some_and(|around| around.is("with_item")) => {}
            End::Managed => return Err(Refusal::Left(format!("a `with` further down closes `{name}`"))),
            End::Captured(_) => return report(format!("`{name}` is used in a function that may run later")),
            End::Yielded if is_closed && is_context_manager(self.cx, mention) => {}
            End::Kept(_) | End::Taken(_) if is_closed => {}
            End::Wrapped(call) if is_closed => {
                if let End::Bound(target) = self.cx.facts().fate(call).end {
                    return Ok(Some(target));
                }
            }
            End::Returned if is_closed => return report(format!("`{name}` is returned before it is closed")),
            End::Yielded | End::Stored(_) | End::Other(_) if is_closed => {
                self.doubts.push(format!("`{name}` is also handed on in line {}", self.line(mention)));
            }
            End::Returned | End::Yielded | End::Stored(_) if is_derived => {
                return report(format!(
                    "what reads from `{name}` is handed on in line {} and may be used later",
                    self.line(mention)
                ));
            }
            End::Returned => return Err(Refusal::Left(format!("`{name}` is returned: closing it is up to the caller"))),
            End::Yielded => return Err(Refusal::Left(format!("`{name}` is yielded: closing it is up to the consumer"))),
            End::Stored(place) => {
                let left = place.child("left").filter(|_| place.is("assignment")).map_or("a container", Node::text);
                return Err(Refusal::Left(format!("`{name}` is kept in {left}: closing it is up to the owner")));
            }
            End::Kept(call) => {
                let keeper = call.child("function").map_or("a call", Node::text);
                return Err(Refusal::Left(format!("`{keeper}` keeps `{name}`")));
            }
            End::Wrapped(call) => {
                let wrapper = call.child("function").map_or("a wrapper", Node::text);
                return report(format!("`{wrapper}` needs `{name}` for as long as it lives itself"));
            }
            End::Taken(node) => return report(format!("`{}` is used on its own", super::short(node.text()))),
            End::Other(_) => {
                return report(format!("it is not known what becomes of `{name}` in line {}", self.line(mention)));
            }
        }
        Ok(None)
    }

    /// Whether this is a close of the handle on a way that goes on in the block: the `with` would hold more than it needs.
    fn closes_too_early(&self, used: Node<'t>) -> bool {
        let statement = used.parent().filter(|_| used.is("call"));
        let is_close = |statement: &Node<'t>| match closes(self.cx, *statement) {
            // A cursor may go before its connection.
            Some(closed) => closed == self.root || self.family != Family::Database,
            None => false,
        };
        let Some(statement) = statement.filter(is_close) else { return false };
        if matches!(self.ending, Ending::Closed(close) | Ending::Finally { close, .. } if close == statement) {
            return false;
        }
        let is_exit = |last: Node<'t>| {
            last.is_any(&["return_statement", "raise_statement", "break_statement", "continue_statement"])
                || last.only_child().is_some_and(|call| call.is("call") && self.cx.facts().never_returns(call))
        };
        let block_ends = |inner: Node<'t>| inner.parent().and_then(|block| block.named_children().last());
        let leaves = block_ends(statement).is_some_and(is_exit);
        // With no close on every path, this one may be the last thing that its branch does.
        let is_tail = || {
            let mut inner = statement;
            while !self.siblings.contains(&inner) {
                if block_ends(inner) != Some(inner) {
                    return false;
                }
                match inner.parent().and_then(Node::statement) {
                    Some(outer) => inner = outer,
                    None => return false,
                }
            }
            true
        };
        let may_end_here = self.ending == Ending::LastUse && is_tail();
        !leaves && !may_end_here
    }

    /// The handle is an argument of a call of which nothing is known.
    fn passed(&mut self, call: Node<'t>) -> Result<Option<Node<'t>>, Refusal> {
        let function = call.child("function").map_or("the call", Node::text);
        let result = self.cx.facts().fate(call).end;
        let name = self.name;
        if self.ending == Ending::LastUse && self.family == Family::Database {
            return Err(Refusal::Left(format!("`{function}` gets `{name}`, and may need it later")));
        }
        if self.ending != Ending::LastUse {
            if matches!(result, End::Returned | End::Yielded) {
                self.doubts.push(format!("`{function}` gets `{name}`, and its result leaves before the close"));
            }
            return Ok(None);
        }
        let is_class = call.child("function").is_some_and(|function| self.cx.facts().may_be_class(function));
        self.doubts.push(format!("`{}` may keep `{name}`, or read from it later", super::short(function)));
        match result {
            End::Bound(target) if is_class => Ok(Some(target)),
            End::Returned | End::Yielded | End::Stored(_) if is_class => {
                report(format!("`{}` may keep `{name}`", super::short(function)))
            }
            _ => Ok(None),
        }
    }

    fn line(&self, node: Node<'t>) -> usize {
        self.cx.source.line(node.start()) + 1
    }

    /// Other files opened by statements of the region must be done with when it ends. One without a close moves the end
    /// of another without a close.
    fn with_inner_handles(&self, last: usize) -> Result<usize, Refusal> {
        let facts = self.cx.facts();
        let mut last = last;
        let mut index = 0;
        while index <= last {
            let opening = self.siblings[index];
            index += 1;
            let Some(target) = super::named::target_of_opening(self.cx, opening) else { continue };
            let Some(id) = facts.scopes().variable_of(target) else { continue };
            // What only a library reads from the disk may be left open: it is no reason to keep this open for as long.
            if target
                .parent()
                .and_then(|parent| parent.child("right"))
                .and_then(|value| facts.opener(value))
                .is_some_and(|opener| matches!(opener.family, Family::Arrays | Family::Image) && self.family.is_file())
            {
                continue;
            }
            let variable = facts.scopes().variable(id);
            let mut barriers: Vec<Node<'t>> = variable.bindings.iter().map(|binding| binding.node).collect();
            barriers.extend(self.siblings.iter().filter(|sibling| closes(self.cx, **sibling) == Some(id)));
            for &mention in &variable.references {
                let close = mention.statement().filter(|statement| closes(self.cx, *statement) == Some(id));
                let place = self.siblings.iter().position(|sibling| sibling.contains(mention));
                let behind = place.is_some_and(|place| place > last);
                if !behind || !facts.may_follow(opening, mention, &barriers) && close.is_none() {
                    continue;
                }
                if self.ending == Ending::LastUse {
                    last = last.max(place.unwrap_or(0));
                } else if !(last..=place.unwrap_or(0)).all(|at| closes(self.cx, self.siblings[at]).is_some()) {
                    let inner = variable.name;
                    return report(format!("`{inner}` is opened while `{}` is open, and outlives it", self.name));
                }
            }
        }
        Ok(last)
    }

    /// Moves the end behind the closes that follow, of files that were opened in the region: they may nest.
    fn with_other_closes(&self, last: usize) -> usize {
        if !matches!(self.ending, Ending::Closed(_)) {
            return last;
        }
        let opened: Vec<VariableId> = self.siblings[..last]
            .iter()
            .filter_map(|sibling| super::named::target_of_opening(self.cx, *sibling))
            .filter_map(|target| self.cx.facts().scopes().variable_of(target))
            .collect();
        let more = self.siblings[last + 1..].iter();
        last + more.take_while(|sibling| closes(self.cx, **sibling).is_some_and(|id| opened.contains(&id))).count()
    }
}

/// The close of a variable in the `finally` of a `try` statement.
fn close_in_finally<'t>(cx: &Context<'t>, statement: Node<'t>, id: VariableId) -> Option<Node<'t>> {
    let clause = statement.child_of_kind("finally_clause").filter(|_| statement.is("try_statement"))?;
    let block = clause.child_of_kind("block")?;
    block.named_children().find(|inner| closes(cx, *inner) == Some(id))
}

/// Whether a mention of a closed file is as good as one of an open file: `f.close()` after another close, `f.closed`.
fn is_harmless(mention: Node<'_>, ending: Ending<'_>) -> bool {
    let attribute = mention.parent().filter(|parent| parent.is("attribute") && mention.field() == Some("object"));
    attribute.and_then(|attribute| attribute.child("attribute")).is_some_and(|name| match name.text() {
        "close" | "closed" => ending != Ending::LastUse,
        _ => false,
    })
}

/// Whether the generator around a node is resumed exactly once by whoever called it: `contextlib.contextmanager`, a
/// fixture.
fn is_context_manager<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let owner = cx.facts().owner(node);
    let Some(decorated) = owner.parent().filter(|parent| parent.is("decorated_definition")) else { return false };
    decorated.named_children().filter(|child| child.is("decorator")).filter_map(Node::only_child).any(|decorator| {
        let function = decorator.child("function").unwrap_or(decorator);
        let name = cx.facts().qualified_name(function).map(|name| name.join("."));
        name.is_some_and(|name| {
            ["contextlib.contextmanager", "pytest.fixture", "pytest.yield_fixture"].contains(&name.as_str())
        })
    })
}

/// Whether a statement only runs when its file is the program.
pub(super) fn in_main_guard(statement: Node<'_>) -> bool {
    let mut guards = statement.ancestors().filter(|around| around.is("if_statement"));
    guards.any(|guard| guard.child("condition").is_some_and(|condition| condition.text().contains("__main__")))
}
