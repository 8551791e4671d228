//! What calls of functions, methods and modules give.

use super::Answer::{Circular, Is, Unknown};
use super::tables::{self, Gives};
use super::{Answer, Inquiry, Tensor};
use crate::engine::syntax::Node;

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
        let known = Tensor { fresh: true, ..Tensor::known(call) };
        let ranked = |rank| Is(Tensor { rank, ..known });
        let argument = || first.map_or(Unknown, |first| self.expression(first, depth + 1));
        match gives {
            Gives::Rank(rank) => ranked(Some(rank)),
            Gives::Tensor => ranked(None),
            Gives::Shape => ranked(self.shape(call)),
            Gives::Value => ranked(first.and_then(nesting)),
            Gives::Loss => ranked(is_reduced(call).then_some(0)),
            Gives::SameRank => ranked(if let Is(tensor) = argument() { tensor.rank } else { None }),
            Gives::Integral => {
                Is(Tensor { rank: if let Is(tensor) = argument() { tensor.rank } else { None }, integral: true, ..known })
            }
            Gives::Reduced if is_bare(call, 1) => ranked(Some(0)),
            Gives::Reduced => Unknown,
            Gives::ReducedTensor => {
                let integral = matches!(argument(), Is(tensor) if tensor.integral) && call_name(call).ends_with("sum");
                Is(Tensor { rank: is_bare(call, 1).then_some(0), integral, ..known })
            }
            Gives::ReducedIntegral => Is(Tensor { rank: is_bare(call, 1).then_some(0), integral: true, ..known }),
        }
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
        let is_copy = !matches!(
            name,
            "to" | "cpu"
                | "cuda"
                | "float"
                | "double"
                | "half"
                | "bfloat16"
                | "long"
                | "int"
                | "short"
                | "bool"
                | "byte"
                | "detach"
                | "contiguous"
                | "view"
                | "reshape"
                | "view_as"
                | "reshape_as"
                | "expand"
                | "expand_as"
                | "t"
                | "transpose"
                | "permute"
                | "squeeze"
                | "unsqueeze"
                | "flatten"
                | "narrow"
                | "select"
                | "diagonal"
                | "type_as"
                | "swapaxes"
                | "movedim"
                | "broadcast_to"
                | "unfold"
                | "diag"
                | "pin_memory"
                | "dropout"
        ) && !name.ends_with('_');
        let made = Tensor { single: true, rank: None, integral: false, fresh: is_copy, ..receiver };
        match gives {
            Gives::Rank(rank) => Is(Tensor { rank: Some(rank), ..made }),
            Gives::SameRank => {
                let keeps_type = matches!(name, "clone" | "detach" | "cpu" | "cuda" | "contiguous" | "flip" | "abs");
                Is(Tensor { rank: receiver.rank, integral: receiver.integral && keeps_type, ..made })
            }
            Gives::Integral => Is(Tensor { rank: receiver.rank, integral: true, ..made }),
            Gives::Tensor => Is(Tensor { rank: self.reshaped(call, name, receiver.rank), ..made }),
            Gives::Reduced if is_bare(call, 0) => Is(Tensor { rank: Some(0), integral: receiver.integral, ..made }),
            Gives::ReducedTensor => {
                let integral = receiver.integral && name == "sum";
                Is(Tensor { rank: reduced_rank(call, receiver.rank), integral, ..made })
            }
            Gives::ReducedIntegral => Is(Tensor { rank: reduced_rank(call, receiver.rank), integral: true, ..made }),
            Gives::Reduced | Gives::Loss | Gives::Shape | Gives::Value => Unknown,
        }
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

fn is_splatted(call: Node<'_>) -> bool {
    call.child("arguments").into_iter().flat_map(Node::named_children).any(|argument| argument.is("dictionary_splat"))
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
