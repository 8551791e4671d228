//! What is transferred, and whether each step of a loop does it anew.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::invariance::Change;
use crate::semantics::ownership::{Fate, Form};
use crate::semantics::tensors::Tensor;
use crate::semantics::tensors::heat;
use crate::transforms::elementwise_item::indexed;

/// Methods that may end a chain such as `t.cpu().numpy()`.
const METHODS: &[&str] = &["item", "tolist", "numpy", "cpu", "cuda", "to"];

/// What the transfer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// `.item()`: a number.
    Number,
    /// `.tolist()`.
    List,
    /// `.cpu().numpy()`.
    Array,
    /// `.cpu()`, `.to("cpu")`.
    OnHost,
    /// `.cuda()`, `.to(device)`.
    OnDevice,
}

/// A transfer that gives the same in every step of a loop.
pub(super) struct Transfer<'t> {
    /// The call, with the calls that it is chained to.
    pub(super) call: Node<'t>,
    /// What the last method is called on.
    pub(super) receiver: Node<'t>,
    pub(super) gives: Gives,
    pub(super) tensor: Tensor<'t>,
    /// The loops that it may stand in front of, from the inside outwards; never empty.
    pub(super) loops: Vec<Node<'t>>,
    /// Code in the loop that may change the tensor, if somebody else holds it.
    pub(super) stranger: Option<Node<'t>>,
}

/// Why there is nothing to find; without words where nobody would expect anything.
pub(super) type Left = Option<&'static str>;

impl<'t> Transfer<'t> {
    pub(super) fn of(cx: &Context<'t>, call: Node<'t>) -> Result<Self, Left> {
        let facts = cx.facts();
        let gives = gives(cx, call).ok_or(None)?;
        if is_continued(cx, call) {
            return Err(None);
        }
        let receiver = call.child("function").and_then(|function| function.child("object")).ok_or(None)?;
        let first = facts.loops_around(call).next().ok_or(None)?;
        let tensor = facts.tensor(receiver).filter(|tensor| tensor.single || gives == Gives::Number).ok_or(None)?;
        if facts.reads(call).is_none_or(|reads| reads.tensors.is_empty()) {
            return Err(None);
        }
        // Have: for ..: .. tensor.item()
        let mut loops = Vec::new();
        let mut stranger = None;
        let mut inner = call;
        for a_loop in facts.loops_around(call).take_while(|a_loop| !facts.is_too_long(*a_loop)) {
            match facts.change_within(call, a_loop) {
                Some(Change::Seen(_)) => break,
                Some(Change::Possible(node)) => stranger = Some(node),
                None => {}
            }
            if !facts.runs_in_every_step(inner, a_loop) {
                if loops.is_empty() {
                    return Err(Some("it is not evaluated in every step"));
                }
                break;
            }
            loops.push(a_loop);
            inner = a_loop;
        }
        if loops.is_empty() {
            return Err(None);
        }
        // Have: what each step transfers is the same
        if indexed::claims(cx, call) {
            return Err(None);
        }
        if loops.iter().any(|&a_loop| heat::is_timed(cx.facts(), a_loop, call)) {
            return Err(Some("the loop is timed, and the transfer may be what is measured"));
        }
        if heat::is_test(call) {
            return Err(Some("it is a test"));
        }
        if loops.iter().all(|&a_loop| is_of_epochs(a_loop)) {
            return Err(Some("it is done once in each epoch"));
        }
        if is_in_class_body(call) {
            return Err(Some("a new name would be an attribute of the class"));
        }
        if is_compiled(cx, call) {
            return Err(Some("TorchScript compiles it"));
        }
        debug_assert_eq!(loops[0], first);
        Ok(Self { call, receiver, gives, tensor, loops, stranger })
    }

    /// The outermost loop that it may stand in front of.
    pub(super) fn outermost(&self) -> Node<'t> {
        self.loops[self.loops.len() - 1]
    }

    /// Whether what the transfer gives at this call is only looked at, so that all steps can share one. A number always can.
    pub(super) fn is_only_looked_at(&self, cx: &Context<'t>, call: Node<'t>) -> bool {
        let form = match self.gives {
            Gives::Number => return true,
            Gives::List => Form::List,
            Gives::Array => Form::Array,
            Gives::OnHost | Gives::OnDevice => Form::Tensor,
        };
        cx.facts().fate_of_memory(call, form) == Fate::Looked
    }

    /// Everywhere in the loop where the same is transferred, in text order.
    pub(super) fn same(&self, cx: &Context<'t>) -> Vec<Node<'t>> {
        let facts = cx.facts();
        let a_loop = self.outermost();
        let body = |node: &Node<'t>| {
            node.is("call")
                && facts.is_same_expression(*node, self.call)
                && facts.owner(*node) == facts.owner(self.call)
                && facts.loops_around(*node).any(|around| around == a_loop)
                && !node.ancestors().take_while(|around| !around.is_statement()).any(|around| around.is("generator_expression"))
        };
        let found: Vec<_> = a_loop.descendants().filter(body).collect();
        found.into_iter().filter(|&call| self.is_only_looked_at(cx, call)).collect()
    }
}

/// What a call gives if it is a transfer.
fn gives<'t>(cx: &Context<'t>, call: Node<'t>) -> Option<Gives> {
    let function = call.child("function")?;
    let arguments: Vec<_> = call.child("arguments")?.named_children().collect();
    Some(match (function.child("attribute")?.text(), &arguments[..]) {
        ("item", []) => Gives::Number,
        ("tolist", []) => Gives::List,
        // Without a copy from the device, the array is another name of the tensor's memory.
        ("numpy", []) if comes_to_host(function.child("object")?) => Gives::Array,
        ("cpu", []) => Gives::OnHost,
        ("cuda", []) => Gives::OnDevice,
        ("to", [only]) => {
            let device = match only.child("name") {
                Some(name) if only.is("keyword_argument") => only.child("value").filter(|_| name.text() == "device")?,
                _ => *only,
            };
            cx.facts().device(device)?;
            if device.is("string") && device.text().contains("cpu") { Gives::OnHost } else { Gives::OnDevice }
        }
        _ => return None,
    })
}

/// Whether a chain of methods holds `.cpu()` or `.to("cpu")`.
fn comes_to_host(chain: Node<'_>) -> bool {
    let mut node = chain.unparenthesized();
    while let Some(function) = node.child("function").filter(|_| node.is("call")) {
        let arguments = node.child("arguments").map_or("", Node::text);
        match function.child("attribute").map(Node::text) {
            Some("cpu") => return true,
            Some("to") if arguments.contains("cpu") => return true,
            _ => {}
        }
        match function.child("object") {
            Some(object) => node = object.unparenthesized(),
            None => return false,
        }
    }
    false
}

/// Whether a further method of the same chain is a transfer: that one is judged.
fn is_continued<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    let mut node = call;
    loop {
        let Some(attribute) = node.parent().filter(|parent| parent.is("attribute") && node.field() == Some("object")) else {
            return false;
        };
        let Some(outer) = attribute.parent().filter(|outer| outer.is("call") && attribute.field() == Some("function")) else {
            return false;
        };
        let method = attribute.child("attribute").map_or("", Node::text);
        if METHODS.contains(&method) && gives(cx, outer).is_some() {
            return true;
        }
        node = outer;
    }
}

/// Whether a loop counts epochs and its steps are loops or calls that take long.
pub(in crate::transforms) fn is_of_epochs(a_loop: Node<'_>) -> bool {
    let has_steps = |node: Node<'_>| {
        node.is("for_statement")
            || node.is("call")
                && node.child("function").is_some_and(|function| {
                    let name = function.child("attribute").unwrap_or(function).text();
                    ["train", "fit", "epoch", "evaluate", "validate"].iter().any(|word| name.contains(word))
                        && function.text() != "model.train"
                        && node.child("arguments").is_some_and(|arguments| arguments.named_children().next().is_some())
                })
    };
    heat::is_epoch_loop(a_loop) && a_loop.child("body").is_some_and(|body| body.descendants().any(has_steps))
}

/// Whether a name that is bound here would become an attribute of a class.
pub(in crate::transforms) fn is_in_class_body(node: Node<'_>) -> bool {
    let scope = node.ancestors().find(|around| around.is_any(&["function_definition", "lambda", "class_definition"]));
    scope.is_some_and(|scope| scope.is("class_definition"))
}

/// Whether a decorator, or the file, has the function compiled.
pub(in crate::transforms) fn is_compiled<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    let decorated = node.ancestors().filter(|around| around.is("decorated_definition"));
    let mut decorators = decorated.flat_map(Node::named_children).filter(|child| child.is("decorator"));
    let is_compiler = |text: &str| ["jit", "compile", "vmap", "script"].iter().any(|word| text.contains(word));
    decorators.any(|decorator| is_compiler(decorator.text()) && !decorator.text().contains("is_compiling"))
        || ["jit.script", "fx.symbolic_trace"].iter().any(|word| cx.tree.code().contains(word))
}
