//! Whether any signature of a text may have a mutable default, as far as can be seen without parsing.

use crate::engine::skim::{behind_bracket, behind_word, is_word, skip_blank, word_at};

/// `code` is a text without comments and strings. False only where no default is more than a number, a string, `None`
/// or a name that the text never binds to a display.
pub(super) fn may_have_mutable_default(code: &[u8]) -> bool {
    let defaults_of = |range: std::ops::Range<usize>| defaults(code, range).any(|default| may_be_mutable(code, default));
    let functions = behind_word(code, "def").any(|at| {
        let name = skip_blank(code, at);
        let open = skip_blank(code, name + word_at(code, name).len());
        // Anything but a plain signature is left to the parser.
        code.get(open) != Some(&b'(') || defaults_of(open + 1..behind_bracket(code, open).saturating_sub(1))
    });
    functions || behind_word(code, "lambda").any(|at| defaults_of(at..lambda_body(code, at)))
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
fn defaults(code: &[u8], range: std::ops::Range<usize>) -> impl Iterator<Item = &[u8]> {
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

fn may_be_mutable(code: &[u8], default: &[u8]) -> bool {
    if default.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{')) {
        return true;
    }
    let start = skip_blank(default, 0);
    let name = word_at(default, start);
    if name.first().is_none_or(u8::is_ascii_digit) || [&b"None"[..], b"True", b"False"].contains(&name) {
        return false;
    }
    // `x=sys.argv`, also under another name, and `x=TABLE` with `TABLE = [..]` in the module.
    let environment = ["argv", "environ"].iter().any(|word| memchr::memmem::find(code, word.as_bytes()).is_some());
    environment || memchr::memmem::find_iter(code, name).any(|at| is_bound_to_display(code, at, name.len()))
}

fn is_bound_to_display(code: &[u8], at: usize, length: usize) -> bool {
    if code[..at].last().is_some_and(|&byte| is_word(byte)) {
        return false;
    }
    let end = memchr::memchr(b'\n', &code[at..]).map_or(code.len(), |line| at + line);
    let behind = skip_blank(code, at + length);
    let is_target = matches!(code.get(behind), Some(b'=' | b':'));
    is_target && code[behind..end.max(behind)].iter().any(|byte| matches!(byte, b'(' | b'[' | b'{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_signatures_are_passed_over() {
        for text in [
            "def f(a, b=1, *, c=None, d: list[int] = x.y, **e): g(h=[])",
            "lambda a, b=2: [a]",
            "x = {1: 2}",
            "A = 1\ndef f(a=A): pass",
        ] {
            assert!(!may_have_mutable_default(text.as_bytes()), "{text}");
        }
        for text in [
            "def f(a=[]): pass",
            "def f(\n a: int = (\n{})): pass",
            "lambda a, b=list(): a",
            "A = [1]\ndef f(a=A): pass",
            "def f[T](a): pass",
        ] {
            assert!(may_have_mutable_default(text.as_bytes()), "{text}");
        }
    }
}
