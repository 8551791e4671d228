//! Things that must be closed: which calls open them, and what becomes of a handle at each of its mentions.

mod tables;

use std::collections::BTreeSet;

use super::Facts;
use super::scope::{BindingKind, Resolution};
use crate::engine::syntax::Node;
pub use tables::{Appetite, Family, Held};

/// A call that opens something.
#[derive(Clone, Debug)]
pub struct Opener<'t> {
    /// The call.
    pub call: Node<'t>,
    /// What kind of thing it opens.
    pub family: Family,
    /// How the function is called in the table: `builtins.open`.
    pub name: String,
    /// Whether it is certain that the function is that one: a star import may have brought another `open`.
    pub is_certain: bool,
}

/// Where the value of an expression that holds a handle, or reads from one, ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'t> {
    /// Used up: the value of this node no longer needs the handle.
    Used(Node<'t>),
    /// A `for` statement goes over it.
    Loop(Node<'t>),
    /// It gets this name.
    Bound(Node<'t>),
    /// It is thrown away.
    Dropped,
    /// An argument of a call of which nothing is known.
    Passed(Node<'t>),
    /// An argument of a call that is known to keep it.
    Kept(Node<'t>),
    /// An argument of a call whose result owns it, or writes to it when it is closed itself.
    Wrapped(Node<'t>),
    /// `return`.
    Returned,
    /// `yield` of the value itself.
    Yielded,
    /// Stored in an attribute, an item or a display: the node.
    Stored(Node<'t>),
    /// Used in a function or lambda that may run later.
    Captured(Node<'t>),
    /// It is the context expression of a `with`, or handed to an `ExitStack`.
    Managed,
    /// Its descriptor, or a bound method of it, is taken.
    Taken(Node<'t>),
    /// Something else.
    Other(Node<'t>),
}

/// What becomes of a handle at one mention.
#[derive(Clone, Copy, Debug)]
pub struct Fate<'t> {
    /// Where its value ends.
    pub end: End<'t>,
    /// Whether what ends there is no longer the handle itself, but something that reads from it later.
    pub is_derived: bool,
}

/// The last segments of the names of all functions that open something, each once.
pub fn opener_names() -> impl Iterator<Item = &'static str> {
    let names: BTreeSet<_> = tables::OPENERS.iter().filter_map(|(name, _, _)| name.rsplit('.').next()).collect();
    names.into_iter()
}

impl<'t> Facts<'t> {
    /// What a call opens, if it opens something.
    ///
    /// Imports and aliases are followed; `os.open`, `webbrowser.open`, a shadowed or own `open` are nothing.
    /// `Path(p).open()` counts, also through a name that is only ever bound to paths.
    pub fn opener(&self, call: Node<'t>) -> Option<Opener<'t>> {
        let function = call.child("function").filter(|_| call.is("call"))?;
        let found = |name: &str, family, is_certain| Some(Opener { call, family, name: name.to_string(), is_certain });
        let meant = self.qualified_name(function).map(|segments| (segments, true));
        let meant = meant.or_else(|| Some((self.name_but_for_stars(function)?, false)));
        if let Some((segments, is_certain)) = meant {
            let name = aliased(&segments.join("."));
            let &(row, mut family, _) = tables::OPENERS.iter().find(|(row, _, _)| *row == name)?;
            let first = first_argument(call);
            let is_meant = match family {
                Family::Arrays => first.is_some_and(|first| self.ends_in(first, ".npz")),
                Family::Image => first.is_some_and(|first| self.may_be_path(first)),
                _ => true,
            };
            if !is_meant {
                return None;
            }
            let keyword = |name: &str| argument(call, name).is_some();
            // Around an open file these do not close it, and a member of an archive is not a file of its own.
            if keyword("fileobj") && row != "tarfile.open" || row.ends_with("File") && first.is_none() {
                if family != Family::Temporary && family != Family::Connection {
                    return None;
                }
                family = Family::Temporary;
            }
            return found(row, family, is_certain);
        }
        if function.is("identifier") && function.text() == "open" {
            let unknown = self.scopes().resolve(function) == Resolution::Unknown && !self.is_dynamic_here(function);
            let harmless = unknown && !self.star_may_bring_open();
            return if harmless { found("builtins.open", Family::File, false) } else { None };
        }
        let is_path = function.is("attribute")
            && function.child("attribute").is_some_and(|name| name.text() == "open")
            && function.child("object").is_some_and(|object| self.is_path(object));
        if is_path { found("pathlib.Path.open", Family::File, true) } else { None }
    }

    /// What a call makes that is no file and must be ended.
    pub fn held(&self, call: Node<'t>) -> Option<Held> {
        let name = self.called_name(call)?.join(".");
        tables::HELD.iter().find(|(row, _, _)| *row == name).map(|&(_, held, _)| held)
    }

    fn is_dynamic_here(&self, node: Node<'t>) -> bool {
        self.scopes().is_dynamic(self.scopes().scope_of(node))
            && !self.tree().root().descendants().any(|node| node.is("wildcard_import"))
    }

    /// Whether a star import of the file is of a module that has an `open` of its own.
    fn star_may_bring_open(&self) -> bool {
        const OTHERS: &[&str] =
            &["os", "codecs", "gzip", "bz2", "lzma", "tarfile", "shelve", "dbm", "wave", "webbrowser", "tokenize", "aifc"];
        let stars = self.tree().root().descendants().filter(|node| node.is("wildcard_import"));
        stars.filter_map(Node::parent).any(|import| {
            import.child("module_name").is_none_or(|module| OTHERS.contains(&module.text()) || module.text().contains("Image"))
        })
    }

    /// Whether an expression is a text or path that certainly ends in `suffix`.
    fn ends_in(&self, expression: Node<'t>, suffix: &str) -> bool {
        let mut expression = expression.unparenthesized();
        for _ in 0..32 {
            let last = match expression.kind() {
                "string" => return expression.text().trim_end_matches(['"', '\'']).ends_with(suffix),
                "concatenated_string" => expression.named_children().last(),
                "binary_operator" if expression.child_of_kind("+").is_some() || expression.child_of_kind("/").is_some() => {
                    expression.child("right")
                }
                "call" => {
                    let joins = self.called_name(expression).is_some_and(|name| {
                        let name = name.join(".");
                        ["builtins.str", "os.path.join", "os.path.expanduser"].contains(&name.as_str())
                            || tables::PATHS.contains(&name.as_str())
                    });
                    let last = expression.child("arguments").and_then(|arguments| arguments.named_children().last());
                    last.filter(|last| joins && !last.is_any(&["keyword_argument", "list_splat"]))
                }
                "identifier" => {
                    let id = self.scopes().variable_of(expression);
                    let bindings = id.map_or(&[][..], |id| self.scopes().variable(id).bindings.as_slice());
                    match bindings {
                        [only] if only.kind == BindingKind::Assignment => only.value,
                        _ => None,
                    }
                }
                _ => None,
            };
            match last {
                Some(last) => expression = last.unparenthesized(),
                None => return false,
            }
        }
        false
    }

    /// Whether an expression looks like a path and not like a file that is open already.
    fn may_be_path(&self, expression: Node<'t>) -> bool {
        let expression = expression.unparenthesized();
        match expression.kind() {
            "string" | "concatenated_string" | "binary_operator" | "subscript" => true,
            "call" => {
                let name = self.called_name(expression).map(|name| name.join(".")).unwrap_or_default();
                ["builtins.str", "os.path.join", "os.path.expanduser", "os.path.abspath"].contains(&name.as_str())
                    || tables::PATHS.contains(&name.as_str())
            }
            "attribute" => expression.child("attribute").is_some_and(|name| !tables::NAMES_OF_FILES.contains(&name.text())),
            "identifier" => {
                let is_opened = self.scopes().variable_of(expression).is_some_and(|id| {
                    let bindings = &self.scopes().variable(id).bindings;
                    bindings.iter().any(|binding| {
                        binding.kind == BindingKind::With
                            || binding.value.is_some_and(|value| value.is_any(&["call", "await"]) && !self.may_be_path(value))
                    })
                });
                !is_opened && !tables::NAMES_OF_FILES.contains(&expression.text())
            }
            _ => false,
        }
    }

    /// Whether an expression is certainly a `pathlib` path.
    pub(super) fn is_path(&self, expression: Node<'t>) -> bool {
        let mut expression = expression.unparenthesized();
        for _ in 0..32 {
            match expression.kind() {
                "call" => {
                    return self.called_name(expression).is_some_and(|name| tables::PATHS.contains(&name.join(".").as_str()));
                }
                "binary_operator" if expression.child_of_kind("/").is_some() => match expression.child("left") {
                    Some(left) => expression = left.unparenthesized(),
                    None => return false,
                },
                "identifier" => {
                    let Some(id) = self.scopes().variable_of(expression) else { return false };
                    let bindings = &self.scopes().variable(id).bindings;
                    let [binding] = bindings.as_slice() else { return false };
                    match binding.value.filter(|_| binding.kind == BindingKind::Assignment) {
                        Some(value) => expression = value.unparenthesized(),
                        None => {
                            return binding.annotation.and_then(Node::only_child).is_some_and(|annotation| {
                                let name = self.qualified_name(annotation).map(|name| name.join("."));
                                name.is_some_and(|name| tables::PATHS.contains(&name.as_str()))
                            });
                        }
                    }
                }
                _ => return false,
            }
        }
        false
    }

    /// What a function does with a handle among its arguments; `None` when nothing is known of it.
    pub fn appetite(&self, call: Node<'t>) -> Option<Appetite> {
        let function = call.child("function")?;
        let by_name = |name: &str| tables::CONSUMERS.iter().find(|(row, _, _)| *row == name).map(|&(_, appetite, _)| appetite);
        let known = match self.qualified_name(function) {
            Some(segments) => by_name(&aliased(&segments.join("."))),
            // `try: import cPickle as pickle` / `except ImportError: import pickle`: either way what it says.
            None if self.is_imported_somehow(function) => by_name(function.text()),
            None => None,
        };
        let method = function.child("attribute").filter(|_| function.is("attribute")).map_or("", Node::text);
        let object = function.child("object");
        let by_method = || match method {
            method if tables::EAGER_RECEIVERS.contains(&method) => {
                object.is_some_and(|object| self.is_plain_value(object)).then_some(Appetite::Eager)
            }
            method if tables::PARSER_METHODS.contains(&method) => {
                object.is_some_and(|object| self.is_parser(object)).then_some(Appetite::Eager)
            }
            "writelines" => object.is_some_and(|object| !self.sorts(object).is_empty()).then_some(Appetite::Eager),
            method if tables::KEEPING_RECEIVERS.contains(&method) => Some(Appetite::Keeps),
            _ => None,
        };
        let known = known.or_else(by_method)?;
        let lazy = known == Appetite::Eager && tables::LAZY_KEYWORDS.iter().any(|keyword| argument(call, keyword).is_some());
        Some(if lazy { Appetite::Lazy } else { known })
    }

    fn is_imported_somehow(&self, function: Node<'t>) -> bool {
        let root = function.child("object").filter(|object| object.is("identifier"));
        let id = root.and_then(|root| self.scopes().variable_of(root));
        id.is_some_and(|id| self.scopes().variable(id).bindings.iter().all(|binding| binding.kind == BindingKind::Import))
    }

    /// What becomes of the handle that this expression is: a name that is read, or the call that opens it.
    ///
    /// Follows the value outwards through parentheses, conditional expressions and everything that reads later
    /// (`enumerate`, `csv.reader`, generator expressions) to where it is used up or goes away.
    pub fn fate(&self, mention: Node<'t>) -> Fate<'t> {
        let mut node = mention;
        let mut is_derived = false;
        loop {
            let Some(parent) = node.parent() else { return Fate { end: End::Other(node), is_derived } };
            let end = match parent.kind() {
                "conditional_expression" => {
                    if parent.named_children().nth(1) == Some(node) {
                        End::Used(node)
                    } else {
                        node = parent;
                        continue;
                    }
                }
                "parenthesized_expression" | "await" | "boolean_operator" | "keyword_argument" | "dictionary_splat" => {
                    node = parent;
                    continue;
                }
                "attribute" => match self.attribute(if is_derived { None } else { Some(mention) }, parent) {
                    Ok(end) => end,
                    Err(derived) => {
                        (node, is_derived) = (derived, true);
                        continue;
                    }
                },
                // `dataset[:]` reads, `shelf[key] = ..` writes at once.
                "subscript" if node.field() == Some("value") && is_done_at_once(parent) => End::Used(parent),
                "subscript" if node.field() == Some("value") && !is_derived && self.is_only(mention, tables::Sort::Arrays) => {
                    End::Used(parent)
                }
                "subscript" if node.field() == Some("value") => {
                    (node, is_derived) = (parent, true);
                    continue;
                }
                "argument_list" | "call" if node.field() != Some("function") => {
                    let call = if parent.is("call") { Some(parent) } else { parent.parent().filter(|call| call.is("call")) };
                    let Some(call) = call else { return Fate { end: End::Other(parent), is_derived } };
                    match self.appetite(call) {
                        Some(Appetite::Eager) => End::Used(call),
                        Some(Appetite::Lazy) => {
                            (node, is_derived) = (call, true);
                            continue;
                        }
                        Some(Appetite::Materializes) if is_derived || self.is_only(mention, tables::Sort::Image) => {
                            End::Used(call)
                        }
                        Some(Appetite::Keeps) => End::Kept(call),
                        Some(Appetite::Wraps) => End::Wrapped(call),
                        None if is_managing(call) => End::Managed,
                        Some(Appetite::Materializes) | None => End::Passed(call),
                    }
                }
                "for_statement" if node.field() == Some("right") => End::Loop(parent),
                "for_in_clause" if node.field() == Some("right") => {
                    let Some(comprehension) = parent.parent() else { return Fate { end: End::Other(parent), is_derived } };
                    if comprehension.is("generator_expression") {
                        (node, is_derived) = (comprehension, true);
                        continue;
                    }
                    End::Used(comprehension)
                }
                "assignment" if node.field() == Some("right") => match parent.child("left") {
                    Some(left) if left.is("identifier") => End::Bound(left),
                    // Have: first, second = tee(f)
                    Some(left) if self.gives_readers(node) && !left.is("identifier") => End::Stored(parent),
                    Some(left) if left.is_any(&["pattern_list", "tuple_pattern", "list_pattern"]) => End::Used(parent),
                    _ => End::Stored(parent),
                },
                "named_expression" if node.field() == Some("value") => match parent.child("name") {
                    Some(name) => End::Bound(name),
                    None => End::Other(parent),
                },
                "return_statement" => End::Returned,
                "yield" if parent.children().any(|child| child.is("from")) => End::Used(parent),
                "yield" => End::Yielded,
                "expression_list" | "list" | "tuple" | "set" | "pair" | "dictionary" => End::Stored(parent),
                "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                    End::Stored(parent)
                }
                "comparison_operator" | "not_operator" | "interpolation" | "list_splat" => End::Used(parent),
                "assert_statement" | "if_statement" | "while_statement" | "elif_clause" if node.field() != Some("body") => {
                    End::Used(node)
                }
                "expression_statement" => End::Dropped,
                "with_item" | "as_pattern" => End::Managed,
                "lambda" => End::Captured(parent),
                _ => End::Other(parent),
            };
            return match end {
                End::Used(used) => match delayed(mention, used) {
                    Delayed::No => Fate { end, is_derived },
                    Delayed::Captured(function) => Fate { end: End::Captured(function), is_derived },
                    Delayed::By(generator) => {
                        (node, is_derived) = (generator, true);
                        continue;
                    }
                },
                end => Fate { end, is_derived },
            };
        }
    }

    /// Whether what a call gives holds further readers, which are still there when it was unpacked.
    fn gives_readers(&self, call: Node<'t>) -> bool {
        matches!(self.called_name(call).as_deref(), Some(["itertools", "tee" | "groupby"]))
    }

    /// What an attribute of a handle, or of what reads from it, is: an end, or an expression that still reads from it.
    /// `handle` is a mention of the handle itself.
    fn attribute(&self, handle: Option<Node<'t>>, attribute: Node<'t>) -> Result<End<'t>, Node<'t>> {
        let name = attribute.child("attribute").map_or("", Node::text);
        let call = attribute.parent().filter(|call| call.is("call") && attribute.field() == Some("function"));
        let is_eager = || {
            let mut sorts = handle.map_or_else(Vec::new, |handle| self.sorts(handle));
            if sorts.is_empty() {
                sorts.push(tables::Sort::Reader);
            }
            sorts.into_iter().all(|sort| tables::is_eager_method(sort, name))
        };
        match call {
            Some(call) if is_eager() && handle.is_some_and(|handle| self.is_only(handle, tables::Sort::Image)) => {
                Ok(End::Used(chain_of_images(call)))
            }
            Some(call) if is_eager() => Ok(End::Used(call)),
            Some(_) if name == "fileno" || name == "detach" || name == "makefile" => Ok(End::Taken(attribute)),
            Some(call) => Err(call),
            None if tables::PLAIN_ATTRIBUTES.contains(&name) || is_target(attribute) => Ok(End::Used(attribute)),
            None if tables::IMAGE_ATTRIBUTES.contains(&name)
                && handle.is_some_and(|h| self.is_only(h, tables::Sort::Image)) =>
            {
                Ok(End::Used(attribute))
            }
            None if name == "buffer" || name == "raw" => Err(attribute),
            None if attribute.parent().is_some_and(|parent| parent.is("attribute")) => Err(attribute),
            None => Ok(End::Taken(attribute)),
        }
    }

    /// Whether everything that an expression may be is a handle of one sort, as far as can be seen.
    fn is_only(&self, mention: Node<'t>, sort: tables::Sort) -> bool {
        let sorts = self.sorts(mention);
        !sorts.is_empty() && sorts.iter().all(|found| *found == sort)
    }

    /// What the handles are that an expression may be: a call that opens one, or a name for such calls. Empty when it is
    /// no handle, as far as can be seen.
    fn sorts(&self, mention: Node<'t>) -> Vec<tables::Sort> {
        let opened = |value: Node<'t>| {
            let mut pending = vec![value.unparenthesized()];
            let mut found = Vec::new();
            while let Some(node) = pending.pop() {
                if node.is("conditional_expression") {
                    let arms: Vec<_> = node.named_children().collect();
                    pending.extend([arms.first(), arms.get(2)].into_iter().flatten().map(|arm| arm.unparenthesized()));
                } else {
                    found.extend(self.opener(node).map(|opener| tables::sort(&opener.name)));
                }
            }
            found
        };
        if !mention.is("identifier") {
            return opened(mention);
        }
        let Some(id) = self.scopes().variable_of(mention) else { return Vec::new() };
        let bindings = &self.scopes().variable(id).bindings;
        let nodes: Vec<Node<'t>> = bindings.iter().map(|binding| binding.node).collect();
        let reaching = bindings.iter().filter(|binding| nodes.len() == 1 || self.may_follow(binding.node, mention, &nodes));
        let values = reaching.filter_map(|binding| match binding.kind {
            BindingKind::With => binding.node.ancestors().find(|node| node.is("as_pattern"))?.named_children().next(),
            _ => binding.value,
        });
        values.flat_map(opened).collect()
    }

    /// Whether a name is only ever bound to configuration parsers.
    fn is_parser(&self, expression: Node<'t>) -> bool {
        let Some(id) = self.scopes().variable_of(expression) else { return false };
        let bindings = &self.scopes().variable(id).bindings;
        let makes =
            |value: Node<'t>| self.called_name(value).is_some_and(|name| tables::PARSERS.contains(&name.join(".").as_str()));
        !bindings.is_empty() && bindings.iter().all(|binding| binding.value.is_some_and(makes))
    }
}

/// The last call of `image.convert(..).resize(..)`, when this is its first: each gives an image of its own.
fn chain_of_images(call: Node<'_>) -> Node<'_> {
    let mut last = call;
    while let Some(attribute) = last.parent().filter(|parent| parent.is("attribute") && last.field() == Some("object")) {
        let method = attribute.child("attribute").map_or("", Node::text);
        match attribute.parent().filter(|parent| parent.is("call") && attribute.field() == Some("function")) {
            Some(next) if tables::is_eager_method(tables::Sort::Image, method) => last = next,
            _ => break,
        }
    }
    last
}

/// Whether what uses the handle up runs later than it stands: in the element of a generator expression, in a lambda.
fn delayed<'t>(mention: Node<'t>, used: Node<'t>) -> Delayed<'t> {
    let mut child = used;
    for around in used.ancestors().take_while(|around| !around.is_statement()) {
        if around.is("lambda") && child.field() == Some("body") {
            return Delayed::Captured(around);
        }
        let first = around.child_of_kind("for_in_clause").and_then(|clause| clause.child("right"));
        if around.is("generator_expression") && !first.is_some_and(|first| first.contains(mention)) {
            return Delayed::By(around);
        }
        child = around;
    }
    Delayed::No
}

enum Delayed<'t> {
    No,
    By(Node<'t>),
    Captured(Node<'t>),
}

/// A dotted name under the name that the tables know it by: `_io.open`, `pandas.io.parsers.read_csv` are rare; `tf` v1 is not.
fn aliased(name: &str) -> String {
    let known = [
        ("tensorflow.compat.v1.gfile.Open", "tensorflow.gfile.Open"),
        ("_pickle.", "pickle."),
        ("six.moves.cPickle.", "pickle."),
    ];
    known
        .iter()
        .find(|(from, _)| name.starts_with(from))
        .map_or_else(|| name.to_string(), |(from, to)| name.replacen(from, to, 1))
}

/// Whether an item of a handle is written or deleted, or a slice of it read.
fn is_done_at_once(subscript: Node<'_>) -> bool {
    let reads =
        |index: Node<'_>| index.is_any(&["slice", "ellipsis"]) || index.is("tuple") && index.named_children().next().is_none();
    is_target(subscript) || subscript.children_of("subscript").any(reads)
}

/// Whether something is assigned to this attribute or item, or it is deleted.
fn is_target(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        parent.is_any(&["assignment", "augmented_assignment"]) && node.field() == Some("left") || parent.is("delete_statement")
    })
}

/// The value of a keyword argument.
pub fn argument<'t>(call: Node<'t>, name: &str) -> Option<Node<'t>> {
    let arguments = call.child("arguments")?;
    let keyword = arguments
        .named_children()
        .find(|argument| argument.is("keyword_argument") && argument.child("name").is_some_and(|n| n.text() == name))?;
    keyword.child("value")
}

/// The positional argument with this index, when no splat stands before it.
pub fn positional(call: Node<'_>, index: usize) -> Option<Node<'_>> {
    let arguments = call.child("arguments").filter(|arguments| arguments.is("argument_list"))?;
    let mut before = arguments.named_children().take(index + 1);
    let found = arguments.named_children().nth(index)?;
    let plain = before.all(|argument| !argument.is_any(&["list_splat", "keyword_argument", "dictionary_splat"]));
    plain.then_some(found)
}

fn first_argument(call: Node<'_>) -> Option<Node<'_>> {
    positional(call, 0).or_else(|| ["filename", "file", "name"].iter().find_map(|name| argument(call, name)))
}

/// Whether a call hands its argument to a `with`: `closing(f)`, `stack.enter_context(f)`, `self.enterContext(f)`,
/// `stack.push(f)`, `stack.callback(f.close)`.
fn is_managing(call: Node<'_>) -> bool {
    let function = call.child("function");
    let name = function.and_then(|function| function.child("attribute")).or(function).map_or("", Node::text);
    [
        "closing",
        "aclosing",
        "enter_context",
        "enter_async_context",
        "enterContext",
        "enterClassContext",
        "enterModuleContext",
        "push",
        "callback",
    ]
    .contains(&name)
}

#[cfg(test)]
mod tests;
