//! Whether any loop of a text may change what it walks, as far as can be seen without parsing: a container that a `for`
//! names is changed in its body, or in a function that the body calls.

use std::collections::HashSet;
use std::ops::Range;

use crate::engine::skim::{
    Block, BlockKind, Code, before_near_bracket, behind_near_bracket, behind_word, calls_word, is_word, skip_blank, word_at,
};
use crate::semantics::effects::is_mutating_method;

/// Names of dicts that are reached without naming them.
const NAMESPACES: &[&[u8]] = &[b"vars", b"globals", b"__dict__", b"modules"];
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
/// Methods that give a view of a dict.
const VIEWS: &[&str] = &["keys", "values", "items"];
const AUGMENTED: &[&[u8]] = &[b"+=", b"-=", b"*=", b"/=", b"|=", b"&=", b"^=", b"%=", b"@=", b"<<=", b">>=", b"//=", b"**="];
/// Text before a view in which the name is looked for that it is given to. More is left to the parser.
const NEAR: usize = 300;
/// Comparisons of changes with loops. More are left to the parser.
const EFFORT: usize = 100_000;

/// What a place ends with: `cache` and one subscript for `self.cache[k]`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ending<'c> {
    name: &'c [u8],
    subscripts: usize,
}

/// Something that changes what ends with this name and any of these numbers of subscripts, a bit for each.
struct Change<'c> {
    at: usize,
    name: &'c [u8],
    subscripts: u64,
}

impl Change<'_> {
    fn meets(&self, walk: &Walk<'_>) -> bool {
        walk.walked.iter().any(|ending| ending.name == self.name && self.subscripts & bit(ending.subscripts) != 0)
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
    let Some(changes) = changes(code, &walks) else { return true };
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
        let (header, body) = match block {
            Some(index) => {
                let header = walked_text(code, at);
                (header.clone(), header.end..blocks[index].end)
            }
            None => {
                let whole = before_near_bracket(code, at)?..behind_near_bracket(code, at)?;
                (whole.clone(), whole)
            }
        };
        if words(code, header.clone()).any(|(_, word)| NAMESPACES.contains(&word)) {
            return None;
        }
        walks.push(Walk { walked: endings(code, header)?, body, block });
    }
    if behind_word(code, "modules").any(|end| word_at(code, skip_blank(code, end)) == b"as") {
        return None;
    }
    add_views(code, &mut walks)?;
    Some(walks)
}

/// `keys = d.keys()` above the loop: a loop that walks `keys` walks `d`.
fn add_views<'c>(code: &'c Code, walks: &mut [Walk<'c>]) -> Option<()> {
    let mut effort = 0;
    for (view, end) in VIEWS.iter().flat_map(|view| behind_word(code, view).map(move |end| (view, end))) {
        let dot = end - view.len();
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
        if words(code, equals..dot).any(|(_, word)| NAMESPACES.contains(&word)) {
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

/// All changes of what a loop walks, anywhere. None where one may hide.
fn changes<'c>(code: &'c Code, walks: &[Walk<'c>]) -> Option<Vec<Change<'c>>> {
    let walked: HashSet<&[u8]> = walks.iter().flat_map(|walk| &walk.walked).map(|ending| ending.name).collect();
    // Nearly all words are told apart from these by their first letter and their length.
    let mut lengths = [0_u64; 256];
    for name in &walked {
        lengths[name[0] as usize] |= bit(name.len());
    }
    let is_walked = |name: &[u8]| lengths[name[0] as usize] & bit(name.len()) != 0 && walked.contains(name);
    if walked.is_empty() || behind_word(code, "del").any(|end| code.get(skip_blank(code, end)) == Some(&b'(')) {
        return walked.is_empty().then(Vec::new);
    }
    // A `defaultdict` is changed by reading it.
    let reads = ["defaultdict", "DefaultDict"].into_iter().any(|word| behind_word(code, word).next().is_some());
    let mut changes = Vec::new();
    for (at, name) in words(code, 0..code.len()).filter(|(_, name)| is_walked(name)) {
        let subscripts = changed(code, at, at + name.len(), reads);
        if subscripts != 0 {
            changes.push(Change { at, name, subscripts });
        }
    }
    for end in CHANGING.iter().flat_map(|word| behind_word(code, word)) {
        let next = skip_blank(code, end);
        if code.get(next) == Some(&b'(') {
            let first = endings(code, next + 1..argument_end(code, next + 1))?;
            let found = first.into_iter().filter(|ending| is_walked(ending.name));
            changes.extend(found.map(|ending| Change { at: next, name: ending.name, subscripts: bit(ending.subscripts) }));
        } else if word_at(code, next) == b"as" {
            return None;
        }
    }
    Some(changes)
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

/// With how many subscripts the name at `start..end` names a container that is changed here, a bit for each number.
fn changed(code: &[u8], start: usize, end: usize, reads: bool) -> u64 {
    let mut at = skip_blank(code, end);
    let mut subscripts = 0;
    let mut found = 0;
    loop {
        match code.get(at) {
            Some(b'.') => {
                let method = word_at(code, skip_blank(code, at + 1));
                let mutates = std::str::from_utf8(method).is_ok_and(is_mutating_method);
                return if mutates { found | bit(subscripts) } else { found };
            }
            Some(b'[') => {
                if reads {
                    found |= bit(subscripts);
                }
                subscripts += 1;
                let Some(behind) = behind_near_bracket(code, at + 1) else { return u64::MAX };
                at = skip_blank(code, behind);
            }
            // Have: (x).append(y)
            Some(b')') => at = skip_blank(code, at + 1),
            _ => break,
        }
    }
    let rest = &code[at..];
    if AUGMENTED.iter().any(|operator| rest.starts_with(operator)) {
        found |= bit(subscripts);
    }
    let Some(container) = subscripts.checked_sub(1) else { return found };
    let is_assigned = rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=');
    if is_assigned || found != 0 || is_target(code, start, at) { found | bit(container) } else { found }
}

/// Whether the subscript at `start..end` may be one of several targets, or one of a `del`, a `for`, a `with`: only the
/// line as a whole can tell.
fn is_target(code: &[u8], start: usize, end: usize) -> bool {
    let line = code[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
    let before = |word: &'static str| behind_word(&code[line..start], word).next().is_some();
    let rest = &code[end..];
    let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    match rest.first() {
        _ if before("del") => true,
        // Have: (a[k],
        Some(b',') if rest[1..length.max(1)].trim_ascii().is_empty() => true,
        Some(b',' | b']' | b':') if rest[..length].contains(&b'=') => true,
        Some(b',') => before("for") || before("with"),
        Some(b':') => before("with"),
        _ => rest.starts_with(b"in") && before("for"),
    }
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
            found.push(Ending { name, subscripts });
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
