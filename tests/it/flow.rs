//! Control flow against that of `CPython`: random functions are run, and no fact may be refuted by what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use mlfix::engine::syntax::{Node, Tree};
use mlfix::semantics::Facts;
use serde_json::Value;

/// Writes random functions and runs each of them a few times. Prints a line of JSON per function: its text and, per run,
/// the events and whether it returned. An event is the number of a call, and whether that call came back; the step of a
/// `for` has the number of its iterable plus 1000.
const RUNNER: &str = r#"
import contextlib, json, os, random, sys
seed, count = map(int, sys.argv[1:])
class E(Exception): pass
class F(Exception): pass

class Writer:
    def __init__(self, rng):
        self.rng, self.number = rng, 0
    def call(self, name="s", *arguments):
        self.number += 1
        return f"{name}({', '.join([str(self.number), *arguments])})"
    def expression(self):
        call = self.call
        return self.rng.choice([
            lambda: call(), lambda: call(), lambda: call(),
            lambda: f"{call()} and {call()}", lambda: f"{call()} or {call()}",
            lambda: f"{call()} if {call()} else {call()}",
            lambda: f"h({self.next()}, {call()}, {call()})",
            lambda: f"[{call()} for _ in two({self.next()}) if {call()}]",
            lambda: f"{call()} < {call()} < {call()}",
            lambda: f"(x := {call()}) + {call()}",
        ])()
    def next(self):
        self.number += 1
        return self.number
    def block(self, depth, loop):
        statements = [self.statement(depth, loop) for _ in range(self.rng.randint(1, 3))]
        return ["    " + line for statement in statements for line in statement]
    def statement(self, depth, loop):
        rng, e = self.rng, self.expression
        simple = [
            lambda: [e()], lambda: [e()], lambda: [f"x = {e()}"], lambda: [f"y, z = pair({self.next()})"],
            lambda: [f"return {e()}"], lambda: [f"raise E({e()})"], lambda: ["x = 1"], lambda: [f"d[{self.call()}] = {self.call()}"],
            lambda: [f"yield_({self.next()})"],
        ]
        if loop:
            simple += [lambda: ["break"], lambda: ["continue"]]
        if depth == 0 or rng.random() < 0.4:
            return rng.choice(simple)()
        b = lambda loop=loop: self.block(depth - 1, loop)
        def if_():
            lines = [f"if {e()}:", *b()]
            for _ in range(rng.randint(0, 2)):
                lines += [f"elif {e()}:", *b()]
            return lines + (["else:", *b()] if rng.random() < 0.5 else [])
        def for_():
            lines = [f"for v in it({self.next()}):", f"    {self.call()}", *b(True)]
            return lines + (["else:", *b()] if rng.random() < 0.3 else [])
        def while_():
            lines = [f"while {rng.choice([e, e, lambda: 'True'])()}:", f"    {self.call()}", *b(True)]
            return lines + (["else:", *b()] if rng.random() < 0.3 else [])
        def try_():
            lines = ["try:", *b()]
            handlers = rng.sample(["except E:", "except F:", "except (E, F) as x:"], rng.randint(0, 2))
            if rng.random() < 0.2:
                handlers.append("except:")
            for handler in handlers:
                lines += [handler, *b()]
            if handlers and rng.random() < 0.4:
                lines += ["else:", *b()]
            if not handlers or rng.random() < 0.4:
                lines += ["finally:", *b()]
            return lines
        def with_():
            items = [f"cm({self.next()})", f"contextlib.nullcontext({self.call()})", f"cm({self.next()}) as x"]
            return [f"with {', '.join(rng.sample(items, rng.randint(1, 2)))}:", *b()]
        def match_():
            lines = [f"match {self.call()}:", "    case True:", *("    " + line for line in b())]
            if rng.random() < 0.5:
                lines += [f"    case 2 if {self.call()}:", *("    " + line for line in b())]
            if rng.random() < 0.5:
                lines += [rng.choice(["    case _:", "    case x:"]), *("    " + line for line in b())]
            return lines
        def class_():
            return ["class C:", *b(False)] if not loop else if_()
        return rng.choice([if_, if_, for_, while_, try_, try_, try_, with_, match_, class_])()

def run(code, seed):
    rng, runs = random.Random(seed), []
    events = []
    def finish():
        sys.stdout.write(json.dumps([code, runs]) + "\n")
        sys.stdout.flush()
        os._exit(0)
    def enter(number):
        if len(events) >= 120:
            runs.append([events, False])
            finish()
        events.append([number, False])
        if rng.random() < 0.12:
            raise rng.choice([E, F])
        events[-1][1] = True
    def s(number, *_):
        # Nothing is logged while arguments are evaluated, so the event of a call is that of its end.
        enter(number)
        return rng.choice([True, False, 2])
    def two(number):
        enter(number)
        return range(rng.randint(0, 2))
    def pair(number):
        enter(number)
        return 1, 2
    class it:
        def __init__(self, number):
            enter(number)
            self.number, self.left = number, rng.randint(0, 3)
        def __iter__(self):
            return self
        def __next__(self):
            self.left -= 1
            if self.left < 0:
                events.append([self.number + 1000, False])
                raise StopIteration
            enter(self.number + 1000)
            return 1
    class cm:
        def __init__(self, number):
            enter(number)
        def __enter__(self):
            return self
        def __exit__(self, *_):
            return rng.random() < 0.5
    names = dict(s=s, h=s, two=two, pair=pair, it=it, cm=cm, yield_=s, E=E, F=F, contextlib=contextlib, d={})
    exec(code, names)
    for _ in range(40):
        events = []
        try:
            names["f"]()
            runs.append([events, True])
        except Exception:
            runs.append([events, False])
    finish()

import warnings
warnings.simplefilter("ignore")
for index in range(count):
    rng = random.Random(seed * 1_000_003 + index)
    code = "\n".join(["def f():", *Writer(rng).block(rng.randint(1, 4), False)]) + "\n"
    try:
        compile(code, "f", "exec")
    except SyntaxError:
        continue
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        run(code, index)
    os.waitpid(child, 0)
"#;

/// One run: the events in order, and whether the function returned.
struct Run {
    events: Vec<(i64, bool)>,
    returned: bool,
}

/// The call, or the target of the `for`, that has this number.
fn node_of<'t>(calls: &BTreeMap<i64, Node<'t>>, number: i64) -> Node<'t> {
    let call = calls[&(number % 1000)];
    if number < 1000 {
        return call;
    }
    let target = call.parent().and_then(|statement| statement.child("left"));
    target.expect("only the iterable of a for statement has steps")
}

/// How often the facts said something that a run could have refuted.
#[derive(Debug, Default)]
struct Said {
    not_following: usize,
    dominates: usize,
    unconditional: usize,
    leaves_loop: usize,
}

fn hold(code: &str, runs: &[Run], said: &mut Said) {
    let tree = Tree::parse(code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let numbered = tree.root().descendants().filter(|node| node.is("call")).filter_map(|call| {
        let first = call.child("arguments")?.named_children().next()?;
        Some((first.text().parse().ok()?, call))
    });
    let calls: BTreeMap<i64, Node<'_>> = numbered.collect();
    let mut asked = BTreeSet::new();
    let mut asked_about = BTreeSet::new();
    for Run { events, returned } in runs {
        for (start, &(from, completed)) in events.iter().enumerate() {
            let mut passed = BTreeSet::new();
            for &(to, reached) in events[start + 1..].iter().take(if completed { 6 } else { 0 }) {
                // The event of a call is its end, the fact speaks of its start.
                let is_argument = node_of(&calls, to).contains(node_of(&calls, from));
                let near = |number: &&i64| (**number - to % 1000).abs() < 4 && !passed.contains(*number);
                for &barred in calls.keys().filter(near).chain([&-1]) {
                    if !is_argument && asked.insert((from, to, barred)) {
                        let avoiding: Vec<_> = calls.get(&barred).copied().into_iter().collect();
                        let follows = facts.may_follow(node_of(&calls, from), node_of(&calls, to), &avoiding);
                        assert!(follows, "{to} followed {from} without {barred} in\n{code}");
                    }
                }
                if reached {
                    passed.insert(to);
                }
            }
        }
        for (&number, &call) in &calls {
            if *returned && !events.contains(&(number, true)) && asked_about.insert((number, 0)) {
                assert!(!facts.is_unconditional(call), "no {number}, or not to its end, in a call of\n{code}");
            }
            let done: usize = events.iter().position(|event| *event == (number, true)).unwrap_or(events.len());
            for &(before, _) in events[..done].iter().filter(|event| (event.0 % 1000 - number).abs() < 8) {
                let is_own = before == number || !asked_about.insert((number, before));
                assert!(is_own || !facts.dominates(call, node_of(&calls, before)), "{before} came before {number} in\n{code}");
            }
        }
        for (start, &(number, completed)) in events.iter().enumerate() {
            let node = node_of(&calls, number);
            let loops = node.ancestors().filter(|around| around.is("for_statement") && around.child("right") != Some(node));
            for around in loops.filter(|_| completed) {
                let iterable = around.child("right").and_then(|right| right.child("arguments")).and_then(Node::only_child);
                let iterable: i64 = iterable.and_then(|first| first.text().parse().ok()).expect("it(number)");
                let mut later = events[start + 1..].iter().take_while(|event| event.0 != iterable);
                if later.any(|event| event.0 == iterable + 1000) && asked.insert((number, iterable, -2)) {
                    assert!(facts.loop_may_go_on(node, around), "{iterable} went on after {number} in\n{code}");
                }
            }
        }
    }
    for &from in calls.values().take(12) {
        said.unconditional += usize::from(facts.is_unconditional(from));
        for &to in calls.values().take(12) {
            said.not_following += usize::from(!facts.may_follow(from, to, &[]));
            said.dominates += usize::from(facts.dominates(from, to));
        }
        let loops = from.ancestors().filter(|around| around.is("for_statement"));
        said.leaves_loop += loops.filter(|around| !facts.loop_may_go_on(from, *around)).count();
    }
}

#[test]
fn no_run_refutes_a_fact() {
    let count = std::env::var("MLFIX_FLOW_RUNS").unwrap_or_else(|_| "60".to_string());
    let seed = std::env::var("MLFIX_FLOW_SEED").unwrap_or_else(|_| "1".to_string());
    let output = Command::new("python3").args(["-c", RUNNER, &seed, &count]).output().expect("python3 is needed for the tests");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut said = Said::default();
    let mut functions = 0;
    for line in output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let value: Value = serde_json::from_slice(line).expect("JSON");
        let runs = value[1].as_array().expect("runs").iter().map(|run| Run {
            events: run[0]
                .as_array()
                .expect("events")
                .iter()
                .map(|event| (event[0].as_i64().expect("a number"), event[1].as_bool().expect("a flag")))
                .collect(),
            returned: run[1].as_bool().expect("a flag"),
        });
        hold(value[0].as_str().expect("code"), &runs.collect::<Vec<_>>(), &mut said);
        functions += 1;
    }
    // Facts that say nothing would hold as well.
    println!("{functions} functions: {said:?}");
    assert!(
        functions > 30 && said.not_following > 1000 && said.dominates > 500 && said.unconditional > 50 && said.leaves_loop > 10,
        "{said:?}"
    );
}
