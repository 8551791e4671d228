//! Who looks at a signature: decorators, frameworks, tracers, comments that give types.

use super::parameter::{Parameter, class_around, decorators};
use crate::engine::edit::is_signature_comment;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// What a reader of the signature means for a fix.
pub(super) enum Reader<'t> {
    /// It would read something else, or refuse the function.
    Forbids(String, Node<'t>),
    /// It might.
    Doubtful(String, Node<'t>),
}

/// Decorators that do not look at the signature. All of them return the function or call it with what they get.
const HARMLESS: &[&str] = &[
    "builtins.staticmethod",
    "builtins.classmethod",
    "builtins.property",
    "abc.abstractmethod",
    "typing.override",
    "typing.final",
    "typing.overload",
    "typing.no_type_check",
    "typing_extensions.override",
    "typing_extensions.final",
    "typing_extensions.overload",
    "functools.wraps",
    "contextlib.contextmanager",
    "contextlib.asynccontextmanager",
    "torch.no_grad",
    "torch.enable_grad",
    "torch.inference_mode",
];

/// Last parts of the names of decorators that save, check or compile the signature.
const READING: &[&str] = &[
    "register_to_config",
    "validated",
    "validate_call",
    "validate_arguments",
    "configurable",
    "store_args",
    "njit",
    "jit",
    "vectorize",
    "guvectorize",
];

/// Packages whose decorators and runners make commands, routes or settings out of signatures.
const FRAMEWORKS: &[&str] = &["fastapi", "typer", "click", "gin", "hydra", "pydantic", "numba", "jax", "sacred"];

/// Names by which routers and command groups of those packages add a function.
const ROUTES: &[&str] = &[
    "get",
    "post",
    "put",
    "delete",
    "patch",
    "head",
    "options",
    "websocket",
    "route",
    "api_route",
    "command",
    "callback",
    "group",
    "main",
    "capture",
    "automain",
];

/// Names that show that the file looks at signatures or defaults.
const INTROSPECTION: &[&str] = &["getfullargspec", "getargspec", "__defaults__", "__kwdefaults__", "symbolic_trace"];

/// Packages that make configuration or commands out of defaults without any decorator.
const CONFIGURATION: &[&str] = &["fire", "gin", "sacred", "jsonargparse"];

/// The reader of the signature that matters most, if there is any.
pub(super) fn reader<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Option<Reader<'t>> {
    let decorated = || decorators(parameter.function).filter_map(|decorator| decorated(cx, decorator));
    type_comment(cx, parameter)
        .or_else(|| decorated().find(|reader| matches!(reader, Reader::Forbids(..))))
        .or_else(|| estimator(cx, parameter))
        .or_else(|| runner(cx, parameter))
        .or_else(|| decorated().next())
        .or_else(|| decorated_class(cx, parameter))
        .or_else(|| torchscript_elsewhere(cx))
        .or_else(|| forward(parameter))
        .or_else(|| introspection(cx))
}

/// Whether `TorchScript` certainly compiles the function, so that only `Optional[..]` will do.
pub(super) fn is_scripted<'t>(cx: &Context<'t>, function: Node<'t>) -> bool {
    let names =
        [function, class_around(function).unwrap_or(function)].map(|definition| definition.child("name").map(Node::text));
    let is_given = |call: Node<'t>| {
        let given = call.child("arguments").and_then(|arguments| arguments.named_children().next());
        let given = given.map(|given| if given.is("call") { given.child("function").unwrap_or(given) } else { given });
        given.is_some_and(|given| names.contains(&Some(given.text())))
    };
    decorators(function).any(|decorator| is_torchscript(cx, decorator)) || scripting_calls(cx).any(is_given)
}

fn target(decorator: Node<'_>) -> Node<'_> {
    if decorator.is("call") { decorator.child("function").unwrap_or(decorator) } else { decorator }
}

fn last_segment(node: Node<'_>) -> &str {
    node.child("attribute").unwrap_or(node).text()
}

fn is_torchscript<'t>(cx: &Context<'t>, decorator: Node<'t>) -> bool {
    let name = cx.facts().qualified_name(target(decorator));
    matches!(name.as_deref(), Some(["torch", "jit", "script" | "export" | "script_method" | "interface"]))
}

fn decorated<'t>(cx: &Context<'t>, decorator: Node<'t>) -> Option<Reader<'t>> {
    let target = target(decorator);
    let name = cx.facts().qualified_name(target);
    let dotted = name.as_ref().map(|name| name.join("."));
    if dotted.as_deref().is_some_and(|name| HARMLESS.contains(&name)) {
        return None;
    }
    // Have: `try: from typing import override` and the like, where no single origin is known
    if name.is_none() && ["override", "final", "overload", "abstractmethod"].contains(&last_segment(target)) {
        return None;
    }
    let text = target.text();
    if is_torchscript(cx, decorator) {
        return Some(Reader::Doubtful(format!("`{text}` compiles the signature"), decorator));
    }
    let package = name.as_ref().and_then(|name| name.first()).copied().unwrap_or_default();
    let route = ROUTES.contains(&last_segment(target))
        && ["fastapi", "typer", "click", "sacred"].iter().any(|name| is_imported(cx, name));
    if READING.contains(&last_segment(target)) || FRAMEWORKS.contains(&package) || route {
        return Some(Reader::Forbids(format!("`{text}` reads the signature, and would find None there"), decorator));
    }
    Some(Reader::Doubtful(format!("the decorator `{text}` may read the signature"), decorator))
}

/// A decorator of the class may go through its methods.
fn decorated_class<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Option<Reader<'t>> {
    let harmless = ["dataclasses.dataclass", "functools.total_ordering", "enum.unique", "typing.runtime_checkable"];
    let mut others = decorators(parameter.class()?).filter(|decorator| {
        let name = cx.facts().qualified_name(target(*decorator)).map(|name| name.join("."));
        !name.is_some_and(|name| harmless.contains(&name.as_str()) || HARMLESS.contains(&name.as_str()))
    });
    let other = others.next()?;
    Some(Reader::Doubtful(format!("the decorator `{}` of the class may read the signature", target(other).text()), other))
}

/// Whether any import statement of the file names this package.
fn is_imported(cx: &Context<'_>, package: &str) -> bool {
    let mut statements = cx.tree.of_kind("import_statement").chain(cx.tree.of_kind("import_from_statement"));
    statements.any(|statement| {
        let from = statement.child("module_name").into_iter();
        let names = statement.children_of("name").filter(|_| statement.is("import_statement"));
        from.chain(names).any(|name| name.text().split(['.', ' ']).next() == Some(package))
    })
}

/// scikit-learn's `get_params` and `clone` demand that the attribute is the very object that was passed.
fn estimator<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Option<Reader<'t>> {
    let class = parameter.class()?;
    if parameter.function.child("name")?.text() != "__init__" {
        return None;
    }
    let mixins = ["TransformerMixin", "ClassifierMixin", "RegressorMixin", "ClusterMixin", "OutlierMixin"];
    let base = super::family::bases(cx, class).into_iter().find(|base| {
        let name = last_segment(*base);
        name == "BaseEstimator"
            || mixins.contains(&name)
            || cx.facts().qualified_name(*base).is_some_and(|name| name[0] == "sklearn")
    })?;
    Some(Reader::Forbids("an estimator must keep its parameters as they were passed".to_string(), base))
}

/// `typer.run(main)`, `Depends(main)`.
fn runner<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Option<Reader<'t>> {
    let id = cx.facts().scopes().variable_of(parameter.function.child("name")?)?;
    if parameter.class().is_some() {
        return None;
    }
    let mut mentions = cx.facts().scopes().variable(id).references.iter().copied();
    mentions.find_map(|mention| {
        let call = mention.parent().filter(|list| list.is("argument_list"))?.parent()?;
        let name = cx.facts().called_name(call)?;
        FRAMEWORKS
            .contains(&name[0])
            .then(|| Reader::Forbids(format!("`{}` reads the signature, and would find None there", name.join(".")), call))
    })
}

/// The calls of `torch.jit.script` in the file.
fn scripting_calls<'t>(cx: &Context<'t>) -> impl Iterator<Item = Node<'t>> {
    let possible = !cx.facts().spelled("jit").is_empty();
    let calls = possible.then(|| cx.tree.of_kind("call")).into_iter().flatten();
    calls.filter(|call| matches!(cx.facts().called_name(*call).as_deref(), Some(["torch", "jit", "script"])))
}

fn torchscript_elsewhere<'t>(cx: &Context<'t>) -> Option<Reader<'t>> {
    let call = scripting_calls(cx).next()?;
    Some(Reader::Doubtful("the file compiles code with `torch.jit.script`".to_string(), call))
}

/// A tracer sees both ways of `x is None` as one.
fn forward<'t>(parameter: &Parameter<'t>) -> Option<Reader<'t>> {
    class_around(parameter.function)?;
    let name = parameter.function.child("name").filter(|name| name.text() == "forward")?;
    Some(Reader::Doubtful("`forward` may be traced, and a tracer does not see the guard".to_string(), name))
}

fn introspection<'t>(cx: &Context<'t>) -> Option<Reader<'t>> {
    let is_called = |node: &Node<'t>| {
        let callee = node.parent().filter(|parent| parent.is("attribute")).unwrap_or(*node);
        callee.field() == Some("function")
    };
    let words = INTROSPECTION.iter().filter_map(|word| cx.facts().spelled(word).first());
    let found = words.chain(cx.facts().spelled("signature").iter().find(|node| is_called(node))).min().copied();
    if let Some(found) = found {
        return Some(Reader::Doubtful(format!("the file looks at signatures: `{}`", found.text()), found));
    }
    let package = CONFIGURATION.iter().find(|package| is_imported(cx, package))?;
    Some(Reader::Doubtful(format!("the file imports `{package}`, which reads signatures"), cx.tree.root()))
}

/// `acc=[],  # type: list` and `# type: (int, list) -> list`.
fn type_comment<'t>(cx: &Context<'t>, parameter: &Parameter<'t>) -> Option<Reader<'t>> {
    let is_type = |comment: &Node<'_>| {
        let text = comment.text().trim_start_matches('#').trim_start();
        text.strip_prefix("type:").is_some_and(|kind| !kind.trim_start().starts_with("ignore"))
    };
    let line = cx.source.line(parameter.node.end());
    let behind = parameter.function.child("parameters").into_iter().flat_map(Node::children);
    let behind = behind.filter(|child| child.is("comment") && cx.source.line(child.start()) == line).find(is_type);
    let signature = parameter
        .function
        .children()
        .filter(|child| child.is("comment"))
        .find(|comment| is_signature_comment(*comment) && !comment.text().replace(' ', "").contains("type:(...)"));
    let comment = behind.or(signature)?;
    Some(Reader::Forbids("its type stands in a comment, which would have to admit None as well".to_string(), comment))
}
