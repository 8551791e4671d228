//! Whether a site runs in every step of a loop that keeps the device busy.

use super::Site;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

const LOOPS: &[&str] = &["for_statement", "while_statement"];
/// Words in a condition that make a branch rare, or a matter of one process.
const RARE: &[&str] = &[
    "%",
    "rank",
    "is_main",
    "is_master",
    "main_process",
    "master",
    "verbose",
    "debug",
    "log",
    "print",
    "display",
    "interval",
    "freq",
    "isnan",
    "isinf",
    "isfinite",
    "dry_run",
    "first",
    "last",
    "warn",
    "visual",
    "plot",
    "report",
    "== 0",
];
/// Calls that read a clock, or wait on purpose.
const TIMING: &[&str] =
    &["time", "perf_counter", "monotonic", "process_time", "synchronize", "timeit", "elapsed_time", "default_timer"];

/// The innermost loop of the same function in whose body, or condition, the node stands. What a `for` iterates and an
/// `else` are not in the loop.
pub(super) fn innermost_loop<'t>(cx: &Context<'t>, node: Node<'t>) -> Option<Node<'t>> {
    loops(cx, node).next()
}

/// The same, from the inside outwards.
pub(super) fn loops<'t>(cx: &Context<'t>, node: Node<'t>) -> impl Iterator<Item = Node<'t>> {
    let owner = cx.facts().owner(node);
    let path = node.and_ancestors().zip(node.ancestors());
    path.take_while(move |(inside, _)| *inside != owner).filter_map(|(inside, around)| {
        let is_in = match inside.field() {
            Some("body") => true,
            Some("condition") => around.is("while_statement"),
            _ => false,
        };
        (is_in && around.is_any(LOOPS)).then_some(around)
    })
}

/// Whether a loop counts epochs: what happens once in each is no matter.
pub(in crate::transforms) fn is_epoch_loop(a_loop: Node<'_>) -> bool {
    let header = a_loop.children().take_while(|child| child.field() != Some("body"));
    let text: String = header.map(|part| part.text().to_lowercase()).collect();
    ["epoch", "fold", "n_runs", "num_runs", "trial"].iter().any(|word| text.contains(word))
        && !text.contains("loader")
        && !text.contains("epoch_iterator")
        && !text.contains("per_epoch")
        && !text.contains("epoch_it")
}

/// Why the site does not cost anything worth speaking of; `None` when it does.
pub(super) fn is_cold<'t>(cx: &Context<'t>, site: &Site<'t>) -> Option<String> {
    if is_guarded(site.sync, site.inner) {
        return Some("it is read only now and then".to_string());
    }
    if site.sync.ancestors().take_while(|around| *around != site.inner).any(|around| around.is("except_clause")) {
        return Some("it is read in a handler only".to_string());
    }
    if !cx.facts().loop_may_go_on(site.sync, site.inner) {
        return Some("the loop ends here".to_string());
    }
    if is_timed(cx, site.inner) {
        return Some("the loop is timed, and waiting may be what is measured".to_string());
    }
    if is_test(site.sync) {
        return Some("it is a test".to_string());
    }
    if is_on_host(cx, site.value) {
        return Some("the tensor is made on the host, so nobody waits".to_string());
    }
    let all_epochs = loops(cx, site.sync).all(is_epoch_loop);
    all_epochs.then(|| "it is read once in each epoch".to_string())
}

/// Whether a branch inside the loop is taken now and then only.
pub(in crate::transforms) fn is_guarded(node: Node<'_>, a_loop: Node<'_>) -> bool {
    let path = node.and_ancestors().zip(node.ancestors());
    path.take_while(|(inside, _)| *inside != a_loop).any(|(inside, around)| {
        let is_branch = matches!(inside.field(), Some("consequence" | "alternative" | "body"));
        let condition = match around.kind() {
            "if_statement" | "elif_clause" if is_branch => around.child("condition"),
            // Have: x.item() if verbose else None
            "conditional_expression" => around.named_children().nth(1).filter(|condition| *condition != inside),
            "boolean_operator" => around.child("left").filter(|left| *left != inside),
            _ => None,
        };
        condition.is_some_and(is_rare)
    })
}

fn is_rare(condition: Node<'_>) -> bool {
    let text = condition.text().to_lowercase();
    // Have: step % 2 == 0: half of the steps
    let is_often = condition.and_descendants().any(|node| {
        node.is("binary_operator")
            && node.child("operator").is_some_and(|operator| operator.is("%"))
            && node.child("right").is_some_and(|right| right.is("integer") && right.text().len() == 1)
    });
    let accumulates = text.contains("accum");
    !is_often && !accumulates && RARE.iter().any(|word| text.contains(word))
}

/// Whether a clock is read in the loop.
pub(in crate::transforms) fn is_timed<'t>(cx: &Context<'t>, a_loop: Node<'t>) -> bool {
    let Some(body) = a_loop.child("body") else { return false };
    let calls = body.descendants().filter(|node| node.is("call") && cx.facts().owner(*node) == cx.facts().owner(a_loop));
    let mut names =
        calls.filter_map(|call| call.child("function")).map(|function| function.child("attribute").unwrap_or(function));
    names.any(|name| TIMING.contains(&name.text()))
}

/// Whether the tensor is made by a function of `torch` that is given no device, and moved nowhere: a random number, say.
fn is_on_host<'t>(cx: &Context<'t>, value: Node<'t>) -> bool {
    const MAKERS: &[&str] =
        &["rand", "randn", "randint", "randperm", "tensor", "zeros", "ones", "arange", "linspace", "from_numpy"];
    let mut node = value.unparenthesized();
    for _ in 0..20 {
        match node.kind() {
            "call" => {
                let Some(function) = node.child("function") else { return false };
                if let Some(name) = cx.facts().qualified_name(function) {
                    let arguments = node.child("arguments").map_or("", Node::text);
                    let is_made = matches!(name[..], ["torch", maker] if MAKERS.contains(&maker));
                    // Have: torch.prod(torch.tensor(shape))
                    let first = node.child("arguments").and_then(|arguments| arguments.named_children().next());
                    if let (false, Some(first), "torch") = (is_made, first, name[0]) {
                        node = first.unparenthesized();
                        continue;
                    }
                    return is_made && !arguments.contains("device");
                }
                if function.child("attribute").is_some_and(|method| ["to", "cuda"].contains(&method.text())) {
                    return false;
                }
                match function.child("object") {
                    Some(object) => node = object.unparenthesized(),
                    None => return false,
                }
            }
            "subscript" => match node.child("value") {
                Some(inner) => node = inner.unparenthesized(),
                None => return false,
            },
            "identifier" => {
                let scopes = cx.facts().scopes();
                let Some(id) = scopes.variable_of(node) else { return false };
                match scopes.variable(id).bindings.as_slice() {
                    [binding] if binding.value.is_some_and(|value| !value.contains(node)) => {
                        node = binding.value.unwrap_or(node).unparenthesized();
                    }
                    _ => return false,
                }
            }
            _ => return false,
        }
    }
    false
}

pub(in crate::transforms) fn is_test(node: Node<'_>) -> bool {
    let definitions = node.ancestors().filter(|around| around.is_any(&["function_definition", "class_definition"]));
    definitions.into_iter().any(|definition| {
        let name = definition.child("name").map_or("", Node::text);
        if definition.is("class_definition") {
            return name.starts_with("Test") || name.ends_with("TestCase") || name.ends_with("Tester");
        }
        name.starts_with("test_")
            && definition.descendants().any(|part| part.is("assert_statement") || part.text().starts_with("self.assert"))
    })
}

/// Whether the device gets something to do in each step: the value is computed there, or a model runs.
pub(super) fn is_hot<'t>(cx: &Context<'t>, site: &Site<'t>) -> bool {
    let facts = cx.facts();
    let a_loop = site.inner;
    let body = a_loop.child("body").unwrap_or(a_loop);
    let trains = body.descendants().any(|node| node.is("attribute") && node.text().ends_with(".backward"));
    let is_made_here = |node: Node<'t>| match facts.scopes().variable_of(node).filter(|_| node.is("identifier")) {
        Some(id) => facts.scopes().variable(id).bindings.iter().any(|binding| {
            body.contains(binding.node)
                && binding.value.is_some_and(|value| value.and_descendants().any(|part| part.is("call")))
        }),
        None => false,
    };
    let root = site.value.and_descendants().find(|node| node.is("identifier")).unwrap_or(site.value);
    // Have: an expression with a call of its own, such as `(p == y).sum()`
    let computes = site.value.is("call") && site.tensor.fresh;
    trains
        || is_made_here(root)
        || (computes && site.value.descendants().any(|node| node.is("identifier") && is_made_here(node)))
}
