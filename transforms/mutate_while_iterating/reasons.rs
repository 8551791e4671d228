//! Why a fix is not safe: how a snapshot may differ from a run that was right.

use super::changes::{Change, Does, Subject};
use super::header::{View, Walk, Walked};
use super::loops::Loop;
use super::own::plain;
use super::presence::operands_of_and;
use super::reach::outsider;
use super::waiting::{self, Waiting};
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::types::{Evidence, Kind};

/// Why a snapshot may give another result than a run that was right, or not the result that is meant.
pub(super) fn reasons<'t>(subject: &Subject<'_, 't>, evidence: Option<Evidence<'t>>, changes: &[Change<'t>]) -> Vec<String> {
    let Subject { a_loop, walks, .. } = *subject;
    let any = |holds: &dyn Fn(Does) -> bool| changes.iter().any(|change| holds(change.does));
    let mut but = Vec::new();
    match evidence {
        None if walks.iter().any(|walk| walk.view != View::Bare) => {
            but.push("nothing shows that it is a dict, not another object with this method".to_string());
        }
        None => but.push("nothing shows what kind of container this is".to_string()),
        Some(Evidence { kind: Kind::List, .. }) => {
            but.push("the result changes: elements that were skipped are visited now".to_string());
        }
        Some(Evidence { certainty: Certainty::Likely, .. }) => but.push("its kind is likely, not certain".to_string()),
        Some(_) => {}
    }
    let removes_other = any(&|does| matches!(does, Does::RemovesOther | Does::RemovesAt | Does::Empties));
    let adds = any(&|does| does.adds());
    match subject.kind {
        Some(Kind::Deque) if any(&|does| does.overwrites() || does == Does::Reorders) => {
            but.push("the snapshot holds elements that the loop replaces".to_string());
        }
        Some(Kind::Deque) => {}
        Some(Kind::Set) if any(&Does::removes) && adds => {
            but.push("a set that shrinks and grows in step may be a queue on purpose".to_string());
        }
        _ if removes_other && (adds || any(&Does::overwrites)) => {
            but.push("entries that are exchanged while they wait would still be visited".to_string());
        }
        _ if removes_other && !asks_first(a_loop, walks) => {
            but.push("entries that are removed before their turn would still be visited".to_string());
        }
        _ => {}
    }
    if walks.iter().any(|walk| walk.holds_values() && sees_values(subject.facts, a_loop, walk)) {
        if any(&Does::overwrites) {
            but.push("the snapshot shows old values of entries that the loop stores".to_string());
        } else if let Some(why) = outsider(subject, &seen_through(changes)) {
            but.push(format!("the snapshot would show old values: {why}"));
        }
    }
    if a_loop.code().any(|node| node.is("await")) && matches!(&walks[0].walked, Walked::Place(place) if !place.steps.is_empty())
    {
        but.push("other tasks may change it during the `await`".to_string());
    }
    if subject.kind != Some(Kind::List) && waiting::for_error_of(a_loop) == Some(Waiting::Handler) {
        but.push("a handler around the loop catches the RuntimeError".to_string());
    }
    if runs_later(subject.facts, a_loop) {
        but.push("the snapshot is taken when the generator is made, not when it runs".to_string());
    }
    but
}

/// The changes that do nothing but what is seen: no function of the program runs in them.
fn seen_through<'t>(changes: &[Change<'t>]) -> Vec<Node<'t>> {
    changes.iter().filter(|change| change.through.is_none()).map(|change| change.node).collect()
}

/// Whether the body begins with the question whether the key at hand is still there.
fn asks_first(a_loop: &Loop<'_>, walks: &[Walk<'_>]) -> bool {
    let Some(first) = a_loop.parts().next().filter(|body| body.is("block")).and_then(|body| body.named_children().next())
    else {
        return false;
    };
    let Some(condition) = first.child("condition").filter(|_| first.is("if_statement")) else { return false };
    let tests = |operator: &str| {
        operands_of_and(condition).filter(|part| part.is("comparison_operator")).any(|test| {
            let mut operands = test.named_children().map(|operand| plain(operand.text()));
            let (left, right) = (operands.next(), operands.next());
            let is_container = walks.iter().any(|walk| right.as_ref() == Some(&plain(walk.container.text())));
            let is_key = walks.iter().filter_map(Walk::key_text).any(|key| left.as_ref() == Some(&key));
            test.child("operators").is_some_and(|token| token.text() == operator) && is_container && is_key
        })
    };
    let body = first.parent().expect("a statement stands in a block");
    let is_whole_body = body.named_children().count() == 1 && first.child("alternative").is_none();
    let leaves = first.child("consequence").and_then(Node::only_child).is_some_and(|only| only.is("continue_statement"));
    tests("in") && is_whole_body || tests("not in") && leaves && !condition.is("boolean_operator")
}

/// Whether the value that the header gives is looked at.
fn sees_values<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>, walk: &Walk<'t>) -> bool {
    let Some(pattern) = walk.value() else { return true };
    let mut names = pattern.and_descendants().filter(|node| node.is("identifier"));
    names.any(|name| {
        let Some(variable) = facts.scopes().variable_of(name).map(|id| facts.scopes().variable(id)) else { return true };
        variable.references.iter().any(|reference| {
            let behind = a_loop.node.end()..reference.start();
            let is_new = variable.bindings.iter().any(|binding| behind.contains(&binding.node.start()));
            a_loop.node.contains(*reference) || a_loop.runs(*reference) || *reference > a_loop.node && !is_new
        })
    })
}

/// Whether the loop is part of a generator expression that is not consumed where it stands.
fn runs_later<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>) -> bool {
    let Some(generator) = a_loop.node.parent().filter(|around| around.is("generator_expression")) else { return false };
    let consumer =
        generator.parent().and_then(|around| if around.is("argument_list") { around.parent() } else { Some(around) });
    let consumers = ["all", "any", "dict", "list", "max", "min", "set", "sorted", "sum", "tuple", "frozenset"];
    let name = consumer.filter(|call| call.is("call")).and_then(|call| facts.called_name(call));
    !matches!(name.as_deref(), Some(["builtins", name]) if consumers.contains(name))
}
