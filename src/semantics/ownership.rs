//! Who may hold a tensor: what happens to its memory at each mention, and whether it is nobody else's.

mod fate;
mod strangers;

use super::Facts;
use super::effects::Place;
use super::scope::{BindingKind, ScopeKind, VariableId};
use super::storage::{self, Storage};
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use fate::Walk;

/// What happens to the memory of a tensor, array or list at one mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'t> {
    /// It is looked at, and nobody has a way into it afterwards.
    Looked,
    /// It may be changed: the call, assignment or `del`.
    Written(Node<'t>),
    /// Somebody may hold it from here on, or a part of it: another name, a call, a `return`, a function that sees it.
    Held(Node<'t>),
}

/// What kind of value is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A tensor of `PyTorch`.
    Tensor,
    /// An array of `NumPy`.
    Array,
    /// A list of numbers, or of lists of numbers.
    List,
}

impl<'t> Facts<'t> {
    /// What happens to the memory behind an expression that is a tensor, array or list: a mention of a variable, or a call
    /// that gives it.
    ///
    /// Views and conversions that need not convert (`t.view(-1)`, `t[0]`, `t.cpu()`) are followed outwards, other names are
    /// followed to their own mentions. A mention in a nested function is held by that function.
    pub fn fate_of_memory(&self, expression: Node<'t>, form: Form) -> Fate<'t> {
        Walk::new(self, form).fate(expression)
    }

    /// Whether a variable is a tensor that nobody else can hold before `until`, a statement of the same function, is done;
    /// `Err` is where somebody may get hold of it, or where it is not made here.
    ///
    /// It is bound in this function, only to operations that allocate their result, and no mention from which control can
    /// pass to `until`, or in it, gives it away.
    pub fn is_own_tensor(&self, id: VariableId, until: Node<'t>) -> Result<(), Node<'t>> {
        let scopes = self.scopes();
        let variable = scopes.variable(id);
        let owner = self.owner(until);
        if scopes.is_dynamic(variable.scope) || !matches!(scopes.kind(variable.scope), ScopeKind::Function | ScopeKind::Module)
        {
            return Err(until);
        }
        let is_made = |kind, value: Option<Node<'t>>| match kind {
            BindingKind::Assignment | BindingKind::Annotated => value.is_some_and(|value| self.allocates(value)),
            BindingKind::Augmented | BindingKind::Declaration => true,
            _ => false,
        };
        let other = variable.bindings.iter().find(|binding| {
            !is_made(binding.kind, binding.value) || is_chained(binding.node) || self.owner(binding.node) != owner
        });
        if let Some(binding) = other {
            return Err(binding.node);
        }
        let made: Vec<_> = variable
            .bindings
            .iter()
            .filter(|binding| binding.kind == BindingKind::Assignment)
            .map(|binding| binding.node)
            .take(8)
            .collect();
        if made.is_empty() {
            return Err(until);
        }
        let holder = variable.references.iter().find_map(|&reference| {
            if self.owner(reference) != owner {
                return Some(reference);
            }
            let is_before = until.contains(reference) || self.may_follow(reference, until, &made);
            match Walk::holders(self).fate(reference) {
                Fate::Held(holder) if is_before => Some(holder),
                _ => None,
            }
        });
        holder.map_or(Ok(()), Err)
    }

    /// Whether an expression makes a tensor with memory that nobody else has: `torch.zeros(3).cuda()`, `x + 1`, `t.sum()`.
    pub fn allocates(&self, expression: Node<'t>) -> bool {
        let mut open = vec![expression];
        for _ in 0..50 {
            let Some(node) = open.pop().map(Node::unparenthesized) else { return true };
            let is_known =
                |node: Node<'t>| self.tensor(node).is_some_and(|tensor| tensor.certainty == Certainty::Known && tensor.single);
            match node.kind() {
                "binary_operator" | "comparison_operator" if is_known(node) => {}
                "unary_operator" if !node.children().any(|token| token.is("+")) && is_known(node) => {}
                "subscript" => open.extend(node.child("value")),
                "conditional_expression" => {
                    let parts: Vec<_> = node.named_children().collect();
                    let [yes, _, no] = parts[..] else { return false };
                    open.extend([yes, no]);
                }
                "call" => {
                    let Some(function) = node.child("function") else { return false };
                    if let Some(name) = self.qualified_name(function) {
                        let arguments = node.child("arguments").map_or(0, |arguments| arguments.named_children().count());
                        let is_pair = name.last() == Some(&"where") && arguments < 2;
                        if name.first() == Some(&"torch")
                            && !is_pair
                            && storage::function(&name) == Storage::Own
                            && is_known(node)
                        {
                            continue;
                        }
                        return false;
                    }
                    let method = function.child("attribute").map_or("", Node::text);
                    let Some(object) = function.child("object") else {
                        // Have: criterion(out, y), of a loss that the file makes
                        if self.is_loss(node) {
                            continue;
                        }
                        return false;
                    };
                    match storage::method(method) {
                        Storage::Own if is_known(node) && self.tensor(object).is_some() => {}
                        Storage::Shared if method != "numpy" => open.push(object),
                        Storage::Written => open.push(object),
                        _ if self.is_loss(node) => {}
                        _ => return false,
                    }
                }
                _ => return false,
            }
        }
        false
    }

    /// Whether a call is that of a module of `torch.nn` that gives one number.
    pub(super) fn is_loss(&self, call: Node<'t>) -> bool {
        self.tensor(call).is_some_and(|tensor| tensor.certainty == Certainty::Known && tensor.fresh && tensor.rank == Some(0))
    }

    /// Other variables that may share memory with this one: `row = t[0]`, `flat = t.view(-1)`, and what it is a view of.
    pub fn relatives(&self, id: VariableId) -> Vec<VariableId> {
        let scopes = self.scopes();
        let mut found = vec![id];
        let mut at = 0;
        while at < found.len() && found.len() < 16 {
            let variable = scopes.variable(found[at]);
            // Have: flat = t.view(-1), or: first, second = t.chunk(2)
            let names = |node: Node<'t>| node.and_descendants().filter(|name| name.is("identifier")).collect::<Vec<_>>();
            let is_pattern = |node: &Node<'t>| node.is_any(&["pattern_list", "tuple_pattern", "list_pattern"]);
            let held = variable.references.iter().flat_map(|&reference| match Walk::shallow(self).fate(reference) {
                Fate::Held(name) if name.is("identifier") || is_pattern(&name) => names(name),
                _ => Vec::new(),
            });
            let held = held.filter_map(|name| scopes.variable_of(name));
            let bases = variable.bindings.iter().filter_map(|binding| {
                let taken_apart = || {
                    let header = binding.node.ancestors().find(|around| !is_pattern(around))?;
                    header.child("right").filter(|right| !right.contains(binding.node))
                };
                self.base_of(binding.value.or_else(taken_apart)?)
            });
            for relative in held.chain(bases) {
                if !found.contains(&relative) {
                    found.push(relative);
                }
            }
            at += 1;
        }
        found.remove(0);
        found
    }

    /// The variable whose memory an expression looks at: `t` of `t.view(-1)[0]`.
    fn base_of(&self, expression: Node<'t>) -> Option<VariableId> {
        let mut node = expression.unparenthesized();
        for _ in 0..50 {
            match node.kind() {
                "identifier" => return self.scopes().variable_of(node),
                "subscript" => node = node.child("value")?.unparenthesized(),
                "attribute" if storage::attribute(node.child("attribute")?.text()) == Storage::Shared => {
                    node = node.child("object")?.unparenthesized();
                }
                "call" => {
                    let function = node.child("function")?;
                    let method = function.child("attribute")?.text();
                    if self.qualified_name(function).is_some() {
                        return None;
                    }
                    if !matches!(storage::method(method), Storage::Shared | Storage::Written) {
                        return None;
                    }
                    node = function.child("object")?.unparenthesized();
                }
                _ => return None,
            }
        }
        None
    }

    /// The place where the memory of a variable, or of one that shares it, is written to inside `region`.
    pub fn write_within(&self, place: &Place<'t>, region: Node<'t>) -> Option<Node<'t>> {
        let written = |mention: Node<'t>| match self.fate_of_memory(mention, Form::Tensor) {
            Fate::Written(node) => Some(node),
            _ => None,
        };
        let own = self.mentions(place, region).into_iter().find_map(written);
        own.or_else(|| {
            let id = place.root.filter(|_| place.steps.is_empty())?;
            self.relatives(id).into_iter().find_map(|relative| {
                let variable = self.scopes().variable(relative);
                let references = variable.references.iter().copied();
                let bindings = variable.bindings.iter().filter(|binding| binding.kind == BindingKind::Augmented);
                let mut mentions = references.chain(bindings.map(|binding| binding.node));
                mentions.find_map(|mention| if region.contains(mention) { written(mention) } else { None })
            })
        })
    }
}

/// `a = b = torch.zeros(3)`: two names of one tensor.
pub(super) fn is_chained(target: Node<'_>) -> bool {
    let Some(assignment) = target.parent().filter(|parent| parent.is("assignment")) else { return false };
    assignment.parent().is_some_and(|parent| parent.is("assignment"))
        || assignment.child("right").is_some_and(|right| right.is("assignment"))
}

/// Whether an attribute or subscript is assigned to, deleted, or the target of a loop.
pub(super) fn is_target(node: Node<'_>) -> Option<Node<'_>> {
    let mut target = node;
    for around in node.ancestors() {
        match around.kind() {
            "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause" => {
                return (target.field() == Some("left")).then_some(around);
            }
            "delete_statement" => return Some(around),
            "pattern_list" | "tuple_pattern" | "list_pattern" | "list_splat_pattern" | "parenthesized_expression" => {
                target = around;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests;
