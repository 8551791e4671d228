//! `json.load(open(p))`, `open(p).read()`, `for line in open(p):`: files without a name.

use std::ops::Range;

use super::lifetime::{self, Birth, Refusal};
use super::{NEVER_CLOSED, Verdict, comments, doubts, fresh, layout, named, short, tier};
use crate::engine::edit::Edit;
use crate::engine::finding::Fix;
use crate::engine::reindent::Run;
use crate::engine::syntax::Node;
use crate::engine::transform::Context;
use crate::engine::wrap;
use crate::semantics::handles::{End, Family, Fate, Opener, argument, positional};

/// How the `with` and the statement fit together.
enum Plan<'t> {
    /// The statements from the opener's to this one go into the `with`.
    Whole(Node<'t>),
    /// Only this part of the statement goes in, and gets a name.
    Part(Node<'t>),
    /// This argument is evaluated above the `with`, and gets a name; the statement goes in.
    Before(Node<'t>),
}

/// What is said about `value`, which opens a file: the call of `opener`, or a choice between it and others.
pub(super) fn judge<'t>(
    cx: &Context<'t>,
    opener: &Opener<'t>,
    value: Node<'t>,
    fate: Fate<'t>,
    statement: Node<'t>,
) -> Verdict {
    let call = value;
    let message = message(fate);
    let report = |because: &str| Verdict::report(message.clone(), because);
    if !cx.facts().runs_with_statement(call) {
        return report("it is not opened exactly once whenever this statement runs");
    }
    if opener.family == Family::Temporary {
        return report("a temporary file is gone as soon as it is closed");
    }
    if named::calls(cx, call).into_iter().flatten().any(|call| named::is_descriptor(cx, call)) {
        return Verdict::Left("it is opened on a descriptor, which may belong to somebody else".to_string());
    }
    let mut reasons: Vec<String> = doubts(cx, opener).into_iter().collect();
    if opener.family == Family::Database {
        reasons.push("it was closed when nothing held it any more, and rows may be asked for later".to_string());
    }
    let plan = match plan(cx, opener, call, fate, statement, &mut reasons) {
        Ok(plan) => plan,
        Err(Refusal::Report(because)) => return report(&because),
        Err(Refusal::Left(because)) => return Verdict::Left(because),
    };
    // Have: what goes into the `with`
    reasons.extend(named::about_management(cx, statement, statement.end()));
    let scopes = cx.facts().scopes();
    if scopes.is_dynamic(scopes.scope_of(statement)) {
        reasons.push("this scope's names are looked at from outside (`locals()`, `exec` or the like)".to_string());
    }
    if let Some(comment) = comments::for_a_tool(cx, statement) {
        reasons.push(format!("`{comment}` may speak of the `{}`, which moves to another line", function(call)));
    }
    let Some(file) = fresh::name(cx, statement, fresh::for_what(opener)) else {
        return report("no usual name for a file is free here");
    };
    let made = match plan {
        Plan::Whole(last) => whole(cx, call, statement, last, file, Vec::new()),
        Plan::Before(argument) => {
            let names = ["data", "obj", "value", "content"];
            match fresh::name(cx, statement, &names) {
                Some(name) => bound_before(cx, call, statement, argument, file, name),
                None => Err("no usual name for the value is free here".to_string()),
            }
        }
        Plan::Part(part) => match value_name(cx, statement, part, opener) {
            Some(name) => in_part(cx, call, statement, part, file, name),
            None => Err("no usual name for what is read is free here".to_string()),
        },
    };
    match made {
        Ok((edits, span)) => {
            let title = "Open it in a `with` block".to_string();
            Verdict::Fix { message, fix: Fix { title, tier: tier(reasons), edits, imports: Vec::new(), span } }
        }
        Err(because) => report(&because),
    }
}

fn message(fate: Fate<'_>) -> String {
    match fate.end {
        End::Used(call) | End::Passed(call) if call.is("call") => {
            let name = function(call);
            if name.contains('(') || name.contains('\n') {
                NEVER_CLOSED.to_string()
            } else {
                format!("the file that `{name}` gets is never closed")
            }
        }
        End::Loop(_) => "the file that this loop reads is never closed".to_string(),
        _ => NEVER_CLOSED.to_string(),
    }
}

fn function(call: Node<'_>) -> &str {
    short(call.child("function").map_or("open", Node::text))
}

fn plan<'t>(
    cx: &Context<'t>,
    opener: &Opener<'t>,
    call: Node<'t>,
    fate: Fate<'t>,
    statement: Node<'t>,
    reasons: &mut Vec<String>,
) -> Result<Plan<'t>, Refusal> {
    let report = |because: String| Err(Refusal::Report(because));
    let before = evaluated_before(cx, statement, call);
    reasons.extend(read_before(cx, statement, call));
    let used = match fate.end {
        End::Loop(around) if around == statement => {
            return match before {
                None => Ok(Plan::Whole(statement)),
                Some(node) => report(format!("`{}` runs before it is opened", short(node.text()))),
            };
        }
        End::Bound(name) => {
            let scopes = cx.facts().scopes();
            let is_plain = named::opening(name).is_some();
            let Some(id) = scopes.variable_of(name).filter(|_| is_plain && before.is_none()) else {
                return report("what reads from it gets its name inside an expression".to_string());
            };
            let life = lifetime::of(cx, Birth::at(statement), id, false, opener.family)?;
            reasons.extend(life.doubts);
            return Ok(Plan::Whole(life.last));
        }
        End::Passed(consumer) => return unknown(cx, opener, consumer, statement, before, reasons),
        End::Used(used) => used,
        _ => return report("it is not known what reads from it".to_string()),
    };
    // Have: an eager consumer, and the statement that it stands in
    if used.is("attribute") && opener.family != Family::Image {
        return report(format!("only its `{}` is asked for", used.child("attribute").map_or("attribute", Node::text)));
    }
    let openers = named::calls(cx, call).into_iter().flatten().filter_map(|call| cx.facts().opener(call));
    let is_reading = openers.into_iter().all(|opener| opener.family != Family::Archive && is_reading(&opener));
    if is_reading && statement.only_child() == Some(used) && statement.is("expression_statement") && !fate.is_derived {
        let method = used.child("function").and_then(|f| f.child("attribute")).map_or("", Node::text);
        if method.starts_with("read") && method != "read_file" && method != "readfp" {
            return Err(Refusal::Left("what is read is not used, or is the output of a notebook's cell".to_string()));
        }
    }
    let is_simple = statement.is_any(&["expression_statement", "return_statement"]);
    let has_header = statement.is_any(&["if_statement", "for_statement"]);
    if !is_simple && !has_header {
        return report(format!("it stands in a `{}`", statement.kind().replace("_statement", "").replace('_', " ")));
    }
    let after = evaluated_after(cx, statement, used);
    if let Some(node) = before {
        let argument = argument_before(used, call, node).filter(|_| is_simple && after.is_none());
        return match argument {
            Some(argument) if only_impurity(cx, statement, call, argument) => Ok(Plan::Before(argument)),
            _ => report(format!("`{}` runs before it is opened, and would run after it", short(node.text()))),
        };
    }
    match after {
        None if is_simple => Ok(Plan::Whole(statement)),
        _ if is_reading => Ok(Plan::Part(used)),
        _ => report("more runs after the file is written in this statement, and may read it".to_string()),
    }
}

/// The consumer is a function of which nothing is known.
fn unknown<'t>(
    cx: &Context<'t>,
    opener: &Opener<'t>,
    consumer: Node<'t>,
    statement: Node<'t>,
    before: Option<Node<'t>>,
    reasons: &mut Vec<String>,
) -> Result<Plan<'t>, Refusal> {
    let name = function(consumer);
    let fate = cx.facts().fate(consumer);
    let is_class = consumer.child("function").is_some_and(|function| cx.facts().may_be_class(function));
    let stays = matches!(fate.end, End::Stored(_) | End::Captured(_) | End::Kept(_) | End::Wrapped(_) | End::Yielded);
    let is_simple = statement.is_any(&["expression_statement", "return_statement"]) || fate.end == End::Loop(statement);
    if let Some(node) = before {
        return Err(Refusal::Report(format!("`{}` runs before it is opened", short(node.text()))));
    }
    // `f = checked(GzipFile(f))`, `connection = prepared(socket.socket())`: what gets the name is the handle all the same.
    let is_handle = match fate.end {
        End::Bound(name) => {
            let mut mentions = opener.call.descendants().filter(|node| node.is("identifier"));
            opener.name.starts_with("socket.") || mentions.any(|mention| mention.text() == name.text())
        }
        _ => false,
    };
    if is_handle || is_class || stays || !is_simple || is_generator(cx, consumer) && fate.end != End::Loop(statement) {
        return Err(Refusal::Report(format!("`{name}` may keep it, or read from it later")));
    }
    if evaluated_after(cx, statement, consumer).is_some() && fate.end != End::Loop(statement) {
        return Err(Refusal::Report(format!("`{name}` may keep it, and more runs after that in this statement")));
    }
    reasons.push(format!("`{name}` may keep it, or read from it later"));
    Ok(Plan::Whole(statement))
}

/// Whether a call calls a generator function of this file.
fn is_generator<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    let Some(function) = call.child("function") else { return false };
    let name = function.child("attribute").unwrap_or(function).text();
    let functions = cx.tree.root().descendants().filter(|node| node.is("function_definition"));
    let mut named = functions.filter(|node| node.child("name").is_some_and(|n| n.text() == name));
    named.any(|definition| definition.descendants().any(|node| node.is("yield") && cx.facts().owner(node) == definition))
}

/// Whether the mode is known and only reads.
pub(super) fn is_reading(opener: &Opener<'_>) -> bool {
    let index = usize::from(opener.name != "pathlib.Path.open");
    match opener.family {
        Family::Connection | Family::Arrays | Family::Image => return true,
        Family::Database => return false,
        Family::File | Family::Archive | Family::Temporary => {}
    }
    let mode = positional(opener.call, index).or_else(|| argument(opener.call, "mode"));
    match mode {
        Some(mode) => mode.is("string") && !mode.text().contains(['w', 'a', 'x', '+']),
        None => true,
    }
}

/// The part of a statement that is evaluated when the statement starts.
fn evaluated_first(statement: Node<'_>) -> Vec<Node<'_>> {
    match statement.kind() {
        "if_statement" => statement.child("condition").into_iter().collect(),
        "for_statement" => statement.child("right").into_iter().collect(),
        _ => vec![statement],
    }
}

/// Targets of the assignments of a statement: they are evaluated after the value.
fn targets(statement: Node<'_>) -> Vec<Node<'_>> {
    let assignments = statement.walk(|node| node.is("call")).filter(|node| node.is("assignment"));
    assignments.flat_map(|assignment| [assignment.child("left"), assignment.child("type")]).flatten().collect()
}

/// Whether a node is the element of a comprehension over what `call` gives: it stands in front, and runs later.
fn is_element(node: Node<'_>, call: Node<'_>) -> bool {
    let around = node.ancestors().take_while(|around| !around.is_statement()).filter(|around| around.contains(call));
    around.filter(|around| around.kind().ends_with("_comprehension") || around.is("generator_expression")).any(|around| {
        let first = around.child_of_kind("for_in_clause");
        first.is_some_and(|first| first.contains(call)) && around.child("body").is_some_and(|body| body.contains(node))
    })
}

/// Something that the statement does before it opens the file.
fn evaluated_before<'t>(cx: &Context<'t>, statement: Node<'t>, call: Node<'t>) -> Option<Node<'t>> {
    let late = targets(statement);
    let parts = evaluated_first(statement).into_iter().flat_map(|part| part.walk(|node| node == call || node.is("lambda")));
    let earlier = parts.filter(|node| node.end() <= call.start() && !late.iter().any(|target| target.contains(*node)));
    let earlier = earlier.filter(|node| !is_element(*node, call));
    let calls = earlier.filter(|node| node.is_any(&["call", "await", "yield", "named_expression"]));
    calls.filter(|node| !(node.is("call") && cx.facts().is_pure_call(*node))).find(|node| !node.contains(call))
}

/// What to say when the statement reads an attribute or an item before unknown code runs to find the path: with the file
/// opened in front, it is the other way round.
fn read_before<'t>(cx: &Context<'t>, statement: Node<'t>, call: Node<'t>) -> Option<String> {
    let runs = call.descendants().find(|node| node.is("call") && !cx.facts().is_pure_call(*node))?;
    let late = targets(statement);
    let parts = evaluated_first(statement).into_iter().flat_map(|part| part.walk(|node| node == call || node.is("lambda")));
    let mut earlier = parts.filter(|node| node.end() <= call.start() && !late.iter().any(|target| target.contains(*node)));
    let reads = |node: &Node<'t>| {
        let is_function = matches!(node.field(), Some("function" | "object"));
        node.is_any(&["attribute", "subscript"]) && !is_function && cx.facts().qualified_name(*node).is_none()
    };
    let read = earlier.find(|node| reads(node) && !is_element(*node, call))?;
    Some(format!("`{}` is read before `{}` runs, and would be read after it", short(read.text()), short(runs.text())))
}

/// Something that the statement does after `used` has its value.
fn evaluated_after<'t>(cx: &Context<'t>, statement: Node<'t>, used: Node<'t>) -> Option<Node<'t>> {
    if statement.is_any(&["if_statement", "for_statement"]) {
        return Some(statement);
    }
    for around in used.ancestors().take_while(|around| *around != statement) {
        let pure = match around.kind() {
            "call" => cx.facts().is_pure_call(around),
            "await" | "yield" | "named_expression" | "lambda" => false,
            kind if kind.ends_with("_comprehension") || kind == "generator_expression" => {
                around.descendants().filter(|node| !used.contains(*node)).all(|node| {
                    !node.is_any(&["call", "await", "yield", "named_expression"])
                        || node.is("call") && (node.contains(used) || cx.facts().is_pure_call(node))
                })
            }
            _ => true,
        };
        if !pure {
            return Some(around);
        }
    }
    let late = targets(statement);
    let later = statement.descendants().filter(|node| {
        !used.contains(*node) && (node.start() >= used.end() || late.iter().any(|target| target.contains(*node)))
    });
    let mut calls = later.filter(|node| node.is_any(&["call", "await", "yield", "named_expression"]));
    calls.find(|node| !(node.is("call") && cx.facts().is_pure_call(*node)))
}

/// The argument of the consumer that holds `node`, when it stands before the one that holds the file.
fn argument_before<'t>(used: Node<'t>, call: Node<'t>, node: Node<'t>) -> Option<Node<'t>> {
    let arguments = used.child("arguments").filter(|arguments| used.is("call") && arguments.is("argument_list"))?;
    let found = arguments.named_children().find(|argument| argument.contains(node) && !argument.contains(call))?;
    let value = if found.is("keyword_argument") { found.child("value")? } else { found };
    // Behind `=` a value may only go on in the next line where brackets hold it.
    let splits = value.text().contains('\n') && {
        let function = value.child("function").map_or("\n", Node::text);
        function.contains('\n')
            && !value.is_any(&["list", "dictionary", "tuple", "set", "list_comprehension", "dictionary_comprehension"])
    };
    (!splits && !value.is_any(&["list_splat", "dictionary_splat", "generator_expression"])).then_some(value)
}

/// Whether nothing else in the statement runs before the file is opened.
fn only_impurity<'t>(cx: &Context<'t>, statement: Node<'t>, call: Node<'t>, argument: Node<'t>) -> bool {
    let late = targets(statement);
    let earlier = statement.walk(|node| node == argument || node == call || node.is("lambda"));
    let mut calls = earlier.filter(|node| {
        *node != argument
            && node.end() <= call.start()
            && !is_element(*node, call)
            && !late.iter().any(|target| target.contains(*node))
    });
    calls.all(|node| {
        !node.is_any(&["call", "await", "yield", "named_expression"]) || node.is("call") && cx.facts().is_pure_call(node)
    }) && !argument.and_descendants().any(|node| node.is_any(&["await", "yield", "named_expression"]))
}

fn value_name<'t>(cx: &Context<'t>, statement: Node<'t>, part: Node<'t>, opener: &Opener<'t>) -> Option<&'t str> {
    let keyword = part.ancestors().take_while(|around| *around != statement).find(|around| around.is("keyword_argument"));
    let keyword = keyword.and_then(|keyword| keyword.child("name")).map(Node::text);
    let method = part.child("function").and_then(|f| f.child("attribute")).map_or("", Node::text);
    let mode = positional(opener.call, 1).or_else(|| argument(opener.call, "mode")).map_or("", Node::text);
    let usual: &[&'static str] = match method {
        _ if opener.family == Family::Image => &["image", "picture", "pixels"],
        _ if opener.family == Family::Arrays => &["array", "values", "loaded"],
        "readlines" => &["lines", "rows", "all_lines"],
        "read" if !mode.contains('b') => &["text", "content", "data"],
        "read" => &["data", "content", "raw"],
        _ => &["data", "loaded", "content"],
    };
    let from_keyword = keyword.filter(|keyword| keyword.len() > 1).and_then(|keyword| fresh::name(cx, statement, &[keyword]));
    from_keyword.or_else(|| fresh::name(cx, statement, usual))
}

type Made = Result<(Vec<Edit>, Range<usize>), String>;

/// `with open(p) as f:` above the statements, which move in.
fn whole<'t>(cx: &Context<'t>, call: Node<'t>, first: Node<'t>, last: Node<'t>, file: &str, lead: Vec<Edit>) -> Made {
    let source = cx.source;
    let run = Run::new(source, first, last).ok_or("it shares its line with other code")?;
    let unit = run.unit(source);
    let indent = run.indent(source).to_string();
    let column = indent.len() + unit.len();
    let line = if lead.is_empty() { layout::on_one_line(cx, first, call, file, column) } else { None };
    let (replaced, text) = if let Some(line) = line {
        (first.range(), line)
    } else {
        // The lines of a chain that began with the call go behind the name.
        let chain = layout::chain(call);
        let splits = source.line(call.end()) != source.line(chain.end());
        let column = unit.len() + source.column(call.start());
        let chain = if splits { chain } else { call };
        (chain.range(), layout::moved(cx, chain, Some((call, file)), column, 0))
    };
    let mut edits = wrap::outside(run.deeper(source, &unit), std::slice::from_ref(&replaced));
    edits.insert(0, Edit::insert(run.lines.start, header(cx, call, &indent, &unit, file)));
    edits.push(Edit::replace(replaced, text));
    let gone: Vec<Range<usize>> = lead.iter().map(|edit| edit.range.clone()).filter(|range| !range.is_empty()).collect();
    let mut all = lead;
    all.extend(wrap::outside(edits, &gone));
    all.sort_by_key(|edit| (edit.range.start, edit.range.end));
    Ok((all, first.start()..last.end()))
}

/// `with open(p) as f:`, with its line end.
fn header<'t>(cx: &Context<'t>, call: Node<'t>, indent: &str, unit: &str, file: &str) -> Vec<u8> {
    let (before, behind) = super::enclosure(cx, call);
    let tail = format!(
        "{behind} as {file}:
"
    );
    let text = layout::head(cx, call, indent, unit, "with ".len() + before.len(), tail.len() - 1);
    [indent.as_bytes(), b"with ", before.as_bytes(), &text, tail.as_bytes()].concat()
}

/// An argument that is evaluated before the file is opened gets a name above the `with`.
fn bound_before<'t>(cx: &Context<'t>, call: Node<'t>, statement: Node<'t>, argument: Node<'t>, file: &str, name: &str) -> Made {
    let source = cx.source;
    let run = Run::new(source, statement, statement).ok_or("it shares its line with other code")?;
    let indent = run.indent(source).to_string();
    let line = [indent.as_bytes(), name.as_bytes(), b" = ", &source.bytes()[argument.range()], b"\n"].concat();
    let lead = vec![Edit::insert(run.lines.start, line), Edit::replace(argument.range(), name)];
    whole(cx, call, statement, statement, file, lead)
}

/// The consumer alone goes into the `with`, above the statement.
fn in_part<'t>(cx: &Context<'t>, call: Node<'t>, statement: Node<'t>, part: Node<'t>, file: &str, name: &str) -> Made {
    let source = cx.source;
    let first = Run::new(source, statement, statement).ok_or("it shares its line with other code")?;
    let unit = first.unit(source);
    let indent = first.indent(source).to_string();
    let column = indent.len() + unit.len() + name.len() + " = ".len();
    let reading = layout::moved(cx, part, Some((call, file)), column, 0);
    let line = [indent.as_bytes(), unit.as_bytes(), name.as_bytes(), b" = ", &reading, b"\n"].concat();
    let text = [header(cx, call, &indent, &unit, file), line].concat();
    let splits = source.code()[part.start()..call.start()].contains('\n') && !part.is("call")
        || source.code()[call.end()..part.end()].contains('\n') && part.child("function").is_some_and(|f| f.contains(call));
    if splits {
        return Err("what reads it goes over several lines".to_string());
    }
    let edits = vec![Edit::insert(first.lines.start, text), Edit::replace(part.range(), name)];
    Ok((edits, statement.range()))
}
