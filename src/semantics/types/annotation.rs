//! What a value is by its annotation.

use super::{Evidence, Kind};
use crate::engine::finding::Certainty::{self, Known, Likely};
use crate::engine::syntax::Node;
use crate::semantics::Facts;

/// How deep `Optional[Annotated[..]]` is unwrapped.
const DEPTH: u32 = 10;

/// What a part of an annotation says.
enum Type {
    Kind(Kind, Certainty),
    /// `None` in a union says nothing about the rest of it.
    Nothing,
    Unknown,
}

impl<'t> Facts<'t> {
    /// Evidence of an annotation: builtin and `typing` containers, quoted or not, `Optional[..]`, `X | None`.
    ///
    /// Works on the text, so that a string is read like any other. `Mapping` and the like may be a class of somebody's
    /// own and are Likely at most; protocols such as `Sequence` and `Iterable` say nothing.
    pub(super) fn annotation(&self, annotation: Node<'t>) -> Option<Evidence<'t>> {
        match self.annotated(annotation.text(), annotation, 0) {
            Type::Kind(kind, certainty) => Some(Evidence { kind, certainty, shown_by: annotation }),
            Type::Nothing => Some(Evidence { kind: Kind::None, certainty: Known, shown_by: annotation }),
            Type::Unknown => None,
        }
    }

    fn annotated(&self, text: &'t str, at: Node<'t>, depth: u32) -> Type {
        let text = unwrapped(text);
        if depth > DEPTH {
            return Type::Unknown;
        }
        let alternatives = split(text, '|');
        if alternatives.len() > 1 {
            return self.union(&alternatives, at, depth);
        }
        if text == "None" {
            return Type::Nothing;
        }
        let (head, arguments) = match text.split_once('[') {
            Some((head, rest)) => match rest.strip_suffix(']') {
                Some(arguments) => (head, split(arguments, ',')),
                None => return Type::Unknown,
            },
            None => (text, Vec::new()),
        };
        let Some(name) = self.qualified_text(head.trim(), at) else { return self.own_class(head.trim(), at) };
        match (name.as_slice(), arguments.as_slice()) {
            (["typing" | "typing_extensions", "Optional"], [inner]) => self.union(&[inner, "None"], at, depth),
            (["typing" | "typing_extensions", "Union"], _) => self.union(&arguments, at, depth),
            (
                ["typing" | "typing_extensions", "Annotated" | "Final" | "ClassVar" | "Required" | "NotRequired"],
                [inner, ..],
            ) => self.annotated(inner, at, depth + 1),
            (name, _) => named(name),
        }
    }

    /// All alternatives but `None` must agree.
    fn union(&self, alternatives: &[&'t str], at: Node<'t>, depth: u32) -> Type {
        let mut found = Type::Nothing;
        for alternative in alternatives {
            found = match (found, self.annotated(alternative, at, depth + 1)) {
                (found, Type::Nothing) => found,
                (Type::Nothing, other) => other,
                (Type::Kind(a, sure), Type::Kind(b, also_sure)) if a == b => Type::Kind(a, sure.min(also_sure)),
                _ => return Type::Unknown,
            };
        }
        found
    }

    /// A class of the file as an annotation: an heir may be passed as well.
    fn own_class(&self, name: &'t str, at: Node<'t>) -> Type {
        let class = self.class_named(name, self.scopes().scope_of(at));
        match class.and_then(|class| self.kind_of_instances(class)) {
            Some((kind, certainty)) => Type::Kind(kind, certainty.min(Likely)),
            None => Type::Unknown,
        }
    }
}

fn named(name: &[&str]) -> Type {
    let kind = match name {
        ["builtins", "dict"] => Kind::Dict,
        ["builtins", "list"] => Kind::List,
        ["builtins", "set"] => Kind::Set,
        ["builtins", "frozenset"] => Kind::FrozenSet,
        ["builtins", "tuple"] => Kind::Tuple,
        ["builtins", "str" | "bytes" | "int" | "float" | "bool" | "complex"] => Kind::Scalar,
        ["typing" | "typing_extensions" | "collections", class] => match *class {
            "Dict" | "OrderedDict" | "Counter" => Kind::Dict,
            "DefaultDict" | "defaultdict" => Kind::DefaultDict,
            "List" => Kind::List,
            "Set" => Kind::Set,
            "FrozenSet" => Kind::FrozenSet,
            "Tuple" => Kind::Tuple,
            "Deque" | "deque" => Kind::Deque,
            "Text" | "AnyStr" => Kind::Scalar,
            "Iterator" | "Generator" | "AsyncIterator" | "AsyncGenerator" | "IO" | "TextIO" | "BinaryIO" => Kind::Iterator,
            "Callable" | "ChainMap" => Kind::Other,
            "Mapping" | "MutableMapping" => return Type::Kind(Kind::Dict, Likely),
            _ => return Type::Unknown,
        },
        ["collections", "abc", class] => match *class {
            "Iterator" | "Generator" | "AsyncIterator" | "AsyncGenerator" => Kind::Iterator,
            "Callable" => Kind::Other,
            "Mapping" | "MutableMapping" => return Type::Kind(Kind::Dict, Likely),
            _ => return Type::Unknown,
        },
        name => return super::call::library_class(name).map_or(Type::Unknown, |certainty| Type::Kind(Kind::Other, certainty)),
    };
    Type::Kind(kind, Known)
}

/// Without white space, quotes and parentheses around it.
fn unwrapped(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = inside_quotes(text).or_else(|| inside_parentheses(text)) {
        text = inner.trim();
    }
    text
}

fn inside_quotes(text: &str) -> Option<&str> {
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let (quote, inner) = quotes.iter().find_map(|quote| Some((quote, text.strip_prefix(quote)?.strip_suffix(quote)?)))?;
    (!inner.contains(&quote[..1])).then_some(inner)
}

/// Only if the first parenthesis closes at the end.
fn inside_parentheses(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0_i32;
    let stays_inside = inner.bytes().all(|byte| {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        depth >= 0
    });
    stays_inside.then_some(inner)
}

/// The parts between separators that stand in no brackets and no quotes; an empty last part is left out.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0_usize;
    let mut quote = None;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        if c == separator && depth == 0 && quote.is_none() {
            parts.push(text[start..at].trim());
            start = at + c.len_utf8();
            continue;
        }
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(' | '{') => depth += 1,
            (None, ']' | ')' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}
