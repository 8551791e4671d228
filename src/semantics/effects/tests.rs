//! Tests of `effects`.

use super::*;
use crate::engine::syntax::Tree;

/// One word or two for a use.
fn words(found: &Use<'_>) -> String {
    match found {
        Use::Mutated(mutation) => match mutation.kind {
            MutationKind::Method(name) => format!("!{name}"),
            MutationKind::SetItem(key) => format!("![{}]=", key.text()),
            MutationKind::SetSlice(key) => format!("![{}]:=", key.text()),
            MutationKind::DeleteItem(key) => format!("!del[{}]", key.text()),
            MutationKind::DeleteSlice(key) => format!("!del[{}]:", key.text()),
            MutationKind::Augmented(operator) => format!("!{operator}"),
            MutationKind::SetAttribute(name) => format!("!.{name}"),
            MutationKind::Function(name) => format!("!{name}()"),
        },
        Use::Read(read) => match read {
            Read::Iterated => "iterated".to_string(),
            Read::Subscript(node) => node.text().to_string(),
            Read::Attribute(name) => format!(".{name}"),
            Read::Method(name, _) => format!(".{name}()"),
            Read::Argument(name, _) => format!("{name}()"),
            Read::Membership => "in".to_string(),
            Read::NoneTest(_) => "none".to_string(),
            Read::Truth => "truth".to_string(),
            Read::Compared => "compared".to_string(),
            Read::Operand => "operand".to_string(),
            Read::Formatted => "formatted".to_string(),
            Read::Ignored => "ignored".to_string(),
        },
        Use::Escapes(escape) => match escape {
            Escape::Returned => "returned".to_string(),
            Escape::Yielded => "yielded".to_string(),
            Escape::Stored(node) => format!("stored {}", node.text()),
            Escape::Aliased(node) => format!("alias {}", node.text()),
            Escape::Passed(node) => format!("passed {}", node.text()),
            Escape::Captured(node) => format!("captured {}", node.kind()),
            Escape::Other(node) => format!("other {}", node.kind()),
        },
    }
}

/// A function `f` with parameter `x` and this body.
fn function(body: &str) -> Tree {
    const IMPORTS: &str = "import heapq, random, bisect, operator, copy, json, itertools, collections, numpy as np, torch";
    let tree = Tree::parse(&format!("{IMPORTS}\n\ndef f(x):\n    {}\n", body.replace('\n', "\n    ")));
    assert_eq!(tree.errors().count(), 0, "{body}");
    tree
}

fn body_of(tree: &Tree) -> Node<'_> {
    let function = tree.root().named_children().last().expect("a function");
    function.child("body").expect("a body")
}

/// What happens to the parameter `x` at each of its mentions in a body, separated by commas.
#[track_caller]
fn check(body: &str, expected: &str) {
    let tree = function(body);
    let facts = Facts::new(&tree);
    let body_node = body_of(&tree);
    let root = body_node.parent().and_then(|function| facts.scopes().scope_opened_by(function)).expect("its scope");
    let Resolution::Variable(root) = facts.scopes().lookup("x", root) else { panic!("x is a parameter") };
    let place = Place { root: Some(root), name: "x", steps: Vec::new() };
    let uses: Vec<_> = facts.mentions(&place, body_node).into_iter().map(|node| words(&facts.use_of(node))).collect();
    assert_eq!(uses.join(", "), expected, "{body}");
}

#[test]
fn methods() {
    check("x.append(1)", "!append");
    check("y = x.pop()", "!pop");
    check("if x.popitem(): pass", "!popitem");
    check("(x).add(1)", "!add");
    check("x.copy()", ".copy()");
    check("x.get(1).append(2)", ".get()");
    check("x.zero_()", "!zero_");
    check("x.frobnicate(1)", "passed x.frobnicate(1)");
    check("y = x.append", "other attribute");
    check("y = x.items", "other attribute");
    check("y = x.__dict__", "other attribute");
    check("y = x.shape", ".shape");
    check("max(x, key=x.get)", "max(), .get");
    check("g(key=x.get)", "other attribute");
    check("x()", "other call");
    check("x[0].append(1)", "x[0]");
    check("x.a.append(1)", ".a");
    check("(x or y).append(1)", "!append");
    check("(x if y else z).append(1)", "!append");
}

#[test]
fn targets() {
    check("x[0] = 1", "![0]=");
    check("x[1, 2] = 1", "![x[1, 2]]=");
    check("x[1:2] = y", "![1:2]:=");
    check("x[0] += 1", "![0]=");
    check("del x[0]", "!del[0]");
    check("del x[:]", "!del[:]:");
    check("del x[0], x[1], y[x]", "!del[0], !del[1], stored y[x]");
    check("del (x[0], [x[1]])", "!del[0], !del[1]");
    check("del x", "ignored");
    check("del x.a", "!.a");
    check("x.a = 1", "!.a");
    check("x.a += 1", "!.a");
    check("x += y", "!+=");
    check("x |= y", "!|=");
    check("(x[0], y), *z = w", "![0]=");
    check("[x[0]] = w", "![0]=");
    check("(x[0]) = w", "![0]=");
    check("y = x[0] = w", "![0]=");
    check("for x[0] in w: pass", "![0]=");
    check("for y, (x[0], *z) in w: pass", "![0]=");
    check("with cm as x[0]: pass", "![0]=");
    check("with cm as (x[0], y): pass", "![0]=");
    check("[1 for x[0] in w]", "![0]=");
    check("while (y := x.pop()): pass", "!pop");
    check("x = 1", "ignored");
    check("x: int = 1", "ignored");
    check("x, y = 1, 2", "ignored");
    check("for x in y: pass", "ignored");
    check("with y as x: pass", "ignored");
    check("(x := 1)", "ignored");
    check("try:\n    pass\nexcept E as x:\n    pass", "ignored");
    check("import a as x", "ignored");
    check("def x(): pass", "ignored");
    check("class x: pass", "ignored");
}

#[test]
fn reads() {
    check("for y in x: pass", "iterated");
    check("async def g(): pass\n[y for y in x]", "iterated");
    check("[y for z in w for y in x if x]", "iterated, truth");
    check("y, z = x", "iterated");
    check("[y, *z] = x", "iterated");
    check("y = [*x, 1]", "iterated");
    check("y = {**x}", "iterated");
    check("g(*x)", "iterated");
    check("g(**x)", "iterated");
    check("yield from x", "iterated");
    check("y = x[0]", "x[0]");
    check("y = x[0][1]", "x[0]");
    check("y = x[1:]", "x[1:]");
    check("y = w[x]", "operand");
    check("y = w[x:]", "operand");
    check("w[x] = 1", "stored w[x]");
    check("y in x", "in");
    check("y not in x", "in");
    check("x in y", "compared");
    check("a in x in y", "in");
    check("x is None", "none");
    check("None is not x", "none");
    check("x == None", "none");
    check("x is not y", "compared");
    check("x == [1]", "compared");
    check("y < x < z", "compared");
    check("if x: pass\nelif x: pass", "truth, truth");
    check("while not x: pass", "truth");
    check("y = z if x else w", "truth");
    check("assert x, y", "truth");
    check("if x and y or x: pass", "truth, truth");
    check("y = x + [1]", "operand");
    check("y = x * 2", "operand");
    check("y += x", "operand");
    check("y = -x", "operand");
    check("y = f'{x} {x!r:>{x}}'", "formatted, formatted, formatted");
    check("y = '%s' % x", "formatted");
    check("y = '%s %s' % (x, 1)", "formatted");
    check("y = '{}'.format(x)", "formatted");
    check("x", "ignored");
    check("x; (x)", "ignored, ignored");
    check("match y:\n    case x.a: pass\n    case [x]: pass", "compared, ignored");
    check("global y\nnonlocal_ = 1", "");
}

#[test]
fn arguments() {
    check("y = len(x)", "len()");
    check("y = sorted(x, key=g)", "sorted()");
    check("print(1, x, sep='')", "print()");
    check("print(1, file=x)", "passed print(1, file=x)");
    check("y = dict(x)", "dict()");
    check("y = dict(a=x)", "stored dict(a=x)");
    check("y = max(x)", "max()");
    check("y = max(x, z)", "alias y");
    check("y = sum(z, x)", "passed sum(z, x)");
    check("y = ', '.join(x)", "join()");
    check("y.extend(x)", "extend()");
    check("y.append(x)", "passed y.append(x)");
    check("y.update(x)", "passed y.update(x)");
    check("logger.info('%s', x)", "info()");
    check("self._logger.warning('%s', x)", "warning()");
    check("shop.info('%s', x)", "passed shop.info('%s', x)");
    check("y = np.array(x)", "array()");
    check("y = np.asarray(x)", "passed np.asarray(x)");
    check("y = torch.tensor(x)", "tensor()");
    check("np.sum(y, out=x)", "passed np.sum(y, out=x)");
    check("y = copy.deepcopy(x)", "deepcopy()");
    check("y = json.dumps({'a': x})", "dumps()");
    check("print([x])", "print()");
    check("y = list([x])", "passed list([x])");
    check("isinstance(x, list)", "isinstance()");
    check("heapq.heappush(x, 1)", "!heappush()");
    check("heapq.heappush(y, x)", "passed heapq.heappush(y, x)");
    check("random.shuffle(x)", "!shuffle()");
    check("bisect.insort(x, 1)", "!insort()");
    check("setattr(x, 'a', 1)", "!setattr()");
    check("setattr(y, 'a', x)", "passed setattr(y, 'a', x)");
    check("operator.setitem(x, 1, 2)", "!setitem()");
    check("operator.delitem(x, 1)", "!delitem()");
    check("g(x)", "passed g(x)");
    check("g(a=x)", "passed g(a=x)");
    check("g([x])", "passed g([x])");
    check("y.g(x)", "passed y.g(x)");
    check("len = g\nlen(x)", "passed len(x)");
}

#[test]
fn views_and_iterators() {
    check("for k, v in x.items(): pass", ".items()");
    check("for i, y in enumerate(x): pass", "enumerate()");
    check("for i, y in enumerate(zip(x, z)): pass", "zip()");
    check("for y in reversed(list(x)): pass", "list()");
    check("y = list(x.keys())", ".keys()");
    check("y = x.keys()", "alias y");
    check("return x.values()", "returned");
    check("y = zip(x, z)", "alias y");
    check("g(map(h, x))", "passed g(map(h, x))");
    check("y = next(iter(x))", "iter()");
    check("y = sum(map(h, x))", "map()");
    check("y = x.keys() - z", ".keys()");
    check("y in x.values()", ".values()");
    check("y = x.keys().isdisjoint(z)", ".keys()");
    check("y = {**dict(x.items())}", ".items()");
    check("y, z = x.values()", ".values()");
    check("y = itertools.product(x, z)", "product()");
    check("y = itertools.chain(x, z)", "alias y");
    check("y = sum(a for a in x)", "iterated");
    check("y = (a for a in x)", "alias y");
    check("y = any(a in x for a in z)", "in");
    check("y = (a for a in z if a in x)", "captured generator_expression");
    check("return (a for a in x)", "returned");
    check("g(a for a in x)", "passed g(a for a in x)");
    check("g(a for a in z if x)", "captured generator_expression");
    check("y = list(x for a in z)", "passed list(x for a in z)");
    check("for a in (b for b in z if b in x): pass", "in");
    check("max(x.values(), y)", "passed max(x.values(), y)");
}

#[test]
fn escapes() {
    check("return x", "returned");
    check("return x, 1", "returned");
    check("return {'a': [x]}", "returned");
    check("return x if y else None", "returned");
    check("return x or []", "returned");
    check("return y and x", "returned");
    check("return [x for y in z]", "returned");
    check("yield x", "yielded");
    check("y = yield x", "yielded");
    check("yield x, 1", "yielded");
    check("y = x", "alias y");
    check("y: list = (x)", "alias y");
    check("y = x or []", "alias y");
    check("y = z = x", "alias z");
    check("y = self.z = x", "stored self.z");
    check("self.y = z = x", "stored self.y");
    check("self.y = x", "stored self.y");
    check("w['a'] = x", "stored w['a']");
    check("y, z = x, 1", "alias y");
    check("self.y, z = x, 1", "stored self.y");
    check("y, *z = x, 1", "stored x, 1");
    check("y = [x]", "stored [x]");
    check("y = [x] + z", "stored [x]");
    check("y = {x: 1}", "stored {x: 1}");
    check("y += [x]", "stored [x]");
    check("for y in (x, z): pass", "stored (x, z)");
    check("for y in x, z: pass", "stored x, z");
    check("y in (x, z)", "compared");
    check("global g\ng = x", "stored g");
    check("(y := x)", "alias y");
    check("if (y := x): pass", "alias y");
    check("raise x", "other raise_statement");
    check("raise E(x)", "passed E(x)");
    check("with x: pass", "other with_item");
    check("with x as y: pass", "other as_pattern");
    check("match x:\n    case y: pass", "other match_statement");
    check("def g(a=x): pass", "stored def g(a=x): pass");
    check("y = lambda a=x: a", "stored lambda a=x: a");
    check("@x\ndef g(): pass", "other decorator");
    check("@x(1)\ndef g(): pass", "other call");
    check("class A(x): pass", "other argument_list");
    check("async def g(): pass\nassert y, x", "other assert_statement");
}

#[test]
fn captures() {
    check("def g():\n    x.append(1)", "captured function_definition");
    check("def g():\n    def h():\n        return x", "captured function_definition");
    check("y = lambda: x", "captured lambda");
    check("y = sorted(z, key=lambda a: x[a])", "captured lambda");
    check("class A:\n    y = x\n    def g(self):\n        x", "alias y, captured function_definition");
    check("def g(x):\n    x", "");
    check("[x[a] for a in y]", "x[a]");
    check("@g(x)\ndef h(): pass", "passed g(x)");
}

#[test]
fn module_variables_are_never_captured() {
    let tree = Tree::parse("x = {}\ndef f():\n    x[1] = 2\n    return lambda: x\n");
    let facts = Facts::new(&tree);
    let place = facts
        .place(tree.root().descendants().find(|node| node.text() == "x" && node.is("identifier")).expect("x"))
        .expect("a place");
    let uses: Vec<_> = facts.mentions(&place, tree.root()).into_iter().map(|node| words(&facts.use_of(node))).collect();
    assert_eq!(uses, ["ignored", "![1]=", "captured lambda"]);
}

#[test]
fn tests_of_truth_and_none() {
    let tested = |body: &str| {
        let tree = function(body);
        let facts = Facts::new(&tree);
        let mention = body_of(&tree).descendants().find(|node| node.is("identifier") && node.text() == "x").expect("x");
        facts.is_tested(mention)
    };
    for body in [
        "if x: pass",
        "y = x or []",
        "return x and y",
        "y = x is None",
        "for a in x or []: pass",
        "g(1 if x else 2)",
        "y = not (x)",
    ] {
        assert!(tested(body), "{body}");
    }
    for body in
        ["y = x", "y = z or x", "for a in x: pass", "y = a if b else x", "if len(x): pass", "if x[0]: pass", "x.append(1)"]
    {
        assert!(!tested(body), "{body}");
    }
}

/// The places of all statements of a text that are expressions, as written back.
#[track_caller]
fn places(code: &str) -> Vec<Option<String>> {
    let tree = Tree::parse(code);
    let facts = Facts::new(&tree);
    let expressions = tree.root().named_children().filter_map(Node::only_child);
    let write = |place: Place<'_>| {
        let steps = place.steps.iter().map(|step| match step {
            Step::Attribute(name) => format!(".{name}"),
            Step::Subscript(key) => format!("[{key}]"),
        });
        format!("{}{}", place.name, steps.collect::<String>())
    };
    expressions.map(|expression| facts.place(expression).map(write)).collect()
}

#[test]
fn places_are_chains_without_calls() {
    let found = places("x\n(self.a)\ncfg['m']\na.b[0].c\n(a)[k]\na[-1]\na[None]\n");
    let expected = ["x", "self.a", "cfg['m']", "a.b[0].c", "a[k]", "a[-1]", "a[None]"];
    assert_eq!(found, expected.map(|text| Some(text.to_string())));
    assert_eq!(places("f()\nf().a\na[f()]\na[1:2]\na[1, 2]\na[1,]\n1\n'a'.b\na[f'{b}']\na[b.c]\n"), vec![None; 10]);
}

/// The texts of the statements in which the first expression of a text is mentioned, changed or rebound.
#[track_caller]
fn found(code: &str, ask: impl for<'t> Fn(&Facts<'t>, &Place<'t>, Node<'t>) -> Vec<Node<'t>>) -> Vec<String> {
    let tree = Tree::parse(code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let first = tree.root().named_children().next().and_then(Node::only_child).expect("an expression");
    let place = facts.place(first).expect("a place");
    let line = |node: Node<'_>| tree.code()[node.start()..].lines().next().map_or(String::new(), str::to_string);
    ask(&facts, &place, tree.root()).into_iter().map(line).collect()
}

#[test]
fn mentions_are_of_the_place_itself() {
    let mentions = |code: &str| found(code, |facts, place, within| facts.mentions(place, within));
    assert_eq!(mentions("d['m']\nd[\"m\"].x\nd['n']\nd\n(d)['m'][0]\n"), ["d['m']", "d[\"m\"].x", "(d)['m'][0]"]);
    assert_eq!(mentions("a.b\na.b.c\na.c.b\nb\nx.a.b\na.b()\n"), ["a.b", "a.b.c", "a.b()"]);
    assert_eq!(mentions("x\ndef f(x): x\ndef g(): x\nf(x=1)\na.x\n"), ["x", "x"]);
    assert_eq!(mentions("d[1]\nd['1']\nd[k]\n"), ["d[1]"]);
}

#[test]
fn mutations_hide_everywhere() {
    let mutations = |code: &str| {
        found(code, |facts, place, within| facts.mutations(place, within).into_iter().map(|mutation| mutation.node).collect())
    };
    assert_eq!(
        mutations(
            "x\nif x.pop(): pass\nfor a in x.pop(): pass\nf(x.pop())\n[x.pop() for a in b]\ndel y[0], x[0]\n\
                 lambda: x.pop()\ndef f(): x.pop()\nassert x.pop()\nx = x - y\nx -= y\nx[0].pop()\nclass A: x[0] = 1\n\
                 def g(a=x.pop()): pass\nwith a as x[0]: pass\n"
        ),
        [
            "x.pop(): pass",
            "x.pop(): pass",
            "x.pop())",
            "x.pop() for a in b]",
            "x[0]",
            "x.pop()",
            "x -= y",
            "x[0] = 1",
            "x.pop()): pass",
            "x[0]: pass"
        ]
    );
    assert_eq!(mutations("x[0]\nx[0].pop()\nx[0][1] = 2\nx[0] = 1\nx[0] += 1\n"), ["x[0].pop()", "x[0][1] = 2", "x[0] += 1"]);
    assert_eq!(mutations("x\nz = (a for b in c if x.add(b))\n"), ["x.add(b))"]);
}

#[test]
fn rebindings_of_the_place_or_around_it() {
    let rebindings = |code: &str| found(code, |facts, place, within| facts.rebindings(place, within));
    assert_eq!(
        rebindings("x\nx = 1\nx += 1\nfor x in y: pass\ndel x\nx[0] = 1\nx.a = 1\nx: int\nwith y as x: pass\n"),
        ["x = 1", "x in y: pass", "x", "x: pass"]
    );
    assert_eq!(
        rebindings(
            "a.b['k'].c\na.b = 1\na.b['j'] = 1\na.b['k'] = 1\na.b[i] = 1\na.b[f()] = 1\na.b['k'].c += 1\na.b['k'].c = 1\na.c = 1\n"
        ),
        ["a.b = 1", "a.b['k'] = 1", "a.b[i] = 1", "a.b[f()] = 1", "a.b['k'].c = 1"]
    );
    assert_eq!(
        rebindings("d[k]\nfor k in y: pass\nd['x'] = 1\nd = 1\ndel d[k]\n"),
        ["k in y: pass", "d['x'] = 1", "d = 1", "d[k]"]
    );
}

#[test]
fn deep_code_does_not_overflow() {
    let run = || {
        let deep = |open: &str, close: &str| format!("{}x{}", open.repeat(50_000), close.repeat(50_000));
        check(&format!("y = {}", deep("(", ")")), "alias y");
        check(&format!("y = {}", deep("[", "]")), &format!("stored {}", deep("[", "]")));
        check(&format!("y = x{}", " + x".repeat(2)), "operand, operand, operand");
        check(&format!("y = x{}", ".a".repeat(50_000)), ".a");
        check(&format!("y = {}x", "z or ".repeat(50_000)), "alias y");
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(run).expect("a thread");
    thread.join().expect("no overflow");
}
