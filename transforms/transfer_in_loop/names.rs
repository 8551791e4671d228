//! Names that say what a value is: `weights_on_device`, `boxes_cpu`, `scale_value`.

use super::hazards::root;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// The first free name for what is made of a tensor, with one of the suffixes; for a number, also by how it is computed.
pub(in crate::transforms) fn choose<'t>(
    cx: &Context<'t>,
    receiver: Node<'t>,
    suffixes: &[&str],
    is_number: bool,
    at: Node<'t>,
) -> Option<String> {
    let base = base(receiver);
    let reduction = is_number.then(|| reduction(receiver)).flatten();
    let suffixes = reduction.into_iter().chain(suffixes.iter().copied());
    let mut names = suffixes.map(|suffix| format!("{base}_{suffix}"));
    names.find(|name| cx.facts().is_free_name(name, at))
}

/// `max` of `lengths.max()`.
fn reduction(receiver: Node<'_>) -> Option<&str> {
    let function = receiver.unparenthesized().child("function")?;
    let method = function.child("attribute")?.text();
    ["max", "min", "sum", "mean", "norm", "std", "var", "prod"].contains(&method).then_some(method)
}

/// The name of what is transferred: `bias` of `self.layer.bias.detach()`.
fn base(receiver: Node<'_>) -> String {
    let mut node = receiver.unparenthesized();
    loop {
        let name = node.child("attribute").map_or("", Node::text);
        let next = match node.kind() {
            "call" => node.child("function").and_then(|function| function.child("object")),
            "subscript" => node.child("value"),
            "attribute" if ["T", "data", "values", "tensor"].contains(&name) => node.child("object"),
            _ => None,
        };
        match next {
            Some(next) => node = next.unparenthesized(),
            None => break,
        }
    }
    let name = node.child("attribute").unwrap_or_else(|| root(node));
    name.text().trim_matches('_').to_string()
}
