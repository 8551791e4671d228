//! Whether a key is known to be in the container when control comes to a place, so that storing under it adds nothing.

use super::changes::key_of;
use super::loops::{Loop, around};
use super::own::{Own, plain};
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::effects::Place;
use crate::semantics::scope::BindingKind;

/// A key of a container at one place of a loop.
#[derive(Clone, Copy)]
pub(super) struct At<'a, 't> {
    pub(super) facts: &'a Facts<'t>,
    pub(super) a_loop: &'a Loop<'t>,
    /// The mention of the container in front of the key.
    pub(super) mention: Node<'t>,
    /// The text of the key.
    pub(super) key: &'a str,
}

impl<'t> At<'_, 't> {
    /// Whether the key is there: it was tested, it was read before, or a loop around walks it.
    pub(super) fn is_there(self, place: &Place<'t>) -> bool {
        let names = self.mention.parent().map(|entry| names_behind(entry, self.mention)).unwrap_or_default();
        let since = self.last_binding(&names, self.mention);
        self.is_tested(self.mention, self.key, since)
            || self.is_read_before(since)
            || self.is_walked(place)
            || self.is_name_of_tested()
    }

    /// The start of the last binding of a name above a node; 0 when there is none. What was found out before it is
    /// about another key.
    fn last_binding(self, names: &[Node<'t>], node: Node<'t>) -> usize {
        let scopes = self.facts.scopes();
        let variables = names.iter().filter_map(|name| scopes.variable_of(*name));
        let bindings = variables.flat_map(|id| scopes.variable(id).bindings.iter().map(|binding| binding.node.start()));
        bindings.filter(|start| *start < node.start()).max().unwrap_or(0)
    }

    /// Whether a condition on the way to `node`, behind the offset `since`, holds only when the key is there.
    fn is_tested(self, node: Node<'t>, key: &str, since: usize) -> bool {
        let says = |condition: Node<'t>, operator: &str| condition.end() > since && self.says(condition, key, operator);
        let any_says = |condition: Node<'t>| operands_of_and(condition).any(|part| says(part, "in"));
        let mut inside = node;
        for around in node.ancestors().take_while(|around| !around.is("function_definition")) {
            let condition = around.child("condition");
            let holds = match around.kind() {
                "if_statement" | "elif_clause" | "while_statement" => {
                    let is_body = matches!(inside.field(), Some("consequence" | "body"));
                    let is_else = inside.field() == Some("alternative");
                    condition.is_some_and(|test| is_body && any_says(test) || is_else && says(test, "not in"))
                }
                "boolean_operator" => {
                    let is_and = around.child("operator").is_some_and(|operator| operator.is("and"));
                    let left = around.child("left").filter(|left| *left != inside);
                    left.is_some_and(|left| is_and && any_says(left) || !is_and && says(left, "not in"))
                }
                "conditional_expression" => {
                    let parts: Vec<_> = around.named_children().collect();
                    match parts.as_slice() {
                        [then, test, _] if *then == inside => any_says(*test),
                        [_, test, other] if *other == inside => says(*test, "not in"),
                        _ => false,
                    }
                }
                "block" => around.named_children().take_while(|statement| *statement < inside).any(|statement| {
                    let test = statement.child("condition").filter(|_| statement.is("if_statement"));
                    let ends = statement.child("consequence").is_some_and(|body| leaves(body) || self.stores(body, key));
                    test.is_some_and(|test| ends && says(test, "not in"))
                        || statement.is("assert_statement") && statement.named_children().next().is_some_and(any_says)
                }),
                _ => {
                    let clauses = around.named_children().filter(|clause| clause.is("if_clause"));
                    let earlier = clauses.filter(|clause| inside.field() == Some("body") || *clause < inside);
                    earlier.filter_map(Node::only_child).any(any_says)
                }
            };
            if holds {
                return true;
            }
            inside = around;
        }
        false
    }

    /// Whether a condition is `key in d` (or `key not in d`, by the operator), or that the key's value is true.
    fn says(self, condition: Node<'t>, key: &str, operator: &str) -> bool {
        let container = plain(self.mention.text());
        if condition.is("call") && operator == "in" {
            let asked = plain(condition.text());
            return asked == format!("{container}.get({})", plain(key));
        }
        let condition = condition.unparenthesized();
        let mut operands = condition.named_children().map(|operand| plain(operand.text()));
        let (left, right) = (operands.next(), operands.next());
        condition.is("comparison_operator")
            && condition.child("operators").is_some_and(|token| token.text() == operator)
            && left.is_some_and(|left| left == plain(key))
            && right.is_some_and(|right| right == container || right == format!("{container}.keys()"))
    }

    /// Whether the statements store under the key.
    fn stores(self, body: Node<'t>, key: &str) -> bool {
        let target = format!("{}[{}]", plain(self.mention.text()), plain(key));
        body.descendants().any(|node| node.is("subscript") && node.field() == Some("left") && plain(node.text()) == target)
    }

    /// Whether the entry was looked up on every way here.
    fn is_read_before(self, since: usize) -> bool {
        let container = plain(self.mention.text());
        let above = self.a_loop.code().filter(|node| *node < self.mention && node.end() > since);
        above.into_iter().any(|node| {
            let value = node.child("value").filter(|_| node.is("subscript") && node.field() != Some("left"));
            let is_same = value.is_some_and(|value| {
                plain(value.text()) == container && key_of(value).is_some_and(|other| plain(other) == plain(self.key))
            });
            is_same
                && !node.statement().is_some_and(|statement| statement.is("delete_statement"))
                && self.facts.dominates(node, self.mention)
        })
    }

    /// Whether a loop around the place, other than the one at hand, walks the keys or a copy of them.
    fn is_walked(self, place: &Place<'t>) -> bool {
        around(self.mention).filter(|other| other.node != self.a_loop.node).any(|other| {
            let is_keys = |node: Node<'t>| {
                let view = node.child("function").filter(|function| function.is("attribute"));
                let is_view = view.and_then(|view| view.child("attribute")).is_some_and(|name| name.text() == "keys");
                let keys = view.and_then(|view| view.child("object")).filter(|_| is_view);
                self.facts.place(keys.unwrap_or(node)).is_some_and(|walked| walked == *place)
            };
            let copied = other.header.child("arguments").and_then(Node::only_child).filter(|_| {
                let name = self.facts.called_name(other.header);
                matches!(name.as_deref(), Some(["builtins", "list" | "sorted" | "tuple" | "set" | "reversed"]))
            });
            let walks_keys = is_keys(other.header) || copied.is_some_and(is_keys);
            walks_keys
                && plain(other.target.text()) == plain(self.key)
                && Own::keeps(self.facts, &other, other.target, self.mention)
        })
    }

    /// Whether the key is a name that stands for a tested key wherever the loop binds it.
    fn is_name_of_tested(self) -> bool {
        let scopes = self.facts.scopes();
        let name = self.mention.parent().and_then(|around| around.child("subscript"));
        let Some(id) = name.filter(|name| name.is("identifier")).and_then(|name| scopes.variable_of(name)) else {
            return false;
        };
        let bindings = scopes.variable(id).bindings.iter().filter(|binding| self.a_loop.node.contains(binding.node));
        let mut bindings = bindings.peekable();
        bindings.peek().is_some()
            && bindings.all(|binding| {
                let value = binding.value.filter(|_| binding.kind == BindingKind::Assignment);
                let own = value.map(|value| (value, own_key(self.a_loop)));
                own.is_some_and(|(value, own)| {
                    let since = self.last_binding(&names_behind(value, value), value);
                    own == Some(plain(value.text())) || self.is_tested(binding.node, value.text(), since)
                })
            })
    }
}

/// The names in an expression, without those of its part `but` (unless that is the whole).
fn names_behind<'t>(expression: Node<'t>, but: Node<'t>) -> Vec<Node<'t>> {
    let names = expression.and_descendants().filter(|node| node.is("identifier"));
    names.filter(|name| expression == but || !but.contains(*name)).collect()
}

/// The key that a loop has at hand, when its target is one name or a pair.
fn own_key(a_loop: &Loop<'_>) -> Option<String> {
    let target = a_loop.target;
    let first = if target.is("pattern_list") { target.named_children().next()? } else { target };
    Some(plain(first.text()))
}

/// Whether the last statement of a block leads away from what follows the block.
pub(super) fn leaves(block: Node<'_>) -> bool {
    let last = block.named_children().last();
    last.is_some_and(|last| last.is_any(&["continue_statement", "break_statement", "return_statement", "raise_statement"]))
}

/// The parts of a condition that all hold when it holds.
pub(super) fn operands_of_and(condition: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let is_and = |node: Node<'_>| {
        node.is("parenthesized_expression")
            || node.is("boolean_operator") && node.child("operator").is_some_and(|operator| operator.is("and"))
    };
    condition.walk(move |node| node.is_named() && !is_and(node)).filter(move |node| node.is_named() && !is_and(*node))
}
