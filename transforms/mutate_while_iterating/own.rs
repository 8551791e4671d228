//! The key and the index that a loop has at hand, and what other code calls them.

use super::header::{Key, Walk};
use super::loops::{Loop, runs_with};
use super::presence::operands_of_and;
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::scope::BindingKind;

/// What the entry at hand is called at one place of a loop: each a text without white space and outer parentheses.
#[derive(Clone, Default)]
pub(super) struct Own {
    /// Its key, or the element itself.
    pub(super) keys: Vec<String>,
    /// Its index, where the loop counts.
    pub(super) indexes: Vec<String>,
}

impl Own {
    /// What the entry at hand is called at `place`, a node of the loop's body. A name that was bound anew on the way
    /// there is not the loop's own any more.
    pub(super) fn at<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>, walks: &[Walk<'t>], place: Node<'t>) -> Self {
        let stands = |pattern: Node<'t>| Self::keeps(facts, a_loop, pattern, place);
        let mut own = Self::default();
        for walk in walks {
            match walk.key() {
                Some(Key::Pattern(pattern)) if stands(pattern) => own.keys.push(plain(pattern.text())),
                Some(Key::First(pair)) if stands(pair) => own.keys.push(format!("{}[0]", pair.text())),
                _ => {}
            }
            own.indexes.extend(walk.counter.filter(|counter| stands(*counter)).map(|counter| plain(counter.text())));
        }
        own.keys.extend(own.equals(place));
        own.keys.extend(own.other_names(facts, a_loop, place));
        own
    }

    /// What a condition around the place says to be equal to the key: `if other == key:`.
    fn equals(&self, place: Node<'_>) -> Vec<String> {
        let mut equals = Vec::new();
        let mut inside = place;
        for around in place.ancestors().take_while(|around| !around.is("function_definition")) {
            let holds = around.is_any(&["if_statement", "elif_clause"]) && inside.field() == Some("consequence");
            for test in around.child("condition").filter(|_| holds).into_iter().flat_map(operands_of_and) {
                let is_equality = test.child("operators").is_some_and(|operator| operator.text() == "==");
                let operands: Vec<_> = test.named_children().map(Node::text).collect();
                match operands.as_slice() {
                    [left, right] if is_equality && self.is_key(left) => equals.push(plain(right)),
                    [left, right] if is_equality && self.is_key(right) => equals.push(plain(left)),
                    _ => {}
                }
            }
            inside = around;
        }
        equals
    }

    /// Names that the body gives to the key on every way to the place, and nothing else: `name = key`, `i, j = key`.
    fn other_names<'t>(&self, facts: &Facts<'t>, a_loop: &Loop<'t>, place: Node<'t>) -> Vec<String> {
        let scopes = facts.scopes();
        let is_only_binding = |name: Node<'t>| {
            let bindings = scopes.variable_of(name).map(|id| &scopes.variable(id).bindings);
            bindings.is_some_and(|all| all.iter().all(|other| other.node == name || !a_loop.runs(other.node)))
        };
        let assignments = a_loop.code().filter(|node| node.is("assignment"));
        let of_key = assignments.filter(|node| node.child("right").is_some_and(|right| self.is_key(right.text())));
        let before = of_key.filter(|node| !node.contains(place) && facts.dominates(*node, place));
        let targets = before.filter_map(|node| node.child("left"));
        let targets = targets.filter(|left| left.is_any(&["identifier", "pattern_list", "tuple_pattern"]));
        targets.filter(|left| names(*left).all(is_only_binding)).map(|left| plain(left.text())).collect()
    }

    /// Whether all names of a target still hold at `place` what the header gave them.
    pub(super) fn keeps<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>, target: Node<'t>, place: Node<'t>) -> bool {
        names(target).all(|name| !is_rebound(facts, a_loop, name, place))
    }

    /// The parameters of a function of the file that receive the key or the index at hand in this call.
    pub(super) fn inside(&self, call: Node<'_>, parameters: &[&str]) -> Self {
        let Some(arguments) = call.child("arguments").filter(|arguments| arguments.is("argument_list")) else {
            return Self::default();
        };
        let mut inside = Self::default();
        for (position, argument) in arguments.named_children().enumerate() {
            let (name, value) = match argument.kind() {
                "keyword_argument" => (argument.child("name").map(Node::text), argument.child("value")),
                "list_splat" | "dictionary_splat" => break,
                _ => (parameters.get(position).copied(), Some(argument)),
            };
            let (Some(name), Some(value)) = (name, value) else { continue };
            if self.is_key(value.text()) {
                inside.keys.push(name.to_string());
            }
            if self.is_index(value.text()) {
                inside.indexes.push(name.to_string());
            }
        }
        inside
    }

    /// Whether an expression with this text is the key, or the element, at hand.
    pub(super) fn is_key(&self, text: &str) -> bool {
        self.keys.contains(&plain(text))
    }

    /// Whether an expression with this text is the index at hand.
    pub(super) fn is_index(&self, text: &str) -> bool {
        self.indexes.contains(&plain(text))
    }
}

/// Without white space and without parentheses around the whole: `( i, j )` is `i,j`.
pub(super) fn plain(text: &str) -> String {
    let mut text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    while is_wrapped(&text) {
        text = text[1..text.len() - 1].to_string();
    }
    text
}

/// Whether the first parenthesis closes with the last character.
fn is_wrapped(text: &str) -> bool {
    let mut depth = 0_usize;
    let closes_at = text.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    });
    text.starts_with('(') && closes_at == Some(text.len() - 1)
}

fn names(pattern: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    pattern.and_descendants().filter(|node| node.is("identifier"))
}

/// Whether the loop's name may hold something else when control comes to `place`: the body binds it, and control may come
/// from there without another step of the loop.
fn is_rebound<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>, name: Node<'t>, place: Node<'t>) -> bool {
    let Some(variable) = facts.scopes().variable_of(name) else { return true };
    let bindings = &facts.scopes().variable(variable).bindings;
    bindings.iter().filter(|binding| a_loop.runs(binding.node)).any(|binding| {
        let node = binding.node;
        let is_statement = a_loop.node.is("for_statement") && binding.kind != BindingKind::Walrus;
        !runs_with(node, a_loop.node)
            || is_statement && facts.may_follow(node, place, &[a_loop.node])
            || !is_statement && (node < place || facts.may_follow(node, place, &[a_loop.node]))
    })
}
