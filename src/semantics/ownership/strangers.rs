//! Code that may change a tensor which others hold.

use super::is_target;
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::storage::{self, Storage};
use crate::semantics::types::Kind;

impl<'t> Facts<'t> {
    /// Something inside `region` that may change a tensor which others hold: a call of unknown code, a write to a tensor that
    /// may be the same, a step of an iterator, a place where other code runs in between.
    pub fn stranger_within(&self, region: Node<'t>) -> Option<Node<'t>> {
        let is_strange = |node: Node<'t>| match node.kind() {
            "call" => self.is_strange_call(node),
            "await" | "yield" | "with_statement" | "exec_statement" => true,
            "for_statement" | "for_in_clause" => {
                node.children().any(|child| child.is("async"))
                    || node.child("right").is_some_and(|right| !self.is_plain_iterable(right))
            }
            "augmented_assignment" => {
                let left = node.child("left");
                let is_harmless =
                    |left: Node<'t>| self.is_plain_number(left) || left.is("identifier") && self.kind_of(left).is_some();
                left.is_none_or(|left| !is_harmless(left))
            }
            "subscript" if is_target(node).is_some() => {
                !node.child("value").is_some_and(|value| self.is_plain_container(value))
            }
            _ => false,
        };
        let mut walked = None;
        for node in region.and_descendants().filter(|&node| is_strange(node)) {
            if !node.is_any(&["for_statement", "for_in_clause"]) {
                return Some(node);
            }
            // Of a loop, what it walks is the stranger; anything else is the better reason.
            walked = walked.or(node.child("right"));
        }
        walked
    }

    fn is_plain_container(&self, node: Node<'t>) -> bool {
        self.kind_of(node).is_some_and(|evidence| {
            evidence.certainty == Certainty::Known && matches!(evidence.kind, Kind::List | Kind::Dict | Kind::Set)
        })
    }

    /// A list or dictionary for certain, `range(..)`, or such behind `enumerate` and `zip`.
    fn is_plain_iterable(&self, node: Node<'t>) -> bool {
        let mut open = vec![node];
        for _ in 0..20 {
            let Some(node) = open.pop().map(Node::unparenthesized) else { return true };
            if node.is("call")
                && let Some(["builtins", function @ ("range" | "enumerate" | "zip" | "reversed")]) =
                    self.called_name(node).as_deref()
            {
                if *function != "range" {
                    open.extend(node.child("arguments").into_iter().flat_map(Node::named_children));
                }
                continue;
            }
            let is_own =
                |node: Node<'t>| self.tensor(node).is_some_and(|tensor| tensor.certainty == Certainty::Known && tensor.single);
            if !self.is_plain_container(node) && !node.is_any(&["list", "tuple", "string"]) && !is_own(node) {
                return false;
            }
        }
        false
    }

    /// Whether a call runs code that nothing is known of, or that writes to a tensor.
    pub fn is_strange_call(&self, call: Node<'t>) -> bool {
        let Some(function) = call.child("function") else { return true };
        let mut keywords = call.child("arguments").into_iter().flat_map(Node::named_children);
        if keywords
            .any(|argument| argument.is("dictionary_splat") || argument.child("name").is_some_and(|name| name.text() == "out"))
        {
            return true;
        }
        if let Some(name) = self.qualified_name(function) {
            return match &name[..] {
                ["builtins", "enumerate" | "zip" | "range" | "list" | "tuple" | "dict" | "set" | "sorted" | "min" | "max"] => {
                    false
                }
                _ => !matches!(storage::function(&name), Storage::Own | Storage::Shared),
            };
        }
        let (Some(object), Some(method)) = (function.child("object"), function.child("attribute").map(Node::text)) else {
            return !self.is_loss(call);
        };
        if object.is_any(&["string", "concatenated_string"]) || self.is_plain_container(object) {
            return false;
        }
        let looks = method != "backward" && matches!(storage::method(method), Storage::Own | Storage::Shared);
        let is_known = looks && self.tensor(object).is_some() || self.is_loss(call);
        !is_known
    }
}
