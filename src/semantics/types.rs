//! Evidence of what a value is.

mod annotation;
mod attribute;
mod call;
mod variable;

use std::cell::{Cell, RefCell};

use super::Facts;
use super::scope::VariableId;
use crate::engine::finding::Certainty;
use crate::engine::syntax::Node;
use Certainty::{Known, Likely};
pub(super) use attribute::Stores;

/// The kinds of values that transforms ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `dict`, `OrderedDict`, `Counter` ... that behaves as a plain dict when it is iterated and changed.
    Dict,
    /// `collections.defaultdict`: a read may insert.
    DefaultDict,
    /// `dict.keys()`, `.values()`, `.items()`: a live view of a [`Dict`](Self::Dict).
    DictView,
    /// `list`.
    List,
    /// `set`.
    Set,
    /// `frozenset`.
    FrozenSet,
    /// `tuple`.
    Tuple,
    /// `collections.deque`.
    Deque,
    /// `str`, `bytes`, `int`, `float`, `bool`.
    Scalar,
    /// `None`.
    None,
    /// A generator, a file, or another iterator.
    Iterator,
    /// An object of a class of this file, of a library, an array, a tensor: certainly none of the above.
    Other,
}

impl Kind {
    /// Whether it is a builtin container that can be changed in place.
    pub fn is_mutable(self) -> bool {
        matches!(self, Self::Dict | Self::DefaultDict | Self::List | Self::Set | Self::Deque)
    }
}

/// What a value is, and why we think so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'t> {
    /// What it is.
    pub kind: Kind,
    /// How sure that is.
    pub certainty: Certainty,
    /// The place that shows it: the literal, constructor or annotation.
    pub shown_by: Node<'t>,
}

impl Evidence<'_> {
    /// The same, no surer than `certainty`.
    fn at_most(mut self, certainty: Certainty) -> Self {
        self.certainty = self.certainty.min(certainty);
        self
    }
}

impl<'t> Facts<'t> {
    /// Evidence of what an expression evaluates to; `None` is "unknown".
    ///
    /// A name counts only if every binding that may reach is of the same kind; `None` as one of the bindings lowers
    /// nothing when the use would raise on None anyway. An attribute `self.x` counts only if every assignment to it in
    /// the class, and every `.x =` in the file, is of that kind. A parameter is what its annotation says (Known);
    /// also string annotations, `Optional[..]` and `X | None`.
    pub fn kind_of(&self, expression: Node<'t>) -> Option<Evidence<'t>> {
        let inquiry = Inquiry { facts: self, open: RefCell::new(Vec::new()), fuel: Cell::new(FUEL) };
        match inquiry.expression(expression, 0) {
            Answer::Is(evidence) if inquiry.fuel.get() > 0 => Some(evidence),
            _ => None,
        }
    }

    /// What a value with this annotation is; the node is the annotation, or an expression that is meant as a type.
    pub fn kind_of_annotation(&self, annotation: Node<'t>) -> Option<Evidence<'t>> {
        self.annotation(annotation)
    }
}

/// How many expressions one question may look at.
const FUEL: u32 = 1000;
/// How deep expressions, and names behind names, are followed.
const DEPTH: u32 = 20;

/// What one step of an [`Inquiry`] finds.
#[derive(Clone, Copy, Debug)]
enum Answer<'t> {
    Is(Evidence<'t>),
    /// The question came back to itself (`x = y; y = x`): no evidence, and no objection.
    Circular,
    Unknown,
}
use Answer::{Circular, Is, Unknown};

impl Answer<'_> {
    /// What a value is that is either of the two.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Is(a), Is(b)) if a.kind == b.kind => Is(a.at_most(b.certainty)),
            (Circular, other) | (other, Circular) => other,
            _ => Unknown,
        }
    }

    fn kind(self) -> Option<Kind> {
        match self {
            Is(evidence) => Some(evidence.kind),
            _ => None,
        }
    }

    fn at_most(self, certainty: Certainty) -> Self {
        match self {
            Is(evidence) => Is(evidence.at_most(certainty)),
            other => other,
        }
    }
}

impl<'t> From<Option<Evidence<'t>>> for Answer<'t> {
    fn from(evidence: Option<Evidence<'t>>) -> Self {
        evidence.map_or(Unknown, Is)
    }
}

/// What is being asked further up, so that a circle is noticed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question<'t> {
    Variable(VariableId),
    /// The class and the name of the attribute.
    Attribute(Node<'t>, &'t str),
    Function(Node<'t>),
}

/// One question of [`Facts::kind_of`]. Depth and effort are bounded, whatever the file looks like.
struct Inquiry<'f, 't> {
    facts: &'f Facts<'t>,
    open: RefCell<Vec<Question<'t>>>,
    fuel: Cell<u32>,
}

impl<'t> Inquiry<'_, 't> {
    /// Asks unless the same is being asked further up.
    fn once(&self, question: Question<'t>, ask: impl FnOnce() -> Answer<'t>) -> Answer<'t> {
        if self.open.borrow().contains(&question) {
            return Circular;
        }
        self.open.borrow_mut().push(question);
        let answer = ask();
        self.open.borrow_mut().pop();
        answer
    }

    fn expression(&self, expression: Node<'t>, depth: u32) -> Answer<'t> {
        let node = expression.unparenthesized();
        self.fuel.set(self.fuel.get().saturating_sub(1));
        if depth > DEPTH || self.fuel.get() == 0 {
            return Unknown;
        }
        let known = |kind| Is(Evidence { kind, certainty: Known, shown_by: node });
        match node.kind() {
            "dictionary" | "dictionary_comprehension" => known(Kind::Dict),
            "list" | "list_comprehension" => known(Kind::List),
            "set" | "set_comprehension" => known(Kind::Set),
            "tuple" | "expression_list" => known(Kind::Tuple),
            "generator_expression" => known(Kind::Iterator),
            "integer" | "float" | "true" | "false" | "not_operator" => known(Kind::Scalar),
            "none" => known(Kind::None),
            "lambda" | "ellipsis" => known(Kind::Other),
            "string" | "concatenated_string" => known(if is_template(node) { Kind::Other } else { Kind::Scalar }),
            "comparison_operator" => match node.children_of("operators").next() {
                // Arrays give arrays for the other operators; these four give a bool always.
                Some(operator) if operator.is_any(&["in", "not in", "is", "is not"]) => known(Kind::Scalar),
                _ => Unknown,
            },
            "unary_operator" => match node.child("argument").map(|argument| self.expression(argument, depth + 1)) {
                Some(Is(evidence)) if evidence.kind == Kind::Scalar => Is(evidence),
                _ => Unknown,
            },
            "named_expression" => node.child("value").map_or(Unknown, |value| self.expression(value, depth + 1)),
            "conditional_expression" => {
                let mut parts = node.named_children();
                let (Some(yes), Some(_), Some(no)) = (parts.next(), parts.next(), parts.next()) else { return Unknown };
                self.either(yes, no, depth)
            }
            "boolean_operator" => self.boolean(node, depth),
            "binary_operator" => self.binary(node, depth),
            "call" => self.call(node, depth),
            "subscript" => self.subscript(node, depth),
            "attribute" => self.attribute(node, depth),
            "identifier" => self.name(node, depth),
            _ => Unknown,
        }
    }

    /// One or the other. `x if x else {}` is probably a dict, whatever else is known of `x`.
    fn either(&self, a: Node<'t>, b: Node<'t>, depth: u32) -> Answer<'t> {
        alternatives((a, self.expression(a, depth + 1)), (b, self.expression(b, depth + 1)))
    }

    fn boolean(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let (Some(left), Some(right)) = (node.child("left"), node.child("right")) else { return Unknown };
        let is_or = node.child("operator").is_some_and(|operator| operator.is("or"));
        let first = self.expression(left, depth + 1);
        let second = self.expression(right, depth + 1);
        match first.kind() {
            // `None or x` is x.
            Some(Kind::None) if is_or => second,
            _ if is_or => alternatives((left, first), (right, second)),
            _ => first.or(second),
        }
    }

    fn binary(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let (Some(left), Some(right), Some(operator)) = (node.child("left"), node.child("right"), node.child("operator"))
        else {
            return Unknown;
        };
        let left = self.expression(left, depth + 1);
        // `"%s" % x` is a text whatever x is.
        if operator.is("%") && left.kind() == Some(Kind::Scalar) && node.child("left").is_some_and(|left| left.is("string")) {
            return left;
        }
        let right = self.expression(right, depth + 1);
        let result = |a: Evidence<'t>, kind, certainty| Is(Evidence { kind, certainty, shown_by: a.shown_by });
        match (left, operator.kind(), right) {
            (Circular, _, other @ Is(_)) | (other @ Is(_), _, Circular) => other,
            (Is(a), operator, Is(b)) => {
                let certainty = a.certainty.min(b.certainty);
                match (a.kind, operator, b.kind) {
                    (Kind::Scalar, _, Kind::Scalar) => result(a, Kind::Scalar, certainty),
                    (Kind::List, "+", Kind::List) | (Kind::List, "*", Kind::Scalar) => result(a, Kind::List, certainty),
                    (Kind::Tuple, "+", Kind::Tuple) | (Kind::Tuple, "*", Kind::Scalar) => result(a, Kind::Tuple, certainty),
                    (Kind::Scalar, "*", Kind::List | Kind::Tuple) => result(b, b.kind, certainty),
                    (Kind::Dict, "|", Kind::Dict) | (Kind::DefaultDict, "|", Kind::DefaultDict) => result(a, a.kind, certainty),
                    (Kind::Set | Kind::DictView, "|" | "&" | "-" | "^", Kind::Set | Kind::FrozenSet | Kind::DictView) => {
                        result(a, Kind::Set, certainty)
                    }
                    (Kind::FrozenSet, "|" | "&" | "-" | "^", Kind::FrozenSet) => result(a, Kind::FrozenSet, certainty),
                    _ => Unknown,
                }
            }
            // An array on the right would win.
            (Is(a), "+" | "*", Unknown) if a.kind == Kind::List => result(a, Kind::List, Likely),
            (Is(a), "|" | "&" | "-" | "^", Unknown) if a.kind == Kind::Set => result(a, Kind::Set, Likely),
            _ => Unknown,
        }
    }

    /// A slice of a list is a list; what an index gives is not known.
    fn subscript(&self, node: Node<'t>, depth: u32) -> Answer<'t> {
        let mut subscripts = node.children_of("subscript");
        let is_slice = subscripts.next().is_some_and(|subscript| subscript.is("slice")) && subscripts.next().is_none();
        let Some(value) = node.child("value").filter(|_| is_slice) else { return Unknown };
        match self.expression(value, depth + 1) {
            Is(evidence) if matches!(evidence.kind, Kind::List | Kind::Tuple | Kind::Scalar) => Is(evidence),
            Circular => Circular,
            _ => Unknown,
        }
    }
}

/// What `a` or `b` is, given what each is alone.
fn alternatives<'t>((a, first): (Node<'t>, Answer<'t>), (b, second): (Node<'t>, Answer<'t>)) -> Answer<'t> {
    let is_place = |node: Node<'t>| node.unparenthesized().is_any(&["identifier", "attribute"]);
    match (first, second) {
        (Unknown, Is(fresh)) if is_place(a) && is_fresh_container(b) => Is(fresh.at_most(Likely)),
        (Is(fresh), Unknown) if is_place(b) && is_fresh_container(a) => Is(fresh.at_most(Likely)),
        _ => first.or(second),
    }
}

/// Whether a string is a template (`t".."`, PEP 750), which is an object of its own.
fn is_template(node: Node<'_>) -> bool {
    let first = if node.is("concatenated_string") { node.named_children().next() } else { Some(node) };
    let prefix = first.and_then(|string| string.child_of_kind("string_start")).map_or("", Node::text);
    prefix.contains(['t', 'T'])
}

/// `[]`, `{}`, `list()`, `dict()`, `set()`, and displays with something in them.
fn is_fresh_container(node: Node<'_>) -> bool {
    let node = node.unparenthesized();
    let is_constructor = |function: Node<'_>| ["list", "dict", "set"].contains(&function.text());
    node.is_any(&["list", "dictionary", "set"]) || (node.is("call") && node.child("function").is_some_and(is_constructor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    /// Each expression, standing behind the code in the same block, and what it is: `Dict` is Known, `Dict?` Likely, and
    /// `-` unknown.
    #[track_caller]
    fn kinds(code: &str, asked: &[(&str, &str)]) {
        let indent = code.lines().last().map_or(0, |line| line.len() - line.trim_start().len());
        for (expression, expected) in asked {
            let tree = Tree::parse(&format!("{code}\n{}ask({expression})\n", &" ".repeat(indent)));
            assert_eq!(tree.errors().count(), 0, "{}", tree.code());
            let facts = Facts::new(&tree);
            let call = tree.root().descendants().rfind(|node| node.is("call") && node.text().starts_with("ask("));
            let arguments = call.and_then(|call| call.child("arguments")).expect("the question");
            let asked = if arguments.is("generator_expression") { arguments } else { arguments.only_child().expect("one") };
            let found = facts.kind_of(asked).map_or("-".to_string(), |evidence| {
                format!("{:?}{}", evidence.kind, if evidence.certainty == Known { "" } else { "?" })
            });
            assert_eq!(found, *expected, "{expression} after\n{code}");
        }
    }

    #[test]
    fn literals_and_displays() {
        let asked = [
            ("{}", "Dict"),
            ("{**a, 'b': 1}", "Dict"),
            ("{k: v for k, v in x}", "Dict"),
            ("[1]", "List"),
            ("[x for x in y]", "List"),
            ("{1}", "Set"),
            ("{x for x in y}", "Set"),
            ("(1, 2)", "Tuple"),
            ("((([])))", "List"),
            ("(x for x in y)", "Iterator"),
            ("x for x in y", "Iterator"),
            ("'a' f'{b}'", "Scalar"),
            ("-1.5", "Scalar"),
            ("not x", "Scalar"),
            ("x in y", "Scalar"),
            ("x == y", "-"),
            ("None", "None"),
            ("lambda: 1", "Other"),
            ("t'{x}'", "Other"),
            ("...", "Other"),
            ("x", "-"),
        ];
        kinds("", &asked);
    }

    #[test]
    fn operators() {
        let asked = [
            ("x or {}", "Dict?"),
            ("{} or x", "Dict?"),
            ("f() or {}", "-"),
            ("None or {}", "Dict"),
            ("{} and {1: 2}", "Dict"),
            ("[] or {}", "-"),
            ("{} if x else dict()", "Dict"),
            ("{} if x else []", "-"),
            ("x if x is not None else []", "List?"),
            ("{} | {}", "Dict"),
            ("{1} | {2} - x", "Set?"),
            ("{}.keys() - {1}", "Set"),
            ("[1] + [2] * 3", "List"),
            ("[0] * n", "List?"),
            ("3 * [0]", "List"),
            ("(1,) + (2,)", "Tuple"),
            ("'%s' % x", "Scalar"),
            ("1 + 2 * 3", "Scalar"),
            ("1 + x", "-"),
            ("[1, 2][1:]", "List"),
            ("[1, 2][1]", "-"),
            ("x[1:]", "-"),
            ("(y := [])", "List"),
        ];
        kinds("", &asked);
    }

    #[test]
    fn constructors() {
        let asked = [
            ("dict(a=1)", "Dict"),
            ("list(x)", "List"),
            ("sorted(x)", "List"),
            ("set()", "Set"),
            ("frozenset(x)", "FrozenSet"),
            ("tuple(x)", "Tuple"),
            ("dict.fromkeys(x)", "Dict"),
            ("open(p)", "Iterator"),
            ("map(f, x)", "Iterator"),
            ("globals()", "Dict"),
            ("vars()", "Dict"),
            ("vars(x)", "Dict?"),
            ("len(x)", "Scalar"),
            ("range(3)", "Other"),
            ("max(x)", "-"),
            ("f(x)", "-"),
        ];
        kinds("", &asked);
        let imports = "import collections, os, sys, json, copy, itertools, torch.nn as nn, numpy as np\nfrom collections import deque as dq, defaultdict\nfrom lib import Thing, AttrDict, make";
        let asked = [
            ("collections.OrderedDict()", "Dict"),
            ("collections.Counter(x)", "Dict"),
            ("collections.ChainMap(x)", "Other"),
            ("dq(maxlen=3)", "Deque"),
            ("defaultdict(list)", "DefaultDict"),
            ("os.listdir(p)", "List"),
            ("os.environ", "Other"),
            ("os.environ.copy()", "Dict"),
            ("os.environ.items()", "Other"),
            ("sys.modules", "Dict"),
            ("sys.modules.items()", "DictView"),
            ("sys.argv[1:]", "List"),
            ("json.load(f)", "-"),
            ("copy.deepcopy({})", "Dict"),
            ("itertools.chain(a, b)", "Iterator"),
            ("nn.ModuleDict({})", "Other"),
            ("np.zeros(3)", "Other"),
            ("Thing()", "Other?"),
            ("AttrDict()", "-"),
            ("make()", "-"),
            ("os", "Other"),
            ("Thing", "-"),
        ];
        kinds(imports, &asked);
        kinds("from m import *", &[("dict()", "-"), ("{}", "Dict")]);
        kinds("def dict(): pass", &[("dict()", "-")]);
    }

    #[test]
    fn methods() {
        let asked = [
            ("{}.items()", "DictView"),
            ("x.items()", "DictView?"),
            ("x.items(1)", "-"),
            ("dict(x).copy()", "Dict"),
            ("x.copy()", "-"),
            ("[].keys()", "-"),
            ("'a b'.split()", "List"),
            ("x.split(',')", "List?"),
            ("x.split(n)", "-"),
            ("','.join(x)", "Scalar"),
            ("{1}.union(x)", "Set"),
            ("x.__dict__", "Dict?"),
            ("x.get(k, [])", "List?"),
            ("{}.setdefault(k, {})", "Dict?"),
            ("[].sort()", "None"),
            ("globals().values()", "DictView"),
        ];
        kinds("", &asked);
    }

    #[test]
    fn names_are_what_all_their_bindings_are() {
        kinds("x = {}", &[("x", "Dict"), ("x.items()", "DictView"), ("(x)", "Dict")]);
        kinds("x = y = {}", &[("x", "Dict"), ("y", "Dict")]);
        kinds("x = {}\nx = []", &[("x", "-")]);
        kinds("x = {}\nx = dict(y)\ndel x", &[("x", "Dict")]);
        kinds("x = None\nx = {}", &[("x", "Dict")]);
        kinds("x = None", &[("x", "None")]);
        kinds("x = {}\ndef f():\n    global x\n    x = g()", &[("x", "-")]);
        kinds("x = {}\ndef f():\n    global x\n    x = {1: 2}", &[("x", "Dict")]);
        kinds("x = {}\ndef f():\n    x = g()", &[("x", "-")]);
        kinds("x = {}\nfor x in y: pass", &[("x", "-")]);
        kinds("a, b = {}, []", &[("a", "Dict"), ("b", "List")]);
        kinds("(a, [b]) = {}, []", &[("a", "Dict"), ("b", "-")]);
        kinds("a, *b = {}, []", &[("a", "-"), ("b", "-")]);
        kinds("a, b = x = {}, []", &[("a", "Dict"), ("x", "Tuple")]);
        kinds("a, b = f()", &[("a", "-")]);
        kinds("x = []\nx += y", &[("x", "List")]);
        kinds("x = 0\nx += y", &[("x", "-")]);
        kinds("x = 0\nx += 1", &[("x", "Scalar")]);
        kinds("x = ()\nx += y", &[("x", "-")]);
        kinds(
            "import os\nfor root, dirs, files in os.walk(p):\n    pass",
            &[("root", "Scalar"), ("dirs", "List"), ("files", "List")],
        );
        kinds("for k, v in x.items():\n    pass", &[("k", "-"), ("v", "-")]);
        kinds("for i, v in enumerate(x):\n    pass", &[("i", "Scalar"), ("v", "-")]);
        kinds("with open(p) as f, g() as h:\n    pass", &[("f", "Iterator"), ("h", "-")]);
        kinds("def f(): pass\nclass C: pass\n@d\ndef g(): pass", &[("f", "Other"), ("C", "Other"), ("g", "-")]);
        kinds("if (x := {}): pass", &[("x", "Dict")]);
        kinds("match y:\n    case [x]:\n        pass", &[("x", "-")]);
        kinds("exec(s)\nx = {}", &[("x", "Dict?")]);
        kinds("def f():\n    x = {}\n    exec(s)", &[("x", "Dict")]);
    }

    #[test]
    fn circles_end() {
        kinds("x = y\ny = x", &[("x", "-"), ("y", "-")]);
        kinds("x = {}\nx = x or {}\nx = x.copy()\nx = x | {}", &[("x", "Dict")]);
        kinds("x = [1]\nx = x + [2]\nx = x[1:]", &[("x", "List")]);
        kinds("x = 1\nx = x + [2]", &[("x", "-")]);
        kinds("x = {}\ny = x\nx = y", &[("x", "Dict"), ("y", "Dict")]);
        kinds("def f(): return g()\ndef g(): return f()", &[("f()", "-")]);
        kinds("def f(n): return [] if n else f(1)", &[("f(2)", "List")]);
        kinds("class C:\n    def f(self):\n        self.a = self.b\n        self.b = self.a", &[("self.a", "-")]);
    }

    #[test]
    fn effort_is_bounded() {
        let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().concat();
        let chain = lines(5000, &|at| format!("x{at} = x{}\n", at + 1));
        kinds(&chain, &[("x0", "-")]);
        let fields = lines(5000, &|at| format!("        self.x{at} = self.x{}\n", at + 1));
        kinds(&format!("class C:\n    def f(self):\n{fields}        pass"), &[("self.x0", "-")]);
        let doubling = lines(60, &|at| format!("x{at} = x{0} or x{0} or x{0}\n", at + 1));
        kinds(&(doubling + "x60 = {}"), &[("x0", "-"), ("x59", "Dict")]);
        for (operator, expected) in [(" + 1", "-"), (" or {}", "-"), ("[1:]", "-")] {
            let tree = Tree::parse(&format!("x = y{}\n", operator.repeat(20_000)));
            let value = tree.root().descendants().find(|node| node.field() == Some("right")).expect("a value");
            assert_eq!(Facts::new(&tree).kind_of(value).is_none(), expected == "-");
        }
    }

    #[test]
    fn parameters() {
        let asked = [
            ("a", "-"),
            ("b", "List?"),
            ("c", "-"),
            ("d", "Dict"),
            ("e", "List"),
            ("g", "-"),
            ("args", "Tuple"),
            ("kw", "Dict"),
        ];
        let code = "from typing import List, Mapping\ndef f(a, b=[], c=None, d: dict = None, e: 'List[int]' = None, *args: int, g: dict = [], **kw: int):\n    pass";
        kinds(code, &asked);
        kinds("def f(x=None):\n    if x is None:\n        x = {}\n    pass", &[("x", "Dict?")]);
        kinds("def f(x: dict):\n    x = x or {}\n    pass", &[("x", "Dict")]);
        kinds("def f(x: dict):\n    x = list(x)\n    pass", &[("x", "-")]);
    }

    #[track_caller]
    fn annotated(annotation: &str, expected: &str) {
        let imports = "from typing import *\nimport typing as t, torch\nfrom typing import Dict, List, Optional, Union, Mapping, Sequence, Annotated, Any\nfrom collections import OrderedDict, abc\nfrom lib import Config\nclass Own: pass\nclass Sub(dict): pass";
        kinds(&format!("{imports}\ndef f(x: {annotation}):\n    pass"), &[("x", expected)]);
    }

    #[test]
    fn annotations() {
        for (annotation, expected) in [
            ("dict", "-"),
            ("Dict[str, int]", "Dict"),
            ("t.Dict[str, 'int']", "Dict"),
            ("'t.Dict[str, int]'", "Dict"),
            ("Optional[Dict[str, int]]", "Dict"),
            ("'Optional[\\'List\\']'", "-"),
            ("Optional['List[int]']", "List"),
            ("List[int] | None", "List"),
            ("'List[int] | None'", "List"),
            ("None | List", "List"),
            ("Union[List[int], None, List[str]]", "List"),
            ("Union[List[int], Dict[str, int]]", "-"),
            ("Annotated[List[int], 'x | y']", "List"),
            ("Mapping[str, int]", "Dict?"),
            ("abc.MutableMapping", "Dict?"),
            ("Sequence[int]", "-"),
            ("Any", "-"),
            ("OrderedDict", "Dict"),
            ("t.Callable[[int], str]", "Other"),
            ("torch.Tensor", "Other"),
            ("Config", "Other?"),
            ("Own", "Other?"),
            ("'Own'", "Other?"),
            ("Sub", "-"),
            ("None", "None"),
            ("(List[int])", "List"),
            ("[int]", "-"),
            ("'some prose | more'", "-"),
        ] {
            annotated(annotation, expected);
        }
        // The star import above hides the builtins; without it they count.
        kinds(
            "def f(x: dict[str, int], y: 'str | None', z: list | None = None):\n    pass",
            &[("x", "Dict"), ("y", "Scalar"), ("z", "List")],
        );
        kinds("x: dict[str, int] = load()\ny: dict = None\nz: list", &[("x", "Dict"), ("y", "Dict"), ("z", "List")]);
        kinds("from typing import Mapping\nx: Mapping = {}\ny: list = {}", &[("x", "Dict"), ("y", "Dict")]);
    }

    #[test]
    fn functions_of_the_file() {
        kinds("def f():\n    return {}", &[("f()", "Dict")]);
        kinds("def f(x):\n    if x: return None\n    y = {}\n    return y", &[("f(1)", "Dict")]);
        kinds("def f(x):\n    if x: return []\n    return {}", &[("f(1)", "-")]);
        kinds("def f(x):\n    def g(): return []\n    return {}", &[("f(1)", "Dict")]);
        kinds("def f():\n    yield 1\n    return {}", &[("f()", "Iterator")]);
        kinds("async def f():\n    return {}", &[("f()", "-")]);
        kinds("@cache\ndef f():\n    return {}", &[("f()", "-")]);
        kinds("def f():\n    return {}\ndef f():\n    return {}", &[("f()", "-")]);
        kinds("def f() -> dict[str, int]:\n    return load()", &[("f()", "Dict")]);
        kinds("def f(): pass", &[("f()", "-")]);
    }

    #[test]
    fn classes_of_the_file() {
        kinds("class C: pass", &[("C()", "Other")]);
        kinds("class C(object): pass\nclass D(C): pass", &[("D()", "Other")]);
        kinds("class C(dict): pass\nclass D(C): pass", &[("D()", "-")]);
        kinds(
            "import torch.nn as nn\nfrom lib import Base\nclass C(nn.Module): pass\nclass D(Base): pass",
            &[("C()", "Other"), ("D()", "Other?")],
        );
        kinds("from lib import AttrDict\nclass C(AttrDict): pass", &[("C()", "-")]);
        kinds("class C(x.y()): pass", &[("C()", "-")]);
        kinds(
            "from typing import TypedDict, NamedTuple\nclass C(TypedDict): pass\nclass D(NamedTuple): pass",
            &[("C()", "Dict"), ("D()", "Tuple?")],
        );
        kinds("from typing import Generic\nclass C(Generic[T]): pass", &[("C()", "Other")]);
    }

    /// A class with these members, and what `self.x` is in its last method.
    #[track_caller]
    fn attribute(before: &str, header: &str, members: &str, expected: &str) {
        let members = members.replace('\n', "\n    ");
        kinds(&format!("{before}\n{header}\n    {members}\n    def last(self):\n        pass"), &[("self.x", expected)]);
    }

    #[test]
    fn attributes() {
        let init = "def __init__(self):\n    self.x = {}";
        attribute("", "class C:", init, "Dict");
        attribute("import torch.nn as nn", "class C(nn.Module):", init, "Dict");
        attribute("import torch.nn as nn", "class C(nn.Module):", "def set(self):\n    self.x = {}", "Dict?");
        attribute(
            "import torch.nn as nn",
            "class C(nn.Module):",
            "def __init__(self):\n    self.x = nn.ModuleDict({})",
            "Other",
        );
        attribute("", "class C:", &format!("{init}\ndef set(self, y):\n    self.x = y"), "-");
        attribute("", "class C:", &format!("{init}\ndef set(this):\n    this.x = {{1: 2}}\n    this.x |= y"), "Dict");
        attribute("", "class C:", &format!("{init}\n@staticmethod\ndef set(y):\n    y.x = []"), "-");
        attribute("", "class C:", &format!("{init}\ndef set(self):\n    def g():\n        self.x = []\n    g()"), "-");
        attribute("def f(c): c.x = 1", "class C:", init, "-");
        attribute("def f(c): c.x = {}", "class C:", init, "Dict");
        attribute("def f(c): setattr(c, 'x', 1)", "class C:", init, "-");
        attribute("class D:\n    def f(self): self.x = 1", "class C:", init, "Dict");
        attribute("class D:\n    def f(self): self.x = 1", "class C(D):", init, "-");
        attribute("class D:\n    def f(self): self.x = {}", "class C(D):", "", "Dict");
        attribute("", "class C:", "x = {}", "Dict");
        attribute("", "class C:", "x = None\ndef f(self): self.x = {}", "Dict");
        attribute("", "class C:", "x = None", "-");
        attribute("", "class C:", "x = ()", "Tuple?");
        attribute("", "class C:", "x = ()\ndef f(self): self.x = (1,)", "Tuple");
        attribute("", "@register\nclass C:", "x = {}", "Dict?");
        attribute("", "class C:", "x: dict[str, int]", "Dict");
        attribute("", "class C:", "x: dict = field(default_factory=dict)", "Dict");
        attribute("", "class C:", &format!("{init}\n@property\ndef x(self): return self._x"), "-");
        attribute("", "class C:", &format!("{init}\ndef __setattr__(self, k, v): pass"), "-");
        attribute("", "class C:", &format!("{init}\ndef f(self, k): setattr(self, k, 1)"), "Dict?");
        attribute("", "class C:", &format!("{init}\ndef f(self): self.__dict__ = {{}}"), "Dict?");
        attribute("", "class C:", "def __init__(self):\n    self.x, self.y = {}, []", "Dict");
        attribute("", "class C:", "def __init__(self):\n    self.x, self.y = f()", "-");
        attribute("", "class C:", "def __init__(self):\n    self.y = self.x = {}", "Dict");
        attribute("", "class C:", "def __init__(self, x: dict):\n    self.x = x", "Dict");
        attribute("", "class C:", "def __init__(self, x):\n    self.x: dict[str, int] = x", "Dict");
        attribute("", "class C:", "def __init__(self, x=None):\n    self.x = x or {}", "Dict?");
        attribute("", "class C:", &format!("{init}\ndef f(self):\n    for self.x in y: pass"), "-");
        attribute("", "class C:", &format!("{init}\ndef f(self):\n    del self.x"), "Dict");
        attribute("", "class C:", "", "-");
        kinds("class C:\n    x = {}\nclass D(C):\n    x = []", &[("C.x", "-"), ("D.x", "-")]);
        kinds("class C:\n    x = {}", &[("C.x", "Dict"), ("D.x", "-")]);
        kinds("class C:\n    def f(self):\n        self.a = {}\n        pass", &[("self.__dict__", "Dict"), ("self.a.b", "-")]);
    }
}
