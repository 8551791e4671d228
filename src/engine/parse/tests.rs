//! The tables of this parser and of tree-sitter are the same.

use crate::engine::syntax::{Tree, language};

use super::{kinds, parse};

/// Both know the text and agree.
#[track_caller]
fn same(text: &str) {
    let (records, depth) = parse(text).unwrap_or_else(|| panic!("given up: {text}"));
    let tree = Tree::parse_fully(text);
    assert_eq!(tree.errors().count(), 0, "{text}");
    for (own, theirs) in records.iter().zip(tree.records()) {
        assert_eq!(own, theirs, "{text}");
    }
    assert_eq!((records.len(), depth), (tree.len(), tree.depth()), "{text}");
}

#[test]
fn statements() {
    for text in [
        "x = 1\n",
        "\u{feff}x = 1\n",
        "",
        "\n\n",
        "# only\n",
        "\n # lead\n\nx\n\n",
        "a = 1; b = 2;  # d\n",
        "x = y = a, *b = 1, 2\n",
        "(a, [b, (c)]), *d.e = x\n",
        "a,\n",
        "a, b\n",
        "x += 1, 2\n",
        "x = yield a, b\n",
        "del a, b[0]\ndel (a, b)\ndel a,\n",
        "return\nreturn a, *b\n",
        "raise\nraise X(a) from e\n",
        "assert a, b\nglobal a, b\nnonlocal c\npass\nbreak\ncontinue\n",
        "import a.b as c, d\nfrom .a import (b, c as d,)\nfrom ... import *\nfrom . import x\n",
        "from __future__ import annotations\nfrom __future__ import (a, b)\n",
        "x = '''a\nb'''\r\ny = 1  # z\r\n",
        "print(a)\nprint (a)\nmatch = 1\nmatch.group(1)\ntype(x)\n",
    ] {
        same(text);
    }
}

#[test]
fn blocks_and_comments() {
    for text in [
        "if a:  # x\n    # y\n    b\n    # z\n  # w\n# v\nelif c: d  # u\nelse:\n    e\n",
        "for i, in a, b:\n    pass\nelse:\n    pass\nwhile x:\n\tbreak\n",
        "async def f():\n    async for x in y: pass\n    async with a as b, c: pass\n    return [x async for x in y]\n",
        "try:\n    a\nexcept (A, B) as e:\n    b\nexcept C:\n    c\nexcept:\n    d\nelse:\n    e\nfinally:\n    f\n",
        "try:\n    a\nexcept* A as e:\n    b\n",
        "with open(a) as f, b as (c, d), e:\n    pass\nwith (a as b, c as d,):\n    pass\nwith (a, b):\n    pass\n",
        "with (a):\n    pass\nwith (a) as b:\n    pass\nwith (a).b() as c, d:\n    pass\nwith (yield x):\n    pass\n",
        "@a.b  # c\n# d\n@e(1)\ndef f(): pass\n",
        "@x\nclass A(B, metaclass=C):\n    \"\"\"d\"\"\"\n    x = 1\n\n    def f(self):\n        pass\n    # trailing\n\n# outer\ny = 1\n",
        "def f():\n    pass # c\n    # d\n\n# e\n",
        "class A: pass\ndef f(): return 1  # c\n# d\n",
        "def f():\n    if a:\n        b\n        # in b\n    # in f\n# outside\n",
        "def f():\n  x = (1,\n# left\n 2)\n  return \\\n    x\n",
        "def f():\n    assert x, \\\n        'a' \\\n        f'b'\n",
        "def f(a, # c\n      b): # d\n   pass",
    ] {
        same(text);
    }
}

#[test]
fn expressions() {
    for text in [
        "a not in b is not c < d is e",
        "a and not b or c",
        "a if b else c if d else e",
        "(x := a if b else c)",
        "x = a if b else lambda: c",
        "lambda *a, b=1, **k: a",
        "[lambda: x for x in y]",
        "-x ** -y ** 2 * ~z // w",
        "a | b ^ c & d << e",
        "x = await f(y) ** 2",
        "[x for x, in a if b if c for d in e]",
        "f(x for x in y)(b)[c].d",
        "f(x, *a, **b, k=v, *c.d)",
        "{**a, 'b': 1}",
        "{x: y for x in z}",
        "{1, 2, *a.b}",
        "{*a.b}",
        "[*a.b() [0] + c]",
        "[*(a or b)]",
        "return_ = [*a.b, c], (*a.b,), f(*a.b), ()",
        "x = *a, b",
        "a[1:2, ::3, b, :]",
        "a[x := 1]",
        "a[b,]",
        "(yield)",
        "1 + 1.0 + 0x1F + 1j + 1.e5 + .5 + 1_000",
        "...",
        "(\n  a  # b\n  .c(\n))",
    ] {
        same(text);
    }
}

#[test]
fn annotations() {
    for text in [
        "x: int = 1",
        "x: a.List[int] | None",
        "x: List[int] | Dict[str, int] | None | str",
        "x: int | List[str]",
        "x: Optional[Dict[str, List[\"int\"]]] = {}",
        "x: Callable[[int, str], Tuple[int, ...]]",
        "x: Annotated[int, Field(gt=0), a.b[c], 1]",
        "x.y: (int) = yield",
        "(x): lambda: 0",
        "def f(a, *args: int, b: List[int] = [], c=1, **kw: Any) -> Optional[X]: pass",
        "def f(a, /, *, b: 'x' = 2): return",
        "def f(*a: *Ts): ...",
    ] {
        same(text);
    }
}

#[test]
fn strings() {
    for text in [
        r#""a\n\q\101\x41\u0041\N{DASH}" 'b' rb'\x00\d' u''"#,
        r#"f"a{{b}} {x!r:>{w}.2f} {y=} {z:%Y-%m}{a, b}""#,
        r#"f"{x['a']}{(lambda: 1)()}" f'{a:{b}.{c}}'"#,
        r#"f"{a["b"]}{f'{c}'}""#,
        r#"rf"\d{x} \w""#,
        r"r'\\' + r'\'' + r'\a' + r'' + r'''\''''",
        "f'''\n{a}\n'''",
        "'a\\\nb'",
        "b'\\x12' '''a'b''c\"'''",
    ] {
        same(text);
    }
}

#[test]
fn what_is_rare_or_wrong_is_given_up() {
    for text in [
        "match x:\n    case 1: pass\n",
        "type X = int\n",
        "print x\n",
        "exec 'a'\n",
        "def f[T](): pass\n",
        "x = \n",
        "if x:\npass\n",
        "  x = 1\n",
        "if x:\n    a\n  b\n",
        "f(a\n",
        "'abc\n",
        "f'{a\n}'\n",
        "é = 1\n",
        "x = 1 +\n",
        "try:\n    a\n",
        "type(x).y = 1\n",
        "a <> b\n",
        "0777L\n",
        "\\\nx\n",
        r#"rf"\"{x}""#,
    ] {
        assert!(parse(text).is_none(), "{text}");
    }
}

#[test]
fn nesting_and_chains_have_an_end() {
    assert!(parse(&format!("{}1{}", "(".repeat(2_000), ")".repeat(2_000))).is_none());
    assert!(parse(&format!("x = {}1", "not ".repeat(2_000))).is_none());
    assert!(parse(&"[*f(".repeat(1_000)).is_none());
    // One rereading in the other would take exponential time.
    let nested = format!("{}1{}", "[*f(".repeat(18), ")]".repeat(18));
    assert!(parse(&nested).is_none());
    let chain = format!("x = 1{}\n", " + 1".repeat(100_000));
    assert!(parse(&chain).is_none());
    same(&format!("x = 1{}\n", " + 1".repeat(300)));
}

#[test]
fn kinds_are_those_of_the_grammar() {
    let mut role = false;
    for line in include_str!("kinds.rs").lines() {
        role |= line.contains("mod field");
        let Some((name, number)) = line.trim().split_once(": u16 = ") else { continue };
        let name = name.rsplit(' ').next().unwrap_or(name).to_lowercase();
        let number: u16 = number.trim_end_matches(';').parse().expect("a number");
        if number == kinds::NEWLINE {
            assert_eq!(language().node_kind_for_id(number), Some("_newline"));
        } else if role {
            assert_eq!(language().field_name_for_id(number), Some(name.as_str()));
        } else if kinds::is_named(number) {
            let known = language().node_kind_for_id(number).expect("a kind");
            assert!(known == name && language().node_kind_is_named(number), "{name} is {known}");
        } else {
            let known = language().node_kind_for_id(number).expect("a kind");
            let is_word = known.starts_with(|c: char| c.is_ascii_alphabetic()) && !known.contains(' ');
            assert!(!is_word || known == name.trim_end_matches("_word"), "{name} is {known}");
            assert!(!language().node_kind_is_named(number), "{name}");
        }
    }
}
