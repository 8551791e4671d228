//! Comments and strings of a text, replaced by spaces.

use std::ops::Range;

/// How deep strings stand in the replacement fields of others.
const DEPTH: usize = 8;

/// The text with spaces in place of comments and of what stands in strings, their line ends included; quotes and lengths
/// stay. What an f-string puts in its place is code in round brackets: `f"a{x}"` becomes `f" (x)"`.
///
/// `None` when a string or a replacement field does not end, and for what only newer Pythons allow in a field.
pub(super) fn blank(text: &[u8]) -> Option<Vec<u8>> {
    let mut blank = Blank { text, code: text.to_vec() };
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'#', b'"', b'\'', &text[at..]) {
        let start = at + found;
        at = if text[start] == b'#' {
            let end = memchr::memchr2(b'\n', b'\r', &text[start..]).map_or(text.len(), |length| start + length);
            blank.fill(start..end);
            end
        } else {
            blank.string(start, DEPTH)?
        };
    }
    Some(blank.code)
}

struct Blank<'a> {
    text: &'a [u8],
    code: Vec<u8>,
}

impl Blank<'_> {
    fn fill(&mut self, range: Range<usize>) {
        self.code[range].fill(b' ');
    }

    /// The string whose opening quote stands at `start`. Gives the offset behind the closing one.
    fn string(&mut self, start: usize, depth: usize) -> Option<usize> {
        let quote = self.text[start];
        let is_triple = self.text[start..].starts_with(&[quote; 3]);
        let content = start + if is_triple { 3 } else { 1 };
        let prefix = prefix(&self.text[..start]);
        let has = |letter: u8| prefix.iter().any(|byte| byte.to_ascii_lowercase() == letter);
        let end = if has(b'f') || has(b't') {
            self.formatted(content, quote, is_triple, has(b'r'), depth.checked_sub(1)?)?
        } else {
            let end = string_end(self.text, content, quote, is_triple)?;
            self.fill(content..end);
            end
        };
        Some(end + if is_triple { 3 } else { 1 })
    }

    /// The content of an f-string. Gives the offset of the quotes that end it.
    fn formatted(&mut self, mut at: usize, quote: u8, is_triple: bool, is_raw: bool, depth: usize) -> Option<usize> {
        loop {
            let next = self.text.get(at + 1).copied();
            let length = match *self.text.get(at)? {
                byte if byte == quote && (!is_triple || self.text[at..].starts_with(&[quote; 3])) => return Some(at),
                b'\n' if !is_triple => return None,
                b'\\' if next == Some(b'N') && !is_raw && self.text.get(at + 2) == Some(&b'{') => {
                    memchr::memchr(b'}', &self.text[at..])? + 1
                }
                // A backslash before a brace means itself.
                b'\\' if !matches!(next, Some(b'{' | b'}')) => 1 + line_end(self.text, at + 1).max(1),
                b'{' | b'}' if next == Some(self.text[at]) => 2,
                b'{' => {
                    at = self.field(at, quote, depth)?;
                    continue;
                }
                b'}' => return None,
                _ => 1,
            };
            self.code.get_mut(at..at + length)?.fill(b' ');
            at += length;
        }
    }

    /// The replacement field whose brace stands at `start`, in a string with these quotes. Gives the offset behind the
    /// closing brace.
    fn field(&mut self, start: usize, quote: u8, depth: usize) -> Option<usize> {
        self.code[start] = b'(';
        let mut brackets = 0_usize;
        let mut at = start + 1;
        loop {
            match *self.text.get(at)? {
                b'"' | b'\'' => {
                    at = self.string(at, depth)?;
                    continue;
                }
                b'#' | b'\\' => return None,
                b'(' | b'[' | b'{' => brackets += 1,
                b'}' if brackets == 0 => break,
                b')' | b']' | b'}' => brackets = brackets.checked_sub(1)?,
                b'!' if brackets == 0 && self.text.get(at + 1) != Some(&b'=') => {
                    at = self.format(at, quote, depth)?;
                    break;
                }
                b':' if brackets == 0 => {
                    at = self.format(at, quote, depth)?;
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        self.code[at] = b')';
        Some(at + 1)
    }

    /// The conversion and the format that start at `start`. Gives the offset of the closing brace.
    fn format(&mut self, start: usize, quote: u8, depth: usize) -> Option<usize> {
        let mut at = start;
        loop {
            match *self.text.get(at)? {
                b'}' => return Some(at),
                b'{' => at = self.field(at, quote, depth.checked_sub(1)?)?,
                byte if byte == quote || matches!(byte, b'\\' | b'\n') => return None,
                _ => {
                    self.code[at] = b' ';
                    at += 1;
                }
            }
        }
    }
}

/// Offset of the quotes that end a string.
fn string_end(text: &[u8], content: usize, quote: u8, is_triple: bool) -> Option<usize> {
    let mut at = content;
    loop {
        let found = if is_triple {
            at + memchr::memchr2(quote, b'\\', text.get(at..)?)?
        } else {
            at + memchr::memchr3(quote, b'\\', b'\n', text.get(at..)?)?
        };
        match text[found] {
            // Also in a raw string a quote behind a backslash does not end it.
            b'\\' => at = found + 1 + line_end(text, found + 1).max(1),
            b'\n' => return None,
            _ if is_triple && !text[found..].starts_with(&[quote; 3]) => at = found + 1,
            _ => return Some(found),
        }
    }
}

/// How long the line end at `at` is; 0 when there is none.
fn line_end(text: &[u8], at: usize) -> usize {
    match text.get(at..) {
        Some([b'\r', b'\n', ..]) => 2,
        Some([b'\n', ..]) => 1,
        _ => 0,
    }
}

/// The letters before a quote that say what kind of string it is.
fn prefix(before: &[u8]) -> &[u8] {
    let length = before.iter().rev().take(4).take_while(|&&byte| super::is_word(byte)).count();
    let word = &before[before.len() - length..];
    let is_prefix = length <= 2 && word.iter().all(|byte| b"rRbBuUfFtT".contains(byte));
    if is_prefix { word } else { b"" }
}
