//! Strings and what stands in them.

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "they are the vocabulary of this file"))]
use super::kinds::*;
use super::{GivenUp, Node, Parser, Step};

/// What the letters and quotes before a string say.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter or a quote of its own")]
struct Style {
    quote: u8,
    is_triple: bool,
    is_raw: bool,
    is_bytes: bool,
    is_formatted: bool,
}

impl Parser<'_> {
    /// One string, or several that follow each other.
    pub(super) fn strings(&mut self) -> Step {
        let first = self.nodes.len();
        self.string()?;
        if self.is(STRING_START) {
            self.wrap(first, CONCATENATED_STRING)?;
            while self.is(STRING_START) {
                self.string()?;
            }
            self.close(first);
        }
        Ok(())
    }

    fn string(&mut self) -> Step {
        self.deeper()?;
        let string = self.open(STRING);
        let (start, end) = (self.token.start as usize, self.token.end as usize);
        let opening = &self.text[start..end];
        let quote = opening[opening.len() - 1];
        let letters = opening.iter().take_while(|byte| byte.is_ascii_alphabetic());
        let has = |wanted: u8| letters.clone().any(|letter| letter.to_ascii_lowercase() == wanted);
        let style = Style {
            quote,
            is_triple: opening.ends_with(&[quote; 3]),
            is_raw: has(b'r'),
            is_bytes: has(b'b'),
            is_formatted: has(b'f') || has(b't'),
        };
        self.leaf(STRING_START, start, end);
        let behind = self.string_content(end, style)?;
        self.end = behind as u32;
        self.close(string);
        self.nesting -= 1;
        self.at = behind;
        self.next_token()
    }

    fn leaf(&mut self, kind: u16, start: usize, end: usize) {
        self.nodes.push(Node { kind, field: 0, start: start as u32, end: end as u32, inside: 0 });
    }

    /// Everything from behind the opening quotes on. Gives the offset behind the closing ones.
    fn string_content(&mut self, mut at: usize, style: Style) -> Step<usize> {
        // The run of text at hand: where it begins, and its node if it has parts.
        let mut run = at;
        let mut node = None;
        // Offset behind the last backslash of a raw string and what it protects. A run of nothing else is no text of its
        // own for the grammar's scanner.
        let mut is_text = !style.is_raw;
        let mut escaped = at;
        loop {
            let rest = &self.text[at..];
            let found = if style.is_formatted {
                rest.iter().position(|&b| b == style.quote || matches!(b, b'\\' | b'\n' | b'{' | b'}'))
            } else {
                memchr::memchr3(style.quote, b'\\', b'\n', rest)
            };
            at += found.ok_or(GivenUp)?;
            is_text |= at > escaped;
            match self.text[at] {
                b'\n' if style.is_triple => at += 1,
                b'\n' => return Err(GivenUp),
                b'\\' if style.is_raw => {
                    at += match self.text.get(at + 1) {
                        Some(b'\r') => return Err(GivenUp),
                        Some(&next) if next == style.quote || matches!(next, b'\\' | b'\n') => 2,
                        _ => 1,
                    };
                    escaped = at;
                }
                b'\\' => {
                    let length = self.escape(at, style)?;
                    let kind = if length == 1 { BACKSLASH } else { ESCAPE_SEQUENCE };
                    node.get_or_insert_with(|| {
                        self.nodes.push(Node { kind: STRING_CONTENT, field: 0, start: run as u32, end: 0, inside: 0 });
                        self.nodes.len() - 1
                    });
                    self.leaf(kind, at, at + length);
                    at += length;
                }
                brace @ (b'{' | b'}') if style.is_formatted => {
                    // The scanner has its own mind about backslashes before braces in raw strings.
                    if style.is_raw && at > run && (!is_text || self.text[at - 1] == b'\\') {
                        return Err(GivenUp);
                    }
                    if self.text.get(at + 1) == Some(&brace) {
                        node.get_or_insert_with(|| {
                            self.nodes.push(Node { kind: STRING_CONTENT, field: 0, start: run as u32, end: 0, inside: 0 });
                            self.nodes.len() - 1
                        });
                        self.leaf(ESCAPE_INTERPOLATION, at, at + 2);
                        at += 2;
                    } else if brace == b'{' {
                        self.end_run(run, at, node.take());
                        at = self.interpolation(at, INTERPOLATION)?;
                        run = at;
                        escaped = at;
                        is_text = !style.is_raw;
                    } else {
                        return Err(GivenUp);
                    }
                }
                _ if style.is_triple && !self.text[at..].starts_with(&[style.quote; 3]) => at += 1,
                _ => {
                    let behind = at + if style.is_triple { 3 } else { 1 };
                    let is_text = is_text || node.is_some();
                    if is_text {
                        self.end_run(run, at, node);
                    }
                    self.leaf(STRING_END, if is_text { at } else { run }, behind);
                    return Ok(behind);
                }
            }
        }
    }

    fn end_run(&mut self, start: usize, end: usize, node: Option<usize>) {
        match node {
            Some(node) => {
                self.end = end as u32;
                self.close(node);
            }
            None if start < end => self.leaf(STRING_CONTENT, start, end),
            None => {}
        }
    }

    /// How long the escape sequence is; 1 for a backslash that means itself.
    fn escape(&self, at: usize, style: Style) -> Step<usize> {
        let rest = &self.text[at + 1..];
        let all_hex = |count: usize| rest.len() > count && rest[1..=count].iter().all(u8::is_ascii_hexdigit);
        Ok(match rest.first().ok_or(GivenUp)? {
            b'N' | b'u' | b'U' if style.is_bytes => return Err(GivenUp),
            b'u' if all_hex(4) => 6,
            b'U' if all_hex(8) => 10,
            b'x' if all_hex(2) => 4,
            b'0'..=b'9' => 1 + rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count(),
            b'\n' | b'\'' | b'"' | b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' => 2,
            b'\r' if rest.get(1) == Some(&b'\n') => 3,
            b'N' if rest.get(1) == Some(&b'{') => {
                let length = memchr::memchr2(b'}', style.quote, rest).filter(|&end| end > 2 && rest[end] == b'}');
                length.ok_or(GivenUp)? + 2
            }
            _ => 1,
        })
    }

    /// `{value=!r:format}` from its brace on. Gives the offset behind the closing one.
    fn interpolation(&mut self, at: usize, kind: u16) -> Step<usize> {
        self.deeper()?;
        let outside = (self.brackets, self.interpolations);
        self.brackets += 1;
        self.interpolations += 1;
        self.nodes.push(Node { kind, field: 0, start: at as u32, end: 0, inside: 0 });
        let node = self.nodes.len() - 1;
        self.leaf(OPEN_BRACE, at, at + 1);
        self.at = at + 1;
        self.next_token()?;
        let value = self.nodes.len();
        if self.is(YIELD_WORD) {
            self.yield_expression()?;
        } else {
            self.expressions(0)?;
        }
        self.nodes[value].field = field::EXPRESSION;
        if self.is(EQUALS) {
            self.take()?;
        }
        if self.is(TYPE_CONVERSION) {
            self.take_as(field::TYPE_CONVERSION)?;
        }
        let mut close = self.token.start as usize;
        if self.is(COLON) {
            let format = self.open(FORMAT_SPECIFIER);
            self.nodes[format].field = field::FORMAT_SPECIFIER;
            self.leaf(COLON, close, close + 1);
            close = self.format(close + 1)?;
            self.end = close as u32;
            self.close(format);
        } else if !self.is(CLOSE_BRACE) {
            return Err(GivenUp);
        }
        self.leaf(CLOSE_BRACE, close, close + 1);
        self.end = close as u32 + 1;
        self.close(node);
        (self.brackets, self.interpolations) = outside;
        self.nesting -= 1;
        Ok(close + 1)
    }

    /// The format behind the colon. Gives the offset of the closing brace.
    fn format(&mut self, mut at: usize) -> Step<usize> {
        loop {
            let rest = &self.text[at..];
            at += rest.iter().position(|byte| matches!(byte, b'{' | b'}' | b'\n' | b'"' | b'\'' | b'\\')).ok_or(GivenUp)?;
            match self.text[at] {
                b'}' => return Ok(at),
                b'{' if self.text.get(at + 1) != Some(&b'{') => at = self.interpolation(at, FORMAT_EXPRESSION)?,
                _ => return Err(GivenUp),
            }
        }
    }
}
