//! Where a tensor is moved to.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// The device that a move names.
pub(super) struct Device<'t> {
    /// As it will stand behind `device=`.
    pub(super) text: String,
    /// The same as it stands in the file.
    pub(super) bytes: Vec<u8>,
    /// The expression, unless it is `.cuda()`.
    pub(super) shown_by: Option<Node<'t>>,
    /// False when a mere name says so.
    pub(super) certain: bool,
}

/// Kinds of devices that `PyTorch` knows by name, but for the host itself.
const KINDS: &[&str] = &["cuda", "mps", "xpu", "hpu", "npu", "xla", "meta", "ipu", "mlu", "musa", "privateuseone"];

impl<'t> Device<'t> {
    /// The device of `x.to(device)`, `x.to(device=device)`, `x.cuda()`. `None` when something else is given, or more: a
    /// dtype, another tensor, `non_blocking`.
    pub(super) fn of_move(cx: &Context<'t>, call: Node<'t>) -> Option<Self> {
        let arguments = call.child("arguments")?;
        let method = call.child("function")?.child("attribute")?.text();
        if method == "cuda" {
            // The current device, as `device="cuda"`. An index may be None there, which is the host here.
            let quote = usual_quote(cx);
            let text = format!("{quote}cuda{quote}");
            return arguments.named_children().next().is_none().then(|| Self {
                bytes: text.clone().into_bytes(),
                text,
                shown_by: None,
                certain: true,
            });
        }
        let only = arguments.only_child()?;
        let given = match only.child("name") {
            Some(name) if only.is("keyword_argument") => only.child("value").filter(|_| name.text() == "device")?,
            _ => only,
        };
        let certain = evidence(cx, given)?;
        Some(Self {
            text: given.text().split_whitespace().collect::<Vec<_>>().join(" "),
            bytes: cx.bytes(given.range()).to_vec(),
            shown_by: Some(given),
            certain,
        })
    }

    /// How a message names it.
    pub(super) fn named(&self) -> String {
        if self.text.len() > 40 { "the device".to_string() } else { format!("`{}`", self.text) }
    }
}

/// Whether an expression is a device for certain, or by its name; `None` when nothing says so.
fn evidence<'t>(cx: &Context<'t>, node: Node<'t>) -> Option<bool> {
    let node = node.unparenthesized();
    match node.kind() {
        "string" => {
            let content = node.child_of_kind("string_content")?.text();
            let kind = content.split(':').next().unwrap_or(content);
            (KINDS.contains(&kind) && node.text().starts_with(['"', '\''])).then_some(true)
        }
        "call" => {
            let plain = |argument: Node<'_>| argument.is_any(&["string", "integer", "identifier", "attribute"]);
            let is_plain = node.child("arguments").is_some_and(|arguments| arguments.named_children().all(plain));
            (is_plain && cx.facts().called_name(node)? == ["torch", "device"]).then_some(true)
        }
        "identifier" | "attribute" => {
            let last = node.child("attribute").unwrap_or(node).text();
            let chain = node.and_descendants().all(|part| part.is_any(&["identifier", "attribute", "."]));
            (chain && last.to_lowercase().ends_with("device") && !is_dtype(cx, node)).then_some(false)
        }
        "conditional_expression" => {
            let parts: Vec<_> = node.named_children().collect();
            let [yes, condition, no] = parts[..] else { return None };
            let is_known = condition.is("call") && cx.facts().called_name(condition)?.first() == Some(&"torch");
            let arm = |arm: Node<'t>| if arm.text().contains("cpu") { Some(true) } else { evidence(cx, arm) };
            (is_known && arm(yes)? && arm(no)?).then_some(true)
        }
        _ => None,
    }
}

/// Whether a name is bound to an attribute of `torch`, such as `torch.float64`, whatever it is called.
fn is_dtype<'t>(cx: &Context<'t>, name: Node<'t>) -> bool {
    let facts = cx.facts();
    let variable = facts.scopes().variable_of(name).map(|id| facts.scopes().variable(id));
    let mut values = variable.into_iter().flat_map(|variable| &variable.bindings).filter_map(|binding| binding.value);
    values.any(|value| value.is("attribute") && matches!(facts.qualified_name(value).as_deref(), Some(["torch", _])))
}

/// The quote that most strings of the file have.
fn usual_quote(cx: &Context<'_>) -> char {
    let quotes = cx.tree.root().descendants().filter(|node| node.is("string_start"));
    let (mut single, mut double) = (0, 0);
    for quote in quotes {
        match quote.text().chars().last() {
            Some('\'') => single += 1,
            _ if quote.text().ends_with("\"\"\"") => {}
            _ => double += 1,
        }
    }
    if single > double { '\'' } else { '"' }
}
