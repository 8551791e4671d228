//! Definitions that must keep the same signature: overloads, and methods that override each other.

use super::parameter::{Parameter, class_around, decorators};
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::scope::BindingKind;

/// The same parameter, with a default of its own, in the other definitions of the file that go with this one.
pub(super) fn relatives<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Vec<Parameter<'t>> {
    let Some(name) = parameter.function.child("name") else { return Vec::new() };
    let mut functions = overloads(cx, parameter.function, name);
    if let Some(class) = class_around(parameter.function) {
        for other in related_classes(cx, class) {
            functions.extend(methods(other).filter(|method| method.child("name").is_some_and(|own| own.text() == name.text())));
        }
    }
    let same = |function: Node<'t>| Parameter::all_of(function).into_iter().find(|p| p.name.text() == parameter.name.text());
    functions.into_iter().filter(|function| *function != parameter.function).filter_map(same).collect()
}

/// The expressions behind a class's name, and those of its bases in the file.
pub(super) fn bases<'t>(cx: &Context<'t>, class: Node<'t>) -> Vec<Node<'t>> {
    let mut seen = vec![class];
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(class) = seen.get(next).copied() {
        next += 1;
        for base in class.child("superclasses").into_iter().flat_map(Node::named_children) {
            if base.is("keyword_argument") {
                continue;
            }
            found.push(base);
            if let Some(known) = class_named(cx, base).filter(|known| !seen.contains(known)) {
                seen.push(known);
            }
        }
    }
    found
}

/// Functions of the same name in the same block, if any of them is an overload.
fn overloads<'t>(cx: &Context<'t>, function: Node<'t>, name: Node<'t>) -> Vec<Node<'t>> {
    let scopes = cx.facts().scopes();
    let Some(variable) = scopes.variable_of(name).map(|id| scopes.variable(id)) else { return Vec::new() };
    let block =
        |function: Node<'t>| function.parent().filter(|parent| parent.is("decorated_definition")).unwrap_or(function).parent();
    let named = variable.bindings.iter().filter(|binding| binding.kind == BindingKind::Function);
    let same: Vec<_> =
        named.filter_map(|binding| binding.node.parent()).filter(|other| block(*other) == block(function)).collect();
    let is_overload = |function: &Node<'_>| {
        decorators(*function).any(|decorator| decorator.child("attribute").unwrap_or(decorator).text() == "overload")
    };
    if same.iter().any(is_overload) { same } else { Vec::new() }
}

fn functions(block: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let definitions = block.named_children().filter_map(|statement| match statement.kind() {
        "decorated_definition" => statement.child("definition"),
        _ => Some(statement),
    });
    definitions.filter(|definition| definition.is("function_definition"))
}

fn methods(class: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    class.child("body").into_iter().flat_map(functions)
}

/// The classes of the file that are connected with this one by inheritance, at any distance: also heirs of one base.
fn related_classes<'t>(cx: &Context<'t>, class: Node<'t>) -> Vec<Node<'t>> {
    let classes = cx.tree.of_kind("class_definition");
    let links: Vec<(Node<'t>, Node<'t>)> = classes
        .flat_map(|heir| {
            let bases = heir.child("superclasses").into_iter().flat_map(Node::named_children);
            bases.filter_map(move |base| Some((heir, class_named(cx, base)?)))
        })
        .collect();
    let mut related = vec![class];
    let mut next = 0;
    while let Some(one) = related.get(next).copied() {
        next += 1;
        for (heir, base) in &links {
            let other = if *heir == one { base } else { heir };
            if (*heir == one || *base == one) && !related.contains(other) {
                related.push(*other);
            }
        }
    }
    related.split_off(1)
}

/// The class of the file that a base refers to.
fn class_named<'t>(cx: &Context<'t>, base: Node<'t>) -> Option<Node<'t>> {
    let base = if base.is("subscript") { base.child("value")? } else { base };
    let id = base.is("identifier").then(|| cx.facts().scopes().variable_of(base)).flatten()?;
    let variable = cx.facts().scopes().variable(id);
    variable.bindings.iter().rev().filter_map(|binding| binding.node.parent()).find(|node| node.is("class_definition"))
}
