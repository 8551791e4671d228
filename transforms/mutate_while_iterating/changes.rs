//! What the body of a loop does to the container that the loop walks.

use super::callee::Callee;
use super::header::{Walk, Walked};
use super::loops::{Loop, runs_with};
use super::namespaces;
use super::own::{Own, plain};
use super::presence::At;
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::effects::{Mutation, MutationKind, Place, Read, Use};
use crate::semantics::types::Kind;

/// One change of the container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'t> {
    /// What does it, in the body of the loop: the mutation itself, or the call that leads to it.
    pub(super) node: Node<'t>,
    /// What it does.
    pub(super) does: Does,
    /// The function that does it, one call away.
    pub(super) through: Option<&'t str>,
}

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// The entry at hand goes.
    RemovesOwn,
    /// The element under the index at hand goes, and those behind it move up.
    RemovesAt,
    /// Another entry goes, or may go.
    RemovesOther,
    /// Everything goes.
    Empties,
    /// An entry is there afterwards that may be new; if it was there, it may have a new value.
    Stores,
    /// An entry that was there gets a new value.
    Replaces,
    /// An element is there afterwards that may be new.
    Adds,
    /// A list or deque gets longer.
    Grows,
    /// A key that is read is there afterwards.
    Reads,
    /// The order changes, nothing else.
    Reorders,
}

impl Does {
    /// Whether an entry may go.
    pub(super) fn removes(self) -> bool {
        matches!(self, Self::RemovesOwn | Self::RemovesAt | Self::RemovesOther | Self::Empties)
    }

    /// Whether an entry may be new.
    pub(super) fn adds(self) -> bool {
        matches!(self, Self::Stores | Self::Adds | Self::Grows | Self::Reads)
    }

    /// Whether an entry other than the one at hand may have a new value.
    pub(super) fn overwrites(self) -> bool {
        matches!(self, Self::Stores | Self::Replaces)
    }
}

/// A walk of one container, and what is known of that container.
pub(super) struct Subject<'a, 't> {
    pub(super) facts: &'a Facts<'t>,
    pub(super) a_loop: &'a Loop<'t>,
    /// All walks of this container in the header; at least one.
    pub(super) walks: &'a [Walk<'t>],
    /// The kind of the container.
    pub(super) kind: Option<Kind>,
}

impl<'t> Subject<'_, 't> {
    fn walked(&self) -> &Walked<'t> {
        &self.walks[0].walked
    }

    /// Every change in the body, in text order, also one call away in a method of the same class or a function of the
    /// file. What only gives a new value to the entry at hand is none.
    pub(super) fn changes(&self) -> Vec<Change<'t>> {
        let mut changes = match self.walked() {
            Walked::Place(place) => self.changes_of(place),
            Walked::Attributes { of, spelled } => {
                let mut changes = namespaces::attributes_set(self, of);
                changes.extend(spelled.iter().flat_map(|place| self.changes_of(place)));
                changes
            }
            Walked::Globals => namespaces::globals_set(self),
        };
        if self.facts.is_name(self.walks[0].container, "sys.modules") {
            changes.extend(namespaces::imports(self));
        }
        changes.sort_by_key(|change| change.node);
        changes
    }

    fn changes_of(&self, place: &Place<'t>) -> Vec<Change<'t>> {
        let mut changes = Vec::new();
        for mutation in self.a_loop.parts().flat_map(|part| self.facts.mutations(place, part)) {
            let own = Own::at(self.facts, self.a_loop, self.walks, mutation.node);
            let does = self.effects(&mutation, &own);
            changes.extend(does.into_iter().map(|does| Change { node: mutation.node, does, through: None }));
        }
        if self.kind == Some(Kind::DefaultDict) {
            changes.extend(self.reads(place));
        }
        for call in self.a_loop.code().filter(|node| node.is("call")) {
            changes.extend(self.changes_through(place, call));
        }
        changes
    }

    /// Reads of a `defaultdict` under other keys than the loop's own.
    fn reads(&self, place: &Place<'t>) -> impl Iterator<Item = Change<'t>> {
        let mentions = self.a_loop.parts().flat_map(|part| self.facts.mentions(place, part));
        mentions.filter_map(|mention| {
            let subscript = mention.parent().filter(|around| around.is("subscript"))?;
            let read = matches!(self.facts.use_of(mention), Use::Read(Read::Subscript(_)));
            let key = key_of(mention)?;
            let own = Own::at(self.facts, self.a_loop, self.walks, mention);
            let may_add = read && runs_with(mention, self.a_loop.node) && !own.is_key(key);
            let at = At { facts: self.facts, a_loop: self.a_loop, mention, key };
            (may_add && !is_updated(subscript) && !at.is_there(place)).then_some(Change {
                node: subscript,
                does: Does::Reads,
                through: None,
            })
        })
    }

    /// What a call of a method of the same class, or of a function of the file, does to the container.
    fn changes_through(&self, place: &Place<'t>, call: Node<'t>) -> Vec<Change<'t>> {
        let Some(callee) = Callee::of(self.facts, place, call).filter(|callee| !callee.body.contains(self.a_loop.node)) else {
            return Vec::new();
        };
        let own = Own::at(self.facts, self.a_loop, self.walks, call).inside(call, &callee.parameters);
        let mutations = self.facts.mutations(&callee.place, callee.body);
        let does = mutations.iter().flat_map(|mutation| self.effects(mutation, &own));
        // Most stores of a method are updates of entries that are there, under the loop's key in other words.
        let does = does.map(|does| if does == Does::Stores { Does::Replaces } else { does });
        does.map(|does| Change { node: call, does, through: Some(callee.name) }).collect()
    }

    /// What one mutation does; nothing when it cannot meet the walk.
    fn effects(&self, mutation: &Mutation<'t>, own: &Own) -> Vec<Does> {
        match mutation.kind {
            MutationKind::Method(name) => self.effect_of_method(name, mutation, own).into_iter().collect(),
            MutationKind::SetItem(_) => self.effect_of_store(mutation, own).into_iter().collect(),
            MutationKind::DeleteItem(_) => {
                key_of(mutation.mention).map(|key| self.removal(key, mutation.mention, own)).into_iter().collect()
            }
            MutationKind::SetSlice(_) => vec![Does::Grows],
            MutationKind::DeleteSlice(_) => vec![Does::Empties],
            MutationKind::Augmented(operator) => {
                let operand = mutation.node.child("right").filter(|operand| operand.is("set")).and_then(Node::only_child);
                let own_alone = operand.is_some_and(|only| own.is_key(only.text()));
                match operator {
                    "|=" if self.is_set() => vec![Does::Adds],
                    "|=" => vec![Does::Stores],
                    "-=" if own_alone => vec![Does::RemovesOwn],
                    "-=" | "&=" => vec![Does::RemovesOther],
                    "^=" => vec![Does::RemovesOther, Does::Adds],
                    "+=" | "*=" => vec![Does::Grows],
                    _ => Vec::new(),
                }
            }
            MutationKind::Function(name) => match name.rsplit('.').next().unwrap_or(name) {
                "heappush" | "insort" | "insort_left" | "insort_right" => vec![Does::Grows],
                "heappop" => vec![Does::RemovesOther],
                "shuffle" | "heapify" => vec![Does::Reorders],
                _ => Vec::new(),
            },
            MutationKind::SetAttribute(_) => Vec::new(),
        }
    }

    fn effect_of_method(&self, name: &str, mutation: &Mutation<'t>, own: &Own) -> Option<Does> {
        let argument = mutation.node.child("arguments").and_then(|arguments| arguments.named_children().next());
        Some(match name {
            "pop" => argument.map_or(Does::RemovesOther, |key| self.removal(key.text(), mutation.mention, own)),
            "remove" | "discard" if argument.is_some_and(|key| own.is_key(key.text())) => Does::RemovesOwn,
            "remove" | "discard" | "popitem" | "popleft" | "intersection_update" | "difference_update" => Does::RemovesOther,
            "clear" => Does::Empties,
            "add" | "setdefault" if argument.is_some_and(|key| own.is_key(key.text())) => return None,
            "add" => Does::Adds,
            "update" | "symmetric_difference_update" if self.is_set() => Does::Adds,
            "update" if argument.is_some_and(|entries| stores_only(entries, own)) => return None,
            "setdefault" | "update" => Does::Stores,
            "append" | "extend" | "insert" | "appendleft" | "extendleft" => Does::Grows,
            "sort" | "reverse" | "rotate" => Does::Reorders,
            _ => return None,
        })
    }

    fn effect_of_store(&self, mutation: &Mutation<'t>, own: &Own) -> Option<Does> {
        let key = key_of(mutation.mention)?;
        let has_own =
            if self.is_sequence() { own.is_index(key) } else { own.is_key(key) || own.is_index(key) && self.kind.is_none() };
        if has_own {
            return None;
        }
        let is_there = self.is_sequence()
            || self.is_key_of_value(key)
            || reads_first(mutation, key, self.kind)
            || matches!(self.walked(), Walked::Place(place) if {
                At { facts: self.facts, a_loop: self.a_loop, mention: mutation.mention, key }.is_there(place)
            });
        Some(if is_there { Does::Replaces } else { Does::Stores })
    }

    /// Whether the key is an attribute of the value at hand: `d[value.name]` is the entry at hand in most programs.
    fn is_key_of_value(&self, key: &str) -> bool {
        let values = self.walks.iter().filter(|walk| walk.holds_values()).filter_map(Walk::value);
        let mut names = values.filter(|value| value.is("identifier")).map(Node::text);
        names.any(|name| plain(key).strip_prefix(name).is_some_and(|rest| rest.starts_with('.') && !rest.contains('(')))
    }

    /// What `del x[key]` and `x.pop(key)` do.
    fn removal(&self, key: &str, container: Node<'t>, own: &Own) -> Does {
        let found = plain(key)
            .strip_prefix(&format!("{}.index(", plain(container.text())))
            .map(|rest| rest.trim_end_matches(')').to_string());
        if found.is_some_and(|element| own.is_key(&element)) {
            Does::RemovesOwn
        } else if own.is_index(key) && !self.is_mapping() {
            Does::RemovesAt
        } else if own.is_key(key) && (self.is_mapping() || !self.is_sequence() && own.indexes.is_empty()) {
            Does::RemovesOwn
        } else {
            Does::RemovesOther
        }
    }

    fn is_mapping(&self) -> bool {
        matches!(self.kind, Some(Kind::Dict | Kind::DefaultDict))
    }

    fn is_set(&self) -> bool {
        self.kind == Some(Kind::Set)
    }

    fn is_sequence(&self) -> bool {
        matches!(self.kind, Some(Kind::List | Kind::Deque))
    }
}

/// The text between the brackets behind a mention: the `i, j` of `x[i, j]`.
pub(super) fn key_of(mention: Node<'_>) -> Option<&str> {
    let subscript = mention.parent().filter(|around| around.is("subscript") && around.child("value") == Some(mention))?;
    let open = subscript.child_of_kind("[")?;
    let close = subscript.children().filter(|token| token.is("]")).last()?;
    Some(subscript.tree().code()[open.end()..close.start()].trim())
}

/// Whether the statement that stores under the key reads what is there first: `x[k] = f(x[k])`, `x[k] += 1`.
fn reads_first(mutation: &Mutation<'_>, key: &str, kind: Option<Kind>) -> bool {
    let mention = mutation.mention;
    let target = format!("{}[{}]", plain(mention.text()), plain(key));
    let Some(assignment) = mention.ancestors().find(|node| node.is_any(&["assignment", "augmented_assignment"])) else {
        return false;
    };
    let is_read = |node: Node<'_>| node.is("subscript") && plain(node.text()) == target;
    // `x[k] += 1` is how a `defaultdict` is filled.
    assignment.is("augmented_assignment") && kind != Some(Kind::DefaultDict)
        || assignment.is("assignment")
            && assignment.child("right").is_some_and(|right| right.walk(|node| node.is("lambda")).any(is_read))
}

/// Whether a subscript is read to give the same entry a new value: `x[k] = f(x[k])`.
fn is_updated(subscript: Node<'_>) -> bool {
    let assignment = subscript.ancestors().take_while(|around| !around.is("block")).find(|around| around.is("assignment"));
    let target = assignment.and_then(|assignment| assignment.child("left"));
    target.is_some_and(|target| target.is("subscript") && plain(target.text()) == plain(subscript.text()))
}

/// Whether `update` gets a display that names the key at hand only: `{k: v}`.
fn stores_only(entries: Node<'_>, own: &Own) -> bool {
    entries.is("dictionary") && entries.named_children().all(|pair| pair.child("key").is_some_and(|key| own.is_key(key.text())))
}
