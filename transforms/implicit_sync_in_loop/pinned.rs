//! Batches of a loader that pins its memory, which are copied as if it did not.

use super::known;
use crate::engine::finding::{Finding, Repair, quoted};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::scope::BindingKind;

/// The `pin_memory=True` of the loader whose batch a call moves: `x.to(device)` in `for x, y in loader:`.
pub(super) fn loader<'t>(cx: &Context<'t>, call: Node<'t>, inner: Node<'t>) -> Option<Node<'t>> {
    let function = call.child("function").filter(|_| call.is("call"))?;
    let method = function.child("attribute")?.text();
    let arguments = call.child("arguments").filter(|arguments| arguments.is("argument_list"))?;
    let names_device = match method {
        "cuda" => true,
        "to" => arguments.only_child().is_some_and(|only| only.child("value").unwrap_or(only).text().ends_with("device")),
        _ => false,
    };
    let says = |argument: Node<'t>| argument.text().contains("non_blocking") || argument.is("dictionary_splat");
    if !names_device || !inner.is("for_statement") || arguments.named_children().any(says) {
        return None;
    }
    let mut object = function.child("object")?.unparenthesized();
    while object.is("subscript") {
        object = object.child("value")?.unparenthesized();
    }
    let scopes = cx.facts().scopes();
    let batch = scopes.variable(scopes.variable_of(object).filter(|_| object.is("identifier"))?);
    let target = inner.child("left")?;
    let mut bindings = batch.bindings.iter();
    if !bindings.any(|binding| binding.kind == BindingKind::For && target.contains(binding.node)) {
        return None;
    }
    let mut iterable = inner.child("right")?.unparenthesized();
    // Have: enumerate(tqdm(loader))
    while iterable.is("call") {
        if let Some(pinned) = pins(cx, iterable) {
            return Some(pinned);
        }
        iterable = iterable.child("arguments")?.named_children().next()?.unparenthesized();
    }
    let made = scopes.variable(scopes.variable_of(iterable).filter(|_| iterable.is("identifier"))?);
    match &made.bindings[..] {
        [only] => pins(cx, only.value?),
        _ => None,
    }
}

/// The keyword of `DataLoader(.., pin_memory=True)`.
fn pins<'t>(cx: &Context<'t>, call: Node<'t>) -> Option<Node<'t>> {
    if !call.is("call") || *cx.facts().called_name(call)?.last()? != "DataLoader" {
        return None;
    }
    let mut keywords = call.child("arguments")?.named_children().filter(|argument| argument.is("keyword_argument"));
    keywords.find(|keyword| {
        let is = |field, text| keyword.child(field).is_some_and(|part| part.text() == text);
        is("name", "pin_memory") && is("value", "True")
    })
}

pub(super) fn finding<'t>(call: Node<'t>, pinned: Node<'t>) -> Finding {
    Finding {
        range: call.range(),
        message: format!("`{}` makes the host wait in every step, although the loader pins its memory", quoted(call)),
        evidence: vec![known(pinned, "the loader pins the memory of its batches by this")],
        repair: Repair::None {
            because:
                "with `non_blocking=True` the host goes on while the batch is copied; nothing on the host may change the batch \
                      until then"
                    .to_string(),
        },
    }
}
