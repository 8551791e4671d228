//! The code of a text without parsing it: comments and strings are blanked, everything else keeps its place.
//!
//! Parsing costs a hundred times as much as reading, so a transform may look at this first and say that there is
//! nothing for it.

use std::ops::Range;

use super::source::BOM;

/// The text with spaces in place of comments and of what stands in strings; quotes, line ends and lengths stay. What an
/// f-string puts in its place (`{x}`) is code.
///
/// `None` when that takes more than a lexer: a string without end, or an f-string that may hold a loop or a function, or
/// open a file.
pub fn code(text: &[u8]) -> Option<Vec<u8>> {
    let mut code = text.to_vec();
    if text.starts_with(BOM) {
        code[..BOM.len()].fill(b' ');
    }
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'#', b'"', b'\'', &text[at..]) {
        let start = at + found;
        if text[start] == b'#' {
            at = memchr::memchr2(b'\n', b'\r', &text[start..]).map_or(text.len(), |length| start + length);
            code[start..at].fill(b' ');
            continue;
        }
        let quote = text[start];
        let triple = text[start..].starts_with(&[quote; 3]);
        let content = start + if triple { 3 } else { 1 };
        let end = string_end(text, content, quote, triple)?;
        let inside = &text[content..end];
        if is_formatted(&text[..start]) && inside.contains(&b'{') && takes_a_parser(inside) {
            return None;
        }
        code[content..end].iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        if is_formatted(&text[..start]) {
            for field in fields(inside)? {
                code[content + field.start..content + field.end].copy_from_slice(&self::code(&inside[field])?);
            }
        }
        at = end + if triple { 3 } else { 1 };
    }
    Some(code)
}

/// The replacement fields of what stands between the quotes of an f-string, without their braces. `None` when one of them
/// holds braces of its own, or does not end.
fn fields(inside: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'{', &inside[at..]).map(|length| at + length) {
        if inside.get(open + 1) == Some(&b'{') {
            at = open + 2;
            continue;
        }
        let end = open + 1 + memchr::memchr2(b'{', b'}', &inside[open + 1..])?;
        if inside[end] == b'{' {
            return None;
        }
        found.push(open + 1..end);
        at = end + 1;
    }
    Some(found)
}

/// Offset of the quotes that end a string.
fn string_end(text: &[u8], content: usize, quote: u8, triple: bool) -> Option<usize> {
    let mut at = content;
    loop {
        let found = at + memchr::memchr3(quote, b'\\', b'\n', &text[at..])?;
        match text[found] {
            // Also in a raw string a quote behind a backslash does not end it.
            b'\\' => at = found + 2,
            b'\n' if !triple => return None,
            b'\n' => at = found + 1,
            _ if triple && !text[found..].starts_with(&[quote; 3]) => at = found + 1,
            _ => return Some(found),
        }
        if at > text.len() {
            return None;
        }
    }
}

/// Whether the letters before a quote make it an f-string or a t-string.
fn is_formatted(before: &[u8]) -> bool {
    let prefix = before.iter().rev().take(3).take_while(|byte| byte.is_ascii_alphabetic());
    prefix.into_iter().any(|byte| matches!(byte, b'f' | b'F' | b't' | b'T'))
}

/// Whether the content of an f-string may hold a loop or a function, or open a file.
fn takes_a_parser(inside: &[u8]) -> bool {
    let holds = |word: &str| memchr::memmem::find(inside, word.as_bytes()).is_some();
    let calls = |word: &'static str| {
        memchr::memmem::find_iter(inside, word).any(|at| inside.get(skip_blank(inside, at + word.len())) == Some(&b'('))
    };
    holds("for") || holds("lambda") || ["open", "Open", "File", "socket", "connection", "input"].into_iter().any(calls)
}

/// Whether a byte can be part of a name; bytes outside ASCII can.
pub fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Offsets behind each occurrence of a word that is no part of a longer one.
pub fn behind_word<'c>(code: &'c [u8], word: &'static str) -> impl Iterator<Item = usize> + 'c {
    memchr::memmem::find_iter(code, word).map(|at| (at, at + word.len())).filter_map(|(start, end)| {
        let alone =
            !code[..start].last().is_some_and(|&byte| is_word(byte)) && !code.get(end).is_some_and(|&byte| is_word(byte));
        alone.then_some(end)
    })
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

/// Offset of the bracket that opens what closes right before `end`; 0 when there is none.
fn before_bracket(code: &[u8], end: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code[..end].iter().enumerate().rev() {
        match byte {
            b')' | b']' | b'}' => depth += 1,
            b'(' | b'[' | b'{' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    0
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

/// Whether a word is called somewhere: `word(`. One that starts with a dot is a method.
pub fn calls(code: &[u8], word: &'static str) -> bool {
    let is_method = word.starts_with('.');
    memchr::memmem::find_iter(code, word.trim_start_matches('.')).any(|start| {
        let end = start + word.trim_start_matches('.').len();
        let before = code[..start].iter().rposition(|byte| !byte.is_ascii_whitespace() && *byte != b'\\');
        let follows_dot = before.is_some_and(|at| code[at] == b'.');
        let is_whole = !code[..start].last().is_some_and(|&byte| is_word(byte));
        is_whole && (!is_method || follows_dot) && code.get(skip_blank(code, end)) == Some(&b'(')
    })
}

/// Whether a name stands between a `for` and the `in` that belongs to it.
pub fn is_target(code: &[u8], name: &[u8]) -> bool {
    behind_word(code, "for").any(|start| {
        let mut at = start;
        while at < code.len() {
            let word = word_at(code, at);
            if word == b"in" {
                return false;
            }
            if !word.is_empty() && word == name {
                return true;
            }
            at += word.len().max(1);
        }
        false
    })
}

/// Whether something holds of the text of a loop, from the line of its `for` or `while` to the last line of its body. True
/// where brackets or indents leave it open where that is.
pub fn in_loops(code: &[u8], mut holds: impl FnMut(&[u8]) -> bool) -> bool {
    if code.contains(&b'\x0c') || memchr::memchr_iter(b'\r', code).any(|at| code.get(at + 1) != Some(&b'\n')) {
        return true;
    }
    let mut depth = 0_usize;
    let mut line = 0;
    let mut indent = 0;
    let (mut tabs, mut spaces) = (false, false);
    // Where the outermost loop starts, and how far its line is indented.
    let mut open: Option<(usize, usize)> = None;
    let mut at = 0;
    let mut is_new = true;
    while at < code.len() {
        if is_new && depth == 0 {
            line = at;
            let first = skip_spaces(code, at);
            indent = first - at;
            let is_blank = matches!(code.get(first), None | Some(b'\n' | b'\r'));
            if !is_blank {
                tabs |= code[at..first].contains(&b'\t');
                spaces |= code[at..first].contains(&b' ');
                if let Some((start, _)) = open.filter(|(_, column)| indent <= *column) {
                    if holds(&code[start..line]) {
                        return true;
                    }
                    open = None;
                }
            }
            at = first;
            is_new = false;
            continue;
        }
        is_new = false;
        match code[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return true,
            b')' | b']' | b'}' => depth -= 1,
            b'\n' => is_new = !code[line..at].trim_ascii_end().ends_with(b"\\"),
            byte if is_word(byte) => {
                let word = word_at(code, at);
                if depth == 0 && open.is_none() && (word == b"for" || word == b"while") {
                    open = Some((line, indent));
                }
                at += word.len();
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    depth > 0 || (tabs && spaces) || open.is_some_and(|(start, _)| holds(&code[start..]))
}

fn skip_spaces(code: &[u8], at: usize) -> usize {
    at + code[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn blanked(text: &str, expected: &str) {
        let code = code(text.as_bytes()).map(|code| String::from_utf8(code).expect("ASCII"));
        assert_eq!(code.as_deref(), Some(expected));
    }

    #[test]
    fn comments_and_strings_are_blank() {
        blanked("x = 'a#b'  # c 'd\ny = 1", "x = '   '        \ny = 1");
        blanked("'''a\n\"b'''; z", "''' \n  '''; z");
        blanked(r#"s = "\"a" + r"\"b""#, r#"s = "   " + r"   ""#);
        blanked("f'{x}' + y", "f' x ' + y");
        blanked("f'a{{b}} {c.d(\"e\")}'", "f'        c.d(\" \") '");
        blanked("''", "''");
        blanked("\u{feff}def", "   def");
    }

    #[test]
    fn what_needs_a_parser_is_left_to_it() {
        assert_eq!(code(b"x = 'a\n"), None);
        assert_eq!(code(b"'''a"), None);
        assert_eq!(code(b"f'{[d.pop(k) for k in d]}'"), None);
        assert_eq!(code(b"f'{x:{y}}'"), None);
        assert!(code(b"'for lambda'").is_some());
        assert_eq!(code(b"x = 'a\\"), None);
    }

    #[track_caller]
    fn looped(code: &str, expected: bool) {
        assert_eq!(in_loops(code.as_bytes(), |body| calls(body, ".item") || calls(body, "float")), expected, "{code}");
    }

    #[test]
    fn calls_in_loops_are_found() {
        looped("for x in y:\n    x.item()\n", true);
        looped("for x in y: x . item ()", true);
        looped("while x.item() > 3:\n    pass\n", true);
        looped("    async for x in f(\n1):\n\n        z\n\n        float(x)\n    a\n", true);
        looped("for x in y:\n    f(\n  z)\n    x.\\\nitem()\n", true);
        looped("for x in y:\n    pass\nx.item()\n", false);
        looped("[x.item() for x in y]\n", false);
        looped("for x in y:\n    x.items(), x.item, isfloat(3), afloat(x)\n", false);
        looped("x.item()\nfor x in y:\n    pass\n", false);
        // Nobody knows where this loop ends.
        looped("for x in (y:\n    pass\n", true);
        looped("for x in y):\n    pass\n", true);
        looped("if x:\n\tfor x in y:\n\t\tpass\n        z\n", true);
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
