//! Names that a person would choose, and that are free.

use super::Site;
use super::deferral::{Deferral, Form};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// The names that a deferral needs.
pub(super) struct Names {
    /// The list of tensors: `loss_values`.
    pub(super) list: String,
    /// One of them.
    pub(super) value: String,
    /// What goes with it of the step.
    pub(super) parts: Vec<String>,
}

impl Names {
    /// `None` when all that would read well are taken.
    pub(super) fn choose<'t>(cx: &Context<'t>, site: &Site<'t>, deferral: &Deferral<'t>) -> Option<Self> {
        let base = base(site.sync.value).unwrap_or_else(|| singular(deferral.target.text()));
        let target = singular(deferral.target.text());
        let owner = cx.facts().owner(deferral.a_loop);
        let is_free = |name: &String| mentions(owner, name).is_empty();
        // Have: for value in ..: the name lives in loops of its own, and is bound again by the next one
        let is_loop_variable = |name: &String| {
            mentions(owner, name).into_iter().all(|node| {
                // Have: (value.item() for value in ..)
                let mut clauses = node.ancestors().filter_map(|around| around.child_of_kind("for_in_clause"));
                let in_comprehension = clauses.any(|clause| clause.child("left").is_some_and(|left| left.text() == name));
                let mut around = node.ancestors().filter(|around| around.is("for_statement"));
                // Have: for value, count in ..
                let names = |left: Node<'t>| {
                    let parts = if left.is("identifier") { vec![left] } else { left.named_children().collect() };
                    parts.iter().any(|part| part.is("identifier") && part.text() == name)
                };
                let bound = around.find(|around| around.child("left").is_some_and(names));
                in_comprehension
                    || bound.is_some_and(|bound| !bound.contains(deferral.a_loop) && !deferral.a_loop.contains(bound))
            })
        };
        let first = |candidates: &[String]| candidates.iter().find(|name| is_free(name)).cloned();
        let list = first(&[
            format!("{base}_values"),
            format!("{target}_values"),
            format!("pending_{base}_values"),
            format!("pending_{target}_values"),
        ])?;
        // The name of a generator expression is its own.
        let usual = Some("value".to_string()).filter(|name| deferral.form == Form::Appended || is_loop_variable(name));
        let others = [format!("{base}_value"), format!("{target}_value"), format!("one_{base}")];
        let value = usual.or_else(|| first(&others))?;
        let mut parts: Vec<String> = Vec::new();
        for part in &deferral.parts {
            let text = part.text();
            let counts = text.contains("size") || text.contains("len(") || text.contains("shape");
            let usual = match deferral.form {
                // The names of a generator expression are its own.
                Form::Appended if part.is("identifier") && text != value => Some(text.to_string()),
                _ => {
                    let own = part.child("attribute").map(|name| name.text().to_string()).filter(|name| name != "shape");
                    let general = if counts { "count" } else { "weight" }.to_string();
                    let candidates = [Some(general), own, Some(format!("{base}_weight")), Some(format!("{target}_weight"))]
                        .into_iter()
                        .flatten();
                    candidates.into_iter().find(|name| is_free(name) && !parts.contains(name))
                }
            };
            let name = usual.filter(|name| *name != value && *name != list && !parts.contains(name))?;
            parts.push(name);
        }
        Some(Self { list, value, parts })
    }
}

/// Everywhere the function says the name, as whatever.
fn mentions<'t>(owner: Node<'t>, name: &str) -> Vec<Node<'t>> {
    owner.and_descendants().filter(|node| node.is("identifier") && node.text() == name).collect()
}

/// `loss` of `loss`, `outputs.loss` and `loss.data`.
fn base(value: Node<'_>) -> Option<String> {
    match value.kind() {
        "identifier" => Some(singular(value.text())),
        "attribute" if value.child("attribute").is_some_and(|name| name.text() == "data") => base(value.child("object")?),
        "attribute" => value.child("attribute").map(|name| singular(name.text())),
        // Have: loss.detach()
        "call" if value.text().ends_with(".detach()") => base(value.child("function")?.child("object")?),
        _ => None,
    }
}

/// `losses` holds several of `loss`.
fn singular(name: &str) -> String {
    let name = name.trim_matches('_');
    if let Some(stem) = name.strip_suffix("losses") {
        return format!("{stem}loss");
    }
    if let Some(stem) = name.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    match name.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with('s') && !stem.ends_with("los") && !stem.ends_with('u') => {
            stem.to_string()
        }
        _ => name.to_string(),
    }
}
