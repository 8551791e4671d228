//! What a name or an attribute is, by everything that is bound to it.

use super::Answer::{Circular, Is, Unknown};
use super::tables::Gives;
use super::{Answer, Element, Inquiry, Open, Tensor, indices};
use crate::engine::finding::Certainty::{Known, Likely};
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::scope::{Binding, BindingKind};

/// How many bindings, and how many mentions, of a name are looked at for a call that has taken it.
const MOST_BINDINGS: usize = 8;
const MOST_USES: usize = 16;
/// Parts of an annotation's last name that say "tensor of `PyTorch`".
const TYPES: &[&str] = &["Tensor", "FloatTensor", "LongTensor", "BoolTensor", "IntTensor", "DoubleTensor", "HalfTensor"];
/// Dtypes of jaxtyping that stand in front of `[Tensor, ..]`.
const SHAPED: &[&str] = &["Float", "Int", "Bool", "Num", "Shaped", "Float32", "Float64", "Int32", "Int64", "Integer", "UInt8"];

impl Facts<'_> {
    /// Whether what a loader gives may be on the device already: there are libraries that move it ahead of time.
    fn may_prefetch(&self) -> bool {
        let code = self.tree().code();
        ["ccelerat", "abric", "refetch", "prepare(", "evice_loader", "DeviceLoader", "pl.", "ightning"]
            .iter()
            .any(|word| code.contains(word))
    }
}

impl<'t> Inquiry<'_, 't> {
    pub(super) fn name(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let scopes = self.facts.scopes();
        let Some(id) = scopes.variable_of(node) else { return Unknown };
        let variable = scopes.variable(id);
        let settled = self.once(Open::Variable(id), || {
            let settle = |bindings: &[&Binding<'t>]| {
                let answers: Vec<_> = bindings.iter().map(|binding| (binding.kind, self.binding(binding, depth))).collect();
                Self::settle(&answers, bindings)
            };
            let reaching: Vec<_> =
                variable.bindings.iter().filter(|binding| self.reaches(binding, node, &variable.bindings)).collect();
            match settle(&reaching) {
                // Have: x = x.to(device); what stands behind it is what x was before
                Circular if reaching.len() < variable.bindings.len() => settle(&variable.bindings.iter().collect::<Vec<_>>()),
                answer => answer,
            }
        });
        let answer = match settled {
            Unknown => self.by_backward(node),
            // An expression allocates, a name holds.
            answer => answer.map(|tensor| Tensor { fresh: false, ..tensor }),
        };
        match answer {
            Is(tensor) if tensor.certainty == Known => answer,
            Circular => answer,
            guess => match self.by_use(node, depth) {
                Some(shown) => {
                    let on_host = matches!(guess, Is(tensor) if tensor.on_host);
                    Is(Tensor { on_host, ..Tensor::known(shown) })
                }
                None => guess,
            },
        }
    }

    /// The call in front of `node` that has taken the value of this name, and takes nothing but tensors:
    /// `F.nll_loss(output, target)`. What else it were, that call would have raised.
    fn by_use(&self, node: Node<'t>, depth: u32) -> Option<Node<'t>> {
        let facts = self.facts;
        let variable = facts.scopes().variable(facts.scopes().variable_of(node)?);
        if variable.bindings.len() > MOST_BINDINGS || depth > 4 {
            return None;
        }
        let earlier = variable.references.iter().take_while(|reference| **reference < node).take(MOST_USES);
        earlier.filter_map(|&reference| self.taker(reference)).find(|&call| {
            let is_handled = || call.ancestors().any(|around| around.is("try_statement"));
            facts.owner(call) == facts.owner(node)
                && facts.dominates(call, node)
                && !is_handled()
                && variable
                    .bindings
                    .iter()
                    .all(|binding| binding.kind == BindingKind::Parameter || !facts.may_follow(binding.node, node, &[call]))
        })
    }

    /// The call of a loss that has a name among its first two arguments.
    fn taker(&self, reference: Node<'t>) -> Option<Node<'t>> {
        let arguments = reference.parent().filter(|parent| parent.is("argument_list"))?;
        let call = arguments.parent().filter(|call| call.is("call"))?;
        let is_input = super::calls::positional(call).take(2).any(|argument| argument == reference);
        // With a distance of one's own, anything goes.
        let is_loss = || match self.facts.called_name(call).as_deref() {
            Some(name @ ["torch", "nn", "functional", function]) => {
                super::tables::function(name) == Some(Gives::Loss) && !function.contains("distance")
            }
            Some(_) => false,
            None => {
                let made = call.child("function").and_then(|function| self.made_by(function));
                let class = made.and_then(|made| self.facts.called_name(made));
                matches!(class.as_deref(), Some(["torch", "nn", class]) if class.ends_with("Loss") && !class.contains("Distance"))
            }
        };
        (is_input && is_loss()).then_some(call)
    }

    /// Whether the value that is bound here may be the one that is seen at `node`.
    fn reaches(&self, binding: &Binding<'t>, node: Node<'t>, all: &[Binding<'t>]) -> bool {
        if all.len() == 1 || self.facts.owner(binding.node) != self.facts.owner(node) {
            return true;
        }
        let others: Vec<_> = all
            .iter()
            .filter(|other| {
                other.node != binding.node && matches!(other.kind, BindingKind::Assignment | BindingKind::Unpacking)
            })
            .map(|other| other.node)
            .take(8)
            .collect();
        binding.kind == BindingKind::Parameter || self.facts.may_follow(binding.node, node, &others)
    }

    fn settle(answers: &[(BindingKind, Answer<'t>)], bindings: &[&Binding<'t>]) -> Answer<'t> {
        let mut found = Circular;
        let mut numbers = false;
        for ((kind, answer), binding) in answers.iter().zip(bindings) {
            if matches!(kind, BindingKind::Declaration | BindingKind::Delete) {
                continue;
            }
            // What is done with None, or with a number, would raise: `loss = 0` in front of a loop that adds to it.
            if binding.value.is_some_and(|value| value.is("none")) && *kind != BindingKind::Parameter {
                continue;
            }
            if binding.value.is_some_and(|value| value.is_any(&["integer", "float"])) && *kind != BindingKind::Parameter {
                numbers = true;
                continue;
            }
            found = found.or(*answer);
        }
        match found {
            Circular if numbers => Unknown,
            found if numbers => found.at_most(Likely),
            found => found,
        }
    }

    fn binding(&self, binding: &Binding<'t>, depth: u32) -> Answer<'t> {
        let value = || binding.value.map_or(Unknown, |value| self.expression(value, depth + 1));
        match binding.kind {
            BindingKind::Assignment | BindingKind::Walrus => value(),
            BindingKind::Annotated => match value() {
                Is(tensor) => Is(tensor),
                _ => binding.annotation.map_or(Unknown, |annotation| annotated(annotation)),
            },
            BindingKind::Parameter => match binding.annotation {
                Some(annotation) => annotated(annotation),
                None => Unknown,
            },
            // `x += y` of a tensor is a tensor, of a number and a tensor too.
            BindingKind::Augmented => {
                let right = binding.node.parent().and_then(|parent| parent.child("right"));
                match right.map_or(Unknown, |right| self.expression(right, depth + 1)) {
                    Is(tensor) => Is(Tensor { rank: None, element: Element::Any, fresh: false, on_host: false, ..tensor }),
                    // Have: loss /= n
                    _ => Circular,
                }
            }
            BindingKind::Unpacking => self.part(binding.node, depth),
            BindingKind::For | BindingKind::Comprehension => self.item(binding.node, depth),
            _ => Unknown,
        }
    }

    /// `values, indices = x.max(1)`, `a, b = x + 1, y`, `images, labels = batch`.
    fn part(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let Some(pattern) = node.parent().filter(|parent| parent.is_any(&["pattern_list", "tuple_pattern"])) else {
            return Unknown;
        };
        let assignment = pattern.parent().filter(|parent| parent.is("assignment"));
        let Some(right) = assignment.and_then(|assignment| assignment.child("right")).map(Node::unparenthesized) else {
            return Unknown;
        };
        let targets: Vec<_> = pattern.named_children().collect();
        let at = targets.iter().position(|&target| target == node);
        if right.is_any(&["expression_list", "tuple"]) {
            let values: Vec<_> = right.named_children().collect();
            let is_starred = |node: &Node<'t>| node.is_any(&["list_splat_pattern", "list_splat"]);
            return match at {
                Some(at) if targets.len() == values.len() && !targets.iter().chain(&values).any(is_starred) => {
                    self.expression(values[at], depth + 1)
                }
                _ => Unknown,
            };
        }
        if let Some(pair) = self.pair(right, depth) {
            return match at {
                Some(1) if targets.len() == 2 => pair.map(indices),
                _ if targets.len() == 2 => pair,
                _ => Unknown,
            };
        }
        // What a model or a loader gives comes in parts often enough.
        let whole = self.expression(right, depth + 1);
        let is_row = right.is("identifier") || right.is("call");
        if is_row {
            whole.map(|tensor| Tensor { single: false, rank: None, element: Element::Any, ..tensor }).at_most(Likely)
        } else {
            Unknown
        }
    }

    /// What one step of a loop gives its target.
    fn item(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let mut target = node;
        let mut path = Vec::new();
        while let Some(parent) = target.parent().filter(|parent| parent.is_any(&["pattern_list", "tuple_pattern"])) {
            let Some(at) = parent.named_children().position(|child| child == target) else { return Unknown };
            path.push(at);
            target = parent;
        }
        let header = target.parent().filter(|parent| parent.is_any(&["for_statement", "for_in_clause"]));
        let Some(mut iterable) = header.and_then(|header| header.child("right")).map(Node::unparenthesized) else {
            return Unknown;
        };
        for _ in 0..4 {
            if !iterable.is("call") {
                break;
            }
            let name = self.facts.called_name(iterable);
            let arguments: Vec<_> = super::calls::positional(iterable).collect();
            let last = name.as_ref().and_then(|name| name.last().copied());
            match (last, path.last()) {
                (Some("enumerate"), Some(1)) => {
                    iterable = match arguments.first() {
                        Some(&first) => first,
                        None => return Unknown,
                    }
                }
                (Some("zip"), Some(&at)) => {
                    iterable = match arguments.get(at) {
                        Some(&part) => part,
                        None => return Unknown,
                    }
                }
                (Some("tqdm" | "trange" | "iter" | "list" | "reversed" | "track"), _) => {
                    iterable = match arguments.first() {
                        Some(&first) => first,
                        None => return Unknown,
                    };
                    continue;
                }
                _ => break,
            }
            path.pop();
            iterable = iterable.unparenthesized();
        }
        if let Some(value) = self.value_walked(iterable, &path, depth) {
            return value;
        }
        match self.expression(iterable, depth + 1) {
            Is(tensor) if path.is_empty() => {
                return Is(Tensor { rank: tensor.rank.and_then(|rank| rank.checked_sub(1)), fresh: false, ..tensor });
            }
            Circular => return Circular,
            _ => {}
        }
        if let Some(element) = self.element_of(iterable, depth + 1).filter(|_| path.is_empty()) {
            return element;
        }
        if path.len() <= 1 && self.is_loader(iterable, depth) {
            let on_host = !self.facts.may_prefetch();
            Is(Tensor { on_host, ..Tensor::likely_some(iterable) })
        } else {
            Unknown
        }
    }

    /// What a loop over `d.values()`, or the second target of one over `d.items()`, gets of a dict of tensors.
    fn value_walked(&self, iterable: Node<'t>, path: &[usize], depth: u32) -> Option<Answer<'t>> {
        let function = iterable.child("function").filter(|_| iterable.is("call"))?;
        match (function.child("attribute")?.text(), path) {
            ("values", []) | ("items", [1]) => self.value_of(function.child("object")?, depth + 1),
            _ => None,
        }
    }

    /// A `DataLoader`, or what is called so.
    fn is_loader(&self, node: Node<'t>, depth: u32) -> bool {
        if !self.spend(depth) {
            return false;
        }
        if node.is("call") && matches!(self.facts.called_name(node).as_deref(), Some([.., "DataLoader"])) {
            return true;
        }
        let last = node.child("attribute").unwrap_or(node).text();
        let last = if node.is_any(&["identifier", "attribute"]) { last } else { return false };
        last.to_lowercase().contains("loader") || last.to_lowercase().ends_with("_dl")
    }

    /// Whether a name is what a loop gives.
    pub(super) fn is_loop_variable(&self, node: Node<'t>) -> bool {
        let Some(id) = self.facts.scopes().variable_of(node) else { return false };
        let bindings = &self.facts.scopes().variable(id).bindings;
        bindings.iter().any(|binding| matches!(binding.kind, BindingKind::For))
    }

    /// `loss.backward()` says that `loss` is a tensor, most of the time.
    fn by_backward(&self, node: Node<'t>) -> Answer<'t> {
        let Some(id) = self.facts.scopes().variable_of(node) else { return Unknown };
        let variable = self.facts.scopes().variable(id);
        let shown = variable.references.iter().find_map(|reference| {
            let attribute =
                reference.parent().filter(|parent| parent.is("attribute") && reference.field() == Some("object"))?;
            let call = attribute.parent().filter(|parent| parent.is("call") && attribute.field() == Some("function"))?;
            // Have: accelerator.backward(loss), which says nothing of the accelerator
            let is_own = super::calls::positional(call).next().is_none();
            (is_own && attribute.child("attribute")?.text() == "backward").then_some(attribute)
        });
        let single = variable.bindings.len() == 1;
        shown.map_or(Unknown, |shown| Is(Tensor { single, ..Tensor::likely(shown) }))
    }

    /// `self.weight`, by everything that the file stores under this attribute; a subclass elsewhere may store something else.
    pub(super) fn attribute_of_object(&self, node: Node<'t>, name: &'t str, depth: u32) -> Answer<'t> {
        if node.child("object").is_none_or(|object| object.text() != "self") {
            return Unknown;
        }
        let stored = self.facts.stored(name);
        if stored.is_empty() {
            return Unknown;
        }
        self.once(Open::Attribute(name), || {
            let answers: Vec<_> = stored.iter().map(|binding| (binding.kind, self.binding(binding, depth))).collect();
            let bindings: Vec<_> = stored.iter().collect();
            match Self::settle(&answers, &bindings) {
                Circular => Unknown,
                answer => answer.at_most(Likely),
            }
        })
    }
}

/// A value with this annotation; `None` beside it lowers nothing, since a use as a tensor would raise on it.
fn annotated(annotation: Node<'_>) -> Answer<'_> {
    annotated_text(annotation.text(), annotation).map_or(Unknown, Is)
}

/// The same for a part of an annotation.
pub(super) fn annotated_text<'t>(text: &str, annotation: Node<'t>) -> Option<Tensor<'t>> {
    let text = text.trim().trim_matches(['"', '\'']);
    let inner = text.strip_prefix("Optional[").or_else(|| text.strip_prefix("typing.Optional["));
    let text = inner.and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let text = text.strip_suffix("| None").or_else(|| text.strip_prefix("None |")).unwrap_or(text).trim();
    is_tensor_type(text).then(|| Tensor::known(annotation))
}

/// `Tensor`, `torch.Tensor`, `Float[Tensor, "b n"]`, `TensorType["b"]`.
fn is_tensor_type(text: &str) -> bool {
    let (head, arguments) = text.split_once('[').unwrap_or((text, ""));
    let (module, name) = head.rsplit_once('.').unwrap_or(("", head));
    if arguments.is_empty() {
        return TYPES.contains(&name) && (module.is_empty() || module == "torch" || module == "torch.cuda");
    }
    let first = arguments.split(',').next().unwrap_or("").trim();
    name == "TensorType" || (SHAPED.contains(&name) && (first == "Tensor" || first == "torch.Tensor"))
}
