//! Statement-level control flow inside one function or module body.

use super::Facts;
use crate::engine::syntax::Node;

/// Control-flow graphs of the functions that were asked about, built on first use.
#[derive(Default)]
pub struct Graphs {}

impl<'t> Facts<'t> {
    /// Whether control can pass from the end of `from` to the start of `to` within one call of the function that holds
    /// both, without passing through any node of `avoiding` (those are passed over as whole statements).
    /// Both may be any node; they stand for their statement (for a compound statement: for its header).
    pub fn may_follow(&self, from: Node<'t>, to: Node<'t>, avoiding: &[Node<'t>]) -> bool {
        todo!("{from:?} {to:?} {avoiding:?}")
    }

    /// Whether, after `node` has run, the `for` or `while` statement `of` may take another step: false when every path
    /// from there leaves the loop (`break` of this loop, `return`, an uncaught `raise`, `sys.exit()` and the like).
    pub fn loop_may_go_on(&self, node: Node<'t>, of: Node<'t>) -> bool {
        todo!("{node:?} {of:?}")
    }

    /// Whether every path from the entry of the function (or module) to `b` passes `a` first.
    pub fn dominates(&self, a: Node<'t>, b: Node<'t>) -> bool {
        todo!("{a:?} {b:?}")
    }

    /// Whether `node` is evaluated in every call of its function that does not end before it by an exception raised
    /// earlier: at the top level of the body, or in a `with`, not behind a `return`, branch, loop, short circuit,
    /// conditional expression, comprehension element or `try` handler.
    pub fn is_unconditional(&self, node: Node<'t>) -> bool {
        todo!("{node:?}")
    }

    /// Whether the call never comes back: `sys.exit`, `os._exit`, `exit`, `quit`, `parser.error` of argparse,
    /// `pytest.fail`, `self.fail`, a function of the file that always raises or is annotated `NoReturn`/`Never`.
    pub fn never_returns(&self, call: Node<'t>) -> bool {
        todo!("{call:?}")
    }
}
