//! What a call gives back.

use super::Answer::{Circular, Is, Unknown};
use super::attribute::decorators;
use super::{Answer, Evidence, Inquiry, Kind, Question};
use crate::engine::finding::Certainty::{self, Known, Likely};
use crate::engine::syntax::Node;
use crate::semantics::scope::BindingKind;

impl<'t> Inquiry<'_, 't> {
    pub(super) fn call(&self, call: Node<'t>, depth: u32) -> Answer<'t> {
        let Some(function) = call.child("function").map(Node::unparenthesized) else { return Unknown };
        if let Some(name) = self.facts.qualified_name(function) {
            // A method of a known object, such as `sys.modules.items()`.
            let is_method = name.split_last().is_some_and(|(_, object)| library_value(object) == Some(Kind::Dict));
            return if is_method { self.method(call, function, depth) } else { self.library_call(call, &name, depth) };
        }
        match function.kind() {
            "attribute" => self.method(call, function, depth),
            "identifier" => self.own(call, function, depth),
            _ => Unknown,
        }
    }

    fn library_call(&self, call: Node<'t>, name: &[&'t str], depth: u32) -> Answer<'t> {
        let is = |kind, certainty| Is(Evidence { kind, certainty, shown_by: call });
        match name {
            ["copy", "copy" | "deepcopy"] => match arguments(call).next() {
                Some(copied) if !copied.is("keyword_argument") => self.expression(copied, depth + 1),
                _ => Unknown,
            },
            // `vars(x)` of a class is a read-only mapping.
            ["builtins", "vars"] => is(Kind::Dict, if arguments(call).next().is_none() { Known } else { Likely }),
            name => match returned(name) {
                Some(kind) => is(kind, Known),
                None => library_class(name).map_or(Unknown, |certainty| is(Kind::Other, certainty)),
            },
        }
    }

    /// A class or a function of the file.
    fn own(&self, call: Node<'t>, function: Node<'t>, depth: u32) -> Answer<'t> {
        let scopes = self.facts.scopes();
        let Some(id) = scopes.variable_of(function) else { return Unknown };
        let [binding] = scopes.variable(id).bindings.as_slice() else { return Unknown };
        let Some(definition) = binding.node.parent() else { return Unknown };
        match binding.kind {
            BindingKind::Class => match self.facts.kind_of_instances(definition) {
                Some((kind, certainty)) => Is(Evidence { kind, certainty, shown_by: call }),
                None => Unknown,
            },
            BindingKind::Function if decorators(definition).next().is_none() => {
                self.once(Question::Function(definition), || self.returned(definition, depth))
            }
            _ => Unknown,
        }
    }

    /// What every `return` gives, or else what the annotation says. Falling off the end gives None, on which a use as a
    /// container would raise.
    fn returned(&self, function: Node<'t>, depth: u32) -> Answer<'t> {
        let Some(body) = function.child("body") else { return Unknown };
        if function.child_of_kind("async").is_some() {
            return Unknown;
        }
        let opens = |node: Node<'t>| node.is_any(&["function_definition", "class_definition", "lambda"]);
        let mut found = Circular;
        for node in body.walk(opens) {
            match node.kind() {
                // A generator, whatever it returns.
                "yield" => return Is(Evidence { kind: Kind::Iterator, certainty: Known, shown_by: node }),
                "return_statement" => {
                    let value = node.only_child().map_or(Circular, |value| self.expression(value, depth + 1));
                    if value.kind() != Some(Kind::None) {
                        found = found.or(value);
                    }
                }
                _ => {}
            }
        }
        match (found, function.child("return_type")) {
            (Is(evidence), _) => Is(evidence),
            (_, Some(annotation)) => self.facts.annotation(annotation).into(),
            _ => Unknown,
        }
    }

    fn method(&self, call: Node<'t>, function: Node<'t>, depth: u32) -> Answer<'t> {
        let (Some(object), Some(method)) = (function.child("object"), function.child("attribute").map(Node::text)) else {
            return Unknown;
        };
        let is = |kind, certainty| Is(Evidence { kind, certainty, shown_by: call });
        let receiver = self.expression(object, depth + 1);
        let has_arguments = arguments(call).next().is_some();
        let Is(evidence) = receiver else {
            return match method {
                "copy" if matches!(receiver, Circular) => Circular,
                // Mappings of all sorts have these.
                "keys" | "values" | "items" if !has_arguments => is(Kind::DictView, Likely),
                "iteritems" | "iterkeys" | "itervalues" if !has_arguments => is(Kind::Iterator, Likely),
                "split" | "rsplit" if arguments(call).next().is_none_or(|argument| argument.is("string")) => {
                    is(Kind::List, Likely)
                }
                "splitlines" | "readlines" | "most_common" => is(Kind::List, Likely),
                "parameters" | "named_parameters" | "modules" | "named_modules" => is(Kind::Iterator, Likely),
                "state_dict" | "named_steps" => is(Kind::Dict, Likely),
                "get" | "pop" | "setdefault" => match arguments(call).nth(1) {
                    Some(default) if default.is_any(&["list", "dictionary", "set"]) => {
                        self.expression(default, depth + 1).at_most(Likely)
                    }
                    _ => Unknown,
                },
                _ => Unknown,
            };
        };
        let certainty = evidence.certainty;
        match (evidence.kind, method) {
            (Kind::Dict | Kind::DefaultDict, "keys" | "values" | "items") => is(Kind::DictView, certainty),
            (Kind::Dict | Kind::DefaultDict, "get" | "pop" | "setdefault") => match arguments(call).nth(1) {
                Some(default) if default.is_any(&["list", "dictionary", "set"]) => {
                    self.expression(default, depth + 1).at_most(Likely)
                }
                _ => Unknown,
            },
            (Kind::Dict | Kind::DefaultDict | Kind::List | Kind::Set | Kind::FrozenSet | Kind::Deque, "copy" | "__copy__")
            | (Kind::Set | Kind::FrozenSet, "union" | "intersection" | "difference" | "symmetric_difference") => Is(evidence),
            (Kind::Dict, "most_common") | (Kind::Scalar, "split" | "rsplit" | "splitlines") => is(Kind::List, certainty),
            (Kind::Scalar, "partition" | "rpartition") => is(Kind::Tuple, certainty),
            (
                Kind::Scalar,
                "join" | "format" | "lower" | "upper" | "strip" | "lstrip" | "rstrip" | "replace" | "title" | "capitalize"
                | "encode" | "decode" | "startswith" | "endswith" | "find" | "index" | "count" | "isdigit" | "zfill" | "ljust"
                | "rjust" | "center",
            ) => is(Kind::Scalar, certainty),
            (
                Kind::List | Kind::Deque,
                "append" | "extend" | "insert" | "remove" | "clear" | "reverse" | "sort" | "appendleft",
            )
            | (Kind::Dict | Kind::DefaultDict, "update" | "clear")
            | (Kind::Set, "add" | "discard" | "remove" | "clear" | "update") => is(Kind::None, certainty),
            _ => Unknown,
        }
    }
}

fn arguments(call: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let list = call.child("arguments");
    let lone = list.filter(|list| list.is("generator_expression"));
    lone.into_iter().chain(list.filter(|list| list.is("argument_list")).into_iter().flat_map(Node::named_children))
}

/// What a known function gives for all arguments. Sources: the documentation of the standard library, of `NumPy`,
/// `PyTorch` and pandas.
#[expect(clippy::match_same_arms, reason = "one arm per module reads best")]
fn returned(name: &[&str]) -> Option<Kind> {
    Some(match name {
        ["builtins", function] => match *function {
            "dict" | "globals" | "locals" => Kind::Dict,
            "list" | "sorted" | "dir" => Kind::List,
            "set" => Kind::Set,
            "frozenset" => Kind::FrozenSet,
            "tuple" => Kind::Tuple,
            "str" | "int" | "float" | "complex" | "bool" | "bytes" | "repr" | "len" | "hash" | "id" | "ord" | "chr" | "hex"
            | "oct" | "bin" | "format" | "ascii" | "input" | "isinstance" | "issubclass" | "callable" | "hasattr" | "all"
            | "any" => Kind::Scalar,
            "map" | "filter" | "zip" | "enumerate" | "iter" | "reversed" | "open" => Kind::Iterator,
            "range" | "object" | "bytearray" | "memoryview" | "slice" | "super" | "property" => Kind::Other,
            "print" | "setattr" | "delattr" => Kind::None,
            _ => return None,
        },
        ["builtins", "dict", "fromkeys"] => Kind::Dict,
        ["collections", class] => match *class {
            "deque" => Kind::Deque,
            "defaultdict" => Kind::DefaultDict,
            "OrderedDict" | "Counter" => Kind::Dict,
            "ChainMap" | "UserDict" | "UserList" | "UserString" | "namedtuple" => Kind::Other,
            _ => return None,
        },
        ["collections", "OrderedDict", "fromkeys"] | ["os", "environ", "copy"] => Kind::Dict,
        ["os", "environ", "keys" | "values" | "items"] => Kind::Other,
        ["os", function] => match *function {
            "listdir" => Kind::List,
            "walk" | "scandir" => Kind::Iterator,
            "getcwd" => Kind::Scalar,
            _ => return None,
        },
        ["os", "path", function] => match *function {
            "split" | "splitext" => Kind::Tuple,
            "join" | "basename" | "dirname" | "abspath" | "realpath" | "normpath" | "expanduser" | "relpath" | "exists"
            | "isfile" | "isdir" | "getsize" | "getmtime" => Kind::Scalar,
            _ => return None,
        },
        ["re", function] => match *function {
            "findall" | "split" => Kind::List,
            "finditer" => Kind::Iterator,
            "sub" => Kind::Scalar,
            "compile" => Kind::Other,
            _ => return None,
        },
        ["random", "sample" | "choices"] => Kind::List,
        ["shlex", "split"] => Kind::List,
        ["glob", "glob"] => Kind::List,
        ["glob", "iglob"] => Kind::Iterator,
        ["io" | "codecs", "open"] => Kind::Iterator,
        ["itertools", "tee"] | ["sys", "exc_info"] => Kind::Tuple,
        ["itertools", _] => Kind::Iterator,
        ["json", "dumps"] => Kind::Scalar,
        ["time", "time" | "perf_counter" | "monotonic"] => Kind::Scalar,
        ["functools", "partial"] => Kind::Other,
        ["numpy", "array" | "asarray" | "zeros" | "ones" | "full" | "empty" | "arange" | "linspace" | "eye"]
        | ["torch", "tensor" | "zeros" | "ones" | "full" | "empty" | "arange" | "linspace" | "eye" | "rand" | "randn"]
        | ["pandas", "DataFrame" | "Series"] => Kind::Other,
        _ => return None,
    })
}

/// What a name of the standard library is that is no function.
pub(super) fn library_value(name: &[&str]) -> Option<Kind> {
    Some(match name {
        ["sys", "modules"] => Kind::Dict,
        ["sys", "argv" | "path" | "meta_path"] => Kind::List,
        // A mapping of its own.
        ["os", "environ"] => Kind::Other,
        ["sys", "maxsize" | "platform" | "version" | "executable"]
        | ["os", "sep" | "linesep" | "name"]
        | ["math", "pi" | "e" | "inf"]
        | ["string", "ascii_letters" | "ascii_lowercase" | "ascii_uppercase" | "digits" | "punctuation"] => Kind::Scalar,
        _ => return None,
    })
}

/// Parts of class names that sound like a container, or like one of the library classes that inherit from `dict`.
const CONTAINERS: &[&str] = &["Dict", "List", "Set", "Tuple", "Deque", "Queue", "Map", "Counter", "Output", "Encoding", "Iter"];

/// How sure it is that instances of an imported class are no containers that we ask about. Names in CamelCase are
/// classes; those that sound like a container are not known to be none.
pub(super) fn library_class(name: &[&str]) -> Option<Certainty> {
    if let ["torch", "Tensor"] | ["torch", "nn", "Module"] | ["numpy", "ndarray"] | ["pandas", "DataFrame" | "Series"] = name {
        return Some(Known);
    }
    let class = name.last()?;
    let is_camel = class.starts_with(|c: char| c.is_ascii_uppercase()) && class.contains(|c: char| c.is_ascii_lowercase());
    if !is_camel || name[0] == "builtins" || ["typing", "typing_extensions", "collections"].contains(&name[0]) {
        return None;
    }
    if let ["torch", "nn", _] = name {
        return Some(Known);
    }
    (!CONTAINERS.iter().any(|word| class.contains(word))).then_some(Likely)
}
