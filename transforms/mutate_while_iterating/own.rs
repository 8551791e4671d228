//! The key and the index that a loop has at hand, and what other code calls them.

use super::header::{Key, Walk};
use super::loops::{Loop, runs_with};
use crate::engine::syntax::Node;
use crate::semantics::Facts;

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
        own
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

/// Whether the loop's name may hold something else when control comes to `place`: it is bound in the body, above the
/// place or in an inner loop around both.
fn is_rebound<'t>(facts: &Facts<'t>, a_loop: &Loop<'t>, name: Node<'t>, place: Node<'t>) -> bool {
    let Some(variable) = facts.scopes().variable_of(name) else { return true };
    let bindings = &facts.scopes().variable(variable).bindings;
    bindings.iter().map(|binding| binding.node).filter(|node| a_loop.runs(*node)).any(|node| {
        let again = place.ancestors().take_while(|around| a_loop.runs(*around));
        node < place
            || !runs_with(node, a_loop.node)
            || again.filter(|around| around.is_any(&["for_statement", "while_statement"])).any(|around| around.contains(node))
    })
}
