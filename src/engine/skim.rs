//! The code of a text without parsing it: comments and strings are blanked, everything else keeps its place.
//!
//! Parsing costs a hundred times as much as reading, so a transform may look at this first and say that there is
//! nothing for it.

mod blank;
mod blocks;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Deref;

use aho_corasick::{AhoCorasick, MatchKind};

pub use blocks::{Block, BlockKind};

use super::source::BOM;

/// The code of a text: comments and what stands in strings are blank, and everything keeps its place. It reads as bytes.
pub struct Code {
    text: Vec<u8>,
    blocks: OnceCell<Option<Vec<Block>>>,
}

impl Deref for Code {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text
    }
}

impl Code {
    /// The code of a text. What an f-string puts in its place is code, in round brackets.
    ///
    /// `None` when that takes more than a lexer: a string or replacement field without end.
    pub fn of(text: &[u8]) -> Option<Self> {
        let mut text = blank::blank(text)?;
        if text.starts_with(BOM) {
            // Spaces would indent the first line.
            text[..BOM.len()].fill(b'\n');
        }
        Some(Self { text, blocks: OnceCell::new() })
    }

    /// All loops and functions, in text order. `None` where brackets, indents or line ends leave it open where they are.
    pub fn blocks(&self) -> Option<&[Block]> {
        self.blocks.get_or_init(|| blocks::blocks(&self.text)).as_deref()
    }

    /// Whether something holds of the text of a loop that is in no other, from the line of its `for` or `while` to the last
    /// line of its body. True where it is open where the loops are.
    pub fn in_loops(&self, mut holds: impl FnMut(&[u8]) -> bool) -> bool {
        let Some(blocks) = self.blocks() else { return true };
        let mut end = 0;
        blocks.iter().filter(|block| block.kind == BlockKind::Loop).any(|block| {
            let is_outermost = block.start >= end;
            end = end.max(block.end);
            is_outermost && holds(&self.text[block.start..block.end])
        })
    }
}

/// Whether a byte can be part of a name; bytes outside ASCII can.
#[inline]
pub fn is_word(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            let ascii = byte as u8;
            table[byte] = ascii == b'_' || ascii.is_ascii_alphanumeric() || !ascii.is_ascii();
            byte += 1;
        }
        table
    };
    TABLE[byte as usize]
}

/// Offsets behind each occurrence of a word that is no part of a longer one.
pub fn behind_word<'c>(code: &'c [u8], word: &'static str) -> impl Iterator<Item = usize> + 'c {
    let found = memchr::memmem::find_iter(code, word).map(|at| (at, at + word.len()));
    found.filter(|&(start, end)| stands_alone(code, start, end)).map(|(_, end)| end)
}

/// Words that are looked for in one pass.
pub struct Words(AhoCorasick);

impl Words {
    /// Panics when there are no words, or millions: a mistake in the transform.
    pub fn new(words: &[&str]) -> Self {
        let mut builder = AhoCorasick::builder();
        // Of `heappush` and `heappushpop` the longer one is the word, if any is.
        Self(builder.match_kind(MatchKind::LeftmostLongest).build(words).expect("a few words make a small automaton"))
    }

    /// Which word, and the offset behind it, for each occurrence that is no part of a longer word; in text order.
    pub fn behind<'c>(&'c self, code: &'c [u8]) -> impl Iterator<Item = (usize, usize)> + 'c {
        let found = self.0.find_iter(code).filter(|found| stands_alone(code, found.start(), found.end()));
        found.map(|found| (found.pattern().as_usize(), found.end()))
    }
}

/// Whether no part of a word stands right before or behind a range.
fn stands_alone(code: &[u8], start: usize, end: usize) -> bool {
    !code[..start].last().is_some_and(|&byte| is_word(byte)) && !code.get(end).is_some_and(|&byte| is_word(byte))
}

/// The name that starts at an offset; empty when there is none.
pub fn word_at(code: &[u8], at: usize) -> &[u8] {
    let length = code[at..].iter().take_while(|&&byte| is_word(byte)).count();
    &code[at..at + length]
}

/// Offset of the next byte that is no white space and no line continuation.
pub fn skip_blank(code: &[u8], at: usize) -> usize {
    at + code[at..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b'\\').count()
}

/// Offset of the first byte of the expression that ends at `end`, when that is made of names, dots, calls and subscripts:
/// `with a.b(c)[d].open` gives that of `a`. White space around dots belongs to it, white space before brackets ends it.
pub fn start_of_chain(code: &[u8], end: usize) -> usize {
    let mut start = end;
    loop {
        let before = before_blank(code, start);
        match code[..before].last() {
            Some(b')' | b']') => {
                start = before_bracket(code, before);
                if !code[..start].last().is_some_and(|&byte| is_word(byte) || matches!(byte, b')' | b']')) {
                    return start;
                }
            }
            Some(&byte) if is_word(byte) => {
                start = before - code[..before].iter().rev().take_while(|&&byte| is_word(byte)).count();
                let dot = before_blank(code, start);
                if code[..dot].last() != Some(&b'.') {
                    return start;
                }
                start = dot - 1;
            }
            _ => return start,
        }
    }
}

/// Offset behind the last byte before `at` that is no white space and no line continuation.
pub fn before_blank(code: &[u8], at: usize) -> usize {
    at - code[..at].iter().rev().take_while(|byte| byte.is_ascii_whitespace() || **byte == b'\\').count()
}

/// Offset of the bracket that opens what closes right before `end`; 0 when there is none, or when it is far away.
fn before_bracket(code: &[u8], end: usize) -> usize {
    before_near_bracket(code, end - 1).unwrap_or(0)
}

/// How far away a bracket may be.
const NEAR: usize = 10_000;

/// Offset of the bracket around `at` that opens before it. None where that is far away.
pub fn before_near_bracket(code: &[u8], at: usize) -> Option<usize> {
    let start = at.saturating_sub(NEAR);
    opening_bracket(&code[start..at]).map(|open| start + open)
}

/// Offset behind the bracket around `at` that closes behind it. None where that is far away.
pub fn behind_near_bracket(code: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in code[at..].iter().take(NEAR).enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return Some(at + offset + 1),
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Offset of the last bracket that is not closed.
fn opening_bracket(code: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    code.iter().rposition(|byte| {
        match byte {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' if depth == 0 => return true,
            b'(' | b'[' | b'{' => depth -= 1,
            _ => {}
        }
        false
    })
}

/// The word before an offset, white space between; empty when something else stands there.
pub fn word_before(code: &[u8], at: usize) -> &[u8] {
    let end = before_blank(code, at);
    &code[end - code[..end].iter().rev().take_while(|&&byte| is_word(byte)).count()..end]
}

/// Offset behind the bracket that closes the one at `open`; the end of the text when there is none.
pub fn behind_bracket(code: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Offsets of the brackets of the calls of a word: `word(`. One that starts with a dot is a method.
pub fn calls_of<'c>(code: &'c [u8], word: &'static str) -> impl Iterator<Item = usize> + 'c {
    let name = word.trim_start_matches('.');
    behind_word(code, name).filter_map(move |end| {
        let is_method = || code[..before_blank(code, end - name.len())].ends_with(b".");
        let bracket = skip_blank(code, end);
        (code.get(bracket) == Some(&b'(') && (name.len() == word.len() || is_method())).then_some(bracket)
    })
}

/// Whether a word is called somewhere.
pub fn calls(code: &[u8], word: &'static str) -> bool {
    calls_of(code, word).next().is_some()
}

/// Whether a word is called without arguments somewhere.
pub fn calls_bare(code: &[u8], word: &'static str) -> bool {
    calls_of(code, word).any(|bracket| code.get(skip_blank(code, bracket + 1)) == Some(&b')'))
}

/// Whether a name that is known only now is called somewhere: `name(`.
pub fn calls_word(code: &[u8], name: &[u8]) -> bool {
    memchr::memmem::find_iter(code, name).any(|start| {
        let end = start + name.len();
        !code[..start].last().is_some_and(|&byte| is_word(byte)) && code.get(skip_blank(code, end)) == Some(&b'(')
    })
}

/// Names that stand between a `for` and the `in` behind it.
pub fn targets(code: &[u8]) -> HashSet<&[u8]> {
    let mut names = HashSet::new();
    for start in behind_word(code, "for") {
        let mut at = start;
        while at < code.len() {
            let word = word_at(code, at);
            match word {
                b"in" => break,
                b"" => at += 1,
                _ => {
                    names.insert(word);
                    at += word.len();
                }
            }
        }
    }
    names
}

/// Names that an `as` gives.
pub fn new_names(code: &[u8]) -> HashSet<&[u8]> {
    behind_word(code, "as").map(|at| word_at(code, skip_blank(code, at))).collect()
}

/// Whether the call whose bracket stands at `bracket` is a statement of its own: `x.f(..)` and nothing else on the line.
pub fn is_statement(code: &[u8], bracket: usize) -> bool {
    let start = start_of_chain(code, before_blank(code, bracket));
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\x0c' | b'\r');
    let before = code[..start].iter().rev().find(|byte| !is_blank(byte));
    let Some(end) = behind_near_bracket(code, bracket + 1) else { return true };
    let behind = code[end..].iter().find(|byte| !is_blank(byte));
    before.is_none_or(|byte| matches!(byte, b'\n' | b';' | b':')) && behind.is_none_or(|byte| matches!(byte, b'\n' | b';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn blanked(text: &str, expected: &str) {
        let code = Code::of(text.as_bytes()).map(|code| String::from_utf8(code.to_vec()).expect("ASCII"));
        assert_eq!(code.as_deref(), Some(expected));
    }

    #[test]
    fn comments_and_strings_are_blank() {
        blanked("x = 'a#b'  # c 'd\ny = 1", "x = '   '        \ny = 1");
        blanked("'''a\n\"b'''; z", "'''    '''; z");
        blanked("'a\\\r\nb'", "'     '");
        blanked(r#"s = "\"a" + r"\"b""#, r#"s = "   " + r"   ""#);
        blanked("''", "''");
        blanked("if'{'or x", "if' 'or x");
        blanked("\u{feff}def", "\n\n\ndef");
    }

    #[test]
    fn what_an_f_string_puts_in_its_place_is_code() {
        blanked("f'{x}' + y", "f'(x)' + y");
        blanked("f'a{{b}} {c.d(\"e\")}'", "f'       (c.d(\" \"))'");
        blanked("rf'\\{x!r:>{width}.2f}'", "rf' (x    (width)   )'");
        blanked("f'{x != y} \\N{DASH} {d[\"a\"]=}'", "f'(x != y)          (d[\" \"]=)'");
        blanked("f'{x:{y}}'", "f'(x (y))'");
        blanked("f'{f\"{a}\" + 'b'}'", "f'(f\"(a)\" + ' ')'");
        blanked("f'''\n{[d.pop(k) for k in d]}\n'''", "f''' ([d.pop(k) for k in d]) '''");
    }

    #[test]
    fn what_needs_a_parser_is_left_to_it() {
        for text in ["x = 'a\n", "'''a", "x = 'a\\", "f'{x", "f'}'", "f'{x # y\n}'", "f'{x)}'"] {
            assert!(Code::of(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[track_caller]
    fn looped(code: &str, expected: bool) {
        let found = Code::of(code.as_bytes()).expect("code").in_loops(|body| calls(body, ".item") || calls(body, "float"));
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn calls_in_loops_are_found() {
        looped("for x in y:\n    x.item()\n", true);
        looped("for x in y: x . item ()", true);
        looped("while x.item() > 3:\n    pass\n", true);
        looped("    async for x in f(\n1):\n\n        z\n\n        float(x)\n    a\n", true);
        looped("for x in y:\n    f(\n  z)\n    x.\\\nitem()\n", true);
        looped("for x in y:\n    pass\nx.item()\n", false);
        looped("for x in y:\n    s = '''a\nb\n'''\n    x.item()\n", true);
        looped("\u{feff}for x in y:\n  x.item()\n", true);
        looped("[x.item() for x in y]\n", false);
        looped("for x in y:\n    x.items(), x.item, isfloat(3), afloat(x)\n", false);
        looped("x.item()\nfor x in y:\n    pass\n", false);
        // Nobody knows where this loop ends.
        looped("for x in (y:\n    pass\n", true);
        looped("for x in y):\n    pass\n", true);
        looped("if x:\n\tfor x in y:\n\t\tpass\n        z\n", true);
    }

    #[test]
    fn blocks_end_where_the_indent_does() {
        let code = "def f():\n  for a in b:\n    while c: d\n    e\n  else: g\n  h\n\nasync def i(): j\n";
        let code = Code::of(code.as_bytes()).expect("code");
        let blocks = code.blocks().expect("blocks").iter().map(|block| {
            let lines = |range: &[u8]| memchr::memchr_iter(b'\n', range).count();
            (lines(&code[..block.start]), lines(&code[..block.end]), block.around)
        });
        assert_eq!(blocks.collect::<Vec<_>>(), [(0, 7, None), (1, 4, Some(0)), (2, 3, Some(1)), (7, 8, None)]);
    }

    #[test]
    fn words_and_brackets_are_found() {
        let code = b"undef def f(a, (b)): defx";
        assert_eq!(behind_word(code, "def").collect::<Vec<_>>(), [9]);
        assert_eq!(word_at(code, 10), b"f");
        assert_eq!(behind_bracket(code, 11), 19);
        assert_eq!(skip_blank(b"  \\\n x", 0), 5);
        assert_eq!(word_before(b"a with  (", 8), b"with");
    }

    #[test]
    fn calls_and_targets_are_found() {
        assert!(calls(b"x.item ()", ".item") && calls(b"item()", "item") && !calls(b"item()", ".item"));
        assert!(!calls(b"x.items()", ".item") && !calls(b"x.item", ".item"));
        assert!(calls_bare(b"x.cpu( )", ".cpu") && !calls_bare(b"x.cpu(1)", ".cpu"));
        assert_eq!(targets(b"for a, (b.c) in d: e").len(), 3);
        let stands_alone = |code: &str| is_statement(code.as_bytes(), code.rfind('(').expect("a bracket"));
        assert!(stands_alone("x\n  a.b[c].f(1)\ny") && stands_alone("if x: f(1); y") && stands_alone("a \\\n .f(1)\r\n"));
        assert!(!stands_alone("x = f(1)") && !stands_alone("f(1).x") && !stands_alone("return f(1)"));
    }

    #[test]
    fn chains_are_found_from_their_end() {
        let start = |code: &str| start_of_chain(code.as_bytes(), code.len());
        assert_eq!(start("with open"), 5);
        assert_eq!(start("with a.b.open"), 5);
        assert_eq!(start("with a(x, (y)).b[0].open"), 5);
        assert_eq!(start("with (a / b).open"), 5);
        assert_eq!(start("x = a \\\n  .b . open"), 4);
        assert_eq!(start("f(x) open"), 5);
        assert_eq!(start("x = (a).b"), 4);
    }
}
