//! What must hold of new text before anyone may write it.
//!
//! tree-sitter repairs what it does not understand, so a second, independent parser has the last word: of 60
//! deliberately broken snippets tree-sitter accepts 33.

use std::ops::Range;

use ruff_python_ast::PythonVersion as Version;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_parser::{Mode, ParseOptions, Parsed, UnsupportedSyntaxErrorKind, parse_unchecked};
use ruff_text_size::Ranged;
use rustc_hash::{FxHashMap, FxHashSet};

use super::deadline;
use super::origin::{Change, Origin};
use super::source::SourceFile;
use super::syntax::{Node, Tree};
use super::version::PythonVersion;

/// What the second parser says about a text.
pub struct Reading<'s> {
    source: &'s SourceFile,
    parsed: Parsed<ruff_python_ast::Mod>,
}

impl<'s> Reading<'s> {
    /// Reads a text as the target version would.
    pub fn new(source: &'s SourceFile, target: PythonVersion) -> Self {
        let options = ParseOptions::from(Mode::Module).with_target_version(Version { major: 3, minor: target.minor });
        Self { source, parsed: parse_unchecked(&source.code()[source.start()..], options) }
    }

    /// The first syntax error: zero-based line and what is wrong.
    pub fn error(&self) -> Option<(usize, String)> {
        let line = |at: usize| self.source.line((self.source.start() + at).min(self.source.bytes().len()));
        if let Some(error) = self.parsed.errors().first() {
            return Some((line(error.location.start().to_usize()), error.error.to_string()));
        }
        // `except ValueError, e:` of Python 2 is two exceptions for Python 3.14 (PEP 758), and nothing for those between.
        let newer = self.parsed.unsupported_syntax_errors();
        let old = newer.iter().find(|error| error.kind == UnsupportedSyntaxErrorKind::UnparenthesizedExceptionTypes)?;
        Some((line(old.range.start().to_usize()), "several exceptions without parentheses, as in Python 2".to_owned()))
    }

    fn unsupported(&self) -> usize {
        self.parsed.unsupported_syntax_errors().len()
    }

    fn range(&self, token: &Token) -> Range<usize> {
        let range = token.range();
        let start = self.source.start();
        start + range.start().to_usize()..start + range.end().to_usize()
    }

    fn text(&self, token: &Token) -> &'s str {
        &self.source.code()[self.range(token)]
    }

    /// Texts of the tokens of all logical lines that are not edited, without comments, which are counted elsewhere. Indents
    /// carry no text of their own: the bytes outside an edit are the same by construction.
    fn tokens_outside(&self, edits: &[Edited]) -> Vec<&'s str> {
        let mut kept = Vec::new();
        let mut line: Vec<&'s str> = Vec::new();
        let mut start = None;
        for token in self.parsed.tokens() {
            let range = self.range(token);
            match token.kind() {
                TokenKind::Newline | TokenKind::EndOfFile => {
                    deadline::check_seldom();
                    // Blank lines and comments above a statement are none of its own: a fix may stand among them.
                    let start = start.take().unwrap_or(range.start);
                    let line_range = start..range.end;
                    if !around(edits, &line_range).any(|edit| edit.touches(&line_range)) {
                        kept.append(&mut line);
                    }
                    line.clear();
                }
                TokenKind::Indent | TokenKind::Dedent | TokenKind::NonLogicalNewline | TokenKind::Comment => {}
                _ => {
                    start.get_or_insert_with(|| self.source.line_start(range.start).max(self.source.start()));
                    line.push(self.text(token));
                }
            }
        }
        kept
    }

    /// Texts of all comments, and of all strings that no edit replaced or wrote, sorted.
    fn comments_and_strings(&self, edits: &[Edited]) -> (Vec<String>, Vec<String>) {
        let (mut comments, mut strings) = (Vec::new(), Vec::new());
        for token in self.parsed.tokens() {
            let range = self.range(token);
            match token.kind() {
                TokenKind::Comment => comments.push(self.text(token).trim_end().to_string()),
                TokenKind::String | TokenKind::FStringMiddle | TokenKind::TStringMiddle
                    if !around(edits, &range).any(|edit| edit.meets(&range)) =>
                {
                    strings.push(self.text(token).replace("\r\n", "\n"));
                }
                _ => {}
            }
        }
        comments.sort();
        strings.sort();
        (comments, strings)
    }
}

/// What a tree alone can show: no text that the grammar does not expect beyond what was there, no empty block, and all
/// statements of a block in one column. The error names the check that failed.
pub fn structure(before: &Tree, after: &Tree, source: &SourceFile) -> Result<(), String> {
    if after.errors().count() > before.errors().count() {
        return Err("the result is no valid Python".to_string());
    }
    if after.root().descendants().any(|node| node.is("block") && node.range().is_empty()) && before.errors().count() == 0 {
        return Err("a block of the result is empty".to_string());
    }
    let uneven =
        after.root().and_descendants().filter(|node| node.is_any(&["module", "block"])).any(|block| !is_even(block, source));
    if uneven && before.errors().count() == 0 {
        return Err("the statements of a block of the result stand in different columns".to_string());
    }
    Ok(())
}

fn is_even(block: Node<'_>, source: &SourceFile) -> bool {
    let mut indents = block
        .named_children()
        .filter(|statement| source.code()[source.line_start(statement.start())..statement.start()].trim().is_empty())
        .map(|statement| source.indent(statement.start()));
    let Some(first) = indents.next() else { return true };
    indents.all(|indent| indent == first)
}

/// Everything else that must hold between the original and the result. The error names the check that failed.
pub fn whole(before: &SourceFile, after: &SourceFile, origin: &Origin, target: PythonVersion) -> Result<(), String> {
    let old = Reading::new(before, target);
    let new = Reading::new(after, target);
    if let Some((line, error)) = new.error() {
        return Err(format!("the second parser rejects line {} of the result: {error}", line + 1));
    }
    if new.unsupported() > old.unsupported() {
        return Err(format!("the result needs a newer Python than {target}"));
    }
    // A line that goes and the indent of the next one that comes meet in one change, and are two for the lines.
    let changes: Vec<Change> =
        origin.changes(before.bytes().len(), after.bytes().len()).into_iter().flat_map(Change::parts).collect();
    let old_edits: Vec<_> = changes.iter().map(|c| Edited::new(before, &c.original, after, &c.now)).collect();
    let new_edits: Vec<_> = changes.iter().map(|c| Edited::new(after, &c.now, before, &c.original)).collect();
    if old.tokens_outside(&old_edits) != new.tokens_outside(&new_edits) {
        return Err("code outside the edited statements would change".to_string());
    }
    let (old_comments, old_strings) = old.comments_and_strings(&old_edits);
    let (new_comments, new_strings) = new.comments_and_strings(&new_edits);
    if old_comments != new_comments {
        return Err("a comment would be lost or doubled".to_string());
    }
    if old_strings != new_strings {
        return Err("a string would change".to_string());
    }
    let (old_tree, new_tree) = (Tree::parse(before.code()), Tree::parse(after.code()));
    if misplaced_futures(&new_tree) > misplaced_futures(&old_tree) {
        return Err("`from __future__` would no longer come first".to_string());
    }
    if used_before_declared(&new_tree) > used_before_declared(&old_tree) {
        return Err("a name would be used before its `global` or `nonlocal`".to_string());
    }
    Ok(())
}

/// One side of a change.
struct Edited {
    range: Range<usize>,
    /// This side is empty and the other side is whole lines: no line of this side is any other for it.
    between_lines: bool,
    at_open_end: bool,
}

impl Edited {
    fn new(here: &SourceFile, range: &Range<usize>, there: &SourceFile, other: &Range<usize>) -> Self {
        let at = range.start;
        let ends_line = |text: &[u8]| text.last().is_none_or(|byte| matches!(byte, b'\n' | b'\r'));
        Self {
            range: range.clone(),
            between_lines: here.line_start(at).max(here.start()) == at && ends_line(&there.bytes()[other.clone()]),
            at_open_end: at == here.bytes().len() && !ends_line(here.bytes()),
        }
    }

    fn meets(&self, range: &Range<usize>) -> bool {
        self.range.start < range.end && range.start < self.range.end
    }

    /// Whether the change is one of this logical line, which reaches from the start of its first line to its line end.
    fn touches(&self, line: &Range<usize>) -> bool {
        if !self.range.is_empty() {
            return self.meets(line);
        }
        let at = self.range.start;
        !self.between_lines && line.start <= at && (at < line.end || self.at_open_end && at == line.end)
    }
}

/// The edits that meet a range or touch its ends. Edits follow each other, as [`Origin::changes`] gives them.
fn around<'e>(edits: &'e [Edited], range: &Range<usize>) -> impl Iterator<Item = &'e Edited> {
    let (start, end) = (range.start, range.end);
    let first = edits.partition_point(|edit| edit.range.end < start);
    edits[first..].iter().take_while(move |edit| edit.range.start <= end)
}

/// How many `from __future__` imports do not come first (only a docstring and other such imports may precede one).
fn misplaced_futures(tree: &Tree) -> usize {
    let mut count = 0;
    let mut open = true;
    for (index, statement) in tree.root().named_children().enumerate() {
        let is_docstring = index == 0
            && statement.is("expression_statement")
            && statement.only_child().is_some_and(|e| e.is_any(&["string", "concatenated_string"]));
        match statement.is("future_import_statement") {
            true if !open => count += 1,
            true => {}
            false if is_docstring => {}
            false => open = false,
        }
    }
    count
}

/// How many names are mentioned in a function above their `global` or `nonlocal` declaration.
fn used_before_declared(tree: &Tree) -> usize {
    let declarations = ["global_statement", "nonlocal_statement"];
    let mut scopes: Vec<Node<'_>> =
        declarations.iter().flat_map(|kind| tree.of_kind(kind)).map(Node::enclosing_definition).collect();
    scopes.sort();
    scopes.dedup();
    let mut count = 0;
    for scope in scopes {
        let Some(body) = scope.child("body").or_else(|| scope.is("module").then_some(scope)) else { continue };
        let mut mentions: FxHashMap<&str, usize> = FxHashMap::default();
        for node in body.walk(|node| node != body && node.is_any(&["function_definition", "lambda", "class_definition"])) {
            if node.is_any(&declarations) {
                let names = node.named_children().map(Node::text).collect::<FxHashSet<_>>();
                count += names.into_iter().filter_map(|name| mentions.get(name)).sum::<usize>();
            } else if node.is("identifier") && !is_declared(node) {
                *mentions.entry(node.text()).or_default() += 1;
            }
        }
    }
    count
}

fn is_declared(name: Node<'_>) -> bool {
    name.field() == Some("attribute") || name.parent().is_some_and(|p| p.is_any(&["global_statement", "nonlocal_statement"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::edit::Edit;

    #[track_caller]
    fn verdict(before: &str, edits: &[Edit]) -> Result<(), String> {
        let old = SourceFile::new(before.into()).expect("text");
        let mut text = before.to_string();
        for edit in edits.iter().rev() {
            text.replace_range(edit.range.clone(), std::str::from_utf8(&edit.text).expect("text"));
        }
        let new = SourceFile::new(text.into()).expect("text");
        let origin = Origin::untouched(before.len()).after(edits);
        structure(&Tree::parse(old.code()), &Tree::parse(new.code()), &new)?;
        whole(&old, &new, &origin, PythonVersion::DEFAULT)
    }

    #[test]
    fn good_edits_pass() {
        let text = "def f(a=[]):\n    # why\n    return a\n\n\nx = 1\n";
        assert_eq!(
            verdict(text, &[Edit::replace(8..10, "None"), Edit::insert(13, "    if a is None:\n        a = []\n")]),
            Ok(())
        );
        assert_eq!(verdict("x = 1\n", &[Edit::insert(0, "import a\n")]), Ok(()));
        assert_eq!(verdict("def f(a: 'list' = 1): pass\n", &[Edit::replace(9..15, "'list | None'")]), Ok(()));
    }

    #[test]
    fn bad_edits_do_not() {
        let refused = |before: &str, edit: Edit| verdict(before, &[edit]).expect_err("refused");
        assert!(refused("x = 1\n", Edit::insert(5, " + =")).contains("valid Python"));
        assert!(refused("if x:\n    y = 1\n    z = 2\n", Edit::insert(6, "  ")).contains("column"));
        assert!(refused("x = 1  # why\n", Edit::replace(5..12, "")).contains("comment"));
        assert!(refused("x = 1\n", Edit::insert(0, "def f():\n")).contains("empty"));
        assert!(refused("x = 1\n", Edit::insert(5, "\nf(a=1, 2)")).contains("second parser"));
        assert!(refused("from __future__ import annotations\n", Edit::insert(0, "import a\n")).contains("__future__"));
        assert!(refused("def f():\n    global x\n    x = 1\n", Edit::insert(9, "    print(x)\n")).contains("global"));
    }

    #[test]
    fn a_line_that_swallows_the_next_is_seen() {
        // The second line becomes part of the first one's bracket, and both parsers are content.
        let swallowed = verdict("f(1)\n(2)\n", &[Edit::replace(3..4, " +\\")]);
        assert!(swallowed.is_err(), "{swallowed:?}");
        // Whole lines may come and go between others, also at the end of a file without a final line end.
        assert_eq!(verdict("a\nb\nc\n", &[Edit::replace(2..4, "")]), Ok(()));
        assert_eq!(verdict("a\nb", &[Edit::insert(3, "\nc")]), Ok(()));
    }
}
