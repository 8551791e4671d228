//! Where a tensor is moved to.

use crate::engine::finding::Certainty;
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

    /// What stands before and behind the device in the brackets of the move, when a line ends before it.
    pub(super) fn broken(&self, cx: &Context<'t>, call: Node<'t>) -> Option<(Vec<u8>, Vec<u8>)> {
        let (given, arguments) = (self.shown_by?, call.child("arguments")?);
        let only = arguments.only_child()?;
        let before = cx.source.lines_of(arguments.start() + 1..only.start());
        before.contains(&b'\n').then(|| (before, cx.source.lines_of(given.end()..call.end())))
    }

    /// How a message names it.
    pub(super) fn named(&self) -> String {
        if self.text.len() > 40 { "the device".to_string() } else { format!("`{}`", self.text) }
    }
}

/// Whether an expression is a device for certain, or by its name; `None` when nothing says so, and for the host itself.
fn evidence<'t>(cx: &Context<'t>, node: Node<'t>) -> Option<bool> {
    let is_host = node.unparenthesized().is("string") && node.text().contains("cpu");
    cx.facts().device(node).filter(|_| !is_host).map(|certainty| certainty == Certainty::Known)
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
