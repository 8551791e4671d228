//! What the tables say of the memory of tensors, beside what `PyTorch` and `NumPy` do.
//!
//! `memory.py` lists everything that can be called with a tensor, and calls it with many arguments, on tensors of several
//! shapes and types. What was seen to give memory of its arguments, to write to it, or to be another value each time is in
//! `memory.tsv`; no table may claim the opposite. With `MLFIX_MEMORY=1500`, whatever the tables make a claim about is executed
//! again by the `PyTorch` at hand, with so many chains of two calls; that takes minutes.

use std::io::Write;
use std::process::{Command, Stdio};

use mlfix::engine::syntax::{Node, Tree};
use mlfix::semantics::Facts;
use mlfix::semantics::invariance::Change;
use mlfix::semantics::ownership::{Fate, Form};

use crate::python;

/// An expression that was evaluated: what its result looks at, what it changed, whether it is another one each time.
type Observed = (String, Vec<String>, Vec<String>, bool);

/// The expression as the argument of a call that nothing is known of.
fn program(expression: &str) -> String {
    format!(
        "import torch\nimport numpy as np\nimport torch.nn.functional as F\n\
         def f(g, x: torch.Tensor, y: torch.Tensor, m: torch.Tensor, i: torch.Tensor):\n    g({expression})\n"
    )
}

/// What is claimed of an expression.
#[derive(Debug, Default)]
struct Claims {
    /// The result has memory of its own.
    allocates: bool,
    /// It can be put anywhere, since it does nothing and gives the same again.
    reads: bool,
    /// It writes to no tensor that others hold.
    known: bool,
    /// Names that the expression only looks at, and gives no way into.
    looked: Vec<String>,
    /// Names that the result gives a way into, and that nothing is written to.
    held: Vec<String>,
}

impl Claims {
    fn of(expression: &str) -> Self {
        let code = program(expression);
        let tree = Tree::parse(&code);
        let facts = Facts::new(&tree);
        let Some(asked) = asked(&tree) else { return Self::default() };
        let mut claims = Self {
            allocates: facts.allocates(asked) || facts.tensor(asked).is_some_and(|tensor| tensor.fresh),
            reads: facts.reads(asked).is_some(),
            known: !asked.and_descendants().any(|node| node.is("call") && facts.is_strange_call(node)),
            ..Self::default()
        };
        for name in ["x", "y", "m", "i"] {
            let is_mention = |node: &Node<'_>| node.is("identifier") && node.text() == name && facts.scopes().is_name(*node);
            let fates: Vec<_> =
                asked.and_descendants().filter(is_mention).map(|node| facts.fate_of_memory(node, Form::Tensor)).collect();
            if fates.iter().all(|fate| *fate == Fate::Looked) {
                claims.looked.push(name.to_string());
            } else if !fates.iter().any(|fate| matches!(fate, Fate::Written(_))) {
                claims.held.push(name.to_string());
            }
        }
        claims
    }

    fn any(&self) -> bool {
        self.allocates || self.reads || self.known || self.looked.contains(&"x".to_string())
    }

    /// What an execution contradicts.
    fn against(&self, (expression, gives, writes, varies): &Observed) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.allocates && !gives.is_empty() {
            wrong.push(format!("`{expression}` is said to have memory of its own, and looks at that of {gives:?}"));
        }
        if self.reads && (!writes.is_empty() || *varies) {
            wrong.push(format!("`{expression}` is said to do nothing, and is another value each time or writes to {writes:?}"));
        }
        if self.known && !writes.is_empty() {
            wrong.push(format!("`{expression}` is said to leave tensors alone, and writes to {writes:?}"));
        }
        for name in gives.iter().chain(writes).filter(|name| self.looked.contains(name)) {
            wrong.push(format!("`{expression}` is said to look at `{name}` only; gives {gives:?}, writes {writes:?}"));
        }
        for (before, within) in [("pass", "v[0] = k"), ("pass", "v += k"), ("v += 1; a.put(v)", "a.get()")] {
            if gives.contains(&"x".to_string()) && is_lost(expression, before, within) {
                wrong.push(format!("`v = {expression}; {before}`: `{within}` is not seen as a write to `x`"));
            }
        }
        wrong
    }
}

/// Whether a tensor is held to be the same in every step although a loop writes to what the expression gives.
fn is_lost(expression: &str, before: &str, within: &str) -> bool {
    let code = format!(
        "import torch\nimport numpy as np\nimport torch.nn.functional as F\ndef f(a):\n    x = torch.zeros(3)\n    \
         y, m, i = torch.ones(3), torch.ones(3), torch.ones(3)\n    v = {expression}\n    {before}\n    for k in a:\n        \
         print(x.sum())\n        {within}\n"
    );
    let tree = Tree::parse(&code);
    let facts = Facts::new(&tree);
    let a_loop = tree.root().descendants().rfind(|node| node.is("for_statement")).expect("a loop");
    let asked = a_loop.descendants().find(|node| node.is("call") && node.text() == "x.sum()").expect("a question");
    let change: Option<Change<'_>> = facts.change_within(asked, a_loop);
    change.is_none()
}

fn asked(tree: &Tree) -> Option<Node<'_>> {
    let call = tree.root().descendants().find(|node| node.is("call") && node.text().starts_with("g("))?;
    call.child("arguments")?.only_child()
}

fn ask(python: &str, what: &str, input: &str) -> Vec<u8> {
    let mut command = Command::new(python);
    command.args(["-B", "-c", include_str!("memory.py"), what]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it imported torch before");
    child.stdin.take().expect("standard input is piped").write_all(input.as_bytes()).expect("it reads its input");
    child.wait_with_output().expect("it ends").stdout
}

/// What all of the claims contradict, one line each.
fn wrong(observed: &[Observed]) -> Vec<String> {
    let suspect = observed.iter().filter(|(_, gives, writes, varies)| *varies || !gives.is_empty() || !writes.is_empty());
    suspect.flat_map(|one| Claims::of(&one.0).against(one)).collect()
}

#[test]
fn tables_say_of_memory_what_torch_did() {
    let names = |list: &str| list.split(',').filter(|name| !name.is_empty()).map(str::to_string).collect();
    let observed = include_str!("memory.tsv").lines().map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
        [expression, gives, writes, varies] => (expression.to_string(), names(gives), names(writes), !varies.is_empty()),
        _ => panic!("four columns: {line}"),
    });
    let observed: Vec<Observed> = observed.collect();
    let wrong = wrong(&observed);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), observed.len(), wrong.join("\n"));
}

#[test]
fn tables_say_of_memory_what_torch_does() {
    let Some(chains) = std::env::var("MLFIX_MEMORY").ok().and_then(|chains| chains.parse::<usize>().ok()) else { return };
    let python = python::with_torch().expect("an interpreter with PyTorch");
    let groups: Vec<Vec<String>> = serde_json::from_slice(&ask(&python, "groups", "")).expect("groups of expressions");
    let claimed: Vec<_> = groups.into_iter().filter(|group| Claims::of(&group[0]).any()).collect();
    let expressions: Vec<_> = claimed.iter().flatten().collect();
    let input = serde_json::to_string(&(&expressions, chains)).expect("texts are JSON");
    let observed: Vec<Observed> = serde_json::from_slice(&ask(&python, "ask", &input)).expect("what was observed");
    assert!(observed.len() > expressions.len() / 10, "{} of {}", observed.len(), expressions.len());
    let wrong = wrong(&observed);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), observed.len(), wrong.join("\n"));
}
