//! Files that are opened without `with`.

mod comments;
mod fresh;
mod guarded;
mod inline;
mod inside;
pub(super) mod layout;
mod lifetime;
pub(super) mod named;
mod words;

use crate::engine::finding::{Finding, Fix, Repair, Tier, Tiers};
use crate::engine::skim::Code;
use crate::engine::syntax::Node;
use crate::engine::transform::{Ask, Context, Findings, Match, Meta, Transform, Widen};
use crate::semantics::handles::{End, Family, Opener};
use crate::semantics::scope::ScopeKind;

/// See the README beside this file.
pub struct OpenWithoutWith;

static META: Meta = Meta {
    id: "open-without-with",
    summary: "opens a file without a `with` that closes it",
    why: "A file that is not closed keeps its descriptor, and what was written to it may not reach the disk.",
    aliases: &["SIM115", "R1732", "consider-using-with"],
    anchors: &[&["open", "File", "socket", "fileinput", "create_connection"]],
    options: &[],
    tier: Some(Tiers::Safe),
    query: include_str!("query.scm"),
    docs: include_str!("README.md"),
};

impl Transform for OpenWithoutWith {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn may_match(&self, code: &Code) -> bool {
        words::may_open(code)
    }

    fn check<'t>(&self, m: &Match<'t>, cx: &Context<'t>, out: &mut Findings) -> Ask<()> {
        let call = m.node("call");
        cx.need(Widen::File)?;
        let Some(opener) = cx.facts().opener(call).filter(|opener| opener.family.is_file()) else { return Ok(()) };
        // Have: a call that opens something
        judge(cx, &opener).say(call, out);
        Ok(())
    }
}

/// What is said about one opener.
pub(super) enum Verdict {
    /// It is managed already.
    Nothing,
    /// No finding, for this reason.
    Left(String),
    Report {
        message: String,
        because: String,
    },
    Fix {
        message: String,
        fix: Fix,
    },
}

impl Verdict {
    pub(super) fn report(message: impl Into<String>, because: impl Into<String>) -> Self {
        Self::Report { message: message.into(), because: because.into() }
    }

    /// Says it of a call.
    pub(super) fn say(self, call: Node<'_>, out: &mut Findings) {
        let (message, repair) = match self {
            Self::Nothing => return,
            Self::Left(because) => return out.leave(call.range(), because),
            Self::Report { message, because } => (message, Repair::None { because }),
            Self::Fix { message, fix } => (message, Repair::Fix(fix)),
        };
        out.push(Finding { range: call.range(), message, evidence: Vec::new(), repair });
    }
}

/// What is said of a file that has no name of its own.
pub(super) const NEVER_CLOSED: &str = "this file is never closed";

pub(super) fn judge<'t>(cx: &Context<'t>, opener: &Opener<'t>) -> Verdict {
    let call = opener.call;
    let fate = cx.facts().fate(call);
    if fate.end == End::Managed {
        return Verdict::Nothing;
    }
    if opener.name.contains("TemporaryDirectory") {
        return Verdict::Nothing;
    }
    let Some(statement) = call.statement() else { return Verdict::Nothing };
    let value = either(cx, call);
    if named::calls(cx, value).is_some_and(|calls| calls[0] != call) {
        return Verdict::Left("it is opened instead of another file, and what is said of that one holds for it".to_string());
    }
    if let Some(because) = awkward_place(cx, call, statement) {
        return Verdict::report(NEVER_CLOSED, because);
    }
    // Have: a statement of a function or module that opens something
    match (fate.end, fate.is_derived) {
        (End::Bound(name), false) => match named::opening(name) {
            Some(opening) => named::judge(cx, opener, &opening),
            None => Verdict::report(NEVER_CLOSED, "it gets its name inside an expression"),
        },
        (End::Used(used), false) if is_close_of(used, call) => {
            Verdict::Left("it is only created or truncated, and closed at once".to_string())
        }
        (End::Returned, false) => Verdict::Left("it is returned: closing it is up to the caller".to_string()),
        (End::Yielded, false) => Verdict::Left("it is yielded: closing it is up to the consumer".to_string()),
        (End::Stored(place), false) => match place.child("left").filter(|_| place.is("assignment")) {
            Some(left) => Verdict::Left(format!("it is kept in `{}`: closing it is up to the owner", left.text())),
            None => Verdict::Left("it is put into a container, and closing it is up to whoever holds that".to_string()),
        },
        (End::Kept(call), _) => Verdict::Left(format!("`{}` keeps it", call.child("function").map_or("the call", Node::text))),
        (End::Captured(_), _) => Verdict::report(NEVER_CLOSED, "it is opened in code that may run later"),
        (End::Wrapped(call), _) => {
            let wrapper = call.child("function").map_or("the wrapper", Node::text);
            Verdict::report(NEVER_CLOSED, format!("`{wrapper}` needs it for as long as it lives itself"))
        }
        (End::Taken(node), _) => Verdict::report(NEVER_CLOSED, format!("`{}` is used on its own", short(node.text()))),
        (End::Returned | End::Yielded | End::Stored(_), true) => {
            Verdict::report(NEVER_CLOSED, "what reads from it is handed on and may be used later")
        }
        (End::Dropped, false) => Verdict::Left("nothing is done with it".to_string()),
        (End::Other(_), _) => Verdict::report(NEVER_CLOSED, "it is used in a way that is not known"),
        _ => inline::judge(cx, opener, value, fate, statement),
    }
}

/// The conditional expression, brackets included, in which a call opens one of several files, all of them opened there;
/// else the call.
fn either<'t>(cx: &Context<'t>, call: Node<'t>) -> Node<'t> {
    let mut value = call;
    let mut node = call;
    while let Some(parent) = node.parent() {
        match parent.kind() {
            "parenthesized_expression" if value == call => {}
            "parenthesized_expression" if value == node => value = parent,
            "conditional_expression" if named::calls(cx, parent).is_some() => value = parent,
            _ => break,
        }
        node = parent;
    }
    value
}

/// Whether `used` is `call.close()`.
fn is_close_of(used: Node<'_>, call: Node<'_>) -> bool {
    let function = used.child("function").filter(|_| used.is("call"));
    function.is_some_and(|function| {
        function.child("object") == Some(call) && function.child("attribute").is_some_and(|name| name.text() == "close")
    })
}

/// Why an opener stands where no `with` can go around it; `None` for an ordinary statement or header.
fn awkward_place<'t>(cx: &Context<'t>, call: Node<'t>, statement: Node<'t>) -> Option<&'static str> {
    let scopes = cx.facts().scopes();
    if scopes.kind(scopes.beyond_comprehensions(scopes.scope_of(call))) == ScopeKind::Class {
        return Some("it is opened in the body of a class");
    }
    let mut child = call;
    for around in call.ancestors() {
        let why = match around.kind() {
            "lambda" => Some("it is opened in a lambda, whenever that is called"),
            "default_parameter" | "typed_default_parameter" => Some("it is opened as the default of a parameter"),
            "decorator" => Some("it is opened in a decorator"),
            "interpolation" => Some("it is opened inside an f-string"),
            "elif_clause" => Some("it is opened in the condition of an `elif`"),
            "while_statement" if child.field() == Some("condition") => Some("it is opened in the condition of a `while`"),
            "assert_statement" => Some("an `assert` does not run under `python -O`"),
            _ => None,
        };
        if why.is_some() {
            return why;
        }
        if around == statement {
            return None;
        }
        child = around;
    }
    None
}

/// Reasons why a fix is not safe, whatever its shape.
fn doubts<'t>(cx: &Context<'t>, opener: &Opener<'t>) -> Option<String> {
    if !opener.is_certain {
        let function = opener.call.child("function").map_or("open", Node::text);
        return Some(format!("a star import may bring another `{function}`"));
    }
    let text = cx.tree.code();
    let fakes: &[&str] = match opener.family {
        Family::Database => &["sqlite3.connect\"", "sqlite3.connect'"],
        Family::Arrays => &["load\"", "load'"],
        Family::Image => &["Image.open\"", "Image.open'", "Image, \"open", "Image, 'open"],
        _ => &["mock_open", "builtins.open", "__builtin__.open"],
    };
    if fakes.iter().any(|word| text.contains(word)) {
        let name = opener.name.rsplit('.').next().unwrap_or_default();
        return Some(format!("this file replaces `{name}`, and what it puts there may be no context manager"));
    }
    if opener.name.starts_with("fileinput.") {
        return Some("`fileinput` has a state of its own, which goes when the block ends".to_string());
    }
    None
}

/// What stands before and behind the opener of a `with`: the `with` of a database alone does not close it, and the arms of
/// a conditional expression need brackets.
fn enclosure<'t>(cx: &Context<'t>, value: Node<'t>) -> (String, &'static str) {
    let arms = value.named_children().filter(|_| value.is("conditional_expression"));
    let is_database = |call: Node<'t>| cx.facts().opener(call).is_some_and(|opener| opener.family == Family::Database);
    if arms.chain([value]).any(|call| is_database(call.unparenthesized())) {
        let imported = cx.import("contextlib", "closing", value);
        let closing = imported.map_or("contextlib.closing".to_string(), |imported| imported.spelled);
        return (format!("{closing}("), ")");
    }
    if value.is("conditional_expression") { ("(".to_string(), ")") } else { (String::new(), "") }
}

fn tier(doubts: Vec<String>) -> Tier {
    doubts.into_iter().next().map_or(Tier::Safe, Tier::unsafe_because)
}

/// The first line of a text, for a message.
fn short(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
