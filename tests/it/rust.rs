//! Tokens of Rust source: as much as the tidy tests need to look at code without its comments.

/// One token and the line that it starts on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) what: What,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A word or a number.
    Word(String),
    /// The content of a string literal, raw, byte or plain; escapes are left as written.
    Text(String),
    /// Any other character.
    Mark(char),
}

impl Token {
    pub(crate) fn is(&self, word_or_mark: &str) -> bool {
        match &self.what {
            What::Word(word) => word == word_or_mark,
            What::Mark(mark) => word_or_mark.len() == mark.len_utf8() && word_or_mark.starts_with(*mark),
            What::Text(_) => false,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.what {
            What::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The tokens of the code proper: no comments, and no item under `#[cfg(test)]`.
pub(crate) fn production_tokens(source: &str) -> Vec<Token> {
    let all = tokens(source);
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let here = &all[at..];
        if here.len() < attribute.len() || !here.iter().zip(attribute).all(|(token, is)| token.is(is)) {
            kept.push(here[0].clone());
            at += 1;
            continue;
        }
        at += attribute.len();
        // The item ends with its first block or semicolon outside of brackets.
        let mut depth = 0;
        while at < all.len() {
            match all[at].what {
                What::Mark('(' | '[' | '{') => depth += 1,
                What::Mark(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 && (all[at - 1].is(";") || all[at - 1].is("}")) {
                break;
            }
        }
    }
    kept
}

/// All tokens.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    while at < chars.len() {
        let start = at;
        let next = |ahead: usize| chars.get(at + ahead).copied().unwrap_or('\0');
        let what = match next(0) {
            c if c.is_whitespace() => {
                at += 1;
                None
            }
            '/' if next(1) == '/' => {
                at = chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |length| at + length);
                None
            }
            '/' if next(1) == '*' => {
                at += 2;
                while at < chars.len() && !(chars[at - 1] == '/' && chars[at - 2] == '*' && at > start + 3) {
                    at += 1;
                }
                None
            }
            '"' => {
                at = plain_end(&chars, at + 1, '"');
                Some(What::Text(chars[start + 1..at.saturating_sub(1)].iter().collect()))
            }
            'b' | 'c' if next(1) == '"' => {
                at = plain_end(&chars, at + 2, '"');
                Some(What::Text(chars[start + 2..at.saturating_sub(1)].iter().collect()))
            }
            'r' | 'b' if raw_hashes(&chars[at..]).is_some() => {
                let (prefix, hashes) = raw_hashes(&chars[at..]).expect("just looked");
                let begin = at + prefix + hashes + 1;
                at = begin;
                while at < chars.len()
                    && !(chars[at] == '"' && chars[at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes)
                {
                    at += 1;
                }
                let text = chars[begin..at].iter().collect();
                at += 1 + hashes;
                Some(What::Text(text))
            }
            // A character has its closing quote behind one character or an escape; a lifetime has none.
            '\'' if next(1) == '\\' || next(2) == '\'' => {
                at = plain_end(&chars, at + 1, '\'');
                None
            }
            c if word(c) => {
                while at < chars.len() && word(chars[at]) {
                    at += 1;
                }
                Some(What::Word(chars[start..at].iter().collect()))
            }
            c => {
                at += 1;
                Some(What::Mark(c))
            }
        };
        at = at.min(chars.len());
        tokens.extend(what.map(|what| Token { line, what }));
        line += chars[start..at].iter().filter(|&&c| c == '\n').count();
    }
    tokens
}

/// Index behind the closing quote.
fn plain_end(chars: &[char], mut at: usize, quote: char) -> usize {
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Length of the prefix and number of `#` where a raw string starts.
fn raw_hashes(chars: &[char]) -> Option<(usize, usize)> {
    let prefix = chars.iter().take_while(|&&c| c == 'r' || c == 'b').count();
    let hashes = chars[prefix..].iter().take_while(|&&c| c == '#').count();
    let raw = chars[..prefix].contains(&'r') && prefix <= 2;
    (raw && chars.get(prefix + hashes) == Some(&'"')).then_some((prefix, hashes))
}

#[test]
fn rust_is_split_into_tokens() {
    let source = "// a \"comment\"\nfn f<'t>(c: char) { x.is(\"a\\\"b\"); '\"'; /* \" */ r#\"raw \" one\"#; b\"by\" }\n\
                  #[cfg(test)]\nmod t { fn u() {} }\n#[cfg(test)]\nuse v;\nfn w() {}\n";
    let tokens = production_tokens(source);
    let texts: Vec<_> = tokens.iter().filter_map(Token::text).collect();
    assert_eq!(texts, ["a\\\"b", "raw \" one", "by"]);
    let words: Vec<_> = tokens.iter().filter(|token| matches!(token.what, What::Word(_))).collect();
    assert!(words.iter().any(|token| token.is("t") && token.line == 2), "{words:?}");
    assert!(words.iter().any(|token| token.is("w") && token.line == 7), "{words:?}");
    assert!(!words.iter().any(|token| token.is("mod") || token.is("u") || token.is("v")), "{words:?}");
}
