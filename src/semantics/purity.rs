//! Calls that may run a little earlier or later without anybody noticing: they only look at what they are given.
//!
//! A method is trusted for what its receiver is by evidence, never for its name: `config.get(key)` may do anything, and
//! `path.replace(new)` renames a file.

use super::Facts;
use super::handles::{Family, argument, positional};
use super::scope::BindingKind;
use super::types::Kind;
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;

/// Builtins that only look at their arguments, and call nothing but what they are given for that.
const BUILTINS: &[&str] = &[
    "abs",
    "bool",
    "bytearray",
    "bytes",
    "dict",
    "enumerate",
    "float",
    "frozenset",
    "int",
    "isinstance",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "min",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
    "filter",
    "ord",
    "chr",
    "hex",
    "any",
    "all",
    "type",
    "format",
    "compile",
    "divmod",
];

/// Functions of modules that only look at their arguments.
const FUNCTIONS: &[&str] = &[
    "ast.literal_eval",
    "ast.parse",
    "base64.b64decode",
    "base64.b64encode",
    "base64.encodebytes",
    "base64.standard_b64encode",
    "binascii.hexlify",
    "binascii.unhexlify",
    "bytes.fromhex",
    "codecs.encode",
    "codecs.decode",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.deque",
    "copy.deepcopy",
    "difflib.unified_diff",
    "hashlib.md5",
    "hashlib.sha1",
    "hashlib.sha224",
    "hashlib.sha256",
    "hashlib.sha384",
    "hashlib.sha512",
    "html.escape",
    "html.unescape",
    "io.BytesIO",
    "io.StringIO",
    "json.dumps",
    "json.loads",
    "numpy.array",
    "numpy.asarray",
    "numpy.frombuffer",
    "numpy.fromstring",
    "os.fspath",
    "os.path.abspath",
    "os.path.basename",
    "os.path.dirname",
    "os.path.expanduser",
    "os.path.join",
    "os.path.normpath",
    "os.path.realpath",
    "os.path.splitext",
    "pathlib.Path",
    "pickle.dumps",
    "pickle.loads",
    "pprint.pformat",
    "re.compile",
    "re.escape",
    "re.findall",
    "re.finditer",
    "re.fullmatch",
    "re.match",
    "re.search",
    "re.split",
    "re.sub",
    "string.Template",
    "struct.unpack",
    "textwrap.dedent",
    "types.SimpleNamespace",
    "os.environ.copy",
    "os.environ.get",
    "os.getenv",
    "yaml.dump",
    "yaml.safe_dump",
    "yaml.safe_load",
    "yaml.full_load",
    "yaml.load",
    "zlib.compress",
    "zlib.crc32",
    "zlib.decompress",
    "importlib.resources.files",
];

/// Methods of texts, numbers and builtin containers that only look at the object, whichever of these it is.
const METHODS: &[&str] = &[
    "as_integer_ratio",
    "bit_length",
    "capitalize",
    "casefold",
    "copy",
    "count",
    "decode",
    "difference",
    "digest",
    "encode",
    "endswith",
    "find",
    "format",
    "get",
    "group",
    "groupdict",
    "groups",
    "hex",
    "hexdigest",
    "index",
    "intersection",
    "isdigit",
    "isspace",
    "items",
    "join",
    "keys",
    "lower",
    "lstrip",
    "partition",
    "replace",
    "rfind",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "union",
    "upper",
    "values",
    "zfill",
];

/// Those of them whose result is one of these things again, and no element of a container.
const CLOSED_METHODS: &[&str] = &[
    "capitalize",
    "casefold",
    "copy",
    "count",
    "decode",
    "digest",
    "encode",
    "format",
    "group",
    "groups",
    "hexdigest",
    "join",
    "lower",
    "lstrip",
    "partition",
    "replace",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];

/// Methods of paths that ask no file system (Python: pathlib, "Pure paths").
const PATH_METHODS: &[&str] = &["as_posix", "joinpath", "relative_to", "with_name", "with_stem", "with_suffix"];

/// Methods of arrays that give a new array or list (`NumPy`: ndarray).
const ARRAY_METHODS: &[&str] = &["astype", "copy", "flatten", "ravel", "reshape", "squeeze", "tolist", "transpose"];

/// Methods of compiled patterns (Python: re).
const PATTERN_METHODS: &[&str] = &["findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"];

/// Functions that read a file and give plain values: texts, numbers, lists and dicts of such.
const PARSERS: &[&str] = &["json.load", "json.loads", "tomllib.load", "tomllib.loads", "yaml.safe_load", "plistlib.load"];

/// Functions of the tables above whose result may be any object.
const OPAQUE: &[&str] = &[
    "copy.deepcopy",
    "pickle.loads",
    "yaml.load",
    "yaml.full_load",
    "builtins.max",
    "builtins.min",
    "builtins.sum",
    "builtins.type",
    "builtins.iter",
];

/// How far a chain of methods, or of names behind names, is followed.
const LONGEST: usize = 32;

/// What the receiver of a method is, by evidence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    /// A text, a number, a builtin container, a digest, a match.
    Value,
    Path,
    Array,
    Pattern,
}

impl<'t> Facts<'t> {
    /// Whether a call only looks at what it is given, so that nobody can tell when it runs.
    pub fn is_pure_call(&self, call: Node<'t>) -> bool {
        let Some(function) = call.child("function") else { return false };
        self.is_pure_function(function) && self.callbacks(call).into_iter().flatten().all(|given| self.is_pure_callback(given))
    }

    fn is_pure_function(&self, function: Node<'t>) -> bool {
        if let Some(name) = self.qualified_name(function)
            && is_pure_name(&name)
        {
            return true;
        }
        let method = function.child("attribute").filter(|_| function.is("attribute")).map_or("", Node::text);
        function.child("object").and_then(|object| self.plain(object)).is_some_and(|plain| match plain {
            Plain::Value => METHODS.contains(&method),
            Plain::Path => PATH_METHODS.contains(&method),
            Plain::Array => ARRAY_METHODS.contains(&method),
            Plain::Pattern => PATTERN_METHODS.contains(&method),
        })
    }

    /// What a call itself calls: the function of `map(f, x)`, the key of `sorted(x, key=f)`.
    fn callbacks(&self, call: Node<'t>) -> [Option<Node<'t>>; 2] {
        let name = self.called_name(call).unwrap_or_default();
        let first = match name.as_slice() {
            ["builtins", "map" | "filter" | "iter"] if positional(call, 1).is_some() => positional(call, 0),
            ["re", "sub"] => positional(call, 1),
            _ => None,
        };
        [first, argument(call, "key")]
    }

    fn is_pure_callback(&self, given: Node<'t>) -> bool {
        let given = given.unparenthesized();
        match given.kind() {
            "none" | "string" | "concatenated_string" => true,
            "lambda" => given.descendants().all(|node| {
                !node.is_any(&["call", "await", "yield", "named_expression"]) || node.is("call") && self.is_pure_call(node)
            }),
            _ => self.is_pure_function(given) || self.plain(given).is_some(),
        }
    }

    /// Whether an expression is certainly a text, a number, or a builtin container of whatever.
    pub(super) fn is_plain_value(&self, expression: Node<'t>) -> bool {
        self.plain(expression) == Some(Plain::Value)
    }

    fn plain(&self, expression: Node<'t>) -> Option<Plain> {
        let mut node = expression.unparenthesized();
        for _ in 0..LONGEST {
            if self.is_path(node) {
                return Some(Plain::Path);
            }
            if let Some(evidence) = self.kind_of(node).filter(|evidence| evidence.certainty == Certainty::Known)
                && !matches!(evidence.kind, Kind::Iterator | Kind::Other | Kind::None)
            {
                return Some(Plain::Value);
            }
            match node.kind() {
                "call" => {
                    let function = node.child("function")?;
                    if let Some(name) = self.qualified_name(function) {
                        return result(&name);
                    }
                    let method = function.child("attribute").filter(|_| function.is("attribute"))?.text();
                    let object = function.child("object")?.unparenthesized();
                    if ["read", "readline", "readlines"].contains(&method) {
                        return self.is_file(object).then_some(Plain::Value);
                    }
                    if self.plain_array_or_pattern(object).is_some_and(|plain| plain == Plain::Array) {
                        return ARRAY_METHODS.contains(&method).then_some(Plain::Array);
                    }
                    node = CLOSED_METHODS.contains(&method).then_some(object)?;
                }
                // A letter of a text, a line of a file, a word of a line; what a list holds is not known.
                "subscript" => {
                    let value = node.child("value")?.unparenthesized();
                    let is_slice = node.children_of("subscript").any(|index| index.is("slice"));
                    let function = value.child("function").filter(|_| value.is("call"));
                    let method = function.and_then(|function| function.child("attribute")).map_or("", Node::text);
                    let holds_texts =
                        ["readlines", "split", "rsplit", "splitlines", "partition", "rpartition", "read", "readline"];
                    node = (is_slice || holds_texts.contains(&method)).then_some(value)?;
                }
                "binary_operator" => node = node.child("left")?.unparenthesized(),
                "identifier" => {
                    let id = self.scopes().variable_of(node)?;
                    let [binding] = self.scopes().variable(id).bindings.as_slice() else { return None };
                    if let Some(iterable) = iterable(binding.node) {
                        if self.is_file(iterable) {
                            return Some(Plain::Value);
                        }
                        node = holds_texts(iterable).then_some(iterable)?;
                        continue;
                    }
                    node = binding.value.filter(|_| binding.kind == BindingKind::Assignment)?.unparenthesized();
                }
                _ => return None,
            }
        }
        None
    }

    /// The arrays and patterns that a call makes.
    fn plain_array_or_pattern(&self, expression: Node<'t>) -> Option<Plain> {
        result(&self.called_name(expression).filter(|_| expression.is("call"))?).filter(|plain| *plain != Plain::Value)
    }

    /// Whether an expression is a file that is opened right here, or by every `with` that gives it its name.
    fn is_file(&self, expression: Node<'t>) -> bool {
        let opens = |value: Node<'t>| self.opener(value).is_some_and(|opener| opener.family != Family::Archive);
        // Have: with open(p) as f: .. f
        let is_managed = || {
            let bindings = &self.scopes().variable(self.scopes().variable_of(expression)?).bindings;
            let all = bindings.iter().all(|binding| binding.kind == BindingKind::With && binding.value.is_some_and(opens));
            (all && !bindings.is_empty()).then_some(())
        };
        opens(expression) || expression.is("identifier") && is_managed().is_some()
    }
}

/// What a `for` goes over that binds this name by itself.
fn iterable(target: Node<'_>) -> Option<Node<'_>> {
    let clause = target.parent().filter(|clause| clause.is_any(&["for_in_clause", "for_statement"]))?;
    clause.child("right").filter(|_| target.field() == Some("left")).map(Node::unparenthesized)
}

/// Whether an expression is a method call whose result holds texts only, if the receiver is a text or a file.
fn holds_texts(value: Node<'_>) -> bool {
    const METHODS: &[&str] = &["partition", "read", "readline", "readlines", "rpartition", "rsplit", "split", "splitlines"];
    let function = value.child("function").filter(|_| value.is("call"));
    function.and_then(|function| function.child("attribute")).is_some_and(|method| METHODS.contains(&method.text()))
}

/// Whether the function of this qualified name only looks at its arguments.
fn is_pure_name(name: &[&str]) -> bool {
    match name {
        ["builtins", function] => BUILTINS.contains(function),
        ["builtins", "str" | "bytes" | "int" | "float" | "list" | "dict" | "set" | "tuple", method] => METHODS.contains(method),
        _ => FUNCTIONS.contains(&name.join(".").as_str()),
    }
}

/// What the function of this qualified name gives, if it is known to give plain things.
fn result(name: &[&str]) -> Option<Plain> {
    let dotted = name.join(".");
    match name {
        ["pathlib", ..] | ["importlib", "resources", ..] => Some(Plain::Path),
        ["re", "compile"] => Some(Plain::Pattern),
        ["numpy", "array" | "asarray" | "frombuffer" | "fromstring" | "fromfile" | "loadtxt" | "genfromtxt"] => {
            Some(Plain::Array)
        }
        _ if OPAQUE.contains(&dotted.as_str()) => None,
        _ => (is_pure_name(name) || PARSERS.contains(&dotted.as_str())).then_some(Plain::Value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    /// Whether the last call that starts a statement of the code is pure.
    #[track_caller]
    fn is_pure(code: &str) -> bool {
        let tree = Tree::parse(code);
        assert_eq!(tree.errors().count(), 0, "{code}");
        let facts = Facts::new(&tree);
        let is_statement = |node: &Node<'_>| node.parent().is_some_and(|parent| parent.is("expression_statement"));
        let call = tree.root().descendants().rfind(|node| node.is("call") && is_statement(node)).expect("a call");
        facts.is_pure_call(call)
    }

    #[test]
    fn methods_are_trusted_for_their_receiver() {
        for pure in [
            "'a'.join(x)",
            "open(p).read().strip().split()",
            "open(p).readlines()[0].strip()",
            "{}.get(k)",
            "def g(d: dict):\n    d.get(k)",
            "def g(s: str):\n    s.lower()",
            "import hashlib\nhashlib.md5(x).hexdigest()",
            "import json\njson.load(open(p)).get(k)",
            "import re\nword = re.compile(x)\nword.findall(y)",
            "from pathlib import Path\nPath(p).with_suffix(s)",
            "import os\nos.environ.get(k)",
            "s = 'a'\ns.replace('a', 'b')",
            "for line in open(p):\n    line.strip()",
            "for word in open(p).read().split():\n    word.lower()",
            "import numpy as np\nnp.loadtxt(p).astype(int)",
        ] {
            assert!(is_pure(pure), "{pure}");
        }
        for impure in [
            "session.get(url)",
            "self.options.get(k)",
            "x.strip()",
            "from pathlib import Path\nPath(p).replace(q)",
            "x.split()[0].strip()",
            "for y in x.split():\n    y.strip()",
            "[q][0].get(k)",
            "import json\njson.load(open(p)).get(k).get(j)",
            "import pickle\npickle.loads(x).get(k)",
        ] {
            assert!(!is_pure(impure), "{impure}");
        }
    }

    #[test]
    fn functions_are_trusted_for_what_they_call() {
        for pure in ["list(map(int, x))", "sorted(x, key=len)", "max(x, key=lambda y: y.z)", "len(x)", "map(str.strip, x)"] {
            assert!(is_pure(pure), "{pure}");
        }
        for impure in ["map(g, x)", "sorted(x, key=g)", "filter(lambda y: g(y), x)", "iter(g, 1)", "g(x)"] {
            assert!(!is_pure(impure), "{impure}");
        }
    }
}
