//! Inputs that no parser here handles in reasonable time or space are turned away with a reason.
//!
//! Real code stays far below these limits: among 64,373 files the longest run of comment lines was 306, the deepest of
//! 8,000 trees had 101 levels.

use super::source::{Encoding, SourceFile};
use super::syntax::Tree;

/// The grammar's scanner takes quadratic time over runs of comment lines, with blank lines among them or without: 2,000
/// take 80 ms, 20,000 take 7 s. In 65,000 real files the longest has 538.
const COMMENT_LINES: usize = 2_000;
/// The same holds for lines that hold nothing but a backslash.
const CONTINUATION_LINES: usize = 1_000;
/// The second parser's tree is dropped by recursion, which needs about 500 bytes of stack a level.
const DEPTH: usize = 1_000;
/// Pieces of text that the grammar cannot place lie flat side by side, whatever they would mean: the second parser may see
/// one level for each (a hundred thousand open brackets), and a query takes quadratic time over them.
const UNPLACED: usize = 2_000;

/// What can be seen without parsing. The error is the reason.
pub fn before_parsing(code: &str) -> Result<(), String> {
    // Of few lines, not too many can be comments.
    if memchr::memchr_iter(b'\n', code.as_bytes()).count() < CONTINUATION_LINES {
        return Ok(());
    }
    let (mut comments, mut continuations) = (0, 0);
    for (number, line) in code.as_bytes().split(|&byte| byte == b'\n').enumerate() {
        match line.trim_ascii() {
            b"" => continue,
            b"\\" => continuations += 1,
            line if line.first() == Some(&b'#') => comments += 1,
            _ => (comments, continuations) = (0, 0),
        }
        if comments > COMMENT_LINES {
            return Err(format!("more than {COMMENT_LINES} comment lines in a row up to line {}", number + 1));
        }
        if continuations > CONTINUATION_LINES {
            return Err(format!("more than {CONTINUATION_LINES} continuation lines in a row up to line {}", number + 1));
        }
    }
    Ok(())
}

/// What the tree shows. The error is the reason.
pub fn after_parsing(tree: &Tree, source: &SourceFile) -> Result<(), String> {
    if tree.depth() > DEPTH {
        return Err(format!("nested deeper than {DEPTH} levels"));
    }
    let mut unplaced = 0;
    for error in tree.errors() {
        unplaced += error.children().count();
        if unplaced > UNPLACED {
            let line = source.line(error.start()) + 1;
            return Err(format!("syntax error at line {line}: more than {UNPLACED} pieces of text that are not Python"));
        }
    }
    if matches!(source.encoding(), Encoding::Utf8 { .. }) {
        return Ok(());
    }
    // In a single-byte encoding the parsers see a stand-in for each letter that is not ASCII. In strings and comments
    // that does not matter; two different names would look the same.
    let blind = |node: super::syntax::Node<'_>| node.is("identifier") && !source.is_exact(node.range());
    if let Some(name) = tree.root().descendants().find(|&node| blind(node)) {
        let line = source.line(name.start()) + 1;
        return Err(format!("a name on line {line} has letters outside ASCII; convert the file to UTF-8"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_are_turned_away() {
        assert!(before_parsing(&"# a\n".repeat(2_001)).expect_err("too many").contains("comment lines"));
        assert!(before_parsing(&"\\\n".repeat(1_001)).expect_err("too many").contains("continuation lines"));
        assert!(before_parsing(&"# a\n \x0c\n".repeat(2_001)).expect_err("too many").contains("comment lines"));
        assert!(before_parsing(&"\\\n# a\n".repeat(1_001)).expect_err("too many").contains("continuation lines"));
        assert_eq!(before_parsing(&"# a\n\nx\n".repeat(5_000)), Ok(()));
        let deep = format!("x = {}1{}\n", "(".repeat(1_000), ")".repeat(1_000));
        let source = SourceFile::new(deep.into_bytes()).expect("text");
        assert!(after_parsing(&Tree::parse(source.code()), &source).expect_err("too deep").contains("nested"));
        for piece in ["(", "not ", "lambda: ", "- "] {
            let open = format!("x = 1\ny = {}$\n", piece.repeat(3_000));
            let source = SourceFile::new(open.into_bytes()).expect("text");
            let why = after_parsing(&Tree::parse(source.code()), &source).expect_err(piece);
            assert!(why.starts_with("syntax error at line "), "{piece}: {why}");
        }
    }

    #[test]
    fn names_that_cannot_be_told_apart_are_turned_away() {
        let verdict = |bytes: &[u8]| {
            let source = SourceFile::new(bytes.to_vec()).expect("text");
            after_parsing(&Tree::parse(source.code()), &source)
        };
        assert_eq!(verdict(b"# coding: latin-1\ns = '\xe9'  # \xe8\n"), Ok(()));
        assert!(verdict(b"# coding: latin-1\n\xe9 = 1\n").expect_err("a name").contains("line 2"));
    }
}
