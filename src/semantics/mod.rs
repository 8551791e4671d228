//! What may be known about a name, shared by all transforms.
//!
//! Every fact errs towards "unknown": a transform that asks may lose a finding, never a program.

mod devices;
pub mod effects;
mod exits;
pub mod flow;
mod graph;
pub mod handles;
pub mod invariance;
mod library;
pub mod names;
pub mod ownership;
mod purity;
pub mod scope;
mod steps;
mod storage;
pub mod tensors;
pub mod types;
mod uses;

use std::cell::OnceCell;

use rustc_hash::FxHashMap;

use crate::engine::syntax::{Node, Tree};
use scope::Scopes;

/// All facts about one parsed file, each computed on first use.
pub struct Facts<'t> {
    tree: &'t Tree,
    scopes: OnceCell<Scopes<'t>>,
    flow: flow::Graphs,
    stores: OnceCell<types::Stores<'t>>,
    spelled: OnceCell<FxHashMap<&'t str, Vec<Node<'t>>>>,
}

impl<'t> Facts<'t> {
    /// Facts about `tree`; nothing is computed yet.
    pub fn new(tree: &'t Tree) -> Self {
        Self { tree, scopes: OnceCell::new(), flow: flow::Graphs::default(), stores: OnceCell::new(), spelled: OnceCell::new() }
    }

    /// The syntax tree.
    pub fn tree(&self) -> &'t Tree {
        self.tree
    }

    /// Scopes, variables, and what each name refers to.
    pub fn scopes(&self) -> &Scopes<'t> {
        self.scopes.get_or_init(|| Scopes::new(self.tree))
    }

    /// All identifiers with this text, whatever they stand for, in text order.
    pub fn spelled(&self, text: &str) -> &[Node<'t>] {
        let index = || {
            let mut index: FxHashMap<&'t str, Vec<Node<'t>>> = FxHashMap::default();
            self.tree.of_kind("identifier").for_each(|node| index.entry(node.text()).or_default().push(node));
            index
        };
        self.spelled.get_or_init(index).get(text).map_or(&[], Vec::as_slice)
    }
}
