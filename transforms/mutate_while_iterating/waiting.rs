//! Who waits for the `RuntimeError` that a change during a walk raises.

use super::loops::Loop;
use crate::engine::syntax::Node;

/// The exceptions that a handler or test may name to catch it.
const CAUGHT_BY: &[&str] = &["RuntimeError", "Exception", "BaseException"];

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// A test that expects the error.
    Test,
    /// A handler around the loop.
    Handler,
}

/// Who waits for the error of this loop, if anybody does.
pub(super) fn for_error_of(a_loop: &Loop<'_>) -> Option<Waiting> {
    let function = a_loop.node.enclosing_definition();
    let mut around = a_loop.node.ancestors().take_while(|around| *around > function);
    let here = around.find_map(|around| waits(around, a_loop.node));
    here.or_else(|| (function.is("function_definition") && is_expected_of(function)).then_some(Waiting::Test))
}

/// Whether a statement around a node waits for an error from there.
fn waits(statement: Node<'_>, node: Node<'_>) -> Option<Waiting> {
    let body = statement.child("body").filter(|body| body.contains(node))?;
    match statement.kind() {
        "try_statement" => {
            let handlers = statement.named_children().filter(|part| part.is("except_clause"));
            handlers
                .map(|handler| handler.children_of("value").next())
                .any(|caught| caught.is_none_or(names_error))
                .then_some(Waiting::Handler)
        }
        "with_statement" => {
            let clause = statement.child_of_kind("with_clause").filter(|clause| clause.end() <= body.start())?;
            let calls: Vec<_> = clause.descendants().filter(|node| node.is("call")).collect();
            if calls.iter().any(|call| is_test(*call)) {
                return Some(Waiting::Test);
            }
            calls.iter().any(|call| last_name(*call) == "suppress" && names_error(*call)).then_some(Waiting::Handler)
        }
        _ => None,
    }
}

/// Whether a test of the file calls the function where it expects the error: `with pytest.raises(RuntimeError): f(d)`,
/// `self.assertRaises(RuntimeError, f, d)`.
fn is_expected_of(function: Node<'_>) -> bool {
    let tree = function.tree();
    let Some(name) = function.child("name").map(Node::text).filter(|_| tree.code().contains("aises(")) else { return false };
    let tests = tree.root().descendants().filter(|node| node.is("call") && is_test(*node));
    tests
        .filter_map(Node::statement)
        .any(|test| !test.contains(function) && test.descendants().any(|node| node.is("identifier") && node.text() == name))
}

/// `pytest.raises(RuntimeError)`, `self.assertRaises(RuntimeError)`.
fn is_test(call: Node<'_>) -> bool {
    ["raises", "assertRaises", "assertRaisesRegex"].contains(&last_name(call))
        && call.child("arguments").is_some_and(names_error)
}

fn last_name(call: Node<'_>) -> &str {
    let Some(function) = call.child("function") else { return "" };
    function.child("attribute").unwrap_or(function).text()
}

fn names_error(expression: Node<'_>) -> bool {
    expression.and_descendants().any(|node| node.is("identifier") && CAUGHT_BY.contains(&node.text()))
}
