//! Tests of `flow`.

use super::*;
use crate::engine::syntax::Tree;

/// The innermost construct with this text, else the first statement that starts with it; `@2` asks for the second.
#[track_caller]
fn find<'t>(tree: &'t Tree, text: &str) -> Node<'t> {
    let (text, nth) = text.split_once('@').map_or((text, 0), |(text, nth)| (text, nth.parse::<usize>().expect("a number") - 1));
    let exact = |node: &Node<'_>| node.is_named() && node.text() == text;
    let is_innermost = |node: &Node<'_>| exact(node) && !node.named_children().any(|child| exact(&child));
    let start = |node: &Node<'_>| node.is_statement() && node.text().starts_with(text);
    let nodes = || tree.root().descendants();
    let found = nodes().filter(is_innermost).nth(nth).or_else(|| nodes().filter(start).nth(nth));
    found.unwrap_or_else(|| panic!("{text} is not in {}", tree.code()))
}

/// Asks one question of the form `loop HEADER <- NODE`, `NODE -> NODE [without NODE, ..]`, `NODE dom NODE`,
/// `always NODE`, `never CALL` about a text; the answers are joined in one string of `y` and `n`.
#[track_caller]
fn answers(code: &str, questions: &[&str]) -> String {
    let tree = Tree::parse(code);
    let facts = Facts::new(&tree);
    let ask = |question: &&str| {
        let at = |text: &str| find(&tree, text.trim());
        if let Some((to, from)) = question.strip_prefix("loop ").and_then(|rest| rest.split_once("<-")) {
            facts.loop_may_go_on(at(from), at(to))
        } else if let Some((a, b)) = question.split_once(" dom ") {
            facts.dominates(at(a), at(b))
        } else if let Some(node) = question.strip_prefix("always ") {
            facts.is_unconditional(at(node))
        } else if let Some(node) = question.strip_prefix("never ") {
            facts.never_returns(at(node))
        } else {
            let (from, to) = question.split_once("->").expect("an arrow");
            let (to, avoiding) = to.split_once(" without ").unwrap_or((to, ""));
            let avoiding: Vec<_> = avoiding.split("; ").filter(|text| !text.is_empty()).map(at).collect();
            facts.may_follow(at(from), at(to), &avoiding)
        }
    };
    questions.iter().map(ask).map(|answer| if answer { 'y' } else { 'n' }).collect()
}

/// Whether the loop `for k in d` may go on after each `hit()` of a body, which is given without indentation.
#[track_caller]
fn goes_on(body: &str) -> String {
    let code = format!("def f(d):\n    for k in d:\n        {}\n    end()\n", body.trim().replace('\n', "\n        "));
    let tree = Tree::parse(&code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let of = find(&tree, "for k in d");
    let hits = tree.root().descendants().filter(|node| node.is("call") && node.text() == "hit()");
    hits.map(|hit| if facts.loop_may_go_on(hit, of) { 'y' } else { 'n' }).collect()
}

#[test]
fn leaving_a_loop_is_seen_through_branches() {
    assert_eq!(goes_on("hit()"), "y");
    assert_eq!(goes_on("hit()\nbreak"), "n");
    assert_eq!(goes_on("hit()\nreturn 1"), "n");
    assert_eq!(goes_on("return hit()"), "n");
    assert_eq!(goes_on("hit()\nraise E"), "n");
    assert_eq!(goes_on("if hit():\n    break"), "y");
    assert_eq!(goes_on("if a:\n    hit()\n    break\nelse:\n    hit()\nc()"), "ny");
    assert_eq!(goes_on("if a:\n    hit()\nelif hit():\n    hit()\nelse:\n    hit()\nbreak"), "nnnn");
    assert_eq!(goes_on("if a:\n    hit()\nelif b:\n    break\nelse:\n    return\n"), "y");
    assert_eq!(goes_on("hit()\nif a:\n    break\nelif b:\n    return\nelse:\n    raise E"), "n");
    assert_eq!(goes_on("hit()\nif a:\n    break\nelif b:\n    return\n"), "y");
    assert_eq!(goes_on("hit()\nif a:\n    break\ncontinue"), "y");
    assert_eq!(goes_on("hit(); break"), "n");
    assert_eq!(goes_on("yield hit()\nbreak"), "n");
    assert_eq!(goes_on("yield hit()"), "y");
}

#[test]
fn inner_loops_keep_their_own_break() {
    assert_eq!(goes_on("for j in e:\n    hit()\n    break"), "y");
    assert_eq!(goes_on("for j in e:\n    hit()\n    break\nbreak"), "n");
    assert_eq!(goes_on("for j in e:\n    hit()\n    break\nelse:\n    hit()\n    break"), "yn");
    assert_eq!(goes_on("for j in e:\n    hit()\nelse:\n    break"), "n");
    assert_eq!(goes_on("while True:\n    hit()\n    if a:\n        return"), "n");
    assert_eq!(goes_on("while 1:\n    hit()\n    if a:\n        break"), "y");
    assert_eq!(goes_on("while True:\n    if hit():\n        return\n"), "n");
    assert_eq!(goes_on("while a:\n    hit()\n    return"), "n");
    assert_eq!(goes_on("while hit():\n    return"), "y");
    assert_eq!(goes_on("for j in hit():\n    return"), "y");
    assert_eq!(goes_on("[hit() for j in e]\nbreak"), "n");
    assert_eq!(goes_on("g = lambda: hit()\nbreak"), "y");
    assert_eq!(goes_on("def g():\n    hit()\nbreak"), "y");
}

#[test]
fn exceptions_may_be_caught_inside_the_loop() {
    assert_eq!(goes_on("try:\n    hit()\n    raise E\nexcept E:\n    pass"), "y");
    assert_eq!(goes_on("try:\n    hit()\n    raise E\nexcept E:\n    return"), "n");
    assert_eq!(goes_on("try:\n    hit()\n    raise E\nfinally:\n    a()"), "n");
    assert_eq!(goes_on("try:\n    hit()\n    break\nexcept E:\n    pass"), "n");
    assert_eq!(goes_on("try:\n    x = hit()\n    break\nexcept E:\n    pass"), "n");
    assert_eq!(goes_on("try:\n    return g(hit())\nexcept E:\n    pass"), "y");
    assert_eq!(goes_on("try:\n    hit()\n    return g()\nexcept E:\n    pass"), "y");
    assert_eq!(goes_on("try:\n    hit()\n    return True\nexcept E:\n    hit()\n    return False"), "nn");
    assert_eq!(goes_on("try:\n    a()\nexcept E:\n    hit()\nelse:\n    hit()\n    break"), "yn");
    assert_eq!(goes_on("try:\n    a()\nexcept E:\n    hit()\n    raise"), "n");
    assert_eq!(goes_on("try:\n    try:\n        hit()\n        raise E\n    finally:\n        b()\nexcept F:\n    pass"), "y");
    assert_eq!(goes_on("with a():\n    hit()\n    raise E"), "y");
    assert_eq!(goes_on("with a():\n    hit()\n    return"), "n");
    assert_eq!(goes_on("with a():\n    hit()\n    return g()"), "y");
    assert_eq!(goes_on("try:\n    hit()\nexcept* E:\n    hit()"), "yy");
}

#[test]
fn a_finally_block_is_passed_on_every_way_out() {
    assert_eq!(goes_on("try:\n    hit()\n    break\nfinally:\n    hit()"), "nn");
    assert_eq!(goes_on("try:\n    hit()\n    return\nfinally:\n    b()"), "n");
    assert_eq!(goes_on("try:\n    hit()\n    return\nfinally:\n    continue"), "y");
    assert_eq!(goes_on("try:\n    hit()\nfinally:\n    break"), "n");
    assert_eq!(goes_on("try:\n    hit()\n    continue\nfinally:\n    return"), "n");
    assert_eq!(goes_on("try:\n    hit()\n    return\nfinally:\n    for j in e:\n        break"), "n");
    assert_eq!(goes_on("try:\n    hit()\n    break\nfinally:\n    try:\n        b()\n    finally:\n        c()"), "y");
    assert_eq!(goes_on("try:\n    try:\n        hit()\n        break\n    finally:\n        b()\nfinally:\n    c()"), "n");
    assert_eq!(goes_on("try:\n    hit()\n    return\nexcept E:\n    pass\nelse:\n    c()\nfinally:\n    b()"), "n");
}

#[test]
fn nested_finally_blocks_stay_small() {
    let pads = (0..60).map(|depth| " ".repeat(depth));
    let tries: Vec<_> = pads.map(|pad| format!("{pad}try: a()\n{pad}finally:\n")).collect();
    let code = format!("{}{}b()\n", tries.concat(), " ".repeat(60));
    assert_eq!(answers(&code, &["a() -> b()", "b() -> a()"]), "yn");
}

#[test]
fn matching_goes_case_by_case() {
    assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case _:\n        return"), "n");
    assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case x if x:\n        return"), "y");
    assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case x:\n        return"), "n");
    assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case x,:\n        return"), "y");
    assert_eq!(goes_on("hit()\nmatch a:\n    case 1:\n        break\n    case E.x:\n        return"), "y");
    assert_eq!(goes_on("match hit():\n    case 1:\n        hit()\n        break\n    case _ if hit():\n        hit()"), "ynyy");
}

#[test]
fn an_outer_loop_is_no_further_step() {
    let code = "while True:\n    for k in d:\n        hit()\n        break\n";
    assert_eq!(answers(code, &["loop for k in d <- hit()", "loop while True <- hit()", "hit() -> hit()"]), "nyy");
    let code = "for k in d:\n    a()\nelse:\n    b()\nc()\n";
    assert_eq!(answers(code, &["loop for k in d <- b()", "loop for k in d <- c()", "loop for k in d <- k"]), "nny");
    let code = "while a():\n    b()\n    break\n";
    assert_eq!(answers(code, &["loop while a <- a()", "a() -> a()"]), "nn");
}

#[test]
fn what_follows() {
    let code = "a()\nif c:\n    b()\nelse:\n    e()\ng()\nreturn\nh()\n";
    assert_eq!(answers(code, &["a() -> g()", "b() -> e()", "e() -> b()", "c -> b()", "g() -> h()", "h() -> a()"]), "ynnynn");
    assert_eq!(answers(code, &["a() -> g() without b()", "a() -> g() without b(); e()", "a() -> g() without c"]), "ynn");
    let code = "for i in it():\n    a(i)\n    b()\nc()\n";
    assert_eq!(answers(code, &["b() -> a(i)", "a(i) -> it()", "it() -> a(i)", "c() -> it()", "b() -> for i in it"]), "ynyny");
    // The target is bound again at each step, but not when there is none.
    assert_eq!(answers(code, &["b() -> a(i) without i", "it() -> c() without i", "i -> c() without a(i)"]), "nyn");
    let code = "while c:\n    a()\nelse:\n    b()\n";
    assert_eq!(answers(code, &["a() -> b()", "b() -> a()", "a() -> c"]), "yny");
    let code = "while True:\n    a()\nb()\n";
    assert_eq!(answers(code, &["a() -> b()", "a() -> a()"]), "ny");
    let code = "try:\n    a()\n    b()\nexcept E:\n    c()\nelse:\n    d()\nfinally:\n    e()\ng()\n";
    assert_eq!(answers(code, &["a() -> c()", "b() -> c()", "c() -> d()", "d() -> c()", "d() -> e()", "c() -> g()"]), "ynnnyy");
    assert_eq!(answers(code, &["a() -> g() without e()", "a() -> g() without c(); d()"]), "nn");
    assert_eq!(answers(code, &["a() -> g() without d()", "a() -> g() without c()"]), "yy");
}

#[test]
fn a_barred_statement_that_raises_is_not_passed() {
    let code = "a()\ntry:\n    x = b()\nexcept E:\n    pass\nc()\n";
    assert_eq!(answers(code, &["a() -> c() without b()", "a() -> c()"]), "yy");
    let code = "a()\nx = y and b()\nc()\n";
    assert_eq!(answers(code, &["a() -> c() without b()", "a() -> c() without y"]), "yn");
}

#[test]
fn inside_one_statement_text_order_counts() {
    assert_eq!(answers("f(a(), b())\n", &["a() -> b()", "b() -> a()", "a() -> a()"]), "ynn");
    assert_eq!(answers("x[i] = a()\n", &["a() -> x", "x -> a()"]), "yn");
    assert_eq!(answers("b() if c() else d()\n", &["c() -> b()", "b() -> c()", "b() -> d()"]), "ynn");
    assert_eq!(answers("[a() for x in c() if b()]\n", &["a() -> b()", "b() -> a()"]), "yy");
    assert_eq!(answers("f(lambda: a(), b())\n", &["b() -> a()", "a() -> b()"]), "yy");
}

#[test]
fn dominators() {
    let code = "a()\nif c:\n    b()\nd()\n";
    assert_eq!(answers(code, &["a() dom d()", "b() dom d()", "c dom d()", "d() dom a()", "c dom b()"]), "ynyny");
    let code = "import x\nclass A:\n    y = x\n    def f(self, z=w):\n        q = 1\n";
    assert_eq!(answers(code, &["import x dom x@2", "import x dom w", "import x dom 1", "y dom w"]), "yyny");
    assert_eq!(answers("if a: import x\nx.y\n", &["import x dom x.y"]), "n");
    assert_eq!(answers("try:\n    import x\nexcept E:\n    pass\nx.y\n", &["import x dom x.y"]), "n");
    assert_eq!(answers("try:\n    import x\nfinally:\n    pass\nx.y\n", &["import x dom x.y"]), "y");
    assert_eq!(answers("try:\n    import x\nexcept E:\n    raise\nx.y\n", &["import x dom x.y"]), "y");
    assert_eq!(answers("f(a(), b())\n", &["a() dom b()", "b() dom a()"]), "yn");
    assert_eq!(answers("f(q and a(), b())\n", &["a() dom b()", "q dom b()"]), "ny");
    assert_eq!(answers("for i in a():\n    b()\nelse:\n    c()\nd()\n", &["a() dom d()", "i dom b()", "i dom d()"]), "yyn");
    assert_eq!(answers("with open(p) as f:\n    a()\nb()\n", &["a() dom b()", "p dom b()"]), "yy");
    assert_eq!(answers("with q(p) as f:\n    a()\nb()\n", &["a() dom b()", "p dom b()"]), "ny");
}

/// Which of the mentions of `p` in a body of `def f(p, q):` are unconditional.
#[track_caller]
fn unconditional(body: &str) -> String {
    let code = format!("def f(p, q):\n    {}\n", body.trim().replace('\n', "\n    "));
    let tree = Tree::parse(&code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let body = tree.root().named_children().next().and_then(|function| function.child("body")).expect("a body");
    let mentions = body.descendants().filter(|node| node.is("identifier") && node.text() == "p");
    mentions.map(|node| if facts.is_unconditional(node) { 'y' } else { 'n' }).collect()
}

#[test]
fn what_runs_in_every_call() {
    assert_eq!(unconditional("p\np"), "yy");
    assert_eq!(unconditional("if q:\n    p\nelif p:\n    p\nelse:\n    p\np"), "nnnny");
    assert_eq!(unconditional("if p:\n    return p\np"), "ynn");
    assert_eq!(unconditional("if q:\n    raise E\np"), "y");
    assert_eq!(unconditional("for x in p:\n    p\nelse:\n    p\np"), "ynny");
    assert_eq!(unconditional("for x in q:\n    return\np"), "n");
    assert_eq!(unconditional("while p:\n    p\np"), "yny");
    assert_eq!(unconditional("p and p\np or p\nnot p"), "ynyny");
    assert_eq!(unconditional("p if p else p"), "nyn");
    assert_eq!(unconditional("p < p < p"), "yyn");
    assert_eq!(unconditional("[p for x in p for y in p if p]"), "nynn");
    assert_eq!(unconditional("g(p for x in p)"), "ny");
    assert_eq!(unconditional("lambda x=p: p"), "yy");
    assert_eq!(unconditional("def g(x=p):\n    p"), "yy");
    assert_eq!(unconditional("assert p, p"), "nn");
    assert_eq!(unconditional("x: p = p"), "ny");
    assert_eq!(unconditional("f'{p}'\nx[p] = p\ndel p[0]\nyield p"), "yyyyy");
    assert_eq!(unconditional("with open(p):\n    p\np"), "yyy");
    assert_eq!(unconditional("with q(p):\n    p\np"), "yny");
    assert_eq!(unconditional("try:\n    p\nexcept E:\n    p\nelse:\n    p\nfinally:\n    p\np"), "nnnyy");
    assert_eq!(unconditional("try:\n    p\nfinally:\n    p\np"), "yyy");
    assert_eq!(unconditional("try:\n    q()\nexcept E:\n    return\np"), "n");
    assert_eq!(unconditional("try:\n    q()\nexcept E:\n    raise\np"), "y");
    assert_eq!(unconditional("match p:\n    case 1:\n        p\np"), "yny");
    assert_eq!(unconditional("if q:\n    while True:\n        yield\np"), "n");
    assert_eq!(unconditional("while True:\n    if q:\n        break\np"), "y");
    assert_eq!(unconditional("return p\np"), "yn");
    assert_eq!(unconditional("try:\n    p.x\nfinally:\n    return p"), "ny");
    assert_eq!(unconditional("class A(p):\n    x = p"), "yy");
}

#[test]
fn calls_that_never_come_back() {
    let imports = "import sys, os, argparse, pytest\nfrom sys import exit as leave\n";
    let ask = |code: &str, call: &str| answers(&format!("{imports}{code}"), &[&format!("never {call}")]);
    assert_eq!(ask("sys.exit(1)\n", "sys.exit(1)"), "y");
    assert_eq!(ask("os._exit(1)\n", "os._exit(1)"), "y");
    assert_eq!(ask("leave()\n", "leave()"), "y");
    assert_eq!(ask("exit()\n", "exit()"), "y");
    assert_eq!(ask("def exit(): pass\nexit()\n", "exit()"), "n");
    assert_eq!(ask("pytest.skip('x')\n", "pytest.skip('x')"), "y");
    assert_eq!(ask("p = argparse.ArgumentParser()\np.error('x')\n", "p.error('x')"), "y");
    assert_eq!(ask("p = logging.getLogger()\np.error('x')\n", "p.error('x')"), "n");
    assert_eq!(ask("def g():\n    raise E\ng()\n", "g()"), "y");
    assert_eq!(ask("def g():\n    h()\ndef h():\n    leave()\ng()\n", "g()"), "y");
    assert_eq!(ask("def g(a):\n    if a:\n        raise E\ng(1)\n", "g(1)"), "n");
    assert_eq!(ask("def g(a):\n    if a:\n        raise E\n    else:\n        leave()\ng(1)\n", "g(1)"), "y");
    assert_eq!(ask("def g() -> NoReturn:\n    h()\ng()\n", "g()"), "y");
    assert_eq!(ask("async def g():\n    raise E\ng()\n", "g()"), "n");
    assert_eq!(ask("@dec\ndef g():\n    raise E\ng()\n", "g()"), "n");
    assert_eq!(ask("def g():\n    raise E\n    yield\ng()\n", "g()"), "n");
    assert_eq!(ask("def g():\n    raise E\ng = 1\ng()\n", "g()"), "n");
    assert_eq!(ask("class A(unittest.TestCase):\n    def t(self):\n        self.fail('x')\n", "self.fail('x')"), "y");
    assert_eq!(ask("class A(Base):\n    def t(self):\n        self.fail('x')\n", "self.fail('x')"), "n");
    assert_eq!(ask("class A:\n    def t(self):\n        self.x()\n    def x(self):\n        raise E\n", "self.x()"), "n");
    assert_eq!(
        ask("class A:\n    def t(self):\n        self.x()\n    def x(self) -> 't.NoReturn':\n        y\n", "self.x()"),
        "y"
    );
}

#[test]
fn they_end_the_path() {
    let code =
        "import sys\ndef f(d):\n    for k in d:\n        if a:\n            hit()\n            sys.exit()\n        b()\n";
    assert_eq!(answers(code, &["loop for k in d <- hit()", "loop for k in d <- b()", "hit() -> b()"]), "nyn");
    let code = "import sys\nfor k in d:\n    try:\n        hit()\n        sys.exit()\n    except SystemExit:\n        b()\n";
    assert_eq!(answers(code, &["loop for k in d <- hit()"]), "y");
    let code = "import threading, torch\nlock = threading.Lock()\nfor k in d:\n    with lock, torch.no_grad():\n        hit()\n        raise E\n";
    assert_eq!(answers(code, &["loop for k in d <- hit()"]), "n");
    let code = "import contextlib\nfor k in d:\n    with contextlib.suppress(E):\n        hit()\n        raise E\n";
    assert_eq!(answers(code, &["loop for k in d <- hit()"]), "y");
}

#[test]
fn deep_code_does_not_overflow() {
    let chain = format!("x = {}1\ny = 2\n", "1 + ".repeat(100_000));
    let elifs = format!("if a: b()\n{}c()\n", "elif d: e()\n".repeat(20_000));
    let run = move || {
        assert_eq!(answers(&chain, &["y -> x", "x -> y", "x dom y"]), "nyy");
        answers(&elifs, &["b() -> c()", "e() -> c()", "a dom c()"])
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(run).expect("a thread");
    assert_eq!(thread.join().expect("no overflow"), "yyy");
}

#[test]
fn broken_code_is_unknown() {
    let code = "for k in d:\n    hit()\n    x = = 1\n    return\n";
    assert_eq!(answers(code, &["loop for k in d <- hit()", "always hit()", "d dom hit()"]), "ynn");
}
