//! Whether a snapshot helps a loop, and what may be promised about it.

use super::callee::{class_of, methods, parameters};
use super::changes::{Change, Does, Subject};
use super::header::{View, Walk, Walked};
use super::loops::{Loop, runs_with};
use super::presence::leaves;
use super::reasons::reasons;
use super::waiting::{self, Waiting};
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::effects::{MutationKind, Place, Step};
use crate::semantics::types::{Evidence, Kind};

/// What is to be done about a loop that walks a container.
pub(super) enum Verdict {
    /// Nothing in it changes the container.
    Fine,
    /// It changes the container, and that is right.
    Leave(String),
    /// It is suspect, and a snapshot would not help.
    Report(String),
    /// It should walk a snapshot; safe when there is no reason against it.
    Snapshot {
        /// Why the fix is not safe, each a clause without full stop.
        but: Vec<String>,
    },
}

/// A loop, a container that it walks, and what was found out about the two.
pub(super) struct Judgement<'t> {
    /// What to do.
    pub(super) verdict: Verdict,
    /// The changes that the verdict is about, in text order.
    pub(super) changes: Vec<Change<'t>>,
    /// What the container is.
    pub(super) evidence: Option<Evidence<'t>>,
}

/// Judges a loop and one container that its header walks, once or more.
pub(super) fn judge<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>, walks: &[Walk<'t>]) -> Judgement<'t> {
    let evidence = evidence(facts, &walks[0]);
    let subject = Subject { facts, a_loop, walks, kind: evidence.map(|evidence| evidence.kind) };
    let mut changes = subject.changes();
    let verdict = verdict(&subject, evidence, &mut changes);
    Judgement { verdict, changes, evidence }
}

fn evidence<'t>(facts: &Facts<'t>, walk: &Walk<'t>) -> Option<Evidence<'t>> {
    let is_namespace = !matches!(walk.walked, Walked::Place(_)) || facts.is_name(walk.container, "sys.modules");
    if is_namespace {
        return Some(Evidence { kind: Kind::Dict, certainty: Certainty::Known, shown_by: walk.container });
    }
    facts.kind_of(walk.container)
}

fn verdict<'t>(subject: &Subject<'_, 't>, evidence: Option<Evidence<'t>>, changes: &mut Vec<Change<'t>>) -> Verdict {
    let Subject { facts, a_loop, walks, kind } = *subject;
    if changes.is_empty() {
        return awaits_elsewhere(subject).map_or(Verdict::Fine, Verdict::Report);
    }
    if let Some(why) = another_walk(subject).or_else(|| meant_so(kind, walks, changes)) {
        return Verdict::Leave(why);
    }
    // Have: for x in d: .. d.pop(..), the same d
    if a_loop.node.is("for_statement") {
        changes.retain(|change| facts.loop_may_go_on(change.node, a_loop.node) && !leaves_by_flag(a_loop, change.node));
    }
    if changes.is_empty() {
        return Verdict::Leave("the loop leaves right after the change".to_string());
    }
    let resizes = |change: &Change<'_>| change.does.removes() || change.does.adds();
    if !changes.iter().any(resizes) {
        return Verdict::Leave("only values are stored, under keys that are there".to_string());
    }
    // Have: its size may differ at the next step
    let is_updated = changes.iter().filter(|change| resizes(change)).all(|change| is_update(change.node));
    if kind.is_none() && is_updated {
        return Verdict::Leave("nothing shows that the update brings new keys".to_string());
    }
    let removes_own = changes.iter().any(|change| change.does == Does::RemovesOwn);
    let is_likely_dict = walks.iter().any(|walk| walk.view != View::Bare);
    match kind {
        Some(Kind::List) if !removes_own => return not_at_hand(changes),
        None if !removes_own && !is_likely_dict => return unknown(changes),
        _ => {}
    }
    if waiting::for_error_of(a_loop) == Some(Waiting::Test) {
        return Verdict::Leave("a test expects the RuntimeError".to_string());
    }
    let but = reasons(subject, evidence, changes);
    changes.retain(resizes);
    Verdict::Snapshot { but }
}

/// Whether a change is a call of `update`.
fn is_update(change: Node<'_>) -> bool {
    let method = change.child("function").and_then(|function| function.child("attribute"));
    method.is_some_and(|name| name.text() == "update")
}

/// Why the shape of the changes, wherever they stand in the loop, shows that they are meant.
fn meant_so(kind: Option<Kind>, walks: &[Walk<'_>], changes: &[Change<'_>]) -> Option<String> {
    let any = |does: Does| changes.iter().any(|change| change.does == does);
    let why = match kind {
        Some(Kind::List) | None if any(Does::Grows) => {
            "a list that grows while it is walked is a queue: a snapshot would end the walk early"
        }
        Some(Kind::List) if any(Does::Empties) => "emptying the list ends the loop",
        Some(Kind::List) | None if walks.iter().all(|walk| walk.backwards) => {
            "walked from its end, nothing moves under the walk"
        }
        Some(Kind::Dict | Kind::DefaultDict | Kind::Set | Kind::Deque | Kind::List) | None => return None,
        Some(_) => return Some(format!("`{}` is no dict, set, list or deque", walks[0].container.text())),
    };
    Some(why.to_string())
}

/// Whether a flag that is set beside the change leads out of the loop: `found = True; break` and, further out,
/// `if found: break`.
fn leaves_by_flag<'t>(a_loop: &Loop<'t>, change: Node<'t>) -> bool {
    let Some(body) = a_loop.parts().next() else { return false };
    let blocks = change.ancestors().take_while(|around| body.contains(*around)).filter(|around| around.is("block"));
    let statements = blocks.flat_map(Node::named_children).filter_map(Node::only_child);
    let set = statements
        .filter(|statement| statement.is("assignment") && statement.child("right").is_some_and(|right| right.is("true")));
    let flags: Vec<_> = set.filter_map(|assignment| assignment.child("left")).map(Node::text).collect();
    body.named_children().filter(|statement| statement.is("if_statement") && *statement > change).any(|statement| {
        let is_flag = statement.child("condition").is_some_and(|condition| flags.contains(&condition.text()));
        let body = statement.child("consequence").filter(|body| leaves(*body));
        is_flag && body.and_then(|body| body.named_children().last()).is_some_and(|last| !last.is("continue_statement"))
    })
}

/// A list that loses other elements than the one at hand.
fn not_at_hand(changes: &[Change<'_>]) -> Verdict {
    let because = if changes.iter().any(|change| change.does == Does::RemovesAt) {
        "the index counts on while the elements behind a removed one move up: a snapshot would not help"
    } else {
        "another element than the one at hand is removed: a snapshot would still visit it"
    };
    Verdict::Report(because.to_string())
}

/// Something of unknown kind that keeps the element at hand.
fn unknown(changes: &[Change<'_>]) -> Verdict {
    let any = |does: Does| changes.iter().any(|change| change.does == does);
    if any(Does::RemovesAt) || any(Does::RemovesOther) {
        not_at_hand(changes)
    } else if any(Does::Adds) {
        Verdict::Snapshot { but: vec!["nothing shows what kind of container this is".to_string()] }
    } else {
        Verdict::Leave("nothing shows that it is a dict or a set".to_string())
    }
}

/// Why the loop does not walk the very container that it changes, step by step.
fn another_walk(subject: &Subject<'_, '_>) -> Option<String> {
    let Subject { facts, a_loop, walks, kind } = *subject;
    if a_loop.is_async() {
        return Some("`async for` walks what is no container".to_string());
    }
    if kind.is_none() && is_self(facts, &walks[0]) {
        return Some("an object that walks itself decides itself what a walk is".to_string());
    }
    if kind.is_none() && are_headers(&walks[0]) {
        return Some("the headers of a message walk a copy of their names".to_string());
    }
    let (Walked::Place(place) | Walked::Attributes { of: place, .. }) = &walks[0].walked else { return None };
    let is_rebound = |within| !facts.rebindings(place, within).is_empty();
    if a_loop.parts().chain([a_loop.target]).any(is_rebound) {
        return Some(format!("`{}` is bound anew in the loop", walks[0].container.text()));
    }
    let names: Vec<_> = index_names(walks[0].container);
    let variables: Vec<_> = names.into_iter().filter_map(|name| facts.scopes().variable_of(name)).collect();
    let is_bound =
        |variable| facts.scopes().variable(variable).bindings.iter().any(|binding| a_loop.node.contains(binding.node));
    variables.into_iter().any(is_bound).then(|| "the key of the container is bound anew in the loop".to_string())
}

/// The names in the subscripts of a container expression: the `i` of `tables[i]`.
fn index_names(container: Node<'_>) -> Vec<Node<'_>> {
    container.and_descendants().filter(|node| node.is("identifier") && node.field() == Some("subscript")).collect()
}

/// Whether the container is the object whose method the loop stands in.
fn is_self<'t>(facts: &Facts<'t>, walk: &Walk<'t>) -> bool {
    let Walked::Place(Place { root: Some(root), steps, name }) = &walk.walked else { return false };
    let definition = facts.scopes().definition(facts.scopes().variable(*root).scope);
    let Some(class) = class_of(definition).filter(|_| steps.is_empty() && parameters(definition).first() == Some(name)) else {
        return false;
    };
    let bases = class.child("superclasses");
    let is_container =
        |name: Node<'_>| name.is("identifier") && ["dict", "set", "list", "OrderedDict", "defaultdict"].contains(&name.text());
    !bases.is_some_and(|bases| bases.descendants().any(is_container))
}

/// Whether the container is an attribute called `headers`: an `email.message.Message` in what the standard library serves.
fn are_headers(walk: &Walk<'_>) -> bool {
    matches!(&walk.walked, Walked::Place(place) if place.steps.last() == Some(&Step::Attribute("headers")))
        && walk.view == View::Bare
}

/// Other tasks change an attribute during an `await` in the loop: the class does it in another method.
fn awaits_elsewhere(subject: &Subject<'_, '_>) -> Option<String> {
    let Subject { facts, a_loop, walks, kind } = *subject;
    let Walked::Place(place) = &walks[0].walked else { return None };
    if !matches!(kind, Some(Kind::Dict | Kind::DefaultDict | Kind::Set | Kind::Deque)) || place.steps.is_empty() {
        return None;
    }
    let waits = a_loop.code().any(|node| node.is("await"));
    let definition = facts.scopes().definition(facts.scopes().variable(place.root.filter(|_| waits)?).scope);
    let class = class_of(definition).filter(|_| parameters(definition).first() == Some(&place.name))?;
    // Have: async def broadcast(self): for client in self.clients: await ..
    let writer = methods(class).filter(|method| *method != definition).find(|method| {
        let this = method.child("parameters").and_then(|list| list.descendants().find(|node| node.is("identifier")));
        let (Some(this), Some(body)) = (this, method.child("body")) else { return false };
        let place = Place { root: facts.scopes().variable_of(this), name: this.text(), steps: place.steps.clone() };
        let is_first = parameters(*method).first() == Some(&this.text())
            && method.child("name").is_some_and(|name| name.text() != "__init__");
        is_first
            && facts.mutations(&place, body).iter().any(|mutation| {
                let sized =
                    matches!(mutation.kind, MutationKind::Method(_) | MutationKind::DeleteItem(_) | MutationKind::SetItem(_));
                sized && runs_with(mutation.node, body)
            })
    })?;
    let name = writer.child("name").map_or("another method", Node::text);
    Some(format!(
        "during the `await`, `{name}` may change it; a snapshot avoids the error, but its entries may be gone when their turn comes"
    ))
}
