//! Signs that calls are meant to share the default: a cache, a counter, a registry.

use super::calls::Calls;
use super::default::Made;
use super::parameter::Parameter;
use super::uses::{One, Uses, What};
use crate::engine::edit::docstring;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::semantics::effects::{Escape, Mutation, MutationKind, Read, Use};

/// A sign, in a sentence that goes on after "unsafe, because", and where it stands.
pub(super) type Sign<'t> = (String, Node<'t>);

/// Words in the name of a parameter that is kept from call to call.
const TELLING: &[&str] = &["cache", "cached", "memo", "registry", "seen", "stack", "state", "static", "counter"];

/// Methods that take something out.
const TAKING: &[&str] = &["pop", "popitem", "popleft", "remove", "discard", "clear", "get", "get_nowait"];

/// The first sign that the sharing is meant, for a parameter that is changed or handed on.
pub(super) fn deliberate<'t>(
    cx: &Context<'t>,
    parameter: &Parameter<'t>,
    made: &Made,
    uses: &Uses<'t>,
    calls: &Calls<'t>,
) -> Option<Sign<'t>> {
    telling_name(parameter)
        .or_else(|| stateful_kind(parameter, made))
        .or_else(|| uses.all.iter().find_map(|one| telling_use(parameter, made, one)))
        .or_else(|| changed_by_constructor(parameter, uses))
        .or_else(|| read_and_changed(parameter, uses))
        .or_else(|| handed_out(parameter, uses))
        .or_else(|| shown_in_docstring(parameter))
        .or_else(|| uses.first_mutation().and_then(|_| said_in_words(parameter)))
        .or_else(|| accumulating_calls(cx, parameter, uses, calls))
}

fn telling_name<'t>(parameter: &Parameter<'t>) -> Option<Sign<'t>> {
    let name = parameter.name.text();
    let lower = name.to_ascii_lowercase();
    let words = || lower.split('_').map(|word| word.strip_suffix('s').unwrap_or(word));
    let telling = name.starts_with('_') || words().any(|word| TELLING.contains(&word) || word.contains("cache"));
    telling.then(|| (format!("the name `{name}` says that it is kept from call to call"), parameter.name))
}

fn stateful_kind<'t>(parameter: &Parameter<'t>, made: &Made) -> Option<Sign<'t>> {
    let name = parameter.name.text();
    made.is_stateful.then(|| (format!("a {} like that of `{name}` is usually shared on purpose", made.what), parameter.value))
}

/// What is done at one place and makes sense only from call to call.
fn telling_use<'t>(parameter: &Parameter<'t>, made: &Made, one: &One<'t>) -> Option<Sign<'t>> {
    let name = parameter.name.text();
    let sign = |text: String| Some((text, one.mention));
    match &one.what {
        What::Use(Use::Mutated(Mutation { kind, node, .. })) => match kind {
            _ if takes_out(kind) => sign(format!("things are taken out of `{name}` again, as out of a store that lasts")),
            MutationKind::Method("setdefault") if is_value_used(*node) => {
                sign(format!("what `{name}` holds already is used again, as in a cache"))
            }
            MutationKind::SetItem(_) if is_in_augmented_assignment(*node) => {
                sign(format!("`{name}` is counted up from what it held before"))
            }
            MutationKind::SetItem(_) if !made.is_empty && matches!(made.what, "list" | "array" | "bytearray") => {
                sign(format!("a place of `{name}` is overwritten, as in a variable that lasts"))
            }
            _ => None,
        },
        What::Use(Use::Escapes(Escape::Stored(target))) if stores_dict(*target, one.mention) => {
            sign("all instances share their attributes through it".to_string())
        }
        _ => None,
    }
}

fn takes_out(kind: &MutationKind<'_>) -> bool {
    match kind {
        MutationKind::Method(method) => TAKING.contains(method),
        MutationKind::Function(function) => {
            ["heappop", "heapreplace", "heappushpop"].iter().any(|name| function.ends_with(name))
        }
        MutationKind::DeleteItem(_) | MutationKind::DeleteSlice(_) => true,
        _ => false,
    }
}

fn is_value_used(call: Node<'_>) -> bool {
    !call.parent().is_some_and(|parent| parent.is("expression_statement"))
}

fn is_in_augmented_assignment(target: Node<'_>) -> bool {
    target.and_ancestors().take_while(|node| !node.is_statement()).any(|node| node.is("augmented_assignment"))
}

/// `self.__dict__ = shared`.
fn stores_dict(target: Node<'_>, mention: Node<'_>) -> bool {
    let statement = mention.statement().map(Node::text).unwrap_or_default();
    target.text().contains("__dict__") || statement.contains("__dict__")
}

fn changed_by_constructor<'t>(parameter: &Parameter<'t>, uses: &Uses<'t>) -> Option<Sign<'t>> {
    parameter.class()?;
    let name = parameter.function.child("name")?.text();
    let constructor = ["__init__", "__new__", "__post_init__", "__init_subclass__"].contains(&name);
    let changed = constructor.then(|| uses.first_mutation()).flatten()?;
    let because =
        format!("a constructor changes `{}`, as where objects enter themselves into a registry", parameter.name.text());
    Some((because, changed.mention))
}

fn read_and_changed<'t>(parameter: &Parameter<'t>, uses: &Uses<'t>) -> Option<Sign<'t>> {
    uses.first_mutation()?;
    let name = parameter.name.text();
    let read = uses.all.iter().find(|one| match &one.what {
        What::PartMutated | What::MutatedInside | What::Use(Use::Escapes(Escape::Captured(_))) => true,
        What::Use(Use::Read(Read::NoneTest(_) | Read::Ignored)) => false,
        What::Use(Use::Read(_)) => !one.is_unpacked(),
        // Whoever gets the object reads in it, unless it is the function itself, further down.
        What::Use(Use::Escapes(Escape::Passed(call))) => !is_recursion(parameter, *call) && !only_completed(uses),
        What::Use(_) => false,
    })?;
    Some((
        format!("`{name}` is read as well as changed, so that a call may be meant to see what earlier ones left there"),
        read.mention,
    ))
}

/// Whether every change writes an entry of a fixed name, as a function does that completes its options: what one call leaves
/// there the next one overwrites.
fn only_completed(uses: &Uses<'_>) -> bool {
    uses.all.iter().filter(|one| one.is_mutation()).all(|one| match &one.what {
        What::Use(Use::Mutated(Mutation { kind: MutationKind::SetItem(key), node, .. })) => {
            key.is("string") && key.child_of_kind("interpolation").is_none() && !is_in_augmented_assignment(*node)
        }
        _ => false,
    })
}

fn is_recursion(parameter: &Parameter<'_>, call: Node<'_>) -> bool {
    let name = parameter.function.child("name").map(Node::text);
    let called = call.child("function");
    let called = called.map(|called| called.child("attribute").unwrap_or(called).text());
    name.is_some() && name == called
}

fn handed_out<'t>(parameter: &Parameter<'t>, uses: &Uses<'t>) -> Option<Sign<'t>> {
    if uses.first_mutation().is_some() {
        return None;
    }
    let name = parameter.name.text();
    let given = uses.all.iter().find(|one| {
        let is_returned = matches!(one.what, What::Use(Use::Escapes(Escape::Returned)));
        is_returned && one.mention.parent().is_some_and(|parent| parent.is("return_statement"))
    })?;
    Some((format!("`{name}` is given out unchanged, as by an accessor of the one object"), given.mention))
}

/// A comment or docstring that speaks of sharing.
fn said_in_words<'t>(parameter: &Parameter<'t>) -> Option<Sign<'t>> {
    let telling = [
        "on purpose",
        "intentional",
        "deliberate",
        "shared",
        "across calls",
        "between calls",
        "persist",
        "memoiz",
        "accumulates over",
        "keeps state",
    ];
    let comments = parameter.function.descendants().filter(|node| node.is("comment"));
    let words = comments.chain(docstring(parameter.function)).find(|words| {
        let text = words.text().to_lowercase();
        telling.iter().any(|word| text.contains(word))
    })?;
    Some(("the words beside it may say that the sharing is meant".to_string(), words))
}

fn shown_in_docstring<'t>(parameter: &Parameter<'t>) -> Option<Sign<'t>> {
    let text = docstring(parameter.function)?;
    let name = parameter.function.child("name")?.text();
    let shown = text.text().contains(">>>") && text.text().contains(&format!("{name}("));
    shown.then(|| ("the examples in the docstring may show what calls share".to_string(), text))
}

fn accumulating_calls<'t>(cx: &Context<'t>, parameter: &Parameter<'t>, uses: &Uses<'t>, calls: &Calls<'t>) -> Option<Sign<'t>> {
    uses.first_mutation()?;
    let name = parameter.name.text();
    if let Some(call) = calls.recursion_without() {
        return Some((format!("the function calls itself without `{name}` and relies on the shared one"), call));
    }
    // What nobody else ever sees cannot be shared on purpose.
    uses.first_escape()?;
    if let Some(call) = calls.accumulating(cx) {
        return Some((format!("the file may rely on what several calls put into `{name}`"), call));
    }
    let mention = calls.handed_on()?;
    Some(("the function is handed to somebody whose calls cannot be seen".to_string(), mention))
}
