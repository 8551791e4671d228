//! Tests of `types`.

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
    let asked =
        [("a", "-"), ("b", "List?"), ("c", "-"), ("d", "Dict"), ("e", "List"), ("g", "-"), ("args", "Tuple"), ("kw", "Dict")];
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
    attribute("import torch.nn as nn", "class C(nn.Module):", "def __init__(self):\n    self.x = nn.ModuleDict({})", "Other");
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
