//! What methods and functions of the libraries do to the containers that they get.

/// Methods that change their receiver, whatever container it is.
/// Sources: "Built-in Types", `collections`, `queue` of the Python documentation. Names that only change some receivers
/// (`replace`, `partition`, `fill`, `write`) are left out: an unknown method is an escape anyway.
const MUTATING: &[&str] = &[
    // list, bytearray
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "clear",
    "sort",
    "reverse",
    // dict
    "popitem",
    "update",
    "setdefault",
    // set
    "add",
    "discard",
    "difference_update",
    "intersection_update",
    "symmetric_difference_update",
    // deque
    "appendleft",
    "popleft",
    "extendleft",
    "rotate",
    // OrderedDict, Counter
    "move_to_end",
    "subtract",
    // queues
    "put",
    "put_nowait",
    "get_nowait",
    "__setitem__",
    "__delitem__",
    "__setattr__",
    "__delattr__",
    "__iadd__",
    "__imul__",
    "__ior__",
    "__iand__",
    "__isub__",
    "__ixor__",
];

/// Methods that only look at their receiver and keep nothing of it. Same sources.
const READING: &[&str] = &[
    // containers
    "get",
    "copy",
    "index",
    "count",
    "union",
    "intersection",
    "difference",
    "symmetric_difference",
    "issubset",
    "issuperset",
    "isdisjoint",
    "most_common",
    "total",
    "qsize",
    "empty",
    "full",
    "__getitem__",
    "__len__",
    "__contains__",
    "__eq__",
    "__ne__",
    "__repr__",
    "__str__",
    "__hash__",
    "__bool__",
    // str, bytes, numbers
    "startswith",
    "endswith",
    "split",
    "rsplit",
    "splitlines",
    "strip",
    "lstrip",
    "rstrip",
    "lower",
    "upper",
    "title",
    "capitalize",
    "casefold",
    "swapcase",
    "replace",
    "join",
    "format",
    "format_map",
    "encode",
    "decode",
    "find",
    "rfind",
    "rindex",
    "partition",
    "rpartition",
    "removeprefix",
    "removesuffix",
    "zfill",
    "ljust",
    "rjust",
    "center",
    "expandtabs",
    "translate",
    "isdigit",
    "isalpha",
    "isalnum",
    "isnumeric",
    "isdecimal",
    "isspace",
    "isupper",
    "islower",
    "istitle",
    "isidentifier",
    "isprintable",
    "isascii",
    "hex",
    "bit_length",
    "is_integer",
];

/// Methods whose result still looks at the receiver: views and iterators.
const VIEWING: &[&str] = &["keys", "values", "items", "elements", "__iter__", "__reversed__"];

/// Methods that look at their arguments only, of whatever object they are: the elements go over, not the container.
const READING_ARGUMENTS: &[&str] = &[
    "join",
    "extend",
    "extendleft",
    "startswith",
    "endswith",
    "union",
    "intersection",
    "difference",
    "symmetric_difference",
    "difference_update",
    "intersection_update",
    "symmetric_difference_update",
    "issubset",
    "issuperset",
    "isdisjoint",
];

/// Methods of loggers. Source: `logging.Logger`; the record is formatted before the call returns, for all handlers of the
/// library but the queueing ones.
const LOGGING: &[&str] = &["debug", "info", "warning", "warn", "error", "exception", "critical", "log"];

/// Functions that look at an argument and keep nothing of it; the results hold elements at most.
/// Sources: "Built-in Functions" and the modules' pages of the Python documentation, API references of `NumPy` and `PyTorch`
/// (`np.asarray`, `torch.as_tensor`, `torch.from_numpy` may share memory and are not here).
const READERS: &[&str] = &[
    "builtins.len",
    "builtins.sum",
    "builtins.min",
    "builtins.max",
    "builtins.sorted",
    "builtins.list",
    "builtins.tuple",
    "builtins.set",
    "builtins.frozenset",
    "builtins.dict",
    "builtins.any",
    "builtins.all",
    "builtins.isinstance",
    "builtins.issubclass",
    "builtins.type",
    "builtins.id",
    "builtins.hash",
    "builtins.repr",
    "builtins.str",
    "builtins.ascii",
    "builtins.format",
    "builtins.bool",
    "builtins.int",
    "builtins.float",
    "builtins.bytes",
    "builtins.bytearray",
    "builtins.print",
    "builtins.callable",
    "builtins.hasattr",
    "builtins.dir",
    "builtins.range",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.deque",
    "copy.copy",
    "copy.deepcopy",
    "json.dump",
    "json.dumps",
    "pickle.dump",
    "pickle.dumps",
    "yaml.dump",
    "yaml.safe_dump",
    "pprint.pprint",
    "pprint.pformat",
    "math.prod",
    "math.fsum",
    "os.path.join",
    "statistics.mean",
    "statistics.median",
    "statistics.stdev",
    "random.choice",
    "random.choices",
    "random.sample",
    "bisect.bisect",
    "bisect.bisect_left",
    "bisect.bisect_right",
    "heapq.nlargest",
    "heapq.nsmallest",
    "logging.debug",
    "logging.info",
    "logging.warning",
    "logging.warn",
    "logging.error",
    "logging.exception",
    "logging.critical",
    "logging.log",
    "warnings.warn",
    "numpy.array",
    "numpy.sum",
    "numpy.prod",
    "numpy.mean",
    "numpy.std",
    "numpy.var",
    "numpy.median",
    "numpy.min",
    "numpy.max",
    "numpy.argmin",
    "numpy.argmax",
    "numpy.argsort",
    "numpy.sort",
    "numpy.unique",
    "numpy.isin",
    "numpy.concatenate",
    "numpy.stack",
    "numpy.vstack",
    "numpy.hstack",
    "numpy.zeros",
    "numpy.ones",
    "numpy.empty",
    "numpy.full",
    "torch.tensor",
    "torch.Size",
    "torch.zeros",
    "torch.ones",
    "torch.empty",
    "torch.full",
    "torch.rand",
    "torch.randn",
    "torch.cat",
    "torch.stack",
];

/// Functions whose result is an iterator over their arguments, which reads them later.
/// Sources: "Built-in Functions", `itertools`; tqdm's README.
const LAZY: &[&str] = &[
    "builtins.enumerate",
    "builtins.zip",
    "builtins.map",
    "builtins.filter",
    "builtins.reversed",
    "builtins.iter",
    "itertools.chain",
    "itertools.chain.from_iterable",
    "itertools.islice",
    "itertools.cycle",
    "itertools.starmap",
    "itertools.takewhile",
    "itertools.dropwhile",
    "itertools.zip_longest",
    "itertools.accumulate",
    "itertools.groupby",
    "itertools.pairwise",
    "itertools.batched",
    "tqdm.tqdm",
    "tqdm.trange",
    "tqdm.auto.tqdm",
    "tqdm.notebook.tqdm",
];

/// Iterators that copy their arguments first. Source: `itertools`.
const COPYING_ITERATORS: &[&str] =
    &["itertools.product", "itertools.permutations", "itertools.combinations", "itertools.combinations_with_replacement"];

/// Functions that change their first argument. Sources: `heapq`, `bisect`, `random`, `operator`, "Built-in Functions",
/// `numpy.random.shuffle`.
const CHANGES_FIRST: &[&str] = &[
    "heapq.heappush",
    "heapq.heappop",
    "heapq.heapify",
    "heapq.heappushpop",
    "heapq.heapreplace",
    "bisect.insort",
    "bisect.insort_left",
    "bisect.insort_right",
    "random.shuffle",
    "numpy.random.shuffle",
    "operator.setitem",
    "operator.delitem",
    "operator.iadd",
    "operator.ior",
    "operator.iconcat",
    "builtins.setattr",
    "builtins.delattr",
    "builtins.next",
];

/// Functions that finish with an iterator before they return, as a `for` does.
const CONSUMERS: &[&str] = &[
    "builtins.sum",
    "builtins.min",
    "builtins.max",
    "builtins.sorted",
    "builtins.list",
    "builtins.tuple",
    "builtins.set",
    "builtins.frozenset",
    "builtins.dict",
    "builtins.any",
    "builtins.all",
    "builtins.len",
    "builtins.next",
    "builtins.bytes",
    "builtins.bytearray",
    "builtins.print",
    "builtins.str",
    "builtins.repr",
    "builtins.isinstance",
    "builtins.type",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.deque",
    "itertools.product",
    "itertools.permutations",
    "itertools.combinations",
    "itertools.combinations_with_replacement",
    "math.prod",
    "math.fsum",
    "statistics.mean",
    "heapq.nlargest",
    "heapq.nsmallest",
];

/// Functions that look at all levels of what they get, and keep nothing: they may be given a display around a container.
const DEEP_READERS: &[&str] = &[
    "builtins.print",
    "builtins.str",
    "builtins.repr",
    "builtins.len",
    "builtins.any",
    "builtins.all",
    "builtins.isinstance",
    "builtins.format",
    "builtins.bool",
    "copy.deepcopy",
    "json.dump",
    "json.dumps",
    "numpy.array",
    "numpy.concatenate",
    "numpy.stack",
    "numpy.vstack",
    "numpy.hstack",
    "torch.tensor",
];

/// What a method does with its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Mutates,
    Reads,
    /// Reads; the result goes on looking at the receiver.
    Views,
    Unknown,
}

/// Whether the method of this name changes its receiver, whatever container that is.
pub fn is_mutating_method(name: &str) -> bool {
    method(name) == Method::Mutates
}

/// What the method of this name does with its receiver. `PyTorch`'s methods that end in one `_` work in place.
pub(super) fn method(name: &str) -> Method {
    if MUTATING.contains(&name) || (name.ends_with('_') && !name.ends_with("__")) {
        Method::Mutates
    } else if READING.contains(&name) {
        Method::Reads
    } else if VIEWING.contains(&name) {
        Method::Views
    } else {
        Method::Unknown
    }
}

/// What a function does with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// Looks at it.
    Reads,
    /// Returns an iterator over it.
    Lazy,
    /// Changes it, if it comes first.
    ChangesFirst,
    Unknown,
}

/// What the function of this qualified name does with its arguments.
pub(super) fn function(name: &[&str]) -> Function {
    if is_in(name, READERS) || is_in(name, COPYING_ITERATORS) {
        Function::Reads
    } else if is_in(name, LAZY) {
        Function::Lazy
    } else if is_in(name, CHANGES_FIRST) {
        Function::ChangesFirst
    } else {
        Function::Unknown
    }
}

/// Whether the function is through with an iterator when it returns.
pub(super) fn consumes(name: &[&str]) -> bool {
    is_in(name, CONSUMERS)
}

/// Whether the function keeps nothing of what is inside its arguments.
pub(super) fn reads_deeply(name: &[&str]) -> bool {
    is_in(name, DEEP_READERS)
}

/// Whether a method only looks at its arguments, by its own name and the text of its receiver.
pub(super) fn method_reads_arguments(receiver: &str, method: &str) -> bool {
    let last = receiver.rsplit(['.', '_']).next().unwrap_or(receiver);
    let is_logger = last.eq_ignore_ascii_case("logger") || last.eq_ignore_ascii_case("log") || last == "logging";
    READING_ARGUMENTS.contains(&method) || (is_logger && LOGGING.contains(&method))
}

fn is_in(name: &[&str], table: &[&str]) -> bool {
    table.iter().any(|known| name.iter().copied().eq(known.split('.')))
}
