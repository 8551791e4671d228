//! `[loss.item() for loss in losses]` in a loop: the values of a list of tensors, fetched at once.

use super::Site;
use crate::engine::edit::Edit;
use crate::engine::finding::{Certainty, Fix, Repair, Tier};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::tensors::syncs::Asks;
use crate::semantics::tensors::{Element, Tensor};
use crate::semantics::types::Kind;

/// A list of tensors whose values a list comprehension takes.
pub(super) struct Listed<'t> {
    comprehension: Node<'t>,
    list: Node<'t>,
    element: Tensor<'t>,
}

impl<'t> Listed<'t> {
    /// `None` when the site is something else.
    pub(super) fn of(cx: &Context<'t>, site: &Site<'t>) -> Option<Self> {
        let comprehension = site.sync.node.parent().filter(|around| around.is("list_comprehension"))?;
        let parts: Vec<_> = comprehension.named_children().collect();
        let [body, clause] = parts[..] else { return None };
        let (target, list) = (clause.child("left")?, clause.child("right")?.unparenthesized());
        let is_plain = body == site.sync.node
            && site.sync.asks == Asks::Item
            && target.is("identifier")
            && target.text() == site.sync.value.text()
            && list.is("identifier")
            && !clause.children().any(|child| child.is("async"));
        let is_list = || cx.facts().kind_of(list).is_some_and(|found| found.kind == Kind::List);
        let element = cx.facts().element_of(list).filter(|_| is_plain)?;
        (is_list() && element.rank == Some(0)).then_some(Self { comprehension, list, element })
    }

    /// The fix; `None` where it cannot be written.
    pub(super) fn repair(&self, cx: &Context<'t>, site: &Site<'t>) -> Option<Repair> {
        if self.comprehension.descendants().any(|node| node.is("comment")) {
            return None;
        }
        let stack = cx.import("torch", "stack", self.comprehension)?;
        let name = self.list.text();
        let parent = self.comprehension.parent()?;
        let stands_alone = parent.is_any(&["assignment", "argument_list", "return_statement", "keyword_argument", "pair"]);
        let values = format!("{}({name}).tolist()", stack.spelled);
        let text = match (self.is_never_empty(cx), stands_alone) {
            (true, _) => values,
            (false, true) => format!("{values} if {name} else []"),
            (false, false) => format!("({values} if {name} else [])"),
        };
        let mut but = Vec::new();
        if site.sync.tensor.certainty == Certainty::Likely {
            but.push(format!("`{name}` is a list of tensors only by its looks"));
        }
        if self.element.element == Element::Any || !self.is_on_one_device(cx, site) {
            but.push(format!(
                "`torch.stack` fails if the tensors of `{name}` are on several devices, and makes them of one type"
            ));
        }
        Some(Repair::Fix(Fix {
            title: "Put them into one tensor, and fetch that with `tolist()`".to_string(),
            tier: if but.is_empty() { Tier::Safe } else { Tier::unsafe_because(but.join("; ")) },
            span: self.comprehension.statement().map_or(self.comprehension.range(), Node::range),
            edits: vec![Edit::replace(self.comprehension.range(), text)],
            imports: stack.import.into_iter().collect(),
        }))
    }

    /// Whether the list is written down with an element, and may only grow.
    fn is_never_empty(&self, cx: &Context<'t>) -> bool {
        let scopes = cx.facts().scopes();
        let Some(variable) = scopes.variable_of(self.list).map(|id| scopes.variable(id)) else { return false };
        let [binding] = variable.bindings.as_slice() else { return false };
        let mut elements = binding.value.filter(|value| value.is("list")).into_iter().flat_map(Node::named_children);
        let only_grows = |reference: &Node<'t>| {
            *reference == self.list
                || reference.parent().is_some_and(|method| {
                    method.is("attribute")
                        && method.child("attribute").is_some_and(|name| ["append", "extend"].contains(&name.text()))
                })
        };
        elements.any(|element| !element.is_any(&["list_splat", "comment"])) && variable.references.iter().all(only_grows)
    }

    /// Whether all of them come from one expression, which is on one device whatever the step.
    fn is_on_one_device(&self, cx: &Context<'t>, site: &Site<'t>) -> bool {
        let facts = cx.facts();
        let Some(id) = facts.scopes().variable_of(self.list) else { return false };
        let variable = facts.scopes().variable(id);
        let given = variable.references.iter().filter_map(|reference| {
            let method = reference.parent().filter(|parent| parent.is("attribute") && reference.field() == Some("object"))?;
            method.parent().filter(|call| call.is("call"))?.child("arguments")?.only_child()
        });
        let given: Vec<_> = given.collect();
        let is_empty_at_first =
            variable.bindings.iter().all(|binding| binding.value.is_some_and(|value| value.is("list") && value.text() == "[]"));
        match given[..] {
            [only] => {
                is_empty_at_first
                    && facts.loops_around(site.sync.node).last().is_some_and(|a_loop| facts.stays_on_one_device(only, a_loop))
            }
            _ => false,
        }
    }
}
