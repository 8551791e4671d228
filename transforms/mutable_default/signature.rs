//! Whether any signature of a text may have a mutable default, as far as can be seen without parsing.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Range;

use crate::engine::skim::{Code, behind_bracket, behind_word, is_word, skip_blank, word_at};

/// Functions, classes and methods that make something mutable, wherever they are from.
const MAKERS: &[&str] = &[
    "list",
    "dict",
    "set",
    "bytearray",
    "deque",
    "defaultdict",
    "OrderedDict",
    "Counter",
    "ChainMap",
    "UserDict",
    "UserList",
    "array",
    "Queue",
    "LifoQueue",
    "PriorityQueue",
    "SimpleQueue",
    "zeros",
    "ones",
    "full",
    "empty",
    "eye",
    "arange",
    "tensor",
    "iter",
    "map",
    "filter",
    "zip",
    "enumerate",
    "reversed",
    "open",
    "Random",
    "Generator",
    "default_rng",
    "RandomState",
    "rand",
    "randn",
    "randint",
    "randperm",
    "normal",
    "bernoulli",
    "copy",
    "deepcopy",
    "fromkeys",
    "SimpleNamespace",
    "Namespace",
    "split",
    "rsplit",
    "splitlines",
    "tolist",
];
/// Modules of which every function or class makes something mutable.
const MODULES: &[&str] = &["itertools", "random", "nn"];
/// What stands in the way of a subscript: `x or [1]` is a display.
const OPERATORS: &[&[u8]] = &[b"or", b"and", b"not", b"if", b"else", b"in", b"is", b"await", b"lambda"];

/// False only where every default is a number, a string, `None`, a name that the text never binds to a display, or a call
/// of something that makes nothing mutable.
pub(super) fn may_have_mutable_default(code: &Code) -> bool {
    let file = File { code, displays: OnceCell::new(), makers: OnceCell::new() };
    let any = |range: Range<usize>| defaults(code, range).any(|default| file.may_be_mutable(default));
    let functions = behind_word(code, "def").any(|at| {
        let name = skip_blank(code, at);
        let open = skip_blank(code, name + word_at(code, name).len());
        // Anything but a plain signature is left to the parser.
        code.get(open) != Some(&b'(') || any(open + 1..behind_bracket(code, open).saturating_sub(1))
    });
    functions || behind_word(code, "lambda").any(|at| any(at..lambda_body(code, at)))
}

/// Offset of the colon that ends the parameters of a lambda.
fn lambda_body(code: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < code.len() {
        match code[at] {
            b':' => return at,
            b'(' | b'[' | b'{' => at = behind_bracket(code, at),
            _ => at += 1,
        }
    }
    at
}

/// The texts behind the `=` of the parameters in a range.
fn defaults(code: &[u8], range: Range<usize>) -> impl Iterator<Item = &[u8]> {
    let mut at = range.start;
    let mut start = None;
    std::iter::from_fn(move || {
        while at < range.end {
            let here = at;
            at += 1;
            match code[here] {
                b'(' | b'[' | b'{' => at = behind_bracket(code, here).min(range.end),
                b'=' => start = start.or(Some(here + 1)),
                b',' => {
                    if let Some(start) = start.take() {
                        return Some(&code[start..here]);
                    }
                }
                _ => {}
            }
        }
        start.take().map(|start| &code[start..range.end.max(start)])
    })
}

/// What the rest of the text says about names in defaults, looked up once.
struct File<'c> {
    code: &'c [u8],
    displays: OnceCell<HashSet<&'c [u8]>>,
    makers: OnceCell<HashSet<&'c [u8]>>,
}

impl<'c> File<'c> {
    fn may_be_mutable(&self, default: &[u8]) -> bool {
        let mut at = 0;
        while at < default.len() {
            let is_mutable = match default[at] {
                b'{' => true,
                b'[' => !follows_value(&default[..at]),
                byte if is_word(byte) => {
                    let word = word_at(default, at);
                    let is_mutable = self.names_mutable(default, at, word);
                    at += word.len() - 1;
                    is_mutable
                }
                _ => false,
            };
            if is_mutable {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Whether a word of a default may name something mutable, or call what makes it.
    fn names_mutable(&self, default: &[u8], at: usize, word: &[u8]) -> bool {
        if [&b"for"[..], b"argv", b"environ"].contains(&word) {
            return true;
        }
        let is_attribute = default[..at].trim_ascii_end().last() == Some(&b'.');
        let is_called = default.get(skip_blank(default, at + word.len())) == Some(&b'(');
        let is_maker = || self.makers().contains(word);
        match (is_attribute, is_called) {
            (true, true) => is_one_of(word, MAKERS) || is_one_of(word, MODULES),
            (true, false) => is_one_of(word, MODULES),
            (false, true) => is_one_of(word, MAKERS) || is_maker(),
            // Of a chain, the root: `nn.ReLU()`.
            (false, false) => is_one_of(word, MODULES) || is_maker() || self.displays().contains(word),
        }
    }

    /// Names that are bound to a display somewhere.
    fn displays(&self) -> &HashSet<&'c [u8]> {
        self.displays.get_or_init(|| {
            let mut names = HashSet::new();
            for equals in memchr::memchr_iter(b'=', self.code) {
                let value = skip_blank(self.code, equals + 1);
                if matches!(self.code.get(value), Some(b'[' | b'{')) {
                    let line = self.code[..equals].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
                    names.extend(words(&self.code[line..equals]));
                }
            }
            names
        })
    }

    /// Names of classes of this text, and of whatever is imported together with something that makes mutable objects.
    fn makers(&self) -> &HashSet<&'c [u8]> {
        self.makers.get_or_init(|| {
            let code = self.code;
            let mut names: HashSet<&[u8]> = behind_word(code, "class").map(|at| word_at(code, skip_blank(code, at))).collect();
            for at in behind_word(code, "import") {
                let line = code[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
                let text = &code[line..import_end(code, at)];
                let matters = |word: &[u8]| {
                    is_one_of(word, MAKERS) || is_one_of(word, MODULES) || [&b"argv"[..], b"environ"].contains(&word)
                };
                if words(text).any(matters) {
                    names.extend(words(text));
                }
            }
            names
        })
    }
}

/// Offset of the line end behind the names of an import.
fn import_end(code: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < code.len() {
        match code[at] {
            b'(' => at = behind_bracket(code, at),
            b'\n' if !code[..at].trim_ascii_end().ends_with(b"\\") => break,
            _ => at += 1,
        }
    }
    at
}

/// Whether what stands before a bracket is a value that it selects from.
fn follows_value(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let length = before.iter().rev().take_while(|&&byte| is_word(byte)).count();
    match before.last() {
        Some(b')' | b']' | b'}' | b'"' | b'\'') => true,
        Some(_) => length > 0 && !OPERATORS.contains(&&before[before.len() - length..]),
        None => false,
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| !is_word(byte)).filter(|word| !word.is_empty())
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|one| one.as_bytes() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_signatures_are_passed_over() {
        let may_have = |text: &str| may_have_mutable_default(&Code::of(text.as_bytes()).expect("code"));
        for text in [
            "def f(a, b=1, *, c=None, d: list[int] = x.y, **e):\n  g(h=[])",
            "lambda a, b=2: [a]",
            "x = {1: 2}",
            "A = 1\ndef f(a=A): pass",
            "def f(a=(1, 2), b=torch.float32, c=f'{x}', d=A[0], e=np.dtype('x'), f=float('inf')): pass",
            "import torch.nn as N\ndef f(a=M.ReLU()): pass",
        ] {
            assert!(!may_have(text), "{text}");
        }
        for text in [
            "def f(a=[]): pass",
            "def f(\n a: int = (\n{})): pass",
            "lambda a, b=list(): a",
            "A = [1]\ndef f(a=A): pass",
            "A: List[int] = [1]\ndef f(a=(A)): pass",
            "def f[T](a): pass",
            "def f(a=(1, [2])): pass",
            "def f(a=x if y else [2]): pass",
            "def f(a=(x for x in y)): pass",
            "def f(a=nn.ReLU()): pass",
            "from torch import nn as N\ndef f(a=N.ReLU()): pass",
            "from torch.nn import (\n  ReLU,\n)\ndef f(a=ReLU()): pass",
            "from collections import deque as d\ndef f(a=d()): pass",
            "from sys import argv as a\ndef f(b=a): pass",
            "class A: pass\ndef f(a=A()): pass",
            "def f(a=sys.argv[1:]): pass",
            "def f(a=x.copy()): pass",
        ] {
            assert!(may_have(text), "{text}");
        }
    }
}
