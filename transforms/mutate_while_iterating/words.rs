//! Whether any loop of a text may change what it walks, as far as can be seen without parsing: some name stands in what
//! a `for` walks, and something is changed through the same name.

use std::collections::HashSet;

use crate::engine::skim::{behind_bracket, behind_word, is_word, skip_blank, word_at};
use crate::semantics::effects::is_mutating_method;

/// Names that reach a container without naming it.
const BACK_DOORS: &[&str] = &[
    "setattr",
    "delattr",
    "setitem",
    "delitem",
    "vars",
    "globals",
    "locals",
    "__dict__",
    "modules",
    "heappush",
    "heappop",
    "heapify",
    "heapreplace",
    "heappushpop",
    "insort",
    "insort_left",
    "insort_right",
    "shuffle",
    "defaultdict",
];

/// `code` is a text without comments and strings.
pub(super) fn may_change_what_is_walked(code: &[u8]) -> bool {
    let mut walked: HashSet<&[u8]> = behind_word(code, "for").flat_map(|at| names(code, walked_text(code, at))).collect();
    if walked.is_empty() {
        return false;
    }
    let spread_del = || behind_word(code, "del").any(|at| code.get(skip_blank(code, at)) == Some(&b'('));
    if BACK_DOORS.iter().any(|word| behind_word(code, word).next().is_some()) || spread_del() {
        return true;
    }
    // `keys = d.keys()` above the loop: the loop walks what the right side names, which may go over several lines.
    for equals in memchr::memchr_iter(b'=', code) {
        let line = code[..equals].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
        if names(code, line..equals).any(|name| walked.contains(name)) {
            walked.extend(names(code, equals..logical_line_end(code, equals, false)));
        }
    }
    let mut at = 0;
    while at < code.len() {
        if !is_word(code[at]) {
            at += 1;
            continue;
        }
        let name = word_at(code, at);
        let is_attribute_or_name = !name[0].is_ascii_digit();
        if is_attribute_or_name && walked.contains(name) && is_changed(code, at, at + name.len()) {
            return true;
        }
        at += name.len();
    }
    false
}

/// The range between the `in` of a `for` and the colon, bracket or line end behind it.
fn walked_text(code: &[u8], behind_for: usize) -> std::ops::Range<usize> {
    let Some(start) = behind_word(&code[behind_for..], "in").next().map(|at| behind_for + at) else { return 0..0 };
    let start = skip_blank(code, start);
    start..logical_line_end(code, start, true)
}

/// Offset of the line end behind `at` that is in no bracket opened since; of a colon before it if that is to end it, too.
fn logical_line_end(code: &[u8], mut at: usize, at_colon: bool) -> usize {
    while at < code.len() {
        match code[at] {
            b'(' | b'[' | b'{' => at = behind_bracket(code, at),
            b':' if at_colon => break,
            b')' | b']' | b'}' => break,
            b'\n' if !matches!(&code[..at], [.., b'\\'] | [.., b'\\', b'\r']) => break,
            _ => at += 1,
        }
    }
    at
}

fn names(code: &[u8], range: std::ops::Range<usize>) -> impl Iterator<Item = &[u8]> {
    code[range].split(|&byte| !is_word(byte)).filter(|name| !name.is_empty())
}

/// Whether the name at `start..end`, with the attributes and subscripts behind it, is a target or calls what changes it.
fn is_changed(code: &[u8], start: usize, end: usize) -> bool {
    let mut at = skip_blank(code, end);
    let mut subscripted = false;
    loop {
        match code.get(at) {
            Some(b'.') => {
                let method = skip_blank(code, at + 1);
                let name = word_at(code, method);
                if std::str::from_utf8(name).is_ok_and(is_mutating_method) {
                    return true;
                }
                at = skip_blank(code, method + name.len());
            }
            Some(b'[') => {
                subscripted = true;
                at = skip_blank(code, behind_bracket(code, at));
            }
            _ => break,
        }
    }
    let rest = &code[at..];
    let assigned = rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=');
    let augmented = [&b"+="[..], b"-=", b"*=", b"/=", b"|=", b"&=", b"^=", b"%=", b"@=", b"<<=", b">>=", b"//=", b"**="];
    if augmented.iter().any(|operator| rest.starts_with(operator)) || subscripted && assigned {
        return true;
    }
    // One of several targets, or one of a `del`, a `for`, a `with`: only the line as a whole can tell.
    let line = code[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
    let line_end = memchr::memchr(b'\n', &code[at..]).map_or(code.len(), |length| at + length);
    let begins = |word: &str| behind_word(&code[line..start], if word == "del" { "del" } else { "for" }).next().is_some();
    if begins("del") {
        return true;
    }
    let among_targets =
        matches!(rest.first(), Some(b',' | b')' | b']' | b':')) || rest.starts_with(b"in") || rest.starts_with(b"as");
    subscripted
        && among_targets
        && (memchr::memchr(b'=', &code[at..line_end]).is_some() || begins("for") || holds_with(&code[line..start]))
}

fn holds_with(line: &[u8]) -> bool {
    behind_word(line, "with").next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_texts_are_passed_over() {
        for text in [
            "for k in d: print(k)\ne.pop(k)",
            "for k in d:\n  x[k] = d[k]",
            "d.pop(1)",
            "[k for k in d if e[k] == 1]",
            "for a.b in c:\n  f(c[a], 2)",
        ] {
            assert!(!may_change_what_is_walked(text.as_bytes()), "{text}");
        }
        for text in [
            "for k in d: d.pop(k)",
            "for k in self.d.items():\n  del self.d[k]",
            "for k in (\n d): d [k] = 1",
            "for k in d: d |= x",
            "for k in d: a, d[k] = 1, 2",
            "keys = d.keys()\nfor k in keys: del d[k]",
            "keys = (\n    d.keys()\n)\nfor k in keys:\n    del (\n    d[k])",
            "keys = \\\n    d.keys()\nfor k in keys: d.pop(k)",
            "for k in d:\n  for d[k] in x: pass",
            "[d.pop(k) for k in d]",
            "for k in vars(x): setattr(x, k, 1)",
        ] {
            assert!(may_change_what_is_walked(text.as_bytes()), "{text}");
        }
    }
}
