//! What calling a module gives: `self.criterion(out, y)`, `model(x)`.

use super::Answer::{Is, Unknown};
use super::tables::{self, Gives};
use super::{Answer, Inquiry, Open, Tensor};
use crate::engine::finding::Certainty::{self, Known, Likely};
use crate::engine::syntax::Node;
use crate::semantics::scope::BindingKind;

/// Names that are given to models.
const MODELS: &[&str] = &[
    "model",
    "net",
    "network",
    "encoder",
    "decoder",
    "generator",
    "discriminator",
    "netG",
    "netD",
    "backbone",
    "classifier",
    "ddp_model",
    "model_engine",
    "critic",
    "actor",
    "unet",
    "vae",
];
/// Names that are given to losses.
const LOSSES: &[&str] =
    &["criterion", "loss_fn", "loss_func", "loss_function", "loss_criterion", "loss_module", "lossfn", "loss_fct"];

/// What is known of something that is called.
#[derive(Clone, Copy)]
struct Module<'t> {
    gives: Option<Gives>,
    certainty: Certainty,
    shown_by: Node<'t>,
}

impl<'t> Inquiry<'_, 't> {
    /// What the call of a module gives; a model may give several tensors, so that its result is Likely at most.
    pub(super) fn module_call(&self, call: Node<'t>, function: Node<'t>, depth: u32) -> Answer<'t> {
        let Some(module) = self.module(function, depth + 1) else { return Unknown };
        let tensor = Tensor { fresh: true, ..Tensor::known(module.shown_by) }.at_most(module.certainty);
        match module.gives {
            // Only losses have a rank.
            Some(Gives::Rank(rank)) => {
                Is(Tensor { rank: Some(rank), element: super::calls::loss_element(module.shown_by), ..tensor })
            }
            Some(Gives::SameRank) => {
                let first = super::calls::positional(call).next().map_or(Unknown, |first| self.expression(first, depth + 1));
                Is(Tensor { rank: if let Is(given) = first { given.rank } else { None }, fresh: false, ..tensor })
            }
            // `nn.Flatten` and `nn.Identity` give what they got.
            Some(_) => Is(Tensor { fresh: false, ..tensor }),
            None => Is(Tensor { single: false, fresh: false, ..tensor.at_most(Likely) }),
        }
    }

    /// Whether an expression is what a model gave: `outputs` of `outputs = model(**batch)`.
    pub(super) fn is_output(&self, object: Node<'t>, depth: u32) -> bool {
        matches!(self.expression(object, depth), Is(_))
    }

    /// The call that makes the module which a name, or an attribute of `self`, certainly is.
    pub(super) fn made_by(&self, module: Node<'t>) -> Option<Node<'t>> {
        self.module(module, 0)
            .filter(|module| module.certainty == Known && module.shown_by.is("call"))
            .map(|module| module.shown_by)
    }

    fn module(&self, expression: Node<'t>, depth: u32) -> Option<Module<'t>> {
        let node = expression.unparenthesized();
        if !self.spend(depth) {
            return None;
        }
        match node.kind() {
            "call" => self.module_made(node, depth),
            "identifier" => self.module_named(node, depth).or_else(|| by_name(node, node.text())),
            "attribute" => {
                let name = node.child("attribute")?.text();
                let is_self = node.child("object").is_some_and(|object| object.text() == "self");
                let stored = if is_self { self.module_stored(name, depth) } else { None };
                stored.or_else(|| by_name(node, name).filter(|_| is_self))
            }
            _ => None,
        }
    }

    /// `nn.Linear(3, 4)`, `Net()`, `Net().to(device)`.
    fn module_made(&self, call: Node<'t>, depth: u32) -> Option<Module<'t>> {
        let function = call.child("function")?;
        if let Some(["torch", "nn", class] | ["torch", "nn", "modules", "loss", class]) =
            self.facts.qualified_name(function).as_deref()
        {
            if !class.starts_with(|first: char| first.is_ascii_uppercase()) || *class == "Parameter" {
                return None;
            }
            let gives = match tables::module(class) {
                Some(Gives::Loss) => Some(if super::calls::is_reduced(call) { Gives::Rank(0) } else { Gives::Tensor }),
                gives => gives,
            };
            return Some(Module { gives, certainty: Known, shown_by: call });
        }
        if let Some(class) = self.facts.class_called(function) {
            return self.is_module_class(class).then_some(Module { gives: None, certainty: Known, shown_by: call });
        }
        let method = function.child("attribute").map(Node::text)?;
        let moves = ["to", "cuda", "cpu", "eval", "train", "half", "float", "double"].contains(&method);
        moves.then(|| function.child("object").and_then(|object| self.module(object, depth + 1))).flatten()
    }

    /// A class of the file with a base that is `nn.Module` or is called so.
    fn is_module_class(&self, class: Node<'t>) -> bool {
        let bases = class.child("superclasses").into_iter().flat_map(Node::named_children);
        bases.into_iter().any(|base| match self.facts.qualified_name(base).as_deref() {
            Some(["torch", "nn", _]) => true,
            _ => base.text().ends_with("Module"),
        })
    }

    fn module_named(&self, name: Node<'t>, depth: u32) -> Option<Module<'t>> {
        let id = self.facts.scopes().variable_of(name)?;
        if self.open.borrow().contains(&Open::Variable(id)) {
            return None;
        }
        self.open.borrow_mut().push(Open::Variable(id));
        let mut found: Option<Module<'t>> = None;
        let mut agreed = true;
        for binding in &self.facts.scopes().variable(id).bindings {
            let module = match binding.kind {
                BindingKind::Assignment => binding.value.map(|value| {
                    // Have: model = model.to(device)
                    let is_itself = value.is("call") && value.text().starts_with(&format!("{}.", name.text()));
                    if is_itself { None } else { self.module(value, depth + 1) }
                }),
                BindingKind::Parameter => Some(binding.annotation.and_then(Self::annotated_module)),
                _ => Some(None),
            };
            match module {
                Some(Some(module)) => found = Some(merge(found, module)),
                Some(None)
                    if binding.kind == BindingKind::Assignment
                        && binding.value.is_some_and(|value| value.text().starts_with(name.text())) => {}
                _ => agreed = false,
            }
        }
        self.open.borrow_mut().pop();
        found.filter(|_| agreed)
    }

    /// `model: nn.Module`.
    fn annotated_module(annotation: Node<'t>) -> Option<Module<'t>> {
        let is_module = annotation.text().trim_matches(['"', '\'']).ends_with("nn.Module");
        is_module.then_some(Module { gives: None, certainty: Known, shown_by: annotation })
    }

    /// `self.criterion`, by everything that the file stores under this attribute.
    fn module_stored(&self, name: &'t str, depth: u32) -> Option<Module<'t>> {
        if self.open.borrow().contains(&Open::Attribute(name)) {
            return None;
        }
        self.open.borrow_mut().push(Open::Attribute(name));
        let stored = self.facts.stored(name);
        let modules: Option<Vec<_>> =
            stored.iter().map(|binding| binding.value.and_then(|value| self.module(value, depth + 1))).collect();
        self.open.borrow_mut().pop();
        modules?.into_iter().reduce(|a, b| merge(Some(a), b))
    }
}

fn merge<'t>(a: Option<Module<'t>>, b: Module<'t>) -> Module<'t> {
    match a {
        None => b,
        Some(a) => Module {
            gives: if a.gives == b.gives { a.gives } else { None },
            certainty: a.certainty.min(b.certainty),
            shown_by: a.shown_by,
        },
    }
}

/// A mere name is a hint and no proof.
fn by_name<'t>(node: Node<'t>, name: &str) -> Option<Module<'t>> {
    let known = MODELS.contains(&name) || LOSSES.contains(&name);
    known.then_some(Module { gives: None, certainty: Likely, shown_by: node })
}
