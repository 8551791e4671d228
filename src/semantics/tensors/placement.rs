//! Whether a value is on the same device in every step of a loop.

use super::Inquiry;
use super::calls::{keyword, positional};
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::scope::BindingKind;

/// How many expressions one question may look at.
const FUEL: u32 = 200;
/// Layers that have parameters, which are on a device of their own.
const LAYERS: &[&str] =
    &["Linear", "Conv", "Embedding", "LSTM", "GRU", "RNN", "BatchNorm", "LayerNorm", "Attention", "Bilinear"];
/// What a class says that puts its results elsewhere.
const MOVES: &[&str] = &[".to(", ".cpu(", ".cuda(", "device="];

impl<'t> Facts<'t> {
    /// Whether an expression of a loop is on the same device in every step: it comes from a module with parameters that the
    /// loop does not move, or from `.to(device)` and `.cuda()` with something that the loop does not change.
    ///
    /// All tensors of one operation are on one device, so one operand that is settled settles the result.
    pub fn stays_on_one_device(&self, value: Node<'t>, a_loop: Node<'t>) -> bool {
        // Have: for part in parts: part.to(part.device)
        let mut open = vec![value];
        let mut fuel = FUEL;
        while let Some(node) = open.pop().map(Node::unparenthesized) {
            fuel -= 1;
            if fuel == 0 {
                return false;
            }
            match node.kind() {
                "call" if self.is_settled_call(node, a_loop) => return true,
                "call" => {
                    open.extend(positional(node).filter(|argument| !argument.is("list_splat")));
                    open.extend(node.child("function").and_then(|function| function.child("object")));
                }
                "attribute" => open.extend(node.child("object").filter(|object| !object.is("identifier"))),
                "binary_operator" | "comparison_operator" => open.extend(node.named_children()),
                "identifier" => open.extend(self.bound_before(node, a_loop)),
                _ => {}
            }
        }
        false
    }

    /// The value of the one binding that an identifier certainly has, inside the loop.
    fn bound_before(&self, node: Node<'t>, a_loop: Node<'t>) -> Option<Node<'t>> {
        let variable = self.scopes().variable(self.scopes().variable_of(node)?);
        let mut inside = variable.bindings.iter().filter(|binding| a_loop.contains(binding.node) && binding.node < node);
        let last = inside.next_back()?;
        let value = match last.kind {
            BindingKind::Assignment | BindingKind::Annotated => last.value?,
            // Have: x, y = x.to(device), y.to(device)
            BindingKind::Unpacking => {
                let pattern = last.node.parent()?;
                let right = pattern.parent()?.child("right").filter(|right| right.is_any(&["expression_list", "tuple"]))?;
                let at = pattern.named_children().position(|part| part == last.node)?;
                right.named_children().nth(at)?
            }
            _ => return None,
        };
        self.dominates(last.node, node).then_some(value)
    }

    fn is_settled_call(&self, call: Node<'t>, a_loop: Node<'t>) -> bool {
        let Some(function) = call.child("function") else { return false };
        let is_fixed = |node: Node<'t>| {
            let changes = |part: Node<'t>| match self.scopes().variable_of(part).filter(|_| part.is("identifier")) {
                Some(id) => self.scopes().variable(id).bindings.iter().any(|binding| a_loop.contains(binding.node)),
                None => part.is_any(&["call", "subscript"]),
            };
            !node.and_descendants().any(changes)
        };
        let moved_to = keyword(call, "device").or_else(|| positional(call).next());
        match function.child("attribute").map(Node::text) {
            Some("cuda") => return moved_to.is_none_or(is_fixed),
            Some("to") => {
                return moved_to.is_some_and(|to| {
                    let name = to.child("attribute").unwrap_or(to).text();
                    let is_device = name.to_lowercase().ends_with("device") || to.is("string");
                    is_device && (to.is("string") || is_fixed(to))
                });
            }
            _ => {}
        }
        if !is_fixed(function) {
            return false;
        }
        let root = function.text();
        let is_moved = a_loop.descendants().filter(|node| node.is("call")).any(|other| {
            let method = other.child("function").filter(|method| method.is("attribute"));
            method.is_some_and(|method| {
                let name = method.child("attribute").map_or("", Node::text);
                ["to", "cuda", "cpu"].contains(&name) && method.child("object").is_some_and(|object| object.text() == root)
            })
        });
        !is_moved && Inquiry::new(self).made_by(function).is_some_and(|made| self.has_parameters(made))
    }

    /// Whether a call makes a module with parameters, whose results are where those are: nothing in its class moves any.
    fn has_parameters(&self, made: Node<'t>) -> bool {
        let function = made.child("function").unwrap_or(made);
        let holds = |text: &str| LAYERS.iter().any(|layer| text.contains(layer));
        match self.class_called(function) {
            Some(class) => holds(class.text()) && !MOVES.iter().any(|word| class.text().contains(word)),
            None => holds(made.text()),
        }
    }
}
