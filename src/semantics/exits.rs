//! Calls that never come back, and `with` statements that let every exception through.

use rustc_hash::FxHashSet;

use super::Facts;
use super::graph::{ENTRY, EXIT, Graph, with_items};
use super::scope::BindingKind;
use crate::engine::syntax::Node;

/// Functions that end the program, or the test, by an exception or at once.
/// Sources: the documentation of `sys`, `os`, `site`; pytest's API reference, "Functions"; `unittest.TestCase.fail`.
const NEVER_RETURN: &[&str] = &[
    "sys.exit",
    "os._exit",
    "os.abort",
    "builtins.exit",
    "builtins.quit",
    "pytest.fail",
    "pytest.skip",
    "pytest.exit",
    "pytest.xfail",
];

/// Last segments of the names above and of the methods below: whatever is called otherwise needs no look-up.
const LAST_SEGMENTS: &[&str] = &["exit", "_exit", "abort", "quit", "fail", "skip", "xfail", "error", "skipTest"];

/// Context managers whose `__exit__` returns a false value, so that exceptions go on.
/// Sources: the documentation of each class in the Python library, and the code of `PyTorch`, `NumPy`, h5py and tqdm.
const LET_THROUGH: &[&str] = &[
    "builtins.open",
    "io.open",
    "io.StringIO",
    "io.BytesIO",
    "codecs.open",
    "gzip.open",
    "bz2.open",
    "lzma.open",
    "tarfile.open",
    "zipfile.ZipFile",
    "wave.open",
    "tempfile.NamedTemporaryFile",
    "tempfile.TemporaryFile",
    "tempfile.SpooledTemporaryFile",
    "tempfile.TemporaryDirectory",
    "socket.socket",
    "urllib.request.urlopen",
    "sqlite3.connect",
    "subprocess.Popen",
    "threading.Lock",
    "threading.RLock",
    "threading.Condition",
    "threading.Semaphore",
    "threading.BoundedSemaphore",
    "multiprocessing.Lock",
    "multiprocessing.RLock",
    "multiprocessing.Pool",
    "asyncio.Lock",
    "asyncio.Semaphore",
    "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.ProcessPoolExecutor",
    "contextlib.closing",
    "contextlib.nullcontext",
    "contextlib.redirect_stdout",
    "contextlib.redirect_stderr",
    "contextlib.chdir",
    "warnings.catch_warnings",
    "decimal.localcontext",
    "unittest.mock.patch",
    "unittest.mock.patch.object",
    "unittest.mock.patch.dict",
    "numpy.errstate",
    "numpy.printoptions",
    "h5py.File",
    "tqdm.tqdm",
    "tqdm.auto.tqdm",
    "torch.no_grad",
    "torch.enable_grad",
    "torch.inference_mode",
    "torch.set_grad_enabled",
    "torch.autocast",
    "torch.autograd.no_grad",
    "torch.autograd.enable_grad",
    "torch.autograd.set_grad_enabled",
    "torch.autograd.set_detect_anomaly",
    "torch.autograd.detect_anomaly",
    "torch.cuda.amp.autocast",
    "torch.cuda.device",
    "torch.cuda.stream",
    "torch.amp.autocast",
    "torch.device",
    "torch.random.fork_rng",
    "torch.profiler.profile",
    "torch.profiler.record_function",
];

/// The functions of a file that never return: ids of their `function_definition` nodes.
pub(super) type Raisers = FxHashSet<u32>;

/// Finds the functions of the file that never return: annotated `NoReturn` or `Never`, or every path of which raises.
///
/// A method counts only by its annotation: an heir may override it. A decorator may do anything; calling a coroutine or a
/// generator runs nothing.
pub(super) fn raisers(facts: &Facts<'_>) -> Raisers {
    let mut found = Raisers::default();
    let mut candidates = Vec::new();
    for function in facts.tree().root().descendants().filter(|node| node.is("function_definition")) {
        let decorated = function.parent().is_some_and(|parent| parent.is("decorated_definition"));
        if decorated || is_async(function) {
            continue;
        }
        if function.child("return_type").is_some_and(is_no_return) {
            found.insert(function.id());
        } else if !function.enclosing_definition().is("class_definition") && may_always_raise(function) {
            candidates.push(function);
        }
    }
    // One function may raise by calling another; each round sees through one more call. The least set is the right one.
    for _ in 0..4 {
        let before = found.len();
        candidates.retain(|&function| {
            let graph = Graph::new(facts, &found, function);
            let reached = graph.reach([ENTRY], |vertex, ways| {
                ways.extend(&graph.vertex(vertex).normal);
                ways.extend(&graph.vertex(vertex).raised);
            });
            let raises = !graph.broken && !reached[EXIT as usize];
            if raises {
                found.insert(function.id());
            }
            !raises
        });
        if found.len() == before {
            break;
        }
    }
    found
}

fn is_async(function: Node<'_>) -> bool {
    function.children().next().is_some_and(|first| first.is("async"))
}

fn is_no_return(annotation: Node<'_>) -> bool {
    let text = annotation.text().trim_matches(['"', '\'']);
    matches!(text.rsplit('.').next(), Some("NoReturn" | "Never"))
}

/// A cheap test: no `return`, no `yield`, something that may raise or exit, and an end that is no plain statement.
fn may_always_raise(function: Node<'_>) -> bool {
    let Some(body) = function.child("body") else { return false };
    let Some(last) = body.named_children().last() else { return false };
    let plausible = match last.kind() {
        "raise_statement" | "try_statement" | "with_statement" | "match_statement" | "while_statement" => true,
        "expression_statement" => last.only_child().is_some_and(|inner| inner.is("call")),
        "if_statement" => last.children_of("alternative").any(|clause| clause.is("else_clause")),
        _ => false,
    };
    let mut raises = false;
    for node in body.walk(|node| node.is_any(&["function_definition", "lambda", "class_definition"])) {
        match node.kind() {
            "return_statement" | "yield" => return false,
            "raise_statement" | "call" => raises = true,
            _ => {}
        }
    }
    plausible && raises
}

/// Whether a call never comes back, given the functions of the file that do not.
pub(super) fn never_returns<'t>(facts: &Facts<'t>, raisers: &Raisers, call: Node<'t>) -> bool {
    let Some(function) = call.child("function").filter(|_| call.is("call")) else { return false };
    let last = match function.kind() {
        "identifier" => function,
        "attribute" => match function.child("attribute") {
            Some(attribute) => attribute,
            None => return false,
        },
        _ => return false,
    };
    if !raisers.is_empty() && calls_raiser(facts, raisers, function) {
        return true;
    }
    // An imported name may be another: `from sys import exit as leave` is looked up, plain local names are not.
    if function.is("attribute") && !LAST_SEGMENTS.contains(&last.text()) {
        return false;
    }
    if let Some(name) = facts.qualified_name(function)
        && NEVER_RETURN.iter().any(|known| name.iter().copied().eq(known.split('.')))
    {
        return true;
    }
    let Some(object) = function.child("object") else { return false };
    match last.text() {
        "error" | "exit" => is_made_by(facts, object, &["argparse.ArgumentParser"]),
        "fail" | "skipTest" => object.text() == "self" && is_in_test_case(call, last.text()),
        _ => false,
    }
}

/// Whether the function is one of the raisers: a name bound by nothing but its `def`, or a method of this class through
/// `self`.
fn calls_raiser<'t>(facts: &Facts<'t>, raisers: &Raisers, function: Node<'t>) -> bool {
    let is_raiser = |name: Node<'t>| name.parent().is_some_and(|definition| raisers.contains(&definition.id()));
    if function.is("identifier") {
        // Most names are not those of a raiser: compare texts before asking what they mean.
        let tree = facts.tree();
        let named = |&id: &u32| tree.node(id).child("name").is_some_and(|name| name.text() == function.text());
        if !raisers.iter().any(named) {
            return false;
        }
        let Some(variable) = facts.scopes().variable_of(function) else { return false };
        let bindings = &facts.scopes().variable(variable).bindings;
        return matches!(bindings.as_slice(), [only] if only.kind == BindingKind::Function && is_raiser(only.node));
    }
    let (Some(object), Some(method)) = (function.child("object"), function.child("attribute")) else { return false };
    let Some(class) = function.ancestors().find(|node| node.is("class_definition")).filter(|_| object.text() == "self") else {
        return false;
    };
    let methods = class.child("body").into_iter().flat_map(Node::named_children);
    methods
        .filter(|member| member.is("function_definition"))
        .any(|member| raisers.contains(&member.id()) && member.child("name").is_some_and(|name| name.text() == method.text()))
}

/// Whether a name is a variable that is only ever bound to calls of these.
fn is_made_by<'t>(facts: &Facts<'t>, name: Node<'t>, makers: &[&str]) -> bool {
    let name = name.unparenthesized();
    if !name.is("identifier") {
        return false;
    }
    let Some(variable) = facts.scopes().variable_of(name) else { return false };
    let bindings = &facts.scopes().variable(variable).bindings;
    !bindings.is_empty()
        && bindings.iter().all(|binding| {
            matches!(binding.kind, BindingKind::Assignment | BindingKind::Annotated)
                && binding.value.is_some_and(|value| is_call_of(facts, value, makers))
        })
}

fn is_call_of<'t>(facts: &Facts<'t>, value: Node<'t>, makers: &[&str]) -> bool {
    let value = value.unparenthesized();
    value.is("call")
        && facts.called_name(value).is_some_and(|name| makers.iter().any(|known| name.iter().copied().eq(known.split('.'))))
}

/// Whether the call stands in a class that is a test case by the name of a base, and that has no such method of its own.
fn is_in_test_case(call: Node<'_>, method: &str) -> bool {
    let Some(class) = call.ancestors().find(|node| node.is("class_definition")) else { return false };
    let bases = class.child("superclasses").into_iter().flat_map(Node::named_children);
    let is_test_case =
        bases.into_iter().any(|base| base.is_any(&["identifier", "attribute"]) && base.text().ends_with("TestCase"));
    let mut members = class.child("body").into_iter().flat_map(Node::descendants).filter(|node| node.is("function_definition"));
    is_test_case && !members.any(|member| member.child("name").is_some_and(|name| name.text() == method))
}

/// Whether a `with` statement may keep an exception of its body from going on: any context manager that is not known to
/// let it through.
pub(super) fn may_swallow<'t>(facts: &Facts<'t>, statement: Node<'t>) -> bool {
    with_items(statement).any(|item| {
        let Some(mut value) = item.child("value") else { return true };
        if value.is("as_pattern") {
            match value.named_children().next() {
                Some(manager) => value = manager,
                None => return true,
            }
        }
        !is_call_of(facts, value, LET_THROUGH) && !is_made_by(facts, value, LET_THROUGH)
    })
}
