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

use crate::engine::syntax::Tree;
use scope::Scopes;

/// All facts about one parsed file, each computed on first use.
pub struct Facts<'t> {
    tree: &'t Tree,
    scopes: OnceCell<Scopes<'t>>,
    flow: flow::Graphs,
    stores: OnceCell<types::Stores<'t>>,
}

impl<'t> Facts<'t> {
    /// Facts about `tree`; nothing is computed yet.
    pub fn new(tree: &'t Tree) -> Self {
        Self { tree, scopes: OnceCell::new(), flow: flow::Graphs::default(), stores: OnceCell::new() }
    }

    /// The syntax tree.
    pub fn tree(&self) -> &'t Tree {
        self.tree
    }

    /// Scopes, variables, and what each name refers to.
    pub fn scopes(&self) -> &Scopes<'t> {
        self.scopes.get_or_init(|| Scopes::new(self.tree))
    }
}
