//! Whether a place runs in every step of a loop that keeps the device busy.

use super::Tensor;
use super::calls::{keyword, positional};
use crate::engine::syntax::Node;
use crate::semantics::Facts;
use crate::semantics::scope::BindingKind;

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
    "initializ",
    "== 0",
];
/// Names of functions whose very purpose is to bring a value to the host.
const CONVERTING: &[&str] = &["cpu", "numpy", "to_numpy", "as_numpy", "tolist", "to_list", "item"];
/// What decorators say that compile a function for the device: Numba, Triton.
const KERNELS: &[&str] = &["cuda.jit", "triton.jit", "numba."];
/// Ends of the names of classes whose heirs work on the host, in the workers of a loader.
const HOST_CLASSES: &[&str] = &["Dataset", "Transform", "FeatureExtractor", "Collator", "ProcessorMixin"];
/// Words, in the singular, for what loops run over that are no steps.
const FEW: &[&str] = &[
    "adapter",
    "file",
    "filename",
    "path",
    "url",
    "folder",
    "directory",
    "checkpoint",
    "shard",
    "config",
    "scenario",
    "seed",
    "key",
    "split",
    "condition",
    "tracker",
    "logger",
    "writer",
];
/// Words of a program that uses a device, or leaves that to a library.
const DEVICES: &[&str] = &[
    "cuda",
    "device",
    ".to(",
    "mps",
    "xpu",
    "gpu",
    "GPU",
    "ccelerat",
    "Trainer",
    "abric",
    "deepspeed",
    "pl.",
    "lightning",
    "prepare(",
];
/// Calls that read a clock, or wait on purpose.
const TIMING: &[&str] =
    &["time", "perf_counter", "monotonic", "process_time", "synchronize", "timeit", "elapsed_time", "default_timer"];

impl<'t> Facts<'t> {
    /// Why waiting at a place costs nothing worth speaking of; `None` when it does. The loop is the innermost around it.
    pub fn coldness(&self, node: Node<'t>, a_loop: Node<'t>) -> Option<&'static str> {
        if self.is_guarded_somewhere(node, a_loop) {
            return Some("it is read only now and then");
        }
        let within = || node.ancestors().take_while(|around| *around != a_loop);
        if within().any(|around| around.is("except_clause")) {
            return Some("it is read in a handler only");
        }
        if within().any(|around| around.is("raise_statement")) || is_assertion_message(node) {
            return Some("it is read when something is wrong only");
        }
        if !self.loop_may_go_on(node, a_loop) {
            return Some("the loop ends here");
        }
        if is_timed(self, a_loop, node) {
            return Some("the loop is timed, and waiting may be what is measured");
        }
        if is_test(node) {
            return Some("it is a test");
        }
        if self.loops_around(node).all(is_epoch_loop) {
            return Some("it is read once in each epoch");
        }
        if self.loops_around(node).all(|around| is_short_loop(around) || is_epoch_loop(around)) {
            return Some("the loop runs over a few things, and not over steps");
        }
        if is_conversion(node) {
            return Some("the function is there to bring values to the host");
        }
        if is_kernel(node) {
            return Some("the function is compiled for the device");
        }
        if self.is_tokenized(node, 0) {
            return Some("tokenizers leave their tensors on the host");
        }
        self.is_on_host_only(node).then_some("the code runs on the host, so nobody waits")
    }

    /// Whether a branch inside the loop is taken now and then only; where the loop is over a few things, or a comprehension,
    /// inside the next one.
    fn is_guarded_somewhere(&self, node: Node<'t>, a_loop: Node<'t>) -> bool {
        let is_small = |around: Node<'t>| {
            around.kind().ends_with("_comprehension") || around.is("generator_expression") || is_short_loop(around)
        };
        let mut inner = Some(a_loop);
        let mut outer = self.loops_around(node).skip_while(|around| *around != a_loop).skip(1);
        while let Some(around) = inner {
            if is_guarded(node, around) {
                return true;
            }
            inner = outer.next().filter(|_| is_small(around));
        }
        false
    }

    /// Whether a value comes from a tokenizer, whose results are on the host until somebody moves them.
    fn is_tokenized(&self, node: Node<'t>, depth: u32) -> bool {
        let node = node.unparenthesized();
        if depth > 16 {
            return false;
        }
        match node.kind() {
            "subscript" => node.child("value").is_some_and(|value| self.is_tokenized(value, depth + 1)),
            "attribute" => node.child("object").is_some_and(|object| self.is_tokenized(object, depth + 1)),
            "call" => {
                // Have: tokenizer(texts, return_tensors="pt")
                if keyword(node, "return_tensors").is_some() {
                    return true;
                }
                let function = node.child("function");
                match function.and_then(|function| function.child("attribute")).map(Node::text) {
                    Some("to" | "cuda") => false,
                    Some(_) => function.is_some_and(|function| self.is_tokenized(function, depth + 1)),
                    // Have: zip(batch["input_ids"], batch["attention_mask"])
                    None => {
                        let mut given = positional(node).peekable();
                        given.peek().is_some() && given.all(|argument| self.is_tokenized(argument, depth + 1))
                    }
                }
            }
            "identifier" => {
                let Some(id) = self.scopes().variable_of(node) else { return false };
                // Have: ids = ids.unsqueeze(0)
                let is_itself = |value: Node<'t>| {
                    let root = value.and_descendants().find(|part| part.is("identifier"));
                    root.is_some_and(|root| root.text() == node.text()) && !value.text().contains(".to(")
                };
                // Have: for x, y in zip(..)
                let taken_from = |target: Node<'t>| {
                    let header = target.ancestors().find(|around| !around.is_any(&["pattern_list", "tuple_pattern"]));
                    header.and_then(|header| header.child("right"))
                };
                let bindings = self.scopes().variable(id).bindings.iter();
                let values = bindings.map(|binding| binding.value.or_else(|| taken_from(binding.node)));
                let mut others = values.filter(|value| !value.is_some_and(is_itself)).peekable();
                others.peek().is_some() && others.all(|value| value.is_some_and(|value| self.is_tokenized(value, depth + 1)))
            }
            _ => false,
        }
    }

    /// Whether code runs on the host only, by what the file says: the steps of a data set that is loaded by workers, and a
    /// program that never mentions a device.
    fn is_on_host_only(&self, node: Node<'t>) -> bool {
        let mut definitions = node.ancestors().filter(|around| around.is("function_definition"));
        let loads = definitions.any(|definition| {
            let name = definition.child("name").map_or("", Node::text);
            name == "__getitem__" || name.contains("collate")
        });
        let mut classes = node.ancestors().filter(|around| around.is("class_definition"));
        let is_data_set = classes.any(|class| {
            let mut names = class.child("superclasses").into_iter().flat_map(Node::named_children).chain(class.child("name"));
            names.any(|base| HOST_CLASSES.iter().any(|name| base.text().ends_with(name)))
        });
        let code = self.tree().code();
        let is_program = || {
            self.owner(node).is("module")
                || code.contains("__name__ == \"__main__\"")
                || code.contains("__name__ == '__main__'")
        };
        loads || is_data_set || (is_program() && !DEVICES.iter().any(|word| code.contains(word)))
    }

    /// Whether the device gets something to do in each step: the value is computed there, or a model is trained.
    pub fn is_hot(&self, value: Node<'t>, tensor: &Tensor<'t>, a_loop: Node<'t>) -> bool {
        let body = a_loop.child("body").unwrap_or(a_loop);
        let is_made_here = |node: Node<'t>| self.is_computed_in(node, body, 0);
        let root = value.and_descendants().find(|node| node.is("identifier")).unwrap_or(value);
        // Have: an expression with a call of its own, such as `(p == y).sum()`
        let computes = value.is("call") && tensor.fresh;
        trains(body)
            || is_made_here(root)
            || (computes && value.descendants().any(|node| node.is("identifier") && (is_made_here(node) || self.is_step(node))))
    }

    /// Whether a name is what a step of a loop is about.
    fn is_step(&self, name: Node<'t>) -> bool {
        let variable = self.scopes().variable_of(name).map(|id| self.scopes().variable(id));
        variable.is_some_and(|variable| variable.bindings.iter().any(|binding| binding.kind == BindingKind::For))
    }

    /// Whether a name is bound in the body of a loop to something that is computed there.
    fn is_computed_in(&self, name: Node<'t>, body: Node<'t>, depth: u32) -> bool {
        let Some(id) = self.scopes().variable_of(name).filter(|_| name.is("identifier") && depth < 4) else { return false };
        let inside = self.scopes().variable(id).bindings.iter().filter(|binding| body.contains(binding.node));
        inside.filter_map(|binding| binding.value).any(|value| {
            value.and_descendants().any(|part| part.is("call"))
                || (value.is_any(&["comparison_operator", "binary_operator", "unary_operator"])
                    && value.named_children().any(|part| self.is_computed_in(part, body, depth + 1)))
        })
    }

    /// Whether each step of a loop gives the device something to do: a model runs, or is trained.
    pub fn is_busy(&self, a_loop: Node<'t>) -> bool {
        let body = a_loop.child("body").unwrap_or(a_loop);
        trains(body)
            || body.descendants().filter(|node| node.is("call")).any(|call| self.tensor(call).is_some_and(|made| !made.on_host))
    }
}

fn trains(body: Node<'_>) -> bool {
    body.descendants().any(|node| node.is("attribute") && node.text().ends_with(".backward"))
}

/// Whether a node stands in a function such as `def numpy(self)`.
fn is_conversion(node: Node<'_>) -> bool {
    let function = node.ancestors().find(|around| around.is("function_definition"));
    function.and_then(|function| function.child("name")).is_some_and(|name| CONVERTING.contains(&name.text()))
}

/// Whether a node stands in a function that a decorator compiles for the device.
fn is_kernel(node: Node<'_>) -> bool {
    let mut decorated = node.ancestors().filter(|around| around.is("decorated_definition"));
    decorated.any(|definition| {
        let mut decorators = definition.named_children().filter(|child| child.is("decorator"));
        decorators.any(|decorator| KERNELS.iter().any(|word| decorator.text().contains(word)))
    })
}

/// `assert x, f"{x}"`: the text is made when the test fails.
fn is_assertion_message(node: Node<'_>) -> bool {
    let path = node.and_ancestors().zip(node.ancestors());
    let assertion = path.into_iter().find(|(_, around)| around.is("assert_statement"));
    assertion.is_some_and(|(inside, around)| around.named_children().next() != Some(inside))
}

/// Whether a loop counts epochs: what happens once in each is no matter.
pub fn is_epoch_loop(a_loop: Node<'_>) -> bool {
    let header = a_loop.children().take_while(|child| child.field() != Some("body"));
    let text: String = header.map(|part| part.text().to_lowercase()).collect();
    ["epoch", "fold", "n_runs", "num_runs", "trial"].iter().any(|word| text.contains(word))
        && !text.contains("loader")
        && !text.contains("epoch_iterator")
        && !text.contains("per_epoch")
        && !text.contains("epoch_it")
}

/// Whether a loop runs a few times only: over a display, a small number, or things that are few or are loaded or
/// converted one by one.
fn is_short_loop(a_loop: Node<'_>) -> bool {
    let header = || a_loop.children().take_while(|child| child.field() != Some("body")).flat_map(Node::and_descendants);
    // Have: hooks.keys(), whose name says nothing of the loop
    let is_method = |name: &Node<'_>| {
        name.field() == Some("attribute") && name.parent().is_some_and(|attribute| attribute.field() == Some("function"))
    };
    let names = header().filter(|node| node.is("identifier") && !is_method(node));
    let mut words = names.flat_map(|name| name.text().split('_'));
    let saves = header().any(|node| node.is("identifier") && node.text().contains("state_dict"));
    if saves || words.any(|word| FEW.contains(&word.to_lowercase().trim_end_matches('s'))) {
        return true;
    }
    let mut iterable = a_loop.child("right").map(Node::unparenthesized);
    // Have: enumerate(["train", "test"])
    while let Some(call) = iterable.filter(|iterable| iterable.is("call")) {
        let only = call.child("arguments").and_then(Node::only_child);
        if call.child("function").is_some_and(|function| function.text() == "range") {
            return only.is_some_and(|only| only.is("integer") && only.text().len() == 1);
        }
        iterable = only.map(Node::unparenthesized);
    }
    iterable.is_some_and(|iterable| iterable.is_any(&["list", "tuple", "set", "dictionary", "expression_list", "string"]))
}

/// Whether a branch inside the loop is taken now and then only.
pub fn is_guarded(node: Node<'_>, a_loop: Node<'_>) -> bool {
    let path = node.and_ancestors().zip(node.ancestors());
    path.take_while(|(inside, _)| *inside != a_loop).any(|(inside, around)| {
        let condition = match around.kind() {
            "if_statement" | "elif_clause" if matches!(inside.field(), Some("consequence" | "body")) => {
                around.child("condition")
            }
            // Have: if step % 100: .. else: ..
            "if_statement" if inside.field() == Some("alternative") => {
                around.child("condition").filter(|condition| condition.is("binary_operator"))
            }
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

/// Whether a clock is read in the loop. What is asked about may be such a call itself.
pub fn is_timed<'t>(facts: &Facts<'t>, a_loop: Node<'t>, asked: Node<'t>) -> bool {
    let Some(body) = a_loop.child("body") else { return false };
    let itself = asked.child("function").map_or("", Node::text);
    let calls = body.descendants().filter(|node| node.is("call") && facts.owner(*node) == facts.owner(a_loop));
    let mut functions = calls.filter_map(|call| call.child("function"));
    let is_tidying = ["synchronize", "empty_cache", "collect"].iter().any(|word| itself.ends_with(word));
    functions.any(|function| {
        let name = function.child("attribute").unwrap_or(function).text();
        if is_tidying && name == "synchronize" {
            return false;
        }
        TIMING.contains(&name) || name.starts_with("time_") || name.ends_with("_time")
    })
}

/// Whether a node stands in a test.
pub fn is_test(node: Node<'_>) -> bool {
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
