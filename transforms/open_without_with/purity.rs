//! What may run before a file is opened, or while it is still open, without anybody noticing.

use crate::engine::syntax::Node;
use crate::engine::transform::Context;

/// Builtins that only look at their arguments.
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

/// Methods of texts, numbers and containers that only look at the object, whatever it is.
const METHODS: &[&str] = &[
    "count",
    "decode",
    "digest",
    "encode",
    "endswith",
    "find",
    "format",
    "get",
    "group",
    "groups",
    "hexdigest",
    "index",
    "isdigit",
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
    "title",
    "translate",
    "upper",
    "values",
    "zfill",
    "copy",
    "astype",
    "reshape",
    "joinpath",
    "with_suffix",
    "as_posix",
    "tolist",
    "capitalize",
    "swapcase",
    "casefold",
];

/// Whether evaluating this one node, its children aside, does nothing that somebody else could see.
fn is_pure_node<'t>(cx: &Context<'t>, node: Node<'t>) -> bool {
    match node.kind() {
        "await" | "yield" | "named_expression" | "exec_statement" => false,
        "call" => is_pure_call(cx, node),
        _ => true,
    }
}

/// Whether a call only looks at what it is given.
pub(super) fn is_pure_call<'t>(cx: &Context<'t>, call: Node<'t>) -> bool {
    let Some(function) = call.child("function") else { return false };
    if let Some(name) = cx.facts().qualified_name(function) {
        return match name.as_slice() {
            ["builtins", name] => BUILTINS.contains(name),
            _ => FUNCTIONS.contains(&name.join(".").as_str()),
        };
    }
    let method = function.child("attribute").filter(|_| function.is("attribute"));
    method.is_some_and(|method| METHODS.contains(&method.text()))
}

/// The first node of an expression that does something, if there is one. Lambdas do nothing yet.
pub(super) fn impure<'t>(cx: &Context<'t>, expression: Node<'t>) -> Option<Node<'t>> {
    expression.walk(|node| node.is("lambda")).find(|node| !is_pure_node(cx, *node))
}
