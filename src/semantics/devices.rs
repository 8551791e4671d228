//! Evidence that an expression names a device.

use super::Facts;
use crate::engine::finding::Certainty::{self, Known, Likely};
use crate::engine::syntax::Node;

/// Kinds of devices that `PyTorch` knows by name. Source: `torch.device`.
const KINDS: &[&str] = &["cpu", "cuda", "mps", "xpu", "hpu", "npu", "xla", "meta", "ipu", "mlu", "musa", "privateuseone"];

impl<'t> Facts<'t> {
    /// Evidence that an expression is a device of `PyTorch`, or the name of one: Known for `"cuda:0"`, `torch.device(..)` and
    /// a choice of such, Likely for a name that ends in `device`, is bound to no dtype and is not annotated as something else.
    pub fn device(&self, expression: Node<'t>) -> Option<Certainty> {
        let mut found = Known;
        let mut open = vec![expression];
        for _ in 0..20 {
            let Some(node) = open.pop().map(Node::unparenthesized) else { return Some(found) };
            match node.kind() {
                "string" => {
                    let content = node.child_of_kind("string_content")?.text();
                    let kind = content.split(':').next().unwrap_or(content);
                    if !KINDS.contains(&kind) || !node.text().starts_with(['"', '\'']) {
                        return None;
                    }
                }
                "call" => {
                    let plain = |argument: Node<'_>| argument.is_any(&["string", "integer", "identifier", "attribute"]);
                    let is_plain = node.child("arguments").is_some_and(|arguments| arguments.named_children().all(plain));
                    if !is_plain || self.called_name(node)? != ["torch", "device"] {
                        return None;
                    }
                }
                "identifier" | "attribute" => {
                    let last = node.child("attribute").unwrap_or(node).text();
                    let chain = node.and_descendants().all(|part| part.is_any(&["identifier", "attribute", "."]));
                    let is_named_so = chain && last.to_lowercase().ends_with("device");
                    if !is_named_so || self.is_of_torch(node) || self.is_annotated_otherwise(node) {
                        return None;
                    }
                    found = Likely;
                }
                "conditional_expression" => {
                    let parts: Vec<_> = node.named_children().collect();
                    let [yes, condition, no] = parts[..] else { return None };
                    if !condition.is("call") || self.called_name(condition)?.first() != Some(&"torch") {
                        return None;
                    }
                    open.extend([yes, no]);
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether a name is bound to an attribute of `torch`, such as `torch.float64`, whatever it is called.
    fn is_of_torch(&self, name: Node<'t>) -> bool {
        let variable = self.scopes().variable_of(name).map(|id| self.scopes().variable(id));
        let mut values = variable.into_iter().flat_map(|variable| &variable.bindings).filter_map(|binding| binding.value);
        values.any(|value| value.is("attribute") && matches!(self.qualified_name(value).as_deref(), Some(["torch", _])))
    }

    /// Whether an annotation says that a name is something that may stand in `.to(..)` and is no device.
    fn is_annotated_otherwise(&self, name: Node<'t>) -> bool {
        let variable = self.scopes().variable_of(name).map(|id| self.scopes().variable(id));
        let mut annotations =
            variable.into_iter().flat_map(|variable| &variable.bindings).filter_map(|binding| binding.annotation);
        annotations.any(|annotation| ["Tensor", "dtype"].iter().any(|word| annotation.text().contains(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    #[test]
    fn devices() {
        let device = |expression: &str| {
            let tree = Tree::parse(&format!(
                "import torch\ndtype_device = torch.float64\nlike_device: 'torch.Tensor'\nmy_device: torch.device\n{expression}\n"
            ));
            let asked = tree.root().descendants().rfind(|node| node.is("expression_statement")).and_then(Node::only_child);
            Facts::new(&tree).device(asked.expect("an expression"))
        };
        for known in ["'cuda'", "\"cpu\"", "'cuda:1'", "torch.device(n)", "'cuda' if torch.cuda.is_available() else 'cpu'"] {
            assert_eq!(device(known), Some(Known), "{known}");
        }
        for likely in ["device", "self.device", "x.device", "(my_device)"] {
            assert_eq!(device(likely), Some(Likely), "{likely}");
        }
        for unknown in
            ["torch.float32", "x", "dtype_device", "like_device", "f()", "f'cuda:{i}'", "'float'", "b'cuda'", "x[0].device"]
        {
            assert_eq!(device(unknown), None, "{unknown}");
        }
    }
}
