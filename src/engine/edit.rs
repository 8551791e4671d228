//! Edits, and the Python-aware verbs that make them.

use std::ops::Range;

use super::source::SourceFile;
use super::syntax::Node;

/// Bytes out, bytes in.
///
/// Text copied from the file is copied as bytes, because the file may be in a single-byte encoding. A bare `\n` in
/// `text` becomes the line end that the file uses where the edit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Half-open byte range that is replaced; empty for an insertion.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub text: Vec<u8>,
}

impl Edit {
    /// Replaces `range` by `text`.
    pub fn replace(range: Range<usize>, text: impl Into<Vec<u8>>) -> Self {
        Self { range, text: text.into() }
    }

    /// Puts `text` before the byte at `offset`.
    pub fn insert(offset: usize, text: impl Into<Vec<u8>>) -> Self {
        Self { range: offset..offset, text: text.into() }
    }

    /// The same edit with the line ends of the place where it stands.
    #[must_use]
    pub fn with_newlines_of(self, source: &SourceFile) -> Self {
        let newline = source.newline_at(self.range.start);
        if newline == "\n" || !self.text.contains(&b'\n') {
            return self;
        }
        let mut text = Vec::with_capacity(self.text.len() + 16);
        for line in self.text.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(body) => {
                    text.extend(body.strip_suffix(b"\r").unwrap_or(body));
                    text.extend(newline.as_bytes());
                }
                None => text.extend(line),
            }
        }
        Self { text, ..self }
    }
}

/// The bytes after `edits`, which are sorted and do not overlap.
pub fn apply(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        out.extend(&bytes[at..edit.range.start]);
        out.extend(&edit.text);
        at = edit.range.end;
    }
    out.extend(&bytes[at..]);
    out
}

/// The white space of a function's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyIndent {
    /// In front of the statements of the body.
    pub body: String,
    /// What one level more adds.
    pub unit: String,
}

impl BodyIndent {
    /// Reads it off the body, or off the code around when the body stands on the line of its `def`.
    pub fn of(source: &SourceFile, function: Node<'_>) -> Self {
        let outer = source.indent(function.start());
        if let Some(first) = body_block(function).and_then(|body| body.named_children().next())
            && !is_on_header_line(source, function)
        {
            let body = source.indent(first.start());
            let unit = body.strip_prefix(outer).filter(|unit| !unit.is_empty());
            return Self { body: body.to_string(), unit: unit.map_or_else(|| unit_around(source, function), str::to_string) };
        }
        let unit = unit_around(source, function);
        Self { body: format!("{outer}{unit}"), unit }
    }
}

/// One level of indentation where a node stands: what its own block adds, else the first block of the file that stands on
/// lines of its own, else four spaces.
fn unit_around(source: &SourceFile, node: Node<'_>) -> String {
    let added = |block: Node<'_>| {
        let owner = block.parent()?;
        let first = block.named_children().next()?;
        let inner = source.indent(first.start()).strip_prefix(source.indent(owner.start()))?;
        let own_line = source.line(first.start()) != source.line(owner.start());
        (own_line && !inner.is_empty()).then(|| inner.to_string())
    };
    let enclosing = node.ancestors().find(|around| around.is("block")).and_then(added);
    let any = || node.tree().root().descendants().filter(|block| block.is("block")).find_map(added);
    enclosing.or_else(any).unwrap_or_else(|| "    ".to_string())
}

fn body_block(function: Node<'_>) -> Option<Node<'_>> {
    function.child("body").filter(|body| body.is("block"))
}

/// The colon that ends the header of a function.
fn header_end(function: Node<'_>) -> Option<Node<'_>> {
    function.children().take_while(|child| child.field() != Some("body")).filter(|child| child.is(":")).last()
}

/// `def f(): return`, also with a line continuation behind the colon.
fn is_on_header_line(source: &SourceFile, function: Node<'_>) -> bool {
    let first = body_block(function).and_then(|body| body.named_children().next());
    let (Some(colon), Some(first)) = (header_end(function), first) else { return false };
    let mut between = function.children().filter(|child| colon.end() <= child.start() && child.end() <= first.start());
    source.line(colon.start()) == source.line(first.start()) || between.any(|child| child.is("line_continuation"))
}

/// The docstring of a function: its first statement, when that is nothing but text. It may be in parentheses and in pieces;
/// f-strings and bytes are no docstrings.
pub fn docstring(function: Node<'_>) -> Option<Node<'_>> {
    let first = body_block(function)?.named_children().next()?;
    let value = first.is("expression_statement").then(|| first.only_child()).flatten()?.unparenthesized();
    let pieces: Vec<_> = match value.kind() {
        "string" => vec![value],
        "concatenated_string" => value.named_children().collect(),
        _ => return None,
    };
    let is_text = |piece: &Node<'_>| {
        let prefix = piece.text().split(['"', '\'']).next().unwrap_or_default();
        piece.is("string") && !prefix.contains(['f', 'F', 'b', 'B', 't', 'T'])
    };
    pieces.iter().all(is_text).then_some(first)
}

/// Puts statements at the top of a function's body: below a `# type: (..) -> ..` comment, the docstring with the blank lines
/// behind it, and those statements next in line for which `stays_above` holds; above everything else, comments included.
///
/// `lines` are whole lines in the indentation of [`BodyIndent`]. A body on the line of its `def` is opened into a block, and a
/// comment behind it stays on the line of the `def`. A docstring that shares its line with the next statement gets a
/// line of its own. A nested function or class keeps a blank line above it. `None` when the function has no body.
pub fn insert_at_top<'t>(
    source: &SourceFile,
    function: Node<'t>,
    stays_above: impl Fn(Node<'t>) -> bool,
    lines: &[u8],
) -> Option<Edit> {
    let statements: Vec<Node<'t>> = body_block(function)?.named_children().collect();
    let documented = usize::from(docstring(function).is_some());
    let above = documented + statements[documented..].iter().take_while(|statement| stays_above(**statement)).count();
    if is_on_header_line(source, function) {
        return open_body(source, function, &statements, above, lines);
    }
    let indent = source.indent(statements.first()?.start());
    let (last, next) = (above.checked_sub(1).map(|index| statements[index]), statements.get(above));
    let offset = match (last, next) {
        (Some(last), Some(next)) if source.line(last.end()) == source.line(next.start()) => {
            // Have: """Docstring."""; statement
            return Some(Edit::replace(last.end()..next.start(), [b"\n", lines, indent.as_bytes()].concat()));
        }
        (Some(last), None) => {
            let end = source.line_end(last.end());
            let ends_line = source.code()[..end].ends_with('\n');
            let text = if ends_line { lines.to_vec() } else { [b"\n", lines.strip_suffix(b"\n").unwrap_or(lines)].concat() };
            return Some(Edit::insert(end, text));
        }
        (Some(last), Some(_)) => {
            let mut line = source.line(last.end()) + 1;
            while above == documented && source.code()[source.line_range(line)].trim().is_empty() {
                line += 1;
            }
            source.line_range(line).start
        }
        (None, _) => {
            let colon = header_end(function)?;
            let comments = function.children().filter(|child| child.is("comment") && child.start() > colon.start());
            let header = comments.take_while(|comment| {
                source.line(comment.start()) == source.line(colon.start()) || is_signature_comment(*comment)
            });
            source.line_end(header.last().unwrap_or(colon).end())
        }
    };
    let is_definition = |node: &&Node<'_>| node.is_any(&["function_definition", "class_definition", "decorated_definition"]);
    let line = &source.code()[offset..source.line_end(offset)];
    if next.as_ref().is_some_and(is_definition) && !line.trim().is_empty() {
        // The indentation is part of the edit, so that of several such edits each round applies one: the second one meets
        // the blank line and makes no other.
        let white = offset..offset + line.len() - line.trim_start_matches([' ', '\t', '\x0c']).len();
        return Some(Edit::replace(white.clone(), [lines, b"\n", &source.bytes()[white]].concat()));
    }
    Some(Edit::insert(offset, lines))
}

/// `# type: (int) -> str`, which must be the first line of the body.
pub fn is_signature_comment(comment: Node<'_>) -> bool {
    let text = comment.text().trim_start_matches('#').trim_start();
    text.strip_prefix("type:").is_some_and(|kind| kind.trim_start().starts_with('('))
}

/// Each statement of a body on the line of its `def` gets its own line.
fn open_body(source: &SourceFile, function: Node<'_>, statements: &[Node<'_>], above: usize, lines: &[u8]) -> Option<Edit> {
    let (colon, body) = (header_end(function)?, body_block(function)?);
    let indent = BodyIndent::of(source, function).body;
    let last = statements.last()?;
    let comment = body
        .parent()?
        .descendants()
        .find(|node| node.is("comment") && node.start() >= last.end() && source.line(node.start()) == source.line(last.end()));
    let comment = comment.or_else(|| {
        let mut behind = function.and_ancestors().filter_map(Node::next_sibling);
        behind.find(|node| node.is("comment") && source.line(node.start()) == source.line(last.end()))
    });
    // With CRLF line ends the grammar takes the carriage return for a part of the comment.
    let comment_end = comment.map(|comment| comment.start() + comment.text().trim_end().len());
    let mut text = Vec::new();
    if let (Some(comment), Some(end)) = (comment, comment_end) {
        let semicolon = source.code()[last.end()..comment.start()].rfind(';').map_or(0, |at| at + 1);
        text.extend(&source.bytes()[last.end() + semicolon..end]);
    }
    for (index, statement) in statements.iter().enumerate() {
        text.push(b'\n');
        if index == above {
            text.extend(lines);
        }
        text.extend(indent.as_bytes());
        text.extend(&source.bytes()[statement.range()]);
    }
    if above == statements.len() {
        text.push(b'\n');
        text.extend(lines.strip_suffix(b"\n").unwrap_or(lines));
    }
    let end = comment_end.unwrap_or_else(|| body.end().max(last.end()));
    Some(Edit::replace(colon.end()..end, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::syntax::Tree;

    #[test]
    fn insertions_take_the_line_end_of_their_place() {
        let source = SourceFile::new(b"a\r\nb\nc".to_vec()).expect("text");
        let text = |at: usize| Edit::insert(at, "x\ny\r\nz").with_newlines_of(&source).text;
        assert_eq!(text(0), b"x\r\ny\r\nz");
        assert_eq!(text(3), b"x\ny\r\nz");
    }

    #[test]
    fn edits_are_applied_in_order() {
        let edits = [Edit::insert(0, "<"), Edit::replace(1..3, "-"), Edit::insert(4, "("), Edit::insert(4, ")")];
        assert_eq!(apply(b"abcd", &edits), b"<a-d()");
    }

    #[track_caller]
    fn guarded(before: &str, after: &str) {
        let source = SourceFile::new(before.into()).expect("text");
        let tree = Tree::parse(source.code());
        let function = tree.root().descendants().find(|node| node.is("function_definition")).expect("a function");
        let indent = BodyIndent::of(&source, function);
        let lines = format!("{}if g:\n{}{}h\n", indent.body, indent.body, indent.unit);
        let edit = insert_at_top(&source, function, |node| node.text().starts_with("stay"), lines.as_bytes());
        let text = apply(before.as_bytes(), &[edit.expect("a body").with_newlines_of(&source)]);
        assert_eq!(String::from_utf8_lossy(&text), after);
    }

    #[test]
    fn statements_go_below_the_docstring_and_above_the_rest() {
        guarded("def f():\n  # why\n  x\n", "def f():\n  if g:\n    h\n  # why\n  x\n");
        guarded("def f():\n\t'd'\n\n\tx\n", "def f():\n\t'd'\n\n\tif g:\n\t\th\n\tx\n");
        guarded("def f():\n  'd'; x\n", "def f():\n  'd'\n  if g:\n    h\n  x\n");
        guarded("def f():\r\n  ('d'\r\n 'e')  # e\r\n  x", "def f():\r\n  ('d'\r\n 'e')  # e\r\n  if g:\r\n    h\r\n  x");
        guarded("def f():\n  stay\n  stay\n\n  x\n", "def f():\n  stay\n  stay\n  if g:\n    h\n\n  x\n");
        guarded("def f():\n  'd'\n  stay", "def f():\n  'd'\n  stay\n  if g:\n    h");
        guarded(
            "def f():  # a\n  # type: () -> int\n  # b\n  x\n",
            "def f():  # a\n  # type: () -> int\n  if g:\n    h\n  # b\n  x\n",
        );
        guarded("def f():\n\n  x\n", "def f():\n  if g:\n    h\n\n  x\n");
        guarded("def f():\n  class A: pass\n", "def f():\n  if g:\n    h\n\n  class A: pass\n");
        guarded("def f():\n  f'd'\n", "def f():\n  if g:\n    h\n  f'd'\n");
    }

    #[test]
    fn bodies_on_the_line_of_the_def_are_opened() {
        guarded("def f(): x; y;\n", "def f():\n    if g:\n        h\n    x\n    y\n");
        guarded("def f(): 'd'; x  # c\n", "def f():  # c\n    'd'\n    if g:\n        h\n    x\n");
        guarded("def f(): x  # c\r\ny\r\n", "def f():  # c\r\n    if g:\r\n        h\r\n    x\r\ny\r\n");
        guarded("def f(): x; # c", "def f(): # c\n    if g:\n        h\n    x");
        guarded("def f(): 'd'", "def f():\n    'd'\n    if g:\n        h");
        guarded("def f(): \\\n  x\n", "def f():\n  if g:\n    h\n  x\n");
        guarded("class A:\n\tdef f(s): x\n", "class A:\n\tdef f(s):\n\t\tif g:\n\t\t\th\n\t\tx\n");
        guarded("class A:\n  def f(s): x  # c\n  y = 1\n", "class A:\n  def f(s):  # c\n    if g:\n      h\n    x\n  y = 1\n");
    }
}
