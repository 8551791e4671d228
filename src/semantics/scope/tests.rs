//! Tests of `scope`.

use super::*;

/// What each mention of a name means, in text order: where its variable lives (`mod`, the name of a function or
/// class, `lambda`, `comp`, `type`), or `builtin`, `unknown`. Mentions that are no names are `-`.
#[track_caller]
fn meanings(code: &str, name: &str, expected: &str) {
    let tree = Tree::parse(code);
    let scopes = Scopes::new(&tree);
    let mentions = tree.root().descendants().filter(|node| node.is("identifier") && node.text() == name);
    let found: Vec<String> = mentions
        .map(|node| match scopes.meanings[node.id() as usize].as_ref() {
            None => "-".to_string(),
            Some(Resolution::Builtin) => "builtin".to_string(),
            Some(Resolution::Unknown) => "unknown".to_string(),
            Some(&Resolution::Variable(id)) => scope_name(&scopes, scopes.variable(id).scope),
        })
        .collect();
    assert_eq!(found.join(" "), expected, "{name} in\n{code}");
}

fn scope_name(scopes: &Scopes<'_>, scope: ScopeId) -> String {
    match scopes.kind(scope) {
        ScopeKind::Module => "mod".to_string(),
        ScopeKind::Lambda => "lambda".to_string(),
        ScopeKind::Comprehension => "comp".to_string(),
        ScopeKind::TypeParameters => "type".to_string(),
        ScopeKind::Class | ScopeKind::Function => {
            scopes.definition(scope).child("name").map_or_else(String::new, |name| name.text().to_string())
        }
    }
}

#[test]
fn functions_and_classes() {
    meanings("x = 1\ndef f():\n    return x\n", "x", "mod mod");
    meanings("x = 1\ndef f():\n    print(x)\n    x = 2\n", "x", "mod f f");
    meanings("class C:\n    x = 1\n    y = x\n    def f(self, a=x):\n        return x\n", "x", "C C C builtin");
    meanings("x = 0\nclass C:\n    x = 1\n    class D:\n        y = x\n    z = lambda: x\n", "x", "mod C mod mod");
    meanings("class C:\n    @x\n    def x(self) -> x: return x\n", "x", "C C C builtin");
    meanings("def f(x, *, y=x): x\n", "x", "f builtin f");
    meanings("def f(a: int, *x: int, **k) -> x: return x\n", "x", "f builtin f");
    meanings("def x():\n    x()\n", "x", "mod mod");
    meanings("class C(x, k=x):\n    x = 1\n", "x", "builtin builtin C");
    meanings("f = lambda x, y=x: x\n", "x", "lambda builtin lambda");
    meanings("def f():\n    def g(): return x\n    x = 1\n", "x", "f f");
}

#[test]
fn comprehensions() {
    meanings("x = [1]\ny = [x for x in x if x]\n", "x", "mod comp comp mod comp");
    meanings("[a for a in b for c in a for a in c]\n", "a", "comp comp comp comp");
    meanings("class C:\n    x = []\n    y = [x for i in x]\n    z = [i for i in y for j in x]\n", "x", "C builtin C builtin");
    meanings("def f():\n    if any((x := i) for i in y): return x\n", "x", "f f");
    meanings("def f():\n    [[(x := i) for i in j] for j in y]\n    return [x for _ in y]\n", "x", "f f");
    meanings("{x: y for x, (y, *z) in q}; y; z\n", "y", "comp comp builtin");
    meanings("{k for k in (k for k in k)}\n", "k", "comp comp comp comp builtin");
    meanings("f(x for x in x)\n", "x", "comp comp builtin");
    meanings("[lambda: i for i in j]\n", "i", "comp comp");
    meanings("[i async for i in j]\n", "i", "comp comp");
}

#[test]
fn declared_names() {
    meanings("def f():\n    global x\n    x = 1\ndef g(): return x\n", "x", "mod mod mod");
    meanings("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x += 1\n", "x", "f f f");
    meanings("def f():\n    def g():\n        nonlocal x\n        x += 1\n    x = 1\n", "x", "f f f");
    meanings(
        "def f():\n    x = 1\n    def g():\n        nonlocal x\n        def h():\n            nonlocal x\n            x = 2\n",
        "x",
        "f f f f",
    );
    meanings("def f():\n    x = 1\n    def g():\n        global x\n        return x\n", "x", "f builtin builtin");
    meanings("def f():\n    x = 1\n    def g():\n        global x\n        def h(): return x\nx = 2\n", "x", "f mod mod mod");
    meanings("class C:\n    global x\n    x = 1\n    def f(self): return x\n", "x", "mod mod mod");
    meanings("def f():\n    class C:\n        nonlocal x\n        x = 1\n    x = 2\n", "x", "f f f");
    meanings(
        "def f():\n    global x\n    for x in y: pass\n    import x.z\n    [(x := 1) for _ in y]\n",
        "x",
        "mod mod mod mod",
    );
    meanings("def f():\n    nonlocal x\n    x = 1\n    return x\n", "x", "f f f");
}

#[test]
fn targets() {
    meanings("for x, (y, *z), a.b, c[i] in q: pass\n", "z", "mod");
    meanings("for x, a.b, c[i] in q: pass\n", "a", "builtin");
    meanings("for x, a.b, c[i] in q: pass\n", "b", "-");
    meanings("for x, a.b, c[i] in q: pass\n", "i", "builtin");
    meanings("with a as x, b as (y, [z]), c as d.e: x, y, z, d\n", "z", "mod mod");
    meanings("with (a as x), b as y: x\n", "x", "mod mod");
    meanings("with (\n    a as x,\n): x\n", "x", "mod mod");
    meanings("try: pass\nexcept (A, B) as x: x\n", "x", "mod mod");
    meanings("try: pass\nexcept* A as x: x\n", "x", "mod mod");
    meanings("def f():\n    del x, y[0]\n    return x, y\n", "x", "f f");
    meanings("def f():\n    del (x, [z]), y[0]\n    return z, y\n", "y", "builtin builtin");
    meanings("def f():\n    x: int\n    return x\n", "x", "f f");
    meanings("def f():\n    (x): int\n    return x\n", "x", "- builtin");
    meanings("def f():\n    x += 1\n", "x", "f");
    meanings("def f():\n    a = x, *b = x.y = z\n", "x", "f f");
    meanings("def f():\n    x[0] = x.y = 1\n", "x", "builtin builtin");
    meanings("f(x=x, **x)\n", "x", "- builtin builtin");
    meanings("print = f(type=print)\nprint(type)\n", "print", "mod mod mod");
}

#[test]
fn imports() {
    meanings("import a.b, c.d as e\na; b; c; d; e\n", "a", "mod mod");
    meanings("import a.b, c.d as e\na; b; c; d; e\n", "b", "- builtin");
    meanings("import a.b, c.d as e\na; b; c; d; e\n", "e", "mod mod");
    meanings("from a import b, c as d\na; b; c; d\n", "a", "- builtin");
    meanings("from a import b, c as d\na; b; c; d\n", "b", "mod mod");
    meanings("from a import b, c as d\na; b; c; d\n", "c", "- builtin");
    meanings("from ..a import (b,)\nb\n", "b", "mod mod");
    meanings("from __future__ import annotations\nannotations\n", "annotations", "mod mod");
    meanings("from m import *\nx = 1\nx, y\n", "y", "unknown");
    meanings("from m import *\nx = 1\nx, y\n", "x", "mod mod");
    meanings("def f():\n    return y\nfrom m import *\n", "y", "unknown");
    meanings("from m import *\ndef f():\n    global y\n    return y\n", "y", "unknown unknown");
}

#[test]
fn patterns() {
    let code =
        "match s:\n    case [a, *r, (b | c)] | {'k': v, **w} if g: pass\n    case m.C(p, q=t, u=_) as z: pass\n    case _: _\n";
    for (name, expected) in [("a", "mod"), ("r", "mod"), ("b", "mod"), ("v", "mod"), ("w", "mod"), ("g", "builtin")] {
        meanings(code, name, expected);
    }
    for (name, expected) in
        [("m", "builtin"), ("C", "-"), ("p", "mod"), ("q", "-"), ("t", "mod"), ("z", "mod"), ("_", "builtin")]
    {
        meanings(code, name, expected);
    }
    meanings("match s:\n    case {A.x: x, 'k': C(x=[1, y])}: pass\n", "x", "- mod -");
    meanings("match s:\n    case a, str(b): pass\n", "b", "mod");
    meanings("match s:\n    case a, str(b): pass\n", "str", "builtin");
    meanings("match s:\n    case *x, _: pass\n", "x", "mod");
}

#[test]
fn type_parameters() {
    meanings("def f[T: B](x: T, y=T) -> T:\n    return T\n", "T", "type type builtin type type");
    meanings("class C[*T](B[T]):\n    x: T\n    def f(self): T\n", "T", "type type type type");
    meanings("type X[**T] = list[T]\nT, X\n", "T", "type type builtin");
    meanings("type X[**T] = list[T]\nT, X\n", "X", "mod mod");
    // The annotations of a generic method see the class around it, its body does not.
    meanings("class C:\n    x = int\n    def f[T](self, a: x): x\n", "x", "C C builtin");
}

#[test]
fn private_names_belong_to_their_class() {
    meanings("__x = 1\nclass C:\n    def f(self): return __x\n", "__x", "mod builtin");
    meanings("class _C:\n    def f(self):\n        __x = 1\n        return lambda: __x\n", "__x", "f f");
    meanings("def f():\n    _C__x = 1\n    class C: y = __x\n", "__x", "f");
}

#[test]
fn bindings_and_references() {
    let code = "import x.y\nx: int = 1\ndef f(x=2): x\ndef g():\n    global x\n    x = z = 3\n    (x), w = 4\nfor x in x: x += x\nwith x as x: pass\n";
    let tree = Tree::parse(code);
    let scopes = Scopes::new(&tree);
    let Resolution::Variable(id) = scopes.lookup("x", Scopes::MODULE) else { panic!("bound") };
    let shown: Vec<String> = scopes
        .variable(id)
        .bindings
        .iter()
        .map(|b| {
            let (value, annotation) = (b.value.map_or("-", Node::text), b.annotation.map_or("-", Node::text));
            format!("{:?} {} {value} {annotation}", b.kind, b.node.text())
        })
        .collect();
    let expected = [
        "Import x.y - -",
        "Annotated x 1 int",
        "Assignment x 3 -",
        "Unpacking x - -",
        "For x - -",
        "Augmented x - -",
        "With x x -",
    ];
    assert_eq!(shown, expected);
    assert_eq!(scopes.variable(id).references.len(), 3);
}

#[track_caller]
fn dynamic(code: &str, expected: &str) {
    let tree = Tree::parse(code);
    let scopes = Scopes::new(&tree);
    let found: Vec<String> = scopes.all().filter(|&s| scopes.is_dynamic(s)).map(|s| scope_name(&scopes, s)).collect();
    assert_eq!(found.join(" "), expected, "{code}");
}

#[test]
fn dynamic_scopes() {
    dynamic("def f(): exec(s)\ndef g(): x\n", "mod f");
    dynamic("def f(): return locals()\n", "f");
    dynamic("def f(): return [locals() for x in y]\n", "f comp");
    dynamic("def f(x): return vars(x), dir(x)\n", "");
    dynamic("def f(x): return vars()\n", "f");
    dynamic("def f(x): globals()['y'] = x\n", "mod");
    dynamic("from m import *\ndef f(): pass\n", "mod");
    dynamic("def eval(m): m.eval()\neval(1)\n", "");
}

#[test]
fn depth_does_not_matter() {
    for code in ["lambda: ".repeat(20_000) + "x\n", "[".repeat(20_000) + "x", "a = ".repeat(20_000) + "x\n"] {
        let tree = Tree::parse(&code);
        assert!(Scopes::new(&tree).all().count() > 0);
    }
}
