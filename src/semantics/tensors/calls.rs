//! What calls of functions, methods and modules give.

use super::Answer::{Circular, Is, Unknown};
use super::tables::{self, Gives};
use super::{Answer, Element, Inquiry, Tensor};
use crate::engine::syntax::Node;
use crate::semantics::storage::{self, Storage};

/// Keywords that leave the rank of a reduction as it is.
const HARMLESS: &[&str] = &["dtype"];
/// Keywords of losses that say what is left of the single losses.
const REDUCTION: &[&str] = &["reduction", "reduce", "size_average"];

impl<'t> Inquiry<'_, 't> {
    pub(super) fn call(&self, call: Node<'t>, depth: u32) -> Answer<'t> {
        let Some(function) = call.child("function") else { return Unknown };
        if let Some(name) = self.facts.qualified_name(function) {
            if let Some(gives) = tables::function(&name) {
                return self.of_function(call, gives, depth);
            }
            if name.first() == Some(&"torch") {
                return Unknown;
            }
        } else if let (Some(object), Some(method)) = (function.child("object"), function.child("attribute")) {
            match self.method(call, object, method.text(), depth) {
                Unknown => {}
                known => return known,
            }
        }
        self.module_call(call, function, depth)
    }

    fn of_function(&self, call: Node<'t>, gives: Gives, depth: u32) -> Answer<'t> {
        let first = positional(call).next();
        if is_splatted(call) || keyword(call, "out").is_some() || keyword(call, "layout").is_some() {
            return Unknown;
        }
        let name = call_name(call);
        if gives_several(call, name) {
            return Unknown;
        }
        let argument = match first.map_or(Unknown, |first| self.expression(first, depth + 1)) {
            Is(tensor) => Some(tensor),
            _ => None,
        };
        let on_host = match tables::is_maker(name) {
            true if let Some(device) = keyword(call, "device") => self.facts.is_host_device(device),
            true if self.facts.sets_default_device() => false,
            true => argument.is_none_or(|argument| argument.on_host),
            false => {
                argument.is_some_and(|argument| argument.on_host) || first.is_some_and(|first| self.holds_host(first, depth))
            }
        };
        let element = if keyword(call, "dtype").is_some() { Element::Any } else { tables::element(name) };
        let is_new = tables::is_maker(name) && !["as_tensor", "from_numpy", "asarray", "frombuffer"].contains(&name)
            || self.facts.called_name(call).is_some_and(|name| storage::function(&name) == Storage::Own);
        let known = Tensor { fresh: is_new, on_host, element, ..Tensor::known(call) };
        let ranked = |rank| Is(Tensor { rank, ..known });
        let bare = is_bare(call, 1).then_some(0);
        let same_rank = argument.and_then(|argument| argument.rank);
        match gives {
            Gives::Rank(rank) => ranked(Some(rank)),
            Gives::Tensor => ranked(None),
            Gives::Shape => ranked(self.shape(call)),
            Gives::Value => ranked(first.and_then(nesting)),
            Gives::Loss => Is(Tensor { element: loss_element(call), rank: is_reduced(call).then_some(0), ..known }),
            Gives::SameRank | Gives::Integral => ranked(same_rank),
            Gives::Reduced if bare.is_some() => ranked(bare),
            Gives::Reduced => Unknown,
            Gives::ReducedTensor => {
                let integral = argument.is_some_and(|argument| argument.is_integral()) && name.ends_with("sum");
                Is(Tensor { rank: bare, element: if integral { Element::Integer } else { element }, ..known })
            }
            Gives::ReducedIntegral => ranked(bare),
        }
    }

    /// Whether one of several tensors is on the host, where the others must be, too: `torch.cat([x, y])`.
    fn holds_host(&self, list: Node<'t>, depth: u32) -> bool {
        let mut parts = list.named_children().filter(|_| list.is_any(&["list", "tuple"])).take(4);
        parts.any(|part| matches!(self.expression(part, depth + 1), Is(tensor) if tensor.on_host))
    }

    fn method(&self, call: Node<'t>, object: Node<'t>, name: &str, depth: u32) -> Answer<'t> {
        let receiver = match self.expression(object, depth + 1) {
            Is(tensor) => tensor,
            Circular if tables::method(name).is_some() => return Circular,
            // Nothing but a tensor has these.
            _ if matches!(name, "detach" | "unsqueeze") => Tensor::likely(call),
            // A module has them too, but no loop gives modules to be moved.
            _ if matches!(name, "to" | "cuda") && self.is_loop_variable(object) => Tensor::likely(call),
            _ => return Unknown,
        };
        let Some(gives) = tables::method(name) else { return Unknown };
        if is_splatted(call) || keyword(call, "out").is_some() {
            return Unknown;
        }
        let is_copy = storage::method(name) == Storage::Own;
        let on_host = match name {
            "cpu" => true,
            "cuda" => false,
            "to" => self.is_host(call),
            _ => receiver.on_host,
        };
        let element = match tables::element(name) {
            Element::Any if tables::keeps_element(name) => receiver.element,
            element => element,
        };
        let made = Tensor { single: true, rank: None, element, fresh: is_copy, on_host, ..receiver };
        match gives {
            Gives::Rank(rank) => Is(Tensor { rank: Some(rank), ..made }),
            Gives::SameRank | Gives::Integral => Is(Tensor { rank: receiver.rank, ..made }),
            Gives::Tensor => Is(Tensor { rank: self.reshaped(call, name, receiver.rank), ..made }),
            Gives::Reduced if is_bare(call, 0) => Is(Tensor { rank: Some(0), element: receiver.element, ..made }),
            Gives::ReducedTensor => {
                let integral = receiver.is_integral() && name == "sum";
                let element = if integral { Element::Integer } else { element };
                Is(Tensor { rank: reduced_rank(call, receiver.rank), element, ..made })
            }
            Gives::ReducedIntegral => Is(Tensor { rank: reduced_rank(call, receiver.rank), ..made }),
            Gives::Reduced | Gives::Loss | Gives::Shape | Gives::Value => Unknown,
        }
    }

    /// Whether `x.to(..)` names the host: `x.to("cpu")`, `x.to(torch.device("cpu"))`.
    fn is_host(&self, call: Node<'t>) -> bool {
        let Some(given) = keyword(call, "device").or_else(|| positional(call).next()) else { return false };
        self.facts.is_host_device(given)
    }

    /// The rank of what `flatten`, `view`, `unsqueeze` and the like give.
    fn reshaped(&self, call: Node<'t>, name: &str, rank: Option<u8>) -> Option<u8> {
        let mut arguments = positional(call);
        match name {
            "flatten" => arguments.next().is_none().then_some(1),
            "unsqueeze" => rank.map(|rank| rank + 1),
            "masked_select" => Some(1),
            "view" | "reshape" => self.sizes(call),
            "transpose" | "permute" | "t" | "masked_fill" | "gather" | "index_select" | "scatter" => rank,
            _ => None,
        }
    }

    /// How many sizes are given: `zeros(2, 3)`, `zeros((2, 3))`.
    fn shape(&self, call: Node<'t>) -> Option<u8> {
        (keyword(call, "size").is_none()).then(|| self.sizes(call)).flatten()
    }

    fn sizes(&self, call: Node<'t>) -> Option<u8> {
        let sizes: Vec<_> = positional(call).collect();
        let is_size = |size: &Node<'t>| !size.is("list_splat");
        match sizes[..] {
            [only] if only.is_any(&["tuple", "list"]) => {
                let parts: Vec<_> = only.named_children().collect();
                parts.iter().all(is_size).then(|| u8::try_from(parts.len()).ok()).flatten()
            }
            [only] => self.is_number(only).then_some(1),
            [] => None,
            _ => u8::try_from(sizes.len()).ok().filter(|_| sizes.iter().all(is_size)),
        }
    }
}

/// Positional arguments.
pub(super) fn positional(call: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let arguments = call.child("arguments").filter(|arguments| arguments.is("argument_list"));
    arguments.into_iter().flat_map(Node::named_children).filter(|argument| !argument.is("keyword_argument"))
}

/// The keyword argument of this name.
pub(super) fn keyword<'t>(call: Node<'t>, name: &str) -> Option<Node<'t>> {
    keywords(call).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn keywords(call: Node<'_>) -> impl Iterator<Item = (&str, Node<'_>)> {
    let arguments = call.child("arguments").into_iter().flat_map(Node::named_children);
    arguments
        .filter(|argument| argument.is("keyword_argument"))
        .filter_map(|argument| Some((argument.child("name")?.text(), argument.child("value")?)))
}

/// Whether a function that usually gives one tensor gives a tuple here: `torch.where(x > 0)`,
/// `torch.unique(x, return_counts=True)`.
fn gives_several(call: Node<'_>, name: &str) -> bool {
    let count = positional(call).count();
    let asks = |key: &str| key.starts_with("return_") || key == "as_tuple";
    name == "where" && count + usize::from(keyword(call, "input").is_some()) < 3 && keyword(call, "other").is_none()
        || name.starts_with("unique") && count > 1
        || keywords(call).any(|(key, value)| asks(key) && value.text() != "False")
}

fn is_splatted(call: Node<'_>) -> bool {
    call.child("arguments").into_iter().flat_map(Node::named_children).any(|argument| argument.is("dictionary_splat"))
}

impl<'t> crate::semantics::Facts<'t> {
    /// Whether an expression is the device of the host: `"cpu"`, `torch.device("cpu")`.
    pub(super) fn is_host_device(&self, node: Node<'t>) -> bool {
        let node = node.unparenthesized();
        match node.kind() {
            "string" => node.child_of_kind("string_content").is_some_and(|text| text.text().split(':').next() == Some("cpu")),
            "call" => {
                matches!(self.called_name(node).as_deref(), Some(["torch", "device"]))
                    && positional(node).next().is_some_and(|first| first.is("string") && first.text().contains("cpu"))
            }
            _ => false,
        }
    }

    /// Whether the file makes tensors elsewhere than on the host although no call says so.
    pub(super) fn sets_default_device(&self) -> bool {
        let code = self.tree().code();
        ["set_default_device", "set_default_tensor_type", "with torch.device(", "with device"]
            .iter()
            .any(|word| code.contains(word))
    }
}

fn call_name(call: Node<'_>) -> &str {
    call.child("function").map_or("", |function| function.child("attribute").unwrap_or(function).text())
}

/// Whether a reduction gets nothing but so many positional arguments: no dimension.
fn is_bare(call: Node<'_>, count: usize) -> bool {
    positional(call).count() == count
        && !positional(call).any(|argument| argument.is("list_splat"))
        && keywords(call).all(|(name, _)| HARMLESS.contains(&name))
}

/// The rank behind `x.sum()`, `x.sum(1)`, `x.argmax(dim=1)`.
fn reduced_rank(call: Node<'_>, rank: Option<u8>) -> Option<u8> {
    if is_bare(call, 0) {
        return Some(0);
    }
    let dimensions: Vec<_> = positional(call).chain(keyword(call, "dim")).collect();
    let is_integer = |node: Node<'_>| node.is("integer") || node.is("unary_operator");
    let others = keywords(call).any(|(name, _)| name != "dim" && !HARMLESS.contains(&name));
    match dimensions[..] {
        [one]
            if is_integer(one)
                && !others
                && call_name(call) != "norm"
                && call_name(call) != "std"
                && call_name(call) != "var" =>
        {
            rank?.checked_sub(1)
        }
        _ => None,
    }
}

/// Whether a loss, by the arguments of this call, comes down to one number.
pub(super) fn is_reduced(call: Node<'_>) -> bool {
    !is_splatted(call)
        && keywords(call).filter(|(name, _)| REDUCTION.contains(name)).all(|(name, value)| {
            let text = value.child_of_kind("string_content").map_or("", Node::text);
            name == "reduction" && ["mean", "sum", "batchmean"].contains(&text)
        })
}

/// What the elements of a loss are: floats, unless two tensors of integers can be compared, and summed up.
pub(super) fn loss_element(call: Node<'_>) -> Element {
    let sums = keyword(call, "reduction").is_some_and(|value| value.text().contains("sum"));
    let name = call_name(call).to_lowercase();
    let is_certain = !sums || name.contains("entropy") || name.starts_with("nll");
    if is_reduced(call) && is_certain { Element::Float } else { Element::Any }
}

/// How deep the lists of `tensor([[1, 2]])` are nested; a number has none.
fn nesting(value: Node<'_>) -> Option<u8> {
    let mut node = value.unparenthesized();
    for rank in 0..8 {
        match node.kind() {
            "integer" | "float" | "unary_operator" | "true" | "false" => return Some(rank),
            "list" | "tuple" => node = node.named_children().next()?.unparenthesized(),
            _ => return None,
        }
    }
    None
}
