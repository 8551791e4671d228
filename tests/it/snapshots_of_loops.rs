//! Random loops that change what they walk, before and after their safe fixes: every run that was right stays as it was.

use std::fmt::Write as _;

use mlfix::engine::driver::{Mode, Selected, Settings, run};
use mlfix::engine::transform::{FileKind, Options};
use mlfix::engine::version::PythonVersion;
use mlfix::transforms::SUITE;

use crate::python;

const PROGRAMS: u64 = 300;

/// What a loop may do besides changing the container; `{}` stands for the container.
const PLAIN: &[&str] = &["break", "continue", "log.append(v)", "other = k", "other = v", "k = k + 1", "k, other = other, k"];
const CONDITIONS: &[&str] =
    &["k % 3 == 0", "v % 2", "k > 4", "len(d) > 3", "other in d", "k in d", "other == k", "log.count(k) > 1"];

/// A kind of container, a loop over it and what may be done to it.
struct Shape {
    made: &'static str,
    headers: &'static [&'static str],
    changes: &'static [&'static str],
}

/// Renaming the loop's own key is left out: where that ends at all, Python has skipped an entry.
const SHAPES: &[Shape] = &[
    Shape {
        made: "{i: i * 3 % 7 for i in range(n)}",
        headers: &[
            "for k in d:",
            "for k in d.keys():",
            "for k, v in d.items():",
            "for v in d.values():",
            "for i, k in enumerate(d):",
            "for k, v in zip(d, d.values()):",
            "for k in filter(None, d):",
            "for k in view:",
        ],
        changes: &[
            "del d[k]",
            "d.pop(k, None)",
            "d[k] = v + 1",
            "d[k] += 1",
            "d[other] = v",
            "d[other] = d[other] + 1",
            "d.pop(other, None)",
            "d.setdefault(other, 1)",
            "d.update({k: 3})",
            "d.update({other: 3})",
            "d |= {other: 4}",
            "drop(k)",
            "put(other)",
            "log.append(d.popitem())",
        ],
    },
    Shape {
        made: "set(range(n))",
        headers: &["for k in d:", "for i, k in enumerate(d):", "for k, v in zip(d, range(9)):"],
        changes: &["d.discard(k)", "d.add(other)", "d.add(k)", "d.discard(other)", "d -= {k}", "d |= {other}", "d.pop()"],
    },
    Shape {
        made: "deque(range(n))",
        headers: &["for k in d:", "for i, k in enumerate(d):", "for k in reversed(d):"],
        changes: &["d.append(other)", "d.popleft()", "d.remove(k)", "d[0] = other", "d.rotate(1)", "d.extend([1])"],
    },
];

/// Numbers that are the same in every run: xorshift64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn pick(&mut self, from: &'static [&'static str]) -> &'static str {
        from[self.below(from.len())]
    }
}

#[test]
fn safe_fixes_keep_every_right_run() {
    let programs: Vec<String> =
        (1..=PROGRAMS).map(|seed| program(&mut Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)))).collect();
    let fixed: Vec<(String, String)> =
        programs.into_iter().filter_map(|before| fixed(&before).map(|after| (before, after))).collect();
    assert!(fixed.len() > 30, "only {} programs were fixed: the test looks at nothing", fixed.len());
    let both: Vec<String> = fixed.iter().flat_map(|(before, after)| [before.clone(), after.clone()]).collect();
    let printed = python::execute(&both).unwrap_or_else(|why| panic!("{why}"));
    for ((before, after), answers) in fixed.iter().zip(printed.chunks(2)) {
        for (was, is) in answers[0].lines().zip(answers[1].lines()) {
            assert!(was == "raised" || was == is, "{before}\nprinted {was}, and\n\n{after}\nprints {is}");
        }
    }
}

/// The text after the safe fixes, if there are any.
fn fixed(before: &str) -> Option<String> {
    let transform = SUITE.iter().find(|transform| transform.meta().id == "mutate-while-iterating").expect("it is in the suite");
    let settings = Settings {
        selected: vec![Selected::new(*transform)],
        target: PythonVersion::DEFAULT,
        options: Options::new(),
        unsafe_fixes: false,
        known: vec![transform.meta().id],
    };
    let report = run(before.as_bytes().to_vec(), FileKind::Module, &settings, Mode::Fix);
    report.fixed.map(|bytes| String::from_utf8(bytes).expect("only ASCII was added"))
}

/// A function with one random loop, called for containers of 0 to 7 elements. Each call prints one line.
fn program(dice: &mut Dice) -> String {
    let shape = &SHAPES[[0, 0, 0, 1, 2][dice.below(5)]];
    let mut body = String::new();
    statements(dice, shape, 2, &mut body);
    let drop = if shape.made.starts_with('{') { "d.pop(key, None)" } else { "log.append(key)" };
    let put = if shape.made.starts_with('{') { "d[key] = 7" } else { "log.append(key)" };
    let view = if shape.made.starts_with('{') { "d.keys()" } else { "None" };
    format!(
        "from collections import deque


def main(n, steps):
    d = {made}
    log = []
    k, v, other = 1, 2, 2

    def drop(key):
        {drop}

    def put(key):
        {put}

    view = {view}
    {header}
        next(steps)
{body}    return log, list(d.items()) if isinstance(d, dict) else list(d), k, v


for n in range(8):
    try:
        print(main(n, iter(range(100))))
    except (RuntimeError, StopIteration):
        print('raised')
    except Exception as error:
        print(type(error), error)
",
        made = shape.made,
        header = dice.pick(shape.headers),
    )
}

/// One to three statements at a depth of so many levels.
fn statements(dice: &mut Dice, shape: &Shape, depth: usize, text: &mut String) {
    for _ in 0..=dice.below(3) {
        let indent = "    ".repeat(depth);
        match dice.below(10) {
            0..=3 if depth < 4 => {
                let _ = writeln!(text, "{indent}if {}:", dice.pick(CONDITIONS));
                statements(dice, shape, depth + 1, text);
            }
            4 if depth < 4 => {
                let _ = writeln!(
                    text,
                    "{indent}for j in {}:\n{indent}    next(steps)",
                    ["range(2)", "list(d)", "d"][dice.below(3)]
                );
                statements(dice, shape, depth + 1, text);
            }
            5 | 6 => {
                let _ = writeln!(text, "{indent}{}", dice.pick(PLAIN));
            }
            _ => {
                let _ = writeln!(text, "{indent}{}", dice.pick(shape.changes));
            }
        }
    }
}
