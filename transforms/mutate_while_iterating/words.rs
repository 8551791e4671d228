//! Whether any loop of a text may change what it walks, as far as can be seen without parsing: a container that a `for`
//! names is changed in its body, or in a function that the body calls.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use crate::engine::skim::{
    Block, BlockKind, Code, Words, before_blank, before_near_bracket, behind_near_bracket, behind_word, calls_word, is_word,
    skip_blank, start_of_chain, word_at, word_before,
};
use crate::semantics::effects::is_mutating_method;

/// Names of dicts that are reached without naming them.
const NAMESPACES: &[&[u8]] = &[b"vars", b"globals", b"__dict__"];
/// Functions that change what they are given first.
const CHANGING: &[&str] = &[
    "heappush",
    "heappop",
    "heapify",
    "heapreplace",
    "heappushpop",
    "insort",
    "insort_left",
    "insort_right",
    "shuffle",
    "iadd",
    "ior",
    "iconcat",
    "setitem",
    "delitem",
];
/// A `defaultdict` is changed by reading it.
const CHANGED_BY_READING: &[&str] = &["defaultdict", "DefaultDict"];
/// Methods that give a view of a dict.
const VIEWS: &[&str] = &["keys", "values", "items"];
const AUGMENTED: &[&[u8]] = &[b"+=", b"-=", b"*=", b"/=", b"|=", b"&=", b"^=", b"%=", b"@=", b"<<=", b">>=", b"//=", b"**="];
/// Text before a view in which the name is looked for that it is given to. More is left to the parser.
const NEAR: usize = 300;
/// Comparisons of changes with loops. More are left to the parser.
const EFFORT: usize = 100_000;

/// What a place ends with: `cache` and one subscript for `self.cache[k]`.
#[derive(Clone, Copy)]
struct Ending<'c> {
    name: &'c [u8],
    subscripts: usize,
    /// `range(len(x))`, which is not walked: what matters is whether x shrinks.
    is_measured: bool,
}

/// Something that changes what ends with this name and any of these numbers of subscripts, a bit for each.
struct Change<'c> {
    at: usize,
    name: &'c [u8],
    does: Does,
}

/// What happens to a name: with how many subscripts it names something that is changed, a bit for each number.
#[derive(Clone, Copy, Default)]
struct Does {
    subscripts: u64,
    /// Whether an element may go.
    shrinks: bool,
}

impl Change<'_> {
    fn meets(&self, walk: &Walk<'_>) -> bool {
        walk.walked.iter().any(|ending| {
            ending.name == self.name
                && self.does.subscripts & bit(ending.subscripts) != 0
                && (self.does.shrinks || !ending.is_measured)
        })
    }
}

/// A `for`, what it walks, and the text of its body.
struct Walk<'c> {
    walked: Vec<Ending<'c>>,
    body: Range<usize>,
    /// The block of a statement; none for a clause of a comprehension.
    block: Option<usize>,
}

/// Whether a loop may change what it walks.
pub(super) fn may_change_what_is_walked(code: &Code) -> bool {
    let Some(blocks) = code.blocks() else { return true };
    let Some(walks) = walks(code, blocks) else { return true };
    let Some(changes) = changes(code, blocks, &walks) else { return true };
    if changes.len().saturating_mul(walks.len()) > EFFORT {
        return true;
    }
    let mut by_block = vec![None; blocks.len()];
    for walk in &walks {
        if let Some(block) = walk.block {
            by_block[block] = Some(walk);
        }
    }
    changes.iter().any(|change| {
        // The function that makes the change, if it is in one; what is around it does not matter then.
        let mut function = None;
        let mut around = innermost(blocks, change.at);
        while let Some(index) = around {
            if blocks[index].kind == BlockKind::Function {
                function = Some(word_at(code, skip_blank(code, blocks[index].behind_word)));
                break;
            }
            if by_block[index].is_some_and(|walk| change.meets(walk)) {
                return true;
            }
            around = blocks[index].around;
        }
        walks.iter().filter(|walk| change.meets(walk)).any(|walk| {
            let body = &code[walk.body.clone()];
            walk.block.is_none() && walk.body.contains(&change.at)
                || function.is_some_and(|name| calls_word(body, name))
                // Another task may make the change meanwhile.
                || behind_word(body, "await").next().is_some()
        })
    })
}

/// Index of the innermost block that holds an offset.
fn innermost(blocks: &[Block], at: usize) -> Option<usize> {
    let mut found = blocks.partition_point(|block| block.start <= at).checked_sub(1);
    while let Some(index) = found.filter(|&index| blocks[index].end <= at) {
        found = blocks[index].around;
    }
    found
}

/// Every `for`. None where one may walk what it does not name.
fn walks<'c>(code: &'c Code, blocks: &[Block]) -> Option<Vec<Walk<'c>>> {
    let mut walks: Vec<Walk<'c>> = Vec::new();
    for at in behind_word(code, "for") {
        let block = blocks.binary_search_by_key(&at, |block| block.behind_word).ok();
        let (header, body) = if let Some(index) = block {
            let header = walked_text(code, at);
            // Without its colon the header has taken text of others.
            if header.end > blocks[index].end {
                return None;
            }
            (header.clone(), header.end..blocks[index].end)
        } else {
            let whole = before_near_bracket(code, at)?..behind_near_bracket(code, at)?;
            (whole.clone(), whole)
        };
        if words(code, header.clone()).any(|(at, word)| is_namespace(code, at, word)) {
            return None;
        }
        walks.push(Walk { walked: endings(code, header)?, body, block });
    }
    add_views(code, &mut walks)?;
    Some(walks)
}

/// Whether a name may stand for a dict that Python itself fills.
fn is_namespace(code: &[u8], at: usize, word: &[u8]) -> bool {
    let is_call = || code.get(skip_blank(code, at + word.len())) == Some(&b'(');
    match word {
        b"modules" => !is_call() && behind_word(code, "sys").next().is_some(),
        _ => NAMESPACES.contains(&word),
    }
}

/// `keys = d.keys()` above the loop: a loop that walks `keys` walks `d`.
fn add_views<'c>(code: &'c Code, walks: &mut [Walk<'c>]) -> Option<()> {
    static WORDS: LazyLock<Words> = LazyLock::new(|| Words::new(VIEWS));
    let mut effort = 0;
    for (view, end) in WORDS.behind(code) {
        let dot = end - VIEWS[view].len();
        let Some(equals) = given_at(code, dot)? else { continue };
        let line = code[..equals].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
        effort += walks.len();
        if effort > EFFORT {
            return None;
        }
        let names: Vec<_> = words(code, line..equals).map(|(_, name)| name).collect();
        let mut walks =
            walks.iter_mut().filter(|walk| walk.walked.iter().any(|ending| names.contains(&ending.name))).peekable();
        if walks.peek().is_none() {
            continue;
        }
        if words(code, equals..dot).any(|(at, word)| is_namespace(code, at, word)) {
            return None;
        }
        let more = endings(code, equals..end)?;
        walks.for_each(|walk| walk.walked.extend(more.iter().copied()));
    }
    Some(())
}

/// Offset of the `=` that gives a name to the expression which ends at `end`, when nothing but a chain of names and
/// subscripts stands between. None, outside, where that is far away.
#[expect(clippy::option_option, reason = "the outer one is for what is left to the parser")]
fn given_at(code: &[u8], end: usize) -> Option<Option<usize>> {
    for at in (end.saturating_sub(NEAR)..end).rev() {
        match code[at] {
            b'=' => {
                let is_plain = at.checked_sub(1).is_none_or(|before| !b"=!<>+-*/|&^%@".contains(&code[before]));
                return Some(is_plain.then_some(at));
            }
            b'\n' if !matches!(code[..at].trim_ascii_end().last(), Some(b'\\' | b'(')) => return Some(None),
            byte if is_word(byte) || byte.is_ascii_whitespace() || b".[](\\'\"-".contains(&byte) => {}
            _ => return Some(None),
        }
    }
    (end < NEAR).then_some(None)
}

/// All changes of what a loop walks, in loops and in the functions that they call. None where one may hide.
fn changes<'c>(code: &'c Code, blocks: &[Block], walks: &[Walk<'c>]) -> Option<Vec<Change<'c>>> {
    let walked = Names::new(walks.iter().flat_map(|walk| &walk.walked).map(|ending| ending.name));
    if walked.names.is_empty() {
        return Some(Vec::new());
    }
    let Said { reads, calls } = said(code)?;
    let mut changes = Vec::new();
    let mut look = |range: Range<usize>, each: &mut dyn FnMut(usize, &'c [u8])| {
        for (at, name) in words(code, range) {
            each(at, name);
            if walked.contains(name) {
                let does = change(code, at, at + name.len(), reads);
                if does.subscripts != 0 {
                    changes.push(Change { at, name, does });
                }
            }
        }
    };
    let name_of = |block: &Block| word_at(code, skip_blank(code, block.behind_word));
    let functions = || blocks.iter().filter(|block| block.kind == BlockKind::Function);
    let known = Names::new(functions().map(name_of));
    let mut called: HashSet<&[u8]> = HashSet::new();
    let mut seen = 0;
    let mut waits = false;
    let mut bodies: Vec<_> = walks.iter().map(|walk| walk.body.clone()).collect();
    bodies.sort_by_key(|body| body.start);
    for body in bodies {
        // Loops in loops are seen with the outer ones.
        let range = body.start.max(seen)..body.end.max(seen);
        seen = range.end;
        look(range, &mut |at, name| {
            waits |= name == b"await";
            if known.contains(name) && code.get(skip_blank(code, at + name.len())) == Some(&b'(') {
                called.insert(name);
            }
        });
    }
    if waits {
        // Any other task may make a change meanwhile.
        called.extend(&known.names);
    }
    let mut seen = 0;
    for block in functions().filter(|block| called.contains(name_of(block))) {
        look(block.start.max(seen)..block.end.max(seen), &mut |_, _| {});
        seen = seen.max(block.end);
    }
    for bracket in calls {
        let first = endings(code, bracket + 1..argument_end(code, bracket + 1))?;
        let found = first.into_iter().filter(|ending| walked.contains(ending.name));
        let does = |ending: &Ending<'_>| Does { subscripts: bit(ending.subscripts), shrinks: true };
        changes.extend(found.map(|ending| Change { at: bracket, name: ending.name, does: does(&ending) }));
    }
    Some(changes)
}

/// What single words of a text say.
struct Said {
    /// Whether a read may be a change.
    reads: bool,
    /// Brackets of the calls of functions that change what they are given first.
    calls: Vec<usize>,
}

/// None where a change may hide: `del (x[k])`, or a function that is imported under another name.
fn said(code: &[u8]) -> Option<Said> {
    static WORDS: LazyLock<Words> = LazyLock::new(|| Words::new(&[&["del"], CHANGED_BY_READING, CHANGING].concat()));
    let mut said = Said { reads: false, calls: Vec::new() };
    for (word, end) in WORDS.behind(code) {
        let next = skip_blank(code, end);
        let is_bracket = code.get(next) == Some(&b'(');
        if word == 0 {
            if is_bracket {
                return None;
            }
        } else if word <= CHANGED_BY_READING.len() {
            said.reads = true;
        } else if is_bracket {
            said.calls.push(next);
        } else if word_at(code, next) == b"as" {
            return None;
        }
    }
    Some(said)
}

/// Some names. Nearly all other words are told apart from them by their first letter and their length.
struct Names<'c> {
    names: HashSet<&'c [u8]>,
    lengths: [u64; 256],
}

impl<'c> Names<'c> {
    fn new(names: impl Iterator<Item = &'c [u8]>) -> Self {
        let names: HashSet<&[u8]> = names.filter(|name| !name.is_empty()).collect();
        let mut lengths = [0; 256];
        for name in &names {
            lengths[name[0] as usize] |= bit(name.len());
        }
        Self { names, lengths }
    }

    fn contains(&self, name: &[u8]) -> bool {
        self.lengths[name[0] as usize] & bit(name.len()) != 0 && self.names.contains(name)
    }
}

fn argument_end(code: &[u8], mut at: usize) -> usize {
    while at < code.len() {
        match code[at] {
            b',' | b')' => break,
            b'(' | b'[' | b'{' => match behind_near_bracket(code, at + 1) {
                Some(end) => at = end,
                None => break,
            },
            _ => at += 1,
        }
    }
    at
}

/// What happens to the name at `start..end`.
fn change(code: &[u8], start: usize, end: usize, reads: bool) -> Does {
    let mut at = skip_blank(code, end);
    let mut subscripts = 0;
    let mut does = Does::default();
    loop {
        match code.get(at) {
            Some(b'.') => {
                let method = word_at(code, skip_blank(code, at + 1));
                if std::str::from_utf8(method).is_ok_and(is_mutating_method) {
                    does = Does { subscripts: does.subscripts | bit(subscripts), shrinks: method == b"pop" };
                }
                return does;
            }
            Some(b'[') => {
                if reads {
                    does.subscripts |= bit(subscripts);
                }
                subscripts += 1;
                let Some(behind) = behind_near_bracket(code, at + 1) else {
                    return Does { subscripts: u64::MAX, shrinks: true };
                };
                at = skip_blank(code, behind);
            }
            Some(b')') if is_wrapped(code, end) => at = skip_blank(code, at + 1),
            _ => break,
        }
    }
    let rest = &code[at..];
    if AUGMENTED.iter().any(|operator| rest.starts_with(operator)) {
        does.subscripts |= bit(subscripts);
    }
    let Some(container) = subscripts.checked_sub(1) else { return does };
    let line = code[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
    does.shrinks = behind_word(&code[line..start], "del").next().is_some();
    if does.shrinks || does.subscripts != 0 || is_equals(rest) || is_target(code, line, start, at) {
        does.subscripts |= bit(container);
    }
    does
}

/// Whether the name that ends at `end` is the last in a pair of brackets that only groups: `(x.a).pop()`.
fn is_wrapped(code: &[u8], end: usize) -> bool {
    let before = before_blank(code, start_of_chain(code, end));
    let Some(around) = code[..before].strip_suffix(b"(") else { return false };
    let word = word_before(code, around.len());
    let is_call = !word.is_empty() || matches!(around.trim_ascii_end().last(), Some(b')' | b']'));
    // Have: return (x)
    !is_call
        || [&b"return"[..], b"in", b"not", b"and", b"or", b"if", b"elif", b"else", b"while", b"yield", b"await"].contains(&word)
}

fn is_equals(rest: &[u8]) -> bool {
    rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=')
}

/// Whether the subscript at `start..end` may be one of several targets of an assignment, a `for` or a `with`.
fn is_target(code: &[u8], line: usize, start: usize, end: usize) -> bool {
    let before = |word: &'static str| behind_word(&code[line..start], word).next().is_some();
    let line_end = |at: usize| memchr::memchr(b'\n', &code[at..]).map_or(code.len(), |length| at + length);
    match code.get(end) {
        Some(b',' | b')' | b']' | b':') => {}
        _ => return code[end..].starts_with(b"in") && before("for"),
    }
    if before("with") || before("for") && code[end] == b',' {
        return true;
    }
    // Have: (a, x[k]) = ..; within the brackets, a `=` gives a keyword its value
    let behind = match before_near_bracket(code, start) {
        Some(_) => match behind_near_bracket(code, end) {
            Some(behind) => behind,
            None => return true,
        },
        None => end,
    };
    let rest = &code[behind..line_end(behind)];
    rest.contains(&b'=') || rest.trim_ascii_end().ends_with(b"\\")
}

/// The range between the `in` of a `for` statement and the colon behind it.
fn walked_text(code: &[u8], behind_for: usize) -> Range<usize> {
    let Some(start) = behind_word(&code[behind_for..], "in").next().map(|at| behind_for + at) else {
        return behind_for..behind_for;
    };
    let mut at = start;
    while at < code.len() && code[at] != b':' {
        at = match code[at] {
            b'(' | b'[' | b'{' => behind_near_bracket(code, at + 1).unwrap_or(code.len()),
            _ => at + 1,
        };
    }
    start..at
}

/// What the places in a range end with; a view counts as what it is of. None when a bracket ends far away.
fn endings(code: &[u8], range: Range<usize>) -> Option<Vec<Ending<'_>>> {
    let mut found = Vec::new();
    for (at, name) in words(code, range) {
        let mut behind = skip_blank(code, at + name.len());
        let mut subscripts = 0;
        while code.get(behind) == Some(&b'[') {
            behind = skip_blank(code, behind_near_bracket(code, behind + 1)?);
            subscripts += 1;
        }
        let is_last = match code.get(behind) {
            Some(b'.') => VIEWS.iter().any(|view| word_at(code, skip_blank(code, behind + 1)) == view.as_bytes()),
            Some(b'(') => false,
            _ => true,
        };
        if is_last {
            let chain = start_of_chain(code, at + name.len());
            let is_measured =
                code[..chain].strip_suffix(b"(").is_some_and(|before| word_before(before, before.len()) == b"len");
            found.push(Ending { name, subscripts, is_measured });
        }
    }
    Some(found)
}

/// The names in a range, and where they start.
fn words(code: &[u8], range: Range<usize>) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        loop {
            at += code[at..range.end].iter().position(|&byte| is_word(byte))?;
            let start = at;
            at += code[at..range.end].iter().take_while(|&&byte| is_word(byte)).count();
            if !code[start].is_ascii_digit() {
                return Some((start, &code[start..at]));
            }
        }
    })
}

/// Numbers beyond 63 are one.
fn bit(number: usize) -> u64 {
    1 << number.min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_texts_are_passed_over() {
        let may_change = |text: &str| may_change_what_is_walked(&Code::of(text.as_bytes()).expect("code"));
        for text in [
            "for k in d: print(k)\ne.pop(k)",
            "for k in d:\n  x[k] = d[k]",
            "d.pop(1)",
            "[k for k in d if e[k] == 1]",
            "for a.b in c:\n  f(c[a], 2)",
            "for k in self.d:\n  self.e.append(k)",
            "for k in d:\n  d[k].append(1)",
            "for k in d[1]:\n  d.pop(k)",
            "for k in d:\n  pass\nd.clear()",
            "for k in d:\n  pass\nelse:\n  d.clear()",
            "for a in d:\n  for b in d[a]: pass",
            "class A:\n  def f(self):\n    for k in self.d: self.g(k)\n  def h(self):\n    self.d.pop()",
            "for x in [1, 2]:\n  y[x] = z[x]",
            "for i in range(len(x)):\n  x[i] = 1\n  x.append(2)",
            "[f(a[: int(b)], c=True) for a, b in zip(d, e)]",
            "for k in d:\n  f(\n   d[k],\n  )",
            "for k in d:\n  f(d).append(1)",
            "for m in self.modules(): m.pop()",
        ] {
            assert!(!may_change(text), "{text}");
        }
        for text in [
            "for k in d: d.pop(k)",
            "for k in self.d.items():\n  del self.d[k]",
            "for k in (\n d): d [k] = 1",
            "for k in d: d |= x",
            "for k in d: a, d[k] = 1, 2",
            "for k in d:\n  (a[0],\n   d[k]) = 1, 2",
            "for k in d:\n  (d[0],\n   a[k]) = 1, 2",
            "for k in d: (d).pop(k)",
            "for i, k in enumerate(self.d['m'], 1):\n  self.d['m'].pop(k)",
            "for i in range(len(x)):\n  if i:\n    while y: del x[i]",
            "keys = d.keys()\nfor k in keys: del d[k]",
            "keys = (\n    d.keys()\n)\nfor k in keys:\n    del (\n    d[k])",
            "keys = \\\n    d.keys()\nfor k in keys: d.pop(k)",
            "for k in d:\n  for d[k] in x: pass",
            "for k in d:\n  with x as d[k]: pass",
            "[d.pop(k) for k in d]",
            "f(d.pop(k)\n for k in\n d)",
            "for k in vars(x): setattr(x, k, 1)",
            "import sys\nfor m in list(sys.modules): import x",
            "for k in d: (a, d[k]) = 1, 2",
            "for k in d:\n  d[k], \\\n    a = 1, 2",
            "for x in [d.pop(k) for k in d]: pass",
            "for i in range(len(x.y)): x.y.pop(i)",
            "for k in d:\n  heapq.heappush(d, 1)",
            "d = defaultdict(list)\nfor k in d: d[1]",
            "class A:\n  def f(self):\n    for k in self.d: self.g(k)\n  def g(self):\n    self.d.pop()",
            "class A:\n  def f(self):\n    for k in self.d: await k\n  def g(self):\n    self.d.pop()",
            "for k in d:\n  s = '''\n'''\n  d.pop(k)",
        ] {
            assert!(may_change(text), "{text}");
        }
    }
}
