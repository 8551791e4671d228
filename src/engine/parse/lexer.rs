//! Tokens, comments, line ends and indents.

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "they are the vocabulary of this file"))]
use super::kinds::*;
use super::{GivenUp, Parser, Step};

/// A token. Strings are tokens up to their opening quotes; what follows is read by the parser of strings.
#[derive(Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: u16,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What may stand between any two tokens: a comment or a line continuation.
#[derive(Clone, Copy)]
pub(super) struct Extra {
    pub(super) kind: u16,
    pub(super) start: u32,
    pub(super) end: u32,
    /// How far a comment that stands alone is indented.
    indent: u32,
}

impl Parser<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// Goes on to the next token of the logical line; at its end that is `NEWLINE`.
    pub(super) fn next_token(&mut self) -> Step {
        let mut at = self.at;
        loop {
            match self.byte(at) {
                b' ' | b'\t' | b'\x0c' => at += 1,
                b'\r' if self.byte(at + 1) == b'\n' => at += 1,
                b'\n' if self.brackets > 0 => {
                    if self.interpolations > 0 {
                        return Err(GivenUp);
                    }
                    at += 1;
                }
                b'#' => {
                    if self.interpolations > 0 {
                        return Err(GivenUp);
                    }
                    at = self.comment(at, 0);
                }
                b'\\' => {
                    let end = at + if self.byte(at + 1) == b'\r' { 3 } else { 2 };
                    if self.byte(end - 1) != b'\n' || self.interpolations > 0 {
                        return Err(GivenUp);
                    }
                    self.extras.push(Extra { kind: LINE_CONTINUATION, start: at as u32, end: end as u32, indent: 0 });
                    at = end;
                }
                _ => break,
            }
        }
        self.at = at;
        self.drop_continuations(at)?;
        if at >= self.text.len() || self.text[at] == b'\n' {
            if self.brackets > 0 {
                return Err(GivenUp);
            }
            self.token = Token { kind: NEWLINE, start: at as u32, end: at as u32 };
            return Ok(());
        }
        self.token_at(at)
    }

    /// The grammar's scanner passes over line continuations when it looks for a string.
    fn drop_continuations(&mut self, at: usize) -> Step {
        let is_fresh = |extra: &Extra| extra.kind == LINE_CONTINUATION && extra.start >= self.end;
        if !self.extras.last().is_some_and(is_fresh) {
            return Ok(());
        }
        let is_string = match self.byte(at) {
            b'"' | b'\'' => true,
            b'\n' | b'#' | 0 => return Err(GivenUp),
            byte => byte.is_ascii_alphabetic() && self.word(at).0 == STRING_START,
        };
        while is_string && self.extras.last().is_some_and(is_fresh) {
            self.extras.pop();
        }
        Ok(())
    }

    fn comment(&mut self, at: usize, indent: u32) -> usize {
        let end = memchr::memchr(b'\n', &self.text[at..]).map_or(self.text.len(), |length| at + length);
        self.extras.push(Extra { kind: COMMENT, start: at as u32, end: end as u32, indent });
        end
    }

    /// Goes on to the first token of the next logical line.
    pub(super) fn line_start(&mut self) -> Step {
        self.before_newline = self.extras.len();
        self.claimed = self.before_newline;
        let mut at = self.at;
        if at == 0 && self.text.starts_with(super::super::source::BOM) {
            at = super::super::source::BOM.len();
        }
        let mut indent = 0;
        loop {
            match self.byte(at) {
                b' ' => indent += 1,
                b'\t' => indent += 8,
                b'\r' | b'\x0c' | b'\n' => indent = 0,
                b'#' => {
                    at = self.comment(at, indent);
                    indent = 0;
                    continue;
                }
                b'\\' => return Err(GivenUp),
                _ => break,
            }
            at += 1;
        }
        self.at = at;
        if at >= self.text.len() {
            self.indent = 0;
            self.token = Token { kind: END, start: at as u32, end: at as u32 };
            return Ok(());
        }
        self.indent = indent;
        self.token_at(at)
    }

    /// Offset behind the last comment that a block keeps when it is closed. Comments that stand alone are its own until
    /// the first one that stands left of it.
    pub(super) fn end_of_block(&mut self) -> u32 {
        while self.extras.get(self.claimed).is_some_and(|extra| extra.indent >= self.block) {
            self.claimed += 1;
        }
        self.claimed.checked_sub(1).map_or(self.end, |last| self.extras[last].end.max(self.end))
    }

    /// Offset behind the last comment on the line at hand, or behind its last token.
    pub(super) fn end_of_line(&self) -> u32 {
        self.extras.last().map_or(self.end, |extra| extra.end.max(self.end))
    }

    fn token_at(&mut self, start: usize) -> Step {
        let first = self.text[start];
        let (kind, end) = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(start),
            b'0'..=b'9' => self.number(start)?,
            b'.' if self.byte(start + 1).is_ascii_digit() => self.number(start)?,
            b'.' if self.text[start..].starts_with(b"...") => (ELLIPSIS, start + 3),
            b'"' | b'\'' => (STRING_START, self.behind_quotes(start)),
            b'!' if self.interpolations > 0 && self.byte(start + 1).is_ascii_lowercase() => (TYPE_CONVERSION, start + 2),
            _ => self.operator(start).ok_or(GivenUp)?,
        };
        self.token = Token { kind, start: start as u32, end: end as u32 };
        self.at = end;
        Ok(())
    }

    /// Offset behind the quotes that begin a string.
    fn behind_quotes(&self, at: usize) -> usize {
        let quote = self.text[at];
        at + if self.byte(at + 1) == quote && self.byte(at + 2) == quote { 3 } else { 1 }
    }

    fn word(&self, start: usize) -> (u16, usize) {
        let rest = &self.text[start..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let end = start + length;
        let word = &rest[..length];
        if length <= 2 && matches!(rest.get(length), Some(b'"' | b'\'')) && is_prefix(word) {
            return (STRING_START, self.behind_quotes(end));
        }
        // A letter outside ASCII: no operator begins with one, so the parser gives up at the next token.
        let kind = if length <= 8 { keyword(word) } else { IDENTIFIER };
        (kind, end)
    }

    fn number(&self, start: usize) -> Step<(u16, usize)> {
        let rest = &self.text[start..];
        let digits = |from: usize| from + rest[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count();
        if rest[0] == b'0' && matches!(rest.get(1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) {
            let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            let good = if matches!(rest[1], b'x' | b'X') { u8::is_ascii_hexdigit } else { u8::is_ascii_digit };
            let plain = length > 2 && rest[2..length].iter().all(|byte| good(byte) || *byte == b'_');
            return if plain { Ok((INTEGER, start + length)) } else { Err(GivenUp) };
        }
        let mut kind = INTEGER;
        let mut end = digits(0);
        if rest.get(end) == Some(&b'.') {
            kind = FLOAT;
            end = digits(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            if rest.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                kind = FLOAT;
                end = digits(end + 1 + sign);
            }
        }
        if matches!(rest.get(end), Some(b'j' | b'J')) {
            end += 1;
        }
        // `1if x`, `0777L`, `1_`: legal or not, rare.
        let odd = rest.get(end).is_some_and(u8::is_ascii_alphanumeric) || rest[end - 1] == b'_';
        if odd { Err(GivenUp) } else { Ok((kind, start + end)) }
    }

    fn operator(&mut self, start: usize) -> Option<(u16, usize)> {
        let (second, third) = (self.byte(start + 1), self.byte(start + 2));
        let (kind, length) = match (self.text[start], second, third) {
            (b'*', b'*', b'=') => (DOUBLE_STAR_EQUALS, 3),
            (b'/', b'/', b'=') => (DOUBLE_SLASH_EQUALS, 3),
            (b'<', b'<', b'=') => (SHIFT_LEFT_EQUALS, 3),
            (b'>', b'>', b'=') => (SHIFT_RIGHT_EQUALS, 3),
            (b'*', b'*', _) => (DOUBLE_STAR, 2),
            (b'/', b'/', _) => (DOUBLE_SLASH, 2),
            (b'<', b'<', _) => (SHIFT_LEFT, 2),
            (b'>', b'>', _) => (SHIFT_RIGHT, 2),
            (b'-', b'>', _) => (ARROW, 2),
            (b':', b'=', _) => (WALRUS, 2),
            (first, b'=', _) if !b"()[]{},;.~:".contains(&first) => {
                let kind = match first {
                    b'=' => DOUBLE_EQUALS,
                    b'!' => NOT_EQUALS,
                    b'<' => LESS_EQUALS,
                    b'>' => GREATER_EQUALS,
                    b'+' => PLUS_EQUALS,
                    b'-' => MINUS_EQUALS,
                    b'*' => STAR_EQUALS,
                    b'/' => SLASH_EQUALS,
                    b'@' => AT_EQUALS,
                    b'%' => PERCENT_EQUALS,
                    b'&' => AMPERSAND_EQUALS,
                    b'^' => CARET_EQUALS,
                    b'|' => BAR_EQUALS,
                    _ => return None,
                };
                (kind, 2)
            }
            (b'<', b'>', _) => return None,
            (first, _, _) => {
                let kind = match first {
                    b'(' => OPEN_PAREN,
                    b')' => CLOSE_PAREN,
                    b'[' => OPEN_BRACKET,
                    b']' => CLOSE_BRACKET,
                    b'{' => OPEN_BRACE,
                    b'}' => CLOSE_BRACE,
                    b',' => COMMA,
                    b':' => COLON,
                    b'.' => DOT,
                    b';' => SEMICOLON,
                    b'=' => EQUALS,
                    b'+' => PLUS,
                    b'-' => MINUS,
                    b'*' => STAR,
                    b'/' => SLASH,
                    b'%' => PERCENT,
                    b'@' => AT,
                    b'&' => AMPERSAND,
                    b'|' => BAR,
                    b'^' => CARET,
                    b'~' => TILDE,
                    b'<' => LESS,
                    b'>' => GREATER,
                    _ => return None,
                };
                (kind, 1)
            }
        };
        match kind {
            OPEN_PAREN | OPEN_BRACKET | OPEN_BRACE => self.brackets += 1,
            CLOSE_PAREN | CLOSE_BRACKET | CLOSE_BRACE => self.brackets = self.brackets.checked_sub(1)?,
            _ => {}
        }
        Some((kind, start + length))
    }
}

fn is_prefix(word: &[u8]) -> bool {
    match word {
        [one] => matches!(one.to_ascii_lowercase(), b'r' | b'b' | b'u' | b'f' | b't'),
        [one, two] => {
            let pair = [one.to_ascii_lowercase(), two.to_ascii_lowercase()];
            matches!(&pair, b"rb" | b"br" | b"rf" | b"fr" | b"rt" | b"tr")
        }
        _ => false,
    }
}

fn keyword(word: &[u8]) -> u16 {
    match word {
        b"if" => IF,
        b"in" => IN,
        b"is" => IS,
        b"or" => OR,
        b"as" => AS,
        b"and" => AND,
        b"def" => DEF,
        b"del" => DEL,
        b"for" => FOR,
        b"not" => NOT,
        b"try" => TRY,
        b"None" => NONE,
        b"True" => TRUE,
        b"elif" => ELIF,
        b"else" => ELSE,
        b"from" => FROM,
        b"pass" => PASS,
        b"with" => WITH,
        b"False" => FALSE,
        b"async" => ASYNC,
        b"await" => AWAIT_WORD,
        b"break" => BREAK,
        b"class" => CLASS,
        b"raise" => RAISE,
        b"while" => WHILE,
        b"yield" => YIELD_WORD,
        b"assert" => ASSERT,
        b"except" => EXCEPT,
        b"global" => GLOBAL,
        b"import" => IMPORT,
        b"lambda" => LAMBDA_WORD,
        b"return" => RETURN,
        b"finally" => FINALLY,
        b"continue" => CONTINUE,
        b"nonlocal" => NONLOCAL,
        _ => IDENTIFIER,
    }
}
